/*
 * tests/test-plugin-seccomp.c - the BPF machine of plugin/seccomp.h: what it answers must be what
 * the kernel does, so each program is also installed in a child that makes the system call.
 */
#include <errno.h>
#include <glib.h>
#include <linux/audit.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvm/arch.h"
#include "plugin/seccomp.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define JUMP(op, k, t, f) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, t, f)
#define ALU(op, k) BPF_STMT(BPF_ALU | (op) | BPF_K, k)
#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))

typedef struct Case {
	const char *name;
	uint32_t want;
	unsigned len;
	struct sock_filter filter[16];
} Case;

/* The system call that is tried is getppid, with 7 as its second argument. */
static const Case cases[] = {
	{"allow", SECCOMP_RET_ALLOW, 1, {RETURN(SECCOMP_RET_ALLOW)}},
	{"errno", ERRNO(3), 1, {RETURN(ERRNO(3))}},
	{"number",
	 ERRNO(4),
	 4,
	 {LOAD(nr), JUMP(BPF_JEQ, SYS_getppid, 0, 1), RETURN(ERRNO(4)), RETURN(SECCOMP_RET_ALLOW)}},
	{"argument",
	 ERRNO(5),
	 4,
	 {LOAD(args[1]), JUMP(BPF_JSET, 4, 0, 1), RETURN(ERRNO(5)), RETURN(SECCOMP_RET_ALLOW)}},
	{"greater",
	 SECCOMP_RET_ALLOW,
	 4,
	 {LOAD(args[1]), JUMP(BPF_JGT, 7, 0, 1), RETURN(ERRNO(6)), RETURN(SECCOMP_RET_ALLOW)}},
	{"greater-or-equal",
	 ERRNO(7),
	 4,
	 {LOAD(args[1]), JUMP(BPF_JGE, 7, 0, 1), RETURN(ERRNO(7)), RETURN(SECCOMP_RET_ALLOW)}},
	{"arithmetic",
	 ERRNO(8),
	 12,
	 {LOAD(args[1]), ALU(BPF_MUL, 6), ALU(BPF_ADD, 3), ALU(BPF_SUB, 5), ALU(BPF_DIV, 2),
	  ALU(BPF_OR, 1), ALU(BPF_XOR, 2), ALU(BPF_AND, 31), ALU(BPF_LSH, 1),
	  JUMP(BPF_JEQ, 46, 0, 1), RETURN(ERRNO(8)), RETURN(ERRNO(9))}},
	{"scratch memory and x",
	 ERRNO(10),
	 8,
	 {LOAD(args[1]), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_IMM, 1),
	  BPF_STMT(BPF_LDX | BPF_MEM, 3), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	  JUMP(BPF_JEQ, 8, 0, 1), RETURN(ERRNO(10)), RETURN(ERRNO(11))}},
	{"tax, txa and a jump",
	 ERRNO(12),
	 7,
	 {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_MISC | BPF_TAX, 0),
	  BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0),
	  BPF_STMT(BPF_JMP | BPF_JA, 1), RETURN(ERRNO(13)), RETURN(ERRNO(12))}},
};

static uint32_t ask(const Case *c)
{
	struct sock_fprog prog = {c->len, (struct sock_filter *)c->filter};
	struct seccomp_data data = {.nr = SYS_getppid, .args = {0, 7}};

	return seccomp_run(&prog, &data);
}

static void test_answers(gconstpointer data)
{
	const Case *c = data;

	g_assert_cmphex(ask(c), ==, c->want);
}

/* The child's status: 0 when the call was allowed, else its errno; 99: no filters here. */
static int try_in_child(const Case *c)
{
	struct sock_fprog prog = {c->len, (struct sock_filter *)c->filter};
	/* _exit() must be let through whatever the program says. */
	struct sock_filter exits[] = {LOAD(nr), JUMP(BPF_JEQ, SYS_getppid, 1, 0),
				      RETURN(SECCOMP_RET_ALLOW)};
	struct sock_filter whole[G_N_ELEMENTS(exits) + G_N_ELEMENTS(c->filter)];
	pid_t child = fork();
	int status;

	if (child == 0) {
		for (unsigned i = 0; i < G_N_ELEMENTS(exits); i++)
			whole[i] = exits[i];
		for (unsigned i = 0; i < c->len; i++)
			whole[G_N_ELEMENTS(exits) + i] = c->filter[i];
		prog = (struct sock_fprog){G_N_ELEMENTS(exits) + c->len, whole};
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
			_exit(99);
		_exit(syscall(SYS_getppid, 0, 7) < 0 ? errno : 0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_as_the_kernel(gconstpointer data)
{
	const Case *c = data;
	int did = try_in_child(c);

	if (did == 99) {
		g_test_skip("no seccomp filters here");
		return;
	}
	g_assert_cmphex(ask(c), ==, did ? (uint32_t)ERRNO(did) : SECCOMP_RET_ALLOW);
}

/* What the kernel would not load is answered and does not harm. */
static void test_malformed(void)
{
	static const Case bad[] = {
		{"empty", 0, 0, {{0}}},
		{"falls off", 0, 1, {LOAD(nr)}},
		{"jumps out", 0, 2, {BPF_STMT(BPF_JMP | BPF_JA, 0xfffffff0), RETURN(0)}},
		{"loads beyond", 0, 2, {BPF_STMT(BPF_LD | BPF_ABS, 64), RETURN(0)}},
		{"loads far beyond", 0, 2, {BPF_STMT(BPF_LD | BPF_ABS, ~0u & ~3u), RETURN(0)}},
		{"loads unaligned", 0, 2, {BPF_STMT(BPF_LD | BPF_ABS, 2), RETURN(0)}},
		{"stores beyond", 0, 2, {BPF_STMT(BPF_ST, 16), RETURN(0)}},
		{"reads beyond", 0, 2, {BPF_STMT(BPF_LD | BPF_MEM, 16), RETURN(0)}},
		{"divides by 0", 0, 2, {ALU(BPF_DIV, 0), RETURN(0)}},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_test_message("%s", bad[i].name);
		g_assert_cmphex(ask(&bad[i]), ==, SECCOMP_RET_KILL_PROCESS);
	}
}

static void test_forbids(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		JUMP(BPF_JEQ, SYS_accept4, 0, 1),
		RETURN(SECCOMP_RET_TRAP),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {G_N_ELEMENTS(filter), filter};

	g_assert_cmpstr(seccomp_forbids(&prog), ==, "accept4");
	filter[1].k = SYS_getppid;
	g_assert_null(seccomp_forbids(&prog));
	/* Logged only is allowed. */
	filter[3].k = SECCOMP_RET_LOG;
	g_assert_null(seccomp_forbids(&prog));
}

/* Forbids one system call, or the request @arg1 of it if that is not 0. */
static const char *forbids_one(int number, uint64_t arg1, uint32_t action)
{
	struct sock_filter filter[] = {
		LOAD(nr),	JUMP(BPF_JEQ, number, 0, 3),
		LOAD(args[1]),	JUMP(BPF_JEQ, arg1, 0, arg1 ? 1 : 0),
		RETURN(action), RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {G_N_ELEMENTS(filter), filter};

	return seccomp_forbids(&prog);
}

/* What starting the engine needs, and every request of this architecture's. */
static void test_needed(void)
{
	g_assert_cmpstr(forbids_one(SYS_clone3, 0, SECCOMP_RET_KILL_PROCESS), ==, "clone3");
	g_assert_cmpstr(forbids_one(SYS_eventfd2, 0, ERRNO(EPERM)), ==, "eventfd2");
	g_assert_cmpstr(forbids_one(SYS_mmap, 0, SECCOMP_RET_TRAP), ==, "mmap");
	g_assert_cmpstr(forbids_one(SYS_rseq, 0, SECCOMP_RET_KILL_PROCESS), ==, "rseq");
	g_assert_null(forbids_one(SYS_clone3, 0, ERRNO(ENOSYS)));
	g_assert_null(forbids_one(SYS_rseq, 0, ERRNO(ENOSYS)));
	g_assert_null(forbids_one(SYS_getppid, 0, SECCOMP_RET_KILL_PROCESS));
	for (const ArchRequest *one = arch_requests; one->name; one++)
		g_assert_cmpstr(forbids_one(SYS_ioctl, one->number, SECCOMP_RET_KILL_PROCESS), ==,
				one->name);
	g_assert_cmpstr(forbids_one(SYS_ioctl, KVM_RUN, SECCOMP_RET_KILL_PROCESS), ==, "KVM_RUN");
}

/* Filters begin by looking at the architecture: it must be the one of this program. */
static void test_architecture(void)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		JUMP(BPF_JSET, __AUDIT_ARCH_64BIT, 0, 1),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = {G_N_ELEMENTS(filter), filter};

	g_assert_null(seccomp_forbids(&prog));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path =
			g_strdup_printf("/plugin-seccomp/answers/%s", cases[i].name);
		g_autofree char *real = g_strdup_printf("/plugin-seccomp/kernel/%s", cases[i].name);

		g_test_add_data_func(path, &cases[i], test_answers);
		g_test_add_data_func(real, &cases[i], test_as_the_kernel);
	}
	g_test_add_func("/plugin-seccomp/malformed", test_malformed);
	g_test_add_func("/plugin-seccomp/forbids", test_forbids);
	g_test_add_func("/plugin-seccomp/needed", test_needed);
	g_test_add_func("/plugin-seccomp/architecture", test_architecture);
	return g_test_run();
}

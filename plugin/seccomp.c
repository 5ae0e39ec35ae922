/*
 * plugin/seccomp.c - classic BPF, as far as seccomp has it.
 */
#include "plugin/seccomp.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kvm/arch.h"

#define MEM_WORDS BPF_MEMWORDS

typedef struct Machine {
	const struct seccomp_data *data;
	uint32_t a, x, mem[MEM_WORDS];
} Machine;

static bool load(const Machine *m, const struct sock_filter *f, uint32_t *ret)
{
	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		if (f->k > sizeof(*m->data) - 4 || f->k % 4)
			return false;
		memcpy(ret, (const char *)m->data + f->k, 4);
		return true;
	case BPF_IMM:
		*ret = f->k;
		return true;
	case BPF_LEN:
		*ret = sizeof(*m->data);
		return true;
	case BPF_MEM:
		if (f->k >= MEM_WORDS)
			return false;
		*ret = m->mem[f->k];
		return true;
	default:
		return false;
	}
}

static bool compute(Machine *m, const struct sock_filter *f)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		m->a += b;
		break;
	case BPF_SUB:
		m->a -= b;
		break;
	case BPF_MUL:
		m->a *= b;
		break;
	case BPF_DIV:
		if (!b)
			return false;
		m->a /= b;
		break;
	case BPF_AND:
		m->a &= b;
		break;
	case BPF_OR:
		m->a |= b;
		break;
	case BPF_XOR:
		m->a ^= b;
		break;
	case BPF_LSH:
		m->a = b < 32 ? m->a << b : 0;
		break;
	case BPF_RSH:
		m->a = b < 32 ? m->a >> b : 0;
		break;
	case BPF_NEG:
		m->a = -m->a;
		break;
	default:
		return false;
	}
	return true;
}

/* How many instructions are skipped. */
static uint32_t jump(const Machine *m, const struct sock_filter *f)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
	bool taken = false;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		taken = m->a == b;
		break;
	case BPF_JGT:
		taken = m->a > b;
		break;
	case BPF_JGE:
		taken = m->a >= b;
		break;
	case BPF_JSET:
		taken = m->a & b;
		break;
	}
	return taken ? f->jt : f->jf;
}

/* One instruction that neither jumps nor returns; false: the kernel would not have loaded it. */
static bool step(Machine *m, const struct sock_filter *f)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		return load(m, f, &m->a);
	case BPF_LDX:
		return load(m, f, &m->x);
	case BPF_ST:
	case BPF_STX:
		if (f->k >= MEM_WORDS)
			return false;
		m->mem[f->k] = BPF_CLASS(f->code) == BPF_ST ? m->a : m->x;
		return true;
	case BPF_ALU:
		return compute(m, f);
	case BPF_MISC:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	default:
		return false;
	}
}

uint32_t seccomp_run(const struct sock_fprog *filter, const struct seccomp_data *data)
{
	Machine m = {.data = data};

	/* Jumps go forward only, so this ends. */
	for (uint64_t at = 0; at < filter->len; at++) {
		const struct sock_filter *f = &filter->filter[at];

		if (BPF_CLASS(f->code) == BPF_RET)
			return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
		if (BPF_CLASS(f->code) == BPF_JMP)
			at += jump(&m, f);
		else if (!step(&m, f))
			break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

static uint32_t ask(const struct sock_fprog *filter, int number, uint64_t arg0, uint64_t arg1)
{
	extern const Elf64_Ehdr __ehdr_start; /* this object's own: which machine we are */
	struct seccomp_data data = {
		.nr = number,
		.arch = __ehdr_start.e_machine | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE,
		.args = {arg0, arg1},
	};

	return seccomp_run(filter, &data);
}

static bool allows(const struct sock_fprog *filter, int number, uint64_t arg0, uint64_t arg1)
{
	uint32_t action = ask(filter, number, arg0, arg1) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* Where an error is as good: libc or the engine has another way then. */
static bool survives(const struct sock_fprog *filter, int number)
{
	uint32_t action = ask(filter, number, 0, 0) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ERRNO || allows(filter, number, 0, 0);
}

/*
 * A new thread: by clone3(), or by clone() where the filter says that the kernel has no clone3().
 */
static bool allows_threads(const struct sock_fprog *filter)
{
	uint32_t answer = ask(filter, SYS_clone3, 0, 0);

	return allows(filter, SYS_clone3, 0, 0) ||
	       (answer == (SECCOMP_RET_ERRNO | ENOSYS) && allows(filter, SYS_clone, 0, 0));
}

typedef struct Call {
	int number;
	const char *name;
	uint64_t arg0, arg1;
} Call;

#define CALL(name)                                                                                 \
	{                                                                                          \
		SYS_##name, #name, 0, 0                                                            \
	}

static const Call needed[] = {
	/* in the run hook, on vCPU threads */
	CALL(ppoll),
	CALL(futex),
	CALL(rt_sigprocmask),
	CALL(rt_sigaction),
	CALL(tgkill),
	CALL(gettid),
	CALL(getpid),
	CALL(read),
	CALL(write),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(mincore),
	/* in the server and its thread */
	CALL(mmap),
	CALL(munmap),
	CALL(mprotect),
	CALL(exit),
	{SYS_socket, "socket", AF_INET, SOCK_STREAM | SOCK_CLOEXEC},
	CALL(bind),
	CALL(listen),
	CALL(accept4),
	CALL(recvfrom),
	CALL(sendto),
	CALL(getsockname),
	CALL(getpeername),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(shutdown),
	CALL(eventfd2),
	CALL(signalfd4),
	CALL(fcntl),
	CALL(close),
	/* symbols, the log, what a descriptor is a duplicate of */
	CALL(openat),
	CALL(fstat),
	CALL(newfstatat),
	CALL(lseek),
	CALL(getdents64),
	CALL(kcmp),
};

/* libc and the engine go on when these fail. */
static const Call tried[] = {
	CALL(set_robust_list), CALL(rseq), CALL(madvise), CALL(prctl), CALL(sched_yield),
};

/* The architecture's. */
static const char *forbids_requests(const struct sock_fprog *filter)
{
	for (const ArchRequest *one = arch_syscalls; one->name; one++) {
		if (!allows(filter, one->number, 0, 0))
			return one->name;
	}
	for (const ArchRequest *one = arch_requests; one->name; one++) {
		if (!allows(filter, SYS_ioctl, 0, one->number))
			return one->name;
	}
	return NULL;
}

const char *seccomp_forbids(const struct sock_fprog *filter)
{
	if (!allows_threads(filter))
		return "clone3";
	for (unsigned i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (!allows(filter, needed[i].number, needed[i].arg0, needed[i].arg1))
			return needed[i].name;
	}
	for (unsigned i = 0; i < sizeof(tried) / sizeof(*tried); i++) {
		if (!survives(filter, tried[i].number))
			return tried[i].name;
	}
	return forbids_requests(filter);
}

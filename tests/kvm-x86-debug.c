/*
 * tests/kvm-x86-debug.c - traps, hardware points and the probe of kvm/arch.h on a real KVM.
 * What the probe does not find here is skipped with that reason. Steps: kvm-x86-step.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/probe.h"
#include "tests/x86-rig.h"

static ArchFeatures features; /* written once by main() */

/* Run into a handler; rip is behind its hlt. Returns the address of the frame (rip first). */
static uint64_t run_to_handler(Rig *rig, unsigned vector)
{
	struct kvm_regs regs;

	g_assert_cmpuint(rig_run(rig), ==, KVM_EXIT_HLT);
	regs = rig_regs(rig);
	g_assert_cmphex(regs.rip, ==, HANDLERS + 16 * vector + 1);
	return regs.rsp;
}

static ArchTrap run_to_trap(Rig *rig, const GdbBreak *points, unsigned n)
{
	g_assert_cmpuint(rig_run(rig), ==, KVM_EXIT_DEBUG);
	return arch_decode_trap(rig->vcpu, rig->run, points, n);
}

static void reinject(Rig *rig)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(arch_reinject(rig->vcpu, rig->run, &rig->memory, &error));
	g_assert_no_error(error);
	g_assert_false(arch_is_dirty(rig->vcpu));
}

/* ---- Software traps ---- */

static void test_sw_break(void)
{
	size_t len;
	const uint8_t *insn = arch_trap_insn(&len);
	ArchTrap trap;
	Rig rig;

	if (!rig_has(features.sw_break, "int3"))
		return;
	rig_open(&rig, BYTES("\x90\x90\xf4"), false);
	memcpy(rig.ram + CODE + 1, insn, len);
	rig_debug(&rig, arch_sw_control(), NULL);
	trap = run_to_trap(&rig, NULL, 0);
	g_assert_true(trap.insn);
	g_assert_false(trap.step);
	g_assert_cmpint(trap.point, ==, -1);
	g_assert_cmphex(rig_regs(&rig).rip, ==, CODE + 1);
	rig_close(&rig);
}

typedef struct OwnTrap {
	const char *name, *code;
	size_t len;
	unsigned vector;
	bool exits; /* with all debugging on, the trap comes to us first */
} OwnTrap;

static const OwnTrap own_traps[] = {
	{"int3", BYTES("\x90\xcc\x90\xf4"), 3, true},
	{"int3-prefix", BYTES("\x90\xf3\xcc\x90\xf4"), 3, true},
	{"int-3", BYTES("\x90\xcd\x03\x90\xf4"), 3, false},
	{"int-1", BYTES("\x90\xcd\x01\x90\xf4"), 1, false},
	{"icebp", BYTES("\x90\xf1\x90\xf4"), 1, true},
	{"icebp-twice", BYTES("\x90\xf1\xf1\x90\xf4"), 1, true},
	{"icebp-prefix", BYTES("\x90\x66\xf1\x90\xf4"), 1, true},
	/* pushf; orl $0x100, (%rsp); popf; nop: the guest steps itself */
	{"tf", BYTES("\x9c\x81\x0c\x24\x00\x01\x00\x00\x9d\x90\x90\xf4"), 1, true},
};

/* The guest's own trap, with every kind of debugging on, ends as it does without (T09). */
static void test_own_trap(const void *data)
{
	const OwnTrap *own = data;
	const GdbBreak elsewhere = {GDB_BREAK_HW, DATA, 1};
	struct kvm_debugregs want, got;
	uint64_t plain_frame, frame;
	Rig plain, rig;

	if (!rig_has(features.sw_break, "int3") ||
	    !rig_has(features.hw_break, "hardware breakpoints"))
		return;
	rig_open(&plain, own->code, own->len, false);
	plain_frame = run_to_handler(&plain, own->vector);
	rig_open(&rig, own->code, own->len, false);
	rig_arm(&rig, &features, arch_sw_control(), &elsewhere, 1);
	if (own->exits) {
		ArchTrap trap = run_to_trap(&rig, &elsewhere, 1);

		g_assert_cmpint(trap.insn, ==, own->vector == 3);
		g_assert_cmpint(trap.point, ==, -1);
		reinject(&rig);
	}
	frame = run_to_handler(&rig, own->vector);
	g_assert_cmphex(frame, ==, plain_frame);
	for (unsigned i = 0; i < 5; i++)
		g_assert_cmphex(rig_get64(&rig, frame + 8 * i), ==,
				rig_get64(&plain, frame + 8 * i));
	g_assert_cmpint(ioctl(plain.fd, KVM_GET_DEBUGREGS, &want), ==, 0);
	g_assert_cmpint(ioctl(rig.fd, KVM_GET_DEBUGREGS, &got), ==, 0);
	g_assert_cmphex(got.dr6, ==, want.dr6);
	g_assert_cmphex(got.dr7, ==, want.dr7);
	rig_close(&plain);
	rig_close(&rig);
}

/* An exception that is on its way already is not overwritten. (KVM never tells of a #BP.) */
static void test_reinject_busy(void)
{
	g_autoptr(GError) error = NULL;
	struct kvm_vcpu_events events;
	Rig rig;

	rig_open(&rig, BYTES("\x90\xf4"), false);
	rig.run->debug.arch = (struct kvm_debug_exit_arch){.exception = 1, .pc = CODE};
	g_assert_true(arch_reinject(rig.vcpu, rig.run, &rig.memory, &error));
	g_assert_no_error(error);
	rig.run->debug.arch.exception = 3;
	g_assert_false(arch_reinject(rig.vcpu, rig.run, &rig.memory, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_BUSY);
	g_assert_cmpint(ioctl(rig.fd, KVM_GET_VCPU_EVENTS, &events), ==, 0);
	g_assert_cmpuint(events.exception.nr, ==, 1);
	g_clear_error(&error);
	rig.run->debug.arch.exception = 14;
	g_assert_false(arch_reinject(rig.vcpu, rig.run, &rig.memory, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
	rig_close(&rig);
}

/* ---- Hardware points ---- */

static void test_hw_break(void)
{
	const GdbBreak points[] = {{GDB_BREAK_HW, CODE + 1, 1},
				   {GDB_BREAK_HW, CODE + 2, 1},
				   {GDB_BREAK_HW, CODE + 4, 1},
				   {GDB_BREAK_HW, CODE + 5, 1}};
	Rig rig;

	if (!rig_has(features.hw_break, "hardware breakpoints"))
		return;
	rig_open(&rig, BYTES("\x90\x90\x90\x90\x90\x90\xf4"), false);
	for (unsigned i = 0; i < 4; i++) {
		struct kvm_regs regs;
		ArchTrap trap;

		rig_arm(&rig, &features, 0, points, 4);
		trap = run_to_trap(&rig, points, 4);
		g_assert_cmpint(trap.point, ==, i);
		g_assert_false(trap.insn);
		regs = rig_regs(&rig);
		g_assert_cmphex(regs.rip, ==, points[i].addr);
		regs.rip++; /* over the nop, with any KVM */
		g_assert_cmpint(ioctl(rig.fd, KVM_SET_REGS, &regs), ==, 0);
	}
	g_assert_cmpuint(rig_run(&rig), ==, KVM_EXIT_HLT);
	rig_close(&rig);
}

/* T24: passed once, and hit again the next time round. */
static void test_pass_break(void)
{
	const GdbBreak point = {GDB_BREAK_HW, CODE + 1, 1};
	Rig rig;

	if (!rig_has(features.hw_break, "hardware breakpoints"))
		return;
	rig_open(&rig, BYTES("\x90\x90\xeb\xfd\xf4"), false); /* nop; 1: nop; jmp 1b */
	rig_arm(&rig, &features, 0, &point, 1);
	g_assert_cmpint(run_to_trap(&rig, &point, 1).point, ==, 0);
	if (!rig_has(arch_pass_break(&features, rig.vcpu), "that RFLAGS.RF passes a breakpoint")) {
		g_assert_false(arch_is_dirty(rig.vcpu));
		rig_close(&rig);
		return;
	}
	for (unsigned i = 0; i < 3; i++) {
		g_assert_true(arch_pass_break(&features, rig.vcpu));
		g_assert_true(arch_flush(rig.vcpu, NULL));
		g_assert_cmpint(run_to_trap(&rig, &point, 1).point, ==, 0);
		g_assert_cmphex(rig_regs(&rig).rip, ==, CODE + 1);
	}
	g_assert_true(arch_pass_break(&features, rig.vcpu));
	g_assert_true(arch_is_passing(rig.vcpu));
	arch_hit_again(rig.vcpu);
	g_assert_false(arch_is_passing(rig.vcpu));
	rig_close(&rig);
}

typedef struct WatchRow {
	const char *name;
	GdbBreak point;
	const char *code; /* then nop, hlt; rbx is DATA */
	size_t len;
	bool hits;
	uint64_t addr;
} WatchRow;

static const WatchRow watch_rows[] = {
	/* mov %rax, (%rbx) */
	{"write", {GDB_WATCH_WRITE, DATA, 8}, BYTES("\x48\x89\x03"), true, DATA},
	{"write-part", {GDB_WATCH_WRITE, DATA + 4, 2}, BYTES("\x48\x89\x03"), true, DATA + 4},
	/* mov (%rbx), %rax */
	{"write-read", {GDB_WATCH_WRITE, DATA, 8}, BYTES("\x48\x8b\x03"), false, 0},
	{"access-read", {GDB_WATCH_ACCESS, DATA, 8}, BYTES("\x48\x8b\x03"), true, DATA},
	{"access-write", {GDB_WATCH_ACCESS, DATA, 8}, BYTES("\x48\x89\x03"), true, DATA},
	/* mov %al, 2(%rbx) and 3(%rbx), with 3 bytes watched */
	{"split", {GDB_WATCH_WRITE, DATA, 3}, BYTES("\x88\x43\x02"), true, DATA + 2},
	{"split-beyond", {GDB_WATCH_WRITE, DATA, 3}, BYTES("\x88\x43\x03"), false, 0},
	/* mov %al, 8(%rbx), the last byte of 8 unaligned ones */
	{"unaligned", {GDB_WATCH_WRITE, DATA + 1, 8}, BYTES("\x88\x43\x08"), true, DATA + 8},
};

static void test_watch(const void *data)
{
	const WatchRow *row = data;
	uint8_t code[16];
	ArchTrap trap;
	Rig rig;

	if (!rig_has(features.watch, "watchpoints"))
		return;
	memcpy(code, row->code, row->len);
	memcpy(code + row->len, "\x90\xf4", 2);
	rig_open(&rig, code, row->len + 2, false);
	rig_arm(&rig, &features, 0, &row->point, 1);
	if (row->hits) {
		trap = run_to_trap(&rig, &row->point, 1);
		g_assert_cmpint(trap.point, ==, 0);
		g_assert_cmphex(trap.addr, ==, row->addr);
		g_assert_cmphex(rig_regs(&rig).rip, ==, CODE + row->len);
	}
	g_assert_cmpuint(rig_run(&rig), ==, KVM_EXIT_HLT);
	rig_close(&rig);
}

/* A step over the access reports the watch, and the step is not lost. */
static void test_watch_and_step(void)
{
	const GdbBreak point = {GDB_WATCH_WRITE, DATA, 8};
	ArchTrap trap;
	Rig rig;

	if (!rig_has(features.watch, "watchpoints") || !rig_has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES("\x48\x89\x03\x90\xf4"), false);
	rig_arm(&rig, &features, KVM_GUESTDBG_SINGLESTEP, &point, 1);
	trap = run_to_trap(&rig, &point, 1);
	g_assert_cmpint(trap.point, ==, 0);
	g_assert_true(trap.step);
	g_assert_cmphex(rig_regs(&rig).rip, ==, CODE + 3);
	rig_close(&rig);
}

/* ---- The guest's own points, with one of ours in force ---- */

static void set_guests(Rig *rig, unsigned slot, uint64_t addr, uint64_t control)
{
	struct kvm_debugregs regs;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_DEBUGREGS, &regs), ==, 0);
	regs.db[slot] = addr;
	regs.dr7 |= 1ull << (2 * slot) | control << (16 + 4 * slot);
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_DEBUGREGS, &regs), ==, 0);
	arch_forget(rig->vcpu);
}

/* The guest gets #DB at @pc, and DR6 has its own number of the point. */
static void check_guests(Rig *rig, uint64_t pc, uint64_t dr6)
{
	struct kvm_debugregs regs;

	reinject(rig);
	g_assert_cmphex(rig_get64(rig, run_to_handler(rig, 1)), ==, pc);
	g_assert_cmpint(ioctl(rig->fd, KVM_GET_DEBUGREGS, &regs), ==, 0);
	g_assert_cmphex(regs.dr6 & X86_DR6_CAUSES, ==, dr6);
}

static void test_own_break(void)
{
	const GdbBreak elsewhere = {GDB_BREAK_HW, DATA, 1};
	ArchTrap trap;
	Rig rig;

	if (!rig_has(features.hw_break, "hardware breakpoints"))
		return;
	rig_open(&rig, BYTES("\x90\x90\x90\xf4"), false);
	set_guests(&rig, 3, CODE + 1, 0);
	rig_arm(&rig, &features, 0, &elsewhere, 1);
	trap = run_to_trap(&rig, &elsewhere, 1);
	g_assert_cmpint(trap.point, ==, -1);
	g_assert_true(trap.own);
	g_assert_true(arch_takes_trap(rig.vcpu, rig.run));
	check_guests(&rig, CODE + 1, 8);
	rig_close(&rig);
}

/* One access that both watch: each is told, in its own numbers. */
static void test_own_watch(void)
{
	const GdbBreak points[] = {{GDB_BREAK_HW, DATA, 1}, {GDB_WATCH_WRITE, DATA, 8}};
	ArchTrap trap;
	Rig rig;

	if (!rig_has(features.watch, "watchpoints"))
		return;
	rig_open(&rig, BYTES("\x48\x89\x03\x90\xf4"), false);
	set_guests(&rig, 1, DATA, 0xd); /* 4 bytes, write */
	rig_arm(&rig, &features, 0, points, 2);
	trap = run_to_trap(&rig, points, 2);
	g_assert_cmpint(trap.point, ==, 1);
	if (rig_has((rig.run->debug.arch.dr6 & 6) == 6,
		    "both of two points that are hit at once")) {
		g_assert_true(trap.own);
		check_guests(&rig, CODE + 3, 2);
	}
	rig_close(&rig);
}

/* Without ours the guest's are in force while it is stepped, too. */
static void test_own_watch_step(void)
{
	ArchTrap trap;
	Rig rig;

	if (!rig_has(features.watch, "watchpoints") || !rig_has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES("\x48\x89\x03\x90\xf4"), false);
	set_guests(&rig, 2, DATA, 0xd);
	rig_debug(&rig, KVM_GUESTDBG_SINGLESTEP, NULL);
	trap = run_to_trap(&rig, NULL, 0);
	g_assert_true(trap.step);
	g_assert_true(trap.own);
	rig_debug(&rig, 0, NULL);
	check_guests(&rig, CODE + 3, 4);
	rig_close(&rig);
}

/*
 * The guest sets a point while ours are in force: where KVM tells of that, the engine steps over
 * it, and the new point is in force then; else from the next exit on.
 */
static void test_own_change(void)
{
	/* mov $CODE + 12, %eax; mov %rax, %dr0; mov $1, %eax; mov %rax, %dr7: then nop; hlt */
	static const char code[] = "\xb8\x12\x60\x00\x00\x0f\x23\xc0\xb8\x01\x00\x00\x00"
				   "\x0f\x23\xf8\x90\x90\x90\xf4";
	const GdbBreak elsewhere = {GDB_BREAK_HW, DATA, 1};
	bool seen = false;
	Rig rig;

	if (!rig_has(features.hw_break, "hardware breakpoints") || !rig_has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES(code), false);
	/* Two accesses; what KVM tells again of the steps over them is nobody's. */
	for (unsigned n = 0; !seen && n < 8; n++) {
		rig_arm(&rig, &features, 0, &elsewhere, 1);
		if (rig_run(&rig) == KVM_EXIT_HLT)
			break;
		g_assert_cmpint(arch_decode_trap(rig.vcpu, rig.run, &elsewhere, 1).point, ==, -1);
		seen = arch_takes_trap(rig.vcpu, rig.run);
		if (seen) {
			check_guests(&rig, CODE + 0x12, 1);
			break;
		}
		rig_arm(&rig, &features, KVM_GUESTDBG_SINGLESTEP, &elsewhere, 1);
		g_assert_cmpuint(rig_run(&rig), ==, KVM_EXIT_DEBUG);
		g_assert_true(arch_decode_trap(rig.vcpu, rig.run, &elsewhere, 1).step);
	}
	rig_has(seen, "a guest's access to its debug registers");
	rig_close(&rig);
}

/* ---- The probe, roots, refusals ---- */

static unsigned count_fds(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	unsigned n = 0;

	while (g_dir_read_name(dir))
		n++;
	return n;
}

static void test_probe(void)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	unsigned before = count_fds();

	for (unsigned i = 0; i < 3; i++) {
		g_autoptr(GError) error = NULL;
		ArchFeatures again;

		g_assert_true(kvm_probe(kvm_fd, &again, &error));
		g_assert_no_error(error);
		g_assert_cmpint(again.step, ==, features.step);
		g_assert_cmpint(again.sw_break, ==, features.sw_break);
		g_assert_cmpint(again.hw_break, ==, features.hw_break);
		g_assert_cmpint(again.watch, ==, features.watch);
		g_assert_cmpint(again.block_irq, ==, features.block_irq);
		g_assert_cmpint(again.pass_break, ==, features.pass_break);
		g_assert_cmpuint(again.n_breaks, ==, 4);
	}
	g_assert_cmpuint(count_fds(), ==, before);
	close(kvm_fd);
}

static void test_probe_no_kvm(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	g_autoptr(GError) error = NULL;
	ArchFeatures ret;

	g_assert_false(kvm_probe(fd, &ret, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	close(fd);
}

static bool phys_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	return rig_read_mem(opaque, gpa, buf, len) == len;
}

static void test_root(void)
{
	ArchMapping mapping;
	ArchRoot root;
	Rig rig;

	rig_open(&rig, BYTES("\xf4"), false);
	g_assert_true(arch_get_root(rig.vcpu, &root, NULL));
	g_assert_true(root.kernel);
	g_assert_cmphex(root.word[1], ==, PML4);
	g_assert_true(arch_walk(&root, phys_read, &rig, CODE, &mapping));
	g_assert_cmphex(mapping.gpa, ==, CODE);
	g_assert_cmphex(mapping.left, ==, 0x200000 - CODE);
	g_assert_false(arch_walk(&root, phys_read, &rig, 0x200000, &mapping));
	g_assert_false(arch_kernel_root(&root, phys_read, &rig, &root));
	g_assert_true(arch_is_kernel_address(&root, 0xffffffff81000000));
	g_assert_false(arch_is_kernel_address(&root, CODE));
	rig_close(&rig);
}

/* What the CPU does not have is said. */
static void test_refused(void)
{
	const GdbBreak reads = {GDB_WATCH_READ, DATA, 4};
	struct kvm_guest_debug_arch arch;
	g_autoptr(GError) error = NULL;

	g_assert_false(arch_encode_hw(&features, &reads, 1, &arch, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_true(arch_check_sw_break(CODE, 1, &error));
	g_assert_false(arch_check_sw_break(CODE, 16, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
}

/* ---- A KVM_RUN that is to bring its registers ---- */

static void on_signal(int signo G_GNUC_UNUSED)
{
}

typedef struct Kick {
	Rig *rig;
	pthread_t thread; /* that runs the vCPU */
	bool looks;
} Kick;

static void *kick_later(void *data)
{
	const Kick *kick = data;

	g_usleep(20000);
	if (kick->looks)
		arch_look_after_run(kick->rig->vcpu);
	__atomic_store_n(&kick->rig->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(kick->thread, SIGUSR1);
	return NULL;
}

/* The vCPU is in a loop. What is known of it after a KVM_RUN that is kicked out of it? */
static unsigned valid_after_kick(Rig *rig, bool looks)
{
	struct sigaction old, action = {.sa_handler = on_signal};
	Kick kick = {rig, pthread_self(), looks};
	pthread_t thread;

	sigaction(SIGUSR1, &action, &old);
	g_assert_cmpint(pthread_create(&thread, NULL, kick_later, &kick), ==, 0);
	g_assert_cmpint(ioctl(rig->fd, KVM_RUN, 0), <, 0);
	g_assert_cmpint(errno, ==, EINTR);
	pthread_join(thread, NULL);
	rig->run->immediate_exit = 0;
	arch_forget(rig->vcpu);
	sigaction(SIGUSR1, &old, NULL);
	return rig->vcpu->valid;
}

static void test_look_after_run(void)
{
	const unsigned all = 1u << X86_REGS | 1u << X86_SREGS | 1u << X86_EVENTS;
	uint64_t pc;
	Rig rig;

	rig_open(&rig, BYTES("\xeb\xfe"), false);
	g_assert_true(arch_flush_and_run(rig.vcpu, false, NULL));
	g_assert_cmphex(valid_after_kick(&rig, false), ==, 0);
	g_assert_true(arch_flush_and_run(rig.vcpu, false, NULL));
	if (valid_after_kick(&rig, true) != all)
		g_test_skip("this KVM has no KVM_CAP_SYNC_REGS");
	/* Whether it was brought or is asked for: it is where the guest is. */
	g_assert_true(arch_get_pc(rig.vcpu, &pc, NULL));
	g_assert_cmphex(pc, ==, CODE);
	g_assert_cmpuint(rig.run->kvm_valid_regs, ==, 0);
	/* Not one that began without: nobody would know what it has brought. */
	g_assert_cmphex(valid_after_kick(&rig, true), ==, 0);
	g_assert_cmpuint(rig.run->kvm_valid_regs, ==, 0);
	/* And a VMM that uses these fields keeps them. */
	rig.run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	g_assert_true(arch_flush_and_run(rig.vcpu, false, NULL));
	g_assert_cmphex(valid_after_kick(&rig, true), ==, 0);
	g_assert_cmpuint(rig.run->kvm_valid_regs, ==, KVM_SYNC_X86_REGS);
	rig_close(&rig);
}

static void add_tables(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(own_traps); i++) {
		g_autofree char *path =
			g_strdup_printf("/kvm-x86-debug/own-trap/%s", own_traps[i].name);
		g_test_add_data_func(path, &own_traps[i], test_own_trap);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(watch_rows); i++) {
		g_autofree char *path =
			g_strdup_printf("/kvm-x86-debug/watch/%s", watch_rows[i].name);
		g_test_add_data_func(path, &watch_rows[i], test_watch);
	}
}

int main(int argc, char **argv)
{
	if (!rig_init(&argc, &argv, &features))
		return g_test_run();
	g_test_add_func("/kvm-x86-debug/probe", test_probe);
	g_test_add_func("/kvm-x86-debug/probe-no-kvm", test_probe_no_kvm);
	g_test_add_func("/kvm-x86-debug/root", test_root);
	g_test_add_func("/kvm-x86-debug/refused", test_refused);
	g_test_add_func("/kvm-x86-debug/sw-break", test_sw_break);
	g_test_add_func("/kvm-x86-debug/reinject-busy", test_reinject_busy);
	g_test_add_func("/kvm-x86-debug/hw-break", test_hw_break);
	g_test_add_func("/kvm-x86-debug/pass-break", test_pass_break);
	g_test_add_func("/kvm-x86-debug/watch-and-step", test_watch_and_step);
	g_test_add_func("/kvm-x86-debug/own-break", test_own_break);
	g_test_add_func("/kvm-x86-debug/own-watch", test_own_watch);
	g_test_add_func("/kvm-x86-debug/own-watch-step", test_own_watch_step);
	g_test_add_func("/kvm-x86-debug/own-change", test_own_change);
	g_test_add_func("/kvm-x86-debug/look-after-run", test_look_after_run);
	add_tables();
	return g_test_run();
}

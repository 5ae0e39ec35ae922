/*
 * tests/kvm-x86-step.c - single steps of kvm/arch.h on a real KVM, over the instructions that make
 * steps hard. What the probe does not find here is skipped with that reason.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "tests/x86-rig.h"

static ArchFeatures features; /* written once by main() */

static void set_msr(Rig *rig, uint32_t index, uint64_t value)
{
	const struct kvm_msr_entry entry = {.index = index, .data = value};
	g_autofree struct kvm_msrs *msrs = g_malloc0(sizeof(*msrs) + sizeof(entry));

	msrs->nmsrs = 1;
	memcpy(msrs->entries, &entry, sizeof(entry));
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_MSRS, msrs), ==, 1);
}

/* Points for @step, as many landings as there are slots. */
static void arm_landings(Rig *rig, const ArchStep *step, uint32_t control)
{
	GdbBreak points[X86_N_SLOTS];
	unsigned n = 0;

	for (; n < MIN(step->n_landings, X86_N_SLOTS); n++)
		points[n] = (GdbBreak){GDB_BREAK_HW, step->landings[n], 1};
	if (n && features.hw_break)
		rig_arm(rig, &features, control, points, n);
	else
		rig_debug(rig, control, NULL);
}

/* One step, as the engine does it. Returns the exit reason. */
static uint32_t step(Rig *rig)
{
	uint32_t control = KVM_GUESTDBG_SINGLESTEP | arch_step_control(&features, true);
	g_autoptr(GError) error = NULL;
	ArchStep step;
	uint32_t reason;

	g_assert_true(arch_step_begin(rig->vcpu, true, &rig->memory, &step, &error));
	g_assert_no_error(error);
	g_assert_true(arch_flush(rig->vcpu, &error));
	arm_landings(rig, &step, control);
	reason = rig_run(rig);
	arch_step_end(rig->vcpu, &rig->memory, &step);
	g_assert_true(arch_flush(rig->vcpu, &error));
	g_assert_no_error(error);
	return reason;
}

typedef struct Program {
	const char *name, *code;
	size_t len;
	unsigned n_steps; /* up to and without the hlt at its end */
	unsigned n_held;  /* traps that some CPUs hold back for one more instruction */
	bool needs_landing;
} Program;

static const Program programs[] = {
	{"nop", BYTES("\x90\x90\x90\xf4"), 3, 0, false},
	{"pushf", BYTES("\x9c\x90\x66\x9c\x90\xf4"), 4, 0, false},
	{"popf", BYTES("\x6a\x02\x9d\x90\x90\xf4"), 4, 0, false},
	{"cli-sti", BYTES("\xfb\x90\x9c\xfa\x9c\x90\xf4"), 6, 1, false},
	{"mov-ss", BYTES("\x8c\xd0\x8e\xd0\x90\x90\xf4"), 4, 1, false},
	/* push ss, rsp, flags, cs, target; iretq */
	{"iret",
	 BYTES("\x6a\x10\x68\x00\xb0\x00\x00\x6a\x02\x6a\x08\x68\x12\x60\x00\x00\x48\xcf"
	       "\x90\x90\xf4"),
	 8, 1, false},
	/* mov $3, %ecx; rep stosb to rdi: each iteration is a step, and in QEMU 10 the end of it */
	{"rep", BYTES("\xbf\x00\x90\x00\x00\xb9\x03\x00\x00\x00\xf3\xaa\x90\xf4"), 7, 2, false},
	{"int", BYTES("\xcd\x50\x90\xf4"), 1, 0, true},
	{"int3", BYTES("\xcc\x90\xf4"), 1, 0, true},
	{"syscall", BYTES("\x0f\x05\x90\xf4"), 1, 0, true},
};

static void prepare_program(Rig *rig, const Program *program)
{
	rig_open(rig, program->code, program->len, false);
	set_msr(rig, 0xc0000081, 0x08ull << 32);
	set_msr(rig, 0xc0000082, SYSCALL_ENTRY);
	set_msr(rig, 0xc0000084, TF);
}

/* The same program with and without steps leaves the same memory and registers (T11). */
static void test_step_program(const void *data)
{
	const Program *program = data;
	Rig plain, stepped;
	struct kvm_regs want, got;
	uint32_t reason;
	unsigned n = 0;

	if (!rig_has(features.step, "steps") ||
	    (program->needs_landing &&
	     !rig_has(features.sw_break, "software traps of the guest")) ||
	    (program->needs_landing && !rig_has(features.hw_break, "hardware breakpoints")))
		return;
	prepare_program(&plain, program);
	g_assert_cmpuint(rig_run(&plain), ==, KVM_EXIT_HLT);
	want = rig_regs(&plain);
	prepare_program(&stepped, program);
	/* the step over hlt ends in KVM_EXIT_HLT or KVM_EXIT_DEBUG, as the backend likes */
	for (reason = step(&stepped); rig_regs(&stepped).rip != want.rip; reason = step(&stepped)) {
		g_assert_cmpuint(reason, ==, KVM_EXIT_DEBUG);
		g_assert_cmpuint(++n, <=, program->n_steps);
	}
	g_assert_cmpuint(n, >=, program->n_steps - program->n_held);
	got = rig_regs(&stepped);
	got.rflags &= ~RF;
	want.rflags &= ~RF;
	g_assert_cmpmem(&got, sizeof(got), &want, sizeof(want));
	g_assert_cmpmem(stepped.ram + DATA, RAM_SIZE - DATA, plain.ram + DATA, RAM_SIZE - DATA);
	rig_close(&plain);
	rig_close(&stepped);
}

/* T14: a vCPU that sits in HLT with nothing to wake it. */
static void test_step_halted(void)
{
	struct kvm_mp_state state = {KVM_MP_STATE_HALTED};
	Rig rig;

	if (!rig_has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES("\x90\x90\xf4"), true);
	g_assert_cmpint(ioctl(rig.fd, KVM_SET_MP_STATE, &state), ==, 0);
	g_assert_cmpstr(arch_run_state(rig.vcpu), ==, "halted");
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
	g_assert_cmphex(rig_regs(&rig).rip, ==, CODE + 1);
	rig_close(&rig);
}

static void raise_irq(Rig *rig)
{
	struct kvm_lapic_state lapic;
	struct kvm_msi msi = {.address_lo = 0xfee00000, .data = VECTOR_IRQ};
	const uint32_t spurious = 0x1ff, tpr = 0;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_LAPIC, &lapic), ==, 0);
	memcpy(lapic.regs + 0xf0, &spurious, 4);
	memcpy(lapic.regs + 0x80, &tpr, 4);
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_LAPIC, &lapic), ==, 0);
	g_assert_cmpint(ioctl(rig->vm_fd, KVM_SIGNAL_MSI, &msi), ==, 1);
}

/* T13: an interrupt is pending; steps stay in the code, and it comes when the guest runs on. */
static void test_step_quiet(void)
{
	struct kvm_regs regs;
	Rig rig;

	if (!rig_has(features.step, "steps") ||
	    !rig_has(features.block_irq, "KVM_GUESTDBG_BLOCKIRQ"))
		return;
	rig_open(&rig, BYTES("\x90\x90\x90\x90\xf4"), true);
	raise_irq(&rig);
	regs = rig_regs(&rig);
	regs.rflags |= IF;
	g_assert_cmpint(ioctl(rig.fd, KVM_SET_REGS, &regs), ==, 0);
	for (unsigned i = 1; i <= 3; i++) {
		g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
		g_assert_cmphex(rig_regs(&rig).rip, ==, CODE + i);
	}
	/* hlt waits inside KVM with an interrupt controller: stop at the handler instead */
	rig.ram[HANDLERS + 16 * VECTOR_IRQ] = 0xe6; /* out %al, $0x80 */
	rig.ram[HANDLERS + 16 * VECTOR_IRQ + 1] = 0x80;
	rig_debug(&rig, 0, NULL);
	g_assert_cmpuint(rig_run(&rig), ==, KVM_EXIT_IO);
	g_assert_cmphex(rig_regs(&rig).rip & ~0xfull, ==, HANDLERS + 16 * VECTOR_IRQ);
	g_assert_cmphex(rig_get64(&rig, rig_regs(&rig).rsp), ==, CODE + 3);
	rig_close(&rig);
}

static void set_regs(Rig *rig, uint64_t rdi, uint64_t flags)
{
	struct kvm_regs regs = rig_regs(rig);

	regs.rdi = rdi;
	regs.rflags |= flags;
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_REGS, &regs), ==, 0);
	arch_forget(rig->vcpu);
}

/* mov (%rdi), %rax; nop; hlt. The handler: out %al, $0x80; add $8, %rsp; iretq */
static void open_fault(Rig *rig)
{
	static const uint8_t handler[] = {0xe6, 0x80, 0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf};

	rig_open(rig, BYTES("\x48\x8b\x07\x90\xf4"), false);
	memcpy(rig->ram + HANDLERS + 16 * VECTOR_PF, handler, sizeof(handler));
	set_regs(rig, NOT_MAPPED, CF);
}

/*
 * The flags that the CPU saved for a fault are the guest's own: without a TF that would trap there
 * later. Then the fault is mended, and the guest runs to its end.
 */
static void check_fault(Rig *rig, bool at_entry)
{
	g_assert_cmphex(rig_get64(rig, STACK - 40), ==, CODE);
	g_assert_cmphex(rig_get64(rig, STACK - 24) & ~RF, ==, 2 | CF);
	set_regs(rig, DATA, 0);
	rig_debug(rig, 0, NULL);
	if (at_entry)
		g_assert_cmpuint(rig_run(rig), ==, KVM_EXIT_IO);
	g_assert_cmpuint(rig_run(rig), ==, KVM_EXIT_HLT);
	g_assert_cmphex(rig_regs(rig).rip, ==, CODE + 5);
	rig_close(rig);
}

/*
 * A step over an instruction that faults ends at the handler, with the frame on top of the stack.
 */
static void test_step_fault(void)
{
	Rig rig;

	if (!rig_has(features.step, "steps") || !rig_has(features.hw_break, "hardware breakpoints"))
		return;
	open_fault(&rig);
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
	g_assert_cmphex(rig_regs(&rig).rip, ==, HANDLERS + 16 * VECTOR_PF);
	check_fault(&rig, true);
}

/* The same without a slot for that: it is given up in the handler, which exits to the VMM. */
static void test_step_fault_no_slot(void)
{
	ArchFeatures all = features;
	Rig rig;

	if (!rig_has(features.step, "steps"))
		return;
	open_fault(&rig);
	features.hw_break = false;
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_IO);
	features = all;
	check_fault(&rig, false);
}

/* ---- int n, and the frame that it makes, in all modes ---- */

typedef struct ModeRow {
	const char *name;
	enum { REAL, REAL_BASE, PROTECTED, PROTECTED16 } mode;
	bool user;
	unsigned word, n_words;
} ModeRow;

static const ModeRow mode_rows[] = {
	{"real", REAL, false, 2, 3},
	{"real-base", REAL_BASE, false, 2, 3},
	{"protected", PROTECTED, false, 4, 3},
	{"protected-user", PROTECTED, true, 4, 5},
	{"protected-gate16", PROTECTED16, false, 2, 3},
	{"protected-user-gate16", PROTECTED16, true, 2, 5},
};

/* Returns the base of the code segment. */
static uint64_t open_mode(Rig *rig, const ModeRow *row)
{
	rig_open(rig, BYTES("\x90\xcd\x50\xf4"), false); /* nop; int $0x50; hlt */
	if (row->mode == REAL || row->mode == REAL_BASE)
		rig_set_real(rig, row->mode == REAL_BASE);
	else
		rig_set_protected(rig, row->user, row->mode == PROTECTED16);
	return row->mode == REAL_BASE ? CODE : 0;
}

/* The frame is the guest's own: there is no TF in it. Then iret would go behind the int. */
static void check_mode_frame(Rig *rig, const ModeRow *row, uint64_t base)
{
	const uint64_t at = STACK - row->word * row->n_words;
	uint32_t flags = 0, ip = 0;

	g_assert_cmphex(rig_regs(rig).rsp, ==, at);
	memcpy(&ip, rig->ram + at, row->word);
	memcpy(&flags, rig->ram + at + 2 * row->word, row->word);
	g_assert_cmphex(ip, ==, CODE + 3 - base);
	g_assert_cmphex(flags & ~RF, ==, 2);
}

static uint64_t linear_pc(Rig *rig)
{
	struct kvm_sregs sregs;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_SREGS, &sregs), ==, 0);
	return sregs.cs.base + rig_regs(rig).rip;
}

/* A software KVM runs no user code of 32 bits. */
static bool runs_mode(const ModeRow *row)
{
	Rig plain;
	bool runs;

	open_mode(&plain, row);
	runs = rig_run(&plain) == KVM_EXIT_HLT && linear_pc(&plain) == HANDLERS + 16 * 0x50 + 1;
	rig_close(&plain);
	if (!runs)
		g_test_skip("this KVM does not run this mode, with or without steps");
	return runs;
}

static void test_step_mode(const void *data)
{
	const ModeRow *row = data;
	uint64_t base;
	Rig rig;

	if (!rig_has(features.step, "steps") || !rig_has(features.hw_break, "hardware breakpoints"))
		return;
	/* It looks for the breakpoint at eip, without the base of cs, finds none and takes it for
	 * one of its own gdb, which it has not: SIGSEGV. */
	if (row->mode == REAL_BASE && rig_is_tcg()) {
		g_test_skip("QEMU as the host dies of a breakpoint in a code segment with a base");
		return;
	}
	if (!runs_mode(row))
		return;
	base = open_mode(&rig, row);
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
	g_assert_cmphex(linear_pc(&rig), ==, HANDLERS + 16 * 0x50);
	check_mode_frame(&rig, row, base);
	rig_close(&rig);
}

/* The same without a slot for the handler, which halts, unless KVM's own trap comes before it. */
static void test_step_mode_no_slot(const void *data)
{
	const ModeRow *row = data;
	ArchFeatures all = features;
	uint64_t base;
	Rig rig;

	if (!rig_has(features.step, "steps") || !runs_mode(row))
		return;
	features.hw_break = false;
	base = open_mode(&rig, row);
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
	unsigned after = step(&rig) == KVM_EXIT_HLT ? 1 : 0;

	features = all;
	g_assert_cmpuint(rig.run->exit_reason, ==, after ? KVM_EXIT_HLT : KVM_EXIT_DEBUG);
	g_assert_cmphex(linear_pc(&rig), ==, HANDLERS + 16 * 0x50 + after);
	check_mode_frame(&rig, row, base);
	rig_close(&rig);
}

/* A handler that is near: right behind int $0x50, or a byte behind it. */
typedef struct NearRow {
	const char *name;
	uint64_t handler;
	bool slot;
} NearRow;

static const NearRow near_rows[] = {
	{"behind", CODE + 3, true},
	{"near", CODE + 4, true},
	{"near-no-slot", CODE + 4, false},
};

static void test_step_near(const void *data)
{
	const NearRow *row = data;
	ArchFeatures all = features;
	Rig rig;

	if (!rig_has(features.step, "steps") ||
	    !rig_has(features.hw_break, "hardware breakpoints") ||
	    !rig_has(features.sw_break, "software traps of the guest"))
		return;
	features.hw_break = row->slot;
	rig_open(&rig, BYTES("\x90\xcd\x50\xf4\xf4"), false); /* nop; int $0x50; hlt; hlt */
	memcpy(rig.ram + IDT + 16 * 0x50, &row->handler, 2);
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
	g_assert_cmpuint(step(&rig), ==, row->slot ? KVM_EXIT_DEBUG : KVM_EXIT_HLT);
	features = all;
	g_assert_cmphex(rig_regs(&rig).rip, ==, row->handler + (row->slot ? 0 : 1));
	g_assert_cmphex(rig_get64(&rig, STACK - 40), ==, CODE + 3);
	g_assert_cmphex(rig_get64(&rig, STACK - 24) & ~RF, ==, 2);
	rig_close(&rig);
}

/* The first instruction of a handler to which its own faults would lead. */
static void test_step_in_handler(void)
{
	const uint64_t handler = HANDLERS + 16 * VECTOR_PF;
	struct kvm_regs regs;
	Rig rig;

	if (!rig_has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES("\xf4"), false);
	memset(rig.ram + handler, 0x90, 2);
	regs = rig_regs(&rig);
	regs.rip = handler;
	g_assert_cmpint(ioctl(rig.fd, KVM_SET_REGS, &regs), ==, 0);
	arch_forget(rig.vcpu);
	for (unsigned i = 1; i <= 2; i++) {
		g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
		g_assert_cmphex(rig_regs(&rig).rip, ==, handler + i);
	}
	rig_close(&rig);
}

/* syscall with an FMASK that leaves TF alone: the step ends at the entry, and r11 has none. */
static void test_step_syscall_unmasked(void)
{
	Rig rig;

	if (!rig_has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES("\x0f\x05\x90\xf4"), false);
	set_msr(&rig, 0xc0000081, 0x08ull << 32);
	set_msr(&rig, 0xc0000082, SYSCALL_ENTRY);
	set_msr(&rig, 0xc0000084, 0);
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
	g_assert_cmphex(rig_regs(&rig).rip, ==, SYSCALL_ENTRY);
	g_assert_cmphex(rig_regs(&rig).r11 & ~RF, ==, 2);
	rig_close(&rig);
}

/* ---- A guest that steps itself ---- */

/* nop; nop; hlt with TF set: it shall get its #DB after the first nop, stepped by us or not. */
static void test_step_own_tf(void)
{
	g_autoptr(GError) error = NULL;
	struct kvm_debugregs regs;
	ArchTrap trap;
	Rig rig;

	if (!rig_has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES("\x90\x90\xf4"), false);
	set_regs(&rig, 0, TF);
	g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
	g_assert_cmphex(rig_regs(&rig).rip, ==, CODE + 1);
	trap = arch_decode_trap(rig.vcpu, rig.run, NULL, 0);
	g_assert_true(trap.step);
	g_assert_true(trap.own);
	rig_debug(&rig, 0, NULL);
	g_assert_cmphex(rig_regs(&rig).rflags & TF, ==, TF);
	g_assert_true(arch_reinject(rig.vcpu, rig.run, &rig.memory, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(rig_run(&rig), ==, KVM_EXIT_HLT);
	g_assert_cmphex(rig_regs(&rig).rip, ==, HANDLERS + 16 + 1);
	g_assert_cmphex(rig_get64(&rig, STACK - 40), ==, CODE + 1);
	g_assert_cmphex(rig_get64(&rig, STACK - 24) & ~RF, ==, 2 | TF);
	g_assert_cmpint(ioctl(rig.fd, KVM_GET_DEBUGREGS, &regs), ==, 0);
	g_assert_cmphex(regs.dr6 & 0xe00f, ==, 0x4000);
	rig_close(&rig);
}

/* What loads TF: the guest's own is what was loaded; popf and iret that clear it, too. */
static void test_step_load_tf(void)
{
	/* push $0x102; popf; nop; push $2; popf; nop; hlt */
	static const char code[] = "\x68\x02\x01\x00\x00\x9d\x90\x6a\x02\x9d\x90\xf4";
	static const uint64_t own[] = {0, TF, TF, TF, 0, 0};
	Rig rig;

	if (!rig_has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES(code), false);
	for (unsigned i = 0; i < G_N_ELEMENTS(own); i++) {
		g_test_message("step %u", i);
		g_assert_cmpuint(step(&rig), ==, KVM_EXIT_DEBUG);
		g_assert_true(x86_fetch(rig.vcpu, X86_REGS, NULL));
		g_assert_cmphex(rig.vcpu->regs.rflags & TF, ==, own[i]);
	}
	rig_debug(&rig, 0, NULL);
	g_assert_cmphex(rig_regs(&rig).rflags & TF, ==, 0);
	rig_close(&rig);
}

static void add_near(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(near_rows); i++) {
		g_autofree char *path = g_strdup_printf("/kvm-x86-step/near/%s", near_rows[i].name);

		g_test_add_data_func(path, &near_rows[i], test_step_near);
	}
}

static void add_modes(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(mode_rows); i++) {
		g_autofree char *path = g_strdup_printf("/kvm-x86-step/mode/%s", mode_rows[i].name);
		g_autofree char *no_slot = g_strconcat(path, "-no-slot", NULL);

		g_test_add_data_func(path, &mode_rows[i], test_step_mode);
		g_test_add_data_func(no_slot, &mode_rows[i], test_step_mode_no_slot);
	}
}

int main(int argc, char **argv)
{
	if (!rig_init(&argc, &argv, &features))
		return g_test_run();
	g_test_add_func("/kvm-x86-step/halted", test_step_halted);
	g_test_add_func("/kvm-x86-step/quiet", test_step_quiet);
	g_test_add_func("/kvm-x86-step/fault", test_step_fault);
	g_test_add_func("/kvm-x86-step/fault-no-slot", test_step_fault_no_slot);
	g_test_add_func("/kvm-x86-step/syscall-unmasked", test_step_syscall_unmasked);
	g_test_add_func("/kvm-x86-step/own-tf", test_step_own_tf);
	g_test_add_func("/kvm-x86-step/load-tf", test_step_load_tf);
	g_test_add_func("/kvm-x86-step/in-handler", test_step_in_handler);
	add_modes();
	add_near();
	for (unsigned i = 0; i < G_N_ELEMENTS(programs); i++) {
		g_autofree char *path = g_strdup_printf("/kvm-x86-step/%s", programs[i].name);
		g_test_add_data_func(path, &programs[i], test_step_program);
	}
	return g_test_run();
}

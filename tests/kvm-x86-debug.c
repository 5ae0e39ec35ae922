/*
 * tests/kvm-x86-debug.c - the debug half of kvm/arch.h on a real KVM, with tiny long-mode guests.
 *
 * Each test runs some bytes of code at CPL 0. Exceptions go to one handler per vector, which halts,
 * so that where the guest halted, and the frame on its stack, tell what was delivered to it. Tests
 * of what the probe does not find here are skipped with that reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "kvm/arch.h"
#include "x86/vcpu.h"

/* Guest-physical and linear. */
enum {
	PML4 = 0x1000,
	PDPT = 0x2000,
	PD = 0x3000,
	IDT = 0x4000,
	GDT = 0x5000,
	CODE = 0x6000,
	HANDLERS = 0x7000, /* 16 bytes each */
	DATA = 0x9000,
	STACK = 0xb000, /* grows down from here */
	RAM_SIZE = 0x10000,
	SYSCALL_ENTRY = HANDLERS + 16 * 0x7f,
	VECTOR_IRQ = 0x40,
	N_VECTORS = 0x80,
};

#define TF 0x100ull
#define IF 0x200ull
#define RF 0x10000ull

typedef struct Rig {
	int kvm_fd, vm_fd, fd;
	uint8_t *ram;
	struct kvm_run *run;
	size_t run_size;
	ArchVcpu *vcpu;
	ArchMemory memory;
} Rig;

static ArchFeatures features; /* written once by main() */

/* ---- The machine ---- */

static size_t mem_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	Rig *rig = opaque;

	if (addr >= RAM_SIZE)
		return 0;
	len = MIN(len, RAM_SIZE - addr);
	memcpy(buf, rig->ram + addr, len);
	return len;
}

static bool mem_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	Rig *rig = opaque;

	if (addr >= RAM_SIZE || len > RAM_SIZE - addr)
		return false;
	memcpy(rig->ram + addr, buf, len);
	return true;
}

static uint64_t get64(const Rig *rig, uint64_t gpa)
{
	uint64_t value;

	g_assert_cmphex(gpa, <=, RAM_SIZE - 8);
	memcpy(&value, rig->ram + gpa, sizeof(value));
	return value;
}

static void put64(Rig *rig, uint64_t gpa, uint64_t value)
{
	memcpy(rig->ram + gpa, &value, sizeof(value));
}

static void fill_ram(Rig *rig)
{
	put64(rig, PML4, PDPT | 3);
	put64(rig, PDPT, PD | 3);
	put64(rig, PD, 0x83);
	put64(rig, GDT + 0x08, 0x00af9b000000ffff);
	put64(rig, GDT + 0x10, 0x00cf93000000ffff);
	for (uint64_t i = 0; i < N_VECTORS; i++)
		put64(rig, IDT + 16 * i, (HANDLERS + 16 * i) | 0x08 << 16 | 0x8e00ull << 32);
	memset(rig->ram + HANDLERS, 0xf4, 16 * N_VECTORS);
}

static void set_sregs(Rig *rig)
{
	struct kvm_segment data = {
		.selector = 0x10,
		.limit = 0xffffffff,
		.type = 3,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};
	struct kvm_sregs sregs;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_SREGS, &sregs), ==, 0);
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.cs = data;
	sregs.cs.selector = 0x08;
	sregs.cs.type = 11;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = 0x17};
	sregs.idt = (struct kvm_dtable){.base = IDT, .limit = 16 * N_VECTORS - 1};
	sregs.cr0 = 0x80000033;
	sregs.cr3 = PML4;
	sregs.cr4 = 0x20;
	sregs.efer = 0x501; /* LMA LME SCE */
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_SREGS, &sregs), ==, 0);
}

static void set_msr(Rig *rig, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = {.head.nmsrs = 1, .entry = {.index = index, .data = value}};

	g_assert_cmpint(ioctl(rig->fd, KVM_SET_MSRS, &msr), ==, 1);
}

/*
 * Let the guest touch all its pages before the test begins: bochs loses steps whose first try
 * exits for a page that the host has not mapped yet.
 */
static void touch_pages(Rig *rig)
{
	/* xor %edi, %edi; 1: orb $0, (%rdi); add $0x1000, %edi; cmp $RAM_SIZE, %edi; jb 1b; out
	 * %al, $0x80 */
	static const uint8_t toucher[] = {0x31, 0xff, 0x80, 0x0f, 0x00, 0x81, 0xc7,
					  0x00, 0x10, 0x00, 0x00, 0x81, 0xff, 0x00,
					  0x00, 0x01, 0x00, 0x72, 0xef, 0xe6, 0x80};
	struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rflags = 2};

	memcpy(rig->ram + CODE, toucher, sizeof(toucher));
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_REGS, &regs), ==, 0);
	g_assert_cmpint(ioctl(rig->fd, KVM_RUN, 0), ==, 0);
	g_assert_cmpuint(rig->run->exit_reason, ==, KVM_EXIT_IO);
	memset(rig->ram + CODE, 0, sizeof(toucher));
}

static void rig_open(Rig *rig, const void *code, size_t len, bool with_irqchip)
{
	struct kvm_userspace_memory_region region = {.memory_size = RAM_SIZE};
	struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rbx = DATA, .rflags = 2};
	g_autoptr(GError) error = NULL;

	rig->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	rig->vm_fd = ioctl(rig->kvm_fd, KVM_CREATE_VM, 0);
	g_assert_cmpint(rig->vm_fd, >=, 0);
	ioctl(rig->vm_fd, KVM_SET_TSS_ADDR, 0xfffbd000);
	rig->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)rig->ram;
	g_assert_cmpint(ioctl(rig->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), ==, 0);
	if (with_irqchip)
		g_assert_cmpint(ioctl(rig->vm_fd, KVM_CREATE_IRQCHIP), ==, 0);
	rig->fd = ioctl(rig->vm_fd, KVM_CREATE_VCPU, 0);
	g_assert_cmpint(rig->fd, >=, 0);
	rig->run_size = ioctl(rig->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	rig->run = mmap(NULL, rig->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
	fill_ram(rig);
	set_sregs(rig);
	touch_pages(rig);
	memcpy(rig->ram + CODE, code, len);
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_REGS, &regs), ==, 0);
	rig->vcpu = arch_vcpu_new(rig->fd, rig->run, &error);
	g_assert_no_error(error);
	rig->memory = (ArchMemory){mem_read, mem_write, rig};
}

static void rig_close(Rig *rig)
{
	arch_vcpu_free(rig->vcpu);
	munmap(rig->run, rig->run_size);
	munmap(rig->ram, RAM_SIZE);
	close(rig->fd);
	close(rig->vm_fd);
	close(rig->kvm_fd);
}

/* ---- Running ---- */

static void rig_debug(Rig *rig, uint32_t control, const struct kvm_guest_debug_arch *arch)
{
	struct kvm_guest_debug debug = {.control = control ? KVM_GUESTDBG_ENABLE | control : 0};

	if (arch)
		debug.arch = *arch;
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_GUEST_DEBUG, &debug), ==, 0);
}

static void rig_arm(Rig *rig, uint32_t control, const GdbBreak *points, unsigned n)
{
	g_autoptr(GError) error = NULL;
	struct kvm_guest_debug_arch arch;

	g_assert_true(arch_encode_hw(&features, points, n, &arch, &error));
	g_assert_no_error(error);
	rig_debug(rig, control | arch_hw_control(), &arch);
}

/* Returns the exit reason. The alarm ends a run that hangs, and the test with it. */
static uint32_t rig_run(Rig *rig)
{
	int ret;

	alarm(20);
	ret = ioctl(rig->fd, KVM_RUN, 0);
	if (ret < 0)
		g_error("KVM_RUN: %s", g_strerror(errno));
	alarm(0);
	arch_forget(rig->vcpu);
	return rig->run->exit_reason;
}

static struct kvm_regs rig_regs(Rig *rig)
{
	struct kvm_regs regs;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_REGS, &regs), ==, 0);
	return regs;
}

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

static bool has(bool feature, const char *what)
{
	if (!feature)
		g_test_skip_printf("this KVM does not report %s", what);
	return feature;
}

/* ---- Steps ---- */

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
	if (step.landing && features.hw_break)
		rig_arm(rig, control, &(GdbBreak){GDB_BREAK_HW, step.landing, 1}, 1);
	else
		rig_debug(rig, control, NULL);
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

#define BYTES(s) s, sizeof(s) - 1

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
	/* mov $3, %ecx; rep stosb to rdi: each iteration is a step */
	{"rep", BYTES("\xbf\x00\x90\x00\x00\xb9\x03\x00\x00\x00\xf3\xaa\x90\xf4"), 6, 1, false},
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

	if (!has(features.step, "steps") ||
	    (program->needs_landing && !has(features.sw_break, "software traps of the guest")) ||
	    (program->needs_landing && !has(features.hw_break, "hardware breakpoints")))
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

	if (!has(features.step, "steps"))
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

	if (!has(features.step, "steps") || !has(features.block_irq, "KVM_GUESTDBG_BLOCKIRQ"))
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
	g_assert_cmphex(get64(&rig, rig_regs(&rig).rsp), ==, CODE + 3);
	rig_close(&rig);
}

/* ---- Software traps ---- */

static void test_sw_break(void)
{
	size_t len;
	const uint8_t *insn = arch_trap_insn(&len);
	ArchTrap trap;
	Rig rig;

	if (!has(features.sw_break, "int3"))
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

	if (!has(features.sw_break, "int3") || !has(features.hw_break, "hardware breakpoints"))
		return;
	rig_open(&plain, own->code, own->len, false);
	plain_frame = run_to_handler(&plain, own->vector);
	rig_open(&rig, own->code, own->len, false);
	rig_arm(&rig, arch_sw_control(), &elsewhere, 1);
	if (own->exits) {
		ArchTrap trap = run_to_trap(&rig, &elsewhere, 1);

		g_assert_cmpint(trap.insn, ==, own->vector == 3);
		g_assert_cmpint(trap.point, ==, -1);
		reinject(&rig);
	}
	frame = run_to_handler(&rig, own->vector);
	g_assert_cmphex(frame, ==, plain_frame);
	for (unsigned i = 0; i < 5; i++)
		g_assert_cmphex(get64(&rig, frame + 8 * i), ==, get64(&plain, frame + 8 * i));
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

	if (!has(features.hw_break, "hardware breakpoints"))
		return;
	rig_open(&rig, BYTES("\x90\x90\x90\x90\x90\x90\xf4"), false);
	for (unsigned i = 0; i < 4; i++) {
		struct kvm_regs regs;
		ArchTrap trap;

		rig_arm(&rig, 0, points, 4);
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

	if (!has(features.hw_break, "hardware breakpoints"))
		return;
	rig_open(&rig, BYTES("\x90\x90\xeb\xfd\xf4"), false); /* nop; 1: nop; jmp 1b */
	rig_arm(&rig, 0, &point, 1);
	g_assert_cmpint(run_to_trap(&rig, &point, 1).point, ==, 0);
	if (!has(arch_pass_break(&features, rig.vcpu), "that RFLAGS.RF passes a breakpoint")) {
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

	if (!has(features.watch, "watchpoints"))
		return;
	memcpy(code, row->code, row->len);
	memcpy(code + row->len, "\x90\xf4", 2);
	rig_open(&rig, code, row->len + 2, false);
	rig_arm(&rig, 0, &row->point, 1);
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

	if (!has(features.watch, "watchpoints") || !has(features.step, "steps"))
		return;
	rig_open(&rig, BYTES("\x48\x89\x03\x90\xf4"), false);
	rig_arm(&rig, KVM_GUESTDBG_SINGLESTEP, &point, 1);
	trap = run_to_trap(&rig, &point, 1);
	g_assert_cmpint(trap.point, ==, 0);
	g_assert_true(trap.step);
	g_assert_cmphex(rig_regs(&rig).rip, ==, CODE + 3);
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

		g_assert_true(arch_probe(kvm_fd, &again, &error));
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

	g_assert_false(arch_probe(fd, &ret, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	close(fd);
}

static bool phys_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	return mem_read(opaque, gpa, buf, len) == len;
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

/* What this KVM does not report is said, and never armed. */
static void test_refused(void)
{
	const GdbBreak hw = {GDB_BREAK_HW, CODE, 1}, watch = {GDB_WATCH_WRITE, DATA, 4};
	const GdbBreak reads = {GDB_WATCH_READ, DATA, 4};
	const ArchFeatures none = {0}, all = {.hw_break = true, .watch = true};
	struct kvm_guest_debug_arch arch;
	g_autoptr(GError) error = NULL;

	g_assert_false(arch_encode_hw(&none, &hw, 1, &arch, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_false(arch_encode_hw(&none, &watch, 1, &arch, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_false(arch_encode_hw(&all, &reads, 1, &arch, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_true(arch_check_sw_break(CODE, 1, &error));
	g_assert_false(arch_check_sw_break(CODE, 16, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
}

static void on_alarm(int signo)
{
	(void)signo; /* ends KVM_RUN with EINTR */
}

static void add_tables(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(programs); i++) {
		g_autofree char *path = g_strdup_printf("/kvm-x86-debug/step/%s", programs[i].name);
		g_test_add_data_func(path, &programs[i], test_step_program);
	}
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

static void test_no_kvm(void)
{
	g_test_skip("/dev/kvm cannot be opened");
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_alarm};
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	g_autoptr(GError) error = NULL;

	g_test_init(&argc, &argv, NULL);
	sigaction(SIGALRM, &action, NULL);
	if (kvm_fd < 0) {
		g_test_add_func("/kvm-x86-debug/none", test_no_kvm);
		return g_test_run();
	}
	if (!arch_probe(kvm_fd, &features, &error))
		g_error("%s", error->message);
	close(kvm_fd);
	g_test_add_func("/kvm-x86-debug/probe", test_probe);
	g_test_add_func("/kvm-x86-debug/probe-no-kvm", test_probe_no_kvm);
	g_test_add_func("/kvm-x86-debug/root", test_root);
	g_test_add_func("/kvm-x86-debug/refused", test_refused);
	g_test_add_func("/kvm-x86-debug/step/halted", test_step_halted);
	g_test_add_func("/kvm-x86-debug/step/quiet", test_step_quiet);
	g_test_add_func("/kvm-x86-debug/sw-break", test_sw_break);
	g_test_add_func("/kvm-x86-debug/reinject-busy", test_reinject_busy);
	g_test_add_func("/kvm-x86-debug/hw-break", test_hw_break);
	g_test_add_func("/kvm-x86-debug/pass-break", test_pass_break);
	g_test_add_func("/kvm-x86-debug/watch-and-step", test_watch_and_step);
	add_tables();
	return g_test_run();
}

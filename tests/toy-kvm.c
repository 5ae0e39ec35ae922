/*
 * tests/toy-kvm.c - see tests/toy-kvm.h. The tables here are process-wide, as descriptors are.
 */
#include "tests/toy-kvm.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm/arch.h"
#include "kvm/monitor.h"
#include "kvm/probe.h"
#include "kvm/vmcore.h"

int ioctl(int fd, unsigned long request, ...);

typedef struct ToyPoint {
	uint64_t addr;
	uint32_t type, len;
} ToyPoint;

/* What the toy puts into kvm_guest_debug_arch and kvm_debug_exit_arch. */
typedef struct ToyDebugRegs {
	uint64_t n;
	ToyPoint points[TOY_SLOTS];
} ToyDebugRegs;

typedef enum ToyCauseKind { TOY_STEP = 1, TOY_TRAP, TOY_POINT, TOY_MASKED } ToyCauseKind;

typedef struct ToyCause {
	uint16_t kind;
	uint16_t step; /* and an instruction was completed under SINGLESTEP */
	uint32_t point;
	uint64_t addr;
} ToyCause;

G_STATIC_ASSERT(sizeof(ToyDebugRegs) <= sizeof(struct kvm_guest_debug_arch));
G_STATIC_ASSERT(sizeof(ToyCause) <= sizeof(struct kvm_debug_exit_arch));

enum { TOY_PC = 4, TOY_REGS };
#define TOY_INSN_MAX 3

typedef struct ToyCpu {
	ToyVm *vm;
	int fd;
	struct kvm_run *run;
	uint64_t regs[TOY_REGS];
	bool monitor;	    /* of a1; an exception, as each KVM_RUN ends with, clears it */
	bool kernel, pass;  /* pass: the point at pc does not fire once (RFLAGS.RF) */
	unsigned io_length; /* of the I/O instruction that is half done; 0: none */
	bool io_done;	    /* as on arm: a step ends before the next instruction */
	bool step_off;	    /* a handler was entered since KVM_SET_GUEST_DEBUG */
	int run_error, control_error; /* atomic */
	ToyTable table;
	bool nested;
	bool late, off;
	int halted; /* atomic */
	struct kvm_guest_debug debug;
	unsigned guest_traps, control_calls, excuses;
	uint64_t instructions;
	uint64_t handler; /* of the interrupt that waits, atomic; 0: none does */
} ToyCpu;

struct ToyVm {
	uint64_t clock_behind; /* of the host's clock; atomic */
	unsigned clock_sets;   /* atomic */
	const ToyWatcher *watcher;
	uint8_t ram[TOY_RAM];
	int late;
	unsigned n;
	ToyCpu cpus[];
};

static ToyCpu *cpu_by_fd[1024];
static bool sw_break_works = true, rf_works = true, like_arm, like_linux, skips;

/* ---- The machine ---- */

ToyVm *toy_new(unsigned n_vcpus)
{
	ToyVm *vm = g_malloc0(sizeof(ToyVm) + n_vcpus * sizeof(ToyCpu));

	vm->n = n_vcpus;
	for (unsigned i = 0; i < n_vcpus; i++) {
		ToyCpu *cpu = &vm->cpus[i];

		cpu->vm = vm;
		cpu->run = g_malloc0(4096);
		cpu->kernel = true;
		cpu->fd = eventfd(0, EFD_CLOEXEC);
		g_assert_cmpint(cpu->fd, <, (int)G_N_ELEMENTS(cpu_by_fd));
		cpu_by_fd[cpu->fd] = cpu;
	}
	return vm;
}

void toy_free(ToyVm *vm)
{
	for (unsigned i = 0; i < vm->n; i++) {
		cpu_by_fd[vm->cpus[i].fd] = NULL;
		close(vm->cpus[i].fd);
		g_free(vm->cpus[i].run);
	}
	g_free(vm);
}

uint8_t *toy_ram(ToyVm *vm)
{
	return vm->ram;
}

int toy_fd(ToyVm *vm, unsigned cpu)
{
	return vm->cpus[cpu].fd;
}

struct kvm_run *toy_run(ToyVm *vm, unsigned cpu)
{
	return vm->cpus[cpu].run;
}

void toy_set_pc(ToyVm *vm, unsigned cpu, uint64_t pc)
{
	vm->cpus[cpu].regs[TOY_PC] = pc;
}

void toy_set_kernel(ToyVm *vm, unsigned cpu, bool kernel)
{
	vm->cpus[cpu].kernel = kernel;
}

void toy_set_table(ToyVm *vm, unsigned cpu, ToyTable table)
{
	vm->cpus[cpu].table = table;
}

void toy_set_nested(ToyVm *vm, unsigned cpu, bool nested)
{
	vm->cpus[cpu].nested = nested;
}

void toy_map_late_on(ToyVm *vm, unsigned cpu)
{
	vm->cpus[cpu].late = true;
}

void toy_map_late(ToyVm *vm)
{
	__atomic_store_n(&vm->late, 1, __ATOMIC_SEQ_CST);
}

void toy_wake(ToyVm *vm, unsigned cpu)
{
	__atomic_store_n(&vm->cpus[cpu].halted, 0, __ATOMIC_SEQ_CST);
}

void toy_set_sw_break(bool works)
{
	sw_break_works = works;
}

void toy_set_rf(bool works)
{
	rf_works = works;
}

void toy_set_skips(bool on)
{
	skips = on;
}

void toy_set_like_linux(bool on)
{
	like_linux = on;
}

void toy_set_like_arm(bool on)
{
	like_arm = on;
}

void toy_fail_run(ToyVm *vm, unsigned cpu, int error)
{
	__atomic_store_n(&vm->cpus[cpu].run_error, error, __ATOMIC_SEQ_CST);
}

void toy_fail_control(ToyVm *vm, unsigned cpu, int error)
{
	__atomic_store_n(&vm->cpus[cpu].control_error, error, __ATOMIC_SEQ_CST);
}

bool toy_halted(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].halted, __ATOMIC_SEQ_CST);
}

void toy_interrupt(ToyVm *vm, unsigned cpu, uint64_t handler)
{
	__atomic_store_n(&vm->cpus[cpu].handler, handler, __ATOMIC_SEQ_CST);
}

unsigned toy_guest_traps(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].guest_traps, __ATOMIC_SEQ_CST);
}

unsigned toy_control_calls(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].control_calls, __ATOMIC_SEQ_CST);
}

uint32_t toy_control(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].debug.control, __ATOMIC_SEQ_CST);
}

uint64_t toy_instructions(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].instructions, __ATOMIC_SEQ_CST);
}

void toy_set_watcher(ToyVm *vm, const ToyWatcher *watcher)
{
	vm->watcher = watcher;
}

uint64_t toy_reg(ToyVm *vm, unsigned cpu, unsigned reg)
{
	return vm->cpus[cpu].regs[reg];
}

uint64_t toy_digest(ToyVm *vm, unsigned cpu)
{
	const ToyCpu *at = &vm->cpus[cpu];
	uint64_t sum = at->pass | at->io_done << 1 | at->step_off << 2 | at->io_length << 3 |
		       at->monitor << 8 | (uint64_t)at->debug.control << 10;
	const uint8_t *bytes = (const uint8_t *)&at->debug.arch;

	sum ^= (uint64_t)at->run_error << 48 ^ (uint64_t)at->control_error << 56;
	sum ^= at->handler << 20;
	/* r0 only counts. */
	for (unsigned i = 1; i < TOY_REGS; i++)
		sum = (sum ^ at->regs[i]) * 0x9e3779b97f4a7c15 + (sum >> 29);
	for (unsigned i = 0; i < sizeof(ToyDebugRegs); i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3;
	return sum;
}

static unsigned index_of(const ToyCpu *cpu)
{
	return cpu - cpu->vm->cpus;
}

static void note_executed(const ToyCpu *cpu, uint64_t pc)
{
	const ToyWatcher *watcher = cpu->vm->watcher;

	if (watcher)
		watcher->executed(watcher->opaque, index_of(cpu), pc);
}

static bool to_physical(bool kernel, bool late, uint64_t addr, uint64_t *ret)
{
	bool mapped = addr < TOY_LATE || addr - TOY_USER < TOY_RAM || addr - TOY_DATA < TOY_RAM ||
		      (addr < TOY_KERNEL && late && addr - TOY_LATE < TOY_RAM) ||
		      (kernel && addr - TOY_KERNEL < TOY_RAM);

	*ret = addr % TOY_RAM;
	return mapped;
}

/* ---- KVM_RUN ---- */

static uint8_t *byte_at(ToyCpu *cpu, uint64_t addr)
{
	uint64_t gpa;

	to_physical(cpu->kernel, true, addr, &gpa);
	return &cpu->vm->ram[gpa];
}

static uint8_t load(ToyCpu *cpu, uint64_t addr)
{
	return __atomic_load_n(byte_at(cpu, addr), __ATOMIC_SEQ_CST);
}

static int debug_exit(ToyCpu *cpu, ToyCauseKind kind, uint32_t point, uint64_t addr)
{
	const ToyDebugRegs *regs = (const ToyDebugRegs *)&cpu->debug.arch;
	bool done = kind == TOY_STEP ||
		    (kind == TOY_POINT && !like_arm && regs->points[point].type != GDB_BREAK_HW);
	ToyCause cause = {
		.kind = kind,
		.step = done && cpu->debug.control & KVM_GUESTDBG_SINGLESTEP,
		.point = point,
		.addr = addr,
	};

	cpu->run->exit_reason = KVM_EXIT_DEBUG;
	memcpy(&cpu->run->debug.arch, &cause, sizeof(cause));
	return 0;
}

/* The point that fires for this access; -1. Execution: type GDB_BREAK_HW. */
static int match_point(ToyCpu *cpu, bool execute, uint64_t addr)
{
	const ToyDebugRegs *regs = (const ToyDebugRegs *)&cpu->debug.arch;

	if (!(cpu->debug.control & KVM_GUESTDBG_ENABLE))
		return -1;
	for (unsigned i = 0; i < regs->n; i++) {
		const ToyPoint *point = &regs->points[i];

		if ((point->type == GDB_BREAK_HW) == execute &&
		    addr - point->addr < (execute ? 1 : point->len))
			return i;
	}
	return -1;
}

enum { RAN = 1 }; /* the instruction is done; else 0: an exit, -1: errno */

static int execute(ToyCpu *cpu)
{
	uint64_t *pc = &cpu->regs[TOY_PC];
	uint64_t at;

	switch (load(cpu, *pc)) {
	case 0xcc:
		if (cpu->debug.control & KVM_GUESTDBG_ENABLE && sw_break_works)
			return debug_exit(cpu, TOY_TRAP, 0, 0);
		__atomic_add_fetch(&cpu->guest_traps, 1, __ATOMIC_SEQ_CST);
		*pc += 1;
		return RAN;
	case 0xeb:
		*pc += 2 + (int8_t)load(cpu, *pc + 1);
		return RAN;
	case 0x01:
		at = load(cpu, *pc + 1) | load(cpu, *pc + 2) << 8;
		if (like_arm && match_point(cpu, false, at) >= 0)
			return debug_exit(cpu, TOY_POINT, match_point(cpu, false, at), at);
		__atomic_add_fetch(byte_at(cpu, at), 1, __ATOMIC_SEQ_CST);
		cpu->regs[0]++;
		*pc += 3;
		if (match_point(cpu, false, at) < 0)
			return RAN;
		__atomic_add_fetch(&cpu->instructions, 1, __ATOMIC_SEQ_CST);
		return debug_exit(cpu, TOY_POINT, match_point(cpu, false, at), at);
	case 0xa0:
		at = load(cpu, *pc + 1) | load(cpu, *pc + 2) << 8;
		cpu->regs[1] = load(cpu, at);
		cpu->monitor = true;
		*pc += 3;
		return RAN;
	case 0xa4:
		at = load(cpu, *pc + 1) | load(cpu, *pc + 2) << 8;
		cpu->regs[1] = load(cpu, at);
		cpu->monitor = true;
		*pc += cpu->regs[1] ? 0 : 3;
		return RAN;
	case 0xa1:
		at = load(cpu, *pc + 1) | load(cpu, *pc + 2) << 8;
		if (match_point(cpu, false, at) >= 0)
			return debug_exit(cpu, TOY_POINT, match_point(cpu, false, at), at);
		cpu->regs[2] = !cpu->monitor;
		if (cpu->monitor)
			__atomic_store_n(byte_at(cpu, at), cpu->regs[1] + 1, __ATOMIC_SEQ_CST);
		cpu->monitor = false;
		*pc += 3;
		return RAN;
	case 0xa2:
		*pc += 2 + (cpu->regs[2] ? (int8_t)load(cpu, *pc + 1) : 0);
		return RAN;
	case 0xa3:
		*pc += 2 + (cpu->regs[1] ? (int8_t)load(cpu, *pc + 1) : 0);
		return RAN;
	case 0xd0:
		if ((cpu->debug.control & (KVM_GUESTDBG_ENABLE | arch_hw_control())) ==
		    KVM_GUESTDBG_ENABLE)
			return debug_exit(cpu, TOY_MASKED, 0, 0);
		*pc += 1;
		return RAN;
	case 0xf4:
		__atomic_store_n(&cpu->halted, 1, __ATOMIC_SEQ_CST);
		*pc += 1;
		return RAN;
	case 0xe6:
		cpu->run->exit_reason = KVM_EXIT_IO;
		cpu->run->io.port = load(cpu, *pc + 1);
		cpu->io_length = 2;
		return 0;
	case 0xe7:
		cpu->run->exit_reason = KVM_EXIT_MMIO;
		cpu->run->mmio.phys_addr = load(cpu, *pc + 1) | load(cpu, *pc + 2) << 8;
		cpu->run->mmio.is_write = 1;
		if (like_arm)
			cpu->io_length = 3;
		else
			*pc += 3;
		return 0;
	case 0xfa:
		*pc = load(cpu, *pc + 1) | load(cpu, *pc + 2) << 8;
		cpu->step_off = true;
		return RAN;
	case 0xff:
		cpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	default:
		*pc += 1;
		return RAN;
	}
}

/* TRUE: that was the end of a step, also with immediate_exit. */
static bool finish_io(ToyCpu *cpu)
{
	bool was_port = cpu->io_length == 2;

	if (!cpu->io_length)
		return false;
	if (was_port)
		cpu->regs[1] = cpu->run->io.data_offset;
	note_executed(cpu, cpu->regs[TOY_PC]);
	cpu->regs[TOY_PC] += cpu->io_length;
	cpu->io_length = 0;
	cpu->pass = false;
	cpu->io_done = like_arm;
	return !like_arm && cpu->debug.control & KVM_GUESTDBG_SINGLESTEP;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

/* Does something end this KVM_RUN before its next instruction? @first: it has executed none. */
static bool is_interrupted(ToyCpu *cpu, bool first)
{
	const ToyWatcher *watcher = cpu->vm->watcher;

	if (watcher && !first) {
		if (watcher->before(watcher->opaque, index_of(cpu)))
			return false;
		cpu->run->exit_reason = KVM_EXIT_INTR;
		return true;
	}
	/* The exit reason stays, as with KVM. */
	return __atomic_load_n(&cpu->run->immediate_exit, __ATOMIC_SEQ_CST);
}

static void take_interrupt(ToyCpu *cpu)
{
	if (cpu->regs[3] & TOY_MASK || !__atomic_load_n(&cpu->handler, __ATOMIC_SEQ_CST))
		return;
	cpu->regs[TOY_PC] = __atomic_exchange_n(&cpu->handler, 0, __ATOMIC_SEQ_CST);
	cpu->monitor = false;
}

static int run_cpu(ToyCpu *cpu)
{
	int error;

	cpu->monitor = false;
	if (finish_io(cpu))
		return debug_exit(cpu, TOY_STEP, 0, 0);
	error = __atomic_exchange_n(&cpu->run_error, 0, __ATOMIC_SEQ_CST);
	if (error)
		return fail(error);
	for (bool first = true;; first = false) {
		bool pass = cpu->pass, io_done = cpu->io_done;
		uint64_t pc;
		int point, ret;

		cpu->io_done = false;
		if (is_interrupted(cpu, first))
			return fail(EINTR);
		if (__atomic_load_n(&cpu->halted, __ATOMIC_SEQ_CST)) {
			sched_yield();
			continue;
		}
		if (io_done && cpu->debug.control & KVM_GUESTDBG_SINGLESTEP)
			return debug_exit(cpu, TOY_STEP, 0, 0);
		take_interrupt(cpu);
		pc = cpu->regs[TOY_PC];
		point = pass ? -1 : match_point(cpu, true, cpu->regs[TOY_PC]);
		if (point >= 0)
			return debug_exit(cpu, TOY_POINT, point, cpu->regs[TOY_PC]);
		ret = execute(cpu);
		/* A trap, like every fault, leaves the instruction to be done. */
		if (ret == RAN || cpu->io_length || cpu->regs[TOY_PC] != pc)
			cpu->pass = false;
		if (ret == RAN || cpu->regs[TOY_PC] != pc)
			note_executed(cpu, pc);
		if (ret != RAN)
			return ret;
		if (!(__atomic_add_fetch(&cpu->instructions, 1, __ATOMIC_SEQ_CST) % 64))
			sched_yield();
		if (cpu->debug.control & KVM_GUESTDBG_SINGLESTEP && !cpu->step_off)
			return debug_exit(cpu, TOY_STEP, 0, 0);
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	ToyCpu *cpu = fd >= 0 && fd < (int)G_N_ELEMENTS(cpu_by_fd) ? cpu_by_fd[fd] : NULL;
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!cpu)
		return syscall(SYS_ioctl, fd, request, arg);
	if (request == KVM_RUN)
		return run_cpu(cpu);
	if (request == KVM_SET_GUEST_DEBUG) {
		const struct kvm_guest_debug *debug = arg;
		int error = __atomic_exchange_n(&cpu->control_error, 0, __ATOMIC_SEQ_CST);

		if (error)
			return fail(error);
		cpu->debug.arch = debug->arch;
		cpu->step_off = false;
		__atomic_store_n(&cpu->debug.control, debug->control, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&cpu->control_calls, 1, __ATOMIC_SEQ_CST);
		return 0;
	}
	if (request == KVM_SET_SIGNAL_MASK) {
		errno = EINVAL;
		return !arg || ((const struct kvm_signal_mask *)arg)->len == 8 ? 0 : -1;
	}
	errno = ENOTTY;
	return -1;
}

/* ---- kvm/arch.h: registers ---- */

struct ArchVcpu {
	ToyCpu *cpu;
	uint64_t regs[TOY_REGS];
	bool valid, dirty;
};

uint64_t toy_cache_digest(const ArchVcpu *vcpu)
{
	uint64_t sum = vcpu->valid | vcpu->dirty << 1;

	for (unsigned i = 1; i < TOY_REGS && vcpu->valid; i++)
		sum = (sum ^ vcpu->regs[i]) * 0x9e3779b97f4a7c15 + (sum >> 29);
	return sum;
}

bool kvm_probe(int kvm_fd G_GNUC_UNUSED, ArchFeatures *ret, GError **error G_GNUC_UNUSED)
{
	*ret = (ArchFeatures){
		.step = true,
		.sw_break = sw_break_works,
		.hw_break = true,
		.watch = true,
		.block_irq = true,
		.pass_break = !like_arm && rf_works,
		.watch_before = like_arm,
		.n_breaks = TOY_SLOTS,
		.n_watches = TOY_SLOTS,
	};
	return true;
}

ArchVcpu *arch_vcpu_new(int vcpu_fd, struct kvm_run *run G_GNUC_UNUSED,
			GError **error G_GNUC_UNUSED)
{
	ArchVcpu *vcpu = g_new0(ArchVcpu, 1);

	vcpu->cpu = cpu_by_fd[vcpu_fd];
	return vcpu;
}

void arch_vcpu_free(ArchVcpu *vcpu)
{
	g_free(vcpu);
}

void arch_set_phys_reader(ArchVcpu *vcpu G_GNUC_UNUSED, ArchPhysRead read G_GNUC_UNUSED,
			  void *opaque G_GNUC_UNUSED)
{
}

static const GdbArchitecture toy = {.name = "toy", .pointer_bytes = 8};
static const GdbArchitecture linux_toy = {.name = "linux toy", .pointer_bytes = 8};

const ArchInfo arch_info = {
	.elf_machine = EM_X86_64,
	.descriptions = (const GdbArchitecture *const[]){&linux_toy, &toy, NULL},
	.anchors = (const ArchAnchor[]){{"lstar", "entry_SYSCALL_64", 0}, {0}},
};

GdbRegSet *arch_reg_set(ArchVcpu *vcpu G_GNUC_UNUSED,
			const GdbArchitecture *description G_GNUC_UNUSED,
			GError **error G_GNUC_UNUSED)
{
	static const GdbReg rows[] = {
		{"r0", 0, 64, "int64", NULL, 0, 0},	    {"r1", 1, 64, "int64", NULL, 0, 1},
		{"r2", 2, 64, "int64", NULL, 0, 2},	    {"r3", 3, 64, "int64", NULL, 0, 3},
		{"pc", 4, 64, "code_ptr", NULL, 0, TOY_PC},
	};
	static const GdbReg system_rows[] = {{"lstar", 5, 64, "code_ptr", NULL, 0, 3}};
	static const GdbFeature feature = {"org.vmgdb.toy", NULL, rows, G_N_ELEMENTS(rows)};
	static const GdbFeature system = {"org.vmgdb.toy.system", NULL, system_rows, 1};
	GdbRegSet *set = gdb_reg_set_new(like_linux ? &linux_toy : &toy, TOY_REGS, TOY_PC);

	gdb_reg_set_add(set, &feature);
	if (like_linux)
		gdb_reg_set_add(set, &system);
	return set;
}

static uint64_t *cached(ArchVcpu *vcpu)
{
	if (!vcpu->valid)
		memcpy(vcpu->regs, vcpu->cpu->regs, sizeof(vcpu->regs));
	vcpu->valid = true;
	return vcpu->regs;
}

bool arch_read_reg(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error G_GNUC_UNUSED)
{
	memcpy(buf, &cached(vcpu)[reg->id], 8);
	return true;
}

bool arch_write_reg(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf,
		    GError **error G_GNUC_UNUSED)
{
	memcpy(&cached(vcpu)[reg->id], buf, 8);
	vcpu->dirty = true;
	return true;
}

bool arch_is_dirty(const ArchVcpu *vcpu)
{
	return vcpu->dirty;
}

bool arch_flush(ArchVcpu *vcpu, GError **error G_GNUC_UNUSED)
{
	if (vcpu->dirty)
		memcpy(vcpu->cpu->regs, vcpu->regs, sizeof(vcpu->regs));
	vcpu->dirty = false;
	return true;
}

bool arch_flush_and_run(ArchVcpu *vcpu, bool look G_GNUC_UNUSED, GError **error)
{
	return arch_flush(vcpu, error);
}

void arch_forget(ArchVcpu *vcpu)
{
	vcpu->valid = false;
	vcpu->dirty = false;
}

bool arch_get_pc(ArchVcpu *vcpu, uint64_t *ret, GError **error G_GNUC_UNUSED)
{
	*ret = cached(vcpu)[TOY_PC];
	return true;
}

void toy_set_off(ToyVm *vm, unsigned cpu, bool off)
{
	vm->cpus[cpu].off = off;
}

const char *arch_run_state(ArchVcpu *vcpu)
{
	if (vcpu->cpu->off)
		return "off";
	return __atomic_load_n(&vcpu->cpu->halted, __ATOMIC_SEQ_CST) ? "halted" : "running";
}

bool arch_in_nested_guest(ArchVcpu *vcpu)
{
	return vcpu->cpu->nested;
}

bool arch_is_off(ArchVcpu *vcpu)
{
	return vcpu->cpu->off;
}

bool arch_io_pending(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO;
}

/* ---- kvm/arch.h: translation ---- */

/* The words of a root: is TOY_LATE mapped, the ToyTable. */
bool arch_get_root(ArchVcpu *vcpu, ArchRoot *ret, GError **error G_GNUC_UNUSED)
{
	*ret = (ArchRoot){.kernel = vcpu->cpu->kernel, .nested = vcpu->cpu->nested};
	ret->word[0] = __atomic_load_n(&vcpu->cpu->vm->late, __ATOMIC_SEQ_CST) || vcpu->cpu->late;
	ret->word[1] = vcpu->cpu->kernel || vcpu->cpu->table ? vcpu->cpu->table : TOY_TABLE_ALONE;
	return true;
}

static bool has_kernel(const ArchRoot *root, uint64_t addr)
{
	return root->word[1] == TOY_TABLE_KERNEL || addr - TOY_ENTRY < TOY_ENTRY_SIZE;
}

bool arch_walk(const ArchRoot *root, ArchPhysRead read G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED,
	       uint64_t addr, ArchMapping *ret)
{
	uint64_t gpa;

	if (!to_physical(has_kernel(root, addr), root->word[0], addr, &gpa))
		return false;
	*ret = (ArchMapping){
		.gpa = gpa,
		.left = 0x1000 - gpa % 0x1000,
		.execute = addr - TOY_DATA >= TOY_RAM,
		.kernel = addr - TOY_USER >= TOY_RAM,
	};
	return true;
}

bool arch_is_kernel_address(const ArchRoot *root G_GNUC_UNUSED, uint64_t addr)
{
	return addr >= TOY_KERNEL;
}

void arch_region(const ArchRoot *root G_GNUC_UNUSED, ArchPhysRead read G_GNUC_UNUSED,
		 void *opaque G_GNUC_UNUSED, uint64_t addr, GdbRegion *ret)
{
	*ret = (GdbRegion){.start = addr, .last = addr};
}

bool arch_kernel_root(const ArchRoot *user, ArchPhysRead read G_GNUC_UNUSED,
		      void *opaque G_GNUC_UNUSED, ArchRoot *ret)
{
	if (user->word[1] != TOY_TABLE_PAIR)
		return false;
	*ret = *user;
	ret->word[1] = TOY_TABLE_KERNEL;
	ret->kernel = true;
	return true;
}

/* ---- kvm/arch.h: breakpoints ---- */

const uint8_t *arch_trap_insn(size_t *ret_len)
{
	static const uint8_t trap = 0xcc;

	*ret_len = 1;
	return &trap;
}

bool arch_is_trap(ArchVcpu *vcpu G_GNUC_UNUSED, const uint8_t *insn, size_t len)
{
	return len && insn[0] == 0xcc;
}

bool arch_check_sw_break(uint64_t addr G_GNUC_UNUSED, uint64_t kind, GError **error)
{
	if (kind == 1)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "the toy's breakpoints have kind 1");
	return false;
}

bool arch_can_patch(ArchVcpu *vcpu G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED)
{
	return true;
}

void arch_sync_code(void *host G_GNUC_UNUSED, size_t len G_GNUC_UNUSED)
{
}

bool arch_encode_hw(const ArchFeatures *features G_GNUC_UNUSED, const GdbBreak *points, unsigned n,
		    struct kvm_guest_debug_arch *ret, GError **error)
{
	ToyDebugRegs regs = {.n = n};

	if (n > TOY_SLOTS) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC, "all 3 slots are in use");
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		regs.points[i] = (ToyPoint){points[i].addr, points[i].type, points[i].kind};
	memcpy(ret, &regs, sizeof(regs));
	return true;
}

ArchTrap arch_decode_trap(ArchVcpu *vcpu G_GNUC_UNUSED, const struct kvm_run *run,
			  const GdbBreak *points G_GNUC_UNUSED, unsigned n G_GNUC_UNUSED)
{
	ToyCause cause;

	memcpy(&cause, &run->debug.arch, sizeof(cause));
	return (ArchTrap){
		.insn = cause.kind == TOY_TRAP,
		.step = cause.step,
		.point = cause.kind == TOY_POINT ? (int)cause.point : -1,
		.addr = cause.addr,
	};
}

unsigned arch_own_points(ArchVcpu *vcpu G_GNUC_UNUSED,
			 struct kvm_guest_debug_arch *hw G_GNUC_UNUSED)
{
	return 0;
}

bool arch_debug_applied(ArchVcpu *vcpu G_GNUC_UNUSED, bool stepping G_GNUC_UNUSED,
			GError **error G_GNUC_UNUSED)
{
	return true;
}

bool arch_takes_trap(ArchVcpu *vcpu G_GNUC_UNUSED, const struct kvm_run *run)
{
	ToyCause cause;

	memcpy(&cause, &run->debug.arch, sizeof(cause));
	return cause.kind != TOY_MASKED;
}

bool arch_reinject(ArchVcpu *vcpu, const struct kvm_run *run G_GNUC_UNUSED,
		   const ArchMemory *mem G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	__atomic_add_fetch(&vcpu->cpu->guest_traps, 1, __ATOMIC_SEQ_CST);
	vcpu->cpu->regs[TOY_PC] += 1;
	vcpu->valid = false;
	return true;
}

bool arch_pass_break(const ArchFeatures *features, ArchVcpu *vcpu)
{
	vcpu->cpu->pass = features->pass_break;
	return features->pass_break;
}

bool arch_is_passing(ArchVcpu *vcpu)
{
	return vcpu->cpu->pass;
}

bool arch_step_again(ArchVcpu *vcpu)
{
	return !like_arm && arch_flush(vcpu, NULL);
}

bool arch_skip_insn(ArchVcpu *vcpu, const uint8_t *insn, size_t len)
{
	if (!skips || !len || insn[0] != 0x90)
		return false;
	note_executed(vcpu->cpu, cached(vcpu)[TOY_PC]++);
	vcpu->dirty = true;
	__atomic_add_fetch(&vcpu->cpu->instructions, 1, __ATOMIC_SEQ_CST);
	return true;
}

bool arch_ends_range(ArchVcpu *vcpu G_GNUC_UNUSED, const ArchMemory *mem G_GNUC_UNUSED)
{
	return false;
}

bool arch_step_begin(ArchVcpu *vcpu, bool quiet G_GNUC_UNUSED, const ArchMemory *mem, ArchStep *ret,
		     GError **error G_GNUC_UNUSED)
{
	uint8_t insn[TOY_INSN_MAX] = {0};
	uint64_t pc;

	/* Looks at as much as an instruction may have, as x86 does. */
	if (arch_get_pc(vcpu, &pc, NULL))
		mem->read(mem->opaque, pc, insn, sizeof(insn));
	if (insn[0] == 0xfa)
		ret->landings[ret->n_landings++] = insn[1] | insn[2] << 8;
	/* A halted CPU is made to run on, as x86 does. */
	__atomic_store_n(&vcpu->cpu->halted, 0, __ATOMIC_SEQ_CST);
	if (like_arm) {
		cached(vcpu)[3] |= TOY_MASK;
		vcpu->dirty = true;
	}
	return true;
}

static unsigned insn_length(uint8_t first)
{
	if (first == 0x01 || first == 0xa0 || first == 0xa1 || first == 0xa4 || first == 0xe7)
		return 3;
	return first == 0xeb || first == 0xa2 || first == 0xa3 || first == 0xe6 ? 2 : 1;
}

#define TOY_SEQUENCE_MAX 16

/* From a0 over @at to behind a1 and the a2 that may follow; 0: @at is not in such a sequence. */
static unsigned sequence_end(const uint8_t *code, unsigned len, unsigned load, unsigned at)
{
	unsigned i = load;

	while (i < at && (i == load || code[i] != 0xa1))
		i += insn_length(code[i]);
	if ((code[load] != 0xa0 && code[load] != 0xa4) || i != at)
		return 0;
	while (i < len && code[i] != 0xa1)
		i += insn_length(code[i]);
	i += 3;
	return i + 2 > len ? 0 : code[i] == 0xa2 ? i + 2 : i;
}

bool arch_step_begin_through(ArchVcpu *vcpu, bool at_end, const ArchMemory *mem, ArchStep *ret)
{
	uint8_t code[2 * TOY_SEQUENCE_MAX];
	const unsigned at = TOY_SEQUENCE_MAX;
	unsigned end = 0;
	uint64_t pc = cached(vcpu)[TOY_PC];

	*ret = (ArchStep){0};
	if (!like_arm || pc < at ||
	    mem->read(mem->opaque, pc - at, code, sizeof(code)) < sizeof(code) ||
	    (at_end && code[at] != 0xa1))
		return false;
	for (unsigned load = at + 1; load-- > 0 && !end;) {
		end = sequence_end(code, sizeof(code), load, at);
		ret->start = pc - at + load;
	}
	if (!end)
		return false;
	ret->end = ret->ways[0] = pc - at + end;
	ret->n_ways = 1;
	cached(vcpu)[3] |= TOY_MASK;
	vcpu->dirty = true;
	return true;
}

void arch_step_end(ArchVcpu *vcpu, const ArchMemory *mem G_GNUC_UNUSED,
		   const ArchStep *step G_GNUC_UNUSED)
{
	if (like_arm) {
		cached(vcpu)[3] &= ~TOY_MASK;
		vcpu->dirty = true;
	}
}

uint32_t arch_step_control(const ArchFeatures *features G_GNUC_UNUSED, bool quiet G_GNUC_UNUSED)
{
	return 0;
}

uint32_t arch_sw_control(void)
{
	return KVM_GUESTDBG_USE_SW_BP;
}

uint32_t arch_hw_control(void)
{
	return 0x20000;
}

/* ---- kvm/arch.h: the monitor ---- */

bool arch_show_registers(ArchVcpu *vcpu, unsigned index, GString *out, GError **error G_GNUC_UNUSED)
{
	const uint64_t *regs = cached(vcpu);

	g_string_append_printf(
		out, "CPU#%u\nR0=%016" G_GINT64_MODIFIER "x PC=%016" G_GINT64_MODIFIER "x\n", index,
		regs[0], regs[TOY_PC]);
	return true;
}

bool arch_core_notes(ArchVcpu *vcpu, unsigned index G_GNUC_UNUSED, GByteArray *notes,
		     GError **error G_GNUC_UNUSED)
{
	vmcore_add_note(notes, "TOY", 1, cached(vcpu), sizeof(vcpu->regs));
	return true;
}

const GdbMonitorCommand arch_monitor_commands[] = {{0}};

/* ---- kvm/arch.h: clocks ---- */

uint64_t toy_clock(ToyVm *vm)
{
	return g_get_monotonic_time() - __atomic_load_n(&vm->clock_behind, __ATOMIC_SEQ_CST);
}

unsigned toy_clock_sets(ToyVm *vm)
{
	return __atomic_load_n(&vm->clock_sets, __ATOMIC_SEQ_CST);
}

unsigned toy_excuses(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].excuses, __ATOMIC_SEQ_CST);
}

bool arch_clock_save(int vm_fd G_GNUC_UNUSED, ArchVcpu *vcpu, ArchClock *ret)
{
	*ret = (ArchClock){{toy_clock(vcpu->cpu->vm)}};
	return true;
}

void arch_clock_restore(int vm_fd G_GNUC_UNUSED, ArchVcpu *vcpu, bool first, ArchClock *saved,
			uint64_t *ret_held_ns)
{
	ToyVm *vm = vcpu->cpu->vm;
	uint64_t late = toy_clock(vm) - saved->word[0];

	if (!first)
		return;
	*ret_held_ns = late * 1000;
	__atomic_add_fetch(&vm->clock_behind, late, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&vm->clock_sets, 1, __ATOMIC_SEQ_CST);
}

void arch_clock_excuse(ArchVcpu *vcpu)
{
	__atomic_add_fetch(&vcpu->cpu->excuses, 1, __ATOMIC_SEQ_CST);
}

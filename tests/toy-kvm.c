/*
 * tests/toy-kvm.c - see tests/toy-kvm.h: the machines and their KVM. The table of descriptors is
 * process-wide, as descriptors are.
 */
#include "tests/toy-internal.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...);

static ToyCpu *cpu_by_fd[1024];
ToyOptions toy_options = {.sw_break_works = true, .rf_works = true};

ToyCpu *toy_cpu(int fd)
{
	return fd >= 0 && fd < (int)G_N_ELEMENTS(cpu_by_fd) ? cpu_by_fd[fd] : NULL;
}

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

void toy_set_process(ToyVm *vm, unsigned cpu, uint64_t gpa)
{
	vm->cpus[cpu].process = gpa;
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

void toy_set_off(ToyVm *vm, unsigned cpu, bool off)
{
	vm->cpus[cpu].off = off;
}

void toy_set_sw_break(bool works)
{
	toy_options.sw_break_works = works;
}

void toy_set_rf(bool works)
{
	toy_options.rf_works = works;
}

void toy_set_left_out(unsigned n)
{
	toy_options.left_out = n;
}

void toy_set_tells_own(bool tells)
{
	toy_options.tells_own = tells;
}

void toy_set_skips(bool on)
{
	toy_options.skips = on;
}

void toy_set_boots(bool on)
{
	toy_options.boots = on;
}

void toy_set_like_linux(bool on)
{
	toy_options.like_linux = on;
}

void toy_set_like_arm(bool on)
{
	toy_options.like_arm = on;
}

void toy_fail_run(ToyVm *vm, unsigned cpu, int error)
{
	__atomic_store_n(&vm->cpus[cpu].run_error, error, __ATOMIC_SEQ_CST);
}

void toy_signal_at_finish(ToyVm *vm, unsigned cpu, int signo)
{
	__atomic_store_n(&vm->cpus[cpu].signal_at_finish, signo, __ATOMIC_SEQ_CST);
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

unsigned toy_state_calls(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].state_calls, __ATOMIC_SEQ_CST);
}

unsigned toy_control_calls(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].control_calls, __ATOMIC_SEQ_CST);
}

uint32_t toy_control(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].debug.control, __ATOMIC_SEQ_CST);
}

unsigned toy_own_stale(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].own_stale, __ATOMIC_SEQ_CST);
}

uint64_t toy_instructions(ToyVm *vm, unsigned cpu)
{
	return __atomic_load_n(&vm->cpus[cpu].instructions, __ATOMIC_SEQ_CST);
}

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
	sum ^= at->handler << 20 ^ (uint64_t)at->own_points << 40;
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

void toy_note_executed(const ToyCpu *cpu, uint64_t pc)
{
	const ToyWatcher *watcher = cpu->vm->watcher;

	if (watcher)
		watcher->executed(watcher->opaque, index_of(cpu), pc);
}

bool toy_to_physical(bool kernel, bool late, uint64_t addr, uint64_t *ret)
{
	bool mapped = addr < TOY_LATE || addr - TOY_USER < TOY_RAM || addr - TOY_DATA < TOY_RAM ||
		      (addr < TOY_KERNEL && late && addr - TOY_LATE < TOY_RAM) ||
		      (kernel && (addr - TOY_KERNEL < TOY_RAM || addr - TOY_LINUX < TOY_RAM));

	*ret = addr % TOY_RAM;
	return mapped;
}

/* ---- KVM_RUN ---- */

static uint8_t *byte_at(ToyCpu *cpu, uint64_t addr)
{
	uint64_t gpa;

	toy_to_physical(cpu->kernel, true, addr, &gpa);
	if (addr < TOY_ALIAS)
		gpa = (gpa + cpu->process) % TOY_RAM;
	return &cpu->vm->ram[gpa];
}

static uint8_t load(ToyCpu *cpu, uint64_t addr)
{
	return __atomic_load_n(byte_at(cpu, addr), __ATOMIC_SEQ_CST);
}

static int debug_exit(ToyCpu *cpu, ToyCauseKind kind, uint32_t point, uint64_t addr)
{
	const ToyDebugRegs *regs = (const ToyDebugRegs *)&cpu->debug.arch;
	bool done = kind == TOY_STEP || (kind == TOY_POINT && !toy_options.like_arm &&
					 regs->points[point].type != GDB_BREAK_HW);
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

/* The address behind the opcode. */
static uint64_t operand(ToyCpu *cpu)
{
	uint64_t pc = cpu->regs[TOY_PC];

	return load(cpu, pc + 1) | load(cpu, pc + 2) << 8;
}

static int trap(ToyCpu *cpu)
{
	if (cpu->debug.control & KVM_GUESTDBG_ENABLE && toy_options.sw_break_works)
		return debug_exit(cpu, TOY_TRAP, 0, 0);
	__atomic_add_fetch(&cpu->guest_traps, 1, __ATOMIC_SEQ_CST);
	cpu->regs[TOY_PC] += 1;
	return RAN;
}

static int jump_if(ToyCpu *cpu, bool taken)
{
	uint64_t *pc = &cpu->regs[TOY_PC];

	*pc += 2 + (taken ? (int8_t)load(cpu, *pc + 1) : 0);
	return RAN;
}

static int add_one(ToyCpu *cpu)
{
	uint64_t at = operand(cpu);

	if (toy_options.like_arm && match_point(cpu, false, at) >= 0)
		return debug_exit(cpu, TOY_POINT, match_point(cpu, false, at), at);
	__atomic_add_fetch(byte_at(cpu, at), 1, __ATOMIC_SEQ_CST);
	cpu->regs[0]++;
	cpu->regs[TOY_PC] += 3;
	if (match_point(cpu, false, at) < 0)
		return RAN;
	__atomic_add_fetch(&cpu->instructions, 1, __ATOMIC_SEQ_CST);
	return debug_exit(cpu, TOY_POINT, match_point(cpu, false, at), at);
}

/* @spins: it is executed again as long as it loads what is not 0. */
static int load_exclusive(ToyCpu *cpu, bool spins)
{
	cpu->regs[1] = load(cpu, operand(cpu));
	cpu->monitor = true;
	cpu->regs[TOY_PC] += spins && cpu->regs[1] ? 0 : 3;
	return RAN;
}

static int store_exclusive(ToyCpu *cpu)
{
	uint64_t at = operand(cpu);

	if (match_point(cpu, false, at) >= 0)
		return debug_exit(cpu, TOY_POINT, match_point(cpu, false, at), at);
	cpu->regs[2] = !cpu->monitor;
	if (cpu->monitor)
		__atomic_store_n(byte_at(cpu, at), cpu->regs[1] + 1, __ATOMIC_SEQ_CST);
	cpu->monitor = false;
	cpu->regs[TOY_PC] += 3;
	return RAN;
}

static int port_exit(ToyCpu *cpu, unsigned length)
{
	cpu->run->exit_reason = KVM_EXIT_IO;
	cpu->run->io.port = load(cpu, cpu->regs[TOY_PC] + 1);
	cpu->io_length = length;
	return 0;
}

static int device_exit(ToyCpu *cpu)
{
	cpu->run->exit_reason = KVM_EXIT_MMIO;
	cpu->run->mmio.phys_addr = operand(cpu);
	cpu->run->mmio.is_write = 1;
	if (toy_options.like_arm)
		cpu->io_length = 3;
	else
		cpu->regs[TOY_PC] += 3;
	return 0;
}

static bool is_masked_point(const ToyCpu *cpu)
{
	return (cpu->debug.control & (KVM_GUESTDBG_ENABLE | arch_hw_control())) ==
	       KVM_GUESTDBG_ENABLE;
}

static int set_own_points(ToyCpu *cpu)
{
	const ToyDebugRegs *regs = (const ToyDebugRegs *)&cpu->debug.arch;

	if (cpu->debug.control & KVM_GUESTDBG_ENABLE && regs->tell)
		return debug_exit(cpu, TOY_MASKED, 0, 0);
	cpu->own_points = load(cpu, cpu->regs[TOY_PC] + 1);
	cpu->regs[TOY_PC] += 2;
	return RAN;
}

/* Without points of the debugger's all of the guest's are in force. */
static void note_own_points(ToyCpu *cpu)
{
	const ToyDebugRegs *regs = (const ToyDebugRegs *)&cpu->debug.arch;

	if (cpu->debug.control & KVM_GUESTDBG_ENABLE && regs->n &&
	    regs->own != MIN(cpu->own_points, TOY_SLOTS - regs->n))
		__atomic_add_fetch(&cpu->own_stale, 1, __ATOMIC_SEQ_CST);
}

static int execute(ToyCpu *cpu)
{
	switch (load(cpu, cpu->regs[TOY_PC])) {
	case 0xcc:
		return trap(cpu);
	case 0xeb:
		return jump_if(cpu, true);
	case 0x01:
		return add_one(cpu);
	case 0xa0:
		return load_exclusive(cpu, false);
	case 0xa4:
		return load_exclusive(cpu, true);
	case 0xa1:
		return store_exclusive(cpu);
	case 0xa2:
		return jump_if(cpu, cpu->regs[2]);
	case 0xa3:
		return jump_if(cpu, cpu->regs[1]);
	case 0xd0:
		if (is_masked_point(cpu))
			return debug_exit(cpu, TOY_MASKED, 0, 0);
		break;
	case 0xd1:
		return set_own_points(cpu);
	case 0xf4:
		__atomic_store_n(&cpu->halted, 1, __ATOMIC_SEQ_CST);
		break;
	case 0xe5:
		return port_exit(cpu, 3);
	case 0xe6:
		return port_exit(cpu, 2);
	case 0xe7:
		return device_exit(cpu);
	case 0xfa:
		cpu->regs[TOY_PC] = operand(cpu);
		cpu->step_off = true;
		return RAN;
	case 0xff:
		cpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	}
	cpu->regs[TOY_PC] += 1;
	return RAN;
}

/* TRUE: that was the end of a step, also with immediate_exit. */
static bool finish_io(ToyCpu *cpu)
{
	bool was_port = cpu->io_length == 2;
	int signo;

	if (!cpu->io_length)
		return false;
	signo = __atomic_exchange_n(&cpu->signal_at_finish, 0, __ATOMIC_SEQ_CST);
	if (signo)
		pthread_kill(pthread_self(), signo);
	if (was_port)
		cpu->regs[1] = cpu->run->io.data_offset;
	toy_note_executed(cpu, cpu->regs[TOY_PC]);
	cpu->regs[TOY_PC] += cpu->io_length;
	cpu->io_length = 0;
	cpu->pass = false;
	cpu->io_done = toy_options.like_arm;
	return !toy_options.like_arm && cpu->debug.control & KVM_GUESTDBG_SINGLESTEP;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

/* Does a signal wait that KVM_RUN lets through? Looked at as seldom as the toy yields. */
static bool is_signal_due(const ToyCpu *cpu)
{
	sigset_t pending;

	if (cpu->instructions % 64)
		return false;
	sigpending(&pending);
	for (int signo = 1; signo <= SIGRTMAX; signo++) {
		if (sigismember(&pending, signo) > 0 && sigismember(&cpu->blocked, signo) == 0)
			return true;
	}
	return false;
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
	if (__atomic_load_n(&cpu->run->immediate_exit, __ATOMIC_SEQ_CST))
		return true;
	if (watcher || !is_signal_due(cpu))
		return false;
	cpu->run->exit_reason = KVM_EXIT_INTR;
	return true;
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
		note_own_points(cpu);
		ret = execute(cpu);
		/* A trap, like every fault, leaves the instruction to be done. */
		if (ret == RAN || cpu->io_length || cpu->regs[TOY_PC] != pc)
			cpu->pass = false;
		if (ret == RAN || cpu->regs[TOY_PC] != pc)
			toy_note_executed(cpu, pc);
		if (ret != RAN)
			return ret;
		if (!(__atomic_add_fetch(&cpu->instructions, 1, __ATOMIC_SEQ_CST) % 64))
			sched_yield();
		if (cpu->debug.control & KVM_GUESTDBG_SINGLESTEP && !cpu->step_off)
			return debug_exit(cpu, TOY_STEP, 0, 0);
	}
}

/*
 * No handler runs while a thread is in the kernel, so none must run here in the middle either.
 * sigprocmask() is that of the real thread, also where test-model makes pthread_sigmask() up.
 */
static int run_as_kernel(ToyCpu *cpu)
{
	sigset_t all, old;
	int ret, error;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	cpu->blocked = cpu->has_mask ? cpu->mask : old;
	ret = run_cpu(cpu);
	error = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return ret;
}

static int set_mask(ToyCpu *cpu, const struct kvm_signal_mask *mask)
{
	if (mask && mask->len != 8)
		return fail(EINVAL);
	cpu->has_mask = mask;
	sigemptyset(&cpu->mask);
	if (mask)
		memcpy(&cpu->mask, mask->sigset, mask->len); /* the kernel's sigset_t is 64 bits */
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	ToyCpu *cpu = toy_cpu(fd);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!cpu)
		return syscall(SYS_ioctl, fd, request, arg);
	if (request == KVM_RUN)
		return run_as_kernel(cpu);
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
	if (request == KVM_SET_SIGNAL_MASK)
		return set_mask(cpu, arg);
	errno = ENOTTY;
	return -1;
}

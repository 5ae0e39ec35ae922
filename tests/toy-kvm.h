/*
 * tests/toy-kvm.h - a toy architecture and a toy KVM for it, so that the real engine (kvm/) runs in
 * unit tests, under sanitizers, on any machine. It defines every function of kvm/arch.h and an
 * ioctl() that answers KVM_RUN and KVM_SET_GUEST_DEBUG on the toy's descriptors.
 *
 * A toy CPU has registers r0-r3 and pc (numbers 0-4, 64 bits) and these instructions:
 *   90          nop
 *   cc          trap: KVM_EXIT_DEBUG with software breakpoints on, else counted as the guest's
 *   eb rel8     jump, relative to the next instruction
 *   01 lo hi    add 1 to the byte at that address, and to r0
 *   d0          a hardware point of the guest's own, which it has masked: KVM_EXIT_DEBUG while the
 *               debugger has no hardware points in force, as on arm; else a nop
 *   d1 n        the guest has n points of its own from now on. Beside those of the debugger only
 *               those are in force that KVM_SET_GUEST_DEBUG speaks of, as on x86
 *   f4          halt until toy_wake()
 *   e6 port     I/O exit; KVM_RUN then finishes it: r1 = the byte the VMM left in the run page
 *   e7 lo hi    store to a device at that address: MMIO exit. On x86 pc is behind it already when
 *               the VMM sees the exit, and nothing ends a step there; else KVM_RUN finishes it
 *   e5 lo hi    I/O exit for nothing; it may fault, and the handler is at that address
 *   a0 lo hi    load exclusive: r1 = the byte at that address
 *   a1 lo hi    store exclusive: r1 + 1, and r2 = 0; or nothing and r2 = 1, where a KVM_RUN has
 *               ended since the load. A watchpoint is hit before it
 *   a4 lo hi    as a0, again and again until r1 is 0: a spin lock in one place
 *   a2 rel8     jump as eb, if r2 is not 0
 *   a3 rel8     jump as eb, if r1 is not 0
 *   fa lo hi    a page fault that enters the handler there, with steps turned off as on x86
 *   ff          the machine shuts down
 *
 * It has three hardware points, shared by all types.
 *
 * Addresses: RAM is [0, TOY_RAM). TOY_ALIAS + x is RAM x too. TOY_LATE + x is RAM x once
 * toy_map_late() was called. TOY_KERNEL + x is RAM x, but only for a CPU in kernel mode; of it
 * TOY_ENTRY and what follows is in a user's table, too. TOY_USER + x is RAM x at a user's address,
 * while all others count as the kernel's; TOY_DATA + x is RAM x where no code can be fetched.
 * TOY_LINUX + x is RAM x likewise for a CPU in kernel mode, but for code in front of
 * TOY_LINUX_DATA, and from TOY_LINUX_READ_ONLY on not to be written: where the image of a Linux
 * kernel can lie. To a process whose top table is at x (arch.h), which no CPU runs, RAM begins
 * there.
 */
#ifndef VMGDB_TESTS_TOY_KVM_H
#define VMGDB_TESTS_TOY_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define TOY_RAM 0x10000u
#define TOY_ALIAS 0x10000u
#define TOY_LATE 0x20000u
#define TOY_KERNEL 0x80000u
#define TOY_USER 0xa0000u
#define TOY_DATA 0xb0000u
#define TOY_LINUX 0xffffffff81000000ull
#define TOY_LINUX_DATA (TOY_LINUX + 0x1000u)
#define TOY_LINUX_READ_ONLY (TOY_LINUX + 0x8000u)
#define TOY_ENTRY (TOY_KERNEL + 0xf000u)
#define TOY_ENTRY_SIZE 0x1000u
#define TOY_SLOTS 3u

/*
 * The page table that a CPU has: the kernel's, or a user's without the kernel, next to which the
 * kernel's lies (PAIR, as with Linux' page-table isolation) or not. A CPU in user mode that was
 * told of none has one that stands alone.
 */
typedef enum ToyTable { TOY_TABLE_KERNEL, TOY_TABLE_PAIR, TOY_TABLE_ALONE } ToyTable;

typedef struct ToyVm ToyVm;

ToyVm *toy_new(unsigned n_vcpus);
void toy_free(ToyVm *vm);
uint8_t *toy_ram(ToyVm *vm);
int toy_fd(ToyVm *vm, unsigned cpu);
struct kvm_run *toy_run(ToyVm *vm, unsigned cpu);
void toy_set_pc(ToyVm *vm, unsigned cpu, uint64_t pc);
void toy_set_kernel(ToyVm *vm, unsigned cpu, bool kernel);
void toy_set_table(ToyVm *vm, unsigned cpu, ToyTable table);
/* It runs the process whose addresses, those below TOY_ALIAS, begin at @gpa; while it stands. */
void toy_set_process(ToyVm *vm, unsigned cpu, uint64_t gpa);
/* Does it run a guest of the guest's own? */
void toy_set_nested(ToyVm *vm, unsigned cpu, bool nested);
/* Does it wait for another CPU to start it? While its thread does not run. */
void toy_set_off(ToyVm *vm, unsigned cpu, bool off);
void toy_map_late(ToyVm *vm);
void toy_map_late_on(ToyVm *vm, unsigned cpu); /* for this CPU only: another process */
void toy_wake(ToyVm *vm, unsigned cpu);

/* Does this KVM report trap instructions? Before kvm_gdb_new(). */
void toy_set_sw_break(bool works);

/*
 * Does this CPU report a watchpoint before the access, and can it not pass a breakpoint by itself,
 * as on arm? Else as on x86. Before kvm_gdb_new().
 */
void toy_set_like_arm(bool like_arm);

/* Not like arm, can a CPU pass a breakpoint by itself all the same? On at first. Before
 * kvm_gdb_new(). */
void toy_set_rf(bool works);

/* Does arch_skip_insn() pass nops? Off at first, so that steps over them are tested. */
void toy_set_skips(bool skips);
/* So many points of the guest's own find no room beside those of a debugger. */
void toy_set_left_out(unsigned n);

/*
 * Can there be an exit in front of d1? Else the debugger does not hear of it. Before kvm_gdb_new().
 */
void toy_set_tells_own(bool tells);

/* Is it called x86-64, with r3 as lstar, too, number 5? Then an x86 vmlinux fits. Before
 * kvm_gdb_new(). */
void toy_set_like_linux(bool like_linux);

/* May the kernel still write to all of TOY_LINUX, and execute it, as one of x86 that boots? */
void toy_set_boots(bool boots);

/* The next KVM_RUN of this CPU, if any I/O was finished, or KVM_SET_GUEST_DEBUG fails so, once. */
void toy_fail_run(ToyVm *vm, unsigned cpu, int error);
void toy_fail_control(ToyVm *vm, unsigned cpu, int error);
/* A signal comes while KVM_RUN finishes the next I/O of this CPU. */
void toy_signal_at_finish(ToyVm *vm, unsigned cpu, int signo);

/* In r3 while a step masks interrupts, as on arm, and as long as nobody takes it out. */
#define TOY_MASK (1ull << 63)

/*
 * For a test that runs all CPUs on one thread and decides itself who goes on.
 * before: called before each instruction but the first of a KVM_RUN; FALSE: a signal ends it. With
 * it, immediate_exit is looked at where a KVM_RUN begins and nowhere else, as KVM does.
 * executed: the instruction at @pc is done.
 */
typedef struct ToyWatcher {
	bool (*before)(void *opaque, unsigned cpu);
	void (*executed)(void *opaque, unsigned cpu, uint64_t pc);
	void *opaque;
} ToyWatcher;

void toy_set_watcher(ToyVm *vm, const ToyWatcher *watcher); /* borrowed */
/* A number for all that the next KVM_RUN of this CPU depends on, but for memory. */
uint64_t toy_digest(ToyVm *vm, unsigned cpu);
/* Likewise for the engine's cache of its registers. */
struct ArchVcpu;
uint64_t toy_cache_digest(const struct ArchVcpu *vcpu);
/* A register as KVM has it. */
uint64_t toy_reg(ToyVm *vm, unsigned cpu, unsigned reg);

/* Goes to @handler as soon as it is not masked, and does not come back. */
void toy_interrupt(ToyVm *vm, unsigned cpu, uint64_t handler);

/* Counts; may be read while the CPU runs. */
unsigned toy_guest_traps(ToyVm *vm, unsigned cpu);   /* traps the guest got itself */
unsigned toy_control_calls(ToyVm *vm, unsigned cpu); /* KVM_SET_GUEST_DEBUG */
unsigned toy_state_calls(ToyVm *vm, unsigned cpu);   /* arch_run_state() */
uint32_t toy_control(ToyVm *vm, unsigned cpu);	     /* the control word in force */
/* Instructions that were executed with others of the guest's own points in force than there is
 * room for. */
unsigned toy_own_stale(ToyVm *vm, unsigned cpu);
uint64_t toy_instructions(ToyVm *vm, unsigned cpu);
bool toy_halted(ToyVm *vm, unsigned cpu);

/*
 * The toy's clock runs with the host's, in microseconds. toy_clock_sets: how often it was set back;
 * toy_excuses: how often this CPU's guest was told that it had been stopped.
 */
uint64_t toy_clock(ToyVm *vm);
unsigned toy_clock_sets(ToyVm *vm);
unsigned toy_excuses(ToyVm *vm, unsigned cpu);

#endif

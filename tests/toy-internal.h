/*
 * tests/toy-internal.h - a toy CPU and what KVM keeps of it, for toy-kvm.c and toy-arch.c and
 * nobody else.
 */
#ifndef VMGDB_TESTS_TOY_INTERNAL_H
#define VMGDB_TESTS_TOY_INTERNAL_H

#include <signal.h>

#include "kvm/arch.h"
#include "tests/toy-kvm.h"

typedef struct ToyPoint {
	uint64_t addr;
	uint32_t type, len;
} ToyPoint;

/* What the toy puts into kvm_guest_debug_arch and kvm_debug_exit_arch. */
typedef struct ToyDebugRegs {
	uint64_t n;
	uint8_t own; /* so many points of the guest's own are in force beside them, */
	bool tell;   /* and there is an exit where it is about to change them */
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
	int run_error, control_error, signal_at_finish; /* atomic */
	ToyTable table;
	uint64_t process; /* where the addresses below TOY_ALIAS begin */
	bool nested;
	bool late, off;
	int halted; /* atomic */
	bool has_mask;
	sigset_t mask,
		blocked; /* KVM_SET_SIGNAL_MASK's; the signals that do not end this KVM_RUN */
	struct kvm_guest_debug debug;
	unsigned guest_traps, control_calls, state_calls, excuses;
	unsigned own_points, own_stale;
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

/* What toy_set_...() choose; for all machines. */
typedef struct ToyOptions {
	bool sw_break_works, rf_works, like_arm, like_linux, skips, tells_own, boots;
	unsigned left_out;
} ToyOptions;
extern ToyOptions toy_options;

/* The CPU with the descriptor @fd; NULL: there is none. */
ToyCpu *toy_cpu(int fd);
/* Where @addr is; FALSE: nowhere. @late: TOY_LATE is mapped. */
bool toy_to_physical(bool kernel, bool late, uint64_t addr, uint64_t *ret);
/* The instruction at @pc is done: to be told to a ToyWatcher. */
void toy_note_executed(const ToyCpu *cpu, uint64_t pc);

#endif

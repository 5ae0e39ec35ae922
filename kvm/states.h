/*
 * kvm/states.h - the states of a machine and of its vCPUs: which may follow which.
 *
 * Each of them is set here and nowhere else, but where the whole of a Step or a Leaving that is at
 * rest is put in place of another. The table of its moves is in states.c; a state may always follow
 * itself. Builds that look at invariants (invariants.h) end the process at a move that is in no
 * table; in all others it is an assignment.
 */
#ifndef VMGDB_KVM_STATES_H
#define VMGDB_KVM_STATES_H

#include "kvm/internal.h"

typedef enum StateKind {
	STATE_WORLD,
	STATE_VCPU,
	STATE_EXIT,
	STATE_KICK,
	STATE_OVER,
	STATE_STEP
} StateKind;

/* states_may_follow: [pure] may @to follow @from, two values of the enum of @kind? */
bool states_may_follow(StateKind kind, unsigned from, unsigned to);
/* states_check: ends the process if not. */
void states_check(StateKind kind, unsigned from, unsigned to);

/* With the lock held. */
static inline void set_world(KvmGdb *gdb, World to)
{
	if (VMGDB_CHECKS)
		states_check(STATE_WORLD, gdb->world, to);
	gdb->world = to;
	gdb->n_standstills += to == WORLD_STOPPED;
	if (gdb->qmp)
		qmp_notice_world(gdb);
	if (gdb->quit)
		engine_set_alarm(gdb, gdb->quit, GDB_ALARM_SOON);
}

/* On any thread, also without the lock. */
static inline VcpuState get_state(const KvmGdbVcpu *vcpu)
{
	return __atomic_load_n(&vcpu->state, __ATOMIC_SEQ_CST);
}

/* On the vCPU's own thread; without the lock where internal.h says so. */
static inline void set_state(KvmGdbVcpu *vcpu, VcpuState to)
{
	if (VMGDB_CHECKS)
		states_check(STATE_VCPU, get_state(vcpu), to);
	__atomic_store_n(&vcpu->state, to, __ATOMIC_SEQ_CST);
}

static inline void set_exit(KvmGdbVcpu *vcpu, Exit to)
{
	if (VMGDB_CHECKS)
		states_check(STATE_EXIT, vcpu->exit, to);
	vcpu->exit = to;
}

/* With the lock held. */
static inline void set_kick(KvmGdbVcpu *vcpu, Kick to)
{
	if (VMGDB_CHECKS)
		states_check(STATE_KICK, vcpu->kick, to);
	vcpu->kick = to;
}

static inline void set_over(KvmGdbVcpu *vcpu, Over to)
{
	if (VMGDB_CHECKS)
		states_check(STATE_OVER, vcpu->leaving.over, to);
	vcpu->leaving.over = to;
}

static inline void set_step(KvmGdbVcpu *vcpu, StepKind to)
{
	if (VMGDB_CHECKS)
		states_check(STATE_STEP, vcpu->step.kind, to);
	vcpu->step.kind = to;
}

#endif

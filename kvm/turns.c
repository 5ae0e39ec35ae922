/*
 * kvm/turns.c - who steps over a patch while all others wait.
 *
 * A patch is lifted only while no other vCPU runs, so that none can miss it. One vCPU after the
 * other gets past its own; then all run. A breakpoint that is hit all the time must not keep the
 * others from running for good: who was held is owed a turn to run before the next step over.
 */
#include <inttypes.h>
#include <sys/eventfd.h>

#include "kvm/internal.h"
#include "kvm/states.h"

/* How long the other vCPUs run, at least, between two steps over a patch that hold them all. */
#define SLICE_US 20
/* And at most, where the turn before took longer than that. */
#define SLICE_MAX_US 5000

static bool is_waiting(const KvmGdbVcpu *vcpu)
{
	return vcpu->leaving.over == OVER_WAITING;
}

void turns_lift_when_alone(KvmGdb *gdb)
{
	Turns *turns = &gdb->turns;

	if (!turns->over || turns->lifted || gdb->world != WORLD_RUNNING)
		return;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		if (halt_in_guest(kvm_vcpu_at(gdb, i)))
			return;
	}
	kvm_patches_lift(gdb->patches, turns->over->leaving.gpa);
	gdb_log_line(gdb->log, "CPU %u: steps over the breakpoint at guest-physical 0x%" PRIx64,
		     turns->over->index, turns->over->leaving.gpa);
	turns->lifted = true;
	turns->began = g_get_monotonic_time();
	halt_wake(gdb);
}

void turns_lift_also(KvmGdb *gdb, uint64_t gpa)
{
	Turns *turns = &gdb->turns;

	if (gpa == turns->over->leaving.gpa || turns->n_also == TURNS_ALSO_MAX ||
	    !kvm_patches_has(gdb->patches, gpa))
		return;
	kvm_patches_lift(gdb->patches, gpa);
	turns->also[turns->n_also++] = gpa;
}

void turns_lift_again(KvmGdb *gdb)
{
	const Turns *turns = &gdb->turns;

	if (!turns->over || !turns->lifted)
		return;
	kvm_patches_lift(gdb->patches, turns->over->leaving.gpa);
	for (unsigned i = 0; i < turns->n_also; i++)
		kvm_patches_lift(gdb->patches, turns->also[i]);
}

void turns_begin(KvmGdb *gdb)
{
	Turns *turns = &gdb->turns;

	for (unsigned i = 0; i < gdb->vcpus->len && !turns->over; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (is_waiting(vcpu) && vcpu->action.kind != GDB_ACTION_HOLD)
			turns->over = vcpu;
	}
	if (!turns->over)
		return;
	set_over(turns->over, OVER_ALONE);
	turns->lifted = false;
	halt_kick_all(gdb);
	turns_lift_when_alone(gdb);
}

static bool any_owed(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (vcpu->turn_owed && get_state(vcpu) == VCPU_PARKED && halt_may_run(vcpu))
			return true;
	}
	return false;
}

void turns_try(KvmGdb *gdb)
{
	bool wanted = false;

	if (gdb->world != WORLD_RUNNING || gdb->turns.over)
		return;
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		wanted |= is_waiting(kvm_vcpu_at(gdb, i));
	if (wanted && !any_owed(gdb) && g_get_monotonic_time() >= gdb->turns.next_at)
		turns_begin(gdb);
}

bool turns_slice(const KvmGdbVcpu *vcpu, struct timespec *ret)
{
	KvmGdb *gdb = vcpu->gdb;
	gint64 left;

	if (!is_waiting(vcpu) || gdb->turns.over || gdb->world != WORLD_RUNNING || any_owed(gdb))
		return false;
	left = gdb->turns.next_at - g_get_monotonic_time();
	*ret = (struct timespec){.tv_nsec = CLAMP(left, 0, SLICE_MAX_US) * 1000};
	return true;
}

void turns_has_run(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	if (!vcpu->turn_owed)
		return;
	vcpu->turn_owed = false;
	gdb->turns.next_at = g_get_monotonic_time() + gdb->turns.slice;
	for (unsigned i = 0; i < gdb->vcpus->len && !any_owed(gdb); i++) {
		KvmGdbVcpu *waiting = kvm_vcpu_at(gdb, i);

		if (is_waiting(waiting) && get_state(waiting) == VCPU_PARKED)
			eventfd_write(waiting->wake_fd, 1);
	}
}

void turns_cut(KvmGdb *gdb)
{
	KvmGdbVcpu *over = g_steal_pointer(&gdb->turns.over);

	if (!over)
		return;
	set_over(over, OVER_NOTHING);
	while (gdb->turns.n_also > 0)
		kvm_patches_replace(gdb->patches, gdb->turns.also[--gdb->turns.n_also]);
	if (gdb->turns.lifted)
		kvm_patches_replace(gdb->patches, over->leaving.gpa);
}

void turns_done(KvmGdb *gdb)
{
	const KvmGdbVcpu *done = gdb->turns.over;
	gint64 took = g_get_monotonic_time() - gdb->turns.began;

	/* Who has spun for a lock until it was cut off does so again if the others get no time. */
	gdb->turns.slice = CLAMP(took, SLICE_US, SLICE_MAX_US);
	turns_cut(gdb);
	if (gdb->world != WORLD_RUNNING)
		return;
	turns_begin(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len && !gdb->turns.over; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		vcpu->turn_owed =
			vcpu != done && get_state(vcpu) == VCPU_PARKED && halt_may_run(vcpu);
	}
	halt_wake(gdb);
}

void turns_yield(KvmGdbVcpu *vcpu)
{
	turns_done(vcpu->gdb);
	set_over(vcpu, OVER_WAITING);
}

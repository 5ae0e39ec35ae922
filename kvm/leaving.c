/*
 * kvm/leaving.c - the place that a vCPU is leaving: what it has met there and must not meet again.
 *
 * A breakpoint that was reported, or whose condition was false, is still armed when the vCPU goes
 * on from it. How it gets past depends on what it is: a patch is lifted for a step while all others
 * wait (turns.c); a hardware point the CPU may pass by itself (x86: RFLAGS.RF), or it is left out
 * for one step. A stop may cut each of these off before the instruction was executed; then the next
 * run takes it up again.
 */
#include "kvm/internal.h"
#include "kvm/states.h"

static bool is_watch(GdbStopKind kind)
{
	return kind == GDB_STOP_WATCH || kind == GDB_STOP_RWATCH || kind == GDB_STOP_AWATCH;
}

/* A software breakpoint may wait in a hardware point, and get into memory during the stop. */
unsigned leaving_met_by(const KvmGdbVcpu *vcpu, GdbStopKind kind)
{
	if (kind == GDB_STOP_SWBREAK || kind == GDB_STOP_LIBRARY)
		return MET_POINT | MET_PATCH;
	if (kind == GDB_STOP_HWBREAK)
		return MET_POINT;
	return is_watch(kind) && vcpu->gdb->features.watch_before ? MET_WATCH : 0;
}

/*
 * A round of code that is run through again: what was met in it is met by now, until it is behind.
 */
static void go_round(KvmGdbVcpu *vcpu, uint64_t pc)
{
	const Leaving old = vcpu->leaving;

	leaving_end(vcpu);
	vcpu->leaving.pc = pc;
	if (!old.by_step || !through_covers(vcpu, pc))
		return;
	vcpu->leaving.met = old.met & MET_WATCH;
	vcpu->leaving.upto = MAX(old.upto, old.pc);
}

void leaving_meet(KvmGdbVcpu *vcpu, unsigned met, uint64_t pc, bool reported)
{
	Leaving *leaving = &vcpu->leaving;

	if (!met)
		return;
	if (!leaving->met || leaving->pc != pc)
		go_round(vcpu, pc);
	leaving->met |= met;
	leaving->reported |= reported;
}

void leaving_forget(KvmGdbVcpu *vcpu)
{
	set_over(vcpu, OVER_NOTHING);
	vcpu->leaving = (Leaving){0};
}

void leaving_end(KvmGdbVcpu *vcpu)
{
	if (vcpu->leaving.over == OVER_ALONE)
		turns_done(vcpu->gdb);
	leaving_forget(vcpu);
}

void leaving_meet_again(KvmGdbVcpu *vcpu)
{
	leaving_end(vcpu);
	arch_hit_again(vcpu->arch);
	vcpu->applied.stale |= arch_is_dirty(vcpu->arch);
}

static bool stands_there(const KvmGdbVcpu *vcpu)
{
	uint64_t pc;

	return arch_get_pc(vcpu->arch, &pc, NULL) && pc == vcpu->leaving.pc;
}

static bool is_point_at(const KvmGdbVcpu *vcpu, uint64_t pc)
{
	unsigned n;
	const GdbBreak *points = kvm_breaks_points(vcpu->gdb->breaks, &n);

	for (unsigned i = 0; i < n; i++) {
		if (points[i].type == GDB_BREAK_HW && points[i].addr == pc)
			return true;
	}
	return false;
}

static bool goes_on_alone(const KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	if (vcpu->action.kind != GDB_ACTION_CONTINUE || gdb->mode == MODE_NON_STOP)
		return false;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		if (i != vcpu->index && kvm_vcpu_at(gdb, i)->action.kind != GDB_ACTION_HOLD)
			return false;
	}
	return gdb->vcpus->len > 1;
}

/*
 * gdb steps over an exclusive sequence by a breakpoint behind it, to which it lets this CPU run
 * alone. An interrupt would lead it away, to where it may wait for a lock of those that are held.
 */
static void plan_alone(KvmGdbVcpu *vcpu)
{
	uint64_t pc;

	/* A client that goes on where a point is wants to hear of it. */
	if (goes_on_alone(vcpu) && arch_get_pc(vcpu->arch, &pc, NULL) && !is_point_at(vcpu, pc))
		vcpu->leaving = (Leaving){.met = MET_SEQUENCE, .pc = pc};
}

void leaving_plan(KvmGdbVcpu *vcpu)
{
	const KvmPatches *patches = vcpu->gdb->patches;
	Leaving *leaving = &vcpu->leaving;

	set_over(vcpu, OVER_NOTHING);
	if (leaving->met && !stands_there(vcpu))
		leaving_end(vcpu);
	if (!leaving->met)
		plan_alone(vcpu);
	else if (leaving->met & MET_PATCH && vcpu->action.kind != GDB_ACTION_HOLD &&
		 !vcpu->event.pending && kvm_patches_any(patches) &&
		 translate_pc(vcpu, leaving->pc, &leaving->gpa) &&
		 kvm_patches_has(patches, leaving->gpa))
		set_over(vcpu, OVER_WAITING);
}

void leaving_look(KvmGdbVcpu *vcpu)
{
	const Leaving *leaving = &vcpu->leaving;

	if (!leaving->met || vcpu->step.kind)
		return;
	if (!stands_there(vcpu) || (!leaving->by_step && !arch_is_passing(vcpu->arch)))
		leaving_end(vcpu);
	else if (leaving->over == OVER_ALONE && through_given_up(vcpu))
		turns_yield(vcpu);
}

void leaving_removed(KvmGdb *gdb, uint64_t addr)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (vcpu->leaving.reported && vcpu->leaving.pc == addr)
			leaving_meet_again(vcpu);
	}
}

static bool needs_step(KvmGdbVcpu *vcpu)
{
	const Leaving *leaving = &vcpu->leaving;

	if (leaving->over == OVER_ALONE ||
	    leaving->met & (MET_WATCH | MET_GUEST_POINT | MET_SEQUENCE))
		return true;
	return leaving->met & MET_POINT && is_point_at(vcpu, leaving->pc) &&
	       !arch_pass_break(&vcpu->gdb->features, vcpu->arch);
}

bool leaving_by_step(KvmGdbVcpu *vcpu)
{
	Leaving *leaving = &vcpu->leaving;

	/* The VMM may have written its registers. */
	if (leaving->met && leaving->over != OVER_ALONE && !stands_there(vcpu))
		leaving_end(vcpu);
	leaving->by_step = leaving->met && needs_step(vcpu);
	return leaving->by_step;
}

bool leaving_passes(const KvmGdbVcpu *vcpu, const GdbBreak *point)
{
	const Leaving *leaving = &vcpu->leaving;

	if (!leaving->by_step)
		return false;
	return point->type == GDB_BREAK_HW ? point->addr == leaving->pc
					   : (leaving->met & MET_WATCH) != 0;
}

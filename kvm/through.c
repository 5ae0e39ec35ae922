/*
 * kvm/through.c - runs through code that fails when it is stepped, as arm's exclusive sequences do.
 *
 * Who leaves a point in such code runs to behind it instead of taking one step: to a hardware point
 * at each way out, with interrupts blocked, and with no point in force that is met already. That
 * may take as long as another CPU holds a lock, which it cannot give back while it is held for this
 * run, or waits for an interrupt to be taken here. So the run is given up after a while: wherever
 * it is then, it has left the point, which is met again when it comes there again.
 */
#include "kvm/internal.h"
#include "kvm/states.h"

/* A sequence takes nanoseconds, in an emulator on a busy machine a fraction of this. */
#define LIMIT_US 2000

static void begin_limit(KvmGdbVcpu *vcpu)
{
	GdbAlarm *limit = vcpu->gdb->limit;

	vcpu->step.until = g_get_monotonic_time() + LIMIT_US;
	/* One that is running comes earlier, and looks for this one then. */
	if (gdb_alarm_get(limit) < 0)
		engine_set_alarm(vcpu->gdb, limit, vcpu->step.until);
}

/* The last place in the code that was met in this round. */
static uint64_t met_upto(const KvmGdbVcpu *vcpu)
{
	return MAX(vcpu->step.from, vcpu->leaving.upto);
}

/* Trap instructions that were met already would break the sequence when it is tried again. */
static void lift_met(KvmGdbVcpu *vcpu)
{
	const Step *step = &vcpu->step;
	uint64_t last = MIN(met_upto(vcpu), step->arch.end - 1);
	ArchMapping page = {0};

	if (vcpu->leaving.over != OVER_ALONE)
		return;
	for (uint64_t addr = step->arch.start; addr <= last; addr++) {
		if (!page.left && !translate(vcpu, addr, &page, NULL))
			return;
		turns_lift_also(vcpu->gdb, page.gpa++);
		page.left--;
	}
}

bool through_begin(KvmGdbVcpu *vcpu)
{
	/* A client that steps wants to see each instruction, but the last one shall not fail. */
	bool at_end = vcpu->action.kind != GDB_ACTION_CONTINUE;
	ArchMemory memory = virtual_memory(vcpu);
	Step *step = &vcpu->step;

	if (!vcpu->gdb->features.hw_break ||
	    !arch_step_begin_through(vcpu->arch, at_end, &memory, &step->arch))
		return false;
	set_step(vcpu, STEP_THROUGH);
	if (armed_fits(vcpu)) {
		lift_met(vcpu);
		begin_limit(vcpu);
		return true;
	}
	arch_step_end(vcpu->arch, &memory, &step->arch);
	set_step(vcpu, STEP_NONE);
	return false;
}

bool through_arms(const KvmGdbVcpu *vcpu, const GdbBreak *point)
{
	const Step *step = &vcpu->step;

	/* Outside, none can be met before the run has ended. */
	return step->kind != STEP_THROUGH || point->type != GDB_BREAK_HW ||
	       (point->addr > met_upto(vcpu) && point->addr < step->arch.end);
}

bool through_covers(const KvmGdbVcpu *vcpu, uint64_t pc)
{
	const ArchStep *step = &vcpu->step.arch;

	return step->n_ways > 0 && pc >= step->start && pc < step->end;
}

void through_limit(KvmGdb *gdb)
{
	gint64 now = g_get_monotonic_time(), next = GDB_ALARM_NEVER;

	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);
		const Step *step = &vcpu->step;

		if (step->kind != STEP_THROUGH)
			continue;
		if (step->until <= now)
			halt_kick(vcpu);
		else if (next < 0 || step->until < next)
			next = step->until;
	}
	engine_set_alarm(gdb, gdb->limit, next);
}

bool through_given_up(const KvmGdbVcpu *vcpu)
{
	return vcpu->step.arch.n_ways > 0 && g_get_monotonic_time() >= vcpu->step.until;
}

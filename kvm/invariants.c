/*
 * kvm/invariants.c - see kvm/invariants.h.
 */
#include "kvm/invariants.h"

#include "kvm/internal.h"
#include "kvm/states.h"

typedef struct Rule {
	bool holds;
	const char *text;
} Rule;

static const char *first_broken(const Rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!rules[i].holds)
			return rules[i].text;
	}
	return NULL;
}

/* Its state is no part of this: a vCPU says RUNNING before it looks whether it may run. */
static const char *broken_by(const KvmGdbVcpu *vcpu)
{
	const KvmGdb *gdb = vcpu->gdb;
	const Leaving *leaving = &vcpu->leaving;
	bool held = vcpu->action.kind == GDB_ACTION_HOLD;
	bool is_gone = get_state(vcpu) == VCPU_GONE;
	bool free = gdb->world == WORLD_FREE;
	const Rule rules[] = {
		{!free || !vcpu->event.pending, "there is something to report, and nobody to hear"},
		{!free || is_gone || !held, "a CPU is held that nobody debugs"},
		{!free || leaving->over == OVER_NOTHING, "a CPU of a free machine waits its turn"},
		{leaving->over == OVER_NOTHING || leaving->met & MET_PATCH,
		 "a CPU steps over a patch that it has not met"},
		{(leaving->over == OVER_ALONE) == (gdb->turns.over == vcpu),
		 "the CPU whose turn it is does not know, or another one believes it is"},
		{gdb->world != WORLD_RUNNING || !held || leaving->over == OVER_NOTHING,
		 "a CPU that is held waits its turn"},
		{!is_gone || (held && !vcpu->event.pending && !vcpu->step.kind),
		 "an unplugged CPU takes part"},
	};

	return first_broken(rules, G_N_ELEMENTS(rules));
}

static const char *broken_by_machine(const KvmGdb *gdb)
{
	const Turns *turns = &gdb->turns;
	bool moving = gdb->world == WORLD_RUNNING || gdb->world == WORLD_STOPPING;
	const Rule rules[] = {
		{!gdb->frees_when_stopped || gdb->world == WORLD_STOPPING || gdb->ended,
		 "a client is leaving, and no stop is on its way"},
		{gdb->world != WORLD_RUNNING || gdb->attached || gdb->ended,
		 "a machine without a client waits for a resume"},
		{!turns->over || moving, "a CPU has its turn while nobody runs"},
		{gdb->devices.closed ==
			 (gdb->world == WORLD_STOPPING || gdb->world == WORLD_STOPPED),
		 "devices work in a stopped machine, or wait in one that runs"},
		{gdb->mode == MODE_ALL_STOP || gdb->attached, "non-stop mode outlives its client"},
		{gdb->moment == MOMENT_NONE ||
			 (gdb->mode == MODE_NON_STOP && gdb->world != WORLD_RUNNING),
		 "CPUs run in a moment in which none should"},
		{gdb->moment != MOMENT_NOW || gdb->world == WORLD_STOPPED,
		 "a moment was told that has not come"},
		{turns->over || !turns->n_also, "a patch is lifted for nobody's turn"},
	};

	return first_broken(rules, G_N_ELEMENTS(rules));
}

const char *invariants_broken(KvmGdb *gdb, unsigned *ret_cpu)
{
	const char *rule = broken_by_machine(gdb);

	*ret_cpu = gdb->stop_cpu;
	for (unsigned i = 0; i < gdb->vcpus->len && !rule; i++) {
		*ret_cpu = i;
		rule = broken_by(kvm_vcpu_at(gdb, i));
	}
	return rule;
}

/*
 * arm/kvm/step.c - a single step of a vCPU: arm/cpu/step.h on its registers.
 *
 * KVM steps by PSTATE.SS and MDSCR.SS and hides both. It cannot block interrupts, so a quiet step
 * runs with PSTATE.I, F and A set, and what that changed is put right afterwards. SS is put right
 * after every step: an exception saves it for the guest to see.
 */
#include <string.h>

#include "arm/cpu/bits.h"
#include "arm/cpu/step.h"
#include "arm/kvm/vcpu.h"
#include "kvm/arch.h"

#define PFR1_NMI(pfr1) ((pfr1) >> 36 & 15)
#define NO_RT 31

G_STATIC_ASSERT(sizeof(ArmStep) <= sizeof(((ArchStep *)0)->note));

static bool get_place(ArchVcpu *vcpu, ArmStepState *ret, GError **error)
{
	*ret = (ArmStepState){0};
	return arm_get(vcpu, ARM_PC, &ret->pc, error) &&
	       arm_get(vcpu, ARM_PSTATE, &ret->pstate, error);
}

/* What each level that takes exceptions has. */
static bool get_banks(ArchVcpu *vcpu, ArmStepState *ret, GError **error)
{
	const unsigned n_el1 = 3;
	const struct {
		ArmSlot slot;
		uint64_t *to;
	} parts[] = {
		{ARM_ELR_EL1, &ret->el1.elr},	{ARM_SPSR_EL1, &ret->el1.spsr},
		{ARM_VBAR_EL1, &ret->el1.vbar}, {ARM_ELR_EL2, &ret->el2.elr},
		{ARM_SPSR_EL2, &ret->el2.spsr}, {ARM_VBAR_EL2, &ret->el2.vbar},
	};

	for (unsigned i = 0; i < (vcpu->has_el2 ? G_N_ELEMENTS(parts) : n_el1); i++) {
		if (!arm_get(vcpu, parts[i].slot, parts[i].to, error))
			return false;
	}
	return true;
}

static void set_if_changed(ArchVcpu *vcpu, ArmSlot slot, uint64_t before, uint64_t value)
{
	if (before != value)
		arm_set(vcpu, slot, value);
}

static void set_state(ArchVcpu *vcpu, const ArmStepState *before, const ArmStepState *state)
{
	set_if_changed(vcpu, ARM_PC, before->pc, state->pc);
	set_if_changed(vcpu, ARM_PSTATE, before->pstate, state->pstate);
	set_if_changed(vcpu, ARM_ELR_EL1, before->el1.elr, state->el1.elr);
	set_if_changed(vcpu, ARM_SPSR_EL1, before->el1.spsr, state->el1.spsr);
	set_if_changed(vcpu, ARM_ELR_EL2, before->el2.elr, state->el2.elr);
	set_if_changed(vcpu, ARM_SPSR_EL2, before->el2.spsr, state->el2.spsr);
}

static ArmInsn read_insn(const ArmStepState *state, const ArchMemory *mem)
{
	uint32_t insn;

	if (arm_insn_set(state->pstate) != ARM_A64 ||
	    mem->read(mem->opaque, state->pc, &insn, sizeof(insn)) != sizeof(insn))
		return (ArmInsn){.kind = ARM_INSN_OTHER, .rt = NO_RT};
	return arm_insn_decode(insn);
}

uint32_t arch_step_control(const ArchFeatures *features G_GNUC_UNUSED, bool quiet G_GNUC_UNUSED)
{
	return 0;
}

bool arch_step_begin(ArchVcpu *vcpu, bool quiet, const ArchMemory *mem, ArchStep *ret,
		     GError **error)
{
	ArmStepState state;
	ArmStep step = {0};
	uint64_t pfr1;

	*ret = (ArchStep){0};
	vcpu->forced = 0;
	vcpu->reinjected = false;
	if (!get_place(vcpu, &state, error) || !arm_get(vcpu, ARM_PFR1_EL1, &pfr1, error))
		return false;
	ArmInsn insn = read_insn(&state, mem);
	if (arm_step_needs_before(&insn, !quiet) && !get_banks(vcpu, &state, error))
		return false;
	if (quiet)
		set_if_changed(vcpu, ARM_PSTATE, state.pstate,
			       arm_step_begin(&state, &insn, PFR1_NMI(pfr1) != 0, &step));
	else
		arm_step_begin_open(&state, &insn, &step);
	memcpy(ret->note, &step, sizeof(step));
	vcpu->forced = step.forced;
	return true;
}

/* ---- Runs through exclusive sequences ---- */

/* Instructions around pc, as far as they can be read: @insns[*ret_at] is the one at @pc. */
static bool read_around(uint64_t pc, const ArchMemory *mem, uint32_t *insns, ArmCode *ret,
			unsigned *ret_at)
{
	const uint64_t reach = 4 * ARM_SEQUENCE_MAX, page = ~0xfffull;
	uint64_t from = pc - reach;
	size_t len = 2 * reach;
	size_t got = mem->read(mem->opaque, from, insns, len);

	if (got <= reach) {
		/* The page before is not there. */
		from = MAX(from, pc & page);
		got = mem->read(mem->opaque, from, insns, len);
	}
	*ret = (ArmCode){insns, got / 4, from};
	*ret_at = (pc - from) / 4;
	return *ret_at < ret->n;
}

/* Most instructions are known by themselves, without a look around. */
static bool can_be_in_sequence(const ArmStepState *state, bool at_store, const ArchMemory *mem)
{
	uint32_t insn;
	int64_t unused;

	if (arm_insn_set(state->pstate) != ARM_A64 || state->pc % 4 ||
	    ARM_PSR_EL(state->pstate) > 1 ||
	    mem->read(mem->opaque, state->pc, &insn, sizeof(insn)) != sizeof(insn))
		return false;
	return at_store ? arm_insn_decode(insn).kind == ARM_INSN_STORE_EXCLUSIVE
			: arm_insn_flow(insn, &unused) != ARM_FLOW_OTHER;
}

static bool find_sequence(const ArmStepState *state, bool at_store, const ArchMemory *mem,
			  ArmSequence *ret)
{
	uint32_t insns[2 * ARM_SEQUENCE_MAX];
	ArmCode code;
	unsigned at;

	return can_be_in_sequence(state, at_store, mem) &&
	       read_around(state->pc, mem, insns, &code, &at) && arm_sequence_find(&code, at, ret);
}

static void set_ways(ArchStep *ret, const ArmStepState *state, const ArmSequence *sequence)
{
	G_STATIC_ASSERT(ARM_EXITS_MAX + 1 <= ARCH_WAYS_MAX);

	ret->start = sequence->start;
	ret->end = sequence->end;
	memcpy(ret->ways, sequence->exits, sequence->n_exits * sizeof(*ret->ways));
	ret->n_ways = sequence->n_exits;
	ret->ways[ret->n_ways++] = arm_step_fault_vector(state);
}

bool arch_step_begin_through(ArchVcpu *vcpu, bool at_end, const ArchMemory *mem, ArchStep *ret)
{
	ArmStepState state;
	ArmSequence sequence;
	ArmStep step;
	uint64_t pfr1;

	*ret = (ArchStep){0};
	/* Where there is a hypervisor in the guest, exceptions have more ways than one. */
	if (vcpu->has_el2 || !get_place(vcpu, &state, NULL) ||
	    !find_sequence(&state, at_end, mem, &sequence) || !get_banks(vcpu, &state, NULL) ||
	    !arm_get(vcpu, ARM_PFR1_EL1, &pfr1, NULL))
		return false;
	set_if_changed(vcpu, ARM_PSTATE, state.pstate,
		       arm_step_begin_through(&state, &sequence, PFR1_NMI(pfr1) != 0, &step));
	set_ways(ret, &state, &sequence);
	memcpy(ret->note, &step, sizeof(step));
	vcpu->forced = step.forced;
	vcpu->reinjected = false;
	return true;
}

/* ---- After both ---- */

void arch_step_end(ArchVcpu *vcpu, const ArchMemory *mem G_GNUC_UNUSED, const ArchStep *record)
{
	ArmStepState before, state;
	ArmStep step;
	uint64_t xt = 0, xt_before;

	memcpy(&step, record->note, sizeof(step));
	vcpu->forced = 0;
	/* The entry to a handler sets all masks by itself; they are the guest's. */
	if (vcpu->reinjected || !step.active || !get_place(vcpu, &state, NULL) ||
	    (arm_step_needs_after(&step, state.pc, state.pstate) && !get_banks(vcpu, &state, NULL)))
		return;
	ArmSlot rt = ARM_X0 + step.insn.rt;
	bool has_rt = step.insn.rt < NO_RT && arm_get(vcpu, rt, &xt, NULL);
	before = state;
	xt_before = xt;
	arm_step_end(&step, &state, &xt);
	set_state(vcpu, &before, &state);
	if (has_rt)
		set_if_changed(vcpu, rt, xt_before, xt);
}

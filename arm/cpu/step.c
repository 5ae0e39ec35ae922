/*
 * arm/cpu/step.c - see step.h.
 *
 * The forced bits were clear before. So a PSTATE that has them is right again once they are
 * cleared, but for those that the instruction itself has written: "kept" here.
 */
#include "arm/cpu/step.h"

#include "arm/cpu/bits.h"

#define INSN_BYTES 4
#define VECTOR_SIZE 0x80
#define VECTORS_SIZE 0x800
#define VECTOR_GROUP 0x600
#define VECTOR_TYPE 0x180

/* AArch64.TakeException's offsets for the type of exception. */
enum { TYPE_SYNC = 0x000, TYPE_IRQ = 0x080, TYPE_FIQ = 0x100, TYPE_SERROR = 0x180, TYPE_NONE = -1 };

#define KEEP_ALL (~0ull)

/* It takes exceptions in other ways, and can write PSTATE with any instruction. */
static bool is_aarch32_kernel(const ArmStepState *state)
{
	return state->pstate & ARM_PSR_AARCH32 && (state->pstate & ARM_PSR_MODE) != ARM_PSR_AARCH32;
}

uint64_t arm_step_begin(const ArmStepState *before, const ArmInsn *insn, bool nmi, ArmStep *ret)
{
	bool is_aarch32 = before->pstate & ARM_PSR_AARCH32;
	uint64_t masks = ARM_PSR_I | ARM_PSR_F;

	*ret = (ArmStep){0};
	if (is_aarch32_kernel(before))
		return before->pstate;
	if (insn->kind != ARM_INSN_ESB)
		masks |= ARM_PSR_A;
	if (nmi && !is_aarch32)
		masks |= ARM_PSR_ALLINT;
	*ret = (ArmStep){
		.active = true,
		.insn = *insn,
		.ahead = INSN_BYTES,
		.forced = masks & ~before->pstate,
		.before = *before,
	};
	return before->pstate | masks;
}

void arm_step_begin_open(const ArmStepState *before, const ArmInsn *insn, ArmStep *ret)
{
	*ret = (ArmStep){
		.active = !is_aarch32_kernel(before),
		.open = true,
		.insn = *insn,
		.ahead = INSN_BYTES,
		.before = *before,
	};
}

uint64_t arm_step_begin_through(const ArmStepState *before, const ArmSequence *sequence, bool nmi,
				ArmStep *ret)
{
	const ArmInsn any = {.kind = ARM_INSN_OTHER, .rt = 31};
	uint64_t pstate = arm_step_begin(before, &any, nmi, ret);

	ret->back = before->pc - sequence->start;
	ret->ahead = sequence->end - before->pc;
	return pstate;
}

static ArmBank *bank(ArmStepState *state, unsigned el)
{
	return el == 2 ? &state->el2 : &state->el1;
}

/* The group of vectors that level @el uses for an exception from @from; none: past the last. */
static uint64_t vector_group(uint64_t from, unsigned el)
{
	if (from & ARM_PSR_AARCH32)
		return 0x600;
	if (ARM_PSR_EL(from) == el)
		return from & ARM_PSR_SP ? 0x200 : 0x000;
	return ARM_PSR_EL(from) < el ? 0x400 : VECTORS_SIZE;
}

uint64_t arm_step_fault_vector(const ArmStepState *before)
{
	uint64_t group = vector_group(before->pstate, 1);

	return group < VECTORS_SIZE ? (before->el1.vbar & ARM_VBAR_ADDRESS) + group + TYPE_SYNC : 0;
}

/* Which type of exception, taken from @from, has just brought the CPU to where it is? */
static int entry_type(ArmStepState *state, uint64_t from)
{
	unsigned el = ARM_PSR_EL(state->pstate);
	uint64_t offset = state->pc - (bank(state, el)->vbar & ARM_VBAR_ADDRESS);
	uint64_t entry = ARM_PSR_DAIF | ARM_PSR_SP;

	if (el == 0 || state->pstate & ARM_PSR_AARCH32 || (state->pstate & entry) != entry)
		return TYPE_NONE;
	if (offset >= VECTORS_SIZE || offset % VECTOR_SIZE ||
	    (offset & VECTOR_GROUP) != vector_group(from, el))
		return TYPE_NONE;
	return offset & VECTOR_TYPE;
}

/* Could an interrupt be taken right after the instruction, although all were masked before it? */
static bool can_unmask(ArmInsnKind kind)
{
	return kind == ARM_INSN_DAIFCLR || kind == ARM_INSN_MSR_DAIF || kind == ARM_INSN_ERET ||
	       kind == ARM_INSN_ALLINT || kind == ARM_INSN_MSR_ALLINT;
}

bool arm_step_needs_before(const ArmInsn *insn, bool open)
{
	return open || can_unmask(insn->kind);
}

bool arm_step_needs_after(const ArmStep *step, uint64_t pc, uint64_t pstate)
{
	return pc % VECTOR_SIZE == 0 || (pstate ^ step->before.pstate) & ARM_PSR_MODE;
}

/* Is @elr where the instruction leads? For ERETAA the old ELR is signed, in its upper bits. */
static bool is_next(ArmStep *step, uint64_t elr)
{
	const ArmBank *old = bank(&step->before, ARM_PSR_EL(step->before.pstate));

	if (step->insn.kind == ARM_INSN_ERET)
		return (uint32_t)elr == (uint32_t)old->elr;
	return elr == step->before.pc + 4;
}

static void put_bits(uint64_t *value, uint64_t bits, uint64_t from)
{
	*value = (*value & ~bits) | (from & bits);
}

/* SS of the guest's own after the instruction; KVM uses the bit to step. */
static uint64_t guest_ss(ArmStep *step, bool done)
{
	if (done && step->insn.kind == ARM_INSN_ERET)
		return bank(&step->before, ARM_PSR_EL(step->before.pstate))->spsr;
	return step->before.pstate;
}

/* Which bits of PSTATE does the instruction write by itself? */
static uint64_t kept_bits(const ArmInsn *insn)
{
	switch (insn->kind) {
	case ARM_INSN_ERET:
		return KEEP_ALL;
	case ARM_INSN_MSR_DAIF:
		return ARM_PSR_DAIF;
	case ARM_INSN_DAIFSET:
	case ARM_INSN_DAIFCLR:
		return (uint64_t)insn->imm << 6; /* F is bit 6 of PSTATE and bit 0 of the operand */
	case ARM_INSN_MSR_ALLINT:
	case ARM_INSN_ALLINT:
		return ARM_PSR_ALLINT;
	default:
		return 0;
	}
}

static void correct_pstate(ArmStep *step, bool done, uint64_t *pstate)
{
	uint64_t kept = done ? kept_bits(&step->insn) : 0;

	*pstate &= ~(step->forced & ~kept);
	put_bits(pstate, ARM_PSR_SS, guest_ss(step, done));
}

static void correct_result(const ArmStep *step, uint64_t *xt)
{
	if (step->insn.kind == ARM_INSN_MRS_DAIF)
		*xt &= ~(step->forced & ARM_PSR_DAIF);
	else if (step->insn.kind == ARM_INSN_MRS_ALLINT)
		*xt &= ~(step->forced & ARM_PSR_ALLINT);
}

/*
 * An interrupt became unmasked and was taken before the step ended: go back to where it came. What
 * it has overwritten is known, since none of these instructions writes ELR or SPSR.
 */
static bool take_back_interrupt(ArmStep *step, ArmStepState *state)
{
	unsigned el = ARM_PSR_EL(state->pstate);
	ArmBank *entered = bank(state, el), *old = bank(&step->before, el);
	int type = entry_type(state, entered->spsr);

	if (step->open || !can_unmask(step->insn.kind) || (type != TYPE_IRQ && type != TYPE_FIQ) ||
	    !is_next(step, entered->elr))
		return false;
	state->pc = entered->elr;
	state->pstate = entered->spsr;
	entered->elr = old->elr;
	entered->spsr = old->spsr;
	return true;
}

/* Can what stands at a vector have come there by an exception that the instruction did not make? */
static bool can_interrupt(ArmStep *step, const ArmBank *entered, unsigned el, int type)
{
	const ArmBank *old = bank(&step->before, el);

	if (step->open)
		return type > TYPE_SYNC && (entered->elr != old->elr || entered->spsr != old->spsr);
	return type == TYPE_SERROR &&
	       (can_unmask(step->insn.kind) || step->insn.kind == ARM_INSN_ESB);
}

/*
 * An SError, or with interrupts let in any of them: its SPSR is the PSTATE after the instruction,
 * or before it if it did not come to that.
 */
static bool correct_interrupt(ArmStep *step, ArmStepState *state)
{
	unsigned el = ARM_PSR_EL(state->pstate);
	ArmBank *entered = bank(state, el);

	if (!can_interrupt(step, entered, el, entry_type(state, entered->spsr)))
		return false;
	correct_pstate(step, is_next(step, entered->elr), &entered->spsr);
	put_bits(&state->pstate, ARM_PSR_SS, 0);
	return true;
}

/* Is @elr of the step, at what it executes or right behind it? */
static bool is_own(const ArmStep *step, uint64_t elr)
{
	return elr - (step->before.pc - step->back) <= (uint64_t)step->back + step->ahead;
}

/* Did the instruction take an exception? ELR and SPSR then are of this instruction. */
static bool is_exception(ArmStep *step, ArmStepState *state)
{
	unsigned el = ARM_PSR_EL(state->pstate), old_el = ARM_PSR_EL(step->before.pstate);
	uint64_t fixed = ARM_PSR_MODE | ARM_PSR_DAIF, run = step->before.pstate | step->forced;
	const ArmBank *entered = bank(state, el);

	if (el > old_el)
		return true;
	return entry_type(state, step->before.pstate) == TYPE_SYNC && is_own(step, entered->elr) &&
	       ((entered->spsr ^ run) & fixed) == 0;
}

static bool is_done(const ArmStep *step, const ArmStepState *state)
{
	uint64_t run = step->before.pstate | step->forced;

	if (step->insn.kind != ARM_INSN_ERET)
		return state->pc != step->before.pc;
	return state->pc != step->before.pc || (state->pstate ^ run) & ~ARM_PSR_SS;
}

/* A call to the firmware that turned the CPU off and came back by a reset: all of it is new. */
static bool is_reset(const ArmStep *step, const ArmStepState *state)
{
	ArmInsnKind kind = step->insn.kind;

	return (kind == ARM_INSN_HVC || kind == ARM_INSN_SMC) && state->pc != step->before.pc &&
	       state->pc != step->before.pc + 4;
}

static ArmStepOutcome finish(ArmStep *step, ArmStepState *state, uint64_t *xt)
{
	bool interrupted = take_back_interrupt(step, state), done;

	if (!interrupted) {
		if (correct_interrupt(step, state))
			return ARM_STEP_EXCEPTION;
		if (is_exception(step, state)) {
			correct_pstate(step, false, &bank(state, ARM_PSR_EL(state->pstate))->spsr);
			put_bits(&state->pstate, ARM_PSR_SS, 0);
			return ARM_STEP_EXCEPTION;
		}
	}
	done = interrupted || is_done(step, state);
	if (is_reset(step, state))
		return ARM_STEP_DONE;
	correct_pstate(step, done, &state->pstate);
	if (done)
		correct_result(step, xt);
	return interrupted ? ARM_STEP_INTERRUPT : done ? ARM_STEP_DONE : ARM_STEP_NOT_DONE;
}

ArmStepOutcome arm_step_end(ArmStep *step, ArmStepState *state, uint64_t *xt)
{
	ArmStep copy = *step;

	*step = (ArmStep){0};
	return copy.active ? finish(&copy, state, xt) : ARM_STEP_NONE;
}

/*
 * arm/cpu/step.h - call me: make a step that no interrupt disturbs, and that leaves no trace.
 *
 * Owns: which interrupt masks are set in PSTATE for one instruction, and what that instruction, an
 * exception it takes, or a pending interrupt made of them. KVM/arm64 has no BLOCKIRQ. Pure: the
 * caller reads and writes the registers. Arm ARM D1.3 (exceptions), D2.11 (software step).
 *
 * In short: begin() says which PSTATE to enter with; end() turns the state after KVM_RUN into the
 * one that the CPU without masks and without an interrupt would have.
 */
#ifndef VMGDB_ARM_CPU_STEP_H
#define VMGDB_ARM_CPU_STEP_H

#include "arm/cpu/exclusive.h"
#include "arm/cpu/insn.h"

/* What an exception level has to take exceptions. */
typedef struct ArmBank {
	uint64_t elr;
	uint64_t spsr;
	uint64_t vbar;
} ArmBank;

/* The part of a CPU that a step sees and may change. */
typedef struct ArmStepState {
	uint64_t pc;
	uint64_t pstate;
	ArmBank el1;
	ArmBank el2; /* nested guests; zero for all others */
} ArmStepState;

/* One step, from begin to end; one per vCPU. All zero: nothing to undo. */
typedef struct ArmStep {
	bool active;
	bool open; /* interrupts are let in */
	ArmInsn insn;
	uint16_t back, ahead; /* bytes from pc to the start and to the end of a run through */
	uint64_t forced;      /* bits of PSTATE that were set for the step and were clear before */
	ArmStepState before;
} ArmStep;

/*
 * arm_step_begin: plan a step of the instruction @insn at @before->pc (ARM_INSN_OTHER when it could
 * not be read, or in AArch32 state). Fills @ret and returns the PSTATE to run with. @nmi: the CPU
 * has FEAT_NMI, so ALLINT masks what I and F do not.
 * I and F are set for every instruction: what reads or changes them is put right by end(). A is set
 * too, except for ESB, which would then swallow the error it synchronises. D is never set: debug
 * exceptions go to EL2, where it does not count.
 */
uint64_t arm_step_begin(const ArmStepState *before, const ArmInsn *insn, bool nmi, ArmStep *ret);

/*
 * arm_step_begin_open: plan a step that interrupts may enter. PSTATE stays as it is; end() then
 * only takes out KVM's SS, also from what an interrupt has saved.
 */
void arm_step_begin_open(const ArmStepState *before, const ArmInsn *insn, ArmStep *ret);

/*
 * arm_step_begin_through: plan a run through @sequence, which @before->pc is in, to one of its
 * exits or into an exception that one of its instructions takes. As arm_step_begin() else: no
 * interrupt shall enter, so that there are no other ways out. @before must have the banks.
 * arm_step_fault_vector: where EL1 begins to handle such an exception; 0 at another level.
 */
uint64_t arm_step_begin_through(const ArmStepState *before, const ArmSequence *sequence, bool nmi,
				ArmStep *ret);
uint64_t arm_step_fault_vector(const ArmStepState *before);

/*
 * The banks are seldom needed, and each of their registers costs the caller a system call.
 * arm_step_needs_before: must @before of a begin() have them? @open: of arm_step_begin_open().
 * arm_step_needs_after: must @state of arm_step_end() have them, if its pc and pstate are these? If
 * not, end() leaves them alone. An exception brings the CPU to a vector, or to another mode.
 */
bool arm_step_needs_before(const ArmInsn *insn, bool open);
bool arm_step_needs_after(const ArmStep *step, uint64_t pc, uint64_t pstate);

/* What end() found to have happened, for tests and logs. */
typedef enum ArmStepOutcome {
	ARM_STEP_NONE,	    /* there was nothing to undo */
	ARM_STEP_NOT_DONE,  /* pc and mode are those from before */
	ARM_STEP_DONE,	    /* the instruction was completed */
	ARM_STEP_EXCEPTION, /* the guest took an exception: SVC for one, or what was let in */
	ARM_STEP_INTERRUPT, /* it unmasked a pending interrupt, which was taken back */
} ArmStepOutcome;

/*
 * arm_step_end: @state is what the CPU has after KVM_RUN returned for whatever reason; corrected in
 * place. @xt: value of the register insn.rt (@step->insn; pass 0 when it is 31), corrected in place
 * too; only MRS changes it. Changes are complete: pc, pstate, and elr and spsr of both banks are
 * what an unstepped run has. @step is zeroed, so that a second call changes nothing; a step that
 * was never begun is such a zeroed one.
 *
 * - Any other instruction: the forced bits get their old values back, also when the step did not
 *   happen (KVM_RUN was interrupted, an exit to the VMM).
 * - MRS DAIF, MRS ALLINT: the register shows the old bits.
 * - MSR DAIFSet, DAIFClr, ALLINT: the result is computed from the old bits. MSR DAIF, Xt and ERET
 *   overwrite them: the result stays.
 * - An exception into EL1 or EL2, told by pc at the vector that fits where it came from, and ELR
 * and SPSR that fit the instruction: the saved SPSR gets the old bits, the handler's PSTATE stays.
 * - IRQ or FIQ taken after an instruction that unmasked it: pc and pstate from ELR and SPSR, which
 *   get back what they had before. The interrupt stays pending. An SError is not taken back: it
 *   is gone from the pending state.
 * PSTATE.SS, of the state and of a saved SPSR, is that from before: KVM's stepping uses it.
 */
ArmStepOutcome arm_step_end(ArmStep *step, ArmStepState *state, uint64_t *xt);

#endif

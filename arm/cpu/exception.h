/*
 * arm/cpu/exception.h - call me: what a CPU does when it takes a synchronous exception to EL1 or
 * EL2.
 *
 * Owns: the new PSTATE, the vector, and the registers that are saved (Arm ARM D1.3.1 to D1.3.5; the
 * pseudocode of AArch64.TakeException). For giving the guest back what KVM took from it: its own
 * BRK, BKPT, breakpoints, watchpoints and steps. Pure: numbers in, numbers out; the caller writes
 * them, all or none.
 */
#ifndef VMGDB_ARM_CPU_EXCEPTION_H
#define VMGDB_ARM_CPU_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

/* Extensions that change exception entry. Those not listed do not. */
typedef struct ArmExtensions {
	bool pan;  /* FEAT_PAN */
	bool ssbs; /* FEAT_SSBS */
	bool mte;  /* FEAT_MTE */
	bool nmi;  /* FEAT_NMI */
	bool gcs;  /* FEAT_GCS */
} ArmExtensions;

/* From ID_AA64MMFR1_EL1 and ID_AA64PFR1_EL1, as KVM shows them to the guest. */
ArmExtensions arm_extensions(uint64_t mmfr1, uint64_t pfr1);

typedef struct ArmException {
	uint64_t pstate; /* 64 bits, as KVM has it */
	uint64_t pc;	 /* where the handler returns to: the BRK itself; after a step the next */
	uint64_t esr;	 /* as reported by KVM: the class is made that of the target level */
	uint64_t far;	 /* used for watchpoints only */
	unsigned target_el; /* 1, or 2 for nested guests: arm_exception_target() */
	uint64_t vbar;	    /* of the target level, as is the next one */
	uint64_t sctlr;
	bool host;     /* HCR_EL2.E2H and TGE are both set: EL2 is the kernel of EL0 */
	bool exlocken; /* GCSCR_ELx.EXLOCKEN of the target level */
	ArmExtensions ext;
} ArmException;

/* What to write: ELR_ELx, SPSR_ELx, ESR_ELx, if @set_far FAR_ELx, and pc and PSTATE. */
typedef struct ArmEntry {
	uint64_t elr;
	uint64_t spsr;
	uint64_t esr;
	uint64_t far;
	bool set_far;
	uint64_t pstate;
	uint64_t pc;
} ArmEntry;

/*
 * arm_exception_target: the level that a debug exception goes to without a debugger. @pstate as
 * above. @hcr_el2, @mdcr_el2: of a nested guest, else 0: TGE and TDE route to EL2. EL2 stays.
 */
unsigned arm_exception_target(uint64_t pstate, uint64_t hcr_el2, uint64_t mdcr_el2);

/*
 * arm_exception_enter: take the exception. PSTATE of the handler: NZCV and DIT stay; PAN stays, and
 * is set when SCTLR.SPAN is 0 (EL1, or EL2 as host); SSBS is SCTLR.DSSBS; TCO is 1; ALLINT is 1
 * unless SCTLR.SPINTMASK; EXLOCK is EXLOCKEN when the level stays, else 0; DAIF are 1; UAO, SS, IL
 * and BTYPE are 0; mode ELxh. Each as far as the CPU has it. SPSR is the old PSTATE. Vectors: 0x000
 * from the same level with SP_EL0, 0x200 with SP_ELx, 0x400 from a lower one, 0x600 if that is
 * AArch32.
 * FALSE: impossible, *ret is untouched: the target is not EL1 or EL2, or below the current level,
 * or AArch32 above EL0.
 */
bool arm_exception_enter(const ArmException *in, ArmEntry *ret);

/*
 * arm_exception_wanted: would the guest get the debug exception of @esr by itself in this @pstate?
 * @mdscr: its MDSCR_EL1; @target_el as above. BRK and BKPT always; breakpoints and watchpoints need
 * MDSCR.MDE, steps MDSCR.SS; and those that stay on their level also need MDSCR.KDE and PSTATE.D
 * clear (Arm ARM D2.3.1).
 */
bool arm_exception_wanted(uint64_t esr, uint64_t pstate, uint64_t mdscr, unsigned target_el);

#endif

/*
 * arm/cpu/exception.c - see exception.h.
 */
#include "arm/cpu/exception.h"

#include "arm/cpu/bits.h"
#include "arm/cpu/syndrome.h"

/* Vectors for synchronous exceptions. */
#define VECTOR_SP_EL0 0x000
#define VECTOR_SP_ELX 0x200
#define VECTOR_LOWER_A64 0x400
#define VECTOR_LOWER_A32 0x600

static bool has_feature(uint64_t id, unsigned low)
{
	return id >> low & 0xf;
}

ArmExtensions arm_extensions(uint64_t mmfr1, uint64_t pfr1)
{
	return (ArmExtensions){
		.pan = has_feature(mmfr1, 20),
		.ssbs = has_feature(pfr1, 4),
		.mte = has_feature(pfr1, 8),
		.nmi = has_feature(pfr1, 36),
		.gcs = has_feature(pfr1, 44),
	};
}

/* In AArch32 above EL0, which is refused, this is not the level. */
static unsigned current_el(uint64_t pstate)
{
	return pstate & ARM_PSR_AARCH32 ? 0 : ARM_PSR_EL(pstate);
}

unsigned arm_exception_target(uint64_t pstate, uint64_t hcr_el2, uint64_t mdcr_el2)
{
	unsigned el = current_el(pstate);

	if (el == 2 || mdcr_el2 & ARM_MDCR_TDE || (el == 0 && hcr_el2 & ARM_HCR_TGE))
		return 2;
	return 1;
}

static uint64_t new_pstate(const ArmException *in, bool same_el)
{
	bool spans = in->target_el == 1 || in->host;
	uint64_t pstate = in->target_el == 1 ? ARM_MODE_EL1H : ARM_MODE_EL2H;

	pstate |= ARM_PSR_DAIF;
	pstate |= in->pstate & (ARM_PSR_NZCV | ARM_PSR_DIT);
	if (in->ext.pan) {
		pstate |= in->pstate & ARM_PSR_PAN;
		if (spans && !(in->sctlr & ARM_SCTLR_SPAN))
			pstate |= ARM_PSR_PAN;
	}
	if (in->ext.ssbs && in->sctlr & ARM_SCTLR_DSSBS)
		pstate |= ARM_PSR_SSBS;
	if (in->ext.mte)
		pstate |= ARM_PSR_TCO;
	if (in->ext.nmi && !(in->sctlr & ARM_SCTLR_SPINTMASK))
		pstate |= ARM_PSR_ALLINT;
	if (in->ext.gcs && same_el && in->exlocken)
		pstate |= ARM_PSR_EXLOCK;
	return pstate;
}

static uint64_t vector_offset(uint64_t pstate, bool same_el)
{
	if (same_el)
		return pstate & ARM_PSR_SP ? VECTOR_SP_ELX : VECTOR_SP_EL0;
	return pstate & ARM_PSR_AARCH32 ? VECTOR_LOWER_A32 : VECTOR_LOWER_A64;
}

bool arm_exception_enter(const ArmException *in, ArmEntry *ret)
{
	unsigned el = current_el(in->pstate);
	bool same_el = el == in->target_el;
	uint64_t mode = in->pstate & ARM_PSR_MODE;

	if (in->target_el < 1 || in->target_el > 2 || el > in->target_el)
		return false;
	if (mode & ARM_PSR_AARCH32 && mode != ARM_PSR_AARCH32)
		return false;
	*ret = (ArmEntry){
		.elr = in->pc,
		.spsr = in->pstate,
		.esr = arm_syndrome_route(in->esr, el, in->target_el),
		.far = in->far,
		.set_far = arm_syndrome_decode(in->esr).kind == ARM_TRAP_WATCHPOINT,
		.pstate = new_pstate(in, same_el),
		.pc = (in->vbar & ARM_VBAR_ADDRESS) + vector_offset(in->pstate, same_el),
	};
	return true;
}

bool arm_exception_wanted(uint64_t esr, uint64_t pstate, uint64_t mdscr, unsigned target_el)
{
	ArmTrapKind kind = arm_syndrome_decode(esr).kind;
	uint64_t enable = kind == ARM_TRAP_STEP ? ARM_MDSCR_SS : ARM_MDSCR_MDE;

	if (kind == ARM_TRAP_INSN || kind == ARM_TRAP_OTHER)
		return kind == ARM_TRAP_INSN;
	if (!(mdscr & enable))
		return false;
	return current_el(pstate) < target_el || (mdscr & ARM_MDSCR_KDE && !(pstate & ARM_PSR_D));
}

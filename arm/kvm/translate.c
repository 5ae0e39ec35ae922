/*
 * arm/kvm/translate.c - the address translation half of kvm/arch.h, on top of arm/cpu/walk.h.
 */
#include <string.h>

#include "arm/cpu/bits.h"
#include "arm/cpu/pages.h"
#include "arm/cpu/walk.h"
#include "arm/kvm/vcpu.h"
#include "kvm/arch.h"

_Static_assert(sizeof(ArmRoot) == sizeof(((ArchRoot *)0)->word), "ArmRoot is ArchRoot.word");

static ArmRoot to_arm(const ArchRoot *root)
{
	ArmRoot ret;

	memcpy(&ret, root->word, sizeof(ret));
	return ret;
}

bool arm_get_regime(ArchVcpu *vcpu, ArmRegime *ret, unsigned *ret_el, GError **error)
{
	uint64_t pstate, hcr = 0;

	if (!arm_get(vcpu, ARM_PSTATE, &pstate, error) ||
	    (vcpu->has_el2 && !arm_get(vcpu, ARM_HCR_EL2, &hcr, error)))
		return false;
	/* M[3:2] is the level in AArch64 only; an AArch32 guest has nothing above EL0 here. */
	*ret_el = pstate & ARM_PSR_AARCH32 ? 0 : ARM_PSR_EL(pstate);
	*ret = arm_regime(*ret_el, hcr);
	return true;
}

bool arch_in_nested_guest(ArchVcpu *vcpu)
{
	ArmRegime regime;
	unsigned el;

	return vcpu->has_el2 && arm_get_regime(vcpu, &regime, &el, NULL) &&
	       regime == ARM_REGIME_NESTED;
}

/* The registers _EL1, or those _EL2. */
static bool get_registers(ArchVcpu *vcpu, bool el2, ArmRoot *ret, GError **error)
{
	const struct {
		ArmSlot el1, el2;
		uint64_t *to;
	} parts[] = {
		{ARM_SCTLR_EL1, ARM_SCTLR_EL2, &ret->sctlr},
		{ARM_TCR_EL1, ARM_TCR_EL2, &ret->tcr},
		{ARM_TTBR0_EL1, ARM_TTBR0_EL2, &ret->ttbr0},
		{ARM_TTBR1_EL1, ARM_TTBR1_EL2, &ret->ttbr1},
		{ARM_VBAR_EL1, ARM_VBAR_EL2, &ret->vbar},
		{ARM_MMFR0_EL1, ARM_MMFR0_EL1, &ret->mmfr0},
		{ARM_MMFR2_EL1, ARM_MMFR2_EL1, &ret->mmfr2},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
		if (!arm_get(vcpu, el2 ? parts[i].el2 : parts[i].el1, parts[i].to, error))
			return false;
	}
	return true;
}

bool arch_get_root(ArchVcpu *vcpu, ArchRoot *ret, GError **error)
{
	ArmRegime regime;
	ArmRoot root = {0};
	unsigned el;

	if (!arm_get_regime(vcpu, &regime, &el, error) ||
	    !get_registers(vcpu, regime == ARM_REGIME_EL2 || regime == ARM_REGIME_EL2_ALONE, &root,
			   error))
		return false;
	root.mode = el | (regime == ARM_REGIME_EL2_ALONE ? ARM_ROOT_ONE_RANGE : 0);
	memcpy(ret->word, &root, sizeof(root));
	ret->kernel = arm_root_is_kernel(&root);
	ret->nested = regime == ARM_REGIME_NESTED;
	return true;
}

bool arch_walk(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t addr,
	       ArchMapping *ret)
{
	ArmRoot arm_root = to_arm(root);
	ArmMapping mapping;

	if (!arm_walk(&arm_root, read, opaque, addr, &mapping))
		return false;
	*ret = (ArchMapping){mapping.gpa, mapping.left, mapping.execute,
			     arm_is_kernel_address(&arm_root, addr)};
	return true;
}

bool arch_is_kernel_address(const ArchRoot *root, uint64_t addr)
{
	ArmRoot arm_root = to_arm(root);

	return arm_is_kernel_address(&arm_root, addr);
}

bool arch_kernel_root(const ArchRoot *user, ArchPhysRead read, void *opaque, ArchRoot *ret)
{
	ArmRoot root = to_arm(user), kernel;

	if (!arm_kernel_root(&root, read, opaque, &kernel))
		return false;
	memcpy(ret->word, &kernel, sizeof(kernel));
	ret->kernel = true;
	return true;
}

ArchRoot arch_process_root(const ArchRoot *root, uint64_t gpa)
{
	ArmRoot process = to_arm(root);
	ArchRoot ret = {0};

	process.ttbr0 = gpa;
	memcpy(ret.word, &process, sizeof(process));
	return ret;
}

uint64_t arch_user_table(const ArchRoot *root)
{
	ArmRoot arm_root = to_arm(root);

	return arm_user_table(&arm_root);
}

void arch_region(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t addr,
		 GdbRegion *ret)
{
	ArmRoot arm_root = to_arm(root);

	arm_region(&arm_root, read, opaque, addr, ret);
}

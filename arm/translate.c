/*
 * arm/translate.c - the address translation half of kvm/arch.h, on top of arm/walk.h.
 */
#include <string.h>

#include "arm/pages.h"
#include "arm/pstate.h"
#include "arm/vcpu.h"
#include "arm/walk.h"
#include "kvm/arch.h"

_Static_assert(sizeof(ArmRoot) == sizeof(((ArchRoot *)0)->word), "ArmRoot is ArchRoot.word");

static ArmRoot to_arm(const ArchRoot *root)
{
	ArmRoot ret;

	memcpy(&ret, root->word, sizeof(ret));
	return ret;
}

bool arch_get_root(ArchVcpu *vcpu, ArchRoot *ret, GError **error)
{
	ArmRoot root;
	uint64_t pstate;
	const struct {
		ArmSlot slot;
		uint64_t *to;
	} parts[] = {
		{ARM_PSTATE, &pstate},	      {ARM_SCTLR_EL1, &root.sctlr},
		{ARM_TCR_EL1, &root.tcr},     {ARM_TTBR0_EL1, &root.ttbr0},
		{ARM_TTBR1_EL1, &root.ttbr1}, {ARM_MMFR0_EL1, &root.mmfr0},
		{ARM_MMFR2_EL1, &root.mmfr2}, {ARM_VBAR_EL1, &root.vbar},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
		if (!arm_get(vcpu, parts[i].slot, parts[i].to, error))
			return false;
	}
	/* M[3:2] is the level in AArch64 only; an AArch32 guest has nothing above EL0 here. */
	root.mode = pstate & ARM_PSR_AARCH32 ? 0 : ARM_PSR_EL(pstate);
	memcpy(ret->word, &root, sizeof(root));
	ret->kernel = arm_root_is_kernel(&root);
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

void arch_region(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t addr,
		 GdbRegion *ret)
{
	ArmRoot arm_root = to_arm(root);

	arm_region(&arm_root, read, opaque, addr, ret);
}

/*
 * x86/kvm/translate.c - the address translation half of kvm/arch.h, on top of x86/cpu/walk.h.
 */
#include <string.h>

#include "kvm/arch.h"
#include "x86/cpu/region.h"
#include "x86/cpu/walk.h"
#include "x86/kvm/vcpu.h"

_Static_assert(sizeof(X86Root) == sizeof(((ArchRoot *)0)->word), "X86Root is ArchRoot.word");

static X86Root to_x86(const ArchRoot *root)
{
	X86Root ret;

	memcpy(&ret, root->word, sizeof(ret));
	return ret;
}

bool arch_get_root(ArchVcpu *vcpu, ArchRoot *ret, GError **error)
{
	X86Root root;

	if (!x86_fetch(vcpu, X86_SREGS, error))
		return false;
	root = (X86Root){
		.cr0 = vcpu->sregs.cr0,
		.cr3 = vcpu->sregs.cr3,
		.cr4 = vcpu->sregs.cr4,
		.efer = vcpu->sregs.efer,
	};
	if (vcpu->sregs.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID)
		memcpy(root.pdptr, vcpu->sregs.pdptrs, sizeof(root.pdptr));
	memcpy(ret->word, &root, sizeof(root));
	/* SS.DPL is the current privilege level (SDM vol. 3, 24.4.1). */
	ret->kernel = vcpu->sregs.ss.dpl == 0;
	ret->nested = arch_in_nested_guest(vcpu);
	return true;
}

bool arch_walk(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t addr,
	       ArchMapping *ret)
{
	X86Root x86_root = to_x86(root);
	X86Mapping mapping;

	if (!x86_walk(&x86_root, read, opaque, addr, &mapping))
		return false;
	*ret = (ArchMapping){mapping.gpa, mapping.left, mapping.execute,
			     x86_is_kernel_address(&x86_root, addr)};
	return true;
}

bool arch_is_kernel_address(const ArchRoot *root, uint64_t addr)
{
	X86Root x86_root = to_x86(root);

	return x86_is_kernel_address(&x86_root, addr);
}

bool arch_kernel_root(const ArchRoot *user, ArchPhysRead read, void *opaque, ArchRoot *ret)
{
	X86Root root = to_x86(user), kernel;

	if (!x86_kernel_root(&root, read, opaque, &kernel))
		return false;
	memcpy(ret->word, &kernel, sizeof(kernel));
	ret->kernel = true;
	return true;
}

ArchRoot arch_process_root(const ArchRoot *root, uint64_t gpa)
{
	X86Root process = to_x86(root);
	ArchRoot ret = {0};

	process.cr3 = gpa;
	memcpy(ret.word, &process, sizeof(process));
	return ret;
}

uint64_t arch_user_table(const ArchRoot *root)
{
	return to_x86(root).cr3 & X86_PTE_ADDR;
}

void arch_region(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t addr,
		 GdbRegion *ret)
{
	X86Root x86_root = to_x86(root);

	x86_region(&x86_root, read, opaque, addr, ret);
}

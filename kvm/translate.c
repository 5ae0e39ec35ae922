/*
 * kvm/translate.c - from the addresses a client speaks of to guest-physical memory.
 *
 * The CPU that the client chose decides. When it is in user mode behind KPTI (or the arm64
 * trampoline), the kernel is not in its page tables; then, for kernel addresses only, which all
 * processes share, other roots may answer: the kernel root derived from its own, that of a CPU
 * which is in kernel mode now, the last one that was seen. Nothing is ever guessed from offsets.
 */
#include <inttypes.h>

#include "kvm/internal.h"

static bool read_phys(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	return kvm_memory_read(opaque, gpa, buf, len) == len;
}

static bool walk(KvmGdb *gdb, const ArchRoot *root, uint64_t addr, ArchMapping *ret)
{
	return arch_walk(root, read_phys, gdb->memory, addr, ret);
}

static bool get_root(KvmGdbVcpu *vcpu, ArchRoot *ret, GError **error)
{
	if (!arch_get_root(vcpu->arch, ret, error))
		return false;
	if (ret->kernel) {
		vcpu->gdb->kernel_root = *ret;
		vcpu->gdb->have_kernel_root = true;
	}
	return true;
}

static bool walk_other_kernel_roots(KvmGdbVcpu *self, uint64_t addr, ArchMapping *ret)
{
	KvmGdb *gdb = self->gdb;
	ArchRoot root;

	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (vcpu != self &&
		    __atomic_load_n(&vcpu->state, __ATOMIC_SEQ_CST) != VCPU_RUNNING &&
		    get_root(vcpu, &root, NULL) && root.kernel &&
		    arch_is_kernel_address(&root, addr) && walk(gdb, &root, addr, ret))
			return true;
	}
	return gdb->have_kernel_root && arch_is_kernel_address(&gdb->kernel_root, addr) &&
	       walk(gdb, &gdb->kernel_root, addr, ret);
}

bool translate(KvmGdbVcpu *vcpu, uint64_t addr, ArchMapping *ret, GError **error)
{
	KvmGdb *gdb = vcpu->gdb;
	ArchRoot root, kernel;

	if (!get_root(vcpu, &root, error))
		return false;
	if (walk(gdb, &root, addr, ret))
		return true;
	if (!root.kernel && arch_is_kernel_address(&root, addr) &&
	    ((arch_kernel_root(&root, read_phys, gdb->memory, &kernel) &&
	      walk(gdb, &kernel, addr, ret)) ||
	     walk_other_kernel_roots(vcpu, addr, ret)))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT,
		    "address 0x%" PRIx64 " is not mapped on CPU %u", addr, vcpu->index);
	return false;
}

bool translate_region(KvmGdbVcpu *vcpu, uint64_t addr, GdbRegion *ret, GError **error)
{
	KvmGdb *gdb = vcpu->gdb;
	ArchRoot root, kernel;

	if (!get_root(vcpu, &root, error))
		return false;
	if (!root.kernel && arch_is_kernel_address(&root, addr) &&
	    arch_kernel_root(&root, read_phys, gdb->memory, &kernel))
		root = kernel;
	arch_region(&root, read_phys, gdb->memory, addr, ret);
	return true;
}

bool translate_pc(KvmGdbVcpu *vcpu, uint64_t pc, uint64_t *ret_gpa)
{
	ArchMapping mapping;

	if (!translate(vcpu, pc, &mapping, NULL))
		return false;
	*ret_gpa = mapping.gpa;
	return true;
}

bool translate_patch(KvmGdbVcpu *vcpu, uint64_t addr, uint64_t *ret_gpa)
{
	return arch_can_patch(vcpu->arch, addr) && translate_pc(vcpu, addr, ret_gpa);
}

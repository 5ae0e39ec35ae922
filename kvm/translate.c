/*
 * kvm/translate.c - from the addresses a client speaks of to guest-physical memory.
 *
 * The CPU that the client chose decides. While it has a user's page table (in user mode behind KPTI
 * or the arm64 trampoline, and in the first instructions of each kernel entry after that) the
 * kernel is not in it; then, for kernel addresses only, which all processes share, other roots may
 * answer: the kernel root derived from its own, those of the other CPUs, the last one that was
 * seen. Whether a root is the kernel's is asked of what it maps, never of the CPU's mode alone;
 * nothing is ever guessed from offsets.
 *
 * A CPU in a guest of its own guest has page tables that say nothing of this machine: for it, too,
 * the other roots answer, for the kernel's addresses only, and its own is never kept.
 */
#include <inttypes.h>
#include <string.h>

#include "kvm/internal.h"
#include "kvm/states.h"

static bool walk(KvmGdb *gdb, const ArchRoot *root, uint64_t addr, ArchMapping *ret)
{
	return arch_walk(root, physical_read_own, gdb, addr, ret);
}

static bool derive(KvmGdb *gdb, const ArchRoot *root, ArchRoot *ret)
{
	return arch_kernel_root(root, physical_read_own, gdb, ret);
}

/* A user's root is not the kernel's in kernel mode either: there is another beside it. */
static void remember(KvmGdb *gdb, const ArchRoot *root)
{
	ArchRoot kernel;

	if (!root->kernel || root->nested ||
	    (gdb->have_kernel_root &&
	     !memcmp(root->word, gdb->kernel_root.word, sizeof(root->word))) ||
	    derive(gdb, root, &kernel))
		return;
	gdb->kernel_root = *root;
	gdb->have_kernel_root = true;
}

static bool get_root(KvmGdbVcpu *vcpu, ArchRoot *ret, GError **error)
{
	if (!arch_get_root(vcpu->arch, ret, error))
		return false;
	remember(vcpu->gdb, ret);
	return true;
}

/* @addr in @root, or in the kernel's beside it. */
static bool walk_pair(KvmGdb *gdb, const ArchRoot *root, uint64_t addr, ArchMapping *ret)
{
	ArchRoot kernel;

	return walk(gdb, root, addr, ret) ||
	       (derive(gdb, root, &kernel) && walk(gdb, &kernel, addr, ret));
}

static bool walk_other_kernel_roots(KvmGdbVcpu *self, uint64_t addr, ArchMapping *ret)
{
	KvmGdb *gdb = self->gdb;
	ArchRoot root;

	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, i);

		if (vcpu && vcpu != self && get_state(vcpu) != VCPU_RUNNING &&
		    get_root(vcpu, &root, NULL) && !root.nested &&
		    arch_is_kernel_address(&root, addr) && walk_pair(gdb, &root, addr, ret))
			return true;
	}
	return gdb->have_kernel_root && arch_is_kernel_address(&gdb->kernel_root, addr) &&
	       walk(gdb, &gdb->kernel_root, addr, ret);
}

/* @addr is not in @own, the root of @self: may others have it, and does one? */
static bool find_kernel(KvmGdbVcpu *self, const ArchRoot *own, uint64_t addr, ArchMapping *ret)
{
	ArchRoot kernel;

	if (!arch_is_kernel_address(own, addr))
		return false;
	if (derive(self->gdb, own, &kernel)) {
		if (walk(self->gdb, &kernel, addr, ret))
			return true;
	} else if (own->kernel) {
		return false; /* it has all there is */
	}
	return walk_other_kernel_roots(self, addr, ret);
}

static void set_nested(GError **error, const KvmGdbVcpu *vcpu, uint64_t addr)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT,
		    "CPU %u runs a guest inside this guest: only this guest's kernel can be "
		    "reached from there, and 0x%" PRIx64 " is not mapped in it",
		    vcpu->index, addr);
}

bool translate(KvmGdbVcpu *vcpu, uint64_t addr, ArchMapping *ret, GError **error)
{
	ArchRoot root;

	if (!get_root(vcpu, &root, error))
		return false;
	if (root.nested) {
		if (walk_other_kernel_roots(vcpu, addr, ret))
			return true;
		set_nested(error, vcpu, addr);
		return false;
	}
	if (walk(vcpu->gdb, &root, addr, ret) || find_kernel(vcpu, &root, addr, ret))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT,
		    "address 0x%" PRIx64 " is not mapped on CPU %u", addr, vcpu->index);
	return false;
}

/* Is @addr one of the users', and of the process of @space? */
static bool is_of_process(const Space *space, uint64_t addr)
{
	return space->has_process && !arch_is_kernel_address(&space->process, addr);
}

bool translate_in(const Space *space, uint64_t addr, ArchMapping *ret, GError **error)
{
	if (!is_of_process(space, addr))
		return translate(space->vcpu, addr, ret, error);
	if (walk(space->vcpu->gdb, &space->process, addr, ret))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT,
		    "address 0x%" PRIx64 " is not mapped in the process", addr);
	return false;
}

bool translate_region(const Space *space, uint64_t addr, GdbRegion *ret, GError **error)
{
	KvmGdbVcpu *vcpu = space->vcpu;
	KvmGdb *gdb = vcpu->gdb;
	ArchRoot root, kernel;

	if (is_of_process(space, addr)) {
		arch_region(&space->process, physical_read_own, gdb, addr, ret);
		return true;
	}

	if (!get_root(vcpu, &root, error))
		return false;
	if (root.nested) {
		if (!gdb->have_kernel_root || !arch_is_kernel_address(&gdb->kernel_root, addr)) {
			set_nested(error, vcpu, addr);
			return false;
		}
		root = gdb->kernel_root;
	}
	if (arch_is_kernel_address(&root, addr) && derive(gdb, &root, &kernel))
		root = kernel;
	arch_region(&root, physical_read_own, gdb, addr, ret);
	return true;
}

bool translate_pc(KvmGdbVcpu *vcpu, uint64_t pc, uint64_t *ret_gpa)
{
	ArchMapping mapping;

	if (arch_in_nested_guest(vcpu->arch) || !translate(vcpu, pc, &mapping, NULL))
		return false;
	*ret_gpa = mapping.gpa;
	return true;
}

static KvmSpot translate_spot(const Space *space, uint64_t addr)
{
	ArchMapping mapping;

	if (!arch_can_patch(space->vcpu->arch, addr) ||
	    !translate_in(space, addr, &mapping, NULL) || !mapping.execute)
		return (KvmSpot){KVM_SPOT_POINT, 0};
	return (KvmSpot){mapping.kernel ? KVM_SPOT_PATCH : KVM_SPOT_EITHER, mapping.gpa};
}

static KvmSpot find_spot(void *opaque, uint64_t addr)
{
	const Space *space = opaque;

	return space->vcpu ? translate_spot(space, addr) : (KvmSpot){KVM_SPOT_POINT, 0};
}

KvmFinder translate_finder(const Space *space)
{
	return (KvmFinder){find_spot, (void *)space};
}

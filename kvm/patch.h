/*
 * kvm/patch.h - call me: trap instructions of ours in guest memory, and guest memory without them.
 *
 * A patch is the architecture's trap instruction, written over guest code. Breakpoints want it at a
 * guest-physical address, and are counted; it is kept by the host's address, so that it is one and
 * the same wherever the guest sees that page. What the guest had there is kept beside it. Where the
 * guest has written new code over a patch it is no longer in place: then memory is the guest's, and
 * nothing is restored. Reads and writes of guest memory by the debugger go through here, so that
 * nobody sees a patch or loses one.
 *
 * Owns no lock: the engine calls it under its own, while no vCPU executes guest code.
 */
#ifndef VMGDB_KVM_PATCH_H
#define VMGDB_KVM_PATCH_H

#include <glib.h>

#include "kvm/memory.h"

typedef struct KvmPatches KvmPatches;

/* @memory must outlive it. free does not touch guest memory. */
KvmPatches *kvm_patches_new(KvmMemory *memory);
void kvm_patches_free(KvmPatches *patches);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmPatches, kvm_patches_free)

/* Is there RAM for a patch at @gpa? */
bool kvm_patches_fits(const KvmPatches *patches, uint64_t gpa);
/* One more, one fewer breakpoint wants the patch at @gpa; it is there from the first to the last.
 * ref: kvm_patches_fits() was TRUE; unref: there is a reference. */
void kvm_patches_ref(KvmPatches *patches, uint64_t gpa);
void kvm_patches_unref(KvmPatches *patches, uint64_t gpa);
/* Every patch out of guest memory, whoever wants it. */
void kvm_patches_clear(KvmPatches *patches);
/* Guest memory was loaded again (reset): write every patch over what is there now. */
void kvm_patches_rewrite(KvmPatches *patches);

/*
 * Around each change of the mappings of [gpa, gpa + size): the patches that are wanted there leave
 * the memory that goes, and are put into what is there then, if that can be written.
 */
void kvm_patches_before_change(KvmPatches *patches, uint64_t gpa, uint64_t size);
void kvm_patches_after_change(KvmPatches *patches);

/* Is there a patch of ours at @gpa, still in place? */
bool kvm_patches_has(const KvmPatches *patches, uint64_t gpa);
/* Is every patch that is wanted in place? */
bool kvm_patches_all_there(const KvmPatches *patches);
/* Is the patch at @gpa the one that is wanted at @wanted, in the same page of the host? */
bool kvm_patches_same(const KvmPatches *patches, uint64_t wanted, uint64_t gpa);
/*
 * A trap instruction was hit at @gpa, or is seen there. Is it a patch of ours? Also one in a page
 * that the guest has copied (fork, migration), known by the page's other bytes: it is the same
 * breakpoint's from now on, and goes with it. FALSE: none; a copy that no breakpoint wants any more
 * has been taken out.
 */
bool kvm_patches_claim(KvmPatches *patches, uint64_t gpa);
/*
 * kvm_patches_sweep: looks through all memory that the guest has used for such copies, for at most
 * @limit_ms; 100 ms go through about 1 GiB. After kvm_patches_clear() none of ours is left then.
 * FALSE: there was not enough time. What was remembered of pages is forgotten.
 */
bool kvm_patches_sweep(KvmPatches *patches, unsigned limit_ms);

/* Does a breakpoint want one? */
bool kvm_patches_any_wanted(const KvmPatches *patches);
/* Is or was there any, so that trap instructions must be intercepted? */
bool kvm_patches_any(const KvmPatches *patches);
/* Lift the patch at @gpa for a moment (a step over it), and put it back; where none is, nothing. */
void kvm_patches_lift(KvmPatches *patches, uint64_t gpa);
void kvm_patches_replace(KvmPatches *patches, uint64_t gpa);

/*
 * As kvm_memory_read/write, but reads show the bytes under a patch and writes go under it. Trap
 * instructions in pages that the guest has copied are hidden, too: each is claimed first
 * (kvm_patches_claim()).
 */
size_t kvm_patches_read(KvmPatches *patches, uint64_t gpa, void *buf, size_t len);
bool kvm_patches_write(KvmPatches *patches, uint64_t gpa, const void *buf, size_t len);

/*
 * kvm_patches_may_meet: [any thread, without a lock] FALSE: there is no patch, and no copy.
 *
 * For a device that reads or writes memory by itself, unless it meets a patch there.
 * kvm_patches_meets_read: is there a patch, or a copy that the guest has made?
 * kvm_patches_meets_write: is there a patch that a breakpoint wants? Copies there are forgotten:
 * the device writes other bytes over the guest's.
 */
bool kvm_patches_may_meet(const KvmPatches *patches);
bool kvm_patches_meets_read(KvmPatches *patches, uint64_t gpa, uint64_t len);
bool kvm_patches_meets_write(KvmPatches *patches, uint64_t gpa, uint64_t len);

#endif

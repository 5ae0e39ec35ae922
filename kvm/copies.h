/*
 * kvm/copies.h - call me: is this page a copy of one that had a patch of ours in it?
 *
 * A guest copies pages with the trap instruction that we wrote into them: copy on write after a
 * fork, page migration, huge pages. A copy is known by its other bytes. For each page that had a
 * patch a hash of the guest's own bytes is kept, with the patches' offsets and what was under
 * them: a page that becomes the same when our traps are taken out of it is a copy.
 *
 * Pure: sees bytes, no memory. Owns no lock.
 */
#ifndef VMGDB_KVM_COPIES_H
#define VMGDB_KVM_COPIES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define KVM_COPIES_PAGE 4096u
/* Patches that are remembered; what is beyond them is not. */
#define KVM_COPIES_MAX 65536u

typedef struct KvmCopies KvmCopies;

/* @trap: the instruction that patches are, @trap_len at most 8; must outlive it. */
KvmCopies *kvm_copies_new(const uint8_t *trap, size_t trap_len);
void kvm_copies_free(KvmCopies *copies);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmCopies, kvm_copies_free)

/*
 * kvm_copies_note: there is, or was, a patch at @offset of a page with the guest's own bytes @page
 * (KVM_COPIES_PAGE of them). @gpa: which one, for who asks later.
 */
void kvm_copies_note(KvmCopies *copies, const uint8_t *page, unsigned offset, uint64_t gpa);
bool kvm_copies_any(const KvmCopies *copies);
void kvm_copies_clear(KvmCopies *copies);

/* The offsets at which there were patches, ascending. */
const uint16_t *kvm_copies_offsets(const KvmCopies *copies, unsigned *ret_n);

/*
 * kvm_copies_match: @page, as it is in memory, has a trap at @offset. Is it ours? Then what the
 * guest has there goes to @ret_saved (trap_len bytes), and which patch it was to @ret_gpa.
 */
bool kvm_copies_match(const KvmCopies *copies, const uint8_t *page, unsigned offset,
		      uint8_t *ret_saved, uint64_t *ret_gpa);

#endif

/*
 * kvm/patch-internal.h - the tables of patch.c, patch-read.c and patch-copy.c, and nobody else's.
 *
 * A want is the client's: a guest-physical address and how many breakpoints are there. A patch is
 * what is in memory, keyed by the host's address, since slots come and go, and two of them may
 * show one page.
 */
#ifndef VMGDB_KVM_PATCH_INTERNAL_H
#define VMGDB_KVM_PATCH_INTERNAL_H

#include "kvm/arch.h"
#include "kvm/copies.h"
#include "kvm/patch.h"

typedef struct Want {
	uint64_t gpa;
	unsigned refs;
	uint8_t *host; /* of its patch; NULL: there is no memory that can be written */
} Want;

typedef struct Patch {
	KvmPlace place;
	unsigned wants;		      /* how many have it; 0: a copy that the guest has made */
	uint64_t copy_of;	      /* the gpa of the want whose breakpoint a copy is */
	bool lifted;		      /* not in memory for a moment */
	uint8_t saved[ARCH_TRAP_MAX]; /* what the guest has there */
} Patch;

struct KvmPatches {
	KvmMemory *memory;
	int any;	    /* atomic: see kvm_patches_may_meet() */
	GPtrArray *wants;   /* of Want, ascending by gpa */
	GPtrArray *patches; /* of Patch, ascending by place.host */
	unsigned n_wanted;  /* of @patches; the rest are copies that the guest has made */
	KvmCopies *copies;
	const uint8_t *trap;
	size_t trap_len;
};

static inline Want *want_at(const KvmPatches *patches, unsigned i)
{
	return g_ptr_array_index(patches->wants, i);
}

static inline Patch *patch_at(const KvmPatches *patches, unsigned i)
{
	return g_ptr_array_index(patches->patches, i);
}

/* ---- patch.c ---- */

Want *patch_find_want(const KvmPatches *patches, uint64_t gpa);
/* By whatever guest-physical address the page is seen. */
Patch *patch_find(const KvmPatches *patches, uint64_t gpa);
/* RAM for a patch. */
bool patch_find_room(const KvmPatches *patches, uint64_t gpa, KvmPlace *ret);
/* A lifted one, that is not there yet. */
Patch *patch_add(KvmPatches *patches, const KvmPlace *place);
/* Index of the first patch at or above @host. */
unsigned patch_index(const KvmPatches *patches, const uint8_t *host);
/* Is it in memory? The guest may have written new code over it. */
bool patch_in_place(const KvmPatches *patches, const Patch *patch);

/* ---- patch-read.c ---- */

/* As kvm_patches_read(), but copies that the guest has made are not looked for. */
size_t patch_read_under(KvmPatches *patches, uint64_t gpa, void *buf, size_t len);

/* ---- patch-copy.c ---- */

/* Remembers the page of the patch at @gpa, so that a copy of it is known. */
void patch_note_page(KvmPatches *patches, uint64_t gpa);
/*
 * There is a trap instruction in memory at @gpa. Is it a copy of one of ours? What the guest has
 * there, and which want it is or was.
 */
bool patch_match_copy(KvmPatches *patches, uint64_t gpa, uint8_t *ret_saved, uint64_t *ret_gpa);
/* Claims each trap in @buf, which was read at @gpa. TRUE: memory may be another now. */
bool patch_claim_all(KvmPatches *patches, uint64_t gpa, const uint8_t *buf, size_t len);
/* The same for what is in memory there. */
void patch_claim_range(KvmPatches *patches, uint64_t gpa, uint64_t len);

#endif

/*
 * kvm/patch-internal.h - the tables of patch.c and patch-read.c, and nobody else's.
 *
 * A want is the client's: a guest-physical address and how many breakpoints are there. A patch is
 * what is in memory, keyed by the host's address, since slots come and go, and two of them may
 * show one page.
 */
#ifndef VMGDB_KVM_PATCH_INTERNAL_H
#define VMGDB_KVM_PATCH_INTERNAL_H

#include "kvm/arch.h"
#include "kvm/patch.h"

typedef struct Want {
	uint64_t gpa;
	unsigned refs;
	uint8_t *host; /* of its patch; NULL: there is no memory that can be written */
} Want;

typedef struct Patch {
	KvmPlace place;
	unsigned wants;		      /* how many have it */
	bool lifted;		      /* not in memory for a moment */
	uint8_t saved[ARCH_TRAP_MAX]; /* what the guest has there */
} Patch;

struct KvmPatches {
	KvmMemory *memory;
	GArray *wants;	 /* of Want, ascending by gpa */
	GArray *patches; /* of Patch, ascending by place.host */
	const uint8_t *trap;
	size_t trap_len;
};

static inline Want *want_at(const KvmPatches *patches, unsigned i)
{
	return &g_array_index(patches->wants, Want, i);
}

static inline Patch *patch_at(const KvmPatches *patches, unsigned i)
{
	return &g_array_index(patches->patches, Patch, i);
}

/* ---- patch.c ---- */

/* Index of the first patch at or above @host. */
unsigned patch_index(const KvmPatches *patches, const uint8_t *host);
/* Is it in memory? The guest may have written new code over it. */
bool patch_in_place(const KvmPatches *patches, const Patch *patch);

#endif

/*
 * kvm/breaks.h - the breakpoints of one machine, as the client asked for them.
 *
 * A software breakpoint is a patch (kvm/patch.h), with one reference for each address a client
 * asked for, or takes a hardware point. KvmSpotKind decides which of them it becomes: with
 * KVM_SPOT_POINT a point; with KVM_SPOT_EITHER a point if another one stays free, else a patch;
 * with KVM_SPOT_PATCH a patch. A hardware point that finds no slot free makes one of the second
 * kind a patch.
 *
 * Owns no lock: the engine calls it under its own. Writes memory, never registers.
 */
#ifndef VMGDB_KVM_BREAKS_H
#define VMGDB_KVM_BREAKS_H

#include "gdbstub/target.h"
#include "kvm/arch.h"
#include "kvm/patch.h"

typedef struct KvmBreaks KvmBreaks;

/* @features: what this KVM reports; copied. @patches: where patches go; must outlive it. */
KvmBreaks *kvm_breaks_new(KvmPatches *patches, const ArchFeatures *features);
void kvm_breaks_free(KvmBreaks *breaks); /* does not touch guest memory */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmBreaks, kvm_breaks_free)

/* Software breakpoints in one machine, virtual and physical; more than any client sets. */
#define KVM_BREAKS_MAX 65536

/*
 * Where a breakpoint at some address can be hit, as the page tables are now.
 * POINT: by a hardware point only: it is not mapped, or no code can be fetched there, or the trap
 * instruction would be another one to this code. EITHER: a user's address, which is other code to
 * other processes, or one of a machine without a kernel yet, whose memory may be filled later.
 * PATCH: the kernel's code. @gpa: where it is, but for POINT.
 */
typedef enum KvmSpotKind { KVM_SPOT_POINT, KVM_SPOT_EITHER, KVM_SPOT_PATCH } KvmSpotKind;

typedef struct KvmSpot {
	KvmSpotKind kind;
	uint64_t gpa;
} KvmSpot;

typedef struct KvmFinder {
	KvmSpot (*find)(void *opaque, uint64_t addr);
	void *opaque;
} KvmFinder;

/*
 * kvm_breaks_insert_sw: Z0. The same @addr again moves the breakpoint to where it is now, with the
 * new kind. Errors: INVAL (alignment, kind), FAULT (not RAM; a hardware point is needed and this
 * KVM does not report those), NOSPC (KVM_BREAKS_MAX; slots), UNSUPPORTED: this KVM reports neither
 * trap instructions nor hardware breakpoints.
 */
bool kvm_breaks_insert_sw(KvmBreaks *breaks, uint64_t addr, uint64_t kind, const KvmFinder *finder,
			  GError **error);
/*
 * kvm_breaks_insert_physical: a Z0 by guest-physical address: a patch, never a hardware point.
 * Errors: INVAL (alignment, kind, or this KVM does not report trap instructions), FAULT (not RAM),
 * NOSPC (KVM_BREAKS_MAX).
 */
bool kvm_breaks_insert_physical(KvmBreaks *breaks, uint64_t gpa, uint64_t kind, GError **error);
/*
 * kvm_breaks_insert_hw: Z1-Z4. Errors as arch_encode_hw(), and UNSUPPORTED for what this KVM does
 * not report. Inserting twice takes one slot.
 */
bool kvm_breaks_insert_hw(KvmBreaks *breaks, const GdbBreak *bp, const KvmFinder *finder,
			  GError **error);
/* z0-z4; removing what is not there does nothing. */
void kvm_breaks_remove(KvmBreaks *breaks, const GdbBreak *bp);
/* Every patch out of guest memory, every point gone. */
void kvm_breaks_clear(KvmBreaks *breaks);

/* Breakpoints that the engine itself may have. */
#define KVM_BREAKS_INTERNAL_MAX 4
/*
 * kvm_breaks_set_internal: in place of all others of the engine's: @n addresses of the kernel's
 * code. They take no hardware point: where there can be no patch now there is none until
 * kvm_breaks_rearm(). kvm_breaks_has_internal: does the patch at @gpa, hit by the address @addr,
 * belong to one of them? The others here do not tell of them. A reset takes them out for good.
 */
void kvm_breaks_set_internal(KvmBreaks *breaks, const uint64_t *addrs, unsigned n,
			     const KvmFinder *finder);
bool kvm_breaks_has_internal(const KvmBreaks *breaks, uint64_t addr, uint64_t gpa);
/* Is one of the client's software breakpoints in memory? */
bool kvm_breaks_any_in_memory(const KvmBreaks *breaks);

/*
 * kvm_breaks_rearm: before each resume. Software breakpoints in a hardware point that belong into
 * memory by now move there, and patches that the guest has written over are put back where their
 * addresses still lead to them: memory may have been filled, or its code changed.
 */
void kvm_breaks_rearm(KvmBreaks *breaks, const KvmFinder *finder);
/*
 * kvm_breaks_reset: the machine begins again and will load its memory again. Software breakpoints
 * leave memory and wait for it in hardware points as at the start, those for which there is none
 * without one: their number is returned. Those at physical addresses are written over what is
 * there. kvm_breaks_rearm() places all of them; kvm_breaks_find_lost() those without, and may be
 * called at any time. While one is lost trap instructions must be intercepted.
 */
unsigned kvm_breaks_reset(KvmBreaks *breaks);
bool kvm_breaks_any_lost(const KvmBreaks *breaks);
void kvm_breaks_find_lost(KvmBreaks *breaks, const KvmFinder *finder);

/*
 * kvm_breaks_points: what is armed in hardware, in the order that arch_decode_trap() indexes.
 * A software breakpoint in a hardware point has type GDB_BREAK_HW here;
 * kvm_breaks_point_kind() tells how a hit of point @index is reported.
 */
const GdbBreak *kvm_breaks_points(const KvmBreaks *breaks, unsigned *ret_n);
GdbStopKind kvm_breaks_point_kind(const KvmBreaks *breaks, unsigned index);
/* The debug registers for these points; all zero when there is none. */
const struct kvm_guest_debug_arch *kvm_breaks_hw(const KvmBreaks *breaks);

/*
 * kvm_breaks_each_at_patch, _at_point: call @fn for each breakpoint of the client that a hit of the
 * patch at @gpa by the address @addr, or of point @index, belongs to: those at that very address,
 * or else all that share the patch, and the one by that guest-physical address. Returns how many
 * there are.
 */
typedef void (*KvmBreaksVisit)(void *opaque, const GdbBreak *bp);
unsigned kvm_breaks_each_at_patch(const KvmBreaks *breaks, uint64_t addr, uint64_t gpa,
				  KvmBreaksVisit fn, void *opaque);
unsigned kvm_breaks_each_at_point(const KvmBreaks *breaks, unsigned index, KvmBreaksVisit fn,
				  void *opaque);

/* Does a hit of this kind at this address still belong to a breakpoint? (events that waited) */
bool kvm_breaks_wants(const KvmBreaks *breaks, GdbStopKind kind, uint64_t addr);
/* A software breakpoint is at the virtual address @addr: is it in memory, and not in a slot? */
bool kvm_breaks_in_memory(const KvmBreaks *breaks, uint64_t addr);
/* Is there a software breakpoint of just this type (by either kind of address) there? */
bool kvm_breaks_has(const KvmBreaks *breaks, const GdbBreak *bp);
/* Is there a breakpoint by this guest-physical address? */
bool kvm_breaks_wants_physical(const KvmBreaks *breaks, uint64_t gpa);

#endif

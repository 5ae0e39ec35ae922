/*
 * kvm/breaks.h - the breakpoints of one machine, as the client asked for them.
 *
 * A software breakpoint is a patch (kvm/patch.h), with one reference for each address a client
 * asked for. While its address is not mapped, or where this KVM does not report trap instructions,
 * it takes a hardware point instead.
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
 * kvm_breaks_insert_sw: Z0. @gpa: where @addr is mapped, NULL when it is not; then a hardware
 * point is taken. The same (addr) again moves the breakpoint to the new @gpa and kind.
 * Errors: INVAL (alignment, kind), FAULT (@gpa is not RAM), NOSPC (KVM_BREAKS_MAX), and as
 * kvm_breaks_insert_hw().
 */
bool kvm_breaks_insert_sw(KvmBreaks *breaks, uint64_t addr, uint64_t kind, const uint64_t *gpa,
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
bool kvm_breaks_insert_hw(KvmBreaks *breaks, const GdbBreak *bp, GError **error);
/* z0-z4; removing what is not there does nothing. */
void kvm_breaks_remove(KvmBreaks *breaks, const GdbBreak *bp);
/* Every patch out of guest memory, every point gone. */
void kvm_breaks_clear(KvmBreaks *breaks);

/*
 * kvm_breaks_rearm: software breakpoints that sit in a hardware point move into memory when
 * @translate finds them mapped. Before each resume; costs nothing when there is none.
 */
typedef bool (*KvmBreaksTranslate)(void *opaque, uint64_t addr, uint64_t *ret_gpa);
void kvm_breaks_rearm(KvmBreaks *breaks, KvmBreaksTranslate translate, void *opaque);
/*
 * kvm_breaks_reset: the machine begins anew and will load its memory again. Software breakpoints
 * leave memory and wait for it in hardware points as at the start, those for which there is none
 * without one: their number is returned. Those at physical addresses are written over what is
 * there. kvm_breaks_rearm() places all of them; kvm_breaks_find_lost() those without, and may be
 * called at any time. While one is lost trap instructions must be intercepted.
 */
unsigned kvm_breaks_reset(KvmBreaks *breaks);
bool kvm_breaks_any_lost(const KvmBreaks *breaks);
void kvm_breaks_find_lost(KvmBreaks *breaks, KvmBreaksTranslate translate, void *opaque);

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
/* Is there a breakpoint by this guest-physical address? */
bool kvm_breaks_wants_physical(const KvmBreaks *breaks, uint64_t gpa);

#endif

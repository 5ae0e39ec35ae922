/*
 * kvm/breaks.h - the breakpoints of one machine: what is asked for, and what is in guest memory.
 *
 * A software breakpoint is a patch: the trap instruction written over guest code, keyed by
 * guest-physical address, with one reference for each (address, kind) a client asked for. While
 * its address is not mapped, or where this KVM does not report trap instructions, it takes a
 * hardware point instead. Reads and writes of guest memory by the debugger go through here, so
 * that nobody sees a patch or loses one.
 *
 * Owns no lock: the engine calls it under its own. Writes memory, never registers.
 */
#ifndef VMGDB_KVM_BREAKS_H
#define VMGDB_KVM_BREAKS_H

#include "gdbstub/target.h"
#include "kvm/arch.h"
#include "kvm/memory.h"

typedef struct KvmBreaks KvmBreaks;

/* @features: what this KVM reports; copied. @memory must outlive it. */
KvmBreaks *kvm_breaks_new(KvmMemory *memory, const ArchFeatures *features);
void kvm_breaks_free(KvmBreaks *breaks); /* does not touch guest memory */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmBreaks, kvm_breaks_free)

/*
 * kvm_breaks_insert_sw: Z0. @gpa: where @addr is mapped, NULL when it is not; then a hardware
 * point is taken. The same (addr) again moves the breakpoint to the new @gpa and kind.
 * Errors: INVAL (alignment, kind), FAULT (@gpa is not RAM), NOSPC (no hardware point left).
 */
bool kvm_breaks_insert_sw(KvmBreaks *breaks, uint64_t addr, uint64_t kind, const uint64_t *gpa,
			  GError **error);
/* kvm_breaks_insert_hw: Z1-Z4. Errors as arch_encode_hw(). Inserting twice takes one slot. */
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
/* kvm_breaks_repatch: guest memory was loaded anew (reset): write every patch over what is there.
 */
void kvm_breaks_repatch(KvmBreaks *breaks);

/* Is there a patch of ours at @gpa, still in place? */
bool kvm_breaks_has_patch(const KvmBreaks *breaks, uint64_t gpa);
/* Is any software breakpoint a patch, so that trap instructions must be intercepted? */
bool kvm_breaks_any_patch(const KvmBreaks *breaks);
/* Lift the patch at @gpa for a moment (a step over it), and put it back. */
void kvm_breaks_lift(KvmBreaks *breaks, uint64_t gpa);
void kvm_breaks_replace(KvmBreaks *breaks, uint64_t gpa);

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
 * or else all that share the patch. Returns how many there are.
 */
typedef void (*KvmBreaksVisit)(void *opaque, const GdbBreak *bp);
unsigned kvm_breaks_each_at_patch(const KvmBreaks *breaks, uint64_t addr, uint64_t gpa,
				  KvmBreaksVisit fn, void *opaque);
unsigned kvm_breaks_each_at_point(const KvmBreaks *breaks, unsigned index, KvmBreaksVisit fn,
				  void *opaque);

/* Does a hit of this kind at this address still belong to a breakpoint? (events that waited) */
bool kvm_breaks_wants(const KvmBreaks *breaks, GdbStopKind kind, uint64_t addr);

/* As kvm_memory_read/write, but reads show the bytes under a patch and writes go under it. */
size_t kvm_breaks_read(KvmBreaks *breaks, uint64_t gpa, void *buf, size_t len);
bool kvm_breaks_write(KvmBreaks *breaks, uint64_t gpa, const void *buf, size_t len);

#endif

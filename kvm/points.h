/*
 * kvm/points.h - the hardware points of one machine: which there are, who wants each, and the debug
 * registers for them. What fits is the architecture's to say (arch_encode_hw()).
 *
 * Owns no lock: the engine calls it under its own. Touches neither memory nor registers.
 */
#ifndef VMGDB_KVM_POINTS_H
#define VMGDB_KVM_POINTS_H

#include "gdbstub/target.h"
#include "kvm/arch.h"

/* Who wants a point: a Z1-Z4 of the client, a Z0. One point may have both. */
typedef enum KvmPointOwner { KVM_POINT_HARD = 1, KVM_POINT_SOFT = 2 } KvmPointOwner;

typedef struct KvmPoints KvmPoints;

/* @features: what this KVM reports; copied. */
KvmPoints *kvm_points_new(const ArchFeatures *features);
void kvm_points_free(KvmPoints *points);

/*
 * kvm_points_add: one that is there already takes no slot. Errors as arch_encode_hw(), and
 * UNSUPPORTED for what this KVM does not report; nothing has changed then.
 * kvm_points_remove: it is gone when nobody else wants it; what is not there is no error.
 */
bool kvm_points_add(KvmPoints *points, const GdbBreak *bp, KvmPointOwner owner, GError **error);
void kvm_points_remove(KvmPoints *points, const GdbBreak *bp, KvmPointOwner owner);
void kvm_points_clear(KvmPoints *points);

bool kvm_points_has(const KvmPoints *points, const GdbBreak *bp);
/* Would one more execution point fit? */
bool kvm_points_is_one_left(KvmPoints *points);

/* All, and the owners of each (KvmPointOwner, joined); the registers, all zero without a point. */
const GdbBreak *kvm_points_all(const KvmPoints *points, unsigned *ret_n);
unsigned kvm_points_owners(const KvmPoints *points, unsigned index);
const struct kvm_guest_debug_arch *kvm_points_hw(const KvmPoints *points);

#endif

/*
 * arm/kvm/vcpu.h - one arm64 vCPU's register cache: what was read of KVM, what must be written
 * back.
 *
 * Private to arm/. KVM has one ioctl for one register (api.txt 4.68, 4.69), so the registers that a
 * debugger or the engine wants again and again have a slot here; all others are read and written
 * at once. All functions run while the vCPU is outside KVM_RUN, on any thread, never two at once
 * for one vCPU (kvm/arch.h).
 */
#ifndef VMGDB_ARM_KVM_VCPU_H
#define VMGDB_ARM_KVM_VCPU_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arm/cpu/walk.h"
#include "kvm/arch.h"

/* The cached registers, all of 64 bits. */
typedef enum ArmSlot {
	ARM_X0,
	ARM_X30 = 30,
	ARM_SP_EL0,
	ARM_PC,
	ARM_PSTATE,
	ARM_SP_EL1,
	ARM_ELR_EL1,
	ARM_SPSR_EL1,
	ARM_SCTLR_EL1,
	ARM_TCR_EL1,
	ARM_TTBR0_EL1,
	ARM_TTBR1_EL1,
	ARM_VBAR_EL1,
	ARM_ESR_EL1,
	ARM_FAR_EL1,
	ARM_MDSCR_EL1,
	ARM_HCR_EL2, /* and the next ones: only where ArchVcpu.has_el2 */
	ARM_SCTLR_EL2,
	ARM_TCR_EL2,
	ARM_TTBR0_EL2,
	ARM_TTBR1_EL2,
	ARM_VBAR_EL2,
	ARM_ELR_EL2,
	ARM_SPSR_EL2,  /* the last one of these */
	ARM_MMFR0_EL1, /* ID_AA64MMFR0_EL1, likewise the next ones */
	ARM_MMFR1_EL1,
	ARM_MMFR2_EL1,
	ARM_PFR1_EL1,
	ARM_N_CACHED,
} ArmSlot;

G_STATIC_ASSERT(ARM_N_CACHED <= 64);

/* The id of a system register in KVM, and of a field of struct kvm_regs. */
#define ARM_SYS(op0, op1, crn, crm, op2) ARM64_SYS_REG(op0, op1, crn, crm, op2)
#define ARM_CORE(size, field)                                                                      \
	(KVM_REG_ARM64 | KVM_REG_SIZE_##size | KVM_REG_ARM_CORE |                                  \
	 offsetof(struct kvm_regs, field) / sizeof(uint32_t))

struct ArchVcpu {
	int fd;
	struct kvm_run *run;
	uint64_t valid; /* bit per ArmSlot: read since the vCPU ran */
	uint64_t dirty; /* bit per ArmSlot: changed here, not yet in KVM; always valid too */
	uint64_t slots[ARM_N_CACHED];
	bool has_el2;	 /* the guest may have guests of its own (KVM_ARM_VCPU_HAS_EL2) */
	unsigned max_vq; /* the longest vector in units of 128 bits; 0: no SVE */
	uint32_t vqs;	 /* bit n: a length of n + 1 such units is possible */
	uint64_t forced; /* masks in PSTATE that the step under way has set, not the guest */
	bool reinjected; /* the step begins in a handler, after an exception that was given to it */
};

/* arm_slot_id: its id in KVM. arm_slot_of: the slot with that id, or ARM_N_CACHED. */
uint64_t arm_slot_id(ArmSlot slot);
ArmSlot arm_slot_of(uint64_t id);

/* arm_get: the value of @slot. FALSE with GDB_ERROR_IO and a message that names the ioctl. */
bool arm_get(ArchVcpu *vcpu, ArmSlot slot, uint64_t *ret, GError **error);
/* arm_set: change it in the cache; arch_flush() writes it. */
void arm_set(ArchVcpu *vcpu, ArmSlot slot, uint64_t value);

/*
 * arm_get_one, arm_set_one: a register by its id in KVM, at @buf with the size that the id says,
 * without looking at the cache. A refused write is GDB_ERROR_INVAL, anything else GDB_ERROR_IO.
 */
bool arm_get_one(ArchVcpu *vcpu, uint64_t id, void *buf, GError **error);
bool arm_set_one(ArchVcpu *vcpu, uint64_t id, const void *buf, GError **error);

/*
 * arm_store: write @slot in KVM now, dirty or not. FALSE: KVM refuses; cache and KVM are as before.
 */
bool arm_store(ArchVcpu *vcpu, ArmSlot slot, uint64_t value, GError **error);

/* arm_get_regime: which registers translate for it now, and the exception level. */
bool arm_get_regime(ArchVcpu *vcpu, ArmRegime *ret, unsigned *ret_el, GError **error);

/* arm_sp_slot: which stack pointer SP means in this PSTATE. */
ArmSlot arm_sp_slot(uint64_t pstate);

/* The general registers; the layout is that of Linux' struct user_pt_regs. */
#define ARM_N_X 31
typedef struct ArmGeneral {
	uint64_t x[ARM_N_X], sp, pc, pstate;
} ArmGeneral;

/* arm_get_general: all of them, of the mode it is in. FALSE with @error, as arm_get(). */
bool arm_get_general(ArchVcpu *vcpu, ArmGeneral *ret, GError **error);

#endif

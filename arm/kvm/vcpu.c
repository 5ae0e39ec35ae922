/*
 * arm/kvm/vcpu.c - reading and writing a vCPU's registers in KVM, one at a time.
 *
 * Owns the cache behind ArchVcpu. Knows no register rows: those are arm/kvm/reg-access.c.
 */
#include "arm/kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arm/cpu/bits.h"

static const uint64_t other_ids[ARM_N_CACHED] = {
	[ARM_SP_EL0] = ARM_CORE(U64, regs.sp),	   [ARM_PC] = ARM_CORE(U64, regs.pc),
	[ARM_PSTATE] = ARM_CORE(U64, regs.pstate), [ARM_SP_EL1] = ARM_CORE(U64, sp_el1),
	[ARM_ELR_EL1] = ARM_CORE(U64, elr_el1),	   [ARM_SPSR_EL1] = ARM_CORE(U64, spsr[0]),
	[ARM_SCTLR_EL1] = ARM_SYS(3, 0, 1, 0, 0),  [ARM_TCR_EL1] = ARM_SYS(3, 0, 2, 0, 2),
	[ARM_TTBR0_EL1] = ARM_SYS(3, 0, 2, 0, 0),  [ARM_TTBR1_EL1] = ARM_SYS(3, 0, 2, 0, 1),
	[ARM_VBAR_EL1] = ARM_SYS(3, 0, 12, 0, 0),  [ARM_ESR_EL1] = ARM_SYS(3, 0, 5, 2, 0),
	[ARM_HCR_EL2] = ARM_SYS(3, 4, 1, 1, 0),	   [ARM_SCTLR_EL2] = ARM_SYS(3, 4, 1, 0, 0),
	[ARM_TCR_EL2] = ARM_SYS(3, 4, 2, 0, 2),	   [ARM_TTBR0_EL2] = ARM_SYS(3, 4, 2, 0, 0),
	[ARM_TTBR1_EL2] = ARM_SYS(3, 4, 2, 0, 1),  [ARM_VBAR_EL2] = ARM_SYS(3, 4, 12, 0, 0),
	[ARM_ELR_EL2] = ARM_SYS(3, 4, 4, 0, 1),	   [ARM_SPSR_EL2] = ARM_SYS(3, 4, 4, 0, 0),
	[ARM_FAR_EL1] = ARM_SYS(3, 0, 6, 0, 0),	   [ARM_MDSCR_EL1] = ARM_SYS(2, 0, 0, 2, 2),
	[ARM_MMFR0_EL1] = ARM_SYS(3, 0, 0, 7, 0),  [ARM_MMFR1_EL1] = ARM_SYS(3, 0, 0, 7, 1),
	[ARM_MMFR2_EL1] = ARM_SYS(3, 0, 0, 7, 2),  [ARM_PFR1_EL1] = ARM_SYS(3, 0, 0, 4, 1),
};

static uint64_t bit_of(ArmSlot slot)
{
	return 1ull << slot;
}

uint64_t arm_slot_id(ArmSlot slot)
{
	/* x0 to x30 are the array that struct kvm_regs begins with. */
	return slot <= ARM_X30 ? ARM_CORE(U64, regs.regs[0]) + 2 * slot : other_ids[slot];
}

ArmSlot arm_slot_of(uint64_t id)
{
	ArmSlot slot = 0;

	while (slot < ARM_N_CACHED && arm_slot_id(slot) != id)
		slot++;
	return slot;
}

bool arm_get_one(ArchVcpu *vcpu, uint64_t id, void *buf, GError **error)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)buf};

	if (ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg) == 0)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_GET_ONE_REG 0x%" G_GINT64_MODIFIER "x: %s",
		    id, g_strerror(errno));
	return false;
}

bool arm_set_one(ArchVcpu *vcpu, uint64_t id, const void *buf, GError **error)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)buf};

	if (ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) == 0)
		return true;
	g_set_error(error, GDB_ERROR, errno == EINVAL ? GDB_ERROR_INVAL : GDB_ERROR_IO,
		    "KVM_SET_ONE_REG 0x%" G_GINT64_MODIFIER "x: %s", id, g_strerror(errno));
	return false;
}

bool arm_get(ArchVcpu *vcpu, ArmSlot slot, uint64_t *ret, GError **error)
{
	if (!(vcpu->valid & bit_of(slot)) &&
	    !arm_get_one(vcpu, arm_slot_id(slot), &vcpu->slots[slot], error))
		return false;
	vcpu->valid |= bit_of(slot);
	*ret = vcpu->slots[slot];
	return true;
}

void arm_set(ArchVcpu *vcpu, ArmSlot slot, uint64_t value)
{
	vcpu->slots[slot] = value;
	vcpu->valid |= bit_of(slot);
	vcpu->dirty |= bit_of(slot);
}

bool arm_store(ArchVcpu *vcpu, ArmSlot slot, uint64_t value, GError **error)
{
	if (!arm_set_one(vcpu, arm_slot_id(slot), &value, error))
		return false;
	/* KVM may keep less than it was given: read it again. */
	vcpu->valid &= ~bit_of(slot);
	vcpu->dirty &= ~bit_of(slot);
	return true;
}

ArmSlot arm_sp_slot(uint64_t pstate)
{
	/*
	 * A 32-bit process; r13 of AArch32 modes above EL0, which nobody has here, are elsewhere.
	 */
	if (pstate & ARM_PSR_AARCH32)
		return ARM_X0 + 13;
	return ARM_PSR_EL(pstate) > 0 && pstate & ARM_PSR_SP ? ARM_SP_EL1 : ARM_SP_EL0;
}

bool arm_get_general(ArchVcpu *vcpu, ArmGeneral *ret, GError **error)
{
	for (unsigned i = 0; i < ARM_N_X; i++) {
		if (!arm_get(vcpu, ARM_X0 + i, &ret->x[i], error))
			return false;
	}
	return arm_get(vcpu, ARM_PC, &ret->pc, error) &&
	       arm_get(vcpu, ARM_PSTATE, &ret->pstate, error) &&
	       arm_get(vcpu, arm_sp_slot(ret->pstate), &ret->sp, error);
}

bool arch_is_dirty(const ArchVcpu *vcpu)
{
	return vcpu->dirty != 0;
}

/* PSTATE before the others: for AArch32 modes KVM cuts registers when the mode is set. */
bool arch_flush(ArchVcpu *vcpu, GError **error)
{
	static const ArmSlot first = ARM_PSTATE;

	if (vcpu->dirty & bit_of(first) && !arm_store(vcpu, first, vcpu->slots[first], error))
		return false;
	for (ArmSlot slot = 0; vcpu->dirty != 0 && slot < ARM_N_CACHED; slot++) {
		if (!(vcpu->dirty & bit_of(slot)))
			continue;
		if (!arm_set_one(vcpu, arm_slot_id(slot), &vcpu->slots[slot], error))
			return false;
		vcpu->dirty &= ~bit_of(slot);
	}
	return true;
}

bool arch_flush_and_run(ArchVcpu *vcpu, bool look G_GNUC_UNUSED, GError **error)
{
	return arch_flush(vcpu, error);
}

/* There are no registers in kvm_run. */
void arch_look_after_run(ArchVcpu *vcpu G_GNUC_UNUSED)
{
}

void arch_forget(ArchVcpu *vcpu)
{
	const uint64_t constant = bit_of(ARM_MMFR0_EL1) | bit_of(ARM_MMFR1_EL1) |
				  bit_of(ARM_MMFR2_EL1) | bit_of(ARM_PFR1_EL1);

	vcpu->valid &= constant;
	vcpu->dirty = 0;
}

/*
 * KVM api.txt 4.68, KVM_REG_ARM64_SVE_VLS; without SVE, or before it is finalized, ENOENT, EPERM.
 */
static void find_vector_lengths(ArchVcpu *vcpu)
{
	uint64_t lengths[KVM_ARM64_SVE_VLS_WORDS] = {0};

	if (!arm_get_one(vcpu, KVM_REG_ARM64_SVE_VLS, lengths, NULL))
		return;
	vcpu->vqs = (uint16_t)lengths[0]; /* a register has 256 bytes at most */
	vcpu->max_vq = vcpu->vqs != 0 ? g_bit_storage(vcpu->vqs) : 0;
}

ArchVcpu *arch_vcpu_new(int vcpu_fd, struct kvm_run *run, GError **error)
{
	g_autofree ArchVcpu *vcpu = g_new0(ArchVcpu, 1);
	uint64_t unused;

	vcpu->fd = vcpu_fd;
	vcpu->run = run;
	/* A vCPU that was not initialized: say so now and not at the first stop. */
	if (!arm_get(vcpu, ARM_PC, &unused, error) || !arm_get(vcpu, ARM_SCTLR_EL1, &unused, error))
		return NULL;
	vcpu->has_el2 = arm_get(vcpu, ARM_HCR_EL2, &unused, NULL);
	find_vector_lengths(vcpu);
	arch_forget(vcpu);
	return g_steal_pointer(&vcpu);
}

void arch_vcpu_free(ArchVcpu *vcpu)
{
	g_free(vcpu);
}

void arch_set_phys_reader(ArchVcpu *vcpu G_GNUC_UNUSED, ArchPhysRead read G_GNUC_UNUSED,
			  void *opaque G_GNUC_UNUSED)
{
	/* No register of this architecture is loaded through memory. */
}

bool arch_get_pc(ArchVcpu *vcpu, uint64_t *ret, GError **error)
{
	return arm_get(vcpu, ARM_PC, ret, error);
}

const char *arch_run_state(ArchVcpu *vcpu)
{
	struct kvm_mp_state state;

	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &state) != 0)
		return "running";
	switch (state.mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		return "running";
	case KVM_MP_STATE_STOPPED:
		return "off";
	default:
		return "suspended";
	}
}

bool arch_is_off(ArchVcpu *vcpu)
{
	struct kvm_mp_state state;

	return ioctl(vcpu->fd, KVM_GET_MP_STATE, &state) == 0 &&
	       state.mp_state == KVM_MP_STATE_STOPPED;
}

/* The exits that api.txt (KVM_RUN) says are completed by the next KVM_RUN. */
bool arch_io_pending(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_MMIO || run->exit_reason == KVM_EXIT_ARM_NISV;
}

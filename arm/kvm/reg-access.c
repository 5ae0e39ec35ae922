/*
 * arm/kvm/reg-access.c - reading and writing one register row.
 *
 * What KVM can refuse (PSTATE, vectors, system registers) is written to KVM at once, so that the
 * client learns of it; the general registers wait for arch_flush(). Writing the value that is there
 * already does nothing: gdb writes back whole sets of registers, and a write has side effects.
 */
#include <linux/kvm.h>
#include <string.h>

#include "arm/cpu/bits.h"
#include "arm/cpu/pauth.h"
#include "arm/kvm/reg-table.h"
#include "arm/kvm/vcpu.h"

/* KVM's slice of a Z register: more than a row may have never comes. */
#define ONE_REG_MAX GDB_REG_MAX_BYTES

static size_t one_reg_bytes(uint64_t id)
{
	return (size_t)1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

static bool get_u64(ArchVcpu *vcpu, ArmSlot slot, uint8_t *buf, GError **error)
{
	uint64_t value;

	if (!arm_get(vcpu, slot, &value, error))
		return false;
	memcpy(buf, &value, sizeof(value));
	return true;
}

static bool sp_slot(ArchVcpu *vcpu, ArmSlot *ret, GError **error)
{
	uint64_t pstate;

	if (!arm_get(vcpu, ARM_PSTATE, &pstate, error))
		return false;
	*ret = arm_sp_slot(pstate);
	return true;
}

/* ---- Reading ---- */

static bool read_slot(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error)
{
	return get_u64(vcpu, reg->id, buf, error);
}

static bool read_sp(ArchVcpu *vcpu, const GdbReg *reg G_GNUC_UNUSED, uint8_t *buf, GError **error)
{
	ArmSlot slot;

	return sp_slot(vcpu, &slot, error) && get_u64(vcpu, slot, buf, error);
}

static bool read_cpsr(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error)
{
	uint64_t pstate;

	if (!arm_get(vcpu, ARM_PSTATE, &pstate, error))
		return false;
	memcpy(buf, &pstate, gdb_reg_bytes(reg));
	return true;
}

static bool read_one(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error)
{
	ArmSlot slot = arm_slot_of(reg->id);
	uint8_t value[ONE_REG_MAX];

	if (slot < ARM_N_CACHED)
		return get_u64(vcpu, slot, buf, error);
	if (!arm_get_one(vcpu, reg->id, value, error))
		return false;
	memcpy(buf, value, gdb_reg_bytes(reg));
	return true;
}

/*
 * ZCR_EL1.LEN asks for a length; the vCPU has the longest one that it supports and that is not
 * longer (Arm ARM, ZCR_EL1).
 */
static bool read_vg(ArchVcpu *vcpu, const GdbReg *reg G_GNUC_UNUSED, uint8_t *buf, GError **error)
{
	uint64_t zcr;

	if (!arm_get_one(vcpu, ARM_SYS(3, 0, 1, 2, 0), &zcr, error))
		return false;
	uint32_t possible = vcpu->vqs & ((2u << (zcr & 15)) - 1);
	uint64_t vg = possible != 0 ? 2 * (uint64_t)g_bit_storage(possible) : 2;
	memcpy(buf, &vg, sizeof(vg));
	return true;
}

static bool read_pauth(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error)
{
	uint64_t tcr, mask;

	if (!arm_get(vcpu, ARM_TCR_EL1, &tcr, error))
		return false;
	mask = arm_pauth_mask(tcr, reg->id);
	memcpy(buf, &mask, sizeof(mask));
	return true;
}

/* ---- Writing: @buf differs from what the row reads ---- */

static uint64_t value_of(const GdbReg *reg, const uint8_t *buf)
{
	uint64_t value = 0;

	memcpy(&value, buf, MIN(gdb_reg_bytes(reg), sizeof(value)));
	return value;
}

static bool write_slot(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf,
		       GError **error G_GNUC_UNUSED)
{
	arm_set(vcpu, reg->id, value_of(reg, buf));
	return true;
}

static bool write_sp(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	ArmSlot slot;

	if (!sp_slot(vcpu, &slot, error))
		return false;
	arm_set(vcpu, slot, value_of(reg, buf));
	return true;
}

static bool refused(const GdbReg *reg, GError **error)
{
	g_prefix_error(error, "KVM refuses this value of %s: ", reg->name);
	return false;
}

/* The half of PSTATE that cpsr does not show stays. */
static bool write_cpsr(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	uint64_t pstate;

	if (!arm_get(vcpu, ARM_PSTATE, &pstate, error))
		return false;
	pstate = (pstate & ~(uint64_t)UINT32_MAX) | value_of(reg, buf);
	return arm_store(vcpu, ARM_PSTATE, pstate, error) || refused(reg, error);
}

/* KVM ignores writes to some registers without a word: say so. */
static bool write_one(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	ArmSlot slot = arm_slot_of(reg->id);
	uint8_t before[ONE_REG_MAX], value[ONE_REG_MAX], after[ONE_REG_MAX];
	size_t len = one_reg_bytes(reg->id);

	if (!arm_get_one(vcpu, reg->id, before, error))
		return false;
	memcpy(value, before, len);
	memcpy(value, buf, gdb_reg_bytes(reg));
	if (!arm_set_one(vcpu, reg->id, value, error))
		return refused(reg, error);
	if (slot < ARM_N_CACHED) {
		vcpu->valid &= ~(1ull << slot);
		vcpu->dirty &= ~(1ull << slot);
	}
	if (!arm_get_one(vcpu, reg->id, after, error))
		return false;
	if (memcmp(before, value, len) == 0 || memcmp(before, after, len) != 0)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "KVM does not keep this value of %s",
		    reg->name);
	return false;
}

static bool write_never(ArchVcpu *vcpu G_GNUC_UNUSED, const GdbReg *reg,
			const uint8_t *buf G_GNUC_UNUSED, GError **error)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "%s cannot be written: it follows from %s",
		    reg->name, reg->source == ARM_FROM_VG ? "ZCR_EL1" : "TCR_EL1");
	return false;
}

static const struct {
	bool (*read)(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error);
	bool (*write)(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error);
} source_ops[] = {
	[ARM_FROM_SLOT] = {read_slot, write_slot},    [ARM_FROM_SP] = {read_sp, write_sp},
	[ARM_FROM_CPSR] = {read_cpsr, write_cpsr},    [ARM_FROM_ONE] = {read_one, write_one},
	[ARM_FROM_VECTOR] = {read_one, write_one},    [ARM_FROM_VG] = {read_vg, write_never},
	[ARM_FROM_PAUTH] = {read_pauth, write_never},
};

bool arch_read_reg(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error)
{
	return source_ops[reg->source].read(vcpu, reg, buf, error);
}

bool arch_write_reg(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	uint8_t now[GDB_REG_MAX_BYTES];

	if (!arch_read_reg(vcpu, reg, now, error))
		return false;
	if (memcmp(now, buf, gdb_reg_bytes(reg)) == 0)
		return true;
	return source_ops[reg->source].write(vcpu, reg, buf, error);
}

/*
 * arm/kvm/reg-table.h - the registers of an arm64 vCPU as rows, and where each of them is read.
 *
 * Private to arm/. Numbers 0 to 85 are QEMU's (core, fpu or sve). Names are API.
 */
#ifndef VMGDB_ARM_KVM_REG_TABLE_H
#define VMGDB_ARM_KVM_REG_TABLE_H

#include <stdint.h>

#include "gdbstub/regs.h"

/* GdbReg.source. GdbReg.id is explained at each. */
typedef enum ArmSource {
	ARM_FROM_SLOT,	 /* ArmSlot */
	ARM_FROM_SP,	 /* 0: SP_EL0 or SP_EL1, as EL and SPSel say */
	ARM_FROM_CPSR,	 /* 0: the low half of PSTATE */
	ARM_FROM_ONE,	 /* KVM's register id, of the same size or narrower */
	ARM_FROM_VECTOR, /* KVM's id of an SVE slice; the row shows its first bytes */
	ARM_FROM_VG,	 /* 0: current vector length in units of 64 bits */
	ARM_FROM_PAUTH,	 /* which mask: arm_pauth_mask() */
} ArmSource;

enum {
	ARM_NUM_FP = 29,
	ARM_NUM_SP = 31,
	ARM_NUM_PC = 32,
	ARM_NUM_CPSR = 33,
	ARM_NUM_G = 34, /* rows below it are in g: 268 bytes */
	ARM_NUM_V0 = 34,
	ARM_NUM_FPSR = 66,
	ARM_NUM_FPCR = 67,
	ARM_NUM_P0 = 68,
	ARM_NUM_FFR = 84,
	ARM_NUM_VG = 85,
	ARM_NUM_PAUTH = 86,
	ARM_NUM_TLS = 90,
	ARM_NUM_SYSTEM = 100,
};

/* Rows that are the same on all vCPUs. */
extern const GdbFeature arm_core_feature;
extern const GdbFeature arm_pauth_feature;

/* DWARF's numbers: "DWARF for the Arm 64-bit Architecture", DWARF register names. */
extern const GdbRegHint arm_hints[];
extern const unsigned arm_n_hints;

#endif

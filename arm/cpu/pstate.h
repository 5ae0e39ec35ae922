/*
 * arm/cpu/pstate.h - call me: the bits of PSTATE as SPSR_ELx and KVM's 64-bit pstate hold them.
 *
 * Arm ARM C5.2.19 (SPSR_EL1). For a process in AArch32 state (ARM_PSR_AARCH32) the same register
 * has the other layout of that section; the bits used here lie at the same places in both, but for
 * UAO (there SSBS), SSBS, ALLINT and BTYPE (there parts of GE and IT), which only A64 code has
 * here.
 */
#ifndef VMGDB_ARM_CPU_PSTATE_H
#define VMGDB_ARM_CPU_PSTATE_H

#define ARM_PSR_SP (1ull << 0) /* the stack pointer is SP_ELx, not SP_EL0 */
#define ARM_PSR_EL(pstate) ((unsigned)((pstate) >> 2 & 3))
#define ARM_PSR_AARCH32 (1ull << 4)
#define ARM_PSR_MODE 0x1full	/* all of M[4:0] */
#define ARM_PSR_T32 (1ull << 5) /* AArch32: Thumb */
#define ARM_PSR_F (1ull << 6)
#define ARM_PSR_I (1ull << 7)
#define ARM_PSR_A (1ull << 8)
#define ARM_PSR_D (1ull << 9)
#define ARM_PSR_DAIF (0xfull << 6)
#define ARM_PSR_BTYPE (3ull << 10)
#define ARM_PSR_SSBS (1ull << 12)
#define ARM_PSR_ALLINT (1ull << 13)
#define ARM_PSR_IL (1ull << 20)
#define ARM_PSR_SS (1ull << 21)
#define ARM_PSR_PAN (1ull << 22)
#define ARM_PSR_UAO (1ull << 23)
#define ARM_PSR_DIT (1ull << 24)
#define ARM_PSR_TCO (1ull << 25)
#define ARM_PSR_NZCV (0xfull << 28)
#define ARM_PSR_EXLOCK (1ull << 34) /* FEAT_GCS: ELR and SPSR are locked */

/* M[4:0] of the modes that KVM guests have. */
#define ARM_MODE_EL0 0x00ull
#define ARM_MODE_EL1T 0x04ull
#define ARM_MODE_EL1H 0x05ull
#define ARM_MODE_EL2T 0x08ull
#define ARM_MODE_EL2H 0x09ull

#endif

/*
 * arm/cpu/bits.h - bits of PSTATE, of the system registers and of the page tables' descriptors, by
 * their names in the Arm ARM. Each stands here once.
 *
 * PSTATE is as SPSR_ELx and KVM's 64-bit pstate hold it. Arm ARM C5.2.19 (SPSR_EL1). For a process
 * in AArch32 state (ARM_PSR_AARCH32) the same register has the other layout of that section; the
 * bits used here lie at the same places in both, but for UAO (there SSBS), SSBS, ALLINT and BTYPE
 * (there parts of GE and IT), which only A64 code has here.
 */
#ifndef VMGDB_ARM_CPU_BITS_H
#define VMGDB_ARM_CPU_BITS_H

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

#define ARM_SCTLR_M (1ull << 0)
#define ARM_SCTLR_WXN (1ull << 19)
#define ARM_SCTLR_SPAN (1ull << 23)
#define ARM_SCTLR_EE (1ull << 25)
#define ARM_SCTLR_ENIB (1ull << 30) /* pointer authentication by the instruction key B, and A */
#define ARM_SCTLR_ENIA (1ull << 31)
#define ARM_SCTLR_DSSBS (1ull << 44)
#define ARM_SCTLR_SPINTMASK (1ull << 62)

#define ARM_HCR_VM (1ull << 0)
#define ARM_HCR_TGE (1ull << 27)
#define ARM_HCR_E2H (1ull << 34)

#define ARM_TCR_EPD1 (1ull << 23)
#define ARM_TCR_HD (1ull << 40)

#define ARM_MDCR_TDE (1ull << 8)
#define ARM_MDSCR_SS (1ull << 0)
#define ARM_MDSCR_KDE (1ull << 13)
#define ARM_MDSCR_MDE (1ull << 15)

#define ARM_VBAR_ADDRESS (~0x7ffull)

/* Descriptors of stage 1: Arm ARM D8.3. */
#define ARM_DESC_VALID 1ull
#define ARM_DESC_TABLE 2ull /* at the last level: a page */
#define ARM_DESC_USER (1ull << 6)
#define ARM_DESC_READ_ONLY (1ull << 7)
#define ARM_DESC_AF (1ull << 10)
#define ARM_DESC_NG (1ull << 11)
#define ARM_DESC_DBM (1ull << 51) /* with TCR.HD: the first write makes it writable */
#define ARM_DESC_CONTIGUOUS (1ull << 52)
#define ARM_DESC_PXN (1ull << 53)
#define ARM_DESC_UXN (1ull << 54)

#endif

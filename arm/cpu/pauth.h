/*
 * arm/cpu/pauth.h - call me: which bits of a pointer its signature takes (FEAT_PAuth).
 *
 * Owns: the layout of signed pointers (Arm ARM D8.10, "Pointer authentication"; AddPAC and
 * CalculateBottomPACBit of the pseudocode). Pure: a number in, a number out.
 */
#ifndef VMGDB_ARM_CPU_PAUTH_H
#define VMGDB_ARM_CPU_PAUTH_H

#include <stdint.h>

/* One or both, as a sum: the low half of the addresses and data pointers are 0. */
enum {
	ARM_PAUTH_HIGH = 1, /* of TTBR1's half */
	ARM_PAUTH_CODE = 2, /* of pointers to instructions */
};

/*
 * arm_pauth_mask: the bits that a signature takes, from TCR_EL1: from the size of the address range
 * up to bit 54, and the top byte unless it is ignored. TBI ignores it for data pointers, and for
 * pointers to code unless TBID is set, too (Arm ARM TCR_EL1). Bit 55 says which half is meant.
 */
uint64_t arm_pauth_mask(uint64_t tcr, unsigned which);

#endif

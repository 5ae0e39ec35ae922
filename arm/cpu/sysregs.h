/*
 * arm/cpu/sysregs.h - call me: the architectural names of AArch64 system registers.
 *
 * Owns: names by encoding (Arm ARM D23.3), and the names under which QEMU's stub shows some of
 * them. Pure: no KVM header.
 */
#ifndef VMGDB_ARM_CPU_SYSREGS_H
#define VMGDB_ARM_CPU_SYSREGS_H

#include <stdint.h>

/* op0 to op2 as the low 16 bits of an MRS encoding have them, and as KVM's register ids do. */
#define ARM_ENCODING(op0, op1, crn, crm, op2)                                                      \
	((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/*
 * arm_sysreg_name: "SCTLR_EL1"; for an encoding without a name of its own the one that assemblers
 * take: "S3_0_C1_C0_0". A string that is never freed.
 */
const char *arm_sysreg_name(uint16_t encoding);

/* arm_sysreg_alias: QEMU's name for the register, when it differs; else NULL. A literal. */
const char *arm_sysreg_alias(uint16_t encoding);

/*
 * arm_sysreg_type: the type in xml/arm-system.xml that shows its fields, or "int", also of what
 * holds an address: clients calculate with these, and gdb shifts no pointer. A literal.
 */
const char *arm_sysreg_type(uint16_t encoding);

#endif

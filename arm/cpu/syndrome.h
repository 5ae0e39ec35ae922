/*
 * arm/cpu/syndrome.h - call me: what an ESR_ELx says about a debug exception.
 *
 * Owns: exception classes and the fields of their ISS (Arm ARM D24.2.40, ESR_EL2), for those of
 * KVM_EXIT_DEBUG and their forms for the same exception level. Pure: numbers in, answer out.
 */
#ifndef VMGDB_ARM_CPU_SYNDROME_H
#define VMGDB_ARM_CPU_SYNDROME_H

#include <stdbool.h>
#include <stdint.h>

/* Exception classes. KVM reports the forms from a lower level, since it is EL2. */
typedef enum ArmClass {
	ARM_EC_BREAKPOINT_LOWER = 0x30,
	ARM_EC_BREAKPOINT_SAME = 0x31,
	ARM_EC_STEP_LOWER = 0x32,
	ARM_EC_STEP_SAME = 0x33,
	ARM_EC_WATCHPOINT_LOWER = 0x34,
	ARM_EC_WATCHPOINT_SAME = 0x35,
	ARM_EC_BKPT32 = 0x38,
	ARM_EC_BRK64 = 0x3c,
} ArmClass;

typedef enum ArmTrapKind {
	ARM_TRAP_OTHER,	     /* not a debug exception that is known here */
	ARM_TRAP_INSN,	     /* BRK, or BKPT in AArch32; pc is at it */
	ARM_TRAP_STEP,	     /* pc is behind the instruction, or at a vector */
	ARM_TRAP_BREAKPOINT, /* pc is at the breakpoint */
	ARM_TRAP_WATCHPOINT, /* pc is at the instruction that would have made the access */
} ArmTrapKind;

typedef struct ArmSyndrome {
	ArmTrapKind kind;
	uint8_t ec;
	bool il;      /* a 32-bit instruction */
	uint32_t iss; /* bits 24:0 */
	/* TRAP_WATCHPOINT: */
	bool write;	/* WnR. Atomic operations are reads if a read would have hit, else writes */
	bool far_valid; /* FnV is clear */
	int watch;	/* which watchpoint, when the CPU says so (WPTV), else -1 */
} ArmSyndrome;

/*
 * arm_syndrome_join: the 64-bit ESR of a KVM exit: struct kvm_debug_exit_arch.hsr and, with
 * KVM_DEBUG_ARCH_HSR_HIGH_VALID in kvm_run.flags (@high_valid), hsr_high.
 */
uint64_t arm_syndrome_join(uint32_t hsr, uint32_t hsr_high, bool high_valid);

ArmSyndrome arm_syndrome_decode(uint64_t esr);

/*
 * arm_syndrome_route: the ESR that the guest sees when the exception of @esr, taken from @from_el,
 * is delivered to @to_el: breakpoint, watchpoint and step have a class for a lower and one for the
 * same level. All other bits stay.
 */
uint64_t arm_syndrome_route(uint64_t esr, unsigned from_el, unsigned to_el);

#endif

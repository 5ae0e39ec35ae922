/*
 * arm/cpu/insn.h - call me: recognise the few instructions a debugger must treat in its own way.
 *
 * Owns: encodings of traps, of what reads or writes the interrupt masks, of exception entry and
 * return, of exclusive loads and stores, and of branches (Arm ARM C4.1 and C6.2). Pure: bits in,
 * answer out.
 */
#ifndef VMGDB_ARM_CPU_INSN_H
#define VMGDB_ARM_CPU_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ArmInsnKind {
	ARM_INSN_OTHER,
	ARM_INSN_MRS_DAIF,   /* rt */
	ARM_INSN_MSR_DAIF,   /* rt */
	ARM_INSN_DAIFSET,    /* imm: bits 3:0 are D A I F */
	ARM_INSN_DAIFCLR,    /* imm */
	ARM_INSN_MRS_ALLINT, /* rt */
	ARM_INSN_MSR_ALLINT, /* rt */
	ARM_INSN_ALLINT,     /* imm: 0 or 1 */
	ARM_INSN_ERET,	     /* also ERETAA, ERETAB */
	ARM_INSN_SVC,	     /* imm, likewise the next three */
	ARM_INSN_HVC,
	ARM_INSN_SMC,
	ARM_INSN_BRK,
	ARM_INSN_ESB, /* synchronises errors: must not run with a mask it does not expect */
	ARM_INSN_LOAD_EXCLUSIVE,  /* LDXR, LDAXR, LDXP, LDAXP of any size */
	ARM_INSN_STORE_EXCLUSIVE, /* STXR, STLXR, STXP, STLXP */
} ArmInsnKind;

/* @rt: 31 is xzr. */
typedef struct ArmInsn {
	ArmInsnKind kind;
	uint16_t imm;
	uint8_t rt;
} ArmInsn;

/* arm_insn_decode: an A64 instruction. Its bytes in memory are little-endian in any guest. */
ArmInsn arm_insn_decode(uint32_t insn);

/* Where the CPU goes on after an instruction that takes no exception. */
typedef enum ArmFlow {
	ARM_FLOW_NEXT,	 /* behind it */
	ARM_FLOW_EITHER, /* there, or at the target: B.cond, CBZ, TBZ and the like */
	ARM_FLOW_JUMP,	 /* at the target: B */
	ARM_FLOW_OTHER,	 /* not in the instruction (BR, RET, ERET), a call, SVC and the like; also
			    what writes PSTATE or clears the exclusive monitor */
} ArmFlow;

/*
 * arm_insn_flow: @ret_offset: of the target from the instruction in bytes, 0 where there is none.
 */
ArmFlow arm_insn_flow(uint32_t insn, int64_t *ret_offset);

typedef enum ArmInsnSet { ARM_A64, ARM_A32, ARM_T32 } ArmInsnSet;

/* The instruction set that PSTATE says the CPU is in. */
ArmInsnSet arm_insn_set(uint64_t pstate);

/*
 * arm_insn_is_idle: in this PSTATE, does @insn change nothing but pc and BTYPE? NOP; BTI where the
 * branch that led there is one that it allows (Arm ARM D8.4.5); and PACIASP, with which a kernel's
 * functions begin, and its kind, where SCTLR_EL1.EnIA or EnIB has not turned that key on.
 */
bool arm_insn_is_idle(uint64_t pstate, uint64_t sctlr, uint32_t insn);

/* The four bytes of an instruction in memory. */
uint32_t arm_insn_load(const uint8_t *bytes);

/* Is there a BRK or BKPT with any immediate at @bytes, of which @len may be read? */
bool arm_insn_is_trap(ArmInsnSet set, const uint8_t *bytes, size_t len);

#endif

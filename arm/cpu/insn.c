/*
 * arm/cpu/insn.c - see insn.h.
 */
#include "arm/cpu/insn.h"

#include "arm/cpu/bits.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Where an instruction keeps what is wanted of it. */
typedef enum Operand { OPERAND_NONE, OPERAND_RT, OPERAND_IMM4, OPERAND_IMM16 } Operand;

typedef struct Encoding {
	uint32_t mask, value;
	ArmInsnKind kind;
	Operand operand;
} Encoding;

static const Encoding encodings[] = {
	/* system registers by op0 op1 CRn CRm op2: DAIF 3 3 4 2 1, ALLINT 3 0 4 3 0 */
	{0xffffffe0, 0xd53b4220, ARM_INSN_MRS_DAIF, OPERAND_RT},
	{0xffffffe0, 0xd51b4220, ARM_INSN_MSR_DAIF, OPERAND_RT},
	{0xffffffe0, 0xd5384300, ARM_INSN_MRS_ALLINT, OPERAND_RT},
	{0xffffffe0, 0xd5184300, ARM_INSN_MSR_ALLINT, OPERAND_RT},
	/* MSR (immediate): CRm is the value */
	{0xfffff0ff, 0xd50340df, ARM_INSN_DAIFSET, OPERAND_IMM4},
	{0xfffff0ff, 0xd50340ff, ARM_INSN_DAIFCLR, OPERAND_IMM4},
	{0xfffffeff, 0xd501401f, ARM_INSN_ALLINT, OPERAND_IMM4},
	{0xffffffff, 0xd69f03e0, ARM_INSN_ERET, OPERAND_NONE},
	{0xffffffff, 0xd69f0bff, ARM_INSN_ERET, OPERAND_NONE}, /* ERETAA */
	{0xffffffff, 0xd69f0fff, ARM_INSN_ERET, OPERAND_NONE}, /* ERETAB */
	{0xffe0001f, 0xd4000001, ARM_INSN_SVC, OPERAND_IMM16},
	{0xffe0001f, 0xd4000002, ARM_INSN_HVC, OPERAND_IMM16},
	{0xffe0001f, 0xd4000003, ARM_INSN_SMC, OPERAND_IMM16},
	{0xffe0001f, 0xd4200000, ARM_INSN_BRK, OPERAND_IMM16},
	{0xffffffff, 0xd503221f, ARM_INSN_ESB, OPERAND_NONE},
	/* bits 23 and 21 clear, 22 set for a load; pairs have 21 set and 31 set */
	{0x3fe00000, 0x08400000, ARM_INSN_LOAD_EXCLUSIVE, OPERAND_NONE},
	{0xbfe00000, 0x88600000, ARM_INSN_LOAD_EXCLUSIVE, OPERAND_NONE},
	{0x3fe00000, 0x08000000, ARM_INSN_STORE_EXCLUSIVE, OPERAND_NONE},
	{0xbfe00000, 0x88200000, ARM_INSN_STORE_EXCLUSIVE, OPERAND_NONE},
};

ArmInsn arm_insn_decode(uint32_t insn)
{
	for (unsigned i = 0; i < N_ELEMENTS(encodings); i++) {
		const Encoding *e = &encodings[i];
		ArmInsn ret = {.kind = e->kind, .rt = 31};

		if ((insn & e->mask) != e->value)
			continue;
		if (e->operand == OPERAND_RT)
			ret.rt = insn & 31;
		else if (e->operand == OPERAND_IMM4)
			ret.imm = insn >> 8 & 15;
		else if (e->operand == OPERAND_IMM16)
			ret.imm = insn >> 5 & 0xffff;
		return ret;
	}
	return (ArmInsn){.kind = ARM_INSN_OTHER, .rt = 31};
}

/* Arm ARM C4.1.65 on (branches, exceptions, system); the rest goes on behind itself. */
static const struct {
	uint32_t mask, value;
	ArmFlow flow;
	unsigned shift, bits; /* the target, in words */
} flows[] = {
	{0xff000000, 0x54000000, ARM_FLOW_EITHER, 5, 19}, /* B.cond, BC.cond */
	{0x7e000000, 0x34000000, ARM_FLOW_EITHER, 5, 19}, /* CBZ, CBNZ */
	{0x7e000000, 0x36000000, ARM_FLOW_EITHER, 5, 14}, /* TBZ, TBNZ */
	{0xfc000000, 0x14000000, ARM_FLOW_JUMP, 0, 26},	  /* B */
	{0xfc000000, 0x94000000, ARM_FLOW_OTHER, 0, 0},	  /* BL */
	{0xfe000000, 0xd6000000, ARM_FLOW_OTHER, 0, 0},	  /* BR, BLR, RET, ERET */
	{0xff000000, 0xd4000000, ARM_FLOW_OTHER, 0, 0},	  /* HLT, DCPS */
	{0xffff0000, 0x00000000, ARM_FLOW_OTHER, 0, 0},	  /* UDF */
	{0xfffff0ff, 0xd503305f, ARM_FLOW_OTHER, 0, 0},	  /* CLREX */
	{0xfffff01f, 0xd503201f, ARM_FLOW_NEXT, 0, 0},	  /* hints */
	{0xfffff01f, 0xd503301f, ARM_FLOW_NEXT, 0, 0},	  /* barriers */
	{0xffe00000, 0xd5000000, ARM_FLOW_OTHER, 0, 0},	  /* MSR, SYS */
};

ArmFlow arm_insn_flow(uint32_t insn, int64_t *ret_offset)
{
	ArmInsnKind kind = arm_insn_decode(insn).kind;

	*ret_offset = 0;
	/* Also what shows or needs the interrupt masks, which a step sets. */
	if (kind != ARM_INSN_OTHER && kind != ARM_INSN_LOAD_EXCLUSIVE &&
	    kind != ARM_INSN_STORE_EXCLUSIVE)
		return ARM_FLOW_OTHER;
	for (unsigned i = 0; i < N_ELEMENTS(flows); i++) {
		unsigned bits = flows[i].bits, up = 64 - flows[i].shift - bits;

		if ((insn & flows[i].mask) != flows[i].value)
			continue;
		if (bits > 1)
			*ret_offset = ((int64_t)((uint64_t)insn << up) >> (64 - bits)) * 4;
		return flows[i].flow;
	}
	return ARM_FLOW_NEXT;
}

ArmInsnSet arm_insn_set(uint64_t pstate)
{
	if (!(pstate & ARM_PSR_AARCH32))
		return ARM_A64;
	return pstate & ARM_PSR_T32 ? ARM_T32 : ARM_A32;
}

/* PACIAZ, PACIASP, PACIBZ, PACIBSP, AUTIAZ, AUTIASP, AUTIBZ, AUTIBSP: hints 24 to 31. */
static bool is_unused_key(uint64_t sctlr, uint32_t insn)
{
	const uint32_t key_b = 0x40;

	return (insn & 0xffffff1f) == 0xd503231f &&
	       !(sctlr & (insn & key_b ? ARM_SCTLR_ENIB : ARM_SCTLR_ENIA));
}

/* For BTI by its operand; PACIASP and PACIBSP allow what BTI c does, and maybe more. */
static bool allows(uint32_t insn, unsigned btype)
{
	const uint32_t bti = 0xd503241f, from_call = 0x40, from_jump = 0x80;
	const uint32_t sign = 0xd503233f, key_b = 0x40;
	bool is_bti = (insn & ~(from_call | from_jump)) == bti;
	bool call = is_bti ? insn & from_call : (insn & ~key_b) == sign;
	bool jump = is_bti && insn & from_jump;

	return !btype || (call && btype != 3) || (jump && btype != 2);
}

bool arm_insn_is_idle(uint64_t pstate, uint64_t sctlr, uint32_t insn)
{
	const uint32_t nop = 0xd503201f, bti = 0xd503241f, bti_operand = 0xc0;
	const uint64_t odd = ARM_PSR_AARCH32 | ARM_PSR_IL | ARM_PSR_SS;
	/* 0: no branch, 1: both, 2: call, 3: jump */
	unsigned btype = (pstate & ARM_PSR_BTYPE) >> 10;

	if (pstate & odd)
		return false;
	return (insn == nop || (insn & ~bti_operand) == bti || is_unused_key(sctlr, insn)) &&
	       allows(insn, btype);
}

uint32_t arm_insn_load(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

bool arm_insn_is_trap(ArmInsnSet set, const uint8_t *bytes, size_t len)
{
	uint32_t insn;

	if (set == ARM_T32)
		return len >= 2 && bytes[1] == 0xbe;
	if (len < 4)
		return false;
	insn = arm_insn_load(bytes);
	if (set == ARM_A32)
		return (insn & 0xfff000f0) == 0xe1200070;
	return arm_insn_decode(insn).kind == ARM_INSN_BRK;
}

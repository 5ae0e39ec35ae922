/*
 * arm/insn.c - see insn.h.
 */
#include "arm/insn.h"

#include "arm/pstate.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#define EXCLUSIVE_MAX 16 /* instructions in a sequence, as gdb looks for them */

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
	{0xffe0001f, 0xd4400000, ARM_INSN_HLT, OPERAND_IMM16},
	{0xffffffff, 0xd503221f, ARM_INSN_ESB, OPERAND_NONE},
	{0xffffffff, 0xd503207f, ARM_INSN_WFI, OPERAND_NONE},
	{0xffffffe0, 0xd5031020, ARM_INSN_WFI, OPERAND_RT}, /* WFIT */
	{0xffffffff, 0xd503205f, ARM_INSN_WFE, OPERAND_NONE},
	{0xffffffe0, 0xd5031000, ARM_INSN_WFE, OPERAND_RT}, /* WFET */
	/* bits 23 and 21 clear, 22 tells loads from stores; pairs have 21 set and 31 set */
	{0x3fe00000, 0x08400000, ARM_INSN_LOAD_EXCLUSIVE, OPERAND_NONE},
	{0xbfe00000, 0x88600000, ARM_INSN_LOAD_EXCLUSIVE, OPERAND_NONE},
	{0x3fe00000, 0x08000000, ARM_INSN_STORE_EXCLUSIVE, OPERAND_NONE},
	{0xbfe00000, 0x88200000, ARM_INSN_STORE_EXCLUSIVE, OPERAND_NONE},
	{0xfffff0ff, 0xd503305f, ARM_INSN_CLREX, OPERAND_NONE},
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

ArmInsnSet arm_insn_set(uint64_t pstate)
{
	if (!(pstate & ARM_PSR_AARCH32))
		return ARM_A64;
	return pstate & ARM_PSR_T32 ? ARM_T32 : ARM_A32;
}

bool arm_insn_is_trap(ArmInsnSet set, const uint8_t *bytes, size_t len)
{
	uint32_t insn;

	if (set == ARM_T32)
		return len >= 2 && bytes[1] == 0xbe;
	if (len < 4)
		return false;
	insn = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
	if (set == ARM_A32)
		return (insn & 0xfff000f0) == 0xe1200070;
	return arm_insn_decode(insn).kind == ARM_INSN_BRK;
}

/* ---- Exclusive sequences ---- */

typedef enum Flow { FLOW_NEXT, FLOW_BRANCH, FLOW_JUMP, FLOW_UNKNOWN } Flow;

static uint64_t target(uint64_t pc, uint32_t insn, unsigned low, unsigned bits)
{
	int64_t offset = (int64_t)((uint64_t)insn << (64 - low - bits)) >> (64 - bits);

	return pc + (uint64_t)offset * 4;
}

/* Where does @insn go? BRANCH: to the next one or to *ret. JUMP: to *ret. */
static Flow control_flow(uint64_t pc, uint32_t insn, uint64_t *ret)
{
	if ((insn & 0xff000000) == 0x54000000 || (insn & 0x7e000000) == 0x34000000) {
		*ret = target(pc, insn, 5, 19); /* B.cond, BC.cond, CBZ, CBNZ */
		return FLOW_BRANCH;
	}
	if ((insn & 0x7e000000) == 0x36000000) {
		*ret = target(pc, insn, 5, 14); /* TBZ, TBNZ */
		return FLOW_BRANCH;
	}
	if ((insn & 0xfc000000) == 0x14000000) {
		*ret = target(pc, insn, 0, 26); /* B */
		return FLOW_JUMP;
	}
	/* What is left of this group: BL, BR and its kin, exceptions. Hints and barriers are not.
	 */
	if ((insn & 0x1c000000) == 0x14000000 && (insn & 0xffc00000) != 0xd5000000)
		return FLOW_UNKNOWN;
	return FLOW_NEXT;
}

static bool add_exit(uint64_t exits[ARM_EXITS_MAX], unsigned *n, uint64_t addr)
{
	for (unsigned i = 0; i < *n; i++)
		if (exits[i] == addr)
			return true;
	if (*n == ARM_EXITS_MAX)
		return false;
	exits[(*n)++] = addr;
	return true;
}

/* Branches that stay inside end where the sequence does; the others are exits of their own. */
static unsigned gather_exits(const uint64_t *targets, unsigned n_targets, uint64_t pc, uint64_t end,
			     uint64_t exits[ARM_EXITS_MAX])
{
	unsigned n = 0;

	add_exit(exits, &n, end);
	for (unsigned i = 0; i < n_targets; i++) {
		if (targets[i] > pc && targets[i] < end)
			continue;
		if (!add_exit(exits, &n, targets[i]))
			return 0;
	}
	return n;
}

unsigned arm_exclusive_exits(ArmInsnRead read, void *opaque, uint64_t pc,
			     uint64_t exits[ARM_EXITS_MAX])
{
	uint64_t targets[EXCLUSIVE_MAX], at = pc;
	unsigned n_targets = 0;
	uint32_t insn;

	if (!read(opaque, pc, &insn) || arm_insn_decode(insn).kind != ARM_INSN_LOAD_EXCLUSIVE)
		return 0;
	for (unsigned i = 1; i < EXCLUSIVE_MAX; i++) {
		ArmInsnKind kind;
		uint64_t to;
		Flow flow;

		at += 4;
		if (!read(opaque, at, &insn))
			return 0;
		kind = arm_insn_decode(insn).kind;
		if (kind == ARM_INSN_STORE_EXCLUSIVE || kind == ARM_INSN_CLREX)
			return gather_exits(targets, n_targets, pc, at + 4, exits);
		if (kind != ARM_INSN_OTHER && kind != ARM_INSN_LOAD_EXCLUSIVE)
			return 0;
		flow = control_flow(at, insn, &to);
		if (flow == FLOW_UNKNOWN || flow == FLOW_JUMP || (flow == FLOW_BRANCH && to <= pc))
			return 0;
		if (flow == FLOW_BRANCH)
			targets[n_targets++] = to;
	}
	return 0;
}

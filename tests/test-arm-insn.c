/*
 * tests/test-arm-insn.c - arm/cpu/insn.h: encodings, and traps of all instruction sets. The numbers
 * are what GNU as makes of the text behind them.
 */
#include <glib.h>

#include "arm/cpu/bits.h"
#include "arm/cpu/insn.h"

static const struct {
	uint32_t insn;
	ArmInsnKind kind;
	uint16_t imm;
	uint8_t rt;
} rows[] = {
	{0xd53b4220, ARM_INSN_MRS_DAIF, 0, 0},	      /* mrs x0, daif */
	{0xd53b423e, ARM_INSN_MRS_DAIF, 0, 30},	      /* mrs x30, daif */
	{0xd53b423f, ARM_INSN_MRS_DAIF, 0, 31},	      /* mrs xzr, daif */
	{0xd51b4225, ARM_INSN_MSR_DAIF, 0, 5},	      /* msr daif, x5 */
	{0xd51b423f, ARM_INSN_MSR_DAIF, 0, 31},	      /* msr daif, xzr */
	{0xd50342df, ARM_INSN_DAIFSET, 2, 31},	      /* msr daifset, #2 */
	{0xd5034fdf, ARM_INSN_DAIFSET, 15, 31},	      /* msr daifset, #15 */
	{0xd50342ff, ARM_INSN_DAIFCLR, 2, 31},	      /* msr daifclr, #2 */
	{0xd50348ff, ARM_INSN_DAIFCLR, 8, 31},	      /* msr daifclr, #8 */
	{0xd5384303, ARM_INSN_MRS_ALLINT, 0, 3},      /* mrs x3, allint */
	{0xd5184304, ARM_INSN_MSR_ALLINT, 0, 4},      /* msr allint, x4 */
	{0xd501411f, ARM_INSN_ALLINT, 1, 31},	      /* msr allint, #1 */
	{0xd501401f, ARM_INSN_ALLINT, 0, 31},	      /* msr allint, #0 */
	{0xd69f03e0, ARM_INSN_ERET, 0, 31},	      /* eret */
	{0xd69f0bff, ARM_INSN_ERET, 0, 31},	      /* eretaa */
	{0xd69f0fff, ARM_INSN_ERET, 0, 31},	      /* eretab */
	{0xd4000001, ARM_INSN_SVC, 0, 31},	      /* svc #0 */
	{0xd4024681, ARM_INSN_SVC, 0x1234, 31},	      /* svc #0x1234 */
	{0xd41fffe2, ARM_INSN_HVC, 0xffff, 31},	      /* hvc #0xffff */
	{0xd4000023, ARM_INSN_SMC, 1, 31},	      /* smc #1 */
	{0xd4200000, ARM_INSN_BRK, 0, 31},	      /* brk #0 */
	{0xd4210000, ARM_INSN_BRK, 0x800, 31},	      /* brk #0x800 */
	{0xd43fffe0, ARM_INSN_BRK, 0xffff, 31},	      /* brk #0xffff */
	{0xd503221f, ARM_INSN_ESB, 0, 31},	      /* esb */
	{0x885f7c41, ARM_INSN_LOAD_EXCLUSIVE, 0, 31}, /* ldxr w1, [x2] */
	{0xc85f7c41, ARM_INSN_LOAD_EXCLUSIVE, 0, 31}, /* ldxr x1, [x2] */
	{0xc85ffc41, ARM_INSN_LOAD_EXCLUSIVE, 0, 31}, /* ldaxr x1, [x2] */
	{0x085ffc41, ARM_INSN_LOAD_EXCLUSIVE, 0, 31}, /* ldaxrb w1, [x2] */
	{0x485f7fe1, ARM_INSN_LOAD_EXCLUSIVE, 0, 31}, /* ldxrh w1, [sp] */
	{0xc87f0861, ARM_INSN_LOAD_EXCLUSIVE, 0, 31}, /* ldxp x1, x2, [x3] */
	{0x887f8861, ARM_INSN_LOAD_EXCLUSIVE, 0, 31}, /* ldaxp w1, w2, [x3] */

	/* neighbours of the above in the encoding tables */
	{0xd45e0000, ARM_INSN_OTHER, 0, 31},	       /* hlt #0xf000 */
	{0xd503207f, ARM_INSN_OTHER, 0, 31},	       /* wfi */
	{0xd5031027, ARM_INSN_OTHER, 0, 31},	       /* wfit x7 */
	{0xd503205f, ARM_INSN_OTHER, 0, 31},	       /* wfe */
	{0xd5031008, ARM_INSN_OTHER, 0, 31},	       /* wfet x8 */
	{0xc8007c41, ARM_INSN_STORE_EXCLUSIVE, 0, 31}, /* stxr w0, x1, [x2] */
	{0x8800fc41, ARM_INSN_STORE_EXCLUSIVE, 0, 31}, /* stlxr w0, w1, [x2] */
	{0x08007c41, ARM_INSN_STORE_EXCLUSIVE, 0, 31}, /* stxrb w0, w1, [x2] */
	{0x4800fc41, ARM_INSN_STORE_EXCLUSIVE, 0, 31}, /* stlxrh w0, w1, [x2] */
	{0xc8200c41, ARM_INSN_STORE_EXCLUSIVE, 0, 31}, /* stxp w0, x1, x3, [x2] */
	{0x88208c41, ARM_INSN_STORE_EXCLUSIVE, 0, 31}, /* stlxp w0, w1, w3, [x2] */
	{0xd5033f5f, ARM_INSN_OTHER, 0, 31},	       /* clrex */
	{0xd503335f, ARM_INSN_OTHER, 0, 31},	       /* clrex #3 */
	{0xc8dffc41, ARM_INSN_OTHER, 0, 31},	       /* ldar x1, [x2] */
	{0x889ffc41, ARM_INSN_OTHER, 0, 31},	       /* stlr w1, [x2] */
	{0xc8df7c41, ARM_INSN_OTHER, 0, 31},	       /* ldlar x1, [x2] */
	{0xc8a07c41, ARM_INSN_OTHER, 0, 31},	       /* cas x0, x1, [x2] */
	{0x88e0fc41, ARM_INSN_OTHER, 0, 31},	       /* casal w0, w1, [x2] */
	{0x48207c82, ARM_INSN_OTHER, 0, 31},	       /* casp x0, x1, x2, x3, [x4] */
	{0x08207c82, ARM_INSN_OTHER, 0, 31},	       /* casp w0, w1, w2, w3, [x4] */
	{0x48607c82, ARM_INSN_OTHER, 0, 31},	       /* caspa x0, x1, x2, x3, [x4] */
	{0x08607c82, ARM_INSN_OTHER, 0, 31},	       /* caspa w0, w1, w2, w3, [x4] */
	{0xf8bfc020, ARM_INSN_OTHER, 0, 31},	       /* ldapr x0, [x1] */
	{0xf8200041, ARM_INSN_OTHER, 0, 31},	       /* ldadd x0, x1, [x2] */
	{0xd53b4200, ARM_INSN_OTHER, 0, 31},	       /* mrs x0, nzcv */
	{0xd5384000, ARM_INSN_OTHER, 0, 31},	       /* mrs x0, spsr_el1 */
	{0xd50041bf, ARM_INSN_OTHER, 0, 31},	       /* msr spsel, #1 */
	{0xd500419f, ARM_INSN_OTHER, 0, 31},	       /* msr pan, #1 */
	{0xd503415f, ARM_INSN_OTHER, 0, 31},	       /* msr dit, #1 */
	{0xd503419f, ARM_INSN_OTHER, 0, 31},	       /* msr tco, #1 */
	{0xd503201f, ARM_INSN_OTHER, 0, 31},	       /* nop */
	{0xd503203f, ARM_INSN_OTHER, 0, 31},	       /* yield */
	{0xd503209f, ARM_INSN_OTHER, 0, 31},	       /* sev */
	{0xd5033fdf, ARM_INSN_OTHER, 0, 31},	       /* isb */
	{0xd5033f9f, ARM_INSN_OTHER, 0, 31},	       /* dsb sy */
	{0xd65f03c0, ARM_INSN_OTHER, 0, 31},	       /* ret */
	{0xd6bf03e0, ARM_INSN_OTHER, 0, 31},	       /* drps */
	{0xf9400020, ARM_INSN_OTHER, 0, 31},	       /* ldr x0, [x1] */
	{0x00000000, ARM_INSN_OTHER, 0, 31},	       /* udf #0 */
	{0xffffffff, ARM_INSN_OTHER, 0, 31},
};

static void test_decode(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		ArmInsn insn = arm_insn_decode(rows[i].insn);

		g_test_message("%08x", rows[i].insn);
		g_assert_cmpint(insn.kind, ==, rows[i].kind);
		g_assert_cmphex(insn.imm, ==, rows[i].imm);
		g_assert_cmpuint(insn.rt, ==, rows[i].rt);
	}
}

static void test_set(void)
{
	g_assert_cmpint(arm_insn_set(ARM_MODE_EL0), ==, ARM_A64);
	g_assert_cmpint(arm_insn_set(0x600003c5), ==, ARM_A64);
	g_assert_cmpint(arm_insn_set(0x60000010), ==, ARM_A32);
	g_assert_cmpint(arm_insn_set(0x60000030), ==, ARM_T32);
	/* bit 5 is no T without AArch32 */
	g_assert_cmpint(arm_insn_set(0x20), ==, ARM_A64);
}

static void test_trap(void)
{
	const uint8_t brk0[] = {0x00, 0x00, 0x20, 0xd4}, brk800[] = {0x00, 0x00, 0x21, 0xd4},
		      brkmax[] = {0xe0, 0xff, 0x3f, 0xd4}, hlt[] = {0x00, 0x00, 0x5e, 0xd4},
		      svc[] = {0x01, 0x00, 0x00, 0xd4}, nop[] = {0x1f, 0x20, 0x03, 0xd5};
	const uint8_t bkpt_a32[] = {0x74, 0x23, 0x21, 0xe1}, /* bkpt 0x1234 */
		udf_a32[] = {0xf0, 0x01, 0xf0, 0xe7},	     /* udf #16, Linux' own for gdb */
		bx_lr[] = {0x1e, 0xff, 0x2f, 0xe1};
	const uint8_t bkpt_t32[] = {0x42, 0xbe}, udf_t32[] = {0x01, 0xde};
	/* ldrb w30, [x16, #0xfaf]: a Thumb BKPT if its first half were one */
	const uint8_t other[] = {0x1e, 0xbe, 0x7e, 0x39};

	g_assert_true(arm_insn_is_trap(ARM_A64, brk0, 4));
	g_assert_true(arm_insn_is_trap(ARM_A64, brk800, 4));
	g_assert_true(arm_insn_is_trap(ARM_A64, brkmax, 4));
	g_assert_false(arm_insn_is_trap(ARM_A64, brk0, 3));
	g_assert_false(arm_insn_is_trap(ARM_A64, brk0, 0));
	g_assert_false(arm_insn_is_trap(ARM_A64, hlt, 4));
	g_assert_false(arm_insn_is_trap(ARM_A64, svc, 4));
	g_assert_false(arm_insn_is_trap(ARM_A64, nop, 4));
	g_assert_false(arm_insn_is_trap(ARM_A64, other, 4));
	g_assert_false(arm_insn_is_trap(ARM_A64, bkpt_a32, 4));
	g_assert_true(arm_insn_is_trap(ARM_A32, bkpt_a32, 4));
	g_assert_false(arm_insn_is_trap(ARM_A32, bkpt_a32, 3));
	g_assert_false(arm_insn_is_trap(ARM_A32, udf_a32, 4));
	g_assert_false(arm_insn_is_trap(ARM_A32, bx_lr, 4));
	g_assert_false(arm_insn_is_trap(ARM_A32, brk0, 4));
	g_assert_true(arm_insn_is_trap(ARM_T32, bkpt_t32, 2));
	g_assert_false(arm_insn_is_trap(ARM_T32, bkpt_t32, 1));
	g_assert_false(arm_insn_is_trap(ARM_T32, udf_t32, 2));
}

/* Which BTI allows which branch: Arm ARM, "BTI", table of PSTATE.BTYPE. */
static void test_idle(void)
{
	static const struct {
		uint32_t insn;
		bool at[4]; /* by BTYPE */
	} idle[] = {
		{0xd503201f, {true}},			 /* nop */
		{0xd503241f, {true}},			 /* bti */
		{0xd503245f, {true, true, true, false}}, /* bti c */
		{0xd503249f, {true, true, false, true}}, /* bti j */
		{0xd50324df, {true, true, true, true}},	 /* bti jc */
		{0xd503203f, {false}},			 /* yield */
		{0xd503207f, {false}},			 /* wfi */
		{0xd50320ff, {false}},			 /* xpaclri */
		{0xd503211f, {false}},			 /* pacia1716 */
		{0xd503251f, {false}},			 /* chkfeat x16 */
		{0xaa0003e0, {false}},			 /* mov x0, x0 */
		{0xd4200000, {false}},			 /* brk #0 */
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(idle); i++) {
		for (unsigned btype = 0; btype < 4; btype++) {
			uint64_t pstate = ARM_MODE_EL1H | (uint64_t)btype << 10;

			g_assert_cmpint(arm_insn_is_idle(pstate, 0, idle[i].insn), ==,
					idle[i].at[btype]);
		}
		g_assert_false(arm_insn_is_idle(ARM_PSR_AARCH32, 0, idle[i].insn));
		g_assert_false(arm_insn_is_idle(ARM_PSR_SS, 0, idle[i].insn));
		g_assert_false(arm_insn_is_idle(ARM_PSR_IL, 0, idle[i].insn));
	}
}

/* A key that is not on makes its instructions NOPs; the other key does not matter. */
static void test_idle_keys(void)
{
	static const struct {
		uint32_t insn;
		uint64_t key;
		bool at[4]; /* by BTYPE, with that key off */
	} rows[] = {
		{0xd503231f, ARM_SCTLR_ENIA, {true}},			 /* paciaz */
		{0xd503233f, ARM_SCTLR_ENIA, {true, true, true, false}}, /* paciasp */
		{0xd503235f, ARM_SCTLR_ENIB, {true}},			 /* pacibz */
		{0xd503237f, ARM_SCTLR_ENIB, {true, true, true, false}}, /* pacibsp */
		{0xd503239f, ARM_SCTLR_ENIA, {true}},			 /* autiaz */
		{0xd50323bf, ARM_SCTLR_ENIA, {true}},			 /* autiasp */
		{0xd50323df, ARM_SCTLR_ENIB, {true}},			 /* autibz */
		{0xd50323ff, ARM_SCTLR_ENIB, {true}},			 /* autibsp */
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		uint32_t insn = rows[i].insn;

		for (unsigned btype = 0; btype < 4; btype++) {
			uint64_t pstate = ARM_MODE_EL1H | (uint64_t)btype << 10;

			g_assert_cmpint(arm_insn_is_idle(pstate, 0, insn), ==, rows[i].at[btype]);
			g_assert_cmpint(arm_insn_is_idle(pstate, ~rows[i].key, insn), ==,
					rows[i].at[btype]);
			g_assert_false(arm_insn_is_idle(pstate, rows[i].key, insn));
		}
		g_assert_false(arm_insn_is_idle(ARM_PSR_SS, 0, insn));
	}
}

/* From @insn at 0x1000; the text behind is as GNU objdump has it. */
static const struct {
	uint32_t insn;
	ArmFlow flow;
	int64_t target;
} flow_rows[] = {
	{0x54000041, ARM_FLOW_EITHER, 0x1008}, /* b.ne 1008 */
	{0x54ffffe1, ARM_FLOW_EITHER, 0x0ffc}, /* b.ne ffc */
	{0x35ffffa1, ARM_FLOW_EITHER, 0x0ff4}, /* cbnz w1, ff4 */
	{0xb4000040, ARM_FLOW_EITHER, 0x1008}, /* cbz x0, 1008 */
	{0x37fffff1, ARM_FLOW_EITHER, 0x0ffc}, /* tbnz w17, #31, ffc */
	{0xb6080041, ARM_FLOW_EITHER, 0x1008}, /* tbz x1, #33, 1008 */
	{0x17ffffff, ARM_FLOW_JUMP, 0x0ffc},   /* b ffc */
	{0x14000400, ARM_FLOW_JUMP, 0x2000},   /* b 2000 */
	{0x94000400, ARM_FLOW_OTHER, 0x1000},  /* bl 2000 */
	{0xd65f03c0, ARM_FLOW_OTHER, 0x1000},  /* ret */
	{0xd61f0200, ARM_FLOW_OTHER, 0x1000},  /* br x16 */
	{0xd69f03e0, ARM_FLOW_OTHER, 0x1000},  /* eret */
	{0xd4000001, ARM_FLOW_OTHER, 0x1000},  /* svc #0 */
	{0xd4200000, ARM_FLOW_OTHER, 0x1000},  /* brk #0 */
	{0xd4400000, ARM_FLOW_OTHER, 0x1000},  /* hlt #0 */
	{0x00000000, ARM_FLOW_OTHER, 0x1000},  /* udf #0 */
	{0xd5033f5f, ARM_FLOW_OTHER, 0x1000},  /* clrex */
	{0xd503221f, ARM_FLOW_OTHER, 0x1000},  /* esb */
	{0xd50342df, ARM_FLOW_OTHER, 0x1000},  /* msr daifset, #2 */
	{0xd53b4220, ARM_FLOW_OTHER, 0x1000},  /* mrs x0, daif */
	{0xd5184000, ARM_FLOW_OTHER, 0x1000},  /* msr spsr_el1, x0 */
	{0xd500419f, ARM_FLOW_OTHER, 0x1000},  /* msr pan, #1 */
	{0xd538d080, ARM_FLOW_NEXT, 0x1000},   /* mrs x0, tpidr_el1 */
	{0xd503201f, ARM_FLOW_NEXT, 0x1000},   /* nop */
	{0xd503205f, ARM_FLOW_NEXT, 0x1000},   /* wfe */
	{0xd5033bbf, ARM_FLOW_NEXT, 0x1000},   /* dmb ish */
	{0xd5033fdf, ARM_FLOW_NEXT, 0x1000},   /* isb */
	{0x885f7c41, ARM_FLOW_NEXT, 0x1000},   /* ldxr w1, [x2] */
	{0xc8007c41, ARM_FLOW_NEXT, 0x1000},   /* stxr w0, x1, [x2] */
	{0xab010000, ARM_FLOW_NEXT, 0x1000},   /* adds x0, x0, x1 */
	{0xf9800051, ARM_FLOW_NEXT, 0x1000},   /* prfm pstl1strm, [x2] */
	{0x88e17c43, ARM_FLOW_NEXT, 0x1000},   /* casa w1, w3, [x2] */
};

static void test_flow(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(flow_rows); i++) {
		int64_t offset = 1;

		g_test_message("%08x", flow_rows[i].insn);
		g_assert_cmpint(arm_insn_flow(flow_rows[i].insn, &offset), ==, flow_rows[i].flow);
		g_assert_cmphex(0x1000 + offset, ==, flow_rows[i].target);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-insn/decode", test_decode);
	g_test_add_func("/arm-insn/idle", test_idle);
	g_test_add_func("/arm-insn/idle-keys", test_idle_keys);
	g_test_add_func("/arm-insn/set", test_set);
	g_test_add_func("/arm-insn/trap", test_trap);
	g_test_add_func("/arm-insn/flow", test_flow);
	return g_test_run();
}

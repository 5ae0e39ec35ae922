/*
 * tests/test-arm-step.c - arm/cpu/step.h: after a masked step everything is as without one. Worked
 * out by hand; tests/test-arm-step-model.c does it by a model of the CPU.
 */
#include <glib.h>
#include <string.h>

#include "arm/cpu/bits.h"
#include "arm/cpu/step.h"
#include "tests/test-util.h"

#define VBAR 0xffff800010010800ull
#define PC 0xffff800010080000ull
#define USER_PC 0x400800ull
#define OLD_ELR 0xffff800012345678ull
#define OLD_SPSR 0x60001000ull
#define SS ARM_PSR_SS

static ArmStepState state_at(uint64_t pc, uint64_t pstate)
{
	return (ArmStepState){
		.pc = pc,
		.pstate = pstate,
		.el1 = {.elr = OLD_ELR, .spsr = OLD_SPSR, .vbar = VBAR},
	};
}

static ArmStepState begin(uint64_t pc, uint64_t pstate, uint32_t insn, ArmStep *step)
{
	ArmStepState state = state_at(pc, pstate);
	ArmInsn decoded = arm_insn_decode(insn);

	state.pstate = arm_step_begin(&state, &decoded, false, step);
	return state;
}

static void assert_state(const ArmStepState *state, uint64_t pc, uint64_t pstate, uint64_t elr,
			 uint64_t spsr)
{
	g_assert_cmphex(state->pc, ==, pc);
	g_assert_cmphex(state->pstate, ==, pstate);
	g_assert_cmphex(state->el1.elr, ==, elr);
	g_assert_cmphex(state->el1.spsr, ==, spsr);
	g_assert_cmphex(state->el1.vbar, ==, VBAR);
}

/* ---- What is masked ---- */

static void test_masks(void)
{
	const uint32_t nop = 0xd503201f, esb = 0xd503221f;
	ArmStep step;

	g_assert_cmphex(begin(PC, 0x60400005, nop, &step).pstate, ==, 0x604001c5);
	g_assert_cmphex(step.forced, ==, 0x1c0);
	g_assert_cmphex(begin(PC, 0x60400285, nop, &step).pstate, ==, 0x604003c5);
	g_assert_cmphex(step.forced, ==, 0x140);
	g_assert_cmphex(begin(PC, 0x604003c5, nop, &step).pstate, ==, 0x604003c5);
	g_assert_cmphex(step.forced, ==, 0);
	/* errors must stay deliverable for ESB */
	g_assert_cmphex(begin(PC, 0x60400005, esb, &step).pstate, ==, 0x604000c5);
	g_assert_cmphex(begin(USER_PC, 0x80000000, nop, &step).pstate, ==, 0x800001c0);
	/* a 32-bit process */
	g_assert_cmphex(begin(USER_PC, 0x60000030, nop, &step).pstate, ==, 0x600001f0);
}

/* FEAT_NMI has a mask of its own; in AArch32 that bit is part of IT. */
static void test_allint_mask(void)
{
	ArmStepState state = state_at(PC, 0x5), user32 = state_at(USER_PC, 0x30);
	ArmInsn other = {.kind = ARM_INSN_OTHER, .rt = 31};
	ArmStep step;
	uint64_t x = 0;

	state.pstate = arm_step_begin(&state, &other, true, &step);
	g_assert_cmphex(state.pstate, ==, 0x21c5);
	state.pc += 4;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	g_assert_cmphex(state.pstate, ==, 0x5);
	g_assert_cmphex(arm_step_begin(&user32, &other, true, &step), ==, 0x1f0);
}

/* A kernel in AArch32 is left alone. */
static void test_aarch32_kernel(void)
{
	ArmStepState state = state_at(PC, 0x60000013), before = state;
	ArmInsn other = {.kind = ARM_INSN_OTHER, .rt = 31};
	ArmStep step;
	uint64_t x = 1;

	g_assert_cmphex(arm_step_begin(&state, &other, false, &step), ==, 0x60000013);
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_NONE);
	g_assert_cmpmem(&state, sizeof(state), &before, sizeof(before));
	arm_step_begin_open(&state, &other, &step);
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_NONE);
	g_assert_cmpmem(&state, sizeof(state), &before, sizeof(before));
}

/* ---- By hand ---- */

/* A second end() and one without begin() change nothing. */
static void test_once(void)
{
	ArmStep step, none = {0};
	ArmStepState state = begin(PC, 0x5, 0xd503201f, &step), before;
	uint64_t x = 7;

	state.pc += 4;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, PC + 4, 0x5, OLD_ELR, OLD_SPSR);
	before = state;
	state.pstate |= ARM_PSR_DAIF;
	before.pstate |= ARM_PSR_DAIF;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_NONE);
	g_assert_cmpint(arm_step_end(&none, &state, &x), ==, ARM_STEP_NONE);
	g_assert_cmpmem(&state, sizeof(state), &before, sizeof(before));
	g_assert_cmphex(x, ==, 7);
}

/* Each of these, interrupted before it ran: PSTATE is the old one, whatever it would do. */
static void test_not_done(void)
{
	static const uint32_t insns[] = {0xd503201f, 0xd53b4220, 0xd51b4220, 0xd50342df, 0xd50342ff,
					 0xd69f03e0, 0xd4000001, 0xd503207f, 0xd4000002};

	for (unsigned i = 0; i < G_N_ELEMENTS(insns); i++) {
		ArmStep step;
		ArmStepState state = begin(PC, 0x60400005, insns[i], &step);
		uint64_t x = 0x1234;

		state.pstate |= SS; /* KVM's */
		g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_NOT_DONE);
		assert_state(&state, PC, 0x60400005, OLD_ELR, OLD_SPSR);
		g_assert_cmphex(x, ==, 0x1234);
	}
}

/* What the instruction does to the rest of PSTATE stays: here ADDS sets N, clears Z and C. */
static void test_flags(void)
{
	ArmStep step;
	ArmStepState state = begin(PC, 0x60400085, 0xab010000, &step);
	uint64_t x = 0;

	state.pc += 4;
	state.pstate = 0x804001c5 | SS;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, PC + 4, 0x80400085, OLD_ELR, OLD_SPSR);
}

static void test_svc(void)
{
	ArmStep step;
	ArmStepState state = begin(USER_PC, 0x80000000, 0xd4000001, &step);
	uint64_t x = 0;

	state.pc = VBAR + 0x400;
	state.pstate = 0x804003c5;
	state.el1.elr = USER_PC + 4;
	state.el1.spsr = 0x800001c0 | SS;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_EXCEPTION);
	assert_state(&state, VBAR + 0x400, 0x804003c5, USER_PC + 4, 0x80000000);
}

/* A data abort in the kernel, twice at the same place, so that ELR and SPSR look as before. */
static void test_fault(void)
{
	ArmStep step;
	ArmStepState state = state_at(PC, 0x60400085);
	ArmInsn other = {.kind = ARM_INSN_OTHER, .rt = 31};
	uint64_t x = 0;

	state.el1.elr = PC;
	state.el1.spsr = 0x60400085;
	state.pstate = arm_step_begin(&state, &other, false, &step);
	state.pc = VBAR + 0x200;
	state.el1.spsr = 0x604001c5;
	state.pstate = 0x604003c5;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_EXCEPTION);
	assert_state(&state, VBAR + 0x200, 0x604003c5, PC, 0x60400085);
}

/*
 * Jumping to a vector is no exception: SPSR stays, PSTATE is what it was. Neither is it one when
 * only ELR or only SPSR happens to fit.
 */
static void test_jump_to_vector(void)
{
	static const struct {
		uint64_t elr, spsr;
	} rows[] = {{OLD_ELR, OLD_SPSR}, {PC, OLD_SPSR}, {OLD_ELR, 0x604003c5}};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		ArmStep step;
		ArmStepState state = begin(PC, 0x60400285, 0xd61f0020, &step);
		uint64_t x = 0;

		state.pc = VBAR + 0x200;
		state.el1.elr = rows[i].elr;
		state.el1.spsr = rows[i].spsr;
		g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
		assert_state(&state, VBAR + 0x200, 0x60400285, rows[i].elr, rows[i].spsr);
	}
}

/* From EL0 to EL1 there is no way but an exception, wherever its vector is. */
static void test_unknown_vector(void)
{
	ArmStep step;
	ArmStepState state = begin(USER_PC, 0x80000000, 0xd4000001, &step);
	uint64_t x = 0;

	state.pc = 0x1234;
	state.pstate = 0x804003c5;
	state.el1.elr = USER_PC + 4;
	state.el1.spsr = 0x800001c0;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_EXCEPTION);
	assert_state(&state, 0x1234, 0x804003c5, USER_PC + 4, 0x80000000);
}

static void test_eret(void)
{
	ArmStep step;
	ArmStepState state = begin(PC, 0x604003c5, 0xd69f03e0, &step);
	uint64_t x = 0;

	state.pc = OLD_ELR;
	state.pstate = OLD_SPSR | SS;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, OLD_ELR, OLD_SPSR, OLD_ELR, OLD_SPSR);
}

/* ERET to where it stands, with other flags, has been done. */
static void test_eret_to_itself(void)
{
	ArmStepState state = state_at(PC, 0x604003c5);
	ArmInsn eret = arm_insn_decode(0xd69f03e0);
	ArmStep step;
	uint64_t x = 0;

	state.el1.elr = PC;
	state.el1.spsr = 0x80400145;
	state.pstate = arm_step_begin(&state, &eret, false, &step);
	state.pstate = 0x80400145;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, PC, 0x80400145, PC, 0x80400145);
}

/* A guest that steps its own process returns to it with SS; that stays. */
static void test_eret_keeps_ss(void)
{
	ArmStepState state = state_at(PC, 0x604003c5);
	ArmInsn eret = arm_insn_decode(0xd69f03e0);
	ArmStep step;
	uint64_t x = 0;

	state.el1.spsr = 0x80000000 | SS;
	state.pstate = arm_step_begin(&state, &eret, false, &step);
	state.pc = OLD_ELR;
	state.pstate = 0x80000000;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, OLD_ELR, 0x80000000 | SS, OLD_ELR, 0x80000000 | SS);
}

/* msr daifclr, #2 with the timer pending: the IRQ is taken, and taken back. */
static void test_interrupt(void)
{
	ArmStep step;
	ArmStepState state = begin(PC, 0x604000c5, 0xd50342ff, &step);
	uint64_t x = 0;

	g_assert_cmphex(state.pstate, ==, 0x604001c5);
	state.pc = VBAR + 0x280;
	state.pstate = 0x604003c5;
	state.el1.elr = PC + 4;
	state.el1.spsr = 0x60400145;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_INTERRUPT);
	assert_state(&state, PC + 4, 0x60400045, OLD_ELR, OLD_SPSR);
}

/* An SError after msr daifclr, #4 is gone from the pending state: the handler runs. */
static void test_serror(void)
{
	ArmStep step;
	ArmStepState state = begin(PC, 0x60400105, 0xd50344ff, &step);
	uint64_t x = 0;

	state.pc = VBAR + 0x380;
	state.pstate = 0x604003c5;
	state.el1.elr = PC + 4;
	state.el1.spsr = 0x604000c5;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_EXCEPTION);
	assert_state(&state, VBAR + 0x380, 0x604003c5, PC + 4, 0x60400005);
}

/* An IRQ vector reached in other ways is nobody's interrupt. */
static void test_no_interrupt(void)
{
	ArmStep step;
	ArmStepState state = begin(PC, 0x604003c5, 0xd69f03e0, &step);
	uint64_t x = 0;

	/* a guest's hypervisor hands its guest an IRQ: ELR is not where ERET leads */
	state.pc = VBAR + 0x280;
	state.pstate = 0x604003c5;
	state.el1.elr = 0x1234;
	state.el1.spsr = 0x60400005;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, VBAR + 0x280, 0x604003c5, 0x1234, 0x60400005);

	/* the instruction would be lost if the way back led elsewhere */
	state = begin(PC, 0x604003c5, 0xd50342ff, &step);
	state.pc = VBAR + 0x280;
	state.el1.elr = PC + 8;
	state.el1.spsr = 0x60400345;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, VBAR + 0x280, 0x604003c5, PC + 8, 0x60400345);
}

/* PSCI: done by KVM, pc moves on; or the CPU was turned off and came back elsewhere by a reset. */
static void test_firmware_call(void)
{
	ArmStep step;
	ArmStepState state = begin(PC, 0x60400085, 0xd4000002, &step);
	uint64_t x = 0;

	state.pc += 4;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, PC + 4, 0x60400085, OLD_ELR, OLD_SPSR);

	state = begin(PC, 0x60400085, 0xd4000002, &step);
	state.pc = 0x80080000;
	state.pstate = 0x3c5;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
	assert_state(&state, 0x80080000, 0x3c5, OLD_ELR, OLD_SPSR);
}

/* A nested guest: HVC from EL1 to the guest's hypervisor in EL2. */
static void test_el2(void)
{
	ArmStepState state = state_at(PC, 0x60400085);
	ArmInsn hvc = arm_insn_decode(0xd4000002);
	ArmStep step;
	uint64_t x = 0;

	state.el2 = (ArmBank){.elr = 1, .spsr = 2, .vbar = 0x80001000};
	state.pstate = arm_step_begin(&state, &hvc, false, &step);
	state.pc = 0x80001400;
	state.pstate = 0x604003c9;
	state.el2.elr = PC + 4;
	state.el2.spsr = 0x604001c5;
	g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_EXCEPTION);
	assert_state(&state, 0x80001400, 0x604003c9, OLD_ELR, OLD_SPSR);
	g_assert_cmphex(state.el2.elr, ==, PC + 4);
	g_assert_cmphex(state.el2.spsr, ==, 0x60400085);
}

/* ALLINT: read, written by a register or an immediate, with the mask off and on before. */
static void test_allint(void)
{
	static const struct {
		uint32_t insn;
		uint64_t before, after, x, expected, expected_x;
	} rows[] = {
		{0xd5384303, 0x0005, 0x21c5, 0x2000, 0x0005, 0x0000}, /* mrs x3, allint */
		{0xd5384303, 0x2005, 0x21c5, 0x2000, 0x2005, 0x2000},
		{0xd5184303, 0x0005, 0x21c5, 0x2000, 0x2005, 0x2000}, /* msr allint, x3 */
		{0xd5184303, 0x2085, 0x01c5, 0x0000, 0x0085, 0x0000},
		{0xd501411f, 0x0005, 0x21c5, 0x0000, 0x2005, 0x0000}, /* msr allint, #1 */
		{0xd501401f, 0x2005, 0x01c5, 0x0000, 0x0005, 0x0000}, /* msr allint, #0 */
		{0xd50342df, 0x0005, 0x21c5, 0x0000, 0x0085, 0x0000}, /* msr daifset, #2 */
		{0xd51b4223, 0x0005, 0x2085, 0x0080, 0x0085, 0x0080}, /* msr daif, x3 */
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		ArmStepState state = state_at(PC, rows[i].before);
		ArmInsn insn = arm_insn_decode(rows[i].insn);
		uint64_t x = rows[i].x;
		ArmStep step;

		g_test_message("row %u", i);
		g_assert_true(arm_step_begin(&state, &insn, true, &step) & ARM_PSR_ALLINT);
		state.pc += 4;
		state.pstate = rows[i].after;
		g_assert_cmpint(arm_step_end(&step, &state, &x), ==, ARM_STEP_DONE);
		assert_state(&state, PC + 4, rows[i].expected, OLD_ELR, OLD_SPSR);
		g_assert_cmphex(x, ==, rows[i].expected_x);
	}
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"masks", test_masks},
		{"allint-mask", test_allint_mask},
		{"aarch32-kernel", test_aarch32_kernel},
		{"once", test_once},
		{"not-done", test_not_done},
		{"flags", test_flags},
		{"svc", test_svc},
		{"fault", test_fault},
		{"jump-to-vector", test_jump_to_vector},
		{"unknown-vector", test_unknown_vector},
		{"eret", test_eret},
		{"eret-to-itself", test_eret_to_itself},
		{"eret-keeps-ss", test_eret_keeps_ss},
		{"interrupt", test_interrupt},
		{"serror", test_serror},
		{"no-interrupt", test_no_interrupt},
		{"firmware-call", test_firmware_call},
		{"el2", test_el2},
		{"allint", test_allint},
		{0},
	};

	return test_main(argc, argv, "arm-step", cases);
}

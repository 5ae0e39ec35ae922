/*
 * tests/test-arm-step-open.c - arm/cpu/step.h with interrupts let in: no mask is set and nothing is
 * taken back; only SS, which KVM steps by, must not be seen.
 */
#include <glib.h>

#include "arm/cpu/bits.h"
#include "arm/cpu/step.h"

#define VBAR 0xffff800010010800ull
#define PC 0xffff800010080000ull
#define OLD_ELR 0xffff800012345678ull
#define OLD_SPSR 0x60001000ull
#define SS ARM_PSR_SS

typedef struct OpenRow {
	const char *what;
	uint32_t insn;
	uint64_t pstate, spsr; /* before */
	ArmStepState after;
	ArmStepOutcome outcome;
	uint64_t pstate_want, spsr_want;
} OpenRow;

static const OpenRow open_rows[] = {
	{"nothing came",
	 0xd503201f,
	 0x60400005,
	 OLD_SPSR,
	 {PC + 4, 0x60400005 | SS, {OLD_ELR, OLD_SPSR, VBAR}, {0}},
	 ARM_STEP_DONE,
	 0x60400005,
	 OLD_SPSR},
	{"IRQ before the instruction",
	 0xd503201f,
	 0x60400005,
	 OLD_SPSR,
	 {VBAR + 0x280, 0x604003c5 | SS, {PC, 0x60400005 | SS, VBAR}, {0}},
	 ARM_STEP_EXCEPTION,
	 0x604003c5,
	 0x60400005},
	{"IRQ again, at the same place",
	 0xd503201f,
	 0x60400005,
	 0x60400005,
	 {VBAR + 0x280, 0x604003c5, {PC, 0x60400005 | SS, VBAR}, {0}},
	 ARM_STEP_EXCEPTION,
	 0x604003c5,
	 0x60400005},
	{"FIQ behind a branch",
	 0xd61f0020,
	 0x60400005,
	 OLD_SPSR,
	 {VBAR + 0x300, 0x604003c5, {0x5678, 0x60400005 | SS, VBAR}, {0}},
	 ARM_STEP_EXCEPTION,
	 0x604003c5,
	 0x60400005},
	{"SError",
	 0xd503201f,
	 0x60400005,
	 OLD_SPSR,
	 {VBAR + 0x380, 0x604003c5, {PC, 0x60400005 | SS, VBAR}, {0}},
	 ARM_STEP_EXCEPTION,
	 0x604003c5,
	 0x60400005},
	{"IRQ that daifclr lets in is not taken back",
	 0xd50342ff,
	 0x604000c5,
	 OLD_SPSR,
	 {VBAR + 0x280, 0x604003c5, {PC + 4, 0x60400045 | SS, VBAR}, {0}},
	 ARM_STEP_EXCEPTION,
	 0x604003c5,
	 0x60400045},
	{"svc",
	 0xd4000001,
	 0x80000000,
	 OLD_SPSR,
	 {VBAR + 0x400, 0x804003c5, {PC + 4, 0x80000000 | SS, VBAR}, {0}},
	 ARM_STEP_EXCEPTION,
	 0x804003c5,
	 0x80000000},
	{"IRQ from a process that the guest steps",
	 0xd503201f,
	 0x80000000 | SS,
	 OLD_SPSR,
	 {VBAR + 0x480, 0x804003c5, {PC, 0x80000000, VBAR}, {0}},
	 ARM_STEP_EXCEPTION,
	 0x804003c5,
	 0x80000000 | SS},
	{"eret to a process that the guest steps",
	 0xd69f03e0,
	 0x604003c5,
	 0x80000000 | SS,
	 {OLD_ELR, 0x80000000, {OLD_ELR, 0x80000000 | SS, VBAR}, {0}},
	 ARM_STEP_DONE,
	 0x80000000 | SS,
	 0x80000000 | SS},
	{"IRQ right behind that eret",
	 0xd69f03e0,
	 0x604003c5,
	 0x80000000 | SS,
	 {VBAR + 0x480, 0x804003c5, {OLD_ELR, 0x80000000, VBAR}, {0}},
	 ARM_STEP_EXCEPTION,
	 0x804003c5,
	 0x80000000 | SS},
	{"a branch to the IRQ vector",
	 0xd61f0020,
	 0x604003c5,
	 OLD_SPSR | SS,
	 {VBAR + 0x280, 0x604003c5 | SS, {OLD_ELR, OLD_SPSR | SS, VBAR}, {0}},
	 ARM_STEP_DONE,
	 0x604003c5,
	 OLD_SPSR | SS},
};

static void test_open(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(open_rows); i++) {
		const OpenRow *row = &open_rows[i];
		ArmStepState after = row->after;
		const ArmStepState before = {
			.pc = PC,
			.pstate = row->pstate,
			.el1 = {.elr = OLD_ELR, .spsr = row->spsr, .vbar = VBAR},
		};
		ArmInsn insn = arm_insn_decode(row->insn);
		ArmStep step;
		uint64_t x = 0;

		g_test_message("%s", row->what);
		arm_step_begin_open(&before, &insn, &step);
		g_assert_cmphex(step.forced, ==, 0);
		g_assert_cmpint(arm_step_end(&step, &after, &x), ==, row->outcome);
		g_assert_cmphex(after.pc, ==, row->after.pc);
		g_assert_cmphex(after.pstate, ==, row->pstate_want);
		g_assert_cmphex(after.el1.elr, ==, row->after.el1.elr);
		g_assert_cmphex(after.el1.spsr, ==, row->spsr_want);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-step/open", test_open);
	return g_test_run();
}

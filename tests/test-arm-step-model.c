/*
 * tests/test-arm-step-model.c - arm/step.h against a small model of the CPU.
 *
 * The model runs each instruction twice: unmasked and undisturbed, and as the step does, with an
 * interrupt pending. The states must be equal.
 */
#include <glib.h>
#include <string.h>

#include "arm/pstate.h"
#include "arm/step.h"

#define VBAR 0xffff800010010800ull
#define PC 0xffff800010080000ull
#define OLD_ELR 0xffff800012345678ull

typedef struct Cpu {
	ArmStepState s;
	uint64_t x[32];
	bool irq;
} Cpu;

static void take(Cpu *cpu, uint64_t type, uint64_t elr)
{
	uint64_t old = cpu->s.pstate, group = 0x400;

	if (old & ARM_PSR_AARCH32)
		group = 0x600;
	else if (ARM_PSR_EL(old) == 1)
		group = old & 1 ? 0x200 : 0;
	cpu->s.el1.elr = elr;
	cpu->s.el1.spsr = old;
	cpu->s.pstate = (old & (ARM_PSR_NZCV | ARM_PSR_DIT | ARM_PSR_PAN)) | ARM_PSR_DAIF | 5;
	cpu->s.pc = VBAR + group + type;
}

typedef struct Case {
	uint32_t insn;
	bool faults;
	uint64_t flags; /* xor: what else it does to PSTATE */
} Case;

/* One instruction, and the IRQ behind it if it is pending and not masked. */
static void run(Cpu *cpu, const Case *c)
{
	ArmInsn insn = arm_insn_decode(c->insn);
	uint64_t *x = &cpu->x[insn.rt], old = cpu->s.pstate;
	uint64_t imm = (uint64_t)insn.imm << 6, next = cpu->s.pc + 4;

	if (c->faults) {
		take(cpu, 0, cpu->s.pc);
	} else if (insn.kind == ARM_INSN_SVC) {
		take(cpu, 0, next);
	} else if (insn.kind == ARM_INSN_ERET) {
		cpu->s.pc = cpu->s.el1.elr;
		cpu->s.pstate = cpu->s.el1.spsr;
	} else {
		cpu->s.pc = next;
		cpu->s.pstate ^= c->flags;
		if (insn.kind == ARM_INSN_MRS_DAIF)
			*x = old & ARM_PSR_DAIF;
		if (insn.kind == ARM_INSN_MSR_DAIF)
			cpu->s.pstate = (old & ~ARM_PSR_DAIF) | (*x & ARM_PSR_DAIF);
		if (insn.kind == ARM_INSN_DAIFSET)
			cpu->s.pstate |= imm;
		if (insn.kind == ARM_INSN_DAIFCLR)
			cpu->s.pstate &= ~imm;
	}
	cpu->x[31] = 0;
	if (cpu->irq && !(cpu->s.pstate & ARM_PSR_I))
		take(cpu, 0x80, cpu->s.pc);
}

/* The same with the banks that need not be read left out: they stay so, and the rest is equal. */
static void compare_spared(const Cpu *start, const Case *c)
{
	static const ArmBank none;
	ArmInsn insn = arm_insn_decode(c->insn);
	Cpu whole = *start, spared = *start;
	ArmStepState before = start->s;
	ArmStep step, spared_step;

	if (!arm_step_needs_before(&insn, false))
		before.el1 = none;
	whole.irq = spared.irq = true;
	whole.s.pstate = arm_step_begin(&start->s, &insn, false, &step);
	spared.s.pstate = arm_step_begin(&before, &insn, false, &spared_step);
	g_assert_cmphex(whole.s.pstate, ==, spared.s.pstate);
	run(&whole, c);
	run(&spared, c);
	ArmBank kept = spared.s.el1;
	bool needed = arm_step_needs_after(&spared_step, spared.s.pc, spared.s.pstate);
	if (!needed)
		spared.s.el1 = none;
	arm_step_end(&step, &whole.s, &whole.x[insn.rt]);
	arm_step_end(&spared_step, &spared.s, &spared.x[insn.rt]);
	if (!needed) {
		g_assert_cmpmem(&spared.s.el1, sizeof(none), &none, sizeof(none));
		spared.s.el1 = kept;
	}
	g_assert_cmpmem(&spared, sizeof(spared), &whole, sizeof(whole));
}

static void compare(const Cpu *start, const Case *c)
{
	ArmInsn insn = arm_insn_decode(c->insn);
	Cpu plain = *start, stepped = *start;
	ArmStep step;

	run(&plain, c);
	stepped.irq = true;
	stepped.s.pstate = arm_step_begin(&start->s, &insn, false, &step);
	g_assert_true(stepped.s.pstate & ARM_PSR_I);
	run(&stepped, c);
	stepped.s.pstate |= ARM_PSR_SS; /* KVM's */
	arm_step_end(&step, &stepped.s, &stepped.x[insn.rt]);
	g_assert_cmphex(stepped.s.pc, ==, plain.s.pc);
	g_assert_cmphex(stepped.s.pstate, ==, plain.s.pstate);
	g_assert_cmphex(stepped.s.el1.elr, ==, plain.s.el1.elr);
	g_assert_cmphex(stepped.s.el1.spsr, ==, plain.s.el1.spsr);
	g_assert_cmpmem(stepped.x, sizeof(stepped.x), plain.x, sizeof(plain.x));
	compare_spared(start, c);
}

static Cpu cpu_in(uint64_t mode, uint64_t daif, uint64_t saved)
{
	Cpu cpu = {.s = {.pc = PC,
			 .pstate = 0x60400000 | mode | daif << 6,
			 .el1 = {.elr = OLD_ELR, .vbar = VBAR}}};

	cpu.s.el1.spsr = saved;
	for (unsigned i = 0; i < 31; i++)
		cpu.x[i] = 0x5a5a5a5a5a5a5a5a ^ (uint64_t)i << 6;
	return cpu;
}

static void test_model(void)
{
	static const uint64_t modes[] = {ARM_MODE_EL0, ARM_MODE_EL1T, ARM_MODE_EL1H, 0x10, 0x30};
	static const uint64_t saved[] = {0x80000000, 0x804003c5, 0x80400045, 0x80400084, 0x10};
	static const Case cases[] = {
		{0xd503201f, false, 0},		 /* nop */
		{0xab010000, false, 0xe0000000}, /* adds, changes N, Z and C */
		{0xd500419f, false, 0x00400000}, /* msr pan, #0 */
		{0xf9400020, true, 0},		 /* a load that faults */
		{0xd4000001, false, 0},		 /* svc #0 */
		{0xd53b4225, false, 0},		 /* mrs x5, daif */
		{0xd53b423f, false, 0},		 /* mrs xzr, daif */
		{0xd69f03e0, false, 0},		 /* eret */
		{0xd51b423f, false, 0},		 /* msr daif, xzr */
	};

	for (unsigned m = 0; m < G_N_ELEMENTS(modes); m++) {
		for (unsigned daif = 0; daif < 16; daif++) {
			for (unsigned s = 0; s < G_N_ELEMENTS(saved); s++) {
				Cpu cpu = cpu_in(modes[m], daif, saved[s]);

				for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
					if (cases[i].insn != 0xd69f03e0 || modes[m] / 4 == 1)
						compare(&cpu, &cases[i]);
			}
		}
	}
}

/* All operands of the instructions that write the masks, on all masks. */
static void test_model_writes(void)
{
	for (unsigned daif = 0; daif < 16; daif++) {
		for (unsigned value = 0; value < 16; value++) {
			Cpu cpu = cpu_in(ARM_MODE_EL1H, daif, 0x80000000);
			Case set = {.insn = 0xd50340df | value << 8},
			     clear = {.insn = 0xd50340ff | value << 8},
			     write = {.insn = 0xd51b4223};

			cpu.x[3] = 0xfffffffffffffc3f | value << 6;
			compare(&cpu, &set);
			compare(&cpu, &clear);
			compare(&cpu, &write);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-step-model/instructions", test_model);
	g_test_add_func("/arm-step-model/mask-writes", test_model_writes);
	return g_test_run();
}

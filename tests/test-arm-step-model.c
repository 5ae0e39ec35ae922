/*
 * tests/test-arm-step-model.c - arm/cpu/step.h against a small model of the CPU.
 *
 * The model runs each instruction twice: unmasked and undisturbed, and as the step does, with an
 * interrupt pending. The states must be equal.
 */
#include <glib.h>
#include <string.h>

#include "arm/cpu/bits.h"
#include "arm/cpu/step.h"

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

/* ---- Runs through exclusive sequences ---- */

#define LOCK_FREE 0u
#define LOCK_HELD 1u

/* A CPU with a monitor, and the word that its sequence is about. */
typedef struct Sequence {
	Cpu cpu;
	uint32_t word;
	bool monitor;
	uint32_t fault_at; /* an offset from PC + 1: a page that is not there at first */
} Sequence;

/*
 * The code at PC: 1: ldaxr w0, [x2]; cbnz w0, 1b; stxr w1, w3, [x2]; cbnz w1, 1b. A debug exception
 * and the return from any exception clear the monitor, which is up to the caller.
 */
static const uint32_t lock_code[] = {0x885ffc40, 0x35ffffe0, 0x88017c43, 0x35ffffa1};

static void run_lock(Sequence *s)
{
	Cpu *cpu = &s->cpu;
	unsigned i = (cpu->s.pc - PC) / 4;
	uint64_t next = cpu->s.pc + 4;

	if (cpu->irq && !(cpu->s.pstate & ARM_PSR_I)) {
		take(cpu, 0x80, cpu->s.pc);
		return;
	}
	if (s->fault_at == 4 * i + 1) {
		s->fault_at = 0;
		take(cpu, 0, cpu->s.pc);
		return;
	}
	if (i == 0) {
		cpu->x[0] = s->word;
		s->monitor = true;
	} else if (i == 2) {
		cpu->x[1] = !s->monitor;
		if (s->monitor)
			s->word = cpu->x[3];
		s->monitor = false;
	} else if (cpu->x[i == 1 ? 0 : 1]) {
		next = PC;
	}
	cpu->s.pc = next;
}

/* What the engine does: @limit instructions, then it gives the run up. FALSE: it did. */
static bool run_through(Sequence *s, unsigned limit)
{
	const ArmCode code = {lock_code, G_N_ELEMENTS(lock_code), PC};
	ArmSequence sequence;
	ArmStep step;
	uint64_t vector = arm_step_fault_vector(&s->cpu.s), none = 0;
	bool out = false;

	g_assert_true(arm_sequence_find(&code, (s->cpu.s.pc - PC) / 4, &sequence));
	s->cpu.s.pstate = arm_step_begin_through(&s->cpu.s, &sequence, false, &step);
	while (!out && limit-- > 0) {
		run_lock(s);
		for (unsigned i = 0; i < sequence.n_exits; i++)
			out |= s->cpu.s.pc == sequence.exits[i];
		out |= s->cpu.s.pc == vector;
	}
	s->monitor = false;
	arm_step_end(&step, &s->cpu.s, &none);
	return out;
}

static Sequence sequence_in(uint64_t mode, unsigned at)
{
	Sequence s = {.cpu = cpu_in(mode, 1, 0x80000000), .word = LOCK_FREE};

	s.cpu.s.pc = PC + 4 * at;
	s.cpu.x[0] = LOCK_FREE;
	s.cpu.x[3] = LOCK_HELD;
	s.cpu.irq = true;
	return s;
}

static const uint64_t sequence_modes[] = {ARM_MODE_EL0, ARM_MODE_EL1T, ARM_MODE_EL1H};

/*
 * From each instruction up to the store, with an interrupt pending: behind it, and the lock taken.
 */
static void test_sequence(void)
{
	for (unsigned m = 0; m < G_N_ELEMENTS(sequence_modes); m++) {
		for (unsigned at = 0; at <= 2; at++) {
			Sequence s = sequence_in(sequence_modes[m], at), before = s;

			g_assert_true(run_through(&s, 8));
			g_assert_cmphex(s.cpu.s.pc, ==, PC + 16);
			g_assert_cmphex(s.cpu.s.pstate, ==, before.cpu.s.pstate);
			g_assert_cmpmem(&s.cpu.s.el1, sizeof(ArmBank), &before.cpu.s.el1,
					sizeof(ArmBank));
			g_assert_cmpuint(s.word, ==, LOCK_HELD);
		}
	}
}

/* An exception in it is a way out: the handler finds what it would without the run. */
static void test_sequence_fault(void)
{
	for (unsigned m = 0; m < G_N_ELEMENTS(sequence_modes); m++) {
		for (unsigned fault_at = 1; fault_at <= 9; fault_at += 8) {
			for (unsigned at = 0; at <= 2; at++) {
				Sequence s = sequence_in(sequence_modes[m], at), plain = s;

				s.fault_at = plain.fault_at = fault_at;
				plain.cpu.irq = false;
				while (plain.fault_at)
					run_lock(&plain);
				g_assert_true(run_through(&s, 8));
				g_assert_cmphex(s.cpu.s.pc, ==, plain.cpu.s.pc);
				g_assert_cmphex(s.cpu.s.pstate, ==, plain.cpu.s.pstate);
				g_assert_cmphex(s.cpu.s.el1.elr, ==, PC + fault_at - 1);
				g_assert_cmphex(s.cpu.s.el1.spsr, ==, plain.cpu.s.el1.spsr);
				g_assert_cmpuint(s.word, ==, LOCK_FREE);
			}
		}
	}
}

/*
 * A lock that another CPU holds: the run does not come out before it is given up, wherever that is,
 * and leaves nothing behind. The other CPU gives the lock back: from there on it comes out.
 */
static void test_sequence_spin(void)
{
	for (unsigned limit = 0; limit < 9; limit++) {
		for (unsigned at = 0; at <= 2; at += 2) {
			Sequence s = sequence_in(ARM_MODE_EL1H, at), before = s;

			s.word = LOCK_HELD;
			g_assert_false(run_through(&s, limit));
			g_assert_cmphex(s.cpu.s.pc - PC, <, 16);
			g_assert_cmphex(s.cpu.s.pstate, ==, before.cpu.s.pstate);
			s.word = LOCK_FREE;
			s.cpu.irq = false;
			for (unsigned i = 0; i < 16 && s.cpu.s.pc != PC + 16; i++)
				run_lock(&s);
			g_assert_cmphex(s.cpu.s.pc, ==, PC + 16);
			g_assert_cmpuint(s.word, ==, LOCK_HELD);
		}
	}
}

/* Steps, one by one, never take the lock: the model is one in which that fails. */
static void test_sequence_steps(void)
{
	Sequence s = sequence_in(ARM_MODE_EL1H, 0);

	s.cpu.irq = false;
	for (unsigned i = 0; i < 100; i++) {
		run_lock(&s);
		s.monitor = false;
		g_assert_cmphex(s.cpu.s.pc - PC, <, 16);
	}
	g_assert_cmpuint(s.word, ==, LOCK_FREE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-step-model/instructions", test_model);
	g_test_add_func("/arm-step-model/mask-writes", test_model_writes);
	g_test_add_func("/arm-step-model/sequence", test_sequence);
	g_test_add_func("/arm-step-model/sequence-fault", test_sequence_fault);
	g_test_add_func("/arm-step-model/sequence-spin", test_sequence_spin);
	g_test_add_func("/arm-step-model/sequence-steps", test_sequence_steps);
	return g_test_run();
}

/*
 * tests/kvm-arm-step.c - single steps of kvm/arch.h on a real KVM/arm64, over the instructions that
 * make steps hard. What the probe does not find here is skipped with that reason.
 */
#include "tests/arm-rig.h"

static ArchFeatures features; /* written once by main() */

#define MRS_DAIF 0xd53b4223u /* mrs x3, daif */
#define STR_X3_X1 0xf9000023u

/* One step, as the engine does it; *trap: a BRK of the guest's is to be given to it first. */
static uint32_t step(Rig *rig, bool quiet, bool *trap)
{
	g_autoptr(GError) error = NULL;
	ArchStep step;
	uint32_t reason;

	g_assert_true(arch_step_begin(rig->vcpu, quiet, &rig->memory, &step, &error));
	g_assert_no_error(error);
	g_assert_true(arch_flush(rig->vcpu, &error));
	rig_debug(rig, KVM_GUESTDBG_SINGLESTEP | arch_step_control(&features, quiet), NULL);
	if (*trap)
		g_assert_true(arch_reinject(rig->vcpu, rig->run, &rig->memory, &error));
	reason = rig_run(rig);
	*trap = reason == KVM_EXIT_DEBUG && arch_decode_trap(rig->vcpu, rig->run, NULL, 0).insn;
	arch_step_end(rig->vcpu, &rig->memory, &step);
	g_assert_true(arch_flush(rig->vcpu, &error));
	g_assert_no_error(error);
	return reason;
}

typedef struct Program {
	const char *name;
	uint32_t code[MAX_CODE];
} Program;

static const Program programs[] = {
	{"nop", {NOP, NOP}},
	{"flags", {0xab030063, 0xd53b4203, STR_X3_X1}}, /* adds; mrs x3, nzcv */
	{"mrs-daif", {MRS_DAIF, STR_X3_X1}},
	{"daifset", {0xd50342df, MRS_DAIF, STR_X3_X1}}, /* I */
	{"daifclr", {0xd5034fff, MRS_DAIF, STR_X3_X1}}, /* all */
	{"msr-daif", {0xd51b423f, MRS_DAIF, STR_X3_X1}},
	{"pan", {0xd500419f, NOP}},
	{"svc", {0xd4000021}},
	{"brk", {NOP, BRK(9), NOP}},
	{"udf", {1}},
	{"unaligned", {0xf8401020}}, /* a device access, MMU off */
	/* adr x3, past the eret; msr elr_el1, x3; mov x3, #0x45; msr spsr_el1, x3; eret */
	{"eret",
	 {0x100000a3, 0xd5184023, 0xd28008a3, 0xd5184003, 0xd69f03e0, NOP, MRS_DAIF, STR_X3_X1}},
};

static const struct {
	const char *name;
	uint64_t pstate;
} states[] = {
	{"el1-masked", PSTATE_EL1H},
	{"el1-open", ARM_MODE_EL1H | ARM_PSR_NZCV},
	{"el1t", ARM_MODE_EL1T | ARM_PSR_F},
	{"el0", ARM_MODE_EL0},
};

static void assert_same(Rig *got, Rig *want)
{
	for (ArmSlot slot = 0; slot < ARM_N_CACHED; slot++) {
		g_test_message("slot %u", slot);
		if (slot != ARM_PSTATE &&
		    (slot < ARM_HCR_EL2 || slot > ARM_SPSR_EL2 || got->vcpu->has_el2))
			g_assert_cmphex(rig_get(got, slot), ==, rig_get(want, slot));
	}
	g_assert_cmphex(rig_pstate(got), ==, rig_pstate(want));
	g_assert_cmpmem(got->ram, RAM_SIZE, want->ram, RAM_SIZE);
}

/* A program leaves the same registers and memory with and without steps (T11, T12). */
static void compare(const Program *program, uint64_t pstate, bool quiet)
{
	Rig plain, stepped;
	uint32_t reason;
	bool trap = false;
	unsigned n = 0;

	rig_open(&plain, program->code);
	g_assert_true(rig_set(&plain, ARM_PSTATE, pstate));
	rig_run_to_end(&plain);
	rig_open(&stepped, program->code);
	g_assert_true(rig_set(&stepped, ARM_PSTATE, pstate));
	while ((reason = step(&stepped, quiet, &trap)) == KVM_EXIT_DEBUG)
		g_assert_cmpuint(++n, <=, MAX_CODE + 2);
	g_assert_cmpuint(reason, ==, KVM_EXIT_MMIO);
	assert_same(&stepped, &plain);
	rig_close(&plain);
	rig_close(&stepped);
}

static void test_program(const void *data)
{
	if (!has(features.step, "steps"))
		return;
	for (unsigned i = 0; i < G_N_ELEMENTS(states); i++) {
		g_test_message("%s", states[i].name);
		compare(data, states[i].pstate, true);
		compare(data, states[i].pstate, false);
	}
}

/*
 * A BRK of the guest's in a quiet step: the handler finds none of the step's masks in SPSR, and
 * keeps its own when the step has ended.
 */
static void test_brk(void)
{
	const uint32_t code[] = {BRK(9), 0};
	bool trap = false;
	Rig rig;

	if (!has(features.step, "steps") || !has(features.sw_break, "BRK"))
		return;
	rig_open(&rig, code);
	/* the step ends behind the first instruction of the handler */
	put_code(&rig, VECTORS + FROM_EL1H, NOP);
	put_code(&rig, VECTORS + FROM_EL1H + 4, END);
	arch_sync_code(rig.ram, RAM_SIZE);
	g_assert_true(rig_set(&rig, ARM_PSTATE, ARM_MODE_EL1H | ARM_PSR_NZCV));
	g_assert_cmpuint(step(&rig, true, &trap), ==, KVM_EXIT_DEBUG);
	g_assert_true(trap);
	g_assert_cmphex(rig_get(&rig, ARM_PC), ==, CODE);
	g_assert_cmphex(rig_get(&rig, ARM_PSTATE), ==, ARM_MODE_EL1H | ARM_PSR_NZCV);
	g_assert_cmpuint(step(&rig, true, &trap), ==, KVM_EXIT_DEBUG);
	g_assert_false(trap);
	g_assert_cmphex(rig_get(&rig, ARM_PC), ==, VECTORS + FROM_EL1H + 4);
	g_assert_cmphex(rig_get(&rig, ARM_PSTATE) & ARM_PSR_DAIF, ==, ARM_PSR_DAIF);
	g_assert_cmphex(rig_get(&rig, ARM_ELR_EL1), ==, CODE);
	g_assert_cmphex(rig_get(&rig, ARM_SPSR_EL1), ==, ARM_MODE_EL1H | ARM_PSR_NZCV);
	g_assert_cmphex(rig_get(&rig, ARM_ESR_EL1), ==, 0xf2000009);
	rig_close(&rig);
}

/* An interrupt that waits; there is no interrupt controller, so the line is the CPU's own. */
static void raise_irq(Rig *rig)
{
	struct kvm_irq_level irq = {
		.irq = KVM_ARM_IRQ_TYPE_CPU << KVM_ARM_IRQ_TYPE_SHIFT | KVM_ARM_IRQ_CPU_IRQ,
		.level = 1,
	};

	g_assert_cmpint(ioctl(rig->vm_fd, KVM_IRQ_LINE, &irq), ==, 0);
}

/* T13: steps stay in the code, and the interrupt comes when the guest runs on. */
static void test_quiet(void)
{
	const uint32_t code[] = {NOP, 0xd50342ff, NOP, NOP, 0}; /* msr daifclr, #2 */
	bool trap = false;
	Rig rig;

	if (!has(features.step, "steps"))
		return;
	rig_open(&rig, code);
	raise_irq(&rig);
	for (unsigned i = 1; i <= 3; i++) {
		g_assert_cmpuint(step(&rig, true, &trap), ==, KVM_EXIT_DEBUG);
		g_assert_cmphex(rig_get(&rig, ARM_PC), ==, CODE + 4 * i);
		g_assert_cmphex(rig_get(&rig, ARM_PSTATE) & ARM_PSR_I, ==, i < 2 ? ARM_PSR_I : 0);
		g_assert_cmphex(rig_get(&rig, ARM_SPSR_EL1), ==, 0);
	}
	rig_debug(&rig, 0, NULL);
	g_assert_cmphex(rig_run_to_end(&rig), ==, VECTORS + FROM_EL1H + 0x80);
	g_assert_cmphex(rig_get(&rig, ARM_ELR_EL1), ==, CODE + 12);
	g_assert_cmphex(rig_get(&rig, ARM_SPSR_EL1), ==, PSTATE_EL1H & ~ARM_PSR_I);
	rig_close(&rig);
}

/* With interrupts let in, the step ends in the handler, which does not see that it was one. */
static void test_open(void)
{
	const uint32_t code[] = {NOP, NOP, 0};
	bool trap = false;
	Rig rig;

	if (!has(features.step, "steps"))
		return;
	rig_open(&rig, code);
	g_assert_true(rig_set(&rig, ARM_PSTATE, ARM_MODE_EL1H));
	raise_irq(&rig);
	g_assert_cmpuint(step(&rig, false, &trap), ==, KVM_EXIT_DEBUG);
	g_assert_cmphex(rig_get(&rig, ARM_PC) & ~0x7full, ==, VECTORS + FROM_EL1H + 0x80);
	g_assert_cmphex(rig_get(&rig, ARM_ELR_EL1), ==, CODE);
	g_assert_cmphex(rig_get(&rig, ARM_SPSR_EL1), ==, ARM_MODE_EL1H);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	if (!rig_init(&argc, &argv, &features))
		return g_test_run();
	g_test_add_func("/kvm-arm-step/brk", test_brk);
	g_test_add_func("/kvm-arm-step/quiet", test_quiet);
	g_test_add_func("/kvm-arm-step/open", test_open);
	for (unsigned i = 0; i < G_N_ELEMENTS(programs); i++) {
		g_autofree char *path =
			g_strdup_printf("/kvm-arm-step/program/%s", programs[i].name);
		g_test_add_data_func(path, &programs[i], test_program);
	}
	return g_test_run();
}

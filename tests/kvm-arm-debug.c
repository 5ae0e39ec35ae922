/*
 * tests/kvm-arm-debug.c - traps, hardware points and the probe of kvm/arch.h on a real KVM/arm64.
 * What the probe does not find here is skipped with that reason. Steps: kvm-arm-step.c.
 */
#include "tests/arm-rig.h"

#include "arm/cpu/debugreg.h"

static ArchFeatures features; /* written once by main() */

static ArchTrap run_to_trap(Rig *rig, const GdbBreak *points, unsigned n)
{
	g_assert_cmpuint(rig_run(rig), ==, KVM_EXIT_DEBUG);
	return arch_decode_trap(rig->vcpu, rig->run, points, n);
}

static void reinject(Rig *rig)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(arch_reinject(rig->vcpu, rig->run, &rig->memory, &error));
	g_assert_no_error(error);
	g_assert_false(arch_is_dirty(rig->vcpu));
}

/* What an exception leaves, and where the guest is. */
static void assert_same_state(Rig *got, Rig *want)
{
	static const ArmSlot slots[] = {ARM_PC,	     ARM_ELR_EL1,   ARM_SPSR_EL1, ARM_ESR_EL1,
					ARM_FAR_EL1, ARM_MDSCR_EL1, ARM_SP_EL0,	  ARM_SP_EL1};

	g_assert_cmphex(rig_pstate(got), ==, rig_pstate(want));
	for (unsigned i = 0; i < G_N_ELEMENTS(slots); i++) {
		g_test_message("slot %u", slots[i]);
		g_assert_cmphex(rig_get(got, slots[i]), ==, rig_get(want, slots[i]));
	}
}

/* ---- Trap instructions ---- */

static void test_sw_break(void)
{
	const uint32_t code[] = {NOP, BRK(0), NOP, 0};
	ArchTrap trap;
	Rig rig;

	if (!has(features.sw_break, "BRK"))
		return;
	rig_open(&rig, code);
	rig_debug(&rig, arch_sw_control(), NULL);
	trap = run_to_trap(&rig, NULL, 0);
	g_assert_true(trap.insn);
	g_assert_false(trap.step);
	g_assert_cmpint(trap.point, ==, -1);
	g_assert_cmphex(rig_get(&rig, ARM_PC), ==, CODE + 4);
	rig_close(&rig);
}

typedef struct OwnTrap {
	const char *name;
	uint64_t pstate;
	uint32_t trap;
	unsigned vector;
} OwnTrap;

static const OwnTrap own_traps[] = {
	{"brk", PSTATE_EL1H, BRK(0x17), FROM_EL1H},
	{"brk-0", PSTATE_EL1H, BRK(0), FROM_EL1H},
	{"brk-unmasked", ARM_MODE_EL1H, BRK(0x800), FROM_EL1H},
	{"brk-flags", ARM_MODE_EL1H | ARM_PSR_NZCV | ARM_PSR_PAN | ARM_PSR_DIT, BRK(1), FROM_EL1H},
	{"brk-ssbs", ARM_MODE_EL1H | ARM_PSR_SSBS | ARM_PSR_UAO | ARM_PSR_TCO, BRK(1), FROM_EL1H},
	{"brk-sp-el0", ARM_MODE_EL1T | ARM_PSR_I, BRK(2), FROM_EL1T},
	{"brk-el0", ARM_MODE_EL0, BRK(3), FROM_EL0},
	{"brk-el0-btype", ARM_MODE_EL0 | ARM_PSR_BTYPE | ARM_PSR_NZCV, BRK(4), FROM_EL0},
	{"bkpt-a32", ARM_PSR_AARCH32 | ARM_PSR_NZCV, 0xe1200077, FROM_EL0_A32},
	{"bkpt-t32", ARM_PSR_AARCH32 | ARM_PSR_T32, 0xbf00be05, FROM_EL0_A32},
};

static bool open_trap(Rig *rig, const OwnTrap *own)
{
	const uint32_t code[] = {own->trap, 0};

	rig_open(rig, code);
	if (rig_set(rig, ARM_PSTATE, own->pstate))
		return true;
	rig_close(rig);
	g_test_skip("this CPU has no such state");
	return false;
}

/* The guest's own trap, with every kind of debugging on, ends as it does without (T09). */
static void test_own_trap(const void *data)
{
	const GdbBreak elsewhere = {GDB_BREAK_HW, DATA, 4};
	const OwnTrap *own = data;
	Rig plain, rig;

	if (!has(features.sw_break, "BRK") || !has(features.hw_break, "hardware breakpoints"))
		return;
	if (!open_trap(&plain, own))
		return;
	g_assert_true(open_trap(&rig, own));
	g_assert_cmphex(rig_run_to_end(&plain), ==, VECTORS + own->vector);
	rig_arm(&rig, &features, arch_sw_control(), &elsewhere, 1);
	g_assert_true(run_to_trap(&rig, &elsewhere, 1).insn);
	g_assert_true(arch_is_trap(rig.vcpu, rig.ram + CODE, 4));
	g_assert_true(arch_takes_trap(rig.vcpu, rig.run));
	reinject(&rig);
	g_assert_cmphex(rig_get(&rig, ARM_PSTATE) & (ARM_PSR_NZCV | ARM_PSR_DIT), ==,
			own->pstate & (ARM_PSR_NZCV | ARM_PSR_DIT));
	rig_run_to_end(&rig);
	assert_same_state(&rig, &plain);
	rig_close(&plain);
	rig_close(&rig);
}

/* ---- The guest's own breakpoints and watchpoints, while only BRK is ours ---- */

#define DBGBVR0 ARM_SYS(2, 0, 0, 0, 4)
#define DBGBCR0 ARM_SYS(2, 0, 0, 0, 5)
#define DBGWVR0 ARM_SYS(2, 0, 0, 0, 6)
#define DBGWCR0 ARM_SYS(2, 0, 0, 0, 7)
#define MDSCR_KDE (1ull << 13)
#define MDSCR_MDE (1ull << 15)

typedef struct OwnPoint {
	const char *name;
	uint64_t pstate, mdscr;
	GdbBreak point;
	unsigned vector; /* 0: the guest has it masked and runs on */
	uint64_t esr, far;
} OwnPoint;

/* The code is nop, str x0, [x1]. */
static const OwnPoint own_points[] = {
	{"break-el0",
	 ARM_MODE_EL0,
	 MDSCR_MDE,
	 {GDB_BREAK_HW, CODE + 4, 4},
	 FROM_EL0,
	 0xc2000022,
	 0},
	{"break-el1",
	 ARM_MODE_EL1H,
	 MDSCR_MDE | MDSCR_KDE,
	 {GDB_BREAK_HW, CODE + 4, 4},
	 FROM_EL1H,
	 0xc6000022,
	 0},
	{"break-masked", PSTATE_EL1H, MDSCR_MDE | MDSCR_KDE, {GDB_BREAK_HW, CODE + 4, 4}, 0, 0, 0},
	{"break-no-kde", ARM_MODE_EL1H, MDSCR_MDE, {GDB_BREAK_HW, CODE + 4, 4}, 0, 0, 0},
	{"break-off", ARM_MODE_EL0, 0, {GDB_BREAK_HW, CODE + 4, 4}, 0, 0, 0},
	{"watch-el0",
	 ARM_MODE_EL0,
	 MDSCR_MDE,
	 {GDB_WATCH_WRITE, DATA, 8},
	 FROM_EL0,
	 0xd2000062,
	 DATA},
	{"watch-el1",
	 ARM_MODE_EL1H,
	 MDSCR_MDE | MDSCR_KDE,
	 {GDB_WATCH_WRITE, DATA, 8},
	 FROM_EL1H,
	 0xd6000062,
	 DATA},
	{"watch-masked", PSTATE_EL1H, MDSCR_MDE | MDSCR_KDE, {GDB_WATCH_WRITE, DATA, 8}, 0, 0, 0},
};

static void set_sys(Rig *rig, uint64_t id, uint64_t value)
{
	g_autoptr(GError) error = NULL;

	arm_set_one(rig->vcpu, id, &value, &error);
	g_assert_no_error(error);
}

static void open_point(Rig *rig, const OwnPoint *own)
{
	const uint32_t code[] = {NOP, STR_X0_X1, NOP, 0};
	ArmSlots slots;

	rig_open(rig, code);
	g_assert_true(rig_set(rig, ARM_PSTATE, own->pstate));
	g_assert_true(arm_slots_encode(&own->point, 1, 1, 1, &slots, NULL));
	set_sys(rig, DBGBVR0, slots.bvr[0]);
	set_sys(rig, DBGBCR0, slots.bcr[0]);
	set_sys(rig, DBGWVR0, slots.wvr[0]);
	set_sys(rig, DBGWCR0, slots.wcr[0]);
	g_assert_true(rig_set(rig, ARM_MDSCR_EL1, own->mdscr));
}

/*
 * As the engine does it: over one instruction with points of ours in force, of which there is none.
 */
static void pass(Rig *rig)
{
	rig_debug(rig, KVM_GUESTDBG_SINGLESTEP | arch_hw_control(),
		  &(struct kvm_guest_debug_arch){0});
	g_assert_true(run_to_trap(rig, NULL, 0).step);
	g_assert_cmphex(rig_get(rig, ARM_PC), ==, CODE + 8);
	rig_debug(rig, arch_sw_control(), NULL);
}

static void test_own_point(const void *data)
{
	const OwnPoint *own = data;
	Rig plain, rig;

	if (!has(features.sw_break, "BRK") || !has(features.hw_break, "hardware breakpoints"))
		return;
	open_point(&plain, own);
	g_assert_cmphex(rig_run_to_end(&plain), ==,
			own->vector ? VECTORS + own->vector : CODE + 12);
	g_assert_cmphex(rig_get(&plain, ARM_ESR_EL1), ==, own->esr);
	g_assert_cmphex(rig_get(&plain, ARM_FAR_EL1), ==, own->far);
	open_point(&rig, own);
	rig_debug(&rig, arch_sw_control(), NULL);
	if (rig_run(&rig) == KVM_EXIT_DEBUG) {
		ArchTrap trap = arch_decode_trap(rig.vcpu, rig.run, NULL, 0);

		g_assert_false(trap.insn || trap.step || trap.point >= 0);
		g_assert_cmpint(arch_takes_trap(rig.vcpu, rig.run), ==, own->vector != 0);
		if (own->vector)
			reinject(&rig);
		else
			pass(&rig);
		rig_run_to_end(&rig);
	}
	assert_same_state(&rig, &plain);
	rig_close(&plain);
	rig_close(&rig);
}

/* ---- Hardware points of ours ---- */

static void test_hw_break(void)
{
	const uint32_t code[] = {NOP, NOP, NOP, NOP, NOP, NOP, NOP, 0};
	GdbBreak points[ARM_N_SLOTS];
	unsigned n = MIN(features.n_breaks, 6);
	Rig rig;

	if (!has(features.hw_break, "hardware breakpoints"))
		return;
	for (unsigned i = 0; i < n; i++)
		points[i] = (GdbBreak){GDB_BREAK_HW, CODE + 4 * i, 4};
	rig_open(&rig, code);
	for (unsigned i = 0; i < n; i++) {
		ArchTrap trap;

		rig_arm(&rig, &features, 0, points, n);
		trap = run_to_trap(&rig, points, n);
		g_assert_cmpint(trap.point, ==, i);
		g_assert_false(trap.insn);
		g_assert_cmphex(rig_get(&rig, ARM_PC), ==, points[i].addr);
		g_assert_false(arch_pass_break(&features, rig.vcpu));
		g_assert_true(rig_set(&rig, ARM_PC, points[i].addr + 4));
	}
	g_assert_cmphex(rig_run_to_end(&rig), ==, CODE + 28);
	rig_close(&rig);
}

typedef struct WatchRow {
	const char *name;
	GdbBreak point;
	uint32_t insn; /* x1 is DATA */
	bool hits;
	uint64_t addr;
} WatchRow;

static const WatchRow watch_rows[] = {
	{"write", {GDB_WATCH_WRITE, DATA, 8}, STR_X0_X1, true, DATA},
	{"write-part", {GDB_WATCH_WRITE, DATA + 4, 2}, STR_X0_X1, true, DATA + 4},
	{"write-read", {GDB_WATCH_WRITE, DATA, 8}, LDR_X0_X1, false, 0},
	{"read", {GDB_WATCH_READ, DATA, 8}, LDR_X0_X1, true, DATA},
	{"read-write", {GDB_WATCH_READ, DATA, 8}, STR_X0_X1, false, 0},
	{"access-read", {GDB_WATCH_ACCESS, DATA, 8}, LDR_X0_X1, true, DATA},
	{"access-write", {GDB_WATCH_ACCESS, DATA, 8}, STR_X0_X1, true, DATA},
	/* strb w0, [x1, #2] and #3, with 3 bytes watched */
	{"bytes", {GDB_WATCH_WRITE, DATA, 3}, 0x39000820, true, DATA + 2},
	{"bytes-beyond", {GDB_WATCH_WRITE, DATA, 3}, 0x39000c20, false, 0},
	/* strb w0, [x1, #9]: two registers hold these 8 bytes */
	{"split", {GDB_WATCH_WRITE, DATA + 4, 8}, 0x39002420, true, DATA + 9},
	/* stp x0, x0, [x1] with its second half watched */
	{"pair", {GDB_WATCH_WRITE, DATA + 8, 8}, 0xa9000020, true, DATA + 8},
	/* strb w0, [x1, #100]: an aligned power of two takes a mask */
	{"mask", {GDB_WATCH_WRITE, DATA, 128}, 0x39019020, true, DATA + 100},
	{"mask-beyond", {GDB_WATCH_WRITE, DATA, 64}, 0x39019020, false, 0},
};

static void test_watch(const void *data)
{
	const WatchRow *row = data;
	const uint32_t code[] = {NOP, row->insn, NOP, 0};
	Rig rig;

	if (!has(features.watch, "watchpoints"))
		return;
	rig_open(&rig, code);
	rig_arm(&rig, &features, 0, &row->point, 1);
	if (row->hits) {
		ArchTrap trap = run_to_trap(&rig, &row->point, 1);

		g_assert_cmpint(trap.point, ==, 0);
		g_assert_cmphex(trap.addr, ==, row->addr);
		g_assert_cmphex(rig_get(&rig, ARM_PC), ==, CODE + 4);
		rig_debug(&rig, 0, NULL);
	}
	g_assert_cmphex(rig_run_to_end(&rig), ==, CODE + 12);
	rig_close(&rig);
}

/* ---- Registers, the probe, roots, refusals ---- */

/* SP is that of the state that the CPU is in. */
static void test_stack_pointer(void)
{
	static const struct {
		uint64_t pstate;
		ArmSlot slot;
	} rows[] = {
		{PSTATE_EL1H, ARM_SP_EL1},
		{ARM_MODE_EL1T, ARM_SP_EL0},
		{ARM_MODE_EL0, ARM_SP_EL0},
		{ARM_PSR_AARCH32, ARM_X0 + 13},
	};
	const uint32_t code[] = {NOP, 0};
	Rig rig;

	rig_open(&rig, code);
	g_autoptr(GdbRegSet) set = arch_reg_set(rig.vcpu, NULL, NULL);
	const GdbReg *sp = gdb_reg_set_by_name(set, "sp");
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		uint64_t want = 0x1000 * i + 8, got;

		if (!rig_set(&rig, ARM_PSTATE, rows[i].pstate))
			continue;
		g_assert_true(arch_write_reg(rig.vcpu, sp, (uint8_t *)&want, NULL));
		g_assert_true(arch_flush(rig.vcpu, NULL));
		arch_forget(rig.vcpu);
		g_assert_cmphex(rig_get(&rig, rows[i].slot), ==, want);
		g_assert_true(arch_read_reg(rig.vcpu, sp, (uint8_t *)&got, NULL));
		g_assert_cmphex(got, ==, want);
	}
	rig_close(&rig);
}

static unsigned count_fds(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	unsigned n = 0;

	while (g_dir_read_name(dir))
		n++;
	return n;
}

static void test_probe(void)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	unsigned before = count_fds();

	for (unsigned i = 0; i < 3; i++) {
		g_autoptr(GError) error = NULL;
		ArchFeatures again;

		g_assert_true(kvm_probe(kvm_fd, &again, &error));
		g_assert_no_error(error);
		g_assert_cmpmem(&again, sizeof(again), &features, sizeof(features));
	}
	g_assert_cmpuint(features.n_breaks, >=, 2); /* the least that the architecture allows */
	g_assert_cmpuint(features.n_watches, >=, 2);
	g_assert_cmpuint(count_fds(), ==, before);
	close(kvm_fd);
}

static bool phys_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	return mem_read(opaque, gpa, buf, len) == len;
}

/* The MMU is off. */
static void test_root(void)
{
	const uint32_t code[] = {NOP, 0};
	ArchMapping mapping;
	ArchRoot root;
	Rig rig;

	rig_open(&rig, code);
	g_assert_true(arch_get_root(rig.vcpu, &root, NULL));
	g_assert_false(root.kernel);
	g_assert_true(arch_walk(&root, phys_read, &rig, CODE + 8, &mapping));
	g_assert_cmphex(mapping.gpa, ==, CODE + 8);
	g_assert_true(arch_is_kernel_address(&root, 0xffff800010000000));
	g_assert_false(arch_is_kernel_address(&root, CODE));
	rig_close(&rig);
}

/* What this KVM does not report is said, and never armed. */
static void test_refused(void)
{
	const GdbBreak hw = {GDB_BREAK_HW, CODE, 4}, watch = {GDB_WATCH_WRITE, DATA, 4};
	const ArchFeatures none = {0};
	struct kvm_guest_debug_arch arch;
	g_autoptr(GError) error = NULL;

	g_assert_false(arch_encode_hw(&none, &hw, 1, &arch, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_false(arch_encode_hw(&none, &watch, 1, &arch, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_true(arch_check_sw_break(CODE, 4, &error));
	g_assert_false(arch_check_sw_break(CODE + 2, 4, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
}

#define ADD_TABLE(what, rows, test)                                                                \
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {                                        \
		g_autofree char *path =                                                            \
			g_strdup_printf("/kvm-arm-debug/" what "/%s", (rows)[i].name);             \
		g_test_add_data_func(path, &(rows)[i], test);                                      \
	}

int main(int argc, char **argv)
{
	if (!rig_init(&argc, &argv, &features))
		return g_test_run();
	g_test_add_func("/kvm-arm-debug/probe", test_probe);
	g_test_add_func("/kvm-arm-debug/root", test_root);
	g_test_add_func("/kvm-arm-debug/refused", test_refused);
	g_test_add_func("/kvm-arm-debug/stack-pointer", test_stack_pointer);
	g_test_add_func("/kvm-arm-debug/sw-break", test_sw_break);
	g_test_add_func("/kvm-arm-debug/hw-break", test_hw_break);
	ADD_TABLE("own-trap", own_traps, test_own_trap)
	ADD_TABLE("own-point", own_points, test_own_point)
	ADD_TABLE("watch", watch_rows, test_watch)
	return g_test_run();
}

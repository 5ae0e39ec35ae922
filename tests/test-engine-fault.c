/*
 * tests/test-engine-fault.c - leaving a breakpoint on an instruction that may enter a handler of
 * the guest's: owns the tests of where that step ends, and of what it has in memory for it.
 */
#include "tests/engine-rig.h"

/* CPU 1 stands at a breakpoint on an instruction that faults; its handler never returns. */
static Rig *new_at_fault(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "fa0003"); /* fault, to 0x300 */
	put_code(rig, 0x300, "90ebfd");
	put_code(rig, 0x400, "ebfe");
	rsp_expect(rig->client, "Z0,200,1", "OK");
	write_pc(rig, 1, 0x200);
	write_pc(rig, 2, 0x400);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x200);
	return rig;
}

/*
 * The step over the breakpoint ends where its instruction leaves for a handler: nobody knows when
 * that returns, and until then all others would stand.
 */
static void test_continue_from_fault(void)
{
	Rig *rig = new_at_fault();

	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 1);
	expect_runs(rig, 0);
	g_assert_cmphex(toy_control(rig->vm, 0) & KVM_GUESTDBG_SINGLESTEP, ==, 0);
	interrupt(rig);
	g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0xcc);
	rig_free(rig);
}

/* stepi stops there. */
static void test_step_to_fault(void)
{
	Rig *rig = new_at_fault();

	resume_to(rig, "vCont;s:1;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x300);
	rig_free(rig);
}

/* With all slots in use, too: one instruction cannot hit breakpoints elsewhere. */
static void test_fault_no_slot(void)
{
	Rig *rig = new_at_fault();

	rsp_expect(rig->client, "Z1,501,1", "OK");
	rsp_expect(rig->client, "Z1,502,1", "OK");
	rsp_expect(rig->client, "Z1,301,1", "OK");
	resume_to(rig, "vCont;s:1;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x300);
	/* and then they are there */
	resume_to_reason(rig, "vCont;c", "hwbreak");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x301);
	rig_free(rig);
}

static void use_all_slots(Rig *rig)
{
	for (unsigned i = 0; i < TOY_SLOTS; i++) {
		g_autofree char *packet = g_strdup_printf("Z2,60%u,1", i);

		rsp_expect(rig->client, packet, "OK");
	}
}

/* Watchpoints keep their slots. The step over the breakpoint holds all others and is to end. */
static void test_fault_only_watches(void)
{
	Rig *rig = new_at_fault();

	use_all_slots(rig);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 1);
	expect_runs(rig, 0);
	interrupt(rig);
	g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0xcc);
	g_assert_cmphex(toy_ram(rig->vm)[0x300], ==, 0x90);
	rig_free(rig);
}

/*
 * The same in an instruction that is half done when the VMM ends the engine: a trap instruction
 * that the step has for itself goes with all others, and the step ends without it.
 */
static void test_fault_at_end(void)
{
	static const uint8_t handler[] = {0x90};
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "e50003ebfe");
	put_code(rig, 0x300, "90ebfd");
	rsp_expect(rig->client, "Z0,200,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	use_all_slots(rig);
	SET(rig->device_hold, 1);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->io_exits))
		g_main_context_iteration(NULL, FALSE);
	g_assert_false(has_code(rig, 0x300, handler, sizeof(handler)));
	kvm_gdb_end(rig->gdb, 0);
	g_assert_true(has_code(rig, 0x300, handler, sizeof(handler)));
	SET(rig->device_hold, 0);
	expect_runs_for(rig, 0, 100);
	rig_free(rig);
}

/* And when the VMM makes its CPUs anew, as it may do in just that instruction. */
static void test_fault_at_renewal(void)
{
	static const uint8_t nothing[] = {0};
	Rig *rig = rig_new(2, true);

	start(rig, 1);
	start_to_exit(rig, 0);
	put_code(rig, 0x200, "e50003ebfe");
	connect_client(rig);
	rsp_expect(rig->client, "Z0,200,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	use_all_slots(rig);
	rsp_client_send(rig->client, "vCont;c");
	await_exit(rig, 0);
	interrupt(rig);
	g_assert_false(has_code(rig, 0x300, nothing, sizeof(nothing)));
	g_free(monitor(rig, "system_reset"));
	g_assert_true(has_code(rig, 0x300, nothing, sizeof(nothing)));
	rig_free(rig);
}

/* A breakpoint of the client's at the handler is told as that. */
static void test_fault_to_break(void)
{
	Rig *rig = new_at_fault();

	rsp_expect(rig->client, "Z1,300,1", "OK");
	resume_to_reason(rig, "vCont;c", "hwbreak");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x300);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"continue-from-fault", test_continue_from_fault},
		{"step-to-fault", test_step_to_fault},
		{"fault-no-slot", test_fault_no_slot},
		{"fault-only-watches", test_fault_only_watches},
		{"fault-at-end", test_fault_at_end},
		{"fault-at-renewal", test_fault_at_renewal},
		{"fault-to-break", test_fault_to_break},
		{0},
	};

	return test_main(argc, argv, "engine-fault", cases);
}

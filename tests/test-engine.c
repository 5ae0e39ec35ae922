/*
 * tests/test-engine.c - the engine of kvm/ with its real server, a toy KVM (tests/toy-kvm.h) and a
 * VMM of one thread per vCPU. Checks the rules of kvm/kvm-gdb.h and of run control in
 * gdbstub/target.h, as a client on the wire sees them. Txx: test cases of the project's list of
 * other stubs' bugs.
 */
#include "tests/engine-rig.h"

/* ---- Stop and resume ---- */

static void test_wait_at_start(void)
{
	Rig *rig = rig_new_stopped(2);

	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, 0);
	g_assert_cmpuint(toy_instructions(rig->vm, 1), ==, 0);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x100);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	interrupt(rig);
	rig_free(rig);
}

static void test_attach_stops_all(void)
{
	Rig *rig = rig_new(4, false);

	start_all(rig);
	for (unsigned i = 0; i < 4; i++)
		expect_runs(rig, i);
	connect_client(rig);
	for (unsigned i = 0; i < 4; i++)
		expect_stands(rig, i);
	hang_up(rig);
	for (unsigned i = 0; i < 4; i++)
		expect_runs(rig, i);
	rig_free(rig);
}

static void test_step(void)
{
	Rig *rig = rig_new_stopped(2);

	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x102);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x100);
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, 3);
	g_assert_cmpuint(toy_instructions(rig->vm, 1), ==, 0);
	rig_free(rig);
}

/* A step with the others running ends too, and is reported on the CPU that stepped. */
static void test_step_others_run(void)
{
	Rig *rig = rig_new_stopped(3);

	for (unsigned i = 0; i < 50; i++) {
		uint64_t before = toy_instructions(rig->vm, 0);

		rsp_client_send(rig->client, "vCont;s:1;c");
		expect_stop(rig, "T05");
		g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, before + 1);
	}
	rig_free(rig);
}

/* pc is written between two steps: the step starts at the new one. */
static void test_step_after_write(void)
{
	Rig *rig = rig_new_stopped(1);

	resume_to(rig, "vCont;s:1", "T05");
	write_pc(rig, 1, 0x100);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	rig_free(rig);
}

static void test_range_step(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "90909090ebfe");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;r200,204:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x204);
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, 4);
	/* A range that is never left ends with Ctrl-C. */
	rsp_client_send(rig->client, "vCont;r204,206:1");
	expect_runs(rig, 0);
	interrupt(rig);
	rig_free(rig);
}

static void test_step_halted(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "f49090ebfe");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x201);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x202);
	rig_free(rig);
}

/* T15: Ctrl-C while every CPU is halted. */
static void test_interrupt_halted(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "f4ebfd");
	write_pc(rig, 1, 0x200);
	write_pc(rig, 2, 0x200);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	rig_free(rig);
}

/* ---- Software breakpoints ---- */

static void test_break(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	g_assert_cmpuint(rig->dirty, ==, 2);
	rig_free(rig);
}

/* T24: going on from a breakpoint that is still there gets past it, and hits it again. */
static void test_continue_from_break(void)
{
	Rig *rig = rig_new_stopped(2);
	uint64_t before;

	rsp_expect(rig->client, "Z0,101,1", "OK");
	put_code(rig, 0x300, "ebfe");
	write_pc(rig, 2, 0x300);
	resume_to(rig, "vCont;c", "T05");
	for (unsigned i = 0; i < 20; i++) {
		before = toy_instructions(rig->vm, 0);
		resume_to(rig, "vCont;c", "T05");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
		g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, before + 3);
		g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	}
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x102);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rig_free(rig);
}

/* If the client itself moves pc onto a breakpoint, it is to be hit. */
static void test_moved_onto_break(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	write_pc(rig, 1, 0x101);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, 0);
	rig_free(rig);
}

/* T01: two CPUs hit one breakpoint: one reply now, the second at the next resume. */
static void test_two_hits(void)
{
	Rig *rig = rig_new_stopped(2);
	g_autofree char *first = NULL, *second = NULL;

	rsp_expect(rig->client, "Z0,101,1", "OK");
	/* Both traps are sure to be there when each CPU is stepped onto the patch by itself. */
	resume_to(rig, "vCont;s:1", "T05");
	resume_to(rig, "vCont;s:2", "T05");
	rsp_client_send(rig->client, "vCont;c");
	first = rsp_expect_next_prefix(rig->client, "T05");
	rsp_expect_silence(rig->client, 20);
	rsp_client_send(rig->client, "vCont;c");
	second = rsp_expect_next_prefix(rig->client, "T05");
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0) + toy_guest_traps(rig->vm, 1), ==, 0);
	rig_free(rig);
}

/*
 * Makes CPU 2 (thread 2) hold an untold breakpoint hit: both are at the breakpoint, thread 1's is
 * told. Which one traps first is up to the host, so it tries until thread 2's waits.
 */
static bool queue_second_hit(Rig *rig)
{
	rsp_expect(rig->client, "Z0,101,1", "OK");
	for (unsigned i = 0; i < 200; i++) {
		g_autofree char *reply = NULL;

		write_pc(rig, 1, 0x100);
		write_pc(rig, 2, 0x100);
		rsp_client_send(rig->client, "vCont;c");
		reply = rsp_expect_next_prefix(rig->client, "T05");
		if (strstr(reply, "thread:01") && pc_of(rig, 2) == 0x101)
			return true;
	}
	return false;
}

/* T02: its breakpoint is removed before its turn: no reply, nothing injected. */
static void test_queued_hit_removed(void)
{
	Rig *rig = rig_new_stopped(2);

	if (!queue_second_hit(rig)) {
		g_test_skip("the two CPUs never trapped together on this host");
	} else {
		rsp_expect(rig->client, "z0,101,1", "OK");
		rsp_client_send(rig->client, "vCont;c");
		rsp_expect_silence(rig->client, 50);
		expect_runs(rig, 1);
		g_assert_cmpuint(toy_guest_traps(rig->vm, 1), ==, 0);
	}
	rig_free(rig);
}

/* T03: the client moves its pc away: it just runs from there. */
static void test_queued_hit_moved(void)
{
	Rig *rig = rig_new_stopped(2);

	if (!queue_second_hit(rig)) {
		g_test_skip("the two CPUs never trapped together on this host");
	} else {
		put_code(rig, 0x300, "ebfe");
		write_pc(rig, 1, 0x300);
		write_pc(rig, 2, 0x300);
		rsp_client_send(rig->client, "vCont;c");
		rsp_expect_silence(rig->client, 50);
		expect_runs(rig, 1);
	}
	rig_free(rig);
}

/* T09: the guest's own trap is the guest's, with a breakpoint elsewhere and with a step. */
static void test_guest_trap(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "90cc90ebfe");
	rsp_expect(rig->client, "Z0,300,1", "OK");
	rsp_expect(rig->client, "Z0,203,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x203);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 1);
	rig_free(rig);
}

/* A breakpoint on the guest's own trap is ours first, then the guest gets its trap. */
static void test_break_on_guest_trap(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "90cc90ebfe");
	rsp_expect(rig->client, "Z0,201,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x201);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 1);
	rig_free(rig);
}

/* An address that is not mapped yet takes a hardware point, and memory once it is mapped. */
static void test_early_break(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,20200,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x200], !=, 0xcc);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	put_code(rig, 0x200, "9090ebfc");
	toy_map_late(rig->vm);
	write_pc(rig, 1, 0x20200);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x20200);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0xcc);
	rsp_expect(rig->client, "z0,20200,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0x90);
	rig_free(rig);
}

/* Where this KVM does not report traps, Z0 uses hardware points until none is left. */
static void test_no_sw_break(void)
{
	Rig *rig;

	toy_set_sw_break(false);
	rig = rig_new_stopped(1);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z0,110,1", "OK");
	rsp_expect(rig->client, "Z0,111,1", "OK");
	rsp_expect_error(rig->client, "Z0,112,1");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	rig_free(rig);
	toy_set_sw_break(true);
}

/* ---- Hardware points ---- */

static void test_hw_break(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z1,101,1", "OK");
	rsp_expect(rig->client, "Z1,101,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		resume_to_reason(rig, "vCont;c", "hwbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	}
	rsp_expect(rig->client, "z1,101,1", "OK");
	rsp_expect(rig->client, "z1,101,1", "OK");
	rig_free(rig);
}

/* T23: the fourth does not fit, the others keep working. */
static void test_hw_full(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z1,101,1", "OK");
	rsp_expect(rig->client, "Z2,400,4", "OK");
	rsp_expect(rig->client, "Z4,500,4", "OK");
	rsp_expect_error(rig->client, "Z1,102,1");
	resume_to_reason(rig, "vCont;c", "hwbreak:;");
	rig_free(rig);
}

static void test_watch(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "010304ebfb");
	write_pc(rig, 2, 0x200);
	rsp_expect(rig->client, "Z2,402,2", "OK");
	resume_to_reason(rig, "vCont;c", "watch:403;");
	g_assert_cmphex(pc_of(rig, 2), ==, 0x203);
	g_assert_cmpuint(toy_ram(rig->vm)[0x403], ==, 1);
	rig_free(rig);
}

/* A step that completes on a watched store tells the watch. */
static void test_watch_while_stepping(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "010304ebfb");
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z2,403,1", "OK");
	resume_to_reason(rig, "vCont;s:1", "watch:403;");
	rig_free(rig);
}

/* Debug control is set by the CPUs that run, once a run, however many breakpoints come and go. */
static void test_lazy_control(void)
{
	Rig *rig = rig_new_stopped(4);
	unsigned before[4];

	for (unsigned i = 0; i < 4; i++)
		before[i] = toy_control_calls(rig->vm, i);
	for (unsigned i = 0; i < 100; i++) {
		rsp_expect(rig->client, "Z0,101,1", "OK");
		rsp_expect(rig->client, "z0,101,1", "OK");
		rsp_expect(rig->client, "Z1,101,1", "OK");
		rsp_expect(rig->client, "z1,101,1", "OK");
	}
	for (unsigned i = 0; i < 20; i++)
		resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmpuint(toy_control_calls(rig->vm, 0), ==, before[0] + 20);
	for (unsigned i = 1; i < 4; i++)
		g_assert_cmpuint(toy_control_calls(rig->vm, i), ==, before[i]);
	rig_free(rig);
}

/* ---- I/O ---- */

/* T16: a stop in the middle of an I/O instruction shows and keeps its result. */
static void test_io_completed(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "e61090ebfd");
	write_pc(rig, 1, 0x200);
	SET(rig->device_hold, 1);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->io_exits))
		g_main_context_iteration(NULL, FALSE);
	rsp_client_write(rig->client, "\x03", 1);
	test_run_for(NULL, 5);
	SET(rig->device_hold, 0);
	expect_stop(rig, "T02");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x202);
	g_assert_cmphex(read_reg(rig, 1, 1), ==, 0x42);
	write_pc(rig, 1, 0x100);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	rig_free(rig);
}

/* T15: one CPU is long in a device: the stop comes all the same, its registers are busy. */
static void test_long_device(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "e61090ebfd");
	write_pc(rig, 2, 0x200);
	SET(rig->device_hold, 1);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->io_exits))
		g_main_context_iteration(NULL, FALSE);
	interrupt(rig);
	g_assert_cmpuint(pc_of(rig, 1), >=, 0x100);
	rsp_expect(rig->client, "Hg2", "OK");
	rsp_expect_error(rig->client, "p4");
	SET(rig->device_hold, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 1);
	interrupt(rig);
	rig_free(rig);
}

/* A step over an I/O instruction passes through the VMM and ends behind it. */
static void test_step_io(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "e61090ebfd");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmpuint(rig->io_exits, ==, 1);
	g_assert_cmphex(read_reg(rig, 1, 1), ==, 0x42);
	rig_free(rig);
}

/* ---- Memory ---- */

/* T28: kernel addresses from a CPU in user mode, through a CPU that is in the kernel. */
static void test_kernel_from_user(void)
{
	Rig *rig = rig_new(2, true);

	toy_set_kernel(rig->vm, 0, false);
	start_all(rig);
	connect_client(rig);
	put_code(rig, 0x400, "deadbeef");
	rsp_expect(rig->client, "Hg1", "OK");
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	rsp_expect_error(rig->client, "m20400,4");
	rig_free(rig);
}

/* T06, T07 on the wire: reads hide the patch, an alias shares it, writes go under it. */
static void test_hidden_patch(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z0,10101,1", "OK");
	rsp_expect(rig->client, "m100,4", "9090ebfc");
	rsp_expect(rig->client, "m10100,4", "9090ebfc");
	rsp_expect(rig->client, "M100,4:a1a2a3a4", "OK");
	rsp_expect(rig->client, "m100,4", "a1a2a3a4");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	rsp_expect(rig->client, "z0,10101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xa2);
	rig_free(rig);
}

/* T29: a read that runs into a hole gives what is before it. */
static void test_partial_read(void)
{
	Rig *rig = rig_new_stopped(1);
	g_autofree char *reply = rsp_client_ask(rig->client, "m1fffe,8");

	g_assert_cmpuint(strlen(reply), ==, 4);
	rsp_expect_error(rig->client, "m20000,8");
	rsp_expect_error(rig->client, "M1fffe,4:11223344");
	g_assert_cmphex(toy_ram(rig->vm)[0xfffe], ==, 0);
	rig_free(rig);
}

/* ---- Disconnects ---- */

static bool is_clean(void *data)
{
	static const uint8_t loop[] = {0x90, 0x90, 0xeb, 0xfc};
	Rig *rig = data;

	return is_free(rig) && !memcmp(toy_ram(rig->vm) + 0x100, loop, sizeof(loop));
}

/* T17: every patch out and every control off, then all run. */
static void check_released(Rig *rig)
{
	g_clear_pointer(&rig->client, rsp_client_free);
	g_assert_true(test_wait(NULL, is_clean, rig, TEST_PATIENCE));
	for (unsigned i = 0; i < rig->n; i++) {
		expect_runs(rig, i);
		g_assert_cmpuint(toy_guest_traps(rig->vm, i), ==, 0);
	}
}

static void test_hangup_stopped(void)
{
	Rig *rig = rig_new_stopped(3);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z1,102,1", "OK");
	resume_to(rig, "vCont;c", "T05");
	check_released(rig);
	rig_free(rig);
}

static void test_hangup_running(void)
{
	Rig *rig = rig_new_stopped(3);

	rsp_expect(rig->client, "Z0,200,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	check_released(rig);
	rig_free(rig);
}

/* While breakpoints are hit all the time, by all CPUs. */
static void test_hangup_storm(void)
{
	Rig *rig = rig_new(3, false);

	start_all(rig);
	for (unsigned i = 0; i < 50; i++) {
		connect_client(rig);
		rsp_expect(rig->client, "Z0,101,1", "OK");
		rsp_client_send(rig->client, i % 2 ? "vCont;c" : "vCont;s:2;c");
		if (i % 3)
			test_run_for(NULL, i % 5);
		check_released(rig);
	}
	rig_free(rig);
}

static void test_detach(void)
{
	Rig *rig = rig_new_stopped(2);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "D", "OK");
	check_released(rig);
	connect_client(rig);
	rsp_expect(rig->client, "m101,1", "90");
	rig_free(rig);
}

static void test_attach_cycles(void)
{
	Rig *rig = rig_new(4, false);
	unsigned fds = test_count_fds();
	unsigned cycles = g_test_thorough() ? 2000 : 200;

	start_all(rig);
	for (unsigned i = 0; i < cycles; i++) {
		connect_client(rig);
		hang_up(rig);
	}
	g_assert_cmpuint(test_count_fds(), ==, fds);
	rig_free(rig);
}

static void test_interrupt_cycles(void)
{
	Rig *rig = rig_new_stopped(4);
	unsigned cycles = g_test_thorough() ? 5000 : 500;

	for (unsigned i = 0; i < cycles; i++) {
		rsp_client_send(rig->client, "vCont;c");
		interrupt(rig);
	}
	rig_free(rig);
}

/* T15: Ctrl-C racing a breakpoint gives one stop. */
static void test_interrupt_race(void)
{
	Rig *rig = rig_new_stopped(2);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	for (unsigned i = 0; i < 100; i++) {
		rsp_client_send(rig->client, "vCont;c");
		rsp_client_write(rig->client, "\x03", 1);
		expect_stop(rig, "T0");
		rsp_expect(rig->client, "qAttached", "1");
	}
	rig_free(rig);
}

/* ---- The VMM's side ---- */

static void on_signal(int signo G_GNUC_UNUSED)
{
}

/*
 * A signal to a parked vCPU's thread ends the wait, as it ends KVM_RUN. One that comes before the
 * thread waits is handled and gone, as for KVM_RUN, so it is sent until it is seen.
 */
static void test_signal_while_parked(void)
{
	Rig *rig = rig_new_stopped(1);
	Cpu *cpu = &rig->cpus[0];
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
	unsigned before;

	sigaction(SIGUSR1, &action, &old);
	resume_to(rig, "vCont;s:1", "T05");
	before = GET(cpu->eintrs);
	for (unsigned i = 0; i < 1000 && GET(cpu->eintrs) == before; i++) {
		pthread_kill(GET(cpu->id), SIGUSR1);
		g_usleep(1000);
	}
	g_assert_cmpuint(GET(cpu->eintrs), >, before);
	resume_to(rig, "vCont;s:1", "T05");
	rig_free(rig);
	sigaction(SIGUSR1, &old, NULL);
}

/* T27: the machine shuts down: told first, then the VMM gets its exit. */
static void test_shutdown(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "90ff");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T0b");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x201);
	g_assert_cmpuint(GET(rig->shutdowns), ==, 0);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->shutdowns))
		g_main_context_iteration(NULL, FALSE);
	rig_free(rig);
}

static void test_shutdown_unattended(void)
{
	Rig *rig = rig_new(1, false);

	put_code(rig, 0x100, "ff");
	start_all(rig);
	while (!GET(rig->shutdowns))
		g_main_context_iteration(NULL, FALSE);
	rig_free(rig);
}

static void test_panic(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "e65090ebfd");
	write_pc(rig, 2, 0x200);
	resume_to(rig, "vCont;c", "T06");
	g_assert_cmphex(pc_of(rig, 2), ==, 0x202);
	rig_free(rig);
}

/* The end of the VMM while the world is stopped: threads come back at once, the client is told. */
static void test_end_while_stopped(void)
{
	Rig *rig = rig_new_stopped(4);

	/* A CPU that has stepped is surely parked. */
	for (unsigned i = 1; i <= 4; i++) {
		g_autofree char *packet = g_strdup_printf("vCont;s:%u", i);

		resume_to(rig, packet, "T05");
	}
	rsp_expect(rig->client, "Z0,101,1", "OK");
	SET(rig->stop, 1);
	kvm_gdb_end(rig->gdb, 3);
	for (unsigned i = 0; i < 4; i++)
		g_thread_join(g_steal_pointer(&rig->cpus[i].thread));
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	rig_free(rig);
}

static void test_kill(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_client_send(rig->client, "k");
	while (!GET(rig->poweroffs))
		g_main_context_iteration(NULL, FALSE);
	rig_free(rig);
}

/* T26: a vCPU whose thread starts late obeys from its first instruction. */
static void test_late_vcpu(void)
{
	Rig *rig = rig_new(2, true);

	start(rig, 0);
	connect_client(rig);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	put_code(rig, 0x300, "ebfe");
	write_pc(rig, 1, 0x300);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	start(rig, 1);
	expect_stop(rig, "T05");
	g_assert_cmphex(pc_of(rig, 2), ==, 0x101);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 1), ==, 0);
	rig_free(rig);
}

/* A reset loads memory anew: breakpoints are written again, over the new code. */
static void test_reset(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	put_code(rig, 0x100, "91929394");
	kvm_gdb_notify(rig->gdb, NULL, KVM_GDB_RESET);
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	rsp_expect(rig->client, "m100,4", "91929394");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x92);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*test)(void);
	} tests[] = {
		{"wait-at-start", test_wait_at_start},
		{"attach-stops-all", test_attach_stops_all},
		{"step", test_step},
		{"step-others-run", test_step_others_run},
		{"step-after-write", test_step_after_write},
		{"range-step", test_range_step},
		{"step-halted", test_step_halted},
		{"interrupt-halted", test_interrupt_halted},
		{"break", test_break},
		{"continue-from-break", test_continue_from_break},
		{"moved-onto-break", test_moved_onto_break},
		{"two-hits", test_two_hits},
		{"queued-hit-removed", test_queued_hit_removed},
		{"queued-hit-moved", test_queued_hit_moved},
		{"guest-trap", test_guest_trap},
		{"break-on-guest-trap", test_break_on_guest_trap},
		{"early-break", test_early_break},
		{"no-sw-break", test_no_sw_break},
		{"hw-break", test_hw_break},
		{"hw-full", test_hw_full},
		{"watch", test_watch},
		{"watch-while-stepping", test_watch_while_stepping},
		{"lazy-control", test_lazy_control},
		{"io-completed", test_io_completed},
		{"long-device", test_long_device},
		{"step-io", test_step_io},
		{"kernel-from-user", test_kernel_from_user},
		{"hidden-patch", test_hidden_patch},
		{"partial-read", test_partial_read},
		{"hangup-stopped", test_hangup_stopped},
		{"hangup-running", test_hangup_running},
		{"hangup-storm", test_hangup_storm},
		{"detach", test_detach},
		{"attach-cycles", test_attach_cycles},
		{"interrupt-cycles", test_interrupt_cycles},
		{"interrupt-race", test_interrupt_race},
		{"signal-while-parked", test_signal_while_parked},
		{"shutdown", test_shutdown},
		{"shutdown-unattended", test_shutdown_unattended},
		{"panic", test_panic},
		{"end-while-stopped", test_end_while_stopped},
		{"kill", test_kill},
		{"late-vcpu", test_late_vcpu},
		{"reset", test_reset},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
		g_autofree char *path = g_strconcat("/engine/", tests[i].path, NULL);

		g_test_add_func(path, tests[i].test);
	}
	return g_test_run();
}

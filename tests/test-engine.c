/*
 * tests/test-engine.c - the engine of kvm/ with its real server, a toy KVM (tests/toy-kvm.h) and a
 * VMM of one thread per vCPU. Checks the rules of kvm/kvm-gdb.h and of run control in
 * gdbstub/target.h, as a client on the wire sees them. Txx: test cases of the project's list of
 * other stubs' bugs.
 */
#include "tests/engine-rig.h"

#include <string.h>

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

/* T15: one CPU is long in a device: the stop comes all the same, its registers cannot be set. */
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
	rsp_expect_error(rig->client, "P4=0001000000000000");
	SET(rig->device_hold, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 1);
	interrupt(rig);
	rig_free(rig);
}

/* One that is in the VMM with its I/O finished, paused say, can be looked at and written. */
static void test_finished_device(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "e61090ebfd");
	write_pc(rig, 1, 0x200);
	SET(rig->device_finishes, 1);
	SET(rig->device_hold, 1);
	rsp_expect(rig->client, "D", "OK");
	g_clear_pointer(&rig->client, rsp_client_free);
	while (!GET(rig->finished))
		g_usleep(1000);
	connect_client(rig);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x202);
	g_assert_cmphex(read_reg(rig, 1, 1), ==, 0x42);
	write_pc(rig, 1, 0x202);
	SET(rig->device_finishes, 0);
	SET(rig->device_hold, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
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

#define LAST_PAGE (TOY_RAM - 0x1000)

/* The last page is a device: what the debugger itself looks at must not touch it. */
static Rig *rig_new_with_device(void)
{
	Rig *rig = rig_new_stopped(1);

	kvm_gdb_unmap(rig->gdb, LAST_PAGE, 0x1000);
	return rig;
}

static void test_step_before_device(void)
{
	Rig *rig = rig_new_with_device();

	put_code(rig, LAST_PAGE - 2, "9090");
	write_pc(rig, 1, LAST_PAGE - 2);
	resume_to(rig, "vCont;s:p1.1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, LAST_PAGE - 1);
	g_assert_cmpuint(GET(rig->device_accesses), ==, 0);
	rig_free(rig);
}

/* All or nothing: a device that does not answer comes too late for the bytes before it. */
static void test_write_into_device(void)
{
	Rig *rig = rig_new_with_device();

	rsp_expect_error(rig->client, "Mefff,2:1122");
	g_assert_cmphex(toy_ram(rig->vm)[LAST_PAGE - 1], ==, 0);
	g_assert_cmpuint(GET(rig->device_accesses), ==, 0);
	rsp_expect_error(rig->client, "Mf000,2:1122");
	g_assert_cmpuint(GET(rig->device_accesses), ==, 1);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"wait-at-start", test_wait_at_start},
		{"attach-stops-all", test_attach_stops_all},
		{"step", test_step},
		{"step-others-run", test_step_others_run},
		{"step-after-write", test_step_after_write},
		{"range-step", test_range_step},
		{"step-halted", test_step_halted},
		{"interrupt-halted", test_interrupt_halted},
		{"io-completed", test_io_completed},
		{"long-device", test_long_device},
		{"finished-device", test_finished_device},
		{"step-io", test_step_io},
		{"kernel-from-user", test_kernel_from_user},
		{"hidden-patch", test_hidden_patch},
		{"partial-read", test_partial_read},
		{"step-before-device", test_step_before_device},
		{"write-into-device", test_write_into_device},
		{0},
	};

	return test_main(argc, argv, "engine", cases);
}

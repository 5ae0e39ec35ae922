/*
 * tests/test-engine-condition.c - owns the tests of conditions and commands that the engine asks
 * where a breakpoint is hit, on the toy architecture: nothing is missed, nothing is told that the
 * client need not hear, nobody is kept from running.
 */
#include "gdbstub/ax.h"
#include "kvm/conditions.h"
#include "tests/engine-rig.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/*
 * At 0x200: add 1 to the byte at 0x403 and to r0; nop; back to 0x200. Breakpoints go to the nop.
 * At 0x300: a loop without breakpoint.
 */
#define AT_NOP "203,1"
#define R0_IS_300 "X8,26000023012c1327"
#define R0_IS_1000 "X8,2600002303e81327"
#define NEVER "X3,220027"
#define ALWAYS "X3,220127"
#define FAILS "X7,24000200001727"

static Rig *rig_new_looping(unsigned n)
{
	Rig *rig = rig_new_stopped(n);

	put_code(rig, 0x200, "01030490ebfa");
	put_code(rig, 0x300, "9090ebfc");
	for (unsigned i = 1; i <= n; i++)
		write_pc(rig, i, 0x200);
	return rig;
}

static uint64_t r0_of(Rig *rig, unsigned thread)
{
	return read_reg(rig, thread, 0);
}

/* ---- False, and then true ---- */

static void check_thousandth(const char *packet, const char *reason, uint64_t pc, uint64_t r0)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, packet, "OK");
	resume_to_reason(rig, "vCont;c", reason);
	g_assert_cmphex(pc_of(rig, 1), ==, pc);
	g_assert_cmpuint(r0_of(rig, 1), ==, r0);
	g_assert_cmpuint(toy_ram(rig->vm)[0x403], ==, r0 % 256);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	/* It does not hold again. */
	rsp_client_send(rig->client, "vCont;c");
	expect_runs_for(rig, 0, 8);
	interrupt(rig);
	g_assert_cmpuint(r0_of(rig, 1), >, r0);
	rig_free(rig);
}

static void test_software(void)
{
	check_thousandth("Z0," AT_NOP ";" R0_IS_1000, "swbreak:;", 0x203, 1000);
}

static void test_hardware(void)
{
	check_thousandth("Z1," AT_NOP ";" R0_IS_1000, "hwbreak:;", 0x203, 1000);
}

static void test_watch(void)
{
	check_thousandth("Z2,403,1;" R0_IS_1000, "watch:403;", 0x203, 1000);
}

static void test_like_arm(void)
{
	toy_set_like_arm(true);
	check_thousandth("Z0," AT_NOP ";" R0_IS_1000, "swbreak:;", 0x203, 1000);
	check_thousandth("Z1," AT_NOP ";" R0_IS_1000, "hwbreak:;", 0x203, 1000);
	/* Told before the access is made. */
	check_thousandth("Z2,403,1;" R0_IS_1000, "watch:403;", 0x200, 1000);
	toy_set_like_arm(false);
}

static void test_without_traps(void)
{
	toy_set_sw_break(false);
	check_thousandth("Z0," AT_NOP ";" R0_IS_1000, "swbreak:;", 0x203, 1000);
	toy_set_sw_break(true);
}

static void test_memory(void)
{
	Rig *rig = rig_new_looping(1);

	/* ref8 of 0x403 == 7 */
	rsp_expect(rig->client, "Z0," AT_NOP ";X8,2304031722071327", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(r0_of(rig, 1), ==, 7);
	rig_free(rig);
}

/* Hit by another address of the same memory. */
static void test_alias(void)
{
	Rig *rig = rig_new_looping(1);

	write_pc(rig, 1, TOY_ALIAS + 0x200);
	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300, "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	g_assert_cmphex(pc_of(rig, 1), ==, TOY_ALIAS + 0x203);
	rig_free(rig);
}

/* ---- Several ---- */

static void test_or(void)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER R0_IS_1000 R0_IS_300, "OK");
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmpuint(r0_of(rig, 1), ==, 1000);
	rig_free(rig);
}

/* One that fails stops; so does one without a value. */
static void test_error_stops(void)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, "Z0," AT_NOP ";" FAILS, "OK");
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmpuint(r0_of(rig, 1), ==, 1);
	rsp_expect(rig->client, "Z0," AT_NOP ";X1,27", "OK");
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmpuint(r0_of(rig, 1), ==, 2);
	/* Registers by the target description's numbers: there is no 0x50. */
	rsp_expect(rig->client, "Z0," AT_NOP ";X4,26005027", "OK");
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmpuint(r0_of(rig, 1), ==, 3);
	rig_free(rig);
}

static void test_replaced(void)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 20);
	interrupt(rig);
	rsp_expect(rig->client, "Z0," AT_NOP ";" ALWAYS, "OK");
	resume_to(rig, "vCont;c", "T05");
	rsp_expect_error(rig->client, "Z0," AT_NOP ";X9,22");
	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 20);
	interrupt(rig);
	/* Without a condition it always stops. */
	rsp_expect(rig->client, "Z0," AT_NOP, "OK");
	resume_to(rig, "vCont;c", "T05");
	/* Taken out and put in again, it has none. */
	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
	rsp_expect(rig->client, "z0," AT_NOP, "OK");
	rsp_expect(rig->client, "Z0," AT_NOP, "OK");
	resume_to(rig, "vCont;c", "T05");
	rig_free(rig);
}

/* A software and a hardware breakpoint at one address: each has its own condition. */
static void test_two_kinds(void)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300, "OK");
	rsp_expect(rig->client, "Z1," AT_NOP ";" R0_IS_1000, "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	resume_to_reason(rig, "vCont;c", "hwbreak:;");
	g_assert_cmpuint(r0_of(rig, 1), ==, 1000);
	rig_free(rig);
}

static void test_removed(void)
{
	Rig *rig = rig_new_looping(2);

	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
	for (unsigned i = 0; i < 30; i++) {
		rsp_client_send(rig->client, "vCont;c");
		expect_runs(rig, 0);
		expect_runs(rig, 1);
		interrupt(rig);
		rsp_expect(rig->client, i % 2 ? "Z0," AT_NOP ";" NEVER : "z0," AT_NOP, "OK");
		g_assert_cmphex(toy_ram(rig->vm)[0x203], ==, i % 2 ? 0xcc : 0x90);
	}
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpuint(toy_guest_traps(rig->vm, i), ==, 0);
	rig_free(rig);
}

/* ---- Several CPUs ---- */

static unsigned thread_of(const char *stop)
{
	const char *at = strstr(stop, "thread:");

	g_assert_nonnull(at);
	return strtoul(at + strlen("thread:"), NULL, 16);
}

/* All CPUs hit it all the time; each of them must be stopped at its own 300th turn. */
static void check_all_hit(const char *packet)
{
	Rig *rig = rig_new_looping(4);
	unsigned seen = 0;

	rsp_expect(rig->client, packet, "OK");
	for (unsigned i = 0; i < 4; i++) {
		g_autofree char *reply = NULL;
		unsigned thread;

		rsp_client_send(rig->client, "vCont;c");
		reply = rsp_expect_next_prefix(rig->client, "T05");
		thread = thread_of(reply);
		g_assert_cmpuint(r0_of(rig, thread), ==, 300);
		g_assert_cmphex(pc_of(rig, thread), ==, 0x203);
		seen |= 1u << thread;
	}
	g_assert_cmphex(seen, ==, 0x1e);
	for (unsigned i = 0; i < 4; i++)
		g_assert_cmpuint(toy_guest_traps(rig->vm, i), ==, 0);
	rig_free(rig);
}

static void test_all_hit(void)
{
	check_all_hit("Z0," AT_NOP ";" R0_IS_300);
	check_all_hit("Z1," AT_NOP ";" R0_IS_300);
}

typedef struct Progress {
	Rig *rig;
	uint64_t wanted[MAX_CPUS];
} Progress;

static bool all_have_run(void *data)
{
	Progress *progress = data;

	for (unsigned i = 0; i < progress->rig->n; i++) {
		if (toy_instructions(progress->rig->vm, i) < progress->wanted[i])
			return false;
	}
	return true;
}

/* Two CPUs step over it all the time: the other two run all the same, far and often. */
static void test_nobody_starves(void)
{
	Rig *rig = rig_new_looping(4);
	Progress progress = {rig, {0}};

	write_pc(rig, 3, 0x300);
	write_pc(rig, 4, 0x300);
	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
	rsp_client_send(rig->client, "vCont;c");
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 4; i++)
			progress.wanted[i] = toy_instructions(rig->vm, i) + (i < 2 ? 10 : 200);
		g_assert_true(test_wait(NULL, all_have_run, &progress, TEST_PATIENCE));
	}
	interrupt(rig);
	rig_free(rig);
}

static void on_signal(int signo G_GNUC_UNUSED)
{
}

/*
 * As above, while the VMM takes all of them out of the guest again and again: who waits for its
 * turn to step over must not wait for one that has gone another way.
 */
static void test_turns_with_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal}, old;
	Rig *rig = rig_new_looping(4);
	Progress progress = {rig, {0}};

	sigaction(SIGUSR1, &action, &old);
	write_pc(rig, 4, 0x300);
	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
	rsp_client_send(rig->client, "vCont;c");
	for (unsigned i = 0; i < 4; i++)
		expect_runs(rig, i);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 4; i++) {
			progress.wanted[i] = toy_instructions(rig->vm, i) + 4;
			pthread_kill(GET(rig->cpus[i].id), SIGUSR1);
		}
		g_assert_true(test_wait(NULL, all_have_run, &progress, TEST_PATIENCE));
	}
	interrupt(rig);
	rig_free(rig);
	sigaction(SIGUSR1, &old, NULL);
}

/* The CPU that does not run by the client's wish stays where it is. */
static void test_others_held(void)
{
	Rig *rig = rig_new_looping(2);

	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300, "OK");
	resume_to(rig, "vCont;c:1", "T05");
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	g_assert_cmpuint(toy_instructions(rig->vm, 1), ==, 0);
	rig_free(rig);
}

static void test_halted_other(void)
{
	Rig *rig = rig_new_looping(2);

	put_code(rig, 0x500, "f4ebfd");
	write_pc(rig, 2, 0x500);
	rsp_client_send(rig->client, "vCont;c:2");
	expect_runs(rig, 1);
	interrupt(rig);
	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300, "OK");
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	g_assert_cmpuint(toy_instructions(rig->vm, 1), ==, 1);
	rig_free(rig);
}

/* While another CPU is for long in a device of the VMM. */
static void test_other_in_device(void)
{
	Rig *rig = rig_new_looping(2);

	put_code(rig, 0x500, "e61090ebfd");
	write_pc(rig, 2, 0x500);
	SET(rig->device_hold, 1);
	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300, "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_stop(rig, "T05");
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	SET(rig->device_hold, 0);
	rig_free(rig);
}

/* ---- Instructions that need not be executed ---- */

/*
 * A false condition then needs no step: the control is set once and never again, nobody is held,
 * and every hit counts all the same, with a patch and a point at one place too.
 */
static void test_skip(void)
{
	Rig *rig;
	unsigned calls;

	toy_set_skips(true);
	rig = rig_new_looping(1);
	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300, "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x203);
	calls = toy_control_calls(rig->vm, 0);
	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_1000, "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(r0_of(rig, 1), ==, 1000);
	/* That of the step over the first stop, and of its end. */
	g_assert_cmpuint(toy_control_calls(rig->vm, 0), <=, calls + 2);
	rig_free(rig);
	toy_set_skips(false);
}

static void test_skip_point(void)
{
	toy_set_skips(true);
	toy_set_like_arm(true);
	check_thousandth("Z1," AT_NOP ";" R0_IS_1000, "hwbreak:;", 0x203, 1000);
	check_all_hit("Z1," AT_NOP ";" R0_IS_300);
	check_all_hit("Z0," AT_NOP ";" R0_IS_300);
	toy_set_like_arm(false);
	toy_set_skips(false);
}

static void check_skip_at_both(void)
{
	Rig *rig = rig_new_looping(2);

	rsp_expect(rig->client, "Z1," AT_NOP ";" NEVER, "OK");
	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300, "OK");
	resume_to_reason(rig, "vCont;c:1", "swbreak:;");
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x203);
	/* The instruction behind it has one too. */
	rsp_expect(rig->client, "Z0,204,1;" R0_IS_1000, "OK");
	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
	resume_to_reason(rig, "vCont;c:1", "swbreak:;");
	g_assert_cmpuint(r0_of(rig, 1), ==, 1000);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x204);
	rig_free(rig);
}

static void test_skip_at_both(void)
{
	toy_set_skips(true);
	check_skip_at_both();
	toy_set_like_arm(true);
	check_skip_at_both();
	toy_set_like_arm(false);
	toy_set_skips(false);
}

/* ---- Steps ---- */

/* A step over a breakpoint that need not be told of is one step. */
static void check_step(const char *packet)
{
	Rig *rig = rig_new_looping(2);

	rsp_expect(rig->client, packet, "OK");
	write_pc(rig, 1, 0x203);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x204);
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, 1);
	for (unsigned i = 0; i < 30; i++) {
		resume_to(rig, "vCont;s:1;c", "T05");
		g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, 2 + i);
	}
	resume_to(rig, "vCont;r200,204:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x204);
	rig_free(rig);
}

static void test_step(void)
{
	check_step("Z0," AT_NOP ";" NEVER);
	check_step("Z1," AT_NOP ";" NEVER);
	check_step("Z2,403,1;" NEVER);
}

static void test_step_no_skip(void)
{
	toy_set_skips(true);
	test_step();
	toy_set_skips(false);
}

static void test_step_like_arm(void)
{
	toy_set_like_arm(true);
	check_step("Z0," AT_NOP ";" NEVER);
	check_step("Z1," AT_NOP ";" NEVER);
	check_step("Z2,403,1;" NEVER);
	toy_set_like_arm(false);
}

/* ---- Interrupts and disconnects while it is hit all the time ---- */

static void test_interrupts(void)
{
	Rig *rig = rig_new_looping(4);

	rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
	for (unsigned i = 0; i < 200; i++) {
		rsp_client_send(rig->client, "vCont;c");
		if (i % 3)
			g_usleep(i % 5 * 100);
		interrupt(rig);
		g_assert_cmphex(toy_ram(rig->vm)[0x203], ==, 0xcc);
	}
	rig_free(rig);
}

static bool is_clean(void *data)
{
	static const uint8_t nop[] = {0x90};
	Rig *rig = data;

	return is_free(rig) && has_code(rig, 0x203, nop, sizeof(nop));
}

static void test_hangups(void)
{
	Rig *rig = rig_new_looping(3);

	rsp_client_send(rig->client, "vCont;c");
	hang_up(rig);
	for (unsigned i = 0; i < 50; i++) {
		connect_client(rig);
		rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER ";cmds:1," NEVER, "OK");
		rsp_client_send(rig->client, i % 2 ? "vCont;c" : "vCont;c:1");
		test_run_for(NULL, i % 4);
		g_clear_pointer(&rig->client, rsp_client_free);
		g_assert_true(test_wait(NULL, is_clean, rig, TEST_PATIENCE));
		for (unsigned k = 0; k < 3; k++) {
			expect_runs(rig, k);
			g_assert_cmpuint(toy_guest_traps(rig->vm, k), ==, 0);
		}
	}
	rig_free(rig);
}

static void test_end_while_hit(void)
{
	for (unsigned i = 0; i < 10; i++) {
		Rig *rig = rig_new_looping(3);

		rsp_expect(rig->client, "Z0," AT_NOP ";" NEVER, "OK");
		rsp_client_send(rig->client, "vCont;c");
		expect_runs(rig, i % 3);
		rig_free(rig);
	}
}

/* ---- Commands ---- */

/* printf("%d\n", r0) */
#define PRINT_R0 "X11,260000220022003401000525645c6e0027"

/* The text until the stop that follows. */
static char *read_console(Rig *rig)
{
	GString *text = g_string_new(NULL);

	for (;;) {
		g_autofree char *packet = rsp_client_recv(rig->client, NULL);

		if (packet[0] == 'T')
			break;
		g_assert_cmpint(packet[0], ==, 'O');
		g_autofree char *line = rsp_text(packet + 1);

		g_string_append(text, line);
	}
	return g_string_free(text, FALSE);
}

/* Every hit prints once, in order, and none stops; the other breakpoint does. */
static void check_print(const char *packet)
{
	Rig *rig = rig_new_looping(1);
	g_autofree char *text = NULL;
	g_autoptr(GString) want = g_string_new(NULL);

	rsp_expect(rig->client, packet, "OK");
	rsp_expect(rig->client, "Z1,200,1;" R0_IS_300, "OK");
	rsp_client_send(rig->client, "vCont;c");
	text = read_console(rig);
	for (unsigned i = 1; i <= 300; i++)
		g_string_append_printf(want, "%u\n", i);
	g_assert_cmpstr(text, ==, want->str);
	g_assert_cmpuint(r0_of(rig, 1), ==, 300);
	rig_free(rig);
}

static void test_print(void)
{
	check_print("Z0," AT_NOP ";cmds:0," PRINT_R0);
	check_print("Z1," AT_NOP ";cmds:1," PRINT_R0);
	check_print("Z0," AT_NOP ";" NEVER ALWAYS ";cmds:0," PRINT_R0);
}

static void test_print_on_condition(void)
{
	Rig *rig = rig_new_looping(1);
	g_autofree char *text = NULL;

	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300 ";cmds:0," PRINT_R0, "OK");
	rsp_expect(rig->client, "Z1,200,1;" R0_IS_1000, "OK");
	rsp_client_send(rig->client, "vCont;c");
	text = read_console(rig);
	g_assert_cmpstr(text, ==, "300\n");
	rig_free(rig);
}

static void test_print_fails(void)
{
	Rig *rig = rig_new_looping(1);
	g_autofree char *text = NULL;

	rsp_expect(rig->client, "Z0," AT_NOP ";" R0_IS_300 ";cmds:0,X5,2201220005" PRINT_R0, "OK");
	rsp_expect(rig->client, "Z1,200,1;" R0_IS_300, "OK");
	rsp_client_send(rig->client, "vCont;c");
	text = read_console(rig);
	g_assert_cmpstr(text, ==,
			"300\n[the commands at 0x203 failed on CPU 0: division by zero]\n");
	rig_free(rig);
}

/* ---- How much there may be ---- */

/* printf("A\n") for ever */
#define PRINTS_FOR_EVER "cmds:0,X12,260000292200220034000003410a00210000"

static unsigned count_printed(const char *text)
{
	unsigned n = 0;

	for (; (text = strstr(text, "A\n")); text++)
		n++;
	return n;
}

/*
 * The client's breakpoints at one place, a virtual and a physical one, share what a hit may take.
 */
static void test_shared_budget(void)
{
	Rig *rig = rig_new_looping(1);
	g_autofree char *text = NULL;

	rsp_expect(rig->client, "Z0,203,1;" PRINTS_FOR_EVER, "OK");
	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	rsp_expect(rig->client, "Z0,203,1;" PRINTS_FOR_EVER, "OK");
	rsp_expect(rig->client, "Qqemu.PhyMemMode:0", "OK");
	rsp_expect(rig->client, "Z1,204,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	text = read_console(rig);
	g_assert_cmpuint(count_printed(text), ==, GDB_AX_PRINTS);
	rig_free(rig);
}

static void test_codes_full(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GdbBreakCode) code = NULL;
	g_autoptr(GError) error = NULL;
	KvmConditions *codes = kvm_conditions_new();
	GdbBreak bp = {GDB_BREAK_SW, 0, 1};

	g_string_printf(text, "X%x,", GDB_BREAK_CODE_MAX);
	for (unsigned i = 0; i < GDB_BREAK_CODE_MAX; i++)
		g_string_append(text, "27");
	code = gdb_break_code_parse(gdb_text(text->str, text->len), NULL);
	for (; bp.addr < KVM_CONDITIONS_MAX / GDB_BREAK_CODE_MAX; bp.addr++) {
		g_assert_true(kvm_conditions_fit(codes, &bp, code, NULL));
		kvm_conditions_set(codes, &bp, code);
		kvm_conditions_set(codes, &bp, code);
	}
	g_assert_false(kvm_conditions_fit(codes, &bp, code, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOSPC);
	/* What it replaces does not count. */
	bp = (GdbBreak){GDB_BREAK_SW, 5, 2};
	g_assert_true(kvm_conditions_fit(codes, &bp, code, NULL));
	g_assert_true(kvm_conditions_get(codes, &bp) == code);
	bp.type = GDB_BREAK_HW;
	g_assert_null(kvm_conditions_get(codes, &bp));
	bp.type = GDB_BREAK_SW;
	kvm_conditions_set(codes, &bp, NULL);
	g_assert_null(kvm_conditions_get(codes, &bp));
	g_assert_true(kvm_conditions_fit(codes, &bp, code, NULL));
	kvm_conditions_clear(codes);
	kvm_conditions_free(codes);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"software", test_software},
		{"hardware", test_hardware},
		{"watch", test_watch},
		{"like-arm", test_like_arm},
		{"without-traps", test_without_traps},
		{"memory", test_memory},
		{"alias", test_alias},
		{"or", test_or},
		{"error-stops", test_error_stops},
		{"replaced", test_replaced},
		{"two-kinds", test_two_kinds},
		{"removed", test_removed},
		{"all-hit", test_all_hit},
		{"nobody-starves", test_nobody_starves},
		{"turns-with-signals", test_turns_with_signals},
		{"others-held", test_others_held},
		{"halted-other", test_halted_other},
		{"other-in-device", test_other_in_device},
		{"skip", test_skip},
		{"skip-point", test_skip_point},
		{"skip-at-both", test_skip_at_both},
		{"step", test_step},
		{"step-no-skip", test_step_no_skip},
		{"step-like-arm", test_step_like_arm},
		{"interrupts", test_interrupts},
		{"hangups", test_hangups},
		{"end-while-hit", test_end_while_hit},
		{"print", test_print},
		{"print-on-condition", test_print_on_condition},
		{"print-fails", test_print_fails},
		{"shared-budget", test_shared_budget},
		{"codes-full", test_codes_full},
		{0},
	};

	return test_main(argc, argv, "condition", cases);
}

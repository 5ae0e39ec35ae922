/*
 * tests/test-session-interrupt.c - an interrupt is owed until a stop reply has told it, whenever
 * it comes (gdb manual, "Interrupts"); and a 3 that is data is none.
 */
#include "tests/session-rig.h"

#include <string.h>

#define PAUSED "$T02thread:01;2:12121212;"
#define TRAPPED "$T05thread:01;2:12121212;"

static void expect_stop(SessionRig *rig, GdbStopKind kind, const char *reply)
{
	session_rig_post(rig, kind, 0);
	session_rig_output(rig, reply);
}

/* The client runs on and hears of no interrupt. */
static void expect_none_owed(SessionRig *rig)
{
	session_rig_log(rig, "");
	session_rig_ask(rig, "vCont;c", "");
	session_rig_log(rig, "resume.cc ");
}

/* Both ways to say it. */
static void test_stopped(void)
{
	for (int packet = 0; packet < 2; packet++) {
		g_autoptr(SessionRig) rig = session_rig_new_stopped();

		if (packet)
			session_rig_ask(rig, "vCtrlC", "$OK");
		else
			session_rig_feed(rig, "\003\003");
		session_rig_output(rig, "");
		session_rig_log(rig, "");
		session_rig_ask(rig, "vCont;c:1", "");
		session_rig_log(rig, "resume.ch stop.0 ");
		expect_stop(rig, GDB_STOP_PAUSED, PAUSED);
		expect_none_owed(rig);
	}
}

/*
 * It meets a breakpoint whose condition gdb finds false: gdb steps off and goes on by itself, and
 * the user's Ctrl-C must still stop it.
 */
static void test_meets_breakpoint(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "vCont;c", "");
	session_rig_feed(rig, "\003");
	session_rig_log(rig, "resume.cc stop.0 ");
	expect_stop(rig, GDB_STOP_SWBREAK, TRAPPED);
	session_rig_ask(rig, "vCont;c", "");
	session_rig_log(rig, "resume.cc stop.0 ");
	expect_stop(rig, GDB_STOP_SWBREAK, TRAPPED);
	session_rig_ask(rig, "c", "");
	session_rig_log(rig, "resume.cc stop.0 ");
	expect_stop(rig, GDB_STOP_PAUSED, PAUSED);
	expect_none_owed(rig);
}

/*
 * With a software watchpoint gdb does nothing but steps, and each is done before the machine can be
 * stopped: its end is where the interrupt is told, also when gdb only steps off a breakpoint.
 */
static void test_meets_step(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "vCont;s:1", "");
	session_rig_feed(rig, "\003");
	session_rig_log(rig, "resume.sh stop.0 ");
	expect_stop(rig, GDB_STOP_STEP, PAUSED);
	session_rig_ask(rig, "?", PAUSED);
	session_rig_feed(rig, "\003");
	session_rig_ask(rig, "vCont;s:1", "");
	session_rig_log(rig, "resume.sh stop.0 ");
	expect_stop(rig, GDB_STOP_STEP, PAUSED);
	session_rig_ask(rig, "vCont;s:1", "");
	session_rig_log(rig, "resume.sh ");
	expect_stop(rig, GDB_STOP_STEP, TRAPPED);
	expect_none_owed(rig);
}

static void test_refused(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_feed(rig, "\003");
	rig->refuse_resume = true;
	session_rig_ask(rig, "vCont;c", "$E16");
	session_rig_log(rig, "");
	rig->refuse_resume = false;
	session_rig_ask(rig, "vCont;c", "");
	session_rig_log(rig, "resume.cc stop.0 ");
}

/* The stop of an attach is what it asked for, told or not. */
static void test_attaching(void)
{
	g_autoptr(SessionRig) rig = session_rig_new(false);

	gdb_session_attach(rig->session);
	session_rig_feed(rig, "\003");
	session_rig_log(rig, "attach stop.0 ");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	expect_none_owed(rig);
}

static void test_next_client(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_feed(rig, "\003");
	session_rig_ask(rig, "D", "$OK");
	session_rig_ask(rig, "vAttach;1", "");
	session_rig_log(rig, "detach attach ");
	expect_stop(rig, GDB_STOP_PAUSED, PAUSED);
	expect_none_owed(rig);
}

/* Nobody is attached: nothing to interrupt. */
static void test_detached(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "D", "$OK");
	session_rig_feed(rig, "\003");
	session_rig_log(rig, "detach ");
}

/* What waits behind a packet that cannot be answered yet is offered again: it counts once. */
static void test_behind_held(void)
{
	g_autoptr(SessionRig) rig = session_rig_new(false);

	gdb_session_attach(rig->session);
	g_assert_cmpuint(session_rig_feed(rig, "$?#3f$qC#b4\003\003"), ==, 5);
	session_rig_log(rig, "attach stop.0 ");
	g_assert_cmpuint(session_rig_feed(rig, "$qC#b4\003\003"), ==, 0);
	session_rig_log(rig, "");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	g_assert_cmpuint(session_rig_feed(rig, "$qC#b4\003\003\003"), ==, 9);
	session_rig_output(rig, "+" PAUSED "+$QC01");
	/* The third one came after the stop. */
	session_rig_ask(rig, "c", "");
	session_rig_log(rig, "resume.cc stop.0 ");
}

/* It ends a long command, and that is all. */
static void test_ends_work(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "qSearch:memory:0;80000;nothing", "");
	g_assert_cmpuint(session_rig_feed(rig, "$qC#b4\003"), ==, 7);
	session_rig_output(rig, "+$E16$QC01");
	expect_none_owed(rig);
}

/*
 * gdb does not escape a 3. Whole or cut, in the data, in the sum or behind an escape: it is data.
 */
static void test_data_behind_work(void)
{
	static const char *const data[] = {
		"$X10,1:\003#1f",   "$X10,1:\003",   "\003$X10,1:\003", "$X10,1:}\003#1f",
		"$X10,1:a*\003#1f", "$X10,1:a#\003", "$X10,1:a#1\003",	"$X10,1:a#\003$X10,1:\003"};

	for (unsigned n = 0; n < G_N_ELEMENTS(data); n++) {
		g_autoptr(SessionRig) rig = session_rig_new_stopped();
		bool real = *data[n] == '\003';
		size_t taken;

		g_test_message("%u", n);
		session_rig_ask(rig, "qSearch:memory:0;80000;nothing", "");
		session_rig_ask(rig, "qC", "");
		taken = session_rig_feed(rig, data[n]);
		g_assert_cmpuint(taken, ==, real ? strlen(data[n]) : 0);
		g_assert_true(gdb_session_has_work(rig->session) == !real);
	}
}

/* Nor is what follows a packet of which only the head was taken, as the client does not read. */
static void test_data_behind_output(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();
	GByteArray *out = gdb_session_output(rig->session);

	session_rig_feed(rig, "$X10,1:");
	g_byte_array_set_size(out, GDB_SESSION_OUTPUT_MAX + 1);
	g_assert_cmpuint(session_rig_feed(rig, "\003"), ==, 0);
	g_byte_array_set_size(out, 0);
	expect_none_owed(rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/session-interrupt/stopped", test_stopped);
	g_test_add_func("/session-interrupt/meets-breakpoint", test_meets_breakpoint);
	g_test_add_func("/session-interrupt/meets-step", test_meets_step);
	g_test_add_func("/session-interrupt/refused", test_refused);
	g_test_add_func("/session-interrupt/attaching", test_attaching);
	g_test_add_func("/session-interrupt/next-client", test_next_client);
	g_test_add_func("/session-interrupt/detached", test_detached);
	g_test_add_func("/session-interrupt/behind-held", test_behind_held);
	g_test_add_func("/session-interrupt/ends-work", test_ends_work);
	g_test_add_func("/session-interrupt/data-behind-work", test_data_behind_work);
	g_test_add_func("/session-interrupt/data-behind-output", test_data_behind_output);
	return g_test_run();
}

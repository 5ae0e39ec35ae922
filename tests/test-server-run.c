/*
 * tests/test-server-run.c - owns the tests of run control over the wire: vCont, stop replies and
 * their reasons, Ctrl-C, and events of several CPUs at once.
 */
#include "tests/fake-rig.h"

#include <string.h>

#define T1 "thread:p01.01;"
#define T2 "thread:p01.02;"

/* The next reply is a stop with this signal and all of these words. */
static void expect_stop(RspClient *c, const char *signal, const char *word, const char *thread)
{
	g_autofree char *stop = rsp_expect_next_prefix(c, signal);

	if ((word && !strstr(stop, word)) || !strstr(stop, thread))
		g_error("expected %s with %s and %s, the server said \"%s\"", signal,
			word ? word : "nothing", thread, stop);
}

static void expect_actions(FakeRig *rig, GdbActionKind a, GdbActionKind b, GdbActionKind c)
{
	const GdbAction *actions = fake_target_last_actions(rig->target);

	g_assert_cmpint(actions[0].kind, ==, a);
	g_assert_cmpint(actions[1].kind, ==, b);
	g_assert_cmpint(actions[2].kind, ==, c);
}

static void test_interrupt(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	uint64_t before = fake_target_executed(rig->target, 1);

	for (unsigned i = 0; i < 50; i++) {
		rsp_client_send(rig->client, "vCont;c:p1.-1");
		if (i % 3)
			test_run_for(rig->context, 3);
		fake_rig_interrupt(rig);
		g_assert_false(fake_target_is_running(rig->target));
	}
	g_assert_cmpuint(fake_target_executed(rig->target, 1), >, before);
	rsp_expect_silence(rig->client, 20);
	g_assert_cmpuint(fake_target_counts(rig->target).resumes, ==, 50);
	g_assert_cmpuint(fake_target_counts(rig->target).posts, ==, 51);
}

/* gdb manual, "Interrupts": who stands already is interrupted when it is resumed next, once. */
static void test_interrupt_stopped(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_client_puts(rig->client, "\x03\x03");
	rsp_expect_silence(rig->client, 30);
	rsp_expect(rig->client, "qC", "QCp01.01");
	rsp_client_send(rig->client, "vCont;c");
	g_free(rsp_expect_next_prefix(rig->client, "T02"));
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 60);
	fake_rig_interrupt(rig);
}

static void test_interrupt_twice(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);

	fake_target_set_stuck(rig->target, 1, true);
	rsp_client_send(rig->client, "vCont;c");
	rsp_client_puts(rig->client, "\x03");
	rsp_expect_silence(rig->client, 50);
	rsp_client_puts(rig->client, "\x03");
	rsp_expect_silence(rig->client, 50);
	fake_target_set_stuck(rig->target, 1, false);
	expect_stop(rig->client, "T02", NULL, "thread:p01.0");
	rsp_expect_silence(rig->client, 30);
	rsp_expect(rig->client, "qAttached", "1");
}

/* T15: every CPU idles. */
static void test_interrupt_idle(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(3);

	for (unsigned i = 0; i < 3; i++)
		fake_target_set_reg(rig->target, i, FAKE_REG_PC, FAKE_IDLE);
	rsp_client_send(rig->client, "vCont;c");
	test_run_for(rig->context, 20);
	fake_rig_interrupt(rig);
	rsp_expect(rig->client, "p10", "0002400000000000");
}

/*
 * T15: Ctrl-C against a breakpoint in a tight loop: one stop reply each, whichever wins; and no
 * Ctrl-C is lost for a client that goes on by itself, since its condition was false.
 */
static void test_interrupt_races_breakpoint(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	unsigned paused = 0, hit = 0, longest = 0;
	RspClient *c = rig->client;

	rsp_expect(c, "Z1,400020,1", "OK");
	for (unsigned i = 0, waits = 0; i < 300; i++) {
		g_autofree char *stop = NULL;
		bool interrupts = !waits;

		rsp_client_send(c, "vCont;c");
		if (i % 2)
			g_usleep(i % 30 * 10);
		if (interrupts)
			rsp_client_puts(c, "\x03");
		stop = rsp_client_recv(c, NULL);
		waits = g_str_has_prefix(stop, "T02") ? 0 : waits + 1;
		longest = MAX(longest, waits);
		paused += !waits;
		hit += g_str_has_prefix(stop, "T05");
		rsp_expect(c, "qAttached", "1");
	}
	g_assert_cmpuint(paused + hit, ==, 300);
	g_assert_cmpuint(fake_target_counts(rig->target).posts, ==, 301);
	g_test_message("%u pauses, %u hits, at most %u hits after a Ctrl-C", paused, hit, longest);
	/*
	 * Both CPUs may have a hit that waits, and at each resume one may come to the breakpoint
	 * before the stop that is owed comes to it. A lost one would be owed to the end.
	 */
	g_assert_cmpuint(longest, <=, 20);
	rsp_expect_silence(c, 20);
}

/* The stop has been posted, the server has not seen it yet, and now Ctrl-C comes. */
static void test_interrupt_after_post(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "Z0,400020,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	while (fake_target_counts(rig->target).resumes == 0)
		test_run_for(rig->context, 1);
	fake_rig_wait_posts(rig, 2);
	rsp_client_puts(rig->client, "\x03");
	expect_stop(rig->client, "T05", "swbreak:;", T1);
	rsp_expect_silence(rig->client, 30);
	rsp_expect(rig->client, "z0,400020,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_stop(rig->client, "T02", NULL, T1);
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 30);
	fake_rig_interrupt(rig);
}

static void test_vctrlc(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "vCtrlC", "OK");
	rsp_expect_silence(rig->client, 20);
	rsp_client_send(rig->client, "vCont;c");
	expect_stop(rig->client, "T02", NULL, T1);
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect(rig->client, "vCtrlC", "OK");
	expect_stop(rig->client, "T02", NULL, T1);
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 20);
	fake_rig_interrupt(rig);
}

typedef struct VContCase {
	const char *packet;
	GdbActionKind actions[3];
} VContCase;

#define HOLD GDB_ACTION_HOLD
#define CONT GDB_ACTION_CONTINUE
#define STEP GDB_ACTION_STEP

/* The leftmost action that matches counts; a thread that none names stays where it is. */
static void test_vcont_actions(void)
{
	static const VContCase cases[] = {
		{"vCont;c", {CONT, CONT, CONT}},	{"vCont;c:p1.-1", {CONT, CONT, CONT}},
		{"vCont;c:-1", {CONT, CONT, CONT}},	{"vCont;c:p-1.-1", {CONT, CONT, CONT}},
		{"vCont;c:p1", {CONT, CONT, CONT}},	{"vCont;c:p1.2", {HOLD, CONT, HOLD}},
		{"vCont;c:2", {HOLD, CONT, HOLD}},	{"vCont;c:p1.2;c:p1.3", {HOLD, CONT, CONT}},
		{"vCont;C05:p1.3", {HOLD, HOLD, CONT}}, {"vCont;C05", {CONT, CONT, CONT}},
		{"vCont;c;s:p1.1", {CONT, CONT, CONT}}, {"vCont;c:p1.2;s:p1.2", {HOLD, CONT, HOLD}},
	};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(3);

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		const GdbActionKind *a = cases[i].actions;

		rsp_client_send(rig->client, cases[i].packet);
		fake_rig_interrupt(rig);
		g_test_message("%s", cases[i].packet);
		g_assert_cmpuint(fake_target_counts(rig->target).resumes, ==, i + 1);
		expect_actions(rig, a[0], a[1], a[2]);
	}
}

static void test_vcont_step(void)
{
	static const VContCase cases[] = {
		{"vCont;s:p1.1", {STEP, HOLD, HOLD}},
		{"vCont;S05:p1.1", {STEP, HOLD, HOLD}},
		{"vCont;s:1", {STEP, HOLD, HOLD}},
		{"vCont;s:p1.1;c:p1.-1", {STEP, CONT, CONT}},
		{"vCont;s:p1.1;c", {STEP, CONT, CONT}},
		{"vCont;s:p1.1;s:p1.2;c:p1.3", {STEP, STEP, CONT}},
		{"vCont;s", {STEP, STEP, STEP}},
	};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(3);

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		const GdbActionKind *a = cases[i].actions;

		rsp_client_send(rig->client, cases[i].packet);
		expect_stop(rig->client, "T05", NULL, "thread:p01.0");
		g_test_message("%s", cases[i].packet);
		expect_actions(rig, a[0], a[1], a[2]);
	}
}

static void test_vcont_bad(void)
{
	static const char *const bad[] = {
		"vCont;c:p1.4", "vCont;s:4",  "vCont;c:p2.-1",	"vCont;c:", "vCont;c:zz", "vCont;C",
		"vCont;r:1",	"vCont;r1:1", "vCont;r10,zz:1", "vCont;",   "vCont;c;;s"};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(3);

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
		rsp_expect_error(rig->client, bad[i]);
	g_assert_cmpuint(fake_target_counts(rig->target).resumes, ==, 0);
	rsp_expect(rig->client, "vCont?", "vCont;c;C;s;S;t;r");
}

static void test_range(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	const GdbAction *actions = fake_target_last_actions(rig->target);

	fake_target_set_reg(rig->target, 0, FAKE_REG_PC, FAKE_COUNT);
	rsp_client_send(rig->client, "vCont;r400000,400020:p1.1");
	expect_stop(rig->client, "T05", NULL, T1);
	g_assert_cmphex(fake_target_get_reg(rig->target, 0, FAKE_REG_PC), ==, FAKE_COUNT + 0x20);
	g_assert_cmpint(actions[0].kind, ==, GDB_ACTION_RANGE);
	g_assert_cmphex(actions[0].start, ==, 0x400000);
	g_assert_cmphex(actions[0].end, ==, 0x400020);
	/* An empty range is one step. */
	rsp_client_send(rig->client, "vCont;r400020,400020:p1.1");
	expect_stop(rig->client, "T05", NULL, T1);
	g_assert_cmphex(fake_target_get_reg(rig->target, 0, FAKE_REG_PC), ==, FAKE_COUNT + 0x21);
}

/* The resumes from before vCont. */
static void test_old_resumes(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	RspClient *c = rig->client;

	rsp_expect(c, "Hcp1.1", "OK");
	rsp_client_send(c, "s400010");
	expect_stop(c, "T05", NULL, T1);
	g_assert_cmphex(fake_target_get_reg(rig->target, 0, FAKE_REG_PC), ==, FAKE_COUNT + 0x11);
	rsp_client_send(c, "S05;400018");
	expect_stop(c, "T05", NULL, T1);
	g_assert_cmphex(fake_target_get_reg(rig->target, 0, FAKE_REG_PC), ==, FAKE_COUNT + 0x19);
	rsp_expect(c, "Hc-1", "OK");
	rsp_client_send(c, "c400200");
	test_run_for(rig->context, 10);
	fake_rig_interrupt(rig);
	rsp_client_send(c, "C05");
	test_run_for(rig->context, 10);
	fake_rig_interrupt(rig);
	g_assert_cmpuint(fake_target_counts(rig->target).resumes, ==, 4);
}

static void test_expedited(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	g_autofree char *stop = NULL;

	fake_target_set_reg(rig->target, 1, FAKE_REG_PC, FAKE_COUNT + 4);
	rsp_client_send(rig->client, "vCont;s:p1.2");
	stop = rsp_expect_next_prefix(rig->client, "T05");
	g_assert_nonnull(strstr(stop, T2));
	g_assert_nonnull(strstr(stop, "10:0500400000000000;"));
	g_assert_true(strstr(stop, "07:0010600000000000;") || strstr(stop, ";7:00106"));
	g_assert_nonnull(strstr(stop, "11:02020000;"));
	rsp_expect(rig->client, "qC", "QCp01.02");
	/* g, p and m are of the thread that stopped. */
	rsp_expect(rig->client, "p1", "1000600000000000");
}

static void test_software_breakpoint(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	RspClient *c = rig->client;

	rsp_expect(c, "Z0,400020,1", "OK");
	rsp_client_send(c, "vCont;c");
	expect_stop(c, "T05", "swbreak:;", "thread:p01.0");
	rsp_expect(c, "p10", "2000400000000000");
	rsp_expect(c, "z0,400020,1", "OK");
	rsp_client_send(c, "vCont;s:p1.1");
	expect_stop(c, "T05", NULL, T1);
}

static void test_hardware_breakpoint(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	RspClient *c = rig->client;

	rsp_expect(c, "Z1,400020,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		rsp_client_send(c, "vCont;c");
		expect_stop(c, "T05", "hwbreak:;", T1);
		rsp_expect(c, "p10", "2000400000000000");
	}
}

typedef struct WatchCase {
	const char *insert, *key;
} WatchCase;

static void test_watch(void)
{
	static const WatchCase cases[] = {
		{"2,600010,4", "watch:600010;"},
		{"3,600010,4", "rwatch:600010;"},
		{"4,600010,4", "awatch:600010;"},
	};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	RspClient *c = rig->client;

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *z = g_strconcat("z", cases[i].insert, NULL);
		g_autofree char *insert = g_strconcat("Z", cases[i].insert, NULL);
		g_autofree char *key = g_strconcat(";", cases[i].key, NULL);
		g_autofree char *stop = NULL;

		fake_target_set_reg(rig->target, 1, FAKE_REG_PC, FAKE_STORE);
		rsp_expect(c, insert, "OK");
		rsp_client_send(c, "vCont;c");
		stop = rsp_expect_next_prefix(c, "T05");
		g_assert_nonnull(strstr(stop, T2));
		g_assert_true(strstr(stop, key) ||
			      g_str_has_prefix(stop + strlen("T05"), cases[i].key));
		rsp_expect(c, z, "OK");
	}
}

/* The reasons are only for a client that offered them; the watch address is for all. */
static void test_reasons_not_offered(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	g_autofree char *sw = NULL, *hw = NULL, *watch = NULL;
	RspClient *c;

	fake_rig_connect(rig);
	c = rig->client;
	rsp_expect_prefix(c, "qSupported:multiprocess+", "PacketSize=");
	rsp_expect(c, "Z0,400020,1", "OK");
	rsp_client_send(c, "vCont;c");
	sw = rsp_expect_next_prefix(c, "T05");
	g_assert_null(strstr(sw, "swbreak"));
	rsp_expect(c, "z0,400020,1", "OK");
	rsp_expect(c, "Z1,400030,1", "OK");
	rsp_client_send(c, "vCont;c");
	hw = rsp_expect_next_prefix(c, "T05");
	g_assert_null(strstr(hw, "hwbreak"));
	rsp_expect(c, "Z2,600000,1", "OK");
	rsp_client_send(c, "c400100");
	watch = rsp_expect_next_prefix(c, "T05");
	g_assert_nonnull(strstr(watch, "watch:600000;"));
}

typedef struct ReasonCase {
	GdbStopKind kind;
	const char *signal;
} ReasonCase;

static void test_signals(void)
{
	static const ReasonCase cases[] = {
		{GDB_STOP_PAUSED, "T02"},	  {GDB_STOP_STEP, "T05"},
		{GDB_STOP_SHUTDOWN, "T0b"},	  {GDB_STOP_PANIC, "T06"},
		{GDB_STOP_INTERNAL_ERROR, "T06"}, {GDB_STOP_WATCHDOG, "T0e"},
		{GDB_STOP_IO_ERROR, "T11"},
	};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		GdbStop stop = {.cpu = 1, .kind = cases[i].kind};
		g_autofree char *first = NULL, *again = NULL;

		rsp_client_send(rig->client, "vCont;c");
		while (fake_target_counts(rig->target).resumes != i + 1)
			test_run_for(rig->context, 1);
		fake_target_raise(rig->target, &stop, 1);
		first = rsp_expect_next_prefix(rig->client, cases[i].signal);
		g_assert_nonnull(strstr(first, T2));
		/* `?` repeats the reason. */
		again = rsp_client_ask(rig->client, "?");
		g_assert_true(g_str_has_prefix(again, cases[i].signal));
	}
}

/* `?` does not touch the breakpoints. */
static void test_question_keeps_breakpoints(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "Z0,400020,1", "OK");
	rsp_expect_prefix(rig->client, "?", "T02");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 1);
}

static void raise_two(FakeRig *rig)
{
	static const GdbStop stops[] = {
		{.cpu = 0, .kind = GDB_STOP_SWBREAK, .addr = FAKE_COUNT + 0x20},
		{.cpu = 1, .kind = GDB_STOP_SWBREAK, .addr = FAKE_COUNT + 0x20},
	};
	unsigned resumes = fake_target_counts(rig->target).resumes;

	/* Idle, so that no third event mixes in. */
	for (unsigned i = 0; i < 2; i++)
		fake_target_set_reg(rig->target, i, FAKE_REG_PC, FAKE_IDLE);
	rsp_expect(rig->client, "Z0,400020,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	while (fake_target_counts(rig->target).resumes == resumes)
		test_run_for(rig->context, 1);
	fake_target_raise(rig->target, stops, G_N_ELEMENTS(stops));
}

/* T01: two CPUs hit at once: one reply now, the other after the next resume. */
static void test_two_hits(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);

	raise_two(rig);
	expect_stop(rig->client, "T05", "swbreak:;", T1);
	rsp_expect_silence(rig->client, 30);
	/* gdb steps the first one off its breakpoint alone; that does not report the second. */
	rsp_expect(rig->client, "z0,400020,1", "OK");
	rsp_client_send(rig->client, "vCont;s:p1.1");
	expect_stop(rig->client, "T05", NULL, T1);
	rsp_expect(rig->client, "Z0,400020,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_stop(rig->client, "T05", "swbreak:;", T2);
	rsp_expect_silence(rig->client, 30);
}

/* T02: the breakpoint of the second hit has gone. */
static void test_second_hit_removed(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);

	raise_two(rig);
	expect_stop(rig->client, "T05", "swbreak:;", T1);
	rsp_expect(rig->client, "z0,400020,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 50);
	g_assert_true(fake_target_is_running(rig->target));
	fake_rig_interrupt(rig);
}

/* T03: the user has moved pc of the CPU whose hit waits. */
static void test_second_hit_moved(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);

	raise_two(rig);
	expect_stop(rig->client, "T05", "swbreak:;", T1);
	rsp_expect(rig->client, "Hgp1.1", "OK");
	rsp_expect(rig->client, "P10=0002400000000000", "OK");
	rsp_expect(rig->client, "Hgp1.2", "OK");
	rsp_expect(rig->client, "P10=0002400000000000", "OK");
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 50);
	fake_rig_interrupt(rig);
}

/* A packet while the world runs: no harm, and Ctrl-C works after it. */
static void test_packet_while_running(void)
{
	static const char *const packets[] = {"?",	    "g",	   "m400000,4",
					      "vCont;c",    "Z0,400000,1", "D",
					      "qSupported", "Hgp1.1",	   "nonsense"};

	for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
		g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
		g_autofree char *reply = NULL;
		bool detach = packets[i][0] == 'D';

		g_test_message("%s", packets[i]);
		rsp_client_send(rig->client, "vCont;c");
		test_run_for(rig->context, 5);
		rsp_client_send(rig->client, packets[i]);
		reply = rsp_client_poll(rig->client, 30, NULL);
		if (detach && reply && g_str_equal(reply, "OK"))
			continue;
		rsp_client_puts(rig->client, "\x03");
		while (!reply || reply[0] != 'T') {
			g_free(reply);
			reply = rsp_client_recv(rig->client, NULL);
		}
		rsp_expect(rig->client, "qAttached", "1");
	}
}

/* Requests that come before the world stands wait for it. */
static void test_request_while_attaching(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);

	fake_target_set_stuck(rig->target, 1, true);
	fake_rig_connect(rig);
	rsp_client_send(rig->client, "?");
	test_run_for(rig->context, 50);
	g_assert_cmpuint(rig->client->in->len, <=, 1); /* at most the ack */
	fake_target_set_stuck(rig->target, 1, false);
	g_free(rsp_expect_next_prefix(rig->client, "T02"));
}

/* The scheduler-locked step of gdb, many times: no ghost stops of the others. */
static void test_many_steps(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(4);

	for (unsigned i = 0; i < 500; i++) {
		uint64_t before = fake_target_executed(rig->target, 2);

		rsp_client_send(rig->client, "vCont;s:p1.3");
		expect_stop(rig->client, "T05", NULL, "thread:p01.03;");
		g_assert_cmpuint(fake_target_executed(rig->target, 2), ==, before + 1);
	}
	g_assert_cmpuint(fake_target_counts(rig->target).posts, ==, 501);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-run/interrupt", test_interrupt);
	g_test_add_func("/server-run/interrupt-stopped", test_interrupt_stopped);
	g_test_add_func("/server-run/interrupt-twice", test_interrupt_twice);
	g_test_add_func("/server-run/interrupt-idle", test_interrupt_idle);
	g_test_add_func("/server-run/interrupt-races-breakpoint", test_interrupt_races_breakpoint);
	g_test_add_func("/server-run/interrupt-after-post", test_interrupt_after_post);
	g_test_add_func("/server-run/vctrlc", test_vctrlc);
	g_test_add_func("/server-run/vcont-actions", test_vcont_actions);
	g_test_add_func("/server-run/vcont-step", test_vcont_step);
	g_test_add_func("/server-run/vcont-bad", test_vcont_bad);
	g_test_add_func("/server-run/range", test_range);
	g_test_add_func("/server-run/old-resumes", test_old_resumes);
	g_test_add_func("/server-run/expedited", test_expedited);
	g_test_add_func("/server-run/software-breakpoint", test_software_breakpoint);
	g_test_add_func("/server-run/hardware-breakpoint", test_hardware_breakpoint);
	g_test_add_func("/server-run/watch", test_watch);
	g_test_add_func("/server-run/reasons-not-offered", test_reasons_not_offered);
	g_test_add_func("/server-run/signals", test_signals);
	g_test_add_func("/server-run/question-keeps-breakpoints", test_question_keeps_breakpoints);
	g_test_add_func("/server-run/two-hits", test_two_hits);
	g_test_add_func("/server-run/second-hit-removed", test_second_hit_removed);
	g_test_add_func("/server-run/second-hit-moved", test_second_hit_moved);
	g_test_add_func("/server-run/packet-while-running", test_packet_while_running);
	g_test_add_func("/server-run/request-while-attaching", test_request_while_attaching);
	g_test_add_func("/server-run/many-steps", test_many_steps);
	return g_test_run();
}

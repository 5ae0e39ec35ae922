/*
 * tests/test-session.c - the sentences of gdbstub/session.h: bytes in, bytes out, no socket.
 */
#include "tests/session-rig.h"

#include <string.h>

#include "gdbstub/frame.h"

static void test_next(void)
{
	static const GdbSessionState states[] = {GDB_SESSION_NONE, GDB_SESSION_ATTACHING,
						 GDB_SESSION_STOPPED, GDB_SESSION_RUNNING,
						 GDB_SESSION_KILLED};
	/* By event, then by state in the order above. */
	static const GdbSessionState expected[6][5] = {
		[GDB_SESSION_ATTACH] = {GDB_SESSION_ATTACHING, GDB_SESSION_ATTACHING,
					GDB_SESSION_STOPPED, GDB_SESSION_RUNNING,
					GDB_SESSION_KILLED},
		[GDB_SESSION_STOP] = {GDB_SESSION_NONE, GDB_SESSION_STOPPED, GDB_SESSION_STOPPED,
				      GDB_SESSION_STOPPED, GDB_SESSION_KILLED},
		[GDB_SESSION_RESUME] = {GDB_SESSION_NONE, GDB_SESSION_ATTACHING,
					GDB_SESSION_RUNNING, GDB_SESSION_RUNNING,
					GDB_SESSION_KILLED},
		[GDB_SESSION_KILL] = {GDB_SESSION_NONE, GDB_SESSION_ATTACHING, GDB_SESSION_KILLED,
				      GDB_SESSION_RUNNING, GDB_SESSION_KILLED},
		[GDB_SESSION_REVIVE] = {GDB_SESSION_NONE, GDB_SESSION_ATTACHING,
					GDB_SESSION_STOPPED, GDB_SESSION_RUNNING,
					GDB_SESSION_STOPPED},
		[GDB_SESSION_DETACH] = {GDB_SESSION_NONE, GDB_SESSION_NONE, GDB_SESSION_NONE,
					GDB_SESSION_NONE, GDB_SESSION_NONE},
	};

	for (GdbSessionEvent event = GDB_SESSION_ATTACH; event <= GDB_SESSION_DETACH; event++) {
		for (int n = 0; n < 5; n++)
			g_assert_cmpint(gdb_session_next(states[n], event), ==, expected[event][n]);
	}
}

/* A packet that comes before the stop waits, whole; the rest is not taken. */
static void test_held(void)
{
	g_autoptr(SessionRig) rig = session_rig_new(false);

	gdb_session_attach(rig->session);
	g_assert_cmpuint(session_rig_feed(rig, "$?#3f$g#67"), ==, 5);
	g_assert_cmpuint(session_rig_feed(rig, "$g#67"), ==, 0);
	session_rig_output(rig, "+");
	session_rig_log(rig, "attach ");
	session_rig_post(rig, GDB_STOP_PAUSED, 1);
	session_rig_output(rig, "$T02thread:02;2:22222222;");
	g_assert_cmpuint(session_rig_feed(rig, "$g#67"), ==, 5);
	session_rig_output(rig, "+$2020xxxx22222222");
}

/* Does a client that says @hello, and nothing else, get types that have <flags>? */
static bool gets_flags(const char *hello)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();
	g_autofree char *xml = NULL;

	session_rig_packet(rig, hello);
	g_free(session_rig_take(rig));
	session_rig_packet(rig, "qXfer:features:read:target.xml:0,1000");
	xml = session_rig_take(rig);
	g_assert_nonnull(strstr(xml, "<reg name=\"b\" bitsize=\"16\" regnum=\"1\""));
	g_assert_cmpint(!strstr(xml, "<flags"), ==, !strstr(xml, "type=\"b_flags\""));
	return strstr(xml, "<flags");
}

static void test_flags(void)
{
	g_assert_true(gets_flags("qSupported:multiprocess+;swbreak+;xmlRegisters=i386")); /* gdb */
	g_assert_true(gets_flags("QThreadSuffixSupported"));				  /* lldb */
	g_assert_true(gets_flags("?"));
	g_assert_false(gets_flags("qSupported:multiprocess+;qRelocInsn+;xmlRegisters=i386"));
}

/* What lldb is told of the machine comes with the registers, and only what they say. */
static void test_architecture(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "qHostInfo", "$endian:little;ptrsize:2;");
	session_rig_ask(rig, "qProcessInfo", "$pid:1;endian:little;ptrsize:2;");
	rig->architecture.triple = "pdp-dec";
	rig->architecture.host_info = "word:18;";
	session_rig_ask(rig, "qHostInfo",
			"$triple:7064702d646563;word:18;endian:little;ptrsize:2;");
	session_rig_ask(rig, "qProcessInfo",
			"$pid:1;triple:7064702d646563;endian:little;ptrsize:2;");
}

static void test_held_interrupt(void)
{
	g_autoptr(SessionRig) rig = session_rig_new(false);

	gdb_session_attach(rig->session);
	g_assert_cmpuint(session_rig_feed(rig, "\003"), ==, 1);
	session_rig_log(rig, "attach stop.0 ");
	g_assert_cmpuint(session_rig_feed(rig, "$?#3f\003"), ==, 5);
	session_rig_log(rig, "stop.0 ");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	/* Stopped now: the 0x03 that is offered again has had its effect. */
	g_assert_cmpuint(session_rig_feed(rig, "\003"), ==, 1);
	session_rig_log(rig, "");
	session_rig_output(rig, "+$T02thread:01;2:12121212;");
}

static void test_run_and_stop(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "vCont;c:2", "");
	session_rig_log(rig, "resume.hc ");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_RUNNING);
	/* The CPU that was resumed last is the one to name. */
	session_rig_feed(rig, "\003");
	session_rig_log(rig, "stop.1 ");
	session_rig_output(rig, "");
	session_rig_post(rig, GDB_STOP_PAUSED, 1);
	session_rig_output(rig, "$T02thread:02;2:22222222;");
	/* Nobody waits for this one: it is only remembered. */
	session_rig_post(rig, GDB_STOP_WATCH, 0);
	session_rig_output(rig, "");
	session_rig_ask(rig, "?", "$T05thread:01;watch:1234;2:12121212;");
	session_rig_ask(rig, "?", "$T05thread:01;watch:1234;2:12121212;");
}

static void test_illegal_while_running(void)
{
	static const char *const needs_stop[] = {"?",  "g",	 "m0,1",     "vCont;c",
						 "c",  "Z0,1,1", "qRcmd,68", "vAttach;1",
						 "p0", "X0,0:",	 "qCRC:0,1", "P0=0000"};
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "c", "");
	session_rig_log(rig, "resume.cc ");
	for (size_t n = 0; n < G_N_ELEMENTS(needs_stop); n++)
		session_rig_ask(rig, needs_stop[n], "$E16");
	session_rig_ask(rig, "qfThreadInfo", "$m01,02");
	session_rig_ask(rig, "T2", "$OK");
	session_rig_ask(rig, "vCont?", "$vCont;c;C;s;S;t;r");
	session_rig_ask(rig, "nonsense", "$");
	session_rig_log(rig, "");
	session_rig_post(rig, GDB_STOP_STEP, 0);
	session_rig_output(rig, "$T05thread:01;2:12121212;");
}

/* The user of a gdb before 16 is told, too, by the packets whose errors gdb shows. */
static void test_words_for_old_gdb(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();
	g_autofree char *told = NULL;

	session_rig_packet(rig, "qSupported:multiprocess+;swbreak+;hwbreak+");
	g_free(session_rig_take(rig));
	rig->refuse_resume = true;
	session_rig_ask(rig, "vCont;c", "$E.not now");
	session_rig_ask(rig, "s", "$E.not now");
	session_rig_ask(rig, "pffff", "$E.no register with the number ffff");
	session_rig_ask(rig, "P0=zzzz", "$E.P: the value of a is not hex");
	session_rig_ask(rig, "qSearch:memory:0;10;", "$E22 qSearch:memory with an empty pattern");
	/* Words here would be taken for memory, or for text of the monitor. */
	session_rig_ask(rig, "m0,zz", "$E22");
	session_rig_ask(rig, "qRcmd,6", "$E22");
	session_rig_ask(rig, "vCont;c", "$E.not now");
	g_assert_cmpuint(session_rig_feed(rig, "$vCont#00"), ==, 9);
	told = session_rig_take(rig);
	g_assert_null(strstr(told, "E."));
}

static void test_refused_resume(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	rig->refuse_resume = true;
	session_rig_ask(rig, "vCont;c", "$E16");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_STOPPED);
	session_rig_ask(rig, "qSupported:error-message+",
			"$PacketSize=40000;QStartNoAckMode+;"
			"qXfer:features:read+;qXfer:threads:read+;"
			"vContSupported+;multiprocess+;error-message+;"
			"binary-upload+;qEcho+;MultiMemRead+");
	session_rig_ask(rig, "vCont;c", "$E.not now");
	session_rig_ask(rig, "vCont;c:9",
			"$E.thread 9 is no CPU: the machine has 2 CPUs, which are threads 1 "
			"to 2; `thread 1` selects the first");
	/* What would need an escape can not be in an error's text. */
	session_rig_ask(rig, "mffffff,1", "$E.CPU 0 has no memory there");
	/* No arguments: nothing that was agreed changes. */
	session_rig_packet(rig, "qSupported");
	g_free(session_rig_take(rig));
	session_rig_ask(rig, "vCont;c", "$E.not now");
}

/* What a target with no more than the four tables that it must have is not asked for. */
static void test_absent(void)
{
	static const char *const packets[][2] = {
		{"Z0,10,1", "$"},
		{"z0,10,1", "$"},
		{"qWatchpointSupportInfo:", "$"},
		{"qMemoryRegionInfo", "$"},
		{"qMemoryRegionInfo:0", "$"},
		{"qqemu.Supported", "$sstepbits;sstep"},
		{"qqemu.sstepbits", "$ENABLE=1"},
		{"Qqemu.sstep=3", "$E22"},
		{"qqemu.PhyMemMode", "$"},
		{"Qqemu.PhyMemMode:1", "$"},
		{"qXfer:exec-file:read::0,10", "$"},
		{"Hc-1", "$OK"},
		{"qOffsets", "$"},
		{"qSymbol::", "$OK"},
		{"qSymbol:10:61", "$OK"},
		{"qRcmd,70696e67", "$O756e6b6e6f776e20636f6d6d616e643a202770696e67270a$OK"},
		{"k", ""},
	};
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	for (unsigned n = 0; n < G_N_ELEMENTS(packets); n++)
		session_rig_ask(rig, packets[n][0], packets[n][1]);
	session_rig_log(rig, "detach ");
}

static void test_legacy_resume(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "Hc2", "$OK");
	session_rig_ask(rig, "s", "");
	session_rig_log(rig, "resume.cs ");
	session_rig_post(rig, GDB_STOP_STEP, 1);
	g_free(session_rig_take(rig));
	session_rig_ask(rig, "s80", "");
	session_rig_log(rig, "pc.1=80 resume.cs ");
	session_rig_post(rig, GDB_STOP_STEP, 1);
	g_free(session_rig_take(rig));
	session_rig_ask(rig, "Hc-1", "$OK");
	session_rig_ask(rig, "S05;44", "");
	session_rig_log(rig, "pc.1=44 resume.cs ");
	session_rig_post(rig, GDB_STOP_STEP, 0);
	g_free(session_rig_take(rig));
	session_rig_ask(rig, "C05", "");
	session_rig_log(rig, "resume.cc ");
}

static void test_choice(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "p0", "$1010");
	session_rig_ask(rig, "Hg2", "$OK");
	session_rig_ask(rig, "p0", "$2020");
	session_rig_ask(rig, "qC", "$QC02");
	session_rig_ask(rig, "Hg-1", "$OK");
	session_rig_ask(rig, "p0", "$2020");
	session_rig_ask(rig, "Hg0", "$OK");
	session_rig_ask(rig, "p0", "$1010");
	session_rig_ask(rig, "Hg3", "$E02");
	session_rig_ask(rig, "p0", "$1010");
	/* A stop chooses the CPU that stopped. */
	session_rig_ask(rig, "c", "");
	session_rig_post(rig, GDB_STOP_STEP, 1);
	g_free(session_rig_take(rig));
	session_rig_ask(rig, "p0", "$2020");
}

static void test_detach(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "D;9", "$E02");
	session_rig_log(rig, "");
	session_rig_ask(rig, "D;0000000000000001", "$OK");
	session_rig_log(rig, "detach ");
	session_rig_ask(rig, "g", "$E22");
	session_rig_ask(rig, "?", "$W00");
	/* A late stop of the old attachment says nothing. */
	session_rig_post(rig, GDB_STOP_STEP, 0);
	session_rig_output(rig, "");
	session_rig_ask(rig, "vAttach;1", "");
	session_rig_log(rig, "attach ");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_output(rig, "$T02thread:01;2:12121212;");
	/* Without a kill() the target is left alone. */
	session_rig_ask(rig, "k", "");
	session_rig_log(rig, "detach ");
}

/* Once the machine is told to end, there is nothing to detach from or to attach to. */
static void test_kill(void)
{
	static const char *const packets[] = {"k", "vKill;1"}, *const replies[] = {"", "$OK"};

	for (int n = 0; n < 2; n++) {
		g_autoptr(SessionRig) rig = session_rig_new_full(false);

		gdb_session_attach(rig->session);
		session_rig_post(rig, GDB_STOP_PAUSED, 0);
		session_rig_ask(rig, "vKill;2", "$E02");
		session_rig_log(rig, "attach ");
		session_rig_ask(rig, packets[n], replies[n]);
		session_rig_log(rig, "kill ");
		session_rig_ask(rig, "vAttach;1", "$E02");
		session_rig_ask(rig, "D", "$OK");
		gdb_session_free(g_steal_pointer(&rig->session));
		session_rig_log(rig, "");
	}
}

static void test_free_detaches(void)
{
	SessionRig *rig = session_rig_new_stopped();

	gdb_session_free(g_steal_pointer(&rig->session));
	session_rig_log(rig, "detach ");
	session_rig_free(rig);
}

static void test_nack(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_feed(rig, "-");
	session_rig_output(rig, "");
	session_rig_ask(rig, "qC", "$QC01");
	session_rig_feed(rig, "-");
	session_rig_output(rig, "$QC01");
	session_rig_feed(rig, "+-");
	session_rig_output(rig, "$QC01");
	session_rig_feed(rig, "$qC#00");
	session_rig_output(rig, "-");
}

/* Console text is a packet like any other. */
static void test_nack_of_console(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "qC", "$QC01");
	session_rig_ask(rig, "c", "");
	gdb_session_print(rig->session, "hi", 2);
	session_rig_output(rig, "$O6869");
	session_rig_feed(rig, "-");
	session_rig_output(rig, "$O6869");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_output(rig, "$T02thread:01;2:12121212;");
	session_rig_feed(rig, "-");
	session_rig_output(rig, "$T02thread:01;2:12121212;");
}

static void test_no_ack(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "QStartNoAckMode", "$OK");
	session_rig_feed(rig, "+$qC#00-+");
	session_rig_output(rig, "$QC01");
}

static void work_to_end(SessionRig *rig)
{
	int slices = 0;

	for (; gdb_session_has_work(rig->session); slices++)
		gdb_session_work(rig->session);
	g_assert_cmpint(slices, >=, 1);
}

/* Found across a border of slices, wherever it may be. */
static void test_search(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	for (uint64_t addr = 0x1fff8; addr < 0x20008; addr++) {
		g_autofree char *reply = g_strdup_printf("$1,%" G_GINT64_MODIFIER "x", addr);

		memset(rig->memory, 0, SESSION_MEMORY);
		memcpy(rig->memory + addr, "needle", 6);
		session_rig_ask(rig, "qSearch:memory:0;80000;needle", "");
		work_to_end(rig);
		session_rig_output(rig, reply);
	}
	/* Half of it lies beyond the end of the range. */
	session_rig_ask(rig, "qSearch:memory:0;2000c;needle", "");
	work_to_end(rig);
	session_rig_output(rig, "$0");
	session_rig_ask(rig, "qSearch:memory:0;ffffffffffffffff;nothing", "");
	work_to_end(rig);
	session_rig_output(rig, "$E14");
	session_rig_ask(rig, "qSearch:memory:1000;ffffffffffffffff;nothing", "$E14");
	session_rig_ask(rig, "qSearch:memory:1000;10;", "$E22");
}

static void test_crc(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	/* The check value of this polynomial without a final inversion: CRC-32/MPEG-2. */
	memcpy(rig->memory, "123456789", 9);
	session_rig_ask(rig, "qCRC:0,9", "");
	work_to_end(rig);
	session_rig_output(rig, "$C0376e6e7");
}

/* gdb would take a reply that comes after 6 seconds for that to its next packet. */
static void test_search_too_long(void)
{
	static const char *const packets[] = {"qSearch:memory:100000000;ffffffff0000;nothing",
					      "qCRC:100000000,ffffffff0000"};

	for (unsigned n = 0; n < G_N_ELEMENTS(packets); n++) {
		g_autoptr(SessionRig) rig = session_rig_new_stopped();
		gint64 begin = g_get_monotonic_time();
		g_autofree char *got = NULL;
		double seconds;

		session_rig_packet(rig, "qSupported:error-message+");
		g_free(session_rig_take(rig));
		session_rig_ask(rig, packets[n], "");
		while (gdb_session_has_work(rig->session))
			gdb_session_work(rig->session);
		seconds = (g_get_monotonic_time() - begin) / 1e6;
		got = session_rig_take(rig);
		g_test_message("%.1f s: %s", seconds, got);
		g_assert_true(g_regex_match_simple("^\\$E\\.the (search|checksum) came as far as "
						   "0x1[0-9a-f]{8} in 4 seconds",
						   got, 0, 0));
		g_assert_cmpfloat(seconds, >, 3.5);
		g_assert_cmpfloat(seconds, <, 5.5);
	}
}

static void test_work_interrupted(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	session_rig_ask(rig, "qSearch:memory:0;80000;nothing", "");
	gdb_session_work(rig->session);
	g_assert_true(gdb_session_has_work(rig->session));
	g_assert_cmpuint(session_rig_feed(rig, "$qC#b4\003"), ==, 7);
	g_assert_false(gdb_session_has_work(rig->session));
	session_rig_output(rig, "+$E16$QC01");
	session_rig_ask(rig, "qSearch:memory:0;80000;nothing", "");
	session_rig_ask(rig, "qC", "");
	work_to_end(rig);
	session_rig_output(rig, "$0$QC01");
	session_rig_ask(rig, "qSearch:memory:0;80000;nothing", "");
}

/* Nothing is taken while the client does not read. */
static void test_output_limit(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();
	const char *packet = "$x0,40000#c8";
	size_t taken = 0;

	for (size_t n = 0; n < SESSION_MEMORY; n++)
		rig->memory[n] = n | 1;
	for (int n = 0; n < 1000 && session_rig_feed(rig, packet) == strlen(packet); n++)
		taken++;
	g_assert_cmpuint(taken, >=, 3);
	g_assert_cmpuint(taken, <, 10);
	g_assert_cmpuint(gdb_session_output(rig->session)->len, <,
			 GDB_SESSION_OUTPUT_MAX + GDB_PACKET_MAX + 100);
	g_byte_array_set_size(gdb_session_output(rig->session), 0);
	g_assert_cmpuint(session_rig_feed(rig, packet), ==, strlen(packet));
}

static void test_lazy(void)
{
	g_autoptr(SessionRig) rig = session_rig_new(true);

	/* Noise and acks are nobody yet. */
	session_rig_feed(rig, "+\r\nlogin:+");
	session_rig_log(rig, "");
	session_rig_packet(rig, "?");
	session_rig_log(rig, "attach ");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_output(rig, "+$T02thread:01;2:12121212;");
	session_rig_ask(rig, "QStartNoAckMode", "$OK");
	session_rig_feed(rig, "+$D#00");
	session_rig_output(rig, "$OK");
	session_rig_log(rig, "detach ");
	/* The next client knows nothing of the last one's ack mode. */
	session_rig_packet(rig, "qC");
	session_rig_log(rig, "attach ");
	session_rig_post(rig, GDB_STOP_PAUSED, 1);
	session_rig_output(rig, "+$QC02");
	session_rig_feed(rig, "\003");
	session_rig_log(rig, "");
}

/* A new client after one that vanished: its first + gives it away. */
static void test_lazy_new_client(void)
{
	g_autoptr(SessionRig) rig = session_rig_new(true);

	session_rig_feed(rig, "\003");
	session_rig_log(rig, "attach stop.0 ");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_ask(rig, "QStartNoAckMode", "$OK");
	session_rig_feed(rig, "+");
	session_rig_feed(rig, "+");
	session_rig_log(rig, "detach ");
	session_rig_feed(rig, "$qC#b4");
	session_rig_log(rig, "attach ");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_output(rig, "+$QC01");
}

static void test_exited(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	gdb_session_exited(rig->session, 3);
	session_rig_output(rig, "");
	session_rig_ask(rig, "c", "");
	gdb_session_exited(rig->session, 3);
	session_rig_output(rig, "$W03");
}

static void note_detach(void *data)
{
	g_string_append(((SessionRig *)data)->log, "told ");
}

static void test_detached_callback(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_stopped();

	gdb_session_on_detach(rig->session, note_detach, rig);
	session_rig_ask(rig, "D", "$OK");
	session_rig_log(rig, "detach told ");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/session/next", test_next);
	g_test_add_func("/session/architecture", test_architecture);
	g_test_add_func("/session/flags", test_flags);
	g_test_add_func("/session/held", test_held);
	g_test_add_func("/session/held-interrupt", test_held_interrupt);
	g_test_add_func("/session/run-and-stop", test_run_and_stop);
	g_test_add_func("/session/illegal-while-running", test_illegal_while_running);
	g_test_add_func("/session/refused-resume", test_refused_resume);
	g_test_add_func("/session/words-for-old-gdb", test_words_for_old_gdb);
	g_test_add_func("/session/absent", test_absent);
	g_test_add_func("/session/legacy-resume", test_legacy_resume);
	g_test_add_func("/session/choice", test_choice);
	g_test_add_func("/session/detach", test_detach);
	g_test_add_func("/session/kill", test_kill);
	g_test_add_func("/session/free-detaches", test_free_detaches);
	g_test_add_func("/session/nack", test_nack);
	g_test_add_func("/session/nack-of-console", test_nack_of_console);
	g_test_add_func("/session/no-ack", test_no_ack);
	g_test_add_func("/session/search", test_search);
	g_test_add_func("/session/crc", test_crc);
	g_test_add_func("/session/search-too-long", test_search_too_long);
	g_test_add_func("/session/work-interrupted", test_work_interrupted);
	g_test_add_func("/session/output-limit", test_output_limit);
	g_test_add_func("/session/lazy", test_lazy);
	g_test_add_func("/session/lazy-new-client", test_lazy_new_client);
	g_test_add_func("/session/exited", test_exited);
	g_test_add_func("/session/detached-callback", test_detached_callback);
	return g_test_run();
}

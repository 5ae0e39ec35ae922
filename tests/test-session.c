/*
 * tests/test-session.c - the sentences of gdbstub/session.h: bytes in, bytes out, no socket.
 *
 * The target here only writes down what it is asked; stops come when a test says so.
 */
#include "gdbstub/session.h"

#include <string.h>

#include "gdbstub/frame.h"

#define N_CPUS 2
#define MEMORY_SIZE 0x100000

typedef struct Target {
	GString *log; /* what was asked, in short words */
	GdbRegSet *set;
	bool refuse_resume;
	uint8_t memory[MEMORY_SIZE];
} Target;

typedef struct Rig {
	Target target;
	GdbSession *session;
} Rig;

static unsigned op_cpu_count(G_GNUC_UNUSED void *data)
{
	return N_CPUS;
}

static void op_describe(G_GNUC_UNUSED void *data, unsigned cpu, GString *text)
{
	g_string_append_printf(text, "CPU#%u", cpu);
}

static const GdbRegSet *op_registers(void *data)
{
	return ((Target *)data)->set;
}

static bool op_read_register(G_GNUC_UNUSED void *data, unsigned cpu, const GdbReg *reg,
			     uint8_t *buf, GError **error)
{
	if (reg->num == 1) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "never there");
		return false;
	}
	memset(buf, 0x10 * (cpu + 1) + reg->num, gdb_reg_bytes(reg));
	return true;
}

static bool op_write_register(void *data, unsigned cpu, const GdbReg *reg, const uint8_t *buf,
			      G_GNUC_UNUSED GError **error)
{
	g_string_append_printf(((Target *)data)->log, "%s.%u=%02x ", reg->name, cpu, buf[0]);
	return true;
}

static size_t op_read_memory(void *data, G_GNUC_UNUSED unsigned cpu, uint64_t addr, uint8_t *buf,
			     size_t len, GError **error)
{
	if (addr >= MEMORY_SIZE) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT, "CPU#0 has no memory there");
		return 0;
	}
	len = MIN(len, MEMORY_SIZE - addr);
	memcpy(buf, ((Target *)data)->memory + addr, len);
	return len;
}

static bool op_write_memory(void *data, G_GNUC_UNUSED unsigned cpu, uint64_t addr,
			    const uint8_t *buf, size_t len, G_GNUC_UNUSED GError **error)
{
	memcpy(((Target *)data)->memory + addr, buf, len);
	return true;
}

static void op_attach(void *data)
{
	g_string_append(((Target *)data)->log, "attach ");
}

static void op_stop(void *data, unsigned cpu)
{
	g_string_append_printf(((Target *)data)->log, "stop.%u ", cpu);
}

static bool op_resume(void *data, const GdbAction *actions, GError **error)
{
	Target *target = data;

	if (target->refuse_resume) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "not now");
		return false;
	}
	g_string_append_printf(target->log, "resume.%c%c ", "hcsr"[actions[0].kind],
			       "hcsr"[actions[1].kind]);
	return true;
}

static void op_detach(void *data)
{
	g_string_append(((Target *)data)->log, "detach ");
}

static void op_kill(void *data)
{
	g_string_append(((Target *)data)->log, "kill ");
}

static const GdbTargetOps ops = {
	.cpu_count = op_cpu_count,
	.describe_cpu = op_describe,
	.registers = op_registers,
	.read_register = op_read_register,
	.write_register = op_write_register,
	.read_memory = op_read_memory,
	.write_memory = op_write_memory,
	.attach = op_attach,
	.stop = op_stop,
	.resume = op_resume,
	.detach = op_detach,
};

static Rig *rig_new(bool lazy)
{
	static const GdbReg rows[] = {
		{.name = "a", .num = 0, .bits = 16, .type = "int16"},
		{.name = "b", .num = 1, .bits = 16, .type = "int16"},
		{.name = "pc", .num = 2, .bits = 32, .type = "code_ptr"},
	};
	static const GdbFeature feature = {"core", NULL, rows, G_N_ELEMENTS(rows)};
	static const unsigned expedited[] = {2, 1};
	Rig *rig = g_new0(Rig, 1);

	rig->target.log = g_string_new(NULL);
	rig->target.set = gdb_reg_set_new("i386:x86-64", 3, 2);
	gdb_reg_set_add(rig->target.set, &feature);
	gdb_reg_set_expedite(rig->target.set, expedited, 2);
	rig->session = gdb_session_new(&ops, &rig->target, "vmgdb 0.1", lazy);
	return rig;
}

static void rig_free(Rig *rig)
{
	gdb_session_free(rig->session);
	g_string_free(rig->target.log, TRUE);
	gdb_reg_set_free(rig->target.set);
	g_free(rig);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

/* What the target was asked since the last time. */
static void check_log(Rig *rig, const char *expected)
{
	g_assert_cmpstr(rig->target.log->str, ==, expected);
	g_string_truncate(rig->target.log, 0);
}

static size_t feed(Rig *rig, const char *bytes)
{
	return gdb_session_feed(rig->session, (const uint8_t *)bytes, strlen(bytes));
}

static void feed_packet(Rig *rig, const char *payload)
{
	g_autoptr(GByteArray) wire = g_byte_array_new();

	gdb_frame_encode(wire, payload, strlen(payload), false);
	g_assert_cmpuint(gdb_session_feed(rig->session, wire->data, wire->len), ==, wire->len);
}

/* What the session sent since the last time, without the sums: "+$OK". */
static char *take_output(Rig *rig)
{
	GByteArray *bytes = gdb_session_output(rig->session);
	GString *text = g_string_new(NULL);

	for (guint at = 0; at < bytes->len; at++) {
		if (bytes->data[at] == '#')
			at += 2;
		else
			g_string_append_c(text, bytes->data[at]);
	}
	g_byte_array_set_size(bytes, 0);
	return g_string_free(text, FALSE);
}

static void check_output(Rig *rig, const char *expected)
{
	g_autofree char *got = take_output(rig);

	g_assert_cmpstr(got, ==, expected);
}

static void check_ask(Rig *rig, const char *packet, const char *expected)
{
	g_autofree char *got = NULL;

	feed_packet(rig, packet);
	got = take_output(rig);
	g_assert_true(g_str_has_prefix(got, "+"));
	g_test_message("%s", packet);
	g_assert_cmpstr(got + 1, ==, expected);
}

static void post(Rig *rig, GdbStopKind kind, unsigned cpu)
{
	GdbStop stop = {cpu, kind, 0x1234};

	gdb_session_stop(rig->session, &stop);
}

static Rig *rig_new_stopped(void)
{
	Rig *rig = rig_new(false);

	gdb_session_attach(rig->session);
	post(rig, GDB_STOP_PAUSED, 0);
	check_log(rig, "attach ");
	check_output(rig, "");
	return rig;
}

static void test_next(void)
{
	static const GdbSessionState states[] = {GDB_SESSION_NONE, GDB_SESSION_ATTACHING,
						 GDB_SESSION_STOPPED, GDB_SESSION_RUNNING};
	/* By event, then by state in the order above. */
	static const GdbSessionState expected[4][4] = {
		[GDB_SESSION_ATTACH] = {GDB_SESSION_ATTACHING, GDB_SESSION_ATTACHING,
					GDB_SESSION_STOPPED, GDB_SESSION_RUNNING},
		[GDB_SESSION_STOP] = {GDB_SESSION_NONE, GDB_SESSION_STOPPED, GDB_SESSION_STOPPED,
				      GDB_SESSION_STOPPED},
		[GDB_SESSION_RESUME] = {GDB_SESSION_NONE, GDB_SESSION_ATTACHING,
					GDB_SESSION_RUNNING, GDB_SESSION_RUNNING},
		[GDB_SESSION_DETACH] = {GDB_SESSION_NONE, GDB_SESSION_NONE, GDB_SESSION_NONE,
					GDB_SESSION_NONE},
	};

	for (GdbSessionEvent event = GDB_SESSION_ATTACH; event <= GDB_SESSION_DETACH; event++) {
		for (int n = 0; n < 4; n++)
			g_assert_cmpint(gdb_session_next(states[n], event), ==, expected[event][n]);
	}
}

/* A packet that comes before the stop waits, whole; the rest is not taken. */
static void test_held(void)
{
	g_autoptr(Rig) rig = rig_new(false);

	gdb_session_attach(rig->session);
	g_assert_cmpuint(feed(rig, "$?#3f$g#67"), ==, 5);
	g_assert_cmpuint(feed(rig, "$g#67"), ==, 0);
	check_output(rig, "+");
	check_log(rig, "attach ");
	post(rig, GDB_STOP_PAUSED, 1);
	check_output(rig, "$T02thread:02;2:22222222;");
	g_assert_cmpuint(feed(rig, "$g#67"), ==, 5);
	check_output(rig, "+$2020xxxx22222222");
}

static void test_held_interrupt(void)
{
	g_autoptr(Rig) rig = rig_new(false);

	gdb_session_attach(rig->session);
	g_assert_cmpuint(feed(rig, "\003"), ==, 1);
	check_log(rig, "attach stop.0 ");
	g_assert_cmpuint(feed(rig, "$?#3f\003"), ==, 5);
	check_log(rig, "stop.0 ");
	post(rig, GDB_STOP_PAUSED, 0);
	/* Stopped now: the 0x03 that is offered again has had its effect. */
	g_assert_cmpuint(feed(rig, "\003"), ==, 1);
	check_log(rig, "");
	check_output(rig, "+$T02thread:01;2:12121212;");
}

static void test_run_and_stop(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	check_ask(rig, "vCont;c:2", "");
	check_log(rig, "resume.hc ");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_RUNNING);
	/* The CPU that was resumed last is the one to name. */
	feed(rig, "\003");
	check_log(rig, "stop.1 ");
	check_output(rig, "");
	post(rig, GDB_STOP_PAUSED, 1);
	check_output(rig, "$T02thread:02;2:22222222;");
	/* Nobody waits for this one: it is only remembered. */
	post(rig, GDB_STOP_WATCH, 0);
	check_output(rig, "");
	check_ask(rig, "?", "$T05thread:01;watch:1234;2:12121212;");
	check_ask(rig, "?", "$T05thread:01;watch:1234;2:12121212;");
}

static void test_illegal_while_running(void)
{
	static const char *const needs_stop[] = {"?",  "g",	 "m0,1",     "vCont;c",
						 "c",  "Z0,1,1", "qRcmd,68", "vAttach;1",
						 "p0", "X0,0:",	 "qCRC:0,1", "P0=0000"};
	g_autoptr(Rig) rig = rig_new_stopped();

	check_ask(rig, "c", "");
	check_log(rig, "resume.cc ");
	for (size_t n = 0; n < G_N_ELEMENTS(needs_stop); n++)
		check_ask(rig, needs_stop[n], "$E16");
	check_ask(rig, "qfThreadInfo", "$m01,02");
	check_ask(rig, "T2", "$OK");
	check_ask(rig, "vCont?", "$vCont;c;C;s;S;t;r");
	check_ask(rig, "nonsense", "$");
	check_log(rig, "");
	post(rig, GDB_STOP_STEP, 0);
	check_output(rig, "$T05thread:01;2:12121212;");
}

static void test_refused_resume(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	rig->target.refuse_resume = true;
	check_ask(rig, "vCont;c", "$E16");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_STOPPED);
	check_ask(rig, "qSupported:error-message+",
		  "$PacketSize=40000;QStartNoAckMode+;"
		  "qXfer:features:read+;qXfer:threads:read+;"
		  "vContSupported+;multiprocess+;error-message+;"
		  "binary-upload+;qEcho+");
	check_ask(rig, "vCont;c", "$E.not now");
	check_ask(rig, "vCont;c:9",
		  "$E.no thread 9: the machine has 2 CPUs, which are threads 1 "
		  "to 2");
	/* What would need an escape can not be in an error's text. */
	check_ask(rig, "mffffff,1", "$E.CPU 0 has no memory there");
	/* No arguments: nothing that was agreed changes. */
	feed_packet(rig, "qSupported");
	g_free(take_output(rig));
	check_ask(rig, "vCont;c", "$E.not now");
}

static void test_legacy_resume(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	check_ask(rig, "Hc2", "$OK");
	check_ask(rig, "s", "");
	check_log(rig, "resume.cs ");
	post(rig, GDB_STOP_STEP, 1);
	g_free(take_output(rig));
	check_ask(rig, "s80", "");
	check_log(rig, "pc.1=80 resume.cs ");
	post(rig, GDB_STOP_STEP, 1);
	g_free(take_output(rig));
	check_ask(rig, "Hc-1", "$OK");
	check_ask(rig, "S05;44", "");
	check_log(rig, "pc.1=44 resume.cs ");
	post(rig, GDB_STOP_STEP, 0);
	g_free(take_output(rig));
	check_ask(rig, "C05", "");
	check_log(rig, "resume.cc ");
}

static void test_choice(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	check_ask(rig, "p0", "$1010");
	check_ask(rig, "Hg2", "$OK");
	check_ask(rig, "p0", "$2020");
	check_ask(rig, "qC", "$QC02");
	check_ask(rig, "Hg-1", "$OK");
	check_ask(rig, "p0", "$2020");
	check_ask(rig, "Hg0", "$OK");
	check_ask(rig, "p0", "$1010");
	check_ask(rig, "Hg3", "$E02");
	check_ask(rig, "p0", "$1010");
	/* A stop chooses the CPU that stopped. */
	check_ask(rig, "c", "");
	post(rig, GDB_STOP_STEP, 1);
	g_free(take_output(rig));
	check_ask(rig, "p0", "$2020");
}

static void test_detach(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	check_ask(rig, "D;9", "$E02");
	check_log(rig, "");
	check_ask(rig, "D;0000000000000001", "$OK");
	check_log(rig, "detach ");
	check_ask(rig, "g", "$E22");
	check_ask(rig, "?", "$W00");
	/* A late stop of the old attachment says nothing. */
	post(rig, GDB_STOP_STEP, 0);
	check_output(rig, "");
	check_ask(rig, "vAttach;1", "");
	check_log(rig, "attach ");
	post(rig, GDB_STOP_PAUSED, 0);
	check_output(rig, "$T02thread:01;2:12121212;");
	/* Without a kill() the target is left alone. */
	check_ask(rig, "k", "");
	check_log(rig, "detach ");
}

/* Once the machine is told to end, there is nothing to detach from or to attach to. */
static void test_kill(void)
{
	static const char *const packets[] = {"k", "vKill;1"}, *const replies[] = {"", "$OK"};
	GdbTargetOps with_kill = ops;

	with_kill.kill = op_kill;
	for (int n = 0; n < 2; n++) {
		g_autoptr(Rig) rig = rig_new(false);

		gdb_session_free(rig->session);
		rig->session = gdb_session_new(&with_kill, &rig->target, "vmgdb 0.1", false);
		gdb_session_attach(rig->session);
		post(rig, GDB_STOP_PAUSED, 0);
		check_ask(rig, "vKill;2", "$E02");
		check_log(rig, "attach ");
		check_ask(rig, packets[n], replies[n]);
		check_log(rig, "kill ");
		check_ask(rig, "vAttach;1", "$E02");
		check_ask(rig, "D", "$OK");
		gdb_session_free(g_steal_pointer(&rig->session));
		check_log(rig, "");
	}
}

static void test_free_detaches(void)
{
	Rig *rig = rig_new_stopped();

	gdb_session_free(g_steal_pointer(&rig->session));
	check_log(rig, "detach ");
	rig_free(rig);
}

static void test_nack(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	feed(rig, "-");
	check_output(rig, "");
	check_ask(rig, "qC", "$QC01");
	feed(rig, "-");
	check_output(rig, "$QC01");
	feed(rig, "+-");
	check_output(rig, "$QC01");
	feed(rig, "$qC#00");
	check_output(rig, "-");
}

static void test_no_ack(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	check_ask(rig, "QStartNoAckMode", "$OK");
	feed(rig, "+$qC#00-+");
	check_output(rig, "$QC01");
}

static void work_to_end(Rig *rig)
{
	int slices = 0;

	for (; gdb_session_has_work(rig->session); slices++)
		gdb_session_work(rig->session);
	g_assert_cmpint(slices, >=, 1);
}

/* Found across a border of slices, wherever it may be. */
static void test_search(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	for (uint64_t addr = 0x1fff8; addr < 0x20008; addr++) {
		g_autofree char *reply = g_strdup_printf("$1,%" G_GINT64_MODIFIER "x", addr);

		memset(rig->target.memory, 0, MEMORY_SIZE);
		memcpy(rig->target.memory + addr, "needle", 6);
		check_ask(rig, "qSearch:memory:0;80000;needle", "");
		work_to_end(rig);
		check_output(rig, reply);
	}
	/* Half of it lies beyond the end of the range. */
	check_ask(rig, "qSearch:memory:0;2000c;needle", "");
	work_to_end(rig);
	check_output(rig, "$0");
	check_ask(rig, "qSearch:memory:0;ffffffffffffffff;nothing", "");
	work_to_end(rig);
	check_output(rig, "$E14");
	check_ask(rig, "qSearch:memory:1000;ffffffffffffffff;nothing", "$E14");
	check_ask(rig, "qSearch:memory:1000;10;", "$E22");
}

static void test_crc(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	/* The check value of this polynomial without a final inversion: CRC-32/MPEG-2. */
	memcpy(rig->target.memory, "123456789", 9);
	check_ask(rig, "qCRC:0,9", "");
	work_to_end(rig);
	check_output(rig, "$C0376e6e7");
}

static void test_work_interrupted(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	check_ask(rig, "qSearch:memory:0;80000;nothing", "");
	gdb_session_work(rig->session);
	g_assert_true(gdb_session_has_work(rig->session));
	g_assert_cmpuint(feed(rig, "$qC#b4\003"), ==, 6);
	g_assert_false(gdb_session_has_work(rig->session));
	check_output(rig, "+$E16$QC01");
	check_ask(rig, "qSearch:memory:0;80000;nothing", "");
	check_ask(rig, "qC", "");
	work_to_end(rig);
	check_output(rig, "$0$QC01");
	check_ask(rig, "qSearch:memory:0;80000;nothing", "");
}

/* Nothing is taken while the client does not read. */
static void test_output_limit(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();
	const char *packet = "$x0,40000#c8";
	size_t taken = 0;

	for (size_t n = 0; n < MEMORY_SIZE; n++)
		rig->target.memory[n] = n | 1;
	for (int n = 0; n < 1000 && feed(rig, packet) == strlen(packet); n++)
		taken++;
	g_assert_cmpuint(taken, >=, 3);
	g_assert_cmpuint(taken, <, 10);
	g_assert_cmpuint(gdb_session_output(rig->session)->len, <,
			 GDB_SESSION_OUTPUT_MAX + GDB_PACKET_MAX + 100);
	g_byte_array_set_size(gdb_session_output(rig->session), 0);
	g_assert_cmpuint(feed(rig, packet), ==, strlen(packet));
}

static void test_lazy(void)
{
	g_autoptr(Rig) rig = rig_new(true);

	/* Noise and acks are nobody yet. */
	feed(rig, "+\r\nlogin:+");
	check_log(rig, "");
	feed_packet(rig, "?");
	check_log(rig, "attach ");
	post(rig, GDB_STOP_PAUSED, 0);
	check_output(rig, "+$T02thread:01;2:12121212;");
	check_ask(rig, "QStartNoAckMode", "$OK");
	feed(rig, "+$D#00");
	check_output(rig, "$OK");
	check_log(rig, "detach ");
	/* The next client knows nothing of the last one's ack mode. */
	feed_packet(rig, "qC");
	check_log(rig, "attach ");
	post(rig, GDB_STOP_PAUSED, 1);
	check_output(rig, "+$QC02");
	feed(rig, "\003");
	check_log(rig, "");
}

/* A new client after one that vanished: its first + gives it away. */
static void test_lazy_new_client(void)
{
	g_autoptr(Rig) rig = rig_new(true);

	feed(rig, "\003");
	check_log(rig, "attach stop.0 ");
	post(rig, GDB_STOP_PAUSED, 0);
	check_ask(rig, "QStartNoAckMode", "$OK");
	feed(rig, "+");
	feed(rig, "+$qC#b4");
	check_output(rig, "+$QC01");
	check_log(rig, "");
}

static void test_exited(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	gdb_session_exited(rig->session, 3);
	check_output(rig, "");
	check_ask(rig, "c", "");
	gdb_session_exited(rig->session, 3);
	check_output(rig, "$W03");
}

static void test_detached_callback(void)
{
	g_autoptr(Rig) rig = rig_new_stopped();

	gdb_session_on_detach(rig->session, op_detach, &rig->target);
	check_ask(rig, "D", "$OK");
	check_log(rig, "detach detach ");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/session/next", test_next);
	g_test_add_func("/session/held", test_held);
	g_test_add_func("/session/held-interrupt", test_held_interrupt);
	g_test_add_func("/session/run-and-stop", test_run_and_stop);
	g_test_add_func("/session/illegal-while-running", test_illegal_while_running);
	g_test_add_func("/session/refused-resume", test_refused_resume);
	g_test_add_func("/session/legacy-resume", test_legacy_resume);
	g_test_add_func("/session/choice", test_choice);
	g_test_add_func("/session/detach", test_detach);
	g_test_add_func("/session/kill", test_kill);
	g_test_add_func("/session/free-detaches", test_free_detaches);
	g_test_add_func("/session/nack", test_nack);
	g_test_add_func("/session/no-ack", test_no_ack);
	g_test_add_func("/session/search", test_search);
	g_test_add_func("/session/crc", test_crc);
	g_test_add_func("/session/work-interrupted", test_work_interrupted);
	g_test_add_func("/session/output-limit", test_output_limit);
	g_test_add_func("/session/lazy", test_lazy);
	g_test_add_func("/session/lazy-new-client", test_lazy_new_client);
	g_test_add_func("/session/exited", test_exited);
	g_test_add_func("/session/detached-callback", test_detached_callback);
	return g_test_run();
}

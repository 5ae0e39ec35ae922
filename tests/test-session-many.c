/*
 * tests/test-session-many.c - packets that do at once what others do one by one: MultiMemRead,
 * jMultiBreakpoint, and the memory that a stop reply and jThreadsInfo bring along (LLDB, "GDB
 * Remote Protocol Extensions"). In an answer a '}' is escaped: "}]".
 */
#include "tests/session-rig.h"

#include <string.h>

#define PACKET_MAX 0x40000

/* A stop that both CPUs stand at, told to nobody. */
static SessionRig *new_stopped(void)
{
	SessionRig *rig = session_rig_new_full(false);

	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_log(rig, "attach ");
	return rig;
}

/* ---- MultiMemRead ---- */

static void test_read(void)
{
	g_autoptr(SessionRig) rig = new_stopped();

	memcpy(rig->memory + 0x10, "abcdefgh", 8);
	memcpy(rig->memory + SESSION_MEMORY - 1, "z", 1);
	session_rig_ask(rig, "MultiMemRead:ranges:10,4;", "$4;abcd");
	session_rig_ask(rig, "MultiMemRead:ranges:16,2,10,3;", "$2,3;ghabc");
	session_rig_ask(rig, "MultiMemRead:ranges:10,0,11,1;", "$0,1;b");
	/* Up to a hole, and in one. */
	session_rig_ask(rig, "MultiMemRead:ranges:fffff,8,100000,4,10,1;", "$1,0,1;za");
	/* Up to the last address, where a zero is. */
	session_rig_ask(rig, "MultiMemRead:ranges:10,1,ffffffffffffffff,ffffffffffffffff;",
			"$1,1;a");
}

static void test_read_malformed(void)
{
	static const char *const bad[] = {
		"MultiMemRead:",
		"MultiMemRead:ranges",
		"MultiMemRead:ranges:",
		"MultiMemRead:ranges:;",
		"MultiMemRead:ranges:10",
		"MultiMemRead:ranges:10,",
		"MultiMemRead:ranges:10,2",
		"MultiMemRead:ranges:10,2,",
		"MultiMemRead:ranges:10,2,;",
		"MultiMemRead:ranges:10,2,3;",
		"MultiMemRead:ranges:10,2;;",
		"MultiMemRead:ranges:,2;",
		"MultiMemRead:ranges:10,2;10,2;",
		"MultiMemRead:ranges:-1,2;",
		"MultiMemRead:ranges:10,11111111111111111;",
	};
	g_autoptr(SessionRig) rig = new_stopped();

	for (unsigned n = 0; n < G_N_ELEMENTS(bad); n++) {
		g_test_message("%s", bad[n]);
		session_rig_ask(rig, bad[n], "$E22");
	}
	session_rig_ask(rig, "MultiMemRead:", "$E22");
	session_rig_ask(rig, "MultiMemRead:places:0,1;", "$E22");
}

/* The lengths say what there is, and all of it fits into a packet, escapes and all. */
static void check_full(SessionRig *rig, const char *packet, unsigned n_ranges, unsigned most)
{
	GByteArray *out = gdb_session_output(rig->session);
	unsigned sum = 0, body;
	char *at;

	session_rig_packet(rig, packet);
	at = (char *)memchr(out->data, '$', out->len) + 1;
	for (unsigned n = 0; n < n_ranges; n++) {
		sum += strtoul(at, &at, 16);
		g_assert_cmpint(*at++, ==, n + 1 < n_ranges ? ',' : ';');
	}
	body = out->data + out->len - (uint8_t *)at - strlen("#00");
	g_assert_cmpuint(out->len, <=, PACKET_MAX + strlen("+$#00"));
	g_assert_cmpuint(body, ==, rig->memory[0] == '}' ? 2 * sum : sum);
	g_assert_cmpuint(sum, >, most - 100);
	g_byte_array_set_size(out, 0);
}

static void test_read_full(void)
{
	g_autoptr(SessionRig) rig = new_stopped();

	check_full(rig, "MultiMemRead:ranges:0,ffffffffffffffff;", 1, PACKET_MAX);
	check_full(rig, "MultiMemRead:ranges:0,30000,0,30000,0,30000;", 3, PACKET_MAX);
	memset(rig->memory, '}', SESSION_MEMORY);
	check_full(rig, "MultiMemRead:ranges:0,80000;", 1, PACKET_MAX / 2);
	check_full(rig, "MultiMemRead:ranges:0,18000,0,18000;", 2, PACKET_MAX / 2);
}

static void test_read_too_many(void)
{
	g_autoptr(SessionRig) rig = new_stopped();
	g_autoptr(GString) packet = g_string_new("MultiMemRead:ranges:0,0");

	for (unsigned n = 0; n < 40000; n++)
		g_string_append(packet, ",0,0");
	g_string_append_c(packet, ';');
	session_rig_ask(rig, packet->str, "$E22");
}

/* As m does: on the CPU and in the space that were chosen, and while none runs. */
static void test_read_place(void)
{
	g_autoptr(SessionRig) rig = new_stopped();

	memcpy(rig->memory, "V", 1);
	memcpy(rig->memory + SESSION_MEMORY / 2, "P", 1);
	session_rig_ask(rig, "Qqemu.PhyMemMode:1", "$OK");
	session_rig_ask(rig, "MultiMemRead:ranges:0,1;", "$1;P");
	session_rig_ask(rig, "Qqemu.PhyMemMode:0", "$OK");
	session_rig_ask(rig, "QNonStop:1", "$OK");
	session_rig_ask(rig, "MultiMemRead:ranges:0,1;", "");
	session_rig_post(rig, GDB_STOP_MOMENT, 0);
	session_rig_output(rig, "$1;V");
	session_rig_log(rig, "set.1 change.kc go hold go ");
}

/* ---- jMultiBreakpoint ---- */

#define MANY "jMultiBreakpoint:{\"breakpoint_requests\":"
#define RESULTS "${\"results\":["

static void test_breaks(void)
{
	g_autoptr(SessionRig) rig = new_stopped();

	session_rig_ask(rig, MANY "[\"Z0,10,1\"]}", RESULTS "\"OK\"]}]");
	g_assert_cmpuint(rig->breaks->len, ==, 1);
	session_rig_ask(rig, MANY "[\"Z0,20,1\",\"z0,10,1\",\"Z2,30,4\"]}",
			RESULTS "\"OK\",\"OK\",\"OK\"]}]");
	g_assert_cmpuint(rig->breaks->len, ==, 2);
	g_assert_cmpuint(g_array_index(rig->breaks, GdbBreak, 0).addr, ==, 0x20);
	g_assert_cmpuint(g_array_index(rig->breaks, GdbBreak, 1).type, ==, GDB_WATCH_WRITE);
	/* In their order; space wherever JSON has it. */
	session_rig_ask(rig,
			"jMultiBreakpoint: { \"breakpoint_requests\" :\n[ \"z0,20,1\" ,\t"
			"\"Z0,40,1\",\"z2,30,4\",\"z0,40,1\" ] } ",
			RESULTS "\"OK\",\"OK\",\"OK\",\"OK\"]}]");
	g_assert_cmpuint(rig->breaks->len, ==, 0);
	session_rig_ask(rig, MANY "[]}", RESULTS "]}]");
}

/* One that fails does not keep the others; lldb gets words. */
static void test_breaks_fail(void)
{
	g_autoptr(SessionRig) rig = new_stopped();

	session_rig_ask(rig, MANY "[\"Z0,10,1\",\"Z9,10,1\",\"Z0,10\",\"\",\"m0,1\",\"Z0,20,1\"]}",
			RESULTS "\"OK\",\"E95\",\"E22\",\"E22\",\"E22\",\"OK\"]}]");
	g_assert_cmpuint(rig->breaks->len, ==, 2);
	session_rig_ask(rig, "QEnableErrorStrings", "$OK");
	session_rig_ask(rig, MANY "[\"Q\"]}",
			RESULTS "\"E22;6d616c666f726d65642072657175657374\"]}]");
}

/* Words of gdb's kind could end the string: it gets a number. */
static void test_breaks_words(void)
{
	g_autoptr(SessionRig) rig = new_stopped();

	session_rig_packet(rig, "qSupported:error-message+;swbreak+;hwbreak+");
	g_free(session_rig_take(rig));
	session_rig_ask(rig, "Qqemu.PhyMemMode:1", "$OK");
	session_rig_ask(rig, MANY "[\"Z1,10,1\",\"Z0,10,1\"]}", RESULTS "\"E22\",\"OK\"]}]");
}

static void test_breaks_malformed(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"{}",
		"[\"Z0,10,1\"]",
		"\"Z0,10,1\"",
		"{\"breakpoint_requests\"}",
		"{\"breakpoint_requests\":}",
		"{\"breakpoint_requests\":\"Z0,10,1\"}",
		"{\"breakpoint_requests\":[\"Z0,10,1\"}",
		"{\"breakpoint_requests\":[\"Z0,10,1]}",
		"{\"breakpoint_requests\":[\"Z0,10,1\",]}",
		"{\"breakpoint_requests\":[\"Z0,10,1\" \"Z0,20,1\"]}",
		"{\"breakpoint_requests\":[\"Z0,10,1\"]",
		"{\"breakpoint_requests\":[\"Z0,10,1\"]}x",
		"{\"breakpoint_requests\":[\"Z0,10,1\",3]}",
		"{\"breakpoint_requests\":[\"Z0,\\u0031,1\"]}",
		"{\"others\":[\"Z0,10,1\"]}",
		"{breakpoint_requests:[\"Z0,10,1\"]}",
	};
	g_autoptr(SessionRig) rig = new_stopped();

	for (unsigned n = 0; n < G_N_ELEMENTS(bad); n++) {
		g_autofree char *packet = g_strconcat("jMultiBreakpoint:", bad[n], NULL);

		g_test_message("%s", packet);
		session_rig_ask(rig, packet, "$E22");
	}
	g_assert_cmpuint(rig->breaks->len, ==, 0);
}

static void test_breaks_too_many(void)
{
	g_autoptr(SessionRig) rig = new_stopped();
	g_autoptr(GString) packet = g_string_new(MANY "[\"Z0,10,1\"");

	for (unsigned n = 0; n < 4096; n++)
		g_string_append(packet, ",\"z0,0,1\"");
	g_string_append(packet, "]}");
	session_rig_ask(rig, packet->str, "$E22");
	g_assert_cmpuint(rig->breaks->len, ==, 0);
}

/* What is not there is not offered, and its packet is not known. */
static void test_offer(void)
{
	g_autoptr(SessionRig) rig = new_stopped(), bare = session_rig_new_stopped();
	g_autofree char *full = NULL, *none = NULL;

	session_rig_packet(rig, "qSupported");
	full = session_rig_take(rig);
	g_assert_nonnull(strstr(full, ";MultiMemRead+"));
	g_assert_nonnull(strstr(full, ";jMultiBreakpoint+"));
	session_rig_packet(bare, "qSupported");
	none = session_rig_take(bare);
	g_assert_nonnull(strstr(none, ";MultiMemRead+"));
	g_assert_null(strstr(none, "jMultiBreakpoint"));
	session_rig_ask(bare, MANY "[]}", "$");
}

/* ---- Memory that comes along ---- */

/* The frame pointers are 0x1010 and 0x2020; a frame is two pointers of two bytes. */
static void put_frame(SessionRig *rig, unsigned at, unsigned caller)
{
	uint8_t frame[] = {caller & 0xff, caller >> 8, 'r', 'e'};

	memcpy(rig->memory + at, frame, sizeof(frame));
}

#define THREAD_0 "{\"tid\":1,\"name\":\"vCPU 0\",\"reason\":\"signal\",\"signal\":2,"
#define REGISTERS_0 "\"registers\":{\"2\":\"12121212\"}],"
#define THREAD_1                                                                                   \
	"{\"tid\":2,\"name\":\"vCPU 1\",\"registers\":{\"2\":\"22222222\"}],"                      \
	"\"memory\":[{\"address\":8224,\"bytes\":\"00000000\"}]]}]"

static void test_frames(void)
{
	g_autoptr(SessionRig) rig = new_stopped();

	put_frame(rig, 0x1010, 0x1100);
	put_frame(rig, 0x1100, 0x1000); /* below: not a caller's */
	session_rig_ask(rig, "?", "$T02thread:01;2:12121212;");
	session_rig_ask(rig, "QThreadSuffixSupported", "$OK");
	session_rig_ask(rig, "?",
			"$T02thread:01;reason:signal;2:12121212;memory:0x1010=00117265;"
			"memory:0x1100=00107265;");
	session_rig_ask(rig, "jThreadsInfo",
			"$[" THREAD_0 REGISTERS_0
			"\"memory\":[{\"address\":4112,\"bytes\":\"00117265\"}],"
			"{\"address\":4352,\"bytes\":\"00107265\"}]]}]," THREAD_1 "]");
}

/* A chain of the guest's making: in a circle, without an end, into a hole. */
static void test_frames_hostile(void)
{
	g_autoptr(SessionRig) rig = new_stopped();
	g_autofree char *got = NULL;
	unsigned n = 0;

	session_rig_ask(rig, "QThreadSuffixSupported", "$OK");
	put_frame(rig, 0x1010, 0x1010);
	session_rig_ask(rig, "?", "$T02thread:01;reason:signal;2:12121212;memory:0x1010=10107265;");
	for (unsigned at = 0x1010; at < 0x1010 + 4 * 1000; at += 4)
		put_frame(rig, at, at + 4);
	session_rig_packet(rig, "?");
	got = session_rig_take(rig);
	for (const char *at = got; (at = strstr(at, "memory:")); at++)
		n++;
	g_assert_cmpuint(n, ==, 16);
}

/* Others run then: the guest's memory is left alone. */
static void test_frames_non_stop(void)
{
	g_autoptr(SessionRig) rig = new_stopped();

	session_rig_ask(rig, "QThreadSuffixSupported", "$OK");
	session_rig_ask(rig, "QNonStop:1", "$OK");
	session_rig_post(rig, GDB_STOP_SWBREAK, 1);
	session_rig_output(rig, "%Stop:T05thread:02;reason:breakpoint;2:22222222;");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{"/many/read", test_read},
		{"/many/read-malformed", test_read_malformed},
		{"/many/read-full", test_read_full},
		{"/many/read-too-many", test_read_too_many},
		{"/many/read-place", test_read_place},
		{"/many/breaks", test_breaks},
		{"/many/breaks-fail", test_breaks_fail},
		{"/many/breaks-words", test_breaks_words},
		{"/many/breaks-malformed", test_breaks_malformed},
		{"/many/breaks-too-many", test_breaks_too_many},
		{"/many/offer", test_offer},
		{"/many/frames", test_frames},
		{"/many/frames-hostile", test_frames_hostile},
		{"/many/frames-non-stop", test_frames_non_stop},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned n = 0; n < G_N_ELEMENTS(tests); n++)
		g_test_add_func(tests[n].name, tests[n].run);
	return g_test_run();
}

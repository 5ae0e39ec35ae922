/*
 * tests/test-clients.c - what each client sends and what it takes from the replies, without that
 * client: transcripts of packets, each with the expression that its reply must match. The order is
 * the client's own.
 */
#include <string.h>
#include <unistd.h>

#include "tests/fake-rig.h"

typedef struct Line {
	const char *packet;
	const char *reply; /* a regular expression for the whole reply */
} Line;

#define HEX "[0-9a-f]+"

static void expect_line(FakeRig *rig, const Line *line)
{
	g_autofree char *whole = g_strdup_printf("^(%s)$", line->reply);
	g_autofree char *reply = rsp_client_ask(rig->client, line->packet);

	if (!g_regex_match_simple(whole, reply, G_REGEX_DOTALL, 0)) {
		g_test_message("'%s' -> '%s', expected /%s/", line->packet, reply, line->reply);
		g_test_fail();
	}
}

static void play(FakeRig *rig, const Line *lines, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		expect_line(rig, &lines[i]);
}
#define PLAY(rig, lines) play(rig, lines, G_N_ELEMENTS(lines))

/* --- QEMU's own packets --- */

static void test_qemu_steps(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	static const Line ask[] = {
		{"qqemu.Supported", "sstepbits;sstep;PhyMemMode"},
		{"qqemu.sstepbits", "ENABLE=1,NOIRQ=2"},
		{"Qqemu.sstepbits", "ENABLE=1,NOIRQ=2"},
		{"qqemu.sstep", "0x3"},
		{"Qqemu.sstep", "0x3"},
		{"Qqemu.sstep=4", "E22"},
		{"Qqemu.sstep=", "E22"},
		{"Qqemu.sstep=0x", "E22"},
		{"Qqemu.sstep=1 ", "E22"},
		{"qqemu.sstep", "0x3"},
	};
	static const char *const setters[] = {
		"Qqemu.sstep=", "Qqemu.sstep:", "qqemu.sstep=", "qqemu.sstep:"};

	PLAY(rig, ask);
	g_assert_true(fake_target_blocks_irq(rig->target));
	for (unsigned i = 0; i < G_N_ELEMENTS(setters); i++) {
		g_autofree char *one = g_strconcat(setters[i], "1", NULL);
		g_autofree char *three = g_strconcat(setters[i], "0x3", NULL);

		rsp_expect(rig->client, one, "OK");
		rsp_expect(rig->client, "qqemu.sstep", "0x1");
		g_assert_false(fake_target_blocks_irq(rig->target));
		rsp_expect(rig->client, three, "OK");
		rsp_expect(rig->client, "qqemu.sstep", "0x3");
		g_assert_true(fake_target_blocks_irq(rig->target));
	}
}

/* Without ENABLE a step is a continue, until the user interrupts. */
static void test_qemu_no_steps(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "Qqemu.sstep=0", "OK");
	rsp_client_send(rig->client, "vCont;s:p1.1");
	rsp_expect_silence(rig->client, 50);
	fake_rig_interrupt(rig);
	g_assert_cmpint(fake_target_last_actions(rig->target)[0].kind, ==, GDB_ACTION_CONTINUE);
	rsp_expect(rig->client, "Qqemu.sstep=1", "OK");
	rsp_expect_prefix(rig->client, "vCont;s:p1.1", "T05");
}

/* The fake machine's physical memory is its page FAKE_DATA at address 0. */
static void test_qemu_physical(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	static const Line lines[] = {
		{"qqemu.PhyMemMode", "0"},
		{"m0,4", "E14"},
		{"Qqemu.PhyMemMode:1", "OK"},
		{"qqemu.PhyMemMode", "1"},
		{"Qqemu.PhyMemMode", "1"},
		{"m0,4", "00070e15"},
		{"m1ffe,10", "....|E.."}, /* what there is before the end */
		{"m2000,1", "E14"},
		{"m600000,4", "E14"},
		{"M2000,1:00", "E14"},
		{"M4,2:abcd", "OK"},
		{"X6,1:Z", "OK"},
		{"x4,3", "b\xab\xcdZ"},
		{"qCRC:0,4", "C" HEX},
		{"qSearch:memory:0;100;Z", "1,6"},
		{"Qqemu.PhyMemMode:2", "E22"},
		{"Qqemu.PhyMemMode:", "E22"},
		{"qqemu.PhyMemMode", "1"},
		{"Qqemu.PhyMemMode:0", "OK"},
		{"m600004,2", "abcd"},
		{"qqemu.PhyMemMode:1", "OK"},
		{"qqemu.PhyMemMode", "1"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
		/* GRegex wants UTF-8: the binary reply is compared as it is. */
		if (g_str_has_prefix(lines[i].packet, "x"))
			rsp_expect(rig->client, lines[i].packet, lines[i].reply);
		else
			expect_line(rig, &lines[i]);
	}
}

/* What one client has set does not bind the next. */
static void test_qemu_forgets(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	static const Line fresh[] = {
		{"qqemu.PhyMemMode", "0"},
		{"qqemu.sstep", "0x3"},
		{"m400000,1", "90"},
	};

	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	rsp_expect(rig->client, "Qqemu.sstep=1", "OK");
	fake_rig_hangup(rig);
	fake_rig_connect(rig);
	fake_rig_handshake(rig);
	PLAY(rig, fresh);
	g_assert_true(fake_target_blocks_irq(rig->target));
}

static void test_qemu_pid(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree char *pid = g_strdup_printf("%x", (unsigned)getpid());

	rsp_expect(rig->client, "Qqemu.Pid", pid);
	rsp_expect(rig->client, "qqemu.Pid", pid);
}

/* --- lldb 19, with what 22 adds --- */

#define THREAD "(p01\\.)?0[12]"

static void lldb_connect(FakeRig *rig)
{
	fake_rig_connect(rig);
	rig->client->mute = true;
	rsp_client_puts(rig->client, "+");
	rsp_expect(rig->client, "QStartNoAckMode", "OK");
	rsp_client_puts(rig->client, "+");
	rig->client->no_ack = true;
}

static const Line lldb_hello[] = {
	{"qSupported:xmlRegisters=i386,arm,mips,arc;multiprocess+;fork-events+;vfork-events+;"
	 "swbreak+;hwbreak+",
	 "PacketSize=" HEX ";.*multiprocess\\+.*;qEcho\\+.*"},
	{"QThreadSuffixSupported", "OK"},
	{"QListThreadsInStopReply", "OK"},
	/* "x86_64-unknown-linux-gnu": without it all memory is searched for a Darwin kernel. */
	{"qHostInfo", "triple:7838365f36342d756e6b6e6f776e2d6c696e75782d676e75;.*"
		      "watchpoint_exceptions_received:after;endian:little;ptrsize:8;"},
	{"vCont?", "vCont;c;C;s;S.*"},
	{"qVAttachOrWaitSupported", ""},
	{"QEnableErrorStrings", "OK"},
	{"qProcessInfo", "pid:1;triple:7838365f36342d756e6b6e6f776e2d6c696e75782d676e75;"
			 "endian:little;ptrsize:8;"},
	{"qC", "QC" THREAD},
	{"qfThreadInfo", "m" THREAD "," THREAD},
	{"qsThreadInfo", "l"},
	{"?", "T02thread:" THREAD ";reason:signal;(" HEX ":" HEX ";)+"
	      "threads:1,2;thread-pcs:400[0-9a-f]{3},400[0-9a-f]{3};"},
	{"qXfer:features:read:target.xml:0,1ffff", "l<\\?xml.*</target>\n"},
	{"Hg1", "OK"},
	{"p0", "[0-9a-f]{16}"},
	{"qOffsets", ""},
	{"qStructuredDataPlugins", ""},
	{"qShlibInfoAddr", ""},
	{"qEcho:7", "qEcho:7"},
	{"qWatchpointSupportInfo:", "num:4;"},
	{"qRegisterInfo0", ""},
};

static void test_lldb_connect(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);

	lldb_connect(rig);
	PLAY(rig, lldb_hello);
	rsp_expect(rig->client, "D;0000000000000001", "OK");
	fake_rig_hangup(rig);
}

static void test_lldb_registers(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const Line lines[] = {
		/* rbx of CPU n is FAKE_DATA + 16 * n. */
		{"p1;thread:0001;", "0000600000000000"},
		{"p1;thread:0002;", "1000600000000000"},
		{"p1;thread:p1.2;", "1000600000000000"},
		{"p1", "0000600000000000"}, /* the suffix has chosen nothing */
		{"P1=2211000000000000;thread:0002;", "OK"},
		{"p1;thread:0002;", "2211000000000000"},
		{"p1;thread:0001;", "0000600000000000"},
		{"p1;thread:0003;", "E02;" HEX},
		{"p1;thread:;", "E22;" HEX},
		{"p1;thread:0001", "E22;" HEX},
		{"p999;thread:0001;", "E02;" HEX},
		{"m10,4", "E14;" HEX},
		{"x0,0", "b"},
	};
	g_autofree char *g1 = NULL, *g2 = NULL, *write = NULL;

	lldb_connect(rig);
	PLAY(rig, lldb_hello);
	PLAY(rig, lines);
	g1 = rsp_client_ask(rig->client, "g;thread:0001;");
	g2 = rsp_client_ask(rig->client, "g;thread:0002;");
	g_assert_cmpuint(strlen(g1), ==, 2 * FAKE_G_BYTES);
	g_assert_cmpuint(strlen(g2), ==, 2 * FAKE_G_BYTES);
	g_assert_true(g_str_has_prefix(g2 + 16, "2211000000000000"));
	memcpy(g2 + 16, "3333", 4);
	write = g_strdup_printf("G%s;thread:0002;", g2);
	rsp_expect(rig->client, write, "OK");
	rsp_expect(rig->client, "p1;thread:0002;", "3333000000000000");
	rsp_expect(rig->client, "D", "OK");
	fake_rig_hangup(rig);
}

static void test_lldb_stops(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const Line after_watch[] = {
		{"jThreadsInfo",
		 "\\[\\{\"tid\":1,\"name\":\"vCPU 0\",\"registers\":\\{.*\\}\\},"
		 "\\{\"tid\":2,\"name\":\"vCPU 1\",\"reason\":\"watchpoint\",\"signal\":5,"
		 "\"description\":\"6291472 0\",\"registers\":\\{(\"[0-9]+\":\"" HEX
		 "\",?)+\\}\\}\\]"},
		{"qThreadStopInfo1", "T00thread:p01.01;name:vCPU 0;(" HEX ":" HEX ";)+"},
		{"qThreadStopInfo0002", "T05thread:p01.02;watch:600010;reason:watchpoint;.*"},
		{"qThreadStopInfo9", "E02;" HEX},
	};
	static const GdbStop watch = {.cpu = 1, .kind = GDB_STOP_WATCH, .addr = FAKE_DATA + 16};
	g_autofree char *stop = NULL;

	lldb_connect(rig);
	PLAY(rig, lldb_hello);
	stop = rsp_client_ask(rig->client, "vCont;s:1");
	g_assert_nonnull(strstr(stop, ";reason:trace;"));
	g_clear_pointer(&stop, g_free);
	rsp_expect(rig->client, "Z0,400000,1", "OK");
	stop = rsp_client_ask(rig->client, "vCont;c");
	g_assert_nonnull(strstr(stop, ";swbreak:;reason:breakpoint;"));
	rsp_expect(rig->client, "z0,400000,1", "OK");
	rsp_expect(rig->client, "Z2,600010,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	fake_target_raise(rig->target, &watch, 1);
	g_free(rsp_expect_next_prefix(rig->client, "T05thread:p01.02;watch:600010;reason:watch"));
	PLAY(rig, after_watch);
	rsp_expect(rig->client, "D", "OK");
	fake_rig_hangup(rig);
}

static void test_lldb_memory(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	static const Line lines[] = {
		{"QThreadSuffixSupported", "OK"},
		{"?", "T02.*"},
		{"qMemoryRegionInfo", "OK"},
		{"qMemoryRegionInfo:400123", "start:400000;size:1000;permissions:rx;"},
		{"qMemoryRegionInfo:600000", "start:600000;size:1000;permissions:rw;"},
		{"qMemoryRegionInfo:0", "start:0;size:1000;"},
		{"qMemoryRegionInfo:ffffffffffffffff",
		 "start:fffffffffffff000;size:1000;permissions:rw;"},
	};

	lldb_connect(rig);
	PLAY(rig, lines);
	rsp_expect(rig->client, "D", "OK");
	fake_rig_hangup(rig);
}

/* lldb says k when a command of its batch mode fails: that must not end the machine. */
static void test_lldb_kill(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	lldb_connect(rig);
	rsp_expect(rig->client, "QThreadSuffixSupported", "OK");
	rsp_client_send(rig->client, "k");
	fake_rig_hangup(rig);
	g_assert_cmpuint(fake_target_counts(rig->target).kills, ==, 0);
	g_assert_cmpuint(fake_target_counts(rig->target).detaches, ==, 1);
}

/* gdb never hears lldb's words. */
static void test_gdb_without_lldb(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	g_autofree char *stop = rsp_client_ask(rig->client, "vCont;s:p1.1");

	g_assert_null(strstr(stop, "reason:"));
	g_assert_null(strstr(stop, "threads:"));
	rsp_expect(rig->client, "p1;thread:0002;", "E22");
	rsp_expect(rig->client, "m10,4", "E14");
}

/* --- gdb: 13, and what 17 adds --- */

static void gdb_connect(FakeRig *rig)
{
	fake_rig_connect(rig);
	rsp_client_puts(rig->client, "+");
}

static void gdb_no_ack(FakeRig *rig)
{
	rsp_expect(rig->client, "QStartNoAckMode", "OK");
	rig->client->no_ack = true;
}

#define STOPPED "T02thread:p01\\.01;(" HEX ":" HEX ";)+"
#define THREADS_XML                                                                                \
	"l<\\?xml version=\"1.0\"\\?>\n<threads>\n"                                                \
	"<thread id=\"p01.01\" name=\"vCPU 0\">CPU#0 \\[(running|halted)\\]</thread>\n"            \
	"<thread id=\"p01.02\" name=\"vCPU 1\">CPU#1 "                                             \
	"\\[(running|halted)\\]</thread>\n</threads>\n"

static void test_gdb13(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const Line hello[] = {
		{FAKE_OFFER, "PacketSize=" HEX ";QStartNoAckMode\\+;qXfer:features:read\\+;"
			     "qXfer:threads:read\\+;vContSupported\\+;multiprocess\\+;.*swbreak\\+;"
			     "hwbreak\\+.*"},
		{"vMustReplyEmpty", ""},
	};
	static const Line rest[] = {
		{"Hgp0.0", "OK"},
		{"qXfer:features:read:target.xml:0,1000",
		 "[lm]<\\?xml.*<architecture>i386:x86-64</architecture>.*"},
		{"qTStatus", ""},
		{"?", STOPPED},
		{"qXfer:threads:read::0,1000", THREADS_XML},
		{"qAttached:1", "1"},
		{"Hc-1", "OK"},
		{"qOffsets", ""},
		{"g", "([0-9a-fx]|\\*.)+"},
		{"qXfer:threads:read::0,1000", THREADS_XML},
		{"qSymbol::", "OK"},
		{"m400000,1", "90"},
		{"qThreadExtraInfo,p1.2", "435055233120" HEX},
		{"vCont?", "vCont;c;C;s;S;.*"},
		{"Z0,400010,1", "OK"},
		{"vCont;c:p1.-1", "T05thread:p01\\.0[12];swbreak:;.*"},
		{"z0,400010,1", "OK"},
		{"vCont;s:p1.1", "T05thread:p01\\.01;.*"},
		{"X400300,0:", "OK"},
		{"X400300,1:\x90", "OK"},
		{"qSearch:memory:600000;100;\x07\x0e", "1,600001"},
		{"D;1", "OK"},
	};

	gdb_connect(rig);
	PLAY(rig, hello);
	gdb_no_ack(rig);
	/* The binary packets hold bytes that are no UTF-8, but their replies are text. */
	PLAY(rig, rest);
	fake_rig_hangup(rig);
}

static void test_gdb17(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const Line hello[] = {
		{FAKE_OFFER ",arm;QThreadOptions+;error-message+",
		 "PacketSize=.*error-message\\+;binary-upload\\+.*"},
		{"vCont?", "vCont;c;C;s;S;t;r"},
		{"vMustReplyEmpty", ""},
	};
	static const Line rest[] = {
		{"!", "OK"},
		{"Hgp0.0", "OK"},
		{"qXfer:features:read:target.xml:0,1000", "[lm]<\\?xml.*"},
		{"qXfer:features:read:target.xml:0,1000", "[lm]<\\?xml.*"},
		{"qTStatus", ""},
		{"?", STOPPED},
		{"qXfer:threads:read::0,1000", THREADS_XML},
		{"qAttached:1", "1"},
		{"vFile:setfs:0", ""},
		{"Hc-1", "OK"},
		{"qOffsets", ""},
		{"g", "([0-9a-fx]|\\*.)+"},
		{"qSymbol::", "OK"},
		{"x400000,1", "b\x90"},
		{"x0,10", "E\\..+"},
		{"m0,10", "E\\..+"},
		{"p999", "E\\..+"},
		{"qIsAddressTagged:400000", ""},
		{"QThreadEvents:1", ""},
		{"vCont;r400000,400000:p1.1", "T05thread:p01\\.01;.*"},
		{"qExecAndArgs", ""},
		{"vKill;a", "E\\..+"},
	};

	gdb_connect(rig);
	PLAY(rig, hello);
	gdb_no_ack(rig);
	for (unsigned i = 0; i < G_N_ELEMENTS(rest); i++) {
		if (g_str_has_prefix(rest[i].reply, "b"))
			rsp_expect(rig->client, rest[i].packet, rest[i].reply);
		else
			expect_line(rig, &rest[i]);
	}
	rsp_expect(rig->client, "D;1", "OK");
	fake_rig_hangup(rig);
}

/* --- symbols of a kernel that was moved --- */

#define VMLINUX "/kernel/vmlinux"
#define SLIDE 0x1200000u

/* A bare gdb: it reads the path, opens the file by itself, and asks where it was moved. */
static void test_kaslr_gdb(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	static const Line lines[] = {
		{FAKE_OFFER, ".*;qXfer:exec-file:read\\+.*"},
		{"vMustReplyEmpty", ""},
		{"Hgp0.0", "OK"},
		{"?", ".*"},
		{"qAttached:1", "1"},
		{"qXfer:exec-file:read:1:0,1000", "l" VMLINUX},
		{"qXfer:exec-file:read::0,3", "m/ke"},
		{"qXfer:exec-file:read:9:0,3", "E02"},
		{"qXfer:exec-file:read:1:99,3", "E22"},
		{"vFile:setfs:0", ""},
		{"vFile:open:6a7573742070726f6265,0,1c0", ""},
		{"Hc-1", "OK"},
		{"qOffsets", "TextSeg=ffffffff82200000"},
		{"qOffsets", ""}, /* only once */
		{"g", ".*"},
		{"qSymbol::", "OK"},
		{"qOffsets", ""},
	};

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	gdb_connect(rig);
	PLAY(rig, lines);
	rsp_expect(rig->client, "D;1", "OK");
	/* Attached anew in the same connection, gdb asks again. */
	rsp_expect_prefix(rig->client, "vAttach;1", "T");
	rsp_expect(rig->client, "qOffsets", "TextSeg=ffffffff82200000");
	fake_rig_hangup(rig);
	/* And so does the next client. */
	gdb_connect(rig);
	rsp_expect(rig->client, "vMustReplyEmpty", "");
	rsp_expect(rig->client, "qOffsets", "TextSeg=ffffffff82200000");
	fake_rig_hangup(rig);
}

static void test_kaslr_lldb(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	static const Line lines[] = {
		{"QThreadSuffixSupported", "OK"},
		{"?", "T02.*"},
		{"Hg1", "OK"},
		{"p0", HEX},
		{"qOffsets", "Text=1200000;Data=1200000;Bss=1200000"},
		{"qOffsets", ""},
	};

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	lldb_connect(rig);
	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

/* Too late, or from a client of no known kind, or a kernel that was not moved: empty. */
static void test_kaslr_closed(void)
{
	static const char *const closers[] = {"g", "qSymbol::", "Qqemu.sstepbits",
					      "qqemu.PhyMemMode", "vCont;s:p1.1"};

	for (unsigned i = 0; i < G_N_ELEMENTS(closers) + 2; i++) {
		g_autoptr(FakeRig) rig = fake_rig_new(1);

		fake_target_set_program(rig->target, VMLINUX,
					i == G_N_ELEMENTS(closers) ? 0 : SLIDE);
		gdb_connect(rig);
		if (i != G_N_ELEMENTS(closers) + 1)
			rsp_expect(rig->client, "vMustReplyEmpty", "");
		if (i < G_N_ELEMENTS(closers))
			g_free(rsp_client_ask(rig->client, closers[i]));
		rsp_expect(rig->client, "qOffsets", "");
		fake_rig_hangup(rig);
	}
}

/* --- plug-ins of gdb: they speak through it, after its hello --- */

static FakeRig *plugin_rig(void)
{
	FakeRig *rig = fake_rig_new_ready(2);
	static const Line gdb[] = {
		{"vMustReplyEmpty", ""},
		{"qOffsets", ".*"},
		{"g", ".*"},
	};

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	PLAY(rig, gdb);
	return rig;
}

static char *monitor(FakeRig *rig, const char *command)
{
	GString *packet = g_string_new("qRcmd,"), *text = g_string_new(NULL);
	g_autofree char *reply = NULL;

	for (const char *c = command; *c; c++)
		g_string_append_printf(packet, "%02x", *c);
	reply = rsp_client_ask(rig->client, packet->str);
	while (reply[0] == 'O' && reply[1] != 'K') {
		for (const char *hex = reply + 1; *hex; hex += 2)
			g_string_append_c(text, g_ascii_xdigit_value(hex[0]) * 16 +
							g_ascii_xdigit_value(hex[1]));
		g_free(reply);
		reply = rsp_client_recv(rig->client, NULL);
	}
	g_assert_cmpstr(reply, ==, "OK");
	g_string_free(packet, TRUE);
	return g_string_free(text, FALSE);
}

static void expect_monitor(FakeRig *rig, const char *command, const char *expression)
{
	g_autofree char *text = monitor(rig, command);

	if (!g_regex_match_simple(expression, text, G_REGEX_DOTALL, 0))
		g_error("monitor %s: /%s/ is not in '%s'", command, expression, text);
}

static void test_pwndbg(void)
{
	g_autoptr(FakeRig) rig = plugin_rig();
	static const Line lines[] = {
		{"Qqemu.sstepbits", "ENABLE=1.*"},
		{"qOffsets", "(?!.*Text=).*"},
		{"qGDBServerVersion", "name:[^;]+;version:[0-9]+(\\.[0-9]+)+;"},
		/* Asked raw, without a word about itself. */
		{"qSupported", "PacketSize=.*qXfer:exec-file:read\\+.*"},
		{"Qqemu.Pid", HEX},
	};

	PLAY(rig, lines);
	/* Other probes' names, and the word that makes it give up. */
	expect_monitor(rig, "help", "^(?!.*(SEGGER J-Link|Black Magic Probe|Quit GDBserver)).+");
	rsp_expect(rig->client, "qRcmd,", "OK");
	expect_monitor(rig, "no-such-command", "^unknown command: 'no-such-command'\n$");
}

/* It ends the user's gdb when a probe drops the connection, so errors must be replies. */
static void test_bata24_gef(void)
{
	g_autoptr(FakeRig) rig = plugin_rig();
	static const Line lines[] = {
		{"Qqemu.sstepbits", "ENABLE=1.*"},
		{"qOffsets", ""},
		{"qqemu.PhyMemMode", "0"},
		{"Qqemu.PhyMemMode:1", "OK"},
		{"qqemu.PhyMemMode", "1"},
		{"m10,8", "70777e858c939aa1"},
		{"mfff,2", "0810"},		  /* across the page's end */
		{"m1fff,2", "18"}, /* up to the end of memory */
		{"mfee00000,4", "E14"},
		{"Qqemu.PhyMemMode:0", "OK"},
		{"qqemu.PhyMemMode", "0"},
		{"m600010,8", "70777e858c939aa1"},
	};

	PLAY(rig, lines);
	expect_monitor(rig, "help r", "^(?!.*Dump hidden register).*$");
	expect_monitor(rig, "info version", ".");
}

static void test_hugsy_gef(void)
{
	g_autoptr(FakeRig) rig = plugin_rig();
	static const Line lines[] = {
		{"Qqemu.sstepbits", ".*ENABLE=.*"},
		{"qOffsets", ""},
	};

	PLAY(rig, lines);
	expect_monitor(rig, "info no-such-topic", "unknown command");
}

/* scripts/gdb of the kernel: the CPU is gdb's thread number less one. */
static void test_lx_scripts(void)
{
	g_autoptr(FakeRig) rig = plugin_rig();
	static const Line lines[] = {
		{"qqemu.PhyMemMode", "0"},
		{"Qqemu.PhyMemMode:1", "OK"},
		{"m8,4", "383f464d"},
		{"Qqemu.PhyMemMode:0", "OK"},
		{"qfThreadInfo", "mp01\\.01,p01\\.02"},
		{"qsThreadInfo", "l"},
		{"Hgp1.2", "OK"},
		{"qC", "QCp01\\.02"},
	};

	expect_monitor(rig, "info version", ".");
	PLAY(rig, lines);
}

/* radare2's own client, which knows no error texts and takes threads without processes, too. */
static void test_radare2(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const Line hello[] = {
		{"qSupported:multiprocess+;qRelocInsn+;xmlRegisters=i386", "PacketSize=.*"},
	};
	static const Line rest[] = {
		{"qC", "QCp01\\.01"},
		{"vCont?", "vCont;.*"},
		{"Hg0", "OK"},
		{"Hc-1", "OK"},
		{"?", STOPPED},
		{"qXfer:features:read:target.xml:0,1ffff", "[lm]<\\?xml.*regnum=.*"},
		{"qfThreadInfo", "mp01\\.01,p01\\.02"},
		{"qsThreadInfo", "l"},
		{"qXfer:exec-file:read:1:0,ff", ""},
		{"vFile:open:2f70726f632f312f6d617073,0,0", ""},
		{"qOffsets", ""},
		{"m400000,10", "(90){16}"},
		{"p10", "[0-9a-f]{16}"},
		{"P0=1122334455667788", "OK"},
		{"bs", ""},
		{"bc", ""},
		{"vCont;s", "T05.*"},
		{"D;1", "OK"},
	};

	gdb_connect(rig);
	PLAY(rig, hello);
	gdb_no_ack(rig);
	PLAY(rig, rest);
	fake_rig_hangup(rig);
}

/* drgn's proposals, and MIEngine under virtme-ng and editors: what is not there is empty. */
static void test_others(void)
{
	g_autoptr(FakeRig) rig = plugin_rig();
	static const Line lines[] = {
		{"qXfer:vmcoreinfo:read::0,1000", ""},
		{"qlinux.vmcoreinfo", ""},
		{"qXfer:memory-map:read::0,1000", ""},
		{"qXfer:osdata:read::0,1000", ""},
		{"qAttached", "1"},
		{"T1", "OK"},
		{"Tp1.9", "E02"},
	};

	PLAY(rig, lines);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/clients/qemu-steps", test_qemu_steps);
	g_test_add_func("/clients/qemu-no-steps", test_qemu_no_steps);
	g_test_add_func("/clients/qemu-physical", test_qemu_physical);
	g_test_add_func("/clients/qemu-forgets", test_qemu_forgets);
	g_test_add_func("/clients/qemu-pid", test_qemu_pid);
	g_test_add_func("/clients/lldb-connect", test_lldb_connect);
	g_test_add_func("/clients/lldb-registers", test_lldb_registers);
	g_test_add_func("/clients/lldb-stops", test_lldb_stops);
	g_test_add_func("/clients/lldb-memory", test_lldb_memory);
	g_test_add_func("/clients/lldb-kill", test_lldb_kill);
	g_test_add_func("/clients/gdb-without-lldb", test_gdb_without_lldb);
	g_test_add_func("/clients/gdb13", test_gdb13);
	g_test_add_func("/clients/gdb17", test_gdb17);
	g_test_add_func("/clients/kaslr-gdb", test_kaslr_gdb);
	g_test_add_func("/clients/kaslr-lldb", test_kaslr_lldb);
	g_test_add_func("/clients/kaslr-closed", test_kaslr_closed);
	g_test_add_func("/clients/pwndbg", test_pwndbg);
	g_test_add_func("/clients/bata24-gef", test_bata24_gef);
	g_test_add_func("/clients/hugsy-gef", test_hugsy_gef);
	g_test_add_func("/clients/lx-scripts", test_lx_scripts);
	g_test_add_func("/clients/radare2", test_radare2);
	g_test_add_func("/clients/others", test_others);
	return g_test_run();
}

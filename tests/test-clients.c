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
	return g_test_run();
}

/*
 * tests/test-clients-lldb.c - what lldb sends, in its own order, and what it takes from the
 * replies: transcripts without lldb.
 */
#include <string.h>

#include "tests/fake-play.h"

/* --- lldb 19, with what 22 adds --- */

#define THREAD "(p01\\.)?0[12]"
/* A frame that the frame pointer points at; what the fake target has there leads nowhere. */
#define FRAME "\\{\"address\":6295552,\"bytes\":\"" HEX "\"\\}"

static const FakeLine lldb_hello[] = {
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
	      "threads:1,2;thread-pcs:400[0-9a-f]{3},400[0-9a-f]{3};memory:0x601000=" HEX ";"},
	{"qXfer:features:read:target.xml:0,1ffff", "l<\\?xml.*</target>\n"},
	{"Hg1", "OK"},
	{"p0", "[0-9a-f]{16}"},
	/* Without this it knows no address of the program that its user gave it. */
	{"qOffsets", "Text=0;Data=0;Bss=0"},
	{"qStructuredDataPlugins", ""},
	{"qShlibInfoAddr", ""},
	{"qEcho:7", "qEcho:7"},
	{"qWatchpointSupportInfo:", "num:4;"},
	{"qRegisterInfo0", ""},
};

static void test_lldb_connect(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);

	fake_connect_lldb(rig);
	PLAY(rig, lldb_hello);
	rsp_expect(rig->client, "D;0000000000000001", "OK");
	fake_rig_hangup(rig);
}

static void test_lldb_registers(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const FakeLine lines[] = {
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

	fake_connect_lldb(rig);
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
	static const FakeLine after_watch[] = {
		{"jThreadsInfo",
		 "\\[\\{\"tid\":1,\"name\":\"vCPU 0\",\"registers\":\\{.*\\},\"memory\":\\[" FRAME
		 "\\]\\},"
		 "\\{\"tid\":2,\"name\":\"vCPU 1\",\"reason\":\"watchpoint\",\"signal\":5,"
		 "\"description\":\"6291472 0\",\"registers\":\\{(\"[0-9]+\":\"" HEX
		 "\",?)+\\},\"memory\":\\[" FRAME "\\]\\}\\]"},
		{"qThreadStopInfo1", "T00thread:p01.01;name:vCPU 0;(" HEX ":" HEX ";)+"},
		{"qThreadStopInfo0002", "T05thread:p01.02;watch:600010;reason:watchpoint;.*"},
		{"qThreadStopInfo9", "E02;" HEX},
	};
	static const GdbStop watch = {.cpu = 1, .kind = GDB_STOP_WATCH, .addr = FAKE_DATA + 16};
	g_autofree char *stop = NULL;

	fake_connect_lldb(rig);
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

/*
 * Breakpoints while the guest runs, as lldb 22 sends them: it knows no non-stop mode, but
 * interrupts, asks, and goes on, and its user does not see that.
 */
static void test_lldb_running(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const FakeLine set[] = {
		{NULL, "T02thread:" THREAD ";reason:signal;.*"},
		{"Z1,400010,1", "OK"},
		{"c", "T05thread:" THREAD ";hwbreak:;reason:breakpoint;.*"},
	};
	static const FakeLine drop[] = {{"z1,400010,1", "OK"}};
	static const FakeLine leave[] = {
		{NULL, "T02thread:" THREAD ";reason:signal;.*"},
		{"D;0000000000000001", "OK"},
	};

	fake_connect_lldb(rig);
	PLAY(rig, lldb_hello);
	rsp_client_send(rig->client, "vCont;c:p1.-1");
	rsp_client_puts(rig->client, "\003");
	PLAY(rig, set);
	PLAY(rig, drop);
	rsp_client_send(rig->client, "c");
	rsp_client_puts(rig->client, "\003");
	PLAY(rig, leave);
	fake_rig_hangup(rig);
}

static void test_lldb_memory(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	static const FakeLine lines[] = {
		{"QThreadSuffixSupported", "OK"},
		{"?", "T02.*"},
		{"qMemoryRegionInfo", "OK"},
		{"qMemoryRegionInfo:400123", "start:400000;size:1000;permissions:rx;"},
		{"qMemoryRegionInfo:600000", "start:600000;size:1000;permissions:rw;"},
		{"qMemoryRegionInfo:0", "start:0;size:1000;"},
		{"qMemoryRegionInfo:ffffffffffffffff",
		 "start:fffffffffffff000;size:1000;permissions:rw;"},
	};

	fake_connect_lldb(rig);
	PLAY(rig, lines);
	rsp_expect(rig->client, "D", "OK");
	fake_rig_hangup(rig);
}

/* lldb says k when a command of its batch mode fails: that must not end the machine. */
static void test_lldb_kill(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	fake_connect_lldb(rig);
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
	rsp_expect(rig->client, "p1;thread:0002;", "E.malformed 'p' packet");
	rsp_expect(rig->client, "m10,4", "E14");
}

/* --- a kernel that was moved --- */

static void test_kaslr_lldb(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	static const FakeLine lines[] = {
		{"QThreadSuffixSupported", "OK"},
		{"?", "T02.*"},
		{"Hg1", "OK"},
		{"p0", HEX},
		{"qOffsets", "Text=1200000;Data=1200000;Bss=1200000"},
		{"qOffsets", ""},
	};

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	fake_connect_lldb(rig);
	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

/* The stub's own program is where it says, and so is the user's while nothing is known of it. */
static void test_lldb_not_moved(void)
{
	static const FakeFile file = {"/own", "", 0, 0};
	static const FakeLine lines[] = {
		{"QThreadSuffixSupported", "OK"},    {"?", "T02.*"},   {"p0", HEX},
		{"qOffsets", "Text=0;Data=0;Bss=0"}, {"qOffsets", ""}, /* by hand */
	};

	for (unsigned i = 0; i < 3; i++) {
		g_autoptr(FakeRig) rig = fake_rig_new(1);

		if (i == 1)
			fake_target_set_own_program(rig->target, &file);
		if (i == 2)
			fake_target_set_program(rig->target, VMLINUX, 0);
		fake_connect_lldb(rig);
		PLAY(rig, lines);
		fake_rig_hangup(rig);
	}
}

/*
 * lldb does not look for a program in its connection to a machine; what its user can do is to fetch
 * the file first: `platform select remote-linux`, `platform connect`, `platform get-file`.
 */
static void test_lldb_get_file(void)
{
	static const FakeFile file = {"/own",
				      "\x7f"
				      "ELF",
				      4, 0};
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	static const FakeLine lines[] = {
		{"qHostInfo", "triple:.*"},
		{"qGetWorkingDir", ""},
		{"qQueryGDBServer", ""},
		{"vFile:open:2f6f776e,00000000,00000180", "F0"},
		{"vFile:mode:2f6f776e", "F8124"},
		{"vFile:pread:0,400,0", "F4;\x7f"
					"ELF"},
		{"vFile:pread:0,400,4", "F0;"},
		{"vFile:close:0", "F0"},
	};

	fake_target_set_own_program(rig->target, &file);
	fake_connect_lldb(rig);
	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"lldb-connect", test_lldb_connect},
		{"lldb-registers", test_lldb_registers},
		{"lldb-stops", test_lldb_stops},
		{"lldb-running", test_lldb_running},
		{"lldb-memory", test_lldb_memory},
		{"lldb-kill", test_lldb_kill},
		{"gdb-without-lldb", test_gdb_without_lldb},
		{"kaslr-lldb", test_kaslr_lldb},
		{"lldb-not-moved", test_lldb_not_moved},
		{"lldb-get-file", test_lldb_get_file},
		{0},
	};

	return test_main(argc, argv, "clients-lldb", cases);
}

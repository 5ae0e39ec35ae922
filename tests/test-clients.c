/*
 * tests/test-clients.c - what gdb, the plug-ins that speak through it and other clients send, in
 * their own order, and what they take from the replies: transcripts without the client.
 */
#include "tests/fake-play.h"

/* --- gdb: 13, and what 17 adds --- */

#define STOPPED "T02thread:p01\\.01;(" HEX ":" HEX ";)+"
#define THREADS_XML                                                                                \
	"l<\\?xml version=\"1.0\"\\?>\n<threads>\n"                                                \
	"<thread id=\"p01.01\" id_str=\"CPU 0\" name=\"vCPU 0\">CPU#0 "                            \
	"\\[(running|halted)\\]</thread>\n"                                                        \
	"<thread id=\"p01.02\" id_str=\"CPU 1\" name=\"vCPU 1\">CPU#1 "                            \
	"\\[(running|halted)\\]</thread>\n</threads>\n"

static void test_gdb13(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const FakeLine hello[] = {
		{FAKE_OFFER, "PacketSize=" HEX ";QStartNoAckMode\\+;qXfer:features:read\\+;"
			     "qXfer:threads:read\\+;vContSupported\\+;multiprocess\\+;.*swbreak\\+;"
			     "hwbreak\\+.*"},
		{"vMustReplyEmpty", ""},
	};
	static const FakeLine rest[] = {
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

	fake_connect_gdb(rig);
	PLAY(rig, hello);
	fake_no_ack(rig);
	/* The binary packets hold bytes that are no UTF-8, but their replies are text. */
	PLAY(rig, rest);
	fake_rig_hangup(rig);
}

static void test_gdb17(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	static const FakeLine hello[] = {
		{FAKE_OFFER ",arm;QThreadOptions+;error-message+",
		 "PacketSize=.*error-message\\+;binary-upload\\+.*"},
		{"vCont?", "vCont;c;C;s;S;t;r"},
		{"vMustReplyEmpty", ""},
	};
	static const FakeLine rest[] = {
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

	fake_connect_gdb(rig);
	PLAY(rig, hello);
	fake_no_ack(rig);
	for (unsigned i = 0; i < G_N_ELEMENTS(rest); i++) {
		if (g_str_has_prefix(rest[i].reply, "b"))
			rsp_expect(rig->client, rest[i].packet, rest[i].reply);
		else
			fake_play(rig, &rest[i], 1);
	}
	rsp_expect(rig->client, "D;1", "OK");
	fake_rig_hangup(rig);
}

/* --- symbols of a kernel that was moved --- */

/* A bare gdb: it reads the path, opens the file by itself, and asks where it was moved. */
static void test_kaslr_gdb(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	static const FakeLine lines[] = {
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
		{"qOffsets", ""}, /* by hand */
		{"g", ".*"},
		{"qSymbol::", "OK"},
		{"qOffsets", ""},
	};
	static const FakeLine again[] = {
		{"Hgp0.0", "OK"},
		{"qXfer:exec-file:read:1:0,1000", "l" VMLINUX},
		{"Qqemu.sstepbits", "ENABLE=1.*"},
		{"qOffsets", ""},
		{"qXfer:exec-file:read:1:0,1000", "l" VMLINUX},
		{"qOffsets", "TextSeg=ffffffff82200000"},
		{"qOffsets", ""},
		{"qSymbol::", "OK"},
		{"qOffsets", ""},
	};

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	fake_connect_gdb(rig);
	PLAY(rig, lines);
	rsp_expect(rig->client, "D;1", "OK");
	/* Attached anew in the same connection, gdb asks again, and a plug-in does, too. */
	rsp_expect_prefix(rig->client, "vAttach;1", "T");
	PLAY(rig, again);
	fake_rig_hangup(rig);
	/* And so does the next client. */
	fake_connect_gdb(rig);
	rsp_expect(rig->client, "Hc-1", "OK");
	rsp_expect(rig->client, "qOffsets", "TextSeg=ffffffff82200000");
	fake_rig_hangup(rig);
}

/* Not where gdb asks, or a kernel that was not moved: empty. */
static void test_kaslr_closed(void)
{
	static const char *const before[] =
		{
			"g",	"qSymbol::", "Qqemu.sstepbits", "qqemu.PhyMemMode", "vCont;s:p1.1",
			"Hc2",	"Hgp0.0",    "nonsense",	"vMustReplyEmpty",  "qOffsets",
			"Hc-1", /* with a kernel where it was linked */
		};

	for (unsigned i = 0; i < G_N_ELEMENTS(before); i++) {
		g_autoptr(FakeRig) rig = fake_rig_new(2);
		bool last = i == G_N_ELEMENTS(before) - 1;

		fake_target_set_program(rig->target, VMLINUX, last ? 0 : SLIDE);
		fake_connect_gdb(rig);
		if (!last)
			rsp_expect(rig->client, "Hc-1", "OK");
		g_free(rsp_client_ask(rig->client, before[i]));
		g_test_message("%s", before[i]);
		if (!g_str_equal(before[i], "qOffsets"))
			rsp_expect(rig->client, "qOffsets", "");
		rsp_expect(rig->client, "qOffsets", "");
		fake_rig_hangup(rig);
	}
}

/* --- plug-ins of gdb: they speak through it, after its hello --- */

static FakeRig *plugin_rig(void)
{
	FakeRig *rig = fake_rig_new_ready(2);
	static const FakeLine gdb[] = {
		{"vMustReplyEmpty", ""},
		{"qOffsets", ".*"},
		{"g", ".*"},
	};

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	PLAY(rig, gdb);
	return rig;
}

static void expect_monitor(FakeRig *rig, const char *command, const char *expression)
{
	g_autofree char *text = rsp_client_monitor(rig->client, command);

	if (!g_regex_match_simple(expression, text, G_REGEX_DOTALL, 0))
		g_error("monitor %s: /%s/ is not in '%s'", command, expression, text);
}

static void test_pwndbg(void)
{
	g_autoptr(FakeRig) rig = plugin_rig();
	static const FakeLine lines[] = {
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
	static const FakeLine lines[] = {
		{"Qqemu.sstepbits", "ENABLE=1.*"},
		{"qOffsets", ""},
		{"qqemu.PhyMemMode", "0"},
		{"Qqemu.PhyMemMode:1", "OK"},
		{"qqemu.PhyMemMode", "1"},
		{"m10,8", "70777e858c939aa1"},
		{"mfff,2", "0810"}, /* across the page's end */
		{"m1fff,2", "18"},  /* up to the end of memory */
		{"mfee00000,4", "E14"},
		{"Qqemu.PhyMemMode:0", "OK"},
		{"qqemu.PhyMemMode", "0"},
		{"m600010,8", "70777e858c939aa1"},
	};

	PLAY(rig, lines);
	expect_monitor(rig, "help r", "^(?!.*Dump hidden register).*$");
	expect_monitor(rig, "info version", ".");
}

/*
 * Its hook for new symbol files runs as soon as gdb has read the program that the stub told it,
 * which is before gdb asks where that is.
 */
static void test_bata24_gef_connecting(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	static const FakeLine lines[] = {
		{FAKE_OFFER, ".*;qXfer:exec-file:read\\+.*"},
		{"vMustReplyEmpty", ""},
		{"Hgp0.0", "OK"},
		{"?", ".*"},
		{"qAttached:1", "1"},
		{"qXfer:exec-file:read:1:0,1000", "l" VMLINUX},
		{"Qqemu.sstepbits", "ENABLE=1.*"},
		{"qOffsets", ""},
		{"g", ".*"},
		{"m400000,1", "90"},
		{"Qqemu.sstepbits", "ENABLE=1.*"},
		{"qOffsets", ""},
		{"Hc-1", "OK"},
		{"qOffsets", "TextSeg=ffffffff82200000"},
		{"qSymbol::", "OK"},
		{"Qqemu.sstepbits", "ENABLE=1.*"},
		{"qOffsets", ""},
	};

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	fake_connect_gdb(rig);
	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

static void test_hugsy_gef(void)
{
	g_autoptr(FakeRig) rig = plugin_rig();
	static const FakeLine lines[] = {
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
	static const FakeLine lines[] = {
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
	static const FakeLine hello[] = {
		{"qSupported:multiprocess+;qRelocInsn+;xmlRegisters=i386", "PacketSize=.*"},
	};
	static const FakeLine rest[] = {
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

	fake_connect_gdb(rig);
	PLAY(rig, hello);
	fake_no_ack(rig);
	PLAY(rig, rest);
	fake_rig_hangup(rig);
}

/* drgn's proposals, and MIEngine under virtme-ng and editors: what is not there is empty. */
static void test_others(void)
{
	g_autoptr(FakeRig) rig = plugin_rig();
	static const FakeLine lines[] = {
		{"qXfer:vmcoreinfo:read::0,1000", "E02"},
		{"qlinux.vmcoreinfo", ""},
		{"qXfer:memory-map:read::0,1000", ""},
		{"qXfer:osdata:read::0,1000", "l<\\?xml.*"},
		{"qAttached", "1"},
		{"T1", "OK"},
		{"Tp1.9", "E02"},
	};

	PLAY(rig, lines);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"gdb13", test_gdb13},
		{"gdb17", test_gdb17},
		{"kaslr-gdb", test_kaslr_gdb},
		{"kaslr-closed", test_kaslr_closed},
		{"pwndbg", test_pwndbg},
		{"bata24-gef", test_bata24_gef},
		{"bata24-gef-connecting", test_bata24_gef_connecting},
		{"hugsy-gef", test_hugsy_gef},
		{"lx-scripts", test_lx_scripts},
		{"radare2", test_radare2},
		{"others", test_others},
		{0},
	};

	return test_main(argc, argv, "clients", cases);
}

/*
 * tests/test-server-os.c - owns the tests of what a client reads of the system in the target: the
 * tables of `info os`, VMCOREINFO, libraries; and of the documents in which it reads them.
 */
#include <string.h>

#include "tests/fake-play.h"

static const FakeFile own = {"/vmgdb/vmlinux", "x", 1, 0}, library = {"/vmgdb/<l>.ko", "x", 1, 0},
		      none = {0};

#define XML "<\\?xml version=\"1\\.0\"\\?>\n"
#define LIBRARIES(LIST) "l" XML "<library-list>\n" LIST "</library-list>\n"
#define ONE_LIBRARY                                                                                \
	"<library name=\"/vmgdb/&lt;l&gt;\\.ko\"><section address=\"0x400800\"/></library>\n"

static FakeRig *connected(const FakeFile *with_library)
{
	FakeRig *rig = fake_rig_new(1);

	fake_target_set_own_program(rig->target, &own);
	fake_target_set_library(rig->target, with_library);
	fake_connect_gdb(rig);
	fake_no_ack(rig);
	return rig;
}

#define CELL(TITLE, TEXT) "<column name=\"" TITLE "\">" TEXT "</column>"

static void test_tables(void)
{
	g_autoptr(FakeRig) rig = connected(&none);
	static const FakeLine lines[] = {
		{FAKE_OFFER, ".*;qXfer:osdata:read\\+.*"},
		{"qXfer:osdata:read::0,1000",
		 "l" XML "<osdata type=\"types\">\n"
		 "<item>" CELL("Type", "processes") CELL("Description", "Who runs") CELL(
			 "Title", "Processes") "</item>\n"
					       "<item>" CELL("Type", "broken") CELL(
						       "Description", "What &lt;cannot&gt; be read")
						       CELL("Title", "Broken") "</item>\n"
									       "</osdata>\n"},
		/* No control character, no byte that is not of UTF-8, and no part of a row. */
		{"qXfer:osdata:read:processes:0,1000",
		 "l" XML "<osdata type=\"processes\">\n"
		 "<item>" CELL("pid", "1")
			 CELL("command", "init") "</item>\n"
						 "<item>" CELL("pid", "22") CELL(
							 "command",
							 "&lt;&amp;&quot;&apos;&gt;\\?\\?"
							 "\xc3\xa4\\?") "</item>\n</osdata>\n"},
		{"qXfer:osdata:read:broken:0,1000", "E14"},
		{"qXfer:osdata:read:nonsense:0,1000", "E02"},
		{"qXfer:osdata:read:processes/:0,1000", "E02"},
		{"qXfer:osdata:read:processes:1000,1", "E22"},
		{"qXfer:osdata:read:processes:0", "E22"},
		{"qXfer:osdata:write:processes:0:", ""},
	};

	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

static void test_vmcoreinfo(void)
{
	g_autoptr(FakeRig) rig = connected(&none);
	static const FakeLine lines[] = {
		{FAKE_OFFER, ".*;qXfer:vmcoreinfo:read\\+.*"},
		{"qXfer:vmcoreinfo:read::0,1000", "lOSRELEASE=6\\.1\\.0\nKERNELOFFSET=1200000\n"},
		{"qXfer:vmcoreinfo:read::0,a", "mOSRELEASE="},
		{"qXfer:vmcoreinfo:read::a,1000", "l6\\.1\\.0\nKERNELOFFSET=1200000\n"},
		{"qXfer:vmcoreinfo:read:x:0,1000", "E02"},
	};

	PLAY(rig, lines);
	fake_target_set_own_program(rig->target, &none);
	rsp_expect(rig->client, "qXfer:vmcoreinfo:read::0,1000", "E02");
	fake_rig_hangup(rig);
}

/* The pieces of one reading are of one document, and those of another one are not. */
static void test_pieces(void)
{
	g_autoptr(FakeRig) rig = connected(&none);
	static const FakeLine lines[] = {
		{"qXfer:vmcoreinfo:read::0,4", "mOSRE"},
		{"qXfer:osdata:read:processes:16,7", "m<osdata"},
		{"qXfer:osdata:read:broken:16,7", "E14"},
	};

	rsp_expect(rig->client, "qXfer:vmcoreinfo:read::0,4", "mOSRE");
	fake_target_set_own_program(rig->target, &none);
	rsp_expect(rig->client, "qXfer:vmcoreinfo:read::4,b", "mLEASE=6.1.0");
	/* The list of threads comes in between. */
	rsp_expect(rig->client, "qXfer:threads:read::0,5", "m<?xml");
	rsp_expect(rig->client, "qXfer:vmcoreinfo:read::f,4", "E02");
	rsp_expect(rig->client, "qXfer:threads:read::5,8", "m version");
	fake_target_set_own_program(rig->target, &own);
	rsp_expect(rig->client, "qXfer:vmcoreinfo:read::10,1000", "lKERNELOFFSET=1200000\n");
	PLAY(rig, lines);
	/* What one client is in the middle of is nothing to the next. */
	rsp_expect(rig->client, "qXfer:vmcoreinfo:read::0,4", "mOSRE");
	fake_rig_hangup(rig);
	fake_target_set_own_program(rig->target, &none);
	fake_connect_gdb(rig);
	rsp_expect(rig->client, "qXfer:vmcoreinfo:read::4,4", "E02");
	fake_rig_hangup(rig);
}

static void test_running(void)
{
	g_autoptr(FakeRig) rig = connected(&library);
	static const FakeLine lines[] = {
		{"qXfer:osdata:read:processes:0,1000", "E16"},
		{"qXfer:osdata:read::0,1000", "l.*"},
		{"qXfer:vmcoreinfo:read::0,1000", "E16"},
		{"qXfer:libraries:read::0,1000", "E16"},
	};

	rsp_expect_prefix(rig->client, FAKE_OFFER, "PacketSize=");
	rsp_client_send(rig->client, "vCont;c");
	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

#define WITHOUT(WORD) "(?!.*" WORD ")"
#define LIBRARY_WORD "qXfer:libraries:read\\+"
#define NO_SYSTEM "<osabi>none</osabi>"

static void test_libraries(void)
{
	g_autoptr(FakeRig) rig = connected(&library);
	static const FakeLine before[] = {
		{FAKE_OFFER, ".*;" LIBRARY_WORD ".*"},
		{"qXfer:features:read:target.xml:0,ffff",
		 ".*<architecture>[^<]*</architecture>\n" NO_SYSTEM "\n<feature .*"},
		{"qXfer:libraries:read::0,1000", LIBRARIES("")},
		{"qXfer:libraries:read:x:0,1000", "E02"},
		{"qRcmd,6c6f6164", "OK"}, /* load */
		{"qXfer:libraries:read::0,1000", LIBRARIES(ONE_LIBRARY)},
		{"vCont;c", "T05thread:p01\\.01;library:;.*"},
	};

	static const FakeLine placed[] = {
		{"qXfer:libraries:read::0,1000",
		 LIBRARIES("<library name=\"/vmgdb/&lt;l&gt;\\.ko\"><segment "
			   "address=\"0x400800\"/></library>\n")},
	};

	PLAY(rig, before);
	fake_target_place_library(rig->target);
	PLAY(rig, placed);
	/* What the client was told holds. */
	fake_target_set_library(rig->target, &none);
	rsp_expect(rig->client, "qXfer:libraries:read::0,1000", "E05");
	PLAY(rig, ((const FakeLine[]){before[1]}));
	fake_rig_hangup(rig);
}

/* Without libraries, and for other clients, the description is what it was. */
static void test_no_libraries(void)
{
	g_autoptr(FakeRig) rig = connected(&none);
	static const FakeLine gdb[] = {
		{FAKE_OFFER, WITHOUT("libraries") ".*"},
		{"qXfer:features:read:target.xml:0,ffff", WITHOUT("osabi") ".*"},
		{"qXfer:libraries:read::0,1000", ""},
	};
	static const FakeLine lldb[] = {
		{"qSupported:xmlRegisters=i386,arm;multiprocess+;swbreak+;hwbreak+", ".*"},
		{"QThreadSuffixSupported", "OK"},
		{"qXfer:features:read:target.xml:0,ffff", WITHOUT("osabi") ".*"},
	};
	static const FakeLine radare2[] = {
		{"qSupported:multiprocess+;qRelocInsn+;xmlRegisters=i386", ".*"},
		{"qXfer:features:read:target.xml:0,ffff", WITHOUT("osabi") ".*"},
	};

	PLAY(rig, gdb);
	fake_target_set_library(rig->target, &library);
	PLAY(rig, gdb);
	fake_rig_hangup(rig);
	fake_connect_gdb(rig);
	PLAY(rig, lldb);
	fake_rig_hangup(rig);
	fake_connect_gdb(rig);
	PLAY(rig, radare2);
	fake_rig_hangup(rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-os/tables", test_tables);
	g_test_add_func("/server-os/vmcoreinfo", test_vmcoreinfo);
	g_test_add_func("/server-os/pieces", test_pieces);
	g_test_add_func("/server-os/running", test_running);
	g_test_add_func("/server-os/libraries", test_libraries);
	g_test_add_func("/server-os/no-libraries", test_no_libraries);
	return g_test_run();
}

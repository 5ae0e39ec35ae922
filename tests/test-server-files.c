/*
 * tests/test-server-files.c - owns the tests of the files that a target offers: what vFile, the
 * path of the program and qOffsets say with them and without.
 */
#include <string.h>

#include "tests/fake-play.h"

#define OWN "/vmgdb/vmlinux"
#define OWN_HEX "2f766d6764622f766d6c696e7578"

static const char content[] = "0123456789#$}*abcdefghij";

static FakeRig *rig_with(const FakeFile *file)
{
	FakeRig *rig = fake_rig_new(1);

	fake_target_set_own_program(rig->target, file);
	fake_connect_gdb(rig);
	return rig;
}

static FakeRig *own_rig(void)
{
	static const FakeFile file = {OWN, content, sizeof(content) - 1, 0};

	return rig_with(&file);
}

/* What gdb 13 asks when it has no program. */
static void test_connect(void)
{
	g_autoptr(FakeRig) rig = own_rig();
	static const FakeLine lines[] = {
		{FAKE_OFFER, ".*;qXfer:exec-file:read\\+.*"},
		{"vMustReplyEmpty", ""},
		{"Hgp0.0", "OK"},
		{"qXfer:exec-file:read:1:0,1000", "l" OWN},
		{"vFile:setfs:0", "F0"},
		{"vFile:open:6a7573742070726f6265,0,1c0", "F-1,2"},
		{"vFile:open:" OWN_HEX ",0,0", "F0"},
		{"vFile:pread:0,4,0", "F4;0123"},
		{"vFile:close:0", "F0"},
		{"Hc-1", "OK"},
		{"qOffsets", ""},
		{"qXfer:exec-file:read::0,1000", "l" OWN},
	};

	/* What would be told if there were no program of its own. */
	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

/* A client that was told once that there are no files is not told of any later. */
static void test_none(void)
{
	static const FakeFile none = {0}, file = {OWN, content, 4, 0};
	g_autoptr(FakeRig) rig = rig_with(&none);
	static const FakeLine lines[] = {
		{"vFile:setfs:0", ""},	 {"vFile:open:6a7573742070726f6265,0,1c0", ""},
		{"vFile:open:zz", ""},	 {"vFile:open:" OWN_HEX ",0,0", ""},
		{"vFile:pread:0,4", ""}, {"vFile:", ""},
		{"vFile", ""},
	};
	static const FakeLine hello[] = {
		{FAKE_OFFER, "(?!.*exec-file).*"},
		{"Hgp0.0", "OK"},
		{"qXfer:exec-file:read:1:0,1000", ""},
	};

	PLAY(rig, hello);
	PLAY(rig, lines);
	fake_target_set_own_program(rig->target, &file);
	PLAY(rig, lines);
	PLAY(rig, hello);
	fake_rig_hangup(rig);
}

/* It was found after the client had connected, and before it asked for a file. */
static void test_late(void)
{
	static const FakeFile none = {0}, file = {OWN, content, 4, 0};
	g_autoptr(FakeRig) rig = rig_with(&none);

	rsp_expect_prefix(rig->client, FAKE_OFFER, "PacketSize=");
	rsp_client_send(rig->client, "vCont;c");
	rsp_client_puts(rig->client, "\x03");
	g_free(rsp_expect_next_prefix(rig->client, "T02"));
	fake_target_set_own_program(rig->target, &file);
	rsp_expect(rig->client, "vFile:setfs:0", "F0");
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F0");
	/* What was told holds, whatever becomes of the program. */
	fake_target_set_own_program(rig->target, &none);
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F-1,2");
	rsp_expect(rig->client, "vFile:pread:0,10,0", "F4;0123");
	fake_rig_hangup(rig);
	/* But not for the next one. */
	fake_connect_gdb(rig);
	rsp_expect(rig->client, "vFile:setfs:0", "");
	fake_rig_hangup(rig);
}

static void test_pread(void)
{
	g_autoptr(FakeRig) rig = own_rig();
	static const FakeLine lines[] = {
		{"vFile:open:" OWN_HEX ",0,0", "F0"},
		{"vFile:pread:0,1000,0", "F18;0123456789#\\$\\}\\*abcdefghij"},
		{"vFile:pread:0,ffffffffffffffff,a", "Fe;#\\$\\}\\*abcdefghij"},
		{"vFile:pread:0,0,0", "F0;"},
		{"vFile:pread:0,8,17", "F1;j"},
		{"vFile:pread:0,8,18", "F0;"},
		{"vFile:pread:0,8,19", "F0;"},
		{"vFile:pread:0,8,7fffffffffffffff", "F0;"},
		{"vFile:pread:0,8,ffffffffffffffff", "F0;"},
		{"vFile:pread:1,8,0", "F-1,9"},
		{"vFile:pread:8,8,0", "F-1,9"},
		{"vFile:pread:ffffffffffffffff,8,0", "F-1,9"},
		{"vFile:pread:0,8", "F-1,16"},
		{"vFile:pread:0,8,0,0", "F-1,16"},
	};

	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

/* How many bytes there are, from the descriptor 0. */
static size_t read_bytes(FakeRig *rig, unsigned offset, unsigned count)
{
	g_autofree char *packet = g_strdup_printf("vFile:pread:0,%x,%x", count, offset);
	g_autofree char *got = NULL;
	const char *data;
	size_t len;

	rsp_client_send(rig->client, packet);
	got = rsp_client_recv(rig->client, &len);
	data = strchr(got, ';') + 1;
	g_assert_cmphex(strtoul(got + 1, NULL, 16), ==, len - (data - got));
	return len - (data - got);
}

/* Bytes that have to be escaped take two in a packet, and the packet has an end. */
static void test_large(void)
{
	g_autofree char *bytes = g_malloc(0x60000);
	FakeFile file = {OWN, bytes, 0x60000, 0};
	g_autoptr(FakeRig) rig = NULL;
	size_t n;

	memset(bytes, '#', 0x30000);
	memset(bytes + 0x30000, 'a', 0x30000);
	rig = rig_with(&file);
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F0");
	g_assert_cmphex(read_bytes(rig, 0, 0x40000), ==, 0x2000);
	n = read_bytes(rig, 0x2000, 0x40000);
	g_assert_cmphex(n, >, 0x1f000);
	g_assert_cmphex(n, <=, 0x20000);
	g_assert_cmphex(read_bytes(rig, 0x2f000, 0x1000), ==, 0x1000);
	g_assert_cmphex(read_bytes(rig, 0x30000, 0x40000), ==, 0x30000);
	fake_rig_hangup(rig);
}

/*
 * gdb asks for as much as a packet takes where it wants a few bytes of a section: it gets the rest
 * when it goes on there, and each descriptor for itself.
 */
static void test_ahead(void)
{
	g_autofree char *bytes = g_strnfill(0x60000, 'a');
	FakeFile file = {OWN, bytes, 0x60000, 0};
	g_autoptr(FakeRig) rig = rig_with(&file);

	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F0");
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F1");
	for (unsigned at = 0x10000; at < 0x20000; at += 0x4000)
		g_assert_cmphex(read_bytes(rig, at, 0x3fff0), ==, 0x2000);
	rsp_expect_prefix(rig->client, "vFile:pread:1,10,0", "F10;");
	g_assert_cmphex(read_bytes(rig, 0x1e000, 0x3fff0), ==, 0x3fff0);
	g_assert_cmphex(read_bytes(rig, 0x1e000, 0x3fff0), ==, 0x2000);
	g_assert_cmphex(read_bytes(rig, 0x20000, 0x10), ==, 0x10);
	g_assert_cmphex(read_bytes(rig, 0x5ffff, 0x3fff0), ==, 1);
	fake_rig_hangup(rig);
}

/* struct stat as the packets have it: each number begins with its highest byte. */
static void check_stat(FakeRig *rig, const char *packet)
{
	static const uint8_t size_field[] = {0, 0, 0, 0, 0, 0, 0, sizeof(content) - 1};
	static const uint8_t mode[] = {0, 0, 0x81, 0x24, 0, 0, 0, 1}; /* and one link */
	g_autofree char *got = NULL;
	size_t len;

	rsp_client_send(rig->client, packet);
	got = rsp_client_recv(rig->client, &len);
	g_assert_cmpuint(len, ==, 4 + 64);
	g_assert_cmpmem(got, 4, "F40;", 4);
	g_assert_cmpmem(got + 4 + 8, 8, mode, 8);
	g_assert_cmpmem(got + 4 + 28, 8, size_field, 8);
}

static void test_stat(void)
{
	g_autoptr(FakeRig) rig = own_rig();
	static const FakeLine lines[] = {
		{"vFile:fstat:1", "F-1,9"},
		{"vFile:stat:2f", "F-1,2"},
		{"vFile:lstat:2f766d6764622f", "F-1,2"},
		{"vFile:readlink:" OWN_HEX, "F-1,16"},
		{"vFile:readlink:2f", "F-1,2"},
		{"vFile:size:" OWN_HEX, "F18"},
		{"vFile:size:2f", "F-1,2"},
		{"vFile:mode:" OWN_HEX, "F8124"},
		{"vFile:exists:" OWN_HEX, "F,1"},
	};

	PLAY(rig, lines);
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F0");
	check_stat(rig, "vFile:fstat:0");
	check_stat(rig, "vFile:stat:" OWN_HEX);
	check_stat(rig, "vFile:lstat:" OWN_HEX);
	fake_rig_hangup(rig);
}

static void test_read_only(void)
{
	g_autoptr(FakeRig) rig = own_rig();
	static const FakeLine lines[] = {
		{"vFile:open:" OWN_HEX ",1,0", "F-1,1e"},
		{"vFile:open:" OWN_HEX ",2,0", "F-1,1e"},
		{"vFile:open:" OWN_HEX ",8,0", "F-1,1e"},
		{"vFile:open:" OWN_HEX ",200,1ff", "F-1,1e"},
		{"vFile:open:" OWN_HEX ",400,0", "F-1,1e"},
		{"vFile:open:2f746d702f78,601,1ff", "F-1,1e"},
		{"vFile:pwrite:0,0,x", "F-1,1e"},
		{"vFile:unlink:" OWN_HEX, "F-1,1e"},
		/* lldb's flag for a descriptor that a new program does not get. */
		{"vFile:open:" OWN_HEX ",40000000,0", "F0"},
	};

	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

/* No file of the host, and no nonsense. */
static void test_hostile_paths(void)
{
	g_autoptr(FakeRig) rig = own_rig();
	g_autofree char *hex = g_strnfill(2 * 4097, '2');
	g_autofree char *packet = g_strdup_printf("vFile:open:%s,0,0", hex);
	static const FakeLine lines[] = {
		{"vFile:open:2f6574632f706173737764,0,0", "F-1,2"}, /* /etc/passwd */
		{"vFile:open:" OWN_HEX "00,0,0", "F-1,2"},
		{"vFile:open:" OWN_HEX "002f,0,0", "F-1,2"},
		{"vFile:open:,0,0", "F-1,2"},
		{"vFile:open:2,0,0", "F-1,16"},
		{"vFile:open:2g,0,0", "F-1,16"},
		{"vFile:open:2f", "F-1,16"},
		{"vFile:open:2f,0", "F-1,16"},
		{"vFile:open", ""},
		{"vFile:format:2f", ""},
	};

	PLAY(rig, lines);
	rsp_expect(rig->client, packet, "F-1,5b");
	fake_rig_hangup(rig);
}

/* gdb keeps the files of all libraries open; fake_rig_free() sees to it that none is left. */
static void test_descriptors(void)
{
	g_autoptr(FakeRig) rig = own_rig();

	for (unsigned n = 0; n < 512; n++) {
		g_autofree char *reply = g_strdup_printf("F%x", n);

		rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", reply);
	}
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F-1,18");
	rsp_expect(rig->client, "vFile:close:3", "F0");
	rsp_expect(rig->client, "vFile:close:3", "F-1,9");
	rsp_expect(rig->client, "vFile:close:200", "F-1,9");
	rsp_expect(rig->client, "vFile:pread:3,1,0", "F-1,9");
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F3");
	rsp_expect(rig->client, "vFile:pread:7,1,0", "F1;0");
	fake_rig_hangup(rig);
	fake_connect_gdb(rig);
	rsp_expect(rig->client, "vFile:setfs:0", "F0");
	rsp_expect(rig->client, "vFile:pread:7,1,0", "F-1,9");
	fake_rig_hangup(rig);
}

/* It takes a while to make the file, and the user may not want to wait. */
static void test_slow(void)
{
	static const FakeFile slow = {OWN, content, 4, 5}, stuck = {OWN, content, 4, UINT_MAX};
	g_autoptr(FakeRig) rig = rig_with(&slow);

	fake_no_ack(rig);
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F0");
	rsp_expect(rig->client, "vFile:size:" OWN_HEX, "F4");
	fake_target_set_own_program(rig->target, &stuck);
	rsp_client_send(rig->client, "vFile:open:" OWN_HEX ",0,0");
	rsp_expect_silence(rig->client, 50);
	rsp_client_puts(rig->client, "\x03");
	rsp_expect_next(rig->client, "E16");
	rsp_client_send(rig->client, "vFile:open:" OWN_HEX ",0,0");
	rsp_expect_silence(rig->client, 20);
	fake_rig_hangup(rig);
}

/*
 * It takes a while to find out what there is: in pieces, each packet that asks for it waits, and is
 * answered once. Nothing is asked of the target before (fake-files.c).
 */
static void test_pieces(void)
{
	static const FakeFile file = {OWN, content, 4, 0};
	g_autoptr(FakeRig) rig = rig_with(&file);
	static const FakeLine lines[] = {
		{FAKE_OFFER, ".*;qXfer:exec-file:read\\+.*"},
		{"qXfer:exec-file:read:1:0,1000", "l" OWN},
		{"qC", "QCp01.01"},
	};
	static const char *const packets[] = {
		"qXfer:features:read:target.xml:0,5",
		"qXfer:exec-file:read:1:0,5",
		"vFile:setfs:0",
		"qXfer:libraries:read::0,5",
		"qXfer:osdata:read:processes:0,5",
		"qXfer:vmcoreinfo:read::0,5",
	};

	fake_no_ack(rig);
	fake_target_set_pieces(rig->target, 5);
	PLAY(rig, lines);
	for (unsigned n = 0; n < G_N_ELEMENTS(packets); n++) {
		g_autoptr(FakeRig) other = rig_with(&file);

		fake_no_ack(other);
		fake_target_set_pieces(other->target, 5);
		g_free(rsp_client_ask(other->client, packets[n]));
		rsp_expect(other->client, "qC", "QC01");
		fake_rig_hangup(other);
	}
	fake_rig_hangup(rig);
}

/* Who does not want to wait is offered no file; who asks for what is looked for hears of it. */
static void test_pieces_interrupted(void)
{
	g_autoptr(FakeRig) rig = own_rig();

	fake_no_ack(rig);
	fake_target_set_pieces(rig->target, UINT_MAX);
	rsp_client_send(rig->client, "qXfer:osdata:read:processes:0,1000");
	rsp_expect_silence(rig->client, 20);
	rsp_client_puts(rig->client, "\x03");
	rsp_expect_next(rig->client, "E16");
	/* The list of tables is known. */
	rsp_expect_prefix(rig->client, "qXfer:osdata:read::0,1000", "l");
	rsp_client_send(rig->client, FAKE_OFFER);
	rsp_expect_silence(rig->client, 20);
	rsp_client_puts(rig->client, "\x03");
	g_free(rsp_expect_next_prefix(rig->client, "PacketSize="));
	rsp_expect(rig->client, "vFile:setfs:0", "");
	rsp_expect(rig->client, "qXfer:exec-file:read:1:0,1000", "");
	rsp_expect(rig->client, "qXfer:libraries:read::0,1000", "");
	fake_rig_hangup(rig);
}

/* Who was told that there are no files may still be offered libraries, which takes as long. */
static void test_pieces_refused(void)
{
	static const FakeFile none = {0}, file = {OWN, content, 4, 0};
	g_autoptr(FakeRig) rig = rig_with(&none);

	fake_no_ack(rig);
	rsp_expect(rig->client, "vFile:setfs:0", "");
	fake_target_set_own_program(rig->target, &file);
	fake_target_set_pieces(rig->target, 5);
	g_free(rsp_client_ask(rig->client, FAKE_OFFER));
	rsp_expect(rig->client, "vFile:setfs:0", "");
	fake_rig_hangup(rig);
}

static void test_pieces_gone(void)
{
	g_autoptr(FakeRig) rig = own_rig();

	fake_no_ack(rig);
	fake_target_set_pieces(rig->target, UINT_MAX);
	rsp_client_send(rig->client, FAKE_OFFER);
	rsp_expect_silence(rig->client, 20);
	fake_rig_hangup(rig);
}

/* The client's own question, although it was handled twice. */
static void test_pieces_offsets(void)
{
	static const FakeFile none = {0};
	g_autoptr(FakeRig) rig = rig_with(&none);

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	fake_no_ack(rig);
	fake_target_set_pieces(rig->target, 3);
	rsp_expect(rig->client, "Hc-1", "OK");
	rsp_expect_prefix(rig->client, "qOffsets", "TextSeg=");
	fake_rig_hangup(rig);
}

/* The guest is not looked at while it runs; what is open can be read. */
static void test_running(void)
{
	g_autoptr(FakeRig) rig = own_rig();

	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F0");
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect(rig->client, "vFile:open:" OWN_HEX ",0,0", "F-1,10");
	rsp_expect(rig->client, "vFile:pread:0,2,0", "F2;01");
	fake_rig_hangup(rig);
	fake_connect_gdb(rig);
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect(rig->client, "vFile:setfs:0", "");
	fake_rig_hangup(rig);
}

/* ---- A client on another host: what it is told of it reads through the connection ---- */

#define VMLINUX_HEX "2f6b65726e656c2f766d6c696e7578"

/* Connected to the server at @where. */
static FakeRig *elsewhere_rig(const char *where)
{
	FakeRig *rig = fake_rig_new(2);

	fake_rig_listen(rig, where);
	rig->client =
		rsp_client_new(rig->context, test_connect_tcp("127.0.0.1", fake_rig_port(rig)));
	return rig;
}

/* The program is still the host's: where it was moved is told, and no other file is to be had. */
static void test_elsewhere(void)
{
	g_autoptr(FakeRig) rig = elsewhere_rig("0,remote");
	static const FakeLine lines[] = {
		{FAKE_OFFER, ".*;qXfer:exec-file:read\\+.*"},
		{"qXfer:exec-file:read:1:0,1000", "l" VMLINUX},
		{"vFile:setfs:0", "F0"},
		{"vFile:open:6a7573742070726f6265,0,1c0", "F-1,2"},
		{"vFile:open:2f6574632f706173737764,0,0", "F-1,2"}, /* /etc/passwd */
		{"vFile:open:" VMLINUX_HEX ",1,0", "F-1,1e"},
		{"vFile:open:" VMLINUX_HEX ",0,0", "F0"},
		{"vFile:pread:0,4,0", "F4;/ker"},
		{"vFile:close:0", "F0"},
		{"Hc-1", "OK"},
		{"qOffsets", "TextSeg=ffffffff82200000"},
	};

	fake_target_set_program(rig->target, VMLINUX, SLIDE);
	PLAY(rig, lines);
	fake_rig_hangup(rig);
}

/* The target's own program comes first, and where there is none at all nothing is offered. */
static void test_elsewhere_other(void)
{
	static const FakeFile file = {OWN, content, sizeof(content) - 1, 0};
	g_autoptr(FakeRig) own = elsewhere_rig("0,remote"), none = elsewhere_rig("0,remote");
	static const FakeLine lines[] = {
		{FAKE_OFFER, ".*;qXfer:exec-file:read\\+.*"},
		{"qXfer:exec-file:read:1:0,1000", "l" OWN},
		{"vFile:open:" VMLINUX_HEX ",0,0", "F-1,2"},
		{"vFile:open:" OWN_HEX ",0,0", "F0"},
		{"Hc-1", "OK"},
		{"qOffsets", ""},
	};

	fake_target_set_program(own->target, VMLINUX, SLIDE);
	fake_target_set_own_program(own->target, &file);
	PLAY(own, lines);
	fake_rig_hangup(own);
	rsp_expect_prefix(none->client, FAKE_OFFER, "PacketSize=");
	rsp_expect(none->client, "vFile:setfs:0", "");
	/* That holds for the connection. */
	fake_target_set_program(none->target, VMLINUX, SLIDE);
	rsp_expect(none->client, "vFile:setfs:0", "");
	fake_rig_hangup(none);
}

/* One on this host opens the path that it is told: by IPv6, too, where IPv4 is mapped. */
static void test_here(void)
{
	static const char *const places[] = {"0", "[::]:0"};

	const bool has_ipv6 = g_file_test("/proc/net/if_inet6", G_FILE_TEST_EXISTS);

	for (unsigned n = 0; n < (has_ipv6 ? 2 : 1); n++) {
		g_autoptr(FakeRig) rig = elsewhere_rig(places[n]);

		fake_target_set_program(rig->target, VMLINUX, SLIDE);
		rsp_expect_prefix(rig->client, FAKE_OFFER, "PacketSize=");
		rsp_expect(rig->client, "qXfer:exec-file:read:1:0,1000", "l" VMLINUX);
		rsp_expect(rig->client, "vFile:setfs:0", "");
		rsp_expect(rig->client, "vFile:open:" VMLINUX_HEX ",0,0", "");
		fake_rig_hangup(rig);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-files/elsewhere", test_elsewhere);
	g_test_add_func("/server-files/elsewhere-other", test_elsewhere_other);
	g_test_add_func("/server-files/here", test_here);
	g_test_add_func("/server-files/connect", test_connect);
	g_test_add_func("/server-files/none", test_none);
	g_test_add_func("/server-files/late", test_late);
	g_test_add_func("/server-files/pread", test_pread);
	g_test_add_func("/server-files/large", test_large);
	g_test_add_func("/server-files/ahead", test_ahead);
	g_test_add_func("/server-files/stat", test_stat);
	g_test_add_func("/server-files/read-only", test_read_only);
	g_test_add_func("/server-files/hostile-paths", test_hostile_paths);
	g_test_add_func("/server-files/descriptors", test_descriptors);
	g_test_add_func("/server-files/slow", test_slow);
	g_test_add_func("/server-files/pieces", test_pieces);
	g_test_add_func("/server-files/pieces-interrupted", test_pieces_interrupted);
	g_test_add_func("/server-files/pieces-refused", test_pieces_refused);
	g_test_add_func("/server-files/pieces-gone", test_pieces_gone);
	g_test_add_func("/server-files/pieces-offsets", test_pieces_offsets);
	g_test_add_func("/server-files/running", test_running);
	return g_test_run();
}

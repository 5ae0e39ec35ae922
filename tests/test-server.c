/*
 * tests/test-server.c - owns the tests of a session at rest: first contact, threads, registers,
 * memory, breakpoint packets, monitor, searching, and the ways to part.
 */
#include "tests/fake-rig.h"

#include <string.h>

#define T1 "p01.01"
#define T2 "p01.02"

static void test_silent_at_first(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	fake_rig_connect(rig);
	rsp_expect_silence(rig->client, 60);
	rsp_expect_prefix(rig->client, "?", "T02");
	g_assert_cmpuint(rig->client->acks, ==, 1);
}

static bool has_word(const char *list, const char *word)
{
	g_auto(GStrv) words = g_strsplit(list, ";", -1);

	return g_strv_contains((const char *const *)words, word);
}

static void test_supported(void)
{
	static const char *const wanted[] = {
		"QStartNoAckMode+",
		"multiprocess+",
		"swbreak+",
		"hwbreak+",
		"vContSupported+",
		"qXfer:features:read+",
		"qXfer:threads:read+",
	};
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	g_autofree char *reply = NULL, *again = NULL;

	fake_rig_connect(rig);
	reply = rsp_client_ask(rig->client, FAKE_OFFER);
	for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++)
		if (!has_word(reply, wanted[i]))
			g_error("no %s in \"%s\"", wanted[i], reply);
	g_assert_true(g_str_has_prefix(reply, "PacketSize="));
	g_assert_cmpuint(g_ascii_strtoull(reply + strlen("PacketSize="), NULL, 16), >=, 0x20000);
	/* Sent raw by pwndbg and gef: the same reply, and what was offered stays. */
	again = rsp_client_ask(rig->client, "qSupported");
	g_assert_cmpstr(again, ==, reply);
	rsp_expect(rig->client, "qfThreadInfo", "m" T1);
}

/* The order in which gdb 13.1 talks, seen on the wire. */
static void test_gdb_order(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	g_autofree char *g = NULL, *stop = NULL;
	RspClient *c;

	fake_rig_connect(rig);
	c = rig->client;
	rsp_client_puts(c, "+");
	rsp_expect_prefix(c, FAKE_OFFER, "PacketSize=");
	rsp_expect(c, "vMustReplyEmpty", "");
	rsp_expect(c, "QStartNoAckMode", "OK");
	c->no_ack = true;
	rsp_expect(c, "Hgp0.0", "OK");
	rsp_expect_prefix(c, "qXfer:features:read:target.xml:0,100", "m<?xml");
	rsp_expect(c, "qTStatus", "");
	stop = rsp_client_ask(c, "?");
	g_assert_true(g_str_has_prefix(stop, "T02"));
	g_assert_nonnull(strstr(stop, "thread:" T1 ";"));
	rsp_expect(c, "qfThreadInfo", "m" T1 "," T2);
	rsp_expect(c, "qsThreadInfo", "l");
	rsp_expect(c, "qAttached:1", "1");
	rsp_expect(c, "Hc-1", "OK");
	rsp_expect(c, "qOffsets", "");
	g = rsp_client_ask(c, "g");
	g_assert_cmpuint(strlen(g), ==, 2 * FAKE_G_BYTES);
	rsp_expect(c, "m400000,1", "90");
	rsp_expect(c, "D;1", "OK");
	fake_rig_hangup(rig);
}

/* lldb asks for no-ack first and gives up on any other byte. */
static void test_lldb_order(void)
{
	static const char first[] = "+$OK#9a";
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	g_autofree char *reg = NULL;
	RspClient *c;

	fake_rig_connect(rig);
	c = rig->client;
	c->mute = true;
	rsp_client_puts(c, "+");
	rsp_client_send(c, "QStartNoAckMode");
	rsp_expect_bytes(c, strlen(first));
	g_assert_cmpmem(c->in->data, c->in->len, first, strlen(first));
	rsp_expect_next(c, "OK");
	rsp_client_puts(c, "+");
	c->no_ack = true;
	rsp_expect_prefix(c, "qSupported:xmlRegisters=i386,arm,mips,arc;multiprocess+;fork-events+",
			  "PacketSize=");
	rsp_expect_silence(c, 20);
	rsp_expect(c, "qVAttachOrWaitSupported", "");
	rsp_expect(c, "vCont?", "vCont;c;C;s;S;t;r");
	rsp_expect(c, "qC", "QC" T1);
	rsp_expect_prefix(c, "?", "T02");
	rsp_expect(c, "Hg1", "OK");
	reg = rsp_client_ask(c, "p0");
	g_assert_cmpuint(strlen(reg), ==, 16);
	rsp_expect(c, "D;0000000000000001", "OK");
	fake_rig_hangup(rig);
}

static void test_unknown_packets(void)
{
	static const char *const packets[] = {
		"vMustReplyEmpty",
		"qNoSuchThing",
		"QNoSuchThing:1",
		"vNoSuch;1",
		"jModulesInfo",
		"_Mx",
		"b",
		"R0",
		"i",
		"t0:0,0",
		"A0",
		"qL1",
		"y",
		"vFile:setfs:0",
		"bs",
		"bc",
		"",
	};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++)
		rsp_expect(rig->client, packets[i], "");
	rsp_expect(rig->client, "!", "OK");
}

static void test_threads(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(11);
	RspClient *c;

	fake_rig_connect(rig);
	c = rig->client;
	rsp_expect(c, "qfThreadInfo", "m01,02,03,04,05,06,07,08,09,0a,0b");
	rsp_expect(c, "qsThreadInfo", "l");
	rsp_expect_prefix(c, FAKE_OFFER, "PacketSize=");
	rsp_expect_prefix(c, "qfThreadInfo", "m" T1 "," T2 ",p01.03,");
	rsp_expect(c, "Tp1.b", "OK");
	rsp_expect(c, "Tb", "OK");
	rsp_expect_error(c, "Tp1.c");
	rsp_expect_error(c, "Tp2.1");
	rsp_expect_error(c, "Tffffffffffffffff1");
	rsp_expect_error(c, "Tzz");
	rsp_expect_error(c, "Hgc");
	rsp_expect(c, "Hgp1.2", "OK");
	rsp_expect(c, "Hg0", "OK");
	rsp_expect(c, "Hg-1", "OK");
	rsp_expect(c, "qThreadExtraInfo,p1.2",
		   "4350552331205b72756e6e696e675d"); /* CPU#1 [running] */
	rsp_expect_error(c, "qThreadExtraInfo,p1.ff");
}

static char *read_object(RspClient *c, const char *object, const char *annex, size_t chunk)
{
	GString *all = g_string_new(NULL);

	for (;;) {
		g_autofree char *ask =
			g_strdup_printf("qXfer:%s:read:%s:%zx,%zx", object, annex, all->len, chunk);
		g_autofree char *reply = rsp_client_ask(c, ask);

		g_assert_true(reply[0] == 'm' || reply[0] == 'l');
		g_assert_cmpuint(strlen(reply + 1), <=, chunk);
		g_string_append(all, reply + 1);
		if (reply[0] == 'l')
			return g_string_free(all, FALSE);
		g_assert_cmpuint(strlen(reply + 1), >, 0);
	}
}

static void test_xfer(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	g_autofree char *whole = read_object(rig->client, "features", "target.xml", 0x10000);
	g_autofree char *bytes = read_object(rig->client, "features", "target.xml", 1);
	g_autofree char *threads = read_object(rig->client, "threads", "", 0x1000);
	const GdbRegSet *set = fake_target_ops()->registers->set(rig->target);

	g_autofree char *at_end =
		g_strdup_printf("qXfer:features:read:target.xml:%zx,10", strlen(whole));

	g_assert_cmpstr(whole, ==, gdb_reg_set_xml(set));
	g_assert_cmpstr(bytes, ==, whole);
	g_assert_nonnull(strstr(threads, "id=\"" T1 "\""));
	g_assert_nonnull(strstr(threads, "id=\"" T2 "\""));
	rsp_expect(rig->client, at_end, "l");
	/* The manual allows an error for what is beyond the end. */
	rsp_expect_error(rig->client, "qXfer:features:read:target.xml:100000000,10");
	rsp_expect_error(rig->client, "qXfer:features:read:target.xml:ffffffffffffffff,1");
	rsp_expect_error(rig->client, "qXfer:features:read::0,10");
	rsp_expect_error(rig->client, "qXfer:features:read:t:0,10");
	rsp_expect_error(rig->client, "qXfer:features:read:other.xml:0,10");
	rsp_expect_error(rig->client, "qXfer:features:read:target.xml:0");
	rsp_expect_error(rig->client, "qXfer:features:read:target.xml:x,y");
	rsp_expect(rig->client, "qXfer:nonsense:read::0,10", "");
}

static void test_registers(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	g_autofree char *g = rsp_client_ask(rig->client, "g");
	g_autofree char *g_packet = g_strconcat("G", g, NULL), *after = NULL;
	g_autofree char *wide = rsp_client_ask(rig->client, "p3c");
	g_autofree char *write_wide = NULL;
	RspClient *c = rig->client;

	rsp_expect(c, g_packet, "OK");
	after = rsp_client_ask(c, "g");
	g_assert_cmpstr(after, ==, g);
	g_assert_cmpuint(strlen(wide), ==, 512);
	wide[0] = wide[0] == '1' ? '2' : '1';
	write_wide = g_strconcat("P3c=", wide, NULL);
	rsp_expect(c, write_wide, "OK");
	rsp_expect(c, "p3c", wide);
	rsp_expect(c, "P0=8877665544332211", "OK");
	g_assert_cmphex(fake_target_get_reg(rig->target, 0, 0), ==, 0x1122334455667788);
	rsp_expect(c, "Hgp1.2", "OK");
	rsp_expect(c, "p1", "1000600000000000"); /* rbx of CPU 1 */
	rsp_expect(c, "P0=efbeadde00000000", "OK");
	g_assert_cmphex(fake_target_get_reg(rig->target, 1, 0), ==, 0xdeadbeef);
	g_assert_cmphex(fake_target_get_reg(rig->target, 0, 0), ==, 0x1122334455667788);
}

static void test_bad_registers(void)
{
	static const char *const bad[] = {
		"p3b",
		"pffffffffffffffff",
		"p",
		"pzz",
		"P0",
		"P0=",
		"P0=11",
		"P0=887766554433221",
		"P0=zz77665544332211",
		"P3b=00",
		"Pfff=00",
		"P0=887766554433221100",
		"P27=00000000", /* fop: the target refuses */
		"G",
		"G00",
	};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree char *before = rsp_client_ask(rig->client, "g"), *after = NULL;

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
		rsp_expect_error(rig->client, bad[i]);
	after = rsp_client_ask(rig->client, "g");
	g_assert_cmpstr(after, ==, before);
}

static void test_memory(void)
{
	static const uint8_t binary[] = {'X', '6', '0',	 '0', '0',  '0',  '0', ',', '4',
					 ':', '}', 0x03, '}', 0x5d, 0x00, '}', 0x0a};
	static const uint8_t expected[] = {0x23, 0x7d, 0x00, 0x2a};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	RspClient *c = rig->client;
	g_autofree char *bin = NULL;
	uint8_t got[4];
	size_t len;

	rsp_expect(c, "m600000,4", "00070e15");
	rsp_expect(c, "M600000,2:aBCd", "OK");
	rsp_expect(c, "m600000,3", "abcd0e");
	rsp_expect(c, "X600000,0:", "OK");
	rsp_client_send_bytes(c, binary, sizeof(binary));
	rsp_expect_next(c, "OK");
	fake_target_peek(rig->target, 0x600000, got, sizeof(got));
	g_assert_cmpmem(got, sizeof(got), expected, sizeof(expected));
	rsp_client_send(c, "x600000,4");
	bin = rsp_client_recv(c, &len);
	g_assert_cmpuint(len, ==, 5);
	g_assert_cmpint(bin[0], ==, 'b');
	g_assert_cmpmem(bin + 1, 4, expected, 4);
}

/* T29: the part before a hole; an error when the first byte is not there. */
static void test_holes(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	RspClient *c = rig->client;
	g_autofree char *bin = NULL, *top = NULL, *expected = NULL;
	uint8_t last[2];
	size_t len;

	rsp_expect(c, "m601ffe,10", "1118");
	rsp_expect_error(c, "m602000,4");
	rsp_expect_error(c, "x602000,4");
	rsp_client_send(c, "x601ffe,10");
	bin = rsp_client_recv(c, &len);
	g_assert_cmpuint(len, ==, 3);
	rsp_expect_error(c, "M601ffe,4:00000000");
	rsp_expect(c, "m601ffe,2", "1118");
	/* The end of the address space is a hole too; addr + len never wraps, not even to 0. */
	fake_target_peek(rig->target, FAKE_TOP + 0xffe, last, sizeof(last));
	expected = g_strdup_printf("%02x%02x", last[0], last[1]);
	top = rsp_client_ask(c, "mfffffffffffffffe,8");
	g_assert_cmpuint(strlen(top), >=, 2);
	g_assert_true(g_str_has_prefix(expected, top));
	rsp_expect_error(c, "Mfffffffffffffffe,4:00000000");
	rsp_expect_error(c, "m0,4");
}

static void test_breakpoint_packets(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	RspClient *c = rig->client;

	rsp_expect(c, "Z0,400010,1", "OK");
	rsp_expect(c, "Z0,400010,1", "OK");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 1);
	rsp_expect(c, "z0,400010,1", "OK");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
	rsp_expect(c, "z0,400010,1", "OK");
	rsp_expect_error(c, "Z0,700000,1");
	rsp_expect_error(c, "Z0,400010");
	rsp_expect_error(c, "Z0,zz,1");
	rsp_expect_error(c, "Z2,600000,3");
	rsp_expect(c, "Z5,400010,1", "");
	rsp_expect(c, "Z1,400010,1", "OK");
	rsp_expect(c, "Z2,600000,8", "OK");
	rsp_expect(c, "Z3,600008,4", "OK");
	rsp_expect(c, "Z4,600010,2", "OK");
	rsp_expect_error(c, "Z1,400020,1");
	rsp_expect(c, "Z1,400010,1", "OK");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 4);
	rsp_expect(c, "D", "OK");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
	g_assert_true(fake_target_is_running(rig->target));
	fake_rig_hangup(rig);
}

/* A condition that the stub would ignore is refused unless it said that it can do them. */
static void test_conditions(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree char *supported = rsp_client_ask(rig->client, "qSupported");

	if (has_word(supported, "ConditionalBreakpoints+")) {
		rsp_expect(rig->client, "Z0,400010,1;X3,220127", "OK");
	} else {
		rsp_expect(rig->client, "Z0,400010,1;X3,220127", "");
		g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
	}
}

/*
 * The error of the target, as text for a client that takes it and as a number for the others. The
 * number is written as QEMU does: the decimal digits of the errno.
 */
static void test_error_text(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "m700000,4", "E14");
	rsp_expect_prefix(rig->client, "qSupported:error-message+", "PacketSize=");
	rsp_expect(rig->client, "m700000,4", "E.no memory at 0x700000");
	rsp_expect(rig->client, "Z0,700000,1", "E.no memory at 0x700000");
}

/* The output of a monitor command: O packets, or one hex reply, up to OK. */
static char *monitor(RspClient *c, const char *command)
{
	GString *ask = g_string_new("qRcmd,"), *out = g_string_new(NULL);

	for (const char *p = command; *p; p++)
		g_string_append_printf(ask, "%02x", (uint8_t)*p);
	rsp_client_send(c, ask->str);
	g_string_free(ask, TRUE);
	for (;;) {
		g_autofree char *reply = rsp_client_recv(c, NULL);
		const char *hex = reply + (reply[0] == 'O');

		if (g_str_equal(reply, "OK"))
			return g_string_free(out, FALSE);
		for (; hex[0] && hex[1]; hex += 2)
			g_string_append_c(out, g_ascii_xdigit_value(hex[0]) * 16 +
						       g_ascii_xdigit_value(hex[1]));
		g_assert_cmpint(hex[0], ==, '\0');
		if (reply[0] != 'O')
			return g_string_free(out, FALSE);
	}
}

static void test_monitor(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	RspClient *c = rig->client;
	g_autofree char *pong = monitor(c, "ping"), *args = NULL, *hard = NULL, *fail = NULL;
	g_autofree char *unknown = NULL, *help = NULL, *version = NULL;

	g_assert_cmpstr(pong, ==, "pong 0 []\n");
	rsp_expect(c, "Hgp1.2", "OK");
	args = monitor(c, "  ping   a  b ");
	g_assert_cmpstr(args, ==, "pong 1 [a  b]\n");
	hard = monitor(c, "ping hard x");
	g_assert_cmpstr(hard, ==, "hard pong [x]\n");
	fail = monitor(c, "fail");
	g_assert_nonnull(strstr(fail, "the fake machine refuses"));
	unknown = monitor(c, "pin");
	g_assert_nonnull(strstr(unknown, "unknown command"));
	g_assert_true(strchr(unknown, '\n') == unknown + strlen(unknown) - 1);
	help = monitor(c, "help");
	g_assert_nonnull(strstr(help, "ping hard"));
	g_assert_nonnull(strstr(help, "answer at once"));
	version = monitor(c, "info version");
	g_assert_nonnull(strstr(version, FAKE_VERSION));
	rsp_expect_error(c, "qRcmd,707");
	rsp_expect_error(c, "qRcmd,zz");
}

#define search(client, text) rsp_client_send_bytes(client, text, sizeof(text) - 1)

static void test_search(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	RspClient *c = rig->client;

	rsp_expect(c, "M11ffff0,4:deadbeef", "OK");
	search(c, "qSearch:memory:1000000;200000;\xde\xad\xbe\xef");
	rsp_expect_next(c, "1,11ffff0");
	search(c, "qSearch:memory:11ffff1;f;\xde\xad\xbe\xef");
	rsp_expect_next(c, "0");
	/* The last place where it fits, and one byte less. */
	search(c, "qSearch:memory:11fff00;f4;\xde\xad\xbe\xef");
	rsp_expect_next(c, "1,11ffff0");
	search(c, "qSearch:memory:11fff00;f3;\xde\xad\xbe\xef");
	rsp_expect_next(c, "0");
	rsp_expect_error(c, "qSearch:memory:700000;10;a");
	rsp_expect_error(c, "qSearch:memory:600000;10;");
	rsp_expect_error(c, "qSearch:memory:600000");
}

/*
 * The CRC of the gdb manual: polynomial 0x04c11db7, starts with ones, most significant bit first.
 */
static uint32_t crc(const uint8_t *data, size_t len)
{
	uint32_t sum = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		sum ^= (uint32_t)data[i] << 24;
		for (int bit = 0; bit < 8; bit++)
			sum = sum & 0x80000000 ? sum << 1 ^ 0x04c11db7 : sum << 1;
	}
	return sum;
}

static void test_crc(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree uint8_t *mem = g_malloc(FAKE_BIG_SIZE);
	g_autofree char *small = NULL, *big = NULL;

	fake_target_peek(rig->target, FAKE_BIG, mem, FAKE_BIG_SIZE);
	small = g_strdup_printf("C%x", crc(mem, 9));
	big = g_strdup_printf("C%x", crc(mem, FAKE_BIG_SIZE));
	rsp_expect(rig->client, "qCRC:1000000,9", small);
	rsp_expect(rig->client, "qCRC:1000000,200000", big);
	rsp_expect_error(rig->client, "qCRC:601ff0,20");
	rsp_expect_error(rig->client, "qCRC:,");
}

/* Nothing of one client is left for the next one. */
static void test_fresh_session(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);

	rsp_expect(rig->client, "Z0,400010,1", "OK");
	rsp_expect(rig->client, "Hgp1.2", "OK");
	fake_rig_hangup(rig);
	fake_rig_connect(rig);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	g_assert_cmpuint(rig->client->acks, ==, 1);
	rsp_expect(rig->client, "qC", "QC01");
	rsp_expect(rig->client, "p1", "0000600000000000"); /* rbx of CPU 0 */
}

static void test_one_client(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autoptr(GIOStream) stream = NULL;
	int fd = test_stream_pair(&stream);

	g_assert_false(gdb_server_serve(rig->server, stream));
	rsp_expect(rig->client, "qC", "QC" T1);
	close(fd);
}

static bool is_killed(void *data)
{
	return fake_target_counts(((FakeRig *)data)->target).kills > 0;
}

static void test_kill(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_client_send(rig->client, "k");
	g_assert_true(test_wait(rig->context, is_killed, rig, TEST_PATIENCE));
	test_run_for(rig->context, 20);
	g_assert_cmpuint(fake_target_counts(rig->target).kills, ==, 1);
}

static void test_vkill(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "vKill;1", "OK");
	g_assert_cmpuint(fake_target_counts(rig->target).kills, ==, 1);
}

static void test_wrong_process(void)
{
	static const char *const bad[] = {"D;9",    "vKill;9",	    "vAttach;9", "vCont;c:p9.-1",
					  "Hgp9.1", "vCont;c:p9.1", "D;zz"};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
		rsp_expect_error(rig->client, bad[i]);
	g_assert_cmpuint(fake_target_counts(rig->target).kills, ==, 0);
	rsp_expect_prefix(rig->client, "vAttach;1", "T");
}

/* The server goes while the client waits for a stop. */
static void test_exit_status(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree char *reply = NULL;

	rsp_client_send(rig->client, "vCont;c");
	test_run_for(rig->context, 20);
	g_assert_true(fake_target_is_running(rig->target));
	gdb_server_set_exit_status(rig->server, 7);
	g_clear_pointer(&rig->server, gdb_server_free);
	reply = rsp_expect_next_prefix(rig->client, "W07");
	rsp_expect_eof(rig->client);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server/silent-at-first", test_silent_at_first);
	g_test_add_func("/server/supported", test_supported);
	g_test_add_func("/server/gdb-order", test_gdb_order);
	g_test_add_func("/server/lldb-order", test_lldb_order);
	g_test_add_func("/server/unknown-packets", test_unknown_packets);
	g_test_add_func("/server/threads", test_threads);
	g_test_add_func("/server/xfer", test_xfer);
	g_test_add_func("/server/registers", test_registers);
	g_test_add_func("/server/bad-registers", test_bad_registers);
	g_test_add_func("/server/memory", test_memory);
	g_test_add_func("/server/holes", test_holes);
	g_test_add_func("/server/breakpoint-packets", test_breakpoint_packets);
	g_test_add_func("/server/conditions", test_conditions);
	g_test_add_func("/server/error-text", test_error_text);
	g_test_add_func("/server/monitor", test_monitor);
	g_test_add_func("/server/search", test_search);
	g_test_add_func("/server/crc", test_crc);
	g_test_add_func("/server/fresh-session", test_fresh_session);
	g_test_add_func("/server/one-client", test_one_client);
	g_test_add_func("/server/kill", test_kill);
	g_test_add_func("/server/vkill", test_vkill);
	g_test_add_func("/server/wrong-process", test_wrong_process);
	g_test_add_func("/server/exit-status", test_exit_status);
	return g_test_run();
}

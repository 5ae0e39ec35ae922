/*
 * tests/test-server-abuse.c - owns the tests of what a broken or hostile client sends: framing,
 * acknowledgement, numbers out of range, packets at and beyond the size limit.
 */
#include "tests/fake-rig.h"

#include <string.h>

/* The server sends exactly these bytes next. */
static void expect_raw(RspClient *c, const char *bytes)
{
	size_t len = strlen(bytes);

	rsp_expect_bytes(c, len);
	g_assert_cmpmem(c->in->data, len, bytes, len);
	g_byte_array_remove_range(c->in, 0, len);
}

/* A client that acknowledges nothing by itself, its first stop taken. */
static FakeRig *raw_rig(void)
{
	FakeRig *rig = fake_rig_new(1);

	fake_rig_connect(rig);
	rsp_expect_prefix(rig->client, "?", "T02");
	rig->client->mute = true;
	return rig;
}

static void test_bad_sum(void)
{
	static const char *const bad[] = {"$qC#b5", "$qC#zz", "$qC#b", "$M600000,1:ff#00"};
	g_autoptr(FakeRig) rig = raw_rig();
	uint8_t byte;

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		rsp_client_puts(rig->client, bad[i]);
		if (strlen(bad[i]) == 5) /* the second digit is still missing */
			rsp_client_puts(rig->client, "x");
		expect_raw(rig->client, "-");
		rsp_expect_silence(rig->client, 5);
	}
	fake_target_peek(rig->target, 0x600000, &byte, 1);
	g_assert_cmphex(byte, ==, 0);
	rsp_client_puts(rig->client, "$qC#b4");
	expect_raw(rig->client, "+$QC01#f5");
	rsp_client_puts(rig->client, "+$qC#B4");
	expect_raw(rig->client, "+$QC01#f5");
}

static void test_nack_resends(void)
{
	g_autoptr(FakeRig) rig = raw_rig();
	g_autofree char *stop = NULL;

	rsp_client_puts(rig->client, "$qC#b4");
	expect_raw(rig->client, "+$QC01#f5");
	for (unsigned i = 0; i < 3; i++) {
		rsp_client_puts(rig->client, "-");
		expect_raw(rig->client, "$QC01#f5");
	}
	rsp_client_puts(rig->client, "+");
	rsp_expect_silence(rig->client, 10);
	/* Without an acknowledgement the next packet is taken all the same. */
	rsp_client_puts(rig->client, "$qC#b4$qC#b4");
	expect_raw(rig->client, "+$QC01#f5+$QC01#f5");
	rsp_client_puts(rig->client, "+");
	/* A stop reply can be asked for again too. */
	rsp_client_send(rig->client, "vCont;s");
	stop = rsp_expect_next_prefix(rig->client, "T05");
	rsp_client_puts(rig->client, "-");
	rsp_expect_next(rig->client, stop);
}

static void test_no_ack(void)
{
	g_autoptr(FakeRig) rig = raw_rig();

	rsp_client_puts(rig->client, "$QStartNoAckMode#b0");
	expect_raw(rig->client, "+$OK#9a");
	rsp_client_puts(rig->client, "+$qC#b4+-+$qC#b4");
	/* Neither '+' nor an answer to the stray '-', unless by sending the packet once more. */
	expect_raw(rig->client, "$QC01#f5");
	expect_raw(rig->client, "$QC01#f5");
	rsp_expect_silence(rig->client, 10);
}

static void test_between_packets(void)
{
	g_autoptr(FakeRig) rig = raw_rig();

	rsp_client_puts(rig->client, "hello\r\n#00 *}%Stop\x03\x04");
	rsp_expect_silence(rig->client, 20);
	rsp_client_puts(rig->client, "$qC#b4");
	expect_raw(rig->client, "+$QC01#f5");
	/* A packet that never ends, then a whole one. */
	rsp_client_puts(rig->client, "$m6000$qC#b4");
	expect_raw(rig->client, "+$QC01#f5");
	rsp_client_puts(rig->client, "$#00");
	expect_raw(rig->client, "+$#00");
	/* A sequence id is no part of today's protocol. */
	rsp_client_send(rig->client, "01:qC");
	expect_raw(rig->client, "+$#00");
}

/* 0x03 inside a packet is data, and stops nothing. */
static void test_interrupt_inside(void)
{
	static const char packet[] = "X600000,3:\x01\x03\x02";
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	uint8_t got[3];

	rsp_client_send_bytes(rig->client, packet, sizeof(packet) - 1);
	rsp_expect_next(rig->client, "OK");
	fake_target_peek(rig->target, 0x600000, got, 3);
	g_assert_cmpmem(got, 3, packet + 10, 3);
	rsp_expect_silence(rig->client, 10);
}

static void test_runs_and_escapes(void)
{
	static const char escaped[] = "m}\x16"
				      "00000,2"; /* '6' escaped though it need not be */
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "m60*!,4", "00070e15");
	rsp_client_send_bytes(rig->client, escaped, sizeof(escaped) - 1);
	rsp_expect_next(rig->client, "0007");
}

/* A run with nothing to repeat, a count out of range, an escape at the end. */
static void test_bad_runs(void)
{
	static const char *const bad[] = {"*!qC", "q*\x1d", "qC}", "q*", "q*\x7f"};
	g_autoptr(FakeRig) rig = raw_rig();

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *reply = NULL;

		rsp_client_send(rig->client, bad[i]);
		test_run_for(rig->context, 5);
		reply = rsp_client_poll(rig->client, 5, NULL);
		rsp_client_puts(rig->client, "+");
	}
	g_byte_array_set_size(rig->client->in, 0);
	rsp_client_puts(rig->client, "$qC#b4");
	expect_raw(rig->client, "+$QC01#f5");
}

static const char *const bad_numbers[] = {
	"m600000,",
	"m,4",
	"m600000",
	"m",
	"mzz,4",
	"m600000,4;",
	"m-1,4",
	"m 600000,4",
	"m0x600000,4",
	"m60000000000000000000,4",
	"m600000,60000000000000000000",
	"M600000,2:abc",
	"M600000,2:ab",
	"M600000,2:abcdef",
	"M600000,2",
	"M600000,1:zz",
	"M600000,ffffffffffffffff:00",
	"X600000,ffffffffffffffff:a",
	"X600000,2:a",
	"X600000,1:ab",
	"Mffffffffffffffff,2:0000",
	"X600000",
	"x600000",
	"xzz,1",
	"Hgzz",
	"Hg",
	"H",
	"Hxp1.1",
	"T",
	"Hgp",
	"Hgp1.",
	"Z0",
	"Z",
	"z0,1",
	"Z0,400000,1,1",
	"Z0,11111111111111111111,1",
	"Z1,400000,ffffffffffffffff",
	"Z2,600000,ffffffffffffffff",
	"qCRC:zz,1",
	"qCRC:600000,ffffffffffffffff",
	"qSearch:memory:zz;1;a",
	"qThreadExtraInfo",
	"qThreadExtraInfo,",
};

/* These may be answered in any way, but harm nothing. */
static const char *const odd_packets[] = {"m600000,0",
					  "x600000,0",
					  "M600000,0:",
					  "X600000,0:",
					  "qSupported:",
					  "qSupported:;;;=;+",
					  "vCont",
					  "qAttached:",
					  "qC:",
					  "qRcmd",
					  "qRcmd,",
					  "qXfer",
					  "qXfer:",
					  "Q",
					  "q",
					  "v",
					  "vAttach",
					  "qXfer:features:read:target.xml:0,0",
					  "qCRC:600000,0",
					  "qSearch:memory:600000;0;a"};

static void test_bad_numbers(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	g_autofree char *before = rsp_client_ask(rig->client, "m600000,40"), *after = NULL;

	for (unsigned i = 0; i < G_N_ELEMENTS(bad_numbers); i++) {
		g_autofree char *got = rsp_client_ask(rig->client, bad_numbers[i]);

		/* The empty reply is fair for a packet that lacks even its parts. */
		if (got[0] != 'E' && got[0] != '\0')
			g_error("%s: the server said \"%.40s\"", bad_numbers[i], got);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(odd_packets); i++)
		g_free(rsp_client_ask(rig->client, odd_packets[i]));
	after = rsp_client_ask(rig->client, "m600000,40");
	g_assert_cmpstr(after, ==, before);
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
}

/* The longest reads are cut to what fits, or refused; never empty, which means "no such packet". */
static void test_long_lengths(void)
{
	static const char *const packets[] = {"m1000000,ffffffffffffffff", "m1000000,100000000",
					      "m1000000,7fffffff", "x1000000,ffffffffffffffff",
					      "x1000000,100000000"};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
		g_autofree char *got = rsp_client_ask(rig->client, packets[i]);

		g_assert_cmpint(got[0], !=, '\0');
	}
}

static size_t packet_size(RspClient *c)
{
	g_autofree char *reply = rsp_client_ask(c, "qSupported");

	g_assert_true(g_str_has_prefix(reply, "PacketSize="));
	return g_ascii_strtoull(reply + strlen("PacketSize="), NULL, 16);
}

/* T21: the largest read is answered whole, and nothing is longer than was promised. */
static void test_largest_read(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	RspClient *c = rig->client;
	size_t max = packet_size(c), len;
	g_autofree char *m = g_strdup_printf("m1000000,%zx", max / 2);
	g_autofree char *x = g_strdup_printf("x1000000,%zx", max);
	g_autofree char *hex = NULL, *bin = NULL;
	g_autofree uint8_t *mem = g_malloc(max);
	uint64_t before;

	fake_target_peek(rig->target, FAKE_BIG, mem, max);
	before = c->received;
	hex = rsp_client_ask(c, m);
	g_assert_cmpuint(c->received - before, <=, max + 4);
	g_assert_cmpuint(strlen(hex), ==, max / 2 * 2);
	for (size_t i = 0; i < max / 2; i++)
		g_assert_cmpint(g_ascii_xdigit_value(hex[2 * i]) * 16 +
					g_ascii_xdigit_value(hex[2 * i + 1]),
				==, mem[i]);
	before = c->received;
	rsp_client_send(c, x);
	bin = rsp_client_recv(c, &len);
	g_assert_cmpuint(c->received - before, <=, max + 4);
	g_assert_cmpint(bin[0], ==, 'b');
	g_assert_cmpuint(len, >, max / 2);
	g_assert_cmpmem(bin + 1, len - 1, mem, len - 1);
}

/* Every byte of the reply has to be escaped: it still fits. */
static void test_largest_escaped(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	RspClient *c = rig->client;
	size_t max = packet_size(c), n = max / 2 - 32, len;
	g_autoptr(GString) write = g_string_new(NULL);
	g_autofree char *x = g_strdup_printf("x1000000,%zx", max);
	g_autofree char *bin = NULL;
	uint64_t before;

	g_string_printf(write, "X1000000,%zx:", n);
	for (size_t i = 0; i < n; i++)
		g_string_append(write, "}]");
	g_assert_cmpuint(write->len, <=, max);
	rsp_client_send_bytes(c, write->str, write->len);
	rsp_expect_next(c, "OK");
	before = c->received;
	rsp_client_send(c, x);
	bin = rsp_client_recv(c, &len);
	g_assert_cmpuint(c->received - before, <=, max + 4);
	g_assert_cmpuint(len, >, 1000);
	for (size_t i = 1; i < MIN(len, n); i++)
		g_assert_cmpint(bin[i], ==, '}');
}

static void test_largest_write(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	size_t max = packet_size(rig->client), n = (max - 32) / 2;
	g_autoptr(GString) write = g_string_new(NULL);
	g_autofree uint8_t *mem = g_malloc(n);

	g_string_printf(write, "M1000000,%zx:", n);
	for (size_t i = 0; i < n; i++)
		g_string_append(write, "a5");
	rsp_expect(rig->client, write->str, "OK");
	fake_target_peek(rig->target, FAKE_BIG, mem, n);
	for (size_t i = 0; i < n; i++)
		g_assert_cmphex(mem[i], ==, 0xa5);
}

/* Too long: the client hears of it, and the session goes on. */
static void test_too_long(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	size_t max = packet_size(rig->client), n = 4 * max;
	g_autofree char *packet = g_malloc(n + 1);
	size_t heap;

	memset(packet, '0', n);
	packet[n] = '\0';
	packet[0] = 'm';
	rsp_expect_error(rig->client, packet);
	heap = test_heap_bytes();
	for (unsigned i = 0; i < 40; i++)
		rsp_client_write(rig->client, i ? "0" : "$", 1),
			rsp_client_write(rig->client, packet, n);
	rsp_expect(rig->client, "qC", "QCp01.01");
	g_assert_cmpuint(test_heap_bytes(), <, heap + 4 * max);
}

/* A request that a run length blows up, 95 bytes for every 2. */
static void test_run_bomb(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autoptr(GString) bomb = g_string_new("m0");
	g_autofree char *reply = NULL;

	for (unsigned i = 0; i < 100000; i++)
		g_string_append(bomb, "*~");
	rsp_client_send(rig->client, bomb->str);
	reply = rsp_client_recv(rig->client, NULL);
	g_assert_true(reply[0] == 'E' || reply[0] == '\0');
	rsp_expect(rig->client, "qC", "QCp01.01");
}

/* Noise, always the same; a whole packet afterwards is answered. */
static void test_noise(void)
{
	static const char alphabet[] = "$$##+-\x03}*mMgGpPqQvXxZz0123456789abcdef,;:.=";
	g_autoptr(GRand) rand = g_rand_new_with_seed(20261120);

	for (unsigned round = 0; round < 30; round++) {
		g_autoptr(FakeRig) rig = raw_rig();
		char noise[3000];

		for (unsigned i = 0; i < sizeof(noise); i++)
			noise[i] = round % 2 ? alphabet[g_rand_int_range(rand, 0, sizeof(alphabet))]
					     : g_rand_int_range(rand, 0, 256);
		rsp_client_write(rig->client, noise, sizeof(noise));
		test_run_for(rig->context, 20);
		g_byte_array_set_size(rig->client->in, 0);
		/* The second one, if the noise has ended in a sum that lacks digits. */
		rsp_client_puts(rig->client, "+$qC#b4+$qC#b4");
		rsp_expect_bytes(rig->client, strlen("+$QC01#f5"));
	}
}

/* One byte at a time, and everything at once. */
static void test_chunks(void)
{
	g_autoptr(FakeRig) rig = raw_rig();
	g_autofree char *one = rsp_frame("m600000,4");
	g_autoptr(GString) many = g_string_new(NULL);

	for (const char *p = one; *p; p++) {
		rsp_client_write(rig->client, p, 1);
		test_run_for(rig->context, 1);
	}
	rsp_expect_next(rig->client, "00070e15");
	for (unsigned i = 0; i < 500; i++)
		g_string_append_printf(many, "+%s", one);
	rsp_client_puts(rig->client, many->str);
	for (unsigned i = 0; i < 500; i++)
		rsp_expect_next(rig->client, "00070e15");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-abuse/bad-sum", test_bad_sum);
	g_test_add_func("/server-abuse/nack-resends", test_nack_resends);
	g_test_add_func("/server-abuse/no-ack", test_no_ack);
	g_test_add_func("/server-abuse/between-packets", test_between_packets);
	g_test_add_func("/server-abuse/interrupt-inside", test_interrupt_inside);
	g_test_add_func("/server-abuse/runs-and-escapes", test_runs_and_escapes);
	g_test_add_func("/server-abuse/bad-runs", test_bad_runs);
	g_test_add_func("/server-abuse/bad-numbers", test_bad_numbers);
	g_test_add_func("/server-abuse/long-lengths", test_long_lengths);
	g_test_add_func("/server-abuse/largest-read", test_largest_read);
	g_test_add_func("/server-abuse/largest-escaped", test_largest_escaped);
	g_test_add_func("/server-abuse/largest-write", test_largest_write);
	g_test_add_func("/server-abuse/too-long", test_too_long);
	g_test_add_func("/server-abuse/run-bomb", test_run_bomb);
	g_test_add_func("/server-abuse/noise", test_noise);
	g_test_add_func("/server-abuse/chunks", test_chunks);
	return g_test_run();
}

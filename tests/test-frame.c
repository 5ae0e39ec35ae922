/*
 * tests/test-frame.c - the sentences of gdbstub/frame.h.
 */
#include "gdbstub/frame.h"

#include <string.h>

#include "gdbstub/text.h"

/* Feeds all of @wire in pieces of @piece bytes; writes what came out, one word per event. */
static char *decode(const void *wire, size_t len, size_t piece, bool ignore_sum)
{
	static const char *const names[] = {"", "packet", "ack", "nack", "break", "bad", "long"};
	GString *log = g_string_new(NULL);
	const uint8_t *at = wire;
	GdbFrame frame;

	gdb_frame_init(&frame);
	gdb_frame_ignore_sum(&frame, ignore_sum);
	while (len) {
		GdbFrameEvent event = 99;
		size_t used = gdb_frame_feed(&frame, at, MIN(len, piece), &event), payload_len;

		g_assert_cmpuint(used, >=, 1);
		g_assert_cmpuint(used, <=, MIN(len, piece));
		at += used;
		len -= used;
		if (event == GDB_FRAME_NONE)
			continue;
		g_string_append_printf(log, "%s%s", log->len ? " " : "", names[event]);
		if (event == GDB_FRAME_PACKET) {
			const char *payload = gdb_frame_payload(&frame, &payload_len);

			g_assert_cmpint(payload[payload_len], ==, 0);
			g_string_append_printf(log, ":%s", payload);
		}
	}
	gdb_frame_clear(&frame);
	return g_string_free(log, FALSE);
}

/* However the bytes are cut, the events are the same. */
static void check(const char *wire, size_t len, const char *expected)
{
	for (size_t piece = 1; piece <= len; piece++) {
		g_autofree char *got = decode(wire, len, piece, false);

		g_assert_cmpstr(got, ==, expected);
	}
}
#define CHECK(wire, expected) check(wire, sizeof(wire) - 1, expected)

static void test_packets(void)
{
	CHECK("$#00", "packet:");
	CHECK("$g#67", "packet:g");
	CHECK("+$g#67-$m0,1#fA", "ack packet:g nack packet:m0,1");
	CHECK("$m0,1#FA", "packet:m0,1");
	CHECK("xyz\n$g#67\r\n\0", "packet:g");
}

static void test_break(void)
{
	CHECK("\003", "break");
	CHECK("\003\003$g#67\003+", "break break packet:g break ack");
	/* Inside a packet it is data. */
	CHECK("$X\003#5b", "packet:X\003");
}

static void test_bad(void)
{
	CHECK("$g#68", "bad");
	CHECK("$g#6x$g#67", "bad packet:g");
	CHECK("$g#z7$g#67", "bad packet:g");
	CHECK("$g}#e4", "bad"); /* escape at the end */
	CHECK("$g*#91", "bad"); /* run without a count */
	CHECK("$* #4a", "bad"); /* run of nothing */
	CHECK("$g*\x1f#b0", "bad");
	CHECK("$g*\x7f#10", "bad");
}

static void test_restart(void)
{
	CHECK("$m12$g#67", "packet:g");
	CHECK("$m12#$g#67", "packet:g");
	CHECK("$m12#f$g#67", "packet:g");
	CHECK("$m}$g#67", "packet:g");
	CHECK("$m*$g#67", "packet:g");
}

static void test_escapes(void)
{
	CHECK("$X}\003}\004}]}\n#ba", "packet:X#$}*");
	CHECK("$X}A#16", "packet:Xa");
}

static void test_runs(void)
{
	CHECK("$0* #7a", "packet:0000");
	CHECK("$0*~#d8", "packet:0000000000000000000000000000000000000000000000000000000000000"
			 "0000000000000000000000000000000000000");
	CHECK("$a}\003* #2b", "packet:a####");
}

static void test_sequence_id(void)
{
	CHECK("$01:g#02", "packet:01:g");
}

static void test_ignore_sum(void)
{
	g_autofree char *wrong = decode("$g#00$g#zz$}#00", 15, 3, true);

	g_assert_cmpstr(wrong, ==, "packet:g packet:g bad");
}

static void test_limit(void)
{
	g_autoptr(GString) wire = g_string_new("$");
	g_autofree char *fits = NULL, *too_long = NULL, *wrong = NULL;

	for (int n = 0; n < GDB_PACKET_MAX; n++)
		g_string_append_c(wire, 0x40);
	g_string_append(wire, "#00"); /* a multiple of 256 times 0x40 */
	fits = decode(wire->str, wire->len, 4096, false);
	g_assert_true(g_str_has_prefix(fits, "packet:@@"));
	g_assert_cmpuint(strlen(fits), ==, strlen("packet:") + GDB_PACKET_MAX);

	g_string_insert(wire, 1, "@@@@");
	g_string_append(wire, "$g#67");
	too_long = decode(wire->str, wire->len, 4096, false);
	g_assert_cmpstr(too_long, ==, "long packet:g");

	wire->str[1] = 'A';
	wrong = decode(wire->str, wire->len, 4096, false);
	g_assert_cmpstr(wrong, ==, "bad packet:g");
}

/* A run can not blow the payload up beyond the limit either. */
static void test_limit_of_runs(void)
{
	g_autoptr(GByteArray) wire = g_byte_array_new();
	g_autofree char *events = NULL;
	uint8_t sum = '0', tail[4];

	g_byte_array_append(wire, (const uint8_t *)"$0", 2);
	for (int n = 0; n < 2 * GDB_PACKET_MAX / 97; n++) {
		g_byte_array_append(wire, (const uint8_t *)"*~", 2);
		sum += '*' + '~';
	}
	g_snprintf((char *)tail, sizeof(tail), "#%02x", sum);
	g_byte_array_append(wire, tail, 3);
	events = decode(wire->data, wire->len, 1000, false);
	g_assert_cmpstr(events, ==, "long");
}

static char *encode(const void *payload, size_t len, bool runs)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	gdb_frame_encode(out, payload, len, runs);
	g_byte_array_append(out, (const uint8_t *)"", 1);
	return (char *)g_byte_array_free(g_steal_pointer(&out), FALSE);
}

static void check_encode(const char *payload, bool runs, const char *expected)
{
	g_autofree char *got = encode(payload, strlen(payload), runs);

	g_assert_cmpstr(got, ==, expected);
}

static void test_encode(void)
{
	check_encode("", false, "$#00");
	check_encode("OK", false, "$OK#9a");
	check_encode("#$}*", false, "$}\003}\004}]}\n#62");
	check_encode("0000", false, "$0000#c0");
}

static void test_encode_appends(void)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	g_byte_array_append(out, (const uint8_t *)"+", 1);
	gdb_frame_encode(out, "OK", 2, false);
	gdb_frame_encode(out, "", 0, false);
	g_assert_cmpmem(out->data, out->len, "+$OK#9a$#00", 11);
}

static void test_encode_runs(void)
{
	check_encode("0000", true, "$0* #7a");
	check_encode("000", true, "$000#90");
	check_encode("a0000b", true, "$a0* b#3d");
	check_encode("\377\377\377\377\377\377\377\377\377", true, "$\377*%#4e");
	/* Special bytes are escaped, never counted. */
	check_encode("####", true, "$}\003}\003}\003}\003#00");
}

/* Every length of run, read back; the count is never a character that means something else. */
static void test_encode_read_back(void)
{
	for (size_t n = 1; n < 500; n++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		g_autofree char *payload = g_strnfill(n, 'f');
		g_autofree char *expected = g_strconcat("packet:", payload, NULL);
		g_autofree char *got = NULL;

		gdb_frame_encode(out, payload, n, true);
		for (size_t at = 1; at < out->len - 3; at++) {
			g_assert_true(out->data[at] >= ' ' && out->data[at] < 127);
			g_assert_null(memchr("#$+-", out->data[at], 4));
		}
		got = decode(out->data, out->len, out->len, false);
		g_assert_cmpstr(got, ==, expected);
	}
}

/* The plain way to shorten, a byte at a time. */
static void shorten(GString *out, const char *text)
{
	while (*text) {
		size_t n = strspn(text, (char[]){*text, 0});
		size_t left = n > 98 ? 97 : n - 1;

		g_string_append_c(out, *text);
		if (n < 4) {
			text++;
			continue;
		}
		while (strchr("#$+-", (int)left + 29))
			left--;
		g_string_append_printf(out, "*%c", (int)left + 29);
		text += 1 + left;
	}
}

/* Runs at every place and of many lengths, among digits that seldom repeat. */
static void test_encode_shortens_all(void)
{
	for (unsigned seed = 0; seed < 300; seed++) {
		g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
		g_autoptr(GString) text = g_string_new(NULL), want = g_string_new("$");
		g_autoptr(GByteArray) out = g_byte_array_new();

		while (text->len < 300) {
			char digit = gdb_hex_char(g_rand_int_range(rand, 0, 16));
			int n = g_rand_int_range(rand, 0, 8) ? 1 : g_rand_int_range(rand, 1, 12);

			for (; n; n--)
				g_string_append_c(text, digit);
		}
		shorten(want, text->str);
		gdb_frame_encode(out, text->str, text->len, true);
		g_assert_cmpmem(out->data, out->len - 3, want->str, want->len);
	}
}

static void test_encode_all_bytes(void)
{
	uint8_t bytes[256];
	GdbFrameEvent event;

	for (int n = 0; n < 256; n++)
		bytes[n] = n;
	for (int runs = 0; runs < 2; runs++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		const char *payload;
		GdbFrame frame;
		size_t len;

		gdb_frame_init(&frame);
		gdb_frame_encode(out, bytes, sizeof(bytes), runs);
		g_assert_cmpuint(gdb_frame_feed(&frame, out->data, out->len, &event), ==, out->len);
		g_assert_cmpint(event, ==, GDB_FRAME_PACKET);
		payload = gdb_frame_payload(&frame, &len);
		g_assert_cmpmem(payload, len, bytes, sizeof(bytes));
		gdb_frame_clear(&frame);
	}
}

static void test_fit(void)
{
	g_assert_cmpuint(gdb_frame_fit("abcd", 4, 10), ==, 4);
	g_assert_cmpuint(gdb_frame_fit("abcd", 4, 4), ==, 4);
	g_assert_cmpuint(gdb_frame_fit("abcd", 4, 3), ==, 3);
	g_assert_cmpuint(gdb_frame_fit("abcd", 4, 0), ==, 0);
	g_assert_cmpuint(gdb_frame_fit("a#cd", 4, 4), ==, 3);
	g_assert_cmpuint(gdb_frame_fit("a#cd", 4, 2), ==, 1);
}

static void test_fit_long(void)
{
	static const char kinds[] = "#$}*";
	char data[1000];

	for (unsigned n = 0; n < sizeof(data); n++)
		data[n] = n % 3 ? 'a' : kinds[n % 4];
	for (size_t room = 0, n = 0; room < 1500; room++) {
		g_autoptr(GByteArray) out = g_byte_array_new();

		n = gdb_frame_fit(data, sizeof(data), room);
		gdb_frame_encode(out, data, n, false);
		g_assert_cmpuint(out->len - 4, <=, room);
		g_assert_cmpuint(out->len - 4, >=, n < sizeof(data) && room ? room - 1 : 0);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/frame/packets", test_packets);
	g_test_add_func("/frame/break", test_break);
	g_test_add_func("/frame/bad", test_bad);
	g_test_add_func("/frame/restart", test_restart);
	g_test_add_func("/frame/escapes", test_escapes);
	g_test_add_func("/frame/runs", test_runs);
	g_test_add_func("/frame/sequence-id", test_sequence_id);
	g_test_add_func("/frame/ignore-sum", test_ignore_sum);
	g_test_add_func("/frame/limit", test_limit);
	g_test_add_func("/frame/limit-of-runs", test_limit_of_runs);
	g_test_add_func("/frame/encode", test_encode);
	g_test_add_func("/frame/encode-appends", test_encode_appends);
	g_test_add_func("/frame/encode-runs", test_encode_runs);
	g_test_add_func("/frame/encode-read-back", test_encode_read_back);
	g_test_add_func("/frame/encode-all-bytes", test_encode_all_bytes);
	g_test_add_func("/frame/fit", test_fit);
	g_test_add_func("/frame/fit-long", test_fit_long);
	g_test_add_func("/frame/encode-shortens-all", test_encode_shortens_all);
	return g_test_run();
}

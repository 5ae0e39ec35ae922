/*
 * tests/test-text.c - the sentences of gdbstub/text.h, gdbstub/xfer.h and gdbstub/address.h.
 */
#include "gdbstub/text.h"

#include <string.h>

#include "gdbstub/address.h"
#include "gdbstub/frame.h"
#include "gdbstub/target.h"
#include "gdbstub/xfer.h"

static GdbText text_of(const char *string)
{
	return gdb_text(string, strlen(string));
}

static void test_take(void)
{
	GdbText text = text_of("ab:cd:");
	GdbText part;

	g_assert_false(gdb_text_char(&text, 'b'));
	g_assert_true(gdb_text_char(&text, 'a'));
	g_assert_false(gdb_text_word(&text, "b:x"));
	g_assert_false(gdb_text_word(&text, "b:cd:e"));
	g_assert_true(gdb_text_word(&text, "b:"));
	g_assert_true(gdb_text_equal(&text, "cd:"));
	g_assert_false(gdb_text_equal(&text, "cd"));
	g_assert_false(gdb_text_equal(&text, "cd:e"));
	part = gdb_text_until(&text, ':');
	g_assert_true(gdb_text_equal(&part, "cd"));
	g_assert_true(gdb_text_char(&text, ':'));
	part = gdb_text_until(&text, ':');
	g_assert_cmpuint(gdb_text_left(&part), ==, 0);
	g_assert_false(gdb_text_char(&text, ':'));
	g_assert_true(gdb_text_equal(&text, ""));
}

/* What is behind the end is never looked at. */
static void test_end(void)
{
	GdbText text = gdb_text("123", 2);
	uint64_t value;

	g_assert_true(gdb_text_number(&text, &value));
	g_assert_cmphex(value, ==, 0x12);
	g_assert_false(gdb_text_number(&text, &value));
	g_assert_false(gdb_text_char(&text, '3'));
	g_assert_false(gdb_text_word(&text, "3"));
}

static void test_number(void)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
		size_t left;
	} cases[] = {
		{"0", true, 0, 0},
		{"fF,", true, 0xff, 1},
		{"ffffffffffffffff", true, UINT64_MAX, 0},
		{"0000000000000000000000001", true, 1, 0},
		{"10000000000000000", false, 0, 17},
		{"", false, 0, 0},
		{"g", false, 0, 1},
		{"-1", false, 0, 2},
		{"0x1", true, 0, 2},
	};

	for (size_t n = 0; n < G_N_ELEMENTS(cases); n++) {
		GdbText text = text_of(cases[n].text);
		uint64_t value = 0;

		g_assert_true(gdb_text_number(&text, &value) == cases[n].good);
		g_assert_cmphex(value, ==, cases[n].value);
		g_assert_cmpuint(gdb_text_left(&text), ==, cases[n].left);
	}
}

static void test_thread(void)
{
	static const struct {
		const char *text;
		bool good;
		int64_t process, thread;
		size_t left;
	} cases[] = {
		{"1", true, 0, 1, 0},
		{"0a;", true, 0, 10, 1},
		{"0", true, 0, 0, 0},
		{"-1", true, 0, -1, 0},
		{"p1.2", true, 1, 2, 0},
		{"p01.0c", true, 1, 12, 0},
		{"p0000000000000001.0000000000000002", true, 1, 2, 0},
		{"p1", true, 1, -1, 0},
		{"p1.-1", true, 1, -1, 0},
		{"p-1.-1", true, -1, -1, 0},
		{"p0.0", true, 0, 0, 0},
		{"", false, 0, 0, 0},
		{"p", false, 0, 0, 1},
		{"p1.", false, 0, 0, 3},
		{"p1.x", false, 0, 0, 4},
		{"-2", false, 0, 0, 2},
		{"ffffffffffffffff", false, 0, 0, 16},
	};

	for (size_t n = 0; n < G_N_ELEMENTS(cases); n++) {
		GdbText text = text_of(cases[n].text);
		GdbThread thread = {0, 0};

		g_test_message("thread id '%s'", cases[n].text);
		g_assert_true(gdb_text_thread(&text, &thread) == cases[n].good);
		g_assert_cmpint(thread.process, ==, cases[n].process);
		g_assert_cmpint(thread.thread, ==, cases[n].thread);
		g_assert_cmpuint(gdb_text_left(&text), ==, cases[n].left);
	}
}

static void test_thread_to_cpu(void)
{
	static const struct {
		GdbThread thread;
		bool good;
		unsigned cpu;
	} cases[] = {
		{{0, 1}, true, 0},  {{1, 4}, true, 3},	 {{0, 0}, true, 2},
		{{1, -1}, true, 2}, {{-1, -1}, true, 2}, {{0, 5}, false, 0},
		{{9, 1}, false, 0}, {{9, -1}, false, 0}, {{0, INT64_MAX}, false, 0},
	};

	for (size_t n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_autoptr(GError) error = NULL;
		unsigned cpu = 0;

		g_assert_true(gdb_thread_to_cpu(&cases[n].thread, 4, 2, &cpu, &error) ==
			      cases[n].good);
		g_assert_cmpuint(cpu, ==, cases[n].cpu);
		if (!cases[n].good)
			g_assert_error(error, GDB_ERROR, GDB_ERROR_NOENT);
	}
}

static void test_append(void)
{
	g_autoptr(GString) out = g_string_new("x");

	gdb_hex_append(out, "\x00\x7f\xff", 3);
	gdb_number_append(out, 0);
	gdb_number_append(out, UINT64_MAX);
	g_string_append_c(out, ' ');
	gdb_thread_append(out, 1, true);
	g_string_append_c(out, ' ');
	gdb_thread_append(out, 0x1ff, true);
	g_string_append_c(out, ' ');
	gdb_thread_append(out, 10, false);
	g_string_append_c(out, ' ');
	gdb_decimal_append(out, 0);
	gdb_decimal_append(out, UINT64_MAX);
	g_assert_cmpstr(out->str, ==,
			"x007fff0ffffffffffffffff p01.01 p01.1ff 0a 018446744073709551615");
}

static void test_hex(void)
{
	uint8_t bytes[3];

	g_assert_true(gdb_hex_decode("00fF7a", 6, bytes));
	g_assert_cmpmem(bytes, 3, "\x00\xff\x7a", 3);
	g_assert_true(gdb_hex_decode("", 0, bytes));
	g_assert_false(gdb_hex_decode("123", 3, bytes));
	g_assert_false(gdb_hex_decode("1234", 3, bytes));
	g_assert_false(gdb_hex_decode("1g", 2, bytes));
	g_assert_false(gdb_hex_decode("xx", 2, bytes));
	for (int c = 0; c < 256; c++) {
		int digit = gdb_hex_digit(c);

		g_assert_cmpint(digit, ==, g_ascii_xdigit_value(c));
		if (digit >= 0)
			g_assert_cmpint(gdb_hex_char(digit), ==, g_ascii_tolower(c));
	}
}

static void test_hex_append(void)
{
	uint8_t bytes[256], back[256];

	for (unsigned n = 0; n < 256; n++)
		bytes[n] = n * 167;
	for (unsigned from = 0; from < 256; from += 3) {
		g_autoptr(GString) out = g_string_new("x");

		gdb_hex_append(out, bytes + from, 256 - from);
		g_assert_cmpuint(out->len, ==, 1 + 2 * (256 - from));
		g_assert_true(gdb_hex_decode(out->str + 1, out->len - 1, back));
		g_assert_cmpmem(back, 256 - from, bytes + from, 256 - from);
		for (const char *at = out->str; *at; at++)
			g_assert_false(g_ascii_isupper(*at));
	}
}

static void check_window(uint64_t offset, uint64_t length, const char *expected)
{
	g_autoptr(GString) out = g_string_new(NULL);
	bool good = gdb_xfer_append(out, "0123456789", 10, offset, length);

	g_assert_true(good == (expected != NULL));
	g_assert_cmpstr(out->str, ==, expected ? expected : "");
}

static void test_window(void)
{
	check_window(0, 100, "l0123456789");
	check_window(0, 10, "l0123456789");
	check_window(0, 9, "m012345678");
	check_window(9, 1, "l9");
	check_window(10, 1, "l");
	check_window(3, 0, "m");
	check_window(11, 1, NULL);
	check_window(UINT64_MAX, 1, NULL);
	check_window(1ull << 32, UINT64_MAX, NULL);
	check_window(5, UINT64_MAX, "l56789");
}

/* A document that needs an escape for every byte still comes through, piece by piece. */
static void test_window_escapes(void)
{
	g_autofree char *document = g_strnfill(GDB_PACKET_MAX, '#');
	g_autoptr(GString) got = g_string_new(NULL);

	while (got->len < GDB_PACKET_MAX) {
		g_autoptr(GString) out = g_string_new(NULL);
		g_autoptr(GByteArray) wire = g_byte_array_new();

		g_assert_true(gdb_xfer_append(out, document, GDB_PACKET_MAX, got->len, UINT64_MAX));
		gdb_frame_encode(wire, out->str, out->len, false);
		g_assert_cmpuint(wire->len - 4, <=, GDB_PACKET_MAX);
		g_assert_cmpuint(out->len, >, 1);
		g_string_append(got, out->str + 1);
		g_assert_cmpint(out->str[0], ==, got->len == GDB_PACKET_MAX ? 'l' : 'm');
	}
	g_assert_cmpstr(got->str, ==, document);
}

static void test_address(void)
{
	static const struct {
		const char *where;
		GdbAddressKind kind;
		const char *host, *path;
		uint16_t port;
	} good[] = {
		{"1234", GDB_ADDRESS_TCP, "127.0.0.1", NULL, 1234},
		{"0", GDB_ADDRESS_TCP, "127.0.0.1", NULL, 0},
		{"tcp::1234", GDB_ADDRESS_TCP, "127.0.0.1", NULL, 1234},
		{"tcp:0.0.0.0:65535", GDB_ADDRESS_TCP, "0.0.0.0", NULL, 65535},
		{"tcp:host.example:1", GDB_ADDRESS_TCP, "host.example", NULL, 1},
		{"tcp:[::1]:1234", GDB_ADDRESS_TCP, "::1", NULL, 1234},
		{"unix:/run/vm.sock", GDB_ADDRESS_UNIX, NULL, "/run/vm.sock", 0},
		{"unix:rel:ative", GDB_ADDRESS_UNIX, NULL, "rel:ative", 0},
		{"stdio", GDB_ADDRESS_STDIO, NULL, NULL, 0},
		{"/dev/ttyS1", GDB_ADDRESS_DEVICE, NULL, "/dev/ttyS1", 0},
	};

	for (size_t n = 0; n < G_N_ELEMENTS(good); n++) {
		g_autoptr(GError) error = NULL;
		GdbAddress address;

		g_assert_true(gdb_address_parse(good[n].where, &address, &error));
		g_assert_no_error(error);
		g_assert_cmpint(address.kind, ==, good[n].kind);
		g_assert_cmpstr(address.host, ==, good[n].host);
		g_assert_cmpstr(address.path, ==, good[n].path);
		g_assert_cmpuint(address.port, ==, good[n].port);
		gdb_address_clear(&address);
	}
}

static void test_bad_address(void)
{
	static const char *const bad[] = {
		"",	  "-1",	      "65536",	   "12x",   " 1",     "tcp:",	   "tcp:host",
		"tcp:h:", "tcp::1:2", "tcp:::1:2", "unix:", "stdio ", "/tmp/file", "tcp:host:99999",
	};

	for (size_t n = 0; n < G_N_ELEMENTS(bad); n++) {
		g_autoptr(GError) error = NULL;
		GdbAddress address;

		g_test_message("address '%s'", bad[n]);
		g_assert_false(gdb_address_parse(bad[n], &address, &error));
		g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
		g_assert_nonnull(strstr(error->message, bad[n]));
		g_assert_nonnull(strstr(error->message, "unix:PATH"));
	}
}

/* Behind a socket's address, in any order; a device's name may have a comma. */
static void test_address_words(void)
{
	static const struct {
		const char *where;
		bool good, remote;
	} rows[] = {
		{"1234", true, false},
		{"1234,server,nowait", true, false},
		{"1234,remote", true, true},
		{"tcp::1234,server,remote,nowait", true, true},
		{"unix:/a,remote", true, true},
		{"stdio,remote", true, true},
		{"/dev/tty,remote", true, false},
		{"1234,remote=on", false, false},
		{"1234,Remote", false, false},
		{"1234,", false, false},
	};

	for (size_t n = 0; n < G_N_ELEMENTS(rows); n++) {
		g_autoptr(GError) error = NULL;
		GdbAddress address = {0};

		g_test_message("%s", rows[n].where);
		g_assert_cmpint(gdb_address_parse(rows[n].where, &address, &error), ==,
				rows[n].good);
		g_assert_cmpint(!error, ==, rows[n].good);
		g_assert_cmpint(address.remote, ==, rows[n].remote);
		gdb_address_clear(&address);
		g_clear_error(&error);
		g_assert_cmpint(gdb_address_serves_no_files(rows[n].where, &error), ==,
				!rows[n].remote);
		g_assert_cmpint(!error, ==, !rows[n].remote);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/text/take", test_take);
	g_test_add_func("/text/end", test_end);
	g_test_add_func("/text/number", test_number);
	g_test_add_func("/text/thread", test_thread);
	g_test_add_func("/text/thread-to-cpu", test_thread_to_cpu);
	g_test_add_func("/text/append", test_append);
	g_test_add_func("/text/hex", test_hex);
	g_test_add_func("/text/hex-append", test_hex_append);
	g_test_add_func("/xfer/window", test_window);
	g_test_add_func("/xfer/window-escapes", test_window_escapes);
	g_test_add_func("/address/good", test_address);
	g_test_add_func("/address/bad", test_bad_address);
	g_test_add_func("/address/words", test_address_words);
	return g_test_run();
}

/*
 * tests/test-error.c - how a GError becomes the text of a reply: gdb_error_append() of
 * gdbstub/internal.h.
 */
#include "gdbstub/internal.h"

#include <gio/gio.h>

static char *text_of(GQuark domain, int code, const char *message, bool with_text)
{
	g_autoptr(GError) error = g_error_new_literal(domain, code, message);
	GString *out = g_string_new(NULL);
	GdbFeatures features = {.error_message = with_text};
	bool some = gdb_error_append(out, error, &features);

	g_assert_true(some == (out->len > 0));
	return g_string_free(out, FALSE);
}

static void check(GQuark domain, int code, const char *message, bool with_text,
		  const char *expected)
{
	g_autofree char *got = text_of(domain, code, message, with_text);

	g_assert_cmpstr(got, ==, expected);
}

/* Two decimal digits, as QEMU writes the same errors. */
static void test_numbers(void)
{
	check(GDB_ERROR, GDB_ERROR_NOENT, "x", false, "E02");
	check(GDB_ERROR, GDB_ERROR_IO, "x", false, "E05");
	check(GDB_ERROR, GDB_ERROR_FAULT, "x", false, "E14");
	check(GDB_ERROR, GDB_ERROR_BUSY, "x", false, "E16");
	check(GDB_ERROR, GDB_ERROR_INVAL, "x", false, "E22");
	check(GDB_ERROR, GDB_ERROR_NOSPC, "x", false, "E28");
	check(GDB_ERROR, 1000, "x", false, "E99");
	check(GDB_ERROR, -5, "x", false, "E01");
}

static void test_unsupported(void)
{
	check(GDB_ERROR, GDB_ERROR_UNSUPPORTED, "never", false, "");
	check(GDB_ERROR, GDB_ERROR_UNSUPPORTED, "never", true, "");
}

static void test_other_domain(void)
{
	check(G_IO_ERROR, GDB_ERROR_UNSUPPORTED, "x", false, "E05");
	check(G_IO_ERROR, G_IO_ERROR_CLOSED, "x", false, "E05");
}

static void test_text(void)
{
	check(GDB_ERROR, GDB_ERROR_NOSPC, "all 4 slots are used", true, "E.all 4 slots are used");
	check(G_IO_ERROR, 1, "text", true, "E.text");
	check(GDB_ERROR, GDB_ERROR_NOSPC, "", true, "E28");
	check(GDB_ERROR, GDB_ERROR_IO, "CPU#1:\n$rip }*\t.", true, "E.CPU 1:  rip    .");
}

/* lldb's form: the number, then the text in hex. */
static void test_strings(void)
{
	g_autoptr(GError) error = g_error_new_literal(GDB_ERROR, GDB_ERROR_FAULT, "no $;");
	g_autoptr(GString) out = g_string_new(NULL);
	GdbFeatures features = {.error_strings = true};

	g_assert_true(gdb_error_append(out, error, &features));
	g_assert_cmpstr(out->str, ==, "E14;6e6f20243b");
}

static void test_no_error(void)
{
	g_autoptr(GString) out = g_string_new(NULL);
	GdbFeatures features = {.error_message = true};

	/* A target that fails without saying why. */
	g_assert_true(gdb_error_append(out, NULL, &features));
	g_assert_cmpstr(out->str, ==, "E05");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/error/numbers", test_numbers);
	g_test_add_func("/error/unsupported", test_unsupported);
	g_test_add_func("/error/other-domain", test_other_domain);
	g_test_add_func("/error/text", test_text);
	g_test_add_func("/error/strings", test_strings);
	g_test_add_func("/error/no-error", test_no_error);
	return g_test_run();
}

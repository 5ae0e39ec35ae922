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
	bool some = gdb_error_append(out, error, &features, GDB_ERROR_FORM_NUMBER);

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

	g_assert_true(gdb_error_append(out, error, &features, GDB_ERROR_FORM_NUMBER));
	g_assert_cmpstr(out->str, ==, "E14;6e6f20243b");
}

/* A gdb that does not know error-message shows its user these words all the same. */
static void test_old_gdb(void)
{
	static const struct {
		GdbFeatures features;
		GdbErrorForm form;
		const char *expected;
	} cases[] = {
		{{.swbreak = true}, GDB_ERROR_FORM_NUMBER, "E16"},
		{{.swbreak = true}, GDB_ERROR_FORM_SHOWN, "E.CPU 1 is off"},
		{{.swbreak = true}, GDB_ERROR_FORM_CITED, "E16 CPU 1 is off"},
		/* gdb 16 does not tell of an error either. */
		{{.swbreak = true, .error_message = true},
		 GDB_ERROR_FORM_CITED,
		 "E16 CPU 1 is off"},
		{{.error_message = true}, GDB_ERROR_FORM_CITED, "E.CPU 1 is off"},
		{{0}, GDB_ERROR_FORM_SHOWN, "E16"},
		{{0}, GDB_ERROR_FORM_CITED, "E16"},
		{{.swbreak = true, .error_strings = true},
		 GDB_ERROR_FORM_SHOWN,
		 "E16;4350552031206973206f6666"},
		{{.swbreak = true, .error_strings = true},
		 GDB_ERROR_FORM_CITED,
		 "E16;4350552031206973206f6666"},
	};
	g_autoptr(GError) error = g_error_new_literal(GDB_ERROR, GDB_ERROR_BUSY, "CPU 1 is off");

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) out = g_string_new(NULL);

		g_assert_true(gdb_error_append(out, error, &cases[i].features, cases[i].form));
		g_assert_cmpstr(out->str, ==, cases[i].expected);
	}
}

static void test_no_error(void)
{
	g_autoptr(GString) out = g_string_new(NULL);
	GdbFeatures features = {.error_message = true};

	/* A target that fails without saying why. */
	g_assert_true(gdb_error_append(out, NULL, &features, GDB_ERROR_FORM_NUMBER));
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
	g_test_add_func("/error/old-gdb", test_old_gdb);
	g_test_add_func("/error/no-error", test_no_error);
	return g_test_run();
}

/*
 * gdbstub/error.c - the one place where a GError becomes the text of a reply.
 */
#include "gdbstub/internal.h"

/* The name of the quark has no blanks. */
/* clang-format off */
G_DEFINE_QUARK(gdb-error-quark, gdb_error)
/* clang-format on */

/*
 * Clients show E.text as it comes, without undoing escapes, so what would need one, and what would
 * break the line, becomes a space.
 */
static void append_message(GString *out, const char *message)
{
	for (const char *c = message; *c; c++)
		g_string_append_c(out, g_ascii_iscntrl(*c) || strchr("#$}*", *c) ? ' ' : *c);
}

static void append_number(GString *out, int code)
{
	g_string_append_printf(out, "E%02d", CLAMP(code, 1, 99));
}

bool gdb_error_append(GString *out, const GError *error, const GdbFeatures *features,
		      GdbErrorForm form)
{
	bool gdb = features->swbreak && !features->error_strings;
	bool has_text = error && error->message[0];
	int code = GDB_ERROR_IO;

	if (error && error->domain == GDB_ERROR)
		code = error->code;
	if (code == GDB_ERROR_UNSUPPORTED)
		return false;
	if (has_text && gdb && form == GDB_ERROR_FORM_CITED) {
		append_number(out, code);
		g_string_append_c(out, ' ');
		append_message(out, error->message);
		return true;
	}
	if (has_text && (features->error_message || (gdb && form == GDB_ERROR_FORM_SHOWN))) {
		g_string_append(out, "E.");
		append_message(out, error->message);
		return true;
	}
	append_number(out, code);
	if (has_text && features->error_strings) {
		g_string_append_c(out, ';');
		gdb_hex_append(out, error->message, strlen(error->message));
	}
	return true;
}

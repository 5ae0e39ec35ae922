/*
 * gdbstub/xfer.c - documents that the client reads piece by piece.
 */
#include "gdbstub/xfer.h"

#include "gdbstub/frame.h"

bool gdb_xfer_append(GString *out, const char *document, size_t len, uint64_t offset,
		     uint64_t length)
{
	size_t n;

	if (offset > len)
		return false;
	n = MIN(len - offset, length);
	n = gdb_frame_fit(document + offset, n, GDB_PACKET_MAX - 1);
	g_string_append_c(out, offset + n == len ? 'l' : 'm');
	g_string_append_len(out, document + offset, n);
	return true;
}

static void append_character(GString *xml, gunichar c)
{
	if (c == '<')
		g_string_append(xml, "&lt;");
	else if (c == '>')
		g_string_append(xml, "&gt;");
	else if (c == '&')
		g_string_append(xml, "&amp;");
	else if (c == '"')
		g_string_append(xml, "&quot;");
	else if (c == '\'')
		g_string_append(xml, "&apos;");
	else
		g_string_append_unichar(xml, g_unichar_isprint(c) ? c : '?');
}

static bool is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '<' && c != '>' && c != '&' && c != '"' && c != '\'';
}

/* The next character of @text, which is not plain; what comes behind it. */
static const char *append_next(GString *xml, const char *text)
{
	gunichar c = g_utf8_get_char_validated(text, -1);
	bool good = c != (gunichar)-1 && c != (gunichar)-2;

	append_character(xml, good ? c : '?');
	return good ? g_utf8_next_char(text) : text + 1;
}

void gdb_xml_append(GString *xml, const char *text)
{
	while (*text) {
		const char *plain = text;

		/* Most of it stands for itself, and that goes at once. */
		while (is_plain(*text))
			text++;
		g_string_append_len(xml, plain, text - plain);
		if (*text)
			text = append_next(xml, text);
	}
}

/*
 * gdbstub/ax-printf.c - one conversion after the other, each rebuilt from checked parts, so that no
 * client's text ever reaches the C library as a format.
 */
#include "gdbstub/ax-printf.h"

#include <string.h>

#define PIECE 64

typedef struct Conversion {
	char prefix[16]; /* "%", flags, width, precision */
	unsigned bytes;	 /* how much of the argument counts */
	char kind;
} Conversion;

/* Up to three digits; TRUE when it is not longer. */
static bool take_number(const char **at, GString *prefix)
{
	for (unsigned i = 0; g_ascii_isdigit(**at); i++) {
		if (i == 3)
			return false;
		g_string_append_c(prefix, *(*at)++);
	}
	return true;
}

/* 0: none was given. */
static unsigned take_length(const char **at)
{
	static const struct {
		const char *text;
		unsigned bytes;
	} lengths[] = {{"hh", 1}, {"h", 2}, {"ll", 8}, {"l", 8}, {"z", 8}, {"j", 8}, {"t", 8}};

	for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
		if (g_str_has_prefix(*at, lengths[i].text)) {
			*at += strlen(lengths[i].text);
			return lengths[i].bytes;
		}
	}
	return 0;
}

/* @at is behind the '%'. FALSE: not a conversion that is known. */
static bool take_conversion(const char **at, Conversion *ret)
{
	g_autoptr(GString) prefix = g_string_new("%");

	while (**at && strchr("-+ #0", **at)) {
		if (prefix->len == 6)
			return false;
		g_string_append_c(prefix, *(*at)++);
	}
	if (!take_number(at, prefix))
		return false;
	if (**at == '.') {
		g_string_append_c(prefix, *(*at)++);
		if (!take_number(at, prefix))
			return false;
	}
	ret->bytes = take_length(at);
	ret->kind = **at;
	/* A length makes them wide characters, which are not taken. */
	if (!ret->kind || !strchr(ret->bytes ? "diuxXo" : "diuxXocsp", ret->kind))
		return false;
	if (!ret->bytes)
		ret->bytes = 4;
	(*at)++;
	g_strlcpy(ret->prefix, prefix->str, sizeof(ret->prefix));
	return true;
}

static uint64_t narrow(uint64_t value, unsigned bytes, bool is_signed)
{
	unsigned shift = 64 - 8 * bytes;

	return is_signed ? (uint64_t)((int64_t)(value << shift) >> shift) : value << shift >> shift;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void append_integer(GString *out, const Conversion *conversion, uint64_t value)
{
	char format[24];
	bool is_signed = conversion->kind == 'd' || conversion->kind == 'i';

	g_snprintf(format, sizeof(format), "%s" G_GINT64_MODIFIER "%c", conversion->prefix,
		   conversion->kind);
	g_string_append_printf(out, format, narrow(value, conversion->bytes, is_signed));
}

static void append_text(GString *out, const Conversion *conversion, const char *text)
{
	char format[24];

	g_snprintf(format, sizeof(format), "%ss", conversion->prefix);
	g_string_append_printf(out, format, text);
}

static void append_char(GString *out, const Conversion *conversion, int c)
{
	char format[24];

	g_snprintf(format, sizeof(format), "%sc", conversion->prefix);
	g_string_append_printf(out, format, c);
}
#pragma GCC diagnostic pop

/* In pieces that never cross a page. FALSE: not even the first byte is there. */
static bool append_string(GString *out, const Conversion *conversion, uint64_t addr,
			  const GdbAxOps *ops, void *opaque)
{
	char text[GDB_AX_STRING_MAX + 1];
	size_t len = 0, piece;

	if (!addr) {
		append_text(out, conversion, "(null)");
		return true;
	}
	for (; len < GDB_AX_STRING_MAX && !memchr(text, 0, len); len += piece) {
		piece = MIN(PIECE - (addr + len) % PIECE, GDB_AX_STRING_MAX - len);
		if (!ops->mem(opaque, addr + len, text + len, piece))
			break;
	}
	text[len] = 0;
	append_text(out, conversion, text);
	return len > 0;
}

static GdbAxStatus append_argument(GString *out, const Conversion *conversion, uint64_t value,
				   const GdbAxOps *ops, void *opaque)
{
	char text[24];

	switch (conversion->kind) {
	case 's':
		return append_string(out, conversion, value, ops, opaque) ? GDB_AX_OK
									  : GDB_AX_NO_MEMORY;
	case 'c':
		append_char(out, conversion, (unsigned char)value);
		return GDB_AX_OK;
	case 'p':
		g_snprintf(text, sizeof(text), "0x%" G_GINT64_MODIFIER "x", value);
		append_text(out, conversion, text);
		return GDB_AX_OK;
	default:
		append_integer(out, conversion, value);
		return GDB_AX_OK;
	}
}

/* @at is behind the backslash. */
static bool append_escape(GString *out, const char **at)
{
	static const char names[] = "\\\"abefnrtv", values[] = "\\\"\a\b\033\f\n\r\t\v";
	const char *name = **at ? strchr(names, **at) : NULL;

	if (!name)
		return false;
	g_string_append_c(out, values[name - names]);
	(*at)++;
	return true;
}

typedef struct Arguments {
	const uint64_t *values;
	unsigned used, count;
} Arguments;

/* One conversion, escape or character. */
static GdbAxStatus append_next(GString *out, const char **at, Arguments *args, const GdbAxOps *ops,
			       void *opaque)
{
	Conversion conversion;
	char c = *(*at)++;

	if (c == '\\')
		return append_escape(out, at) ? GDB_AX_OK : GDB_AX_BAD_FORMAT;
	if (c != '%' || **at == '%') {
		*at += c == '%';
		g_string_append_c(out, c);
		return GDB_AX_OK;
	}
	if (!take_conversion(at, &conversion) || args->used == args->count)
		return GDB_AX_BAD_FORMAT;
	return append_argument(out, &conversion, args->values[args->used++], ops, opaque);
}

GdbAxStatus gdb_ax_printf(const char *text, const uint64_t *args, unsigned count,
			  const GdbAxOps *ops, void *opaque)
{
	g_autoptr(GString) out = g_string_new(NULL);
	Arguments arguments = {args, 0, count};

	while (*text && out->len < GDB_AX_LINE_MAX) {
		GdbAxStatus status = append_next(out, &text, &arguments, ops, opaque);

		if (status != GDB_AX_OK)
			return status;
	}
	if (ops->print)
		ops->print(opaque, out->str, MIN(out->len, GDB_AX_LINE_MAX));
	return GDB_AX_OK;
}

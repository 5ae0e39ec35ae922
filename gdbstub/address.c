/*
 * gdbstub/address.c - the text after --gdb: where a client is to be taken.
 */
#include "gdbstub/address.h"

#include <string.h>

#include "gdbstub/target.h"

#define LOCAL_HOST "127.0.0.1"

static bool parse_port(const char *text, uint16_t *ret_port)
{
	guint64 port;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT16, &port, NULL))
		return false;
	*ret_port = port;
	return true;
}

/* ":PORT", "HOST:PORT", "[IPV6]:PORT" */
static bool parse_host_port(const char *text, GdbAddress *address)
{
	const char *colon = strrchr(text, ':');
	size_t len;

	if (!colon || !parse_port(colon + 1, &address->port))
		return false;
	len = colon - text;
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false; /* IPv6 without brackets: which colon is the port's? */
	}
	address->host = len ? g_strndup(text, len) : g_strdup(LOCAL_HOST);
	return true;
}

static bool parse_path(GdbAddressKind kind, const char *path, GdbAddress *address)
{
	address->kind = kind;
	address->path = g_strdup(path);
	return *path != '\0';
}

static bool parse(const char *where, GdbAddress *address)
{
	if (parse_port(where, &address->port)) {
		address->host = g_strdup(LOCAL_HOST);
		return true;
	}
	if (g_str_has_prefix(where, "tcp:"))
		return parse_host_port(where + 4, address);
	if (g_str_has_prefix(where, "unix:"))
		return parse_path(GDB_ADDRESS_UNIX, where + 5, address);
	if (g_str_has_prefix(where, "/dev/"))
		return parse_path(GDB_ADDRESS_DEVICE, where, address);
	address->kind = GDB_ADDRESS_STDIO;
	return !strcmp(where, "stdio");
}

bool gdb_address_parse(const char *where, GdbAddress *ret_address, GError **error)
{
	GdbAddress address = {.kind = GDB_ADDRESS_TCP};

	if (!parse(where, &address)) {
		gdb_address_clear(&address);
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "gdb address '%s': expected PORT, tcp:HOST:PORT, unix:PATH, stdio or "
			    "/dev/NAME",
			    where);
		return false;
	}
	*ret_address = address;
	return true;
}

void gdb_address_clear(GdbAddress *address)
{
	g_clear_pointer(&address->host, g_free);
	g_clear_pointer(&address->path, g_free);
}

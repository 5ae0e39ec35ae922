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
	} else if (memchr(text, ':', len) || memchr(text, '/', len)) {
		return false; /* IPv6 without brackets: which colon is the port's? */
	}
	address->host = len ? g_strndup(text, len) : g_strdup(LOCAL_HOST);
	return true;
}

static bool parse_tcp(const char *text, GdbAddress *address)
{
	if (!parse_port(text, &address->port))
		return parse_host_port(text, address);
	address->host = g_strdup(LOCAL_HOST);
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
	if (g_str_has_prefix(where, "tcp:"))
		return parse_tcp(where + 4, address);
	if (g_str_has_prefix(where, "unix:"))
		return parse_path(GDB_ADDRESS_UNIX, where + 5, address);
	if (g_str_has_prefix(where, "/dev/"))
		return parse_path(GDB_ADDRESS_DEVICE, where, address);
	if (!g_str_has_prefix(where, "stdio"))
		return parse_tcp(where, address);
	address->kind = GDB_ADDRESS_STDIO;
	return !strcmp(where, "stdio");
}

/*
 * QEMU's options behind a socket's address that say what is done here anyhow. What asks for
 * something else is an error, and so is a word that nobody knows: it is not part of a path.
 */
static bool is_qemu_word(const char *word)
{
	static const char *const words[] = {"server",	  "server=on", "server=yes", "nowait",
					    "wait=off",	  "wait=no",   "nodelay",    "nodelay=on",
					    "telnet=off", NULL};

	return g_strv_contains(words, word);
}

static bool take_words(const char *where, char **words, GdbAddress *address, GError **error)
{
	for (; *words; words++) {
		if (!strcmp(*words, "remote")) {
			address->remote = true;
			continue;
		}
		if (is_qemu_word(*words))
			continue;
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "address '%s': '%s' is not possible here; after a comma only remote "
			    "and QEMU's options server, nowait, wait=off and nodelay are taken",
			    where, *words);
		return false;
	}
	return true;
}

bool gdb_address_parse(const char *where, GdbAddress *ret_address, GError **error)
{
	/* A device's name may have a comma. */
	bool device = g_str_has_prefix(where, "/dev/");
	g_auto(GStrv) parts = g_strsplit(where, ",", device ? 1 : -1);
	GdbAddress address = {.kind = GDB_ADDRESS_TCP};

	if (!parts[0] || !parse(parts[0], &address)) {
		gdb_address_clear(&address);
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "address '%s': expected PORT, HOST:PORT, unix:PATH, stdio or "
			    "/dev/NAME",
			    where);
		return false;
	}
	if (!take_words(where, parts + 1, &address, error)) {
		gdb_address_clear(&address);
		return false;
	}
	*ret_address = address;
	return true;
}

bool gdb_address_serves_no_files(const char *where, GError **error)
{
	GdbAddress address = {0};
	bool remote;

	if (!gdb_address_parse(where, &address, NULL))
		return true;
	remote = address.remote;
	gdb_address_clear(&address);
	if (remote)
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "address '%s': only gdb, at the place of --gdb, reads files that "
			    "'remote' would be about",
			    where);
	return !remote;
}

void gdb_address_clear(GdbAddress *address)
{
	g_clear_pointer(&address->host, g_free);
	g_clear_pointer(&address->path, g_free);
}

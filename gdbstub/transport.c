/*
 * gdbstub/transport.c - the place where clients come from: a listening socket or a line.
 */
#include "gdbstub/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "gdbstub/address.h"

struct GdbTransport {
	GdbAddress where;
	char *address; /* for the user */
	GSocket *listeners[GDB_LISTENERS_MAX];
	struct stat socket_file; /* of a unix socket; st_ino 0 when there is none */

	int line_fd; /* a device; -1 when closed */
	bool raw;    /* a terminal is to be made so */
	bool is_raw; /* the terminal had these settings: */
	struct termios settings;
	bool is_stdio; /* stdin and stdout had these flags: */
	int stdio_flags[2];
	bool stdio_used;
};

static bool fail(GError **error, const char *what, const char *where)
{
	int saved = errno;

	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), "%s %s: %s", what, where,
		    g_strerror(saved));
	return false;
}

/* ---- Sockets ---- */

static GSocket *listen_on(GSocketAddress *address, GError **error)
{
	g_autoptr(GSocket) socket =
		g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM,
			     G_SOCKET_PROTOCOL_DEFAULT, error);

	if (!socket)
		return NULL;
	g_socket_set_blocking(socket, FALSE);
	/* Before the name exists: Linux takes the mode of a unix socket's file from here. */
	if (G_IS_UNIX_SOCKET_ADDRESS(address) && fchmod(g_socket_get_fd(socket), 0600) < 0) {
		fail(error, "cannot protect", "the socket");
		return NULL;
	}
	if (!g_socket_bind(socket, address, TRUE, error) || !g_socket_listen(socket, error))
		return NULL;
	return g_steal_pointer(&socket);
}

static GInetAddress *resolve(const char *host, GError **error)
{
	g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
	GList *list;

	if (address)
		return g_steal_pointer(&address);
	list = g_resolver_lookup_by_name(g_resolver_get_default(), host, NULL, error);
	if (!list)
		return NULL;
	address = g_object_ref(list->data);
	g_resolver_free_addresses(list);
	return g_steal_pointer(&address);
}

/* The port that the system has chosen, if it was left to it; 0 with @error. */
static uint16_t bound_port(GSocket *socket, GError **error)
{
	g_autoptr(GSocketAddress) bound = g_socket_get_local_address(socket, error);

	return bound ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound)) : 0;
}

static uint16_t listen_at(GdbTransport *transport, unsigned n, GInetAddress *inet, uint16_t port,
			  GError **error)
{
	g_autoptr(GSocketAddress) address = g_inet_socket_address_new(inet, port);

	transport->listeners[n] = listen_on(address, error);
	return transport->listeners[n] ? bound_port(transport->listeners[n], error) : 0;
}

static bool open_host(GdbTransport *transport, GError **error)
{
	const GdbAddress *where = &transport->where;
	g_autoptr(GInetAddress) inet = resolve(where->host, error);
	g_autofree char *host = NULL;
	uint16_t port;

	if (!inet)
		return false;
	port = listen_at(transport, 0, inet, where->port, error);
	if (!port) {
		g_prefix_error(error, "cannot listen on %s:%u: ", where->host, where->port);
		return false;
	}
	host = g_inet_address_to_string(inet);
	transport->address = g_strdup_printf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
	return true;
}

/*
 * A client that gets "localhost" tries either loopback. FALSE with ADDRESS_IN_USE when the
 * second one has somebody else at that port; a machine without IPv6 has one.
 */
static bool open_loopbacks(GdbTransport *transport, GError **error)
{
	g_autoptr(GInetAddress) v4 = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
	g_autoptr(GInetAddress) v6 = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV6);
	uint16_t port = listen_at(transport, 0, v4, transport->where.port, error);
	g_autoptr(GError) no_v6 = NULL;

	if (!port)
		return false;
	if (!listen_at(transport, 1, v6, port, &no_v6) &&
	    g_error_matches(no_v6, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE)) {
		g_clear_object(&transport->listeners[0]);
		g_propagate_error(error, g_steal_pointer(&no_v6));
		return false;
	}
	transport->address = g_strdup_printf("127.0.0.1:%u", port);
	return true;
}

/* How often the system may choose a port that is free on one loopback only. */
#define TRIES 16

static bool open_localhost(GdbTransport *transport, GError **error)
{
	unsigned tries = transport->where.port ? 1 : TRIES;

	while (!open_loopbacks(transport, tries == 1 ? error : NULL)) {
		if (--tries)
			continue;
		g_prefix_error(error, "cannot listen on localhost:%u: ", transport->where.port);
		return false;
	}
	return true;
}

static bool open_tcp(GdbTransport *transport, GError **error)
{
	if (!g_ascii_strcasecmp(transport->where.host, "localhost"))
		return open_localhost(transport, error);
	return open_host(transport, error);
}

/*
 * Nobody holds it any more: a server that died could not remove its socket. Asked with a datagram
 * socket, because a stream would be a client to a live server, and stop its machine.
 */
static bool is_stale(GSocketAddress *address)
{
	g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM,
						 G_SOCKET_PROTOCOL_DEFAULT, NULL);
	g_autoptr(GError) error = NULL;

	return socket && !g_socket_connect(socket, address, NULL, &error) &&
	       g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
}

static bool make_room(const char *path, GSocketAddress *address, GError **error)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || fail(error, "cannot use the unix socket", path);
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return fail(error, "will not replace what is not a socket:", path);
	}
	if (!is_stale(address)) {
		errno = EADDRINUSE;
		return fail(error, "another server listens on", path);
	}
	return unlink(path) == 0 || fail(error, "cannot remove the stale socket", path);
}

static bool open_unix(GdbTransport *transport, GError **error)
{
	const char *path = transport->where.path;
	g_autoptr(GSocketAddress) address = NULL;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		errno = ENAMETOOLONG;
		return fail(error, "cannot listen on", path);
	}
	address = g_unix_socket_address_new(path);
	if (!make_room(path, address, error))
		return false;
	transport->listeners[0] = listen_on(address, error);
	if (!transport->listeners[0]) {
		g_prefix_error(error, "cannot listen on %s: ", path);
		return false;
	}
	if (lstat(path, &transport->socket_file) < 0)
		return fail(error, "cannot find the new socket", path);
	transport->address = g_strdup(path);
	return true;
}

/* Only if it is still ours: another server may have replaced it. */
static void remove_socket_file(GdbTransport *transport)
{
	struct stat st;

	if (transport->socket_file.st_ino && lstat(transport->where.path, &st) == 0 &&
	    st.st_ino == transport->socket_file.st_ino &&
	    st.st_dev == transport->socket_file.st_dev)
		unlink(transport->where.path);
}

/*
 * A peer that vanishes without a word is given up after 30 seconds, whether it owes us an
 * acknowledgement (TCP_USER_TIMEOUT) or the connection is silent (tcp(7)).
 */
#define GONE_S 30
#define PROBE_S 5

static void notice_vanished(GSocket *socket)
{
	g_socket_set_keepalive(socket, TRUE);
	g_socket_set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, GONE_S / 2, NULL);
	g_socket_set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S, NULL);
	g_socket_set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, GONE_S / 2 / PROBE_S, NULL);
	g_socket_set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, GONE_S * 1000, NULL);
}

GIOStream *gdb_transport_accept(GdbTransport *transport, GSocket *listener, GError **error)
{
	g_autoptr(GSocket) socket = g_socket_accept(listener, NULL, error);

	if (!socket)
		return NULL;
	g_socket_set_blocking(socket, FALSE);
	if (transport->where.kind == GDB_ADDRESS_TCP) {
		g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
		notice_vanished(socket);
	}
	return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

/* ---- Lines ---- */

static bool make_raw(GdbTransport *transport, int fd, GError **error)
{
	struct termios raw;

	if (!transport->raw || !isatty(fd))
		return true;
	if (tcgetattr(fd, &raw) < 0)
		return fail(error, "cannot read the settings of", transport->address);
	if (!transport->is_raw)
		transport->settings = raw;
	cfmakeraw(&raw);
	raw.c_cflag |= CLOCAL | CREAD;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return fail(error, "cannot make raw", transport->address);
	transport->is_raw = true;
	return true;
}

static GIOStream *make_stream(const char *name, int in_fd, int out_fd, GError **error)
{
	g_autoptr(GInputStream) in = g_unix_input_stream_new(in_fd, FALSE);
	g_autoptr(GOutputStream) out = g_unix_output_stream_new(out_fd, FALSE);

	if (!g_pollable_input_stream_can_poll(G_POLLABLE_INPUT_STREAM(in)) ||
	    !g_pollable_output_stream_can_poll(G_POLLABLE_OUTPUT_STREAM(out))) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			    "%s can not be waited for; expected a terminal, a pipe or a socket",
			    name);
		return NULL;
	}
	return g_simple_io_stream_new(in, out);
}

/* The terminal's settings belong to whoever had it before us. */
static void close_device(GdbTransport *transport)
{
	if (transport->line_fd < 0)
		return;
	if (transport->is_raw)
		tcsetattr(transport->line_fd, TCSANOW, &transport->settings);
	transport->is_raw = false;
	close(transport->line_fd);
	transport->line_fd = -1;
}

static GIOStream *open_device(GdbTransport *transport, GError **error)
{
	const char *path = transport->where.path;
	struct stat st;

	close_device(transport);
	transport->line_fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (transport->line_fd < 0 || fstat(transport->line_fd, &st) < 0) {
		fail(error, "cannot open", path);
		return NULL;
	}
	if (!S_ISCHR(st.st_mode)) {
		errno = ENOTTY;
		fail(error, "expected a character device:", path);
		return NULL;
	}
	if (!make_raw(transport, transport->line_fd, error))
		return NULL;
	return make_stream(path, transport->line_fd, transport->line_fd, error);
}

/* A slow reader of our output must not block us; the flags are shared with other processes. */
static GIOStream *open_stdio(GdbTransport *transport, GError **error)
{
	if (transport->stdio_used) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "stdio has ended");
		return NULL;
	}
	transport->stdio_used = true;
	for (int fd = 0; fd < 2; fd++) {
		transport->stdio_flags[fd] = fcntl(fd, F_GETFL);
		if (transport->stdio_flags[fd] < 0) {
			fail(error, "cannot use", "stdio");
			return NULL;
		}
	}
	transport->is_stdio = true;
	for (int fd = 0; fd < 2; fd++)
		fcntl(fd, F_SETFL, transport->stdio_flags[fd] | O_NONBLOCK);
	if (!make_raw(transport, STDIN_FILENO, error))
		return NULL;
	return make_stream("stdio", STDIN_FILENO, STDOUT_FILENO, error);
}

static void restore_stdio(GdbTransport *transport)
{
	if (!transport->is_stdio)
		return;
	if (transport->is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &transport->settings);
	for (int fd = 0; fd < 2; fd++)
		fcntl(fd, F_SETFL, transport->stdio_flags[fd]);
}

GIOStream *gdb_transport_get_line(GdbTransport *transport, GError **error)
{
	if (transport->where.kind == GDB_ADDRESS_STDIO)
		return open_stdio(transport, error);
	return open_device(transport, error);
}

/* ---- Both ---- */

/*
 * A pipe or terminal whose reader has gone raises SIGPIPE, and the process' disposition of
 * signals is not ours to change: block it, and take it off if it came from this write.
 */
static gssize write_quietly(GPollableOutputStream *out, const void *data, size_t len,
			    GError **error)
{
	static const struct timespec now = {0, 0};
	sigset_t pipe_set, pending, old;
	bool was_pending;
	gssize n;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
	n = g_pollable_output_stream_write_nonblocking(out, data, len, NULL, error);
	if (n < 0 && !was_pending)
		sigtimedwait(&pipe_set, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return n;
}

bool gdb_transport_can_wait(GIOStream *stream)
{
	GInputStream *in = g_io_stream_get_input_stream(stream);
	GOutputStream *out = g_io_stream_get_output_stream(stream);

	return G_IS_POLLABLE_INPUT_STREAM(in) && G_IS_POLLABLE_OUTPUT_STREAM(out) &&
	       g_pollable_input_stream_can_poll(G_POLLABLE_INPUT_STREAM(in)) &&
	       g_pollable_output_stream_can_poll(G_POLLABLE_OUTPUT_STREAM(out));
}

gssize gdb_transport_write(GIOStream *stream, const void *data, size_t len, GError **error)
{
	GPollableOutputStream *out =
		G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream));

	if (!G_IS_SOCKET_CONNECTION(stream))
		return write_quietly(out, data, len, error);
	return g_pollable_output_stream_write_nonblocking(out, data, len, NULL, error);
}

static bool open_address(GdbTransport *transport, GError **error)
{
	switch (transport->where.kind) {
	case GDB_ADDRESS_TCP:
		return open_tcp(transport, error);
	case GDB_ADDRESS_UNIX:
		return open_unix(transport, error);
	case GDB_ADDRESS_STDIO:
		transport->address = g_strdup("stdio");
		return true;
	case GDB_ADDRESS_DEVICE:
		transport->address = g_strdup(transport->where.path);
		return true;
	}
	return false;
}

GdbTransport *gdb_transport_open(const char *where, bool raw, GError **error)
{
	g_autoptr(GdbTransport) transport = g_new0(GdbTransport, 1);

	transport->line_fd = -1;
	transport->raw = raw;
	if (!gdb_address_parse(where, &transport->where, error) || !open_address(transport, error))
		return NULL;
	return g_steal_pointer(&transport);
}

GdbTransport *gdb_transport_open_without_files(const char *where, bool raw, GError **error)
{
	return gdb_address_serves_no_files(where, error) ? gdb_transport_open(where, raw, error)
							 : NULL;
}

void gdb_transport_close(GdbTransport *transport)
{
	if (!transport)
		return;
	remove_socket_file(transport);
	for (unsigned n = 0; n < GDB_LISTENERS_MAX; n++)
		g_clear_object(&transport->listeners[n]);
	restore_stdio(transport);
	close_device(transport);
	gdb_address_clear(&transport->where);
	g_free(transport->address);
	g_free(transport);
}

static GInetAddress *inet_of(GSocketAddress *address)
{
	return G_IS_INET_SOCKET_ADDRESS(address)
		       ? g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address))
		       : NULL;
}

bool gdb_transport_peer_is_elsewhere(GSocketAddress *peer, GSocketAddress *own)
{
	GInetAddress *theirs = inet_of(peer), *ours = inet_of(own);

	return theirs && ours && !g_inet_address_get_is_loopback(theirs) &&
	       !g_inet_address_equal(theirs, ours);
}

bool gdb_transport_is_elsewhere(const GdbTransport *transport, GIOStream *stream)
{
	g_autoptr(GSocketAddress) peer = NULL, own = NULL;
	GSocketConnection *connection;

	if (transport->where.remote || !G_IS_SOCKET_CONNECTION(stream))
		return transport->where.remote;
	connection = G_SOCKET_CONNECTION(stream);
	peer = g_socket_connection_get_remote_address(connection, NULL);
	own = g_socket_connection_get_local_address(connection, NULL);
	return gdb_transport_peer_is_elsewhere(peer, own);
}

const char *gdb_transport_get_address(const GdbTransport *transport)
{
	return transport->address;
}

GSocket *gdb_transport_get_listener(const GdbTransport *transport, unsigned n)
{
	return n < GDB_LISTENERS_MAX ? transport->listeners[n] : NULL;
}

/*
 * gdbstub/server.c - takes clients, one at a time, and carries stops from any thread to them.
 */
#include "gdbstub/alarm.h"
#include "gdbstub/conn.h"
#include "gdbstub/door.h"
#include "gdbstub/gdbstub.h"
#include "gdbstub/refuse.h"
#include "gdbstub/session.h"
#include "gdbstub/transport.h"

struct GdbServer {
	GMainContext *context;
	const GdbTargetOps *ops;
	void *target;
	char *version;
	uint8_t exit_status;
	GdbLog *log; /* or NULL */

	GdbTransport *transport;
	GdbDoor *door; /* or NULL: a line */
	GdbConn *conn;
	bool conn_is_line;
	char *conn_peer; /* who that is, for a second one; or NULL */
	GdbRefusals *refusals;

	GdbAlarm *stop_alarm, *output_alarm;
	GMutex stops_lock;  /* a leaf; for what follows */
	GQueue stops;	    /* GdbStop, oldest first */
	GString *output;    /* text for the client's console */
	unsigned dropped;   /* how many posts of it did not fit */
	gint64 output_time; /* when text may be sent again */
};

static void drop_client(GdbServer *server);
static bool open_line(GdbServer *server, GError **error);

/* ---- Output ---- */

static GString *take_output(GdbServer *server)
{
	GString *text, *empty = g_string_new(NULL);

	g_mutex_lock(&server->stops_lock);
	text = server->output;
	server->output = empty;
	if (server->dropped)
		g_string_append_printf(text, "[%u more lines were dropped: too many at once]\n",
				       server->dropped);
	server->dropped = 0;
	server->output_time = g_get_monotonic_time() + GDB_SERVER_OUTPUT_MS * 1000;
	g_mutex_unlock(&server->stops_lock);
	return text;
}

/* @last: a stop follows, so it goes now or never. */
static void send_output(GdbServer *server, bool last)
{
	g_autoptr(GString) text = NULL;
	GdbSession *session = server->conn ? gdb_conn_get_session(server->conn) : NULL;

	/* A client that does not read gets no more on top of what it has not read. */
	if (session && !last && gdb_session_output(session)->len > GDB_SERVER_OUTPUT_MAX) {
		gdb_alarm_set(server->output_alarm,
			      g_get_monotonic_time() + GDB_SERVER_OUTPUT_MS * 1000);
		return;
	}
	text = take_output(server);
	if (session && text->len)
		gdb_session_print(session, text->str, text->len);
}

static void on_output(void *data)
{
	GdbServer *server = data;

	send_output(server, false);
	if (server->conn)
		gdb_conn_pump(server->conn);
}

void gdb_server_post_output(GdbServer *server, const char *text, size_t len)
{
	bool was_empty;
	gint64 when;

	g_mutex_lock(&server->stops_lock);
	was_empty = !server->output->len && !server->dropped;
	if (len <= GDB_SERVER_OUTPUT_MAX - server->output->len)
		g_string_append_len(server->output, text, len);
	else
		server->dropped++;
	when = server->output_time;
	g_mutex_unlock(&server->stops_lock);
	if (was_empty)
		gdb_alarm_set(server->output_alarm, when);
}

/* ---- Stops ---- */

static GdbStop *take_stop(GdbServer *server)
{
	GdbStop *stop;

	g_mutex_lock(&server->stops_lock);
	stop = g_queue_pop_head(&server->stops);
	g_mutex_unlock(&server->stops_lock);
	return stop;
}

static void on_stop(void *data)
{
	GdbServer *server = data;
	GdbStop *stop;

	while ((stop = take_stop(server))) {
		if (server->conn) {
			send_output(server, true);
			gdb_session_stop(gdb_conn_get_session(server->conn), stop);
			gdb_conn_pump(server->conn);
		}
		g_free(stop);
	}
}

/* After detach() nothing is posted any more, so what is still queued belongs to the past. */
static void forget_posts(void *data)
{
	GdbServer *server = data;
	GdbStop *stop;

	g_string_free(take_output(server), TRUE);
	while ((stop = take_stop(server)))
		g_free(stop);
}

bool gdb_server_queue_stop(GdbServer *server, const GdbStop *stop)
{
	g_mutex_lock(&server->stops_lock);
	g_queue_push_tail(&server->stops, g_memdup2(stop, sizeof(*stop)));
	g_mutex_unlock(&server->stops_lock);
	return gdb_alarm_set_asleep(server->stop_alarm, GDB_ALARM_SOON);
}

void gdb_server_post_stop(GdbServer *server, const GdbStop *stop)
{
	if (gdb_server_queue_stop(server, stop))
		g_main_context_wakeup(server->context);
}

/* ---- Clients ---- */

static void conn_ended(GdbConn *conn, void *data)
{
	GdbServer *server = data;
	bool was_line = server->conn_is_line, has_read = gdb_conn_has_read(conn);
	g_autoptr(GError) error = NULL;

	drop_client(server);
	/* A line that ended without a byte would end again at once, for ever. */
	if (!was_line || (has_read && open_line(server, &error)))
		return;
	/* That stdio ends is how its one client leaves; that a device does is worth a word. */
	if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED))
		g_message("gdb: %s has ended and takes no more clients%s%s",
			  gdb_transport_get_address(server->transport), error ? ": " : "",
			  error ? error->message : "");
}

static bool start_client(GdbServer *server, GIOStream *stream, bool is_line)
{
	g_autoptr(GdbSession) session =
		gdb_session_new(server->ops, server->target, server->version, is_line);

	gdb_session_on_detach(session, forget_posts, server);
	gdb_session_set_log(session, server->log);
	gdb_session_set_elsewhere(session, server->transport && gdb_transport_is_elsewhere(
									server->transport, stream));
	gdb_log_line(server->log, "a client is here");
	server->conn = gdb_conn_new(server->context, stream, session, conn_ended, server);
	if (!server->conn)
		return false;
	server->conn_is_line = is_line;
	if (!is_line)
		gdb_session_attach(session);
	g_steal_pointer(&session);
	return true;
}

static void drop_client(GdbServer *server)
{
	if (server->conn)
		gdb_log_line(server->log, "the client has gone");
	g_clear_pointer(&server->conn, gdb_conn_free);
	g_clear_pointer(&server->conn_peer, g_free);
}

static bool open_line(GdbServer *server, GError **error)
{
	g_autoptr(GIOStream) stream = gdb_transport_get_line(server->transport, error);

	return stream && start_client(server, stream, true);
}

/* "127.0.0.1:45678"; NULL for a peer without a name. */
static char *peer_of(GIOStream *stream)
{
	g_autoptr(GSocketAddress) address = NULL;

	if (G_IS_SOCKET_CONNECTION(stream))
		address = g_socket_connection_get_remote_address(G_SOCKET_CONNECTION(stream), NULL);
	return G_IS_INET_SOCKET_ADDRESS(address)
		       ? g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address))
		       : NULL;
}

static void refuse(GdbServer *server, GIOStream *stream)
{
	g_autofree char *why = g_strdup_printf(
		"another client is connected%s%s: this stub serves one at a time",
		server->conn_peer ? ", from " : "", server->conn_peer ? server->conn_peer : "");

	gdb_log_line(server->log, "a second client is refused");
	gdb_refusals_add(server->refusals, stream, why);
}

static void take_client(GIOStream *stream, void *data)
{
	GdbServer *server = data;

	/* The last client may have gone without the loop having said so yet. */
	if (server->conn)
		gdb_conn_catch_up(server->conn);
	if (server->conn)
		refuse(server, stream);
	else if (start_client(server, stream, false))
		server->conn_peer = peer_of(stream);
	else
		g_io_stream_close(stream, NULL, NULL);
}

/* ---- The server ---- */

GdbServer *gdb_server_new(GMainContext *context, const GdbTargetOps *ops, void *target,
			  const char *version)
{
	GdbServer *server = g_new0(GdbServer, 1);

	server->context = g_main_context_ref(context ? context : g_main_context_default());
	server->ops = ops;
	server->target = target;
	server->version = g_strdup(version);
	g_mutex_init(&server->stops_lock);
	g_queue_init(&server->stops);
	server->output = g_string_new(NULL);
	server->refusals = gdb_refusals_new(server->context);
	server->stop_alarm = gdb_alarm_new(server->context, "vmgdb stops", on_stop, server);
	server->output_alarm = gdb_alarm_new(server->context, "vmgdb output", on_output, server);
	return server;
}

void gdb_server_free(GdbServer *server)
{
	if (!server)
		return;
	g_clear_pointer(&server->door, gdb_door_free);
	if (server->conn)
		gdb_session_exited(gdb_conn_get_session(server->conn), server->exit_status);
	drop_client(server);
	gdb_refusals_free(server->refusals);
	gdb_alarm_free(server->stop_alarm);
	gdb_alarm_free(server->output_alarm);
	forget_posts(server);
	g_string_free(server->output, TRUE);
	g_mutex_clear(&server->stops_lock);
	gdb_transport_close(server->transport);
	g_main_context_unref(server->context);
	g_free(server->version);
	g_free(server);
}

void gdb_server_set_exit_status(GdbServer *server, uint8_t status)
{
	server->exit_status = status;
}

void gdb_server_set_log(GdbServer *server, GdbLog *log)
{
	server->log = log;
}

bool gdb_server_listen(GdbServer *server, const char *where, GError **error)
{
	g_return_val_if_fail(!server->transport, false);
	server->transport = gdb_transport_open(where, true, error);
	if (!server->transport)
		return false;
	if (gdb_transport_get_listener(server->transport, 0)) {
		server->door =
			gdb_door_new(server->context, server->transport, take_client, server);
		return true;
	}
	if (open_line(server, error))
		return true;
	g_clear_pointer(&server->transport, gdb_transport_close);
	return false;
}

const char *gdb_server_get_address(const GdbServer *server)
{
	return server->transport ? gdb_transport_get_address(server->transport) : NULL;
}

bool gdb_server_has_client(const GdbServer *server)
{
	if (!server->conn)
		return false;
	return !server->conn_is_line ||
	       gdb_session_get_state(gdb_conn_get_session(server->conn)) != GDB_SESSION_NONE;
}

bool gdb_server_serve(GdbServer *server, GIOStream *stream)
{
	return !server->conn && start_client(server, stream, false);
}

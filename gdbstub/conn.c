/*
 * gdbstub/conn.c - moves bytes between one stream and one session, never blocking.
 */
#include "gdbstub/conn.h"

#include <glib-unix.h>

#include "gdbstub/transport.h"

/* How much is read at once, and how much may wait for a session that takes nothing now. */
#define INPUT_MAX (64 * 1024)

struct GdbConn {
	GMainContext *context;
	GIOStream *stream;
	GPollableInputStream *in;
	GPollableOutputStream *out;
	GSocket *socket; /* of @stream; NULL when it is none */
	GdbSession *session;
	GdbConnEnded ended;
	void *data;

	GByteArray *input; /* read, not yet taken by the session */
	GSource *in_source, *out_source, *work_source;
	bool has_read;
};

static void drop_source(GSource **source)
{
	if (!*source)
		return;
	g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

/* Makes *@slot a live source when @wanted and there is none, and removes it when not. */
static void want_source(GdbConn *conn, GSource **slot, bool wanted, GSource *(*make)(GdbConn *conn),
			GSourceFunc callback)
{
	if (!wanted) {
		drop_source(slot);
	} else if (!*slot) {
		*slot = make(conn);
		g_source_set_callback(*slot, callback, conn, NULL);
		g_source_attach(*slot, conn->context);
	}
}

static GSource *make_in_source(GdbConn *conn)
{
	GSource *source;

	if (!conn->socket)
		return g_pollable_input_stream_create_source(conn->in, NULL);
	/*
	 * The descriptor's alone, which GLib prepares and checks without a call, and with no need
	 * to be blocked while it is dispatched: for every source that GLib blocks and unblocks it
	 * wakes its own loop, which is four system calls a packet and another round of the loop.
	 */
	source = g_unix_fd_source_new(g_socket_get_fd(conn->socket), G_IO_IN);
	g_source_set_can_recurse(source, TRUE);
	return source;
}

static GSource *make_out_source(GdbConn *conn)
{
	return g_pollable_output_stream_create_source(conn->out, NULL);
}

static GSource *make_work_source(G_GNUC_UNUSED GdbConn *conn)
{
	GSource *source = g_idle_source_new();

	/* A client waits for this: it takes turns with the rest, it does not come last. */
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	return source;
}

/* FALSE when the stream has failed. What can not be written now stays. */
static bool flush(GdbConn *conn)
{
	GByteArray *bytes = gdb_session_output(conn->session);

	while (bytes->len) {
		g_autoptr(GError) error = NULL;
		gssize n = gdb_transport_write(conn->stream, bytes->data, bytes->len, &error);

		if (n < 0)
			return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
		g_byte_array_remove_range(bytes, 0, n);
	}
	return true;
}

static gboolean on_readable(GObject *stream, gpointer data);
static gboolean on_socket(gint fd, GIOCondition condition, gpointer data);
static gboolean on_writable(GObject *stream, gpointer data);
static gboolean on_work(gpointer data);

static bool can_read(const GdbConn *conn)
{
	return conn->input->len < INPUT_MAX &&
	       gdb_session_output(conn->session)->len <= GDB_SESSION_OUTPUT_MAX;
}

static void update_sources(GdbConn *conn)
{
	bool waiting = gdb_session_output(conn->session)->len > 0;

	want_source(conn, &conn->in_source, can_read(conn), make_in_source,
		    conn->socket ? G_SOURCE_FUNC(on_socket) : G_SOURCE_FUNC(on_readable));
	want_source(conn, &conn->out_source, waiting, make_out_source, G_SOURCE_FUNC(on_writable));
	want_source(conn, &conn->work_source, gdb_session_has_work(conn->session), make_work_source,
		    on_work);
}

static bool pump(GdbConn *conn)
{
	size_t n;

	do {
		n = 0;
		if (conn->input->len)
			n = gdb_session_feed(conn->session, conn->input->data, conn->input->len);
		if (n)
			g_byte_array_remove_range(conn->input, 0, n);
		if (!flush(conn))
			return false;
	} while (n && conn->input->len);
	update_sources(conn);
	return true;
}

/*
 * The last thing a callback does: handles what there is, or, at the end of the stream, hangs up.
 * @conn may be gone afterwards.
 */
static void after_input(GdbConn *conn, bool alive)
{
	if (alive && pump(conn))
		return;
	gdb_session_hang_up(conn->session, conn->input->data, conn->input->len);
	conn->ended(conn, conn->data);
}

/* FALSE at the end of the stream. @ret_more: something came, and there may be more. */
static bool read_some(GdbConn *conn, bool *ret_more)
{
	guint before = conn->input->len;
	g_autoptr(GError) error = NULL;
	gssize n;

	g_byte_array_set_size(conn->input, before + INPUT_MAX);
	n = g_pollable_input_stream_read_nonblocking(conn->in, conn->input->data + before,
						     INPUT_MAX, NULL, &error);
	g_byte_array_set_size(conn->input, before + MAX(n, 0));
	*ret_more = n > 0;
	if (n > 0)
		conn->has_read = true;
	return n > 0 || (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK));
}

static gboolean on_readable(G_GNUC_UNUSED GObject *stream, gpointer data)
{
	GdbConn *conn = data;
	bool more;

	after_input(conn, read_some(conn, &more));
	return G_SOURCE_CONTINUE;
}

static gboolean on_socket(G_GNUC_UNUSED gint fd, G_GNUC_UNUSED GIOCondition condition,
			  gpointer data)
{
	return on_readable(NULL, data);
}

static gboolean on_writable(G_GNUC_UNUSED GObject *stream, gpointer data)
{
	GdbConn *conn = data;

	/* Room first, so that a session that waits for it is fed. */
	after_input(conn, flush(conn));
	return G_SOURCE_CONTINUE;
}

static gboolean on_work(gpointer data)
{
	GdbConn *conn = data;

	gdb_session_work(conn->session);
	after_input(conn, true);
	return G_SOURCE_CONTINUE;
}

GdbConn *gdb_conn_new(GMainContext *context, GIOStream *stream, GdbSession *session,
		      GdbConnEnded ended, void *data)
{
	GInputStream *in = g_io_stream_get_input_stream(stream);
	GOutputStream *out = g_io_stream_get_output_stream(stream);
	GdbConn *conn;

	if (!gdb_transport_can_wait(stream))
		return NULL;
	conn = g_new0(GdbConn, 1);
	conn->context = context;
	conn->stream = g_object_ref(stream);
	conn->in = G_POLLABLE_INPUT_STREAM(in);
	conn->out = G_POLLABLE_OUTPUT_STREAM(out);
	if (G_IS_SOCKET_CONNECTION(stream))
		conn->socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream));
	conn->session = session;
	conn->ended = ended;
	conn->data = data;
	conn->input = g_byte_array_new();
	update_sources(conn);
	return conn;
}

void gdb_conn_free(GdbConn *conn)
{
	if (!conn)
		return;
	flush(conn);
	drop_source(&conn->in_source);
	drop_source(&conn->out_source);
	drop_source(&conn->work_source);
	gdb_session_free(conn->session);
	g_io_stream_close(conn->stream, NULL, NULL);
	g_object_unref(conn->stream);
	g_byte_array_unref(conn->input);
	g_free(conn);
}

GdbSession *gdb_conn_get_session(const GdbConn *conn)
{
	return conn->session;
}

void gdb_conn_pump(GdbConn *conn)
{
	after_input(conn, true);
}

void gdb_conn_catch_up(GdbConn *conn)
{
	bool alive = true, more = true;

	while (alive && more && can_read(conn))
		alive = read_some(conn, &more) && pump(conn);
	after_input(conn, alive);
}

bool gdb_conn_has_read(const GdbConn *conn)
{
	return conn->has_read;
}

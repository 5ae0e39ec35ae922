/*
 * qmp/conn.c - one client: bytes in, its commands one after the other, answers and events out.
 *
 * While a command waits or works nothing more is read, and neither while a client does not take
 * its answers, so that it cannot make us keep more than it sends.
 */
#include <gio/gunixfdmessage.h>
#include <string.h>
#include <unistd.h>

#include "gdbstub/transport.h"
#include "qmp/frame.h"
#include "qmp/internal.h"

#define READ_MAX 4096
#define OUT_FULL (64 * 1024)  /* nothing more is read */
#define OUT_MAX (1024 * 1024) /* no event is added */

struct QmpConn {
	QmpServer *server;
	QmpDialect dialect;
	QmpConnEnded ended;
	GIOStream *stream;
	GSocket *socket; /* of @stream; NULL when it is none */
	QmpFrame frame;
	GByteArray *in; /* read, not looked at yet */
	GString *out;
	bool agreed; /* qmp_capabilities is done */
	QmpNames *names;
	QmpCall *call; /* that is not answered; or NULL */
	QmpStep step;  /* which it has last said */
	void *state;   /* of the commands */
	GDestroyNotify free_state;
	GSource *in_source, *out_source, *work_source;
};

/* ---- Sources ---- */

static gboolean on_readable(GObject *stream, gpointer data);
static gboolean on_socket(GSocket *socket, GIOCondition condition, gpointer data);
static gboolean on_writable(GObject *stream, gpointer data);
static gboolean on_work(gpointer data);

static void want(QmpConn *conn, GSource **slot, bool wanted, GSource *(*make)(QmpConn *conn),
		 GSourceFunc callback)
{
	if (!wanted && *slot) {
		g_source_destroy(*slot);
		g_clear_pointer(slot, g_source_unref);
	} else if (wanted && !*slot) {
		*slot = make(conn);
		g_source_set_callback(*slot, callback, conn, NULL);
		g_source_attach(*slot, qmp_server_context(conn->server));
	}
}

static GSource *make_in(QmpConn *conn)
{
	if (conn->socket)
		return g_socket_create_source(conn->socket, G_IO_IN, NULL);
	return g_pollable_input_stream_create_source(
		G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(conn->stream)), NULL);
}

static GSource *make_out(QmpConn *conn)
{
	return g_pollable_output_stream_create_source(
		G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(conn->stream)), NULL);
}

static GSource *make_work(QmpConn *conn G_GNUC_UNUSED)
{
	GSource *source = g_idle_source_new();

	/* The client waits for it: it takes turns with everybody, it does not come last. */
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	return source;
}

/* ---- Out ---- */

/* FALSE: the client has gone. */
static bool flush(QmpConn *conn)
{
	while (conn->out->len) {
		g_autoptr(GError) error = NULL;
		gssize n =
			gdb_transport_write(conn->stream, conn->out->str, conn->out->len, &error);

		if (n < 0)
			return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
		g_string_erase(conn->out, 0, n);
	}
	return true;
}

static void send_node(QmpConn *conn, JsonNode *node)
{
	g_autofree char *text = json_to_string(node, FALSE);

	g_string_append_printf(conn->out, "%s\r\n", text);
	json_node_unref(node);
}

static void send_greeting(QmpConn *conn)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_builder_set_member_name(builder, "QMP");
	json_builder_begin_object(builder);
	json_builder_set_member_name(builder, "version");
	json_builder_add_value(builder, qmp_version(qmp_server_version(conn->server)));
	json_builder_set_member_name(builder, "capabilities");
	json_builder_begin_array(builder);
	json_builder_end_array(builder);
	json_builder_end_object(builder);
	json_builder_end_object(builder);
	send_node(conn, json_builder_get_root(builder));
}

static void send_prompt(QmpConn *conn)
{
	g_string_append(conn->out, qmp_server_prompt(conn->server));
}

void qmp_conn_event(QmpConn *conn, const char *line)
{
	if (conn->dialect != QMP_JSON || !conn->agreed || conn->out->len > OUT_MAX)
		return;
	/* It may come from one of this client's own commands: the loop sends it. */
	g_string_append(conn->out, line);
	want(conn, &conn->out_source, true, make_out, G_SOURCE_FUNC(on_writable));
}

/* ---- Commands ---- */

static void end_call(QmpConn *conn)
{
	g_clear_pointer(&conn->call, qmp_call_free);
}

/* A person sees it as it comes. */
static void send_printed(QmpConn *conn)
{
	g_string_append_len(conn->out, conn->call->text->str, conn->call->text->len);
	g_string_truncate(conn->call->text, 0);
}

static void answer(QmpConn *conn)
{
	QmpCall *call = conn->call;

	if (conn->dialect == QMP_JSON) {
		send_node(conn, qmp_call_answer(call));
	} else {
		if (call->error)
			g_string_append_printf(conn->out, "%s\n", call->error->message);
		send_prompt(conn);
	}
	end_call(conn);
}

static void go_on_with_call(QmpConn *conn)
{
	QmpCall *call = conn->call;

	conn->step = QMP_DONE;
	if (call->command)
		conn->step = call->command->run(qmp_server_target(conn->server), call);
	if (conn->dialect == QMP_PEOPLE)
		send_printed(conn);
	if (conn->step == QMP_DONE)
		answer(conn);
}

static void take_text(QmpConn *conn, const char *text)
{
	const QmpCommand *commands = qmp_server_commands(conn->server);

	conn->call = conn->dialect == QMP_JSON ? qmp_call_new(commands, text, conn->agreed)
					       : qmp_call_new_line(commands, text);
	conn->call->conn = conn;
	go_on_with_call(conn);
}

/* What is no message is answered like one that is wrong. */
static void take_bad(QmpConn *conn)
{
	if (conn->dialect == QMP_JSON) {
		take_text(conn, "");
	} else {
		g_string_append(conn->out, "the line is too long\n");
		send_prompt(conn);
	}
}

static bool can_take(const QmpConn *conn)
{
	return !conn->call && conn->out->len <= OUT_FULL;
}

static void take_input(QmpConn *conn)
{
	while (conn->in->len && can_take(conn)) {
		QmpFrameEvent event;
		size_t n = qmp_frame_feed(&conn->frame, (const char *)conn->in->data, conn->in->len,
					  &event);

		g_byte_array_remove_range(conn->in, 0, n);
		if (event == QMP_FRAME_TEXT)
			take_text(conn, conn->frame.text->str);
		else if (event == QMP_FRAME_BAD)
			take_bad(conn);
	}
}

/* ---- The loop ---- */

static void update_sources(QmpConn *conn)
{
	bool works = conn->call && conn->step == QMP_AGAIN;

	want(conn, &conn->in_source, can_take(conn), make_in,
	     conn->socket ? G_SOURCE_FUNC(on_socket) : G_SOURCE_FUNC(on_readable));
	want(conn, &conn->out_source, conn->out->len > 0, make_out, G_SOURCE_FUNC(on_writable));
	want(conn, &conn->work_source, works, make_work, on_work);
}

/* The last thing a callback does: @conn may be gone afterwards. */
static void go_on(QmpConn *conn, bool alive)
{
	while (alive) {
		take_input(conn);
		alive = flush(conn);
		/* What could be written has made room for more. */
		if (!conn->in->len || !can_take(conn))
			break;
	}
	if (alive)
		update_sources(conn);
	else
		conn->ended(conn, conn->server);
}

static void take_fds(QmpConn *conn, GSocketControlMessage *message)
{
	int n = 0;
	g_autofree int *fds = NULL;

	if (G_IS_UNIX_FD_MESSAGE(message))
		fds = g_unix_fd_message_steal_fds(G_UNIX_FD_MESSAGE(message), &n);
	for (int i = 0; i < n; i++)
		qmp_names_came(conn->names, fds[i]);
}

static gssize read_socket(QmpConn *conn, char *buf, size_t len, GError **error)
{
	GInputVector vector = {buf, len};
	GSocketControlMessage **messages = NULL;
	int n_messages = 0, flags = 0;
	gssize n = g_socket_receive_message(conn->socket, NULL, &vector, 1, &messages, &n_messages,
					    &flags, NULL, error);

	for (int i = 0; i < n_messages; i++) {
		take_fds(conn, messages[i]);
		g_object_unref(messages[i]);
	}
	g_free(messages);
	return n;
}

/* FALSE: the end. */
static bool read_some(QmpConn *conn)
{
	GPollableInputStream *in =
		G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(conn->stream));
	g_autoptr(GError) error = NULL;
	char buf[READ_MAX];
	gssize n;

	if (conn->socket)
		n = read_socket(conn, buf, sizeof(buf), &error);
	else
		n = g_pollable_input_stream_read_nonblocking(in, buf, sizeof(buf), NULL, &error);
	if (n > 0)
		g_byte_array_append(conn->in, (const guint8 *)buf, n);
	return n > 0 || (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK));
}

static gboolean on_readable(GObject *stream G_GNUC_UNUSED, gpointer data)
{
	QmpConn *conn = data;

	go_on(conn, read_some(conn));
	return G_SOURCE_CONTINUE;
}

static gboolean on_socket(GSocket *socket G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			  gpointer data)
{
	return on_readable(NULL, data);
}

static gboolean on_writable(GObject *stream G_GNUC_UNUSED, gpointer data)
{
	go_on(data, true);
	return G_SOURCE_CONTINUE;
}

static gboolean on_work(gpointer data)
{
	QmpConn *conn = data;

	go_on_with_call(conn);
	go_on(conn, true);
	return G_SOURCE_CONTINUE;
}

void qmp_conn_woken(QmpConn *conn)
{
	if (conn->call && conn->step == QMP_LATER)
		go_on_with_call(conn);
	go_on(conn, true);
}

/* ---- The connection ---- */

QmpConn *qmp_conn_new(QmpServer *server, GIOStream *stream, QmpDialect dialect, QmpConnEnded ended)
{
	QmpConn *conn;

	if (!gdb_transport_can_wait(stream))
		return NULL;
	conn = g_new0(QmpConn, 1);
	conn->server = server;
	conn->dialect = dialect;
	conn->ended = ended;
	conn->stream = g_object_ref(stream);
	if (G_IS_SOCKET_CONNECTION(stream))
		conn->socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream));
	qmp_frame_init(&conn->frame, dialect == QMP_JSON ? QMP_FRAME_JSON : QMP_FRAME_LINES);
	conn->in = g_byte_array_new();
	conn->out = g_string_new(NULL);
	conn->names = qmp_names_new();
	if (dialect == QMP_JSON)
		send_greeting(conn);
	else
		send_prompt(conn);
	flush(conn);
	update_sources(conn);
	return conn;
}

void qmp_conn_free(QmpConn *conn)
{
	if (!conn)
		return;
	flush(conn);
	want(conn, &conn->in_source, false, NULL, NULL);
	want(conn, &conn->out_source, false, NULL, NULL);
	want(conn, &conn->work_source, false, NULL, NULL);
	end_call(conn);
	if (conn->free_state)
		conn->free_state(conn->state);
	qmp_names_free(conn->names);
	qmp_frame_clear(&conn->frame);
	g_byte_array_unref(conn->in);
	g_string_free(conn->out, TRUE);
	g_io_stream_close(conn->stream, NULL, NULL);
	g_object_unref(conn->stream);
	g_free(conn);
}

QmpServer *qmp_conn_server(const QmpConn *conn)
{
	return conn->server;
}

QmpNames *qmp_conn_names(const QmpConn *conn)
{
	return conn->names;
}

void qmp_conn_agree(QmpConn *conn)
{
	conn->agreed = true;
}

void *qmp_call_client_state(const QmpCall *call)
{
	return call->conn->state;
}

void qmp_call_set_client_state(QmpCall *call, void *state, GDestroyNotify free)
{
	call->conn->state = state;
	call->conn->free_state = free;
}

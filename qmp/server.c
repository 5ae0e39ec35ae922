/*
 * qmp/server.c - takes clients, and wakes those that wait for the machine.
 */
#include "gdbstub/alarm.h"
#include "gdbstub/door.h"
#include "qmp/internal.h"

#define CLIENTS_MAX 64
#define PLACES_MAX 4

/* One call of qmp_server_listen(). */
typedef struct Place {
	QmpServer *server;
	QmpDialect dialect;
	GdbTransport *transport;
	GdbDoor *door; /* NULL: a line */
} Place;

struct QmpServer {
	GMainContext *context;
	const QmpCommand *commands;
	void *target;
	const char *version, *prompt;
	void (*woken)(void *target);
	Place places[PLACES_MAX];
	unsigned n_places;
	GPtrArray *conns;
	GdbAlarm *wake;
};

static void ended(QmpConn *conn, QmpServer *server)
{
	g_ptr_array_remove_fast(server->conns, conn);
}

/* A connection that ends meanwhile takes the place of none that was not called yet. */
static void each_conn(QmpServer *server, const char *event)
{
	g_autoptr(GPtrArray) all = g_ptr_array_copy(server->conns, NULL, NULL);

	g_ptr_array_set_free_func(all, NULL);
	for (unsigned i = 0; i < all->len; i++) {
		if (!g_ptr_array_find(server->conns, all->pdata[i], NULL))
			continue;
		if (event)
			qmp_conn_event(all->pdata[i], event);
		else
			qmp_conn_woken(all->pdata[i]);
	}
}

static void on_wake(void *data)
{
	QmpServer *server = data;

	server->woken(server->target);
	each_conn(server, NULL);
}

QmpServer *qmp_server_new(GMainContext *context, const QmpCommand *commands, void *target,
			  const char *version, const char *prompt, void (*woken)(void *target))
{
	QmpServer *server = g_new0(QmpServer, 1);

	server->context = g_main_context_ref(context ? context : g_main_context_default());
	server->commands = commands;
	server->target = target;
	server->version = version;
	server->prompt = prompt;
	server->woken = woken;
	server->conns = g_ptr_array_new_with_free_func((GDestroyNotify)qmp_conn_free);
	server->wake = gdb_alarm_new(server->context, "vmgdb qmp", on_wake, server);
	return server;
}

void qmp_server_free(QmpServer *server)
{
	if (!server)
		return;
	for (unsigned i = 0; i < server->n_places; i++)
		gdb_door_free(server->places[i].door);
	g_ptr_array_unref(server->conns);
	for (unsigned i = 0; i < server->n_places; i++)
		gdb_transport_close(server->places[i].transport);
	gdb_alarm_free(server->wake);
	g_main_context_unref(server->context);
	g_free(server);
}

/* FALSE: it cannot be served. */
static bool add_client(Place *place, GIOStream *stream)
{
	QmpServer *server = place->server;
	QmpConn *conn = server->conns->len < CLIENTS_MAX
				? qmp_conn_new(server, stream, place->dialect, ended)
				: NULL;

	if (conn)
		g_ptr_array_add(server->conns, conn);
	return conn != NULL;
}

static void came(GIOStream *stream, void *data)
{
	if (!add_client(data, stream))
		g_io_stream_close(stream, NULL, NULL);
}

static bool open_place(Place *place, const char *where, GError **error)
{
	g_autoptr(GIOStream) line = NULL;

	place->transport = gdb_transport_open_without_files(where, false, error);
	if (!place->transport)
		return false;
	if (gdb_transport_get_listener(place->transport, 0)) {
		place->door = gdb_door_new(place->server->context, place->transport, came, place);
		return true;
	}
	if (place->dialect == QMP_JSON) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			    "cannot take QMP's clients at %s: expected unix:PATH or [HOST:]PORT",
			    where);
		return false;
	}
	line = gdb_transport_get_line(place->transport, error);
	if (!line)
		return false;
	if (add_client(place, line))
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
		    "cannot serve %s: it is no terminal, pipe or socket", where);
	return false;
}

bool qmp_server_listen(QmpServer *server, const char *where, QmpDialect dialect, GError **error)
{
	Place *place = &server->places[server->n_places];

	if (server->n_places == PLACES_MAX) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
			    "cannot listen at %s, too: there are %u places already", where,
			    PLACES_MAX);
		return false;
	}
	*place = (Place){.server = server, .dialect = dialect};
	if (open_place(place, where, error)) {
		server->n_places++;
		return true;
	}
	gdb_transport_close(place->transport);
	return false;
}

const char *qmp_server_address(const QmpServer *server, unsigned n)
{
	return n < server->n_places ? gdb_transport_get_address(server->places[n].transport) : NULL;
}

/* ---- Events ---- */

static void add_time(JsonBuilder *builder)
{
	gint64 now = g_get_real_time();

	json_builder_set_member_name(builder, "timestamp");
	json_builder_begin_object(builder);
	json_builder_set_member_name(builder, "seconds");
	json_builder_add_int_value(builder, now / G_USEC_PER_SEC);
	json_builder_set_member_name(builder, "microseconds");
	json_builder_add_int_value(builder, now % G_USEC_PER_SEC);
	json_builder_end_object(builder);
}

void qmp_server_event(QmpServer *server, const char *name, JsonNode *data)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *text = NULL, *line = NULL;

	json_builder_begin_object(builder);
	add_time(builder);
	json_builder_set_member_name(builder, "event");
	json_builder_add_string_value(builder, name);
	if (data) {
		json_builder_set_member_name(builder, "data");
		json_builder_add_value(builder, data);
	}
	json_builder_end_object(builder);
	root = json_builder_get_root(builder);
	text = json_to_string(root, FALSE);
	line = g_strconcat(text, "\r\n", NULL);
	each_conn(server, line);
}

void qmp_server_wake(QmpServer *server)
{
	gdb_alarm_set(server->wake, GDB_ALARM_SOON);
}

GMainContext *qmp_server_context(const QmpServer *server)
{
	return server->context;
}

const QmpCommand *qmp_server_commands(const QmpServer *server)
{
	return server->commands;
}

void *qmp_server_target(const QmpServer *server)
{
	return server->target;
}

const char *qmp_server_version(const QmpServer *server)
{
	return server->version;
}

const char *qmp_server_prompt(const QmpServer *server)
{
	return server->prompt;
}

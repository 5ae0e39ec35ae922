/*
 * gdbstub/door.c - waits at the sockets of a transport and hands over each client that comes.
 */
#include "gdbstub/door.h"

struct GdbDoor {
	GMainContext *context;
	GdbTransport *transport;
	GSource *sources[GDB_LISTENERS_MAX];
	GdbDoorCame came;
	void *data;
};

static void stop(GdbDoor *door)
{
	for (unsigned n = 0; n < GDB_LISTENERS_MAX; n++) {
		if (!door->sources[n])
			continue;
		g_source_destroy(door->sources[n]);
		g_clear_pointer(&door->sources[n], g_source_unref);
	}
}

static void watch(GdbDoor *door, unsigned n, GSource *source, GSourceFunc callback)
{
	door->sources[n] = source;
	g_source_set_callback(source, callback, door, NULL);
	g_source_attach(source, door->context);
}

static gboolean on_accept(GSocket *socket, GIOCondition condition, gpointer data);

static gboolean start(gpointer data)
{
	GdbDoor *door = data;
	GSocket *listener;

	stop(door);
	for (unsigned n = 0; (listener = gdb_transport_get_listener(door->transport, n)); n++)
		watch(door, n, g_socket_create_source(listener, G_IO_IN, NULL),
		      G_SOURCE_FUNC(on_accept));
	return G_SOURCE_REMOVE;
}

static gboolean on_accept(GSocket *socket, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
	GdbDoor *door = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GIOStream) stream = gdb_transport_accept(door->transport, socket, &error);

	if (stream) {
		door->came(stream, door->data);
	} else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		/* Out of descriptors, say: the client still waits and would wake us at once. */
		g_message("gdb: cannot take a client, trying again in a second: %s",
			  error->message);
		stop(door);
		watch(door, 0, g_timeout_source_new_seconds(1), start);
	}
	return G_SOURCE_CONTINUE;
}

GdbDoor *gdb_door_new(GMainContext *context, GdbTransport *transport, GdbDoorCame came, void *data)
{
	GdbDoor *door = g_new0(GdbDoor, 1);

	door->context = context;
	door->transport = transport;
	door->came = came;
	door->data = data;
	start(door);
	return door;
}

void gdb_door_free(GdbDoor *door)
{
	if (!door)
		return;
	stop(door);
	g_free(door);
}

/*
 * gdbstub/refuse.c - tells clients that cannot be served why, in the form of a reply.
 */
#include "gdbstub/refuse.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "gdbstub/frame.h"

/* More at the same time are nobody's mistake, but somebody's attack. */
#define REFUSALS_MAX 8

struct GdbRefusals {
	GMainContext *context;
	GPtrArray *all; /* of Refusal, owned */
};

typedef struct Refusal {
	GdbRefusals *refusals;
	GIOStream *stream;
	GSocket *socket; /* of @stream */
	char *why;
	GdbFrame frame; /* what the client says */
	bool refused;
	GSource *in_source, *timer;
} Refusal;

static void refusal_free(gpointer data)
{
	Refusal *refusal = data;

	g_source_destroy(refusal->in_source);
	g_source_unref(refusal->in_source);
	g_source_destroy(refusal->timer);
	g_source_unref(refusal->timer);
	g_io_stream_close(refusal->stream, NULL, NULL);
	g_object_unref(refusal->stream);
	gdb_frame_clear(&refusal->frame);
	g_free(refusal->why);
	g_free(refusal);
}

/* What does not fit into an empty socket's buffer at once is lost. */
static void tell(Refusal *refusal)
{
	g_autofree char *text = g_strconcat("E.", refusal->why, NULL);
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	g_byte_array_append(bytes, (const uint8_t *)"+", 1);
	gdb_frame_encode(bytes, text, strlen(text), false);
	g_socket_send(refusal->socket, (const char *)bytes->data, bytes->len, NULL, NULL);
	/* To close with bytes of the client unread would take the answer away from it. */
	g_socket_shutdown(refusal->socket, FALSE, TRUE, NULL);
	refusal->refused = true;
}

/* Is there a packet in these bytes, whole and right or not? */
static bool has_packet(Refusal *refusal, const uint8_t *data, size_t len)
{
	GdbFrameEvent event;

	for (size_t n; len; data += n, len -= n) {
		n = gdb_frame_feed(&refusal->frame, data, len, &event);
		if (event == GDB_FRAME_PACKET || event == GDB_FRAME_BAD)
			return true;
	}
	return false;
}

static gboolean on_readable(G_GNUC_UNUSED GSocket *socket, G_GNUC_UNUSED GIOCondition condition,
			    gpointer data)
{
	Refusal *refusal = data;
	g_autoptr(GError) error = NULL;
	uint8_t bytes[4096];
	gssize n = g_socket_receive(refusal->socket, (char *)bytes, sizeof(bytes), NULL, &error);

	if (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
		return G_SOURCE_CONTINUE;
	if (n <= 0)
		g_ptr_array_remove_fast(refusal->refusals->all, refusal);
	else if (!refusal->refused && has_packet(refusal, bytes, n))
		tell(refusal);
	return G_SOURCE_CONTINUE;
}

static gboolean on_time(gpointer data)
{
	Refusal *refusal = data;

	if (!refusal->refused)
		tell(refusal);
	g_ptr_array_remove_fast(refusal->refusals->all, refusal);
	return G_SOURCE_CONTINUE;
}

static void watch(Refusal *refusal, GSource *source, GSourceFunc callback)
{
	g_source_set_callback(source, callback, refusal, NULL);
	g_source_attach(source, refusal->refusals->context);
}

void gdb_refusals_add(GdbRefusals *refusals, GIOStream *stream, const char *why)
{
	Refusal *refusal;

	if (refusals->all->len >= REFUSALS_MAX || !G_IS_SOCKET_CONNECTION(stream)) {
		g_io_stream_close(stream, NULL, NULL);
		return;
	}
	refusal = g_new0(Refusal, 1);
	refusal->refusals = refusals;
	refusal->stream = g_object_ref(stream);
	refusal->socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream));
	refusal->why = g_strdup(why);
	gdb_frame_init(&refusal->frame);
	refusal->in_source = g_socket_create_source(refusal->socket, G_IO_IN, NULL);
	refusal->timer = g_timeout_source_new(GDB_REFUSE_MS);
	watch(refusal, refusal->in_source, G_SOURCE_FUNC(on_readable));
	watch(refusal, refusal->timer, on_time);
	g_ptr_array_add(refusals->all, refusal);
}

GdbRefusals *gdb_refusals_new(GMainContext *context)
{
	GdbRefusals *refusals = g_new0(GdbRefusals, 1);

	refusals->context = context;
	refusals->all = g_ptr_array_new_with_free_func(refusal_free);
	return refusals;
}

void gdb_refusals_free(GdbRefusals *refusals)
{
	g_ptr_array_unref(refusals->all);
	g_free(refusals);
}

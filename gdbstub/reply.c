/*
 * gdbstub/reply.c - from the one value that a handler returns to the bytes that are sent.
 */
#include "gdbstub/internal.h"

/* Shorter hex gains nothing worth mentioning and stays readable in a trace. */
#define RUNS_FROM 256

GdbReply gdb_reply_fail(GdbError code, const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	return gdb_reply_error(g_error_new_literal(GDB_ERROR, code, message));
}

/* Every packet may be asked for again, and what is asked for is the last one. */
static void send_packet(GdbSession *session, const char *text, size_t len, bool runs)
{
	guint start = session->out->len;

	gdb_log_packet(session->log, false, text, len);
	gdb_frame_encode(session->out, text, len, runs);
	if (session->wire.no_ack)
		return;
	g_byte_array_set_size(session->last, 0);
	g_byte_array_append(session->last, session->out->data + start, session->out->len - start);
}

static void send_text(GdbSession *session, const char *text, size_t len)
{
	send_packet(session, text, len, false);
}

/* Console text: as many O packets as it takes. */
void gdb_session_send_console(GdbSession *session, const char *text, size_t len)
{
	g_autoptr(GString) packet = g_string_new(NULL);
	size_t n;

	for (; len; text += n, len -= n) {
		n = MIN(len, (GDB_PACKET_MAX - 1) / 2);
		g_string_assign(packet, "O");
		gdb_hex_append(packet, text, n);
		send_text(session, packet->str, packet->len);
	}
}

void gdb_session_print(GdbSession *session, const char *text, size_t len)
{
	if (session->state == GDB_SESSION_RUNNING)
		gdb_session_send_console(session, text, len);
}

static void send_output(GdbSession *session, const char *text, size_t len)
{
	gdb_session_send_console(session, text, len);
	send_text(session, "OK", 2);
}

static void send_error(GdbSession *session, const GError *error)
{
	GString *text = gdb_session_reset_reply(session);

	gdb_error_append(text, error, &session->agreed.features, session->errors);
	send_text(session, text->str, text->len);
}

static void send_by_kind(GdbSession *session, const GdbReply *reply)
{
	const GString *text = session->reply;

	switch (reply->kind) {
	case GDB_REPLY_EMPTY:
		send_text(session, "", 0);
		break;
	case GDB_REPLY_OK:
		send_text(session, "OK", 2);
		break;
	case GDB_REPLY_DATA:
		send_text(session, text->str, text->len);
		break;
	case GDB_REPLY_HEX:
		send_packet(session, text->str, text->len, text->len >= RUNS_FROM);
		break;
	case GDB_REPLY_OUTPUT:
		send_output(session, text->str, text->len);
		break;
	case GDB_REPLY_ERROR:
		send_error(session, reply->error);
		break;
	case GDB_REPLY_STOP:
	case GDB_REPLY_WORK:
	case GDB_REPLY_NOTHING:
		break;
	}
}

void gdb_session_send(GdbSession *session, GdbReply reply)
{
	send_by_kind(session, &reply);
	g_clear_error(&reply.error);
}

void gdb_session_send_ack(GdbSession *session, bool good)
{
	if (!session->wire.no_ack)
		g_byte_array_append(session->out, (const uint8_t *)(good ? "+" : "-"), 1);
}

void gdb_session_append_expedited(GdbSession *session, GString *out, GdbPlace place)
{
	const GdbRegSet *set = session->ops->registers->set(session->target);
	uint8_t bytes[GDB_REG_MAX_BYTES];
	const unsigned *nums;
	unsigned n_nums;

	nums = gdb_reg_set_expedited(set, &n_nums);
	for (unsigned n = 0; n < n_nums; n++) {
		const GdbReg *reg = gdb_reg_set_by_num(set, nums[n]);

		if (reg && gdb_session_read_register(session, place, reg, bytes, NULL))
			gdb_stop_append_register(out, reg, bytes);
	}
}

void gdb_session_append_stop(GdbSession *session, GString *out)
{
	gdb_stop_append(out, &session->run.stop, &session->agreed.features);
	gdb_session_append_expedited(session, out, gdb_place_cpu(session->run.stop.cpu));
	gdb_families_append_stop(session, out);
}

void gdb_session_send_stop(GdbSession *session)
{
	gdb_session_append_stop(session, gdb_session_reset_reply(session));
	gdb_session_send(session, gdb_reply(GDB_REPLY_DATA));
}

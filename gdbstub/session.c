/*
 * gdbstub/session.c - one client's conversation: what is legal when, and what is sent.
 */
#include "gdbstub/session.h"

#include "gdbstub/internal.h"

/* Shorter hex gains nothing worth mentioning and stays readable in a trace. */
#define RUNS_FROM 256

const GdbCommandTable *const gdb_command_tables[] = {
	&gdb_commands_mem,     &gdb_commands_regs,
	&gdb_commands_run,     &gdb_commands_break,
	&gdb_commands_query,   &gdb_commands_thread,
	&gdb_commands_xfer,    &gdb_commands_search,
	&gdb_commands_monitor, NULL,
};

GdbSessionState gdb_session_next(GdbSessionState state, GdbSessionEvent event)
{
	switch (event) {
	case GDB_SESSION_ATTACH:
		return state == GDB_SESSION_NONE ? GDB_SESSION_ATTACHING : state;
	case GDB_SESSION_STOP:
		return state == GDB_SESSION_NONE ? state : GDB_SESSION_STOPPED;
	case GDB_SESSION_RESUME:
		return state == GDB_SESSION_STOPPED ? GDB_SESSION_RUNNING : state;
	case GDB_SESSION_DETACH:
		return GDB_SESSION_NONE;
	}
	return state;
}

GdbSession *gdb_session_new(const GdbTargetOps *ops, void *target, const char *version, bool lazy)
{
	GdbSession *session = g_new0(GdbSession, 1);

	session->ops = ops;
	session->target = target;
	session->version = version;
	session->lazy = lazy;
	session->state = GDB_SESSION_NONE;
	gdb_frame_init(&session->frame);
	session->out = g_byte_array_new();
	session->last = g_byte_array_new();
	session->reply = g_string_new(NULL);
	session->threads_xml = g_string_new(NULL);
	return session;
}

void gdb_session_free(GdbSession *session)
{
	if (!session)
		return;
	gdb_session_detach(session, false);
	gdb_frame_clear(&session->frame);
	g_byte_array_unref(session->out);
	g_byte_array_unref(session->last);
	g_string_free(session->reply, TRUE);
	g_string_free(session->threads_xml, TRUE);
	g_free(session->actions);
	g_free(session->memory);
	g_free(session);
}

/* What one client has agreed must not bind the next one on the same line. */
static void forget_client(GdbSession *session)
{
	session->features = (GdbFeatures){0};
	session->no_ack = false;
	session->run_cpu_chosen = false;
	session->attach_reply = false;
	g_byte_array_set_size(session->last, 0);
	gdb_frame_ignore_sum(&session->frame, false);
}

void gdb_session_attach(GdbSession *session)
{
	if (session->state != GDB_SESSION_NONE)
		return;
	if (session->lazy)
		forget_client(session);
	session->cpu = 0;
	session->focus = 0;
	session->run_cpu_chosen = false;
	gdb_session_move(session, GDB_SESSION_ATTACH);
	session->ops->attach(session->target);
}

static void drop_work(GdbSession *session)
{
	GdbWork *work = g_steal_pointer(&session->work);

	if (work)
		work->free(work);
}

void gdb_session_detach(GdbSession *session, bool kill)
{
	if (session->state == GDB_SESSION_NONE)
		return;
	drop_work(session);
	session->held = false;
	gdb_session_move(session, GDB_SESSION_DETACH);
	if (kill && session->ops->kill)
		session->ops->kill(session->target);
	else
		session->ops->detach(session->target);
	if (session->detached)
		session->detached(session->detached_data);
}

void gdb_session_on_detach(GdbSession *session, void (*detached)(void *data), void *data)
{
	session->detached = detached;
	session->detached_data = data;
}

GdbSessionState gdb_session_get_state(const GdbSession *session)
{
	return session->state;
}

GByteArray *gdb_session_output(GdbSession *session)
{
	return session->out;
}

bool gdb_session_has_work(const GdbSession *session)
{
	return session->work != NULL;
}

uint8_t *gdb_session_memory(GdbSession *session)
{
	if (!session->memory)
		session->memory = g_malloc(GDB_PACKET_MAX);
	return session->memory;
}

bool gdb_session_find_cpu(GdbSession *session, const GdbThread *thread, unsigned *ret_cpu,
			  GError **error)
{
	return gdb_thread_to_cpu(thread, session->ops->cpu_count(session->target), session->cpu,
				 ret_cpu, error);
}

/* ---- Sending ---- */

GdbReply gdb_reply_fail(GdbError code, const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	return gdb_reply_error(g_error_new_literal(GDB_ERROR, code, message));
}

static void send_text(GdbSession *session, const char *text, size_t len)
{
	gdb_frame_encode(session->out, text, len, false);
}

/* Console text: as many O packets as it takes, then OK. */
static void send_output(GdbSession *session, const char *text, size_t len)
{
	g_autoptr(GString) packet = g_string_new(NULL);
	size_t n;

	for (; len; text += n, len -= n) {
		n = MIN(len, (GDB_PACKET_MAX - 1) / 2);
		g_string_assign(packet, "O");
		gdb_hex_append(packet, text, n);
		send_text(session, packet->str, packet->len);
	}
	send_text(session, "OK", 2);
}

static void send_error(GdbSession *session, const GError *error)
{
	GString *text = gdb_session_reset_reply(session);

	gdb_error_append(text, error, session->features.error_message);
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
		gdb_frame_encode(session->out, text->str, text->len, text->len >= RUNS_FROM);
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

static void send_reply(GdbSession *session, GdbReply reply)
{
	guint start = session->out->len;

	send_by_kind(session, &reply);
	g_clear_error(&reply.error);
	if (session->no_ack || session->out->len == start)
		return;
	g_byte_array_set_size(session->last, 0);
	g_byte_array_append(session->last, session->out->data + start, session->out->len - start);
}

static void send_ack(GdbSession *session, bool good)
{
	if (!session->no_ack)
		g_byte_array_append(session->out, (const uint8_t *)(good ? "+" : "-"), 1);
}

static void append_expedited(GdbSession *session, GString *out)
{
	const GdbRegSet *set = session->ops->registers(session->target);
	uint8_t bytes[GDB_REG_MAX_BYTES];
	const unsigned *nums;
	unsigned n_nums;

	nums = gdb_reg_set_expedited(set, &n_nums);
	for (unsigned n = 0; n < n_nums; n++) {
		const GdbReg *reg = gdb_reg_set_by_num(set, nums[n]);

		if (reg && session->ops->read_register(session->target, session->stop.cpu, reg,
						       bytes, NULL))
			gdb_stop_append_register(out, reg, bytes);
	}
}

void gdb_session_append_stop(GdbSession *session, GString *out)
{
	gdb_stop_append(out, &session->stop, &session->features);
	append_expedited(session, out);
}

static void send_stop(GdbSession *session)
{
	gdb_session_append_stop(session, gdb_session_reset_reply(session));
	send_reply(session, gdb_reply(GDB_REPLY_DATA));
}

void gdb_session_exited(GdbSession *session, uint8_t status)
{
	bool owed = session->state == GDB_SESSION_RUNNING ||
		    (session->state == GDB_SESSION_ATTACHING && session->attach_reply);

	if (!owed)
		return;
	gdb_stop_append_exit(gdb_session_reset_reply(session), status, &session->features);
	send_reply(session, gdb_reply(GDB_REPLY_DATA));
}

/* ---- Handling ---- */

static GdbReply illegal_now(const GdbSession *session, const GdbCommand *row)
{
	if (session->state == GDB_SESSION_RUNNING)
		return gdb_reply_fail(GDB_ERROR_BUSY,
				      "the target is running: interrupt it before '%s'", row->name);
	return gdb_reply_fail(GDB_ERROR_INVAL, "not attached to the machine: '%s' needs that",
			      row->name);
}

static GdbReply answer_packet(GdbSession *session, const char *packet, size_t len)
{
	const GdbCommand *row;
	GdbReply reply;
	GdbArgs args;
	GdbText text;

	row = gdb_command_find(gdb_command_tables, packet, len, &text);
	if (!row)
		return gdb_reply(GDB_REPLY_EMPTY);
	if (!(row->states & session->state))
		return illegal_now(session, row);
	if (!gdb_command_parse(row->schema ? row->schema : "", text, &args))
		return gdb_reply_fail(GDB_ERROR_INVAL, "malformed '%s' packet", row->name);
	gdb_session_reset_reply(session);
	reply = row->handler(session, &args);
	g_warn_if_fail(reply.kind != GDB_REPLY_STOP || row->may_stop);
	return reply;
}

static void handle_packet(GdbSession *session)
{
	const char *packet;
	size_t len;

	packet = gdb_frame_payload(&session->frame, &len);
	send_reply(session, answer_packet(session, packet, len));
}

static bool must_wait(const GdbSession *session)
{
	return session->state == GDB_SESSION_ATTACHING || session->work;
}

static void take_packet(GdbSession *session)
{
	if (session->lazy)
		gdb_session_attach(session);
	send_ack(session, true);
	if (must_wait(session))
		session->held = true;
	else
		handle_packet(session);
}

static void handle_held(GdbSession *session)
{
	if (!session->held || must_wait(session))
		return;
	session->held = false;
	handle_packet(session);
}

static void take_break(GdbSession *session)
{
	if (session->lazy)
		gdb_session_attach(session);
	if (session->work) {
		drop_work(session);
		send_reply(session, gdb_reply_fail(GDB_ERROR_BUSY, "interrupted"));
		handle_held(session);
	} else if (session->state & (GDB_SESSION_ATTACHING | GDB_SESSION_RUNNING)) {
		session->ops->stop(session->target, session->focus);
	}
}

/*
 * A + in no-ack mode is the client's last one; a later one, on a line without connect events,
 * comes from a new client that knows nothing of what the old one agreed to.
 */
static void take_ack(GdbSession *session)
{
	if (!session->no_ack)
		return;
	if (session->lazy && !session->last_plus)
		forget_client(session);
	session->last_plus = false;
}

static void take_event(GdbSession *session, GdbFrameEvent event)
{
	switch (event) {
	case GDB_FRAME_NONE:
		break;
	case GDB_FRAME_PACKET:
		take_packet(session);
		break;
	case GDB_FRAME_ACK:
		take_ack(session);
		break;
	case GDB_FRAME_NACK:
		if (!session->no_ack)
			g_byte_array_append(session->out, session->last->data, session->last->len);
		break;
	case GDB_FRAME_BREAK:
		take_break(session);
		break;
	case GDB_FRAME_BAD:
		send_ack(session, false);
		if (session->no_ack)
			send_reply(session, gdb_reply_fail(GDB_ERROR_INVAL, "malformed packet"));
		break;
	case GDB_FRAME_TOO_LONG:
		send_ack(session, true);
		send_reply(session, gdb_reply_fail(GDB_ERROR_INVAL,
						   "packet longer than the %d bytes of PacketSize",
						   GDB_PACKET_MAX));
		break;
	}
}

size_t gdb_session_feed(GdbSession *session, const uint8_t *data, size_t len)
{
	GdbFrameEvent event;
	size_t used = 0;

	while (used < len && !session->held && session->out->len <= GDB_SESSION_OUTPUT_MAX) {
		used += gdb_frame_feed(&session->frame, data + used, len - used, &event);
		take_event(session, event);
	}
	/* What waits behind a held packet is not understood yet, but an interrupt can not wait. */
	if (used < len && memchr(data + used, 3, len - used) &&
	    (session->work || session->state != GDB_SESSION_NONE))
		take_break(session);
	return used;
}

void gdb_session_stop(GdbSession *session, const GdbStop *stop)
{
	bool owed = session->state == GDB_SESSION_RUNNING || session->attach_reply;

	if (session->state == GDB_SESSION_NONE)
		return;
	owed = owed && session->state != GDB_SESSION_STOPPED;
	session->stop = *stop;
	session->cpu = stop->cpu;
	session->focus = stop->cpu;
	session->attach_reply = false;
	gdb_session_move(session, GDB_SESSION_STOP);
	if (owed)
		send_stop(session);
	handle_held(session);
}

void gdb_session_work(GdbSession *session)
{
	GdbReply reply;

	if (!session->work)
		return;
	gdb_session_reset_reply(session);
	if (!session->work->step(session, session->work, &reply))
		return;
	drop_work(session);
	send_reply(session, reply);
	handle_held(session);
}

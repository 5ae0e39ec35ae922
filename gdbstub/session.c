/*
 * gdbstub/session.c - one client's conversation: what is legal when, and what is sent.
 */
#include "gdbstub/session.h"

#include "gdbstub/internal.h"

GdbSessionState gdb_session_next(GdbSessionState state, GdbSessionEvent event)
{
	switch (event) {
	case GDB_SESSION_ATTACH:
		return state == GDB_SESSION_NONE ? GDB_SESSION_ATTACHING : state;
	case GDB_SESSION_STOP:
		return state & (GDB_SESSION_NONE | GDB_SESSION_KILLED) ? state
								       : GDB_SESSION_STOPPED;
	case GDB_SESSION_RESUME:
		return state == GDB_SESSION_STOPPED ? GDB_SESSION_RUNNING : state;
	case GDB_SESSION_KILL:
		return state == GDB_SESSION_STOPPED ? GDB_SESSION_KILLED : state;
	case GDB_SESSION_REVIVE:
		return state == GDB_SESSION_KILLED ? GDB_SESSION_STOPPED : state;
	case GDB_SESSION_SPREAD:
		return state == GDB_SESSION_STOPPED ? GDB_SESSION_MIXED : state;
	case GDB_SESSION_HOLD:
		return state == GDB_SESSION_MIXED ? GDB_SESSION_HOLDING : state;
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
	return session;
}

void gdb_session_free(GdbSession *session)
{
	if (!session)
		return;
	gdb_session_detach(session, false);
	gdb_families_gone(session);
	gdb_frame_clear(&session->frame);
	g_byte_array_unref(session->out);
	g_byte_array_unref(session->last);
	g_string_free(session->reply, TRUE);
	g_free(session->actions);
	g_free(session->memory);
	g_free(session);
}

void gdb_session_set_log(GdbSession *session, GdbLog *log)
{
	session->log = log;
}

void gdb_session_set_elsewhere(GdbSession *session, bool elsewhere)
{
	session->elsewhere = elsewhere;
}

/* Of the client. What it looks at and its run control end with its attachment. */
static void forget_client(GdbSession *session)
{
	gdb_families_gone(session);
	session->agreed = (GdbAgreed){0};
	session->wire = (GdbWire){0};
	g_byte_array_set_size(session->last, 0);
}

void gdb_session_attach(GdbSession *session)
{
	if (session->state != GDB_SESSION_NONE || session->killed)
		return;
	if (session->lazy)
		forget_client(session);
	session->view = gdb_session_first_view(session);
	session->run = (GdbRun){0};
	gdb_families_attached(session);
	gdb_session_move(session, GDB_SESSION_ATTACH);
	session->ops->run->attach(session->target);
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
	kill |= session->state == GDB_SESSION_KILLED;
	drop_work(session);
	session->wire.held = false;
	gdb_non_stop_left(session);
	gdb_session_move(session, GDB_SESSION_DETACH);
	session->killed = kill && session->ops->run->kill;
	if (session->killed)
		session->ops->run->kill(session->target);
	else
		session->ops->run->detach(session->target);
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

static GdbReply illegal_now(const GdbSession *session, const GdbCommand *row)
{
	if (session->state == GDB_SESSION_RUNNING)
		return gdb_reply_fail(GDB_ERROR_BUSY,
				      "the target is running: interrupt it before '%s'", row->name);
	return gdb_reply_fail(GDB_ERROR_INVAL, "not attached to the machine: '%s' needs that",
			      row->name);
}

static GdbReply answer_by_row(GdbSession *session, const GdbCommand *row, GdbText text)
{
	GdbReply reply;
	GdbArgs args;

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

static GdbReply answer_packet(GdbSession *session, const char *packet, size_t len)
{
	const GdbCommand *row;
	GdbReply reply;
	GdbText text;

	row = gdb_command_find(gdb_command_tables, packet, len, &text);
	session->errors = gdb_families_errors(row);
	reply = answer_by_row(session, row, text);
	/* It is handled once more. */
	if (!session->work || !session->work->is_preparation)
		gdb_families_handled(session, row);
	return reply;
}

/* Some packets name the thread at their end, for this packet only. */
static GdbReply answer_for_thread(GdbSession *session, const char *packet, size_t len)
{
	GdbPlace place, chosen = session->view.place;
	GdbReply reply;

	if (!gdb_families_take_place(session, packet, &len, &place))
		return answer_packet(session, packet, len);
	session->errors = GDB_ERROR_FORM_NUMBER;
	if (place.cpu == UINT_MAX)
		return gdb_reply_fail(GDB_ERROR_NOENT, "no such thread");
	session->view.place = place;
	reply = answer_packet(session, packet, len);
	session->view.place = chosen;
	return reply;
}

/* What may be said only while nothing runs, but now some do. */
static bool needs_moment(const GdbSession *session, const char *packet, size_t len)
{
	const GdbCommand *row;
	GdbText text;

	if (session->state != GDB_SESSION_MIXED)
		return false;
	row = gdb_command_find(gdb_command_tables, packet, len, &text);
	return row && !(row->states & GDB_SESSION_MIXED) && row->states & GDB_SESSION_STOPPED;
}

static void handle_packet(GdbSession *session)
{
	const char *packet;
	size_t len;

	packet = gdb_frame_payload(&session->frame, &len);
	if (needs_moment(session, packet, len)) {
		session->wire.held = true;
		gdb_non_stop_hold(session);
		return;
	}
	gdb_session_send(session, answer_for_thread(session, packet, len));
	gdb_non_stop_go_on(session);
}

static bool must_wait(const GdbSession *session)
{
	return session->state & (GDB_SESSION_ATTACHING | GDB_SESSION_HOLDING) || session->work;
}

/*
 * A line does not tell that a client has gone without a word, and the next one has come. What
 * tells is a client that says again what it understands, or that asks why the machine stopped
 * while the last one waits for just that.
 */
static bool is_next_client(const GdbSession *session, const char *packet, size_t len)
{
	GdbText text = gdb_text(packet, len);

	if (gdb_text_word(&text, "qSupported:"))
		return session->agreed.has_offered;
	return session->state == GDB_SESSION_RUNNING && gdb_text_equal(&text, "?");
}

/* For the last client the line has ended, as a connection ends. The ack mode is the next one's. */
static void begin_next_client(GdbSession *session)
{
	bool no_ack = session->wire.no_ack;

	gdb_session_detach(session, false);
	gdb_session_attach(session);
	session->wire.no_ack = no_ack;
}

static void take_packet(GdbSession *session)
{
	const char *packet;
	size_t len;

	packet = gdb_frame_payload(&session->frame, &len);
	gdb_log_packet(session->log, true, packet, len);
	session->wire.last_plus = false;
	if (session->lazy && is_next_client(session, packet, len))
		begin_next_client(session);
	else if (session->lazy)
		gdb_session_attach(session);
	gdb_session_send_ack(session, true);
	if (must_wait(session))
		session->wire.held = true;
	else
		handle_packet(session);
}

static void handle_held(GdbSession *session)
{
	if (!session->wire.held || must_wait(session))
		return;
	session->wire.held = false;
	handle_packet(session);
}

/* A stop of another kind may come first; then the client, which may go on by itself, is owed it. */
void gdb_session_interrupt(GdbSession *session)
{
	if (gdb_non_stop_interrupt(session))
		return;
	session->run.interrupt_owed = true;
	if (session->state & (GDB_SESSION_ATTACHING | GDB_SESSION_RUNNING))
		session->ops->run->stop(session->target, session->run.focus);
}

/* Whoever interrupts a command that takes long wants just its end. */
static void interrupt_work(GdbSession *session)
{
	void (*after)(GdbSession * session, bool interrupted) = session->work->after;

	session->run.unprepared = session->work->is_preparation;
	drop_work(session);
	if (after) {
		after(session, true);
	} else if (!session->run.unprepared) {
		gdb_session_send(session, gdb_reply_fail(GDB_ERROR_BUSY, "interrupted"));
		gdb_non_stop_go_on(session);
	}
	handle_held(session);
}

static void take_break(GdbSession *session)
{
	gdb_log_packet(session->log, true, "\x03", 1);
	if (session->lazy)
		gdb_session_attach(session);
	if (session->work) {
		interrupt_work(session);
	} else if (session->state != GDB_SESSION_NONE) {
		gdb_session_interrupt(session);
	}
}

/*
 * A + in no-ack mode is the client's last one; a later one, on a line without connect events,
 * comes from a new client: it is what a client says first.
 */
static void take_ack(GdbSession *session)
{
	if (!session->wire.no_ack)
		return;
	if (session->lazy && !session->wire.last_plus) {
		gdb_session_detach(session, false);
		forget_client(session);
	}
	session->wire.last_plus = false;
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
		if (!session->wire.no_ack)
			g_byte_array_append(session->out, session->last->data, session->last->len);
		break;
	case GDB_FRAME_BREAK:
		if (session->wire.n_seen)
			session->wire.n_seen--;
		else
			take_break(session);
		break;
	case GDB_FRAME_BAD:
		session->errors = GDB_ERROR_FORM_NUMBER;
		gdb_session_send_ack(session, false);
		if (session->wire.no_ack)
			gdb_session_send(session,
					 gdb_reply_fail(GDB_ERROR_INVAL, "malformed packet"));
		break;
	case GDB_FRAME_TOO_LONG:
		session->errors = GDB_ERROR_FORM_NUMBER;
		gdb_session_send_ack(session, true);
		gdb_session_send(session,
				 gdb_reply_fail(GDB_ERROR_INVAL,
						"packet longer than the %d bytes of PacketSize",
						GDB_PACKET_MAX));
		break;
	}
}

static size_t feed_frames(GdbSession *session, const uint8_t *data, size_t len)
{
	GdbFrameEvent event;
	size_t used = 0;

	while (used < len && !session->wire.held && session->out->len <= GDB_SESSION_OUTPUT_MAX) {
		gdb_frame_ignore_sum(&session->frame, session->wire.no_ack);
		used += gdb_frame_feed(&session->frame, data + used, len - used, &event);
		take_event(session, event);
	}
	return used;
}

/* What cannot be taken yet is not understood yet, but an interrupt in it cannot wait. */
static void look_ahead(GdbSession *session, const uint8_t *data, size_t len)
{
	unsigned n;

	if (session->state == GDB_SESSION_NONE)
		return;
	n = gdb_frame_count_breaks(&session->frame, data, len);
	if (n <= session->wire.n_seen)
		return;
	session->wire.n_seen = n;
	take_break(session);
}

size_t gdb_session_feed(GdbSession *session, const uint8_t *data, size_t len)
{
	size_t used = feed_frames(session, data, len);

	if (used == len)
		return used;
	look_ahead(session, data + used, len - used);
	return used + feed_frames(session, data + used, len - used);
}

static bool holds_kill(const GdbSession *session)
{
	const char *packet;
	size_t len;

	packet = gdb_frame_payload(&session->frame, &len);
	return gdb_families_is_kill(session, packet, len);
}

void gdb_session_hang_up(GdbSession *session, const uint8_t *data, size_t len)
{
	bool kill = session->wire.held && holds_kill(session);
	GdbFrameEvent event;

	for (size_t n; len && !kill; data += n, len -= n) {
		n = gdb_frame_feed(&session->frame, data, len, &event);
		kill = event == GDB_FRAME_PACKET && holds_kill(session);
	}
	gdb_session_detach(session, kill);
}

/* Not a hit that is reported in the same way, without a reason. */
static bool ends_step(const GdbSession *session, const GdbStop *stop)
{
	GdbActionKind kind =
		stop->cpu < session->n_actions ? session->actions[stop->cpu].kind : GDB_ACTION_HOLD;

	return stop->kind == GDB_STOP_STEP && gdb_action_steps(kind);
}

/*
 * To a client that waits for a stop. When it does not want to wait until it is known whether
 * another program runs, it hears of that at its next stop: of what was no stop to users it gets its
 * pause.
 */
static void tell_stop(GdbSession *session, bool interrupted)
{
	GdbStopKind *kind = &session->run.stop.kind;

	if (interrupted && *kind == GDB_STOP_PROGRAM)
		*kind = GDB_STOP_PAUSED;
	session->run.interrupt_owed |= interrupted && *kind != GDB_STOP_PAUSED;
	if (interrupted || (!gdb_session_send_exec(session) && !gdb_session_go_on(session)))
		gdb_session_send_stop(session);
}

/* Nothing is loaded by a step, and between two of them nobody has to look. */
static void send_owed_stop(GdbSession *session, bool was_running, bool is_step)
{
	if (!was_running || is_step)
		gdb_session_send_stop(session);
	else if (gdb_session_awaits_exec(session))
		gdb_session_prepare_then(session, tell_stop);
	else
		tell_stop(session, false);
}

void gdb_session_stop(GdbSession *session, const GdbStop *stop)
{
	bool was_running = session->state == GDB_SESSION_RUNNING, is_step;
	bool owed = was_running || session->run.attach_reply;
	bool was_attaching = session->state == GDB_SESSION_ATTACHING;

	if (session->state == GDB_SESSION_NONE)
		return;
	if (gdb_non_stop_take(session, stop)) {
		handle_held(session);
		gdb_non_stop_go_on(session);
		return;
	}
	session->run.stop = *stop;
	is_step = ends_step(session, stop);
	/*
	 * A step may always be done before the machine can be stopped, and a client that does
	 * nothing but steps would never hear of the interrupt: the end of a step is it, too.
	 */
	if (session->run.interrupt_owed && is_step)
		session->run.stop.kind = GDB_STOP_PAUSED;
	if (session->run.stop.kind == GDB_STOP_PAUSED)
		session->run.interrupt_owed = false;
	session->view.place = gdb_place_cpu(stop->cpu);
	session->run.focus = stop->cpu;
	session->run.attach_reply = false;
	gdb_session_move(session, GDB_SESSION_STOP);
	if (was_attaching)
		gdb_session_expect_program(session);
	gdb_non_stop_attached(session);
	if (owed)
		send_owed_stop(session, was_running, is_step);
	handle_held(session);
	gdb_non_stop_go_on(session);
}

void gdb_session_work(GdbSession *session)
{
	void (*after)(GdbSession * session, bool interrupted);
	GdbReply reply;
	bool has_reply;

	if (!session->work)
		return;
	gdb_session_reset_reply(session);
	if (!session->work->step(session, session->work, &reply))
		return;
	has_reply = !session->work->is_preparation;
	after = session->work->after;
	drop_work(session);
	if (after) {
		after(session, false);
	} else if (has_reply) {
		gdb_session_send(session, reply);
		gdb_non_stop_go_on(session);
	}
	handle_held(session);
}

/* Has the client resumed, and not heard of a stop yet? */
static bool waits_for_stop(const GdbSession *session)
{
	return session->state == GDB_SESSION_RUNNING || (session->work && session->work->after);
}

void gdb_session_exited(GdbSession *session, uint8_t status)
{
	bool owed = waits_for_stop(session) ||
		    (session->state == GDB_SESSION_ATTACHING && session->run.attach_reply);

	if (gdb_non_stop_exited(session, status) || !owed)
		return;
	gdb_stop_append_exit(gdb_session_reset_reply(session), status, &session->agreed.features);
	gdb_session_send(session, gdb_reply(GDB_REPLY_DATA));
}

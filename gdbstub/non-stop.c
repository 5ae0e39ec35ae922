/*
 * gdbstub/non-stop.c - non-stop mode: QNonStop, vStopped, and who stands and who runs.
 *
 * gdb manual, "Remote Protocol Support for Non-Stop Mode" and "Notification Packets". A stop is
 * told in a notification, %Stop, which may come at any time; those that follow wait until the
 * client has asked for each of them by vStopped. Only then does the client count this CPU as
 * stopped; a vCont before that does not affect it.
 */
#include "gdbstub/internal.h"
#include "gdbstub/vcont.h"

/* ---- The CPUs ---- */

static unsigned get_generation(GdbSession *session, unsigned cpu)
{
	const GdbCpuOps *ops = session->ops->cpus;

	return ops->generation ? ops->generation(session->target, cpu) : 0;
}

/* One that was added a moment ago runs, also where another one was. */
static GdbCpu *get_cpu(GdbSession *session, unsigned cpu)
{
	GdbNonStop *non_stop = &session->non_stop;
	unsigned generation = get_generation(session, cpu);
	GdbCpu *known;

	if (!non_stop->cpus)
		non_stop->cpus = g_array_new(FALSE, TRUE, sizeof(GdbCpu));
	if (cpu >= non_stop->cpus->len)
		g_array_set_size(non_stop->cpus, cpu + 1);
	known = &g_array_index(non_stop->cpus, GdbCpu, cpu);
	if (known->generation != generation)
		*known = (GdbCpu){.generation = generation};
	return known;
}

static bool runs(GdbSession *session, unsigned cpu)
{
	return get_cpu(session, cpu)->state == GDB_CPU_RUNS && gdb_session_has_cpu(session, cpu);
}

/* The first that runs, or @n_cpus. */
static unsigned first_running(GdbSession *session, unsigned n_cpus)
{
	unsigned cpu = 0;

	while (cpu < n_cpus && !runs(session, cpu))
		cpu++;
	return cpu;
}

static bool any_runs(GdbSession *session)
{
	unsigned n_cpus = session->ops->cpus->count(session->target);

	return first_running(session, n_cpus) < n_cpus;
}

bool gdb_non_stop_check(GdbSession *session, GdbPlace place, GError **error)
{
	if (!gdb_non_stop_is_on(session) || !runs(session, place.cpu))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "CPU %u is running", place.cpu);
	return false;
}

/* ---- Telling ---- */

static void add_untold(GdbSession *session, unsigned cpu)
{
	GdbNonStop *non_stop = &session->non_stop;
	GdbCpu *known = get_cpu(session, cpu);

	if (!non_stop->untold)
		non_stop->untold = g_array_new(FALSE, FALSE, sizeof(GdbCpu));
	known->state = GDB_CPU_UNTOLD;
	g_array_append_val(non_stop->untold, *known);
}

static unsigned n_untold(const GdbSession *session)
{
	return session->non_stop.untold ? session->non_stop.untold->len : 0;
}

static void forget_untold(GdbSession *session)
{
	if (session->non_stop.untold)
		g_array_set_size(session->non_stop.untold, 0);
	session->non_stop.telling = GDB_TELLING_NOTHING;
}

/* The oldest stop that the client has not taken. */
static void append_oldest(GdbSession *session, GString *out)
{
	session->run.stop = g_array_index(session->non_stop.untold, GdbCpu, 0).stop;
	session->non_stop.telling = GDB_TELLING_STOPS;
	gdb_session_append_stop(session, out);
}

static void notify(GdbSession *session, const GString *text)
{
	gdb_log_packet(session->log, false, text->str, text->len);
	gdb_frame_encode_notification(session->out, text->str, text->len);
}

static void notify_oldest(GdbSession *session)
{
	g_autoptr(GString) text = g_string_new("Stop:");

	if (!n_untold(session) || session->non_stop.telling != GDB_TELLING_NOTHING)
		return;
	append_oldest(session, text);
	notify(session, text);
}

/* The next one, in a sequence that the client has begun. */
static GdbReply tell_next(GdbSession *session)
{
	if (!n_untold(session)) {
		session->non_stop.telling = GDB_TELLING_NOTHING;
		return gdb_reply(GDB_REPLY_OK);
	}
	append_oldest(session, session->reply);
	return gdb_reply(GDB_REPLY_DATA);
}

/* The client has taken the one that it was sent. Without one it asks for nothing. */
static GdbReply cmd_stopped(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	GArray *untold = session->non_stop.untold;
	GdbCpu taken, *known;

	if (session->non_stop.telling == GDB_TELLING_STOPS && n_untold(session)) {
		taken = g_array_index(untold, GdbCpu, 0);
		known = get_cpu(session, taken.stop.cpu);
		/* Another one that is there by now runs. */
		if (known->generation == taken.generation)
			known->state = GDB_CPU_STANDS;
		g_array_remove_index(untold, 0);
	}
	return tell_next(session);
}

/* All that stand, from the beginning. A pause that is over is no signal for the client. */
GdbReply gdb_non_stop_why(GdbSession *session)
{
	unsigned n_cpus = session->ops->cpus->count(session->target);

	forget_untold(session);
	for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
		GdbStop *stop = &get_cpu(session, cpu)->stop;

		if (runs(session, cpu) || !gdb_session_has_cpu(session, cpu))
			continue;
		if (stop->kind == GDB_STOP_PAUSED)
			stop->kind = GDB_STOP_ASKED;
		add_untold(session, cpu);
	}
	return tell_next(session);
}

/* ---- Moments in which none runs ---- */

void gdb_non_stop_hold(GdbSession *session)
{
	if (session->state != GDB_SESSION_MIXED)
		return;
	gdb_session_move(session, GDB_SESSION_HOLD);
	session->ops->non_stop->hold(session->target);
}

void gdb_non_stop_go_on(GdbSession *session)
{
	if (session->state != GDB_SESSION_STOPPED || session->work || !session->non_stop.in_moment)
		return;
	session->non_stop.in_moment = false;
	if (session->ops->non_stop->go_on(session->target))
		gdb_session_move(session, GDB_SESSION_SPREAD);
}

/* The one that the user looks at, or else any. */
static void interrupt_one(GdbSession *session)
{
	unsigned n_cpus = session->ops->cpus->count(session->target), cpu = session->run.focus;

	session->run.interrupt_owed = false;
	if (cpu >= n_cpus || !runs(session, cpu))
		cpu = first_running(session, n_cpus);
	if (cpu < n_cpus)
		session->ops->non_stop->interrupt(session->target, cpu);
}

/* It means nothing to CPUs that all stand. */
bool gdb_non_stop_interrupt(GdbSession *session)
{
	if (!gdb_non_stop_is_on(session))
		return false;
	session->run.interrupt_owed = session->state & (GDB_SESSION_MIXED | GDB_SESSION_HOLDING) ||
				      session->non_stop.in_moment;
	gdb_non_stop_hold(session);
	return true;
}

static void begin_moment(GdbSession *session)
{
	gdb_session_move(session, GDB_SESSION_STOP);
	session->non_stop.in_moment = true;
	if (session->run.interrupt_owed)
		interrupt_one(session);
}

bool gdb_non_stop_take(GdbSession *session, const GdbStop *stop)
{
	if (!gdb_non_stop_is_on(session) || session->state == GDB_SESSION_ATTACHING)
		return false;
	if (stop->kind == GDB_STOP_MOMENT) {
		begin_moment(session);
		return true;
	}
	get_cpu(session, stop->cpu)->stop = *stop;
	add_untold(session, stop->cpu);
	notify_oldest(session);
	if (session->state == GDB_SESSION_MIXED && !any_runs(session))
		gdb_session_move(session, GDB_SESSION_STOP);
	return true;
}

bool gdb_non_stop_exited(GdbSession *session, uint8_t status)
{
	g_autoptr(GString) text = g_string_new("Stop:");

	if (!gdb_non_stop_is_on(session) ||
	    !(session->state & (GDB_SESSION_MIXED | GDB_SESSION_HOLDING)))
		return false;
	gdb_stop_append_exit(text, status, &session->agreed.features);
	notify(session, text);
	return true;
}

/* ---- Running ---- */

/* Of those that the client knows to stand: they run now. */
static void note_running(GdbSession *session, const GdbAction *actions, unsigned n_cpus)
{
	for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
		if (actions[cpu].kind != GDB_ACTION_KEEP && actions[cpu].kind != GDB_ACTION_HOLD)
			get_cpu(session, cpu)->state = GDB_CPU_RUNS;
	}
}

/* What the client cannot mean, because it does not know yet who stands. */
static void drop_untold(GdbSession *session, GdbAction *actions, unsigned n_cpus)
{
	for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
		bool stops = actions[cpu].kind == GDB_ACTION_HOLD;
		GdbCpuState needed = stops ? GDB_CPU_RUNS : GDB_CPU_STANDS;

		if (get_cpu(session, cpu)->state != needed || !gdb_session_has_cpu(session, cpu))
			actions[cpu].kind = GDB_ACTION_KEEP;
	}
}

GdbReply gdb_non_stop_resume(GdbSession *session, GdbText text)
{
	unsigned n, focus;
	GdbAction *actions = gdb_session_get_actions(session, &n);
	GError *error = NULL;

	if (!gdb_vcont_parse_non_stop(text, n, session->view.place.cpu, actions, &focus, &error))
		return gdb_reply_error(error);
	gdb_session_forgo_steps(session, actions, n);
	drop_untold(session, actions, n);
	if (!session->ops->non_stop->change(session->target, actions, &error))
		return gdb_reply_error(error);
	note_running(session, actions, n);
	session->run.focus = focus;
	session->non_stop.in_moment = true;
	return gdb_reply(GDB_REPLY_OK);
}

/* ---- The mode ---- */

/*
 * The machine stands. The CPU that has stopped stays so, and all others go on: gdb 13 and 16 end
 * with an internal error (about async events) when they are told of more than one as they connect.
 */
static void begin(GdbSession *session)
{
	unsigned n_cpus, stopped = session->run.stop.cpu;
	GdbAction *actions = gdb_session_get_actions(session, &n_cpus);

	forget_untold(session);
	for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
		get_cpu(session, cpu)->state = cpu == stopped ? GDB_CPU_STANDS : GDB_CPU_RUNS;
		actions[cpu].kind = cpu == stopped ? GDB_ACTION_KEEP : GDB_ACTION_CONTINUE;
	}
	get_cpu(session, stopped)->stop = session->run.stop;
	/* A task is no thread from now on. */
	if (session->view.place.task)
		session->view.place = gdb_place_cpu(stopped);
	session->run.interrupt_owed = false;
	session->run.owed = 0;
	session->ops->non_stop->set(session->target, true);
	session->ops->non_stop->change(session->target, actions, NULL);
	session->non_stop.in_moment = true;
}

void gdb_non_stop_revived(GdbSession *session)
{
	if (gdb_non_stop_is_on(session))
		begin(session);
}

/* A client that has attached by vAttach hears of it. */
void gdb_non_stop_attached(GdbSession *session)
{
	if (!gdb_non_stop_is_on(session))
		return;
	begin(session);
	add_untold(session, session->run.stop.cpu);
	notify_oldest(session);
}

void gdb_non_stop_left(GdbSession *session)
{
	forget_untold(session);
	session->non_stop.in_moment = false;
}

static void set_mode(GdbSession *session, GdbRunMode mode)
{
	session->agreed.mode = mode;
	if (mode == GDB_RUN_ALL_STOP && session->state != GDB_SESSION_NONE) {
		gdb_non_stop_left(session);
		session->ops->non_stop->set(session->target, false);
	} else if (session->state == GDB_SESSION_STOPPED) {
		begin(session);
	}
}

static GdbReply cmd_mode(GdbSession *session, const GdbArgs *args)
{
	GdbRunMode mode = args->v[0].number ? GDB_RUN_NON_STOP : GDB_RUN_ALL_STOP;

	if (!session->ops->non_stop)
		return gdb_reply(GDB_REPLY_EMPTY);
	if (args->v[0].number > 1)
		return gdb_reply_fail(GDB_ERROR_INVAL, "QNonStop: expected 0 or 1");
	if (mode == session->agreed.mode)
		return gdb_reply(GDB_REPLY_OK);
	if (gdb_non_stop_is_on(session) && session->state == GDB_SESSION_STOPPED &&
	    any_runs(session))
		return gdb_reply_fail(GDB_ERROR_BUSY,
				      "a CPU runs: stop all (interrupt -a) to leave non-stop mode");
	set_mode(session, mode);
	return gdb_reply(GDB_REPLY_OK);
}

static void gone(GdbSession *session)
{
	g_clear_pointer(&session->non_stop.cpus, g_array_unref);
	g_clear_pointer(&session->non_stop.untold, g_array_unref);
	session->non_stop = (GdbNonStop){0};
}

/* Not while a stop reply is owed. */
#define MODE_CHANGES (GDB_SESSION_NONE | GDB_SESSION_STOPPED | GDB_SESSION_KILLED)

static const GdbCommand rows[] = {
	{"QNonStop:", GDB_MATCH_PREFIX, "x", MODE_CHANGES, false, cmd_mode},
	{"vStopped", GDB_MATCH_WHOLE, NULL, GDB_AT_ONCE, false, cmd_stopped},
};

static const GdbHooks hooks = {.gone = gone};

const GdbCommandTable gdb_commands_non_stop = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.hooks = &hooks,
};

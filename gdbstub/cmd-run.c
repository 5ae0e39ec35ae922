/*
 * gdbstub/cmd-run.c - running, stopping, attaching, leaving: ? c C s S vCont D k vKill vAttach.
 *
 * gdb manual, "Packets" and "Stop Reply Packets".
 */
#include "gdbstub/internal.h"
#include "gdbstub/vcont.h"

/* The last stop again. It changes nothing: breakpoints stay. */
static GdbReply cmd_why(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	if (gdb_non_stop_is_on(session) && session->state == GDB_SESSION_STOPPED)
		return gdb_non_stop_why(session);
	if (session->state & (GDB_SESSION_NONE | GDB_SESSION_KILLED))
		gdb_stop_append_exit(session->reply, 0, &session->agreed.features);
	else
		gdb_session_append_stop(session, session->reply);
	return gdb_reply(GDB_REPLY_DATA);
}

GdbAction *gdb_session_get_actions(GdbSession *session, unsigned *ret_n)
{
	unsigned n = session->ops->cpus->count(session->target);

	if (n > session->n_actions) {
		session->actions = g_renew(GdbAction, session->actions, n);
		session->n_actions = n;
	}
	*ret_n = n;
	return session->actions;
}

/* QEMU's sstep without its ENABLE bit: whoever asked for steps does not get any. */
void gdb_session_forgo_steps(GdbSession *session, GdbAction *actions, unsigned n)
{
	if (session->run.step_flags & GDB_STEP_ENABLE)
		return;
	for (unsigned at = 0; at < n; at++) {
		if (gdb_action_steps(actions[at].kind))
			actions[at].kind = GDB_ACTION_CONTINUE;
	}
}

static bool start(GdbSession *session, unsigned focus, GError **error)
{
	if (!session->ops->run->resume(session->target, session->actions, error))
		return false;
	session->run.focus = focus;
	gdb_session_move(session, GDB_SESSION_RESUME);
	if (session->run.interrupt_owed)
		session->ops->run->stop(session->target, focus);
	return true;
}

static GdbReply resume(GdbSession *session, GdbAction *actions, unsigned n, unsigned focus)
{
	GError *error = NULL;

	if (gdb_session_append_owed(session, session->reply))
		return gdb_reply(GDB_REPLY_DATA);
	gdb_session_forgo_steps(session, actions, n);
	return start(session, focus, &error) ? gdb_reply(GDB_REPLY_STOP) : gdb_reply_error(error);
}

bool gdb_session_go_on(GdbSession *session)
{
	unsigned had = session->n_actions, n;
	GdbAction *actions = gdb_session_get_actions(session, &n);

	if (session->run.stop.kind != GDB_STOP_PROGRAM)
		return false;
	for (unsigned at = had; at < n; at++)
		actions[at] = (GdbAction){.kind = GDB_ACTION_CONTINUE};
	return start(session, session->run.focus, NULL);
}

static GdbReply cmd_vcont(GdbSession *session, const GdbArgs *args)
{
	GdbAction *actions;
	unsigned n, focus;
	GError *error = NULL;

	if (gdb_non_stop_is_on(session))
		return gdb_non_stop_resume(session, args->v[0].text);
	actions = gdb_session_get_actions(session, &n);
	if (!gdb_vcont_parse(args->v[0].text, n, session->view.place.cpu, actions, &focus, &error))
		return gdb_reply_error(error);
	return resume(session, actions, n, focus);
}

static GdbReply cmd_vcont_list(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_string_append(session->reply, GDB_VCONT_ACTIONS);
	return gdb_reply(GDB_REPLY_DATA);
}

static bool write_pc(GdbSession *session, unsigned cpu, uint64_t pc, GError **error)
{
	const GdbReg *reg = gdb_reg_set_pc(session->ops->registers->set(session->target));
	uint8_t bytes[GDB_REG_MAX_BYTES] = {0};

	if (!reg) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "no program counter to set");
		return false;
	}
	for (unsigned n = 0; n < MIN(gdb_reg_bytes(reg), sizeof(pc)); n++)
		bytes[n] = pc >> (8 * n);
	return session->ops->registers->write(session->target, gdb_place_cpu(cpu), reg, bytes,
					      error);
}

/*
 * c and s from before vCont: all CPUs run, and s steps one of them, the one that Hc chose or else
 * the one that stopped last. @addr: where that one goes on, or NULL.
 */
static GdbReply resume_all(GdbSession *session, GdbActionKind kind, const GdbArg *addr)
{
	unsigned n, cpu = session->run.cpu_chosen ? session->run.cpu : session->run.stop.cpu;
	GdbAction *actions = gdb_session_get_actions(session, &n);
	GError *error = NULL;

	if (gdb_non_stop_is_on(session))
		return gdb_reply_fail(GDB_ERROR_INVAL, "in non-stop mode only vCont says who "
						       "runs: c, C, s and S do not");
	if (addr && !write_pc(session, cpu, addr->number, &error))
		return gdb_reply_error(error);
	for (unsigned at = 0; at < n; at++)
		actions[at] = (GdbAction){.kind = GDB_ACTION_CONTINUE};
	actions[cpu].kind = kind;
	return resume(session, actions, n, cpu);
}

static GdbReply cmd_continue(GdbSession *session, const GdbArgs *args)
{
	return resume_all(session, GDB_ACTION_CONTINUE, args->n > 0 ? &args->v[0] : NULL);
}

static GdbReply cmd_step(GdbSession *session, const GdbArgs *args)
{
	return resume_all(session, GDB_ACTION_STEP, args->n > 0 ? &args->v[0] : NULL);
}

/* The signal is not delivered: a machine has none. */
static GdbReply cmd_continue_signal(GdbSession *session, const GdbArgs *args)
{
	return resume_all(session, GDB_ACTION_CONTINUE, args->n > 1 ? &args->v[1] : NULL);
}

static GdbReply cmd_step_signal(GdbSession *session, const GdbArgs *args)
{
	return resume_all(session, GDB_ACTION_STEP, args->n > 1 ? &args->v[1] : NULL);
}

/* FALSE with @ret_reply set unless @process is the machine. */
static bool check_process(uint64_t process, GdbReply *ret_reply)
{
	if (process == GDB_PROCESS)
		return true;
	*ret_reply =
		gdb_reply_fail(GDB_ERROR_NOENT, "no process %" PRIx64 ": the machine is process %d",
			       process, GDB_PROCESS);
	return false;
}

static GdbReply cmd_detach(GdbSession *session, const GdbArgs *args)
{
	GdbReply reply;

	if (args->n > 0 && !check_process(args->v[0].number, &reply))
		return reply;
	gdb_session_detach(session, false);
	return gdb_reply(GDB_REPLY_OK);
}

/* lldb says k of its own accord when a command fails in batch mode, so there it only detaches. */
static GdbReply cmd_kill(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	gdb_session_detach(session, !session->agreed.thread_suffix);
	return gdb_reply(GDB_REPLY_NOTHING);
}

static bool is_kill(const GdbSession *session, const char *packet, size_t len)
{
	GdbText text = gdb_text(packet, len);
	uint64_t process;

	if (gdb_text_equal(&text, "k"))
		return !session->agreed.thread_suffix;
	return gdb_text_word(&text, "vKill;") && gdb_text_number(&text, &process) &&
	       !gdb_text_left(&text) && process == GDB_PROCESS;
}

/* gdb's `run` says vKill first, and only then vRun: the machine must outlive that. */
static bool may_restart(const GdbSession *session)
{
	return session->agreed.extended && session->state == GDB_SESSION_STOPPED &&
	       session->ops->run->reset && session->ops->run->kill;
}

static GdbReply cmd_vkill(GdbSession *session, const GdbArgs *args)
{
	GdbReply reply;

	if (!check_process(args->v[0].number, &reply))
		return reply;
	if (may_restart(session))
		gdb_session_move(session, GDB_SESSION_KILL);
	else
		gdb_session_detach(session, true);
	return gdb_reply(GDB_REPLY_OK);
}

/* In extended mode only. The program and arguments that a client names mean nothing here. */
static bool restart_machine(GdbSession *session, GdbReply *ret_reply)
{
	GError *error = NULL;

	if (!session->agreed.extended || !session->ops->run->reset) {
		*ret_reply = gdb_reply(GDB_REPLY_EMPTY);
		return false;
	}
	if (!session->ops->run->reset(session->target, &error)) {
		*ret_reply = gdb_reply_error(error);
		return false;
	}
	gdb_session_move(session, GDB_SESSION_REVIVE);
	session->view = gdb_session_first_view(session);
	session->run.stop = (GdbStop){.kind = GDB_STOP_STEP};
	session->run.focus = 0;
	session->run.interrupt_owed = false;
	session->run.owed = 0;
	gdb_non_stop_revived(session);
	return true;
}

static GdbReply cmd_run(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	GdbReply reply;

	if (!restart_machine(session, &reply))
		return reply;
	gdb_session_append_stop(session, session->reply);
	return gdb_reply(GDB_REPLY_DATA);
}

/* From before vRun. It has no reply, but ? follows. */
static GdbReply cmd_restart(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	GdbReply reply;

	return restart_machine(session, &reply) ? gdb_reply(GDB_REPLY_NOTHING) : reply;
}

/* Attached already: the last stop. After D: attach again, and its stop is the answer. */
static GdbReply cmd_attach(GdbSession *session, const GdbArgs *args)
{
	GdbReply reply;

	if (!check_process(args->v[0].number, &reply))
		return reply;
	gdb_session_move(session, GDB_SESSION_REVIVE);
	if (session->state == GDB_SESSION_STOPPED && gdb_non_stop_is_on(session)) {
		gdb_session_send(session, gdb_reply(GDB_REPLY_OK));
		gdb_non_stop_attached(session);
		return gdb_reply(GDB_REPLY_NOTHING);
	}
	if (session->state == GDB_SESSION_STOPPED)
		return cmd_why(session, args);
	gdb_session_attach(session);
	if (session->state == GDB_SESSION_NONE)
		return gdb_reply_fail(GDB_ERROR_NOENT, "the machine is ending");
	session->run.by_packet = true;
	if (gdb_non_stop_is_on(session))
		return gdb_reply(GDB_REPLY_OK);
	session->run.attach_reply = true;
	return gdb_reply(GDB_REPLY_STOP);
}

/* For a client that does not send a bare 0x03. The resume, this or the next, gets the reply. */
static GdbReply cmd_interrupt(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	gdb_session_interrupt(session);
	return gdb_reply(GDB_REPLY_OK);
}

#define STANDING (GDB_SESSION_STOPPED | GDB_SESSION_KILLED)
#define STOPPED_OR_NONE (STANDING | GDB_SESSION_NONE)

static const GdbCommand rows[] = {
	{"?", GDB_MATCH_WHOLE, NULL, STOPPED_OR_NONE, false, cmd_why},
	{"vCont?", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_vcont_list},
	{"vCont;", GDB_MATCH_PREFIX, "*", GDB_WHEN_STOPPED, true, cmd_vcont},
	{"c", GDB_MATCH_PREFIX, "?x", GDB_WHEN_STOPPED, true, cmd_continue},
	{"C", GDB_MATCH_PREFIX, "x?;x", GDB_WHEN_STOPPED, true, cmd_continue_signal},
	{"s", GDB_MATCH_PREFIX, "?x", GDB_WHEN_STOPPED, true, cmd_step},
	{"S", GDB_MATCH_PREFIX, "x?;x", GDB_WHEN_STOPPED, true, cmd_step_signal},
	{"vCtrlC", GDB_MATCH_WHOLE, NULL, GDB_AT_ONCE, false, cmd_interrupt},
	{"D", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_detach},
	{"D;", GDB_MATCH_PREFIX, "x", GDB_ALWAYS, false, cmd_detach},
	{"k", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_kill},
	{"vKill;", GDB_MATCH_PREFIX, "x", GDB_WHEN_ATTACHED, false, cmd_vkill},
	{"vRun;", GDB_MATCH_PREFIX, "*", STANDING, false, cmd_run},
	{"R", GDB_MATCH_PREFIX, "x", STANDING, false, cmd_restart},
	{"vAttach;", GDB_MATCH_PREFIX, "x", STOPPED_OR_NONE, true, cmd_attach},
};

static const GdbHooks hooks = {.is_kill = is_kill};

const GdbCommandTable gdb_commands_run = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.errors = GDB_ERROR_FORM_SHOWN,
	.hooks = &hooks,
};

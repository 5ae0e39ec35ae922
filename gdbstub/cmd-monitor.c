/*
 * gdbstub/cmd-monitor.c - qRcmd: the user's `monitor` commands, and those that take long.
 */
#include "gdbstub/internal.h"

/* ---- The rest of a command that takes long ---- */

typedef struct MonitorWork {
	GdbWork work;
	GdbSession *session;
	void *rest; /* the target's; owned */
} MonitorWork;

static bool monitor_step(GdbSession *session, GdbWork *base, GdbReply *ret_reply)
{
	MonitorWork *work = (MonitorWork *)base;
	GString *out = session->reply;
	g_autoptr(GError) error = NULL;
	bool more = session->ops->monitor_work->more(session->target, work->rest, out, &error);

	if (error)
		g_string_append_printf(out, "%s\n", error->message);
	*ret_reply = gdb_reply(GDB_REPLY_OUTPUT);
	if (more)
		gdb_session_send_console(session, out->str, out->len);
	return !more;
}

static void monitor_free(GdbWork *base)
{
	MonitorWork *work = (MonitorWork *)base;

	work->session->ops->monitor_work->free(work->session->target, work->rest);
	g_free(work);
}

/* What run() has printed goes out now. */
static GdbReply begin_work(GdbSession *session, void *rest)
{
	MonitorWork *work = g_new0(MonitorWork, 1);

	gdb_session_send_console(session, session->reply->str, session->reply->len);
	*work = (MonitorWork){.work = {.step = monitor_step, .free = monitor_free},
			      .session = session,
			      .rest = rest};
	session->work = &work->work;
	return gdb_reply(GDB_REPLY_WORK);
}

static GdbReply run_line(GdbSession *session, const char *line)
{
	GdbMonitor *monitor = &session->view.monitor;
	const GdbMonitorCommand *command;
	const char *args = "";
	void *rest = NULL;
	GdbReply reply;

	command = gdb_monitor_find(monitor, line, &args);
	if (command && gdb_monitor_needs_system(command) &&
	    !gdb_session_knows_system(session, &reply))
		return reply;
	if (command)
		rest = gdb_monitor_run(monitor, command, session->view.place, args, session->reply);
	else
		gdb_monitor_unknown(line, session->reply);
	return rest ? begin_work(session, rest) : gdb_reply(GDB_REPLY_OUTPUT);
}

static GdbReply cmd_monitor(GdbSession *session, const GdbArgs *args)
{
	const GdbText *hex = &args->v[0].text;
	size_t len = gdb_text_left(hex) / 2;
	g_autofree char *bytes = g_malloc(len + 1), *line = NULL;

	if (!gdb_hex_decode(hex->at, gdb_text_left(hex), (uint8_t *)bytes))
		return gdb_reply_fail(GDB_ERROR_INVAL, "qRcmd: the command is not hex");
	line = gdb_monitor_line(bytes, len);
	return *line ? run_line(session, line) : gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_monitor_empty(G_GNUC_UNUSED GdbSession *session,
				  G_GNUC_UNUSED const GdbArgs *args)
{
	return gdb_reply(GDB_REPLY_OK);
}

static const GdbCommand rows[] = {
	{"qRcmd", GDB_MATCH_WHOLE, NULL, GDB_WHEN_STOPPED, false, cmd_monitor_empty},
	{"qRcmd,", GDB_MATCH_PREFIX, "*", GDB_WHEN_STOPPED, false, cmd_monitor},
};

const GdbCommandTable gdb_commands_monitor = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

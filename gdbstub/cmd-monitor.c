/*
 * gdbstub/cmd-monitor.c - qRcmd: the user's `monitor` commands, ours and the target's.
 *
 * The texts are interface: clients look for "unknown command" to learn what is not there, and take
 * any answer to `info version` as the sign of a machine monitor.
 */
#include "gdbstub/internal.h"

static bool run_help(void *data, unsigned cpu, const char *args, GString *out, GError **error);
static bool run_version(void *data, unsigned cpu, const char *args, GString *out, GError **error);
static bool run_cpu(void *data, unsigned cpu, const char *args, GString *out, GError **error);

/* These get the session as their target. */
const GdbMonitorCommand gdb_monitor_own_commands[] = {
	{"help", "[COMMAND]", "list the commands, or say what one does", run_help},
	{"info version", NULL, "show the version of this stub", run_version},
	{"cpu", "[N]", "look at CPU N from now on; without N at that of gdb's thread", run_cpu},
	{NULL, NULL, NULL, NULL},
};

static const char *skip_space(const char *text)
{
	while (g_ascii_isspace(*text))
		text++;
	return text;
}

/*
 * Does @text begin with the words of @name? Any amount of space counts as one. Returns what
 * follows, or NULL. Scripts write a format without a blank: "xp/8xb 0".
 */
static const char *match_words(const char *text, const char *name)
{
	while (*name) {
		if (*name == ' ' && g_ascii_isspace(*text)) {
			text = skip_space(text);
			name++;
		} else if (*name++ != *text++) {
			return NULL;
		}
	}
	return !*text || *text == '/' || g_ascii_isspace(*text) ? skip_space(text) : NULL;
}

/* The longest name of @table that @text begins with, if it is longer than @best's. */
static const GdbMonitorCommand *find_in(const GdbMonitorCommand *table, const char *text,
					const GdbMonitorCommand *best, const char **args)
{
	for (; table && table->name; table++) {
		const char *rest = match_words(text, table->name);

		if (!rest || (best && strlen(best->name) >= strlen(table->name)))
			continue;
		best = table;
		*args = rest;
	}
	return best;
}

static void append_help(GString *out, const GdbMonitorCommand *command)
{
	g_string_append_printf(out, "%s%s%s -- %s\n", command->name, command->args ? " " : "",
			       command->args ? command->args : "", command->help);
}

/* Rows of @table whose name starts with @args; all when there are none. */
static void append_helps(GString *out, const GdbMonitorCommand *table, const char *args)
{
	for (; table && table->name; table++) {
		if (g_str_has_prefix(table->name, args))
			append_help(out, table);
	}
}

static bool run_help(void *data, G_GNUC_UNUSED unsigned cpu, const char *args, GString *out,
		     GError **error)
{
	GdbSession *session = data;
	gsize before = out->len;

	append_helps(out, gdb_monitor_own_commands, args);
	append_helps(out, session->ops->monitor, args);
	if (out->len > before)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "unknown command: '%s'", args);
	return false;
}

static bool run_version(void *data, G_GNUC_UNUSED unsigned cpu, G_GNUC_UNUSED const char *args,
			GString *out, G_GNUC_UNUSED GError **error)
{
	GdbSession *session = data;

	g_string_append_printf(out, "%s\n", session->version);
	return true;
}

static bool run_cpu(void *data, G_GNUC_UNUSED unsigned cpu, const char *args,
		    G_GNUC_UNUSED GString *out, GError **error)
{
	GdbSession *session = data;
	unsigned n_cpus = session->ops->cpus->count(session->target);
	guint64 chosen = 0;

	session->view.monitor_cpu_chosen = *args;
	if (*args && !g_ascii_string_to_unsigned(args, 10, 0, n_cpus - 1, &chosen, NULL)) {
		session->view.monitor_cpu_chosen = false;
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "there is no CPU '%s', only 0 to %u",
			    args, n_cpus - 1);
		return false;
	}
	if (!gdb_session_has_cpu(session, chosen)) {
		session->view.monitor_cpu_chosen = false;
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "CPU %s was unplugged", args);
		return false;
	}
	session->view.monitor_cpu = chosen;
	return true;
}

/* ---- The rest of a command that takes long ---- */

typedef struct MonitorWork {
	GdbWork work;
	GdbSession *session;
	bool done;
} MonitorWork;

static bool monitor_step(GdbSession *session, GdbWork *base, GdbReply *ret_reply)
{
	MonitorWork *work = (MonitorWork *)base;
	GString *out = session->reply;
	g_autoptr(GError) error = NULL;
	bool more = session->ops->monitor_work->more(session->target, out, &error);

	if (error)
		g_string_append_printf(out, "%s\n", error->message);
	work->done = !more;
	*ret_reply = gdb_reply(GDB_REPLY_OUTPUT);
	if (more)
		gdb_session_send_console(session, out->str, out->len);
	return work->done;
}

static void monitor_free(GdbWork *base)
{
	MonitorWork *work = (MonitorWork *)base;

	if (!work->done)
		work->session->ops->monitor_work->cancel(work->session->target);
	g_free(work);
}

/* What run() has printed goes out now. */
static GdbReply begin_work(GdbSession *session)
{
	MonitorWork *work = g_new0(MonitorWork, 1);

	gdb_session_send_console(session, session->reply->str, session->reply->len);
	*work = (MonitorWork){{monitor_step, monitor_free}, session, false};
	session->work = &work->work;
	return gdb_reply(GDB_REPLY_WORK);
}

/* TRUE: the target may have more to say. */
static bool run_command(GdbSession *session, const char *text, GString *out)
{
	unsigned cpu = session->view.monitor_cpu_chosen ? session->view.monitor_cpu
							: session->view.place.cpu;
	const GdbMonitorCommand *own, *command;
	g_autoptr(GError) error = NULL;
	const char *args = "";
	void *data;

	own = find_in(gdb_monitor_own_commands, text, NULL, &args);
	command = find_in(session->ops->monitor, text, own, &args);
	if (!command) {
		g_string_append_printf(out, "unknown command: '%s'\n", text);
		return false;
	}
	data = command == own ? (void *)session : session->target;
	if (command->run(data, cpu, args, out, &error))
		return command != own && session->ops->monitor_work;
	g_string_append_printf(out, "%s\n", error ? error->message : "failed");
	return false;
}

static GdbReply cmd_monitor(GdbSession *session, const GdbArgs *args)
{
	const GdbText *hex = &args->v[0].text;
	size_t len = gdb_text_left(hex) / 2;
	g_autofree char *line = g_malloc(len + 1);

	if (!gdb_hex_decode(hex->at, gdb_text_left(hex), (uint8_t *)line))
		return gdb_reply_fail(GDB_ERROR_INVAL, "qRcmd: the command is not hex");
	/* The answer to nonsense must still be one line. */
	for (size_t n = 0; n < len; n++) {
		if (g_ascii_iscntrl(line[n]))
			line[n] = ' ';
	}
	line[len] = '\0';
	g_strstrip(line);
	if (!*line)
		return gdb_reply(GDB_REPLY_OK);
	if (run_command(session, line, session->reply))
		return begin_work(session);
	return gdb_reply(GDB_REPLY_OUTPUT);
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

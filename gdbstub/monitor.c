/*
 * gdbstub/monitor.c - finds and runs monitor commands; has those that are the monitor's own.
 *
 * The texts are interface: clients look for "unknown command" to learn what is not there, and take
 * any answer to `info version` as the sign of a machine monitor.
 */
#include "gdbstub/monitor.h"

#include <string.h>

static bool run_help(void *data, GdbPlace place, const char *args, GString *out, GError **error);
static bool run_version(void *data, GdbPlace place, const char *args, GString *out, GError **error);
static bool run_cpu(void *data, GdbPlace place, const char *args, GString *out, GError **error);

const GdbMonitorCommand gdb_monitor_own_commands[] = {
	{"help", "[COMMAND]", "list the commands, or say what one does", run_help,
	 GDB_MONITOR_ALWAYS},
	{"info version", NULL, "show the version of this stub", run_version, GDB_MONITOR_ALWAYS},
	{"cpu", "[N]", "look at CPU N from now on; without N at that of gdb's thread", run_cpu,
	 GDB_MONITOR_ALWAYS},
	{NULL, NULL, NULL, NULL, GDB_MONITOR_ALWAYS},
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

const GdbMonitorCommand *gdb_monitor_find(const GdbMonitor *monitor, const char *line,
					  const char **ret_args)
{
	const GdbMonitorCommand *own = find_in(gdb_monitor_own_commands, line, NULL, ret_args);

	return find_in(monitor->ops->monitor, line, own, ret_args);
}

static bool is_own(const GdbMonitorCommand *command)
{
	for (const GdbMonitorCommand *row = gdb_monitor_own_commands; row->name; row++) {
		if (row == command)
			return true;
	}
	return false;
}

void *gdb_monitor_run(GdbMonitor *monitor, const GdbMonitorCommand *command, GdbPlace place,
		      const char *args, GString *out)
{
	const GdbMonitorWorkOps *work = monitor->ops->monitor_work;
	void *target = is_own(command) ? monitor : monitor->target;
	g_autoptr(GError) error = NULL;

	if (monitor->cpu_chosen)
		place = gdb_place_cpu(monitor->cpu);
	if (!command->run(target, place, args, out, &error)) {
		g_string_append_printf(out, "%s\n", error ? error->message : "failed");
		return NULL;
	}
	return target != monitor && work ? work->take(monitor->target) : NULL;
}

void gdb_monitor_unknown(const char *line, GString *out)
{
	g_string_append_printf(out, "unknown command: '%s'\n", line);
}

char *gdb_monitor_line(const char *bytes, size_t len)
{
	char *line = g_malloc(len + 1);

	for (size_t n = 0; n < len; n++)
		line[n] = g_ascii_iscntrl(bytes[n]) ? ' ' : bytes[n];
	line[len] = '\0';
	return g_strstrip(line);
}

/* ---- The monitor's own commands ---- */

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

static bool run_help(void *data, G_GNUC_UNUSED GdbPlace place, const char *args, GString *out,
		     GError **error)
{
	GdbMonitor *monitor = data;
	gsize before = out->len;

	append_helps(out, gdb_monitor_own_commands, args);
	append_helps(out, monitor->ops->monitor, args);
	if (out->len > before)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "unknown command: '%s'", args);
	return false;
}

static bool run_version(void *data, G_GNUC_UNUSED GdbPlace place, G_GNUC_UNUSED const char *args,
			GString *out, G_GNUC_UNUSED GError **error)
{
	GdbMonitor *monitor = data;

	g_string_append_printf(out, "%s\n", monitor->version);
	return true;
}

static bool run_cpu(void *data, G_GNUC_UNUSED GdbPlace place, const char *args,
		    G_GNUC_UNUSED GString *out, GError **error)
{
	GdbMonitor *monitor = data;
	const GdbCpuOps *cpus = monitor->ops->cpus;
	unsigned n_cpus = cpus->count(monitor->target);
	guint64 chosen = 0;

	monitor->cpu_chosen = false;
	if (!*args)
		return true;
	if (!g_ascii_string_to_unsigned(args, 10, 0, n_cpus - 1, &chosen, NULL)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "there is no CPU '%s', only 0 to %u",
			    args, n_cpus - 1);
		return false;
	}
	if (cpus->present && !cpus->present(monitor->target, chosen)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "CPU %s was unplugged", args);
		return false;
	}
	monitor->cpu_chosen = true;
	monitor->cpu = chosen;
	return true;
}

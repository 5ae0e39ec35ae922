/*
 * kvm/qmp-human.c - human-monitor-command: the monitor of `monitor` in gdb, for QMP's clients and
 * for people who have no gdb.
 */
#include "kvm/qmp.h"

#include <string.h>

#include "gdbstub/monitor.h"

/* One command of somebody's. */
typedef struct Human {
	Hold hold;
	GdbMonitor *monitor; /* his; or */
	GdbMonitor once;     /* for this command, which names a CPU */
	char *line;
	const GdbMonitorCommand *command;
	const char *args; /* in @line */
	unsigned cpu;
	bool has_run;
	void *work; /* what it has left to do; or NULL */
} Human;

static void human_free(void *data)
{
	Human *human = data;

	if (human->work)
		human->monitor->ops->monitor_work->free(human->hold.gdb, human->work);
	hold_end(&human->hold);
	g_free(human->line);
	g_free(human);
}

/* The CPU that he has chosen stays so for his next line. */
static GdbMonitor *monitor_of(KvmGdb *gdb, QmpCall *call)
{
	GdbMonitor *monitor = qmp_call_client_state(call);

	if (monitor)
		return monitor;
	monitor = g_new0(GdbMonitor, 1);
	monitor->ops = &gdb->ops_table;
	monitor->target = gdb;
	monitor->version = ENGINE_VERSION_TEXT;
	qmp_call_set_client_state(call, monitor, g_free);
	return monitor;
}

static void human_new(KvmGdb *gdb, QmpCall *call, unsigned cpu)
{
	const char *line = qmp_call_string(call, "command-line");
	Human *human = g_new0(Human, 1);
	uint64_t named;

	human->hold.gdb = gdb;
	human->monitor = monitor_of(gdb, call);
	human->line = gdb_monitor_line(line, strlen(line));
	human->args = "";
	human->command = gdb_monitor_find(human->monitor, human->line, &human->args);
	human->cpu = cpu;
	if (qmp_call_integer(call, "cpu-index", &named)) {
		human->once = *human->monitor;
		human->once.cpu_chosen = false;
		human->monitor = &human->once;
	}
	qmp_call_set_state(call, human, human_free);
}

static HoldState ready(Human *human, GError **error)
{
	KvmGdb *gdb = human->hold.gdb;
	const GdbMonitorWhen when = human->command->when;

	if (when == GDB_MONITOR_PAUSED || when == GDB_MONITOR_SYSTEM_PAUSED)
		return hold_wait(&human->hold, error);
	if (when == GDB_MONITOR_ALWAYS)
		return HOLD_READY;
	return operate_stands(gdb, human->command->name, error) ? HOLD_READY : HOLD_REFUSED;
}

/* Somebody else may let the machine go on between two pieces of it: so ready() comes first. */
static bool prepare(const Human *human)
{
	const GdbTargetOps *ops = human->monitor->ops;

	return !gdb_monitor_needs_system(human->command) || !ops->os->prepare ||
	       ops->os->prepare(human->monitor->target);
}

static void print(QmpCall *call, const GString *out)
{
	if (out->len)
		qmp_call_print(call, out->str);
}

/* What comes next finds a machine that stands, if this command stops it. */
static QmpStep finished(const Human *human)
{
	return operate_state(human->hold.gdb) == OPERATE_STOPPING ? QMP_LATER : QMP_DONE;
}

static QmpStep run(Human *human, QmpCall *call)
{
	g_autoptr(GString) out = g_string_new(NULL);

	human->has_run = true;
	human->work = gdb_monitor_run(human->monitor, human->command, gdb_place_cpu(human->cpu),
				      human->args, out);
	print(call, out);
	return human->work ? QMP_AGAIN : finished(human);
}

static QmpStep work(Human *human, QmpCall *call)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	bool more =
		human->monitor->ops->monitor_work->more(human->hold.gdb, human->work, out, &error);

	if (error)
		g_string_append_printf(out, "%s\n", error->message);
	print(call, out);
	return more ? QMP_AGAIN : QMP_DONE;
}

static QmpStep begin(KvmGdb *gdb, QmpCall *call)
{
	GError *error = NULL;
	unsigned cpu;

	if (!qmp_take_cpu(gdb, call, &cpu, &error))
		return qmp_call_fail(call, error);
	human_new(gdb, call, cpu);
	qmp_call_print(call, "");
	return QMP_AGAIN;
}

/* Whatever goes wrong in a line is text, as in QEMU. */
QmpStep qmp_human(void *target, QmpCall *call)
{
	Human *human = qmp_call_state(call);
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	HoldState state;

	if (!human)
		return begin(target, call);
	if (human->work)
		return work(human, call);
	if (human->has_run)
		return finished(human);
	if (!human->command) {
		if (*human->line)
			gdb_monitor_unknown(human->line, out);
		print(call, out);
		return QMP_DONE;
	}
	state = ready(human, &error);
	if (state == HOLD_READY)
		return prepare(human) ? run(human, call) : QMP_AGAIN;
	if (state == HOLD_WAIT)
		return QMP_LATER;
	g_string_append_printf(out, "%s\n", error->message);
	print(call, out);
	return QMP_DONE;
}

/*
 * gdbstub/monitor.h - the monitor's commands, for all who may ask: gdb's `monitor`, and others that
 * know nothing of gdb. Pure: it finds the row and calls it.
 */
#ifndef VMGDB_GDBSTUB_MONITOR_H
#define VMGDB_GDBSTUB_MONITOR_H

#include "gdbstub/target.h"

/* One who asks: whom, and at which CPU he looks. */
typedef struct GdbMonitor {
	const GdbTargetOps *ops;
	void *target;
	const char *version; /* for `info version` */
	bool cpu_chosen;     /* `cpu N` named one: */
	unsigned cpu;
} GdbMonitor;

/* The commands of the monitor itself; they get the GdbMonitor as their target. NULL name at the
 * end. */
extern const GdbMonitorCommand gdb_monitor_own_commands[];

/*
 * gdb_monitor_find: the command that @line begins with, of ours or the target's: the one with the
 * longest name. *ret_args: what follows its name. NULL: there is none.
 */
const GdbMonitorCommand *gdb_monitor_find(const GdbMonitor *monitor, const char *line,
					  const char **ret_args);

/*
 * gdb_monitor_needs_system: is GdbOsOps.prepare(), of a target that has it, to be called until it
 * returns TRUE before @command is run?
 */
static inline bool gdb_monitor_needs_system(const GdbMonitorCommand *command)
{
	return command->when == GDB_MONITOR_SYSTEM || command->when == GDB_MONITOR_SYSTEM_PAUSED;
}

/*
 * gdb_monitor_run: run @command with @args, as gdb_monitor_find() has found them, and append its
 * text, or the error's, to @out. @place: what to look at unless `cpu N` has named a CPU.
 * Returns what is left to be done (GdbMonitorWorkOps), which the caller owns; else NULL.
 */
void *gdb_monitor_run(GdbMonitor *monitor, const GdbMonitorCommand *command, GdbPlace place,
		      const char *args, GString *out);

/* gdb_monitor_unknown: what is said of @line, which begins with no command. */
void gdb_monitor_unknown(const char *line, GString *out);

/*
 * gdb_monitor_line: @len bytes from somewhere as a line to look for: the answer to nonsense must
 * still be one line. Caller frees.
 */
char *gdb_monitor_line(const char *bytes, size_t len);

#endif

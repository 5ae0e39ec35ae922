/*
 * gdbstub/alarm.h - call me: a function that a main loop calls at a time that any thread may set.
 *
 * g_source_set_ready_time() does the same, and wakes the loop each time: by a write, another round
 * of poll() and a read, also for the thread of the loop itself, and when a time is taken back. That
 * was a third of what a stop costs. Here the loop is woken only if it would sleep too long.
 */
#ifndef VMGDB_GDBSTUB_ALARM_H
#define VMGDB_GDBSTUB_ALARM_H

#include <glib.h>
#include <stdbool.h>

typedef struct GdbAlarm GdbAlarm;

/* Times are those of g_get_monotonic_time(), in microseconds; as any time that is over: soon. */
#define GDB_ALARM_SOON G_GINT64_CONSTANT(0)
#define GDB_ALARM_NEVER G_GINT64_CONSTANT(-1)

/*
 * gdb_alarm_new: off. @fn is called with @data by the loop of @context; the alarm is off by then,
 * and @fn may set it again. @name is for debuggers; a literal.
 * gdb_alarm_free: [the loop's thread] @fn is not called any more. NULL is accepted.
 */
GdbAlarm *gdb_alarm_new(GMainContext *context, const char *name, void (*fn)(void *data),
			void *data);
void gdb_alarm_free(GdbAlarm *alarm);

/*
 * gdb_alarm_set: [any thread, but not in the prepare function of another source] from now on it is
 * to be called at @time, a millisecond late at most on an idle machine, and not at the time set
 * before. gdb_alarm_get: [any thread] that time.
 * gdb_alarm_set_asleep: the same, but if it returns TRUE the caller is to wake the loop with
 * g_main_context_wakeup(): when it has given up the lock that @fn will want.
 */
void gdb_alarm_set(GdbAlarm *alarm, gint64 time);
bool gdb_alarm_set_asleep(GdbAlarm *alarm, gint64 time);
gint64 gdb_alarm_get(const GdbAlarm *alarm);

#endif

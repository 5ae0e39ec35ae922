/*
 * gdbstub/alarm.c - a GSource that computes the loop's timeout itself.
 */
#include "gdbstub/alarm.h"

struct GdbAlarm {
	GSource source;
	gint64 time; /* atomic */
	void (*fn)(void *data);
	void *data;
};

gint64 gdb_alarm_get(const GdbAlarm *alarm)
{
	return __atomic_load_n(&alarm->time, __ATOMIC_SEQ_CST);
}

/* Microseconds from now on; 0: it is due; -1: never. */
static gint64 left(const GdbAlarm *alarm)
{
	gint64 time = gdb_alarm_get(alarm);

	if (time == GDB_ALARM_NEVER)
		return -1;
	return time == GDB_ALARM_SOON ? 0 : MAX(time - g_get_monotonic_time(), 0);
}

static gboolean prepare(GSource *source, gint *timeout)
{
	gint64 us = left((GdbAlarm *)source);

	*timeout = us < 0 ? -1 : MIN((us + 999) / 1000, G_MAXINT);
	return us == 0;
}

static gboolean check(GSource *source)
{
	return left((GdbAlarm *)source) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
			 gpointer data G_GNUC_UNUSED)
{
	GdbAlarm *alarm = (GdbAlarm *)source;
	gint64 time = gdb_alarm_get(alarm);

	/* Another thread may have set it again since it was found due; then that time counts. */
	if (left(alarm) == 0 &&
	    __atomic_compare_exchange_n(&alarm->time, &time, GDB_ALARM_NEVER, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		alarm->fn(alarm->data);
	return G_SOURCE_CONTINUE;
}

GdbAlarm *gdb_alarm_new(GMainContext *context, const char *name, void (*fn)(void *data), void *data)
{
	static GSourceFuncs funcs = {.prepare = prepare, .check = check, .dispatch = dispatch};
	GSource *source = g_source_new(&funcs, sizeof(GdbAlarm));
	GdbAlarm *alarm = (GdbAlarm *)source;

	g_source_set_name(source, name);
	alarm->time = GDB_ALARM_NEVER;
	alarm->fn = fn;
	alarm->data = data;
	g_source_attach(source, context);
	return alarm;
}

void gdb_alarm_free(GdbAlarm *alarm)
{
	if (!alarm)
		return;
	g_source_destroy(&alarm->source);
	g_source_unref(&alarm->source);
}

static bool is_earlier(gint64 a, gint64 b)
{
	return a != GDB_ALARM_NEVER && (b == GDB_ALARM_NEVER || a < b);
}

bool gdb_alarm_set_asleep(GdbAlarm *alarm, gint64 time)
{
	gint64 before = __atomic_exchange_n(&alarm->time, time, __ATOMIC_SEQ_CST);

	/* The loop's own thread looks at it before it sleeps again. */
	return is_earlier(time, before) &&
	       !g_main_context_is_owner(g_source_get_context(&alarm->source));
}

void gdb_alarm_set(GdbAlarm *alarm, gint64 time)
{
	if (gdb_alarm_set_asleep(alarm, time))
		g_main_context_wakeup(g_source_get_context(&alarm->source));
}

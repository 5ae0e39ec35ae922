/*
 * kvm/notices.c - the engine's lock, and what the VMM hears when it is given up.
 *
 * A callback may call the engine, or wait for a lock of the VMM's that another thread holds while
 * it calls the engine. So none is called under the engine's lock: what the VMM shall hear is kept,
 * and said by the thread that gives the lock up, at once and in order.
 */
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kvm/internal.h"
#include "kvm/invariants.h"

typedef struct Change {
	uint64_t gpa, len;
} Change;

void engine_lock(KvmGdb *gdb)
{
	g_mutex_lock(&gdb->lock);
}

static void wake_parked(KvmGdb *gdb)
{
	bool more;
	int fd;

	do {
		g_mutex_lock(&gdb->lock);
		fd = halt_wake_next(gdb, &more);
		g_mutex_unlock(&gdb->lock);
		if (fd >= 0)
			eventfd_write(fd, 1);
	} while (more);
}

/* Whom this wakes wants the lock. A thread that has ended meanwhile gets no signal. */
static void wake(KvmGdb *gdb, const Notices *notices)
{
	pid_t process = notices->signals ? getpid() : 0;

	for (unsigned i = 0; notices->signals && i < notices->signals->len; i++)
		tgkill(process, g_array_index(notices->signals, int, i), gdb->kick_signal);
	if (notices->loop)
		g_main_context_wakeup(gdb->context);
	if (notices->parked)
		wake_parked(gdb);
}

static void deliver(KvmGdb *gdb, const Notices *notices)
{
	const KvmGdbOps *ops = gdb->ops;

	for (unsigned i = 0; notices->changes && i < notices->changes->len; i++) {
		const Change *change = &g_array_index(notices->changes, Change, i);

		ops->mark_dirty(gdb->opaque, change->gpa, change->len);
	}
	if (notices->devices_go)
		ops->devices_go(gdb->opaque);
	for (unsigned i = 0; notices->lines && i < notices->lines->len; i++) {
		const char *line = notices->lines->pdata[i];

		if (ops && ops->log)
			ops->log(gdb->opaque, line);
		else
			g_message("%s", line);
	}
}

static void check(KvmGdb *gdb)
{
	unsigned cpu;
	const char *rule = invariants_broken(gdb, &cpu);

	if (rule)
		g_error("vmgdb: CPU %u: %s", cpu, rule);
}

void engine_unlock(KvmGdb *gdb)
{
	Notices notices = gdb->notices;

	if (VMGDB_CHECKS)
		check(gdb);
	gdb->notices = (Notices){0};
	g_mutex_unlock(&gdb->lock);
	wake(gdb, &notices);
	g_clear_pointer(&notices.signals, g_array_unref);
	if (!notices.changes && !notices.lines && !notices.devices_go)
		return;
	deliver(gdb, &notices);
	g_clear_pointer(&notices.changes, g_array_unref);
	g_clear_pointer(&notices.lines, g_ptr_array_unref);
}

void engine_signal(KvmGdb *gdb, int tid)
{
	if (!gdb->notices.signals)
		gdb->notices.signals = g_array_new(FALSE, FALSE, sizeof(int));
	g_array_append_val(gdb->notices.signals, tid);
}

void engine_wake(KvmGdb *gdb)
{
	gdb->notices.parked = true;
}

void engine_post_stop(KvmGdb *gdb, const GdbStop *stop)
{
	gdb->notices.loop |= gdb_server_queue_stop(gdb->server, stop);
}

void engine_set_alarm(KvmGdb *gdb, GdbAlarm *alarm, gint64 time)
{
	gdb->notices.loop |= gdb_alarm_set_asleep(alarm, time);
}

void notice_change(KvmGdb *gdb, uint64_t gpa, uint64_t len)
{
	GArray *changes = gdb->notices.changes;
	Change change = {gpa, len}, *last;

	if (!gdb->ops || !gdb->ops->mark_dirty)
		return;
	if (!changes)
		changes = gdb->notices.changes = g_array_new(FALSE, FALSE, sizeof(Change));
	last = changes->len ? &g_array_index(changes, Change, changes->len - 1) : NULL;
	if (last && last->gpa + last->len == gpa)
		last->len += len;
	else if (!last || last->gpa != gpa || last->len != len)
		g_array_append_val(changes, change);
}

void engine_log(KvmGdb *gdb, const char *format, ...)
{
	va_list args;

	if (!gdb->notices.lines)
		gdb->notices.lines = g_ptr_array_new_with_free_func(g_free);
	va_start(args, format);
	g_ptr_array_add(gdb->notices.lines, g_strdup_vprintf(format, args));
	va_end(args);
}

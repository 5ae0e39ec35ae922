/*
 * kvm/monitor-machine.c - monitor commands that act on the machine as a whole.
 *
 * The machine runs when gdb says so and not otherwise: gdb would not learn of a `cont` and go on
 * showing registers that have changed. So `cont` says what to type instead; the others take
 * effect at once or at the next resume, which their text says.
 */
#include "kvm/internal.h"
#include "kvm/linux.h"
#include "kvm/monitor.h"

static bool stop(void *target G_GNUC_UNUSED, unsigned cpu G_GNUC_UNUSED,
		 const char *args G_GNUC_UNUSED, GString *out G_GNUC_UNUSED,
		 GError **error G_GNUC_UNUSED)
{
	return true; /* whoever can ask has stopped it already */
}

static bool cont(void *target G_GNUC_UNUSED, unsigned cpu G_GNUC_UNUSED,
		 const char *args G_GNUC_UNUSED, GString *out, GError **error G_GNUC_UNUSED)
{
	g_string_append(out, "the machine stays stopped: use the debugger's own command "
			     "(continue), so that it knows\n");
	return true;
}

static bool lacks(const char *what, GError **error)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
		    "this virtual machine monitor does not support %s", what);
	return false;
}

/* Calls one of the VMM's operations; without the lock, as kvm/kvm-gdb.h promises. */
static bool ask_vmm(KvmGdb *gdb, void (*op)(void *opaque), const char *what, const char *done,
		    GString *out, GError **error)
{
	if (!op)
		return lacks(what, error);
	op(gdb->opaque);
	g_string_append_printf(out, "%s\n", done);
	return true;
}

static bool system_reset(void *target, unsigned cpu G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
			 GString *out, GError **error)
{
	KvmGdb *gdb = target;
	bool had_file;

	engine_lock(gdb);
	had_file = linux_has_file(gdb);
	engine_unlock(gdb);
	if (!target_reset(target, error))
		return false;
	g_string_append(out, "reset: the machine stands before its first instruction "
			     "(`maintenance flush register-cache` shows gdb the new registers)\n");
	if (had_file)
		g_string_append(out, "gdb's symbols are those of the kernel that is gone: when the "
				     "next one runs, `monitor symbols` shows what to type\n");
	return true;
}

static bool system_powerdown(void *target, unsigned cpu G_GNUC_UNUSED,
			     const char *args G_GNUC_UNUSED, GString *out, GError **error)
{
	KvmGdb *gdb = target;

	return ask_vmm(gdb, gdb->ops ? gdb->ops->powerdown : NULL, "a power button",
		       "power button pressed: the guest sees it when it runs on (continue)", out,
		       error);
}

static bool quit(void *target, unsigned cpu G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
		 GString *out, GError **error)
{
	KvmGdb *gdb = target;

	return ask_vmm(gdb, gdb->ops ? gdb->ops->poweroff : NULL, "being ended",
		       "the machine ends now", out, error);
}

const GdbMonitorCommand monitor_machine_commands[] = {
	{"stop", NULL, "does nothing: the machine is stopped while gdb can ask", stop,
	 GDB_MONITOR_ALWAYS},
	{"cont", NULL, "say how the machine is made to run: by gdb's continue", cont,
	 GDB_MONITOR_ALWAYS},
	{"system_reset", NULL, "reset the machine", system_reset, GDB_MONITOR_PAUSED},
	{"reset", NULL, "the same, as other stubs call it", system_reset, GDB_MONITOR_PAUSED},
	{"system_powerdown", NULL, "press the power button", system_powerdown, GDB_MONITOR_ALWAYS},
	{"quit", NULL, "end the machine at once", quit, GDB_MONITOR_ALWAYS},
	{0},
};

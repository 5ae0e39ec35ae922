/*
 * kvm/monitor-machine.c - monitor commands that act on the machine as a whole.
 *
 * A machine that gdb has stopped runs when gdb says so and not otherwise: gdb would not learn of a
 * `cont` and go on showing registers that have changed. So `cont` says what to type instead; the
 * others take effect at once or at the next resume, which their text says.
 */
#include "kvm/internal.h"
#include "kvm/linux.h"
#include "kvm/monitor.h"
#include "kvm/operate.h"

/* For a client of the stub's it is stopped already. */
static bool stop(void *target, GdbPlace place G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
		 GString *out G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	operate_stop(target);
	return true;
}

static bool cont(void *target, GdbPlace place G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
		 GString *out G_GNUC_UNUSED, GError **error)
{
	return operate_cont(target, error);
}

static bool system_reset(void *target, GdbPlace place G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
			 GString *out, GError **error)
{
	KvmGdb *gdb = target;
	bool had_file;

	engine_lock(gdb);
	had_file = linux_has_file(gdb);
	engine_unlock(gdb);
	if (!target_reset(target, error))
		return false;
	if (!operate_has_client(gdb))
		return true;
	g_string_append(out, "reset: the machine stands before its first instruction "
			     "(`maintenance flush register-cache` shows gdb the new registers)\n");
	if (had_file)
		g_string_append(out,
				"gdb's symbols are those of the kernel that is gone; gdb is told "
				"of the next one when that begins, or else `monitor "
				"symbols` shows what to type\n");
	return true;
}

static bool system_powerdown(void *target, GdbPlace place G_GNUC_UNUSED,
			     const char *args G_GNUC_UNUSED, GString *out, GError **error)
{
	if (!operate_powerdown(target, error))
		return false;
	g_string_append(out,
			"power button pressed: the guest sees it when it runs on (continue)\n");
	return true;
}

static bool quit(void *target, GdbPlace place G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
		 GString *out, GError **error)
{
	if (!operate_quit(target, error))
		return false;
	g_string_append(out, "the machine ends now\n");
	return true;
}

const GdbMonitorCommand monitor_machine_commands[] = {
	{"stop", NULL, "stop the machine; a client of the stub has it stopped already", stop,
	 GDB_MONITOR_ALWAYS},
	{"cont", NULL, "let the machine go on; what gdb has stopped goes on by gdb's continue",
	 cont, GDB_MONITOR_ALWAYS},
	{"system_reset", NULL, "reset the machine", system_reset, GDB_MONITOR_PAUSED},
	{"reset", NULL, "the same, as other stubs call it", system_reset, GDB_MONITOR_PAUSED},
	{"system_powerdown", NULL, "press the power button", system_powerdown, GDB_MONITOR_ALWAYS},
	{"quit", NULL, "end the machine at once", quit, GDB_MONITOR_ALWAYS},
	{0},
};

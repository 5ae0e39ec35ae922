/*
 * kvm/core.c - kvm_gdb_write_core(): a machine that nobody debugs, as a core file.
 */
#include <unistd.h>

#include "kvm/internal.h"
#include "kvm/monitor.h"

static bool is_debugged(KvmGdb *gdb, GError **error)
{
	if (!gdb->attached && gdb->world == WORLD_FREE)
		return false;
	g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "a debugger is connected");
	return true;
}

static bool any_in_guest(KvmGdb *gdb, GError **error)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		if (!halt_in_guest(kvm_vcpu_at(gdb, i)))
			continue;
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "CPU %u is running", i);
		return true;
	}
	return false;
}

/* Every vCPU is OUTSIDE, so the stop is complete at once: no one is waited for. */
static bool stop_world(KvmGdb *gdb, GError **error)
{
	LOCKED(gdb);

	if (is_debugged(gdb, error) || any_in_guest(gdb, error))
		return false;
	halt_stop_at_once(gdb);
	return true;
}

static void free_world(KvmGdb *gdb)
{
	LOCKED(gdb);

	if (gdb->world == WORLD_STOPPED)
		halt_free_world(gdb);
}

static void log_lines(KvmGdb *gdb, GString *text)
{
	g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
	LOCKED(gdb);

	for (char **line = lines; *line; line++) {
		if (**line)
			engine_log(gdb, "core: %s", *line);
	}
	g_string_truncate(text, 0);
}

static bool save_core(KvmGdb *gdb, const char *path, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	MonitorSave *save = monitor_save_core_new(
		gdb, 0, &(MonitorFile){.path = path, .is_new = true}, NULL, error);
	GError *failed = NULL;
	bool more = save != NULL;

	if (!save)
		return false;
	while (more) {
		more = monitor_save_more(gdb, save, text, &failed);
		log_lines(gdb, text);
	}
	monitor_save_free(gdb, save);
	if (!failed)
		return true;
	unlink(path);
	g_propagate_error(error, failed);
	return false;
}

bool kvm_gdb_write_core(KvmGdb *gdb, const char *path, GError **error)
{
	bool done;

	if (!stop_world(gdb, error))
		return false;
	done = save_core(gdb, path, error);
	free_world(gdb);
	return done;
}

/*
 * kvm/core.c - kvm_gdb_write_core(): a machine that nobody debugs, as a core file.
 */
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
		halt_set_free(gdb);
}

bool kvm_gdb_write_core(KvmGdb *gdb, const char *path, GError **error)
{
	bool done;

	if (!stop_world(gdb, error))
		return false;
	done = monitor_save_core(gdb, path, error);
	free_world(gdb);
	return done;
}

/*
 * kvm/operate.c - what somebody beside gdb does to the machine.
 */
#include "kvm/operate.h"

#include "kvm/internal.h"

OperateState operate_state(KvmGdb *gdb)
{
	LOCKED(gdb);

	if (non_stop_is_unseen(gdb))
		return OPERATE_RUNS;
	if (gdb->world == WORLD_STOPPED)
		return OPERATE_STOPPED;
	return gdb->world == WORLD_STOPPING ? OPERATE_STOPPING : OPERATE_RUNS;
}

bool operate_stands(KvmGdb *gdb, const char *what, GError **error)
{
	if (operate_state(gdb) == OPERATE_STOPPED)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY,
		    "the machine runs: %s needs it stopped (stop)", what);
	return false;
}

bool operate_has_client(KvmGdb *gdb)
{
	LOCKED(gdb);

	return gdb->attached;
}

void operate_stop(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->operators.stops = !gdb->attached;
	non_stop_all(gdb);
	halt_stop_for_client(gdb);
}

unsigned operate_stops(KvmGdb *gdb)
{
	LOCKED(gdb);

	return gdb->n_stops;
}

/* With the lock held: nobody wants it stopped any more. */
static void go_on(KvmGdb *gdb)
{
	if (halt_is_wanted(gdb))
		return;
	if (gdb->world == WORLD_STOPPED)
		halt_free_world(gdb);
	else if (gdb->world == WORLD_STOPPING)
		gdb->frees_when_stopped = true;
}

bool operate_cont(KvmGdb *gdb, GError **error)
{
	LOCKED(gdb);

	if (gdb->attached && gdb->world != WORLD_RUNNING && !non_stop_is_unseen(gdb)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY,
			    "the machine stays stopped: use the debugger's own command (continue), "
			    "so that it knows");
		return false;
	}
	if (gdb->ending) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY,
			    "the machine stays stopped: somebody has ended it");
		return false;
	}
	gdb->operators.stops = false;
	go_on(gdb);
	return true;
}

void operate_hold(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->operators.holds++;
	if (!gdb->attached)
		halt_stop_for_client(gdb);
}

void operate_release(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->operators.holds--;
	go_on(gdb);
}

/* Without the lock, as kvm/kvm-gdb.h promises. */
bool operate_powerdown(KvmGdb *gdb, GError **error)
{
	if (!gdb->ops || !gdb->ops->powerdown)
		return target_lacks("a power button", error);
	gdb->ops->powerdown(gdb->opaque);
	return true;
}

/* ---- The end ---- */

/* Those who wait for the stop get their answers first: the VMM may end the engine. */
static void on_quit(void *data)
{
	KvmGdb *gdb = data;
	bool ask = false;

	engine_lock(gdb);
	if (gdb->ending == ENDING_WAITS && gdb->world != WORLD_STOPPING) {
		gdb->ending = ENDING_STANDS;
		gdb_alarm_set(gdb->quit, GDB_ALARM_SOON);
	} else if (gdb->ending == ENDING_STANDS) {
		gdb->ending = ENDING_ASKED;
		ask = true;
	}
	engine_unlock(gdb);
	if (ask)
		gdb->ops->poweroff(gdb->opaque);
}

/* By the loop: whoever wants it may be gone when the VMM has ended the engine. */
static void begin_to_end(KvmGdb *gdb, Ending ending)
{
	gdb->ending = MAX(gdb->ending, ending);
	halt_stop_for_client(gdb);
	if (!gdb->quit)
		gdb->quit = gdb_alarm_new(gdb->context, "vmgdb quit", on_quit, gdb);
	gdb_alarm_set(gdb->quit, GDB_ALARM_SOON);
}

bool operate_quit(KvmGdb *gdb, GError **error)
{
	LOCKED(gdb);

	if (!gdb->ops || !gdb->ops->poweroff)
		return target_lacks("being ended", error);
	non_stop_all(gdb);
	begin_to_end(gdb, ENDING_WAITS);
	return true;
}

void operate_kill(KvmGdb *gdb)
{
	begin_to_end(gdb, ENDING_STANDS);
}

void operate_forget_quit(KvmGdb *gdb)
{
	LOCKED(gdb);

	if (gdb->ending != ENDING_NOT)
		gdb->ending = ENDING_ASKED;
}

/*
 * kvm/operate.c - what somebody beside gdb does to the machine.
 */
#include "kvm/operate.h"

#include "kvm/internal.h"

OperateState operate_state(KvmGdb *gdb)
{
	LOCKED(gdb);

	if (gdb->world == WORLD_STOPPED)
		return OPERATE_STOPPED;
	return gdb->world == WORLD_STOPPING ? OPERATE_STOPPING : OPERATE_RUNS;
}

bool operate_has_client(KvmGdb *gdb)
{
	LOCKED(gdb);

	return gdb->attached;
}

void operate_stop(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->operator_stops = !gdb->attached;
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
		halt_set_free(gdb);
	else if (gdb->world == WORLD_STOPPING)
		gdb->detaching = true;
}

bool operate_cont(KvmGdb *gdb, GError **error)
{
	LOCKED(gdb);

	if (gdb->attached && gdb->world != WORLD_RUNNING) {
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
	gdb->operator_stops = false;
	go_on(gdb);
	return true;
}

void operate_hold(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->holds++;
	if (!gdb->attached)
		halt_stop_for_client(gdb);
}

void operate_release(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->holds--;
	go_on(gdb);
}

/* ---- The end ---- */

static gboolean on_quit(gpointer data)
{
	KvmGdb *gdb = data;

	gdb->ops->poweroff(gdb->opaque);
	return G_SOURCE_REMOVE;
}

bool operate_quit(KvmGdb *gdb, GError **error)
{
	if (!gdb->ops || !gdb->ops->poweroff) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
			    "this virtual machine monitor does not support being ended");
		return false;
	}
	engine_lock(gdb);
	gdb->ending = true;
	halt_stop_for_client(gdb);
	engine_unlock(gdb);
	if (gdb->quit)
		return true;
	gdb->quit = g_idle_source_new();
	/* Before anybody who has sent more. */
	g_source_set_priority(gdb->quit, G_PRIORITY_HIGH);
	g_source_set_callback(gdb->quit, on_quit, gdb, NULL);
	g_source_attach(gdb->quit, gdb->context);
	return true;
}

void operate_forget_quit(KvmGdb *gdb)
{
	if (gdb->quit)
		g_source_destroy(gdb->quit);
}

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

/* Without the lock, as kvm/kvm-gdb.h promises. */
bool operate_powerdown(KvmGdb *gdb, GError **error)
{
	if (!gdb->ops || !gdb->ops->powerdown)
		return target_lacks("a power button", error);
	gdb->ops->powerdown(gdb->opaque);
	return true;
}

/* ---- The end ---- */

typedef struct Quit {
	GSource source;
	KvmGdb *gdb;
	bool stood; /* when it was looked at last */
} Quit;

/* Those who wait for the stop get their answers first: the VMM may end the engine. */
static gboolean on_quit(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
			gpointer data G_GNUC_UNUSED)
{
	Quit *quit = (Quit *)source;
	KvmGdb *gdb = quit->gdb;

	/* Before the look, so that a stop from here on is not missed. */
	g_source_set_ready_time(source, -1);
	if (operate_state(gdb) == OPERATE_STOPPING)
		return G_SOURCE_CONTINUE;
	if (!quit->stood) {
		quit->stood = true;
		g_source_set_ready_time(source, 0);
		return G_SOURCE_CONTINUE;
	}
	gdb->ops->poweroff(gdb->opaque);
	return G_SOURCE_REMOVE;
}

static GSource *new_quit(KvmGdb *gdb)
{
	static GSourceFuncs funcs = {.dispatch = on_quit};
	GSource *source = g_source_new(&funcs, sizeof(Quit));

	((Quit *)source)->gdb = gdb;
	g_source_set_ready_time(source, 0);
	g_source_attach(source, gdb->context);
	return source;
}

bool operate_quit(KvmGdb *gdb, GError **error)
{
	LOCKED(gdb);

	if (!gdb->ops || !gdb->ops->poweroff)
		return target_lacks("being ended", error);
	gdb->ending = true;
	halt_stop_for_client(gdb);
	if (!gdb->quit)
		gdb->quit = new_quit(gdb);
	return true;
}

void operate_forget_quit(KvmGdb *gdb)
{
	if (gdb->quit)
		g_source_destroy(gdb->quit);
}

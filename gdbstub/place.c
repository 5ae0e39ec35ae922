/*
 * gdbstub/place.c - what the threads of the client stand for.
 */
#include "gdbstub/internal.h"

bool gdb_session_has_cpu(GdbSession *session, unsigned cpu)
{
	return !session->ops->cpus->present || session->ops->cpus->present(session->target, cpu);
}

bool gdb_session_find_cpu(GdbSession *session, const GdbThread *thread, unsigned *ret_cpu,
			  GError **error)
{
	if (!gdb_thread_to_cpu(thread, session->ops->cpus->count(session->target),
			       session->view.place.cpu, ret_cpu, error))
		return false;
	if (thread->thread <= 0 || gdb_session_has_cpu(session, *ret_cpu))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "CPU %u was unplugged", *ret_cpu);
	return false;
}

/* In non-stop mode a thread runs or stands, and a client would believe that a task runs. */
static bool tasks_are_threads(const GdbSession *session)
{
	return session->state == GDB_SESSION_STOPPED && !gdb_non_stop_is_on(session);
}

static bool has_task(GdbSession *session, int64_t thread)
{
	const GdbTaskOps *tasks = session->ops->tasks;

	return tasks && tasks_are_threads(session) && thread > GDB_TASK_THREADS &&
	       thread <= G_MAXINT32 &&
	       tasks->name(session->target, thread - GDB_TASK_THREADS, NULL);
}

bool gdb_session_find_place(GdbSession *session, const GdbThread *thread, GdbPlace *ret,
			    GError **error)
{
	unsigned cpu;

	if (thread->process <= GDB_PROCESS && has_task(session, thread->thread)) {
		*ret = (GdbPlace){session->run.stop.cpu, thread->thread - GDB_TASK_THREADS};
		return true;
	}
	if (!gdb_session_find_cpu(session, thread, &cpu, error))
		return false;
	*ret = thread->thread > 0 ? gdb_place_cpu(cpu) : session->view.place;
	return true;
}

static void add_tasks(GdbSession *session, GArray *places)
{
	const GdbTaskOps *ops = session->ops->tasks;
	const uint32_t *tasks;
	unsigned n_tasks;

	if (!ops || !tasks_are_threads(session))
		return;
	tasks = ops->list(session->target, &n_tasks);
	for (unsigned n = 0; n < n_tasks; n++) {
		GdbPlace place = {session->run.stop.cpu, tasks[n]};

		g_array_append_val(places, place);
	}
}

GArray *gdb_session_places(GdbSession *session)
{
	GArray *places = g_array_new(FALSE, FALSE, sizeof(GdbPlace));
	unsigned n_cpus = session->ops->cpus->count(session->target);

	for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
		GdbPlace place = gdb_place_cpu(cpu);

		if (gdb_session_has_cpu(session, cpu))
			g_array_append_val(places, place);
	}
	add_tasks(session, places);
	return places;
}

unsigned gdb_place_thread(GdbPlace place)
{
	return place.task ? GDB_TASK_THREADS + place.task : place.cpu + 1;
}

void gdb_place_append_name(GdbSession *session, GString *out, GdbPlace place)
{
	if (place.task) {
		session->ops->tasks->name(session->target, place.task, out);
		return;
	}
	g_string_append(out, "vCPU ");
	gdb_decimal_append(out, place.cpu);
}

void gdb_place_append_thread(GdbSession *session, GString *out, GdbPlace place)
{
	gdb_thread_append(out, gdb_place_thread(place), session->agreed.features.multiprocess);
}

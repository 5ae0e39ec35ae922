/*
 * gdbstub/place.c - what the threads of the client stand for.
 */
#include "gdbstub/internal.h"

bool gdb_session_has_cpu(GdbSession *session, unsigned cpu)
{
	return !session->ops->cpus->present || session->ops->cpus->present(session->target, cpu);
}

bool gdb_session_find_place(GdbSession *session, const GdbThread *thread, GdbPlace *ret,
			    GError **error)
{
	unsigned cpu;

	if (thread->thread <= 0)
		*ret = session->view.place;
	if (!gdb_thread_to_cpu(thread, session->ops->cpus->count(session->target), 0, &cpu, error))
		return false;
	if (thread->thread <= 0)
		return true;
	*ret = gdb_place_cpu(cpu);
	if (gdb_session_has_cpu(session, cpu))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "CPU %u was unplugged", cpu);
	return false;
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
	return places;
}

unsigned gdb_place_thread(GdbPlace place)
{
	return place.cpu + 1;
}

void gdb_place_append_thread(GdbSession *session, GString *out, GdbPlace place)
{
	gdb_thread_append(out, gdb_place_thread(place), session->agreed.features.multiprocess);
}

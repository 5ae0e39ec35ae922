/*
 * gdbstub/exec.c - tells a client that has read the target's own program that another one runs.
 *
 * gdb manual, "Stop Reply Packets" (exec) and "General Query Packets" (exec-events). To gdb it is
 * as if a process had called execve(): it reads the program that is named, forgets libraries and
 * which breakpoints it has inserted, looks up each breakpoint's place anew, and resumes. Then it
 * hears of libraries, and of the stop itself.
 */
#include <sys/stat.h>

#include "gdbstub/internal.h"

/* gdb compares the program's build id with that of a file of its own, and reads little for that. */
#define SYMBOLS_SHARE 4

bool gdb_session_tells_of_programs(const GdbSession *session)
{
	return session->ops->files && session->ops->files->generation;
}

void gdb_session_program_opened(GdbSession *session)
{
	uint64_t generation = gdb_session_tells_of_programs(session)
				      ? session->ops->files->generation(session->target)
				      : 0;

	if (session->known.generation != generation)
		session->known = (GdbKnownProgram){.generation = generation};
}

void gdb_session_expect_program(GdbSession *session)
{
	if (session->known.has_symbols && session->agreed.features.exec &&
	    session->state == GDB_SESSION_STOPPED && gdb_session_tells_of_programs(session))
		session->ops->files->expect(session->target);
}

void gdb_session_program_read(GdbSession *session, int fd, size_t n)
{
	struct stat st;

	session->known.n_read += n;
	if (session->known.has_symbols || fstat(fd, &st) ||
	    session->known.n_read < (uint64_t)st.st_size / SYMBOLS_SHARE)
		return;
	session->known.has_symbols = true;
	gdb_session_expect_program(session);
}

bool gdb_session_awaits_exec(const GdbSession *session)
{
	return gdb_session_tells_of_programs(session) && session->agreed.features.exec &&
	       session->known.has_symbols;
}

/* The name of a program that the client does not know; NULL: it knows the one that runs. */
static const char *find_other(GdbSession *session)
{
	uint64_t generation;

	if (!gdb_session_awaits_exec(session))
		return NULL;
	generation = session->ops->files->generation(session->target);
	if (!generation || generation == session->known.generation)
		return NULL;
	return session->ops->files->program(session->target);
}

bool gdb_session_send_exec(GdbSession *session)
{
	const char *path = find_other(session);

	if (!path)
		return false;
	g_free(session->program);
	session->program = g_strdup(path);
	/* It may be told of the next one before it has read this one. */
	session->known.generation = session->ops->files->generation(session->target);
	if (session->ops->breaks && session->ops->breaks->clear)
		session->ops->breaks->clear(session->target);
	session->run.owed = (session->agreed.libraries == GDB_OFFER_MADE ? GDB_OWED_LIBRARIES : 0) |
			    (session->run.stop.kind == GDB_STOP_PROGRAM ? 0 : GDB_OWED_STOP);
	gdb_stop_append_exec(gdb_session_reset_reply(session), session->run.stop.cpu,
			     session->program, &session->agreed.features);
	gdb_session_send(session, gdb_reply(GDB_REPLY_DATA));
	return true;
}

bool gdb_session_append_owed(GdbSession *session, GString *out)
{
	const GdbStop stop = session->run.stop;

	if (!session->run.owed)
		return false;
	if (session->run.owed & GDB_OWED_LIBRARIES)
		session->run.stop.kind = GDB_STOP_LIBRARY;
	gdb_session_append_stop(session, out);
	session->run.owed &= session->run.owed & GDB_OWED_LIBRARIES ? ~GDB_OWED_LIBRARIES : 0;
	session->run.stop = stop;
	return true;
}

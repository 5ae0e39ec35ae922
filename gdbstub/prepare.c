/*
 * gdbstub/prepare.c - lets the target find out what a packet is about to ask for, piece by piece,
 * so that the loop stays alive meanwhile.
 */
#include "gdbstub/internal.h"

typedef struct PrepareWork {
	GdbWork work;
	bool (*prepare)(void *target);
} PrepareWork;

/* Something else than the client may have let the machine go on, or ended it. */
static bool prepare_step(GdbSession *session, GdbWork *base, GdbReply *ret_reply)
{
	PrepareWork *work = (PrepareWork *)base;

	*ret_reply = gdb_reply(GDB_REPLY_NOTHING);
	return session->state != GDB_SESSION_STOPPED || work->prepare(session->target);
}

static void prepare_free(GdbWork *work)
{
	g_free(work);
}

/* @after: NULL: a packet waits for it. */
static void begin(GdbSession *session, bool (*prepare)(void *target),
		  void (*after)(GdbSession *session, bool interrupted))
{
	PrepareWork *work = g_new0(PrepareWork, 1);

	*work = (PrepareWork){.work = {.step = prepare_step,
				       .free = prepare_free,
				       .is_preparation = !after,
				       .after = after},
			      .prepare = prepare};
	session->work = &work->work;
}

GdbReadiness gdb_session_prepare(GdbSession *session, bool (*prepare)(void *target))
{
	if (session->run.unprepared) {
		session->run.unprepared = false;
		return GDB_INTERRUPTED;
	}
	if (session->state != GDB_SESSION_STOPPED || !prepare || prepare(session->target))
		return GDB_READY;
	begin(session, prepare, NULL);
	session->wire.held = true;
	return GDB_NOT_YET;
}

void gdb_session_prepare_then(GdbSession *session,
			      void (*after)(GdbSession *session, bool interrupted))
{
	bool (*prepare)(void *target) = session->ops->files->prepare;

	if (!prepare || prepare(session->target))
		after(session, false);
	else
		begin(session, prepare, after);
}

bool gdb_session_knows_program(GdbSession *session)
{
	const GdbFileOps *files = session->ops->files;
	bool knows_libraries =
		!session->ops->libraries || session->agreed.libraries != GDB_OFFER_OPEN;
	GdbReadiness readiness;

	if (!files || ((session->program || session->agreed.files_refused) && knows_libraries))
		return true;
	readiness = gdb_session_prepare(session, files->prepare);
	if (readiness == GDB_INTERRUPTED) {
		session->agreed.files_refused = true;
		session->agreed.libraries = GDB_OFFER_NONE;
	}
	return readiness != GDB_NOT_YET;
}

bool gdb_session_knows_system(GdbSession *session, GdbReply *ret_reply)
{
	const GdbOsOps *os = session->ops->os;
	GdbReadiness readiness = gdb_session_prepare(session, os ? os->prepare : NULL);

	if (readiness == GDB_NOT_YET)
		*ret_reply = gdb_reply(GDB_REPLY_WORK);
	if (readiness == GDB_INTERRUPTED)
		*ret_reply = gdb_reply_fail(GDB_ERROR_BUSY, "interrupted");
	return readiness == GDB_READY;
}

/*
 * gdbstub/cmd-break.c - the packets Z and z: breakpoints and watchpoints.
 *
 * gdb manual, "Packets", z and Z. The types 0 to 4 are GdbBreakType's numbers.
 */
#include "gdbstub/internal.h"

typedef bool (*BreakOp)(void *target, unsigned cpu, const GdbBreak *bp, GError **error);

static GdbReply apply(GdbSession *session, const GdbArgs *args, BreakOp op)
{
	GdbBreak bp = {0, args->v[1].number, args->v[2].number};
	GError *error = NULL;

	if (args->v[0].number > GDB_WATCH_ACCESS)
		return gdb_reply(GDB_REPLY_EMPTY);
	bp.type = args->v[0].number;
	if (!op(session->target, session->cpu, &bp, &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_insert(GdbSession *session, const GdbArgs *args)
{
	const GdbBreakOps *breaks = session->ops->breaks;

	/* Conditions and commands are not advertised: to take them and ignore them would be wrong.
	 */
	if (!breaks || args->n > 3)
		return gdb_reply(GDB_REPLY_EMPTY);
	return apply(session, args, breaks->insert);
}

static GdbReply cmd_remove(GdbSession *session, const GdbArgs *args)
{
	const GdbBreakOps *breaks = session->ops->breaks;

	return breaks ? apply(session, args, breaks->remove) : gdb_reply(GDB_REPLY_EMPTY);
}

static const GdbCommand rows[] = {
	{"Z", GDB_MATCH_PREFIX, "x,x,x?;*", GDB_WHEN_STOPPED, false, cmd_insert},
	{"z", GDB_MATCH_PREFIX, "x,x,x?;*", GDB_WHEN_STOPPED, false, cmd_remove},
};

const GdbCommandTable gdb_commands_break = {rows, G_N_ELEMENTS(rows)};

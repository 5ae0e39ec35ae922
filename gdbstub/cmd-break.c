/*
 * gdbstub/cmd-break.c - the packets Z and z: breakpoints and watchpoints.
 *
 * gdb manual, "Packets", z and Z. The types 0 to 4 are GdbBreakType's numbers.
 */
#include "gdbstub/break-code.h"
#include "gdbstub/internal.h"

static GdbBreak get_break(const GdbArgs *args)
{
	return (GdbBreak){args->v[0].number, args->v[1].number, args->v[2].number};
}

static bool is_known(const GdbSession *session, const GdbArgs *args)
{
	return session->ops->breaks && args->v[0].number <= GDB_WATCH_ACCESS;
}

static GdbReply insert_code(GdbSession *session, const GdbArgs *args)
{
	g_autoptr(GdbBreakCode) code = NULL;
	GdbBreak bp = get_break(args);
	GError *error = NULL;

	/* Not advertised: to take conditions and ignore them would be wrong. */
	if (!session->ops->breaks->insert_code)
		return gdb_reply(GDB_REPLY_EMPTY);
	code = gdb_break_code_parse(args->v[3].text, &error);
	if (!code ||
	    !session->ops->breaks->insert_code(session->target, session->cpu, &bp, code, &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_insert(GdbSession *session, const GdbArgs *args)
{
	GError *error = NULL;
	GdbBreak bp;

	if (!is_known(session, args))
		return gdb_reply(GDB_REPLY_EMPTY);
	if (args->n > 3)
		return insert_code(session, args);
	bp = get_break(args);
	if (!session->ops->breaks->insert(session->target, session->cpu, &bp, &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_remove(GdbSession *session, const GdbArgs *args)
{
	GError *error = NULL;
	GdbBreak bp;

	if (!is_known(session, args))
		return gdb_reply(GDB_REPLY_EMPTY);
	bp = get_break(args);
	if (!session->ops->breaks->remove(session->target, session->cpu, &bp, &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

static const GdbCommand rows[] = {
	{"Z", GDB_MATCH_PREFIX, "x,x,x?;*", GDB_WHEN_STOPPED, false, cmd_insert},
	{"z", GDB_MATCH_PREFIX, "x,x,x?;*", GDB_WHEN_STOPPED, false, cmd_remove},
};

const GdbCommandTable gdb_commands_break = {rows, G_N_ELEMENTS(rows)};

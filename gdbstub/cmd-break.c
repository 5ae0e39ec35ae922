/*
 * gdbstub/cmd-break.c - the packets Z and z: breakpoints and watchpoints.
 *
 * gdb manual, "Packets", z and Z. The types 0 to 4 are GdbBreakType's numbers. In QEMU's physical
 * mode the address of Z0 is guest-physical; the others are of the CPU's debug registers, which know
 * virtual addresses only.
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

static bool insert_code(GdbSession *session, const GdbBreak *bp, GdbText text, GError **error)
{
	g_autoptr(GdbBreakCode) code = gdb_break_code_parse(text, error);

	if (code && gdb_break_code_has_commands(code) && gdb_non_stop_is_on(session)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "in non-stop mode the stub cannot print by itself: "
			    "set dprintf-style gdb");
		return false;
	}
	return code && session->ops->breaks->insert_code(session->target, session->view.place, bp,
							 code, error);
}

static GdbReply cmd_insert(GdbSession *session, const GdbArgs *args)
{
	bool has_code = args->n > 3, ok;
	GError *error = NULL;
	GdbBreak bp;

	/* Conditions that are not advertised: to take and ignore them would be wrong. */
	if (!is_known(session, args) || (has_code && !session->ops->breaks->insert_code))
		return gdb_reply(GDB_REPLY_EMPTY);
	bp = get_break(args);
	if (session->view.physical && bp.type != GDB_BREAK_SW)
		return gdb_reply_fail(GDB_ERROR_INVAL,
				      "only software breakpoints take physical addresses: the "
				      "CPU's debug registers do not (Qqemu.PhyMemMode:0)");
	if (session->view.physical)
		bp.type = GDB_BREAK_PHYSICAL;
	ok = has_code ? insert_code(session, &bp, args->v[3].text, &error)
		      : session->ops->breaks->insert(session->target, session->view.place, &bp,
						     &error);
	return ok ? gdb_reply(GDB_REPLY_OK) : gdb_reply_error(error);
}

/*
 * The client may have left or entered physical mode since the Z. The other address space is meant
 * only when there is nothing in that of the mode.
 */
static void choose_space(GdbSession *session, GdbBreak *bp)
{
	const GdbPhysicalOps *physical = session->ops->physical;
	GdbBreak other = *bp;

	if (bp->type != GDB_BREAK_SW || !physical)
		return;
	if (session->view.physical)
		bp->type = GDB_BREAK_PHYSICAL;
	else
		other.type = GDB_BREAK_PHYSICAL;
	if (!physical->has_break(session->target, bp) &&
	    physical->has_break(session->target, &other))
		*bp = other;
}

static GdbReply cmd_remove(GdbSession *session, const GdbArgs *args)
{
	const GdbBreakOps *breaks = session->ops->breaks;
	GError *error = NULL;
	GdbBreak bp;

	if (!is_known(session, args))
		return gdb_reply(GDB_REPLY_EMPTY);
	bp = get_break(args);
	choose_space(session, &bp);
	if (!breaks->remove(session->target, session->view.place, &bp, &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

static const GdbCommand rows[] = {
	{"Z", GDB_MATCH_PREFIX, "x,x,x?;*", GDB_WHEN_STOPPED, false, cmd_insert},
	{"z", GDB_MATCH_PREFIX, "x,x,x?;*", GDB_WHEN_STOPPED, false, cmd_remove},
};

const GdbCommandTable gdb_commands_break = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

/*
 * gdbstub/cmd-break.c - the packets Z and z: breakpoints and watchpoints; jMultiBreakpoint.
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

/*
 * ---- jMultiBreakpoint: many of them in one ----
 *
 * LLDB, "GDB Remote Protocol Extensions": a JSON object with an array of Z and z packets. They are
 * done in their order, also when one of them fails.
 */

static void skip_space(GdbText *text)
{
	while (gdb_text_char(text, ' ') || gdb_text_char(text, '\t') || gdb_text_char(text, '\n') ||
	       gdb_text_char(text, '\r'))
		continue;
}

/* One of JSON's signs, and the space around it (RFC 8259, 2). */
static bool take_sign(GdbText *text, char sign)
{
	bool there;

	skip_space(text);
	there = gdb_text_char(text, sign);
	skip_space(text);
	return there;
}

/* No packet holds what JSON would escape. */
static bool take_string(GdbText *text, GdbText *ret)
{
	if (!gdb_text_char(text, '"'))
		return false;
	*ret = gdb_text_until(text, '"');
	return gdb_text_char(text, '"') && !memchr(ret->at, '\\', gdb_text_left(ret));
}

static bool take_strings(GdbText *text, GArray *strings)
{
	GdbText string;

	if (!take_sign(text, '['))
		return false;
	if (take_sign(text, ']'))
		return true;
	do {
		if (!take_string(text, &string))
			return false;
		g_array_append_val(strings, string);
	} while (take_sign(text, ','));
	return take_sign(text, ']');
}

static bool parse_requests(GdbText text, GArray *requests)
{
	GdbText key;

	return take_sign(&text, '{') && take_string(&text, &key) &&
	       gdb_text_equal(&key, "breakpoint_requests") && take_sign(&text, ':') &&
	       take_strings(&text, requests) && take_sign(&text, '}') && !gdb_text_left(&text);
}

/* So that no packet takes the stub's time for long. */
#define REQUESTS_MAX 4096
#define SCHEMA "x,x,x?;*"

static GdbReply answer_request(GdbSession *session, GdbText text)
{
	bool insert = gdb_text_char(&text, 'Z');
	GdbArgs args;

	if ((!insert && !gdb_text_char(&text, 'z')) || !gdb_command_parse(SCHEMA, text, &args))
		return gdb_reply_fail(GDB_ERROR_INVAL, "malformed request");
	return insert ? cmd_insert(session, &args) : cmd_remove(session, &args);
}

/* Its error goes into a string of JSON: a number, and hex where lldb wants words. */
static void append_result(GdbSession *session, GdbText request)
{
	GdbFeatures words = {.error_strings = session->agreed.features.error_strings};
	GdbReply reply = answer_request(session, request);

	g_string_append_c(session->reply, '"');
	if (reply.kind == GDB_REPLY_OK)
		g_string_append(session->reply, "OK");
	else if (!reply.error ||
		 !gdb_error_append(session->reply, reply.error, &words, GDB_ERROR_FORM_NUMBER))
		g_string_append_printf(session->reply, "E%d", GDB_ERROR_UNSUPPORTED);
	g_string_append_c(session->reply, '"');
	g_clear_error(&reply.error);
}

static GdbReply cmd_many(GdbSession *session, const GdbArgs *args)
{
	g_autoptr(GArray) requests = g_array_new(FALSE, FALSE, sizeof(GdbText));

	if (!session->ops->breaks)
		return gdb_reply(GDB_REPLY_EMPTY);
	if (!parse_requests(args->v[0].text, requests))
		return gdb_reply_fail(GDB_ERROR_INVAL,
				      "jMultiBreakpoint: expected a JSON object with "
				      "breakpoint_requests, an array of Z and z packets");
	if (requests->len > REQUESTS_MAX)
		return gdb_reply_fail(GDB_ERROR_INVAL, "jMultiBreakpoint: more than %d requests",
				      REQUESTS_MAX);
	g_string_append(session->reply, "{\"results\":[");
	for (unsigned n = 0; n < requests->len; n++) {
		g_string_append(session->reply, n ? "," : "");
		append_result(session, g_array_index(requests, GdbText, n));
	}
	g_string_append(session->reply, "]}");
	return gdb_reply(GDB_REPLY_DATA);
}

static const GdbCommand rows[] = {
	{"jMultiBreakpoint:", GDB_MATCH_PREFIX, "*", GDB_WHEN_STOPPED, false, cmd_many},
	{"Z", GDB_MATCH_PREFIX, SCHEMA, GDB_WHEN_STOPPED, false, cmd_insert},
	{"z", GDB_MATCH_PREFIX, SCHEMA, GDB_WHEN_STOPPED, false, cmd_remove},
};

const GdbCommandTable gdb_commands_break = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

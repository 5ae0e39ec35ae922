/*
 * gdbstub/cmd-mem.c - the packets m M x X: memory as the chosen CPU sees it; MultiMemRead.
 *
 * gdb manual, "Packets". A read gives what could be read before the first hole; it is an error only
 * when the first byte is not there. LLDB, "GDB Remote Protocol Extensions", MultiMemRead: many
 * reads in one; one without a first byte gives none.
 */
#include "gdbstub/internal.h"

size_t gdb_session_read(GdbSession *session, GdbPlace place, uint64_t addr, uint8_t *buf,
			size_t len, GError **error)
{
	const GdbTargetOps *ops = session->ops;

	return session->view.physical
		       ? ops->physical->read(session->target, addr, buf, len, error)
		       : ops->memory->read(session->target, place, addr, buf, len, error);
}

bool gdb_session_write(GdbSession *session, GdbPlace place, uint64_t addr, const uint8_t *buf,
		       size_t len, GError **error)
{
	const GdbTargetOps *ops = session->ops;

	return session->view.physical
		       ? ops->physical->write(session->target, addr, buf, len, error)
		       : ops->memory->write(session->target, place, addr, buf, len, error);
}

/* No access wraps around: it ends with the last address at the latest. @len > 0. */
static bool wraps(uint64_t addr, uint64_t len)
{
	return len - 1 > UINT64_MAX - addr;
}

/* At least one byte into the session's buffer, or 0 with @error set. */
static size_t read_some(GdbSession *session, uint64_t addr, uint64_t len, size_t max,
			GError **error)
{
	size_t n = MIN(len, max);

	if (wraps(addr, n))
		n = -addr;
	return gdb_session_read(session, session->view.place, addr, gdb_session_memory(session), n,
				error);
}

/*
 * m of no byte at all: the answer that fits would be the empty one, which means "not supported"
 * and would switch m off in the client for good. No client is known to ask.
 */
static GdbReply cmd_read_hex(GdbSession *session, const GdbArgs *args)
{
	uint64_t addr = args->v[0].number, len = args->v[1].number;
	GError *error = NULL;
	size_t n;

	if (!len)
		return gdb_reply_fail(GDB_ERROR_INVAL, "m with length 0");
	n = read_some(session, addr, len, GDB_PACKET_MAX / 2, &error);
	if (!n)
		return gdb_reply_error(error);
	gdb_hex_append(session->reply, session->memory, n);
	return gdb_reply(GDB_REPLY_HEX);
}

static GdbReply cmd_read_binary(GdbSession *session, const GdbArgs *args)
{
	uint64_t addr = args->v[0].number, len = args->v[1].number;
	GError *error = NULL;
	size_t n;

	g_string_append_c(session->reply, 'b');
	if (!len)
		return gdb_reply(GDB_REPLY_DATA);
	n = read_some(session, addr, len, GDB_PACKET_MAX - 1, &error);
	if (!n)
		return gdb_reply_error(error);
	n = gdb_frame_fit(session->memory, n, GDB_PACKET_MAX - 1);
	g_string_append_len(session->reply, (const char *)session->memory, n);
	return gdb_reply(GDB_REPLY_DATA);
}

/* ---- MultiMemRead ---- */

typedef struct Range {
	uint64_t addr, len;
} Range;

/* "ranges:ADDR,LEN,ADDR,LEN;", at least one. NULL: it is not. */
static GArray *parse_ranges(GdbText text)
{
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(Range));
	Range range;

	if (!gdb_text_word(&text, "ranges:"))
		return NULL;
	do {
		if (!gdb_text_number(&text, &range.addr) || !gdb_text_char(&text, ',') ||
		    !gdb_text_number(&text, &range.len))
			return NULL;
		g_array_append_val(ranges, range);
	} while (gdb_text_char(&text, ','));
	return gdb_text_equal(&text, ";") ? g_steal_pointer(&ranges) : NULL;
}

/* The most that the lengths of @n ranges and what is between them take in the answer. */
static size_t room_for_lengths(unsigned n)
{
	char longest[32];

	return n * ((size_t)g_snprintf(longest, sizeof(longest), "%x", GDB_PACKET_MAX) + 1);
}

/* Its bytes, as many as there are and fit into *@room, which gets less by that. */
static size_t append_range(GdbSession *session, const Range *range, GString *data, size_t *room)
{
	size_t n = range->len && *room ? read_some(session, range->addr, range->len,
						   MIN(*room, GDB_PACKET_MAX), NULL)
				       : 0;

	n = gdb_frame_fit(session->memory, n, *room);
	*room -= gdb_frame_size(session->memory, n);
	g_string_append_len(data, (const char *)session->memory, n);
	return n;
}

static GdbReply cmd_read_many(GdbSession *session, const GdbArgs *args)
{
	g_autoptr(GArray) ranges = parse_ranges(args->v[0].text);
	g_autoptr(GString) data = g_string_new(NULL);
	size_t room = GDB_PACKET_MAX;

	if (!ranges)
		return gdb_reply_fail(GDB_ERROR_INVAL,
				      "MultiMemRead: expected ranges:ADDR,LEN,ADDR,LEN...;");
	if (room_for_lengths(ranges->len) > room / 2)
		return gdb_reply_fail(GDB_ERROR_INVAL, "MultiMemRead: too many ranges");
	room -= room_for_lengths(ranges->len);
	gdb_session_memory(session);
	for (unsigned n = 0; n < ranges->len; n++) {
		const Range *range = &g_array_index(ranges, Range, n);

		g_string_append(session->reply, n ? "," : "");
		gdb_number_append(session->reply, append_range(session, range, data, &room));
	}
	g_string_append_c(session->reply, ';');
	g_string_append_len(session->reply, data->str, data->len);
	return gdb_reply(GDB_REPLY_DATA);
}

/* ---- Writes ---- */

static GdbReply write_bytes(GdbSession *session, uint64_t addr, const uint8_t *bytes, size_t len)
{
	GError *error = NULL;

	/* gdb's probe whether X is known. */
	if (!len)
		return gdb_reply(GDB_REPLY_OK);
	if (wraps(addr, len))
		return gdb_reply_fail(GDB_ERROR_FAULT, "the write runs past the last address");
	if (!gdb_session_write(session, session->view.place, addr, bytes, len, &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_write_hex(GdbSession *session, const GdbArgs *args)
{
	uint64_t len = args->v[1].number;
	const GdbText *hex = &args->v[2].text;

	if (gdb_text_left(hex) % 2 || gdb_text_left(hex) / 2 != len)
		return gdb_reply_fail(GDB_ERROR_INVAL,
				      "M: the data has another length than it says");
	if (!gdb_hex_decode(hex->at, gdb_text_left(hex), gdb_session_memory(session)))
		return gdb_reply_fail(GDB_ERROR_INVAL, "M: the data is not hex");
	return write_bytes(session, args->v[0].number, session->memory, len);
}

static GdbReply cmd_write_binary(GdbSession *session, const GdbArgs *args)
{
	const GdbText *data = &args->v[2].text;

	if (gdb_text_left(data) != args->v[1].number)
		return gdb_reply_fail(GDB_ERROR_INVAL,
				      "X: the data has another length than it says");
	return write_bytes(session, args->v[0].number, (const uint8_t *)data->at,
			   gdb_text_left(data));
}

static const GdbCommand rows[] = {
	{"m", GDB_MATCH_PREFIX, "x,x", GDB_WHEN_STOPPED, false, cmd_read_hex},
	{"M", GDB_MATCH_PREFIX, "x,x:*", GDB_WHEN_STOPPED, false, cmd_write_hex},
	{"MultiMemRead:", GDB_MATCH_PREFIX, "*", GDB_WHEN_STOPPED, false, cmd_read_many},
	{"x", GDB_MATCH_PREFIX, "x,x", GDB_WHEN_STOPPED, false, cmd_read_binary},
	{"X", GDB_MATCH_PREFIX, "x,x:*", GDB_WHEN_STOPPED, false, cmd_write_binary},
};

const GdbCommandTable gdb_commands_mem = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

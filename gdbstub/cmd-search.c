/*
 * gdbstub/cmd-search.c - qSearch:memory and qCRC: walks over memory of any length, in slices.
 *
 * gdb manual, "General Query Packets". A client can ask for 2^64 bytes, so the walk is work that
 * the server's loop does bit by bit, and that a 0x03 or the client's leaving ends. gdb waits three
 * times 2 seconds (its remotetimeout) for a reply and takes one that comes later for that to its
 * next packet, for good: so an error ends what takes longer than GDB_WALK_MS.
 */
#include "gdbstub/internal.h"

#define SLICE (128 * 1024)

/* After so many milliseconds the client gets an error. */
#define GDB_WALK_MS 4000

typedef struct Walk {
	GdbWork work;
	GdbPlace place;
	uint64_t addr, left; /* what was not looked at yet */
	gint64 deadline;     /* of the monotonic clock */
	const char *what;    /* for an error */

	/* qSearch: the pattern, and the memory before @addr in which it may have begun. */
	GBytes *pattern;
	GByteArray *window;

	uint32_t crc;
	uint32_t crc_table[256];
} Walk;

static void walk_free(GdbWork *work)
{
	Walk *walk = (Walk *)work;

	g_clear_pointer(&walk->pattern, g_bytes_unref);
	g_clear_pointer(&walk->window, g_byte_array_unref);
	g_free(walk);
}

/* The next piece goes to the session's buffer. Returns its length; 0 with @ret_reply set. */
static size_t walk_read(GdbSession *session, Walk *walk, GdbReply *ret_reply)
{
	GError *error = NULL;
	size_t n = MIN(walk->left, SLICE);

	if (g_get_monotonic_time() > walk->deadline) {
		*ret_reply = gdb_reply_fail(GDB_ERROR_BUSY,
					    "%s came as far as 0x%" PRIx64
					    " in %d seconds, and gdb would not wait for "
					    "more: go on from there",
					    walk->what, walk->addr, GDB_WALK_MS / 1000);
		return 0;
	}
	n = gdb_session_read(session, walk->place, walk->addr, gdb_session_memory(session), n,
			     &error);
	if (!n)
		*ret_reply = gdb_reply_error(error);
	walk->addr += n;
	walk->left -= n;
	return n;
}

static GdbReply start(GdbSession *session, Walk *walk, const GdbArgs *args,
		      bool (*step)(GdbSession *, GdbWork *, GdbReply *))
{
	uint64_t addr = args->v[0].number, len = args->v[1].number;

	if (len && len - 1 > UINT64_MAX - addr) {
		walk_free(&walk->work);
		return gdb_reply_fail(GDB_ERROR_FAULT, "the range runs past the last address");
	}
	walk->work.step = step;
	walk->work.free = walk_free;
	walk->deadline = g_get_monotonic_time() + GDB_WALK_MS * 1000;
	walk->place = session->view.place;
	walk->addr = addr;
	walk->left = len;
	session->work = &walk->work;
	return gdb_reply(GDB_REPLY_WORK);
}

/* Forget what can not be the beginning of a match any more. */
static void trim_window(Walk *walk, size_t pattern_len)
{
	if (walk->window->len >= pattern_len)
		g_byte_array_remove_range(walk->window, 0, walk->window->len - (pattern_len - 1));
}

static bool search_step(GdbSession *session, GdbWork *work, GdbReply *ret_reply)
{
	Walk *walk = (Walk *)work;
	const void *pattern, *hit;
	size_t pattern_len, n;

	pattern = g_bytes_get_data(walk->pattern, &pattern_len);
	*ret_reply = gdb_reply(GDB_REPLY_DATA);
	if (!walk->left) {
		g_string_append_c(session->reply, '0');
		return true;
	}
	n = walk_read(session, walk, ret_reply);
	if (!n)
		return true;
	g_byte_array_append(walk->window, session->memory, n);
	hit = memmem(walk->window->data, walk->window->len, pattern, pattern_len);
	if (!hit) {
		trim_window(walk, pattern_len);
		return false;
	}
	n = walk->window->data + walk->window->len - (const uint8_t *)hit;
	g_string_append(session->reply, "1,");
	gdb_number_append(session->reply, walk->addr - n);
	return true;
}

static GdbReply cmd_search(GdbSession *session, const GdbArgs *args)
{
	const GdbText *pattern = &args->v[2].text;
	Walk *walk;

	if (!gdb_text_left(pattern))
		return gdb_reply_fail(GDB_ERROR_INVAL, "qSearch:memory with an empty pattern");
	walk = g_new0(Walk, 1);
	walk->what = "the search";
	walk->pattern = g_bytes_new(pattern->at, gdb_text_left(pattern));
	walk->window = g_byte_array_new();
	return start(session, walk, args, search_step);
}

#define CRC_POLYNOMIAL 0x04c11db7u

static void crc_prepare(Walk *walk)
{
	for (uint32_t n = 0; n < 256; n++) {
		uint32_t crc = n << 24;

		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc >> 31 ? CRC_POLYNOMIAL : 0);
		walk->crc_table[n] = crc;
	}
	walk->crc = UINT32_MAX;
}

static bool crc_step(GdbSession *session, GdbWork *work, GdbReply *ret_reply)
{
	Walk *walk = (Walk *)work;
	size_t n;

	*ret_reply = gdb_reply(GDB_REPLY_DATA);
	if (!walk->left) {
		g_string_append_printf(session->reply, "C%08x", walk->crc);
		return true;
	}
	n = walk_read(session, walk, ret_reply);
	if (!n)
		return true;
	for (size_t at = 0; at < n; at++)
		walk->crc = walk->crc << 8 ^
			    walk->crc_table[(walk->crc >> 24 ^ session->memory[at]) & 0xff];
	return false;
}

static GdbReply cmd_crc(GdbSession *session, const GdbArgs *args)
{
	Walk *walk = g_new0(Walk, 1);

	walk->what = "the checksum";
	crc_prepare(walk);
	return start(session, walk, args, crc_step);
}

static const GdbCommand rows[] = {
	{"qSearch:memory:", GDB_MATCH_PREFIX, "x;x;*", GDB_WHEN_STOPPED, false, cmd_search},
	{"qCRC:", GDB_MATCH_PREFIX, "x,x", GDB_WHEN_STOPPED, false, cmd_crc},
};

const GdbCommandTable gdb_commands_search = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.errors = GDB_ERROR_FORM_CITED,
};

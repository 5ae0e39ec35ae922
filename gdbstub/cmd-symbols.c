/*
 * gdbstub/cmd-symbols.c - the program in the target: its file, where it was moved, its symbols.
 *
 * gdb manual, "General Query Packets": qXfer:exec-file:read, qOffsets, qSymbol.
 *
 * qOffsets has three readers that want different things. gdb and lldb ask once, when they connect,
 * and relocate their symbols by the answer; each understands another form of it. Plug-ins of gdb
 * that look for a whole machine ask later by hand, and take anything but an empty answer for a
 * user program. So it is answered once, to a client that showed which one it is, and not after
 * packets that come later than gdb's own question.
 */
#include "gdbstub/internal.h"
#include "gdbstub/xfer.h"

const char *gdb_session_exec_file(const GdbSession *session)
{
	return session->ops->exec_file ? session->ops->exec_file(session->target) : NULL;
}

/* The annex is a process id or nothing; there is only one process. */
static GdbReply cmd_exec_file(GdbSession *session, const GdbArgs *args)
{
	const char *path = gdb_session_exec_file(session);
	GdbText annex = args->v[0].text;
	uint64_t process = GDB_PROCESS;

	if (!path)
		return gdb_reply(GDB_REPLY_EMPTY);
	if (gdb_text_left(&annex) &&
	    (!gdb_text_number(&annex, &process) || gdb_text_left(&annex) || process != GDB_PROCESS))
		return gdb_reply_fail(GDB_ERROR_NOENT, "no such process: the machine is process %d",
				      GDB_PROCESS);
	if (!gdb_xfer_append(session->reply, path, strlen(path), args->v[1].number,
			     args->v[2].number))
		return gdb_reply_fail(GDB_ERROR_INVAL, "offset beyond the end of the path");
	return gdb_reply(GDB_REPLY_DATA);
}

bool gdb_symbols_ends_offsets(const char *name)
{
	static const char *const later[] = {"g", "c", "C", "s", "S", "vCont;", "qSymbol:", NULL};

	return g_strv_contains(later, name) || g_ascii_strncasecmp(name, "qqemu.", 6) == 0;
}

static GdbReply cmd_offsets(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	bool is_lldb = session->agreed.thread_suffix, over = session->run.offsets_over;
	uint64_t slide, text;

	session->run.offsets_over = true;
	if (over || (!is_lldb && !session->agreed.is_gdb) || !session->ops->load_offset ||
	    !session->ops->load_offset(session->target, &slide, &text) || !slide)
		return gdb_reply(GDB_REPLY_EMPTY);
	/* gdb moves all sections only by TextSeg; lldb takes that for a difference. */
	if (is_lldb)
		g_string_append_printf(session->reply,
				       "Text=%" PRIx64 ";Data=%" PRIx64 ";Bss=%" PRIx64, slide,
				       slide, slide);
	else
		g_string_append_printf(session->reply, "TextSeg=%" PRIx64, text);
	return gdb_reply(GDB_REPLY_DATA);
}

/* "qSymbol:" and the name of the @n-th symbol that the target wants; OK when it wants no more. */
static GdbReply ask_symbol(GdbSession *session, const char *const *names, unsigned n)
{
	if (!names[n])
		return gdb_reply(GDB_REPLY_OK);
	g_string_append(session->reply, "qSymbol:");
	gdb_hex_append(session->reply, (const uint8_t *)names[n], strlen(names[n]));
	return gdb_reply(GDB_REPLY_DATA);
}

static int find_name(const char *const *names, const GdbText *hex)
{
	for (unsigned n = 0; names[n]; n++) {
		g_autoptr(GString) name = g_string_new(NULL);

		gdb_hex_append(name, (const uint8_t *)names[n], strlen(names[n]));
		if (name->len == gdb_text_left(hex) && memcmp(name->str, hex->at, name->len) == 0)
			return n;
	}
	return -1;
}

/*
 * "qSymbol::": the client offers to look up symbols, when it connects and whenever it has loaded
 * some. "qSymbol:VALUE:NAME": what it has found, without VALUE nothing.
 */
static GdbReply cmd_symbol(GdbSession *session, const GdbArgs *args)
{
	const GdbTargetOps *ops = session->ops;
	const char *const *names =
		ops->symbols_wanted ? ops->symbols_wanted(session->target) : NULL;
	const GdbText *hex = &args->v[1].text;
	uint64_t value;
	int n;

	if (!names)
		return gdb_reply(GDB_REPLY_OK);
	if (!gdb_text_left(hex))
		return ask_symbol(session, names, 0);
	n = find_name(names, hex);
	if (n < 0)
		return gdb_reply(GDB_REPLY_OK);
	GdbText text = args->v[0].text;
	if (gdb_text_left(&text) && gdb_text_number(&text, &value))
		ops->symbol_told(session->target, n, value);
	return ask_symbol(session, names, n + 1);
}

/* Nothing but the proof that an unknown packet gets the empty reply; and only gdb wants it. */
static GdbReply cmd_must_be_empty(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	session->agreed.is_gdb = true;
	return gdb_reply(GDB_REPLY_EMPTY);
}

static const GdbCommand rows[] = {
	{"qXfer:exec-file:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_ALWAYS, false, cmd_exec_file},
	{"qOffsets", GDB_MATCH_WHOLE, NULL, GDB_WHEN_STOPPED, false, cmd_offsets},
	{"qSymbol:", GDB_MATCH_PREFIX, "s:*", GDB_ALWAYS, false, cmd_symbol},
	{"vMustReplyEmpty", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_must_be_empty},
};

const GdbCommandTable gdb_commands_symbols = {rows, G_N_ELEMENTS(rows)};

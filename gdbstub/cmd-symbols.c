/*
 * gdbstub/cmd-symbols.c - the program in the target: its file, where it was moved, its symbols.
 *
 * gdb manual, "General Query Packets": qXfer:exec-file:read, qOffsets, qSymbol.
 *
 * qOffsets has three readers that want different things. gdb and lldb ask when they connect or
 * attach, and relocate their symbols by the answer; each understands another form of it. Plug-ins
 * that look for a whole machine ask by hand, also while gdb is still connecting, and take anything
 * but an empty answer for a user program.
 *
 * When gdb connects, its own question comes right after Hc-1, and one made by hand never does. In
 * the other two cases (lldb, vAttach) it comes before certain packets that a client sends a little
 * later, and plug-ins ask right after a packet of QEMU's.
 */
#include "gdbstub/internal.h"
#include "gdbstub/xfer.h"

const char *gdb_session_exec_file(GdbSession *session)
{
	const GdbProgramOps *program = session->ops->program;
	const char *own = gdb_session_program(session);

	return own || !program ? own : program->exec_file(session->target);
}

/* The annex is a process id or nothing; there is only one process. */
static GdbReply cmd_exec_file(GdbSession *session, const GdbArgs *args)
{
	GdbText annex = args->v[0].text;
	uint64_t process = GDB_PROCESS;
	const char *path;

	if (!gdb_session_knows_program(session))
		return gdb_reply(GDB_REPLY_WORK);
	path = gdb_session_exec_file(session);
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

static bool ends_offsets(const char *name)
{
	static const char *const later[] = {"g", "c", "C", "s", "S", "vCont;", "qSymbol:", NULL};

	return g_strv_contains(later, name);
}

static void note_packet(GdbSession *session, const GdbCommand *row)
{
	session->run.previous = row ? row->name : "";
	session->run.offsets_over |= ends_offsets(session->run.previous);
}

/* Is it the client's own question? */
static bool is_own_question(const GdbSession *session, bool is_lldb)
{
	const char *previous = session->run.previous ? session->run.previous : "";

	if (g_str_equal(previous, "Hc") && !session->run.cpu_chosen)
		return true;
	return (is_lldb || session->run.by_packet) && !session->run.offsets_over &&
	       g_ascii_strncasecmp(previous, "qqemu.", 6) != 0;
}

/* How far the user's program was moved; 0: nothing is known of that. The target's own is where it
 * is. */
static uint64_t moved_by(GdbSession *session, uint64_t *ret_text)
{
	const GdbProgramOps *program = session->ops->program;
	uint64_t slide;

	if (gdb_session_program(session) || !program ||
	    !program->load_offset(session->target, &slide, ret_text))
		return 0;
	return slide;
}

static GdbReply cmd_offsets(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	bool is_lldb = session->agreed.thread_suffix;
	uint64_t slide, text = 0;

	if (!gdb_session_knows_program(session))
		return gdb_reply(GDB_REPLY_WORK);
	if (!is_own_question(session, is_lldb))
		return gdb_reply(GDB_REPLY_EMPTY);
	slide = moved_by(session, &text);
	if (!slide && !is_lldb)
		return gdb_reply(GDB_REPLY_EMPTY);
	session->run.offsets_over = true;
	/*
	 * gdb moves all sections only by TextSeg. lldb takes that for a difference, and knows no
	 * address of its program before it is told of one, be it 0.
	 */
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
	const char *const *names = ops->symbols ? ops->symbols->wanted(session->target) : NULL;
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
		ops->symbols->resolved(session->target, n, value);
	return ask_symbol(session, names, n + 1);
}

static const GdbCommand rows[] = {
	{"qXfer:exec-file:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_ALWAYS, false, cmd_exec_file},
	{"qOffsets", GDB_MATCH_WHOLE, NULL, GDB_WHEN_STOPPED, false, cmd_offsets},
	{"qSymbol:", GDB_MATCH_PREFIX, "s:*", GDB_ALWAYS, false, cmd_symbol},
};

static const GdbHooks hooks = {.handled = note_packet};

const GdbCommandTable gdb_commands_symbols = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.hooks = &hooks,
};

/*
 * gdbstub/cmd-thread.c - the packets about threads: H T qC qfThreadInfo qThreadExtraInfo.
 *
 * gdb manual, "Packets" and "General Query Packets". Thread n + 1 is CPU n, for ever: clients
 * count on it. So an unplugged CPU leaves a hole in the numbers.
 */
#include "gdbstub/internal.h"

/* "Any" is the thread that stopped last; "all" makes no sense here and changes nothing. */
static GdbReply cmd_choose(GdbSession *session, const GdbArgs *args)
{
	const GdbThread *thread = &args->v[0].thread;
	GError *error = NULL;
	GdbPlace place;

	if (!gdb_session_find_place(session, thread, &place, &error))
		return gdb_reply_error(error);
	if (thread->thread > 0)
		session->view.place = place;
	else if (thread->thread == GDB_THREAD_ANY)
		session->view.place = gdb_place_cpu(session->run.stop.cpu);
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_choose_run(GdbSession *session, const GdbArgs *args)
{
	const GdbThread *thread = &args->v[0].thread;
	GError *error = NULL;
	unsigned cpu;

	if (!gdb_session_find_cpu(session, thread, &cpu, &error))
		return gdb_reply_error(error);
	session->run.cpu_chosen = thread->thread > 0;
	session->run.cpu = cpu;
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_alive(GdbSession *session, const GdbArgs *args)
{
	GError *error = NULL;
	GdbPlace place;

	if (!gdb_session_find_place(session, &args->v[0].thread, &place, &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_current(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_string_append(session->reply, "QC");
	gdb_place_append_thread(session, session->reply, session->view.place);
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_list(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_autoptr(GArray) places = gdb_session_places(session);

	for (unsigned n = 0; n < places->len; n++) {
		g_string_append_c(session->reply, session->reply->len ? ',' : 'm');
		gdb_place_append_thread(session, session->reply,
					g_array_index(places, GdbPlace, n));
	}
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_list_rest(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_string_append_c(session->reply, 'l');
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_describe(GdbSession *session, const GdbArgs *args)
{
	g_autoptr(GString) text = g_string_new(NULL);
	GError *error = NULL;
	GdbPlace place;

	if (!gdb_session_find_place(session, &args->v[0].thread, &place, &error))
		return gdb_reply_error(error);
	session->ops->cpus->describe(session->target, place, text);
	gdb_hex_append(session->reply, text->str, MIN(text->len, GDB_PACKET_MAX / 2));
	return gdb_reply(GDB_REPLY_DATA);
}

static const GdbCommand rows[] = {
	{"Hg", GDB_MATCH_PREFIX, "t", GDB_AT_ONCE, false, cmd_choose},
	{"Hc", GDB_MATCH_PREFIX, "t", GDB_AT_ONCE, false, cmd_choose_run},
	{"T", GDB_MATCH_PREFIX, "t", GDB_AT_ONCE, false, cmd_alive},
	{"qC", GDB_MATCH_WHOLE, NULL, GDB_AT_ONCE, false, cmd_current},
	{"qfThreadInfo", GDB_MATCH_WHOLE, NULL, GDB_AT_ONCE, false, cmd_list},
	{"qsThreadInfo", GDB_MATCH_WHOLE, NULL, GDB_AT_ONCE, false, cmd_list_rest},
	{"qThreadExtraInfo,", GDB_MATCH_PREFIX, "t", GDB_WHEN_ATTACHED, false, cmd_describe},
};

const GdbCommandTable gdb_commands_thread = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

/*
 * gdbstub/cmd-query.c - who talks to whom: qSupported, ack mode, extended mode, qAttached, version.
 *
 * gdb manual, "General Query Packets".
 */
#include "gdbstub/internal.h"

typedef struct Offer {
	const char *name;
	size_t offset; /* of a bool in GdbFeatures */
} Offer;

static const Offer offers[] = {
	{"multiprocess+", G_STRUCT_OFFSET(GdbFeatures, multiprocess)},
	{"swbreak+", G_STRUCT_OFFSET(GdbFeatures, swbreak)},
	{"hwbreak+", G_STRUCT_OFFSET(GdbFeatures, hwbreak)},
	{"multi-wp-addr+", G_STRUCT_OFFSET(GdbFeatures, multi_watch)},
	{"exec-events+", G_STRUCT_OFFSET(GdbFeatures, exec)},
	{"error-message+", G_STRUCT_OFFSET(GdbFeatures, error_message)},
};

static void accept_offers(GdbFeatures *features, GdbText text)
{
	for (unsigned n = 0; n < G_N_ELEMENTS(offers); n++)
		G_STRUCT_MEMBER(bool, features, offers[n].offset) = false;
	do {
		GdbText word = gdb_text_until(&text, ';');

		for (unsigned n = 0; n < G_N_ELEMENTS(offers); n++) {
			if (gdb_text_equal(&word, offers[n].name))
				G_STRUCT_MEMBER(bool, features, offers[n].offset) = true;
		}
	} while (gdb_text_char(&text, ';'));
}

/* Without arguments, as scripts send it in mid-session, it is only a question. */
static GdbReply cmd_supported(GdbSession *session, const GdbArgs *args)
{
	if (!gdb_session_knows_program(session))
		return gdb_reply(GDB_REPLY_WORK);
	if (args->n > 0) {
		session->agreed.has_offered = true;
		accept_offers(&session->agreed.features, args->v[0].text);
	}
	g_string_append_printf(session->reply,
			       "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;"
			       "qXfer:threads:read+;vContSupported+;multiprocess+;error-message+;"
			       "binary-upload+;qEcho+;MultiMemRead+",
			       GDB_PACKET_MAX);
	if (gdb_session_exec_file(session))
		g_string_append(session->reply, ";qXfer:exec-file:read+");
	if (gdb_session_offers_libraries(session))
		g_string_append(session->reply, ";qXfer:libraries:read+");
	if (gdb_session_tells_of_programs(session))
		g_string_append(session->reply, ";exec-events+");
	if (session->ops->os && session->ops->os->tables)
		g_string_append(session->reply, ";qXfer:osdata:read+");
	if (session->ops->os && session->ops->os->vmcoreinfo)
		g_string_append(session->reply, ";qXfer:vmcoreinfo:read+");
	if (session->ops->non_stop)
		g_string_append(session->reply, ";QNonStop+");
	if (session->ops->breaks)
		g_string_append(session->reply, ";swbreak+;hwbreak+;jMultiBreakpoint+");
	if (session->ops->breaks && session->ops->breaks->insert_code)
		g_string_append(session->reply, ";ConditionalBreakpoints+;BreakpointCommands+");
	return gdb_reply(GDB_REPLY_DATA);
}

/* The OK is still acknowledged by the client, with the last + that comes. */
static GdbReply cmd_no_ack(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	session->wire.last_plus = !session->wire.no_ack;
	session->wire.no_ack = true;
	return gdb_reply(GDB_REPLY_OK);
}

/* Extended mode: D and k leave the connection open in any case; only vKill differs. */
static GdbReply cmd_extended(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	session->agreed.extended = true;
	return gdb_reply(GDB_REPLY_OK);
}

/* 1: the client did not start the machine, so it should detach, not kill, when it quits. */
static GdbReply cmd_attached(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_string_append_c(session->reply, '1');
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_server_version(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	const char *space = strchr(session->version, ' ');
	int name_len = space ? (int)(space - session->version) : (int)strlen(session->version);

	g_string_append_printf(session->reply, "name:%.*s;version:%s;", name_len, session->version,
			       space ? space + 1 : "");
	return gdb_reply(GDB_REPLY_DATA);
}

static const GdbCommand rows[] = {
	{"qSupported", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_supported},
	{"qSupported:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_supported},
	{"QStartNoAckMode", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_no_ack},
	{"!", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_extended},
	{"qAttached", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_attached},
	{"qAttached:", GDB_MATCH_PREFIX, "x", GDB_ALWAYS, false, cmd_attached},
	{"qGDBServerVersion", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_server_version},
};

const GdbCommandTable gdb_commands_query = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

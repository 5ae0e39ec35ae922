/*
 * gdbstub/cmd-library.c - qXfer:libraries:read: the files that are loaded beside the program.
 *
 * gdb manual, "Library List Format". gdb reads the list only where no system that it knows runs;
 * for others it looks by itself into structures of user programs that a kernel has not. So a
 * client that shall read it is told in the registers' description that there is no such system.
 */
#include "gdbstub/internal.h"
#include "gdbstub/xfer.h"

bool gdb_session_offers_libraries(GdbSession *session)
{
	const GdbLibraryOps *libraries = session->ops->libraries;

	if (!libraries)
		return false;
	if (session->agreed.libraries == GDB_OFFER_OPEN && session->state == GDB_SESSION_STOPPED)
		session->agreed.libraries =
			libraries->offers(session->target) ? GDB_OFFER_MADE : GDB_OFFER_NONE;
	return session->agreed.libraries == GDB_OFFER_MADE;
}

/* gdb refuses the whole list for one that is nowhere. */
static void append_library(GString *xml, const GdbLibrary *library)
{
	if (!library->n_sections && !library->segment)
		return;
	g_string_append(xml, "<library name=\"");
	gdb_xml_append(xml, library->name);
	g_string_append(xml, "\">");
	if (library->segment)
		g_string_append_printf(xml, "<segment address=\"0x%" PRIx64 "\"/>",
				       library->segment);
	for (unsigned n = 0; n < library->n_sections && !library->segment; n++)
		g_string_append_printf(xml, "<section address=\"0x%" PRIx64 "\"/>",
				       library->sections[n]);
	g_string_append(xml, "</library>\n");
}

static bool make_libraries(GdbSession *session, const char *annex, GString *xml, GError **error)
{
	const GdbLibrary *libraries;
	GError *failure = NULL;
	unsigned n_libraries = 0;

	if (!gdb_session_no_annex(annex, error) || !gdb_session_check_stopped(session, error))
		return false;
	libraries = session->ops->libraries->list(session->target, &n_libraries, &failure);
	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	g_string_append(xml, "<?xml version=\"1.0\"?>\n<library-list>\n");
	for (unsigned n = 0; n < n_libraries; n++)
		append_library(xml, &libraries[n]);
	g_string_append(xml, "</library-list>\n");
	return true;
}

static GdbReply cmd_libraries(GdbSession *session, const GdbArgs *args)
{
	GdbReply reply;

	if (!gdb_session_knows_program(session))
		return gdb_reply(GDB_REPLY_WORK);
	if (!gdb_session_offers_libraries(session))
		return gdb_reply(GDB_REPLY_EMPTY);
	if (!gdb_session_knows_system(session, &reply))
		return reply;
	return gdb_session_document(session, args, "libraries", make_libraries);
}

static const GdbCommand rows[] = {
	{"qXfer:libraries:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_ALWAYS, false, cmd_libraries},
};

const GdbCommandTable gdb_commands_library = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

/*
 * gdbstub/cmd-xfer.c - qXfer: documents that the client reads piece by piece.
 *
 * gdb manual, "General Query Packets", qXfer; "Thread List Format".
 */
#include "gdbstub/internal.h"
#include "gdbstub/xfer.h"

/* The window that @args (annex, offset, length) asks for. */
static GdbReply answer(GdbSession *session, const GdbArgs *args, const char *document, size_t len)
{
	if (!gdb_xfer_append(session->reply, document, len, args->v[1].number, args->v[2].number))
		return gdb_reply_fail(GDB_ERROR_INVAL,
				      "offset beyond the %zu bytes of the document", len);
	return gdb_reply(GDB_REPLY_DATA);
}

/*
 * qSupported has no word for it. gdb and lldb know <flags>: every gdb since 2015 says swbreak+, and
 * lldb asks for thread suffixes before it asks for the registers. radare2, which says neither,
 * takes each field of each flags register for one more register.
 */
static bool knows_flags(const GdbAgreed *agreed)
{
	return !agreed->has_offered || agreed->features.swbreak || agreed->thread_suffix;
}

static bool is_gdb(const GdbAgreed *agreed)
{
	return agreed->features.swbreak && !agreed->thread_suffix;
}

static GdbReply cmd_features(GdbSession *session, const GdbArgs *args)
{
	const GdbRegSet *set = session->ops->registers->set(session->target);
	const char *xml;

	if (!gdb_session_knows_program(session))
		return gdb_reply(GDB_REPLY_WORK);
	if (!gdb_text_equal(&args->v[0].text, "target.xml"))
		return gdb_reply_fail(GDB_ERROR_NOENT, "no such annex; expected 'target.xml'");
	if (!knows_flags(&session->agreed))
		xml = gdb_reg_set_plain_xml(set);
	else if (is_gdb(&session->agreed) && gdb_session_offers_libraries(session))
		xml = gdb_reg_set_bare_xml(set);
	else
		xml = gdb_reg_set_xml(set);
	return answer(session, args, xml, strlen(xml));
}

/* ---- Documents that are made for a reading ---- */

static void forget_document(GdbSession *session)
{
	if (session->document)
		g_string_free(session->document, TRUE);
	session->document = NULL;
	g_clear_pointer(&session->document_name, g_free);
}

/* FALSE with @error: there is no such one. */
static bool make_document(GdbSession *session, GdbMakeDocument *make, const char *annex,
			  const char *name, GError **error)
{
	forget_document(session);
	session->document = g_string_new(NULL);
	session->document_name = g_strdup(name);
	if (make(session, annex, session->document, error))
		return true;
	forget_document(session);
	return false;
}

GdbReply gdb_session_document(GdbSession *session, const GdbArgs *args, const char *object,
			      GdbMakeDocument *make)
{
	const GdbText *text = &args->v[0].text;
	g_autofree char *annex = g_strndup(text->at, gdb_text_left(text));
	g_autofree char *name = g_strconcat(object, ":", annex, NULL);
	GError *error = NULL;
	GdbReply reply;

	/* Made again when a reading starts, so that its pieces fit together. */
	if ((!args->v[1].number || g_strcmp0(session->document_name, name) != 0) &&
	    !make_document(session, make, annex, name, &error))
		return gdb_reply_error(error);
	reply = answer(session, args, session->document->str, session->document->len);
	if (session->reply->str[0] == 'l')
		forget_document(session);
	return reply;
}

bool gdb_session_no_annex(const char *annex, GError **error)
{
	if (!*annex)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "no such annex; expected none");
	return false;
}

bool gdb_session_check_stopped(const GdbSession *session, GError **error)
{
	if (session->state == GDB_SESSION_STOPPED)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY,
		    "the target is not stopped: interrupt it before");
	return false;
}

/* @text is room for words. */
static void append_thread(GdbSession *session, GString *xml, GdbPlace place, GString *text)
{
	g_string_append(xml, "<thread id=\"");
	gdb_place_append_thread(session, xml, place);
	/* What gdb 17 and later calls it in place of "Thread 1.1". */
	g_string_append_printf(xml, "\" id_str=\"%s %u", place.task ? "task" : "CPU",
			       place.task ? place.task : place.cpu);
	g_string_append(xml, "\" name=\"");
	g_string_truncate(text, 0);
	gdb_place_append_name(session, text, place);
	gdb_xml_append(xml, text->str);
	g_string_append(xml, "\">");
	g_string_truncate(text, 0);
	session->ops->cpus->describe(session->target, place, text);
	gdb_xml_append(xml, text->str);
	g_string_append(xml, "</thread>\n");
}

static bool make_threads(GdbSession *session, const char *annex, GString *xml, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GArray) places = NULL;

	if (!gdb_session_no_annex(annex, error))
		return false;
	g_string_assign(xml, "<?xml version=\"1.0\"?>\n<threads>\n");
	places = gdb_session_places(session);
	for (unsigned n = 0; n < places->len; n++)
		append_thread(session, xml, g_array_index(places, GdbPlace, n), text);
	g_string_append(xml, "</threads>\n");
	return true;
}

static GdbReply cmd_threads(GdbSession *session, const GdbArgs *args)
{
	return gdb_session_document(session, args, "threads", make_threads);
}

static const GdbCommand rows[] = {
	{"qXfer:features:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_ALWAYS, false, cmd_features},
	{"qXfer:threads:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_WHEN_ATTACHED, false, cmd_threads},
};

static const GdbHooks hooks = {.gone = forget_document};

const GdbCommandTable gdb_commands_xfer = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.hooks = &hooks,
};

/*
 * gdbstub/cmd-xfer.c - qXfer: documents that the client reads piece by piece.
 *
 * gdb manual, "General Query Packets", qXfer; "Thread List Format".
 */
#include "gdbstub/internal.h"
#include "gdbstub/xfer.h"

bool gdb_xfer_append(GString *out, const char *document, size_t len, uint64_t offset,
		     uint64_t length)
{
	size_t n;

	if (offset > len)
		return false;
	n = MIN(len - offset, length);
	n = gdb_frame_fit(document + offset, n, GDB_PACKET_MAX - 1);
	g_string_append_c(out, offset + n == len ? 'l' : 'm');
	g_string_append_len(out, document + offset, n);
	return true;
}

/* The window that @args (annex, offset, length) asks for. */
static GdbReply answer(GdbSession *session, const GdbArgs *args, const char *document, size_t len)
{
	if (!gdb_xfer_append(session->reply, document, len, args->v[1].number, args->v[2].number))
		return gdb_reply_fail(GDB_ERROR_INVAL,
				      "offset beyond the %zu bytes of the document", len);
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply no_annex(const char *expected)
{
	return gdb_reply_fail(GDB_ERROR_NOENT, "no such annex; expected '%s'", expected);
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

static GdbReply cmd_features(GdbSession *session, const GdbArgs *args)
{
	const GdbRegSet *set = session->ops->registers->set(session->target);
	const char *xml;

	if (!gdb_text_equal(&args->v[0].text, "target.xml"))
		return no_annex("target.xml");
	xml = knows_flags(&session->agreed) ? gdb_reg_set_xml(set) : gdb_reg_set_plain_xml(set);
	return answer(session, args, xml, strlen(xml));
}

static void append_thread(GdbSession *session, GString *xml, unsigned cpu)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *safe = NULL;

	session->ops->cpus->describe(session->target, cpu, text);
	safe = g_markup_escape_text(text->str, text->len);
	g_string_append(xml, "<thread id=\"");
	gdb_thread_append(xml, cpu, session->agreed.features.multiprocess);
	g_string_append_printf(xml, "\" name=\"vCPU %u\">%s</thread>\n", cpu, safe);
}

static void build_threads(GdbSession *session, GString *xml)
{
	unsigned n_cpus = session->ops->cpus->count(session->target);

	g_string_assign(xml, "<?xml version=\"1.0\"?>\n<threads>\n");
	for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
		if (gdb_session_has_cpu(session, cpu))
			append_thread(session, xml, cpu);
	}
	g_string_append(xml, "</threads>\n");
}

static GdbReply cmd_threads(GdbSession *session, const GdbArgs *args)
{
	if (!gdb_text_equal(&args->v[0].text, ""))
		return no_annex("");
	/* Made again when a reading starts, so that its pieces fit together. */
	if (!args->v[1].number || !session->threads_xml->len)
		build_threads(session, session->threads_xml);
	return answer(session, args, session->threads_xml->str, session->threads_xml->len);
}

static const GdbCommand rows[] = {
	{"qXfer:features:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_ALWAYS, false, cmd_features},
	{"qXfer:threads:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_WHEN_ATTACHED, false, cmd_threads},
};

const GdbCommandTable gdb_commands_xfer = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

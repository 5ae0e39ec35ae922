/*
 * gdbstub/cmd-os.c - what the client reads of the system that runs in the target: qXfer of osdata
 * and vmcoreinfo.
 *
 * gdb manual, "General Query Packets", qXfer; "Operating System Information". vmcoreinfo is drgn's:
 * the text of the note of that name, with an empty annex.
 */
#include "gdbstub/internal.h"
#include "gdbstub/xfer.h"

/* ---- info os ---- */

static void append_column(GString *xml, const char *title, const char *text)
{
	g_string_append(xml, "<column name=\"");
	gdb_xml_append(xml, title);
	g_string_append(xml, "\">");
	gdb_xml_append(xml, text);
	g_string_append(xml, "</column>");
}

static void append_rows(GString *xml, const char *const *columns, const GPtrArray *cells)
{
	unsigned n_columns = g_strv_length((char **)columns);

	for (unsigned at = 0; at + n_columns <= cells->len; at += n_columns) {
		g_string_append(xml, "<item>");
		for (unsigned n = 0; n < n_columns; n++)
			append_column(xml, columns[n], cells->pdata[at + n]);
		g_string_append(xml, "</item>\n");
	}
}

/* The list of tables is one more. gdb shows the first two columns of it. */
static void list_tables(const GdbOsTable *table, GPtrArray *cells)
{
	for (; table->name; table++) {
		g_ptr_array_add(cells, g_strdup(table->name));
		g_ptr_array_add(cells, g_strdup(table->help));
		g_ptr_array_add(cells, g_strdup(table->title));
	}
}

static const GdbOsTable *find_table(const GdbOsTable *table, const char *name)
{
	while (table->name && !g_str_equal(table->name, name))
		table++;
	return table->name ? table : NULL;
}

static bool set_no_table(const GdbOsTable *table, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (; table->name; table++)
		g_string_append_printf(names, "%s%s", names->len ? ", " : "", table->name);
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "no such table; there are: %s", names->str);
	return false;
}

static bool make_osdata(GdbSession *session, const char *annex, GString *xml, GError **error)
{
	static const char *const titles[] = {"Type", "Description", "Title", NULL};
	g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
	const GdbOsTable *tables = session->ops->os->tables, *table = find_table(tables, annex);

	if (*annex && !table)
		return set_no_table(tables, error);
	if (!table)
		list_tables(tables, cells);
	else if (!gdb_session_check_stopped(session, error) ||
		 !table->fill(session->target, cells, error))
		return false;
	g_string_append(xml, "<?xml version=\"1.0\"?>\n<osdata type=\"");
	gdb_xml_append(xml, table ? table->name : "types");
	g_string_append(xml, "\">\n");
	append_rows(xml, table ? table->columns : titles, cells);
	g_string_append(xml, "</osdata>\n");
	return true;
}

static GdbReply cmd_osdata(GdbSession *session, const GdbArgs *args)
{
	GdbReply reply;

	if (!session->ops->os || !session->ops->os->tables)
		return gdb_reply(GDB_REPLY_EMPTY);
	/* The list of tables is no question to the system. */
	if (gdb_text_left(&args->v[0].text) && !gdb_session_knows_system(session, &reply))
		return reply;
	return gdb_session_document(session, args, "osdata", make_osdata);
}

/* ---- vmcoreinfo ---- */

static bool make_vmcoreinfo(GdbSession *session, const char *annex, GString *text, GError **error)
{
	return gdb_session_no_annex(annex, error) && gdb_session_check_stopped(session, error) &&
	       session->ops->os->vmcoreinfo(session->target, text, error);
}

static GdbReply cmd_vmcoreinfo(GdbSession *session, const GdbArgs *args)
{
	GdbReply reply;

	if (!session->ops->os || !session->ops->os->vmcoreinfo)
		return gdb_reply(GDB_REPLY_EMPTY);
	if (!gdb_session_knows_system(session, &reply))
		return reply;
	return gdb_session_document(session, args, "vmcoreinfo", make_vmcoreinfo);
}

static const GdbCommand rows[] = {
	{"qXfer:osdata:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_ALWAYS, false, cmd_osdata},
	{"qXfer:vmcoreinfo:read:", GDB_MATCH_PREFIX, "s:x,x", GDB_ALWAYS, false, cmd_vmcoreinfo},
};

const GdbCommandTable gdb_commands_os = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
};

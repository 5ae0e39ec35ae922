/*
 * tests/test-docs.c - docs/vmgdb.7 against the tables of the code: the same packets, the same
 * monitor commands with the same arguments.
 */
#include <elf.h>
#include <string.h>

#include "gdbstub/internal.h"
#include "kvm/monitor.h"

#define X86_ONLY ".SS x86 only"

static char *read_page(void)
{
	const char *source = g_getenv("SRCDIR");
	g_autofree char *path = g_build_filename(source ? source : ".", "docs", "vmgdb.7", NULL);
	g_autoptr(GString) text = NULL;
	g_autoptr(GError) error = NULL;
	char *raw = NULL;

	g_assert_true(g_file_get_contents(path, &raw, NULL, &error));
	g_assert_no_error(error);
	text = g_string_new(raw);
	g_free(raw);
	g_string_replace(text, "\\-", "-", 0);
	return g_strdup(text->str);
}

/* The lines of `.B` in the section @title, without `.B`; X86_ONLY itself is kept. */
static GPtrArray *bold_lines(const char *title)
{
	g_autofree char *page = read_page();
	g_autofree char *head = g_strdup_printf("\n.SH %s\n", title);
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	char *start = strstr(page, head), *end;

	g_assert_nonnull(start);
	start += strlen(head);
	end = strstr(start, "\n.SH ");
	g_assert_nonnull(end);
	*end = '\0';
	g_auto(GStrv) all = g_strsplit(start, "\n", -1);
	bool item = false;
	for (char **line = all; *line; line++) {
		/* Only what follows .TP is a row; .B is also used in running text. */
		if (g_str_equal(*line, X86_ONLY))
			g_ptr_array_add(lines, g_strdup(*line));
		else if (item && g_str_has_prefix(*line, ".B "))
			g_ptr_array_add(lines, g_strdup(*line + 3));
		item = g_str_equal(*line, ".TP") || g_str_equal(*line, ".TQ");
	}
	return lines;
}

static void expect_same(GHashTable *documented, GHashTable *real)
{
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, documented);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		if (!g_hash_table_contains(real, name)) {
			g_test_message("only in the page: %s", (char *)name);
			g_test_fail();
		}
	}
	g_hash_table_iter_init(&iter, real);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		if (!g_hash_table_contains(documented, name)) {
			g_test_message("not in the page: %s", (char *)name);
			g_test_fail();
		}
	}
	g_assert_cmpuint(g_hash_table_size(real), >, 10);
}

static GHashTable *name_set(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

/* "qRcmd," and "vCont?" are qRcmd and vCont. */
static char *plain_name(const char *name)
{
	size_t len = strlen(name);

	while (len > 1 && strchr(":;,=?", name[len - 1]))
		len--;
	return g_strndup(name, len);
}

static void test_packets(void)
{
	g_autoptr(GHashTable) documented = name_set(), real = name_set();
	g_autoptr(GPtrArray) lines = bold_lines("PACKETS");

	for (unsigned i = 0; i < lines->len; i++) {
		g_auto(GStrv) names = g_strsplit(lines->pdata[i], ", ", -1);

		for (char **name = names; *name; name++)
			g_hash_table_add(documented, g_strdup(*name));
	}
	for (const GdbCommandTable *const *table = gdb_command_tables; *table; table++) {
		for (unsigned i = 0; i < (*table)->n_rows; i++)
			g_hash_table_add(real, plain_name((*table)->rows[i].name));
	}
	expect_same(documented, real);
}

static void add_rows(GHashTable *set, const GdbMonitorCommand *row)
{
	for (; row->name; row++)
		g_hash_table_add(set, row->args ? g_strdup_printf("%s %s", row->name, row->args)
						: g_strdup(row->name));
}

static void test_monitor(void)
{
	g_autoptr(GHashTable) documented = name_set(), real = name_set();
	g_autoptr(GPtrArray) lines = bold_lines("MONITOR COMMANDS");
	g_autofree GdbMonitorCommand *table = monitor_table_new();
	bool here = true;

	for (unsigned i = 0; i < lines->len; i++) {
		if (g_str_equal(lines->pdata[i], X86_ONLY))
			here = arch_info.elf_machine == EM_X86_64;
		else if (here)
			g_hash_table_add(documented, g_strdup(lines->pdata[i]));
	}
	add_rows(real, gdb_monitor_own_commands);
	add_rows(real, table);
	expect_same(documented, real);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/docs/packets", test_packets);
	g_test_add_func("/docs/monitor", test_monitor);
	return g_test_run();
}

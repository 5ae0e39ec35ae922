/*
 * tests/test-command.c - the sentences of gdbstub/command.h, and the real tables.
 */
#include "gdbstub/command.h"

#include <string.h>

#include "gdbstub/internal.h"

static GdbReply no_handler(G_GNUC_UNUSED GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	return gdb_reply(GDB_REPLY_OK);
}

#define ROW(name, match, schema)                                                                   \
	{                                                                                          \
		name, GDB_MATCH_##match, schema, GDB_ALWAYS, false, no_handler                     \
	}

static const GdbCommand first_rows[] = {
	ROW("q", PREFIX, "*"),
	ROW("qC", WHOLE, NULL),
	ROW("D", WHOLE, NULL),
};
static const GdbCommand second_rows[] = {
	ROW("qCRC:", PREFIX, "x,x"),
	ROW("D;", PREFIX, "x"),
	ROW("s", PREFIX, "?x"),
	ROW("s", WHOLE, NULL),
};
static const GdbCommandTable first = {.rows = first_rows, .n_rows = G_N_ELEMENTS(first_rows)};
static const GdbCommandTable second = {.rows = second_rows, .n_rows = G_N_ELEMENTS(second_rows)};
static const GdbCommandTable *const tables[] = {&first, &second, NULL};

static void check_find(const char *packet, const GdbCommand *expected, const char *rest)
{
	GdbText args;
	const GdbCommand *row = gdb_command_find(tables, packet, strlen(packet), &args);

	g_assert_true(row == expected);
	if (row && rest)
		g_assert_true(gdb_text_equal(&args, rest));
}

static void test_find(void)
{
	check_find("qC", &first_rows[1], "");
	check_find("qCR", &first_rows[0], "CR");
	check_find("qCRC:1,2", &second_rows[0], "1,2");
	check_find("D", &first_rows[2], "");
	check_find("D;1", &second_rows[1], "1");
	check_find("D1", NULL, NULL);
	check_find("s", &second_rows[3], "");
	check_find("s1", &second_rows[2], "1");
	check_find("", NULL, NULL);
	check_find("Z0", NULL, NULL);
}

static bool parse(const char *schema, const char *text, GdbArgs *args)
{
	return gdb_command_parse(schema, gdb_text(text, strlen(text)), args);
}

static void test_schema(void)
{
	GdbArgs args;

	g_assert_true(parse("x,x", "1f,2", &args));
	g_assert_cmpuint(args.n, ==, 2);
	g_assert_cmphex(args.v[0].number, ==, 0x1f);
	g_assert_cmphex(args.v[1].number, ==, 2);
	g_assert_true(parse("t", "p1.-1", &args));
	g_assert_cmpint(args.v[0].thread.thread, ==, GDB_THREAD_ALL);
	g_assert_true(parse("s:x,x", "a,b:1,2", &args));
	g_assert_true(gdb_text_equal(&args.v[0].text, "a,b"));
	g_assert_true(parse("s:x,x", ":1,2", &args));
	g_assert_true(gdb_text_equal(&args.v[0].text, ""));
	g_assert_true(parse("x:*", "1:", &args));
	g_assert_cmpuint(args.n, ==, 2);
	g_assert_true(parse("x:*", "1:ab;,:", &args));
	g_assert_true(gdb_text_equal(&args.v[1].text, "ab;,:"));
	g_assert_true(parse("", "", &args));
	g_assert_cmpuint(args.n, ==, 0);
}

static void test_optional(void)
{
	GdbArgs args;

	g_assert_true(parse("?x", "", &args));
	g_assert_cmpuint(args.n, ==, 0);
	g_assert_true(parse("?x", "5", &args));
	g_assert_cmpuint(args.n, ==, 1);
	g_assert_true(parse("x?;x", "5", &args));
	g_assert_cmpuint(args.n, ==, 1);
	g_assert_true(parse("x?;x", "5;6", &args));
	g_assert_cmpuint(args.n, ==, 2);
	g_assert_false(parse("x?;x", "5;", &args));
	g_assert_false(parse("x?;x", "5x", &args));
	g_assert_false(parse("x?;x", "", &args));
}

static void test_malformed(void)
{
	static const char *const bad[][2] = {
		{"x,x", ""},	  {"x,x", "1"},	   {"x,x", "1,"},
		{"x,x", ",1"},	  {"x,x", "1,2,"}, {"x,x", "1;2"},
		{"x,x", "zz,1"},  {"x,x", "-1,1"}, {"x,x", "1,10000000000000000"},
		{"t", ""},	  {"t", "p"},	   {"t", "1 "},
		{"s:x", "annex"}, {"", "x"},	   {"x,x,x,x,x", "1,2,3,4,5"},
	};
	GdbArgs args;

	for (size_t n = 0; n < G_N_ELEMENTS(bad); n++)
		g_assert_false(parse(bad[n][0], bad[n][1], &args));
}

static void test_shadowed(void)
{
	static const GdbCommand twice_rows[] = {ROW("qC", WHOLE, NULL)};
	static const GdbCommand many_rows[] = {ROW("many", PREFIX, "x,x,x,x,x")};
	static const GdbCommandTable twice = {.rows = twice_rows, .n_rows = 1},
				     many = {.rows = many_rows, .n_rows = 1};
	const GdbCommandTable *const bad[] = {&first, &second, &twice, NULL};
	const GdbCommandTable *const too_many[] = {&first, &many, NULL};

	g_assert_null(gdb_command_shadowed(tables));
	g_assert_cmpstr(gdb_command_shadowed(bad), ==, "qC");
	g_assert_cmpstr(gdb_command_shadowed(too_many), ==, "many");
}

static void test_real_tables(void)
{
	unsigned n_rows = 0;

	g_assert_null(gdb_command_shadowed(gdb_command_tables));
	for (int n = 0; gdb_command_tables[n]; n++) {
		for (unsigned at = 0; at < gdb_command_tables[n]->n_rows; at++, n_rows++) {
			const GdbCommand *row = &gdb_command_tables[n]->rows[at];

			g_assert_nonnull(row->handler);
			g_assert_cmpuint(row->states, !=, 0);
			/* Nothing is handled before the world has stopped. */
			g_assert_false(row->states & GDB_SESSION_ATTACHING);
			g_assert_true((row->match == GDB_MATCH_PREFIX) == (row->schema != NULL));
			/* A stop is owed only by what resumes or attaches, which needs a stop. */
			if (row->may_stop)
				g_assert_false(row->states & GDB_SESSION_RUNNING);
		}
	}
	g_assert_cmpuint(n_rows, >=, 40);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/command/find", test_find);
	g_test_add_func("/command/schema", test_schema);
	g_test_add_func("/command/optional", test_optional);
	g_test_add_func("/command/malformed", test_malformed);
	g_test_add_func("/command/shadowed", test_shadowed);
	g_test_add_func("/command/real-tables", test_real_tables);
	return g_test_run();
}

/*
 * tests/test-regs.c - the sentences of gdbstub/regs.h.
 */
#include "gdbstub/regs.h"

#include <string.h>

static const GdbReg core[] = {
	{"r0", 0, 64, "int64", "general", 0, 0},
	{"pc", 2, 64, "code_ptr", NULL, 0, 0},
	{"flags", 1, 32, "my_flags", "general", 0, 0},
};
static const GdbReg extra[] = {
	{"v<0>", 10, 128, "vec", "vector", 0, 0},
	{"tiny", 3, 8, NULL, "a&b", 0, 0},
	{"cr9", 11, 64, "int64", "system", 0, 0},
};

static const GdbArchitecture architecture = {.name = "k&r:64", .pointer_bytes = 8};

static GdbRegSet *make_set(void)
{
	GdbRegSet *set = gdb_reg_set_new(&architecture, 3, 2);
	GdbFeature feature = {"org.gnu.gdb.core", "<flags id=\"my_flags\" size=\"4\"/>\n", core,
			      G_N_ELEMENTS(core)};
	GdbReg *copy;

	gdb_reg_set_add(set, &feature);
	/* Rows are copied: ours may go. */
	copy = g_memdup2(extra, sizeof(extra));
	feature = (GdbFeature){"org.vmgdb.extra", NULL, copy, G_N_ELEMENTS(extra)};
	gdb_reg_set_add(set, &feature);
	memset(copy, 0, sizeof(extra));
	g_free(copy);
	return set;
}

static void test_lookup(void)
{
	g_autoptr(GdbRegSet) set = make_set();

	g_assert_cmpstr(gdb_reg_set_by_num(set, 10)->name, ==, "v<0>");
	g_assert_cmpuint(gdb_reg_set_by_name(set, "flags")->num, ==, 1);
	g_assert_cmpstr(gdb_reg_set_pc(set)->name, ==, "pc");
	g_assert_null(gdb_reg_set_by_num(set, 4));
	g_assert_null(gdb_reg_set_by_num(set, UINT_MAX));
	g_assert_null(gdb_reg_set_by_name(set, "nope"));
	g_assert_true(gdb_reg_set_architecture(set) == &architecture);
}

static void test_rows(void)
{
	static const char *const expected[] = {"r0", "flags", "pc", "tiny", "v<0>", "cr9"};
	g_autoptr(GdbRegSet) set = make_set();
	const GdbReg *const *rows;
	unsigned n;

	rows = gdb_reg_set_rows(set, &n);
	g_assert_cmpuint(n, ==, G_N_ELEMENTS(expected));
	for (unsigned at = 0; at < n; at++)
		g_assert_cmpstr(rows[at]->name, ==, expected[at]);
	g_assert_cmpuint(gdb_reg_set_g_count(set), ==, 3);
	g_assert_cmpuint(gdb_reg_set_g_bytes(set), ==, 8 + 4 + 8);
}

static void test_expedite(void)
{
	static const unsigned first[] = {2, 0}, second[] = {1};
	g_autoptr(GdbRegSet) set = make_set();
	const unsigned *nums;
	unsigned n;

	gdb_reg_set_expedited(set, &n);
	g_assert_cmpuint(n, ==, 0);
	gdb_reg_set_expedite(set, first, 2);
	gdb_reg_set_expedite(set, second, 1);
	nums = gdb_reg_set_expedited(set, &n);
	g_assert_cmpuint(n, ==, 1);
	g_assert_cmpuint(nums[0], ==, 1);
}

static void test_taken_number(void)
{
	if (g_test_subprocess()) {
		g_autoptr(GdbRegSet) set = make_set();
		GdbFeature again = {"again", NULL, core, 1};

		gdb_reg_set_add(set, &again);
		return;
	}
	g_test_trap_subprocess(NULL, 5 * G_USEC_PER_SEC, 0);
	g_test_trap_assert_failed();
}

/* A reader of the XML that notes what gdb would see. */
static void on_element(G_GNUC_UNUSED GMarkupParseContext *context, const char *element,
		       const char **names, const char **values, gpointer data,
		       G_GNUC_UNUSED GError **error)
{
	GString *seen = data;

	g_string_append_printf(seen, "%s", element);
	for (int n = 0; names[n]; n++)
		g_string_append_printf(seen, " %s=%s", names[n], values[n]);
	g_string_append_c(seen, '\n');
}

static void test_xml(void)
{
	static const GMarkupParser parser = {.start_element = on_element};
	g_autoptr(GdbRegSet) set = make_set();
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new(&parser, 0, seen, NULL);
	const char *xml = gdb_reg_set_xml(set);
	g_autoptr(GError) error = NULL;

	g_assert_true(g_str_has_prefix(xml, "<?xml version=\"1.0\"?>"));
	g_assert_true(gdb_reg_set_xml(set) == xml);
	g_markup_parse_context_parse(context, xml, -1, &error);
	g_assert_no_error(error);
	g_assert_true(g_markup_parse_context_end_parse(context, &error));
	g_assert_nonnull(strstr(xml, "<architecture>k&amp;r:64</architecture>"));
	g_assert_cmpstr(seen->str, ==,
			"target version=1.0\n"
			"architecture\n"
			"feature name=org.gnu.gdb.core\n"
			"flags id=my_flags size=4\n"
			"reg name=r0 bitsize=64 regnum=0 type=int64 group=general\n"
			"reg name=pc bitsize=64 regnum=2 type=code_ptr\n"
			"reg name=flags bitsize=32 regnum=1 type=my_flags group=general\n"
			"feature name=org.vmgdb.extra\n"
			"reg name=v<0> bitsize=128 regnum=10 type=vec group=vector\n"
			"reg name=tiny bitsize=8 regnum=3 group=a&b\n"
			"reg name=cr9 bitsize=64 regnum=11 type=int64 group=system "
			"save-restore=no encoding=uint format=hex\n");
}

/* No <flags>, of either form, and no register of such a type; the rest is the same. */
static void test_plain_xml(void)
{
	static const GdbReg rows[] = {
		{"a", 20, 32, "a_flags", "general", 0, 0},
		{"b", 21, 64, "b_vec", NULL, 0, 0},
	};
	GdbFeature feature = {"org.vmgdb.flags",
			      "<vector id=\"b_vec\" type=\"uint8\" count=\"8\"/>\n"
			      "<flags id=\"a_flags\" size=\"4\">\n"
			      "  <field name=\"one\" start=\"0\" end=\"0\"/>\n"
			      "</flags>\n<!-- behind -->\n",
			      rows, G_N_ELEMENTS(rows)};
	g_autoptr(GdbRegSet) set = make_set();

	gdb_reg_set_add(set, &feature);
	const char *xml = gdb_reg_set_plain_xml(set);
	g_assert_null(strstr(xml, "<flags"));
	g_assert_null(strstr(xml, "<field"));
	g_assert_null(strstr(xml, "_flags\""));
	g_assert_nonnull(strstr(xml, "<reg name=\"a\" bitsize=\"32\" regnum=\"20\" group"));
	g_assert_nonnull(strstr(xml, "<reg name=\"flags\" bitsize=\"32\" regnum=\"1\" group"));
	g_assert_nonnull(strstr(xml, "<vector id=\"b_vec\" type=\"uint8\" count=\"8\"/>\n"));
	g_assert_nonnull(strstr(xml, "<!-- behind -->"));
	g_assert_nonnull(strstr(xml, "type=\"b_vec\""));
	g_assert_nonnull(strstr(gdb_reg_set_xml(set), "type=\"a_flags\""));
	g_assert_nonnull(strstr(gdb_reg_set_xml(set), "<flags id=\"a_flags\""));
}

/* For lldb, after what gdb reads. */
static void test_hints(void)
{
	static const GdbRegHint hints[] = {{2, 16, "pc"}, {0, 7, NULL}, {99, 1, "sp"}};
	g_autoptr(GdbRegSet) set = make_set();
	const char *before = strstr(gdb_reg_set_xml(set), "dwarf");

	gdb_reg_set_hint(set, hints, G_N_ELEMENTS(hints));
	const char *xml = gdb_reg_set_xml(set);
	g_assert_null(before);
	g_assert_nonnull(strstr(xml,
				"<reg name=\"pc\" bitsize=\"64\" regnum=\"2\" type=\"code_ptr\" "
				"dwarf_regnum=\"16\" ehframe_regnum=\"16\" generic=\"pc\"/>"));
	g_assert_nonnull(
		strstr(xml, " group=\"general\" dwarf_regnum=\"7\" ehframe_regnum=\"7\"/>"));
	g_assert_nonnull(strstr(xml,
				"<reg name=\"cr9\" bitsize=\"64\" regnum=\"11\" type=\"int64\" "
				"group=\"system\" save-restore=\"no\" encoding=\"uint\" "
				"format=\"hex\"/>"));
	g_assert_null(strstr(xml, "\"sp\""));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/regs/lookup", test_lookup);
	g_test_add_func("/regs/rows", test_rows);
	g_test_add_func("/regs/expedite", test_expedite);
	g_test_add_func("/regs/taken-number", test_taken_number);
	g_test_add_func("/regs/xml", test_xml);
	g_test_add_func("/regs/plain-xml", test_plain_xml);
	g_test_add_func("/regs/hints", test_hints);
	return g_test_run();
}

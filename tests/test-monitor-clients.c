/*
 * tests/test-monitor-clients.c - what clients take from the monitor's texts, by an expression for
 * each that finds the same, and the values that it must find there. On a machine of the toy
 * architecture; x86's registers and page tables are in test-x86-monitor.c and test-x86-pages.c.
 */
#include "tests/engine-rig.h"

#include <string.h>

#define ROM 0xf000u /* the toy's last page */
#define ANY "*"	    /* as a value: not empty */

static Rig *machine_new(void)
{
	Rig *rig = rig_new(2, true);

	kvm_gdb_map(rig->gdb, ROM, TOY_RAM - ROM, toy_ram(rig->vm) + ROM, KVM_GDB_MAP_READONLY);
	start_all(rig);
	connect_client(rig);
	return rig;
}

/* ---- Expressions ---- */

/* @values: of the groups, from the first on; NULL ends them. */
typedef struct Rule {
	const char *client, *command, *expression;
	const char *values[9];
} Rule;

static void check_rule(Rig *rig, const Rule *rule)
{
	g_autoptr(GRegex) regex = g_regex_new(rule->expression, G_REGEX_DOTALL, 0, NULL);
	g_autofree char *text = monitor(rig, rule->command);
	g_autoptr(GMatchInfo) match = NULL;

	if (!g_regex_match(regex, text, 0, &match))
		g_error("%s: %s: no /%s/ in: %s", rule->client, rule->command, rule->expression,
			text);
	for (unsigned i = 0; rule->values[i]; i++) {
		g_autofree char *value = g_match_info_fetch(match, i + 1);

		g_assert_nonnull(value);
		if (g_str_equal(rule->values[i], ANY))
			g_assert_cmpstr(value, !=, "");
		else
			g_assert_cmpstr(value, ==, rule->values[i]);
	}
}

#define BYTES_LINE "^\\S+ (0x..) (0x..) (0x..) (0x..) (0x..) (0x..) (0x..) (0x..)\n$"
#define THE_BYTES                                                                                  \
	{                                                                                          \
		"0x90", "0x90", "0xeb", "0xfc", "0x00", "0x00", "0x00", "0x00"                     \
	}

static const Rule rules[] = {
	{"lx, gef", "info version", "(\\S+)", {ANY}},
	{"gef", "info kvm", "enabled", {NULL}},
	{"gef: two lines are SMP", "info cpus", "^[^\n]+\n[^\n]+\n$", {NULL}},
	/* A decimal number in, the last word as hex out. */
	{"pwndbg", "gva2gpa 65792", "(\\S+)\\s*$", {"0x100"}},
	{"pwndbg", "gva2gpa 131072", "Unmapped", {NULL}},
	{"gef", "gva2gpa 0x10100", "gpa: (0x\\S+)", {"0x100"}},
	{"gef", "xp/8xb 0x100", BYTES_LINE, THE_BYTES},
	{"gef", "xp/8xb0x100", BYTES_LINE, THE_BYTES},
	{"drgn", "xp /8xb 0x100", BYTES_LINE, THE_BYTES},
	/* It drops each line's first word. */
	{"gef", "xp/16xb 0x100", "^\\S+( 0x..){8}\n\\S+( 0x..){8}\n$", {NULL}},
	/* pgrep, or the side effect of a file that QEMU opens. */
	{"pwndbg, pt-dump", "chardev-add file,id=x,path=/x", "^unknown command: [^\n]*\n$", {NULL}},
	{"pwndbg, pt-dump", "chardev-remove x", "^unknown command: [^\n]*\n$", {NULL}},
	{"gef", "info qtree", "^unknown command: [^\n]*\n$", {NULL}},
	{"gef", "info qdm", "^unknown command: [^\n]*\n$", {NULL}},
	{"gef, hugsy: no paging of x86", "info mem", "unknown command", {NULL}},
	/* The names of other machines' monitors, and of a register file that gef dislikes. */
	{"pwndbg", "help", "^(?!.*(SEGGER J-Link|Black Magic Probe|Quit GDBserver)).+$", {NULL}},
	{"gef", "help r", "^(?!.*Dump hidden register)", {NULL}},
	/* GICs and secure memory by name, wherever a line begins with two blanks. */
	{"gef",
	 "info mtree -f",
	 "^(?!.*(gic_dist|gic_cpu|secure-ram|smram|tseg)).*\n  \\S",
	 {NULL}},
};

static void test_rules(void)
{
	Rig *rig = machine_new();

	for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++)
		check_rule(rig, &rules[i]);
	rig_free(rig);
}

/*
 * pwndbg and gdb-pt-dump take the last word, gef what follows "is"; all read /proc/PID/mem there.
 */
static void test_host_address(void)
{
	Rig *rig = machine_new();
	g_autofree char *host = g_strdup_printf("%p", (void *)(toy_ram(rig->vm) + 0x100));
	const Rule last = {"pwndbg", "gpa2hva 0x100", "(0x[0-9a-f]+)\\s*$", {host}};
	const Rule after = {"gef", "gpa2hva 0x100", "is (0x[0-9a-f]+)", {host}};

	check_rule(rig, &last);
	check_rule(rig, &after);
	rig_free(rig);
}

/* ---- info mtree -f ---- */

typedef struct Range {
	uint64_t start, last;
	char *kind;
} Range;

static void clear_range(gpointer data)
{
	g_free(((Range *)data)->kind);
}

/* The groups of @expression in @line: first and last address, and kind. FALSE: no match. */
static bool take_range(const char *expression, const char *line, GArray *ranges)
{
	g_autoptr(GRegex) regex = g_regex_new(expression, 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;

	if (!g_regex_match(regex, line, 0, &match))
		return false;
	g_autofree char *start = g_match_info_fetch(match, 1);
	g_autofree char *last = g_match_info_fetch(match, 2);
	Range range = {
		.start = g_ascii_strtoull(start, NULL, 16),
		.last = g_ascii_strtoull(last, NULL, 16),
		.kind = g_match_info_fetch(match, 3),
	};
	g_array_append_val(ranges, range);
	return true;
}

static void expect_toy_memory(const GArray *ranges)
{
	static const Range expected[] = {{0, ROM - 1, "ram"}, {ROM, TOY_RAM - 1, "rom"}};

	g_assert_cmpuint(ranges->len, ==, G_N_ELEMENTS(expected));
	for (unsigned i = 0; i < ranges->len; i++) {
		const Range *range = &g_array_index(ranges, Range, i);

		g_assert_cmphex(range->start, ==, expected[i].start);
		g_assert_cmphex(range->last, ==, expected[i].last);
		g_assert_cmpstr(range->kind, ==, expected[i].kind);
	}
}

static GArray *ranges_new(void)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(Range));

	g_array_set_clear_func(ranges, clear_range);
	return ranges;
}

/* pwndbg: between the line with the name of the root and an empty one. */
static void test_tree_pwndbg(void)
{
	Rig *rig = machine_new();
	g_autofree char *text = monitor(rig, "info mtree -f");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GArray) ranges = ranges_new();
	unsigned i = 0;

	while (lines[i] && !strstr(lines[i], "Root memory region: system"))
		i++;
	g_assert_nonnull(lines[i]);
	for (i++; lines[i] && *g_strstrip(lines[i]); i++) {
		g_assert_true(strstr(lines[i], ", ram):") || strstr(lines[i], ", rom):"));
		g_assert_true(
			take_range("^([0-9a-f]+)-([0-9a-f]+) .*, (r.m)\\):", lines[i], ranges));
	}
	g_assert_nonnull(lines[i]); /* the view has an end */
	expect_toy_memory(ranges);
	rig_free(rig);
}

/* drgn: the view that a line with the name of an address space announces. */
static void test_tree_drgn(void)
{
	Rig *rig = machine_new();
	g_autofree char *text = monitor(rig, "info mtree -f");
	g_auto(GStrv) views = g_strsplit(text, "FlatView #", -1);
	g_autoptr(GArray) ranges = ranges_new();
	const char *space, *root;

	g_assert_cmpuint(g_strv_length(views), ==, 2);
	space = strstr(views[1], " AS \"memory\"");
	root = strstr(views[1], "Root memory region:");
	g_assert_true(space && root && space < root);
	g_auto(GStrv) lines = g_strsplit(root, "\n", -1);
	for (unsigned i = 1; lines[i]; i++)
		take_range("^ +([0-9a-f]+)-([0-9a-f]+) \\(prio -?\\d+, (?:nv-)?(ram|rom|romd)\\): ",
			   lines[i], ranges);
	expect_toy_memory(ranges);
	rig_free(rig);
}

/* The scripts of the kernel ask every thread whether it is kgdb's, by this word. */
static void test_not_kgdb(void)
{
	Rig *rig = machine_new();
	g_autofree char *extra = rsp_client_ask(rig->client, "qThreadExtraInfo,1");
	g_autofree char *list = rsp_client_ask(rig->client, "qXfer:threads:read::0,1000");

	g_assert_true(g_str_has_prefix(extra, "435055233020")); /* "CPU#0 " */
	g_assert_null(strstr(extra, "736861646f77435055"));	/* "shadowCPU" */
	g_assert_null(strstr(list, "shadowCPU"));
	rig_free(rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/monitor-clients/rules", test_rules);
	g_test_add_func("/monitor-clients/host-address", test_host_address);
	g_test_add_func("/monitor-clients/tree-pwndbg", test_tree_pwndbg);
	g_test_add_func("/monitor-clients/tree-drgn", test_tree_drgn);
	g_test_add_func("/monitor-clients/not-kgdb", test_not_kgdb);
	return g_test_run();
}

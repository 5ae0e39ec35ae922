/*
 * tests/test-vcont.c - the sentences of gdbstub/vcont.h.
 */
#include "gdbstub/vcont.h"

#include <string.h>

#define N_CPUS 4
#define CURRENT 1

/* One letter per CPU, then the focus: "ccsh 2"; the error's code when there is one. */
static char *parse(const char *text)
{
	GdbAction actions[N_CPUS];
	g_autoptr(GError) error = NULL;
	GString *out;
	unsigned focus = 99;

	memset(actions, 0xee, sizeof(actions));
	if (!gdb_vcont_parse(gdb_text(text, strlen(text)), N_CPUS, CURRENT, actions, &focus,
			     &error)) {
		g_assert_cmpint(error->domain, ==, GDB_ERROR);
		g_assert_null(strchr(error->message, '\n'));
		return g_strdup_printf("E%d", error->code);
	}
	g_assert_no_error(error);
	out = g_string_new(NULL);
	for (unsigned cpu = 0; cpu < N_CPUS; cpu++) {
		g_string_append_c(out, "hcsr"[actions[cpu].kind]);
		if (actions[cpu].kind == GDB_ACTION_RANGE)
			g_string_append_printf(out, "(%x,%x)", (unsigned)actions[cpu].start,
					       (unsigned)actions[cpu].end);
	}
	g_string_append_printf(out, " %u", focus);
	return g_string_free(out, FALSE);
}

static void check(const char *text, const char *expected)
{
	g_autofree char *got = parse(text);

	g_test_message("vCont;%s", text);
	g_assert_cmpstr(got, ==, expected);
}

static void test_all(void)
{
	check("c", "cccc 1");
	check("c:-1", "cccc 1");
	check("c:p1.-1", "cccc 1");
	check("c:p1", "cccc 1");
	check("c:p-1.-1", "cccc 1");
	check("C05", "cccc 1");
	check("s", "ssss 1");
	check("S0b", "ssss 1");
}

static void test_unnamed_hold(void)
{
	check("s:1", "shhh 0");
	check("s:p1.3", "hhsh 2");
	check("c:1;c:p1.4", "chhc 0");
	check("s:0", "hshh 1");
	check("s:p1.0", "hshh 1");
}

static void test_leftmost(void)
{
	check("s:p1.3;c:p1.-1", "ccsc 2");
	check("c:p1.-1;s:p1.3", "cccc 2");
	check("s:3;c:3;c", "ccsc 2");
	check("t:1;c", "hccc 1");
	check("t:1;c:1;c:2", "hchh 0");
	check("s:2;s:4;c", "cscs 1");
}

static void test_range(void)
{
	check("r1000,1010:p1.2;c:p1.-1", "cr(1000,1010)cc 1");
	check("r10,10:1", "shhh 0");
	check("r10,f:1", "E22");
	check("r10:1", "E22");
	check("r,10:1", "E22");
	check("r10,fffffffffffffffff:1", "E22");
}

static void test_nothing_runs(void)
{
	check("t", "E22");
	check("t:1", "E22");
	check("t;c:1", "E22");
}

static void test_bad_text(void)
{
	check("", "E22");
	check(";", "E22");
	check("c;", "E22");
	check(";c", "E22");
	check("x", "E22");
	check("c:", "E22");
	check("c:zz", "E22");
	check("c:1x", "E22");
	check("c1:1", "E22");
	check("C", "E22");
	check("Cxx", "E22");
	check("s:1;q:2", "E22");
}

static void test_bad_thread(void)
{
	check("c:5", "E2");
	check("c:p9.-1", "E2");
	check("c:p9", "E2");
	check("c:p2.1", "E2");
	check("s:1;c:7fffffffffffffff", "E2");
}

/* All that vCont? names is understood. */
static void test_list(void)
{
	g_auto(GStrv) names = g_strsplit(GDB_VCONT_ACTIONS, ";", 0);

	g_assert_cmpstr(names[0], ==, "vCont");
	for (int n = 1; names[n]; n++) {
		g_autofree char *text = g_strdup_printf(
			"%s%s:1;c", names[n],
			strchr("CS", *names[n]) ? "02" : (*names[n] == 'r' ? "1,2" : ""));
		g_autofree char *got = parse(text);

		g_assert_cmpint(got[0], !=, 'E');
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vcont/all", test_all);
	g_test_add_func("/vcont/unnamed-hold", test_unnamed_hold);
	g_test_add_func("/vcont/leftmost", test_leftmost);
	g_test_add_func("/vcont/range", test_range);
	g_test_add_func("/vcont/nothing-runs", test_nothing_runs);
	g_test_add_func("/vcont/bad-text", test_bad_text);
	g_test_add_func("/vcont/bad-thread", test_bad_thread);
	g_test_add_func("/vcont/list", test_list);
	return g_test_run();
}

/* tests/test-bench-compare.c - tests/bench/compare.h: which rows have become worse. */
#include "tests/bench/compare.h"
#include "tests/test-util.h"

#define RUN(rows) "{\"machine\": \"m\", \"rounds\": 1, \"figures\": [" rows "]}"
#define ROW(name, ratio, share)                                                                    \
	"{\"figure\": \"" name "\", \"unit\": \"/s\", \"ratio\": " ratio ", \"share\": " share "}"

static void expect(const char *old, const char *new, unsigned compared, unsigned worse,
		   const char *text)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	Comparison comparison;

	g_assert_true(compare_runs(old, new, out, &comparison, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(comparison.compared, ==, compared);
	g_assert_cmpuint(comparison.worse, ==, worse);
	g_assert_cmpstr(out->str, ==, text);
}

static void test_ratios(void)
{
	const char *old = RUN(ROW("a, 1 vCPU", "10.0", "0.5") "," ROW("b", "2", "0.5"));

	expect(old, old, 2, 0, "");
	expect(old, RUN(ROW("b", "1.6", "0.1") "," ROW("a, 1 vCPU", "100", "0.1")), 2, 0, "");
	expect(old, RUN(ROW("b", "1.5", "0.5") "," ROW("a, 1 vCPU", "10", "0.5")), 2, 1,
	       "b: ratio 2.00 before, 1.50 now: 25 % less\n");
}

/* Without QEMU the machine's limit counts; with neither a row cannot be compared. */
static void test_shares(void)
{
	const char *old = RUN(ROW("a", "null", "0.5") "," ROW("b", "null", "null"));

	expect(old, RUN(ROW("a", "7", "0.45") "," ROW("b", "1", "1")), 1, 0, "");
	expect(old, RUN(ROW("a", "7", "0.25")), 1, 1,
	       "a: share 0.50 before, 0.25 now: 50 % less\n");
}

static void test_missing(void)
{
	const char *old = RUN(ROW("a", "3", "0.5") "," ROW("b", "3", "0.5"));

	expect(old, RUN(ROW("a", "null", "0.5") "," ROW("c", "1", "1")), 1, 1,
	       "a: ratio 3.00 before, none now\n");
	expect(RUN(""), old, 0, 0, "");
}

static void test_no_runs(void)
{
	static const char *const bad[] = {"", "{", "[]", "3", "{}", "{\"figures\": 3}"};

	for (unsigned n = 0; n < 2 * G_N_ELEMENTS(bad); n++) {
		g_autoptr(GString) out = g_string_new(NULL);
		g_autoptr(GError) error = NULL;
		Comparison comparison;

		g_assert_false(compare_runs(n % 2 ? RUN("") : bad[n / 2],
					    n % 2 ? bad[n / 2] : RUN(""), out, &comparison,
					    &error));
		g_assert_nonnull(error);
	}
	/* Rows of another kind are none. */
	expect(RUN("1, null, {}, {\"figure\": 3}, []"), RUN(ROW("a", "1", "1")), 0, 0, "");
}

static void test_files(void)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	Comparison comparison;

	g_assert_false(compare_files("/nonexistent/a", "/nonexistent/b", out, &comparison, &error));
	g_assert_nonnull(strstr(error->message, "/nonexistent/a"));
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"ratios", test_ratios},   {"shares", test_shares}, {"missing", test_missing},
		{"no-runs", test_no_runs}, {"files", test_files},   {0},
	};

	return test_main(argc, argv, "bench-compare", cases);
}

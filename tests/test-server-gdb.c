/*
 * tests/test-server-gdb.c - owns the tests with the real gdb as the client of the fake target.
 */
#include "tests/fake-rig.h"

#include <string.h>

typedef struct GdbRun {
	bool done;
	char *output;
} GdbRun;

static void gdb_finished(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	GdbRun *run = data;

	g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &run->output, NULL,
					     &error);
	g_assert_no_error(error);
	run->done = true;
}

static bool run_done(void *data)
{
	return ((GdbRun *)data)->done;
}

static char *find_gdb(void)
{
	char *gdb = g_find_program_in_path("gdb");

	return gdb ? gdb : g_find_program_in_path("gdb-multiarch");
}

/* What gdb prints, both streams, for these commands; ends with a NULL. */
static char *run_gdb(FakeRig *rig, const char *gdb, const char *const *commands)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GSubprocess) process = NULL;
	g_autoptr(GError) error = NULL;
	GdbRun run = {0};

	g_ptr_array_add(argv, g_strdup(gdb));
	g_ptr_array_add(argv, g_strdup("-nx"));
	g_ptr_array_add(argv, g_strdup("-batch"));
	g_ptr_array_add(argv, g_strdup("-ex"));
	g_ptr_array_add(argv,
			g_strdup_printf("target remote %s", gdb_server_get_address(rig->server)));
	for (unsigned i = 0; commands[i]; i++) {
		g_ptr_array_add(argv, g_strdup("-ex"));
		g_ptr_array_add(argv, g_strdup(commands[i]));
	}
	g_ptr_array_add(argv, NULL);
	g_main_context_push_thread_default(rig->context);
	process = g_subprocess_newv(
		(const char *const *)argv->pdata,
		G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &error);
	g_assert_no_error(error);
	g_subprocess_communicate_utf8_async(process, NULL, NULL, gdb_finished, &run);
	if (!test_wait(rig->context, run_done, &run, 6 * TEST_PATIENCE)) {
		g_subprocess_force_exit(process);
		test_wait(rig->context, run_done, &run, TEST_PATIENCE);
		g_error("gdb does not end; it said:\n%s", run.output ? run.output : "nothing");
	}
	g_main_context_pop_thread_default(rig->context);
	g_test_message("%s", run.output);
	return run.output;
}

static void expect_lines(const char *output, const char *const *patterns)
{
	for (unsigned i = 0; patterns[i]; i++)
		if (!g_regex_match_simple(patterns[i], output, G_REGEX_MULTILINE, 0))
			g_error("no /%s/ in what gdb said:\n%s", patterns[i], output);
}

static void expect_no_trouble(const char *output)
{
	/* gdb says this to everybody who gives it no program. */
	static const char no_program[] = "warning: No executable has been specified";
	static const char *const trouble[] = {"warning:",
					      "Truncated",
					      "too long",
					      "Ignoring packet",
					      "Bogus",
					      "unrecognized",
					      "Reply contains invalid"};

	if (g_str_has_prefix(output, no_program))
		output += strlen(no_program);
	for (unsigned i = 0; i < G_N_ELEMENTS(trouble); i++)
		if (strstr(output, trouble[i]))
			g_error("gdb complains:\n%s", output);
}

typedef struct GdbCase {
	const char *name;
	unsigned n_cpus;
	const char *const *commands, *const *patterns;
} GdbCase;

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const GdbCase cases[] = {
	{"registers", 2,
	 LIST("set $rip = 0x400000", "info registers rip rbx eflags", "p/x $rbx", "p $v0",
	      "p sizeof($wide)", "p/x $wide[3]", "set $rax = 0x1234", "p/x $rax",
	      "info registers rsp"),
	 LIST("^rip +0x400000", "^rbx +0x600000 ", "^eflags +0x202", "= 0x600000$", "= 256$",
	      "= 0x1234$", "^rsp +0x601000")},
	{"memory", 1,
	 LIST("x/4xb 0x600000", "set *(unsigned char *)0x600001 = 0xaa", "x/2xb 0x600000",
	      "x/i 0x400040", "x/2xb 0x700000", "dump binary memory /dev/null 0x1000000 0x1080000",
	      "find /b 0x1000000, 0x1080000, 0x00, 0x07, 0x0e, 0x15"),
	 LIST("0x600000:\t0x00\t0x07\t0x0e\t0x15", "0x600000:\t0x00\t0xaa",
	      "0x400040:\tjmp +0x400000", "Cannot access memory at address 0x700000",
	      "^0x1000000$")},
	{"step", 2,
	 LIST("info threads", "set $rip = 0x400000", "stepi", "p/x $rip", "stepi 5", "p/x $rip",
	      "thread 2", "set $rip = 0x400010", "set scheduler-locking on", "stepi", "p/x $rip"),
	 LIST("^\\* 1 +Thread 1\\.1 .*CPU#0", "^  2 +Thread 1\\.2 .*CPU#1", "= 0x400001$",
	      "= 0x400006$", "= 0x400011$")},
	{"breakpoints", 2,
	 LIST("break *0x400020", "continue", "p/x $rip", "continue", "p/x $rip", "delete",
	      "hbreak *0x400030", "continue", "p/x $rip", "info breakpoints"),
	 LIST("Breakpoint 1, 0x0*400020 in", "= 0x400020$", "Breakpoint 2, 0x0*400030 in",
	      "= 0x400030$", "breakpoint already hit 1 time")},
	{"watch", 1,
	 LIST("set $rip = 0x400100", "watch *(unsigned char *)0x600000", "continue", "delete",
	      "rwatch *(unsigned char *)0x600000", "continue", "p/x $rip"),
	 LIST("Hardware watchpoint 1", "Old value = ", "New value = ", "Hardware read watchpoint 2",
	      "Value = ", "= 0x400104$")},
	{"monitor", 1, LIST("monitor ping a b", "monitor help", "monitor nonsense"),
	 LIST("^pong 0 \\[a b\\]", "ping hard", "unknown command")},
};

/* GLib's first child costs descriptors that stay. */
static void warm_up(void)
{
	g_autoptr(GSubprocess) child =
		g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL, "true", NULL);

	if (child)
		g_subprocess_communicate(child, NULL, NULL, NULL, NULL, NULL);
}

static void test_gdb(gconstpointer data)
{
	const GdbCase *what = data;
	g_autofree char *gdb = find_gdb();
	g_autofree char *output = NULL;
	g_autoptr(FakeRig) rig = NULL;
	FakeCounts counts;

	if (!gdb) {
		g_test_skip("gdb is not installed");
		return;
	}
	warm_up();
	rig = fake_rig_new(what->n_cpus);
	fake_rig_listen(rig, "0");
	output = run_gdb(rig, gdb, what->commands);
	expect_no_trouble(output);
	expect_lines(output, what->patterns);
	fake_rig_expect_released(rig);
	counts = fake_target_counts(rig->target);
	g_assert_cmpuint(counts.attaches, ==, 1);
	g_assert_cmpuint(counts.kills, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = g_strconcat("/server-gdb/", cases[i].name, NULL);

		g_test_add_data_func(path, &cases[i], test_gdb);
	}
	return g_test_run();
}

/*
 * tests/test-server-gdb.c - owns the tests with real clients, gdb and lldb, of the fake target.
 */
#include "tests/fake-elf.h"
#include "tests/fake-rig.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

typedef struct GdbCase {
	const char *name;
	unsigned n_cpus;
	const char *first; /* said before it connects */
	const char *const *commands, *const *patterns;
	bool over_unix, extended, kills, lldb;
	bool own_program, library; /* of the target */
} GdbCase;

/* Gathers what comes out of the pipe @fd; closes it at the end. */
static gboolean client_wrote(int fd, GIOCondition condition, gpointer data)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)condition;
	if (n > 0)
		g_string_append_len(data, buf, n);
	return n > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static char *find_client(bool lldb)
{
	static const char *const gdbs[] = {"gdb-multiarch", "gdb", NULL};
	static const char *const lldbs[] = {"lldb", "lldb-19", "lldb-14", NULL};
	char *path = NULL;

	for (const char *const *name = lldb ? lldbs : gdbs; *name && !path; name++)
		path = g_find_program_in_path(*name);
	return path;
}

static char **lldb_command_line(FakeRig *rig, const char *lldb, const GdbCase *what)
{
	GStrvBuilder *argv = g_strv_builder_new();
	g_autofree char *connect =
		g_strdup_printf("gdb-remote %s", gdb_server_get_address(rig->server));
	char **all;

	g_strv_builder_add_many(argv, lldb, "--no-lldbinit", "-b", "-o", connect, NULL);
	for (unsigned i = 0; what->commands[i]; i++)
		g_strv_builder_add_many(argv, "-o", what->commands[i], NULL);
	all = g_strv_builder_end(argv);
	g_strv_builder_unref(argv);
	return all;
}

static char **gdb_command_line(FakeRig *rig, const char *gdb, const GdbCase *what)
{
	GStrvBuilder *argv = g_strv_builder_new();
	const char *address = gdb_server_get_address(rig->server);
	const char *how = what->extended ? "extended-remote" : "remote";
	g_autofree char *target = g_strdup_printf("target %s %s", how, address);
	char **all;

	g_strv_builder_add_many(argv, gdb, "-nx", "-batch", NULL);
	if (what->first)
		g_strv_builder_add_many(argv, "-ex", what->first, NULL);
	g_strv_builder_add_many(argv, "-ex", target, NULL);
	for (unsigned i = 0; what->commands[i]; i++) {
		bool again = g_str_equal(what->commands[i], "target remote $T");

		g_strv_builder_add_many(argv, "-ex", again ? target : what->commands[i], NULL);
	}
	all = g_strv_builder_end(argv);
	g_strv_builder_unref(argv);
	return all;
}

/* What the client prints, both streams. */
static char *run_client(FakeRig *rig, const char *client, const GdbCase *what)
{
	g_auto(GStrv) argv = what->lldb ? lldb_command_line(rig, client, what)
					: gdb_command_line(rig, client, what);
	GString *output = g_string_new(NULL);
	GSource *source;
	int fds[2], pid, status;

	g_assert_true(g_unix_open_pipe(fds, FD_CLOEXEC, NULL));
	pid = test_spawn((const char *const *)argv, -1, fds[1], fds[1]);
	close(fds[1]);
	source = g_unix_fd_source_new(fds[0], G_IO_IN | G_IO_HUP);
	g_source_set_callback(source, G_SOURCE_FUNC(client_wrote), output, NULL);
	g_source_attach(source, rig->context);
	status = test_join(rig->context, pid, 6 * TEST_PATIENCE);
	while (!g_source_is_destroyed(source))
		g_main_context_iteration(rig->context, TRUE);
	g_source_unref(source);
	close(fds[0]);
	g_test_message("%s", output->str);
	if (status == -1)
		g_error("the client does not end; it said:\n%s", output->str);
	return g_string_free(output, FALSE);
}

static void expect_lines(const char *output, const char *const *patterns)
{
	for (unsigned i = 0; patterns[i]; i++)
		if (!g_regex_match_simple(patterns[i], output, G_REGEX_MULTILINE, 0))
			g_error("no /%s/ in what gdb said:\n%s", patterns[i], output);
}

/* What gdb says to everybody who gives it no program, or who gets one from the target. */
static char *without_usual_words(const char *output)
{
	static const char *const usual[] = {
		"warning: No executable has been specified",
		"warning: File transfers from remote targets can be slow",
	};
	char *rest = g_strdup(output);

	for (unsigned i = 0; i < G_N_ELEMENTS(usual); i++) {
		g_auto(GStrv) parts = g_strsplit(rest, usual[i], -1);

		g_free(rest);
		rest = g_strjoinv(NULL, parts);
	}
	return rest;
}

static void expect_no_trouble(const char *output)
{
	static const char *const trouble[] = {"warning:",
					      "Truncated",
					      "too long",
					      "Ignoring packet",
					      "Bogus",
					      "unrecognized",
					      "Reply contains invalid"};
	g_autofree char *rest = without_usual_words(output);

	for (unsigned i = 0; i < G_N_ELEMENTS(trouble); i++)
		if (strstr(rest, trouble[i]))
			g_error("gdb complains:\n%s", output);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

#define OWN "/vmgdb/vmlinux-6.1.0"
#define LIBRARY "/vmgdb/lib.ko"

static const GdbCase cases[] = {
	{.name = "registers",
	 .n_cpus = 2,
	 .commands = LIST("set $rip = 0x400000", "info registers rip rbx eflags", "p/x $rbx",
			  "p $v0", "p sizeof($wide)", "p/x $wide[3]", "set $rax = 0x1234",
			  "p/x $rax", "info registers rsp"),
	 .patterns = LIST("^rip +0x400000", "^rbx +0x600000 ", "^eflags +0x202", "= 0x600000$",
			  "= 256$", "= 0x1234$", "^rsp +0x601000")},
	{.name = "memory",
	 .n_cpus = 1,
	 .commands = LIST("x/4xb 0x600000", "set *(unsigned char *)0x600001 = 0xaa",
			  "x/2xb 0x600000", "x/i 0x400040", "x/2xb 0x700000",
			  "dump binary memory /dev/null 0x1000000 0x1080000",
			  "find /b1 0x1000000, 0x1080000, 0x00, 0x07, 0x0e, 0x15"),
	 .patterns = LIST("0x600000:\t0x00\t0x07\t0x0e\t0x15", "0x600000:\t0x00\t0xaa",
			  "0x400040:\tjmp +0x400000", "Cannot access memory at address 0x700000",
			  "^0x1000000$")},
	/* "Pattern not found." would be a lie. */
	{.name = "find-fails",
	 .n_cpus = 1,
	 .commands = LIST("find /b 0x600000, 0x800000, 0x99, 0x98", "p 1234"),
	 .patterns = LIST("E14 .*0x[0-9a-f]+", "= 1234$")},
	{.name = "step",
	 .n_cpus = 2,
	 .commands = LIST("info threads", "set $rip = 0x400000", "stepi", "p/x $rip", "stepi 5",
			  "p/x $rip", "thread 2", "set $rip = 0x400010", "set scheduler-locking on",
			  "stepi", "p/x $rip"),
	 .patterns =
		 LIST("^\\* 1 +(Thread 1\\.1|CPU 0) .*CPU#0", "^  2 +(Thread 1\\.2|CPU 1) .*CPU#1",
		      "= 0x400001$", "= 0x400006$", "= 0x400011$")},
	{.name = "breakpoints",
	 .n_cpus = 2,
	 .commands = LIST("break *0x400020", "continue", "p/x $rip", "continue", "p/x $rip",
			  "delete", "hbreak *0x400030", "continue", "p/x $rip", "info breakpoints"),
	 .patterns =
		 LIST("Breakpoint 1, 0x0*400020 in", "= 0x400020$", "Breakpoint 2, 0x0*400030 in",
		      "= 0x400030$", "breakpoint already hit 1 time")},
	{.name = "watch",
	 .n_cpus = 1,
	 .commands = LIST("set $rip = 0x400100", "watch *(unsigned char *)0x600000", "continue",
			  "delete", "rwatch *(unsigned char *)0x600000", "continue", "p/x $rip"),
	 .patterns = LIST("Hardware watchpoint 1", "Old value = ", "New value = ",
			  "Hardware read watchpoint 2", "Value = ", "= 0x400104$")},
	{.name = "interrupt",
	 .n_cpus = 2,
	 .commands = LIST("shell (sleep 0.3; kill -INT $PPID) &", "continue", "p 1234", "stepi",
			  "shell (sleep 0.3; kill -INT $PPID) &", "continue", "p 5678"),
	 .patterns = LIST("received signal SIGINT", "= 1234$", "= 5678$")},
	/* gdb goes on by itself after each hit, and the user wants it to stop. */
	{.name = "interrupt-condition",
	 .n_cpus = 2,
	 .commands =
		 LIST("set breakpoint condition-evaluation host", "break *0x400020 if $rax == -1",
		      "shell (sleep 0.5; kill -INT $PPID) &", "continue", "p 1234",
		      "shell (sleep 0.5; kill -INT $PPID) &", "continue", "p 5678"),
	 .patterns = LIST("received signal SIGINT(.*\\n)+.*= 1234$",
			  "received signal SIGINT(.*\\n)+.*= 5678$")},
	{.name = "reconnect",
	 .n_cpus = 2,
	 .commands = LIST("break *0x400020", "continue", "disconnect", "p 11", "target remote $T",
			  "p $rip != 0", "continue", "p/x $rip"),
	 .patterns = LIST("= 11$", "= 1$", "= 0x400020$")},
	{.name = "extended",
	 .n_cpus = 2,
	 .commands = LIST("detach", "attach 1", "p/x $rbx", "break *0x400020", "continue",
			  "p/x $rip", "detach", "attach 1", "kill"),
	 .patterns = LIST("= 0x600000$", "= 0x400020$", "\\[Inferior 1 \\(.*\\) killed\\]"),
	 .extended = true,
	 .kills = true},
	/* What an IDE's restart does. */
	{.name = "run",
	 .n_cpus = 1,
	 .commands = LIST("break *0x400020", "continue", "run", "p/x $rip", "stepi", "p/x $rip",
			  "run", "p/x $rip", "monitor ping again", "detach"),
	 .patterns =
		 LIST("Breakpoint 1, (.*\\n)+.*= 0x400020$", "= 0x400021$", "pong 0 \\[again\\]"),
	 .extended = true},
	/* The debugger dies at a breakpoint. */
	{.name = "killed",
	 .n_cpus = 2,
	 .commands = LIST("break *0x400020", "continue", "echo here\\n", "shell kill -KILL $PPID",
			  "p 99"),
	 .patterns = LIST("Breakpoint 1, ", "^here")},
	{.name = "unix",
	 .n_cpus = 1,
	 .commands = LIST("stepi", "p 4321", "monitor ping over unix"),
	 .patterns = LIST("= 4321$", "pong 0 \\[over unix\\]"),
	 .over_unix = true},
	/* No file on any disk. */
	{.name = "own-program",
	 .n_cpus = 1,
	 .commands = LIST("info files", "info symbol 0x400104", "break fake_count", "continue",
			  "p/x $rip", "disconnect", "target remote $T", "p fake_idle"),
	 .patterns = LIST("file type elf64-x86-64", "0x0*400000 - 0x0*400800 is \\.text$",
			  "^fake_store \\+ 4 in section \\.text",
			  "Breakpoint 1, 0x0*400000 in fake_count", "= 0x400000$",
			  "\\{.*\\} 0x400200 <fake_idle>"),
	 .own_program = true},
	/* Whoever wants files of another place than the target can still name this one. */
	{.name = "own-program-by-name",
	 .n_cpus = 1,
	 .first = "set sysroot /nowhere",
	 .commands = LIST("symbol-file target:" OWN, "info symbol 0x400104"),
	 .patterns = LIST("^fake_store \\+ 4 in section \\.text"),
	 .own_program = true},
	/* It is loaded while gdb waits for it, and gdb goes on by itself. */
	{.name = "library",
	 .n_cpus = 1,
	 .commands = LIST("show osabi", "info sharedlibrary", "set breakpoint pending on",
			  "break lib_second", "set $rip = 0x4008f0", "monitor load", "continue",
			  "p/x $rip", "info sharedlibrary", "info symbol 0x400804", "stepi",
			  "p/x $rip"),
	 .patterns = LIST("^No shared libraries loaded", "Breakpoint 1 \\(lib_second\\) pending",
			  "Breakpoint 1, 0x0*400900 in lib_second", "= 0x400900$",
			  "^0x0*400800 +0x0*400fff +Yes.* target:" LIBRARY,
			  "^lib_first_ \\+ 4 in section \\.text of target:" LIBRARY, "= 0x400901$"),
	 .own_program = true,
	 .library = true},
	{.name = "info-os",
	 .n_cpus = 1,
	 .commands = LIST("info os", "info os processes", "info os broken", "info os nonsense"),
	 .patterns = LIST("^processes +Who runs", "^broken +What <cannot> be read", "^pid +command",
			  "^1 +init", "^22 +<&\"'>\\?\\?", "Can not fetch data now")},
	{.name = "lldb",
	 .n_cpus = 2,
	 .commands = LIST("thread list", "register read rbx rsp", "memory read 0x600000 0x600008",
			  "breakpoint set -a 0x400020", "continue", "register read rip",
			  "thread step-inst", "register read rip", "process detach"),
	 .patterns = LIST("stop reason = signal SIGINT", "thread #2: tid = (0x000)?2",
			  "rbx = 0x0000000000600000", "rsp = 0x0000000000601000",
			  "0x00600000: 00 07 0e 15", "stop reason = breakpoint 1\\.1",
			  "rip = 0x0000000000400020", "stop reason = instruction step into",
			  "rip = 0x0000000000400021", "Process 1 detached"),
	 .lldb = true},
	{.name = "monitor",
	 .n_cpus = 1,
	 .commands = LIST("monitor ping a b", "monitor help", "monitor nonsense"),
	 .patterns = LIST("^pong 0 \\[a b\\]", "ping hard", "unknown command")},
};

/* By the end of the connection, if gdb was in extended mode. */
static bool was_killed(void *data)
{
	return fake_target_counts(((FakeRig *)data)->target).kills > 0;
}

static void drive(const GdbCase *what, const char *client, const char *where)
{
	g_autoptr(GByteArray) elf = fake_elf_new(), library = fake_elf_new_library();
	g_autoptr(FakeRig) rig = fake_rig_new(what->n_cpus);
	g_autofree char *output = NULL;
	FakeFile file = {OWN, elf->data, elf->len, 3};
	FakeFile library_file = {LIBRARY, library->data, library->len, 0};

	if (what->own_program)
		fake_target_set_own_program(rig->target, &file);
	if (what->library)
		fake_target_set_library(rig->target, &library_file);
	fake_rig_listen(rig, where);
	output = run_client(rig, client, what);
	expect_no_trouble(output);
	expect_lines(output, what->patterns);
	if (!what->kills)
		fake_rig_expect_released(rig);
	else
		g_assert_true(test_wait(rig->context, was_killed, rig, TEST_PATIENCE));
	g_assert_cmpuint(fake_target_counts(rig->target).kills, ==, what->kills);
}

/*
 * The target of these tests is an x86_64 CPU; a gdb may be built for its host's architecture only.
 */
static bool knows_x86(const char *gdb)
{
	const char *const argv[] = {gdb, "-nx", "-batch", "-ex", "set architecture i386:x86-64",
				    NULL};
	g_autofree char *trouble = NULL;
	int status;

	return g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
			    &trouble, &status, NULL) &&
	       status == 0 && strstr(trouble, "Undefined item") == NULL;
}

static void test_client(gconstpointer data)
{
	const GdbCase *what = data;
	g_autofree char *client = find_client(what->lldb), *path = NULL, *where = NULL;
	char *dir;

	if (!client) {
		g_test_skip(what->lldb ? "lldb is not installed" : "gdb is not installed");
		return;
	}
	if (!what->lldb && !knows_x86(client)) {
		g_test_skip("this gdb does not start or does not know x86_64; gdb-multiarch does");
		return;
	}
	dir = test_dir_new();
	path = g_build_filename(dir, "gdb.sock", NULL);
	where = g_strconcat("unix:", path, NULL);
	drive(what, client, what->over_unix ? where : "0");
	test_dir_remove(dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = g_strconcat("/server-gdb/", cases[i].name, NULL);

		g_test_add_data_func(path, &cases[i], test_client);
	}
	return g_test_run();
}

/*
 * tests/test-hw-command.c - hw/command.h: the folder with which a guest runs one command.
 */
#include "hw/command.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test-util.h"

/* Ends with NULL. The options of a machine that runs these words in the host's root. */
static VmConfig *parse(const char *const *words)
{
	g_autoptr(GPtrArray) args = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *help = NULL;
	const char *const first[] = {"-k", "K", "-d", "/"};

	for (unsigned i = 0; i < G_N_ELEMENTS(first); i++)
		g_ptr_array_add(args, (char *)first[i]);
	for (; words != NULL && *words != NULL; words++)
		g_ptr_array_add(args, (char *)*words);
	g_ptr_array_add(args, NULL);
	VmConfig *config = config_parse((const char *const *)args->pdata, &help, &error);
	g_assert_no_error(error);
	return config;
}

static const VmShare *share_of(const VmConfig *config)
{
	const VmShare *share = config->shares->pdata[config->shares->len - 1];

	g_assert_cmpstr(share->tag, ==, COMMAND_TAG);
	g_assert_false(share->read_only);
	return share;
}

static char *file_of(const VmConfig *config, const char *name)
{
	return g_build_filename(share_of(config)->folder, name, NULL);
}

/* What the script does, run by the host's shell: its output. Caller frees. */
static char *run_script(const VmConfig *config, int *ret_status)
{
	g_autofree char *path = file_of(config, "command");
	const char *const argv[] = {"/bin/sh", path, NULL};
	char *out = NULL;

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &out, NULL, ret_status,
				   NULL));
	return out;
}

static void test_words(void)
{
	const char *const words[] = {"--", "printf", "%s|", "a b", "it's", "$HOME \"x\"", "", NULL};
	g_autoptr(VmConfig) config = parse(words);
	g_autoptr(Command) command = command_new(config, NULL);
	int status;
	g_autofree char *out = run_script(config, &status);

	g_assert_cmpstr(out, ==, "a b|it's|$HOME \"x\"||");
	g_assert_cmpint(status, ==, 0);
}

/* It begins where lkvm was started, and its status is the script's. */
static void test_folder(void)
{
	const char *const words[] = {"--", "sh", "-c", "pwd; exit 7", NULL};
	g_autoptr(VmConfig) config = parse(words);
	g_autoptr(Command) command = command_new(config, NULL);
	g_autofree char *here = g_get_current_dir(), *want = g_strconcat(here, "\n", NULL);
	int status;
	g_autofree char *out = run_script(config, &status);

	g_assert_cmpstr(out, ==, want);
	g_assert_cmpint(status >> 8, ==, 7);
}

static void check_status(const Command *command, const VmConfig *config, const char *text, int want)
{
	g_autofree char *path = file_of(config, "status");

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	g_assert_cmpint(command_status(command), ==, want);
}

static void test_status(void)
{
	g_autoptr(VmConfig) config = parse(NULL);
	g_autoptr(Command) command = command_new(config, NULL);

	g_assert_cmpint(command_status(command), ==, -1);
	check_status(command, config, "0\n", 0);
	check_status(command, config, "255\n", 255);
	check_status(command, config, "256\n", -1);
	check_status(command, config, "-1\n", -1);
	check_status(command, config, "", -1);
	check_status(command, config, "3 x\n", -1);
}

/* What is no file of the guest's is not read: another file of the host's, a pipe, a folder. */
static void test_status_is_none(void)
{
	g_autoptr(VmConfig) config = parse(NULL);
	g_autoptr(Command) command = command_new(config, NULL);
	g_autofree char *path = file_of(config, "status"), *other = file_of(config, "other");

	g_assert_true(g_file_set_contents(other, "3\n", -1, NULL));
	g_assert_cmpint(symlink(other, path), ==, 0);
	g_assert_cmpint(command_status(command), ==, -1);
	unlink(path);
	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	g_assert_cmpint(command_status(command), ==, -1);
	unlink(path);
	g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
	g_assert_cmpint(command_status(command), ==, -1);
	rmdir(path);
}

/* The scripts are ones that a shell can read; nothing is left behind. */
static void test_files(void)
{
	g_autoptr(VmConfig) config = parse(NULL);
	g_autoptr(Command) command = command_new(config, NULL);
	g_autofree char *dir = g_strdup(share_of(config)->folder), *init = file_of(config, "init");
	g_autofree char *more = file_of(config, "more");
	const char *const argv[] = {"/bin/sh", "-n", init, NULL};
	int status;

	g_assert_true(
		g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, &status, NULL));
	g_assert_cmpint(status, ==, 0);
	g_assert_true(g_file_set_contents(more, "", 0, NULL));
	command_free(g_steal_pointer(&command));
	g_assert_cmpint(g_access(dir, F_OK), ==, -1);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"words", test_words},	 {"folder", test_folder},
		{"status", test_status}, {"status/none", test_status_is_none},
		{"files", test_files},	 {0},
	};

	return test_main(argc, argv, "hw-command", cases);
}

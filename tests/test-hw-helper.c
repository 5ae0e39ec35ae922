/*
 * tests/test-hw-helper.c - hw/helper.h: a program beside us, and that it never outlives us.
 */
#include "hw/helper.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test-util.h"

static const HelperProgram shell = {"sh", "dash", "noise"};

static Helper *start(const char *script, int *ret_fd)
{
	const char *const args[] = {"-c", script, NULL};
	g_autoptr(GError) error = NULL;
	Helper *helper = helper_start(&shell, args, ret_fd, &error);

	g_assert_no_error(error);
	g_assert_nonnull(helper);
	return helper;
}

/* All that comes until the socket ends. Caller frees. */
static char *read_all(int fd)
{
	GString *text = g_string_new(NULL);
	char byte;

	while (read(fd, &byte, 1) == 1)
		g_string_append_c(text, byte);
	return g_string_free(text, FALSE);
}

static bool exists(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void test_missing(void)
{
	static const HelperProgram none = {"vmgdb-no-such-program", "its-package", NULL};
	const char *const args[] = {NULL};
	g_autoptr(GError) error = NULL;
	int fd = -1;

	g_assert_null(helper_start(&none, args, &fd, &error));
	g_assert_cmpstr(error->message, ==,
			"this needs vmgdb-no-such-program; on Debian: apt-get install its-package");
	g_assert_cmpint(fd, ==, -1);
}

/* Its socket is standard input, both ways; of ours it has no other descriptor. */
static void test_socket(void)
{
	unsigned before = test_count_fds();
	int other = dup(STDIN_FILENO); /* would be inherited */
	int fd = -1;
	g_autoptr(Helper) helper =
		start("read word; echo \"got $word\" >&0; ls /proc/self/fd >&0", &fd);

	g_assert_cmpint(write(fd, "this\n", 5), ==, 5);
	g_autofree char *text = read_all(fd);
	/* 3 is the folder that ls reads. */
	g_assert_cmpstr(text, ==, "got this\n0\n1\n2\n3\n");
	helper_free(g_steal_pointer(&helper));
	close(other);
	close(fd);
	g_assert_cmpuint(test_count_fds(), ==, before);
}

static void test_end(void)
{
	int fd = -1;
	Helper *helper = start("trap '' TERM HUP INT; echo up >&0; while :; do sleep 1; done", &fd);
	pid_t pid = helper_pid(helper);
	char text[3];

	g_assert_cmpint(recv(fd, text, 3, MSG_WAITALL), ==, 3);
	g_assert_true(exists(pid));
	helper_free(helper);
	g_assert_false(exists(pid));
	close(fd);
}

/* One that somebody has stopped can be ended, too. */
static void test_end_stopped(void)
{
	int fd = -1;
	Helper *helper = start("kill -STOP $$", &fd);
	pid_t pid = helper_pid(helper);

	helper_free(helper);
	g_assert_false(exists(pid));
	close(fd);
}

static void check_words(const char *script, const char *want)
{
	int fd = -1;
	g_autoptr(Helper) helper = start(script, &fd);
	g_autofree char *rest = read_all(fd);
	g_autofree char *words = helper_last_words(helper);

	g_assert_cmpstr(words, ==, want);
	/* They do not change. */
	g_autofree char *again = helper_last_words(helper);
	g_assert_cmpstr(again, ==, want);
	close(fd);
}

static void test_last_words(void)
{
	check_words("exit 3", "sh has ended with status 3");
	check_words("echo first >&2; echo ' no such port ' >&2; echo; echo noise of it >&2; exit 1",
		    "sh has ended with status 1: no such port");
	check_words("kill -KILL $$", "signal 9 (Killed) has ended sh");
	check_words("printf '\\377' >&2", "sh has ended with status 0: \357\277\275");
}

/* More than is kept of it neither blocks nor ends it. */
static void test_many_words(void)
{
	check_words("i=0; while [ $i -lt 3000 ]; do echo noise12345 >&2; i=$((i+1)); done; "
		    "exit 5",
		    "sh has ended with status 5");
}

/* It ends with the thread that started it, even when nobody calls helper_free(). */
static gpointer start_and_leave(gpointer data)
{
	int *fd = data;

	return start("trap '' HUP; echo up >&0; while :; do sleep 1; done", fd);
}

static void test_thread_ends(void)
{
	int fd = -1;
	GThread *thread = g_thread_new("starter", start_and_leave, &fd);
	g_autoptr(Helper) helper = g_thread_join(thread);
	g_autofree char *rest = read_all(fd); /* until its socket ends */
	g_autofree char *words = helper_last_words(helper);

	g_assert_cmpstr(words, ==, "signal 9 (Killed) has ended sh");
	close(fd);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"missing", test_missing},
		{"socket", test_socket},
		{"end", test_end},
		{"end/stopped", test_end_stopped},
		{"last-words", test_last_words},
		{"last-words/many", test_many_words},
		{"thread-ends", test_thread_ends},
		{0},
	};

	return test_main(argc, argv, "hw-helper", cases);
}

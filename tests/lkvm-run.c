/*
 * tests/lkvm-run.c - see tests/lkvm-run.h.
 */
#include "tests/lkvm-run.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test-util.h"

/* TEST_SLOW: this KVM is in an emulator. */
int run_patience_ms(void)
{
	return g_getenv("TEST_SLOW") != NULL ? 150000 : 20000;
}

const char *lkvm_path(void)
{
	const char *path = g_getenv("LKVM");

	return path != NULL ? path : "./lkvm";
}

char *guest_path(const char *name)
{
	g_autofree char *file = g_strconcat(name, ".elf", NULL);

	return g_test_build_filename(G_TEST_BUILT, "guest", file, NULL);
}

static void set_up_pipe(int *ours, int *theirs, bool we_write)
{
	int fds[2];

	g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
	*ours = fds[we_write ? 1 : 0];
	*theirs = fds[we_write ? 0 : 1];
}

/* @in_fd: lkvm's stdin, or -1 for a pipe. Takes the words behind `run -k GUEST`. */
Run *run_new(const char *guest, const char *words, int in_fd)
{
	Run *run = g_new0(Run, 1);
	g_autofree char *kernel = guest_path(guest);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) more = g_strsplit(words, " ", -1);
	int in = in_fd, out, err;

	g_strv_builder_add_many(builder, lkvm_path(), "run", "-k", kernel, NULL);
	for (unsigned i = 0; more[i] != NULL && *more[i] != 0; i++)
		g_strv_builder_add(builder, more[i]);
	g_auto(GStrv) argv = g_strv_builder_end(builder);
	run->in = -1;
	if (in_fd < 0)
		set_up_pipe(&run->in, &in, true);
	set_up_pipe(&run->out, &out, false);
	set_up_pipe(&run->err, &err, false);
	run->said = g_string_new(NULL);
	run->told = g_string_new(NULL);
	run->status = -1;
	run->pid = test_spawn((const char *const *)argv, in, out, err);
	g_assert_cmpint(run->pid, >, 0);
	if (in_fd < 0)
		close(in);
	close(out);
	close(err);
	return run;
}

void run_free(Run *run)
{
	if (run->status < 0) {
		kill(run->pid, SIGKILL);
		waitpid(run->pid, NULL, 0);
	}
	if (run->in >= 0)
		close(run->in);
	if (run->out >= 0)
		close(run->out);
	if (run->err >= 0)
		close(run->err);
	g_string_free(run->said, TRUE);
	g_string_free(run->told, TRUE);
	g_free(run);
}

void run_drain(int *fd, short revents, GString *into)
{
	char buf[4096];

	if (*fd < 0 || !revents)
		return;
	ssize_t n = read(*fd, buf, sizeof(buf));
	if (n > 0) {
		g_string_append_len(into, buf, n);
		return;
	}
	close(*fd);
	*fd = -1;
}

/* Reads until @text is on stdout or stderr, or (NULL) both are at their end. */
bool run_read_until(Run *run, const char *text)
{
	int64_t end = g_get_monotonic_time() + run_patience_ms() * 1000;

	for (;;) {
		struct pollfd fds[] = {{run->out, POLLIN, 0}, {run->err, POLLIN, 0}};

		if (text != NULL && (strstr(run->said->str, text) || strstr(run->told->str, text)))
			return true;
		if (run->out < 0 && run->err < 0)
			return text == NULL;
		if (g_get_monotonic_time() > end || poll(fds, 2, run_patience_ms()) <= 0)
			return false;
		run_drain(&run->out, fds[0].revents, run->said);
		run_drain(&run->err, fds[1].revents, run->told);
	}
}

/* Its exit status; fails the test when it does not end or was killed. */
int run_end(Run *run)
{
	bool ended = run_read_until(run, NULL);

	g_test_message("stdout: %s", run->said->str);
	g_test_message("stderr: %s", run->told->str);
	g_assert_true(ended);
	g_assert_cmpint(waitpid(run->pid, &run->status, 0), ==, run->pid);
	g_assert_true(WIFEXITED(run->status));
	return WEXITSTATUS(run->status);
}

bool run_impossible(void)
{
	if (!g_file_test(lkvm_path(), G_FILE_TEST_IS_EXECUTABLE)) {
		g_test_skip("lkvm is not built");
		return true;
	}
	if (access("/dev/kvm", R_OK | W_OK) == 0)
		return false;
	g_test_skip("no usable /dev/kvm");
	return true;
}

/* ---- gdb ---- */

/* The port in lkvm's machine-readable line. */
static uint16_t gdb_port(Run *run)
{
	g_assert_true(run_read_until(run, "gdb: listening on "));
	const char *line = strstr(run->told->str, "listening on ");
	const char *colon = strchr(line, ':');
	return strtoul(colon + 1, NULL, 10);
}

RspClient *run_attach(Run *run)
{
	int fd = test_connect_tcp("127.0.0.1", gdb_port(run));

	g_assert_cmpint(fd, >=, 0);
	RspClient *client = rsp_client_new(NULL, fd);
	rsp_expect_prefix(client, "?", "T");
	return client;
}

uint64_t run_number(RspClient *client, const char *packet)
{
	g_autofree char *hex = rsp_client_ask(client, packet);

	return GUINT64_SWAP_LE_BE(g_ascii_strtoull(hex, NULL, 16));
}

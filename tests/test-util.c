/*
 * tests/test-util.c - owns the helpers of the tests: counting, waiting, folders, sockets and child
 * processes.
 */
#include "tests/test-util.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

int test_main(int argc, char **argv, const char *prefix, const TestCase *cases)
{
	g_test_init(&argc, &argv, NULL);
	for (; cases->path; cases++) {
		g_autofree char *path = g_strdup_printf("/%s/%s", prefix, cases->path);

		g_test_add_func(path, cases->run);
	}
	return g_test_run();
}

unsigned test_count_fds(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	unsigned n = 0;

	g_assert_nonnull(dir);
	while (g_dir_read_name(dir))
		n++;
	return n - 1; /* the folder's own */
}

size_t test_heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static gboolean keep_ticking(gpointer data)
{
	(void)data;
	return G_SOURCE_CONTINUE;
}

bool test_wait(GMainContext *context, TestPredicate done, void *data, unsigned ms)
{
	int64_t deadline = g_get_monotonic_time() + ms * (int64_t)1000;
	GSource *tick = g_timeout_source_new(2);
	bool ok;

	g_source_set_callback(tick, keep_ticking, NULL, NULL);
	g_source_attach(tick, context);
	while (!(ok = done(data)) && g_get_monotonic_time() < deadline)
		g_main_context_iteration(context, TRUE);
	g_source_destroy(tick);
	g_source_unref(tick);
	return ok;
}

static bool never(void *data)
{
	(void)data;
	return false;
}

void test_run_for(GMainContext *context, unsigned ms)
{
	test_wait(context, never, NULL, ms);
}

char *test_dir_new(void)
{
	g_autoptr(GError) error = NULL;
	char *dir = g_dir_make_tmp("vmgdb-test-XXXXXX", &error);

	g_assert_no_error(error);
	return dir;
}

static void remove_tree(const char *dir)
{
	g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
	const char *name;

	while (handle && (name = g_dir_read_name(handle))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		if (g_unlink(path))
			remove_tree(path);
	}
	g_rmdir(dir);
}

void test_dir_remove(char *dir)
{
	remove_tree(dir);
	g_free(dir);
}

int64_t test_cpu_time(void)
{
	struct rusage usage;

	g_assert_cmpint(getrusage(RUSAGE_THREAD, &usage), ==, 0);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_TIME_SPAN_SECOND +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

int test_open_pty(char *ret_path, size_t size)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	g_assert_cmpint(grantpt(fd), ==, 0);
	g_assert_cmpint(unlockpt(fd), ==, 0);
	g_assert_cmpint(ptsname_r(fd, ret_path, size), ==, 0);
	return fd;
}

int test_stream_pair(GIOStream **ret_stream)
{
	g_autoptr(GSocket) socket = NULL;
	g_autoptr(GError) error = NULL;
	int fds[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	socket = g_socket_new_from_fd(fds[0], &error);
	g_assert_no_error(error);
	*ret_stream = G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
	return fds[1];
}

static int try_connect(int family, const struct sockaddr *addr, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int saved;

	g_assert_cmpint(fd, >=, 0);
	if (connect(fd, addr, len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int test_connect_tcp(const char *host, uint16_t port)
{
	g_autoptr(GSocketAddress) addr = g_inet_socket_address_new_from_string(host, port);
	struct sockaddr_storage raw;
	gssize len;
	int fd, on = 1;

	g_assert_nonnull(addr);
	len = g_socket_address_get_native_size(addr);
	g_assert_true(g_socket_address_to_native(addr, &raw, sizeof(raw), NULL));
	fd = try_connect(raw.ss_family, (struct sockaddr *)&raw, len);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int test_connect_unix(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	g_assert_cmpuint(g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path)), <,
			 sizeof(addr.sun_path));
	return try_connect(AF_UNIX, (struct sockaddr *)&addr, sizeof(addr));
}

/* --- processes --- */

/* [in the child] A test that aborts leaves nothing behind. */
static void end_with_test(gpointer parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != GPOINTER_TO_INT(parent))
		_exit(1);
}

int test_spawn(const char *const *argv, int in, int out, int err)
{
	g_autoptr(GError) error = NULL;
	GPid pid = -1;

	g_spawn_async_with_fds(NULL, (char **)argv, NULL,
			       G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, end_with_test,
			       GINT_TO_POINTER(getpid()), &pid, in, out, err, &error);
	g_assert_no_error(error);
	return pid;
}

int test_spawn_self(const char *self, const char *word, int in, int out)
{
	const char *emulator = g_getenv("EMULATOR");
	const char *const argv[] = {emulator, self, word, NULL};

	return test_spawn(emulator != NULL && *emulator != 0 ? argv : argv + 1, in, out, 2);
}

typedef struct Child {
	int pid, status;
} Child;

static bool child_ended(void *data)
{
	Child *child = data;

	return waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

int test_join(GMainContext *context, int pid, unsigned ms)
{
	Child child = {.pid = pid};

	if (test_wait(context, child_ended, &child, ms))
		return child.status;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

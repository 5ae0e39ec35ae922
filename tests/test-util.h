/*
 * tests/test-util.h - what the tests share: tables of tests, descriptor and heap counts, bounded
 * waits on a main context, temporary folders, sockets and child processes. Nothing here knows the
 * code under test.
 */
#ifndef VMGDB_TESTS_TEST_UTIL_H
#define VMGDB_TESTS_TEST_UTIL_H

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

/* How long a test waits for something that must happen, in milliseconds. */
#define TEST_PATIENCE 60000

/*
 * test_main: run the tests "/@prefix/@path" of a table that ends with {0}; what main() returns.
 */
typedef struct TestCase {
	const char *path;
	void (*run)(void);
} TestCase;
int test_main(int argc, char **argv, const char *prefix, const TestCase *cases);

/* Open descriptors of this process. */
unsigned test_count_fds(void);
/* Bytes that malloc has given out; does not move under AddressSanitizer, which counts itself. */
size_t test_heap_bytes(void);

/* Run @context until @done(data) is true (TRUE) or @ms milliseconds are over (FALSE). */
typedef bool (*TestPredicate)(void *data);
bool test_wait(GMainContext *context, TestPredicate done, void *data, unsigned ms);
/* Run @context for @ms milliseconds. */
void test_run_for(GMainContext *context, unsigned ms);

/* A fresh folder below the temporary folder; free with test_dir_remove(), which deletes it. */
char *test_dir_new(void);
void test_dir_remove(char *dir);

/* CPU time that this thread has used, in microseconds. */
int64_t test_cpu_time(void);

/* The master of a new pseudo terminal, whose slave is @ret_path; -1 where there are none. */
int test_open_pty(char *ret_path, size_t size);

/* A connected pair: @ret_stream is for the server, the return value is the client's descriptor. */
int test_stream_pair(GIOStream **ret_stream);

/* Connect to a TCP port on the loopback, or to a unix socket; -1 with errno when refused. */
int test_connect_tcp(const char *host, uint16_t port);
int test_connect_unix(const char *path);

/*
 * test_spawn: start @argv (NULL at the end) with these descriptors as standard input, output and
 * error; -1 is /dev/null. Uses no thread of GLib's, which the thread sanitizer cannot follow.
 * test_spawn_self: start the program @self (its argv[0]) once more, with @word for an argument; by
 * tests/run's EMULATOR where the build is for another machine.
 * test_join: run @context until the process has ended, at most @ms milliseconds; its wait status,
 * or -1 after it had to be killed.
 */
int test_spawn(const char *const *argv, int in, int out, int err);
int test_spawn_self(const char *self, const char *word, int in, int out);
int test_join(GMainContext *context, int pid, unsigned ms);

#endif

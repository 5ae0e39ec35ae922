/*
 * tests/test-log.c - the sentences of gdbstub/log.h, and what a server writes.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gdbstub/log.h"
#include "tests/fake-rig.h"

static char *read_log(const char *path)
{
	char *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static void test_lines(void)
{
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "log", NULL), *text = NULL;
	g_autofree char *big = g_strnfill(GDB_LOG_PACKET_MAX + 5, 'z');
	GdbLog *log = gdb_log_open(path, NULL);

	g_assert_nonnull(log);
	gdb_log_line(log, "stopped: %s", "here");
	gdb_log_packet(log, true, "X0,2:\x01\\\n\xff", 9);
	gdb_log_packet(log, false, big, strlen(big));
	/* Written at once. */
	text = read_log(path);
	g_assert_nonnull(strstr(text, " stopped: here\n"));
	g_assert_nonnull(strstr(text, " <- X0,2:\\x01\\x5c\\x0a\\xff\n"));
	g_assert_nonnull(strstr(text, "zzz... (1029 bytes)\n"));
	g_assert_true(g_regex_match_simple("^( *\\d+\\.\\d{6} .*\n){3}$", text, 0, 0));
	gdb_log_free(log);
	test_dir_remove(dir);
}

static void test_none(void)
{
	gdb_log_line(NULL, "%d", 1);
	gdb_log_packet(NULL, true, "x", 1);
	gdb_log_free(NULL);
}

static void test_refused(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(gdb_log_open("/nonexistent/log", &error));
	g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
	g_assert_nonnull(strstr(error->message, "/nonexistent/log"));
}

static void test_fifo(void)
{
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "fifo", NULL);
	g_autoptr(GError) error = NULL;
	char text[64] = {0};
	GdbLog *log;
	int reader;

	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	g_assert_null(gdb_log_open(path, &error));
	g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NXIO);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	log = gdb_log_open(path, NULL);
	g_assert_nonnull(log);
	gdb_log_line(log, "read");
	g_assert_cmpint(read(reader, text, sizeof(text) - 1), >, 0);
	g_assert_true(g_str_has_suffix(text, " read\n"));
	gdb_log_free(log);
	close(reader);
	test_dir_remove(dir);
}

static char *read_fifo(int fd)
{
	GString *text = g_string_new(NULL);
	char part[4096];
	gssize n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		g_string_append_len(text, part, n);
	return g_string_free(text, FALSE);
}

typedef struct Fifo {
	char *dir, *path;
	int reader;
	GdbLog *log;
} Fifo;

static void open_reader(Fifo *fifo)
{
	fifo->reader = open(fifo->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* A log that somebody reads. */
static void fifo_open(Fifo *fifo)
{
	fifo->dir = test_dir_new();
	fifo->path = g_build_filename(fifo->dir, "fifo", NULL);
	g_assert_cmpint(mkfifo(fifo->path, 0600), ==, 0);
	open_reader(fifo);
	fifo->log = gdb_log_open(fifo->path, NULL);
	g_assert_nonnull(fifo->log);
}

static void fifo_close(Fifo *fifo)
{
	gdb_log_free(fifo->log);
	close(fifo->reader);
	g_free(fifo->path);
	test_dir_remove(fifo->dir);
}

/* Nobody goes on to read it: nobody waits, and what did not fit is counted. */
static void test_stalled_fifo(void)
{
	g_autofree char *full = NULL, *later = NULL, *pattern = NULL;
	unsigned said = 0, fit = 0;
	Fifo fifo;

	fifo_open(&fifo);
	for (; said < 10000; said++)
		gdb_log_line(fifo.log, "line %u of what nobody reads", said);
	full = read_fifo(fifo.reader);
	for (const char *at = full; (at = strstr(at, "reads\n")); at++)
		fit++;
	g_assert_cmpuint(fit, >, 10);
	g_assert_cmpuint(fit, <, said);
	gdb_log_line(fifo.log, "again");
	gdb_log_line(fifo.log, "and again");
	later = read_fifo(fifo.reader);
	pattern = g_strdup_printf("^\n\\[%u lines were lost: there was no room\\]\n"
				  " +[0-9.]+ again\n +[0-9.]+ and again\n$",
				  said - fit);
	g_assert_true(g_regex_match_simple(pattern, later, 0, 0));
	fifo_close(&fifo);
}

/* Its reader has gone: nobody is killed by that, and the next one reads on. */
static void test_left_fifo(void)
{
	g_autofree char *text = NULL;
	Fifo fifo;

	fifo_open(&fifo);
	close(fifo.reader);
	gdb_log_line(fifo.log, "to nobody");
	open_reader(&fifo);
	gdb_log_line(fifo.log, "to the next");
	text = read_fifo(fifo.reader);
	g_assert_true(
		g_regex_match_simple("^ +[0-9.]+ to nobody\n +[0-9.]+ to the next\n$", text, 0, 0));
	fifo_close(&fifo);
}

static void test_server(void)
{
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "log", NULL), *text = NULL;
	GdbLog *log = gdb_log_open(path, NULL);
	FakeRig *rig = fake_rig_new(1);

	gdb_server_set_log(rig->server, log);
	fake_rig_connect(rig);
	fake_rig_handshake(rig);
	rsp_client_send(rig->client, "vCont;c");
	fake_rig_interrupt(rig);
	rsp_expect_error(rig->client, "Z0,400000,77");
	fake_rig_hangup(rig);
	fake_rig_free(rig);
	gdb_log_free(log);
	text = read_log(path);
	g_assert_nonnull(strstr(text, " a client is here\n"));
	g_assert_nonnull(strstr(text, " <- vCont;c\n"));
	g_assert_nonnull(strstr(text, " <- \\x03\n"));
	g_assert_nonnull(strstr(text, " -> T02thread:"));
	g_assert_nonnull(strstr(text, " -> E"));
	g_assert_nonnull(strstr(text, " the client has gone\n"));
	test_dir_remove(dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/log/lines", test_lines);
	g_test_add_func("/log/none", test_none);
	g_test_add_func("/log/refused", test_refused);
	g_test_add_func("/log/fifo", test_fifo);
	g_test_add_func("/log/stalled-fifo", test_stalled_fifo);
	g_test_add_func("/log/left-fifo", test_left_fifo);
	g_test_add_func("/log/server", test_server);
	return g_test_run();
}

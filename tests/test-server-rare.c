/*
 * tests/test-server-rare.c - owns the tests of what seldom happens: refusals by the target, packets
 * after the end of an attachment, lines that go away, no descriptors left.
 */
#include "tests/fake-rig.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_unreadable_register(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree char *g = NULL;

	fake_target_set_unreadable(rig->target, 2);
	rsp_expect_error(rig->client, "p2");
	rsp_expect_error(rig->client, "P27=00000000");
	/* gdb shows x as <unavailable>; the others are there. */
	g = rsp_client_ask(rig->client, "g");
	g_assert_cmpuint(strlen(g), ==, 2 * FAKE_G_BYTES);
	g_assert_cmpint(strncmp(g + 32, "xxxxxxxxxxxxxxxx", 16), ==, 0);
	g_assert_cmpuint(strspn(g, "0123456789abcdef"), ==, 32);
	/* A stop reply leaves out what it would send along. */
	fake_target_set_unreadable(rig->target, FAKE_REG_RSP);
	rsp_client_send(rig->client, "vCont;s:p1.1");
	g_free(rsp_expect_next_prefix(rig->client, "T05"));
}

static void test_refused_resume(void)
{
	static const char *const packets[] = {"vCont;c",      "c",	 "s",
					      "vCont;s:p1.1", "c400010", "C05"};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	fake_target_refuse_resume(rig->target, true);
	for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++)
		rsp_expect_error(rig->client, packets[i]);
	rsp_expect_prefix(rig->client, "?", "T02");
	fake_target_refuse_resume(rig->target, false);
	rsp_client_send(rig->client, "vCont;s");
	g_free(rsp_expect_next_prefix(rig->client, "T05"));
}

/* After D the connection stays, as `target extended-remote` wants it. */
static void test_after_detach(void)
{
	static const char *const packets[] = {"g",  "m400000,4",    "vCont;c", "Z0,400020,1",
					      "p0", "M600000,1:00", "c"};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);

	rsp_expect(rig->client, "D;1", "OK");
	for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++)
		rsp_expect_error(rig->client, packets[i]);
	rsp_client_puts(rig->client, "\x03");
	rsp_expect_silence(rig->client, 20);
	g_assert_true(fake_target_is_running(rig->target));
	rsp_expect_prefix(rig->client, "vAttach;1", "T02");
	rsp_expect(rig->client, "Z0,400020,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	g_free(rsp_expect_next_prefix(rig->client, "T05"));
	g_assert_cmpuint(fake_target_counts(rig->target).attaches, ==, 2);
}

static void test_after_kill(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "vKill;1", "OK");
	rsp_expect_error(rig->client, "g");
	rsp_expect_error(rig->client, "vAttach;1");
	rsp_expect_error(rig->client, "vCont;c");
	g_assert_cmpuint(fake_target_counts(rig->target).kills, ==, 1);
}

/* Ctrl-C ends a search that takes too long. */
static void test_interrupted_search(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	int64_t begin;

	fake_target_map(rig->target, 0x100000000, 64 << 20);
	rsp_client_send(rig->client, "qSearch:memory:100000000;4000000;no such text");
	test_run_for(rig->context, 5);
	begin = g_get_monotonic_time();
	rsp_client_puts(rig->client, "\x03");
	g_free(rsp_expect_next_prefix(rig->client, "E"));
	g_assert_cmpint(g_get_monotonic_time() - begin, <, 500000);
	rsp_expect(rig->client, "qC", "QCp01.01");
}

static void test_more_bad_packets(void)
{
	static const char *const bad[] = {"vCont;r400010,400000:p1.1",
					  "vCont;cx",
					  "vCont;s:p1.1x",
					  "vCont;r400000,400010",
					  "C",
					  "S",
					  "Czz",
					  "cxyz",
					  "sxyz"};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree char *g = rsp_client_ask(rig->client, "g");
	g_autofree char *bad_g = g_strconcat("G", g, NULL);

	bad_g[41] = 'x';
	rsp_expect_error(rig->client, bad_g);
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *got = NULL;

		g_test_message("%s", bad[i]);
		rsp_client_send(rig->client, bad[i]);
		got = rsp_client_poll(rig->client, 300, NULL);
		/* A range without a thread is for all of them, which is fair. */
		if (!got || got[0] == 'T')
			g_assert_cmpint(bad[i][5], !=, 'c');
		if (!got)
			fake_rig_interrupt(rig);
	}
}

/* The other end of a serial line goes away for good while the machine runs. */
static void test_line_gone(void)
{
	char path[64];
	int fd = test_open_pty(path, sizeof(path));
	int64_t before;
	FakeRig *rig;

	if (fd < 0) {
		g_test_skip("no pseudo terminals here");
		return;
	}
	rig = fake_rig_new(1);
	fake_rig_listen(rig, path);
	rig->client = rsp_client_new(rig->context, fd);
	fake_rig_handshake(rig);
	rsp_expect(rig->client, "Z0,400300,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	test_run_for(rig->context, 20);
	rig->fds_before--; /* the pty's, opened before */
	fake_rig_hangup(rig);
	before = test_cpu_time();
	test_run_for(rig->context, 200);
	g_assert_cmpint(test_cpu_time() - before, <, 60000);
	fake_rig_free(rig);
}

/* gdb on a serial line is killed and started anew: the line has no word for that. */
static void test_line_new_client(void)
{
	char path[64];
	int fd = test_open_pty(path, sizeof(path));
	FakeRig *rig;

	if (fd < 0) {
		g_test_skip("no pseudo terminals here");
		return;
	}
	rig = fake_rig_new(1);
	fake_rig_listen(rig, path);
	rig->client = rsp_client_new(rig->context, dup(fd));
	for (unsigned i = 0; i < 3; i++) {
		g_autofree char *stop = NULL;

		/* What gdb sends first; the old session was in no-ack mode, stopped. */
		rig->client->no_ack = false;
		rsp_client_puts(rig->client, "+");
		rsp_expect_prefix(rig->client, FAKE_OFFER, "PacketSize=");
		stop = rsp_client_ask(rig->client, "?");
		g_assert_cmpint(stop[0], ==, 'T');
		rsp_expect(rig->client, "QStartNoAckMode", "OK");
		rig->client->no_ack = true;
		rsp_client_puts(rig->client, "+");
		rsp_expect(rig->client, "m400000,1", "90");
	}
	fake_rig_free(rig);
	close(fd);
}

/* When the process has no descriptors left the client waits, and the loop does not spin. */
static void test_no_descriptors(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	struct rlimit old, low;
	int64_t before;

	fake_rig_listen(rig, "0");
	rig->client =
		rsp_client_new(rig->context, test_connect_tcp("127.0.0.1", fake_rig_port(rig)));
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
	low = old;
	low.rlim_cur = 3;
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
	before = test_cpu_time();
	test_run_for(rig->context, 200);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
	g_assert_cmpint(test_cpu_time() - before, <, 60000);
	g_assert_false(gdb_server_has_client(rig->server));
	fake_rig_handshake(rig);
}

/* Nobody reads standard output any more: that is no reason to die of SIGPIPE. */
static void test_broken_pipe(gconstpointer self)
{
	GMainContext *context = g_main_context_default();
	int in[2], out[2], pid;

	g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(out, O_CLOEXEC), ==, 0);
	pid = test_spawn_self(self, "--serve-stdio", in[0], out[1]);
	close(in[0]);
	close(out[1]);
	close(out[0]);
	g_assert_cmpint(write(in[1], "$?#3f$g#67", 10), ==, 10);
	/* Its input stays open: only the output tells. */
	g_assert_cmpint(test_join(context, pid, TEST_PATIENCE), ==, 0);
	close(in[1]);
}

int main(int argc, char **argv)
{
	if (argc == 2 && g_str_equal(argv[1], "--serve-stdio"))
		return fake_rig_serve_stdio();
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-rare/unreadable-register", test_unreadable_register);
	g_test_add_func("/server-rare/refused-resume", test_refused_resume);
	g_test_add_func("/server-rare/after-detach", test_after_detach);
	g_test_add_func("/server-rare/after-kill", test_after_kill);
	g_test_add_func("/server-rare/interrupted-search", test_interrupted_search);
	g_test_add_func("/server-rare/more-bad-packets", test_more_bad_packets);
	g_test_add_func("/server-rare/line-gone", test_line_gone);
	g_test_add_func("/server-rare/line-new-client", test_line_new_client);
	g_test_add_func("/server-rare/no-descriptors", test_no_descriptors);
	g_test_add_data_func("/server-rare/broken-pipe", argv[0], test_broken_pipe);
	return g_test_run();
}

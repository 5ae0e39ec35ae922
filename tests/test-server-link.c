/*
 * tests/test-server-link.c - owns the tests of the connection itself: every way to lose it in
 * every state, a client that does not read, and a thousand sessions.
 */
#include "tests/fake-rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum State {
	ATTACHING,
	IDLE,
	RUNNING,
	MID_PACKET,
	MID_REPLY,
	MID_STEP,
	UNREPORTED,
	N_STATES,
} State;

typedef enum Way {
	FIN,
	HALF_CLOSE,
	RST,
	N_WAYS,
} Way;

static const char *const state_names[] = {"attaching", "idle",	   "running",	"mid-packet",
					  "mid-reply", "mid-step", "unreported"};
static const char *const way_names[] = {"fin", "half-close", "rst"};

typedef struct LinkCase {
	State state;
	Way way;
} LinkCase;

static void connect_tcp(FakeRig *rig)
{
	int fd = test_connect_tcp("127.0.0.1", fake_rig_port(rig));

	g_assert_cmpint(fd, >=, 0);
	rig->client = rsp_client_new(rig->context, fd);
}

static void wait_resumes(FakeRig *rig, unsigned n)
{
	while (fake_target_counts(rig->target).resumes < n)
		test_run_for(rig->context, 1);
}

static void enter_running(FakeRig *rig)
{
	rsp_expect(rig->client, "Z0,400300,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	wait_resumes(rig, 1);
}

static void enter_mid_reply(FakeRig *rig)
{
	rsp_expect(rig->client, "Z0,400020,1", "OK");
	rsp_client_set_deaf(rig->client, true);
	for (unsigned i = 0; i < 40; i++)
		rsp_client_send(rig->client, "m1000000,10000");
	test_run_for(rig->context, 30);
}

static void enter_mid_step(FakeRig *rig)
{
	rsp_expect(rig->client, "Z0,400020,1", "OK");
	fake_target_set_stuck(rig->target, 0, true);
	rsp_client_send(rig->client, "vCont;s:p1.1");
	wait_resumes(rig, 1);
}

/* The breakpoint is hit and posted, and the server's loop has not run since. */
static void enter_unreported(FakeRig *rig)
{
	rsp_expect(rig->client, "Z0,400020,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	wait_resumes(rig, 1);
	fake_rig_wait_posts(rig, 2);
}

static void enter(FakeRig *rig, State state)
{
	if (state == ATTACHING) {
		fake_target_set_stuck(rig->target, 0, true);
		connect_tcp(rig);
		rsp_client_send(rig->client, "?");
		while (!gdb_server_has_client(rig->server))
			test_run_for(rig->context, 1);
		return;
	}
	connect_tcp(rig);
	fake_rig_handshake(rig);
	if (state == IDLE)
		rsp_expect(rig->client, "Z0,400020,1", "OK");
	else if (state == RUNNING)
		enter_running(rig);
	else if (state == MID_PACKET)
		rsp_client_puts(rig->client, "$m6000");
	else if (state == MID_REPLY)
		enter_mid_reply(rig);
	else if (state == MID_STEP)
		enter_mid_step(rig);
	else
		enter_unreported(rig);
}

static void leave(FakeRig *rig, Way way)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	if (way == HALF_CLOSE) {
		g_assert_cmpint(shutdown(rig->client->fd, SHUT_WR), ==, 0);
		return;
	}
	if (way == RST)
		setsockopt(rig->client->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	g_clear_pointer(&rig->client, rsp_client_free);
}

/* The next client finds a machine that works. */
static void expect_clean_session(FakeRig *rig)
{
	unsigned resumes = fake_target_counts(rig->target).resumes;
	g_autofree char *stop = NULL;

	connect_tcp(rig);
	fake_rig_handshake(rig);
	rsp_expect(rig->client, "Z0,400010,1", "OK");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 1);
	rsp_client_send(rig->client, "vCont;c");
	stop = rsp_expect_next_prefix(rig->client, "T05");
	g_assert_cmpuint(fake_target_counts(rig->target).resumes, ==, resumes + 1);
	rsp_expect(rig->client, "D;1", "OK");
	fake_rig_hangup(rig);
}

/* T17 */
static void test_lost(gconstpointer data)
{
	const LinkCase *what = data;
	g_autoptr(FakeRig) rig = fake_rig_new(2);

	fake_rig_listen(rig, "0");
	enter(rig, what->state);
	leave(rig, what->way);
	test_run_for(rig->context, 10);
	fake_target_set_stuck(rig->target, 0, false);
	if (rig->client)
		rsp_client_set_deaf(rig->client, false);
	fake_rig_expect_released(rig);
	if (rig->client)
		rsp_expect_eof(rig->client);
	g_clear_pointer(&rig->client, rsp_client_free);
	expect_clean_session(rig);
	g_assert_cmpuint(fake_target_counts(rig->target).attaches, ==, 2);
}

/* What a script says last: k and the end of the connection, before the machine has even stopped. */
static void test_kill_and_go(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	fake_rig_listen(rig, "0");
	fake_target_set_stuck(rig->target, 0, true);
	connect_tcp(rig);
	rsp_client_puts(rig->client, "+$?#3f$k#6b");
	g_clear_pointer(&rig->client, rsp_client_free);
	while (!fake_target_counts(rig->target).attaches || gdb_server_has_client(rig->server))
		test_run_for(rig->context, 1);
	g_assert_cmpuint(fake_target_counts(rig->target).kills, ==, 1);
	fake_target_set_stuck(rig->target, 0, false);
}

/*
 * One client goes and the next one comes before the server looks at either: as when a script runs
 * gdb twice. The first one is not in the way.
 */
static void test_reconnect_at_once(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	fake_rig_listen(rig, "0");
	for (unsigned i = 0; i < 50; i++) {
		connect_tcp(rig);
		fake_rig_handshake(rig);
		if (i % 2)
			rsp_client_send(rig->client, "D;1");
		g_clear_pointer(&rig->client, rsp_client_free);
	}
	fake_rig_expect_released(rig);
	g_assert_cmpuint(fake_target_counts(rig->target).attaches, ==, 50);
}

/* Writes @packet until the socket is full for good; returns how many whole ones went. */
static unsigned flood(FakeRig *rig, const char *packet, unsigned limit)
{
	g_autofree char *frame = rsp_frame(packet);
	size_t len = strlen(frame), at = 0;
	unsigned idle = 0, n = 0;

	while (n < limit && idle < 20) {
		ssize_t done = send(rig->client->fd, frame + at, len - at, MSG_NOSIGNAL);

		if (done < 0) {
			g_assert_cmpint(errno, ==, EAGAIN);
			idle++;
			test_run_for(rig->context, 5);
			continue;
		}
		idle = 0;
		at += done;
		n += at == len;
		at %= len;
	}
	/* The rest of a packet that is cut goes when the server reads again. */
	if (at) {
		rsp_client_set_deaf(rig->client, false);
		rsp_client_write(rig->client, frame + at, len - at);
		n++;
	}
	return n;
}

/* T19: the loop lives and memory stays bounded while nobody reads; then all replies come. */
static void test_deaf_client(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	size_t heap = test_heap_bytes();
	unsigned n;

	rsp_client_set_deaf(rig->client, true);
	n = flood(rig, "m1000000,10000", 20000);
	g_assert_cmpuint(n, >, 8);
	g_assert_cmpuint(test_heap_bytes(), <, heap + 16 * 1024 * 1024);
	g_assert_true(gdb_server_has_client(rig->server));
	rsp_client_set_deaf(rig->client, false);
	for (unsigned i = 0; i < n; i++) {
		g_autofree char *reply = rsp_client_recv(rig->client, NULL);

		g_assert_cmpuint(strlen(reply), ==, 0x20000);
	}
	rsp_expect(rig->client, "qC", "QCp01.01");
}

static gboolean count_tick(gpointer data)
{
	(*(unsigned *)data)++;
	return G_SOURCE_CONTINUE;
}

/* What takes the server long is cut in slices: other sources of the loop get their turn. */
static void test_loop_stays_alive(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autoptr(GSource) tick = g_timeout_source_new(1);
	g_autofree char *reply = NULL;
	unsigned ticks = 0;
	int64_t begin;
	double ms;

	fake_target_map(rig->target, 0x100000000, 8 << 20);
	g_source_set_callback(tick, count_tick, &ticks, NULL);
	g_source_attach(tick, rig->context);
	begin = g_get_monotonic_time();
	rsp_client_send(rig->client, "qSearch:memory:100000000;800000;no such text");
	reply = rsp_client_recv(rig->client, NULL);
	ms = (g_get_monotonic_time() - begin) / 1000.0;
	g_source_destroy(tick);
	g_assert_cmpstr(reply, ==, "0");
	g_test_message("%u ticks in %.0f ms", ticks, ms);
	/* At most one comes in each of the 64 slices, however long a slow host takes for it. */
	g_assert_cmpfloat(ticks, >=, MIN(ms / 20, 32));
}

/* The client leaves in the middle of a long search. */
static void test_lost_in_search(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	fake_target_map(rig->target, 0x100000000, 64 << 20);
	rsp_client_send(rig->client, "qSearch:memory:100000000;4000000;no such text");
	test_run_for(rig->context, 3);
	fake_rig_hangup(rig);
	fake_rig_connect(rig);
	rsp_expect(rig->client, "qC", "QC01");
}

/* Whoever is waited for, the loop sleeps; input that cannot be taken yet is no reason to spin. */
static void test_no_spinning(void)
{
	for (State state = ATTACHING; state < N_STATES; state++) {
		g_autoptr(FakeRig) rig = fake_rig_new(2);
		int64_t begin;

		fake_rig_listen(rig, "0");
		enter(rig, state);
		if (state == ATTACHING || state == MID_REPLY)
			for (unsigned i = 0; i < 100; i++)
				send(rig->client->fd, "$g#67", 5, MSG_NOSIGNAL);
		test_run_for(rig->context, 50);
		begin = test_cpu_time();
		test_run_for(rig->context, 300);
		g_test_message("%s: %.1f ms of 300", state_names[state],
			       (test_cpu_time() - begin) / 1000.0);
		g_assert_cmpint(test_cpu_time() - begin, <, 75000);
		fake_target_set_stuck(rig->target, 0, false);
	}
}

static void one_cycle(FakeRig *rig, unsigned i)
{
	fake_rig_connect(rig);
	fake_rig_handshake(rig);
	rsp_expect(rig->client, "Z0,400300,1", "OK");
	if (i % 3 == 0) {
		rsp_client_send(rig->client, "vCont;c");
	} else if (i % 3 == 1) {
		rsp_expect(rig->client, "D;1", "OK");
	}
	fake_rig_hangup(rig);
}

static void test_thousand_cycles(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(2);
	unsigned fds;
	size_t heap;

	for (unsigned i = 0; i < 60; i++)
		one_cycle(rig, i);
	fds = test_count_fds();
	heap = test_heap_bytes();
	for (unsigned i = 0; i < 1000; i++)
		one_cycle(rig, i);
	g_assert_cmpuint(test_count_fds(), ==, fds);
	g_assert_cmpuint(test_heap_bytes(), <, heap + 32 * 1024);
	g_assert_cmpuint(fake_target_counts(rig->target).attaches, ==, 1060);
}

/* Many servers, one after the other and at the same time: nothing is shared. */
static void test_two_servers(void)
{
	g_autoptr(FakeRig) a = fake_rig_new_ready(1);
	FakeRig *b = fake_rig_new_ready(2);

	rsp_expect(b->client, "Z0,400010,1", "OK");
	g_assert_cmpuint(fake_target_count_breaks(a->target), ==, 0);
	rsp_expect(a->client, "qfThreadInfo", "mp01.01");
	rsp_expect(b->client, "qfThreadInfo", "mp01.01,p01.02");
	fake_rig_free(b);
	rsp_expect(a->client, "qC", "QCp01.01");
}

/* The server is freed in every state; what runs on is clean (fake_rig_free() checks). */
static void test_free_in_state(void)
{
	for (State state = ATTACHING; state < N_STATES; state++) {
		g_autoptr(FakeRig) rig = fake_rig_new(2);

		g_test_message("%s", state_names[state]);
		fake_rig_listen(rig, "0");
		enter(rig, state);
		g_clear_pointer(&rig->server, gdb_server_free);
		fake_target_set_stuck(rig->target, 0, false);
		rsp_client_set_deaf(rig->client, false);
		rsp_expect_eof(rig->client);
	}
}

static void add_lost_cases(void)
{
	for (State state = ATTACHING; state < N_STATES; state++) {
		for (Way way = FIN; way < N_WAYS; way++) {
			LinkCase what = {state, way};
			g_autofree char *path = g_strdup_printf("/server-link/lost/%s/%s",
								state_names[state], way_names[way]);

			g_test_add_data_func_full(path, g_memdup2(&what, sizeof(what)), test_lost,
						  g_free);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add_lost_cases();
	g_test_add_func("/server-link/kill-and-go", test_kill_and_go);
	g_test_add_func("/server-link/reconnect-at-once", test_reconnect_at_once);
	g_test_add_func("/server-link/deaf-client", test_deaf_client);
	g_test_add_func("/server-link/loop-stays-alive", test_loop_stays_alive);
	g_test_add_func("/server-link/lost-in-search", test_lost_in_search);
	g_test_add_func("/server-link/no-spinning", test_no_spinning);
	g_test_add_func("/server-link/thousand-cycles", test_thousand_cycles);
	g_test_add_func("/server-link/two-servers", test_two_servers);
	g_test_add_func("/server-link/free-in-state", test_free_in_state);
	return g_test_run();
}

/*
 * tests/fake-rig.c - owns the set-up and the final checks that all server tests share.
 */
#include "tests/fake-rig.h"

#include <string.h>

/* GLib keeps some descriptors for the life of the process once it has used them. */
static void warm_up(void)
{
	g_autoptr(GSocketListener) listener = g_socket_listener_new();
	g_autoptr(GCancellable) cancellable = g_cancellable_new();

	g_cancellable_get_fd(cancellable);
	g_cancellable_release_fd(cancellable);
	g_socket_listener_close(listener);
}

FakeRig *fake_rig_new(unsigned n_cpus)
{
	FakeRig *rig = g_new0(FakeRig, 1);

	warm_up();
	rig->fds_before = test_count_fds();
	rig->context = g_main_context_new();
	rig->target = fake_target_new(n_cpus, true);
	rig->server = gdb_server_new(rig->context, fake_target_ops(), rig->target, FAKE_VERSION);
	g_assert_nonnull(rig->server);
	fake_target_set_server(rig->target, rig->server);
	return rig;
}

/* GLib's own thread may take a moment to close what belonged to a child process. */
static void expect_fds(unsigned most)
{
	for (unsigned i = 0; i < 200 && test_count_fds() > most; i++)
		g_usleep(5000);
	g_assert_cmpuint(test_count_fds(), <=, most);
}

void fake_rig_free(FakeRig *rig)
{
	g_autofree char *complaints = NULL;
	FakeCounts counts;

	gdb_server_free(rig->server);
	counts = fake_target_counts(rig->target);
	if (!counts.kills) {
		g_assert_cmpuint(counts.attaches, ==, counts.detaches);
		g_assert_true(fake_target_is_running(rig->target));
	}
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
	g_clear_pointer(&rig->client, rsp_client_free);
	/* What the server still had on its context must not touch freed memory. */
	while (g_main_context_iteration(rig->context, FALSE))
		;
	complaints = fake_target_complaints(rig->target);
	g_assert_cmpstr(complaints, ==, "");
	fake_target_free(rig->target);
	g_main_context_unref(rig->context);
	expect_fds(rig->fds_before);
	g_free(rig);
}

void fake_rig_connect(FakeRig *rig)
{
	g_autoptr(GIOStream) stream = NULL;
	int fd = test_stream_pair(&stream);

	g_assert_null(rig->client);
	g_assert_true(gdb_server_serve(rig->server, stream));
	g_assert_true(gdb_server_has_client(rig->server));
	rig->client = rsp_client_new(rig->context, fd);
}

void fake_rig_handshake(FakeRig *rig)
{
	g_autofree char *stop = NULL;

	rsp_expect(rig->client, "QStartNoAckMode", "OK");
	rig->client->no_ack = true;
	rsp_expect_prefix(rig->client, FAKE_OFFER, "PacketSize=");
	stop = rsp_client_ask(rig->client, "?");
	g_assert_true(g_str_has_prefix(stop, "T02"));
}

FakeRig *fake_rig_new_ready(unsigned n_cpus)
{
	FakeRig *rig = fake_rig_new(n_cpus);

	fake_rig_connect(rig);
	fake_rig_handshake(rig);
	return rig;
}

const char *fake_rig_listen(FakeRig *rig, const char *where)
{
	g_autoptr(GError) error = NULL;
	bool ok = gdb_server_listen(rig->server, where, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
	g_assert_nonnull(gdb_server_get_address(rig->server));
	return gdb_server_get_address(rig->server);
}

uint16_t fake_rig_port(FakeRig *rig)
{
	const char *colon = strrchr(gdb_server_get_address(rig->server), ':');
	uint64_t port;

	g_assert_nonnull(colon);
	g_assert_true(g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL));
	return port;
}

static bool is_released(void *data)
{
	FakeRig *rig = data;

	return !gdb_server_has_client(rig->server) && fake_target_is_running(rig->target) &&
	       fake_target_count_breaks(rig->target) == 0;
}

void fake_rig_expect_released(FakeRig *rig)
{
	FakeCounts counts;

	g_assert_true(test_wait(rig->context, is_released, rig, TEST_PATIENCE));
	counts = fake_target_counts(rig->target);
	g_assert_cmpuint(counts.attaches, ==, counts.detaches);
}

void fake_rig_hangup(FakeRig *rig)
{
	g_clear_pointer(&rig->client, rsp_client_free);
	fake_rig_expect_released(rig);
}

void fake_rig_wait_posts(FakeRig *rig, unsigned n)
{
	int64_t deadline = g_get_monotonic_time() + TEST_PATIENCE * (int64_t)1000;

	while (fake_target_counts(rig->target).posts < n) {
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_usleep(200);
	}
}

void fake_rig_interrupt(FakeRig *rig)
{
	g_autofree char *stop = NULL;

	rsp_client_puts(rig->client, "\x03");
	stop = rsp_expect_next_prefix(rig->client, "T02");
}

static bool client_came(void *data)
{
	return fake_target_counts(((FakeRig *)data)->target).attaches > 0;
}

static bool client_gone(void *data)
{
	return !gdb_server_has_client(((FakeRig *)data)->server);
}

int fake_rig_serve_stdio(void)
{
	FakeRig *rig = fake_rig_new(1);

	g_assert_cmpstr(fake_rig_listen(rig, "stdio"), ==, "stdio");
	if (!test_wait(rig->context, client_came, rig, TEST_PATIENCE) ||
	    !test_wait(rig->context, client_gone, rig, TEST_PATIENCE))
		return 2;
	fake_rig_free(rig);
	return 0;
}

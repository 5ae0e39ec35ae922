/*
 * tests/test-server-peers.c - owns the tests of clients that are one too many, and of one whose
 * machine or network has gone.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fake-rig.h"

static void connect_tcp(FakeRig *rig)
{
	int fd = test_connect_tcp("127.0.0.1", fake_rig_port(rig));

	g_assert_cmpint(fd, >=, 0);
	rig->client = rsp_client_new(rig->context, fd);
}

/* "127.0.0.1:45678" */
static char *connected_from(int fd)
{
	struct sockaddr_in mine = {0};
	socklen_t len = sizeof(mine);

	g_assert_cmpint(getsockname(fd, (struct sockaddr *)&mine, &len), ==, 0);
	return g_strdup_printf("127.0.0.1:%u", ntohs(mine.sin_port));
}

/* A second client is told why, as the answer to what it says first; then the connection ends. */
static void expect_refused(FakeRig *rig, const char *first)
{
	g_autofree char *from = connected_from(rig->client->fd), *reply = NULL;
	RspClient *second =
		rsp_client_new(rig->context, test_connect_tcp("127.0.0.1", fake_rig_port(rig)));

	if (first)
		rsp_client_puts(second, first);
	reply = rsp_client_recv(second, NULL);
	g_test_message("%s", reply);
	g_assert_true(g_str_has_prefix(reply, "E.another client is connected"));
	g_assert_nonnull(strstr(reply, from));
	rsp_expect_eof(second);
	rsp_client_free(second);
}

/* T18 */
static void test_second_client(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	fake_rig_listen(rig, "0");
	connect_tcp(rig);
	fake_rig_handshake(rig);
	for (unsigned i = 0; i < 20; i++) {
		expect_refused(rig, "+$qC#b4$?#3f");
		rsp_expect(rig->client, "qC", "QCp01.01");
	}
	expect_refused(rig, "$qC#00");
	expect_refused(rig, NULL);
	rsp_client_send(rig->client, "vCont;c");
	fake_rig_interrupt(rig);
	fake_rig_hangup(rig);
	/* Now there is room. */
	connect_tcp(rig);
	fake_rig_handshake(rig);
	fake_rig_hangup(rig);
}

/* Hundreds at the same time take no descriptors for good; the server ends while some are there. */
static void test_many_refused(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	int fds[200];

	fake_rig_listen(rig, "0");
	connect_tcp(rig);
	fake_rig_handshake(rig);
	for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
		fds[i] = test_connect_tcp("127.0.0.1", fake_rig_port(rig));
		g_assert_cmpint(fds[i], >=, 0);
		if (i % 4 == 0)
			test_run_for(rig->context, 1);
	}
	rsp_expect(rig->client, "qC", "QCp01.01");
	g_assert_cmpuint(test_count_fds(), <, rig->fds_before + G_N_ELEMENTS(fds) + 30);
	g_clear_pointer(&rig->server, gdb_server_free);
	for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
}

static int get_tcp_option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	getsockopt(fd, IPPROTO_TCP, name, &value, &len);
	return value;
}

/* The server's end of its connection: the descriptor whose peer is ours. */
static int find_peer(int fd)
{
	struct sockaddr_in mine = {0}, peer = {0};

	for (int other = 3; other < 1024; other++) {
		socklen_t len = sizeof(mine), peer_len = sizeof(peer);

		if (getsockname(fd, (struct sockaddr *)&mine, &len) == 0 &&
		    getpeername(other, (struct sockaddr *)&peer, &peer_len) == 0 &&
		    peer.sin_family == AF_INET && peer.sin_port == mine.sin_port)
			return other;
	}
	return -1;
}

/*
 * A client whose machine or network has gone is noticed after 30 seconds at most, with or without
 * a reply under way: this asks whether the kernel was told so, and test-server-cut.c cuts a
 * network.
 */
static void test_vanished(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	int fd;

	fake_rig_listen(rig, "0");
	connect_tcp(rig);
	fake_rig_handshake(rig);
	fd = find_peer(rig->client->fd);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(get_tcp_option(fd, TCP_USER_TIMEOUT), >, 0);
	g_assert_cmpint(get_tcp_option(fd, TCP_USER_TIMEOUT), <=, 30000);
	g_assert_cmpint(get_tcp_option(fd, TCP_KEEPIDLE) +
				get_tcp_option(fd, TCP_KEEPINTVL) * get_tcp_option(fd, TCP_KEEPCNT),
			<=, 30);
	fake_rig_hangup(rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-peers/second-client", test_second_client);
	g_test_add_func("/server-peers/many-refused", test_many_refused);
	g_test_add_func("/server-peers/vanished", test_vanished);
	return g_test_run();
}

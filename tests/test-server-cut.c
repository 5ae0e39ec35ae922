/*
 * tests/test-server-cut.c - owns the test of clients whose network is cut, without a FIN or RST: in
 * network namespaces of its own, which only root can make.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fake-rig.h"

#define SERVER "10.199.0.1"
#define CLIENT "10.199.0.2"
#define CLIENT_MAC "02:00:00:00:00:02"

/* Of this thread. */
static int own_namespace(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static bool run(const char *command)
{
	int status;

	return g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) && status == 0;
}

static bool run_all(const char *const *commands, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!run(commands[i])) {
			g_test_message("failed: %s", commands[i]);
			return false;
		}
	}
	return true;
}

/* The network: s0 - s1 - bridge - c1 - c0, where c0 is the client's, in a namespace of its own. */
typedef struct Network {
	int old, server, client; /* namespaces */
} Network;

/* As behind a router: that the client is gone is not seen from here. */
static bool make_server_side(void)
{
	static const char *const commands[] = {
		"ip link set lo up",
		"ip link add br0 type bridge",
		"ip link add s0 type veth peer name s1",
		"ip link add c1 type veth peer name c0 address " CLIENT_MAC,
		"ip link set s1 master br0",
		"ip link set c1 master br0",
		"ip link set br0 up",
		"ip link set s0 up",
		"ip link set s1 up",
		"ip link set c1 up",
		"ip address add " SERVER "/24 dev s0",
		"ip neighbour replace " CLIENT " lladdr " CLIENT_MAC " dev s0 nud permanent",
	};

	return run_all(commands, G_N_ELEMENTS(commands));
}

static bool make_client_side(const Network *network)
{
	g_autofree char *move =
		g_strdup_printf("ip link set c0 netns /proc/%d/fd/%d", getpid(), network->client);
	const char *const commands[] = {
		"ip link set lo up",
		"ip link set c0 up",
		"ip address add " CLIENT "/24 dev c0",
	};

	return setns(network->server, CLONE_NEWNET) == 0 && run(move) &&
	       setns(network->client, CLONE_NEWNET) == 0 &&
	       run_all(commands, G_N_ELEMENTS(commands)) &&
	       setns(network->server, CLONE_NEWNET) == 0;
}

/* FALSE: this machine does not allow it. */
static bool network_make(Network *ret)
{
	*ret = (Network){own_namespace(), -1, -1};
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	ret->server = own_namespace();
	if (!make_server_side() || unshare(CLONE_NEWNET) < 0)
		return false;
	ret->client = own_namespace();
	return make_client_side(ret);
}

static void network_clear(Network *network)
{
	/* Who may not make one may not go back either, and need not. */
	if (network->server >= 0)
		g_assert_cmpint(setns(network->old, CLONE_NEWNET), ==, 0);
	close(network->old);
	if (network->server >= 0)
		close(network->server);
	if (network->client >= 0)
		close(network->client);
}

/* ---- Clients ---- */

static int connect_from(int name_space, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int own = own_namespace(), fd;

	inet_pton(AF_INET, SERVER, &to.sin_addr);
	g_assert_cmpint(setns(name_space, CLONE_NEWNET), ==, 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof(to)), ==, 0);
	g_assert_cmpint(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
	g_assert_cmpint(setns(own, CLONE_NEWNET), ==, 0);
	close(own);
	return fd;
}

/* What the client was about when its network went. */
typedef enum About { SILENT, REPLY, MANY_REPLIES, STOP, N_ABOUTS } About;

static bool is_running(void *data)
{
	return fake_target_is_running(((FakeRig *)data)->target);
}

static FakeRig *begin(const Network *network, About about)
{
	FakeRig *rig = fake_rig_new(1);

	fake_rig_listen(rig, SERVER ":0");
	rig->client =
		rsp_client_new(rig->context, connect_from(network->client, fake_rig_port(rig)));
	fake_rig_handshake(rig);
	if (about == MANY_REPLIES) {
		/* More than the window: the server has some that it cannot even send. */
		rsp_client_set_deaf(rig->client, true);
		for (unsigned i = 0; i < 100; i++)
			rsp_client_send(rig->client, "m1000000,10000");
		for (unsigned i = 0; i < 200; i++)
			g_main_context_iteration(rig->context, FALSE);
	} else if (about == STOP) {
		rsp_client_send(rig->client, "vCont;c");
		g_assert_true(test_wait(rig->context, is_running, rig, TEST_PATIENCE));
	}
	return rig;
}

/* The reply comes when the network has gone: the request was there already. */
static void begin_cut(FakeRig *rig, About about)
{
	const GdbStop stop = {.kind = GDB_STOP_STEP};

	if (about == STOP)
		fake_target_raise(rig->target, &stop, 1);
	g_assert_true(gdb_server_has_client(rig->server));
}

static bool is_free(FakeRig *rig)
{
	while (g_main_context_iteration(rig->context, FALSE))
		;
	return !gdb_server_has_client(rig->server);
}

/* For whom? The next one, who comes from where the server is. */
static void expect_room(FakeRig *rig, const Network *network)
{
	g_clear_pointer(&rig->client, rsp_client_free);
	rig->client =
		rsp_client_new(rig->context, connect_from(network->server, fake_rig_port(rig)));
	fake_rig_handshake(rig);
	fake_rig_hangup(rig);
	fake_rig_free(rig);
}

/* How long each of them keeps its server for itself. */
static void measure(FakeRig *const *rigs, double *ret_seconds)
{
	gint64 start = g_get_monotonic_time();
	unsigned left = N_ABOUTS;

	while (left && g_get_monotonic_time() - start < 40 * G_USEC_PER_SEC) {
		g_usleep(20000);
		for (unsigned i = 0; i < N_ABOUTS; i++) {
			if (ret_seconds[i] != 0 || !is_free(rigs[i]))
				continue;
			ret_seconds[i] = (g_get_monotonic_time() - start) / 1e6;
			g_test_message("client %u: given up after %.1f s", i, ret_seconds[i]);
			left--;
		}
	}
}

/* One cut for all of them, since each takes its half minute. */
static void test_cut(void)
{
	double seconds[N_ABOUTS] = {0};
	FakeRig *rigs[N_ABOUTS];
	Network network;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	g_test_skip("it takes half a minute, of which the server computes nothing");
	return;
#endif
	if (!network_make(&network)) {
		g_test_skip("no network namespaces, bridges and veths for this user");
		network_clear(&network);
		return;
	}
	for (unsigned i = 0; i < N_ABOUTS; i++)
		rigs[i] = begin(&network, i);
	/* The request is on its way before the cut, and the reply after it. */
	rsp_client_send(rigs[REPLY]->client, "m1000000,1000");
	g_assert_true(run("ip link set c1 down"));
	for (unsigned i = 0; i < N_ABOUTS; i++)
		begin_cut(rigs[i], i);
	measure(rigs, seconds);
	/* Backwards, since each rig looks for descriptors that were not there before it. */
	for (unsigned i = N_ABOUTS; i-- > 0;) {
		/* The kernel's timers are no exacter than a retransmission. */
		g_assert_cmpfloat(seconds[i], >, 10);
		g_assert_cmpfloat(seconds[i], <, 32);
		expect_room(rigs[i], &network);
	}
	network_clear(&network);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-cut/cut", test_cut);
	return g_test_run();
}

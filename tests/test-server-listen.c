/*
 * tests/test-server-listen.c - owns the tests of where a server listens: TCP, unix sockets, a
 * terminal, standard input and output, and what is said about a bad address.
 */
#include "gdbstub/transport.h"
#include "tests/fake-rig.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static void try_session(FakeRig *rig, int fd)
{
	g_assert_cmpint(fd, >=, 0);
	rig->client = rsp_client_new(rig->context, fd);
	fake_rig_handshake(rig);
	rsp_expect(rig->client, "D;1", "OK");
}

/* @hosts: the addresses of which the server says one. */
static void expect_tcp(const char *where, const char *const *hosts)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	g_autofree char *host = NULL;
	const char *address;

	g_assert_null(gdb_server_get_address(rig->server));
	address = fake_rig_listen(rig, where);
	g_test_message("%s -> %s", where, address);
	host = g_strndup(address, strrchr(address, ':') - address);
	g_assert_true(g_strv_contains(hosts, host));
	if (host[0] == '[')
		g_strlcpy(host, host + 1, strlen(host) - 1);
	for (unsigned i = 0; i < 3; i++) {
		try_session(rig, test_connect_tcp(host, fake_rig_port(rig)));
		fake_rig_hangup(rig);
	}
}

#define HOSTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/*
 * listen fails, says what it was given (the path or host at least) and why; nothing is left open.
 */
static void expect_refused(const char *where, const char *word)
{
	bool prefixed = g_str_has_prefix(where, "unix:/") || g_str_has_prefix(where, "tcp:1");
	const char *name = prefixed ? strchr(where, ':') + 1 : where;
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	g_autoptr(GError) error = NULL;

	g_assert_false(gdb_server_listen(rig->server, where, &error));
	g_assert_nonnull(error);
	g_test_message("\"%s\": %s", where, error->message);
	g_assert_nonnull(strstr(error->message, name));
	g_assert_null(strchr(error->message, '\n'));
	g_assert_cmpuint(strlen(error->message), >, strlen(name) + 8);
	if (word && !strstr(error->message, word))
		g_error("\"%s\": no \"%s\" in \"%s\"", where, word, error->message);
	g_assert_null(gdb_server_get_address(rig->server));
}

static void test_tcp(void)
{
	expect_tcp("0", HOSTS("127.0.0.1"));
	expect_tcp("tcp::0", HOSTS("127.0.0.1"));
	expect_tcp(":0", HOSTS("127.0.0.1"));
	expect_tcp("tcp:0", HOSTS("127.0.0.1"));
	expect_tcp("tcp:127.0.0.1:0", HOSTS("127.0.0.1"));
	expect_tcp("127.0.0.1:0", HOSTS("127.0.0.1"));
	expect_tcp("localhost:0", HOSTS("127.0.0.1"));
	expect_tcp("0.0.0.0:0", HOSTS("0.0.0.0"));
	expect_tcp("tcp::0,server,nowait", HOSTS("127.0.0.1"));
	expect_tcp("tcp:127.0.0.1:0,server=on,wait=off,nodelay", HOSTS("127.0.0.1"));
	expect_tcp("tcp:localhost:0", HOSTS("127.0.0.1"));
	expect_tcp("tcp:0.0.0.0:0", HOSTS("0.0.0.0"));
}

static bool have_ipv6(void)
{
	g_autoptr(GSocketListener) listener = g_socket_listener_new();
	g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string("::1", 0);

	return g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM,
					     G_SOCKET_PROTOCOL_TCP, NULL, NULL, NULL);
}

static void test_tcp6(void)
{
	if (have_ipv6())
		expect_tcp("tcp:[::1]:0", HOSTS("[::1]"));
	else
		g_test_skip("this machine has no IPv6 loopback");
}

/* "localhost" means either loopback to a client, so a server there has both or none. */
static void test_localhost(void)
{
	g_autoptr(FakeRig) rig = NULL;
	g_autofree char *where = NULL;

	if (!have_ipv6()) {
		g_test_skip("this machine has no IPv6 loopback");
		return;
	}
	rig = fake_rig_new(1);
	fake_rig_listen(rig, "localhost:0");
	for (unsigned i = 0; i < 4; i++) {
		try_session(rig, test_connect_tcp(i % 2 ? "::1" : "127.0.0.1", fake_rig_port(rig)));
		fake_rig_hangup(rig);
	}
	where = g_strdup_printf("localhost:%u", fake_rig_port(rig));
	expect_refused(where, "use");
	fake_rig_free(g_steal_pointer(&rig));
	/* Somebody else has the second one. */
	rig = fake_rig_new(1);
	fake_rig_listen(rig, "[::1]:0");
	g_free(where);
	where = g_strdup_printf("localhost:%u", fake_rig_port(rig));
	expect_refused(where, "use");
}

/* QEMU's words: no file gets their name. */
static void test_unix_words(void)
{
	static const char *const good[] = {",server", ",server,nowait", ",server=on,wait=off"};
	static const char *const bad[] = {",wait", ",server=off", ",nonsense", ",", ",server,"};
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "gdb.sock", NULL);
	GDir *handle;

	for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autofree char *where = g_strconcat("unix:", path, good[i], NULL);
		g_autoptr(FakeRig) rig = fake_rig_new(1);

		g_assert_cmpstr(fake_rig_listen(rig, where), ==, path);
		try_session(rig, test_connect_unix(path));
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *where = g_strconcat("unix:", path, bad[i], NULL);

		expect_refused(where, "QEMU");
	}
	handle = g_dir_open(dir, 0, NULL);
	g_assert_null(g_dir_read_name(handle));
	g_dir_close(handle);
	test_dir_remove(dir);
}

/* Nobody but this machine: the default is the loopback alone. */
static void test_tcp_is_local(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	fake_rig_listen(rig, "0");
	g_assert_cmpint(test_connect_tcp("127.0.0.2", fake_rig_port(rig)), ==, -1);
	g_assert_cmpint(errno, ==, ECONNREFUSED);
}

/* A port is free again as soon as the server has gone, even after sessions. */
static void test_port_reuse(void)
{
	g_autofree char *where = NULL;

	for (unsigned i = 0; i < 3; i++) {
		g_autoptr(FakeRig) rig = fake_rig_new(1);

		fake_rig_listen(rig, where ? where : "0");
		if (!where)
			where = g_strdup_printf("%u", fake_rig_port(rig));
		try_session(rig, test_connect_tcp("127.0.0.1", fake_rig_port(rig)));
	}
}

static void test_unix(void)
{
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "gdb.sock", NULL);
	g_autofree char *where = g_strconcat("unix:", path, NULL);

	for (unsigned i = 0; i < 2; i++) {
		g_autoptr(FakeRig) rig = fake_rig_new(1);
		struct stat st;

		g_assert_cmpstr(fake_rig_listen(rig, where), ==, path);
		g_assert_cmpint(lstat(path, &st), ==, 0);
		g_assert_true(S_ISSOCK(st.st_mode));
		g_assert_cmpint(st.st_mode & 0777, ==, 0600);
		try_session(rig, test_connect_unix(path));
		fake_rig_hangup(rig);
		g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
		g_clear_pointer(&rig->server, gdb_server_free);
		g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	}
	test_dir_remove(dir);
}

/* A socket whose owner has died is in nobody's use. */
static void test_unix_stale(void)
{
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "gdb.sock", NULL);
	g_autofree char *where = g_strconcat("unix:", path, NULL);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
	close(fd);
	{
		g_autoptr(FakeRig) rig = fake_rig_new(1);

		fake_rig_listen(rig, where);
		try_session(rig, test_connect_unix(path));
	}
	test_dir_remove(dir);
}

static void test_unix_refused(void)
{
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "file", NULL), *text = NULL;
	g_autofree char *where = g_strconcat("unix:", path, NULL);
	g_autofree char *folder = g_strconcat("unix:", dir, NULL);
	g_autofree char *missing = g_strconcat("unix:", dir, "/no/such/folder/s", NULL);
	g_autofree char *name = g_strnfill(200, 'n');
	g_autofree char *too_long = g_strconcat("unix:", dir, "/", name, NULL);

	g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
	expect_refused(where, NULL);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "precious");
	expect_refused(folder, NULL);
	expect_refused(missing, "No such file");
	expect_refused(too_long, "long");
	test_dir_remove(dir);
}

/* A socket that somebody listens on is not taken away from him, nor is his machine stopped. */
static void test_unix_in_use(void)
{
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "gdb.sock", NULL);
	g_autofree char *where = g_strconcat("unix:", path, NULL);
	FakeRig *rig = fake_rig_new(1);

	fake_rig_listen(rig, where);
	expect_refused(where, "use");
	test_run_for(rig->context, 50);
	g_assert_cmpuint(fake_target_counts(rig->target).attaches, ==, 0);
	try_session(rig, test_connect_unix(path));
	fake_rig_free(rig);
	test_dir_remove(dir);
}

static void test_bad_addresses(void)
{
	static const char *const bad[] = {
		"65536",
		"99999999999999999999",
		"-1",
		"12x",
		" ",
		"tcp:",
		"tcp:1234x",
		"tcp:host:",
		"tcp::",
		"tcp::x",
		"tcp:1.2.3.4:0x",
		"tcp:[::1:0",
		"tcp:[::1]",
		"tcp::70000",
		"unix:",
		"udp::1",
		"nonsense",
		"/dev/no-such-device",
		"/tmp",
		"/etc/passwd",
		"stdio:1",
		"tcp:1234,wait=on",
		"1234,server=off",
		"/tmp:1234",
		"localhost",
		"localhost:",
		"::1:1234",
		"tcp:127.0.0.1:0:1",
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
		expect_refused(bad[i], NULL);
	expect_refused("/dev/no-such-device", "No such file");
}

static void test_empty_address(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	g_autoptr(GError) error = NULL;

	g_assert_false(gdb_server_listen(rig->server, "", &error));
	g_assert_nonnull(error);
}

static void test_port_taken(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);
	g_autofree char *port = NULL;

	fake_rig_listen(rig, "0");
	port = g_strdup_printf("%u", fake_rig_port(rig));
	expect_refused(port, "use");
	try_session(rig, test_connect_tcp("127.0.0.1", fake_rig_port(rig)));
}

/* A host that is not this machine's. */
static void test_foreign_address(void)
{
	expect_refused("tcp:192.0.2.1:0", NULL);
}

static bool is_raw(const struct termios *tio)
{
	return !(tio->c_lflag & (ICANON | ECHO | ISIG)) && !(tio->c_oflag & OPOST) &&
	       !(tio->c_iflag & (ICRNL | IXON));
}

/* A serial line: no connect event, so that the first byte begins the session. */
static void test_terminal(void)
{
	struct termios before, during, after;
	char path[64];
	int fd = test_open_pty(path, sizeof(path)), slave;
	FakeRig *rig;

	if (fd < 0) {
		g_test_skip("no pseudo terminals here");
		return;
	}
	slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	g_assert_cmpint(tcgetattr(slave, &before), ==, 0);
	g_assert_false(is_raw(&before));
	rig = fake_rig_new(1);
	g_assert_cmpstr(fake_rig_listen(rig, path), ==, path);
	g_assert_cmpint(tcgetattr(slave, &during), ==, 0);
	g_assert_true(is_raw(&during));
	rig->client = rsp_client_new(rig->context, dup(fd));
	rsp_expect_silence(rig->client, 20);
	for (unsigned i = 0; i < 3; i++) {
		rig->client->no_ack = false;
		fake_rig_handshake(rig);
		rsp_expect(rig->client, "M600000,3:030d11", "OK");
		rsp_expect(rig->client, "m600000,3", "030d11");
		rsp_expect(rig->client, "D;1", "OK");
		test_run_for(rig->context, 10);
		g_assert_true(fake_target_is_running(rig->target));
	}
	fake_rig_free(rig);
	g_assert_cmpint(tcgetattr(slave, &after), ==, 0);
	g_assert_cmpuint(after.c_lflag, ==, before.c_lflag);
	g_assert_cmpuint(after.c_iflag, ==, before.c_iflag);
	g_assert_cmpuint(after.c_oflag, ==, before.c_oflag);
	close(slave);
	close(fd);
}

/* Ctrl-C is the first byte that the stub gets on a serial line where gdb reconnects. */
static void test_terminal_interrupt(void)
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
	fake_rig_handshake(rig);
	rsp_client_send(rig->client, "vCont;c");
	test_run_for(rig->context, 20);
	fake_rig_interrupt(rig);
	fake_rig_free(rig);
	close(fd);
}

/* gdb was killed while the guest ran: the next one on the line finds nothing of it. */
static void test_terminal_left(void)
{
	char path[64];
	int fd = test_open_pty(path, sizeof(path));
	FakeRig *rig;

	if (fd < 0) {
		g_test_skip("no pseudo terminals here");
		return;
	}
	rig = fake_rig_new(2);
	fake_rig_listen(rig, path);
	rig->client = rsp_client_new(rig->context, dup(fd));
	for (unsigned i = 0; i < 3; i++) {
		rig->client->no_ack = false;
		rsp_client_puts(rig->client, "+");
		fake_rig_handshake(rig);
		rsp_expect(rig->client, "qqemu.PhyMemMode", "0");
		g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
		rsp_expect(rig->client, "Z0,400300,1", "OK");
		rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
		rsp_client_send(rig->client, "vCont;c");
		test_run_for(rig->context, 10);
	}
	fake_rig_free(rig);
	close(fd);
}

static void test_stdio(gconstpointer self)
{
	GMainContext *context = g_main_context_default();
	int fds[2], pid;
	RspClient *c;

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	pid = test_spawn_self(self, "--serve-stdio", fds[0], fds[0]);
	close(fds[0]);
	c = rsp_client_new(context, fds[1]);
	rsp_expect_prefix(c, FAKE_OFFER, "PacketSize=");
	rsp_expect_prefix(c, "?", "T02");
	rsp_expect(c, "m400000,1", "90");
	rsp_expect(c, "Z0,400020,1", "OK");
	rsp_client_send(c, "vCont;c");
	g_free(rsp_expect_next_prefix(c, "T05"));
	rsp_client_free(c);
	g_assert_cmpint(test_join(context, pid, TEST_PATIENCE), ==, 0);
}

/* Which clients are on another host. NULL: an end without an address, or of another kind. */
static void test_elsewhere(void)
{
	static const struct {
		const char *peer, *own;
		bool elsewhere;
	} rows[] = {
		{"10.0.2.2", "10.0.2.15", true},
		{"10.0.2.15", "10.0.2.15", false},
		{"127.0.0.1", "127.0.0.1", false},
		{"127.3.2.1", "127.0.0.1", false},
		{"fe80::1", "fe80::2", true},
		{"fe80::2", "fe80::2", false},
		{"::1", "::1", false},
		{"::1", "fe80::2", false},
		{"10.0.2.2", "fe80::2", true},
		{NULL, "10.0.2.15", false},
		{"10.0.2.2", NULL, false},
		{NULL, NULL, false},
	};
	g_autoptr(GSocketAddress) path = g_unix_socket_address_new("/run/vm.sock");

	for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
		const char *peer_text = rows[n].peer, *own_text = rows[n].own;
		g_autoptr(GSocketAddress)
			peer = peer_text ? g_inet_socket_address_new_from_string(peer_text, 1)
					 : NULL,
			own = own_text ? g_inet_socket_address_new_from_string(own_text, 2) : NULL;

		g_test_message("%s at %s", peer_text, own_text);
		g_assert_cmpint(gdb_transport_peer_is_elsewhere(peer, own), ==, rows[n].elsewhere);
		g_assert_false(gdb_transport_peer_is_elsewhere(peer, path));
		g_assert_false(gdb_transport_peer_is_elsewhere(path, own));
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && g_str_equal(argv[1], "--serve-stdio"))
		return fake_rig_serve_stdio();
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-listen/tcp", test_tcp);
	g_test_add_func("/server-listen/elsewhere", test_elsewhere);
	g_test_add_func("/server-listen/tcp6", test_tcp6);
	g_test_add_func("/server-listen/localhost", test_localhost);
	g_test_add_func("/server-listen/unix-words", test_unix_words);
	g_test_add_func("/server-listen/tcp-is-local", test_tcp_is_local);
	g_test_add_func("/server-listen/port-reuse", test_port_reuse);
	g_test_add_func("/server-listen/port-taken", test_port_taken);
	g_test_add_func("/server-listen/foreign-address", test_foreign_address);
	g_test_add_func("/server-listen/unix", test_unix);
	g_test_add_func("/server-listen/unix-stale", test_unix_stale);
	g_test_add_func("/server-listen/unix-refused", test_unix_refused);
	g_test_add_func("/server-listen/unix-in-use", test_unix_in_use);
	g_test_add_func("/server-listen/bad-addresses", test_bad_addresses);
	g_test_add_func("/server-listen/empty-address", test_empty_address);
	g_test_add_func("/server-listen/terminal", test_terminal);
	g_test_add_func("/server-listen/terminal-interrupt", test_terminal_interrupt);
	g_test_add_func("/server-listen/terminal-left", test_terminal_left);
	g_test_add_data_func("/server-listen/stdio", argv[0], test_stdio);
	return g_test_run();
}

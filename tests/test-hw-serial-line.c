/*
 * tests/test-hw-serial-line.c - hw/serial-line.h: bytes between a second UART and each kind of
 * place.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <linux/serial_reg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "hw/serial-line.h"
#include "tests/test-util.h"

typedef struct Rig {
	SerialLine *line;
	Serial *serial;
} Rig;

static void no_irq(void *opaque G_GNUC_UNUSED, unsigned irq G_GNUC_UNUSED, bool level G_GNUC_UNUSED)
{
}

static uint8_t get(Rig *rig, unsigned reg)
{
	uint8_t value = 0xff;

	serial_io(rig->serial, NULL, reg, &value, 1, false);
	return value;
}

static void put(Rig *rig, unsigned reg, uint8_t value)
{
	serial_io(rig->serial, NULL, reg, &value, 1, true);
}

/* A UART whose driver listens. */
static void new_uart(Rig *rig)
{
	SerialPeer peer = serial_line_peer(rig->line);

	rig->serial = serial_new(&peer, (IrqLine){.set = no_irq});
	put(rig, UART_FCR, UART_FCR_ENABLE_FIFO);
	put(rig, UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	put(rig, UART_IER, UART_IER_RDI | UART_IER_THRI);
	serial_line_connect(rig->line, rig->serial);
}

static void rig_init(Rig *rig, const char *where)
{
	g_autoptr(GError) error = NULL;

	rig->line = serial_line_open(where, &error);
	g_assert_no_error(error);
	new_uart(rig);
}

static void rig_clear(Rig *rig)
{
	serial_line_connect(rig->line, NULL);
	serial_free(rig->serial);
	serial_line_free(rig->line);
}

static void send(Rig *rig, const char *text)
{
	for (; *text != 0; text++)
		put(rig, UART_TX, *text);
}

/* ---- What a main loop waits for ---- */

static bool has_data(void *data)
{
	return get(data, UART_LSR) & UART_LSR_DR;
}

static void expect_input(Rig *rig, const char *text)
{
	for (; *text != 0; text++) {
		g_assert_true(test_wait(NULL, has_data, rig, TEST_PATIENCE));
		g_assert_cmpint(get(rig, UART_RX), ==, *text);
	}
}

static bool can_send(void *data)
{
	return get(data, UART_LSR) & UART_LSR_THRE;
}

typedef struct Reader {
	int fd;
	GString *got;
	size_t wanted;
	bool ended;
} Reader;

static bool has_read(void *data)
{
	Reader *reader = data;
	char buf[4096];
	ssize_t n = read(reader->fd, buf, sizeof(buf));

	if (n > 0)
		g_string_append_len(reader->got, buf, n);
	reader->ended = n == 0;
	return reader->ended || reader->got->len >= reader->wanted;
}

/* What comes at @fd, which does not block, is that. */
static void expect_output(int fd, const char *text)
{
	Reader reader = {fd, g_string_new(NULL), strlen(text), false};

	g_assert_true(test_wait(NULL, has_read, &reader, TEST_PATIENCE));
	g_assert_cmpstr(reader.got->str, ==, text);
	g_string_free(reader.got, TRUE);
}

static void expect_end(int fd)
{
	Reader reader = {fd, g_string_new(NULL), SIZE_MAX, false};

	g_assert_true(test_wait(NULL, has_read, &reader, TEST_PATIENCE));
	g_assert_true(reader.ended);
	g_string_free(reader.got, TRUE);
}

static int connect_to(const char *path)
{
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
						 G_SOCKET_PROTOCOL_DEFAULT, NULL);

	g_assert_true(g_socket_connect(socket, address, NULL, NULL));
	int fd = fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

typedef struct SocketRig {
	Rig rig;
	char *dir, *path;
} SocketRig;

static void socket_init(SocketRig *socket)
{
	socket->dir = test_dir_new();
	socket->path = g_build_filename(socket->dir, "line", NULL);
	g_autofree char *where = g_strconcat("unix:", socket->path, NULL);
	rig_init(&socket->rig, where);
	g_assert_cmpstr(serial_line_place(socket->rig.line), ==, socket->path);
}

static void socket_clear(SocketRig *socket)
{
	rig_clear(&socket->rig);
	g_assert_false(g_file_test(socket->path, G_FILE_TEST_EXISTS));
	test_dir_remove(socket->dir);
	g_free(socket->path);
}

/* ---- Sockets ---- */

static void test_socket(void)
{
	SocketRig socket;

	socket_init(&socket);
	int client = connect_to(socket.path);
	g_assert_cmpint(write(client, "hello", 5), ==, 5);
	expect_input(&socket.rig, "hello");
	send(&socket.rig, "and back");
	expect_output(client, "and back");
	close(client);
	socket_clear(&socket);
}

static void test_tcp(void)
{
	Rig rig;

	rig_init(&rig, "tcp:127.0.0.1:0");
	g_assert_true(g_str_has_prefix(serial_line_place(rig.line), "127.0.0.1:"));
	rig_clear(&rig);
}

/* What is sent to nobody is lost, and nobody waits for it. */
static void test_nobody(void)
{
	SocketRig socket;
	g_autofree char *much = g_strnfill(200000, 'x');

	socket_init(&socket);
	send(&socket.rig, much);
	g_assert_true(can_send(&socket.rig));
	int client = connect_to(socket.path);
	g_assert_cmpint(write(client, "a", 1), ==, 1);
	expect_input(&socket.rig, "a");
	send(&socket.rig, "new");
	expect_output(client, "new");
	close(client);
	socket_clear(&socket);
}

static void test_one_at_a_time(void)
{
	SocketRig socket;

	socket_init(&socket);
	int first = connect_to(socket.path);
	g_assert_cmpint(write(first, "a", 1), ==, 1);
	expect_input(&socket.rig, "a");
	int second = connect_to(socket.path);
	expect_end(second);
	send(&socket.rig, "still");
	expect_output(first, "still");
	close(second);
	close(first);
	int third = connect_to(socket.path);
	g_assert_cmpint(write(third, "c", 1), ==, 1);
	expect_input(&socket.rig, "c");
	close(third);
	socket_clear(&socket);
}

static bool is_full(void *data)
{
	Rig *rig = data;

	/* As a driver does it: only when the UART says that it can. */
	for (unsigned i = 0; i < 10000 && can_send(rig); i++)
		put(rig, UART_TX, 'x');
	return !can_send(rig);
}

/* A driver that waits does not look at LSR, but is told by the interrupt. */
static bool is_told(void *data)
{
	return (get(data, UART_IIR) & 0x0f) == UART_IIR_THRI;
}

typedef struct SlowClient {
	Rig *rig;
	int fd;
} SlowClient;

static bool reads_on(void *data)
{
	SlowClient *client = data;
	char buf[4096];

	(void)!read(client->fd, buf, sizeof(buf));
	return is_told(client->rig);
}

static void fill(SocketRig *socket, int client)
{
	g_assert_cmpint(write(client, "a", 1), ==, 1);
	expect_input(&socket->rig, "a");
	/* What the system takes is room again a moment later: it is full when it stays so. */
	do {
		g_assert_true(test_wait(NULL, is_full, &socket->rig, TEST_PATIENCE));
	} while (test_wait(NULL, can_send, &socket->rig, 20));
}

/* The guest waits for a slow client, and goes on when it reads, or has gone. */
static void test_slow(void)
{
	SocketRig socket;

	socket_init(&socket);
	SlowClient client = {&socket.rig, connect_to(socket.path)};
	fill(&socket, client.fd);
	g_assert_true(test_wait(NULL, reads_on, &client, TEST_PATIENCE));
	get(&socket.rig, UART_IIR);
	fill(&socket, client.fd);
	close(client.fd);
	g_assert_true(test_wait(NULL, is_told, &socket.rig, TEST_PATIENCE));
	socket_clear(&socket);
}

/* Input that no UART had room for waits; what came while there was none gets the next one. */
static void test_reset(void)
{
	SocketRig socket;

	socket_init(&socket);
	int client = connect_to(socket.path);
	g_assert_cmpint(write(client, "a", 1), ==, 1);
	expect_input(&socket.rig, "a");
	serial_line_connect(socket.rig.line, NULL);
	serial_free(socket.rig.serial);
	g_assert_cmpint(write(client, "later", 5), ==, 5);
	test_run_for(NULL, 5);
	new_uart(&socket.rig);
	expect_input(&socket.rig, "later");
	send(&socket.rig, "new");
	expect_output(client, "new");
	close(client);
	socket_clear(&socket);
}

/* More than the UART's queue holds comes whole and in order. */
static void test_much_input(void)
{
	enum { TOTAL = 300000 };
	SocketRig socket;
	size_t sent = 0;

	socket_init(&socket);
	int client = connect_to(socket.path);
	for (size_t got = 0; got < TOTAL;) {
		uint8_t chunk[1024];

		for (size_t i = 0; i < sizeof(chunk); i++)
			chunk[i] = (sent + i) % 251;
		ssize_t n =
			sent < TOTAL ? write(client, chunk, MIN(sizeof(chunk), TOTAL - sent)) : 0;
		sent += MAX(n, 0);
		g_assert_true(test_wait(NULL, has_data, &socket.rig, TEST_PATIENCE));
		/* It is slower than the client. */
		for (unsigned i = 0; i < 700 && has_data(&socket.rig); i++, got++)
			g_assert_cmpint(get(&socket.rig, UART_RX), ==, got % 251);
	}
	close(client);
	socket_clear(&socket);
}

/* ---- Others ---- */

static void test_pty(void)
{
	Rig rig;
	unsigned fds = test_count_fds();

	rig_init(&rig, "pty");
	send(&rig, "before\n");
	int terminal =
		open(serial_line_place(rig.line), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	g_assert_cmpint(terminal, >=, 0);
	/* As it is: no echo, and no carriage return. */
	expect_output(terminal, "before\n");
	g_assert_cmpint(write(terminal, "x\n", 2), ==, 2);
	expect_input(&rig, "x\n");
	close(terminal);
	terminal = open(serial_line_place(rig.line), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	send(&rig, "again");
	expect_output(terminal, "again");
	close(terminal);
	rig_clear(&rig);
	g_assert_cmpuint(test_count_fds(), ==, fds);
}

static bool has_read_end(void *data)
{
	Reader *reader = data;

	has_read(reader);
	return strstr(reader->got->str, "END") != NULL;
}

/* Nobody reads: the guest never waits, and the newest is kept. */
static void test_pty_nobody(void)
{
	g_autofree char *much = g_strnfill(60000, 'x');
	Rig rig;

	rig_init(&rig, "pty");
	for (unsigned i = 0; i < 10; i++) {
		send(&rig, much);
		g_assert_true(can_send(&rig));
		test_run_for(NULL, 5);
	}
	send(&rig, "END");
	int terminal =
		open(serial_line_place(rig.line), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	Reader reader = {terminal, g_string_new(NULL), SIZE_MAX, false};
	g_assert_true(test_wait(NULL, has_read_end, &reader, TEST_PATIENCE));
	g_assert_cmpuint(reader.got->len, >, 30000);
	g_assert_cmpuint(reader.got->len, <, 300000);
	g_string_free(reader.got, TRUE);
	close(terminal);
	rig_clear(&rig);
}

/* A file has everything when lkvm ends, and nothing of before. */
static void test_file(void)
{
	Rig rig;
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "log", NULL), *got = NULL;
	g_autofree char *where = g_strconcat("file:", path, NULL);

	g_assert_true(g_file_set_contents(path, "old and longer", -1, NULL));
	rig_init(&rig, where);
	g_assert_cmpstr(serial_line_place(rig.line), ==, path);
	send(&rig, "one ");
	test_run_for(NULL, 5);
	send(&rig, "two");
	rig_clear(&rig);
	g_assert_true(g_file_get_contents(path, &got, NULL, NULL));
	g_assert_cmpstr(got, ==, "one two");
	test_dir_remove(dir);
}

/* A disk that is full is said once, and the guest goes on. */
static void test_file_full(void)
{
	Rig rig;

	if (g_test_subprocess()) {
		rig_init(&rig, "file:/dev/full");
		for (unsigned i = 0; i < 3; i++) {
			send(&rig, "x");
			test_run_for(NULL, 5);
			g_assert_true(can_send(&rig));
		}
		rig_clear(&rig);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("lkvm: --tty: /dev/full: No space left on device; *\n");
	g_test_trap_assert_stderr_unmatched("*full*full*");
}

/* The other end of a device: what is one for us is a pseudo terminal that the test has. */
static void test_device(void)
{
	Rig rig;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	g_assert_cmpint(grantpt(master) | unlockpt(master), ==, 0);
	rig_init(&rig, ptsname(master));
	send(&rig, "to\n");
	expect_output(master, "to\n");
	g_assert_cmpint(write(master, "from\n", 5), ==, 5);
	expect_input(&rig, "from\n");
	rig_clear(&rig);
	close(master);
}

static void test_wrong(void)
{
	static const char *const rows[][2] = {
		{"file:/nowhere/log", "/nowhere/log: No such file"},
		{"file:", "No such file"},
		{"unix:", "unix:"},
		{"/nowhere/tty", "/nowhere/tty"},
		{"nonsense", "nonsense"},
		{"/dev/null/x", "/dev/null/x"},
		{"0,remote", "'0,remote': only gdb"},
	};
	unsigned fds = test_count_fds();

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(serial_line_open(rows[i][0], &error));
		g_assert_nonnull(strstr(error->message, rows[i][1]));
	}
	g_assert_cmpuint(test_count_fds(), ==, fds);
}

/* Nobody reads it: it is not waited for. */
static void test_fifo(void)
{
	char *dir = test_dir_new();
	g_autofree char *path = g_build_filename(dir, "fifo", NULL);
	g_autofree char *where = g_strconcat("file:", path, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	g_assert_null(serial_line_open(where, &error));
	g_assert_nonnull(strstr(error->message, g_strerror(ENXIO)));
	test_dir_remove(dir);
}

static bool reads_end(void *data)
{
	SlowClient *client = data;
	char buf[4096];
	ssize_t n = read(client->fd, buf, sizeof(buf));

	return n > 0 && buf[n - 1] == 'd';
}

/* The reader of a FIFO does not read for a while: the UART waits, and nobody else. */
static void test_fifo_slow(void)
{
	char *dir = test_dir_new(), buf[4096];
	g_autofree char *path = g_build_filename(dir, "fifo", NULL);
	g_autofree char *where = g_strconcat("file:", path, NULL);
	SlowClient client;
	Rig rig;

	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	client = (SlowClient){&rig, open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
	rig_init(&rig, where);
	g_assert_true(test_wait(NULL, is_full, &rig, TEST_PATIENCE));
	g_assert_true(test_wait(NULL, reads_on, &client, TEST_PATIENCE));
	while (read(client.fd, buf, sizeof(buf)) > 0)
		test_run_for(NULL, 1);
	/* It gets all of what comes later. */
	send(&rig, "end");
	g_assert_true(test_wait(NULL, reads_end, &client, TEST_PATIENCE));
	close(client.fd);
	rig_clear(&rig);
	test_dir_remove(dir);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"socket", test_socket},
		{"tcp", test_tcp},
		{"nobody", test_nobody},
		{"one-at-a-time", test_one_at_a_time},
		{"slow", test_slow},
		{"reset", test_reset},
		{"much-input", test_much_input},
		{"pty", test_pty},
		{"pty/nobody", test_pty_nobody},
		{"file", test_file},
		{"file/full", test_file_full},
		{"file/fifo", test_fifo},
		{"file/fifo-slow", test_fifo_slow},
		{"device", test_device},
		{"wrong", test_wrong},
		{0},
	};

	return test_main(argc, argv, "hw-serial-line", cases);
}

/*
 * wire - carries TCP connections, one at a time, over a serial line between two machines.
 *
 * bochs gives its guest no network that Debian's kernel has a driver for, and a bare serial line
 * cannot say that a client has gone. On the line ESC 'o' N opens connection N, ESC 'c' N closes
 * it, ESC ESC is one ESC of data. Both ends run this program:
 *
 *   wire host FILE       listen for the emulator (socket-client) and for gdb, on free ports of
 *                        127.0.0.1; FILE gets "LINE-PORT GDB-PORT\n"
 *   wire guest TTY PORT  connect to 127.0.0.1:PORT of this machine for each connection
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define ESC 0x1b

typedef struct Wire {
	int line;
	int conn;	    /* -1: none */
	unsigned char id;   /* of conn */
	int esc;	    /* 0, ESC, or the command whose N is still to come */
	int listener;	    /* host only, else -1 */
	unsigned port;	    /* guest only */
	unsigned char next; /* host only: id of the next connection */
} Wire;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void write_all(int fd, const unsigned char *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		else if (n < 0 && errno != EINTR)
			return; /* a closed connection is noticed by the next read */
		if (n > 0)
			buf += n, len -= n;
	}
}

static void send_command(Wire *wire, int command, unsigned char id)
{
	write_all(wire->line, (unsigned char[]){ESC, command, id}, 3);
}

static void drop(Wire *wire)
{
	if (wire->conn >= 0)
		close(wire->conn);
	wire->conn = -1;
}

static void set_nodelay(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int connect_to(unsigned port)
{
	struct sockaddr_in addr = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		set_nodelay(fd);
	return fd;
}

static void command(Wire *wire, int what, unsigned char id)
{
	if (what == 'c' && wire->conn >= 0 && wire->id == id) {
		drop(wire);
	} else if (what == 'o' && wire->listener < 0) {
		drop(wire);
		wire->id = id;
		wire->conn = connect_to(wire->port);
		if (wire->conn < 0)
			send_command(wire, 'c', id);
	}
}

/* from_line: bytes of the line: data for the connection, and commands. */
static void from_line(Wire *wire, const unsigned char *buf, size_t len)
{
	unsigned char data[4096];
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = buf[i];

		if (wire->esc == 0 && c == ESC) {
			wire->esc = ESC;
		} else if (wire->esc == 0 || (wire->esc == ESC && c == ESC)) {
			data[n++] = c;
			wire->esc = 0;
		} else if (wire->esc == ESC) {
			wire->esc = c;
		} else {
			if (n > 0 && wire->conn >= 0)
				write_all(wire->conn, data, n);
			n = 0;
			command(wire, wire->esc, c);
			wire->esc = 0;
		}
	}
	if (n > 0 && wire->conn >= 0)
		write_all(wire->conn, data, n);
}

static void from_conn(Wire *wire)
{
	unsigned char buf[2048], out[2 * sizeof(buf)];
	ssize_t len = read(wire->conn, buf, sizeof(buf));
	size_t n = 0;

	if (len <= 0) {
		drop(wire);
		send_command(wire, 'c', wire->id);
		return;
	}
	for (ssize_t i = 0; i < len; i++) {
		if (buf[i] == ESC)
			out[n++] = ESC;
		out[n++] = buf[i];
	}
	write_all(wire->line, out, n);
}

static void accept_conn(Wire *wire)
{
	wire->conn = accept(wire->listener, NULL, NULL);
	if (wire->conn < 0)
		return;
	set_nodelay(wire->conn);
	wire->id = wire->next++;
	send_command(wire, 'o', wire->id);
}

static int pump(Wire *wire)
{
	unsigned char buf[4096];

	for (;;) {
		bool idle = wire->conn < 0;
		struct pollfd fds[] = {
			{.fd = wire->line, .events = POLLIN},
			{.fd = idle ? wire->listener : wire->conn, .events = POLLIN},
		};
		ssize_t len;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents != 0) {
			len = read(wire->line, buf, sizeof(buf));
			if (len == 0 || (len < 0 && errno != EINTR))
				return 0;
			from_line(wire, buf, len > 0 ? len : 0);
		} else if (fds[1].revents != 0) {
			if (idle)
				accept_conn(wire);
			else
				from_conn(wire);
		}
	}
}

static int listen_any(unsigned *ret_port)
{
	struct sockaddr_in addr = loopback(0);
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 4) < 0)
		fail("listen");
	getsockname(fd, (struct sockaddr *)&addr, &len);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

static int host(const char *file)
{
	unsigned line_port, gdb_port;
	int line_listener = listen_any(&line_port);
	Wire wire = {.conn = -1, .listener = listen_any(&gdb_port)};
	FILE *f = fopen(file, "w");

	if (f == NULL)
		fail(file);
	fprintf(f, "%u %u\n", line_port, gdb_port);
	fclose(f);
	wire.line = accept(line_listener, NULL, NULL);
	if (wire.line < 0)
		fail("accept");
	set_nodelay(wire.line);
	return pump(&wire);
}

static int guest(const char *tty, const char *port)
{
	Wire wire = {.conn = -1, .listener = -1, .port = atoi(port)};
	struct termios term;

	wire.line = open(tty, O_RDWR | O_NOCTTY);
	if (wire.line < 0 || tcgetattr(wire.line, &term) < 0)
		fail(tty);
	cfmakeraw(&term);
	cfsetspeed(&term, B115200);
	tcsetattr(wire.line, TCSANOW, &term);
	return pump(&wire);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "host") == 0)
		return host(argv[2]);
	if (argc == 4 && strcmp(argv[1], "guest") == 0)
		return guest(argv[2], argv[3]);
	fprintf(stderr, "usage: wire host FILE | wire guest TTY PORT\n");
	return 2;
}

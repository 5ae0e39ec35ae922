/*
 * through - carries standard input and output to a Unix socket and back, as `nc` does to a port.
 *
 *   through PATH
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One piece; 0 at the end of the stream, or when nobody takes it. */
static int carry(int from, int to)
{
	char buf[4096];
	ssize_t n = read(from, buf, sizeof(buf));

	for (ssize_t done = 0; done < n;) {
		ssize_t written = write(to, buf + done, n - done);

		if (written <= 0)
			return 0;
		done += written;
	}
	return n > 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc != 2 || strlen(argv[1]) >= sizeof(addr.sun_path))
		return 2;
	memcpy(addr.sun_path, argv[1], strlen(argv[1]));
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror(argv[1]);
		return 1;
	}
	for (;;) {
		struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

		if (poll(fds, 2, -1) < 0 || (fds[0].revents && !carry(0, fd)) ||
		    (fds[1].revents && !carry(fd, 1)))
			return 0;
	}
}

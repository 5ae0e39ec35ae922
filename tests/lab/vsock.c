/*
 * vsock.c - a pipe through a vsock, for tests/lab/vsock.
 *
 *	vsock listen PORT	stdin to whoever connects, and what comes to stdout
 *	vsock connect CID PORT	the same with whom it connects to, tried for some minutes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sys/socket.h> /* in front of what needs it */

#include <linux/vm_sockets.h>

static int take_client(unsigned port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0)
		return -1;
	return accept(fd, NULL, NULL);
}

static int reach(unsigned cid, unsigned port)
{
	struct sockaddr_vm addr = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};

	for (int tries = 0; tries < 1500; tries++) {
		int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
			return fd;
		close(fd);
		usleep(200000);
	}
	return -1;
}

static void copy(int from, int to)
{
	static char buf[65536];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0) {
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(to, buf + done, n - done);
			if (w <= 0)
				return;
		}
	}
}

/* A process for each way: if both ends only wrote, both would wait. */
static void pump(int fd)
{
	pid_t sender = fork();

	if (sender == 0) {
		copy(0, fd);
		shutdown(fd, SHUT_WR);
		_exit(0);
	}
	copy(fd, 1);
	waitpid(sender, NULL, 0);
}

int main(int argc, char **argv)
{
	int fd = -1;

	if (argc == 3 && strcmp(argv[1], "listen") == 0)
		fd = take_client(atoi(argv[2]));
	else if (argc == 4 && strcmp(argv[1], "connect") == 0)
		fd = reach(atoi(argv[2]), atoi(argv[3]));
	if (fd < 0) {
		perror("vsock");
		return 1;
	}
	pump(fd);
	return 0;
}

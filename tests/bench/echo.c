/* tests/bench/echo.c - round trips and bandwidth of the loopback. */
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/limit.h"
#include "tests/bench/times.h"
#include "tests/bench/wire.h"

#define BLOCK (256 * 1024)
#define MAX_TRIPS 20000

struct Echo {
	int client, server;
	pthread_t thread;
	/* Written before a request is sent, read after a byte of it came. */
	size_t sent, received;
};

static void answer(int fd, const uint8_t *block, size_t len)
{
	while (len) {
		ssize_t n = send(fd, block, MIN(len, BLOCK), MSG_NOSIGNAL);

		if (n <= 0)
			return;
		len -= n;
	}
}

static void *serve(void *data)
{
	Echo *echo = data;
	g_autofree uint8_t *block = g_malloc0(BLOCK);
	size_t got = 0;
	ssize_t n;

	while ((n = recv(echo->server, block, BLOCK, 0)) > 0) {
		got += n;
		if (got < __atomic_load_n(&echo->sent, __ATOMIC_ACQUIRE))
			continue;
		got = 0;
		answer(echo->server, block, __atomic_load_n(&echo->received, __ATOMIC_ACQUIRE));
	}
	return NULL;
}

static bool make_pair(Echo *echo)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	echo->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&addr, len) == 0 && listen(listener, 1) == 0 &&
	    getsockname(listener, (struct sockaddr *)&addr, &len) == 0 &&
	    connect(echo->client, (struct sockaddr *)&addr, len) == 0)
		echo->server = accept(listener, NULL, NULL);
	close(listener);
	setsockopt(echo->client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(echo->server, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return echo->server >= 0;
}

Echo *echo_new(void)
{
	Echo *echo = g_new0(Echo, 1);

	echo->server = -1;
	if (make_pair(echo) && pthread_create(&echo->thread, NULL, serve, echo) == 0)
		return echo;
	close(echo->client);
	g_free(echo);
	return NULL;
}

void echo_free(Echo *echo)
{
	if (!echo)
		return;
	shutdown(echo->client, SHUT_RDWR);
	pthread_join(echo->thread, NULL);
	close(echo->client);
	close(echo->server);
	g_free(echo);
}

static bool one_trip(Echo *echo, uint8_t *block)
{
	size_t left = echo->received;

	answer(echo->client, block, echo->sent);
	while (left) {
		ssize_t n = recv(echo->client, block, MIN(left, BLOCK), 0);

		if (n <= 0)
			return false;
		left -= n;
	}
	return true;
}

double echo_trip(Echo *echo, size_t sent, size_t received, double seconds)
{
	g_autofree uint8_t *block = g_malloc0(BLOCK);
	g_autofree double *took = g_new(double, MAX_TRIPS);
	double end = bench_now() + seconds;
	unsigned n = 0;

	__atomic_store_n(&echo->sent, MAX(sent, 1), __ATOMIC_RELEASE);
	__atomic_store_n(&echo->received, MAX(received, 1), __ATOMIC_RELEASE);
	do {
		double start = bench_now();

		if (!one_trip(echo, block))
			break;
		took[n++] = bench_now() - start;
	} while (n < MAX_TRIPS && bench_now() < end);
	times_sort(took, n);
	return n ? took[n / 2] : 0;
}

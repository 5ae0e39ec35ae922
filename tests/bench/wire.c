/* tests/bench/wire.c - one connection, blocking, with TCP_NODELAY. */
#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MIN 4 /* $#00 */

double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static int connect_to(unsigned port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = {.tv_sec = WIRE_PATIENCE};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

void wire_put(Wire *wire, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	wire->sent += len;
	while (len && !wire->broken) {
		ssize_t n = send(wire->fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0) {
			wire->broken = true;
			return;
		}
		bytes += n;
		len -= n;
	}
}

void wire_send(Wire *wire, const char *packet)
{
	char frame[256];
	uint8_t sum = 0;
	int n;

	for (const char *at = packet; *at; at++)
		sum += *at;
	n = snprintf(frame, sizeof(frame), "$%s#%02x", packet, sum);
	g_assert(n < (int)sizeof(frame));
	wire_put(wire, frame, n);
}

/* More bytes behind wire->end; FALSE when none came in time. */
static bool fill(Wire *wire)
{
	ssize_t n;

	if (wire->at == wire->end)
		wire->at = wire->end = 0;
	if (wire->end == wire->room) {
		wire->room *= 2;
		wire->in = g_realloc(wire->in, wire->room);
	}
	n = wire->broken ? -1 : recv(wire->fd, wire->in + wire->end, wire->room - wire->end, 0);
	if (n <= 0) {
		wire->broken = true;
		return false;
	}
	wire->end += n;
	wire->received += n;
	return true;
}

/* One whole packet lies at wire->at; its length, or 0 when the wire broke. Skips acks. */
static size_t await(Wire *wire)
{
	size_t looked = 0;

	for (;;) {
		const uint8_t *hash;

		while (wire->at < wire->end && wire->in[wire->at] != '$')
			wire->at++;
		if (wire->at + looked < wire->end) {
			hash = memchr(wire->in + wire->at + looked, '#',
				      wire->end - wire->at - looked);
			looked = hash ? (size_t)(hash - wire->in) - wire->at : wire->end - wire->at;
			if (hash && looked + 3 <= wire->end - wire->at)
				break;
		}
		if (!fill(wire))
			return 0;
	}
	wire->trips++;
	if (!wire->no_ack)
		wire_put(wire, "+", 1);
	return looked + 3;
}

static void decode(GString *out, const uint8_t *body, size_t len)
{
	g_string_set_size(out, 0);
	for (size_t at = 0; at < len; at++) {
		if (body[at] == '}' && at + 1 < len) {
			g_string_append_c(out, body[++at] ^ 0x20);
		} else if (body[at] == '*' && at + 1 < len && out->len) {
			char last = out->str[out->len - 1];

			for (int n = body[++at] - 29; n > 0; n--)
				g_string_append_c(out, last);
		} else {
			g_string_append_c(out, body[at]);
		}
	}
}

const char *wire_recv(Wire *wire)
{
	size_t len = await(wire);

	g_string_set_size(wire->reply, 0);
	if (len >= PACKET_MIN)
		decode(wire->reply, wire->in + wire->at + 1, len - PACKET_MIN);
	wire->at += len;
	return wire->reply->str;
}

const char *wire_ask(Wire *wire, const char *packet)
{
	wire_send(wire, packet);
	return wire_recv(wire);
}

size_t wire_ask_raw(Wire *wire, const char *packet)
{
	size_t len;

	wire_send(wire, packet);
	len = await(wire);
	if (len > 1 && wire->in[wire->at + 1] == 'E')
		len = 0;
	wire->at += MAX(len, PACKET_MIN);
	wire->at = MIN(wire->at, wire->end);
	return len;
}

bool wire_ok(Wire *wire, const char *packet)
{
	return !strcmp(wire_ask(wire, packet), "OK");
}

bool wire_offers(const Wire *wire, const char *feature)
{
	g_auto(GStrv) words = g_strsplit(wire->features, ";", -1);

	return g_strv_contains((const char *const *)words, feature);
}

uint64_t wire_g_word(Wire *wire, unsigned offset)
{
	const char *g = wire_ask(wire, "g");
	uint64_t value = 0;

	if (wire->reply->len < 2 * (offset + 8))
		return 0;
	for (int n = 7; n >= 0; n--)
		value = value << 8 | (unsigned)(g_ascii_xdigit_value(g[2 * (offset + n)]) << 4 |
						g_ascii_xdigit_value(g[2 * (offset + n) + 1]));
	return value;
}

static void agree(Wire *wire)
{
	const char *size, *reply;

	reply = wire_ask(wire, "qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+");
	/* QEMU tells a new client, without being asked, that it has stopped the machine. */
	while (reply[0] == 'T')
		reply = wire_recv(wire);
	wire->features = g_strdup(reply);
	size = strstr(wire->features, "PacketSize=");
	wire->packet_size = size ? g_ascii_strtoull(size + 11, NULL, 16) : 400;
	if (wire_offers(wire, "QStartNoAckMode+"))
		wire->no_ack = wire_ok(wire, "QStartNoAckMode");
	wire_ask(wire, "?");
}

Wire *wire_new(unsigned port)
{
	Wire *wire;
	int fd = connect_to(port);

	if (fd < 0)
		return NULL;
	wire = g_new0(Wire, 1);
	wire->fd = fd;
	wire->room = 1 << 20;
	wire->in = g_malloc(wire->room);
	wire->reply = g_string_new(NULL);
	agree(wire);
	if (!wire->broken)
		return wire;
	wire_free(wire);
	return NULL;
}

void wire_free(Wire *wire)
{
	if (!wire)
		return;
	close(wire->fd);
	g_free(wire->features);
	g_free(wire->in);
	g_string_free(wire->reply, TRUE);
	g_free(wire);
}

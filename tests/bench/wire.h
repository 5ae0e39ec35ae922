/*
 * tests/bench/wire.h - a client of the gdb remote protocol that waits for each answer: the measure
 * of a stub from outside. It counts what went over the wire, so that a bare echo of the same sizes
 * can be timed beside it.
 */
#ifndef VMGDB_BENCH_WIRE_H
#define VMGDB_BENCH_WIRE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* How long an answer may take, in seconds; then the wire is broken for good. */
#define WIRE_PATIENCE 20

typedef struct Wire {
	int fd;
	bool no_ack, broken;
	size_t packet_size; /* PacketSize of the stub */
	char *features;	    /* its answer to qSupported */
	uint8_t *in;	    /* received, not consumed: [at, end) */
	size_t at, end, room;
	GString *reply; /* the last packet's payload, run lengths and escapes undone */
	uint64_t sent, received, trips; /* bytes, answers */
} Wire;

/* Seconds of a clock that only goes forward. */
double bench_now(void);

/*
 * wire_new: connect to 127.0.0.1:@port, agree on features, on no-ack mode where the stub offers it
 * and on not running other vCPUs; the machine is stopped then. NULL: nobody answers.
 */
Wire *wire_new(unsigned port);
void wire_free(Wire *wire);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Wire, wire_free)

/* Bytes as they are. */
void wire_put(Wire *wire, const void *data, size_t len);
void wire_send(Wire *wire, const char *packet);
/* The next packet's payload, the wire's until the next call; "" when the wire is broken. */
const char *wire_recv(Wire *wire);
const char *wire_ask(Wire *wire, const char *packet);
/* wire_ask without undoing anything in the answer: for data that is only timed. Its wire length. */
size_t wire_ask_raw(Wire *wire, const char *packet);
bool wire_ok(Wire *wire, const char *packet);
bool wire_offers(const Wire *wire, const char *feature);
/* One register of a g answer: @offset in bytes, 8 bytes little-endian. */
uint64_t wire_g_word(Wire *wire, unsigned offset);

#endif

/*
 * hw/dev/virtio-rng.c - fills what the driver offers.
 */
#include "hw/dev/virtio-rng.h"

#include <sys/random.h>

#define QUEUE_SIZE 8
#define MAX_BYTES 4096
#define TURN_REQUESTS 64

typedef struct Rng {
	Virtio *virtio;
	RingChain chain;
} Rng;

/* getrandom() does not wait once the host has booted; less than was asked for is allowed. */
static size_t fill(Rng *rng)
{
	uint8_t bytes[MAX_BYTES];
	ssize_t n = getrandom(bytes, MIN(rng->chain.in_len, sizeof(bytes)), 0);

	return n > 0 ? chain_write(&rng->chain, virtio_dma(rng->virtio), 0, bytes, n) : 0;
}

static void serve(void *self, Ring *ring)
{
	Rng *rng = self;

	for (unsigned n = 0; n < TURN_REQUESTS && ring_pop(ring, &rng->chain); n++)
		ring_push(ring, rng->chain.head, fill(rng));
}

static void rng_work(void *self)
{
	Rng *rng = self;

	virtio_serve(rng->virtio, 0, serve);
}

static void rng_free(void *self)
{
	Rng *rng = self;

	ring_chain_clear(&rng->chain);
	g_free(rng);
}

static const VirtioKind rng_kind = {
	.name = "virtio-rng",
	.id = 4,
	.pci_class = 0x00ff00, /* none of those that have a number */
	.n_queues = 1,
	.queue_size = QUEUE_SIZE,
	.work = rng_work,
	.free = rng_free,
};

Virtio *virtio_rng_new(const VirtioHost *host)
{
	Rng *rng = g_new0(Rng, 1);

	ring_chain_init(&rng->chain);
	rng->virtio = virtio_new(&rng_kind, rng, 0, NULL, 0, host);
	return rng->virtio;
}

/*
 * hw/dev/virtio-vsock.c - packets from the guest's queues to the carrier's and back.
 *
 * Each buffer of the guest's for what comes gets a slot of the carrier's as long as it is: the
 * carrier cuts its packets to that length, and they need not be cut again here.
 */
#include "hw/dev/virtio-vsock.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <string.h>
#include <sys/mman.h>

#define RX VIRTIO_VSOCK_RX
#define TX VIRTIO_VSOCK_TX

#define QUEUE_SIZE 128
#define HEAD_SIZE sizeof(struct virtio_vsock_hdr)
#define MAX_PAYLOAD (64u << 10) /* Linux takes no more (VIRTIO_VSOCK_MAX_PKT_BUF_SIZE) */
#define ROOM ((HEAD_SIZE + MAX_PAYLOAD + 63) / 64 * 64)
#define MAX_PACKET (HEAD_SIZE + MAX_PAYLOAD)

typedef struct Vsock {
	Virtio *virtio;
	VsockCarrier carrier;
	VsockRings rings;
	RingChain lent[DRIVER_RING_SLOTS]; /* the guest's buffer, for each slot that is offered */
	RingChain sent;
} Vsock;

/* ---- From the guest ---- */

/* Its bytes; 0: it is no packet. What is copied cannot change any more. */
static uint32_t copy_packet(Vsock *vsock, uint8_t *buf)
{
	const Dma *dma = virtio_dma(vsock->virtio);
	struct virtio_vsock_hdr head;

	if (chain_read(&vsock->sent, dma, 0, &head, HEAD_SIZE) != HEAD_SIZE)
		return 0;
	uint32_t len = GUINT32_FROM_LE(head.len);
	memcpy(buf, &head, HEAD_SIZE);
	if (len > MAX_PAYLOAD ||
	    chain_read(&vsock->sent, dma, HEAD_SIZE, buf + HEAD_SIZE, len) != len)
		return 0;
	return HEAD_SIZE + len;
}

/* FALSE: there is none. */
static bool send_packet(Vsock *vsock, Ring *guest, uint16_t slot)
{
	DriverRing *ring = &vsock->rings.ring[TX];

	if (!ring_pop_or_wait(guest, &vsock->sent)) {
		driver_ring_put(ring, slot);
		return false;
	}
	uint32_t len = copy_packet(vsock, driver_ring_buffer(ring, slot));
	if (len > 0)
		driver_ring_offer(ring, slot, len, false);
	else
		driver_ring_put(ring, slot);
	ring_push(guest, vsock->sent.head, 0);
	return true;
}

/* As many as there are slots; for what comes meanwhile there is another turn. */
static void send_packets(Vsock *vsock, Ring *guest)
{
	DriverRing *ring = &vsock->rings.ring[TX];
	uint16_t before = ring->next_avail, slot;
	uint32_t none;
	unsigned n = 0;

	while (driver_ring_take(ring, &slot, &none))
		driver_ring_put(ring, slot);
	while (n < DRIVER_RING_SLOTS && driver_ring_get(ring, &slot) &&
	       send_packet(vsock, guest, slot))
		n++;
	if (ring->next_avail != before)
		vsock->carrier.kick(vsock->carrier.opaque, TX);
	if (n == DRIVER_RING_SLOTS)
		virtio_kick(vsock->virtio);
}

/* ---- To the guest ---- */

static void receive_packets(Vsock *vsock, Ring *guest)
{
	DriverRing *ring = &vsock->rings.ring[RX];
	uint16_t slot;
	uint32_t len;

	while (driver_ring_take(ring, &slot, &len)) {
		const RingChain *chain = &vsock->lent[slot];

		chain_write(chain, virtio_dma(vsock->virtio), 0, driver_ring_buffer(ring, slot),
			    len);
		ring_push(guest, chain->head, len);
		driver_ring_put(ring, slot);
	}
}

/* FALSE: there is none, or it is too short. */
static bool lend_buffer(Vsock *vsock, Ring *guest, uint16_t slot)
{
	DriverRing *ring = &vsock->rings.ring[RX];
	RingChain *chain = &vsock->lent[slot];

	if (!ring_pop_or_wait(guest, chain)) {
		driver_ring_put(ring, slot);
		return false;
	}
	if (chain->in_len < HEAD_SIZE) {
		virtio_fail(vsock->virtio, "a buffer is shorter than a packet's head");
		return false;
	}
	driver_ring_offer(ring, slot, MIN(chain->in_len, MAX_PACKET), true);
	return true;
}

static void lend_buffers(Vsock *vsock, Ring *guest)
{
	DriverRing *ring = &vsock->rings.ring[RX];
	uint16_t before = ring->next_avail, slot;

	while (driver_ring_get(ring, &slot) && lend_buffer(vsock, guest, slot))
		;
	if (ring->next_avail != before)
		vsock->carrier.kick(vsock->carrier.opaque, RX);
}

/* ---- The device ---- */

static void work(void *self)
{
	Vsock *vsock = self;
	Ring *rx = virtio_ring(vsock->virtio, RX), *tx = virtio_ring(vsock->virtio, TX);

	if (tx != NULL)
		send_packets(vsock, tx);
	if (rx != NULL) {
		receive_packets(vsock, rx);
		lend_buffers(vsock, rx);
	}
	virtio_notify(vsock->virtio, TX);
	virtio_notify(vsock->virtio, RX);
}

static void start(void *self)
{
	Vsock *vsock = self;
	g_autoptr(GError) error = NULL;
	uint8_t *memory = vsock->rings.memory;

	for (unsigned i = 0; i < VIRTIO_VSOCK_QUEUES; i++)
		driver_ring_init(&vsock->rings.ring[i], memory + i * driver_ring_bytes(ROOM), ROOM);
	if (!vsock->carrier.start(vsock->carrier.opaque,
				  virtio_features(vsock->virtio) & vsock->carrier.features,
				  &vsock->rings, &error))
		virtio_fail(vsock->virtio, error->message);
}

static void reset(void *self)
{
	Vsock *vsock = self;

	vsock->carrier.stop(vsock->carrier.opaque);
}

static void vsock_free(void *self)
{
	Vsock *vsock = self;

	vsock->carrier.free(vsock->carrier.opaque);
	munmap(vsock->rings.memory, vsock->rings.size);
	for (unsigned i = 0; i < G_N_ELEMENTS(vsock->lent); i++)
		ring_chain_clear(&vsock->lent[i]);
	ring_chain_clear(&vsock->sent);
	g_free(vsock);
}

static const VirtioKind kind = {
	.name = "virtio-vsock",
	.id = VIRTIO_ID_VSOCK,
	.pci_class = 0x078000, /* communication, none of those that have a number */
	.n_queues = VIRTIO_VSOCK_QUEUES + 1,
	.queue_size = QUEUE_SIZE,
	.start = start,
	.reset = reset,
	.work = work,
	.free = vsock_free,
};

/* Pages that nobody has used take no memory. */
static void *new_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		g_error("mmap: %s", g_strerror(errno));
	return memory;
}

Virtio *virtio_vsock_new(uint32_t cid, const VsockCarrier *carrier, const VirtioHost *host)
{
	struct virtio_vsock_config config = {.guest_cid = GUINT64_TO_LE((uint64_t)cid)};
	g_autofree char *detail = g_strdup_printf("CID %" G_GUINT32_FORMAT, cid);
	Vsock *vsock = g_new0(Vsock, 1);

	vsock->carrier = *carrier;
	for (unsigned i = 0; i < G_N_ELEMENTS(vsock->lent); i++)
		ring_chain_init(&vsock->lent[i]);
	ring_chain_init(&vsock->sent);
	vsock->rings.size = VIRTIO_VSOCK_QUEUES * driver_ring_bytes(ROOM);
	vsock->rings.memory = new_memory(vsock->rings.size);
	vsock->virtio = virtio_new(&kind, vsock, carrier->features, &config, sizeof(config), host);
	/* The carrier is heard as the driver is. */
	vsock->rings.call_fd = worker_kick_fd(virtio_worker(vsock->virtio));
	virtio_set_detail(vsock->virtio, detail);
	return vsock->virtio;
}

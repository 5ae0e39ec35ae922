/*
 * hw/dev/virtio-net.c - frames from the queues to the wire and back.
 *
 * Both directions have a buffer in the format of the stream, length and frame; a tap device's
 * frames are put into it one by one. It holds what a read() or write() has cut off, and is kept
 * over a reset of the driver, so that the stream stays what it is.
 */
#include "hw/dev/virtio-net.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hw/util.h"

enum { RX, TX };

#define QUEUE_SIZE 256
#define HEAD_SIZE 4 /* of a frame in the stream */
#define MIN_FRAME 14
#define MAX_FRAME 65550 /* an IP packet of 64 KiB and its addresses */
#define BUFFER_SIZE (1u << 16)
/* How often one call of work() reads, so that somebody who waits for its end gets it. */
#define MAX_READS 64

/* A frame's header in the queues: with VIRTIO_F_VERSION_1 it has always 12 bytes (5.1.6.1). */
typedef struct virtio_net_hdr_v1 FrameHeader;
G_STATIC_ASSERT(sizeof(FrameHeader) == 12);

typedef struct Net {
	Virtio *virtio;
	VirtioNetWire wire; /* fd -1: it is cut */
	GIOCondition watched;
	GByteArray *in, *out;
	bool guest_is_full; /* a frame in @in waits for a buffer of the guest's */
} Net;

static uint32_t get_length(const uint8_t *head)
{
	return (uint32_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
}

static void put_length(uint8_t *head, uint32_t len)
{
	for (int i = HEAD_SIZE - 1; i >= 0; i--, len >>= 8)
		head[i] = len & 0xff;
}

/* ---- The wire ---- */

static void watch(Net *net, GIOCondition conditions)
{
	if (net->watched != conditions)
		worker_watch(virtio_worker(net->virtio), net->wire.fd, conditions);
	net->watched = conditions;
}

/* @why: NULL, or what came from there. */
static void cut_wire(Net *net, const char *why)
{
	static const uint8_t down[2];
	g_autofree char *words = why == NULL && net->wire.last_words != NULL
					 ? net->wire.last_words(net->wire.opaque)
					 : NULL;

	if (why == NULL)
		why = words != NULL ? words : "the other end is closed";
	vm_log("%s: the guest's link is down: %s", net->wire.name, why);
	watch(net, 0);
	close(net->wire.fd);
	net->wire.fd = -1;
	g_byte_array_set_size(net->in, 0);
	g_byte_array_set_size(net->out, 0);
	virtio_set_config(net->virtio, offsetof(struct virtio_net_config, status), down,
			  sizeof(down));
}

/* Reads at the end of @in behind @skip bytes: how many came. 0: none now, or none ever. */
static size_t read_wire(Net *net, size_t skip, size_t max)
{
	unsigned before = net->in->len;
	ssize_t n;

	g_byte_array_set_size(net->in, before + skip + max);
	do {
		n = net->wire.is_stream
			    ? recv(net->wire.fd, net->in->data + before + skip, max, MSG_DONTWAIT)
			    : read(net->wire.fd, net->in->data + before + skip, max);
	} while (n < 0 && errno == EINTR);
	int err = errno;
	g_byte_array_set_size(net->in, before + (n > 0 ? skip + n : 0));
	if (n > 0)
		return n;
	if (n == 0 || err != EAGAIN)
		cut_wire(net, NULL);
	return 0;
}

/* FALSE: nothing came. */
static bool read_frames(Net *net)
{
	unsigned before = net->in->len;

	if (net->wire.is_stream)
		return read_wire(net, 0, BUFFER_SIZE) > 0;
	size_t len = read_wire(net, HEAD_SIZE, MAX_FRAME);
	if (len > 0)
		put_length(net->in->data + before, len);
	return len > 0;
}

/* How many bytes of @out are gone; -1 with errno. */
static ssize_t write_wire(Net *net)
{
	const GByteArray *out = net->out;

	if (net->wire.is_stream)
		return send(net->wire.fd, out->data, out->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	uint32_t len = get_length(out->data);
	ssize_t n = write(net->wire.fd, out->data + HEAD_SIZE, len);
	/* A tap device that is down, or does not like the frame. */
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		n = len;
	return n < 0 ? n : HEAD_SIZE + (ssize_t)len;
}

/* FALSE: the rest must wait. */
static bool write_frames(Net *net)
{
	while (net->wire.fd >= 0 && net->out->len > 0) {
		ssize_t n = write_wire(net);

		if (n >= 0)
			g_byte_array_remove_range(net->out, 0, n);
		else if (errno == EAGAIN)
			return false;
		else if (errno != EINTR)
			cut_wire(net, NULL);
	}
	return true;
}

/* ---- From the guest ---- */

/* Adds the frame to @out; one that cannot be a frame disappears. */
static void take_frame(Net *net, const RingChain *chain)
{
	unsigned before = net->out->len;
	uint64_t len = chain->out_len - MIN(chain->out_len, sizeof(FrameHeader));

	if (net->wire.fd < 0 || len < MIN_FRAME || len > MAX_FRAME)
		return;
	g_byte_array_set_size(net->out, before + HEAD_SIZE + len);
	put_length(net->out->data + before, len);
	if (chain_read(chain, virtio_dma(net->virtio), sizeof(FrameHeader),
		       net->out->data + before + HEAD_SIZE, len) != len)
		g_byte_array_set_size(net->out, before);
}

/* FALSE: there is none. */
static bool take_chain(Net *net, Ring *ring, RingChain *chain)
{
	if (!ring_pop_or_wait(ring, chain))
		return false;
	take_frame(net, chain);
	ring_push(ring, chain->head, 0);
	return true;
}

/* As many as the queue has descriptors; for what comes meanwhile there is another turn. */
static void send_frames(Net *net, Ring *ring)
{
	g_auto(RingChain) chain;
	bool more = true;

	ring_chain_init(&chain);
	for (unsigned i = 0; i < ring->size && more; i++) {
		if (net->out->len >= BUFFER_SIZE && !write_frames(net))
			return;
		more = take_chain(net, ring, &chain);
	}
	if (write_frames(net) && more)
		worker_kick(virtio_worker(net->virtio));
}

/* ---- To the guest ---- */

/* FALSE: the guest has no buffer. */
static bool give_frame(Net *net, Ring *ring, RingChain *chain, const uint8_t *frame, size_t len)
{
	const Dma *dma = virtio_dma(net->virtio);
	FrameHeader header = {.num_buffers = 1}; /* little-endian, as this machine is */

	if (!ring_pop_or_wait(ring, chain))
		return false;
	if (sizeof(header) + len > chain->in_len) {
		ring_unpop(ring);
		return true;
	}
	chain_write(chain, dma, 0, &header, sizeof(header));
	chain_write(chain, dma, sizeof(header), frame, len);
	ring_push(ring, chain->head, sizeof(header) + len);
	return true;
}

/* The frame at the beginning of @data: its bytes in the stream. 0: it is not there as a whole. */
static size_t find_frame(const uint8_t *data, size_t len, bool *ret_wrong)
{
	if (len < HEAD_SIZE)
		return 0;
	uint32_t size = get_length(data);
	*ret_wrong = size > MAX_FRAME;
	return *ret_wrong || len - HEAD_SIZE < size ? 0 : HEAD_SIZE + size;
}

/* Gives the guest the whole frames in @in, as far as it takes them. */
static void give_frames(Net *net, Ring *ring, RingChain *chain)
{
	size_t done = 0, len;
	bool wrong = false;

	net->guest_is_full = false;
	while ((len = find_frame(net->in->data + done, net->in->len - done, &wrong)) > 0) {
		if (len >= HEAD_SIZE + MIN_FRAME &&
		    !give_frame(net, ring, chain, net->in->data + done + HEAD_SIZE,
				len - HEAD_SIZE)) {
			net->guest_is_full = true;
			break;
		}
		done += len;
	}
	if (wrong)
		cut_wire(net, "it has sent a frame of a wrong size");
	else if (done > 0)
		g_byte_array_remove_range(net->in, 0, done);
}

static void receive_frames(Net *net, Ring *ring)
{
	g_auto(RingChain) chain;

	ring_chain_init(&chain);
	give_frames(net, ring, &chain);
	for (unsigned i = 0; i < MAX_READS && net->wire.fd >= 0 && !net->guest_is_full; i++) {
		if (!read_frames(net))
			return;
		give_frames(net, ring, &chain);
	}
}

/* ---- The device ---- */

static void work(void *self)
{
	Net *net = self;
	Ring *rx = virtio_ring(net->virtio, RX), *tx = virtio_ring(net->virtio, TX);

	if (tx != NULL && write_frames(net))
		send_frames(net, tx);
	if (rx != NULL)
		receive_frames(net, rx);
	if (net->wire.fd >= 0)
		watch(net, (rx != NULL && !net->guest_is_full ? G_IO_IN : 0) |
				   (tx != NULL && net->out->len > 0 ? G_IO_OUT : 0));
	virtio_notify(net->virtio, TX);
	virtio_notify(net->virtio, RX);
}

/* What comes meanwhile waits outside. */
static void reset(void *self)
{
	Net *net = self;

	if (net->wire.fd >= 0)
		watch(net, 0);
	net->guest_is_full = false;
}

static void net_free(void *self)
{
	Net *net = self;

	if (net->wire.fd >= 0)
		close(net->wire.fd);
	if (net->wire.free != NULL)
		net->wire.free(net->wire.opaque);
	g_byte_array_unref(net->in);
	g_byte_array_unref(net->out);
	g_free(net);
}

static const VirtioKind kind = {
	.name = "virtio-net",
	.id = VIRTIO_ID_NET,
	.pci_class = 0x020000, /* Ethernet */
	.n_queues = 2,
	.queue_size = QUEUE_SIZE,
	.work = work,
	.reset = reset,
	.free = net_free,
};

Virtio *virtio_net_new(const uint8_t mac[VIRTIO_NET_MAC_SIZE], const VirtioNetWire *wire,
		       const VirtioHost *host)
{
	struct virtio_net_config config = {.status = VIRTIO_NET_S_LINK_UP};
	Net *net = g_new0(Net, 1);

	net->wire = *wire;
	net->in = g_byte_array_new();
	net->out = g_byte_array_new();
	memcpy(config.mac, mac, sizeof(config.mac));
	net->virtio =
		virtio_new(&kind, net, 1ull << VIRTIO_NET_F_MAC | 1ull << VIRTIO_NET_F_STATUS,
			   &config, offsetof(struct virtio_net_config, max_virtqueue_pairs), host);
	virtio_set_detail(net->virtio, wire->name);
	return net->virtio;
}

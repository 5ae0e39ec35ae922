/*
 * hw/dev/virtio-console.c - bytes from the guest's queue to the peer, and what is typed back.
 */
#include "hw/dev/virtio-console.h"

#include <linux/virtio_ids.h>

enum { RX, TX };

#define QUEUE_SIZE 64
#define INPUT_MAX 65536
#define PIECE 4096
/* What one call of work() writes, so that somebody who waits for its end gets it. */
#define MAX_PIECES 64

struct VirtioConsole {
	Virtio *virtio;
	SerialPeer peer;
	RingChain chain; /* of the guest's, written up to @offset; while @is_open */
	uint64_t offset;
	bool is_open;

	GMutex lock; /* everything below */
	GByteArray *input;
	bool input_full; /* somebody waits for room in it */
};

/* ---- What the guest writes ---- */

/* FALSE: there is nothing, or no room for it. */
static bool write_piece(VirtioConsole *console, Ring *ring)
{
	uint8_t piece[PIECE];
	size_t room = console->peer.room(console->peer.opaque);

	if (room == 0)
		return false;
	if (!console->is_open && !ring_pop_or_wait(ring, &console->chain))
		return false;
	console->is_open = true;
	size_t n = chain_read(&console->chain, virtio_dma(console->virtio), console->offset, piece,
			      MIN(room, sizeof(piece)));
	console->peer.output(console->peer.opaque, piece, n);
	console->offset += n;
	if (n > 0 && console->offset < console->chain.out_len)
		return true;
	ring_push(ring, console->chain.head, 0);
	console->is_open = false;
	console->offset = 0;
	return true;
}

static void write_output(VirtioConsole *console, Ring *ring)
{
	for (unsigned i = 0; i < MAX_PIECES; i++) {
		if (!write_piece(console, ring))
			return;
	}
	worker_kick(virtio_worker(console->virtio));
}

/* ---- What is typed ---- */

/* FALSE: the guest has no buffer. */
static bool give_input_locked(VirtioConsole *console, Ring *ring, RingChain *chain)
{
	if (!ring_pop_or_wait(ring, chain))
		return false;
	size_t n = chain_write(chain, virtio_dma(console->virtio), 0, console->input->data,
			       console->input->len);
	ring_push(ring, chain->head, n);
	g_byte_array_remove_range(console->input, 0, n);
	return true;
}

/* TRUE: there is room again, and somebody waits for it. */
static bool give_input(VirtioConsole *console, Ring *ring)
{
	g_auto(RingChain) chain;

	ring_chain_init(&chain);
	g_mutex_lock(&console->lock);
	for (unsigned i = 0; i < ring->size && console->input->len > 0; i++) {
		if (!give_input_locked(console, ring, &chain))
			break;
	}
	bool wanted = console->input_full && console->input->len < INPUT_MAX;
	console->input_full = console->input_full && !wanted;
	g_mutex_unlock(&console->lock);
	return wanted;
}

size_t virtio_console_input(VirtioConsole *console, const uint8_t *data, size_t len)
{
	g_mutex_lock(&console->lock);
	size_t n = MIN(len, INPUT_MAX - console->input->len);
	g_byte_array_append(console->input, data, n);
	console->input_full = console->input_full || n < len;
	g_mutex_unlock(&console->lock);
	worker_kick(virtio_worker(console->virtio));
	return n;
}

void virtio_console_room_changed(VirtioConsole *console)
{
	worker_kick(virtio_worker(console->virtio));
}

/* ---- The device ---- */

static void work(void *self)
{
	VirtioConsole *console = self;
	Ring *rx = virtio_ring(console->virtio, RX), *tx = virtio_ring(console->virtio, TX);

	if (tx != NULL)
		write_output(console, tx);
	if (rx != NULL && give_input(console, rx) && console->peer.input_wanted != NULL)
		console->peer.input_wanted(console->peer.opaque);
	virtio_notify(console->virtio, TX);
	virtio_notify(console->virtio, RX);
}

static void reset(void *self)
{
	VirtioConsole *console = self;

	console->is_open = false;
	console->offset = 0;
}

static void console_free(void *self)
{
	VirtioConsole *console = self;

	ring_chain_clear(&console->chain);
	g_byte_array_unref(console->input);
	g_mutex_clear(&console->lock);
	g_free(console);
}

static const VirtioKind kind = {
	.name = "virtio-console",
	.id = VIRTIO_ID_CONSOLE,
	.pci_class = 0x078000, /* communication, other */
	.n_queues = 2,
	.queue_size = QUEUE_SIZE,
	.work = work,
	.reset = reset,
	.free = console_free,
};

VirtioConsole *virtio_console_new(const SerialPeer *peer, const VirtioHost *host)
{
	VirtioConsole *console = g_new0(VirtioConsole, 1);

	console->peer = *peer;
	console->input = g_byte_array_new();
	ring_chain_init(&console->chain);
	g_mutex_init(&console->lock);
	console->virtio = virtio_new(&kind, console, 0, NULL, 0, host);
	return console;
}

Virtio *virtio_console_device(VirtioConsole *console)
{
	return console->virtio;
}

/*
 * hw/dev/virtio-net.h - a network card (virtio 1.2, 5.1): frames between two queues and a
 * descriptor of the host. One pair of queues, no offloads.
 *
 * Frames of the host's wait outside while the guest has no buffer for them, or its machine stands.
 * One that is longer than the guest's buffer is dropped. Where the host does not take frames, those
 * of the guest wait in its queue.
 */
#ifndef VMGDB_HW_DEV_VIRTIO_NET_H
#define VMGDB_HW_DEV_VIRTIO_NET_H

#include "hw/dev/virtio.h"

#define VIRTIO_NET_MAC_SIZE 6

/* The other end of the cable. */
typedef struct VirtioNetWire {
	/*
	 * The device's from now on. A stream socket on which the length of each frame stands before
	 * it, in 4 bytes, the highest first, as QEMU's socket networks and passt have it; or, as a
	 * tap device has it, one frame for each read() and write(), which do not block.
	 */
	int fd;
	bool is_stream;
	const char *name; /* for messages: "--network user"; must outlive the device */
	/* Why it may have ended by itself. Caller frees. May be NULL, and may return NULL. */
	char *(*last_words)(void *opaque);
	void (*free)(void *opaque); /* with the device; may be NULL */
	void *opaque;
} VirtioNetWire;

/*
 * virtio_net_new: with this address. If @wire's other end is closed or sends nonsense, the guest
 * sees the link go down, and there is one line in the log. Free with virtio_free().
 */
Virtio *virtio_net_new(const uint8_t mac[VIRTIO_NET_MAC_SIZE], const VirtioNetWire *wire,
		       const VirtioHost *host);

#endif

/*
 * hw/dev/virtio-vsock.h - sockets between the guest and its host (virtio 1.2, 5.10): packets
 * between the guest's queues and whoever carries them, which is the host's kernel (hw/vsock.h) or
 * a test.
 *
 * The carrier works on queues of lkvm's own memory, and the packets are copied. So it never touches
 * the guest's: in a stopped machine nothing of it changes, and a breakpoint there stays. What comes
 * from the host meanwhile waits, in at most as many packets as the guest has buffers for.
 */
#ifndef VMGDB_HW_DEV_VIRTIO_VSOCK_H
#define VMGDB_HW_DEV_VIRTIO_VSOCK_H

#include "hw/dev/driver-ring.h"
#include "hw/dev/virtio.h"

/* The two queues that have packets (5.10.2). The third is the guest's for events; none come. */
#define VIRTIO_VSOCK_RX 0
#define VIRTIO_VSOCK_TX 1
#define VIRTIO_VSOCK_QUEUES 2

/* What the carrier works on. */
typedef struct VsockRings {
	void *memory; /* the rings and their buffers */
	size_t size;  /* bytes: a multiple of 4 KiB, at one */
	DriverRing ring[VIRTIO_VSOCK_QUEUES];
	int call_fd; /* an eventfd: something was done */
} VsockRings;

typedef struct VsockCarrier {
	uint64_t features; /* those of the device's that it has */
	/*
	 * start: work on @rings, which are empty and outlive that. FALSE with @error: it cannot.
	 * stop: no more; when it returns the carrier touches them no longer. Also if start() was
	 * FALSE.
	 */
	bool (*start)(void *opaque, uint64_t features, const VsockRings *rings, GError **error);
	void (*stop)(void *opaque);
	/* [the worker] Something was offered in this queue. */
	void (*kick)(void *opaque, unsigned queue);
	void (*free)(void *opaque); /* with the device */
	void *opaque;
} VsockCarrier;

/*
 * virtio_vsock_new: of a guest with this CID. A packet of the guest's that is none, because its
 * length is wrong, disappears; a buffer of the guest's that is shorter than a packet's head fails
 * the device. Free with virtio_free().
 */
Virtio *virtio_vsock_new(uint32_t cid, const VsockCarrier *carrier, const VirtioHost *host);

#endif

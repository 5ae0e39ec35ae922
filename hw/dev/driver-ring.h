/*
 * hw/dev/driver-ring.h - a split virtqueue as its driver sees it (virtio 1.2, 2.7): lkvm is the
 * driver of a device that the host's kernel plays (vhost). It lies in lkvm's own memory, never in
 * the guest's. Pure: no descriptor, no thread.
 *
 * Each descriptor has one buffer of its own, a slot; what is offered is one slot at a time. Who
 * plays the device is trusted: the host's kernel writes to this process anyway. One thread at a
 * time uses a DriverRing.
 */
#ifndef VMGDB_HW_DEV_DRIVER_RING_H
#define VMGDB_HW_DEV_DRIVER_RING_H

#include <glib.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRIVER_RING_SLOTS 128 /* a power of two */

typedef struct DriverRing {
	/* For the device, too: addresses in this process, which those in @desc are as well. */
	vring_desc_t *desc;
	vring_avail_t *avail;
	vring_used_t *used;
	uint8_t *buffers;
	uint32_t room; /* bytes of each slot */
	uint16_t next_avail, next_used;
	uint16_t unused[DRIVER_RING_SLOTS]; /* slots */
	unsigned n_unused;
} DriverRing;

/* How many bytes one takes whose slots have @room bytes each: a multiple of 4 KiB. */
size_t driver_ring_bytes(uint32_t room);
/*
 * driver_ring_init: an empty one, in as many bytes at @memory, which is at a multiple of 16. No
 * device works on it.
 */
void driver_ring_init(DriverRing *ring, void *memory, uint32_t room);

/* driver_ring_get: a slot that nobody uses, which is the caller's then. FALSE: there is none. */
bool driver_ring_get(DriverRing *ring, uint16_t *ret_slot);
/* driver_ring_put: the caller does not need it any more. */
void driver_ring_put(DriverRing *ring, uint16_t slot);
uint8_t *driver_ring_buffer(const DriverRing *ring, uint16_t slot);
/*
 * driver_ring_offer: the device may read the first @len bytes of the caller's @slot, or write them
 * if @in. It hears of that from somebody else.
 */
void driver_ring_offer(DriverRing *ring, uint16_t slot, uint32_t len, bool in);
/*
 * driver_ring_take: the next slot that the device is done with is the caller's again; it has
 * written @ret_written bytes, no more than was offered. FALSE: there is none.
 */
bool driver_ring_take(DriverRing *ring, uint16_t *ret_slot, uint32_t *ret_written);

#endif

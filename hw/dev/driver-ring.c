/*
 * hw/dev/driver-ring.c - the descriptors, the two indices with their barriers, and the slots.
 */
#include "hw/dev/driver-ring.h"

#include <string.h>

#define SLOTS DRIVER_RING_SLOTS
#define PAGE 4096

/* One page has the descriptors, which come first; the next the rest. */
#define USED_AT (PAGE + 1024)
#define BUFFERS_AT (2 * PAGE)
G_STATIC_ASSERT(SLOTS * sizeof(vring_desc_t) <= PAGE);
G_STATIC_ASSERT(sizeof(vring_avail_t) + (SLOTS + 1) * 2 <= USED_AT - PAGE);
G_STATIC_ASSERT(sizeof(vring_used_t) + SLOTS * sizeof(vring_used_elem_t) + 2 <=
		BUFFERS_AT - USED_AT);

size_t driver_ring_bytes(uint32_t room)
{
	size_t bytes = BUFFERS_AT + SLOTS * (size_t)room;

	return (bytes + PAGE - 1) / PAGE * PAGE;
}

void driver_ring_init(DriverRing *ring, void *memory, uint32_t room)
{
	uint8_t *at = memory;

	*ring = (DriverRing){
		.desc = memory,
		.avail = (void *)(at + PAGE),
		.used = (void *)(at + USED_AT),
		.buffers = at + BUFFERS_AT,
		.room = room,
	};
	/* Not the buffers: pages that nobody has used take no memory. */
	memset(memory, 0, BUFFERS_AT);
	for (unsigned i = 0; i < SLOTS; i++)
		driver_ring_put(ring, SLOTS - 1 - i);
}

bool driver_ring_get(DriverRing *ring, uint16_t *ret_slot)
{
	if (ring->n_unused == 0)
		return false;
	*ret_slot = ring->unused[--ring->n_unused];
	return true;
}

void driver_ring_put(DriverRing *ring, uint16_t slot)
{
	ring->unused[ring->n_unused++] = slot;
}

uint8_t *driver_ring_buffer(const DriverRing *ring, uint16_t slot)
{
	return ring->buffers + slot * (size_t)ring->room;
}

/* Little-endian, as this machine is. */
void driver_ring_offer(DriverRing *ring, uint16_t slot, uint32_t len, bool in)
{
	ring->desc[slot] = (vring_desc_t){
		.addr = (uintptr_t)driver_ring_buffer(ring, slot),
		.len = len,
		.flags = in ? VRING_DESC_F_WRITE : 0,
	};
	ring->avail->ring[ring->next_avail++ % SLOTS] = slot;
	/* Whoever sees it sees what was written before. */
	__atomic_store_n(&ring->avail->idx, ring->next_avail, __ATOMIC_RELEASE);
}

bool driver_ring_take(DriverRing *ring, uint16_t *ret_slot, uint32_t *ret_written)
{
	if (__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) == ring->next_used)
		return false;
	const vring_used_elem_t *elem = &ring->used->ring[ring->next_used++ % SLOTS];
	*ret_slot = elem->id % SLOTS;
	*ret_written = MIN(elem->len, ring->desc[*ret_slot].len);
	return true;
}

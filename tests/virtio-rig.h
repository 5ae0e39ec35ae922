/*
 * tests/virtio-rig.h - what a virtio device has to do with, without a machine: RAM in a buffer, and
 * a driver's side of a split virtqueue in it.
 */
#ifndef VMGDB_TESTS_VIRTIO_RIG_H
#define VMGDB_TESTS_VIRTIO_RIG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/dev/virtio.h"

#define RIG_BASE 0x100000ull /* where its RAM begins */
#define RIG_SIZE 0x100000ull

typedef struct RigRam {
	Dma dma;
	uint8_t *bytes;
	uint64_t base;
	uint64_t size; /* how much it says it is; only what it was made with may be touched */
	/* A breakpoint: read() and write() see @under in place of the byte in RAM. */
	uint64_t break_at; /* 0: none */
	uint8_t under;
	unsigned reads, writes; /* calls of these two */
} RigRam;

/* RIG_SIZE zeros at RIG_BASE; rig_ram_init_at: @size at @base, of which a byte too far is found. */
void rig_ram_init(RigRam *ram);
void rig_ram_init_at(RigRam *ram, uint64_t base, uint64_t size);
void rig_ram_clear(RigRam *ram);
/* Aborts outside of it. For one of rig_ram_init(). */
void *rig_at(RigRam *ram, uint64_t gpa, uint64_t len);

#define RIG_NEXT 1
#define RIG_WRITE 2
#define RIG_INDIRECT 4

typedef struct RigQueue {
	RigRam *ram;
	uint16_t size;
	uint64_t desc, avail, used;
	uint16_t offered, seen; /* how many chains it offered, and saw come back */
} RigQueue;

/* At @gpa; it takes less than 32 bytes per descriptor and 64. */
void rig_queue_init(RigQueue *queue, RigRam *ram, uint16_t size, uint64_t gpa);
void rig_desc(RigQueue *queue, uint16_t i, uint64_t gpa, uint32_t len, uint16_t flags,
	      uint16_t next);
/* The same in an indirect table at @table. */
void rig_indirect(RigRam *ram, uint64_t table, uint16_t i, uint64_t gpa, uint32_t len,
		  uint16_t flags, uint16_t next);
void rig_offer(RigQueue *queue, uint16_t head);
/* The next that came back: its head, and how many bytes were written. FALSE: none did. */
bool rig_take(RigQueue *queue, uint16_t *ret_head, uint32_t *ret_written);
/* The indices and flags of both sides. */
void rig_set_avail_index(RigQueue *queue, uint16_t index);
uint16_t rig_used_index(const RigQueue *queue);
uint16_t rig_used_flags(const RigQueue *queue);
void rig_set_avail_flags(RigQueue *queue, uint16_t flags);
void rig_set_used_event(RigQueue *queue, uint16_t index);
uint16_t rig_avail_event(const RigQueue *queue);

/* A device with its driver. Queue N is at RIG_BASE + 0x1000 * N; data may be from 0x80000 on. */
#define RIG_DATA (RIG_BASE + 0x80000)
#define RIG_QUEUE_SIZE 64

typedef struct RigDevice {
	RigRam ram;
	VirtioHost host; /* for the device's constructor */
	Virtio *virtio;
	RigQueue queue[VIRTIO_MAX_QUEUES];
	GMutex lock; /* everything below */
	GCond changed;
	unsigned interrupts;
} RigDevice;

void rig_device_init(RigDevice *device);
/* Frees @virtio, too. */
void rig_device_clear(RigDevice *device);
/* The driver takes @features (and VERSION_1) and all queues; the device is ready after it. */
void rig_device_start(RigDevice *device, Virtio *virtio, uint64_t features);
/* Waits until the next chain comes back on @queue: its head and written bytes. */
uint16_t rig_device_wait(RigDevice *device, unsigned queue, uint32_t *ret_written);
/* The same after a kick. */
uint16_t rig_device_run(RigDevice *device, unsigned queue, uint32_t *ret_written);
/* Waits until the device has failed. */
void rig_device_expect_failure(RigDevice *device);

#endif

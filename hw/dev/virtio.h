/*
 * hw/dev/virtio.h - a virtio device without its transport (virtio 1.2, 2): status, features, queues
 * and configuration. hw/dev/virtio-pci.c is the transport; hw/dev/virtio-*.c are the devices.
 *
 * Registers are read and written by vCPUs, queues are worked on by the device's own thread
 * (hw/dev/worker.h). Modern devices only: VIRTIO_F_VERSION_1 is required.
 */
#ifndef VMGDB_HW_DEV_VIRTIO_H
#define VMGDB_HW_DEV_VIRTIO_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/dev/dma.h"
#include "hw/dev/ring.h"
#include "hw/dev/worker.h"

#define VIRTIO_MAX_QUEUES 8
#define VIRTIO_NO_VECTOR 0xffff

typedef struct Virtio Virtio;

/* What the devices of one kind have in common; constant. */
typedef struct VirtioKind {
	const char *name;    /* "virtio-blk" */
	uint16_t id;	     /* virtio 1.2, 5 */
	uint32_t pci_class;  /* 24 bits: class, subclass, interface */
	unsigned n_queues;   /* at most VIRTIO_MAX_QUEUES */
	uint16_t queue_size; /* the largest; at most RING_MAX_SIZE */
	/*
	 * The driver is ready: features and queues are what they are until reset(). Both while no
	 * work() runs. reset() gives back all that is in flight, without an answer to the guest,
	 * and watches nothing (hw/dev/worker.h); nor does a device that has failed.
	 */
	void (*start)(void *self); /* may be NULL */
	void (*reset)(void *self); /* may be NULL */
	/*
	 * [the worker] There may be something in a queue. Only between start() and reset(), and not
	 * after virtio_fail(). A ring that broke in it fails the device when it returns.
	 */
	void (*work)(void *self);
	/*
	 * The guest has written @len bytes of the configuration at @offset, which are in it by now.
	 * [a vCPU's thread, with the device's lock held] NULL: it is read only.
	 */
	void (*config_written)(void *self, size_t offset, size_t len);
	void (*free)(void *self);
} VirtioKind;

/* What a device gets from the machine; outlives it. */
typedef struct VirtioHost {
	const Dma *dma;
	const WorkerGate *gate; /* NULL: always open */
} VirtioHost;

/*
 * virtio_new: @self is owned: virtio_free() resets it if it was started, ends the worker and frees
 * it by kind->free.
 * @features: bits that the device offers beside the transport's (VERSION_1, INDIRECT_DESC and
 * EVENT_IDX, which are added).
 * @config, @config_size: its first contents, little-endian; copied.
 */
Virtio *virtio_new(const VirtioKind *kind, void *self, uint64_t features, const void *config,
		   size_t config_size, const VirtioHost *host);
void virtio_free(Virtio *virtio);

/* ---- For the device: on its worker, or in start() and reset() ---- */

const Dma *virtio_dma(const Virtio *virtio);
Worker *virtio_worker(const Virtio *virtio);
uint64_t virtio_features(const Virtio *virtio); /* that were negotiated */
/* NULL: the driver does not use that queue, or it is broken. */
Ring *virtio_ring(Virtio *virtio, unsigned queue);
/* Interrupts the driver if it wants that (ring_wants_interrupt()). */
void virtio_notify(Virtio *virtio, unsigned queue);
/*
 * A turn with a queue, for work(), if something is in it: @serve takes chains and pushes
 * them. The driver need not kick meanwhile; if there is more behind it there is another turn.
 */
void virtio_serve(Virtio *virtio, unsigned queue, void (*serve)(void *self, Ring *ring));
/* [any thread] New contents of the configuration from @offset on, and the driver hears of it. */
void virtio_set_config(Virtio *virtio, size_t offset, const void *data, size_t len);
/* The device cannot go on (virtio 1.2, 2.1.2): DEVICE_NEEDS_RESET, and one line in the log. */
void virtio_fail(Virtio *virtio, const char *why);

/* ---- For the transport [any thread] ---- */

/*
 * Where interrupts go. @vector: what the driver has set for that queue, or for the configuration.
 * VIRTIO_NO_VECTOR, too: a driver without MSI-X sets none, and the transport's one line is raised.
 * A lock of the device's may be held; no function of this header is called from there.
 */
typedef struct VirtioBus {
	void (*queue_interrupt)(void *opaque, uint16_t vector);
	void (*config_interrupt)(void *opaque, uint16_t vector);
	void *opaque;
} VirtioBus;
void virtio_attach(Virtio *virtio, const VirtioBus *bus); /* once, before the guest runs */

const VirtioKind *virtio_kind(const Virtio *virtio);
size_t virtio_config_size(const Virtio *virtio);
/* For people: "virtio-blk, driver ready, 1 queue, disk.img". Caller frees. */
char *virtio_describe(Virtio *virtio);
void virtio_set_detail(Virtio *virtio, const char *text); /* "disk.img"; copied */

/* virtio 1.2, 4.1.4.3: the fields of the common configuration, checked and kept here. */
uint64_t virtio_offered(const Virtio *virtio);
void virtio_accept(Virtio *virtio, unsigned word, uint32_t bits); /* word 0 or 1 of 32 bits */
uint32_t virtio_accepted(Virtio *virtio, unsigned word);
uint8_t virtio_status(Virtio *virtio);
/* 0 resets, and returns when nothing of the device is in flight. */
void virtio_set_status(Virtio *virtio, uint8_t status);
uint8_t virtio_generation(Virtio *virtio);
void virtio_read_config(Virtio *virtio, size_t offset, void *data, size_t len);
void virtio_write_config(Virtio *virtio, size_t offset, const void *data, size_t len);
void virtio_set_config_vector(Virtio *virtio, uint16_t vector);
uint16_t virtio_config_vector(Virtio *virtio);

typedef struct VirtioQueue {
	uint16_t size, vector;
	bool enabled;
	uint64_t desc, avail, used;
} VirtioQueue;
/* FALSE: there is no such queue. */
bool virtio_get_queue(Virtio *virtio, unsigned queue, VirtioQueue *ret);
/* Ignored but for the vector once it is enabled, as virtio 1.2, 4.1.4.3.2 demands of drivers. */
void virtio_set_queue(Virtio *virtio, unsigned queue, const VirtioQueue *value);

/* The driver has written to the queue's doorbell; KVM may write worker_kick_fd() instead. */
void virtio_kick(Virtio *virtio);

#endif

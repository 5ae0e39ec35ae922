/*
 * tests/virtio-driver.h - a guest's driver of one virtio device: sets it up, offers buffers, waits
 * for what comes back; and a machine that can be stopped.
 */
#ifndef VMGDB_TESTS_VIRTIO_DRIVER_H
#define VMGDB_TESTS_VIRTIO_DRIVER_H

#include "hw/dev/virtio.h"
#include "tests/virtio-rig.h"

#define DRIVER_QUEUE_SIZE 16
/* RAM that no queue is in. */
#define DRIVER_DATA (RIG_BASE + 0x10000)

typedef struct RigDriver {
	RigRam ram;
	RigQueue queue[VIRTIO_MAX_QUEUES];
	WorkerGate gate;
	VirtioHost host;
	Virtio *virtio;
	GMutex lock; /* everything below */
	GCond changed;
	bool stopped;
	unsigned inside, refused; /* of the gate; not let in since the last stop */
	unsigned interrupts, config_interrupts;
} RigDriver;

/* RAM and a machine that runs; then make the device with @driver->host. */
void rig_driver_init(RigDriver *driver);
/* Takes @virtio and sets it up, with @features of its own and the event index. */
void rig_driver_start(RigDriver *driver, Virtio *virtio, uint64_t features);
/* The driver resets the device and sets it up once more; its queues are empty. */
void rig_driver_restart(RigDriver *driver, uint64_t features);
/* Frees the device, too. */
void rig_driver_clear(RigDriver *driver);

/* Offer the chain that starts at @head, which rig_desc() has made, and ring the bell. */
void rig_driver_offer(RigDriver *driver, unsigned queue, uint16_t head);
/* Wait for the next chain that comes back: its head. */
uint16_t rig_driver_wait(RigDriver *driver, unsigned queue, uint32_t *ret_written);
/* TRUE: none has come back. */
bool rig_driver_is_quiet(RigDriver *driver, unsigned queue);

/* Stop the machine: no device is at work then, or will be. Let it go on. */
void rig_driver_stop(RigDriver *driver);
void rig_driver_go(RigDriver *driver);
/* In a stopped machine: wait until the device wanted to work and was not let. */
void rig_driver_wait_refused(RigDriver *driver);

#endif

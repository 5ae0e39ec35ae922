/*
 * tests/virtio-driver.c - a guest's driver of one virtio device.
 */
#include "tests/virtio-driver.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define QUEUE(i) (RIG_BASE + 0x1000 * (i))

/* ---- The machine ---- */

static bool enter(void *opaque)
{
	RigDriver *driver = opaque;

	g_mutex_lock(&driver->lock);
	bool open = !driver->stopped;
	*(open ? &driver->inside : &driver->refused) += 1;
	g_cond_broadcast(&driver->changed);
	g_mutex_unlock(&driver->lock);
	return open;
}

static void leave(void *opaque)
{
	RigDriver *driver = opaque;

	g_mutex_lock(&driver->lock);
	driver->inside--;
	g_cond_broadcast(&driver->changed);
	g_mutex_unlock(&driver->lock);
}

void rig_driver_stop(RigDriver *driver)
{
	g_mutex_lock(&driver->lock);
	driver->stopped = true;
	driver->refused = 0;
	while (driver->inside > 0)
		g_cond_wait(&driver->changed, &driver->lock);
	g_mutex_unlock(&driver->lock);
}

void rig_driver_go(RigDriver *driver)
{
	g_mutex_lock(&driver->lock);
	driver->stopped = false;
	g_mutex_unlock(&driver->lock);
	worker_wake(virtio_worker(driver->virtio));
}

/* ---- The transport ---- */

static void count(RigDriver *driver, unsigned *counter)
{
	g_mutex_lock(&driver->lock);
	(*counter)++;
	g_cond_broadcast(&driver->changed);
	g_mutex_unlock(&driver->lock);
}

static void on_queue(void *opaque, uint16_t vector G_GNUC_UNUSED)
{
	RigDriver *driver = opaque;

	count(driver, &driver->interrupts);
}

static void on_config(void *opaque, uint16_t vector G_GNUC_UNUSED)
{
	RigDriver *driver = opaque;

	count(driver, &driver->config_interrupts);
}

/* ---- The driver ---- */

static void set_up(RigDriver *driver, uint64_t features)
{
	const unsigned steps[] = {
		VIRTIO_CONFIG_S_ACKNOWLEDGE,
		VIRTIO_CONFIG_S_DRIVER,
		VIRTIO_CONFIG_S_FEATURES_OK,
	};
	unsigned status = 0;

	features |= 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX;
	virtio_accept(driver->virtio, 0, (uint32_t)features);
	virtio_accept(driver->virtio, 1, features >> 32);
	for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++)
		virtio_set_status(driver->virtio, status |= steps[i]);
	g_assert_cmphex(virtio_status(driver->virtio), ==, status);
	for (unsigned i = 0; i < virtio_kind(driver->virtio)->n_queues; i++) {
		RigQueue *queue = &driver->queue[i];

		rig_queue_init(queue, &driver->ram, DRIVER_QUEUE_SIZE, QUEUE(i));
		virtio_set_queue(driver->virtio, i,
				 &(VirtioQueue){DRIVER_QUEUE_SIZE, 0, true, queue->desc,
						queue->avail, queue->used});
	}
	virtio_set_status(driver->virtio, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

void rig_driver_init(RigDriver *driver)
{
	*driver = (RigDriver){0};
	rig_ram_init(&driver->ram);
	g_mutex_init(&driver->lock);
	g_cond_init(&driver->changed);
	driver->gate = (WorkerGate){enter, leave, driver};
	driver->host = (VirtioHost){&driver->ram.dma, &driver->gate};
}

void rig_driver_start(RigDriver *driver, Virtio *virtio, uint64_t features)
{
	g_assert_nonnull(virtio);
	driver->virtio = virtio;
	virtio_attach(virtio, &(VirtioBus){on_queue, on_config, driver});
	set_up(driver, features);
}

void rig_driver_restart(RigDriver *driver, uint64_t features)
{
	virtio_set_status(driver->virtio, 0);
	set_up(driver, features);
}

void rig_driver_clear(RigDriver *driver)
{
	virtio_free(driver->virtio);
	rig_ram_clear(&driver->ram);
	g_mutex_clear(&driver->lock);
	g_cond_clear(&driver->changed);
}

void rig_driver_offer(RigDriver *driver, unsigned queue, uint16_t head)
{
	rig_offer(&driver->queue[queue], head);
	virtio_kick(driver->virtio);
}

/* As a driver does: it wants an interrupt for the next one, and then looks once more. */
uint16_t rig_driver_wait(RigDriver *driver, unsigned queue, uint32_t *ret_written)
{
	RigQueue *of = &driver->queue[queue];
	uint16_t head = 0;

	rig_set_used_event(of, of->seen);
	g_mutex_lock(&driver->lock);
	while (!rig_take(of, &head, ret_written))
		g_cond_wait(&driver->changed, &driver->lock);
	g_mutex_unlock(&driver->lock);
	return head;
}

bool rig_driver_is_quiet(RigDriver *driver, unsigned queue)
{
	return rig_used_index(&driver->queue[queue]) == driver->queue[queue].seen;
}

void rig_driver_wait_refused(RigDriver *driver)
{
	g_mutex_lock(&driver->lock);
	while (driver->refused == 0)
		g_cond_wait(&driver->changed, &driver->lock);
	g_mutex_unlock(&driver->lock);
}

/*
 * tests/virtio-rig.c - RAM in a buffer, and a driver that does what its test says.
 */
#include "tests/virtio-rig.h"

#include <linux/virtio_config.h>
#include <string.h>

/* ---- RAM ---- */

static void *at(void *opaque, uint64_t gpa, uint64_t len)
{
	RigRam *ram = opaque;

	if (gpa < ram->base || len > ram->size || gpa - ram->base > ram->size - len)
		return NULL;
	return ram->bytes + (gpa - ram->base);
}

static bool has_break(void *opaque, uint64_t gpa, uint64_t len, bool is_write G_GNUC_UNUSED)
{
	RigRam *ram = opaque;

	return ram->break_at != 0 && ram->break_at >= gpa && ram->break_at - gpa < len;
}

static bool read_ram(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	RigRam *ram = opaque;
	const void *from = at(ram, gpa, len);

	ram->reads++;
	if (from == NULL)
		return false;
	memcpy(buf, from, len);
	if (has_break(ram, gpa, len, false))
		((uint8_t *)buf)[ram->break_at - gpa] = ram->under;
	return true;
}

static bool write_ram(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	RigRam *ram = opaque;
	void *to = at(ram, gpa, len);
	uint8_t *patched, patch;

	ram->writes++;
	if (to == NULL)
		return false;
	if (!has_break(ram, gpa, len, true)) {
		memcpy(to, buf, len);
		return true;
	}
	patched = at(ram, ram->break_at, 1);
	patch = *patched;
	memcpy(to, buf, len);
	ram->under = ((const uint8_t *)buf)[ram->break_at - gpa];
	*patched = patch;
	return true;
}

void rig_ram_init_at(RigRam *ram, uint64_t base, uint64_t size)
{
	*ram = (RigRam){
		.dma = {at, has_break, read_ram, write_ram, ram},
		.bytes = g_malloc0(size),
		.base = base,
		.size = size,
	};
}

void rig_ram_init(RigRam *ram)
{
	rig_ram_init_at(ram, RIG_BASE, RIG_SIZE);
}

void rig_ram_clear(RigRam *ram)
{
	g_clear_pointer(&ram->bytes, g_free);
}

void *rig_at(RigRam *ram, uint64_t gpa, uint64_t len)
{
	g_assert_true(gpa >= RIG_BASE && len <= RIG_SIZE && gpa - RIG_BASE <= RIG_SIZE - len);
	return ram->bytes + (gpa - RIG_BASE);
}

/* ---- A queue ---- */

void rig_queue_init(RigQueue *queue, RigRam *ram, uint16_t size, uint64_t gpa)
{
	uint64_t avail = gpa + 16ull * size, used = (avail + 6 + 2ull * size + 3) & ~3ull;

	*queue = (RigQueue){
		.ram = ram,
		.size = size,
		.desc = gpa,
		.avail = avail,
		.used = used,
	};
	memset(rig_at(ram, gpa, 32ull * size + 64), 0, 32ull * size + 64);
}

void rig_indirect(RigRam *ram, uint64_t table, uint16_t i, uint64_t gpa, uint32_t len,
		  uint16_t flags, uint16_t next)
{
	uint8_t *desc = rig_at(ram, table + 16ull * i, 16);

	memcpy(desc, &gpa, 8);
	memcpy(desc + 8, &len, 4);
	memcpy(desc + 12, &flags, 2);
	memcpy(desc + 14, &next, 2);
}

void rig_desc(RigQueue *queue, uint16_t i, uint64_t gpa, uint32_t len, uint16_t flags,
	      uint16_t next)
{
	rig_indirect(queue->ram, queue->desc, i, gpa, len, flags, next);
}

static uint16_t get(const RigQueue *queue, uint64_t gpa)
{
	return __atomic_load_n((uint16_t *)rig_at(queue->ram, gpa, 2), __ATOMIC_SEQ_CST);
}

static void set(RigQueue *queue, uint64_t gpa, uint16_t value)
{
	__atomic_store_n((uint16_t *)rig_at(queue->ram, gpa, 2), value, __ATOMIC_SEQ_CST);
}

void rig_offer(RigQueue *queue, uint16_t head)
{
	set(queue, queue->avail + 4 + 2ull * (queue->offered % queue->size), head);
	rig_set_avail_index(queue, ++queue->offered);
}

bool rig_take(RigQueue *queue, uint16_t *ret_head, uint32_t *ret_written)
{
	uint32_t elem[2];

	if (rig_used_index(queue) == queue->seen)
		return false;
	memcpy(elem, rig_at(queue->ram, queue->used + 4 + 8ull * (queue->seen % queue->size), 8),
	       8);
	queue->seen++;
	*ret_head = elem[0];
	*ret_written = elem[1];
	return true;
}

void rig_set_avail_index(RigQueue *queue, uint16_t index)
{
	set(queue, queue->avail + 2, index);
}

void rig_set_avail_flags(RigQueue *queue, uint16_t flags)
{
	set(queue, queue->avail, flags);
}

uint16_t rig_used_index(const RigQueue *queue)
{
	return get(queue, queue->used + 2);
}

uint16_t rig_used_flags(const RigQueue *queue)
{
	return get(queue, queue->used);
}

void rig_set_used_event(RigQueue *queue, uint16_t index)
{
	set(queue, queue->avail + 4 + 2ull * queue->size, index);
}

uint16_t rig_avail_event(const RigQueue *queue)
{
	return get(queue, queue->used + 4 + 8ull * queue->size);
}

/* ---- A device ---- */

static void on_interrupt(void *opaque, uint16_t vector G_GNUC_UNUSED)
{
	RigDevice *device = opaque;

	g_mutex_lock(&device->lock);
	device->interrupts++;
	g_cond_broadcast(&device->changed);
	g_mutex_unlock(&device->lock);
}

void rig_device_init(RigDevice *device)
{
	*device = (RigDevice){0};
	rig_ram_init(&device->ram);
	device->host.dma = &device->ram.dma;
	g_mutex_init(&device->lock);
	g_cond_init(&device->changed);
}

void rig_device_clear(RigDevice *device)
{
	virtio_free(device->virtio);
	rig_ram_clear(&device->ram);
	g_mutex_clear(&device->lock);
	g_cond_clear(&device->changed);
}

static void enable_queue(RigDevice *device, unsigned i)
{
	RigQueue *queue = &device->queue[i];
	VirtioQueue fields;

	virtio_get_queue(device->virtio, i, &fields);
	rig_queue_init(queue, &device->ram, MIN(fields.size, RIG_QUEUE_SIZE),
		       RIG_BASE + 0x1000ull * i);
	fields = (VirtioQueue){queue->size, 0, true, queue->desc, queue->avail, queue->used};
	virtio_set_queue(device->virtio, i, &fields);
}

void rig_device_start(RigDevice *device, Virtio *virtio, uint64_t features)
{
	VirtioBus bus = {on_interrupt, on_interrupt, device};
	uint8_t settled =
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;

	device->virtio = virtio;
	virtio_attach(virtio, &bus);
	virtio_accept(virtio, 0, (uint32_t)features);
	virtio_accept(virtio, 1, (uint32_t)(features >> 32) | 1);
	virtio_set_status(virtio, settled);
	g_assert_cmphex(virtio_status(virtio), ==, settled);
	for (unsigned i = 0; i < virtio_kind(virtio)->n_queues; i++)
		enable_queue(device, i);
	virtio_set_status(virtio, settled | VIRTIO_CONFIG_S_DRIVER_OK);
}

uint16_t rig_device_wait(RigDevice *device, unsigned queue, uint32_t *ret_written)
{
	uint16_t head;

	g_mutex_lock(&device->lock);
	while (!rig_take(&device->queue[queue], &head, ret_written))
		g_cond_wait(&device->changed, &device->lock);
	g_mutex_unlock(&device->lock);
	return head;
}

uint16_t rig_device_run(RigDevice *device, unsigned queue, uint32_t *ret_written)
{
	virtio_kick(device->virtio);
	return rig_device_wait(device, queue, ret_written);
}

void rig_device_expect_failure(RigDevice *device)
{
	virtio_kick(device->virtio);
	g_mutex_lock(&device->lock);
	while (!(virtio_status(device->virtio) & VIRTIO_CONFIG_S_NEEDS_RESET))
		g_cond_wait(&device->changed, &device->lock);
	g_mutex_unlock(&device->lock);
}

/*
 * tests/virtio-rig.c - RAM in a buffer, and a driver that does what its test says.
 */
#include "tests/virtio-rig.h"

#include <string.h>

/* ---- RAM ---- */

static void *at(void *opaque, uint64_t gpa, uint64_t len)
{
	RigRam *ram = opaque;

	if (gpa < RIG_BASE || len > ram->size || gpa - RIG_BASE > ram->size - len)
		return NULL;
	return ram->bytes + (gpa - RIG_BASE);
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
	uint8_t patch;

	ram->writes++;
	if (to == NULL)
		return false;
	if (!has_break(ram, gpa, len, true)) {
		memcpy(to, buf, len);
		return true;
	}
	patch = *(uint8_t *)rig_at(ram, ram->break_at, 1);
	memcpy(to, buf, len);
	ram->under = ((const uint8_t *)buf)[ram->break_at - gpa];
	*(uint8_t *)rig_at(ram, ram->break_at, 1) = patch;
	return true;
}

void rig_ram_init(RigRam *ram)
{
	*ram = (RigRam){
		.dma = {at, has_break, read_ram, write_ram, ram},
		.bytes = g_malloc0(RIG_SIZE),
		.size = RIG_SIZE,
	};
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

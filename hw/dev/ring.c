/*
 * hw/dev/ring.c - walking the descriptors, and the two indices with their barriers.
 *
 * Each byte of the guest's is read once into a copy, which is checked and then used.
 */
#include "hw/dev/ring.h"

#include <string.h>

#define DESC_NEXT 1
#define DESC_WRITE 2
#define DESC_INDIRECT 4

#define USED_NO_NOTIFY 1
#define AVAIL_NO_INTERRUPT 1

#define MAX_CHAIN (1ull << 32) /* bytes (virtio 1.2, 2.7.5) */

typedef struct Desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
} Desc;

typedef struct UsedElem {
	uint32_t id;
	uint32_t len;
} UsedElem;

G_STATIC_ASSERT(sizeof(Desc) == 16);
G_STATIC_ASSERT(sizeof(UsedElem) == 8);

/* ---- The guest's bytes ---- */

static bool has_break(const Dma *dma, uint64_t gpa, uint64_t len, bool is_write)
{
	return dma->has_break != NULL && dma->has_break(dma->opaque, gpa, len, is_write);
}

/* Keeps the compiler from reading there again what it seems to have in a copy. */
static void read_once(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static bool copy_from(const Dma *dma, uint64_t gpa, void *buf, size_t len)
{
	if (has_break(dma, gpa, len, false))
		return dma->read(dma->opaque, gpa, buf, len);
	const void *from = dma->at(dma->opaque, gpa, len);
	if (from == NULL)
		return false;
	memcpy(buf, from, len);
	read_once();
	return true;
}

static bool copy_to(const Dma *dma, uint64_t gpa, void *buf, size_t len)
{
	if (has_break(dma, gpa, len, true))
		return dma->write(dma->opaque, gpa, buf, len);
	void *to = dma->at(dma->opaque, gpa, len);
	if (to == NULL)
		return false;
	memcpy(to, buf, len);
	return true;
}

/* What is read of the guest after it is not older than it. */
static uint16_t load_index(const Ring *ring, uint64_t gpa)
{
	uint16_t value = 0;

	if (has_break(ring->dma, gpa, sizeof(value), false)) {
		ring->dma->read(ring->dma->opaque, gpa, &value, sizeof(value));
		__sync_synchronize();
		return value;
	}
	const uint16_t *at = ring->dma->at(ring->dma->opaque, gpa, sizeof(value));
	return at != NULL ? __atomic_load_n(at, __ATOMIC_ACQUIRE) : 0;
}

/* Whoever sees it sees what was written before. */
static void store_index(const Ring *ring, uint64_t gpa, uint16_t value)
{
	if (has_break(ring->dma, gpa, sizeof(value), true)) {
		__sync_synchronize();
		ring->dma->write(ring->dma->opaque, gpa, &value, sizeof(value));
		return;
	}
	uint16_t *at = ring->dma->at(ring->dma->opaque, gpa, sizeof(value));
	if (at != NULL)
		__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

/* ---- Where things lie (virtio 1.2, 2.7.6 and 2.7.8) ---- */

static uint64_t avail_flags(const Ring *ring)
{
	return ring->avail;
}

static uint64_t avail_index(const Ring *ring)
{
	return ring->avail + 2;
}

static uint64_t avail_entry(const Ring *ring, uint16_t i)
{
	return ring->avail + 4 + 2ull * (i % ring->size);
}

static uint64_t used_event(const Ring *ring)
{
	return ring->avail + 4 + 2ull * ring->size;
}

static uint64_t used_flags(const Ring *ring)
{
	return ring->used;
}

static uint64_t used_index(const Ring *ring)
{
	return ring->used + 2;
}

static uint64_t used_entry(const Ring *ring, uint16_t i)
{
	return ring->used + 4 + sizeof(UsedElem) * (uint64_t)(i % ring->size);
}

static uint64_t avail_event(const Ring *ring)
{
	return ring->used + 4 + sizeof(UsedElem) * (uint64_t)ring->size;
}

static bool is_ram(const Dma *dma, uint64_t gpa, uint64_t len)
{
	return dma->at(dma->opaque, gpa, len) != NULL;
}

static bool fail(Ring *ring, const char *why)
{
	ring->broken = why;
	return false;
}

bool ring_set_up(Ring *ring, const Dma *dma, uint16_t size, uint64_t desc, uint64_t avail,
		 uint64_t used, bool event_idx)
{
	*ring = (Ring){
		.dma = dma,
		.desc = desc,
		.avail = avail,
		.used = used,
		.event_idx = event_idx,
	};
	if (size == 0 || size > RING_MAX_SIZE || (size & (size - 1)) != 0)
		return fail(ring, "its size is no power of two, or too large");
	if (desc % 16 != 0 || avail % 2 != 0 || used % 4 != 0)
		return fail(ring, "a part of it is not aligned");
	if (!is_ram(dma, desc, sizeof(Desc) * (uint64_t)size) ||
	    !is_ram(dma, avail, 6 + 2ull * size) ||
	    !is_ram(dma, used, 6 + sizeof(UsedElem) * (uint64_t)size))
		return fail(ring, "a part of it is outside of RAM");
	ring->size = size;
	return true;
}

static bool is_usable(const Ring *ring)
{
	return ring->size != 0 && ring->broken == NULL;
}

/* ---- Taking a chain ---- */

void ring_chain_init(RingChain *chain)
{
	*chain = (RingChain){
		.out = g_array_new(FALSE, FALSE, sizeof(RingPart)),
		.in = g_array_new(FALSE, FALSE, sizeof(RingPart)),
	};
}

void ring_chain_clear(RingChain *chain)
{
	g_clear_pointer(&chain->out, g_array_unref);
	g_clear_pointer(&chain->in, g_array_unref);
	*chain = (RingChain){0};
}

/* Empty parts are allowed and of no use to anybody. */
static bool add_part(Ring *ring, RingChain *chain, const Desc *desc)
{
	bool in = desc->flags & DESC_WRITE;
	RingPart part = {desc->gpa, desc->len};

	if (!in && chain->in_len > 0)
		return fail(ring, "a part to read comes behind one to write");
	if (part.len == 0)
		return true;
	if (chain->out_len + chain->in_len + part.len > MAX_CHAIN)
		return fail(ring, "a chain has more than 4 GiB");
	if (!is_ram(ring->dma, part.gpa, part.len))
		return fail(ring, "a descriptor's address is outside of RAM");
	g_array_append_val(in ? chain->in : chain->out, part);
	*(in ? &chain->in_len : &chain->out_len) += part.len;
	return true;
}

/* A table of descriptors: the ring's own, or an indirect one. */
typedef struct Table {
	uint64_t gpa;
	uint32_t n, left; /* descriptors; and how many the chain may still have of them */
	bool indirect;
} Table;

static Table new_table(uint64_t gpa, uint32_t n, bool indirect)
{
	return (Table){gpa, n, MIN(n, RING_MAX_SIZE), indirect};
}

/* A chain that is longer than its table is a loop. */
static bool read_desc(Ring *ring, Table *table, uint16_t i, Desc *ret)
{
	if (i >= table->n)
		return fail(ring, "a descriptor's number is too large");
	if (table->left-- == 0)
		return fail(ring, "a chain of descriptors has no end");
	if (!copy_from(ring->dma, table->gpa + sizeof(Desc) * (uint64_t)i, ret, sizeof(*ret)))
		return fail(ring, "a table of descriptors is outside of RAM");
	return true;
}

/* 2.7.5.3: it stands at the end of the ring's own descriptors, if at all. */
static bool enter_indirect(Ring *ring, const Desc *desc, Table *table)
{
	if (table->indirect || desc->flags & DESC_NEXT)
		return fail(ring, "an indirect table is not the last of its chain");
	if (desc->len == 0 || desc->len % sizeof(Desc) != 0)
		return fail(ring, "an indirect table has an odd size");
	if (!is_ram(ring->dma, desc->gpa, desc->len))
		return fail(ring, "a table of descriptors is outside of RAM");
	*table = new_table(desc->gpa, desc->len / sizeof(Desc), true);
	return true;
}

static bool walk(Ring *ring, RingChain *chain, uint16_t i)
{
	Table table = new_table(ring->desc, ring->size, false);
	Desc desc;

	for (;;) {
		if (!read_desc(ring, &table, i, &desc))
			return false;
		if (desc.flags & DESC_INDIRECT) {
			if (!enter_indirect(ring, &desc, &table))
				return false;
			i = 0;
			continue;
		}
		if (!add_part(ring, chain, &desc))
			return false;
		if (!(desc.flags & DESC_NEXT))
			return true;
		i = desc.next;
	}
}

bool ring_pop(Ring *ring, RingChain *ret)
{
	uint16_t head;

	if (ring_is_empty(ring))
		return false;
	if ((uint16_t)(load_index(ring, avail_index(ring)) - ring->next_avail) > ring->size)
		return fail(ring, "the driver's index jumps");
	if (!copy_from(ring->dma, avail_entry(ring, ring->next_avail), &head, sizeof(head)))
		return fail(ring, "a part of it is outside of RAM");
	g_array_set_size(ret->out, 0);
	g_array_set_size(ret->in, 0);
	ret->out_len = ret->in_len = 0;
	ret->head = head;
	if (!walk(ring, ret, head))
		return false;
	ring->next_avail++;
	return true;
}

void ring_unpop(Ring *ring)
{
	ring->next_avail--;
}

/* ---- Giving it back ---- */

void ring_push(Ring *ring, uint16_t head, uint32_t written)
{
	UsedElem elem = {head, written};

	if (!is_usable(ring))
		return;
	if (!copy_to(ring->dma, used_entry(ring, ring->next_used), &elem, sizeof(elem))) {
		fail(ring, "a part of it is outside of RAM");
		return;
	}
	store_index(ring, used_index(ring), ++ring->next_used);
}

/* ---- Who wants to hear of it ---- */

/*
 * The driver writes used_event and then looks at the used index; here it is the other way round,
 * and one of both must see what the other wrote.
 */
bool ring_wants_interrupt(Ring *ring)
{
	uint16_t pushed = ring->next_used - ring->notified_used;

	if (!is_usable(ring) || pushed == 0)
		return false;
	ring->notified_used = ring->next_used;
	__sync_synchronize();
	if (!ring->event_idx)
		return !(load_index(ring, avail_flags(ring)) & AVAIL_NO_INTERRUPT);
	return (uint16_t)(ring->next_used - load_index(ring, used_event(ring)) - 1) < pushed;
}

/* With an event index it is enough not to move it: the driver has passed it by. */
void ring_want_kicks(Ring *ring, bool wanted)
{
	if (!is_usable(ring))
		return;
	if (!ring->event_idx)
		store_index(ring, used_flags(ring), wanted ? 0 : USED_NO_NOTIFY);
	else if (wanted)
		store_index(ring, avail_event(ring), ring->next_avail);
	__sync_synchronize();
}

bool ring_pop_or_wait(Ring *ring, RingChain *ret)
{
	if (ring_pop(ring, ret))
		return true;
	ring_want_kicks(ring, true);
	return ring_pop(ring, ret);
}

bool ring_is_empty(Ring *ring)
{
	return !is_usable(ring) || load_index(ring, avail_index(ring)) == ring->next_avail;
}

/* ---- What a chain holds ---- */

/* The part where byte *@offset is, which becomes the offset in it. */
static unsigned find_part(const GArray *parts, uint64_t *offset)
{
	unsigned i = 0;

	for (; i < parts->len && *offset >= g_array_index(parts, RingPart, i).len; i++)
		*offset -= g_array_index(parts, RingPart, i).len;
	return i;
}

static size_t copy_parts(const GArray *parts, const Dma *dma, uint64_t offset, uint8_t *buf,
			 size_t len, bool (*copy)(const Dma *, uint64_t, void *, size_t))
{
	size_t done = 0;

	for (unsigned i = find_part(parts, &offset); i < parts->len && done < len; i++) {
		const RingPart *part = &g_array_index(parts, RingPart, i);
		size_t n = MIN(part->len - offset, len - done);

		if (!copy(dma, part->gpa + offset, buf + done, n))
			break;
		done += n;
		offset = 0;
	}
	return done;
}

size_t chain_read(const RingChain *chain, const Dma *dma, uint64_t offset, void *buf, size_t len)
{
	return copy_parts(chain->out, dma, offset, buf, len, copy_from);
}

size_t chain_write(const RingChain *chain, const Dma *dma, uint64_t offset, const void *buf,
		   size_t len)
{
	return copy_parts(chain->in, dma, offset, (void *)buf, len, copy_to);
}

unsigned chain_iov(const RingChain *chain, const Dma *dma, bool in, uint64_t offset, uint64_t len,
		   struct iovec *iov, unsigned max)
{
	const GArray *parts = in ? chain->in : chain->out;
	unsigned n = 0;

	for (unsigned i = find_part(parts, &offset); i < parts->len && len > 0; i++) {
		const RingPart *part = &g_array_index(parts, RingPart, i);
		uint64_t gpa = part->gpa + offset, size = MIN(part->len - offset, len);
		void *at = dma->at(dma->opaque, gpa, size);

		if (n == max || at == NULL || has_break(dma, gpa, size, in))
			return 0;
		iov[n++] = (struct iovec){at, size};
		len -= size;
		offset = 0;
	}
	return len == 0 ? n : 0;
}

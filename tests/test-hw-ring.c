/*
 * tests/test-hw-ring.c - hw/dev/ring.h: chains, good and hostile, and who wants to hear of them.
 */
#include <string.h>

#include "hw/dev/ring.h"
#include "tests/test-util.h"
#include "tests/virtio-rig.h"

#define QUEUE (RIG_BASE + 0x1000)
#define DATA (RIG_BASE + 0x10000)
#define TABLE (RIG_BASE + 0x8000) /* indirect */

typedef struct Rig {
	RigRam ram;
	RigQueue queue;
	Ring ring;
	RingChain chain;
} Rig;

static void rig_init(Rig *rig, uint16_t size, bool event_idx)
{
	rig_ram_init(&rig->ram);
	rig_queue_init(&rig->queue, &rig->ram, size, QUEUE);
	ring_chain_init(&rig->chain);
	g_assert_true(ring_set_up(&rig->ring, &rig->ram.dma, size, rig->queue.desc,
				  rig->queue.avail, rig->queue.used, event_idx));
	g_assert_null(rig->ring.broken);
}

static void rig_clear(Rig *rig)
{
	ring_chain_clear(&rig->chain);
	rig_ram_clear(&rig->ram);
}

static const RingPart *part(const GArray *parts, unsigned i)
{
	g_assert_cmpuint(i, <, parts->len);
	return &g_array_index(parts, RingPart, i);
}

/* ---- Setting it up ---- */

static void test_set_up(void)
{
	static const struct {
		uint16_t size;
		uint64_t desc, avail, used;
		const char *why; /* a word of it; NULL: it is fine */
	} rows[] = {
		{8, QUEUE, QUEUE + 0x100, QUEUE + 0x200, NULL},
		{1, QUEUE, QUEUE + 0x102, QUEUE + 0x204, NULL},
		{RING_MAX_SIZE, QUEUE, QUEUE + 0x8000, QUEUE + 0x9000, NULL},
		{0, QUEUE, QUEUE + 0x100, QUEUE + 0x200, "size"},
		{6, QUEUE, QUEUE + 0x100, QUEUE + 0x200, "size"},
		{2 * RING_MAX_SIZE, QUEUE, QUEUE + 0x8000, QUEUE + 0x10000, "size"},
		{0x8000, QUEUE, QUEUE + 0x100, QUEUE + 0x200, "size"},
		{8, QUEUE + 8, QUEUE + 0x100, QUEUE + 0x200, "aligned"},
		{8, QUEUE, QUEUE + 0x101, QUEUE + 0x200, "aligned"},
		{8, QUEUE, QUEUE + 0x100, QUEUE + 0x202, "aligned"},
		{8, 0, QUEUE + 0x100, QUEUE + 0x200, "RAM"},
		{8, QUEUE, -16ull, QUEUE + 0x200, "RAM"},
		{8, QUEUE, QUEUE + 0x100, RIG_BASE + RIG_SIZE - 0x40, "RAM"},
		{8, RIG_BASE + RIG_SIZE - 0x80, QUEUE, RIG_BASE + RIG_SIZE - 0x100, NULL},
		{8, RIG_BASE + RIG_SIZE - 0x70, QUEUE, QUEUE + 0x200, "RAM"},
		/* Its last two bytes are an event. */
		{8, QUEUE, RIG_BASE + RIG_SIZE - 20, QUEUE + 0x200, "RAM"},
		{8, QUEUE, RIG_BASE + RIG_SIZE - 22, QUEUE + 0x200, NULL},
	};
	RigRam ram;

	rig_ram_init(&ram);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		Ring ring = {.broken = "before", .next_avail = 7};
		bool up = ring_set_up(&ring, &ram.dma, rows[i].size, rows[i].desc, rows[i].avail,
				      rows[i].used, false);

		g_test_message("row %u", i);
		g_assert_true(up == (rows[i].why == NULL));
		g_assert_cmpuint(ring.size, ==, up ? rows[i].size : 0);
		g_assert_true(up == (ring.broken == NULL));
		g_assert_cmpuint(ring.next_avail, ==, 0);
		g_assert_true(up || strstr(ring.broken, rows[i].why) != NULL);
	}
	rig_ram_clear(&ram);
}

/* One that was never set up, or was broken from the start, has nothing and does nothing. */
static void test_unusable(void)
{
	Ring ring = {0};
	g_auto(RingChain) chain;

	ring_chain_init(&chain);
	g_assert_true(ring_is_empty(&ring));
	g_assert_false(ring_pop(&ring, &chain));
	ring_push(&ring, 0, 0);
	ring_want_kicks(&ring, true);
	g_assert_false(ring_wants_interrupt(&ring));
}

/* ---- Chains ---- */

static void test_chain(void)
{
	Rig rig;

	rig_init(&rig, 8, false);
	g_assert_true(ring_is_empty(&rig.ring));
	g_assert_false(ring_pop(&rig.ring, &rig.chain));
	rig_desc(&rig.queue, 5, DATA, 16, RIG_NEXT, 2);
	rig_desc(&rig.queue, 2, DATA + 0x1000, 32, RIG_NEXT | RIG_WRITE, 7);
	rig_desc(&rig.queue, 7, DATA + 0x100, 1, RIG_WRITE, 5);
	rig_offer(&rig.queue, 5);
	g_assert_false(ring_is_empty(&rig.ring));
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.head, ==, 5);
	g_assert_cmpuint(rig.chain.out->len, ==, 1);
	g_assert_cmpuint(rig.chain.in->len, ==, 2);
	g_assert_cmphex(part(rig.chain.out, 0)->gpa, ==, DATA);
	g_assert_cmphex(part(rig.chain.in, 0)->gpa, ==, DATA + 0x1000);
	g_assert_cmphex(part(rig.chain.in, 1)->gpa, ==, DATA + 0x100);
	g_assert_cmpuint(rig.chain.out_len, ==, 16);
	g_assert_cmpuint(rig.chain.in_len, ==, 33);
	g_assert_true(ring_is_empty(&rig.ring));
	g_assert_false(ring_pop(&rig.ring, &rig.chain));
	g_assert_null(rig.ring.broken);
	rig_clear(&rig);
}

/* What was in the chain before is gone; a chain that was not used comes again. */
static void test_unpop(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, DATA, 16, 0, 0);
	rig_desc(&rig.queue, 1, DATA, 5, RIG_WRITE, 0);
	rig_offer(&rig.queue, 0);
	rig_offer(&rig.queue, 1);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	ring_unpop(&rig.ring);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.head, ==, 0);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.head, ==, 1);
	g_assert_cmpuint(rig.chain.out->len, ==, 0);
	g_assert_cmpuint(rig.chain.out_len, ==, 0);
	g_assert_cmpuint(rig.chain.in_len, ==, 5);
	rig_clear(&rig);
}

static void test_push(void)
{
	Rig rig;
	uint16_t head;
	uint32_t written;

	rig_init(&rig, 2, false);
	rig_desc(&rig.queue, 1, DATA, 16, RIG_WRITE, 0);
	for (unsigned i = 0; i < 5; i++) {
		rig_offer(&rig.queue, 1);
		g_assert_true(ring_pop(&rig.ring, &rig.chain));
		g_assert_false(rig_take(&rig.queue, &head, &written));
		ring_push(&rig.ring, 1, 10 + i);
		g_assert_true(rig_take(&rig.queue, &head, &written));
		g_assert_cmpuint(head, ==, 1);
		g_assert_cmpuint(written, ==, 10 + i);
	}
	g_assert_cmpuint(rig_used_index(&rig.queue), ==, 5);
	rig_clear(&rig);
}

static void test_indirect(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	/* A plain one in front; the flag to write means nothing on the table itself. */
	rig_desc(&rig.queue, 0, DATA, 3, RIG_NEXT, 1);
	rig_desc(&rig.queue, 1, TABLE, 48, RIG_INDIRECT | RIG_WRITE, 77);
	rig_indirect(&rig.ram, TABLE, 0, DATA + 16, 4, RIG_NEXT, 2);
	rig_indirect(&rig.ram, TABLE, 2, DATA + 32, 5, RIG_NEXT | RIG_WRITE, 1);
	rig_indirect(&rig.ram, TABLE, 1, DATA + 48, 6, RIG_WRITE, 0);
	rig_offer(&rig.queue, 0);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.out_len, ==, 7);
	g_assert_cmpuint(rig.chain.in_len, ==, 11);
	g_assert_cmphex(part(rig.chain.out, 1)->gpa, ==, DATA + 16);
	g_assert_cmphex(part(rig.chain.in, 1)->gpa, ==, DATA + 48);
	rig_clear(&rig);
}

/* More descriptors than the ring has; drivers of 9P and disks do that. */
static void test_long_indirect(void)
{
	Rig rig;

	rig_init(&rig, 2, false);
	rig_desc(&rig.queue, 0, TABLE, 16 * 600, RIG_INDIRECT, 0);
	for (unsigned i = 0; i < 600; i++)
		rig_indirect(&rig.ram, TABLE, i, DATA + i, 1, i < 599 ? RIG_NEXT : 0, i + 1);
	rig_offer(&rig.queue, 0);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.out->len, ==, 600);
	rig_clear(&rig);
}

/* The index wraps at 65536, whatever the size. */
static void test_wrap(void)
{
	Rig rig;
	uint16_t head;
	uint32_t written;

	rig_init(&rig, 4, true);
	rig.ring.next_avail = rig.ring.next_used = rig.ring.notified_used = 65534;
	rig.queue.offered = rig.queue.seen = 65534;
	for (unsigned i = 0; i < 4; i++) {
		rig_desc(&rig.queue, i, DATA, 1 + i, 0, 0);
		rig_offer(&rig.queue, i);
	}
	for (unsigned i = 0; i < 4; i++) {
		g_assert_true(ring_pop(&rig.ring, &rig.chain));
		g_assert_cmpuint(rig.chain.head, ==, i);
		ring_push(&rig.ring, i, i);
	}
	g_assert_false(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig_used_index(&rig.queue), ==, 2);
	rig.queue.seen = 65534;
	(void)rig_take(&rig.queue, &head, &written);
	g_assert_cmpuint(head, ==, 0);
	rig_clear(&rig);
}

/* ---- Hostile ones ---- */

static void expect_broken(Rig *rig, uint16_t head, const char *word)
{
	rig_offer(&rig->queue, head);
	g_assert_false(ring_is_empty(&rig->ring));
	g_assert_false(ring_pop(&rig->ring, &rig->chain));
	g_assert_nonnull(rig->ring.broken);
	g_test_message("%s", rig->ring.broken);
	g_assert_nonnull(strstr(rig->ring.broken, word));
	/* From now on it has nothing. */
	g_assert_true(ring_is_empty(&rig->ring));
	g_assert_false(ring_pop(&rig->ring, &rig->chain));
	ring_push(&rig->ring, head, 0);
	g_assert_cmpuint(rig_used_index(&rig->queue), ==, 0);
	g_assert_false(ring_wants_interrupt(&rig->ring));
	rig_clear(rig);
}

static void test_loop(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, DATA, 1, RIG_NEXT, 1);
	rig_desc(&rig.queue, 1, DATA, 1, RIG_NEXT, 0);
	expect_broken(&rig, 0, "no end");
	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 3, DATA, 0, RIG_NEXT, 3);
	expect_broken(&rig, 3, "no end");
	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, TABLE, 32, RIG_INDIRECT, 0);
	rig_indirect(&rig.ram, TABLE, 0, DATA, 1, RIG_NEXT, 1);
	rig_indirect(&rig.ram, TABLE, 1, DATA, 1, RIG_NEXT, 1);
	expect_broken(&rig, 0, "no end");
}

/* As long as the ring is, and no longer. */
static void test_whole_ring(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	for (unsigned i = 0; i < 4; i++)
		rig_desc(&rig.queue, i, DATA, 1, i < 3 ? RIG_NEXT : 0, i + 1);
	rig_offer(&rig.queue, 0);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.out_len, ==, 4);
	rig_clear(&rig);
}

/* A table that claims more than the largest ring has is not walked further than that. */
static void test_huge_table(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, DATA, 16 * 4096, RIG_INDIRECT, 0);
	for (unsigned i = 0; i < 4096; i++)
		rig_indirect(&rig.ram, DATA, i, TABLE, 1, RIG_NEXT, i + 1);
	expect_broken(&rig, 0, "no end");
}

static void test_numbers(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	expect_broken(&rig, 4, "number");
	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, DATA, 1, RIG_NEXT, 4);
	expect_broken(&rig, 0, "number");
	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, TABLE, 16, RIG_INDIRECT, 0);
	rig_indirect(&rig.ram, TABLE, 0, DATA, 1, RIG_NEXT, 1);
	expect_broken(&rig, 0, "number");
}

static void test_addresses(void)
{
	static const struct {
		uint64_t gpa;
		uint32_t len;
	} rows[] = {
		{0, 1},
		{RIG_BASE - 1, 2},
		{RIG_BASE + RIG_SIZE, 1},
		{RIG_BASE + RIG_SIZE - 1, 2},
		{UINT64_MAX, 1},
		{UINT64_MAX, 2},
		{UINT64_MAX - 0xfff, 0x1000},
		{-RIG_BASE, UINT32_MAX},
	};
	Rig rig;

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		rig_init(&rig, 4, false);
		rig_desc(&rig.queue, 0, rows[i].gpa, rows[i].len, RIG_WRITE, 0);
		expect_broken(&rig, 0, "outside of RAM");
		rig_init(&rig, 4, false);
		rig_desc(&rig.queue, 0, rows[i].gpa, MAX(16, rows[i].len / 16 * 16), RIG_INDIRECT,
			 0);
		expect_broken(&rig, 0, "outside of RAM");
	}
}

static void test_indirect_in_indirect(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, TABLE, 32, RIG_INDIRECT, 0);
	rig_indirect(&rig.ram, TABLE, 0, DATA, 1, RIG_NEXT, 1);
	rig_indirect(&rig.ram, TABLE, 1, TABLE, 32, RIG_INDIRECT, 0);
	expect_broken(&rig, 0, "indirect");
	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, TABLE, 16, RIG_INDIRECT | RIG_NEXT, 1);
	rig_indirect(&rig.ram, TABLE, 0, DATA, 1, 0, 0);
	rig_desc(&rig.queue, 1, DATA, 1, 0, 0);
	expect_broken(&rig, 0, "indirect");
}

static void test_odd_table(void)
{
	static const uint32_t sizes[] = {0, 1, 8, 15, 17, 24, 31};
	Rig rig;

	for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
		rig_init(&rig, 4, false);
		rig_desc(&rig.queue, 0, TABLE, sizes[i], RIG_INDIRECT, 0);
		rig_indirect(&rig.ram, TABLE, 0, DATA, 1, 0, 0);
		expect_broken(&rig, 0, "odd size");
	}
}

static void test_order(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, DATA, 1, RIG_WRITE | RIG_NEXT, 1);
	rig_desc(&rig.queue, 1, DATA, 1, 0, 0);
	expect_broken(&rig, 0, "behind one to write");
}

/* A driver may not offer more than fits. */
static void test_index_jumps(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig_set_avail_index(&rig.queue, 4);
	rig_desc(&rig.queue, 0, DATA, 1, 0, 0);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	rig_set_avail_index(&rig.queue, 6);
	g_assert_false(ring_pop(&rig.ring, &rig.chain));
	g_assert_nonnull(strstr(rig.ring.broken, "jumps"));
	rig_clear(&rig);
	rig_init(&rig, 4, false);
	rig_set_avail_index(&rig.queue, 65535);
	g_assert_false(ring_pop(&rig.ring, &rig.chain));
	g_assert_nonnull(strstr(rig.ring.broken, "jumps"));
	rig_clear(&rig);
}

static void test_empty_parts(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, DATA, 0, RIG_NEXT, 1);
	rig_desc(&rig.queue, 1, 0, 0, RIG_NEXT, 2); /* nor must it be RAM */
	rig_desc(&rig.queue, 2, DATA, 7, RIG_NEXT, 3);
	rig_desc(&rig.queue, 3, DATA, 0, RIG_WRITE, 3);
	rig_offer(&rig.queue, 0);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.out->len, ==, 1);
	g_assert_cmpuint(rig.chain.out_len, ==, 7);
	g_assert_cmpuint(rig.chain.in->len, ==, 0);
	rig_clear(&rig);
}

/* 4 GiB altogether, in and out, and not a byte more. */
static void test_four_gib(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig.ram.size = 1ull << 40;
	rig_desc(&rig.queue, 0, DATA, UINT32_MAX, RIG_NEXT, 1);
	rig_desc(&rig.queue, 1, DATA, 1, RIG_WRITE, 2);
	rig_offer(&rig.queue, 0);
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.out_len + rig.chain.in_len, ==, 1ull << 32);
	rig_clear(&rig);
	rig_init(&rig, 4, false);
	rig.ram.size = 1ull << 40;
	rig_desc(&rig.queue, 0, DATA, UINT32_MAX, RIG_NEXT, 1);
	rig_desc(&rig.queue, 1, DATA, 2, RIG_WRITE, 0);
	expect_broken(&rig, 0, "4 GiB");
}

/* ---- Who wants to hear of it ---- */

static void give_back(Rig *rig, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ring_push(&rig->ring, 0, 0);
}

static void test_flags(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	g_assert_false(ring_wants_interrupt(&rig.ring));
	give_back(&rig, 1);
	g_assert_true(ring_wants_interrupt(&rig.ring));
	g_assert_false(ring_wants_interrupt(&rig.ring));
	rig_set_avail_flags(&rig.queue, 1);
	give_back(&rig, 1);
	g_assert_false(ring_wants_interrupt(&rig.ring));
	ring_want_kicks(&rig.ring, false);
	g_assert_cmpuint(rig_used_flags(&rig.queue), ==, 1);
	ring_want_kicks(&rig.ring, true);
	g_assert_cmpuint(rig_used_flags(&rig.queue), ==, 0);
	rig_clear(&rig);
}

/* virtio 1.2, 2.7.7.2: when the entry that used_event names has been written. */
static void test_used_event(void)
{
	static const struct {
		uint16_t from, n, event;
		bool wanted;
	} rows[] = {
		{0, 1, 0, true},	 {0, 1, 1, false},	   {0, 3, 2, true},
		{0, 3, 3, false},	 {5, 1, 4, false}, /* passed before */
		{5, 2, 6, true},	 {65534, 4, 65533, false}, {65534, 4, 65534, true},
		{65534, 4, 65535, true}, {65534, 4, 0, true},	   {65534, 4, 1, true},
		{65534, 4, 2, false},	 {65535, 1, 65535, true},  {65535, 1, 0, false},
	};
	Rig rig;

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("row %u", i);
		rig_init(&rig, 4, true);
		rig.ring.next_used = rig.ring.notified_used = rows[i].from;
		rig_set_used_event(&rig.queue, rows[i].event);
		rig_set_avail_flags(&rig.queue, 1); /* is to be ignored */
		give_back(&rig, rows[i].n);
		g_assert_true(ring_wants_interrupt(&rig.ring) == rows[i].wanted);
		g_assert_false(ring_wants_interrupt(&rig.ring));
		rig_clear(&rig);
	}
}

/* A driver that polled for a whole turn of the index hears of the next entry. */
static void test_event_after_turn(void)
{
	Rig rig;

	rig_init(&rig, 4, true);
	rig_set_used_event(&rig.queue, 40000);
	for (unsigned i = 0; i < 65536 / 4; i++) {
		give_back(&rig, 4);
		g_assert_true(ring_wants_interrupt(&rig.ring) == (i == 40000 / 4));
	}
	rig_set_used_event(&rig.queue, 0);
	give_back(&rig, 1);
	g_assert_true(ring_wants_interrupt(&rig.ring));
	rig_clear(&rig);
}

static void test_avail_event(void)
{
	Rig rig;

	rig_init(&rig, 4, true);
	rig_desc(&rig.queue, 0, DATA, 1, 0, 0);
	for (unsigned i = 1; i <= 3; i++) {
		rig_offer(&rig.queue, 0);
		g_assert_true(ring_pop(&rig.ring, &rig.chain));
		ring_want_kicks(&rig.ring, true);
		g_assert_cmpuint(rig_avail_event(&rig.queue), ==, i);
	}
	ring_want_kicks(&rig.ring, false);
	g_assert_cmpuint(rig_used_flags(&rig.queue), ==, 0);
	rig_clear(&rig);
}

/* The driver is asked for a kick only when there is nothing. */
static void test_pop_or_wait(void)
{
	Rig rig;

	rig_init(&rig, 4, true);
	rig_desc(&rig.queue, 0, DATA, 1, 0, 0);
	for (unsigned i = 1; i <= 3; i++) {
		rig_offer(&rig.queue, 0);
		g_assert_true(ring_pop_or_wait(&rig.ring, &rig.chain));
		g_assert_cmpuint(rig_avail_event(&rig.queue), ==, i - 1);
		g_assert_false(ring_pop_or_wait(&rig.ring, &rig.chain));
		g_assert_cmpuint(rig_avail_event(&rig.queue), ==, i);
	}
	rig_clear(&rig);
}

/* ---- Bytes ---- */

/* Out: 3 and 5 bytes; in: 4 and 4. */
static void offer_parts(Rig *rig)
{
	rig_init(rig, 4, false);
	memcpy(rig_at(&rig->ram, DATA, 3), "abc", 3);
	memcpy(rig_at(&rig->ram, DATA + 0x100, 5), "defgh", 5);
	rig_desc(&rig->queue, 0, DATA, 3, RIG_NEXT, 1);
	rig_desc(&rig->queue, 1, DATA + 0x100, 5, RIG_NEXT, 2);
	rig_desc(&rig->queue, 2, DATA + 0x200, 4, RIG_NEXT | RIG_WRITE, 3);
	rig_desc(&rig->queue, 3, DATA + 0x300, 4, RIG_WRITE, 0);
	rig_offer(&rig->queue, 0);
	g_assert_true(ring_pop(&rig->ring, &rig->chain));
}

/* A driver that has one more just when it is asked for kicks: it saw that none were wanted. */
static bool offer_late(void *opaque, uint64_t gpa, uint64_t len G_GNUC_UNUSED, bool is_write)
{
	Rig *rig = opaque; /* it begins with its RAM */

	if (is_write && gpa == rig->queue.used && rig->queue.offered == 0)
		rig_offer(&rig->queue, 0);
	return false;
}

static void test_pop_between_looks(void)
{
	Rig rig;

	rig_init(&rig, 4, false);
	rig_desc(&rig.queue, 0, DATA, 1, 0, 0);
	ring_want_kicks(&rig.ring, false);
	Dma dma = {.at = rig.ram.dma.at, .has_break = offer_late, .opaque = &rig.ram};
	rig.ring.dma = &dma;
	g_assert_true(ring_pop_or_wait(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig_used_flags(&rig.queue), ==, 0);
	rig_clear(&rig);
}

static void test_read(void)
{
	Rig rig;
	char buf[16];

	offer_parts(&rig);
	g_assert_cmpuint(chain_read(&rig.chain, &rig.ram.dma, 0, buf, 16), ==, 8);
	g_assert_cmpmem(buf, 8, "abcdefgh", 8);
	g_assert_cmpuint(chain_read(&rig.chain, &rig.ram.dma, 2, buf, 3), ==, 3);
	g_assert_cmpmem(buf, 3, "cde", 3);
	g_assert_cmpuint(chain_read(&rig.chain, &rig.ram.dma, 3, buf, 2), ==, 2);
	g_assert_cmpmem(buf, 2, "de", 2);
	g_assert_cmpuint(chain_read(&rig.chain, &rig.ram.dma, 8, buf, 1), ==, 0);
	g_assert_cmpuint(chain_read(&rig.chain, &rig.ram.dma, UINT64_MAX, buf, 1), ==, 0);
	g_assert_cmpuint(rig.ram.reads, ==, 0);
	rig_clear(&rig);
}

static void test_write(void)
{
	Rig rig;

	offer_parts(&rig);
	g_assert_cmpuint(chain_write(&rig.chain, &rig.ram.dma, 3, "123456", 6), ==, 5);
	g_assert_cmpmem(rig_at(&rig.ram, DATA + 0x200, 5), 5, "\0\0\0001\0", 5);
	g_assert_cmpmem(rig_at(&rig.ram, DATA + 0x300, 5), 5, "2345\0", 5);
	g_assert_cmpuint(chain_write(&rig.chain, &rig.ram.dma, 8, "1", 1), ==, 0);
	rig_clear(&rig);
}

static void test_iov(void)
{
	Rig rig;
	struct iovec iov[4];

	offer_parts(&rig);
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, false, 0, 8, iov, 4), ==, 2);
	g_assert_true(iov[0].iov_base == rig_at(&rig.ram, DATA, 3) && iov[0].iov_len == 3);
	g_assert_true(iov[1].iov_base == rig_at(&rig.ram, DATA + 0x100, 5) && iov[1].iov_len == 5);
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, true, 5, 2, iov, 4), ==, 1);
	g_assert_true(iov[0].iov_base == rig_at(&rig.ram, DATA + 0x301, 2) && iov[0].iov_len == 2);
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, true, 4, 4, iov, 1), ==, 1);
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, true, 3, 2, iov, 2), ==, 2);
	/* Too many pieces; not so many bytes. */
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, true, 3, 2, iov, 1), ==, 0);
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, true, 0, 9, iov, 4), ==, 0);
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, true, 8, 1, iov, 4), ==, 0);
	rig_clear(&rig);
}

/* The breakpoint's patch is neither read nor overwritten. */
static void test_break(void)
{
	Rig rig;
	char buf[8];
	struct iovec iov[4];

	offer_parts(&rig);
	rig.ram.break_at = DATA + 1;
	rig.ram.under = 'B';
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, false, 0, 3, iov, 4), ==, 0);
	g_assert_cmpuint(chain_iov(&rig.chain, &rig.ram.dma, false, 2, 4, iov, 4), ==, 2);
	g_assert_cmpuint(chain_read(&rig.chain, &rig.ram.dma, 0, buf, 8), ==, 8);
	g_assert_cmpmem(buf, 8, "aBcdefgh", 8);
	g_assert_cmpuint(rig.ram.reads, ==, 1);
	rig.ram.break_at = DATA + 0x301;
	*(char *)rig_at(&rig.ram, DATA + 0x301, 1) = '!';
	g_assert_cmpuint(chain_write(&rig.chain, &rig.ram.dma, 0, "12345678", 8), ==, 8);
	g_assert_cmpmem(rig_at(&rig.ram, DATA + 0x300, 4), 4, "5!78", 4);
	g_assert_cmpint(rig.ram.under, ==, '6');
	g_assert_cmpuint(rig.ram.writes, ==, 1);
	rig_clear(&rig);
}

/* Even where one lies in the ring itself. */
static void test_break_in_ring(void)
{
	Rig rig;
	uint16_t head;
	uint32_t written;

	rig_init(&rig, 4, true);
	rig_desc(&rig.queue, 0, DATA, 9, 0, 0);
	rig_offer(&rig.queue, 0);
	rig.ram.break_at = rig.queue.avail + 2;
	rig.ram.under = 1;
	*(uint8_t *)rig_at(&rig.ram, rig.ram.break_at, 1) = 0xcc;
	g_assert_true(ring_pop(&rig.ring, &rig.chain));
	g_assert_cmpuint(rig.chain.out_len, ==, 9);
	rig.ram.break_at = rig.queue.used + 2;
	*(uint8_t *)rig_at(&rig.ram, rig.ram.break_at, 1) = 0xcc;
	ring_push(&rig.ring, 0, 3);
	g_assert_cmpuint(rig.ram.under, ==, 1);
	g_assert_cmpuint(rig_used_index(&rig.queue), ==, 0xcc);
	(void)rig_take(&rig.queue, &head, &written);
	g_assert_cmpuint(written, ==, 3);
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"set-up", test_set_up},
		{"unusable", test_unusable},
		{"chain", test_chain},
		{"unpop", test_unpop},
		{"push", test_push},
		{"indirect", test_indirect},
		{"indirect-longer-than-the-ring", test_long_indirect},
		{"wrap", test_wrap},
		{"hostile/loop", test_loop},
		{"whole-ring", test_whole_ring},
		{"hostile/huge-table", test_huge_table},
		{"hostile/numbers", test_numbers},
		{"hostile/addresses", test_addresses},
		{"hostile/indirect-in-indirect", test_indirect_in_indirect},
		{"hostile/odd-table", test_odd_table},
		{"hostile/order", test_order},
		{"hostile/index-jumps", test_index_jumps},
		{"empty-parts", test_empty_parts},
		{"four-gib", test_four_gib},
		{"flags", test_flags},
		{"used-event", test_used_event},
		{"event-after-a-turn", test_event_after_turn},
		{"avail-event", test_avail_event},
		{"pop-or-wait", test_pop_or_wait},
		{"pop-between-looks", test_pop_between_looks},
		{"read", test_read},
		{"write", test_write},
		{"iov", test_iov},
		{"break", test_break},
		{"break-in-the-ring", test_break_in_ring},
		{0},
	};

	return test_main(argc, argv, "hw-ring", cases);
}

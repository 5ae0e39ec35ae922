/*
 * tests/test-hw-virtio.c - hw/dev/virtio.h: the status, features, queues and configuration of a
 * device that echoes: what is in the out parts comes back in the in parts.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "hw/dev/virtio.h"
#include "tests/test-util.h"
#include "tests/virtio-rig.h"

#define QUEUE(i) (RIG_BASE + 0x1000 + 0x1000 * (i))
#define DATA (RIG_BASE + 0x10000)

#define ACKNOWLEDGED (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define READY (ACKNOWLEDGED | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)
#define FEATURE 3

typedef struct Rig {
	RigRam ram;
	RigQueue queue[2];
	VirtioHost host;
	Virtio *virtio;
	unsigned *freed;
	uint64_t features; /* as start() saw them */
	unsigned starts, resets, writes;

	GMutex lock; /* everything below */
	GCond changed;
	bool waits; /* work waits in the middle */
	unsigned works, queue_interrupts, config_interrupts;
	uint16_t vector;
} Rig;

/* ---- The device ---- */

static void on_start(void *self)
{
	Rig *rig = self;

	rig->starts++;
	rig->features = virtio_features(rig->virtio);
}

static void on_reset(void *self)
{
	Rig *rig = self;

	rig->resets++;
}

static void echo(Rig *rig, Ring *ring, unsigned queue)
{
	g_auto(RingChain) chain;
	uint8_t buf[64];

	ring_chain_init(&chain);
	while (ring_pop(ring, &chain)) {
		size_t n = chain_read(&chain, virtio_dma(rig->virtio), 0, buf, sizeof(buf));

		n = chain_write(&chain, virtio_dma(rig->virtio), 0, buf, n);
		ring_push(ring, chain.head, n);
	}
	virtio_notify(rig->virtio, queue);
}

static void on_work(void *self)
{
	Rig *rig = self;

	for (unsigned i = 0; i < 3; i++) {
		Ring *ring = virtio_ring(rig->virtio, i);

		if (ring != NULL)
			echo(rig, ring, i);
	}
	g_mutex_lock(&rig->lock);
	rig->works++;
	g_cond_broadcast(&rig->changed);
	while (rig->waits)
		g_cond_wait(&rig->changed, &rig->lock);
	g_mutex_unlock(&rig->lock);
}

static void on_written(void *self, size_t offset, size_t len)
{
	Rig *rig = self;

	rig->writes += 100 * offset + len;
}

static void on_free(void *self)
{
	Rig *rig = self;

	(*rig->freed)++;
}

static const VirtioKind kind = {
	.name = "virtio-echo",
	.id = 4711,
	.n_queues = 2,
	.queue_size = 16,
	.start = on_start,
	.reset = on_reset,
	.work = on_work,
	.config_written = on_written,
	.free = on_free,
};

/* ---- The transport ---- */

static void on_queue(void *opaque, uint16_t vector)
{
	Rig *rig = opaque;

	g_mutex_lock(&rig->lock);
	rig->queue_interrupts++;
	rig->vector = vector;
	g_cond_broadcast(&rig->changed);
	g_mutex_unlock(&rig->lock);
}

static void on_config(void *opaque, uint16_t vector)
{
	Rig *rig = opaque;

	g_mutex_lock(&rig->lock);
	rig->config_interrupts++;
	rig->vector = vector;
	g_cond_broadcast(&rig->changed);
	g_mutex_unlock(&rig->lock);
}

static void wait_for(Rig *rig, const unsigned *value, unsigned least)
{
	g_mutex_lock(&rig->lock);
	while (*value < least)
		g_cond_wait(&rig->changed, &rig->lock);
	g_mutex_unlock(&rig->lock);
}

static void rig_init_kind(Rig *rig, const VirtioKind *of)
{
	*rig = (Rig){.freed = g_new0(unsigned, 1)};
	VirtioBus bus = {on_queue, on_config, rig};

	rig_ram_init(&rig->ram);
	g_mutex_init(&rig->lock);
	g_cond_init(&rig->changed);
	rig->host.dma = &rig->ram.dma;
	rig->virtio = virtio_new(of, rig, 1 << FEATURE, "config", 6, &rig->host);
	virtio_attach(rig->virtio, &bus);
}

static void rig_init(Rig *rig)
{
	rig_init_kind(rig, &kind);
}

static void rig_clear(Rig *rig)
{
	virtio_free(rig->virtio);
	g_assert_cmpuint(*rig->freed, ==, 1);
	g_assert_cmpuint(rig->starts, ==, rig->resets);
	g_free(rig->freed);
	rig_ram_clear(&rig->ram);
	g_mutex_clear(&rig->lock);
	g_cond_clear(&rig->changed);
}

static uint8_t set_status(Rig *rig, uint8_t status)
{
	virtio_set_status(rig->virtio, status);
	return virtio_status(rig->virtio);
}

static void enable(Rig *rig, unsigned i, uint16_t vector)
{
	rig_queue_init(&rig->queue[i], &rig->ram, 8, QUEUE(i));
	VirtioQueue fields = {
		.size = 8,
		.vector = vector,
		.enabled = true,
		.desc = rig->queue[i].desc,
		.avail = rig->queue[i].avail,
		.used = rig->queue[i].used,
	};
	virtio_set_queue(rig->virtio, i, &fields);
}

static void accept(Rig *rig, uint64_t features)
{
	virtio_accept(rig->virtio, 0, (uint32_t)features);
	virtio_accept(rig->virtio, 1, features >> 32);
}

static void start(Rig *rig, uint64_t features)
{
	set_status(rig, ACKNOWLEDGED);
	accept(rig, features | 1ull << VIRTIO_F_VERSION_1);
	enable(rig, 0, 5);
	g_assert_cmphex(set_status(rig, ACKNOWLEDGED | VIRTIO_CONFIG_S_FEATURES_OK), ==,
			ACKNOWLEDGED | VIRTIO_CONFIG_S_FEATURES_OK);
	g_assert_cmphex(set_status(rig, READY), ==, READY);
}

/* Four bytes in, four back. */
static void offer_echo(Rig *rig, unsigned queue)
{
	memcpy(rig_at(&rig->ram, DATA, 4), "ping", 4);
	memset(rig_at(&rig->ram, DATA + 0x100, 4), 0, 4);
	rig_desc(&rig->queue[queue], 0, DATA, 4, RIG_NEXT, 1);
	rig_desc(&rig->queue[queue], 1, DATA + 0x100, 8, RIG_WRITE, 0);
	rig_offer(&rig->queue[queue], 0);
}

/* ---- Features ---- */

static void test_offered(void)
{
	Rig rig;

	rig_init(&rig);
	g_assert_cmphex(virtio_offered(rig.virtio), ==,
			1ull << VIRTIO_F_VERSION_1 | 1u << VIRTIO_RING_F_INDIRECT_DESC |
				1u << VIRTIO_RING_F_EVENT_IDX | 1u << FEATURE);
	g_assert_true(virtio_kind(rig.virtio) == &kind);
	rig_clear(&rig);
}

static void test_features(void)
{
	static const struct {
		uint64_t bits;
		bool fit;
	} rows[] = {
		{1ull << VIRTIO_F_VERSION_1, true},
		{1ull << VIRTIO_F_VERSION_1 | 1 << FEATURE, true},
		{1ull << VIRTIO_F_VERSION_1 | 1u << VIRTIO_RING_F_EVENT_IDX, true},
		{0, false},
		{1 << FEATURE, false},
		{1ull << VIRTIO_F_VERSION_1 | 1 << (FEATURE + 1), false},
		{1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_RING_PACKED, false},
		{1ull << VIRTIO_F_VERSION_1 | 1ull << 63, false},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		uint8_t wanted = ACKNOWLEDGED | VIRTIO_CONFIG_S_FEATURES_OK;
		Rig rig;

		g_test_message("row %u", i);
		rig_init(&rig);
		set_status(&rig, ACKNOWLEDGED);
		accept(&rig, rows[i].bits);
		g_assert_cmphex(virtio_accepted(rig.virtio, 0), ==, (uint32_t)rows[i].bits);
		g_assert_cmphex(virtio_accepted(rig.virtio, 1), ==, rows[i].bits >> 32);
		g_assert_cmphex(set_status(&rig, wanted), ==, rows[i].fit ? wanted : ACKNOWLEDGED);
		/* Nor does it start then. */
		g_assert_cmphex(set_status(&rig, READY), ==, rows[i].fit ? READY : ACKNOWLEDGED);
		g_assert_cmpuint(rig.starts, ==, rows[i].fit);
		g_assert_cmphex(rig.features, ==, rows[i].fit ? rows[i].bits : 0);
		rig_clear(&rig);
	}
}

/* What was settled stays until the reset; there are two words. */
static void test_settled(void)
{
	Rig rig;

	rig_init(&rig);
	start(&rig, 1 << FEATURE);
	accept(&rig, 0);
	g_assert_cmphex(virtio_accepted(rig.virtio, 0), ==, 1 << FEATURE);
	g_assert_cmphex(virtio_accepted(rig.virtio, 1), ==, 1);
	virtio_accept(rig.virtio, 2, 7);
	g_assert_cmphex(virtio_accepted(rig.virtio, 2), ==, 0);
	set_status(&rig, 0);
	g_assert_cmphex(virtio_accepted(rig.virtio, 0), ==, 0);
	g_assert_cmphex(virtio_accepted(rig.virtio, 1), ==, 0);
	rig_clear(&rig);
}

/* ---- Status ---- */

static void test_status(void)
{
	Rig rig;

	rig_init(&rig);
	g_assert_cmphex(virtio_status(rig.virtio), ==, 0);
	/* Nobody is ready who has no features. */
	g_assert_cmphex(set_status(&rig, VIRTIO_CONFIG_S_DRIVER_OK), ==, 0);
	g_assert_cmphex(set_status(&rig, VIRTIO_CONFIG_S_ACKNOWLEDGE), ==,
			VIRTIO_CONFIG_S_ACKNOWLEDGE);
	/* Bits do not go, and the device's own are not the driver's. */
	g_assert_cmphex(set_status(&rig, VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_NEEDS_RESET |
						 0x20 | 0x10),
			==, ACKNOWLEDGED);
	start(&rig, 0);
	set_status(&rig, READY);
	g_assert_cmpuint(rig.starts, ==, 1);
	g_assert_cmphex(set_status(&rig, VIRTIO_CONFIG_S_FAILED), ==,
			READY | VIRTIO_CONFIG_S_FAILED);
	g_assert_cmphex(set_status(&rig, 0), ==, 0);
	g_assert_cmpuint(rig.resets, ==, 1);
	set_status(&rig, 0);
	g_assert_cmpuint(rig.resets, ==, 1);
	start(&rig, 0);
	g_assert_cmpuint(rig.starts, ==, 2);
	rig_clear(&rig);
}

/* A device may have neither. */
static void test_bare_kind(void)
{
	VirtioKind bare = kind;
	Rig rig;

	bare.start = bare.reset = NULL;
	bare.config_written = NULL;
	rig_init_kind(&rig, &bare);
	start(&rig, 0);
	virtio_write_config(rig.virtio, 0, "x", 1);
	set_status(&rig, 0);
	rig_clear(&rig);
}

/* ---- Queues ---- */

static void test_queue_fields(void)
{
	VirtioQueue value = {.size = 4, .vector = 1, .desc = 0x10, .avail = 0x20, .used = 0x30};
	VirtioQueue got;
	Rig rig;

	rig_init(&rig);
	g_assert_true(virtio_get_queue(rig.virtio, 1, &got));
	g_assert_cmpuint(got.size, ==, 16);
	g_assert_cmphex(got.vector, ==, VIRTIO_NO_VECTOR);
	g_assert_false(got.enabled);
	g_assert_false(virtio_get_queue(rig.virtio, 2, &got));
	virtio_set_queue(rig.virtio, 2, &value);
	virtio_set_queue(rig.virtio, 1, &value);
	g_assert_true(virtio_get_queue(rig.virtio, 1, &got));
	g_assert_cmpmem(&got, sizeof(got), &value, sizeof(value));
	value.enabled = true;
	virtio_set_queue(rig.virtio, 1, &value);
	/* From now on the vector alone. */
	value.enabled = false;
	value.size = 8;
	value.vector = 2;
	value.desc = value.avail = value.used = 0x40;
	virtio_set_queue(rig.virtio, 1, &value);
	g_assert_true(virtio_get_queue(rig.virtio, 1, &got));
	g_assert_cmpuint(got.size, ==, 4);
	g_assert_cmpuint(got.vector, ==, 2);
	g_assert_cmphex(got.desc, ==, 0x10);
	g_assert_true(got.enabled);
	set_status(&rig, 0);
	g_assert_true(virtio_get_queue(rig.virtio, 1, &got));
	g_assert_cmpuint(got.size, ==, 16);
	g_assert_cmphex(got.vector, ==, VIRTIO_NO_VECTOR);
	g_assert_cmphex(got.desc, ==, 0);
	g_assert_false(got.enabled);
	rig_clear(&rig);
}

/* A size that none may have leaves it as it was. */
static void test_queue_sizes(void)
{
	static const uint16_t sizes[] = {0, 3, 32, 0xffff};
	VirtioQueue got;
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
		VirtioQueue value = {.size = sizes[i]};

		virtio_set_queue(rig.virtio, 0, &value);
		virtio_get_queue(rig.virtio, 0, &got);
		g_assert_cmpuint(got.size, ==, 16);
	}
	rig_clear(&rig);
}

static void test_late_queue(void)
{
	VirtioQueue got;
	Rig rig;

	rig_init(&rig);
	start(&rig, 0);
	enable(&rig, 1, 0);
	virtio_get_queue(rig.virtio, 1, &got);
	g_assert_false(got.enabled);
	rig_clear(&rig);
}

static void test_echo(void)
{
	uint16_t head;
	uint32_t written;
	Rig rig;

	rig_init(&rig);
	start(&rig, 0);
	offer_echo(&rig, 0);
	virtio_kick(rig.virtio);
	wait_for(&rig, &rig.queue_interrupts, 1);
	g_assert_cmpuint(rig.vector, ==, 5);
	g_assert_true(rig_take(&rig.queue[0], &head, &written));
	g_assert_cmpuint(written, ==, 4);
	g_assert_cmpmem(rig_at(&rig.ram, DATA + 0x100, 4), 4, "ping", 4);
	rig_clear(&rig);
}

/* What the driver put there before it was ready needs no kick. */
static void test_filled_before(void)
{
	Rig rig;

	rig_init(&rig);
	set_status(&rig, ACKNOWLEDGED);
	accept(&rig, 1ull << VIRTIO_F_VERSION_1);
	set_status(&rig, ACKNOWLEDGED | VIRTIO_CONFIG_S_FEATURES_OK);
	enable(&rig, 1, 3);
	offer_echo(&rig, 1);
	virtio_kick(rig.virtio);
	set_status(&rig, READY);
	wait_for(&rig, &rig.queue_interrupts, 1);
	g_assert_cmpuint(rig.vector, ==, 3);
	rig_clear(&rig);
}

/* A driver that is not ready is not served. */
static void test_not_ready(void)
{
	Rig rig;

	rig_init(&rig);
	set_status(&rig, ACKNOWLEDGED);
	enable(&rig, 0, 3);
	offer_echo(&rig, 0);
	virtio_kick(rig.virtio);
	worker_hold(virtio_worker(rig.virtio));
	worker_go(virtio_worker(rig.virtio));
	rig_clear(&rig);
	g_assert_cmpuint(rig.works, ==, 0);
}

/* With the event index the driver says which entry it waits for. */
static void test_event_index(void)
{
	Rig rig;

	rig_init(&rig);
	start(&rig, 1u << VIRTIO_RING_F_EVENT_IDX);
	wait_for(&rig, &rig.works, 1);
	rig_set_used_event(&rig.queue[0], 1);
	offer_echo(&rig, 0);
	virtio_kick(rig.virtio);
	wait_for(&rig, &rig.works, 2);
	g_assert_cmpuint(rig.queue_interrupts, ==, 0);
	offer_echo(&rig, 0);
	virtio_kick(rig.virtio);
	wait_for(&rig, &rig.queue_interrupts, 1);
	rig_clear(&rig);
}

static void test_bad_queue(void)
{
	VirtioQueue fields = {
		.size = 8, .enabled = true, .desc = 0x10, .avail = 0x20, .used = 0x30};
	Rig rig;

	rig_init(&rig);
	set_status(&rig, ACKNOWLEDGED);
	accept(&rig, 1ull << VIRTIO_F_VERSION_1);
	virtio_set_queue(rig.virtio, 0, &fields);
	virtio_set_config_vector(rig.virtio, 6);
	g_assert_cmpuint(virtio_config_vector(rig.virtio), ==, 6);
	g_assert_cmphex(set_status(&rig, READY), ==, READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	g_assert_cmpuint(rig.config_interrupts, ==, 1);
	g_assert_cmpuint(rig.vector, ==, 6);
	g_assert_null(virtio_ring(rig.virtio, 0));
	g_assert_cmpuint(rig.starts, ==, 0);
	/* It can be had again. */
	set_status(&rig, 0);
	g_assert_cmpuint(virtio_config_vector(rig.virtio), ==, VIRTIO_NO_VECTOR);
	start(&rig, 0);
	g_assert_nonnull(virtio_ring(rig.virtio, 0));
	g_assert_null(virtio_ring(rig.virtio, 1));
	rig_clear(&rig);
}

/* A ring that breaks while the device works needs a reset, and then all is well. */
static void test_broken_ring(void)
{
	Rig rig;

	rig_init(&rig);
	start(&rig, 0);
	rig_desc(&rig.queue[0], 0, 0, 4, 0, 0);
	rig_offer(&rig.queue[0], 0);
	virtio_kick(rig.virtio);
	wait_for(&rig, &rig.config_interrupts, 1);
	g_assert_cmphex(virtio_status(rig.virtio), ==, READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	set_status(&rig, 0);
	start(&rig, 0);
	offer_echo(&rig, 0);
	virtio_kick(rig.virtio);
	wait_for(&rig, &rig.queue_interrupts, 1);
	rig_clear(&rig);
}

/* ---- Reset ---- */

static gpointer do_reset(gpointer data)
{
	Rig *rig = data;

	virtio_set_status(rig->virtio, 0);
	return NULL;
}

/* It returns when nothing is in flight any more. */
static void test_reset_waits(void)
{
	Rig rig;

	rig_init(&rig);
	start(&rig, 0);
	wait_for(&rig, &rig.works, 1);
	g_mutex_lock(&rig.lock);
	rig.waits = true;
	g_mutex_unlock(&rig.lock);
	virtio_kick(rig.virtio);
	wait_for(&rig, &rig.works, 2);
	GThread *thread = g_thread_new("reset", do_reset, &rig);
	g_assert_cmphex(virtio_status(rig.virtio), ==, READY);
	g_mutex_lock(&rig.lock);
	rig.waits = false;
	g_cond_broadcast(&rig.changed);
	g_mutex_unlock(&rig.lock);
	g_thread_join(thread);
	g_assert_cmpuint(rig.resets, ==, 1);
	g_assert_cmphex(virtio_status(rig.virtio), ==, 0);
	g_assert_null(virtio_ring(rig.virtio, 0));
	rig_clear(&rig);
}

static gpointer reset_and_start(gpointer data)
{
	Rig *rig = data;

	for (unsigned i = 0; i < 50; i++) {
		virtio_set_status(rig->virtio, 0);
		virtio_set_status(rig->virtio, ACKNOWLEDGED);
		virtio_accept(rig->virtio, 1, 1);
		virtio_set_status(rig->virtio, READY);
		virtio_kick(rig->virtio);
	}
	return NULL;
}

/* Two vCPUs that do it at the same time: each start has its reset. */
static void test_reset_by_two(void)
{
	Rig rig;

	rig_init(&rig);
	GThread *other = g_thread_new("reset", reset_and_start, &rig);
	reset_and_start(&rig);
	g_thread_join(other);
	rig_clear(&rig);
}

/* ---- The configuration ---- */

static void test_config(void)
{
	char buf[8];
	Rig rig;

	rig_init(&rig);
	g_assert_cmpuint(virtio_config_size(rig.virtio), ==, 6);
	virtio_read_config(rig.virtio, 2, buf, 3);
	g_assert_cmpmem(buf, 3, "nfi", 3);
	/* Behind its end there are zeros, and nothing can be written. */
	virtio_read_config(rig.virtio, 4, buf, 8);
	g_assert_cmpmem(buf, 8, "ig\0\0\0\0\0\0", 8);
	virtio_read_config(rig.virtio, SIZE_MAX, buf, 1);
	g_assert_cmpmem(buf, 1, "\0", 1);
	virtio_write_config(rig.virtio, 1, "xy", 2);
	g_assert_cmpuint(rig.writes, ==, 102);
	virtio_write_config(rig.virtio, 5, "zzzz", 4);
	g_assert_cmpuint(rig.writes, ==, 102 + 501);
	virtio_write_config(rig.virtio, 6, "z", 1);
	virtio_write_config(rig.virtio, SIZE_MAX, "z", 1);
	g_assert_cmpuint(rig.writes, ==, 102 + 501);
	virtio_read_config(rig.virtio, 0, buf, 6);
	g_assert_cmpmem(buf, 6, "cxyfiz", 6);
	rig_clear(&rig);
}

static void test_read_only_config(void)
{
	VirtioKind fixed = kind;
	char byte;
	Rig rig;

	fixed.config_written = NULL;
	rig_init_kind(&rig, &fixed);
	virtio_write_config(rig.virtio, 0, "x", 1);
	virtio_read_config(rig.virtio, 0, &byte, 1);
	g_assert_cmpint(byte, ==, 'c');
	rig_clear(&rig);
}

/* A driver that reads in between sees another generation; one that is ready is told. */
static void test_generation(void)
{
	char buf[6];
	Rig rig;

	rig_init(&rig);
	uint8_t generation = virtio_generation(rig.virtio);
	g_assert_cmpuint(virtio_generation(rig.virtio), ==, generation);
	virtio_set_config(rig.virtio, 3, "FIG", 3);
	g_assert_cmpuint(virtio_generation(rig.virtio), !=, generation);
	g_assert_cmpuint(rig.config_interrupts, ==, 0);
	virtio_read_config(rig.virtio, 0, buf, 6);
	g_assert_cmpmem(buf, 6, "conFIG", 6);
	start(&rig, 0);
	virtio_set_config_vector(rig.virtio, 9);
	virtio_set_config(rig.virtio, 0, "C", 1);
	g_assert_cmpuint(rig.config_interrupts, ==, 1);
	g_assert_cmpuint(rig.vector, ==, 9);
	rig_clear(&rig);
}

/* ---- Failing, and what people see ---- */

static void expect_text(Rig *rig, const char *expected)
{
	g_autofree char *text = virtio_describe(rig->virtio);

	g_assert_cmpstr(text, ==, expected);
}

static void test_fail(void)
{
	Rig rig;

	rig_init(&rig);
	expect_text(&rig, "virtio-echo, no driver, 0 queues");
	set_status(&rig, ACKNOWLEDGED);
	expect_text(&rig, "virtio-echo, driver starting, 0 queues");
	start(&rig, 0);
	virtio_set_detail(rig.virtio, "old");
	virtio_set_detail(rig.virtio, "a thing");
	expect_text(&rig, "virtio-echo, driver ready, 1 queue, a thing");
	virtio_fail(rig.virtio, "a test says so");
	virtio_fail(rig.virtio, "a test says so twice");
	g_assert_cmphex(virtio_status(rig.virtio), ==, READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	g_assert_cmpuint(rig.config_interrupts, ==, 1);
	expect_text(&rig, "virtio-echo, needs a reset, 1 queue, a thing");
	/* The driver cannot take it back but by a reset. */
	g_assert_cmphex(set_status(&rig, READY), ==, READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	set_status(&rig, 0);
	start(&rig, 0);
	set_status(&rig, VIRTIO_CONFIG_S_FAILED);
	expect_text(&rig, "virtio-echo, driver failed, 1 queue, a thing");
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"offered", test_offered},
		{"features", test_features},
		{"settled", test_settled},
		{"status", test_status},
		{"bare-kind", test_bare_kind},
		{"queue-fields", test_queue_fields},
		{"queue-sizes", test_queue_sizes},
		{"late-queue", test_late_queue},
		{"echo", test_echo},
		{"filled-before", test_filled_before},
		{"not-ready", test_not_ready},
		{"event-index", test_event_index},
		{"bad-queue", test_bad_queue},
		{"broken-ring", test_broken_ring},
		{"reset-waits", test_reset_waits},
		{"reset-by-two", test_reset_by_two},
		{"config", test_config},
		{"read-only-config", test_read_only_config},
		{"generation", test_generation},
		{"fail", test_fail},
		{0},
	};

	return test_main(argc, argv, "hw-virtio", cases);
}

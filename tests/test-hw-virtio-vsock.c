/*
 * tests/test-hw-virtio-vsock.c - hw/dev/virtio-vsock.h and hw/dev/driver-ring.h: packets between
 * the guest's queues and a carrier, which the test plays by hw/dev/ring.h; and hw/vsock.h, as far
 * as this host goes.
 */
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hw/dev/virtio-vsock.h"
#include "hw/vsock.h"
#include "tests/test-util.h"
#include "tests/virtio-driver.h"

#define RX VIRTIO_VSOCK_RX
#define TX VIRTIO_VSOCK_TX
#define CID 0x01020304
#define SEQPACKET 2 /* the feature */

#define HEAD 44
#define LEN_AT 24 /* of the payload's length in a head */
#define MAX_PACKET (HEAD + 0x10000)
#define SLOT_SIZE 0x1000

typedef struct Rig {
	RigDriver driver;
	VsockCarrier carrier;
	const VsockRings *rings; /* the carrier's, while it works */
	uint64_t features;
	Dma dma;
	Ring ring[VIRTIO_VSOCK_QUEUES];
	RingChain chain; /* the carrier's last */
	bool refuses;
	unsigned starts, stops, freed;
	GMutex lock; /* of the next */
	GCond kicked;
	unsigned kicks[VIRTIO_VSOCK_QUEUES];
} Rig;

/* ---- The carrier ---- */

static void *at(void *opaque, uint64_t gpa, uint64_t len)
{
	const VsockRings *rings = ((Rig *)opaque)->rings;
	uint64_t first = (uintptr_t)rings->memory;

	g_assert_true(gpa >= first && len <= rings->size && gpa - first <= rings->size - len);
	return (void *)(uintptr_t)gpa;
}

static bool on_start(void *opaque, uint64_t features, const VsockRings *rings, GError **error)
{
	Rig *rig = opaque;

	rig->starts++;
	rig->features = features;
	rig->rings = rings;
	for (unsigned i = 0; i < VIRTIO_VSOCK_QUEUES; i++) {
		const DriverRing *ring = &rings->ring[i];

		g_assert_true(ring_set_up(&rig->ring[i], &rig->dma, DRIVER_RING_SLOTS,
					  (uintptr_t)ring->desc, (uintptr_t)ring->avail,
					  (uintptr_t)ring->used, false));
		g_assert_true(ring_is_empty(&rig->ring[i]));
	}
	if (rig->refuses)
		g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "it does not want to");
	return !rig->refuses;
}

static void on_stop(void *opaque)
{
	((Rig *)opaque)->stops++;
}

static void on_kick(void *opaque, unsigned queue)
{
	Rig *rig = opaque;

	g_mutex_lock(&rig->lock);
	rig->kicks[queue]++;
	g_cond_broadcast(&rig->kicked);
	g_mutex_unlock(&rig->lock);
}

static void on_free(void *opaque)
{
	((Rig *)opaque)->freed++;
}

/* The next that the device offers, in rig->chain. */
static void carrier_takes(Rig *rig, unsigned queue)
{
	g_mutex_lock(&rig->lock);
	while (!ring_pop(&rig->ring[queue], &rig->chain)) {
		g_assert_null(rig->ring[queue].broken);
		g_cond_wait(&rig->kicked, &rig->lock);
	}
	g_mutex_unlock(&rig->lock);
}

static void carrier_is_done(Rig *rig, unsigned queue, uint32_t written)
{
	ring_push(&rig->ring[queue], rig->chain.head, written);
	eventfd_write(rig->rings->call_fd, 1);
}

/* ---- Both ends ---- */

static void rig_make(Rig *rig)
{
	*rig = (Rig){0};
	rig->dma = (Dma){.at = at, .opaque = rig};
	rig->carrier = (VsockCarrier){SEQPACKET, on_start, on_stop, on_kick, on_free, rig};
	ring_chain_init(&rig->chain);
	g_mutex_init(&rig->lock);
	g_cond_init(&rig->kicked);
	rig_driver_init(&rig->driver);
}

static void rig_start(Rig *rig)
{
	rig_driver_start(&rig->driver, virtio_vsock_new(CID, &rig->carrier, &rig->driver.host),
			 SEQPACKET);
}

static void rig_init(Rig *rig)
{
	rig_make(rig);
	rig_start(rig);
}

static void rig_clear(Rig *rig)
{
	rig_driver_clear(&rig->driver);
	g_assert_cmpuint(rig->stops, ==, rig->starts);
	g_assert_cmpuint(rig->freed, ==, 1);
	ring_chain_clear(&rig->chain);
	g_mutex_clear(&rig->lock);
	g_cond_clear(&rig->kicked);
}

static uint64_t slot_at(unsigned queue, unsigned slot)
{
	return DRIVER_DATA + SLOT_SIZE * (queue * DRIVER_QUEUE_SIZE + slot);
}

static uint8_t *slot_bytes(Rig *rig, unsigned queue, unsigned slot)
{
	return rig_at(&rig->driver.ram, slot_at(queue, slot), SLOT_SIZE);
}

/* A packet with @len bytes of payload, all of which depends on @seed. */
static void fill(uint8_t *packet, uint32_t len, unsigned seed)
{
	for (unsigned i = 0; i < HEAD + len; i++)
		packet[i] = (i + seed) * 7 & 0xff;
	memcpy(packet + LEN_AT, &len, sizeof(len));
}

static void guest_offers(Rig *rig, unsigned slot, uint32_t len)
{
	memset(slot_bytes(rig, RX, slot), 0xee, SLOT_SIZE);
	rig_desc(&rig->driver.queue[RX], slot, slot_at(RX, slot), len, RIG_WRITE, 0);
	rig_driver_offer(&rig->driver, RX, slot);
}

static void guest_sends(Rig *rig, unsigned slot, uint32_t len, unsigned seed)
{
	fill(slot_bytes(rig, TX, slot), len, seed);
	rig_desc(&rig->driver.queue[TX], slot, slot_at(TX, slot), HEAD + len, 0, 0);
	rig_driver_offer(&rig->driver, TX, slot);
}

static void check_sent(Rig *rig, unsigned slot)
{
	uint32_t written;

	g_assert_cmpuint(rig_driver_wait(&rig->driver, TX, &written), ==, slot);
	g_assert_cmpuint(written, ==, 0);
}

/* It does not give the packet back. */
static void check_carrier_gets(Rig *rig, uint32_t len, unsigned seed)
{
	g_autofree uint8_t *want = g_malloc(HEAD + len), *got = g_malloc(HEAD + len);

	fill(want, len, seed);
	carrier_takes(rig, TX);
	g_assert_cmpuint(rig->chain.in_len, ==, 0);
	g_assert_cmpuint(rig->chain.out_len, ==, HEAD + len);
	g_assert_cmpuint(chain_read(&rig->chain, &rig->dma, 0, got, HEAD + len), ==, HEAD + len);
	g_assert_cmpmem(got, HEAD + len, want, HEAD + len);
}

static void carrier_sends(Rig *rig, uint32_t len, unsigned seed)
{
	g_autofree uint8_t *packet = g_malloc(HEAD + len);

	fill(packet, len, seed);
	carrier_takes(rig, RX);
	g_assert_cmpuint(rig->chain.out_len, ==, 0);
	g_assert_cmpuint(chain_write(&rig->chain, &rig->dma, 0, packet, HEAD + len), ==,
			 HEAD + len);
	carrier_is_done(rig, RX, HEAD + len);
}

static void check_guest_gets(Rig *rig, unsigned slot, uint32_t len, unsigned seed)
{
	g_autofree uint8_t *want = g_malloc(HEAD + len);
	const uint8_t *got = slot_bytes(rig, RX, slot);
	uint32_t written;

	fill(want, len, seed);
	g_assert_cmpuint(rig_driver_wait(&rig->driver, RX, &written), ==, slot);
	g_assert_cmpuint(written, ==, HEAD + len);
	g_assert_cmpmem(got, HEAD + len, want, HEAD + len);
	g_assert_cmphex(got[HEAD + len], ==, 0xee);
}

static void check_works(Rig *rig, unsigned seed)
{
	guest_sends(rig, seed % 16, 100 + seed, seed);
	check_carrier_gets(rig, 100 + seed, seed);
	carrier_is_done(rig, TX, 0);
	check_sent(rig, seed % 16);
	guest_offers(rig, seed % 16, 2000);
	carrier_sends(rig, 200 + seed, seed);
	check_guest_gets(rig, seed % 16, 200 + seed, seed);
}

/* ---- Tests ---- */

static void test_config(void)
{
	const uint8_t want[8] = {4, 3, 2, 1};
	uint8_t config[8];
	Rig rig;

	rig_init(&rig);
	g_assert_cmpuint(virtio_kind(rig.driver.virtio)->id, ==, 19);
	g_assert_cmpuint(virtio_kind(rig.driver.virtio)->n_queues, ==, 3);
	g_assert_cmphex(virtio_offered(rig.driver.virtio) & 0xffffff, ==, SEQPACKET);
	g_assert_cmpuint(virtio_config_size(rig.driver.virtio), ==, sizeof(want));
	virtio_read_config(rig.driver.virtio, 0, config, sizeof(config));
	g_assert_cmpmem(config, sizeof(config), want, sizeof(want));
	/* The transport's bits are not the carrier's. */
	g_assert_cmphex(rig.features, ==, SEQPACKET);
	rig_clear(&rig);
}

/* More than any ring has slots. */
static void test_both_ways(void)
{
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < 2 * DRIVER_RING_SLOTS + 3; i++)
		check_works(&rig, i);
	g_assert_cmpuint(rig.starts, ==, 1);
	rig_clear(&rig);
}

/* The carrier sees how long the guest's buffer is, and no more than a packet can have. */
static void test_lengths(void)
{
	static const uint32_t lens[][2] = {
		{HEAD, HEAD}, {100, 100}, {MAX_PACKET, MAX_PACKET}, {0x20000, MAX_PACKET}};
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < G_N_ELEMENTS(lens); i++) {
		guest_offers(&rig, i, lens[i][0]);
		carrier_takes(&rig, RX);
		g_assert_cmpuint(rig.chain.in_len, ==, lens[i][1]);
	}
	rig_clear(&rig);
}

/* Most packets that make and end a connection are nothing but a head. */
static void test_heads(void)
{
	Rig rig;

	rig_init(&rig);
	guest_sends(&rig, 0, 0, 4);
	check_carrier_gets(&rig, 0, 4);
	check_sent(&rig, 0);
	guest_offers(&rig, 0, HEAD);
	carrier_sends(&rig, 0, 5);
	check_guest_gets(&rig, 0, 0, 5);
	rig_clear(&rig);
}

/* A carrier that says too much is not believed. */
static void test_too_much(void)
{
	uint32_t written;
	Rig rig;

	rig_init(&rig);
	guest_offers(&rig, 0, 100);
	carrier_takes(&rig, RX);
	carrier_is_done(&rig, RX, 101);
	g_assert_cmpuint(rig_driver_wait(&rig.driver, RX, &written), ==, 0);
	g_assert_cmpuint(written, ==, 100);
	g_assert_cmphex(slot_bytes(&rig, RX, 0)[100], ==, 0xee);
	rig_clear(&rig);
}

/* What the carrier has not given back fills its queue, and then the guest's packets wait. */
static void test_carrier_is_slow(void)
{
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < DRIVER_RING_SLOTS; i++) {
		guest_sends(&rig, i % 16, 10, i);
		check_sent(&rig, i % 16);
	}
	guest_sends(&rig, 5, 10, 999);
	/* The queue was looked at when a packet has gone the other way. */
	guest_offers(&rig, 0, 100);
	carrier_sends(&rig, 20, 1);
	check_guest_gets(&rig, 0, 20, 1);
	g_assert_true(rig_driver_is_quiet(&rig.driver, TX));
	for (unsigned i = 0; i < DRIVER_RING_SLOTS; i++) {
		check_carrier_gets(&rig, 10, i);
		carrier_is_done(&rig, TX, 0);
	}
	check_sent(&rig, 5);
	check_carrier_gets(&rig, 10, 999);
	rig_clear(&rig);
}

/* ---- A hostile guest ---- */

static void test_no_packets(void)
{
	const uint32_t huge = 0x10001;
	RigQueue *queue;
	Rig rig;

	rig_init(&rig);
	queue = &rig.driver.queue[TX];
	/* Less than a head, nothing, more than is there, and more than is allowed. */
	fill(slot_bytes(&rig, TX, 0), 10, 0);
	rig_desc(queue, 0, slot_at(TX, 0), HEAD - 1, 0, 0);
	rig_desc(queue, 1, slot_at(TX, 0), 0, 0, 0);
	rig_desc(queue, 2, slot_at(TX, 0), HEAD + 9, 0, 0);
	memcpy(rig_at(&rig.driver.ram, DRIVER_DATA + LEN_AT, 4), &huge, 4);
	rig_desc(queue, 3, DRIVER_DATA, HEAD + huge, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		rig_driver_offer(&rig.driver, TX, i);
		check_sent(&rig, i);
	}
	check_works(&rig, 1);
	rig_clear(&rig);
}

/* The longest that may be; and bytes behind a packet are not carried. */
static void test_long_packets(void)
{
	RigQueue *queue;
	Rig rig;

	rig_init(&rig);
	queue = &rig.driver.queue[TX];
	fill(rig_at(&rig.driver.ram, DRIVER_DATA, MAX_PACKET), 0x10000, 3);
	rig_desc(queue, 0, DRIVER_DATA, MAX_PACKET + 100, 0, 0);
	rig_driver_offer(&rig.driver, TX, 0);
	check_carrier_gets(&rig, 0x10000, 3);
	check_sent(&rig, 0);
	rig_clear(&rig);
}

static void wait_for_failure(Rig *rig)
{
	g_mutex_lock(&rig->driver.lock);
	while (rig->driver.config_interrupts == 0)
		g_cond_wait(&rig->driver.changed, &rig->driver.lock);
	g_mutex_unlock(&rig->driver.lock);
	g_assert_cmphex(virtio_status(rig->driver.virtio) & VIRTIO_CONFIG_S_NEEDS_RESET, !=, 0);
}

static void test_short_buffer(void)
{
	Rig rig;

	rig_init(&rig);
	guest_offers(&rig, 0, HEAD - 1);
	wait_for_failure(&rig);
	rig_driver_restart(&rig.driver, SEQPACKET);
	check_works(&rig, 1);
	rig_clear(&rig);
}

/* ---- Resets, stops, breakpoints ---- */

/* What was in flight is forgotten, and the carrier's queues are empty again. */
static void test_reset(void)
{
	Rig rig;

	rig_init(&rig);
	check_works(&rig, 1);
	guest_offers(&rig, 0, 100);
	guest_sends(&rig, 0, 100, 0);
	check_sent(&rig, 0);
	rig_driver_restart(&rig.driver, 0);
	g_assert_cmpuint(rig.starts, ==, 2);
	g_assert_cmpuint(rig.stops, ==, 1);
	g_assert_cmphex(rig.features, ==, 0);
	for (unsigned i = 0; i < 3; i++)
		check_works(&rig, i);
	rig_clear(&rig);
}

static void test_no_start(void)
{
	Rig rig;

	rig_make(&rig);
	rig.refuses = true;
	rig_start(&rig);
	wait_for_failure(&rig);
	rig.refuses = false;
	rig_driver_restart(&rig.driver, SEQPACKET);
	check_works(&rig, 1);
	rig_clear(&rig);
}

/* The carrier writes; the guest's memory gets nothing of it before the machine goes on. */
static void test_stopped(void)
{
	Rig rig;

	rig_init(&rig);
	check_works(&rig, 1);
	guest_offers(&rig, 0, 100);
	carrier_takes(&rig, RX);
	ring_unpop(&rig.ring[RX]);
	rig_driver_stop(&rig.driver);
	carrier_sends(&rig, 20, 2);
	guest_sends(&rig, 1, 30, 3);
	rig_driver_wait_refused(&rig.driver);
	g_assert_true(rig_driver_is_quiet(&rig.driver, RX));
	g_assert_true(rig_driver_is_quiet(&rig.driver, TX));
	for (unsigned i = 0; i < 100; i++)
		g_assert_cmphex(slot_bytes(&rig, RX, 0)[i], ==, 0xee);
	g_assert_true(ring_is_empty(&rig.ring[TX]));
	rig_driver_go(&rig.driver);
	check_guest_gets(&rig, 0, 20, 2);
	check_carrier_gets(&rig, 30, 3);
	check_sent(&rig, 1);
	rig_clear(&rig);
}

static void set_break(Rig *rig, uint64_t gpa, uint8_t under)
{
	rig_driver_stop(&rig->driver);
	rig->driver.ram.break_at = gpa;
	rig->driver.ram.under = under;
	rig_driver_go(&rig->driver);
}

/* The patch stays, and under it is what was sent. */
static void test_breakpoint_rx(void)
{
	uint8_t packet[HEAD + 50];
	uint32_t written;
	Rig rig;

	rig_init(&rig);
	fill(packet, 50, 7);
	guest_offers(&rig, 0, 200);
	set_break(&rig, slot_at(RX, 0) + HEAD + 3, 0x11);
	carrier_sends(&rig, 50, 7);
	g_assert_cmpuint(rig_driver_wait(&rig.driver, RX, &written), ==, 0);
	g_assert_cmpuint(written, ==, HEAD + 50);
	g_assert_cmphex(slot_bytes(&rig, RX, 0)[HEAD + 3], ==, 0xee);
	g_assert_cmphex(slot_bytes(&rig, RX, 0)[HEAD + 4], ==, packet[HEAD + 4]);
	g_assert_cmphex(rig.driver.ram.under, ==, packet[HEAD + 3]);
	rig_clear(&rig);
}

/* What the guest sends has its own byte. */
static void test_breakpoint_tx(void)
{
	uint8_t *bytes;
	Rig rig;

	rig_init(&rig);
	bytes = slot_bytes(&rig, TX, 0);
	fill(bytes, 50, 7);
	set_break(&rig, slot_at(TX, 0) + HEAD + 3, bytes[HEAD + 3]);
	bytes[HEAD + 3] = 0xcc;
	rig_desc(&rig.driver.queue[TX], 0, slot_at(TX, 0), HEAD + 50, 0, 0);
	rig_driver_offer(&rig.driver, TX, 0);
	check_carrier_gets(&rig, 50, 7);
	check_sent(&rig, 0);
	rig_clear(&rig);
}

/* ---- The host's vhost ---- */

/* Twice the same CID, or the message of a host that has none. */
static void test_vhost(void)
{
	g_autoptr(GError) error = NULL;
	RigDriver driver;

	rig_driver_init(&driver);
	Virtio *first = vm_vsock_device(0x7ffffff0, &driver.host, &error);
	if (access("/dev/vhost-vsock", R_OK | W_OK) == 0) {
		g_assert_no_error(error);
		g_assert_null(vm_vsock_device(0x7ffffff0, &driver.host, &error));
		g_assert_cmpstr(error->message, ==,
				"--vsock 2147483632: another guest of this host has this CID");
		rig_driver_start(&driver, first, 0);
		g_assert_cmphex(virtio_status(first) & VIRTIO_CONFIG_S_NEEDS_RESET, ==, 0);
	} else {
		g_assert_null(first);
		g_assert_true(g_str_has_prefix(
			error->message, "--vsock 2147483632: cannot open /dev/vhost-vsock: "));
		g_assert_true(strstr(error->message, "modprobe vhost_vsock") != NULL ||
			      strstr(error->message, "group kvm") != NULL);
	}
	rig_driver_clear(&driver);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"config", test_config},
		{"both-ways", test_both_ways},
		{"lengths", test_lengths},
		{"heads", test_heads},
		{"too-much", test_too_much},
		{"carrier-is-slow", test_carrier_is_slow},
		{"guest/no-packets", test_no_packets},
		{"guest/long-packets", test_long_packets},
		{"guest/short-buffer", test_short_buffer},
		{"reset", test_reset},
		{"no-start", test_no_start},
		{"stopped", test_stopped},
		{"breakpoint/rx", test_breakpoint_rx},
		{"breakpoint/tx", test_breakpoint_tx},
		{"vhost", test_vhost},
		{0},
	};

	return test_main(argc, argv, "hw-virtio-vsock", cases);
}

/*
 * tests/test-hw-net.c - hw/dev/virtio-net.h: frames between the guest's queues and a stream, or
 * something that is read and written frame by frame, as a tap device is.
 */
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hw/dev/virtio-net.h"
#include "tests/test-util.h"
#include "tests/virtio-driver.h"

enum { RX, TX };

#define HEADER 12
#define ROOM 1526 /* what Linux gives a frame, and its header */
#define SLOT_SIZE 0x4000

static const uint8_t mac[6] = {2, 3, 4, 5, 6, 7};

typedef struct Rig {
	RigDriver driver;
	int far;
	unsigned freed;
	bool closed; /* @far is */
} Rig;

static char *on_last_words(void *opaque G_GNUC_UNUSED)
{
	return g_strdup("it is tired");
}

static void on_free(void *opaque)
{
	((Rig *)opaque)->freed++;
}

/* @type: SOCK_STREAM, or SOCK_SEQPACKET for what has one frame in each read(). */
static void rig_init_type(Rig *rig, int type)
{
	int pair[2], room = 1; /* rounded up by Linux */

	*rig = (Rig){0};
	if (type != SOCK_STREAM)
		type |= SOCK_NONBLOCK;
	g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), ==, 0);
	if (type & SOCK_NONBLOCK)
		g_assert_cmpint(g_unix_set_fd_nonblocking(pair[1], FALSE, NULL), ==, 1);
	else
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	rig->far = pair[1];
	VirtioNetWire wire = {
		.fd = pair[0],
		.is_stream = !(type & SOCK_NONBLOCK),
		.name = "--network test",
		.last_words = on_last_words,
		.free = on_free,
		.opaque = rig,
	};
	rig_driver_init(&rig->driver);
	rig_driver_start(&rig->driver, virtio_net_new(mac, &wire, &rig->driver.host), 0x10020);
}

static void rig_init(Rig *rig)
{
	rig_init_type(rig, SOCK_STREAM);
}

static void cut(Rig *rig)
{
	close(rig->far);
	rig->closed = true;
}

static void rig_clear(Rig *rig)
{
	rig_driver_clear(&rig->driver);
	g_assert_cmpuint(rig->freed, ==, 1);
	if (!rig->closed)
		cut(rig);
}

/* Buffer @slot of a queue: descriptor @slot, and @len bytes. */
static uint64_t slot_at(unsigned queue, unsigned slot)
{
	return DRIVER_DATA + SLOT_SIZE * (queue * DRIVER_QUEUE_SIZE + slot);
}

static void *slot_bytes(Rig *rig, unsigned queue, unsigned slot)
{
	return rig_at(&rig->driver.ram, slot_at(queue, slot), SLOT_SIZE);
}

static void offer_room(Rig *rig, unsigned slot, uint32_t len)
{
	memset(slot_bytes(rig, RX, slot), 0xee, SLOT_SIZE);
	rig_desc(&rig->driver.queue[RX], slot, slot_at(RX, slot), len, RIG_WRITE, 0);
	rig_driver_offer(&rig->driver, RX, slot);
}

/* A frame whose bytes depend on @seed. */
static void fill(uint8_t *frame, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		frame[i] = (i + seed) * 7 & 0xff;
}

/* The guest sends a frame of @len bytes from @slot: a header that the wire does not get, and it. */
static void guest_sends(Rig *rig, unsigned slot, uint32_t len, unsigned seed)
{
	uint8_t *bytes = slot_bytes(rig, TX, slot);

	memset(bytes, 0xaa, HEADER);
	fill(bytes + HEADER, len, seed);
	rig_desc(&rig->driver.queue[TX], slot, slot_at(TX, slot), HEADER + len, 0, 0);
	rig_driver_offer(&rig->driver, TX, slot);
}

static void check_far_gets(Rig *rig, uint32_t len, unsigned seed)
{
	g_autofree uint8_t *want = g_malloc(4 + len), *got = g_malloc(4 + len);

	memcpy(want, (const uint8_t[]){0, 0, len >> 8, len & 0xff}, 4);
	fill(want + 4, len, seed);
	g_assert_cmpint(recv(rig->far, got, 4 + len, MSG_WAITALL), ==, 4 + len);
	g_assert_cmpmem(got, 4 + len, want, 4 + len);
}

static void far_sends(Rig *rig, uint32_t len, unsigned seed)
{
	g_autofree uint8_t *data = g_malloc(4 + len);

	memcpy(data, (const uint8_t[]){0, 0, len >> 8, len & 0xff}, 4);
	fill(data + 4, len, seed);
	g_assert_cmpint(send(rig->far, data, 4 + len, MSG_NOSIGNAL), ==, 4 + len);
}

/* The next buffer that the guest gets is @slot, with that frame. */
static void check_guest_gets(Rig *rig, unsigned slot, uint32_t len, unsigned seed)
{
	static const uint8_t header[HEADER] = {[10] = 1}; /* num_buffers */
	g_autofree uint8_t *want = g_malloc(len);
	const uint8_t *got = slot_bytes(rig, RX, slot);
	uint32_t written;

	fill(want, len, seed);
	g_assert_cmpuint(rig_driver_wait(&rig->driver, RX, &written), ==, slot);
	g_assert_cmpuint(written, ==, HEADER + len);
	g_assert_cmpmem(got, HEADER, header, HEADER);
	g_assert_cmpmem(got + HEADER, len, want, len);
	g_assert_cmpuint(got[HEADER + len], ==, 0xee);
}

static void check_sent(Rig *rig, unsigned slot)
{
	uint32_t written;

	g_assert_cmpuint(rig_driver_wait(&rig->driver, TX, &written), ==, slot);
	g_assert_cmpuint(written, ==, 0);
}

static void check_works(Rig *rig)
{
	guest_sends(rig, 15, 100, 15);
	check_far_gets(rig, 100, 15);
	check_sent(rig, 15);
	offer_room(rig, 15, ROOM);
	far_sends(rig, 100, 16);
	check_guest_gets(rig, 15, 100, 16);
}

/* ---- Tests ---- */

static void test_config(void)
{
	const uint8_t want[8] = {2, 3, 4, 5, 6, 7, 1, 0};
	uint8_t config[8];
	Rig rig;

	rig_init(&rig);
	g_assert_cmpuint(virtio_kind(rig.driver.virtio)->id, ==, 1);
	g_assert_cmphex(virtio_offered(rig.driver.virtio) & 0xffffff, ==, 0x10020);
	g_assert_cmpuint(virtio_config_size(rig.driver.virtio), ==, sizeof(want));
	virtio_read_config(rig.driver.virtio, 0, config, sizeof(config));
	g_assert_cmpmem(config, sizeof(config), want, sizeof(want));
	rig_clear(&rig);
}

static void test_both_ways(void)
{
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < 3; i++)
		check_works(&rig);
	rig_clear(&rig);
}

/* More than the socket holds: the guest waits, and no byte is lost. */
static void test_far_is_slow(void)
{
	Rig rig;

	rig_init(&rig);
	for (unsigned round = 0; round < 30; round++) {
		for (unsigned i = 0; i < 10; i++)
			guest_sends(&rig, i, 1514, round + i);
		for (unsigned i = 0; i < 10; i++)
			check_far_gets(&rig, 1514, round + i);
		for (unsigned i = 0; i < 10; i++)
			check_sent(&rig, i);
	}
	rig_clear(&rig);
}

/* Frames of the wire's wait until the guest has buffers. */
static void test_guest_is_slow(void)
{
	Rig rig;

	rig_init(&rig);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 10; i++)
			far_sends(&rig, 200 + i, i);
		for (unsigned i = 0; i < 10; i++)
			offer_room(&rig, i, ROOM);
		for (unsigned i = 0; i < 10; i++)
			check_guest_gets(&rig, i, 200 + i, i);
	}
	for (unsigned i = 0; i < 10; i++) {
		far_sends(&rig, 200 + i, i);
		offer_room(&rig, i, ROOM);
		check_guest_gets(&rig, i, 200 + i, i);
	}
	rig_clear(&rig);
}

/* Each byte of a frame, its length, too, comes alone. */
static void test_pieces(void)
{
	uint8_t data[4 + 60] = {0, 0, 0, 60};
	Rig rig;

	rig_init(&rig);
	offer_room(&rig, 0, ROOM);
	offer_room(&rig, 1, ROOM);
	fill(data + 4, 60, 5);
	for (unsigned i = 0; i < sizeof(data); i++)
		g_assert_cmpint(send(rig.far, data + i, 1, 0), ==, 1);
	check_guest_gets(&rig, 0, 60, 5);
	far_sends(&rig, 61, 6);
	check_guest_gets(&rig, 1, 61, 6);
	rig_clear(&rig);
}

/* A frame that does not fit is dropped, and its buffer is used for the next; likewise no frames. */
static void test_sizes(void)
{
	Rig rig;

	rig_init(&rig);
	offer_room(&rig, 0, HEADER + 64);
	far_sends(&rig, 65, 1);
	far_sends(&rig, 13, 1);
	far_sends(&rig, 0, 1);
	far_sends(&rig, 64, 2);
	check_guest_gets(&rig, 0, 64, 2);
	/* A buffer that has not even room for the header. */
	offer_room(&rig, 1, HEADER - 1);
	far_sends(&rig, 64, 3);
	guest_sends(&rig, 0, 14, 4);
	check_far_gets(&rig, 14, 4);
	check_sent(&rig, 0);
	g_assert_true(rig_driver_is_quiet(&rig.driver, RX));
	rig_clear(&rig);
}

/* ---- A hostile guest, a hostile wire ---- */

static void test_no_frames(void)
{
	RigQueue *queue;
	Rig rig;

	rig_init(&rig);
	queue = &rig.driver.queue[TX];
	/* Less than a header, an empty frame, too short a frame, one of 128 KiB. */
	rig_desc(queue, 0, slot_at(TX, 0), HEADER - 1, 0, 0);
	rig_desc(queue, 1, slot_at(TX, 0), HEADER, 0, 0);
	rig_desc(queue, 2, slot_at(TX, 0), HEADER + 13, 0, 0);
	rig_desc(queue, 3, DRIVER_DATA, 0x20000, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		rig_driver_offer(&rig.driver, TX, i);
		check_sent(&rig, i);
	}
	check_works(&rig);
	rig_clear(&rig);
}

static void wait_for_config(Rig *rig)
{
	uint8_t status;

	g_mutex_lock(&rig->driver.lock);
	while (rig->driver.config_interrupts == 0)
		g_cond_wait(&rig->driver.changed, &rig->driver.lock);
	g_mutex_unlock(&rig->driver.lock);
	virtio_read_config(rig->driver.virtio, 6, &status, 1);
	g_assert_cmpuint(status, ==, 0);
}

/* The link is down; what the guest sends goes nowhere, and it lives. */
static void test_far_ends(void)
{
	Rig rig;

	rig_init(&rig);
	check_works(&rig);
	offer_room(&rig, 0, ROOM);
	cut(&rig);
	wait_for_config(&rig);
	for (unsigned i = 0; i < 3; i++) {
		guest_sends(&rig, i, 100, i);
		check_sent(&rig, i);
	}
	g_assert_true(rig_driver_is_quiet(&rig.driver, RX));
	rig_driver_restart(&rig.driver, 0x10020);
	guest_sends(&rig, 0, 100, 0);
	check_sent(&rig, 0);
	rig_clear(&rig);
}

static void test_far_is_hostile(void)
{
	const uint8_t head[] = {0, 1, 0, 15};
	Rig rig;

	rig_init(&rig);
	offer_room(&rig, 0, ROOM);
	g_assert_cmpint(send(rig.far, head, sizeof(head), 0), ==, sizeof(head));
	wait_for_config(&rig);
	g_assert_true(rig_driver_is_quiet(&rig.driver, RX));
	rig_clear(&rig);
}

/* ---- Resets and stops ---- */

/* What was cut off by a reset goes on behind it. */
static void test_reset(void)
{
	uint8_t data[4 + 60] = {0, 0, 0, 60};
	Rig rig;

	rig_init(&rig);
	offer_room(&rig, 0, ROOM);
	far_sends(&rig, 100, 1);
	fill(data + 4, 60, 5);
	g_assert_cmpint(send(rig.far, data, 10, 0), ==, 10);
	check_guest_gets(&rig, 0, 100, 1);
	for (unsigned i = 0; i < 10; i++)
		guest_sends(&rig, i, 1514, i);
	rig_driver_restart(&rig.driver, 0x10020);
	offer_room(&rig, 0, ROOM);
	g_assert_cmpint(send(rig.far, data + 10, sizeof(data) - 10, 0), ==, sizeof(data) - 10);
	check_guest_gets(&rig, 0, 60, 5);
	/* As many frames as were taken come out whole. */
	guest_sends(&rig, 0, 77, 99);
	for (unsigned i = 0;; i++) {
		uint8_t head[4];

		g_assert_cmpint(recv(rig.far, head, 4, MSG_PEEK | MSG_WAITALL), ==, 4);
		if (head[3] == 77)
			break;
		check_far_gets(&rig, 1514, i);
	}
	check_far_gets(&rig, 77, 99);
	rig_clear(&rig);
}

static void test_stopped(void)
{
	Rig rig;

	rig_init(&rig);
	check_works(&rig);
	offer_room(&rig, 0, ROOM);
	rig_driver_stop(&rig.driver);
	far_sends(&rig, 100, 1);
	rig_driver_wait_refused(&rig.driver);
	g_assert_true(rig_driver_is_quiet(&rig.driver, RX));
	g_assert_cmphex(*(uint8_t *)slot_bytes(&rig, RX, 0), ==, 0xee);
	rig_driver_go(&rig.driver);
	check_guest_gets(&rig, 0, 100, 1);
	rig_clear(&rig);
}

/* ---- One frame for each read() and write() ---- */

static void check_tap(Rig *rig, uint32_t len, unsigned seed)
{
	g_autofree uint8_t *frame = g_malloc(len), *got = g_malloc(len + 1);

	fill(frame, len, seed);
	offer_room(rig, 0, ROOM);
	g_assert_cmpint(send(rig->far, frame, len, 0), ==, len);
	check_guest_gets(rig, 0, len, seed);
	guest_sends(rig, 0, len, seed);
	g_assert_cmpint(recv(rig->far, got, len + 1, 0), ==, len);
	g_assert_cmpmem(got, len, frame, len);
	check_sent(rig, 0);
}

static void test_tap(void)
{
	Rig rig;

	rig_init_type(&rig, SOCK_SEQPACKET);
	for (unsigned i = 14; i <= 1514; i += 500)
		check_tap(&rig, i, i);
	cut(&rig);
	wait_for_config(&rig);
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"config", test_config},
		{"both-ways", test_both_ways},
		{"far-is-slow", test_far_is_slow},
		{"guest-is-slow", test_guest_is_slow},
		{"pieces", test_pieces},
		{"sizes", test_sizes},
		{"guest/no-frames", test_no_frames},
		{"far/ends", test_far_ends},
		{"far/hostile", test_far_is_hostile},
		{"reset", test_reset},
		{"stopped", test_stopped},
		{"tap", test_tap},
		{0},
	};

	return test_main(argc, argv, "hw-net", cases);
}

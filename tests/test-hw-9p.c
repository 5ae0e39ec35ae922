/*
 * tests/test-hw-9p.c - hw/dev/virtio-9p.h: the way from the guest's queue to a server and back,
 * with a hostile one on either side.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hw/dev/virtio-9p.h"
#include "tests/test-util.h"
#include "tests/virtio-driver.h"

#define IN_SIZE 64
#define SLOT_SIZE 0x4000

typedef struct Rig {
	RigDriver driver;
	int server;	/* the server's end of the present session */
	int old_server; /* and of the one before */
	unsigned begun, ended, freed;
	bool refuse, read_only;
} Rig;

static int on_begin(void *opaque, GError **error)
{
	Rig *rig = opaque;
	int pair[2], room = 1; /* rounded up by Linux */

	if (rig->refuse) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no server");
		return -1;
	}
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	g_mutex_lock(&rig->driver.lock);
	rig->begun++;
	rig->old_server = rig->server;
	rig->server = pair[1];
	g_cond_broadcast(&rig->driver.changed);
	g_mutex_unlock(&rig->driver.lock);
	return pair[0];
}

/* Wait until the Nth session has begun. */
static void wait_for_session(Rig *rig, unsigned n)
{
	g_mutex_lock(&rig->driver.lock);
	while (rig->begun < n)
		g_cond_wait(&rig->driver.changed, &rig->driver.lock);
	g_mutex_unlock(&rig->driver.lock);
}

static void on_end(void *opaque)
{
	((Rig *)opaque)->ended++;
}

static char *on_last_words(void *opaque G_GNUC_UNUSED)
{
	return g_strdup("it is tired");
}

static void on_free(void *opaque)
{
	((Rig *)opaque)->freed++;
}

static Virtio9pServer server_of(Rig *rig)
{
	return (Virtio9pServer){"/src",	       rig->read_only, 7,   on_begin, on_end,
				on_last_words, on_free,	       rig, false};
}

static void rig_init_mode(Rig *rig, bool read_only, bool files_only)
{
	*rig = (Rig){.server = -1, .old_server = -1, .read_only = read_only};
	Virtio9pServer server = server_of(rig);
	g_autoptr(GError) error = NULL;

	server.files_only = files_only;
	rig_driver_init(&rig->driver);
	rig_driver_start(&rig->driver, virtio_9p_new("tag", &server, &rig->driver.host, &error), 1);
	g_assert_no_error(error);
}

static void rig_init(Rig *rig)
{
	rig_init_mode(rig, false, false);
}

static void rig_clear(Rig *rig)
{
	rig_driver_clear(&rig->driver);
	g_assert_cmpuint(rig->ended, ==, rig->begun);
	g_assert_cmpuint(rig->freed, ==, 1);
	if (rig->server >= 0)
		close(rig->server);
	if (rig->old_server >= 0)
		close(rig->old_server);
}

static uint64_t slot_out(unsigned slot)
{
	return DRIVER_DATA + SLOT_SIZE * slot;
}

static uint64_t slot_in(unsigned slot)
{
	return slot_out(slot) + SLOT_SIZE / 2;
}

/* A request of @len bytes with room for @in_len, by the descriptors 2 * slot and the one behind. */
static void ask(Rig *rig, unsigned slot, const void *data, uint32_t len, uint32_t in_len)
{
	RigQueue *queue = &rig->driver.queue[0];
	uint16_t head = 2 * slot;

	memcpy(rig_at(&rig->driver.ram, slot_out(slot), len), data, len);
	rig_desc(queue, head, slot_out(slot), len, RIG_NEXT, head + 1);
	rig_desc(queue, head + 1, slot_in(slot), in_len, RIG_WRITE, 0);
	rig_driver_offer(&rig->driver, 0, head);
}

/* A request of that type and tag with one byte more. */
static void ask_type(Rig *rig, unsigned slot, uint8_t type, uint16_t tag)
{
	const uint8_t data[] = {8, 0, 0, 0, type, tag & 0xff, tag >> 8, (uint8_t)slot};

	ask(rig, slot, data, sizeof(data), IN_SIZE);
}

/* The server gets exactly that. */
static void check_asked(Rig *rig, const void *want, size_t len)
{
	g_autofree uint8_t *got = g_malloc(len);

	g_assert_cmpint(recv(rig->server, got, len, MSG_WAITALL), ==, len);
	g_assert_cmpmem(got, len, want, len);
}

static void check_asked_type(Rig *rig, unsigned slot, uint8_t type, uint16_t tag)
{
	const uint8_t data[] = {8, 0, 0, 0, type, tag & 0xff, tag >> 8, (uint8_t)slot};

	check_asked(rig, data, sizeof(data));
}

static void say(Rig *rig, const void *data, size_t len)
{
	g_assert_cmpint(send(rig->server, data, len, MSG_NOSIGNAL), ==, len);
}

static void say_type(Rig *rig, uint8_t type, uint16_t tag)
{
	const uint8_t data[] = {9, 0, 0, 0, type, tag & 0xff, tag >> 8, 'o', 'k'};

	say(rig, data, sizeof(data));
}

/* The next request that comes back is that in @slot, with this reply. */
static void check_reply(Rig *rig, unsigned slot, const void *want, size_t len)
{
	uint32_t written;

	g_assert_cmpuint(rig_driver_wait(&rig->driver, 0, &written), ==, 2 * slot);
	g_assert_cmpmem(rig_at(&rig->driver.ram, slot_in(slot), written), written, want, len);
}

static void check_reply_type(Rig *rig, unsigned slot, uint8_t type, uint16_t tag)
{
	const uint8_t want[] = {9, 0, 0, 0, type, tag & 0xff, tag >> 8, 'o', 'k'};

	check_reply(rig, slot, want, sizeof(want));
}

static void check_error(Rig *rig, unsigned slot, uint16_t tag, uint8_t err)
{
	const uint8_t want[] = {11, 0, 0, 0, P9_RLERROR, tag & 0xff, tag >> 8, err, 0, 0, 0};

	check_reply(rig, slot, want, sizeof(want));
}

/* A request goes through and its reply comes back. */
static void check_works(Rig *rig)
{
	ask_type(rig, 3, 110, 0x303);
	check_asked_type(rig, 3, 110, 0x303);
	say_type(rig, 111, 0x303);
	check_reply_type(rig, 3, 111, 0x303);
}

static void test_config(void)
{
	Rig rig;
	uint8_t config[8];

	rig_init(&rig);
	g_assert_cmpuint(virtio_kind(rig.driver.virtio)->id, ==, 9);
	g_assert_cmphex(virtio_offered(rig.driver.virtio) & 0xffff, ==, 1);
	g_assert_cmpuint(virtio_config_size(rig.driver.virtio), ==, 5);
	virtio_read_config(rig.driver.virtio, 0, config, 5);
	g_assert_cmpmem(config, 5, "\3\0tag", 5);
	rig_clear(&rig);
}

static void test_one(void)
{
	Rig rig;

	rig_init(&rig);
	check_works(&rig);
	check_works(&rig);
	g_assert_cmpuint(rig.begun, ==, 1);
	rig_clear(&rig);
}

static void test_out_of_order(void)
{
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < 3; i++)
		ask_type(&rig, i, 110, 0x100 + i);
	for (unsigned i = 0; i < 3; i++)
		check_asked_type(&rig, i, 110, 0x100 + i);
	say_type(&rig, 111, 0x102);
	check_reply_type(&rig, 2, 111, 0x102);
	say_type(&rig, P9_RLERROR, 0x100);
	check_reply_type(&rig, 0, P9_RLERROR, 0x100);
	say_type(&rig, 111, 0x101);
	check_reply_type(&rig, 1, 111, 0x101);
	rig_clear(&rig);
}

/* Replies that come in pieces, and two in one. */
static void test_pieces(void)
{
	const uint8_t reply[] = {9, 0, 0, 0, 111, 0, 0, 'o', 'k', 9, 0, 0, 0, 111, 1, 0, 'o', 'k'};
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < 3; i++)
		ask_type(&rig, i, 110, i);
	for (unsigned i = 0; i < 3; i++)
		check_asked_type(&rig, i, 110, i);
	say(&rig, reply, 3);
	/* Something else that shows that these bytes were read. */
	say(&rig, reply + 3, 5);
	say(&rig, reply + 8, sizeof(reply) - 8);
	check_reply_type(&rig, 0, 111, 0);
	check_reply_type(&rig, 1, 111, 1);
	say_type(&rig, 111, 2);
	check_reply_type(&rig, 2, 111, 2);
	rig_clear(&rig);
}

/* Requests that the socket cannot hold wait, and arrive as they are. */
static void test_server_is_slow(void)
{
	const uint32_t len = 0x2000;
	g_autofree uint8_t *data = g_malloc(len), *got = g_malloc(len);
	Rig rig;

	rig_init(&rig);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 8; i++) {
			memset(data, (int)(i + round), len);
			memcpy(data, (const uint8_t[]){0, 0x20, 0, 0, 118, i, 0}, 7);
			ask(&rig, i, data, len, IN_SIZE);
		}
		for (unsigned i = 0; i < 8; i++) {
			memset(data, (int)(i + round), len);
			memcpy(data, (const uint8_t[]){0, 0x20, 0, 0, 118, i, 0}, 7);
			check_asked(&rig, data, len);
		}
		for (unsigned i = 0; i < 8; i++) {
			say_type(&rig, 119, i);
			check_reply_type(&rig, i, 119, i);
		}
	}
	rig_clear(&rig);
}

static void test_attach_is_changed(void)
{
	const uint8_t asked[] = {24, 0, 0, 0, 104, 1,	0, 1, 0,   0,	0,   2,
				 0,  0, 0, 1, 0,   'u', 0, 0, 255, 255, 255, 255};
	const uint8_t got[] = {27, 0, 0, 0, 104, 1,   0,   1,	0,   0, 0, 2, 0, 0,
			       0,  0, 0, 4, 0,	 '/', 's', 'r', 'c', 7, 0, 0, 0};
	Rig rig;

	rig_init(&rig);
	ask(&rig, 0, asked, sizeof(asked), IN_SIZE);
	check_asked(&rig, got, sizeof(got));
	/* One that is none does not reach the server. */
	ask(&rig, 1, asked, sizeof(asked) - 1, IN_SIZE);
	check_error(&rig, 1, 1, EPROTO);
	rig_clear(&rig);
}

/* Only what is known to change nothing reaches the server. */
static void test_read_only(void)
{
	Rig rig;

	rig_init_mode(&rig, true, false);
	check_works(&rig);
	ask_type(&rig, 0, 118, 1);
	check_error(&rig, 0, 1, EROFS);
	ask_type(&rig, 0, 99, 2);
	check_error(&rig, 0, 2, EROFS);
	check_works(&rig);
	rig_clear(&rig);
}

/* Where only plain files are made no link is, and nobody leaves the folder by "..". */
static void test_files_only(void)
{
	const uint8_t up[] = {21, 0, 0, 0, 110, 3, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0, '.', '.'};
	Rig rig;

	rig_init(&rig);
	ask(&rig, 0, up, sizeof(up), IN_SIZE);
	check_error(&rig, 0, 3, EPERM);
	check_works(&rig);
	rig_clear(&rig);
	rig_init_mode(&rig, false, true);
	check_works(&rig);
	ask_type(&rig, 0, 16, 1);
	check_error(&rig, 0, 1, EPERM);
	check_works(&rig);
	rig_clear(&rig);
}

/* ---- A hostile guest ---- */

static void test_wrong_sizes(void)
{
	const uint8_t small[] = {6, 0, 0, 0, 110, 5, 0}, large[] = {9, 0, 0, 0, 110, 5, 0, 1};
	const uint8_t longer[] = {8, 0, 0, 0, 110, 5, 0, 1, 2, 3};
	uint32_t written;
	Rig rig;

	rig_init(&rig);
	ask(&rig, 0, small, sizeof(small), IN_SIZE);
	check_error(&rig, 0, 5, EPROTO);
	ask(&rig, 0, large, sizeof(large), IN_SIZE);
	check_error(&rig, 0, 5, EPROTO);
	/* Not even a header, and its tag is not read. */
	ask(&rig, 0, large, 6, IN_SIZE);
	check_error(&rig, 0, 0, EPROTO);
	/* No room for the error. */
	ask(&rig, 1, large, sizeof(large), P9_ERROR_SIZE - 1);
	g_assert_cmpuint(rig_driver_wait(&rig.driver, 0, &written), ==, 2);
	g_assert_cmpuint(written, ==, 0);
	/* What is behind the message is not the server's. */
	ask(&rig, 0, longer, sizeof(longer), IN_SIZE);
	check_asked(&rig, longer, 8);
	check_works(&rig);
	rig_clear(&rig);
}

static void test_tag_twice(void)
{
	Rig rig;

	rig_init(&rig);
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	ask_type(&rig, 1, 110, 1);
	check_error(&rig, 1, 1, EPROTO);
	say_type(&rig, 111, 1);
	check_reply_type(&rig, 0, 111, 1);
	rig_clear(&rig);
}

/* More than the server has said that it takes. */
static void test_msize(void)
{
	const uint8_t version[] = {13, 0, 0, 0, 100, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0};
	const uint8_t limited[] = {13, 0, 0, 0, 100, 0xff, 0xff, 0, 0, 0x10, 0, 0, 0};
	const uint8_t answer[] = {13, 0, 0, 0, 101, 0xff, 0xff, 20, 0, 0, 0, 0, 0};
	uint8_t data[21] = {20, 0, 0, 0, 118, 1, 0};
	Rig rig;

	rig_init(&rig);
	ask(&rig, 0, version, sizeof(version), IN_SIZE);
	check_asked(&rig, limited, sizeof(limited));
	say(&rig, answer, sizeof(answer));
	check_reply(&rig, 0, answer, sizeof(answer));
	ask(&rig, 0, data, 20, IN_SIZE);
	check_asked(&rig, data, 20);
	say_type(&rig, 119, 1);
	check_reply_type(&rig, 0, 119, 1);
	data[0] = 21;
	ask(&rig, 0, data, 21, IN_SIZE);
	check_error(&rig, 0, 1, EMSGSIZE);
	rig_clear(&rig);
}

/* By an indirect table, as Linux does it: a request in each descriptor of the queue. */
static void ask_indirect(Rig *rig, unsigned i)
{
	const uint8_t data[] = {8, 0, 0, 0, 110, i, 0, (uint8_t)i};
	uint64_t at = DRIVER_DATA + 0x1000 * i, table = at + 0x800;

	memcpy(rig_at(&rig->driver.ram, at, sizeof(data)), data, sizeof(data));
	rig_indirect(&rig->driver.ram, table, 0, at, sizeof(data), RIG_NEXT, 1);
	rig_indirect(&rig->driver.ram, table, 1, at + 0x400, IN_SIZE, RIG_WRITE, 0);
	rig_desc(&rig->driver.queue[0], i, table, 32, RIG_INDIRECT, 0);
	rig_driver_offer(&rig->driver, 0, i);
}

static void test_full(void)
{
	uint32_t written;
	Rig rig;

	rig_init(&rig);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++) {
			ask_indirect(&rig, i);
			check_asked_type(&rig, i, 110, i);
		}
		/* It looks once more while all of them wait. */
		virtio_kick(rig.driver.virtio);
		for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++) {
			say_type(&rig, 111, i);
			g_assert_cmpuint(rig_driver_wait(&rig.driver, 0, &written), ==, i);
			g_assert_cmpuint(written, ==, 9);
		}
	}
	g_assert_cmpuint(rig.driver.config_interrupts, ==, 0);
	rig_clear(&rig);
}

/* Does its thread sleep, although its socket is ready? In the end; it may look once. */
static bool comes_to_rest(Rig *rig)
{
	bool rests = false;

	for (unsigned i = 0; i < 100 && !rests; i++) {
		rig_driver_stop(&rig->driver);
		g_usleep(10000);
		g_mutex_lock(&rig->driver.lock);
		rests = rig->driver.refused == 0;
		g_mutex_unlock(&rig->driver.lock);
		rig_driver_go(&rig->driver);
		/* It shall get in before the next stop. */
		g_usleep(1000);
	}
	return rests;
}

/* A chain that is offered again and again before it came back: the device asks for a reset. */
static void test_same_chain(void)
{
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE + 1; i++) {
		ask_type(&rig, 0, 110, 0x200 + i);
		if (i < DRIVER_QUEUE_SIZE)
			check_asked_type(&rig, 0, 110, 0x200 + i);
	}
	g_mutex_lock(&rig.driver.lock);
	while (rig.driver.config_interrupts == 0)
		g_cond_wait(&rig.driver.changed, &rig.driver.lock);
	g_mutex_unlock(&rig.driver.lock);
	g_assert_true(virtio_status(rig.driver.virtio) & 0x40);
	say_type(&rig, 111, 0x200);
	g_assert_true(comes_to_rest(&rig));
	rig_driver_restart(&rig.driver, 1);
	wait_for_session(&rig, 2);
	check_works(&rig);
	rig_clear(&rig);
}

/* ---- A hostile server, or none ---- */

static void check_lost(Rig *rig)
{
	ask_type(rig, 4, 110, 0x404);
	check_error(rig, 4, 0x404, EIO);
	g_assert_cmpuint(rig->begun, ==, 1);
	g_assert_cmpuint(rig->ended, ==, 1);
}

static void test_server_ends(void)
{
	Rig rig;

	rig_init(&rig);
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	close(rig.server);
	rig.server = -1;
	check_error(&rig, 0, 1, EIO);
	check_lost(&rig);
	/* The guest's driver starts again, and so does a server. */
	rig_driver_restart(&rig.driver, 1);
	wait_for_session(&rig, 2);
	check_works(&rig);
	rig_clear(&rig);
}

static void check_hostile_reply(const void *reply, size_t len)
{
	Rig rig;

	rig_init(&rig);
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	say(&rig, reply, len);
	check_error(&rig, 0, 1, EIO);
	check_lost(&rig);
	rig_clear(&rig);
}

static void test_hostile_replies(void)
{
	const uint8_t unknown_tag[] = {7, 0, 0, 0, 111, 2, 0};
	const uint8_t wrong_type[] = {7, 0, 0, 0, 113, 1, 0};
	const uint8_t small[] = {6, 0, 0, 0, 111, 1, 0};
	const uint8_t large[] = {1, 0, 0x10, 0, 111, 1, 0};

	check_hostile_reply(unknown_tag, sizeof(unknown_tag));
	check_hostile_reply(wrong_type, sizeof(wrong_type));
	check_hostile_reply(small, sizeof(small));
	check_hostile_reply(large, sizeof(large));
}

/* The request fails, and the others do not. */
static void test_reply_too_long(void)
{
	uint8_t reply[IN_SIZE + 1] = {IN_SIZE + 1, 0, 0, 0, 111, 1, 0};
	Rig rig;

	rig_init(&rig);
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	say(&rig, reply, sizeof(reply));
	check_error(&rig, 0, 1, EIO);
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	reply[0] = IN_SIZE;
	say(&rig, reply, IN_SIZE);
	check_reply(&rig, 0, reply, IN_SIZE);
	rig_clear(&rig);
}

static void test_no_server(void)
{
	Rig rig = {.refuse = true};
	Virtio9pServer server = server_of(&rig);
	g_autoptr(GError) error = NULL;

	rig_driver_init(&rig.driver);
	g_assert_null(virtio_9p_new("tag", &server, &rig.driver.host, &error));
	g_assert_cmpstr(error->message, ==, "no server");
	g_assert_cmpuint(rig.freed, ==, 1);
	rig_driver_clear(&rig.driver);
}

/* ---- Flush, sessions, stops ---- */

/* A request that is flushed comes back, empty, before the flush does. */
static void test_flushed(void)
{
	const uint8_t flush[] = {9, 0, 0, 0, 108, 2, 0, 1, 0};
	Rig rig;

	rig_init(&rig);
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	ask(&rig, 1, flush, sizeof(flush), IN_SIZE);
	check_asked(&rig, flush, sizeof(flush));
	say_type(&rig, 109, 2);
	check_reply(&rig, 0, NULL, 0);
	check_reply_type(&rig, 1, 109, 2);
	/* Its tag is free again. */
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	rig_clear(&rig);
}

/* One that was answered before the flush is not there any more; one may flush itself. */
static void test_flushed_late(void)
{
	const uint8_t flush[] = {9, 0, 0, 0, 108, 2, 0, 1, 0},
		      itself[] = {9, 0, 0, 0, 108, 2, 0, 2, 0};
	Rig rig;

	rig_init(&rig);
	ask(&rig, 1, flush, sizeof(flush), IN_SIZE);
	check_asked(&rig, flush, sizeof(flush));
	say_type(&rig, 109, 2);
	check_reply_type(&rig, 1, 109, 2);
	ask(&rig, 1, itself, sizeof(itself), IN_SIZE);
	check_asked(&rig, itself, sizeof(itself));
	say_type(&rig, 109, 2);
	check_reply_type(&rig, 1, 109, 2);
	rig_clear(&rig);
}

static void check_server_ended(int server)
{
	char byte;

	g_assert_cmpint(recv(server, &byte, 1, 0), ==, 0);
}

/* The second Tversion of a session has a server of its own; what was asked before fails. */
static void test_version_renews(void)
{
	const uint8_t version[] = {13, 0, 0, 0, 100, 0xff, 0xff, 0, 2, 0, 0, 0, 0};
	Rig rig;

	rig_init(&rig);
	ask(&rig, 0, version, sizeof(version), IN_SIZE);
	check_asked(&rig, version, sizeof(version));
	say_type(&rig, P9_RLERROR, 0xffff);
	check_reply_type(&rig, 0, P9_RLERROR, 0xffff);
	ask_type(&rig, 1, 110, 1);
	check_asked_type(&rig, 1, 110, 1);
	ask(&rig, 0, version, sizeof(version), IN_SIZE);
	check_error(&rig, 1, 1, EIO);
	wait_for_session(&rig, 2);
	check_server_ended(rig.old_server);
	check_asked(&rig, version, sizeof(version));
	rig_clear(&rig);
}

/* Requests in flight are forgotten, and the next session is another server's. */
static void test_reset(void)
{
	Rig rig;

	rig_init(&rig);
	rig_driver_restart(&rig.driver, 1);
	g_assert_cmpuint(rig.ended, ==, 0); /* of the unused one */
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	rig_driver_restart(&rig.driver, 1);
	check_server_ended(rig.server);
	ask_type(&rig, 1, 110, 1);
	wait_for_session(&rig, 2);
	check_asked_type(&rig, 1, 110, 1);
	say_type(&rig, 111, 1);
	check_reply_type(&rig, 1, 111, 1);
	rig_clear(&rig);
}

/* A server that ends while nobody has a driver. */
static void test_reset_unused(void)
{
	const uint8_t small[] = {6, 0, 0, 0, 110, 5, 0};
	Rig rig;

	rig_init(&rig);
	ask(&rig, 0, small, sizeof(small), IN_SIZE);
	check_error(&rig, 0, 5, EPROTO);
	virtio_set_status(rig.driver.virtio, 0);
	close(rig.server);
	rig.server = -1;
	g_assert_true(comes_to_rest(&rig));
	g_assert_cmpuint(rig.ended, ==, 0);
	rig_clear(&rig);
}

static void test_stopped(void)
{
	Rig rig;

	rig_init(&rig);
	ask_type(&rig, 0, 110, 1);
	check_asked_type(&rig, 0, 110, 1);
	rig_driver_stop(&rig.driver);
	say_type(&rig, 111, 1);
	rig_driver_wait_refused(&rig.driver);
	g_assert_true(rig_driver_is_quiet(&rig.driver, 0));
	g_assert_cmpuint(*(uint8_t *)rig_at(&rig.driver.ram, slot_in(0), 1), ==, 0);
	rig_driver_go(&rig.driver);
	check_reply_type(&rig, 0, 111, 1);
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"config", test_config},
		{"one", test_one},
		{"out-of-order", test_out_of_order},
		{"pieces", test_pieces},
		{"server-is-slow", test_server_is_slow},
		{"attach-is-changed", test_attach_is_changed},
		{"read-only", test_read_only},
		{"files-only", test_files_only},
		{"guest/wrong-sizes", test_wrong_sizes},
		{"guest/tag-twice", test_tag_twice},
		{"guest/msize", test_msize},
		{"guest/full", test_full},
		{"guest/same-chain", test_same_chain},
		{"server/ends", test_server_ends},
		{"server/hostile-replies", test_hostile_replies},
		{"server/reply-too-long", test_reply_too_long},
		{"server/none", test_no_server},
		{"flush", test_flushed},
		{"flush/late", test_flushed_late},
		{"session/version", test_version_renews},
		{"session/reset", test_reset},
		{"session/reset-unused", test_reset_unused},
		{"stopped", test_stopped},
		{0},
	};

	return test_main(argc, argv, "hw-9p", cases);
}

/*
 * tests/test-hw-virtio-console.c - hw/dev/virtio-console.h: bytes both ways, a peer that has no
 * room, and input that waits.
 */
#include <string.h>

#include "hw/dev/virtio-console.h"
#include "tests/test-util.h"
#include "tests/virtio-driver.h"

enum { RX, TX };

#define SLOT_SIZE 0x4000
#define INPUT_MAX 65536

typedef struct Rig {
	RigDriver driver;
	VirtioConsole *console;
	/* With the driver's lock. */
	GString *shown;
	size_t room;
	unsigned wanted;
} Rig;

static size_t on_room(void *opaque)
{
	Rig *rig = opaque;

	g_mutex_lock(&rig->driver.lock);
	size_t room = rig->room;
	g_mutex_unlock(&rig->driver.lock);
	return room;
}

static void on_output(void *opaque, const uint8_t *data, size_t len)
{
	Rig *rig = opaque;

	g_mutex_lock(&rig->driver.lock);
	g_string_append_len(rig->shown, (const char *)data, len);
	rig->room -= MIN(len, rig->room);
	g_cond_broadcast(&rig->driver.changed);
	g_mutex_unlock(&rig->driver.lock);
}

static void on_wanted(void *opaque)
{
	Rig *rig = opaque;

	g_mutex_lock(&rig->driver.lock);
	rig->wanted++;
	g_cond_broadcast(&rig->driver.changed);
	g_mutex_unlock(&rig->driver.lock);
}

static void rig_init(Rig *rig, size_t room)
{
	*rig = (Rig){.shown = g_string_new(NULL), .room = room};
	SerialPeer peer = {on_room, on_output, on_wanted, rig};

	rig_driver_init(&rig->driver);
	rig->console = virtio_console_new(&peer, &rig->driver.host);
	rig_driver_start(&rig->driver, virtio_console_device(rig->console), 0);
}

static void rig_clear(Rig *rig)
{
	rig_driver_clear(&rig->driver);
	g_string_free(rig->shown, TRUE);
}

static uint64_t slot_at(unsigned queue, unsigned slot)
{
	return DRIVER_DATA + SLOT_SIZE * (queue * DRIVER_QUEUE_SIZE + slot);
}

static void guest_writes(Rig *rig, unsigned slot, const char *text)
{
	memcpy(rig_at(&rig->driver.ram, slot_at(TX, slot), SLOT_SIZE), text, strlen(text));
	rig_desc(&rig->driver.queue[TX], slot, slot_at(TX, slot), strlen(text), 0, 0);
	rig_driver_offer(&rig->driver, TX, slot);
}

static void check_written(Rig *rig, unsigned slot)
{
	uint32_t written;

	g_assert_cmpuint(rig_driver_wait(&rig->driver, TX, &written), ==, slot);
	g_assert_cmpuint(written, ==, 0);
}

static void set_room(Rig *rig, size_t room)
{
	g_mutex_lock(&rig->driver.lock);
	rig->room = room;
	g_mutex_unlock(&rig->driver.lock);
	virtio_console_room_changed(rig->console);
}

static void wait_shown(Rig *rig, size_t len)
{
	g_mutex_lock(&rig->driver.lock);
	while (rig->shown->len < len)
		g_cond_wait(&rig->driver.changed, &rig->driver.lock);
	g_mutex_unlock(&rig->driver.lock);
}

static void offer_room(Rig *rig, unsigned slot, uint32_t len)
{
	rig_desc(&rig->driver.queue[RX], slot, slot_at(RX, slot), len, RIG_WRITE, 0);
	rig_driver_offer(&rig->driver, RX, slot);
}

static void check_read(Rig *rig, unsigned slot, const char *text)
{
	uint32_t written;

	g_assert_cmpuint(rig_driver_wait(&rig->driver, RX, &written), ==, slot);
	g_assert_cmpmem(rig_at(&rig->driver.ram, slot_at(RX, slot), SLOT_SIZE), written, text,
			strlen(text));
}

static size_t type(Rig *rig, const char *text)
{
	return virtio_console_input(rig->console, (const uint8_t *)text, strlen(text));
}

/* ---- Tests ---- */

static void test_output(void)
{
	Rig rig;

	rig_init(&rig, 1000);
	g_assert_cmpuint(virtio_kind(rig.driver.virtio)->id, ==, 3);
	guest_writes(&rig, 0, "hello, ");
	guest_writes(&rig, 1, "world");
	check_written(&rig, 0);
	check_written(&rig, 1);
	g_assert_cmpstr(rig.shown->str, ==, "hello, world");
	rig_clear(&rig);
}

/* A buffer comes back when all of it was taken; not a byte is lost or shown twice. */
static void test_no_room(void)
{
	Rig rig;

	rig_init(&rig, 0);
	guest_writes(&rig, 0, "abcdef");
	guest_writes(&rig, 1, "ghi");
	set_room(&rig, 4);
	wait_shown(&rig, 4);
	g_assert_true(rig_driver_is_quiet(&rig.driver, TX));
	set_room(&rig, 3);
	check_written(&rig, 0);
	set_room(&rig, 100);
	check_written(&rig, 1);
	g_assert_cmpstr(rig.shown->str, ==, "abcdefghi");
	rig_clear(&rig);
}

/* More than one turn writes. */
static void test_long(void)
{
	g_autofree char *text = g_strnfill(SLOT_SIZE - 1, 'x');
	Rig rig;

	rig_init(&rig, 100 * SLOT_SIZE);
	for (unsigned i = 0; i < 40; i++) {
		guest_writes(&rig, i % 16, text);
		check_written(&rig, i % 16);
	}
	g_assert_cmpuint(rig.shown->len, ==, 40 * (SLOT_SIZE - 1));
	rig_clear(&rig);
}

static void test_input(void)
{
	Rig rig;

	rig_init(&rig, 1000);
	offer_room(&rig, 0, 100);
	g_assert_cmpuint(type(&rig, "ls\n"), ==, 3);
	check_read(&rig, 0, "ls\n");
	/* Before there is a buffer, and more than one holds. */
	type(&rig, "abcdef");
	offer_room(&rig, 1, 4);
	check_read(&rig, 1, "abcd");
	offer_room(&rig, 2, 4);
	check_read(&rig, 2, "ef");
	g_assert_cmpuint(rig.wanted, ==, 0);
	rig_clear(&rig);
}

/* Who had more than fits is called when there is room. */
static void test_input_full(void)
{
	g_autofree char *text = g_strnfill(INPUT_MAX + 5, 'y');
	Rig rig;

	rig_init(&rig, 1000);
	g_assert_cmpuint(type(&rig, text), ==, INPUT_MAX);
	g_assert_cmpuint(type(&rig, "z"), ==, 0);
	offer_room(&rig, 0, 4);
	check_read(&rig, 0, "yyyy");
	g_mutex_lock(&rig.driver.lock);
	while (rig.wanted == 0)
		g_cond_wait(&rig.driver.changed, &rig.driver.lock);
	g_mutex_unlock(&rig.driver.lock);
	g_assert_cmpuint(type(&rig, "zzzzz"), ==, 4);
	rig_clear(&rig);
}

/* A driver that starts again gets what was typed, and a buffer cut off is forgotten. */
static void test_reset(void)
{
	Rig rig;

	rig_init(&rig, 2);
	guest_writes(&rig, 0, "abcd");
	wait_shown(&rig, 2);
	type(&rig, "typed");
	rig_driver_restart(&rig.driver, 0);
	guest_writes(&rig, 3, "efg");
	set_room(&rig, 100);
	check_written(&rig, 3);
	g_assert_cmpstr(rig.shown->str, ==, "abefg");
	offer_room(&rig, 0, 100);
	check_read(&rig, 0, "typed");
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"output", test_output},
		{"no-room", test_no_room},
		{"long", test_long},
		{"input", test_input},
		{"input-full", test_input_full},
		{"reset", test_reset},
		{0},
	};

	return test_main(argc, argv, "hw-virtio-console", cases);
}

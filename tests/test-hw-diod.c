/*
 * tests/test-hw-diod.c - hw/shares.h with the real diod: a small client of 9P2000.L reads and
 * writes files through the device. Skipped where there is no diod.
 */
#include "hw/shares.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/dev/p9.h"
#include "hw/helper.h"
#include "tests/test-util.h"
#include "tests/virtio-driver.h"

#define OUT DRIVER_DATA
#define IN (DRIVER_DATA + 0x4000)
#define ROOM 0x4000

typedef struct Client {
	RigDriver driver;
	VmShare *share;
	char *dir;
	GByteArray *out;
	const uint8_t *reply; /* behind its header */
	uint32_t len;
} Client;

/* ---- Messages ---- */

static void put(Client *client, uint64_t value, unsigned bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		g_byte_array_append(client->out, &(uint8_t){value & 0xff}, 1);
}

static void put_string(Client *client, const char *text)
{
	put(client, strlen(text), 2);
	g_byte_array_append(client->out, (const uint8_t *)text, strlen(text));
}

static void begin(Client *client, uint8_t type)
{
	g_byte_array_set_size(client->out, 0);
	put(client, 0, 4);
	put(client, type, 1);
	put(client, 1, 2);
}

/* Sends it and waits: the type of the reply. */
static uint8_t finish(Client *client)
{
	RigDriver *driver = &client->driver;
	uint32_t written, len = client->out->len;

	memcpy(client->out->data, &len, 4);
	memcpy(rig_at(&driver->ram, OUT, len), client->out->data, len);
	rig_desc(&driver->queue[0], 0, OUT, len, RIG_NEXT, 1);
	rig_desc(&driver->queue[0], 1, IN, ROOM, RIG_WRITE, 0);
	rig_driver_offer(driver, 0, 0);
	g_assert_cmpuint(rig_driver_wait(driver, 0, &written), ==, 0);
	const uint8_t *reply = rig_at(&driver->ram, IN, written);
	g_assert_cmpuint(written, >=, P9_HEADER_SIZE);
	client->reply = reply + P9_HEADER_SIZE;
	client->len = written - P9_HEADER_SIZE;
	return reply[4];
}

static void expect_error(Client *client, int err)
{
	g_assert_cmpuint(finish(client), ==, P9_RLERROR);
	g_assert_cmpuint(client->reply[0], ==, err);
}

/* As Linux does it: by no user, and with no folder. */
static void attach(Client *client, uint32_t fid)
{
	begin(client, P9_TVERSION);
	put(client, 8192, 4);
	put_string(client, "9P2000.L");
	g_assert_cmpuint(finish(client), ==, P9_RVERSION);
	begin(client, P9_TATTACH);
	put(client, fid, 4);
	put(client, UINT32_MAX, 4);
	put_string(client, "nobody");
	put_string(client, "");
	put(client, UINT32_MAX, 4);
	g_assert_cmpuint(finish(client), ==, P9_TATTACH + 1);
}

static void walk(Client *client, uint32_t from, uint32_t to, const char *name)
{
	begin(client, 110);
	put(client, from, 4);
	put(client, to, 4);
	put(client, name != NULL, 2);
	if (name != NULL)
		put_string(client, name);
}

static void open_fid(Client *client, uint32_t fid, uint32_t flags)
{
	begin(client, 12);
	put(client, fid, 4);
	put(client, flags, 4);
}

static void create(Client *client, uint32_t fid, const char *name, uint32_t gid)
{
	begin(client, 14);
	put(client, fid, 4);
	put_string(client, name);
	put(client, O_WRONLY | O_CREAT, 4);
	put(client, 0644, 4);
	put(client, gid, 4);
}

/* ---- The rig ---- */

static bool has_diod(void)
{
	static const HelperProgram diod = {"diod", "diod", NULL};
	g_autofree char *path = helper_find(&diod, NULL);

	if (path == NULL)
		g_test_skip("there is no diod");
	return path != NULL;
}

static void client_init(Client *client, bool read_only)
{
	g_autoptr(GError) error = NULL;

	*client = (Client){.dir = test_dir_new(), .out = g_byte_array_new()};
	g_autofree char *file = g_build_filename(client->dir, "file", NULL);
	g_assert_true(g_file_set_contents(file, "hello", 5, NULL));
	client->share = vm_share_new("--9p", client->dir, "tag", read_only, &error);
	rig_driver_init(&client->driver);
	rig_driver_start(&client->driver,
			 vm_share_device(client->share, &client->driver.host, &error), 1);
	g_assert_no_error(error);
}

static void client_clear(Client *client)
{
	rig_driver_clear(&client->driver);
	vm_share_free(client->share);
	g_byte_array_unref(client->out);
	test_dir_remove(client->dir);
}

/* ---- Tests ---- */

static void read_file(Client *client)
{
	attach(client, 1);
	walk(client, 1, 2, "file");
	g_assert_cmpuint(finish(client), ==, 111);
	open_fid(client, 2, O_RDONLY);
	g_assert_cmpuint(finish(client), ==, 13);
	begin(client, 116);
	put(client, 2, 4);
	put(client, 0, 8);
	put(client, 100, 4);
	g_assert_cmpuint(finish(client), ==, 117);
	g_assert_cmpmem(client->reply, client->len, "\5\0\0\0hello", 9);
}

static void test_read(void)
{
	Client client;

	if (!has_diod())
		return;
	client_init(&client, false);
	read_file(&client);
	walk(&client, 1, 3, "none");
	expect_error(&client, ENOENT);
	/* A second mount, and a driver that starts again: fids are free once more. */
	read_file(&client);
	rig_driver_restart(&client.driver, 1);
	read_file(&client);
	client_clear(&client);
}

static void test_write(void)
{
	Client client;
	struct stat status;
	g_autofree char *text = NULL;

	if (!has_diod())
		return;
	client_init(&client, false);
	attach(&client, 1);
	create(&client, 1, "new", getegid());
	g_assert_cmpuint(finish(&client), ==, 15);
	begin(&client, 118);
	put(&client, 1, 4);
	put(&client, 0, 8);
	put(&client, 3, 4);
	g_byte_array_append(client.out, (const uint8_t *)"abc", 3);
	g_assert_cmpuint(finish(&client), ==, 119);
	g_autofree char *path = g_build_filename(client.dir, "new", NULL);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "abc");
	g_assert_cmpint(stat(path, &status), ==, 0);
	g_assert_cmpuint(status.st_uid, ==, geteuid());
	client_clear(&client);
}

static void test_read_only(void)
{
	Client client;

	if (!has_diod())
		return;
	client_init(&client, true);
	read_file(&client);
	create(&client, 1, "new", getegid());
	expect_error(&client, EROFS);
	client_clear(&client);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"read", test_read},
		{"write", test_write},
		{"read-only", test_read_only},
		{0},
	};

	return test_main(argc, argv, "hw-diod", cases);
}

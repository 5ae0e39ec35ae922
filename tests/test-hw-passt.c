/*
 * tests/test-hw-passt.c - hw/net.h with the real passt: a guest that asks for its gateway's
 * address. Skipped where there is no passt, or it cannot work.
 */
#include "hw/net.h"

#include <string.h>
#include <unistd.h>

#include "hw/helper.h"
#include "tests/test-util.h"
#include "tests/virtio-driver.h"

enum { RX, TX };

#define HEADER 12
#define ROOM 1526
#define AT_RX DRIVER_DATA
#define AT_TX (DRIVER_DATA + 0x4000)
#define ARP_SIZE 42

/* NULL: this test is skipped. */
static VmNet *need_passt(void)
{
	static const HelperProgram passt = {"passt", "passt", NULL};
	g_autofree char *path = helper_find(&passt, NULL);

	if (path == NULL)
		g_test_skip("there is no passt");
	return path != NULL ? vm_net_parse("user", NULL) : NULL;
}

static void ask_for_address(RigDriver *driver)
{
	static const uint8_t question[HEADER + ARP_SIZE] = {
		[12] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,	0x15, 0x15, 0x15, 0x15,
		0x15,	     8,	   6,	 0,    1,    8,	   0,	6,    4,    0,	  1,
		2,	     0x15, 0x15, 0x15, 0x15, 0x15, 169, 254,  1,    2,	  0,
		0,	     0,	   0,	 0,    0,    169,  254, 1,    1};

	memcpy(rig_at(&driver->ram, AT_TX, sizeof(question)), question, sizeof(question));
	rig_desc(&driver->queue[TX], 0, AT_TX, sizeof(question), 0, 0);
	rig_desc(&driver->queue[RX], 0, AT_RX, ROOM, RIG_WRITE, 0);
	rig_driver_offer(driver, RX, 0);
	rig_driver_offer(driver, TX, 0);
}

static void test_question(void)
{
	g_autoptr(VmNet) net = need_passt();
	g_autoptr(GError) error = NULL;
	unsigned before = test_count_fds();
	RigDriver driver;
	uint32_t written;

	if (net == NULL)
		return;
	rig_driver_init(&driver);
	Virtio *virtio = vm_net_device(net, &driver.host, &error);
	if (virtio == NULL) {
		g_test_skip(error->message);
		rig_driver_clear(&driver);
		return;
	}
	rig_driver_start(&driver, virtio, 0x10020);
	ask_for_address(&driver);
	g_assert_cmpuint(rig_driver_wait(&driver, RX, &written), ==, 0);
	g_assert_cmpuint(written, >=, HEADER + ARP_SIZE);
	const uint8_t *frame = rig_at(&driver.ram, AT_RX + HEADER, ARP_SIZE);
	g_assert_cmpmem(frame, 6, net->mac, 6);
	g_assert_cmpmem(frame + 12, 10, "\10\6\0\1\10\0\6\4\0\2", 10);
	rig_driver_clear(&driver);
	g_assert_cmpuint(test_count_fds(), ==, before);
}

/* What a newer passt says first: a frame of 60 bytes, then one of 64; each has one kind of byte. */
static const char newer[] = "#!/bin/sh\n"
			    "{ printf '\\0\\0\\0\\074'; head -c 60 /dev/zero | tr '\\0' a\n"
			    "printf '\\0\\0\\0\\100'; head -c 64 /dev/zero | tr '\\0' b; } >&0\n"
			    "cat <&0 >/dev/null\n";

static void check_frame(RigDriver *driver, uint32_t len, char byte)
{
	g_autofree char *want = g_strnfill(len, byte);
	uint32_t written;

	rig_desc(&driver->queue[RX], 0, AT_RX, ROOM, RIG_WRITE, 0);
	rig_driver_offer(driver, RX, 0);
	g_assert_cmpuint(rig_driver_wait(driver, RX, &written), ==, 0);
	g_assert_cmpmem(rig_at(&driver->ram, AT_RX + HEADER, len), written - HEADER, want, len);
}

/* No byte of the stream is lost, however long the first frame is. */
static void test_newer(void)
{
	g_autofree char *dir = g_dir_make_tmp("vmgdb-XXXXXX", NULL);
	g_autofree char *program = g_build_filename(dir, "passt", NULL);
	g_autofree char *before = g_strdup(g_getenv("PATH"));
	g_autofree char *path = g_strconcat(dir, ":", before, NULL);
	g_autoptr(VmNet) net = vm_net_parse("user", NULL);
	g_autoptr(GError) error = NULL;
	RigDriver driver;

	g_assert_true(g_file_set_contents_full(program, newer, -1, G_FILE_SET_CONTENTS_NONE, 0700,
					       &error));
	g_setenv("PATH", path, TRUE);
	rig_driver_init(&driver);
	Virtio *virtio = vm_net_device(net, &driver.host, &error);
	g_assert_no_error(error);
	g_setenv("PATH", before, TRUE);
	rig_driver_start(&driver, virtio, 0x10020);
	check_frame(&driver, 60, 'a');
	check_frame(&driver, 64, 'b');
	rig_driver_clear(&driver);
	unlink(program);
	rmdir(dir);
}

/* What passt says of the user's words comes with the option. */
static void test_ports(void)
{
	g_autoptr(VmNet) net = need_passt();
	g_autoptr(GError) error = NULL;
	RigDriver driver;

	if (net == NULL)
		return;
	vm_net_free(net);
	net = vm_net_parse("user,tcp=foo", NULL);
	rig_driver_init(&driver);
	g_assert_null(vm_net_device(net, &driver.host, &error));
	g_assert_true(g_str_has_prefix(error->message,
				       "--network user,tcp=foo: passt has ended with status 1"));
	rig_driver_clear(&driver);
}

static void test_tap(void)
{
	g_autoptr(VmNet) net = vm_net_parse("tap=vmgdb-none", NULL);
	g_autoptr(GError) error = NULL;
	RigDriver driver;

	rig_driver_init(&driver);
	/* Who is root makes one by asking for it; it is gone with the device. */
	Virtio *virtio = vm_net_device(net, &driver.host, &error);
	if (virtio == NULL)
		g_assert_true(g_str_has_prefix(error->message, "--network tap=vmgdb-none: "));
	virtio_free(virtio);
	rig_driver_clear(&driver);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"question", test_question},
		{"newer", test_newer},
		{"ports", test_ports},
		{"tap", test_tap},
		{0},
	};

	return test_main(argc, argv, "hw-passt", cases);
}

/*
 * tests/test-hw-virtio-blk.c - hw/dev/virtio-blk.h: requests of a driver, also of a hostile one,
 * to an image in a temporary folder; and hw/dev/virtio-rng.h.
 */
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <string.h>
#include <unistd.h>

#include "hw/dev/virtio-blk.h"
#include "hw/dev/virtio-rng.h"
#include "tests/test-util.h"
#include "tests/virtio-rig.h"

#define SECTORS 64
#define HEADER RIG_DATA
#define STATUS (RIG_DATA + 0x100)
#define DATA (RIG_DATA + 0x1000)

typedef struct Rig {
	RigDevice device;
	char *dir, *path;
	Disk *disk;
} Rig;

/* Sector N is full of the byte N. */
static void make_image(const char *path)
{
	uint8_t sector[DISK_SECTOR];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	for (unsigned i = 0; i < SECTORS; i++) {
		memset(sector, (int)i, sizeof(sector));
		g_assert_cmpint(write(fd, sector, sizeof(sector)), ==, sizeof(sector));
	}
	close(fd);
}

/* @size: of the image; 0: SECTORS. */
static void rig_init_size(Rig *rig, bool read_only, off_t size)
{
	uint64_t all = 1ull << VIRTIO_BLK_F_FLUSH;

	rig_device_init(&rig->device);
	rig->dir = test_dir_new();
	rig->path = g_build_filename(rig->dir, "a-name-of-more-than-20.img", NULL);
	make_image(rig->path);
	if (size != 0)
		g_assert_cmpint(truncate(rig->path, size), ==, 0);
	rig->disk = disk_open(rig->path, read_only, NULL);
	g_assert_nonnull(rig->disk);
	rig_device_start(&rig->device, virtio_blk_new(rig->disk, &rig->device.host), all);
}

static void rig_init(Rig *rig, bool read_only)
{
	rig_init_size(rig, read_only, 0);
}

static void rig_clear(Rig *rig)
{
	rig_device_clear(&rig->device);
	disk_close(rig->disk);
	g_free(rig->path);
	test_dir_remove(rig->dir);
}

static void *at(Rig *rig, uint64_t gpa, uint64_t len)
{
	return rig_at(&rig->device.ram, gpa, len);
}

static void put_header(Rig *rig, uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr header = {.type = type, .sector = sector};

	memcpy(at(rig, HEADER, sizeof(header)), &header, sizeof(header));
	memset(at(rig, STATUS, 1), 0x5a, 1);
}

/* The data in two parts, @len bytes at DATA. */
static void describe_on(RigQueue *queue, bool in, uint32_t len)
{
	uint16_t flags = RIG_NEXT | (in ? RIG_WRITE : 0);

	rig_desc(queue, 0, HEADER, 16, RIG_NEXT, 1);
	rig_desc(queue, 1, DATA, len / 3, flags, 2);
	rig_desc(queue, 2, DATA + len / 3, len - len / 3, flags, 3);
	rig_desc(queue, 3, STATUS, 1, RIG_WRITE, 0);
}

static void describe(Rig *rig, bool in, uint32_t len)
{
	describe_on(&rig->device.queue[0], in, len);
}

/* The status. */
static uint8_t request(Rig *rig, uint32_t type, uint64_t sector, bool in, uint32_t len)
{
	uint32_t written;
	uint8_t status;

	put_header(rig, type, sector);
	describe(rig, in, len);
	rig_offer(&rig->device.queue[0], 0);
	g_assert_cmpuint(rig_device_run(&rig->device, 0, &written), ==, 0);
	status = *(uint8_t *)at(rig, STATUS, 1);
	g_assert_cmpuint(written, ==, status == VIRTIO_BLK_S_OK && in ? len + 1 : 1);
	return status;
}

static void expect_file(Rig *rig, unsigned sector, uint8_t byte)
{
	uint8_t got[DISK_SECTOR];
	int fd = open(rig->path, O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(pread(fd, got, sizeof(got), sector * DISK_SECTOR), ==, sizeof(got));
	close(fd);
	for (unsigned i = 0; i < sizeof(got); i++)
		g_assert_cmphex(got[i], ==, byte);
}

/* ---- What it says of itself ---- */

static void test_config(void)
{
	struct virtio_blk_config config;
	Rig rig;

	rig_init(&rig, false);
	virtio_read_config(rig.device.virtio, 0, &config, sizeof(config));
	g_assert_cmpuint(config.capacity, ==, SECTORS);
	g_assert_cmpuint(config.blk_size, ==, DISK_SECTOR);
	g_assert_cmpuint(config.seg_max, >=, 64);
	g_assert_cmpuint(config.seg_max, <=, 1022);
	g_assert_cmpuint(config.num_queues, ==, virtio_kind(rig.device.virtio)->n_queues);
	g_assert_cmpuint(config.max_discard_seg, >=, 1);
	g_assert_cmpuint(config.max_write_zeroes_sectors, >=, 1);
	g_assert_cmpuint(DISK_SECTOR << config.physical_block_exp, ==, disk_block_size(rig.disk));
	uint64_t offered = virtio_offered(rig.device.virtio);
	g_assert_cmphex(offered & 1ull << VIRTIO_BLK_F_RO, ==, 0);
	g_assert_cmphex(offered & 1ull << VIRTIO_BLK_F_FLUSH, !=, 0);
	g_assert_cmphex(offered & 1ull << VIRTIO_BLK_F_MQ, !=, 0);
	g_assert_cmphex(offered & 1ull << VIRTIO_BLK_F_DISCARD, !=, 0);
	g_assert_cmphex(offered & 1ull << VIRTIO_BLK_F_WRITE_ZEROES, !=, 0);
	rig_clear(&rig);
	rig_init(&rig, true);
	offered = virtio_offered(rig.device.virtio);
	g_assert_cmphex(offered & 1ull << VIRTIO_BLK_F_RO, !=, 0);
	g_assert_cmphex(offered & 1ull << VIRTIO_BLK_F_DISCARD, ==, 0);
	rig_clear(&rig);
}

static void test_id(void)
{
	Rig rig;

	rig_init(&rig, true);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_GET_ID, 0, true, 20), ==, VIRTIO_BLK_S_OK);
	g_assert_cmpmem(at(&rig, DATA, 20), 20, "a-name-of-more-than-", 20);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_GET_ID, 0, true, 19), ==, VIRTIO_BLK_S_IOERR);
	rig_clear(&rig);
}

/* ---- Reading and writing ---- */

static void test_read(void)
{
	Rig rig;

	rig_init(&rig, true);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_IN, 7, true, 4 * DISK_SECTOR), ==,
			 VIRTIO_BLK_S_OK);
	for (unsigned i = 0; i < 4 * DISK_SECTOR; i++)
		g_assert_cmphex(*(uint8_t *)at(&rig, DATA + i, 1), ==, 7 + i / DISK_SECTOR);
	g_assert_cmphex(*(uint8_t *)at(&rig, DATA + 4 * DISK_SECTOR, 1), ==, 0);
	rig_clear(&rig);
}

static void test_write(void)
{
	Rig rig;

	rig_init(&rig, false);
	memset(at(&rig, DATA, 2 * DISK_SECTOR), 0xaa, 2 * DISK_SECTOR);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_OUT, 62, false, 2 * DISK_SECTOR), ==,
			 VIRTIO_BLK_S_OK);
	expect_file(&rig, 61, 61);
	expect_file(&rig, 62, 0xaa);
	expect_file(&rig, 63, 0xaa);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_FLUSH, 0, false, 0), ==, VIRTIO_BLK_S_OK);
	rig_clear(&rig);
}

/* A driver that cannot flush. */
static void test_write_through(void)
{
	Rig rig;

	rig_init(&rig, false);
	virtio_set_status(rig.device.virtio, 0);
	rig_device_start(&rig.device, rig.device.virtio, 0);
	memset(at(&rig, DATA, DISK_SECTOR), 0xaa, DISK_SECTOR);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_OUT, 1, false, DISK_SECTOR), ==,
			 VIRTIO_BLK_S_OK);
	expect_file(&rig, 1, 0xaa);
	rig_clear(&rig);
}

static void test_refused(void)
{
	static const struct {
		uint32_t type;
		uint64_t sector;
		uint32_t len;
		uint8_t status;
	} rows[] = {
		{VIRTIO_BLK_T_IN, SECTORS, DISK_SECTOR, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, SECTORS - 1, 2 * DISK_SECTOR, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, SECTORS - 1, DISK_SECTOR, VIRTIO_BLK_S_OK},
		{VIRTIO_BLK_T_IN, UINT64_MAX, DISK_SECTOR, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, UINT64_MAX / DISK_SECTOR, DISK_SECTOR, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, 1ull << 55, DISK_SECTOR, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, 0, (SECTORS + 1) * DISK_SECTOR, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, 0, 100, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, 0, DISK_SECTOR + 1, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_OUT, SECTORS, DISK_SECTOR, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_OUT, 0, DISK_SECTOR - 1, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_SCSI_CMD, 0, DISK_SECTOR, VIRTIO_BLK_S_UNSUPP},
		{4711, 0, DISK_SECTOR, VIRTIO_BLK_S_UNSUPP},
	};
	Rig rig;

	rig_init(&rig, false);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("row %u", i);
		g_assert_cmpuint(request(&rig, rows[i].type, rows[i].sector,
					 rows[i].type == VIRTIO_BLK_T_IN, rows[i].len),
				 ==, rows[i].status);
	}
	for (unsigned i = 0; i < SECTORS; i++)
		expect_file(&rig, i, i);
	rig_clear(&rig);
}

static void test_read_only(void)
{
	static const uint32_t types[] = {VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD,
					 VIRTIO_BLK_T_WRITE_ZEROES};
	Rig rig;

	rig_init(&rig, true);
	memset(at(&rig, DATA, DISK_SECTOR), 0, DISK_SECTOR);
	for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
		g_assert_cmpuint(request(&rig, types[i], 1, false, i ? 16 : DISK_SECTOR), ==,
				 VIRTIO_BLK_S_IOERR);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_FLUSH, 0, false, 0), ==, VIRTIO_BLK_S_OK);
	expect_file(&rig, 1, 1);
	rig_clear(&rig);
}

/* A file that was cut gives what it has, and then errors. */
static void test_short_file(void)
{
	Rig rig;

	rig_init(&rig, true);
	g_assert_cmpint(truncate(rig.path, 10 * DISK_SECTOR), ==, 0);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_IN, 8, true, 2 * DISK_SECTOR), ==,
			 VIRTIO_BLK_S_OK);
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_IN, 9, true, 2 * DISK_SECTOR), ==,
			 VIRTIO_BLK_S_IOERR);
	rig_clear(&rig);
}

/* A breakpoint's patch goes to no disk, and stays where data comes in. */
static void test_break(void)
{
	uint32_t written;
	Rig rig;

	rig_init(&rig, false);
	memset(at(&rig, DATA, DISK_SECTOR), 0xaa, DISK_SECTOR);
	/* As the debugger's stub does it: while no device works. */
	worker_hold(virtio_worker(rig.device.virtio));
	rig.device.ram.break_at = DATA + 5;
	rig.device.ram.under = 0xaa;
	worker_go(virtio_worker(rig.device.virtio));
	*(uint8_t *)at(&rig, DATA + 5, 1) = 0xcc;
	g_assert_cmpuint(request(&rig, VIRTIO_BLK_T_OUT, 3, false, DISK_SECTOR), ==,
			 VIRTIO_BLK_S_OK);
	expect_file(&rig, 3, 0xaa);
	/* More than the bounce buffer holds, as it were. */
	put_header(&rig, VIRTIO_BLK_T_IN, 9);
	describe(&rig, true, 40 * DISK_SECTOR);
	rig_offer(&rig.device.queue[0], 0);
	rig_device_run(&rig.device, 0, &written);
	g_assert_cmphex(*(uint8_t *)at(&rig, DATA + 4, 1), ==, 9);
	g_assert_cmphex(*(uint8_t *)at(&rig, DATA + 5, 1), ==, 0xcc);
	g_assert_cmphex(rig.device.ram.under, ==, 9);
	g_assert_cmphex(*(uint8_t *)at(&rig, DATA + 39 * DISK_SECTOR, 1), ==, 48);
	rig_clear(&rig);
}

/* ---- Ranges ---- */

static uint8_t range_request(Rig *rig, uint32_t type, const void *ranges, uint32_t len)
{
	memcpy(at(rig, DATA, len), ranges, len);
	return request(rig, type, 0, false, len);
}

static void test_zeroes(void)
{
	static const struct virtio_blk_discard_write_zeroes ranges[] = {
		{.sector = 3, .num_sectors = 2},
		{.sector = 63, .num_sectors = 1, .flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP},
	};
	Rig rig;

	rig_init(&rig, false);
	g_assert_cmpuint(range_request(&rig, VIRTIO_BLK_T_WRITE_ZEROES, ranges, sizeof(ranges)), ==,
			 VIRTIO_BLK_S_OK);
	expect_file(&rig, 2, 2);
	expect_file(&rig, 3, 0);
	expect_file(&rig, 4, 0);
	expect_file(&rig, 5, 5);
	expect_file(&rig, 63, 0);
	g_assert_cmpuint(range_request(&rig, VIRTIO_BLK_T_DISCARD, ranges, sizeof(*ranges)), ==,
			 VIRTIO_BLK_S_OK);
	rig_clear(&rig);
}

static void test_bad_ranges(void)
{
	static const struct {
		struct virtio_blk_discard_write_zeroes range;
		uint8_t discard, zero;
	} rows[] = {
		{{0, 0, 0}, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_OK},
		{{SECTORS, 1, 0}, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
		{{1, SECTORS, 0}, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
		{{UINT64_MAX, 2, 0}, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
		{{0, UINT32_MAX, 0}, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
		{{0, 0, 1}, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_OK},
		{{0, 1, 2}, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP},
	};
	struct virtio_blk_discard_write_zeroes many[17] = {0};
	Rig rig;

	rig_init(&rig, false);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("row %u", i);
		g_assert_cmpuint(range_request(&rig, VIRTIO_BLK_T_DISCARD, &rows[i].range, 16), ==,
				 rows[i].discard);
		g_assert_cmpuint(range_request(&rig, VIRTIO_BLK_T_WRITE_ZEROES, &rows[i].range, 16),
				 ==, rows[i].zero);
	}
	g_assert_cmpuint(range_request(&rig, VIRTIO_BLK_T_DISCARD, many, 16 * 16), ==,
			 VIRTIO_BLK_S_OK);
	g_assert_cmpuint(range_request(&rig, VIRTIO_BLK_T_DISCARD, many, 17 * 16), ==,
			 VIRTIO_BLK_S_IOERR);
	g_assert_cmpuint(range_request(&rig, VIRTIO_BLK_T_DISCARD, many, 15), ==,
			 VIRTIO_BLK_S_IOERR);
	g_assert_cmpuint(range_request(&rig, VIRTIO_BLK_T_DISCARD, many, 0), ==,
			 VIRTIO_BLK_S_IOERR);
	for (unsigned i = 0; i < SECTORS; i++)
		expect_file(&rig, i, i);
	rig_clear(&rig);
}

/* ---- Hostile chains ---- */

static void test_no_header(void)
{
	Rig rig;

	rig_init(&rig, false);
	rig_desc(&rig.device.queue[0], 0, HEADER, 15, RIG_NEXT, 1);
	rig_desc(&rig.device.queue[0], 1, STATUS, 1, RIG_WRITE, 0);
	rig_offer(&rig.device.queue[0], 0);
	rig_device_expect_failure(&rig.device);
	rig_clear(&rig);
	rig_init(&rig, false);
	rig_desc(&rig.device.queue[0], 0, HEADER, 16, 0, 0);
	rig_offer(&rig.device.queue[0], 0);
	rig_device_expect_failure(&rig.device);
	g_assert_cmpuint(rig_used_index(&rig.device.queue[0]), ==, 0);
	rig_clear(&rig);
}

/* The header in pieces, and data and status in one. */
static void test_any_layout(void)
{
	uint32_t written;
	Rig rig;

	rig_init(&rig, false);
	put_header(&rig, VIRTIO_BLK_T_IN, 5);
	rig_desc(&rig.device.queue[0], 0, HEADER, 3, RIG_NEXT, 1);
	rig_desc(&rig.device.queue[0], 1, HEADER + 3, 13, RIG_NEXT, 2);
	rig_desc(&rig.device.queue[0], 2, DATA, DISK_SECTOR + 1, RIG_WRITE, 0);
	*(uint8_t *)at(&rig, DATA + DISK_SECTOR, 1) = 0x5a;
	rig_offer(&rig.device.queue[0], 0);
	rig_device_run(&rig.device, 0, &written);
	g_assert_cmpuint(written, ==, DISK_SECTOR + 1);
	g_assert_cmphex(*(uint8_t *)at(&rig, DATA + DISK_SECTOR - 1, 1), ==, 5);
	g_assert_cmphex(*(uint8_t *)at(&rig, DATA + DISK_SECTOR, 1), ==, VIRTIO_BLK_S_OK);
	rig_clear(&rig);
}

/* A driver with more CPUs has a queue for each. */
static void test_queues(void)
{
	unsigned n_queues;
	Rig rig;

	rig_init(&rig, false);
	n_queues = virtio_kind(rig.device.virtio)->n_queues;
	g_assert_cmpuint(n_queues, >, 1);
	for (unsigned i = 0; i < n_queues; i++) {
		RigQueue *queue = &rig.device.queue[i];
		uint32_t written;

		put_header(&rig, VIRTIO_BLK_T_IN, i + 1);
		describe_on(queue, true, DISK_SECTOR);
		rig_offer(queue, 0);
		g_assert_cmpuint(rig_device_run(&rig.device, i, &written), ==, 0);
		g_assert_cmpuint(written, ==, DISK_SECTOR + 1);
		g_assert_cmphex(*(uint8_t *)at(&rig, DATA, 1), ==, i + 1);
	}
	rig_clear(&rig);
}

/* More requests than one turn has, for one kick. */
static void test_many(void)
{
	uint32_t written;
	Rig rig;

	rig_init(&rig, false);
	put_header(&rig, VIRTIO_BLK_T_IN, 1);
	describe(&rig, true, DISK_SECTOR);
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < RIG_QUEUE_SIZE; i++)
			rig_offer(&rig.device.queue[0], 0);
		virtio_kick(rig.device.virtio);
		for (unsigned i = 0; i < RIG_QUEUE_SIZE; i++)
			rig_device_wait(&rig.device, 0, &written);
	}
	rig_clear(&rig);
}

/* What is filled with zeros counts as if it were written: each of these is a turn. */
static void test_many_zeroes(void)
{
	const struct virtio_blk_discard_write_zeroes range = {.num_sectors = 8192};
	static const uint32_t types[] = {VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_DISCARD};
	uint32_t written;
	Rig rig;

	for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
		rig_init_size(&rig, false, 4 << 20);
		memcpy(at(&rig, DATA, sizeof(range)), &range, sizeof(range));
		put_header(&rig, types[i], 0);
		describe(&rig, false, sizeof(range));
		for (unsigned j = 0; j < 3; j++)
			rig_offer(&rig.device.queue[0], 0);
		virtio_kick(rig.device.virtio);
		for (unsigned j = 0; j < 3; j++)
			rig_device_wait(&rig.device, 0, &written);
		g_assert_cmpuint(*(uint8_t *)at(&rig, STATUS, 1), ==, VIRTIO_BLK_S_OK);
		worker_hold(virtio_worker(rig.device.virtio));
		g_assert_cmpuint(rig.device.interrupts, ==, 3);
		worker_go(virtio_worker(rig.device.virtio));
		rig_clear(&rig);
	}
}

/* How long a request is whose data are @n times the same 256 KiB; the answer to it. */
static uint8_t read_long(Rig *rig, unsigned n)
{
	const uint64_t table = DATA, part = DATA + 0x4000;
	const uint32_t len = 256u << 10;
	uint32_t written;

	put_header(rig, VIRTIO_BLK_T_IN, 0);
	rig_desc(&rig->device.queue[0], 0, table, (n + 2) * 16, RIG_INDIRECT, 0);
	rig_indirect(&rig->device.ram, table, 0, HEADER, 16, RIG_NEXT, 1);
	for (unsigned i = 1; i <= n; i++)
		rig_indirect(&rig->device.ram, table, i, part, len, RIG_NEXT | RIG_WRITE, i + 1);
	rig_indirect(&rig->device.ram, table, n + 1, STATUS, 1, RIG_WRITE, 0);
	rig_offer(&rig->device.queue[0], 0);
	g_assert_cmpuint(rig_device_run(&rig->device, 0, &written), ==, 0);
	return *(uint8_t *)at(rig, STATUS, 1);
}

/* One request is not as long as a chain may be: 4 GiB. */
static void test_long(void)
{
	Rig rig;

	rig_init_size(&rig, false, 128 << 20);
	g_assert_cmpuint(read_long(&rig, 256), ==, VIRTIO_BLK_S_OK);
	g_assert_cmpuint(read_long(&rig, 257), ==, VIRTIO_BLK_S_IOERR);
	rig_clear(&rig);
}

/* ---- Random numbers ---- */

static void test_rng(void)
{
	static const uint8_t zeros[64];
	uint32_t written;
	RigDevice device;

	rig_device_init(&device);
	rig_device_start(&device, virtio_rng_new(&device.host), 0);
	rig_desc(&device.queue[0], 0, DATA, 64, RIG_WRITE, 0);
	rig_offer(&device.queue[0], 0);
	rig_device_run(&device, 0, &written);
	g_assert_cmpuint(written, ==, 64);
	g_assert_cmpint(memcmp(rig_at(&device.ram, DATA, 64), zeros, 64), !=, 0);
	/* However much is asked for. */
	rig_desc(&device.queue[0], 0, RIG_DATA, 0x40000, RIG_WRITE, 0);
	rig_offer(&device.queue[0], 0);
	rig_device_run(&device, 0, &written);
	g_assert_cmpuint(written, ==, 4096);
	/* Nothing to fill. */
	rig_desc(&device.queue[0], 0, RIG_DATA, 64, 0, 0);
	rig_offer(&device.queue[0], 0);
	rig_device_run(&device, 0, &written);
	g_assert_cmpuint(written, ==, 0);
	rig_device_clear(&device);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"config", test_config},
		{"id", test_id},
		{"read", test_read},
		{"write", test_write},
		{"write-through", test_write_through},
		{"refused", test_refused},
		{"read-only", test_read_only},
		{"short-file", test_short_file},
		{"break", test_break},
		{"zeroes", test_zeroes},
		{"bad-ranges", test_bad_ranges},
		{"no-header", test_no_header},
		{"any-layout", test_any_layout},
		{"queues", test_queues},
		{"many", test_many},
		{"long", test_long},
		{"many-zeroes", test_many_zeroes},
		{"rng", test_rng},
		{0},
	};

	return test_main(argc, argv, "hw-virtio-blk", cases);
}

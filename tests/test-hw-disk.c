/*
 * tests/test-hw-disk.c - hw/dev/disk.h: what can be a disk, whose it is, and its bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/dev/disk.h"
#include "tests/test-util.h"

typedef struct Rig {
	char *dir;
	char *path; /* an image of 8 sectors: the first of a's, the second of b's ... */
} Rig;

static void make_file(const char *path, const void *head, size_t head_len, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, head, head_len), ==, head_len);
	g_assert_cmpint(ftruncate(fd, size), ==, 0);
	close(fd);
}

static void rig_init(Rig *rig)
{
	char sectors[8 * DISK_SECTOR];

	for (unsigned i = 0; i < 8; i++)
		memset(sectors + i * DISK_SECTOR, 'a' + (int)i, DISK_SECTOR);
	rig->dir = test_dir_new();
	rig->path = g_build_filename(rig->dir, "disk.img", NULL);
	make_file(rig->path, sectors, sizeof(sectors), sizeof(sectors));
}

static void rig_clear(Rig *rig)
{
	g_free(rig->path);
	test_dir_remove(rig->dir);
}

static Disk *open_disk(const Rig *rig, bool read_only)
{
	g_autoptr(GError) error = NULL;
	Disk *disk = disk_open(rig->path, read_only, &error);

	g_assert_no_error(error);
	return disk;
}

static void expect_refused(const char *path, bool read_only, const char *word)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(disk_open(path, read_only, &error));
	g_test_message("%s", error->message);
	g_assert_true(g_str_has_prefix(error->message, path));
	g_assert_nonnull(strstr(error->message, word));
}

/* ---- Opening ---- */

static void test_size(void)
{
	Rig rig;

	rig_init(&rig);
	g_autoptr(Disk) disk = open_disk(&rig, false);
	g_assert_cmpuint(disk_size(disk), ==, 8 * DISK_SECTOR);
	g_assert_cmpstr(disk_path(disk), ==, rig.path);
	g_assert_false(disk_is_read_only(disk));
	g_assert_cmpuint(disk_block_size(disk), >=, DISK_SECTOR);
	g_assert_cmpuint(disk_block_size(disk) & (disk_block_size(disk) - 1), ==, 0);
	/* It stays what it was. */
	g_assert_cmpint(truncate(rig.path, 100 * DISK_SECTOR), ==, 0);
	g_assert_cmpuint(disk_size(disk), ==, 8 * DISK_SECTOR);
	disk_close(g_steal_pointer(&disk));
	g_assert_cmpint(truncate(rig.path, 5 * DISK_SECTOR + 1), ==, 0);
	disk = open_disk(&rig, true);
	g_assert_true(disk_is_read_only(disk));
	g_assert_cmpuint(disk_size(disk), ==, 5 * DISK_SECTOR);
	rig_clear(&rig);
}

static void test_refused(void)
{
	Rig rig;

	rig_init(&rig);
	g_autofree char *missing = g_build_filename(rig.dir, "missing", NULL);
	g_autofree char *fifo = g_build_filename(rig.dir, "fifo", NULL);

	expect_refused(missing, false, "No such file");
	expect_refused(rig.dir, false, "is a folder");
	expect_refused("/dev/null", false, "no block device");
	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	expect_refused(fifo, true, "no block device");
	g_assert_cmpint(truncate(rig.path, 511), ==, 0);
	expect_refused(rig.path, false, "empty");
	g_assert_cmpint(truncate(rig.path, 0), ==, 0);
	expect_refused(rig.path, true, "empty");
	rig_clear(&rig);
}

static void test_formats(void)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *name;
	} rows[] = {
		{"QFI\xfb\0\0\0\3", 8, "qcow2"}, {"QED\0", 4, "qed"},	 {"KDMV", 4, "vmdk"},
		{"vhdxfile", 8, "vhdx"},	 {"conectix", 8, "vpc"},
	};
	char vdi[68] = "<<< Oracle VM VirtualBox Disk Image >>>\n";
	Rig rig;

	rig_init(&rig);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		make_file(rig.path, rows[i].magic, rows[i].len, 8 * DISK_SECTOR);
		expect_refused(rig.path, false, rows[i].name);
		expect_refused(rig.path, true, "qemu-img");
	}
	memcpy(vdi + 64, "\x7f\x10\xda\xbe", 4);
	make_file(rig.path, vdi, sizeof(vdi), 8 * DISK_SECTOR);
	expect_refused(rig.path, false, "vdi");
	rig_clear(&rig);
}

/* ---- Whose it is ---- */

static void test_locks(void)
{
	Rig rig;

	rig_init(&rig);
	g_autoptr(Disk) writer = open_disk(&rig, false);
	expect_refused(rig.path, false, "another process uses it");
	expect_refused(rig.path, true, "another process writes to it");
	disk_close(g_steal_pointer(&writer));
	g_autoptr(Disk) reader = open_disk(&rig, true);
	g_autoptr(Disk) other = open_disk(&rig, true);
	expect_refused(rig.path, false, "another process uses it");
	disk_close(g_steal_pointer(&reader));
	disk_close(g_steal_pointer(&other));
	writer = open_disk(&rig, false);
	rig_clear(&rig);
}

static int lock_as_qemu(const char *path, off_t byte, int *ret_fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_start = byte, .l_len = 1};

	*ret_fd = open(path, O_RDWR | O_CLOEXEC);
	return fcntl(*ret_fd, F_OFD_SETLK, &lock);
}

/* QEMU holds byte 101 while it writes, and 201 if nobody else may. */
static void test_qemu(void)
{
	int fd;
	Rig rig;

	rig_init(&rig);
	g_assert_cmpint(lock_as_qemu(rig.path, 101, &fd), ==, 0);
	expect_refused(rig.path, false, "QEMU");
	expect_refused(rig.path, true, "QEMU");
	close(fd);
	g_assert_cmpint(lock_as_qemu(rig.path, 201, &fd), ==, 0);
	expect_refused(rig.path, false, "QEMU");
	g_autoptr(Disk) reader = open_disk(&rig, true);
	close(fd);
	/* And the other way round. */
	g_assert_cmpint(lock_as_qemu(rig.path, 201, &fd), ==, 0);
	close(fd);
	disk_close(g_steal_pointer(&reader));
	g_autoptr(Disk) writer = open_disk(&rig, false);
	g_assert_cmpint(lock_as_qemu(rig.path, 101, &fd), ==, -1);
	close(fd);
	g_assert_cmpint(lock_as_qemu(rig.path, 201, &fd), ==, -1);
	close(fd);
	rig_clear(&rig);
}

/* ---- Bytes ---- */

static void test_bytes(void)
{
	char one[2], two[DISK_SECTOR], text[] = "xyz";
	struct iovec in[] = {{one, 2}, {two, DISK_SECTOR - 2}}, out = {text, 3};
	Rig rig;

	rig_init(&rig);
	g_autoptr(Disk) disk = open_disk(&rig, false);
	g_assert_cmpint(disk_read(disk, in, 2, DISK_SECTOR), ==, DISK_SECTOR);
	g_assert_cmpmem(one, 2, "bb", 2);
	g_assert_cmpint(two[DISK_SECTOR - 3], ==, 'b');
	g_assert_cmpint(disk_write(disk, &out, 1, DISK_SECTOR + 1, false), ==, 3);
	g_assert_cmpint(disk_write(disk, &out, 1, DISK_SECTOR + 4, true), ==, 3);
	g_assert_true(disk_flush(disk));
	g_assert_cmpint(disk_read(disk, in, 2, DISK_SECTOR), ==, DISK_SECTOR);
	g_assert_cmpmem(two, 6, "yzxyzb", 6);
	rig_clear(&rig);
}

static void expect_sectors(Disk *disk, const char *letters)
{
	char bytes[8 * DISK_SECTOR];
	struct iovec iov = {bytes, sizeof(bytes)};

	g_assert_cmpint(disk_read(disk, &iov, 1, 0), ==, sizeof(bytes));
	for (unsigned i = 0; i < 8; i++) {
		char expected = letters[i] == '0' ? 0 : letters[i];

		for (unsigned j = 0; j < DISK_SECTOR; j++)
			g_assert_cmpint(bytes[i * DISK_SECTOR + j], ==, expected);
	}
}

static void test_zero(void)
{
	Rig rig;

	rig_init(&rig);
	g_autoptr(Disk) disk = open_disk(&rig, false);
	g_assert_true(disk_zero(disk, DISK_SECTOR, 2 * DISK_SECTOR, false));
	expect_sectors(disk, "a00defgh");
	g_assert_true(disk_zero(disk, 7 * DISK_SECTOR, DISK_SECTOR, true));
	expect_sectors(disk, "a00defg0");
	/* Not larger, not smaller. */
	g_assert_true(disk_discard(disk, 6 * DISK_SECTOR, 2 * DISK_SECTOR));
	disk_close(g_steal_pointer(&disk));
	disk = open_disk(&rig, true);
	g_assert_cmpuint(disk_size(disk), ==, 8 * DISK_SECTOR);
	rig_clear(&rig);
}

/* Somebody cuts the file. */
static void test_short(void)
{
	char bytes[DISK_SECTOR];
	struct iovec iov = {bytes, sizeof(bytes)};
	Rig rig;

	rig_init(&rig);
	g_autoptr(Disk) disk = open_disk(&rig, true);
	g_assert_cmpint(truncate(rig.path, DISK_SECTOR + 10), ==, 0);
	g_assert_cmpint(disk_read(disk, &iov, 1, DISK_SECTOR), ==, 10);
	g_assert_cmpint(disk_read(disk, &iov, 1, DISK_SECTOR + 10), ==, -1);
	g_assert_cmpint(disk_read(disk, &iov, 1, 4 * DISK_SECTOR), ==, -1);
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"size", test_size},   {"refused", test_refused}, {"formats", test_formats},
		{"locks", test_locks}, {"qemu", test_qemu},	  {"bytes", test_bytes},
		{"zero", test_zero},   {"short", test_short},	  {0},
	};

	return test_main(argc, argv, "hw-disk", cases);
}

/*
 * hw/dev/disk.c - opening, locking and moving bytes.
 */
#include "hw/dev/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/util.h"

#define MAX_BLOCK (64 * 1024)
#define ZEROS (256 * 1024)

/*
 * QEMU's bytes for locks (block/file-posix.c): it holds a read lock on the first one while it may
 * write, and on the second one while it wants nobody else to write.
 */
#define LOCK_WRITES 101
#define LOCK_NO_WRITERS 201

typedef enum Access { ACCESS_READ, ACCESS_WRITE, ACCESS_FLUSH, N_ACCESS } Access;

static const char *const access_names[N_ACCESS] = {
	[ACCESS_READ] = "reading",
	[ACCESS_WRITE] = "writing",
	[ACCESS_FLUSH] = "flushing",
};

struct Disk {
	char *path;
	int fd;
	bool read_only;
	uint64_t size;
	unsigned block_size;
	bool said[N_ACCESS];
};

/* ---- Opening ---- */

static bool G_GNUC_PRINTF(3, 4) refuse(GError **error, const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *why = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", path, why);
	return false;
}

/* A device that is mounted is not opened for writing: O_EXCL. */
static bool open_file(Disk *disk, GError **error)
{
	struct stat status;

	if (stat(disk->path, &status) < 0)
		return refuse(error, disk->path, "%s", g_strerror(errno));
	if (S_ISDIR(status.st_mode))
		return refuse(error, disk->path, "is a folder, and no disk image");
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return refuse(error, disk->path, "is no file and no block device");
	disk->fd = open(disk->path, (disk->read_only	       ? O_RDONLY
				     : S_ISBLK(status.st_mode) ? O_RDWR | O_EXCL
							       : O_RDWR) |
					    O_CLOEXEC);
	if (disk->fd >= 0)
		return true;
	return refuse(error, disk->path, "%s%s", g_strerror(errno),
		      errno == EBUSY			    ? " (is it mounted?)"
		      : !disk->read_only && errno != ENOENT ? " (with ,ro it is only read)"
							    : "");
}

/* ENOLCK and the like: this file system has no locks. */
static bool set_lock(const Disk *disk, short type, off_t start, off_t end)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = end - start + 1,
	};

	return fcntl(disk->fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

static bool has_writer(const Disk *disk)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = LOCK_WRITES,
		.l_len = 1,
	};

	return fcntl(disk->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool lock_file(const Disk *disk, GError **error)
{
	if (disk->read_only) {
		if (set_lock(disk, F_RDLCK, LOCK_NO_WRITERS, LOCK_NO_WRITERS) && !has_writer(disk))
			return true;
	} else if (set_lock(disk, F_WRLCK, LOCK_WRITES, LOCK_NO_WRITERS)) {
		return true;
	}
	return refuse(error, disk->path, "another process %s it: another lkvm or QEMU",
		      disk->read_only ? "writes to" : "uses");
}

static bool take_size(Disk *disk, GError **error)
{
	off_t end = lseek(disk->fd, 0, SEEK_END);
	struct stat status;

	if (end < 0 || fstat(disk->fd, &status) < 0)
		return refuse(error, disk->path, "%s", g_strerror(errno));
	if (end < DISK_SECTOR)
		return refuse(error, disk->path, "is empty: a disk has 512 bytes or more");
	disk->size = end / DISK_SECTOR * DISK_SECTOR;
	if (disk->size != (uint64_t)end)
		vm_log("%s: the last %u bytes are no whole sector, and not on the disk", disk->path,
		       (unsigned)(end - disk->size));
	disk->block_size = DISK_SECTOR;
	while (disk->block_size < MIN((uint64_t)status.st_blksize, MAX_BLOCK))
		disk->block_size *= 2;
	return true;
}

static bool check_format(const Disk *disk, GError **error)
{
	static const struct {
		const char *magic;
		size_t len;
		off_t offset;
		const char *name;
	} formats[] = {
		{"QFI\xfb", 4, 0, "qcow2"},
		{"QED\0", 4, 0, "qed"},
		{"KDMV", 4, 0, "vmdk"},
		{"vhdxfile", 8, 0, "vhdx"},
		{"\x7f\x10\xda\xbe", 4, 64, "vdi"},
		{"conectix", 8, 0, "vpc"},
	};
	uint8_t head[DISK_SECTOR] = {0};

	if (pread(disk->fd, head, sizeof(head), 0) < 0)
		return refuse(error, disk->path, "reading failed: %s", g_strerror(errno));
	for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
		if (memcmp(head + formats[i].offset, formats[i].magic, formats[i].len) == 0)
			return refuse(error, disk->path,
				      "is a %s image, and lkvm has raw ones only; convert it with "
				      "`qemu-img convert -O raw` (Debian: qemu-utils)",
				      formats[i].name);
	}
	return true;
}

Disk *disk_open(const char *path, bool read_only, GError **error)
{
	g_autoptr(Disk) disk = g_new0(Disk, 1);

	disk->path = g_strdup(path);
	disk->read_only = read_only;
	disk->fd = -1;
	if (!open_file(disk, error) || !take_size(disk, error) || !check_format(disk, error) ||
	    !lock_file(disk, error))
		return NULL;
	return g_steal_pointer(&disk);
}

void disk_close(Disk *disk)
{
	if (disk == NULL)
		return;
	if (disk->fd >= 0)
		close(disk->fd);
	g_free(disk->path);
	g_free(disk);
}

const char *disk_path(const Disk *disk)
{
	return disk->path;
}

bool disk_is_read_only(const Disk *disk)
{
	return disk->read_only;
}

uint64_t disk_size(const Disk *disk)
{
	return disk->size;
}

unsigned disk_block_size(const Disk *disk)
{
	return disk->block_size;
}

/* ---- Bytes ---- */

static void complain(Disk *disk, Access access, const char *why)
{
	if (!disk->said[access])
		vm_log("%s: %s failed: %s; the guest is told", disk->path, access_names[access],
		       why);
	disk->said[access] = true;
}

/* Nothing is read behind the end: somebody has cut the file. */
static ssize_t check(Disk *disk, Access access, ssize_t n)
{
	if (n > 0)
		return n;
	complain(disk, access, n < 0 ? g_strerror(errno) : "the file became shorter");
	return -1;
}

ssize_t disk_read(Disk *disk, const struct iovec *iov, unsigned n, uint64_t offset)
{
	ssize_t done;

	do {
		done = preadv(disk->fd, iov, (int)n, (off_t)offset);
	} while (done < 0 && errno == EINTR);
	return check(disk, ACCESS_READ, done);
}

ssize_t disk_write(Disk *disk, const struct iovec *iov, unsigned n, uint64_t offset, bool durable)
{
	ssize_t done;

	do {
		done = pwritev2(disk->fd, iov, (int)n, (off_t)offset, durable ? RWF_DSYNC : 0);
	} while (done < 0 && errno == EINTR);
	return check(disk, ACCESS_WRITE, done);
}

bool disk_flush(Disk *disk)
{
	if (disk->read_only || fdatasync(disk->fd) == 0)
		return true;
	complain(disk, ACCESS_FLUSH, g_strerror(errno));
	return false;
}

/* @mode without FALLOC_FL_KEEP_SIZE. */
static bool allocate(const Disk *disk, int mode, uint64_t offset, uint64_t len)
{
	int ret;

	do {
		ret = fallocate(disk->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len);
	} while (ret < 0 && errno == EINTR);
	return ret == 0;
}

bool disk_discard(Disk *disk, uint64_t offset, uint64_t len)
{
	return allocate(disk, FALLOC_FL_PUNCH_HOLE, offset, len) || errno == EOPNOTSUPP ||
	       errno == ENOSYS || errno == ENODEV;
}

static bool write_zeros(Disk *disk, uint64_t offset, uint64_t len)
{
	g_autofree void *zeros = g_malloc0(ZEROS);

	while (len > 0) {
		struct iovec iov = {zeros, MIN(len, ZEROS)};
		ssize_t n = disk_write(disk, &iov, 1, offset, false);

		if (n < 0)
			return false;
		offset += n;
		len -= n;
	}
	return true;
}

/* Not every file system knows both. */
bool disk_zero(Disk *disk, uint64_t offset, uint64_t len, bool may_unmap)
{
	return (may_unmap && allocate(disk, FALLOC_FL_PUNCH_HOLE, offset, len)) ||
	       allocate(disk, FALLOC_FL_ZERO_RANGE, offset, len) || write_zeros(disk, offset, len);
}

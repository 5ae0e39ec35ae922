/*
 * hw/dev/disk.h - a raw disk image, or a block device of the host: opened, locked, read, written.
 *
 * The lock is QEMU's (F_OFD_SETLK at its bytes), so that neither QEMU nor a second lkvm writes to
 * an image that this one uses. One thread at a time uses a Disk. A failure is said on stderr once
 * for each kind of access, with the image's path.
 */
#ifndef VMGDB_HW_DEV_DISK_H
#define VMGDB_HW_DEV_DISK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define DISK_SECTOR 512

typedef struct Disk Disk;

/*
 * disk_open: NULL with @error, which names @path: it cannot be opened, is a folder, is no raw
 * image, is empty, or somebody else uses it.
 */
Disk *disk_open(const char *path, bool read_only, GError **error);
void disk_close(Disk *disk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Disk, disk_close)

const char *disk_path(const Disk *disk);
bool disk_is_read_only(const Disk *disk);
/* In bytes, whole sectors; as it was when it was opened. */
uint64_t disk_size(const Disk *disk);
/* What the file system likes to write at once: a power of two, at least a sector. */
unsigned disk_block_size(const Disk *disk);

/*
 * All of these want a range inside of the disk.
 * disk_read, disk_write: at most IOV_MAX pieces at byte @offset. Return how many bytes, at least
 * one, or -1. @durable: they are on the disk when it returns.
 * disk_flush: all that was written is on the disk.
 */
ssize_t disk_read(Disk *disk, const struct iovec *iov, unsigned n, uint64_t offset);
ssize_t disk_write(Disk *disk, const struct iovec *iov, unsigned n, uint64_t offset, bool durable);
bool disk_flush(Disk *disk);
/* disk_discard: nobody needs these bytes. Where that cannot be said to the host it does nothing. */
bool disk_discard(Disk *disk, uint64_t offset, uint64_t len);
/* disk_zero: they read as zeros. @may_unmap: they need no place then. */
bool disk_zero(Disk *disk, uint64_t offset, uint64_t len, bool may_unmap);

#endif

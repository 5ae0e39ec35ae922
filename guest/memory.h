/*
 * guest/memory.h - how the files of guest/ read the memory of the guest's kernel. Pure.
 *
 * guest/ knows what a Linux kernel keeps in its memory. It includes neither kvm/ nor gdbstub/:
 * whoever uses it says how memory is read. Nothing that is read is trusted: the guest may change
 * it at any time, and may lie in every byte of it. Numbers are little-endian.
 */
#ifndef VMGDB_GUEST_MEMORY_H
#define VMGDB_GUEST_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * @read: copies up to @len bytes from the kernel's virtual address @addr on, from RAM only, and
 * returns how many there were before a hole.
 * @look: the same, but memory that the guest has never used stays as it is, and counts as zeros:
 * for what may be no Linux at all. NULL: @read does that.
 */
typedef struct LinuxMemory {
	size_t (*read)(void *opaque, uint64_t addr, void *buf, size_t len);
	void *opaque;
	size_t (*look)(void *opaque, uint64_t addr, void *buf, size_t len);
} LinuxMemory;

/*
 * A part of the kernel's image, from @start up to @end exclusively, that is mapped throughout.
 * @writable: the kernel may write there.
 * @mixed: a writable one of a kernel that boots. Until it has booted it may write to its constants,
 * too, which lie there, and when it has, it gives pages away: those count as zeros.
 */
typedef struct LinuxRange {
	uint64_t start, end;
	bool writable, mixed;
} LinuxRange;

/* linux_range_at: the first of @ranges (@n of them) that has @addr, or NULL. */
const LinuxRange *linux_range_at(const LinuxRange *ranges, unsigned n, uint64_t addr);

/* linux_range_has_constants: may tables that the kernel never changes lie there? */
bool linux_range_has_constants(const LinuxRange *range);

/* What is longer is not read as a whole. */
#define LINUX_RANGE_MAX (256u * 1024 * 1024)

/* All of them, or FALSE. @ret has no meaning then. */
bool linux_read(const LinuxMemory *memory, uint64_t addr, void *ret, size_t len);
bool linux_read_u32(const LinuxMemory *memory, uint64_t addr, uint32_t *ret);
bool linux_read_u64(const LinuxMemory *memory, uint64_t addr, uint64_t *ret);

/*
 * linux_read_string: what is at @addr up to a NUL. NULL when there is none in the first @max bytes,
 * or a hole before it. Caller frees.
 */
char *linux_read_string(const LinuxMemory *memory, uint64_t addr, size_t max);

/*
 * linux_read_block: @len bytes, read piece by piece. NULL with @error, which says @what was to be
 * read, when a byte of it is not there or @len is more than @max. Caller unrefs.
 */
GByteArray *linux_read_block(const LinuxMemory *memory, uint64_t addr, uint64_t len, uint64_t max,
			     const char *what, GError **error);

/*
 * linux_read_range: a whole range. NULL when it is empty or too long, or a byte of it is not there
 * and it is not mixed. Caller unrefs.
 */
GByteArray *linux_read_range(const LinuxMemory *memory, const LinuxRange *range);

/* What went wrong with a guest: its message is one plain line. */
#define LINUX_ERROR (linux_error_quark())
GQuark linux_error_quark(void);

typedef enum LinuxError {
	LINUX_ERROR_ABSENT,  /* the kernel does not have it, or not yet */
	LINUX_ERROR_DAMAGED, /* what is there cannot be right */
} LinuxError;

#endif

/*
 * hw/dev/dma.h - implement me: how a device that works beside the vCPUs reaches the guest's RAM.
 *
 * The guest writes its RAM at any time: never trust a byte that was checked and is read again.
 * The debugger's breakpoints lie in RAM, too. Bytes that go to a disk or a network must be the
 * guest's own, and a breakpoint must stay where a device writes: where has_break() is true, use
 * read() and write() and no pointer. They are slow; without a client it is never true.
 */
#ifndef VMGDB_HW_DEV_DMA_H
#define VMGDB_HW_DEV_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Dma {
	/* Where [gpa, gpa + len) is in this process; NULL when any byte of it is not RAM. */
	void *(*at)(void *opaque, uint64_t gpa, uint64_t len);
	/* Before a write, or a read. May be NULL: never. Inside the worker's gate it stays true. */
	bool (*has_break)(void *opaque, uint64_t gpa, uint64_t len, bool is_write);
	/* All of it or FALSE; only where has_break() is true. */
	bool (*read)(void *opaque, uint64_t gpa, void *buf, size_t len);
	bool (*write)(void *opaque, uint64_t gpa, const void *buf, size_t len);
	void *opaque;
} Dma;

#endif

/*
 * tests/linux-image.h - a piece of memory with the tables of kallsyms in it, as Linux kernels of
 * several versions have them.
 */
#ifndef VMGDB_TESTS_LINUX_IMAGE_H
#define VMGDB_TESTS_LINUX_IMAGE_H

#include "guest/memory.h"

/*
 * @base: below it are per-CPU symbols, for PERCPU; the form's base otherwise.
 * @order_between: a table by name lies between markers and tokens.
 * @behind: addresses are behind the index. @align: where tables begin, and the size of the number.
 */
typedef struct LinuxLayout {
	const char *name;
	unsigned marker_size;
	bool order_between, behind;
	enum { OFFSETS, PERCPU, ADDRESSES, RELATIVE } form;
	unsigned align;
} LinuxLayout;

extern const LinuxLayout linux_layouts[]; /* ends with a NULL name */

typedef struct LinuxImageSymbol {
	uint64_t addr;
	char type;
	const char *name;
} LinuxImageSymbol;

/* What a test may damage: where it is in the image. */
typedef struct LinuxImage {
	GByteArray *bytes;
	size_t number, names, markers, tokens, index, addresses;
	uint64_t base; /* the address of its first byte */
	LinuxMemory memory;
} LinuxImage;

/*
 * linux_image_new: tables with @symbols (@n, by address, at least 64), in memory from @base on.
 * Symbols' addresses count from @text, where @layout has such a base. linux_image_append: bytes
 * behind it, from a multiple of 8 on; where they are.
 */
LinuxImage *linux_image_new(uint64_t base, const LinuxLayout *layout, uint64_t text,
			    const LinuxImageSymbol *symbols, unsigned n);
uint64_t linux_image_append(LinuxImage *image, const void *data, size_t len);
void linux_image_free(LinuxImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxImage, linux_image_free)

#endif

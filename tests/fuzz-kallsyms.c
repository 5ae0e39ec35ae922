/*
 * tests/fuzz-kallsyms.c - fuzzes the search for kallsyms: a guest may have any bytes in its image.
 */
#include <string.h>

#include "guest/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE 0xffffffff82000000ull

typedef struct Image {
	const uint8_t *data;
	size_t size;
} Image;

static size_t read_image(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const Image *image = opaque;
	size_t there;

	if (addr < BASE || addr - BASE >= image->size)
		return 0;
	there = MIN(len, image->size - (addr - BASE));
	memcpy(buf, image->data + (addr - BASE), there);
	return there;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Image image = {data, size};
	const LinuxMemory memory = {.read = read_image, .opaque = &image};
	const LinuxRange range = {BASE, BASE + size, false, false};
	g_autoptr(LinuxSymbols) symbols = linux_kallsyms_read(&memory, &range, 1, NULL);
	const LinuxSymbol *rows;
	unsigned n;

	if (!symbols)
		return 0;
	rows = linux_symbols_rows(symbols, &n);
	for (unsigned i = 0; i < n; i++)
		g_assert_nonnull(linux_symbols_at(symbols, rows[i].addr));
	return 0;
}

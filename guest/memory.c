/*
 * guest/memory.c - numbers, strings and blocks out of the guest's kernel.
 */
#include "guest/memory.h"

#include <inttypes.h>
#include <string.h>

/* clang-format off */
G_DEFINE_QUARK(vmgdb-linux-error, linux_error)
/* clang-format on */

bool linux_read(const LinuxMemory *memory, uint64_t addr, void *ret, size_t len)
{
	return addr + len >= addr && memory->read(memory->opaque, addr, ret, len) == len;
}

bool linux_read_u32(const LinuxMemory *memory, uint64_t addr, uint32_t *ret)
{
	uint32_t raw;

	if (!linux_read(memory, addr, &raw, sizeof(raw)))
		return false;
	*ret = GUINT32_FROM_LE(raw);
	return true;
}

bool linux_read_u64(const LinuxMemory *memory, uint64_t addr, uint64_t *ret)
{
	uint64_t raw;

	if (!linux_read(memory, addr, &raw, sizeof(raw)))
		return false;
	*ret = GUINT64_FROM_LE(raw);
	return true;
}

#define STRING_STEP 64u

char *linux_read_string(const LinuxMemory *memory, uint64_t addr, size_t max)
{
	g_autoptr(GString) text = g_string_new(NULL);

	while (text->len < max) {
		char piece[STRING_STEP];
		size_t want = MIN(sizeof(piece), max - text->len);
		size_t got = memory->read(memory->opaque, addr + text->len, piece, want);
		size_t len = strnlen(piece, got);

		g_string_append_len(text, piece, len);
		if (len < got)
			return g_string_free(g_steal_pointer(&text), FALSE);
		if (got < want)
			return NULL;
	}
	return NULL;
}

#define BLOCK_STEP (256u * 1024)

GByteArray *linux_read_block(const LinuxMemory *memory, uint64_t addr, uint64_t len, uint64_t max,
			     const char *what, GError **error)
{
	g_autoptr(GByteArray) block = g_byte_array_new();

	if (len > max) {
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED,
			    "%s: %" PRIu64 " bytes; at most %" PRIu64 " are expected", what, len,
			    max);
		return NULL;
	}
	/* Piece by piece, so that a length that is a lie takes no memory. */
	while (block->len < len) {
		guint at = block->len;
		size_t step = MIN(BLOCK_STEP, len - at);

		g_byte_array_set_size(block, at + step);
		if (linux_read(memory, addr + at, block->data + at, step))
			continue;
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT,
			    "%s: memory at 0x%" PRIx64 " cannot be read", what, addr + at);
		return NULL;
	}
	return g_steal_pointer(&block);
}

const LinuxRange *linux_range_at(const LinuxRange *ranges, unsigned n, uint64_t addr)
{
	for (unsigned i = 0; i < n; i++) {
		if (addr >= ranges[i].start && addr < ranges[i].end)
			return &ranges[i];
	}
	return NULL;
}

bool linux_range_has_constants(const LinuxRange *range)
{
	return !range->writable || range->mixed;
}

#define PAGE_SIZE 4096u

/* Where the page ends, or @range, that @at bytes after its start lie in. */
static uint64_t page_end(const LinuxRange *range, uint64_t at)
{
	return MIN((at / PAGE_SIZE + 1) * PAGE_SIZE, range->end - range->start);
}

static GByteArray *read_mixed(const LinuxMemory *memory, const LinuxRange *range)
{
	uint64_t len = range->end - range->start;
	GByteArray *block;

	if (len > LINUX_RANGE_MAX)
		return NULL;
	block = g_byte_array_new();
	while (block->len < len) {
		guint at = block->len;
		size_t step = MIN(BLOCK_STEP, len - at), got;

		g_byte_array_set_size(block, at + step);
		got = memory->read(memory->opaque, range->start + at, block->data + at, step);
		if (got == step)
			continue;
		g_byte_array_set_size(block, page_end(range, at + got));
		memset(block->data + at + got, 0, block->len - at - got);
	}
	return block;
}

GByteArray *linux_read_range(const LinuxMemory *memory, const LinuxRange *range)
{
	if (range->start == range->end)
		return NULL;
	if (range->mixed)
		return read_mixed(memory, range);
	return linux_read_block(memory, range->start, range->end - range->start, LINUX_RANGE_MAX,
				"the kernel", NULL);
}

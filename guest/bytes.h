/*
 * guest/bytes.h - a section of an ELF file while it is written, number by number. Pure; not
 * thread-safe.
 *
 * GByteArray is for the finished one: the millions of small numbers that a kernel's debug
 * information is made of cost several times more by its functions.
 */
#ifndef VMGDB_GUEST_BYTES_H
#define VMGDB_GUEST_BYTES_H

#include <glib.h>
#include <stdint.h>
#include <string.h>

/* @data: @len bytes, and room for @room in all. All zero: an empty one. */
typedef struct Bytes {
	uint8_t *data;
	uint32_t len, room;
} Bytes;

/* What is written at once fits behind the end: a number of 8 bytes, or one of LEB128. */
#define BYTES_SLACK 16u

/* bytes_grow: room for @more and the slack. */
void bytes_grow(Bytes *bytes, uint32_t more);
void bytes_append(Bytes *bytes, const void *data, uint32_t len);
/* bytes_string: with its NUL. */
void bytes_string(Bytes *bytes, const char *text);
/* bytes_end: all of it; @bytes is empty then. Caller unrefs. */
GByteArray *bytes_end(Bytes *bytes);
void bytes_clear(Bytes *bytes);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bytes, bytes_clear)

/* bytes_put: the low @len (8 at most) bytes of @value, little-endian. */
static inline void bytes_put(Bytes *bytes, uint64_t value, unsigned len)
{
	if (bytes->room - bytes->len < BYTES_SLACK)
		bytes_grow(bytes, 0);
	value = GUINT64_TO_LE(value);
	memcpy(bytes->data + bytes->len, &value, sizeof(value));
	bytes->len += len;
}

/* bytes_uleb, bytes_sleb: a number of LEB128 (DWARF 5, 7.6), without and with a sign. */
static inline void bytes_uleb(Bytes *bytes, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		bytes_put(bytes, (value & 0x7f) | 0x80, 1);
	bytes_put(bytes, value, 1);
}

void bytes_sleb(Bytes *bytes, int64_t value);

#endif

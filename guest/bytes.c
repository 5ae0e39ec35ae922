/*
 * guest/bytes.c - room for bytes.
 */
#include "guest/bytes.h"

#define ROOM_FIRST 64u

void bytes_grow(Bytes *bytes, uint32_t more)
{
	uint64_t wanted = (uint64_t)bytes->len + more + BYTES_SLACK;
	uint64_t room = MAX(bytes->room, ROOM_FIRST);

	while (room < wanted)
		room *= 2;
	if (room > UINT32_MAX)
		g_error("a section of 4 GiB");
	bytes->data = g_realloc(bytes->data, room);
	bytes->room = room;
}

void bytes_append(Bytes *bytes, const void *data, uint32_t len)
{
	if (!len)
		return;
	bytes_grow(bytes, len);
	memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

void bytes_string(Bytes *bytes, const char *text)
{
	bytes_append(bytes, text, strlen(text) + 1);
}

void bytes_sleb(Bytes *bytes, int64_t value)
{
	for (; value < -64 || value >= 64; value >>= 7)
		bytes_put(bytes, (value & 0x7f) | 0x80, 1);
	bytes_put(bytes, value & 0x7f, 1);
}

GByteArray *bytes_end(Bytes *bytes)
{
	Bytes all = *bytes;

	*bytes = (Bytes){0};
	return g_byte_array_new_take(g_realloc(all.data, MAX(all.len, 1u)), all.len);
}

void bytes_clear(Bytes *bytes)
{
	g_free(bytes->data);
	*bytes = (Bytes){0};
}

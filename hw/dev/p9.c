/*
 * hw/dev/p9.c - the few messages of 9P2000.L that are looked into.
 */
#include "hw/dev/p9.h"

#include <string.h>

static uint16_t get16(const uint8_t *data)
{
	return (uint16_t)(data[0] | data[1] << 8);
}

static uint32_t get32(const uint8_t *data)
{
	return get16(data) | (uint32_t)get16(data + 2) << 16;
}

static void put16(uint8_t *data, uint16_t value)
{
	data[0] = value & 0xff;
	data[1] = value >> 8;
}

static void put32(uint8_t *data, uint32_t value)
{
	put16(data, value & 0xffff);
	put16(data + 2, value >> 16);
}

bool p9_header(const uint8_t *data, P9Header *ret)
{
	*ret = (P9Header){get32(data), data[4], get16(data + 5)};
	return ret->size >= P9_HEADER_SIZE;
}

void p9_error(uint8_t ret[P9_ERROR_SIZE], uint16_t tag, int err)
{
	put32(ret, P9_ERROR_SIZE);
	ret[4] = P9_RLERROR;
	put16(ret + 5, tag);
	put32(ret + P9_HEADER_SIZE, err);
}

/* ---- Tversion, Rversion: msize[4] version[s]; Tflush: oldtag[2] ---- */

bool p9_version_size(const uint8_t *message, size_t len, uint32_t *ret)
{
	if (len < P9_HEADER_SIZE + 4)
		return false;
	*ret = get32(message + P9_HEADER_SIZE);
	return true;
}

bool p9_limit_version(GByteArray *message, uint32_t max)
{
	uint32_t size;

	if (!p9_version_size(message->data, message->len, &size))
		return false;
	put32(message->data + P9_HEADER_SIZE, MIN(size, max));
	return true;
}

bool p9_flush_tag(const uint8_t *message, size_t len, uint16_t *ret)
{
	if (len < P9_HEADER_SIZE + 2)
		return false;
	*ret = get16(message + P9_HEADER_SIZE);
	return true;
}

/* ---- Requests that only look ---- */

#define TLOPEN 12 /* fid[4] flags[4] */
/* Linux's flags of open(), which the protocol has taken over. */
#define OPEN_MODE 3
#define OPEN_TRUNCATE 01000

static bool opens_to_look(const uint8_t *message, size_t len)
{
	return len >= P9_HEADER_SIZE + 8 &&
	       (get32(message + P9_HEADER_SIZE + 4) & (OPEN_MODE | OPEN_TRUNCATE)) == 0;
}

bool p9_may_change(const uint8_t *message, size_t len)
{
	/* Tstatfs, readlink, getattr, xattrwalk, readdir, fsync, lock, getlock, version, auth,
	 * attach, flush, walk, read, clunk */
	static const uint8_t looks[] = {8,   22,  24,  30,  40,	 50,  52, 54,
					100, 102, 104, 108, 110, 116, 120};
	P9Header header;

	if (len < P9_HEADER_SIZE || !p9_header(message, &header))
		return true;
	if (header.type == TLOPEN)
		return !opens_to_look(message, len);
	return memchr(looks, header.type, sizeof(looks)) == NULL;
}

bool p9_makes_other(const uint8_t *message, size_t len)
{
	/* Tlopen, lcreate, setattr, xattrcreate, write, remove, unlinkat */
	static const uint8_t of_files[] = {TLOPEN, 14, 26, 32, 118, 122, 76};
	P9Header header;

	if (!p9_may_change(message, len))
		return false;
	return len < P9_HEADER_SIZE || !p9_header(message, &header) ||
	       memchr(of_files, header.type, sizeof(of_files)) == NULL;
}

/* ---- Twalk: fid[4] newfid[4] nwname[2] nwname*(wname[s]) ---- */

#define TWALK 110

static bool is_up(const uint8_t *name, size_t len)
{
	return len == 2 && memcmp(name, "..", 2) == 0;
}

bool p9_walks_up(const uint8_t *message, size_t len)
{
	size_t at = P9_HEADER_SIZE + 10;
	P9Header header;

	if (len < at || !p9_header(message, &header) || header.type != TWALK)
		return false;
	for (unsigned left = get16(message + at - 2); left > 0 && len - at >= 2; left--) {
		size_t size = get16(message + at);

		at += 2;
		if (len - at < size)
			return false;
		if (is_up(message + at, size))
			return true;
		at += size;
	}
	return false;
}

/* ---- Tattach: fid[4] afid[4] uname[s] aname[s] n_uname[4] ---- */

#define ATTACH_FIXED (P9_HEADER_SIZE + 8)

/* A string at *@offset, which moves behind it: how many bytes it has. FALSE: it does not end. */
static bool skip_string(const GByteArray *message, size_t *offset)
{
	if (message->len - *offset < 2)
		return false;
	size_t len = get16(message->data + *offset);
	*offset += 2;
	if (message->len - *offset < len)
		return false;
	*offset += len;
	return true;
}

static bool find_user(const GByteArray *message, uint32_t *ret_uid)
{
	size_t offset = ATTACH_FIXED;

	if (message->len < offset || !skip_string(message, &offset) ||
	    !skip_string(message, &offset) || message->len - offset != 4)
		return false;
	*ret_uid = get32(message->data + offset);
	return true;
}

bool p9_set_attach(GByteArray *message, const char *folder, uint32_t uid)
{
	size_t len = strlen(folder);
	uint8_t head[4] = {0}, user[4];
	uint32_t asked;

	if (len > UINT16_MAX || !find_user(message, &asked))
		return false;
	if (uid == P9_NO_USER)
		uid = asked == P9_NO_USER ? 0 : asked;
	put16(head + 2, (uint16_t)len);
	put32(user, uid);
	g_byte_array_set_size(message, ATTACH_FIXED);
	g_byte_array_append(message, head, sizeof(head));
	g_byte_array_append(message, (const uint8_t *)folder, len);
	g_byte_array_append(message, user, sizeof(user));
	put32(message->data, message->len);
	return true;
}

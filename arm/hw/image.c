/*
 * arm/hw/image.c - the header of an arm64 Linux kernel Image, and unpacking it.
 */
#include <gio/gio.h>
#include <string.h>

#include "arm/hw/image.h"

#define HEADER_SIZE 64
#define OFFSET_TEXT 8
#define OFFSET_SIZE 16
#define OFFSET_FLAGS 24
#define OFFSET_MAGIC 56
#define OLD_TEXT_OFFSET 0x80000 /* what kernels before 3.17 mean, whose size field is 0 */
#define FLAG_BIG_ENDIAN 1
#define ALIGNMENT 0x200000
#define UNPACKED_MAX (256u << 20)

static uint64_t get64(const uint8_t *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	return GUINT64_FROM_LE(value);
}

static bool invalid(GError **error, const char *what)
{
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, what);
	return false;
}

bool arm_image_parse(const uint8_t *data, size_t size, ArmImage *ret, GError **error)
{
	if (size < HEADER_SIZE || memcmp(data + OFFSET_MAGIC, "ARM\x64", 4) != 0)
		return invalid(error, "not an arm64 Image (arch/arm64/boot/Image of a build)");
	uint64_t flags = get64(data + OFFSET_FLAGS);
	uint64_t run_size = get64(data + OFFSET_SIZE);
	if (flags & FLAG_BIG_ENDIAN)
		return invalid(error,
			       "a big-endian kernel; only little-endian ones can be started");
	*ret = (ArmImage){
		.text_offset = run_size != 0 ? get64(data + OFFSET_TEXT) : OLD_TEXT_OFFSET,
		.run_size = MAX(run_size, size),
	};
	if (ret->text_offset >= ALIGNMENT)
		return invalid(error, "its header's text_offset is 2 MiB or more");
	return true;
}

bool arm_image_unpack(GBytes *data, GBytes **ret, GError **error)
{
	static const uint8_t magic[] = {0x1f, 0x8b};
	gsize size;
	const uint8_t *bytes = g_bytes_get_data(data, &size);

	if (size < sizeof(magic) || memcmp(bytes, magic, sizeof(magic)) != 0) {
		*ret = g_bytes_ref(data);
		return true;
	}
	g_autoptr(GZlibDecompressor) gzip = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
	g_autoptr(GInputStream) packed = g_memory_input_stream_new_from_bytes(data);
	g_autoptr(GInputStream) stream = g_converter_input_stream_new(packed, G_CONVERTER(gzip));
	g_autoptr(GByteArray) unpacked = g_byte_array_new();
	uint8_t buf[65536];
	gssize n;

	while ((n = g_input_stream_read(stream, buf, sizeof(buf), NULL, error)) > 0) {
		if (unpacked->len + n > UNPACKED_MAX)
			return invalid(error, "unpacks to more than 256 MiB");
		g_byte_array_append(unpacked, buf, n);
	}
	if (n < 0)
		return false;
	*ret = g_byte_array_free_to_bytes(g_steal_pointer(&unpacked));
	return true;
}

/*
 * tests/test-arm-image.c - the header of an arm64 kernel Image, and unpacking one (arm/hw/image.h).
 */
#include <gio/gio.h>
#include <string.h>

#include "arm/hw/image.h"

#define SIZE 256

/* A file of SIZE bytes with the header fields of booting.rst. */
static void make(uint8_t *file, uint64_t text_offset, uint64_t image_size, uint64_t flags)
{
	memset(file, 0x5a, SIZE);
	memcpy(file + 8, &text_offset, 8);
	memcpy(file + 16, &image_size, 8);
	memcpy(file + 24, &flags, 8);
	memcpy(file + 56, "ARM\x64", 4);
}

static void test_fields(void)
{
	g_autoptr(GError) error = NULL;
	uint8_t file[SIZE];
	ArmImage image;

	make(file, 0x80000, 0x1a00000, 0xa);
	g_assert_true(arm_image_parse(file, SIZE, &image, &error));
	g_assert_no_error(error);
	g_assert_cmphex(image.text_offset, ==, 0x80000);
	g_assert_cmphex(image.run_size, ==, 0x1a00000);
	/* A size that the file exceeds: the file counts. */
	make(file, 0, 16, 0xa);
	g_assert_true(arm_image_parse(file, SIZE, &image, &error));
	g_assert_cmphex(image.run_size, ==, SIZE);
}

/* Before 3.17 the size is 0, and the offset is 0x80000 whatever its field says. */
static void test_old(void)
{
	g_autoptr(GError) error = NULL;
	uint8_t file[SIZE];
	ArmImage image;

	make(file, 0x1234, 0, 0);
	g_assert_true(arm_image_parse(file, SIZE, &image, &error));
	g_assert_cmphex(image.text_offset, ==, 0x80000);
	g_assert_cmphex(image.run_size, ==, SIZE);
}

static void refused(const uint8_t *file, size_t size, const char *why)
{
	g_autoptr(GError) error = NULL;
	ArmImage image;

	g_assert_false(arm_image_parse(file, size, &image, &error));
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, why));
}

static void test_refused(void)
{
	uint8_t file[SIZE];

	make(file, 0, SIZE, 1);
	refused(file, SIZE, "big-endian");
	make(file, 0x200000, SIZE, 0);
	refused(file, SIZE, "text_offset");
	make(file, UINT64_MAX, SIZE, 0);
	refused(file, SIZE, "text_offset");
	make(file, 0, SIZE, 0);
	refused(file, 63, "not an arm64 Image");
	refused(file, 0, "not an arm64 Image");
	file[56] = 'a';
	refused(file, SIZE, "not an arm64 Image");
}

static GBytes *pack(const uint8_t *data, size_t len)
{
	g_autoptr(GZlibCompressor) gzip = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6);
	uint8_t out[4096];
	gsize used, made;

	g_assert_cmpint(g_converter_convert(G_CONVERTER(gzip), data, len, out, sizeof(out),
					    G_CONVERTER_INPUT_AT_END, &used, &made, NULL),
			==, G_CONVERTER_FINISHED);
	return g_bytes_new(out, made);
}

static void test_unpack(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) same = NULL, unpacked = NULL, none = NULL;
	uint8_t file[SIZE];

	make(file, 0, SIZE, 0);
	g_autoptr(GBytes) plain = g_bytes_new(file, SIZE);
	g_autoptr(GBytes) packed = pack(file, SIZE);
	g_assert_true(arm_image_unpack(plain, &same, &error));
	g_assert_true(same == plain);
	g_assert_true(arm_image_unpack(packed, &unpacked, &error));
	g_assert_no_error(error);
	g_assert_true(g_bytes_equal(plain, unpacked));
	g_autoptr(GBytes) cut = g_bytes_new_from_bytes(packed, 0, g_bytes_get_size(packed) / 2);
	g_assert_false(arm_image_unpack(cut, &none, &error));
	g_assert_nonnull(error);
	g_assert_null(none);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-image/fields", test_fields);
	g_test_add_func("/arm-image/old", test_old);
	g_test_add_func("/arm-image/refused", test_refused);
	g_test_add_func("/arm-image/unpack", test_unpack);
	return g_test_run();
}

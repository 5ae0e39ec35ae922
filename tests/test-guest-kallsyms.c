/*
 * tests/test-guest-kallsyms.c - the sentences of guest/kallsyms.h: tables made here in each layout
 * that kernels have had, then the same with something wrong.
 */
#include "guest/kallsyms.h"

#include <string.h>

#include "tests/test-util.h"

#define IMAGE 0xffffffff82000000ull
#define TEXT 0xffffffff81000000ull
#define N_SYMBOLS 700u /* three groups, the last one not whole */

/* ---- The image ---- */

typedef struct Layout {
	const char *name;
	unsigned marker_size;
	bool order_between; /* by name, between markers and tokens */
	bool behind;	    /* addresses are behind the index */
	enum { OFFSETS, PERCPU, ADDRESSES, RELATIVE } form;
} Layout;

static const Layout layouts[] = {
	{"4.19", 8, false, false, PERCPU},
	{"5.10", 4, false, false, PERCPU},
	{"6.1 arm64", 4, false, false, OFFSETS},
	{"6.2", 4, true, false, PERCPU},
	{"6.4", 4, false, true, PERCPU},
	{"6.15", 4, false, true, OFFSETS},
	{"without a base", 4, false, false, ADDRESSES},
	{"without a base, 6.4", 4, false, true, ADDRESSES},
	{"relative", 4, false, true, RELATIVE},
};

/* What the tests damage: where it is in the image. */
typedef struct Image {
	GByteArray *bytes;
	size_t number, names, markers, tokens, index, addresses;
	uint64_t base; /* of all: the address of its first byte */
	LinuxMemory memory;
} Image;

static void put(Image *image, const void *data, size_t len)
{
	g_byte_array_append(image->bytes, data, len);
}

static void put_number(Image *image, uint64_t number, size_t size)
{
	number = GUINT64_TO_LE(number);
	put(image, &number, size);
}

static size_t align(Image *image)
{
	while (image->bytes->len % 8)
		put(image, "", 1);
	return image->bytes->len;
}

/* The symbol @n: three per-CPU ones first, then code. */
static bool is_percpu(const Layout *layout, unsigned n)
{
	return layout->form == PERCPU && n < 3;
}

static uint64_t address(const Layout *layout, unsigned n)
{
	return is_percpu(layout, n) ? 0x100 * n : TEXT + 0x40 * (n / 2);
}

static char *symbol_name(unsigned n)
{
	/* One that is longer than 127 tokens, since 6.1. */
	return n == 300 ? g_strnfill(200, 'q') : g_strdup_printf("sys_call%u", n);
}

/* The tokens are the characters themselves, but 1: "sys_" and 2: "call". */
static void put_name(Image *image, unsigned n)
{
	g_autofree char *name = symbol_name(n);
	g_autoptr(GString) packed = g_string_new(n % 2 ? "T" : "t");
	g_autofree char *rest = NULL;

	if (g_str_has_prefix(name, "sys_call"))
		g_string_append(packed, "\1\2");
	rest = g_strdup(packed->len > 1 ? name + strlen("sys_call") : name);
	g_string_append(packed, rest);
	if (packed->len > 127) {
		put_number(image, (packed->len & 0x7f) | 0x80, 1);
		put_number(image, packed->len >> 7, 1);
	} else {
		put_number(image, packed->len, 1);
	}
	put(image, packed->str, packed->len);
}

static void put_names(Image *image, const Layout *layout)
{
	uint32_t markers[3];

	image->number = align(image);
	put_number(image, N_SYMBOLS, 8);
	image->names = image->bytes->len;
	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		if (n % 256 == 0)
			markers[n / 256] = image->bytes->len - image->names;
		put_name(image, n);
	}
	image->markers = align(image);
	for (unsigned n = 0; n < 3; n++)
		put_number(image, markers[n], layout->marker_size);
	align(image);
	for (unsigned n = 0; layout->order_between && n < N_SYMBOLS; n++)
		put_number(image, n, 3);
}

static void put_tokens(Image *image)
{
	uint16_t index[256];

	image->tokens = align(image);
	for (unsigned n = 0; n < 256; n++) {
		const char one[] = {n, '\0'};
		const char *token = n == 1 ? "sys_" : n == 2 ? "call" : one;

		index[n] = image->bytes->len - image->tokens;
		put(image, token, strlen(token) + 1);
	}
	image->index = align(image);
	for (unsigned n = 0; n < 256; n++)
		put_number(image, index[n], 2);
}

static void put_offset(Image *image, const Layout *layout, unsigned n)
{
	uint64_t addr = address(layout, n);

	if (layout->form == OFFSETS || is_percpu(layout, n))
		put_number(image, addr - (is_percpu(layout, n) ? 0 : TEXT), 4);
	else if (layout->form == PERCPU)
		put_number(image, TEXT - 1 - addr, 4);
	else
		put_number(image, addr - (image->base + image->bytes->len), 4);
}

static void put_addresses(Image *image, const Layout *layout)
{
	image->addresses = align(image);
	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		if (layout->form == ADDRESSES)
			put_number(image, address(layout, n), 8);
		else
			put_offset(image, layout, n);
	}
	align(image);
	if (layout->form == OFFSETS || layout->form == PERCPU)
		put_number(image, TEXT, 8);
}

static size_t read_image(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const Image *image = opaque;
	size_t there;

	if (addr < image->base || addr - image->base >= image->bytes->len)
		return 0;
	there = MIN(len, image->bytes->len - (addr - image->base));
	memcpy(buf, image->bytes->data + (addr - image->base), there);
	return there;
}

static Image *image_new(const Layout *layout)
{
	Image *image = g_new0(Image, 1);

	image->bytes = g_byte_array_new();
	image->base = IMAGE;
	image->memory = (LinuxMemory){.read = read_image, .opaque = image};
	put(image, "something else 0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 35);
	if (!layout->behind)
		put_addresses(image, layout);
	put_names(image, layout);
	put_tokens(image);
	if (layout->behind)
		put_addresses(image, layout);
	put(image, "and more", 8);
	return image;
}

static void image_free(Image *image)
{
	g_byte_array_unref(image->bytes);
	g_free(image);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Image, image_free)

static LinuxSymbols *look(const Image *image)
{
	const LinuxRange ranges[] = {
		{image->base - 0x1000, image->base - 0x800, false},
		{image->base, image->base + image->bytes->len, true},
		{image->base, image->base + image->bytes->len, false},
	};
	g_autoptr(GError) error = NULL;
	LinuxSymbols *symbols =
		linux_kallsyms_read(&image->memory, ranges, G_N_ELEMENTS(ranges), &error);

	if (!symbols)
		g_assert_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT);
	else
		g_assert_no_error(error);
	return symbols;
}

/* ---- Tests ---- */

static void check_all(const Layout *layout, const LinuxSymbols *symbols)
{
	unsigned count;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &count);

	g_assert_cmpuint(count, ==, N_SYMBOLS);
	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		g_autofree char *name = symbol_name(n);

		g_assert_cmpstr(linux_symbols_name(symbols, &rows[n]), ==, name);
		g_assert_cmphex(rows[n].addr, ==, address(layout, n));
		g_assert_cmpint(rows[n].type, ==, n % 2 ? 'T' : 't');
	}
}

static void test_layouts(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
		g_autoptr(Image) image = image_new(&layouts[i]);
		g_autoptr(LinuxSymbols) symbols = look(image);

		g_test_message("%s", layouts[i].name);
		g_assert_nonnull(symbols);
		check_all(&layouts[i], symbols);
	}
}

/* Nothing is read where the kernel writes, or of what is not there as a whole. */
static void test_ranges(void)
{
	g_autoptr(Image) image = image_new(&layouts[1]);
	LinuxRange range = {image->base, image->base + image->bytes->len, true};

	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
	range.writable = false;
	range.end++;
	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
	range.end = range.start + LINUX_RANGE_MAX + 1;
	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
	range = (LinuxRange){0, UINT64_MAX, false};
	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
}

static void damage(size_t at, const Layout *layout, uint8_t by)
{
	g_autoptr(Image) image = image_new(layout);
	g_autoptr(LinuxSymbols) symbols = NULL;

	image->bytes->data[at] ^= by;
	symbols = look(image);
	g_assert_null(symbols);
}

static void test_damaged(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
		const Layout *layout = &layouts[i];
		g_autoptr(Image) image = image_new(layout);

		g_test_message("%s", layout->name);
		damage(image->number, layout, 1);
		damage(image->number + 7, layout, 0x80);
		damage(image->names, layout, 1);
		damage(image->markers, layout, 1);
		damage(image->markers + 2 * layout->marker_size, layout, 4);
		damage(image->index, layout, 1);
		damage(image->index + 2 * 7, layout, 1);
		damage(image->index + 2 * 255 + 1, layout, 0xff);
		damage(image->tokens + 2 * 20 + 10, layout, 0xff);
		/* Addresses that do not ascend. */
		damage(image->addresses + (layout->form == ADDRESSES ? 8 : 4) * 350 + 3, layout,
		       0x40);
	}
}

/* An image may end anywhere. */
static void test_cut(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
		g_autoptr(Image) image = image_new(&layouts[i]);
		size_t needed = image->bytes->len - strlen("and more");

		for (size_t len = needed - 1; len > 64; len -= len > 1024 ? 997 : 1) {
			g_autoptr(LinuxSymbols) symbols = NULL;

			g_byte_array_set_size(image->bytes, len);
			symbols = look(image);
			g_assert_null(symbols);
		}
	}
}

static const TestCase cases[] = {
	{"layouts", test_layouts},
	{"ranges", test_ranges},
	{"damaged", test_damaged},
	{"cut", test_cut},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-kallsyms", cases);
}

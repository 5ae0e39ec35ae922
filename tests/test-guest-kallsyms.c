/*
 * tests/test-guest-kallsyms.c - the sentences of guest/kallsyms.h: tables in each layout that
 * kernels have had, then the same with something wrong.
 */
#include "guest/kallsyms.h"

#include <string.h>

#include "tests/linux-image.h"
#include "tests/test-util.h"

#define IMAGE 0xffffffff82000000ull
#define TEXT 0xffffffff81000000ull
#define N_SYMBOLS 700u /* three groups, the last one not whole */

/* Three per-CPU ones first where there are such, then code; one name has more than 127 tokens. */
static LinuxImage *image_new(const LinuxLayout *layout)
{
	LinuxImageSymbol symbols[N_SYMBOLS];
	LinuxImage *image;

	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		symbols[n].addr =
			layout->form == PERCPU && n < 3 ? 0x100 * n : TEXT + 0x40 * (n / 2);
		symbols[n].type = n % 2 ? 'T' : 't';
		symbols[n].name =
			n == 300 ? g_strnfill(200, 'q') : g_strdup_printf("sys_call%u", n);
	}
	image = linux_image_new(IMAGE, layout, TEXT, symbols, N_SYMBOLS);
	for (unsigned n = 0; n < N_SYMBOLS; n++)
		g_free((char *)symbols[n].name);
	return image;
}

static LinuxSymbols *look(const LinuxImage *image)
{
	const LinuxRange ranges[] = {
		{image->base - 0x1000, image->base - 0x800, false, false},
		{image->base, image->base + image->bytes->len, true, false},
		{image->base, image->base + image->bytes->len, false, false},
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

static void check_all(const LinuxLayout *layout, const LinuxSymbols *symbols)
{
	unsigned count;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &count);

	g_assert_cmpuint(count, ==, N_SYMBOLS);
	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		g_autofree char *name =
			n == 300 ? g_strnfill(200, 'q') : g_strdup_printf("sys_call%u", n);

		g_assert_cmpstr(linux_symbols_name(symbols, &rows[n]), ==, name);
		g_assert_cmphex(rows[n].addr, ==,
				layout->form == PERCPU && n < 3 ? 0x100 * n
								: TEXT + 0x40 * (n / 2));
		g_assert_cmpint(rows[n].type, ==, n % 2 ? 'T' : 't');
	}
}

static void test_layouts(void)
{
	for (const LinuxLayout *layout = linux_layouts; layout->name; layout++) {
		g_autoptr(LinuxImage) image = image_new(layout);
		g_autoptr(LinuxSymbols) symbols = look(image);

		g_test_message("%s", layout->name);
		g_assert_nonnull(symbols);
		check_all(layout, symbols);
	}
}

/* Data whose section has the flag of code. */
static void test_data(void)
{
	LinuxImageSymbol all[N_SYMBOLS];
	g_autoptr(LinuxImage) image = NULL;
	g_autoptr(LinuxSymbols) symbols = NULL;
	const LinuxSymbol *rows;
	unsigned n;

	for (unsigned i = 0; i < N_SYMBOLS; i++)
		all[i] = (LinuxImageSymbol){TEXT + 0x40 * i, 'T',
					    i == 600   ? "_sdata"
					    : i == 690 ? "_edata"
					    : i == 650 ? "0123456789"
						       : "other"};
	image = linux_image_new(IMAGE, &linux_layouts[0], TEXT, all, N_SYMBOLS);
	symbols = look(image);
	g_assert_nonnull(symbols);
	rows = linux_symbols_rows(symbols, &n);
	g_assert_cmpuint(n, ==, N_SYMBOLS);
	for (unsigned i = 0; i < N_SYMBOLS; i++)
		g_assert_cmpint(rows[i].type, ==, i >= 600 && i < 690 ? 'D' : 'T');
}

/* Nothing is read where the kernel writes, or of what is not there as a whole. */
static void test_ranges(void)
{
	g_autoptr(LinuxImage) image = image_new(&linux_layouts[1]);
	LinuxRange range = {image->base, image->base + image->bytes->len, true, false};

	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
	range.writable = false;
	range.end++;
	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
	range.end = range.start + LINUX_RANGE_MAX + 1;
	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
	range = (LinuxRange){image->base, image->base, false, false};
	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
	range = (LinuxRange){0, UINT64_MAX, false, false};
	g_assert_null(linux_kallsyms_read(&image->memory, &range, 1, NULL));
}

static void damage(size_t at, const LinuxLayout *layout, uint8_t by)
{
	g_autoptr(LinuxImage) image = image_new(layout);
	g_autoptr(LinuxSymbols) symbols = NULL;

	image->bytes->data[at] ^= by;
	symbols = look(image);
	g_assert_null(symbols);
}

static void test_damaged(void)
{
	for (const LinuxLayout *layout = linux_layouts; layout->name; layout++) {
		g_autoptr(LinuxImage) image = image_new(layout);

		g_test_message("%s", layout->name);
		damage(image->number, layout, 1);
		damage(image->number + layout->align - 1, layout, 0x80);
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

static size_t read_bytes(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const GByteArray *bytes = opaque;

	if (addr < IMAGE || addr - IMAGE >= bytes->len)
		return 0;
	len = MIN(len, bytes->len - (addr - IMAGE));
	memcpy(buf, bytes->data + (addr - IMAGE), len);
	return len;
}

/*
 * Thousands of tokens that fit their index, and no names: looking behind each of them for names
 * costs the square of it. It ends all the same, and nothing is found.
 */
static void test_many_tokens(void)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	const LinuxMemory memory = {.read = read_bytes, .opaque = bytes};
	uint8_t table[1024] = {0};
	LinuxRange ranges[2];

	for (unsigned n = 0; n < 256; n++) {
		table[2 * n] = n >= '0' && n <= '9' ? n : 'x';
		table[512 + 2 * n] = (uint8_t)(2 * n);
		table[512 + 2 * n + 1] = (uint8_t)(2 * n >> 8);
	}
	for (unsigned n = 0; n < 48 * 1024; n++)
		g_byte_array_append(bytes, table, sizeof(table));
	ranges[0] = ranges[1] = (LinuxRange){IMAGE, IMAGE + bytes->len, false, false};
	g_assert_null(linux_kallsyms_read(&memory, ranges, 2, NULL));
}

/* Digits in front of an image, @n times. */
typedef struct Digits {
	const LinuxImage *image;
	size_t n;
} Digits;

#define DIGITS_SIZE 20u
#define DIGITS_AT 0xffffffff90000000ull

static size_t read_digits(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const Digits *digits = opaque;

	if (addr < DIGITS_AT)
		return digits->image->memory.read(digits->image->memory.opaque, addr, buf, len);
	for (size_t i = 0; i < len; i++) {
		size_t at = (addr - DIGITS_AT + i) % DIGITS_SIZE;

		((char *)buf)[i] = at % 2 ? '\0' : '0' + at / 2;
	}
	return len;
}

/* Each place where tokens may be costs as much as the names of hundreds of kernels' functions. */
static void test_many_digits(void)
{
	static const struct {
		size_t n;
		bool found;
	} rows[] = {{500, true}, {100000, false}};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(LinuxImage) image = image_new(&linux_layouts[1]);
		Digits digits = {image, rows[i].n};
		const LinuxMemory memory = {.read = read_digits, .opaque = &digits};
		const LinuxRange ranges[] = {
			{DIGITS_AT, DIGITS_AT + rows[i].n * DIGITS_SIZE, false, false},
			{image->base, image->base + image->bytes->len, false, false}};
		g_autoptr(LinuxSymbols) symbols = linux_kallsyms_read(&memory, ranges, 2, NULL);

		g_assert_cmpint(symbols != NULL, ==, rows[i].found);
	}
}

/* An image may end anywhere. */
static void test_cut(void)
{
	for (const LinuxLayout *layout = linux_layouts; layout->name; layout++) {
		g_autoptr(LinuxImage) image = image_new(layout);
		size_t needed = image->bytes->len;

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
	{"data", test_data},
	{"ranges", test_ranges},
	{"damaged", test_damaged},
	{"many-tokens", test_many_tokens},
	{"many-digits", test_many_digits},
	{"cut", test_cut},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-kallsyms", cases);
}

/*
 * tests/test-guest-exports.c - the sentences of guest/exports.h: two tables as a kernel has them.
 */
#include "guest/exports.h"

#include <string.h>

#include "tests/test-util.h"

#define IMAGE 0xffff800009000000ull
#define DATA (IMAGE + 0x100000)

static const char *const names[] = {"abc", "init_task", "jiffies", "printk", "zero_pfn"};
static const char *const gpl_names[] = {"aes", "init_pid_ns", "init_uts_ns", "pm_wq"};

typedef struct Image {
	uint8_t bytes[4096];
	size_t used;
	LinuxMemory memory;
} Image;

static size_t read_image(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const Image *image = opaque;
	size_t there;

	if (addr < IMAGE || addr - IMAGE >= sizeof(image->bytes))
		return 0;
	there = MIN(len, sizeof(image->bytes) - (addr - IMAGE));
	memcpy(buf, image->bytes + (addr - IMAGE), there);
	return there;
}

static void put_relative(Image *image, size_t at, uint64_t to)
{
	int32_t distance = GINT32_TO_LE((int32_t)(to - (IMAGE + at)));

	memcpy(image->bytes + at, &distance, sizeof(distance));
}

/*
 * A table of entries of @size bytes at @at, whose names go to @strings; values are 16 bytes apart.
 */
static void put_table(Image *image, size_t at, size_t size, size_t strings,
		      const char *const *table, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		put_relative(image, at + i * size, DATA + at + 16 * i);
		put_relative(image, at + i * size + 4, IMAGE + strings);
		memcpy(image->bytes + strings, table[i], strlen(table[i]) + 1);
		strings += strlen(table[i]) + 1;
	}
}

static Image *image_new(size_t size)
{
	Image *image = g_new0(Image, 1);

	image->memory = (LinuxMemory){.read = read_image, .opaque = image};
	memset(image->bytes, 0xff, sizeof(image->bytes));
	/* A string of the same name that is no entry's. */
	memcpy(image->bytes + 99, "\0init_task", 11);
	put_table(image, 400, size, 2001, names, G_N_ELEMENTS(names));
	put_table(image, 800, size, 2501, gpl_names, G_N_ELEMENTS(gpl_names));
	image->bytes[2000] = image->bytes[2500] = '\0';
	return image;
}

static unsigned add(Image *image, LinuxSymbols *symbols)
{
	const LinuxRange ranges[] = {{IMAGE, IMAGE, false, false},
				     {IMAGE, IMAGE + sizeof(image->bytes), true, false},
				     {IMAGE, IMAGE + sizeof(image->bytes), false, false}};

	return linux_exports_add(symbols, &image->memory, ranges, G_N_ELEMENTS(ranges));
}

static void assert_symbol(LinuxSymbols *symbols, const char *name, uint64_t expected)
{
	uint64_t addr = 0;

	g_assert_true(linux_symbols_find(symbols, name, &addr));
	g_assert_cmphex(addr, ==, expected);
}

static void test_both(size_t size)
{
	g_autofree Image *image = image_new(size);
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();

	/* What has code is known by that, under whatever name, and keeps its address. */
	g_assert_true(linux_symbols_add(symbols, DATA + 400 + 48, 'T', "_printk", 7));
	g_assert_true(linux_symbols_add(symbols, 0x1000, 't', "aes", 3));
	linux_symbols_sort(symbols);
	g_assert_cmpuint(add(image, symbols), ==, 7);
	assert_symbol(symbols, "abc", DATA + 400);
	assert_symbol(symbols, "init_task", DATA + 400 + 16);
	assert_symbol(symbols, "zero_pfn", DATA + 400 + 64);
	assert_symbol(symbols, "init_pid_ns", DATA + 800 + 16);
	assert_symbol(symbols, "pm_wq", DATA + 800 + 48);
	assert_symbol(symbols, "aes", 0x1000);
	g_assert_cmpint(linux_symbols_at(symbols, DATA + 400)->type, ==, 'D');
	/* A second time there is nothing new. */
	g_assert_cmpuint(add(image, symbols), ==, 0);
}

static void test_with_namespace(void)
{
	test_both(12);
}

static void test_without_namespace(void)
{
	test_both(8);
}

/* A kernel without kallsyms: what is not in its data is code. */
static void test_alone(void)
{
	g_autofree Image *image = image_new(12);
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	const LinuxRange ranges[] = {{IMAGE, IMAGE + sizeof(image->bytes), false, false},
				     {DATA + 400, DATA + 400 + 32, true, false}};

	linux_symbols_sort(symbols);
	g_assert_cmpuint(linux_exports_add(symbols, &image->memory, ranges, 2), ==, 9);
	g_assert_cmpint(linux_symbols_named(symbols, "init_task")->type, ==, 'D');
	g_assert_cmpint(linux_symbols_named(symbols, "jiffies")->type, ==, 'T');
	g_assert_cmpint(linux_symbols_named(symbols, "pm_wq")->type, ==, 'T');
}

static void test_absent(void)
{
	g_autofree Image *image = image_new(12);
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();

	linux_symbols_sort(symbols);
	image->bytes[2001 + 4] = 'I';
	memset(image->bytes + 2501, 'i', 30);
	g_assert_cmpuint(add(image, symbols), ==, 0);
}

/* Linux 5.10 of arm64 exports memset twice, and other functions of assembler. */
static void test_twice(void)
{
	static const char *const all[] = {"aaa",     "abc",    "abc",	 "init_task",
					  "jiffies", "memset", "memset", "zero_pfn"};
	g_autofree Image *image = image_new(12);
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();

	memset(image->bytes + 400, 0xff, 200);
	put_table(image, 400, 12, 2001, all, G_N_ELEMENTS(all));
	linux_symbols_sort(symbols);
	g_assert_cmpuint(add(image, symbols), ==, 6 + G_N_ELEMENTS(gpl_names));
	assert_symbol(symbols, "aaa", DATA + 400);
	assert_symbol(symbols, "abc", DATA + 400 + 16);
	assert_symbol(symbols, "zero_pfn", DATA + 400 + 112);
	g_assert_nonnull(linux_symbols_named(symbols, "memset"));
}

/* Both known names in one table. */
static void test_one_table(void)
{
	static const char *const all[] = {"abc", "init_task", "init_uts_ns", "zero_pfn"};
	g_autofree Image *image = image_new(12);
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();

	memset(image->bytes, 0xff, sizeof(image->bytes));
	put_table(image, 400, 12, 2001, all, G_N_ELEMENTS(all));
	image->bytes[2000] = '\0';
	linux_symbols_sort(symbols);
	g_assert_cmpuint(add(image, symbols), ==, 4);
	g_assert_nonnull(linux_symbols_named(symbols, "abc"));
}

/* ---- A guest that is full of what looks like entries ---- */

#define FULL (IMAGE + 0x10000000)

typedef struct Full {
	const Image *image;
	GByteArray *bytes; /* at FULL */
} Full;

static size_t read_full(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const Full *full = opaque;

	if (addr < FULL || addr - FULL >= full->bytes->len)
		return full->image->memory.read((void *)full->image, addr, buf, len);
	len = MIN(len, full->bytes->len - (addr - FULL));
	memcpy(buf, full->bytes->data + (addr - FULL), len);
	return len;
}

/* What is found behind @n distances to the name of an entry. */
static unsigned find_behind(uint32_t n)
{
	g_autofree Image *image = image_new(12);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	Full full = {image, bytes};
	const LinuxMemory memory = {.read = read_full, .opaque = &full};
	LinuxRange ranges[] = {{FULL, FULL, false, false},
			       {IMAGE, IMAGE + sizeof(image->bytes), false, false}};

	g_byte_array_append(bytes, (const uint8_t *)"\0init_task\0", 12);
	for (uint32_t at = 12; at < 12 + 4 * n; at += 4) {
		uint32_t distance = GUINT32_TO_LE(1 - at);

		g_byte_array_append(bytes, (const uint8_t *)&distance, sizeof(distance));
	}
	ranges[0].end += bytes->len;
	linux_symbols_sort(symbols);
	return linux_exports_add(symbols, &memory, ranges, 2);
}

static void test_full(void)
{
	g_assert_cmpuint(find_behind(1000), ==, 9);
	g_assert_cmpuint(find_behind(100000), ==, 0);
}

static const TestCase cases[] = {
	{"full", test_full},
	{"with-namespace", test_with_namespace},
	{"without-namespace", test_without_namespace},
	{"alone", test_alone},
	{"absent", test_absent},
	{"one-table", test_one_table},
	{"twice", test_twice},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-exports", cases);
}

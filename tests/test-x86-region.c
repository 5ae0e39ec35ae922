/*
 * tests/test-x86-region.c - the sentences of x86/region.h, on hand-made tables.
 */
#include <string.h>

#include "x86/region.h"

#define RAM_SIZE 0x20000
#define P 0x1ull
#define W 0x2ull
#define U 0x4ull
#define PS 0x80ull
#define NX (1ull << 63)

#define PG (1ull << 31)
#define PAE (1ull << 5)
#define LA57 (1ull << 12)
#define LMA (1ull << 10)

static const X86Root long_root = {PG, 0x1000, PAE, LMA, {0}};

static bool ram_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	if (gpa >= RAM_SIZE || len > RAM_SIZE - gpa)
		return false;
	memcpy(buf, (uint8_t *)opaque + gpa, len);
	return true;
}

static void put64(uint8_t *ram, uint64_t gpa, unsigned index, uint64_t value)
{
	memcpy(ram + gpa + 8 * index, &value, 8);
}

/*
 * 0x1000 and 0x2000 rwx, 0x3000 r, 0x200000 and 0x400000 (2 MiB each) rw, the last page of all rx.
 */
static uint8_t *tables(void)
{
	uint8_t *ram = g_malloc0(RAM_SIZE);

	put64(ram, 0x1000, 0, 0x2000 | P | W | U);
	put64(ram, 0x2000, 0, 0x3000 | P | W | U);
	put64(ram, 0x3000, 0, 0x4000 | P | W | U);
	put64(ram, 0x4000, 1, 0xa000 | P | W);
	put64(ram, 0x4000, 2, 0xc000 | P | W);
	put64(ram, 0x4000, 3, 0xd000 | P | NX);
	put64(ram, 0x3000, 1, 0x600000 | P | W | PS | NX);
	put64(ram, 0x3000, 2, 0x800000 | P | W | PS | NX);
	put64(ram, 0x1000, 511, 0x5000 | P | W);
	put64(ram, 0x5000, 511, 0x6000 | P | W);
	put64(ram, 0x6000, 511, 0x7000 | P);
	put64(ram, 0x7000, 511, 0xd000 | P | W);
	return ram;
}

static void check(const X86Root *root, uint8_t *ram, uint64_t addr, uint64_t start, uint64_t last,
		  const char *rights)
{
	GdbRegion region;
	char got[4];

	x86_region(root, ram_read, ram, addr, &region);
	got[0] = region.read ? 'r' : '-';
	got[1] = region.write ? 'w' : '-';
	got[2] = region.execute ? 'x' : '-';
	got[3] = '\0';
	g_assert_cmphex(region.start, ==, start);
	g_assert_cmphex(region.last, ==, last);
	g_assert_cmpstr(got, ==, rights);
	g_assert_cmpint(region.mapped, ==, rights[0] == 'r');
}

static void test_mapped(void)
{
	g_autofree uint8_t *ram = tables();

	check(&long_root, ram, 0x1000, 0x1000, 0x2fff, "rwx");
	check(&long_root, ram, 0x1abc, 0x1000, 0x2fff, "rwx");
	check(&long_root, ram, 0x2fff, 0x2000, 0x2fff, "rwx");
	check(&long_root, ram, 0x3000, 0x3000, 0x3fff, "r--");
	check(&long_root, ram, 0x212345, 0x200000, 0x5fffff, "rw-");
	check(&long_root, ram, UINT64_MAX, UINT64_MAX - 0xfff, UINT64_MAX, "r-x");
}

static void test_holes(void)
{
	g_autofree uint8_t *ram = tables();

	check(&long_root, ram, 0, 0, 0xfff, "---");
	check(&long_root, ram, 0x4567, 0x4567, 0x1fffff, "---");
	/* What no table can map; then the upper half up to its only page. */
	check(&long_root, ram, 0x800000000000, 0x800000000000, 0xffff7fffffffffff, "---");
	check(&long_root, ram, 0x123456789abcdef0, 0x800000000000, 0xffff7fffffffffff, "---");
	check(&long_root, ram, 0xffff800000000000, 0xffff800000000000, 0xffffffffffffefff, "---");
}

/* As a client asks: each answer holds the address and the next question is behind it. */
static void test_whole_space(void)
{
	g_autofree uint8_t *ram = tables();
	GdbRegion region = {.last = UINT64_MAX};
	uint64_t addr = 0;
	unsigned n = 0, mapped = 0;

	do {
		x86_region(&long_root, ram_read, ram, addr, &region);
		g_assert_cmphex(region.start, <=, addr);
		g_assert_cmphex(region.last, >=, addr);
		mapped += region.mapped;
		addr = region.last + 1;
		g_assert_cmpuint(++n, <, 20);
	} while (addr);
	g_assert_cmpuint(mapped, ==, 4);
}

static void test_other_modes(void)
{
	g_autofree uint8_t *ram = g_malloc0(RAM_SIZE);
	X86Root off = {0}, legacy = {PG, 0x1000, 0, 0, {0}}, five = long_root;

	five.cr4 |= LA57;
	check(&off, ram, 0x1234, 0, 0xffffffff, "rwx");
	check(&off, ram, 1ull << 40, 1ull << 32, UINT64_MAX, "---");
	check(&legacy, ram, 1ull << 32, 1ull << 32, UINT64_MAX, "---");
	check(&legacy, ram, 0, 0, UINT64_MAX, "---");
	check(&five, ram, 1ull << 56, 1ull << 56, 0xfeffffffffffffff, "---");
}

/* Tables that point at themselves map 2^36 pages; the answer still comes. */
static void test_loop(void)
{
	g_autofree uint8_t *ram = g_malloc0(RAM_SIZE);
	GdbRegion region;

	for (unsigned n = 0; n < 512; n++)
		put64(ram, 0x1000, n, 0x1000 | P | W | U);
	x86_region(&long_root, ram_read, ram, 0x5000, &region);
	g_assert_true(region.mapped);
	g_assert_cmphex(region.start, ==, 0x5000);
	g_assert_cmphex(region.last, ==, 0x5000 + X86_REGION_MAX_PAGES * 0x1000ull - 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-region/mapped", test_mapped);
	g_test_add_func("/x86-region/holes", test_holes);
	g_test_add_func("/x86-region/whole-space", test_whole_space);
	g_test_add_func("/x86-region/other-modes", test_other_modes);
	g_test_add_func("/x86-region/loop", test_loop);
	return g_test_run();
}

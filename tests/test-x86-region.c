/*
 * tests/test-x86-region.c - the sentences of x86/cpu/region.h, on hand-made tables.
 */
#include <string.h>

#include "x86/cpu/bits.h"
#include "x86/cpu/region.h"

#define RAM_SIZE 0x20000
#define P 0x1ull
#define W 0x2ull
#define U 0x4ull
#define PS 0x80ull
#define NX (1ull << 63)

#define PG (1ull << 31)
#define PAE (1ull << 5)
#define LA57 (1ull << 12)
#define LMA X86_EFER_LMA

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

/* EFER.LMA is stale while paging is off, as in x86_walk(). */
static void test_stale_long_mode(void)
{
	g_autofree uint8_t *ram = tables();
	X86Root root = {0x11, 0x1000, PAE, LMA, {0}};

	check(&root, ram, 0x1234, 0, 0xffffffff, "rwx");
	check(&root, ram, 0xffffffff81000000, 1ull << 32, UINT64_MAX, "---");
}

/* The page-size bit in the two upper levels is reserved: nothing is mapped there. */
static void test_reserved(void)
{
	g_autofree uint8_t *ram = tables();
	X86Root five = {PG, 0x8000, PAE | LA57, LMA, {0}};

	put64(ram, 0x1000, 0, 0x2000 | P | W | U | PS);
	check(&long_root, ram, 0x1000, 0x1000, UINT64_MAX - 0x1000, "---");
	put64(ram, 0x8000, 0, 0x1000 | P | W | U | PS);
	check(&five, ram, 0x1000, 0x1000, UINT64_MAX, "---");
}

static uint64_t random64(GRand *rand)
{
	return (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
}

/* Entries that mostly lead to other tables in RAM. */
static void fill_randomly(uint8_t *ram, GRand *rand)
{
	for (unsigned i = 0; i < RAM_SIZE / 8; i++) {
		uint64_t entry = random64(rand) & (NX | 0x1ffff | 0xfff);

		put64(ram, 0, i, entry | (g_rand_int(rand) % 4 ? P : 0));
	}
}

static X86Root random_root(GRand *rand)
{
	static const uint64_t pse = 1ull << 4;

	return (X86Root){
		.cr0 = g_rand_int(rand) % 8 ? PG : 0,
		.cr3 = g_rand_int(rand) & 0x1f000,
		.cr4 = g_rand_int(rand) & (PAE | LA57 | pse),
		.efer = g_rand_int(rand) & LMA,
	};
}

/* One rule for `m`, the regions and the list of pages: what one can reach the others show. */
static void test_agrees_with_walk(void)
{
	g_autofree uint8_t *ram = g_malloc0(RAM_SIZE);
	g_autoptr(GRand) rand = g_rand_new_with_seed(23);
	unsigned mapped = 0;

	for (unsigned i = 0; i < 2000; i++) {
		X86Root root = random_root(rand);
		uint64_t addr = random64(rand);
		X86Mapping mapping = {0};
		GdbRegion region;

		if (i % 20 == 0)
			fill_randomly(ram, rand);
		addr = i % 2 ? addr >> 32 : (uint64_t)((int64_t)(addr << 16) >> 16);
		x86_region(&root, ram_read, ram, addr, &region);
		if (!x86_is_long_mode(&root) && addr >> 32)
			continue; /* gdb's form of a 32-bit address: x86_walk() knows it, too */
		g_assert_cmpint(region.mapped, ==, x86_walk(&root, ram_read, ram, addr, &mapping));
		g_assert_cmphex(region.start, <=, addr);
		g_assert_cmphex(region.last, >=, addr);
		if (addr >> 63) /* for a user's address the walk passes over the top level */
			g_assert_cmpint(region.execute, ==, mapping.execute);
		mapped += region.mapped;
	}
	g_assert_cmpuint(mapped, >, 200);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-region/mapped", test_mapped);
	g_test_add_func("/x86-region/holes", test_holes);
	g_test_add_func("/x86-region/whole-space", test_whole_space);
	g_test_add_func("/x86-region/other-modes", test_other_modes);
	g_test_add_func("/x86-region/loop", test_loop);
	g_test_add_func("/x86-region/stale-long-mode", test_stale_long_mode);
	g_test_add_func("/x86-region/reserved", test_reserved);
	g_test_add_func("/x86-region/agrees-with-walk", test_agrees_with_walk);
	return g_test_run();
}

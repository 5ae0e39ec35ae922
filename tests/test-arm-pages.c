/*
 * tests/test-arm-pages.c - the sentences of arm/cpu/pages.h, and the rights of arm/cpu/walk.h, on
 * hand-made tables: 4 KiB granule, 48 bits in both halves.
 */
#include <string.h>

#include "arm/cpu/pages.h"

#define RAM_SIZE 0x20000
#define M 1ull
#define WXN (1ull << 19)
#define HD (1ull << 40)
#define HPD1 (1ull << 42)
#define TBI (3ull << 37)

#define PAGE 3ull
#define BLOCK 1ull
#define TABLE 3ull
#define EL0 (1ull << 6)
#define RO (1ull << 7)
#define AF (1ull << 10)
#define NG (1ull << 11)
#define DBM (1ull << 51)
#define CONT (1ull << 52)
#define PXN (1ull << 53)
#define UXN (1ull << 54)
#define XN (PXN | UXN)

#define KERNEL 0xffff800000000000ull

/* T0SZ and T1SZ 16, TG1 4K, IPS 48 bits. */
static const ArmRoot two_halves = {
	.sctlr = M,
	.tcr = 16 | 16 << 16 | 2ull << 30 | 5ull << 32,
	.ttbr0 = 0x1000,
	.ttbr1 = 0x2000,
	.mmfr0 = 0x00100005,
	.mode = 1,
};

static bool ram_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	if (gpa >= RAM_SIZE || len > RAM_SIZE - gpa)
		return false;
	memcpy(buf, (uint8_t *)opaque + gpa, len);
	return true;
}

static void put(uint8_t *ram, uint64_t table, unsigned index, uint64_t desc)
{
	memcpy(ram + table + 8 * index, &desc, 8);
}

/*
 * User: 0x1000 and 0x2000 read and execute, 0x3000 read and write. Kernel, from KERNEL on: 2 MiB of
 * code, two pages behind them that are read-only, one of them clean (DBM); the last page of all is
 * writable and a gap before it.
 */
static uint8_t *tables(void)
{
	uint8_t *ram = g_malloc0(RAM_SIZE);

	put(ram, 0x1000, 0, 0x3000 | TABLE);
	put(ram, 0x3000, 0, 0x4000 | TABLE);
	put(ram, 0x4000, 0, 0x5000 | TABLE);
	put(ram, 0x5000, 1, 0x10000 | PAGE | EL0 | RO | AF | NG | PXN);
	put(ram, 0x5000, 2, 0x18000 | PAGE | EL0 | RO | AF | NG | PXN);
	put(ram, 0x5000, 3, 0x19000 | PAGE | EL0 | AF | NG | XN);
	put(ram, 0x2000, 256, 0x6000 | TABLE);
	put(ram, 0x6000, 0, 0x7000 | TABLE);
	put(ram, 0x7000, 0, 0x200000 | BLOCK | RO | AF | UXN | CONT);
	put(ram, 0x7000, 1, 0x8000 | TABLE);
	put(ram, 0x8000, 0, 0x1a000 | PAGE | RO | AF | XN);
	put(ram, 0x8000, 1, 0x1b000 | PAGE | RO | AF | XN | DBM);
	put(ram, 0x2000, 511, 0x9000 | TABLE);
	put(ram, 0x9000, 511, 0xa000 | TABLE);
	put(ram, 0xa000, 511, 0xb000 | TABLE);
	put(ram, 0xb000, 511, 0x1c000 | PAGE | AF | XN);
	return ram;
}

static void check(const ArmRoot *root, uint8_t *ram, uint64_t addr, uint64_t start, uint64_t last,
		  const char *rights)
{
	GdbRegion region;
	char got[4];

	arm_region(root, ram_read, ram, addr, &region);
	got[0] = region.read ? 'r' : '-';
	got[1] = region.write ? 'w' : '-';
	got[2] = region.execute ? 'x' : '-';
	got[3] = '\0';
	g_assert_cmphex(region.start, ==, start);
	g_assert_cmphex(region.last, ==, last);
	g_assert_cmpstr(got, ==, rights);
	g_assert_cmpint(region.mapped, ==, rights[0] == 'r');
}

static void test_regions(void)
{
	g_autofree uint8_t *ram = tables();
	ArmRoot dirty = two_halves, tagged = two_halves;

	check(&two_halves, ram, 0x1abc, 0x1000, 0x2fff, "r-x");
	check(&two_halves, ram, 0x2fff, 0x2000, 0x2fff, "r-x");
	check(&two_halves, ram, 0x3000, 0x3000, 0x3fff, "rw-");
	check(&two_halves, ram, KERNEL + 0x1234, KERNEL, KERNEL + 0x1fffff, "r-x");
	check(&two_halves, ram, KERNEL + 0x200000, KERNEL + 0x200000, KERNEL + 0x201fff, "r--");
	check(&two_halves, ram, UINT64_MAX, UINT64_MAX - 0xfff, UINT64_MAX, "rw-");
	dirty.tcr |= HD;
	check(&dirty, ram, KERNEL + 0x200000, KERNEL + 0x200000, KERNEL + 0x200fff, "r--");
	check(&dirty, ram, KERNEL + 0x201000, KERNEL + 0x201000, KERNEL + 0x201fff, "rw-");
	tagged.tcr |= TBI;
	check(&tagged, ram, 0x3000, 0x3000, 0x3fff, "rw-");
	check(&tagged, ram, 0x5500000000003000, 0x5500000000003000, KERNEL - 1, "---");
}

static void test_holes(void)
{
	g_autofree uint8_t *ram = tables();
	ArmRoot off = two_halves;
	GdbRegion region;

	check(&two_halves, ram, 0, 0, 0xfff, "---");
	check(&two_halves, ram, 0x4567, 0x4000, KERNEL - 1, "---");
	check(&two_halves, ram, 1ull << 60, 1ull << 60, KERNEL - 1, "---");
	check(&two_halves, ram, KERNEL + 0x202000, KERNEL + 0x202000, UINT64_MAX - 0x1000, "---");
	off.sctlr = 0;
	check(&off, ram, 0x1234, 0, (1ull << 48) - 1, "rwx");
	arm_region(&off, ram_read, ram, 1ull << 48, &region);
	g_assert_false(region.mapped);
}

/* As a client asks: each answer holds the address and the next question is behind it. */
static void test_whole_space(void)
{
	g_autofree uint8_t *ram = tables();
	unsigned n = 0, mapped = 0;
	uint64_t addr = 0;

	do {
		GdbRegion region;

		arm_region(&two_halves, ram_read, ram, addr, &region);
		g_assert_cmphex(region.start, <=, addr);
		g_assert_cmphex(region.last, >=, addr);
		mapped += region.mapped;
		addr = region.last + 1;
		g_assert_cmpuint(++n, <, 20);
	} while (addr);
	g_assert_cmpuint(mapped, ==, 5);
}

/* Tables that point at themselves map 2^36 pages; the answer still comes. */
static void test_loop(void)
{
	g_autofree uint8_t *ram = g_malloc0(RAM_SIZE);
	GString *out = g_string_new(NULL);
	GdbRegion region;

	for (unsigned n = 0; n < 512; n++)
		put(ram, 0x1000, n, 0x1000 | TABLE | AF);
	arm_region(&two_halves, ram_read, ram, 0x5000, &region);
	g_assert_true(region.mapped);
	g_assert_cmphex(region.last, ==, 0x5000 + ARM_REGION_MAX_SPANS * 0x1000ull - 1);
	arm_show_mem(&two_halves, ram_read, ram, 0, 10, out);
	g_assert_nonnull(strstr(out->str, "(there is more: go on with `info mem 0x40000000`)\n"));
	g_string_free(out, TRUE);
}

/* One kernel page, with @desc, below a table with @limits. */
static const struct {
	const char *name;
	uint64_t desc, limits, sctlr, tcr;
	const char *flags; /* of `info tlb`, the first four */
} rights[] = {
	{"kernel-all", 0, 0, 0, 0, "-WX-"},
	{"kernel-data", XN, 0, 0, 0, "-W--"},
	{"kernel-text", RO | UXN, 0, 0, 0, "--X-"},
	{"user-data", EL0 | UXN, 0, 0, 0, "UW--"},
	{"user-writable-is-pxn", EL0, 0, 0, 0, "UW-x"},
	{"user-text", EL0 | RO, 0, 0, 0, "U-Xx"},
	{"write-xn", 0, 0, WXN, 0, "-W--"},
	{"write-xn-user", EL0, 0, WXN, 0, "UW--"},
	{"write-xn-read-only", EL0 | RO, 0, WXN, 0, "U-Xx"},
	{"table-read-only", EL0, 1ull << 62, 0, 0, "U-Xx"},
	{"table-no-user", EL0, 1ull << 61, 0, 0, "-WX-"},
	{"table-uxn", EL0 | RO, 1ull << 60, 0, 0, "U-X-"},
	{"table-pxn", EL0 | RO, 1ull << 59, 0, 0, "U--x"},
	{"hpd", EL0, 15ull << 59, 0, HPD1, "UW-x"},
	{"dirty-later", RO | DBM, 0, 0, 0, "--X-"},
	{"dirty-later-hd", RO | DBM, 0, 0, HD, "-WX-"},
	{"table-beats-hd", RO | DBM, 1ull << 62, 0, HD, "--X-"},
};

static void test_rights(gconstpointer index)
{
	g_autofree uint8_t *ram = g_malloc0(RAM_SIZE);
	GString *out = g_string_new(NULL);
	ArmRoot root = two_halves;
	unsigned i = GPOINTER_TO_UINT(index);
	g_autofree char *line = g_strdup_printf(
		"ffff800000000000: 0000000000010000 0000000000001000 %sAG-\n", rights[i].flags);

	put(ram, 0x2000, 256, 0x6000 | TABLE);
	put(ram, 0x6000, 0, 0x7000 | TABLE | rights[i].limits);
	put(ram, 0x7000, 0, 0x8000 | TABLE);
	put(ram, 0x8000, 0, 0x10000 | PAGE | AF | rights[i].desc);
	root.sctlr |= rights[i].sctlr;
	root.tcr |= rights[i].tcr;
	arm_show_tlb(&root, ram_read, ram, 0, 10, out);
	g_assert_cmpstr(out->str, ==, line);
	g_string_free(out, TRUE);
}

static void check_text(void (*show)(const ArmRoot *, ArmPhysRead, void *, uint64_t, unsigned,
				    GString *),
		       const ArmRoot *root, uint64_t from, unsigned max_lines, const char *expected)
{
	g_autofree uint8_t *ram = tables();
	GString *out = g_string_new(NULL);

	show(root, ram_read, ram, from, max_lines, out);
	g_assert_cmpstr(out->str, ==, expected);
	g_string_free(out, TRUE);
}

static void test_texts(void)
{
	ArmRoot off = two_halves, tagged = two_halves;
	const char *mem = "0000000000001000-0000000000003000 0000000000002000 ur-x\n"
			  "0000000000003000-0000000000004000 0000000000001000 urw-\n"
			  "ffff800000000000-ffff800000200000 0000000000200000 -r-x\n"
			  "ffff800000200000-ffff800000202000 0000000000002000 -r--\n"
			  "fffffffffffff000-10000000000000000 0000000000001000 -rw-\n";

	off.sctlr = 0;
	tagged.tcr |= TBI;
	check_text(arm_show_mem, &two_halves, 0, 10, mem);
	check_text(arm_show_mem, &tagged, 0, 10, mem);
	check_text(arm_show_mem, &two_halves, 0x2000, 1,
		   "0000000000002000-0000000000003000 0000000000001000 ur-x\n"
		   "(there is more: go on with `info mem 0x3000`)\n");
	check_text(arm_show_mem, &off, 0, 10, "MMU disabled\n");
	check_text(arm_show_tlb, &two_halves, KERNEL, 2,
		   "ffff800000000000: 0000000000200000 0000000000200000 --X-AGC\n"
		   "ffff800000200000: 000000000001a000 0000000000001000 ----AG-\n"
		   "(there is more: go on with `info tlb 0xffff800000201000`)\n");
	check_text(arm_show_tlb, &two_halves, 0x3000, 1,
		   "0000000000003000: 0000000000019000 0000000000001000 UW--A--\n"
		   "(there is more: go on with `info tlb 0x4000`)\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-pages/regions", test_regions);
	g_test_add_func("/arm-pages/holes", test_holes);
	g_test_add_func("/arm-pages/whole-space", test_whole_space);
	g_test_add_func("/arm-pages/loop", test_loop);
	g_test_add_func("/arm-pages/texts", test_texts);
	for (unsigned i = 0; i < G_N_ELEMENTS(rights); i++) {
		g_autofree char *path = g_strdup_printf("/arm-pages/rights/%s", rights[i].name);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_rights);
	}
	return g_test_run();
}

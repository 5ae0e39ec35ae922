/*
 * tests/test-arm-walk.c - arm/cpu/walk.h: each granule and address size on hand-made tables, and
 * hostile tables.
 *
 * Guest memory is a map of descriptors; what is not in it is not RAM.
 */
#include <glib.h>
#include <string.h>

#include "arm/cpu/walk.h"

/* ID_AA64MMFR0: 4K, 16K and 64K; PARange 48 bits, then 52 with LPA2, then 52 without. */
#define MMFR0_48 0x00100005ull
#define MMFR0_LPA2 0x10200006ull
#define MMFR0_LPA 0x00100006ull
/* ID_AA64MMFR2: VARange 52 bits, small tables. */
#define MMFR2_LVA (1ull << 16)
#define MMFR2_ST (1ull << 28)

#define T0SZ(n) ((uint64_t)(n))
#define T1SZ(n) ((uint64_t)(n) << 16)
#define TG0_4K 0ull
#define TG0_64K (1ull << 14)
#define TG0_16K (2ull << 14)
#define TG1_16K (1ull << 30)
#define TG1_4K (2ull << 30)
#define TG1_64K (3ull << 30)
#define IPS(n) ((uint64_t)(n) << 32) /* 2: 40 bits, 5: 48, 6: 52 */
#define EPD0 (1ull << 7)
#define EPD1 (1ull << 23)
#define TBI0 (1ull << 37)
#define TBI1 (1ull << 38)
#define TBID1 (1ull << 52)
#define DS (1ull << 59)

#define M 1ull
#define EE (1ull << 25)

typedef struct Entry {
	uint64_t at, desc;
} Entry;

typedef struct Ram {
	Entry entries[8];
	unsigned reads;
} Ram;

static bool ram_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	Ram *ram = opaque;

	ram->reads++;
	for (unsigned i = 0; i < G_N_ELEMENTS(ram->entries); i++) {
		if (ram->entries[i].at == gpa && gpa && len == 8) {
			memcpy(buf, &ram->entries[i].desc, 8);
			return true;
		}
	}
	return false;
}

/* @gpa 0: not mapped. @reads: how many descriptors are looked at. */
typedef struct Row {
	const char *name;
	uint64_t tcr, mmfr0, mmfr2, ttbr;
	Entry entries[5];
	uint64_t addr, gpa, left;
	unsigned reads;
} Row;

#define K4_48 (T0SZ(16) | T1SZ(16) | TG1_4K | IPS(5))
#define K16_47 (T0SZ(17) | TG0_16K | T1SZ(17) | TG1_16K | IPS(5))
#define K64_48 (T0SZ(16) | TG0_64K | T1SZ(16) | TG1_64K | IPS(5))
#define K64_52 (T0SZ(12) | TG0_64K | T1SZ(12) | TG1_64K | IPS(6))
#define K4_52 (T0SZ(12) | T1SZ(12) | TG1_4K | IPS(6) | DS)
#define K16_52 (T0SZ(12) | TG0_16K | T1SZ(12) | TG1_16K | IPS(6) | DS)

/* clang-format off */
static const Row rows[] = {
	/* 4 KiB: 9 bits a level */
	{"4k-48-page", K4_48, MMFR0_48, 0, 0x00ab000040001001, {{0x40001800, 0x1000000040002003},
	 {0x40002000, 0x40003003}, {0x40003200, 0x40004003}, {0x40004918, 0x0060000087654703}},
	 0xffff800008123456, 0x87654456, 0xbaa, 4},
	{"4k-48-block-2m", K4_48, MMFR0_48, 0, 0x40001000, {{0x40001800, 0x40002003},
	 {0x40002000, 0x40003003}, {0x40003200, 0x0068000080200711}}, 0xffff800008123456,
	 0x80323456, 0xdcbaa, 3},
	{"4k-48-block-1g", K4_48, MMFR0_48, 0, 0x40001000, {{0x40001800, 0x40002003},
	 {0x40002000, 0x00680000c0000711}}, 0xffff800008123456, 0xc8123456, 0x37edcbaa, 2},
	{"4k-48-no-block-512g", K4_48, MMFR0_48, 0, 0x40001000,
	 {{0x40001800, 0x0000008000000701}}, 0xffff800008123456, 0, 0, 1},
	{"4k-48-low-half", K4_48, MMFR0_48, 0, 0x00cd000040001000, {{0x40001000, 0x40002003},
	 {0x40002008, 0x40003003}, {0x40003018, 0x40004003}, {0x40004020, 0x00e0000012345f43}},
	 0x0000000040604fff, 0x12345fff, 1, 4},
	/* 39 bits start at level 1, with 512 entries */
	{"4k-39", T1SZ(25) | TG1_4K | IPS(2), MMFR0_48, 0, 0x40001000, {{0x40001ff8, 0x40002003},
	 {0x40002ff8, 0x40003003}, {0x40003ff8, 0x0000009876543703}}, 0xffffffffffffffff,
	 0x9876543fff, 1, 3},
	{"4k-39-below", T1SZ(25) | TG1_4K | IPS(2), MMFR0_48, 0, 0x40001000, {{0}},
	 0xffffff7fffffffff, 0, 0, 0},
	/* 36 bits: 64 entries at level 1, the table need not be page-aligned */
	{"4k-36", T1SZ(28) | TG1_4K | IPS(5), MMFR0_48, 0, 0x40001200,
	 {{0x400013f8, 0x0000000fc0000701}}, 0xfffffffffffffff0, 0xffffffff0, 0x10, 1},
	/* 25 bits: 16 entries at level 2 */
	{"4k-25", T0SZ(39) | IPS(5), MMFR0_48, 0, 0x40001080, {{0x400010f8, 0x40002003},
	 {0x40002010, 0x50000703}}, 0x1e02008, 0x50000008, 0xff8, 2},
	{"4k-25-clamped", T0SZ(48) | IPS(5), MMFR0_48, 0, 0x40001080, {{0x400010f8, 0x40002003},
	 {0x40002010, 0x50000703}}, 0x1e02008, 0x50000008, 0xff8, 2},
	/* FEAT_TTST: 16 bits, 16 pages at level 3 */
	{"4k-16", T0SZ(48) | IPS(5), MMFR0_48, MMFR2_ST, 0x40001080, {{0x400010a0, 0x50000703}},
	 0x4008, 0x50000008, 0xff8, 1},
	{"4k-16-range", T0SZ(48) | IPS(5), MMFR0_48, MMFR2_ST, 0x40001080,
	 {{0x400010a0, 0x50000703}}, 0x14008, 0, 0, 0},
	/* too many bits asked for: 48 without DS */
	{"4k-clamped-48", T1SZ(0) | TG1_4K | IPS(5), MMFR0_48, 0, 0x40001000,
	 {{0x40001800, 0x40002003}, {0x40002000, 0x00680000c0000711}}, 0xffff800008123456,
	 0xc8123456, 0x37edcbaa, 2},

	/* 16 KiB: 11 bits a level; 47 bits start at level 1, 48 at level 0 with two entries */
	{"16k-47-page", K16_47, MMFR0_48, 0, 0x40004000, {{0x40006000, 0x40008003},
	 {0x40008008, 0x4000c003}, {0x4000c010, 0x0000000087654703}}, 0xffffc0000200bfff,
	 0x87657fff, 1, 3},
	{"16k-47-block-32m", K16_47, MMFR0_48, 0, 0x40004000, {{0x40006000, 0x40008003},
	 {0x40008008, 0x0000000082000701}}, 0xffffc0000200bfff, 0x8200bfff, 0x1ff4001, 2},
	{"16k-47-no-block-64g", K16_47, MMFR0_48, 0, 0x40004000,
	 {{0x40006000, 0x0000001000000701}}, 0xffffc0000200bfff, 0, 0, 1},
	{"16k-48", T0SZ(16) | TG0_16K | IPS(5), MMFR0_48, 0, 0x40004010,
	 {{0x40004018, 0x40008003}, {0x40008000, 0x4000c003}, {0x4000c008, 0x40010003},
	 {0x40010010, 0x87654703}}, 0x0000800002008000, 0x87654000, 0x4000, 4},
	{"16k-36", T1SZ(28) | TG1_16K | IPS(5), MMFR0_48, 0, 0x40004000,
	 {{0x40007ff8, 0x40008003}, {0x40008008, 0x87654703}}, 0xfffffffffe004001, 0x87654001,
	 0x3fff, 2},

	/* 64 KiB: 13 bits a level; 48 bits start at level 1 with 64 entries, 42 at level 2 */
	{"64k-48-page", K64_48, MMFR0_48, 0, 0x40010000, {{0x40010100, 0x40020003},
	 {0x40020008, 0x40030003}, {0x40030010, 0x87650703}}, 0xffff800020021234, 0x87651234,
	 0xedcc, 3},
	{"64k-48-block-512m", K64_48, MMFR0_48, 0, 0x40010000, {{0x40010100, 0x40020003},
	 {0x40020008, 0xa0000701}}, 0xffff800020021234, 0xa0021234, 0x1ffdedcc, 2},
	{"64k-48-no-block-4t", K64_48, MMFR0_48, 0, 0x40010000, {{0x40010100, 0x40000000701}},
	 0xffff800020021234, 0, 0, 1},
	{"64k-42", T1SZ(22) | TG1_64K | IPS(5), MMFR0_48, 0, 0x40010000,
	 {{0x4001fff8, 0x40020003}, {0x4002fff8, 0x87650703}}, 0xffffffffffffffff, 0x8765ffff, 1,
	 2},
	/* LPA alone: bits 51:48 of an address in bits 15:12, of TTBR in bits 5:2 */
	{"64k-48-lpa", T1SZ(16) | TG1_64K | IPS(6), MMFR0_LPA, 0, 0x40010024,
	 {{0x9000040010100, 0x4002a003}, {0xa000040020008, 0x4003b003},
	 {0xb000040030010, 0x8765c703}}, 0xffff800020021234, 0xc000087651234, 0xedcc, 3},
	/* LPA and IPS 48: TTBR has no such bits, and an address above 48 bits is too long */
	{"64k-48-lpa-ips48", T1SZ(16) | TG1_64K | IPS(5), MMFR0_LPA, 0, 0x4001003c,
	 {{0x40010100, 0x40020003}, {0x40020008, 0x4003b003}, {0xb000040030010, 0x87650703}},
	 0xffff800020021234, 0, 0, 2},
	/* two entries at level 1: TTBR cannot be aligned to less than 64 bytes then */
	{"64k-43-lpa", T0SZ(21) | TG0_64K | IPS(6), MMFR0_LPA, 0, 0x40010024,
	 {{0x9000040010008, 0x0000040000000701}}, 0x40000001234, 0x40000001234, 0x3ffffffedcc, 1},
	/* FEAT_TTST has 47 as its limit here */
	{"64k-17", T0SZ(48) | TG0_64K | IPS(5), MMFR0_48, MMFR2_ST, 0x40010010,
	 {{0x40010018, 0x50000703}}, 0x14008, 0x50004008, 0xbff8, 1},
	/* LVA: 1024 entries at level 1 */
	{"64k-52", K64_52, MMFR0_LPA, MMFR2_LVA, 0x40010000, {{0x40011000, 0x40020003},
	 {0x40020008, 0x40030003}, {0x40030010, 0x8765f703}}, 0xfff8000020021234, 0xf000087651234,
	 0xedcc, 3},
	{"64k-52-block-4t", K64_52, MMFR0_LPA, MMFR2_LVA, 0x40010000,
	 {{0x40011000, 0x000008000000f701}}, 0xfff8000020021234, 0xf080020021234, 0x3ffdffdedcc,
	 1},
	{"64k-52-without-lva", K64_52, MMFR0_LPA, 0, 0x40010000, {{0x40011000, 0x40020003}},
	 0xfff8000020021234, 0, 0, 0},

	/* LPA2: level -1 for 4 KiB; bits 51:50 in bits 9:8, of TTBR 51:48 in bits 5:2 */
	{"4k-52-page", K4_52, MMFR0_LPA2, 0, 0x4000103c, {{0xf000040001040, 0x0001000040002303},
	 {0xd000040002008, 0x0002000040003103}, {0x6000040003010, 0x0003000040004203},
	 {0xb000040004018, 0x40005003}, {0x40005020, 0x0002000087654703}}, 0xfff8008080604abc,
	 0xe000087654abc, 0x544, 5},
	{"4k-52-block-512g", K4_52, MMFR0_LPA2, 0, 0x40001000, {{0x40001040, 0x40002003},
	 {0x40002008, 0x0001008000000301}}, 0xfff8008080604abc, 0xd008080604abc, 0x7f7f9fb544, 2},
	{"4k-48-ds", T1SZ(16) | TG1_4K | IPS(6) | DS, MMFR0_LPA2, 0, 0x40001004,
	 {{0x1000040001800, 0x40002003}, {0x40002000, 0x0001000180000101}}, 0xffff800008123456,
	 0x5000188123456, 0x37edcbaa, 2},
	{"4k-ds-not-there", K4_52, MMFR0_48, 0, 0x40001000, {{0x40001040, 0x40002003}},
	 0xfff8008080604abc, 0, 0, 0},
	/* 16 KiB, 52 bits: 32 entries at level 0 */
	{"16k-52-page", K16_52, MMFR0_LPA2, 0, 0x40004004, {{0x1000040004080, 0x0001000040008303},
	 {0xd000040008008, 0x4000c003}, {0x4000c010, 0x40010003},
	 {0x40010018, 0x0002000087654603}}, 0xfff800100400d234, 0xa000087655234, 0x2dcc, 4},
	{"16k-52-block-64g", K16_52, MMFR0_LPA2, 0, 0x40004000, {{0x40004080, 0x40008003},
	 {0x40008008, 0x0000003000000201}}, 0xfff800100400d234, 0x800300400d234, 0xffbff2dcc, 2},

	/* what ends a walk */
	{"reserved-tg1", T1SZ(16) | IPS(5), MMFR0_48, 0, 0x40001000, {{0x40001800, 0x40002003}},
	 0xffff800008123456, 0, 0, 0},
	{"reserved-tg0", T0SZ(16) | TG0_64K | TG0_16K | IPS(5), MMFR0_48, 0, 0x40001000,
	 {{0x40001000, 0x40002003}}, 0x1000, 0, 0, 0},
	{"epd1", K4_48 | EPD1, MMFR0_48, 0, 0x40001000, {{0x40001800, 0x40002003}},
	 0xffff800008123456, 0, 0, 0},
	{"epd0", K4_48 | EPD0, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40002003}}, 0x1000, 0, 0,
	 0},
	{"epd0-other-half", K4_48 | EPD0, MMFR0_48, 0, 0x40001000, {{0x40001800, 0x40002003},
	 {0x40002000, 0x00680000c0000711}}, 0xffff800008123456, 0xc8123456, 0x37edcbaa, 2},
	{"not-valid", K4_48, MMFR0_48, 0, 0x40001000, {{0x40001800, 0x40002002}},
	 0xffff800008123456, 0, 0, 1},
	{"last-level-block", K4_48, MMFR0_48, 0, 0x40001000, {{0x40001800, 0x40002003},
	 {0x40002000, 0x40003003}, {0x40003200, 0x40004003}, {0x40004918, 0x87654701}},
	 0xffff800008123456, 0, 0, 4},
	{"table-not-in-ram", K4_48, MMFR0_48, 0, 0x40001000, {{0x40001800, 0x70002003}},
	 0xffff800008123456, 0, 0, 2},
	{"top-table-not-in-ram", K4_48, MMFR0_48, 0, 0x70001000, {{0}}, 0xffff800008123456, 0, 0,
	 1},
	{"table-to-itself", K4_48, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40001003}},
	 0xffff000000000000, 0x40001000, 0x1000, 4},
	{"page-too-long", T1SZ(25) | TG1_4K | IPS(2), MMFR0_48, 0, 0x40001000,
	 {{0x40001ff8, 0x40002003}, {0x40002ff8, 0x40003003}, {0x40003ff8, 0x0000010000000703}},
	 0xffffffffffffffff, 0, 0, 3},
	{"ips-over-parange", T1SZ(25) | TG1_4K | IPS(6), 0x00100002, 0, 0x40001000,
	 {{0x40001ff8, 0x40002003}, {0x40002ff8, 0x40003003}, {0x40003ff8, 0x0000010000000703}},
	 0xffffffffffffffff, 0, 0, 3},

	/* which half: bit 55; between them there is nothing */
	{"hole-low", K4_48, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40001003}},
	 0x0001000000000000, 0, 0, 0},
	{"hole-high", K4_48, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40001003}},
	 0xfffe000000000000, 0, 0, 0},
	{"hole-bit-55", K4_48 | TBI1, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40001003}},
	 0x0080000000000000, 0, 0, 0},
	/* tags */
	{"tag-high", K4_48 | TBI1, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40001003}},
	 0xf2ff000000000123, 0x40001123, 0xedd, 4},
	{"tag-high-tbid", K4_48 | TBI1 | TBID1, MMFR0_48, 0, 0x40001000,
	 {{0x40001000, 0x40001003}}, 0x00ff000000000123, 0x40001123, 0xedd, 4},
	{"tag-low", K4_48 | TBI0, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40001003}},
	 0xb400000000000123, 0x40001123, 0xedd, 4},
	{"tag-without-tbi", K4_48 | TBI0, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40001003}},
	 0xf2ff000000000123, 0, 0, 0},
	{"tag-low-without-tbi", K4_48 | TBI1, MMFR0_48, 0, 0x40001000, {{0x40001000, 0x40001003}},
	 0xb400000000000123, 0, 0, 0},
};
/* clang-format on */

static void check_row(const Row *row, bool big_endian)
{
	bool high = row->addr >> 55 & 1;
	ArmRoot root = {
		.sctlr = M | (big_endian ? EE : 0),
		.tcr = row->tcr,
		.ttbr0 = high ? 0xdead0000 : row->ttbr,
		.ttbr1 = high ? row->ttbr : 0xdead0000,
		.mmfr0 = row->mmfr0,
		.mmfr2 = row->mmfr2,
		.mode = 1,
	};
	ArmMapping mapping = {0};
	Ram ram = {0};

	for (unsigned i = 0; i < G_N_ELEMENTS(row->entries); i++) {
		uint64_t desc = row->entries[i].desc;

		ram.entries[i].at = row->entries[i].at;
		ram.entries[i].desc = big_endian ? GUINT64_TO_BE(desc) : GUINT64_TO_LE(desc);
	}
	g_assert_cmpint(arm_walk(&root, ram_read, &ram, row->addr, &mapping), ==, row->gpa != 0);
	g_assert_cmphex(mapping.gpa, ==, row->gpa);
	g_assert_cmphex(mapping.left, ==, row->left);
	g_assert_cmpuint(ram.reads, ==, row->reads);
}

static void test_row(gconstpointer data)
{
	check_row(data, false);
	check_row(data, true);
}

static void assert_off(const ArmRoot *root, uint64_t addr, uint64_t gpa, uint64_t left)
{
	ArmMapping mapping = {0};
	Ram ram = {0};

	g_assert_cmpint(arm_walk(root, ram_read, &ram, addr, &mapping), ==, left != 0);
	g_assert_cmphex(mapping.gpa, ==, gpa);
	g_assert_cmphex(mapping.left, ==, left);
	g_assert_cmpuint(ram.reads, ==, 0);
}

static void test_mmu_off(void)
{
	ArmRoot root = {.tcr = 0, .mmfr0 = 0x2 /* 40 bits */, .mode = 1};

	assert_off(&root, 0, 0, 1ull << 40);
	assert_off(&root, 0x80080000, 0x80080000, 0xff7ff80000);
	assert_off(&root, 0xffffffffff, 0xffffffffff, 1);
	assert_off(&root, 0x10000000000, 0, 0);
	assert_off(&root, 0xffff800008123456, 0, 0);
	assert_off(&root, 0xb400000080080000, 0, 0);
	root.tcr = TBI0 | EPD0;
	assert_off(&root, 0xb400000080080000, 0x80080000, 0xff7ff80000);
	root.mmfr0 = 0x6;
	assert_off(&root, 0xfffffffffffff, 0xfffffffffffff, 1);
	root.mmfr0 = 0xf; /* reserved: as the largest known */
	assert_off(&root, 0x10000000000000, 0, 0);
}

/* TCR_EL2: PS in bits 18:16, TBI in bit 20, and addresses from 0 up only. */
static void test_one_range(void)
{
	ArmRoot root = {
		.sctlr = M,
		.tcr = 25 | 2ull << 16 | 1ull << 20,
		.ttbr0 = 0x40001000,
		.ttbr1 = 0x50001000,
		.mmfr0 = MMFR0_48,
		.mode = 2 | ARM_ROOT_ONE_RANGE,
	};
	Ram ram = {.entries = {{0x40001010, 0x00000005c0000701}, {0x40001018, 0x10000000701}}};
	ArmMapping mapping;

	g_assert_true(arm_walk(&root, ram_read, &ram, 0x5500000080001234, &mapping));
	g_assert_cmphex(mapping.gpa, ==, 0x5c0001234);
	g_assert_cmphex(mapping.left, ==, 0x3fffedcc);
	g_assert_false(arm_walk(&root, ram_read, &ram, 0xc0000000, &mapping)); /* over 40 bits */
	g_assert_false(arm_walk(&root, ram_read, &ram, 0xffffffff80001234, &mapping));
	g_assert_false(arm_is_kernel_address(&root, 0xffffffff80001234));
	g_assert_false(arm_root_is_kernel(&root));

	/* DS is bit 32 there: bits 51:50 of an address are in bits 9:8 */
	root.tcr = 25 | 6ull << 16 | 1ull << 32;
	root.mmfr0 = MMFR0_LPA2;
	ram.entries[0].desc = 0x00000005c0000301;
	g_assert_true(arm_walk(&root, ram_read, &ram, 0x80001234, &mapping));
	g_assert_cmphex(mapping.gpa, ==, 0xc0005c0001234);
}

static void test_kernel_address(void)
{
	ArmRoot root = {.sctlr = M, .tcr = K4_48 | TBI1, .mmfr0 = MMFR0_48};

	g_assert_true(arm_is_kernel_address(&root, 0xffff000000000000));
	g_assert_true(arm_is_kernel_address(&root, 0xffffffffffffffff));
	g_assert_true(arm_is_kernel_address(&root, 0xf0ff800000000000));
	g_assert_false(arm_is_kernel_address(&root, 0xfffe000000000000));
	g_assert_false(arm_is_kernel_address(&root, 0x0000ffffffffffff));
	g_assert_false(arm_is_kernel_address(&root, 0));
	root.tcr = T1SZ(25) | TG1_4K;
	g_assert_true(arm_is_kernel_address(&root, 0xffffff8000000000));
	g_assert_false(arm_is_kernel_address(&root, 0xffffff7fffffffff));
	g_assert_false(arm_is_kernel_address(&root, 0xf0ffff8000000000));
}

static void test_root_is_kernel(void)
{
	ArmRoot root = {.sctlr = M, .tcr = K4_48, .mmfr0 = MMFR0_48, .mode = 1};

	g_assert_true(arm_root_is_kernel(&root));
	root.mode = 2;
	g_assert_true(arm_root_is_kernel(&root));
	root.mode = 0;
	g_assert_false(arm_root_is_kernel(&root));
	root.mode = 1;
	root.tcr |= EPD1;
	g_assert_false(arm_root_is_kernel(&root));
	root.tcr = K4_48;
	root.sctlr = 0;
	g_assert_false(arm_root_is_kernel(&root));
}

/* Random tables and registers: any answer will do, but there is one, after five reads at most. */
static bool noise_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	uint64_t *state = opaque;

	for (size_t i = 0; i < len; i++) {
		state[0] = (state[0] ^ gpa) * 0x9e3779b97f4a7c15 + 1;
		((uint8_t *)buf)[i] = state[0] >> 56;
	}
	((uint8_t *)buf)[0] |= 3;
	state[1]++;
	return true;
}

static void test_noise(void)
{
	uint64_t state[2] = {1};
	ArmRoot root = {0};

	for (unsigned i = 0; i < 20000; i++) {
		ArmMapping mapping = {0};
		uint64_t addr;

		noise_read(state, i, &root, sizeof(root));
		noise_read(state, i, &addr, sizeof(addr));
		if (i % 2)
			addr = (uint64_t)((int64_t)addr >> 16);
		root.sctlr |= M;
		state[1] = 0;
		if (arm_walk(&root, noise_read, state, addr, &mapping)) {
			g_assert_cmpuint(mapping.left, >=, 1);
			g_assert_cmpuint(mapping.gpa >> 52, ==, 0);
		}
		g_assert_cmpuint(state[1], <=, 5);
		arm_is_kernel_address(&root, addr);
	}
}

/* Which registers translate; VM does not matter where EL2 itself runs, nor to its own EL0. */
static void test_regime(void)
{
	const uint64_t vm = 1, tge = 1ull << 27, e2h = 1ull << 34;

	g_assert_cmpint(arm_regime(0, 0), ==, ARM_REGIME_EL1);
	g_assert_cmpint(arm_regime(1, 0), ==, ARM_REGIME_EL1);
	g_assert_cmpint(arm_regime(1, e2h), ==, ARM_REGIME_EL1);
	g_assert_cmpint(arm_regime(1, vm), ==, ARM_REGIME_NESTED);
	g_assert_cmpint(arm_regime(0, e2h | vm), ==, ARM_REGIME_NESTED);
	g_assert_cmpint(arm_regime(0, e2h | tge | vm), ==, ARM_REGIME_EL2);
	g_assert_cmpint(arm_regime(2, e2h | tge | vm), ==, ARM_REGIME_EL2);
	g_assert_cmpint(arm_regime(2, e2h), ==, ARM_REGIME_EL2);
	g_assert_cmpint(arm_regime(2, vm | tge), ==, ARM_REGIME_EL2_ALONE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strconcat("/arm-walk/", rows[i].name, NULL);

		g_test_add_data_func(path, &rows[i], test_row);
	}
	g_test_add_func("/arm-walk/mmu-off", test_mmu_off);
	g_test_add_func("/arm-walk/one-range", test_one_range);
	g_test_add_func("/arm-walk/kernel-address", test_kernel_address);
	g_test_add_func("/arm-walk/root-is-kernel", test_root_is_kernel);
	g_test_add_func("/arm-walk/noise", test_noise);
	g_test_add_func("/arm-walk/regime", test_regime);
	return g_test_run();
}

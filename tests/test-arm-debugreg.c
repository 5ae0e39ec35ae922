/*
 * tests/test-arm-debugreg.c - arm/cpu/debugreg.h: DBGBCR and DBGWCR for Z1-Z4, hits back to points.
 */
#include <string.h>

#include "arm/cpu/debugreg.h"

typedef struct Row {
	GdbBreak point;
	unsigned n;
	uint64_t value[4];
	uint64_t control[4];
} Row;

/* DBGBCR by hand: E bit 0, PMC 0b11 in bits 2:1, BAS in bits 8:5. */
static const Row breaks[] = {
	{{GDB_BREAK_HW, 0x1004, 4}, 1, {0x1004}, {0x1e7}},
	{{GDB_BREAK_SW, 0xffff800010000000, 4}, 1, {0xffff800010000000}, {0x1e7}},
	{{GDB_BREAK_HW, 0x1000, 2}, 1, {0x1000}, {0x067}},
	{{GDB_BREAK_HW, 0x1002, 2}, 1, {0x1000}, {0x187}},
	{{GDB_BREAK_HW, 0x1006, 3}, 1, {0x1004}, {0x187}},
	/* tags go, the sign comes back */
	{{GDB_BREAK_HW, 0x0aff800010000000, 4}, 1, {0xffff800010000000}, {0x1e7}},
	{{GDB_BREAK_HW, 0xb40000aaaabbbbcc, 4}, 1, {0x000000aaaabbbbcc}, {0x1e7}},
	/* 52-bit addresses */
	{{GDB_BREAK_HW, 0xfff8000010000000, 4}, 1, {0xfff8000010000000}, {0x1e7}},
};

/*
 * DBGWCR: E bit 0, PAC 0b11 in bits 2:1, LSC in bits 4:3 (1 load, 2 store), BAS in bits 12:5, MASK
 * in bits 28:24. So 0x1ff7 is a store to 8 bytes.
 */
static const Row watches[] = {
	{{GDB_WATCH_WRITE, 0x1000, 8}, 1, {0x1000}, {0x1ff7}},
	{{GDB_WATCH_READ, 0x1000, 8}, 1, {0x1000}, {0x1fef}},
	{{GDB_WATCH_ACCESS, 0x1000, 8}, 1, {0x1000}, {0x1fff}},
	{{GDB_WATCH_WRITE, 0x1000, 1}, 1, {0x1000}, {0x0037}},
	{{GDB_WATCH_WRITE, 0x1007, 1}, 1, {0x1000}, {0x1017}},
	{{GDB_WATCH_WRITE, 0x1004, 4}, 1, {0x1000}, {0x1e17}},
	{{GDB_WATCH_WRITE, 0x1001, 3}, 1, {0x1000}, {0x01d7}},
	{{GDB_WATCH_WRITE, 0x1005, 2}, 1, {0x1000}, {0x0c17}},
	/* over the end of 8 bytes */
	{{GDB_WATCH_WRITE, 0x1004, 8}, 2, {0x1000, 0x1008}, {0x1e17, 0x01f7}},
	{{GDB_WATCH_WRITE, 0x1007, 2}, 2, {0x1000, 0x1008}, {0x1017, 0x0037}},
	{{GDB_WATCH_ACCESS, 0x1006, 4}, 2, {0x1000, 0x1008}, {0x181f, 0x007f}},
	{{GDB_WATCH_WRITE, 0x1001, 16}, 3, {0x1000, 0x1008, 0x1010}, {0x1fd7, 0x1ff7, 0x0037}},
	/* powers of two: MASK 4 is 16 bytes */
	{{GDB_WATCH_WRITE, 0x1000, 16}, 1, {0x1000}, {0x04001ff7}},
	{{GDB_WATCH_WRITE, 0x1008, 16}, 2, {0x1008, 0x1010}, {0x1ff7, 0x1ff7}},
	{{GDB_WATCH_WRITE, 0x1000, 24}, 2, {0x1000, 0x1010}, {0x04001ff7, 0x1ff7}},
	{{GDB_WATCH_READ, 0x1000, 4096}, 1, {0x1000}, {0x0c001fef}},
	{{GDB_WATCH_WRITE, 0x1ff8, 0x1010},
	 3,
	 {0x1ff8, 0x2000, 0x3000},
	 {0x1ff7, 0x0c001ff7, 0x1ff7}},
	{{GDB_WATCH_WRITE, 0x1000, 4099}, 2, {0x1000, 0x2000}, {0x0c001ff7, 0x00f7}},
	{{GDB_WATCH_WRITE, 0x80000000, 0x80000000}, 1, {0x80000000}, {0x1f001ff7}},
	{{GDB_WATCH_WRITE, 0x100000000, 0x100000000},
	 2,
	 {0x100000000, 0x180000000},
	 {0x1f001ff7, 0x1f001ff7}},
	{{GDB_WATCH_WRITE, 0xffffffffffffffff, 1}, 1, {0xfffffffffffffff8}, {0x1017}},
	{{GDB_WATCH_WRITE, 0xfffffffffffffff0, 16}, 1, {0xfffffffffffffff0}, {0x04001ff7}},
	{{GDB_WATCH_WRITE, 0xf2ff000012345678, 8}, 1, {0xffff000012345678}, {0x1ff7}},
	{{GDB_WATCH_WRITE, 0x3d00000012345678, 8}, 1, {0x0000000012345678}, {0x1ff7}},
};

static void test_breaks(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(breaks); i++) {
		ArmSlots slots;

		g_test_message("row %u", i);
		g_assert_true(arm_slots_encode(&breaks[i].point, 1, 6, 4, &slots, NULL));
		g_assert_cmpuint(slots.n_breaks, ==, 1);
		g_assert_cmpuint(slots.n_watches, ==, 0);
		g_assert_cmphex(slots.bvr[0], ==, breaks[i].value[0]);
		g_assert_cmphex(slots.bcr[0], ==, breaks[i].control[0]);
		g_assert_cmphex(slots.bcr[1], ==, 0);
	}
}

static void test_watches(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(watches); i++) {
		const Row *row = &watches[i];
		ArmSlots slots;

		g_test_message("row %u", i);
		g_assert_true(arm_slots_encode(&row->point, 1, 6, 4, &slots, NULL));
		g_assert_cmpuint(slots.n_breaks, ==, 0);
		g_assert_cmpuint(slots.n_watches, ==, row->n);
		for (unsigned s = 0; s < ARM_N_SLOTS; s++) {
			g_assert_cmphex(slots.wvr[s], ==, s < row->n ? row->value[s] : 0);
			g_assert_cmphex(slots.wcr[s], ==, s < row->n ? row->control[s] : 0);
		}
	}
}

/* Does a register watch the byte at @addr, by the rules of the Arm ARM? */
static bool is_watched(const ArmSlots *slots, unsigned slot, uint64_t addr)
{
	unsigned mask = slots->wcr[slot] >> 24 & 0x1f, bas = slots->wcr[slot] >> 5 & 0xff;

	if (mask) {
		g_assert_cmpuint(mask, >=, 3);
		g_assert_cmphex(bas, ==, 0xff);
		g_assert_cmphex(slots->wvr[slot] & ((1ull << mask) - 1), ==, 0);
		return addr >> mask == slots->wvr[slot] >> mask;
	}
	g_assert_cmphex(slots->wvr[slot] % 8, ==, 0);
	return addr >> 3 == slots->wvr[slot] >> 3 && (bas >> addr % 8 & 1);
}

/* Every byte that was asked for is watched by exactly one register, and no other byte is. */
static void test_cover(void)
{
	for (uint64_t addr = 0x1000; addr < 0x1040; addr++) {
		for (unsigned kind = 1; kind <= 80; kind++) {
			GdbBreak point = {GDB_WATCH_WRITE, addr, kind};
			ArmSlots slots;

			g_assert_true(arm_slots_encode(&point, 1, 0, 16, &slots, NULL));
			for (uint64_t at = 0xfc0; at < 0x10c0; at++) {
				unsigned n = 0;

				for (unsigned s = 0; s < slots.n_watches; s++)
					n += is_watched(&slots, s, at);
				g_assert_cmpuint(n, ==, at >= addr && at < addr + kind);
			}
		}
	}
}

/* Breakpoints and watchpoints have slots of their own; what is the same shares one. */
static void test_shared(void)
{
	const GdbBreak points[] = {
		{GDB_BREAK_HW, 0x1000, 4},
		{GDB_BREAK_SW, 0x1000, 4},
		{GDB_BREAK_HW, 0x0100000000001000, 4},
		{GDB_BREAK_HW, 0x1004, 4},
		{GDB_WATCH_WRITE, 0x2000, 8},
		{GDB_WATCH_READ, 0x2000, 8},
		{GDB_WATCH_WRITE, 0x2004, 8},
		{GDB_WATCH_ACCESS, 0x2008, 4},
	};
	ArmSlots slots;

	g_assert_true(arm_slots_encode(points, G_N_ELEMENTS(points), 2, 3, &slots, NULL));
	g_assert_cmpuint(slots.n_breaks, ==, 2);
	g_assert_cmphex(slots.bvr[0], ==, 0x1000);
	g_assert_cmphex(slots.bvr[1], ==, 0x1004);
	g_assert_cmpuint(slots.n_watches, ==, 3);
	g_assert_cmphex(slots.wcr[0], ==, 0x1fff);
	g_assert_cmphex(slots.wcr[1], ==, 0x1e17);
	g_assert_cmphex(slots.wcr[2], ==, 0x01ff);
	g_assert_true(arm_slots_encode(NULL, 0, 0, 0, &slots, NULL));
	g_assert_cmpuint(slots.n_breaks + slots.n_watches, ==, 0);
}

/* Two Thumb instructions in one word are not the same. */
static void test_thumb_pair(void)
{
	const GdbBreak pair[] = {{GDB_BREAK_HW, 0x1000, 2}, {GDB_BREAK_HW, 0x1002, 2}};
	ArmSlots slots;

	g_assert_true(arm_slots_encode(pair, 2, 6, 4, &slots, NULL));
	g_assert_cmpuint(slots.n_breaks, ==, 2);
	g_assert_cmphex(slots.bcr[0], ==, 0x067);
	g_assert_cmphex(slots.bcr[1], ==, 0x187);
}

static void assert_refused(const GdbBreak *points, unsigned n, unsigned n_breaks,
			   unsigned n_watches, int code, const char *text)
{
	g_autoptr(GError) error = NULL;
	ArmSlots slots, before;

	memset(&slots, 0x5a, sizeof(slots));
	before = slots;
	g_assert_false(arm_slots_encode(points, n, n_breaks, n_watches, &slots, &error));
	g_assert_error(error, GDB_ERROR, code);
	g_assert_nonnull(strstr(error->message, text));
	g_assert_null(strchr(error->message, '\n'));
	g_assert_cmpmem(&slots, sizeof(slots), &before, sizeof(before));
	g_assert_false(arm_slots_encode(points, n, n_breaks, n_watches, &slots, NULL));
}

static void test_refused(void)
{
	const struct {
		GdbBreak point;
		const char *text;
	} bad[] = {
		{{GDB_BREAK_HW, 0x1002, 4}, "multiple of 4"},
		{{GDB_BREAK_HW, 0x1001, 2}, "multiple of 2"},
		{{GDB_BREAK_HW, 0x1000, 1}, "expected 4, or 2 or 3"},
		{{GDB_BREAK_HW, 0x1000, 0}, "expected 4, or 2 or 3"},
		{{GDB_BREAK_SW, 0x1000, 8}, "expected 4, or 2 or 3"},
		{{GDB_WATCH_WRITE, 0x1000, 0}, "at least one byte"},
		{{GDB_WATCH_WRITE, 0xfffffffffffffff8, 9}, "end of memory"},
		{{GDB_WATCH_WRITE, 0x1000, UINT64_MAX}, "end of memory"},
		{{GDB_WATCH_WRITE, 0, UINT64_MAX}, "end of memory"},
		{{GDB_WATCH_WRITE, 0x007fffffffffffff, 2}, "end of memory"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_refused(&bad[i].point, 1, 6, 4, GDB_ERROR_INVAL, bad[i].text);
}

/* One more than there are is refused in words; without it the others still encode (T23). */
static void test_full(void)
{
	const GdbBreak breaks[] = {
		{GDB_BREAK_HW, 0x100, 4}, {GDB_BREAK_HW, 0x200, 4}, {GDB_BREAK_HW, 0x300, 4}};
	const GdbBreak watches[] = {{GDB_WATCH_WRITE, 0x100, 8},
				    {GDB_WATCH_WRITE, 0x200, 8},
				    {GDB_WATCH_WRITE, 0x304, 8}};
	const GdbBreak vast = {GDB_WATCH_WRITE, 0, 1ull << 54};
	ArmSlots slots;

	assert_refused(breaks, 3, 2, 4, GDB_ERROR_NOSPC, "all 2 hardware breakpoints are in use");
	g_assert_true(arm_slots_encode(breaks, 2, 2, 4, &slots, NULL));
	assert_refused(watches, 3, 6, 2, GDB_ERROR_NOSPC, "all 2 hardware watchpoints are in use");
	assert_refused(watches, 3, 6, 3, GDB_ERROR_NOSPC,
		       "needs 2 hardware watchpoints, but only 1 of 3 are free");
	g_assert_true(arm_slots_encode(watches, 3, 6, 4, &slots, NULL));
	assert_refused(&vast, 1, 6, 4, GDB_ERROR_NOSPC, "needs more than 16");
	assert_refused(breaks, 1, 0, 4, GDB_ERROR_UNSUPPORTED, "no hardware breakpoints");
	assert_refused(watches, 1, 6, 0, GDB_ERROR_UNSUPPORTED, "no hardware watchpoints");
}

/* A CPU may have 64 of FEAT_Debugv8p9; KVM's structure has room for 16. */
static void test_limit(void)
{
	GdbBreak points[17];
	ArmSlots slots;

	for (unsigned i = 0; i < 17; i++)
		points[i] = (GdbBreak){GDB_BREAK_HW, 0x1000 + 4 * i, 4};
	g_assert_true(arm_slots_encode(points, 16, 64, 64, &slots, NULL));
	g_assert_cmpuint(slots.n_breaks, ==, 16);
	assert_refused(points, 17, 64, 64, GDB_ERROR_NOSPC, "all 16");
}

/* ---- Hits ---- */

static const GdbBreak points[] = {
	{GDB_BREAK_HW, 0xffff800010000000, 4},	  {GDB_WATCH_WRITE, 0xffff000000002000, 8},
	{GDB_WATCH_READ, 0xffff000000002000, 4},  {GDB_WATCH_ACCESS, 0xffff000000002010, 4},
	{GDB_WATCH_WRITE, 0xf2ff000000003004, 8}, {GDB_BREAK_SW, 0x400804, 4},
};

#define BREAKPOINT 0xc2000022
#define WATCH_READ 0xd2000022
#define WATCH_WRITE 0xd2000062
#define FNV 0x400
#define WPT(n) (0x20000 | (n) << 18)

static const struct {
	uint64_t esr, pc, far;
	int point;
	uint64_t addr;
} hits[] = {
	{BREAKPOINT, 0xffff800010000000, 0, 0, 0},
	{BREAKPOINT, 0x400804, 0, 5, 0},
	{BREAKPOINT, 0x400800, 0, -1, 0},
	/* a watched address is no breakpoint */
	{BREAKPOINT, 0xffff000000002000, 0, -1, 0},
	/* each byte of the range, and the kind of access */
	{WATCH_WRITE, 0, 0xffff000000002000, 1, 0xffff000000002000},
	{WATCH_WRITE, 0, 0xffff000000002005, 1, 0xffff000000002005},
	{WATCH_WRITE, 0, 0xffff000000002007, 1, 0xffff000000002007},
	{WATCH_READ, 0, 0xffff000000002000, 2, 0xffff000000002000},
	{WATCH_READ, 0, 0xffff000000002010, 3, 0xffff000000002010},
	{WATCH_WRITE, 0, 0xffff000000002012, 3, 0xffff000000002012},
	/* a wide access that began below: the nearest, moved in */
	{WATCH_WRITE, 0, 0xffff000000001ff8, 1, 0xffff000000002000},
	{WATCH_READ, 0, 0xffff00000000200c, 3, 0xffff000000002010},
	{WATCH_WRITE, 0, 0xffff000000002800, 3, 0xffff000000002013},
	{WATCH_WRITE, 0, 0xffff000000002fc0, 4, 0xf2ff000000003004},
	/* tags: of the access, and of the point */
	{WATCH_WRITE, 0, 0xf3ff000000002001, 1, 0xffff000000002001},
	{WATCH_WRITE, 0, 0xffff00000000300b, 4, 0xf2ff00000000300b},
	/* no FAR: by number (1 is the piece at 0x2000 that only reads use), else the first */
	{WATCH_WRITE | FNV | WPT(0), 0, 0xdead, 1, 0xffff000000002000},
	{WATCH_READ | FNV | WPT(2), 0, 0xdead, 3, 0xffff000000002010},
	{WATCH_WRITE | FNV | WPT(4), 0, 0xdead, 4, 0xf2ff000000003008},
	{WATCH_WRITE | FNV, 0, 0xdead, 1, 0xffff000000002000},
	{WATCH_READ | FNV, 0, 0xdead, 2, 0xffff000000002000},
	{WATCH_READ | FNV | WPT(63), 0, 0xdead, 2, 0xffff000000002000},
	/* the same level, and nothing of ours */
	{0xd6000062, 0, 0xffff000000002001, 1, 0xffff000000002001},
	{0xca000022, 0xffff800010000000, 0xffff000000002000, -1, 0},
	{0xf2000000, 0xffff800010000000, 0xffff000000002000, -1, 0},
};

static void test_hits(void)
{
	ArmSlots slots;

	g_assert_true(arm_slots_encode(points, G_N_ELEMENTS(points), 6, 6, &slots, NULL));
	g_assert_cmpuint(slots.n_watches, ==, 5);
	for (unsigned i = 0; i < G_N_ELEMENTS(hits); i++) {
		ArmSyndrome syndrome = arm_syndrome_decode(hits[i].esr);
		ArmHit hit = arm_slots_decode(&slots, points, G_N_ELEMENTS(points), &syndrome,
					      hits[i].pc, hits[i].far);

		g_test_message("row %u", i);
		g_assert_cmpint(hit.point, ==, hits[i].point);
		g_assert_cmphex(hit.addr, ==, hits[i].addr);
	}
}

/* Of two that fit alike the first; by number that of the register, not of its 8 bytes. */
static void test_neighbours(void)
{
	const GdbBreak both[] = {{GDB_WATCH_WRITE, 0x1000, 2},
				 {GDB_WATCH_WRITE, 0x1004, 4},
				 {GDB_WATCH_ACCESS, 0x1004, 4}};
	ArmSyndrome plain = arm_syndrome_decode(WATCH_WRITE);
	ArmSyndrome numbered = arm_syndrome_decode(WATCH_WRITE | FNV | WPT(1));
	ArmSlots slots;

	g_assert_true(arm_slots_encode(both, 3, 6, 6, &slots, NULL));
	g_assert_cmpuint(slots.n_watches, ==, 2);
	g_assert_cmpint(arm_slots_decode(&slots, both, 3, &plain, 0, 0x1005).point, ==, 1);
	g_assert_cmpint(arm_slots_decode(&slots, both, 3, &numbered, 0, 0).point, ==, 1);
}

/* Whatever holds the byte may be meant; what is only near is not told beside the nearest. */
static void test_also(void)
{
	const GdbBreak points[] = {{GDB_WATCH_WRITE, 0x1000, 8},
				   {GDB_WATCH_READ, 0x1004, 4},
				   {GDB_WATCH_ACCESS, 0x1004, 2},
				   {GDB_WATCH_WRITE, 0x1006, 2}};
	ArmSyndrome syndrome = arm_syndrome_decode(WATCH_WRITE);
	ArmSlots slots;
	ArmHit hit;

	g_assert_true(arm_slots_encode(points, 4, 6, 6, &slots, NULL));
	hit = arm_slots_decode(&slots, points, 4, &syndrome, 0, 0x1005);
	g_assert_cmpint(hit.point, ==, 0);
	g_assert_cmphex(hit.addr, ==, 0x1005);
	g_assert_cmpuint(hit.n_also, ==, 1);
	g_assert_cmpuint(hit.also[0].point, ==, 2);
	g_assert_cmphex(hit.also[0].addr, ==, 0x1005);
	hit = arm_slots_decode(&slots, points, 4, &syndrome, 0, 0xff0);
	g_assert_cmpint(hit.point, ==, 0);
	g_assert_cmpuint(hit.n_also, ==, 0);
}

/* An atomic operation on a location watched for reads only says what it likes: it is ours. */
static void test_other_kind(void)
{
	const GdbBreak point = {GDB_WATCH_READ, 0x2000, 8};
	ArmSyndrome syndrome = arm_syndrome_decode(WATCH_WRITE);
	ArmSlots slots;
	ArmHit hit;

	g_assert_true(arm_slots_encode(&point, 1, 6, 6, &slots, NULL));
	hit = arm_slots_decode(&slots, &point, 1, &syndrome, 0, 0x2004);
	g_assert_cmpint(hit.point, ==, 0);
	g_assert_cmphex(hit.addr, ==, 0x2004);
	hit = arm_slots_decode(&slots, NULL, 0, &syndrome, 0, 0x2004);
	g_assert_cmpint(hit.point, ==, -1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-debugreg/breaks", test_breaks);
	g_test_add_func("/arm-debugreg/watches", test_watches);
	g_test_add_func("/arm-debugreg/cover", test_cover);
	g_test_add_func("/arm-debugreg/shared", test_shared);
	g_test_add_func("/arm-debugreg/thumb-pair", test_thumb_pair);
	g_test_add_func("/arm-debugreg/refused", test_refused);
	g_test_add_func("/arm-debugreg/full", test_full);
	g_test_add_func("/arm-debugreg/limit", test_limit);
	g_test_add_func("/arm-debugreg/hits", test_hits);
	g_test_add_func("/arm-debugreg/neighbours", test_neighbours);
	g_test_add_func("/arm-debugreg/other-kind", test_other_kind);
	g_test_add_func("/arm-debugreg/also", test_also);
	return g_test_run();
}

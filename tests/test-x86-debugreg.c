/*
 * tests/test-x86-debugreg.c - x86/cpu/debugreg.h: DR7 for Z1-Z4 in four shared slots, DR6 back to
 * points.
 */
#include <string.h>

#include "x86/cpu/debugreg.h"

typedef struct Row {
	GdbBreak point;
	unsigned n_slots;
	uint64_t addr[4];
	unsigned length[4];
	uint64_t dr7;
} Row;

/* DR7 by hand: 0x600, global enables in bits 1 3 5 7, then LEN:TYPE nibbles from bit 16 on. */
static const Row rows[] = {
	{{GDB_BREAK_HW, 0x1001, 1}, 1, {0x1001}, {1}, 0x00000602},
	{{GDB_BREAK_HW, 0x1001, 5}, 1, {0x1001}, {1}, 0x00000602},
	{{GDB_BREAK_SW, 0xffffffff81000000, 1}, 1, {0xffffffff81000000}, {1}, 0x00000602},
	{{GDB_WATCH_WRITE, 0x1003, 1}, 1, {0x1003}, {1}, 0x00010602},
	{{GDB_WATCH_WRITE, 0x1002, 2}, 1, {0x1002}, {2}, 0x00050602},
	{{GDB_WATCH_WRITE, 0x1004, 4}, 1, {0x1004}, {4}, 0x000d0602},
	{{GDB_WATCH_WRITE, 0x1008, 8}, 1, {0x1008}, {8}, 0x00090602},
	{{GDB_WATCH_ACCESS, 0x1008, 8}, 1, {0x1008}, {8}, 0x000b0602},
	{{GDB_WATCH_ACCESS, 0x1003, 1}, 1, {0x1003}, {1}, 0x00030602},
	/* split: aligned pieces from the bottom up */
	{{GDB_WATCH_WRITE, 0x1000, 3}, 2, {0x1000, 0x1002}, {2, 1}, 0x0015060a},
	{{GDB_WATCH_WRITE, 0x1001, 2}, 2, {0x1001, 0x1002}, {1, 1}, 0x0011060a},
	{{GDB_WATCH_ACCESS, 0x1004, 8}, 2, {0x1004, 0x1008}, {4, 4}, 0x00ff060a},
	{{GDB_WATCH_WRITE, 0x1001, 8},
	 4,
	 {0x1001, 0x1002, 0x1004, 0x1008},
	 {1, 2, 4, 1},
	 0x1d5106aa},
	{{GDB_WATCH_WRITE, 0x1000, 32},
	 4,
	 {0x1000, 0x1008, 0x1010, 0x1018},
	 {8, 8, 8, 8},
	 0x999906aa},
	{{GDB_WATCH_WRITE, 0xffffffffffffffff, 1}, 1, {0xffffffffffffffff}, {1}, 0x00010602},
};

static void test_encode(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Row *row = &rows[i];
		g_autoptr(GError) error = NULL;
		X86Slots slots;

		g_test_message("row %u", i);
		g_assert_true(x86_slots_encode(&row->point, 1, &slots, &error));
		g_assert_no_error(error);
		g_assert_cmphex(slots.dr7, ==, row->dr7);
		for (unsigned s = 0; s < X86_N_SLOTS; s++) {
			g_assert_cmphex(slots.addr[s], ==, row->addr[s]);
			g_assert_cmpuint(slots.length[s], ==, row->length[s]);
			g_assert_cmpuint(slots.point[s], ==, 0);
		}
	}
}

/* Every piece is aligned, they are side by side, and together they are what was asked for. */
static void test_pieces(void)
{
	for (uint64_t addr = 0x1000; addr < 0x1010; addr++) {
		for (unsigned kind = 1; kind <= 33; kind++) {
			GdbBreak point = {GDB_WATCH_WRITE, addr, kind};
			uint64_t at = addr;
			X86Slots slots;

			if (!x86_slots_encode(&point, 1, &slots, NULL)) {
				g_assert_cmpuint(kind, >, 8);
				continue;
			}
			for (unsigned s = 0; s < X86_N_SLOTS && slots.length[s]; s++) {
				g_assert_cmphex(slots.addr[s], ==, at);
				g_assert_cmpuint(at % slots.length[s], ==, 0);
				at += slots.length[s];
			}
			g_assert_cmphex(at, ==, addr + kind);
		}
	}
}

static void test_none(void)
{
	X86Slots slots = {.dr7 = 1};
	X86Cause cause;

	g_assert_true(x86_slots_encode(NULL, 0, &slots, NULL));
	g_assert_cmphex(slots.dr7, ==, 0);
	cause = x86_slots_decode(&slots, NULL, 0xffff0fff);
	g_assert_cmpint(cause.point, ==, -1);
	g_assert_false(cause.step);
}

static void test_shared(void)
{
	const GdbBreak points[] = {
		{GDB_BREAK_HW, 0x100, 1},
		{GDB_WATCH_WRITE, 0x2000, 3},
		{GDB_WATCH_ACCESS, 0x3000, 8},
	};
	X86Slots slots;

	g_assert_true(x86_slots_encode(points, 3, &slots, NULL));
	g_assert_cmphex(slots.dr7, ==, 0xb15006aa);
	g_assert_cmpuint(slots.point[0], ==, 0);
	g_assert_cmpuint(slots.point[1], ==, 1);
	g_assert_cmpuint(slots.point[2], ==, 1);
	g_assert_cmpuint(slots.point[3], ==, 2);
}

static void assert_refused(const GdbBreak *points, unsigned n, int code, const char *text)
{
	g_autoptr(GError) error = NULL;
	X86Slots slots, before;

	memset(&slots, 0x5a, sizeof(slots));
	before = slots;
	g_assert_false(x86_slots_encode(points, n, &slots, &error));
	g_assert_error(error, GDB_ERROR, code);
	g_assert_nonnull(strstr(error->message, text));
	g_assert_null(strchr(error->message, '\n'));
	g_assert_cmpmem(&slots, sizeof(slots), &before, sizeof(before));
}

/* The fifth is refused; without it the other four still encode (T23). */
static void test_full(void)
{
	const GdbBreak five[] = {
		{GDB_BREAK_HW, 0x100, 1}, {GDB_WATCH_WRITE, 0x200, 4}, {GDB_WATCH_ACCESS, 0x300, 1},
		{GDB_BREAK_HW, 0x400, 1}, {GDB_BREAK_HW, 0x500, 1},
	};
	X86Slots slots;

	assert_refused(five, 5, GDB_ERROR_NOSPC, "all 4 debug registers are in use");
	g_assert_true(x86_slots_encode(five, 4, &slots, NULL));
	g_assert_cmphex(slots.dr7 & 0xff, ==, 0xaa);
}

static void test_no_space(void)
{
	const GdbBreak wide[] = {{GDB_BREAK_HW, 0x100, 1},
				 {GDB_BREAK_HW, 0x101, 1},
				 {GDB_BREAK_HW, 0x102, 1},
				 {GDB_WATCH_WRITE, 0x200, 3}};
	const GdbBreak huge = {GDB_WATCH_WRITE, 0x1000, 33};
	const GdbBreak endless = {GDB_WATCH_WRITE, 0, UINT64_MAX};

	assert_refused(wide, 4, GDB_ERROR_NOSPC, "needs 2 debug registers, but only 1 of 4");
	assert_refused(&huge, 1, GDB_ERROR_NOSPC, "more than the 4 debug registers");
	assert_refused(&endless, 1, GDB_ERROR_NOSPC, "more than the 4 debug registers");
}

static void test_invalid(void)
{
	const GdbBreak empty = {GDB_WATCH_WRITE, 0x1000, 0};
	const GdbBreak wraps = {GDB_WATCH_WRITE, 0xfffffffffffffffe, 3};
	const GdbBreak reads = {GDB_WATCH_READ, 0x1000, 4};

	assert_refused(&empty, 1, GDB_ERROR_INVAL, "at least one byte");
	assert_refused(&wraps, 1, GDB_ERROR_INVAL, "0xfffffffffffffffe");
	assert_refused(&reads, 1, GDB_ERROR_UNSUPPORTED, "access watchpoint");
}

static void assert_cause(uint64_t dr6, bool step, int point, uint64_t addr)
{
	/* slots: 0 point 0, 1 and 2 point 1 (split), 3 unused */
	const GdbBreak points[] = {{GDB_BREAK_HW, 0x100, 1}, {GDB_WATCH_WRITE, 0x2000, 3}};
	X86Slots slots;
	X86Cause cause;

	g_assert_true(x86_slots_encode(points, 2, &slots, NULL));
	cause = x86_slots_decode(&slots, points, dr6);
	g_assert_cmpint(cause.step, ==, step);
	g_assert_cmpint(cause.point, ==, point);
	if (point >= 0)
		g_assert_cmphex(cause.addr, ==, addr);
}

/* Watches that one instruction hits: the first is the cause, the others are told beside it. */
static void test_decode_also(void)
{
	const GdbBreak points[] = {{GDB_BREAK_HW, 0x100, 1},
				   {GDB_WATCH_WRITE, 0x2000, 3},
				   {GDB_WATCH_ACCESS, 0x2004, 4}};
	X86Slots slots;
	X86Cause cause;

	g_assert_true(x86_slots_encode(points, 3, &slots, NULL));
	cause = x86_slots_decode(&slots, points, 0xffff0fff);
	g_assert_cmpint(cause.point, ==, 1);
	g_assert_cmphex(cause.addr, ==, 0x2000);
	g_assert_cmpuint(cause.n_also, ==, 1);
	g_assert_cmpuint(cause.also[0].point, ==, 2);
	g_assert_cmphex(cause.also[0].addr, ==, 0x2004);
	/* Pieces of one watch are one, and an execution point is none. */
	g_assert_cmpuint(x86_slots_decode(&slots, points, 0xffff0ff7).n_also, ==, 0);
	cause = x86_slots_decode(&slots, points, 0xffff0ff9);
	g_assert_cmpint(cause.point, ==, 2);
	g_assert_cmpuint(cause.n_also, ==, 0);
}

static void test_decode_most(void)
{
	const GdbBreak points[] = {{GDB_WATCH_WRITE, 0x2000, 1},
				   {GDB_WATCH_WRITE, 0x2001, 1},
				   {GDB_WATCH_WRITE, 0x2002, 1},
				   {GDB_WATCH_WRITE, 0x2003, 1}};
	X86Slots slots;
	X86Cause cause;

	g_assert_true(x86_slots_encode(points, 4, &slots, NULL));
	cause = x86_slots_decode(&slots, points, 0xffff0fff);
	g_assert_cmpint(cause.point, ==, 0);
	g_assert_cmpuint(cause.n_also, ==, 3);
	for (unsigned i = 0; i < 3; i++)
		g_assert_cmpuint(cause.also[i].point, ==, i + 1);
}

static void test_decode(void)
{
	assert_cause(0xffff0ff1, false, 0, 0x100);
	assert_cause(0xffff0ff2, false, 1, 0x2000);
	assert_cause(0xffff0ff4, false, 1, 0x2002);
	assert_cause(0xffff4ff0, true, -1, 0);
	/* both at once: neither is lost */
	assert_cause(0xffff4ff4, true, 1, 0x2002);
	assert_cause(0xffff4ff1, true, 0, 0x100);
	/* the watch's instruction is over; the execution point will fire again */
	assert_cause(0xffff0ff3, false, 1, 0x2000);
	assert_cause(0xffff0ff7, false, 1, 0x2000);
	/* a slot that DR7 leaves off may be flagged all the same */
	assert_cause(0xffff0ff8, false, -1, 0);
	assert_cause(0xffff0ff9, false, 0, 0x100);
	/* none of ours: ICEBP, the guest's debug register access, a task switch */
	assert_cause(0xffff0ff0, false, -1, 0);
	assert_cause(0xffff2ff0, false, -1, 0);
	assert_cause(0xffff8ff0, false, -1, 0);
	/* backends that leave the fixed bits out */
	assert_cause(0x4000, true, -1, 0);
	assert_cause(0x1, false, 0, 0x100);
	assert_cause(0, false, -1, 0);
}

static void test_deliver(void)
{
	/* old hits go, what only software clears stays */
	g_assert_cmphex(x86_dr6_deliver(0xffff0ff0, 0xffff4ff0), ==, 0xffff4ff0);
	g_assert_cmphex(x86_dr6_deliver(0xffff0ff3, 0xffff0ff4), ==, 0xffff0ff4);
	g_assert_cmphex(x86_dr6_deliver(0xffff4ff1, 0xffff0ff0), ==, 0xffff4ff0);
	g_assert_cmphex(x86_dr6_deliver(0xffff0ff0, 0xffff2ff0), ==, 0xffff2ff0);
	/* active low: RTM */
	g_assert_cmphex(x86_dr6_deliver(0xffff0ff0, 0xfffe0ff1), ==, 0xfffe0ff1);
	g_assert_cmphex(x86_dr6_deliver(0xfffe0ff0, 0xffff4ff0), ==, 0xffff4ff0);
	/* a cause without the fixed bits says nothing of the active-low ones */
	g_assert_cmphex(x86_dr6_deliver(0, 0x4000), ==, 0xffff4ff0);
}

/* ---- The guest's own points ---- */

/* Two of ours, and the guest's 1 (4 bytes, write) and 3 (execution, local): into slots 1 and 3. */
static void test_own(void)
{
	X86DebugRegs regs = {{0x100, 0, 0x200, 0}, 0x00000622};
	const X86DebugRegs own = {{0x10, 0x2000, 0x30, 0x4000}, 0x00d00448};
	X86OwnSlots slots;

	x86_slots_add_own(&regs, &own, &slots);
	g_assert_cmphex(regs.addr[0], ==, 0x100);
	g_assert_cmphex(regs.addr[1], ==, 0x2000);
	g_assert_cmphex(regs.addr[2], ==, 0x200);
	g_assert_cmphex(regs.addr[3], ==, 0x4000);
	g_assert_cmphex(regs.dr7, ==, 0x00d006aa);
	g_assert_cmpuint(slots.n_left_out, ==, 0);
	/* in its own numbers, and nothing of ours */
	g_assert_cmphex(x86_own_hits(&slots, 0xffff0ff2), ==, 2);
	g_assert_cmphex(x86_own_hits(&slots, 0xffff4ff8), ==, 8);
	g_assert_cmphex(x86_own_hits(&slots, 0xffff0fff), ==, 0xa);
	g_assert_cmphex(x86_own_hits(&slots, 0xffff0ff5), ==, 0);
}

/* Its number and its slot differ. */
static void test_own_moved(void)
{
	X86DebugRegs regs = {{0x100, 0x200, 0, 0}, 0x0000060a};
	const X86DebugRegs own = {{0x10, 0x20, 0, 0}, 0x00b00405};
	X86OwnSlots slots;

	x86_slots_add_own(&regs, &own, &slots);
	g_assert_cmphex(regs.addr[2], ==, 0x10);
	g_assert_cmphex(regs.addr[3], ==, 0x20);
	g_assert_cmphex(regs.dr7, ==, 0xb00006aa);
	g_assert_cmphex(x86_own_hits(&slots, 0x4), ==, 1);
	g_assert_cmphex(x86_own_hits(&slots, 0x8), ==, 2);
}

static void test_own_full(void)
{
	X86DebugRegs regs = {{0x100, 0x200, 0x300, 0}, 0x0000062a};
	const X86DebugRegs own = {{0x10, 0x20, 0x30, 0}, 0x0000042a};
	X86OwnSlots slots;

	x86_slots_add_own(&regs, &own, &slots);
	g_assert_cmpuint(slots.n_left_out, ==, 2);
	g_assert_cmphex(regs.addr[3], ==, 0x10);
	g_assert_cmphex(x86_own_hits(&slots, 0xf), ==, 1);
}

static void test_own_alone(void)
{
	X86OwnSlots slots;

	x86_slots_all_own(0x00d00448, &slots);
	g_assert_cmphex(x86_own_hits(&slots, 0xffff0fff), ==, 0xa);
	x86_slots_all_own(0x400, &slots);
	g_assert_cmphex(x86_own_hits(&slots, 0xffff0fff), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-debugreg/encode", test_encode);
	g_test_add_func("/x86-debugreg/pieces", test_pieces);
	g_test_add_func("/x86-debugreg/none", test_none);
	g_test_add_func("/x86-debugreg/shared", test_shared);
	g_test_add_func("/x86-debugreg/full", test_full);
	g_test_add_func("/x86-debugreg/no-space", test_no_space);
	g_test_add_func("/x86-debugreg/invalid", test_invalid);
	g_test_add_func("/x86-debugreg/decode", test_decode);
	g_test_add_func("/x86-debugreg/decode-also", test_decode_also);
	g_test_add_func("/x86-debugreg/decode-most", test_decode_most);
	g_test_add_func("/x86-debugreg/deliver", test_deliver);
	g_test_add_func("/x86-debugreg/own", test_own);
	g_test_add_func("/x86-debugreg/own-moved", test_own_moved);
	g_test_add_func("/x86-debugreg/own-full", test_own_full);
	g_test_add_func("/x86-debugreg/own-alone", test_own_alone);
	return g_test_run();
}

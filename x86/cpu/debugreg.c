/*
 * x86/cpu/debugreg.c - encoding of DR7 and decoding of DR6. See debugreg.h.
 */
#include "x86/cpu/debugreg.h"

#define DR7_GLOBAL(slot) (2ull << (2 * (slot)))
#define DR7_CONTROL(slot, type, length) ((uint64_t)((length) << 2 | (type)) << (16 + 4 * (slot)))
/* GE makes old CPUs report data hits exactly; bit 10 reads as 1. */
#define DR7_FIXED 0x600ull

/* Bits that a CPU adds to DR6 and never clears by itself. */
#define DR6_STICKY (X86_DR6_BD | X86_DR6_BS | X86_DR6_BT)
/*
 * Those of X86_DR6_ONES that no feature makes active-low: a cause without them is not a whole DR6.
 */
#define DR6_RESERVED_ONES 0xfffe07f0ull

typedef enum SlotType { SLOT_EXEC = 0, SLOT_WRITE = 1, SLOT_ACCESS = 3 } SlotType;

/* DR7's LEN field by length in bytes. */
static const uint8_t slot_length[9] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};

static bool check_point(const GdbBreak *point, GError **error)
{
	if (point->type == GDB_WATCH_READ) {
		g_set_error_literal(
			error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
			"x86 has no watchpoints for reads only: use an access watchpoint");
		return false;
	}
	if (point->type == GDB_BREAK_HW || point->type == GDB_BREAK_SW)
		return true;
	if (point->kind == 0 || point->addr + (point->kind - 1) < point->addr) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "cannot watch %" G_GUINT64_FORMAT " bytes at 0x%" G_GINT64_MODIFIER
			    "x: expected at least one byte below the end of memory",
			    point->kind, point->addr);
		return false;
	}
	return true;
}

/* The longest piece that starts at @addr, is naturally aligned, and is not over @left bytes. */
static unsigned piece_length(uint64_t addr, uint64_t left)
{
	unsigned length = 8;

	while (addr % length || length > left)
		length /= 2;
	return length;
}

/* How many slots the point takes; more than X86_N_SLOTS counts as X86_N_SLOTS + 1. */
static unsigned count_slots(const GdbBreak *point)
{
	uint64_t addr = point->addr, left = point->kind;
	unsigned n = 0;

	if (point->type == GDB_BREAK_HW || point->type == GDB_BREAK_SW)
		return 1;
	while (left && n <= X86_N_SLOTS) {
		unsigned length = piece_length(addr, left);

		addr += length;
		left -= length;
		n++;
	}
	return n;
}

static void set_no_space(const GdbBreak *point, unsigned used, GError **error)
{
	unsigned needed = count_slots(point);

	if (used == X86_N_SLOTS)
		g_set_error_literal(error, GDB_ERROR, GDB_ERROR_NOSPC,
				    "all 4 debug registers are in use: hardware breakpoints and "
				    "watchpoints share them");
	else if (needed > X86_N_SLOTS)
		g_set_error(
			error, GDB_ERROR, GDB_ERROR_NOSPC,
			"watching %" G_GUINT64_FORMAT " bytes at 0x%" G_GINT64_MODIFIER
			"x needs more than the 4 debug registers, which hold 8 aligned bytes each",
			point->kind, point->addr);
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC,
			    "watching %" G_GUINT64_FORMAT " bytes at 0x%" G_GINT64_MODIFIER
			    "x needs %u debug registers, but only %u of 4 are free",
			    point->kind, point->addr, needed, X86_N_SLOTS - used);
}

static void fill_slot(X86Slots *slots, unsigned slot, unsigned point, SlotType type, uint64_t addr,
		      unsigned length)
{
	slots->addr[slot] = addr;
	slots->length[slot] = length;
	slots->point[slot] = point;
	slots->dr7 |= DR7_FIXED | DR7_GLOBAL(slot) | DR7_CONTROL(slot, type, slot_length[length]);
}

/* Takes slots from @slot on, which are enough; returns the next free one. */
static unsigned add_point(X86Slots *slots, unsigned slot, const GdbBreak *points, unsigned index)
{
	const GdbBreak *point = &points[index];
	uint64_t addr = point->addr, left = point->kind;
	SlotType type = point->type == GDB_WATCH_WRITE ? SLOT_WRITE : SLOT_ACCESS;

	if (point->type == GDB_BREAK_HW || point->type == GDB_BREAK_SW) {
		fill_slot(slots, slot, index, SLOT_EXEC, addr, 1);
		return slot + 1;
	}
	while (left) {
		unsigned length = piece_length(addr, left);

		fill_slot(slots, slot++, index, type, addr, length);
		addr += length;
		left -= length;
	}
	return slot;
}

bool x86_slots_encode(const GdbBreak *points, unsigned n, X86Slots *ret, GError **error)
{
	X86Slots slots = {0};
	unsigned used = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!check_point(&points[i], error))
			return false;
		if (used + count_slots(&points[i]) > X86_N_SLOTS) {
			set_no_space(&points[i], used, error);
			return false;
		}
		used = add_point(&slots, used, points, i);
	}
	*ret = slots;
	return true;
}

/* A watch has one slot for each of its pieces, side by side. */
static bool is_told(const X86Cause *cause, unsigned point)
{
	return cause->n_also ? cause->also[cause->n_also - 1].point == point
			     : cause->point == (int)point;
}

static void take_watch(X86Cause *cause, bool first, unsigned point, uint64_t addr)
{
	if (first) {
		cause->point = point;
		cause->addr = addr;
	} else if (!is_told(cause, point)) {
		cause->also[cause->n_also].point = point;
		cause->also[cause->n_also++].addr = addr;
	}
}

X86Cause x86_slots_decode(const X86Slots *slots, const GdbBreak *points, uint64_t dr6)
{
	X86Cause cause = {.step = dr6 & X86_DR6_BS, .point = -1};
	bool has_watch = false;

	for (unsigned slot = 0; slot < X86_N_SLOTS; slot++) {
		unsigned point = slots->point[slot];

		if (!(dr6 & 1ull << slot) || !slots->length[slot])
			continue;
		if (points[point].type >= GDB_WATCH_WRITE) {
			take_watch(&cause, !has_watch, point, slots->addr[slot]);
			has_watch = true;
		} else if (cause.point < 0) {
			cause.point = point;
			cause.addr = slots->addr[slot];
		}
	}
	return cause;
}

/* ---- The guest's own ---- */

/* Local and global enable. */
static bool is_enabled(uint64_t dr7, unsigned slot)
{
	return dr7 >> (2 * slot) & 3;
}

static int free_slot(uint64_t dr7)
{
	for (unsigned slot = 0; slot < X86_N_SLOTS; slot++) {
		if (!is_enabled(dr7, slot))
			return slot;
	}
	return -1;
}

void x86_slots_add_own(X86DebugRegs *regs, const X86DebugRegs *own, X86OwnSlots *ret)
{
	*ret = (X86OwnSlots){0};
	for (unsigned i = 0; i < X86_N_SLOTS; i++) {
		int slot = free_slot(regs->dr7);

		if (!is_enabled(own->dr7, i))
			continue;
		if (slot < 0) {
			ret->n_left_out++;
			continue;
		}
		regs->addr[slot] = own->addr[i];
		regs->dr7 |= DR7_FIXED | DR7_GLOBAL(slot) |
			     (own->dr7 >> (16 + 4 * i) & 0xf) << (16 + 4 * slot);
		ret->guest[slot] = i + 1;
	}
}

void x86_slots_all_own(uint64_t own_dr7, X86OwnSlots *ret)
{
	*ret = (X86OwnSlots){0};
	for (unsigned i = 0; i < X86_N_SLOTS; i++) {
		if (is_enabled(own_dr7, i))
			ret->guest[i] = i + 1;
	}
}

uint64_t x86_own_hits(const X86OwnSlots *own, uint64_t dr6)
{
	uint64_t hits = 0;

	for (unsigned slot = 0; slot < X86_N_SLOTS; slot++) {
		if (dr6 & 1ull << slot && own->guest[slot])
			hits |= 1ull << (own->guest[slot] - 1);
	}
	return hits;
}

uint64_t x86_dr6_deliver(uint64_t old, uint64_t cause)
{
	uint64_t low = X86_DR6_ONES;

	if ((cause & DR6_RESERVED_ONES) == DR6_RESERVED_ONES)
		low &= cause;
	return (old & DR6_STICKY) | low | (cause & (X86_DR6_HITS | DR6_STICKY));
}

/*
 * arm/cpu/debugreg.c - encoding of breakpoint and watchpoint registers. See debugreg.h.
 */
#include "arm/cpu/debugreg.h"

#include <string.h>

/* DBGBCR and DBGWCR: E, and PMC or PAC 0b11 with HMC and SSC 0: EL1 and EL0, any security state. */
#define CR_ENABLE 1ull
#define CR_EL0_EL1 (3ull << 1)
#define BCR_BAS_SHIFT 5 /* four bits; two of them are a halfword */
#define WCR_LOAD (1ull << 3)
#define WCR_STORE (2ull << 3)
#define WCR_BAS_SHIFT 5 /* eight bits, one for each byte */
#define WCR_BAS_ALL 0xffull
#define WCR_MASK_SHIFT 24 /* log2 of the size, which is aligned; BAS must be all ones */
#define WCR_MASK 0x1full

#define MASK_MIN 4
#define MASK_MAX 31

#define ADDR_FORMAT "0x%" G_GINT64_MODIFIER "x"

static bool is_watch(const GdbBreak *point)
{
	return point->type >= GDB_WATCH_WRITE;
}

/* Bit 55 selects the half of the address space; what lies above is a tag or more of it. */
static uint64_t untag(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 8) >> 8);
}

static bool check_break(const GdbBreak *point, GError **error)
{
	uint64_t align = point->kind == 4 ? 4 : 2;

	if (point->kind < 2 || point->kind > 4) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "hardware breakpoint of kind %" G_GUINT64_FORMAT " at " ADDR_FORMAT
			    ": expected 4, or 2 or 3 for Thumb code",
			    point->kind, point->addr);
		return false;
	}
	if (point->addr % align) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "hardware breakpoint at " ADDR_FORMAT
			    ": expected an address that is a multiple of %u",
			    point->addr, (unsigned)align);
		return false;
	}
	return true;
}

static bool check_watch(const GdbBreak *point, GError **error)
{
	uint64_t first = untag(point->addr), last = first + (point->kind - 1);

	/* Not around the end of memory, and not from one half of the address space to the other. */
	if (point->kind && last >= first && (first ^ last) >> 55 == 0)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "cannot watch %" G_GUINT64_FORMAT " bytes at " ADDR_FORMAT
		    ": expected at least one byte below the end of memory",
		    point->kind, point->addr);
	return false;
}

/* ---- Execution breakpoints ---- */

static uint64_t break_control(const GdbBreak *point)
{
	uint64_t bas = point->kind == 4 ? 0xf : point->addr % 4 ? 0xc : 0x3;

	return CR_ENABLE | CR_EL0_EL1 | bas << BCR_BAS_SHIFT;
}

/* FALSE: a new slot is needed and there is none. */
static bool add_break(ArmSlots *slots, const GdbBreak *point, unsigned limit)
{
	uint64_t value = untag(point->addr) & ~3ull, control = break_control(point);
	unsigned n = slots->n_breaks;

	for (unsigned i = 0; i < n; i++)
		if (slots->bvr[i] == value && slots->bcr[i] == control)
			return true;
	if (n == limit)
		return false;
	slots->bvr[n] = value;
	slots->bcr[n] = control;
	slots->n_breaks++;
	return true;
}

static void set_no_break(unsigned limit, GError **error)
{
	if (limit == 0)
		g_set_error_literal(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
				    "this CPU has no hardware breakpoints");
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC,
			    "all %u hardware breakpoints are in use", limit);
}

/* ---- Watchpoints ---- */

/* The part of a watched range that one register holds. */
typedef struct Piece {
	uint64_t value;	 /* DBGWVR */
	uint64_t select; /* BAS and MASK of DBGWCR */
	uint64_t length;
} Piece;

/* The longest piece that starts at @addr and is not over @left bytes. */
static Piece first_piece(uint64_t addr, uint64_t left)
{
	unsigned offset = addr % 8, mask = MASK_MAX;
	uint64_t length = MIN(left, 8 - offset);

	while (mask >= MASK_MIN && (left >> mask == 0 || addr & ((1ull << mask) - 1)))
		mask--;
	if (mask >= MASK_MIN)
		return (Piece){
			.value = addr,
			.select = (uint64_t)mask << WCR_MASK_SHIFT | WCR_BAS_ALL << WCR_BAS_SHIFT,
			.length = 1ull << mask,
		};
	return (Piece){
		.value = addr - offset,
		.select = ((1ull << length) - 1) << offset << WCR_BAS_SHIFT,
		.length = length,
	};
}

/* How many pieces; more than ARM_N_SLOTS counts as ARM_N_SLOTS + 1. */
static unsigned count_pieces(const GdbBreak *point)
{
	uint64_t addr = untag(point->addr), left = point->kind;
	unsigned n = 0;

	while (left && n <= ARM_N_SLOTS) {
		uint64_t length = first_piece(addr, left).length;

		addr += length;
		left -= length;
		n++;
	}
	return n;
}

static uint64_t load_store(GdbBreakType type)
{
	return (type != GDB_WATCH_WRITE ? WCR_LOAD : 0) | (type != GDB_WATCH_READ ? WCR_STORE : 0);
}

static bool add_piece(ArmSlots *slots, const Piece *piece, uint64_t kinds, unsigned limit)
{
	uint64_t control = CR_ENABLE | CR_EL0_EL1 | piece->select;
	unsigned n = slots->n_watches;

	for (unsigned i = 0; i < n; i++) {
		if (slots->wvr[i] == piece->value &&
		    (slots->wcr[i] & ~(WCR_LOAD | WCR_STORE)) == control) {
			slots->wcr[i] |= kinds;
			return true;
		}
	}
	if (n == limit)
		return false;
	slots->wvr[n] = piece->value;
	slots->wcr[n] = control | kinds;
	slots->n_watches++;
	return true;
}

static bool add_watch(ArmSlots *slots, const GdbBreak *point, unsigned limit)
{
	uint64_t addr = untag(point->addr), left = point->kind;

	while (left) {
		Piece piece = first_piece(addr, left);

		if (!add_piece(slots, &piece, load_store(point->type), limit))
			return false;
		addr += piece.length;
		left -= piece.length;
	}
	return true;
}

/* @used: how many other points had taken. */
static void set_no_watch(const GdbBreak *point, unsigned used, unsigned limit, GError **error)
{
	unsigned needed = count_pieces(point);

	if (limit == 0)
		g_set_error_literal(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
				    "this CPU has no hardware watchpoints");
	else if (used == limit)
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC,
			    "all %u hardware watchpoints are in use", limit);
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC,
			    "watching %" G_GUINT64_FORMAT " bytes at " ADDR_FORMAT
			    " needs %s%u hardware watchpoints, but only %u of %u are free",
			    point->kind, point->addr, needed > ARM_N_SLOTS ? "more than " : "",
			    MIN(needed, ARM_N_SLOTS), limit - used, limit);
}

bool arm_slots_encode(const GdbBreak *points, unsigned n, unsigned n_breaks, unsigned n_watches,
		      ArmSlots *ret, GError **error)
{
	ArmSlots slots = {0};

	n_breaks = MIN(n_breaks, ARM_N_SLOTS);
	n_watches = MIN(n_watches, ARM_N_SLOTS);
	for (unsigned i = 0; i < n; i++) {
		const GdbBreak *point = &points[i];
		unsigned used = slots.n_watches;

		if (!(is_watch(point) ? check_watch : check_break)(point, error))
			return false;
		if (!is_watch(point) && !add_break(&slots, point, n_breaks)) {
			set_no_break(n_breaks, error);
			return false;
		}
		if (is_watch(point) && !add_watch(&slots, point, n_watches)) {
			set_no_watch(point, used, n_watches, error);
			return false;
		}
	}
	*ret = slots;
	return true;
}

/* ---- Hits ---- */

static ArmHit decode_break(const GdbBreak *points, unsigned n, uint64_t pc)
{
	for (unsigned i = 0; i < n; i++)
		if (!is_watch(&points[i]) && untag(points[i].addr) == untag(pc))
			return (ArmHit){.point = i};
	return (ArmHit){.point = -1};
}

static bool is_kind(const GdbBreak *point, uint64_t kinds)
{
	return is_watch(point) && (load_store(point->type) & kinds);
}

/* What the points must watch: the kind of access, or anything if that is watched nowhere. */
static uint64_t wanted_kinds(const GdbBreak *points, unsigned n, bool write)
{
	uint64_t kinds = write ? WCR_STORE : WCR_LOAD;

	for (unsigned i = 0; i < n; i++)
		if (is_kind(&points[i], kinds))
			return kinds;
	return WCR_LOAD | WCR_STORE;
}

/* The lowest byte that a slot watches. */
static uint64_t slot_start(const ArmSlots *slots, unsigned slot)
{
	uint64_t wcr = slots->wcr[slot], bas = wcr >> WCR_BAS_SHIFT & WCR_BAS_ALL;

	if (wcr >> WCR_MASK_SHIFT & WCR_MASK || !bas)
		return slots->wvr[slot];
	return slots->wvr[slot] + g_bit_nth_lsf(bas, -1);
}

static ArmHit first_watch(const GdbBreak *points, unsigned n, uint64_t kinds)
{
	for (unsigned i = 0; i < n; i++)
		if (is_kind(&points[i], kinds))
			return (ArmHit){.point = i, .addr = points[i].addr};
	return (ArmHit){.point = -1};
}

/* How far @addr is from the point; *ret_offset is that of the byte next to it in the point. */
static uint64_t distance(const GdbBreak *point, uint64_t addr, uint64_t *ret_offset)
{
	uint64_t first = untag(point->addr), last = first + (point->kind - 1);

	*ret_offset = addr < first ? 0 : addr > last ? last - first : addr - first;
	return addr < first ? first - addr : addr > last ? addr - last : 0;
}

static ArmHit nearest_watch(const GdbBreak *points, unsigned n, uint64_t kinds, uint64_t addr)
{
	ArmHit hit = {.point = -1};
	uint64_t best = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t offset, far;

		if (!is_kind(&points[i], kinds))
			continue;
		far = distance(&points[i], addr, &offset);
		if (hit.point >= 0 && far >= best)
			continue;
		hit = (ArmHit){.point = i, .addr = points[i].addr + offset};
		best = far;
	}
	return hit;
}

/* With others that hold the byte. Nothing is known of those that are only near. */
static ArmHit with_others(const GdbBreak *points, unsigned n, uint64_t kinds, uint64_t addr)
{
	ArmHit hit = nearest_watch(points, n, kinds, addr);
	uint64_t offset;

	for (unsigned i = 0; i < n && hit.n_also < ARM_ALSO_MAX; i++) {
		if ((int)i == hit.point || !is_kind(&points[i], kinds) ||
		    distance(&points[i], addr, &offset))
			continue;
		hit.also[hit.n_also].point = i;
		hit.also[hit.n_also++].addr = points[i].addr + offset;
	}
	return hit;
}

ArmHit arm_slots_decode(const ArmSlots *slots, const GdbBreak *points, unsigned n,
			const ArmSyndrome *syndrome, uint64_t pc, uint64_t far)
{
	uint64_t kinds = wanted_kinds(points, n, syndrome->write);

	if (syndrome->kind == ARM_TRAP_BREAKPOINT)
		return decode_break(points, n, pc);
	if (syndrome->kind != ARM_TRAP_WATCHPOINT)
		return (ArmHit){.point = -1};
	if (syndrome->far_valid)
		return with_others(points, n, kinds, untag(far));
	if (syndrome->watch >= 0 && (unsigned)syndrome->watch < slots->n_watches)
		return nearest_watch(points, n, kinds, slot_start(slots, syndrome->watch));
	return first_watch(points, n, kinds);
}

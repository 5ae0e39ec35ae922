/*
 * guest/records.c - frames by what arm64 code does to sp, x29 and x30.
 *
 * A function is followed from its first instruction to its last, in the order of addresses. What
 * sets a frame up holds for what comes behind it; what takes it down holds up to the next
 * instruction that leaves the function, behind which is code that has the frame again.
 */
#include "guest/records.h"

#include <string.h>

#include "guest/cfi.h"

enum { REG_FP = 29, REG_LR = 30, REG_SP = 31 };
#define DW_CFA_AARCH64_negate_ra_state 0x2d /* DWARF for the Arm 64-bit Architecture, 4.4 */
#define INSN 4u
#define DATA_UNIT 8

/*
 * How the caller's frame is found at an instruction: its sp is the register @base plus @offset; its
 * x29 lies @record bytes below that, and its x30 behind it, or both are still in their registers
 * (0).
 * @ends: nobody has called this. @is_signed: x30 is.
 */
typedef struct Frame {
	unsigned base;
	uint32_t offset, record;
	bool ends, is_signed;
} Frame;

typedef struct Writer {
	Bytes *out;
	uint32_t cies[2]; /* of frames that were called, and of those that were interrupted */
} Writer;

/* ---- One instruction ---- */

typedef enum Effect {
	EFFECT_NONE,
	EFFECT_SETS_UP,
	EFFECT_TAKES_DOWN,
	EFFECT_LEAVES, /* never goes on to the next one */
} Effect;

/* imm7 of a load or store of a pair, in bytes. */
static int pair_offset(uint32_t insn)
{
	int imm = insn >> 15 & 0x7f;

	return (imm < 64 ? imm : imm - 128) * 8;
}

static unsigned imm12(uint32_t insn)
{
	return insn >> 10 & 0xfff;
}

/* A record at sp + @at. FALSE: sp is not what counts here, or that is no place for one. */
static bool store_record(Frame *frame, int at, unsigned first)
{
	if (frame->base != REG_SP || at < 0 || frame->offset < (unsigned)at + 16)
		return false;
	frame->record = frame->offset - at;
	frame->ends = first != REG_FP; /* zeros */
	return true;
}

/* stp x29, x30, ... sp: the kernel's entries have another register for x30, or zeros for both. */
static Effect store_pair(uint32_t insn, Frame *frame)
{
	unsigned first = insn & 31, second = insn >> 10 & 31;

	if (first != REG_FP && !(first == 31 && second == 31))
		return EFFECT_NONE;
	/* With sp moved first. */
	if ((insn & 0xffc003e0) == 0xa98003e0 && frame->base == REG_SP && pair_offset(insn) < 0) {
		frame->offset += -pair_offset(insn);
		return store_record(frame, 0, first) ? EFFECT_SETS_UP : EFFECT_NONE;
	}
	if ((insn & 0xffc003e0) == 0xa90003e0 && store_record(frame, pair_offset(insn), first))
		return EFFECT_SETS_UP;
	return EFFECT_NONE;
}

/* ldp x29, x30, [sp, #n] and [sp], #n */
static Effect load_pair(uint32_t insn, Frame *frame)
{
	bool moves = (insn & 0xffc07fff) == 0xa8c07bfd;

	if (!moves && (insn & 0xffc07fff) != 0xa9407bfd)
		return EFFECT_NONE;
	/* sp is at the record, or below it by the offset. */
	frame->offset = frame->record + (moves ? 0 : pair_offset(insn));
	if (moves)
		frame->offset -= MIN(frame->offset, (unsigned)MAX(pair_offset(insn), 0));
	frame->base = REG_SP;
	frame->record = 0;
	frame->ends = false;
	return EFFECT_TAKES_DOWN;
}

static Effect move_sp(uint32_t insn, Frame *frame)
{
	if (frame->base != REG_SP)
		return EFFECT_NONE;
	if ((insn & 0xffc003ff) == 0xd10003ff) { /* sub sp, sp, #n */
		frame->offset += imm12(insn);
		return EFFECT_SETS_UP;
	}
	if ((insn & 0xffc003ff) == 0x910003ff) { /* add sp, sp, #n */
		frame->offset -= MIN(frame->offset, imm12(insn));
		return EFFECT_TAKES_DOWN;
	}
	if ((insn & 0xffc003ff) == 0x910003fd && frame->record && imm12(insn) <= frame->offset) {
		frame->base = REG_FP; /* add x29, sp, #n */
		frame->offset -= imm12(insn);
		return EFFECT_SETS_UP;
	}
	return EFFECT_NONE;
}

/* ret, retaa, br, eret, b */
static bool leaves(uint32_t insn)
{
	return insn == 0xd65f03c0 || insn == 0xd65f0bff || (insn & 0xfffffc1f) == 0xd61f0000 ||
	       insn == 0xd69f03e0 || (insn & 0xfc000000) == 0x14000000;
}

/* The top bytes of all that do something here: most instructions have none of them. */
static const bool matters[256] = {
	[0x14 ... 0x17] = true, /* b */
	[0x91] = true,		/* add */
	[0xa8 ... 0xa9] = true, /* stp, ldp */
	[0xd1] = true,		/* sub */
	[0xd5 ... 0xd6] = true, /* paciasp, autiasp; ret, br, eret */
};

static Effect execute(uint32_t insn, Frame *frame)
{
	Effect effect;

	if (insn == 0xd503233f || insn == 0xd50323bf) { /* paciasp, autiasp */
		frame->is_signed = insn == 0xd503233f;
		return frame->is_signed ? EFFECT_SETS_UP : EFFECT_TAKES_DOWN;
	}
	if (leaves(insn))
		return EFFECT_LEAVES;
	effect = store_pair(insn, frame);
	if (effect == EFFECT_NONE)
		effect = load_pair(insn, frame);
	return effect == EFFECT_NONE ? move_sp(insn, frame) : effect;
}

/* ---- Its rows ---- */

static bool same_frame(const Frame *a, const Frame *b)
{
	return a->base == b->base && a->offset == b->offset && a->record == b->record &&
	       a->ends == b->ends && a->is_signed == b->is_signed;
}

static void put_record(Bytes *out, const Frame *frame)
{
	if (!frame->record) {
		bytes_put(out, DW_CFA_restore | REG_FP, 1);
		bytes_put(out, DW_CFA_restore | REG_LR, 1);
		return;
	}
	bytes_put(out, DW_CFA_offset | REG_FP, 1);
	bytes_uleb(out, frame->record / DATA_UNIT);
	if (frame->ends) {
		bytes_put(out, DW_CFA_undefined, 1);
		bytes_uleb(out, REG_LR);
		return;
	}
	bytes_put(out, DW_CFA_offset | REG_LR, 1);
	bytes_uleb(out, frame->record / DATA_UNIT - 1);
}

static void put_row(Bytes *out, uint32_t insns, const Frame *from, const Frame *to)
{
	cfi_put_advance(out, insns);
	if (from->base != to->base || from->offset != to->offset) {
		bytes_put(out, DW_CFA_def_cfa, 1);
		bytes_uleb(out, to->base);
		bytes_uleb(out, to->offset);
	}
	if (from->record != to->record || from->ends != to->ends)
		put_record(out, to);
	if (from->is_signed != to->is_signed)
		bytes_put(out, DW_CFA_AARCH64_negate_ra_state, 1);
}

static uint32_t insn_at(const uint8_t *code, size_t n)
{
	uint32_t raw;

	memcpy(&raw, code + n * INSN, sizeof(raw));
	return GUINT32_FROM_LE(raw);
}

static void put_rows(Bytes *out, const uint8_t *code, size_t n_insns)
{
	Frame frame = {.base = REG_SP}, body = frame, written = frame;
	size_t last = 0;

	for (size_t n = 0; n < n_insns; n++) {
		uint32_t insn = insn_at(code, n);
		Effect effect;

		if (!matters[insn >> 24])
			continue;
		effect = execute(insn, &frame);
		if (effect == EFFECT_SETS_UP)
			body = frame;
		else if (effect == EFFECT_LEAVES)
			frame = body;
		if (n + 1 == n_insns || same_frame(&frame, &written))
			continue;
		put_row(out, n + 1 - last, &written, &frame);
		written = frame;
		last = n + 1;
	}
}

/* ---- Functions ---- */

/*
 * Does it make a record of what was interrupted? Then its caller's pc is no return address: gdb
 * must not look for a call in front of it.
 */
static bool is_entry(const uint8_t *code, size_t n_insns)
{
	for (size_t n = 0; n < n_insns; n++) {
		uint32_t insn = insn_at(code, n);

		if ((insn & 0xffc003ff) == 0xa90003fd && (insn >> 10 & 31) != REG_LR)
			return true;
	}
	return false;
}

/* Every task begins there; nobody has called it. */
static bool is_first(const LinuxSymbols *symbols, const LinuxSymbol *symbol)
{
	return g_str_equal(linux_symbols_name(symbols, symbol), "ret_from_fork");
}

static void put_function(Writer *writer, uint64_t addr, const uint8_t *code, size_t len, bool first)
{
	size_t n_insns = len / INSN;
	guint block;

	cfi_begin_fde(writer->out, &block, writer->cies[is_entry(code, n_insns)], addr, len);
	if (first) {
		bytes_put(writer->out, DW_CFA_undefined, 1);
		bytes_uleb(writer->out, REG_LR);
	}
	put_rows(writer->out, code, n_insns);
	cfi_end_block(writer->out, block);
}

static void put_cie(Writer *writer, bool is_signal)
{
	guint block;

	writer->cies[is_signal] = writer->out->len;
	cfi_begin_cie(writer->out, &block, is_signal, INSN, -DATA_UNIT, REG_LR);
	bytes_put(writer->out, DW_CFA_def_cfa, 1);
	bytes_uleb(writer->out, REG_SP);
	bytes_uleb(writer->out, 0);
	cfi_end_block(writer->out, block);
}

void linux_records_frames(const LinuxSymbols *symbols, uint64_t addr, const GByteArray *code,
			  Bytes *frames)
{
	Writer writer = {.out = frames};
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);
	uint64_t last = 0;

	put_cie(&writer, false);
	put_cie(&writer, true);
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = rows[i].addr, end;

		if (at < addr || at - addr >= code->len || at == last || at % INSN)
			continue;
		last = at;
		end = MIN(linux_symbols_end(symbols, &rows[i]), addr + code->len);
		put_function(&writer, at, code->data + (at - addr), end - at,
			     is_first(symbols, &rows[i]));
	}
}

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
/* Expressions: DWARF 4, 7.7.1. */
enum {
	DW_OP_deref = 0x06,
	DW_OP_dup = 0x12,
	DW_OP_drop = 0x13,
	DW_OP_bra = 0x28,
	DW_OP_ne = 0x2e,
	DW_OP_breg0 = 0x70,
};
/* In struct pt_regs, which begins with x0: Linux, arch/arm64/include/asm/ptrace.h. */
enum { REGS_LR = REG_LR * 8, REGS_PC = 256 };
#define ROOM_REACH 32u /* instructions from where the room is seen to where the pc is */

/*
 * How the caller's frame is found at an instruction: its sp is the register @base plus @offset; its
 * x29 lies @record bytes below that, and its x30 behind it, or both are still in their registers
 * (0).
 * @ends: nobody has called this. @is_signed: x30 is. @is_saved: struct pt_regs, at the end of the
 * caller's stack, has all that was interrupted.
 */
typedef struct Frame {
	unsigned base;
	uint32_t offset, record;
	bool ends, is_signed, is_saved;
} Frame;

#define RECORD_SIZE 16u

/* How one gets into a function. */
typedef enum Way {
	WAY_CALL,
	WAY_EXCEPTION, /* from the kernel's own code */
	WAY_RETURN,    /* behind the handler of such an exception */
	WAY_NONE,      /* nobody has called it: a task begins there, or user code comes in */
} Way;

typedef struct Writer {
	Bytes *out;
	unsigned room;
	uint32_t cies[2]; /* of frames that were called, and of those that were interrupted */
	Way way;	  /* into what is written now */
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
	if (frame->base != REG_SP || at < 0 || frame->offset < at + RECORD_SIZE)
		return false;
	frame->record = frame->offset - at;
	frame->ends = first != REG_FP; /* zeros */
	return true;
}

/* stp x29, x30, ... sp: a task's first functions store zeros. */
static Effect store_pair(uint32_t insn, Frame *frame)
{
	unsigned first = insn & 31, second = insn >> 10 & 31;

	if (!(first == REG_FP && second == REG_LR) && !(first == 31 && second == 31))
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

/* Where exceptions come and go: sp is at struct pt_regs, for which the vector has made room. */
static Effect execute_exception(uint32_t insn, unsigned room, Frame *frame)
{
	if (leaves(insn))
		return EFFECT_LEAVES;
	if (insn == 0xa9105ff6) { /* stp x22, x23, [sp, #256]: pc and pstate */
		frame->is_saved = true;
		return EFFECT_SETS_UP;
	}
	if ((insn & 0xffc003ff) == 0x910003fd && imm12(insn) <= room) { /* add x29, sp, #n */
		frame->base = REG_FP;
		frame->offset = room - imm12(insn);
		return EFFECT_SETS_UP;
	}
	if (insn == 0xa94e77fc || (insn & 0xffc003ff) == 0x910003ff) {
		/* ldp x28, x29, [sp, #224]; add sp, sp, #n */
		frame->base = REG_SP;
		frame->offset = insn == 0xa94e77fc ? room : 0;
		return EFFECT_TAKES_DOWN;
	}
	return EFFECT_NONE;
}

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
	       a->ends == b->ends && a->is_signed == b->is_signed && a->is_saved == b->is_saved;
}

static void put_offset(Bytes *out, unsigned reg, uint32_t below)
{
	bytes_put(out, DW_CFA_offset | reg, 1);
	bytes_uleb(out, below / DATA_UNIT);
}

/* gdb takes the caller's pc from x30; so that is what x30 has to be. */
static void put_saved(Bytes *out, unsigned room)
{
	for (unsigned reg = 0; reg <= REG_FP; reg++)
		put_offset(out, reg, room - reg * DATA_UNIT);
	put_offset(out, REG_LR, room - REGS_PC);
}

static void put_undefined(Bytes *out, unsigned reg)
{
	bytes_put(out, DW_CFA_undefined, 1);
	bytes_uleb(out, reg);
}

static void put_record(Bytes *out, const Frame *frame)
{
	if (!frame->record) {
		bytes_put(out, DW_CFA_restore | REG_FP, 1);
		bytes_put(out, DW_CFA_restore | REG_LR, 1);
		return;
	}
	put_offset(out, REG_FP, frame->record);
	if (frame->ends)
		put_undefined(out, REG_LR);
	else
		put_offset(out, REG_LR, frame->record - DATA_UNIT);
}

static void put_row(Writer *writer, uint32_t insns, const Frame *from, const Frame *to)
{
	Bytes *out = writer->out;

	cfi_put_advance(out, insns);
	if (from->base != to->base || from->offset != to->offset) {
		bytes_put(out, DW_CFA_def_cfa, 1);
		bytes_uleb(out, to->base);
		bytes_uleb(out, to->offset);
	}
	/* Whatever records it makes, nobody has called that. */
	if (writer->way != WAY_NONE && (from->record != to->record || from->ends != to->ends))
		put_record(out, to);
	if (from->is_signed != to->is_signed)
		bytes_put(out, DW_CFA_AARCH64_negate_ra_state, 1);
	if (from->is_saved != to->is_saved)
		put_saved(out, writer->room);
}

static uint32_t insn_at(const uint8_t *code, size_t n)
{
	uint32_t raw;

	memcpy(&raw, code + n * INSN, sizeof(raw));
	return GUINT32_FROM_LE(raw);
}

/* Then its caller's pc is no return address: there is no call in front of it. */
static bool is_interrupted(Way way)
{
	return way == WAY_EXCEPTION || way == WAY_RETURN;
}

static void put_rows(Writer *writer, const uint8_t *code, size_t n_insns)
{
	bool is_exception = is_interrupted(writer->way);
	Frame written = {.base = REG_SP};
	Frame body = {REG_SP, is_exception ? writer->room : 0,
		      .is_saved = writer->way == WAY_RETURN};
	Frame frame = body;
	size_t last = 0;

	if (is_exception)
		put_row(writer, 0, &written, &frame);
	written = frame;
	for (size_t n = 0; n < n_insns; n++) {
		uint32_t insn = insn_at(code, n);
		Effect effect;

		if (!matters[insn >> 24])
			continue;
		effect = is_exception ? execute_exception(insn, writer->room, &frame)
				      : execute(insn, &frame);
		if (effect == EFFECT_SETS_UP)
			body = frame;
		else if (effect == EFFECT_LEAVES)
			frame = body;
		if (n + 1 == n_insns || same_frame(&frame, &written))
			continue;
		put_row(writer, n + 1 - last, &written, &frame);
		written = frame;
		last = n + 1;
	}
}

/* ---- Functions ---- */

static bool has_insn(const uint8_t *code, size_t n_insns, uint32_t insn)
{
	for (size_t n = 0; n < n_insns; n++) {
		if (insn_at(code, n) == insn)
			return true;
	}
	return false;
}

#define GET_ELR 0xd5384036 /* mrs x22, elr_el1 */

unsigned linux_records_room(const uint8_t *code, size_t len)
{
	size_t seen = 0;
	unsigned room = 0;

	for (size_t n = 0; n < len / INSN; n++) {
		uint32_t insn = insn_at(code, n);

		if ((insn & 0xffc003ff) == 0x910003f5) { /* add x21, sp, #n: where sp was */
			room = imm12(insn);
			seen = n;
		} else if (insn == GET_ELR && room > REGS_PC && n - seen < ROOM_REACH) {
			return room;
		}
	}
	return 0;
}

static Way way_into(const Writer *writer, const char *name, const uint8_t *code, size_t len)
{
	static const char *const ends[] = {"__primary_switched", "ret_from_fork", "ret_to_user",
					   "vectors", NULL};

	if (g_strv_contains(ends, name))
		return WAY_NONE;
	if (!writer->room)
		return WAY_CALL;
	if (g_str_equal(name, "ret_to_kernel"))
		return WAY_RETURN;
	if (!has_insn(code, len / INSN, GET_ELR))
		return WAY_CALL;
	return linux_records_room(code, len) ? WAY_EXCEPTION : WAY_NONE;
}

static void put_function(Writer *writer, uint64_t addr, const uint8_t *code, size_t len, Way way)
{
	guint block;

	writer->way = way;
	cfi_begin_fde(writer->out, &block, writer->cies[is_interrupted(way)], addr, len);
	if (way == WAY_EXCEPTION || way == WAY_NONE)
		put_undefined(writer->out, REG_LR);
	put_rows(writer, code, len / INSN);
	cfi_end_block(writer->out, block);
}

/* What is at sp and @offset. */
static void put_slot(Bytes *out, int offset)
{
	bytes_put(out, DW_OP_breg0 + REG_SP, 1);
	bytes_sleb(out, offset);
	bytes_put(out, DW_OP_deref, 1);
}

/*
 * Who was interrupted before it saved x30, or after it took it back, gets its pc in x30 from the
 * exception's frame, as gdb knows no other place for a pc. Both are in struct pt_regs, right below
 * sp: where the pc there is what is in x30, the true one is there, too.
 */
static void put_lr_rule(Bytes *out, unsigned room)
{
	g_auto(Bytes) lr = {0}, all = {0};

	bytes_put(&lr, DW_OP_drop, 1);
	put_slot(&lr, REGS_LR - (int)room);

	bytes_put(&all, DW_OP_breg0 + REG_LR, 1);
	bytes_sleb(&all, 0);
	bytes_put(&all, DW_OP_dup, 1);
	put_slot(&all, REGS_PC - (int)room);
	bytes_put(&all, DW_OP_ne, 1);
	bytes_put(&all, DW_OP_bra, 1);
	bytes_put(&all, lr.len, 2); /* to the end */
	bytes_append(&all, lr.data, lr.len);

	bytes_put(out, DW_CFA_val_expression, 1);
	bytes_uleb(out, REG_LR);
	bytes_uleb(out, all.len);
	bytes_append(out, all.data, all.len);
}

static void put_cie(Writer *writer, bool is_signal)
{
	guint block;

	writer->cies[is_signal] = writer->out->len;
	cfi_begin_cie(writer->out, &block, is_signal, INSN, -DATA_UNIT, REG_LR);
	bytes_put(writer->out, DW_CFA_def_cfa, 1);
	bytes_uleb(writer->out, REG_SP);
	bytes_uleb(writer->out, 0);
	if (writer->room && !is_signal)
		put_lr_rule(writer->out, writer->room);
	cfi_end_block(writer->out, block);
}

void linux_records_frames(const LinuxSymbols *symbols, uint64_t addr, const GByteArray *code,
			  unsigned room, Bytes *frames)
{
	Writer writer = {.out = frames, .room = room};
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);
	uint64_t last = 0;

	put_cie(&writer, false);
	put_cie(&writer, true);
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = rows[i].addr, len;
		const uint8_t *from;

		if (at < addr || at - addr >= code->len || at == last || at % INSN)
			continue;
		last = at;
		from = code->data + (at - addr);
		len = MIN(linux_symbols_end(symbols, &rows[i]), addr + code->len) - at;
		put_function(&writer, at, from, len,
			     way_into(&writer, linux_symbols_name(symbols, &rows[i]), from, len));
	}
}

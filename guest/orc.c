/*
 * guest/orc.c - ORC tables into DWARF call frame information.
 *
 * An entry of ORC is a row of DWARF's table: from its address on, this is how the caller's stack
 * pointer, rbp and return address are found. Rows are put together into descriptions (FDEs) as long
 * as they have a common start (CIE), which says where all the other registers are.
 */
#include "guest/orc.h"

#include <stdlib.h>
#include <string.h>

#include "guest/cfi.h"
#include "guest/orc-rows.h"

/* An FDE is executed from its start on, so it ends when it has so many rows. */
#define FDE_ROWS 96u

/* ---- Operations of expressions (DWARF 4, figure 24) ---- */

enum { DW_OP_deref = 0x06, DW_OP_consts = 0x11, DW_OP_plus = 0x22, DW_OP_breg0 = 0x70 };

/* Where struct pt_regs has them; the frame of an interrupt is its end. */
static const uint8_t pt_regs[] = {R15, R14, R13, R12, RBP, RBX, R11, R10,    R9,  R8, RAX,
				  RCX, RDX, RSI, RDI, 255, RIP, CS,  EFLAGS, RSP, SS};
#define PT_REGS_IRET 16u

/* ---- Rules ---- */

/* The data alignment factor is -1: a register at the frame's address plus @offset. */
static void put_saved(Bytes *out, unsigned reg, int offset)
{
	if (offset <= 0) {
		bytes_put(out, DW_CFA_offset | reg, 1);
		bytes_uleb(out, -offset);
		return;
	}
	bytes_put(out, DW_CFA_offset_extended_sf, 1);
	bytes_uleb(out, reg);
	bytes_sleb(out, -offset);
}

static void put_rule(Bytes *out, uint8_t rule, unsigned reg)
{
	bytes_put(out, rule, 1);
	bytes_uleb(out, reg);
}

/* ---- CIEs ---- */

/* The rule of the CIE of @type for @reg: what a call leaves as it was, or what is on the stack. */
static void put_first_rule(Bytes *out, OrcType type, unsigned reg)
{
	unsigned first = type == ORC_PARTIAL ? PT_REGS_IRET : 0, i = 0;

	if (type == ORC_CALL) {
		if (reg == RIP)
			put_saved(out, RIP, -8);
		else
			put_rule(out, reg == RBP ? DW_CFA_same_value : DW_CFA_undefined, reg);
		return;
	}
	while (pt_regs[i] != reg)
		i++;
	if (i < first)
		put_rule(out, DW_CFA_same_value, reg);
	else
		put_saved(out, reg, 8 * (int)(i - first));
}

/* What a function that was called tells of its caller: rbp is as it was, of the others nothing. */
static void put_call_registers(Bytes *out)
{
	for (unsigned reg = RAX; reg <= RIP; reg++)
		if (reg != RSP)
			put_first_rule(out, ORC_CALL, reg);
}

/* What the entry code, or only the CPU, has put on the stack from the frame's address on. */
static void put_saved_registers(Bytes *out, OrcType type)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(pt_regs); i++)
		if (pt_regs[i] != 255)
			put_first_rule(out, type, pt_regs[i]);
}

/* All descriptions begin with the frame's address at rsp + 8. */
static void put_cie(Bytes *out, OrcType type, bool is_signal)
{
	guint at;

	cfi_begin_cie(out, &at, is_signal, 1, -1, RIP);
	bytes_put(out, DW_CFA_def_cfa, 1);
	bytes_uleb(out, RSP);
	bytes_uleb(out, 8);
	if (type == ORC_CALL)
		put_call_registers(out);
	else
		put_saved_registers(out, type);
	cfi_end_block(out, at);
}

/*
 * ---- FDEs ----
 *
 * What the CIE says is said again and not restored: for that lldb takes what the first row says.
 */

/*
 * @cies: where they are; where a description has nothing but rows that end a backtrace, any will
 * do.
 * @row: what the description says so far.
 */
typedef struct OrcWriter {
	Bytes *out;
	uint32_t cies[N_ORC_TYPES][2];
	OrcRow row;
} OrcWriter;

static bool same_base(const OrcPlace *a, const OrcPlace *b)
{
	return a->base == b->base && a->reg == b->reg;
}

/* The frame's address is in memory: DW_OP_breg, deref, and an offset before or after it. */
static void put_cfa_expression(OrcWriter *writer, const OrcRow *row)
{
	g_auto(Bytes) expr = {0};
	bool first = row->sp.base == BASE_AT;

	bytes_put(&expr, DW_OP_breg0 + row->sp.reg, 1);
	bytes_sleb(&expr, first ? row->sp.offset : 0);
	bytes_put(&expr, DW_OP_deref, 1);
	if (!first && row->sp.offset) {
		bytes_put(&expr, DW_OP_consts, 1);
		bytes_sleb(&expr, row->sp.offset);
		bytes_put(&expr, DW_OP_plus, 1);
	}
	bytes_put(writer->out, DW_CFA_def_cfa_expression, 1);
	bytes_uleb(writer->out, expr.len);
	bytes_append(writer->out, expr.data, expr.len);
}

/* The kernel takes the registers of realigned stacks as they are. */
static int cfa_offset(const OrcRow *row)
{
	return row->sp.reg == RSP || row->sp.reg == RBP ? row->sp.offset : 0;
}

static void put_cfa(OrcWriter *writer, const OrcRow *row)
{
	int offset = cfa_offset(row);

	if (same_base(&row->sp, &writer->row.sp) && row->sp.offset == writer->row.sp.offset)
		return;
	if (row->sp.base != BASE_REG) {
		put_cfa_expression(writer, row);
	} else if (offset < 0) {
		put_rule(writer->out, DW_CFA_def_cfa_sf, row->sp.reg);
		bytes_sleb(writer->out, -offset);
	} else if (same_base(&row->sp, &writer->row.sp)) {
		put_rule(writer->out, DW_CFA_def_cfa_offset, offset);
	} else {
		put_rule(writer->out, DW_CFA_def_cfa, row->sp.reg);
		bytes_uleb(writer->out, offset);
	}
}

static void put_rbp(OrcWriter *writer, const OrcRow *row)
{
	Bytes *out = writer->out;

	if (same_base(&row->bp, &writer->row.bp) && row->bp.offset == writer->row.bp.offset)
		return;
	if (row->bp.base == BASE_PREV_SP) {
		put_saved(out, RBP, row->bp.offset);
	} else if (row->bp.base == BASE_REG && row->bp.reg == RBP) {
		g_auto(Bytes) expr = {0};

		bytes_put(&expr, DW_OP_breg0 + RBP, 1);
		bytes_sleb(&expr, row->bp.offset);
		put_rule(out, DW_CFA_expression, RBP);
		bytes_uleb(out, expr.len);
		bytes_append(out, expr.data, expr.len);
	} else {
		put_first_rule(out, row->type, RBP);
	}
}

/* What @row has that the row before it had not. */
static void put_row(OrcWriter *writer, const OrcRow *row)
{
	bool ended = writer->row.type == ORC_END;

	if (row->type == ORC_END) {
		if (!ended)
			put_rule(writer->out, DW_CFA_undefined, RIP);
		writer->row.type = ORC_END;
		return;
	}
	if (ended)
		put_first_rule(writer->out, row->type, RIP);
	put_cfa(writer, row);
	put_rbp(writer, row);
	writer->row = *row;
}

/* What the description in front of @row is about: its CIE. Rows that end a backtrace fit to any. */
static bool same_cie(const OrcRow *cie, const OrcRow *row)
{
	return cie->type == ORC_END || row->type == ORC_END ||
	       (row->type == cie->type && row->is_signal == cie->is_signal);
}

/*
 * One description of @rows, as many as go together; returns how many. There are @n, more than one:
 * the last only says where the one before it ends.
 */
static unsigned put_rows(OrcWriter *writer, const OrcRow *rows, unsigned n, OrcRow *ret_cie)
{
	uint64_t at = rows[0].addr;
	unsigned used = 0;

	*ret_cie = rows[0];
	writer->row = (OrcRow){.sp = {BASE_REG, RSP, 8}, .type = ORC_CALL};
	for (; used + 1 < n && used < FDE_ROWS; used++) {
		const OrcRow *row = &rows[used];

		if (row->is_gone || !same_cie(ret_cie, row) || row->addr - at > UINT32_MAX)
			break;
		if (ret_cie->type == ORC_END)
			*ret_cie = *row;
		if (row->addr != at)
			cfi_put_advance(writer->out, row->addr - at);
		at = row->addr;
		put_row(writer, row);
	}
	return used;
}

static unsigned put_fde(OrcWriter *writer, const OrcRow *rows, unsigned n)
{
	Bytes *out = writer->out;
	uint64_t range;
	unsigned used;
	uint32_t where;
	guint block;
	OrcRow cie;

	cfi_begin_fde(out, &block, 0, rows[0].addr, 0);
	used = put_rows(writer, rows, n, &cie);
	cfi_end_block(out, block);
	where = GUINT32_TO_LE(writer->cies[cie.type][cie.is_signal]);
	memcpy(out->data + block + 4, &where, 4);
	range = GUINT64_TO_LE(rows[used].addr - rows[0].addr);
	memcpy(out->data + block + 16, &range, 8);
	return used;
}

static GByteArray *write_frames(const GArray *rows)
{
	Bytes frames = {0};
	OrcWriter writer = {.out = &frames};
	const OrcRow *all = (const OrcRow *)(const void *)rows->data;

	for (OrcType type = ORC_CALL; type < N_ORC_TYPES; type++)
		for (unsigned is_signal = 0; is_signal < 2; is_signal++) {
			writer.cies[type][is_signal] = frames.len;
			put_cie(&frames, type, is_signal);
		}
	for (unsigned at = 0; at + 1 < rows->len;)
		at += all[at].is_gone ? 1 : put_fde(&writer, all + at, rows->len - at);
	return bytes_end(&frames);
}

/* A thunk does no more than jump: as at the first instruction of a function. */
static bool is_thunk(const LinuxSymbols *symbols, uint64_t addr)
{
	static const char *const names[] = {"__x86_indirect_", "__x86_return_thunk", "srso_",
					    "retbleed_"};
	const LinuxSymbol *symbol = linux_symbols_at(symbols, addr);

	for (unsigned i = 0; symbol && i < G_N_ELEMENTS(names); i++) {
		if (g_str_has_prefix(linux_symbols_name(symbols, symbol), names[i]))
			return true;
	}
	return false;
}

static void mend_thunks(GArray *rows, const LinuxSymbols *symbols)
{
	for (unsigned i = 0; i < rows->len; i++) {
		OrcRow *row = &g_array_index(rows, OrcRow, i);

		if (row->type != ORC_END || !is_thunk(symbols, row->addr))
			continue;
		row->type = ORC_CALL;
		row->sp = (OrcPlace){BASE_REG, RSP, 8};
		row->bp = (OrcPlace){0};
	}
}

GByteArray *linux_orc_frames(const LinuxOrc *orc, GError **error)
{
	g_autoptr(GArray) rows = linux_orc_rows(orc, error);

	if (rows && orc->symbols)
		mend_thunks(rows, orc->symbols);
	return rows ? write_frames(rows) : NULL;
}

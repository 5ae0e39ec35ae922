/*
 * gdbstub/break-code.c - reading conditions and commands, and asking them.
 */
#include "gdbstub/break-code.h"

#include <inttypes.h>

#include "gdbstub/target.h"

typedef struct Expr {
	uint32_t start, len; /* in GdbBreakCode.bytes */
	bool is_command;
} Expr;

struct GdbBreakCode {
	gatomicrefcount refs;
	GByteArray *bytes;
	GArray *exprs; /* of Expr, in the client's order */
	unsigned conditions;
};

GdbBreakCode *gdb_break_code_ref(GdbBreakCode *code)
{
	if (code)
		g_atomic_ref_count_inc(&code->refs);
	return code;
}

void gdb_break_code_unref(GdbBreakCode *code)
{
	if (!code || !g_atomic_ref_count_dec(&code->refs))
		return;
	g_byte_array_unref(code->bytes);
	g_array_unref(code->exprs);
	g_free(code);
}

bool gdb_break_code_has_commands(const GdbBreakCode *code)
{
	return code->exprs->len > code->conditions;
}

size_t gdb_break_code_size(const GdbBreakCode *code)
{
	return code->bytes->len;
}

/* ---- Reading ---- */

static bool malformed(GError **error, const char *what)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "breakpoint conditions: %s; expected X<length>,<hex> or cmds:<persist>,X...",
		    what);
	return false;
}

static bool append(GdbBreakCode *code, const char *hex, size_t len, bool is_command, GError **error)
{
	Expr expr = {code->bytes->len, len, is_command};

	if (len > GDB_BREAK_CODE_MAX - code->bytes->len ||
	    code->exprs->len == GDB_BREAK_CODE_EXPRS) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC,
			    "conditions and commands of a breakpoint: more than %d bytes or %d "
			    "expressions",
			    GDB_BREAK_CODE_MAX, GDB_BREAK_CODE_EXPRS);
		return false;
	}
	g_byte_array_set_size(code->bytes, expr.start + len);
	if (!gdb_hex_decode(hex, 2 * len, code->bytes->data + expr.start))
		return malformed(error, "an expression that is not hex");
	g_array_append_val(code->exprs, expr);
	code->conditions += !is_command;
	return true;
}

/* Behind the X. */
static bool take_expr(GdbBreakCode *code, GdbText *text, bool is_command, GError **error)
{
	uint64_t len;

	if (!gdb_text_number(text, &len) || !gdb_text_char(text, ','))
		return malformed(error, "X without a length");
	if (!len || len > gdb_text_left(text) / 2)
		return malformed(error, "an expression that is not as long as it says");
	if (!append(code, text->at, len, is_command, error))
		return false;
	text->at += 2 * len;
	return true;
}

static bool take_all(GdbBreakCode *code, GdbText *text, GError **error)
{
	bool in_commands = false;
	uint64_t persist;

	while (gdb_text_left(text)) {
		if (gdb_text_char(text, ';'))
			continue;
		if (!in_commands && gdb_text_word(text, "cmds:")) {
			in_commands = true;
			if (!gdb_text_number(text, &persist) || !gdb_text_char(text, ','))
				return malformed(error, "cmds: without <persist>,");
			continue;
		}
		if (!gdb_text_char(text, 'X'))
			return malformed(error, "something else than X and cmds:");
		if (!take_expr(code, text, in_commands, error))
			return false;
	}
	return code->exprs->len || malformed(error, "no expression");
}

GdbBreakCode *gdb_break_code_parse(GdbText text, GError **error)
{
	g_autoptr(GdbBreakCode) code = g_new0(GdbBreakCode, 1);

	g_atomic_ref_count_init(&code->refs);
	code->bytes = g_byte_array_new();
	code->exprs = g_array_new(FALSE, FALSE, sizeof(Expr));
	return take_all(code, &text, error) ? g_steal_pointer(&code) : NULL;
}

/* ---- Asking ---- */

static GdbAxStatus eval(const GdbBreakCode *code, unsigned i, const GdbAxOps *ops, void *opaque,
			GdbAxBudget *budget, int64_t *ret)
{
	const Expr *expr = &g_array_index(code->exprs, Expr, i);

	return gdb_ax_eval(code->bytes->data + expr->start, expr->len, ops, opaque, budget, ret);
}

static bool is_command(const GdbBreakCode *code, unsigned i)
{
	return g_array_index(code->exprs, Expr, i).is_command;
}

static bool wanted(const GdbBreakCode *code, const GdbAxOps *ops, void *opaque, GdbAxBudget *budget)
{
	for (unsigned i = 0; i < code->exprs->len; i++) {
		int64_t value;

		if (!is_command(code, i) &&
		    (eval(code, i, ops, opaque, budget, &value) != GDB_AX_OK || value))
			return true;
	}
	return !code->conditions;
}

bool gdb_break_code_hit(const GdbBreakCode *code, const GdbAxOps *ops, void *opaque,
			GdbAxBudget *budget, GdbAxStatus *ret_status)
{
	*ret_status = GDB_AX_OK;
	if (!wanted(code, ops, opaque, budget))
		return false;
	if (code->conditions == code->exprs->len)
		return true;
	for (unsigned i = 0; i < code->exprs->len; i++) {
		GdbAxStatus status =
			is_command(code, i) ? eval(code, i, ops, opaque, budget, NULL) : GDB_AX_OK;

		if (status != GDB_AX_OK)
			*ret_status = status;
	}
	return false;
}

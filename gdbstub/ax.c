/*
 * gdbstub/ax.c - the evaluator: one row per opcode, checked in one place before it runs.
 */
#include "gdbstub/ax.h"

#include <string.h>

#include "gdbstub/ax-printf.h"

typedef struct Machine {
	const uint8_t *code;
	size_t len, pc; /* pc: behind the opcode and its operand */
	const GdbAxOps *ops;
	void *opaque;
	uint64_t stack[GDB_AX_STACK];
	unsigned depth;
	GdbAxBudget *budget;
	uint64_t operand; /* of this instruction */
	bool ended;
} Machine;

/*
 * A handler finds its operands at x[0] (deepest) to x[pops - 1] and leaves its results there from
 * x[0] on; the loop moves the stack pointer.
 */
typedef GdbAxStatus (*Handler)(Machine *m, uint64_t *x);

#define BINARY(name, expression)                                                                   \
	static GdbAxStatus name(Machine *m G_GNUC_UNUSED, uint64_t *x)                             \
	{                                                                                          \
		uint64_t a = x[0], b = x[1];                                                       \
                                                                                                   \
		x[0] = (expression);                                                               \
		return GDB_AX_OK;                                                                  \
	}

BINARY(op_add, a + b)
BINARY(op_sub, a - b)
BINARY(op_mul, a *b)
BINARY(op_and, a &b)
BINARY(op_or, a | b)
BINARY(op_xor, a ^ b)
BINARY(op_equal, a == b)
BINARY(op_less_signed, (int64_t)a < (int64_t)b)
BINARY(op_less_unsigned, a < b)
/* As the client's own C does for counts in range; others give what an unbounded shift would. */
BINARY(op_lsh, b < 64 ? a << b : 0)
BINARY(op_rsh_unsigned, b < 64 ? a >> b : 0)
BINARY(op_rsh_signed, (uint64_t)((int64_t)a >> MIN(b, 63)))

/* INT64_MIN / -1 does not fit and traps in C; it wraps here. */
static GdbAxStatus divide(uint64_t *x, bool is_signed, bool remainder)
{
	if (!x[1])
		return GDB_AX_DIVIDE;
	if (!is_signed)
		x[0] = remainder ? x[0] % x[1] : x[0] / x[1];
	else if (x[1] == UINT64_MAX)
		x[0] = remainder ? 0 : -x[0];
	else
		x[0] = (uint64_t)(remainder ? (int64_t)x[0] % (int64_t)x[1]
					    : (int64_t)x[0] / (int64_t)x[1]);
	return GDB_AX_OK;
}

static GdbAxStatus op_div_signed(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	return divide(x, true, false);
}

static GdbAxStatus op_div_unsigned(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	return divide(x, false, false);
}

static GdbAxStatus op_rem_signed(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	return divide(x, true, true);
}

static GdbAxStatus op_rem_unsigned(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	return divide(x, false, true);
}

static GdbAxStatus op_log_not(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	x[0] = !x[0];
	return GDB_AX_OK;
}

static GdbAxStatus op_bit_not(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	x[0] = ~x[0];
	return GDB_AX_OK;
}

static GdbAxStatus op_ext(Machine *m, uint64_t *x)
{
	uint64_t sign;

	if (m->operand < 1 || m->operand >= 64)
		return GDB_AX_OK;
	sign = 1ull << (m->operand - 1);
	x[0] &= (sign << 1) - 1;
	x[0] = (x[0] ^ sign) - sign;
	return GDB_AX_OK;
}

static GdbAxStatus op_zero_ext(Machine *m, uint64_t *x)
{
	if (m->operand < 64)
		x[0] &= (1ull << m->operand) - 1;
	return GDB_AX_OK;
}

static GdbAxStatus load(Machine *m, uint64_t *x, size_t len)
{
	uint64_t value = 0;

	if (!m->ops->mem(m->opaque, x[0], &value, len))
		return GDB_AX_NO_MEMORY;
	x[0] = GUINT64_FROM_LE(value);
	return GDB_AX_OK;
}

static GdbAxStatus op_ref8(Machine *m, uint64_t *x)
{
	return load(m, x, 1);
}

static GdbAxStatus op_ref16(Machine *m, uint64_t *x)
{
	return load(m, x, 2);
}

static GdbAxStatus op_ref32(Machine *m, uint64_t *x)
{
	return load(m, x, 4);
}

static GdbAxStatus op_ref64(Machine *m, uint64_t *x)
{
	return load(m, x, 8);
}

static GdbAxStatus op_const(Machine *m, uint64_t *x)
{
	x[0] = m->operand;
	return GDB_AX_OK;
}

static GdbAxStatus op_reg(Machine *m, uint64_t *x)
{
	return m->ops->reg(m->opaque, m->operand, x) ? GDB_AX_OK : GDB_AX_NO_REGISTER;
}

static GdbAxStatus op_goto(Machine *m, uint64_t *x G_GNUC_UNUSED)
{
	if (m->operand >= m->len)
		return GDB_AX_BAD_JUMP;
	m->pc = m->operand;
	return GDB_AX_OK;
}

static GdbAxStatus op_if_goto(Machine *m, uint64_t *x)
{
	return x[0] ? op_goto(m, x) : GDB_AX_OK;
}

static GdbAxStatus op_end(Machine *m, uint64_t *x G_GNUC_UNUSED)
{
	m->ended = true;
	return GDB_AX_OK;
}

static GdbAxStatus op_nothing(Machine *m G_GNUC_UNUSED, uint64_t *x G_GNUC_UNUSED)
{
	return GDB_AX_OK;
}

static GdbAxStatus op_dup(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	x[1] = x[0];
	return GDB_AX_OK;
}

static GdbAxStatus op_swap(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	uint64_t a = x[0];

	x[0] = x[1];
	x[1] = a;
	return GDB_AX_OK;
}

/* a b c (c on top) becomes c a b. */
static GdbAxStatus op_rot(Machine *m G_GNUC_UNUSED, uint64_t *x)
{
	uint64_t c = x[2];

	x[2] = x[1];
	x[1] = x[0];
	x[0] = c;
	return GDB_AX_OK;
}

/* Counts down from the top, which is 0. */
static GdbAxStatus op_pick(Machine *m, uint64_t *x)
{
	if (m->operand >= m->depth)
		return GDB_AX_UNDERFLOW;
	x[0] = m->stack[m->depth - 1 - m->operand];
	return GDB_AX_OK;
}

/*
 * printf COUNT LENGTH TEXT: pops the function and the channel, which mean nothing here, and COUNT
 * arguments, the first one on top.
 */
static GdbAxStatus op_printf(Machine *m, uint64_t *x G_GNUC_UNUSED)
{
	unsigned count = m->operand >> 16, skip = 2 + count;
	size_t len = m->operand & 0xffff;
	const char *text = (const char *)m->code + m->pc;
	uint64_t args[GDB_AX_STACK];

	if (len > m->len - m->pc || !len || text[len - 1])
		return GDB_AX_BAD_FORMAT;
	if (skip > m->depth)
		return GDB_AX_UNDERFLOW;
	if (!m->budget->prints)
		return GDB_AX_TOO_LONG;
	m->budget->prints--;
	for (unsigned i = 0; i < count; i++)
		args[i] = m->stack[m->depth - 3 - i];
	m->depth -= skip;
	m->pc += len;
	return gdb_ax_printf(text, args, count, m->ops, m->opaque);
}

typedef struct Row {
	Handler run;
	uint8_t operand, pops, pushes; /* operand: bytes */
} Row;

/* By opcode; a hole or a floating-point opcode has no handler. */
static const Row rows[] = {
	[0x02] = {op_add, 0, 2, 1},	     [0x03] = {op_sub, 0, 2, 1},
	[0x04] = {op_mul, 0, 2, 1},	     [0x05] = {op_div_signed, 0, 2, 1},
	[0x06] = {op_div_unsigned, 0, 2, 1}, [0x07] = {op_rem_signed, 0, 2, 1},
	[0x08] = {op_rem_unsigned, 0, 2, 1}, [0x09] = {op_lsh, 0, 2, 1},
	[0x0a] = {op_rsh_signed, 0, 2, 1},   [0x0b] = {op_rsh_unsigned, 0, 2, 1},
	[0x0c] = {op_nothing, 0, 2, 0}, /* trace */
	[0x0d] = {op_nothing, 1, 1, 1}, /* trace_quick */
	[0x0e] = {op_log_not, 0, 1, 1},	     [0x0f] = {op_and, 0, 2, 1},
	[0x10] = {op_or, 0, 2, 1},	     [0x11] = {op_xor, 0, 2, 1},
	[0x12] = {op_bit_not, 0, 1, 1},	     [0x13] = {op_equal, 0, 2, 1},
	[0x14] = {op_less_signed, 0, 2, 1},  [0x15] = {op_less_unsigned, 0, 2, 1},
	[0x16] = {op_ext, 1, 1, 1},	     [0x17] = {op_ref8, 0, 1, 1},
	[0x18] = {op_ref16, 0, 1, 1},	     [0x19] = {op_ref32, 0, 1, 1},
	[0x1a] = {op_ref64, 0, 1, 1},	     [0x20] = {op_if_goto, 2, 1, 0},
	[0x21] = {op_goto, 2, 0, 0},	     [0x22] = {op_const, 1, 0, 1},
	[0x23] = {op_const, 2, 0, 1},	     [0x24] = {op_const, 4, 0, 1},
	[0x25] = {op_const, 8, 0, 1},	     [0x26] = {op_reg, 2, 0, 1},
	[0x27] = {op_end, 0, 0, 0},	     [0x28] = {op_dup, 0, 1, 2},
	[0x29] = {op_nothing, 0, 1, 0}, /* pop */
	[0x2a] = {op_zero_ext, 1, 1, 1},     [0x2b] = {op_swap, 0, 2, 2},
	[0x2c] = {op_const, 2, 0, 1},	/* getv: see fetch() */
	[0x2d] = {op_nothing, 2, 1, 1}, /* setv */
	[0x2e] = {op_const, 2, 0, 1},	/* tracev */
	[0x2f] = {op_nothing, 0, 2, 0}, /* tracenz */
	[0x30] = {op_nothing, 2, 1, 1}, /* trace16 */
	[0x32] = {op_pick, 1, 0, 1},	     [0x33] = {op_rot, 0, 3, 3},
	[0x34] = {op_printf, 3, 0, 0},
};

/* The next opcode's row, its operand in m->operand; NULL when there is none. */
static const Row *fetch(Machine *m)
{
	uint8_t opcode;
	const Row *row;

	if (m->pc >= m->len)
		return NULL;
	opcode = m->code[m->pc++];
	row = opcode < G_N_ELEMENTS(rows) && rows[opcode].run ? &rows[opcode] : NULL;
	if (!row || row->operand > m->len - m->pc)
		return NULL;
	m->operand = 0;
	for (unsigned i = 0; i < row->operand; i++)
		m->operand = m->operand << 8 | m->code[m->pc++];
	/* Trace state variables exist only while tracing, so all of them are 0. */
	if (opcode == 0x2c || opcode == 0x2e)
		m->operand = 0;
	return row;
}

static GdbAxStatus step(Machine *m)
{
	const Row *row = fetch(m);
	uint64_t *x;
	GdbAxStatus status;

	if (!row)
		return GDB_AX_BAD_OPCODE;
	if (row->pops > m->depth)
		return GDB_AX_UNDERFLOW;
	if (m->depth - row->pops + row->pushes > GDB_AX_STACK)
		return GDB_AX_OVERFLOW;
	x = &m->stack[m->depth - row->pops];
	status = row->run(m, x);
	m->depth = m->depth - row->pops + row->pushes;
	return status;
}

GdbAxStatus gdb_ax_eval(const uint8_t *code, size_t len, const GdbAxOps *ops, void *opaque,
			GdbAxBudget *budget, int64_t *ret)
{
	Machine m = {.code = code, .len = len, .ops = ops, .opaque = opaque, .budget = budget};
	GdbAxStatus status = GDB_AX_OK;

	while (status == GDB_AX_OK && !m.ended && budget->steps) {
		budget->steps--;
		status = step(&m);
	}
	if (status == GDB_AX_OK && !m.ended)
		return GDB_AX_TOO_LONG;
	if (status != GDB_AX_OK || !ret)
		return status;
	if (!m.depth)
		return GDB_AX_NO_RESULT;
	*ret = (int64_t)m.stack[m.depth - 1];
	return GDB_AX_OK;
}

const char *gdb_ax_status_text(GdbAxStatus status)
{
	static const char *const texts[] = {
		[GDB_AX_OK] = "no error",
		[GDB_AX_BAD_OPCODE] = "an opcode that is unknown or cut off",
		[GDB_AX_BAD_JUMP] = "a jump out of the expression",
		[GDB_AX_UNDERFLOW] = "stack underflow",
		[GDB_AX_OVERFLOW] = "stack overflow",
		[GDB_AX_TOO_LONG] = "too many steps",
		[GDB_AX_DIVIDE] = "division by zero",
		[GDB_AX_NO_MEMORY] = "memory that is not mapped",
		[GDB_AX_NO_REGISTER] = "a register that is not available",
		[GDB_AX_BAD_FORMAT] = "a bad printf format",
		[GDB_AX_NO_RESULT] = "no value at the end",
	};

	return status < G_N_ELEMENTS(texts) ? texts[status] : "an unknown error";
}

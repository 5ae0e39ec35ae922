/*
 * gdbstub/ax.h - agent expressions: the bytecode in which gdb sends breakpoint conditions and
 * dprintf formats (gdb manual, "The GDB Agent Expression Mechanism").
 *
 * A pure evaluator of the integer opcodes. Bytecode comes from a client and is hostile: the
 * evaluations of one hit take at most GDB_AX_STEPS steps together, each of them GDB_AX_STACK cells,
 * and no jump, operand or string leaves the expression. Any thread; it keeps nothing between calls.
 */
#ifndef VMGDB_GDBSTUB_AX_H
#define VMGDB_GDBSTUB_AX_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define GDB_AX_STEPS 10000
#define GDB_AX_STACK 100
/* The longest string that %s takes from memory, and the longest line of one printf. */
#define GDB_AX_STRING_MAX 1024
#define GDB_AX_LINE_MAX 8192
/* How many printfs the evaluations of one hit may do: each of them costs more than a step. */
#define GDB_AX_PRINTS 64

/* What is left for a hit, of all its expressions: others wait until it is answered. */
typedef struct GdbAxBudget {
	unsigned steps, prints;
} GdbAxBudget;

#define GDB_AX_BUDGET ((GdbAxBudget){GDB_AX_STEPS, GDB_AX_PRINTS})

typedef enum GdbAxStatus {
	GDB_AX_OK,
	GDB_AX_BAD_OPCODE, /* unknown, floating point, or cut off in its operand */
	GDB_AX_BAD_JUMP,   /* out of the expression */
	GDB_AX_UNDERFLOW,
	GDB_AX_OVERFLOW,
	GDB_AX_TOO_LONG,  /* nothing is left of the budget */
	GDB_AX_DIVIDE,	  /* by zero */
	GDB_AX_NO_MEMORY, /* at the address of a ref */
	GDB_AX_NO_REGISTER,
	GDB_AX_BAD_FORMAT,
	GDB_AX_NO_RESULT, /* the stack is empty at the end, and a value was asked for */
} GdbAxStatus;

/*
 * What an expression looks at. @reg: the low 64 bits of register @num, as the target description
 * numbers it. @mem: @len bytes, 1 to 64, or FALSE. @print: the text of a printf; may be NULL, then
 * it is dropped.
 */
typedef struct GdbAxOps {
	bool (*reg)(void *opaque, unsigned num, uint64_t *ret);
	bool (*mem)(void *opaque, uint64_t addr, void *buf, size_t len);
	void (*print)(void *opaque, const char *text, size_t len);
} GdbAxOps;

/*
 * gdb_ax_eval: run @code. @budget: what it takes is taken off it. @ret: the top of the stack at the
 * end; untouched on failure. NULL when no value is wanted. Memory is little-endian, operands in the
 * code are big-endian. Trace opcodes pop their operands and do nothing; trace state variables are 0
 * and cannot be set.
 */
GdbAxStatus gdb_ax_eval(const uint8_t *code, size_t len, const GdbAxOps *ops, void *opaque,
			GdbAxBudget *budget, int64_t *ret);

/* One plain phrase for a status: "division by zero". A literal. */
const char *gdb_ax_status_text(GdbAxStatus status);

#endif

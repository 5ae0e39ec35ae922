/*
 * gdbstub/break-code.h - the bytecode that comes with a breakpoint: when to stop, what to print.
 *
 * gdb manual, "Packets", Z0: cond_list and cmd_list. One immutable object per Z packet, counted by
 * references, so that a CPU can evaluate it while the client replaces it. Any thread.
 */
#ifndef VMGDB_GDBSTUB_BREAK_CODE_H
#define VMGDB_GDBSTUB_BREAK_CODE_H

#include <glib.h>
#include <stdbool.h>

#include "gdbstub/ax.h"
#include "gdbstub/text.h"

/* Bytes of bytecode, and expressions, that one breakpoint may bring. */
#define GDB_BREAK_CODE_MAX 0x4000
#define GDB_BREAK_CODE_EXPRS 256

typedef struct GdbBreakCode GdbBreakCode;

/*
 * gdb_break_code_parse: the rest of a Z packet behind "addr,kind;":
 *   Xlen,hex[Xlen,hex...][;cmds:persist,Xlen,hex[Xlen,hex...]]
 * Either list may be missing, and a ; may stand between expressions. "persist" (go on when the
 * client has left) is read and has no effect: breakpoints end with their client. NULL with @error
 * when it is malformed (INVAL) or too large (NOSPC).
 */
GdbBreakCode *gdb_break_code_parse(GdbText text, GError **error);

/* NULL is accepted by both. */
GdbBreakCode *gdb_break_code_ref(GdbBreakCode *code);
void gdb_break_code_unref(GdbBreakCode *code);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GdbBreakCode, gdb_break_code_unref)

/* Does it hold commands? */
bool gdb_break_code_has_commands(const GdbBreakCode *code);
/* How much bytecode it holds, in bytes. */
size_t gdb_break_code_size(const GdbBreakCode *code);

/*
 * gdb_break_code_hit: a CPU is at the breakpoint: should it stop? The conditions are OR-ed, and one
 * that cannot be evaluated is true: it is better to stop too often than to miss it. Without
 * conditions the answer is yes. With commands these are run in place of stopping, when the
 * conditions say yes. @budget: for all that is asked at one hit, the breakpoints there together.
 * @ret_status: the last failure of a command, else GDB_AX_OK.
 */
bool gdb_break_code_hit(const GdbBreakCode *code, const GdbAxOps *ops, void *opaque,
			GdbAxBudget *budget, GdbAxStatus *ret_status);

#endif

/*
 * gdbstub/ax-printf.h - the printf of agent expressions (gdb's `dprintf-style agent`).
 */
#ifndef VMGDB_GDBSTUB_AX_PRINTF_H
#define VMGDB_GDBSTUB_AX_PRINTF_H

#include "gdbstub/ax.h"

/*
 * gdb_ax_printf: format @text (NUL-terminated, hostile) with @count arguments and hand the line to
 * @ops->print, cut at GDB_AX_LINE_MAX. gdb sends the format as the user typed it, so the escapes
 * \\ \" \a \b \e \f \n \r \t \v are read here. Takes d i u x X o c s p %, flags, width and
 * precision up to 999, and the lengths hh h l ll z j t (not with c s p). A string ends at its NUL,
 * at GDB_AX_STRING_MAX, or where memory ends behind a first byte; at address 0 it is "(null)".
 * BAD_FORMAT for anything else and for missing arguments, NO_MEMORY for a string that is not
 * mapped; then nothing is printed.
 */
GdbAxStatus gdb_ax_printf(const char *text, const uint64_t *args, unsigned count,
			  const GdbAxOps *ops, void *opaque);

#endif

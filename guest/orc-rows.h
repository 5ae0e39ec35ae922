/*
 * guest/orc-rows.h - the entries of ORC tables, in one form whatever kernel made them. Pure.
 */
#ifndef VMGDB_GUEST_ORC_ROWS_H
#define VMGDB_GUEST_ORC_ROWS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest/orc.h"

/* Registers of x86-64 as DWARF numbers them (System V ABI, figure 3.36). */
enum { RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15, RIP };
enum { EFLAGS = 49, CS = 51, SS = 52 };

/* What an offset is added to. */
typedef enum OrcBase {
	BASE_NONE,    /* there is none */
	BASE_PREV_SP, /* the caller's stack pointer */
	BASE_REG,     /* a register */
	BASE_AT,      /* a register; the sum is where the value is */
	BASE_AT_PLUS, /* what is where a register points to */
} OrcBase;

typedef struct OrcPlace {
	OrcBase base;
	uint8_t reg;
	int16_t offset;
} OrcPlace;

/* END: there is no caller, or nothing is known of it. PARTIAL: only what the CPU itself saves. */
typedef enum OrcType { ORC_END, ORC_CALL, ORC_REGS, ORC_PARTIAL, N_ORC_TYPES } OrcType;

/*
 * @sp: the caller's stack pointer, or where its registers are (REGS, PARTIAL). @bp: where its rbp
 * is; of base NONE: as it is. @is_signal: it was interrupted and did not call, or its caller
 * is on another stack. @order: for sorting.
 * @is_gone: from here to the next row nothing is said.
 */
typedef struct OrcRow {
	uint64_t addr;
	uint32_t order;
	OrcPlace sp, bp;
	OrcType type;
	bool is_signal, is_gone;
} OrcRow;

/*
 * linux_orc_rows: of OrcRow, sorted, one for each address. NULL with @error as linux_orc_frames.
 * Caller unrefs.
 */
GArray *linux_orc_rows(const LinuxOrc *orc, GError **error);

#endif

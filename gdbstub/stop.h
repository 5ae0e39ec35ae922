/*
 * gdbstub/stop.h - stop replies: why the world stopped, as text for the client. Pure.
 *
 * gdb manual, "Stop Reply Packets". Signals are gdb's own numbers.
 */
#ifndef VMGDB_GDBSTUB_STOP_H
#define VMGDB_GDBSTUB_STOP_H

#include <glib.h>
#include <stdbool.h>

#include "gdbstub/target.h"

/* What the client offered in qSupported: it understands these, so they may be sent. */
typedef struct GdbFeatures {
	bool multiprocess;  /* threads are written p01.01 */
	bool swbreak;	    /* the reason swbreak may be sent */
	bool hwbreak;	    /* the reason hwbreak may be sent */
	bool multi_watch;   /* a stop may have more than one watch reason */
	bool exec;	    /* it may be told that another program runs */
	bool error_message; /* errors may be sent as E.text */
	bool error_strings; /* errors may be sent as Exx;text in hex (lldb) */
	bool reasons;	    /* stop replies say why in lldb's words */
} GdbFeatures;

/*
 * gdb_stop_append: "T05thread:p01.02;swbreak:;": signal, thread and, where there is one that the
 * client accepts, the reason. A watch reason is always sent, with the data address; those of
 * @stop's also follow, for a client that takes them. With @features' reasons, lldb's words follow,
 * as "reason:trace;".
 */
void gdb_stop_append(GString *out, const GdbStop *stop, const GdbFeatures *features);

/* gdb_stop_append_exec: "T05thread:p01.02;exec:2f76;": CPU @cpu runs the program @path now. */
void gdb_stop_append_exec(GString *out, unsigned cpu, const char *path,
			  const GdbFeatures *features);

/*
 * gdb_stop_reason: lldb's word for it: "breakpoint", "trace", "watchpoint", "signal". A literal.
 * gdb_stop_signal: the number after T.
 */
const char *gdb_stop_reason(GdbStopKind kind);
unsigned gdb_stop_signal(GdbStopKind kind);

/*
 * gdb_stop_append_register: an expedited register, "10:f0ff000000000000;". To be called after
 * gdb_stop_append(). @bytes: the value in target byte order, gdb_reg_bytes(@reg) long.
 */
void gdb_stop_append_register(GString *out, const GdbReg *reg, const uint8_t *bytes);

/* gdb_stop_append_exit: "W00", and ";process:1" for a client that knows processes. */
void gdb_stop_append_exit(GString *out, uint8_t status, const GdbFeatures *features);

#endif

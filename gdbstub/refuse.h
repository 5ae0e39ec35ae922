/*
 * gdbstub/refuse.h - tells clients that cannot be served why, in the form of a reply.
 *
 * A client that is only hung up on says "connection closed" to its user. So its first packet is
 * awaited, for GDB_REFUSE_MS milliseconds at most, and answered by an error with a text. On the
 * thread of the context; never blocks.
 */
#ifndef VMGDB_GDBSTUB_REFUSE_H
#define VMGDB_GDBSTUB_REFUSE_H

#include <gio/gio.h>

#define GDB_REFUSE_MS 1000

typedef struct GdbRefusals GdbRefusals;

GdbRefusals *gdb_refusals_new(GMainContext *context);
/* Hangs up on all that are still there. */
void gdb_refusals_free(GdbRefusals *refusals);

/*
 * gdb_refusals_add: @stream, a socket's, gets the answer @why (one line) and is closed. A reference
 * is taken. Of many at the same time some are closed without an answer.
 */
void gdb_refusals_add(GdbRefusals *refusals, GIOStream *stream, const char *why);

#endif

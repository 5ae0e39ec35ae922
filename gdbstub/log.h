/*
 * gdbstub/log.h - what the stub does, as text with time stamps, for a user who reports a fault.
 *
 * One line per event: seconds since the log was opened, then what happened. Any thread. Whoever has
 * a log that is NULL pays one comparison. Nobody waits: what a FIFO or a full disk has no room for
 * is lost, and the next line that fits says how many lines that were. A FIFO's reader may go, and
 * another one come.
 */
#ifndef VMGDB_GDBSTUB_LOG_H
#define VMGDB_GDBSTUB_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

/* How much of a packet is written; its length is said in any case. */
#define GDB_LOG_PACKET_MAX 1024

typedef struct GdbLog GdbLog;

/*
 * gdb_log_open: creates or overwrites @path. NULL with @error (G_FILE_ERROR), which names it: also
 * of a FIFO that nobody reads.
 */
GdbLog *gdb_log_open(const char *path, GError **error);
/* NULL is accepted. */
void gdb_log_free(GdbLog *log);

/* "<- payload" for what the client said, "-> payload" for what the stub replied; unprintable bytes
 * and backslashes as \xNN. */
void gdb_log_packet(GdbLog *log, bool from_client, const void *payload, size_t len);
/* One line; without a newline. */
void gdb_log_line(GdbLog *log, const char *format, ...) G_GNUC_PRINTF(2, 3);

G_END_DECLS

#endif

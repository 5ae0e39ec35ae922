/*
 * gdbstub/conn.h - moves bytes between one stream and one session, never blocking.
 *
 * It owns the stream's sources and the bytes that wait on either side, and gives a session with
 * work its turns.
 */
#ifndef VMGDB_GDBSTUB_CONN_H
#define VMGDB_GDBSTUB_CONN_H

#include <gio/gio.h>

#include "gdbstub/session.h"

typedef struct GdbConn GdbConn;

/* The stream has ended or failed. To be answered with gdb_conn_free(). */
typedef void (*GdbConnEnded)(GdbConn *conn, void *data);

/*
 * gdb_conn_new: serve @stream, both of whose ends must be pollable; NULL when they are not.
 * A reference to @stream is taken, @session is handed over (not on failure).
 */
GdbConn *gdb_conn_new(GMainContext *context, GIOStream *stream, GdbSession *session,
		      GdbConnEnded ended, void *data);

/* gdb_conn_free: send what can be sent without waiting, end the session, close the stream. */
void gdb_conn_free(GdbConn *conn);

GdbSession *gdb_conn_get_session(const GdbConn *conn);

/* gdb_conn_pump: after something was done to the session: move what can be moved now. */
void gdb_conn_pump(GdbConn *conn);

/*
 * gdb_conn_catch_up: read all that has come so far, without waiting for the loop to say so. For
 * when it matters whether the client has gone; as always, @conn may be gone afterwards.
 */
void gdb_conn_catch_up(GdbConn *conn);

/* gdb_conn_has_read: did at least one byte ever come from the client? */
bool gdb_conn_has_read(const GdbConn *conn);

#endif

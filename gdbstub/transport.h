/*
 * gdbstub/transport.h - the place where clients come from: a listening socket or a line.
 *
 * A socket gives one stream per client. A line (a character device, stdio) is one stream that is
 * there all the time and does not tell when a client comes. It owns what must be undone at the end:
 * a unix socket's path, a terminal's settings, the blocking mode of stdio.
 */
#ifndef VMGDB_GDBSTUB_TRANSPORT_H
#define VMGDB_GDBSTUB_TRANSPORT_H

#include <gio/gio.h>
#include <stdbool.h>

typedef struct GdbTransport GdbTransport;

/*
 * gdb_transport_open: for @where see gdb_server_listen(). @raw: a terminal carries packets, and its
 * user types nothing. NULL with @error, which names @where.
 * gdb_transport_open_without_files: for clients that read no files: ",remote" is an error.
 */
GdbTransport *gdb_transport_open(const char *where, bool raw, GError **error);
GdbTransport *gdb_transport_open_without_files(const char *where, bool raw, GError **error);

/* gdb_transport_close: stop listening and undo. NULL is accepted. */
void gdb_transport_close(GdbTransport *transport);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GdbTransport, gdb_transport_close)

/* gdb_transport_get_address: for gdb's `target remote`. Owned by the transport. */
const char *gdb_transport_get_address(const GdbTransport *transport);

/*
 * gdb_transport_get_listener: the sockets to accept on, from 0 on; NULL behind the last one, so at
 * once for a line. Owned by the transport.
 */
#define GDB_LISTENERS_MAX 2
GSocket *gdb_transport_get_listener(const GdbTransport *transport, unsigned n);

/*
 * gdb_transport_accept: the client that waits at @listener, ready for use: small packets go out at
 * once, a peer that vanished is noticed within 30 seconds. NULL with @error.
 */
GIOStream *gdb_transport_accept(GdbTransport *transport, GSocket *listener, GError **error);

/*
 * gdb_transport_get_line: the line's stream. May be called again when the stream has ended: a
 * device is opened again, as a plugged line comes back; stdio has ended for good. NULL with @error.
 */
GIOStream *gdb_transport_get_line(GdbTransport *transport, GError **error);

/*
 * gdb_transport_is_elsewhere: is the client of @stream, one of the above, on another host?
 * gdb_transport_peer_is_elsewhere: by the addresses of both ends; either may be NULL.
 */
bool gdb_transport_is_elsewhere(const GdbTransport *transport, GIOStream *stream);
bool gdb_transport_peer_is_elsewhere(GSocketAddress *peer, GSocketAddress *own);

/* gdb_transport_can_wait: can a main loop wait for @stream, both ways? */
bool gdb_transport_can_wait(GIOStream *stream);

/*
 * gdb_transport_write: as many bytes as @stream, one of the above, takes now; -1 with @error,
 * WOULD_BLOCK when that is none. Whoever reads may have gone: no SIGPIPE is raised for it.
 */
gssize gdb_transport_write(GIOStream *stream, const void *data, size_t len, GError **error);

#endif

/*
 * gdbstub/gdbstub.h - call me: a server of the gdb remote protocol for one target.
 *
 * The server lives on one GMainContext. Every function is for the thread that runs that context,
 * except those that post or queue something, which any thread may call. It listens in one place,
 * serves one client at a time, and tells a second one so and closes its connection.
 * What it does not own: the target's CPUs, memory and breakpoints (gdbstub/target.h).
 */
#ifndef VMGDB_GDBSTUB_H
#define VMGDB_GDBSTUB_H

#include <gio/gio.h>
#include <stdbool.h>

#include "gdbstub/log.h"
#include "gdbstub/target.h"

G_BEGIN_DECLS

typedef struct GdbServer GdbServer;

/*
 * gdb_server_new: a server that does not listen yet.
 * @context: where its sources run; NULL for the default context. A reference is taken.
 * @ops, @target: must outlive the server.
 * @version: what `monitor info version` and qGDBServerVersion say: "vmgdb 0.1".
 */
GdbServer *gdb_server_new(GMainContext *context, const GdbTargetOps *ops, void *target,
			  const char *version);

/*
 * gdb_server_free: end the session and stop listening. A client that still waits for a stop
 * reply is told that the machine is gone (W with the status of gdb_server_set_exit_status(), 0
 * without). A unix socket's path is removed, a terminal's settings are restored. The target's
 * detach() is called when a client was connected. NULL is accepted.
 */
void gdb_server_free(GdbServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GdbServer, gdb_server_free)
void gdb_server_set_exit_status(GdbServer *server, uint8_t status);

/*
 * gdb_server_set_log: write every packet of the clients to come to @log; borrowed. NULL: to none.
 */
void gdb_server_set_log(GdbServer *server, GdbLog *log);

/*
 * gdb_server_listen: take a client at @where, which is one of
 * - PORT or :PORT: TCP on 127.0.0.1; port 0 lets the system choose
 * - HOST:PORT: TCP on that address ("[::1]:1234", "0.0.0.0:1234"); localhost is both loopbacks
 * - unix:PATH: a unix socket, mode 0600; a stale socket is replaced, another file is not
 * - stdio: this process' standard input and output
 * - /dev/NAME: a character device; a terminal is put into raw mode
 * tcp: may stand before a PORT or HOST, and QEMU's options that ask for just this
 * (",server,nowait") behind an address, but for a device.
 * A client on another host reads the target's program through the connection (GdbFileOps). It is
 * one whose address is neither a loopback's nor the one at which it is served; ",remote" behind an
 * address says so of all that connect there: through a tunnel, for example.
 * @error: names @where, what was expected, or why the system refused. Called once per server.
 */
bool gdb_server_listen(GdbServer *server, const char *where, GError **error);

/*
 * gdb_server_get_address: where a client finds the server, in the form that gdb's
 * `target remote` takes: "127.0.0.1:34567", "/run/vm.sock", "/dev/ttyS1", "stdio". Owned by the
 * server; NULL before gdb_server_listen().
 */
const char *gdb_server_get_address(const GdbServer *server);

/* Is a client connected? */
bool gdb_server_has_client(const GdbServer *server);

/*
 * gdb_server_serve: use a connected stream (a socketpair's end, in tests) as the client.
 * A reference is taken. FALSE when there is a client already.
 */
bool gdb_server_serve(GdbServer *server, GIOStream *stream);

/*
 * gdb_server_post_stop: [any thread] the world has stopped for this reason. Queues the stop and
 * wakes the server's context. See the rule of run control in target.h.
 * gdb_server_queue_stop: the same for a target that holds a lock which the server will want: if it
 * returns TRUE, g_main_context_wakeup() of that context is to follow when the lock is given up.
 */
void gdb_server_post_stop(GdbServer *server, const GdbStop *stop);
bool gdb_server_queue_stop(GdbServer *server, const GdbStop *stop);

/*
 * gdb_server_post_output: [any thread] a line (or more text) for the client's console while the
 * target runs: what a dprintf prints. It comes before a stop that is posted later. What is more
 * than GDB_SERVER_OUTPUT_MAX bytes in GDB_SERVER_OUTPUT_MS milliseconds, or more than the client
 * takes, is dropped, and a line says how many posts were. Without a client it goes nowhere.
 */
#define GDB_SERVER_OUTPUT_MAX (64 * 1024)
#define GDB_SERVER_OUTPUT_MS 20
void gdb_server_post_output(GdbServer *server, const char *text, size_t len);

G_END_DECLS

#endif

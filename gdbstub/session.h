/*
 * gdbstub/session.h - one client's conversation: bytes in, bytes out, a target behind it.
 *
 * It owns the state of the conversation (ack mode, what the client offered, chosen threads, last
 * stop) and decides which packet is legal when. It knows no socket: gdbstub/conn.c moves the
 * bytes. All functions are for the thread of the server's context.
 */
#ifndef VMGDB_GDBSTUB_SESSION_H
#define VMGDB_GDBSTUB_SESSION_H

#include <glib.h>
#include <stdbool.h>

#include "gdbstub/log.h"
#include "gdbstub/target.h"

/* Bit values: a command's row says in which of them it is legal (gdbstub/command.h). */
typedef enum GdbSessionState {
	GDB_SESSION_NONE = 1,	   /* not attached: before, and after D or k */
	GDB_SESSION_ATTACHING = 2, /* attach() was called, its stop is not here yet */
	GDB_SESSION_STOPPED = 4,
	GDB_SESSION_RUNNING = 8, /* a stop reply is owed */
	/*
	 * Stopped, and killed by a client of the extended mode, which may restart it: a reset. If
	 * not, the machine ends with the attachment.
	 */
	GDB_SESSION_KILLED = 16,
	/* Non-stop mode (GdbNonStopOps): */
	GDB_SESSION_MIXED = 32,	  /* a CPU runs; STOPPED: none does */
	GDB_SESSION_HOLDING = 64, /* a CPU runs, and hold() was called: soon STOPPED */
} GdbSessionState;

typedef enum GdbSessionEvent {
	GDB_SESSION_ATTACH,
	GDB_SESSION_STOP,
	GDB_SESSION_RESUME,
	GDB_SESSION_KILL,
	GDB_SESSION_REVIVE, /* restarted, or attached to once more */
	GDB_SESSION_DETACH, /* D, k, end of the connection */
	GDB_SESSION_SPREAD, /* a CPU runs in non-stop mode */
	GDB_SESSION_HOLD,
} GdbSessionEvent;

/*
 * gdb_session_next: [pure] the state after @event. An event that has no meaning in @state leaves
 * it: a stop while STOPPED, KILLED or NONE, a resume or kill unless STOPPED, a revival unless
 * KILLED, an attach unless NONE, a spread unless STOPPED, a hold unless MIXED.
 */
GdbSessionState gdb_session_next(GdbSessionState state, GdbSessionEvent event);

typedef struct GdbSession GdbSession;

/*
 * gdb_session_new: a fresh conversation in ack mode, in which the client has offered nothing yet.
 * @lazy: the line has no connect event (serial, stdio): attach when the first packet or 0x03
 *   comes, and start afresh after D. A client that went without D is detached when the next one
 *   says hello: a + in no-ack mode, qSupported with offers once more, or ? while a stop is owed.
 *   Otherwise the caller says gdb_session_attach().
 * @ops, @target, @version: borrowed for the session's life.
 */
GdbSession *gdb_session_new(const GdbTargetOps *ops, void *target, const char *version, bool lazy);

/* gdb_session_free: end the session: when it is attached, detach() is called. NULL is accepted. */
void gdb_session_free(GdbSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GdbSession, gdb_session_free)

/* gdb_session_set_log: write every packet to @log from now on; borrowed, NULL: to none. */
void gdb_session_set_log(GdbSession *session, GdbLog *log);

/*
 * gdb_session_set_elsewhere: the client is on another host: it cannot open a file of this one. Said
 * before it is attached.
 */
void gdb_session_set_elsewhere(GdbSession *session, bool elsewhere);

/* gdb_session_attach: the client is here; calls attach() of the target. Sends nothing. */
void gdb_session_attach(GdbSession *session);

/*
 * gdb_session_on_detach: @detached is called right after each detach() or kill() of the target,
 * when no stop can be posted any more.
 */
void gdb_session_on_detach(GdbSession *session, void (*detached)(void *data), void *data);

GdbSessionState gdb_session_get_state(const GdbSession *session);

/*
 * gdb_session_feed: take bytes from the client. Returns how many were taken; the rest must be
 * offered again after the next gdb_session_stop(), gdb_session_work() or after output has gone.
 * Fewer than @len are taken while a packet waits for the stop that attach() asked for, for the
 * moment that hold() did, or for the end of a search, and while more than GDB_SESSION_OUTPUT_MAX
 * bytes of output wait. A 0x03 takes effect in these cases too.
 */
#define GDB_SESSION_OUTPUT_MAX (1024 * 1024)
size_t gdb_session_feed(GdbSession *session, const uint8_t *data, size_t len);

/*
 * gdb_session_hang_up: the client has gone, and these bytes of it were not taken yet. It is
 * detached; but a client does not wait for the end of what it ends, so a k among them still counts.
 */
void gdb_session_hang_up(GdbSession *session, const uint8_t *data, size_t len);

/* gdb_session_stop: the target has posted @stop. */
void gdb_session_stop(GdbSession *session, const GdbStop *stop);

/*
 * gdb_session_print: console text for the user while the target runs (O packets). Dropped when no
 * stop reply is owed: the protocol has no room for it then.
 */
void gdb_session_print(GdbSession *session, const char *text, size_t len);

/*
 * gdb_session_output: bytes for the client, oldest first; the caller removes what it has written.
 * Owned by the session.
 */
GByteArray *gdb_session_output(GdbSession *session);

/*
 * A request that may take long (qSearch:memory, qCRC) is done in slices, so that the caller's
 * loop stays alive: while has_work, call work. work does about 100 microseconds of it.
 */
bool gdb_session_has_work(const GdbSession *session);
void gdb_session_work(GdbSession *session);

/* gdb_session_exited: the machine is gone: when a stop reply is owed, W@status is sent. */
void gdb_session_exited(GdbSession *session, uint8_t status);

#endif

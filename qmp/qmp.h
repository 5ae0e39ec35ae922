/*
 * qmp/qmp.h - a server of QEMU's machine protocol (QMP), and of a monitor for people, for one
 * machine.
 *
 * The protocol is QEMU's (docs/interop/qmp-spec): a greeting, capabilities, commands with an id,
 * errors with a class, events. What the commands do is the caller's: a table. The people's monitor
 * is the command human-monitor-command of that table, a line for each call.
 *
 * The server lives on one GMainContext. Every function is for the thread that runs it, except
 * qmp_server_wake(), which any thread may call. It serves many clients at once, never blocks for
 * one, and each client's commands run one after the other.
 */
#ifndef VMGDB_QMP_QMP_H
#define VMGDB_QMP_QMP_H

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct QmpServer QmpServer;
typedef struct QmpCall QmpCall;

/* An error of another domain is GenericError to the client, too. */
#define QMP_ERROR (qmp_error_quark())
GQuark qmp_error_quark(void);
typedef enum QmpError { QMP_ERROR_GENERIC, QMP_ERROR_COMMAND_NOT_FOUND } QmpError;

/*
 * What a command's run() says.
 * DONE: qmp_call_return() or qmp_call_fail() was called, or it returns {}.
 * AGAIN: it has more to do: call it again when the loop has looked at everybody else.
 * LATER: call it again after the next qmp_server_wake().
 */
typedef enum QmpStep { QMP_DONE, QMP_AGAIN, QMP_LATER } QmpStep;

/*
 * One command. @args: its arguments, "name:type" with a blank between them; types: s string, i
 * integer, b true or false, l list; a ? behind the type: it need not be there. No others are
 * accepted.
 */
typedef struct QmpCommand {
	const char *name;
	const char *args; /* NULL: none */
	QmpStep (*run)(void *target, QmpCall *call);
} QmpCommand;

/*
 * qmp_server_new: a server that does not listen yet. @context: NULL for the default one.
 * @commands: ends with a NULL name. qmp_capabilities, query-version, query-commands, getfd and
 * closefd are there without it. @version: "0.1". @prompt: of the people's monitor.
 * @woken: the machine has changed (qmp_server_wake()): time for events. Called before commands
 * that wait go on. All are borrowed, and outlive the server.
 */
QmpServer *qmp_server_new(GMainContext *context, const QmpCommand *commands, void *target,
			  const char *version, const char *prompt, void (*woken)(void *target));
/* qmp_server_free: closes all, after what was sent could be written at once. NULL is accepted. */
void qmp_server_free(QmpServer *server);

/*
 * qmp_server_listen: take clients at @where: [HOST:]PORT, unix:PATH (mode 0600), as
 * gdb_server_listen(); for the people's monitor also stdio and /dev/TTY. May be called again for
 * another place. FALSE with @error, which names @where.
 */
typedef enum QmpDialect { QMP_JSON, QMP_PEOPLE } QmpDialect;
bool qmp_server_listen(QmpServer *server, const char *where, QmpDialect dialect, GError **error);
/* qmp_server_address: where the @n-th of these places is; NULL behind the last. */
const char *qmp_server_address(const QmpServer *server, unsigned n);

/* qmp_server_event: to all clients that have agreed on capabilities. @data: taken; NULL: none. */
void qmp_server_event(QmpServer *server, const char *name, JsonNode *data);

/* qmp_server_wake: [any thread] something has changed that a command may wait for. */
void qmp_server_wake(QmpServer *server);

/* ---- For run() ---- */

/*
 * The arguments; those that are not there: NULL, FALSE, false. A string lives as long as the call.
 */
const char *qmp_call_string(const QmpCall *call, const char *name);
bool qmp_call_integer(const QmpCall *call, const char *name, uint64_t *ret);
bool qmp_call_boolean(const QmpCall *call, const char *name);

/* qmp_call_take_fd: the descriptor that getfd has named so; the caller's from now on. -1 with
 * @error. */
int qmp_call_take_fd(QmpCall *call, const char *name, GError **error);

/*
 * What run() keeps for itself until the call ends, also because its client has gone; and what it
 * keeps for the client. NULL at first; freed by @free.
 */
void *qmp_call_state(const QmpCall *call);
void qmp_call_set_state(QmpCall *call, void *state, GDestroyNotify free);
void *qmp_call_client_state(const QmpCall *call);
void qmp_call_set_client_state(QmpCall *call, void *state, GDestroyNotify free);

/*
 * qmp_call_print: text for a person, which goes out at once; QMP's client gets all of it as the
 * value that is returned.
 * qmp_call_return: @value is taken. qmp_call_fail: @error is taken. Both say QMP_DONE.
 */
void qmp_call_print(QmpCall *call, const char *text);
QmpStep qmp_call_return(QmpCall *call, JsonNode *value);
QmpStep qmp_call_fail(QmpCall *call, GError *error);

G_END_DECLS

#endif

/*
 * qmp/internal.h - what the files of qmp/ share.
 */
#ifndef VMGDB_QMP_INTERNAL_H
#define VMGDB_QMP_INTERNAL_H

#include "qmp/qmp.h"

typedef struct QmpConn QmpConn;

/* ---- call.c: one message, from its JSON to its answer. Pure, but for descriptors ---- */

struct QmpCall {
	QmpConn *conn; /* or NULL in tests */
	const QmpCommand *command;
	JsonObject *args; /* or NULL */
	JsonNode *id;	  /* or NULL */
	void *state;
	GDestroyNotify free_state;
	GString *text;	 /* what was printed and is not sent yet */
	bool printed;	 /* something was */
	JsonNode *value; /* the answer so far; NULL: {} */
	GError *error;
};

/*
 * qmp_call_new: what @text asks for. Without a command (call->command) it is an error already
 * (call->error). @agreed: qmp_capabilities was done.
 */
QmpCall *qmp_call_new(const QmpCommand *commands, const char *text, bool agreed);
/* The same for a line that somebody typed. */
QmpCall *qmp_call_new_line(const QmpCommand *commands, const char *line);
void qmp_call_free(QmpCall *call);

/* qmp_call_answer: {"return": ...} or {"error": ...}, with the id. Caller unrefs. */
JsonNode *qmp_call_answer(QmpCall *call);

/* ---- own.c: the commands that are the protocol's; they need the connection only ---- */

extern const QmpCommand qmp_own_commands[];
/* {"qemu": {...}, "package": ...} */
JsonNode *qmp_version(const char *version);

/* ---- names.c: descriptors that a client has sent ---- */

typedef struct QmpNames QmpNames;
QmpNames *qmp_names_new(void);
void qmp_names_free(QmpNames *names);
/* Has come and has no name yet; taken. The one before is closed, if it got none. */
void qmp_names_came(QmpNames *names, int fd);
/* The last that came is called @name; what had this name is closed. FALSE with @error. */
bool qmp_names_give(QmpNames *names, const char *name, GError **error);
/* Gives it away. -1 with @error: there is none. */
int qmp_names_take(QmpNames *names, const char *name, GError **error);

/* ---- conn.c: one client ---- */

/* Has gone; frees the connection. */
typedef void (*QmpConnEnded)(QmpConn *conn, QmpServer *server);
/* NULL: @stream cannot be waited for. A reference to it is taken. */
QmpConn *qmp_conn_new(QmpServer *server, GIOStream *stream, QmpDialect dialect, QmpConnEnded ended);
void qmp_conn_free(QmpConn *conn);
/* A command that waits is called again. */
void qmp_conn_woken(QmpConn *conn);
void qmp_conn_event(QmpConn *conn, const char *line);
QmpServer *qmp_conn_server(const QmpConn *conn);
QmpNames *qmp_conn_names(const QmpConn *conn);
void qmp_conn_agree(QmpConn *conn);
void *qmp_conn_state(const QmpConn *conn);
void qmp_conn_set_state(QmpConn *conn, void *state, GDestroyNotify free);

/* ---- server.c ---- */

GMainContext *qmp_server_context(const QmpServer *server);
const QmpCommand *qmp_server_commands(const QmpServer *server);
void *qmp_server_target(const QmpServer *server);
const char *qmp_server_version(const QmpServer *server);
const char *qmp_server_prompt(const QmpServer *server);

#endif

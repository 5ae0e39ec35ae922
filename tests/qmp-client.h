/*
 * tests/qmp-client.h - a client of the QMP server or of the people's monitor, on the default main
 * context, which is also the server's.
 */
#ifndef VMGDB_TESTS_QMP_CLIENT_H
#define VMGDB_TESTS_QMP_CLIENT_H

#include <glib.h>
#include <stdbool.h>

typedef struct QmpClient QmpClient;

/* qmp_client_new: takes @fd, a connected socket. _hello: reads the greeting and agrees. */
QmpClient *qmp_client_new(int fd);
void qmp_client_free(QmpClient *client);
void qmp_client_hello(QmpClient *client);

void qmp_client_send(QmpClient *client, const char *text);
void qmp_client_send_bytes(QmpClient *client, const void *data, size_t len);
/* With a descriptor. */
void qmp_client_send_fd(QmpClient *client, const char *text, int fd);

/* The next line, without its end; it must come. Caller frees. */
char *qmp_client_line(QmpClient *client);
/* The next @len bytes. */
char *qmp_client_bytes(QmpClient *client, size_t len);
/* All up to @end, which is taken, too. */
char *qmp_client_until(QmpClient *client, const char *end);
/* The server has closed it; nothing is left to be read. */
bool qmp_client_at_end(QmpClient *client);

/*
 * Sends @text, and the next line must be @answer; of a regular expression: match it. Events may
 * come before it: they are kept for qmp_client_event().
 */
void qmp_client_expect(QmpClient *client, const char *text, const char *answer);
void qmp_client_match(QmpClient *client, const char *text, const char *pattern);
/* The same for human-monitor-command, whose text is decoded. */
char *qmp_client_human(QmpClient *client, const char *line);
/* The next event is @name, with @data as it is written, or NULL: none. */
void qmp_client_event(QmpClient *client, const char *name, const char *data);
/* No event was kept, and none comes within a moment. */
void qmp_client_no_event(QmpClient *client);

#endif

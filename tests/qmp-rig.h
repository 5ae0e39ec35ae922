/*
 * tests/qmp-rig.h - a machine of the toy architecture that listens for QMP's clients and for
 * people: what the tests of its commands share.
 */
#ifndef VMGDB_TESTS_QMP_RIG_H
#define VMGDB_TESTS_QMP_RIG_H

#include "tests/engine-rig.h"
#include "tests/qmp-client.h"

typedef struct Qmp {
	Rig *rig;
	char *dir;
	QmpClient *client;
} Qmp;

/* A machine of @n CPUs that runs, or waits, with both servers, and a client of the first. */
Qmp qmp_new(unsigned n, bool wait);
void qmp_free(Qmp *qmp);
/* One more client: of QMP (0) or a person (1). */
QmpClient *qmp_join(Qmp *qmp, unsigned n);

/* What a line of the people's monitor gives. */
void expect_human(Qmp *qmp, const char *line, const char *expected);

/* dump-guest-memory to @file, with @more arguments behind it. Caller frees. */
char *dump_text(const char *file, const char *more);
/* How many notes with registers the core has, and how much memory. */
void look_at_core(const char *file, unsigned *ret_notes, uint64_t *ret_memory);

#define EXECUTE(name) "{\"execute\":\"" name "\"}"
#define OK "{\"return\":{}}"
#define GENERIC(desc) "{\"error\":{\"class\":\"GenericError\",\"desc\":\"" desc "\"}}"
#define STATUS(status, running)                                                                    \
	"{\"return\":{\"status\":\"" status "\",\"running\":" running ",\"singlestep\":false}}"
#define RUNS STATUS("running", "true")

#endif

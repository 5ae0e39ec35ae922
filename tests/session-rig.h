/*
 * tests/session-rig.h - a session without a socket: bytes in, bytes out. Its target only writes
 * down what it is asked; stops come when a test says so.
 */
#ifndef VMGDB_TESTS_SESSION_RIG_H
#define VMGDB_TESTS_SESSION_RIG_H

#include "gdbstub/session.h"

#define SESSION_CPUS 2
/* Tasks that have saved one register. */
#define SESSION_TASKS                                                                              \
	{                                                                                          \
		5, 70000, GDB_TASK_MAX                                                             \
	}
#define SESSION_MEMORY 0x100000
/* Zeros without an end begin here; reading a piece of them takes SESSION_SLOW_US microseconds. */
#define SESSION_ENDLESS 0x100000000
#define SESSION_SLOW_US 1000

typedef struct SessionRig {
	GString *log; /* what the target was asked, in short words */
	GdbRegSet *set;
	GdbArchitecture architecture; /* of @set; only with a name and a pointer's size */
	GdbTargetOps ops;
	GdbRunOps run; /* in @ops */
	bool refuse_resume, refuse_reset;
	bool runs[SESSION_CPUS], other_runs; /* in non-stop mode; one that was just added */
	unsigned plugs;			     /* how often CPU 1 was plugged in again */
	unsigned n_tasks;		     /* of SESSION_TASKS: how many sleep */
	GArray *breaks;			     /* GdbBreak */
	uint8_t memory[SESSION_MEMORY];
	GdbSession *session;
} SessionRig;

/* @lazy: as for gdb_session_new(). The target can do nothing but what it must. */
SessionRig *session_rig_new(bool lazy);
/*
 * With a kill(), a reset(), non-stop mode, breakpoints, a monitor, physical memory (at half the
 * address), tasks and a program of its own, an empty file.
 */
SessionRig *session_rig_new_full(bool lazy);
/* Attached and stopped, not lazy. */
SessionRig *session_rig_new_stopped(void);
void session_rig_free(SessionRig *rig);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SessionRig, session_rig_free)

/* session_rig_log: what the target was asked since the last time is just @expected. */
void session_rig_log(SessionRig *rig, const char *expected);

/* The session is given these bytes; returns how many it took. */
size_t session_rig_feed(SessionRig *rig, const char *bytes);
/* It takes this packet whole. */
void session_rig_packet(SessionRig *rig, const char *payload);
/* What the session sent since the last time, without the sums: "+$OK". */
char *session_rig_take(SessionRig *rig);
void session_rig_output(SessionRig *rig, const char *expected);
/* Takes the packet in ack mode and answers @expected, "" for not yet. */
void session_rig_ask(SessionRig *rig, const char *packet, const char *expected);
/* The target posts a stop, with the address 0x1234. */
void session_rig_post(SessionRig *rig, GdbStopKind kind, unsigned cpu);

#endif

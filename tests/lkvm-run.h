/*
 * tests/lkvm-run.h - Run, a built lkvm as a user runs it, with a bare-metal guest of tests/guest.
 */
#ifndef VMGDB_TESTS_LKVM_RUN_H
#define VMGDB_TESTS_LKVM_RUN_H

#include <glib.h>

#include "tests/rsp-client.h"

/* One lkvm, its pipes, and what it said. */
typedef struct Run {
	int pid;
	int in, out, err; /* our ends; -1 when closed */
	GString *said;	  /* stdout */
	GString *told;	  /* stderr */
	int status;	  /* wait status; -1 while it runs */
} Run;

/* Skips the test, and says why: lkvm is not built, or there is no KVM. */
bool run_impossible(void);
/*
 * The lkvm that the environment names, or that of this folder; the file of a guest (to be freed).
 */
const char *lkvm_path(void);
char *guest_path(const char *name);

/*
 * run_new: @words are those behind `lkvm run -k GUEST`. @in_fd: lkvm's stdin, or -1 for a pipe.
 * run_free: ends it, too.
 */
Run *run_new(const char *guest, const char *words, int in_fd);
void run_free(Run *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Run, run_free)

/* How long something that must happen may take; TEST_SLOW: this KVM is in an emulator. */
int run_patience_ms(void);
/* Reads what poll() has found at @fd, one of its pipes; -1 is stored at the end. */
void run_drain(int *fd, short revents, GString *into);
/* Reads until @text is on stdout or stderr, or (NULL) both are at their end. */
bool run_read_until(Run *run, const char *text);
/* Its exit status; fails the test when it does not end or was killed. */
int run_end(Run *run);

/* A client of its gdb stub, which has stopped the machine. */
RspClient *run_attach(Run *run);
/* The little-endian number that answers @packet: a register, or 8 bytes of memory. */
uint64_t run_number(RspClient *client, const char *packet);

#endif

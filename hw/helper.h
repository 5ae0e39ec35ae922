/*
 * hw/helper.h - a program beside lkvm that serves one of its devices over a socket, which is the
 * program's standard input: diod, passt.
 *
 * It ends with lkvm in every case: helper_free() kills it, the kernel does when the thread that
 * started it ends by itself, and the socket, of which nobody else has a copy, is closed then, too.
 */
#ifndef VMGDB_HW_HELPER_H
#define VMGDB_HW_HELPER_H

#include <glib.h>
#include <sys/types.h>

typedef struct HelperProgram {
	const char *name;    /* looked for in PATH, and where the system's programs are */
	const char *package; /* Debian's, that has it */
	const char *noise;   /* lines of its output that begin so say nothing; or NULL */
} HelperProgram;

typedef struct Helper Helper;

/* helper_find: its path, which the caller frees. NULL with @error, which says what to install. */
char *helper_find(const HelperProgram *program, GError **error);

/*
 * helper_start: run it with @args, a strv without its name. *@ret_fd is lkvm's end of the socket, a
 * stream; it is the caller's, blocks, and is closed on exec. What the program writes to its
 * standard output and error is kept for helper_last_words(). The thread that calls this must live
 * as long as the helper is to. NULL with @error: it is not there, or cannot be executed.
 */
Helper *helper_start(const HelperProgram *program, const char *const *args, int *ret_fd,
		     GError **error);
/* helper_free: ends it and waits for that. Any thread. */
void helper_free(Helper *helper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Helper, helper_free)

pid_t helper_pid(const Helper *helper);

/*
 * helper_last_words: of one that has closed its socket: "passt has ended with status 1: Invalid
 * port specifier foo". Waits a second at most for its end. Caller frees.
 */
char *helper_last_words(Helper *helper);

#endif

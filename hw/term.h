/*
 * hw/term.h - the user's terminal: lkvm's stdin and stdout as the guest's console.
 *
 * A terminal on stdin is made raw and gets its old settings back on every way out, also when
 * lkvm is killed: a small child process waits for our end and restores it. Output goes through a
 * queue and a thread of its own, so neither a vCPU nor the main loop ever waits for the user.
 *
 * Ctrl-a x ends lkvm, Ctrl-a b sends a BREAK, Ctrl-a a sends Ctrl-a.
 */
#ifndef VMGDB_HW_TERM_H
#define VMGDB_HW_TERM_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Term Term;

typedef struct TermOps {
	/* Bytes were typed; returns how many were taken. [main thread] */
	size_t (*input)(void *opaque, const uint8_t *data, size_t len);
	/* Ctrl-a x. [main thread] */
	void (*quit)(void *opaque);
	/* Ctrl-a b, behind what was typed before. [main thread] */
	void (*send_break)(void *opaque);
	/* term_output_room() was below 4096 and has grown. [output thread] */
	void (*drained)(void *opaque);
} TermOps;

/*
 * term_new: take over @in_fd (-1: no input) and print on @out_fd. To be called before any thread
 * exists, because it may fork. The descriptors stay the caller's.
 * Nothing is read and nobody is called before term_start().
 */
Term *term_new(int in_fd, int out_fd);
/* term_start: begin to read, on the default GMainContext. @ops and @opaque outlive the Term. */
void term_start(Term *term, const TermOps *ops, void *opaque);

/*
 * term_free: stop reading, give the output two seconds to drain, restore the terminal.
 * To be called when no other thread can call term_output() any more. NULL is accepted.
 */
void term_free(Term *term);

/*
 * term_output: queue bytes for the user. [any thread] Never waits. The queue holds 1 MiB; what a
 * guest sends beyond that without looking at term_output_room() is lost, and said so at the end.
 */
void term_output(Term *term, const uint8_t *data, size_t len);
/* term_output_room: bytes until the queue is as long as a sender should let it become. */
size_t term_output_room(Term *term);
/* term_input_wanted: input() may be offered what it did not take before. [any thread] */
void term_input_wanted(Term *term);

/* The Ctrl-a filter, pure. */
typedef struct TermEscape {
	bool seen; /* the last byte was Ctrl-a */
} TermEscape;

typedef enum TermKey { TERM_KEY_NONE, TERM_KEY_QUIT, TERM_KEY_BREAK } TermKey;

/*
 * term_filter: @data without the escapes into @out, which has room for @len + 1, because a Ctrl-a
 * that ended the last chunk may come out with this one. Returns how many. It ends behind the first
 * Ctrl-a x or Ctrl-a b, which is @ret_key; @ret_used: bytes of @data that it has taken. Ctrl-a a
 * and Ctrl-a Ctrl-a give one Ctrl-a; Ctrl-a and any other byte are both passed on.
 */
size_t term_filter(TermEscape *escape, const uint8_t *data, size_t len, uint8_t *out,
		   size_t *ret_used, TermKey *ret_key);

#endif

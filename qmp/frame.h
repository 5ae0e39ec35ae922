/*
 * qmp/frame.h - where a message ends in what a client sends. Pure: no I/O, no JSON parser.
 *
 * QMP has no length and no separator: messages are JSON objects one after the other, with any
 * white space between and in them (QEMU, docs/interop/qmp-spec). A line monitor has lines.
 */
#ifndef VMGDB_QMP_FRAME_H
#define VMGDB_QMP_FRAME_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* What is longer, or nested more deeply, is bad. In bytes, and in levels of objects and arrays. */
#define QMP_TEXT_MAX (64 * 1024)
#define QMP_DEPTH_MAX 32

typedef enum QmpFrameKind { QMP_FRAME_JSON, QMP_FRAME_LINES } QmpFrameKind;

typedef enum QmpFrameEvent {
	QMP_FRAME_NONE, /* all bytes taken, nothing complete yet */
	QMP_FRAME_TEXT, /* a text is there */
	QMP_FRAME_BAD,	/* what cannot be one has ended with its line */
} QmpFrameEvent;

typedef struct QmpFrame {
	QmpFrameKind kind;
	GString *text; /* so far; no longer than QMP_TEXT_MAX */
	unsigned depth;
	bool in_string, escaped;
	bool bad, complete; /* private to frame.c, as all but @text */
} QmpFrame;

/* qmp_frame_init, _clear: a frame in the caller's memory, in front of a message. */
void qmp_frame_init(QmpFrame *frame, QmpFrameKind kind);
void qmp_frame_clear(QmpFrame *frame);

/*
 * qmp_frame_feed: takes bytes up to and including the one that completes an event. Returns how many
 * of the @len bytes were taken, at least 1; call again with the rest. *ret_event is always set.
 *
 * QMP_FRAME_TEXT of JSON: from a { or [ to the bracket that closes it, which need not be of the
 * same kind: whether it is JSON is for a parser to say. frame->text has it until the next call.
 * Of lines: without its end, \n or \r\n; it may be empty. A NUL is a blank.
 * QMP_FRAME_BAD: a message that begins with something else, is too long or too deep, or has a line
 * end or a 0xff in a string; all up to the next line end belongs to it.
 */
size_t qmp_frame_feed(QmpFrame *frame, const char *data, size_t len, QmpFrameEvent *ret_event);

#endif

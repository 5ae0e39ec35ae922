/*
 * gdbstub/frame.h - packets to bytes and bytes to packets. Pure: no I/O, no session, no target.
 *
 * The wire (gdb manual, "Overview" of the remote protocol):
 *   $payload#cs   a packet; cs = sum of the bytes between $ and #, modulo 256, two hex digits
 *   + and -       the other side has, or has not, understood the last packet
 *   0x03          the client wants the target to stop; only between packets
 * Within a payload } says that the next byte is XORed with 0x20, and c*n says that c comes n - 29
 * more times. What any other byte between packets may mean is nothing: it is skipped.
 */
#ifndef VMGDB_GDBSTUB_FRAME_H
#define VMGDB_GDBSTUB_FRAME_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The longest payload in bytes, both ways; in requests it is counted after decoding, in replies
 * before. It is what qSupported tells the client as PacketSize.
 */
#define GDB_PACKET_MAX 0x40000

/* What the decoder found. */
typedef enum GdbFrameEvent {
	GDB_FRAME_NONE,	    /* all bytes taken, nothing complete yet */
	GDB_FRAME_PACKET,   /* a payload is there */
	GDB_FRAME_ACK,	    /* + */
	GDB_FRAME_NACK,	    /* - */
	GDB_FRAME_BREAK,    /* 0x03 between packets */
	GDB_FRAME_BAD,	    /* a packet with a wrong sum or a malformed escape or run */
	GDB_FRAME_TOO_LONG, /* a packet with a right sum, longer than GDB_PACKET_MAX: dropped */
} GdbFrameEvent;

typedef struct GdbFrame {
	GByteArray *payload; /* what is decoded so far; never longer than GDB_PACKET_MAX + 1 */
	unsigned state;	     /* private to frame.c, as all that follows */
	uint8_t sum, want;
	bool bad, too_long, ignore_sum;
} GdbFrame;

/* gdb_frame_init / gdb_frame_clear: a decoder in the caller's memory, between packets. */
void gdb_frame_init(GdbFrame *frame);
void gdb_frame_clear(GdbFrame *frame);

/*
 * gdb_frame_ignore_sum: from now on a wrong sum is no reason for GDB_FRAME_BAD. For no-ack mode,
 * where a packet can not be asked for again (gdb manual, "Packet Acknowledgment").
 */
void gdb_frame_ignore_sum(GdbFrame *frame, bool ignore);

/*
 * gdb_frame_feed: decode bytes up to and including the one that completes an event.
 * Returns how many of the @len bytes were taken, at least 1 when @len > 0; call again with the
 * rest. @ret_event is always set.
 *
 * - A 0x03 inside a packet is data: clients do not escape it.
 * - A $ inside a packet starts a new packet, and the unfinished one is forgotten without a word.
 * - A packet beyond GDB_PACKET_MAX is read to its end without being stored.
 * - Sequence ids ($01:payload) are not taken off: the manual forbids them for a stub that knows
 *   any packet younger than gdb 5.0. They are part of the payload.
 */
size_t gdb_frame_feed(GdbFrame *frame, const uint8_t *data, size_t len, GdbFrameEvent *ret_event);

/*
 * gdb_frame_count_breaks: how many GDB_FRAME_BREAK there are in the @len bytes at @data, which
 * come next. Nothing is fed.
 */
unsigned gdb_frame_count_breaks(const GdbFrame *frame, const uint8_t *data, size_t len);

/*
 * gdb_frame_payload: the payload of the last GDB_FRAME_PACKET, decoded, with a NUL after it that is
 * not counted. It may contain any byte. Valid until the next gdb_frame_feed().
 */
const char *gdb_frame_payload(const GdbFrame *frame, size_t *ret_len);

/*
 * gdb_frame_encode: append $payload#cs to @out. The bytes # $ } * are escaped.
 * @runs: also shorten runs of four and more equal bytes. Every client must understand them; they
 * are meant for long hex text (registers, memory), where most bytes are 0.
 */
void gdb_frame_encode(GByteArray *out, const void *payload, size_t len, bool runs);

/* gdb_frame_encode_notification: append %payload#cs, likewise; nobody acknowledges it. */
void gdb_frame_encode_notification(GByteArray *out, const void *payload, size_t len);

/*
 * gdb_frame_fit: how many of the @len bytes at @data can be sent, once escaped, in at most @room
 * bytes of payload.
 */
size_t gdb_frame_fit(const void *data, size_t len, size_t room);
/* gdb_frame_size: how many bytes of payload the @len bytes at @data take, once escaped. */
size_t gdb_frame_size(const void *data, size_t len);

#endif

/*
 * gdbstub/text.h - reading and writing the text inside packets. Pure.
 *
 * Packets may hold any byte, so nothing here relies on a NUL: a GdbText is a cursor with an end.
 */
#ifndef VMGDB_GDBSTUB_TEXT_H
#define VMGDB_GDBSTUB_TEXT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes from @at up to, not including, @end. Copy it to look ahead. */
typedef struct GdbText {
	const char *at, *end;
} GdbText;

/*
 * A thread as the packets write it: "p1.2", "p1" (all of process 1), "2", "-1", "0".
 * Threads count from 1. A thread without p is of process GDB_THREAD_ANY.
 */
#define GDB_THREAD_ALL (-1)
#define GDB_THREAD_ANY 0
typedef struct GdbThread {
	int64_t process, thread;
} GdbThread;

static inline GdbText gdb_text(const void *data, size_t len)
{
	return (GdbText){data, (const char *)data + len};
}

static inline size_t gdb_text_left(const GdbText *text)
{
	return text->end - text->at;
}

/* gdb_text_char: take @c; FALSE, and nothing taken, when it is not next. */
bool gdb_text_char(GdbText *text, char c);
/* gdb_text_word: take @word; FALSE, and nothing taken, when it is not next. */
bool gdb_text_word(GdbText *text, const char *word);
/* gdb_text_equal: is all that is left exactly @word? */
bool gdb_text_equal(const GdbText *text, const char *word);

/*
 * gdb_text_until: take what comes before @delimiter, or everything when there is none. The
 * delimiter itself is left. It may be empty.
 */
GdbText gdb_text_until(GdbText *text, char delimiter);

/*
 * gdb_text_number: take a hex number, either case, any number of leading zeros. FALSE, and
 * nothing taken, when there is no digit or it does not fit into 64 bits.
 */
bool gdb_text_number(GdbText *text, uint64_t *ret_value);

/* gdb_text_thread: take a thread id of any width. FALSE, and nothing taken, when there is none. */
bool gdb_text_thread(GdbText *text, GdbThread *ret_thread);

/* gdb_hex_digit: 0 to 15, or -1. gdb_hex_char: its inverse, lower case; @digit < 16. */
int gdb_hex_digit(uint8_t c);
char gdb_hex_char(unsigned digit);

/*
 * gdb_hex_decode: the bytes that the @len hex digits at @hex stand for go to @ret_bytes, which has
 * room for len / 2. FALSE when @len is odd or a character is not a hex digit; @ret_bytes may then
 * be partly written.
 */
bool gdb_hex_decode(const char *hex, size_t len, uint8_t *ret_bytes);

/* gdb_hex_append: two lower-case digits per byte. */
void gdb_hex_append(GString *out, const void *data, size_t len);

/* gdb_number_append: @value in hex without leading zeros; "0" for 0. */
void gdb_number_append(GString *out, uint64_t value);
/* The same in decimal. */
void gdb_decimal_append(GString *out, uint64_t value);

/*
 * gdb_thread_append: the id of thread @thread: "p01.0a" for a client that knows processes, "0a" for
 * one that does not. The process is always 1.
 */
#define GDB_PROCESS 1
void gdb_thread_append(GString *out, unsigned thread, bool multiprocess);

/*
 * gdb_thread_to_cpu: the CPU that @thread names among @n_cpus; @any is what "0", "p1.0" and "all"
 * stand for. FALSE with @error when there is no such thread or process.
 */
bool gdb_thread_to_cpu(const GdbThread *thread, unsigned n_cpus, unsigned any, unsigned *ret_cpu,
		       GError **error);

#endif

/*
 * gdbstub/text.c - reading and writing the text inside packets.
 */
#include "gdbstub/text.h"

#include <inttypes.h>
#include <string.h>

#include "gdbstub/target.h"

bool gdb_text_char(GdbText *text, char c)
{
	if (text->at == text->end || *text->at != c)
		return false;
	text->at++;
	return true;
}

bool gdb_text_word(GdbText *text, const char *word)
{
	size_t len = strlen(word);

	if (gdb_text_left(text) < len || memcmp(text->at, word, len) != 0)
		return false;
	text->at += len;
	return true;
}

bool gdb_text_equal(const GdbText *text, const char *word)
{
	size_t len = strlen(word);

	return gdb_text_left(text) == len && !memcmp(text->at, word, len);
}

GdbText gdb_text_until(GdbText *text, char delimiter)
{
	const char *start = text->at;
	const char *hit = memchr(start, delimiter, gdb_text_left(text));

	text->at = hit ? hit : text->end;
	return gdb_text(start, text->at - start);
}

bool gdb_text_number(GdbText *text, uint64_t *ret_value)
{
	const char *at = text->at;
	uint64_t value = 0;
	int digit;

	for (; at < text->end && (digit = gdb_hex_digit(*at)) >= 0; at++) {
		if (value >> 60)
			return false;
		value = value << 4 | (unsigned)digit;
	}
	if (at == text->at)
		return false;
	text->at = at;
	*ret_value = value;
	return true;
}

/* A process or thread number: -1, or hex that fits into an int64_t. */
static bool take_id(GdbText *text, int64_t *ret_id)
{
	GdbText look = *text;
	uint64_t value;

	if (gdb_text_word(&look, "-1")) {
		*ret_id = GDB_THREAD_ALL;
	} else if (gdb_text_number(&look, &value) && value <= INT64_MAX) {
		*ret_id = value;
	} else {
		return false;
	}
	*text = look;
	return true;
}

bool gdb_text_thread(GdbText *text, GdbThread *ret_thread)
{
	GdbThread id = {GDB_THREAD_ANY, GDB_THREAD_ALL};
	GdbText look = *text;

	if (gdb_text_char(&look, 'p')) {
		if (!take_id(&look, &id.process))
			return false;
		if (gdb_text_char(&look, '.') && !take_id(&look, &id.thread))
			return false;
	} else if (!take_id(&look, &id.thread)) {
		return false;
	}
	*text = look;
	*ret_thread = id;
	return true;
}

int gdb_hex_digit(uint8_t c)
{
	/* Digit + 1, so that what is not named is 0 and comes out as -1. */
	static const uint8_t digits[256] = {
		['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
		['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
		['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
		['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
	};

	return digits[c] - 1;
}

static char digit_of(uint8_t nibble)
{
	return nibble + '0' + (nibble > 9 ? 'a' - '0' - 10 : 0);
}

char gdb_hex_char(unsigned digit)
{
	return digit_of(digit);
}

bool gdb_hex_decode(const char *hex, size_t len, uint8_t *ret_bytes)
{
	if (len % 2)
		return false;
	for (size_t n = 0; n < len; n += 2) {
		int high = gdb_hex_digit(hex[n]), low = gdb_hex_digit(hex[n + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_bytes[n / 2] = (unsigned)high << 4 | (unsigned)low;
	}
	return true;
}

/* A length that the compiler knows: it makes vectors of such loops. */
#define BLOCK 64

static void hex_of_block(char *restrict to, const uint8_t *restrict bytes)
{
	for (unsigned n = 0; n < BLOCK; n++) {
		to[2 * n] = digit_of(bytes[n] >> 4);
		to[2 * n + 1] = digit_of(bytes[n] & 15);
	}
}

void gdb_hex_append(GString *out, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	size_t start = out->len, n = 0;
	char *to;

	g_string_set_size(out, start + 2 * len);
	to = out->str + start;
	for (; n + BLOCK <= len; n += BLOCK, to += 2 * BLOCK)
		hex_of_block(to, &bytes[n]);
	for (; n < len; n++) {
		*to++ = digit_of(bytes[n] >> 4);
		*to++ = digit_of(bytes[n] & 15);
	}
}

/* By hand: a printf() for each number was half of what a long list of threads costs. */
static void append_digits(GString *out, uint64_t value, unsigned base, unsigned least)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[sizeof(digits) - ++n] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value || n < least);
	g_string_append_len(out, digits + sizeof(digits) - n, n);
}

void gdb_number_append(GString *out, uint64_t value)
{
	append_digits(out, value, 16, 1);
}

void gdb_decimal_append(GString *out, uint64_t value)
{
	append_digits(out, value, 10, 1);
}

void gdb_thread_append(GString *out, unsigned thread, bool multiprocess)
{
	if (multiprocess) {
		g_string_append_c(out, 'p');
		append_digits(out, GDB_PROCESS, 16, 2);
		g_string_append_c(out, '.');
	}
	append_digits(out, thread, 16, 2);
}

bool gdb_thread_to_cpu(const GdbThread *thread, unsigned n_cpus, unsigned any, unsigned *ret_cpu,
		       GError **error)
{
	if (thread->process > GDB_PROCESS) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT,
			    "no process %" PRIx64 ": the machine is process %d",
			    (uint64_t)thread->process, GDB_PROCESS);
		return false;
	}
	if (thread->thread > (int64_t)n_cpus) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT,
			    "thread %" PRIx64
			    " is no CPU: the machine has %u CPUs, which are threads 1 to %x; "
			    "`thread 1` selects the first",
			    (uint64_t)thread->thread, n_cpus, n_cpus);
		return false;
	}
	*ret_cpu = thread->thread > 0 ? (unsigned)thread->thread - 1 : any;
	return true;
}

/*
 * gdbstub/frame.c - packets to bytes and bytes to packets.
 */
#include "gdbstub/frame.h"

#include <string.h>

#include "gdbstub/text.h"

enum {
	IDLE,
	BODY,
	ESCAPE, /* after } */
	RUN,	/* after * */
	SUM_HIGH,
	SUM_LOW,
};

#define ESCAPE_XOR 0x20
#define RUN_BIAS 29
#define RUN_MIN 3  /* below, the count character would be a control character */
#define RUN_MAX 97 /* above, it would not be ASCII */

void gdb_frame_init(GdbFrame *frame)
{
	memset(frame, 0, sizeof(*frame));
	frame->payload = g_byte_array_new();
}

void gdb_frame_clear(GdbFrame *frame)
{
	g_clear_pointer(&frame->payload, g_byte_array_unref);
}

void gdb_frame_ignore_sum(GdbFrame *frame, bool ignore)
{
	frame->ignore_sum = ignore;
}

static void packet_begin(GdbFrame *frame)
{
	g_byte_array_set_size(frame->payload, 0);
	frame->sum = 0;
	frame->bad = false;
	frame->too_long = false;
	frame->state = BODY;
}

static void packet_add(GdbFrame *frame, const uint8_t *data, size_t len)
{
	if (frame->too_long || frame->payload->len + len > GDB_PACKET_MAX)
		frame->too_long = true;
	else
		g_byte_array_append(frame->payload, data, len);
}

static void packet_repeat(GdbFrame *frame, uint8_t count)
{
	uint8_t run[RUN_MAX];
	size_t n = count - RUN_BIAS;

	frame->state = BODY;
	if (count < RUN_MIN + RUN_BIAS || count > RUN_MAX + RUN_BIAS || !frame->payload->len) {
		frame->bad = true;
		return;
	}
	memset(run, frame->payload->data[frame->payload->len - 1], n);
	packet_add(frame, run, n);
}

/* One byte of the body. */
static void packet_byte(GdbFrame *frame, uint8_t c)
{
	if (c == '$') {
		packet_begin(frame);
		return;
	}
	if (c == '#') {
		if (frame->state != BODY)
			frame->bad = true;
		frame->state = SUM_HIGH;
		return;
	}
	frame->sum += c;
	if (frame->state == RUN) {
		packet_repeat(frame, c);
	} else if (frame->state == ESCAPE) {
		c ^= ESCAPE_XOR;
		packet_add(frame, &c, 1);
		frame->state = BODY;
	} else if (c == '}') {
		frame->state = ESCAPE;
	} else if (c == '*') {
		frame->state = RUN;
	} else {
		packet_add(frame, &c, 1);
	}
}

/* Looked at once per byte of memory that is sent. */
static const bool special[256] = {['#'] = true, ['$'] = true, ['}'] = true, ['*'] = true};

/* The usual case in one go: bytes that stand for themselves. Returns how many there were. */
static size_t packet_plain(GdbFrame *frame, const uint8_t *data, size_t len)
{
	uint8_t sum = frame->sum;
	size_t n;

	for (n = 0; n < len && !special[data[n]]; n++)
		sum += data[n];
	frame->sum = sum;
	packet_add(frame, data, n);
	return n;
}

static GdbFrameEvent packet_end(GdbFrame *frame, uint8_t c)
{
	int low = gdb_hex_digit(c);

	frame->state = IDLE;
	if (!frame->ignore_sum && (low < 0 || (uint8_t)(frame->want | low) != frame->sum))
		frame->bad = true;
	if (frame->bad)
		return GDB_FRAME_BAD;
	if (frame->too_long)
		return GDB_FRAME_TOO_LONG;
	g_byte_array_append(frame->payload, (const uint8_t *)"", 1);
	return GDB_FRAME_PACKET;
}

static GdbFrameEvent sum_byte(GdbFrame *frame, uint8_t c)
{
	int high;

	/* The tail got lost and this is the next packet's head. */
	if (c == '$') {
		packet_begin(frame);
		return GDB_FRAME_NONE;
	}
	if (frame->state == SUM_LOW)
		return packet_end(frame, c);
	high = gdb_hex_digit(c);
	if (high < 0 && !frame->ignore_sum)
		frame->bad = true;
	frame->want = (unsigned)MAX(high, 0) << 4;
	frame->state = SUM_LOW;
	return GDB_FRAME_NONE;
}

static GdbFrameEvent idle_byte(GdbFrame *frame, uint8_t c)
{
	switch (c) {
	case '$':
		packet_begin(frame);
		return GDB_FRAME_NONE;
	case '+':
		return GDB_FRAME_ACK;
	case '-':
		return GDB_FRAME_NACK;
	case 3:
		return GDB_FRAME_BREAK;
	default:
		return GDB_FRAME_NONE;
	}
}

size_t gdb_frame_feed(GdbFrame *frame, const uint8_t *data, size_t len, GdbFrameEvent *ret_event)
{
	GdbFrameEvent event = GDB_FRAME_NONE;
	size_t at = 0;

	while (at < len && event == GDB_FRAME_NONE) {
		if (frame->state == BODY)
			at += packet_plain(frame, data + at, len - at);
		if (at == len)
			break;
		if (frame->state == IDLE)
			event = idle_byte(frame, data[at++]);
		else if (frame->state >= SUM_HIGH)
			event = sum_byte(frame, data[at++]);
		else
			packet_byte(frame, data[at++]);
	}
	*ret_event = event;
	return at;
}

/* The state after @c, as far as it tells packets from what is between them. */
static unsigned skip_byte(unsigned state, uint8_t c)
{
	if (c == '$')
		return BODY;
	switch (state) {
	case IDLE:
	case SUM_LOW:
		return IDLE;
	case SUM_HIGH:
		return SUM_LOW;
	default:
		return c == '#' ? SUM_HIGH : BODY;
	}
}

unsigned gdb_frame_count_breaks(const GdbFrame *frame, const uint8_t *data, size_t len)
{
	unsigned state = frame->state, n = 0;

	/* Almost always there is none, and this is far faster. */
	if (!len || !memchr(data, 3, len))
		return 0;
	for (size_t at = 0; at < len; at++) {
		n += state == IDLE && data[at] == 3;
		state = skip_byte(state, data[at]);
	}
	return n;
}

const char *gdb_frame_payload(const GdbFrame *frame, size_t *ret_len)
{
	*ret_len = frame->payload->len - 1;
	return (const char *)frame->payload->data;
}

/* How many of the bytes at @data equal the first one; eight at a time, as most are zeros. */
static size_t run_length(const uint8_t *data, size_t len)
{
	const uint64_t all = data[0] * UINT64_C(0x0101010101010101);
	size_t max = MIN(len, RUN_MAX + 1), n;
	uint64_t word;

	for (n = 0; n + sizeof(word) <= max; n += sizeof(word)) {
		memcpy(&word, data + n, sizeof(word));
		if (word != all)
			return n + __builtin_ctzll(GUINT64_FROM_LE(word ^ all)) / 8;
	}
	while (n < max && data[n] == data[0])
		n++;
	return n;
}

/* Writes "*n" for @repeats more of the same; returns how many repeats that covers. */
static size_t put_run(uint8_t *out, size_t repeats)
{
	/* These would read as # and $ (forbidden) or as + and - (which confuse old clients). */
	static const bool avoid[256] = {['#'] = true, ['$'] = true, ['+'] = true, ['-'] = true};

	while (avoid[repeats + RUN_BIAS])
		repeats--;
	out[0] = '*';
	out[1] = repeats + RUN_BIAS;
	return repeats;
}

static size_t put_escaped(uint8_t *out, uint8_t c)
{
	out[0] = '}';
	out[1] = c ^ ESCAPE_XOR;
	return 2;
}

#define N_SPECIAL 4

/* Looks for the next special byte of a large block: memchr() is far faster than a loop. */
typedef struct Finder {
	const uint8_t *end;
	const uint8_t *next[N_SPECIAL]; /* of each kind, at or behind the last place asked for */
} Finder;

static const uint8_t *find_special(Finder *finder, const uint8_t *from)
{
	static const char kinds[N_SPECIAL] = {'#', '$', '}', '*'};
	const uint8_t *least = finder->end;

	for (unsigned n = 0; n < N_SPECIAL; n++) {
		if (!finder->next[n] || finder->next[n] < from) {
			finder->next[n] = memchr(from, kinds[n], finder->end - from);
			if (!finder->next[n])
				finder->next[n] = finder->end;
		}
		least = MIN(least, finder->next[n]);
	}
	return least;
}

static size_t put_plain(uint8_t *out, const uint8_t *data, size_t len)
{
	Finder finder = {.end = data + len};
	uint8_t *start = out;

	while (data < finder.end) {
		const uint8_t *hit = find_special(&finder, data);

		memcpy(out, data, hit - data);
		out += hit - data;
		data = hit;
		if (hit < finder.end)
			out += put_escaped(out, *data++);
	}
	return out - start;
}

/* Four equal bytes: the shortest run that is worth a count. One test, since it is rarely true. */
static bool begins_run(const uint8_t *data, size_t len)
{
	uint32_t word;

	if (len <= RUN_MIN)
		return false;
	memcpy(&word, data, sizeof(word));
	return word == data[0] * 0x01010101u;
}

/*
 * Do the first WORD_CLEAR of eight bytes go out as they are? They do if all are hex digits, of
 * which bits 4 and 6 differ, and no four in a row are equal. Else they may, too.
 */
#define WORD_CLEAR 5
static bool is_clear(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101, unknown = 0xffffff0000000000;
	uint64_t change, changes;

	if (((word >> 6 ^ word >> 4) & ones) != ones)
		return false;
	/* Byte n: 0 if it equals its successor; and then if the two behind it do so, too. */
	change = word ^ word >> 8;
	changes = change | change >> 8 | change >> 16 | unknown;
	return ((changes - ones) & ~changes & 0x8080808080808080) == 0;
}

/* Copies what can be copied without a close look; returns how much that was. */
static size_t put_clear(uint8_t *out, const uint8_t *data, size_t len)
{
	uint64_t word;
	size_t at = 0;

	for (; at + sizeof(word) <= len; at += WORD_CLEAR) {
		memcpy(&word, data + at, sizeof(word));
		if (!is_clear(GUINT64_FROM_LE(word)))
			break;
		memcpy(out + at, &word, sizeof(word));
	}
	return at;
}

static size_t put_shortened(uint8_t *out, const uint8_t *data, size_t len)
{
	uint8_t *start = out;

	for (size_t at = 0, n; at < len; at++) {
		n = put_clear(out, data + at, len - at);
		out += n;
		at += n;
		if (at == len)
			break;
		if (special[data[at]]) {
			out += put_escaped(out, data[at]);
			continue;
		}
		*out++ = data[at];
		if (!begins_run(data + at, len - at))
			continue;
		n = run_length(data + at, len - at) - 1;
		at += put_run(out, n);
		out += 2;
	}
	return out - start;
}

/* A length that the compiler knows: it makes vectors of such loops. */
#define BLOCK 128

static uint8_t add_block(const uint8_t *data)
{
	uint8_t sum = 0;

	for (unsigned n = 0; n < BLOCK; n++)
		sum += data[n];
	return sum;
}

static uint8_t add_bytes(const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	for (; len >= BLOCK; len -= BLOCK, data += BLOCK)
		sum += add_block(data);
	while (len--)
		sum += *data++;
	return sum;
}

void gdb_frame_encode(GByteArray *out, const void *payload, size_t len, bool runs)
{
	size_t start = out->len, n;
	uint8_t *body, sum;

	/* Room for the worst case: everything escaped. */
	g_byte_array_set_size(out, start + 2 * len + 4);
	body = out->data + start + 1;
	n = runs ? put_shortened(body, payload, len) : put_plain(body, payload, len);
	sum = add_bytes(body, n);
	body[-1] = '$';
	body[n] = '#';
	body[n + 1] = gdb_hex_char(sum >> 4);
	body[n + 2] = gdb_hex_char(sum & 15);
	g_byte_array_set_size(out, start + n + 4);
}

/* The sum is of the payload alone. */
void gdb_frame_encode_notification(GByteArray *out, const void *payload, size_t len)
{
	size_t start = out->len;

	gdb_frame_encode(out, payload, len, false);
	out->data[start] = '%';
}

static uint8_t count_special(const uint8_t *data)
{
	uint8_t count = 0;

	for (unsigned n = 0; n < BLOCK; n++)
		count += (data[n] == '#') + (data[n] == '$') + (data[n] == '}') + (data[n] == '*');
	return count;
}

size_t gdb_frame_fit(const void *data, size_t len, size_t room)
{
	const uint8_t *bytes = data;
	size_t n = 0, used = 0;

	for (; n + BLOCK <= len && used + 2 * BLOCK <= room; n += BLOCK)
		used += BLOCK + count_special(bytes + n);
	for (; n < len; n++) {
		used += 1 + special[bytes[n]];
		if (used > room)
			break;
	}
	return n;
}

size_t gdb_frame_size(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	size_t size = len;

	for (size_t n = 0; n < len; n++)
		size += special[bytes[n]];
	return size;
}

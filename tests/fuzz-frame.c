/*
 * tests/fuzz-frame.c - fuzzes packet framing: any bytes, in any portions, decode to the same
 * events, and any payload survives encoding and decoding.
 */
#include <string.h>

#include "gdbstub/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every event as one byte, followed by the payload of packets. */
static GByteArray *decode(const uint8_t *data, size_t size, size_t portion, bool ignore_sum)
{
	GByteArray *log = g_byte_array_new();
	GdbFrame frame;

	gdb_frame_init(&frame);
	gdb_frame_ignore_sum(&frame, ignore_sum);
	while (size > 0) {
		size_t offer = MIN(size, portion), len;
		GdbFrameEvent event;
		size_t taken = gdb_frame_feed(&frame, data, offer, &event);
		uint8_t code = event;

		g_assert_true(taken >= 1 && taken <= offer);
		data += taken;
		size -= taken;
		if (event == GDB_FRAME_NONE)
			continue;
		g_byte_array_append(log, &code, 1);
		if (event == GDB_FRAME_PACKET) {
			const char *payload = gdb_frame_payload(&frame, &len);

			g_assert_true(len <= GDB_PACKET_MAX && payload[len] == '\0');
			g_byte_array_append(log, (const uint8_t *)payload, len);
		}
	}
	gdb_frame_clear(&frame);
	return log;
}

/* What looks ahead finds the same interrupts as what decodes. */
static void check_breaks(const uint8_t *data, size_t size, size_t at)
{
	unsigned expected = 0, counted = 0;
	GdbFrame frame;

	gdb_frame_init(&frame);
	for (size_t n = 0; n < size; n++) {
		GdbFrameEvent event;

		if (n == at)
			counted = gdb_frame_count_breaks(&frame, data + n, size - n);
		gdb_frame_feed(&frame, data + n, 1, &event);
		expected += n >= at && event == GDB_FRAME_BREAK;
	}
	gdb_frame_clear(&frame);
	g_assert_cmpuint(counted, ==, expected);
}

static void check_portions(const uint8_t *data, size_t size, bool ignore_sum)
{
	g_autoptr(GByteArray) whole = decode(data, size, size, ignore_sum);
	g_autoptr(GByteArray) bytes = decode(data, size, 1, ignore_sum);
	g_autoptr(GByteArray) pieces = decode(data, size, 7, ignore_sum);

	g_assert_cmpmem(whole->data, whole->len, bytes->data, bytes->len);
	g_assert_cmpmem(whole->data, whole->len, pieces->data, pieces->len);
}

static void check_round_trip(const uint8_t *data, size_t size, bool runs)
{
	g_autoptr(GByteArray) out = g_byte_array_new(), log = NULL;

	gdb_frame_encode(out, data, size, runs);
	g_assert_true(out->data[0] == '$' && out->data[out->len - 3] == '#');
	g_assert_null(memchr(out->data + 1, '$', out->len - 4));
	g_assert_null(memchr(out->data + 1, '#', out->len - 4));
	log = decode(out->data, out->len, out->len, false);
	g_assert_cmpuint(log->len, ==, size + 1);
	g_assert_cmpint(log->data[0], ==, GDB_FRAME_PACKET);
	g_assert_true(size == 0 || memcmp(log->data + 1, data, size) == 0);
}

static void check_fit(const uint8_t *data, size_t size, size_t room)
{
	g_autoptr(GByteArray) out = g_byte_array_new(), more = g_byte_array_new();
	size_t n = gdb_frame_fit(data, size, room);

	g_assert_cmpuint(n, <=, size);
	gdb_frame_encode(out, data, n, false);
	g_assert_cmpuint(out->len - 4, <=, room);
	if (n == size)
		return;
	gdb_frame_encode(more, data, n + 1, false);
	g_assert_cmpuint(more->len - 4, >, room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_portions(data, size, false);
	check_portions(data, size, true);
	check_breaks(data, size, size ? data[0] % size : 0);
	if (size > GDB_PACKET_MAX / 2)
		return 0;
	check_round_trip(data, size, false);
	check_round_trip(data, size, true);
	check_fit(data, size, size ? data[0] : 0);
	return 0;
}

/*
 * tests/fuzz-command.c - fuzzes a whole session in front of the fake target without threads: no
 * input may crash it, stall it, make it say nonsense or break the target's contract.
 *
 * The first byte chooses the set-up: bit 0 says that checksums count, bit 1 that the client offers
 * nothing, bit 2 that the line has no connect event, bits 3-4 the number of CPUs, bits 5-7 how
 * many bytes come at once. The rest are the bytes of the client; an odd number of them: it is on
 * another host, and the program is a file of this one. The target's own program is another one
 * after each stop, which takes a while to be found out.
 */
#include <string.h>

#include "gdbstub/frame.h"
#include "gdbstub/session.h"
#include "tests/fake-target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Fuzz {
	FakeTarget *target;
	GdbSession *session;
	GQueue stops;
	GdbFrame replies;
	bool elsewhere;
} Fuzz;

static const FakeFile own = {"/own", "#$}*", 4, 2};

static void keep_stop(void *data, const GdbStop *stop)
{
	g_queue_push_tail(&((Fuzz *)data)->stops, g_memdup2(stop, sizeof(*stop)));
}

static void forget_stops(void *data)
{
	g_queue_clear_full(&((Fuzz *)data)->stops, g_free);
}

/* Takes the output away, which has to be whole packets and acknowledgements. */
static bool drain(Fuzz *fuzz)
{
	GByteArray *out = gdb_session_output(fuzz->session);
	GdbFrameEvent event = GDB_FRAME_PACKET;
	bool any = out->len > 0;

	for (size_t at = 0; at < out->len;) {
		at += gdb_frame_feed(&fuzz->replies, out->data + at, out->len - at, &event);
		g_assert_true(event == GDB_FRAME_PACKET || event == GDB_FRAME_ACK ||
			      event == GDB_FRAME_NACK);
	}
	g_byte_array_set_size(out, 0);
	return any;
}

/* What the server's loop does between two reads; FALSE when there was nothing to do. */
static bool turn(Fuzz *fuzz)
{
	GdbStop *stop = g_queue_pop_head(&fuzz->stops);
	bool any = stop || gdb_session_has_work(fuzz->session);

	if (stop && !fuzz->elsewhere) {
		fake_target_set_own_program(fuzz->target, &own);
		fake_target_set_pieces(fuzz->target, 2);
	}
	if (stop)
		gdb_session_stop(fuzz->session, stop);
	g_free(stop);
	if (gdb_session_has_work(fuzz->session))
		gdb_session_work(fuzz->session);
	return drain(fuzz) || any;
}

static void feed(Fuzz *fuzz, const uint8_t *data, size_t size, size_t portion)
{
	while (size > 0) {
		size_t offer = MIN(size, portion);
		size_t taken = gdb_session_feed(fuzz->session, data, offer);
		bool moved = turn(fuzz);

		g_assert_cmpuint(taken, <=, offer);
		if (taken == 0 && !moved)
			g_error("the session takes nothing and waits for nothing");
		data += taken;
		size -= taken;
	}
	while (turn(fuzz))
		;
}

static void feed_packet(Fuzz *fuzz, const char *payload)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	gdb_frame_encode(bytes, payload, strlen(payload), false);
	feed(fuzz, bytes->data, bytes->len, bytes->len);
}

static void begin(Fuzz *fuzz, uint8_t setup)
{
	static const FakeFile library = {"/lib", "x", 1, 0};

	fuzz->target = fake_target_new(1 + (setup >> 3 & 3), false);
	fake_target_set_post(fuzz->target, keep_stop, fuzz);
	if (fuzz->elsewhere)
		fake_target_set_program(fuzz->target, "/own", 0x1000);
	else
		fake_target_set_own_program(fuzz->target, &own);
	fake_target_set_library(fuzz->target, &library);
	fuzz->session = gdb_session_new(fake_target_ops(), fuzz->target, "fuzz", setup & 4);
	gdb_session_on_detach(fuzz->session, forget_stops, fuzz);
	gdb_session_set_elsewhere(fuzz->session, fuzz->elsewhere);
	gdb_frame_init(&fuzz->replies);
	if (!(setup & 4))
		gdb_session_attach(fuzz->session);
	if (!(setup & 1))
		feed_packet(fuzz, "QStartNoAckMode");
	if (!(setup & 2))
		feed_packet(
			fuzz,
			"qSupported:multiprocess+;swbreak+;hwbreak+;error-message+;exec-events+");
}

static void end(Fuzz *fuzz)
{
	g_autofree char *complaints = NULL;
	FakeCounts counts;

	/* Whatever it was, Ctrl-C ends it; before that, what may be an unfinished packet ends. */
	feed(fuzz, (const uint8_t *)"$#00\x03", 5, 5);
	counts = fake_target_counts(fuzz->target);
	g_assert_true(counts.kills > 0 ||
		      gdb_session_get_state(fuzz->session) != GDB_SESSION_RUNNING);
	gdb_session_free(fuzz->session);
	counts = fake_target_counts(fuzz->target);
	g_assert_true(counts.kills > 0 || counts.attaches == counts.detaches);
	g_assert_cmpuint(fake_target_count_breaks(fuzz->target), ==, 0);
	complaints = fake_target_complaints(fuzz->target);
	g_assert_cmpstr(complaints, ==, "");
	fake_target_free(fuzz->target);
	gdb_frame_clear(&fuzz->replies);
	forget_stops(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t portions[] = {4096, 1, 2, 3, 7, 16, 64, 256};
	Fuzz fuzz = {.stops = G_QUEUE_INIT, .elsewhere = size % 2 == 0};

	if (size == 0)
		return 0;
	begin(&fuzz, data[0]);
	feed(&fuzz, data + 1, size - 1, portions[data[0] >> 5]);
	end(&fuzz);
	return 0;
}

/*
 * tests/test-x86-exception.c - x86/cpu/exception.h: gates of all formats, frames of all shapes.
 */
#include <glib.h>
#include <string.h>

#include "x86/cpu/exception.h"

#define TF 0x100u
#define RF 0x10000u

/* ---- Gates ---- */

static void test_gate_long(void)
{
	/* offset 0xfedcba9876543210, selector 0x10, IST 3, DPL 3 */
	uint8_t gate[16] = {0x10, 0x32, 0x10, 0x00, 0x03, 0xee, 0x54, 0x76,
			    0x98, 0xba, 0xdc, 0xfe, 0,	  0,	0,    0};
	X86Gate ret;

	g_assert_cmpuint(x86_gate_size(X86_IDT_LONG), ==, 16);
	g_assert_true(x86_gate_decode(X86_IDT_LONG, gate, &ret));
	g_assert_cmphex(ret.offset, ==, 0xfedcba9876543210);
	g_assert_cmphex(ret.selector, ==, 0x10);
	g_assert_cmpuint(ret.word, ==, 8);
	gate[5] = 0x8f; /* trap gate */
	g_assert_true(x86_gate_decode(X86_IDT_LONG, gate, &ret));
	gate[5] = 0x0e; /* not present */
	g_assert_false(x86_gate_decode(X86_IDT_LONG, gate, &ret));
	gate[5] = 0x85; /* task gate: there is none in long mode */
	g_assert_false(x86_gate_decode(X86_IDT_LONG, gate, &ret));
	gate[5] = 0x86; /* nor are there any of 16 bits */
	g_assert_false(x86_gate_decode(X86_IDT_LONG, gate, &ret));
	gate[5] = 0x9e; /* not a system descriptor */
	g_assert_false(x86_gate_decode(X86_IDT_LONG, gate, &ret));
}

static void test_gate_protected(void)
{
	/* offset 0x76543210, selector 0x18 */
	uint8_t gate[8] = {0x10, 0x32, 0x18, 0x00, 0x00, 0x8e, 0x54, 0x76};
	X86Gate ret;

	g_assert_cmpuint(x86_gate_size(X86_IDT_PROTECTED), ==, 8);
	g_assert_true(x86_gate_decode(X86_IDT_PROTECTED, gate, &ret));
	g_assert_cmphex(ret.offset, ==, 0x76543210);
	g_assert_cmphex(ret.selector, ==, 0x18);
	g_assert_cmpuint(ret.word, ==, 4);
	for (unsigned type = 6; type <= 7; type++) { /* of 16 bits: the upper half is not used */
		gate[5] = 0x80 | type;
		g_assert_true(x86_gate_decode(X86_IDT_PROTECTED, gate, &ret));
		g_assert_cmphex(ret.offset, ==, 0x3210);
		g_assert_cmpuint(ret.word, ==, 2);
	}
	gate[5] = 0x85; /* a task gate: another stack, and the flags are in its TSS */
	g_assert_false(x86_gate_decode(X86_IDT_PROTECTED, gate, &ret));
	gate[5] = 0x0e;
	g_assert_false(x86_gate_decode(X86_IDT_PROTECTED, gate, &ret));
}

static void test_gate_real(void)
{
	const uint8_t entry[4] = {0x34, 0x12, 0x00, 0xf0};
	X86Gate ret;

	g_assert_cmpuint(x86_gate_size(X86_IDT_REAL), ==, 4);
	g_assert_true(x86_gate_decode(X86_IDT_REAL, entry, &ret));
	g_assert_cmphex(ret.offset, ==, 0x1234);
	g_assert_cmphex(ret.selector, ==, 0xf000);
	g_assert_cmpuint(ret.word, ==, 2);
}

/* ---- Which exceptions ---- */

static void test_vectors(void)
{
	static const struct {
		const char *insn;
		size_t len;
		uint8_t vectors[X86_N_LIKELY];
	} table[] = {
		{"\x48\x8b\x07", 3, {14, 13, 6, 0}}, /* mov (%rdi), %rax */
		{"", 0, {14, 13, 6, 0}},	     /* not mapped */
		{"\x66\x66", 2, {14, 13, 6, 0}},     /* cut off */
		{"\x0f", 1, {14, 13, 6, 0}},
		{"\x48\xf7\xf1", 3, {14, 13, 6, 0}}, /* div %rcx */
		{"\xd9\xe8", 2, {14, 13, 6, 7}},     /* fld1 */
		{"\x0f\x28\x07", 3, {14, 13, 6, 0}},
		{"\x0f\x10\x07", 3, {14, 13, 6, 7}}, /* movups (%rdi), %xmm0 */
		{"\x0f\x0b", 2, {6, 13, 14, 0}},     /* ud2 */
		{"\x67\x0f\xb9\x40\x10", 5, {6, 13, 14, 0}},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree uint8_t *insn = g_memdup2(table[i].insn, table[i].len);
		uint8_t vectors[X86_N_LIKELY];

		g_test_message("row %u", i);
		x86_fault_vectors(insn, table[i].len, vectors);
		g_assert_cmpmem(vectors, sizeof(vectors), table[i].vectors, X86_N_LIKELY);
	}
}

/* ---- Frames ---- */

static const X86Saved saved = {
	.ip = 0xffffffff81002000,
	.next_ip = 0xffffffff81002003,
	.flags = 0x246,
	.sp = 0xffffc90000004ff0,
	.cs = 0x10,
	.ss = 0x18,
};

typedef struct Frame {
	unsigned word;
	bool with_stack;
	uint8_t bytes[64];
} Frame;

/* As the CPU pushes it, at offset @at. */
static Frame make_frame(unsigned word, bool with_stack, size_t at, uint64_t ip, uint64_t flags)
{
	const uint64_t words[] = {ip, saved.cs, flags, saved.sp, saved.ss};
	Frame frame = {.word = word, .with_stack = with_stack};

	memset(frame.bytes, 0x5a, sizeof(frame.bytes));
	for (unsigned i = 0; i < (with_stack ? 5 : 3); i++)
		memcpy(frame.bytes + at + i * word, &words[i], word);
	return frame;
}

static size_t find(const Frame *frame)
{
	return x86_frame_find(frame->bytes, sizeof(frame->bytes), frame->word, frame->with_stack,
			      &saved);
}

/* All shapes: with and without sp and ss, with and without an error code, fault and trap. */
static void test_frame(void)
{
	for (unsigned word = 2; word <= 8; word *= 2) {
		for (unsigned shape = 0; shape < 8; shape++) {
			bool with_stack = shape & 1, code = shape & 2;
			uint64_t ip = shape & 4 ? saved.next_ip : saved.ip;
			size_t at = code ? word : 0;
			Frame frame = make_frame(word, with_stack, at, ip, saved.flags | TF | RF);

			g_test_message("word %u, shape %u", word, shape);
			g_assert_cmpuint(find(&frame), ==, at + 2 * word + 1);
			g_assert_cmphex(frame.bytes[find(&frame)] & X86_FRAME_TF, ==, 1);
		}
	}
}

static void test_frame_other(void)
{
	Frame frame = make_frame(8, true, 0, saved.ip, saved.flags);

	g_assert_cmpuint(find(&frame), ==, 0); /* no TF: nothing to take out */
	frame = make_frame(8, true, 0, saved.ip + 1, saved.flags | TF);
	g_assert_cmpuint(find(&frame), ==, 0);
	frame = make_frame(8, true, 0, saved.ip, saved.flags | TF | 1);
	g_assert_cmpuint(find(&frame), ==, 0);
	frame = make_frame(8, true, 0, saved.ip, saved.flags | TF);
	frame.bytes[24]++; /* sp */
	g_assert_cmpuint(find(&frame), ==, 0);
	frame = make_frame(8, true, 0, saved.ip, saved.flags | TF);
	frame.bytes[8]++; /* cs */
	g_assert_cmpuint(find(&frame), ==, 0);
	frame = make_frame(8, true, 16, saved.ip, saved.flags | TF);
	g_assert_cmpuint(find(&frame), ==, 0); /* not on top */
}

/* The upper half of a selector's word may be anything. */
static void test_frame_selector(void)
{
	Frame frame = make_frame(4, false, 0, saved.ip, saved.flags | TF);

	frame.bytes[6] = 0xaa;
	g_assert_cmpuint(find(&frame), ==, 9);
}

static void test_frame_cut(void)
{
	Frame frame = make_frame(8, true, 0, saved.ip, saved.flags | TF);

	for (size_t len = 0; len < 40; len++) {
		g_autofree uint8_t *bytes = g_memdup2(frame.bytes, len);

		g_assert_cmpuint(x86_frame_find(bytes, len, 8, true, &saved), ==, 0);
		g_assert_cmpuint(x86_frame_search(bytes, len, 8, true, &saved), ==, 0);
	}
	g_assert_cmpuint(x86_frame_find(frame.bytes, 40, 8, true, &saved), ==, 17);
}

static void test_frame_search(void)
{
	Frame frame = make_frame(8, true, 16, saved.ip, saved.flags | TF);

	g_assert_cmpuint(x86_frame_search(frame.bytes, 64, 8, true, &saved), ==, 16 + 17);
	g_assert_cmpuint(x86_frame_search(frame.bytes, 55, 8, true, &saved), ==, 0);
	frame = make_frame(2, false, 58, saved.ip, saved.flags | TF);
	g_assert_cmpuint(x86_frame_search(frame.bytes, 64, 2, false, &saved), ==, 63);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-exception/gate-long", test_gate_long);
	g_test_add_func("/x86-exception/gate-protected", test_gate_protected);
	g_test_add_func("/x86-exception/gate-real", test_gate_real);
	g_test_add_func("/x86-exception/vectors", test_vectors);
	g_test_add_func("/x86-exception/frame", test_frame);
	g_test_add_func("/x86-exception/frame-other", test_frame_other);
	g_test_add_func("/x86-exception/frame-selector", test_frame_selector);
	g_test_add_func("/x86-exception/frame-cut", test_frame_cut);
	g_test_add_func("/x86-exception/frame-search", test_frame_search);
	return g_test_run();
}

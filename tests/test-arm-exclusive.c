/*
 * tests/test-arm-exclusive.c - arm/cpu/exclusive.h: the shapes that Linux, gcc and clang make, code
 * that cannot be followed, and hostile code. The numbers are what GNU as makes of the text behind
 * them.
 */
#include <glib.h>

#include "arm/cpu/exclusive.h"

#define AT 0xffff800010000000ull
#define NO 0xff /* no index: this one is not in a sequence */

#define LDXR 0x885f7c40 /* ldxr w0, [x2] */
#define STXR 0x88017c40 /* stxr w1, w0, [x2] */
#define ADD 0x0b030000	/* add w0, w0, w3 */
#define RET 0xd65f03c0
#define BL 0x94000400

typedef struct Case {
	const char *name;
	uint32_t insns[16];
	unsigned from, to;   /* which of them are in it, from load to store */
	unsigned start, end; /* the whole */
	unsigned exits[7];   /* up to the first 0 */
} Case;

static const Case cases[] = {
	/* prfm; 1: ldxr; add; stxr; cbnz w1, 1b; ret: Linux' atomic_add() */
	{"add", {0xf9800051, LDXR, ADD, STXR, 0x35ffffa1, RET}, 1, 3, 1, 5, {5}},
	/* 1: ldxr; eor; cbnz x1, 2f; stlxr; cbnz w1, 1b; dmb ish; 2: ret: cmpxchg() */
	{"cmpxchg",
	 {0xc85f7c40, 0xca030001, 0xb5000081, 0xc801fc44, 0x35ffff81, 0xd5033bbf, RET},
	 0,
	 3,
	 0,
	 5,
	 {5, 6}},
	/* 1: ldaxr; cbnz w0, 1b; stxr; cbnz w0, 1b; ret: it spins inside */
	{"lock", {0x885ffc40, 0x35ffffe0, 0x88007c43, 0x35ffffa0, RET}, 0, 2, 0, 4, {4}},
	/* sevl; 2: wfe; ldaxrh; eor; cbnz w1, 2b; ret: it never stores */
	{"wait",
	 {0xd50320bf, 0xd503205f, 0x485ffc40, 0x4a030001, 0x35ffffa1, RET},
	 NO,
	 0,
	 0,
	 0,
	 {0}},
	/* ldxr; cmp; b.ne 1f; stxr; 1: cset; ret: a weak compare and exchange */
	{"weak", {LDXR, 0x6b01001f, 0x54000041, 0x88037c44, 0x1a9f17e0, RET}, 0, 3, 0, 4, {4}},
	/* 1: ldaxp; add; stlxp; cbz w5, 2f; b 1b; 2: ret */
	{"pair",
	 {0xc87f8440, 0x91000400, 0xc8258440, 0x34000045, 0x17fffffc, RET},
	 0,
	 2,
	 0,
	 5,
	 {5}},
	/* 1: mov; ldxr; add; stxr; cmp w1, #0; b.ne 1b; ret */
	{"redo",
	 {0x2a0303e5, LDXR, 0x0b050000, STXR, 0x7100003f, 0x54ffff61, RET},
	 1,
	 3,
	 0,
	 6,
	 {6}},
	/* ldxr; bl; stxr; cbnz: what the function does nobody knows */
	{"call", {LDXR, BL, STXR, 0x35ffffa1, RET}, NO, 0, 0, 0, {0}},
	/* ldxr; clrex; stxr; cbnz: it fails on purpose */
	{"clrex", {LDXR, 0xd5033f5f, STXR, 0x35ffffa1, RET}, NO, 0, 0, 0, {0}},
	/* 1: bl; ldxr; stxr; cbnz w1, 1b: what is done again cannot be followed, so it is left */
	{"redo-call", {BL, LDXR, STXR, 0x35ffffa1, RET}, 1, 2, 1, 3, {3}},
	/* ldxr; ldxr; stxr: the second is the one that counts */
	{"twice", {LDXR, 0x885f7c80, 0x88017c80, RET}, 1, 2, 1, 3, {3}},
	/* ldxr; b out; stxr */
	{"jump", {LDXR, 0x14000010, STXR, RET}, NO, 0, 0, 0, {0}},
	/* six branches out and the end are one too many */
	{"exits",
	 {LDXR, 0x360807c0, 0x36100820, 0x36180880, 0x362008e0, 0x36280940, 0x363009a0, STXR,
	  0x35ffff01, RET},
	 NO,
	 0,
	 0,
	 0,
	 {0}},
	/* stxr without a load */
	{"store", {ADD, STXR, 0x35ffffa1, RET}, NO, 0, 0, 0, {0}},
};

static unsigned length(const uint32_t *insns)
{
	unsigned n = 0;

	while (n < 16 && insns[n])
		n++;
	return n;
}

static void assert_sequence(const Case *c, const ArmSequence *sequence)
{
	unsigned n = 0;

	g_assert_cmphex(sequence->start, ==, AT + 4 * c->start);
	g_assert_cmphex(sequence->end, ==, AT + 4 * c->end);
	while (n < sequence->n_exits && c->exits[n]) {
		g_assert_cmphex(sequence->exits[n], ==, AT + 4 * c->exits[n]);
		n++;
	}
	g_assert_cmpuint(sequence->n_exits, ==, n);
	g_assert_cmpuint(c->exits[n], ==, 0);
}

static void test_shapes(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		const Case *c = &cases[i];
		ArmCode code = {c->insns, length(c->insns), AT};
		ArmSequence sequence;

		for (unsigned at = 0; at < code.n; at++) {
			bool in = c->from != NO && at >= c->from && at <= c->to;

			g_test_message("%s, instruction %u", c->name, at);
			g_assert_cmpint(arm_sequence_find(&code, at, &sequence), ==, in);
			if (in)
				assert_sequence(c, &sequence);
		}
	}
}

/* What is not there cannot be followed: the end of a page that is mapped. */
static void test_cut(void)
{
	const uint32_t insns[] = {LDXR, ADD, STXR, 0x35ffffa1 /* cbnz w1, -12 */, RET};
	ArmSequence sequence;

	for (unsigned n = 0; n <= G_N_ELEMENTS(insns); n++) {
		ArmCode code = {insns, n, AT};

		for (unsigned at = 0; at < n + 2; at++)
			g_assert_cmpint(arm_sequence_find(&code, at, &sequence), ==,
					n >= 3 && at < 3);
	}
	ArmCode whole = {insns, 3, AT};
	g_assert_true(arm_sequence_find(&whole, 1, &sequence));
	g_assert_cmphex(sequence.end, ==, AT + 12);
	/* the load is before what is there */
	ArmCode tail = {insns + 1, 4, AT + 4};
	g_assert_false(arm_sequence_find(&tail, 0, &sequence));
}

/* However far apart load and store are. */
static void test_far(void)
{
	uint32_t insns[3 * ARM_SEQUENCE_MAX];
	ArmCode code = {insns, G_N_ELEMENTS(insns), AT};
	ArmSequence sequence;

	for (unsigned gap = 1; gap < 2 * ARM_SEQUENCE_MAX; gap++) {
		for (unsigned i = 0; i < G_N_ELEMENTS(insns); i++)
			insns[i] = ADD;
		insns[0] = LDXR;
		insns[gap] = STXR;
		g_assert_cmpint(arm_sequence_find(&code, 0, &sequence), ==,
				gap <= ARM_SEQUENCE_MAX);
		g_assert_cmpint(arm_sequence_find(&code, gap, &sequence), ==,
				gap <= ARM_SEQUENCE_MAX);
	}
}

/* Any code ends, and says nothing outside what was asked for. */
static void test_any(void)
{
	static const uint32_t likely[] = {LDXR, STXR, ADD, 0x35000001, 0x54000001, 0x14000000, RET};
	uint32_t insns[2 * ARM_SEQUENCE_MAX + 1];
	ArmCode code = {insns, G_N_ELEMENTS(insns), AT};
	unsigned found = 0;

	for (unsigned round = 0; round < 20000; round++) {
		unsigned at = g_test_rand_int_range(0, G_N_ELEMENTS(insns));
		ArmSequence sequence;

		for (unsigned i = 0; i < G_N_ELEMENTS(insns); i++) {
			insns[i] = likely[g_test_rand_int_range(0, 4 + (round & 3))];
			if (insns[i] == 0x35000001 || insns[i] == 0x54000001)
				insns[i] |= (g_test_rand_int_range(-40, 40) & 0x7ffff) << 5;
		}
		if (!arm_sequence_find(&code, at, &sequence))
			continue;
		found++;
		g_assert_cmpuint(sequence.n_exits, >, 0);
		g_assert_cmphex(sequence.start, <=, AT + 4 * at);
		g_assert_cmphex(sequence.end, >, AT + 4 * at);
		for (unsigned i = 0; i < sequence.n_exits; i++)
			g_assert_true(sequence.exits[i] < sequence.start ||
				      sequence.exits[i] >= sequence.end);
	}
	g_assert_cmpuint(found, >, 100);
}

static void test_near(void)
{
	const uint32_t nop = 0xd503201f;

	g_assert_true(arm_sequence_near((const uint32_t[]){nop, STXR}, 2));
	g_assert_true(arm_sequence_near((const uint32_t[]){nop, ADD, 0x35ffffa1, STXR}, 4));
	g_assert_false(arm_sequence_near((const uint32_t[]){nop, ADD, STXR}, 2));
	g_assert_false(arm_sequence_near((const uint32_t[]){nop, RET, STXR}, 3));
	g_assert_false(arm_sequence_near((const uint32_t[]){nop}, 1));
	g_assert_false(arm_sequence_near(NULL, 0));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-exclusive/shapes", test_shapes);
	g_test_add_func("/arm-exclusive/cut", test_cut);
	g_test_add_func("/arm-exclusive/far", test_far);
	g_test_add_func("/arm-exclusive/any", test_any);
	g_test_add_func("/arm-exclusive/near", test_near);
	return g_test_run();
}

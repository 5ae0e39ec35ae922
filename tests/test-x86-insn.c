/*
 * tests/test-x86-insn.c - x86/insn.h: opcodes that a debugger treats in its own way.
 */
#include <glib.h>
#include <string.h>

#include "x86/insn.h"

typedef struct Row {
	const char *bytes;
	size_t len;
	X86InsnKind kind;
	uint8_t length, vector;
	bool is_trap;
} Row;

#define BYTES(s) s, sizeof(s) - 1

static const Row rows[] = {
	{BYTES("\xcc"), X86_INSN_INT3, 1, 3, true},
	{BYTES("\xcc\x90"), X86_INSN_INT3, 1, 3, true},
	{BYTES("\xf3\xcc"), X86_INSN_INT3, 2, 3, true},
	{BYTES("\xcd\x03"), X86_INSN_INT, 2, 3, true},
	{BYTES("\xcd\x80"), X86_INSN_INT, 2, 0x80, false},
	{BYTES("\xcd\x01"), X86_INSN_INT, 2, 1, false},
	{BYTES("\x66\xcd\x03"), X86_INSN_INT, 3, 3, true},
	{BYTES("\xf1"), X86_INSN_ICEBP, 1, 1, true},
	{BYTES("\x2e\x67\x48\xf1"), X86_INSN_ICEBP, 4, 1, true},
	{BYTES("\xf4"), X86_INSN_HLT, 1, 0, false},
	{BYTES("\x9c"), X86_INSN_PUSHF, 1, 0, false},
	{BYTES("\x66\x9c\xcc"), X86_INSN_PUSHF, 2, 0, false},
	{BYTES("\x0f\x05"), X86_INSN_SYSCALL, 2, 0, false},
	{BYTES("\x48\x0f\x05"), X86_INSN_SYSCALL, 3, 0, false},
	{BYTES("\x0f\x0b"), X86_INSN_OTHER, 0, 0, false},
	{BYTES("\x90\xcc"), X86_INSN_OTHER, 0, 0, false},
	{BYTES("\x48\x89\x03"), X86_INSN_OTHER, 0, 0, false},
	/* cut off */
	{BYTES(""), X86_INSN_OTHER, 0, 0, false},
	{BYTES("\xcd"), X86_INSN_OTHER, 0, 0, false},
	{BYTES("\x0f"), X86_INSN_OTHER, 0, 0, false},
	{BYTES("\x66\x66\x66"), X86_INSN_OTHER, 0, 0, false},
	/* no instruction is longer than 15 bytes */
	{BYTES("ffffffffffffff\xcc"), X86_INSN_INT3, 15, 3, true},
	{BYTES("fffffffffffffff\xcc"), X86_INSN_OTHER, 0, 0, false},
};

static void test_decode(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Row *row = &rows[i];
		/* exactly @len bytes, so that a sanitizer sees a read beyond */
		g_autofree uint8_t *bytes = g_memdup2(row->bytes, row->len);
		X86Insn insn = x86_insn_decode(bytes, row->len);

		g_test_message("row %u", i);
		g_assert_cmpint(insn.kind, ==, row->kind);
		g_assert_cmpuint(insn.length, ==, row->length);
		g_assert_cmpuint(insn.vector, ==, row->vector);
		g_assert_cmpint(x86_insn_is_trap(bytes, row->len), ==, row->is_trap);
	}
}

static void test_gate(void)
{
	/* offset 0xfedcba9876543210, selector 0x10, IST 3, DPL 3 */
	uint8_t gate[16] = {0x10, 0x32, 0x10, 0x00, 0x03, 0xee, 0x54, 0x76,
			    0x98, 0xba, 0xdc, 0xfe, 0,	  0,	0,    0};
	uint64_t target = 0;

	g_assert_true(x86_gate_target(gate, &target));
	g_assert_cmphex(target, ==, 0xfedcba9876543210);
	gate[5] = 0x8f; /* trap gate */
	g_assert_true(x86_gate_target(gate, &target));
	gate[5] = 0x0e; /* not present */
	g_assert_false(x86_gate_target(gate, &target));
	gate[5] = 0x85; /* task gate: there is none in long mode */
	g_assert_false(x86_gate_target(gate, &target));
	gate[5] = 0x9e; /* not a system descriptor */
	g_assert_false(x86_gate_target(gate, &target));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-insn/decode", test_decode);
	g_test_add_func("/x86-insn/gate", test_gate);
	return g_test_run();
}

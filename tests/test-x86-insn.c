/*
 * tests/test-x86-insn.c - x86/cpu/insn.h: opcodes that a debugger treats in its own way.
 */
#include <glib.h>
#include <string.h>

#include "x86/cpu/insn.h"

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
	{BYTES("\x9d"), X86_INSN_POPF, 1, 0, false},
	{BYTES("\x66\x9d"), X86_INSN_POPF, 2, 0, false},
	{BYTES("\xcf"), X86_INSN_IRET, 1, 0, false},
	{BYTES("\x48\xcf"), X86_INSN_IRET, 2, 0, false},
	{BYTES("\x48\x0f\x07"), X86_INSN_SYSRET, 3, 0, false},
	{BYTES("\x05"), X86_INSN_OTHER, 0, 0, false},
	{BYTES("\x0f\x9d"), X86_INSN_OTHER, 0, 0, false},
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

/* Those that choose how long the words are that pushf, popf and iret move. */
static void test_prefixes(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool size_prefix, rex, rex_w;
	} table[] = {
		{BYTES("\xcf"), false, false, false},
		{BYTES("\x66\xcf"), true, false, false},
		{BYTES("\x48\xcf"), false, true, true},
		{BYTES("\x41\xcf"), false, true, false},
		{BYTES("\x66\x4f\xcf"), true, true, true},
		/* only right before the opcode */
		{BYTES("\x48\x66\xcf"), true, false, false},
		/* behind the opcode it is none */
		{BYTES("\x9d\x66"), false, false, false},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
		X86Insn insn = x86_insn_decode((const uint8_t *)table[i].bytes, table[i].len);

		g_test_message("row %u", i);
		g_assert_cmpint(insn.kind, !=, X86_INSN_OTHER);
		g_assert_cmpint(insn.size_prefix, ==, table[i].size_prefix);
		g_assert_cmpint(insn.rex, ==, table[i].rex);
		g_assert_cmpint(insn.rex_w, ==, table[i].rex_w);
	}
	g_assert_cmpuint(x86_insn_prefixes((const uint8_t *)"\x66\x48\x90", 3), ==, 2);
	g_assert_cmpuint(x86_insn_prefixes((const uint8_t *)"ffffffffffffffff", 16), ==,
			 X86_INSN_MAX);
}

/* In 64-bit code; what a disassembler says is behind each. */
static void test_idle(void)
{
	static const struct {
		const char *bytes;
		size_t len, idle;
	} table[] = {
		{BYTES("\x90"), 1}, /* nop */
		{BYTES("\x90\xcc"), 1},
		{BYTES("\x66\x90"), 2},		    /* xchg %ax,%ax */
		{BYTES("\x0f\x1f\x00"), 3},	    /* nopl (%rax) */
		{BYTES("\x0f\x1f\x40\x00"), 4},	    /* nopl 0(%rax) */
		{BYTES("\x0f\x1f\x44\x00\x00"), 5}, /* ftrace's */
		{BYTES("\x66\x0f\x1f\x44\x00\x00"), 6},
		{BYTES("\x0f\x1f\x80\x00\x00\x00\x00"), 7},
		{BYTES("\x0f\x1f\x84\x00\x00\x00\x00\x00"), 8},
		{BYTES("\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00"), 10},
		{BYTES("\x0f\x1f\x05\x00\x00\x00\x00"), 7},	/* rip-relative */
		{BYTES("\x0f\x1f\x04\x05\x00\x00\x00\x00"), 8}, /* no base */
		{BYTES("\x0f\x1f\xc0"), 3},			/* nop %eax */
		{BYTES("\xf3\x0f\x1e\xfa"), 4},			/* endbr64 */
		{BYTES("\xf3\x0f\x1e\xfb"), 0},			/* endbr32 */
		{BYTES("\xf3\x90"), 0},				/* pause */
		{BYTES("\x41\x90"), 0},				/* xchg %eax,%r8d */
		{BYTES("\x0f\x1f\x48\x00"), 0},			/* not /0 */
		{BYTES("\x0f\x18\x00"), 0},			/* prefetch */
		{BYTES("\xcc"), 0},
		{BYTES("\x55"), 0},
		/* cut off */
		{BYTES(""), 0},
		{BYTES("\x66"), 0},
		{BYTES("\x0f"), 0},
		{BYTES("\x0f\x1f"), 0},
		{BYTES("\x0f\x1f\x04"), 0},
		{BYTES("\x0f\x1f\x44\x00"), 0},
		{BYTES("\x0f\x1f\x84\x00\x00\x00\x00"), 0},
		{BYTES("\xf3\x0f\x1e"), 0},
		/* too long */
		{BYTES("ffffffffffffff\x90"), 15},
		{BYTES("fffffffffffffff\x90"), 0},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree uint8_t *bytes = g_memdup2(table[i].bytes, table[i].len);

		g_test_message("row %u", i);
		g_assert_cmpuint(x86_insn_idle_length(bytes, table[i].len), ==, table[i].idle);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-insn/decode", test_decode);
	g_test_add_func("/x86-insn/idle", test_idle);
	g_test_add_func("/x86-insn/prefixes", test_prefixes);
	return g_test_run();
}

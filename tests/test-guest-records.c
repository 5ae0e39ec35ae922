/*
 * tests/test-guest-records.c - the sentences of guest/records.h: functions as compilers make them,
 * and the kernel's entries.
 */
#include "guest/records.h"

#include <string.h>

#include "tests/cfi.h"
#include "tests/test-util.h"

#define CODE 0xffff800008010000ull
enum { FP = 29, LR = 30, SP = 31 };

#define NOP 0xd503201f
#define PACIASP 0xd503233f
#define AUTIASP 0xd50323bf
#define RET 0xd65f03c0
#define CALL 0x94000010
#define JUMP 0x14000010
#define PUSH_32 0xa9be7bfd    /* stp x29, x30, [sp, #-32]! */
#define POP_32 0xa8c27bfd     /* ldp x29, x30, [sp], #32 */
#define SUB_96 0xd10183ff     /* sub sp, sp, #96 */
#define ADD_96 0x910183ff     /* add sp, sp, #96 */
#define STORE_64 0xa9047bfd   /* stp x29, x30, [sp, #64] */
#define LOAD_64 0xa9447bfd    /* ldp x29, x30, [sp, #64] */
#define SET_FP 0x910003fd     /* mov x29, sp */
#define SET_FP_64 0x910103fd  /* add x29, sp, #64 */
#define OTHER_PAIR 0xa90153f3 /* stp x19, x20, [sp, #16] */
#define ENTRY_64 0xa9045bfd   /* stp x29, x22, [sp, #64] */
#define ZEROS_64 0xa9047fff   /* stp xzr, xzr, [sp, #64] */

/*
 * What holds at an instruction. @record: where x29 is, counted down from the frame; x30 is behind
 * it. 0: in their registers.
 */
typedef struct Row {
	uint32_t insn;
	unsigned base, offset, record;
	bool is_signed;
} Row;

static GByteArray *frames_of(const Row *rows, unsigned n)
{
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	g_autoptr(GByteArray) code = g_byte_array_new();
	Bytes frames = {0};

	for (unsigned i = 0; i < n; i++) {
		uint32_t insn = GUINT32_TO_LE(rows[i].insn);

		g_byte_array_append(code, (const uint8_t *)&insn, sizeof(insn));
	}
	linux_symbols_add(symbols, CODE, 't', "work", 4);
	linux_symbols_add(symbols, CODE, 'T', "alias", 5);
	linux_symbols_add(symbols, CODE + code->len, 'T', "next", 4);
	linux_symbols_sort(symbols);
	linux_records_frames(symbols, CODE, code, &frames);
	return bytes_end(&frames);
}

static void assert_record(const CfiRow *row, unsigned record)
{
	if (!record) {
		g_assert_cmpint(row->regs[FP].how, ==, CFI_UNSET);
		g_assert_cmpint(row->regs[LR].how, ==, CFI_UNSET);
		return;
	}
	g_assert_cmpint(row->regs[FP].how, ==, CFI_OFFSET);
	g_assert_cmpint(row->regs[FP].offset, ==, -(int64_t)record);
	if (row->regs[LR].how == CFI_OFFSET)
		g_assert_cmpint(row->regs[LR].offset, ==, 8 - (int64_t)record);
}

static CfiRow row_at(const GByteArray *frames, unsigned n)
{
	CfiRow row;

	g_assert_true(cfi_find(frames->data, frames->len, CODE + 4 * n, &row));
	return row;
}

static void check(const Row *rows, unsigned n)
{
	g_autoptr(GByteArray) frames = frames_of(rows, n);

	for (unsigned i = 0; i < n; i++) {
		CfiRow row = row_at(frames, i);

		g_test_message("%u", i);
		g_assert_cmpint(row.cfa.how, ==, CFI_OFFSET);
		g_assert_cmpuint(row.cfa.reg, ==, rows[i].base);
		g_assert_cmpint(row.cfa.offset, ==, rows[i].offset);
		g_assert_cmpint(row.is_signed, ==, rows[i].is_signed);
		assert_record(&row, rows[i].record);
	}
}

/* The record is at the end of the stack frame; behind the first ret is code of the same frame. */
static void test_function(void)
{
	static const Row rows[] = {
		{NOP, SP, 0, 0, false},	    {NOP, SP, 0, 0, false},
		{PACIASP, SP, 0, 0, false}, {PUSH_32, SP, 0, 0, true},
		{SET_FP, SP, 32, 32, true}, {OTHER_PAIR, FP, 32, 32, true},
		{CALL, FP, 32, 32, true},   {POP_32, FP, 32, 32, true},
		{AUTIASP, SP, 0, 0, true},  {RET, SP, 0, 0, false},
		{CALL, FP, 32, 32, true},   {POP_32, FP, 32, 32, true},
		{AUTIASP, SP, 0, 0, true},  {JUMP, SP, 0, 0, false},
		{NOP, FP, 32, 32, true},
	};

	check(rows, G_N_ELEMENTS(rows));
}

/* Local variables lie below the record, arguments of others above it. */
static void test_large(void)
{
	static const Row rows[] = {
		{SUB_96, SP, 0, 0, false},	{STORE_64, SP, 96, 0, false},
		{SET_FP_64, SP, 96, 32, false}, {CALL, FP, 32, 32, false},
		{LOAD_64, FP, 32, 32, false},	{ADD_96, SP, 96, 0, false},
		{RET, SP, 0, 0, false},		{NOP, FP, 32, 32, false},
	};

	check(rows, G_N_ELEMENTS(rows));
}

/* A function that calls nobody; one that has locals only. */
static void test_leaf(void)
{
	static const Row rows[] = {
		{OTHER_PAIR, SP, 0, 0, false}, {SUB_96, SP, 0, 0, false}, {NOP, SP, 96, 0, false},
		{ADD_96, SP, 96, 0, false},    {RET, SP, 0, 0, false},	  {NOP, SP, 96, 0, false},
	};

	check(rows, G_N_ELEMENTS(rows));
}

/* Where an interrupt comes: the record is of what was interrupted. */
static void test_entry(void)
{
	static const Row rows[] = {
		{SUB_96, SP, 0, 0, false},
		{ENTRY_64, SP, 96, 0, false},
		{SET_FP_64, SP, 96, 32, false},
		{CALL, FP, 32, 32, false},
	};
	g_autoptr(GByteArray) frames = frames_of(rows, G_N_ELEMENTS(rows));

	check(rows, G_N_ELEMENTS(rows));
	g_assert_true(row_at(frames, 0).is_signal);
}

/* Where a system call comes: nobody has called it. */
static void test_end(void)
{
	static const Row rows[] = {
		{SUB_96, SP, 0, 0, false},
		{ZEROS_64, SP, 96, 0, false},
		{SET_FP_64, SP, 96, 32, false},
		{CALL, FP, 32, 32, false},
	};
	g_autoptr(GByteArray) frames = frames_of(rows, G_N_ELEMENTS(rows));

	check(rows, G_N_ELEMENTS(rows));
	g_assert_cmpint(row_at(frames, 3).regs[LR].how, ==, CFI_UNDEFINED);
	g_assert_false(row_at(frames, 3).is_signal);
}

/* Code may be anything, and be cut anywhere. */
static void test_mad(void)
{
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	static const uint32_t likely[] = {PUSH_32,   POP_32,	 SUB_96,     ADD_96,
					  STORE_64,  LOAD_64,	 SET_FP,     RET,
					  SET_FP_64, PACIASP,	 AUTIASP,    ZEROS_64,
					  ENTRY_64,  0xa9bf7bfd, 0xa93f7bfd, 0xa8ff7bfd};
	g_autoptr(GByteArray) code = g_byte_array_new();

	for (unsigned n = 0; n < 20000; n++) {
		uint32_t insn =
			GUINT32_TO_LE(likely[g_test_rand_int_range(0, G_N_ELEMENTS(likely))]);

		g_byte_array_append(code, (const uint8_t *)&insn, sizeof(insn));
	}
	g_byte_array_append(code, (const uint8_t *)"odd", 3);
	for (unsigned n = 0; n < 200; n++)
		linux_symbols_add(symbols, CODE - 400 + 403 * n, 't', "f", 1);
	linux_symbols_sort(symbols);
	{
		g_auto(Bytes) frames = {0};
		CfiRow row;

		linux_records_frames(symbols, CODE, code, &frames);
		for (uint64_t pc = CODE; pc < CODE + code->len; pc += 4)
			cfi_find(frames.data, frames.len, pc, &row);
	}
}

/* Nobody has called what every new task begins with. */
static void test_first(void)
{
	static const uint32_t insns[] = {NOP, CALL, NOP, PACIASP};
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	g_autoptr(GByteArray) code = g_byte_array_new();
	g_autoptr(GByteArray) frames = NULL;
	Bytes bytes = {0};

	for (unsigned n = 0; n < G_N_ELEMENTS(insns); n++) {
		uint32_t insn = GUINT32_TO_LE(insns[n]);

		g_byte_array_append(code, (const uint8_t *)&insn, sizeof(insn));
	}
	linux_symbols_add(symbols, CODE, 'T', "ret_from_fork", 13);
	linux_symbols_add(symbols, CODE + 12, 'T', "next", 4);
	linux_symbols_sort(symbols);
	linux_records_frames(symbols, CODE, code, &bytes);
	frames = bytes_end(&bytes);
	for (unsigned n = 0; n < G_N_ELEMENTS(insns); n++)
		g_assert_cmpint(row_at(frames, n).regs[LR].how, ==,
				n < 3 ? CFI_UNDEFINED : CFI_UNSET);
}

static const TestCase cases[] = {
	{"first", test_first}, {"function", test_function},
	{"large", test_large}, {"leaf", test_leaf},
	{"entry", test_entry}, {"end", test_end},
	{"mad", test_mad},     {0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-records", cases);
}

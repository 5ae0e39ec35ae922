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
#define ZEROS_64 0xa9047fff   /* stp xzr, xzr, [sp, #64] */

/* Linux, arch/arm64/kernel/entry.S, kernel_entry and kernel_exit. */
#define ROOM 336
#define SAVE_X0 0xa90007e0    /* stp x0, x1, [sp] */
#define SAVE_X28 0xa90e77fc   /* stp x28, x29, [sp, #224] */
#define GET_SP 0x910543f5     /* add x21, sp, #336 */
#define GET_ELR 0xd5384036    /* mrs x22, elr_el1 */
#define SAVE_LR 0xa90f57fe    /* stp x30, x21, [sp, #240] */
#define ENTRY_304 0xa9135bfd  /* stp x29, x22, [sp, #304] */
#define ZEROS_304 0xa9137fff  /* stp xzr, xzr, [sp, #304] */
#define SET_FP_304 0x9104c3fd /* add x29, sp, #304 */
#define SET_FP_352 0x910583fd /* add x29, sp, #352 */
#define SAVE_PC 0xa9105ff6    /* stp x22, x23, [sp, #256] */
#define LOAD_PC 0xa9505bf5    /* ldp x21, x22, [sp, #256] */
#define LOAD_X28 0xa94e77fc   /* ldp x28, x29, [sp, #224] */
#define LOAD_LR 0xf9407bfe    /* ldr x30, [sp, #240] */
#define ADD_336 0x910543ff    /* add sp, sp, #336 */
#define ERET 0xd69f03e0

/*
 * What holds at an instruction. @record: where x29 is, counted down from the frame; x30 is behind
 * it. 0: in their registers.
 */
typedef struct Row {
	uint32_t insn;
	unsigned base, offset, record;
	bool is_signed;
} Row;

static GByteArray *frames_with(unsigned room, const char *name, const Row *rows, unsigned n)
{
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	g_autoptr(GByteArray) code = g_byte_array_new();
	Bytes frames = {0};

	for (unsigned i = 0; i < n; i++) {
		uint32_t insn = GUINT32_TO_LE(rows[i].insn);

		g_byte_array_append(code, (const uint8_t *)&insn, sizeof(insn));
	}
	linux_symbols_add(symbols, CODE, 't', name, strlen(name));
	linux_symbols_add(symbols, CODE, 'T', "alias", 5);
	linux_symbols_add(symbols, CODE + code->len, 'T', "next", 4);
	linux_symbols_sort(symbols);
	linux_records_frames(symbols, CODE, code, room, &frames);
	return bytes_end(&frames);
}

static GByteArray *frames_of(const char *name, const Row *rows, unsigned n)
{
	return frames_with(ROOM, name, rows, n);
}

static void assert_record(const CfiRow *row, unsigned record)
{
	if (!record) {
		g_assert_cmpint(row->regs[FP].how, ==, CFI_UNSET);
		g_assert_cmpint(row->regs[LR].how, ==, CFI_VAL_EXPRESSION);
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

static CfiRow check_frame(const GByteArray *frames, const Row *rows, unsigned i)
{
	CfiRow row = row_at(frames, i);

	g_test_message("%u", i);
	g_assert_cmpint(row.cfa.how, ==, CFI_OFFSET);
	g_assert_cmpuint(row.cfa.reg, ==, rows[i].base);
	g_assert_cmpint(row.cfa.offset, ==, rows[i].offset);
	return row;
}

static void check(const Row *rows, unsigned n)
{
	g_autoptr(GByteArray) frames = frames_of("work", rows, n);

	for (unsigned i = 0; i < n; i++) {
		CfiRow row = check_frame(frames, rows, i);

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

/* Where everything that was interrupted is: x29 down from the frame, the pc as x30. */
static void assert_saved(const CfiRow *row)
{
	for (int reg = 0; reg <= FP; reg++) {
		g_assert_cmpint(row->regs[reg].how, ==, CFI_OFFSET);
		g_assert_cmpint(row->regs[reg].offset, ==, 8 * reg - ROOM);
	}
	g_assert_cmpint(row->regs[LR].how, ==, CFI_OFFSET);
	g_assert_cmpint(row->regs[LR].offset, ==, 256 - ROOM);
}

/* Before the pc is saved nobody knows it; @saved: the first instruction behind that. */
static void check_exception(const char *name, const Row *rows, unsigned n, unsigned saved)
{
	g_autoptr(GByteArray) frames = frames_of(name, rows, n);

	for (unsigned i = 0; i < n; i++) {
		CfiRow row = check_frame(frames, rows, i);

		g_assert_true(row.is_signal);
		if (i < saved)
			g_assert_cmpint(row.regs[LR].how, ==, CFI_UNDEFINED);
		else
			assert_saved(&row);
	}
}

/*
 * The vector has made the room. On other stacks than its own x29 leads back, but no frame is beyond
 * that room.
 */
static void test_exception(void)
{
	static const Row rows[] = {
		{SAVE_X0, SP, ROOM, 0, false},	     {SAVE_X28, SP, ROOM, 0, false},
		{GET_SP, SP, ROOM, 0, false},	     {GET_ELR, SP, ROOM, 0, false},
		{SAVE_LR, SP, ROOM, 0, false},	     {ENTRY_304, SP, ROOM, 0, false},
		{SET_FP_352, SP, ROOM, 0, false},    {SET_FP_304, SP, ROOM, 0, false},
		{SAVE_PC, FP, ROOM - 304, 0, false}, {CALL, FP, ROOM - 304, 0, false},
		{JUMP, FP, ROOM - 304, 0, false},    {NOP, FP, ROOM - 304, 0, false},
	};

	check_exception("el1h_64_irq", rows, G_N_ELEMENTS(rows), 9);
}

/* One that also goes back, as up to Linux 5.13; its record is zeros, as from 6.13 on. */
static void test_whole_exception(void)
{
	static const Row rows[] = {
		{SAVE_X0, SP, ROOM, 0, false},	      {GET_SP, SP, ROOM, 0, false},
		{GET_ELR, SP, ROOM, 0, false},	      {ZEROS_304, SP, ROOM, 0, false},
		{SAVE_PC, SP, ROOM, 0, false},	      {SET_FP_304, SP, ROOM, 0, false},
		{CALL, FP, ROOM - 304, 0, false},     {LOAD_PC, FP, ROOM - 304, 0, false},
		{LOAD_X28, FP, ROOM - 304, 0, false}, {LOAD_LR, SP, ROOM, 0, false},
		{ADD_336, SP, ROOM, 0, false},	      {ERET, SP, 0, 0, false},
		{NOP, FP, ROOM - 304, 0, false},
	};

	check_exception("el1_irq", rows, G_N_ELEMENTS(rows), 5);
}

static void test_return(void)
{
	static const Row rows[] = {
		{LOAD_PC, SP, ROOM, 0, false}, {LOAD_X28, SP, ROOM, 0, false},
		{LOAD_LR, SP, ROOM, 0, false}, {ADD_336, SP, ROOM, 0, false},
		{NOP, SP, 0, 0, false},	       {ERET, SP, 0, 0, false},
		{NOP, SP, ROOM, 0, false},
	};

	check_exception("ret_to_kernel", rows, G_N_ELEMENTS(rows), 0);
}

static void check_uncalled(const char *name, const Row *rows, unsigned n)
{
	g_autoptr(GByteArray) frames = frames_of(name, rows, n);

	for (unsigned i = 0; i < n; i++) {
		CfiRow row = row_at(frames, i);

		g_assert_false(row.is_signal);
		g_assert_cmpint(row.regs[LR].how, ==, CFI_UNDEFINED);
	}
}

/* A user's registers are no frame of the kernel's. */
static void test_user(void)
{
	static const Row come[] = {{.insn = SAVE_X0},	{.insn = GET_ELR}, {.insn = SAVE_LR},
				   {.insn = ZEROS_304}, {.insn = SAVE_PC}, {.insn = CALL}};
	static const Row go[] = {
		{.insn = LOAD_PC}, {.insn = LOAD_X28}, {.insn = LOAD_LR}, {.insn = ERET}};
	static const Row vectors[] = {{.insn = SUB_96}, {.insn = JUMP}};

	check_uncalled("el0t_64_sync", come, G_N_ELEMENTS(come));
	check_uncalled("ret_to_user", go, G_N_ELEMENTS(go));
	check_uncalled("vectors", vectors, G_N_ELEMENTS(vectors));
}

/* With what the first CPU begins, which makes a record and gives it up before it calls
 * start_kernel(). */
static void test_boot(void)
{
	static const Row rows[] = {{.insn = SUB_96},  {.insn = ZEROS_64}, {.insn = SET_FP_64},
				   {.insn = PUSH_32}, {.insn = SET_FP},	  {.insn = CALL},
				   {.insn = POP_32},  {.insn = CALL},	  {.insn = NOP}};

	check_uncalled("__primary_switched", rows, G_N_ELEMENTS(rows));
}

/* Where a CPU begins: nobody has called it. */
static void test_end(void)
{
	static const Row rows[] = {
		{SUB_96, SP, 0, 0, false},
		{ZEROS_64, SP, 96, 0, false},
		{SET_FP_64, SP, 96, 32, false},
		{CALL, FP, 32, 32, false},
	};
	g_autoptr(GByteArray) frames = frames_of("work", rows, G_N_ELEMENTS(rows));

	check(rows, G_N_ELEMENTS(rows));
	g_assert_cmpint(row_at(frames, 3).regs[LR].how, ==, CFI_UNDEFINED);
	g_assert_false(row_at(frames, 3).is_signal);
}

/* ---- Who has called a function that was interrupted before it saved x30 ---- */

#define STACK_TOP 0xffff80000a003000ull

/* Below the top of a stack, by addresses. */
typedef struct Stack {
	uint64_t lr, slots[ROOM / 8];
} Stack;

static uint64_t pop(uint64_t *values, unsigned *n)
{
	g_assert_cmpuint(*n, >, 0);
	return values[--*n];
}

static int64_t operand(const uint8_t **at)
{
	int64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = *(*at)++;
		value |= (int64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return byte & 0x40 ? value - ((int64_t)1 << shift) : value;
}

static uint64_t word_at(const Stack *stack, uint64_t addr)
{
	g_assert_cmphex(addr, <, STACK_TOP);
	g_assert_cmphex(addr, >=, STACK_TOP - ROOM);
	return stack->slots[(addr - (STACK_TOP - ROOM)) / 8];
}

/* Executes one: DWARF 4, 2.5.1. */
static unsigned step(const Stack *stack, const uint8_t **at, uint64_t *values, unsigned n)
{
	uint64_t value;

	switch (*(*at)++) {
	case 0x06: /* deref */
		value = pop(values, &n);
		values[n++] = word_at(stack, value);
		break;
	case 0x12: /* dup */
		value = pop(values, &n);
		values[n++] = value;
		values[n++] = value;
		break;
	case 0x13: /* drop */
		pop(values, &n);
		break;
	case 0x28: /* bra */
		*at += pop(values, &n) ? 2 + (*at)[0] : 2;
		break;
	case 0x2e: /* ne */
		value = pop(values, &n);
		value = pop(values, &n) != value;
		values[n++] = value;
		break;
	case 0x70 + LR:
		values[n++] = stack->lr + operand(at);
		break;
	case 0x70 + SP:
		values[n++] = STACK_TOP + operand(at);
		break;
	default:
		g_error("DWARF operation 0x%x", (*at)[-1]);
	}
	g_assert_cmpuint(n, <=, 8);
	return n;
}

static uint64_t lr_of(const Stack *stack)
{
	static const Row rows[] = {{NOP, SP, 0, 0, false}, {RET, SP, 0, 0, false}};
	g_autoptr(GByteArray) frames = frames_of("leaf", rows, G_N_ELEMENTS(rows));
	CfiRow row = row_at(frames, 1);
	const uint8_t *at = row.regs[LR].expr, *end = at + row.regs[LR].len;
	uint64_t values[10] = {0};
	unsigned n = 0;

	g_assert_cmpint(row.regs[LR].how, ==, CFI_VAL_EXPRESSION);
	while (at < end)
		n = step(stack, &at, values, n);
	g_assert_true(at == end);
	return pop(values, &n);
}

static void test_interrupted_leaf(void)
{
	Stack stack = {.lr = CODE + 4, .slots[240 / 8] = CODE + 0x400, .slots[256 / 8] = CODE + 4};

	/* x30 is its own pc, from the frame of the exception. */
	g_assert_cmphex(lr_of(&stack), ==, CODE + 0x400);
	/* x30 is its caller's: what is below sp belongs to nobody. */
	stack.lr = CODE + 0x800;
	g_assert_cmphex(lr_of(&stack), ==, CODE + 0x800);
}

static void test_room(void)
{
	uint32_t code[64] = {[4] = GUINT32_TO_LE(GET_SP), [10] = GUINT32_TO_LE(GET_ELR)};
	const uint8_t *bytes = (const uint8_t *)code;

	g_assert_cmpuint(linux_records_room(bytes, sizeof(code)), ==, ROOM);
	g_assert_cmpuint(linux_records_room(bytes, 11 * 4), ==, ROOM);
	g_assert_cmpuint(linux_records_room(bytes, 11 * 4 - 1), ==, 0);
	g_assert_cmpuint(linux_records_room(bytes, 0), ==, 0);
	/* A user's comes first, which has none. */
	code[0] = GUINT32_TO_LE(GET_ELR);
	g_assert_cmpuint(linux_records_room(bytes, sizeof(code)), ==, ROOM);
	/* Some other function's x21; one that is too small for the pc. */
	code[10] = 0;
	code[60] = GUINT32_TO_LE(GET_ELR);
	g_assert_cmpuint(linux_records_room(bytes, sizeof(code)), ==, 0);
	code[50] = GUINT32_TO_LE(0x910403f5); /* add x21, sp, #256 */
	g_assert_cmpuint(linux_records_room(bytes, sizeof(code)), ==, 0);
}

/* Not known: each function has its caller in x30, also where an exception comes. */
static void test_no_room(void)
{
	static const Row rows[] = {{.insn = SAVE_X0},
				   {.insn = GET_SP},
				   {.insn = GET_ELR},
				   {.insn = SAVE_PC},
				   {.insn = CALL}};
	g_autoptr(GByteArray) frames = frames_with(0, "el1h_64_irq", rows, G_N_ELEMENTS(rows));

	for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
		g_assert_false(row_at(frames, n).is_signal);
		g_assert_cmpint(row_at(frames, n).regs[LR].how, ==, CFI_UNSET);
	}
}

/* Code may be anything, and be cut anywhere. */
static void test_mad(void)
{
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	static const uint32_t likely[] = {
		PUSH_32,    POP_32,   SUB_96,  ADD_96,	   STORE_64,   LOAD_64,	  SET_FP,  RET,
		SET_FP_64,  PACIASP,  AUTIASP, ZEROS_64,   ENTRY_304,  GET_SP,	  GET_ELR, SAVE_PC,
		SET_FP_304, LOAD_X28, ADD_336, 0xa9bf7bfd, 0xa93f7bfd, 0xa8ff7bfd};
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

		linux_records_frames(symbols, CODE, code, linux_records_room(code->data, code->len),
				     &frames);
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
	linux_records_frames(symbols, CODE, code, 0, &bytes);
	frames = bytes_end(&bytes);
	for (unsigned n = 0; n < G_N_ELEMENTS(insns); n++)
		g_assert_cmpint(row_at(frames, n).regs[LR].how, ==,
				n < 3 ? CFI_UNDEFINED : CFI_UNSET);
}

static const TestCase cases[] = {
	{"first", test_first},
	{"function", test_function},
	{"large", test_large},
	{"leaf", test_leaf},
	{"exception", test_exception},
	{"whole-exception", test_whole_exception},
	{"return", test_return},
	{"user", test_user},
	{"boot", test_boot},
	{"end", test_end},
	{"interrupted-leaf", test_interrupted_leaf},
	{"room", test_room},
	{"no-room", test_no_room},
	{"mad", test_mad},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-records", cases);
}

/*
 * tests/test-ax.c - the sentences of gdbstub/ax.h, ax-printf.h and break-code.h: every opcode,
 * every error, every limit.
 */
#include <string.h>

#include "gdbstub/ax-printf.h"
#include "gdbstub/ax.h"
#include "gdbstub/break-code.h"
#include "gdbstub/target.h"
#include "tests/test-util.h"

/* What the expressions look at: register n is 0x1000 + n up to 15; memory is [0x2000, 0x2200). */
typedef struct World {
	unsigned reads; /* of registers */
	uint8_t memory[0x200];
	GString *printed;
} World;

static bool read_reg(void *opaque, unsigned num, uint64_t *ret)
{
	((World *)opaque)->reads++;
	*ret = 0x1000 + num;
	return num < 16;
}

static bool read_mem(void *opaque, uint64_t addr, void *buf, size_t len)
{
	World *world = opaque;

	g_assert_cmpuint(len, >=, 1);
	g_assert_cmpuint(len, <=, 64);
	if (addr < 0x2000 || addr >= 0x2200 || len > 0x2200 - addr)
		return false;
	memcpy(buf, world->memory + (addr - 0x2000), len);
	return true;
}

static void print(void *opaque, const char *text, size_t len)
{
	g_string_append_len(((World *)opaque)->printed, text, len);
}

static const GdbAxOps ops = {read_reg, read_mem, print};

static World *halt_new(void)
{
	World *world = g_new0(World, 1);

	for (unsigned i = 0; i < sizeof(world->memory); i++)
		world->memory[i] = 0xf0 + i;
	world->printed = g_string_new(NULL);
	return world;
}

static void halt_free(World *world)
{
	g_string_free(world->printed, TRUE);
	g_free(world);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, halt_free)

static GByteArray *from_hex(const char *hex)
{
	GByteArray *bytes = g_byte_array_new();

	for (; *hex; hex += *hex == ' ' ? 1 : 2) {
		uint8_t byte;

		if (*hex == ' ')
			continue;
		byte = g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]);
		g_byte_array_append(bytes, &byte, 1);
	}
	return bytes;
}

static GdbAxStatus eval_hex(World *world, const char *hex, int64_t *ret)
{
	g_autoptr(GByteArray) bytes = from_hex(hex);
	/* A copy of the exact size, so that a sanitizer sees every byte too far. */
	g_autofree uint8_t *code = g_memdup2(bytes->data, bytes->len);

	return gdb_ax_eval(code, bytes->len, &ops, world, &GDB_AX_BUDGET, ret);
}

typedef struct Value {
	const char *hex;
	int64_t value;
} Value;

static void check_values(const Value *rows, unsigned n)
{
	g_autoptr(World) world = halt_new();

	for (unsigned i = 0; i < n; i++) {
		int64_t value = 0;
		GdbAxStatus status = eval_hex(world, rows[i].hex, &value);

		g_test_message("%s", rows[i].hex);
		g_assert_cmpint(status, ==, GDB_AX_OK);
		g_assert_cmphex(value, ==, rows[i].value);
	}
}

#define MINUS_7 "25 fffffffffffffff9 "
#define MIN_64 "25 8000000000000000 "
#define MINUS_1 "25 ffffffffffffffff "

static void test_arithmetic(void)
{
	static const Value rows[] = {
		{"2205 2203 02 27", 8},
		{"2205 2203 03 27", 2},
		{"2203 2205 03 27", -2},
		{"2205 2203 04 27", 15},
		{MINUS_7 "2202 05 27", -3},
		{MINUS_7 "2202 06 27", 0x7ffffffffffffffc},
		{MINUS_7 "2202 07 27", -1},
		{MINUS_7 "2205 08 27", 0xfffffffffffffff9 % 5},
		{MIN_64 MINUS_1 "05 27", INT64_MIN},
		{MIN_64 MINUS_1 "07 27", 0},
		{"2201 2204 09 27", 16},
		{"2201 2240 09 27", 0},
		{MINUS_7 "2201 0a 27", -4},
		{MINUS_7 "22ff 0a 27", -1},
		{MINUS_7 "2201 0b 27", 0x7ffffffffffffffc},
		{MINUS_7 "2240 0b 27", 0},
	};

	check_values(rows, G_N_ELEMENTS(rows));
}

static void test_bits_and_comparisons(void)
{
	static const Value rows[] = {
		{"2200 0e 27", 1},	   {"2207 0e 27", 0},
		{"220c 220a 0f 27", 8},	   {"220c 220a 10 27", 14},
		{"220c 220a 11 27", 6},	   {"2200 12 27", -1},
		{"2204 2204 13 27", 1},	   {"2204 2205 13 27", 0},
		{MINUS_7 "2201 14 27", 1}, {"2201 " MINUS_7 "14 27", 0},
		{MINUS_7 "2201 15 27", 0}, {"2201 " MINUS_7 "15 27", 1},
		{"2204 2204 14 27", 0},	   {"2204 2204 15 27", 0},
		{"22ff 1608 27", -1},	   {"227f 1608 27", 127},
		{"230180 1608 27", -128},  {MINUS_7 "1640 27", -7},
		{MINUS_7 "1600 27", -7},   {"2201 1601 27", -1},
		{MINUS_7 "2a08 27", 0xf9}, {MINUS_7 "2a40 27", -7},
		{MINUS_7 "2a00 27", 0},	   {"25 0000000180000000 1620 27", (int64_t)-0x80000000ll},
	};

	check_values(rows, G_N_ELEMENTS(rows));
}

static void test_constants_and_memory(void)
{
	static const Value rows[] = {
		{"22ff 27", 255},
		{"23fffe 27", 0xfffe},
		{"24fffffffe 27", 0xfffffffe},
		{"25 0123456789abcdef 27", 0x0123456789abcdef},
		{"26000f 27", 0x100f},
		{"232001 17 27", 0xf1},
		{"232001 18 27", 0xf2f1},
		{"232001 19 27", 0xf4f3f2f1},
		{"232001 1a 27", (int64_t)0xf8f7f6f5f4f3f2f1},
		{"2321ff 17 27", 0xef},
	};

	check_values(rows, G_N_ELEMENTS(rows));
}

static void test_stack_and_jumps(void)
{
	static const Value rows[] = {
		{"2205 28 02 27", 10},
		{"2205 2206 29 27", 5},
		{"2205 2206 2b 03 27", 1},
		{"2205 2206 2207 3200 27", 7},
		{"2205 2206 2207 3202 27", 5},
		/* a b c becomes c a b. */
		{"2201 2202 2203 33 27", 2},
		{"2201 2202 2203 33 29 27", 1},
		{"2201 2202 2203 33 29 29 27", 3},
		{"2201 200008 2205 27 2206 27", 6},
		{"2200 200008 2205 27 2206 27", 5},
		{"210006 2205 27 2206 27", 6},
		/* 10 + 9 + ... + 1, in a loop. */
		{"2200 220a 28 33 02 2b 2201 03 28 200004 29 27", 55},
	};

	check_values(rows, G_N_ELEMENTS(rows));
}

/* Tracing is not there: operands are taken, variables are 0. */
static void test_trace(void)
{
	static const Value rows[] = {
		{"2205 2206 2207 0c 27", 5},  {"2205 0d08 27", 5}, {"2205 2206 2207 2f 27", 5},
		{"2205 300010 27", 5},	      {"2c0001 27", 0},	   {"2205 2d0001 27", 5},
		{"2205 2d0001 2c0001 27", 0}, {"2e0001 27", 0},
	};

	check_values(rows, G_N_ELEMENTS(rows));
}

typedef struct Failure {
	const char *hex;
	GdbAxStatus status;
} Failure;

static void check_failures(const Failure *rows, unsigned n)
{
	g_autoptr(World) world = halt_new();

	for (unsigned i = 0; i < n; i++) {
		int64_t value = 4711;

		g_test_message("%s", rows[i].hex);
		g_assert_cmpint(eval_hex(world, rows[i].hex, &value), ==, rows[i].status);
		g_assert_cmpint(value, ==, 4711);
	}
	g_assert_cmpstr(world->printed->str, ==, "");
}

static void test_errors(void)
{
	static const Failure rows[] = {
		{"", GDB_AX_BAD_OPCODE},
		{"2205", GDB_AX_BAD_OPCODE},
		{"00 27", GDB_AX_BAD_OPCODE},
		{"01 27", GDB_AX_BAD_OPCODE},
		{"31 27", GDB_AX_BAD_OPCODE},
		{"35 27", GDB_AX_BAD_OPCODE},
		{"ff", GDB_AX_BAD_OPCODE},
		{"22", GDB_AX_BAD_OPCODE},
		{"23ff", GDB_AX_BAD_OPCODE},
		{"25ffffffffffffff", GDB_AX_BAD_OPCODE},
		{"2600", GDB_AX_BAD_OPCODE},
		{"210003", GDB_AX_BAD_JUMP},
		{"21ffff 27", GDB_AX_BAD_JUMP},
		{"2201 200100 27", GDB_AX_BAD_JUMP},
		{"210000", GDB_AX_TOO_LONG},
		{"2200 210000", GDB_AX_OVERFLOW},
		{"2201 2200 05 27", GDB_AX_DIVIDE},
		{"2201 2200 06 27", GDB_AX_DIVIDE},
		{"2201 2200 07 27", GDB_AX_DIVIDE},
		{"2201 2200 08 27", GDB_AX_DIVIDE},
		{"231fff 17 27", GDB_AX_NO_MEMORY},
		{"2321ff 18 27", GDB_AX_NO_MEMORY},
		{MINUS_1 "1a 27", GDB_AX_NO_MEMORY},
		{"260010 27", GDB_AX_NO_REGISTER},
		{"26ffff 27", GDB_AX_NO_REGISTER},
		{"2201 3201 27", GDB_AX_UNDERFLOW},
		{"3200 27", GDB_AX_UNDERFLOW},
		{"27", GDB_AX_NO_RESULT},
		{"2201 29 27", GDB_AX_NO_RESULT},
	};

	check_failures(rows, G_N_ELEMENTS(rows));
}

/* How many cells each opcode takes: with one less it is an underflow. */
static void test_underflow(void)
{
	static const struct {
		const char *hex;
		unsigned pops;
	} rows[] = {
		{"02", 2},     {"03", 2},     {"04", 2},     {"05", 2}, {"06", 2},   {"07", 2},
		{"08", 2},     {"09", 2},     {"0a", 2},     {"0b", 2}, {"0c", 2},   {"0d01", 1},
		{"0e", 1},     {"0f", 2},     {"10", 2},     {"11", 2}, {"12", 1},   {"13", 2},
		{"14", 2},     {"15", 2},     {"1608", 1},   {"17", 1}, {"18", 1},   {"19", 1},
		{"1a", 1},     {"200000", 1}, {"28", 1},     {"29", 1}, {"2a08", 1}, {"2b", 2},
		{"2d0000", 1}, {"2f", 2},     {"300001", 1}, {"33", 3},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(World) world = halt_new();
		g_autoptr(GString) hex = g_string_new(NULL);
		int64_t value;

		for (unsigned k = 1; k < rows[i].pops; k++)
			g_string_append(hex, "232000");
		g_string_append(hex, rows[i].hex);
		g_string_append(hex, "27");
		g_assert_cmpint(eval_hex(world, hex->str, &value), ==, GDB_AX_UNDERFLOW);
	}
}

/* A hundred cells fit, and ten thousand steps. */
static void test_limits(void)
{
	g_autoptr(World) world = halt_new();
	g_autoptr(GString) hex = g_string_new(NULL);
	int64_t value;

	for (unsigned i = 0; i < GDB_AX_STACK; i++)
		g_string_append(hex, "2207");
	g_string_append(hex, "27");
	g_assert_cmpint(eval_hex(world, hex->str, &value), ==, GDB_AX_OK);
	g_string_insert(hex, 0, "2207");
	g_assert_cmpint(eval_hex(world, hex->str, &value), ==, GDB_AX_OVERFLOW);

	g_string_assign(hex, "2207");
	for (unsigned i = 0; i < GDB_AX_STEPS - 2; i++)
		g_string_append(hex, "12");
	g_string_append(hex, "27");
	g_assert_cmpint(eval_hex(world, hex->str, &value), ==, GDB_AX_OK);
	g_string_insert(hex, 4, "12");
	g_assert_cmpint(eval_hex(world, hex->str, &value), ==, GDB_AX_TOO_LONG);
}

static void test_status_text(void)
{
	for (int i = GDB_AX_OK; i <= GDB_AX_NO_RESULT; i++)
		g_assert_cmpuint(strlen(gdb_ax_status_text(i)), >, 5);
	g_assert_nonnull(gdb_ax_status_text(9999));
}

/* ---- printf ---- */

/* The arguments are 65, -2, 0x2100 ("hello"), 0x123456789a. */
static GdbAxStatus format(World *world, const char *text, unsigned count)
{
	static const uint64_t args[] = {65, (uint64_t)-2, 0x2100, 0x123456789aull};

	memcpy(world->memory + 0x100, "hello", 6);
	g_string_truncate(world->printed, 0);
	return gdb_ax_printf(text, args, count, &ops, world);
}

static void test_printf(void)
{
	static const struct {
		const char *format, *text;
	} rows[] = {
		{"", ""},
		{"100%% %%d", "100% %d"},
		{"%d %d %s", "65 -2 hello"},
		{"%u %u", "65 4294967294"},
		{"%lx %lx", "41 fffffffffffffffe"},
		{"%hhd %hu", "65 65534"},
		{"%c%c", "A\xfe"},
		{"%-5d|%05i|%.3s|", "65   |-0002|hel|"},
		{"%o %X %p %llx", "101 FFFFFFFE 0x2100 123456789a"},
		{"%#x %zd", "0x41 -2"},
		{"%3c|%-3c|", "  A|\xfe  |"},
		{"%p|%20p|%s", "0x41|  0xfffffffffffffffe|hello"},
		{"a\\n\\t\\\\\\\"\\a\\b\\e\\f\\r\\v", "a\n\t\\\"\a\b\033\f\r\v"},
	};
	g_autoptr(World) world = halt_new();

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_cmpint(format(world, rows[i].format, 4), ==, GDB_AX_OK);
		g_assert_cmpstr(world->printed->str, ==, rows[i].text);
	}
	g_assert_cmpint(format(world, "no print", 0), ==, GDB_AX_OK);
}

static void test_printf_bad(void)
{
	static const char *const bad[] = {
		"%",	"%n", "%f", "%ls", "%lc",    "%*d",	 "%1000d", "%.1000d", "%y",
		"%hhn", "%5", "\\", "\\q", "%d%d%d", "%-+ #0-d", "%Ld",	   "%'d",
	};
	g_autoptr(World) world = halt_new();

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_test_message("%s", bad[i]);
		g_assert_cmpint(format(world, bad[i], 2), ==, GDB_AX_BAD_FORMAT);
		g_assert_cmpstr(world->printed->str, ==, "");
	}
}

static void test_printf_strings(void)
{
	g_autoptr(World) world = halt_new();
	uint64_t hole = 0x5000, nil = 0, last = 0x21f0;

	g_assert_cmpint(gdb_ax_printf("x%s", &hole, 1, &ops, world), ==, GDB_AX_NO_MEMORY);
	g_assert_cmpstr(world->printed->str, ==, "");
	g_assert_cmpint(gdb_ax_printf("x%s", &nil, 1, &ops, world), ==, GDB_AX_OK);
	g_assert_cmpstr(world->printed->str, ==, "x(null)");
	/* It ends where memory ends. */
	g_string_truncate(world->printed, 0);
	memset(world->memory + 0x1f0, 'z', 16);
	g_assert_cmpint(gdb_ax_printf("%s", &last, 1, &ops, world), ==, GDB_AX_OK);
	g_assert_cmpstr(world->printed->str, ==, "zzzzzzzzzzzzzzzz");
}

/* Long lines are cut, however long the format. */
static void test_printf_long(void)
{
	g_autoptr(World) world = halt_new();
	g_autoptr(GString) text = g_string_new(NULL);
	uint64_t args[30] = {0};

	for (unsigned i = 0; i < G_N_ELEMENTS(args); i++)
		g_string_append(text, "%999d");
	g_assert_cmpint(gdb_ax_printf(text->str, args, G_N_ELEMENTS(args), &ops, world), ==,
			GDB_AX_OK);
	g_assert_cmpuint(world->printed->len, ==, GDB_AX_LINE_MAX);
}

/* The opcode: arguments, the first on top; then channel and function. */
static void test_printf_opcode(void)
{
	static const Failure bad[] = {
		{"34 00 0002 4142", GDB_AX_BAD_FORMAT}, /* no NUL */
		{"34 00 0000", GDB_AX_BAD_FORMAT},
		{"34 00 0009 4100", GDB_AX_BAD_FORMAT}, /* not as long as it says */
		{"34 0000", GDB_AX_BAD_OPCODE},
		{"34 00 0002 4100 27", GDB_AX_UNDERFLOW},
		{"2200 2200 34 01 0002 4100 27", GDB_AX_UNDERFLOW},
		{"2200 2200 2200 34 01 0003 256e00 27", GDB_AX_BAD_FORMAT},
		{"2200 2200 34 ff 0002 4100 27", GDB_AX_UNDERFLOW},
	};
	g_autoptr(World) world = halt_new();
	int64_t value;

	check_failures(bad, G_N_ELEMENTS(bad));
	/* printf("%d-%x\n", 5, 6) and then 9. */
	g_assert_cmpint(
		eval_hex(world, "2206 2205 2200 2200 34 02 0008 25642d25785c6e00 2209 27", &value),
		==, GDB_AX_OK);
	g_assert_cmpint(value, ==, 9);
	g_assert_cmpstr(world->printed->str, ==, "5-6\n");
	/* No value is fine when none is asked for. */
	g_assert_cmpint(eval_hex(world, "2200 2200 34 00 0002 4100 27", NULL), ==, GDB_AX_OK);
	/* For ever: each turn prints. */
	g_string_truncate(world->printed, 0);
	g_assert_cmpint(eval_hex(world, "2200 2200 34 00 0002 4100 210000", NULL), ==,
			GDB_AX_TOO_LONG);
	g_assert_cmpuint(world->printed->len, ==, GDB_AX_PRINTS);
}

/* ---- Conditions and commands of a breakpoint ---- */

static GdbBreakCode *parse(const char *text, GError **error)
{
	g_autofree char *exact = g_memdup2(text, strlen(text));

	return gdb_break_code_parse(gdb_text(exact, strlen(text)), error);
}

/* What lies behind the packet is no part of it, digits or not. */
static void test_code_too_long(void)
{
	g_assert_null(gdb_break_code_parse(gdb_text("X2,27272727", 5), NULL));
}

static void test_code_parse(void)
{
	static const char *const good[] = {
		"X1,27",
		"X3,220127",
		"X3,220127X3,220027",
		"X3,220127;X3,220027",
		"cmds:0,X1,27",
		"cmds:1,X1,27X1,27",
		"X3,220127;cmds:0,X1,27",
		"X03,220127;",
	};
	static const char *const bad[] = {
		"",
		";",
		"X",
		"X1",
		"X1,",
		"X1,2",
		"X2,27",
		"X0,",
		"X1,zz",
		"X1,27Y",
		"Xffffffff,27",
		"cmds:",
		"cmds:0",
		"cmds:0,",
		"cmds:,X1,27",
		"cmds:0,cmds:0,X1,27",
		"Y1,27",
		"X-1,27",
		"X1,27;cmds:0X1,27",
		"Xffffffffffffffffff,27",
		"x1,27",
		" X1,27",
		"X8000000000000000,27",
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GdbBreakCode) code = parse(good[i], &error);

		g_assert_no_error(error);
		g_assert_nonnull(code);
		gdb_break_code_unref(gdb_break_code_ref(code));
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_test_message("%s", bad[i]);
		g_assert_null(parse(bad[i], &error));
		g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
	}
}

static void test_code_limits(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GdbBreakCode) code = NULL;

	for (unsigned i = 0; i < GDB_BREAK_CODE_EXPRS; i++)
		g_string_append(text, "X1,27");
	code = parse(text->str, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(gdb_break_code_size(code), ==, GDB_BREAK_CODE_EXPRS);
	g_string_append(text, "X1,27");
	g_assert_null(parse(text->str, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOSPC);
	g_clear_error(&error);
	g_string_printf(text, "X%x,", GDB_BREAK_CODE_MAX + 1);
	for (unsigned i = 0; i <= GDB_BREAK_CODE_MAX; i++)
		g_string_append(text, "27");
	g_assert_null(parse(text->str, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOSPC);
}

#define TRUE_ "X3,220127"
#define FALSE_ "X3,220027"
#define ERROR_ "X5,2201220005"
/* printf("A") */
#define PRINT_ "Xb,2200220034000002410027"

static void test_code_hit(void)
{
	static const struct {
		const char *code;
		bool stops;
		const char *printed;
	} rows[] = {
		{TRUE_, true, ""},
		{FALSE_, false, ""},
		{ERROR_, true, ""},
		{FALSE_ FALSE_, false, ""},
		{FALSE_ TRUE_, true, ""},
		{TRUE_ FALSE_, true, ""},
		{FALSE_ ERROR_, true, ""},
		{"X1,27", true, ""},
		{"cmds:0," PRINT_, false, "A"},
		{"cmds:1," PRINT_ PRINT_, false, "AA"},
		{TRUE_ ";cmds:0," PRINT_, false, "A"},
		{FALSE_ ";cmds:0," PRINT_, false, ""},
		{FALSE_ TRUE_ ";cmds:0," PRINT_, false, "A"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(World) world = halt_new();
		g_autoptr(GError) error = NULL;
		g_autoptr(GdbBreakCode) code = parse(rows[i].code, &error);
		GdbAxStatus status;

		g_assert_no_error(error);
		g_test_message("%s", rows[i].code);
		g_assert_cmpint(gdb_break_code_hit(code, &ops, world, &GDB_AX_BUDGET, &status), ==,
				rows[i].stops);
		g_assert_cmpint(status, ==, GDB_AX_OK);
		g_assert_cmpstr(world->printed->str, ==, rows[i].printed);
	}
}

/* A command that fails is told, and the next one still runs. */
static void test_code_command_fails(void)
{
	g_autoptr(World) world = halt_new();
	g_autoptr(GdbBreakCode) code = parse("cmds:0," ERROR_ PRINT_, NULL);
	GdbAxStatus status;

	g_assert_false(gdb_break_code_hit(code, &ops, world, &GDB_AX_BUDGET, &status));
	g_assert_cmpint(status, ==, GDB_AX_DIVIDE);
	g_assert_cmpstr(world->printed->str, ==, "A");
}

/* However many expressions come with a breakpoint, a hit takes no longer than one may. */
static void test_code_budget(void)
{
	g_autoptr(World) world = halt_new();
	g_autoptr(GString) text = g_string_new(NULL);
	GdbAxBudget budget = GDB_AX_BUDGET;
	GdbAxStatus status;

	/* Each would read register 0, and print, for ever. */
	g_string_append(text, "X1,27;cmds:0,");
	for (unsigned i = 0; i < 200; i++)
		g_string_append(text, "X11,260000292200220034000002410021"
				      "0000");
	g_autoptr(GdbBreakCode) code = parse(text->str, NULL);
	g_assert_nonnull(code);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_false(gdb_break_code_hit(code, &ops, world, &budget, &status));
		g_assert_cmpint(status, ==, GDB_AX_TOO_LONG);
		g_assert_cmpuint(world->printed->len, ==, GDB_AX_PRINTS);
		g_assert_cmpuint(world->reads, >, GDB_AX_PRINTS);
		g_assert_cmpuint(world->reads, <, GDB_AX_STEPS);
	}
	/* The other breakpoint there asks: a condition that cannot be evaluated stops. */
	g_autoptr(GdbBreakCode) never = parse(FALSE_, NULL);
	budget.steps = 0;
	g_assert_true(gdb_break_code_hit(never, &ops, world, &budget, &status));
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"arithmetic", test_arithmetic},
		{"bits-and-comparisons", test_bits_and_comparisons},
		{"constants-and-memory", test_constants_and_memory},
		{"stack-and-jumps", test_stack_and_jumps},
		{"trace", test_trace},
		{"errors", test_errors},
		{"underflow", test_underflow},
		{"limits", test_limits},
		{"status-text", test_status_text},
		{"printf", test_printf},
		{"printf-bad", test_printf_bad},
		{"printf-strings", test_printf_strings},
		{"printf-long", test_printf_long},
		{"printf-opcode", test_printf_opcode},
		{"code-parse", test_code_parse},
		{"code-too-long", test_code_too_long},
		{"code-limits", test_code_limits},
		{"code-hit", test_code_hit},
		{"code-command-fails", test_code_command_fails},
		{"code-budget", test_code_budget},
		{0},
	};

	return test_main(argc, argv, "ax", cases);
}

/*
 * tests/fuzz-ax.c - fuzzes agent expressions and the lists of them in Z packets: no input may crash
 * the evaluator, make it run for long or print without bound.
 *
 * The first byte chooses: bit 0 set: the rest is the text behind "Z0,addr,kind;", which is read
 * and asked; else the rest is bytecode.
 */
#include <string.h>

#include "gdbstub/ax.h"
#include "gdbstub/break-code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_reg(void *opaque G_GNUC_UNUSED, unsigned num, uint64_t *ret)
{
	*ret = num * 0x0101010101010101ull;
	return num < 200;
}

/* A page of text without end, and one of zeros behind it. */
static bool read_mem(void *opaque G_GNUC_UNUSED, uint64_t addr, void *buf, size_t len)
{
	g_assert_cmpuint(len, >=, 1);
	g_assert_cmpuint(len, <=, 64);
	if (addr >= 0x2000 || len > 0x2000 - addr)
		return false;
	memset(buf, addr < 0x1000 ? 'x' : 0, len);
	return true;
}

static void count(void *opaque, const char *text G_GNUC_UNUSED, size_t len)
{
	unsigned *prints = opaque;

	g_assert_cmpuint(len, <=, GDB_AX_LINE_MAX);
	++*prints;
}

static const GdbAxOps ops = {read_reg, read_mem, count};

static void fuzz_text(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GdbBreakCode) code = gdb_break_code_parse(gdb_text(data, size), &error);
	unsigned prints = 0;
	GdbAxStatus status;

	g_assert_true(!code == !!error);
	if (!code)
		return;
	g_assert_cmpuint(gdb_break_code_size(code), <=, GDB_BREAK_CODE_MAX);
	gdb_break_code_hit(code, &ops, &prints, &GDB_AX_BUDGET, &status);
	g_assert_nonnull(gdb_ax_status_text(status));
}

static void fuzz_code(const uint8_t *data, size_t size)
{
	unsigned prints = 0;
	int64_t value = 0;
	GdbAxStatus status = gdb_ax_eval(data, size, &ops, &prints, &GDB_AX_BUDGET, &value);

	g_assert_cmpuint(prints, <=, GDB_AX_PRINTS);
	g_assert_true(status == GDB_AX_OK || value == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree uint8_t *copy = NULL;

	if (size < 2)
		return 0;
	copy = g_memdup2(data + 1, size - 1);
	if (data[0] & 1)
		fuzz_text(copy, size - 1);
	else
		fuzz_code(copy, size - 1);
	return 0;
}

/*
 * tests/test-guest-orc.c - the sentences of guest/orc.h: small tables of each layout, and the table
 * of a real kernel, where its vmlinux is in the lab's cache.
 */
#include "guest/orc.h"

#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "guest/memory.h"
#include "tests/cfi.h"
#include "tests/test-util.h"

#define IPS 0xffffffff82000000u
#define TEXT 0xffffffff81000000u
enum { RBX = 3, RDI = 5, RBP = 6, RSP = 7, R10 = 10, RIP = 16, EFLAGS = 49, CS = 51 };

/* One entry: @fields are the bit fields as the kernel's compiler lays them out. */
typedef struct Entry {
	int64_t addr; /* from TEXT */
	int16_t sp_offset, bp_offset;
	uint16_t fields;
} Entry;

/* sp_reg, bp_reg, type, and the bit after the type or the second one after it. */
#define OLD(sp, bp, type) ((sp) | (bp) << 4 | (type) << 8)
#define SIGNAL_6_3 (1u << 10)
#define SIGNAL_6_4 (1u << 11)

typedef struct Table {
	GByteArray *ips, *entries;
	LinuxOrc orc;
} Table;

static void table_add(Table *table, const Entry *entry)
{
	uint32_t at = table->ips->len;
	int32_t ip = (int32_t)(TEXT + (uint64_t)entry->addr - (IPS + at));
	uint16_t raw[3] = {GUINT16_TO_LE((uint16_t)entry->sp_offset),
			   GUINT16_TO_LE((uint16_t)entry->bp_offset), GUINT16_TO_LE(entry->fields)};

	ip = GINT32_TO_LE(ip);
	g_byte_array_append(table->ips, (const uint8_t *)&ip, 4);
	g_byte_array_append(table->entries, (const uint8_t *)raw, 6);
}

static Table *table_new(const char *release, const Entry *entries, size_t n)
{
	Table *table = g_new0(Table, 1);

	table->ips = g_byte_array_new();
	table->entries = g_byte_array_new();
	for (size_t i = 0; i < n; i++)
		table_add(table, &entries[i]);
	table->orc = (LinuxOrc){
		.ips = table->ips, .entries = table->entries, .ips_addr = IPS, .release = release};
	return table;
}

static void table_free(Table *table)
{
	g_byte_array_unref(table->ips);
	g_byte_array_unref(table->entries);
	g_free(table);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

#define TABLE(release, ...)                                                                        \
	table_new(release, (const Entry[]){__VA_ARGS__},                                           \
		  sizeof((const Entry[]){__VA_ARGS__}) / sizeof(Entry))

static GByteArray *frames_of(const Table *table)
{
	g_autoptr(GError) error = NULL;
	GByteArray *frames = linux_orc_frames(&table->orc, &error);

	g_assert_no_error(error);
	return frames;
}

static CfiRow row_at(const GByteArray *frames, int64_t addr)
{
	CfiRow row;

	g_assert_true(cfi_find(frames->data, frames->len, TEXT + (uint64_t)addr, &row));
	g_assert_false(row.lldb_differs);
	return row;
}

static bool has_row(const GByteArray *frames, int64_t addr)
{
	CfiRow row;

	return cfi_find(frames->data, frames->len, TEXT + (uint64_t)addr, &row);
}

static void assert_cfa(const CfiRow *row, unsigned reg, int64_t offset)
{
	g_assert_cmpint(row->cfa.how, ==, CFI_OFFSET);
	g_assert_cmpuint(row->cfa.reg, ==, reg);
	g_assert_cmpint(row->cfa.offset, ==, offset);
}

static void assert_saved(const CfiRow *row, unsigned reg, int64_t offset)
{
	g_assert_cmpint(row->regs[reg].how, ==, CFI_OFFSET);
	g_assert_cmpint(row->regs[reg].offset, ==, offset);
}

static void assert_how(const CfiRow *row, unsigned reg, CfiHow how)
{
	g_assert_cmpint(row->regs[reg].how, ==, how);
}

/* ---- Functions that were called ---- */

static void test_call(void)
{
	g_autoptr(Table) table =
		TABLE("6.1.0-56-cloud-amd64", {0, 8, 0, OLD(5, 0, 0)}, {1, 16, -16, OLD(5, 1, 0)},
		      {0x50, 16, -16, OLD(4, 1, 0)}, {0x200, 300, -16, OLD(5, 1, 0)},
		      {0x20000, 8, 0, OLD(5, 0, 0)}, {0x20001, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);
	CfiRow row = row_at(frames, 0);

	assert_cfa(&row, RSP, 8);
	assert_saved(&row, RIP, -8);
	assert_how(&row, RBP, CFI_SAME);
	assert_how(&row, RBX, CFI_UNDEFINED);
	g_assert_false(row.is_signal);
	row = row_at(frames, 1);
	assert_cfa(&row, RSP, 16);
	assert_saved(&row, RBP, -16);
	row = row_at(frames, 0x4f);
	assert_cfa(&row, RSP, 16);
	row = row_at(frames, 0x50);
	assert_cfa(&row, RBP, 16);
	assert_saved(&row, RBP, -16);
	row = row_at(frames, 0x1ffff);
	assert_cfa(&row, RSP, 300);
	row = row_at(frames, 0x20000);
	assert_cfa(&row, RSP, 8);
	assert_how(&row, RBP, CFI_SAME);
	assert_saved(&row, RIP, -8);
	/* The last one is only where the one before it ends. */
	g_assert_false(has_row(frames, 0x20001));
	g_assert_false(has_row(frames, -1));
}

/* What gcc makes of a stack that it aligns: rbp is at rbp, the frame's address is below it. */
static void test_realigned(void)
{
	g_autoptr(Table) table =
		TABLE("6.1.0", {0, 0, 0, OLD(6, 0, 0)}, {8, 77, 0, OLD(6, 4, 0)},
		      {16, -8, 0, OLD(8, 4, 0)}, {24, -200, -8, OLD(4, 4, 0)}, {32, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);
	CfiRow row = row_at(frames, 0);

	assert_cfa(&row, R10, 0);
	row = row_at(frames, 8);
	/* The kernel takes r10 without the offset. */
	assert_cfa(&row, R10, 0);
	g_assert_cmpmem(row.regs[RBP].expr, row.regs[RBP].len, "\x76\x00", 2);
	row = row_at(frames, 16);
	g_assert_cmpint(row.cfa.how, ==, CFI_EXPRESSION);
	g_assert_cmpmem(row.cfa.expr, row.cfa.len, "\x76\x78\x06", 3);
	row = row_at(frames, 24);
	assert_cfa(&row, RBP, -200);
	g_assert_cmpmem(row.regs[RBP].expr, row.regs[RBP].len, "\x76\x78", 2);
}

/* The stack of interrupts: the old stack pointer is at the top of it. */
static void test_other_stack(void)
{
	static const Entry entries[] = {
		{0, 8, -16, OLD(9, 1, 0)}, {16, 8, 0, OLD(5, 0, 0)}, {32, 0, 0, 0}};
	g_autoptr(Table) old = table_new("5.11.22", entries, G_N_ELEMENTS(entries));
	g_autoptr(Table) new = table_new("5.12.0", entries, G_N_ELEMENTS(entries));
	g_autoptr(GByteArray) old_frames = frames_of(old), new_frames = frames_of(new);
	CfiRow row = row_at(new_frames, 0);

	g_assert_cmpmem(row.cfa.expr, row.cfa.len, "\x77\x00\x06\x11\x08\x22", 6);
	assert_saved(&row, RBP, -16);
	row = row_at(new_frames, 16);
	assert_cfa(&row, RSP, 8);
	row = row_at(old_frames, 0);
	g_assert_cmpmem(row.cfa.expr, row.cfa.len, "\x77\x08\x06", 3);
}

/* ---- Entry code ---- */

static void assert_pt_regs(const CfiRow *row)
{
	/* r15 to rdi, orig_rax, and what the CPU saves. */
	static const uint8_t regs[] = {15, 14, 13, 12, RBP, RBX, 11, 10, 9, 8, 0, 2, 1, 4, RDI};

	for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++)
		assert_saved(row, regs[i], 8 * i);
	assert_saved(row, RIP, 128);
	assert_saved(row, CS, 136);
	assert_saved(row, EFLAGS, 144);
	assert_saved(row, RSP, 152);
}

static void assert_iret(const CfiRow *row)
{
	assert_saved(row, RIP, 0);
	assert_saved(row, CS, 8);
	assert_saved(row, EFLAGS, 16);
	assert_saved(row, RSP, 24);
	assert_how(row, RBX, CFI_SAME);
	assert_how(row, RBP, CFI_SAME);
}

static void test_registers(void)
{
	g_autoptr(Table) table =
		TABLE("5.10.0-30-amd64", {0, 0, 0, OLD(5, 0, 2)}, {4, 8, 0, OLD(5, 0, 2)},
		      {16, 0, 0, OLD(5, 0, 1)}, {24, 8, 0, OLD(5, 0, 1)}, {40, 8, 0, OLD(5, 0, 0)},
		      {48, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);
	CfiRow row = row_at(frames, 4);

	assert_cfa(&row, RSP, 8);
	assert_iret(&row);
	g_assert_true(row.is_signal);
	row = row_at(frames, 0);
	assert_cfa(&row, RSP, 0);
	assert_iret(&row);
	row = row_at(frames, 16);
	assert_cfa(&row, RSP, 0);
	assert_pt_regs(&row);
	g_assert_true(row.is_signal);
	row = row_at(frames, 39);
	assert_cfa(&row, RSP, 8);
	assert_pt_regs(&row);
	row = row_at(frames, 40);
	g_assert_false(row.is_signal);
	assert_saved(&row, RIP, -8);
}

/* gdb goes on to a stack that lies lower only from a frame that was interrupted. */
static void test_lower_stack(void)
{
	g_autoptr(Table) table =
		TABLE("6.1.0", {0, 16, 0, OLD(5, 0, 0)}, {8, 16, 0, OLD(9, 0, 0)},
		      {16, 16, 0, OLD(10, 0, 0)}, {24, 16, 0, OLD(5, 0, 0)}, {32, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);

	for (unsigned i = 0; i < 4; i++)
		g_assert_cmpint(row_at(frames, 8 * i).is_signal, ==, i == 1);
}

static void test_end(void)
{
	g_autoptr(Table) table = TABLE("6.1.0", {0, 0, 0, OLD(0, 0, 0) | 1 << 10},
				       {8, 16, 0, OLD(5, 0, 0)}, {16, 0, 0, OLD(0, 0, 0)},
				       {24, 16, 0, OLD(5, 0, 0)}, {32, 16, 0, OLD(14, 0, 0)},
				       {40, 0, 0, OLD(5, 0, 1)}, {48, 0, 0, 0}, {56, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);

	for (unsigned i = 0; i < 7; i++) {
		CfiRow row = row_at(frames, 8 * i);

		if (i % 2)
			g_assert_cmpint(row.regs[RIP].how, ==, CFI_OFFSET);
		else
			assert_how(&row, RIP, CFI_UNDEFINED);
		g_assert_cmpint(row.cfa.how, ==, CFI_OFFSET);
		if (i == 1 || i == 3)
			assert_cfa(&row, RSP, 16);
	}
}

/* A description may begin with a row that has saved rbp, behind a hole in the table or 95 others.
 */
static void test_first_row(void)
{
	g_autoptr(Table) table =
		TABLE("6.1.0", {0, 16, -16, OLD(5, 1, 0)}, {8, 8, 0, OLD(5, 0, 0)}, {16, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);
	CfiRow row = row_at(frames, 0);

	assert_saved(&row, RBP, -16);
	row = row_at(frames, 8);
	assert_how(&row, RBP, CFI_SAME);
}

/* The kernel's unwinder gives up in a thunk, which only jumps; a debugger need not. */
static void test_thunks(void)
{
	g_autoptr(Table) table =
		TABLE("6.1.0", {0, 16, 0, OLD(5, 0, 0)}, {0x40, 0, 0, OLD(0, 0, 0)},
		      {0x60, 0, 0, OLD(0, 0, 0) | 1 << 10}, {0x80, 0, 0, 0});
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	g_autoptr(GByteArray) without = frames_of(table), frames = NULL;
	CfiRow row = row_at(without, 0x44);

	assert_how(&row, RIP, CFI_UNDEFINED);
	linux_symbols_add(symbols, TEXT, 't', "work", 4);
	linux_symbols_add(symbols, TEXT + 0x40, 'T', "__x86_indirect_thunk_rax", 24);
	linux_symbols_add(symbols, TEXT + 0x60, 'T', "entry_SYSCALL_64", 16);
	linux_symbols_sort(symbols);
	table->orc.symbols = symbols;
	frames = frames_of(table);
	row = row_at(frames, 0x44);
	assert_cfa(&row, RSP, 8);
	assert_saved(&row, RIP, -8);
	row = row_at(frames, 0x64);
	assert_how(&row, RIP, CFI_UNDEFINED);
}

/* ---- Layouts ---- */

#define HASH_6_3 "\xdb\x84\xae\xd4\x10\x3b\x31\xdd\x51\xe0\x17\xf8\xf7\x97\x83\xca\x98\x5c\x2c\x51"
#define HASH_6_4 "\xfe\x5d\x32\xbf\x58\x1b\xd6\x3b\x2c\xa9\xa5\xc6\x5b\xa5\xa6\x25\xea\xb3\xfe\x24"
#define HASH_AX "\x13\x7c\x36\xad\x76\x27\xc4\xdd\x55\x93\x21\x76\xbb\x0e\xcd\xbd\x50\x41\xfc\x82"

static void test_6_3(void)
{
	g_autoptr(Table) table = TABLE(
		"6.3.0", {0, 8, 0, OLD(5, 0, 0)}, {8, 8, 0, OLD(5, 0, 0) | SIGNAL_6_3},
		{16, 0, 0, OLD(5, 0, 1)}, {24, 0, 0, OLD(5, 0, 1) | SIGNAL_6_3}, {32, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);
	CfiRow row = row_at(frames, 0);

	g_assert_false(row.is_signal);
	row = row_at(frames, 8);
	g_assert_true(row.is_signal);
	assert_saved(&row, RIP, -8);
	row = row_at(frames, 16);
	g_assert_false(row.is_signal);
	assert_pt_regs(&row);
	row = row_at(frames, 24);
	g_assert_true(row.is_signal);
	assert_pt_regs(&row);
}

static void assert_6_4(const Table *table)
{
	g_autoptr(GByteArray) frames = frames_of(table);
	CfiRow row = row_at(frames, 0);

	assert_cfa(&row, RSP, 8);
	assert_saved(&row, RIP, -8);
	row = row_at(frames, 8);
	assert_pt_regs(&row);
	g_assert_true(row.is_signal);
	row = row_at(frames, 16);
	assert_iret(&row);
	g_assert_false(row.is_signal);
	row = row_at(frames, 24);
	assert_how(&row, RIP, CFI_UNDEFINED);
	row = row_at(frames, 32);
	assert_how(&row, RIP, CFI_UNDEFINED);
}

static void test_6_4(void)
{
	static const Entry entries[] = {
		{0, 8, 0, OLD(5, 0, 2)},  {8, 0, 0, OLD(5, 0, 3) | SIGNAL_6_4},
		{16, 0, 0, OLD(5, 0, 4)}, {24, 0, 0, OLD(5, 0, 1)},
		{32, 0, 0, OLD(5, 0, 0)}, {40, 0, 0, 0},
	};
	g_autoptr(Table) table = table_new("6.12.57+deb13-cloud-amd64", entries, 6);
	g_autoptr(GByteArray) old = NULL;

	assert_6_4(table);
	/* The hash says more than the release. */
	table->orc.release = "6.3.0";
	table->orc.hash = (const uint8_t *)HASH_6_4;
	assert_6_4(table);
	table->orc.hash = (const uint8_t *)HASH_6_3;
	old = frames_of(table);
	g_assert_cmpint(row_at(old, 0).regs[RIP].offset, ==, 0);
	/* One that is not known says nothing. */
	table->orc.release = "6.4.0";
	table->orc.hash = (const uint8_t *)"unknown, of 20 bytes";
	assert_6_4(table);
}

/* The registers have other numbers, and only the hash tells. */
static void test_numbers(void)
{
	g_autoptr(Table) table = TABLE("7.2.0", {0, 8, 0, OLD(3, 0, 2)}, {8, 16, -16, OLD(3, 8, 2)},
				       {16, 0, 0, OLD(1, 4, 2)}, {24, -8, 0, OLD(10, 4, 2)},
				       {32, 8, -16, OLD(9, 8, 2)}, {40, 0, 0, 0});
	g_autoptr(GByteArray) frames = NULL;
	g_autoptr(GError) error = NULL;
	CfiRow row;

	g_assert_null(linux_orc_frames(&table->orc, &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT);
	g_assert_cmpstr(error->message, ==, "ORC: the layout of Linux 7.2.0 is not known");
	table->orc.hash = (const uint8_t *)HASH_AX;
	frames = frames_of(table);
	row = row_at(frames, 0);
	assert_cfa(&row, RSP, 8);
	row = row_at(frames, 8);
	assert_saved(&row, RBP, -16);
	row = row_at(frames, 16);
	assert_cfa(&row, 0, 0);
	row = row_at(frames, 24);
	g_assert_cmpmem(row.cfa.expr, row.cfa.len, "\x76\x78\x06", 3);
	row = row_at(frames, 32);
	g_assert_cmpmem(row.cfa.expr, row.cfa.len, "\x77\x00\x06\x11\x08\x22", 6);
}

static void test_no_release(void)
{
	static const char *const releases[] = {NULL, "", "4.9.1", "x", "4"};

	for (unsigned i = 0; i < G_N_ELEMENTS(releases); i++) {
		g_autoptr(Table) table = TABLE(releases[i], {0, 8, 0, OLD(5, 0, 0)}, {9, 0, 0, 0});
		g_autoptr(GError) error = NULL;

		g_assert_null(linux_orc_frames(&table->orc, &error));
		g_assert_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT);
	}
}

/* ---- Tables that are not as they should be ---- */

static void test_unsorted(void)
{
	g_autoptr(Table) table = TABLE("6.1.0", {0x100, 24, 0, OLD(5, 0, 0)}, {0x200, 0, 0, 0},
				       {0, 16, 0, OLD(5, 0, 0)}, {0x10, 32, 0, OLD(5, 0, 0)},
				       {0x100, 0, 0, 0}, {0x300, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);
	CfiRow row = row_at(frames, 0);

	assert_cfa(&row, RSP, 16);
	row = row_at(frames, 0xff);
	assert_cfa(&row, RSP, 32);
	/* Another section begins where this one ends: the end counts for less. */
	row = row_at(frames, 0x100);
	assert_cfa(&row, RSP, 24);
	assert_saved(&row, RIP, -8);
	row = row_at(frames, 0x200);
	assert_how(&row, RIP, CFI_UNDEFINED);
}

/* Of several at one address the kernel finds the last. */
static void test_duplicates(void)
{
	g_autoptr(Table) table =
		TABLE("6.1.0", {0, 16, 0, OLD(5, 0, 0)}, {8, 24, 0, OLD(5, 0, 0)},
		      {8, 32, 0, OLD(5, 0, 0)}, {8, 40, 0, OLD(5, 0, 0)}, {16, 0, 0, 0});
	g_autoptr(GByteArray) frames = frames_of(table);
	CfiRow row = row_at(frames, 8);

	assert_cfa(&row, RSP, 40);
}

/* A module's init section has gone, and other code is there: nothing is said of it. */
static void test_ranges(void)
{
	static const LinuxRange ranges[] = {{TEXT + 0x200, TEXT + 0x300, false, false},
					    {TEXT, TEXT + 0x100, false, false},
					    {0, 0, false, false}};
	g_autoptr(Table) table =
		TABLE("6.1.0-56-cloud-amd64", {0, 8, 0, OLD(5, 0, 0)}, {0x80, 16, 0, OLD(5, 0, 0)},
		      {0x100, 24, 0, OLD(5, 0, 0)}, {0x1f0, 0, 0, 0}, {0x200, 32, 0, OLD(5, 0, 0)},
		      {0x400, 40, 0, OLD(5, 0, 0)}, {0x500, 0, 0, 0});
	g_autoptr(GByteArray) frames = NULL;
	CfiRow row;

	table->orc.ranges = ranges;
	table->orc.n_ranges = G_N_ELEMENTS(ranges);
	frames = frames_of(table);
	row = row_at(frames, 0);
	assert_cfa(&row, RSP, 8);
	row = row_at(frames, 0xff);
	assert_cfa(&row, RSP, 16);
	g_assert_false(has_row(frames, 0x100));
	g_assert_false(has_row(frames, 0x1ff));
	row = row_at(frames, 0x200);
	assert_cfa(&row, RSP, 32);
	row = row_at(frames, 0x2ff);
	assert_cfa(&row, RSP, 32);
	g_assert_false(has_row(frames, 0x300));
	g_assert_false(has_row(frames, 0x400));
}

static void test_damaged(void)
{
	g_autoptr(Table) table = TABLE("6.1.0", {0, 8, 0, OLD(5, 0, 0)}, {8, 0, 0, 0});
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) none = NULL;

	g_byte_array_set_size(table->ips, 7);
	g_assert_null(linux_orc_frames(&table->orc, &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED);
	g_clear_error(&error);
	g_byte_array_set_size(table->ips, 4);
	g_assert_null(linux_orc_frames(&table->orc, &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED);
	g_byte_array_set_size(table->ips, 0);
	g_byte_array_set_size(table->entries, 0);
	none = frames_of(table);
	g_assert_false(has_row(none, 0));
}

/* Rows that are more than 4 GiB apart: an instruction cannot advance so far. */
static void test_far(void)
{
	g_autoptr(Table) table =
		TABLE("6.1.0", {0, 8, 0, OLD(5, 0, 0)}, {8, 16, 0, OLD(5, 0, 0)}, {16, 0, 0, 0});
	g_autoptr(GByteArray) frames = NULL;
	CfiRow row;

	table->orc.ips_addr = 0x80000000;
	memcpy(table->ips->data, "\x00\x00\x00\x80\xff\xff\xff\x7f\xff\xff\xff\x7f", 12);
	frames = frames_of(table);
	g_assert_true(cfi_find(frames->data, frames->len, 0x1000, &row));
	assert_cfa(&row, RSP, 8);
	g_assert_true(cfi_find(frames->data, frames->len, 0x100000004, &row));
	assert_cfa(&row, RSP, 16);
	g_assert_false(cfi_find(frames->data, frames->len, 0x100000007, &row));
}

/* Many rows: an address is found after few instructions. */
static void test_many(void)
{
	g_autoptr(Table) table = TABLE("6.1.0", {0, 8, 0, OLD(5, 0, 0)});
	g_autoptr(GByteArray) frames = NULL;

	for (int i = 1; i < 1000; i++)
		table_add(table, &(Entry){16 * i, (int16_t)(8 + i % 7 * 8), 0, OLD(5, 0, 0)});
	frames = frames_of(table);
	for (int i = 0; i < 999; i++) {
		CfiRow row = row_at(frames, 16 * i + 5);

		assert_cfa(&row, RSP, 8 + i % 7 * 8);
		g_assert_cmpuint(row.end - row.start, <=, 16 * 128);
	}
}

/* ---- A real kernel ---- */

typedef struct Elf64 {
	int fd;
	Elf *elf;
} Elf64;

static GByteArray *section_of(Elf64 *file, const char *name, uint64_t *ret_addr)
{
	Elf_Scn *scn = NULL;
	size_t names = 0;

	g_assert_cmpint(elf_getshdrstrndx(file->elf, &names), ==, 0);
	while ((scn = elf_nextscn(file->elf, scn))) {
		GElf_Shdr header;
		Elf_Data *data;

		g_assert_nonnull(gelf_getshdr(scn, &header));
		if (!g_str_equal(elf_strptr(file->elf, names, header.sh_name), name))
			continue;
		data = elf_rawdata(scn, NULL);
		*ret_addr = header.sh_addr;
		return g_byte_array_append(g_byte_array_new(), data->d_buf, data->d_size);
	}
	return NULL;
}

static void add_range(void *ranges, uint64_t start, uint64_t end)
{
	if (start < end) {
		g_array_append_val(ranges, start);
		g_array_append_val(ranges, end);
	}
}

static bool same_cfa(const CfiRule *a, const CfiRule *b)
{
	if (a->how != b->how)
		return false;
	if (a->how == CFI_EXPRESSION)
		return a->len == b->len && !memcmp(a->expr, b->expr, a->len);
	return a->reg == b->reg && a->offset == b->offset;
}

#define SAMPLES 2000u

/* Rows of @ours and @theirs at random addresses in @ranges: how many are equal? */
static unsigned compare(const GByteArray *ours, const GByteArray *theirs, const GArray *ranges)
{
	unsigned equal = 0;

	for (unsigned i = 0; i < SAMPLES; i++) {
		guint at = g_test_rand_int_range(0, ranges->len / 2) * 2;
		uint64_t start = g_array_index(ranges, uint64_t, at);
		uint64_t size = g_array_index(ranges, uint64_t, at + 1) - start;
		uint64_t pc = start + (uint64_t)(g_test_rand_double() * size);
		CfiRow a, b;

		g_assert_true(cfi_find(theirs->data, theirs->len, pc, &b));
		if (cfi_find(ours->data, ours->len, pc, &a) && same_cfa(&a.cfa, &b.cfa) &&
		    a.regs[RIP].how == CFI_OFFSET && a.regs[RIP].offset == b.regs[RIP].offset &&
		    !a.is_signal)
			equal++;
		else
			g_test_message("0x%" G_GINT64_MODIFIER "x: rsp + %d, not rsp + %d", pc,
				       (int)a.cfa.offset, (int)b.cfa.offset);
	}
	return equal;
}

static void compare_file(Elf64 *file)
{
	uint64_t ips_addr = 0, unused;
	g_autoptr(GByteArray) ips = section_of(file, ".orc_unwind_ip", &ips_addr);
	g_autoptr(GByteArray) entries = section_of(file, ".orc_unwind", &unused);
	g_autoptr(GByteArray) theirs = section_of(file, ".debug_frame", &unused), frames = NULL;
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_autoptr(GError) error = NULL;
	int64_t before = test_cpu_time();
	unsigned equal;

	g_assert_true(ips && entries && theirs);
	frames = linux_orc_frames(
		&(LinuxOrc){
			.ips = ips, .entries = entries, .ips_addr = ips_addr, .release = "6.1.0"},
		&error);
	g_assert_no_error(error);
	g_test_message("%u entries: %u bytes, %u blocks, %d ms", ips->len / 4, frames->len,
		       cfi_count(frames->data, frames->len, NULL, NULL),
		       (int)((test_cpu_time() - before) / 1000));
	cfi_count(theirs->data, theirs->len, add_range, ranges);
	equal = compare(frames, theirs, ranges);
	g_test_message("%u of %u rows are those of the compiler", equal, SAMPLES);
	g_assert_cmpuint(equal, >=, SAMPLES * 98 / 100);
}

static void test_real(void)
{
	g_autofree char *path =
		g_build_filename(g_get_user_cache_dir(), "vmgdb", "lab-amd64", "vmlinux", NULL);
	Elf64 file = {.fd = open(path, O_RDONLY | O_CLOEXEC)};

	if (file.fd < 0) {
		g_autofree char *why = g_strdup_printf("no %s: tests/lab/fetch gets it", path);

		g_test_skip(why);
		return;
	}
	elf_version(EV_CURRENT);
	file.elf = elf_begin(file.fd, ELF_C_READ_MMAP, NULL);
	g_assert_nonnull(file.elf);
	compare_file(&file);
	elf_end(file.elf);
	close(file.fd);
}

static const TestCase cases[] = {
	{"call", test_call},
	{"realigned", test_realigned},
	{"other-stack", test_other_stack},
	{"registers", test_registers},
	{"end", test_end},
	{"first-row", test_first_row},
	{"lower-stack", test_lower_stack},
	{"thunks", test_thunks},
	{"6.3", test_6_3},
	{"6.4", test_6_4},
	{"numbers", test_numbers},
	{"no-release", test_no_release},
	{"unsorted", test_unsorted},
	{"duplicates", test_duplicates},
	{"ranges", test_ranges},
	{"damaged", test_damaged},
	{"far", test_far},
	{"many", test_many},
	{"real", test_real},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-orc", cases);
}

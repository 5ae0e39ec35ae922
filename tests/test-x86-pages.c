/*
 * tests/test-x86-pages.c - x86/cpu/pages.h: all pages of hand-made tables in each paging mode, the
 * texts by the rules of those who parse them, and tables that point at themselves.
 */
#include <string.h>

#include "x86/cpu/bits.h"
#include "x86/cpu/pages.h"

#define RAM_SIZE 0x20000
#define P 0x1ull
#define W 0x2ull
#define U 0x4ull
#define A 0x20ull
#define D 0x40ull
#define PS 0x80ull
#define G 0x100ull
#define NX (1ull << 63)

#define PG (1ull << 31)
#define PSE (1ull << 4)
#define PAE (1ull << 5)
#define LA57 (1ull << 12)
#define LMA X86_EFER_LMA

static uint8_t *ram_new(void)
{
	return g_malloc0(RAM_SIZE);
}

static bool ram_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	if (gpa >= RAM_SIZE || len > RAM_SIZE - gpa)
		return false;
	memcpy(buf, (uint8_t *)opaque + gpa, len);
	return true;
}

static void put64(uint8_t *ram, uint64_t gpa, unsigned index, uint64_t value)
{
	memcpy(ram + gpa + 8 * index, &value, 8);
}

static void put32(uint8_t *ram, uint64_t gpa, unsigned index, uint32_t value)
{
	memcpy(ram + gpa + 4 * index, &value, 4);
}

static char *show_mem(const X86Root *root, uint8_t *ram, uint64_t from, unsigned lines)
{
	GString *out = g_string_new(NULL);

	x86_show_mem(root, ram_read, ram, from, lines, out);
	return g_string_free(out, FALSE);
}

static char *show_tlb(const X86Root *root, uint8_t *ram, uint64_t from, unsigned lines)
{
	GString *out = g_string_new(NULL);

	x86_show_tlb(root, ram_read, ram, from, lines, out);
	return g_string_free(out, FALSE);
}

static const X86Root long_root = {PG, 0x1000, PAE, LMA, {0}};

/* 4 levels: two 4 KiB pages in a row, a 2 MiB page, and one at the very top of the kernel half. */
static uint8_t *long_tables(void)
{
	uint8_t *ram = ram_new();

	put64(ram, 0x1000, 0, 0x2000 | P | W | U);
	put64(ram, 0x2000, 0, 0x3000 | P | W | U);
	put64(ram, 0x3000, 0, 0x4000 | P | W | U);
	put64(ram, 0x4000, 1, 0xa000 | P | W | U | D | A);
	put64(ram, 0x4000, 2, 0xc000 | P | W | U);
	put64(ram, 0x3000, 1, 0x600000 | P | W | PS | G | NX);
	put64(ram, 0x1000, 511, 0x5000 | P | W);
	put64(ram, 0x5000, 511, 0x6000 | P | W);
	put64(ram, 0x6000, 511, 0x7000 | P);
	put64(ram, 0x7000, 511, 0xd000 | P | W | U);
	return ram;
}

static void test_mem_long(void)
{
	g_autofree uint8_t *ram = long_tables();
	g_autofree char *text = show_mem(&long_root, ram, 0, 100);

	/* The rights of a page are those of all levels together. */
	g_assert_cmpstr(text, ==,
			"0000000000001000-0000000000003000 0000000000002000 urwx\n"
			"0000000000200000-0000000000400000 0000000000200000 -rw-\n"
			"fffffffffffff000-10000000000000000 0000000000001000 -r-x\n");
}

/* The numbers of a line of `info mem`; an end of 2^64, which takes 17 digits, is 0. */
typedef struct MemLine {
	uint64_t start, end, size;
	char rights[5];
} MemLine;

static GArray *take_lines(const char *text, const char *expression)
{
	GArray *lines = g_array_new(FALSE, TRUE, sizeof(MemLine));
	g_autoptr(GRegex) regex = g_regex_new(expression, G_REGEX_MULTILINE, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;

	for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
	     g_match_info_next(match, NULL)) {
		g_autofree char *start = g_match_info_fetch(match, 1);
		g_autofree char *end = g_match_info_fetch(match, 2);
		g_autofree char *size = g_match_info_fetch(match, 3);
		g_autofree char *rights = g_match_info_fetch(match, 4);
		MemLine line = {
			.start = g_ascii_strtoull(start, NULL, 16),
			.end = strlen(end) > 16 ? 0 : g_ascii_strtoull(end, NULL, 16),
			.size = g_ascii_strtoull(size, NULL, 16),
		};

		g_strlcpy(line.rights, rights, sizeof(line.rights));
		g_array_append_val(lines, line);
	}
	return lines;
}

static const MemLine long_lines[] = {
	{0x1000, 0x3000, 0x2000, "urwx"},
	{0x200000, 0x400000, 0x200000, "-rw-"},
	{0xfffffffffffff000, 0, 0x1000, "-r-x"},
};

/*
 * pwndbg takes start, end, size and the rights, and refuses a line whose size is not END - START;
 * hugsy's gef splits at blanks and at the -, and takes the second and third letter.
 */
static void test_mem_rules(void)
{
	static const char *const rules[] = {
		"^([0-9a-f]+)-([0-9a-f]+) ([0-9a-f]+) ([a-z-]+)$",
		"^(\\S+)-(\\S+) (\\S+) ([u-][r-][w-][x-])$",
	};
	g_autofree uint8_t *ram = long_tables();
	g_autofree char *text = show_mem(&long_root, ram, 0, 100);

	for (unsigned rule = 0; rule < G_N_ELEMENTS(rules); rule++) {
		g_autoptr(GArray) lines = take_lines(text, rules[rule]);

		g_assert_cmpuint(lines->len, ==, G_N_ELEMENTS(long_lines));
		for (unsigned i = 0; i < lines->len; i++) {
			const MemLine *line = &g_array_index(lines, MemLine, i);

			g_assert_cmphex(line->start, ==, long_lines[i].start);
			g_assert_cmphex(line->end, ==, long_lines[i].end);
			g_assert_cmphex(line->size, ==, line->end - line->start);
			g_assert_cmpstr(line->rights, ==, long_lines[i].rights);
		}
	}
}

static void test_tlb_long(void)
{
	g_autofree uint8_t *ram = long_tables();
	g_autofree char *text = show_tlb(&long_root, ram, 0, 100);

	g_assert_cmpstr(text, ==,
			"0000000000001000: 000000000000a000 ---DA--UW\n"
			"0000000000002000: 000000000000c000 -------UW\n"
			"0000000000200000: 0000000000600000 XGP-----W\n"
			"fffffffffffff000: 000000000000d000 -------UW\n");
}

/* A cut listing says how to go on, and going on gives the rest, without a gap or a repetition. */
static void test_resume(void)
{
	g_autofree uint8_t *ram = long_tables();
	g_autofree char *first = show_tlb(&long_root, ram, 0, 2);
	g_autofree char *rest = show_tlb(&long_root, ram, 0x200000, 100);
	g_autofree char *mem = show_mem(&long_root, ram, 0, 1);

	g_assert_true(g_str_has_suffix(first, "(there is more: go on with `info tlb 0x200000`)\n"));
	g_assert_true(g_str_has_prefix(rest, "0000000000200000: "));
	g_assert_cmpstr(mem, ==,
			"0000000000001000-0000000000003000 0000000000002000 urwx\n"
			"(there is more: go on with `info mem 0x200000`)\n");
}

/* The middle of a large page, and addresses of the upper half. */
static void test_from(void)
{
	g_autofree uint8_t *ram = long_tables();
	g_autofree char *middle = show_tlb(&long_root, ram, 0x234567, 1);
	g_autofree char *high = show_tlb(&long_root, ram, 0xffffffff80000000, 9);

	g_assert_true(g_str_has_prefix(middle, "0000000000200000: "));
	g_assert_cmpstr(high, ==, "fffffffffffff000: 000000000000d000 -------UW\n");
}

static void test_other_modes(void)
{
	g_autofree uint8_t *ram = ram_new();
	X86Root five = {PG, 0x1000, PAE | LA57, LMA, {0}};
	X86Root pae = {PG, 0x8020, PAE, 0, {0}};
	X86Root narrow = {PG, 0x9000, PSE, 0, {0}};

	for (unsigned level = 0; level < 4; level++)
		put64(ram, 0x1000 * (level + 1), 511, 0x1000 * (level + 2) | P | W);
	put64(ram, 0x5000, 0, 0xf000 | P | W);
	g_autofree char *text = show_mem(&five, ram, 0, 9);
	g_assert_cmpstr(text, ==, "ffffffffffe00000-ffffffffffe01000 0000000000001000 -rwx\n");

	/* The top level of PAE has 4 entries without rights. */
	put64(ram, 0x8020, 3, 0x6000 | P);
	put64(ram, 0x6000, 1, 0x400000 | P | W | U | PS);
	g_autofree char *wide = show_mem(&pae, ram, 0, 9);
	g_assert_cmpstr(wide, ==, "00000000c0200000-00000000c0400000 0000000000200000 urwx\n");

	put32(ram, 0x9000, 1, 0x00400000 | P | W | PS | 1u << 13);
	put32(ram, 0x9000, 2, 0xa000 | P | U);
	put32(ram, 0xa000, 0, 0xb000 | P | U | W);
	g_autofree char *old = show_tlb(&narrow, ram, 0, 9);
	g_assert_cmpstr(old, ==,
			"0000000000400000: 0000000100400000 --P-----W\n"
			"0000000000800000: 000000000000b000 -------UW\n");
}

static void test_off(void)
{
	X86Root off = {.cr0 = 1};
	g_autofree char *mem = show_mem(&off, NULL, 0, 9);
	g_autofree char *tlb = show_tlb(&off, NULL, 0, 9);

	g_assert_cmpstr(mem, ==, "PG disabled\n");
	g_assert_cmpstr(tlb, ==, "PG disabled\n");
}

/* Every entry of a table points at the table: 2^36 pages, of which only so many are looked at. */
static void test_hostile(void)
{
	g_autofree uint8_t *ram = ram_new();
	gint64 begin = g_get_monotonic_time();

	for (unsigned i = 0; i < 512; i++)
		put64(ram, 0x1000, i, 0x1000 | P | W | U);
	g_autofree char *mem = show_mem(&long_root, ram, 0, 1000);
	g_autofree char *tlb = show_tlb(&long_root, ram, 0, 1000);
	g_assert_nonnull(strstr(mem, "there is more"));
	g_assert_nonnull(strstr(tlb, "there is more"));
	g_assert_cmpuint(strlen(tlb), <, 1001 * 80);
	/* It goes on behind where it was. */
	const char *at = strstr(mem, "info mem 0x") + strlen("info mem 0x");
	g_assert_cmphex(g_ascii_strtoull(at, NULL, 16), >, 0x1000000);
	g_assert_cmpint(g_get_monotonic_time() - begin, <, 60 * G_USEC_PER_SEC);
}

/* Tables outside RAM are passed over. */
static void test_missing(void)
{
	g_autofree uint8_t *ram = long_tables();
	X86Root nowhere = long_root;

	put64(ram, 0x1000, 1, 0x7ffff000 | P | W);
	g_autofree char *text = show_tlb(&long_root, ram, 0, 9);
	g_assert_nonnull(strstr(text, "fffffffffffff000"));
	nowhere.cr3 = 0xffffffffff000;
	g_autofree char *none = show_tlb(&nowhere, ram, 0, 9);
	g_assert_cmpstr(none, ==, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-pages/mem-long", test_mem_long);
	g_test_add_func("/x86-pages/mem-rules", test_mem_rules);
	g_test_add_func("/x86-pages/tlb-long", test_tlb_long);
	g_test_add_func("/x86-pages/resume", test_resume);
	g_test_add_func("/x86-pages/from", test_from);
	g_test_add_func("/x86-pages/other-modes", test_other_modes);
	g_test_add_func("/x86-pages/off", test_off);
	g_test_add_func("/x86-pages/hostile", test_hostile);
	g_test_add_func("/x86-pages/missing", test_missing);
	return g_test_run();
}

/*
 * tests/test-guest-symbols.c - the sentences of guest/memory.h and guest/symbols.h.
 */
#include "guest/memory.h"
#include "guest/symbols.h"

#include <string.h>

#include "tests/test-util.h"

/* ---- Memory: 1,024 bytes at 0x1000, and then nothing ---- */

#define BASE 0x1000u

typedef struct Room {
	uint8_t bytes[1024];
	LinuxMemory memory;
} Room;

static size_t read_room(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const Room *room = opaque;
	size_t there;

	if (addr < BASE || addr >= BASE + sizeof(room->bytes))
		return 0;
	there = MIN(len, BASE + sizeof(room->bytes) - addr);
	memcpy(buf, room->bytes + (addr - BASE), there);
	return there;
}

static Room *room_new(void)
{
	Room *room = g_new0(Room, 1);

	room->memory = (LinuxMemory){.read = read_room, .opaque = room};
	return room;
}

static size_t read_anything(void *opaque G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED, void *buf,
			    size_t len)
{
	memset(buf, 0x11, len);
	return len;
}

/* What begins at the end of all addresses does not go on at 0. */
static void test_wrap(void)
{
	const LinuxMemory memory = {.read = read_anything};
	uint32_t word = 0;
	uint64_t wide = 0;

	g_assert_true(linux_read_u32(&memory, UINT64_MAX - 7, &word));
	g_assert_cmphex(word, ==, 0x11111111);
	g_assert_false(linux_read_u32(&memory, UINT64_MAX - 2, &word));
	g_assert_false(linux_read_u64(&memory, UINT64_MAX - 3, &wide));
}

static void test_numbers(void)
{
	g_autofree Room *room = room_new();
	uint32_t word = 0;
	uint64_t wide = 0;

	memcpy(room->bytes + 8, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	g_assert_true(linux_read_u32(&room->memory, BASE + 8, &word));
	g_assert_cmphex(word, ==, 0x04030201);
	g_assert_true(linux_read_u64(&room->memory, BASE + 8, &wide));
	g_assert_cmphex(wide, ==, 0x0807060504030201);
	/* A part is not enough, and an address does not wrap. */
	g_assert_false(linux_read_u64(&room->memory, BASE + 1020, &wide));
	g_assert_true(linux_read_u32(&room->memory, BASE + 1020, &word));
	g_assert_false(linux_read_u64(&room->memory, UINT64_MAX - 3, &wide));
}

static void test_strings(void)
{
	g_autofree Room *room = room_new();
	g_autofree char *whole = NULL, *empty = NULL;

	memset(room->bytes, 'a', sizeof(room->bytes));
	room->bytes[200] = '\0';
	whole = linux_read_string(&room->memory, BASE + 2, 200);
	g_assert_nonnull(whole);
	g_assert_cmpuint(strlen(whole), ==, 198);
	empty = linux_read_string(&room->memory, BASE + 200, 1);
	g_assert_cmpstr(empty, ==, "");
	/* No NUL in so many bytes; a hole before it. */
	g_assert_null(linux_read_string(&room->memory, BASE + 2, 198));
	g_assert_null(linux_read_string(&room->memory, BASE + 1000, 100));
}

static void test_blocks(void)
{
	g_autofree Room *room = room_new();
	g_autoptr(GByteArray) block = NULL;
	g_autoptr(GError) error = NULL;

	room->bytes[1023] = 7;
	block = linux_read_block(&room->memory, BASE, 1024, 1024, "the room", &error);
	g_assert_no_error(error);
	g_assert_cmpuint(block->len, ==, 1024);
	g_assert_cmpuint(block->data[1023], ==, 7);
	g_assert_null(linux_read_block(&room->memory, BASE, 1025, 1024, "the room", &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED);
	g_assert_cmpstr(error->message, ==, "the room: 1025 bytes; at most 1024 are expected");
	g_clear_error(&error);
	g_assert_null(linux_read_block(&room->memory, BASE, 1025, 1u << 30, "the room", &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT);
	g_assert_cmpstr(error->message, ==, "the room: memory at 0x1000 cannot be read");
}

static void test_ranges(void)
{
	g_autofree Room *room = room_new();
	LinuxRange range = {BASE, BASE + 1024, false, false};
	g_autoptr(GByteArray) block = linux_read_range(&room->memory, &range);

	g_assert_nonnull(block);
	g_assert_cmpuint(block->len, ==, 1024);
	range.end++;
	g_assert_null(linux_read_range(&room->memory, &range));
	range.end = range.start;
	g_assert_null(linux_read_range(&room->memory, &range));
	range.end = range.start + LINUX_RANGE_MAX + 1;
	g_assert_null(linux_read_range(&room->memory, &range));
	range.writable = range.mixed = true;
	g_assert_null(linux_read_range(&room->memory, &range));
}

static void test_constants(void)
{
	static const LinuxRange constants = {1, 2, false, false}, variables = {1, 2, true, false},
				both = {1, 2, true, true};

	g_assert_true(linux_range_has_constants(&constants));
	g_assert_false(linux_range_has_constants(&variables));
	g_assert_true(linux_range_has_constants(&both));
}

/* Pages of ones, but for some that are not there. */
#define LAND 0x10000u
#define LAND_PAGES 300u
#define GONE(page) ((page) == 0 || (page) == 7 || (page) == 8 || (page) == LAND_PAGES - 1)

static size_t read_land(void *opaque G_GNUC_UNUSED, uint64_t addr, void *buf, size_t len)
{
	size_t n = 0;

	for (; n < len && !GONE((addr + n - LAND) / 4096); n++)
		((uint8_t *)buf)[n] = 1;
	return n;
}

/* What the kernel has given away counts as zeros. */
static void test_mixed(void)
{
	static const LinuxMemory memory = {.read = read_land};
	static const LinuxRange range = {LAND, LAND + LAND_PAGES * 4096 - 8, true, true};
	g_autoptr(GByteArray) block = linux_read_range(&memory, &range);

	g_assert_nonnull(block);
	g_assert_cmpuint(block->len, ==, LAND_PAGES * 4096 - 8);
	for (unsigned i = 0; i < block->len; i++)
		g_assert_cmpuint(block->data[i], ==, !GONE(i / 4096));
}

/* ---- Symbols ---- */

static void add(LinuxSymbols *symbols, uint64_t addr, char type, const char *name)
{
	g_assert_true(linux_symbols_add(symbols, addr, type, name, strlen(name)));
}

static LinuxSymbols *make_symbols(void)
{
	LinuxSymbols *symbols = linux_symbols_new();

	add(symbols, 0x3000, 'D', "data");
	add(symbols, 0x2000, 't', "twice");
	add(symbols, 0x1000, 'T', "start");
	add(symbols, 0x2000, 'T', "alias");
	add(symbols, 0x2800, 't', "twice");
	linux_symbols_sort(symbols);
	return symbols;
}

static void test_find(void)
{
	g_autoptr(LinuxSymbols) symbols = make_symbols(), none = linux_symbols_new();
	uint64_t addr = 0;

	g_assert_true(linux_symbols_find(symbols, "twice", &addr));
	g_assert_cmphex(addr, ==, 0x2000);
	g_assert_true(linux_symbols_find(symbols, "data", &addr));
	g_assert_cmphex(addr, ==, 0x3000);
	g_assert_null(linux_symbols_named(symbols, "twice"));
	g_assert_null(linux_symbols_named(symbols, "nobody"));
	g_assert_cmphex(linux_symbols_named(symbols, "data")->addr, ==, 0x3000);
	g_assert_false(linux_symbols_find(symbols, "twic", &addr));
	g_assert_false(linux_symbols_find(symbols, "zzz", &addr));
	linux_symbols_sort(none);
	g_assert_false(linux_symbols_find(none, "a", &addr));
	g_assert_null(linux_symbols_at(none, 5));
}

static void assert_at(LinuxSymbols *symbols, uint64_t addr, const char *name, uint64_t end)
{
	const LinuxSymbol *found = linux_symbols_at(symbols, addr);

	g_assert_nonnull(found);
	g_assert_cmpstr(linux_symbols_name(symbols, found), ==, name);
	g_assert_cmphex(linux_symbols_end(symbols, found), ==, end);
}

static void test_by_address(void)
{
	g_autoptr(LinuxSymbols) symbols = make_symbols();

	g_assert_null(linux_symbols_at(symbols, 0xfff));
	assert_at(symbols, 0x1000, "start", 0x2000);
	assert_at(symbols, 0x1fff, "start", 0x2000);
	/* Of two at one address the first that was added. */
	assert_at(symbols, 0x2001, "twice", 0x2800);
	assert_at(symbols, UINT64_MAX, "data", UINT64_MAX);
}

/* A guest may give any number of names to one address. */
static void test_aliases(void)
{
	for (unsigned n = 1; n < 40; n++) {
		g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
		const LinuxSymbol *rows;

		for (unsigned i = 0; i < n; i++)
			linux_symbols_add(symbols, 0x1000, 't', "same", 4);
		linux_symbols_add(symbols, 0x1234, 't', "next", 4);
		linux_symbols_sort(symbols);
		rows = linux_symbols_rows(symbols, NULL);
		for (unsigned i = 0; i < n; i++)
			g_assert_cmphex(linux_symbols_end(symbols, &rows[i]), ==, 0x1234);
		g_assert_cmphex(linux_symbols_end(symbols, &rows[n]), ==, UINT64_MAX);
	}
}

static void test_set_data(void)
{
	static const char letters[] = "tTwWdb", expected[] = "dDdDdb";
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	const LinuxSymbol *rows;
	unsigned n;

	linux_symbols_add(symbols, 0x0fff, 'T', "before", 6);
	for (unsigned i = 0; i < strlen(letters); i++)
		linux_symbols_add(symbols, 0x1000 + i, letters[i], "x", 1);
	linux_symbols_add(symbols, 0x1000 + strlen(letters), 't', "behind", 6);
	linux_symbols_sort(symbols);
	linux_symbols_set_data(symbols, 0x1000, 0x1000 + strlen(letters));
	rows = linux_symbols_rows(symbols, &n);
	g_assert_cmpuint(n, ==, strlen(letters) + 2);
	g_assert_cmpint(rows[0].type, ==, 'T');
	for (unsigned i = 0; i < strlen(letters); i++)
		g_assert_cmpint(rows[1 + i].type, ==, expected[i]);
	g_assert_cmpint(rows[n - 1].type, ==, 't');
}

/* A size ends it in front of the next one, and never behind that. */
static void test_sizes(void)
{
	g_autoptr(LinuxSymbols) symbols = make_symbols();

	linux_symbols_set_size(symbols, 0x1000, 0x10);
	linux_symbols_set_size(symbols, 0x2000, 0x8000);
	linux_symbols_set_size(symbols, 0x3000, UINT64_MAX);
	assert_at(symbols, 0x1000, "start", 0x1010);
	assert_at(symbols, 0x2001, "twice", 0x2800);
	assert_at(symbols, UINT64_MAX, "data", UINT64_MAX);
}

/* A guest may have any number; only the first ones are kept. */
static void test_many_sizes(void)
{
	g_autoptr(LinuxSymbols) symbols = make_symbols();

	for (unsigned i = 1; i < LINUX_SIZES_MAX; i++)
		linux_symbols_set_size(symbols, i, 1);
	linux_symbols_set_size(symbols, 0x1000, 0x10);
	linux_symbols_set_size(symbols, 0x2000, 0x10);
	assert_at(symbols, 0x1000, "start", 0x1010);
	assert_at(symbols, 0x2001, "twice", 0x2800);
}

static void test_names(void)
{
	g_autoptr(LinuxSymbols) symbols = make_symbols();
	size_t len;
	unsigned n;
	const char *names = linux_symbols_names(symbols, &len);
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);

	g_assert_cmpmem(names, len, "\0data\0twice\0start\0alias\0twice", 30);
	g_assert_cmpuint(n, ==, 5);
	g_assert_cmphex(rows[0].addr, ==, 0x1000);
	g_assert_true(linux_symbol_is_code(&rows[0]));
	g_assert_false(linux_symbol_is_code(&rows[4]));
	g_assert_false(linux_symbols_add(symbols, 1, 't', "", 0));
	g_assert_false(linux_symbols_add(symbols, 1, 't', "a\0b", 3));
	/* What would write to the terminal. */
	g_assert_false(linux_symbols_add(symbols, 1, 't', "\033[2Ja", 5));
	g_assert_false(linux_symbols_add(symbols, 1, 't', "a\177", 2));
	g_assert_false(linux_symbols_add(symbols, 1, 't', "a\x9b", 2));
	g_assert_false(linux_symbols_add(symbols, 1, 't', "a b", 3));
	g_assert_true(linux_symbols_add(symbols, 1, 't', "!~", 2));
}

/* A guest can say that it has any number of names, of any length. */
static void test_full(void)
{
	g_autoptr(LinuxSymbols) many = linux_symbols_new(), large = linux_symbols_new();
	g_autofree char *name = g_strnfill(511, 'n');
	unsigned n = 0;

	while (n < 2u * 1024 * 1024 && linux_symbols_add(many, n, 't', "n", 1))
		n++;
	g_assert_cmpuint(n, ==, 1024u * 1024);
	for (n = 0; n < 1024u * 1024 && linux_symbols_add(large, n, 't', name, 511);)
		n++;
	g_assert_cmpuint(n, <=, 64u * 1024 * 1024 / 512);
	g_assert_cmpuint(n, >, 64u * 1024 * 1024 / 512 - 2);
}

/* Names that g_str_hash() gives one hash: 33 * 'A' + 'b' is 33 * 'B' + 'A'. */
#define PAIRS 15u

static void name_with_hash(unsigned i, char ret[2 * PAIRS + 1])
{
	for (unsigned bit = 0; bit < PAIRS; bit++)
		memcpy(ret + 2 * bit, i >> bit & 1 ? "BA" : "Ab", 2);
	ret[2 * PAIRS] = 0;
}

/* A guest may choose them; without care these take more than 10 seconds. */
static void test_one_hash(void)
{
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	char name[2 * PAIRS + 1];
	int64_t before;
	uint64_t addr;

	for (unsigned i = 0; i < 1u << PAIRS; i++) {
		name_with_hash(i, name);
		g_assert_true(linux_symbols_add(symbols, 4096 + i, 't', name, 2 * PAIRS));
	}
	before = test_cpu_time();
	linux_symbols_sort(symbols);
	g_assert_cmpint(test_cpu_time() - before, <, 5 * G_USEC_PER_SEC);
	for (unsigned i = 0; i < 1u << PAIRS; i++) {
		name_with_hash(i, name);
		g_assert_true(linux_symbols_find(symbols, name, &addr));
		g_assert_cmphex(addr, ==, 4096 + i);
	}
}

static const TestCase cases[] = {
	{"one-hash", test_one_hash},
	{"full", test_full},
	{"numbers", test_numbers},
	{"wrap", test_wrap},
	{"strings", test_strings},
	{"blocks", test_blocks},
	{"ranges", test_ranges},
	{"constants", test_constants},
	{"mixed", test_mixed},
	{"find", test_find},
	{"by-address", test_by_address},
	{"set-data", test_set_data},
	{"names", test_names},
	{"sizes", test_sizes},
	{"many-sizes", test_many_sizes},
	{"aliases", test_aliases},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-symbols", cases);
}

/*
 * tests/test-memory.c - the sentences of kvm/memory.h.
 */
#include <string.h>

#include "kvm/memory.h"

typedef struct Dirty {
	unsigned calls;
	uint64_t gpa;
	size_t len;
} Dirty;

static void on_dirty(void *opaque, uint64_t gpa, size_t len)
{
	Dirty *dirty = opaque;

	*dirty = (Dirty){dirty->calls + 1, gpa, len};
}

static uint8_t read_byte(KvmMemory *memory, uint64_t gpa)
{
	uint8_t byte = 0;

	g_assert_cmpuint(kvm_memory_read(memory, gpa, &byte, 1), ==, 1);
	return byte;
}

static void test_read(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	uint8_t ram[16] = "0123456789abcdef", buf[32];

	g_assert_cmpuint(kvm_memory_read(memory, 0, buf, 1), ==, 0);
	kvm_memory_map(memory, 0x1000, sizeof(ram), ram, false);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1000, buf, 16), ==, 16);
	g_assert_cmpmem(buf, 16, ram, 16);
	/* Less where RAM ends, none outside. */
	g_assert_cmpuint(kvm_memory_read(memory, 0x100c, buf, 16), ==, 4);
	g_assert_cmpmem(buf, 4, "cdef", 4);
	g_assert_cmpuint(kvm_memory_read(memory, 0xfff, buf, 16), ==, 0);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1010, buf, 1), ==, 0);
	g_assert_cmpuint(kvm_memory_read(memory, UINT64_MAX, buf, 1), ==, 0);
}

static void test_across_spans(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	uint8_t low[4] = "abcd", high[4] = "efgh", buf[8];

	kvm_memory_map(memory, 0x1004, 4, high, false);
	kvm_memory_map(memory, 0x1000, 4, low, false);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1002, buf, 8), ==, 6);
	g_assert_cmpmem(buf, 6, "cdefgh", 6);
	g_assert_true(kvm_memory_covers(memory, 0x1000, 8));
	g_assert_false(kvm_memory_covers(memory, 0x1000, 9));
	g_assert_true(kvm_memory_write(memory, 0x1003, "XY", 2, false));
	g_assert_cmpmem(low, 4, "abcX", 4);
	g_assert_cmpmem(high, 4, "Yfgh", 4);
}

/* All or nothing, and the dirty callback after each change. */
static void test_write(void)
{
	Dirty dirty = {0};
	g_autoptr(KvmMemory) memory = kvm_memory_new(on_dirty, &dirty);
	uint8_t ram[4] = "abcd";

	kvm_memory_map(memory, 0x1000, 4, ram, false);
	g_assert_false(kvm_memory_write(memory, 0x1002, "XYZ", 3, false));
	g_assert_cmpmem(ram, 4, "abcd", 4);
	g_assert_cmpuint(dirty.calls, ==, 0);
	g_assert_true(kvm_memory_write(memory, 0x1002, "XY", 2, true));
	g_assert_cmpmem(ram, 4, "abXY", 4);
	g_assert_cmpuint(dirty.calls, ==, 1);
	g_assert_cmphex(dirty.gpa, ==, 0x1002);
	g_assert_cmpuint(dirty.len, ==, 2);
}

static void test_replace(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	uint8_t ram[8] = "abcdefgh", other[2] = "XY", buf[8];

	kvm_memory_map(memory, 0x1000, 8, ram, false);
	kvm_memory_map(memory, 0x1003, 2, other, false);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1000, buf, 8), ==, 8);
	g_assert_cmpmem(buf, 8, "abcXYfgh", 8);
	kvm_memory_unmap(memory, 0x1003, 1);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1000, buf, 8), ==, 3);
	g_assert_cmphex(read_byte(memory, 0x1004), ==, 'Y');
	kvm_memory_unmap(memory, 0, UINT64_MAX);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1000, buf, 8), ==, 0);
}

/* Also when a part is taken out of its middle. */
static void test_rom(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	static const bool roms[] = {true, false, true};
	uint8_t rom[8] = "abcdefgh", other[2] = "XY";
	KvmSpan span;

	kvm_memory_map(memory, 0x1000, 8, rom, true);
	kvm_memory_map(memory, 0x1003, 2, other, false);
	for (unsigned i = 0; i < G_N_ELEMENTS(roms); i++) {
		g_assert_true(kvm_memory_get_span(memory, i, &span));
		g_assert_true(span.rom == roms[i]);
	}
	g_assert_false(kvm_memory_get_span(memory, G_N_ELEMENTS(roms), &span));
	g_assert_true(kvm_memory_write(memory, 0x1000, "Z", 1, false));
	g_assert_cmphex(rom[0], ==, 'Z');
}

/* A range that is empty or wraps is ignored. */
static void test_bad_ranges(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	uint8_t ram[8] = "abcdefgh", buf[8];

	kvm_memory_map(memory, 0x1000, 0, ram, false);
	kvm_memory_map(memory, UINT64_MAX - 2, 8, ram, false);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1000, buf, 8), ==, 0);
	g_assert_cmpuint(kvm_memory_read(memory, UINT64_MAX - 2, buf, 1), ==, 0);
	g_assert_true(kvm_memory_covers(memory, 0x1000, 0));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/memory/read", test_read);
	g_test_add_func("/memory/across-spans", test_across_spans);
	g_test_add_func("/memory/write", test_write);
	g_test_add_func("/memory/replace", test_replace);
	g_test_add_func("/memory/rom", test_rom);
	g_test_add_func("/memory/bad-ranges", test_bad_ranges);
	return g_test_run();
}

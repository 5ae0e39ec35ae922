/*
 * tests/test-memory.c - the sentences of kvm/memory.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

#define PAGE 4096

/* A slot whose memory is @host, @size long: of @good bytes it can be read, then there is an end. */
static void check_ends(uint8_t *host, size_t size, size_t good)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	g_autofree uint8_t *buf = g_malloc(size);
	uint8_t byte = 0x5a;

	kvm_memory_map(memory, 0x100000, size, host, 0);
	g_assert_true(kvm_memory_covers(memory, 0x100000, size));
	g_assert_cmpuint(kvm_memory_read(memory, 0x100000, buf, size), ==, good);
	g_assert_cmpuint(kvm_memory_read(memory, 0x100000 + good, buf, 8), ==, 0);
	g_assert_false(kvm_memory_write(memory, 0x100000 + good, &byte, 1, false));
	g_assert_false(kvm_memory_write(memory, 0x100000 + good, &byte, 1, true));
	if (!good)
		return;
	g_assert_cmpuint(kvm_memory_read(memory, 0x100000 + good - 4, buf, 8), ==, 4);
	g_assert_true(kvm_memory_write(memory, 0x100000 + good - 1, &byte, 1, true));
	g_assert_cmphex(read_byte(memory, 0x100000 + good - 1), ==, byte);
}

static uint8_t *map_pages(unsigned n, int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	uint8_t *pages = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	g_assert_true(pages != MAP_FAILED);
	return pages;
}

static void test_no_access(void)
{
	uint8_t *pages = map_pages(3, -1);

	g_assert_cmpint(mprotect(pages + PAGE, 2 * PAGE, PROT_NONE), ==, 0);
	check_ends(pages, 3 * PAGE, PAGE);
	check_ends(pages + PAGE, 2 * PAGE, 0);
	munmap(pages, 3 * PAGE);
	check_ends(pages, 3 * PAGE, 0); /* the VMM has unmapped it and not said so yet */
}

static void test_short_file(void)
{
	int fd = memfd_create("slot", MFD_CLOEXEC);
	uint8_t *pages;

	g_assert_cmpint(ftruncate(fd, 3 * PAGE), ==, 0);
	pages = map_pages(3, fd);
	memset(pages, 1, 3 * PAGE);
	g_assert_cmpint(ftruncate(fd, PAGE), ==, 0);
	check_ends(pages, 3 * PAGE, PAGE);
	munmap(pages, 3 * PAGE);
	close(fd);
}

/* A slot of the VMM's that is ROM in the host, too. */
static void test_write_protected(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	uint8_t *pages = map_pages(1, -1);

	pages[0] = 0x11;
	g_assert_cmpint(mprotect(pages, PAGE, PROT_READ), ==, 0);
	kvm_memory_map(memory, 0x1000, PAGE, pages, KVM_GDB_MAP_READONLY);
	g_assert_cmphex(read_byte(memory, 0x1000), ==, 0x11);
	g_assert_false(kvm_memory_write(memory, 0x1000, "X", 1, true));
	g_assert_cmphex(pages[0], ==, 0x11);
	munmap(pages, PAGE);
}

/* Where the kernel shows its clocks: pages that are no ordinary memory, as a device's are not. */
static uint8_t *find_device(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uint8_t *found = NULL;
	char line[256];
	uint64_t start;

	while (maps && !found && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vvar]") && sscanf(line, "%" SCNx64, &start) == 1)
			found = (uint8_t *)(uintptr_t)start;
	}
	if (maps)
		fclose(maps);
	return found;
}

static void test_device(void)
{
	uint8_t *device = find_device();

	if (!device) {
		g_test_skip("this kernel has no [vvar] in /proc/self/maps");
		return;
	}
	check_ends(device, PAGE, 0);
}

/* What the VMM calls steady is copied at once, to the same effect. */
static void test_steady(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	uint8_t ram[8] = "abcdefgh", buf[8];
	KvmSpan span;

	kvm_memory_map(memory, 0x1000, 8, ram, KVM_GDB_MAP_STEADY);
	kvm_memory_unmap(memory, 0x1004, 1);
	g_assert_true(kvm_memory_get_span(memory, 1, &span));
	g_assert_true(span.steady && !span.rom);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1002, buf, 8), ==, 2);
	g_assert_cmpmem(buf, 2, "cd", 2);
	g_assert_true(kvm_memory_write(memory, 0x1006, "XY", 2, true));
	g_assert_cmpmem(ram, 8, "abcdefXY", 8);
}

/* Against a plain table: is each of 64 bytes private? */
static void test_private_ranges(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	uint8_t ram[64], buf[64];
	bool want[64] = {false};

	memset(ram, 1, sizeof(ram));
	kvm_memory_map(memory, 0x1000, sizeof(ram), ram, KVM_GDB_MAP_STEADY);
	for (unsigned round = 0; round < 5000; round++) {
		unsigned from = g_test_rand_int_range(0, 64);
		unsigned len = g_test_rand_int_range(0, 65 - from);
		bool is_private = g_test_rand_int_range(0, 2);
		unsigned left = 0;

		kvm_memory_set_private(memory, 0x1000 + from, len, is_private);
		memset(want + from, is_private, len);
		for (unsigned i = 64; i-- > 0;) {
			left = want[i] ? 0 : left + 1;
			g_assert_true(kvm_memory_is_private(memory, 0x1000 + i) == want[i]);
			g_assert_cmpuint(kvm_memory_read(memory, 0x1000 + i, buf, 64), ==, left);
		}
	}
}

static void test_private(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	uint8_t ram[8] = "abcdefgh", buf[8];
	KvmPlace place;

	kvm_memory_map(memory, 0x1000, 8, ram, 0);
	kvm_memory_set_private(memory, 0x1003, 2, true);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1000, buf, 8), ==, 3);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1005, buf, 8), ==, 3);
	g_assert_false(kvm_memory_covers(memory, 0x1003, 1));
	g_assert_false(kvm_memory_find(memory, 0x1004, &place));
	g_assert_true(kvm_memory_find(memory, 0x1001, &place));
	g_assert_cmpuint(place.left, ==, 2);
	g_assert_false(kvm_memory_write(memory, 0x1002, "XY", 2, false));
	g_assert_cmpmem(ram, 8, "abcdefgh", 8);
	/* It is where the guest put it, whatever the VMM maps there. */
	kvm_memory_unmap(memory, 0x1000, 8);
	kvm_memory_map(memory, 0x1000, 8, ram, 0);
	g_assert_true(kvm_memory_is_private(memory, 0x1003));
	kvm_memory_set_private(memory, 0, UINT64_MAX, false);
	g_assert_cmpuint(kvm_memory_read(memory, 0x1000, buf, 8), ==, 8);
	kvm_memory_set_private(memory, UINT64_MAX - 2, 8, true); /* wraps */
	g_assert_false(kvm_memory_is_private(memory, UINT64_MAX - 1));
}

/* Memory that the guest has not used takes no page of the host's by being looked at. */
static void test_look(void)
{
	g_autoptr(KvmMemory) memory = kvm_memory_new(NULL, NULL);
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 2048 * page;
	uint8_t *ram = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	g_autofree uint8_t *buf = g_malloc(size), *present = g_malloc(size / page);

	g_assert_true(ram != MAP_FAILED);
	g_assert_cmpint(madvise(ram, size, MADV_NOHUGEPAGE), ==, 0);
	ram[3 * page + 7] = 'x';
	ram[700 * page] = 'y';
	kvm_memory_map(memory, 0x10000, size, ram, 0);
	memset(buf, 0xff, size);
	g_assert_cmpuint(kvm_memory_look(memory, 0x10000 + 5, buf, size), ==, size - 5);
	for (size_t at = 0; at < size - 5; at++) {
		uint8_t wanted = at + 5 == 3 * page + 7 ? 'x' : at + 5 == 700 * page ? 'y' : 0;

		g_assert_cmphex(buf[at], ==, wanted);
	}
	g_assert_cmpint(mincore(ram, size, present), ==, 0);
	for (size_t i = 0; i < size / page; i++)
		g_assert_cmpuint(present[i] & 1, ==, i == 3 || i == 700);
	g_assert_cmpuint(kvm_memory_look(memory, 0xffff, buf, 1), ==, 0);
	/* A hole in it, as everywhere. */
	g_assert_cmpint(mprotect(ram + page, page, PROT_NONE), ==, 0);
	ram[0] = 'z';
	g_assert_cmpuint(kvm_memory_look(memory, 0x10000, buf, 1), ==, 1);
	g_assert_cmphex(buf[0], ==, 'z');
	munmap(ram, size);
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
	g_test_add_func("/memory/no-access", test_no_access);
	g_test_add_func("/memory/short-file", test_short_file);
	g_test_add_func("/memory/write-protected", test_write_protected);
	g_test_add_func("/memory/device", test_device);
	g_test_add_func("/memory/steady", test_steady);
	g_test_add_func("/memory/private", test_private);
	g_test_add_func("/memory/private-ranges", test_private_ranges);
	g_test_add_func("/memory/look", test_look);
	return g_test_run();
}

/*
 * tests/test-x86-walk.c - x86/cpu/walk.h: each paging mode on hand-made tables, and hostile tables.
 *
 * The guest has 64 KiB of RAM at 0 and nothing else; tables are written there entry by entry.
 */
#include <glib.h>
#include <string.h>

#include "x86/cpu/bits.h"
#include "x86/cpu/walk.h"

#define RAM_SIZE 0x10000
#define P 0x1ull
#define PS 0x80ull
#define NX (1ull << 63)

#define PG (1ull << 31)
#define PSE (1ull << 4)
#define PAE (1ull << 5)
#define LA57 (1ull << 12)
#define PCIDE (1ull << 17)
#define LMA X86_EFER_LMA

typedef struct Ram {
	uint8_t bytes[RAM_SIZE];
	unsigned reads;
} Ram;

static bool ram_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	Ram *ram = opaque;

	ram->reads++;
	if (gpa >= RAM_SIZE || len > RAM_SIZE - gpa)
		return false;
	memcpy(buf, ram->bytes + gpa, len);
	return true;
}

static void put64(Ram *ram, uint64_t gpa, unsigned index, uint64_t value)
{
	memcpy(ram->bytes + gpa + 8 * index, &value, 8);
}

static void put32(Ram *ram, uint64_t gpa, unsigned index, uint32_t value)
{
	memcpy(ram->bytes + gpa + 4 * index, &value, 4);
}

static void assert_mapped(const X86Root *root, Ram *ram, uint64_t addr, uint64_t gpa, uint64_t left)
{
	X86Mapping mapping = {0};

	g_assert_true(x86_walk(root, ram_read, ram, addr, &mapping));
	g_assert_cmphex(mapping.gpa, ==, gpa);
	g_assert_cmphex(mapping.left, ==, left);
}

static void assert_unmapped(const X86Root *root, Ram *ram, uint64_t addr)
{
	X86Mapping mapping;

	g_assert_false(x86_walk(root, ram_read, ram, addr, &mapping));
}

static void test_paging_off(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root real = {.cr0 = 0x10}, protected = {.cr0 = 0x11};

	assert_mapped(&real, ram, 0, 0, 1ull << 32);
	assert_mapped(&real, ram, 0xfffffff0, 0xfffffff0, 16);
	assert_mapped(&protected, ram, 0x12345, 0x12345, 0xfffedcbb);
	/* nothing above 4 GiB can be reached: a 64-bit kernel's addresses wait for that kernel */
	assert_unmapped(&protected, ram, 0xffffffff81000000);
	assert_unmapped(&real, ram, 0xffffffffc0000000);
	assert_unmapped(&protected, ram, 0x100000000);
	assert_unmapped(&protected, ram, 0xffffffff00000000);
	g_assert_cmpuint(ram->reads, ==, 0);
}

/* EFER.LME without paging is not long mode yet; a stale LMA does not matter then. */
static void test_paging_off_long(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = {.cr0 = 0x11, .cr4 = PAE, .efer = 0x100 | LMA};

	assert_mapped(&root, ram, 0x5000, 0x5000, 0xffffb000);
}

static void test_32bit(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = {.cr0 = PG | 1, .cr3 = 0x1018}; /* PWT, PCD are not address */

	put32(ram, 0x1000, 0x300, 0x2000 | P);
	put32(ram, 0x2000, 5, 0xabcde000 | P | 0xe60); /* flags and the bits for software */
	assert_mapped(&root, ram, 0xc0005123, 0xabcde123, 0xedd);
	assert_mapped(&root, ram, 0xffffffffc0005123, 0xabcde123, 0xedd);
	assert_unmapped(&root, ram, 0xc0006000);
	assert_unmapped(&root, ram, 0xc0400000);
	assert_unmapped(&root, ram, 0x1c0005123);
}

static void test_pse(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = {.cr0 = PG | 1, .cr3 = 0x1000, .cr4 = PSE};

	put32(ram, 0x1000, 1, 0x00c00000 | PS | P);
	assert_mapped(&root, ram, 0x412345, 0xc12345, 0x3edcbb);
	/*
	 * without CR4.PSE the same bit means nothing, and the entry points to a table outside RAM
	 */
	root.cr4 = 0;
	assert_unmapped(&root, ram, 0x412345);
}

static void test_pse36(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = {.cr0 = PG | 1, .cr3 = 0x1000, .cr4 = PSE};

	put32(ram, 0x1000, 1, 0x00c00000 | 0xa5 << 13 | 1 << 12 | PS | P); /* bit 12 is PAT */
	assert_mapped(&root, ram, 0x400000, 0xa500c00000, 0x400000);
	assert_mapped(&root, ram, 0x7fffff, 0xa500ffffff, 1);
}

static void make_pae(Ram *ram)
{
	put64(ram, 0x1020, 0, 0);
	put64(ram, 0x1020, 3, 0x3000 | P); /* PDPT at 0x1020: 32-byte aligned */
	put64(ram, 0x3000, 0, 0x4000 | P);
	put64(ram, 0x4000, 7, NX | 0xfedcba000 | P);
	put64(ram, 0x3000, 1, 0x1200000 | PS | P);
}

static void test_pae(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = {.cr0 = PG | 1, .cr3 = 0x1020 | 0x18, .cr4 = PAE};

	make_pae(ram);
	assert_mapped(&root, ram, 0xc0007010, 0xfedcba010, 0xff0);
	assert_mapped(&root, ram, 0xffffffffc0007010, 0xfedcba010, 0xff0);
	assert_mapped(&root, ram, 0xc0300000, 0x1300000, 0x100000);
	assert_unmapped(&root, ram, 0xc0008000);
	assert_unmapped(&root, ram, 0x1000);
	root.cr3 = 0xfffff000;
	assert_unmapped(&root, ram, 0xc0007010);
}

/* The CPU keeps the PDPTRs it loaded with CR3; the table may have changed since. */
static void test_pae_pdptrs(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = {.cr0 = PG | 1, .cr3 = 0x8000, .cr4 = PAE, .pdptr = {0, 0, 0, 0x3000 | P}};

	make_pae(ram);
	put64(ram, 0x8000, 0, 0x3000 | P);
	assert_mapped(&root, ram, 0xc0007010, 0xfedcba010, 0xff0);
	assert_unmapped(&root, ram, 0x7010);
	/* One that is not present leads nowhere, although there is a table. */
	root.pdptr[0] = 0x3000;
	assert_unmapped(&root, ram, 0x7010);
	memset(root.pdptr, 0, sizeof(root.pdptr));
	assert_mapped(&root, ram, 0x7010, 0xfedcba010, 0xff0);
}

/* 0xffff888012345678 and low addresses, with a page of each size. */
static X86Root make_4level(Ram *ram)
{
	put64(ram, 0x1000, 0x111, 0x2000 | P | 0xe66);
	put64(ram, 0x2000, 0, NX | 0x3000 | P);
	put64(ram, 0x2000, 1, 0x80000000 | PS | P);
	put64(ram, 0x3000, 0x91, 0x4000 | P);
	put64(ram, 0x3000, 0x92, 0x40000000 | 0x1000 | PS | P); /* PAT */
	put64(ram, 0x4000, 0x145, NX | 0x7ffull << 52 | 0xfffffffff000 | P);
	return (X86Root){.cr0 = PG | 1, .cr3 = 0x1000 | 0x123, .cr4 = PAE, .efer = LMA | 0x100};
}

static void test_4level(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_4level(ram);

	assert_mapped(&root, ram, 0xffff888012345678, 0xfffffffff678, 0x988);
	assert_mapped(&root, ram, 0xffff888012400000, 0x40000000, 0x200000);
	assert_mapped(&root, ram, 0xffff8880125fffff, 0x401fffff, 1);
	assert_mapped(&root, ram, 0xffff888040000000, 0x80000000, 0x40000000);
	assert_mapped(&root, ram, 0xffff888052345678, 0x92345678, 0x2dcba988);
	assert_unmapped(&root, ram, 0xffff888012346000);
	assert_unmapped(&root, ram, 0xffff888080000000);
	assert_unmapped(&root, ram, 0);
	/* bit 63 of CR3 is "do not flush", never address */
	root.cr3 |= 1ull << 63;
	assert_mapped(&root, ram, 0xffff888012345678, 0xfffffffff678, 0x988);
}

static void test_canonical(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_4level(ram);

	assert_unmapped(&root, ram, 0x0000888012345678);
	assert_unmapped(&root, ram, 0x7fff888012345678);
	assert_unmapped(&root, ram, 0xfffe888012345678);
	g_assert_cmpuint(ram->reads, ==, 0);
	/* what is not canonical with 4 levels can be with 5 */
	put64(ram, 0x9000, 0, 0x1000 | P);
	root.cr3 = 0x9000;
	root.cr4 |= LA57;
	assert_mapped(&root, ram, 0x0000888012345678, 0xfffffffff678, 0x988);
	assert_unmapped(&root, ram, 0x0100888012345678);
	assert_unmapped(&root, ram, 0xfeff888012345678);
}

static void test_5level(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_4level(ram);

	put64(ram, 0x9000, 0x110, 0x1000 | P);
	root.cr3 = 0x9000;
	root.cr4 |= LA57;
	assert_mapped(&root, ram, 0xff10888012345678, 0xfffffffff678, 0x988);
	assert_unmapped(&root, ram, 0xff11888012345678);
	g_assert_cmpuint(ram->reads, ==, 6);
}

/* The page-size bit is reserved in the two upper levels: hardware faults. */
static void test_reserved(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_4level(ram);

	put64(ram, 0x1000, 0x111, 0x2000 | PS | P);
	assert_unmapped(&root, ram, 0xffff888012345678);
	root = make_4level(ram);
	put64(ram, 0x9000, 0x110, 0x1000 | PS | P);
	root.cr3 = 0x9000;
	root.cr4 |= LA57;
	assert_unmapped(&root, ram, 0xff10888012345678);
}

static void test_outside_ram(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_4level(ram);

	put64(ram, 0x2000, 0, 0xfffffffff000 | P);
	assert_unmapped(&root, ram, 0xffff888012345678);
	root.cr3 = RAM_SIZE;
	assert_unmapped(&root, ram, 0xffff888012345678);
	root.cr3 = ~0ull;
	assert_unmapped(&root, ram, 0xffff888012345678);
}

/* A table that is its own entry, as some kernels have on purpose: as many reads as levels. */
static void test_self_reference(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = {.cr0 = PG | 1, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA};

	for (unsigned i = 0; i < 512; i++)
		put64(ram, 0x1000, i, 0x1000 | P);
	assert_mapped(&root, ram, 0xfffffffffffff123, 0x1123, 0xedd);
	g_assert_cmpuint(ram->reads, ==, 4);
	root.cr4 |= LA57;
	assert_mapped(&root, ram, 0x1234567, 0x1567, 0xa99);
	g_assert_cmpuint(ram->reads, ==, 9);
	root = (X86Root){.cr0 = PG | 1, .cr3 = 0x1000, .cr4 = PAE};
	assert_mapped(&root, ram, 0x1234567, 0x1567, 0xa99);
	root.cr4 = 0;
	assert_mapped(&root, ram, 0x1234567, 0x1567, 0xa99);
}

/* Random tables and roots: any answer, no crash, five reads at most, an offset that fits. */
static void test_garbage(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	g_autoptr(GRand) rand = g_rand_new_with_seed(57);

	for (unsigned i = 0; i < RAM_SIZE / 4; i++)
		put32(ram, 0, i, i % 2 ? g_rand_int(rand) & 0xff0f0000 : g_rand_int(rand) & 0xffff);
	for (unsigned i = 0; i < 50000; i++) {
		X86Mapping mapping;
		uint64_t addr = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
		X86Root root = {
			.cr0 = (uint64_t)g_rand_int(rand),
			.cr3 = g_rand_int(rand) & 0xffff,
			.cr4 = g_rand_int(rand),
			.efer = g_rand_int(rand),
		};

		if (i % 4)
			addr = (uint64_t)((int64_t)(addr << 16) >> 16);
		ram->reads = 0;
		if (x86_walk(&root, ram_read, ram, addr, &mapping)) {
			g_assert_cmphex(mapping.gpa & 0xfff, ==, addr & 0xfff);
			g_assert_cmpuint(mapping.left, >=, 1);
			g_assert_cmpuint(mapping.left, <=, 1ull << 32);
		}
		g_assert_cmpuint(ram->reads, <=, 5);
	}
}

static void test_kernel_address(void)
{
	X86Root root = {.cr0 = PG | 1, .cr4 = PAE, .efer = LMA};
	X86Root legacy = {.cr0 = PG | 1, .cr4 = PAE};

	g_assert_true(x86_is_kernel_address(&root, 0xffff800000000000));
	g_assert_true(x86_is_kernel_address(&root, 0xffffffff81000000));
	g_assert_false(x86_is_kernel_address(&root, 0xffff7fffffffffff));
	g_assert_false(x86_is_kernel_address(&root, 0x00007fffffffffff));
	g_assert_false(x86_is_kernel_address(&root, 0xff11000000000000));
	root.cr4 |= LA57;
	g_assert_true(x86_is_kernel_address(&root, 0xff11000000000000));
	g_assert_false(x86_is_kernel_address(&legacy, 0xffffffffc0000000));
}

/* Linux' pair of top tables at 0x6000 (kernel) and 0x7000 (user). */
static X86Root make_kpti(Ram *ram)
{
	put64(ram, 0x6000, 0, NX | 0x2000 | 0x67);
	put64(ram, 0x7000, 0, 0x2000 | 0x67);
	put64(ram, 0x6000, 255, NX | 0x3000 | 0x67);
	put64(ram, 0x7000, 255, 0x3000 | 0x67);
	put64(ram, 0x6000, 0x111, 0x4000 | 0x67);
	put64(ram, 0x6000, 511, 0x5000 | 0x67);
	put64(ram, 0x7000, 511, 0x8000 | 0x67); /* the entry code only: its own tables */
	return (X86Root){.cr0 = PG | 1, .cr3 = 0x7000, .cr4 = PAE, .efer = LMA};
}

static void test_kernel_root(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_kpti(ram), kernel;

	g_assert_true(x86_kernel_root(&root, ram_read, ram, &kernel));
	g_assert_cmphex(kernel.cr3, ==, 0x6000);
	g_assert_cmphex(kernel.cr4, ==, root.cr4);
	g_assert_cmphex(kernel.efer, ==, root.efer);
	g_assert_cmphex(kernel.cr0, ==, root.cr0);
}

/* With PCIDs the user root carries bit 11 too; one without is not a user root. */
static void test_kernel_root_pcid(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_kpti(ram), kernel;

	root.cr4 |= PCIDE;
	g_assert_false(x86_kernel_root(&root, ram_read, ram, &kernel));
	root.cr3 |= 0x802;
	g_assert_true(x86_kernel_root(&root, ram_read, ram, &kernel));
	g_assert_cmphex(kernel.cr3, ==, 0x6002);
}

/* Everything that must not be taken for a pair: a walk of such a root could succeed by chance. */
static void test_kernel_root_refused(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_kpti(ram), kernel = {.cr3 = 42};
	X86Root legacy = root, in_kernel = root, high = root;

	legacy.efer = 0;
	g_assert_false(x86_kernel_root(&legacy, ram_read, ram, &kernel));
	in_kernel.cr3 = 0x6000;
	g_assert_false(x86_kernel_root(&in_kernel, ram_read, ram, &kernel));
	high.cr3 = 0xfffffffff000;
	g_assert_false(x86_kernel_root(&high, ram_read, ram, &kernel));
	put64(ram, 0x6000, 255, 0x9000 | 0x67); /* leads elsewhere */
	g_assert_false(x86_kernel_root(&root, ram_read, ram, &kernel));
	put64(ram, 0x6000, 255, 0); /* leads nowhere */
	g_assert_false(x86_kernel_root(&root, ram_read, ram, &kernel));
	memset(ram->bytes + 0x6000, 0, 0x2000); /* no user half at all */
	g_assert_false(x86_kernel_root(&root, ram_read, ram, &kernel));
	g_assert_cmphex(kernel.cr3, ==, 42);
}

/*
 * Random top tables side by side: a root is derived only when both have the same user half, and
 * what is derived maps each user address to the same place.
 */
static void test_kernel_root_hostile(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	g_autoptr(GRand) rand = g_rand_new_with_seed(4);
	X86Root root = make_kpti(ram), kernel;
	unsigned derived = 0;

	for (unsigned i = 0; i < 20000; i++) {
		unsigned slot = g_rand_int(rand) % 512;
		uint64_t entry =
			(uint64_t)g_rand_int_range(rand, 0, 16) << 12 | g_rand_int(rand) % 4;
		X86Mapping mine, other;

		put64(ram, 0x6000, slot, entry);
		if (g_rand_int(rand) % 16)
			put64(ram, 0x7000, slot, slot < 256 || slot % 2 ? entry : 0);
		else
			root = make_kpti(ram);
		root.cr3 = 0x7000 | (g_rand_int(rand) & 0x1fff);
		root.cr4 = PAE | (g_rand_int(rand) & PCIDE);
		ram->reads = 0;
		if (!x86_kernel_root(&root, ram_read, ram, &kernel))
			continue;
		g_assert_cmpuint(ram->reads, ==, 1);
		derived++;
		g_assert_cmphex(kernel.cr3 & 0x1000, ==, 0);
		uint64_t addr = (uint64_t)g_rand_int(rand) << 16;
		bool mapped = x86_walk(&root, ram_read, ram, addr, &mine);
		g_assert_cmpint(x86_walk(&kernel, ram_read, ram, addr, &other), ==, mapped);
		if (mapped)
			g_assert_cmphex(mine.gpa, ==, other.gpa);
	}
	g_assert_cmpuint(derived, >, 0);
}

static bool can_execute(const X86Root *root, Ram *ram, uint64_t addr)
{
	X86Mapping mapping;

	g_assert_true(x86_walk(root, ram_read, ram, addr, &mapping));
	return mapping.execute;
}

/* Any level forbids it; but for the top one of a user's address, as the kernel's table has it. */
static void test_execute(void)
{
	g_autofree Ram *ram = g_new0(Ram, 1);
	X86Root root = make_4level(ram), off = {.cr0 = 1};

	g_assert_false(can_execute(&root, ram, 0xffff888012345678));
	g_assert_false(can_execute(&root, ram, 0xffff888012400000)); /* by the table above */
	g_assert_true(can_execute(&root, ram, 0xffff888040000000));
	put64(ram, 0x1000, 0x111, NX | 0x2000 | P);
	g_assert_false(can_execute(&root, ram, 0xffff888040000000));
	put64(ram, 0x1000, 0, NX | 0x2000 | P);
	g_assert_true(can_execute(&root, ram, 0x40000000));
	g_assert_false(can_execute(&root, ram, 0x12400000));
	g_assert_true(can_execute(&off, ram, 0x1234));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-walk/paging-off", test_paging_off);
	g_test_add_func("/x86-walk/paging-off-long", test_paging_off_long);
	g_test_add_func("/x86-walk/32bit", test_32bit);
	g_test_add_func("/x86-walk/pse", test_pse);
	g_test_add_func("/x86-walk/pse36", test_pse36);
	g_test_add_func("/x86-walk/pae", test_pae);
	g_test_add_func("/x86-walk/pae-pdptrs", test_pae_pdptrs);
	g_test_add_func("/x86-walk/4level", test_4level);
	g_test_add_func("/x86-walk/canonical", test_canonical);
	g_test_add_func("/x86-walk/5level", test_5level);
	g_test_add_func("/x86-walk/reserved", test_reserved);
	g_test_add_func("/x86-walk/outside-ram", test_outside_ram);
	g_test_add_func("/x86-walk/self-reference", test_self_reference);
	g_test_add_func("/x86-walk/garbage", test_garbage);
	g_test_add_func("/x86-walk/kernel-address", test_kernel_address);
	g_test_add_func("/x86-walk/kernel-root", test_kernel_root);
	g_test_add_func("/x86-walk/kernel-root-pcid", test_kernel_root_pcid);
	g_test_add_func("/x86-walk/kernel-root-refused", test_kernel_root_refused);
	g_test_add_func("/x86-walk/kernel-root-hostile", test_kernel_root_hostile);
	g_test_add_func("/x86-walk/execute", test_execute);
	return g_test_run();
}

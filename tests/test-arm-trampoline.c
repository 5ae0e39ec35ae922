/*
 * tests/test-arm-trampoline.c - arm/cpu/walk.h: the kernel's root behind Linux' trampoline.
 *
 * 39-bit addresses in pages of 4 KiB; ten pages from 0x40000000 on are all the memory there is.
 */
#include <glib.h>
#include <string.h>

#include "arm/cpu/walk.h"

#define SCTLR_M 1ull
#define TG1_4K (2ull << 30)
#define TCR (25 | 25ull << 16 | TG1_4K | 5ull << 32) /* T0SZ, T1SZ, 48 bits of output */

typedef struct Pages {
	uint64_t page[10][512];
} Pages;

#define PAGE(n) (0x40000000ull + 0x1000 * (n))

static bool pages_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	Pages *pages = opaque;

	if (gpa < PAGE(0) || gpa > sizeof(*pages) + PAGE(0) - len)
		return false;
	memcpy(buf, (uint8_t *)pages + (gpa - PAGE(0)), len);
	return true;
}

/* Page 0: trampoline's top table, 1: reserved, 2: kernel's; the vectors are at -4096. */
static Pages *trampoline(ArmRoot *ret)
{
	Pages *pages = g_new0(Pages, 1);

	*ret = (ArmRoot){
		.sctlr = SCTLR_M,
		.tcr = TCR,
		.ttbr1 = PAGE(0) | 1ull << 48,
		.mmfr0 = 0x00100005, /* 48 bits */
		.vbar = 0xfffffffffffff800,
	};
	pages->page[0][511] = PAGE(3) | 3;
	pages->page[3][511] = PAGE(4) | 3;
	pages->page[4][511] = 0x0040000048765703;
	pages->page[2][511] = PAGE(5) | 3;
	pages->page[5][511] = PAGE(6) | 3;
	pages->page[6][511] = 0x0060000048765783;
	pages->page[2][0] = 0x0000000040000701;
	return pages;
}

static void test_trampoline(void)
{
	ArmRoot user, kernel;
	g_autofree Pages *pages = trampoline(&user);
	ArmMapping mapping;

	g_assert_false(arm_walk(&user, pages_read, pages, 0xffffff8000001234, &mapping));
	g_assert_true(arm_kernel_root(&user, pages_read, pages, &kernel));
	g_assert_true(arm_root_is_kernel(&kernel));
	g_assert_true(arm_walk(&kernel, pages_read, pages, 0xffffff8000001234, &mapping));
	g_assert_cmphex(mapping.gpa, ==, 0x40001234);
}

/* So it is in the first instructions of each kernel entry, until they have changed TTBR1. */
static void test_trampoline_in_kernel_mode(void)
{
	ArmRoot entry, kernel;
	g_autofree Pages *pages = trampoline(&entry);
	ArmMapping mapping;

	entry.mode = 1;
	g_assert_false(arm_walk(&entry, pages_read, pages, 0xffffff8000001234, &mapping));
	g_assert_true(arm_kernel_root(&entry, pages_read, pages, &kernel));
	g_assert_true(arm_walk(&kernel, pages_read, pages, 0xffffff8000001234, &mapping));
	g_assert_cmphex(mapping.gpa, ==, 0x40001234);
	/* The kernel's own is no user's root: nothing more lies behind it. */
	g_assert_false(arm_kernel_root(&kernel, pages_read, pages, &kernel));
	/* As a host with VHE: the same two halves, of EL2. */
	entry.mode = 2;
	g_assert_true(arm_kernel_root(&entry, pages_read, pages, &kernel));
	g_assert_cmphex(kernel.mode, ==, 2);
}

/* Older kernels have their table right behind. */
static void test_trampoline_next_page(void)
{
	ArmRoot user, kernel;
	g_autofree Pages *pages = trampoline(&user);
	ArmMapping mapping;

	memcpy(pages->page[1], pages->page[2], sizeof(pages->page[1]));
	memset(pages->page[2], 0, sizeof(pages->page[2]));
	g_assert_true(arm_kernel_root(&user, pages_read, pages, &kernel));
	g_assert_true(arm_walk(&kernel, pages_read, pages, 0xffffff8000001234, &mapping));
}

static void assert_no_kernel_root(const ArmRoot *user, Pages *pages)
{
	ArmRoot kernel, before;

	memset(&kernel, 0x5a, sizeof(kernel));
	before = kernel;
	g_assert_false(arm_kernel_root(user, pages_read, pages, &kernel));
	g_assert_cmpmem(&kernel, sizeof(kernel), &before, sizeof(before));
}

static void test_no_trampoline(void)
{
	ArmRoot user, changed;
	g_autofree Pages *pages = trampoline(&user);

	changed = user;
	changed.sctlr = 0;
	assert_no_kernel_root(&changed, pages);
	changed = user;
	changed.vbar = 0x80000; /* mapped, but by the half that is not in question */
	changed.ttbr0 = PAGE(2);
	assert_no_kernel_root(&changed, pages);
	changed = user;
	changed.tcr &= ~TG1_4K; /* reserved */
	assert_no_kernel_root(&changed, pages);
	changed = user;
	changed.mode = 2 | ARM_ROOT_ONE_RANGE;
	assert_no_kernel_root(&changed, pages);

	/* the vectors are elsewhere */
	pages->page[6][511] ^= 0x1000;
	assert_no_kernel_root(&user, pages);
	pages->page[6][511] ^= 0x1000;
	/* nothing more than the trampoline */
	pages->page[2][0] = 0;
	assert_no_kernel_root(&user, pages);
	pages->page[2][0] = 0x0000000040000701;
	/* something less */
	pages->page[0][7] = PAGE(3) | 3;
	assert_no_kernel_root(&user, pages);
	pages->page[0][7] = 0;
	g_assert_true(arm_kernel_root(&user, pages_read, pages, &changed));
}

/* Whether code may be fetched is what all levels say, by whoever may. */
static void test_execute(void)
{
	ArmRoot user, kernel;
	g_autofree Pages *pages = trampoline(&user);
	ArmMapping mapping;

	g_assert_true(arm_kernel_root(&user, pages_read, pages, &kernel));
	g_assert_true(arm_walk(&kernel, pages_read, pages, 0xffffff8000001234, &mapping));
	g_assert_true(mapping.execute);
	pages->page[2][0] |= 3ull << 53; /* UXN, PXN */
	g_assert_true(arm_walk(&kernel, pages_read, pages, 0xffffff8000001234, &mapping));
	g_assert_false(mapping.execute);
	kernel.sctlr = 0;
	g_assert_true(arm_walk(&kernel, pages_read, pages, 0x1234, &mapping));
	g_assert_true(mapping.execute);
}

/*
 * Tables that a guest made at random, and registers: whatever is derived maps the vectors where the
 * CPU's own root does, and nothing is derived from it in turn but with the same care.
 */
static void test_hostile(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(10);
	ArmRoot user;
	g_autofree Pages *pages = trampoline(&user);
	unsigned derived = 0;

	for (unsigned i = 0; i < 20000; i++) {
		unsigned page = g_rand_int_range(rand, 0, 10), slot = g_rand_int(rand) % 512;
		ArmRoot root = user, kernel;
		ArmMapping mine, other;

		if (slot % 8 == 0)
			slot = 511;
		pages->page[page][slot] =
			PAGE(g_rand_int_range(rand, 0, 10)) | g_rand_int(rand) % 4;
		root.ttbr1 = PAGE(g_rand_int_range(rand, 0, 10));
		root.mode = g_rand_int(rand) % 4;
		if (i % 4 == 0)
			root.tcr = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
		if (!arm_kernel_root(&root, pages_read, pages, &kernel))
			continue;
		derived++;
		g_assert_true(arm_walk(&root, pages_read, pages, root.vbar, &mine));
		g_assert_true(arm_walk(&kernel, pages_read, pages, root.vbar, &other));
		g_assert_cmphex(mine.gpa, ==, other.gpa);
		g_assert_cmphex(kernel.ttbr1, !=, root.ttbr1);
	}
	g_assert_cmpuint(derived, >, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-trampoline/two-pages", test_trampoline);
	g_test_add_func("/arm-trampoline/in-kernel-mode", test_trampoline_in_kernel_mode);
	g_test_add_func("/arm-trampoline/next-page", test_trampoline_next_page);
	g_test_add_func("/arm-trampoline/none", test_no_trampoline);
	g_test_add_func("/arm-trampoline/execute", test_execute);
	g_test_add_func("/arm-trampoline/hostile", test_hostile);
	return g_test_run();
}

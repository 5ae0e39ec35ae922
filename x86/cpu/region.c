/*
 * x86/cpu/region.c - the stretch of linear addresses with the same rights. See region.h.
 */
#include "x86/cpu/region.h"

#include "x86/cpu/bits.h"
#include "x86/cpu/pages.h"

#define SPACE_32 (1ull << 32)

typedef struct Search {
	uint64_t addr;
	unsigned n_pages;
	GdbRegion *region;
} Search;

static void set_hole(GdbRegion *region, uint64_t start, uint64_t last)
{
	*region = (GdbRegion){.start = start, .last = last};
}

static bool visit(void *opaque, const X86Page *page)
{
	Search *search = opaque;
	GdbRegion *region = search->region;
	bool execute = !page->no_execute;

	if (!search->n_pages++) {
		if (page->addr > search->addr) {
			set_hole(region, search->addr, page->addr - 1);
			return false;
		}
		*region = (GdbRegion){page->addr,     page->addr + (page->size - 1),
				      true,	      true,
				      page->writable, execute};
		return true;
	}
	if (search->n_pages > X86_REGION_MAX_PAGES || page->addr != region->last + 1 ||
	    page->writable != region->write || execute != region->execute)
		return false;
	region->last += page->size;
	return true;
}

/* The addresses that no table can map: the middle in long mode, all above 4 GiB otherwise. */
static bool is_outside(const X86Root *root, uint64_t addr, GdbRegion *ret)
{
	uint64_t half = 1ull << (root->cr4 & X86_CR4_LA57 ? 56 : 47);

	if (x86_is_long_mode(root))
		set_hole(ret, half, -half - 1);
	else
		set_hole(ret, SPACE_32, UINT64_MAX);
	return addr >= ret->start && addr <= ret->last;
}

void x86_region(const X86Root *root, X86PhysRead read, void *opaque, uint64_t addr, GdbRegion *ret)
{
	Search search = {.addr = addr, .region = ret};
	uint64_t next = 0;
	bool all;

	if (is_outside(root, addr, ret))
		return;
	if (!x86_has_pages(root)) {
		*ret = (GdbRegion){0, SPACE_32 - 1, true, true, true, true};
		return;
	}
	all = x86_pages(root, read, opaque, addr, X86_PAGES_MAX_TABLES, visit, &search, &next);
	/* Nothing from here on, or nothing as far as the limit lets us look. */
	if (!search.n_pages)
		set_hole(ret, addr, all || next <= addr ? UINT64_MAX : next - 1);
}

/*
 * x86/cpu/pages.c - all pages of a page table. See pages.h.
 */
#include "x86/cpu/pages.h"
#include "x86/cpu/bits.h"

#include <string.h>

/* What a paging mode's tables look like. */
typedef struct Shape {
	unsigned levels;     /* 1 is the last */
	unsigned index_bits; /* of each level but the top of PAE */
	unsigned top_bits;
	unsigned sign_bits; /* width of an address that is sign-extended; 64: none */
	bool narrow;	    /* 4-byte entries */
} Shape;

typedef struct Walk {
	const X86Root *root;
	X86PhysRead read;
	void *opaque;
	Shape shape;
	uint64_t from; /* without the sign extension */
	unsigned tables_left;
	X86PageVisit visit;
	void *visit_opaque;
	uint64_t next;
} Walk;

/* What the levels above allow. */
typedef struct Rights {
	bool user, writable, no_execute;
} Rights;

bool x86_has_pages(const X86Root *root)
{
	return root->cr0 & X86_CR0_PG;
}

static Shape shape_of(const X86Root *root)
{
	if (x86_is_long_mode(root)) {
		unsigned levels = root->cr4 & X86_CR4_LA57 ? 5 : 4;

		return (Shape){levels, 9, 9, 12 + 9 * levels, false};
	}
	if (root->cr4 & X86_CR4_PAE)
		return (Shape){3, 9, 2, 64, false};
	return (Shape){2, 10, 10, 64, true};
}

static unsigned shift_of(const Shape *shape, unsigned level)
{
	return 12 + shape->index_bits * (level - 1);
}

static uint64_t canonical(const Shape *shape, uint64_t addr)
{
	unsigned unused = 64 - shape->sign_bits;

	return (uint64_t)((int64_t)(addr << unused) >> unused);
}

/* The page that @entry of @level is; PSE-36 keeps physical bits 39:32 in bits 20:13. */
static uint64_t page_base(const Shape *shape, unsigned level, uint64_t entry)
{
	uint64_t mask = (1ull << shift_of(shape, level)) - 1;

	if (shape->narrow && level == 2)
		return (entry >> 13 & 0xff) << 32 | (entry & 0xffc00000);
	return entry & X86_PTE_ADDR & ~mask;
}

static bool load_table(Walk *walk, unsigned level, uint64_t table, uint64_t *entries, unsigned n)
{
	uint32_t narrow[1024];

	if (walk->shape.narrow) {
		if (!walk->read(walk->opaque, table, narrow, n * sizeof(narrow[0])))
			return false;
		for (unsigned i = 0; i < n; i++)
			entries[i] = narrow[i];
		return true;
	}
	if (level == 3 && n == 4) {
		const uint64_t *kept = walk->root->pdptr;

		memcpy(entries, kept, 4 * sizeof(*entries));
		if ((kept[0] | kept[1] | kept[2] | kept[3]) & X86_PTE_PRESENT)
			return true;
	}
	return walk->read(walk->opaque, table, entries, n * sizeof(entries[0]));
}

static bool visit_page(Walk *walk, unsigned level, uint64_t addr, uint64_t entry, Rights rights)
{
	X86Page page = {
		.addr = canonical(&walk->shape, addr),
		.size = 1ull << shift_of(&walk->shape, level),
		.gpa = page_base(&walk->shape, level, entry),
		.entry = entry,
		.user = rights.user,
		.writable = rights.writable,
		.no_execute = rights.no_execute,
	};

	walk->next = page.addr;
	return walk->visit(walk->visit_opaque, &page);
}

/* The top level of PAE has no rights of its own. */
static Rights narrowed(const Shape *shape, unsigned level, Rights above, uint64_t entry)
{
	if (shape->top_bits == 2 && level == 3)
		return above;
	return (Rights){
		above.user && entry & X86_PTE_USER,
		above.writable && entry & X86_PTE_WRITABLE,
		above.no_execute || (!shape->narrow && entry & X86_PTE_NX),
	};
}

static bool walk_table(Walk *walk, unsigned level, uint64_t table, uint64_t base, Rights above)
{
	const Shape *shape = &walk->shape;
	bool top = level == shape->levels;
	unsigned shift = shift_of(shape, level);
	unsigned n = 1u << (top ? shape->top_bits : shape->index_bits);
	uint64_t entries[1024];

	walk->next = canonical(shape, MAX(base, walk->from));
	if (!walk->tables_left)
		return false;
	walk->tables_left--;
	if (!load_table(walk, level, table, entries, n))
		return true;
	for (unsigned i = walk->from > base ? (walk->from - base) >> shift : 0; i < n; i++) {
		uint64_t entry = entries[i], addr = base + ((uint64_t)i << shift);
		Rights rights = narrowed(shape, level, above, entry);
		X86EntryKind kind = x86_entry_kind(walk->root, level, entry);
		bool more;

		if (kind == X86_ENTRY_NOTHING)
			continue;
		if (kind == X86_ENTRY_TABLE)
			more = walk_table(walk, level - 1, entry & X86_PTE_ADDR, addr, rights);
		else
			more = visit_page(walk, level, addr, entry, rights);
		if (!more)
			return false;
	}
	return true;
}

/* A table of PAE's top level is 32-byte aligned, the others' are pages. */
static uint64_t top_table(const Walk *walk)
{
	uint64_t cr3 = walk->root->cr3;

	if (walk->shape.top_bits == 2)
		return cr3 & 0xffffffe0;
	return walk->shape.narrow ? cr3 & 0xfffff000 : cr3 & X86_PTE_ADDR;
}

bool x86_pages(const X86Root *root, X86PhysRead read, void *opaque, uint64_t from,
	       unsigned max_tables, X86PageVisit visit, void *visit_opaque, uint64_t *ret_next)
{
	Walk walk = {
		.root = root,
		.read = read,
		.opaque = opaque,
		.shape = shape_of(root),
		.tables_left = max_tables,
		.visit = visit,
		.visit_opaque = visit_opaque,
	};
	unsigned bits = walk.shape.sign_bits == 64 ? 32 : walk.shape.sign_bits;

	if (!x86_has_pages(root))
		return true;
	walk.from = from & ((1ull << bits) - 1);
	if (walk_table(&walk, walk.shape.levels, top_table(&walk), 0, (Rights){true, true, false}))
		return true;
	*ret_next = walk.next;
	return false;
}

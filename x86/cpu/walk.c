/*
 * x86/cpu/walk.c - page walks. See walk.h.
 *
 * All modes but 32-bit paging are the same loop over 8-byte entries; they differ in how many levels
 * there are and which of them may hold a page.
 */
#include "x86/cpu/walk.h"
#include "x86/cpu/bits.h"

#include <string.h>

#define CR3_USER_TABLE (1ull << 12)
#define CR3_USER_PCID (1ull << 11)
#define TOP_ENTRIES 512

bool x86_is_long_mode(const X86Root *root)
{
	return (root->cr0 & X86_CR0_PG) && (root->efer & X86_EFER_LMA);
}

/* May @entry of @level, which has the page-size bit, be a page? */
static X86EntryKind large_entry_kind(const X86Root *root, unsigned level)
{
	if (x86_is_long_mode(root))
		return level <= 3 ? X86_ENTRY_PAGE : X86_ENTRY_NOTHING;
	if (root->cr4 & X86_CR4_PAE)
		return level == 2 ? X86_ENTRY_PAGE : X86_ENTRY_TABLE;
	return root->cr4 & X86_CR4_PSE ? X86_ENTRY_PAGE : X86_ENTRY_TABLE;
}

X86EntryKind x86_entry_kind(const X86Root *root, unsigned level, uint64_t entry)
{
	if (!(entry & X86_PTE_PRESENT))
		return X86_ENTRY_NOTHING;
	if (level == 1)
		return X86_ENTRY_PAGE;
	return entry & X86_PTE_LARGE ? large_entry_kind(root, level) : X86_ENTRY_TABLE;
}

static unsigned linear_bits(const X86Root *root)
{
	return root->cr4 & X86_CR4_LA57 ? 57 : 48;
}

static bool is_canonical(const X86Root *root, uint64_t addr)
{
	unsigned unused = 64 - linear_bits(root);

	return (uint64_t)((int64_t)(addr << unused) >> unused) == addr;
}

static X86Mapping page(uint64_t base, uint64_t addr, unsigned bits, bool execute)
{
	uint64_t offset = addr & ((1ull << bits) - 1);

	return (X86Mapping){base + offset, (1ull << bits) - offset, execute};
}

/*
 * Walks tables of 8-byte entries. @table: that of the first level, @level: its number, 1 for the
 * one that holds 4 KiB pages.
 */
static bool walk_wide(const X86Root *root, X86PhysRead read, void *opaque, uint64_t table,
		      unsigned level, uint64_t addr, X86Mapping *ret)
{
	bool is_isolated = x86_is_long_mode(root) && !(addr >> 63);
	unsigned top = level;
	uint64_t forbidden = 0;

	for (;; level--) {
		unsigned bits = 12 + 9 * (level - 1);
		uint64_t at = table + (addr >> bits) % 512 * 8;
		uint64_t entry;

		if (!read(opaque, at, &entry, sizeof(entry)))
			return false;
		if (!is_isolated || level < top)
			forbidden |= entry & X86_PTE_NX;
		switch (x86_entry_kind(root, level, entry)) {
		case X86_ENTRY_NOTHING:
			return false;
		case X86_ENTRY_PAGE:
			*ret = page(entry & X86_PTE_ADDR & ~((1ull << bits) - 1), addr, bits,
				    !forbidden);
			return true;
		case X86_ENTRY_TABLE:
			table = entry & X86_PTE_ADDR;
		}
	}
}

static bool walk_pae(const X86Root *root, X86PhysRead read, void *opaque, uint64_t addr,
		     X86Mapping *ret)
{
	uint64_t pdptr[4];

	memcpy(pdptr, root->pdptr, sizeof(pdptr));
	if (!((pdptr[0] | pdptr[1] | pdptr[2] | pdptr[3]) & X86_PTE_PRESENT) &&
	    !read(opaque, root->cr3 & 0xffffffe0, pdptr, sizeof(pdptr)))
		return false;
	if (!(pdptr[addr >> 30] & X86_PTE_PRESENT))
		return false;
	return walk_wide(root, read, opaque, pdptr[addr >> 30] & X86_PTE_ADDR, 2, addr, ret);
}

static bool walk_32bit(const X86Root *root, X86PhysRead read, void *opaque, uint64_t addr,
		       X86Mapping *ret)
{
	uint64_t at = (root->cr3 & 0xfffff000) + (addr >> 22) * 4;
	uint32_t entry;

	if (!read(opaque, at, &entry, sizeof(entry)) || !(entry & X86_PTE_PRESENT))
		return false;
	if (x86_entry_kind(root, 2, entry) == X86_ENTRY_PAGE) {
		/* PSE-36 keeps physical bits 39:32 in bits 20:13. */
		uint64_t high = (uint64_t)(entry >> 13 & 0xff) << 32;

		*ret = page(high | (entry & 0xffc00000), addr, 22, true);
		return true;
	}
	at = (entry & 0xfffff000) + (addr >> 12) % 1024 * 4;
	if (!read(opaque, at, &entry, sizeof(entry)) || !(entry & X86_PTE_PRESENT))
		return false;
	*ret = page(entry & 0xfffff000, addr, 12, true);
	return true;
}

bool x86_walk(const X86Root *root, X86PhysRead read, void *opaque, uint64_t addr, X86Mapping *ret)
{
	if (x86_is_long_mode(root)) {
		unsigned levels = root->cr4 & X86_CR4_LA57 ? 5 : 4;

		return is_canonical(root, addr) &&
		       walk_wide(root, read, opaque, root->cr3 & X86_PTE_ADDR, levels, addr, ret);
	}
	if (!(root->cr0 & X86_CR0_PG)) {
		*ret = page(0, addr, 32, true);
		return addr == (uint32_t)addr;
	}
	if (addr != (uint32_t)addr && addr != (uint64_t)(int32_t)addr)
		return false;
	addr = (uint32_t)addr;
	if (root->cr4 & X86_CR4_PAE)
		return walk_pae(root, read, opaque, addr, ret);
	return walk_32bit(root, read, opaque, addr, ret);
}

bool x86_is_kernel_address(const X86Root *root, uint64_t addr)
{
	return x86_is_long_mode(root) && is_canonical(root, addr) && addr >> 63;
}

static bool is_same_user_half(const uint64_t *user, const uint64_t *kernel)
{
	bool any = false;

	for (unsigned i = 0; i < TOP_ENTRIES / 2; i++) {
		if (!(user[i] & X86_PTE_PRESENT))
			continue;
		if (!(kernel[i] & X86_PTE_PRESENT) || ((user[i] ^ kernel[i]) & X86_PTE_ADDR))
			return false;
		any = true;
	}
	return any;
}

bool x86_kernel_root(const X86Root *user, X86PhysRead read, void *opaque, X86Root *ret)
{
	bool has_pcid = user->cr4 & X86_CR4_PCIDE;
	uint64_t marks = CR3_USER_TABLE | (has_pcid ? CR3_USER_PCID : 0);
	uint64_t tables[2][TOP_ENTRIES]; /* the kernel's comes first in memory */
	uint64_t at = user->cr3 & X86_PTE_ADDR & ~CR3_USER_TABLE;

	if (!x86_is_long_mode(user) || (user->cr3 & marks) != marks)
		return false;
	if (!read(opaque, at, tables, sizeof(tables)) || !is_same_user_half(tables[1], tables[0]))
		return false;
	*ret = *user;
	ret->cr3 &= ~marks;
	return true;
}

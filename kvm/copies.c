/*
 * kvm/copies.c - pages that had patches, by the hash of what the guest has in them.
 */
#include "kvm/copies.h"

#include <string.h>

#define SAVED_MAX 8

/* Where a page has or had a patch. */
typedef struct Spot {
	unsigned offset;
	uint64_t gpa;
	uint8_t saved[SAVED_MAX];
} Spot;

typedef struct Page {
	uint64_t hash;
	GArray *spots; /* of Spot */
} Page;

struct KvmCopies {
	const uint8_t *trap;
	size_t trap_len;
	GHashTable *pages; /* &Page.hash -> Page */
	GArray *offsets;   /* of uint16_t, ascending, each once */
	unsigned n_spots;
};

static void page_free(gpointer data)
{
	Page *page = data;

	g_array_unref(page->spots);
	g_free(page);
}

KvmCopies *kvm_copies_new(const uint8_t *trap, size_t trap_len)
{
	KvmCopies *copies = g_new0(KvmCopies, 1);

	g_assert(trap_len <= SAVED_MAX);
	copies->trap = trap;
	copies->trap_len = trap_len;
	copies->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, page_free);
	copies->offsets = g_array_new(FALSE, FALSE, sizeof(uint16_t));
	return copies;
}

void kvm_copies_free(KvmCopies *copies)
{
	if (!copies)
		return;
	g_hash_table_unref(copies->pages);
	g_array_unref(copies->offsets);
	g_free(copies);
}

/* Of a whole page. It need not withstand an enemy: a guest that wants to can only fool itself. */
static uint64_t hash_page(const uint8_t *page)
{
	uint64_t hash = 0x9e3779b97f4a7c15u, word;

	for (unsigned i = 0; i < KVM_COPIES_PAGE; i += sizeof(word)) {
		memcpy(&word, page + i, sizeof(word));
		hash = (hash ^ word) * 0xff51afd7ed558ccdu;
		hash ^= hash >> 32;
	}
	return hash;
}

static Spot *find_spot(const Page *page, unsigned offset)
{
	for (unsigned i = 0; i < page->spots->len; i++) {
		Spot *spot = &g_array_index(page->spots, Spot, i);

		if (spot->offset == offset)
			return spot;
	}
	return NULL;
}

static Page *find_page(KvmCopies *copies, uint64_t hash)
{
	Page *page = g_hash_table_lookup(copies->pages, &hash);

	if (page)
		return page;
	page = g_new0(Page, 1);
	page->hash = hash;
	page->spots = g_array_new(FALSE, FALSE, sizeof(Spot));
	g_hash_table_insert(copies->pages, &page->hash, page);
	return page;
}

static void add_offset(KvmCopies *copies, uint16_t offset)
{
	GArray *offsets = copies->offsets;
	unsigned i = 0;

	while (i < offsets->len && g_array_index(offsets, uint16_t, i) < offset)
		i++;
	if (i == offsets->len || g_array_index(offsets, uint16_t, i) != offset)
		g_array_insert_val(offsets, i, offset);
}

void kvm_copies_note(KvmCopies *copies, const uint8_t *page, unsigned offset, uint64_t gpa)
{
	Spot fresh = {.offset = offset, .gpa = gpa};
	Page *known;
	Spot *spot;

	/* What is the guest's own trap under a patch is the same with and without it. */
	if (copies->n_spots == KVM_COPIES_MAX || offset + copies->trap_len > KVM_COPIES_PAGE ||
	    !memcmp(page + offset, copies->trap, copies->trap_len))
		return;
	known = find_page(copies, hash_page(page));
	spot = find_spot(known, offset);
	if (spot) {
		spot->gpa = gpa;
		return;
	}
	memcpy(fresh.saved, page + offset, copies->trap_len);
	g_array_append_val(known->spots, fresh);
	add_offset(copies, offset);
	copies->n_spots++;
}

bool kvm_copies_any(const KvmCopies *copies)
{
	return copies->n_spots > 0;
}

void kvm_copies_clear(KvmCopies *copies)
{
	g_hash_table_remove_all(copies->pages);
	g_array_set_size(copies->offsets, 0);
	copies->n_spots = 0;
}

const uint16_t *kvm_copies_offsets(const KvmCopies *copies, unsigned *ret_n)
{
	*ret_n = copies->offsets->len;
	return (const uint16_t *)(const void *)copies->offsets->data;
}

/* Is @now, with all traps of @page taken out, that page? */
static bool is_copy(const KvmCopies *copies, const Page *page, const uint8_t *now)
{
	uint8_t own[KVM_COPIES_PAGE];

	memcpy(own, now, sizeof(own));
	for (unsigned i = 0; i < page->spots->len; i++) {
		const Spot *spot = &g_array_index(page->spots, Spot, i);

		if (!memcmp(own + spot->offset, copies->trap, copies->trap_len))
			memcpy(own + spot->offset, spot->saved, copies->trap_len);
	}
	return hash_page(own) == page->hash;
}

bool kvm_copies_match(const KvmCopies *copies, const uint8_t *page, unsigned offset,
		      uint8_t *ret_saved, uint64_t *ret_gpa)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, copies->pages);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Spot *spot = find_spot(value, offset);

		if (!spot || !is_copy(copies, value, page))
			continue;
		memcpy(ret_saved, spot->saved, copies->trap_len);
		*ret_gpa = spot->gpa;
		return true;
	}
	return false;
}

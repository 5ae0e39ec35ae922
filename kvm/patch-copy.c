/*
 * kvm/patch-copy.c - patches in pages that the guest has copied.
 */
#include <string.h>
#include <sys/mman.h>

#include "kvm/patch-internal.h"

#define PAGE KVM_COPIES_PAGE

void patch_note_page(KvmPatches *patches, uint64_t gpa)
{
	uint8_t page[PAGE];
	uint64_t offset = gpa % PAGE;

	if (patch_read_under(patches, gpa - offset, page, PAGE) == PAGE)
		kvm_copies_note(patches->copies, page, offset, gpa);
}

/* The guest may have changed other bytes of a page since it was noted. */
static void note_again(KvmPatches *patches, uint64_t offset)
{
	for (unsigned i = 0; i < patches->wants->len; i++) {
		const Want *want = want_at(patches, i);

		if (want->host && want->gpa % PAGE == offset)
			patch_note_page(patches, want->gpa);
	}
}

bool patch_match_copy(KvmPatches *patches, uint64_t gpa, uint8_t *ret_saved, uint64_t *ret_gpa)
{
	uint8_t page[PAGE];
	uint64_t offset = gpa % PAGE;

	if (!kvm_copies_any(patches->copies) || offset + patches->trap_len > PAGE ||
	    kvm_memory_read(patches->memory, gpa - offset, page, PAGE) < PAGE ||
	    memcmp(page + offset, patches->trap, patches->trap_len))
		return false;
	note_again(patches, offset);
	return kvm_copies_match(patches->copies, page, offset, ret_saved, ret_gpa);
}

/* A copy at @gpa: becomes a patch, or is taken out when nobody wants it. */
static bool adopt(KvmPatches *patches, uint64_t gpa, const KvmPlace *place)
{
	Patch copy = {.place = *place};

	if (!patch_match_copy(patches, gpa, copy.saved, &copy.copy_of))
		return false;
	if (!patch_find_want(patches, copy.copy_of)) {
		kvm_memory_write_at(patches->memory, place, copy.saved, patches->trap_len);
		return false;
	}
	*patch_add(patches, place) = copy;
	return true;
}

bool kvm_patches_claim(KvmPatches *patches, uint64_t gpa)
{
	const Patch *patch = patch_find(patches, gpa);
	KvmPlace place;

	if (patch)
		return patch_in_place(patches, patch);
	return kvm_copies_any(patches->copies) && patch_find_room(patches, gpa, &place) &&
	       adopt(patches, gpa, &place);
}

/* Claims each trap at a known offset of the page at @page that lies in the @len bytes at @gpa. */
static bool claim_in_page(KvmPatches *patches, uint64_t page, uint64_t gpa, size_t len,
			  const uint8_t *buf)
{
	unsigned n;
	const uint16_t *offsets = kvm_copies_offsets(patches->copies, &n);
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		uint64_t at = page + offsets[i] - gpa;

		if (at >= len || len - at < patches->trap_len ||
		    memcmp(buf + at, patches->trap, patches->trap_len))
			continue;
		if (!patch_find(patches, gpa + at)) {
			kvm_patches_claim(patches, gpa + at);
			any = true;
		}
	}
	return any;
}

bool patch_claim_all(KvmPatches *patches, uint64_t gpa, const uint8_t *buf, size_t len)
{
	uint64_t before = gpa % PAGE;
	bool any = false;

	if (!kvm_copies_any(patches->copies) || !memchr(buf, patches->trap[0], len))
		return false;
	for (uint64_t at = 0; at < before + len; at += PAGE)
		any |= claim_in_page(patches, gpa - before + at, gpa, len, buf);
	return any;
}

void patch_claim_range(KvmPatches *patches, uint64_t gpa, uint64_t len)
{
	uint8_t page[PAGE];
	size_t part;

	if (!kvm_copies_any(patches->copies))
		return;
	for (; len; gpa += part, len -= part) {
		part = MIN(len, PAGE - gpa % PAGE);
		if (kvm_memory_read(patches->memory, gpa, page, part) < part)
			return;
		patch_claim_all(patches, gpa, page, part);
	}
}

/* ---- All of memory ---- */

#define STRETCH_PAGES 256u

typedef struct Sweep {
	KvmPatches *patches;
	gint64 until;
	uint8_t buf[STRETCH_PAGES * PAGE];
	uint8_t present[STRETCH_PAGES];
} Sweep;

/*
 * The host has no page where the guest never touched its memory, and none is to be made now. Memory
 * that does not begin with a page is no slot of KVM's.
 */
static bool find_present(Sweep *sweep, uint8_t *host, unsigned n_pages)
{
	if ((uintptr_t)host % PAGE == 0)
		return mincore(host, n_pages * PAGE, sweep->present) == 0;
	memset(sweep->present, 1, n_pages);
	return true;
}

static void sweep_stretch(Sweep *sweep, const KvmSpan *span, uint64_t at, unsigned n_pages)
{
	if (!find_present(sweep, span->host + at, n_pages))
		return;
	for (unsigned i = 0, n; i < n_pages; i += n ? n : 1) {
		size_t got;

		for (n = 0; i + n < n_pages && sweep->present[i + n] & 1;)
			n++;
		got = n ? kvm_memory_read(sweep->patches->memory, span->gpa + at + i * PAGE,
					  sweep->buf, n * PAGE)
			: 0;
		patch_claim_all(sweep->patches, span->gpa + at + i * PAGE, sweep->buf, got);
	}
}

/* FALSE: no time is left. */
static bool sweep_span(Sweep *sweep, const KvmSpan *span)
{
	uint64_t n_pages = span->size / PAGE, at;

	for (at = 0; at < n_pages && g_get_monotonic_time() < sweep->until; at += STRETCH_PAGES)
		sweep_stretch(sweep, span, at * PAGE, MIN(n_pages - at, STRETCH_PAGES));
	return at >= n_pages;
}

bool kvm_patches_sweep(KvmPatches *patches, unsigned limit_ms)
{
	Sweep *sweep;
	bool all = true;
	KvmSpan span;

	if (!kvm_copies_any(patches->copies))
		return true;
	sweep = g_new(Sweep, 1);
	sweep->patches = patches;
	sweep->until = g_get_monotonic_time() + limit_ms * 1000ll;
	for (unsigned i = 0; all && kvm_memory_get_span(patches->memory, i, &span); i++)
		all = sweep_span(sweep, &span);
	g_free(sweep);
	kvm_copies_clear(patches->copies);
	__atomic_store_n(&patches->any, kvm_patches_any_wanted(patches), __ATOMIC_SEQ_CST);
	return all;
}

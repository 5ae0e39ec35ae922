/*
 * kvm/patch.c - trap instructions in guest memory: who wants them, and where they are.
 */
#include "kvm/patch-internal.h"

#include <string.h>

KvmPatches *kvm_patches_new(KvmMemory *memory)
{
	KvmPatches *patches = g_new0(KvmPatches, 1);

	patches->memory = memory;
	patches->wants = g_ptr_array_new_with_free_func(g_free);
	patches->patches = g_ptr_array_new_with_free_func(g_free);
	patches->trap = arch_trap_insn(&patches->trap_len);
	patches->copies = kvm_copies_new(patches->trap, patches->trap_len);
	return patches;
}

void kvm_patches_free(KvmPatches *patches)
{
	if (!patches)
		return;
	g_ptr_array_unref(patches->wants);
	g_ptr_array_unref(patches->patches);
	kvm_copies_free(patches->copies);
	g_free(patches);
}

/* Index of the first want at or above @gpa. */
static unsigned want_index(const KvmPatches *patches, uint64_t gpa)
{
	unsigned low = 0, high = patches->wants->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (want_at(patches, middle)->gpa < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

unsigned patch_index(const KvmPatches *patches, const uint8_t *host)
{
	unsigned low = 0, high = patches->patches->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (patch_at(patches, middle)->place.host < host)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

Want *patch_find_want(const KvmPatches *patches, uint64_t gpa)
{
	unsigned i = want_index(patches, gpa);

	return i < patches->wants->len && want_at(patches, i)->gpa == gpa ? want_at(patches, i)
									  : NULL;
}

static Patch *find_host(const KvmPatches *patches, const uint8_t *host)
{
	unsigned i = patch_index(patches, host);

	return i < patches->patches->len && patch_at(patches, i)->place.host == host
		       ? patch_at(patches, i)
		       : NULL;
}

/* By whatever guest-physical address the page is seen. */
Patch *patch_find(const KvmPatches *patches, uint64_t gpa)
{
	KvmPlace place;

	if (!patches->patches->len || !kvm_memory_find(patches->memory, gpa, &place))
		return NULL;
	return find_host(patches, place.host);
}

/* ---- In memory ---- */

/* Asked of all at each resume, so what is usual needs no call. */
static bool is_trap(const uint8_t *bytes, const uint8_t *trap, size_t len)
{
	if (len == 1)
		return bytes[0] == trap[0];
	return len == 4 ? !memcmp(bytes, trap, 4) : !memcmp(bytes, trap, len);
}

/* Apart from its caller, whose usual way needs no room on the stack then. */
__attribute__((noinline)) static bool reads_as_trap(const KvmPatches *patches,
						    const KvmPlace *place)
{
	uint8_t now[ARCH_TRAP_MAX];
	size_t len = patches->trap_len;

	return kvm_memory_read_at(patches->memory, place, now, len) == len &&
	       is_trap(now, patches->trap, len);
}

bool patch_in_place(const KvmPatches *patches, const Patch *patch)
{
	const KvmPlace *place = &patch->place;

	if (patch->lifted)
		return false;
	if (place->steady)
		return is_trap(place->host, patches->trap, patches->trap_len);
	return reads_as_trap(patches, place);
}

static void put_patch(KvmPatches *patches, Patch *patch)
{
	size_t len = patches->trap_len;
	uint64_t gpa;

	if (patch_in_place(patches, patch))
		return;
	patch->lifted =
		kvm_memory_read_at(patches->memory, &patch->place, patch->saved, len) < len ||
		!kvm_memory_write_at(patches->memory, &patch->place, patches->trap, len);
	/* In a page that the guest has copied one of ours may have been there already. */
	if (!patch->lifted && !memcmp(patch->saved, patches->trap, len))
		patch_match_copy(patches, patch->place.gpa, patch->saved, &gpa);
}

static void take_patch(KvmPatches *patches, Patch *patch)
{
	if (patch_in_place(patches, patch))
		kvm_memory_write_at(patches->memory, &patch->place, patch->saved,
				    patches->trap_len);
	patch->lifted = true;
}

Patch *patch_add(KvmPatches *patches, const KvmPlace *place)
{
	unsigned i = patch_index(patches, place->host);
	Patch *patch = g_new0(Patch, 1);

	patch->place = *place;
	patch->lifted = true;
	g_ptr_array_insert(patches->patches, i, patch);
	return patch;
}

static void drop_patch(KvmPatches *patches, Patch *patch)
{
	take_patch(patches, patch);
	g_ptr_array_remove_index(patches->patches, patch_index(patches, patch->place.host));
}

/* Copies of what is not wanted any more, or in memory that goes. */
static void drop_copies(KvmPatches *patches, bool (*which)(const Patch *, uint64_t, uint64_t),
			uint64_t from, uint64_t size)
{
	if (patches->patches->len == patches->n_wanted)
		return;
	for (unsigned i = patches->patches->len; i-- > 0;) {
		Patch *patch = patch_at(patches, i);

		if (!patch->wants && which(patch, from, size))
			drop_patch(patches, patch);
	}
}

static bool is_copy_of(const Patch *patch, uint64_t gpa, uint64_t size G_GNUC_UNUSED)
{
	return patch->copy_of == gpa;
}

static bool lies_in(const Patch *patch, uint64_t gpa, uint64_t size)
{
	return patch->place.gpa - gpa < size;
}

/* ---- Wants ---- */

bool patch_find_room(const KvmPatches *patches, uint64_t gpa, KvmPlace *ret)
{
	return kvm_memory_find(patches->memory, gpa, ret) && ret->left >= patches->trap_len;
}

static void attach(KvmPatches *patches, Want *want)
{
	KvmPlace place;
	Patch *patch;

	if (!patch_find_room(patches, want->gpa, &place))
		return;
	patch = find_host(patches, place.host);
	if (!patch)
		patch = patch_add(patches, &place);
	patches->n_wanted += !patch->wants++;
	want->host = place.host;
	put_patch(patches, patch);
	patch_note_page(patches, want->gpa);
}

static void detach(KvmPatches *patches, Want *want)
{
	Patch *patch = want->host ? find_host(patches, want->host) : NULL;

	want->host = NULL;
	if (!patch || --patch->wants)
		return;
	patches->n_wanted--;
	drop_patch(patches, patch);
}

void kvm_patches_ref(KvmPatches *patches, uint64_t gpa)
{
	Want fresh = {.gpa = gpa};
	Want *want = patch_find_want(patches, gpa);

	if (!want) {
		unsigned i = want_index(patches, gpa);

		want = g_memdup2(&fresh, sizeof(fresh));
		g_ptr_array_insert(patches->wants, i, want);
	}
	__atomic_store_n(&patches->any, 1, __ATOMIC_SEQ_CST);
	if (want->refs++)
		kvm_patches_replace(patches, gpa);
	else
		attach(patches, want);
}

void kvm_patches_unref(KvmPatches *patches, uint64_t gpa)
{
	Want *want = patch_find_want(patches, gpa);

	if (--want->refs)
		return;
	detach(patches, want);
	g_ptr_array_remove_index(patches->wants, want_index(patches, gpa));
	drop_copies(patches, is_copy_of, gpa, 0);
}

bool kvm_patches_has(const KvmPatches *patches, uint64_t gpa)
{
	const Patch *patch = patch_find(patches, gpa);

	return patch && patch_in_place(patches, patch);
}

bool kvm_patches_all_there(const KvmPatches *patches)
{
	unsigned n_wants = 0;

	for (unsigned i = 0; i < patches->patches->len; i++) {
		const Patch *patch = patch_at(patches, i);

		n_wants += patch->wants;
		if (patch->wants && !patch_in_place(patches, patch))
			return false;
	}
	return n_wants == patches->wants->len;
}

bool kvm_patches_same(const KvmPatches *patches, uint64_t wanted, uint64_t gpa)
{
	const Want *want = patch_find_want(patches, wanted);
	const Patch *patch = patch_find(patches, gpa);

	if (!want || !patch)
		return wanted == gpa;
	return patch->wants ? patch->place.host == want->host : patch->copy_of == wanted;
}

bool kvm_patches_any_wanted(const KvmPatches *patches)
{
	return patches->wants->len > 0;
}

bool kvm_patches_any(const KvmPatches *patches)
{
	return patches->wants->len > 0 || kvm_copies_any(patches->copies);
}

void kvm_patches_lift(KvmPatches *patches, uint64_t gpa)
{
	Patch *patch = patch_find(patches, gpa);

	if (patch)
		take_patch(patches, patch);
}

void kvm_patches_replace(KvmPatches *patches, uint64_t gpa)
{
	Want *want = patch_find_want(patches, gpa);
	Patch *patch = patch_find(patches, gpa);

	if (patch)
		put_patch(patches, patch);
	else if (want && !want->host)
		attach(patches, want);
}

void kvm_patches_rewrite(KvmPatches *patches)
{
	drop_copies(patches, lies_in, 0, UINT64_MAX);
	for (unsigned i = 0; i < patches->patches->len; i++)
		put_patch(patches, patch_at(patches, i));
}

void kvm_patches_clear(KvmPatches *patches)
{
	for (unsigned i = 0; i < patches->patches->len; i++)
		take_patch(patches, patch_at(patches, i));
	g_ptr_array_set_size(patches->patches, 0);
	g_ptr_array_set_size(patches->wants, 0);
	patches->n_wanted = 0;
}

/* By the host's addresses. */
static bool any_in(const KvmPatches *patches, uint64_t gpa, uint64_t len)
{
	KvmPlace place;

	for (; len && kvm_memory_find(patches->memory, gpa, &place); gpa += place.left) {
		uint64_t part = MIN(place.left, len);
		unsigned i = patch_index(patches, place.host - (patches->trap_len - 1));

		if (i < patches->patches->len &&
		    patch_at(patches, i)->place.host < place.host + part)
			return true;
		len -= part;
	}
	return false;
}

bool kvm_patches_may_meet(const KvmPatches *patches)
{
	return __atomic_load_n(&patches->any, __ATOMIC_SEQ_CST);
}

bool kvm_patches_meets_read(KvmPatches *patches, uint64_t gpa, uint64_t len)
{
	patch_claim_range(patches, gpa, len);
	return patches->patches->len && any_in(patches, gpa, len);
}

bool kvm_patches_meets_write(KvmPatches *patches, uint64_t gpa, uint64_t len)
{
	if (!patches->patches->len)
		return false;
	drop_copies(patches, lies_in, gpa, len);
	return any_in(patches, gpa, len);
}

bool kvm_patches_fits(const KvmPatches *patches, uint64_t gpa)
{
	uint8_t now[ARCH_TRAP_MAX];
	size_t len = patches->trap_len;
	KvmPlace place;

	return patch_find_room(patches, gpa, &place) &&
	       kvm_memory_read_at(patches->memory, &place, now, len) == len;
}

/* ---- Slots that change ---- */

void kvm_patches_before_change(KvmPatches *patches, uint64_t gpa, uint64_t size)
{
	drop_copies(patches, lies_in, gpa, size);
	for (unsigned i = want_index(patches, gpa); i < patches->wants->len; i++) {
		if (want_at(patches, i)->gpa - gpa >= size)
			break;
		detach(patches, want_at(patches, i));
	}
}

void kvm_patches_after_change(KvmPatches *patches)
{
	for (unsigned i = 0; i < patches->wants->len; i++) {
		if (!want_at(patches, i)->host)
			attach(patches, want_at(patches, i));
	}
}

/*
 * kvm/patch.c - trap instructions in guest memory.
 */
#include "kvm/patch.h"

#include <string.h>

#include "kvm/arch.h"

typedef struct Patch {
	uint64_t gpa;
	unsigned refs;
	bool lifted;
	uint8_t saved[ARCH_TRAP_MAX]; /* what the guest has there */
} Patch;

struct KvmPatches {
	KvmMemory *memory;
	GArray *array; /* of Patch, ascending by gpa */
};

KvmPatches *kvm_patches_new(KvmMemory *memory)
{
	KvmPatches *patches = g_new0(KvmPatches, 1);

	patches->memory = memory;
	patches->array = g_array_new(FALSE, FALSE, sizeof(Patch));
	return patches;
}

void kvm_patches_free(KvmPatches *patches)
{
	if (!patches)
		return;
	g_array_unref(patches->array);
	g_free(patches);
}

/* Index of the first patch at or above @gpa. */
static unsigned index_of(const KvmPatches *patches, uint64_t gpa)
{
	unsigned low = 0, high = patches->array->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (g_array_index(patches->array, Patch, middle).gpa < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static Patch *find_patch(const KvmPatches *patches, uint64_t gpa)
{
	unsigned i = index_of(patches, gpa);
	Patch *patch;

	if (i >= patches->array->len)
		return NULL;
	patch = &g_array_index(patches->array, Patch, i);
	return patch->gpa == gpa ? patch : NULL;
}

/* The guest may have written new code over it: then the patch is no longer in place. */
static bool in_place(const KvmPatches *patches, const Patch *patch)
{
	size_t len;
	const uint8_t *trap = arch_trap_insn(&len);
	uint8_t now[ARCH_TRAP_MAX];

	return !patch->lifted && kvm_memory_read(patches->memory, patch->gpa, now, len) == len &&
	       !memcmp(now, trap, len);
}

static void put_patch(KvmPatches *patches, Patch *patch)
{
	size_t len;
	const uint8_t *trap = arch_trap_insn(&len);

	if (in_place(patches, patch))
		return;
	patch->lifted = kvm_memory_read(patches->memory, patch->gpa, patch->saved, len) < len ||
			!kvm_memory_write(patches->memory, patch->gpa, trap, len, true);
}

static void take_patch(KvmPatches *patches, Patch *patch)
{
	size_t len;

	arch_trap_insn(&len);
	if (in_place(patches, patch))
		kvm_memory_write(patches->memory, patch->gpa, patch->saved, len, true);
	patch->lifted = true;
}

void kvm_patches_ref(KvmPatches *patches, uint64_t gpa)
{
	Patch *patch = find_patch(patches, gpa);

	if (!patch) {
		Patch fresh = {.gpa = gpa, .lifted = true};
		unsigned i = index_of(patches, gpa);

		g_array_insert_val(patches->array, i, fresh);
		patch = &g_array_index(patches->array, Patch, i);
	}
	patch->refs++;
	put_patch(patches, patch);
}

void kvm_patches_unref(KvmPatches *patches, uint64_t gpa)
{
	Patch *patch = find_patch(patches, gpa);

	if (--patch->refs)
		return;
	take_patch(patches, patch);
	g_array_remove_index(patches->array, index_of(patches, gpa));
}

bool kvm_patches_has(const KvmPatches *patches, uint64_t gpa)
{
	const Patch *patch = find_patch(patches, gpa);

	return patch && in_place(patches, patch);
}

bool kvm_patches_any(const KvmPatches *patches)
{
	return patches->array->len > 0;
}

void kvm_patches_lift(KvmPatches *patches, uint64_t gpa)
{
	Patch *patch = find_patch(patches, gpa);

	if (patch)
		take_patch(patches, patch);
}

void kvm_patches_replace(KvmPatches *patches, uint64_t gpa)
{
	Patch *patch = find_patch(patches, gpa);

	if (patch)
		put_patch(patches, patch);
}

void kvm_patches_rewrite(KvmPatches *patches)
{
	for (unsigned i = 0; i < patches->array->len; i++)
		put_patch(patches, &g_array_index(patches->array, Patch, i));
}

void kvm_patches_clear(KvmPatches *patches)
{
	for (unsigned i = 0; i < patches->array->len; i++)
		take_patch(patches, &g_array_index(patches->array, Patch, i));
	g_array_set_size(patches->array, 0);
}

bool kvm_patches_fits(const KvmPatches *patches, uint64_t gpa)
{
	uint8_t now[ARCH_TRAP_MAX];
	size_t len;

	arch_trap_insn(&len);
	return kvm_memory_read(patches->memory, gpa, now, len) == len;
}

/* ---- Memory with the patches hidden ---- */

typedef void (*HiddenByte)(uint8_t *saved, uint8_t *byte, uint8_t trap);

/*
 * For each byte of [gpa, gpa + len) that lies in a patch: the guest's byte under it, the place in
 * @buf that stands for it, and the byte that the patch needs in memory.
 */
static void each_hidden(KvmPatches *patches, uint64_t gpa, size_t len, uint8_t *buf, HiddenByte fn)
{
	size_t trap_len;
	const uint8_t *trap = arch_trap_insn(&trap_len);

	for (unsigned i = index_of(patches, gpa < trap_len ? 0 : gpa - trap_len + 1);
	     i < patches->array->len; i++) {
		Patch *patch = &g_array_index(patches->array, Patch, i);

		if (patch->gpa >= gpa && patch->gpa - gpa >= len)
			break;
		if (!in_place(patches, patch))
			continue;
		for (size_t k = 0; k < trap_len; k++) {
			uint64_t at = patch->gpa + k - gpa;

			if (at < len)
				fn(&patch->saved[k], &buf[at], trap[k]);
		}
	}
}

static void show_saved(uint8_t *saved, uint8_t *byte, uint8_t trap G_GNUC_UNUSED)
{
	*byte = *saved;
}

static void write_under(uint8_t *saved, uint8_t *byte, uint8_t trap)
{
	*saved = *byte;
	*byte = trap;
}

size_t kvm_patches_read(KvmPatches *patches, uint64_t gpa, void *buf, size_t len)
{
	size_t done = kvm_memory_read(patches->memory, gpa, buf, len);

	each_hidden(patches, gpa, done, buf, show_saved);
	return done;
}

bool kvm_patches_write(KvmPatches *patches, uint64_t gpa, const void *buf, size_t len)
{
	g_autofree uint8_t *copy = NULL;

	if (!patches->array->len)
		return kvm_memory_write(patches->memory, gpa, buf, len, true);
	if (!kvm_memory_covers(patches->memory, gpa, len))
		return false;
	copy = g_memdup2(buf, len);
	each_hidden(patches, gpa, len, copy, write_under);
	return kvm_memory_write(patches->memory, gpa, copy, len, true);
}

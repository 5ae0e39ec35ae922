/*
 * kvm/patch-read.c - guest memory as the guest wrote it: without the patches.
 */
#include <string.h>

#include "kvm/patch-internal.h"

typedef void (*HiddenByte)(uint8_t *saved, uint8_t *byte, uint8_t trap);

/* Bytes of memory: a part of it that is contiguous in the host. */
typedef struct Part {
	const uint8_t *host;
	uint8_t *buf;
	size_t len;
	bool is_raw; /* @buf holds what is in memory */
} Part;

static bool is_in_place(const KvmPatches *patches, const Patch *patch, const Part *part)
{
	size_t at = patch->place.host - part->host;

	if (!part->is_raw || at >= part->len || part->len - at < patches->trap_len)
		return patch_in_place(patches, patch);
	return !patch->lifted && !memcmp(part->buf + at, patches->trap, patches->trap_len);
}

/*
 * For each byte that lies in a patch: the guest's byte under it, the place in the buffer that
 * stands for it, and the byte that the patch needs in memory.
 */
static void each_hidden_in(KvmPatches *patches, const Part *part, HiddenByte fn)
{
	for (unsigned i = patch_index(patches, part->host - (patches->trap_len - 1));
	     i < patches->patches->len && patch_at(patches, i)->place.host < part->host + part->len;
	     i++) {
		Patch *patch = patch_at(patches, i);

		if (!is_in_place(patches, patch, part))
			continue;
		for (size_t k = 0; k < patches->trap_len; k++) {
			size_t at = patch->place.host + k - part->host;

			if (at < part->len)
				fn(&patch->saved[k], &part->buf[at], patches->trap[k]);
		}
	}
}

static void each_hidden(KvmPatches *patches, uint64_t gpa, size_t len, uint8_t *buf, bool is_raw,
			HiddenByte fn)
{
	for (size_t done = 0; patches->patches->len && done < len;) {
		KvmPlace place;
		Part part;

		if (!kvm_memory_find(patches->memory, gpa + done, &place))
			break;
		part = (Part){place.host, buf + done, MIN(place.left, len - done), is_raw};
		each_hidden_in(patches, &part, fn);
		done += part.len;
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

size_t patch_read_under(KvmPatches *patches, uint64_t gpa, void *buf, size_t len)
{
	size_t done = kvm_memory_read(patches->memory, gpa, buf, len);

	each_hidden(patches, gpa, done, buf, true, show_saved);
	return done;
}

size_t kvm_patches_read(KvmPatches *patches, uint64_t gpa, void *buf, size_t len)
{
	size_t done = kvm_memory_read(patches->memory, gpa, buf, len);

	if (patch_claim_all(patches, gpa, buf, done))
		return patch_read_under(patches, gpa, buf, len);
	each_hidden(patches, gpa, done, buf, true, show_saved);
	return done;
}

bool kvm_patches_write(KvmPatches *patches, uint64_t gpa, const void *buf, size_t len)
{
	g_autofree uint8_t *copy = NULL;

	if (!patches->patches->len)
		return kvm_memory_write(patches->memory, gpa, buf, len, true);
	if (!kvm_memory_covers(patches->memory, gpa, len))
		return false;
	copy = g_memdup2(buf, len);
	each_hidden(patches, gpa, len, copy, false, write_under);
	return kvm_memory_write(patches->memory, gpa, copy, len, true);
}

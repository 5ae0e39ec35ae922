/*
 * kvm/patch-read.c - guest memory as the guest wrote it: without the patches.
 */
#include "kvm/patch-internal.h"

typedef void (*HiddenByte)(uint8_t *saved, uint8_t *byte, uint8_t trap);

/*
 * For each byte of @len at @host that lies in a patch: the guest's byte under it, the place in @buf
 * that stands for it, and the byte that the patch needs in memory.
 */
static void each_hidden_at(KvmPatches *patches, const uint8_t *host, size_t len, uint8_t *buf,
			   HiddenByte fn)
{
	for (unsigned i = patch_index(patches, host - (patches->trap_len - 1));
	     i < patches->patches->len && patch_at(patches, i)->place.host < host + len; i++) {
		Patch *patch = patch_at(patches, i);

		if (!patch_in_place(patches, patch))
			continue;
		for (size_t k = 0; k < patches->trap_len; k++) {
			size_t at = patch->place.host + k - host;

			if (at < len)
				fn(&patch->saved[k], &buf[at], patches->trap[k]);
		}
	}
}

static void each_hidden(KvmPatches *patches, uint64_t gpa, size_t len, uint8_t *buf, HiddenByte fn)
{
	KvmPlace place;
	size_t part;

	for (size_t done = 0; patches->patches->len && done < len; done += part) {
		if (!kvm_memory_find(patches->memory, gpa + done, &place))
			break;
		part = MIN(place.left, len - done);
		each_hidden_at(patches, place.host, part, buf + done, fn);
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

	if (!patches->patches->len)
		return kvm_memory_write(patches->memory, gpa, buf, len, true);
	if (!kvm_memory_covers(patches->memory, gpa, len))
		return false;
	copy = g_memdup2(buf, len);
	each_hidden(patches, gpa, len, copy, write_under);
	return kvm_memory_write(patches->memory, gpa, copy, len, true);
}

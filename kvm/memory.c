/*
 * kvm/memory.c - RAM spans, sorted by address, without overlap.
 */
#include "kvm/memory.h"

#include <string.h>

#include "kvm/arch.h"

struct KvmMemory {
	GMutex lock;
	GArray *spans; /* of KvmSpan, ascending */
	KvmMemoryDirty dirty;
	void *opaque;
};

KvmMemory *kvm_memory_new(KvmMemoryDirty dirty, void *opaque)
{
	KvmMemory *memory = g_new0(KvmMemory, 1);

	g_mutex_init(&memory->lock);
	memory->spans = g_array_new(FALSE, FALSE, sizeof(KvmSpan));
	memory->dirty = dirty;
	memory->opaque = opaque;
	return memory;
}

void kvm_memory_free(KvmMemory *memory)
{
	if (!memory)
		return;
	g_array_unref(memory->spans);
	g_mutex_clear(&memory->lock);
	g_free(memory);
}

/* Takes [gpa, end) out of @old and appends what is left of it. */
static void append_rest(GArray *spans, const KvmSpan *old, uint64_t gpa, uint64_t end)
{
	uint64_t old_end = old->gpa + old->size;

	if (old->gpa < gpa) {
		KvmSpan low = {old->gpa, MIN(old_end, gpa) - old->gpa, old->host, old->rom};

		g_array_append_val(spans, low);
	}
	if (old_end > end) {
		uint64_t from = MAX(old->gpa, end);
		KvmSpan high = {from, old_end - from, old->host + (from - old->gpa), old->rom};

		g_array_append_val(spans, high);
	}
}

static gint compare_spans(gconstpointer a, gconstpointer b)
{
	const KvmSpan *x = a, *y = b;

	return (x->gpa > y->gpa) - (x->gpa < y->gpa);
}

/* @host NULL only takes the range out. */
static void replace(KvmMemory *memory, uint64_t gpa, uint64_t size, void *host, bool rom)
{
	GArray *spans;

	if (!size || gpa + size < gpa)
		return;
	spans = g_array_new(FALSE, FALSE, sizeof(KvmSpan));
	g_mutex_lock(&memory->lock);
	for (unsigned i = 0; i < memory->spans->len; i++)
		append_rest(spans, &g_array_index(memory->spans, KvmSpan, i), gpa, gpa + size);
	if (host) {
		KvmSpan span = {gpa, size, host, rom};

		g_array_append_val(spans, span);
	}
	g_array_sort(spans, compare_spans);
	g_array_unref(memory->spans);
	memory->spans = spans;
	g_mutex_unlock(&memory->lock);
}

void kvm_memory_map(KvmMemory *memory, uint64_t gpa, uint64_t size, void *host, bool rom)
{
	g_return_if_fail(host);
	replace(memory, gpa, size, host, rom);
}

void kvm_memory_unmap(KvmMemory *memory, uint64_t gpa, uint64_t size)
{
	replace(memory, gpa, size, NULL, false);
}

/* Where @gpa is, and in @ret_left how many bytes follow it in its span; NULL when not RAM. */
static uint8_t *find_locked(KvmMemory *memory, uint64_t gpa, uint64_t *ret_left)
{
	unsigned low = 0, high = memory->spans->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const KvmSpan *span = &g_array_index(memory->spans, KvmSpan, middle);

		if (gpa < span->gpa) {
			high = middle;
		} else if (gpa - span->gpa >= span->size) {
			low = middle + 1;
		} else {
			*ret_left = span->size - (gpa - span->gpa);
			return span->host + (gpa - span->gpa);
		}
	}
	return NULL;
}

static bool covers_locked(KvmMemory *memory, uint64_t gpa, size_t len)
{
	uint64_t left;

	for (; len; len -= MIN(left, len), gpa += left) {
		if (!find_locked(memory, gpa, &left))
			return false;
	}
	return true;
}

bool kvm_memory_get_span(KvmMemory *memory, unsigned n, KvmSpan *ret)
{
	bool there;

	g_mutex_lock(&memory->lock);
	there = n < memory->spans->len;
	if (there)
		*ret = g_array_index(memory->spans, KvmSpan, n);
	g_mutex_unlock(&memory->lock);
	return there;
}

bool kvm_memory_covers(KvmMemory *memory, uint64_t gpa, size_t len)
{
	bool covers;

	g_mutex_lock(&memory->lock);
	covers = covers_locked(memory, gpa, len);
	g_mutex_unlock(&memory->lock);
	return covers;
}

size_t kvm_memory_read(KvmMemory *memory, uint64_t gpa, void *buf, size_t len)
{
	size_t done = 0;

	g_mutex_lock(&memory->lock);
	while (done < len) {
		uint64_t left;
		const uint8_t *host = find_locked(memory, gpa + done, &left);

		if (!host)
			break;
		left = MIN(left, len - done);
		memcpy((uint8_t *)buf + done, host, left);
		done += left;
	}
	g_mutex_unlock(&memory->lock);
	return done;
}

bool kvm_memory_write(KvmMemory *memory, uint64_t gpa, const void *buf, size_t len, bool code)
{
	g_mutex_lock(&memory->lock);
	if (!covers_locked(memory, gpa, len)) {
		g_mutex_unlock(&memory->lock);
		return false;
	}
	for (size_t done = 0; done < len;) {
		uint64_t left = 0;
		uint8_t *host = find_locked(memory, gpa + done, &left);

		left = MIN(left, len - done);
		memcpy(host, (const uint8_t *)buf + done, left);
		if (code)
			arch_sync_code(host, left);
		done += left;
	}
	g_mutex_unlock(&memory->lock);
	if (memory->dirty)
		memory->dirty(memory->opaque, gpa, len);
	return true;
}

/*
 * kvm/memory.c - RAM spans, sorted by address, without overlap.
 */
#include "kvm/memory.h"

#include <string.h>

#include "kvm/arch.h"
#include "kvm/host.h"

typedef struct Range {
	uint64_t start, end;
} Range;

struct KvmMemory {
	GMutex lock;
	GArray *spans;	  /* of KvmSpan, ascending */
	GArray *privates; /* of Range, ascending, none touching the next */
	KvmHost *copier;
	KvmMemoryDirty dirty;
	void *opaque;
};

KvmMemory *kvm_memory_new(KvmMemoryDirty dirty, void *opaque)
{
	KvmMemory *memory = g_new0(KvmMemory, 1);

	g_mutex_init(&memory->lock);
	memory->spans = g_array_new(FALSE, FALSE, sizeof(KvmSpan));
	memory->privates = g_array_new(FALSE, FALSE, sizeof(Range));
	memory->copier = kvm_host_new();
	memory->dirty = dirty;
	memory->opaque = opaque;
	return memory;
}

void kvm_memory_free(KvmMemory *memory)
{
	if (!memory)
		return;
	g_array_unref(memory->spans);
	g_array_unref(memory->privates);
	kvm_host_free(memory->copier);
	g_mutex_clear(&memory->lock);
	g_free(memory);
}

/* Takes [gpa, end) out of @old and appends what is left of it. */
static void append_rest(GArray *spans, const KvmSpan *old, uint64_t gpa, uint64_t end)
{
	uint64_t old_end = old->gpa + old->size;
	KvmSpan low = *old, high = *old;

	low.size = MIN(old_end, gpa) - old->gpa;
	high.gpa = MAX(old->gpa, end);
	high.size = old_end - high.gpa;
	high.host += high.gpa - old->gpa;
	if (old->gpa < gpa)
		g_array_append_val(spans, low);
	if (old_end > end)
		g_array_append_val(spans, high);
}

static gint compare_spans(gconstpointer a, gconstpointer b)
{
	const KvmSpan *x = a, *y = b;

	return (x->gpa > y->gpa) - (x->gpa < y->gpa);
}

/* @host NULL only takes the range out. */
static void replace(KvmMemory *memory, uint64_t gpa, uint64_t size, void *host, unsigned flags)
{
	GArray *spans;

	if (!size || gpa + size < gpa)
		return;
	spans = g_array_new(FALSE, FALSE, sizeof(KvmSpan));
	g_mutex_lock(&memory->lock);
	for (unsigned i = 0; i < memory->spans->len; i++)
		append_rest(spans, &g_array_index(memory->spans, KvmSpan, i), gpa, gpa + size);
	if (host) {
		KvmSpan span = {gpa, size, host, flags & KVM_GDB_MAP_READONLY,
				flags & KVM_GDB_MAP_STEADY};

		g_array_append_val(spans, span);
	}
	g_array_sort(spans, compare_spans);
	g_array_unref(memory->spans);
	memory->spans = spans;
	g_mutex_unlock(&memory->lock);
}

void kvm_memory_map(KvmMemory *memory, uint64_t gpa, uint64_t size, void *host, unsigned flags)
{
	g_return_if_fail(host);
	replace(memory, gpa, size, host, flags);
}

void kvm_memory_unmap(KvmMemory *memory, uint64_t gpa, uint64_t size)
{
	replace(memory, gpa, size, NULL, 0);
}

/* ---- What only the guest may see ---- */

/* Index of the first private range that ends behind @gpa, or at it if @touching. */
static unsigned private_index(const KvmMemory *memory, uint64_t gpa, bool touching)
{
	unsigned low = 0, high = memory->privates->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		uint64_t end = g_array_index(memory->privates, Range, middle).end;

		if (end > gpa || (touching && end == gpa))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Puts [start, end) in, or takes it out, with what it overlaps or touches. */
static void set_private_locked(KvmMemory *memory, uint64_t start, uint64_t end, bool is_private)
{
	unsigned first = private_index(memory, start, is_private), n = 0, n_new = 0;
	Range whole = {start, end}, fresh[2];

	for (; first + n < memory->privates->len; n++) {
		const Range *old = &g_array_index(memory->privates, Range, first + n);

		if (old->start > end || (!is_private && old->start == end))
			break;
		whole = (Range){MIN(whole.start, old->start), MAX(whole.end, old->end)};
	}
	if (is_private)
		fresh[n_new++] = whole;
	if (!is_private && whole.start < start)
		fresh[n_new++] = (Range){whole.start, start};
	if (!is_private && whole.end > end)
		fresh[n_new++] = (Range){end, whole.end};
	g_array_remove_range(memory->privates, first, n);
	g_array_insert_vals(memory->privates, first, fresh, n_new);
}

void kvm_memory_set_private(KvmMemory *memory, uint64_t gpa, uint64_t size, bool is_private)
{
	if (!size || gpa + size < gpa)
		return;
	g_mutex_lock(&memory->lock);
	set_private_locked(memory, gpa, gpa + size, is_private);
	g_mutex_unlock(&memory->lock);
}

/* How many bytes from @gpa on are not private; 0: it is. */
static uint64_t shared_left(const KvmMemory *memory, uint64_t gpa)
{
	unsigned i = private_index(memory, gpa, false);
	const Range *range;

	if (i == memory->privates->len)
		return UINT64_MAX;
	range = &g_array_index(memory->privates, Range, i);
	return range->start > gpa ? range->start - gpa : 0;
}

bool kvm_memory_is_private(KvmMemory *memory, uint64_t gpa)
{
	bool is_private;

	g_mutex_lock(&memory->lock);
	is_private = shared_left(memory, gpa) == 0;
	g_mutex_unlock(&memory->lock);
	return is_private;
}

/* ---- Copies ---- */

/* Where @gpa is; FALSE when not RAM, or private. */
static bool find_locked(KvmMemory *memory, uint64_t gpa, KvmPlace *ret)
{
	unsigned low = 0, high = memory->spans->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const KvmSpan *span = &g_array_index(memory->spans, KvmSpan, middle);
		uint64_t offset = gpa - span->gpa;

		if (gpa < span->gpa) {
			high = middle;
		} else if (offset >= span->size) {
			low = middle + 1;
		} else {
			*ret = (KvmPlace){gpa, MIN(span->size - offset, shared_left(memory, gpa)),
					  span->host + offset, span->steady};
			return ret->left > 0;
		}
	}
	return false;
}

static bool covers_locked(KvmMemory *memory, uint64_t gpa, size_t len)
{
	KvmPlace place;

	for (; len; len -= MIN(place.left, len), gpa += place.left) {
		if (!find_locked(memory, gpa, &place))
			return false;
	}
	return true;
}

static size_t copy_in(const KvmMemory *memory, const KvmPlace *place, void *buf, size_t len)
{
	if (!place->steady)
		return kvm_host_read(memory->copier, place->host, buf, len);
	memcpy(buf, place->host, len);
	return len;
}

static bool copy_out(const KvmMemory *memory, const KvmPlace *place, const void *buf, size_t len,
		     bool code)
{
	if (place->steady)
		memcpy(place->host, buf, len);
	else if (kvm_host_write(memory->copier, place->host, buf, len) < len)
		return false;
	if (code)
		arch_sync_code(place->host, len);
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

/* Page by page, in stretches that are used or are not. */
static size_t look_in(const KvmMemory *memory, const KvmPlace *place, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		uint8_t *to = (uint8_t *)buf + done;
		KvmPlace part = *place;
		size_t n = len - done, got;
		bool used;

		part.host += done;
		used = kvm_host_used(memory->copier, part.host, &n);
		got = used ? copy_in(memory, &part, to, n) : n;
		if (!used)
			memset(to, 0, n);
		done += got;
		if (got < n)
			break;
	}
	return done;
}

typedef size_t CopyFrom(const KvmMemory *memory, const KvmPlace *place, void *buf, size_t len);

static size_t copy_from(KvmMemory *memory, uint64_t gpa, void *buf, size_t len, CopyFrom *copy)
{
	size_t done = 0;

	g_mutex_lock(&memory->lock);
	while (done < len) {
		KvmPlace place;
		size_t part, got;

		if (!find_locked(memory, gpa + done, &place))
			break;
		part = MIN(place.left, len - done);
		got = copy(memory, &place, (uint8_t *)buf + done, part);
		done += got;
		if (got < part)
			break;
	}
	g_mutex_unlock(&memory->lock);
	return done;
}

size_t kvm_memory_read(KvmMemory *memory, uint64_t gpa, void *buf, size_t len)
{
	return copy_from(memory, gpa, buf, len, copy_in);
}

size_t kvm_memory_look(KvmMemory *memory, uint64_t gpa, void *buf, size_t len)
{
	return copy_from(memory, gpa, buf, len, look_in);
}

/* @done: how much of it went into memory. */
static bool write_locked(KvmMemory *memory, uint64_t gpa, const uint8_t *buf, size_t len, bool code,
			 size_t *done)
{
	KvmPlace place;
	size_t part;

	if (!covers_locked(memory, gpa, len))
		return false;
	for (; *done < len; *done += part) {
		find_locked(memory, gpa + *done, &place);
		part = MIN(place.left, len - *done);
		if (!copy_out(memory, &place, buf + *done, part, code))
			return false;
	}
	return true;
}

bool kvm_memory_write(KvmMemory *memory, uint64_t gpa, const void *buf, size_t len, bool code)
{
	size_t done = 0;
	bool ok;

	g_mutex_lock(&memory->lock);
	ok = write_locked(memory, gpa, buf, len, code, &done);
	g_mutex_unlock(&memory->lock);
	if (memory->dirty && (ok || done))
		memory->dirty(memory->opaque, gpa, len);
	return ok;
}

bool kvm_memory_find(KvmMemory *memory, uint64_t gpa, KvmPlace *ret)
{
	bool there;

	g_mutex_lock(&memory->lock);
	there = find_locked(memory, gpa, ret);
	g_mutex_unlock(&memory->lock);
	return there;
}

size_t kvm_memory_read_at(KvmMemory *memory, const KvmPlace *place, void *buf, size_t len)
{
	return copy_in(memory, place, buf, len);
}

bool kvm_memory_write_at(KvmMemory *memory, const KvmPlace *place, const void *buf, size_t len)
{
	bool ok = copy_out(memory, place, buf, len, true);

	if (ok && memory->dirty)
		memory->dirty(memory->opaque, place->gpa, len);
	return ok;
}

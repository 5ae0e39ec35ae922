/*
 * kvm/breaks.c - software patches, their references, and hardware points.
 */
#include "kvm/breaks.h"

#include <inttypes.h>
#include <string.h>

/* A trap instruction in guest memory. */
typedef struct Patch {
	uint64_t gpa;
	unsigned refs;
	bool lifted;
	uint8_t saved[ARCH_TRAP_MAX]; /* what the guest has there */
} Patch;

/* A Z0 of the client. */
typedef struct Soft {
	uint64_t addr, kind;
	uint64_t gpa; /* of its patch */
	bool patched; /* else it sits in a hardware point */
} Soft;

/* Who wants a hardware point. */
enum { OWNER_HARD = 1, OWNER_SOFT = 2 };

struct KvmBreaks {
	KvmMemory *memory;
	ArchFeatures features;
	GHashTable *softs; /* &Soft.addr -> Soft */
	unsigned waiting;  /* softs that could become patches and are not */
	GArray *patches;   /* of Patch, ascending by gpa */
	GArray *points;	   /* of GdbBreak */
	GArray *owners;	   /* of uint8_t, parallel to points */
	struct kvm_guest_debug_arch hw;
};

KvmBreaks *kvm_breaks_new(KvmMemory *memory, const ArchFeatures *features)
{
	KvmBreaks *breaks = g_new0(KvmBreaks, 1);

	breaks->memory = memory;
	breaks->features = *features;
	breaks->softs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	breaks->patches = g_array_new(FALSE, FALSE, sizeof(Patch));
	breaks->points = g_array_new(FALSE, FALSE, sizeof(GdbBreak));
	breaks->owners = g_array_new(FALSE, FALSE, sizeof(uint8_t));
	return breaks;
}

void kvm_breaks_free(KvmBreaks *breaks)
{
	if (!breaks)
		return;
	g_hash_table_unref(breaks->softs);
	g_array_unref(breaks->patches);
	g_array_unref(breaks->points);
	g_array_unref(breaks->owners);
	g_free(breaks);
}

/* ---- Patches ---- */

/* Index of the first patch at or above @gpa. */
static unsigned patch_index(const KvmBreaks *breaks, uint64_t gpa)
{
	unsigned low = 0, high = breaks->patches->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (g_array_index(breaks->patches, Patch, middle).gpa < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static Patch *find_patch(const KvmBreaks *breaks, uint64_t gpa)
{
	unsigned i = patch_index(breaks, gpa);
	Patch *patch;

	if (i >= breaks->patches->len)
		return NULL;
	patch = &g_array_index(breaks->patches, Patch, i);
	return patch->gpa == gpa ? patch : NULL;
}

/* The guest may have written new code over it: then the patch is no longer in place. */
static bool in_place(const KvmBreaks *breaks, const Patch *patch)
{
	size_t len;
	const uint8_t *trap = arch_trap_insn(&len);
	uint8_t now[ARCH_TRAP_MAX];

	return !patch->lifted && kvm_memory_read(breaks->memory, patch->gpa, now, len) == len &&
	       !memcmp(now, trap, len);
}

static void put_patch(KvmBreaks *breaks, Patch *patch)
{
	size_t len;
	const uint8_t *trap = arch_trap_insn(&len);

	if (in_place(breaks, patch))
		return;
	kvm_memory_read(breaks->memory, patch->gpa, patch->saved, len);
	kvm_memory_write(breaks->memory, patch->gpa, trap, len, true);
	patch->lifted = false;
}

static void take_patch(KvmBreaks *breaks, Patch *patch)
{
	size_t len;

	arch_trap_insn(&len);
	if (in_place(breaks, patch))
		kvm_memory_write(breaks->memory, patch->gpa, patch->saved, len, true);
	patch->lifted = true;
}

static void ref_patch(KvmBreaks *breaks, uint64_t gpa)
{
	Patch *patch = find_patch(breaks, gpa);

	if (!patch) {
		Patch fresh = {.gpa = gpa, .lifted = true};
		unsigned i = patch_index(breaks, gpa);

		g_array_insert_val(breaks->patches, i, fresh);
		patch = &g_array_index(breaks->patches, Patch, i);
	}
	patch->refs++;
	put_patch(breaks, patch);
}

static void unref_patch(KvmBreaks *breaks, uint64_t gpa)
{
	Patch *patch = find_patch(breaks, gpa);

	if (--patch->refs)
		return;
	take_patch(breaks, patch);
	g_array_remove_index(breaks->patches, patch_index(breaks, gpa));
}

bool kvm_breaks_has_patch(const KvmBreaks *breaks, uint64_t gpa)
{
	const Patch *patch = find_patch(breaks, gpa);

	return patch && in_place(breaks, patch);
}

bool kvm_breaks_any_patch(const KvmBreaks *breaks)
{
	return breaks->patches->len > 0;
}

void kvm_breaks_lift(KvmBreaks *breaks, uint64_t gpa)
{
	Patch *patch = find_patch(breaks, gpa);

	if (patch)
		take_patch(breaks, patch);
}

void kvm_breaks_replace(KvmBreaks *breaks, uint64_t gpa)
{
	Patch *patch = find_patch(breaks, gpa);

	if (patch)
		put_patch(breaks, patch);
}

void kvm_breaks_repatch(KvmBreaks *breaks)
{
	for (unsigned i = 0; i < breaks->patches->len; i++)
		put_patch(breaks, &g_array_index(breaks->patches, Patch, i));
}

/* ---- Hardware points ---- */

/* For an execution point the length says nothing; a watch is told apart by all three. */
static int find_point(const KvmBreaks *breaks, const GdbBreak *bp)
{
	for (unsigned i = 0; i < breaks->points->len; i++) {
		const GdbBreak *have = &g_array_index(breaks->points, GdbBreak, i);

		if (have->type == bp->type && have->addr == bp->addr &&
		    (bp->type == GDB_BREAK_HW || have->kind == bp->kind))
			return i;
	}
	return -1;
}

static bool encode(KvmBreaks *breaks, GError **error)
{
	struct kvm_guest_debug_arch hw = {0};

	if (breaks->points->len &&
	    !arch_encode_hw(&breaks->features, (const GdbBreak *)breaks->points->data,
			    breaks->points->len, &hw, error))
		return false;
	breaks->hw = hw;
	return true;
}

static void drop_point(KvmBreaks *breaks, unsigned index)
{
	g_array_remove_index(breaks->points, index);
	g_array_remove_index(breaks->owners, index);
}

static bool add_point(KvmBreaks *breaks, const GdbBreak *bp, uint8_t owner, GError **error)
{
	int i = find_point(breaks, bp);

	if (i >= 0) {
		g_array_index(breaks->owners, uint8_t, i) |= owner;
		return true;
	}
	g_array_append_val(breaks->points, *bp);
	g_array_append_val(breaks->owners, owner);
	if (encode(breaks, error))
		return true;
	drop_point(breaks, breaks->points->len - 1);
	return false;
}

static void remove_point(KvmBreaks *breaks, const GdbBreak *bp, uint8_t owner)
{
	int i = find_point(breaks, bp);
	uint8_t *owners;

	if (i < 0)
		return;
	owners = &g_array_index(breaks->owners, uint8_t, i);
	*owners &= ~owner;
	if (*owners)
		return;
	drop_point(breaks, i);
	/* Fewer points than fitted before always fit. */
	encode(breaks, NULL);
}

bool kvm_breaks_insert_hw(KvmBreaks *breaks, const GdbBreak *bp, GError **error)
{
	return add_point(breaks, bp, OWNER_HARD, error);
}

const GdbBreak *kvm_breaks_points(const KvmBreaks *breaks, unsigned *ret_n)
{
	*ret_n = breaks->points->len;
	return (const GdbBreak *)breaks->points->data;
}

const struct kvm_guest_debug_arch *kvm_breaks_hw(const KvmBreaks *breaks)
{
	return &breaks->hw;
}

GdbStopKind kvm_breaks_point_kind(const KvmBreaks *breaks, unsigned index)
{
	switch (g_array_index(breaks->points, GdbBreak, index).type) {
	case GDB_WATCH_WRITE:
		return GDB_STOP_WATCH;
	case GDB_WATCH_READ:
		return GDB_STOP_RWATCH;
	case GDB_WATCH_ACCESS:
		return GDB_STOP_AWATCH;
	default:
		return g_array_index(breaks->owners, uint8_t, index) & OWNER_HARD
			       ? GDB_STOP_HWBREAK
			       : GDB_STOP_SWBREAK;
	}
}

/* ---- Software breakpoints ---- */

static GdbBreak soft_point(const Soft *soft)
{
	return (GdbBreak){GDB_BREAK_HW, soft->addr, soft->kind};
}

static void place_soft(KvmBreaks *breaks, Soft *soft, uint64_t gpa)
{
	soft->patched = true;
	soft->gpa = gpa;
	ref_patch(breaks, gpa);
}

static void unplace_soft(KvmBreaks *breaks, Soft *soft)
{
	if (soft->patched) {
		unref_patch(breaks, soft->gpa);
	} else {
		GdbBreak point = soft_point(soft);

		remove_point(breaks, &point, OWNER_SOFT);
		breaks->waiting--;
	}
}

static bool place_in_point(KvmBreaks *breaks, Soft *soft, GError **error)
{
	GdbBreak point = soft_point(soft);

	if (!add_point(breaks, &point, OWNER_SOFT, error)) {
		g_prefix_error(error,
			       "address 0x%" PRIx64 " cannot hold a software breakpoint now "
			       "and needs a hardware one: ",
			       soft->addr);
		return false;
	}
	soft->patched = false;
	breaks->waiting++;
	return true;
}

static bool check_ram(KvmBreaks *breaks, uint64_t addr, uint64_t gpa, GError **error)
{
	size_t len;

	arch_trap_insn(&len);
	if (kvm_memory_covers(breaks->memory, gpa, len))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT,
		    "0x%" PRIx64 " is at guest-physical 0x%" PRIx64 ", which is not RAM", addr,
		    gpa);
	return false;
}

bool kvm_breaks_insert_sw(KvmBreaks *breaks, uint64_t addr, uint64_t kind, const uint64_t *gpa,
			  GError **error)
{
	Soft *old = g_hash_table_lookup(breaks->softs, &addr);
	Soft *soft;

	if (!arch_check_sw_break(addr, kind, error))
		return false;
	if (!breaks->features.sw_break)
		gpa = NULL;
	if (gpa && !check_ram(breaks, addr, *gpa, error))
		return false;
	if (old && !gpa == !old->patched && (!gpa || old->gpa == *gpa)) {
		if (gpa)
			kvm_breaks_replace(breaks, *gpa);
		return true;
	}

	soft = g_new0(Soft, 1);
	soft->addr = addr;
	soft->kind = kind;
	if (gpa) {
		place_soft(breaks, soft, *gpa);
	} else if (!place_in_point(breaks, soft, error)) {
		g_free(soft);
		return false;
	}
	if (old)
		unplace_soft(breaks, old);
	g_hash_table_replace(breaks->softs, &soft->addr, soft);
	return true;
}

static void remove_soft(KvmBreaks *breaks, uint64_t addr)
{
	Soft *soft = g_hash_table_lookup(breaks->softs, &addr);

	if (!soft)
		return;
	unplace_soft(breaks, soft);
	g_hash_table_remove(breaks->softs, &addr);
}

void kvm_breaks_remove(KvmBreaks *breaks, const GdbBreak *bp)
{
	if (bp->type == GDB_BREAK_SW)
		remove_soft(breaks, bp->addr);
	else
		remove_point(breaks, bp, OWNER_HARD);
}

void kvm_breaks_clear(KvmBreaks *breaks)
{
	for (unsigned i = 0; i < breaks->patches->len; i++)
		take_patch(breaks, &g_array_index(breaks->patches, Patch, i));
	g_array_set_size(breaks->patches, 0);
	g_array_set_size(breaks->points, 0);
	g_array_set_size(breaks->owners, 0);
	g_hash_table_remove_all(breaks->softs);
	breaks->waiting = 0;
	memset(&breaks->hw, 0, sizeof(breaks->hw));
}

void kvm_breaks_rearm(KvmBreaks *breaks, KvmBreaksTranslate translate, void *opaque)
{
	GHashTableIter iter;
	gpointer value;

	if (!breaks->waiting || !breaks->features.sw_break)
		return;
	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Soft *soft = value;
		uint64_t gpa;

		if (soft->patched || !translate(opaque, soft->addr, &gpa) ||
		    !check_ram(breaks, soft->addr, gpa, NULL))
			continue;
		unplace_soft(breaks, soft);
		place_soft(breaks, soft, gpa);
	}
}

static void visit_soft(const Soft *soft, KvmBreaksVisit fn, void *opaque)
{
	GdbBreak bp = {GDB_BREAK_SW, soft->addr, soft->kind};

	fn(opaque, &bp);
}

unsigned kvm_breaks_each_at_patch(const KvmBreaks *breaks, uint64_t addr, uint64_t gpa,
				  KvmBreaksVisit fn, void *opaque)
{
	const Soft *soft = g_hash_table_lookup(breaks->softs, &addr);
	GHashTableIter iter;
	gpointer value;
	unsigned n = 0;

	if (soft) {
		visit_soft(soft, fn, opaque);
		return 1;
	}
	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		soft = value;
		if (!soft->patched || soft->gpa != gpa)
			continue;
		visit_soft(soft, fn, opaque);
		n++;
	}
	return n;
}

unsigned kvm_breaks_each_at_point(const KvmBreaks *breaks, unsigned index, KvmBreaksVisit fn,
				  void *opaque)
{
	const GdbBreak *point = &g_array_index(breaks->points, GdbBreak, index);
	uint8_t owners = g_array_index(breaks->owners, uint8_t, index);
	const Soft *soft = NULL;

	if (owners & OWNER_SOFT)
		soft = g_hash_table_lookup(breaks->softs, &point->addr);
	if (soft)
		visit_soft(soft, fn, opaque);
	if (owners & OWNER_HARD)
		fn(opaque, point);
	return !!soft + !!(owners & OWNER_HARD);
}

static bool wants_point(const KvmBreaks *breaks, GdbStopKind kind, uint64_t addr)
{
	for (unsigned i = 0; i < breaks->points->len; i++) {
		const GdbBreak *point = &g_array_index(breaks->points, GdbBreak, i);
		uint64_t len = point->type == GDB_BREAK_HW ? 1 : point->kind;

		if (kvm_breaks_point_kind(breaks, i) == kind && addr - point->addr < len)
			return true;
	}
	return false;
}

bool kvm_breaks_wants(const KvmBreaks *breaks, GdbStopKind kind, uint64_t addr)
{
	if (kind == GDB_STOP_SWBREAK && g_hash_table_contains(breaks->softs, &addr))
		return true;
	return wants_point(breaks, kind, addr);
}

/* ---- Memory with the patches hidden ---- */

typedef void (*HiddenByte)(uint8_t *saved, uint8_t *byte, uint8_t trap);

/*
 * For each byte of [gpa, gpa + len) that lies in a patch: the guest's byte under it, the place in
 * @buf that stands for it, and the byte that the patch needs in memory.
 */
static void each_hidden(KvmBreaks *breaks, uint64_t gpa, size_t len, uint8_t *buf, HiddenByte fn)
{
	size_t trap_len;
	const uint8_t *trap = arch_trap_insn(&trap_len);

	for (unsigned i = patch_index(breaks, gpa < trap_len ? 0 : gpa - trap_len + 1);
	     i < breaks->patches->len; i++) {
		Patch *patch = &g_array_index(breaks->patches, Patch, i);

		if (patch->gpa >= gpa && patch->gpa - gpa >= len)
			break;
		if (!in_place(breaks, patch))
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

size_t kvm_breaks_read(KvmBreaks *breaks, uint64_t gpa, void *buf, size_t len)
{
	size_t done = kvm_memory_read(breaks->memory, gpa, buf, len);

	each_hidden(breaks, gpa, done, buf, show_saved);
	return done;
}

bool kvm_breaks_write(KvmBreaks *breaks, uint64_t gpa, const void *buf, size_t len)
{
	g_autofree uint8_t *copy = NULL;

	if (!breaks->patches->len)
		return kvm_memory_write(breaks->memory, gpa, buf, len, true);
	if (!kvm_memory_covers(breaks->memory, gpa, len))
		return false;
	copy = g_memdup2(buf, len);
	each_hidden(breaks, gpa, len, copy, write_under);
	return kvm_memory_write(breaks->memory, gpa, copy, len, true);
}

/*
 * kvm/breaks.c - what the client asked for: software breakpoints and hardware points.
 */
#include "kvm/breaks.h"

#include <inttypes.h>
#include <string.h>

typedef enum Place { IN_PATCH, IN_POINT, LOST } Place;

/* A Z0 of the client. */
typedef struct Soft {
	uint64_t addr, kind;
	uint64_t gpa; /* of its patch */
	Place place;
} Soft;

/* Who wants a hardware point. */
enum { OWNER_HARD = 1, OWNER_SOFT = 2 };

struct KvmBreaks {
	KvmPatches *patches;
	ArchFeatures features;
	GHashTable *softs;     /* &Soft.addr -> Soft */
	GHashTable *physicals; /* likewise; their addr is a guest-physical one */
	unsigned waiting;      /* softs in a hardware point */
	unsigned lost;	       /* softs that are nowhere, since a reset */
	GArray *points;	       /* of GdbBreak */
	GArray *owners;	       /* of uint8_t, parallel to points */
	struct kvm_guest_debug_arch hw;
};

KvmBreaks *kvm_breaks_new(KvmPatches *patches, const ArchFeatures *features)
{
	KvmBreaks *breaks = g_new0(KvmBreaks, 1);

	breaks->patches = patches;
	breaks->features = *features;
	breaks->softs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	breaks->physicals = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	breaks->points = g_array_new(FALSE, FALSE, sizeof(GdbBreak));
	breaks->owners = g_array_new(FALSE, FALSE, sizeof(uint8_t));
	return breaks;
}

void kvm_breaks_free(KvmBreaks *breaks)
{
	if (!breaks)
		return;
	g_hash_table_unref(breaks->softs);
	g_hash_table_unref(breaks->physicals);
	g_array_unref(breaks->points);
	g_array_unref(breaks->owners);
	g_free(breaks);
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

/* A point that never fires is worse than none. */
static bool check_reported(const KvmBreaks *breaks, const GdbBreak *bp, GError **error)
{
	bool is_watch = bp->type != GDB_BREAK_HW;

	if (is_watch ? breaks->features.watch : breaks->features.hw_break)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED, "this KVM does not report hardware %s",
		    is_watch ? "watchpoints" : "breakpoints");
	return false;
}

static bool add_point(KvmBreaks *breaks, const GdbBreak *bp, uint8_t owner, GError **error)
{
	int i = find_point(breaks, bp);

	if (i >= 0) {
		g_array_index(breaks->owners, uint8_t, i) |= owner;
		return true;
	}
	if (!check_reported(breaks, bp, error))
		return false;
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
	soft->place = IN_PATCH;
	soft->gpa = gpa;
	kvm_patches_ref(breaks->patches, gpa);
}

static void unplace_soft(KvmBreaks *breaks, Soft *soft)
{
	GdbBreak point = soft_point(soft);

	switch (soft->place) {
	case IN_PATCH:
		kvm_patches_unref(breaks->patches, soft->gpa);
		break;
	case IN_POINT:
		remove_point(breaks, &point, OWNER_SOFT);
		breaks->waiting--;
		break;
	case LOST:
		breaks->lost--;
		break;
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
	soft->place = IN_POINT;
	breaks->waiting++;
	return true;
}

static bool check_ram(KvmBreaks *breaks, uint64_t addr, uint64_t gpa, GError **error)
{
	if (kvm_patches_fits(breaks->patches, gpa))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT,
		    "0x%" PRIx64 " is at guest-physical 0x%" PRIx64 ", which is not RAM", addr,
		    gpa);
	return false;
}

static bool check_count(const KvmBreaks *breaks, GError **error)
{
	if (g_hash_table_size(breaks->softs) + g_hash_table_size(breaks->physicals) <
	    KVM_BREAKS_MAX)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC, "more than %d software breakpoints",
		    KVM_BREAKS_MAX);
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
	if (old && old->place == (gpa ? IN_PATCH : IN_POINT) && (!gpa || old->gpa == *gpa)) {
		if (gpa)
			kvm_patches_replace(breaks->patches, *gpa);
		return true;
	}

	if (!old && !check_count(breaks, error))
		return false;
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

bool kvm_breaks_insert_physical(KvmBreaks *breaks, uint64_t gpa, uint64_t kind, GError **error)
{
	Soft *soft;

	if (!arch_check_sw_break(gpa, kind, error) || !check_ram(breaks, gpa, gpa, error))
		return false;
	if (!breaks->features.sw_break) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "this KVM does not report trap instructions, and a hardware "
			    "breakpoint takes a virtual address");
		return false;
	}
	if (kvm_breaks_wants_physical(breaks, gpa)) {
		kvm_patches_replace(breaks->patches, gpa);
		return true;
	}
	if (!check_count(breaks, error))
		return false;
	soft = g_new0(Soft, 1);
	soft->addr = gpa;
	soft->kind = kind;
	place_soft(breaks, soft, gpa);
	g_hash_table_insert(breaks->physicals, &soft->addr, soft);
	return true;
}

bool kvm_breaks_wants_physical(const KvmBreaks *breaks, uint64_t gpa)
{
	return g_hash_table_contains(breaks->physicals, &gpa);
}

/* @softs: either table. */
static void remove_soft(KvmBreaks *breaks, GHashTable *softs, uint64_t addr)
{
	Soft *soft = g_hash_table_lookup(softs, &addr);

	if (!soft)
		return;
	unplace_soft(breaks, soft);
	g_hash_table_remove(softs, &addr);
}

void kvm_breaks_remove(KvmBreaks *breaks, const GdbBreak *bp)
{
	if (bp->type == GDB_BREAK_SW)
		remove_soft(breaks, breaks->softs, bp->addr);
	else if (bp->type == GDB_BREAK_PHYSICAL)
		remove_soft(breaks, breaks->physicals, bp->addr);
	else
		remove_point(breaks, bp, OWNER_HARD);
}

void kvm_breaks_clear(KvmBreaks *breaks)
{
	kvm_patches_clear(breaks->patches);
	g_array_set_size(breaks->points, 0);
	g_array_set_size(breaks->owners, 0);
	g_hash_table_remove_all(breaks->softs);
	g_hash_table_remove_all(breaks->physicals);
	breaks->waiting = breaks->lost = 0;
	memset(&breaks->hw, 0, sizeof(breaks->hw));
}

/* Softs at @place move into memory where that is mapped. */
static void move_to_memory(KvmBreaks *breaks, Place place, KvmBreaksTranslate translate,
			   void *opaque)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Soft *soft = value;
		uint64_t gpa;

		if (soft->place != place || !translate(opaque, soft->addr, &gpa) ||
		    !check_ram(breaks, soft->addr, gpa, NULL))
			continue;
		unplace_soft(breaks, soft);
		place_soft(breaks, soft, gpa);
	}
}

void kvm_breaks_rearm(KvmBreaks *breaks, KvmBreaksTranslate translate, void *opaque)
{
	if (breaks->waiting && breaks->features.sw_break)
		move_to_memory(breaks, IN_POINT, translate, opaque);
	kvm_breaks_find_lost(breaks, translate, opaque);
}

unsigned kvm_breaks_reset(KvmBreaks *breaks)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Soft *soft = value;

		if (soft->place != IN_PATCH)
			continue;
		unplace_soft(breaks, soft);
		if (place_in_point(breaks, soft, NULL))
			continue;
		soft->place = LOST;
		breaks->lost++;
	}
	kvm_patches_rewrite(breaks->patches);
	return breaks->lost;
}

bool kvm_breaks_any_lost(const KvmBreaks *breaks)
{
	return breaks->lost > 0;
}

void kvm_breaks_find_lost(KvmBreaks *breaks, KvmBreaksTranslate translate, void *opaque)
{
	if (breaks->lost)
		move_to_memory(breaks, LOST, translate, opaque);
}

/* How many that are: 1, or 0 when @soft is NULL. */
static unsigned visit_soft(const Soft *soft, GdbBreakType type, KvmBreaksVisit fn, void *opaque)
{
	if (soft) {
		GdbBreak bp = {type, soft->addr, soft->kind};

		fn(opaque, &bp);
	}
	return soft ? 1 : 0;
}

/* Those that have the patch by other virtual addresses. */
static unsigned visit_aliases(const KvmBreaks *breaks, uint64_t gpa, KvmBreaksVisit fn,
			      void *opaque)
{
	GHashTableIter iter;
	gpointer value;
	unsigned n = 0;

	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Soft *soft = value;

		if (soft->place == IN_PATCH && soft->gpa == gpa)
			n += visit_soft(soft, GDB_BREAK_SW, fn, opaque);
	}
	return n;
}

unsigned kvm_breaks_each_at_patch(const KvmBreaks *breaks, uint64_t addr, uint64_t gpa,
				  KvmBreaksVisit fn, void *opaque)
{
	unsigned n =
		visit_soft(g_hash_table_lookup(breaks->softs, &addr), GDB_BREAK_SW, fn, opaque);

	if (!n)
		n = visit_aliases(breaks, gpa, fn, opaque);
	return n + visit_soft(g_hash_table_lookup(breaks->physicals, &gpa), GDB_BREAK_PHYSICAL, fn,
			      opaque);
}

unsigned kvm_breaks_each_at_point(const KvmBreaks *breaks, unsigned index, KvmBreaksVisit fn,
				  void *opaque)
{
	const GdbBreak *point = &g_array_index(breaks->points, GdbBreak, index);
	uint8_t owners = g_array_index(breaks->owners, uint8_t, index);
	unsigned n = 0;

	if (owners & OWNER_SOFT)
		n = visit_soft(g_hash_table_lookup(breaks->softs, &point->addr), GDB_BREAK_SW, fn,
			       opaque);
	if (owners & OWNER_HARD)
		fn(opaque, point);
	return n + !!(owners & OWNER_HARD);
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

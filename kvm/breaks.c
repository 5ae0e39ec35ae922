/*
 * kvm/breaks.c - what the client asked for: software breakpoints and hardware points.
 */
#include "kvm/breaks.h"

#include <inttypes.h>

#include "kvm/points.h"

typedef enum Place { IN_PATCH, IN_POINT, LOST } Place;

/* A Z0 of the client. */
typedef struct Soft {
	uint64_t addr, kind;
	uint64_t gpa; /* of its patch */
	Place place;
} Soft;

struct KvmBreaks {
	KvmPatches *patches;
	ArchFeatures features;
	GHashTable *softs;			/* &Soft.addr -> Soft */
	GHashTable *physicals;			/* likewise; their addr is a guest-physical one */
	unsigned lost;				/* softs that are nowhere, since a reset */
	Soft internal[KVM_BREAKS_INTERNAL_MAX]; /* IN_PATCH or LOST, which is not counted */
	unsigned n_internal;
	KvmPoints *points;
};

KvmBreaks *kvm_breaks_new(KvmPatches *patches, const ArchFeatures *features)
{
	KvmBreaks *breaks = g_new0(KvmBreaks, 1);

	breaks->patches = patches;
	breaks->features = *features;
	breaks->softs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	breaks->physicals = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	breaks->points = kvm_points_new(features);
	return breaks;
}

void kvm_breaks_free(KvmBreaks *breaks)
{
	if (!breaks)
		return;
	g_hash_table_unref(breaks->softs);
	g_hash_table_unref(breaks->physicals);
	kvm_points_free(breaks->points);
	g_free(breaks);
}

/* ---- Hardware points ---- */

const GdbBreak *kvm_breaks_points(const KvmBreaks *breaks, unsigned *ret_n)
{
	return kvm_points_all(breaks->points, ret_n);
}

const struct kvm_guest_debug_arch *kvm_breaks_hw(const KvmBreaks *breaks)
{
	return kvm_points_hw(breaks->points);
}

static const GdbBreak *point_at(const KvmBreaks *breaks, unsigned index)
{
	unsigned n;

	return &kvm_points_all(breaks->points, &n)[index];
}

GdbStopKind kvm_breaks_point_kind(const KvmBreaks *breaks, unsigned index)
{
	switch (point_at(breaks, index)->type) {
	case GDB_WATCH_WRITE:
		return GDB_STOP_WATCH;
	case GDB_WATCH_READ:
		return GDB_STOP_RWATCH;
	case GDB_WATCH_ACCESS:
		return GDB_STOP_AWATCH;
	default:
		return kvm_points_owners(breaks->points, index) & KVM_POINT_HARD ? GDB_STOP_HWBREAK
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
		kvm_points_remove(breaks->points, &point, KVM_POINT_SOFT);
		break;
	case LOST:
		breaks->lost--;
		break;
	}
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

/* Where it is to be, of what this KVM can do. */
static KvmSpot find_spot(const KvmBreaks *breaks, const KvmFinder *finder, uint64_t addr)
{
	return breaks->features.sw_break ? finder->find(finder->opaque, addr)
					 : (KvmSpot){KVM_SPOT_POINT, 0};
}

static bool can_patch(const KvmBreaks *breaks, const KvmSpot *spot)
{
	return spot->kind != KVM_SPOT_POINT && kvm_patches_fits(breaks->patches, spot->gpa);
}

static void move_to_memory(KvmBreaks *breaks, Soft *soft, uint64_t gpa)
{
	unplace_soft(breaks, soft);
	place_soft(breaks, soft, gpa);
}

/* A soft that has a point and could do without one leaves it. FALSE: there is none. */
static bool make_room(KvmBreaks *breaks, const KvmFinder *finder)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Soft *soft = value;
		KvmSpot spot;

		if (soft->place != IN_POINT)
			continue;
		spot = find_spot(breaks, finder, soft->addr);
		if (!can_patch(breaks, &spot))
			continue;
		move_to_memory(breaks, soft, spot.gpa);
		return true;
	}
	return false;
}

static bool add_needed_point(KvmBreaks *breaks, const GdbBreak *point, KvmPointOwner owner,
			     const KvmFinder *finder, GError **error)
{
	g_autoptr(GError) problem = NULL;

	while (!kvm_points_add(breaks->points, point, owner, &problem)) {
		if (!g_error_matches(problem, GDB_ERROR, GDB_ERROR_NOSPC) ||
		    !make_room(breaks, finder)) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return false;
		}
		g_clear_error(&problem);
	}
	return true;
}

bool kvm_breaks_insert_hw(KvmBreaks *breaks, const GdbBreak *bp, const KvmFinder *finder,
			  GError **error)
{
	return add_needed_point(breaks, bp, KVM_POINT_HARD, finder, error);
}

/* The only place for it. That Z0 is not supported is never the answer where patches are. */
static bool place_in_point(KvmBreaks *breaks, Soft *soft, const KvmFinder *finder, GError **error)
{
	GdbBreak point = soft_point(soft);
	g_autoptr(GError) problem = NULL;

	if (add_needed_point(breaks, &point, KVM_POINT_SOFT, finder, &problem)) {
		soft->place = IN_POINT;
		return true;
	}
	if (problem->code == GDB_ERROR_UNSUPPORTED && breaks->features.sw_break)
		problem->code = GDB_ERROR_FAULT;
	g_propagate_prefixed_error(error, g_steal_pointer(&problem),
				   "address 0x%" PRIx64 " cannot hold a software breakpoint now "
				   "and needs a hardware one: ",
				   soft->addr);
	return false;
}

/* The last slot is for what cannot do without: a watch, a step that enters the kernel. */
static bool place_in_spare_point(KvmBreaks *breaks, Soft *soft)
{
	GdbBreak point = soft_point(soft);
	bool shared = kvm_points_has(breaks->points, &point);

	if (!kvm_points_add(breaks->points, &point, KVM_POINT_SOFT, NULL))
		return false;
	if (!shared && !kvm_points_is_one_left(breaks->points)) {
		kvm_points_remove(breaks->points, &point, KVM_POINT_SOFT);
		return false;
	}
	soft->place = IN_POINT;
	return true;
}

static bool place(KvmBreaks *breaks, Soft *soft, const KvmSpot *spot, const KvmFinder *finder,
		  GError **error)
{
	if (spot->kind == KVM_SPOT_EITHER && place_in_spare_point(breaks, soft))
		return true;
	if (spot->kind == KVM_SPOT_POINT ||
	    (spot->kind == KVM_SPOT_EITHER && !can_patch(breaks, spot)))
		return place_in_point(breaks, soft, finder, error);
	if (!check_ram(breaks, soft->addr, spot->gpa, error))
		return false;
	place_soft(breaks, soft, spot->gpa);
	return true;
}

/* Is it where it shall be? A patch is put back if the guest has written over it. */
static bool stays(KvmBreaks *breaks, const Soft *soft, const KvmSpot *spot)
{
	if (soft->place == IN_POINT)
		return spot->kind != KVM_SPOT_PATCH;
	if (soft->place == LOST || spot->kind == KVM_SPOT_POINT || spot->gpa != soft->gpa)
		return false;
	kvm_patches_replace(breaks->patches, soft->gpa);
	return true;
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

bool kvm_breaks_insert_sw(KvmBreaks *breaks, uint64_t addr, uint64_t kind, const KvmFinder *finder,
			  GError **error)
{
	Soft *old = g_hash_table_lookup(breaks->softs, &addr);
	Soft *soft;
	KvmSpot spot;

	if (!arch_check_sw_break(addr, kind, error))
		return false;
	spot = find_spot(breaks, finder, addr);
	if (old && stays(breaks, old, &spot))
		return true;
	if (!old && !check_count(breaks, error))
		return false;
	soft = g_new0(Soft, 1);
	soft->addr = addr;
	soft->kind = kind;
	if (!place(breaks, soft, &spot, finder, error)) {
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
	if (g_hash_table_contains(breaks->physicals, &gpa)) {
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

/* The one at @gpa, or by another address of the same page of the host; NULL. */
static const Soft *find_physical(const KvmBreaks *breaks, uint64_t gpa)
{
	const Soft *soft = g_hash_table_lookup(breaks->physicals, &gpa);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, breaks->physicals);
	while (!soft && g_hash_table_iter_next(&iter, NULL, &value)) {
		if (kvm_patches_same(breaks->patches, ((Soft *)value)->gpa, gpa))
			soft = value;
	}
	return soft;
}

bool kvm_breaks_wants_physical(const KvmBreaks *breaks, uint64_t gpa)
{
	return find_physical(breaks, gpa) != NULL;
}

bool kvm_breaks_has(const KvmBreaks *breaks, const GdbBreak *bp)
{
	if (bp->type == GDB_BREAK_PHYSICAL)
		return kvm_breaks_wants_physical(breaks, bp->addr);
	return bp->type == GDB_BREAK_SW && g_hash_table_contains(breaks->softs, &bp->addr);
}

bool kvm_breaks_in_memory(const KvmBreaks *breaks, uint64_t addr)
{
	const Soft *soft = g_hash_table_lookup(breaks->softs, &addr);

	return soft && soft->place == IN_PATCH;
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
		kvm_points_remove(breaks->points, bp, KVM_POINT_HARD);
}

void kvm_breaks_clear(KvmBreaks *breaks)
{
	kvm_patches_clear(breaks->patches);
	kvm_points_clear(breaks->points);
	g_hash_table_remove_all(breaks->softs);
	g_hash_table_remove_all(breaks->physicals);
	breaks->lost = 0;
	breaks->n_internal = 0;
}

static void rearm_soft(KvmBreaks *breaks, Soft *soft, const KvmFinder *finder)
{
	KvmSpot spot;

	if (soft->place == IN_PATCH && kvm_patches_has(breaks->patches, soft->gpa))
		return;
	spot = find_spot(breaks, finder, soft->addr);
	if (!can_patch(breaks, &spot))
		return;
	if (soft->place == LOST || (soft->place == IN_POINT && spot.kind == KVM_SPOT_PATCH))
		move_to_memory(breaks, soft, spot.gpa);
	else if (soft->place == IN_PATCH && spot.gpa == soft->gpa)
		kvm_patches_replace(breaks->patches, soft->gpa);
}

/* All, or only those that are @lost. */
static void rearm_softs(KvmBreaks *breaks, const KvmFinder *finder, bool lost)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Soft *soft = value;

		if (!lost || soft->place == LOST)
			rearm_soft(breaks, soft, finder);
	}
}

/* Memory is where it is: the client asked for that byte, whoever uses it. */
static void rearm_physicals(KvmBreaks *breaks)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, breaks->physicals);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		kvm_patches_replace(breaks->patches, ((Soft *)value)->gpa);
}

static void rearm_internal(KvmBreaks *breaks, const KvmFinder *finder)
{
	for (unsigned i = 0; i < breaks->n_internal; i++) {
		Soft *soft = &breaks->internal[i];
		KvmSpot spot;

		if (soft->place == IN_PATCH && kvm_patches_has(breaks->patches, soft->gpa))
			continue;
		spot = find_spot(breaks, finder, soft->addr);
		if (spot.kind != KVM_SPOT_PATCH || !can_patch(breaks, &spot))
			continue;
		if (soft->place == LOST)
			place_soft(breaks, soft, spot.gpa);
		else if (soft->gpa == spot.gpa)
			kvm_patches_replace(breaks->patches, soft->gpa);
	}
}

/* Those that wait in a point; from the last on, since one that finds its memory leaves. */
static void rearm_points(KvmBreaks *breaks, const KvmFinder *finder)
{
	const GdbBreak *points;
	unsigned n;

	for (points = kvm_points_all(breaks->points, &n); n > 0; n--) {
		if (kvm_points_owners(breaks->points, n - 1) & KVM_POINT_SOFT)
			rearm_soft(breaks, g_hash_table_lookup(breaks->softs, &points[n - 1].addr),
				   finder);
	}
}

/* Usually all are where they belong, and to see that costs far less than to look for each. */
void kvm_breaks_rearm(KvmBreaks *breaks, const KvmFinder *finder)
{
	bool all_there = kvm_patches_all_there(breaks->patches);

	if (!all_there || breaks->lost)
		rearm_softs(breaks, finder, all_there);
	if (!all_there)
		rearm_physicals(breaks);
	rearm_points(breaks, finder);
	rearm_internal(breaks, finder);
}

static void clear_internal(KvmBreaks *breaks)
{
	for (unsigned i = 0; i < breaks->n_internal; i++) {
		if (breaks->internal[i].place == IN_PATCH)
			kvm_patches_unref(breaks->patches, breaks->internal[i].gpa);
	}
	breaks->n_internal = 0;
}

unsigned kvm_breaks_reset(KvmBreaks *breaks)
{
	GHashTableIter iter;
	gpointer value;

	clear_internal(breaks);
	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Soft *soft = value;
		GdbBreak point;

		if (soft->place != IN_PATCH)
			continue;
		unplace_soft(breaks, soft);
		point = soft_point(soft);
		if (kvm_points_add(breaks->points, &point, KVM_POINT_SOFT, NULL)) {
			soft->place = IN_POINT;
			continue;
		}
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

void kvm_breaks_find_lost(KvmBreaks *breaks, const KvmFinder *finder)
{
	if (breaks->lost)
		rearm_softs(breaks, finder, true);
}

/* ---- Internal breakpoints of the engine ---- */

void kvm_breaks_set_internal(KvmBreaks *breaks, const uint64_t *addrs, unsigned n,
			     const KvmFinder *finder)
{
	clear_internal(breaks);
	for (; breaks->n_internal < MIN(n, KVM_BREAKS_INTERNAL_MAX); breaks->n_internal++)
		breaks->internal[breaks->n_internal] =
			(Soft){.addr = addrs[breaks->n_internal], .place = LOST};
	rearm_internal(breaks, finder);
}

bool kvm_breaks_has_internal(const KvmBreaks *breaks, uint64_t addr, uint64_t gpa)
{
	for (unsigned i = 0; i < breaks->n_internal; i++) {
		const Soft *soft = &breaks->internal[i];

		if (soft->place == IN_PATCH &&
		    (soft->addr == addr || kvm_patches_same(breaks->patches, soft->gpa, gpa)))
			return true;
	}
	return false;
}

bool kvm_breaks_any_in_memory(const KvmBreaks *breaks)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, breaks->softs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (((Soft *)value)->place == IN_PATCH)
			return true;
	}
	return g_hash_table_size(breaks->physicals) > 0;
}

/* ---- Hits ---- */

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

		if (soft->place == IN_PATCH && kvm_patches_same(breaks->patches, soft->gpa, gpa))
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
	return n + visit_soft(find_physical(breaks, gpa), GDB_BREAK_PHYSICAL, fn, opaque);
}

unsigned kvm_breaks_each_at_point(const KvmBreaks *breaks, unsigned index, KvmBreaksVisit fn,
				  void *opaque)
{
	const GdbBreak *point = point_at(breaks, index);
	unsigned owners = kvm_points_owners(breaks->points, index);
	unsigned n = 0;

	if (owners & KVM_POINT_SOFT)
		n = visit_soft(g_hash_table_lookup(breaks->softs, &point->addr), GDB_BREAK_SW, fn,
			       opaque);
	if (owners & KVM_POINT_HARD)
		fn(opaque, point);
	return n + !!(owners & KVM_POINT_HARD);
}

static bool wants_point(const KvmBreaks *breaks, GdbStopKind kind, uint64_t addr)
{
	unsigned n;
	const GdbBreak *points = kvm_points_all(breaks->points, &n);

	for (unsigned i = 0; i < n; i++) {
		uint64_t len = points[i].type == GDB_BREAK_HW ? 1 : points[i].kind;

		if (kvm_breaks_point_kind(breaks, i) == kind && addr - points[i].addr < len)
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

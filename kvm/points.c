/*
 * kvm/points.c - the hardware points of one machine. See points.h.
 */
#include "kvm/points.h"

struct KvmPoints {
	ArchFeatures features;
	GArray *points; /* of GdbBreak */
	GArray *owners; /* of uint8_t, parallel to points */
	struct kvm_guest_debug_arch hw;
};

KvmPoints *kvm_points_new(const ArchFeatures *features)
{
	KvmPoints *points = g_new0(KvmPoints, 1);

	points->features = *features;
	points->points = g_array_new(FALSE, FALSE, sizeof(GdbBreak));
	points->owners = g_array_new(FALSE, FALSE, sizeof(uint8_t));
	return points;
}

void kvm_points_free(KvmPoints *points)
{
	if (!points)
		return;
	g_array_unref(points->points);
	g_array_unref(points->owners);
	g_free(points);
}

/*
 * For an execution point the length says nothing; a watchpoint is the same only if all three are.
 */
static int find_point(const KvmPoints *points, const GdbBreak *bp)
{
	for (unsigned i = 0; i < points->points->len; i++) {
		const GdbBreak *have = &g_array_index(points->points, GdbBreak, i);

		if (have->type == bp->type && have->addr == bp->addr &&
		    (bp->type == GDB_BREAK_HW || have->kind == bp->kind))
			return i;
	}
	return -1;
}

bool kvm_points_has(const KvmPoints *points, const GdbBreak *bp)
{
	return find_point(points, bp) >= 0;
}

static bool encode(KvmPoints *points, GError **error)
{
	struct kvm_guest_debug_arch hw = {0};

	if (points->points->len &&
	    !arch_encode_hw(&points->features, (const GdbBreak *)points->points->data,
			    points->points->len, &hw, error))
		return false;
	points->hw = hw;
	return true;
}

static void drop_point(KvmPoints *points, unsigned index)
{
	g_array_remove_index(points->points, index);
	g_array_remove_index(points->owners, index);
}

/* A point that never fires is worse than none. */
static bool check_reported(const KvmPoints *points, const GdbBreak *bp, GError **error)
{
	bool is_watch = bp->type != GDB_BREAK_HW;

	if (is_watch ? points->features.watch : points->features.hw_break)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED, "this KVM does not report hardware %s",
		    is_watch ? "watchpoints" : "breakpoints");
	return false;
}

bool kvm_points_add(KvmPoints *points, const GdbBreak *bp, KvmPointOwner owner, GError **error)
{
	int i = find_point(points, bp);
	uint8_t owners = owner;

	if (i >= 0) {
		g_array_index(points->owners, uint8_t, i) |= owners;
		return true;
	}
	if (!check_reported(points, bp, error))
		return false;
	g_array_append_val(points->points, *bp);
	g_array_append_val(points->owners, owners);
	if (encode(points, error))
		return true;
	drop_point(points, points->points->len - 1);
	return false;
}

void kvm_points_remove(KvmPoints *points, const GdbBreak *bp, KvmPointOwner owner)
{
	int i = find_point(points, bp);
	uint8_t *owners;

	if (i < 0)
		return;
	owners = &g_array_index(points->owners, uint8_t, i);
	*owners &= ~owner;
	if (*owners)
		return;
	drop_point(points, i);
	/* Fewer points than fitted before always fit. */
	encode(points, NULL);
}

bool kvm_points_is_one_left(KvmPoints *points)
{
	GdbBreak another = {GDB_BREAK_HW, 0, 4};
	bool left;

	while (kvm_points_has(points, &another))
		another.addr += 4;
	left = kvm_points_add(points, &another, KVM_POINT_HARD, NULL);
	if (left)
		kvm_points_remove(points, &another, KVM_POINT_HARD);
	return left;
}

void kvm_points_clear(KvmPoints *points)
{
	g_array_set_size(points->points, 0);
	g_array_set_size(points->owners, 0);
	encode(points, NULL);
}

const GdbBreak *kvm_points_all(const KvmPoints *points, unsigned *ret_n)
{
	*ret_n = points->points->len;
	return (const GdbBreak *)points->points->data;
}

unsigned kvm_points_owners(const KvmPoints *points, unsigned index)
{
	return g_array_index(points->owners, uint8_t, index);
}

const struct kvm_guest_debug_arch *kvm_points_hw(const KvmPoints *points)
{
	return &points->hw;
}

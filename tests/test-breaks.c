/*
 * tests/test-breaks.c - the sentences of kvm/breaks.h and kvm/patch.h, on the toy architecture:
 * trap cc, kind 1, three hardware points.
 */
#include <string.h>

#include "kvm/breaks.h"
#include "kvm/kvm-gdb.h"

typedef struct Fixture {
	uint8_t ram[64];
	KvmMemory *memory;
	KvmPatches *patches;
	KvmBreaks *breaks;
	KvmSpotKind kind; /* what find() says; */
	uint64_t gpa;	  /* 0: where the address says, in its low 16 bits */
	KvmFinder finder;
} Fixture;

static KvmSpot find(void *opaque, uint64_t addr)
{
	Fixture *f = opaque;

	return (KvmSpot){f->kind, f->gpa ? f->gpa : addr & 0xffff};
}

static Fixture *fixture_new_with(const ArchFeatures *features)
{
	Fixture *f = g_new0(Fixture, 1);

	for (unsigned i = 0; i < sizeof(f->ram); i++)
		f->ram[i] = i;
	f->memory = kvm_memory_new(NULL, NULL);
	kvm_memory_map(f->memory, 0x1000, sizeof(f->ram), f->ram, false);
	f->patches = kvm_patches_new(f->memory);
	f->breaks = kvm_breaks_new(f->patches, features);
	f->kind = KVM_SPOT_PATCH;
	f->finder = (KvmFinder){find, f};
	return f;
}

static Fixture *fixture_new(bool sw_break)
{
	const ArchFeatures features = {
		.sw_break = sw_break,
		.hw_break = true,
		.watch = true,
		.n_breaks = 3,
		.n_watches = 3,
	};

	return fixture_new_with(&features);
}

static void fixture_free(Fixture *f)
{
	kvm_breaks_free(f->breaks);
	kvm_patches_free(f->patches);
	kvm_memory_free(f->memory);
	g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, fixture_free)

static void insert_sw(Fixture *f, uint64_t addr)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(kvm_breaks_insert_sw(f->breaks, addr, 1, &f->finder, &error));
	g_assert_no_error(error);
}

static void insert(Fixture *f, uint64_t addr, uint64_t gpa)
{
	f->gpa = gpa;
	insert_sw(f, addr);
	f->gpa = 0;
}

static bool insert_hw(Fixture *f, GdbBreakType type, uint64_t addr, uint64_t kind, GError **error)
{
	const GdbBreak bp = {type, addr, kind};

	return kvm_breaks_insert_hw(f->breaks, &bp, &f->finder, error);
}

/* The breakpoint cannot be set, for this reason. */
static void refuse_sw(Fixture *f, uint64_t addr, uint64_t kind, int code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(kvm_breaks_insert_sw(f->breaks, addr, kind, &f->finder, &error));
	g_assert_error(error, GDB_ERROR, code);
}

static void remove_break(Fixture *f, GdbBreakType type, uint64_t addr, uint64_t kind)
{
	GdbBreak bp = {type, addr, kind};

	kvm_breaks_remove(f->breaks, &bp);
}

static unsigned n_points(Fixture *f)
{
	unsigned n;

	kvm_breaks_points(f->breaks, &n);
	return n;
}

/* T04: twice in, once out; out again does nothing. */
static void test_idempotent(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	insert(f, 0x1005, 0x1005);
	insert(f, 0x1005, 0x1005);
	g_assert_cmphex(f->ram[5], ==, 0xcc);
	g_assert_true(kvm_patches_has(f->patches, 0x1005));
	remove_break(f, GDB_BREAK_SW, 0x1005, 1);
	g_assert_cmphex(f->ram[5], ==, 5);
	remove_break(f, GDB_BREAK_SW, 0x1005, 1);
	remove_break(f, GDB_BREAK_SW, 0x1006, 1);
	g_assert_cmphex(f->ram[6], ==, 6);
	g_assert_false(kvm_patches_any(f->patches));
}

/* T07: two addresses of one byte share a patch. */
static void test_alias(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	insert(f, 0xaaa005, 0x1005);
	insert(f, 0xbbb005, 0x1005);
	remove_break(f, GDB_BREAK_SW, 0xaaa005, 1);
	g_assert_cmphex(f->ram[5], ==, 0xcc);
	remove_break(f, GDB_BREAK_SW, 0xbbb005, 1);
	g_assert_cmphex(f->ram[5], ==, 5);
}

/* The same address elsewhere: another process' page tables. */
static void test_move(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	insert(f, 0xaaa005, 0x1005);
	insert(f, 0xaaa005, 0x1009);
	g_assert_cmphex(f->ram[5], ==, 5);
	g_assert_cmphex(f->ram[9], ==, 0xcc);
	remove_break(f, GDB_BREAK_SW, 0xaaa005, 1);
	g_assert_cmphex(f->ram[9], ==, 9);
}

/* T06: nobody sees a patch, nobody loses one. */
static void test_hidden(void)
{
	g_autoptr(Fixture) f = fixture_new(true);
	static const uint8_t before[] = {4, 5, 6, 7, 8};
	uint8_t buf[64];

	insert(f, 0x1005, 0x1005);
	insert(f, 0x1007, 0x1007);
	g_assert_cmpuint(kvm_patches_read(f->patches, 0x1004, buf, 5), ==, 5);
	g_assert_cmpmem(buf, 5, before, 5);
	g_assert_cmpuint(kvm_patches_read(f->patches, 0x103f, buf, 5), ==, 1);
	g_assert_true(kvm_patches_write(f->patches, 0x1004, "ABCDE", 5));
	g_assert_cmphex(f->ram[4], ==, 'A');
	g_assert_cmphex(f->ram[5], ==, 0xcc);
	g_assert_cmphex(f->ram[7], ==, 0xcc);
	kvm_patches_read(f->patches, 0x1004, buf, 5);
	g_assert_cmpmem(buf, 5, "ABCDE", 5);
	kvm_breaks_clear(f->breaks);
	g_assert_cmpmem(f->ram + 4, 5, "ABCDE", 5);
	g_assert_false(kvm_patches_write(f->patches, 0x103f, "ABC", 3));
	g_assert_cmphex(f->ram[63], ==, 63);
}

/* Only what is still ours is restored, and only what is ours is hidden. */
static void test_overwritten(void)
{
	g_autoptr(Fixture) f = fixture_new(true);
	uint8_t byte;

	insert(f, 0x1005, 0x1005);
	f->ram[5] = 0x77;
	g_assert_false(kvm_patches_has(f->patches, 0x1005));
	kvm_patches_read(f->patches, 0x1005, &byte, 1);
	g_assert_cmphex(byte, ==, 0x77);
	remove_break(f, GDB_BREAK_SW, 0x1005, 1);
	g_assert_cmphex(f->ram[5], ==, 0x77);
	/* Inserted again, it goes over the new code. */
	insert(f, 0x1009, 0x1009);
	f->ram[9] = 0x88;
	insert(f, 0x1009, 0x1009);
	g_assert_cmphex(f->ram[9], ==, 0xcc);
}

/* Out of memory, which will be loaded anew, into points; the fourth is lost until it is mapped. */
static void test_reset(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	for (unsigned i = 0; i < 4; i++)
		insert(f, 0xff1000 + i, 0x1000 + i);
	f->ram[2] = 0x77;
	g_assert_cmpuint(kvm_breaks_reset(f->breaks), ==, 1);
	g_assert_cmpmem(f->ram, 4, ((const uint8_t[]){0, 1, 0x77, 3}), 4);
	g_assert_cmpuint(n_points(f), ==, 3);
	g_assert_true(kvm_breaks_any_lost(f->breaks));
	f->kind = KVM_SPOT_POINT;
	kvm_breaks_find_lost(f->breaks, &f->finder);
	g_assert_true(kvm_breaks_any_lost(f->breaks));
	f->kind = KVM_SPOT_PATCH;
	kvm_breaks_find_lost(f->breaks, &f->finder);
	g_assert_false(kvm_breaks_any_lost(f->breaks));
	g_assert_cmpuint(n_points(f), ==, 3);
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmpuint(n_points(f), ==, 0);
	g_assert_cmpmem(f->ram, 4, ((const uint8_t[]){0xcc, 0xcc, 0xcc, 0xcc}), 4);
	for (unsigned i = 0; i < 4; i++)
		remove_break(f, GDB_BREAK_SW, 0xff1000 + i, 1);
	g_assert_cmpmem(f->ram, 4, ((const uint8_t[]){0, 1, 0x77, 3}), 4);
}

/* A breakpoint that is lost can be set again and removed. */
static void test_lost(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	for (unsigned i = 0; i < 5; i++)
		insert(f, 0x1000 + i, 0x1000 + i);
	g_assert_cmpuint(kvm_breaks_reset(f->breaks), ==, 2);
	for (unsigned i = 0; i < 5; i++)
		insert(f, 0x1000 + i, 0x1000 + i);
	g_assert_false(kvm_breaks_any_lost(f->breaks));
	g_assert_cmpuint(n_points(f), ==, 0);
	g_assert_cmpuint(kvm_breaks_reset(f->breaks), ==, 2);
	for (unsigned i = 0; i < 5; i++)
		remove_break(f, GDB_BREAK_SW, 0x1000 + i, 1);
	g_assert_false(kvm_breaks_any_lost(f->breaks));
	g_assert_false(kvm_patches_any(f->patches));
	g_assert_cmpuint(kvm_breaks_reset(f->breaks), ==, 0);
}

/* At a physical address it stays where it is. */
static void test_reset_physical(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	g_assert_true(kvm_breaks_insert_physical(f->breaks, 0x1009, 1, NULL));
	f->ram[9] = 0x99;
	g_assert_cmpuint(kvm_breaks_reset(f->breaks), ==, 0);
	g_assert_cmphex(f->ram[9], ==, 0xcc);
	remove_break(f, GDB_BREAK_PHYSICAL, 0x1009, 1);
	g_assert_cmphex(f->ram[9], ==, 0x99);
}

/* On a byte that is a trap instruction of the guest's own. */
static void test_on_guest_trap(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	f->ram[5] = 0xcc;
	insert(f, 0x1005, 0x1005);
	remove_break(f, GDB_BREAK_SW, 0x1005, 1);
	g_assert_cmphex(f->ram[5], ==, 0xcc);
}

static void test_lift(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	insert(f, 0x1005, 0x1005);
	kvm_patches_lift(f->patches, 0x1005);
	g_assert_cmphex(f->ram[5], ==, 5);
	g_assert_false(kvm_patches_has(f->patches, 0x1005));
	g_assert_true(kvm_patches_any(f->patches));
	kvm_patches_replace(f->patches, 0x1005);
	g_assert_cmphex(f->ram[5], ==, 0xcc);
	kvm_patches_lift(f->patches, 0x1006);
	kvm_patches_replace(f->patches, 0x1006);
	g_assert_cmphex(f->ram[6], ==, 6);
}

/* Not mapped yet: a hardware point, which is left for memory when it is mapped. */
static void test_early(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	f->kind = KVM_SPOT_POINT;
	insert_sw(f, 0xff1005);
	g_assert_cmpuint(n_points(f), ==, 1);
	g_assert_cmpint(kvm_breaks_point_kind(f->breaks, 0), ==, GDB_STOP_SWBREAK);
	g_assert_true(kvm_breaks_wants(f->breaks, GDB_STOP_SWBREAK, 0xff1005));
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmpuint(n_points(f), ==, 1);
	f->kind = KVM_SPOT_PATCH;
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmpuint(n_points(f), ==, 0);
	g_assert_cmphex(f->ram[5], ==, 0xcc);
	remove_break(f, GDB_BREAK_SW, 0xff1005, 1);
	g_assert_cmphex(f->ram[5], ==, 5);
}

/* A Z0 in a hardware point and a Z1 at the same address share it. */
static void test_shared_point(void)
{
	g_autoptr(Fixture) f = fixture_new(false);

	insert_sw(f, 0x1005);
	g_assert_cmphex(f->ram[5], ==, 5);
	g_assert_true(insert_hw(f, GDB_BREAK_HW, 0x1005, 1, NULL));
	g_assert_cmpuint(n_points(f), ==, 1);
	g_assert_cmpint(kvm_breaks_point_kind(f->breaks, 0), ==, GDB_STOP_HWBREAK);
	remove_break(f, GDB_BREAK_HW, 0x1005, 1);
	g_assert_cmpint(kvm_breaks_point_kind(f->breaks, 0), ==, GDB_STOP_SWBREAK);
	remove_break(f, GDB_BREAK_SW, 0x1005, 1);
	g_assert_cmpuint(n_points(f), ==, 0);
}

/* T23: what does not fit is refused, and what was there stays. */
static void test_full(void)
{
	g_autoptr(Fixture) f = fixture_new(true);
	g_autoptr(GError) error = NULL;
	GdbBreak points[] = {
		{GDB_BREAK_HW, 0x10, 1},
		{GDB_WATCH_WRITE, 0x20, 4},
		{GDB_WATCH_ACCESS, 0x20, 4},
		{GDB_BREAK_HW, 0x40, 1},
	};
	struct kvm_guest_debug_arch before;

	for (unsigned i = 0; i < 3; i++)
		g_assert_true(kvm_breaks_insert_hw(f->breaks, &points[i], &f->finder, NULL));
	g_assert_true(kvm_breaks_insert_hw(f->breaks, &points[1], &f->finder, NULL));
	before = *kvm_breaks_hw(f->breaks);
	g_assert_false(kvm_breaks_insert_hw(f->breaks, &points[3], &f->finder, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOSPC);
	f->kind = KVM_SPOT_POINT;
	refuse_sw(f, 0x9999, 1, GDB_ERROR_NOSPC);
	g_assert_cmpmem(&before, sizeof(before), kvm_breaks_hw(f->breaks), sizeof(before));
	g_assert_cmpuint(n_points(f), ==, 3);
	/* z is by type, address and length. */
	remove_break(f, GDB_WATCH_WRITE, 0x20, 2);
	g_assert_cmpuint(n_points(f), ==, 3);
	remove_break(f, GDB_WATCH_WRITE, 0x20, 4);
	g_assert_cmpuint(n_points(f), ==, 2);
	g_assert_false(kvm_breaks_wants(f->breaks, GDB_STOP_WATCH, 0x20));
	g_assert_true(kvm_breaks_wants(f->breaks, GDB_STOP_AWATCH, 0x23));
	g_assert_false(kvm_breaks_wants(f->breaks, GDB_STOP_AWATCH, 0x24));
}

static void test_errors(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	refuse_sw(f, 0x2000, 1, GDB_ERROR_FAULT);
	refuse_sw(f, 0x1005, 2, GDB_ERROR_INVAL);
	g_assert_false(kvm_patches_any(f->patches));
}

/*
 * What this KVM does not report is said, and never armed. "Unsupported" makes gdb use Z0 no more,
 * so it is said of one that needs a point only where patches are not to be had either.
 */
static void test_unreported(void)
{
	const ArchFeatures only_breaks = {.hw_break = true}, only_watches = {.watch = true},
			   only_patches = {.sw_break = true};
	g_autoptr(Fixture) breaks = fixture_new_with(&only_breaks);
	g_autoptr(Fixture) watches = fixture_new_with(&only_watches);
	g_autoptr(Fixture) patches = fixture_new_with(&only_patches);
	g_autoptr(GError) error = NULL;

	g_assert_true(insert_hw(breaks, GDB_BREAK_HW, 0x1005, 1, &error));
	g_assert_true(insert_hw(watches, GDB_WATCH_WRITE, 0x1008, 4, &error));
	g_assert_false(insert_hw(breaks, GDB_WATCH_WRITE, 0x1008, 4, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_false(insert_hw(watches, GDB_BREAK_HW, 0x1005, 1, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED);
	refuse_sw(watches, 0x1005, 1, GDB_ERROR_UNSUPPORTED);
	g_assert_cmpuint(n_points(watches), ==, 1);

	patches->kind = KVM_SPOT_POINT;
	refuse_sw(patches, 0x1005, 1, GDB_ERROR_FAULT);
	patches->kind = KVM_SPOT_EITHER;
	insert_sw(patches, 0x1005);
	g_assert_cmphex(patches->ram[5], ==, 0xcc);
}

/* ---- Patch or point ---- */

/* A user's address takes points while one is left free after it, then memory. */
static void test_either(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	f->kind = KVM_SPOT_EITHER;
	for (unsigned i = 0; i < 5; i++)
		insert_sw(f, 0xff1000 + i);
	g_assert_cmpuint(n_points(f), ==, 2);
	g_assert_cmpmem(f->ram, 5, ((const uint8_t[]){0, 1, 0xcc, 0xcc, 0xcc}), 5);
	/* Again, as gdb does at each stop, and before a resume: all stay where they are. */
	for (unsigned i = 0; i < 5; i++)
		insert_sw(f, 0xff1000 + i);
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmpuint(n_points(f), ==, 2);
	g_assert_cmpmem(f->ram, 5, ((const uint8_t[]){0, 1, 0xcc, 0xcc, 0xcc}), 5);
	for (unsigned i = 0; i < 5; i++)
		remove_break(f, GDB_BREAK_SW, 0xff1000 + i, 1);
	g_assert_cmpuint(n_points(f), ==, 0);
	g_assert_cmpmem(f->ram, 5, ((const uint8_t[]){0, 1, 2, 3, 4}), 5);
}

/* What needs a point gets it: those that could do without leave theirs, one by one. */
static void test_makes_room(void)
{
	g_autoptr(Fixture) f = fixture_new(true);
	g_autoptr(GError) error = NULL;

	f->kind = KVM_SPOT_EITHER;
	insert_sw(f, 0xff1000);
	insert_sw(f, 0xff1001);
	g_assert_true(insert_hw(f, GDB_WATCH_WRITE, 0x20, 4, NULL));
	g_assert_cmpmem(f->ram, 2, ((const uint8_t[]){0, 1}), 2);
	g_assert_true(insert_hw(f, GDB_BREAK_HW, 0x30, 1, NULL));
	g_assert_cmpuint((f->ram[0] == 0xcc) + (f->ram[1] == 0xcc), ==, 1);
	g_assert_true(insert_hw(f, GDB_BREAK_HW, 0x40, 1, NULL));
	g_assert_cmpmem(f->ram, 2, ((const uint8_t[]){0xcc, 0xcc}), 2);
	g_assert_false(insert_hw(f, GDB_BREAK_HW, 0x50, 1, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOSPC);
	g_assert_cmpuint(n_points(f), ==, 3);
}

/* So does a soft one that can be hit by nothing else; one whose page has gone stays. */
static void test_makes_room_for_soft(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	f->kind = KVM_SPOT_EITHER;
	insert_sw(f, 0xff1000);
	insert_sw(f, 0xff1001);
	f->kind = KVM_SPOT_POINT;
	insert_sw(f, 0xff1002);
	refuse_sw(f, 0xff1003, 1, GDB_ERROR_NOSPC);
	g_assert_cmpuint(n_points(f), ==, 3);
	g_assert_cmpmem(f->ram, 4, ((const uint8_t[]){0, 1, 2, 3}), 4);
}

/* Where there is no RAM a point is the only way, for what may have one. */
static void test_either_outside_ram(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	f->kind = KVM_SPOT_EITHER;
	for (unsigned i = 0; i < 3; i++)
		insert_sw(f, 0xff2000 + i);
	g_assert_cmpuint(n_points(f), ==, 3);
	refuse_sw(f, 0xff2003, 1, GDB_ERROR_NOSPC);
}

/* One at the same place as an hbreak shares its point, though no other is left. */
static void test_either_shares(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	for (unsigned i = 0; i < 3; i++)
		g_assert_true(insert_hw(f, GDB_BREAK_HW, 0xff1000 + i, 1, NULL));
	f->kind = KVM_SPOT_EITHER;
	insert_sw(f, 0xff1001);
	g_assert_cmphex(f->ram[1], ==, 1);
	remove_break(f, GDB_BREAK_HW, 0xff1001, 1);
	g_assert_cmpuint(n_points(f), ==, 3);
	remove_break(f, GDB_BREAK_SW, 0xff1001, 1);
	g_assert_cmpuint(n_points(f), ==, 2);
}

/* The machine's page tables are on now, and it is the kernel's: into memory before it runs on. */
static void test_either_becomes_patch(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	f->kind = KVM_SPOT_EITHER;
	insert_sw(f, 0xff1005);
	f->kind = KVM_SPOT_PATCH;
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmpuint(n_points(f), ==, 0);
	g_assert_cmphex(f->ram[5], ==, 0xcc);
}

/* Code that the guest has written over a patch gets it, where its address still leads there. */
static void check_put_back(unsigned flags)
{
	g_autoptr(Fixture) f = fixture_new(true);

	kvm_memory_map(f->memory, 0x1000, sizeof(f->ram), f->ram, flags);
	insert_sw(f, 0xff1005);
	insert_sw(f, 0xff1006);
	insert_sw(f, 0xff1007);
	memset(f->ram, 0x77, sizeof(f->ram));
	f->gpa = 0x1005;
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmpmem(f->ram + 4, 4, ((const uint8_t[]){0x77, 0xcc, 0x77, 0x77}), 4);
	f->gpa = 0;
	f->kind = KVM_SPOT_POINT;
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmphex(f->ram[6], ==, 0x77);
	f->kind = KVM_SPOT_PATCH;
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmpmem(f->ram + 4, 4, ((const uint8_t[]){0x77, 0xcc, 0xcc, 0xcc}), 4);
	kvm_breaks_clear(f->breaks);
	g_assert_cmpmem(f->ram + 4, 4, ((const uint8_t[]){0x77, 0x77, 0x77, 0x77}), 4);
}

static void test_put_back(void)
{
	check_put_back(0);
	check_put_back(KVM_GDB_MAP_STEADY);
}

/* Each that is not where it belongs is found, beside one that is. */
static void check_all_there(unsigned flags)
{
	g_autoptr(Fixture) f = fixture_new(true);

	kvm_memory_map(f->memory, 0x1000, sizeof(f->ram), f->ram, flags);
	g_assert_true(kvm_patches_all_there(f->patches));
	insert_sw(f, 0xff1005);
	insert_sw(f, 0xff1009);
	insert(f, 0xee1009, 0x1009);
	g_assert_true(kvm_patches_all_there(f->patches));
	f->ram[9] = 0x77;
	g_assert_false(kvm_patches_all_there(f->patches));
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_true(kvm_patches_all_there(f->patches));
	/* Where the guest has a trap of its own a lifted one looks as if it was there. */
	kvm_patches_lift(f->patches, 0x1009);
	f->ram[9] = 0xcc;
	g_assert_false(kvm_patches_all_there(f->patches));
	kvm_patches_replace(f->patches, 0x1009);
	g_assert_true(kvm_patches_all_there(f->patches));
	kvm_patches_before_change(f->patches, 0x1000, sizeof(f->ram));
	g_assert_false(kvm_patches_all_there(f->patches));
	kvm_patches_after_change(f->patches);
	g_assert_true(kvm_patches_all_there(f->patches));
}

static void test_all_there(void)
{
	check_all_there(0);
	check_all_there(KVM_GDB_MAP_STEADY);
}

/* Beside one in memory, what waits in a point for its memory gets it, and so does what is lost. */
static void test_rearm_others(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	insert_sw(f, 0xff1005);
	f->kind = KVM_SPOT_POINT;
	insert_sw(f, 0xff1006);
	insert_sw(f, 0xff1007);
	g_assert_true(insert_hw(f, GDB_BREAK_HW, 0xff1020, 1, NULL));
	g_assert_cmpmem(f->ram + 6, 2, ((const uint8_t[]){6, 7}), 2);
	f->kind = KVM_SPOT_PATCH;
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmpmem(f->ram + 6, 2, ((const uint8_t[]){0xcc, 0xcc}), 2);
	g_assert_cmpuint(n_points(f), ==, 1);
	kvm_breaks_remove(f->breaks, &(GdbBreak){GDB_BREAK_HW, 0xff1020, 1});
	for (unsigned i = 0; i < 3; i++)
		insert_sw(f, 0xff1010 + i);
	f->kind = KVM_SPOT_POINT;
	g_assert_cmpuint(kvm_breaks_reset(f->breaks), ==, 3);
	f->kind = KVM_SPOT_PATCH;
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_false(kvm_breaks_any_lost(f->breaks));
	g_assert_cmpuint(n_points(f), ==, 0);
	g_assert_cmpmem(f->ram + 0x10, 3, ((const uint8_t[]){0xcc, 0xcc, 0xcc}), 3);
}

/* Where the client's own points leave no room all are lost, and found again. */
static void test_rearm_lost(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	for (unsigned i = 0; i < 3; i++)
		g_assert_true(insert_hw(f, GDB_BREAK_HW, 0xff1020 + i, 1, NULL));
	insert_sw(f, 0xff1005);
	g_assert_cmpuint(kvm_breaks_reset(f->breaks), ==, 1);
	g_assert_cmphex(f->ram[5], ==, 5);
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_false(kvm_breaks_any_lost(f->breaks));
	g_assert_cmphex(f->ram[5], ==, 0xcc);
}

/* One by its physical address is put back whatever the page tables say. */
static void test_put_back_physical(void)
{
	g_autoptr(Fixture) f = fixture_new(true);

	g_assert_true(kvm_breaks_insert_physical(f->breaks, 0x1009, 1, NULL));
	f->ram[9] = 0x77;
	f->kind = KVM_SPOT_POINT;
	kvm_breaks_rearm(f->breaks, &f->finder);
	g_assert_cmphex(f->ram[9], ==, 0xcc);
	kvm_breaks_clear(f->breaks);
	g_assert_cmphex(f->ram[9], ==, 0x77);
}

/* Many breakpoints cost no time that grows with their square. */
static void test_many(void)
{
	enum { N = 10000 };
	g_autofree uint8_t *ram = g_malloc0(N);
	g_autoptr(Fixture) f = fixture_new(true);
	uint8_t byte;

	kvm_memory_map(f->memory, 0x100000, N, ram, false);
	for (unsigned i = 0; i < N; i++)
		insert(f, 0x100000 + (i * 7919) % N, 0x100000 + (i * 7919) % N);
	for (unsigned i = 0; i < N; i++) {
		g_assert_cmphex(ram[i], ==, 0xcc);
		kvm_patches_read(f->patches, 0x100000 + i, &byte, 1);
		g_assert_cmphex(byte, ==, 0);
	}
	kvm_breaks_clear(f->breaks);
	for (unsigned i = 0; i < N; i++)
		g_assert_cmphex(ram[i], ==, 0);
}

/* A client that never removes one does not take all memory. */
static void test_too_many(void)
{
	const uint64_t n = KVM_BREAKS_MAX;
	g_autofree uint8_t *ram = g_malloc0(n + 1);
	g_autoptr(Fixture) f = fixture_new(true);
	g_autoptr(GError) error = NULL;
	uint64_t last = 0x100000 + n;

	kvm_memory_map(f->memory, 0x100000, n + 1, ram, false);
	for (uint64_t i = 0; i < n; i++)
		insert(f, 0x100000 + i, 0x100000 + i);
	f->gpa = last;
	refuse_sw(f, last, 1, GDB_ERROR_NOSPC);
	g_assert_false(kvm_breaks_insert_physical(f->breaks, last, 1, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOSPC);
	g_assert_cmphex(ram[n], ==, 0);
	insert(f, 0x100000, 0x100000);
	remove_break(f, GDB_BREAK_SW, 0x100000, 1);
	insert(f, last, last);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/breaks/idempotent", test_idempotent);
	g_test_add_func("/breaks/alias", test_alias);
	g_test_add_func("/breaks/move", test_move);
	g_test_add_func("/breaks/hidden", test_hidden);
	g_test_add_func("/breaks/overwritten", test_overwritten);
	g_test_add_func("/breaks/on-guest-trap", test_on_guest_trap);
	g_test_add_func("/breaks/reset", test_reset);
	g_test_add_func("/breaks/reset-physical", test_reset_physical);
	g_test_add_func("/breaks/lost", test_lost);
	g_test_add_func("/breaks/lift", test_lift);
	g_test_add_func("/breaks/early", test_early);
	g_test_add_func("/breaks/shared-point", test_shared_point);
	g_test_add_func("/breaks/full", test_full);
	g_test_add_func("/breaks/errors", test_errors);
	g_test_add_func("/breaks/unreported", test_unreported);
	g_test_add_func("/breaks/either", test_either);
	g_test_add_func("/breaks/makes-room", test_makes_room);
	g_test_add_func("/breaks/makes-room-for-soft", test_makes_room_for_soft);
	g_test_add_func("/breaks/either-outside-ram", test_either_outside_ram);
	g_test_add_func("/breaks/either-shares", test_either_shares);
	g_test_add_func("/breaks/either-becomes-patch", test_either_becomes_patch);
	g_test_add_func("/breaks/put-back", test_put_back);
	g_test_add_func("/breaks/all-there", test_all_there);
	g_test_add_func("/breaks/rearm-others", test_rearm_others);
	g_test_add_func("/breaks/rearm-lost", test_rearm_lost);
	g_test_add_func("/breaks/put-back-physical", test_put_back_physical);
	g_test_add_func("/breaks/many", test_many);
	g_test_add_func("/breaks/too-many", test_too_many);
	return g_test_run();
}

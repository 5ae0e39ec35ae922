/*
 * tests/test-guest-uptime.c - the sentences of guest/uptime.h.
 */
#include "guest/uptime.h"

#include "tests/guest-rig.h"
#include "tests/test-util.h"

#define CORE (RIG_BASE + 0x1000)
#define INIT (RIG_BASE + 0x2000)
#define SHELL (RIG_BASE + 0x3000)
#define SECOND 1000000000u

/* @named: the structure has a name, and another member before the timekeeper. */
static GuestRig *rig_with_timekeeper(bool named)
{
	GuestRig *rig = kern_new();
	int timekeeper = kern_struct(rig, "timekeeper", 256);

	kern_field(rig, "ktime_sec", rig->u64, 80);
	kern_field(rig, "offs_boot", rig->u64, 120);
	kern_struct(rig, "seqcount_raw_spinlock", 4);
	if (named) {
		kern_struct(rig, "tk_data", 512);
		kern_field(rig, "timekeeper", timekeeper, 64);
	}
	kern_symbol(rig, "tk_core", CORE);
	kern_ready(rig);
	return rig;
}

static void put_time(GuestRig *rig, uint64_t timekeeper, uint64_t seconds, uint64_t suspended)
{
	kern_put_u64(rig, timekeeper + 80, seconds);
	kern_put_u64(rig, timekeeper + 120, suspended);
}

static void test_timekeeper(void)
{
	g_autoptr(GuestRig) rig = rig_with_timekeeper(false), named = rig_with_timekeeper(true);
	uint64_t uptime;

	put_time(rig, CORE + 8, 4711, 0);
	g_assert_true(linux_uptime(&rig->kernel, &uptime));
	g_assert_cmpuint(uptime, ==, 4711);
	put_time(named, CORE + 64, 4711, UINT64_C(30) * SECOND);
	g_assert_true(linux_uptime(&named->kernel, &uptime));
	g_assert_cmpuint(uptime, ==, 4741);
}

/* What cannot be true is not told, and a sum does not wrap. */
static void test_lies(void)
{
	g_autoptr(GuestRig) rig = rig_with_timekeeper(false);
	uint64_t uptime;

	put_time(rig, CORE + 8, UINT64_MAX, UINT64_C(30) * SECOND);
	g_assert_false(linux_uptime(&rig->kernel, &uptime));
	put_time(rig, CORE + 8, 1, UINT64_MAX);
	g_assert_false(linux_uptime(&rig->kernel, &uptime));
}

/* Two tasks in a ring with the idle one, whose clocks are @init's and @shell's. */
static GuestRig *rig_with_tasks(uint64_t init, uint64_t shell)
{
	GuestRig *rig = kern_new();
	int entity = kern_struct(rig, "sched_entity", 64);

	kern_field(rig, "exec_start", rig->u64, 16);
	kern_task_types(rig, false);
	kern_field(rig, "se", entity, 400);
	kern_symbol(rig, "init_task", RIG_BASE + 0x4000);
	kern_ready(rig);
	kern_put_u64(rig, RIG_BASE + 0x4000 + 16, INIT + 16);
	kern_put_u64(rig, INIT + 16, SHELL + 16);
	kern_put_u64(rig, SHELL + 16, RIG_BASE + 0x4000 + 16);
	kern_put_u64(rig, INIT + 416, init);
	kern_put_u64(rig, SHELL + 416, shell);
	return rig;
}

static void test_tasks(void)
{
	g_autoptr(GuestRig) rig = rig_with_tasks(UINT64_C(90) * SECOND, UINT64_C(12) * SECOND);
	g_autoptr(GuestRig) never = rig_with_tasks(0, 0);
	g_autoptr(GuestRig) liar = rig_with_tasks(UINT64_MAX, 0);
	uint64_t uptime;

	g_assert_true(linux_uptime(&rig->kernel, &uptime));
	g_assert_cmpuint(uptime, ==, 90);
	g_assert_false(linux_uptime(&never->kernel, &uptime));
	g_assert_false(linux_uptime(&liar->kernel, &uptime));
}

static void test_unknown(void)
{
	g_autoptr(GuestRig) rig = kern_new();
	uint64_t uptime;

	kern_ready(rig);
	g_assert_false(linux_uptime(&rig->kernel, &uptime));
}

static const TestCase cases[] = {
	{"timekeeper", test_timekeeper},
	{"lies", test_lies},
	{"tasks", test_tasks},
	{"unknown", test_unknown},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-uptime", cases);
}

/*
 * tests/test-engine-breaks.c - breakpoints and watchpoints of the engine on the toy KVM, as a
 * client on the wire sees them. Txx: test cases of the project's list of other stubs' bugs.
 */
#include "tests/engine-rig.h"

#include <string.h>

/* ---- Software breakpoints ---- */

static void test_break(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	g_assert_cmpuint(rig->dirty, ==, 2);
	rig_free(rig);
}

/* T24: going on from a breakpoint that is still there gets past it, and hits it again. */
static void test_continue_from_break(void)
{
	Rig *rig = rig_new_stopped(2);
	uint64_t before;

	rsp_expect(rig->client, "Z0,101,1", "OK");
	put_code(rig, 0x300, "ebfe");
	write_pc(rig, 2, 0x300);
	resume_to(rig, "vCont;c", "T05");
	for (unsigned i = 0; i < 20; i++) {
		before = toy_instructions(rig->vm, 0);
		resume_to(rig, "vCont;c", "T05");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
		g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, before + 3);
		g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	}
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x102);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rig_free(rig);
}

/*
 * A trap of the guest's own waits to be delivered to a CPU that stands. Where the client sends it
 * elsewhere, the trap belongs to an instruction that is not executed.
 */
static void test_own_trap_elsewhere(void)
{
	Rig *rig = rig_new_stopped(2);
	unsigned traps;

	put_code(rig, 0x200, "ccebfd");
	put_code(rig, 0x300, "90ebfd");
	rsp_expect(rig->client, "Z0,400,1", "OK");
	for (unsigned i = 0; i < 100; i++) {
		write_pc(rig, 1, 0x200);
		traps = toy_guest_traps(rig->vm, 0);
		rsp_client_send(rig->client, "vCont;c");
		expect_runs(rig, 0);
		interrupt(rig);
		g_assert_cmpuint(toy_guest_traps(rig->vm, 0), >, traps);
		write_pc(rig, 1, 0x300);
		traps = toy_guest_traps(rig->vm, 0);
		rsp_client_send(rig->client, "vCont;c");
		expect_runs(rig, 0);
		interrupt(rig);
		g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, traps);
	}
	rig_free(rig);
}

/* If the client itself moves pc onto a breakpoint, it is to be hit. */
static void test_moved_onto_break(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	write_pc(rig, 1, 0x101);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, 0);
	rig_free(rig);
}

/* T01: two CPUs hit one breakpoint: one reply now, the second at the next resume. */
static void test_two_hits(void)
{
	Rig *rig = rig_new_stopped(2);
	g_autofree char *first = NULL, *second = NULL;

	rsp_expect(rig->client, "Z0,101,1", "OK");
	/* Both traps are sure to be there when each CPU is stepped onto the patch by itself. */
	resume_to(rig, "vCont;s:1", "T05");
	resume_to(rig, "vCont;s:2", "T05");
	rsp_client_send(rig->client, "vCont;c");
	first = rsp_expect_next_prefix(rig->client, "T05");
	rsp_expect_silence(rig->client, 20);
	rsp_client_send(rig->client, "vCont;c");
	second = rsp_expect_next_prefix(rig->client, "T05");
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0) + toy_guest_traps(rig->vm, 1), ==, 0);
	rig_free(rig);
}

/* ---- A patch that is lifted ---- */

typedef struct Lift {
	Rig *rig;
	unsigned late;	 /* instructions of the second CPU since it was asked to halt */
	unsigned missed; /* those that it executed without the patch in memory */
} Lift;

static bool before_insn(void *opaque, unsigned cpu)
{
	Lift *lift = opaque;

	if (!GET(toy_run(lift->rig->vm, cpu)->immediate_exit)) {
		if (cpu == 1)
			lift->late = 0;
		return true;
	}
	return cpu == 1 && lift->late++ < 1000; /* it takes its time */
}

static void after_insn(void *opaque, unsigned cpu, uint64_t pc G_GNUC_UNUSED)
{
	Lift *lift = opaque;

	if (cpu == 1 && GET(toy_ram(lift->rig->vm)[0x101]) != 0xcc)
		COUNT(lift->missed);
}

/* While the first CPU steps over it, again and again, no other one runs, which could miss it. */
static void test_lifted_alone(void)
{
	Rig *rig = rig_new_stopped(2);
	Lift lift = {.rig = rig};
	ToyWatcher watcher = {before_insn, after_insn, &lift};

	put_code(rig, 0x200, "9090ebfc");
	write_pc(rig, 2, 0x200);
	toy_set_watcher(rig->vm, &watcher);
	rsp_expect(rig->client, "Z0,101,1;X3,220027", "OK");
	rsp_client_send(rig->client, "vCont;c");
	for (unsigned i = 0; i < 10; i++) {
		expect_runs(rig, 0);
		expect_runs(rig, 1);
	}
	g_assert_cmpuint(GET(lift.missed), ==, 0);
	interrupt(rig);
	toy_set_watcher(rig->vm, NULL);
	rig_free(rig);
}

typedef struct Pair {
	Rig *rig;
	int stepped; /* the second CPU has, and has not told so */
} Pair;

/* The first CPU goes on to its breakpoint when the second one has stepped. */
static bool hit_late(void *opaque, unsigned cpu)
{
	Pair *pair = opaque;

	for (unsigned i = 0; i < 10000 && cpu == 0 && !GET(pair->stepped); i++)
		g_usleep(100);
	return true;
}

/* The second one ends its step only when it is asked to halt, for what the first one has hit. */
static void end_step_late(void *opaque, unsigned cpu, uint64_t pc G_GNUC_UNUSED)
{
	Pair *pair = opaque;

	if (cpu != 1)
		return;
	SET(pair->stepped, 1);
	for (unsigned i = 0; i < 10000; i++) {
		if (GET(toy_run(pair->rig->vm, cpu)->immediate_exit))
			break;
		g_usleep(100);
	}
}

/* Both have something to tell: the step that the client waits for goes first. */
static void test_step_first(void)
{
	Rig *rig = rig_new_stopped(2);
	Pair pair = {.rig = rig};
	ToyWatcher watcher = {hit_late, end_step_late, &pair};

	put_code(rig, 0x200, "9090ebfc");
	write_pc(rig, 2, 0x200);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	toy_set_watcher(rig->vm, &watcher);
	resume_to(rig, "vCont;s:2;c", "T05thread:02");
	toy_set_watcher(rig->vm, NULL);
	g_assert_cmphex(pc_of(rig, 2), ==, 0x201);
	resume_to(rig, "vCont;c", "T05thread:01");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	rig_free(rig);
}

/*
 * Makes CPU 2 (thread 2) hold an untold breakpoint hit: both are at the breakpoint, thread 1's is
 * told. Which one traps first is up to the host, so it tries until thread 2's waits.
 */
static bool queue_second_hit(Rig *rig)
{
	rsp_expect(rig->client, "Z0,101,1", "OK");
	for (unsigned i = 0; i < 200; i++) {
		g_autofree char *reply = NULL;

		write_pc(rig, 1, 0x100);
		write_pc(rig, 2, 0x100);
		rsp_client_send(rig->client, "vCont;c");
		reply = rsp_expect_next_prefix(rig->client, "T05");
		if (strstr(reply, "thread:01") && pc_of(rig, 2) == 0x101)
			return true;
	}
	return false;
}

/* T02: its breakpoint is removed before its turn: no reply, nothing injected. */
static void test_queued_hit_removed(void)
{
	Rig *rig = rig_new_stopped(2);

	if (!queue_second_hit(rig)) {
		g_test_skip("the two CPUs never trapped together on this host");
	} else {
		rsp_expect(rig->client, "z0,101,1", "OK");
		rsp_client_send(rig->client, "vCont;c");
		rsp_expect_silence(rig->client, 50);
		expect_runs(rig, 1);
		g_assert_cmpuint(toy_guest_traps(rig->vm, 1), ==, 0);
	}
	rig_free(rig);
}

/* T03: the client moves its pc away: it just runs from there. */
static void test_queued_hit_moved(void)
{
	Rig *rig = rig_new_stopped(2);

	if (!queue_second_hit(rig)) {
		g_test_skip("the two CPUs never trapped together on this host");
	} else {
		put_code(rig, 0x300, "ebfe");
		write_pc(rig, 1, 0x300);
		write_pc(rig, 2, 0x300);
		rsp_client_send(rig->client, "vCont;c");
		rsp_expect_silence(rig->client, 50);
		expect_runs(rig, 1);
	}
	rig_free(rig);
}

/* T09: the guest's own trap is the guest's, with a breakpoint elsewhere and with a step. */
static void test_guest_trap(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "90cc90ebfe");
	rsp_expect(rig->client, "Z0,300,1", "OK");
	rsp_expect(rig->client, "Z0,203,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x203);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 1);
	rig_free(rig);
}

/* A point of the guest's own that it has masked is passed, not given to it and not hit for ever. */
static void test_masked_point(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "90d090d090ebfe");
	rsp_expect(rig->client, "Z0,202,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x202);
	resume_to(rig, "vCont;s:1", "T05");
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x204);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rig_free(rig);
}

/* A breakpoint on the guest's own trap is ours first, then the guest gets its trap. */
static void test_break_on_guest_trap(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "90cc90ebfe");
	rsp_expect(rig->client, "Z0,201,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x201);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs_for(rig, 0, 4);
	interrupt(rig);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 1);
	rig_free(rig);
}

/* An address that is not mapped yet takes a hardware point, and memory once it is mapped. */
static void test_early_break(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,20200,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x200], !=, 0xcc);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	put_code(rig, 0x200, "9090ebfc");
	toy_map_late(rig->vm);
	write_pc(rig, 1, 0x20200);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x20200);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0xcc);
	rsp_expect(rig->client, "z0,20200,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0x90);
	rig_free(rig);
}

/* Where this KVM does not report traps, Z0 uses hardware points until none is left. */
static void test_no_sw_break(void)
{
	Rig *rig;

	toy_set_sw_break(false);
	rig = rig_new_stopped(1);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z0,110,1", "OK");
	rsp_expect(rig->client, "Z0,111,1", "OK");
	rsp_expect_error(rig->client, "Z0,112,1");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	rig_free(rig);
	toy_set_sw_break(true);
}

/*
 * A user's address takes a hardware point while one is left free after it, and memory then; each of
 * them is hit, and told as what the client asked for.
 */
static void test_user_breaks(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "9090909090ebf9");
	for (unsigned i = 0; i < 5; i++) {
		g_autofree char *packet = g_strdup_printf("Z0,%x,1", TOY_USER + 0x200 + i);

		rsp_expect(rig->client, packet, "OK");
	}
	g_assert_true(has_code(rig, 0x200, (const uint8_t[]){0x90, 0x90, 0xcc, 0xcc, 0xcc}, 5));
	write_pc(rig, 1, TOY_USER + 0x200);
	for (unsigned i = 0; i < 12; i++) {
		resume_to_reason(rig, "vCont;c", "swbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, TOY_USER + 0x200 + i % 5);
	}
	/* A watch gets the last slot, and another one of theirs; they are hit all the same. */
	rsp_expect(rig->client, "Z2,400,4", "OK");
	rsp_expect(rig->client, "Z2,410,4", "OK");
	for (unsigned i = 12; i < 24; i++) {
		resume_to_reason(rig, "vCont;c", "swbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, TOY_USER + 0x200 + i % 5);
	}
	rig_free(rig);
}

/* As gdb's `print f()`, which returns to where no code is: that byte is data and stays. */
static void test_break_in_data(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "5a");
	rsp_expect(rig->client, "Z0,b0200,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0x5a);
	write_pc(rig, 1, TOY_DATA + 0x200);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, TOY_DATA + 0x200);
	rig_free(rig);
}

/* A client that leaves its breakpoints in place: the guest loads its code after they were set. */
static void test_code_written_later(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x300, "ebfe");
	rsp_expect(rig->client, "Z0,300,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	put_code(rig, 0x300, "9090ebfc");
	write_pc(rig, 1, 0x300);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x300);
	rsp_expect(rig->client, "z0,300,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x300], ==, 0x90);
	rig_free(rig);
}

/* ---- Hardware points ---- */

static void test_hw_break(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z1,101,1", "OK");
	rsp_expect(rig->client, "Z1,101,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		resume_to_reason(rig, "vCont;c", "hwbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	}
	rsp_expect(rig->client, "z1,101,1", "OK");
	rsp_expect(rig->client, "z1,101,1", "OK");
	rig_free(rig);
}

/* T23: the fourth does not fit, the others keep working. */
static void test_hw_full(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z1,101,1", "OK");
	rsp_expect(rig->client, "Z2,400,4", "OK");
	rsp_expect(rig->client, "Z4,500,4", "OK");
	rsp_expect_error(rig->client, "Z1,102,1");
	resume_to_reason(rig, "vCont;c", "hwbreak:;");
	rig_free(rig);
}

static void test_watch(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "010304ebfb");
	write_pc(rig, 2, 0x200);
	rsp_expect(rig->client, "Z2,402,2", "OK");
	resume_to_reason(rig, "vCont;c", "watch:403;");
	g_assert_cmphex(pc_of(rig, 2), ==, 0x203);
	g_assert_cmpuint(toy_ram(rig->vm)[0x403], ==, 1);
	rig_free(rig);
}

/* Two watches of one access: a client that takes both hears of both, one that went is not told. */
static void test_watch_both(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "010304ebfb");
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z2,403,1", "OK");
	rsp_expect(rig->client, "Z4,402,2", "OK");
	resume_to(rig, "vCont;c", "T05thread:01;watch:403;");
	g_free(rsp_client_ask(rig->client, "qSupported:swbreak+;hwbreak+;multi-wp-addr+"));
	resume_to(rig, "vCont;c", "T05thread:01;watch:403;awatch:403;");
	rsp_expect(rig->client, "z2,403,1", "OK");
	resume_to(rig, "vCont;c", "T05thread:01;awatch:403;");
	rig_free(rig);
}

/* A step that completes on a watched store tells the watch. */
static void test_watch_while_stepping(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "010304ebfb");
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z2,403,1", "OK");
	resume_to_reason(rig, "vCont;s:1", "watch:403;");
	rig_free(rig);
}

/*
 * Debug control is set by the CPUs that run, however many breakpoints come and go: once a run where
 * a step must be armed by it, else when it changes.
 */
static void check_lazy_control(unsigned expected)
{
	Rig *rig = rig_new_stopped(4);
	unsigned before[4];

	for (unsigned i = 0; i < 4; i++)
		before[i] = toy_control_calls(rig->vm, i);
	for (unsigned i = 0; i < 100; i++) {
		rsp_expect(rig->client, "Z0,101,1", "OK");
		rsp_expect(rig->client, "z0,101,1", "OK");
		rsp_expect(rig->client, "Z1,101,1", "OK");
		rsp_expect(rig->client, "z1,101,1", "OK");
	}
	for (unsigned i = 0; i < 20; i++)
		resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmpuint(toy_control_calls(rig->vm, 0), ==, before[0] + expected);
	for (unsigned i = 1; i < 4; i++)
		g_assert_cmpuint(toy_control_calls(rig->vm, i), ==, before[i]);
	rig_free(rig);
}

static void test_lazy_control(void)
{
	check_lazy_control(1);
	toy_set_like_arm(true);
	check_lazy_control(20);
	toy_set_like_arm(false);
}

/* ---- How many there may be ---- */

#define MANY 10000

/* Microseconds from one hit of the breakpoint in the loop to the next, by a false condition. */
static double time_hits(Rig *rig)
{
	gint64 start = g_get_monotonic_time();
	uint64_t before = toy_instructions(rig->vm, 0);

	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	test_run_for(NULL, 20);
	interrupt(rig);
	return 3.0 * (double)(g_get_monotonic_time() - start) /
	       (double)(toy_instructions(rig->vm, 0) - before);
}

static void ask_many(Rig *rig, char what)
{
	for (unsigned i = 0; i < MANY; i++) {
		/* Not in the order of their addresses. */
		unsigned addr = 0x1000 + i * 7919 % MANY * 4;
		g_autofree char *packet = g_strdup_printf("%c0,%x,1", what, addr);

		rsp_expect(rig->client, packet, "OK");
	}
}

/* A hit among them is told as ever, and nothing is left of them. */
static void test_many(void)
{
	Rig *rig = rig_new_stopped(1);
	g_autofree uint8_t *before = g_memdup2(toy_ram(rig->vm), TOY_RAM);
	double alone, among;
	gint64 start;

	rsp_expect(rig->client, "Z0,101,1;X3,220027", "OK");
	alone = time_hits(rig);
	start = g_get_monotonic_time();
	ask_many(rig, 'Z');
	g_test_message("%u set in %.0f ms", MANY, (double)(g_get_monotonic_time() - start) / 1e3);
	g_assert_cmphex(toy_ram(rig->vm)[0x1000 + 4 * (MANY - 1)], ==, 0xcc);
	among = time_hits(rig);
	g_test_message("a hit: %.2f us alone, %.2f us among them", alone, among);
	write_pc(rig, 1, 0x1000);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x1000);
	start = g_get_monotonic_time();
	ask_many(rig, 'z');
	g_test_message("removed in %.0f ms", (double)(g_get_monotonic_time() - start) / 1e3);
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmpmem(toy_ram(rig->vm), TOY_RAM, before, TOY_RAM);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"break", test_break},
		{"continue-from-break", test_continue_from_break},
		{"own-trap-elsewhere", test_own_trap_elsewhere},
		{"moved-onto-break", test_moved_onto_break},
		{"two-hits", test_two_hits},
		{"lifted-alone", test_lifted_alone},
		{"step-first", test_step_first},
		{"queued-hit-removed", test_queued_hit_removed},
		{"queued-hit-moved", test_queued_hit_moved},
		{"guest-trap", test_guest_trap},
		{"masked-point", test_masked_point},
		{"break-on-guest-trap", test_break_on_guest_trap},
		{"early-break", test_early_break},
		{"no-sw-break", test_no_sw_break},
		{"user-breaks", test_user_breaks},
		{"break-in-data", test_break_in_data},
		{"code-written-later", test_code_written_later},
		{"hw-break", test_hw_break},
		{"hw-full", test_hw_full},
		{"watch", test_watch},
		{"watch-both", test_watch_both},
		{"watch-while-stepping", test_watch_while_stepping},
		{"lazy-control", test_lazy_control},
		{"many", test_many},
		{0},
	};

	return test_main(argc, argv, "engine-breaks", cases);
}

/*
 * tests/test-engine-through.c - points in code that fails when it is stepped (kvm/through.c), on
 * the toy architecture like arm: it gets on, no point is missed, and nobody waits for ever.
 */
#include "tests/engine-rig.h"

#include <string.h>

/*
 * The loop: 200 load exclusive from 400; 203 nop; 204 store exclusive; 207 back to 200 if it has
 * failed; 209 add 1 to 502 and to r0; 20c back to 200.
 */
#define LOOP "a0000490a10004a2f7010205ebf2"
#define COUNTER 0x400
#define BEHIND "209,1"
#define R0_IS_300 "X8,26000023012c1327"
#define NEVER "X3,220027"

static Rig *rig_new_looping(unsigned n)
{
	Rig *rig = rig_new_stopped(n);

	put_code(rig, 0x200, LOOP);
	put_code(rig, 0x300, "9090ebfc");
	write_pc(rig, 1, 0x200);
	for (unsigned i = 2; i <= n; i++)
		write_pc(rig, i, 0x300);
	return rig;
}

static void expect_clean(Rig *rig)
{
	g_assert_cmphex(read_reg(rig, 1, 3) & TOY_MASK, ==, 0);
}

/* With @packet set the loop goes round 300 times. */
static void check_goes_on(unsigned n, const char *packet)
{
	Rig *rig = rig_new_looping(n);

	g_test_message("%s", packet);
	rsp_expect(rig->client, packet, "OK");
	rsp_expect(rig->client, "Z1," BEHIND ";" R0_IS_300, "OK");
	resume_to_reason(rig, "vCont;c", "hwbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x209);
	g_assert_cmpuint(read_reg(rig, 1, 0), ==, 300);
	g_assert_cmpuint(toy_ram(rig->vm)[COUNTER], ==, 301 % 256);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	expect_clean(rig);
	rig_free(rig);
}

static void test_false(void)
{
	static const char *const packets[] = {
		"Z0,200,1;" NEVER, "Z0,203,1;" NEVER, "Z0,204,1;" NEVER, "Z0,207,1;" NEVER,
		"Z1,200,1;" NEVER, "Z1,203,1;" NEVER, "Z1,204,1;" NEVER, "Z2,400,1;" NEVER,
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
		check_goes_on(1, packets[i]);
		check_goes_on(2, packets[i]);
	}
}

/*
 * To the hit in round @round. On a busy machine a run that takes too long is given up, and what was
 * met is told anew in the same round; but it gets on, and no round is left out.
 */
static void resume_to_round(Rig *rig, unsigned round, const char *reason, uint64_t pc)
{
	uint64_t now;
	unsigned n = 0;

	do {
		resume_to_reason(rig, "vCont;c", reason);
		g_assert_cmphex(pc_of(rig, 1), ==, pc);
		now = read_reg(rig, 1, 0);
	} while (now + 1 == round && ++n < 100);
	g_assert_cmpuint(now, ==, round);
	g_assert_cmpuint(toy_ram(rig->vm)[COUNTER], ==, round);
}

static void check_told(const char *packet, const char *reason, uint64_t pc)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, packet, "OK");
	for (unsigned i = 0; i < 10; i++) {
		resume_to_round(rig, i, reason, pc);
		expect_clean(rig);
	}
	rig_free(rig);
}

static void test_told(void)
{
	check_told("Z0,200,1", "swbreak:;", 0x200);
	check_told("Z0,203,1", "swbreak:;", 0x203);
	check_told("Z1,200,1", "hwbreak:;", 0x200);
	check_told("Z1,204,1", "hwbreak:;", 0x204);
	check_told("Z2,400,1", "watch:400;", 0x204);
}

/* The same of a step: one that is given up ends in the sequence, and gets on with the next one. */
static void step_behind_sequence(Rig *rig)
{
	unsigned n = 0;

	do {
		resume_to(rig, "vCont;s:1", "T05");
	} while (pc_of(rig, 1) != 0x209 && ++n < 100);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x209);
}

/* As gdb does at a watchpoint that comes before the access: it takes it out and steps. */
static void test_step_store(void)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, "Z2,400,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		resume_to_reason(rig, "vCont;c", "watch:400;");
		rsp_expect(rig->client, "z2,400,1", "OK");
		step_behind_sequence(rig);
		g_assert_cmpuint(toy_ram(rig->vm)[COUNTER], ==, i + 1);
		expect_clean(rig);
		rsp_expect(rig->client, "Z2,400,1", "OK");
	}
	rig_free(rig);
}

/* The other instructions are stepped one by one. */
static void test_step_others(void)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, "Z1,200,1", "OK");
	resume_to_reason(rig, "vCont;c", "hwbreak:;");
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x203);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x204);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x209);
	rig_free(rig);
}

/* A point behind the one that is passed is not missed, and the next round is. */
static void check_two(const char *first, const char *second, const char *reason)
{
	Rig *rig = rig_new_looping(2);

	rsp_expect(rig->client, first, "OK");
	rsp_expect(rig->client, second, "OK");
	for (unsigned i = 0; i < 5; i++) {
		resume_to_round(rig, i, reason, 0x204);
	}
	rig_free(rig);
}

static void test_two(void)
{
	check_two("Z1,200,1;" NEVER, "Z1,204,1", "hwbreak:;");
	check_two("Z1,203,1;" NEVER, "Z2,400,1", "watch:400;");
	check_two("Z0,200,1;" NEVER, "Z0,204,1", "swbreak:;");
	check_two("Z0,200,1;" NEVER, "Z2,400,1", "watch:400;");
}

/* No slot is free for the end: no worse than a step, and no hit is missed. */
static void test_no_slot(void)
{
	Rig *rig = rig_new_looping(1);

	rsp_expect(rig->client, "Z2,600,1", "OK");
	rsp_expect(rig->client, "Z2,601,1", "OK");
	rsp_expect(rig->client, "Z2,602,1", "OK");
	rsp_expect(rig->client, "Z0,200,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x200);
	expect_clean(rig);
	rig_free(rig);
}

/*
 * A spin lock. CPU 1: 220 load exclusive from 450; 223 back to 220 while it is not 0; 225 store
 * exclusive; 228 back to 220 if it has failed; 22a stays. CPU 2 has it: its nops last longer than a
 * run may, then it makes 450 from ff to 0.
 */
#define LOCK 0x450
#define NOPS 3000

static void check_lock(const char *packet)
{
	Rig *rig = rig_new_stopped(2);

	g_test_message("%s", packet);
	put_code(rig, 0x220, "a05004a3fba15004a2f6ebfe");
	put_code(rig, LOCK, "ff");
	for (unsigned i = 0; i < NOPS; i++)
		put_code(rig, 0x1000 + i, "90");
	put_code(rig, 0x1000 + NOPS, "015004ebfe");
	write_pc(rig, 1, 0x220);
	write_pc(rig, 2, 0x1000);
	rsp_expect(rig->client, packet, "OK");
	rsp_expect(rig->client, "Z1,22a,1", "OK");
	resume_to_reason(rig, "vCont;c", "hwbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x22a);
	g_assert_cmpuint(toy_ram(rig->vm)[LOCK], ==, 1);
	expect_clean(rig);
	rig_free(rig);
}

static void test_lock(void)
{
	check_lock("Z0,220,1;" NEVER);
	check_lock("Z0,223,1;" NEVER);
	check_lock("Z1,220,1;" NEVER);
	check_lock("Z4,450,1;" NEVER);
}

/* The same, but where it spins is one place: wherever a run is given up, it is at the point. */
static void check_lock_in_place(const char *packet)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x220, "a45004a15004a2f8ebfe");
	put_code(rig, LOCK, "ff");
	for (unsigned i = 0; i < NOPS; i++)
		put_code(rig, 0x1000 + i, "90");
	put_code(rig, 0x1000 + NOPS, "015004ebfe");
	write_pc(rig, 1, 0x220);
	write_pc(rig, 2, 0x1000);
	rsp_expect(rig->client, packet, "OK");
	rsp_expect(rig->client, "Z1,228,1", "OK");
	resume_to_reason(rig, "vCont;c", "hwbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x228);
	g_assert_cmpuint(toy_ram(rig->vm)[LOCK], ==, 1);
	expect_clean(rig);
	rig_free(rig);
}

static void test_lock_in_place(void)
{
	check_lock_in_place("Z0,220,1;" NEVER);
	check_lock_in_place("Z1,220,1;" NEVER);
}

/*
 * As gdb steps over a load exclusive: its breakpoint is out, there is one behind the store, and
 * this CPU goes on alone. An interrupt waits whose handler wants a lock that the other CPU has.
 */
static void check_alone(const char *behind, const char *reason)
{
	Rig *rig = rig_new_looping(2);

	put_code(rig, 0x220, "a05004a3fbebfe");
	put_code(rig, LOCK, "ff");
	rsp_expect(rig->client, "Z0,200,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	rsp_expect(rig->client, "z0,200,1", "OK");
	rsp_expect(rig->client, behind, "OK");
	toy_interrupt(rig->vm, 0, 0x220);
	resume_to_reason(rig, "vCont;c:1", reason);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x207);
	g_assert_cmpuint(read_reg(rig, 1, 2), ==, 0);
	expect_clean(rig);
	/* and then it is taken */
	rsp_expect(rig->client, "Z1,220,1", "OK");
	resume_to_reason(rig, "vCont;c", "hwbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x220);
	rig_free(rig);
}

static void test_alone(void)
{
	check_alone("Z0,207,1", "swbreak:;");
	check_alone("Z1,207,1", "hwbreak:;");
}

/* A client that goes on alone at a point hears of it; elsewhere the CPU just runs. */
static void test_alone_elsewhere(void)
{
	Rig *rig = rig_new_looping(2);

	rsp_expect(rig->client, "Z1,200,1", "OK");
	resume_to_reason(rig, "vCont;c:1", "hwbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x200);
	rsp_expect(rig->client, "z1,200,1", "OK");
	write_pc(rig, 1, 0x300);
	rsp_client_send(rig->client, "vCont;c:1");
	expect_runs(rig, 0);
	g_assert_true(toy_control(rig->vm, 0) == 0);
	interrupt(rig);
	expect_clean(rig);
	rig_free(rig);
}

/* Nobody gives it back: the client can still stop the machine, and step. */
static void test_lock_for_ever(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x220, "a05004a3fba15004a2f6ebfe");
	put_code(rig, LOCK, "ff");
	write_pc(rig, 1, 0x220);
	rsp_expect(rig->client, "Z0,220,1;" NEVER, "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	g_assert_cmphex(pc_of(rig, 1) & ~0xfull, ==, 0x220);
	expect_clean(rig);
	/* a step at the store, which would never come out, ends too */
	write_pc(rig, 1, 0x225);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1) & ~0xfull, ==, 0x220);
	expect_clean(rig);
	hang_up(rig);
	g_assert_cmpuint(toy_ram(rig->vm)[0x220], ==, 0xa0);
	rig_free(rig);
}

static void test_like_arm(gconstpointer data)
{
	toy_set_like_arm(true);
	((void (*)(void))data)();
	toy_set_like_arm(false);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*test)(void);
	} tests[] = {
		{"false", test_false},
		{"told", test_told},
		{"step-store", test_step_store},
		{"step-others", test_step_others},
		{"two", test_two},
		{"no-slot", test_no_slot},
		{"lock", test_lock},
		{"alone", test_alone},
		{"alone-elsewhere", test_alone_elsewhere},
		{"lock-for-ever", test_lock_for_ever},
		{"lock-in-place", test_lock_in_place},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
		g_autofree char *path = g_strdup_printf("/engine-through/%s", tests[i].name);

		g_test_add_data_func(path, tests[i].test, test_like_arm);
	}
	return g_test_run();
}

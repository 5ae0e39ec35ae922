/*
 * tests/test-engine-gone.c - the client goes at the worst moment: every vCPU runs on, no debug
 * control and no mask of a step is left, no byte of the guest is changed, and its interrupts reach
 * it.
 */
#include <string.h>

#include "tests/engine-rig.h"

#define MEMORY 0x1000u	  /* that is looked at */
#define CODE 0x200u	  /* of CPU 0 */
#define OTHER 0x300u	  /* of CPU 1 */
#define LOCK 0x400u	  /* a spin lock */
#define HANDLER 0x500u	  /* of an interrupt: a loop */
#define NEVER "X3,220027" /* a condition that is false */

typedef struct Moment {
	const char *name;
	const char *code, *other; /* hex; NULL: a loop */
	bool locked;		  /* the lock is taken, and nobody gives it back */
	const char *setup;	  /* packets with their answers' beginnings: "packet=answer|..." */
	const char *last;	  /* no answer is waited for */
	bool in_device;		  /* but until CPU 0 is in a device of the VMM, which keeps it */
	bool no_rf;
} Moment;

static const Moment moments[] = {
	{.name = "stands", .setup = "Z0,200,1=OK|Z1,201,1=OK|Z2,600,1=OK"},
	{.name = "stepped", .setup = "Z0,200,1=OK|vCont;s:1=T05|vCont;s:2=T05"},
	{.name = "hit", .setup = "Z0,201,1=OK|Z0,301,1=OK|vCont;c=T05"},
	{.name = "hits-untold",
	 .setup = "Z0,201,1=OK|Z0,301,1=OK|vCont;c=T05|vCont;c=T05|vCont;s:1=T05"},
	{.name = "runs", .setup = "Z0,600,1=OK|Z1,700,1=OK", .last = "vCont;c"},
	{.name = "one-held", .setup = "Z1,700,1=OK", .last = "vCont;c:1"},
	{.name = "range", .last = "vCont;r200,204:1"},
	{.name = "range-others", .setup = "Z0,600,1=OK", .last = "vCont;r200,204:1;c"},
	{.name = "two-ranges", .last = "vCont;r200,204:1;r300,304:2"},
	{.name = "range-watch",
	 .setup = "Z2,600,1=OK|Z2,608,1=OK|Z2,610,1=OK",
	 .last = "vCont;r200,204:1"},
	{.name = "range-open", .setup = "Qqemu.sstep=1=OK", .last = "vCont;r200,204:1"},
	{.name = "step-halted", .code = "f490ebfd", .setup = "vCont;s:1=T05", .last = "vCont;s:1"},
	{.name = "step-halted-others",
	 .code = "f490ebfd",
	 .setup = "vCont;s:1=T05",
	 .last = "vCont;s:1;c"},
	{.name = "other-halted",
	 .other = "f490ebfd",
	 .setup = "vCont;s:2=T05",
	 .last = "vCont;r200,204:1;c"},
	{.name = "held-halted",
	 .other = "f490ebfd",
	 .setup = "vCont;s:2=T05",
	 .last = "vCont;r200,204:1"},
	{.name = "false",
	 .setup = "Z0,200,1;" NEVER "=OK|Z0,300,1;" NEVER "=OK",
	 .last = "vCont;c"},
	{.name = "false-hw",
	 .setup = "Z1,200,1;" NEVER "=OK|Z1,300,1;" NEVER "=OK",
	 .last = "vCont;c",
	 .no_rf = true},
	{.name = "over-then-alone", .setup = "Z0,200,1=OK", .last = "vCont;c:1"},
	{.name = "over-spin",
	 .code = "a4000490ebfe",
	 .locked = true,
	 .setup = "Z0,200,1;" NEVER "=OK",
	 .last = "vCont;c"},
	{.name = "step-spin", .code = "a4000490ebfe", .locked = true, .last = "vCont;r200,204:1"},
	{.name = "sequence",
	 .code = "a0000490a10004a2f7ebf5",
	 .setup = "Z0,203,1;" NEVER "=OK",
	 .last = "vCont;c"},
	{.name = "over-device",
	 .code = "e642ebfc",
	 .setup = "Z0,200,1;" NEVER "=OK",
	 .last = "vCont;c",
	 .in_device = true},
	{.name = "step-device", .code = "e642ebfc", .last = "vCont;s:1", .in_device = true},
	{.name = "range-device",
	 .code = "e642ebfc",
	 .last = "vCont;r200,204:1;c",
	 .in_device = true},
	{.name = "range-store",
	 .code = "e70060ebfb",
	 .last = "vCont;r200,205:1;c",
	 .in_device = true},
	{.name = "held-in-device",
	 .code = "e642ebfc",
	 .setup = "Z0,301,1=OK|vCont;c:1;s:2=T05",
	 .last = "vCont;s:2"},
	{.name = "non-stop", .setup = "QNonStop:1=OK|Z0,201,1=OK|vCont;c=OK"},
	{.name = "non-stop-false",
	 .setup = "QNonStop:1=OK|Z0,201,1;" NEVER "=OK|vCont;c=OK|vCont;t:2=OK"},
	{.name = "non-stop-range", .setup = "QNonStop:1=OK|Z0,600,1=OK|vCont;r200,204:1=OK"},
};

/* The machine, and its memory as the guest has it. */
typedef struct Gone {
	Rig *rig;
	uint8_t ram[MEMORY];
} Gone;

static void ask_all(Rig *rig, const char *setup)
{
	g_auto(GStrv) pairs = g_strsplit(setup ? setup : "", "|", -1);

	for (char **pair = pairs; *pair; pair++) {
		char *answer = strrchr(*pair, '=');

		*answer++ = '\0';
		if (*answer == 'T')
			resume_to(rig, *pair, answer);
		else
			rsp_expect(rig->client, *pair, answer);
	}
}

static bool is_in_device(void *data)
{
	return GET(((Rig *)data)->io_exits) > 0;
}

/* To the moment at which the client is to go. */
static Gone *gone_new(const Moment *moment)
{
	Gone *gone = g_new0(Gone, 1);
	Rig *rig = gone->rig = rig_new_stopped(2);

	put_code(rig, CODE, moment->code ? moment->code : "9090ebfc");
	put_code(rig, OTHER, moment->other ? moment->other : "9090ebfc");
	put_code(rig, HANDLER, "90ebfd");
	put_code(rig, LOCK, moment->locked ? "ff" : "00");
	memcpy(gone->ram, toy_ram(rig->vm), MEMORY);
	write_pc(rig, 1, CODE);
	write_pc(rig, 2, OTHER);
	SET(rig->device_sleeps, 1);
	SET(rig->device_hold, moment->in_device);
	ask_all(rig, moment->setup);
	if (moment->last)
		rsp_client_send(rig->client, moment->last);
	if (moment->in_device)
		g_assert_true(test_wait(NULL, is_in_device, rig, TEST_PATIENCE));
	return gone;
}

static void gone_free(Gone *gone)
{
	rig_free(gone->rig);
	g_free(gone);
}

/* No patch is left. The guest itself changes its lock. */
static void expect_unchanged(Gone *gone)
{
	g_assert_true(has_code(gone->rig, 0, gone->ram, LOCK));
	g_assert_true(has_code(gone->rig, LOCK + 1, gone->ram + LOCK + 1, MEMORY - LOCK - 1));
}

/* It ends in the loop of the handler, from which only a mask could keep it. */
static void interrupt_guest(Rig *rig, unsigned cpu)
{
	toy_interrupt(rig->vm, cpu, HANDLER);
	toy_wake(rig->vm, cpu);
	expect_runs_for(rig, cpu, 200);
}

static void expect_free(Gone *gone)
{
	Rig *rig = gone->rig;

	g_assert_true(test_wait(NULL, is_free, rig, TEST_PATIENCE));
	expect_unchanged(gone);
	for (unsigned i = 0; i < rig->n; i++)
		interrupt_guest(rig, i);
	connect_client(rig);
	for (unsigned i = 0; i < rig->n; i++) {
		g_assert_cmphex(pc_of(rig, i + 1) & ~0xfull, ==, HANDLER);
		g_assert_cmphex(read_reg(rig, i + 1, 3) & TOY_MASK, ==, 0);
		g_assert_cmpuint(toy_guest_traps(rig->vm, i), ==, 0);
		g_assert_cmpuint(GET(rig->cpus[i].bad_reasons), ==, 0);
	}
}

/* @rounds of the loop after the last packet the client goes. */
static void check_moment(const Moment *moment, unsigned rounds)
{
	Gone *gone = gone_new(moment);
	Rig *rig = gone->rig;

	for (unsigned i = 0; i < rounds; i++)
		g_main_context_iteration(NULL, FALSE);
	g_clear_pointer(&rig->client, rsp_client_free);
	if (moment->in_device) {
		/* The other CPU does not wait for the device, but for a while. */
		expect_runs_for(rig, 1, 100);
		expect_unchanged(gone);
		SET(rig->device_hold, 0);
	}
	expect_free(gone);
	gone_free(gone);
}

static void test_moment(gconstpointer data)
{
	static const unsigned rounds[] = {0, 1, 4, 40};
	const Moment *moment = data;

	toy_set_rf(!moment->no_rf);
	for (unsigned i = 0; i < (moment->in_device ? 1 : G_N_ELEMENTS(rounds)); i++)
		check_moment(moment, rounds[i]);
	toy_set_rf(true);
}

static void test_like_arm(gconstpointer data)
{
	toy_set_like_arm(true);
	test_moment(data);
	toy_set_like_arm(false);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(moments); i++) {
		g_autofree char *x86 = g_strdup_printf("/engine-gone/x86/%s", moments[i].name);
		g_autofree char *arm = g_strdup_printf("/engine-gone/arm/%s", moments[i].name);

		g_test_add_data_func(x86, &moments[i], test_moment);
		g_test_add_data_func(arm, &moments[i], test_like_arm);
	}
	return g_test_run();
}

/*
 * tests/test-states.c - which states may follow which (kvm/states.h).
 */
#include "kvm/states.h"

#include "tests/test-util.h"

typedef struct Move {
	StateKind kind;
	unsigned from, to;
} Move;

static const Move legal[] = {
	{STATE_WORLD, WORLD_FREE, WORLD_STOPPING},    {STATE_WORLD, WORLD_STOPPED, WORLD_FREE},
	{STATE_WORLD, WORLD_RUNNING, WORLD_RUNNING},  {STATE_VCPU, VCPU_OUTSIDE, VCPU_RUNNING},
	{STATE_VCPU, VCPU_PARKED, VCPU_OUTSIDE},      {STATE_EXIT, EXIT_OPEN, EXIT_HELD},
	{STATE_EXIT, EXIT_GUEST_TRAP, EXIT_FINISHED}, {STATE_KICK, KICK_TAKEN, KICK_SENT},
	{STATE_STEP, STEP_BY_CPU, STEP_TO_PATCH},     {STATE_STEP, STEP_THROUGH, STEP_NONE},
	{STATE_OVER, OVER_WAITING, OVER_ALONE},	      {STATE_OVER, OVER_ALONE, OVER_WAITING},
};

/* What each of them would lose is in the comment behind it. */
static const Move illegal[] = {
	{STATE_WORLD, WORLD_FREE, WORLD_RUNNING},     /* a stop that the client waits for */
	{STATE_WORLD, WORLD_RUNNING, WORLD_STOPPED},  /* the wait for the CPUs that run */
	{STATE_WORLD, WORLD_STOPPING, WORLD_RUNNING}, /* the stop */
	{STATE_VCPU, VCPU_OUTSIDE, VCPU_PARKED},      /* the look at who wants to stop it */
	{STATE_VCPU, VCPU_RUNNING, VCPU_GONE},	      /* a CPU that executes */
	{STATE_VCPU, VCPU_GONE, VCPU_RUNNING},	      /* likewise */
	{STATE_EXIT, EXIT_HELD, EXIT_FINISHED},	      /* an exit of the VMM's */
	{STATE_EXIT, EXIT_GUEST_TRAP, EXIT_OPEN},     /* a trap of the guest's */
	{STATE_EXIT, EXIT_FINISHED, EXIT_HELD},	      /* an exit would be handled twice */
	{STATE_KICK, KICK_SENT, KICK_NONE},	      /* the VMM's own signal */
	{STATE_OVER, OVER_NOTHING, OVER_ALONE},	      /* the others, who were not asked to wait */
	{STATE_STEP, STEP_TO_PATCH, STEP_THROUGH},    /* a step that was not ended */
	{STATE_WORLD, WORLD_STOPPED + 1, WORLD_FREE}, /* there is no such state */
};

static void test_legal(void)
{
	for (unsigned n = 0; n < G_N_ELEMENTS(legal); n++)
		g_assert_true(states_may_follow(legal[n].kind, legal[n].from, legal[n].to));
	states_check(STATE_EXIT, EXIT_OPEN, EXIT_HELD);
}

static void test_illegal(void)
{
	for (unsigned n = 0; n < G_N_ELEMENTS(illegal); n++)
		g_assert_false(states_may_follow(illegal[n].kind, illegal[n].from, illegal[n].to));
}

static void test_check(void)
{
	if (g_test_subprocess()) {
		states_check(STATE_EXIT, EXIT_HELD, EXIT_FINISHED);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_failed();
	g_test_trap_assert_stderr("*Exit 0 may not follow 2*");
}

static const TestCase cases[] = {
	{"legal", test_legal},
	{"illegal", test_illegal},
	{"check", test_check},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "states", cases);
}

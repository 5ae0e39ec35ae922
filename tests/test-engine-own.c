/*
 * tests/test-engine-own.c - the hardware points of the guest's own beside those of the client, in
 * the real engine on the toy architecture.
 */
#include "tests/engine-rig.h"

/* The guest's own points do not fire beside ours: the user is told, once, and anew when ours go. */
static void test_left_out(void)
{
	Rig *rig = rig_new_stopped(1);

	toy_set_left_out(2);
	for (unsigned turn = 0; turn < 2; turn++) {
		g_autofree char *text = NULL;

		rsp_expect(rig->client, "Z1,300,1", "OK");
		rsp_client_send(rig->client, "vCont;c");
		g_autofree char *packet = rsp_expect_next_prefix(rig->client, "O");
		text = rsp_text(packet + 1);
		g_assert_true(g_str_has_prefix(text, "CPU 0: the guest has 2 breakpoints or "
						     "watchpoints of its own that do not fire"));
		expect_runs(rig, 0);
		interrupt(rig);
		/* Nothing new. */
		rsp_client_send(rig->client, "vCont;c");
		expect_runs(rig, 0);
		interrupt(rig);
		rsp_expect(rig->client, "z1,300,1", "OK");
		rsp_client_send(rig->client, "vCont;c");
		expect_runs(rig, 0);
		interrupt(rig);
	}
	toy_set_left_out(0);
	rig_free(rig);
}

/* d1 01: the guest has a point of its own; d1 00: none. r0 counts the turns. */
static Rig *open_with_own_points(bool tells)
{
	Rig *rig;

	toy_set_tells_own(tells);
	rig = rig_new_stopped(1);
	toy_set_tells_own(false);
	put_code(rig, 0x100, "d10190d100010008ebf6");
	write_pc(rig, 1, 0x100);
	rsp_expect(rig->client, "Z1,300,1", "OK");
	return rig;
}

/* What the guest sets is in force before its next instruction, where KVM tells of it. */
static void test_own_points(void)
{
	for (unsigned tells = 0; tells < 2; tells++) {
		Rig *rig = open_with_own_points(tells);

		for (unsigned i = 0; i < 3; i++) {
			rsp_client_send(rig->client, "vCont;c");
			expect_runs(rig, 0);
			interrupt(rig);
		}
		g_assert_cmpuint(toy_reg(rig->vm, 0, 0), >, 0);
		if (tells)
			g_assert_cmpuint(toy_own_stale(rig->vm, 0), ==, 0);
		else
			g_assert_cmpuint(toy_own_stale(rig->vm, 0), >, 0);
		g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
		rig_free(rig);
	}
}

/* The user's own steps end as ever, one instruction each; and a breakpoint there is hit once. */
static void test_own_points_stepped(void)
{
	static const uint64_t pcs[] = {0x102, 0x103, 0x105, 0x108, 0x100};
	Rig *rig = open_with_own_points(true);

	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(pcs); i++) {
		resume_to(rig, "vCont;s:1", "T05");
		g_assert_cmphex(pc_of(rig, 1), ==, pcs[i % G_N_ELEMENTS(pcs)]);
	}
	rsp_expect(rig->client, "Z1,103,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		resume_to_reason(rig, "vCont;c", "hwbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x103);
		g_assert_cmpuint(toy_reg(rig->vm, 0, 0), ==, 2 + i);
	}
	g_assert_cmpuint(toy_own_stale(rig->vm, 0), ==, 0);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"left-out", test_left_out},
		{"set-by-guest", test_own_points},
		{"set-by-guest-stepped", test_own_points_stepped},
		{0},
	};

	return test_main(argc, argv, "engine-own", cases);
}

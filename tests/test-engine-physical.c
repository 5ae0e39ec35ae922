/*
 * tests/test-engine-physical.c - breakpoints by guest-physical address (QEMU's PhyMemMode) in the
 * real engine on the toy architecture.
 */
#include "tests/engine-rig.h"

static Rig *physical_new(unsigned n)
{
	Rig *rig = rig_new_stopped(n);

	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	return rig;
}

/* A SIGTRAP without a reason: gdb, which knows no breakpoint at pc, would go on after swbreak. */
static void expect_plain_trap(Rig *rig)
{
	g_autofree char *reply = NULL;

	rsp_client_send(rig->client, "vCont;c");
	reply = rsp_expect_next_prefix(rig->client, "T05");
	g_assert_null(strstr(reply, "break"));
}

/* It is hit by whatever virtual address, and each time anew. */
static void test_hit(void)
{
	Rig *rig = physical_new(1);

	write_pc(rig, 1, TOY_ALIAS + 0x100);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	for (unsigned i = 0; i < 3; i++) {
		expect_plain_trap(rig);
		g_assert_cmphex(pc_of(rig, 1), ==, TOY_ALIAS + 0x101);
	}
	rsp_expect(rig->client, "m100,4", "9090ebfc");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rig_free(rig);
}

/* With one by a virtual address at the same place the client finds its own; each goes alone. */
static void test_both(void)
{
	Rig *rig = physical_new(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Qqemu.PhyMemMode:0", "OK");
	write_pc(rig, 1, TOY_ALIAS + 0x100);
	rsp_expect(rig->client, "Z0,10101,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	rsp_expect(rig->client, "z0,10101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	expect_plain_trap(rig);
	/* Out of physical mode it can be removed, too. */
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	rig_free(rig);
}

/* The same number by both kinds of address, as where paging is off: z0 takes that of its mode. */
static void test_same_number(void)
{
	Rig *rig = physical_new(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Qqemu.PhyMemMode:0", "OK");
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	expect_plain_trap(rig);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	rsp_expect(rig->client, "z0,101,1", "OK");
	write_pc(rig, 1, 0x100);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	rig_free(rig);
}

/* A condition (two bytes: constant 0, end) that is false stops nobody. */
static void test_condition(void)
{
	Rig *rig = physical_new(1);

	rsp_expect(rig->client, "Z0,101,1;X3,220027", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	expect_plain_trap(rig);
	rig_free(rig);
}

static void test_errors(void)
{
	Rig *rig = physical_new(1);

	rsp_expect_error(rig->client, "Z0,10000,1"); /* no RAM: the alias is virtual */
	rsp_expect_error(rig->client, "Z1,100,1");
	rsp_expect_error(rig->client, "Z2,100,1");
	rig_free(rig);
	toy_set_sw_break(false);
	rig = physical_new(1);
	rsp_expect_error(rig->client, "Z0,101,1");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	rig_free(rig);
	toy_set_sw_break(true);
}

/* The client that set it leaves: nothing stays. */
static void test_hang_up(void)
{
	Rig *rig = physical_new(2);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	hang_up(rig);
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	expect_runs(rig, 0);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"hit", test_hit},
		{"both", test_both},
		{"same-number", test_same_number},
		{"condition", test_condition},
		{"errors", test_errors},
		{"hang-up", test_hang_up},
		{0},
	};

	return test_main(argc, argv, "engine-physical", cases);
}

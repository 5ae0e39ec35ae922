/*
 * tests/test-clients-qemu.c - the packets that QEMU's stub has of its own, as scripts made for it
 * send them: steps, physical memory, processes.
 */
#include <unistd.h>

#include "tests/fake-play.h"

static void test_qemu_steps(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(2);
	static const FakeLine ask[] = {
		{"qqemu.Supported", "sstepbits;sstep;PhyMemMode"},
		{"qqemu.sstepbits", "ENABLE=1,NOIRQ=2"},
		{"Qqemu.sstepbits", "ENABLE=1,NOIRQ=2"},
		{"qqemu.sstep", "0x3"},
		{"Qqemu.sstep", "0x3"},
		{"Qqemu.sstep=4", "E22"},
		{"Qqemu.sstep=", "E22"},
		{"Qqemu.sstep=0x", "E22"},
		{"Qqemu.sstep=1 ", "E22"},
		{"qqemu.sstep", "0x3"},
	};
	static const char *const setters[] = {
		"Qqemu.sstep=", "Qqemu.sstep:", "qqemu.sstep=", "qqemu.sstep:"};

	PLAY(rig, ask);
	g_assert_true(fake_target_blocks_irq(rig->target));
	for (unsigned i = 0; i < G_N_ELEMENTS(setters); i++) {
		g_autofree char *one = g_strconcat(setters[i], "1", NULL);
		g_autofree char *three = g_strconcat(setters[i], "0x3", NULL);

		rsp_expect(rig->client, one, "OK");
		rsp_expect(rig->client, "qqemu.sstep", "0x1");
		g_assert_false(fake_target_blocks_irq(rig->target));
		rsp_expect(rig->client, three, "OK");
		rsp_expect(rig->client, "qqemu.sstep", "0x3");
		g_assert_true(fake_target_blocks_irq(rig->target));
	}
}

/* Without ENABLE a step is a continue, until the user interrupts. */
static void test_qemu_no_steps(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "Qqemu.sstep=0", "OK");
	rsp_client_send(rig->client, "vCont;s:p1.1");
	rsp_expect_silence(rig->client, 50);
	fake_rig_interrupt(rig);
	g_assert_cmpint(fake_target_last_actions(rig->target)[0].kind, ==, GDB_ACTION_CONTINUE);
	rsp_expect(rig->client, "Qqemu.sstep=1", "OK");
	rsp_expect_prefix(rig->client, "vCont;s:p1.1", "T05");
}

/* The fake machine's physical memory is its page FAKE_DATA at address 0. */
static void test_qemu_physical(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	static const FakeLine lines[] = {
		{"qqemu.PhyMemMode", "0"},
		{"m0,4", "E14"},
		{"Qqemu.PhyMemMode:1", "OK"},
		{"qqemu.PhyMemMode", "1"},
		{"Qqemu.PhyMemMode", "1"},
		{"m0,4", "00070e15"},
		{"m1ffe,10", "....|E.."}, /* what there is before the end */
		{"m2000,1", "E14"},
		{"m600000,4", "E14"},
		{"M2000,1:00", "E14"},
		{"M4,2:abcd", "OK"},
		{"X6,1:Z", "OK"},
		{"x4,3", "b\xab\xcdZ"},
		{"qCRC:0,4", "C" HEX},
		{"qSearch:memory:0;100;Z", "1,6"},
		{"Qqemu.PhyMemMode:2", "E22"},
		{"Qqemu.PhyMemMode:", "E22"},
		{"qqemu.PhyMemMode", "1"},
		{"Qqemu.PhyMemMode:0", "OK"},
		{"m600004,2", "abcd"},
		{"qqemu.PhyMemMode:1", "OK"},
		{"qqemu.PhyMemMode", "1"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
		/* GRegex wants UTF-8: the binary reply is compared as it is. */
		if (g_str_has_prefix(lines[i].packet, "x"))
			rsp_expect(rig->client, lines[i].packet, lines[i].reply);
		else
			fake_play(rig, &lines[i], 1);
	}
}

/* Z0 takes physical addresses, too, whatever the mode is when it is taken back. */
static void test_qemu_physical_break(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	static const FakeLine set[] = {
		{"Z0,600010,1", "OK"},	      {"Qqemu.PhyMemMode:1", "OK"}, {"Z0,10,1", "OK"},
		{"Z0,2000,1", "E14"},	      {"Z1,10,1", "E22"},	    {"Z2,10,1", "E22"},
		{"Qqemu.PhyMemMode:0", "OK"},
	};

	PLAY(rig, set);
	g_assert_true(fake_target_has_break(rig->target, GDB_BREAK_SW, 0x600010));
	g_assert_true(fake_target_has_break(rig->target, GDB_BREAK_PHYSICAL, 0x10));
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 2);
	rsp_expect(rig->client, "z0,10,1", "OK");
	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	rsp_expect(rig->client, "z0,600010,1", "OK");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
}

/* The same number in both spaces: each z0 takes that of its mode, as long as there is one. */
static void test_qemu_two_spaces(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	static const FakeLine set[] = {
		{"Qqemu.PhyMemMode:1", "OK"},
		{"Z0,10,1", "OK"},
		{"Qqemu.PhyMemMode:0", "OK"},
		{"Z0,10,1", "OK"},
	};

	fake_target_map(rig->target, 0, FAKE_PAGE);
	for (unsigned physical = 0; physical < 2; physical++) {
		GdbBreakType gone = physical ? GDB_BREAK_PHYSICAL : GDB_BREAK_SW;
		GdbBreakType stays = physical ? GDB_BREAK_SW : GDB_BREAK_PHYSICAL;

		PLAY(rig, set);
		if (physical)
			rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
		rsp_expect(rig->client, "z0,10,1", "OK");
		g_assert_false(fake_target_has_break(rig->target, gone, 0x10));
		g_assert_true(fake_target_has_break(rig->target, stays, 0x10));
		rsp_expect(rig->client, "z0,10,1", "OK");
		g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
	}
}

/* What one client has set does not bind the next. */
static void test_qemu_forgets(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	static const FakeLine fresh[] = {
		{"qqemu.PhyMemMode", "0"},
		{"qqemu.sstep", "0x3"},
		{"m400000,1", "90"},
	};

	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	rsp_expect(rig->client, "Qqemu.sstep=1", "OK");
	fake_rig_hangup(rig);
	fake_rig_connect(rig);
	fake_rig_handshake(rig);
	PLAY(rig, fresh);
	g_assert_true(fake_target_blocks_irq(rig->target));
}

static void test_qemu_pid(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree char *pid = g_strdup_printf("%x", (unsigned)getpid());

	rsp_expect(rig->client, "Qqemu.Pid", pid);
	rsp_expect(rig->client, "qqemu.Pid", pid);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"qemu-steps", test_qemu_steps},
		{"qemu-no-steps", test_qemu_no_steps},
		{"qemu-physical", test_qemu_physical},
		{"qemu-physical-break", test_qemu_physical_break},
		{"qemu-two-spaces", test_qemu_two_spaces},
		{"qemu-forgets", test_qemu_forgets},
		{"qemu-pid", test_qemu_pid},
		{0},
	};

	return test_main(argc, argv, "clients-qemu", cases);
}

/*
 * tests/test-arm-syndrome.c - arm/cpu/syndrome.h: ESR values by the field tables of the Arm ARM.
 */
#include <glib.h>

#include "arm/cpu/syndrome.h"

/* EC in bits 31:26, IL 25, ISS 24:0: so 0x30 is 0xc0......, 0x3c 0xf0...... */
static const struct {
	uint64_t esr;
	ArmSyndrome expected;
} rows[] = {
	/* what Linux BRKs: 0x800 BUG and WARN, 0x004 kprobes, 0x900 and up KASAN */
	{0xf2000800, {ARM_TRAP_INSN, 0x3c, true, 0x800, false, false, -1}},
	{0xf2000000, {ARM_TRAP_INSN, 0x3c, true, 0, false, false, -1}},
	{0xf200ffff, {ARM_TRAP_INSN, 0x3c, true, 0xffff, false, false, -1}},
	{0xe0000042, {ARM_TRAP_INSN, 0x38, false, 0x42, false, false, -1}},
	{0xe2001234, {ARM_TRAP_INSN, 0x38, true, 0x1234, false, false, -1}},
	/* steps: IFSC 0x22, with ISV and EX */
	{0xca000022, {ARM_TRAP_STEP, 0x32, true, 0x22, false, false, -1}},
	{0xcb000022, {ARM_TRAP_STEP, 0x32, true, 0x1000022, false, false, -1}},
	{0xcb000062, {ARM_TRAP_STEP, 0x32, true, 0x1000062, false, false, -1}},
	{0xca000062, {ARM_TRAP_STEP, 0x32, true, 0x62, false, false, -1}},
	{0xce000022, {ARM_TRAP_STEP, 0x33, true, 0x22, false, false, -1}},
	{0xc2000022, {ARM_TRAP_BREAKPOINT, 0x30, true, 0x22, false, false, -1}},
	{0xc6000022, {ARM_TRAP_BREAKPOINT, 0x31, true, 0x22, false, false, -1}},
	/* watchpoints: WnR bit 6, FnV bit 10, WPTV bit 17, WPT bits 23:18 */
	{0xd2000022, {ARM_TRAP_WATCHPOINT, 0x34, true, 0x22, false, true, -1}},
	{0xd2000062, {ARM_TRAP_WATCHPOINT, 0x34, true, 0x62, true, true, -1}},
	{0xd2000462, {ARM_TRAP_WATCHPOINT, 0x34, true, 0x462, true, false, -1}},
	{0xd20e0022, {ARM_TRAP_WATCHPOINT, 0x34, true, 0xe0022, false, true, 3}},
	{0xd20c0022, {ARM_TRAP_WATCHPOINT, 0x34, true, 0xc0022, false, true, -1}},
	{0xd6000062, {ARM_TRAP_WATCHPOINT, 0x35, true, 0x62, true, true, -1}},
	/* none of ours: data abort, AArch32 vector catch, unknown */
	{0x96000046, {ARM_TRAP_OTHER, 0x25, true, 0x46, false, false, -1}},
	{0xea000022, {ARM_TRAP_OTHER, 0x3a, true, 0x22, false, false, -1}},
	{0, {ARM_TRAP_OTHER, 0, false, 0, false, false, -1}},
	/* ISS2, above bit 31, is not part of the ISS */
	{0x00000005f2000800, {ARM_TRAP_INSN, 0x3c, true, 0x800, false, false, -1}},
};

static void test_decode(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		ArmSyndrome s = arm_syndrome_decode(rows[i].esr), e = rows[i].expected;

		g_test_message("row %u", i);
		g_assert_cmpint(s.kind, ==, e.kind);
		g_assert_cmphex(s.ec, ==, e.ec);
		g_assert_cmpint(s.il, ==, e.il);
		g_assert_cmphex(s.iss, ==, e.iss);
		g_assert_cmpint(s.write, ==, e.write);
		g_assert_cmpint(s.far_valid, ==, e.far_valid);
		g_assert_cmpint(s.watch, ==, e.watch);
	}
}

static void test_join(void)
{
	g_assert_cmphex(arm_syndrome_join(0xf2000800, 0x5, true), ==, 0x00000005f2000800);
	g_assert_cmphex(arm_syndrome_join(0xf2000800, 0x5, false), ==, 0xf2000800);
}

static void test_route(void)
{
	g_assert_cmphex(arm_syndrome_route(0xc2000022, 0, 1), ==, 0xc2000022);
	g_assert_cmphex(arm_syndrome_route(0xc2000022, 1, 1), ==, 0xc6000022);
	g_assert_cmphex(arm_syndrome_route(0xc6000022, 1, 2), ==, 0xc2000022);
	g_assert_cmphex(arm_syndrome_route(0xcb000062, 1, 1), ==, 0xcf000062);
	g_assert_cmphex(arm_syndrome_route(0xcb000062, 0, 1), ==, 0xcb000062);
	g_assert_cmphex(arm_syndrome_route(0xd2000462, 2, 2), ==, 0xd6000462);
	g_assert_cmphex(arm_syndrome_route(0x5d2000462, 1, 1), ==, 0x5d6000462);
	/* one class for all levels */
	g_assert_cmphex(arm_syndrome_route(0xf2000800, 1, 1), ==, 0xf2000800);
	g_assert_cmphex(arm_syndrome_route(0xe0000042, 0, 1), ==, 0xe0000042);
	g_assert_cmphex(arm_syndrome_route(0x92000046, 1, 1), ==, 0x92000046);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-syndrome/decode", test_decode);
	g_test_add_func("/arm-syndrome/join", test_join);
	g_test_add_func("/arm-syndrome/route", test_route);
	return g_test_run();
}

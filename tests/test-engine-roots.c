/*
 * tests/test-engine-roots.c - which page tables answer for an address: those of the CPU, the
 * kernel's beside a user's, those of others. In the real engine on the toy architecture.
 */
#include <string.h>

#include "tests/engine-rig.h"

static Rig *roots_new(unsigned n)
{
	Rig *rig = rig_new_stopped(n);

	put_code(rig, 0x400, "deadbeef");
	put_code(rig, 0xf400, "c0ffee00");
	return rig;
}

static void on_cpu(Rig *rig, unsigned thread)
{
	g_autofree char *packet = g_strdup_printf("Hg%x", thread);

	rsp_expect(rig->client, packet, "OK");
}

/* A user's table, in user mode and in the first instructions of the kernel. */
static void check_pair(bool in_kernel)
{
	Rig *rig = roots_new(1);

	toy_set_kernel(rig->vm, 0, in_kernel);
	toy_set_table(rig->vm, 0, TOY_TABLE_PAIR);
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	rsp_expect(rig->client, "m8f400,4", "c0ffee00");
	rsp_expect(rig->client, "Z0,80400,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x400], ==, 0xcc);
	rsp_expect_error(rig->client, "m90000,4");
	rsp_expect_error(rig->client, "m20400,4");
	rig_free(rig);
}

static void test_pair_in_user(void)
{
	check_pair(false);
}

static void test_pair_in_kernel(void)
{
	check_pair(true);
}

/* Breakpoints set there are in memory, not in the three hardware points, however many. */
static void test_breaks_at_entry(void)
{
	Rig *rig = roots_new(1);

	toy_set_table(rig->vm, 0, TOY_TABLE_PAIR);
	for (unsigned i = 0; i < 5; i++) {
		g_autofree char *packet = g_strdup_printf("Z0,%x,1", TOY_KERNEL + 0x800 + i);

		rsp_expect(rig->client, packet, "OK");
		g_assert_cmphex(toy_ram(rig->vm)[0x800 + i], ==, 0xcc);
	}
	rig_free(rig);
}

/* CPU 0 was seen with the kernel's table; now both are in user mode, and only that is left. */
static void test_remembered(void)
{
	Rig *rig = roots_new(2);

	rsp_expect(rig->client, "m80400,4", "deadbeef");
	toy_set_kernel(rig->vm, 0, false);
	toy_set_kernel(rig->vm, 1, false);
	on_cpu(rig, 2);
	rsp_expect(rig->client, "m400,4", "deadbeef");
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	on_cpu(rig, 1);
	rsp_expect(rig->client, "m400,4", "deadbeef");
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	rig_free(rig);
}

/* A user's table that was seen in kernel mode takes nothing from what is known of the kernel's. */
static void test_user_table_is_not_remembered(void)
{
	Rig *rig = roots_new(2);

	rsp_expect(rig->client, "m80400,4", "deadbeef");
	toy_set_table(rig->vm, 0, TOY_TABLE_PAIR);
	rsp_expect(rig->client, "m8f400,4", "c0ffee00");
	toy_set_kernel(rig->vm, 0, false);
	toy_set_table(rig->vm, 0, TOY_TABLE_ALONE);
	toy_set_kernel(rig->vm, 1, false);
	on_cpu(rig, 2);
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	rig_free(rig);
}

/* One CPU's table stands alone; the other's is one of a pair, in user mode or not. */
static void test_pair_of_another(void)
{
	Rig *rig = roots_new(2);

	toy_set_kernel(rig->vm, 0, false);
	toy_set_kernel(rig->vm, 1, false);
	rsp_expect_error(rig->client, "m80400,4");
	toy_set_table(rig->vm, 1, TOY_TABLE_PAIR);
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	toy_set_kernel(rig->vm, 1, true);
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	rig_free(rig);
}

/* Another process' addresses answer for nobody else. */
static void test_user_address_of_another(void)
{
	Rig *rig = roots_new(2);

	toy_map_late_on(rig->vm, 1);
	toy_set_kernel(rig->vm, 0, false);
	rsp_expect_error(rig->client, "m20400,4");
	toy_set_table(rig->vm, 0, TOY_TABLE_PAIR);
	rsp_expect_error(rig->client, "m20400,4");
	on_cpu(rig, 2);
	rsp_expect(rig->client, "m20400,4", "deadbeef");
	on_cpu(rig, 1);
	rsp_expect_error(rig->client, "m20400,4");
	rig_free(rig);
}

/* ---- A guest of the guest's own ---- */

static Rig *nested_new(unsigned n)
{
	Rig *rig = roots_new(n);

	rsp_expect(rig->client, "m80400,4", "deadbeef");
	toy_set_nested(rig->vm, 0, true);
	toy_set_table(rig->vm, 0, TOY_TABLE_ALONE);
	return rig;
}

/* Its own addresses lead nowhere; the kernel's are those of the kernel that was seen before. */
static void test_nested(void)
{
	Rig *rig = nested_new(1);
	g_autofree char *read = rsp_client_ask(rig->client, "m400,4");
	g_autofree char *write = rsp_client_ask(rig->client, "M400,1:00");

	g_assert_nonnull(strstr(read, "guest inside this guest"));
	g_assert_true(g_str_has_prefix(read, "E."));
	g_assert_cmpstr(read, ==, write);
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	rsp_expect(rig->client, "m8f400,4", "c0ffee00");
	rsp_expect(rig->client, "Z0,80400,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x400], ==, 0xcc);
	rig_free(rig);
}

static void test_nested_beside_another(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x400, "deadbeef");
	toy_set_nested(rig->vm, 0, true);
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	toy_set_nested(rig->vm, 1, true);
	rsp_expect(rig->client, "m80400,4", "deadbeef"); /* remembered */
	rsp_expect_error(rig->client, "m400,4");
	rig_free(rig);
}

/* Its root is not kept as the kernel's. */
static void test_nested_is_not_remembered(void)
{
	Rig *rig = nested_new(1);

	rsp_expect_error(rig->client, "m400,4");
	toy_set_nested(rig->vm, 0, false);
	toy_set_kernel(rig->vm, 0, false);
	rsp_expect(rig->client, "m80400,4", "deadbeef");
	rig_free(rig);
}

/* Two CPUs, both in one, and nothing was seen before: there is nothing to guess. */
static void test_all_nested(void)
{
	Rig *rig = rig_new(2, true);

	toy_set_nested(rig->vm, 0, true);
	toy_set_nested(rig->vm, 1, true);
	start_all(rig);
	connect_client(rig);
	rsp_expect_error(rig->client, "m80400,4");
	rig_free(rig);
}

static void test_nested_thread_text(void)
{
	Rig *rig = nested_new(1);
	g_autofree char *hex = rsp_client_ask(rig->client, "qThreadExtraInfo,1");
	g_autofree char *text = rsp_text(hex);

	g_assert_cmpstr(text, ==, "CPU#0 [running] in a guest of this guest");
	rig_free(rig);
}

/* A trap instruction there is that guest's, whatever this one has at the same address. */
static void test_nested_trap(void)
{
	Rig *rig = nested_new(1);

	put_code(rig, 0x200, "90ccebfd");
	rsp_expect(rig->client, "Z0,80201,1", "OK");
	write_pc(rig, 1, TOY_KERNEL + 0x200);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs_for(rig, 0, 4);
	interrupt(rig);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), >, 0);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"pair-in-user", test_pair_in_user},
		{"pair-in-kernel", test_pair_in_kernel},
		{"breaks-at-entry", test_breaks_at_entry},
		{"remembered", test_remembered},
		{"user-table-is-not-remembered", test_user_table_is_not_remembered},
		{"pair-of-another", test_pair_of_another},
		{"user-address-of-another", test_user_address_of_another},
		{"nested", test_nested},
		{"nested-beside-another", test_nested_beside_another},
		{"nested-is-not-remembered", test_nested_is_not_remembered},
		{"all-nested", test_all_nested},
		{"nested-thread-text", test_nested_thread_text},
		{"nested-trap", test_nested_trap},
		{0},
	};

	return test_main(argc, argv, "engine-roots", cases);
}

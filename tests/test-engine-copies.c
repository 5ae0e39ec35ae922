/*
 * tests/test-engine-copies.c - pages that the guest copies while a breakpoint is in them. The real
 * engine on the toy architecture, whose guest is copied by the test.
 */
#include <string.h>

#include "tests/engine-rig.h"

#define PAGE 0x1000u
#define COPY 0x3000u

/* A page of code that is no other page's: the loop, and something behind it. */
static Rig *rig_new_code(unsigned n)
{
	Rig *rig = rig_new_stopped(n);

	memcpy(toy_ram(rig->vm) + 0x800, "some other code", 15);
	return rig;
}

/* As a fork and a write to the page do it. */
static void copy_page(Rig *rig, unsigned to)
{
	memcpy(toy_ram(rig->vm) + to, toy_ram(rig->vm), PAGE);
}

static void expect_byte(Rig *rig, unsigned at, unsigned byte)
{
	g_assert_cmphex(toy_ram(rig->vm)[at], ==, byte);
}

/* The breakpoint is hit in the copy, passed, hit again, and gone from it when it is removed. */
static void test_hit(void)
{
	Rig *rig = rig_new_code(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	copy_page(rig, COPY);
	expect_byte(rig, COPY + 0x101, 0xcc);
	write_pc(rig, 1, COPY + 0x100);
	for (unsigned i = 0; i < 3; i++) {
		resume_to_reason(rig, "vCont;c", "swbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, COPY + 0x101);
	}
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, COPY + 0x102);
	rsp_expect(rig->client, "z0,101,1", "OK");
	expect_byte(rig, COPY + 0x101, 0x90);
	expect_byte(rig, 0x101, 0x90);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rig_free(rig);
}

/* A false condition stops nobody there, either. */
static void test_condition(void)
{
	Rig *rig = rig_new_code(2);

	rsp_expect(rig->client, "Z0,101,1;X3,220027", "OK");
	copy_page(rig, COPY);
	write_pc(rig, 1, COPY + 0x100);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	interrupt(rig);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	hang_up(rig);
	expect_byte(rig, COPY + 0x101, 0x90);
	rig_free(rig);
}

/* Nobody sees the opcode in a copy. */
static void test_hidden(void)
{
	Rig *rig = rig_new_code(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	copy_page(rig, COPY);
	rsp_expect(rig->client, "m3100,4", "9090ebfc");
	rsp_expect(rig->client, "M3101,1:91", "OK");
	rsp_expect(rig->client, "m3100,4", "9091ebfc");
	rsp_expect(rig->client, "z0,101,1", "OK");
	expect_byte(rig, COPY + 0x101, 0x91);
	rig_free(rig);
}

/* Copies that were never hit are found when the client leaves. */
static void test_leave(void)
{
	Rig *rig = rig_new_code(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z0,800,1", "OK");
	copy_page(rig, COPY);
	rsp_expect(rig->client, "z0,800,1", "OK");
	copy_page(rig, COPY + PAGE);
	hang_up(rig);
	for (unsigned page = 0; page <= COPY + PAGE; page += COPY) {
		expect_byte(rig, page + 0x101, 0x90);
		expect_byte(rig, page + 0x800, 's');
	}
	expect_byte(rig, COPY + PAGE + 0x101, 0x90);
	rig_free(rig);
}

/* As gdb does it: everything is removed at a stop. What was copied before is not the guest's. */
static void test_removed(void)
{
	Rig *rig = rig_new_code(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	copy_page(rig, COPY);
	copy_page(rig, COPY + PAGE);
	rsp_expect(rig->client, "z0,101,1", "OK");
	expect_byte(rig, COPY + 0x101, 0xcc);
	write_pc(rig, 1, COPY + 0x101);
	/* A step, behind which gdb sets it again. */
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, COPY + 0x102);
	expect_byte(rig, COPY + 0x101, 0x90);
	/* The same while another one is set, when the CPU runs into it. */
	rsp_expect(rig->client, "Z0,800,1", "OK");
	copy_page(rig, COPY + 2 * PAGE);
	toy_ram(rig->vm)[COPY + 2 * PAGE + 0x101] = 0xcc;
	write_pc(rig, 1, COPY + 2 * PAGE + 0x100);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	expect_byte(rig, COPY + 2 * PAGE + 0x101, 0x90);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rsp_expect(rig->client, "z0,800,1", "OK");
	/* With none left the rest is found before the guest runs on, and traps are not ours. */
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_cmphex(toy_control(rig->vm, 0), ==, 0);
	interrupt(rig);
	expect_byte(rig, COPY + PAGE + 0x101, 0x90);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	rig_free(rig);
}

/* The page moves (migration): the old one gets other contents. */
static void test_moved(void)
{
	Rig *rig = rig_new_code(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	copy_page(rig, COPY);
	memset(toy_ram(rig->vm), 0, PAGE);
	write_pc(rig, 1, COPY + 0x100);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	/* The client sets it where the page is now. */
	rsp_expect(rig->client, "z0,101,1", "OK");
	expect_byte(rig, 0x101, 0);
	rsp_expect(rig->client, "Z0,3101,1", "OK");
	rsp_expect(rig->client, "z0,3101,1", "OK");
	expect_byte(rig, COPY + 0x101, 0x90);
	rig_free(rig);
}

/* One is set in a copy that nobody has looked at: what was there is the guest's byte, not ours. */
static void test_set_in_copy(void)
{
	Rig *rig = rig_new_code(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	copy_page(rig, COPY);
	rsp_expect(rig->client, "z0,101,1", "OK");
	expect_byte(rig, COPY + 0x101, 0xcc);
	rsp_expect(rig->client, "Z0,3101,1", "OK");
	rsp_expect(rig->client, "m3100,4", "9090ebfc");
	rsp_expect(rig->client, "z0,3101,1", "OK");
	expect_byte(rig, COPY + 0x101, 0x90);
	rig_free(rig);
}

/* The guest's own trap at the same place of another page stays its own. */
static void test_not_a_copy(void)
{
	Rig *rig = rig_new_code(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	copy_page(rig, COPY);
	toy_ram(rig->vm)[COPY + 0xfff] = 1;
	write_pc(rig, 1, COPY + 0x100);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs_for(rig, 0, 4);
	interrupt(rig);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), >, 0);
	hang_up(rig);
	expect_byte(rig, COPY + 0x101, 0xcc);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"hit", test_hit},
		{"condition", test_condition},
		{"hidden", test_hidden},
		{"leave", test_leave},
		{"removed", test_removed},
		{"moved", test_moved},
		{"set-in-copy", test_set_in_copy},
		{"not-a-copy", test_not_a_copy},
		{0},
	};

	return test_main(argc, argv, "engine-copies", cases);
}

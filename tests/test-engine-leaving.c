/*
 * tests/test-engine-leaving.c - going on from where something was hit, on the toy KVM: it is not
 * hit again, however often a stop cuts that off, and nothing else is passed with it.
 */
#include <errno.h>
#include <string.h>

#include "kvm/internal.h"
#include "tests/engine-rig.h"

/* r0 is counted up at 0x200, in a loop. */
#define COUNTING                                                                                   \
	"010104"                                                                                   \
	"ebfb"

/* printf("%d\n", r0), and no stop */
#define PRINTS ";cmds:0,X11,260000220022003401000525645c6e0027"

/* How many hits were told, while the client stops the machine at any moment. */
static void check_hits(const char *insert, bool like_arm, bool rf)
{
	uint64_t hits = 0, pc;
	Rig *rig;

	toy_set_like_arm(like_arm);
	toy_set_rf(rf);
	rig = rig_new_stopped(2);
	put_code(rig, 0x200, COUNTING);
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, insert, "OK");
	for (unsigned i = 0; i < 200 || (hits < 20 && i < 20000); i++) {
		g_autofree char *reply = NULL;

		rsp_client_send(rig->client, "vCont;c");
		/* Else the server reads both at once, and on a fast host nothing is hit. */
		if (i % 4 == 0)
			test_run_for(NULL, 1);
		rsp_client_write(rig->client, "\x03", 1);
		reply = rsp_expect_next_prefix(rig->client, "T0");
		if (g_str_has_prefix(reply, "T05")) {
			hits++;
			g_assert_cmphex(pc_of(rig, 1), ==, 0x200);
			rsp_client_send(rig->client, "vCont;c");
			g_free(g_steal_pointer(&reply));
			reply = rsp_expect_next_prefix(rig->client, "T0");
			hits += g_str_has_prefix(reply, "T05");
		}
		/* Each hit is before one execution; the last one may be still to come. */
		pc = pc_of(rig, 1);
		g_assert_cmpuint(hits - read_reg(rig, 1, 0), <=, pc == 0x200);
	}
	g_assert_cmpuint(hits, >=, 20);
	rig_free(rig);
	toy_set_like_arm(false);
	toy_set_rf(true);
}

static void test_patch_cut_off(void)
{
	check_hits("Z0,200,1", false, true);
	check_hits("Z0,200,1", true, true);
}

static void test_point_cut_off(void)
{
	check_hits("Z1,200,1", false, true);
	check_hits("Z1,200,1", false, false);
	check_hits("Z1,200,1", true, true);
}

static bool has_ended(void *data)
{
	return GET(((Cpu *)data)->ended);
}

/* It is about to pass the breakpoint that was told, but the machine stops before it has. */
static void begin_to_pass(Rig *rig)
{
	toy_fail_run(rig->vm, 0, EIO);
	rsp_client_send(rig->client, "vCont;c");
	g_assert_true(test_wait(NULL, has_ended, &rig->cpus[0], TEST_PATIENCE));
	g_thread_join(g_steal_pointer(&rig->cpus[0].thread));
	interrupt(rig);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
}

static void expect_hit_at_once(Rig *rig)
{
	uint64_t before = toy_instructions(rig->vm, 0);

	start(rig, 0);
	resume_to_reason(rig, "vCont;c", "hwbreak");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, before);
}

/* The CPU was set to pass it; what the client says after that counts. */
static void test_pass_undone(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z1,101,1", "OK");
	resume_to_reason(rig, "vCont;c", "hwbreak");
	begin_to_pass(rig);
	write_pc(rig, 1, 0x101);
	expect_hit_at_once(rig);
	begin_to_pass(rig);
	rsp_expect(rig->client, "z1,101,1", "OK");
	rsp_expect(rig->client, "Z1,101,1", "OK");
	expect_hit_at_once(rig);
	rig_free(rig);
}

/* The console text until the stop of a Ctrl-C. */
static void collect(Rig *rig, GString *text)
{
	for (;;) {
		g_autofree char *packet = rsp_client_recv(rig->client, NULL);

		if (g_str_has_prefix(packet, "T02"))
			return;
		g_assert_cmpint(packet[0], ==, 'O');
		for (const char *at = packet + 1; *at; at += 2)
			g_string_append_c(text, g_ascii_xdigit_value(at[0]) << 4 |
							g_ascii_xdigit_value(at[1]));
	}
}

/* What is printed at each hit is printed once, though stops cut off the step that follows. */
static void check_print(const char *insert, bool like_arm)
{
	g_autoptr(GString) text = g_string_new(NULL), want = g_string_new(NULL);
	uint64_t last;
	Rig *rig;

	toy_set_like_arm(like_arm);
	rig = rig_new_stopped(2);
	put_code(rig, 0x200, COUNTING);
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, insert, "OK");
	for (unsigned i = 0; i < 200; i++) {
		rsp_client_send(rig->client, "vCont;c");
		if (i % 8 == 0)
			test_run_for(NULL, 1);
		rsp_client_write(rig->client, "\x03", 1);
		collect(rig, text);
	}
	last = read_reg(rig, 1, 0);
	for (uint64_t i = 0; i <= last; i++)
		g_string_append_printf(want, "%u\n", (unsigned)i);
	/* The last one may not have come to print. */
	if (pc_of(rig, 1) != 0x200 || text->len < want->len)
		g_string_truncate(want, text->len);
	g_assert_cmpstr(text->str, ==, want->str);
	g_assert_cmpuint(last, >, 0);
	rig_free(rig);
	toy_set_like_arm(false);
}

static void test_print_cut_off(void)
{
	check_print("Z0,200,1" PRINTS, false);
	check_print("Z0,200,1" PRINTS, true);
	check_print("Z1,200,1" PRINTS, true);
}

/* pc is written, though with what it is: `jump` to a breakpoint is to hit it. */
static void test_jump_to_itself(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, COUNTING);
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z0,200,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	write_pc(rig, 1, 0x200);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(read_reg(rig, 1, 0), ==, 0);
	/* gdb does not write pc when it knows that it would not change; it sets it anew. */
	rsp_expect(rig->client, "z0,200,1", "OK");
	rsp_expect(rig->client, "Z0,200,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(read_reg(rig, 1, 0), ==, 0);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(read_reg(rig, 1, 0), ==, 1);
	rig_free(rig);
}

/* A breakpoint right behind a watched instruction, left by a step: both are hit. */
static void check_break_behind_watch(bool rf)
{
	Rig *rig;

	toy_set_rf(rf);
	rig = rig_new_stopped(1);
	put_code(rig, 0x200,
		 "010104"
		 "90ebfa");
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z1,200,1", "OK");
	rsp_expect(rig->client, "Z1,203,1", "OK");
	rsp_expect(rig->client, "Z2,401,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		resume_to_reason(rig, "vCont;c", "hwbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x200);
		resume_to_reason(rig, "vCont;c", "watch:401;");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x203);
		resume_to_reason(rig, "vCont;c", "hwbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x203);
	}
	rig_free(rig);
	toy_set_rf(true);
}

static void test_break_behind_watch(void)
{
	check_break_behind_watch(true);
	check_break_behind_watch(false);
}

/* On arm a watch is hit before its access, on an instruction that has a patch, too. */
static void test_break_on_watched(void)
{
	Rig *rig;

	toy_set_like_arm(true);
	rig = rig_new_stopped(1);
	put_code(rig, 0x200, COUNTING);
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z0,200,1", "OK");
	rsp_expect(rig->client, "Z2,401,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		resume_to_reason(rig, "vCont;c", "swbreak:;");
		g_assert_cmpuint(read_reg(rig, 1, 0), ==, i);
		resume_to_reason(rig, "vCont;c", "watch:401;");
		g_assert_cmpuint(read_reg(rig, 1, 0), ==, i);
	}
	rig_free(rig);
	toy_set_like_arm(false);
}

static bool is_lifted(void *data)
{
	return has_code(data, 0x200, (const uint8_t *)"\x01", 1);
}

/* As if the one at 0x300 were in front of the CPU's own. */
static void lift_also(Rig *rig)
{
	Turns *turns = &rig->gdb->turns;

	engine_lock(rig->gdb);
	g_assert_true(turns->lifted);
	kvm_patches_lift(rig->gdb->patches, 0x300);
	turns->also[turns->n_also++] = 0x300;
	engine_unlock(rig->gdb);
}

/*
 * The VMM maps memory anew while a CPU is about to leave a patch there: it is not told again. The
 * VMM's own immediate_exit keeps the CPU from its instruction until then.
 */
static void check_mapped_in_turn(bool unmap)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, COUNTING);
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z0,200,1", "OK");
	rsp_expect(rig->client, "Z0,300,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		resume_to_reason(rig, "vCont;c", "swbreak:;");
		g_assert_cmpuint(read_reg(rig, 1, 0), ==, i);
		SET(toy_run(rig->vm, 0)->immediate_exit, 1);
		rsp_client_send(rig->client, "vCont;c");
		g_assert_true(test_wait(NULL, is_lifted, rig, TEST_PATIENCE));
		lift_also(rig);
		if (unmap)
			kvm_gdb_unmap(rig->gdb, 0, 0x1000);
		kvm_gdb_map(rig->gdb, 0, 0x1000, toy_ram(rig->vm), 0);
		g_assert_cmphex(GET(toy_ram(rig->vm)[0x300]), !=, 0xcc);
		SET(toy_run(rig->vm, 0)->immediate_exit, 0);
		expect_stop(rig, "T05");
		g_assert_cmpuint(read_reg(rig, 1, 0), ==, i + 1);
		write_pc(rig, 1, 0x203);
		g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0xcc);
		g_assert_cmphex(toy_ram(rig->vm)[0x300], ==, 0xcc);
	}
	rig_free(rig);
}

/* Where the others have not come out of the guest yet, the patch stays for them. */
static void test_mapped_before_turn(void)
{
	Rig *rig = rig_new_stopped(2);
	KvmGdbVcpu *vcpu = kvm_vcpu_at(rig->gdb, 0);

	rsp_expect(rig->client, "Z0,200,1", "OK");
	engine_lock(rig->gdb);
	vcpu->leaving.gpa = 0x200;
	rig->gdb->turns.over = vcpu;
	turns_lift_again(rig->gdb);
	g_assert_cmphex(toy_ram(rig->vm)[0x200], ==, 0xcc);
	rig->gdb->turns.over = NULL;
	engine_unlock(rig->gdb);
	rig_free(rig);
}

static void test_mapped_in_turn(void)
{
	check_mapped_in_turn(false);
	check_mapped_in_turn(true);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"patch-cut-off", test_patch_cut_off},
		{"point-cut-off", test_point_cut_off},
		{"pass-undone", test_pass_undone},
		{"print-cut-off", test_print_cut_off},
		{"jump-to-itself", test_jump_to_itself},
		{"break-behind-watch", test_break_behind_watch},
		{"break-on-watched", test_break_on_watched},
		{"mapped-in-turn", test_mapped_in_turn},
		{"mapped-before-turn", test_mapped_before_turn},
		{0},
	};

	return test_main(argc, argv, "engine-leaving", cases);
}

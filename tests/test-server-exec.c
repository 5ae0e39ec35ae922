/*
 * tests/test-server-exec.c - owns the tests of what a client hears when another program runs in the
 * target than the one whose symbols it has read (gdbstub/exec.c).
 */
#include <string.h>

#include "tests/fake-play.h"

#define OWN "/vmgdb/vmlinux"
#define OWN_HEX "2f766d6764622f766d6c696e7578"
#define NEXT_HEX OWN_HEX "2d32"
#define EXEC "T05thread:p01.01;exec:" NEXT_HEX ";"
#define SECOND_EXEC "T05thread:p01.01;exec:" OWN_HEX ";"
#define PAUSED "T02thread:p01.01;10:"

/* It understands it, as gdb does. */
#define OFFER "qSupported:multiprocess+;swbreak+;hwbreak+;exec-events+"

static const char content[] = "0123456789abcdefghij";
static const FakeFile own = {OWN, content, 20, 0}, next = {OWN "-2", content, 20, 0}, none = {0};

static FakeRig *connected(const char *offer)
{
	FakeRig *rig = fake_rig_new(1);

	fake_target_set_own_program(rig->target, &own);
	fake_connect_gdb(rig);
	rsp_expect_prefix(rig->client, offer, "PacketSize=");
	rsp_expect(rig->client, "vFile:setfs:0", "F0");
	return rig;
}

static void read_program(FakeRig *rig, const char *open, unsigned len)
{
	g_autofree char *packet = g_strdup_printf("vFile:pread:0,%x,0", len);

	rsp_expect(rig->client, open, "F0");
	rsp_expect_prefix(rig->client, packet, "F");
	rsp_expect(rig->client, "vFile:close:0", "F0");
}

/* As much as it takes for its symbols. */
static void read_symbols(FakeRig *rig)
{
	read_program(rig, "vFile:open:" OWN_HEX ",0,0", 5);
}

/* Runs, and the user interrupts it. */
static void expect_interrupted(FakeRig *rig, const char *reply)
{
	rsp_client_send(rig->client, "vCont;c");
	rsp_client_puts(rig->client, "\x03");
	g_free(rsp_expect_next_prefix(rig->client, reply));
}

/* It hears of it before the stop, which is its own next one and comes when it resumes. */
static void test_replaced(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);
	unsigned resumes;

	read_symbols(rig);
	expect_interrupted(rig, PAUSED);
	fake_target_set_own_program(rig->target, &next);
	expect_interrupted(rig, EXEC);
	resumes = fake_target_counts(rig->target).resumes;
	rsp_expect(rig->client, "qXfer:exec-file:read:1:0,1000", "l" OWN "-2");
	rsp_expect_prefix(rig->client, "?", PAUSED);
	read_program(rig, "vFile:open:" NEXT_HEX ",0,0", 1);
	rsp_expect_prefix(rig->client, "vCont;c:p1.-1", PAUSED);
	g_assert_false(fake_target_is_running(rig->target));
	g_assert_cmpuint(fake_target_counts(rig->target).resumes, ==, resumes);
	/* Once for each. */
	expect_interrupted(rig, PAUSED);
	fake_target_set_own_program(rig->target, &own);
	expect_interrupted(rig, SECOND_EXEC);
	fake_rig_hangup(rig);
}

/* The same one loaded again may be elsewhere. */
static void test_same_name(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	read_symbols(rig);
	fake_target_set_own_program(rig->target, &own);
	expect_interrupted(rig, SECOND_EXEC);
	rsp_expect_prefix(rig->client, "vCont;c", PAUSED);
	fake_rig_hangup(rig);
}

/* Not there yet: at a later stop. */
static void test_later(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	read_symbols(rig);
	fake_target_set_own_program(rig->target, &none);
	expect_interrupted(rig, PAUSED);
	fake_target_set_own_program(rig->target, &next);
	expect_interrupted(rig, EXEC);
	fake_rig_hangup(rig);
}

/* To the client none of its breakpoints is inserted any more. */
static void test_breakpoints(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	read_symbols(rig);
	rsp_expect(rig->client, "Z0,400003,1", "OK");
	rsp_expect(rig->client, "Z2,600000,1", "OK");
	fake_target_set_own_program(rig->target, &next);
	rsp_client_send(rig->client, "vCont;c");
	g_free(rsp_expect_next_prefix(rig->client, EXEC));
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 0);
	rsp_expect(rig->client, "Z0,400005,1", "OK");
	/* What stopped the machine is told, whatever it has done since. */
	rsp_expect_prefix(rig->client, "vCont;c", "T05thread:p01.01;swbreak:;");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 1);
	fake_rig_hangup(rig);
}

/* A step loads nothing, and s and c are answered as vCont is. */
static void test_step(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	read_symbols(rig);
	fake_target_set_own_program(rig->target, &next);
	rsp_expect_prefix(rig->client, "vCont;s:p1.1", "T05thread:p01.01;10:");
	rsp_expect_prefix(rig->client, "s", "T05thread:p01.01;10:");
	expect_interrupted(rig, EXEC);
	rsp_expect_prefix(rig->client, "s", PAUSED);
	fake_rig_hangup(rig);
}

/* It is told of libraries, too, if it hears of them: those that it had are gone. */
static void test_libraries(void)
{
	static const FakeFile library = {"/vmgdb/l.ko", "x", 1, 0};
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	fake_target_set_library(rig->target, &library);
	fake_target_set_own_program(rig->target, &own);
	fake_connect_gdb(rig);
	rsp_expect_prefix(rig->client, OFFER, "PacketSize=");
	read_symbols(rig);
	fake_target_set_own_program(rig->target, &next);
	expect_interrupted(rig, EXEC);
	rsp_expect_prefix(rig->client, "vCont;c", "T05thread:p01.01;library:;10:");
	rsp_expect_prefix(rig->client, "?", PAUSED);
	rsp_expect_prefix(rig->client, "vCont;c", PAUSED);
	fake_rig_hangup(rig);
}

/*
 * Who does not understand it, has not read it or has read no more of it than its head, to compare
 * it with a file of its own, hears nothing.
 */
static void test_not_told(void)
{
	for (unsigned i = 0; i < 3; i++) {
		g_autoptr(FakeRig) rig = connected(i == 0 ? "qSupported:multiprocess+" : OFFER);

		if (i == 0)
			read_symbols(rig);
		if (i == 1)
			read_program(rig, "vFile:open:" OWN_HEX ",0,0", 4);
		fake_target_set_own_program(rig->target, &next);
		expect_interrupted(rig, PAUSED);
		fake_rig_hangup(rig);
	}
}

/* What one client has read is nothing to the next, and neither is what it is owed. */
static void test_next_client(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	read_symbols(rig);
	fake_target_set_own_program(rig->target, &next);
	expect_interrupted(rig, EXEC);
	fake_rig_hangup(rig);
	fake_connect_gdb(rig);
	rsp_expect_prefix(rig->client, OFFER, "PacketSize=");
	fake_target_set_own_program(rig->target, &own);
	expect_interrupted(rig, PAUSED);
	fake_rig_hangup(rig);
}

static void raise_program(FakeRig *rig)
{
	const GdbStop stop = {.cpu = 0, .kind = GDB_STOP_PROGRAM};

	fake_target_raise(rig->target, &stop, 1);
}

/* The target stops for it: then there is no other stop. */
static void test_at_once(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	fake_no_ack(rig);
	g_assert_false(fake_target_expects_program(rig->target));
	read_symbols(rig);
	g_assert_true(fake_target_expects_program(rig->target));
	fake_target_set_own_program(rig->target, &next);
	rsp_client_send(rig->client, "vCont;c");
	raise_program(rig);
	g_free(rsp_expect_next_prefix(rig->client, EXEC));
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 20);
	g_assert_true(fake_target_is_running(rig->target));
	/* It knows this one. */
	raise_program(rig);
	rsp_expect_silence(rig->client, 20);
	g_assert_true(fake_target_is_running(rig->target));
	rsp_client_puts(rig->client, "\x03");
	g_free(rsp_expect_next_prefix(rig->client, PAUSED));
	g_assert_cmpuint(fake_target_counts(rig->target).resumes, ==, 3);
	fake_rig_hangup(rig);
}

/* gdb's `detach`, and then `attach 1`: it has the symbols already. */
static void test_attached_again(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	read_symbols(rig);
	rsp_expect(rig->client, "D;1", "OK");
	rsp_expect_prefix(rig->client, "vAttach;1", PAUSED);
	g_assert_true(fake_target_expects_program(rig->target));
	fake_rig_hangup(rig);
}

/* The user may interrupt it at the same time, and is not forgotten. */
static void test_interrupted(void)
{
	for (unsigned known = 0; known < 2; known++) {
		g_autoptr(FakeRig) rig = connected(OFFER);

		read_symbols(rig);
		if (!known)
			fake_target_set_own_program(rig->target, &next);
		fake_target_set_stuck(rig->target, 0, true);
		rsp_client_send(rig->client, "vCont;c");
		raise_program(rig);
		rsp_client_puts(rig->client, "\x03");
		fake_target_set_stuck(rig->target, 0, false);
		if (!known) {
			g_free(rsp_expect_next_prefix(rig->client, EXEC));
			rsp_client_send(rig->client, "vCont;c");
		}
		g_free(rsp_expect_next_prefix(rig->client, PAUSED));
		fake_rig_hangup(rig);
	}
}

/* Who would not be told is not waited for. */
static void test_not_expected(void)
{
	g_autoptr(FakeRig) rig = connected("qSupported:multiprocess+");

	read_symbols(rig);
	g_assert_false(fake_target_expects_program(rig->target));
	fake_rig_hangup(rig);
}

/* It has read the new one by itself. */
static void test_read_by_itself(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	read_symbols(rig);
	fake_target_set_own_program(rig->target, &own);
	read_symbols(rig);
	expect_interrupted(rig, PAUSED);
	fake_target_set_own_program(rig->target, &own);
	expect_interrupted(rig, SECOND_EXEC);
	fake_rig_hangup(rig);
}

/* A machine that the client has restarted stands where it begins, and nothing else is owed. */
static void test_restarted(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	fake_no_ack(rig);
	rsp_expect(rig->client, "!", "OK");
	read_symbols(rig);
	fake_target_set_own_program(rig->target, &next);
	expect_interrupted(rig, EXEC);
	rsp_expect_prefix(rig->client, "vRun;", "T05thread:p01.01;10:");
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 20);
	fake_rig_hangup(rig);
}

/* It runs into its breakpoint, and it takes @pieces to find out what runs there. */
static FakeRig *stopped_for(unsigned pieces)
{
	FakeRig *rig = connected(OFFER);

	fake_no_ack(rig);
	read_symbols(rig);
	rsp_expect(rig->client, "Z0,400003,1", "OK");
	fake_target_set_own_program(rig->target, &next);
	fake_target_set_pieces(rig->target, pieces);
	rsp_client_send(rig->client, "vCont;c");
	return rig;
}

/* Nothing is asked of the target before that is over (fake-files.c). */
static void test_pieces(void)
{
	g_autoptr(FakeRig) rig = stopped_for(5);

	g_free(rsp_expect_next_prefix(rig->client, EXEC));
	rsp_expect_prefix(rig->client, "vCont;c", "T05thread:p01.01;swbreak:;");
	fake_rig_hangup(rig);
}

/* A user who does not wait gets the stop; the interrupt and the program come when it resumes. */
static void test_pieces_interrupted(void)
{
	g_autoptr(FakeRig) rig = stopped_for(UINT_MAX);

	rsp_expect_silence(rig->client, 20);
	rsp_client_puts(rig->client, "\x03");
	g_free(rsp_expect_next_prefix(rig->client, "T05thread:p01.01;swbreak:;"));
	rsp_expect(rig->client, "z0,400003,1", "OK");
	fake_target_set_pieces(rig->target, 3);
	rsp_expect_prefix(rig->client, "vCont;c", EXEC);
	rsp_expect_prefix(rig->client, "vCont;c", PAUSED);
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 20);
	fake_rig_interrupt(rig);
	fake_rig_hangup(rig);
}

/* It had stopped for just that: to the user it is the pause that was asked for. */
static void test_pieces_at_once(void)
{
	g_autoptr(FakeRig) rig = connected(OFFER);

	fake_no_ack(rig);
	read_symbols(rig);
	fake_target_set_pieces(rig->target, UINT_MAX);
	rsp_client_send(rig->client, "vCont;c");
	raise_program(rig);
	rsp_expect_silence(rig->client, 20);
	rsp_client_puts(rig->client, "\x03");
	g_free(rsp_expect_next_prefix(rig->client, PAUSED));
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 20);
	g_assert_true(fake_target_is_running(rig->target));
	/* And where it is known in the end, the machine goes on by itself. */
	fake_target_set_pieces(rig->target, 3);
	raise_program(rig);
	rsp_expect_silence(rig->client, 20);
	g_assert_true(fake_target_is_running(rig->target));
	fake_rig_hangup(rig);
}

/* The client leaves meanwhile, with what it says last. */
static void test_pieces_gone(void)
{
	static const char *const last[] = {"", "$D#44"};

	for (unsigned n = 0; n < G_N_ELEMENTS(last); n++) {
		g_autoptr(FakeRig) rig = stopped_for(UINT_MAX);

		rsp_expect_silence(rig->client, 20);
		rsp_client_puts(rig->client, last[n]);
		fake_rig_hangup(rig);
	}
}

/* The machine ends meanwhile: the client still waits for an answer to its resume. */
static void test_pieces_exit(void)
{
	g_autoptr(FakeRig) rig = stopped_for(UINT_MAX);

	rsp_expect_silence(rig->client, 20);
	gdb_server_set_exit_status(rig->server, 7);
	g_clear_pointer(&rig->server, gdb_server_free);
	g_free(rsp_expect_next_prefix(rig->client, "W07"));
	rsp_expect_eof(rig->client);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server-exec/replaced", test_replaced);
	g_test_add_func("/server-exec/same-name", test_same_name);
	g_test_add_func("/server-exec/later", test_later);
	g_test_add_func("/server-exec/breakpoints", test_breakpoints);
	g_test_add_func("/server-exec/step", test_step);
	g_test_add_func("/server-exec/libraries", test_libraries);
	g_test_add_func("/server-exec/not-told", test_not_told);
	g_test_add_func("/server-exec/next-client", test_next_client);
	g_test_add_func("/server-exec/at-once", test_at_once);
	g_test_add_func("/server-exec/attached-again", test_attached_again);
	g_test_add_func("/server-exec/interrupted", test_interrupted);
	g_test_add_func("/server-exec/not-expected", test_not_expected);
	g_test_add_func("/server-exec/read-by-itself", test_read_by_itself);
	g_test_add_func("/server-exec/restarted", test_restarted);
	g_test_add_func("/server-exec/pieces", test_pieces);
	g_test_add_func("/server-exec/pieces-interrupted", test_pieces_interrupted);
	g_test_add_func("/server-exec/pieces-at-once", test_pieces_at_once);
	g_test_add_func("/server-exec/pieces-gone", test_pieces_gone);
	g_test_add_func("/server-exec/pieces-exit", test_pieces_exit);
	return g_test_run();
}

/*
 * tests/test-session-non-stop.c - non-stop mode, a sentence of the gdb manual at a time ("Remote
 * Protocol Support for Non-Stop Mode", "Notification Packets", vCont, ?, vCtrlC, vStopped), and
 * what gdb relies on beside it.
 */
#include "tests/session-rig.h"

#include <string.h>

#define REGS_0 "2:12121212;"
#define REGS_1 "2:22222222;"
#define HIT_0 "T05thread:01;" REGS_0
#define HIT_1 "T05thread:02;" REGS_1
#define ASKED_0 "T00thread:01;" REGS_0
#define ASKED_1 "T00thread:02;" REGS_1

/* Attached, in non-stop mode, and both CPUs stand. */
static SessionRig *new_standing(void)
{
	SessionRig *rig = session_rig_new_full(false);

	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_ask(rig, "QNonStop:1", "$OK");
	session_rig_log(rig, "attach set.1 change.kc go ");
	session_rig_post(rig, GDB_STOP_ASKED, 1);
	session_rig_output(rig, "%Stop:" ASKED_1);
	session_rig_ask(rig, "vStopped", "$OK");
	return rig;
}

/* The target has got what was asked while all stood. */
static void moment(SessionRig *rig)
{
	session_rig_log(rig, "hold ");
	session_rig_post(rig, GDB_STOP_MOMENT, 0);
}

/* CPU 1 stands and CPU 0 runs. */
static SessionRig *new_mixed(void)
{
	SessionRig *rig = new_standing();

	session_rig_ask(rig, "vCont;c:1", "$OK");
	session_rig_log(rig, "change.ck go ");
	return rig;
}

/* The packet waits for a moment in which no CPU runs, and then gets this answer. */
static void ask_later(SessionRig *rig, const char *packet, const char *expected, const char *log)
{
	session_rig_ask(rig, packet, "");
	moment(rig);
	session_rig_output(rig, expected);
	session_rig_log(rig, log);
}

/* What the states of all-stop mode do is in tests/test-session.c. */
static void test_states(void)
{
	g_assert_cmpint(gdb_session_next(GDB_SESSION_STOPPED, GDB_SESSION_SPREAD), ==,
			GDB_SESSION_MIXED);
	g_assert_cmpint(gdb_session_next(GDB_SESSION_MIXED, GDB_SESSION_HOLD), ==,
			GDB_SESSION_HOLDING);
	g_assert_cmpint(gdb_session_next(GDB_SESSION_HOLDING, GDB_SESSION_STOP), ==,
			GDB_SESSION_STOPPED);
	g_assert_cmpint(gdb_session_next(GDB_SESSION_MIXED, GDB_SESSION_STOP), ==,
			GDB_SESSION_STOPPED);
	for (unsigned state = GDB_SESSION_NONE; state <= GDB_SESSION_HOLDING; state *= 2) {
		if (state != GDB_SESSION_STOPPED)
			g_assert_cmpint(gdb_session_next(state, GDB_SESSION_SPREAD), ==, state);
		if (state != GDB_SESSION_MIXED)
			g_assert_cmpint(gdb_session_next(state, GDB_SESSION_HOLD), ==, state);
		g_assert_cmpint(gdb_session_next(state, GDB_SESSION_DETACH), ==, GDB_SESSION_NONE);
	}
}

static void test_offer(void)
{
	g_autoptr(SessionRig) full = session_rig_new_full(false);
	g_autoptr(SessionRig) bare = session_rig_new_stopped();
	g_autofree char *got = NULL, *none = NULL;

	session_rig_packet(full, "qSupported");
	got = session_rig_take(full);
	g_assert_nonnull(strstr(got, ";QNonStop+"));
	session_rig_packet(bare, "qSupported");
	none = session_rig_take(bare);
	g_assert_null(strstr(none, "QNonStop"));
	session_rig_ask(bare, "QNonStop:1", "$");
	/* A mode that it is in already changes nothing. */
	gdb_session_attach(full->session);
	session_rig_post(full, GDB_STOP_PAUSED, 0);
	session_rig_ask(full, "QNonStop:0", "$OK");
	session_rig_ask(full, "QNonStop:2", "$E22");
	session_rig_log(full, "attach ");
}

/* "?": one stop reply, then the others by vStopped, then OK; OK at once where none stands. */
static void test_why(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	session_rig_ask(rig, "?", "$" ASKED_0);
	session_rig_ask(rig, "vStopped", "$" ASKED_1);
	session_rig_ask(rig, "vStopped", "$OK");
	session_rig_ask(rig, "vStopped", "$OK");
	session_rig_ask(rig, "vCont;c", "$OK");
	session_rig_log(rig, "change.cc go ");
	ask_later(rig, "?", "$OK", "go ");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_MIXED);
}

/* A stop reply that is half told begins anew. */
static void test_why_again(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	session_rig_ask(rig, "?", "$" ASKED_0);
	session_rig_ask(rig, "?", "$" ASKED_0);
	session_rig_ask(rig, "vStopped", "$" ASKED_1);
	session_rig_ask(rig, "?", "$" ASKED_0);
	session_rig_ask(rig, "vStopped", "$" ASKED_1);
	session_rig_ask(rig, "vStopped", "$OK");
}

/* vCont is answered by OK, and a stop comes in a notification, without an ack. */
static void test_notification(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	session_rig_post(rig, GDB_STOP_SWBREAK, 0);
	session_rig_output(rig, "%Stop:" HIT_0);
	session_rig_ask(rig, "vStopped", "$OK");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_STOPPED);
	session_rig_log(rig, "");
}

/* Only one notification at a time: those that follow wait for vStopped. */
static void test_queue(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	session_rig_ask(rig, "vCont;c", "$OK");
	session_rig_post(rig, GDB_STOP_SWBREAK, 1);
	session_rig_output(rig, "%Stop:" HIT_1);
	session_rig_post(rig, GDB_STOP_STEP, 0);
	session_rig_output(rig, "");
	session_rig_ask(rig, "vStopped", "$" HIT_0);
	session_rig_ask(rig, "vStopped", "$OK");
	session_rig_log(rig, "change.cc go ");
	session_rig_ask(rig, "vCont;c:2", "$OK");
	session_rig_post(rig, GDB_STOP_SWBREAK, 1);
	session_rig_output(rig, "%Stop:" HIT_1);
}

/* t stops one; for one that stands already it does nothing. */
static void test_stop_one(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	ask_later(rig, "vCont;t:1", "$OK", "change.hk go ");
	session_rig_post(rig, GDB_STOP_ASKED, 0);
	session_rig_output(rig, "%Stop:" ASKED_0);
	session_rig_ask(rig, "vStopped", "$OK");
	session_rig_ask(rig, "vCont;t", "$OK");
	session_rig_log(rig, "change.kk go ");
}

/* A CPU that no action names stays as it is; one that runs goes on as it does. */
static void test_others(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	ask_later(rig, "vCont;s:2", "$OK", "change.ks go ");
	session_rig_post(rig, GDB_STOP_STEP, 1);
	session_rig_output(rig, "%Stop:" HIT_1);
	session_rig_ask(rig, "vStopped", "$OK");
	ask_later(rig, "vCont;r10,20:2;c", "$OK", "change.kr go ");
	session_rig_post(rig, GDB_STOP_STEP, 1);
	session_rig_output(rig, "%Stop:" HIT_1);
	session_rig_ask(rig, "vStopped", "$OK");
	ask_later(rig, "vCont;C05:2;S05:1", "$OK", "change.kc go ");
}

/* A vCont does not mean a CPU of which the client does not know yet that it stands. */
static void test_untold(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	session_rig_ask(rig, "vCont;c", "$OK");
	session_rig_post(rig, GDB_STOP_SWBREAK, 1);
	session_rig_output(rig, "%Stop:" HIT_1);
	session_rig_log(rig, "change.cc go ");
	ask_later(rig, "vCont;c", "$OK", "change.kk go ");
	session_rig_ask(rig, "vStopped", "$OK");
	ask_later(rig, "vCont;c", "$OK", "change.kc go ");
}

/* Registers of a CPU that stands are there at once; those of one that runs are an error. */
static void test_registers(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	session_rig_ask(rig, "qSupported:error-message+;swbreak+", "");
	moment(rig);
	g_free(session_rig_take(rig));
	session_rig_log(rig, "go ");
	session_rig_ask(rig, "Hg2", "$OK");
	session_rig_ask(rig, "p2", "$22222222");
	session_rig_ask(rig, "g", "$2020xxxx22222222");
	session_rig_ask(rig, "P2=01000000", "$OK");
	session_rig_log(rig, "pc.1=01 ");
	session_rig_ask(rig, "Hg1", "$OK");
	session_rig_ask(rig, "p2", "$E.CPU 0 is running");
	session_rig_ask(rig, "g", "$E.CPU 0 is running");
	session_rig_ask(rig, "P2=01000000", "$E.CPU 0 is running");
	session_rig_ask(rig, "G100000000000001000000000", "$E.G with 24 digits; expected 16");
	session_rig_ask(rig, "G1000000001000000", "$E.CPU 0 is running");
	session_rig_log(rig, "");
	session_rig_ask(rig, "T1", "$OK");
	session_rig_ask(rig, "qC", "$QC01");
	session_rig_ask(rig, "qfThreadInfo", "$m01,02");
}

/* Memory and breakpoints wait for a moment in which no CPU runs. */
static void test_memory(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	ask_later(rig, "m0,2", "$0000", "go ");
	ask_later(rig, "M0,1:41", "$OK", "go ");
	ask_later(rig, "Z0,10,1", "$OK", "go ");
	ask_later(rig, "z0,10,1", "$OK", "go ");
	ask_later(rig, "m200000,2", "$E14", "go ");
	session_rig_ask(rig, "nonsense", "$");
	session_rig_log(rig, "");
}

static bool take_code(G_GNUC_UNUSED void *data, G_GNUC_UNUSED GdbPlace place,
		      G_GNUC_UNUSED const GdbBreak *bp, G_GNUC_UNUSED struct GdbBreakCode *code,
		      G_GNUC_UNUSED GError **error)
{
	return true;
}

/* What a command prints could be taken for the answer to a packet. Conditions are no commands. */
static void test_commands(void)
{
	g_autoptr(SessionRig) rig = new_standing();
	GdbBreakOps breaks = *rig->ops.breaks;

	breaks.insert_code = take_code;
	rig->ops.breaks = &breaks;
	session_rig_ask(rig, "Z0,10,1;X3,220127", "$OK");
	session_rig_ask(rig, "Z0,10,1;cmds:0,X3,220127", "$E22");
	session_rig_ask(rig, "QNonStop:0", "$OK");
	session_rig_ask(rig, "Z0,10,1;cmds:0,X3,220127", "$OK");
	g_clear_pointer(&rig->session, gdb_session_free);
}

/* Packets that come meanwhile keep their order, and a stop that comes is told. */
static void test_order(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	session_rig_ask(rig, "m0,1", "");
	g_assert_cmpuint(session_rig_feed(rig, "$qC#b4"), ==, 0);
	session_rig_post(rig, GDB_STOP_SWBREAK, 0);
	session_rig_output(rig, "%Stop:" HIT_0);
	moment(rig);
	session_rig_output(rig, "$00");
	session_rig_log(rig, "go ");
	g_assert_cmpuint(session_rig_feed(rig, "$qC#b4"), ==, 6);
	session_rig_output(rig, "+$QC01");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_STOPPED);
}

/* A search holds the CPUs until it ends; whoever interrupts it does not stop a CPU. */
static void test_work(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	session_rig_ask(rig, "qSearch:memory:0;100000;zz", "");
	moment(rig);
	session_rig_log(rig, "");
	g_assert_true(gdb_session_has_work(rig->session));
	while (gdb_session_has_work(rig->session))
		gdb_session_work(rig->session);
	session_rig_output(rig, "$0");
	session_rig_log(rig, "go ");
	session_rig_ask(rig, "qSearch:memory:0;100000;zz", "");
	moment(rig);
	session_rig_feed(rig, "\003");
	session_rig_output(rig, "$E16");
	session_rig_log(rig, "go ");
}

/*
 * vCtrlC, and 0x03: the CPU that was resumed last stops by SIGINT, or else another one that runs.
 */
static void test_interrupt(void)
{
	static const char *const ways[] = {"$vCtrlC#4e", "\003"};

	for (unsigned way = 0; way < G_N_ELEMENTS(ways); way++) {
		g_autoptr(SessionRig) rig = new_mixed();

		ask_later(rig, "vCont;c:2", "$OK", "change.kc go ");
		session_rig_feed(rig, ways[way]);
		session_rig_output(rig, way ? "" : "+$OK");
		moment(rig);
		session_rig_log(rig, "interrupt.1 go ");
		session_rig_post(rig, GDB_STOP_PAUSED, 1);
		session_rig_output(rig, "%Stop:T02thread:02;" REGS_1);
		session_rig_feed(rig, ways[way]);
		session_rig_output(rig, way ? "" : "+$OK");
		moment(rig);
		session_rig_log(rig, "interrupt.0 go ");
		session_rig_post(rig, GDB_STOP_PAUSED, 0);
		session_rig_feed(rig, ways[way]);
		session_rig_log(rig, "");
	}
}

/* Who went on in vain is not told twice; an error of the target changes nothing. */
static void test_refused(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	rig->refuse_resume = true;
	ask_later(rig, "vCont;c:2", "$E16", "go ");
	rig->refuse_resume = false;
	session_rig_ask(rig, "Hg2", "$OK");
	session_rig_ask(rig, "p2", "$22222222");
	ask_later(rig, "vCont;x:2", "$E22", "go ");
	ask_later(rig, "c", "$E22", "go ");
}

/* To leave the mode all must stand. What was not told is forgotten. */
static void test_leave_mode(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	ask_later(rig, "QNonStop:0", "$E16", "go ");
	session_rig_post(rig, GDB_STOP_SWBREAK, 0);
	session_rig_output(rig, "%Stop:" HIT_0);
	session_rig_ask(rig, "QNonStop:0", "$OK");
	session_rig_ask(rig, "vCont;c", "");
	session_rig_log(rig, "set.0 resume.cc ");
	session_rig_post(rig, GDB_STOP_SWBREAK, 1);
	session_rig_output(rig, "$" HIT_1);
}

static void test_detach(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	ask_later(rig, "D", "$OK", "detach ");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_NONE);
	/* The mode is the connection's: vAttach is answered at once, and the stop is told. */
	session_rig_ask(rig, "vAttach;1", "$OK");
	session_rig_log(rig, "attach ");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_output(rig, "%Stop:T02thread:01;" REGS_0);
	session_rig_ask(rig, "vStopped", "$OK");
	session_rig_log(rig, "set.1 change.kc go ");
	ask_later(rig, "?", "$" ASKED_0, "go ");
}

/* The end of the connection, while a packet waits. */
static void test_hang_up(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	session_rig_ask(rig, "m0,1", "");
	gdb_session_hang_up(rig->session, NULL, 0);
	session_rig_log(rig, "hold detach ");
}

static void test_kill(void)
{
	g_autoptr(SessionRig) plain = new_mixed();
	g_autoptr(SessionRig) rig = new_mixed();

	ask_later(plain, "vKill;1", "$OK", "kill ");
	/*
	 * In extended mode it may be restarted: it stands until then, and the first CPU after it.
	 */
	ask_later(rig, "!", "$OK", "go ");
	ask_later(rig, "vKill;1", "$OK", "");
	session_rig_ask(rig, "vRun;", "$T05thread:01;" REGS_0);
	session_rig_log(rig, "reset set.1 change.kc go ");
	ask_later(rig, "vCont;c:1", "$OK", "change.ck go ");
}

/* The mode that is chosen between the two is the target's, too. */
static void test_mode_while_killed(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	session_rig_ask(rig, "!", "$OK");
	session_rig_ask(rig, "vKill;1", "$OK");
	session_rig_ask(rig, "QNonStop:0", "$OK");
	session_rig_ask(rig, "vRun;", "$T05thread:01;" REGS_0);
	session_rig_log(rig, "set.0 reset ");
	session_rig_ask(rig, "vCont;c", "");
	session_rig_log(rig, "resume.cc ");
}

/* gdb's `kill`, and then `attach 1`: it waits for the stop of what it has attached to. */
static void test_attach_after_kill(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	session_rig_ask(rig, "!", "$OK");
	session_rig_ask(rig, "vCont;c", "$OK");
	session_rig_log(rig, "change.cc go ");
	session_rig_post(rig, GDB_STOP_SWBREAK, 1);
	session_rig_output(rig, "%Stop:" HIT_1);
	session_rig_ask(rig, "vStopped", "$OK");
	ask_later(rig, "vKill;1", "$OK", "");
	session_rig_ask(rig, "vAttach;1", "$OK%Stop:" HIT_1);
	session_rig_log(rig, "set.1 change.ck go ");
	session_rig_ask(rig, "vStopped", "$OK");
}

/* While a stop reply is owed the mode stays: it would never come. */
static void test_mode_while_running(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(false);

	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_ask(rig, "vCont;c", "");
	session_rig_ask(rig, "QNonStop:1", "$E16");
	session_rig_post(rig, GDB_STOP_SWBREAK, 0);
	session_rig_output(rig, "$" HIT_0);
	session_rig_ask(rig, "m0,1", "$00");
	session_rig_log(rig, "attach resume.cc ");
}

/* The machine ends: a notification tells it. */
static void test_exit(void)
{
	g_autoptr(SessionRig) rig = new_mixed();

	gdb_session_exited(rig->session, 3);
	session_rig_output(rig, "%Stop:W03");
}

/* One more each time. */
static unsigned count_more(G_GNUC_UNUSED void *data)
{
	static unsigned n = SESSION_CPUS;

	return n++;
}

/* A CPU may come while a packet is handled: what it says is of those that there were. */
static void test_added_meanwhile(void)
{
	g_autoptr(SessionRig) rig = new_standing();
	GdbCpuOps cpus = *rig->ops.cpus;

	session_rig_ask(rig, "Qqemu.sstep=0", "$OK");
	cpus.count = count_more;
	rig->ops.cpus = &cpus;
	session_rig_ask(rig, "vCont;s:1", "$OK");
	session_rig_log(rig, "change.ck go ");
	g_clear_pointer(&rig->session, gdb_session_free);
}

/* One that comes while the moment ends runs, and the session knows that one does. */
static void test_added_at_the_end(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	rig->other_runs = true;
	session_rig_ask(rig, "vCont;t", "$OK");
	session_rig_log(rig, "change.kk go ");
	g_assert_cmpint(gdb_session_get_state(rig->session), ==, GDB_SESSION_MIXED);
	ask_later(rig, "m0,1", "$00", "go ");
}

/* One that is plugged in again runs, although the one before stood. */
static void test_plugged_again(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	session_rig_ask(rig, "Hg2", "$OK");
	session_rig_ask(rig, "p2", "$22222222");
	rig->plugs++;
	session_rig_ask(rig, "p2", "$E16");
	session_rig_ask(rig, "vCont;c:2", "$OK");
	session_rig_ask(rig, "vCont;t:2", "$OK");
	session_rig_log(rig, "change.kk go change.kh go ");
	session_rig_post(rig, GDB_STOP_ASKED, 1);
	session_rig_output(rig, "%Stop:" ASKED_1);
	session_rig_ask(rig, "vStopped", "$OK");
	session_rig_ask(rig, "p2", "$22222222");
}

/* The one that has stopped is gone when the client takes its stop. */
static void test_plugged_untold(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	session_rig_ask(rig, "vCont;c:2", "$OK");
	session_rig_log(rig, "change.kc go ");
	session_rig_post(rig, GDB_STOP_SWBREAK, 1);
	session_rig_output(rig, "%Stop:" HIT_1);
	rig->plugs++;
	session_rig_ask(rig, "vStopped", "$OK");
	session_rig_ask(rig, "Hg2", "$OK");
	session_rig_ask(rig, "p2", "$E16");
}

/* Tasks are no threads: a client would take them for threads that run. */
static void test_tasks(void)
{
	g_autoptr(SessionRig) rig = new_standing();

	rig->n_tasks = 1;
	session_rig_ask(rig, "qfThreadInfo", "$m01,02");
	session_rig_ask(rig, "QNonStop:0", "$OK");
	session_rig_ask(rig, "qfThreadInfo", "$m01,02,1005");
	session_rig_ask(rig, "Hg1005", "$OK");
	session_rig_ask(rig, "QNonStop:1", "$OK");
	session_rig_ask(rig, "qC", "$QC02");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{"/non-stop/states", test_states},
		{"/non-stop/offer", test_offer},
		{"/non-stop/why", test_why},
		{"/non-stop/why-again", test_why_again},
		{"/non-stop/notification", test_notification},
		{"/non-stop/queue", test_queue},
		{"/non-stop/stop-one", test_stop_one},
		{"/non-stop/others", test_others},
		{"/non-stop/untold", test_untold},
		{"/non-stop/registers", test_registers},
		{"/non-stop/memory", test_memory},
		{"/non-stop/commands", test_commands},
		{"/non-stop/order", test_order},
		{"/non-stop/work", test_work},
		{"/non-stop/interrupt", test_interrupt},
		{"/non-stop/refused", test_refused},
		{"/non-stop/leave-mode", test_leave_mode},
		{"/non-stop/detach", test_detach},
		{"/non-stop/hang-up", test_hang_up},
		{"/non-stop/kill", test_kill},
		{"/non-stop/mode-while-killed", test_mode_while_killed},
		{"/non-stop/attach-after-kill", test_attach_after_kill},
		{"/non-stop/mode-while-running", test_mode_while_running},
		{"/non-stop/exit", test_exit},
		{"/non-stop/added-meanwhile", test_added_meanwhile},
		{"/non-stop/added-at-the-end", test_added_at_the_end},
		{"/non-stop/plugged-again", test_plugged_again},
		{"/non-stop/plugged-untold", test_plugged_untold},
		{"/non-stop/tasks", test_tasks},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned n = 0; n < G_N_ELEMENTS(tests); n++)
		g_test_add_func(tests[n].name, tests[n].run);
	return g_test_run();
}

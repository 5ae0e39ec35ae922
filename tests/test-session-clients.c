/*
 * tests/test-session-clients.c - one client after the other: what the last one has left must not
 * bind the next, also on a line that does not tell when a client comes or goes.
 */
#include "tests/session-rig.h"

#include <string.h>

/* What gdb says first; the last of it in no-ack mode. */
static void hello(SessionRig *rig, bool no_ack)
{
	g_assert_cmpuint(session_rig_feed(rig, "+"), ==, 1);
	session_rig_packet(rig, "qSupported:multiprocess+;swbreak+;error-message+");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	g_free(session_rig_take(rig));
	if (no_ack) {
		session_rig_ask(rig, "QStartNoAckMode", "$OK");
		session_rig_feed(rig, "+");
	}
}

static void ask_any(SessionRig *rig, const char *packet, const char *expected)
{
	g_autofree char *got = NULL;

	session_rig_packet(rig, packet);
	got = session_rig_take(rig);
	g_test_message("%s", packet);
	g_assert_cmpstr(got + (got[0] == '+'), ==, expected);
}

/* Everything that a client can choose, other than it is at the start. */
static void choose_all(SessionRig *rig)
{
	ask_any(rig, "QThreadSuffixSupported", "$OK");
	ask_any(rig, "QListThreadsInStopReply", "$OK");
	ask_any(rig, "QEnableErrorStrings", "$OK");
	ask_any(rig, "qRcmd,6370752031", "$OK"); /* cpu 1 */
	ask_any(rig, "Hgp1.2", "$OK");
	ask_any(rig, "Hcp1.2", "$OK");
	ask_any(rig, "Z0,10,1", "$OK");
	ask_any(rig, "Qqemu.PhyMemMode:1", "$OK");
	ask_any(rig, "Z0,20,1", "$OK");
	ask_any(rig, "Qqemu.sstep=0", "$OK");
	ask_any(rig, "vFile:open:2f6f776e,0,0", "$F0");
}

/* A new client finds everything as it is at the start. */
static void check_fresh(SessionRig *rig)
{
	g_autofree char *stop = NULL;

	memcpy(rig->memory, "V", 1);
	memcpy(rig->memory + SESSION_MEMORY / 2, "P", 1);
	g_assert_cmpuint(rig->breaks->len, ==, 0);
	session_rig_packet(rig, "?");
	stop = session_rig_take(rig);
	g_assert_cmpstr(stop + (stop[0] == '+'), ==, "$T02thread:p01.01;2:12121212;");
	ask_any(rig, "qC", "$QCp01.01");
	ask_any(rig, "vFile:fstat:0", "$F-1,9");
	ask_any(rig, "p0", "$1010");
	ask_any(rig, "p0;thread:2;", "$E.malformed 'p' packet");
	ask_any(rig, "m0,1", "$56");
	ask_any(rig, "qqemu.PhyMemMode", "$0");
	ask_any(rig, "qqemu.sstep", "$0x1");
	ask_any(rig, "qRcmd,7768696368", "$O300a$OK"); /* which */
	ask_any(rig, "s", "");
	session_rig_log(rig, "resume.sc ");
	session_rig_post(rig, GDB_STOP_STEP, 0);
	g_free(session_rig_take(rig));
}

typedef struct DeadCase {
	const char *name;
	bool no_ack, running;
} DeadCase;

/* The last one went without D: only what the next one says first tells that it is another. */
static void test_line(gconstpointer data)
{
	const DeadCase *dead = data;
	g_autoptr(SessionRig) rig = session_rig_new_full(true);

	hello(rig, dead->no_ack);
	choose_all(rig);
	session_rig_log(rig, "attach ");
	if (dead->running) {
		ask_any(rig, "vCont;c", "");
		session_rig_log(rig, "resume.cc ");
	}
	hello(rig, true);
	session_rig_log(rig, "detach attach ");
	check_fresh(rig);
	ask_any(rig, "k", "");
	session_rig_log(rig, "kill ");
}

/* lldb chooses no-ack mode before it says what it understands: that must not be forgotten. */
static void test_line_lldb(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(true);

	hello(rig, false);
	ask_any(rig, "vCont;c", "");
	session_rig_feed(rig, "+");
	session_rig_ask(rig, "QStartNoAckMode", "$OK");
	session_rig_feed(rig, "+");
	session_rig_packet(rig, "qSupported:multiprocess+");
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	g_free(session_rig_take(rig));
	session_rig_packet(rig, "qC");
	session_rig_output(rig, "$QCp01.01");
	session_rig_log(rig, "attach resume.cc detach attach ");
}

/* Who waits for the stop does not ask for it: this is a client that says nothing of itself. */
static void test_line_question(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(true);

	hello(rig, false);
	ask_any(rig, "Z0,10,1", "$OK");
	ask_any(rig, "vCont;c", "");
	session_rig_ask(rig, "?", "");
	session_rig_log(rig, "attach resume.cc detach attach ");
	g_assert_cmpuint(rig->breaks->len, ==, 0);
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_output(rig, "$T02thread:01;2:12121212;");
}

/* The same hello is a mistake of one client where connections tell clients apart. */
static void test_connection(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(false);

	gdb_session_attach(rig->session);
	hello(rig, true);
	hello(rig, false);
	ask_any(rig, "vCont;c", "");
	ask_any(rig, "?", "$E.the target is running: interrupt it before '?'");
	session_rig_log(rig, "attach resume.cc ");
}

/* A question without offers, as scripts send it at any time, is nobody new. */
static void test_bare_question(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(true);

	hello(rig, true);
	session_rig_packet(rig, "qSupported");
	session_rig_log(rig, "attach ");
}

/* The last reply was the last client's, too. */
static void test_nack_of_next(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(true);

	hello(rig, false);
	session_rig_ask(rig, "qC", "$QCp01.01");
	session_rig_ask(rig, "D;1", "$OK");
	session_rig_feed(rig, "\003");
	session_rig_feed(rig, "-");
	session_rig_output(rig, "");
}

typedef struct LastWords {
	const char *taken, *left; /* before the client went */
	bool kills;
} LastWords;

/*
 * The client goes right behind its last packet, which waits for the stop or behind one that does.
 */
static void test_hang_up(void)
{
	static const LastWords cases[] = {
		{"$k#6b", "", true},	    {"$vKill;1#6e", "", true},
		{"$?#3f", "$k#6b", true},   {"$?#3f", "+$X10,2:k#9c$vKill;1#6e", true},
		{"$?#3f", "", false},	    {"", "", false},
		{"$vKill;2#6f", "", false}, {"$?#3f", "$k#6c", false}, /* a wrong sum */
		{"$?#3f", "$k#6", false},   {"$?#3f", "$kk#d6$D#44", false},
	};

	for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_autoptr(SessionRig) rig = session_rig_new_full(false);
		const char *left = cases[n].left;

		gdb_session_attach(rig->session);
		g_test_message("%s|%s", cases[n].taken, left);
		session_rig_feed(rig, cases[n].taken);
		gdb_session_hang_up(rig->session, (const uint8_t *)left, strlen(left));
		session_rig_log(rig, cases[n].kills ? "attach kill " : "attach detach ");
	}
}

/* lldb says k of its own accord, and that only detaches. */
static void test_hang_up_lldb(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(false);

	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_ask(rig, "QThreadSuffixSupported", "$OK");
	session_rig_ask(rig, "qSearch:memory:0;80000;nothing", "");
	session_rig_feed(rig, "$k#6b");
	gdb_session_hang_up(rig->session, NULL, 0);
	session_rig_log(rig, "attach detach ");
}

#define REVIVED "$T05thread:01;2:12121212;"

/* gdb's `run` in extended mode: kill, then run. The machine is reset, and does not end. */
static void test_run(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(false);

	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 1);
	session_rig_ask(rig, "!", "$OK");
	for (int n = 0; n < 2; n++) {
		session_rig_ask(rig, "vKill;1", "$OK");
		session_rig_ask(rig, "?", "$W00");
		session_rig_ask(rig, "g", "$E22");
		session_rig_ask(rig, "vCont?", "$vCont;c;C;s;S;t;r");
		session_rig_log(rig, n ? "" : "attach ");
		session_rig_ask(rig, "vRun;766d6c696e7578;61", REVIVED);
		session_rig_log(rig, "reset ");
		session_rig_ask(rig, "?", REVIVED);
		session_rig_ask(rig, "p0", "$1010");
		session_rig_ask(rig, "vCont;c", "");
		session_rig_log(rig, "resume.cc ");
		session_rig_post(rig, GDB_STOP_STEP, 0);
		g_free(session_rig_take(rig));
	}
	/* Without a kill before, and the old way. */
	session_rig_ask(rig, "vRun;", REVIVED);
	session_rig_ask(rig, "R00", "");
	session_rig_ask(rig, "?", REVIVED);
	session_rig_log(rig, "reset reset ");
	rig->refuse_reset = true;
	session_rig_ask(rig, "vRun;", "$E05");
	session_rig_log(rig, "reset ");
}

/* Whoever does not run it anew ends it when he goes; or takes it back. */
static void test_killed(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(false);

	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_ask(rig, "!", "$OK");
	session_rig_ask(rig, "vKill;1", "$OK");
	session_rig_ask(rig, "vAttach;1", "$T02thread:01;2:12121212;");
	session_rig_ask(rig, "m0,1", "$00");
	session_rig_ask(rig, "vKill;1", "$OK");
	session_rig_log(rig, "attach ");
	gdb_session_hang_up(rig->session, NULL, 0);
	session_rig_log(rig, "kill ");
}

/* A target that cannot be reset is killed at once, and vRun is not known. */
static void test_no_reset(void)
{
	g_autoptr(SessionRig) rig = session_rig_new_full(false);

	rig->run.reset = NULL;
	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_ask(rig, "!", "$OK");
	session_rig_ask(rig, "vRun;", "$");
	session_rig_ask(rig, "R00", "$");
	session_rig_log(rig, "attach ");
	session_rig_ask(rig, "vKill;1", "$OK");
	session_rig_log(rig, "kill ");
}

int main(int argc, char **argv)
{
	static const DeadCase dead[] = {
		{"ack-stopped", false, false},
		{"ack-running", false, true},
		{"no-ack-stopped", true, false},
		{"no-ack-running", true, true},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned n = 0; n < G_N_ELEMENTS(dead); n++) {
		g_autofree char *path = g_strconcat("/session-clients/line/", dead[n].name, NULL);

		g_test_add_data_func(path, &dead[n], test_line);
	}
	g_test_add_func("/session-clients/line-lldb", test_line_lldb);
	g_test_add_func("/session-clients/line-question", test_line_question);
	g_test_add_func("/session-clients/connection", test_connection);
	g_test_add_func("/session-clients/bare-question", test_bare_question);
	g_test_add_func("/session-clients/nack-of-next", test_nack_of_next);
	g_test_add_func("/session-clients/hang-up", test_hang_up);
	g_test_add_func("/session-clients/hang-up-lldb", test_hang_up_lldb);
	g_test_add_func("/session-clients/run", test_run);
	g_test_add_func("/session-clients/killed", test_killed);
	g_test_add_func("/session-clients/no-reset", test_no_reset);
	return g_test_run();
}

/*
 * tests/test-session-tasks.c - tasks as threads beside the CPUs (GdbTaskOps).
 */
#include <string.h>

#include "tests/session-rig.h"

/* The answer to whoever means a CPU with this thread, or a task that is not there. */
#define NO_CPU(thread)                                                                             \
	"$E.thread " thread " is no CPU: the machine has 2 CPUs, which are threads 1 to 2; "       \
	"`thread 1` selects the first"

/* Two CPUs, the second has stopped, and @n_tasks tasks sleep. */
static SessionRig *open_rig(unsigned n_tasks)
{
	SessionRig *rig = session_rig_new_full(false);

	rig->n_tasks = n_tasks;
	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 1);
	session_rig_packet(rig, "qSupported:error-message+");
	g_free(session_rig_take(rig));
	session_rig_log(rig, "attach ");
	return rig;
}

static void test_list(void)
{
	g_autoptr(SessionRig) rig = open_rig(2);

	session_rig_ask(rig, "qfThreadInfo", "$m01,02,1005,12170");
	session_rig_ask(rig, "qsThreadInfo", "$l");
	session_rig_ask(rig, "qXfer:threads:read::0,1000",
			"$l<?xml version=\"1.0\"?>\n<threads>\n"
			"<thread id=\"01\" id_str=\"CPU 0\" name=\"vCPU 0\">CPU}\x03"
			"0</thread>\n"
			"<thread id=\"02\" id_str=\"CPU 1\" name=\"vCPU 1\">CPU}\x03"
			"1</thread>\n"
			"<thread id=\"1005\" id_str=\"task 5\" name=\"&lt;&quot;5\\?&gt;\">sleeps "
			"since 1</thread>\n"
			"<thread id=\"12170\" id_str=\"task 70000\" "
			"name=\"&lt;&quot;70000\\?&gt;\">sleeps since 1"
			"</thread>\n</threads>\n");
	/* "sleeps since 1" */
	session_rig_ask(rig, "qThreadExtraInfo,1005", "$736c656570732073696e63652031");
	session_rig_ask(rig, "T12170", "$OK");
	session_rig_ask(rig, "T1006", NO_CPU("1006"));
}

/* None sleeps, or they are no threads. */
static void test_none(void)
{
	g_autoptr(SessionRig) rig = open_rig(0);

	session_rig_ask(rig, "qfThreadInfo", "$m01,02");
	session_rig_ask(rig, "Hg1005", NO_CPU("1005"));
}

static void test_registers(void)
{
	g_autoptr(SessionRig) rig = open_rig(1);

	session_rig_ask(rig, "Hg1005", "$OK");
	session_rig_ask(rig, "qC", "$QC1005");
	session_rig_ask(rig, "g", "$xxxxxxxx05050505");
	session_rig_ask(rig, "p0", "$xxxx");
	session_rig_ask(rig, "p2", "$05050505");
	session_rig_ask(rig, "p9", "$E.no register with the number 9");
	session_rig_ask(rig, "P2=00000000", "$E.task 5 sleeps");
	session_rig_ask(rig, "G1111222233333333", "$E.task 5 sleeps");
	/* The monitor looks at the CPU that stopped last. */
	session_rig_ask(rig, "qRcmd,7768696368", "$O310a$OK");
	/* Another thread, and the one that stopped. */
	session_rig_ask(rig, "Hg1", "$OK");
	session_rig_ask(rig, "p2", "$12121212");
	session_rig_ask(rig, "Hg1005", "$OK");
	session_rig_ask(rig, "Hg0", "$OK");
	session_rig_ask(rig, "p2", "$22222222");
	session_rig_log(rig, "");
}

/* What sleeps cannot run; all CPUs can, whatever the client looks at. */
static void test_run(void)
{
	static const char *const refused[] = {"vCont;s:1005", "vCont;c:1005", "vCont;s:p1.1005;c"};
	g_autoptr(SessionRig) rig = open_rig(1);

	session_rig_ask(rig, "Hg1005", "$OK");
	for (unsigned n = 0; n < G_N_ELEMENTS(refused); n++)
		session_rig_ask(rig, refused[n], NO_CPU("1005"));
	session_rig_ask(rig, "Hc1005", NO_CPU("1005"));
	session_rig_log(rig, "");
	session_rig_ask(rig, "vCont;c", "");
	session_rig_log(rig, "resume.cc ");
	/* It runs: nobody knows who sleeps. */
	session_rig_ask(rig, "T1005", NO_CPU("1005"));
	session_rig_ask(rig, "qfThreadInfo", "$m01,02");
	/* A stop chooses its CPU. */
	session_rig_post(rig, GDB_STOP_STEP, 0);
	session_rig_output(rig, "$T05thread:01;2:12121212;");
	session_rig_ask(rig, "qC", "$QC01");
}

static void test_lldb(void)
{
	g_autoptr(SessionRig) rig = open_rig(1);

	session_rig_ask(rig, "QThreadSuffixSupported", "$OK");
	session_rig_ask(rig, "QListThreadsInStopReply", "$OK");
	session_rig_ask(rig, "p2;thread:1005;", "$05050505");
	session_rig_ask(rig, "?",
			"$T02thread:02;reason:signal;2:22222222;threads:1,2,1005;"
			"thread-pcs:12121212,22222222,5050505;memory:0x2020=00000000;");
	/* "<\"5\\\xc3>" */
	session_rig_ask(rig, "qThreadStopInfo1005",
			"$T00thread:1005;hexname:3c22355cc33e;2:05050505;");
	/* '}' is escaped as "}]". Of a task no memory comes along. */
	session_rig_ask(rig, "jThreadsInfo",
			"$[{\"tid\":1,\"name\":\"vCPU 0\",\"registers\":{\"2\":\"12121212\"}],"
			"\"memory\":[{\"address\":4112,\"bytes\":\"00000000\"}]]}],"
			"{\"tid\":2,\"name\":\"vCPU 1\",\"reason\":\"signal\",\"signal\":2,"
			"\"registers\":{\"2\":\"22222222\"}],"
			"\"memory\":[{\"address\":8224,\"bytes\":\"00000000\"}]]}],"
			"{\"tid\":4101,\"name\":\"<\\\"5\\\\?>\","
			"\"registers\":{\"2\":\"05050505\"}],\"memory\":[]}]]");
}

/* A thread number that is out of range names nobody. */
static void test_far(void)
{
	g_autoptr(SessionRig) rig = open_rig(3);

	session_rig_ask(rig, "T7fffffff", "$OK");
	session_rig_ask(rig, "T80000000", NO_CPU("80000000"));
	session_rig_ask(rig, "T7fffffffffffffff", NO_CPU("7fffffffffffffff"));
	session_rig_ask(rig, "T1000", NO_CPU("1000"));
	session_rig_ask(rig, "Tp2.1005", "$E.no process 2: the machine is process 1");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/session-tasks/list", test_list);
	g_test_add_func("/session-tasks/none", test_none);
	g_test_add_func("/session-tasks/registers", test_registers);
	g_test_add_func("/session-tasks/run", test_run);
	g_test_add_func("/session-tasks/lldb", test_lldb);
	g_test_add_func("/session-tasks/far", test_far);
	return g_test_run();
}

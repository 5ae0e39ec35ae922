/*
 * tests/test-engine-non-stop.c - non-stop mode on the toy KVM, where the VMM does something: resets
 * the machine, kicks a vCPU that stands, says that the guest has panicked. Who stands and runs when
 * only the client acts is in tests/test-model.c.
 */
#include <signal.h>
#include <string.h>

#include "tests/engine-rig.h"

/* CPU 0 stands, the others run. */
static Rig *new_mixed(unsigned n)
{
	Rig *rig = rig_new_stopped(n);

	rsp_expect(rig->client, "QNonStop:1", "OK");
	for (unsigned i = 1; i < n; i++)
		expect_runs(rig, i);
	return rig;
}

/* The packet is answered by OK, and then this stop is told. */
static void expect_told(Rig *rig, const char *packet, const char *stop)
{
	rsp_expect(rig->client, packet, "OK");
	expect_stop(rig, stop);
	rsp_expect(rig->client, "vStopped", "OK");
}

/* A machine that is made anew: who stood stands, and steps when it is told to. */
static void test_reset_standing(void)
{
	Rig *rig = new_mixed(2);

	expect_told(rig, "vCont;t:2", "%Stop:T00thread:02;");
	expect_match(rig, "system_reset", "^reset: ");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x100);
	expect_told(rig, "vCont;s:1", "%Stop:T05thread:01;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	expect_stands(rig, 1);
	rig_free(rig);
}

static void test_reset_mixed(void)
{
	Rig *rig = new_mixed(2);

	expect_match(rig, "system_reset", "^reset: ");
	expect_runs(rig, 1);
	expect_stands(rig, 0);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x100);
	rig_free(rig);
}

typedef struct Kicker {
	Cpu *cpu;
	int stop;
} Kicker;

static gpointer kick_often(gpointer data)
{
	Kicker *kicker = data;

	while (!GET(kicker->stop)) {
		pthread_kill(GET(kicker->cpu->id), SIGUSR1);
		g_thread_yield();
	}
	return NULL;
}

static void on_signal(int signo G_GNUC_UNUSED)
{
}

/* The VMM takes the vCPU that stands out and runs it again: its registers stay where they are. */
static void test_kicked(void)
{
	struct sigaction action = {.sa_handler = on_signal}, old;
	Rig *rig = new_mixed(2);
	Kicker kicker = {.cpu = &rig->cpus[0]};
	GThread *thread;

	sigaction(SIGUSR1, &action, &old);
	rsp_expect(rig->client, "Hg1", "OK");
	thread = g_thread_new("kicker", kick_often, &kicker);
	for (unsigned i = 0; i < 50000; i++) {
		g_autofree char *reply = rsp_client_ask(rig->client, "p4");

		g_assert_cmpuint(strlen(reply), ==, 16);
	}
	SET(kicker.stop, 1);
	g_thread_join(thread);
	g_assert_cmpuint(GET(rig->cpus[0].eintrs), >, 0);
	rig_free(rig);
	sigaction(SIGUSR1, &old, NULL);
}

/* The VMM does not say who has panicked: not the one that stands. */
static void test_panic(void)
{
	Rig *rig = new_mixed(2);

	kvm_gdb_notify(rig->gdb, NULL, KVM_GDB_PANIC);
	expect_stop(rig, "%Stop:T06thread:02;");
	rsp_expect(rig->client, "vStopped", "OK");
	expect_stands(rig, 1);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"reset-standing", test_reset_standing},
		{"reset-mixed", test_reset_mixed},
		{"kicked", test_kicked},
		{"panic", test_panic},
		{0},
	};

	return test_main(argc, argv, "engine-non-stop", cases);
}

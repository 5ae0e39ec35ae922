/*
 * tests/test-engine-vcpus.c - the engine on the toy KVM while the vCPUs of a machine change: other
 * threads run them, they come and go.
 */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/engine-rig.h"

/* ---- Threads ---- */

#define STACK (256 * 1024)

/* One thread that runs a vCPU until somebody kicks it. */
typedef struct Runner {
	Cpu *cpu;
	pthread_t id;
	pid_t tid;	      /* atomic, once it runs */
	unsigned n_unblocked; /* of all signals, which it blocks at first */
} Runner;

static void *run_blocked(void *data)
{
	Runner *runner = data;
	sigset_t all, now;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	SET(runner->tid, gettid());
	while (kvm_gdb_run(runner->cpu->vcpu) < 0 && !GET(runner->cpu->rig->stop))
		;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	runner->n_unblocked = 0;
	for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++)
		runner->n_unblocked += !sigismember(&now, signo);
	return NULL;
}

/* The thread's own data lies on the stack that it is given, so its address is the same again. */
static void run_on(void *stack, Rig *rig, Runner *runner)
{
	pthread_attr_t attr;

	runner->cpu = &rig->cpus[0];
	pthread_attr_init(&attr);
	g_assert_cmpint(pthread_attr_setstack(&attr, stack, STACK), ==, 0);
	g_assert_cmpint(pthread_create(&runner->id, &attr, run_blocked, runner), ==, 0);
	pthread_attr_destroy(&attr);
	expect_runs(rig, 0);
}

static void end(Rig *rig, Runner *runner)
{
	SET(rig->stop, 1);
	SET(toy_run(rig->vm, 0)->immediate_exit, 1);
	pthread_join(runner->id, NULL);
	SET(toy_run(rig->vm, 0)->immediate_exit, 0);
	SET(rig->stop, 0);
}

/* Each thread that comes is the vCPU's: its kick signal gets through, and the host's number is its
 * own. */
static void test_second_thread_same_stack(void)
{
	void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	Rig *rig = rig_new(1, false);
	Runner runner[2];

	for (unsigned i = 0; i < G_N_ELEMENTS(runner); i++) {
		g_autofree char *line = NULL;

		run_on(stack, rig, &runner[i]);
		connect_client(rig);
		line = g_strdup_printf("* CPU #0: thread_id=%d\n", GET(runner[i].tid));
		expect_text(rig, "info cpus", line);
		hang_up(rig);
		expect_runs(rig, 0);
		end(rig, &runner[i]);
		g_assert_cmpuint(runner[i].n_unblocked, ==, 1);
	}
	rig_free(rig);
	munmap(stack, STACK);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/engine-vcpus/second-thread-same-stack", test_second_thread_same_stack);
	return g_test_run();
}

/*
 * tests/test-engine-vcpus.c - the engine on the toy KVM while the vCPUs of a machine change: other
 * threads run them, they come and go.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/engine-rig.h"

/* ---- Threads ---- */

#define STACK (2 * 1024 * 1024) /* the thread sanitizer takes a good part of it */

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

/* ---- vCPUs that go ---- */

static void take_out(Rig *rig, unsigned index)
{
	kvm_gdb_remove_vcpu(rig->cpus[index].vcpu);
	rig->cpus[index].vcpu = NULL;
}

/* As a VMM does it. */
static void unplug(Rig *rig, unsigned index)
{
	leave(rig, index);
	take_out(rig, index);
}

static void plug(Rig *rig, unsigned index)
{
	Cpu *cpu = &rig->cpus[index];
	g_autoptr(GError) error = NULL;

	cpu->vcpu = kvm_gdb_add_vcpu(rig->gdb, index, toy_fd(rig->vm, index),
				     toy_run(rig->vm, index), &error);
	g_assert_no_error(error);
	start(rig, index);
}

static void expect_fails(Rig *rig, const char *packet, const char *text)
{
	g_autofree char *reply = rsp_client_ask(rig->client, packet);

	if (!g_str_has_prefix(reply, "E.") || !strstr(reply, text))
		g_error("%s: no error '%s' but: %s", packet, text, reply);
}

/* The middle one of three: the last keeps its number. */
static void test_remove(void)
{
	Rig *rig = rig_new_stopped(3);
	g_autofree char *cpus = NULL;

	unplug(rig, 1);
	rsp_expect(rig->client, "qfThreadInfo", "m01,03");
	expect_fails(rig, "T2", "CPU 1 was unplugged");
	expect_fails(rig, "Hg2", "CPU 1 was unplugged");
	expect_fails(rig, "qThreadExtraInfo,2", "CPU 1 was unplugged");
	rsp_expect(rig->client, "T3", "OK");
	expect_match(rig, "cpu 1", "CPU 1 was unplugged");
	cpus = monitor(rig, "info cpus");
	g_assert_nonnull(strstr(cpus, "CPU #0"));
	g_assert_null(strstr(cpus, "CPU #1"));
	g_assert_nonnull(strstr(cpus, "CPU #2"));
	cpus = (g_free(cpus), monitor(rig, "info registers -a"));
	g_assert_null(strstr(cpus, "CPU#1"));
	g_assert_cmphex(pc_of(rig, 3) & ~3ull, ==, 0x100);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak");
	resume_to_reason(rig, "vCont;c", "swbreak");
	resume_to_reason(rig, "vCont;s:3", "T05");
	rig_free(rig);
}

static void expect_threads_xml(Rig *rig, const char *there, const char *gone)
{
	g_autofree char *xml = rsp_client_ask(rig->client, "qXfer:threads:read::0,1000");

	g_assert_nonnull(strstr(xml, there));
	g_assert_null(strstr(xml, gone));
}

/* While nobody is connected; a client that comes sees those that there are. */
static void test_remove_free(void)
{
	Rig *rig = rig_new_stopped(3);

	hang_up(rig);
	unplug(rig, 2);
	expect_runs(rig, 0);
	connect_client(rig);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	expect_threads_xml(rig, "vCPU 1", "vCPU 2");
	rsp_client_send(rig->client, "vCont;c");
	interrupt(rig);
	rig_free(rig);
}

/* The only one that the client has let run. */
static void test_remove_runner(void)
{
	Rig *rig = rig_new_stopped(2);

	rsp_client_send(rig->client, "vCont;c:2");
	expect_runs(rig, 1);
	unplug(rig, 1);
	expect_stop(rig, "T02");
	expect_fails(rig, "vCont;c:2", "unplugged");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	rig_free(rig);
}

/* It steps over its breakpoint, all others wait for that, and it has gone into a device. */
static void test_remove_over(void)
{
	Rig *rig = rig_new_stopped(2);
	static const uint8_t trap[] = {0xcc};

	put_code(rig, 0x200, "e610ebfe");
	write_pc(rig, 2, 0x200);
	rsp_expect(rig->client, "Z0,200,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak");
	SET(rig->device_hold, 1);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->io_exits))
		g_main_context_iteration(NULL, FALSE);
	SET(rig->cpus[1].leave, 1);
	SET(rig->device_hold, 0);
	unplug(rig, 1);
	expect_runs(rig, 0);
	g_assert_true(has_code(rig, 0x200, trap, sizeof(trap)));
	interrupt(rig);
	rig_free(rig);
}

/* What it had to tell goes with it. */
static void test_remove_event(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "9090ebfc");
	write_pc(rig, 1, 0x200);
	write_pc(rig, 2, 0x200);
	rsp_expect(rig->client, "Z0,201,1", "OK");
	for (unsigned i = 0; i < 10; i++)
		resume_to_reason(rig, "vCont;c", "swbreak");
	unplug(rig, 1);
	for (unsigned i = 0; i < 10; i++)
		resume_to_reason(rig, "vCont;c", "thread:01");
	rig_free(rig);
}

/* Its last exit was one of a device's, which nobody finishes; and the client leaves and comes. */
static void test_remove_in_device(void)
{
	Rig *rig = rig_new(2, false);

	put_code(rig, 0x200, "e610ebfc");
	toy_set_pc(rig->vm, 1, 0x200);
	g_assert_cmpint(kvm_gdb_run(rig->cpus[1].vcpu), ==, 0);
	take_out(rig, 1);
	start(rig, 0);
	connect_client(rig);
	resume_to(rig, "vCont;s:1", "T05");
	rig_free(rig);
}

/* The same while the client steps it. */
static void test_remove_in_step(void)
{
	Rig *rig = rig_new(2, true);

	put_code(rig, 0x200, "e610ebfc");
	start(rig, 0);
	start_to_exit(rig, 1);
	connect_client(rig);
	write_pc(rig, 2, 0x200);
	rsp_client_send(rig->client, "vCont;s:2");
	await_exit(rig, 1);
	take_out(rig, 1);
	expect_stop(rig, "T02thread:01");
	resume_to(rig, "vCont;s:1", "T05");
	rig_free(rig);
}

/* The client has looked at it, lets all run, and stops them when it is gone. */
static void test_remove_looked_at(void)
{
	Rig *rig = rig_new_stopped(2);

	resume_to(rig, "vCont;s:2", "T05thread:02");
	rsp_expect(rig->client, "Z0,20300,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	unplug(rig, 1);
	rsp_client_write(rig->client, "\x03", 1);
	expect_stop(rig, "T02thread:01");
	resume_to(rig, "vCont;s:1", "T05");
	rig_free(rig);
}

/* A VMM may give its descriptor to the next one, which is not debugged then. */
static void test_remove_debugged(void)
{
	Rig *rig = rig_new_stopped(2);

	rsp_expect(rig->client, "Z1,300,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 1);
	g_assert_cmphex(toy_control(rig->vm, 1), !=, 0);
	unplug(rig, 1);
	g_assert_cmphex(toy_control(rig->vm, 1), ==, 0);
	hang_up(rig);
	plug(rig, 1);
	expect_runs(rig, 1);
	g_assert_cmphex(toy_control(rig->vm, 1), ==, 0);
	rig_free(rig);
}

static void test_plug_again(void)
{
	Rig *rig = rig_new_stopped(3);
	g_autoptr(GError) error = NULL;

	for (unsigned i = 0; i < 3; i++) {
		unplug(rig, 1);
		rsp_expect(rig->client, "qfThreadInfo", "m01,03");
		plug(rig, 1);
		rsp_expect(rig->client, "qfThreadInfo", "m01,02,03");
		resume_to(rig, "vCont;s:2", "T05");
	}
	g_assert_null(
		kvm_gdb_add_vcpu(rig->gdb, 1, toy_fd(rig->vm, 1), toy_run(rig->vm, 1), &error));
	g_assert_nonnull(error);
	rig_free(rig);
}

/* In non-stop mode: the client believed that it stands, and the new one runs. */
static void test_plug_again_non_stop(void)
{
	Rig *rig = rig_new_stopped(3);

	rsp_expect(rig->client, "QNonStop:1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		rsp_expect(rig->client, "vCont;t:2", "OK");
		expect_stop(rig, "%Stop:T00thread:02;");
		rsp_expect(rig->client, "vStopped", "OK");
		unplug(rig, 1);
		plug(rig, 1);
		expect_runs(rig, 1);
		rsp_expect(rig->client, "Hg2", "OK");
		expect_fails(rig, "p4", "CPU 1 is running");
	}
	/* It goes before the client has taken its stop. */
	rsp_expect(rig->client, "vCont;t:2", "OK");
	expect_stop(rig, "%Stop:T00thread:02;");
	unplug(rig, 1);
	plug(rig, 1);
	rsp_expect(rig->client, "vStopped", "OK");
	rsp_expect(rig->client, "vCont;t:2", "OK");
	expect_stop(rig, "%Stop:T00thread:02;");
	rsp_expect(rig->client, "vStopped", "OK");
	g_assert_cmphex(pc_of(rig, 2) & ~3ull, ==, 0x100);
	rig_free(rig);
}

/* ---- vCPUs that are off ---- */

/* A step of such a one would not end. */
static void test_step_off(void)
{
	Rig *rig = rig_new(2, true);

	toy_set_off(rig->vm, 1, true);
	start_all(rig);
	connect_client(rig);
	expect_fails(rig, "vCont;s:2", "CPU 1 is off");
	expect_fails(rig, "vCont;s:2;c", "CPU 1 is off");
	expect_fails(rig, "vCont;r100,102:2;c", "CPU 1 is off");
	resume_to(rig, "vCont;s:1;c", "T05");
	toy_set_off(rig->vm, 1, false);
	resume_to(rig, "vCont;s:2", "T05");
	rig_free(rig);
}

static void expect_state(Rig *rig, const char *state)
{
	g_autofree char *list = rsp_client_ask(rig->client, "qXfer:threads:read::0,fff");

	g_assert_nonnull(strstr(list, state));
}

/* KVM is asked once in a stop. What another CPU's step has changed is seen after it. */
static void test_states_asked_once(void)
{
	Rig *rig = rig_new_stopped(2);
	unsigned calls;

	expect_state(rig, "CPU#1 [running]");
	calls = toy_state_calls(rig->vm, 1);
	expect_state(rig, "CPU#1 [running]");
	g_assert_cmpuint(toy_state_calls(rig->vm, 1), ==, calls);
	resume_to(rig, "vCont;s:1", "T05");
	toy_set_off(rig->vm, 1, true);
	expect_state(rig, "CPU#1 [off]");
	g_assert_cmpuint(toy_state_calls(rig->vm, 1), ==, calls + 1);
	rig_free(rig);
}

/* A device that takes the second vCPU out when it is read. */
static bool unplugging_device(Rig *rig, uint64_t gpa G_GNUC_UNUSED, void *data, size_t len,
			      bool is_write G_GNUC_UNUSED)
{
	memset(data, 0x5a, len);
	if (rig->cpus[1].vcpu)
		take_out(rig, 1);
	return true;
}

/* A read by the page tables of a vCPU ends where a device on the way takes that one out. */
static void test_remove_while_read(void)
{
	Rig *rig = rig_new_stopped(2);

	kvm_gdb_unmap(rig->gdb, 0x3000, 0x1000);
	rig->device = unplugging_device;
	rsp_expect(rig->client, "Hg2", "OK");
	leave(rig, 1);
	rsp_expect(rig->client, "m3ffe,4", "5a5a");
	rsp_expect(rig->client, "qfThreadInfo", "m01");
	plug(rig, 1);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"second-thread-same-stack", test_second_thread_same_stack},
		{"remove", test_remove},
		{"remove-free", test_remove_free},
		{"remove-runner", test_remove_runner},
		{"remove-over", test_remove_over},
		{"remove-event", test_remove_event},
		{"remove-in-device", test_remove_in_device},
		{"remove-debugged", test_remove_debugged},
		{"remove-in-step", test_remove_in_step},
		{"remove-looked-at", test_remove_looked_at},
		{"remove-while-read", test_remove_while_read},
		{"plug-again", test_plug_again},
		{"plug-again-non-stop", test_plug_again_non_stop},
		{"step-off", test_step_off},
		{"states-asked-once", test_states_asked_once},
		{0},
	};

	return test_main(argc, argv, "engine-vcpus", cases);
}

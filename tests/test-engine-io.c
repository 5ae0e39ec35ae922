/*
 * tests/test-engine-io.c - I/O exits on the toy KVM: what kvm_gdb_run() returns looks as KVM leaves
 * it, and a step or a stop in the middle of an I/O instruction loses and doubles nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/engine-rig.h"

/* ---- What the VMM sees ---- */

/* One port write in a loop, counted by the guest in r0. The VMM looks at the reason after EINTR. */
static void test_no_access_twice(void)
{
	Rig *rig = rig_new_stopped(1);
	uint64_t counted;

	put_code(rig, 0x200,
		 "e6100104"
		 "04ebf9");
	write_pc(rig, 1, 0x200);
	for (unsigned i = 0; i < 300; i++) {
		rsp_client_send(rig->client, "vCont;c");
		if (i % 3)
			test_run_for(NULL, i % 3);
		interrupt(rig);
		counted = read_reg(rig, 1, 0);
		g_assert_cmpuint(GET(rig->io_exits), ==, counted + (pc_of(rig, 1) == 0x202));
	}
	g_assert_cmpuint(counted, >, 0);
	rig_free(rig);
}

typedef struct Call {
	int ret, err;
	uint32_t reason;
	uint8_t immediate_exit;
} Call;

int ioctl(int fd, unsigned long request, ...);

/* On this thread, with @reason left of an earlier exit. @rig NULL: the bare KVM_RUN. */
static Call call(Rig *rig, ToyVm *vm, uint32_t reason, uint8_t immediate_exit)
{
	struct kvm_run *run = toy_run(vm, 0);
	Call call;

	run->exit_reason = reason;
	SET(run->immediate_exit, immediate_exit);
	errno = 0;
	call.ret = rig ? kvm_gdb_run(rig->cpus[0].vcpu) : ioctl(toy_fd(vm, 0), KVM_RUN, 0);
	call.err = errno;
	call.reason = run->exit_reason;
	call.immediate_exit = GET(run->immediate_exit);
	SET(run->immediate_exit, 0);
	return call;
}

/* The bare KVM and the engine, with nobody connected and with a stopped machine, side by side. */
static void compare(const char *code, int error, uint32_t reason, uint8_t immediate_exit)
{
	/* A connected client is told of a shutdown first. */
	unsigned n = strcmp(code, "ff") == 0 ? 1 : 2;

	for (unsigned stopped = 0; stopped < n; stopped++) {
		ToyVm *bare = toy_new(1);
		Rig *rig = rig_new(1, false);
		Call expected, got;

		put_code(rig, 0x100, code);
		memcpy(toy_ram(bare), toy_ram(rig->vm), TOY_RAM);
		toy_set_pc(bare, 0, 0x100);
		if (stopped)
			connect_client(rig);
		toy_fail_run(bare, 0, error);
		toy_fail_run(rig->vm, 0, error);
		expected = call(NULL, bare, reason, immediate_exit);
		if (stopped && !immediate_exit)
			rsp_client_send(rig->client, "vCont;c");
		if (stopped && !immediate_exit)
			test_run_for(NULL, 20);
		got = call(rig, rig->vm, reason, immediate_exit);
		g_assert_cmpint(got.ret, ==, expected.ret);
		g_assert_cmpint(got.err, ==, expected.err);
		g_assert_cmpuint(got.reason, ==, expected.reason);
		g_assert_cmpuint(got.immediate_exit, ==, expected.immediate_exit);
		rig_free(rig);
		toy_free(bare);
	}
}

static void test_as_kvm(void)
{
	compare("9090e610", 0, KVM_EXIT_HLT, 0);
	compare("ff", 0, KVM_EXIT_HLT, 0);
	compare("90ebfd", EFAULT, KVM_EXIT_HLT, 0);
	compare("90ebfd", EIO, KVM_EXIT_FAIL_ENTRY, 0);
	compare("90ebfd", 0, KVM_EXIT_HLT, 1);
	compare("90ebfd", 0, KVM_EXIT_IO, 1);
}

static void on_signal(int signo G_GNUC_UNUSED)
{
}

/* With a debugger's exit in the run page, none of the VMM's ways out shows it. */
static void check_after_debug_exit(Rig *rig, bool by_signal)
{
	struct kvm_run *run = toy_run(rig->vm, 0);
	Cpu *cpu = &rig->cpus[0];
	unsigned before;

	rsp_expect(rig->client, "Z0,101,1", "OK");
	resume_to(rig, "vCont;c", "T05");
	before = GET(cpu->eintrs);
	for (unsigned i = 0; i < 1000 && GET(cpu->eintrs) == before; i++) {
		if (!by_signal)
			SET(run->immediate_exit, 1);
		pthread_kill(GET(cpu->id), SIGUSR1);
		g_usleep(1000);
	}
	SET(run->immediate_exit, 0);
	g_assert_cmpuint(GET(cpu->eintrs), >, before);
	g_assert_cmpuint(GET(cpu->bad_reasons), ==, 0);
	resume_to(rig, "vCont;c", "T05");
}

static void test_signal_after_debug_exit(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;

	sigaction(SIGUSR1, &action, &old);
	for (unsigned by_signal = 0; by_signal < 2; by_signal++) {
		Rig *rig = rig_new_stopped(1);

		check_after_debug_exit(rig, by_signal);
		rig_free(rig);
	}
	sigaction(SIGUSR1, &old, NULL);
}

/* ---- A stop while the VMM has the exit ---- */

static void run_into_device(Rig *rig, const char *packet)
{
	SET(rig->device_hold, 1);
	SET(rig->io_exits, 0);
	rsp_client_send(rig->client, packet);
	while (!GET(rig->io_exits))
		g_main_context_iteration(NULL, FALSE);
}

/*
 * An error of KVM_RUN while the engine finishes the I/O is the VMM's, and no access is done twice.
 */
static void test_error_at_finish(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "e61090ebfd");
	write_pc(rig, 1, 0x200);
	run_into_device(rig, "vCont;c");
	rsp_client_write(rig->client, "\x03", 1);
	test_run_for(NULL, 5);
	toy_fail_run(rig->vm, 0, EFAULT);
	SET(rig->device_hold, 0);
	expect_stop(rig, "T02");
	while (!GET(rig->cpus[0].ended))
		g_usleep(1000);
	g_assert_cmpint(GET(rig->cpus[0].error), ==, EFAULT);
	g_assert_cmpuint(GET(rig->io_exits), ==, 1);
	rig_free(rig);
}

/* One round of the code at 0x200: how often the VMM comes back with EINTR. */
static void check_eintrs(Rig *rig, int signo, unsigned expected)
{
	unsigned before;

	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	before = GET(rig->cpus[0].eintrs);
	toy_signal_at_finish(rig->vm, 0, signo);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_cmpuint(GET(rig->cpus[0].eintrs) - before, ==, expected);
	g_assert_cmpuint(GET(rig->cpus[0].bad_reasons), ==, 0);
	interrupt(rig);
}

/* A signal of the VMM's that comes while the engine finishes an I/O ends the call. */
static void test_signal_at_finish(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;

	sigaction(SIGUSR1, &action, &old);
	for (unsigned arm = 0; arm < 2; arm++) {
		Rig *rig;

		toy_set_like_arm(arm);
		rig = rig_new_stopped(1);
		/* The step off a breakpoint has the I/O in it. */
		put_code(rig, 0x200, "e61090ebfd");
		rsp_expect(rig->client, "Z0,200,1", "OK");
		check_eintrs(rig, SIGUSR1, 1);
		rig_free(rig);
	}
	toy_set_like_arm(false);
	sigaction(SIGUSR1, &old, NULL);
}

/* On a slow host the vCPU may not be back from its device when the wait for it is over. */
static void expect_pc(Rig *rig, unsigned thread, uint64_t pc)
{
	for (unsigned i = 0; i < 1000 && pc_of(rig, thread) != pc; i++)
		test_run_for(NULL, 5);
	g_assert_cmphex(pc_of(rig, thread), ==, pc);
}

/* What the I/O instruction at 0x200 is, and how long. */
typedef struct Access {
	const char *code;
	unsigned length;
} Access;

static const Access accesses[] = {{"e61090ebfd", 2}, {"e7001090ebfd", 3}};

static void check_released(Rig *rig, const Access *access)
{
	g_assert_cmpuint(GET(rig->io_exits), ==, 1);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	g_assert_cmphex(read_reg(rig, 1, 3), ==, 0);
	if (access->length == 2)
		g_assert_cmphex(read_reg(rig, 1, 1), ==, 0x42);
}

/* A step of an access to a device ends behind it, whatever KVM says of it. */
static void check_step(const Access *access)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, access->code);
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x200 + access->length);
	check_released(rig, access);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x201 + access->length);
	rig_free(rig);
}

/* The stop comes while the VMM has the exit of the instruction that is stepped. */
static void check_cut_step(const Access *access, bool by_other, const char *then)
{
	Rig *rig = rig_new_stopped(2);
	g_autofree char *reply = NULL;

	put_code(rig, 0x200, access->code);
	put_code(rig, 0x300, "f490ebfe");
	write_pc(rig, 1, 0x200);
	write_pc(rig, 2, 0x300);
	rsp_expect(rig->client, "Z0,301,1", "OK");
	run_into_device(rig, "vCont;s:1;c");
	while (!toy_halted(rig->vm, 1))
		g_main_context_iteration(NULL, FALSE);
	if (by_other)
		toy_wake(rig->vm, 1);
	else
		rsp_client_write(rig->client, "\x03", 1);
	test_run_for(NULL, 5);
	SET(rig->device_hold, 0);
	reply = rsp_expect_next_prefix(rig->client, "T0");
	expect_pc(rig, 1, 0x200 + access->length);
	check_released(rig, access);
	rsp_expect(rig->client, "z0,301,1", "OK");
	/* The end of the step was told first, and the Ctrl-C is still owed. */
	if (!by_other && !g_str_has_prefix(reply, "T02"))
		resume_to(rig, then, "T02");
	rsp_client_send(rig->client, then);
	expect_runs(rig, 0);
	interrupt(rig);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 0), ==, 0);
	g_assert_cmphex(read_reg(rig, 1, 3), ==, 0);
	rig_free(rig);
}

static void test_step(void)
{
	for (unsigned arm = 0; arm < 2; arm++) {
		toy_set_like_arm(arm);
		for (unsigned i = 0; i < G_N_ELEMENTS(accesses); i++)
			check_step(&accesses[i]);
	}
	toy_set_like_arm(false);
}

static void test_cut_step(void)
{
	for (unsigned n = 0; n < 8; n++) {
		toy_set_like_arm(n & 4);
		check_cut_step(&accesses[n & 1], n & 2, "vCont;c:1");
	}
	toy_set_like_arm(false);
}

/* The client goes on, or leaves, while the VMM still has the exit: the grace is over. */
static void check_cut_late(const Access *access, bool leave)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, access->code);
	write_pc(rig, 1, 0x200);
	run_into_device(rig, "vCont;s:1");
	interrupt(rig);
	if (leave)
		g_clear_pointer(&rig->client, rsp_client_free);
	else
		rsp_client_send(rig->client, "vCont;c");
	test_run_for(NULL, 5);
	SET(rig->device_hold, 0);
	expect_runs(rig, 0);
	if (leave)
		connect_client(rig);
	else
		interrupt(rig);
	check_released(rig, access);
	rig_free(rig);
}

static void test_cut_late(void)
{
	for (unsigned n = 0; n < 8; n++) {
		toy_set_like_arm(n & 4);
		check_cut_late(&accesses[n & 1], n & 2);
	}
	toy_set_like_arm(false);
}

/* A step off a breakpoint on an I/O instruction, cut off there: it is behind it, not hit twice. */
static void test_cut_off_break(void)
{
	for (unsigned n = 0; n < 8; n++) {
		const Access *access = &accesses[n & 1];
		Rig *rig;

		toy_set_like_arm(n & 4);
		rig = rig_new_stopped(1);
		put_code(rig, 0x200, access->code);
		write_pc(rig, 1, 0x200);
		rsp_expect(rig->client, n & 2 ? "Z1,200,1" : "Z0,200,1", "OK");
		resume_to(rig, "vCont;c", "T05");
		run_into_device(rig, "vCont;c");
		rsp_client_write(rig->client, "\x03", 1);
		test_run_for(NULL, 5);
		SET(rig->device_hold, 0);
		expect_stop(rig, "T02");
		expect_pc(rig, 1, 0x200 + access->length);
		rsp_client_send(rig->client, "vCont;c");
		expect_runs(rig, 0);
		interrupt(rig);
		check_released(rig, access);
		rig_free(rig);
	}
	toy_set_like_arm(false);
}

/* ---- vCPUs that the VMM keeps ---- */

/* Its registers can be seen, its memory and breakpoints used; only writing them has to wait. */
static void test_in_device(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "e61090ebfd");
	write_pc(rig, 2, 0x200);
	run_into_device(rig, "vCont;c");
	interrupt(rig);
	g_assert_cmphex(pc_of(rig, 2), ==, 0x200);
	rsp_expect_error(rig->client, "P4=0003000000000000");
	rsp_expect(rig->client, "m200,2", "e610");
	rsp_expect(rig->client, "Z0,202,1", "OK");
	rsp_expect(rig->client, "z0,202,1", "OK");
	rsp_expect(rig->client, "Z1,202,1", "OK");
	rsp_expect(rig->client, "z1,202,1", "OK");
	rsp_expect(rig->client, "Z0,202,1", "OK");
	SET(rig->device_hold, 0);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 2), ==, 0x202);
	rig_free(rig);
}

/* CPU 1 hangs in a device at the attach: its registers are there all the same. */
static void test_attach_in_device(void)
{
	Rig *rig = rig_new(2, false);
	g_autofree char *text = NULL;

	put_code(rig, 0x200, "e61090ebfd");
	toy_set_pc(rig->vm, 0, 0x200);
	SET(rig->device_hold, 1);
	start_all(rig);
	while (!GET(rig->io_exits))
		g_usleep(1000);
	connect_client(rig);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x200);
	text = rsp_client_ask(rig->client, "qThreadExtraInfo,p1.1");
	/* "device" */
	g_assert_nonnull(strstr(text, "646576696365"));
	SET(rig->device_hold, 0);
	rig_free(rig);
}

static int handler_holds, handler_entered; /* atomic */

static void hold_in_handler(int signo G_GNUC_UNUSED)
{
	SET(handler_entered, 1);
	while (GET(handler_holds))
		g_usleep(1000);
}

/*
 * A VMM that pauses its vCPUs in a signal handler, as kvmtool does: the thread has left KVM_RUN but
 * is not back in kvm_gdb_run(). A client that connects is answered, and Ctrl-C, too.
 */
static void test_kept_in_handler(void)
{
	struct sigaction action = {.sa_handler = hold_in_handler}, old;
	Rig *rig;

#ifdef __SANITIZE_THREAD__
	g_test_skip("the thread sanitizer runs no handler while another one runs");
	return;
#endif
	rig = rig_new(2, false);
	sigaction(SIGUSR1, &action, &old);
	start_all(rig);
	expect_runs(rig, 0);
	SET(handler_holds, 1);
	SET(handler_entered, 0);
	pthread_kill(GET(rig->cpus[0].id), SIGUSR1);
	while (!GET(handler_entered))
		g_usleep(1000);
	connect_client(rig);
	g_assert_cmphex(pc_of(rig, 1) & ~3ull, ==, 0x100);
	rsp_expect_error(rig->client, "P4=0003000000000000");
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "z0,101,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 1);
	interrupt(rig);
	expect_stands(rig, 0);
	SET(handler_holds, 0);
	test_run_for(NULL, 20);
	expect_stands(rig, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	write_pc(rig, 1, 0x100);
	rig_free(rig);
	sigaction(SIGUSR1, &old, NULL);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"no-access-twice", test_no_access_twice},
		{"as-kvm", test_as_kvm},
		{"signal-after-debug-exit", test_signal_after_debug_exit},
		{"error-at-finish", test_error_at_finish},
		{"signal-at-finish", test_signal_at_finish},
		{"step", test_step},
		{"cut-step", test_cut_step},
		{"cut-late", test_cut_late},
		{"cut-off-break", test_cut_off_break},
		{"in-device", test_in_device},
		{"attach-in-device", test_attach_in_device},
		{"kept-in-handler", test_kept_in_handler},
		{0},
	};

	return test_main(argc, argv, "engine-io", cases);
}

/*
 * tests/test-engine-vmm.c - the engine's two other sides on the toy KVM: clients that come and go,
 * and the VMM with its signals, exits and notices. Txx: test cases of the project's list of other
 * stubs' bugs.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "gdbstub/target.h"
#include "tests/engine-rig.h"

/* ---- Disconnects ---- */

static bool is_clean(void *data)
{
	static const uint8_t loop[] = {0x90, 0x90, 0xeb, 0xfc};
	Rig *rig = data;

	return is_free(rig) && has_code(rig, 0x100, loop, sizeof(loop));
}

/* T17: every patch out and every control off, then all run. */
static void check_released(Rig *rig)
{
	g_clear_pointer(&rig->client, rsp_client_free);
	g_assert_true(test_wait(NULL, is_clean, rig, TEST_PATIENCE));
	for (unsigned i = 0; i < rig->n; i++) {
		expect_runs(rig, i);
		g_assert_cmpuint(toy_guest_traps(rig->vm, i), ==, 0);
	}
}

static void test_hangup_stopped(void)
{
	Rig *rig = rig_new_stopped(3);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z1,102,1", "OK");
	resume_to(rig, "vCont;c", "T05");
	check_released(rig);
	rig_free(rig);
}

static void test_hangup_running(void)
{
	Rig *rig = rig_new_stopped(3);

	rsp_expect(rig->client, "Z0,200,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	check_released(rig);
	rig_free(rig);
}

/* While breakpoints are hit all the time, by all CPUs. */
static void test_hangup_storm(void)
{
	Rig *rig = rig_new(3, false);

	start_all(rig);
	for (unsigned i = 0; i < 50; i++) {
		connect_client(rig);
		rsp_expect(rig->client, "Z0,101,1", "OK");
		rsp_client_send(rig->client, i % 2 ? "vCont;c" : "vCont;s:2;c");
		if (i % 3)
			test_run_for(NULL, i % 5);
		check_released(rig);
	}
	rig_free(rig);
}

static void test_detach(void)
{
	Rig *rig = rig_new_stopped(2);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "D", "OK");
	check_released(rig);
	connect_client(rig);
	rsp_expect(rig->client, "m101,1", "90");
	rig_free(rig);
}

/* A client that leaves while a CPU steps off its breakpoint: that step is not made up for later. */
static void test_detach_passing(void)
{
	Rig *rig;

	toy_set_like_arm(true);
	rig = rig_new_stopped(1);
	put_code(rig, 0x200, "e610f490ebfd");
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z1,200,1", "OK");
	resume_to(rig, "vCont;c", "T05");
	SET(rig->device_hold, 1);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->io_exits))
		g_main_context_iteration(NULL, FALSE);
	g_clear_pointer(&rig->client, rsp_client_free);
	SET(rig->device_hold, 0);
	/* a step makes a CPU run on that has halted */
	while (!toy_halted(rig->vm, 0))
		g_main_context_iteration(NULL, FALSE);
	connect_client(rig);
	rsp_client_send(rig->client, "vCont;c");
	test_run_for(NULL, 20);
	interrupt(rig);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x203);
	rig_free(rig);
	toy_set_like_arm(false);
}

static void test_attach_cycles(void)
{
	Rig *rig = rig_new(4, false);
	unsigned fds = test_count_fds();
	unsigned cycles = g_test_thorough() ? 2000 : 200;

	start_all(rig);
	for (unsigned i = 0; i < cycles; i++) {
		connect_client(rig);
		hang_up(rig);
	}
	g_assert_cmpuint(test_count_fds(), ==, fds);
	rig_free(rig);
}

static void test_interrupt_cycles(void)
{
	Rig *rig = rig_new_stopped(4);
	unsigned cycles = g_test_thorough() ? 5000 : 500;

	for (unsigned i = 0; i < cycles; i++) {
		rsp_client_send(rig->client, "vCont;c");
		interrupt(rig);
	}
	rig_free(rig);
}

/* T15: Ctrl-C racing a breakpoint gives one stop. */
static void test_interrupt_race(void)
{
	Rig *rig = rig_new_stopped(2);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	for (unsigned i = 0; i < 100; i++) {
		rsp_client_send(rig->client, "vCont;c");
		rsp_client_write(rig->client, "\x03", 1);
		expect_stop(rig, "T0");
		rsp_expect(rig->client, "qAttached", "1");
	}
	rig_free(rig);
}

/* ---- The VMM's side ---- */

static void on_signal(int signo G_GNUC_UNUSED)
{
}

static void send_until_eintr(Cpu *cpu)
{
	unsigned before = GET(cpu->eintrs);

	for (unsigned i = 0; i < 1000 && GET(cpu->eintrs) == before; i++) {
		pthread_kill(GET(cpu->id), SIGUSR1);
		g_usleep(1000);
	}
	g_assert_cmpuint(GET(cpu->eintrs), >, before);
}

/*
 * A signal to a parked vCPU's thread ends the wait, as it ends KVM_RUN. One that comes before the
 * thread waits is handled and gone, as for KVM_RUN, so it is sent until it is seen.
 */
static void test_signal_while_parked(void)
{
	Rig *rig = rig_new_stopped(1);
	Cpu *cpu = &rig->cpus[0];
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
	unsigned before;

	sigaction(SIGUSR1, &action, &old);
	resume_to(rig, "vCont;s:1", "T05");
	before = GET(cpu->eintrs);
	for (unsigned i = 0; i < 1000 && GET(cpu->eintrs) == before; i++) {
		pthread_kill(GET(cpu->id), SIGUSR1);
		g_usleep(1000);
	}
	g_assert_cmpuint(GET(cpu->eintrs), >, before);
	resume_to(rig, "vCont;s:1", "T05");
	rig_free(rig);
	sigaction(SIGUSR1, &old, NULL);
}

/* T27: the machine shuts down: told first, then the VMM gets its exit. */
static void test_shutdown(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "90ff");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T0b");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x201);
	g_assert_cmpuint(GET(rig->shutdowns), ==, 0);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->shutdowns))
		g_main_context_iteration(NULL, FALSE);
	rig_free(rig);
}

/* A signal of the VMM's ends the wait of the CPU: the exit is as it was, when its time comes. */
static void test_shutdown_signal(void)
{
	Rig *rig = rig_new_stopped(1);
	Cpu *cpu = &rig->cpus[0];
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;

	sigaction(SIGUSR1, &action, &old);
	put_code(rig, 0x200, "90ff");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T0b");
	send_until_eintr(cpu);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->shutdowns) && !GET(cpu->error))
		g_main_context_iteration(NULL, FALSE);
	g_assert_cmpuint(GET(rig->shutdowns), ==, 1);
	rig_free(rig);
	sigaction(SIGUSR1, &old, NULL);
}

static void test_shutdown_unattended(void)
{
	Rig *rig = rig_new(1, false);

	put_code(rig, 0x100, "ff");
	start_all(rig);
	while (!GET(rig->shutdowns))
		g_main_context_iteration(NULL, FALSE);
	rig_free(rig);
}

static void test_panic(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "e65090ebfd");
	write_pc(rig, 2, 0x200);
	resume_to(rig, "vCont;c", "T06");
	g_assert_cmphex(pc_of(rig, 2), ==, 0x202);
	rig_free(rig);
}

/* The end of the VMM while the world is stopped: threads come back at once, the client is told. */
static void test_end_while_stopped(void)
{
	Rig *rig = rig_new_stopped(4);

	/* A CPU that has stepped is surely parked. */
	for (unsigned i = 1; i <= 4; i++) {
		g_autofree char *packet = g_strdup_printf("vCont;s:%u", i);

		resume_to(rig, packet, "T05");
	}
	rsp_expect(rig->client, "Z0,101,1", "OK");
	SET(rig->stop, 1);
	kvm_gdb_end(rig->gdb, 3);
	for (unsigned i = 0; i < 4; i++)
		g_thread_join(g_steal_pointer(&rig->cpus[i].thread));
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	rig_free(rig);
}

/* The machine ends as it stands: no CPU executes anything more. */
static void check_kill(const char *packet, const char *before)
{
	Rig *rig = rig_new_stopped(2);
	uint64_t ran;

	rsp_expect(rig->client, "Z0,102,1", "OK");
	if (before)
		rsp_client_send(rig->client, before);
	if (before)
		expect_stop(rig, "T05");
	ran = toy_instructions(rig->vm, 0);
	rsp_client_send(rig->client, packet);
	while (!GET(rig->poweroffs))
		g_main_context_iteration(NULL, FALSE);
	test_run_for(NULL, 20);
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, ran);
	SET(rig->stop, 1);
	kvm_gdb_end(rig->gdb, 0);
	g_assert_cmphex(toy_ram(rig->vm)[0x102], ==, 0xeb);
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, ran);
	rig_free(rig);
}

static void test_kill(void)
{
	check_kill("k", NULL);
	check_kill("k", "vCont;s:1");
	check_kill("vKill;1", "vCont;s:1");
}

/* A held CPU's panic concerns the machine: it is told as what it is. */
static void test_panic_held(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "e61090ebfd");
	write_pc(rig, 2, 0x200);
	SET(rig->device_hold, 1);
	rsp_client_send(rig->client, "vCont;c");
	while (!GET(rig->io_exits))
		g_main_context_iteration(NULL, FALSE);
	interrupt(rig);
	rsp_client_send(rig->client, "vCont;c:1");
	expect_runs(rig, 0);
	kvm_gdb_notify(rig->gdb, rig->cpus[1].vcpu, KVM_GDB_PANIC);
	expect_stop(rig, "T06thread:02");
	SET(rig->device_hold, 0);
	rig_free(rig);
}

/* The registers that gdb sees are the guest's, also when KVM refuses the step. */
static void test_control_fails(void)
{
	Rig *rig;

	toy_set_like_arm(true);
	rig = rig_new_stopped(1);
	toy_fail_control(rig->vm, 0, EINVAL);
	rsp_client_send(rig->client, "vCont;s:1");
	expect_stop(rig, "T");
	g_assert_cmphex(read_reg(rig, 1, 3), ==, 0);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x100);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	rig_free(rig);
	toy_set_like_arm(false);
}

/* T26: a vCPU whose thread starts late obeys from its first instruction. */
static void test_late_vcpu(void)
{
	Rig *rig = rig_new(2, true);

	start(rig, 0);
	connect_client(rig);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	put_code(rig, 0x300, "ebfe");
	write_pc(rig, 1, 0x300);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	start(rig, 1);
	expect_stop(rig, "T05");
	g_assert_cmphex(pc_of(rig, 2), ==, 0x101);
	g_assert_cmpuint(toy_guest_traps(rig->vm, 1), ==, 0);
	rig_free(rig);
}

/* A reset loads memory anew: breakpoints leave it, so as not to be lost there, and come back. */
static void test_reset(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	kvm_gdb_notify(rig->gdb, NULL, KVM_GDB_RESET);
	g_assert_cmphex(toy_ram(rig->vm)[0x101], !=, 0xcc);
	put_code(rig, 0x100, "9090ebfc");
	write_pc(rig, 1, 0x100);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	rsp_expect(rig->client, "m100,4", "9090ebfc");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0x90);
	rig_free(rig);
}

static unsigned count_traps(const Rig *rig)
{
	unsigned n = 0;

	for (unsigned i = 0x300; i < 0x304; i++)
		n += toy_ram(rig->vm)[i] == 0xcc;
	return n;
}

/* What the engine writes to guest memory while the guest runs is read when it stands. */
static bool has_left_twice(void *data)
{
	return GET(((Rig *)data)->io_exits) >= 2;
}

/*
 * One more than there are points is put in as soon as a CPU that leaves KVM sees the code mapped.
 */
static void test_reset_full(void)
{
	Rig *rig = rig_new_stopped(1);

	for (unsigned i = 0; i < 4; i++) {
		g_autofree char *packet = g_strdup_printf("Z0,30%u,1", i);

		rsp_expect(rig->client, packet, "OK");
	}
	put_code(rig, 0x100, "e610ebfc");
	write_pc(rig, 1, 0x100);
	g_assert_cmpuint(count_traps(rig), ==, 4);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	kvm_gdb_notify(rig->gdb, NULL, KVM_GDB_RESET);
	SET(rig->io_exits, 0);
	g_assert_true(test_wait(NULL, has_left_twice, rig, TEST_PATIENCE));
	interrupt(rig);
	g_assert_cmpuint(count_traps(rig), ==, 1);
	write_pc(rig, 1, 0x300);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmpuint(count_traps(rig), ==, 4);
	rig_free(rig);
}

/* Registers that the client wrote stay written while a lost breakpoint is looked for. */
static void test_reset_registers(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
	Rig *rig = rig_new_stopped(1);
	Cpu *cpu = &rig->cpus[0];
	unsigned before;

	sigaction(SIGUSR1, &action, &old);
	for (unsigned i = 0; i < 4; i++) {
		g_autofree char *packet = g_strdup_printf("Z0,2030%u,1", i);

		rsp_client_send(rig->client, packet);
		g_free(rsp_client_recv(rig->client, NULL));
	}
	toy_map_late(rig->vm);
	rsp_expect(rig->client, "Z0,20303,1", "OK");
	resume_to(rig, "vCont;s:1", "T05");
	kvm_gdb_notify(rig->gdb, NULL, KVM_GDB_RESET);
	write_pc(rig, 1, 0x108);
	before = GET(cpu->eintrs);
	for (unsigned i = 0; i < 1000 && GET(cpu->eintrs) == before; i++) {
		pthread_kill(GET(cpu->id), SIGUSR1);
		g_usleep(1000);
	}
	g_assert_cmpuint(GET(cpu->eintrs), >, before);
	g_assert_cmphex(pc_of(rig, 1), ==, 0x108);
	rig_free(rig);
	sigaction(SIGUSR1, &old, NULL);
}

/*
 * A reset that makes the CPUs anew: the client and its breakpoints stay, and nothing that happened
 * before does, such as an event that the VMM has not seen yet or a step off a breakpoint.
 */
static void test_renew(void)
{
	Rig *rig = rig_new_stopped(2);

	put_code(rig, 0x200, "ff");
	write_pc(rig, 2, 0x200);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_expect(rig->client, "Z1,102,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_stop(rig, "T");
	g_free(monitor(rig, "system_reset"));
	g_assert_cmphex(pc_of(rig, 1), ==, 0x100);
	g_assert_cmphex(pc_of(rig, 2), ==, 0x100);
	rsp_expect(rig->client, "m100,4", "9090ebfc");
	for (unsigned i = 0; i < 2; i++) {
		resume_to_reason(rig, "vCont;c:1", "swbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
		resume_to_reason(rig, "vCont;c:1", "hwbreak:;");
		g_assert_cmphex(pc_of(rig, 1), ==, 0x102);
	}
	rsp_expect(rig->client, "z0,101,1", "OK");
	rsp_expect(rig->client, "z1,102,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	g_assert_cmpuint(GET(rig->shutdowns), ==, 0);
	interrupt(rig);
	g_free(monitor(rig, "system_reset"));
	/* As gdb's `run` does it. */
	rsp_expect(rig->client, "!", "OK");
	rsp_expect(rig->client, "Z0,101,1", "OK");
	write_pc(rig, 1, 0x102);
	rsp_expect(rig->client, "vKill;1", "OK");
	rsp_expect_prefix(rig->client, "vRun;", "T05thread:");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x100);
	resume_to_reason(rig, "vCont;c:1", "swbreak:;");
	rig_free(rig);
}

/* What was read of the old machine's clock is not for the new one. */
static void test_renew_clock(void)
{
	Rig *rig = rig_new_stopped(1);
	unsigned sets;

	test_run_for(NULL, 50);
	g_free(monitor(rig, "system_reset"));
	sets = toy_clock_sets(rig->vm);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_cmpuint(toy_clock_sets(rig->vm), ==, sets);
	hang_up(rig);
	expect_runs(rig, 0);
	connect_client(rig);
	rig_free(rig);
}

/*
 * A VMM may try another address, or architecture; what the first try made is not left behind
 * (LeakSanitizer).
 */
static void test_listen_again(void)
{
	g_autoptr(GError) error = NULL;
	ToyVm *vm = toy_new(1);
	KvmGdb *gdb = kvm_gdb_new(-1, -1, NULL, NULL, NULL, &error);

	g_assert_no_error(error);
	kvm_gdb_add_vcpu(gdb, 0, toy_fd(vm, 0), toy_run(vm, 0), &error);
	g_assert_no_error(error);
	kvm_gdb_set_architecture(gdb, "pdp");
	g_assert_false(kvm_gdb_listen(gdb, "0", false, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
	g_assert_cmpstr(error->message, ==,
			"no architecture 'pdp' here: expected linux toy or toy");
	g_clear_error(&error);
	kvm_gdb_set_architecture(gdb, "toy");
	for (unsigned i = 0; i < 2; i++) {
		g_assert_false(kvm_gdb_listen(gdb, "nonsense", false, &error));
		g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
		g_clear_error(&error);
		g_assert_null(kvm_gdb_address(gdb));
	}
	g_assert_true(kvm_gdb_listen(gdb, "0", false, &error));
	g_assert_nonnull(kvm_gdb_address(gdb));
	kvm_gdb_end(gdb, 0);
	kvm_gdb_free(gdb);
	toy_free(vm);
}

/* A VMM may end all when it is asked to: by k, */
static void test_end_in_kill(void)
{
	Rig *rig = rig_new_stopped(2);

	rig->ends = true;
	rsp_client_send(rig->client, "k");
	while (!GET(rig->poweroffs))
		g_main_context_iteration(NULL, FALSE);
	test_run_for(NULL, 5);
	g_assert_cmpuint(GET(rig->poweroffs), ==, 1);
	rig_free(rig);
}

/* or when it ends by itself, while a client has killed its program and may still run it again. */
static void test_end_in_end(void)
{
	Rig *rig = rig_new_stopped(2);

	rig->ends = true;
	rsp_expect(rig->client, "!", "OK");
	rsp_expect(rig->client, "vKill;1", "OK");
	kvm_gdb_end(rig->gdb, 0);
	g_assert_cmpuint(GET(rig->poweroffs), <=, 1);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"hangup-stopped", test_hangup_stopped},
		{"hangup-running", test_hangup_running},
		{"hangup-storm", test_hangup_storm},
		{"detach", test_detach},
		{"detach-passing", test_detach_passing},
		{"attach-cycles", test_attach_cycles},
		{"interrupt-cycles", test_interrupt_cycles},
		{"interrupt-race", test_interrupt_race},
		{"signal-while-parked", test_signal_while_parked},
		{"shutdown", test_shutdown},
		{"shutdown-signal", test_shutdown_signal},
		{"shutdown-unattended", test_shutdown_unattended},
		{"panic", test_panic},
		{"end-while-stopped", test_end_while_stopped},
		{"kill", test_kill},
		{"end-in-kill", test_end_in_kill},
		{"end-in-end", test_end_in_end},
		{"panic-held", test_panic_held},
		{"control-fails", test_control_fails},
		{"late-vcpu", test_late_vcpu},
		{"reset", test_reset},
		{"reset-full", test_reset_full},
		{"reset-registers", test_reset_registers},
		{"renew", test_renew},
		{"renew-clock", test_renew_clock},
		{"listen-again", test_listen_again},
		{0},
	};

	return test_main(argc, argv, "engine-vmm", cases);
}

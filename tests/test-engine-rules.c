/*
 * tests/test-engine-rules.c - rules of the engine that only an unlucky moment shows: each of these
 * fails when the line that keeps the rule is taken out (tests/mutants.txt).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "kvm/internal.h"
#include "tests/engine-rig.h"

/* The answer to @packet is a T05; the number of its thread. */
static unsigned resume_to_thread(Rig *rig, const char *packet)
{
	g_autofree char *reply = NULL;
	const char *thread;

	rsp_client_send(rig->client, packet);
	reply = rsp_expect_next_prefix(rig->client, "T05");
	thread = strstr(reply, "thread:");
	g_assert_nonnull(thread);
	return g_ascii_strtoull(thread + strlen("thread:"), NULL, 16);
}

/* Both CPUs step at once until both have; returns the thread whose step is still to be told. */
static unsigned step_both(Rig *rig)
{
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t before[] = {toy_instructions(rig->vm, 0), toy_instructions(rig->vm, 1)};
		unsigned told = resume_to_thread(rig, "vCont;s:1;s:2");
		unsigned other = told == 1 ? 2 : 1;

		if (toy_instructions(rig->vm, other - 1) > before[other - 1])
			return other;
	}
	g_assert_not_reached();
}

/* A step that has ended on a CPU is told when that CPU is to step, though it was held meanwhile. */
static void test_event_of_held(void)
{
	Rig *rig = rig_new_stopped(2);
	unsigned other = step_both(rig), told = 3 - other;
	g_autofree char *one = g_strdup_printf("vCont;s:%x", told);
	g_autofree char *two = g_strdup_printf("vCont;s:%x", other);
	uint64_t steps = toy_instructions(rig->vm, other - 1);

	g_assert_cmpuint(resume_to_thread(rig, one), ==, told);
	g_assert_cmpuint(resume_to_thread(rig, two), ==, other);
	g_assert_cmpuint(toy_instructions(rig->vm, other - 1), ==, steps);
	rig_free(rig);
}

/* But one that is no longer true of a CPU that is to run is dropped. */
static void test_event_of_running(void)
{
	Rig *rig = rig_new_stopped(2);

	step_both(rig);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	interrupt(rig);
	rig_free(rig);
}

/* The guest's clock was held in a stop: it goes on from there when the client just leaves. */
static void test_clock_at_leaving(void)
{
	Rig *rig = rig_new_stopped(1);
	uint64_t before;

	resume_to(rig, "vCont;s:1", "T05");
	before = toy_clock(rig->vm);
	g_usleep(100 * 1000);
	expect_text(rig, "stop", "");
	g_usleep(1000 * 1000);
	hang_up(rig);
	expect_runs(rig, 0);
	g_assert_cmpuint(toy_clock(rig->vm) - before, <, 900 * 1000);
	g_assert_cmpuint(toy_excuses(rig->vm, 0), >=, 1);
	rig_free(rig);
}

/* KVM_SET_GUEST_DEBUG fails: the client is told by SIGABRT, and may look and try again. */
static void test_internal_error(void)
{
	Rig *rig = rig_new_stopped(1);

	toy_fail_control(rig->vm, 0, EIO);
	resume_to(rig, "vCont;s:1", "T06");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x100);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	rig_free(rig);
}

typedef struct Eintrs {
	Rig *rig;
	unsigned before;
} Eintrs;

static bool has_more_eintrs(void *data)
{
	const Eintrs *eintrs = data;

	return GET(eintrs->rig->cpus[0].eintrs) > eintrs->before;
}

/*
 * The VMM comes back from KVM_RUN once for each stop, since a signal of its own may have come with
 * it; not before the guest runs again, so that it does nothing in the stop.
 */
static void test_owed_eintr(void)
{
	Rig *rig = rig_new_stopped(1);
	Eintrs eintrs = {.rig = rig};

	rsp_client_send(rig->client, "vCont;c");
	for (unsigned i = 0; i < 3; i++) {
		expect_runs(rig, 0);
		eintrs.before = GET(rig->cpus[0].eintrs);
		interrupt(rig);
		test_run_for(NULL, 20);
		g_assert_cmpuint(GET(rig->cpus[0].eintrs), ==, eintrs.before);
		rsp_client_send(rig->client, "vCont;c");
		g_assert_true(test_wait(NULL, has_more_eintrs, &eintrs, TEST_PATIENCE));
	}
	rig_free(rig);
}

/* KVM_SET_REGS undoes a part of what KVM_SET_GUEST_DEBUG did: that is done again. */
static void test_control_again(void)
{
	Rig *rig = rig_new_stopped(1);
	unsigned calls;

	rsp_expect(rig->client, "Z1,300,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	write_pc(rig, 1, 0x100);
	calls = toy_control_calls(rig->vm, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_cmpuint(toy_control_calls(rig->vm, 0), >, calls);
	interrupt(rig);
	/* And nothing is done again where nothing was written. */
	calls = toy_control_calls(rig->vm, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_cmpuint(toy_control_calls(rig->vm, 0), ==, calls);
	interrupt(rig);
	rig_free(rig);
}

typedef struct Device {
	uint64_t last;
	unsigned bad, n;
} Device;

static bool on_device(Rig *rig, uint64_t gpa, void *data, size_t len, bool is_write)
{
	Device *device = rig->device_data;

	device->bad += gpa % len != 0 || len > 8 || (len & (len - 1)) != 0;
	device->n++;
	if (!is_write)
		memset(data, 0x5a, len);
	return true;
}

/* A device sees whole registers only: aligned accesses of 1, 2, 4 and 8 bytes. */
static void test_device_alignment(void)
{
	Rig *rig = rig_new_stopped(1);
	Device device = {0};

	rig->device_data = &device;
	rig->device = on_device;
	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	rsp_expect(rig->client, "m1000001,f", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
	g_assert_cmpuint(device.bad, ==, 0);
	g_assert_cmpuint(device.n, ==, 4);
	rig->device = NULL;
	rig_free(rig);
}

/* Registers and breakpoint go on well together: pc is written to a breakpoint that was not told. */
static void test_pc_to_break(void)
{
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "9090ebfc");
	put_code(rig, 0x300, "9090ebfc");
	rsp_expect(rig->client, "Z0,200,1", "OK");
	rsp_expect(rig->client, "Z0,300,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x200);
	/*
	 * Told at 0x200, and sent to 0x300, where it has not been: that is a hit, before anything.
	 */
	write_pc(rig, 1, 0x300);
	uint64_t before = toy_instructions(rig->vm, 0);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x300);
	g_assert_cmpuint(toy_instructions(rig->vm, 0) - before, <=, 1);
	rig_free(rig);
}

/* A vCPU that was told at a breakpoint and sent elsewhere needs no step over it: nobody waits. */
static void test_pc_elsewhere(void)
{
	Rig *rig = rig_new_stopped(1);
	unsigned calls;

	put_code(rig, 0x200, "9090ebfc");
	put_code(rig, 0x300, "9090ebfc");
	rsp_expect(rig->client, "Z0,200,1", "OK");
	write_pc(rig, 1, 0x200);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x200);
	write_pc(rig, 1, 0x300);
	calls = toy_control_calls(rig->vm, 0);
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	/* One, since registers were written; a step would be armed and taken away. */
	g_assert_cmpuint(toy_control_calls(rig->vm, 0), <=, calls + 1);
	interrupt(rig);
	rig_free(rig);
}

static bool are_all_parked(void *data)
{
	const Rig *rig = data;
	unsigned n = 0;

	for (unsigned cpu = 0; cpu < rig->n; cpu++)
		n += GET(rig->cpus[cpu].vcpu->state) == VCPU_PARKED;
	return n == rig->n;
}

/* What a resume wakes, when it gets as far as @n: CPU numbers as hexadecimal digits. */
static char *wakes(Rig *rig, unsigned n)
{
	g_autoptr(GString) order = g_string_new(NULL);
	bool more = true;

	halt_wake(rig->gdb);
	for (unsigned i = 0; i < n && more; i++) {
		int fd = halt_wake_next(rig->gdb, &more);

		for (unsigned cpu = 0; cpu < rig->n; cpu++) {
			if (fd == rig->cpus[cpu].vcpu->wake_fd)
				g_string_append_printf(order, "%x", cpu);
		}
	}
	if (!more)
		g_string_append_c(order, '.');
	return g_string_free(g_steal_pointer(&order), FALSE);
}

/*
 * The CPU that was looked at is woken first. When a breakpoint of its stops the machine each time
 * before all the others are, these still have their turn, one after the other.
 */
static void test_wake_order(void)
{
	Rig *rig = rig_new_stopped(4);
	g_autofree char *first = NULL, *second = NULL, *third = NULL, *whole = NULL;

	g_assert_true(test_wait(NULL, are_all_parked, rig, TEST_PATIENCE));
	g_mutex_lock(&rig->gdb->lock);
	rig->gdb->world = WORLD_RUNNING;
	rig->gdb->stop_cpu = 2;
	first = wakes(rig, 2);
	second = wakes(rig, 2);
	third = wakes(rig, 2);
	whole = wakes(rig, 9);
	rig->gdb->world = WORLD_STOPPED;
	rig->gdb->notices.parked = false;
	g_mutex_unlock(&rig->gdb->lock);
	g_assert_cmpstr(first, ==, "20");
	g_assert_cmpstr(second, ==, "21");
	g_assert_cmpstr(third, ==, "23");
	g_assert_cmpstr(whole, ==, "2013.");
	rig_free(rig);
}

/* One that is plugged in meanwhile does not take the place of one that waits. */
static void test_wake_plugged(void)
{
	Rig *rig = rig_new_stopped(4);
	GError *error = NULL;
	bool more = true;
	unsigned woken = 2;

	g_assert_true(test_wait(NULL, are_all_parked, rig, TEST_PATIENCE));
	g_mutex_lock(&rig->gdb->lock);
	rig->gdb->waking.next = 2;
	rig->gdb->world = WORLD_RUNNING;
	g_free(wakes(rig, 2));
	rig->gdb->world = WORLD_STOPPED;
	rig->gdb->notices.parked = false;
	g_mutex_unlock(&rig->gdb->lock);
	g_assert_nonnull(
		kvm_gdb_add_vcpu(rig->gdb, 4, toy_fd(rig->vm, 3), toy_run(rig->vm, 3), &error));
	g_mutex_lock(&rig->gdb->lock);
	rig->gdb->world = WORLD_RUNNING;
	while (more)
		woken += halt_wake_next(rig->gdb, &more) >= 0;
	rig->gdb->world = WORLD_STOPPED;
	g_mutex_unlock(&rig->gdb->lock);
	g_assert_cmpuint(woken, ==, 4);
	rig_free(rig);
}

/*
 * A stop was asked for just when the VMM got an exit for a device, so the engine's kick has come
 * with it. When the device is done, the CPU waits for the lock: the stop waits for it, as it has to
 * finish the instruction.
 */
static void test_kicked_from_device(void)
{
	Rig *rig = rig_new(1, false);
	KvmGdbVcpu *vcpu = rig->cpus[0].vcpu;
	World waits, comes;

	put_code(rig, 0x100, "e610ebfc");
	g_assert_cmpint(kvm_gdb_run(vcpu), ==, 0);
	engine_lock(rig->gdb);
	rig->gdb->attached = true;
	SET(vcpu->state, VCPU_RUNNING);
	halt_request_stop(rig->gdb);
	__atomic_store_n(&vcpu->signals_before, *vcpu->signals - 1, __ATOMIC_SEQ_CST);
	SET(vcpu->state, VCPU_OUTSIDE);
	halt_check_stopped(rig->gdb);
	waits = rig->gdb->world;
	SET(vcpu->state, VCPU_RUNNING);
	halt_check_stopped(rig->gdb);
	comes = rig->gdb->world;
	SET(vcpu->state, VCPU_OUTSIDE);
	rig->gdb->attached = false;
	rig->gdb->frees_when_stopped = true;
	engine_unlock(rig->gdb);
	g_assert_cmpint(waits, ==, WORLD_STOPPING);
	g_assert_cmpint(comes, ==, WORLD_STOPPING);
	rig_free(rig);
}

/* A kick that has met it on its way to the VMM does not stay for who gets its place and its page.
 */
static void test_kicked_and_removed(void)
{
	Rig *rig = rig_new(2, false);
	KvmGdbVcpu *vcpu = rig->cpus[1].vcpu;
	struct kvm_run *run = toy_run(rig->vm, 1);
	GError *error = NULL;

	put_code(rig, 0x100, "e610ebfc");
	g_assert_cmpint(kvm_gdb_run(vcpu), ==, 0);
	engine_lock(rig->gdb);
	SET(vcpu->state, VCPU_RUNNING);
	halt_kick(vcpu);
	SET(vcpu->state, VCPU_OUTSIDE);
	engine_unlock(rig->gdb);
	g_assert_cmpint(GET(run->immediate_exit), ==, KICK_MARK);
	kvm_gdb_remove_vcpu(vcpu);
	g_assert_cmpint(GET(run->immediate_exit), ==, 0);
	rig->cpus[1].vcpu = kvm_gdb_add_vcpu(rig->gdb, 1, toy_fd(rig->vm, 1), run, &error);
	g_assert_no_error(error);
	g_assert_cmpint(kvm_gdb_run(rig->cpus[1].vcpu), ==, 0);
	rig_free(rig);
}

static void on_signal(int signo G_GNUC_UNUSED)
{
}

/*
 * While the machine ends, what a KVM_RUN needs fails: the VMM gets an error, as by then nobody else
 * hears of it. The end could not come if that was tried again and again.
 */
static void test_control_fails_at_end(void)
{
	struct sigaction action = {.sa_handler = on_signal}, old;
	Rig *rig = rig_new_stopped(1);
	Cpu *cpu = &rig->cpus[0];

	sigaction(SIGUSR1, &action, &old);
	rsp_expect(rig->client, "Z1,300,1", "OK");
	g_assert_true(test_wait(NULL, are_all_parked, rig, TEST_PATIENCE));
	engine_lock(rig->gdb);
	rig->gdb->ended = true;
	engine_unlock(rig->gdb);
	toy_fail_control(rig->vm, 0, EBADF);
	for (unsigned i = 0; i < 1000 && !GET(cpu->error); i++) {
		pthread_kill(GET(cpu->id), SIGUSR1);
		g_usleep(1000);
	}
	g_assert_cmpint(GET(cpu->error), ==, EIO);
	rig_free(rig);
	sigaction(SIGUSR1, &old, NULL);
}

typedef struct Second {
	Rig *rig;
	int tid;      /* atomic */
	bool may_run; /* atomic */
} Second;

/* Runs the second vCPU, and then the first one. */
static gpointer run_both(gpointer data)
{
	Second *second = data;

	g_assert_cmpint(kvm_gdb_run(second->rig->cpus[1].vcpu), ==, 0);
	SET(second->tid, gettid());
	while (!GET(second->may_run))
		g_usleep(1000);
	g_assert_cmpint(kvm_gdb_run(second->rig->cpus[0].vcpu), ==, 0);
	return NULL;
}

/*
 * The host gives the number of a thread that has ended to a new one. That one has run another vCPU
 * when it comes to the vCPU of the old one: what the engine keeps of a thread is its own.
 */
static void test_thread_number_again(void)
{
	Rig *rig = rig_new(2, false);
	Second second = {.rig = rig};
	KvmGdbVcpu *vcpu = rig->cpus[0].vcpu;
	GThread *thread;

	put_code(rig, 0x100, "e610ebfc");
	g_assert_cmpint(kvm_gdb_run(vcpu), ==, 0);
	thread = g_thread_new("vcpu", run_both, &second);
	while (!GET(second.tid))
		g_usleep(1000);
	SET(vcpu->tid, GET(second.tid));
	SET(second.may_run, true);
	g_thread_join(thread);
	g_assert_true(vcpu->signals == rig->cpus[1].vcpu->signals);
	rig_free(rig);
}

static bool has_powered_off(void *data)
{
	return ((Rig *)data)->poweroffs > 0;
}

/*
 * After a kill the client's points are still there, and kvm_gdb_end() frees the server without the
 * lock: a CPU that comes once more meanwhile tells nobody that the guest's own do not fire.
 */
static void test_killed_with_points(void)
{
	static char freed[4096];
	GdbServer *server;
	Rig *rig;

	toy_set_left_out(1);
	rig = rig_new(2, true);
	start(rig, 0);
	connect_client(rig);
	rsp_expect(rig->client, "Z1,200,1", "OK");
	rsp_client_send(rig->client, "vKill;1");
	g_assert_true(test_wait(NULL, has_powered_off, rig, TEST_PATIENCE));
	engine_lock(rig->gdb);
	server = rig->gdb->server;
	rig->gdb->server = (GdbServer *)freed;
	rig->gdb->ended = true;
	engine_unlock(rig->gdb);
	start(rig, 1);
	expect_runs(rig, 1);
	engine_lock(rig->gdb);
	rig->gdb->server = server;
	engine_unlock(rig->gdb);
	rig_free(rig);
	toy_set_left_out(0);
}

/* A machine that is made anew in the midst of a turn has none. */
static void test_renewed_in_turn(void)
{
	static const Turns none;
	Rig *rig = rig_new_stopped(1);

	put_code(rig, 0x200, "e710ebfb");
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z0,200,1", "OK");
	resume_to(rig, "vCont;c", "T05");
	SET(toy_run(rig->vm, 0)->immediate_exit, 1);
	rsp_client_send(rig->client, "vCont;c");
	while (!has_code(rig, 0x200, (const uint8_t *)"\xe7", 1))
		test_run_for(NULL, 1);
	leave(rig, 0);
	engine_lock(rig->gdb);
	g_assert_true(rig->gdb->turns.lifted);
	rig->gdb->turns.n_also++;
	engine_unlock(rig->gdb);
	kvm_gdb_renew(rig->gdb, -1);
	g_assert_cmpmem(&rig->gdb->turns, sizeof(none), &none, sizeof(none));
	rig_free(rig);
}

typedef struct Poller {
	Rig *rig;
	KvmGdbVcpu *vcpu;
	int error; /* atomic: what poll() failed with */
} Poller;

/* A thread of the VMM that blocks all signals, and waits for its own things after a KVM_RUN. */
static gpointer run_then_poll(gpointer data)
{
	Poller *poller = data;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	g_assert_cmpint(kvm_gdb_run(poller->vcpu), ==, -1);
	g_assert_cmpint(poll(NULL, 0, -1), ==, -1);
	SET(poller->error, errno);
	return NULL;
}

static bool is_ended_by_signal(void *data)
{
	Poller *poller = data;

	engine_lock(poller->rig->gdb);
	if (GET(poller->vcpu->tid))
		engine_signal(poller->rig->gdb, GET(poller->vcpu->tid));
	engine_unlock(poller->rig->gdb);
	return GET(poller->error) != 0;
}

/* The engine's signal is not blocked by then. One that is late ends a poll(), as any signal does.
 */
static void test_late_signal(void)
{
	Rig *rig = rig_new(1, false);
	Poller poller = {.rig = rig, .vcpu = rig->cpus[0].vcpu};
	GThread *thread;

	SET(toy_run(rig->vm, 0)->immediate_exit, 1);
	thread = g_thread_new("poller", run_then_poll, &poller);
	g_assert_true(test_wait(NULL, is_ended_by_signal, &poller, TEST_PATIENCE));
	g_thread_join(thread);
	g_assert_cmpint(poller.error, ==, EINTR);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/engine/event-of-held", test_event_of_held);
	g_test_add_func("/engine/event-of-running", test_event_of_running);
	g_test_add_func("/engine/clock-at-leaving", test_clock_at_leaving);
	g_test_add_func("/engine/owed-eintr", test_owed_eintr);
	g_test_add_func("/engine/control-again", test_control_again);
	g_test_add_func("/engine/internal-error", test_internal_error);
	g_test_add_func("/engine/device-alignment", test_device_alignment);
	g_test_add_func("/engine/pc-to-break", test_pc_to_break);
	g_test_add_func("/engine/pc-elsewhere", test_pc_elsewhere);
	g_test_add_func("/engine/kicked-from-device", test_kicked_from_device);
	g_test_add_func("/engine/kicked-and-removed", test_kicked_and_removed);
	g_test_add_func("/engine/control-fails-at-end", test_control_fails_at_end);
	g_test_add_func("/engine/thread-number-again", test_thread_number_again);
	g_test_add_func("/engine/wake-order", test_wake_order);
	g_test_add_func("/engine/wake-plugged", test_wake_plugged);
	g_test_add_func("/engine/killed-with-points", test_killed_with_points);
	g_test_add_func("/engine/renewed-in-turn", test_renewed_in_turn);
	g_test_add_func("/engine/late-signal", test_late_signal);
	return g_test_run();
}

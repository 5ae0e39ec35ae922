/*
 * tests/engine-rig.c - see tests/engine-rig.h.
 */
#include "tests/engine-rig.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "gdbstub/target.h"

/* ---- The VMM ---- */

/* As a VMM that was kicked while it handled the exit: KVM finishes the I/O and returns at once. */
static void finish_io(Cpu *cpu, struct kvm_run *run)
{
	SET(run->immediate_exit, 1);
	g_assert_cmpint(kvm_gdb_run(cpu->vcpu), ==, -1);
	g_assert_cmpint(errno, ==, EINTR);
	SET(run->immediate_exit, 0);
	SET(cpu->rig->finished, 1);
}

static void handle_io(Cpu *cpu)
{
	struct kvm_run *run = toy_run(cpu->rig->vm, cpu->index);

	COUNT(cpu->rig->io_exits);
	if (run->exit_reason == KVM_EXIT_IO && run->io.port == 0x50)
		kvm_gdb_notify(cpu->rig->gdb, cpu->vcpu, KVM_GDB_PANIC);
	if (run->exit_reason == KVM_EXIT_IO)
		run->io.data_offset = 0x42;
	if (GET(cpu->rig->device_finishes))
		finish_io(cpu, run);
	while (GET(cpu->rig->device_hold) && !GET(cpu->rig->stop)) {
		if (GET(cpu->rig->device_sleeps))
			g_usleep(100);
		else
			sched_yield();
	}
}

static gpointer vcpu_thread(gpointer data)
{
	Cpu *cpu = data;
	struct kvm_run *run = toy_run(cpu->rig->vm, cpu->index);

	SET(cpu->id, pthread_self());
	for (;;) {
		int ret = kvm_gdb_run(cpu->vcpu);

		if (ret < 0 && errno != EINTR) {
			SET(cpu->error, errno);
			break;
		}
		if (ret < 0) {
			COUNT(cpu->eintrs);
			if (run->exit_reason == KVM_EXIT_DEBUG) {
				COUNT(cpu->bad_reasons);
				continue;
			}
			if (GET(cpu->rig->stop) || GET(cpu->leave))
				break;
		}
		/* As kvmtool, which looks at the exit reason also after EINTR. */
		if (run->exit_reason == KVM_EXIT_SHUTDOWN) {
			COUNT(cpu->rig->shutdowns);
			break;
		}
		if (run->exit_reason == KVM_EXIT_INTR && ret < 0)
			continue;
		if (run->exit_reason != KVM_EXIT_MMIO)
			g_assert_cmpuint(run->exit_reason, ==, KVM_EXIT_IO);
		handle_io(cpu);
	}
	SET(cpu->ended, true);
	return NULL;
}

/* ---- The machine ---- */

/* Memory with the loop and every CPU at its beginning. */
static void add_cpus(Rig *rig)
{
	static const uint8_t loop[] = {0x90, 0x90, 0xeb, 0xfc};
	g_autoptr(GError) error = NULL;

	memcpy(toy_ram(rig->vm) + 0x100, loop, sizeof(loop));
	kvm_gdb_map(rig->gdb, 0, TOY_RAM, toy_ram(rig->vm), 0);
	for (unsigned i = 0; i < rig->n; i++) {
		Cpu *cpu = &rig->cpus[i];

		cpu->rig = rig;
		cpu->index = i;
		toy_set_pc(rig->vm, i, 0x100);
		cpu->vcpu = kvm_gdb_add_vcpu(rig->gdb, i, toy_fd(rig->vm, i), toy_run(rig->vm, i),
					     &error);
		g_assert_no_error(error);
	}
}

void start(Rig *rig, unsigned cpu)
{
	SET(rig->cpus[cpu].leave, 0);
	SET(rig->cpus[cpu].ended, false);
	rig->cpus[cpu].thread = g_thread_new("vcpu", vcpu_thread, &rig->cpus[cpu]);
}

static gpointer vcpu_thread_to_exit(gpointer data)
{
	Cpu *cpu = data;

	while (kvm_gdb_run(cpu->vcpu) < 0)
		;
	SET(cpu->ended, true);
	return NULL;
}

void start_to_exit(Rig *rig, unsigned cpu)
{
	rig->cpus[cpu].thread = g_thread_new("vcpu", vcpu_thread_to_exit, &rig->cpus[cpu]);
}

void await_exit(Rig *rig, unsigned cpu)
{
	while (!GET(rig->cpus[cpu].ended))
		g_main_context_iteration(NULL, FALSE);
	g_thread_join(g_steal_pointer(&rig->cpus[cpu].thread));
}

void start_all(Rig *rig)
{
	for (unsigned i = 0; i < rig->n; i++)
		start(rig, i);
}

static void on_signal(int signo G_GNUC_UNUSED)
{
}

static bool has_ended(void *data)
{
	return GET(((Cpu *)data)->ended);
}

void leave(Rig *rig, unsigned index)
{
	Cpu *cpu = &rig->cpus[index];

	signal(SIGUSR1, on_signal);
	SET(cpu->leave, 1);
	for (unsigned i = 0; i < 1000 && !GET(cpu->ended); i++) {
		SET(toy_run(rig->vm, index)->immediate_exit, 1);
		if (GET(cpu->id))
			pthread_kill(GET(cpu->id), SIGUSR1);
		test_run_for(NULL, 1);
	}
	g_assert_true(test_wait(NULL, has_ended, cpu, TEST_PATIENCE));
	g_thread_join(g_steal_pointer(&cpu->thread));
	SET(cpu->id, 0);
	SET(toy_run(rig->vm, index)->immediate_exit, 0);
}

static void kick_all(Rig *rig)
{
	SET(rig->stop, 1);
	for (unsigned i = 0; i < rig->n; i++)
		__atomic_store_n(&toy_run(rig->vm, i)->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

static void join_all(Rig *rig)
{
	for (unsigned i = 0; i < rig->n; i++) {
		if (rig->cpus[i].thread)
			g_thread_join(rig->cpus[i].thread);
		rig->cpus[i].thread = NULL;
		SET(rig->cpus[i].id, 0);
	}
	SET(rig->stop, 0);
}

/* Gets the threads out while the engine goes on: by a signal, as VMMs do. */
static void stop_threads(Rig *rig)
{
	struct sigaction action = {.sa_handler = on_signal}, old;

	sigaction(SIGUSR1, &action, &old);
	kick_all(rig);
	for (unsigned i = 0; i < rig->n; i++) {
		while (rig->cpus[i].thread && !GET(rig->cpus[i].id))
			sched_yield();
		if (rig->cpus[i].thread)
			pthread_kill(GET(rig->cpus[i].id), SIGUSR1);
	}
	join_all(rig);
	sigaction(SIGUSR1, &old, NULL);
}

/* ---- What the engine asks of its VMM ---- */

static void on_poweroff(void *opaque)
{
	Rig *rig = opaque;

	COUNT(rig->poweroffs);
	if (rig->ends)
		kvm_gdb_end(rig->gdb, 0);
}

/* What a VMM may do in a callback: the engine's lock is free. */
static void call_engine(Rig *rig)
{
	if (rig->gdb)
		kvm_gdb_unmap(rig->gdb, 1ull << 40, 4096);
}

static void on_dirty(void *opaque, uint64_t gpa G_GNUC_UNUSED, size_t len G_GNUC_UNUSED)
{
	call_engine(opaque);
	COUNT(((Rig *)opaque)->dirty);
}

/* As a VMM that makes its machine anew. */
static bool on_reset(void *opaque, GError **error)
{
	Rig *rig = opaque;
	ToyVm *old;

	COUNT(rig->resets);
	if (rig->reset_fails) {
		g_set_error_literal(error, GDB_ERROR, GDB_ERROR_IO, rig->reset_fails);
		return false;
	}
	stop_threads(rig);
	kvm_gdb_renew(rig->gdb, -1);
	old = rig->vm;
	rig->vm = toy_new(rig->n);
	add_cpus(rig); /* its memory takes the place of the old one's */
	toy_free(old);
	kvm_gdb_notify(rig->gdb, NULL, KVM_GDB_RESET);
	start_all(rig);
	return true;
}

static bool on_mmio(void *opaque, uint64_t gpa, void *data, size_t len, bool is_write)
{
	Rig *rig = opaque;

	call_engine(rig);
	COUNT(rig->device_accesses);
	return rig->device && rig->device(rig, gpa, data, len, is_write);
}

static void on_log(void *opaque, const char *line)
{
	call_engine(opaque);
	if (strstr(line, "vmlinux"))
		COUNT(((Rig *)opaque)->warnings);
}

static bool on_part(void *opaque, unsigned i, KvmGdbPart *ret)
{
	Rig *rig = opaque;

	call_engine(rig);
	if (i >= rig->n_parts)
		return false;
	*ret = rig->parts[i];
	return true;
}

static char *on_describe(void *opaque, const char *what)
{
	Rig *rig = opaque;

	call_engine(rig);
	return rig->has_buses ? g_strdup_printf("bus of %s\n", what) : NULL;
}

static void on_devices_go(void *opaque)
{
	call_engine(opaque);
	COUNT(((Rig *)opaque)->devices_go);
}

static const KvmGdbOps ops = {
	.part = on_part,
	.describe = on_describe,
	.mmio = on_mmio,
	.poweroff = on_poweroff,
	.reset = on_reset,
	.mark_dirty = on_dirty,
	.devices_go = on_devices_go,
	.log = on_log,
};

/* A machine that listens; every CPU's pc is 0x100, where a loop of two nops is. */
static Rig *rig_make(unsigned n, bool wait, const char *log)
{
	Rig *rig = g_new0(Rig, 1);
	g_autoptr(GError) error = NULL;

	g_main_context_default();
	rig->fds = test_count_fds();
	rig->n = n;
	rig->vm = toy_new(n);
	rig->gdb = kvm_gdb_new(-1, -1, NULL, &ops, rig, &error);
	g_assert_no_error(error);
	g_assert_true(!log || kvm_gdb_set_log(rig->gdb, log, &error));
	g_assert_no_error(error);
	add_cpus(rig);
	g_assert_true(kvm_gdb_listen(rig->gdb, "0", wait, &error));
	g_assert_no_error(error);
	return rig;
}

Rig *rig_new(unsigned n, bool wait)
{
	return rig_make(n, wait, NULL);
}

void rig_free(Rig *rig)
{
	g_clear_pointer(&rig->client, rsp_client_free);
	SET(rig->stop, 1);
	kvm_gdb_end(rig->gdb, 0);
	kick_all(rig);
	join_all(rig);
	kvm_gdb_free(rig->gdb);
	toy_free(rig->vm);
	g_assert_cmpuint(test_count_fds(), ==, rig->fds);
	g_free(rig);
}

/* ---- The client ---- */

void connect_client(Rig *rig)
{
	const char *port = strrchr(kvm_gdb_address(rig->gdb), ':') + 1;
	int fd = test_connect_tcp("127.0.0.1", atoi(port));

	g_assert_cmpint(fd, >=, 0);
	rig->client = rsp_client_new(NULL, fd);
	rsp_expect(rig->client, "QStartNoAckMode", "OK");
	rig->client->no_ack = true;
	g_free(rsp_client_ask(rig->client, "qSupported:swbreak+;hwbreak+;error-message+"));
	g_free(rsp_client_ask(rig->client, "?"));
}

/* A running machine with a client: the world stands. */
Rig *rig_new_stopped(unsigned n)
{
	return rig_new_logged(n, NULL);
}

Rig *rig_new_logged(unsigned n, const char *log)
{
	Rig *rig = rig_make(n, true, log);

	start_all(rig);
	connect_client(rig);
	return rig;
}

void expect_stop(Rig *rig, const char *prefix)
{
	g_free(rsp_expect_next_prefix(rig->client, prefix));
}

void resume_to(Rig *rig, const char *packet, const char *prefix)
{
	rsp_client_send(rig->client, packet);
	expect_stop(rig, prefix);
}

/* The stop must be a SIGTRAP and give this reason. */
void resume_to_reason(Rig *rig, const char *packet, const char *reason)
{
	g_autofree char *reply = NULL;

	rsp_client_send(rig->client, packet);
	reply = rsp_expect_next_prefix(rig->client, "T05");
	g_assert_nonnull(strstr(reply, reason));
}

void interrupt(Rig *rig)
{
	rsp_client_write(rig->client, "\x03", 1);
	expect_stop(rig, "T02");
}

/*
 * The value of register @num on thread @thread, from little-endian hex. On a slow host a vCPU may
 * not be back from its device when the wait for it is over, and is busy for a moment.
 */
uint64_t read_reg(Rig *rig, unsigned thread, unsigned num)
{
	g_autofree char *select = g_strdup_printf("Hg%x", thread);
	g_autofree char *ask = g_strdup_printf("p%x", num);
	g_autofree char *reply = NULL;

	rsp_expect(rig->client, select, "OK");
	reply = rsp_client_ask(rig->client, ask);
	for (unsigned i = 0; i < 1000 && g_str_has_prefix(reply, "E.CPU"); i++) {
		test_run_for(NULL, 5);
		g_free(reply);
		reply = rsp_client_ask(rig->client, ask);
	}
	g_assert_cmpuint(strlen(reply), ==, 16);
	return GUINT64_SWAP_LE_BE(g_ascii_strtoull(reply, NULL, 16));
}

uint64_t pc_of(Rig *rig, unsigned thread)
{
	return read_reg(rig, thread, 4);
}

void write_pc(Rig *rig, unsigned thread, uint64_t pc)
{
	g_autofree char *select = g_strdup_printf("Hg%x", thread);
	g_autofree char *packet =
		g_strdup_printf("P4=%016" G_GINT64_MODIFIER "x", GUINT64_SWAP_LE_BE(pc));

	rsp_expect(rig->client, select, "OK");
	rsp_expect(rig->client, packet, "OK");
}

void put_code(Rig *rig, unsigned at, const char *hex)
{
	for (; *hex; hex += 2)
		toy_ram(rig->vm)[at++] =
			g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]);
}

typedef struct Ran {
	Rig *rig;
	unsigned cpu;
	uint64_t until;
} Ran;

static bool has_run(void *data)
{
	Ran *ran = data;

	return toy_instructions(ran->rig->vm, ran->cpu) >= ran->until;
}

void expect_runs_for(Rig *rig, unsigned cpu, unsigned n)
{
	Ran ran = {rig, cpu, toy_instructions(rig->vm, cpu) + n};

	g_assert_true(test_wait(NULL, has_run, &ran, TEST_PATIENCE));
}

void expect_runs(Rig *rig, unsigned cpu)
{
	expect_runs_for(rig, cpu, 1);
}

void expect_stands(Rig *rig, unsigned cpu)
{
	uint64_t before = toy_instructions(rig->vm, cpu);

	g_usleep(2000);
	g_assert_cmpuint(toy_instructions(rig->vm, cpu), ==, before);
}

bool is_free(void *data)
{
	Rig *rig = data;

	for (unsigned i = 0; i < rig->n; i++) {
		if (toy_control(rig->vm, i))
			return false;
	}
	return !kvm_gdb_has_client(rig->gdb);
}

__attribute__((no_sanitize_thread)) bool has_code(Rig *rig, unsigned at, const uint8_t *code,
						  unsigned len)
{
	const volatile uint8_t *ram = toy_ram(rig->vm) + at;
	unsigned n = 0;

	while (n < len && ram[n] == code[n])
		n++;
	return n == len;
}

void hang_up(Rig *rig)
{
	g_clear_pointer(&rig->client, rsp_client_free);
	g_assert_true(test_wait(NULL, is_free, rig, TEST_PATIENCE));
}

/* ---- The monitor ---- */

/* The text that `monitor COMMAND` prints. */
char *monitor(Rig *rig, const char *command)
{
	return rsp_client_monitor(rig->client, command);
}

void expect_text(Rig *rig, const char *command, const char *expected)
{
	g_autofree char *text = monitor(rig, command);

	g_assert_cmpstr(text, ==, expected);
}

void expect_match(Rig *rig, const char *command, const char *pattern)
{
	g_autofree char *text = monitor(rig, command);

	if (!g_regex_match_simple(pattern, text, G_REGEX_MULTILINE, 0))
		g_error("%s: no /%s/ in: %s", command, pattern, text);
}

/*
 * tests/kvm-arm-run.c - the whole engine on a real KVM/arm64, with a client on the wire: stops
 * while the VMM handles the I/O of the instruction that is stepped, and points in exclusive
 * sequences.
 */
#include <pthread.h>
#include <stdlib.h>

#include "kvm/kvm-gdb.h"
#include "tests/arm-rig.h"
#include "tests/rsp-client.h"
#include "tests/test-util.h"

static ArchFeatures features; /* written once by main() */

#define GET(field) __atomic_load_n(&(field), __ATOMIC_SEQ_CST)
#define SET(field, value) __atomic_store_n(&(field), value, __ATOMIC_SEQ_CST)

#define HERE 0x14000000u      /* b . */
#define LDR_X3_X2 0xf9400043u /* ldr x3, [x2] */
#define RESULT 0x1234567ull
#define OPEN (ARM_MODE_EL1H | ARM_PSR_NZCV) /* no mask: those of a step are seen */

enum { REG_X3 = 3, REG_X5 = 5, REG_PC = 32, REG_CPSR = 33 };

typedef struct Machine {
	Rig rig;
	KvmGdb *gdb;
	KvmGdbVcpu *vcpu;
	GThread *thread;
	pthread_t id; /* of it, atomic */
	RspClient *client;
	unsigned accesses;	   /* atomic, likewise the next ones */
	int hold, in_device, stop; /* the device keeps the vCPU; it does; the VMM ends */
} Machine;

/* ---- The VMM ---- */

static void handle_mmio(Machine *m)
{
	const uint64_t result = RESULT;
	struct kvm_run *run = m->rig.run;

	__atomic_add_fetch(&m->accesses, 1, __ATOMIC_SEQ_CST);
	if (!run->mmio.is_write)
		memcpy(run->mmio.data, &result, sizeof(result));
	SET(m->in_device, 1);
	while (GET(m->hold) && !GET(m->stop))
		g_usleep(1000);
	SET(m->in_device, 0);
}

static gpointer vcpu_thread(gpointer data)
{
	Machine *m = data;

	SET(m->id, pthread_self());
	while (!GET(m->stop)) {
		int ret = kvm_gdb_run(m->vcpu);

		if (ret < 0)
			g_assert_cmpint(errno, ==, EINTR);
		else if (m->rig.run->exit_reason == KVM_EXIT_MMIO)
			handle_mmio(m);
		else
			g_error("exit reason %u", m->rig.run->exit_reason);
	}
	return NULL;
}

static void connect_client(Machine *m)
{
	const char *port = strrchr(kvm_gdb_address(m->gdb), ':') + 1;
	int fd = test_connect_tcp("127.0.0.1", atoi(port));

	g_assert_cmpint(fd, >=, 0);
	m->client = rsp_client_new(NULL, fd);
	rsp_expect(m->client, "QStartNoAckMode", "OK");
	m->client->no_ack = true;
	g_free(rsp_client_ask(m->client, "qSupported:swbreak+;hwbreak+;error-message+"));
	g_free(rsp_client_ask(m->client, "?"));
}

static void machine_open(Machine *m, const uint32_t *code)
{
	g_autoptr(GError) error = NULL;
	Rig *rig = &m->rig;

	*m = (Machine){0};
	rig_open(rig, code);
	g_assert_true(rig_set(rig, ARM_PSTATE, OPEN));
	m->gdb = kvm_gdb_new(rig->kvm_fd, rig->vm_fd, NULL, NULL, NULL, &error);
	g_assert_no_error(error);
	kvm_gdb_map(m->gdb, 0, RAM_SIZE, rig->ram, 0);
	kvm_gdb_map(m->gdb, ALIAS, RAM_SIZE, rig->ram, 0);
	m->vcpu = kvm_gdb_add_vcpu(m->gdb, 0, rig->fd, rig->run, &error);
	g_assert_no_error(error);
	g_assert_true(kvm_gdb_listen(m->gdb, "0", true, &error));
	g_assert_no_error(error);
	m->thread = g_thread_new("vcpu", vcpu_thread, m);
	connect_client(m);
}

static void machine_close(Machine *m)
{
	g_clear_pointer(&m->client, rsp_client_free);
	SET(m->stop, 1);
	kvm_gdb_end(m->gdb, 0);
	SET(m->rig.run->immediate_exit, 1);
	pthread_kill(GET(m->id), SIGALRM);
	g_thread_join(m->thread);
	kvm_gdb_free(m->gdb);
	rig_close(&m->rig);
}

/* ---- The client ---- */

static uint64_t reg(Machine *m, unsigned num)
{
	g_autofree char *ask = g_strdup_printf("p%x", num);
	g_autofree char *reply = rsp_client_ask(m->client, ask);
	uint64_t value = GUINT64_SWAP_LE_BE(g_ascii_strtoull(reply, NULL, 16));

	if (strlen(reply) == 8)
		return value >> 32;
	g_assert_cmpuint(strlen(reply), ==, 16);
	return value;
}

static void resume_to(Machine *m, const char *packet, const char *prefix)
{
	rsp_client_send(m->client, packet);
	g_free(rsp_expect_next_prefix(m->client, prefix));
}

static void interrupt(Machine *m)
{
	rsp_client_write(m->client, "\x03", 1);
	g_free(rsp_expect_next_prefix(m->client, "T02"));
}

static void assert_open(Machine *m)
{
	g_assert_cmphex(reg(m, REG_CPSR) & (ARM_PSR_DAIF | ARM_PSR_MODE), ==, ARM_MODE_EL1H);
}

static bool is_in_device(void *data)
{
	return GET(((Machine *)data)->in_device);
}

/* ---- I/O ---- */

/* A stop while the VMM has the I/O of the step; then the client goes on. */
static void check_cut_off(uint32_t insn, const char *go_on)
{
	const uint32_t code[] = {insn, NOP, HERE, 0};
	Machine m;

	machine_open(&m, code);
	SET(m.hold, 1);
	rsp_client_send(m.client, "vCont;s:1");
	g_assert_true(test_wait(NULL, is_in_device, &m, TEST_PATIENCE));
	rsp_client_write(m.client, "\x03", 1);
	g_free(rsp_expect_next_prefix(m.client, "T02"));
	SET(m.hold, 0);
	rsp_client_send(m.client, go_on);
	if (go_on[6] == 's') {
		g_free(rsp_expect_next_prefix(m.client, "T05"));
	} else {
		test_run_for(NULL, 300);
		interrupt(&m);
	}
	g_assert_cmphex(reg(&m, REG_PC), ==, go_on[6] == 's' ? CODE + 4 : CODE + 8);
	assert_open(&m);
	if (insn == LDR_X3_X2)
		g_assert_cmphex(reg(&m, REG_X3), ==, RESULT);
	g_assert_cmpuint(GET(m.accesses), ==, 1);
	machine_close(&m);
}

static void test_io_cut_off(void)
{
	if (!has(features.step, "steps"))
		return;
	check_cut_off(END, "vCont;c");
	check_cut_off(LDR_X3_X2, "vCont;c");
	check_cut_off(END, "vCont;s:1");
	check_cut_off(LDR_X3_X2, "vCont;s:1");
}

/* Without a stop: one instruction each, one access. */
static void test_io_step(void)
{
	const uint32_t code[] = {END, LDR_X3_X2, NOP, HERE, 0};
	Machine m;

	if (!has(features.step, "steps"))
		return;
	machine_open(&m, code);
	for (unsigned i = 1; i <= 3; i++) {
		resume_to(&m, "vCont;s:1", "T05");
		g_assert_cmphex(reg(&m, REG_PC), ==, CODE + 4 * i);
		assert_open(&m);
	}
	g_assert_cmphex(reg(&m, REG_X3), ==, RESULT);
	g_assert_cmpuint(GET(m.accesses), ==, 2);
	machine_close(&m);
}

/* ---- Exclusive sequences ---- */

/*
 * 1000: ldxr x3, [x1]; add x3, x3, #1; stxr w4, x3, [x1]; cbnz w4, 1000; add x5, x5, #1; b 1000.
 * The MMU is off, so it is up to the machine whether exclusives work at all; where not, that is
 * said.
 */
static const uint32_t counting[] = {
	0xc85f7c23, 0x91000463, 0xc8047c23, 0x35ffffa4, 0x910004a5, 0x17fffffb, 0,
};

static uint64_t counter(Machine *m)
{
	uint64_t value;

	memcpy(&value, m->rig.ram + DATA, sizeof(value));
	return value;
}

static bool counts(Machine *m)
{
	rsp_client_send(m->client, "vCont;c");
	test_run_for(NULL, 200);
	interrupt(m);
	if (counter(m) < 10)
		g_test_skip("exclusives do not work with the MMU off here");
	return counter(m) >= 10;
}

/* 100 rounds with a point that is not told of. */
static void check_goes_round(const char *packet)
{
	Machine m;

	machine_open(&m, counting);
	if (counts(&m)) {
		uint64_t rounds = reg(&m, REG_X5);
		/* 26: register, 24: a constant of 32 bits, 13: equal, 27: end */
		g_autofree char *end =
			g_strdup_printf("Z1,1010,4;Xa,26000524%08x1327", (unsigned)rounds + 100);

		g_test_message("%s", packet);
		rsp_expect(m.client, packet, "OK");
		rsp_expect(m.client, end, "OK");
		resume_to(&m, "vCont;c", "T05");
		g_assert_cmphex(reg(&m, REG_PC), ==, CODE + 16);
		g_assert_cmpuint(reg(&m, REG_X5), ==, rounds + 100);
		assert_open(&m);
	}
	machine_close(&m);
}

static void test_exclusive_false(void)
{
	if (!has(features.hw_break, "hardware breakpoints") || !has(features.sw_break, "BRK"))
		return;
	check_goes_round("Z0,1000,4;X3,220027");
	check_goes_round("Z0,1004,4;X3,220027");
	check_goes_round("Z0,1008,4;X3,220027");
	check_goes_round("Z1,1000,4;X3,220027");
	check_goes_round("Z1,1008,4;X3,220027");
	check_goes_round("Z2,2000,8;X3,220027");
	check_goes_round("Z4,2000,8;X3,220027");
}

/* Each `continue` is one round; a step at the store, as gdb takes one at a watchpoint, succeeds. */
static void test_exclusive_told(void)
{
	static const char *const packets[] = {"Z0,1000,4", "Z0,1008,4", "Z1,1004,4", "Z2,2000,8"};
	Machine m;

	if (!has(features.hw_break, "hardware breakpoints") || !has(features.watch, "watchpoints"))
		return;
	machine_open(&m, counting);
	for (unsigned i = 0; counts(&m) && i < G_N_ELEMENTS(packets); i++) {
		g_autofree char *away = g_strdup(packets[i]);
		uint64_t before;

		away[0] = 'z';
		rsp_expect(m.client, packets[i], "OK");
		resume_to(&m, "vCont;c", "T05");
		before = counter(&m);
		for (unsigned n = 1; n <= 5; n++) {
			resume_to(&m, "vCont;c", "T05");
			g_assert_cmpuint(counter(&m), ==, before + n);
			assert_open(&m);
		}
		rsp_expect(m.client, away, "OK");
		while (reg(&m, REG_PC) != CODE + 16)
			resume_to(&m, "vCont;s:1", "T05");
		g_assert_cmpuint(counter(&m), ==, before + 6);
		assert_open(&m);
	}
	machine_close(&m);
}

int main(int argc, char **argv)
{
	if (!rig_init(&argc, &argv, &features))
		return g_test_run();
	g_test_add_func("/kvm-arm-run/io-step", test_io_step);
	g_test_add_func("/kvm-arm-run/io-cut-off", test_io_cut_off);
	g_test_add_func("/kvm-arm-run/exclusive-false", test_exclusive_false);
	g_test_add_func("/kvm-arm-run/exclusive-told", test_exclusive_told);
	return g_test_run();
}

/*
 * tests/test-engine-devices.c - devices that work beside the vCPUs while a debugger stops the
 * machine and has breakpoints in memory. The real engine on the toy architecture; the device is the
 * test.
 */
#include <string.h>

#include "kvm/internal.h"
#include "kvm/operate.h"
#include "tests/engine-rig.h"

#define PAGE 0x1000u
#define COPY 0x3000u

static bool is_refused(void *rig)
{
	bool refused = !kvm_gdb_device_enter(((Rig *)rig)->gdb);

	if (!refused)
		kvm_gdb_device_leave(((Rig *)rig)->gdb);
	return refused;
}

static bool all_parked(void *data)
{
	Rig *rig = data;
	bool parked = true;

	for (unsigned i = 0; i < rig->n; i++)
		parked &= GET(rig->cpus[i].vcpu->state) == VCPU_PARKED;
	return parked;
}

/* A stop is reported when the device is done, and not before; then it may not begin again. */
static void test_stop_waits(void)
{
	Rig *rig = rig_new_stopped(2);

	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_true(kvm_gdb_device_enter(rig->gdb));
	g_assert_true(kvm_gdb_device_enter(rig->gdb));
	rsp_client_write(rig->client, "\x03", 1);
	g_assert_true(test_wait(NULL, is_refused, rig, TEST_PATIENCE));
	kvm_gdb_device_leave(rig->gdb);
	g_assert_true(test_wait(NULL, all_parked, rig, TEST_PATIENCE));
	rsp_expect_silence(rig->client, 100);
	/* It is the last one, and ends the stop by itself. */
	kvm_gdb_device_leave(rig->gdb);
	g_assert_cmpint(operate_state(rig->gdb), ==, OPERATE_STOPPED);
	expect_stop(rig, "T02");
	g_assert_false(kvm_gdb_device_enter(rig->gdb));
	rig_free(rig);
}

/* One that never comes back is not waited for without end. */
static void test_stuck(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	g_assert_true(kvm_gdb_device_enter(rig->gdb));
	rsp_client_write(rig->client, "\x03", 1);
	rsp_expect_silence(rig->client, 300);
	expect_stop(rig, "T02");
	g_assert_false(kvm_gdb_device_enter(rig->gdb));
	kvm_gdb_device_leave(rig->gdb);
	rig_free(rig);
}

static bool was_called(void *rig)
{
	return GET(((Rig *)rig)->devices_go) > 0;
}

static void expect_called(Rig *rig)
{
	g_assert_true(test_wait(NULL, was_called, rig, TEST_PATIENCE));
	g_assert_true(kvm_gdb_device_enter(rig->gdb));
	kvm_gdb_device_leave(rig->gdb);
	g_assert_cmpuint(GET(rig->devices_go), ==, 1);
	SET(rig->devices_go, 0);
}

/* Who was refused is called once when the machine goes on, by whatever; nobody else is. */
static void test_goes_on(void)
{
	Rig *rig = rig_new_stopped(1);

	for (unsigned refused = 0; refused < 2; refused++) {
		if (refused)
			g_assert_false(kvm_gdb_device_enter(rig->gdb));
		rsp_client_send(rig->client, "vCont;c");
		expect_runs(rig, 0);
		if (refused)
			expect_called(rig);
		g_assert_cmpuint(GET(rig->devices_go), ==, 0);
		interrupt(rig);
	}
	g_assert_false(kvm_gdb_device_enter(rig->gdb));
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmpuint(GET(rig->devices_go), ==, 1);
	SET(rig->devices_go, 0);
	g_assert_false(kvm_gdb_device_enter(rig->gdb));
	hang_up(rig);
	expect_called(rig);
	connect_client(rig);
	g_assert_false(kvm_gdb_device_enter(rig->gdb));
	kvm_gdb_end(rig->gdb, 0);
	expect_called(rig);
	rig_free(rig);
}

/* Nobody ever came, and the VMM ends. */
static void test_end(void)
{
	Rig *rig = rig_new(1, true);

	start_all(rig);
	g_assert_false(kvm_gdb_device_enter(rig->gdb));
	kvm_gdb_end(rig->gdb, 0);
	expect_called(rig);
	rig_free(rig);
}

/* Likewise, while the stop of an operator waits for CPUs that are still in the guest. */
static void test_end_in_stop(void)
{
	Rig *rig = rig_new(4, false);

	start_all(rig);
	for (unsigned i = 0; i < rig->n; i++)
		expect_runs(rig, i);
	operate_stop(rig->gdb);
	kvm_gdb_end(rig->gdb, 0);
	for (unsigned i = 0; i < rig->n; i++)
		expect_runs(rig, i);
	g_assert_false(is_refused(rig));
	rig_free(rig);
}

/* While one CPU steps over its breakpoint and the others wait for that, devices work. */
static void test_false_hits(void)
{
	Rig *rig = rig_new_stopped(2);

	rsp_expect(rig->client, "Z0,101,1;X3,220027", "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	for (unsigned i = 0; i < 1000; i++) {
		g_assert_true(kvm_gdb_device_enter(rig->gdb));
		kvm_gdb_device_leave(rig->gdb);
	}
	expect_runs(rig, 0);
	interrupt(rig);
	rig_free(rig);
}

typedef struct Threads {
	Rig *rig;
	int end, inside, done; /* atomic */
} Threads;

static gpointer enter_and_leave(gpointer data)
{
	Threads *threads = data;

	while (!GET(threads->end)) {
		if (!kvm_gdb_device_enter(threads->rig->gdb)) {
			g_thread_yield();
			continue;
		}
		COUNT(threads->inside);
		COUNT(threads->done);
		__atomic_sub_fetch(&threads->inside, 1, __ATOMIC_SEQ_CST);
		kvm_gdb_device_leave(threads->rig->gdb);
	}
	return NULL;
}

static bool all_stand(void *data)
{
	Threads *threads = data;

	return GET(threads->inside) == 0;
}

static bool any_done(void *threads)
{
	return GET(((Threads *)threads)->done) > 0;
}

/* Nobody is at it while the machine stands, however many there are and whenever it stops. */
static void test_many(void)
{
	Rig *rig = rig_new_stopped(2);
	Threads threads = {.rig = rig};
	GThread *running[3];

	for (unsigned i = 0; i < G_N_ELEMENTS(running); i++)
		running[i] = g_thread_new("device", enter_and_leave, &threads);
	for (unsigned i = 0; i < 50; i++) {
		int done;

		resume_to(rig, "vCont;s:1", "T05");
		g_assert_cmpint(GET(threads.inside), ==, 0);
		rsp_client_send(rig->client, "vCont;c");
		interrupt(rig);
		done = GET(threads.done);
		g_assert_true(all_stand(&threads));
		g_assert_cmpint(GET(threads.done), ==, done);
	}
	hang_up(rig);
	/* On a busy machine they may not have had their turn before. */
	g_assert_true(test_wait(NULL, any_done, &threads, TEST_PATIENCE));
	SET(threads.end, 1);
	for (unsigned i = 0; i < G_N_ELEMENTS(running); i++)
		g_thread_join(running[i]);
	rig_free(rig);
}

/* ---- Memory ---- */

static bool meets(Rig *rig, uint64_t gpa, uint64_t len, bool is_write)
{
	return kvm_gdb_device_meets_break(rig->gdb, gpa, len, is_write);
}

static void test_meets(void)
{
	Rig *rig = rig_new_stopped(1);

	for (unsigned write = 0; write < 2; write++) {
		g_assert_false(meets(rig, 0, TOY_RAM, write));
		rsp_expect(rig->client, "Z0,101,1", "OK");
		g_assert_true(meets(rig, 0, TOY_RAM, write));
		g_assert_true(meets(rig, 0x101, 1, write));
		g_assert_false(meets(rig, 0x102, 0x100, write));
		g_assert_false(meets(rig, 0x81, 0x80, write));
		g_assert_true(meets(rig, 0x81, 0x81, write));
		g_assert_false(meets(rig, 0x101, 0, write));
		/* Outside of RAM there is none, and nothing else happens. */
		g_assert_false(meets(rig, UINT64_MAX - 0x10, 0x100, write));
		g_assert_true(meets(rig, 0x100, UINT64_MAX, write));
		rsp_expect(rig->client, "z0,101,1", "OK");
	}
	rig_free(rig);
}

/* What goes to a disk has no breakpoint in it. */
static void test_read(void)
{
	Rig *rig = rig_new_stopped(1);
	uint8_t buf[4];

	rsp_expect(rig->client, "Z0,101,1", "OK");
	rsp_client_send(rig->client, "vCont;c");
	g_assert_true(kvm_gdb_device_read(rig->gdb, 0x100, buf, 4));
	g_assert_cmpint(memcmp(buf, "\x90\x90\xeb\xfc", 4), ==, 0);
	g_assert_false(kvm_gdb_device_read(rig->gdb, TOY_RAM - 2, buf, 4));
	expect_stop(rig, "T05");
	rig_free(rig);
}

/* Nor has the copy of a page that the guest made, which nobody has looked at so far. */
static void test_read_copy(void)
{
	Rig *rig = rig_new_stopped(1);
	uint8_t buf[4];

	memcpy(toy_ram(rig->vm) + 0x800, "some other code", 15);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	memcpy(toy_ram(rig->vm) + COPY, toy_ram(rig->vm), PAGE);
	g_assert_false(meets(rig, COPY, 0x101, false));
	g_assert_true(meets(rig, COPY, PAGE, false));
	g_assert_true(kvm_gdb_device_read(rig->gdb, COPY + 0x100, buf, 4));
	g_assert_cmpint(memcmp(buf, "\x90\x90\xeb\xfc", 4), ==, 0);
	/* A device that fills the page takes the guest's copy away, and nothing of ours is put
	 * there. */
	g_assert_false(meets(rig, COPY, PAGE, true));
	memset(toy_ram(rig->vm) + COPY, 0xcc, PAGE);
	rsp_expect(rig->client, "m3101,1", "cc");
	rsp_expect(rig->client, "z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[COPY + 0x101], ==, 0xcc);
	rig_free(rig);
}

/* What comes from a disk is what the client reads, the guest gets it, and the breakpoint stays. */
static void test_write(void)
{
	Rig *rig = rig_new_stopped(1);
	static const uint8_t code[] = {0x90, 0x90, 0x90, 0xeb, 0xfb};

	rsp_expect(rig->client, "Z0,102,1", "OK");
	write_pc(rig, 1, 0x100);
	rsp_client_send(rig->client, "vCont;c");
	expect_stop(rig, "T05");
	g_assert_true(kvm_gdb_device_write(rig->gdb, 0x100, code, sizeof(code)));
	rsp_expect(rig->client, "m100,5", "909090ebfb");
	g_assert_cmphex(toy_ram(rig->vm)[0x102], ==, 0xcc);
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x102);
	g_assert_false(kvm_gdb_device_write(rig->gdb, TOY_RAM - 2, code, sizeof(code)));
	rsp_expect(rig->client, "z0,102,1", "OK");
	g_assert_cmpint(memcmp(toy_ram(rig->vm) + 0x100, code, sizeof(code)), ==, 0);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"stop-waits", test_stop_waits},
		{"stuck", test_stuck},
		{"goes-on", test_goes_on},
		{"end", test_end},
		{"end-in-stop", test_end_in_stop},
		{"false-hits", test_false_hits},
		{"many", test_many},
		{"meets", test_meets},
		{"read", test_read},
		{"read-copy", test_read_copy},
		{"write", test_write},
		{0},
	};

	return test_main(argc, argv, "engine-devices", cases);
}

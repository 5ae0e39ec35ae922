/*
 * tests/test-engine-qmp-worst.c - QMP on a machine of the toy architecture at the worst moment: two
 * clients at once, one that goes, gdb that goes, a VMM that ends.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm/operate.h"
#include "tests/qmp-rig.h"

/* ---- At the worst moment ---- */

#define MUCH (128u << 20)

/* So much memory that a dump takes a while. */
static void *add_memory(Qmp *qmp)
{
	void *memory = mmap(NULL, MUCH, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	g_assert_true(memory != MAP_FAILED);
	kvm_gdb_map(qmp->rig->gdb, 1ull << 32, MUCH, memory, 0);
	return memory;
}

static bool stands_for_dump(void *data)
{
	struct stat st;

	/* It has its size when the machine has stopped and the front is written. */
	return stat(data, &st) == 0 && st.st_size >= MUCH;
}

/* Another client's dump has begun, and the machine stands for it. */
static QmpClient *begin_dump(Qmp *qmp, const char *name)
{
	QmpClient *other = qmp_join(qmp, 0);
	g_autofree char *file = g_build_filename(qmp->dir, name, NULL);
	g_autofree char *text = dump_text(file, "");

	qmp_client_hello(other);
	qmp_client_send(other, text);
	g_assert_true(test_wait(NULL, stands_for_dump, file, TEST_PATIENCE));
	return other;
}

/* The machine goes on only behind its answer. */
static void expect_held(QmpClient *client)
{
	g_autofree char *answer = qmp_client_line(client);

	g_assert_cmpstr(answer, ==, OK);
	qmp_client_event(client, "RESUME", NULL);
}

static bool stands(void *data)
{
	return operate_state(((Qmp *)data)->rig->gdb) == OPERATE_STOPPED;
}

/* The machine stands until the last one is done, also for who found it so. */
static void test_two_holds(void)
{
	Qmp qmp = qmp_new(1, false);
	void *memory = add_memory(&qmp);
	g_autofree char *file = g_build_filename(qmp.dir, "a", NULL);
	QmpClient *other;
	unsigned notes;
	uint64_t size;

	operate_hold(qmp.rig->gdb);
	g_assert_true(test_wait(NULL, stands, &qmp, TEST_PATIENCE));
	qmp_client_event(qmp.client, "STOP", NULL);
	other = begin_dump(&qmp, "a");
	operate_release(qmp.rig->gdb);
	expect_held(other);
	look_at_core(file, &notes, &size);
	g_assert_cmpuint(notes, ==, 1);
	expect_runs(qmp.rig, 0);
	qmp_client_event(qmp.client, "RESUME", NULL);
	qmp_client_no_event(qmp.client);
	qmp_client_free(other);
	qmp_free(&qmp);
	munmap(memory, MUCH);
}

/* The search for VMCOREINFO, which takes longest, stops nobody. */
static void test_scan(void)
{
	Qmp qmp = qmp_new(1, false);
	void *memory = add_memory(&qmp);
	g_autofree char *file = g_build_filename(qmp.dir, "a", NULL), *text = dump_text(file, "");
	struct stat st = {0};

	qmp_client_send(qmp.client, text);
	while (stat(file, &st) < 0)
		g_main_context_iteration(NULL, FALSE);
	for (unsigned i = 0; i < 3; i++)
		g_main_context_iteration(NULL, FALSE);
	g_assert_cmpint(operate_state(qmp.rig->gdb), ==, OPERATE_RUNS);
	qmp_client_expect(qmp.client, "", OK);
	qmp_free(&qmp);
	munmap(memory, MUCH);
}

/* Who lets the machine go on meanwhile gets it when the dump is done. */
static void test_cont_in_dump(void)
{
	Qmp qmp = qmp_new(1, false);
	void *memory = add_memory(&qmp);
	QmpClient *other;

	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	qmp_client_event(qmp.client, "STOP", NULL);
	other = begin_dump(&qmp, "a");
	qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
	expect_held(other);
	expect_runs(qmp.rig, 0);
	qmp_client_free(other);
	qmp_free(&qmp);
	munmap(memory, MUCH);
}

/* Also when gdb has stopped it, and goes. */
static void test_gdb_goes_in_dump(void)
{
	Qmp qmp = qmp_new(1, false);
	void *memory = add_memory(&qmp);
	QmpClient *other;

	connect_client(qmp.rig);
	rsp_expect(qmp.rig->client, "Z0,104,1", "OK");
	other = begin_dump(&qmp, "a");
	g_clear_pointer(&qmp.rig->client, rsp_client_free);
	expect_held(other);
	g_assert_true(test_wait(NULL, is_free, qmp.rig, TEST_PATIENCE));
	expect_runs(qmp.rig, 0);
	qmp_client_free(other);
	qmp_free(&qmp);
	munmap(memory, MUCH);
}

/* gdb has the machine: a dump and its end change nothing. */
static void test_gdb_stays(void)
{
	Qmp qmp = qmp_new(1, false);
	g_autofree char *file = g_build_filename(qmp.dir, "f", NULL), *text = dump_text(file, "");

	connect_client(qmp.rig);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_expect(qmp.client, text, OK);
	expect_stands(qmp.rig, 0);
	qmp_client_no_event(qmp.client);
	resume_to(qmp.rig, "vCont;s:1", "T05");
	qmp_free(&qmp);
}

/* A machine that waits for somebody to start it still waits behind a dump and a reset. */
static void test_wait_and_dump(void)
{
	Qmp qmp = qmp_new(1, true);
	g_autofree char *file = g_build_filename(qmp.dir, "f", NULL), *text = dump_text(file, "");

	qmp_client_expect(qmp.client, text, OK);
	qmp_client_expect(qmp.client, EXECUTE("system_reset"), OK);
	qmp_client_event(qmp.client, "RESET",
			 "{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}");
	expect_stands(qmp.rig, 0);
	qmp_client_no_event(qmp.client);
	qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
	expect_runs(qmp.rig, 0);
	qmp_free(&qmp);
}

static void test_reset_in_dump(void)
{
	Qmp qmp = qmp_new(2, false);
	void *memory = add_memory(&qmp);
	QmpClient *other = begin_dump(&qmp, "a");

	qmp_client_expect(qmp.client, EXECUTE("system_reset"), OK);
	g_assert_cmpuint(qmp.rig->resets, ==, 1);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(qmp.client, "RESET",
			 "{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}");
	qmp_client_expect(other, "", OK);
	qmp_client_event(qmp.client, "RESUME", NULL);
	expect_runs(qmp.rig, 0);
	expect_runs(qmp.rig, 1);
	qmp_client_free(other);
	qmp_free(&qmp);
	munmap(memory, MUCH);
}

/* The client of a dump goes, the machine does not stay. */
static void test_hang_up(void)
{
	static const char *const texts[] = {EXECUTE("stop") EXECUTE("cont"),
					    EXECUTE("system_reset")};
	Qmp qmp = qmp_new(1, false);
	void *memory = add_memory(&qmp);
	unsigned fds = test_count_fds();

	qmp_client_free(begin_dump(&qmp, "a"));
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(qmp.client, "RESUME", NULL);
	for (unsigned i = 0; i < 30; i++) {
		QmpClient *other = qmp_join(&qmp, 0);

		qmp_client_hello(other);
		qmp_client_send(other, texts[i % 2]);
		for (unsigned turns = 0; turns < i / 2; turns++)
			g_main_context_iteration(NULL, FALSE);
		qmp_client_free(other);
		test_run_for(NULL, 5);
		qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
		expect_runs(qmp.rig, 0);
	}
	g_assert_cmpuint(test_count_fds(), ==, fds);
	qmp_free(&qmp);
	munmap(memory, MUCH);
}

/* The VMM ends in the middle of it. */
static void test_end_in_dump(void)
{
	Qmp qmp = qmp_new(2, false);
	void *memory = add_memory(&qmp);
	QmpClient *other = begin_dump(&qmp, "a");

	kvm_gdb_end(qmp.rig->gdb, 0);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(qmp.client, "SHUTDOWN", "{\"guest\":true,\"reason\":\"guest-shutdown\"}");
	g_assert_true(qmp_client_at_end(qmp.client));
	qmp_client_free(other);
	qmp_free(&qmp);
	munmap(memory, MUCH);
}

/* Or while somebody waits for a stop. */
static void test_end_in_stop(void)
{
	for (unsigned i = 0; i < 20; i++) {
		Qmp qmp = qmp_new(2, false);

		qmp_client_send(qmp.client, i % 2 ? EXECUTE("stop") : EXECUTE("system_reset"));
		for (unsigned turns = 0; turns < i / 2; turns++)
			g_main_context_iteration(NULL, FALSE);
		kvm_gdb_end(qmp.rig->gdb, 0);
		qmp_free(&qmp);
	}
}

static bool has_ended(void *data)
{
	return ((Rig *)data)->poweroffs == 1;
}

/* A VMM may end all when it is asked to. */
static void test_end_in_quit(void)
{
	Qmp qmp = qmp_new(1, false);
	QmpClient *person = qmp_join(&qmp, 1), *other = qmp_join(&qmp, 0);
	g_autofree char *prompt = qmp_client_until(person, "(vmgdb) "), *text = NULL,
			*events = NULL;

	qmp_client_hello(other);
	qmp.rig->ends = true;
	qmp_client_send(person, "quit\n");
	text = qmp_client_until(person, "(vmgdb) ");
	g_assert_cmpstr(text, ==, "the machine ends now\n(vmgdb) ");
	g_assert_true(qmp_client_at_end(person));
	qmp_client_event(other, "STOP", NULL);
	qmp_client_event(other, "SHUTDOWN", "{\"guest\":false,\"reason\":\"host-qmp-quit\"}");
	g_assert_true(qmp_client_at_end(other));
	g_assert_cmpuint(qmp.rig->poweroffs, ==, 1);
	qmp_client_free(person);
	qmp_client_free(other);
	qmp_free(&qmp);
}

static bool is_in_device(void *data)
{
	return GET(((Rig *)data)->io_exits) > 0;
}

/* A machine whose CPU is in a device for long. */
static Qmp qmp_new_in_device(void)
{
	Qmp qmp = qmp_new(1, true);

	put_code(qmp.rig, 0x100, "e610ebfc");
	SET(qmp.rig->device_hold, 1);
	qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
	g_assert_true(test_wait(NULL, is_in_device, qmp.rig, TEST_PATIENCE));
	return qmp;
}

static void test_stop_in_device(void)
{
	Qmp qmp = qmp_new_in_device();

	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	g_assert_cmpint(operate_state(qmp.rig->gdb), ==, OPERATE_STOPPED);
	SET(qmp.rig->device_hold, 0);
	qmp_free(&qmp);
}

/* The VMM is asked when the last vCPU has left its device. */
static void test_quit_in_device(void)
{
	Qmp qmp = qmp_new_in_device();

	qmp_client_send(qmp.client, EXECUTE("quit"));
	while (operate_state(qmp.rig->gdb) == OPERATE_RUNS)
		g_main_context_iteration(NULL, FALSE);
	for (unsigned i = 0; i < 10 && operate_state(qmp.rig->gdb) == OPERATE_STOPPING; i++)
		g_main_context_iteration(NULL, FALSE);
	if (operate_state(qmp.rig->gdb) == OPERATE_STOPPING)
		g_assert_cmpuint(qmp.rig->poweroffs, ==, 0);
	SET(qmp.rig->device_hold, 0);
	qmp_client_expect(qmp.client, "", OK);
	g_assert_true(test_wait(NULL, has_ended, qmp.rig, TEST_PATIENCE));
	qmp_free(&qmp);
}

/* What somebody has ended does not go on, whatever anybody says before the VMM has ended it. */
static void test_cont_after_end(void)
{
	Qmp qmp = qmp_new(1, false);

	qmp_client_send(qmp.client, EXECUTE("quit") EXECUTE("quit"));
	qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
	qmp_client_expect(qmp.client, "", OK);
	qmp_client_expect(qmp.client, "",
			  GENERIC("the machine stays stopped: somebody has ended it"));
	g_assert_true(test_wait(NULL, has_ended, qmp.rig, TEST_PATIENCE));
	expect_stands(qmp.rig, 0);
	test_run_for(NULL, 20);
	g_assert_cmpuint(qmp.rig->poweroffs, ==, 1);
	kvm_gdb_end(qmp.rig->gdb, 0);
	qmp_free(&qmp);
	qmp = qmp_new(1, false);
	connect_client(qmp.rig);
	rsp_client_send(qmp.rig->client, "k");
	g_assert_true(test_wait(NULL, has_ended, qmp.rig, TEST_PATIENCE));
	qmp_client_expect(qmp.client, EXECUTE("cont"),
			  GENERIC("the machine stays stopped: somebody has ended it"));
	/* gdb has asked the VMM. */
	qmp_client_expect(qmp.client, EXECUTE("quit"), OK);
	test_run_for(NULL, 20);
	g_assert_cmpuint(GET(qmp.rig->poweroffs), ==, 1);
	expect_stands(qmp.rig, 0);
	kvm_gdb_end(qmp.rig->gdb, 0);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(qmp.client, "SHUTDOWN", "{\"guest\":false,\"reason\":\"host-qmp-quit\"}");
	qmp_free(&qmp);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"two-holds", test_two_holds},
		{"cont-in-dump", test_cont_in_dump},
		{"gdb-goes-in-dump", test_gdb_goes_in_dump},
		{"wait-and-dump", test_wait_and_dump},
		{"reset-in-dump", test_reset_in_dump},
		{"hang-up", test_hang_up},
		{"end-in-dump", test_end_in_dump},
		{"end-in-stop", test_end_in_stop},
		{"end-in-quit", test_end_in_quit},
		{"cont-after-end", test_cont_after_end},
		{"quit-in-device", test_quit_in_device},
		{"stop-in-device", test_stop_in_device},
		{"scan", test_scan},
		{"gdb-stays", test_gdb_stays},
		{0},
	};

	return test_main(argc, argv, "engine-qmp-worst", cases);
}

/*
 * tests/test-alarm.c - gdbstub/alarm.h.
 */
#include "gdbstub/alarm.h"

#include "tests/test-util.h"

typedef struct Fixture {
	GMainContext *context;
	GdbAlarm *alarm;
	unsigned calls;
	gint64 again; /* what the function sets */
	gint64 at;    /* when it was called last */
	bool many;    /* threads set it */
	int ended;    /* atomic: so many of them have ended */
} Fixture;

static void on_alarm(void *data)
{
	Fixture *f = data;

	f->calls++;
	f->at = g_get_monotonic_time();
	if (f->many)
		return;
	g_assert_cmpint(gdb_alarm_get(f->alarm), ==, GDB_ALARM_NEVER);
	gdb_alarm_set(f->alarm, f->again);
}

static void open_fixture(Fixture *f)
{
	*f = (Fixture){.context = g_main_context_new(), .again = GDB_ALARM_NEVER};
	f->alarm = gdb_alarm_new(f->context, "test", on_alarm, f);
}

static void close_fixture(Fixture *f)
{
	gdb_alarm_free(f->alarm);
	g_main_context_unref(f->context);
}

static bool was_called(void *data)
{
	return ((Fixture *)data)->calls > 0;
}

/* Off at first; once for each time that is set; in time, and not before. */
static void test_set(void)
{
	Fixture f;
	gint64 time;

	open_fixture(&f);
	test_run_for(f.context, 5);
	g_assert_cmpuint(f.calls, ==, 0);
	gdb_alarm_set(f.alarm, GDB_ALARM_SOON);
	g_assert_cmpint(gdb_alarm_get(f.alarm), ==, GDB_ALARM_SOON);
	g_assert_true(g_main_context_iteration(f.context, FALSE));
	g_assert_cmpuint(f.calls, ==, 1);
	g_assert_false(g_main_context_iteration(f.context, FALSE));
	f.calls = 0;
	time = g_get_monotonic_time() + 20000;
	gdb_alarm_set(f.alarm, time);
	g_assert_false(g_main_context_iteration(f.context, FALSE));
	g_assert_true(test_wait(f.context, was_called, &f, TEST_PATIENCE));
	g_assert_cmpint(f.at, >=, time);
	test_run_for(f.context, 5);
	g_assert_cmpuint(f.calls, ==, 1);
	close_fixture(&f);
}

/* The time that was set last counts: never, later, or sooner. */
static void test_set_again(void)
{
	Fixture f;
	gint64 now;

	open_fixture(&f);
	gdb_alarm_set(f.alarm, GDB_ALARM_SOON);
	gdb_alarm_set(f.alarm, GDB_ALARM_NEVER);
	g_assert_false(g_main_context_iteration(f.context, FALSE));
	now = g_get_monotonic_time();
	gdb_alarm_set(f.alarm, GDB_ALARM_SOON);
	gdb_alarm_set(f.alarm, now + 30000);
	g_assert_true(test_wait(f.context, was_called, &f, TEST_PATIENCE));
	g_assert_cmpint(f.at, >=, now + 30000);
	f.calls = 0;
	now = g_get_monotonic_time();
	gdb_alarm_set(f.alarm, now + 1000000000);
	gdb_alarm_set(f.alarm, now + 1000);
	g_assert_true(test_wait(f.context, was_called, &f, TEST_PATIENCE));
	close_fixture(&f);
}

/* What its function sets holds, also if that is at once. */
static void test_set_by_itself(void)
{
	Fixture f;

	open_fixture(&f);
	f.again = GDB_ALARM_SOON;
	gdb_alarm_set(f.alarm, GDB_ALARM_SOON);
	for (unsigned i = 1; i <= 3; i++) {
		g_assert_true(g_main_context_iteration(f.context, TRUE));
		g_assert_cmpuint(f.calls, ==, i);
	}
	close_fixture(&f);
}

static gpointer sleep_in_loop(gpointer data)
{
	Fixture *f = data;

	while (!was_called(f))
		g_main_context_iteration(f->context, TRUE);
	return NULL;
}

/* A loop that sleeps for good, or for long, is woken by another thread. */
static void test_woken(void)
{
	for (unsigned asleep = 0; asleep < 2; asleep++) {
		Fixture f;
		GThread *thread;

		open_fixture(&f);
		if (asleep)
			gdb_alarm_set(f.alarm, g_get_monotonic_time() + 1000000000);
		thread = g_thread_new("loop", sleep_in_loop, &f);
		g_usleep(10000);
		gdb_alarm_set(f.alarm, GDB_ALARM_SOON);
		g_thread_join(thread);
		close_fixture(&f);
	}
}

/* Who sets it without waking the loop is told whether that would sleep too long. */
static void test_asleep(void)
{
	Fixture f;

	open_fixture(&f);
	g_assert_false(gdb_alarm_set_asleep(f.alarm, GDB_ALARM_NEVER));
	g_assert_true(gdb_alarm_set_asleep(f.alarm, g_get_monotonic_time() + 1000000000));
	g_assert_true(gdb_alarm_set_asleep(f.alarm, GDB_ALARM_SOON));
	g_assert_false(gdb_alarm_set_asleep(f.alarm, GDB_ALARM_SOON));
	g_assert_true(test_wait(f.context, was_called, &f, TEST_PATIENCE));
	g_assert_true(g_main_context_acquire(f.context));
	g_assert_false(gdb_alarm_set_asleep(f.alarm, GDB_ALARM_SOON));
	g_main_context_release(f.context);
	close_fixture(&f);
}

static gpointer set_often(gpointer data)
{
	Fixture *f = data;

	for (unsigned i = 0; i < 2000; i++) {
		gdb_alarm_set(f->alarm, i % 3 == 2 ? GDB_ALARM_NEVER : GDB_ALARM_SOON);
		g_thread_yield();
	}
	gdb_alarm_set(f->alarm, GDB_ALARM_SOON);
	__atomic_add_fetch(&f->ended, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool all_ended(void *data)
{
	return __atomic_load_n(&((Fixture *)data)->ended, __ATOMIC_SEQ_CST) == 3;
}

/* However many threads set it, the last one is not lost. */
static void test_many(void)
{
	GThread *threads[3];
	Fixture f;

	open_fixture(&f);
	f.many = true;
	for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("setter", set_often, &f);
	g_assert_true(test_wait(f.context, all_ended, &f, TEST_PATIENCE));
	for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	f.calls = 0;
	gdb_alarm_set(f.alarm, GDB_ALARM_SOON);
	g_assert_true(test_wait(f.context, was_called, &f, TEST_PATIENCE));
	close_fixture(&f);
}

/* A source of the same loop sets it while the loop is awake: it is not slept over. */
static gboolean set_soon(gpointer data)
{
	gdb_alarm_set(((Fixture *)data)->alarm, GDB_ALARM_SOON);
	return G_SOURCE_REMOVE;
}

static void test_set_in_loop(void)
{
	GSource *source = g_idle_source_new();
	Fixture f;

	open_fixture(&f);
	g_source_set_callback(source, set_soon, &f, NULL);
	g_source_attach(source, f.context);
	g_source_unref(source);
	sleep_in_loop(&f);
	g_assert_cmpuint(f.calls, ==, 1);
	close_fixture(&f);
	gdb_alarm_free(NULL);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"set", test_set},
		{"set-again", test_set_again},
		{"set-by-itself", test_set_by_itself},
		{"woken", test_woken},
		{"asleep", test_asleep},
		{"many", test_many},
		{"set-in-loop", test_set_in_loop},
		{0},
	};

	return test_main(argc, argv, "alarm", cases);
}

/*
 * tests/test-thread.c - the server's thread for VMMs without a GMainLoop: kvm_gdb_thread_...().
 */
#include <glib.h>
#include <signal.h>

#include "kvm/kvm-gdb.h"
#include "tests/test-util.h"

typedef struct Fixture {
	KvmGdbThread *thread;
	int calls, release; /* atomic */
	GThread *on;
	sigset_t blocked;
} Fixture;

#define GET(field) __atomic_load_n(&(field), __ATOMIC_SEQ_CST)
#define SET(field, value) __atomic_store_n(&(field), value, __ATOMIC_SEQ_CST)

static Fixture *fixture_new(void)
{
	g_autoptr(GError) error = NULL;
	Fixture *f = g_new0(Fixture, 1);

	f->thread = kvm_gdb_thread_new(&error);
	g_assert_no_error(error);
	return f;
}

static void fixture_free(Fixture *f)
{
	kvm_gdb_thread_free(f->thread);
	g_free(f);
}

static void look_around(void *data)
{
	Fixture *f = data;

	f->on = g_thread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &f->blocked);
	f->calls++;
}

/* It runs there, with every signal blocked, and the caller's mask is as it was. */
static void test_call(void)
{
	Fixture *f = fixture_new();
	sigset_t own;

	g_assert_true(kvm_gdb_thread_call(f->thread, look_around, f, 0));
	g_assert_cmpint(f->calls, ==, 1);
	g_assert_true(f->on != g_thread_self());
	g_assert_true(sigismember(&f->blocked, SIGTERM));
	g_assert_true(sigismember(&f->blocked, SIGRTMIN + 3));
	pthread_sigmask(SIG_SETMASK, NULL, &own);
	g_assert_false(sigismember(&own, SIGTERM));
	g_assert_nonnull(kvm_gdb_thread_context(f->thread));
	fixture_free(f);
}

static void hold(void *data)
{
	Fixture *f = data;

	SET(f->calls, 1);
	while (!GET(f->release))
		g_usleep(1000);
}

static void must_not_run(void *data G_GNUC_UNUSED)
{
	g_assert_not_reached();
}

/* What has begun is left running; what has not never will. */
static void test_limit(void)
{
	Fixture *f = fixture_new();

	g_assert_false(kvm_gdb_thread_call(f->thread, hold, f, 20));
	while (!GET(f->calls))
		g_usleep(1000);
	g_assert_false(kvm_gdb_thread_call(f->thread, must_not_run, f, 20));
	SET(f->release, 1);
	g_assert_true(kvm_gdb_thread_call(f->thread, look_around, f, 0));
	fixture_free(f);
}

static gpointer call_often(gpointer data)
{
	Fixture *f = data;

	for (int i = 0; i < 100; i++)
		g_assert_true(kvm_gdb_thread_call(f->thread, look_around, f, 0));
	return NULL;
}

/* Calls of many threads come one after the other: @calls is counted without a lock. */
static void test_many(void)
{
	Fixture *f = fixture_new();
	GThread *threads[8];

	for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("caller", call_often, f);
	for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	g_assert_cmpint(f->calls, ==, 800);
	fixture_free(f);
}

static void test_free_null(void)
{
	kvm_gdb_thread_free(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/thread/call", test_call);
	g_test_add_func("/thread/limit", test_limit);
	g_test_add_func("/thread/many", test_many);
	g_test_add_func("/thread/free-null", test_free_null);
	return g_test_run();
}

/*
 * kvm/thread.c - a thread that runs a GMainContext of its own, for VMMs that have no GMainLoop.
 */
#include <glib.h>
#include <signal.h>

#include "kvm/kvm-gdb.h"

struct KvmGdbThread {
	GMainContext *context;
	GMainLoop *loop;
	GThread *thread;
};

/* One call; of the caller and of the source that is to make it. */
typedef struct Call {
	gint refs;
	GMutex lock;
	GCond changed;
	bool begun, done;
	void (*fn)(void *);
	void *data;
} Call;

static void call_unref(gpointer data)
{
	Call *call = data;

	if (!g_atomic_int_dec_and_test(&call->refs))
		return;
	g_mutex_clear(&call->lock);
	g_cond_clear(&call->changed);
	g_free(call);
}

static gpointer run(gpointer data)
{
	KvmGdbThread *thread = data;

	g_main_context_push_thread_default(thread->context);
	g_main_loop_run(thread->loop);
	g_main_context_pop_thread_default(thread->context);
	return NULL;
}

KvmGdbThread *kvm_gdb_thread_new(GError **error)
{
	KvmGdbThread *thread = g_new0(KvmGdbThread, 1);
	sigset_t all, old;

	thread->context = g_main_context_new();
	thread->loop = g_main_loop_new(thread->context, FALSE);
	/* A new thread inherits the mask, so there is no moment at which it could take a signal. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	thread->thread = g_thread_try_new("vmgdb", run, thread, error);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (thread->thread)
		return thread;
	kvm_gdb_thread_free(thread);
	return NULL;
}

GMainContext *kvm_gdb_thread_context(const KvmGdbThread *thread)
{
	return thread->context;
}

static gboolean on_call(gpointer data)
{
	Call *call = data;
	bool wanted;

	g_mutex_lock(&call->lock);
	wanted = !call->done;
	call->begun = true;
	g_mutex_unlock(&call->lock);
	if (wanted)
		call->fn(call->data);
	g_mutex_lock(&call->lock);
	call->done = true;
	g_cond_signal(&call->changed);
	g_mutex_unlock(&call->lock);
	return G_SOURCE_REMOVE;
}

static bool wait_for(Call *call, unsigned timeout_ms)
{
	gint64 end = g_get_monotonic_time() + timeout_ms * G_GINT64_CONSTANT(1000);
	bool done;

	g_mutex_lock(&call->lock);
	while (!call->done) {
		if (!timeout_ms)
			g_cond_wait(&call->changed, &call->lock);
		else if (!g_cond_wait_until(&call->changed, &call->lock, end))
			break;
	}
	done = call->done;
	if (!call->begun)
		call->done = true; /* the caller's data may be gone when its turn comes */
	g_mutex_unlock(&call->lock);
	return done;
}

bool kvm_gdb_thread_call(KvmGdbThread *thread, void (*fn)(void *), void *data, unsigned timeout_ms)
{
	Call *call = g_new0(Call, 1);
	GSource *source = g_idle_source_new();
	bool done;

	call->refs = 2;
	g_mutex_init(&call->lock);
	g_cond_init(&call->changed);
	call->fn = fn;
	call->data = data;
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, on_call, call, call_unref);
	g_source_attach(source, thread->context);
	g_source_unref(source);
	done = wait_for(call, timeout_ms);
	call_unref(call);
	return done;
}

static void quit(void *data)
{
	g_main_loop_quit(data);
}

void kvm_gdb_thread_free(KvmGdbThread *thread)
{
	if (!thread)
		return;
	if (thread->thread) {
		kvm_gdb_thread_call(thread, quit, thread->loop, 0);
		g_thread_join(thread->thread);
	}
	g_main_loop_unref(thread->loop);
	g_main_context_unref(thread->context);
	g_free(thread);
}

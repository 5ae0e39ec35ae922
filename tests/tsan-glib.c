/*
 * tsan-glib.c - GLib's mutexes and conditions on top of pthread's, for the thread sanitizer only.
 *
 * GLib implements them with futexes inside a library that is not instrumented, so the sanitizer
 * sees no order between two holders of a lock and reports races that are none. It knows pthread's.
 * The definitions here win over those of libglib for everything that is linked or loaded besides.
 */
#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define USEC_PER_SEC 1000000

/* The first user allocates; a static GMutex is all zero before that. */
static pthread_mutex_t *mutex_of(GMutex *mutex)
{
	void *made, *seen = __atomic_load_n(&mutex->p, __ATOMIC_ACQUIRE);

	if (seen != NULL)
		return seen;
	made = g_malloc(sizeof(pthread_mutex_t));
	pthread_mutex_init(made, NULL);
	if (__atomic_compare_exchange_n(&mutex->p, &seen, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return made;
	pthread_mutex_destroy(made);
	g_free(made);
	return seen;
}

static pthread_cond_t *cond_of(GCond *cond)
{
	void *made, *seen = __atomic_load_n(&cond->p, __ATOMIC_ACQUIRE);
	pthread_condattr_t attr;

	if (seen != NULL)
		return seen;
	made = g_malloc(sizeof(pthread_cond_t));
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* g_get_monotonic_time()'s */
	pthread_cond_init(made, &attr);
	pthread_condattr_destroy(&attr);
	if (__atomic_compare_exchange_n(&cond->p, &seen, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return made;
	pthread_cond_destroy(made);
	g_free(made);
	return seen;
}

void g_mutex_init(GMutex *mutex)
{
	mutex->p = NULL;
}

void g_mutex_clear(GMutex *mutex)
{
	if (mutex->p == NULL)
		return;
	pthread_mutex_destroy(mutex->p);
	g_free(mutex->p);
	mutex->p = NULL;
}

void g_mutex_lock(GMutex *mutex)
{
	pthread_mutex_lock(mutex_of(mutex));
}

gboolean g_mutex_trylock(GMutex *mutex)
{
	return pthread_mutex_trylock(mutex_of(mutex)) == 0;
}

void g_mutex_unlock(GMutex *mutex)
{
	pthread_mutex_unlock(mutex_of(mutex));
}

void g_cond_init(GCond *cond)
{
	cond->p = NULL;
}

void g_cond_clear(GCond *cond)
{
	if (cond->p == NULL)
		return;
	pthread_cond_destroy(cond->p);
	g_free(cond->p);
	cond->p = NULL;
}

void g_cond_signal(GCond *cond)
{
	pthread_cond_signal(cond_of(cond));
}

void g_cond_broadcast(GCond *cond)
{
	pthread_cond_broadcast(cond_of(cond));
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
	pthread_cond_wait(cond_of(cond), mutex_of(mutex));
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
	struct timespec end = {
		.tv_sec = end_time / USEC_PER_SEC,
		.tv_nsec = end_time % USEC_PER_SEC * 1000,
	};

	return pthread_cond_timedwait(cond_of(cond), mutex_of(mutex), &end) == 0;
}

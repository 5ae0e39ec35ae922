/*
 * hw/dev/worker.c - one thread in poll(): for its kick, for what it watches, and for a word that
 * something has changed (the gate, a hold, the end).
 *
 * While the work may not be done, the thread waits for @wake_fd only: what is watched stays ready,
 * and poll() would return at once again and again.
 */
#include "hw/dev/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct Worker {
	const WorkerGate *gate;
	void (*work)(void *opaque);
	void *opaque;
	int kick_fd, wake_fd;
	GThread *thread;
	GMutex lock;	 /* everything below */
	GCond idle;	 /* @running has become false */
	GArray *watched; /* of struct pollfd */
	unsigned held;
	bool running, ending;
};

/* ---- Descriptors ---- */

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		g_error("eventfd: %s", g_strerror(errno));
	return fd;
}

/* It fails when the counter is full, and then there is a signal already. */
static void signal_fd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static bool take_signal(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/* ---- The thread ---- */

/* Adds what to wait for to @fds: the signals first. */
static void list_fds(Worker *worker, bool due, GArray *fds)
{
	struct pollfd signals[] = {
		{.fd = worker->wake_fd, .events = POLLIN},
		{.fd = worker->kick_fd, .events = POLLIN},
	};

	g_array_set_size(fds, 0);
	g_array_append_vals(fds, signals, due ? 1 : 2);
	g_mutex_lock(&worker->lock);
	if (!due)
		g_array_append_vals(fds, worker->watched->data, worker->watched->len);
	g_mutex_unlock(&worker->lock);
}

/* Waits. Is there work to do? */
static bool wait_for_work(Worker *worker, bool due, GArray *fds)
{
	list_fds(worker, due, fds);
	if (poll((struct pollfd *)(void *)fds->data, fds->len, -1) < 0)
		return due;
	if (g_array_index(fds, struct pollfd, 0).revents)
		take_signal(worker->wake_fd);
	if (due)
		return true;
	due = take_signal(worker->kick_fd);
	for (unsigned i = 2; i < fds->len; i++)
		due |= g_array_index(fds, struct pollfd, i).revents != 0;
	return due;
}

static bool enter_gate(const Worker *worker)
{
	return worker->gate == NULL || worker->gate->enter(worker->gate->opaque);
}

static void leave_gate(const Worker *worker)
{
	if (worker->gate != NULL)
		worker->gate->leave(worker->gate->opaque);
}

static void set_running(Worker *worker, bool running)
{
	g_mutex_lock(&worker->lock);
	worker->running = running && worker->held == 0 && !worker->ending;
	g_cond_broadcast(&worker->idle);
	g_mutex_unlock(&worker->lock);
}

/* FALSE: not now. */
static bool try_work(Worker *worker)
{
	bool may;

	if (!enter_gate(worker))
		return false;
	set_running(worker, true);
	may = worker->running; /* nobody else changes it */
	if (may)
		worker->work(worker->opaque);
	/* The one who holds it may close the gate next, and must not find it open. */
	leave_gate(worker);
	set_running(worker, false);
	return may;
}

static bool is_ending(Worker *worker)
{
	g_mutex_lock(&worker->lock);
	bool ending = worker->ending;
	g_mutex_unlock(&worker->lock);
	return ending;
}

static gpointer run(gpointer data)
{
	Worker *worker = data;
	g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
	bool due = false;

	while (!is_ending(worker)) {
		due = wait_for_work(worker, due, fds);
		if (due && try_work(worker))
			due = false;
	}
	return NULL;
}

/* ---- Its life ---- */

/* A new thread inherits the mask: signals are for others. */
static GThread *start_thread(const char *name, GThreadFunc func, gpointer data)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	GThread *thread = g_thread_new(name, func, data);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return thread;
}

Worker *worker_new(const char *name, const WorkerGate *gate, void (*work)(void *opaque),
		   void *opaque)
{
	Worker *worker = g_new0(Worker, 1);

	worker->gate = gate;
	worker->work = work;
	worker->opaque = opaque;
	worker->kick_fd = new_eventfd();
	worker->wake_fd = new_eventfd();
	worker->watched = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
	g_mutex_init(&worker->lock);
	g_cond_init(&worker->idle);
	worker->thread = start_thread(name, run, worker);
	return worker;
}

void worker_free(Worker *worker)
{
	if (worker == NULL)
		return;
	g_mutex_lock(&worker->lock);
	worker->ending = true;
	g_mutex_unlock(&worker->lock);
	worker_wake(worker);
	g_thread_join(worker->thread);
	close(worker->kick_fd);
	close(worker->wake_fd);
	g_array_unref(worker->watched);
	g_mutex_clear(&worker->lock);
	g_cond_clear(&worker->idle);
	g_free(worker);
}

void worker_kick(Worker *worker)
{
	signal_fd(worker->kick_fd);
}

int worker_kick_fd(const Worker *worker)
{
	return worker->kick_fd;
}

void worker_wake(Worker *worker)
{
	signal_fd(worker->wake_fd);
}

static void forget_locked(Worker *worker, int fd)
{
	for (unsigned i = 0; i < worker->watched->len; i++) {
		if (g_array_index(worker->watched, struct pollfd, i).fd == fd) {
			g_array_remove_index_fast(worker->watched, i);
			return;
		}
	}
}

/* GIOCondition has poll()'s own numbers. */
void worker_watch(Worker *worker, int fd, GIOCondition conditions)
{
	struct pollfd watch = {.fd = fd, .events = (short)conditions};

	g_mutex_lock(&worker->lock);
	forget_locked(worker, fd);
	if (conditions != 0)
		g_array_append_val(worker->watched, watch);
	g_mutex_unlock(&worker->lock);
	worker_wake(worker);
}

void worker_watch_nothing(Worker *worker)
{
	g_mutex_lock(&worker->lock);
	g_array_set_size(worker->watched, 0);
	g_mutex_unlock(&worker->lock);
}

void worker_hold(Worker *worker)
{
	g_mutex_lock(&worker->lock);
	worker->held++;
	while (worker->running)
		g_cond_wait(&worker->idle, &worker->lock);
	g_mutex_unlock(&worker->lock);
}

void worker_go(Worker *worker)
{
	g_mutex_lock(&worker->lock);
	worker->held--;
	g_mutex_unlock(&worker->lock);
	worker_wake(worker);
}

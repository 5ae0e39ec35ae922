/*
 * tests/test-hw-worker.c - hw/dev/worker.h: kicks, descriptors, the gate, hold and go. Nothing here
 * waits for a time: each test waits for what its thread does.
 */
#include <fcntl.h>
#include <unistd.h>

#include "hw/dev/worker.h"
#include "tests/test-util.h"

typedef struct Rig {
	Worker *worker;
	WorkerGate gate;
	GMutex lock; /* everything below */
	GCond changed;
	bool open;
	unsigned asked, entered, left; /* the gate */
	unsigned begun, done;	       /* work */
	unsigned held_in_work;	       /* that work waits in the middle while it is that many */
	unsigned holders;	       /* that are about to hold it */
	int fd;			       /* to be read by the work, or -1 */
	GThread *thread;
} Rig;

static bool enter(void *opaque)
{
	Rig *rig = opaque;

	g_mutex_lock(&rig->lock);
	bool open = rig->open;
	rig->asked++;
	rig->entered += open;
	g_cond_broadcast(&rig->changed);
	g_mutex_unlock(&rig->lock);
	return open;
}

static void leave(void *opaque)
{
	Rig *rig = opaque;

	g_mutex_lock(&rig->lock);
	rig->left++;
	g_cond_broadcast(&rig->changed);
	g_mutex_unlock(&rig->lock);
}

static void work(void *opaque)
{
	Rig *rig = opaque;
	char byte;

	g_mutex_lock(&rig->lock);
	rig->thread = g_thread_self();
	rig->begun++;
	g_cond_broadcast(&rig->changed);
	while (rig->held_in_work > 0)
		g_cond_wait(&rig->changed, &rig->lock);
	if (rig->fd >= 0 && read(rig->fd, &byte, 1) <= 0)
		worker_watch(rig->worker, rig->fd, 0);
	rig->done++;
	g_cond_broadcast(&rig->changed);
	g_mutex_unlock(&rig->lock);
}

static void rig_init(Rig *rig, bool gated)
{
	*rig = (Rig){.gate = {enter, leave, rig}, .open = true, .fd = -1};
	g_mutex_init(&rig->lock);
	g_cond_init(&rig->changed);
	rig->worker = worker_new("test-worker", gated ? &rig->gate : NULL, work, rig);
}

static void rig_clear(Rig *rig)
{
	worker_free(rig->worker);
	g_assert_cmpuint(rig->entered, ==, rig->left);
	g_mutex_clear(&rig->lock);
	g_cond_clear(&rig->changed);
}

static void wait_for(Rig *rig, const unsigned *value, unsigned least)
{
	g_mutex_lock(&rig->lock);
	while (*value < least)
		g_cond_wait(&rig->changed, &rig->lock);
	g_mutex_unlock(&rig->lock);
}

static void set(Rig *rig, unsigned *value, unsigned to)
{
	g_mutex_lock(&rig->lock);
	*value = to;
	g_cond_broadcast(&rig->changed);
	g_mutex_unlock(&rig->lock);
}

static void set_open(Rig *rig, bool open)
{
	g_mutex_lock(&rig->lock);
	rig->open = open;
	g_mutex_unlock(&rig->lock);
}

static unsigned get(Rig *rig, const unsigned *value)
{
	g_mutex_lock(&rig->lock);
	unsigned got = *value;
	g_mutex_unlock(&rig->lock);
	return got;
}

/* By its function, and by whoever has its descriptor. */
static void test_kick(void)
{
	uint64_t one = 1;
	Rig rig;

	rig_init(&rig, false);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.done, 1);
	g_assert_true(rig.thread != g_thread_self());
	g_assert_cmpint(write(worker_kick_fd(rig.worker), &one, sizeof(one)), ==, sizeof(one));
	wait_for(&rig, &rig.done, 2);
	rig_clear(&rig);
}

/* A kick while it works is not lost; two of them may be one. */
static void test_kick_while_working(void)
{
	Rig rig;

	rig_init(&rig, true);
	set(&rig, &rig.held_in_work, 1);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.begun, 1);
	worker_kick(rig.worker);
	worker_kick(rig.worker);
	set(&rig, &rig.held_in_work, 0);
	wait_for(&rig, &rig.done, 2);
	rig_clear(&rig);
	g_assert_cmpuint(rig.done, ==, 2);
}

static void test_gate(void)
{
	Rig rig;

	rig_init(&rig, true);
	set_open(&rig, false);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.asked, 1);
	/* Woken without reason: it asks again. */
	worker_wake(rig.worker);
	wait_for(&rig, &rig.asked, 2);
	worker_kick(rig.worker);
	g_assert_cmpuint(get(&rig, &rig.begun), ==, 0);
	set_open(&rig, true);
	worker_wake(rig.worker);
	wait_for(&rig, &rig.done, 1);
	wait_for(&rig, &rig.left, 1);
	rig_clear(&rig);
}

/* It is woken when the gate opens, and nobody has kicked it: nothing to do. */
static void test_wake_alone(void)
{
	Rig rig;

	rig_init(&rig, true);
	worker_wake(rig.worker);
	worker_wake(rig.worker);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.done, 1);
	rig_clear(&rig);
	g_assert_cmpuint(rig.begun, ==, 1);
	g_assert_cmpuint(rig.asked, ==, 1);
}

static gpointer hold(gpointer data)
{
	Rig *rig = data;

	set(rig, &rig->holders, 1);
	worker_hold(rig->worker);
	g_mutex_lock(&rig->lock);
	unsigned running = rig->begun - rig->done;
	g_mutex_unlock(&rig->lock);
	return GUINT_TO_POINTER(running + 1);
}

/* Whoever holds it waits for the work that runs, and none begins. */
static void test_hold(void)
{
	Rig rig;

	rig_init(&rig, true);
	set(&rig, &rig.held_in_work, 1);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.begun, 1);
	GThread *holder = g_thread_new("hold", hold, &rig);
	wait_for(&rig, &rig.holders, 1);
	g_usleep(1000); /* for one that does not wait; nothing depends on it */
	set(&rig, &rig.held_in_work, 0);
	g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(holder)), ==, 1);
	unsigned done = get(&rig, &rig.done), left = get(&rig, &rig.left);
	worker_kick(rig.worker);
	/* It passes the gate and goes back. */
	wait_for(&rig, &rig.left, left + 1);
	worker_hold(rig.worker);
	worker_go(rig.worker);
	wait_for(&rig, &rig.left, left + 2);
	g_assert_cmpuint(get(&rig, &rig.begun), ==, done);
	worker_go(rig.worker);
	wait_for(&rig, &rig.done, done + 1);
	rig_clear(&rig);
}

/* A reset while the machine stands: the holder does not wait for the gate. */
static void test_hold_while_closed(void)
{
	Rig rig;

	rig_init(&rig, true);
	set_open(&rig, false);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.asked, 1);
	worker_hold(rig.worker);
	worker_go(rig.worker);
	set_open(&rig, true);
	worker_wake(rig.worker);
	wait_for(&rig, &rig.done, 1);
	rig_clear(&rig);
}

/* The end does not wait for the gate either, nor for a go. */
static void test_free(void)
{
	Rig rig;

	rig_init(&rig, true);
	set_open(&rig, false);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.asked, 1);
	rig_clear(&rig);
	g_assert_cmpuint(rig.begun, ==, 0);
	rig_init(&rig, true);
	worker_hold(rig.worker);
	worker_kick(rig.worker);
	rig_clear(&rig);
	g_assert_cmpuint(rig.begun, ==, 0);
	worker_free(NULL);
}

static void test_watch(void)
{
	int fds[2];
	Rig rig;

	rig_init(&rig, true);
	g_assert_cmpint(pipe2(fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
	rig.fd = fds[0];
	worker_watch(rig.worker, fds[0], G_IO_IN);
	g_assert_cmpint(write(fds[1], "abc", 3), ==, 3);
	/* Ready three times, and then its work says that it is enough. */
	worker_kick(rig.worker);
	wait_for(&rig, &rig.done, 3);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.done, 4);
	/* Not wanted any more; kicks still are. */
	unsigned done = get(&rig, &rig.done);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.done, done + 1);
	rig_clear(&rig);
	close(fds[0]);
	close(fds[1]);
}

static void test_watch_nothing(void)
{
	int fds[2];
	Rig rig;

	rig_init(&rig, true);
	g_assert_cmpint(pipe2(fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
	worker_watch(rig.worker, fds[0], G_IO_IN);
	worker_watch(rig.worker, fds[1], G_IO_IN);
	worker_watch_nothing(rig.worker);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.left, 1);
	g_assert_cmpint(write(fds[1], "a", 1), ==, 1);
	worker_kick(rig.worker);
	wait_for(&rig, &rig.left, 2);
	rig_clear(&rig);
	g_assert_cmpuint(rig.asked, ==, 2);
	close(fds[0]);
	close(fds[1]);
}

/* What is ready while the gate is closed is done when it opens, and costs nothing until then. */
static void test_watch_while_closed(void)
{
	int fds[2];
	Rig rig;

	rig_init(&rig, true);
	g_assert_cmpint(pipe2(fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
	rig.fd = fds[0];
	set_open(&rig, false);
	worker_watch(rig.worker, fds[0], G_IO_IN);
	g_assert_cmpint(write(fds[1], "a", 1), ==, 1);
	wait_for(&rig, &rig.asked, 1);
	worker_hold(rig.worker);
	unsigned asked = get(&rig, &rig.asked);
	g_assert_cmpuint(asked, <=, 2);
	worker_go(rig.worker);
	set_open(&rig, true);
	worker_wake(rig.worker);
	wait_for(&rig, &rig.done, 1);
	rig_clear(&rig);
	close(fds[0]);
	close(fds[1]);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"kick", test_kick},
		{"kick-while-working", test_kick_while_working},
		{"gate", test_gate},
		{"wake-alone", test_wake_alone},
		{"hold", test_hold},
		{"hold-while-closed", test_hold_while_closed},
		{"free", test_free},
		{"watch", test_watch},
		{"watch-nothing", test_watch_nothing},
		{"watch-while-closed", test_watch_while_closed},
		{0},
	};

	return test_main(argc, argv, "hw-worker", cases);
}

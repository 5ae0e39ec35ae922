/*
 * hw/dev/worker.h - the thread of a device that works beside the vCPUs.
 *
 * It sleeps until somebody kicks it, by its eventfd (KVM's ioeventfd writes there, too), or until a
 * descriptor that it watches is ready. While a debugger has stopped the machine it does nothing:
 * what it had begun it finishes before the stop is reported, and what comes meanwhile is done when
 * the machine goes on.
 */
#ifndef VMGDB_HW_DEV_WORKER_H
#define VMGDB_HW_DEV_WORKER_H

#include <glib.h>
#include <stdbool.h>

typedef struct Worker Worker;

/* May the device touch the guest now? Any thread; each enter() that said TRUE gets a leave(). */
typedef struct WorkerGate {
	/* FALSE: the machine stands. worker_wake() is called when it goes on. Never waits. */
	bool (*enter)(void *opaque);
	void (*leave)(void *opaque);
	void *opaque;
} WorkerGate;

/*
 * worker_new: @name is at most 15 bytes, for ps. @gate may be NULL: always open. Both outlive it.
 * @work is called on the thread, inside the gate, after kicks; several may be one call.
 * worker_free: waits for a call of @work that runs, then ends the thread. Not on that thread.
 */
Worker *worker_new(const char *name, const WorkerGate *gate, void (*work)(void *opaque),
		   void *opaque);
void worker_free(Worker *worker);

/* worker_kick: work soon. [any thread] worker_kick_fd: the eventfd for others to write to. */
void worker_kick(Worker *worker);
int worker_kick_fd(const Worker *worker);
/* worker_wake: the gate is open again. [any thread] */
void worker_wake(Worker *worker);
/*
 * worker_watch: also work whenever @fd is ready for @conditions, as long as they are wanted; 0: no
 * longer. [the worker's thread, or before the first kick] The descriptor stays the caller's.
 */
void worker_watch(Worker *worker, int fd, GIOCondition conditions);
/* worker_watch_nothing: no descriptor any longer. [likewise] */
void worker_watch_nothing(Worker *worker);
/* worker_hold: no call of @work runs after this, or begins. worker_go: again. Not on its thread. */
void worker_hold(Worker *worker);
void worker_go(Worker *worker);

#endif

/*
 * tests/bench/handed.c - a step by another thread: what no stub can do without, since the thread
 * that serves the client is not the one that runs the vCPU.
 */
#include <linux/kvm.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/ioctl.h>

#include "tests/bench/limit.h"
#include "tests/bench/wire.h"

#define STEPS 1000

typedef struct Handed {
	int fd;
	sem_t go, done; /* one futex each */
	bool ends, failed;
} Handed;

static void *run_steps(void *data)
{
	Handed *handed = data;

	for (;;) {
		sem_wait(&handed->go);
		if (handed->ends)
			return NULL;
		handed->failed |= ioctl(handed->fd, KVM_RUN, 0) < 0;
		sem_post(&handed->done);
	}
}

static double time_steps(Handed *handed)
{
	double start = bench_now();

	for (unsigned n = 0; n < STEPS && !handed->failed; n++) {
		sem_post(&handed->go);
		sem_wait(&handed->done);
	}
	return handed->failed ? NAN : (bench_now() - start) / STEPS;
}

double handed_step(int vcpu_fd)
{
	Handed handed = {.fd = vcpu_fd};
	pthread_t thread;
	double seconds;

	sem_init(&handed.go, 0, 0);
	sem_init(&handed.done, 0, 0);
	if (pthread_create(&thread, NULL, run_steps, &handed) != 0)
		return NAN;
	time_steps(&handed);
	seconds = time_steps(&handed);
	handed.ends = true;
	sem_post(&handed.go);
	pthread_join(thread, NULL);
	sem_destroy(&handed.go);
	sem_destroy(&handed.done);
	return seconds;
}

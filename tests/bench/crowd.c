/*
 * tests/bench/crowd.c - how long it takes to get many vCPUs out of KVM_RUN, without any stub: one
 * thread each, as cheap as can be.
 */
#include <fcntl.h>
#include <glib.h>
#include <linux/kvm.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/bench/arch.h"
#include "tests/bench/limit.h"
#include "tests/bench/times.h"
#include "tests/bench/wire.h"

#define ROUNDS 50
#define SETTLE_US 20000 /* until all threads are in KVM_RUN */

typedef struct Crowd Crowd;

typedef struct Member {
	Crowd *crowd;
	pthread_t thread;
	int tid, fd;
	struct kvm_run *run;
} Member;

struct Crowd {
	int kvm_fd, vm_fd;
	size_t run_size;
	Member *members;
	unsigned n;	/* of them */
	unsigned n_out; /* atomic: not in KVM_RUN */
	bool ends;	/* before they go in: they do not */
	pthread_barrier_t in;
	sem_t all_out;
};

static void on_signal(int signo G_GNUC_UNUSED)
{
}

static void *be_member(void *data)
{
	Member *member = data;
	Crowd *crowd = member->crowd;

	member->tid = gettid();
	for (;;) {
		pthread_barrier_wait(&crowd->in);
		if (crowd->ends)
			return NULL;
		ioctl(member->fd, KVM_RUN, 0);
		member->run->immediate_exit = 0;
		if (__atomic_add_fetch(&crowd->n_out, 1, __ATOMIC_SEQ_CST) == crowd->n)
			sem_post(&crowd->all_out);
	}
}

static bool add_member(Crowd *crowd)
{
	Member *member = &crowd->members[crowd->n];

	member->crowd = crowd;
	member->fd = bench_waiting_vcpu(crowd->vm_fd, crowd->n);
	if (member->fd < 0)
		return false;
	member->run =
		mmap(NULL, crowd->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, member->fd, 0);
	if (member->run == MAP_FAILED) {
		close(member->fd);
		return false;
	}
	crowd->n++;
	return true;
}

static double time_stop(Crowd *crowd)
{
	double start;

	__atomic_store_n(&crowd->n_out, 0, __ATOMIC_SEQ_CST);
	pthread_barrier_wait(&crowd->in);
	usleep(SETTLE_US);
	start = bench_now();
	for (unsigned i = 0; i < crowd->n; i++) {
		crowd->members[i].run->immediate_exit = 1;
		tgkill(getpid(), crowd->members[i].tid, SIGUSR1);
	}
	sem_wait(&crowd->all_out);
	return bench_now() - start;
}

static double time_stops(Crowd *crowd)
{
	double times[ROUNDS];

	pthread_barrier_init(&crowd->in, NULL, crowd->n + 1);
	sem_init(&crowd->all_out, 0, 0);
	for (unsigned i = 0; i < crowd->n; i++)
		pthread_create(&crowd->members[i].thread, NULL, be_member, &crowd->members[i]);
	for (unsigned n = 0; n < ROUNDS; n++)
		times[n] = time_stop(crowd);
	crowd->ends = true;
	pthread_barrier_wait(&crowd->in);
	for (unsigned i = 0; i < crowd->n; i++)
		pthread_join(crowd->members[i].thread, NULL);
	pthread_barrier_destroy(&crowd->in);
	sem_destroy(&crowd->all_out);
	times_sort(times, ROUNDS);
	return times[ROUNDS / 2];
}

double crowd_stop(unsigned n)
{
	struct sigaction old, action = {.sa_handler = on_signal};
	Crowd crowd = {.kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC)};
	double seconds = NAN;

	crowd.members = g_new0(Member, n);
	crowd.vm_fd = ioctl(crowd.kvm_fd, KVM_CREATE_VM, 0);
	crowd.run_size = ioctl(crowd.kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	while (crowd.n < n && add_member(&crowd))
		;
	sigaction(SIGUSR1, &action, &old);
	if (crowd.n == n)
		seconds = time_stops(&crowd);
	sigaction(SIGUSR1, &old, NULL);
	for (unsigned i = 0; i < crowd.n; i++) {
		munmap(crowd.members[i].run, crowd.run_size);
		close(crowd.members[i].fd);
	}
	close(crowd.vm_fd);
	close(crowd.kvm_fd);
	g_free(crowd.members);
	return seconds;
}

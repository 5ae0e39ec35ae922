/*
 * tests/bench/limit.h - what the machine itself can do, measured beside the stubs: TCP on the
 * loopback between two threads, KVM_RUN in this process.
 */
#ifndef VMGDB_BENCH_LIMIT_H
#define VMGDB_BENCH_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Echo Echo;

/* A thread that answers on a TCP connection; NULL when there is no loopback. */
Echo *echo_new(void);
void echo_free(Echo *echo);
/* Median seconds from a request of @sent bytes to the end of its answer of @received bytes. */
double echo_trip(Echo *echo, size_t sent, size_t received, double seconds);

/* In this process, best of some tries, in seconds; NAN where this machine's KVM cannot. */
typedef struct KvmLimits {
	double step;	    /* KVM_RUN of one single step, and nothing else */
	double handed_step; /* the same by another thread: handed over and back */
	double full_step;   /* the same with KVM_SET_GUEST_DEBUG before and KVM_GET_REGS after it */
	double bare_exit;   /* KVM_RUN until an out instruction exits */
	double hook_exit;   /* the same by kvm_gdb_run() without a client */
} KvmLimits;
void kvm_limits(KvmLimits *best);

/* Seconds of one KVM_RUN of @vcpu_fd, which steps, by a thread of its own; NAN when it fails. */
double handed_step(int vcpu_fd);

/*
 * Median seconds until @n threads are out of KVM_RUN, each with a vCPU that waits there to be
 * started, from the first signal to the last thread; NAN where there cannot be so many.
 */
double crowd_stop(unsigned n);

#endif

/*
 * tests/model-host.h - a host of one thread for the real engine: each vCPU's thread is a coroutine
 * that goes on only when the test says so, and stops wherever the order of threads could matter.
 *
 * Those places are the calls that block or that other threads can see: KVM_RUN at its beginning and
 * before each instruction, the engine's lock before it is taken, the wait of a vCPU that is kept,
 * and a device of the VMM. Signals, eventfds and the clock belong to this host as well: the linker
 * gives the engine these functions instead of libc's (--wrap, see the Makefile). So a test is a
 * list of decisions, and the same list always gives the same run.
 */
#ifndef VMGDB_TESTS_MODEL_HOST_H
#define VMGDB_TESTS_MODEL_HOST_H

#include "kvm/internal.h"

#define HOST_CPUS 3

/* Where a vCPU's thread waits for its turn. */
typedef enum HostPlace {
	HOST_NEW,
	HOST_LOCK,   /* about to take the engine's lock */
	HOST_ENTRY,  /* about to call KVM_RUN */
	HOST_GUEST,  /* in KVM_RUN, before an instruction */
	HOST_WAIT,   /* kept by the engine */
	HOST_DEVICE, /* in a device of the VMM */
	HOST_ENDED,
} HostPlace;

/*
 * host_forget: before an engine is made: the last one is gone, and its descriptors.
 * host_begin: forgets all threads; @body is what each of them does. The clock begins
 * anew.
 */
void host_forget(void);
void host_begin(KvmGdb *gdb, unsigned n, void (*body)(unsigned cpu));
/* The engine's side of vCPU @cpu, once it is known. */
void host_set_vcpu(unsigned cpu, KvmGdbVcpu *vcpu);

/* Can this thread go on? host_step: it does, to its next place. */
bool host_can_step(unsigned cpu);
void host_step(unsigned cpu);
HostPlace host_place(unsigned cpu);
const char *host_place_name(unsigned cpu);
/* host_yield: called by the thread that is running now: it waits at @place. */
void host_yield(HostPlace place);
/* For ToyWatcher.before: likewise in KVM_RUN. FALSE: a signal came meanwhile. */
bool host_yield_in_guest(void);

/* A signal of the VMM's own for this thread, whose handler sets immediate_exit or does nothing. */
void host_signal(unsigned cpu, bool sets_immediate_exit);

/*
 * The engine's signal for the thread of a vCPU, which it sends behind its lock, is on its way for
 * as long as the test likes. host_kick_arrives: it arrives.
 */
bool host_kick_is_coming(unsigned cpu);
void host_kick_arrives(unsigned cpu);

/* The next time that something waits for, or 0. host_pass_time: it is then. */
gint64 host_next_time(void);
void host_pass_time(gint64 to);
gint64 host_now(void);

/* What a thread's future depends on, beside the engine's own state. */
uint64_t host_digest(unsigned cpu);
/* An engine that locks twice, or waits where nobody could wake it: text, or NULL. */
const char *host_fault(void);

#endif

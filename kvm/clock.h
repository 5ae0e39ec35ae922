/*
 * kvm/clock.h - the guest's clocks while it is stopped.
 *
 * A guest that finds minutes gone between two instructions reports soft lockups, RCU stalls and
 * unstable clocks. So when a stop lasts, all its clocks are read, and set back to that at the
 * resume: the guest does not notice the stop. Short stops (steps, conditions) cost two looks
 * at the host's clock and leave the guest's alone.
 * All functions with the engine's lock held.
 */
#ifndef VMGDB_KVM_CLOCK_H
#define VMGDB_KVM_CLOCK_H

#include "kvm/internal.h"

typedef struct KvmClock KvmClock;

KvmClock *kvm_clock_new(KvmGdb *gdb);
void kvm_clock_free(KvmClock *clock);

/* The world has stopped just now. */
void kvm_clock_stopped(KvmClock *clock);
/* vCPUs are about to run; all are out of KVM_RUN still. */
void kvm_clock_resuming(KvmClock *clock);
/* FALSE: the clocks go on while the guest is stopped (kvm_gdb_set_clock()). */
void kvm_clock_set_stop(KvmClock *clock, bool stop);

#endif

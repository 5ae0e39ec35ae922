/*
 * hw/vcpu.h - one virtual CPU: its descriptor, its thread, its run loop.
 */
#ifndef VMGDB_HW_VCPU_H
#define VMGDB_HW_VCPU_H

#include <glib.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>

#include "kvm/kvm-gdb.h"

struct Vm;

typedef struct Vcpu {
	struct Vm *vm;
	unsigned index; /* dense from 0; also the APIC id or the like */
	int fd;
	struct kvm_run *run;
	size_t run_size;
	KvmGdbVcpu *gdb; /* NULL without a stub */
	pthread_t thread;
	bool started;
} Vcpu;

/* vcpu_new: create it in KVM. [main thread] Not reset and not running yet. */
Vcpu *vcpu_new(struct Vm *vm, unsigned index, GError **error);
/* vcpu_free: the thread must have been joined. NULL is accepted. */
void vcpu_free(Vcpu *vcpu);

/* vcpu_start: run it on a thread of its own. [main thread] Its registers are set before. */
bool vcpu_start(Vcpu *vcpu, GError **error);

/*
 * vcpu_kick: make its thread look at vm_running() soon, whatever it does. [main thread]
 * vcpu_join: wait for the end of its thread; when vm_running() is false, after vcpu_kick().
 */
void vcpu_kick(Vcpu *vcpu);
void vcpu_join(Vcpu *vcpu);

#endif

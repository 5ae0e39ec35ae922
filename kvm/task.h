/*
 * kvm/task.h - the name of the task that a CPU runs, where the kernel's vmlinux is known.
 *
 * The current task comes from the kernel's per-CPU variable (x86) or from SP_EL0 (arm64). Where the
 * name lies in it is not in the symbol table; it is found once, in init_task, whose name is known.
 * For the engine, with its lock held and the world stopped.
 */
#ifndef VMGDB_KVM_TASK_H
#define VMGDB_KVM_TASK_H

#include "kvm/internal.h"

/* task_append_name: a blank and the name. Nothing when anything about it is in doubt. */
void task_append_name(KvmGdbVcpu *vcpu, GString *out);

#endif

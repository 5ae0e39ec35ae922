/*
 * kvm/task.h - the name of the task that a CPU runs, where the kernel's symbols are known: from its
 * vmlinux, or from the client.
 *
 * The current task comes from the kernel's per-CPU variable (x86) or from SP_EL0 (arm64): arch_info
 * says which. Where the name lies in it is not in the symbol table; it is found once, in init_task,
 * whose name is known. For the engine, with its lock held and the world stopped.
 */
#ifndef VMGDB_KVM_TASK_H
#define VMGDB_KVM_TASK_H

#include "kvm/internal.h"

/*
 * task_append_name: a blank and the name, and ", pid N" where the kernel was looked into (linux.h).
 * Nothing when anything about it is in doubt.
 */
void task_append_name(KvmGdbVcpu *vcpu, GString *out);

/*
 * GdbSymbolOps.wanted and resolved; they take the lock. Nothing is wanted when there is
 * a vmlinux. task_forget: what the client said.
 */
const char *const *task_symbols_wanted(void *target);
void task_symbol_resolved(void *target, unsigned n, uint64_t value);
void task_forget(KvmGdb *gdb);

#endif

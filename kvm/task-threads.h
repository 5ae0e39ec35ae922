/*
 * kvm/task-threads.h - the tasks of a Linux guest as threads of the client: those that sleep.
 *
 * A task that runs is the thread of its CPU. Tasks are looked up when somebody first asks after a
 * stop, and forgotten at the next resume. For the engine.
 */
#ifndef VMGDB_KVM_TASK_THREADS_H
#define VMGDB_KVM_TASK_THREADS_H

#include "guest/task.h"
#include "kvm/internal.h"

/* Without the lock: GdbTaskOps. */
extern const GdbTaskOps task_threads_ops;

/* ---- With the lock held ---- */

/* What GdbCpuOps.describe() says of a task. */
void task_threads_describe(KvmGdb *gdb, uint32_t task, GString *text);
/*
 * Registers of a task; @vcpu: any, for those that all have in common. FALSE with @error: it has not
 * saved this one, or there is no such task; none can be written.
 */
bool task_threads_read(KvmGdbVcpu *vcpu, uint32_t task, const GdbReg *reg, uint8_t *buf,
		       GError **error);
bool task_threads_write(uint32_t task, GError **error);
/*
 * task_threads_find: any task, also one that runs. FALSE with @error.
 * task_threads_forget: by process_forget() (process.h), and when the user chooses.
 */
bool task_threads_find(KvmGdb *gdb, uint32_t task, LinuxTask *ret, GError **error);
void task_threads_forget(KvmGdb *gdb);

#endif

/*
 * kvm/process.h - whose user addresses a client means: those of the CPU as it is, or of a process
 * of the Linux guest; and which process stops at them.
 *
 * For the engine, with its lock held and the world stopped, unless said otherwise.
 */
#ifndef VMGDB_KVM_PROCESS_H
#define VMGDB_KVM_PROCESS_H

#include "kvm/internal.h"

/*
 * process_choose: @space, which is that of a CPU, becomes that of the process of @task for @addr;
 * or of the one that the user has chosen, where @task is 0. The kernel's addresses are all
 * processes'. FALSE with @error: it is not known.
 */
bool process_choose(Space *space, uint32_t task, uint64_t addr, GError **error);
/* May this vCPU, which has hit @bp, stop there? On its own thread. */
bool process_may_stop(KvmGdbVcpu *vcpu, const GdbBreak *bp);
/*
 * process_resuming: before the machine runs, in either mode: the page tables of the process that
 * shall stop may be others now; then process_forget().
 */
void process_resuming(KvmGdb *gdb);
/* A new client has chosen nothing. */
void process_choose_none(KvmGdb *gdb);
/* The machine runs, or is another one: what was looked up of its tasks and processes is over. */
void process_forget(KvmGdb *gdb);

#endif

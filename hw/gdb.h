/*
 * hw/gdb.h - the one place where lkvm talks to the gdb stub (but for kvm_gdb_run() in the run
 * loop).
 */
#ifndef VMGDB_HW_GDB_H
#define VMGDB_HW_GDB_H

#include "hw/vm.h"

/*
 * vm_gdb_start: an engine that knows the VM's memory and vCPUs, and listens as --gdb says; prints
 * the line `gdb: listening on ADDRESS` on stderr. No vCPU may have run. [main thread]
 */
bool vm_gdb_start(Vm *vm, GError **error);

/*
 * For vm_reset(). [main thread, no vCPU runs] Without --gdb they do nothing.
 * vm_gdb_forget: @vm_fd takes the place of the VM, whose vCPUs are about to be freed.
 * vm_gdb_renew: the machine is there again.
 */
void vm_gdb_forget(Vm *vm, int vm_fd);
bool vm_gdb_renew(Vm *vm, GError **error);

/*
 * vm_gdb_panic: the guest's kernel panicked on @vcpu. [any thread] It is the end of the machine,
 * unless there is --gdb. Where nobody is connected there it is written to --gdb-core, and goes on.
 */
void vm_gdb_panic(Vm *vm, Vcpu *vcpu);

/*
 * vm_gdb_wants_core: is the machine to be written to a file when the guest dies now: is there
 * --gdb-core, and no client? [any thread]
 * vm_gdb_write_core: does it, and says on stderr how that went. [main thread, no vCPU's thread
 * runs]
 */
bool vm_gdb_wants_core(Vm *vm);
void vm_gdb_write_core(Vm *vm);

/*
 * vm_gdb_held_ns: for how many nanoseconds the debugger has held the clocks of @vm, a Vm, so far.
 * [any thread]
 */
uint64_t vm_gdb_held_ns(void *vm);

/* vm_gdb_end: tell the client that the machine exited with @status, and let parked vCPUs go.
 * Call it before the vCPUs' threads are joined. Without --gdb, and the second time, it does
 * nothing. [main thread] */
void vm_gdb_end(Vm *vm, uint8_t status);
/* vm_gdb_free: after the vCPUs' threads are joined. */
void vm_gdb_free(Vm *vm);

#endif

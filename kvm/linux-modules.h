/*
 * kvm/linux-modules.h - the modules of the guest's kernel, as libraries of its program.
 *
 * A client that reads their list hears of changes from then on (GDB_STOP_LIBRARY): breakpoints of
 * the engine's own are where the kernel has a new module in its list but has not called its init
 * function, where it gives the memory of init functions back, and where it frees a module. With the
 * engine's lock held, unless said otherwise.
 */
#ifndef VMGDB_KVM_LINUX_MODULES_H
#define VMGDB_KVM_LINUX_MODULES_H

#include "kvm/internal.h"

/*
 * modules_changed: a breakpoint of the engine's own was hit at @pc, on @vcpu's own thread: is the
 * list another one than that which the client has read?
 * modules_open: the file of a module in that list. -1 with @error, also NOENT; -1 without: call
 * again, it is being made.
 * modules_let_run: the guest is about to run: what is not finished is begun again.
 * modules_forget: the kernel is no longer known.
 */
bool modules_changed(KvmGdbVcpu *vcpu, uint64_t pc);
int modules_open(KvmGdb *gdb, const char *path, GError **error);
void modules_let_run(KvmGdb *gdb);
void modules_forget(KvmGdb *gdb);

/* GdbLibraryOps; without the lock. */
bool modules_offers(void *target);
const GdbLibrary *modules_list(void *target, unsigned *ret_n, GError **error);

#endif

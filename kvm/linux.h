/*
 * kvm/linux.h - the Linux kernel that runs in the guest, found when somebody first asks.
 *
 * guest/ knows what is in it; here is where to look: around the address that the kernel has given
 * each CPU for its entries (arch_info.anchors), and where the CPUs are. For the engine, with its
 * lock held and the world stopped, unless said otherwise.
 */
#ifndef VMGDB_KVM_LINUX_H
#define VMGDB_KVM_LINUX_H

#include "guest/kernel.h"
#include "kvm/internal.h"

/*
 * linux_kernel: the kernel; found once, and again when another one is there. NULL with @error, in
 * GDB_ERROR: no Linux, or it has not come far enough. Valid until the lock is given up.
 */
const LinuxKernel *linux_kernel(KvmGdb *gdb, GError **error);
/* linux_known: the same, if it was found before; NULL else. */
const LinuxKernel *linux_known(KvmGdb *gdb);
/* linux_forget: the machine was reset, or ends. */
void linux_forget(KvmGdb *gdb);

/* GdbOsOps.vmcoreinfo: takes the lock. */
bool linux_vmcoreinfo(void *target, GString *text, GError **error);

#endif

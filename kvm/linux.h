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
#include "guest/task.h"
#include "kvm/internal.h"

/*
 * linux_kernel: the kernel; found once, and again when another one is there. NULL with @error, in
 * GDB_ERROR: no Linux, or it has not come far enough. Valid until the lock is given up.
 */
const LinuxKernel *linux_kernel(KvmGdb *gdb, GError **error);
/*
 * linux_known: the same, if it was found before; NULL else.
 * linux_known_by: likewise, read through @vcpu, which does not run, while others may.
 */
const LinuxKernel *linux_known(KvmGdb *gdb);
const LinuxKernel *linux_known_by(KvmGdbVcpu *vcpu);
/*
 * linux_tasks: how the kernel lays out its tasks. NULL with @error. Valid as long as the kernel is.
 * linux_known_tasks: the same, of the known kernel.
 */
const LinuxTasks *linux_tasks(KvmGdb *gdb, GError **error);
const LinuxTasks *linux_known_tasks(KvmGdb *gdb);
/* linux_info: VMCOREINFO of the known kernel, which comes later than the rest; NULL: not yet. */
const char *linux_info(KvmGdb *gdb);
/* linux_has_file: has a client read the file of the known kernel (below)? */
bool linux_has_file(const KvmGdb *gdb);
/*
 * linux_let_run: the guest is about to run: what was not found, or is not finished, is looked for
 * again at its next stop.
 * linux_forget: the kernel is looked for again. linux_reset: the machine was reset: what is found
 * then is another one. linux_free: the engine ends.
 */
void linux_let_run(KvmGdb *gdb);
void linux_forget(KvmGdb *gdb);
void linux_reset(KvmGdb *gdb);
void linux_free(KvmGdb *gdb);

/*
 * linux_begins: does the client wait for a kernel since a reset, and is it the same as before that
 * runs on @vcpu, which is on its way out of KVM_RUN? Told once. Reads registers. Others may run.
 * linux_expect_none: a new client.
 */
bool linux_begins(KvmGdbVcpu *vcpu);
void linux_expect_none(KvmGdb *gdb);

/*
 * linux_notes: appends in lines what the kernel does not tell, and what could not be put into the
 * file for gdb, if that was made; nothing when nothing is missing. Takes the lock.
 */
void linux_notes(KvmGdb *gdb, GString *out);

/* ---- For the protocol; without the lock ---- */

/*
 * The file for gdb is made of what the kernel knows of itself (guest/program.h), when it is first
 * opened. There is none where the user gave a vmlinux.
 */
bool linux_file_prepare(void *target);
const char *linux_file_program(void *target);
int linux_file_open(void *target, const char *path, GError **error);
/*
 * linux_file_generation: of the kernel that runs: after a reset it is another one, as after kexec.
 */
uint64_t linux_file_generation(void *target);
void linux_file_expect(void *target);

/* GdbOsOps. */
bool linux_prepare(void *target);
extern const GdbOsTable linux_os_tables[];
bool linux_vmcoreinfo(void *target, GString *text, GError **error);

#endif

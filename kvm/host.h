/*
 * kvm/host.h - call me: copies to and from memory of this process that may not be there.
 *
 * A slot of the VMM can lie in memory that nobody may read (PROT_NONE), behind the end of a file
 * that was cut short (SIGBUS), or on the registers of a device. The kernel makes these copies
 * (process_vm_readv(2) on ourselves): where it finds no ordinary memory it says EFAULT, and it does
 * not touch a device mapping (VM_IO, VM_PFNMAP). Each copy costs a system call. Where
 * process_vm_readv() is forbidden or missing, /proc/self/mem does the same.
 *
 * Threads: any; copies of different threads do not wait for each other.
 */
#ifndef VMGDB_KVM_HOST_H
#define VMGDB_KVM_HOST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct KvmHost KvmHost;

/* kvm_host_new: looks once what this process may use. free: NULL is accepted. */
KvmHost *kvm_host_new(void);
void kvm_host_free(KvmHost *host);

/* How many bytes were copied from @addr on: less than @len where memory ends, 0 for none. */
size_t kvm_host_read(const KvmHost *host, const void *addr, void *buf, size_t len);
size_t kvm_host_write(const KvmHost *host, void *addr, const void *buf, size_t len);

/*
 * kvm_host_used: does the page of @addr hold anything? FALSE: nobody has written or read it since
 * it was mapped, and a copy from it would make the host's kernel provide one. *@len: how many bytes
 * from @addr on are so, at most what it was. What cannot be found out counts as used.
 */
bool kvm_host_used(const KvmHost *host, const void *addr, size_t *len);

#endif

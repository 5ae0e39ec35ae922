/*
 * hw/util.h - the few helpers that every part of the VMM needs: ioctl with a name, messages.
 */
#ifndef VMGDB_HW_UTIL_H
#define VMGDB_HW_UTIL_H

#include <glib.h>
#include <stdbool.h>

/*
 * vm_ioctl: ioctl() whose failure says which request it was ("KVM_CREATE_VCPU: File exists").
 * Returns the ioctl's value, or -1 with @error set. EINTR is not retried: no request that is
 * made through it waits.
 */
int vm_ioctl(int fd, unsigned long request, const char *name, void *arg, GError **error);

/* VM_IOCTL: the same with the request's own name. */
#define VM_IOCTL(fd, request, arg, error) vm_ioctl(fd, request, #request, arg, error)

/*
 * vm_log: one line for the user on stderr, with "lkvm: " before it. Any thread; never on stdout,
 * which belongs to the guest's console.
 */
void vm_log(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif

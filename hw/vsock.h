/*
 * hw/vsock.h - the machine's sockets to its host: a virtio-vsock device whose packets the host's
 * kernel carries (/dev/vhost-vsock). Without --vsock nothing here does anything.
 */
#ifndef VMGDB_HW_VSOCK_H
#define VMGDB_HW_VSOCK_H

#include "hw/dev/virtio.h"
#include "hw/vm.h"

/*
 * vm_add_vsock: that of the configuration. After vm_arch_add_devices(), before vm_arch_finish().
 * FALSE with @error, which names the option. [main thread, no vCPU runs]
 */
bool vm_add_vsock(Vm *vm, GError **error);

/*
 * vm_vsock_device: with this CID, for @host. NULL with @error: the host has no vhost-vsock, or the
 * CID is another guest's. Free with virtio_free().
 */
Virtio *vm_vsock_device(uint32_t cid, const VirtioHost *host, GError **error);

#endif

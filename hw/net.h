/*
 * hw/net.h - the machine's network cards, and what is at the other end of their cables: a passt
 * for each, or a tap interface. Without --network nothing here does anything.
 */
#ifndef VMGDB_HW_NET_H
#define VMGDB_HW_NET_H

#include "hw/dev/virtio.h"
#include "hw/vm.h"

/*
 * vm_add_nets: those of the configuration. After vm_arch_add_devices(), before vm_arch_finish().
 * FALSE with @error, which names the option. [main thread, no vCPU runs]
 */
bool vm_add_nets(Vm *vm, GError **error);

/* vm_net_device: one of them, for @host. @net must outlive it. Free with virtio_free(). */
Virtio *vm_net_device(const VmNet *net, const VirtioHost *host, GError **error);

#endif

/*
 * hw/pci.h - the machine's PCI bus (hw/dev/pci.h), which is there if a device is.
 *
 * It is made with the first device and freed with the machine's devices, by which a reset makes it
 * anew. All here: [main thread, no vCPU runs], except where it says otherwise.
 */
#ifndef VMGDB_HW_PCI_H
#define VMGDB_HW_PCI_H

#include "hw/dev/pci.h"
#include "hw/dev/virtio.h"
#include "hw/vm.h"

/*
 * vm_add_virtio: @virtio, made with vm_dma_host(), is a device of the machine's from now on, and
 * owned by it, also if this fails. After vm_arch_add_devices(), before vm_arch_finish().
 */
bool vm_add_virtio(Vm *vm, Virtio *virtio, GError **error);

/* vm_pci_need: the bus; made if there is none yet, with its ranges on vm->mmio. NULL: @error. */
PciBus *vm_pci_need(Vm *vm, GError **error);
/* vm_pci: NULL if the machine has none. [any thread] */
PciBus *vm_pci(const Vm *vm);

#endif

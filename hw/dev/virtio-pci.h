/*
 * hw/dev/virtio-pci.h - call me: a virtio device as a function of the PCI bus (virtio 1.2, 4.1).
 * The modern transport only: no registers in ports, vendor 0x1af4, device 0x1040 + id.
 *
 * All is in BAR 0. Interrupts are MSI-X, one vector for each queue and one for the configuration,
 * where the machine has it and the driver turns it on, else pin A with the ISR register.
 */
#ifndef VMGDB_HW_DEV_VIRTIO_PCI_H
#define VMGDB_HW_DEV_VIRTIO_PCI_H

#include "hw/dev/pci.h"
#include "hw/dev/virtio.h"

/*
 * virtio_pci_add: @virtio becomes the next device on @bus and is owned by it, also if this fails.
 * Before the guest runs; this calls virtio_attach().
 */
bool virtio_pci_add(PciBus *bus, Virtio *virtio, GError **error);

#endif

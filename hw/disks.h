/*
 * hw/disks.h - the machine's disks, and what goes with any virtio device. Without --disk nothing
 * here does anything. [main thread, no vCPU runs]
 */
#ifndef VMGDB_HW_DISKS_H
#define VMGDB_HW_DISKS_H

#include "hw/vm.h"

/*
 * vm_open_disks: those of the configuration, once: they and their locks stay over resets. FALSE
 * with @error, which names the option and the file.
 * vm_close_disks: when no device is left.
 */
bool vm_open_disks(Vm *vm, GError **error);
void vm_close_disks(Vm *vm);

/* vm_add_disks: a device for each. After vm_arch_add_devices(), before vm_arch_finish(). */
bool vm_add_disks(Vm *vm, GError **error);
/* vm_add_rng: random numbers, if asked for or the machine has another virtio device. Last. */
bool vm_add_rng(Vm *vm, GError **error);

#endif

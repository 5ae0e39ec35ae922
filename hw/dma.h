/*
 * hw/dma.h - what the devices of this machine that work beside its vCPUs get of it: its RAM, with
 * the debugger's breakpoints in it, and a gate that is closed while the debugger has stopped it.
 */
#ifndef VMGDB_HW_DMA_H
#define VMGDB_HW_DMA_H

#include "hw/dev/virtio.h"
#include "hw/vm.h"

/* vm_dma_new: of an empty machine. [main thread] vm_dma_free: when no device is left. */
VmDma *vm_dma_new(Vm *vm);
void vm_dma_free(VmDma *dma);

/* vm_dma_host: for virtio_new(). It lives as long as the machine, also over resets. */
const VirtioHost *vm_dma_host(const Vm *vm);

/*
 * vm_dma_add: @virtio is one of the machine's devices. [main thread]
 * vm_dma_forget: they are all freed next. [main thread]
 */
void vm_dma_add(Vm *vm, Virtio *virtio);
void vm_dma_forget(Vm *vm);

/* vm_dma_attach: from now on the engine decides; before a vCPU runs. [main thread] */
void vm_dma_attach(Vm *vm, KvmGdb *gdb);
/* vm_dma_go: KvmGdbOps.devices_go. [any thread] */
void vm_dma_go(Vm *vm);

#endif

/*
 * hw/arch.h - implement me, once per architecture: what the machine needs of it.
 *
 * x86/hw/ and arm/hw/ define these; the Makefile links one of the two, so there is no #ifdef. All
 * are called on the main thread while no vCPU runs, except where it says otherwise. Order:
 * vm_arch_create, [memory], vm_arch_add_devices, vcpu creation, vm_arch_finish, vcpu_arch_reset for
 * each vCPU.
 */
#ifndef VMGDB_HW_ARCH_H
#define VMGDB_HW_ARCH_H

#include "hw/vm.h"

/* A KVM capability without which no machine can be made; the table ends with a NULL name. */
typedef struct KvmCap {
	int number;
	const char *name;
} KvmCap;

extern const KvmCap vm_arch_required_caps[];

/* Where a kernel is looked for in the current folder when there is no -k; ends with NULL. */
extern const char *const vm_arch_kernel_paths[];

/* Does the kernel get a device tree (VmConfig.dump_dtb is written by vm_arch_finish() then)? */
extern const bool vm_arch_has_fdt;

/* What -k takes, and where the debug exit is, for `lkvm help run`: literals. */
extern const char vm_arch_kernel_help[], vm_arch_debug_exit_help[];

/* What this machine always wants on the kernel's command line; a literal. */
const char *vm_arch_command_line(void);

/* Fill @banks (MEMORY_MAX_BANKS; host is NULL) for @size bytes of RAM; returns how many. */
unsigned vm_arch_ram_layout(uint64_t size, RamBank *banks);

/* What KVM needs before the first vCPU exists: interrupt controllers, timers. Sets vm->arch. */
bool vm_arch_create(Vm *vm, GError **error);
void vm_arch_free(VmArch *arch);

/* Where PCI is in a machine that has such a device: hw/pci.h. */
typedef struct VmArchPci {
	uint64_t ecam;		      /* PCI_ECAM_SIZE bytes */
	uint32_t window, window_size; /* as in PciHost */
	unsigned first_irq;	      /* PCI_LINES inputs from this one on, for vm_arch_set_irq() */
} VmArchPci;

extern const VmArchPci vm_arch_pci;

/*
 * Makes the machine's interrupt controller take messages (MSI); FALSE: it cannot. Called before the
 * first PCI device is added, in a machine that gets one.
 */
bool vm_arch_add_msi(Vm *vm);

/* Make the devices and put them on the buses; those of PCI come later. */
bool vm_arch_add_devices(Vm *vm, GError **error);

/* The vCPUs exist, and all devices: load the kernel and the firmware's tables into RAM. */
bool vm_arch_finish(Vm *vm, GError **error);

/* Give a new vCPU its identity and its power-on registers (for the first: the kernel's entry). */
bool vcpu_arch_reset(Vcpu *vcpu, GError **error);

/* Set the level of interrupt input @irq. [any thread] */
void vm_arch_set_irq(Vm *vm, unsigned irq, bool level);

/* "rip 0x... cr3 0x...": where a vCPU is, for a message about its end. [its thread] Freed by the
 * caller. */
char *vcpu_arch_describe(Vcpu *vcpu);

#endif

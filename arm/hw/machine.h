/*
 * arm/hw/machine.h - the machine that lkvm models on arm64, as its parts know it.
 * Shared by the files of arm/hw/ only.
 */
#ifndef VMGDB_ARM_HW_MACHINE_H
#define VMGDB_ARM_HW_MACHINE_H

#include "arm/hw/map.h"
#include "hw/vm.h"

/* Which interrupt controller KVM gave us, and where its second part lies (below the first). */
typedef struct ArmGic {
	bool is_v3;
	int fd;
	uint64_t dist_size;
	uint64_t cpu_addr; /* v3: redistributors of all vCPUs; v2: the CPU interface */
	uint64_t cpu_size;
	int its_fd;
	uint64_t its_addr, its_size; /* 0: there is none */
} ArmGic;

/* What the generic VMM keeps for us. */
struct VmArch {
	ArmGic gic;
	uint64_t entry; /* of the first vCPU */
	uint64_t fdt;	/* its x0 */
};

/* ---- gic.c: KVM api.txt, devices/arm-vgic-v3.rst and arm-vgic.rst ---- */

/* arm_gic_create: before the vCPUs: GICv3, or GICv2 where the host has no v3. */
bool arm_gic_create(int vm_fd, unsigned n_cpus, ArmGic *ret, GError **error);
/*
 * arm_gic_add_its: what makes interrupts of PCI's messages, below the rest of a GICv3. FALSE: this
 * one has none.
 */
bool arm_gic_add_its(int vm_fd, ArmGic *gic);
/* arm_gic_init: the vCPUs exist. */
bool arm_gic_init(const ArmGic *gic, GError **error);

/* ---- vcpu.c ---- */

/*
 * arm_vcpu_init: KVM_ARM_VCPU_INIT with all that the host's KVM offers (SVE, pointer
 * authentication, PSCI 1.x); all but the first wait for PSCI CPU_ON.
 */
bool arm_vcpu_init(const Vcpu *vcpu, GError **error);
/* arm_vcpu_mpidr: the affinity fields, as a device tree's cpu node wants them. */
bool arm_vcpu_mpidr(const Vcpu *vcpu, uint64_t *ret, GError **error);

/* ---- boot.c ---- */

/* arm_boot_load: kernel, initrd and device tree into RAM; sets vm->arch->entry and fdt. */
bool arm_boot_load(Vm *vm, GError **error);

#endif

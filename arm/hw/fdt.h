/*
 * arm/hw/fdt.h - call me: the device tree of lkvm's arm64 machine. Pure.
 */
#ifndef VMGDB_ARM_HW_FDT_H
#define VMGDB_ARM_HW_FDT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define ARM_FDT_MAX 0x200000 /* the kernel maps no more, and it must not cross a 2 MiB boundary */

/* Everything that the tree says of the machine. */
typedef struct ArmFdtInput {
	uint64_t ram_addr, ram_size;
	const uint64_t *mpidrs; /* affinity fields of each CPU */
	unsigned n_cpus;
	bool gic_is_v3;
	uint64_t gic_dist_addr, gic_dist_size, gic_cpu_addr, gic_cpu_size;
	bool has_uart2;
	/* Only with PCI; an ITS at @its_addr, unless that is 0. */
	bool has_pci;
	uint64_t its_addr, its_size;
	const char *command_line;
	uint64_t initrd_addr, initrd_size; /* size 0: none */
	/* Random bytes for the kernel's own generator and its KASLR. */
	uint8_t seed[64];
} ArmFdtInput;

/*
 * arm_fdt_build: the flattened device tree, packed, at most ARM_FDT_MAX bytes. Devicetree
 * Specification 0.4; bindings in Linux, Documentation/devicetree. NULL with @error when it does
 * not fit.
 */
GByteArray *arm_fdt_build(const ArmFdtInput *input, GError **error);

#endif

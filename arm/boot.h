/*
 * arm/boot.h - getting a kernel into memory on arm64: the Image format and the device tree.
 * Linux, Documentation/arm64/booting.rst. The parser is pure: the file's bytes are hostile input.
 */
#ifndef VMGDB_ARM_BOOT_H
#define VMGDB_ARM_BOOT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an Image's header asks for. */
typedef struct ArmImage {
	uint64_t text_offset; /* from a 2 MiB boundary */
	uint64_t run_size;    /* memory from its first byte on, at least the file's size */
} ArmImage;

/* arm_image_parse: FALSE with @error when it is no little-endian arm64 Image. */
bool arm_image_parse(const uint8_t *data, size_t size, ArmImage *ret, GError **error);

/*
 * arm_image_unpack: @data when it is not compressed by gzip (vmlinuz of some distributions), else
 * the unpacked bytes in a new buffer of at most 256 MiB. FALSE with @error when it is damaged.
 */
bool arm_image_unpack(GBytes *data, GBytes **ret, GError **error);

/* ---- boot-fdt.c ---- */

#define ARM_FDT_MAX 0x200000 /* the kernel maps no more, and it must not cross a 2 MiB boundary */

/* Everything that the tree says of the machine. */
typedef struct ArmFdtInput {
	uint64_t ram_addr, ram_size;
	const uint64_t *mpidrs; /* affinity fields of each CPU */
	unsigned n_cpus;
	bool gic_is_v3;
	uint64_t gic_dist_addr, gic_dist_size, gic_cpu_addr, gic_cpu_size;
	const char *words;
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

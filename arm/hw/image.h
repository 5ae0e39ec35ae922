/*
 * arm/hw/image.h - call me: the kernel format of arm64, an Image with its header, packed or not.
 * Linux, Documentation/arm64/booting.rst. Pure: the file's bytes are hostile input.
 */
#ifndef VMGDB_ARM_HW_IMAGE_H
#define VMGDB_ARM_HW_IMAGE_H

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

#endif

/*
 * x86/hw/boot-bzimage.c - starts a Linux bzImage at its 64-bit entry, with a zero page.
 */
#include <asm/bootparam.h>
#include <gio/gio.h>
#include <string.h>

#include "x86/hw/boot.h"

#define SECTOR 512u
#define HEADER_OFFSET 0x1f1u
#define HEADER_MAGIC 0x53726448u /* "HdrS" */
#define BOOT_FLAG 0xaa55u
#define VERSION_XLOADFLAGS 0x20c /* the first with XLF_KERNEL_64 */
#define ENTRY_64 0x200		 /* offset in the payload */
#define LOADER_UNKNOWN 0xff

/* The header's end is known by the jump at its start: 0x202 + the byte at 0x201. */
#define HEADER_END(data) (0x202u + (data)[0x201])

static void read_header(const uint8_t *data, size_t size, struct setup_header *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, data + HEADER_OFFSET, MIN(sizeof(*ret), size - HEADER_OFFSET));
}

bool bzimage_is(const uint8_t *data, size_t size)
{
	struct setup_header header;

	if (size < HEADER_OFFSET + sizeof(header))
		return false;
	read_header(data, size, &header);
	return header.boot_flag == BOOT_FLAG && header.header == HEADER_MAGIC;
}

static bool refuse(GError **error, const char *why)
{
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, why);
	return false;
}

bool bzimage_parse(const uint8_t *data, size_t size, BzImage *ret, GError **error)
{
	struct setup_header header;

	if (!bzimage_is(data, size))
		return refuse(error, "not a Linux boot image");
	read_header(data, size, &header);
	if (header.version < VERSION_XLOADFLAGS)
		return refuse(error, "older than Linux 3.8, it has no 64-bit entry");
	if (!(header.xloadflags & XLF_KERNEL_64) || !(header.loadflags & LOADED_HIGH))
		return refuse(error, "a 32-bit kernel; lkvm starts 64-bit ones");
	size_t setup_size = (size_t)((header.setup_sects ? header.setup_sects : 4) + 1) * SECTOR;
	if (setup_size >= size || size - setup_size <= ENTRY_64)
		return refuse(error, "the file ends too early");
	BzImage image = {
		.header = data + HEADER_OFFSET,
		.header_size =
			CLAMP(HEADER_END(data), HEADER_OFFSET, HEADER_OFFSET + sizeof(header)) -
			HEADER_OFFSET,
		.payload = data + setup_size,
		.payload_size = size - setup_size,
		.load_addr = header.relocatable_kernel ? X86_HIGH : header.pref_address,
		.initrd_max = header.initrd_addr_max,
		.command_line_max = header.cmdline_size,
	};
	/* It moves itself to where it prefers to be and unpacks there, init_size bytes in all. */
	if (header.pref_address > UINT64_MAX - header.init_size)
		return refuse(error, "its preferred address is not an address");
	image.run_end = MAX(image.load_addr, header.pref_address) + header.init_size;
	if (image.load_addr < X86_HIGH)
		return refuse(error, "it wants to be loaded below 1 MiB");
	*ret = image;
	return true;
}

static void fill_e820(const GuestMemory *memory, bool has_pci, struct boot_params *params)
{
	E820Range ranges[E820_MAX];

	params->e820_entries = e820_build(memory, has_pci, ranges);
	for (unsigned i = 0; i < params->e820_entries; i++) {
		params->e820_table[i].addr = ranges[i].addr;
		params->e820_table[i].size = ranges[i].size;
		params->e820_table[i].type = ranges[i].type;
	}
}

static bool write_zero_page(GuestMemory *memory, const BootInput *input, const BzImage *image,
			    uint64_t initrd_gpa, GError **error)
{
	g_autofree struct boot_params *params = g_new0(struct boot_params, 1);

	memcpy(&params->hdr, image->header, image->header_size);
	params->hdr.type_of_loader = LOADER_UNKNOWN;
	params->hdr.code32_start = image->load_addr;
	params->hdr.cmd_line_ptr = X86_BOOT_COMMAND_LINE;
	params->hdr.ramdisk_image = initrd_gpa;
	params->hdr.ramdisk_size = input->initrd_size;
	params->acpi_rsdp_addr = input->rsdp;
	fill_e820(memory, input->has_pci, params);
	return memory_write(memory, X86_BOOT_ZERO_PAGE, params, sizeof(*params), "the zero page",
			    error);
}

bool bzimage_load(GuestMemory *memory, const BootInput *input, X86Entry *ret_entry, GError **error)
{
	BzImage image;
	uint64_t initrd_gpa;

	if (!bzimage_parse(input->kernel, input->kernel_size, &image, error))
		return false;
	if (image.run_end < image.load_addr ||
	    memory_span(memory, image.load_addr, image.run_end - image.load_addr) == NULL) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
			    "it needs %" G_GUINT64_FORMAT " MiB of memory to unpack, see --mem",
			    (image.run_end >> 20) + 1);
		return false;
	}
	if (!memory_write(memory, image.load_addr, image.payload, image.payload_size, "the kernel",
			  error) ||
	    !boot_write_command_line(memory, input, image.command_line_max, error) ||
	    !boot_place_initrd(memory, input, image.run_end, image.initrd_max + 1, &initrd_gpa,
			       error) ||
	    !write_zero_page(memory, input, &image, initrd_gpa, error))
		return false;
	*ret_entry = (X86Entry){
		.mode = X86_MODE_LONG,
		.rip = image.load_addr + ENTRY_64,
		.rsi = X86_BOOT_ZERO_PAGE,
		.rsp = X86_BOOT_STACK,
	};
	return true;
}

/*
 * x86/hw/boot-flat.c - starts a flat binary in real mode, for the smallest of test programs.
 */
#include "x86/hw/boot.h"

#include <gio/gio.h>

bool flat_load(GuestMemory *memory, const BootInput *input, X86Entry *ret_entry, GError **error)
{
	const uint64_t base = FLAT_SELECTOR * 16;

	if (input->kernel_size > X86_EBDA - base) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			    "neither a bzImage nor an ELF file, and too long for a flat "
			    "real-mode binary");
		return false;
	}
	if (!memory_write(memory, base, input->kernel, input->kernel_size, "the kernel", error))
		return false;
	*ret_entry = (X86Entry){
		.mode = X86_MODE_REAL,
		.selector = FLAT_SELECTOR,
		.rsp = FLAT_STACK,
	};
	return true;
}

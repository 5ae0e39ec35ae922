/*
 * x86/hw/boot.c - loads what `lkvm run` was given: kernel by its kind, initrd, command line, ACPI
 * tables.
 */
#include "x86/hw/boot.h"

#include <gio/gio.h>
#include <string.h>

#include "hw/arch.h"
#include "hw/loader.h"
#include "hw/vm.h"

bool boot_place_initrd(GuestMemory *memory, const BootInput *input, uint64_t floor, uint64_t limit,
		       uint64_t *ret_gpa, GError **error)
{
	uint64_t gpa = 0;

	if (input->initrd_size > 0) {
		if (!loader_place_below(memory, input->initrd_size, floor, limit, &gpa)) {
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
				    "no room for the initrd %s (%zu MiB) behind the kernel, "
				    "see --mem",
				    input->initrd_path, input->initrd_size >> 20);
			return false;
		}
		if (!memory_write(memory, gpa, input->initrd, input->initrd_size, "the initrd",
				  error))
			return false;
	}
	*ret_gpa = gpa;
	return true;
}

bool boot_write_command_line(GuestMemory *memory, const BootInput *input, size_t max,
			     GError **error)
{
	size_t len = strlen(input->command_line);

	max = MIN(max, X86_BOOT_COMMAND_LINE_MAX - 1);
	if (len > max) {
		g_set_error(
			error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			"the kernel's command line is %zu bytes long, it takes %zu; see --params",
			len, max);
		return false;
	}
	return memory_write(memory, X86_BOOT_COMMAND_LINE, input->command_line, len + 1,
			    "the command line", error);
}

static bool load_kernel(GuestMemory *memory, const BootInput *input, X86Entry *ret_entry,
			GError **error)
{
	bool loaded;

	if (elf_is(input->kernel, input->kernel_size))
		loaded = elf_load(memory, input, ret_entry, error);
	else if (bzimage_is(input->kernel, input->kernel_size))
		loaded = bzimage_load(memory, input, ret_entry, error);
	else
		loaded = flat_load(memory, input, ret_entry, error);
	if (!loaded)
		g_prefix_error(error, "cannot start the kernel %s: ", input->kernel_path);
	return loaded;
}

static bool write_acpi(Vm *vm, GError **error)
{
	const AcpiMachine machine = {vm->config->n_cpus, vm->pci != NULL, vm->tty != NULL};
	g_autoptr(GByteArray) tables = acpi_build(X86_ACPI, &machine);

	g_return_val_if_fail(tables->len <= X86_ACPI_MAX, false);
	return memory_write(&vm->memory, X86_ACPI, tables->data, tables->len, "the ACPI tables",
			    error);
}

bool x86_boot_load(Vm *vm, X86Entry *ret_entry, GError **error)
{
	const VmConfig *config = vm->config;
	g_auto(LoadedFile) kernel = {0}, initrd = {0};
	g_autofree char *command_line = config_command_line(config, vm_arch_command_line());

	if (!loader_open(config->kernel, "kernel", &kernel, error) ||
	    (config->initrd != NULL && !loader_open(config->initrd, "initrd", &initrd, error)))
		return false;
	BootInput input = {
		.kernel_path = config->kernel,
		.kernel = kernel.data,
		.kernel_size = kernel.size,
		.initrd_path = config->initrd,
		.initrd = initrd.data,
		.initrd_size = initrd.size,
		.command_line = command_line,
		.rsdp = X86_ACPI,
		.has_pci = vm->pci != NULL,
	};
	return load_kernel(&vm->memory, &input, ret_entry, error) && write_acpi(vm, error) &&
	       boot_write_cpu_tables(&vm->memory, error);
}

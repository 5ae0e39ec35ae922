/*
 * arm/hw/boot.c - loads what `lkvm run` was given: kernel, initrd, and the device tree that says
 * so.
 *
 * The kernel lies as low as its header allows, the tree and the initrd as high as a kernel of any
 * age can reach them (booting.rst: the tree within 512 MiB, the initrd within 1 GiB).
 */
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/random.h>

#include "arm/hw/fdt.h"
#include "arm/hw/image.h"
#include "arm/hw/machine.h"
#include "hw/arch.h"
#include "hw/loader.h"

#define FDT_REACH (512ull << 20)
#define INITRD_REACH (1ull << 30)

typedef struct Loaded {
	uint64_t kernel_end;
	uint64_t fdt;
	uint64_t initrd, initrd_size;
} Loaded;

static bool no_room(GError **error, const char *what, uint64_t size)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
		    "no room for the %s (%" G_GUINT64_FORMAT " KiB) behind the kernel: see --mem",
		    what, size >> 10);
	return false;
}

static bool load_image(Vm *vm, GBytes *file, Loaded *loaded, GError **error)
{
	g_autoptr(GBytes) unpacked = NULL;
	ArmImage image;
	gsize size;

	if (!arm_image_unpack(file, &unpacked, error))
		return false;
	const uint8_t *data = g_bytes_get_data(unpacked, &size);
	if (!arm_image_parse(data, size, &image, error))
		return false;
	vm->arch->entry = ARM_RAM_ADDR + image.text_offset;
	if (!memory_span(&vm->memory, vm->arch->entry, image.run_size))
		return no_room(error, "kernel itself", image.run_size);
	loaded->kernel_end = vm->arch->entry + image.run_size;
	return memory_write(&vm->memory, vm->arch->entry, data, size, "the kernel", error);
}

static bool load_kernel(Vm *vm, Loaded *loaded, GError **error)
{
	g_auto(LoadedFile) kernel = {0};

	if (!loader_open(vm->config->kernel, "kernel", &kernel, error))
		return false;
	g_autoptr(GBytes) file = g_mapped_file_get_bytes(kernel.mapping);
	if (load_image(vm, file, loaded, error))
		return true;
	g_prefix_error(error, "cannot start the kernel %s: ", vm->config->kernel);
	return false;
}

/* A whole 2 MiB, so that the tree cannot cross such a boundary. */
static bool place_fdt(Vm *vm, Loaded *loaded, GError **error)
{
	uint64_t room, limit = ARM_RAM_ADDR + FDT_REACH;

	if (!loader_place_below(&vm->memory, 2 * ARM_FDT_MAX, loaded->kernel_end, limit, &room))
		return no_room(error, "device tree", 2 * ARM_FDT_MAX);
	loaded->fdt = (room + ARM_FDT_MAX - 1) & ~(uint64_t)(ARM_FDT_MAX - 1);
	return true;
}

static bool load_initrd(Vm *vm, Loaded *loaded, GError **error)
{
	g_auto(LoadedFile) initrd = {0};
	uint64_t limit = ARM_RAM_ADDR + INITRD_REACH;

	if (vm->config->initrd == NULL)
		return true;
	if (!loader_open(vm->config->initrd, "initrd", &initrd, error))
		return false;
	loaded->initrd_size = initrd.size;
	/* Above the tree when there is room, else below it. */
	if (!loader_place_below(&vm->memory, initrd.size, loaded->fdt + ARM_FDT_MAX, limit,
				&loaded->initrd) &&
	    !loader_place_below(&vm->memory, initrd.size, loaded->kernel_end, loaded->fdt,
				&loaded->initrd))
		return no_room(error, "initrd", initrd.size);
	return memory_write(&vm->memory, loaded->initrd, initrd.data, initrd.size, "the initrd",
			    error);
}

static bool get_mpidrs(Vm *vm, uint64_t *mpidrs, GError **error)
{
	for (unsigned i = 0; i < vm->vcpus->len; i++) {
		if (!arm_vcpu_mpidr(vm->vcpus->pdata[i], &mpidrs[i], error))
			return false;
	}
	return true;
}

/*
 * gdb before 14 cannot strip the signature of a kernel return address: no backtrace, no finish. So
 * with --gdb the kernel does not sign, unless --params speaks of it. The CPU still can.
 */
static char *kernel_command_line(const VmConfig *config)
{
	bool sign = config->gdb == NULL ||
		    (config->params != NULL && strstr(config->params, "pauth") != NULL);
	g_autofree char *ours =
		g_strconcat(vm_arch_command_line(), sign ? "" : " arm64.nopauth", NULL);

	return config_command_line(config, ours);
}

static bool write_fdt(Vm *vm, const Loaded *loaded, GError **error)
{
	const ArmGic *gic = &vm->arch->gic;
	g_autofree char *command_line = kernel_command_line(vm->config);
	g_autofree uint64_t *mpidrs = g_new0(uint64_t, vm->vcpus->len);
	ArmFdtInput input = {
		.ram_addr = ARM_RAM_ADDR,
		.ram_size = memory_total(&vm->memory),
		.mpidrs = mpidrs,
		.n_cpus = vm->vcpus->len,
		.gic_is_v3 = gic->is_v3,
		.gic_dist_addr = ARM_GIC_DIST_ADDR,
		.gic_dist_size = gic->dist_size,
		.gic_cpu_addr = gic->cpu_addr,
		.gic_cpu_size = gic->cpu_size,
		.has_uart2 = vm->tty != NULL,
		.has_pci = vm->pci != NULL,
		.its_addr = gic->its_addr,
		.its_size = gic->its_size,
		.command_line = command_line,
		.initrd_addr = loaded->initrd,
		.initrd_size = loaded->initrd_size,
	};

	if (!get_mpidrs(vm, mpidrs, error))
		return false;
	/* Zeros are a seed too, only a bad one. */
	(void)!getrandom(input.seed, sizeof(input.seed), GRND_NONBLOCK);
	g_autoptr(GByteArray) fdt = arm_fdt_build(&input, error);
	if (fdt == NULL)
		return false;
	vm->arch->fdt = loaded->fdt;
	if (vm->config->dump_dtb != NULL &&
	    !g_file_set_contents(vm->config->dump_dtb, (const char *)fdt->data, fdt->len, error))
		return false;
	return memory_write(&vm->memory, loaded->fdt, fdt->data, fdt->len, "the device tree",
			    error);
}

bool arm_boot_load(Vm *vm, GError **error)
{
	Loaded loaded = {0};

	return load_kernel(vm, &loaded, error) && place_fdt(vm, &loaded, error) &&
	       load_initrd(vm, &loaded, error) && write_fdt(vm, &loaded, error);
}

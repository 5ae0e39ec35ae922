/*
 * arm/hw/vm.c - hw/arch.h for arm64: which devices there are and where.
 */
#include <gio/gio.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arm/hw/machine.h"
#include "hw/arch.h"
#include "hw/pci.h"
#include "hw/util.h"

#define CAP(name)                                                                                  \
	{                                                                                          \
		name, #name                                                                        \
	}

const KvmCap vm_arch_required_caps[] = {
	CAP(KVM_CAP_USER_MEMORY),    CAP(KVM_CAP_ONE_REG), CAP(KVM_CAP_ARM_PSCI_0_2),
	CAP(KVM_CAP_IMMEDIATE_EXIT), CAP(KVM_CAP_IRQCHIP), {0},
};

const bool vm_arch_has_fdt = true;

const char *const vm_arch_kernel_paths[] = {
	"./Image",
	"arch/arm64/boot/Image",
	"../../arch/arm64/boot/Image",
	NULL,
};

const char vm_arch_kernel_help[] = "Image, as it is or packed by gzip (vmlinuz)";
const char vm_arch_debug_exit_help[] = "register 0x1050000";

const char *vm_arch_command_line(void)
{
	return "earlycon=uart8250,mmio,0x1000000";
}

unsigned vm_arch_ram_layout(uint64_t size, RamBank *banks)
{
	banks[0] = (RamBank){.gpa = ARM_RAM_ADDR, .size = size};
	return 1;
}

/* Memory tags, where the host has them, as in kvmtool; to be said before there are vCPUs. */
static bool enable_tags(int vm_fd, GError **error)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_ARM_MTE};

	return ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_MTE) <= 0 ||
	       VM_IOCTL(vm_fd, KVM_ENABLE_CAP, &cap, error) >= 0;
}

const VmArchPci vm_arch_pci = {
	.ecam = ARM_PCI_ECAM,
	.window = ARM_PCI_WINDOW,
	.window_size = ARM_PCI_WINDOW_SIZE,
	.first_irq = ARM_SPI_PCI,
};

bool vm_arch_add_msi(Vm *vm)
{
	return arm_gic_add_its(vm->vm_fd, &vm->arch->gic);
}

bool vm_arch_create(Vm *vm, GError **error)
{
	vm->arch = g_new0(VmArch, 1);
	vm->arch->gic.fd = -1;
	vm->arch->gic.its_fd = -1;
	return enable_tags(vm->vm_fd, error) &&
	       arm_gic_create(vm->vm_fd, vm->config->n_cpus, &vm->arch->gic, error);
}

void vm_arch_free(VmArch *arch)
{
	if (arch == NULL)
		return;
	if (arch->gic.its_fd >= 0)
		close(arch->gic.its_fd);
	if (arch->gic.fd >= 0)
		close(arch->gic.fd);
	g_free(arch);
}

static bool add_uart2(Vm *vm, GError **error)
{
	return vm->tty == NULL ||
	       bus_add(vm->mmio, "uart 2", ARM_UART2_ADDR, ARM_UART_SIZE, BUS_BYTES, serial_io,
		       vm_new_tty(vm, ARM_SPI_UART2), error);
}

bool vm_arch_add_devices(Vm *vm, GError **error)
{
	Serial *uart = vm_new_console(vm, ARM_SPI_UART);
	Rtc *rtc = vm_own(vm, rtc_new(), (GDestroyNotify)rtc_free);
	const struct {
		const char *name;
		uint64_t addr;
		uint64_t size;
		BusFlags flags;
		BusHandler handler;
		void *owner;
	} devices[] = {
		{"uart", ARM_UART_ADDR, ARM_UART_SIZE, BUS_BYTES, serial_io, uart},
		{"rtc", ARM_RTC_ADDR, ARM_RTC_SIZE, BUS_BYTES, rtc_io, rtc},
		{"pvpanic", ARM_PVPANIC_ADDR, ARM_PVPANIC_SIZE, BUS_BYTES, pvpanic_io, vm},
		{"debug exit", ARM_DEBUG_EXIT_ADDR, DEBUG_EXIT_PORTS, BUS_ANY_WIDTH, debug_exit_io,
		 vm},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++) {
		if (!bus_add(vm->mmio, devices[i].name, devices[i].addr, devices[i].size,
			     devices[i].flags, devices[i].handler, devices[i].owner, error))
			return false;
	}
	return add_uart2(vm, error);
}

/* KVM api.txt 4.25 KVM_IRQ_LINE. */
void vm_arch_set_irq(Vm *vm, unsigned irq, bool level)
{
	struct kvm_irq_level line = {
		.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (ARM_SPI_BASE + irq),
		.level = level,
	};

	ioctl(vm->vm_fd, KVM_IRQ_LINE, &line);
}

bool vm_arch_finish(Vm *vm, GError **error)
{
	for (unsigned i = 0; i < vm->vcpus->len; i++) {
		if (!arm_vcpu_init(vm->vcpus->pdata[i], error))
			return false;
	}
	return arm_gic_init(&vm->arch->gic, error) && arm_boot_load(vm, error);
}

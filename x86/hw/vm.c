/*
 * x86/hw/vm.c - the PC: hw/arch.h for x86. Which devices there are and how a vCPU is reset.
 */
#include <gio/gio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "hw/arch.h"
#include "hw/dev/devices.h"
#include "hw/gdb.h"
#include "hw/pci.h"
#include "hw/util.h"
#include "x86/cpu/bits.h"
#include "x86/hw/cpuid.h"
#include "x86/hw/machine.h"
#include "x86/hw/pm.h"

#define CAP(name)                                                                                  \
	{                                                                                          \
		name, #name                                                                        \
	}

const KvmCap vm_arch_required_caps[] = {
	CAP(KVM_CAP_USER_MEMORY),    CAP(KVM_CAP_IRQCHIP),
	CAP(KVM_CAP_PIT2),	     CAP(KVM_CAP_SET_TSS_ADDR),
	CAP(KVM_CAP_EXT_CPUID),	     CAP(KVM_CAP_MP_STATE),
	CAP(KVM_CAP_IMMEDIATE_EXIT), {0},
};

const bool vm_arch_has_fdt = false;

const char *const vm_arch_kernel_paths[] = {
	"./bzImage",
	"arch/x86/boot/bzImage",
	"../../arch/x86/boot/bzImage",
	NULL,
};

const char vm_arch_kernel_help[] = "bzImage, ELF with a PVH note, or flat real-mode binary";
const char vm_arch_debug_exit_help[] = "port 0xf4";

const char *vm_arch_command_line(void)
{
	/* Not earlyprintk=serial: Linux reads on behind that, finds the next ttyS and complains. */
	return "earlyprintk=ttyS0 reboot=k i8042.direct=1 i8042.dumbkbd=1 i8042.nopnp=1 "
	       "i8042.noaux=1";
}

unsigned vm_arch_ram_layout(uint64_t size, RamBank *banks)
{
	banks[0] = (RamBank){.gpa = 0, .size = MIN(size, X86_HOLE_START)};
	if (size <= X86_HOLE_START)
		return 1;
	banks[1] = (RamBank){.gpa = X86_HOLE_END, .size = size - X86_HOLE_START};
	return 2;
}

const VmArchPci vm_arch_pci = {
	.ecam = X86_PCI_ECAM,
	.window = X86_PCI_WINDOW,
	.window_size = X86_PCI_WINDOW_SIZE,
	.first_irq = X86_IRQ_PCI,
};

/* The local APICs, always. */
bool vm_arch_add_msi(Vm *vm G_GNUC_UNUSED)
{
	return true;
}

bool vm_arch_create(Vm *vm, GError **error)
{
	uint64_t identity_map = X86_KVM_IDENTITY_MAP;
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};

	vm->arch = g_new0(VmArch, 1);
	if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0 &&
	    VM_IOCTL(vm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map, error) < 0)
		return false;
	return VM_IOCTL(vm->vm_fd, KVM_SET_TSS_ADDR, (void *)(uintptr_t)X86_KVM_TSS, error) >= 0 &&
	       VM_IOCTL(vm->vm_fd, KVM_CREATE_IRQCHIP, NULL, error) >= 0 &&
	       VM_IOCTL(vm->vm_fd, KVM_CREATE_PIT2, &pit, error) >= 0;
}

void vm_arch_free(VmArch *arch)
{
	g_free(arch);
}

/* ---- Devices ---- */

static void on_power_off(void *opaque)
{
	vm_end(opaque, VM_STATUS_OK);
}

static void on_reset(void *opaque)
{
	vm_reboot(opaque);
}

static void reset_port_io(void *owner, Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset G_GNUC_UNUSED,
			  void *data, size_t len G_GNUC_UNUSED, bool is_write)
{
	uint8_t *value = data;

	if (!is_write)
		*value = 0;
	else if (*value == X86_RESET_VALUE)
		on_reset(owner);
}

/* PCI's address register is accessed as a whole; a byte of it alone is the reset port. */
static void address_port_io(void *owner, Vcpu *vcpu, uint64_t offset, void *data, size_t len,
			    bool is_write)
{
	Vm *vm = owner;

	if (len == 1 && offset == X86_PORT_RESET - X86_PORT_PCI_ADDRESS)
		reset_port_io(vm, vcpu, 0, data, len, is_write);
	else
		pci_address_io(vm_pci(vm), vcpu, offset, data, len, is_write);
}

static bool add_reset_and_pci(Vm *vm, GError **error)
{
	if (vm->pci == NULL)
		return bus_add(vm->pio, "reset", X86_PORT_RESET, 1, BUS_BYTES | BUS_ALONE,
			       reset_port_io, vm, error);
	return bus_add(vm->pio, "reset and pci address", X86_PORT_PCI_ADDRESS, PCI_ADDRESS_PORTS,
		       BUS_ALONE, address_port_io, vm, error) &&
	       bus_add(vm->pio, "pci data", X86_PORT_PCI_DATA, PCI_DATA_PORTS, BUS_ANY_WIDTH,
		       pci_data_io, vm_pci(vm), error);
}

static bool add_com2(Vm *vm, GError **error)
{
	return vm->tty == NULL || bus_add(vm->pio, "com2", X86_PORT_COM2, SERIAL_PORTS, BUS_BYTES,
					  serial_io, vm_new_tty(vm, X86_IRQ_COM2), error);
}

bool vm_arch_add_devices(Vm *vm, GError **error)
{
	Serial *com1 = vm_new_console(vm, X86_IRQ_COM1);
	Rtc *rtc = vm_own(vm, rtc_new(), (GDestroyNotify)rtc_free);
	I8042 *i8042 = vm_own(vm, i8042_new(vm_irq(vm, X86_IRQ_KEYBOARD), on_reset, vm),
			      (GDestroyNotify)i8042_free);
	Pm *pm = vm_own(vm, pm_new(vm_irq(vm, X86_IRQ_SCI), on_power_off, vm_gdb_held_ns, vm),
			(GDestroyNotify)pm_free);
	const struct {
		const char *name;
		uint16_t port;
		uint16_t size;
		BusFlags flags;
		BusHandler handler;
		void *owner;
	} ports[] = {
		{"i8042 data", X86_PORT_I8042_DATA, I8042_PORTS, BUS_BYTES, i8042_data_io, i8042},
		{"i8042 command", X86_PORT_I8042_COMMAND, I8042_PORTS, BUS_BYTES, i8042_command_io,
		 i8042},
		{"rtc", X86_PORT_RTC, RTC_PORTS, BUS_BYTES, rtc_io, rtc},
		{"debug console", X86_PORT_DEBUG_CONSOLE, DEBUG_CONSOLE_PORTS, BUS_BYTES,
		 debug_console_io, vm},
		{"debug exit", X86_PORT_DEBUG_EXIT, DEBUG_EXIT_PORTS, BUS_ANY_WIDTH, debug_exit_io,
		 vm},
		{"com1", X86_PORT_COM1, SERIAL_PORTS, BUS_BYTES, serial_io, com1},
		{"pvpanic", X86_PORT_PVPANIC, PVPANIC_PORTS, BUS_BYTES, pvpanic_io, vm},
		{"acpi pm", X86_PORT_PM, X86_PM_PORTS, BUS_ANY_WIDTH, pm_io, pm},
	};

	vm->power = (VmPower){pm_press_button, pm};
	for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
		if (!bus_add(vm->pio, ports[i].name, ports[i].port, ports[i].size, ports[i].flags,
			     ports[i].handler, ports[i].owner, error))
			return false;
	}
	return add_com2(vm, error);
}

void vm_arch_set_irq(Vm *vm, unsigned irq, bool level)
{
	struct kvm_irq_level line = {.irq = irq, .level = level};

	ioctl(vm->vm_fd, KVM_IRQ_LINE, &line);
}

bool vm_arch_finish(Vm *vm, GError **error)
{
	return add_reset_and_pci(vm, error) && x86_boot_load(vm, &vm->arch->entry, error);
}

/* ---- vCPUs ---- */

#define MTRR_ENABLED_WRITE_BACK 0x806
#define MISC_FAST_STRINGS 1

#define LAPIC_LINT0 0x350
#define LAPIC_LINT1 0x360
#define LVT_NMI 0x400
#define LVT_EXTINT 0x700

static void set_msr(int vcpu_fd, uint32_t index, uint64_t value)
{
	g_autofree struct kvm_msrs *msrs = g_malloc0(sizeof(*msrs) + sizeof(struct kvm_msr_entry));

	msrs->nmsrs = 1;
	msrs->entries[0] = (struct kvm_msr_entry){.index = index, .data = value};
	/* What firmware would have set; a KVM without the MSR has no need of it. */
	ioctl(vcpu_fd, KVM_SET_MSRS, msrs);
}

/* As firmware leaves it: the 8259 on LINT0, NMI on LINT1. */
static bool set_lapic(int vcpu_fd, GError **error)
{
	struct kvm_lapic_state lapic;
	const uint32_t extint = LVT_EXTINT, nmi = LVT_NMI;

	if (VM_IOCTL(vcpu_fd, KVM_GET_LAPIC, &lapic, error) < 0)
		return false;
	memcpy(lapic.regs + LAPIC_LINT0, &extint, sizeof(extint));
	memcpy(lapic.regs + LAPIC_LINT1, &nmi, sizeof(nmi));
	return VM_IOCTL(vcpu_fd, KVM_SET_LAPIC, &lapic, error) >= 0;
}

bool vcpu_arch_reset(Vcpu *vcpu, GError **error)
{
	Vm *vm = vcpu->vm;

	if (!cpuid_set_up(vm->kvm_fd, vcpu->fd, vcpu->index, vm->config->n_cpus, error) ||
	    !set_lapic(vcpu->fd, error))
		return false;
	set_msr(vcpu->fd, X86_MSR_MTRR_DEF_TYPE, MTRR_ENABLED_WRITE_BACK);
	set_msr(vcpu->fd, X86_MSR_MISC_ENABLE, MISC_FAST_STRINGS);
	/* The others wait in KVM for INIT and SIPI. */
	return vcpu->index > 0 || boot_set_registers(vcpu->fd, &vm->arch->entry, error);
}

char *vcpu_arch_describe(Vcpu *vcpu)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0 || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return g_strdup("registers cannot be read");
	return g_strdup_printf("rip %#llx rsp %#llx rflags %#llx cr0 %#llx cr2 %#llx cr3 %#llx "
			       "cr4 %#llx efer %#llx cs %#x",
			       regs.rip, regs.rsp, regs.rflags, sregs.cr0, sregs.cr2, sregs.cr3,
			       sregs.cr4, sregs.efer, sregs.cs.selector);
}

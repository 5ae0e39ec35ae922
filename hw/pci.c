/*
 * hw/pci.c - the PCI bus in this machine: its addresses, its interrupts, and messages by KVM.
 */
#include "hw/pci.h"

#include <sys/ioctl.h>

#include "hw/arch.h"

struct VmPci {
	Vm *vm;
	PciHost host;
	PciBus *bus;
	uint32_t msi_flags;
};

/* KVM api.txt, 4.71 KVM_SIGNAL_MSI: as good as a routing table and an irqfd for each vector. */
static void send(void *opaque, uint16_t requester, uint64_t address, uint32_t data)
{
	const VmPci *pci = opaque;
	struct kvm_msi msi = {
		.address_lo = address,
		.address_hi = address >> 32,
		.data = data,
		.flags = pci->msi_flags,
		.devid = requester,
	};

	/* A message that leads nowhere is the guest's own mistake. */
	ioctl(pci->vm->vm_fd, KVM_SIGNAL_MSI, &msi);
}

static void pci_free(void *opaque)
{
	VmPci *pci = opaque;

	pci_bus_free(pci->bus);
	g_free(pci);
}

static void set_up_host(VmPci *pci)
{
	Vm *vm = pci->vm;

	pci->host.window = vm_arch_pci.window;
	pci->host.window_size = vm_arch_pci.window_size;
	for (unsigned i = 0; i < PCI_LINES; i++)
		pci->host.line[i] = vm_irq(vm, vm_arch_pci.first_irq + i);
	if (vm_arch_has_msi(vm) && ioctl(vm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SIGNAL_MSI) > 0)
		pci->host.send = send;
	if (ioctl(vm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MSI_DEVID) > 0)
		pci->msi_flags = KVM_MSI_VALID_DEVID;
	pci->host.opaque = pci;
}

PciBus *vm_pci_need(Vm *vm, GError **error)
{
	if (vm->pci != NULL)
		return vm->pci->bus;
	VmPci *pci = g_new0(VmPci, 1);
	pci->vm = vm;
	set_up_host(pci);
	pci->bus = pci_bus_new(&pci->host);
	vm->pci = vm_own(vm, pci, pci_free);
	if (!bus_add(vm->mmio, "pci window", vm_arch_pci.window, vm_arch_pci.window_size,
		     BUS_ANY_WIDTH, pci_window_io, pci->bus, error) ||
	    !bus_add(vm->mmio, "pci configuration", vm_arch_pci.ecam, PCI_ECAM_SIZE, BUS_ANY_WIDTH,
		     pci_ecam_io, pci->bus, error))
		return NULL;
	return pci->bus;
}

PciBus *vm_pci(const Vm *vm)
{
	return vm->pci != NULL ? vm->pci->bus : NULL;
}

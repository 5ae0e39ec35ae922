/*
 * hw/pci.c - the PCI bus in this machine: its addresses, its interrupts, and messages by KVM.
 */
#include "hw/pci.h"

#include <sys/ioctl.h>

#include "hw/arch.h"
#include "hw/dev/virtio-pci.h"
#include "hw/dma.h"

struct VmPci {
	Vm *vm;
	PciHost host;
	PciBus *bus;
	uint32_t msi_flags;
	bool any_length; /* an eventfd for a doorbell, however long the write is */
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

/* KVM api.txt, 4.59 KVM_IOEVENTFD. A driver writes 2 bytes; of any length is faster on x86. */
static bool watch(void *opaque, uint64_t address, int fd, bool wanted)
{
	const VmPci *pci = opaque;
	struct kvm_ioeventfd event = {
		.addr = address,
		.len = pci->any_length ? 0 : 2,
		.fd = fd,
		.flags = wanted ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	return ioctl(pci->vm->vm_fd, KVM_IOEVENTFD, &event) == 0;
}

static void pci_free(void *opaque)
{
	VmPci *pci = opaque;

	pci_bus_free(pci->bus);
	g_free(pci);
}

static bool has(const Vm *vm, int cap)
{
	return ioctl(vm->vm_fd, KVM_CHECK_EXTENSION, cap) > 0;
}

static void set_up_host(VmPci *pci)
{
	Vm *vm = pci->vm;

	pci->host.window = vm_arch_pci.window;
	pci->host.window_size = vm_arch_pci.window_size;
	for (unsigned i = 0; i < PCI_LINES; i++)
		pci->host.line[i] = vm_irq(vm, vm_arch_pci.first_irq + i);
	if (vm_arch_add_msi(vm) && has(vm, KVM_CAP_SIGNAL_MSI))
		pci->host.send = send;
	/* Where there is an ITS, which is so by now. */
	if (has(vm, KVM_CAP_MSI_DEVID))
		pci->msi_flags = KVM_MSI_VALID_DEVID;
	if (has(vm, KVM_CAP_IOEVENTFD))
		pci->host.watch = watch;
	pci->any_length = has(vm, KVM_CAP_IOEVENTFD_ANY_LENGTH);
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

bool vm_add_virtio(Vm *vm, Virtio *virtio, GError **error)
{
	PciBus *bus = vm_pci_need(vm, error);

	if (bus == NULL) {
		virtio_free(virtio);
		return false;
	}
	if (!virtio_pci_add(bus, virtio, error)) {
		/* It is not this one's fault alone. */
		g_prefix_error(error, "--disk, --9p, --network and --vsock: ");
		return false;
	}
	vm_dma_add(vm, virtio);
	return true;
}

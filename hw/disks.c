/*
 * hw/disks.c - from --disk to virtio devices.
 */
#include "hw/disks.h"

#include "hw/dev/disk.h"
#include "hw/dev/virtio-blk.h"
#include "hw/dev/virtio-rng.h"
#include "hw/dma.h"
#include "hw/pci.h"

static bool open_one(Vm *vm, const VmDisk *wanted, GError **error)
{
	Disk *disk = disk_open(wanted->path, wanted->read_only, error);

	if (disk == NULL) {
		g_prefix_error(error, "--disk ");
		return false;
	}
	g_ptr_array_add(vm->disks, disk);
	return true;
}

bool vm_open_disks(Vm *vm, GError **error)
{
	const GArray *wanted = vm->config->disks;

	vm->disks = g_ptr_array_new_with_free_func((GDestroyNotify)disk_close);
	for (unsigned i = 0; wanted != NULL && i < wanted->len; i++) {
		if (!open_one(vm, &g_array_index(wanted, VmDisk, i), error))
			return false;
	}
	return true;
}

void vm_close_disks(Vm *vm)
{
	g_clear_pointer(&vm->disks, g_ptr_array_unref);
}

bool vm_add_disks(Vm *vm, GError **error)
{
	for (unsigned i = 0; i < vm->disks->len; i++) {
		if (!vm_add_virtio(vm, virtio_blk_new(vm->disks->pdata[i], vm_dma_host(vm)), error))
			return false;
	}
	return true;
}

bool vm_add_rng(Vm *vm, GError **error)
{
	bool wanted = vm->config->rng || vm_pci(vm) != NULL;

	return !wanted || vm_add_virtio(vm, virtio_rng_new(vm_dma_host(vm)), error);
}

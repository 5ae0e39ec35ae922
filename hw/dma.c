/*
 * hw/dma.c - RAM and the gate for the devices beside the vCPUs.
 *
 * Without a debugger all of it is a lookup in the RAM's banks.
 */
#include "hw/dma.h"

struct VmDma {
	const GuestMemory *memory;
	KvmGdb *gdb; /* or NULL: the gate is open, and there are no breakpoints */
	Dma dma;
	WorkerGate gate;
	VirtioHost host;
	GMutex lock;	    /* of the next: a machine that goes on may do so on any thread */
	GPtrArray *devices; /* of Virtio, not owned */
};

static void *at(void *opaque, uint64_t gpa, uint64_t len)
{
	const VmDma *dma = opaque;

	return memory_span(dma->memory, gpa, len);
}

static bool has_break(void *opaque, uint64_t gpa, uint64_t len, bool is_write)
{
	const VmDma *dma = opaque;

	return dma->gdb != NULL && kvm_gdb_device_meets_break(dma->gdb, gpa, len, is_write);
}

/* This and the next only where has_break() was TRUE: there is a debugger. */
static bool read_ram(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	const VmDma *dma = opaque;

	return kvm_gdb_device_read(dma->gdb, gpa, buf, len);
}

static bool write_ram(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	const VmDma *dma = opaque;

	return kvm_gdb_device_write(dma->gdb, gpa, buf, len);
}

static bool enter(void *opaque)
{
	const VmDma *dma = opaque;

	return dma->gdb == NULL || kvm_gdb_device_enter(dma->gdb);
}

static void leave(void *opaque)
{
	const VmDma *dma = opaque;

	if (dma->gdb != NULL)
		kvm_gdb_device_leave(dma->gdb);
}

VmDma *vm_dma_new(Vm *vm)
{
	VmDma *dma = g_new0(VmDma, 1);

	dma->memory = &vm->memory;
	dma->dma = (Dma){at, has_break, read_ram, write_ram, dma};
	dma->gate = (WorkerGate){enter, leave, dma};
	dma->host = (VirtioHost){&dma->dma, &dma->gate};
	g_mutex_init(&dma->lock);
	dma->devices = g_ptr_array_new();
	return dma;
}

void vm_dma_free(VmDma *dma)
{
	if (dma == NULL)
		return;
	g_ptr_array_unref(dma->devices);
	g_mutex_clear(&dma->lock);
	g_free(dma);
}

const VirtioHost *vm_dma_host(const Vm *vm)
{
	return &vm->dma->host;
}

void vm_dma_add(Vm *vm, Virtio *virtio)
{
	g_mutex_lock(&vm->dma->lock);
	g_ptr_array_add(vm->dma->devices, virtio);
	g_mutex_unlock(&vm->dma->lock);
}

void vm_dma_forget(Vm *vm)
{
	g_mutex_lock(&vm->dma->lock);
	g_ptr_array_set_size(vm->dma->devices, 0);
	g_mutex_unlock(&vm->dma->lock);
}

void vm_dma_attach(Vm *vm, KvmGdb *gdb)
{
	vm->dma->gdb = gdb;
}

void vm_dma_go(Vm *vm)
{
	VmDma *dma = vm->dma;

	g_mutex_lock(&dma->lock);
	for (unsigned i = 0; i < dma->devices->len; i++)
		worker_wake(virtio_worker(dma->devices->pdata[i]));
	g_mutex_unlock(&dma->lock);
}

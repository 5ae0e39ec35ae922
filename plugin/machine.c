/*
 * plugin/machine.c - what the VMM gave KVM, kept for the engine, and the engine's start.
 */
#include "plugin/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/real.h"

/* Out of the VMM's way: programs count on getting the lowest free number. */
#define OUR_FIRST_FD 512

static int keep_fd(int fd)
{
	int ours = fcntl(fd, F_DUPFD_CLOEXEC, OUR_FIRST_FD);

	return ours >= 0 ? ours : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void drop_fd(int *fd)
{
	if (*fd >= 0)
		real()->close(*fd);
	*fd = -1;
}

Machine *machine_new(int kvm_fd, int vm_fd)
{
	Machine *machine = g_new0(Machine, 1);

	machine->file.fd = keep_fd(vm_fd);
	machine->kvm_fd = keep_fd(kvm_fd);
	machine->slots = g_array_new(FALSE, FALSE, sizeof(MachineSlot));
	machine->attributes = g_array_new(FALSE, FALSE, sizeof(MachineAttributes));
	machine->vcpus = g_ptr_array_new();
	return machine;
}

MachineVcpu *machine_add_vcpu(Machine *machine, unsigned long id, int fd)
{
	MachineVcpu *vcpu = g_new0(MachineVcpu, 1);

	vcpu->machine = machine;
	vcpu->id = id;
	vcpu->file.fd = keep_fd(fd);
	g_ptr_array_add(machine->vcpus, vcpu);
	return vcpu;
}

void machine_close(Machine *machine)
{
	for (unsigned i = 0; i < machine->vcpus->len; i++)
		drop_fd(&((MachineVcpu *)machine->vcpus->pdata[i])->file.fd);
	drop_fd(&machine->file.fd);
	drop_fd(&machine->kvm_fd);
}

bool machine_is_open(const Machine *machine)
{
	int n = machine->file.n_fds;

	for (unsigned i = 0; i < machine->vcpus->len; i++)
		n += ((MachineVcpu *)machine->vcpus->pdata[i])->file.n_fds;
	return n > 0;
}

PluginFile *machine_find_same(Machine *machine, int fd)
{
	if (table_is_same(fd, machine->file.fd))
		return &machine->file;
	for (unsigned i = 0; i < machine->vcpus->len; i++) {
		MachineVcpu *vcpu = machine->vcpus->pdata[i];

		if (table_is_same(fd, vcpu->file.fd))
			return &vcpu->file;
	}
	return NULL;
}

/* ---- Memory ---- */

static void remove_slot(Machine *machine, unsigned at)
{
	MachineSlot *slot = &g_array_index(machine->slots, MachineSlot, at);

	if (machine->gdb)
		kvm_gdb_unmap(machine->gdb, slot->gpa, slot->size);
	g_array_remove_index_fast(machine->slots, at);
}

void machine_set_slot(Machine *machine, const struct kvm_userspace_memory_region *region)
{
	MachineSlot slot = {
		.id = region->slot,
		.flags = region->flags & KVM_MEM_READONLY ? KVM_GDB_MAP_READONLY : 0,
		.gpa = region->guest_phys_addr,
		.size = region->memory_size,
		.host = (uint8_t *)(uintptr_t)region->userspace_addr,
	};

	/* The number's upper half is an address space: x86 has a second one for SMM. */
	if (slot.id >> 16)
		return;
	for (unsigned i = 0; i < machine->slots->len; i++) {
		MachineSlot *old = &g_array_index(machine->slots, MachineSlot, i);

		if (old->id != slot.id)
			continue;
		/* Only flags change, to log dirty pages say: nothing moves for the debugger. */
		if (old->gpa == slot.gpa && old->size == slot.size && old->host == slot.host)
			return;
		remove_slot(machine, i);
		break;
	}
	if (!slot.size || !slot.host)
		return;
	g_array_append_val(machine->slots, slot);
	if (machine->gdb)
		kvm_gdb_map(machine->gdb, slot.gpa, slot.size, slot.host, slot.flags);
}

static void give_attributes(Machine *machine, const MachineAttributes *attributes)
{
	kvm_gdb_set_private(machine->gdb, attributes->gpa, attributes->size,
			    attributes->attributes & MACHINE_ATTRIBUTE_PRIVATE);
}

void machine_set_attributes(Machine *machine, const MachineAttributes *attributes)
{
	if (machine->gdb)
		give_attributes(machine, attributes);
	else
		g_array_append_val(machine->attributes, *attributes);
}

void machine_unmap_host(Machine *machine, uint8_t *addr, size_t len)
{
	for (unsigned i = 0; machine->gdb && i < machine->slots->len; i++) {
		const MachineSlot *slot = &g_array_index(machine->slots, MachineSlot, i);
		uint8_t *from = MAX(slot->host, addr);
		uint8_t *to = MIN(slot->host + slot->size, addr + len);

		if (from < to)
			kvm_gdb_unmap(machine->gdb, slot->gpa + (from - slot->host), to - from);
	}
}

/* ---- vCPUs ---- */

static bool map_run(MachineVcpu *vcpu, GError **error)
{
	int kvm_fd = vcpu->machine->kvm_fd;
	int size = real()->ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
	void *run = MAP_FAILED;

	if (vcpu->run)
		return true;
	if (size > 0)
		run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->file.fd, 0);
	if (run == MAP_FAILED) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "cannot map the page of vCPU %lu: %s", vcpu->id, g_strerror(errno));
		return false;
	}
	vcpu->run = run;
	return true;
}

/* What the VMM asked for before there was an engine. */
static void replay(MachineVcpu *vcpu)
{
	if (vcpu->debug.control)
		kvm_gdb_vcpu_ioctl(vcpu->gdb, KVM_SET_GUEST_DEBUG, &vcpu->debug);
	if (vcpu->mask)
		kvm_gdb_vcpu_ioctl(vcpu->gdb, KVM_SET_SIGNAL_MASK, vcpu->mask);
}

bool machine_catch_up(MachineVcpu *vcpu, GError **error)
{
	Machine *machine = vcpu->machine;
	KvmGdbVcpu *gdb;

	if (vcpu->gdb)
		return true;
	if (!map_run(vcpu, error))
		return false;
	gdb = kvm_gdb_add_vcpu(machine->gdb, machine->n_added, vcpu->file.fd, vcpu->run, error);
	if (!gdb)
		return false;
	machine->n_added++;
	__atomic_store_n(&vcpu->gdb, gdb, __ATOMIC_RELEASE);
	replay(vcpu);
	return true;
}

static gint by_id(gconstpointer a, gconstpointer b)
{
	const MachineVcpu *x = *(MachineVcpu *const *)a, *y = *(MachineVcpu *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

/* ---- The engine ---- */

static bool populate(Machine *machine, GError **error)
{
	for (unsigned i = 0; i < machine->slots->len; i++) {
		const MachineSlot *slot = &g_array_index(machine->slots, MachineSlot, i);

		kvm_gdb_map(machine->gdb, slot->gpa, slot->size, slot->host, slot->flags);
	}
	for (unsigned i = 0; i < machine->attributes->len; i++)
		give_attributes(machine, &g_array_index(machine->attributes, MachineAttributes, i));
	g_array_set_size(machine->attributes, 0);
	/* gdb counts CPUs from 1 without holes; ids may have some, and any order. */
	g_ptr_array_sort(machine->vcpus, by_id);
	for (unsigned i = 0; i < machine->vcpus->len; i++) {
		g_clear_error(error);
		/* One that is not initialised yet follows when it is run. */
		machine_catch_up(machine->vcpus->pdata[i], error);
	}
	if (!machine->n_added)
		return false;
	g_clear_error(error);
	return true;
}

static bool serve_gdb(KvmGdb *gdb, const MachineOptions *options, GError **error)
{
	if (options->tasks)
		kvm_gdb_show_tasks(gdb);
	if (options->symbols)
		kvm_gdb_offer_symbols(gdb);
	return kvm_gdb_listen(gdb, options->where, options->wait, error) &&
	       (!options->vmlinux || !*options->vmlinux ||
		kvm_gdb_set_vmlinux(gdb, options->vmlinux, error)) &&
	       (!options->modules || kvm_gdb_set_modules(gdb, options->modules, error));
}

static bool serve(KvmGdb *gdb, const MachineOptions *options, GError **error)
{
	kvm_gdb_set_clock(gdb, options->clock);
	kvm_gdb_set_architecture(gdb, options->architecture);
	return (!options->log || kvm_gdb_set_log(gdb, options->log, error)) &&
	       (!options->where || serve_gdb(gdb, options, error)) &&
	       (!options->qmp || kvm_gdb_listen_qmp(gdb, options->qmp, error)) &&
	       (!options->monitor || kvm_gdb_listen_monitor(gdb, options->monitor, error));
}

bool machine_start(Machine *machine, struct _GMainContext *context, const KvmGdbOps *ops,
		   const MachineOptions *options, GError **error)
{
	machine->gdb = kvm_gdb_new(machine->kvm_fd, machine->file.fd, context, ops, NULL, error);
	return machine->gdb && populate(machine, error) && serve(machine->gdb, options, error);
}

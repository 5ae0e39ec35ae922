/*
 * hw/gdb.c - lkvm's side of the gdb stub.
 */
#include "hw/gdb.h"

#include <stdio.h>
#include <string.h>

#include "hw/dma.h"
#include "hw/pci.h"
#include "hw/util.h"

static bool on_mmio(void *opaque, uint64_t gpa, void *data, size_t len, bool is_write)
{
	Vm *vm = opaque;

	return bus_access(vm->mmio, NULL, gpa, data, len, is_write);
}

static void get_range(const Bus *bus, unsigned i, KvmGdbPartKind kind, KvmGdbPart *ret)
{
	ret->kind = kind;
	bus_range(bus, i, &ret->name, &ret->start, &ret->size);
}

/* A BAR, where the guest has it now. */
static bool get_bar(const Vm *vm, unsigned i, KvmGdbPart *ret)
{
	ret->kind = KVM_GDB_DEVICE;
	return vm_pci(vm) != NULL && pci_place(vm_pci(vm), i, &ret->name, &ret->start, &ret->size);
}

static bool on_part(void *opaque, unsigned i, KvmGdbPart *ret)
{
	Vm *vm = opaque;
	const GArray *loaded = vm->memory.loaded;
	unsigned n_mmio = bus_count(vm->mmio), n_bus = n_mmio + bus_count(vm->pio);
	unsigned n_loaded = loaded != NULL ? loaded->len : 0;

	if (i < n_mmio) {
		get_range(vm->mmio, i, KVM_GDB_DEVICE, ret);
	} else if (i < n_bus) {
		get_range(vm->pio, i - n_mmio, KVM_GDB_PORTS, ret);
	} else if (i - n_bus < n_loaded) {
		const MemoryLoaded *one = &g_array_index(loaded, MemoryLoaded, i - n_bus);
		*ret = (KvmGdbPart){KVM_GDB_LOADED, one->gpa, one->size, one->what};
	} else {
		return get_bar(vm, i - n_bus - n_loaded, ret);
	}
	return true;
}

static char *on_describe(void *opaque, const char *what)
{
	PciBus *bus = vm_pci(opaque);

	if (bus == NULL)
		return NULL;
	return strcmp(what, "pci") == 0 ? pci_describe(bus) : pci_describe_owners(bus);
}

static void on_poweroff(void *opaque)
{
	vm_log("ended by a debugger or monitor");
	vm_end(opaque, VM_STATUS_OK);
}

static bool on_reset(void *opaque, GError **error)
{
	bool done = vm_reset(opaque, error);

	if (!done)
		vm_log("%s", (*error)->message);
	return done;
}

static void on_powerdown(void *opaque)
{
	Vm *vm = opaque;

	vm->power.press_button(vm->power.opaque);
}

static void on_devices_go(void *opaque)
{
	vm_dma_go(opaque);
}

static void on_log(void *opaque G_GNUC_UNUSED, const char *line)
{
	vm_log("%s", line);
}

static const KvmGdbOps ops = {
	.mmio = on_mmio,
	.part = on_part,
	.describe = on_describe,
	.poweroff = on_poweroff,
	.reset = on_reset,
	.devices_go = on_devices_go,
	.log = on_log,
};

/* With a power button. */
static const KvmGdbOps ops_with_button = {
	.mmio = on_mmio,
	.part = on_part,
	.describe = on_describe,
	.poweroff = on_poweroff,
	.reset = on_reset,
	.powerdown = on_powerdown,
	.devices_go = on_devices_go,
	.log = on_log,
};

/* Where a vmlinux is kept, as seen from the kernel that is booted. */
static void add_candidates(GPtrArray *paths, const char *kernel)
{
	g_autofree char *folder = g_path_get_dirname(kernel), *name = g_path_get_basename(kernel);
	const char *version = g_str_has_prefix(name, "vmlinuz-") ? name + strlen("vmlinuz-") : NULL;

	g_ptr_array_add(paths, g_strdup(kernel)); /* an ELF file itself */
	g_ptr_array_add(paths, g_build_filename(folder, "vmlinux", NULL));
	/* arch/x86/boot/bzImage of a build folder */
	g_ptr_array_add(paths, g_build_filename(folder, "../../../vmlinux", NULL));
	if (version == NULL)
		return;
	g_ptr_array_add(paths, g_strdup_printf("%s/vmlinux-%s", folder, version));
	g_ptr_array_add(paths, g_strdup_printf("/usr/lib/debug/boot/vmlinux-%s", version));
}

/* What is found by looking need not fit; what the user named must; an empty name is for none. */
static bool set_vmlinux(Vm *vm, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	if (vm->config->gdb_vmlinux != NULL && *vm->config->gdb_vmlinux == 0)
		return true;
	if (vm->config->gdb_vmlinux != NULL)
		return kvm_gdb_set_vmlinux(vm->gdb, vm->config->gdb_vmlinux, error);
	add_candidates(paths, vm->config->kernel);
	for (unsigned i = 0; i < paths->len; i++) {
		if (kvm_gdb_set_vmlinux(vm->gdb, paths->pdata[i], NULL)) {
			vm_log("gdb: symbols are in %s", (char *)paths->pdata[i]);
			break;
		}
	}
	return true;
}

static bool add_vcpus(Vm *vm, GError **error)
{
	for (unsigned i = 0; i < vm->vcpus->len; i++) {
		Vcpu *vcpu = vm->vcpus->pdata[i];

		vcpu->gdb = kvm_gdb_add_vcpu(vm->gdb, i, vcpu->fd, vcpu->run, error);
		if (vcpu->gdb == NULL)
			return false;
	}
	return true;
}

/* An engine that knows memory and vCPUs. */
static bool new_engine(Vm *vm, GError **error)
{
	const KvmGdbOps *use = vm->power.press_button != NULL ? &ops_with_button : &ops;

	vm->gdb = kvm_gdb_new(vm->kvm_fd, vm->vm_fd, NULL, use, vm, error);
	if (vm->gdb == NULL)
		return false;
	for (unsigned i = 0; i < vm->memory.n_banks; i++) {
		const RamBank *bank = &vm->memory.bank[i];

		kvm_gdb_map(vm->gdb, bank->gpa, bank->size, bank->host, KVM_GDB_MAP_STEADY);
	}
	return add_vcpus(vm, error);
}

/* Scripts read this line, so it has no prefix. */
static void say_address(const char *what, const char *address)
{
	fprintf(stderr, "%s: listening on %s\n", what, address);
}

/* Those beside gdb. */
static bool start_operators(Vm *vm, GError **error)
{
	const VmConfig *config = vm->config;
	unsigned n = 0;

	if (config->qmp != NULL) {
		if (!kvm_gdb_listen_qmp(vm->gdb, config->qmp, error))
			return false;
		say_address("qmp", kvm_gdb_operator_address(vm->gdb, n++));
	}
	if (config->monitor != NULL) {
		if (!kvm_gdb_listen_monitor(vm->gdb, config->monitor, error))
			return false;
		say_address("monitor", kvm_gdb_operator_address(vm->gdb, n++));
	}
	return true;
}

static bool start_gdb(Vm *vm, GError **error)
{
	/* A vmlinux of the user's would not fit to where the kernel is. */
	if (vm->config->gdb_kaslr)
		kvm_gdb_offer_symbols(vm->gdb);
	if (vm->config->gdb_tasks)
		kvm_gdb_show_tasks(vm->gdb);
	if (!kvm_gdb_listen(vm->gdb, vm->config->gdb, vm->config->gdb_wait, error) ||
	    !set_vmlinux(vm, error) ||
	    (vm->config->gdb_modules != NULL &&
	     !kvm_gdb_set_modules(vm->gdb, vm->config->gdb_modules, error)))
		return false;
	say_address("gdb", kvm_gdb_address(vm->gdb));
	return true;
}

bool vm_gdb_start(Vm *vm, GError **error)
{
	const VmConfig *config = vm->config;

	if (config->gdb == NULL && config->qmp == NULL && config->monitor == NULL)
		return true;
	if (!new_engine(vm, error))
		return false;
	vm_dma_attach(vm, vm->gdb);
	kvm_gdb_set_clock(vm->gdb, config->gdb_clock_run ? KVM_GDB_CLOCK_RUN : KVM_GDB_CLOCK_STOP);
	kvm_gdb_set_architecture(vm->gdb, config->gdb_arch);
	kvm_gdb_set_name(vm->gdb, config->name);
	if (config->gdb_log != NULL && !kvm_gdb_set_log(vm->gdb, config->gdb_log, error))
		return false;
	return (config->gdb == NULL || start_gdb(vm, error)) && start_operators(vm, error);
}

void vm_gdb_forget(Vm *vm, int vm_fd)
{
	if (vm->gdb != NULL)
		kvm_gdb_renew(vm->gdb, vm_fd);
}

bool vm_gdb_renew(Vm *vm, GError **error)
{
	if (vm->gdb == NULL)
		return true;
	if (!add_vcpus(vm, error))
		return false;
	kvm_gdb_notify(vm->gdb, NULL, KVM_GDB_RESET);
	return true;
}

uint64_t vm_gdb_held_ns(void *opaque)
{
	Vm *vm = opaque;

	return vm->gdb != NULL ? kvm_gdb_clock_held(vm->gdb) : 0;
}

void vm_gdb_panic(Vm *vm, Vcpu *vcpu)
{
	if (vm->config->gdb != NULL && vm_gdb_wants_core(vm)) {
		vm_ask(vm, VM_ASKED_CORE);
		return;
	}
	if (vm->gdb != NULL)
		kvm_gdb_notify(vm->gdb, vcpu != NULL ? vcpu->gdb : NULL, KVM_GDB_PANIC);
	if (vm->config->gdb == NULL)
		vm_die(vm);
}

bool vm_gdb_wants_core(Vm *vm)
{
	return vm->config->gdb_core != NULL && (vm->gdb == NULL || !kvm_gdb_has_client(vm->gdb));
}

void vm_gdb_write_core(Vm *vm)
{
	const char *path = vm->config->gdb_core;
	g_autoptr(GError) error = NULL;

	vm_log("core: the machine is written to %s", path);
	if ((vm->gdb != NULL || new_engine(vm, &error)) &&
	    kvm_gdb_write_core(vm->gdb, path, &error))
		vm_log("core: done");
	else
		vm_log("core: %s", error->message);
}

void vm_gdb_end(Vm *vm, uint8_t status)
{
	if (vm->gdb == NULL || vm->gdb_ended)
		return;
	vm->gdb_ended = true;
	kvm_gdb_end(vm->gdb, status);
}

void vm_gdb_free(Vm *vm)
{
	if (vm->gdb != NULL)
		kvm_gdb_free(vm->gdb);
	vm->gdb = NULL;
}

/*
 * hw/vm.c - making, running and ending the machine.
 */
#include "hw/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hw/arch.h"
#include "hw/disks.h"
#include "hw/dma.h"
#include "hw/gdb.h"
#include "hw/net.h"
#include "hw/pci.h"
#include "hw/shares.h"
#include "hw/util.h"
#include "hw/vsock.h"
#include "kvm/arch.h"

typedef struct VmDevice {
	void *device;
	GDestroyNotify destroy;
} VmDevice;

static void free_device(gpointer data)
{
	VmDevice *owned = data;

	owned->destroy(owned->device);
	g_free(owned);
}

void *vm_own(Vm *vm, void *device, GDestroyNotify destroy)
{
	VmDevice *owned = g_new0(VmDevice, 1);

	owned->device = device;
	owned->destroy = destroy;
	g_ptr_array_add(vm->devices, owned);
	return device;
}

/* ---- Interrupts ---- */

static void set_irq(void *opaque, unsigned irq, bool level)
{
	vm_arch_set_irq(opaque, irq, level);
}

IrqLine vm_irq(Vm *vm, unsigned irq)
{
	return (IrqLine){.set = set_irq, .opaque = vm, .irq = irq};
}

/* ---- The console: the terminal on one side, a UART on the other ---- */

static size_t console_room(void *opaque)
{
	Vm *vm = opaque;

	return term_output_room(vm->term);
}

static void console_output(void *opaque, const uint8_t *data, size_t len)
{
	Vm *vm = opaque;

	term_output(vm->term, data, len);
}

static void console_input_wanted(void *opaque)
{
	Vm *vm = opaque;

	term_input_wanted(vm->term);
}

static size_t on_typed(void *opaque, const uint8_t *data, size_t len)
{
	Vm *vm = opaque;

	if (vm->hvc != NULL)
		return virtio_console_input(vm->hvc, data, len);
	/* A reset that failed leaves none. */
	return vm->console != NULL ? serial_input(vm->console, data, len) : 0;
}

static void on_quit(void *opaque)
{
	vm_end(opaque, VM_STATUS_OK);
}

static void on_break(void *opaque)
{
	Vm *vm = opaque;

	if (vm->console != NULL)
		serial_break(vm->console);
}

static void on_drained(void *opaque)
{
	Vm *vm = opaque;

	g_mutex_lock(&vm->console_lock);
	if (vm->console != NULL)
		serial_room_changed(vm->console);
	if (vm->hvc != NULL)
		virtio_console_room_changed(vm->hvc);
	g_mutex_unlock(&vm->console_lock);
}

static void set_console(Vm *vm, Serial *console, VirtioConsole *hvc)
{
	g_mutex_lock(&vm->console_lock);
	vm->console = console;
	vm->hvc = hvc;
	g_mutex_unlock(&vm->console_lock);
}

static const TermOps term_ops = {
	.input = on_typed,
	.quit = on_quit,
	.send_break = on_break,
	.drained = on_drained,
};

static SerialPeer console_peer(Vm *vm)
{
	return (SerialPeer){
		.room = console_room,
		.output = console_output,
		.input_wanted = console_input_wanted,
		.opaque = vm,
	};
}

Serial *vm_new_console(Vm *vm, unsigned irq)
{
	SerialPeer peer = console_peer(vm);

	g_return_val_if_fail(vm->console == NULL, NULL);
	set_console(vm, serial_new(&peer, vm_irq(vm, irq)), NULL);
	return vm_own(vm, vm->console, (GDestroyNotify)serial_free);
}

Serial *vm_new_tty(Vm *vm, unsigned irq)
{
	SerialPeer peer = serial_line_peer(vm->tty);
	Serial *serial = serial_new(&peer, vm_irq(vm, irq));

	serial_line_connect(vm->tty, serial);
	return vm_own(vm, serial, (GDestroyNotify)serial_free);
}

static bool open_tty(Vm *vm, GError **error)
{
	if (vm->config->tty == NULL)
		return true;
	vm->tty = serial_line_open(vm->config->tty, error);
	if (vm->tty != NULL)
		vm_log("ttyS1 is at %s", serial_line_place(vm->tty));
	else
		g_prefix_error(error, "--tty 1,%s: ", vm->config->tty);
	return vm->tty != NULL;
}

/* The UART shows what a kernel says early. */
static bool add_hvc(Vm *vm, GError **error)
{
	SerialPeer peer = console_peer(vm);

	if (vm->config->console != VM_CONSOLE_VIRTIO)
		return true;
	VirtioConsole *hvc = virtio_console_new(&peer, vm_dma_host(vm));
	/* It is gone if there is no place for it. */
	if (!vm_add_virtio(vm, virtio_console_device(hvc), error))
		return false;
	set_console(vm, vm->console, hvc);
	return true;
}

/* stdin and stdout may be the debugger's or the monitor's. */
static Term *new_term(const VmConfig *config)
{
	bool is_ours = !config_needs_stdio(config);

	return term_new(is_ours && config->console != VM_CONSOLE_NONE ? STDIN_FILENO : -1,
			is_ours ? STDOUT_FILENO : STDERR_FILENO);
}

/* ---- Making it ---- */

static bool check_caps(int kvm_fd, GError **error)
{
	if (ioctl(kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			    "/dev/kvm does not have version %d of the KVM interface",
			    KVM_API_VERSION);
		return false;
	}
	for (const KvmCap *cap = vm_arch_required_caps; cap->name != NULL; cap++) {
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, cap->number) > 0)
			continue;
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			    "this machine's KVM lacks %s", cap->name);
		return false;
	}
	return true;
}

static bool open_kvm(Vm *vm, GError **error)
{
	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "cannot open /dev/kvm: %s%s", g_strerror(errno),
			    errno == ENOENT   ? " (is the kvm module loaded, virtualization on?)"
			    : errno == EACCES ? " (is your user in the group kvm?)"
					      : "");
		return false;
	}
	return check_caps(vm->kvm_fd, error);
}

static bool add_memory(Vm *vm, GError **error)
{
	RamBank banks[MEMORY_MAX_BANKS];
	unsigned n = vm_arch_ram_layout(vm->config->memory, banks);

	for (unsigned i = 0; i < n; i++) {
		if (!memory_add(&vm->memory, banks[i].gpa, banks[i].size, error))
			return false;
	}
	return true;
}

static bool plug_memory(Vm *vm, GError **error)
{
	for (unsigned i = 0; i < vm->memory.n_banks; i++) {
		const RamBank *bank = &vm->memory.bank[i];
		struct kvm_userspace_memory_region region = {
			.slot = i,
			.guest_phys_addr = bank->gpa,
			.memory_size = bank->size,
			.userspace_addr = (uintptr_t)bank->host,
		};

		if (VM_IOCTL(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region, error) < 0) {
			g_prefix_error(error, "this machine's KVM takes less memory, see --mem: ");
			return false;
		}
	}
	return true;
}

static bool add_vcpus(Vm *vm, GError **error)
{
	int max = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	if (max > 0 && vm->config->n_cpus > (unsigned)max) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			    "--cpus %u: this KVM allows at most %d", vm->config->n_cpus, max);
		return false;
	}
	for (unsigned i = 0; i < vm->config->n_cpus; i++) {
		Vcpu *vcpu = vcpu_new(vm, i, error);

		if (vcpu == NULL)
			return false;
		g_ptr_array_add(vm->vcpus, vcpu);
	}
	return true;
}

static bool reset_vcpus(Vm *vm, GError **error)
{
	for (unsigned i = 0; i < vm->vcpus->len; i++) {
		if (!vcpu_arch_reset(vm->vcpus->pdata[i], error))
			return false;
	}
	return true;
}

static void make_empty(Vm *vm)
{
	vm->pio = bus_new();
	vm->mmio = bus_new();
	vm->devices = g_ptr_array_new_with_free_func(free_device);
	vm->vcpus = g_ptr_array_new_with_free_func((GDestroyNotify)vcpu_free);
}

static int create_vm(Vm *vm, GError **error)
{
	return VM_IOCTL(vm->kvm_fd, KVM_CREATE_VM, (void *)arch_vm_type(vm->kvm_fd), error);
}

/* What belongs into an empty machine that has its memory and KVM's VM. */
static bool assemble(Vm *vm, GError **error)
{
	return vm_arch_create(vm, error) && plug_memory(vm, error) &&
	       vm_arch_add_devices(vm, error) && vm_add_disks(vm, error) &&
	       vm_add_shares(vm, error) && vm_add_nets(vm, error) && vm_add_vsock(vm, error) &&
	       add_hvc(vm, error) && vm_add_rng(vm, error) && add_vcpus(vm, error) &&
	       vm_arch_finish(vm, error) && reset_vcpus(vm, error);
}

/* Those that work beside the vCPUs end with it. */
static void free_devices(Vm *vm)
{
	set_console(vm, NULL, NULL);
	if (vm->tty != NULL)
		serial_line_connect(vm->tty, NULL);
	vm_dma_forget(vm);
	vm->pci = NULL;
	g_clear_pointer(&vm->devices, g_ptr_array_unref);
}

static void take_apart(Vm *vm)
{
	free_devices(vm);
	g_ptr_array_unref(vm->vcpus);
	bus_free(vm->mmio);
	bus_free(vm->pio);
	g_clear_pointer(&vm->arch, vm_arch_free);
	if (vm->vm_fd >= 0)
		close(vm->vm_fd);
}

static bool make(Vm *vm, GError **error)
{
	if (!vm_open_disks(vm, error) || !open_tty(vm, error) || !open_kvm(vm, error))
		return false;
	vm->vm_fd = create_vm(vm, error);
	return vm->vm_fd >= 0 && add_memory(vm, error) && assemble(vm, error) &&
	       vm_gdb_start(vm, error);
}

Vm *vm_new(const VmConfig *config, GError **error)
{
	g_autoptr(Vm) vm = g_new0(Vm, 1);

	vm->config = config;
	vm->kvm_fd = -1;
	vm->vm_fd = -1;
	g_mutex_init(&vm->console_lock);
	vm->term = new_term(config);
	vm->dma = vm_dma_new(vm);
	make_empty(vm);
	return make(vm, error) ? g_steal_pointer(&vm) : NULL;
}

void vm_free(Vm *vm)
{
	if (vm == NULL)
		return;
	vm_gdb_end(vm, vm->status);
	/* The terminal's thread calls the console device: it goes first. But hvc0's prints. */
	if (vm->hvc != NULL)
		worker_hold(virtio_worker(virtio_console_device(vm->hvc)));
	term_free(vm->term);
	/* And devices ask the engine whether they may work. */
	free_devices(vm);
	vm_gdb_free(vm);
	take_apart(vm);
	vm_dma_free(vm->dma);
	vm_close_disks(vm);
	serial_line_free(vm->tty);
	if (vm->kvm_fd >= 0)
		close(vm->kvm_fd);
	memory_clear(&vm->memory);
	g_mutex_clear(&vm->console_lock);
	g_free(vm);
}

/* ---- Running it ---- */

void vm_end(Vm *vm, uint8_t status)
{
	if (!g_atomic_int_compare_and_exchange(&vm->ended, 0, 1))
		return;
	g_atomic_int_set(&vm->status, status);
	g_atomic_int_set(&vm->ended, 2);
	g_main_context_wakeup(NULL);
}

bool vm_ended(Vm *vm)
{
	return g_atomic_int_get(&vm->ended) == 2;
}

bool vm_running(Vm *vm)
{
	return !vm_ended(vm) && !g_atomic_int_get(&vm->halting) &&
	       g_atomic_int_get(&vm->asked) == VM_ASKED_NOTHING;
}

void vm_die(Vm *vm)
{
	g_atomic_int_set(&vm->died, 1);
	vm_end(vm, VM_STATUS_FAILED);
}

void vm_ask(Vm *vm, VmAsked what)
{
	g_atomic_int_or(&vm->asked, what);
	g_main_context_wakeup(NULL);
}

void vm_reboot(Vm *vm)
{
	if (vm->config->reboot)
		vm_ask(vm, VM_ASKED_REBOOT);
	else
		vm_end(vm, VM_STATUS_OK);
}

typedef struct SignalEnd {
	Vm *vm;
	int number;
	guint source;
} SignalEnd;

#define CORE_SIGNAL SIGUSR2

static gboolean on_signal(gpointer data)
{
	SignalEnd *end = data;

	vm_log("ended by signal %d (%s)", end->number, strsignal(end->number));
	/* Of those who watch a guest that hangs. */
	if (end->number == CORE_SIGNAL)
		g_atomic_int_set(&end->vm->died, 1);
	vm_end(end->vm, 128 + end->number);
	return G_SOURCE_CONTINUE;
}

/* Returns what they had asked for: a set of VmAsked. */
static unsigned halt_vcpus(Vm *vm)
{
	unsigned asked;

	g_atomic_int_set(&vm->halting, 1);
	for (unsigned i = 0; i < vm->vcpus->len; i++)
		vcpu_kick(vm->vcpus->pdata[i]);
	for (unsigned i = 0; i < vm->vcpus->len; i++)
		vcpu_join(vm->vcpus->pdata[i]);
	/* None of them asks any more. */
	asked = g_atomic_int_and(&vm->asked, 0);
	g_atomic_int_set(&vm->halting, 0);
	return asked;
}

static bool start_vcpus(Vm *vm, GError **error)
{
	for (unsigned i = 0; i < vm->vcpus->len; i++) {
		if (!vcpu_start(vm->vcpus->pdata[i], error))
			return false;
	}
	return true;
}

static bool make_again(Vm *vm, GError **error)
{
	int vm_fd = create_vm(vm, error);

	if (vm_fd < 0)
		return false;
	/* Before the old ones go: from here on it knows no vCPU. */
	vm_gdb_forget(vm, vm_fd);
	take_apart(vm);
	make_empty(vm);
	vm->vm_fd = vm_fd;
	return memory_zero(&vm->memory, error) && assemble(vm, error) && vm_gdb_renew(vm, error) &&
	       start_vcpus(vm, error);
}

bool vm_reset(Vm *vm, GError **error)
{
	if (vm_ended(vm)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the machine has ended");
		return false;
	}
	halt_vcpus(vm);
	if (!make_again(vm, error)) {
		g_prefix_error(error, "the reset failed, and the machine has ended: ");
		vm_end(vm, VM_STATUS_FAILED);
		return false;
	}
	/* What was typed and not taken yet is offered to the new UART. */
	term_input_wanted(vm->term);
	return true;
}

static void do_asked(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	unsigned asked = halt_vcpus(vm);

	if (asked & VM_ASKED_CORE)
		vm_gdb_write_core(vm);
	if (asked & VM_ASKED_REBOOT) {
		vm_log("the guest reboots");
		if (!vm_reset(vm, &error))
			vm_log("%s", error->message);
	} else if (!start_vcpus(vm, &error)) {
		vm_log("%s", error->message);
		vm_end(vm, VM_STATUS_FAILED);
	}
}

int vm_run(Vm *vm, GError **error)
{
	SignalEnd ends[] = {
		{vm, SIGTERM, 0}, {vm, SIGINT, 0}, {vm, SIGHUP, 0}, {vm, CORE_SIGNAL, 0}};
	unsigned n_ends = G_N_ELEMENTS(ends) - (vm->config->gdb_core == NULL);

	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < n_ends; i++)
		ends[i].source = g_unix_signal_add(ends[i].number, on_signal, &ends[i]);
	term_start(vm->term, &term_ops, vm);
	bool started = start_vcpus(vm, error);
	if (!started)
		vm_end(vm, VM_STATUS_FAILED);
	while (!vm_ended(vm)) {
		g_main_context_iteration(NULL, TRUE);
		if (!vm_ended(vm) && g_atomic_int_get(&vm->asked) != VM_ASKED_NOTHING)
			do_asked(vm);
	}
	if (g_atomic_int_get(&vm->died) && vm_gdb_wants_core(vm)) {
		halt_vcpus(vm);
		vm_gdb_write_core(vm);
	}
	/* A vCPU that waits in the stub must come out before it can be joined. */
	vm_gdb_end(vm, g_atomic_int_get(&vm->status));
	halt_vcpus(vm);
	for (unsigned i = 0; i < n_ends; i++)
		g_source_remove(ends[i].source);
	return started ? g_atomic_int_get(&vm->status) : -1;
}

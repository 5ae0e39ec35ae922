/*
 * hw/vcpu.c - a vCPU's thread: enter the guest, handle what made it exit, until the machine ends.
 */
#include "hw/vcpu.h"

#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hw/arch.h"
#include "hw/util.h"
#include "hw/vm.h"

/* Only there to make KVM_RUN return; its handler does nothing. */
#define KICK_SIGNAL SIGUSR1

static void on_kick(int sig G_GNUC_UNUSED)
{
}

Vcpu *vcpu_new(Vm *vm, unsigned index, GError **error)
{
	int size = VM_IOCTL(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL, error);
	if (size < 0)
		return NULL;
	int fd = VM_IOCTL(vm->vm_fd, KVM_CREATE_VCPU, GUINT_TO_POINTER(index), error);
	if (fd < 0)
		return NULL;
	void *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (run == MAP_FAILED) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "cannot map the run page of vCPU %u: %s", index, g_strerror(errno));
		close(fd);
		return NULL;
	}
	Vcpu *vcpu = g_new0(Vcpu, 1);
	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->fd = fd;
	vcpu->run = run;
	vcpu->run_size = size;
	return vcpu;
}

void vcpu_free(Vcpu *vcpu)
{
	if (vcpu == NULL)
		return;
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
	g_free(vcpu);
}

/* ---- Exits ---- */

static void handle_io(Vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
		bus_access(vcpu->vm->pio, vcpu, run->io.port, data, run->io.size,
			   run->io.direction == KVM_EXIT_IO_OUT);
}

static void handle_mmio(Vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	bus_access(vcpu->vm->mmio, vcpu, run->mmio.phys_addr, run->mmio.data, run->mmio.len,
		   run->mmio.is_write);
}

static void fail(Vcpu *vcpu, const char *what)
{
	g_autofree char *where = vcpu_arch_describe(vcpu);

	vm_log("%s on vCPU %u: %s", what, vcpu->index, where);
	vm_die(vcpu->vm);
}

static void handle_system_event(Vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_end(vcpu->vm, VM_STATUS_OK);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vm_reboot(vcpu->vm);
		break;
	default:
		fail(vcpu, "the guest reported a crash");
	}
}

static void handle_unknown(Vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	g_autofree char *what = NULL;

	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		what = g_strdup("triple fault (shutdown)");
		break;
	case KVM_EXIT_FAIL_ENTRY:
		what = g_strdup_printf("the CPU refused to enter the guest, reason 0x%llx",
				       run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		what = g_strdup_printf("KVM internal error, suberror %u", run->internal.suberror);
		break;
	default:
		what = g_strdup_printf("unexpected KVM exit reason %u", run->exit_reason);
	}
	fail(vcpu, what);
}

static void handle_exit(Vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(vcpu);
		break;
	case KVM_EXIT_MMIO:
		handle_mmio(vcpu);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		handle_system_event(vcpu);
		break;
	default:
		handle_unknown(vcpu);
	}
}

/* ---- The thread ---- */

static int enter_guest(Vcpu *vcpu)
{
	if (vcpu->gdb != NULL)
		return kvm_gdb_run(vcpu->gdb);
	return ioctl(vcpu->fd, KVM_RUN, 0);
}

static void *vcpu_thread(void *data)
{
	Vcpu *vcpu = data;
	g_autofree char *name = g_strdup_printf("vcpu-%u", vcpu->index);

	pthread_setname_np(pthread_self(), name);
	while (vm_running(vcpu->vm)) {
		if (enter_guest(vcpu) == 0) {
			handle_exit(vcpu);
		} else if (errno != EINTR && errno != EAGAIN) {
			g_autofree char *what = g_strdup_printf("KVM_RUN: %s", g_strerror(errno));

			fail(vcpu, what);
		}
	}
	return NULL;
}

bool vcpu_start(Vcpu *vcpu, GError **error)
{
	struct sigaction action = {.sa_handler = on_kick};

	sigaction(KICK_SIGNAL, &action, NULL);
	/* Of the kick that ended its last thread. */
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	int err = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	if (err != 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(err),
			    "cannot start the thread of vCPU %u: %s", vcpu->index, g_strerror(err));
		return false;
	}
	vcpu->started = true;
	return true;
}

void vcpu_kick(Vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	/* A signal that lands before the thread is inside KVM_RUN does nothing by itself; this
	 * byte makes that KVM_RUN return at once (KVM api.txt, 5, immediate_exit). */
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

void vcpu_join(Vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	pthread_join(vcpu->thread, NULL);
	vcpu->started = false;
}

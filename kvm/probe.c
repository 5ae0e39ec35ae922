/*
 * kvm/probe.c - the throwaway VM of kvm/probe.h, its thread and its watchdog.
 */
#include "kvm/probe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A run that takes longer than this hangs; the real ones take microseconds. */
#define PATIENCE (10 * G_TIME_SPAN_SECOND)
#define KICK_SIGNAL SIGRTMIN

struct Probe {
	int kvm_fd, vm_fd;
	uint8_t *ram;
	size_t run_size;
	unsigned n_vcpus;
	ArchFeatures features;
	GError *error;

	GMutex lock; /* what follows: shared with the watchdog */
	GCond cond;
	pthread_t thread;
	struct kvm_run *run; /* the vCPU that runs, or NULL */
	bool done, expired;
};

static bool fail(GError **error, const char *what)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "probing KVM: %s: %s", what, g_strerror(errno));
	return false;
}

/* ---- The machine ---- */

int probe_vm_fd(const Probe *probe)
{
	return probe->vm_fd;
}

uint8_t *probe_ram(Probe *probe)
{
	return probe->ram;
}

static bool make_vm(Probe *probe, GError **error)
{
	struct kvm_userspace_memory_region region = {.memory_size = PROBE_RAM};
	int size = ioctl(probe->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (size < (int)sizeof(struct kvm_run))
		return fail(error, "KVM_GET_VCPU_MMAP_SIZE");
	probe->run_size = size;
	probe->vm_fd = ioctl(probe->kvm_fd, KVM_CREATE_VM, arch_vm_type(probe->kvm_fd));
	if (probe->vm_fd < 0)
		return fail(error, "KVM_CREATE_VM");
	probe->ram =
		mmap(NULL, PROBE_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (probe->ram == MAP_FAILED)
		return fail(error, "mmap");
	region.userspace_addr = (uintptr_t)probe->ram;
	if (ioctl(probe->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return fail(error, "KVM_SET_USER_MEMORY_REGION");
	return true;
}

static void free_vm(Probe *probe)
{
	if (probe->vm_fd >= 0)
		close(probe->vm_fd);
	if (probe->ram != MAP_FAILED)
		munmap(probe->ram, PROBE_RAM);
}

/*
 * Only the kick gets through while the guest runs: it is blocked in the thread, so it interrupts
 * KVM_RUN without any handler, and the process' own signals go to its other threads.
 */
static bool set_signal_mask(int fd)
{
	const uint64_t bits = ~(1ull << (KICK_SIGNAL - 1));
	_Alignas(struct kvm_signal_mask) uint8_t arg[sizeof(struct kvm_signal_mask) + sizeof(bits)];
	const uint32_t len = sizeof(bits);

	memcpy(arg, &len, sizeof(len));
	memcpy(arg + offsetof(struct kvm_signal_mask, sigset), &bits, sizeof(bits));
	return ioctl(fd, KVM_SET_SIGNAL_MASK, arg) == 0;
}

bool probe_open(ProbeVcpu *vcpu, Probe *probe)
{
	vcpu->probe = probe;
	vcpu->run = MAP_FAILED;
	vcpu->fd = ioctl(probe->vm_fd, KVM_CREATE_VCPU, probe->n_vcpus++);
	if (vcpu->fd < 0)
		return false;
	vcpu->run = mmap(NULL, probe->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	return vcpu->run != MAP_FAILED && set_signal_mask(vcpu->fd);
}

void probe_close(ProbeVcpu *vcpu)
{
	if (vcpu->run != MAP_FAILED)
		munmap(vcpu->run, vcpu->probe->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
}

bool probe_debug(ProbeVcpu *vcpu, uint32_t control, const GdbBreak *point)
{
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | control};
	const ArchFeatures one = {.n_breaks = 1, .n_watches = 1};

	if (point && !arch_encode_hw(&one, point, 1, &debug.arch, NULL))
		return false;
	return ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug) == 0;
}

bool probe_run(ProbeVcpu *vcpu)
{
	Probe *probe = vcpu->probe;
	bool expired;
	int ret;

	g_mutex_lock(&probe->lock);
	probe->run = vcpu->run;
	expired = probe->expired;
	g_mutex_unlock(&probe->lock);
	ret = expired ? -1 : ioctl(vcpu->fd, KVM_RUN, 0);
	g_mutex_lock(&probe->lock);
	probe->run = NULL;
	g_mutex_unlock(&probe->lock);
	return ret == 0;
}

/* ---- The thread and its watchdog ---- */

static void *probe_thread(void *data)
{
	Probe *probe = data;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (make_vm(probe, &probe->error))
		arch_probe(probe, &probe->features);
	g_mutex_lock(&probe->lock);
	probe->done = true;
	g_cond_signal(&probe->cond);
	g_mutex_unlock(&probe->lock);
	return NULL;
}

/* With the lock held. The signal stays pending, so that all that comes later ends at once too. */
static void kick(Probe *probe)
{
	probe->expired = true;
	if (probe->run)
		probe->run->immediate_exit = 1;
	pthread_kill(probe->thread, KICK_SIGNAL);
}

static bool run_thread(Probe *probe, GError **error)
{
	int64_t deadline = g_get_monotonic_time() + PATIENCE;

	g_mutex_lock(&probe->lock);
	errno = pthread_create(&probe->thread, NULL, probe_thread, probe);
	if (errno) {
		g_mutex_unlock(&probe->lock);
		return fail(error, "pthread_create");
	}
	while (!probe->done && g_cond_wait_until(&probe->cond, &probe->lock, deadline))
		;
	if (!probe->done)
		kick(probe);
	g_mutex_unlock(&probe->lock);
	pthread_join(probe->thread, NULL);
	if (!probe->error)
		return true;
	g_propagate_error(error, g_steal_pointer(&probe->error));
	return false;
}

bool kvm_probe(int kvm_fd, ArchFeatures *ret, GError **error)
{
	Probe probe = {.kvm_fd = kvm_fd, .vm_fd = -1, .ram = MAP_FAILED};
	bool ok;

	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG) <= 0) {
		g_set_error_literal(
			error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
			"this KVM has no KVM_CAP_SET_GUEST_DEBUG: it cannot debug guests");
		return false;
	}
	g_mutex_init(&probe.lock);
	g_cond_init(&probe.cond);
	ok = run_thread(&probe, error);
	if (ok)
		*ret = probe.features;
	free_vm(&probe);
	g_cond_clear(&probe.cond);
	g_mutex_clear(&probe.lock);
	return ok;
}

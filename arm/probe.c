/*
 * arm/probe.c - find out what this KVM's guest debugging really does, by trying it.
 *
 * Capabilities say what the interface accepts, not what works. Each feature runs a few instructions
 * with the MMU off on a fresh vCPU of a throwaway VM. The exception vectors store to an address
 * that is no memory, so a feature that does not work ends in KVM_EXIT_MMIO.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arm/debugreg.h"
#include "arm/syndrome.h"
#include "arm/vcpu.h"
#include "kvm/arch.h"

/* A run that takes longer than this hangs; the real ones take microseconds. */
#define PATIENCE (10 * G_TIME_SPAN_SECOND)
#define KICK_SIGNAL SIGRTMIN

/* Guest-physical layout; there is no translation. */
enum {
	CODE = 0x1000,
	DATA = 0x2000,
	VECTORS = 0x3000, /* 2 KiB */
	RAM_SIZE = 0x4000,
	NO_MEMORY = 0x100000,
	VECTOR_SIZE = 0x80,
	N_VECTORS = 16,
};

#define NOP 0xd503201fu
#define BRK0 0xd4200000u
#define STR_X0_X1 0xf9000020u /* x1 is DATA */
#define STR_X0_X2 0xf9000040u /* x2 is NO_MEMORY: the end of each run */

typedef struct Probe {
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
} Probe;

typedef struct ProbeVcpu {
	Probe *probe;
	int fd;
	struct kvm_run *run;
	ArchVcpu *arch;
} ProbeVcpu;

static bool fail(GError **error, const char *what)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "probing KVM: %s: %s", what, g_strerror(errno));
	return false;
}

/* ---- The machine ---- */

static void put_insn(Probe *probe, uint64_t gpa, uint32_t insn)
{
	memcpy(probe->ram + gpa, &insn, sizeof(insn));
}

static bool make_vm(Probe *probe, GError **error)
{
	struct kvm_userspace_memory_region region = {.memory_size = RAM_SIZE};
	int size = ioctl(probe->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	int bits = ioctl(probe->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);

	if (size < (int)sizeof(struct kvm_run))
		return fail(error, "KVM_GET_VCPU_MMAP_SIZE");
	probe->run_size = size;
	probe->vm_fd =
		ioctl(probe->kvm_fd, KVM_CREATE_VM, bits > 0 ? KVM_VM_TYPE_ARM_IPA_SIZE(bits) : 0);
	if (probe->vm_fd < 0)
		return fail(error, "KVM_CREATE_VM");
	/* Slots begin and end with the host's pages, which may have 64 KiB. */
	region.memory_size = MAX(RAM_SIZE, getpagesize());
	probe->ram = mmap(NULL, region.memory_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (probe->ram == MAP_FAILED)
		return fail(error, "mmap");
	region.userspace_addr = (uintptr_t)probe->ram;
	if (ioctl(probe->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return fail(error, "KVM_SET_USER_MEMORY_REGION");
	for (unsigned i = 0; i < N_VECTORS; i++)
		put_insn(probe, VECTORS + i * VECTOR_SIZE, STR_X0_X2);
	return true;
}

static void vcpu_close(ProbeVcpu *vcpu)
{
	arch_vcpu_free(vcpu->arch);
	if (vcpu->run != MAP_FAILED)
		munmap(vcpu->run, vcpu->probe->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
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

static bool set_up(ProbeVcpu *vcpu)
{
	struct kvm_vcpu_init init;

	if (ioctl(vcpu->probe->vm_fd, KVM_ARM_PREFERRED_TARGET, &init) < 0 ||
	    ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init) < 0)
		return false;
	vcpu->arch = arch_vcpu_new(vcpu->fd, vcpu->run, NULL);
	if (vcpu->arch == NULL)
		return false;
	arm_set(vcpu->arch, ARM_PC, CODE);
	arm_set(vcpu->arch, ARM_X0 + 1, DATA);
	arm_set(vcpu->arch, ARM_X0 + 2, NO_MEMORY);
	arm_set(vcpu->arch, ARM_VBAR_EL1, VECTORS);
	return arch_flush(vcpu->arch, NULL) && set_signal_mask(vcpu->fd);
}

/* A vCPU that is about to run two instructions and the end. Close it in any case. */
static bool vcpu_open(ProbeVcpu *vcpu, Probe *probe, uint32_t first, uint32_t second)
{
	vcpu->probe = probe;
	vcpu->arch = NULL;
	vcpu->run = MAP_FAILED;
	vcpu->fd = ioctl(probe->vm_fd, KVM_CREATE_VCPU, probe->n_vcpus++);
	if (vcpu->fd < 0)
		return false;
	vcpu->run = mmap(NULL, probe->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	put_insn(probe, CODE, first);
	put_insn(probe, CODE + 4, second);
	put_insn(probe, CODE + 8, STR_X0_X2);
	arch_sync_code(probe->ram, RAM_SIZE);
	return vcpu->run != MAP_FAILED && set_up(vcpu);
}

static bool set_debug(ProbeVcpu *vcpu, uint32_t control, const GdbBreak *point)
{
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | control};
	const ArchFeatures all = {
		.hw_break = true,
		.watch = true,
		.n_breaks = 1,
		.n_watches = 1,
	};

	if (point != NULL && !arch_encode_hw(&all, point, 1, &debug.arch, NULL))
		return false;
	return ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug) == 0;
}

/* KVM_RUN under the watchdog. FALSE: it failed or was interrupted. */
static bool run(ProbeVcpu *vcpu)
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
	arch_forget(vcpu->arch);
	return ret == 0;
}

static bool runs_to_trap(ProbeVcpu *vcpu, ArmTrapKind kind, uint64_t at)
{
	uint64_t pc;

	return run(vcpu) && vcpu->run->exit_reason == KVM_EXIT_DEBUG &&
	       arm_syndrome_decode(vcpu->run->debug.arch.hsr).kind == kind &&
	       arch_get_pc(vcpu->arch, &pc, NULL) && pc == at;
}

/* ---- The experiments: TRUE when the feature works ---- */

static bool try_run(Probe *probe)
{
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, NOP, STR_X0_X1) && run(&vcpu) &&
		  vcpu.run->exit_reason == KVM_EXIT_MMIO;

	vcpu_close(&vcpu);
	return ok;
}

static bool try_step(Probe *probe)
{
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, NOP, NOP) &&
		  set_debug(&vcpu, KVM_GUESTDBG_SINGLESTEP, NULL) &&
		  runs_to_trap(&vcpu, ARM_TRAP_STEP, CODE + 4) &&
		  runs_to_trap(&vcpu, ARM_TRAP_STEP, CODE + 8);

	vcpu_close(&vcpu);
	return ok;
}

static bool try_sw_break(Probe *probe)
{
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, NOP, BRK0) && set_debug(&vcpu, arch_sw_control(), NULL) &&
		  runs_to_trap(&vcpu, ARM_TRAP_INSN, CODE + 4);

	vcpu_close(&vcpu);
	return ok;
}

static bool try_point(Probe *probe, const GdbBreak *point, ArmTrapKind kind)
{
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, NOP, STR_X0_X1) &&
		  set_debug(&vcpu, arch_hw_control(), point) && runs_to_trap(&vcpu, kind, CODE + 4);

	vcpu_close(&vcpu);
	return ok;
}

static unsigned capability(const Probe *probe, int cap)
{
	int n = ioctl(probe->vm_fd, KVM_CHECK_EXTENSION, cap);

	return n > 0 ? MIN(n, ARM_N_SLOTS) : 0;
}

static void try_all(Probe *probe)
{
	const GdbBreak here = {GDB_BREAK_HW, CODE + 4, 4}, data = {GDB_WATCH_WRITE, DATA, 8};
	ArchFeatures *features = &probe->features;

	if (!try_run(probe))
		return; /* it cannot even run code: nothing works */
	features->step = try_step(probe);
	features->block_irq = features->step;
	features->sw_break = try_sw_break(probe);
	features->n_breaks = capability(probe, KVM_CAP_GUEST_DEBUG_HW_BPS);
	features->n_watches = capability(probe, KVM_CAP_GUEST_DEBUG_HW_WPS);
	features->hw_break = features->n_breaks > 0 && try_point(probe, &here, ARM_TRAP_BREAKPOINT);
	features->watch = features->n_watches > 0 && try_point(probe, &data, ARM_TRAP_WATCHPOINT);
	features->watch_before = true;
}

/* ---- The thread and its watchdog ---- */

static void *probe_thread(void *data)
{
	Probe *probe = data;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (make_vm(probe, &probe->error))
		try_all(probe);
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

static bool run_probe(Probe *probe, GError **error)
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

bool arch_probe(int kvm_fd, ArchFeatures *ret, GError **error)
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
	ok = run_probe(&probe, error);
	if (ok)
		*ret = probe.features;
	if (probe.vm_fd >= 0)
		close(probe.vm_fd);
	if (probe.ram != MAP_FAILED)
		munmap(probe.ram, MAX(RAM_SIZE, getpagesize()));
	g_cond_clear(&probe.cond);
	g_mutex_clear(&probe.lock);
	return ok;
}

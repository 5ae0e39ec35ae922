/*
 * kvm/vmm-ioctl.c - kvm_gdb_vcpu_ioctl(): what the VMM asks of its vCPUs itself, beside KVM_RUN.
 *
 * While no client is connected a request goes straight to KVM. The lock is not held across one of a
 * vCPU that is inside KVM_RUN, because KVM makes it wait until that returns.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "kvm/internal.h"
#include "kvm/states.h"

/* ---- Debugging by the VMM itself ---- */

static int set_guest_debug(KvmGdbVcpu *vcpu, const struct kvm_guest_debug *wanted)
{
	KvmGdb *gdb = vcpu->gdb;
	bool ours;
	int ret = 0;

	if (!wanted)
		return ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, NULL);
	engine_lock(gdb);
	ours = gdb->attached || gdb->world != WORLD_FREE;
	if (!ours) {
		/* A VMM does this before it runs the vCPU; no other thread is kept waiting. */
		ret = ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, wanted);
		if (ret == 0) {
			vcpu->vmm_debug = vcpu->applied.now = *wanted;
			vcpu->applied.is_vmms = true;
		}
	} else if (wanted->control & KVM_GUESTDBG_ENABLE) {
		engine_log(gdb, "gdb: a client is connected, so the VMM's own debugger is "
				"refused (KVM_SET_GUEST_DEBUG)");
		errno = EBUSY;
		ret = -1;
	} else {
		vcpu->vmm_debug = *wanted;
	}
	engine_unlock(gdb);
	return ret;
}

/* ---- The mask for KVM_RUN ---- */

#define KERNEL_SIGSET 8 /* bytes of the kernel's sigset_t, at the beginning of libc's */

static void keep_mask(KvmGdbVcpu *vcpu, const sigset_t *blocked)
{
	KvmGdb *gdb = vcpu->gdb;
	sigset_t watch;

	engine_lock(gdb);
	vcpu->has_mask = blocked != NULL;
	if (blocked) {
		vcpu->mask = *blocked;
		sigemptyset(&watch);
		for (int signo = 1; signo <= SIGRTMAX; signo++) {
			if (!sigismember(blocked, signo) && signo != gdb->kick_signal)
				sigaddset(&watch, signo);
		}
		/* Without a descriptor the VMM's kick is seen a little later: at the wake-up. */
		vcpu->mask_fd = signalfd(vcpu->mask_fd, &watch, SFD_CLOEXEC | SFD_NONBLOCK);
	} else if (vcpu->mask_fd >= 0) {
		close(vcpu->mask_fd);
		vcpu->mask_fd = -1;
	}
	engine_unlock(gdb);
}

static int set_signal_mask(KvmGdbVcpu *vcpu, const struct kvm_signal_mask *mask)
{
	struct {
		uint32_t len;
		uint8_t bits[KERNEL_SIGSET]; /* struct kvm_signal_mask with room */
	} copy = {KERNEL_SIGSET, {0}};
	sigset_t blocked;
	int ret;

	if (mask && mask->len != KERNEL_SIGSET)
		return ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, mask);
	sigemptyset(&blocked);
	if (mask) {
		memcpy(&blocked, mask->sigset, KERNEL_SIGSET);
		sigdelset(&blocked, vcpu->gdb->kick_signal);
		memcpy(copy.bits, &blocked, KERNEL_SIGSET);
	}
	ret = ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, mask ? (void *)&copy : NULL);
	if (ret == 0)
		keep_mask(vcpu, mask ? &blocked : NULL);
	return ret;
}

/* ---- All others ---- */

/* Brings what the debugger wrote to KVM, so that the VMM does not read or save something older. */
static void hand_over(KvmGdbVcpu *vcpu)
{
	g_autoptr(GError) error = NULL;
	KvmGdb *gdb = vcpu->gdb;

	engine_lock(gdb);
	if (get_state(vcpu) != VCPU_RUNNING) {
		vcpu->applied.stale |= arch_is_dirty(vcpu->arch);
		if (!arch_flush(vcpu->arch, &error))
			engine_log(gdb, "gdb: CPU %u: registers were not written: %s", vcpu->index,
				   error->message);
	}
	engine_unlock(gdb);
}

static void take_over(KvmGdbVcpu *vcpu)
{
	engine_lock(vcpu->gdb);
	if (get_state(vcpu) != VCPU_RUNNING) {
		arch_forget(vcpu->arch);
		vcpu->applied.stale = true;
		vcpu->run_state.name = NULL;
	}
	engine_unlock(vcpu->gdb);
}

static int other(KvmGdbVcpu *vcpu, unsigned long request, void *arg)
{
	bool attended = __atomic_load_n(&vcpu->attention, __ATOMIC_SEQ_CST);
	int ret, err;

	if (attended)
		hand_over(vcpu);
	ret = ioctl(vcpu->fd, request, arg);
	err = errno;
	if (attended && _IOC_DIR(request) & _IOC_WRITE)
		take_over(vcpu);
	if (attended && ret == 0 && vcpu->index == 0 && vcpu->tid && arch_is_reset(request, arg))
		kvm_gdb_notify(vcpu->gdb, vcpu, KVM_GDB_RESET);
	errno = err;
	return ret;
}

__attribute__((noinline)) static int not_run(KvmGdbVcpu *vcpu, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_SET_GUEST_DEBUG:
		return set_guest_debug(vcpu, arg);
	case KVM_SET_SIGNAL_MASK:
		return set_signal_mask(vcpu, arg);
	default:
		return other(vcpu, request, arg);
	}
}

__attribute__((hot)) int kvm_gdb_vcpu_ioctl(KvmGdbVcpu *vcpu, unsigned long request, void *arg)
{
	return request == KVM_RUN ? kvm_gdb_run(vcpu) : not_run(vcpu, request, arg);
}

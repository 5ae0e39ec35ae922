/*
 * x86/kvm/clock.c - the guest's clocks across a stop: kvmclock and the TSC.
 *
 * Both are held, or Linux' clocksource watchdog sees one run away from the other. kvmclock is the
 * VM's (KVM_SET_CLOCK); the TSC is moved by its offset, of all vCPUs by the same amount, so that
 * they stay in step and KVM keeps its master clock (vcpu.rst, KVM_VCPU_TSC_CTRL). Writing the MSR
 * instead would lose that. Where KVM has no such attribute (before 5.16) the TSC goes on, as
 * under QEMU. KVM_KVMCLOCK_CTRL tells the guest's lockup detectors to start again.
 */
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "x86/cpu/bits.h"
#include "x86/kvm/vcpu.h"

/* ArchClock.word of x86. */
enum { CLOCK_NS, CLOCK_TSC, CLOCK_OFFSET, CLOCK_HAS_TSC, CLOCK_DELTA };

static bool read_tsc(int fd, uint64_t *ret)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {.head.nmsrs = 1, .entry.index = X86_MSR_TSC};

	if (ioctl(fd, KVM_GET_MSRS, &msrs) != 1)
		return false;
	*ret = msrs.entry.data;
	return true;
}

static bool tsc_offset(int fd, unsigned long request, uint64_t *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};

	return ioctl(fd, request, &attr) == 0;
}

bool arch_clock_save(int vm_fd, ArchVcpu *vcpu, ArchClock *ret)
{
	struct kvm_clock_data now = {0};

	if (ioctl(vm_fd, KVM_GET_CLOCK, &now) < 0)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->word[CLOCK_NS] = now.clock;
	ret->word[CLOCK_HAS_TSC] =
		read_tsc(vcpu->fd, &ret->word[CLOCK_TSC]) &&
		tsc_offset(vcpu->fd, KVM_GET_DEVICE_ATTR, &ret->word[CLOCK_OFFSET]);
	return true;
}

/* How far the TSC went on; 0 also when somebody else has set it meanwhile. */
static uint64_t tsc_delta(const ArchClock *saved, const ArchClock *now)
{
	if (!saved->word[CLOCK_HAS_TSC] || !now->word[CLOCK_HAS_TSC] ||
	    saved->word[CLOCK_OFFSET] != now->word[CLOCK_OFFSET] ||
	    now->word[CLOCK_TSC] < saved->word[CLOCK_TSC])
		return 0;
	return now->word[CLOCK_TSC] - saved->word[CLOCK_TSC];
}

static void move_tsc(ArchVcpu *vcpu, uint64_t delta)
{
	uint64_t offset;

	if (!delta || !tsc_offset(vcpu->fd, KVM_GET_DEVICE_ATTR, &offset))
		return;
	offset -= delta;
	tsc_offset(vcpu->fd, KVM_SET_DEVICE_ATTR, &offset);
	/* The cached value is of before. */
	vcpu->valid &= ~(1u << X86_MSRS);
}

void arch_clock_restore(int vm_fd, ArchVcpu *vcpu, bool first, ArchClock *saved,
			uint64_t *ret_held_ns)
{
	struct kvm_clock_data clock = {.clock = saved->word[CLOCK_NS]};
	ArchClock now;

	if (first) {
		if (!arch_clock_save(vm_fd, vcpu, &now))
			return;
		saved->word[CLOCK_DELTA] = tsc_delta(saved, &now);
		if (now.word[CLOCK_NS] > saved->word[CLOCK_NS])
			*ret_held_ns = now.word[CLOCK_NS] - saved->word[CLOCK_NS];
		ioctl(vm_fd, KVM_SET_CLOCK, &clock);
	}
	move_tsc(vcpu, saved->word[CLOCK_DELTA]);
}

void arch_clock_excuse(ArchVcpu *vcpu)
{
	/* EINVAL: this guest does not use kvmclock. */
	ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, NULL);
}

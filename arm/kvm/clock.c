/*
 * arm/kvm/clock.c - the guest's counter across a stop.
 *
 * One register of any vCPU sets the virtual counter of the whole VM (KVM api.txt, 4.68: the
 * arm64 timer registers), so only the first vCPU's is written.
 */
#include <linux/kvm.h>

#include "arm/kvm/vcpu.h"

bool arch_clock_save(int vm_fd G_GNUC_UNUSED, ArchVcpu *vcpu, ArchClock *ret)
{
	return arm_get_one(vcpu, KVM_REG_ARM_TIMER_CNT, &ret->word[0], NULL);
}

void arch_clock_restore(int vm_fd G_GNUC_UNUSED, ArchVcpu *vcpu, bool first, ArchClock *saved,
			uint64_t *ret_held_ns G_GNUC_UNUSED)
{
	if (first)
		arm_set_one(vcpu, KVM_REG_ARM_TIMER_CNT, &saved->word[0], NULL);
}

void arch_clock_excuse(ArchVcpu *vcpu G_GNUC_UNUSED)
{
}

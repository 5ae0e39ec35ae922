/*
 * arm/kvm/reset.c - how a VMM's reset of the machine looks from KVM's side.
 */
#include "kvm/arch.h"

bool arch_is_reset(unsigned long request, const void *arg)
{
	/* KVM api.txt, KVM_ARM_VCPU_INIT: "resets it to its initial values" when called again. */
	return request == KVM_ARM_VCPU_INIT && arg;
}

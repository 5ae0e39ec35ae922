/*
 * arm/kvm/requests.c - what the engine asks KVM for on arm64. tests/test-layers.sh compares the
 * list with the code.
 */
#include <linux/kvm.h>

#include "kvm/arch.h"

#define REQUEST(name)                                                                              \
	{                                                                                          \
		name, #name                                                                        \
	}

const ArchRequest arch_requests[] = {
	/* the machine in which is tried what this KVM reports */
	REQUEST(KVM_CREATE_VM),
	REQUEST(KVM_CHECK_EXTENSION),
	REQUEST(KVM_GET_VCPU_MMAP_SIZE),
	REQUEST(KVM_SET_USER_MEMORY_REGION),
	REQUEST(KVM_CREATE_VCPU),
	REQUEST(KVM_ARM_PREFERRED_TARGET),
	REQUEST(KVM_ARM_VCPU_INIT),
	/* running */
	REQUEST(KVM_RUN),
	REQUEST(KVM_SET_GUEST_DEBUG),
	REQUEST(KVM_SET_SIGNAL_MASK),
	/* registers */
	REQUEST(KVM_GET_ONE_REG),
	REQUEST(KVM_SET_ONE_REG),
	REQUEST(KVM_GET_REG_LIST),
	REQUEST(KVM_GET_MP_STATE),
	{0},
};

const ArchRequest arch_syscalls[] = {
	{0},
};

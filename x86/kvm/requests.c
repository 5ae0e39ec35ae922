/*
 * x86/kvm/requests.c - what the engine asks KVM for on x86. tests/test-layers.sh compares the list
 * with the code.
 */
#include <linux/kvm.h>
#include <sys/syscall.h>

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
	REQUEST(KVM_SET_TSS_ADDR),
	REQUEST(KVM_SET_USER_MEMORY_REGION),
	REQUEST(KVM_CREATE_VCPU),
	/* running */
	REQUEST(KVM_RUN),
	REQUEST(KVM_SET_GUEST_DEBUG),
	REQUEST(KVM_SET_SIGNAL_MASK),
	/* registers */
	REQUEST(KVM_GET_REGS),
	REQUEST(KVM_SET_REGS),
	REQUEST(KVM_GET_SREGS),
	REQUEST(KVM_SET_SREGS),
	REQUEST(KVM_GET_SREGS2),
	REQUEST(KVM_SET_SREGS2),
	REQUEST(KVM_GET_XSAVE),
	REQUEST(KVM_GET_XSAVE2),
	REQUEST(KVM_SET_XSAVE),
	REQUEST(KVM_GET_XCRS),
	REQUEST(KVM_SET_XCRS),
	REQUEST(KVM_GET_DEBUGREGS),
	REQUEST(KVM_SET_DEBUGREGS),
	REQUEST(KVM_GET_MSRS),
	REQUEST(KVM_SET_MSRS),
	REQUEST(KVM_GET_VCPU_EVENTS),
	REQUEST(KVM_SET_VCPU_EVENTS),
	REQUEST(KVM_GET_CPUID2),
	REQUEST(KVM_GET_MP_STATE),
	REQUEST(KVM_SET_MP_STATE),
	REQUEST(KVM_GET_NESTED_STATE),
	/* clocks */
	REQUEST(KVM_GET_CLOCK),
	REQUEST(KVM_SET_CLOCK),
	REQUEST(KVM_KVMCLOCK_CTRL),
	REQUEST(KVM_GET_DEVICE_ATTR),
	REQUEST(KVM_SET_DEVICE_ATTR),
	/* the monitor */
	REQUEST(KVM_GET_LAPIC),
	REQUEST(KVM_GET_IRQCHIP),
	REQUEST(KVM_NMI),
	{0},
};

const ArchRequest arch_syscalls[] = {
	{SYS_poll, "poll"},
	{0},
};

/*
 * x86/kvm/nested.c - is a vCPU in a guest of its own guest? KVM api.txt, KVM_GET_NESTED_STATE.
 */
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "x86/cpu/bits.h"
#include "x86/kvm/vcpu.h"

/* The state of VMX is its header and two pages, that of SVM one page less. */
#define STATE_ROOM 16384

/*
 * A nested guest must have one of these bits as well, in the registers that the CPU has (SDM vol.
 * 3, VM entry checks on guest state; APM vol. 2, VMRUN), so that nothing is asked for a machine
 * that has no guests.
 */
static bool may_be_nested(ArchVcpu *vcpu)
{
	return x86_fetch(vcpu, X86_SREGS, NULL) &&
	       (vcpu->sregs.cr4 & X86_CR4_VMXE || vcpu->sregs.efer & X86_EFER_SVME);
}

/* KVM fills in nothing when the room is too small, so it gets room for all. */
static bool ask(ArchVcpu *vcpu)
{
	g_autofree struct kvm_nested_state *state = g_malloc0(STATE_ROOM);

	state->size = STATE_ROOM;
	return ioctl(vcpu->fd, KVM_GET_NESTED_STATE, state) == 0 &&
	       state->flags & KVM_STATE_NESTED_GUEST_MODE;
}

bool arch_in_nested_guest(ArchVcpu *vcpu)
{
	if (vcpu->nested == X86_NESTED_UNKNOWN)
		vcpu->nested = may_be_nested(vcpu) && ask(vcpu) ? X86_NESTED_YES : X86_NESTED_NO;
	return vcpu->nested == X86_NESTED_YES;
}

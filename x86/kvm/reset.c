/*
 * x86/kvm/reset.c - how a VMM's reset of the machine looks from KVM's side.
 */
#include "kvm/arch.h"

#define RESET_VECTOR 0xfff0 /* SDM volume 3, 10.1.4: the first instruction, below 4 GiB */

/* cs goes with another request; no running program has this rip with all of rsp and rbp zero. */
bool arch_is_reset(unsigned long request, const void *arg)
{
	const struct kvm_regs *regs = arg;

	return request == KVM_SET_REGS && regs && regs->rip == RESET_VECTOR && !regs->rsp &&
	       !regs->rbp;
}

/*
 * x86/kvm/own.c - see own.h.
 */
#include "x86/kvm/own.h"

#include <unistd.h>

#include "kvm/arch.h"

/* ---- TF ---- */

void x86_own_show_tf(ArchVcpu *vcpu)
{
	if (vcpu->own.is_hidden && vcpu->own.tf)
		vcpu->regs.rflags |= X86_RFLAGS_TF;
}

void x86_own_note_tf(ArchVcpu *vcpu)
{
	if (vcpu->own.is_hidden)
		vcpu->own.tf = vcpu->regs.rflags & X86_RFLAGS_TF;
}

void x86_own_set_tf(ArchVcpu *vcpu, bool tf)
{
	vcpu->own.tf = tf;
	if (!vcpu->own.is_hidden || !(vcpu->valid & 1u << X86_REGS))
		return;
	vcpu->regs.rflags &= ~X86_RFLAGS_TF;
	x86_own_show_tf(vcpu);
}

/* KVM_SET_GUEST_DEBUG that ends stepping writes the flags back as KVM shows them. */
bool arch_debug_applied(ArchVcpu *vcpu, bool stepping, GError **error)
{
	bool dropped = vcpu->own.is_hidden && vcpu->own.tf && !stepping;

	if (dropped && !x86_fetch(vcpu, X86_REGS, error))
		return false;
	vcpu->own.is_hidden = stepping;
	return !dropped || x86_store(vcpu, X86_REGS, error);
}

/* ---- Debug registers ---- */

static X86DebugRegs guests_regs(const ArchVcpu *vcpu)
{
	X86DebugRegs regs = {.dr7 = vcpu->debugregs.dr7};

	for (unsigned i = 0; i < X86_N_SLOTS; i++)
		regs.addr[i] = vcpu->debugregs.db[i];
	return regs;
}

static void add_guests(ArchVcpu *vcpu, struct kvm_guest_debug_arch *hw)
{
	X86DebugRegs guests = guests_regs(vcpu), all = {.dr7 = hw->debugreg[7]};

	for (unsigned i = 0; i < X86_N_SLOTS; i++)
		all.addr[i] = hw->debugreg[i];
	x86_slots_add_own(&all, &guests, &vcpu->own.slots);
	for (unsigned i = 0; i < X86_N_SLOTS; i++)
		hw->debugreg[i] = all.addr[i];
	hw->debugreg[7] = all.dr7;
}

/*
 * VMX looks at GD (handle_dr() in Linux arch/x86/kvm/vmx/vmx.c), SVM does not. What another one
 * would do with it is not tried: GD in the host's own DR7 would stop the host.
 */
bool x86_tells_own_points(void)
{
	return access("/sys/module/kvm_intel", F_OK) == 0;
}

unsigned arch_own_points(ArchVcpu *vcpu, struct kvm_guest_debug_arch *hw, bool tell)
{
	X86Own *own = &vcpu->own;

	own->ours = hw != NULL;
	own->slots = (X86OwnSlots){0};
	if (!hw || !x86_fetch(vcpu, X86_DEBUGREGS, NULL))
		return 0;
	add_guests(vcpu, hw);
	if (tell)
		hw->debugreg[7] |= X86_DR7_GD;
	return own->slots.n_left_out;
}

/*
 * A step that KVM ends itself, since it has emulated the instruction (an access to a debug
 * register), may be told again by the CPU when the next instruction is to run.
 */
static bool is_told_again(ArchVcpu *vcpu, const struct kvm_debug_exit_arch *exit)
{
	const X86Own *own = &vcpu->own;

	return !own->is_hidden && own->has_ended && own->ended == exit->pc &&
	       x86_fetch(vcpu, X86_REGS, NULL) && !(vcpu->regs.rflags & X86_RFLAGS_TF);
}

uint64_t x86_own_find_cause(ArchVcpu *vcpu, const struct kvm_debug_exit_arch *exit)
{
	X86Own *own = &vcpu->own;
	uint64_t dr6 = exit->dr6, cause = dr6 & X86_DR6_BT;

	if (dr6 & X86_DR6_BS && (!own->is_hidden || own->tf) && !is_told_again(vcpu, exit))
		cause |= X86_DR6_BS;
	own->has_ended = own->is_hidden && dr6 & X86_DR6_BS;
	own->ended = exit->pc;
	if (dr6 & (X86_DR6_HITS | X86_DR6_BD) && x86_fetch(vcpu, X86_DEBUGREGS, NULL)) {
		if (!own->ours)
			x86_slots_all_own(vcpu->debugregs.dr7, &own->slots);
		cause |= x86_own_hits(&own->slots, dr6);
		if (dr6 & X86_DR6_BD && vcpu->debugregs.dr7 & X86_DR7_GD)
			cause |= X86_DR6_BD;
	}
	own->cause = cause ? cause | (dr6 & X86_DR6_ONES) : 0;
	return cause;
}

/*
 * x86/step.c - what a single step needs beyond KVM_GUESTDBG_SINGLESTEP.
 *
 * KVM steps by setting RFLAGS.TF in the guest. Three things then differ from a run without a
 * debugger, and are put right here: pushf and entries into the kernel store that TF where the
 * guest finds it; syscall (with Linux' FMASK) and int n clear TF, so that no trap comes until the
 * kernel has returned; and a halted vCPU waits for an interrupt that the step itself blocks.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "kvm/arch.h"
#include "x86/insn.h"
#include "x86/vcpu.h"

#define RFLAGS_TF (1ull << 8)

#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_FMASK 0xc0000084

/* Where ArchStep.note keeps what arch_step_end() needs. */
enum { NOTE_KIND, NOTE_NEXT_RIP, NOTE_LANDING_RIP, NOTE_MAY_HALT };

uint32_t arch_step_control(const ArchFeatures *features, bool quiet)
{
	return quiet && features->block_irq ? KVM_GUESTDBG_BLOCKIRQ : 0;
}

/* HLT has been executed; its end is the next instruction, with or without an interrupt. */
static bool wake(ArchVcpu *vcpu, GError **error)
{
	struct kvm_mp_state state;

	if (vcpu->awake)
		return true;
	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &state) < 0 || state.mp_state != KVM_MP_STATE_HALTED)
		return true;
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	if (ioctl(vcpu->fd, KVM_SET_MP_STATE, &state) == 0)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_SET_MP_STATE of a halted CPU: %s",
		    g_strerror(errno));
	return false;
}

static uint64_t read_msr(ArchVcpu *vcpu, uint32_t index)
{
	for (unsigned i = 0; i < X86_N_MSRS; i++)
		if (x86_msr_index[i] == index && vcpu->msrs[i].present)
			return vcpu->msrs[i].value;
	return 0;
}

static uint64_t syscall_landing(ArchVcpu *vcpu)
{
	if (!x86_fetch(vcpu, X86_MSRS, NULL) || !(read_msr(vcpu, MSR_FMASK) & RFLAGS_TF))
		return 0;
	return read_msr(vcpu, vcpu->sregs.cs.l ? MSR_LSTAR : MSR_CSTAR);
}

static uint64_t gate_landing(ArchVcpu *vcpu, uint8_t vector, const ArchMemory *mem)
{
	uint8_t gate[16];
	uint64_t target;

	if (vector * sizeof(gate) + sizeof(gate) - 1 > vcpu->sregs.idt.limit ||
	    mem->read(mem->opaque, vcpu->sregs.idt.base + vector * sizeof(gate), gate,
		      sizeof(gate)) != sizeof(gate) ||
	    !x86_gate_target(gate, &target))
		return 0;
	return target;
}

/* Where the instruction continues with TF cleared; 0: nowhere, or not known (not long mode). */
static uint64_t find_landing(ArchVcpu *vcpu, const X86Insn *insn, const ArchMemory *mem)
{
	if (!x86_fetch(vcpu, X86_SREGS, NULL) || !x86_long_mode(vcpu))
		return 0;
	switch (insn->kind) {
	case X86_INSN_SYSCALL:
		return syscall_landing(vcpu);
	case X86_INSN_INT:
	case X86_INSN_INT3:
	case X86_INSN_ICEBP:
		return gate_landing(vcpu, insn->vector, mem);
	case X86_INSN_PUSHF:
	case X86_INSN_HLT:
	case X86_INSN_OTHER:
		break;
	}
	return 0;
}

bool arch_ends_range(ArchVcpu *vcpu G_GNUC_UNUSED, const ArchMemory *mem G_GNUC_UNUSED)
{
	return false;
}

bool arch_step_begin(ArchVcpu *vcpu, bool quiet, const ArchMemory *mem, ArchStep *ret,
		     GError **error)
{
	uint8_t bytes[X86_INSN_MAX];
	X86Insn insn;
	uint64_t pc;
	size_t len;

	(void)quiet;
	*ret = (ArchStep){0};
	if (!arch_get_pc(vcpu, &pc, error) || !wake(vcpu, error))
		return false;
	x86_ask_for_regs(vcpu);
	len = mem->read(mem->opaque, pc, bytes, sizeof(bytes));
	insn = x86_insn_decode(bytes, len);
	ret->note[NOTE_MAY_HALT] = !len || insn.kind == X86_INSN_HLT;
	if (insn.kind == X86_INSN_OTHER || !x86_fetch(vcpu, X86_REGS, NULL))
		return true;
	ret->landing = find_landing(vcpu, &insn, mem);
	/* With a TF of the guest's own, what is stored is what it expects. */
	if (vcpu->regs.rflags & RFLAGS_TF)
		return true;
	ret->note[NOTE_KIND] = insn.kind;
	ret->note[NOTE_NEXT_RIP] = vcpu->regs.rip + insn.length;
	ret->note[NOTE_LANDING_RIP] = ret->landing;
	return true;
}

/* Clear TF in the flags that lie @offset bytes above the stack pointer. */
static void clear_stored_tf(ArchVcpu *vcpu, const ArchMemory *mem, uint64_t offset)
{
	const struct kvm_segment *ss = &vcpu->sregs.ss;
	uint64_t at = vcpu->regs.rsp + offset;
	uint8_t byte;

	if (!vcpu->sregs.cs.l)
		at = (uint32_t)(ss->base + (ss->db ? (uint32_t)at : (uint16_t)at));
	at += 1; /* TF is bit 8 */
	if (mem->read(mem->opaque, at, &byte, 1) != 1 || !(byte & RFLAGS_TF >> 8))
		return;
	byte &= ~(RFLAGS_TF >> 8);
	mem->write(mem->opaque, at, &byte, 1);
}

void arch_step_end(ArchVcpu *vcpu, const ArchMemory *mem, const ArchStep *step)
{
	X86InsnKind kind = step->note[NOTE_KIND];
	bool is_next, is_landed;

	if (step->note[NOTE_MAY_HALT])
		vcpu->awake = false;
	if (kind == X86_INSN_OTHER || !x86_fetch(vcpu, X86_REGS, NULL) ||
	    !x86_fetch(vcpu, X86_SREGS, NULL))
		return;
	is_next = vcpu->regs.rip == step->note[NOTE_NEXT_RIP];
	is_landed = step->note[NOTE_LANDING_RIP] && vcpu->regs.rip == step->note[NOTE_LANDING_RIP];
	if (kind == X86_INSN_PUSHF && is_next) {
		clear_stored_tf(vcpu, mem, 0);
	} else if (kind == X86_INSN_SYSCALL && (is_next || is_landed)) {
		vcpu->regs.r11 &= ~RFLAGS_TF;
		x86_mark_dirty(vcpu, X86_REGS);
	} else if (is_landed) {
		clear_stored_tf(vcpu, mem, 16); /* above rip and cs */
	}
}

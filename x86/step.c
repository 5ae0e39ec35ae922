/*
 * x86/step.c - what a single step needs beyond KVM_GUESTDBG_SINGLESTEP.
 *
 * KVM steps by setting RFLAGS.TF in the guest. Four things then differ from a run without a
 * debugger, and are put right here: pushf and entries into the kernel store that TF where the
 * guest finds it; syscall (with Linux' FMASK) and int n clear TF, so that no trap comes until the
 * kernel has returned; so does a fault, whose handler may not come to its end before the step is
 * given up, and would then return to an instruction that traps; and a halted vCPU waits for an
 * interrupt that the step itself blocks.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "kvm/arch.h"
#include "x86/insn.h"
#include "x86/vcpu.h"

#define RFLAGS_TF (1ull << 8)
#define RFLAGS_RF (1ull << 16)

#define VECTOR_DB 1
#define DR6_BS (1u << 14)

/* How far up a handler's stack the frame of the exception is looked for: more than a kernel's. */
#define STACK_MAX 32768

#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_FMASK 0xc0000084

/* Where ArchStep.note keeps what arch_step_end() needs. */
enum {
	NOTE_KIND,
	NOTE_NEXT_RIP,
	NOTE_LANDING_RIP,
	NOTE_MAY_HALT,
	NOTE_RIP, /* what an exception saves; all 0 when the TF that it saves is the guest's own */
	NOTE_CS,
	NOTE_FLAGS,
	NOTE_RSP,
	NOTE_SS,
};

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
	if (insn->kind == X86_INSN_OTHER || !x86_long_mode(vcpu))
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

/* With valid X86_REGS and X86_SREGS. */
static void take_notes(const ArchVcpu *vcpu, const X86Insn *insn, ArchStep *ret)
{
	ret->note[NOTE_KIND] = insn->kind;
	if (insn->kind != X86_INSN_OTHER)
		ret->note[NOTE_NEXT_RIP] = vcpu->regs.rip + insn->length;
	ret->note[NOTE_LANDING_RIP] = ret->landing;
	ret->note[NOTE_RIP] = vcpu->regs.rip;
	ret->note[NOTE_CS] = vcpu->sregs.cs.selector;
	ret->note[NOTE_FLAGS] = vcpu->regs.rflags & ~RFLAGS_RF;
	ret->note[NOTE_RSP] = vcpu->regs.rsp;
	ret->note[NOTE_SS] = vcpu->sregs.ss.selector;
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
	ret->landing = find_landing(vcpu, &insn, mem);
	/* With a TF of the guest's own, what is stored is what it expects. */
	if (!(vcpu->regs.rflags & RFLAGS_TF))
		take_notes(vcpu, &insn, ret);
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

/* Did the run end because the instruction was completed? */
static bool is_complete(const struct kvm_run *run)
{
	const struct kvm_debug_exit_arch *exit = &run->debug.arch;

	return run->exit_reason == KVM_EXIT_DEBUG && exit->exception == VECTOR_DB &&
	       (exit->dr6 & DR6_BS);
}

/* rip, cs, flags, rsp, ss: were they saved for an exception in the instruction that is stepped? */
static bool is_its_frame(const uint64_t *frame, const ArchStep *step)
{
	const uint64_t *note = step->note;

	return (frame[0] == note[NOTE_RIP] ||
		(note[NOTE_NEXT_RIP] && frame[0] == note[NOTE_NEXT_RIP])) &&
	       (uint16_t)frame[1] == note[NOTE_CS] &&
	       (frame[2] & ~RFLAGS_RF) == (note[NOTE_FLAGS] | RFLAGS_TF) &&
	       frame[3] == note[NOTE_RSP] && (uint16_t)frame[4] == note[NOTE_SS];
}

/*
 * The step is given up inside a handler, maybe deep in functions that it calls: the frame that it
 * will return by is further up its stack. Outside long mode a frame has another shape, and its TF
 * stays.
 */
static void clear_tf_in_frame(ArchVcpu *vcpu, const ArchMemory *mem, const ArchStep *step)
{
	uint64_t at = (vcpu->regs.rsp + 7) & ~7ull;
	g_autofree uint64_t *words = NULL;
	size_t n;

	if (!vcpu->sregs.cs.l || vcpu->regs.rip - step->note[NOTE_RIP] <= X86_INSN_MAX)
		return;
	words = g_malloc(STACK_MAX);
	n = mem->read(mem->opaque, at, words, STACK_MAX) / sizeof(*words);
	for (size_t i = 0; i + 5 <= n; i++) {
		if (!is_its_frame(&words[i], step))
			continue;
		words[i + 2] &= ~RFLAGS_TF;
		mem->write(mem->opaque, at + 8 * (i + 2), &words[i + 2], 8);
		return;
	}
}

/* No code here fails because somebody steps in it. */
bool arch_step_begin_through(ArchVcpu *vcpu G_GNUC_UNUSED, bool at_end G_GNUC_UNUSED,
			     const ArchMemory *mem G_GNUC_UNUSED, ArchStep *ret G_GNUC_UNUSED)
{
	return false;
}

void arch_step_end(ArchVcpu *vcpu, const ArchMemory *mem, const ArchStep *step)
{
	X86InsnKind kind = step->note[NOTE_KIND];
	bool is_next, is_landed;

	if (step->note[NOTE_MAY_HALT])
		vcpu->awake = false;
	if ((kind == X86_INSN_OTHER && is_complete(vcpu->run)) || !step->note[NOTE_FLAGS] ||
	    !x86_fetch(vcpu, X86_REGS, NULL) || !x86_fetch(vcpu, X86_SREGS, NULL))
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
	} else if (!is_complete(vcpu->run)) {
		clear_tf_in_frame(vcpu, mem, step);
	}
}

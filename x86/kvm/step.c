/*
 * x86/kvm/step.c - what a single step needs beyond KVM_GUESTDBG_SINGLESTEP.
 *
 * KVM steps by setting RFLAGS.TF in the guest. Four things then differ from a run without a
 * debugger, and are put right here: pushf and entries into the kernel store that TF where the
 * guest finds it; syscall (with Linux' FMASK), int n and every fault clear TF, so that no trap
 * comes until the handler has returned, if it ever does; KVM hides the guest's own TF and drops it
 * at the end; and a halted vCPU waits for an interrupt that the step itself blocks.
 *
 * So a step ends at the handler, by hardware points at the gates that the instruction may go
 * through. There the frame is on top of the stack, and the TF in it is taken out. Where no slot was
 * free for that gate, the frame is looked for up the stack when the step is given up.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/arch.h"
#include "x86/cpu/bits.h"
#include "x86/cpu/exception.h"
#include "x86/cpu/insn.h"
#include "x86/cpu/segment.h"
#include "x86/kvm/own.h"

/* How far up a handler's stack the frame of the exception is looked for: more than a kernel's. */
#define STACK_MAX 32768

/* What arch_step_end() needs: lies in ArchStep.note. */
typedef struct Notes {
	X86InsnKind kind;
	bool may_halt;
	bool own_tf;   /* the guest steps by itself, so what is stored is what it expects */
	bool tf_after; /* does it, when the instruction is complete? */
	uint8_t cpl;
	X86Saved saved;
	uint64_t syscall_ip; /* where a syscall leads; 0: it is none */
} Notes;
G_STATIC_ASSERT(sizeof(Notes) <= sizeof(((ArchStep *)0)->note));

uint32_t arch_step_control(const ArchFeatures *features, bool quiet)
{
	return quiet && features->block_irq ? KVM_GUESTDBG_BLOCKIRQ : 0;
}

/* HLT has been executed; its end is the next instruction, with or without an interrupt. */
static bool wake(ArchVcpu *vcpu, GError **error)
{
	struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_RUNNABLE};
	uint32_t now;

	if (vcpu->awake || !x86_get_mp_state(vcpu, &now) || now != KVM_MP_STATE_HALTED)
		return true;
	if (ioctl(vcpu->fd, KVM_SET_MP_STATE, &state) == 0)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_SET_MP_STATE of a halted CPU: %s",
		    g_strerror(errno));
	return false;
}

/* ---- Where the instruction may lead with TF cleared ---- */

static X86Idt idt_of(const ArchVcpu *vcpu)
{
	if (!(vcpu->sregs.cr0 & X86_CR0_PE))
		return X86_IDT_REAL;
	return x86_long_mode(vcpu) ? X86_IDT_LONG : X86_IDT_PROTECTED;
}

/* The base of the code segment that a 32-bit gate names. */
static bool code_base(ArchVcpu *vcpu, uint16_t selector, const ArchMemory *mem, uint32_t *ret)
{
	uint64_t table =
		x86_selector_is_local(selector) ? vcpu->sregs.ldt.base : vcpu->sregs.gdt.base;
	uint8_t desc[8];

	if (mem->read(mem->opaque, table + x86_selector_offset(selector), desc, sizeof(desc)) !=
	    sizeof(desc))
		return false;
	*ret = x86_segment_decode(desc, false).base;
	return true;
}

/* Not where the instruction is itself: there it would be hit before it. */
static void add_landing(ArchVcpu *vcpu, ArchStep *step, uint64_t addr)
{
	uint64_t pc;

	if (arch_get_pc(vcpu, &pc, NULL) && addr == pc)
		return;
	for (unsigned i = 0; i < step->n_landings; i++)
		if (step->landings[i] == addr)
			return;
	if (step->n_landings < ARCH_LANDINGS_MAX)
		step->landings[step->n_landings++] = addr;
}

static void add_entry(ArchVcpu *vcpu, const uint8_t *entry, const ArchMemory *mem, ArchStep *step)
{
	X86Idt idt = idt_of(vcpu);
	uint32_t base = 0;
	X86Gate gate;

	if (!x86_gate_decode(idt, entry, &gate))
		return;
	if (idt == X86_IDT_REAL)
		base = gate.selector << 4;
	else if (idt == X86_IDT_PROTECTED && !code_base(vcpu, gate.selector, mem, &base))
		return;
	add_landing(vcpu, step, idt == X86_IDT_LONG ? gate.offset : (uint32_t)(gate.offset + base));
}

static void add_vector(ArchVcpu *vcpu, uint8_t vector, const ArchMemory *mem, ArchStep *step)
{
	size_t size = x86_gate_size(idt_of(vcpu));
	uint8_t entry[X86_GATE_MAX];

	if (vector * size + size - 1 <= vcpu->sregs.idt.limit &&
	    mem->read(mem->opaque, vcpu->sregs.idt.base + vector * size, entry, size) == size)
		add_entry(vcpu, entry, mem, step);
}

/* One read for all of them: each step does this. */
static void add_faults(ArchVcpu *vcpu, const uint8_t *insn, size_t len, const ArchMemory *mem,
		       ArchStep *step)
{
	uint8_t table[(X86_VECTOR_PF + 1) * X86_GATE_MAX], likely[X86_N_LIKELY];
	size_t size = x86_gate_size(idt_of(vcpu));
	size_t n = MIN((X86_VECTOR_PF + 1) * size, vcpu->sregs.idt.limit + (size_t)1);

	n = mem->read(mem->opaque, vcpu->sregs.idt.base, table, n);
	x86_fault_vectors(insn, len, likely);
	for (unsigned i = 0; i < X86_N_LIKELY; i++) {
		if ((likely[i] == X86_VECTOR_PF && !(vcpu->sregs.cr0 & X86_CR0_PG)) ||
		    (likely[i] + 1) * size > n)
			continue;
		add_entry(vcpu, table + likely[i] * size, mem, step);
	}
}

/* *@ret_clears: it turns TF off. 0: not known. */
static uint64_t syscall_target(ArchVcpu *vcpu, bool *ret_clears)
{
	*ret_clears = false;
	if (!x86_long_mode(vcpu) || !x86_fetch(vcpu, X86_MSRS, NULL))
		return 0;
	*ret_clears = x86_msr_value(vcpu, X86_MSR_FMASK) & X86_RFLAGS_TF;
	return x86_msr_value(vcpu, vcpu->sregs.cs.l ? X86_MSR_LSTAR : X86_MSR_CSTAR);
}

/* What the instruction itself enters comes before what may go wrong with it. */
static void find_landings(ArchVcpu *vcpu, const X86Insn *insn, const ArchMemory *mem, Notes *notes,
			  ArchStep *step)
{
	bool clears;

	if (vcpu->own.cause)
		add_vector(vcpu, X86_VECTOR_DB, mem, step);
	switch (insn->kind) {
	case X86_INSN_SYSCALL:
		notes->syscall_ip = syscall_target(vcpu, &clears);
		if (clears && notes->syscall_ip)
			add_landing(vcpu, step, notes->syscall_ip);
		notes->tf_after &= !clears;
		break;
	case X86_INSN_INT:
	case X86_INSN_INT3:
	case X86_INSN_ICEBP:
		add_vector(vcpu, insn->vector, mem, step);
		break;
	default:
		break;
	}
}

bool arch_ends_range(ArchVcpu *vcpu G_GNUC_UNUSED, const ArchMemory *mem G_GNUC_UNUSED)
{
	return false;
}

/* ---- The stack ---- */

static bool is_code64(const ArchVcpu *vcpu)
{
	return x86_long_mode(vcpu) && vcpu->sregs.cs.l;
}

/* The linear address of what is @offset bytes above the stack pointer. */
static uint64_t stack_address(const ArchVcpu *vcpu, uint64_t offset)
{
	const struct kvm_segment *ss = &vcpu->sregs.ss;
	uint64_t at = vcpu->regs.rsp + offset;

	if (is_code64(vcpu))
		return at;
	return (uint32_t)(ss->base + (ss->db ? (uint32_t)at : (uint16_t)at));
}

/* TF in flags that lie @offset bytes above the stack pointer: it is bit 8. */
static bool read_tf(const ArchVcpu *vcpu, const ArchMemory *mem, uint64_t offset)
{
	uint8_t byte;

	return mem->read(mem->opaque, stack_address(vcpu, offset + 1), &byte, 1) == 1 &&
	       byte & X86_RFLAGS_TF >> 8;
}

static void clear_tf(const ArchMemory *mem, uint64_t at)
{
	uint8_t byte;

	if (mem->read(mem->opaque, at, &byte, 1) != 1 || !(byte & X86_FRAME_TF))
		return;
	byte &= ~X86_FRAME_TF;
	mem->write(mem->opaque, at, &byte, 1);
}

/* How many bytes each word has that iret takes from the stack. */
static unsigned iret_word(const ArchVcpu *vcpu, const X86Insn *insn)
{
	bool wide = is_code64(vcpu) || vcpu->sregs.cs.db;

	if (insn->rex_w)
		return 8;
	return wide != insn->size_prefix ? 4 : 2;
}

/* Which TF of its own does the guest have after the instruction? */
static bool tf_after(const ArchVcpu *vcpu, const X86Insn *insn, const ArchMemory *mem)
{
	switch (insn->kind) {
	case X86_INSN_POPF:
		return read_tf(vcpu, mem, 0);
	case X86_INSN_IRET:
		return read_tf(vcpu, mem, 2 * iret_word(vcpu, insn));
	case X86_INSN_SYSRET:
		return vcpu->regs.r11 & X86_RFLAGS_TF;
	default:
		return vcpu->regs.rflags & X86_RFLAGS_TF;
	}
}

/* ---- Begin ---- */

static X86Insn decode(const ArchVcpu *vcpu, const uint8_t *bytes, size_t len)
{
	X86Insn insn = x86_insn_decode(bytes, len);

	if (insn.rex && !is_code64(vcpu))
		return (X86Insn){0};
	return insn;
}

/* With valid X86_REGS and X86_SREGS. */
static Notes take_notes(const ArchVcpu *vcpu, const X86Insn *insn, const ArchMemory *mem)
{
	const struct kvm_regs *regs = &vcpu->regs;

	return (Notes){
		.kind = insn->kind,
		.own_tf = regs->rflags & X86_RFLAGS_TF,
		.tf_after = tf_after(vcpu, insn, mem),
		.cpl = vcpu->sregs.ss.dpl,
		.saved = {.ip = regs->rip,
			  .next_ip = regs->rip + insn->length,
			  .flags = regs->rflags,
			  .sp = regs->rsp,
			  .cs = vcpu->sregs.cs.selector,
			  .ss = vcpu->sregs.ss.selector},
	};
}

bool arch_step_begin(ArchVcpu *vcpu, bool quiet, const ArchMemory *mem, ArchStep *ret,
		     GError **error)
{
	uint8_t bytes[X86_INSN_MAX];
	X86Insn insn;
	Notes notes;
	uint64_t pc;
	size_t len;

	(void)quiet;
	*ret = (ArchStep){0};
	if (!wake(vcpu, error) || !arch_get_pc(vcpu, &pc, error))
		return false;
	x86_ask_for_regs(vcpu);
	len = mem->read(mem->opaque, pc, bytes, sizeof(bytes));
	insn = decode(vcpu, bytes, len);
	notes = take_notes(vcpu, &insn, mem);
	notes.may_halt = !len || insn.kind == X86_INSN_HLT;
	find_landings(vcpu, &insn, mem, &notes, ret);
	add_faults(vcpu, bytes, len, mem, ret);
	x86_own_set_tf(vcpu, notes.own_tf);
	memcpy(ret->note, &notes, sizeof(notes));
	return true;
}

/* ---- End ---- */

/* Did the run end because the instruction was completed? */
static bool is_complete(const struct kvm_run *run)
{
	const struct kvm_debug_exit_arch *exit = &run->debug.arch;

	return run->exit_reason == KVM_EXIT_DEBUG && exit->exception == X86_VECTOR_DB &&
	       (exit->dr6 & X86_DR6_BS);
}

static bool is_at_landing(ArchVcpu *vcpu, const ArchStep *step)
{
	uint64_t pc;

	if (!arch_get_pc(vcpu, &pc, NULL))
		return false;
	for (unsigned i = 0; i < step->n_landings; i++)
		if (step->landings[i] == pc)
			return true;
	return false;
}

/*
 * A run that did not complete the instruction: has it left for a handler? Else it is where it was,
 * or behind the instruction. A handler may be near, too: then only its landing tells.
 */
static bool has_left(ArchVcpu *vcpu, const ArchStep *step, const Notes *notes)
{
	return vcpu->sregs.cs.selector != notes->saved.cs ||
	       vcpu->regs.rip - notes->saved.ip > X86_INSN_MAX || is_at_landing(vcpu, step);
}

/* The same when nothing else tells; a frame of the instruction's must show it. */
static bool may_have_left(const ArchVcpu *vcpu, const Notes *notes)
{
	return vcpu->regs.rip != notes->saved.ip && vcpu->regs.rip != notes->saved.next_ip;
}

/* Words of frames in the guest's mode: @n-th choice, 0 when there are no more. */
static unsigned frame_word(const ArchVcpu *vcpu, unsigned n)
{
	static const uint8_t words[][3] = {
		[X86_IDT_REAL] = {2}, [X86_IDT_PROTECTED] = {4, 2}, [X86_IDT_LONG] = {8}};

	return words[idt_of(vcpu)][n];
}

/* Does a frame on this stack have the old stack pointer in it? */
static bool has_stack(const ArchVcpu *vcpu, const Notes *notes)
{
	return x86_long_mode(vcpu) || vcpu->sregs.ss.dpl != notes->cpl ||
	       notes->saved.flags & X86_RFLAGS_VM;
}

/*
 * The frame that the handler will return by: on top of its stack when a landing ended the step;
 * else the handler may be deep in functions that it calls, and the frame is further up.
 */
static void clear_tf_in_frame(ArchVcpu *vcpu, const ArchMemory *mem, const Notes *notes)
{
	uint64_t top = stack_address(vcpu, 0);
	g_autofree uint8_t *stack = NULL;
	bool wide = has_stack(vcpu, notes);
	size_t n, at = 0;

	stack = g_malloc(STACK_MAX);
	n = mem->read(mem->opaque, top, stack, 64);
	for (unsigned i = 0; !at && frame_word(vcpu, i); i++)
		at = x86_frame_find(stack, n, frame_word(vcpu, i), wide, &notes->saved);
	if (!at)
		n = mem->read(mem->opaque, top, stack, STACK_MAX);
	for (unsigned i = 0; !at && frame_word(vcpu, i); i++)
		at = x86_frame_search(stack, n, frame_word(vcpu, i), wide, &notes->saved);
	if (at)
		clear_tf(mem, top + at);
}

/* Take the TF that is ours out of where the instruction has stored it. */
static void clean(ArchVcpu *vcpu, const ArchMemory *mem, const ArchStep *step, const Notes *notes)
{
	bool is_next = vcpu->regs.rip == notes->saved.next_ip;

	if (notes->kind == X86_INSN_PUSHF && is_next) {
		clear_tf(mem, stack_address(vcpu, 1));
	} else if (notes->kind == X86_INSN_SYSCALL &&
		   (is_next || vcpu->regs.rip == notes->syscall_ip)) {
		vcpu->regs.r11 &= ~X86_RFLAGS_TF;
		x86_mark_dirty(vcpu, X86_REGS);
	} else if (!is_complete(vcpu->run) &&
		   (has_left(vcpu, step, notes) || may_have_left(vcpu, notes))) {
		clear_tf_in_frame(vcpu, mem, notes);
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
	bool complete = is_complete(vcpu->run);
	Notes notes;

	memcpy(&notes, step->note, sizeof(notes));
	if (notes.may_halt)
		vcpu->awake = false;
	if (complete)
		x86_own_set_tf(vcpu, notes.tf_after);
	if ((complete && notes.kind == X86_INSN_OTHER) || !x86_fetch(vcpu, X86_REGS, NULL) ||
	    !x86_fetch(vcpu, X86_SREGS, NULL))
		return;
	if (!notes.own_tf)
		clean(vcpu, mem, step, &notes);
	else if (!complete && has_left(vcpu, step, &notes))
		x86_own_set_tf(vcpu, false); /* every entry clears it */
}

/*
 * x86/kvm/debug.c - the debug half of kvm/arch.h: traps, who caused them, and giving them back.
 *
 * KVM api.txt 4.87 KVM_SET_GUEST_DEBUG, 4.31 KVM_GET_VCPU_EVENTS; SDM vol. 3, chapter 17.
 */
#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/arch.h"
#include "x86/cpu/bits.h"
#include "x86/cpu/debugreg.h"
#include "x86/cpu/insn.h"
#include "x86/kvm/own.h"

#define HYGON_EBX 0x6f677948 /* "Hygo" */
#define PAGE_SIZE 4096

static const uint8_t int3[] = {0xcc};

const uint8_t *arch_trap_insn(size_t *ret_len)
{
	*ret_len = sizeof(int3);
	return int3;
}

bool arch_is_trap(ArchVcpu *vcpu G_GNUC_UNUSED, const uint8_t *insn, size_t len)
{
	return x86_insn_is_trap(insn, len);
}

bool arch_check_sw_break(uint64_t addr, uint64_t kind, GError **error)
{
	/* gdb says 1, the length of int3; other clients say the length of the instruction there. */
	if (kind <= X86_INSN_MAX)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "breakpoint kind %" G_GUINT64_FORMAT " at 0x%" G_GINT64_MODIFIER
		    "x: expected 1, or the length of an instruction",
		    kind, addr);
	return false;
}

bool arch_can_patch(ArchVcpu *vcpu G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED)
{
	return true;
}

void arch_sync_code(void *host, size_t len)
{
	/* Instruction caches are coherent, and entering the guest serialises. */
	(void)host;
	(void)len;
}

bool arch_encode_hw(const ArchFeatures *features G_GNUC_UNUSED, const GdbBreak *points, unsigned n,
		    struct kvm_guest_debug_arch *ret, GError **error)
{
	X86Slots slots;

	if (!x86_slots_encode(points, n, &slots, error))
		return false;
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < X86_N_SLOTS; i++)
		ret->debugreg[i] = slots.addr[i];
	ret->debugreg[7] = slots.dr7;
	return true;
}

ArchTrap arch_decode_trap(ArchVcpu *vcpu, const struct kvm_run *run, const GdbBreak *points,
			  unsigned n)
{
	const struct kvm_debug_exit_arch *exit = &run->debug.arch;
	ArchTrap trap = {.point = -1};
	X86Slots slots = {0};
	X86Cause cause;

	/* Whoever gets here executes instructions. */
	vcpu->awake = true;
	/* DR6 and DR7 in the exit are leftovers of an earlier one when this is a #BP. */
	if (exit->exception == X86_VECTOR_BP)
		trap.insn = true;
	vcpu->own.cause = 0;
	if (exit->exception != X86_VECTOR_DB)
		return trap;
	/* The exit's DR7 is 0 with some backends; the points tell the same. */
	x86_slots_encode(points, n, &slots, NULL);
	cause = x86_slots_decode(&slots, points, exit->dr6);
	trap.own = x86_own_find_cause(vcpu, exit);
	trap.step = cause.step;
	trap.point = cause.point;
	trap.addr = cause.addr;
	trap.n_also = cause.n_also;
	for (unsigned i = 0; i < cause.n_also; i++)
		trap.also[i] = (ArchWatch){cause.also[i].point, cause.also[i].addr};
	return trap;
}

uint32_t arch_sw_control(void)
{
	return KVM_GUESTDBG_USE_SW_BP;
}

uint32_t arch_hw_control(void)
{
	return KVM_GUESTDBG_USE_HW_BP;
}

bool arch_pass_break(const ArchFeatures *features, ArchVcpu *vcpu)
{
	if (!features->pass_break || !x86_fetch(vcpu, X86_REGS, NULL))
		return false;
	vcpu->regs.rflags |= X86_RFLAGS_RF;
	x86_mark_dirty(vcpu, X86_REGS);
	return true;
}

/* The CPU clears RF with the instruction that it was set for (SDM vol. 3, 17.3.1.1). */
bool arch_is_passing(ArchVcpu *vcpu)
{
	return x86_fetch(vcpu, X86_REGS, NULL) && vcpu->regs.rflags & X86_RFLAGS_RF;
}

void arch_hit_again(ArchVcpu *vcpu)
{
	if (!arch_is_passing(vcpu))
		return;
	vcpu->regs.rflags &= ~X86_RFLAGS_RF;
	x86_mark_dirty(vcpu, X86_REGS);
}

/*
 * Nothing may be due at the end of the instruction but the next one: no trap of the guest's own
 * TF, no interrupt that an sti or a load of ss has put off until then. Under CET's branch tracking
 * endbr64 has a meaning. It must not reach into another page, which may not be executable.
 */
bool arch_skip_insn(ArchVcpu *vcpu, const uint8_t *insn, size_t len)
{
	const struct kvm_vcpu_events *events = &vcpu->events;
	size_t n = x86_insn_idle_length(insn, len);

	if (!n || !x86_fetch(vcpu, X86_REGS, NULL) || !x86_fetch(vcpu, X86_SREGS, NULL) ||
	    !x86_fetch(vcpu, X86_EVENTS, NULL))
		return false;
	if (!x86_long_mode(vcpu) || !vcpu->sregs.cs.l || vcpu->sregs.cr4 & X86_CR4_CET ||
	    vcpu->regs.rflags & X86_RFLAGS_TF || events->interrupt.shadow ||
	    events->exception.pending || events->exception.injected ||
	    vcpu->regs.rip % PAGE_SIZE + n > PAGE_SIZE)
		return false;
	vcpu->regs.rip += n;
	vcpu->regs.rflags &= ~X86_RFLAGS_RF;
	x86_mark_dirty(vcpu, X86_REGS);
	return true;
}

/* ---- Giving a trap to the guest ---- */

/*
 * Make the exception part of the vCPU's next entry. "injected", not "pending": pending ones need a
 * capability of the VM, and are dropped by KVM_SET_REGS. KVM moves rip over an int3 by itself: VMX
 * kept the instruction's length at the exit, SVM decodes it.
 */
static bool inject(ArchVcpu *vcpu, uint8_t vector, GError **error)
{
	struct kvm_vcpu_events events;

	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events) < 0) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_GET_VCPU_EVENTS: %s",
			    g_strerror(errno));
		return false;
	}
	if (events.exception.injected || events.exception.pending) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY,
			    "exception %u is on its way to the guest: cannot inject exception %u",
			    events.exception.nr, vector);
		return false;
	}
	memset(&events.exception, 0, sizeof(events.exception));
	events.exception.injected = 1;
	events.exception.nr = vector;
	/* No flag: leave NMIs, the interrupt shadow and SMM alone, they may change meanwhile. */
	events.flags = 0;
	if (ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events) < 0) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO,
			    "KVM_SET_VCPU_EVENTS refused exception %u: %s", vector,
			    g_strerror(errno));
		return false;
	}
	vcpu->valid &= ~(1u << X86_EVENTS);
	return true;
}

static bool is_amd(void)
{
	unsigned eax, ebx = 0, ecx, edx;

	return __get_cpuid(0, &eax, &ebx, &ecx, &edx) &&
	       (ebx == signature_AMD_ebx || ebx == HYGON_EBX);
}

/*
 * ICEBP is a trap: the guest's handler must see rip behind it. SVM exits there, but VMX exits at
 * the instruction. Bytes of it on both sides of rip differ by the vendor.
 */
static bool skip_icebp(ArchVcpu *vcpu, const struct kvm_run *run, const ArchMemory *mem,
		       GError **error)
{
	uint64_t pc = run->debug.arch.pc;
	uint8_t bytes[X86_INSN_MAX], before;
	size_t len = mem->read(mem->opaque, pc, bytes, sizeof(bytes));
	X86Insn insn = x86_insn_decode(bytes, len);

	if (insn.kind != X86_INSN_ICEBP)
		return true;
	if (mem->read(mem->opaque, pc - 1, &before, 1) == 1 && before == 0xf1 && is_amd())
		return true;
	if (!x86_fetch(vcpu, X86_REGS, error))
		return false;
	vcpu->regs.rip += insn.length;
	x86_mark_dirty(vcpu, X86_REGS);
	return x86_store(vcpu, X86_REGS, error);
}

/* What the CPU does to the debug registers when it delivers a #DB. */
static bool deliver_dr6(ArchVcpu *vcpu, uint64_t cause, GError **error)
{
	if (!x86_fetch(vcpu, X86_DEBUGREGS, error))
		return false;
	vcpu->debugregs.dr6 = x86_dr6_deliver(vcpu->debugregs.dr6, cause);
	vcpu->debugregs.dr7 &= ~X86_DR7_GD;
	x86_mark_dirty(vcpu, X86_DEBUGREGS);
	return x86_store(vcpu, X86_DEBUGREGS, error);
}

/*
 * Is this KVM's own step out of an NMI handler, for which it has another NMI waiting (SVM,
 * nmi_singlestep)? Only the handler of a debugger's exits sees that, so the guest must not.
 */
static bool is_nmi_step(ArchVcpu *vcpu)
{
	return x86_fetch(vcpu, X86_REGS, NULL) && !(vcpu->regs.rflags & X86_RFLAGS_TF) &&
	       x86_fetch(vcpu, X86_EVENTS, NULL) && vcpu->events.nmi.pending;
}

/* A #DB of which nothing is the guest's own doing is nobody's. */
bool arch_takes_trap(ArchVcpu *vcpu, const struct kvm_run *run)
{
	const struct kvm_debug_exit_arch *exit = &run->debug.arch;
	uint64_t own = vcpu->own.cause & X86_DR6_CAUSES;

	if (exit->exception != X86_VECTOR_DB || !(exit->dr6 & X86_DR6_CAUSES))
		return true;
	if (own && (own != X86_DR6_BS || !is_nmi_step(vcpu)))
		return true;
	vcpu->own.cause = 0;
	return false;
}

bool arch_reinject(ArchVcpu *vcpu, const struct kvm_run *run, const ArchMemory *mem, GError **error)
{
	const struct kvm_debug_exit_arch *exit = &run->debug.arch;
	uint64_t cause = vcpu->own.cause;

	vcpu->own.cause = 0;
	if (exit->exception == X86_VECTOR_BP)
		return inject(vcpu, X86_VECTOR_BP, error);
	if (exit->exception != X86_VECTOR_DB) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "debug exit with exception %u: expected 1 or 3", exit->exception);
		return false;
	}
	if (!(exit->dr6 & X86_DR6_CAUSES) && !skip_icebp(vcpu, run, mem, error))
		return false;
	return deliver_dr6(vcpu, cause ? cause : exit->dr6 & ~X86_DR6_CAUSES, error) &&
	       inject(vcpu, X86_VECTOR_DB, error);
}

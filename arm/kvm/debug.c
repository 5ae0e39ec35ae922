/*
 * arm/kvm/debug.c - the debug half of kvm/arch.h: traps, who caused them, and giving them back.
 *
 * KVM api.txt 4.87 KVM_SET_GUEST_DEBUG. While any of it is enabled KVM routes all debug exceptions
 * of the guest to itself, so the guest's own come here too and are delivered by hand.
 */
#include <string.h>

#include "arm/cpu/bits.h"
#include "arm/cpu/debugreg.h"
#include "arm/cpu/exception.h"
#include "arm/cpu/exclusive.h"
#include "arm/cpu/insn.h"
#include "arm/cpu/syndrome.h"
#include "arm/kvm/vcpu.h"
#include "kvm/arch.h"

#define A64_BYTES 4

static const uint8_t brk0[] = {0x00, 0x00, 0x20, 0xd4};

const uint8_t *arch_trap_insn(size_t *ret_len)
{
	*ret_len = sizeof(brk0);
	return brk0;
}

bool arch_is_trap(ArchVcpu *vcpu, const uint8_t *insn, size_t len)
{
	uint64_t pstate;

	return arm_get(vcpu, ARM_PSTATE, &pstate, NULL) &&
	       arm_insn_is_trap(arm_insn_set(pstate), insn, len);
}

bool arch_check_sw_break(uint64_t addr, uint64_t kind, GError **error)
{
	if (kind == A64_BYTES && addr % A64_BYTES == 0)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "breakpoint at 0x%" G_GINT64_MODIFIER "x, kind %" G_GUINT64_FORMAT
		    ": expected an address divisible by 4 and kind 4, an A64 instruction",
		    addr, kind);
	return false;
}

/* A kernel that serves a 32-bit process, if nothing else came in between, has its state in SPSR. */
bool arch_can_patch(ArchVcpu *vcpu, uint64_t addr)
{
	const bool kernel_half = addr >> 55 & 1;
	uint64_t pstate, spsr;

	if (kernel_half)
		return true;
	if (!arm_get(vcpu, ARM_PSTATE, &pstate, NULL) || !arm_get(vcpu, ARM_SPSR_EL1, &spsr, NULL))
		return false;
	return !((pstate & ARM_PSR_AARCH32 || !ARM_PSR_EL(pstate) ? pstate : spsr) &
		 ARM_PSR_AARCH32);
}

/*
 * A guest whose caches are off (early boot) reads behind them where KVM does not force them on
 * (FEAT_S2FWB), so clean the data to memory first; then to where instructions come from, and drop
 * the old instructions. By the host's address: instruction caches on arm64 go by physical address,
 * or are dropped as a whole where they do not.
 */
void arch_sync_code(void *host, size_t len)
{
	uint64_t ctr;
	char *end = (char *)host + len;

	__asm__("mrs %0, ctr_el0" : "=r"(ctr));
	uintptr_t line = 4u << (ctr >> 16 & 15);
	for (uintptr_t at = (uintptr_t)host & ~(line - 1); at < (uintptr_t)end; at += line)
		__asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb sy" : : : "memory");
	__builtin___clear_cache(host, end);
}

bool arch_encode_hw(const ArchFeatures *features, const GdbBreak *points, unsigned n,
		    struct kvm_guest_debug_arch *ret, GError **error)
{
	ArmSlots slots;

	if (!arm_slots_encode(points, n, features->n_breaks, features->n_watches, &slots, error))
		return false;
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < ARM_N_SLOTS; i++) {
		ret->dbg_bcr[i] = slots.bcr[i];
		ret->dbg_bvr[i] = slots.bvr[i];
		ret->dbg_wcr[i] = slots.wcr[i];
		ret->dbg_wvr[i] = slots.wvr[i];
	}
	return true;
}

static uint64_t exit_esr(const struct kvm_run *run)
{
	return arm_syndrome_join(run->debug.arch.hsr, run->debug.arch.hsr_high,
				 run->flags & KVM_DEBUG_ARCH_HSR_HIGH_VALID);
}

ArchTrap arch_decode_trap(ArchVcpu *vcpu, const struct kvm_run *run, const GdbBreak *points,
			  unsigned n)
{
	ArmSyndrome syndrome = arm_syndrome_decode(exit_esr(run));
	ArchTrap trap = {.point = -1};
	ArmSlots slots = {0};
	uint64_t pc = 0;

	trap.insn = syndrome.kind == ARM_TRAP_INSN;
	trap.step = syndrome.kind == ARM_TRAP_STEP;
	if (trap.insn || trap.step || !arm_get(vcpu, ARM_PC, &pc, NULL))
		return trap;
	/* They were encoded before they were armed, so this cannot fail. */
	arm_slots_encode(points, n, ARM_N_SLOTS, ARM_N_SLOTS, &slots, NULL);
	ArmHit hit = arm_slots_decode(&slots, points, n, &syndrome, pc, run->debug.arch.far);
	trap.point = hit.point;
	trap.addr = hit.addr;
	trap.n_also = hit.n_also;
	for (unsigned i = 0; i < hit.n_also; i++)
		trap.also[i] = (ArchWatch){hit.also[i].point, hit.also[i].addr};
	return trap;
}

uint32_t arch_sw_control(void)
{
	return KVM_GUESTDBG_USE_SW_BP;
}

uint32_t arch_hw_control(void)
{
	return KVM_GUESTDBG_USE_HW;
}

bool arch_pass_break(const ArchFeatures *features G_GNUC_UNUSED, ArchVcpu *vcpu G_GNUC_UNUSED)
{
	return false;
}

bool arch_is_passing(ArchVcpu *vcpu G_GNUC_UNUSED)
{
	return false;
}

void arch_hit_again(ArchVcpu *vcpu G_GNUC_UNUSED)
{
}

bool arch_step_again(ArchVcpu *vcpu G_GNUC_UNUSED)
{
	return false;
}

bool arch_skip_insn(ArchVcpu *vcpu, const uint8_t *insn, size_t len)
{
	uint32_t insns[ARCH_INSN_MAX / 4];
	uint64_t pc, pstate, sctlr;

	memcpy(insns, insn, MIN(len, sizeof(insns)));
	/* The hit has cleared the exclusive monitor: the store would fail. */
	if (len < 4 || arm_sequence_near(insns, MIN(len / 4, G_N_ELEMENTS(insns))) ||
	    !arm_get(vcpu, ARM_PC, &pc, NULL) || !arm_get(vcpu, ARM_PSTATE, &pstate, NULL) ||
	    !arm_get(vcpu, ARM_SCTLR_EL1, &sctlr, NULL) ||
	    !arm_insn_is_idle(pstate, sctlr, arm_insn_load(insn)))
		return false;
	arm_set(vcpu, ARM_PC, pc + 4);
	if (pstate & ARM_PSR_BTYPE)
		arm_set(vcpu, ARM_PSTATE, pstate & ~ARM_PSR_BTYPE);
	return true;
}

bool arch_ends_range(ArchVcpu *vcpu, const ArchMemory *mem)
{
	uint64_t pc;
	uint32_t insn;

	return arm_get(vcpu, ARM_PC, &pc, NULL) &&
	       mem->read(mem->opaque, pc, &insn, sizeof(insn)) == sizeof(insn) &&
	       arm_insn_decode(insn).kind == ARM_INSN_LOAD_EXCLUSIVE;
}

/* ---- Giving a trap to the guest ---- */

typedef struct Write {
	ArmSlot slot;
	uint64_t value;
} Write;

/* All of them or none. */
static bool write_all(ArchVcpu *vcpu, const Write *writes, unsigned n, GError **error)
{
	uint64_t before[8];
	unsigned done = 0;

	g_return_val_if_fail(n <= G_N_ELEMENTS(before), false);
	for (unsigned i = 0; i < n; i++) {
		if (!arm_get(vcpu, writes[i].slot, &before[i], error))
			return false;
	}
	while (done < n && arm_store(vcpu, writes[done].slot, writes[done].value, error))
		done++;
	if (done == n)
		return true;
	while (done-- > 0)
		arm_store(vcpu, writes[done].slot, before[done], NULL);
	return false;
}

/* HCR_EL2 and MDCR_EL2 may send debug exceptions to a hypervisor in the guest. */
static bool get_target(ArchVcpu *vcpu, uint64_t pstate, unsigned *ret, GError **error)
{
	uint64_t hcr = 0, mdcr = 0;

	if (vcpu->has_el2 && (!arm_get(vcpu, ARM_HCR_EL2, &hcr, error) ||
			      !arm_get_one(vcpu, ARM_SYS(3, 4, 1, 1, 1), &mdcr, error)))
		return false;
	*ret = arm_exception_target(pstate, hcr, mdcr);
	return true;
}

static bool get_exception(ArchVcpu *vcpu, const struct kvm_run *run, ArmException *ret,
			  uint64_t *ret_mdscr, GError **error)
{
	uint64_t mmfr1, pfr1;
	const struct {
		ArmSlot slot;
		uint64_t *to;
	} parts[] = {
		{ARM_PSTATE, &ret->pstate},   {ARM_PC, &ret->pc},      {ARM_VBAR_EL1, &ret->vbar},
		{ARM_SCTLR_EL1, &ret->sctlr}, {ARM_MMFR1_EL1, &mmfr1}, {ARM_PFR1_EL1, &pfr1},
		{ARM_MDSCR_EL1, ret_mdscr},
	};

	*ret = (ArmException){.esr = exit_esr(run), .far = run->debug.arch.far};
	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
		if (!arm_get(vcpu, parts[i].slot, parts[i].to, error))
			return false;
	}
	ret->pstate &= ~vcpu->forced;
	ret->ext = arm_extensions(mmfr1, pfr1);
	return get_target(vcpu, ret->pstate, &ret->target_el, error);
}

/* The guest's own points are not beside ours. */
unsigned arch_own_points(ArchVcpu *vcpu G_GNUC_UNUSED,
			 struct kvm_guest_debug_arch *hw G_GNUC_UNUSED, bool tell G_GNUC_UNUSED)
{
	return 0;
}

bool arch_debug_applied(ArchVcpu *vcpu G_GNUC_UNUSED, bool stepping G_GNUC_UNUSED,
			GError **error G_GNUC_UNUSED)
{
	return true;
}

bool arch_takes_trap(ArchVcpu *vcpu, const struct kvm_run *run)
{
	ArmException exception;
	uint64_t mdscr;

	/* What cannot be read is left to arch_reinject() to report. */
	return !get_exception(vcpu, run, &exception, &mdscr, NULL) ||
	       arm_exception_wanted(exception.esr, exception.pstate, mdscr, exception.target_el);
}

bool arch_reinject(ArchVcpu *vcpu, const struct kvm_run *run, const ArchMemory *mem G_GNUC_UNUSED,
		   GError **error)
{
	ArmException exception;
	ArmEntry entry;
	uint64_t mdscr;

	if (!get_exception(vcpu, run, &exception, &mdscr, error))
		return false;
	/* Nothing that the guest would have seen. */
	if (!arm_exception_wanted(exception.esr, exception.pstate, mdscr, exception.target_el))
		return true;
	if (exception.target_el != 1 || !arm_exception_enter(&exception, &entry)) {
		g_set_error(
			error, GDB_ERROR, GDB_ERROR_INVAL,
			"cannot give the guest its debug exception, which goes to EL%u: PSTATE is "
			"0x%" G_GINT64_MODIFIER "x; only EL1 is supported",
			exception.target_el, exception.pstate);
		return false;
	}
	/* PSTATE before pc, which KVM cuts to 32 bits as long as the CPU is in AArch32 state. */
	const Write writes[] = {
		{ARM_PSTATE, entry.pstate}, {ARM_PC, entry.pc},	      {ARM_ELR_EL1, entry.elr},
		{ARM_SPSR_EL1, entry.spsr}, {ARM_ESR_EL1, entry.esr}, {ARM_FAR_EL1, entry.far},
	};
	if (!write_all(vcpu, writes, G_N_ELEMENTS(writes) - !entry.set_far, error))
		return false;
	vcpu->forced = 0;
	vcpu->reinjected = true;
	return true;
}

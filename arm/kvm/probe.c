/*
 * arm/kvm/probe.c - find out what this KVM's guest debugging really does, by trying it.
 *
 * Capabilities say what the interface accepts, not what works. Each feature runs a few instructions
 * with the MMU off on a fresh vCPU of a throwaway VM. The exception vectors store to an address
 * that is no memory, so a feature that does not work ends in KVM_EXIT_MMIO.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "arm/cpu/debugreg.h"
#include "arm/cpu/syndrome.h"
#include "arm/kvm/vcpu.h"
#include "kvm/probe.h"

/* Guest-physical layout; there is no translation. */
enum {
	CODE = 0x1000,
	DATA = 0x2000,
	VECTORS = 0x3000, /* 2 KiB */
	NO_MEMORY = 0x100000,
	VECTOR_SIZE = 0x80,
	N_VECTORS = 16,
};

#define NOP 0xd503201fu
#define BRK0 0xd4200000u
#define STR_X0_X1 0xf9000020u /* x1 is DATA */
#define STR_X0_X2 0xf9000040u /* x2 is NO_MEMORY: the end of each run */

typedef struct Experiment {
	ProbeVcpu vcpu;
	ArchVcpu *arch;
} Experiment;

/* ---- The machine ---- */

static void put_insn(Probe *probe, uint64_t gpa, uint32_t insn)
{
	memcpy(probe_ram(probe) + gpa, &insn, sizeof(insn));
}

/* 40 bits on hosts that cannot say. */
unsigned long arch_vm_type(int kvm_fd)
{
	int bits = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);

	return bits > 0 ? KVM_VM_TYPE_ARM_IPA_SIZE(bits) : 0;
}

static void fill_ram(Probe *probe)
{
	for (unsigned i = 0; i < N_VECTORS; i++)
		put_insn(probe, VECTORS + i * VECTOR_SIZE, STR_X0_X2);
}

static bool set_up(Experiment *test)
{
	struct kvm_vcpu_init init;

	if (ioctl(probe_vm_fd(test->vcpu.probe), KVM_ARM_PREFERRED_TARGET, &init) < 0 ||
	    ioctl(test->vcpu.fd, KVM_ARM_VCPU_INIT, &init) < 0)
		return false;
	test->arch = arch_vcpu_new(test->vcpu.fd, test->vcpu.run, NULL);
	if (!test->arch)
		return false;
	arm_set(test->arch, ARM_PC, CODE);
	arm_set(test->arch, ARM_X0 + 1, DATA);
	arm_set(test->arch, ARM_X0 + 2, NO_MEMORY);
	arm_set(test->arch, ARM_VBAR_EL1, VECTORS);
	return arch_flush(test->arch, NULL);
}

/* A vCPU that is about to run two instructions and the end. Close it in any case. */
static bool begin(Experiment *test, Probe *probe, uint32_t first, uint32_t second)
{
	test->arch = NULL;
	put_insn(probe, CODE, first);
	put_insn(probe, CODE + 4, second);
	put_insn(probe, CODE + 8, STR_X0_X2);
	arch_sync_code(probe_ram(probe), PROBE_RAM);
	return probe_open(&test->vcpu, probe) && set_up(test);
}

static void end(Experiment *test)
{
	arch_vcpu_free(test->arch);
	probe_close(&test->vcpu);
}

static bool runs_to(Experiment *test, uint32_t exit_reason)
{
	bool ok = probe_run(&test->vcpu);

	arch_forget(test->arch);
	return ok && test->vcpu.run->exit_reason == exit_reason;
}

static bool runs_to_trap(Experiment *test, ArmTrapKind kind, uint64_t at)
{
	uint64_t pc;

	return runs_to(test, KVM_EXIT_DEBUG) &&
	       arm_syndrome_decode(test->vcpu.run->debug.arch.hsr).kind == kind &&
	       arch_get_pc(test->arch, &pc, NULL) && pc == at;
}

/* ---- The experiments: TRUE when the feature works ---- */

static bool try_run(Probe *probe)
{
	Experiment test;
	bool ok = begin(&test, probe, NOP, STR_X0_X1) && runs_to(&test, KVM_EXIT_MMIO);

	end(&test);
	return ok;
}

static bool try_step(Probe *probe)
{
	Experiment test;
	bool ok = begin(&test, probe, NOP, NOP) &&
		  probe_debug(&test.vcpu, KVM_GUESTDBG_SINGLESTEP, NULL) &&
		  runs_to_trap(&test, ARM_TRAP_STEP, CODE + 4) &&
		  runs_to_trap(&test, ARM_TRAP_STEP, CODE + 8);

	end(&test);
	return ok;
}

static bool try_sw_break(Probe *probe)
{
	Experiment test;
	bool ok = begin(&test, probe, NOP, BRK0) &&
		  probe_debug(&test.vcpu, arch_sw_control(), NULL) &&
		  runs_to_trap(&test, ARM_TRAP_INSN, CODE + 4);

	end(&test);
	return ok;
}

static bool try_point(Probe *probe, const GdbBreak *point, ArmTrapKind kind)
{
	Experiment test;
	bool ok = begin(&test, probe, NOP, STR_X0_X1) &&
		  probe_debug(&test.vcpu, arch_hw_control(), point) &&
		  runs_to_trap(&test, kind, CODE + 4);

	end(&test);
	return ok;
}

static unsigned capability(Probe *probe, int cap)
{
	int n = ioctl(probe_vm_fd(probe), KVM_CHECK_EXTENSION, cap);

	return n > 0 ? MIN(n, ARM_N_SLOTS) : 0;
}

void arch_probe(Probe *probe, ArchFeatures *ret)
{
	const GdbBreak here = {GDB_BREAK_HW, CODE + 4, 4}, data = {GDB_WATCH_WRITE, DATA, 8};

	fill_ram(probe);
	if (!try_run(probe))
		return; /* it cannot even run code: nothing works */
	ret->step = try_step(probe);
	ret->block_irq = ret->step;
	ret->sw_break = try_sw_break(probe);
	ret->n_breaks = capability(probe, KVM_CAP_GUEST_DEBUG_HW_BPS);
	ret->n_watches = capability(probe, KVM_CAP_GUEST_DEBUG_HW_WPS);
	ret->hw_break = ret->n_breaks > 0 && try_point(probe, &here, ARM_TRAP_BREAKPOINT);
	ret->watch = ret->n_watches > 0 && try_point(probe, &data, ARM_TRAP_WATCHPOINT);
	ret->watch_before = true;
}

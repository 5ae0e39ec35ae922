/*
 * x86/kvm/probe.c - find out what this KVM's guest debugging really does, by trying it.
 *
 * Capabilities say what the interface accepts, not what works: software and nested KVMs accept
 * watchpoints that never fire and kill the guest at an int3. Each feature runs a few bytes of
 * code in long mode on a fresh vCPU of a throwaway VM. All exceptions go to handlers that halt, so
 * a feature that does not work ends in KVM_EXIT_HLT.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/probe.h"
#include "x86/cpu/bits.h"
#include "x86/cpu/debugreg.h"
#include "x86/kvm/own.h"

/* Guest-physical layout; linear addresses are the same. */
enum {
	PML4 = 0x1000,
	PDPT = 0x2000,
	PD = 0x3000,
	IDT = 0x4000,
	GDT = 0x5000,
	CODE = 0x6000,
	HANDLER = 0x6800,
	DATA = 0x7000,
	STACK_TOP = 0x8000,
	TSS_ADDR = 0xfffbd000, /* for old VMX hosts; above the RAM */
	CODE_SELECTOR = 0x08,
	DATA_SELECTOR = 0x10,
	N_VECTORS = 32,
};

#define ENTRY_TABLE 0x3ull /* present, writable */
#define ENTRY_PAGE 0x83ull /* and a 2 MiB page */

/* ---- The machine ---- */

static void put64(Probe *probe, uint64_t gpa, uint64_t value)
{
	memcpy(probe_ram(probe) + gpa, &value, sizeof(value));
}

static void fill_ram(Probe *probe)
{
	/* interrupt gate, present; each handler halts */
	const uint64_t gate = (HANDLER & 0xffff) | CODE_SELECTOR << 16 | 0x8e00ull << 32;

	put64(probe, PML4, PDPT | ENTRY_TABLE);
	put64(probe, PDPT, PD | ENTRY_TABLE);
	put64(probe, PD, ENTRY_PAGE);
	put64(probe, GDT + CODE_SELECTOR, 0x00af9b000000ffff);
	put64(probe, GDT + DATA_SELECTOR, 0x00cf93000000ffff);
	for (unsigned i = 0; i < N_VECTORS; i++)
		put64(probe, IDT + 16 * i, gate);
	memset(probe_ram(probe) + HANDLER, 0xf4, 16);
}

unsigned long arch_vm_type(int kvm_fd G_GNUC_UNUSED)
{
	return 0;
}

static bool set_long_mode(int fd)
{
	struct kvm_sregs sregs;
	const struct kvm_segment data = {
		.selector = DATA_SELECTOR,
		.limit = 0xffffffff,
		.type = 3,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};

	if (ioctl(fd, KVM_GET_SREGS, &sregs) < 0)
		return false;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = data;
	sregs.cs = data;
	sregs.cs.selector = CODE_SELECTOR;
	sregs.cs.type = 11;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = 0x17};
	sregs.idt = (struct kvm_dtable){.base = IDT, .limit = 16 * N_VECTORS - 1};
	sregs.cr0 = X86_CR0_PG | X86_CR0_NE | X86_CR0_ET | X86_CR0_MP | X86_CR0_PE;
	sregs.cr3 = PML4;
	sregs.cr4 = X86_CR4_PAE;
	sregs.efer = X86_EFER_LMA | X86_EFER_LME;
	return ioctl(fd, KVM_SET_SREGS, &sregs) == 0;
}

static bool set_regs(ProbeVcpu *vcpu, uint64_t rflags)
{
	struct kvm_regs regs = {
		.rip = CODE,
		.rsp = STACK_TOP,
		.rbx = DATA,
		.rflags = X86_RFLAGS_FIXED | rflags,
	};

	return ioctl(vcpu->fd, KVM_SET_REGS, &regs) == 0;
}

/* A vCPU that is about to run @code. Close it in any case. */
static bool vcpu_open(ProbeVcpu *vcpu, Probe *probe, const char *code, size_t len)
{
	memcpy(probe_ram(probe) + CODE, code, len);
	return probe_open(vcpu, probe) && set_long_mode(vcpu->fd) && set_regs(vcpu, 0);
}

static bool runs_to_trap(ProbeVcpu *vcpu, unsigned vector, uint64_t pc)
{
	const struct kvm_debug_exit_arch *exit = &vcpu->run->debug.arch;

	return probe_run(vcpu) && vcpu->run->exit_reason == KVM_EXIT_DEBUG &&
	       exit->exception == vector && exit->pc == pc;
}

/*
 * Lets the guest touch its pages, so that no experiment is disturbed by the host mapping them: some
 * nested KVMs lose a step in that.
 */
static bool touch_pages(Probe *probe)
{
	/* xor %edi, %edi; 1: orb $0, (%rdi); add $0x1000, %edi; cmp $STACK_TOP, %edi; jb 1b; hlt */
	static const char code[] = "\x31\xff\x80\x0f\x00\x81\xc7\x00\x10\x00\x00"
				   "\x81\xff\x00\x80\x00\x00\x72\xef\xf4";
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, code, sizeof(code) - 1) && probe_run(&vcpu) &&
		  vcpu.run->exit_reason == KVM_EXIT_HLT;

	probe_close(&vcpu);
	return ok;
}

/* ---- The experiments: TRUE when the feature works ---- */

#define NOP_NOP_HLT "\x90\x90\xf4"

static bool try_step_with(Probe *probe, uint32_t control)
{
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, NOP_NOP_HLT, 3) &&
		  probe_debug(&vcpu, KVM_GUESTDBG_SINGLESTEP | control, NULL) &&
		  runs_to_trap(&vcpu, 1, CODE + 1) && runs_to_trap(&vcpu, 1, CODE + 2);

	probe_close(&vcpu);
	return ok;
}

static bool try_sw_break(Probe *probe)
{
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, "\x90\xcc\xf4", 3) &&
		  probe_debug(&vcpu, KVM_GUESTDBG_USE_SW_BP, NULL) &&
		  runs_to_trap(&vcpu, 3, CODE + 1);

	probe_close(&vcpu);
	return ok;
}

/* *@ret_pass: and RFLAGS.RF gets the CPU over it. */
static bool try_hw_break(Probe *probe, bool *ret_pass)
{
	const GdbBreak point = {GDB_BREAK_HW, CODE, 1};
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, NOP_NOP_HLT, 3) &&
		  probe_debug(&vcpu, KVM_GUESTDBG_USE_HW_BP, &point) &&
		  runs_to_trap(&vcpu, 1, CODE);

	*ret_pass = ok && set_regs(&vcpu, X86_RFLAGS_RF) && probe_run(&vcpu) &&
		    vcpu.run->exit_reason == KVM_EXIT_HLT;
	probe_close(&vcpu);
	return ok;
}

static bool try_watch(Probe *probe)
{
	/* mov %rax, (%rbx) */
	const GdbBreak point = {GDB_WATCH_WRITE, DATA, 8};
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, "\x48\x89\x03\x90\xf4", 5) &&
		  probe_debug(&vcpu, KVM_GUESTDBG_USE_HW_BP, &point) &&
		  runs_to_trap(&vcpu, 1, CODE + 3);

	probe_close(&vcpu);
	return ok;
}

void arch_probe(Probe *probe, ArchFeatures *ret)
{
	int bits = ioctl(probe_vm_fd(probe), KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2);

	ioctl(probe_vm_fd(probe), KVM_SET_TSS_ADDR, TSS_ADDR);
	fill_ram(probe);
	if (!touch_pages(probe))
		return; /* it cannot even run code: nothing works */
	ret->step = try_step_with(probe, 0);
	/* Old kernels do not know the bit and take it in silence. */
	ret->block_irq = bits > 0 && (bits & KVM_GUESTDBG_BLOCKIRQ) &&
			 try_step_with(probe, KVM_GUESTDBG_BLOCKIRQ);
	ret->sw_break = try_sw_break(probe);
	ret->hw_break = try_hw_break(probe, &ret->pass_break);
	ret->watch = try_watch(probe);
	ret->n_breaks = ret->n_watches = X86_N_SLOTS;
	ret->tells_own = ret->hw_break && ret->step && x86_tells_own_points();
}

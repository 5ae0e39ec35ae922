/*
 * tests/kvm-arm-el2.c - steps of a vCPU that is a hypervisor itself (KVM_ARM_VCPU_HAS_EL2), which
 * few hosts can have: the registers are those of a KVM made here, by an ioctl() of this program.
 */
#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <string.h>

#include "arm/cpu/bits.h"
#include "arm/kvm/vcpu.h"

int ioctl(int fd, unsigned long request, ...);

#define FD 1000
#define N_REGS 64
#define PC 0x80000000ull
#define VBAR_EL1 0x80010000ull
#define VBAR_EL2 0x80020000ull
#define NOP 0xd503201fu
#define HVC 0xd4000002u
#define BRK 0xd4200000u
#define HCR_TGE (1ull << 27)
#define DAIFCLR 0xd50342ffu /* msr daifclr, #2 */

typedef struct Reg {
	uint64_t id, value;
} Reg;

static struct {
	bool has_el2;
	Reg regs[N_REGS];
	unsigned n;
	uint32_t insn; /* at PC */
} kvm;

static Reg *find(uint64_t id)
{
	for (unsigned i = 0; i < kvm.n; i++) {
		if (kvm.regs[i].id == id)
			return &kvm.regs[i];
	}
	g_assert_cmpuint(kvm.n, <, N_REGS);
	kvm.regs[kvm.n] = (Reg){.id = id};
	return &kvm.regs[kvm.n++];
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct kvm_one_reg *reg;
	bool is_el2 = false;
	va_list args;

	va_start(args, request);
	reg = va_arg(args, const struct kvm_one_reg *);
	va_end(args);
	errno = ENOENT;
	if (fd != FD || (request != KVM_GET_ONE_REG && request != KVM_SET_ONE_REG))
		return -1;
	for (ArmSlot slot = ARM_HCR_EL2; slot <= ARM_SPSR_EL2; slot++)
		is_el2 |= reg->id == arm_slot_id(slot);
	if ((is_el2 && !kvm.has_el2) || (reg->id & KVM_REG_SIZE_MASK) != KVM_REG_SIZE_U64)
		return -1;
	if (request == KVM_GET_ONE_REG)
		memcpy((void *)(uintptr_t)reg->addr, &find(reg->id)->value, 8);
	else
		memcpy(&find(reg->id)->value, (void *)(uintptr_t)reg->addr, 8);
	return 0;
}

static uint64_t *at(ArmSlot slot)
{
	return &find(arm_slot_id(slot))->value;
}

static size_t read_insn(void *opaque G_GNUC_UNUSED, uint64_t addr, void *buf, size_t len)
{
	if (addr != PC || len < sizeof(kvm.insn))
		return 0;
	memcpy(buf, &kvm.insn, sizeof(kvm.insn));
	return sizeof(kvm.insn);
}

static const ArchMemory memory = {.read = read_insn};

static ArchVcpu *open_vcpu(bool has_el2, uint64_t pstate, uint32_t insn)
{
	g_autoptr(GError) error = NULL;
	ArchVcpu *vcpu;

	memset(&kvm, 0, sizeof(kvm));
	kvm.has_el2 = has_el2;
	kvm.insn = insn;
	*at(ARM_PC) = PC;
	*at(ARM_PSTATE) = pstate;
	*at(ARM_VBAR_EL1) = VBAR_EL1;
	*at(ARM_VBAR_EL2) = VBAR_EL2;
	*at(ARM_ELR_EL1) = *at(ARM_ELR_EL2) = 0x1111;
	*at(ARM_SPSR_EL1) = *at(ARM_SPSR_EL2) = ARM_MODE_EL1H;
	vcpu = arch_vcpu_new(FD, NULL, &error);
	g_assert_no_error(error);
	return vcpu;
}

/* @run: what the CPU does between begin and end, to the registers that KVM has. */
static void step(ArchVcpu *vcpu, void (*run)(void))
{
	g_autoptr(GError) error = NULL;
	ArchStep record;

	g_assert_true(arch_step_begin(vcpu, true, &memory, &record, &error));
	g_assert_no_error(error);
	g_assert_true(arch_flush(vcpu, &error));
	g_assert_cmphex(*at(ARM_PSTATE) & ARM_PSR_I, ==, ARM_PSR_I);
	run();
	arch_forget(vcpu);
	arch_step_end(vcpu, &memory, &record);
	g_assert_true(arch_flush(vcpu, &error));
	g_assert_no_error(error);
}

static void enter_el2(uint64_t offset, uint64_t elr)
{
	*at(ARM_ELR_EL2) = elr;
	*at(ARM_SPSR_EL2) = *at(ARM_PSTATE);
	*at(ARM_PC) = VBAR_EL2 + offset;
	*at(ARM_PSTATE) = ARM_MODE_EL2H | ARM_PSR_DAIF;
}

static void run_nop(void)
{
	*at(ARM_PC) += 4;
}

static void run_hvc(void)
{
	enter_el2(0x400, PC + 4);
}

/* And the interrupt that it lets in. */
static void run_daifclr(void)
{
	*at(ARM_PSTATE) &= ~ARM_PSR_I;
	enter_el2(0x280, PC + 4);
}

static void test_nop(void)
{
	ArchVcpu *vcpu = open_vcpu(true, ARM_MODE_EL2H, NOP);

	g_assert_true(vcpu->has_el2);
	step(vcpu, run_nop);
	g_assert_cmphex(*at(ARM_PC), ==, PC + 4);
	g_assert_cmphex(*at(ARM_PSTATE), ==, ARM_MODE_EL2H);
	arch_vcpu_free(vcpu);
}

/* Into the hypervisor: it finds none of the step's masks, and keeps its own. */
static void test_hvc(void)
{
	ArchVcpu *vcpu = open_vcpu(true, ARM_MODE_EL1H, HVC);

	step(vcpu, run_hvc);
	g_assert_cmphex(*at(ARM_PC), ==, VBAR_EL2 + 0x400);
	g_assert_cmphex(*at(ARM_PSTATE), ==, ARM_MODE_EL2H | ARM_PSR_DAIF);
	g_assert_cmphex(*at(ARM_SPSR_EL2), ==, ARM_MODE_EL1H);
	g_assert_cmphex(*at(ARM_ELR_EL2), ==, PC + 4);
	g_assert_cmphex(*at(ARM_SPSR_EL1), ==, ARM_MODE_EL1H);
	arch_vcpu_free(vcpu);
}

/* An interrupt of the hypervisor's own is taken back: what it had overwritten is there again. */
static void test_interrupt(void)
{
	ArchVcpu *vcpu = open_vcpu(true, ARM_MODE_EL2H | ARM_PSR_I, DAIFCLR);

	step(vcpu, run_daifclr);
	g_assert_cmphex(*at(ARM_PC), ==, PC + 4);
	g_assert_cmphex(*at(ARM_PSTATE), ==, ARM_MODE_EL2H);
	g_assert_cmphex(*at(ARM_ELR_EL2), ==, 0x1111);
	g_assert_cmphex(*at(ARM_SPSR_EL2), ==, ARM_MODE_EL1H);
	arch_vcpu_free(vcpu);
}

/* A vCPU without EL2: its registers are not asked for. */
static void test_none(void)
{
	ArchVcpu *vcpu = open_vcpu(false, ARM_MODE_EL1H | ARM_PSR_I, DAIFCLR);

	g_assert_false(vcpu->has_el2);
	step(vcpu, run_nop);
	g_assert_cmphex(*at(ARM_PC), ==, PC + 4);
	arch_vcpu_free(vcpu);
}

/* A BRK of a process that belongs to the hypervisor (HCR_EL2.TGE): nobody gets it by mistake. */
static void test_brk(void)
{
	ArchVcpu *vcpu = open_vcpu(true, ARM_MODE_EL0, BRK);
	struct kvm_run run = {.debug.arch.hsr = 0xf2000000};
	g_autoptr(GError) error = NULL;

	*at(ARM_HCR_EL2) = HCR_TGE;
	g_assert_false(arch_reinject(vcpu, &run, &memory, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
	g_assert_nonnull(strstr(error->message, "EL2"));
	g_assert_cmphex(*at(ARM_PC), ==, PC);
	g_assert_cmphex(*at(ARM_ELR_EL1), ==, 0x1111);
	*at(ARM_HCR_EL2) = 0;
	g_clear_error(&error);
	arch_forget(vcpu);
	g_assert_true(arch_reinject(vcpu, &run, &memory, &error));
	g_assert_cmphex(*at(ARM_PC), ==, VBAR_EL1 + 0x400);
	arch_vcpu_free(vcpu);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvm-arm-el2/nop", test_nop);
	g_test_add_func("/kvm-arm-el2/hvc", test_hvc);
	g_test_add_func("/kvm-arm-el2/interrupt", test_interrupt);
	g_test_add_func("/kvm-arm-el2/none", test_none);
	g_test_add_func("/kvm-arm-el2/brk", test_brk);
	return g_test_run();
}

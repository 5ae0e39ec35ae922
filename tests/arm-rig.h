/*
 * tests/arm-rig.h - a throwaway VM with one vCPU, its MMU off, for tests on a real KVM.
 *
 * It runs some instructions at CODE. Every exception vector, and the end of the code, store to an
 * address that is no memory, so each run ends in KVM_EXIT_MMIO: pc and the registers of EL1 then
 * tell what was delivered to the guest. Everything is a static inline function here, because it
 * compiles on arm64 only and two programs use it.
 */
#ifndef VMGDB_TESTS_ARM_RIG_H
#define VMGDB_TESTS_ARM_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arm/cpu/bits.h"
#include "arm/kvm/vcpu.h"
#include "kvm/arch.h"
#include "kvm/probe.h"

/* Guest-physical and virtual. x1 is DATA, x2 is NO_MEMORY; code leaves x2 alone. */
enum {
	CODE = 0x1000,
	DATA = 0x2000,
	RAM_SIZE = 0x10000, /* full pages on every host */
	NO_MEMORY = 0x100000,
	MAX_CODE = 16,
};

/* RAM is seen once more here, so that the vectors are where 32 bits do not reach. */
#define ALIAS (1ull << 32)
#define VECTORS_OFFSET 0x3000
#define VECTORS (ALIAS + VECTORS_OFFSET)

#define NOP 0xd503201fu
#define BRK(imm) (0xd4200000u | (imm) << 5)
#define END 0xf9000040u	      /* str x0, [x2] */
#define STR_X0_X1 0xf9000020u /* str x0, [x1] */
#define LDR_X0_X1 0xf9400020u
#define A32_NOP 0xe320f000u

#define PSTATE_EL1H (ARM_MODE_EL1H | ARM_PSR_DAIF)

/* Vectors: by where an exception comes from. */
enum { FROM_EL1T = 0x000, FROM_EL1H = 0x200, FROM_EL0 = 0x400, FROM_EL0_A32 = 0x600 };

typedef struct Rig {
	int kvm_fd, vm_fd, fd;
	uint8_t *ram;
	struct kvm_run *run;
	size_t run_size;
	ArchVcpu *vcpu;
	ArchMemory memory;
} Rig;

/* ---- The machine ---- */

static inline size_t mem_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	Rig *rig = opaque;

	addr &= ~ALIAS;
	if (addr >= RAM_SIZE)
		return 0;
	len = MIN(len, RAM_SIZE - addr);
	memcpy(buf, rig->ram + addr, len);
	return len;
}

static inline bool mem_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	Rig *rig = opaque;

	addr &= ~ALIAS;
	if (addr >= RAM_SIZE || len > RAM_SIZE - addr)
		return false;
	memcpy(rig->ram + addr, buf, len);
	return true;
}

static inline void put_code(Rig *rig, uint64_t addr, uint32_t insn)
{
	g_assert_true(mem_write(rig, addr, &insn, sizeof(insn)));
}

static inline void make_vm(Rig *rig)
{
	struct kvm_userspace_memory_region region = {.memory_size = RAM_SIZE};

	rig->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	rig->vm_fd = ioctl(rig->kvm_fd, KVM_CREATE_VM, arch_vm_type(rig->kvm_fd));
	g_assert_cmpint(rig->vm_fd, >=, 0);
	rig->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)rig->ram;
	g_assert_cmpint(ioctl(rig->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), ==, 0);
	region.slot = 1;
	region.guest_phys_addr = ALIAS;
	g_assert_cmpint(ioctl(rig->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), ==, 0);
	rig->fd = ioctl(rig->vm_fd, KVM_CREATE_VCPU, 0);
	g_assert_cmpint(rig->fd, >=, 0);
	rig->run_size = ioctl(rig->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	rig->run = mmap(NULL, rig->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
	g_assert_true(rig->run != MAP_FAILED);
}

static inline void set_up_vcpu(Rig *rig)
{
	struct kvm_vcpu_init init;
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(ioctl(rig->vm_fd, KVM_ARM_PREFERRED_TARGET, &init), ==, 0);
	init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
	g_assert_cmpint(ioctl(rig->fd, KVM_ARM_VCPU_INIT, &init), ==, 0);
	rig->vcpu = arch_vcpu_new(rig->fd, rig->run, &error);
	g_assert_no_error(error);
	rig->memory = (ArchMemory){mem_read, mem_write, rig};
	arm_set(rig->vcpu, ARM_PC, CODE);
	arm_set(rig->vcpu, ARM_PSTATE, PSTATE_EL1H);
	arm_set(rig->vcpu, ARM_X0 + 1, DATA);
	arm_set(rig->vcpu, ARM_X0 + 2, NO_MEMORY);
	arm_set(rig->vcpu, ARM_VBAR_EL1, VECTORS);
	arm_set(rig->vcpu, ARM_ELR_EL1, 0);
	arm_set(rig->vcpu, ARM_SPSR_EL1, 0);
	arm_set(rig->vcpu, ARM_ESR_EL1, 0);
	arm_set(rig->vcpu, ARM_FAR_EL1, 0);
	g_assert_true(arch_flush(rig->vcpu, &error));
}

/* A vCPU that is about to run @code (up to the first 0) and END, in EL1h with all masks set. */
static inline void rig_open(Rig *rig, const uint32_t *code)
{
	uint64_t at = CODE;

	make_vm(rig);
	for (uint64_t vector = VECTORS; vector < VECTORS + 0x800; vector += 0x80)
		put_code(rig, vector, END);
	for (; *code; code++, at += 4)
		put_code(rig, at, *code);
	put_code(rig, at, END);
	arch_sync_code(rig->ram, RAM_SIZE);
	set_up_vcpu(rig);
}

static inline void rig_close(Rig *rig)
{
	arch_vcpu_free(rig->vcpu);
	munmap(rig->run, rig->run_size);
	munmap(rig->ram, RAM_SIZE);
	close(rig->fd);
	close(rig->vm_fd);
	close(rig->kvm_fd);
}

static inline uint64_t rig_get(Rig *rig, ArmSlot slot)
{
	g_autoptr(GError) error = NULL;
	uint64_t value = 0;

	arm_get(rig->vcpu, slot, &value, &error);
	g_assert_no_error(error);
	return value;
}

/* FALSE: KVM refuses; nothing else than PSTATE should be refused. */
static inline bool rig_set(Rig *rig, ArmSlot slot, uint64_t value)
{
	return arm_store(rig->vcpu, slot, value, NULL);
}

/* What a handler finds in PSTATE. QEMU's TCG clears these flags, which the architecture keeps. */
static inline uint64_t rig_pstate(Rig *rig)
{
	return rig_get(rig, ARM_PSTATE) & ~(ARM_PSR_NZCV | ARM_PSR_DIT);
}

/* ---- Running ---- */

static inline void rig_debug(Rig *rig, uint32_t control, const struct kvm_guest_debug_arch *arch)
{
	struct kvm_guest_debug debug = {.control = control ? KVM_GUESTDBG_ENABLE | control : 0};

	if (arch)
		debug.arch = *arch;
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_GUEST_DEBUG, &debug), ==, 0);
}

static inline void rig_arm(Rig *rig, const ArchFeatures *features, uint32_t control,
			   const GdbBreak *points, unsigned n)
{
	g_autoptr(GError) error = NULL;
	struct kvm_guest_debug_arch arch;

	g_assert_true(arch_encode_hw(features, points, n, &arch, &error));
	g_assert_no_error(error);
	rig_debug(rig, control | arch_hw_control(), &arch);
}

/* Returns the exit reason. The alarm ends a run that hangs, and the test with it. */
static inline uint32_t rig_run(Rig *rig)
{
	int ret;

	alarm(60);
	ret = ioctl(rig->fd, KVM_RUN, 0);
	if (ret < 0)
		g_error("KVM_RUN: %s", g_strerror(errno));
	alarm(0);
	arch_forget(rig->vcpu);
	return rig->run->exit_reason;
}

/* Runs into END: of the code, or of a vector. Returns the pc of that instruction. */
static inline uint64_t rig_run_to_end(Rig *rig)
{
	g_assert_cmpuint(rig_run(rig), ==, KVM_EXIT_MMIO);
	g_assert_cmphex(rig->run->mmio.phys_addr, ==, NO_MEMORY);
	return rig_get(rig, ARM_PC);
}

static inline bool has(bool feature, const char *what)
{
	if (!feature)
		g_test_skip_printf("this KVM does not report %s", what);
	return feature;
}

/* ---- Start ---- */

static inline void rig_on_alarm(int signo)
{
	(void)signo; /* ends KVM_RUN with EINTR */
}

static inline void rig_test_no_kvm(void)
{
	g_test_skip("/dev/kvm cannot be opened");
}

/* Sets GLib's tests up and probes. FALSE: no KVM, and a test that says so was added. */
static inline bool rig_init(int *argc, char ***argv, ArchFeatures *ret)
{
	struct sigaction action = {.sa_handler = rig_on_alarm};
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	g_autoptr(GError) error = NULL;

	g_test_init(argc, argv, NULL);
	sigaction(SIGALRM, &action, NULL);
	if (kvm_fd < 0) {
		g_test_add_func("/kvm-arm/none", rig_test_no_kvm);
		return false;
	}
	if (!kvm_probe(kvm_fd, ret, &error))
		g_error("%s", error->message);
	close(kvm_fd);
	return true;
}

#endif

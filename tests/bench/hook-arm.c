/* tests/bench/hook-arm.c - in this process: the bare KVM_RUN, and kvm_gdb_run() in its place. */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arm/kvm/vcpu.h"
#include "kvm/kvm-gdb.h"
#include "kvm/probe.h"
#include "tests/bench/arch.h"
#include "tests/bench/limit.h"
#include "tests/bench/times.h"
#include "tests/bench/wire.h"

#define STEPS 1000
#define EXITS 1000
#define TRIES 5
#define CODE 0x10000u
#define NO_MEMORY 0x100000u

/*
 * The other CPUs stay off: there is no smp guest. QEMU's RAM begins a GiB before lkvm's, where the
 * guests lie.
 */
const BenchArch bench_arch = {
	.loop = "bench/arm/loop",
	.smp = "bench/arm/loop",
	.fill = "bench/arm/fill",
	.kernel = "img",
	.console = "serial",
	.qemu = "qemu-system-aarch64",
	.machine = "-M virt,gic-version=host -cpu host -m 1280 -serial stdio",
	.break_kind = 4,
};

/* 1: add x0, x0, #1; add x1, x0, x0; nop; mov x2, x0; b 1b */
static const uint32_t turns[] = {0x91000400, 0x8b000001, 0xd503201f, 0xaa0003e2, 0x17fffffc};
/* 1: strb w0, [x3]; b 1b */
static const uint32_t stores[] = {0x39000060, 0x17ffffff};

typedef struct Rig {
	int kvm_fd, vm_fd, fd;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *page;
} Rig;

/* FALSE: this KVM does not run it. Close it in any case. */
static bool rig_open(Rig *rig, const uint32_t *code, size_t len)
{
	struct kvm_userspace_memory_region region = {.guest_phys_addr = CODE, .memory_size = 65536};
	struct kvm_vcpu_init init;
	ArchVcpu *vcpu;
	bool ok;

	rig->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	rig->vm_fd = ioctl(rig->kvm_fd, KVM_CREATE_VM, 0);
	rig->fd = ioctl(rig->vm_fd, KVM_CREATE_VCPU, 0);
	rig->run_size = ioctl(rig->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	rig->run = mmap(NULL, rig->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
	rig->page = mmap(NULL, region.memory_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rig->run == MAP_FAILED || rig->page == MAP_FAILED)
		return false;
	memcpy(rig->page, code, len);
	arch_sync_code(rig->page, len);
	region.userspace_addr = (uintptr_t)rig->page;
	if (ioctl(rig->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ||
	    ioctl(rig->vm_fd, KVM_ARM_PREFERRED_TARGET, &init) < 0 ||
	    ioctl(rig->fd, KVM_ARM_VCPU_INIT, &init) < 0)
		return false;
	vcpu = arch_vcpu_new(rig->fd, rig->run, NULL);
	if (!vcpu)
		return false;
	arm_set(vcpu, ARM_PC, CODE);
	arm_set(vcpu, ARM_X0 + 3, NO_MEMORY);
	ok = arch_flush(vcpu, NULL);
	arch_vcpu_free(vcpu);
	return ok;
}

static void rig_close(Rig *rig)
{
	if (rig->page != MAP_FAILED)
		munmap(rig->page, 65536);
	if (rig->run != MAP_FAILED)
		munmap(rig->run, rig->run_size);
	close(rig->fd);
	close(rig->vm_fd);
	close(rig->kvm_fd);
}

/* Arm's PSCI: CPU_ON. */
int bench_waiting_vcpu(int vm_fd, unsigned index)
{
	struct kvm_vcpu_init init;
	int fd = ioctl(vm_fd, KVM_CREATE_VCPU, index);

	if (fd < 0 || ioctl(vm_fd, KVM_ARM_PREFERRED_TARGET, &init) < 0)
		return -1;
	init.features[0] |= 1 << KVM_ARM_VCPU_POWER_OFF | 1 << KVM_ARM_VCPU_PSCI_0_2;
	return ioctl(fd, KVM_ARM_VCPU_INIT, &init) < 0 ? -1 : fd;
}

/* Seconds a step; NAN when this KVM does not report steps. */
static double time_steps(Rig *rig, bool full)
{
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP};
	struct kvm_one_reg pc = {ARM_CORE(U64, regs.pc), 0};
	uint64_t value;
	double start;

	pc.addr = (uintptr_t)&value;
	ioctl(rig->fd, KVM_SET_GUEST_DEBUG, &debug);
	start = bench_now();
	for (unsigned n = 0; n < STEPS; n++) {
		if (full)
			ioctl(rig->fd, KVM_SET_GUEST_DEBUG, &debug);
		if (ioctl(rig->fd, KVM_RUN, 0) < 0 || rig->run->exit_reason != KVM_EXIT_DEBUG)
			return NAN;
		if (full && ioctl(rig->fd, KVM_GET_ONE_REG, &pc) < 0)
			return NAN;
	}
	return (bench_now() - start) / STEPS;
}

static void step_limits(KvmLimits *best)
{
	Rig rig;
	bool ok = rig_open(&rig, turns, sizeof(turns));

	for (unsigned try = 0; ok && try < TRIES; try++) {
		keep_least(&best->step, time_steps(&rig, false));
		keep_least(&best->handed_step, handed_step(rig.fd));
		keep_least(&best->full_step, time_steps(&rig, true));
	}
	rig_close(&rig);
}

static double time_exits(Rig *rig, KvmGdbVcpu *vcpu)
{
	double start = bench_now();

	for (unsigned n = 0; n < EXITS; n++) {
		int ret = vcpu ? kvm_gdb_run(vcpu) : ioctl(rig->fd, KVM_RUN, 0);

		if (ret < 0 || rig->run->exit_reason != KVM_EXIT_MMIO)
			return NAN;
	}
	return (bench_now() - start) / EXITS;
}

static void hook_limits(KvmLimits *best)
{
	Rig rig;
	bool ok = rig_open(&rig, stores, sizeof(stores));
	KvmGdb *gdb = ok ? kvm_gdb_new(rig.kvm_fd, rig.vm_fd, NULL, NULL, NULL, NULL) : NULL;
	KvmGdbVcpu *vcpu = gdb ? kvm_gdb_add_vcpu(gdb, 0, rig.fd, rig.run, NULL) : NULL;

	for (unsigned try = 0; vcpu && try < TRIES; try++) {
		keep_least(&best->bare_exit, time_exits(&rig, NULL));
		keep_least(&best->hook_exit, time_exits(&rig, vcpu));
	}
	if (gdb)
		kvm_gdb_end(gdb, 0);
	kvm_gdb_free(gdb);
	rig_close(&rig);
}

void kvm_limits(KvmLimits *best)
{
	step_limits(best);
	hook_limits(best);
}

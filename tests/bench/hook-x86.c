/* tests/bench/hook-x86.c - in this process: the bare KVM_RUN, and kvm_gdb_run() in its place. */
#include <math.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/kvm-gdb.h"
#include "tests/bench/arch.h"
#include "tests/bench/limit.h"
#include "tests/bench/times.h"
#include "tests/bench/wire.h"
#include "tests/x86-rig.h"

#define STEPS 2000
#define EXITS 2000
#define TRIES 15

const BenchArch bench_arch = {
	.loop = "guest/loop",
	.smp = "guest/smp",
	.fill = "bench/fill",
	.kernel = "elf",
	.console = "none",
	.qemu = "qemu-system-x86_64",
	.machine = "-M pc -vga none -m 512 -device isa-debugcon,iobase=0xe9,chardev=c "
		   "-chardev stdio,id=c,signal=off",
	.break_kind = 1,
};

/* 1: inc %rax; lea (%rax,%rax), %rbx; nop; mov %rax, %rcx; jmp 1b */
static const uint8_t turns[] = {0x48, 0xff, 0xc0, 0x48, 0x8d, 0x1c, 0x00,
				0x90, 0x48, 0x89, 0xc1, 0xeb, 0xf3};
/* 1: out %al, $0x80; jmp 1b */
static const uint8_t outs[] = {0xe6, 0x80, 0xeb, 0xfc};

/* The first one of a machine would run. */
int bench_waiting_vcpu(int vm_fd, unsigned index)
{
	int first;

	if (index == 0) {
		first = ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0) < 0 ? -1
								: ioctl(vm_fd, KVM_CREATE_VCPU, 0);
		if (first < 0)
			return -1;
		close(first);
	}
	return ioctl(vm_fd, KVM_CREATE_VCPU, index + 1);
}

/* Seconds a step; NAN when this KVM does not report steps. */
static double time_steps(Rig *rig, bool full)
{
	double start = bench_now();
	struct kvm_regs regs;

	for (unsigned n = 0; n < STEPS; n++) {
		if (full)
			rig_debug(rig, KVM_GUESTDBG_SINGLESTEP, NULL);
		if (ioctl(rig->fd, KVM_RUN, 0) < 0 || rig->run->exit_reason != KVM_EXIT_DEBUG)
			return NAN;
		if (full && ioctl(rig->fd, KVM_GET_REGS, &regs) < 0)
			return NAN;
	}
	return (bench_now() - start) / STEPS;
}

static void step_limits(KvmLimits *best)
{
	Rig rig;

	rig_open(&rig, turns, sizeof(turns), true);
	rig_debug(&rig, KVM_GUESTDBG_SINGLESTEP, NULL);
	for (unsigned try = 0; try < TRIES; try++) {
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

		if (ret < 0 || rig->run->exit_reason != KVM_EXIT_IO)
			return NAN;
	}
	return (bench_now() - start) / EXITS;
}

static void hook_limits(KvmLimits *best)
{
	Rig rig;
	KvmGdb *gdb;
	KvmGdbVcpu *vcpu;

	rig_open(&rig, outs, sizeof(outs), true);
	gdb = kvm_gdb_new(rig.kvm_fd, rig.vm_fd, NULL, NULL, NULL, NULL);
	vcpu = gdb ? kvm_gdb_add_vcpu(gdb, 0, rig.fd, rig.run, NULL) : NULL;
	for (unsigned try = 0; vcpu && try < TRIES; try++) {
		keep_least(&best->bare_exit, time_exits(&rig, NULL));
		keep_least(&best->hook_exit, time_exits(&rig, vcpu));
	}
	kvm_gdb_end(gdb, 0);
	kvm_gdb_free(gdb);
	rig_close(&rig);
}

void kvm_limits(KvmLimits *best)
{
	step_limits(best);
	hook_limits(best);
}

/*
 * tests/bench/arch.h - what differs between the architectures: guests, and how a breakpoint is
 * written. Defined by hook-ARCH.c, of which one is linked.
 */
#ifndef VMGDB_BENCH_ARCH_H
#define VMGDB_BENCH_ARCH_H

typedef struct BenchArch {
	const char *loop, *smp, *fill; /* under the folder of guests */
	const char *kernel;	       /* the ending of what is booted; symbols are in .elf */
	const char *console;	       /* where the guest says that it is ready */
	const char *qemu;	       /* that runs the same guests, as .elf */
	const char *machine;	       /* QEMU's words for one like lkvm's, the console on stdout */
	unsigned break_kind;	       /* of a Z0 or Z1 packet */
} BenchArch;

extern const BenchArch bench_arch;

/*
 * A vCPU that waits in KVM_RUN to be started, of a machine that has @index others, which wait too;
 * or -1.
 */
int bench_waiting_vcpu(int vm_fd, unsigned index);

#endif

/*
 * tests/x86-rig.h - a throwaway VM with one vCPU in long mode at CPL 0, for tests on a real KVM.
 *
 * It runs some bytes of code at CODE. Exceptions go to one handler per vector, which halts, so that
 * where the guest halted, and the frame on its stack, tell what was delivered to it.
 */
#ifndef VMGDB_TESTS_X86_RIG_H
#define VMGDB_TESTS_X86_RIG_H

#include <glib.h>

#include "kvm/arch.h"
#include "x86/kvm/vcpu.h"

#define BYTES(s) s, sizeof(s) - 1

/* Guest-physical and linear. */
enum {
	PML4 = 0x1000,
	PDPT = 0x2000,
	PD = 0x3000,
	IDT = 0x4000,
	GDT = 0x5000,
	CODE = 0x6000,
	HANDLERS = 0x7000, /* 16 bytes each */
	DATA = 0x9000,
	STACK = 0xb000,	    /* grows down from here */
	OTHER_IDT = 0xc000, /* of the modes that are not long mode */
	TSS = 0xd000,
	OTHER_PD = 0xe000,
	USER_STACK = 0xf000,
	RAM_SIZE = 0x10000,
	SYSCALL_ENTRY = HANDLERS + 16 * 0x7f,
	VECTOR_PF = 14,
	VECTOR_IRQ = 0x40,
	NOT_MAPPED = 0x40000000,
	N_VECTORS = 0x80,
};

#define CF 0x1ull
#define TF 0x100ull
#define IF 0x200ull
#define RF 0x10000ull

typedef struct Rig {
	int kvm_fd, vm_fd, fd;
	uint8_t *ram;
	struct kvm_run *run;
	size_t run_size;
	ArchVcpu *vcpu;
	ArchMemory memory;
} Rig;

/* Sets GLib's tests up and probes. FALSE: no KVM, and a test that says so was added. */
bool rig_init(int *argc, char ***argv, ArchFeatures *ret);
/* @feature; when it is false the test is skipped. */
bool rig_has(bool feature, const char *what);

/* Is the host a machine that QEMU emulates? Its SVM has faults of its own. */
bool rig_is_tcg(void);

/* A machine about to run @code, stopped and with clean registers. Close it. */
void rig_open(Rig *rig, const void *code, size_t len, bool with_irqchip);
void rig_close(Rig *rig);

/*
 * Other modes, for a machine that was just opened, with the same handlers. Real mode, @with_base:
 * code and handlers each begin at offset 0 of their segments, else they are in segment 0. Protected
 * mode, with paging: at CPL 0, or at 3 with its stack at USER_STACK; gates of 32 or 16 bits.
 */
void rig_set_real(Rig *rig, bool with_base);
void rig_set_protected(Rig *rig, bool user, bool gates16);

/* ArchMemory.read; @opaque: the Rig. */
size_t rig_read_mem(void *opaque, uint64_t addr, void *buf, size_t len);
uint64_t rig_get64(const Rig *rig, uint64_t gpa);

/* KVM_SET_GUEST_DEBUG; arm: with hardware points. */
void rig_debug(Rig *rig, uint32_t control, const struct kvm_guest_debug_arch *arch);
void rig_arm(Rig *rig, const ArchFeatures *features, uint32_t control, const GdbBreak *points,
	     unsigned n);
/* Returns the exit reason. The alarm ends a run that hangs, and the test with it. */
uint32_t rig_run(Rig *rig);
/* KVM_GET_REGS, past the cache. */
struct kvm_regs rig_regs(Rig *rig);

#endif

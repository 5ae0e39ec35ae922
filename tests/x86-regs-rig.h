/*
 * tests/x86-regs-rig.h - a vCPU of a real KVM in 64-bit mode, in 64 KiB of RAM with a small GDT and
 * all CPU features that KVM has, and its registers by name.
 */
#ifndef VMGDB_TESTS_X86_REGS_RIG_H
#define VMGDB_TESTS_X86_REGS_RIG_H

#include <linux/kvm.h>

#include "x86/kvm/reg-access.h"

#define RAM_SIZE 0x10000
#define GDT_AT 0x1000
#define PML4_AT 0x2000
#define PML4_COPY_AT 0x5000
#define CODE_AT 0x8000
#define DATA_AT 0x9000

typedef struct RegsRig {
	int kvm, vm, fd;
	bool xsave;
	uint8_t *ram;
	struct kvm_run *run;
	size_t run_size;
	ArchVcpu *vcpu;
	GdbRegSet *set;
} RegsRig;

typedef struct RegsValue {
	uint8_t bytes[GDB_REG_MAX_BYTES];
} RegsValue;

/* The fixture of GLib's tests. Without /dev/kvm regs_skipped() is TRUE, and the test is skipped. */
void regs_set_up(RegsRig *rig, gconstpointer data);
void regs_tear_down(RegsRig *rig, gconstpointer data);
bool regs_skipped(RegsRig *rig);
#define REGS_ADD(name, function)                                                                   \
	g_test_add("/kvm-x86-regs/" name, RegsRig, NULL, regs_set_up, function, regs_tear_down)

/* The registers that it began with, past the cache. */
void regs_reset(RegsRig *rig);

/* Through arch_read_reg() and arch_write_reg(); ok: an error fails the test. */
RegsValue regs_get(RegsRig *rig, const GdbReg *reg);
uint64_t regs_get64(RegsRig *rig, const char *name);
bool regs_put(RegsRig *rig, const char *name, uint64_t number, GError **error);
void regs_put_ok(RegsRig *rig, const char *name, uint64_t number);
/* Into KVM, and the cache is forgotten. */
void regs_flush(RegsRig *rig);

#endif

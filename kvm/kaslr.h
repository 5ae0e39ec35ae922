/*
 * kvm/kaslr.h - where the guest's kernel lies, found by comparing a register with its vmlinux.
 *
 * The kernel gives each CPU the address of its system call entry (x86 MSR_LSTAR) or of its
 * exception vectors (arm64 VBAR_EL1): arch_info says which. The difference to the symbol is how far
 * it was moved, if the kernel's banner lies where it should then. For the engine, with its lock
 * held and the world stopped.
 */
#ifndef VMGDB_KVM_KASLR_H
#define VMGDB_KVM_KASLR_H

#include "kvm/internal.h"

typedef enum KaslrState {
	KASLR_NO_FILE,	/* no vmlinux is known */
	KASLR_NO_LINUX, /* it is some other program: there is nothing to compare */
	KASLR_EARLY,	/* the kernel has not set the register yet, or cannot be read */
	KASLR_MISMATCH, /* another kernel runs than that of the vmlinux */
	KASLR_KNOWN,
} KaslrState;

/* kaslr_find: @ret_slide (for KASLR_KNOWN): runtime address less the one in the vmlinux. */
KaslrState kaslr_find(KvmGdb *gdb, uint64_t *ret_slide);

/*
 * kaslr_is_native: is the CPU described as what it is, so that the registers that arch_info names
 * are there? FALSE: as its 32-bit kind.
 */
bool kaslr_is_native(const KvmGdb *gdb);

/* kaslr_read_register: the low 64 bits of a register by its gdb name. */
bool kaslr_read_register(KvmGdbVcpu *vcpu, const char *name, uint64_t *ret);

/* GdbProgramOps.load_offset: warns once about a vmlinux that does not fit. Takes the lock. */
bool kaslr_load_offset(void *target, uint64_t *ret_slide, uint64_t *ret_text);
/* GdbProgramOps.exec_file. */
const char *kaslr_exec_file(void *target);

/* `monitor kaslr`. Takes the lock. */
bool kaslr_monitor(void *target, GdbPlace place, const char *args, GString *out, GError **error);

#endif

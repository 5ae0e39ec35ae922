/*
 * x86/kvm/i386.h - the registers as gdb wants them for 32-bit code, whose ELF files it takes only
 * with the architecture "i386". Private to x86/.
 */
#ifndef VMGDB_X86_KVM_I386_H
#define VMGDB_X86_KVM_I386_H

#include <stdbool.h>

#include "x86/kvm/reg-table.h"

/* The CPUs that can be reported to gdb: those of arch_info. */
extern const GdbArchitecture x86_64_architecture, x86_i386_architecture;

/* As X86_NUM_..., QEMU's numbers of its i386-softmmu: rows below X86_I386_NUM_G are in g. */
enum {
	X86_I386_NUM_ESP = 4,
	X86_I386_NUM_EBP = 5,
	X86_I386_NUM_EIP = 8,
	X86_I386_NUM_EFLAGS = 9,
	X86_I386_NUM_CS = 10,
	X86_I386_NUM_G = 50,
};

/* x86_i386_row: @row of the 64-bit description in this one. FALSE: it is not in it. */
bool x86_i386_row(const GdbReg *row, GdbReg *ret);

/* x86_i386_feature: the name of the feature @name in this description; NULL: it is not in it. */
const char *x86_i386_feature(const char *name);

/* x86_i386_types: @text with types of 64 bits cut to 32. Owned by the program. */
const char *x86_i386_types(const char *text);

/* DWARF's numbers: System V ABI for i386, table 2.14. */
extern const GdbRegHint x86_i386_hints[];
extern const unsigned x86_i386_n_hints;

#endif

/*
 * x86/kvm/reg-table.h - the registers of an x86 vCPU as rows, and where the cache holds each of
 * them.
 *
 * Private to x86/. Numbers 0 to 65 and their sizes are QEMU's, since scripts and agent
 * expressions use them; 66 to 81 stay free for r16-r31, which QEMU numbers so. Names are API.
 */
#ifndef VMGDB_X86_KVM_REG_TABLE_H
#define VMGDB_X86_KVM_REG_TABLE_H

#include <stdint.h>

#include "gdbstub/regs.h"

/* GdbReg.source. GdbReg.id is explained at each. */
typedef enum X86Source {
	X86_FROM_REGS,	    /* offset in struct kvm_regs */
	X86_FROM_SREGS,	    /* offset in struct kvm_sregs2 */
	X86_FROM_SELECTOR,  /* offset of a struct kvm_segment in struct kvm_sregs2 */
	X86_FROM_BASE,	    /* the same; its base */
	X86_FROM_LIMIT,	    /* the same; its limit */
	X86_FROM_MSR,	    /* index of the MSR */
	X86_FROM_DEBUGREGS, /* offset in struct kvm_debugregs */
	X86_FROM_XCR,	    /* number of the XCR */
	X86_FROM_X87_WORD,  /* offset of a 16-bit field in the XSAVE area */
	X86_FROM_X87_HALF,  /* offset of half an address in the XSAVE area */
	X86_FROM_FTAG,	    /* 0: made from the abridged tags */
	X86_FROM_XSAVE,	    /* component << 32 | offset in it */
	X86_FROM_ORIG_RAX,  /* 0: kept for gdb, no register of the CPU */
	X86_N_SOURCES,
} X86Source;

static inline uint64_t x86_xsave_id_component(uint64_t id)
{
	return id >> 32;
}

static inline uint32_t x86_xsave_id_offset(uint64_t id)
{
	return (uint32_t)id;
}

/* Numbers that the code itself uses. */
enum {
	X86_NUM_RBP = 6,
	X86_NUM_RSP = 7,
	X86_NUM_RIP = 16,
	X86_NUM_EFLAGS = 17,
	X86_NUM_CS = 18,
	X86_NUM_G = 66, /* rows below it are in g: 608 bytes */
};

/* What a guest may have beyond the base. Bits of a mask. */
enum {
	X86_HAS_XSAVE = 1,
	X86_HAS_AVX = 2,
	X86_HAS_AVX512 = 4,
	X86_HAS_PKEYS = 8,
};

/* One feature of the description; @types is a name under /org/vmgdb/xml/, or NULL. */
typedef struct X86Feature {
	const char *name;
	const char *types;
	const GdbReg *rows;
	unsigned n_rows;
	unsigned needs; /* X86_HAS_ bits, all of them */
} X86Feature;

/* DWARF's numbers: System V ABI for AMD64, figure 3.36. */
extern const GdbRegHint x86_hints[];
extern const unsigned x86_n_hints;

/* In the order in which target.xml lists them. Ends with a NULL name. */
extern const X86Feature x86_features[];

#endif

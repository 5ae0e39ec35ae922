/*
 * x86/cpu/insn.h - call me: recognise the few instructions a debugger must treat in its own way.
 *
 * Owns: instruction prefixes and the opcodes of traps, and of what stores or clears RFLAGS.TF
 * (Intel SDM vol. 2). Pure: bytes in, answer out.
 */
#ifndef VMGDB_X86_CPU_INSN_H
#define VMGDB_X86_CPU_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X86_INSN_MAX 15 /* the longest instruction */

typedef enum X86InsnKind {
	X86_INSN_OTHER,	  /* none of the below, or cut off before that was clear */
	X86_INSN_INT3,	  /* cc: #BP, the only form that exception intercepts see */
	X86_INSN_INT,	  /* cd ib: a software interrupt; "int 3" as cd 03 is one of these */
	X86_INSN_ICEBP,	  /* f1: #DB with no cause in DR6 */
	X86_INSN_HLT,	  /* f4 */
	X86_INSN_PUSHF,	  /* 9c: stores TF */
	X86_INSN_SYSCALL, /* 0f 05: stores TF in r11 and clears it if FMASK says so */
	X86_INSN_POPF,	  /* 9d: loads TF */
	X86_INSN_IRET,	  /* cf: loads TF */
	X86_INSN_SYSRET,  /* 0f 07: loads TF from r11 */
} X86InsnKind;

/*
 * @length: with prefixes; 0 for X86_INSN_OTHER. @vector: of INT3, INT and ICEBP. @size_prefix,
 * @rex_w: of the prefixes, those that choose the size of what is pushed and popped. @rex: there is
 * a REX prefix, which outside 64-bit code is an instruction of its own.
 */
typedef struct X86Insn {
	X86InsnKind kind;
	uint8_t length;
	uint8_t vector;
	bool size_prefix;
	bool rex, rex_w;
} X86Insn;

/* How many of the @len bytes, and of X86_INSN_MAX, are prefixes. */
size_t x86_insn_prefixes(const uint8_t *bytes, size_t len);

/*
 * x86_insn_decode: @len bytes may be read at @bytes; what lies beyond X86_INSN_MAX does not matter.
 * REX prefixes are skipped in any mode: what they are elsewhere is never part of these.
 */
X86Insn x86_insn_decode(const uint8_t *bytes, size_t len);

/* Is it cc, cd 03 or f1: an instruction that traps by itself? */
bool x86_insn_is_trap(const uint8_t *bytes, size_t len);

/*
 * x86_insn_idle_length: the length of an instruction that in 64-bit code changes nothing but rip,
 * as compilers and ftrace emit them: nop in all its lengths, endbr64. 0: another one, or cut off.
 */
size_t x86_insn_idle_length(const uint8_t *bytes, size_t len);

#endif

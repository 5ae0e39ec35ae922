/*
 * x86/cpu/exception.h - call me: where an exception leads, and what it saves on the handler's
 * stack.
 *
 * Owns: entries of the interrupt table in all three formats, frames of two, four and eight-byte
 * words, and which exceptions an instruction may raise. Intel SDM vol. 3, 6.10 to 6.14 and 21.1.4
 * (real mode). Pure: no KVM header; bytes in, answer out.
 */
#ifndef VMGDB_X86_CPU_EXCEPTION_H
#define VMGDB_X86_CPU_EXCEPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The format of the interrupt table. */
typedef enum X86Idt {
	X86_IDT_REAL,	   /* CR0.PE is 0: 4 bytes, segment and offset */
	X86_IDT_PROTECTED, /* 8 bytes */
	X86_IDT_LONG,	   /* EFER.LMA is 1, also under 32-bit code: 16 bytes */
} X86Idt;

#define X86_GATE_MAX 16
#define X86_N_FAULTS 32 /* the vectors that exceptions have */

/* The length of an entry. */
size_t x86_gate_size(X86Idt idt);

/*
 * x86_gate_decode: @entry has x86_gate_size() bytes. FALSE when an exception by it does not go
 * straight into a handler: not present, a task gate, no gate at all.
 * @offset: in the segment of @selector, whose base the caller must add (in long mode it is 0).
 * @word: bytes of each word of the frame.
 */
typedef struct X86Gate {
	uint64_t offset;
	uint16_t selector;
	uint8_t word;
} X86Gate;

bool x86_gate_decode(X86Idt idt, const uint8_t *entry, X86Gate *ret);

/*
 * x86_fault_vectors: the exceptions that the instruction at @insn (@len bytes may be read) is most
 * likely to raise, most likely first; always X86_N_LIKELY distinct ones. The list hardly depends on
 * the instruction, so that steps need not set up other debug registers each time.
 */
#define X86_N_LIKELY 4
void x86_fault_vectors(const uint8_t *insn, size_t len, uint8_t ret[X86_N_LIKELY]);

/*
 * What an exception in an instruction saves. @next_ip: behind it, for those that are traps; the
 * same as @ip when not known. @flags: RF and TF do not matter.
 */
typedef struct X86Saved {
	uint64_t ip, next_ip, flags, sp;
	uint16_t cs, ss;
} X86Saved;

/*
 * x86_frame_find: was a frame for @saved, with TF in its flags, pushed at @stack (@len bytes may be
 * read), with or without an error code below it? @word: bytes of each of its words.
 * @with_stack: it has sp and ss, as it always has in long mode and elsewhere when the exception
 * changed the privilege level. Returns the offset of the byte that holds TF, as bit X86_FRAME_TF;
 * 0: there is none (it is never at 0).
 */
#define X86_FRAME_TF 1u
size_t x86_frame_find(const uint8_t *stack, size_t len, unsigned word, bool with_stack,
		      const X86Saved *saved);

/* The same somewhere at or above @stack: the handler has gone on. Offset as above. */
size_t x86_frame_search(const uint8_t *stack, size_t len, unsigned word, bool with_stack,
			const X86Saved *saved);

#endif

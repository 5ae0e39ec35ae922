/*
 * x86/cpu/exception.c - see exception.h.
 */
#include "x86/cpu/exception.h"

#include <string.h>

#include "x86/cpu/bits.h"
#include "x86/cpu/insn.h"

enum { VECTOR_DE = 0, VECTOR_UD = 6, VECTOR_NM = 7, VECTOR_GP = 13 };

/* Types of gates; bit 3 set: 32 bits, and 64 in long mode. */
enum { TYPE_INTERRUPT16 = 6, TYPE_TRAP16 = 7, TYPE_INTERRUPT = 14, TYPE_TRAP = 15 };

static uint64_t load(const uint8_t *from, unsigned len)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < len; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

/* ---- The interrupt table ---- */

size_t x86_gate_size(X86Idt idt)
{
	static const uint8_t sizes[] = {
		[X86_IDT_REAL] = 4, [X86_IDT_PROTECTED] = 8, [X86_IDT_LONG] = 16};

	return sizes[idt];
}

bool x86_gate_decode(X86Idt idt, const uint8_t *entry, X86Gate *ret)
{
	uint8_t type;

	if (idt == X86_IDT_REAL) {
		*ret = (X86Gate){load(entry, 2), load(entry + 2, 2), 2};
		return true;
	}
	type = entry[5] & 0x1f; /* with the bit that is 0 for system descriptors */
	if (!(entry[5] & 0x80))
		return false;
	*ret = (X86Gate){load(entry, 2), load(entry + 2, 2), 2};
	if (idt == X86_IDT_PROTECTED && (type == TYPE_INTERRUPT16 || type == TYPE_TRAP16))
		return true;
	if (type != TYPE_INTERRUPT && type != TYPE_TRAP)
		return false;
	ret->offset |= load(entry + 6, 2) << 16;
	ret->word = 4;
	if (idt == X86_IDT_LONG) {
		ret->offset |= load(entry + 8, 4) << 32;
		ret->word = 8;
	}
	return true;
}

/* ---- Exceptions of instructions ---- */

static bool is_division(uint8_t opcode)
{
	return opcode == 0xf6 || opcode == 0xf7;
}

/* x87, fwait, and the moves of SSE: that is enough, #NM is rare in today's systems. */
static bool uses_fpu(const uint8_t *opcode, size_t len)
{
	return (opcode[0] & 0xf8) == 0xd8 || opcode[0] == 0x9b ||
	       (len > 1 && opcode[0] == 0x0f && (opcode[1] & 0xf0) == 0x10);
}

/* ud0, ud1, ud2 */
static bool is_undefined(const uint8_t *opcode, size_t len)
{
	return len > 1 && opcode[0] == 0x0f &&
	       (opcode[1] == 0x0b || opcode[1] == 0xb9 || opcode[1] == 0xff);
}

void x86_fault_vectors(const uint8_t *insn, size_t len, uint8_t ret[X86_N_LIKELY])
{
	static const uint8_t usual[] = {X86_VECTOR_PF, VECTOR_GP, VECTOR_UD, VECTOR_DE};
	size_t at = x86_insn_prefixes(insn, len);

	memcpy(ret, usual, sizeof(usual));
	if (at == len || is_division(insn[at]))
		return;
	if (uses_fpu(&insn[at], len - at))
		ret[3] = VECTOR_NM;
	if (!is_undefined(&insn[at], len - at))
		return;
	ret[0] = VECTOR_UD;
	ret[2] = X86_VECTOR_PF;
}

/* ---- Frames ---- */

/* Are the words at @frame, from ip on, those of @saved? */
static bool is_frame(const uint8_t *frame, unsigned word, bool with_stack, const X86Saved *saved)
{
	uint64_t mask = word == 8 ? UINT64_MAX : (1ull << 8 * word) - 1;
	uint64_t ip = load(frame, word), flags = load(frame + 2 * word, word);

	if ((ip != (saved->ip & mask) && ip != (saved->next_ip & mask)) ||
	    (uint16_t)load(frame + word, word) != saved->cs ||
	    (flags & ~X86_RFLAGS_RF) != (((saved->flags & ~X86_RFLAGS_RF) | X86_RFLAGS_TF) & mask))
		return false;
	return !with_stack || (load(frame + 3 * word, word) == (saved->sp & mask) &&
			       (uint16_t)load(frame + 4 * word, word) == saved->ss);
}

static size_t frame_length(unsigned word, bool with_stack)
{
	return word * (with_stack ? 5 : 3);
}

/* TF is bit 8 of the flags, which are the third word. */
static size_t tf_offset(size_t frame, unsigned word)
{
	return frame + 2 * word + 1;
}

size_t x86_frame_find(const uint8_t *stack, size_t len, unsigned word, bool with_stack,
		      const X86Saved *saved)
{
	for (unsigned at = 0; at <= word; at += word) {
		if (at + frame_length(word, with_stack) <= len &&
		    is_frame(stack + at, word, with_stack, saved))
			return tf_offset(at, word);
	}
	return 0;
}

size_t x86_frame_search(const uint8_t *stack, size_t len, unsigned word, bool with_stack,
			const X86Saved *saved)
{
	size_t frame = frame_length(word, with_stack);

	for (size_t at = 0; at + frame <= len; at += word) {
		if (is_frame(stack + at, word, with_stack, saved))
			return tf_offset(at, word);
	}
	return 0;
}

/*
 * x86/cpu/insn.c - see insn.h.
 */
#include "x86/cpu/insn.h"

#include <string.h>

static bool is_prefix(uint8_t byte)
{
	/* segments, operand and address size, lock, repne and rep, REX */
	static const uint8_t legacy[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
					 0x66, 0x67, 0xf0, 0xf2, 0xf3};

	return (byte & 0xf0) == 0x40 || memchr(legacy, byte, sizeof(legacy));
}

size_t x86_insn_prefixes(const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	if (len > X86_INSN_MAX)
		len = X86_INSN_MAX;
	while (at < len && is_prefix(bytes[at]))
		at++;
	return at;
}

/* The opcodes of one byte, and of two behind 0f. */
static const struct {
	bool two;
	uint8_t opcode;
	X86InsnKind kind;
	uint8_t vector;
} opcodes[] = {
	{false, 0xcc, X86_INSN_INT3, 3},   {false, 0xf1, X86_INSN_ICEBP, 1},
	{false, 0x9c, X86_INSN_PUSHF, 0},  {false, 0x9d, X86_INSN_POPF, 0},
	{false, 0xcf, X86_INSN_IRET, 0},   {false, 0xf4, X86_INSN_HLT, 0},
	{true, 0x05, X86_INSN_SYSCALL, 0}, {true, 0x07, X86_INSN_SYSRET, 0},
};

X86Insn x86_insn_decode(const uint8_t *bytes, size_t len)
{
	size_t at = x86_insn_prefixes(bytes, len);
	X86Insn insn = {0};
	bool two;

	if (len > X86_INSN_MAX)
		len = X86_INSN_MAX;
	if (at == len)
		return insn;
	two = bytes[at] == 0x0f;
	if (at + 1 < len && bytes[at] == 0xcd)
		insn = (X86Insn){.kind = X86_INSN_INT, .length = at + 2, .vector = bytes[at + 1]};
	for (unsigned i = 0; i < sizeof(opcodes) / sizeof(*opcodes) && at + two < len; i++) {
		if (opcodes[i].two == two && opcodes[i].opcode == bytes[at + two])
			insn = (X86Insn){.kind = opcodes[i].kind,
					 .length = at + two + 1,
					 .vector = opcodes[i].vector};
	}
	if (insn.kind == X86_INSN_OTHER)
		return insn;
	insn.size_prefix = memchr(bytes, 0x66, at);
	/* Any REX prefix but one right before the opcode is ignored. */
	insn.rex = at && (bytes[at - 1] & 0xf0) == 0x40;
	insn.rex_w = insn.rex && bytes[at - 1] & 8;
	return insn;
}

bool x86_insn_is_trap(const uint8_t *bytes, size_t len)
{
	X86Insn insn = x86_insn_decode(bytes, len);

	return insn.kind == X86_INSN_INT3 || insn.kind == X86_INSN_ICEBP ||
	       (insn.kind == X86_INSN_INT && insn.vector == 3);
}

/* Of an operand that is not looked at: ModRM, SIB and displacement. */
static size_t operand_length(const uint8_t *bytes, size_t len)
{
	static const uint8_t displacement[] = {0, 1, 4, 0};
	uint8_t mod = len ? bytes[0] >> 6 : 3, rm = len ? bytes[0] & 7 : 0;
	bool has_sib = mod != 3 && rm == 4;
	bool is_absolute = mod == 0 && (rm == 5 || (has_sib && len > 1 && (bytes[1] & 7) == 5));

	return 1 + has_sib + (is_absolute ? 4 : displacement[mod]);
}

size_t x86_insn_idle_length(const uint8_t *bytes, size_t len)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	size_t at = 0, all = 0;

	if (len > X86_INSN_MAX)
		len = X86_INSN_MAX;
	if (len >= sizeof(endbr64) && !memcmp(bytes, endbr64, sizeof(endbr64)))
		return sizeof(endbr64);
	/* No REX: 41 90 exchanges registers. No f3: that is pause. */
	while (at < len && (bytes[at] == 0x66 || bytes[at] == 0x2e))
		at++;
	if (at < len && bytes[at] == 0x90)
		all = at + 1;
	else if (at + 2 < len && bytes[at] == 0x0f && bytes[at + 1] == 0x1f &&
		 !(bytes[at + 2] & 0x38))
		all = at + 2 + operand_length(&bytes[at + 2], len - at - 2);
	return all <= len ? all : 0;
}

/*
 * x86/insn.c - see insn.h.
 */
#include "x86/insn.h"

#include <string.h>

static bool is_prefix(uint8_t byte)
{
	/* segments, operand and address size, lock, repne and rep, REX */
	static const uint8_t legacy[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
					 0x66, 0x67, 0xf0, 0xf2, 0xf3};

	return (byte & 0xf0) == 0x40 || memchr(legacy, byte, sizeof(legacy));
}

X86Insn x86_insn_decode(const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	if (len > X86_INSN_MAX)
		len = X86_INSN_MAX;
	while (at < len && is_prefix(bytes[at]))
		at++;
	if (at == len)
		return (X86Insn){0};
	if (bytes[at] == 0xcc)
		return (X86Insn){X86_INSN_INT3, at + 1, 3};
	if (bytes[at] == 0xf1)
		return (X86Insn){X86_INSN_ICEBP, at + 1, 1};
	if (bytes[at] == 0x9c)
		return (X86Insn){X86_INSN_PUSHF, at + 1, 0};
	if (bytes[at] == 0xf4)
		return (X86Insn){X86_INSN_HLT, at + 1, 0};
	if (at + 1 == len)
		return (X86Insn){0};
	if (bytes[at] == 0xcd)
		return (X86Insn){X86_INSN_INT, at + 2, bytes[at + 1]};
	if (bytes[at] == 0x0f && bytes[at + 1] == 0x05)
		return (X86Insn){X86_INSN_SYSCALL, at + 2, 0};
	return (X86Insn){0};
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

bool x86_gate_target(const uint8_t gate[16], uint64_t *ret)
{
	uint8_t type = gate[5] & 0x1f;
	uint64_t target = 0;

	if (!(gate[5] & 0x80) || (type != 0x0e && type != 0x0f))
		return false;
	for (unsigned i = 0; i < 4; i++)
		target |= (uint64_t)gate[8 + i] << (32 + 8 * i);
	target |= (uint64_t)gate[7] << 24 | (uint64_t)gate[6] << 16;
	target |= (uint64_t)gate[1] << 8 | gate[0];
	*ret = target;
	return true;
}

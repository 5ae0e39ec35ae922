/*
 * tests/cfi.c - call frame information, read.
 */
#include "tests/cfi.h"

#include <glib.h>
#include <string.h>

#define STACK 4u

typedef struct Bytes {
	const uint8_t *at, *end;
} Bytes;

static uint64_t take(Bytes *bytes, size_t len)
{
	uint64_t value = 0;

	g_assert_cmpuint(bytes->end - bytes->at, >=, len);
	memcpy(&value, bytes->at, len);
	bytes->at += len;
	return GUINT64_FROM_LE(value);
}

static uint64_t take_uleb(Bytes *bytes)
{
	uint64_t value = 0;
	unsigned shift = 0;

	for (;;) {
		uint64_t byte = take(bytes, 1);

		value |= (byte & 0x7f) << shift;
		shift += 7;
		if (!(byte & 0x80))
			return value;
	}
}

static int64_t take_sleb(Bytes *bytes)
{
	uint64_t value = 0;
	unsigned shift = 0;

	for (;;) {
		uint64_t byte = take(bytes, 1);

		value |= (byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		return byte & 0x40 && shift < 64 ? (int64_t)(value | UINT64_MAX << shift)
						 : (int64_t)value;
	}
}

static CfiRule take_block(Bytes *bytes)
{
	size_t len = take_uleb(bytes);
	CfiRule rule = {.how = CFI_EXPRESSION, .expr = bytes->at, .len = len};

	g_assert_cmpuint(bytes->end - bytes->at, >=, len);
	bytes->at += len;
	return rule;
}

typedef struct Cie {
	bool is_signal;
	uint64_t code_align, return_column;
	int64_t data_align;
	Bytes insns;
} Cie;

static Cie read_cie(Bytes bytes)
{
	Cie cie = {0};
	unsigned version = take(&bytes, 1);
	char letter = take(&bytes, 1);

	g_assert_true(version == 1 || version == 3 || version == 4);
	for (; letter; letter = take(&bytes, 1)) {
		g_assert_cmpint(letter, ==, 'S');
		cie.is_signal = true;
	}
	if (version == 4) {
		g_assert_cmpuint(take(&bytes, 1), ==, 8);
		g_assert_cmpuint(take(&bytes, 1), ==, 0);
	}
	cie.code_align = take_uleb(&bytes);
	cie.data_align = take_sleb(&bytes);
	cie.return_column = version == 1 ? take(&bytes, 1) : take_uleb(&bytes);
	/* rip, x30 */
	g_assert_true(cie.return_column == 16 || cie.return_column == 30);
	cie.insns = bytes;
	return cie;
}

/* @start: what the CIE says. @first: the first row of the description, once it has another. */
typedef struct Machine {
	const Cie *cie;
	CfiRow row, start, first, stack[STACK];
	unsigned depth;
	bool has_first;
} Machine;

static CfiRule *reg_of(Machine *machine, uint64_t reg)
{
	g_assert_cmpuint(reg, <, CFI_REGS);
	return &machine->row.regs[reg];
}

static void restore(Machine *machine, unsigned reg)
{
	const CfiRule *start = &machine->start.regs[reg], *first = &machine->first.regs[reg];

	if (machine->has_first && (first->how != start->how || first->offset != start->offset))
		machine->row.lldb_differs = true;
	machine->row.regs[reg] = *start;
}

static void set_cfa(Machine *machine, uint64_t reg, int64_t offset)
{
	machine->row.cfa = (CfiRule){.how = CFI_OFFSET, .reg = reg, .offset = offset};
}

static void run_cfa(Machine *machine, uint8_t op, Bytes *bytes)
{
	uint64_t reg;

	switch (op) {
	case 0x0c: /* def_cfa */
		reg = take_uleb(bytes);
		set_cfa(machine, reg, take_uleb(bytes));
		break;
	case 0x12: /* def_cfa_sf */
		reg = take_uleb(bytes);
		set_cfa(machine, reg, take_sleb(bytes) * machine->cie->data_align);
		break;
	case 0x0d: /* def_cfa_register */
		g_assert_cmpint(machine->row.cfa.how, ==, CFI_OFFSET);
		machine->row.cfa.reg = take_uleb(bytes);
		break;
	case 0x0e: /* def_cfa_offset */
		g_assert_cmpint(machine->row.cfa.how, ==, CFI_OFFSET);
		machine->row.cfa.offset = take_uleb(bytes);
		break;
	case 0x0f: /* def_cfa_expression */
		machine->row.cfa = take_block(bytes);
		break;
	default:
		g_error("call frame instruction 0x%x", op);
	}
}

static void run_other(Machine *machine, uint8_t op, Bytes *bytes)
{
	uint64_t reg;

	switch (op) {
	case 0x00:
		break;
	case 0x05: /* offset_extended */
	case 0x11: /* offset_extended_sf */
		reg = take_uleb(bytes);
		*reg_of(machine, reg) = (CfiRule){
			.how = CFI_OFFSET,
			.offset = (op == 0x05 ? (int64_t)take_uleb(bytes) : take_sleb(bytes)) *
				  machine->cie->data_align,
		};
		break;
	case 0x07:
		*reg_of(machine, take_uleb(bytes)) = (CfiRule){.how = CFI_UNDEFINED};
		break;
	case 0x08:
		*reg_of(machine, take_uleb(bytes)) = (CfiRule){.how = CFI_SAME};
		break;
	case 0x0a: /* remember_state */
		g_assert_cmpuint(machine->depth, <, STACK);
		machine->stack[machine->depth++] = machine->row;
		break;
	case 0x0b: /* restore_state */
		g_assert_cmpuint(machine->depth, >, 0);
		machine->row = machine->stack[--machine->depth];
		break;
	case 0x2d: /* arm64: negate_ra_state */
		machine->row.is_signed = !machine->row.is_signed;
		break;
	case 0x10: /* expression */
	case 0x16: /* val_expression */
		reg = take_uleb(bytes);
		*reg_of(machine, reg) = take_block(bytes);
		if (op == 0x16)
			reg_of(machine, reg)->how = CFI_VAL_EXPRESSION;
		break;
	default:
		run_cfa(machine, op, bytes);
	}
}

/* How far an instruction advances; -1: it is another one. */
static int64_t advance_of(uint8_t op, Bytes *bytes)
{
	if (op >> 6 == 1)
		return op & 0x3f;
	return op >= 2 && op <= 4 ? (int64_t)take(bytes, 1u << (op - 2)) : -1;
}

/* Up to what is behind @pc. */
static void run(Machine *machine, Bytes bytes, uint64_t at, uint64_t pc)
{
	while (bytes.at < bytes.end) {
		uint8_t op = take(&bytes, 1);
		int64_t advance = advance_of(op, &bytes);

		if (advance >= 0 && !machine->has_first) {
			machine->first = machine->row;
			machine->has_first = true;
		}
		if (advance >= 0)
			at += advance * machine->cie->code_align;
		else if (op >> 6 == 2)
			machine->row.regs[op & 0x3f] = (CfiRule){
				.how = CFI_OFFSET,
				.offset = (int64_t)take_uleb(&bytes) * machine->cie->data_align,
			};
		else if (op >> 6 == 3)
			restore(machine, op & 0x3f);
		else
			run_other(machine, op, &bytes);
		if (at > pc)
			return;
	}
}

/* The entry at @at: what is behind its length, and where the next one is. */
static Bytes entry_at(const uint8_t *section, size_t len, size_t at, size_t *ret_next)
{
	Bytes bytes = {section + at, section + len};
	uint64_t size = take(&bytes, 4);

	g_assert_cmpuint(bytes.end - bytes.at, >=, size);
	g_assert_cmpuint(size, >=, 4);
	bytes.end = bytes.at + size;
	*ret_next = at + 4 + size;
	return bytes;
}

static void read_row(const uint8_t *section, size_t len, uint32_t cie_at, Bytes insns, uint64_t pc,
		     CfiRow *ret)
{
	size_t next;
	Bytes bytes = entry_at(section, len, cie_at, &next);
	Machine machine = {0};
	Cie cie;

	g_assert_cmphex(take(&bytes, 4), ==, 0xffffffff);
	cie = read_cie(bytes);
	machine.cie = &cie;
	run(&machine, cie.insns, 0, 0);
	machine.start = machine.row;
	run(&machine, insns, ret->start, pc);
	machine.row.start = ret->start;
	machine.row.end = ret->end;
	machine.row.is_signal = cie.is_signal;
	*ret = machine.row;
}

bool cfi_find(const uint8_t *section, size_t len, uint64_t pc, CfiRow *ret)
{
	for (size_t at = 0, next; at < len; at = next) {
		Bytes bytes = entry_at(section, len, at, &next);
		uint32_t cie = take(&bytes, 4);

		if (cie == 0xffffffff)
			continue;
		ret->start = take(&bytes, 8);
		ret->end = ret->start + take(&bytes, 8);
		if (pc < ret->start || pc >= ret->end)
			continue;
		read_row(section, len, cie, bytes, pc, ret);
		return true;
	}
	return false;
}

unsigned cfi_count(const uint8_t *section, size_t len,
		   void (*each)(void *data, uint64_t start, uint64_t end), void *data)
{
	unsigned n = 0;

	for (size_t at = 0, next; at < len; at = next) {
		Bytes bytes = entry_at(section, len, at, &next);
		uint64_t start;

		n++;
		if (take(&bytes, 4) == 0xffffffff || !each)
			continue;
		start = take(&bytes, 8);
		each(data, start, start + take(&bytes, 8));
	}
	return n;
}

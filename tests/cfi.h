/*
 * tests/cfi.h - reads a .debug_frame section (DWARF 4, section 6.4) as a debugger does: which rules
 * hold at an address.
 */
#ifndef VMGDB_TESTS_CFI_H
#define VMGDB_TESTS_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CFI_REGS 64u

typedef enum CfiHow {
	CFI_UNSET,
	CFI_SAME,
	CFI_UNDEFINED,
	CFI_OFFSET,
	CFI_EXPRESSION,	    /* gives the address where it is saved */
	CFI_VAL_EXPRESSION, /* gives the register itself */
} CfiHow;

/*
 * @offset: from the frame's address; for that itself, from @reg. @expr: @len bytes in the section.
 */
typedef struct CfiRule {
	CfiHow how;
	unsigned reg;
	int64_t offset;
	const uint8_t *expr;
	size_t len;
} CfiRule;

/* @lldb_differs: a rule was restored that lldb takes from the first row, and not from the CIE. */
typedef struct CfiRow {
	bool is_signal, is_signed; /* arm64: the return address is */
	bool lldb_differs;
	uint64_t start, end; /* of the description */
	CfiRule cfa, regs[CFI_REGS];
} CfiRow;

/* The first description that has @pc; FALSE when none has. Asserts that the section is right. */
bool cfi_find(const uint8_t *section, size_t len, uint64_t pc, CfiRow *ret);

/* How many CIEs and FDEs there are. @each, or NULL, gets what every FDE covers. */
unsigned cfi_count(const uint8_t *section, size_t len,
		   void (*each)(void *data, uint64_t start, uint64_t end), void *data);

#endif

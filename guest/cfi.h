/*
 * guest/cfi.h - the bytes of a .debug_frame section (DWARF 4, sections 6.4 and 7.23). Pure.
 */
#ifndef VMGDB_GUEST_CFI_H
#define VMGDB_GUEST_CFI_H

#include <stdbool.h>

#include "guest/bytes.h"

/* Call frame instructions: figure 40. */
enum {
	DW_CFA_nop = 0x00,
	DW_CFA_advance_loc1 = 0x02,
	DW_CFA_advance_loc2 = 0x03,
	DW_CFA_advance_loc4 = 0x04,
	DW_CFA_undefined = 0x07,
	DW_CFA_same_value = 0x08,
	DW_CFA_def_cfa = 0x0c,
	DW_CFA_def_cfa_offset = 0x0e,
	DW_CFA_def_cfa_expression = 0x0f,
	DW_CFA_expression = 0x10,
	DW_CFA_offset_extended_sf = 0x11,
	DW_CFA_def_cfa_sf = 0x12,
	DW_CFA_val_expression = 0x16,
	DW_CFA_advance_loc = 0x40,
	DW_CFA_offset = 0x80,
	DW_CFA_restore = 0xc0,
};

/* How far the next row is, in units of the CIE. */
void cfi_put_advance(Bytes *out, uint32_t delta);

/*
 * cfi_begin_cie: a CIE up to its first instruction. @is_signal: of frames that were interrupted:
 * gdb does not look for the call in front of their pc. @code_unit, @data_unit: alignment factors.
 * cfi_begin_fde: one of the CIE at @cie, for @range bytes from @addr on. Both give where it begins,
 * for cfi_end_block(), which fills it up to 8 bytes and writes its length.
 */
void cfi_begin_cie(Bytes *out, guint *ret_at, bool is_signal, unsigned code_unit, int data_unit,
		   unsigned return_column);
void cfi_begin_fde(Bytes *out, guint *ret_at, uint32_t cie, uint64_t addr, uint64_t range);
void cfi_end_block(Bytes *out, guint at);

#endif

/*
 * guest/cfi.c - writes .debug_frame, byte by byte.
 */
#include "guest/cfi.h"

#include <string.h>

void cfi_put_advance(Bytes *out, uint32_t delta)
{
	if (delta < 0x40) {
		bytes_put(out, DW_CFA_advance_loc | delta, 1);
		return;
	}
	bytes_put(out,
		  delta < 0x100	    ? DW_CFA_advance_loc1
		  : delta < 0x10000 ? DW_CFA_advance_loc2
				    : DW_CFA_advance_loc4,
		  1);
	bytes_put(out, delta, delta < 0x100 ? 1 : delta < 0x10000 ? 2 : 4);
}

static void begin_block(Bytes *out, guint *ret_at)
{
	*ret_at = out->len;
	bytes_put(out, 0, 4);
}

/* Fill it up to 8 bytes, and write its length in front. */
void cfi_end_block(Bytes *out, guint at)
{
	uint32_t len;

	while (out->len % 8)
		bytes_put(out, DW_CFA_nop, 1);
	len = GUINT32_TO_LE(out->len - at - 4);
	memcpy(out->data + at, &len, 4);
}

void cfi_begin_cie(Bytes *out, guint *ret_at, bool is_signal, unsigned code_unit, int data_unit,
		   unsigned return_column)
{
	begin_block(out, ret_at);
	bytes_put(out, 0xffffffff, 4);
	bytes_put(out, 4, 1);
	if (is_signal)
		bytes_put(out, 'S', 1);
	bytes_put(out, 0, 1);
	bytes_put(out, 8, 1); /* of an address */
	bytes_put(out, 0, 1); /* of a segment selector */
	bytes_uleb(out, code_unit);
	bytes_sleb(out, data_unit);
	bytes_uleb(out, return_column);
}

void cfi_begin_fde(Bytes *out, guint *ret_at, uint32_t cie, uint64_t addr, uint64_t range)
{
	begin_block(out, ret_at);
	bytes_put(out, cie, 4);
	bytes_put(out, addr, 8);
	bytes_put(out, range, 8);
}

/*
 * guest/cfi.c - writes .debug_frame, byte by byte.
 */
#include "guest/cfi.h"

#include <string.h>

void cfi_put(GByteArray *out, uint64_t value, unsigned len)
{
	value = GUINT64_TO_LE(value);
	g_byte_array_append(out, (const uint8_t *)&value, len);
}

void cfi_put_uleb(GByteArray *out, uint32_t value)
{
	for (; value >= 0x80; value >>= 7)
		cfi_put(out, (value & 0x7f) | 0x80, 1);
	cfi_put(out, value, 1);
}

void cfi_put_sleb(GByteArray *out, int32_t value)
{
	for (; value < -64 || value > 63; value >>= 7)
		cfi_put(out, (value & 0x7f) | 0x80, 1);
	cfi_put(out, value & 0x7f, 1);
}

void cfi_put_advance(GByteArray *out, uint32_t delta)
{
	if (delta < 0x40) {
		cfi_put(out, DW_CFA_advance_loc | delta, 1);
		return;
	}
	cfi_put(out,
		delta < 0x100	  ? DW_CFA_advance_loc1
		: delta < 0x10000 ? DW_CFA_advance_loc2
				  : DW_CFA_advance_loc4,
		1);
	cfi_put(out, delta, delta < 0x100 ? 1 : delta < 0x10000 ? 2 : 4);
}

static void begin_block(GByteArray *out, guint *ret_at)
{
	*ret_at = out->len;
	cfi_put(out, 0, 4);
}

/* Fill it up to 8 bytes, and write its length in front. */
void cfi_end_block(GByteArray *out, guint at)
{
	uint32_t len;

	while (out->len % 8)
		cfi_put(out, DW_CFA_nop, 1);
	len = GUINT32_TO_LE(out->len - at - 4);
	memcpy(out->data + at, &len, 4);
}

void cfi_begin_cie(GByteArray *out, guint *ret_at, bool is_signal, unsigned code_unit,
		   int data_unit, unsigned return_column)
{
	begin_block(out, ret_at);
	cfi_put(out, 0xffffffff, 4);
	cfi_put(out, 4, 1);
	if (is_signal)
		cfi_put(out, 'S', 1);
	cfi_put(out, 0, 1);
	cfi_put(out, 8, 1); /* of an address */
	cfi_put(out, 0, 1); /* of a segment selector */
	cfi_put_uleb(out, code_unit);
	cfi_put_sleb(out, data_unit);
	cfi_put_uleb(out, return_column);
}

void cfi_begin_fde(GByteArray *out, guint *ret_at, uint32_t cie, uint64_t addr, uint64_t range)
{
	begin_block(out, ret_at);
	cfi_put(out, cie, 4);
	cfi_put(out, addr, 8);
	cfi_put(out, range, 8);
}

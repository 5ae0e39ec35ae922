/*
 * x86/cpu/xsave.c - the XSAVE area as bytes. Owns its layout and the x87 tag word; knows no KVM.
 */
#include "x86/cpu/xsave.h"

#include <string.h>

#define FCW_INIT 0x037f

static uint64_t load(const uint8_t *from, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

static void store(uint8_t *to, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = value >> 8 * i;
}

static void reset_x87(uint8_t *area)
{
	memset(area, 0, X86_XSAVE_MXCSR);
	memset(area + X86_XSAVE_ST, 0, 8 * 16);
	store(area + X86_XSAVE_FCW, FCW_INIT, 2);
}

void x86_xsave_normalise(uint8_t *area, size_t size, const X86XsaveLayout *layout)
{
	uint64_t present = load(area + X86_XSAVE_BV, 8);

	if (!(present >> X86_XC_X87 & 1))
		reset_x87(area);
	if (!(present >> X86_XC_SSE & 1))
		memset(area + X86_XSAVE_XMM, 0, 16 * 16);
	for (unsigned i = X86_XC_AVX; i < X86_XC_N; i++)
		if (!(present >> i & 1) && (size_t)layout->offset[i] + layout->size[i] <= size)
			memset(area + layout->offset[i], 0, layout->size[i]);
}

void x86_xsave_touch(uint8_t *area, unsigned component)
{
	store(area + X86_XSAVE_BV, load(area + X86_XSAVE_BV, 8) | 1ull << component, 8);
}

/* How the full tag word classes a value in use: SDM volume 1, figure 8-7 and table 8-3. */
static unsigned tag_of(const uint8_t *st)
{
	unsigned exponent = load(st + 8, 2) & 0x7fff;
	uint64_t mantissa = load(st, 8);

	if (exponent == 0)
		return mantissa == 0 ? 1 : 2;
	if (exponent == 0x7fff)
		return 2;
	return mantissa >> 63 ? 0 : 2;
}

uint16_t x86_ftag_from_xsave(const uint8_t *area)
{
	unsigned top = load(area + X86_XSAVE_FSW, 2) >> 11 & 7;
	uint8_t used = area[X86_XSAVE_FTW];
	uint16_t ftag = 0;

	/* Tags go by physical register, values by their place on the stack. */
	for (unsigned phys = 0; phys < 8; phys++) {
		const uint8_t *st = area + X86_XSAVE_ST + 16 * ((phys - top) & 7);
		unsigned tag = used >> phys & 1 ? tag_of(st) : 3;

		ftag |= tag << 2 * phys;
	}
	return ftag;
}

uint8_t x86_ftag_abridge(uint16_t ftag)
{
	uint8_t used = 0;

	for (unsigned phys = 0; phys < 8; phys++)
		if ((ftag >> 2 * phys & 3) != 3)
			used |= 1u << phys;
	return used;
}

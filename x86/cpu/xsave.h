/*
 * x86/cpu/xsave.h - the XSAVE area as bytes: where components are, x87 in gdb's terms.
 *
 * Pure: no KVM header, works on a buffer in the standard (not compacted) format.
 * SDM volume 1, 13.4 (XSAVE area), 10.5.1 (FXSAVE), 8.1.7 (x87 tag word).
 */
#ifndef VMGDB_X86_CPU_XSAVE_H
#define VMGDB_X86_CPU_XSAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* State components: the bits of XCR0 and XSTATE_BV. */
enum {
	X86_XC_X87 = 0,
	X86_XC_SSE = 1,
	X86_XC_AVX = 2,
	X86_XC_OPMASK = 5,
	X86_XC_ZMM_HI256 = 6,
	X86_XC_HI16_ZMM = 7,
	X86_XC_PKRU = 9,
	X86_XC_N, /* later ones have no rows */
};

/* Offsets in the legacy region. */
#define X86_XSAVE_FCW 0
#define X86_XSAVE_FSW 2
#define X86_XSAVE_FTW 4 /* abridged: one bit per physical register, 1 is in use */
#define X86_XSAVE_FOP 6
#define X86_XSAVE_FIP 8	 /* 64 bits; gdb's fioff and fiseg are its halves */
#define X86_XSAVE_FDP 16 /* 64 bits; gdb's fooff and foseg are its halves */
#define X86_XSAVE_MXCSR 24
#define X86_XSAVE_ST 32	  /* 8 times 16 bytes, st(0) first: already turned by TOP */
#define X86_XSAVE_XMM 160 /* 16 times 16 bytes */
#define X86_XSAVE_BV 512  /* XSTATE_BV, 64 bits */
#define X86_XSAVE_MIN 576 /* legacy region and header */

/*
 * Where this host puts the components: CPUID leaf 0xD. size 0: the host does not have it. The
 * legacy components 0 and 1 are both at offset 0.
 */
typedef struct X86XsaveLayout {
	uint32_t offset[X86_XC_N];
	uint32_t size[X86_XC_N];
} X86XsaveLayout;

/*
 * x86_xsave_normalise: give the components that XSTATE_BV says are absent their initial values.
 * XSTATE_BV and mxcsr stay. @size is that of @area, at least X86_XSAVE_MIN; what does not fit
 * into it is left alone.
 */
void x86_xsave_normalise(uint8_t *area, size_t size, const X86XsaveLayout *layout);

/* x86_xsave_touch: @component is about to be written: from now on it counts as present. */
void x86_xsave_touch(uint8_t *area, unsigned component);

/*
 * gdb's ftag: two bits per physical register (0 valid, 1 zero, 2 special, 3 empty), made from
 * the abridged tags, TOP and the values of @area.
 */
uint16_t x86_ftag_from_xsave(const uint8_t *area);
/* The other way only emptiness can be kept: 3 is empty, all else in use. */
uint8_t x86_ftag_abridge(uint16_t ftag);

#endif

/*
 * Tests of x86/cpu/xsave.h: initial state of absent components, x87 tags.
 */
#include <glib.h>
#include <string.h>

#include "x86/cpu/xsave.h"

#define AREA 1024

static const X86XsaveLayout layout = {
	.offset = {[X86_XC_AVX] = 576, [X86_XC_PKRU] = 960},
	.size = {[X86_XC_X87] = 512, [X86_XC_SSE] = 512, [X86_XC_AVX] = 256, [X86_XC_PKRU] = 128},
};

static void set_bv(uint8_t *area, uint64_t value)
{
	memcpy(area + X86_XSAVE_BV, &value, sizeof(value));
}

static uint64_t get_bv(const uint8_t *area)
{
	uint64_t value;

	memcpy(&value, area + X86_XSAVE_BV, sizeof(value));
	return value;
}

static bool all_are(const uint8_t *at, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != value)
			return false;
	return true;
}

static void test_normalise_absent(void)
{
	uint8_t area[AREA];

	memset(area, 0xa5, sizeof(area));
	set_bv(area, 0);
	x86_xsave_normalise(area, sizeof(area), &layout);
	g_assert_cmphex(area[X86_XSAVE_FCW] | area[X86_XSAVE_FCW + 1] << 8, ==, 0x37f);
	g_assert_true(all_are(area + X86_XSAVE_FSW, X86_XSAVE_MXCSR - X86_XSAVE_FSW, 0));
	g_assert_true(all_are(area + X86_XSAVE_ST, 128, 0));
	g_assert_true(all_are(area + X86_XSAVE_XMM, 256, 0));
	g_assert_true(all_are(area + 576, 256, 0));
	/* mxcsr stays; so does what ends beyond the area. */
	g_assert_true(all_are(area + X86_XSAVE_MXCSR, 4, 0xa5));
	g_assert_true(all_are(area + 960, 64, 0xa5));
	g_assert_cmphex(get_bv(area), ==, 0);
}

static void test_normalise_present(void)
{
	uint8_t area[AREA], before[AREA];

	memset(area, 0xa5, sizeof(area));
	set_bv(area, 1 << X86_XC_X87 | 1 << X86_XC_SSE | 1 << X86_XC_AVX);
	memcpy(before, area, sizeof(area));
	x86_xsave_normalise(area, sizeof(area), &layout);
	g_assert_cmpmem(area, sizeof(area), before, sizeof(before));
}

static void test_touch(void)
{
	uint8_t area[AREA] = {0};

	x86_xsave_touch(area, X86_XC_AVX);
	x86_xsave_touch(area, X86_XC_PKRU);
	x86_xsave_touch(area, X86_XC_AVX);
	g_assert_cmphex(get_bv(area), ==, 1 << X86_XC_AVX | 1 << X86_XC_PKRU);
}

static void set_st(uint8_t *area, unsigned st, uint16_t sign_exponent, uint64_t mantissa)
{
	memcpy(area + X86_XSAVE_ST + 16 * st, &mantissa, 8);
	memcpy(area + X86_XSAVE_ST + 16 * st + 8, &sign_exponent, 2);
}

static void set_top(uint8_t *area, unsigned top)
{
	uint16_t fsw = top << 11;

	memcpy(area + X86_XSAVE_FSW, &fsw, 2);
}

static void test_ftag_empty(void)
{
	uint8_t area[AREA] = {0};

	g_assert_cmphex(x86_ftag_from_xsave(area), ==, 0xffff);
	area[X86_XSAVE_FTW] = 0xff;
	g_assert_cmphex(x86_ftag_from_xsave(area), ==, 0x5555);
}

static void test_ftag_classes(void)
{
	static const struct {
		uint16_t exponent;
		uint64_t mantissa;
		unsigned tag;
	} cases[] = {
		{0x3fff, 1ull << 63, 0},     /* 1.0 */
		{0xbfff, 1ull << 63 | 5, 0}, /* negative */
		{0x0000, 0, 1},		     /* zero */
		{0x8000, 0, 1},		     /* minus zero */
		{0x0000, 1, 2},		     /* denormal */
		{0x0000, 1ull << 63, 2},     /* pseudo-denormal */
		{0x7fff, 1ull << 63, 2},     /* infinity */
		{0xffff, 3ull << 62, 2},     /* NaN */
		{0x3fff, 1ull << 62, 2},     /* unnormal */
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		uint8_t area[AREA] = {0};

		area[X86_XSAVE_FTW] = 1;
		set_st(area, 0, cases[i].exponent, cases[i].mantissa);
		g_assert_cmphex(x86_ftag_from_xsave(area), ==, 0xfffc | cases[i].tag);
	}
}

/* After fld1 and fldz on an empty stack: TOP is 6, st(0) is register 6, st(1) register 7. */
static void test_ftag_rotation(void)
{
	uint8_t area[AREA] = {0};

	set_top(area, 6);
	area[X86_XSAVE_FTW] = 0xc0;
	set_st(area, 0, 0, 0);
	set_st(area, 1, 0x3fff, 1ull << 63);
	g_assert_cmphex(x86_ftag_from_xsave(area), ==, 0x1fff);
}

static void test_ftag_abridge(void)
{
	g_assert_cmphex(x86_ftag_abridge(0xffff), ==, 0);
	g_assert_cmphex(x86_ftag_abridge(0x0000), ==, 0xff);
	g_assert_cmphex(x86_ftag_abridge(0x1fff), ==, 0xc0);
	g_assert_cmphex(x86_ftag_abridge(0xfffe), ==, 0x01);
	for (unsigned used = 0; used < 256; used++) {
		uint8_t area[AREA] = {0};

		area[X86_XSAVE_FTW] = used;
		g_assert_cmphex(x86_ftag_abridge(x86_ftag_from_xsave(area)), ==, used);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-xsave/normalise-absent", test_normalise_absent);
	g_test_add_func("/x86-xsave/normalise-present", test_normalise_present);
	g_test_add_func("/x86-xsave/touch", test_touch);
	g_test_add_func("/x86-xsave/ftag-empty", test_ftag_empty);
	g_test_add_func("/x86-xsave/ftag-classes", test_ftag_classes);
	g_test_add_func("/x86-xsave/ftag-rotation", test_ftag_rotation);
	g_test_add_func("/x86-xsave/ftag-abridge", test_ftag_abridge);
	return g_test_run();
}

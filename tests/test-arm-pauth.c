/*
 * tests/test-arm-pauth.c - what gdb must take off a signed pointer (arm/cpu/pauth.h).
 */
#include <glib.h>

#include "arm/cpu/pauth.h"

#define LOW 0
#define HIGH ARM_PAUTH_HIGH
#define CODE ARM_PAUTH_CODE

#define TBI0 (1ull << 37)
#define TBI1 (1ull << 38)
#define TBID0 (1ull << 51)
#define TBID1 (1ull << 52)

static const struct {
	uint64_t tcr;
	unsigned which;
	uint64_t mask;
} rows[] = {
	/* Debian's stock kernel: 48 bits each, TBI in both halves, TBID1 */
	{0x15001f5b5503510, LOW, 0x007f000000000000},
	{0x15001f5b5503510, LOW | CODE, 0x007f000000000000},
	{0x15001f5b5503510, HIGH, 0x007f000000000000},
	{0x15001f5b5503510, HIGH | CODE, 0xff7f000000000000},
	/* each bit is for its own half */
	{25 | 16 << 16 | TBI0 | TBID0, LOW, 0x007fff8000000000},
	{25 | 16 << 16 | TBI0 | TBID0, LOW | CODE, 0xff7fff8000000000},
	{25 | 16 << 16 | TBI0 | TBID0, HIGH, 0xff7f000000000000},
	{25 | 16 << 16 | TBI0 | TBID1, LOW | CODE, 0x007fff8000000000},
	{25 | 16 << 16 | TBI1 | TBID0, HIGH | CODE, 0x007f000000000000},
	{25 | 16 << 16 | TBI1 | TBID0, LOW | CODE, 0xff7fff8000000000},
	/* without TBI there is nothing for TBID to take back */
	{16 | 25 << 16 | TBID0 | TBID1, LOW, 0xff7f000000000000},
	{16 | 25 << 16 | TBID0 | TBID1, HIGH, 0xff7fff8000000000},
	/* sizes that leave no bit of the range, and none at all */
	{0, HIGH | CODE, 0xff00000000000000},
	{9 | 63 << 16, LOW, 0xff00000000000000},
	{9 | 63 << 16, HIGH, 0xff7ffffffffffffe},
};

static void test_masks(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("row %u", i);
		g_assert_cmphex(arm_pauth_mask(rows[i].tcr, rows[i].which), ==, rows[i].mask);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-pauth/masks", test_masks);
	return g_test_run();
}

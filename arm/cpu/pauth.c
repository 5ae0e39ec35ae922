/*
 * arm/cpu/pauth.c - see pauth.h.
 */
#include "arm/cpu/pauth.h"

#include <stdbool.h>

/* TCR_EL1's fields for TTBR0's half, and for TTBR1's. */
static const struct {
	unsigned size_shift; /* TxSZ, 6 bits */
	uint64_t tbi, tbid;
} halves[] = {
	{0, 1ull << 37, 1ull << 51},
	{16, 1ull << 38, 1ull << 52},
};

uint64_t arm_pauth_mask(uint64_t tcr, unsigned which)
{
	bool high = which & ARM_PAUTH_HIGH, code = which & ARM_PAUTH_CODE;
	unsigned bits = 64 - (tcr >> halves[high].size_shift & 63);
	uint64_t mask = bits < 55 ? (1ull << 55) - (1ull << bits) : 0;
	bool ignored = tcr & halves[high].tbi && !(code && tcr & halves[high].tbid);

	return ignored ? mask : mask | 0xffull << 56;
}

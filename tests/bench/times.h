/*
 * tests/bench/times.h - of the same done many times: how long it took.
 */
#ifndef VMGDB_BENCH_TIMES_H
#define VMGDB_BENCH_TIMES_H

#include <math.h>

/* times_sort: ascending. */
void times_sort(double *times, unsigned n);

/* keep_least: @best: NAN: none yet. */
static inline void keep_least(double *best, double value)
{
	if (isnan(*best) || value < *best)
		*best = value;
}

#endif

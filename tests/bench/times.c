/* tests/bench/times.c - see tests/bench/times.h. */
#include "tests/bench/times.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void times_sort(double *times, unsigned n)
{
	qsort(times, n, sizeof(*times), compare);
}

/*
 * tests/bench/figure.h - the figures: what is done to a stub, and how often it can be done.
 *
 * Every figure is seconds for one operation, so that less is better everywhere and ratios need no
 * direction; how it is shown is its unit's affair.
 */
#ifndef VMGDB_BENCH_FIGURE_H
#define VMGDB_BENCH_FIGURE_H

#include "tests/bench/machine.h"
#include "tests/bench/wire.h"

/* The machines that figures are taken on: a guest and a number of CPUs. */
typedef enum Setup {
	ONE_CPU,
	TWO_CPUS,
	EIGHT_CPUS,
	MANY_CPUS,
	MOST_CPUS,
	BIG_DATA,
	BIG_SMP,
	IN_PROCESS
} Setup;

typedef enum Unit { PER_SECOND, MICROSECONDS, MILLISECONDS, MIB_PER_SECOND, PERCENT } Unit;

/* The limit beside the figure. */
typedef enum Limit {
	LIMIT_NONE,
	LIMIT_TRIP,	 /* an echo of as many packets of the same sizes */
	LIMIT_STEP_TRIP, /* that and a bare KVM_RUN of one step */
	LIMIT_STREAM,	 /* the loopback's bandwidth */
	LIMIT_STEP,	 /* a bare loop of KVM_RUN */
	LIMIT_EXIT,	 /* KVM_RUN without the hook */
	LIMIT_CROWD,	 /* an echo, and as many threads out of KVM_RUN */
} Limit;

/* What an operation may use and say. */
typedef struct Bench {
	const Machine *machine;
	Wire *wire;
	Stub stub;
	bool has_many;	 /* breakpoints are set: MANY_BREAKS */
	double started;	 /* an operation whose beginning does not count sets it anew */
	double count;	 /* how many operations one call did; 1 unless it says otherwise */
	double direct;	 /* the result itself, when it is no duration; else negative */
	const char *why; /* why it could not be done; a literal */
} Bench;

typedef struct Figure {
	const char *name;
	Setup setup;
	Unit unit;
	Limit limit;
	/* One operation; FALSE with bench->why when the stub or this machine cannot. */
	bool (*op)(Bench *bench, unsigned arg);
	unsigned arg;
	double quantile; /* which of the operations' times is the figure; 0: the median */
	unsigned max;	 /* at most so many operations; 0: as many as there is time for */
} Figure;

extern const Figure figures[];
extern const unsigned n_figures;

/* @ret_trip: bytes sent and received and packets, of one operation. */
typedef struct Traffic {
	double sent, received, trips;
} Traffic;
/* Seconds; NAN with bench->why. */
double figure_take(const Figure *figure, Bench *bench, double seconds, Traffic *ret);

#endif

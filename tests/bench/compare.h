/*
 * tests/bench/compare.h - two saved runs of the bench (--json) side by side: what has become worse.
 *
 * Only ratios are compared, since those of one run do not depend on how fast its machine was: to
 * QEMU, or to the machine's limit where QEMU has none.
 */
#ifndef VMGDB_BENCH_COMPARE_H
#define VMGDB_BENCH_COMPARE_H

#include <glib.h>
#include <stdbool.h>

/* A row that has less than this part of its ratio has become worse. */
#define COMPARE_KEEPS 0.8

typedef struct Comparison {
	unsigned compared, worse;
} Comparison;

/*
 * compare_runs: [pure] @old and @new are texts of --json files. To @out goes a line for each row
 * that has become worse, or that has a ratio in @old and none in @new: that counts as worse, too.
 * Rows that only one of them has are not compared. FALSE with @error: one of them is no such file.
 */
bool compare_runs(const char *old, const char *new, GString *out, Comparison *ret, GError **error);
/* The same with files. FALSE with @error that names the file. */
bool compare_files(const char *old, const char *new, GString *out, Comparison *ret, GError **error);

#endif

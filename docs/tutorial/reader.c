/*
 * reader.c - a program of the guest, for docs/tutorial.md: says once a second what /proc/tally has.
 */
#include <stdio.h>
#include <unistd.h>

static long rounds;

__attribute__((noinline)) static void show_tally(long total, long parts)
{
	rounds++;
	printf("reader: total %ld, lost %ld\n", total, parts - total);
	fflush(stdout);
}

int main(void)
{
	long total, parts;

	for (;;) {
		FILE *file = fopen("/proc/tally", "r");

		if (file && fscanf(file, "total %ld parts %ld", &total, &parts) == 2)
			show_tally(total, parts);
		if (file)
			fclose(file);
		sleep(1);
	}
}

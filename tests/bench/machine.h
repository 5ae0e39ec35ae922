/*
 * tests/bench/machine.h - a virtual machine with a stub: our lkvm or QEMU, started on a free port
 * with a bare-metal guest, and ended without anything left behind.
 */
#ifndef VMGDB_BENCH_MACHINE_H
#define VMGDB_BENCH_MACHINE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum Stub { STUB_OURS, STUB_QEMU, N_STUBS } Stub;

typedef struct Machine {
	int pid;
	int out; /* its standard output: the guest's console */
	int err;
	unsigned port;
	char *guest; /* its ELF file; lkvm may want another form of it */
} Machine;

/* Where things are; NULL: absent, and its column stays empty. */
typedef struct Paths {
	const char *program[N_STUBS];
	const char *guests; /* folder of the guests' folders */
} Paths;

/*
 * machine_new: run @guest (of bench_arch) with @cpus and wait until it has said that it is ready.
 * NULL with a reason in @ret_why (a literal) when it does not get there in time.
 */
Machine *machine_new(const Paths *paths, Stub stub, const char *guest, unsigned cpus,
		     const char **ret_why);
void machine_free(Machine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Machine, machine_free)

/* The value of @name in the guest's symbol table; 0: not there. */
uint64_t machine_symbol(const Machine *machine, const char *name);
/* User and system time so far, in seconds. */
double machine_cpu_time(const Machine *machine);

#endif

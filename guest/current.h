/*
 * guest/current.h - the task that a CPU runs, and its name, of a kernel of which no more than the
 * addresses of a few symbols is known: neither types nor anything else. Pure.
 *
 * Where the name lies in a task is in no symbol table; it is found in init_task, whose name is
 * known.
 */
#ifndef VMGDB_GUEST_CURRENT_H
#define VMGDB_GUEST_CURRENT_H

#include "guest/memory.h"
#include "guest/symbols.h"
#include "guest/vmlinux.h"

/* The symbols that are wanted. */
typedef enum LinuxPlace {
	LINUX_BANNER,
	LINUX_INIT_TASK,
	LINUX_CPU_OFFSETS, /* of the per-CPU areas */
	LINUX_CURRENT,	   /* the per-CPU variable; */
	LINUX_HOT,	   /* from 6.2 to 6.14 it is the first member of this one */
	LINUX_N_PLACES,
} LinuxPlace;

/* Their names, ending with NULL. */
extern const char *const linux_place_names[LINUX_N_PLACES + 1];

/* Their addresses in the guest; 0: there is no such symbol. */
typedef struct LinuxPlaces {
	uint64_t at[LINUX_N_PLACES];
} LinuxPlaces;

/* From a file, whose kernel was moved by @slide; from a kernel's own symbols. */
LinuxPlaces linux_places_of_file(const Vmlinux *vmlinux, uint64_t slide);
LinuxPlaces linux_places_of_symbols(const LinuxSymbols *symbols);

/* linux_places_fit: is the kernel's banner there? Where KASLR was not thought of it is not. */
bool linux_places_fit(const LinuxPlaces *places, const LinuxMemory *memory);

/* linux_current_task: what CPU @cpu has in its per-CPU variable. FALSE: not known. */
bool linux_current_task(const LinuxPlaces *places, const LinuxMemory *memory, unsigned cpu,
			uint64_t *ret_task);

/* linux_comm_offset: where the name lies in a task. FALSE: not found. */
bool linux_comm_offset(const LinuxPlaces *places, const LinuxMemory *memory, uint64_t *ret_offset);

/* linux_comm_read: the name there. FALSE: it is empty, not printable, or cannot be read. */
#define LINUX_COMM_LEN 16u /* the kernel's TASK_COMM_LEN, terminator included */
bool linux_comm_read(const LinuxMemory *memory, uint64_t addr, char ret[LINUX_COMM_LEN]);

#endif

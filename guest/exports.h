/*
 * guest/exports.h - the variables that a Linux kernel exports to its modules, for one whose
 * kallsyms has functions only (CONFIG_KALLSYMS_ALL is off). Pure.
 *
 * An entry of the tables (struct kernel_symbol, include/linux/export-internal.h, of kernels that
 * have relative ones, since 4.19) has 32-bit distances from each field to the value, the name and,
 * since 5.4, the namespace. Entries are sorted by name; of some names there are two.
 */
#ifndef VMGDB_GUEST_EXPORTS_H
#define VMGDB_GUEST_EXPORTS_H

#include "guest/memory.h"
#include "guest/symbols.h"

/*
 * linux_exports_add: adds what is exported and has no code at its address by @symbols, as 'D'; if
 * there is not one symbol yet, as 'T' what is in none of @ranges, which are all that is no code.
 * The tables are looked for in those of @ranges that the kernel does not write, by a variable that
 * each of them has; so many bytes and entries are looked at that it ends soon, whatever there is.
 * @symbols is sorted before and after. How many were added.
 */
unsigned linux_exports_add(LinuxSymbols *symbols, const LinuxMemory *memory,
			   const LinuxRange *ranges, unsigned n);

#endif

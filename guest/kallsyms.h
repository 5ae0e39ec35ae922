/*
 * guest/kallsyms.h - the symbols that a Linux kernel carries in its read-only data. Pure.
 *
 * The tables are those that the kernel's scripts/kallsyms.c writes, of Linux 4.19 to today. They
 * are found by their shape, so that nothing else of the kernel need be known: the table of tokens,
 * with the index that belongs to it, then the names before it, which must fill the place exactly.
 */
#ifndef VMGDB_GUEST_KALLSYMS_H
#define VMGDB_GUEST_KALLSYMS_H

#include "guest/memory.h"
#include "guest/symbols.h"

/*
 * linux_kallsyms_read: looks through those of @ranges (@n of them) that the kernel does not write.
 * NULL with @error: ABSENT, there are no such tables. Caller frees.
 */
LinuxSymbols *linux_kallsyms_read(const LinuxMemory *memory, const LinuxRange *ranges, unsigned n,
				  GError **error);

#endif

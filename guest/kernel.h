/*
 * guest/kernel.h - what is known of the kernel that runs in the guest. The files that list its log,
 * tasks and modules read it; guest/linux.c finds it.
 */
#ifndef VMGDB_GUEST_KERNEL_H
#define VMGDB_GUEST_KERNEL_H

#include "guest/memory.h"
#include "guest/symbols.h"
#include "guest/types.h"

/*
 * @symbols: at the addresses where they are now. @types: NULL where the kernel has no BTF.
 * @vmcoreinfo: its text ("OSRELEASE=6.1.0\n..."), or NULL.
 */
typedef struct LinuxKernel {
	LinuxMemory memory;
	uint16_t machine; /* e_machine */
	LinuxSymbols *symbols;
	LinuxTypes *types;
	char *vmcoreinfo;
} LinuxKernel;

#endif

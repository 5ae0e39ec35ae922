/*
 * guest/kernel.h - what is known of the kernel that runs in the guest. The files that read its log,
 * tasks and modules begin here.
 */
#ifndef VMGDB_GUEST_KERNEL_H
#define VMGDB_GUEST_KERNEL_H

#include "guest/memory.h"
#include "guest/symbols.h"
#include "guest/types.h"

/*
 * @banner: "Linux version 6.1.0 (...) ...", without its newline; @banner_addr: where it is.
 * @release: "6.1.0".
 * @symbols: at the addresses where they are now; never NULL. linux_banner is always one, and has
 * its size.
 * @types: NULL where the kernel has no BTF.
 * @vmcoreinfo: its text ("OSRELEASE=6.1.0\n..."); NULL where there is none, or not yet.
 */
typedef struct LinuxKernel {
	LinuxMemory memory;
	uint16_t machine; /* e_machine */
	char *banner, *release;
	uint64_t banner_addr;
	LinuxSymbols *symbols;
	LinuxTypes *types;
	char *vmcoreinfo;

	LinuxRange *ranges; /* of its image */
	unsigned n_ranges;
} LinuxKernel;

/*
 * linux_kernel_new: the kernel whose image has @ranges (@n of them), read through @memory, which
 * is copied. NULL with @error: ABSENT, there is none, or it has not come far enough. Caller frees.
 */
LinuxKernel *linux_kernel_new(const LinuxMemory *memory, uint16_t machine, const LinuxRange *ranges,
			      unsigned n, GError **error);
void linux_kernel_free(LinuxKernel *kernel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxKernel, linux_kernel_free)

/* linux_kernel_is_there: is it still this kernel that is in memory? */
bool linux_kernel_is_there(const LinuxKernel *kernel);
/* linux_kernel_find_info: VMCOREINFO, which comes later than the rest. NULL: not yet. */
const char *linux_kernel_find_info(LinuxKernel *kernel);

/*
 * What the architecture's compilers do. @args: DWARF's numbers of the registers in which a function
 * gets its first @n_args arguments. @has_records: functions keep records of their frames
 * (guest/records.h).
 */
typedef struct LinuxAbi {
	const uint8_t *args;
	unsigned n_args;
	bool has_records;
} LinuxAbi;

/*
 * linux_kernel_orc_hash: by which the layout of ORC is known (guest/orc.h), at least 20 bytes; NULL
 * where there is none. Caller unrefs.
 */
GByteArray *linux_kernel_orc_hash(const LinuxKernel *kernel);

/*
 * linux_kernel_program: a file for gdb with all that is known, in memory (guest/program.h). -1 with
 * @error. Caller closes. What had to be left out of it is appended to @notes, in lines.
 */
int linux_kernel_program(const LinuxKernel *kernel, const LinuxAbi *abi, GString *notes,
			 GError **error);

#endif

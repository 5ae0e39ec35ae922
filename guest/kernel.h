/*
 * guest/kernel.h - what is known of the kernel that runs in the guest. The files that read its log,
 * tasks and modules begin here.
 */
#ifndef VMGDB_GUEST_KERNEL_H
#define VMGDB_GUEST_KERNEL_H

#include "guest/memory.h"
#include "guest/program.h"
#include "guest/symbols.h"
#include "guest/types.h"

/*
 * @banner: "Linux version 6.1.0 (...) ...", without its newline, and as it may be printed;
 * @banner_addr: where it is.
 * @release: "6.1.0".
 * @symbols: at the addresses where they are now; never NULL. linux_banner is always one, and has
 * its size.
 * @has_kallsyms: else they are only those that it exports. @has_variables: that has variables, too
 * (CONFIG_KALLSYMS_ALL); else there are those that it exports and those of guest/variables.h.
 * @types: NULL where the kernel has no BTF.
 * @vmcoreinfo: its text ("OSRELEASE=6.1.0\n..."); NULL where there is none, or not yet.
 */
typedef struct LinuxKernel {
	LinuxMemory memory;
	uint16_t machine; /* e_machine */
	char *banner, *release;
	uint64_t banner_addr;
	LinuxSymbols *symbols;
	bool has_kallsyms, has_variables;
	LinuxTypes *types;
	char *vmcoreinfo;

	LinuxRange *ranges; /* of its image */
	unsigned n_ranges;
} LinuxKernel;

void linux_kernel_free(LinuxKernel *kernel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxKernel, linux_kernel_free)

/*
 * A search for the kernel whose image has @ranges (@n of them), in pieces of work of some 10
 * milliseconds. First it only looks whether a Linux kernel says its name there (LinuxMemory.look),
 * from @near on, which lies in its code, then before that, and then in the same way in the ranges
 * that are writable, as all are until it has booted; through *@left bytes at most, which are
 * counted down there; nothing else is read before it has. Of a kernel that boots they are mixed
 * (LinuxRange), and without kallsyms it is not found. @memory is copied, @left must outlive it.
 * linux_search_step: does one piece; TRUE when there is nothing left to do.
 * linux_search_end: all that is left of it, and what it has found; NULL with @error: ABSENT, there
 * is no kernel, or it has not come far enough. Caller frees the kernel; the search is freed.
 * linux_search_free: gives it up. NULL is accepted.
 */
#define LINUX_LOOK_MAX (32u * 1024 * 1024)
typedef struct LinuxSearch LinuxSearch;
LinuxSearch *linux_search_new(const LinuxMemory *memory, uint16_t machine, const LinuxRange *ranges,
			      unsigned n, uint64_t near, uint64_t *left);
bool linux_search_step(LinuxSearch *search);
LinuxKernel *linux_search_end(LinuxSearch *search, GError **error);
void linux_search_free(LinuxSearch *search);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxSearch, linux_search_free)

/* linux_kernel_is_there: is it still this kernel that is in memory? */
bool linux_kernel_is_there(const LinuxKernel *kernel);
/* linux_kernel_find_info: VMCOREINFO, which comes later than the rest. NULL: not yet. */
const char *linux_kernel_find_info(LinuxKernel *kernel);
/*
 * linux_kernel_learn: names variables that could not be told when the kernel was found
 * (guest/variables.h), since it had no VMCOREINFO or no module then. TRUE: @symbols has more now.
 */
bool linux_kernel_learn(LinuxKernel *kernel);

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

/* linux_kernel_missing: appends in lines what the kernel does not tell of itself. */
void linux_kernel_missing(const LinuxKernel *kernel, GString *out);

/* linux_kernel_room: linux_records_room() of an arm64 kernel. 0: not known. */
unsigned linux_kernel_room(const LinuxKernel *kernel);

/*
 * linux_kernel_maker: makes a file for gdb with all that is known of @kernel, in memory. @kernel,
 * @abi and @notes, to which is appended in lines what else has to be left out, must outlive it.
 */
LinuxMaker *linux_kernel_maker(const LinuxKernel *kernel, const LinuxAbi *abi, GString *notes);

#endif

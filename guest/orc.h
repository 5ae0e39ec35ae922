/*
 * guest/orc.h - call frame information for gdb out of the ORC tables that x86 kernels unwind
 * themselves by (Linux, Documentation/arch/x86/orc-unwinder.rst). Pure.
 */
#ifndef VMGDB_GUEST_ORC_H
#define VMGDB_GUEST_ORC_H

#include "guest/memory.h"
#include "guest/symbols.h"

/*
 * @ips: .orc_unwind_ip, of 32-bit offsets from each one's own address; @ips_addr is that of the
 * first. @entries: .orc_unwind. Both as they are in the guest, which sorts them at boot.
 * @release: the kernel's ("6.1.0-56-cloud-amd64"); @hash: .orc_header, 20 bytes, or NULL: by these
 * the layout of an entry is known. @symbols: or NULL. By their names the thunks are known through
 * which compilers call and return: the kernel's own unwinder ends there. @ranges: or NULL, else the
 * @n_ranges where the code still is: other code may be by now where a module's init section was.
 */
typedef struct LinuxOrc {
	const GByteArray *ips, *entries;
	uint64_t ips_addr;
	const char *release;
	const uint8_t *hash;
	const LinuxSymbols *symbols;
	const LinuxRange *ranges;
	unsigned n_ranges;
} LinuxOrc;

/*
 * linux_orc_frames: a .debug_frame section (DWARF 4, 64-bit addresses) that says the same. NULL
 * with @error: damaged, or of an unknown layout. Caller unrefs.
 */
GByteArray *linux_orc_frames(const LinuxOrc *orc, GError **error);

#endif

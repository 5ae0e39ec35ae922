/*
 * guest/records.h - call frame information for gdb out of the code of an arm64 kernel, whose
 * functions keep records of their frames (AAPCS64, 6.4.6; Linux,
 * Documentation/livepatch/reliable-stacktrace.rst). Pure.
 *
 * Such a kernel has no table like x86's ORC. gdb looks at the code itself where it has nothing
 * else, but gives up at the nops that ftrace patches.
 */
#ifndef VMGDB_GUEST_RECORDS_H
#define VMGDB_GUEST_RECORDS_H

#include <glib.h>

#include "guest/bytes.h"
#include "guest/symbols.h"

/*
 * linux_records_frames: appends to @frames, a .debug_frame section (DWARF 4, 64-bit addresses), the
 * functions among @symbols that lie in @code, which is at @addr: where each sets its record up, and
 * where it gives it up. Instructions that it does not know change no frame.
 */
void linux_records_frames(const LinuxSymbols *symbols, uint64_t addr, const GByteArray *code,
			  Bytes *frames);

#endif

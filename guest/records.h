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
 * linux_records_room: how many bytes of its stack an exception in the kernel's own code takes,
 * which is the size of its struct pt_regs, by @code (@len bytes) in which such exceptions are
 * entered. 0: none is. Linux, arch/arm64/kernel/entry.S, kernel_entry.
 */
unsigned linux_records_room(const uint8_t *code, size_t len);

/*
 * linux_records_frames: appends to @frames, a .debug_frame section (DWARF 4, 64-bit addresses), the
 * functions among @symbols that lie in @code, which is at @addr: where each sets its record up, and
 * where it gives it up. Instructions that it does not know change no frame. Where exceptions of the
 * kernel's own code are entered and left, all registers of what was interrupted are found, if @room
 * (linux_records_room()) is known, else it is 0; there it is also found who has called an
 * interrupted function that keeps no record, or not yet. Where user code comes in, and a task
 * begins, the backtrace ends.
 */
void linux_records_frames(const LinuxSymbols *symbols, uint64_t addr, const GByteArray *code,
			  unsigned room, Bytes *frames);

#endif

/*
 * guest/program.h - an ELF file for gdb, made of what the guest's kernel knows of itself: symbols,
 * types, and how its frames are unwound. Written by libelf. Pure; not thread-safe.
 */
#ifndef VMGDB_GUEST_PROGRAM_H
#define VMGDB_GUEST_PROGRAM_H

#include "guest/symbols.h"
#include "guest/types.h"

/*
 * @machine: e_machine (elf.h). @symbols: at the addresses where they are now; _text or _stext,
 * _etext, _sinittext, _einittext and _end among them say what is code and what is data; without
 * them all pages that have symbols of the kernel's half are. @types: or NULL. @frames: a
 * .debug_frame section, or NULL. @entry: e_entry, where gdb lets functions return to that the user
 * calls. @name: of the compilation unit: what the program is. @args: DWARF's numbers (0 to 31) of
 * the registers in which a function gets its first @n_args arguments.
 */
typedef struct LinuxProgram {
	uint16_t machine;
	const LinuxSymbols *symbols;
	const LinuxTypes *types;
	const GByteArray *frames;
	uint64_t entry;
	const char *name;
	const uint8_t *args;
	unsigned n_args;
} LinuxProgram;

/*
 * linux_program_write: the file, in memory (memfd_create(2)); -1 with @error. Caller closes.
 */
int linux_program_write(const LinuxProgram *program, GError **error);

#endif

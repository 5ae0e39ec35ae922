/*
 * guest/program.h - an ELF file for gdb, made of what the guest's kernel knows of itself: symbols,
 * types, and how its frames are unwound. Written by libelf. Pure; not thread-safe.
 */
#ifndef VMGDB_GUEST_PROGRAM_H
#define VMGDB_GUEST_PROGRAM_H

#include "guest/dwarf.h"

/* A section of a module, with code or data; @name is owned by whoever has the part. */
typedef struct LinuxPart {
	const char *name;
	LinuxCode range;
	bool code;
} LinuxPart;

/*
 * @machine: e_machine (elf.h). @symbols: at the addresses where they are now; _text or _stext,
 * _etext, _sinittext, _einittext and _end among them say what is code and what is data; without
 * them all pages that have symbols of the kernel's half are. @types: or NULL. @frames: a
 * .debug_frame section, or NULL. @entry: e_entry, where gdb lets functions return to that the user
 * calls. @name: of the compilation unit: what the program is. @args: DWARF's numbers (0 to 31) of
 * the registers in which a function gets its first @n_args arguments.
 * @parts: of a module: its @n_parts sections, by address, none in another; else NULL. Its file is a
 * shared object of one segment, @segment, which is at its own address: debuggers are told where the
 * segments of such files are, and what lies outside is where the file says, too.
 */
typedef struct LinuxProgram {
	uint16_t machine;
	const LinuxPart *parts;
	unsigned n_parts;
	LinuxCode segment;
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
 * Its two halves, each of which may take a while:
 * linux_program_dwarf: the debug information of its types; NULL without @error: it has no types,
 * with @error: it failed. Caller frees.
 * linux_program_write_with: the file, with what that has made.
 */
int linux_program_write(const LinuxProgram *program, GError **error);
LinuxDwarf *linux_program_dwarf(const LinuxProgram *program, GError **error);
int linux_program_write_with(const LinuxProgram *program, const LinuxDwarf *dwarf, GError **error);

/*
 * A file in the making, in pieces: what is known is read, then comes each of the two halves.
 * LinuxMakerOps.read: fills @program from @source, which owns what it points to; FALSE with @error.
 * free: of @source, when the maker is freed.
 * linux_maker_new: takes @source over.
 * linux_maker_step: does one piece; TRUE when there is nothing left to do.
 * linux_maker_end: all that is left of it. The file; -1 with @error. Caller closes.
 */
typedef struct LinuxMakerOps {
	bool (*read)(void *source, LinuxProgram *program, GError **error);
	void (*free)(void *source);
} LinuxMakerOps;
typedef struct LinuxMaker LinuxMaker;
LinuxMaker *linux_maker_new(const LinuxMakerOps *ops, void *source);
bool linux_maker_step(LinuxMaker *maker);
int linux_maker_end(LinuxMaker *maker, GError **error);
void linux_maker_free(LinuxMaker *maker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxMaker, linux_maker_free)

#endif

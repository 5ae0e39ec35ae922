/*
 * guest/dwarf.h - types, functions and variables for gdb (DWARF 5), out of BTF and a table of
 * symbols. Pure; not thread-safe.
 *
 * It is one compilation unit without a line table, and a small one for each file of which the
 * kernel's scripts for gdb name a static variable. The kernel's .debug_str section is BTF's names,
 * byte for byte (linux_types_strings()): an offset in the one is an offset in the other. A module
 * needs few of them, and has a section of its own.
 */
#ifndef VMGDB_GUEST_DWARF_H
#define VMGDB_GUEST_DWARF_H

#include "guest/symbols.h"
#include "guest/types.h"

/* Addresses from @start up to, but without, @end. */
typedef struct LinuxCode {
	uint64_t start, end;
} LinuxCode;

/*
 * @code: where functions may be; @n_code of them. @args: DWARF's numbers (0 to 31) of the registers
 * in which a function gets its first @n_args arguments. @name: of the unit.
 */
typedef struct LinuxDwarfSource {
	const LinuxSymbols *symbols;
	const LinuxTypes *types;
	const LinuxCode *code;
	unsigned n_code;
	const uint8_t *args;
	unsigned n_args;
	const char *name;
} LinuxDwarfSource;

/*
 * The sections .debug_info, .debug_abbrev, .debug_loclists, .debug_rnglists and .debug_aranges;
 * and .debug_str, or NULL where it is linux_types_strings().
 */
typedef struct LinuxDwarf {
	GByteArray *info, *abbrev, *loclists, *rnglists, *aranges, *strings;
} LinuxDwarf;

/*
 * linux_dwarf_new: never NULL but with @error, when a guest's lies would make it longer than
 * LINUX_DWARF_MAX bytes.
 */
#define LINUX_DWARF_MAX (256u * 1024 * 1024)
LinuxDwarf *linux_dwarf_new(const LinuxDwarfSource *source, GError **error);
void linux_dwarf_free(LinuxDwarf *dwarf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxDwarf, linux_dwarf_free)

#endif

/*
 * tests/fake-elf.h - a small program for gdb to read: x86_64 code at FAKE_CODE, and symbols.
 */
#ifndef VMGDB_TESTS_FAKE_ELF_H
#define VMGDB_TESTS_FAKE_ELF_H

#include <glib.h>

/*
 * fake_elf_new: the functions fake_count, fake_store and fake_idle where the machine has them.
 * fake_elf_new_library: lib_first, lib_second and lib_third, 0x100 bytes apart, in a section
 * without a place. Caller unrefs.
 */
GByteArray *fake_elf_new(void);
GByteArray *fake_elf_new_library(void);

#endif

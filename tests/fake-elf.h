/*
 * tests/fake-elf.h - a small program for gdb to read: x86_64 code at FAKE_CODE, and symbols.
 */
#ifndef VMGDB_TESTS_FAKE_ELF_H
#define VMGDB_TESTS_FAKE_ELF_H

#include <glib.h>

/* An ELF file with the functions fake_count, fake_store and fake_idle. Caller unrefs. */
GByteArray *fake_elf_new(void);

#endif

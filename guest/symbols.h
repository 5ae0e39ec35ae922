/*
 * guest/symbols.h - a table of symbols: names and addresses of the guest's kernel or of a module of
 * it. Pure; not thread-safe.
 */
#ifndef VMGDB_GUEST_SYMBOLS_H
#define VMGDB_GUEST_SYMBOLS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @name: where its name is in the table's names. @type: a letter of nm(1): 't', 'T', 'd', ... */
typedef struct LinuxSymbol {
	uint64_t addr;
	uint32_t name;
	char type;
} LinuxSymbol;

typedef struct LinuxSymbols LinuxSymbols;

LinuxSymbols *linux_symbols_new(void);
void linux_symbols_free(LinuxSymbols *symbols);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxSymbols, linux_symbols_free)

/*
 * linux_symbols_add: one more; @name (@len bytes) is copied. FALSE, and nothing added, when a name
 * is empty or has anything but visible characters of ASCII in it (names end up on the terminal of
 * whoever debugs), or the table is full (a million symbols, 64 MiB of names: several
 * times what the largest kernels have).
 * linux_symbols_sort: to be called after the last one was added and before anything below. Those
 * of one address stay in the order in which they were added.
 */
bool linux_symbols_add(LinuxSymbols *symbols, uint64_t addr, char type, const char *name,
		       size_t len);
void linux_symbols_sort(LinuxSymbols *symbols);
/*
 * linux_symbols_set_data: those of the addresses from @start up to @end exclusively are no code,
 * whatever their letter says.
 */
void linux_symbols_set_data(LinuxSymbols *symbols, uint64_t start, uint64_t end);

/* linux_symbols_rows: all, by address. Owned by @symbols. */
const LinuxSymbol *linux_symbols_rows(const LinuxSymbols *symbols, unsigned *ret_n);
/*
 * linux_symbols_names: all names, each with its NUL, after an empty one: what a .strtab section of
 * ELF looks like. Owned by @symbols.
 */
const char *linux_symbols_names(const LinuxSymbols *symbols, size_t *ret_len);
const char *linux_symbols_name(const LinuxSymbols *symbols, const LinuxSymbol *symbol);

/* linux_symbols_find: the address of the first one added with this name. */
bool linux_symbols_find(const LinuxSymbols *symbols, const char *name, uint64_t *ret_addr);
/* linux_symbols_named: the only one that has this name; NULL: there is none, or another one. */
const LinuxSymbol *linux_symbols_named(const LinuxSymbols *symbols, const char *name);
/*
 * linux_symbols_at: the last one at or before @addr; of several at one address the first that was
 * added. NULL: all are behind it.
 */
const LinuxSymbol *linux_symbols_at(const LinuxSymbols *symbols, uint64_t addr);
/*
 * linux_symbols_set_size: those at @addr are just @size bytes long. Also before the table is
 * sorted. The first LINUX_SIZES_MAX are kept.
 * linux_symbols_end: where @symbol, one of the rows, ends, if its size is known; else, or if that
 * comes first, the first higher address that another one has; UINT64_MAX for the last.
 */
#define LINUX_SIZES_MAX 16u
void linux_symbols_set_size(LinuxSymbols *symbols, uint64_t addr, uint64_t size);
uint64_t linux_symbols_end(const LinuxSymbols *symbols, const LinuxSymbol *symbol);

/* linux_symbol_is_code: does nm's letter stand for a function or another label in code? */
bool linux_symbol_is_code(const LinuxSymbol *symbol);

#endif

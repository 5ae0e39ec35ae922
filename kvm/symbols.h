/*
 * kvm/symbols.h - addresses by name from the ELF file of the guest's kernel.
 *
 * Reads 64-bit little-endian ELF files with a symbol table. The file may be anything: every offset
 * and size in it is checked. It is read with pread(), not mapped, so that a file that is built
 * again meanwhile cannot raise SIGBUS. Not thread-safe; knows nothing of KVM.
 */
#ifndef VMGDB_KVM_SYMBOLS_H
#define VMGDB_KVM_SYMBOLS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct KvmSymbols KvmSymbols;

/*
 * kvm_symbols_open: keeps the file open, and its symbol table in memory. NULL with @error, which
 * names @path: not a regular file, not such an ELF file, damaged, or without symbols.
 */
KvmSymbols *kvm_symbols_open(const char *path, GError **error);
void kvm_symbols_free(KvmSymbols *symbols);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmSymbols, kvm_symbols_free)

/* kvm_symbols_path: absolute. Owned by @symbols. */
const char *kvm_symbols_path(const KvmSymbols *symbols);
/* kvm_symbols_machine: e_machine: EM_X86_64, EM_AARCH64, ... */
unsigned kvm_symbols_machine(const KvmSymbols *symbols);
/* kvm_symbols_text: where the file's first loadable segment wants to be. */
uint64_t kvm_symbols_text(const KvmSymbols *symbols);

/* kvm_symbols_find: the value of a defined symbol, the first one of that name. */
bool kvm_symbols_find(const KvmSymbols *symbols, const char *name, uint64_t *ret_addr);
/* kvm_symbols_section: the address of a section. FALSE when there is none of that name. */
bool kvm_symbols_section(const KvmSymbols *symbols, const char *name, uint64_t *ret_addr);
/*
 * kvm_symbols_read: what the file puts at @addr when it is loaded; how many bytes there were, at
 * most @len, 0 when the file says nothing about @addr.
 */
size_t kvm_symbols_read(const KvmSymbols *symbols, uint64_t addr, void *buf, size_t len);

#endif

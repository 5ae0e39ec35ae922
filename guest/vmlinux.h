/*
 * guest/vmlinux.h - addresses by name from the ELF file of the guest's kernel.
 *
 * Reads 64-bit little-endian ELF files with a symbol table. The file may be anything: every offset
 * and size in it is checked. It is read with pread(), not mapped, so that a file that is built
 * again meanwhile cannot raise SIGBUS. Not thread-safe; knows nothing of KVM.
 */
#ifndef VMGDB_GUEST_VMLINUX_H
#define VMGDB_GUEST_VMLINUX_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest/memory.h"

typedef struct Vmlinux Vmlinux;

/*
 * vmlinux_open: keeps the file open, and its symbol table in memory. NULL with @error, which
 * names @path: not a regular file, not such an ELF file, damaged, or without symbols.
 */
Vmlinux *vmlinux_open(const char *path, GError **error);
void vmlinux_free(Vmlinux *vmlinux);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vmlinux, vmlinux_free)

/*
 * host_file_open: a regular file of the host, for reading, also a module's; nothing else can make
 * it wait. -1 with @error, which names @path. Caller closes.
 */
int host_file_open(const char *path, GError **error);

/* vmlinux_path: absolute. Owned by @vmlinux. */
const char *vmlinux_path(const Vmlinux *vmlinux);
/* vmlinux_machine: e_machine: EM_X86_64, EM_AARCH64, ... */
unsigned vmlinux_machine(const Vmlinux *vmlinux);
/* vmlinux_text: where the file's first loadable segment wants to be. */
uint64_t vmlinux_text(const Vmlinux *vmlinux);

/* vmlinux_find: the value of a defined symbol, the first one of that name. */
bool vmlinux_find(const Vmlinux *vmlinux, const char *name, uint64_t *ret_addr);
/* vmlinux_section: the address of a section. FALSE when there is none of that name. */
bool vmlinux_section(const Vmlinux *vmlinux, const char *name, uint64_t *ret_addr);
/*
 * vmlinux_read: what the file puts at @addr when it is loaded; how many bytes there were, at
 * most @len, 0 when the file says nothing about @addr.
 */
size_t vmlinux_read(const Vmlinux *vmlinux, uint64_t addr, void *buf, size_t len);

/*
 * vmlinux_compare: is it the kernel that runs, moved by @slide? That is seen by its banner.
 * VMLINUX_ABSENT: there is nothing to read yet.
 */
typedef enum VmlinuxFit { VMLINUX_ABSENT, VMLINUX_OTHER, VMLINUX_SAME } VmlinuxFit;
VmlinuxFit vmlinux_compare(const Vmlinux *vmlinux, const LinuxMemory *memory, uint64_t slide);

#endif

/*
 * x86/cpu/walk.h - call me: translate an x86 linear address by hand.
 *
 * Owns: every paging mode of the Intel SDM vol. 3, chapter 4 (off, 32-bit with PSE and PSE-36, PAE,
 * 4 and 5 levels), the canonical-address rule, and Linux' page-table isolation (a user-mode CR3 and
 * the kernel's). Pure: no KVM header, no state; @read is the only way to memory.
 */
#ifndef VMGDB_X86_CPU_WALK_H
#define VMGDB_X86_CPU_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the walk needs of a CPU. The layout is that of ArchRoot.word (kvm/arch.h). */
typedef struct X86Root {
	uint64_t cr0;
	uint64_t cr3;
	uint64_t cr4;
	uint64_t efer;
	/* What the CPU loaded at the last write of CR3 in PAE mode; when none of them is present
	 * they are read from memory at CR3. Not used in the other modes. */
	uint64_t pdptr[4];
} X86Root;

/*
 * @gpa: guest-physical address. @left: bytes from it to the end of its page, at least 1.
 * @execute: no level forbids to fetch code there; but for the top level of a user's address in long
 * mode: under page-table isolation the kernel's table always forbids it there, and the user's not.
 */
typedef struct X86Mapping {
	uint64_t gpa;
	uint64_t left;
	bool execute;
} X86Mapping;

/* Reads @len bytes of guest-physical memory; FALSE when any of them is not RAM. */
typedef bool (*X86PhysRead)(void *opaque, uint64_t gpa, void *buf, size_t len);

/*
 * x86_walk: where is linear address @addr? FALSE: not mapped, not canonical, beyond 4 GiB outside
 * long mode, or a table is not in RAM. Access rights are ignored: a debugger sees all. With 32-bit
 * or PAE paging an address with 32 sign bits above it, as gdb writes 32-bit kernel addresses, is
 * taken as the 32-bit address; not without paging, where it is one of a 64-bit kernel that is not
 * there yet. Reads at most five table entries whatever the tables say.
 */
bool x86_walk(const X86Root *root, X86PhysRead read, void *opaque, uint64_t addr, X86Mapping *ret);

/* IA-32e mode: paging is on and EFER.LMA set (which may be stale while it is off). */
bool x86_is_long_mode(const X86Root *root);

/*
 * x86_entry_kind: what an entry of a table of @level leads to, 1 being the last level. NOTHING: it
 * is not present, or it has the page-size bit where that is reserved, so that the CPU would fault.
 */
typedef enum X86EntryKind { X86_ENTRY_NOTHING, X86_ENTRY_TABLE, X86_ENTRY_PAGE } X86EntryKind;
X86EntryKind x86_entry_kind(const X86Root *root, unsigned level, uint64_t entry);

/* Is @addr in the upper canonical half of long mode, which all kernel page tables share? */
bool x86_is_kernel_address(const X86Root *root, uint64_t addr);

/*
 * x86_kernel_root: @user is the CR3 of user mode, and of the kernel's entry code, under Linux'
 * page-table isolation; *ret becomes the root of the kernel: CR3 with bit 12 clear, and with the
 * user bit of the PCID (11) clear. Linux puts the two top tables side by side and keeps their user
 * halves alike. So TRUE only when in long mode, bit 12 is set (and bit 11 if CR4.PCIDE), the user
 * half maps anything at all, and every entry of it points to the same place in both tables.
 */
bool x86_kernel_root(const X86Root *user, X86PhysRead read, void *opaque, X86Root *ret);

#endif

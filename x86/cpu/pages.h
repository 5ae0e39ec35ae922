/*
 * x86/cpu/pages.h - call me: every page that a page table maps, in the order of their addresses.
 *
 * Pure, on top of x86/cpu/walk.h. A guest can make a table that maps 2^36 pages by pointing at
 * itself, so the work is limited by the caller and can be taken up again where it ended.
 */
#ifndef VMGDB_X86_CPU_PAGES_H
#define VMGDB_X86_CPU_PAGES_H

#include <glib.h>

#include "x86/cpu/walk.h"

/*
 * @addr: canonical. @entry: what the last level says. @user, @writable: what all levels together
 * allow; @no_execute: when any of them forbids it.
 */
typedef struct X86Page {
	uint64_t addr;
	uint64_t size;
	uint64_t gpa;
	uint64_t entry;
	bool user, writable, no_execute;
} X86Page;

/* FALSE: enough; this page counts as not visited. */
typedef bool (*X86PageVisit)(void *opaque, const X86Page *page);

/*
 * x86_pages: calls @visit for each page from the one that @from lies in on. At most @max_tables
 * tables are read, each once for each way that leads to it; those that are not in RAM are passed
 * over. TRUE: that was all. FALSE: @ret_next is where to go on.
 * With paging off nothing is visited.
 */
bool x86_pages(const X86Root *root, X86PhysRead read, void *opaque, uint64_t from,
	       unsigned max_tables, X86PageVisit visit, void *visit_opaque, uint64_t *ret_next);

/* x86_has_pages: is paging on? */
bool x86_has_pages(const X86Root *root);

#define X86_PAGES_MAX_TABLES 65536 /* about 0.1 s */
#define X86_SHOW_MAX_LINES 20000

/*
 * The bodies of `info mem` and `info tlb` from @from on. At most @max_lines lines, and a last one
 * that says so when there is more. Formats: "START-END SIZE urwx", END being the first address
 * behind, runs with the same rights joined; "ADDR: GPA XGPDACTUW".
 */
void x86_show_mem(const X86Root *root, X86PhysRead read, void *opaque, uint64_t from,
		  unsigned max_lines, GString *out);
void x86_show_tlb(const X86Root *root, X86PhysRead read, void *opaque, uint64_t from,
		  unsigned max_lines, GString *out);

#endif

/*
 * x86/cpu/region.h - call me: the stretch of linear addresses with the same rights around one of
 * them. Pure, on top of x86/cpu/pages.h.
 */
#ifndef VMGDB_X86_CPU_REGION_H
#define VMGDB_X86_CPU_REGION_H

#include "gdbstub/target.h"
#include "x86/cpu/walk.h"

/*
 * x86_region: @ret holds @addr. A mapped stretch begins with the page of @addr and ends where the
 * rights change, or after X86_REGION_MAX_PAGES pages; a hole begins at @addr. It always ends, on
 * any page tables. Rights are those that all levels allow together. Without paging the first 4 GiB
 * are one stretch that allows everything.
 */
#define X86_REGION_MAX_PAGES 65536
void x86_region(const X86Root *root, X86PhysRead read, void *opaque, uint64_t addr, GdbRegion *ret);

#endif

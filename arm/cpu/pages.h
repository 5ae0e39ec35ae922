/*
 * arm/cpu/pages.h - call me: what page tables map, as stretches with the same rights.
 *
 * Pure, on top of arm/cpu/walk.h. Addresses between the two halves hold nothing here, also where
 * TBI makes the CPU ignore their top byte: each page is reported once. Guests make tables as large
 * as they like, so each call does a bounded amount of work and can be taken up where it ended.
 */
#ifndef VMGDB_ARM_CPU_PAGES_H
#define VMGDB_ARM_CPU_PAGES_H

#include <glib.h>

#include "arm/cpu/walk.h"
#include "gdbstub/target.h"

#define ARM_REGION_MAX_SPANS 65536

/*
 * arm_region: @ret holds @addr. A mapped stretch begins with the page or block of @addr, a hole at
 * @addr or before it; both end where the rights change, or after ARM_REGION_MAX_SPANS pages.
 * "execute": by kernel or user.
 */
void arm_region(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t addr, GdbRegion *ret);

#define ARM_SHOW_MAX_SPANS 262144 /* about 0.2 s */
#define ARM_SHOW_MAX_LINES 20000

/*
 * The bodies of `info mem` and `info tlb` from @from on. At most @max_lines lines, and a last one
 * that says so when there is more. Formats, of the x86 commands of these names but for the x:
 * "START-END SIZE urwx", END being the first address behind, runs with the same rights joined, x
 * where kernel or user may execute; "ADDR: GPA SIZE UWXxAGC": user, writable, kernel and user
 * execute, accessed, global, contiguous.
 */
void arm_show_mem(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t from,
		  unsigned max_lines, GString *out);
void arm_show_tlb(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t from,
		  unsigned max_lines, GString *out);

#endif

/*
 * guest/vmcore.h - the front part of an ELF core file of a whole machine, as crash and drgn read
 * it.
 *
 * Pure: bytes in memory. ELF gABI, chapter 5 (program header); the kernel's
 * Documentation/admin-guide/kdump/vmcoreinfo.rst. The memory follows the front in the file, range
 * after range, each at its p_offset.
 */
#ifndef VMGDB_GUEST_VMCORE_H
#define VMGDB_GUEST_VMCORE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct VmcoreRange {
	uint64_t gpa, size;
	uint64_t offset; /* in the file; vmcore_front() fills it in */
} VmcoreRange;

/* Memory of one of the ranges that has a virtual address, too. */
typedef struct VmcoreImage {
	uint64_t addr, gpa, size;
} VmcoreImage;

/*
 * vmcore_front: ELF header, program headers and @notes, padded to a page. There is one header for
 * @notes, one for each of @ranges (of VmcoreRange) with virtual addresses like the physical ones,
 * and one for each of @images (of VmcoreImage; NULL: none) that lies in a range. @machine:
 * e_machine. Caller unrefs.
 */
GByteArray *vmcore_front(uint16_t machine, GArray *ranges, const GArray *images,
			 const GByteArray *notes);

/* vmcore_add_note: append one note; @name with its NUL counts as it is. */
void vmcore_add_note(GByteArray *notes, const char *name, uint32_t type, const void *desc,
		     size_t len);

/*
 * Linux keeps its VMCOREINFO as a complete note at the beginning of a page.
 * vmcore_find_info: the offset in @data (@len bytes from a page's beginning on) of a page that
 * begins like that; -1 when there is none. vmcore_info_size: how long the note at @page
 * (@len bytes) is, 0 when it is none that can be believed.
 */
#define VMCORE_PAGE 4096u
int64_t vmcore_find_info(const uint8_t *data, size_t len);
size_t vmcore_info_size(const uint8_t *page, size_t len);
/* vmcore_info_symbol: the address behind "SYMBOL(@name)=" in that note. */
bool vmcore_info_symbol(const GByteArray *note, const char *name, uint64_t *ret);

#endif

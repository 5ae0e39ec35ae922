/*
 * guest/layout.h - where the kernel has its variables and the members of its structures: by its BTF
 * and its symbols, or by VMCOREINFO, which names some of them. Pure.
 */
#ifndef VMGDB_GUEST_LAYOUT_H
#define VMGDB_GUEST_LAYOUT_H

#include "guest/kernel.h"

/* The address of a variable. */
bool linux_symbol(const LinuxKernel *kernel, const char *name, uint64_t *ret);
/* The offset of a member of a structure ("thread.sp"), or the size of a structure. */
bool linux_offset(const LinuxKernel *kernel, const char *type, const char *path, uint32_t *ret);
bool linux_size(const LinuxKernel *kernel, const char *type, uint32_t *ret);

/*
 * One of several that are wanted: a member of @type, by the first of @paths that it has; all of
 * @type when there are none. Kernels rename members. Where a kernel may have no such member the
 * last path is LINUX_OPTIONAL, and it becomes LINUX_NO_FIELD. @at: where to put it, an offset in a
 * structure of uint32_t.
 */
#define LINUX_FIELD_PATHS 4
typedef struct LinuxField {
	const char *type;
	const char *paths[LINUX_FIELD_PATHS];
	size_t at;
} LinuxField;
#define LINUX_OPTIONAL "?"
#define LINUX_NO_FIELD UINT32_MAX

/* linux_fields: FALSE with @error, which names the first that is missing. */
bool linux_fields(const LinuxKernel *kernel, const LinuxField *fields, unsigned n, void *ret,
		  GError **error);

/* linux_text_add: @text (@len bytes) with what is not printable as \xHH. */
void linux_text_add(GString *out, const char *text, size_t len);

#endif

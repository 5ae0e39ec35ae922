/*
 * guest/types.h - the types of the guest's kernel, out of its BTF (Linux,
 * Documentation/bpf/btf.rst), read by libbpf. Pure; not thread-safe.
 */
#ifndef VMGDB_GUEST_TYPES_H
#define VMGDB_GUEST_TYPES_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest .BTF section that is read, in bytes: four times what a kernel has. */
#define LINUX_TYPES_MAX (32u * 1024 * 1024)

struct btf;
typedef struct LinuxTypes LinuxTypes;

/*
 * linux_types_new: @data (@len bytes; copied) is a whole .BTF section. @base: whose types a
 * module's BTF goes on from, or NULL for the kernel's own; the new one has all of these, too, and
 * takes as much memory. NULL with @error when it is damaged. What libbpf's view may be trusted for
 * then: every type is whole, no name has control characters, and the names of all types together
 * are shorter than LINUX_TYPES_MAX. Offsets of names and numbers of types may still be lies.
 */
LinuxTypes *linux_types_new(const void *data, size_t len, const LinuxTypes *base, GError **error);
void linux_types_free(LinuxTypes *types);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxTypes, linux_types_free)

/* linux_types_btf: libbpf's view of it. Owned by @types. */
const struct btf *linux_types_btf(const LinuxTypes *types);
/* linux_types_first: the number of the first type that is not one of the base's. */
unsigned linux_types_first(const LinuxTypes *types);
/* linux_types_strings: the names that offsets of names count in. Owned by @types. */
const char *linux_types_strings(const LinuxTypes *types, size_t *ret_len);

/* Where a member lies, in bytes. */
typedef struct LinuxMember {
	uint32_t offset, size;
} LinuxMember;

/*
 * linux_types_member: @path names a member of the structure or union @type, or one of a member of
 * it and so on: "thread.sp". Members of unnamed ones inside are found as C finds them. FALSE: there
 * is none, or it is a bit field. It never ends behind linux_types_size() of @type.
 * linux_types_size: of the structure or union @type, in bytes; FALSE when there is none.
 */
bool linux_types_member(const LinuxTypes *types, const char *type, const char *path,
			LinuxMember *ret);
bool linux_types_size(const LinuxTypes *types, const char *type, uint32_t *ret);

#endif

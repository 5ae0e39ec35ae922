/*
 * kvm/memory.h - where guest-physical addresses are in this process.
 *
 * Owns the list of RAM spans and the copies to and from them. Knows nothing of breakpoints
 * (kvm/breaks.h) or page tables. Any thread may call any function; spans may change between calls.
 */
#ifndef VMGDB_KVM_MEMORY_H
#define VMGDB_KVM_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm/kvm-gdb.h"

typedef struct KvmMemory KvmMemory;

/*
 * Called after each change of RAM, with no lock held that kvm_memory_map() takes. [any thread]
 */
typedef void (*KvmMemoryDirty)(void *opaque, uint64_t gpa, size_t len);

KvmMemory *kvm_memory_new(KvmMemoryDirty dirty, void *opaque); /* @dirty may be NULL */
void kvm_memory_free(KvmMemory *memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmMemory, kvm_memory_free)

/*
 * kvm_memory_map: [gpa, gpa + size) is at @host; covers what was mapped there. A range that is
 * empty or wraps is ignored. @flags: KVM_GDB_MAP_...
 * kvm_memory_unmap: takes the range out, splitting spans.
 */
void kvm_memory_map(KvmMemory *memory, uint64_t gpa, uint64_t size, void *host, unsigned flags);
void kvm_memory_unmap(KvmMemory *memory, uint64_t gpa, uint64_t size);

/*
 * kvm_memory_set_private: from now on [gpa, gpa + size) is, or is not, the guest's alone: no RAM
 * for all that follows here, whatever is mapped there.
 */
void kvm_memory_set_private(KvmMemory *memory, uint64_t gpa, uint64_t size, bool is_private);
bool kvm_memory_is_private(KvmMemory *memory, uint64_t gpa);

/*
 * kvm_memory_read: bytes copied from @gpa on; less than @len where RAM ends, or cannot be read in
 * this process; 0 when there is none. Crosses from one span to the next without a gap.
 */
size_t kvm_memory_read(KvmMemory *memory, uint64_t gpa, void *buf, size_t len);

/*
 * kvm_memory_look: the same, but pages that nobody has used since they were mapped stay so, and
 * read as zeros.
 */
size_t kvm_memory_look(KvmMemory *memory, uint64_t gpa, void *buf, size_t len);

/*
 * kvm_memory_write: copies all of @buf or nothing; TRUE when all of the range is RAM. With @code
 * the change is also made visible to instruction fetch (arch_sync_code()). FALSE also where RAM
 * cannot be written in this process; then what lies before that place may have been.
 */
bool kvm_memory_write(KvmMemory *memory, uint64_t gpa, const void *buf, size_t len, bool code);

/* A place in RAM, and how many bytes follow it without a break; good until a mapping changes. */
typedef struct KvmPlace {
	uint64_t gpa, left;
	uint8_t *host;
	bool steady;
} KvmPlace;

/*
 * kvm_memory_find: where @gpa is; FALSE when not RAM.
 * kvm_memory_read_at, _write_at: as kvm_memory_read() and kvm_memory_write() (code) of at most
 * @place->left bytes there.
 */
bool kvm_memory_find(KvmMemory *memory, uint64_t gpa, KvmPlace *ret);
size_t kvm_memory_read_at(KvmMemory *memory, const KvmPlace *place, void *buf, size_t len);
bool kvm_memory_write_at(KvmMemory *memory, const KvmPlace *place, const void *buf, size_t len);

/* kvm_memory_get_span: the @n-th stretch that is contiguous in both, by address. FALSE: no more. */
typedef struct KvmSpan {
	uint64_t gpa, size;
	uint8_t *host;
	bool rom, steady; /* KVM_GDB_MAP_READONLY, KVM_GDB_MAP_STEADY */
} KvmSpan;
bool kvm_memory_get_span(KvmMemory *memory, unsigned n, KvmSpan *ret);

/* Is all of the range RAM? */
bool kvm_memory_covers(KvmMemory *memory, uint64_t gpa, size_t len);

#endif

/*
 * hw/memory.h - the guest's RAM: a few banks of host memory, and how to reach a guest-physical
 * address in them. Knows neither KVM nor what lies in the RAM.
 *
 * Filled while no vCPU runs and not changed after, so reading it needs no lock. The guest
 * writes the RAM itself at any time: never trust a byte that was checked and is read again.
 */
#ifndef VMGDB_HW_MEMORY_H
#define VMGDB_HW_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_MAX_BANKS 4

/* Guest-physical [gpa, gpa + size) is at @host. Sizes and addresses are multiples of 4 KiB. */
typedef struct RamBank {
	uint64_t gpa;
	uint64_t size;
	uint8_t *host;
} RamBank;

/* What memory_write() has put there. */
typedef struct MemoryLoaded {
	uint64_t gpa;
	uint64_t size;
	const char *what;
} MemoryLoaded;

typedef struct GuestMemory {
	RamBank bank[MEMORY_MAX_BANKS];
	unsigned n_banks;
	GArray *loaded; /* of MemoryLoaded; NULL: nothing */
} GuestMemory;

/* memory_add: one more bank of zeros. FALSE with @error when the host has no such memory. */
bool memory_add(GuestMemory *memory, uint64_t gpa, uint64_t size, GError **error);
/* memory_zero: all of it is zeros again, at the same places, and what it took is the host's. */
bool memory_zero(GuestMemory *memory, GError **error);
/* memory_clear: give everything back; the struct is empty then and may be used again. */
void memory_clear(GuestMemory *memory);

/* memory_span: where [gpa, gpa + len) is, or NULL when any byte of it is not RAM. */
void *memory_span(const GuestMemory *memory, uint64_t gpa, uint64_t len);

/*
 * memory_write: copy @len bytes to @gpa. @what names them in the error: "the initrd does not fit
 * at 0x... (... bytes): the guest has ... MiB", and in @memory's list of what was loaded; a
 * literal.
 */
bool memory_write(GuestMemory *memory, uint64_t gpa, const void *data, size_t len, const char *what,
		  GError **error);
/* memory_total: bytes of RAM in all banks. */
uint64_t memory_total(const GuestMemory *memory);

#endif

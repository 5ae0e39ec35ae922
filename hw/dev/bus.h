/*
 * hw/dev/bus.h - who answers at a port or a device address.
 *
 * A device says once which range it owns; an access reaches it with the offset from the start of
 * that range. One Bus is the port space, another the MMIO space. Ranges are added before the
 * vCPUs start; then the bus is only read, so lookups take no lock. Devices are called by several
 * vCPU threads at once and have their own locks.
 */
#ifndef VMGDB_HW_DEV_BUS_H
#define VMGDB_HW_DEV_BUS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Vcpu;

/*
 * One access: @len bytes (1 to 8, little-endian) at @data, to be written to the device or to be
 * filled. @data of a read holds ones before, so a device that does not answer reads as on a PC.
 * @vcpu: who does it; NULL for a debugger.
 */
typedef void (*BusHandler)(void *owner, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
			   bool is_write);

typedef enum BusFlags {
	BUS_ANY_WIDTH = 0,
	BUS_BYTES = 1 << 0, /* byte registers: wider accesses are split, the handler sees len 1 */
	BUS_ALONE = 1 << 1, /* no byte of an access that had to be split reaches them */
} BusFlags;

typedef struct Bus Bus;

Bus *bus_new(void);
void bus_free(Bus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bus, bus_free)

/*
 * bus_add: @owner answers for [base, base + size). @name is for messages and must outlive the bus.
 * FALSE with @error when the range is empty, wraps, or overlaps another one (both are named).
 */
bool bus_add(Bus *bus, const char *name, uint64_t base, uint64_t size, BusFlags flags,
	     BusHandler handler, void *owner, GError **error);

/* bus_count: how many ranges it has. bus_range: the one with number @i, by address. */
unsigned bus_count(const Bus *bus);
void bus_range(const Bus *bus, unsigned i, const char **ret_name, uint64_t *ret_base,
	       uint64_t *ret_size);

/*
 * bus_access: do one access of 1 to 8 bytes. What no range covers reads as ones and ignores
 * writes. An access that crosses the end of a range is done byte by byte.
 * Returns FALSE when nothing answers at @addr.
 */
bool bus_access(const Bus *bus, struct Vcpu *vcpu, uint64_t addr, void *data, size_t len,
		bool is_write);

#endif

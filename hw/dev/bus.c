/*
 * hw/dev/bus.c - sorted ranges and their owners.
 */
#include "hw/dev/bus.h"

#include <gio/gio.h>
#include <string.h>

typedef struct BusRange {
	const char *name;
	uint64_t base;
	uint64_t size;
	BusFlags flags;
	BusHandler handler;
	void *owner;
} BusRange;

struct Bus {
	GArray *ranges; /* of BusRange, by base, without overlap */
};

Bus *bus_new(void)
{
	Bus *bus = g_new0(Bus, 1);

	bus->ranges = g_array_new(FALSE, FALSE, sizeof(BusRange));
	return bus;
}

void bus_free(Bus *bus)
{
	if (bus == NULL)
		return;
	g_array_unref(bus->ranges);
	g_free(bus);
}

/* The first range that ends behind @addr. */
static unsigned lower_bound(const Bus *bus, uint64_t addr)
{
	unsigned low = 0, high = bus->ranges->len;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		const BusRange *range = &g_array_index(bus->ranges, BusRange, mid);

		if (range->base + (range->size - 1) < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const BusRange *find_range(const Bus *bus, uint64_t addr)
{
	unsigned i = lower_bound(bus, addr);

	if (i == bus->ranges->len)
		return NULL;
	const BusRange *range = &g_array_index(bus->ranges, BusRange, i);
	return range->base <= addr ? range : NULL;
}

bool bus_add(Bus *bus, const char *name, uint64_t base, uint64_t size, BusFlags flags,
	     BusHandler handler, void *owner, GError **error)
{
	if (size == 0 || base + (size - 1) < base) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			    "%s: not an address range", name);
		return false;
	}
	unsigned i = lower_bound(bus, base);
	if (i < bus->ranges->len) {
		const BusRange *next = &g_array_index(bus->ranges, BusRange, i);

		if (next->base <= base + (size - 1)) {
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS,
				    "%s and %s both want address 0x%" G_GINT64_MODIFIER "x", name,
				    next->name, MAX(base, next->base));
			return false;
		}
	}
	BusRange range = {
		.name = name,
		.base = base,
		.size = size,
		.flags = flags,
		.handler = handler,
		.owner = owner,
	};
	g_array_insert_val(bus->ranges, i, range);
	return true;
}

unsigned bus_count(const Bus *bus)
{
	return bus->ranges->len;
}

void bus_range(const Bus *bus, unsigned i, const char **ret_name, uint64_t *ret_base,
	       uint64_t *ret_size)
{
	const BusRange *range = &g_array_index(bus->ranges, BusRange, i);

	*ret_name = range->name;
	*ret_base = range->base;
	*ret_size = range->size;
}

/* @part: one byte of a wider access. */
static bool do_access(const Bus *bus, struct Vcpu *vcpu, uint64_t addr, void *data, size_t len,
		      bool is_write, bool part)
{
	const BusRange *range = find_range(bus, addr);

	if (!is_write)
		memset(data, 0xff, len);
	if (part && range != NULL && range->flags & BUS_ALONE)
		return false;
	if (range != NULL && len <= range->size - (addr - range->base) &&
	    (len == 1 || !(range->flags & BUS_BYTES))) {
		range->handler(range->owner, vcpu, addr - range->base, data, len, is_write);
		return true;
	}
	if (len == 1)
		return false;
	bool answered = false;
	for (size_t i = 0; i < len; i++)
		answered |= do_access(bus, vcpu, addr + i, (uint8_t *)data + i, 1, is_write, true);
	return answered;
}

bool bus_access(const Bus *bus, struct Vcpu *vcpu, uint64_t addr, void *data, size_t len,
		bool is_write)
{
	return do_access(bus, vcpu, addr, data, len, is_write, false);
}

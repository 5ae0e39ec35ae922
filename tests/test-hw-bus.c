/*
 * tests/test-hw-bus.c - hw/dev/bus.h: ranges, widths, and what nobody answers.
 */
#include <gio/gio.h>
#include <string.h>

#include "hw/dev/bus.h"

/* Remembers the last access, and answers reads with the offset of each byte. */
typedef struct Probe {
	unsigned calls;
	uint64_t offset;
	size_t len;
	bool is_write;
	uint64_t written;
} Probe;

static void probe_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset, void *data,
		     size_t len, bool is_write)
{
	Probe *probe = owner;

	probe->calls++;
	probe->offset = offset;
	probe->len = len;
	probe->is_write = is_write;
	probe->written = 0;
	if (is_write)
		memcpy(&probe->written, data, len);
	for (size_t i = 0; !is_write && i < len; i++)
		((uint8_t *)data)[i] = offset + i;
}

static bool add(Bus *bus, uint64_t base, uint64_t size, BusFlags flags, Probe *probe)
{
	return bus_add(bus, "probe", base, size, flags, probe_io, probe, NULL);
}

static void test_offset(void)
{
	g_autoptr(Bus) bus = bus_new();
	Probe low = {0}, high = {0};
	uint32_t value = 0x11223344;

	/* Added out of order. */
	g_assert_true(add(bus, 0x1000, 0x10, BUS_ANY_WIDTH, &high));
	g_assert_true(add(bus, 0x10, 8, BUS_ANY_WIDTH, &low));
	g_assert_true(bus_access(bus, NULL, 0x1004, &value, 4, true));
	g_assert_cmpuint(high.calls, ==, 1);
	g_assert_cmphex(high.offset, ==, 4);
	g_assert_cmpuint(high.len, ==, 4);
	g_assert_true(high.is_write);
	g_assert_cmphex(high.written, ==, 0x11223344);
	g_assert_true(bus_access(bus, NULL, 0x14, &value, 4, false));
	g_assert_cmphex(value, ==, 0x07060504);
	g_assert_cmpuint(low.calls, ==, 1);
}

static void test_unclaimed(void)
{
	g_autoptr(Bus) bus = bus_new();
	Probe probe = {0};
	uint64_t value = 0;

	g_assert_true(add(bus, 0x10, 8, BUS_ANY_WIDTH, &probe));
	g_assert_false(bus_access(bus, NULL, 0x0, &value, 8, false));
	g_assert_cmphex(value, ==, UINT64_MAX);
	g_assert_false(bus_access(bus, NULL, 0x18, &value, 8, true));
	g_assert_false(bus_access(bus, NULL, UINT64_MAX, &value, 1, false));
	g_assert_cmpuint(probe.calls, ==, 0);
}

static void test_bytes(void)
{
	g_autoptr(Bus) bus = bus_new();
	Probe probe = {0};
	uint32_t value = 0;

	g_assert_true(add(bus, 0x3f8, 8, BUS_BYTES, &probe));
	g_assert_true(bus_access(bus, NULL, 0x3f8, &value, 4, false));
	g_assert_cmphex(value, ==, 0x03020100);
	g_assert_cmpuint(probe.calls, ==, 4);
	g_assert_cmpuint(probe.len, ==, 1);
}

/* The part behind the end of a range reads as ones. */
static void test_crossing(void)
{
	g_autoptr(Bus) bus = bus_new();
	Probe probe = {0};
	uint32_t value = 0;

	g_assert_true(add(bus, 0x20, 4, BUS_ANY_WIDTH, &probe));
	g_assert_true(bus_access(bus, NULL, 0x22, &value, 4, false));
	g_assert_cmphex(value, ==, 0xffff0302);
	g_assert_true(bus_access(bus, NULL, 0x1e, &value, 4, false));
	g_assert_cmphex(value, ==, 0x0100ffff);
}

/* As x86's reset port, in the middle of PCI's address register. */
static void test_alone(void)
{
	g_autoptr(Bus) bus = bus_new();
	Probe probe = {0};
	uint32_t value = 0x80000600;
	uint8_t byte = 6;

	g_assert_true(
		bus_add(bus, "reset", 0xcf9, 1, BUS_BYTES | BUS_ALONE, probe_io, &probe, NULL));
	for (unsigned port = 0xcf6; port <= 0xcf9; port++) {
		g_assert_false(bus_access(bus, NULL, port, &value, 4, true));
		g_assert_false(bus_access(bus, NULL, port, &value, 4, false));
		g_assert_cmphex(value, ==, 0xffffffff);
		value = 0x06060606;
	}
	g_assert_false(bus_access(bus, NULL, 0xcf8, &value, 2, true));
	g_assert_cmpuint(probe.calls, ==, 0);
	g_assert_true(bus_access(bus, NULL, 0xcf9, &byte, 1, true));
	g_assert_cmpuint(probe.calls, ==, 1);
}

static void test_refuses(void)
{
	g_autoptr(Bus) bus = bus_new();
	g_autoptr(GError) error = NULL;
	Probe probe = {0};

	g_assert_true(bus_add(bus, "first", 0x100, 0x10, BUS_BYTES, probe_io, &probe, NULL));
	g_assert_false(bus_add(bus, "second", 0x10f, 0x10, BUS_BYTES, probe_io, &probe, &error));
	g_assert_nonnull(strstr(error->message, "first"));
	g_assert_nonnull(strstr(error->message, "second"));
	g_assert_nonnull(strstr(error->message, "0x10f"));
	g_assert_false(add(bus, 0xf1, 0x10, BUS_BYTES, &probe));
	g_assert_false(add(bus, 0x80, 0x100, BUS_BYTES, &probe));
	g_assert_false(add(bus, 0x104, 1, BUS_BYTES, &probe));
	g_assert_false(add(bus, 0x10, 0, BUS_BYTES, &probe));
	g_assert_false(add(bus, UINT64_MAX, 2, BUS_BYTES, &probe));
	g_assert_true(add(bus, 0x110, 0x10, BUS_BYTES, &probe));
	g_assert_true(add(bus, 0xf0, 0x10, BUS_BYTES, &probe));
	g_assert_true(add(bus, UINT64_MAX, 1, BUS_BYTES, &probe));
}

static void test_ranges(void)
{
	g_autoptr(Bus) bus = bus_new();
	const char *name;
	uint64_t base, size;

	g_assert_cmpuint(bus_count(bus), ==, 0);
	g_assert_true(bus_add(bus, "second", 0x20, 8, BUS_BYTES, probe_io, NULL, NULL));
	g_assert_true(bus_add(bus, "first", 0x10, 4, BUS_BYTES, probe_io, NULL, NULL));
	g_assert_cmpuint(bus_count(bus), ==, 2);
	bus_range(bus, 0, &name, &base, &size);
	g_assert_cmpstr(name, ==, "first");
	bus_range(bus, 1, &name, &base, &size);
	g_assert_cmpstr(name, ==, "second");
	g_assert_cmphex(base, ==, 0x20);
	g_assert_cmphex(size, ==, 8);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hw-bus/offset-and-width", test_offset);
	g_test_add_func("/hw-bus/unclaimed-reads-ones", test_unclaimed);
	g_test_add_func("/hw-bus/bytes-are-split", test_bytes);
	g_test_add_func("/hw-bus/crossing-an-end", test_crossing);
	g_test_add_func("/hw-bus/alone", test_alone);
	g_test_add_func("/hw-bus/refuses-overlap", test_refuses);
	g_test_add_func("/hw-bus/ranges", test_ranges);
	return g_test_run();
}

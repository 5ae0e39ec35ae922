/*
 * tests/test-arm-fdt.c - the device tree of the arm64 machine, read back by libfdt (arm/hw/fdt.h).
 */
#include <libfdt.h>
#include <string.h>

#include "arm/hw/fdt.h"
#include "arm/hw/map.h"

static const uint64_t mpidrs[] = {0, 1, 0x100};

static ArmFdtInput input(void)
{
	return (ArmFdtInput){
		.ram_addr = ARM_RAM_ADDR,
		.ram_size = 0x123400000,
		.mpidrs = mpidrs,
		.n_cpus = G_N_ELEMENTS(mpidrs),
		.gic_is_v3 = true,
		.gic_dist_addr = ARM_GIC_DIST_ADDR,
		.gic_dist_size = 0x10000,
		.gic_cpu_addr = 0x3ff90000,
		.gic_cpu_size = 0x60000,
		.command_line = "console=ttyS0 x=\"y\"",
		.initrd_addr = 0x90000000,
		.initrd_size = 0x1234,
	};
}

static GByteArray *build(const ArmFdtInput *in)
{
	g_autoptr(GError) error = NULL;
	GByteArray *tree = arm_fdt_build(in, &error);

	g_assert_no_error(error);
	g_assert_cmpint(fdt_check_full(tree->data, tree->len), ==, 0);
	return tree;
}

static const void *get(const GByteArray *tree, const char *path, const char *name, int len)
{
	int node = fdt_path_offset(tree->data, path), found;
	const void *value;

	g_assert_cmpint(node, >=, 0);
	value = fdt_getprop(tree->data, node, name, &found);
	g_assert_nonnull(value);
	if (len > 0)
		g_assert_cmpint(found, ==, len);
	return value;
}

static uint64_t cell64(const void *cells, unsigned i)
{
	fdt64_t value;

	memcpy(&value, (const char *)cells + 8 * i, 8);
	return fdt64_to_cpu(value);
}

static void test_chosen(void)
{
	ArmFdtInput in = input();
	g_autoptr(GByteArray) tree = build(&in);

	g_assert_cmpstr(get(tree, "/chosen", "bootargs", 0), ==, in.command_line);
	g_assert_cmpstr(get(tree, "/chosen", "stdout-path", 0), ==, "/uart@1000000");
	g_assert_cmphex(cell64(get(tree, "/chosen", "linux,initrd-start", 8), 0), ==, 0x90000000);
	g_assert_cmphex(cell64(get(tree, "/chosen", "linux,initrd-end", 8), 0), ==, 0x90001234);
	g_assert_cmpint(fdt_path_offset(tree->data, "/uart@1000000"), >=, 0);
}

static void test_memory_and_cpus(void)
{
	ArmFdtInput in = input();
	g_autoptr(GByteArray) tree = build(&in);
	const void *reg = get(tree, "/memory@80000000", "reg", 16);

	g_assert_cmphex(cell64(reg, 0), ==, in.ram_addr);
	g_assert_cmphex(cell64(reg, 1), ==, in.ram_size);
	g_assert_cmpstr(get(tree, "/cpus/cpu@0", "enable-method", 0), ==, "psci");
	g_assert_cmphex(cell64(get(tree, "/cpus/cpu@1", "reg", 8), 0), ==, 1);
	g_assert_cmphex(cell64(get(tree, "/cpus/cpu@100", "reg", 8), 0), ==, 0x100);
	g_assert_cmpstr(get(tree, "/psci", "method", 0), ==, "hvc");
	get(tree, "/timer", "interrupts", 48);
}

static void test_gic(void)
{
	ArmFdtInput in = input();
	g_autoptr(GByteArray) v3 = build(&in);
	const void *reg = get(v3, "/intc@3fff0000", "reg", 32);

	g_assert_cmpstr(get(v3, "/intc@3fff0000", "compatible", 0), ==, "arm,gic-v3");
	g_assert_cmphex(cell64(reg, 0), ==, in.gic_dist_addr);
	g_assert_cmphex(cell64(reg, 2), ==, in.gic_cpu_addr);
	g_assert_cmphex(cell64(reg, 3), ==, in.gic_cpu_size);
	in.gic_is_v3 = false;
	g_autoptr(GByteArray) v2 = build(&in);
	g_assert_cmpstr(get(v2, "/intc@3fff0000", "compatible", 0), ==, "arm,cortex-a15-gic");
}

static uint32_t cell(const void *cells, unsigned i)
{
	fdt32_t value;

	memcpy(&value, (const char *)cells + 4 * i, 4);
	return fdt32_to_cpu(value);
}

#define PCI "/pcie@40000000"
#define ITS "/intc@3fff0000/its@3ff70000"

/* Linux numbers UARTs in the tree's order; without --tty there is one. */
static void test_uart2(void)
{
	ArmFdtInput in = input();
	g_autoptr(GByteArray) without = build(&in);

	in.has_uart2 = true;
	g_autoptr(GByteArray) tree = build(&in);
	int first = fdt_path_offset(tree->data, "/uart@1000000");
	int second = fdt_path_offset(tree->data, "/uart@1001000");
	const fdt32_t *irq = get(tree, "/uart@1001000", "interrupts", 12);

	g_assert_cmpint(fdt_path_offset(without->data, "/uart@1001000"), <, 0);
	g_assert_cmpint(second, >, first);
	g_assert_cmpstr(get(tree, "/uart@1001000", "compatible", 0), ==, "ns16550a");
	g_assert_cmphex(cell64(get(tree, "/uart@1001000", "reg", 16), 0), ==, 0x1001000);
	g_assert_cmpuint(fdt32_to_cpu(irq[1]), ==, 1);
}

static void test_pci(void)
{
	ArmFdtInput in = input();

	g_autoptr(GByteArray) none = build(&in);
	g_assert_cmpint(fdt_path_offset(none->data, PCI), <, 0);
	in.has_pci = true;
	in.its_addr = 0x3ff70000;
	in.its_size = 0x20000;
	g_autoptr(GByteArray) tree = build(&in);
	const void *reg = get(tree, PCI, "reg", 16), *ranges = get(tree, PCI, "ranges", 28);
	g_assert_cmpstr(get(tree, PCI, "compatible", 0), ==, "pci-host-ecam-generic");
	g_assert_cmphex(cell64(reg, 0), ==, 0x40000000);
	g_assert_cmphex(cell64(reg, 1), ==, 0x100000);
	g_assert_cmphex(cell(ranges, 0), ==, 0x02000000); /* memory of 32 bits, here as there */
	g_assert_cmphex(cell(ranges, 2), ==, ARM_PCI_WINDOW);
	g_assert_cmphex(cell(ranges, 4), ==, ARM_PCI_WINDOW);
	g_assert_cmphex(cell(ranges, 6), ==, ARM_PCI_WINDOW_SIZE);
	/* Messages of requester N are the ITS' device N. */
	const void *map = get(tree, PCI, "msi-map", 16);
	g_assert_cmphex(cell(map, 1), ==, cell(get(tree, ITS, "phandle", 4), 0));
	g_assert_cmphex(cell(map, 3), ==, 0x10000);
	g_assert_cmphex(cell64(get(tree, ITS, "reg", 16), 0), ==, in.its_addr);
	g_assert_cmpstr(get(tree, ITS, "compatible", 0), ==, "arm,gic-v3-its");
	/* Above the window is RAM, below ECAM are the GIC's parts. */
	g_assert_cmphex(ARM_PCI_WINDOW + ARM_PCI_WINDOW_SIZE, <=, ARM_RAM_ADDR);
}

/* A row: the device, its pin, the GIC, and the interrupt in three cells. */
static void test_pci_pins(void)
{
	ArmFdtInput in = input();

	in.gic_is_v3 = false;
	in.has_pci = true;
	g_autoptr(GByteArray) tree = build(&in);
	const void *map = get(tree, PCI, "interrupt-map", 160);
	const void *mask = get(tree, PCI, "interrupt-map-mask", 16);
	g_assert_cmphex(cell(mask, 0), ==, 3 << 11);
	g_assert_cmphex(cell(mask, 3), ==, 7);
	for (unsigned i = 0; i < 4; i++) {
		g_assert_cmphex(cell(map, i * 10), ==, i << 11);
		g_assert_cmphex(cell(map, i * 10 + 3), ==, 1);
		g_assert_cmphex(cell(map, i * 10 + 4), ==,
				cell(get(tree, "/intc@3fff0000", "phandle", 4), 0));
		g_assert_cmphex(cell(map, i * 10 + 7), ==, 0);
		g_assert_cmphex(cell(map, i * 10 + 8), ==, ARM_SPI_PCI + i);
		g_assert_cmphex(cell(map, i * 10 + 9), ==, 4);
	}
	/* The map's two cells of an address are the GIC's. */
	g_assert_cmphex(cell(get(tree, "/intc@3fff0000", "#address-cells", 4), 0), ==, 2);
	int node = fdt_path_offset(tree->data, PCI);
	g_assert_null(fdt_getprop(tree->data, node, "msi-map", NULL));
	g_assert_cmpint(fdt_path_offset(tree->data, "/intc@3fff0000/its"), <, 0);
}

static void test_no_initrd(void)
{
	ArmFdtInput in = input();

	in.initrd_size = 0;
	g_autoptr(GByteArray) tree = build(&in);
	int chosen = fdt_path_offset(tree->data, "/chosen");
	g_assert_null(fdt_getprop(tree->data, chosen, "linux,initrd-start", NULL));
}

/* The longest words that a user can give do not fit: an error, and nothing worse. */
static void test_too_long(void)
{
	g_autofree char *words = g_strnfill(ARM_FDT_MAX, 'x');
	g_autoptr(GError) error = NULL;
	ArmFdtInput in = input();

	in.command_line = words;
	g_assert_null(arm_fdt_build(&in, &error));
	g_assert_nonnull(error);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-fdt/chosen", test_chosen);
	g_test_add_func("/arm-fdt/memory-and-cpus", test_memory_and_cpus);
	g_test_add_func("/arm-fdt/gic", test_gic);
	g_test_add_func("/arm-fdt/uart2", test_uart2);
	g_test_add_func("/arm-fdt/pci", test_pci);
	g_test_add_func("/arm-fdt/pci-pins", test_pci_pins);
	g_test_add_func("/arm-fdt/no-initrd", test_no_initrd);
	g_test_add_func("/arm-fdt/too-long", test_too_long);
	return g_test_run();
}

/*
 * arm/hw/fdt.c - the device tree: what the kernel learns of the machine in arm/hw/map.h.
 */
#include <gio/gio.h>
#include <libfdt.h>
#include <string.h>

#include "arm/hw/fdt.h"
#include "arm/hw/map.h"
#include "hw/dev/pci.h"

enum { PHANDLE_GIC = 1, PHANDLE_ITS };

/* Cells of an interrupt: type, number, flags. */
enum { IRQ_SPI = 0, IRQ_PPI = 1 };
enum { IRQ_EDGE_HIGH = 1, IRQ_LEVEL_HIGH = 4, IRQ_LEVEL_LOW = 8 };

/* A tree in the making; @error is libfdt's first failure. */
typedef struct Tree {
	void *data;
	int error;
} Tree;

static void note(Tree *tree, int ret)
{
	if (tree->error == 0)
		tree->error = ret;
}

static void begin(Tree *tree, const char *name)
{
	note(tree, fdt_begin_node(tree->data, name));
}

static void begin_at(Tree *tree, const char *name, uint64_t addr)
{
	g_autofree char *full = g_strdup_printf("%s@%" G_GINT64_MODIFIER "x", name, addr);

	begin(tree, full);
}

static void end(Tree *tree)
{
	note(tree, fdt_end_node(tree->data));
}

static void prop(Tree *tree, const char *name, const void *value, size_t len)
{
	note(tree, fdt_property(tree->data, name, value, len));
}

static void prop_text(Tree *tree, const char *name, const char *text)
{
	note(tree, fdt_property_string(tree->data, name, text));
}

static void prop_cells(Tree *tree, const char *name, const uint32_t *cells, unsigned n)
{
	g_autofree fdt32_t *big = g_new(fdt32_t, n);

	for (unsigned i = 0; i < n; i++)
		big[i] = cpu_to_fdt32(cells[i]);
	prop(tree, name, big, n * sizeof(*big));
}

static void prop_u32(Tree *tree, const char *name, uint32_t value)
{
	prop_cells(tree, name, &value, 1);
}

static void prop_u64s(Tree *tree, const char *name, const uint64_t *values, unsigned n)
{
	g_autofree fdt64_t *big = g_new(fdt64_t, n);

	for (unsigned i = 0; i < n; i++)
		big[i] = cpu_to_fdt64(values[i]);
	prop(tree, name, big, n * sizeof(*big));
}

static void prop_reg(Tree *tree, uint64_t addr, uint64_t size)
{
	const uint64_t reg[] = {addr, size};

	prop_u64s(tree, "reg", reg, 2);
}

static void add_chosen(Tree *tree, const ArmFdtInput *input)
{
	g_autofree char *console = g_strdup_printf("/uart@%x", ARM_UART_ADDR);
	uint64_t initrd_end = input->initrd_addr + input->initrd_size;

	begin(tree, "chosen");
	prop_text(tree, "bootargs", input->command_line);
	prop_text(tree, "stdout-path", console);
	prop(tree, "kaslr-seed", input->seed, sizeof(uint64_t));
	prop(tree, "rng-seed", input->seed + sizeof(uint64_t),
	     sizeof(input->seed) - sizeof(uint64_t));
	if (input->initrd_size > 0) {
		prop_u64s(tree, "linux,initrd-start", &input->initrd_addr, 1);
		prop_u64s(tree, "linux,initrd-end", &initrd_end, 1);
	}
	end(tree);
}

static void add_memory(Tree *tree, const ArmFdtInput *input)
{
	begin_at(tree, "memory", input->ram_addr);
	prop_text(tree, "device_type", "memory");
	prop_reg(tree, input->ram_addr, input->ram_size);
	end(tree);
}

static void add_cpus(Tree *tree, const ArmFdtInput *input)
{
	begin(tree, "cpus");
	prop_u32(tree, "#address-cells", 2);
	prop_u32(tree, "#size-cells", 0);
	for (unsigned i = 0; i < input->n_cpus; i++) {
		begin_at(tree, "cpu", input->mpidrs[i]);
		prop_text(tree, "device_type", "cpu");
		prop_text(tree, "compatible", "arm,arm-v8");
		prop_text(tree, "enable-method", "psci");
		prop_u64s(tree, "reg", &input->mpidrs[i], 1);
		end(tree);
	}
	end(tree);
}

static void add_psci(Tree *tree)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

	begin(tree, "psci");
	prop(tree, "compatible", compatible, sizeof(compatible));
	prop_text(tree, "method", "hvc");
	end(tree);
}

static void add_timer(Tree *tree)
{
	/* Secure, non-secure, virtual, hypervisor: the architected private interrupts. */
	static const uint32_t interrupts[] = {
		IRQ_PPI, 13, IRQ_LEVEL_LOW, IRQ_PPI, 14, IRQ_LEVEL_LOW,
		IRQ_PPI, 11, IRQ_LEVEL_LOW, IRQ_PPI, 10, IRQ_LEVEL_LOW,
	};

	begin(tree, "timer");
	prop_text(tree, "compatible", "arm,armv8-timer");
	prop_cells(tree, "interrupts", interrupts, G_N_ELEMENTS(interrupts));
	prop(tree, "always-on", NULL, 0);
	end(tree);
}

/* A child of the GIC, whose addresses are the machine's. */
static void add_its(Tree *tree, const ArmFdtInput *input)
{
	begin_at(tree, "its", input->its_addr);
	prop_text(tree, "compatible", "arm,gic-v3-its");
	prop(tree, "msi-controller", NULL, 0);
	prop_u32(tree, "#msi-cells", 1);
	prop_reg(tree, input->its_addr, input->its_size);
	prop_u32(tree, "phandle", PHANDLE_ITS);
	end(tree);
}

/* With PCI its interrupts are named by an interrupt-map, and may be children's. */
static void add_gic_children(Tree *tree, const ArmFdtInput *input)
{
	if (!input->has_pci)
		return;
	prop_u32(tree, "#address-cells", 2);
	prop_u32(tree, "#size-cells", 2);
	prop(tree, "ranges", NULL, 0);
	if (input->its_addr != 0)
		add_its(tree, input);
}

static void add_gic(Tree *tree, const ArmFdtInput *input)
{
	const uint64_t reg[] = {
		input->gic_dist_addr,
		input->gic_dist_size,
		input->gic_cpu_addr,
		input->gic_cpu_size,
	};

	begin_at(tree, "intc", input->gic_dist_addr);
	prop_text(tree, "compatible", input->gic_is_v3 ? "arm,gic-v3" : "arm,cortex-a15-gic");
	prop_u32(tree, "#interrupt-cells", 3);
	prop(tree, "interrupt-controller", NULL, 0);
	prop_u64s(tree, "reg", reg, G_N_ELEMENTS(reg));
	prop_u32(tree, "phandle", PHANDLE_GIC);
	add_gic_children(tree, input);
	end(tree);
}

static void add_uart(Tree *tree, uint32_t addr, uint32_t spi)
{
	const uint32_t irq[] = {IRQ_SPI, spi, IRQ_LEVEL_HIGH};

	begin_at(tree, "uart", addr);
	prop_text(tree, "compatible", "ns16550a");
	prop_reg(tree, addr, ARM_UART_SIZE);
	prop_cells(tree, "interrupts", irq, G_N_ELEMENTS(irq));
	prop_u32(tree, "clock-frequency", 1843200);
	end(tree);
}

/* Linux numbers its ttyS in this order. */
static void add_devices(Tree *tree, const ArmFdtInput *input)
{
	add_uart(tree, ARM_UART_ADDR, ARM_SPI_UART);
	if (input->has_uart2)
		add_uart(tree, ARM_UART2_ADDR, ARM_SPI_UART2);
	begin_at(tree, "rtc", ARM_RTC_ADDR);
	prop_text(tree, "compatible", "motorola,mc146818");
	prop_reg(tree, ARM_RTC_ADDR, ARM_RTC_SIZE);
	end(tree);
	begin_at(tree, "pvpanic", ARM_PVPANIC_ADDR);
	prop_text(tree, "compatible", "qemu,pvpanic-mmio");
	prop_reg(tree, ARM_PVPANIC_ADDR, ARM_PVPANIC_SIZE);
	end(tree);
}

/* ---- PCI: Linux, Documentation/devicetree/bindings/pci/host-generic-pci.yaml ---- */

#define PCI_MEMORY32 0x02000000u
#define PCI_DEVICE(number) ((number) << 11)

/* Pin A of four devices in a row; the others are as these. */
static void add_interrupt_map(Tree *tree)
{
	const uint32_t mask[] = {PCI_DEVICE(PCI_LINES - 1), 0, 0, 7};
	uint32_t map[PCI_LINES][10];

	for (unsigned i = 0; i < PCI_LINES; i++) {
		const uint32_t row[] = {PCI_DEVICE(i),
					0,
					0,
					1,
					PHANDLE_GIC,
					0,
					0,
					IRQ_SPI,
					ARM_SPI_PCI + pci_line(i),
					IRQ_LEVEL_HIGH};

		memcpy(map[i], row, sizeof(row));
	}
	prop_u32(tree, "#interrupt-cells", 1);
	prop_cells(tree, "interrupt-map-mask", mask, G_N_ELEMENTS(mask));
	prop_cells(tree, "interrupt-map", map[0], PCI_LINES * G_N_ELEMENTS(map[0]));
}

static void add_pci(Tree *tree, const ArmFdtInput *input)
{
	static const uint32_t buses[] = {0, 0};
	static const uint32_t window[] = {PCI_MEMORY32,	  0, ARM_PCI_WINDOW,	 0,
					  ARM_PCI_WINDOW, 0, ARM_PCI_WINDOW_SIZE};
	/* A message's device is its requester, as it is. */
	static const uint32_t messages[] = {0, PHANDLE_ITS, 0, 0x10000};

	begin_at(tree, "pcie", ARM_PCI_ECAM);
	prop_text(tree, "compatible", "pci-host-ecam-generic");
	prop_text(tree, "device_type", "pci");
	prop_u32(tree, "#address-cells", 3);
	prop_u32(tree, "#size-cells", 2);
	prop_reg(tree, ARM_PCI_ECAM, PCI_ECAM_SIZE);
	prop_cells(tree, "bus-range", buses, G_N_ELEMENTS(buses));
	prop_cells(tree, "ranges", window, G_N_ELEMENTS(window));
	prop(tree, "dma-coherent", NULL, 0);
	add_interrupt_map(tree);
	if (input->its_addr != 0)
		prop_cells(tree, "msi-map", messages, G_N_ELEMENTS(messages));
	end(tree);
}

static void add_root(Tree *tree, const ArmFdtInput *input)
{
	begin(tree, "");
	prop_text(tree, "compatible", "linux,dummy-virt");
	prop_text(tree, "model", "lkvm");
	prop_u32(tree, "#address-cells", 2);
	prop_u32(tree, "#size-cells", 2);
	prop_u32(tree, "interrupt-parent", PHANDLE_GIC);
	add_chosen(tree, input);
	add_memory(tree, input);
	add_cpus(tree, input);
	add_psci(tree);
	add_timer(tree);
	add_gic(tree, input);
	add_devices(tree, input);
	if (input->has_pci)
		add_pci(tree, input);
	end(tree);
}

GByteArray *arm_fdt_build(const ArmFdtInput *input, GError **error)
{
	g_autoptr(GByteArray) array = g_byte_array_new();

	g_byte_array_set_size(array, ARM_FDT_MAX);
	Tree tree = {.data = array->data};
	note(&tree, fdt_create(tree.data, ARM_FDT_MAX));
	note(&tree, fdt_finish_reservemap(tree.data));
	add_root(&tree, input);
	note(&tree, fdt_finish(tree.data));
	if (tree.error != 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot make the device tree: %s",
			    fdt_strerror(tree.error));
		return NULL;
	}
	g_byte_array_set_size(array, fdt_totalsize(tree.data));
	return g_steal_pointer(&array);
}

/*
 * x86/hw/acpi.c - the ACPI tables of lkvm's PC (ACPI 6.4, chapter 5): where the CPUs, the interrupt
 * controllers and the fixed hardware are, so that a guest brings up all CPUs and can power off.
 */
#include <string.h>

#include "x86/hw/machine.h"

#define HEADER_SIZE 36u
#define RSDP_SIZE 36u
#define FACS_SIZE 64u
#define FADT_SIZE 276u
#define CENTURY_REGISTER 0x32

/* FADT offsets; those not named stay zero. */
enum {
	FADT_FIRMWARE_CTRL = 36,
	FADT_DSDT = 40,
	FADT_SCI_INT = 46,
	FADT_PM1A_EVENT = 56,
	FADT_PM1A_CONTROL = 64,
	FADT_PM_TIMER = 76,
	FADT_PM1_EVENT_LEN = 88,
	FADT_PM1_CONTROL_LEN = 89,
	FADT_PM_TIMER_LEN = 91,
	FADT_C2_LATENCY = 96,
	FADT_C3_LATENCY = 98,
	FADT_CENTURY = 108,
	FADT_BOOT_ARCH = 109,
	FADT_FLAGS = 112,
	FADT_RESET_REG = 116,
	FADT_RESET_VALUE = 128,
	FADT_X_DSDT = 140,
	FADT_X_PM1A_EVENT = 148,
	FADT_X_PM1A_CONTROL = 172,
	FADT_X_PM_TIMER = 208,
};

#define FADT_REVISION 6
#define BOOT_ARCH_LEGACY (1u << 0)
#define BOOT_ARCH_8042 (1u << 1)
#define BOOT_ARCH_NO_VGA (1u << 2)
#define FLAG_WBINVD (1u << 0)
#define FLAG_C1 (1u << 2)
#define FLAG_NO_SLEEP_BUTTON (1u << 5)
#define FLAG_NO_RTC_WAKE (1u << 6)
#define FLAG_TIMER_32 (1u << 8)
#define FLAG_RESET_REG (1u << 10)
#define C2_UNSUPPORTED 101
#define C3_UNSUPPORTED 1001

#define MADT_REVISION 4
#define MADT_PCAT_COMPAT 1u /* there are 8259s too */
#define MADT_ENABLED 1u
#define MADT_OVERRIDE_SCI 0x000d /* level, active high */
#define MADT_ALL_CPUS 0xff

/* ---- Bytes ---- */

static void put(GByteArray *out, uint64_t value, unsigned size)
{
	uint64_t le = GUINT64_TO_LE(value);

	g_byte_array_append(out, (const uint8_t *)&le, size);
}

static void poke(GByteArray *table, unsigned offset, uint64_t value, unsigned size)
{
	uint64_t le = GUINT64_TO_LE(value);

	memcpy(table->data + offset, &le, size);
}

/* A generic address structure for a port of @size bytes (1, 2 or 4). */
static void poke_port(GByteArray *table, unsigned offset, uint16_t port, unsigned size)
{
	poke(table, offset, 1, 1); /* port space */
	poke(table, offset + 1, size * 8, 1);
	poke(table, offset + 3, size == 4 ? 3 : size, 1); /* access size: byte, word, dword */
	poke(table, offset + 4, port, 8);
}

static uint8_t checksum(const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += data[i];
	return -sum;
}

GByteArray *acpi_table_begin(const char signature[4], uint8_t revision)
{
	GByteArray *table = g_byte_array_new();

	g_byte_array_append(table, (const uint8_t *)signature, 4);
	put(table, 0, 4); /* length */
	put(table, revision, 1);
	put(table, 0, 1); /* checksum */
	g_byte_array_append(table, (const uint8_t *)"VMGDB ", 6);
	g_byte_array_append(table, (const uint8_t *)"LKVM    ", 8);
	put(table, 1, 4);
	g_byte_array_append(table, (const uint8_t *)"VMGD", 4);
	put(table, 1, 4);
	return table;
}

void acpi_table_end(GByteArray *table)
{
	poke(table, 4, table->len, 4);
	table->data[9] = 0;
	table->data[9] = checksum(table->data, table->len);
}

/* ---- Tables ---- */

static GByteArray *build_facs(void)
{
	GByteArray *facs = g_byte_array_new();

	g_byte_array_set_size(facs, FACS_SIZE);
	memset(facs->data, 0, facs->len);
	memcpy(facs->data, "FACS", 4);
	poke(facs, 4, FACS_SIZE, 4);
	poke(facs, 32, 2, 1); /* version */
	return facs;
}

static GByteArray *build_fadt(uint32_t facs, uint32_t dsdt)
{
	GByteArray *fadt = acpi_table_begin("FACP", FADT_REVISION);

	g_byte_array_set_size(fadt, FADT_SIZE);
	memset(fadt->data + HEADER_SIZE, 0, FADT_SIZE - HEADER_SIZE);
	poke(fadt, FADT_FIRMWARE_CTRL, facs, 4);
	poke(fadt, FADT_DSDT, dsdt, 4);
	poke(fadt, FADT_X_DSDT, dsdt, 8);
	poke(fadt, FADT_SCI_INT, X86_IRQ_SCI, 2);
	poke(fadt, FADT_PM1A_EVENT, X86_PORT_PM + X86_PM_EVENT, 4);
	poke(fadt, FADT_PM1A_CONTROL, X86_PORT_PM + X86_PM_CONTROL, 4);
	poke(fadt, FADT_PM_TIMER, X86_PORT_PM + X86_PM_TIMER, 4);
	poke(fadt, FADT_PM1_EVENT_LEN, 4, 1);
	poke(fadt, FADT_PM1_CONTROL_LEN, 2, 1);
	poke(fadt, FADT_PM_TIMER_LEN, 4, 1);
	poke(fadt, FADT_C2_LATENCY, C2_UNSUPPORTED, 2);
	poke(fadt, FADT_C3_LATENCY, C3_UNSUPPORTED, 2);
	poke(fadt, FADT_CENTURY, CENTURY_REGISTER, 1);
	poke(fadt, FADT_BOOT_ARCH, BOOT_ARCH_LEGACY | BOOT_ARCH_8042 | BOOT_ARCH_NO_VGA, 2);
	poke(fadt, FADT_FLAGS,
	     FLAG_WBINVD | FLAG_C1 | FLAG_NO_SLEEP_BUTTON | FLAG_NO_RTC_WAKE | FLAG_TIMER_32 |
		     FLAG_RESET_REG,
	     4);
	poke_port(fadt, FADT_RESET_REG, X86_PORT_RESET, 1);
	poke(fadt, FADT_RESET_VALUE, X86_RESET_VALUE, 1);
	poke_port(fadt, FADT_X_PM1A_EVENT, X86_PORT_PM + X86_PM_EVENT, 4);
	/* The event block is two registers of 2 bytes. */
	poke(fadt, FADT_X_PM1A_EVENT + 3, 2, 1);
	poke_port(fadt, FADT_X_PM1A_CONTROL, X86_PORT_PM + X86_PM_CONTROL, 2);
	poke_port(fadt, FADT_X_PM_TIMER, X86_PORT_PM + X86_PM_TIMER, 4);
	acpi_table_end(fadt);
	return fadt;
}

static void add_local_apic(GByteArray *madt, unsigned cpu)
{
	put(madt, 0, 1);
	put(madt, 8, 1);
	put(madt, cpu, 1); /* processor UID */
	put(madt, cpu, 1); /* APIC id */
	put(madt, MADT_ENABLED, 4);
}

static GByteArray *build_madt(unsigned n_cpus)
{
	GByteArray *madt = acpi_table_begin("APIC", MADT_REVISION);

	put(madt, X86_LAPIC_ADDR, 4);
	put(madt, MADT_PCAT_COMPAT, 4);
	for (unsigned i = 0; i < n_cpus; i++)
		add_local_apic(madt, i);
	/* The I/O APIC: id 0, interrupts from 0. KVM wires ISA interrupt n to its pin n. */
	put(madt, 1, 1);
	put(madt, 12, 1);
	put(madt, 0, 2);
	put(madt, X86_IOAPIC_ADDR, 4);
	put(madt, 0, 4);
	/* Interrupt source override: the SCI is not an edge as ISA interrupts are. */
	put(madt, 2, 1);
	put(madt, 10, 1);
	put(madt, 0, 1);
	put(madt, X86_IRQ_SCI, 1);
	put(madt, X86_IRQ_SCI, 4);
	put(madt, MADT_OVERRIDE_SCI, 2);
	/* NMI is LINT1 of every CPU. */
	put(madt, 4, 1);
	put(madt, 6, 1);
	put(madt, MADT_ALL_CPUS, 1);
	put(madt, 0, 2);
	put(madt, 1, 1);
	acpi_table_end(madt);
	return madt;
}

/* Where configuration space is (PCI Firmware Specification 3.2, 4.1.2). */
static GByteArray *build_mcfg(void)
{
	GByteArray *mcfg = acpi_table_begin("MCFG", 1);

	put(mcfg, 0, 8);
	put(mcfg, X86_PCI_ECAM, 8);
	put(mcfg, 0, 2); /* the segment */
	put(mcfg, 0, 1); /* the first bus, and the last */
	put(mcfg, 0, 1);
	put(mcfg, 0, 4);
	acpi_table_end(mcfg);
	return mcfg;
}

static GByteArray *build_xsdt(const uint32_t *tables, unsigned n)
{
	GByteArray *xsdt = acpi_table_begin("XSDT", 1);

	for (unsigned i = 0; i < n; i++)
		put(xsdt, tables[i], 8);
	acpi_table_end(xsdt);
	return xsdt;
}

static void write_rsdp(GByteArray *all, uint32_t xsdt)
{
	memcpy(all->data, "RSD PTR ", 8);
	memcpy(all->data + 9, "VMGDB ", 6);
	all->data[15] = 2; /* revision: there is no RSDT */
	poke(all, 20, RSDP_SIZE, 4);
	poke(all, 24, xsdt, 8);
	all->data[8] = checksum(all->data, 20);
	all->data[32] = checksum(all->data, RSDP_SIZE);
}

/* Append @table (consumed) at the next multiple of @align; returns its guest address. */
static uint32_t append(GByteArray *all, uint32_t base, unsigned align, GByteArray *table)
{
	while ((base + all->len) % align != 0)
		put(all, 0, 1);
	uint32_t addr = base + all->len;
	g_byte_array_append(all, table->data, table->len);
	g_byte_array_unref(table);
	return addr;
}

GByteArray *acpi_build(uint32_t base, const AcpiMachine *machine)
{
	GByteArray *all = g_byte_array_new();
	uint32_t tables[3];
	unsigned n = 0;

	g_byte_array_set_size(all, RSDP_SIZE);
	memset(all->data, 0, all->len);
	uint32_t facs = append(all, base, FACS_SIZE, build_facs());
	uint32_t dsdt = append(all, base, 16, acpi_dsdt(machine));
	tables[n++] = append(all, base, 16, build_fadt(facs, dsdt));
	tables[n++] = append(all, base, 16, build_madt(machine->n_cpus));
	if (machine->has_pci)
		tables[n++] = append(all, base, 16, build_mcfg());
	write_rsdp(all, append(all, base, 16, build_xsdt(tables, n)));
	return all;
}

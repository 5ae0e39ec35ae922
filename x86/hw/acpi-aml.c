/*
 * x86/hw/acpi-aml.c - the DSDT: the devices that a guest cannot find by itself, and \_S5.
 *
 * AML is written by a few functions that each append one term (ACPI 6.4, chapter 20). A term with
 * a length encloses a body that was built first. A machine with PCI has its host bridge there, too.
 */
#include <string.h>

#include "x86/hw/machine.h"

enum {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_EXT = 0x5b,
	AML_EXT_DEVICE = 0x82,
};

/* Resource descriptors (ACPI 6.4, 6.4.2). */
enum {
	RES_IRQ = 0x22, /* without flags: edge, active high */
	RES_IO = 0x47,
	RES_END = 0x79,
	RES_MEMORY32_FIXED = 0x86,
	RES_DWORD = 0x87,
	RES_WORD = 0x88,
};

#define DSDT_REVISION 2 /* integers have 64 bits */
#define STATUS_PRESENT 0x0f
#define NO_IRQ 0
/* Of an address space descriptor. */
#define SPACE_MEMORY 0
#define SPACE_BUS 2
#define SPACE_FIXED 0x0c /* minimum and maximum are what they are; the bridge hands it on */
#define SPACE_READ_WRITE 1

static void byte(GByteArray *out, uint8_t value)
{
	g_byte_array_append(out, &value, 1);
}

static void bytes(GByteArray *out, const void *data, size_t len)
{
	g_byte_array_append(out, data, len);
}

/* PkgLength: counts itself. Bodies here are short, two bytes (12 bits) are always enough. */
static void package_length(GByteArray *out, size_t body)
{
	if (body + 1 < 0x40) {
		byte(out, body + 1);
		return;
	}
	body += 2;
	g_return_if_fail(body < 0x1000);
	byte(out, 0x40 | (body & 0x0f));
	byte(out, body >> 4);
}

/* A length, then @prefix and @body, which is consumed. */
static void enclose(GByteArray *out, const void *prefix, size_t prefix_len, GByteArray *body)
{
	package_length(out, prefix_len + body->len);
	bytes(out, prefix, prefix_len);
	bytes(out, body->data, body->len);
	g_byte_array_unref(body);
}

static void integer(GByteArray *out, uint8_t value)
{
	if (value > AML_ONE)
		byte(out, AML_BYTE);
	byte(out, value);
}

static void word(GByteArray *out, uint16_t value)
{
	byte(out, value);
	byte(out, value >> 8);
}

static void dword(GByteArray *out, uint32_t value)
{
	word(out, value);
	word(out, value >> 16);
}

/* Name (@name, ...): the value is to be appended by the caller. @name has 4 characters. */
static void name(GByteArray *out, const char *name)
{
	byte(out, AML_NAME);
	bytes(out, name, strlen(name));
}

/* "PNP0501" as the 32-bit number that EISA made of it. */
static void eisa_id(GByteArray *out, const char *id)
{
	unsigned letters = (id[0] - 0x40) << 10 | (id[1] - 0x40) << 5 | (id[2] - 0x40);
	unsigned product = 0;

	for (const char *c = id + 3; *c != 0; c++)
		product = product << 4 | g_ascii_xdigit_value(*c);
	byte(out, AML_DWORD);
	byte(out, letters >> 8);
	byte(out, letters);
	byte(out, product >> 8);
	byte(out, product);
}

static void string(GByteArray *out, const char *text)
{
	byte(out, AML_STRING);
	bytes(out, text, strlen(text) + 1);
}

typedef struct PortRange {
	uint16_t base;
	uint8_t size;
} PortRange;

typedef struct Device {
	const char *name;
	const char *id; /* PNP ids have 7 characters and are packed, others stay strings */
	PortRange ports[2];
	unsigned irq;
	unsigned uid; /* of those with the same id */
} Device;

static const Device com2 = {"COM2", "PNP0501", {{X86_PORT_COM2, 8}}, X86_IRQ_COM2, 1};

static const Device devices[] = {
	{"COM1", "PNP0501", {{X86_PORT_COM1, 8}}, X86_IRQ_COM1, 0},
	{"RTC0", "PNP0B00", {{X86_PORT_RTC, 2}}, X86_IRQ_RTC, 0},
	{"KBD0",
	 "PNP0303",
	 {{X86_PORT_I8042_DATA, 1}, {X86_PORT_I8042_COMMAND, 1}},
	 X86_IRQ_KEYBOARD,
	 0},
	{"PEVT", "QEMU0001", {{X86_PORT_PVPANIC, 1}}, NO_IRQ, 0},
};

static void io_resource(GByteArray *out, const PortRange *ports)
{
	byte(out, RES_IO);
	byte(out, 1); /* decodes 16 bits */
	word(out, ports->base);
	word(out, ports->base);
	byte(out, 1); /* alignment */
	byte(out, ports->size);
}

/* Takes the descriptors in @list. */
static void current_resources(GByteArray *out, GByteArray *list)
{
	byte(list, RES_END);
	byte(list, 0); /* "do not check the sum" */
	const uint8_t size[] = {AML_BYTE, list->len};
	name(out, "_CRS");
	byte(out, AML_BUFFER);
	enclose(out, size, sizeof(size), list);
}

static void resources(GByteArray *out, const Device *device)
{
	GByteArray *list = g_byte_array_new();

	for (unsigned i = 0; i < G_N_ELEMENTS(device->ports); i++) {
		if (device->ports[i].size > 0)
			io_resource(list, &device->ports[i]);
	}
	if (device->irq != NO_IRQ) {
		byte(list, RES_IRQ);
		word(list, 1u << device->irq);
	}
	current_resources(out, list);
}

/* A device of this name (4 characters) with @body, which is consumed. */
static void enclose_device(GByteArray *out, const char *name, GByteArray *body)
{
	byte(out, AML_EXT);
	byte(out, AML_EXT_DEVICE);
	enclose(out, name, strlen(name), body);
}

static void device(GByteArray *out, const Device *device)
{
	GByteArray *body = g_byte_array_new();

	name(body, "_HID");
	if (strlen(device->id) == 7)
		eisa_id(body, device->id);
	else
		string(body, device->id);
	name(body, "_UID");
	integer(body, device->uid);
	name(body, "_STA");
	integer(body, STATUS_PRESENT);
	resources(body, device);
	enclose_device(out, device->name, body);
}

/* ---- PCI ---- */

/* The bus numbers and the addresses that the bridge hands on, and its own ports. */
static void bridge_resources(GByteArray *out)
{
	static const PortRange ports = {X86_PORT_PCI_ADDRESS, PCI_ADDRESS_PORTS + PCI_DATA_PORTS};
	GByteArray *list = g_byte_array_new();

	byte(list, RES_WORD);
	word(list, 13);
	byte(list, SPACE_BUS);
	byte(list, SPACE_FIXED);
	byte(list, 0);
	word(list, 0); /* granularity, first, last, offset, how many */
	word(list, 0);
	word(list, 0);
	word(list, 0);
	word(list, 1);
	io_resource(list, &ports);
	byte(list, RES_DWORD);
	word(list, 23);
	byte(list, SPACE_MEMORY);
	byte(list, SPACE_FIXED);
	byte(list, SPACE_READ_WRITE);
	dword(list, 0);
	dword(list, X86_PCI_WINDOW);
	dword(list, X86_PCI_WINDOW + (X86_PCI_WINDOW_SIZE - 1));
	dword(list, 0);
	dword(list, X86_PCI_WINDOW_SIZE);
	current_resources(out, list);
}

/* _PRT: which input of the I/O APIC pin A of each device is. */
static void interrupt_routing(GByteArray *out)
{
	const uint8_t n_devices = PCI_DEVICES - 1, n_fields = 4;
	GByteArray *routes = g_byte_array_new();

	for (unsigned i = 1; i < PCI_DEVICES; i++) {
		GByteArray *route = g_byte_array_new();

		byte(route, AML_DWORD);
		dword(route, i << 16 | 0xffff); /* all functions */
		integer(route, 0);		/* pin A */
		integer(route, 0);		/* the number is one of the I/O APIC */
		integer(route, X86_IRQ_PCI + pci_line(i));
		byte(routes, AML_PACKAGE);
		enclose(routes, &n_fields, 1, route);
	}
	name(out, "_PRT");
	byte(out, AML_PACKAGE);
	enclose(out, &n_devices, 1, routes);
}

static void host_bridge(GByteArray *out)
{
	GByteArray *body = g_byte_array_new();

	name(body, "_HID");
	eisa_id(body, "PNP0A08");
	name(body, "_CID");
	eisa_id(body, "PNP0A03");
	name(body, "_UID");
	integer(body, 0);
	name(body, "_SEG");
	integer(body, 0);
	name(body, "_BBN");
	integer(body, 0);
	bridge_resources(body);
	interrupt_routing(body);
	enclose_device(out, "PCI0", body);
}

/* Configuration space is a resource of the board's (PCI Firmware Specification 3.2, 4.1.2). */
static void board(GByteArray *out)
{
	GByteArray *body = g_byte_array_new(), *list = g_byte_array_new();

	name(body, "_HID");
	eisa_id(body, "PNP0C02");
	name(body, "_UID");
	integer(body, 0);
	byte(list, RES_MEMORY32_FIXED);
	word(list, 9);
	byte(list, SPACE_READ_WRITE);
	dword(list, X86_PCI_ECAM);
	dword(list, PCI_ECAM_SIZE);
	current_resources(body, list);
	enclose_device(out, "ECAM", body);
}

/* \_S5: what to write as sleep type into PM1a and PM1b control to power off. */
static void sleep_state(GByteArray *out)
{
	const uint8_t count = 4;
	GByteArray *values = g_byte_array_new();

	integer(values, X86_PM_SLEEP_TYPE_S5);
	integer(values, X86_PM_SLEEP_TYPE_S5);
	integer(values, 0);
	integer(values, 0);
	name(out, "_S5_");
	byte(out, AML_PACKAGE);
	enclose(out, &count, 1, values);
}

GByteArray *acpi_dsdt(const AcpiMachine *machine)
{
	GByteArray *dsdt = acpi_table_begin("DSDT", DSDT_REVISION);
	GByteArray *scope = g_byte_array_new();

	for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++)
		device(scope, &devices[i]);
	if (machine->has_com2)
		device(scope, &com2);
	if (machine->has_pci) {
		host_bridge(scope);
		board(scope);
	}
	byte(dsdt, AML_SCOPE);
	enclose(dsdt, "\\_SB_", 5, scope);
	sleep_state(dsdt);
	acpi_table_end(dsdt);
	return dsdt;
}

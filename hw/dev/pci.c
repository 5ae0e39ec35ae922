/*
 * hw/dev/pci.c - configuration space, where the BARs are, and the interrupt pins.
 */
#include "hw/dev/pci.h"

#include <gio/gio.h>
#include <linux/pci_regs.h>
#include <string.h>

#define CONFIG_SIZE 256u
#define CAPABILITIES 0x40 /* behind the header */
#define ADDRESS_ENABLE 0x80000000u

/* What the guest may write of the command register. */
#define COMMAND_WRITABLE (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE)

/* Red Hat has given this number to every bridge that is nothing else. */
static const PciIdentity host_bridge = {
	.vendor = 0x1b36,
	.device = 0x0008,
	.class = 0x060000,
	.subsystem_vendor = 0x1af4,
	.subsystem = 0x1100,
};

typedef struct PciBar {
	uint32_t size; /* 0: there is none */
	bool decoded;
	uint32_t address; /* if it is decoded */
	char name[16];
} PciBar;

struct PciFunction {
	PciBus *bus;
	unsigned device;
	const PciOps *ops;
	void *owner;
	uint8_t config[CONFIG_SIZE];
	uint8_t writable[CONFIG_SIZE]; /* a bit set for each that the guest may write */
	PciBar bar[PCI_BARS];
	unsigned last_capability; /* the register that has its next pointer */
	unsigned end;		  /* of the capabilities */
};

struct PciBus {
	GMutex lock; /* all below that changes */
	const PciHost *host;
	PciFunction *function[PCI_DEVICES];
	unsigned n_functions;
	uint32_t window_used;
	uint32_t address;	      /* port 0xcf8 */
	uint32_t asserted[PCI_LINES]; /* a bit for each device that pulls the line */
};

/* ---- Bytes of a configuration ---- */

static uint32_t get(const PciFunction *function, unsigned reg, unsigned size)
{
	uint32_t value = 0;

	memcpy(&value, function->config + reg, size);
	return GUINT32_FROM_LE(value);
}

static void put(PciFunction *function, unsigned reg, uint32_t value, unsigned size)
{
	value = GUINT32_TO_LE(value);
	memcpy(function->config + reg, &value, size);
}

static void allow(PciFunction *function, unsigned reg, uint32_t bits, unsigned size)
{
	bits = GUINT32_TO_LE(bits);
	memcpy(function->writable + reg, &bits, size);
}

/* How many of @len bytes at @reg there are. */
static size_t clip(unsigned reg, size_t len)
{
	return reg < CONFIG_SIZE ? MIN(len, CONFIG_SIZE - reg) : 0;
}

/* ---- Interrupt pins ---- */

static void update_line_locked(PciFunction *function)
{
	PciBus *bus = function->bus;
	unsigned line = pci_line(function->device);
	const IrqLine *irq = &bus->host->line[line];
	uint32_t before = bus->asserted[line], bit = 1u << function->device;
	bool asserts = get(function, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT &&
		       !(get(function, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);

	bus->asserted[line] = asserts ? before | bit : before & ~bit;
	if ((before != 0) != (bus->asserted[line] != 0))
		irq->set(irq->opaque, irq->irq, bus->asserted[line] != 0);
}

void pci_set_pending(PciFunction *function, bool pending)
{
	PciBus *bus = function->bus;

	g_mutex_lock(&bus->lock);
	uint32_t status = get(function, PCI_STATUS, 2) & ~(uint32_t)PCI_STATUS_INTERRUPT;
	put(function, PCI_STATUS, pending ? status | PCI_STATUS_INTERRUPT : status, 2);
	update_line_locked(function);
	g_mutex_unlock(&bus->lock);
}

/* ---- BARs ---- */

static unsigned bar_register(unsigned bar)
{
	return PCI_BASE_ADDRESS_0 + bar * 4;
}

static bool is_in_window(const PciBus *bus, uint32_t address, uint32_t size)
{
	uint32_t offset = address - bus->host->window;

	return address >= bus->host->window && offset < bus->host->window_size &&
	       size <= bus->host->window_size - offset;
}

static void update_bar_locked(PciFunction *function, unsigned i)
{
	PciBar *bar = &function->bar[i];
	uint32_t address = get(function, bar_register(i), 4) & PCI_BASE_ADDRESS_MEM_MASK;
	bool decoded = bar->size > 0 && get(function, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY &&
		       is_in_window(function->bus, address, bar->size);

	if (decoded == bar->decoded && (!decoded || address == bar->address))
		return;
	bar->decoded = decoded;
	bar->address = address;
	if (function->ops != NULL && function->ops->moved != NULL)
		function->ops->moved(function->owner, i, decoded, address);
}

/* The guest's writes, or the end, may have changed it. */
static void update_locked(PciFunction *function)
{
	for (unsigned i = 0; i < PCI_BARS; i++)
		update_bar_locked(function, i);
	update_line_locked(function);
}

/* Which BAR @address is in. */
static PciFunction *find_locked(PciBus *bus, uint32_t address, unsigned *ret_bar)
{
	for (unsigned i = 0; i < bus->n_functions * PCI_BARS; i++) {
		PciFunction *function = bus->function[i / PCI_BARS];
		const PciBar *bar = &function->bar[i % PCI_BARS];

		if (bar->decoded && address - bar->address < bar->size) {
			*ret_bar = i % PCI_BARS;
			return function;
		}
	}
	return NULL;
}

void pci_window_io(void *owner, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		   bool is_write)
{
	PciBus *bus = owner;
	uint32_t address = bus->host->window + offset;
	unsigned bar;
	PciBar place = {0};

	g_mutex_lock(&bus->lock);
	PciFunction *function = find_locked(bus, address, &bar);
	if (function != NULL)
		place = function->bar[bar];
	g_mutex_unlock(&bus->lock);
	if (function == NULL || place.size - (address - place.address) < len) {
		/* What crosses the end of a BAR, or begins in front of one. */
		for (size_t i = 0; len > 1 && i < len; i++)
			pci_window_io(bus, vcpu, offset + i, (uint8_t *)data + i, 1, is_write);
		return;
	}
	if (function->ops != NULL && function->ops->access != NULL)
		function->ops->access(function->owner, vcpu, bar, address - place.address, data,
				      len, is_write);
}

/* ---- Configuration accesses ---- */

static void config_read(PciFunction *function, struct Vcpu *vcpu, unsigned reg, void *data,
			size_t len)
{
	const PciOps *ops = function->ops;

	if (ops != NULL && ops->config_read != NULL)
		ops->config_read(function->owner, vcpu, reg, len);
	pci_get_config(function, reg, data, len);
}

static void config_write(PciFunction *function, struct Vcpu *vcpu, unsigned reg,
			 const uint8_t *data, size_t len)
{
	PciBus *bus = function->bus;
	const PciOps *ops = function->ops;

	g_mutex_lock(&bus->lock);
	for (size_t i = 0; i < len; i++) {
		uint8_t *byte = &function->config[reg + i], bits = function->writable[reg + i];

		*byte = (*byte & ~bits) | (data[i] & bits);
	}
	update_locked(function);
	g_mutex_unlock(&bus->lock);
	if (ops != NULL && ops->config_written != NULL)
		ops->config_written(function->owner, vcpu, reg, len);
}

/* @place: bus, device, function and register, as in ECAM. What is not there reads as ones. */
static void config_access(PciBus *bus, struct Vcpu *vcpu, uint64_t place, void *data, size_t len,
			  bool is_write)
{
	unsigned reg = place % PCI_FUNCTION_SIZE;
	uint64_t number = place / PCI_FUNCTION_SIZE;
	PciFunction *function =
		number % 8 == 0 && number / 8 < bus->n_functions ? bus->function[number / 8] : NULL;

	if (!is_write)
		memset(data, 0xff, len);
	len = clip(reg, len);
	if (function == NULL || len == 0)
		return;
	if (is_write)
		config_write(function, vcpu, reg, data, len);
	else
		config_read(function, vcpu, reg, data, len);
}

void pci_ecam_io(void *owner, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		 bool is_write)
{
	config_access(owner, vcpu, offset, data, len, is_write);
}

void pci_address_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset, void *data,
		    size_t len, bool is_write)
{
	PciBus *bus = owner;
	uint32_t value;

	if (offset != 0 || len != sizeof(value))
		return;
	g_mutex_lock(&bus->lock);
	memcpy(&value, data, sizeof(value));
	if (is_write)
		bus->address = GUINT32_FROM_LE(value) & 0x80fffffc;
	value = GUINT32_TO_LE(bus->address);
	memcpy(data, &value, sizeof(value));
	g_mutex_unlock(&bus->lock);
}

void pci_data_io(void *owner, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		 bool is_write)
{
	PciBus *bus = owner;

	g_mutex_lock(&bus->lock);
	uint64_t address = bus->address;
	g_mutex_unlock(&bus->lock);
	if (address & ADDRESS_ENABLE)
		/* Bits 8 on are the function's number there, and bits 12 on in ECAM. */
		config_access(bus, vcpu,
			      (address >> 8 & 0xffff) * PCI_FUNCTION_SIZE + (address & 0xfc) +
				      offset,
			      data, len, is_write);
}

void pci_get_config(PciFunction *function, unsigned reg, void *data, size_t len)
{
	g_mutex_lock(&function->bus->lock);
	memcpy(data, function->config + reg, len);
	g_mutex_unlock(&function->bus->lock);
}

void pci_set_config(PciFunction *function, unsigned reg, const void *data, size_t len)
{
	g_mutex_lock(&function->bus->lock);
	memcpy(function->config + reg, data, len);
	g_mutex_unlock(&function->bus->lock);
}

/* ---- Making functions ---- */

static void fill_header(PciFunction *function, const PciIdentity *identity)
{
	put(function, PCI_VENDOR_ID, identity->vendor, 2);
	put(function, PCI_DEVICE_ID, identity->device, 2);
	put(function, PCI_CLASS_REVISION, identity->class << 8 | identity->revision, 4);
	put(function, PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor, 2);
	put(function, PCI_SUBSYSTEM_ID, identity->subsystem, 2);
	allow(function, PCI_COMMAND, COMMAND_WRITABLE, 2);
	allow(function, PCI_CACHE_LINE_SIZE, 0xff, 1);
}

static PciFunction *add(PciBus *bus, const PciIdentity *identity, const PciOps *ops, void *owner)
{
	PciFunction *function = g_new0(PciFunction, 1);

	function->bus = bus;
	function->device = bus->n_functions;
	function->ops = ops;
	function->owner = owner;
	function->last_capability = PCI_CAPABILITY_LIST;
	function->end = CAPABILITIES;
	fill_header(function, identity);
	bus->function[bus->n_functions++] = function;
	return function;
}

PciFunction *pci_add(PciBus *bus, const PciIdentity *identity, const PciOps *ops, void *owner,
		     GError **error)
{
	if (bus->n_functions < PCI_DEVICES)
		return add(bus, identity, ops, owner);
	if (ops != NULL && ops->free != NULL)
		ops->free(owner);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
		    "too many devices: the machine's PCI bus takes %d", PCI_DEVICES - 1);
	return NULL;
}

bool pci_add_bar(PciFunction *function, unsigned bar, uint32_t size, GError **error)
{
	PciBus *bus = function->bus;
	uint64_t offset = ((uint64_t)bus->window_used + size - 1) & ~(uint64_t)(size - 1);

	g_return_val_if_fail(bar < PCI_BARS && function->bar[bar].size == 0, false);
	if (offset + size > bus->host->window_size) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
			    "no address left for a PCI device's %u KiB", size >> 10);
		return false;
	}
	bus->window_used = offset + size;
	function->bar[bar].size = size;
	g_snprintf(function->bar[bar].name, sizeof(function->bar[bar].name), "00:%02x.0 BAR%u",
		   function->device, bar);
	put(function, bar_register(bar), bus->host->window + offset, 4);
	allow(function, bar_register(bar), -size, 4);
	return true;
}

unsigned pci_add_capability(PciFunction *function, const void *data, const void *writable,
			    size_t len)
{
	unsigned at = function->end;

	g_return_val_if_fail(len % 4 == 0 && at + len <= CONFIG_SIZE, 0);
	memcpy(function->config + at, data, len);
	put(function, at + PCI_CAP_LIST_NEXT, 0, 1);
	if (writable != NULL)
		memcpy(function->writable + at, writable, len);
	put(function, function->last_capability, at, 1);
	put(function, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	function->last_capability = at + PCI_CAP_LIST_NEXT;
	function->end = at + len;
	return at;
}

void pci_set_pin(PciFunction *function)
{
	const IrqLine *irq = &function->bus->host->line[pci_line(function->device)];

	put(function, PCI_INTERRUPT_PIN, 1, 1);
	/* Nobody but an operating system without ACPI or a device tree reads it. */
	put(function, PCI_INTERRUPT_LINE, irq->irq, 1);
	allow(function, PCI_INTERRUPT_LINE, 0xff, 1);
}

uint16_t pci_requester(const PciFunction *function)
{
	return function->device << 3;
}

const PciHost *pci_host(const PciFunction *function)
{
	return function->bus->host;
}

PciBus *pci_bus_new(const PciHost *host)
{
	PciBus *bus = g_new0(PciBus, 1);

	g_mutex_init(&bus->lock);
	bus->host = host;
	add(bus, &host_bridge, NULL, NULL);
	return bus;
}

static void stop_decoding(PciFunction *function)
{
	g_mutex_lock(&function->bus->lock);
	put(function, PCI_COMMAND, 0, 2);
	update_locked(function);
	g_mutex_unlock(&function->bus->lock);
}

void pci_bus_free(PciBus *bus)
{
	if (bus == NULL)
		return;
	for (unsigned i = 0; i < bus->n_functions; i++) {
		PciFunction *function = bus->function[i];

		stop_decoding(function);
		if (function->ops != NULL && function->ops->free != NULL)
			function->ops->free(function->owner);
	}
	for (unsigned i = 0; i < bus->n_functions; i++)
		g_free(bus->function[i]);
	g_mutex_clear(&bus->lock);
	g_free(bus);
}

/* ---- For people ---- */

bool pci_place(PciBus *bus, unsigned i, const char **ret_name, uint64_t *ret_address,
	       uint64_t *ret_size)
{
	bool found = false;

	g_mutex_lock(&bus->lock);
	for (unsigned n = 0; !found && n < bus->n_functions * PCI_BARS; n++) {
		const PciBar *bar = &bus->function[n / PCI_BARS]->bar[n % PCI_BARS];

		if (!bar->decoded || i-- > 0)
			continue;
		*ret_name = bar->name;
		*ret_address = bar->address;
		*ret_size = bar->size;
		found = true;
	}
	g_mutex_unlock(&bus->lock);
	return found;
}

/* The names that lspci and QEMU have for the classes of lkvm's devices. */
static const struct {
	uint16_t class;
	const char *name;
} classes[] = {
	{0x0100, "SCSI controller"},
	{0x0180, "Storage controller"},
	{0x0200, "Ethernet controller"},
	{0x0280, "Network controller"},
	{0x0600, "Host bridge"},
	{0x0700, "Serial controller"},
	{0x0780, "Communication controller"},
};

static char *class_name(uint16_t class)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++) {
		if (classes[i].class == class)
			return g_strdup(classes[i].name);
	}
	return g_strdup_printf("Class %04u", class);
}

static void describe_bars(const PciFunction *function, GString *out)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		const PciBar *bar = &function->bar[i];

		if (bar->size == 0)
			continue;
		g_string_append_printf(out, "      BAR%u: 32 bit memory ", i);
		if (bar->decoded)
			g_string_append_printf(out, "at 0x%08x [0x%08x].\n", bar->address,
					       bar->address + bar->size - 1);
		else
			g_string_append(out, "(not mapped)\n");
	}
}

static void describe(const PciFunction *function, GString *out)
{
	g_autofree char *class = class_name(get(function, PCI_CLASS_DEVICE, 2));
	uint32_t pin = get(function, PCI_INTERRUPT_PIN, 1);

	g_string_append_printf(out,
			       "  Bus  0, device %3u, function 0:\n"
			       "    %s: PCI device %04x:%04x\n"
			       "      PCI subsystem %04x:%04x\n",
			       function->device, class, get(function, PCI_VENDOR_ID, 2),
			       get(function, PCI_DEVICE_ID, 2),
			       get(function, PCI_SUBSYSTEM_VENDOR_ID, 2),
			       get(function, PCI_SUBSYSTEM_ID, 2));
	if (pin != 0)
		g_string_append_printf(out, "      IRQ %u, pin %c\n",
				       get(function, PCI_INTERRUPT_LINE, 1), 'A' + pin - 1);
	describe_bars(function, out);
	g_string_append(out, "      id \"\"\n");
}

char *pci_describe(PciBus *bus)
{
	GString *out = g_string_new(NULL);

	g_mutex_lock(&bus->lock);
	for (unsigned i = 0; i < bus->n_functions; i++)
		describe(bus->function[i], out);
	g_mutex_unlock(&bus->lock);
	return g_string_free(out, FALSE);
}

char *pci_describe_owners(PciBus *bus)
{
	GString *out = g_string_new(NULL);

	/* What there is does not change any more, so no lock is needed. */
	for (unsigned i = 0; i < bus->n_functions; i++) {
		const PciFunction *function = bus->function[i];

		if (function->ops == NULL || function->ops->describe == NULL)
			continue;
		g_autofree char *text = function->ops->describe(function->owner);
		g_string_append_printf(out, "00:%02x.0: %s\n", i, text);
	}
	return g_string_free(out, FALSE);
}

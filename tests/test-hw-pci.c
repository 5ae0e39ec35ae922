/*
 * tests/test-hw-pci.c - hw/dev/pci.h and pci-msix.h: configuration, BARs, pins, messages, and what
 * a hostile guest does with them.
 */
#include <gio/gio.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "hw/dev/pci-msix.h"
#include "hw/dev/pci.h"

#define WINDOW 0xd0000000u
#define WINDOW_SIZE 0x10000000u
#define BAR_SIZE 0x1000u
#define N_VECTORS 3
#define TABLE 0x0u
#define PENDING 0x800u

typedef struct Message {
	uint16_t requester;
	uint64_t address;
	uint32_t data;
} Message;

/* A function that answers reads with the low byte of each offset, and remembers. */
typedef struct Card {
	PciFunction *function;
	PciMsix *msix;
	unsigned accesses, moves;
	unsigned bar;
	uint64_t offset;
	size_t len;
	bool decoded;
	uint64_t address;
	unsigned *freed;
} Card;

typedef struct Rig {
	PciHost host;
	PciBus *bus;
	bool level[PCI_LINES];
	unsigned level_changes;
	GArray *sent; /* of Message */
	unsigned freed;
} Rig;

static void set_line(void *opaque, unsigned irq, bool level)
{
	Rig *rig = opaque;

	g_assert_cmpuint(irq, <, PCI_LINES);
	rig->level[irq] = level;
	rig->level_changes++;
}

static void send(void *opaque, uint16_t requester, uint64_t address, uint32_t data)
{
	Message message = {requester, address, data};

	g_array_append_val(((Rig *)opaque)->sent, message);
}

static Rig *rig_new(void)
{
	Rig *rig = g_new0(Rig, 1);

	rig->host = (PciHost){.window = WINDOW, .window_size = WINDOW_SIZE, .send = send};
	rig->host.opaque = rig;
	for (unsigned i = 0; i < PCI_LINES; i++)
		rig->host.line[i] = (IrqLine){set_line, rig, i};
	rig->sent = g_array_new(FALSE, FALSE, sizeof(Message));
	rig->bus = pci_bus_new(&rig->host);
	return rig;
}

static void rig_free(Rig *rig)
{
	pci_bus_free(rig->bus);
	g_array_unref(rig->sent);
	g_free(rig);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

static void card_access(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, unsigned bar, uint64_t offset,
			void *data, size_t len, bool is_write)
{
	Card *card = owner;

	card->accesses++;
	card->bar = bar;
	card->offset = offset;
	card->len = len;
	g_assert_cmpuint(offset + len, <=, BAR_SIZE);
	for (size_t i = 0; !is_write && i < len; i++)
		((uint8_t *)data)[i] = offset + i;
}

static void card_moved(void *owner, unsigned bar, bool decoded, uint64_t address)
{
	Card *card = owner;

	card->moves++;
	card->bar = bar;
	card->decoded = decoded;
	card->address = address;
}

static void card_written(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, unsigned reg G_GNUC_UNUSED,
			 size_t len G_GNUC_UNUSED)
{
	Card *card = owner;

	if (card->msix != NULL)
		pci_msix_config_written(card->msix);
}

static void card_free(void *owner)
{
	Card *card = owner;

	g_assert_false(card->decoded);
	++*card->freed;
	pci_msix_free(card->msix);
	g_free(card);
}

static const PciOps card_ops = {
	.access = card_access,
	.moved = card_moved,
	.config_written = card_written,
	.free = card_free,
};

static const PciIdentity identity = {
	.vendor = 0x1234,
	.device = 0x5678,
	.class = 0x010203,
	.revision = 4,
	.subsystem_vendor = 0xabcd,
	.subsystem = 0xef01,
};

static Card *add_card(Rig *rig)
{
	Card *card = g_new0(Card, 1);
	g_autoptr(GError) error = NULL;

	card->freed = &rig->freed;
	card->function = pci_add(rig->bus, &identity, &card_ops, card, &error);
	g_assert_no_error(error);
	g_assert_true(pci_add_bar(card->function, 0, BAR_SIZE, &error));
	pci_set_pin(card->function);
	card->msix = pci_msix_new(card->function, N_VECTORS, 0, TABLE, PENDING);
	return card;
}

/* ---- What a guest does: ECAM, and the ports of a PC ---- */

static uint64_t read_config(Rig *rig, unsigned device, unsigned reg, size_t len)
{
	uint64_t value = UINT64_MAX;

	pci_ecam_io(rig->bus, NULL, (uint64_t)device * 8 * PCI_FUNCTION_SIZE + reg, &value, len,
		    false);
	return len == 8 ? value : value & ((1ull << 8 * len) - 1);
}

static void write_config(Rig *rig, unsigned device, unsigned reg, uint64_t value, size_t len)
{
	pci_ecam_io(rig->bus, NULL, (uint64_t)device * 8 * PCI_FUNCTION_SIZE + reg, &value, len,
		    true);
}

static void set_command(Rig *rig, unsigned device, unsigned value)
{
	write_config(rig, device, PCI_COMMAND, value, 2);
}

static uint64_t read_memory(Rig *rig, uint32_t address, size_t len)
{
	uint64_t value = UINT64_MAX;

	pci_window_io(rig->bus, NULL, address - WINDOW, &value, len, false);
	return len == 8 ? value : value & ((1ull << 8 * len) - 1);
}

static void write_memory(Rig *rig, uint32_t address, uint64_t value, size_t len)
{
	pci_window_io(rig->bus, NULL, address - WINDOW, &value, len, true);
}

static uint32_t bar_address(Rig *rig, unsigned device)
{
	return read_config(rig, device, PCI_BASE_ADDRESS_0, 4) & ~0xfu;
}

/* ---- Configuration ---- */

static void test_identity(void)
{
	g_autoptr(Rig) rig = rig_new();

	add_card(rig);
	/* Linux looks for a host bridge before it believes in PCI. */
	g_assert_cmphex(read_config(rig, 0, PCI_CLASS_DEVICE, 2), ==, 0x0600);
	g_assert_cmphex(read_config(rig, 1, PCI_VENDOR_ID, 4), ==, 0x56781234);
	g_assert_cmphex(read_config(rig, 1, PCI_CLASS_REVISION, 4), ==, 0x01020304);
	g_assert_cmphex(read_config(rig, 1, PCI_SUBSYSTEM_VENDOR_ID, 4), ==, 0xef01abcd);
	g_assert_cmphex(read_config(rig, 1, PCI_HEADER_TYPE, 1), ==, 0);
	g_assert_cmphex(read_config(rig, 1, PCI_INTERRUPT_PIN, 1), ==, 1);
	/* None of it can be written. */
	for (unsigned reg = 0; reg < 0x40; reg += 4) {
		uint32_t before = read_config(rig, 1, reg, 4);

		if (reg == PCI_COMMAND || reg == PCI_BASE_ADDRESS_0 || reg == PCI_CACHE_LINE_SIZE ||
		    reg == PCI_INTERRUPT_LINE)
			continue;
		write_config(rig, 1, reg, ~before, 4);
		g_assert_cmphex(read_config(rig, 1, reg, 4), ==, before);
	}
}

/* What is not there reads as ones: other devices and functions, and behind the 256 bytes. */
static void test_absent(void)
{
	g_autoptr(Rig) rig = rig_new();
	uint32_t value = 0;

	add_card(rig);
	g_assert_cmphex(read_config(rig, 2, PCI_VENDOR_ID, 4), ==, 0xffffffff);
	g_assert_cmphex(read_config(rig, 31, PCI_VENDOR_ID, 2), ==, 0xffff);
	pci_ecam_io(rig->bus, NULL, (8 + 1) * PCI_FUNCTION_SIZE, &value, 4, false);
	g_assert_cmphex(value, ==, 0xffffffff);
	g_assert_cmphex(read_config(rig, 1, 0x100, 4), ==, 0xffffffff);
	g_assert_cmphex(read_config(rig, 1, 0xffc, 4), ==, 0xffffffff);
	write_config(rig, 1, 0x100, 0, 4);
	write_config(rig, 2, PCI_COMMAND, 0, 4);
	g_assert_cmphex(read_config(rig, 2, PCI_COMMAND, 4), ==, 0xffffffff);
}

/* Any width at any place is the same bytes. */
static void test_odd_widths(void)
{
	g_autoptr(Rig) rig = rig_new();

	add_card(rig);
	g_assert_cmphex(read_config(rig, 1, 1, 2), ==, 0x7812);
	g_assert_cmphex(read_config(rig, 1, 1, 3), ==, 0x567812);
	g_assert_cmphex(read_config(rig, 1, 0, 8) & 0xffffffff, ==, 0x56781234);
	/* Across the end. */
	g_assert_cmphex(read_config(rig, 1, 0xfe, 4) >> 16, ==, 0xffff);
	g_assert_cmphex(read_config(rig, 1, 0xfe, 4) & 0xffff, ==, 0);
	write_config(rig, 1, 0xfe, 0x12345678, 4);
	g_assert_cmphex(read_config(rig, 1, 0xfe, 2), ==, 0);
	/* Only the bits that there are, whatever the width. */
	write_config(rig, 1, 0x03, UINT64_MAX, 8);
	g_assert_cmphex(read_config(rig, 1, PCI_COMMAND, 2), ==,
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	write_config(rig, 1, PCI_COMMAND + 1, 0, 1);
	g_assert_cmphex(read_config(rig, 1, PCI_COMMAND, 2), ==,
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void write_port(Rig *rig, uint64_t offset, uint32_t value, size_t len)
{
	pci_address_io(rig->bus, NULL, offset, &value, len, true);
}

static uint32_t read_data_port(Rig *rig, unsigned offset, size_t len)
{
	uint32_t value = 0xffffffff;

	pci_data_io(rig->bus, NULL, offset, &value, len, false);
	return value;
}

static void test_ports(void)
{
	g_autoptr(Rig) rig = rig_new();
	uint32_t value = 0;

	add_card(rig);
	write_port(rig, 0, 0x80000800, 4);
	g_assert_cmphex(read_data_port(rig, 0, 4), ==, 0x56781234);
	g_assert_cmphex(read_data_port(rig, 2, 2), ==, 0xffff5678);
	g_assert_cmphex(read_data_port(rig, 1, 1), ==, 0xffffff12);
	pci_address_io(rig->bus, NULL, 0, &value, 4, false);
	g_assert_cmphex(value, ==, 0x80000800);
	/* Linux probes with a byte, which is another register of a PC. */
	write_port(rig, 3, 0x01, 1);
	write_port(rig, 0, 0xffff, 2);
	pci_address_io(rig->bus, NULL, 0, &value, 4, false);
	g_assert_cmphex(value, ==, 0x80000800);
	write_port(rig, 0, 0x8000083f, 4);
	pci_address_io(rig->bus, NULL, 0, &value, 4, false);
	g_assert_cmphex(value, ==, 0x8000083c);
	/* Another bus, another function, and the enable bit off. */
	write_port(rig, 0, 0x80010800, 4);
	g_assert_cmphex(read_data_port(rig, 0, 4), ==, 0xffffffff);
	write_port(rig, 0, 0x80000900, 4);
	g_assert_cmphex(read_data_port(rig, 0, 4), ==, 0xffffffff);
	write_port(rig, 0, 0x00000800, 4);
	g_assert_cmphex(read_data_port(rig, 0, 4), ==, 0xffffffff);
	write_port(rig, 0, 0x80000804, 4);
	value = PCI_COMMAND_MEMORY;
	pci_data_io(rig->bus, NULL, 0, &value, 2, true);
	g_assert_cmphex(read_config(rig, 1, PCI_COMMAND, 2), ==, PCI_COMMAND_MEMORY);
}

static void test_too_many(void)
{
	g_autoptr(Rig) rig = rig_new();
	g_autoptr(GError) error = NULL;
	Card *card = g_new0(Card, 1);

	for (unsigned i = 1; i < PCI_DEVICES; i++)
		g_assert_cmpuint(pci_requester(add_card(rig)->function), ==, i << 3);
	card->freed = &rig->freed;
	g_assert_null(pci_add(rig->bus, &identity, &card_ops, card, &error));
	g_assert_nonnull(strstr(error->message, "31"));
	g_assert_cmpuint(rig->freed, ==, 1);
}

static void test_freed(void)
{
	Rig *rig = rig_new();

	add_card(rig);
	add_card(rig);
	set_command(rig, 1, PCI_COMMAND_MEMORY);
	pci_bus_free(rig->bus);
	g_assert_cmpuint(rig->freed, ==, 2);
	rig->bus = NULL;
	rig_free(rig);
}

/* ---- Capabilities ---- */

static unsigned find_capability(Rig *rig, unsigned device, uint8_t id)
{
	unsigned at = read_config(rig, device, PCI_CAPABILITY_LIST, 1);

	for (unsigned n = 0; at != 0 && n < 48; n++) {
		if (read_config(rig, device, at, 1) == id)
			return at;
		at = read_config(rig, device, at + PCI_CAP_LIST_NEXT, 1);
	}
	return 0;
}

static void test_capabilities(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);
	const uint8_t data[8] = {PCI_CAP_ID_VNDR, 0x77, 8, 1, 2, 3, 4, 5};
	const uint8_t writable[8] = {0, 0, 0, 0, 0x0f, 0, 0, 0};

	g_assert_false(read_config(rig, 0, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	g_assert_true(read_config(rig, 1, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	unsigned at = pci_add_capability(card->function, data, writable, sizeof(data));
	g_assert_cmpuint(find_capability(rig, 1, PCI_CAP_ID_VNDR), ==, at);
	g_assert_cmpuint(find_capability(rig, 1, PCI_CAP_ID_MSIX), !=, 0);
	/* The last one. */
	g_assert_cmphex(read_config(rig, 1, at + 1, 1), ==, 0);
	write_config(rig, 1, at, UINT64_MAX, 8);
	g_assert_cmphex(read_config(rig, 1, at + 4, 4), ==, 0x0504030f);
	g_assert_cmphex(read_config(rig, 1, at + 2, 2), ==, 0x0108);
}

/* ---- BARs ---- */

static void test_bar(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig), *other = add_card(rig);
	uint32_t address = bar_address(rig, 1);

	/* They have places of their own, and answer when the guest wants that. */
	g_assert_cmphex(address, >=, WINDOW);
	g_assert_cmphex(bar_address(rig, 2), >=, address + BAR_SIZE);
	g_assert_cmphex(read_memory(rig, address + 8, 4), ==, 0xffffffff);
	set_command(rig, 1, PCI_COMMAND_MEMORY);
	g_assert_true(card->decoded);
	g_assert_cmphex(card->address, ==, address);
	g_assert_cmphex(read_memory(rig, address + 8, 4), ==, 0x0b0a0908);
	g_assert_cmphex(read_memory(rig, bar_address(rig, 2), 4), ==, 0xffffffff);
	g_assert_cmpuint(other->accesses, ==, 0);
	/* It moves when both are as the guest wants them. */
	write_config(rig, 1, PCI_BASE_ADDRESS_0, WINDOW + 0x123000, 4);
	g_assert_cmphex(card->address, ==, WINDOW + 0x123000);
	g_assert_cmphex(read_memory(rig, WINDOW + 0x123010, 1), ==, 0x10);
	g_assert_cmphex(read_memory(rig, address, 1), ==, 0xff);
	set_command(rig, 1, 0);
	g_assert_false(card->decoded);
	g_assert_cmphex(read_memory(rig, WINDOW + 0x123010, 1), ==, 0xff);
}

/* Sizing, with decoding on as well: all ones are no place. */
static void test_bar_sizing(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);
	uint32_t before = bar_address(rig, 1);

	for (unsigned command = 0; command <= PCI_COMMAND_MEMORY; command += PCI_COMMAND_MEMORY) {
		set_command(rig, 1, command);
		write_config(rig, 1, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
		g_assert_cmphex(read_config(rig, 1, PCI_BASE_ADDRESS_0, 4), ==, 0u - BAR_SIZE);
		g_assert_false(card->decoded);
		write_config(rig, 1, PCI_BASE_ADDRESS_0, before, 4);
		g_assert_cmpint(card->decoded, ==, command != 0);
	}
	/* Those that there are not are zero, whatever is written. */
	write_config(rig, 1, PCI_BASE_ADDRESS_1, 0xffffffff, 4);
	write_config(rig, 1, PCI_ROM_ADDRESS, 0xffffffff, 4);
	g_assert_cmphex(read_config(rig, 1, PCI_BASE_ADDRESS_1, 4), ==, 0);
	g_assert_cmphex(read_config(rig, 1, PCI_ROM_ADDRESS, 4), ==, 0);
}

/* In the guest's RAM, in front of the window, behind it, at the last byte: it answers nowhere. */
static void test_bar_outside(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);
	const uint32_t places[] = {0, 0x1000, WINDOW - BAR_SIZE, WINDOW + WINDOW_SIZE, 0xfffff000};

	set_command(rig, 1, PCI_COMMAND_MEMORY);
	for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
		write_config(rig, 1, PCI_BASE_ADDRESS_0, places[i], 4);
		g_assert_false(card->decoded);
	}
	/* The window's last place is one. */
	write_config(rig, 1, PCI_BASE_ADDRESS_0, WINDOW + WINDOW_SIZE - BAR_SIZE, 4);
	g_assert_true(card->decoded);
	g_assert_cmphex(read_memory(rig, WINDOW + WINDOW_SIZE - 1, 1), ==, 0xff);
	g_assert_cmpuint(card->offset, ==, BAR_SIZE - 1);
}

static void test_bar_overlap(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *first = add_card(rig), *second = add_card(rig);

	set_command(rig, 1, PCI_COMMAND_MEMORY);
	set_command(rig, 2, PCI_COMMAND_MEMORY);
	write_config(rig, 2, PCI_BASE_ADDRESS_0, bar_address(rig, 1), 4);
	read_memory(rig, bar_address(rig, 1), 4);
	g_assert_cmpuint(first->accesses, ==, 1);
	g_assert_cmpuint(second->accesses, ==, 0);
	set_command(rig, 1, 0);
	read_memory(rig, bar_address(rig, 1), 4);
	g_assert_cmpuint(second->accesses, ==, 1);
}

/* What crosses the end of a BAR is bytes: some answer, some do not. */
static void test_bar_end(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);
	uint32_t address = WINDOW + 0x5000;

	write_config(rig, 1, PCI_BASE_ADDRESS_0, address, 4);
	set_command(rig, 1, PCI_COMMAND_MEMORY);
	g_assert_cmphex(read_memory(rig, address + BAR_SIZE - 2, 4), ==, 0xfffffffe);
	g_assert_cmpuint(card->accesses, ==, 2);
	g_assert_cmphex(read_memory(rig, address - 3, 8), ==, 0x0403020100ffffff);
	g_assert_cmpuint(card->accesses, ==, 7);
	write_memory(rig, address + BAR_SIZE - 1, 0, 8);
	g_assert_cmpuint(card->accesses, ==, 8);
	g_assert_cmpuint(card->len, ==, 1);
}

static void test_window_full(void)
{
	g_autoptr(Rig) rig = rig_new();
	g_autoptr(GError) error = NULL;
	Card *card = add_card(rig);

	g_assert_true(pci_add_bar(card->function, 1, WINDOW_SIZE / 2, &error));
	g_assert_cmphex(read_config(rig, 1, PCI_BASE_ADDRESS_1, 4), ==, WINDOW + WINDOW_SIZE / 2);
	g_assert_false(pci_add_bar(card->function, 2, BAR_SIZE, &error));
	g_assert_nonnull(strstr(error->message, "4 KiB"));
}

/* ---- Pins ---- */

static void test_pin(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);

	pci_set_pending(card->function, true);
	g_assert_true(rig->level[1]);
	g_assert_true(read_config(rig, 1, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	/* The guest turns it off: it is pending, and not heard of. */
	set_command(rig, 1, PCI_COMMAND_INTX_DISABLE);
	g_assert_false(rig->level[1]);
	g_assert_true(read_config(rig, 1, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	set_command(rig, 1, 0);
	g_assert_true(rig->level[1]);
	pci_set_pending(card->function, false);
	g_assert_false(rig->level[1]);
	g_assert_false(read_config(rig, 1, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	g_assert_true(read_config(rig, 1, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
}

/* Devices 1 and 5 have the same line, which is up as long as one of them pulls it. */
static void test_shared_line(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card[6] = {0};

	for (unsigned i = 1; i < 6; i++)
		card[i] = add_card(rig);
	pci_set_pending(card[1]->function, true);
	pci_set_pending(card[5]->function, true);
	pci_set_pending(card[2]->function, true);
	g_assert_true(rig->level[1] && rig->level[2] && !rig->level[0] && !rig->level[3]);
	g_assert_cmpuint(rig->level_changes, ==, 2);
	pci_set_pending(card[1]->function, false);
	g_assert_true(rig->level[1]);
	pci_set_pending(card[5]->function, false);
	g_assert_false(rig->level[1]);
	g_assert_true(rig->level[2]);
	for (unsigned i = 1; i < 6; i++)
		g_assert_cmpuint(pci_line(i), ==, i % 4);
}

/* ---- MSI-X ---- */

static void write_table(Card *card, unsigned vector, unsigned field, uint32_t value)
{
	pci_msix_table_io(card->msix, vector * PCI_MSIX_ENTRY_SIZE + field, &value, 4, true);
}

static void set_vector(Card *card, unsigned vector, bool masked)
{
	write_table(card, vector, PCI_MSIX_ENTRY_LOWER_ADDR, 0xfee00000 + vector);
	write_table(card, vector, PCI_MSIX_ENTRY_UPPER_ADDR, 0x12);
	write_table(card, vector, PCI_MSIX_ENTRY_DATA, 0x4000 + vector);
	write_table(card, vector, PCI_MSIX_ENTRY_VECTOR_CTRL, masked);
}

static uint64_t pending_bits(Card *card)
{
	uint64_t bits = UINT64_MAX;

	pci_msix_pending_io(card->msix, 0, &bits, 8, false);
	return bits;
}

static void set_msix(Rig *rig, unsigned flags)
{
	write_config(rig, 1, find_capability(rig, 1, PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS, flags, 2);
}

static void test_msix_capability(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);
	unsigned at = find_capability(rig, 1, PCI_CAP_ID_MSIX);

	g_assert_cmphex(read_config(rig, 1, at + PCI_MSIX_FLAGS, 2), ==, N_VECTORS - 1);
	g_assert_cmphex(read_config(rig, 1, at + PCI_MSIX_TABLE, 4), ==, TABLE);
	g_assert_cmphex(read_config(rig, 1, at + PCI_MSIX_PBA, 4), ==, PENDING);
	write_config(rig, 1, at + PCI_MSIX_FLAGS, UINT64_MAX, 8);
	g_assert_cmphex(read_config(rig, 1, at + PCI_MSIX_FLAGS, 2), ==,
			PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL | (N_VECTORS - 1));
	g_assert_true(pci_msix_enabled(card->msix));
	write_config(rig, 1, at + PCI_MSIX_FLAGS + 1, 0, 1);
	g_assert_false(pci_msix_enabled(card->msix));
}

static void test_msix_send(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);

	set_vector(card, 2, false);
	pci_msix_fire(card->msix, 2);
	g_assert_cmpuint(rig->sent->len, ==, 0);
	set_msix(rig, PCI_MSIX_FLAGS_ENABLE);
	/* What was not sent because MSI-X was off is not made up for. */
	g_assert_cmpuint(rig->sent->len, ==, 0);
	pci_msix_fire(card->msix, 2);
	g_assert_cmpuint(rig->sent->len, ==, 1);
	const Message *message = &g_array_index(rig->sent, Message, 0);
	g_assert_cmphex(message->requester, ==, 8);
	g_assert_cmphex(message->address, ==, 0x12fee00002);
	g_assert_cmphex(message->data, ==, 0x4002);
	pci_msix_fire(card->msix, N_VECTORS);
	pci_msix_fire(card->msix, 0xffff);
	g_assert_cmpuint(rig->sent->len, ==, 1);
	g_assert_cmphex(pending_bits(card), ==, 0);
}

/* Both masks keep it pending, once; it is sent when neither is there any more. */
static void test_msix_mask(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);

	set_msix(rig, PCI_MSIX_FLAGS_ENABLE);
	/* All are masked at first. */
	pci_msix_fire(card->msix, 0);
	set_vector(card, 1, false);
	set_msix(rig, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_msix_fire(card->msix, 1);
	pci_msix_fire(card->msix, 1);
	g_assert_cmpuint(rig->sent->len, ==, 0);
	g_assert_cmphex(pending_bits(card), ==, 3);
	set_msix(rig, PCI_MSIX_FLAGS_ENABLE);
	g_assert_cmpuint(rig->sent->len, ==, 1);
	g_assert_cmphex(pending_bits(card), ==, 1);
	set_vector(card, 0, false);
	g_assert_cmpuint(rig->sent->len, ==, 2);
	g_assert_cmphex(pending_bits(card), ==, 0);
	write_table(card, 0, PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	pci_msix_fire(card->msix, 0);
	pci_msix_forget(card->msix);
	write_table(card, 0, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	g_assert_cmpuint(rig->sent->len, ==, 2);
	/* While MSI-X is off it waits, masked or not. */
	write_table(card, 0, PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	pci_msix_fire(card->msix, 0);
	set_msix(rig, 0);
	write_table(card, 0, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	g_assert_cmpuint(rig->sent->len, ==, 2);
	set_msix(rig, PCI_MSIX_FLAGS_ENABLE);
	g_assert_cmpuint(rig->sent->len, ==, 3);
}

/* Any width anywhere: behind the table are zeros, and the pending bits are not the guest's. */
static void test_msix_hostile(void)
{
	g_autoptr(Rig) rig = rig_new();
	Card *card = add_card(rig);
	uint64_t value = UINT64_MAX;
	size_t size = N_VECTORS * PCI_MSIX_ENTRY_SIZE;

	for (uint64_t offset = 0; offset < PCI_MSIX_PART_SIZE; offset += 5) {
		value = UINT64_MAX;
		pci_msix_table_io(card->msix, offset, &value, 1 + offset % 8, true);
		pci_msix_pending_io(card->msix, offset, &value, 1 + offset % 8, true);
	}
	value = UINT64_MAX;
	pci_msix_table_io(card->msix, size - 4, &value, 8, false);
	g_assert_cmphex(value >> 32, ==, 0);
	value = UINT64_MAX;
	pci_msix_table_io(card->msix, size, &value, 8, false);
	g_assert_cmphex(value, ==, 0);
	value = UINT64_MAX;
	pci_msix_pending_io(card->msix, 4, &value, 8, false);
	g_assert_cmphex(value, ==, 0);
	value = UINT64_MAX;
	pci_msix_pending_io(card->msix, 0xffc, &value, 8, false);
	g_assert_cmphex(value, ==, 0);
	set_msix(rig, PCI_MSIX_FLAGS_ENABLE);
	for (unsigned i = 0; i < 100; i++)
		pci_msix_fire(card->msix, i);
	g_assert_cmphex(pending_bits(card) | 7, ==, 7);
}

/* ---- For people ---- */

static void test_describe(void)
{
	g_autoptr(Rig) rig = rig_new();
	const char *name;
	uint64_t address, size;

	add_card(rig);
	add_card(rig);
	g_assert_false(pci_place(rig->bus, 0, &name, &address, &size));
	set_command(rig, 2, PCI_COMMAND_MEMORY);
	g_assert_true(pci_place(rig->bus, 0, &name, &address, &size));
	g_assert_cmpstr(name, ==, "00:02.0 BAR0");
	g_assert_cmphex(address, ==, bar_address(rig, 2));
	g_assert_cmphex(size, ==, BAR_SIZE);
	g_assert_false(pci_place(rig->bus, 1, &name, &address, &size));
	g_autofree char *text = pci_describe(rig->bus);
	g_autofree char *place = g_strdup_printf("      BAR0: 32 bit memory at 0x%08x [0x%08x].\n",
						 bar_address(rig, 2), bar_address(rig, 2) + 0xfff);
	g_assert_true(g_str_has_prefix(text, "  Bus  0, device   0, function 0:\n"
					     "    Host bridge: PCI device "));
	g_assert_nonnull(strstr(text, "  Bus  0, device   2, function 0:\n"
				      "    Class 0258: PCI device 1234:5678\n"
				      "      PCI subsystem abcd:ef01\n"
				      "      IRQ 2, pin A\n"));
	g_assert_nonnull(strstr(text, place));
	g_assert_nonnull(strstr(text, "      BAR0: 32 bit memory (not mapped)\n"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hw-pci/identity", test_identity);
	g_test_add_func("/hw-pci/absent", test_absent);
	g_test_add_func("/hw-pci/odd-widths", test_odd_widths);
	g_test_add_func("/hw-pci/ports", test_ports);
	g_test_add_func("/hw-pci/too-many", test_too_many);
	g_test_add_func("/hw-pci/freed", test_freed);
	g_test_add_func("/hw-pci/capabilities", test_capabilities);
	g_test_add_func("/hw-pci/bar", test_bar);
	g_test_add_func("/hw-pci/bar-sizing", test_bar_sizing);
	g_test_add_func("/hw-pci/bar-outside", test_bar_outside);
	g_test_add_func("/hw-pci/bar-overlap", test_bar_overlap);
	g_test_add_func("/hw-pci/bar-end", test_bar_end);
	g_test_add_func("/hw-pci/window-full", test_window_full);
	g_test_add_func("/hw-pci/pin", test_pin);
	g_test_add_func("/hw-pci/shared-line", test_shared_line);
	g_test_add_func("/hw-pci/msix-capability", test_msix_capability);
	g_test_add_func("/hw-pci/msix-send", test_msix_send);
	g_test_add_func("/hw-pci/msix-mask", test_msix_mask);
	g_test_add_func("/hw-pci/msix-hostile", test_msix_hostile);
	g_test_add_func("/hw-pci/describe", test_describe);
	return g_test_run();
}

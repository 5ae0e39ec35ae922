/*
 * tests/test-hw-virtio-pci.c - hw/dev/virtio-pci.h: the registers of the transport, its interrupts
 * and its doorbells, over a device that only remembers what it is told.
 */
#include <gio/gio.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "hw/dev/virtio-pci.h"

#define WINDOW 0xd0000000u
#define WINDOW_SIZE 0x10000000u
#define N_QUEUES 2
#define CONFIG_BYTES 20
#define KICK_FD 1234
#define REQUESTER (1 << 3)

/* ---- The device: it stands in for hw/dev/virtio.c ---- */

struct Virtio {
	uint64_t accepted;
	uint8_t status, config[CONFIG_BYTES];
	uint16_t config_vector;
	VirtioQueue queue[N_QUEUES];
	VirtioBus bus;
	unsigned resets, kicks;
	bool *freed;
};

static const VirtioKind kind = {
	.name = "virtio-test",
	.id = 4,
	.pci_class = 0x00ff00,
	.n_queues = N_QUEUES,
	.queue_size = 256,
};

static void clear_device(Virtio *virtio)
{
	virtio->accepted = 0;
	virtio->status = 0;
	virtio->config_vector = VIRTIO_NO_VECTOR;
	for (unsigned i = 0; i < N_QUEUES; i++)
		virtio->queue[i] = (VirtioQueue){.size = 256, .vector = VIRTIO_NO_VECTOR};
}

void virtio_free(Virtio *virtio)
{
	*virtio->freed = true;
	g_free(virtio);
}

Worker *virtio_worker(const Virtio *virtio)
{
	return (Worker *)virtio;
}

int worker_kick_fd(const Worker *worker G_GNUC_UNUSED)
{
	return KICK_FD;
}

void virtio_attach(Virtio *virtio, const VirtioBus *bus)
{
	virtio->bus = *bus;
}

const VirtioKind *virtio_kind(const Virtio *virtio G_GNUC_UNUSED)
{
	return &kind;
}

size_t virtio_config_size(const Virtio *virtio G_GNUC_UNUSED)
{
	return CONFIG_BYTES;
}

uint64_t virtio_offered(const Virtio *virtio G_GNUC_UNUSED)
{
	return 0x1122334455667788;
}

void virtio_accept(Virtio *virtio, unsigned word, uint32_t bits)
{
	g_assert_cmpuint(word, <, 2);
	virtio->accepted &= ~(0xffffffffull << word * 32);
	virtio->accepted |= (uint64_t)bits << word * 32;
}

uint32_t virtio_accepted(Virtio *virtio, unsigned word)
{
	g_assert_cmpuint(word, <, 2);
	return virtio->accepted >> word * 32;
}

uint8_t virtio_status(Virtio *virtio)
{
	return virtio->status;
}

/* As the worker may, it interrupts while the reset waits for it. */
void virtio_set_status(Virtio *virtio, uint8_t status)
{
	if (status == 0) {
		virtio->bus.queue_interrupt(virtio->bus.opaque, virtio->queue[0].vector);
		virtio->resets++;
		clear_device(virtio);
	}
	virtio->status = status;
}

uint8_t virtio_generation(Virtio *virtio G_GNUC_UNUSED)
{
	return 77;
}

void virtio_read_config(Virtio *virtio, size_t offset, void *data, size_t len)
{
	g_assert_cmpuint(offset + len, <=, CONFIG_BYTES);
	memcpy(data, virtio->config + offset, len);
}

void virtio_write_config(Virtio *virtio, size_t offset, const void *data, size_t len)
{
	g_assert_cmpuint(offset + len, <=, CONFIG_BYTES);
	memcpy(virtio->config + offset, data, len);
}

void virtio_set_config_vector(Virtio *virtio, uint16_t vector)
{
	virtio->config_vector = vector;
}

uint16_t virtio_config_vector(Virtio *virtio)
{
	return virtio->config_vector;
}

bool virtio_get_queue(Virtio *virtio, unsigned queue, VirtioQueue *ret)
{
	if (queue >= N_QUEUES)
		return false;
	*ret = virtio->queue[queue];
	return true;
}

void virtio_set_queue(Virtio *virtio, unsigned queue, const VirtioQueue *value)
{
	if (queue < N_QUEUES)
		virtio->queue[queue] = *value;
}

char *virtio_describe(Virtio *virtio G_GNUC_UNUSED)
{
	return g_strdup("virtio-test, no driver");
}

void virtio_kick(Virtio *virtio)
{
	virtio->kicks++;
}

/* ---- The machine ---- */

typedef struct Rig {
	PciHost host;
	PciBus *bus;
	Virtio *virtio;
	bool freed;
	bool level;
	unsigned messages;
	uint32_t last_data;
	GHashTable *watched; /* addresses */
	bool refuse;	     /* KVM has no ioeventfd to give */
	uint32_t bar;
} Rig;

static void set_line(void *opaque, unsigned irq, bool level)
{
	g_assert_cmpuint(irq, ==, 1);
	((Rig *)opaque)->level = level;
}

static void send(void *opaque, uint16_t requester, uint64_t address, uint32_t data)
{
	Rig *rig = opaque;

	g_assert_cmphex(requester, ==, REQUESTER);
	g_assert_cmphex(address, ==, 0xfee00000);
	rig->messages++;
	rig->last_data = data;
}

static bool watch(void *opaque, uint64_t address, int fd, bool wanted)
{
	Rig *rig = opaque;

	g_assert_cmpint(fd, ==, KICK_FD);
	if (rig->refuse)
		return false;
	if (wanted)
		g_assert_true(g_hash_table_add(rig->watched, GSIZE_TO_POINTER(address)));
	else
		g_assert_true(g_hash_table_remove(rig->watched, GSIZE_TO_POINTER(address)));
	return true;
}

static void add_virtio(Rig *rig)
{
	g_autoptr(GError) error = NULL;

	rig->virtio = g_new0(Virtio, 1);
	rig->virtio->freed = &rig->freed;
	clear_device(rig->virtio);
	virtio_pci_add(rig->bus, rig->virtio, &error);
	g_assert_no_error(error);
}

static Rig *rig_new(bool has_msi)
{
	Rig *rig = g_new0(Rig, 1);

	rig->host = (PciHost){.window = WINDOW, .window_size = WINDOW_SIZE, .opaque = rig};
	rig->host.send = has_msi ? send : NULL;
	for (unsigned i = 0; i < PCI_LINES; i++)
		rig->host.line[i] = (IrqLine){set_line, rig, i};
	rig->host.watch = watch;
	rig->watched = g_hash_table_new(NULL, NULL);
	rig->bus = pci_bus_new(&rig->host);
	add_virtio(rig);
	return rig;
}

static void rig_free(Rig *rig)
{
	pci_bus_free(rig->bus);
	g_assert_true(rig->freed);
	g_assert_cmpuint(g_hash_table_size(rig->watched), ==, 0);
	g_hash_table_unref(rig->watched);
	g_free(rig);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

/* Any vCPU; only NULL has a meaning. */
static struct Vcpu *const vcpu = (struct Vcpu *)1;

static uint64_t mask(size_t len)
{
	return len == 8 ? UINT64_MAX : (1ull << 8 * len) - 1;
}

static uint64_t read_config(Rig *rig, unsigned reg, size_t len)
{
	uint64_t value = UINT64_MAX;

	pci_ecam_io(rig->bus, vcpu, 8 * PCI_FUNCTION_SIZE + reg, &value, len, false);
	return value & mask(len);
}

static void write_config(Rig *rig, unsigned reg, uint64_t value, size_t len)
{
	pci_ecam_io(rig->bus, vcpu, 8 * PCI_FUNCTION_SIZE + reg, &value, len, true);
}

/* The capability of this type; fails if there is none. */
static unsigned find(Rig *rig, uint8_t id, uint8_t type)
{
	unsigned at = read_config(rig, PCI_CAPABILITY_LIST, 1);

	while (at != 0 &&
	       (read_config(rig, at, 1) != id ||
		(type != 0 && read_config(rig, at + VIRTIO_PCI_CAP_CFG_TYPE, 1) != type)))
		at = read_config(rig, at + PCI_CAP_LIST_NEXT, 1);
	return at;
}

/* Where that structure is in guest-physical memory. */
static uint32_t place(Rig *rig, uint8_t type)
{
	unsigned at = find(rig, PCI_CAP_ID_VNDR, type);

	g_assert_cmpuint(at, !=, 0);
	g_assert_cmpuint(read_config(rig, at + VIRTIO_PCI_CAP_BAR, 1), ==, 0);
	return rig->bar + read_config(rig, at + VIRTIO_PCI_CAP_OFFSET, 4);
}

static uint64_t peek(Rig *rig, uint32_t address, size_t len)
{
	uint64_t value = UINT64_MAX;

	pci_window_io(rig->bus, vcpu, address - WINDOW, &value, len, false);
	return value & mask(len);
}

static void poke(Rig *rig, uint32_t address, uint64_t value, size_t len)
{
	pci_window_io(rig->bus, vcpu, address - WINDOW, &value, len, true);
}

static uint64_t get(Rig *rig, unsigned field, size_t len)
{
	return peek(rig, place(rig, VIRTIO_PCI_CAP_COMMON_CFG) + field, len);
}

static void set(Rig *rig, unsigned field, uint64_t value, size_t len)
{
	poke(rig, place(rig, VIRTIO_PCI_CAP_COMMON_CFG) + field, value, len);
}

static void enable(Rig *rig)
{
	rig->bar = read_config(rig, PCI_BASE_ADDRESS_0, 4);
	write_config(rig, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

static Rig *enabled_rig(bool has_msi)
{
	Rig *rig = rig_new(has_msi);

	enable(rig);
	return rig;
}

/* ---- What it is ---- */

static void test_identity(void)
{
	g_autoptr(Rig) rig = enabled_rig(true);

	g_assert_cmphex(read_config(rig, PCI_VENDOR_ID, 4), ==, 0x10441af4);
	g_assert_cmphex(read_config(rig, PCI_REVISION_ID, 1), >=, 1);
	g_assert_cmphex(read_config(rig, PCI_CLASS_REVISION, 4) >> 8, ==, 0x00ff00);
	g_assert_cmphex(read_config(rig, PCI_SUBSYSTEM_ID, 2), >=, 0x40);
	g_assert_cmphex(read_config(rig, PCI_INTERRUPT_PIN, 1), ==, 1);
	g_autofree char *text = pci_describe_owners(rig->bus);
	g_assert_cmpstr(text, ==, "00:01.0: virtio-test, no driver\n");
	for (unsigned type = VIRTIO_PCI_CAP_COMMON_CFG; type <= VIRTIO_PCI_CAP_PCI_CFG; type++)
		g_assert_cmpuint(find(rig, PCI_CAP_ID_VNDR, type), !=, 0);
	unsigned notify = find(rig, PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_NOTIFY_CFG);
	g_assert_cmpuint(read_config(rig, notify + VIRTIO_PCI_CAP_LEN, 1), ==, 20);
	unsigned config = find(rig, PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_DEVICE_CFG);
	g_assert_cmpuint(read_config(rig, config + VIRTIO_PCI_CAP_LENGTH, 4), ==, CONFIG_BYTES);
	unsigned common = find(rig, PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_COMMON_CFG);
	g_assert_cmpuint(read_config(rig, common + VIRTIO_PCI_CAP_LENGTH, 4), >=,
			 sizeof(struct virtio_pci_common_cfg));
	/* A vector for each queue and one for the configuration. */
	unsigned msix = find(rig, PCI_CAP_ID_MSIX, 0);
	g_assert_cmpuint(read_config(rig, msix + PCI_MSIX_FLAGS, 2), ==, N_QUEUES);
}

/* ---- The common configuration ---- */

static void test_features(void)
{
	g_autoptr(Rig) rig = enabled_rig(true);

	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_DF, 4), ==, 0x55667788);
	set(rig, VIRTIO_PCI_COMMON_DFSELECT, 1, 4);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_DF, 4), ==, 0x11223344);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_DFSELECT, 4), ==, 1);
	set(rig, VIRTIO_PCI_COMMON_GF, 0xa5, 4);
	set(rig, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
	set(rig, VIRTIO_PCI_COMMON_GF, 1, 4);
	g_assert_cmphex(rig->virtio->accepted, ==, 0x1000000a5);
	/* There are no more than 64; the rest is zero. */
	set(rig, VIRTIO_PCI_COMMON_DFSELECT, 2, 4);
	set(rig, VIRTIO_PCI_COMMON_GFSELECT, 0xffffffff, 4);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_DF, 4), ==, 0);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_GF, 4), ==, 0);
	set(rig, VIRTIO_PCI_COMMON_GF, 0xffffffff, 4);
	g_assert_cmphex(rig->virtio->accepted, ==, 0x1000000a5);
}

static void test_queues(void)
{
	g_autoptr(Rig) rig = enabled_rig(true);
	VirtioQueue *queue = &rig->virtio->queue[1];

	g_assert_cmpuint(get(rig, VIRTIO_PCI_COMMON_NUMQ, 2), ==, N_QUEUES);
	set(rig, VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	g_assert_cmpuint(get(rig, VIRTIO_PCI_COMMON_Q_SIZE, 2), ==, 256);
	g_assert_cmpuint(get(rig, VIRTIO_PCI_COMMON_Q_NOFF, 2), ==, 1);
	set(rig, VIRTIO_PCI_COMMON_Q_SIZE, 64, 2);
	/* A driver writes 64 bits in halves, in any order. */
	set(rig, VIRTIO_PCI_COMMON_Q_DESCHI, 0x1, 4);
	set(rig, VIRTIO_PCI_COMMON_Q_DESCLO, 0x23456000, 4);
	set(rig, VIRTIO_PCI_COMMON_Q_AVAILLO, 0x7000, 4);
	set(rig, VIRTIO_PCI_COMMON_Q_USEDLO, 0x200008000, 8);
	set(rig, VIRTIO_PCI_COMMON_Q_ENABLE, 0, 2);
	g_assert_false(queue->enabled);
	set(rig, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	g_assert_cmpuint(queue->size, ==, 64);
	g_assert_cmphex(queue->desc, ==, 0x123456000);
	g_assert_cmphex(queue->avail, ==, 0x7000);
	g_assert_cmphex(queue->used, ==, 0x200008000);
	g_assert_true(queue->enabled);
	g_assert_false(rig->virtio->queue[0].enabled);
	g_assert_cmpuint(get(rig, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 1);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_Q_DESCHI, 4), ==, 1);
	/* One that is not there has the size zero, and takes nothing. */
	set(rig, VIRTIO_PCI_COMMON_Q_SELECT, 0xffff, 2);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_Q_SELECT, 2), ==, 0xffff);
	set(rig, VIRTIO_PCI_COMMON_Q_DESCLO, 1, 8);
	set(rig, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	for (unsigned field = VIRTIO_PCI_COMMON_Q_SIZE; field < 56; field += 2)
		g_assert_cmphex(get(rig, field, 2), ==, 0);
}

static void test_status(void)
{
	g_autoptr(Rig) rig = enabled_rig(false);

	g_assert_cmpuint(get(rig, VIRTIO_PCI_COMMON_CFGGENERATION, 1), ==, 77);
	set(rig, VIRTIO_PCI_COMMON_STATUS, 0x0f, 1);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_STATUS, 1), ==, 0x0f);
	set(rig, VIRTIO_PCI_COMMON_DFSELECT, 1, 4);
	set(rig, VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	/* What comes while it is reset is not left behind. */
	set(rig, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	g_assert_cmpuint(rig->virtio->resets, ==, 1);
	g_assert_false(rig->level);
	g_assert_cmphex(peek(rig, place(rig, VIRTIO_PCI_CAP_ISR_CFG), 1), ==, 0);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_DFSELECT, 4), ==, 0);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_Q_SELECT, 2), ==, 0);
}

/* Any width anywhere in the BAR: reads are of what is there, and of zeros. */
static void test_odd_widths(void)
{
	g_autoptr(Rig) rig = enabled_rig(true);
	uint64_t common = place(rig, VIRTIO_PCI_CAP_COMMON_CFG);

	set(rig, VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	set(rig, VIRTIO_PCI_COMMON_Q_DESCLO, 0x1122334455667788, 8);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_Q_DESCLO + 3, 3), ==, 0x334455);
	set(rig, VIRTIO_PCI_COMMON_Q_DESCLO + 1, 0xab, 1);
	g_assert_cmphex(rig->virtio->queue[1].desc, ==, 0x112233445566ab88);
	/* Two fields at once, of which one cannot be written. */
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_MSIX, 4), ==, N_QUEUES << 16 | 0xffff);
	set(rig, VIRTIO_PCI_COMMON_MSIX, 0x00050001, 4);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_MSIX, 4), ==, N_QUEUES << 16 | 1);
	g_assert_cmphex(peek(rig, common + 56, 8), ==, 0);
	for (uint32_t offset = 0; offset < 0x4000; offset++) {
		size_t len = 1 + offset % 8;

		if (len > 0x4000 - offset)
			continue;
		poke(rig, rig->bar + offset, 0x0101010101010101, len);
		peek(rig, rig->bar + offset, len);
	}
}

static void test_config(void)
{
	g_autoptr(Rig) rig = enabled_rig(true);
	uint32_t config = place(rig, VIRTIO_PCI_CAP_DEVICE_CFG);

	for (unsigned i = 0; i < CONFIG_BYTES; i++)
		rig->virtio->config[i] = i + 1;
	g_assert_cmphex(peek(rig, config, 8), ==, 0x0807060504030201);
	poke(rig, config + 4, 0xbeef, 2);
	g_assert_cmphex(peek(rig, config + 4, 4), ==, 0x0807beef);
	/* Across its end and behind it. */
	g_assert_cmphex(peek(rig, config + CONFIG_BYTES - 2, 8), ==, 0x1413);
	poke(rig, config + CONFIG_BYTES - 1, UINT64_MAX, 8);
	g_assert_cmphex(peek(rig, config + CONFIG_BYTES - 2, 8), ==, 0xff13);
	poke(rig, config + CONFIG_BYTES, UINT64_MAX, 8);
	g_assert_cmphex(peek(rig, config + CONFIG_BYTES, 8), ==, 0);
}

/* ---- Interrupts ---- */

static void raise_queue(Rig *rig, unsigned queue)
{
	rig->virtio->bus.queue_interrupt(rig->virtio->bus.opaque, rig->virtio->queue[queue].vector);
}

static void raise_config(Rig *rig)
{
	rig->virtio->bus.config_interrupt(rig->virtio->bus.opaque, rig->virtio->config_vector);
}

static void check_pin(Rig *rig)
{
	uint32_t isr = place(rig, VIRTIO_PCI_CAP_ISR_CFG);
	uint8_t value = 0;

	raise_queue(rig, 0);
	g_assert_true(rig->level);
	raise_config(rig);
	/* A debugger that looks takes nothing away. */
	pci_window_io(rig->bus, NULL, isr - WINDOW, &value, 1, false);
	g_assert_cmphex(value, ==, 3);
	g_assert_true(rig->level);
	g_assert_cmphex(peek(rig, isr, 1), ==, 3);
	g_assert_false(rig->level);
	g_assert_cmphex(peek(rig, isr, 1), ==, 0);
	raise_config(rig);
	g_assert_cmphex(peek(rig, isr, 1), ==, 2);
	g_assert_cmpuint(rig->messages, ==, 0);
}

/* A machine without messages, and a driver that has not turned them on. */
static void test_pin(void)
{
	g_autoptr(Rig) without = enabled_rig(false), with = enabled_rig(true);

	g_assert_cmpuint(find(without, PCI_CAP_ID_MSIX, 0), ==, 0);
	check_pin(without);
	check_pin(with);
	/* No vector can be had there. */
	set(without, VIRTIO_PCI_COMMON_MSIX, 0, 2);
	set(without, VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	g_assert_cmphex(get(without, VIRTIO_PCI_COMMON_MSIX, 2), ==, VIRTIO_NO_VECTOR);
	g_assert_cmphex(get(without, VIRTIO_PCI_COMMON_Q_MSIX, 2), ==, VIRTIO_NO_VECTOR);
}

static void set_message(Rig *rig, unsigned vector, bool masked)
{
	unsigned msix = find(rig, PCI_CAP_ID_MSIX, 0);
	uint32_t entry = rig->bar + read_config(rig, msix + PCI_MSIX_TABLE, 4) +
			 vector * PCI_MSIX_ENTRY_SIZE;

	poke(rig, entry, 0xfee00000, 8);
	poke(rig, entry + PCI_MSIX_ENTRY_DATA, 0x30 + vector, 4);
	poke(rig, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, masked, 4);
}

static void set_msix(Rig *rig, unsigned flags)
{
	write_config(rig, find(rig, PCI_CAP_ID_MSIX, 0) + PCI_MSIX_FLAGS, flags, 2);
}

static void test_messages(void)
{
	g_autoptr(Rig) rig = enabled_rig(true);
	unsigned msix = find(rig, PCI_CAP_ID_MSIX, 0);
	uint32_t pending = rig->bar + read_config(rig, msix + PCI_MSIX_PBA, 4);

	set_msix(rig, PCI_MSIX_FLAGS_ENABLE);
	set_message(rig, 0, false);
	set_message(rig, 2, true);
	set(rig, VIRTIO_PCI_COMMON_MSIX, 0, 2);
	set(rig, VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	set(rig, VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
	raise_config(rig);
	g_assert_cmpuint(rig->messages, ==, 1);
	g_assert_cmphex(rig->last_data, ==, 0x30);
	raise_queue(rig, 1);
	g_assert_cmpuint(rig->messages, ==, 1);
	g_assert_cmphex(peek(rig, pending, 8), ==, 1 << 2);
	set_message(rig, 2, false);
	g_assert_cmpuint(rig->messages, ==, 2);
	g_assert_cmphex(rig->last_data, ==, 0x32);
	g_assert_cmphex(peek(rig, pending, 8), ==, 0);
	/* A queue without a vector says nothing, and the pin is not used. */
	raise_queue(rig, 0);
	g_assert_cmpuint(rig->messages, ==, 2);
	g_assert_false(rig->level);
	g_assert_cmphex(peek(rig, place(rig, VIRTIO_PCI_CAP_ISR_CFG), 1), ==, 0);
	/* A vector that there is not reads back as none. */
	set(rig, VIRTIO_PCI_COMMON_Q_MSIX, N_QUEUES + 1, 2);
	g_assert_cmphex(get(rig, VIRTIO_PCI_COMMON_Q_MSIX, 2), ==, VIRTIO_NO_VECTOR);
}

/* The pin goes down when the driver turns messages on, and a reset leaves nothing pending. */
static void test_messages_and_pin(void)
{
	g_autoptr(Rig) rig = enabled_rig(true);

	raise_queue(rig, 0);
	g_assert_true(rig->level);
	set_msix(rig, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	g_assert_false(rig->level);
	set_message(rig, 0, false);
	set(rig, VIRTIO_PCI_COMMON_MSIX, 0, 2);
	raise_config(rig);
	set(rig, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	set_msix(rig, PCI_MSIX_FLAGS_ENABLE);
	g_assert_cmpuint(rig->messages, ==, 0);
}

/* ---- Doorbells ---- */

static bool is_watched(Rig *rig, uint64_t address)
{
	return g_hash_table_contains(rig->watched, GSIZE_TO_POINTER(address));
}

static void test_doorbell(void)
{
	g_autoptr(Rig) rig = rig_new(true);

	g_assert_cmpuint(g_hash_table_size(rig->watched), ==, 0);
	enable(rig);
	uint32_t notify = place(rig, VIRTIO_PCI_CAP_NOTIFY_CFG);
	unsigned cap = find(rig, PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_NOTIFY_CFG);
	uint32_t multiplier = read_config(rig, cap + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
	g_assert_cmpuint(g_hash_table_size(rig->watched), ==, N_QUEUES);
	g_assert_true(is_watched(rig, notify));
	g_assert_true(is_watched(rig, notify + multiplier));
	/* It goes where the BAR goes. */
	write_config(rig, PCI_BASE_ADDRESS_0, WINDOW + 0x40000, 4);
	g_assert_cmpuint(g_hash_table_size(rig->watched), ==, N_QUEUES);
	g_assert_true(is_watched(rig, WINDOW + 0x40000 + (notify - rig->bar)));
	write_config(rig, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
	g_assert_cmpuint(g_hash_table_size(rig->watched), ==, 0);
	write_config(rig, PCI_BASE_ADDRESS_0, rig->bar, 4);
	write_config(rig, PCI_COMMAND, 0, 2);
	g_assert_cmpuint(g_hash_table_size(rig->watched), ==, 0);
	/* A debugger's write, or one that KVM did not see. */
	enable(rig);
	poke(rig, notify + multiplier, 1, 2);
	g_assert_cmpuint(rig->virtio->kicks, ==, 1);
	poke(rig, notify + N_QUEUES * multiplier, 1, 2);
	g_assert_cmpuint(rig->virtio->kicks, ==, 1);
	g_assert_cmpuint(peek(rig, notify, 2), ==, 0);
	g_assert_cmpuint(rig->virtio->kicks, ==, 1);
}

static void test_no_doorbell(void)
{
	g_autoptr(Rig) rig = rig_new(true);

	rig->refuse = true;
	enable(rig);
	poke(rig, place(rig, VIRTIO_PCI_CAP_NOTIFY_CFG), 0, 2);
	g_assert_cmpuint(rig->virtio->kicks, ==, 1);
	/* What was refused is not taken back. */
	rig->refuse = false;
	write_config(rig, PCI_COMMAND, 0, 2);
}

/* ---- The window in the configuration (4.1.4.9) ---- */

static void test_window(void)
{
	g_autoptr(Rig) rig = rig_new(true);
	unsigned cap = find(rig, PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG), data = cap + 16;

	/* The BAR is not decoded. */
	write_config(rig, cap + VIRTIO_PCI_CAP_OFFSET, VIRTIO_PCI_COMMON_STATUS, 4);
	write_config(rig, cap + VIRTIO_PCI_CAP_LENGTH, 1, 4);
	write_config(rig, data, 0x03, 1);
	g_assert_cmphex(rig->virtio->status, ==, 0x03);
	rig->virtio->status = 0x07;
	g_assert_cmphex(read_config(rig, data, 1), ==, 0x07);
	write_config(rig, cap + VIRTIO_PCI_CAP_OFFSET, VIRTIO_PCI_COMMON_DF, 4);
	write_config(rig, cap + VIRTIO_PCI_CAP_LENGTH, 4, 4);
	g_assert_cmphex(read_config(rig, data, 4), ==, 0x55667788);
}

static void test_window_hostile(void)
{
	g_autoptr(Rig) rig = rig_new(true);
	unsigned cap = find(rig, PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG), data = cap + 16;
	const struct {
		uint32_t bar, offset, len;
	} bad[] = {
		{1, 0, 4},	{0, 2, 4},	{0, VIRTIO_PCI_COMMON_GF, 3}, {0, 0, 0},
		{0, 0x4000, 4}, {0, 0, 0xffff}, {0, 0xfffffffc, 4},	      {0xff, 0xffffffff, 1},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		write_config(rig, cap + VIRTIO_PCI_CAP_BAR, bad[i].bar, 1);
		write_config(rig, cap + VIRTIO_PCI_CAP_OFFSET, bad[i].offset, 4);
		write_config(rig, cap + VIRTIO_PCI_CAP_LENGTH, bad[i].len, 4);
		write_config(rig, data, 0x12345678, 4);
		g_assert_cmphex(read_config(rig, data, 4), ==, 0x12345678);
		g_assert_cmphex(rig->virtio->accepted, ==, 0);
	}
	/* The rest of the capabilities is not the guest's. */
	for (unsigned reg = 0x40; reg < cap; reg += 4)
		write_config(rig, reg, 0xffffffff, 4);
	g_assert_cmpuint(find(rig, PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG), ==, cap);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hw-virtio-pci/identity", test_identity);
	g_test_add_func("/hw-virtio-pci/features", test_features);
	g_test_add_func("/hw-virtio-pci/queues", test_queues);
	g_test_add_func("/hw-virtio-pci/status", test_status);
	g_test_add_func("/hw-virtio-pci/odd-widths", test_odd_widths);
	g_test_add_func("/hw-virtio-pci/config", test_config);
	g_test_add_func("/hw-virtio-pci/pin", test_pin);
	g_test_add_func("/hw-virtio-pci/messages", test_messages);
	g_test_add_func("/hw-virtio-pci/messages-and-pin", test_messages_and_pin);
	g_test_add_func("/hw-virtio-pci/doorbell", test_doorbell);
	g_test_add_func("/hw-virtio-pci/no-doorbell", test_no_doorbell);
	g_test_add_func("/hw-virtio-pci/window", test_window);
	g_test_add_func("/hw-virtio-pci/window-hostile", test_window_hostile);
	return g_test_run();
}

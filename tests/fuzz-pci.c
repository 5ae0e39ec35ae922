/*
 * tests/fuzz-pci.c - fuzzes what a guest can do to PCI and to the transport of virtio: whatever it
 * writes to configuration, ports and BARs, what is decoded lies in the window, KVM watches
 * doorbells of what is decoded only, lines change when they say so, and all of it ends.
 *
 * The input: accesses of 8 bytes, see Access.
 */
#include <string.h>

#include "hw/dev/bus.h"
#include "hw/dev/virtio-pci.h"
#include "hw/util.h"
#include "tests/virtio-rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WINDOW 0xd0000000u
#define WINDOW_SIZE 0x100000u
#define RAM_SIZE 0x4000ull
#define N_DEVICES 3
#define N_QUEUES 2
#define MAX_ACCESSES 256

typedef struct Rig {
	PciHost host;
	PciBus *bus;
	RigRam ram; /* at 0 */
	VirtioHost virtio_host;
	GHashTable *watched;
	bool level[PCI_LINES];
} Rig;

typedef struct Device {
	Virtio *virtio;
	int started; /* by one thread at a time, says the contract */
} Device;

/* The transport's complaints are no finding. */
void vm_log(const char *format G_GNUC_UNUSED, ...)
{
}

/* ---- The machine ---- */

/* Under the bus' lock. */
static void set_line(void *opaque, unsigned irq, bool level)
{
	Rig *rig = opaque;

	g_assert_true(rig->level[irq] != level);
	rig->level[irq] = level;
}

static void send(void *opaque G_GNUC_UNUSED, uint16_t requester, uint64_t address G_GNUC_UNUSED,
		 uint32_t data G_GNUC_UNUSED)
{
	g_assert_true(requester >> 3 >= 1 && requester >> 3 <= N_DEVICES);
}

static bool watch(void *opaque, uint64_t address, int fd, bool wanted)
{
	Rig *rig = opaque;
	void *key = GSIZE_TO_POINTER(address);

	g_assert_true(fd >= 0 && address >= WINDOW && address < WINDOW + WINDOW_SIZE);
	/* KVM takes one descriptor for an address: where two BARs overlap the second is refused. */
	if (wanted && g_hash_table_contains(rig->watched, key))
		return false;
	if (wanted)
		g_hash_table_add(rig->watched, key);
	else
		g_assert_true(g_hash_table_remove(rig->watched, key));
	return true;
}

/* ---- The devices ---- */

static void start(void *self)
{
	g_assert_true(++((Device *)self)->started == 1);
}

static void reset(void *self)
{
	g_assert_true(--((Device *)self)->started == 0);
}

static void work_on(Virtio *virtio, unsigned queue)
{
	Ring *ring = virtio_ring(virtio, queue);
	g_auto(RingChain) chain = {0};

	ring_chain_init(&chain);
	for (unsigned n = 0; ring != NULL && n < RING_MAX_SIZE && ring_pop(ring, &chain); n++)
		ring_push(ring, chain.head, 0);
	virtio_notify(virtio, queue);
}

static void work(void *self)
{
	Device *device = self;

	g_assert_true(device->started == 1);
	for (unsigned i = 0; i < N_QUEUES; i++)
		work_on(device->virtio, i);
}

static const VirtioKind kind = {
	.name = "virtio-fuzz",
	.id = 4,
	.pci_class = 0x00ff00,
	.n_queues = N_QUEUES,
	.queue_size = 16,
	.start = start,
	.reset = reset,
	.work = work,
	.free = g_free,
};

static void add_device(Rig *rig)
{
	Device *device = g_new0(Device, 1);
	static const uint8_t config[12];

	device->virtio = virtio_new(&kind, device, 0, config, sizeof(config), &rig->virtio_host);
	g_assert_true(virtio_pci_add(rig->bus, device->virtio, NULL));
}

static Rig *rig_new(void)
{
	Rig *rig = g_new0(Rig, 1);

	rig_ram_init_at(&rig->ram, 0, RAM_SIZE);
	rig->virtio_host = (VirtioHost){.dma = &rig->ram.dma};
	rig->host = (PciHost){.window = WINDOW, .window_size = WINDOW_SIZE, .opaque = rig};
	rig->host.send = send;
	rig->host.watch = watch;
	for (unsigned i = 0; i < PCI_LINES; i++)
		rig->host.line[i] = (IrqLine){set_line, rig, i};
	rig->watched = g_hash_table_new(NULL, NULL);
	rig->bus = pci_bus_new(&rig->host);
	for (unsigned i = 0; i < N_DEVICES; i++)
		add_device(rig);
	return rig;
}

static void rig_free(Rig *rig)
{
	pci_bus_free(rig->bus);
	g_assert_true(g_hash_table_size(rig->watched) == 0);
	g_hash_table_unref(rig->watched);
	rig_ram_clear(&rig->ram);
	g_free(rig);
}

/* ---- The guest ---- */

static void ram_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset, void *data,
		   size_t len, bool is_write)
{
	const Dma *dma = &((Rig *)owner)->ram.dma;

	if (is_write)
		dma->write(dma->opaque, offset, data, len);
	else
		dma->read(dma->opaque, offset, data, len);
}

enum { BY_DEBUGGER = 0x10, ANYWHERE = 0x20, IS_WRITE = 0x40 };

typedef struct Access {
	uint8_t what; /* one of the spaces and the bits above */
	uint8_t len;
	uint8_t place[2];
	uint8_t value[4]; /* and once more for what is longer */
} Access;

/*
 * Unless it is to be anywhere, the bits of a place from @shift on are a device, @step bytes from
 * the next one, and those below are a place in there.
 */
static const struct {
	BusHandler io;
	uint32_t size;
	unsigned shift, step;
} spaces[] = {
	{pci_ecam_io, PCI_ECAM_SIZE, 8, 8 * PCI_FUNCTION_SIZE},
	{pci_window_io, WINDOW_SIZE, 14, 0x4000},
	{pci_address_io, PCI_ADDRESS_PORTS, 0, 1},
	{pci_data_io, PCI_DATA_PORTS, 0, 1},
	{ram_io, RAM_SIZE, 14, 0x4000},
};

static uint32_t place_of(const Access *access, unsigned space)
{
	unsigned shift = spaces[space].shift;
	uint32_t place = access->place[0] | access->place[1] << 8;

	if (access->what & ANYWHERE)
		place = place << 4 | access->len >> 4;
	else
		place = (place >> shift) * spaces[space].step + (place & ((1u << shift) - 1));
	return place % spaces[space].size;
}

static void do_access(Rig *rig, const Access *access)
{
	unsigned space = access->what % 8 % G_N_ELEMENTS(spaces);
	uint32_t place = place_of(access, space);
	size_t len = MIN(1u + access->len % 8, spaces[space].size - place);
	uint8_t data[16];

	/* As a Bus does it: a read finds ones. */
	memset(data, 0xff, sizeof(data));
	if (access->what & IS_WRITE) {
		memcpy(data, access->value, sizeof(access->value));
		memcpy(data + 4, access->value, sizeof(access->value));
		memset(data + len, 0xff, sizeof(data) - len);
	}
	spaces[space].io(space == 4 ? (void *)rig : rig->bus,
			 access->what & BY_DEBUGGER ? NULL : (struct Vcpu *)rig, place, data, len,
			 access->what & IS_WRITE);
	for (unsigned i = len; i < sizeof(data); i++)
		g_assert_true(data[i] == 0xff);
}

static void check(Rig *rig)
{
	const char *name;
	uint64_t address, size;
	unsigned n = 0;

	while (pci_place(rig->bus, n, &name, &address, &size)) {
		g_assert_true(address >= WINDOW && address + size <= WINDOW + WINDOW_SIZE);
		n++;
	}
	g_assert_true(n <= N_DEVICES && g_hash_table_size(rig->watched) <= n * N_QUEUES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Rig *rig = rig_new();

	for (unsigned n = 0; n < MAX_ACCESSES && size >= sizeof(Access); n++) {
		Access access;

		memcpy(&access, data, sizeof(access));
		data += sizeof(access);
		size -= sizeof(access);
		do_access(rig, &access);
		check(rig);
	}
	g_autofree char *pci = pci_describe(rig->bus), *virtio = pci_describe_owners(rig->bus);
	g_assert_true(*pci != 0 && *virtio != 0);
	rig_free(rig);
	return 0;
}

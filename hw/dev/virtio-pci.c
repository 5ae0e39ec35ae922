/*
 * hw/dev/virtio-pci.c - the registers of virtio 1.2, 4.1.4, in one BAR, and its interrupts.
 *
 * Nothing here is locked while a function of hw/dev/virtio.h is called: a reset waits for the
 * device's thread, and that may be about to interrupt.
 */
#include "hw/dev/virtio-pci.h"

#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "hw/dev/pci-msix.h"

#define VENDOR 0x1af4
#define DEVICE_BASE 0x1040
#define REVISION 1
#define ISR_QUEUE 0x1

#define BAR 0
#define BAR_SIZE 0x4000
/* From one queue's doorbell to the next: each can be given a descriptor of its own. */
#define NOTIFY_MULTIPLIER 4

typedef struct VirtioPci {
	Virtio *virtio;
	PciFunction *function;
	PciMsix *msix;	 /* NULL: the machine has none */
	unsigned window; /* the capability by which BAR 0 is reached without decoding it */
	/* What the driver has selected. Atomic: two vCPUs may do it at once, with no use. */
	uint32_t offered_word, accepted_word, queue;
	GMutex isr_lock; /* taken before the locks of pci.h */
	uint8_t isr;
	/* Where KVM watches, under the bus's lock. */
	uint64_t notify_address;
	bool watched[VIRTIO_MAX_QUEUES];
} VirtioPci;

/* ---- Interrupts ---- */

static void update_pin_locked(VirtioPci *pci)
{
	pci_set_pending(pci->function,
			pci->isr != 0 && !(pci->msix != NULL && pci_msix_enabled(pci->msix)));
}

static void interrupt(VirtioPci *pci, uint8_t isr, uint16_t vector)
{
	if (pci->msix != NULL && pci_msix_enabled(pci->msix)) {
		pci_msix_fire(pci->msix, vector);
		return;
	}
	g_mutex_lock(&pci->isr_lock);
	pci->isr |= isr;
	update_pin_locked(pci);
	g_mutex_unlock(&pci->isr_lock);
}

static void queue_interrupt(void *opaque, uint16_t vector)
{
	interrupt(opaque, ISR_QUEUE, vector);
}

static void config_interrupt(void *opaque, uint16_t vector)
{
	interrupt(opaque, VIRTIO_PCI_ISR_CONFIG, vector);
}

/* Returns what it was; @clear: and is zero then. */
static uint8_t read_isr(VirtioPci *pci, bool clear)
{
	g_mutex_lock(&pci->isr_lock);
	uint8_t isr = pci->isr;
	if (clear) {
		pci->isr = 0;
		update_pin_locked(pci);
	}
	g_mutex_unlock(&pci->isr_lock);
	return isr;
}

/* ---- The common configuration: a row for each field (4.1.4.3) ---- */

static uint32_t selected(uint32_t *what)
{
	return __atomic_load_n(what, __ATOMIC_RELAXED);
}

static void do_select(uint32_t *what, uint64_t value)
{
	__atomic_store_n(what, (uint32_t)value, __ATOMIC_RELAXED);
}

static uint64_t get_offered_word(VirtioPci *pci)
{
	return selected(&pci->offered_word);
}

static void set_offered_word(VirtioPci *pci, uint64_t value)
{
	do_select(&pci->offered_word, value);
}

static uint64_t get_offered(VirtioPci *pci)
{
	uint32_t word = selected(&pci->offered_word);

	return word < 2 ? (uint32_t)(virtio_offered(pci->virtio) >> word * 32) : 0;
}

static uint64_t get_accepted_word(VirtioPci *pci)
{
	return selected(&pci->accepted_word);
}

static void set_accepted_word(VirtioPci *pci, uint64_t value)
{
	do_select(&pci->accepted_word, value);
}

static uint64_t get_accepted(VirtioPci *pci)
{
	uint32_t word = selected(&pci->accepted_word);

	return word < 2 ? virtio_accepted(pci->virtio, word) : 0;
}

static void set_accepted(VirtioPci *pci, uint64_t value)
{
	uint32_t word = selected(&pci->accepted_word);

	if (word < 2)
		virtio_accept(pci->virtio, word, value);
}

static unsigned n_queues(const VirtioPci *pci)
{
	return virtio_kind(pci->virtio)->n_queues;
}

/* What there is no vector for reads back as none (4.1.5.1.2.2). */
static uint16_t vector_of(const VirtioPci *pci, uint64_t value)
{
	return pci->msix != NULL && value <= n_queues(pci) ? value : VIRTIO_NO_VECTOR;
}

static uint64_t get_config_vector(VirtioPci *pci)
{
	return virtio_config_vector(pci->virtio);
}

static void set_config_vector(VirtioPci *pci, uint64_t value)
{
	virtio_set_config_vector(pci->virtio, vector_of(pci, value));
}

static uint64_t get_n_queues(VirtioPci *pci)
{
	return n_queues(pci);
}

static uint64_t get_status(VirtioPci *pci)
{
	return virtio_status(pci->virtio);
}

static void set_status(VirtioPci *pci, uint64_t value)
{
	virtio_set_status(pci->virtio, value);
	if (value != 0)
		return;
	do_select(&pci->offered_word, 0);
	do_select(&pci->accepted_word, 0);
	do_select(&pci->queue, 0);
	if (pci->msix != NULL)
		pci_msix_forget(pci->msix);
	read_isr(pci, true);
}

static uint64_t get_generation(VirtioPci *pci)
{
	return virtio_generation(pci->virtio);
}

static uint64_t get_queue(VirtioPci *pci)
{
	return selected(&pci->queue);
}

static void set_queue(VirtioPci *pci, uint64_t value)
{
	do_select(&pci->queue, value);
}

/* All zeros if there is no such queue, which tells the driver so. */
static VirtioQueue queue(VirtioPci *pci)
{
	VirtioQueue queue = {0};

	return virtio_get_queue(pci->virtio, selected(&pci->queue), &queue) ? queue
									    : (VirtioQueue){0};
}

static uint64_t get_size(VirtioPci *pci)
{
	return queue(pci).size;
}

static uint64_t get_vector(VirtioPci *pci)
{
	return queue(pci).vector;
}

static uint64_t get_enable(VirtioPci *pci)
{
	return queue(pci).enabled;
}

static uint64_t get_notify_offset(VirtioPci *pci)
{
	uint32_t queue = selected(&pci->queue);

	return queue < n_queues(pci) ? queue : 0;
}

static uint64_t get_desc(VirtioPci *pci)
{
	return queue(pci).desc;
}

static uint64_t get_avail(VirtioPci *pci)
{
	return queue(pci).avail;
}

static uint64_t get_used(VirtioPci *pci)
{
	return queue(pci).used;
}

static void change_queue(VirtioPci *pci, const VirtioQueue *value)
{
	virtio_set_queue(pci->virtio, selected(&pci->queue), value);
}

static void set_size(VirtioPci *pci, uint64_t value)
{
	VirtioQueue changed = queue(pci);

	changed.size = value;
	change_queue(pci, &changed);
}

static void set_vector(VirtioPci *pci, uint64_t value)
{
	VirtioQueue changed = queue(pci);

	changed.vector = vector_of(pci, value);
	change_queue(pci, &changed);
}

static void set_enable(VirtioPci *pci, uint64_t value)
{
	VirtioQueue changed = queue(pci);

	/* A driver writes nothing else (4.1.4.3.2). */
	if (value != 1)
		return;
	changed.enabled = true;
	change_queue(pci, &changed);
}

static void set_desc(VirtioPci *pci, uint64_t value)
{
	VirtioQueue changed = queue(pci);

	changed.desc = value;
	change_queue(pci, &changed);
}

static void set_avail(VirtioPci *pci, uint64_t value)
{
	VirtioQueue changed = queue(pci);

	changed.avail = value;
	change_queue(pci, &changed);
}

static void set_used(VirtioPci *pci, uint64_t value)
{
	VirtioQueue changed = queue(pci);

	changed.used = value;
	change_queue(pci, &changed);
}

static const struct {
	uint8_t offset, size;
	uint64_t (*get)(VirtioPci *pci);
	void (*set)(VirtioPci *pci, uint64_t value); /* NULL: read only */
} fields[] = {
	{VIRTIO_PCI_COMMON_DFSELECT, 4, get_offered_word, set_offered_word},
	{VIRTIO_PCI_COMMON_DF, 4, get_offered, NULL},
	{VIRTIO_PCI_COMMON_GFSELECT, 4, get_accepted_word, set_accepted_word},
	{VIRTIO_PCI_COMMON_GF, 4, get_accepted, set_accepted},
	{VIRTIO_PCI_COMMON_MSIX, 2, get_config_vector, set_config_vector},
	{VIRTIO_PCI_COMMON_NUMQ, 2, get_n_queues, NULL},
	{VIRTIO_PCI_COMMON_STATUS, 1, get_status, set_status},
	{VIRTIO_PCI_COMMON_CFGGENERATION, 1, get_generation, NULL},
	{VIRTIO_PCI_COMMON_Q_SELECT, 2, get_queue, set_queue},
	{VIRTIO_PCI_COMMON_Q_SIZE, 2, get_size, set_size},
	{VIRTIO_PCI_COMMON_Q_MSIX, 2, get_vector, set_vector},
	{VIRTIO_PCI_COMMON_Q_ENABLE, 2, get_enable, set_enable},
	{VIRTIO_PCI_COMMON_Q_NOFF, 2, get_notify_offset, NULL},
	{VIRTIO_PCI_COMMON_Q_DESCLO, 8, get_desc, set_desc},
	{VIRTIO_PCI_COMMON_Q_AVAILLO, 8, get_avail, set_avail},
	{VIRTIO_PCI_COMMON_Q_USEDLO, 8, get_used, set_used},
};
#define COMMON_SIZE (VIRTIO_PCI_COMMON_Q_USEDHI + 4)

/* Any part of a field may be accessed: a driver writes 64 bits in halves. */
static void common_io(VirtioPci *pci, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset,
		      uint8_t *data, size_t len, bool is_write)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
		uint64_t start = MAX(offset, fields[i].offset);
		uint64_t end = MIN(offset + len, (uint64_t)fields[i].offset + fields[i].size);

		if (start >= end || (is_write && fields[i].set == NULL))
			continue;
		uint64_t value = GUINT64_TO_LE(fields[i].get(pci));
		uint8_t *part = (uint8_t *)&value + (start - fields[i].offset);
		if (is_write)
			memcpy(part, data + (start - offset), end - start);
		else
			memcpy(data + (start - offset), part, end - start);
		if (is_write)
			fields[i].set(pci, GUINT64_FROM_LE(value));
	}
}

/* ---- The other parts of the BAR ---- */

/* A debugger that looks takes no interrupt away. */
static void isr_io(VirtioPci *pci, struct Vcpu *vcpu, uint64_t offset, uint8_t *data,
		   size_t len G_GNUC_UNUSED, bool is_write)
{
	if (!is_write && offset == 0)
		*data = read_isr(pci, vcpu != NULL);
}

static void config_io(VirtioPci *pci, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset,
		      uint8_t *data, size_t len, bool is_write)
{
	size_t size = virtio_config_size(pci->virtio);

	if (offset >= size)
		return;
	len = MIN(len, size - offset);
	if (is_write)
		virtio_write_config(pci->virtio, offset, data, len);
	else
		virtio_read_config(pci->virtio, offset, data, len);
}

/* KVM watches these addresses where it can. */
static void notify_io(VirtioPci *pci, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset,
		      uint8_t *data G_GNUC_UNUSED, size_t len G_GNUC_UNUSED, bool is_write)
{
	if (is_write && offset < n_queues(pci) * NOTIFY_MULTIPLIER)
		virtio_kick(pci->virtio);
}

static void table_io(VirtioPci *pci, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset,
		     uint8_t *data, size_t len, bool is_write)
{
	if (pci->msix != NULL)
		pci_msix_table_io(pci->msix, offset, data, len, is_write);
}

static void pending_io(VirtioPci *pci, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset,
		       uint8_t *data, size_t len, bool is_write)
{
	if (pci->msix != NULL)
		pci_msix_pending_io(pci->msix, offset, data, len, is_write);
}

enum {
	COMMON = 0x0000,
	ISR = 0x0400,
	CONFIG = 0x0800,
	CONFIG_END = 0x1000,
	NOTIFY = 0x1000,
	TABLE = 0x2000,
	PENDING = 0x3000,
};

/* @data of a read holds zeros. */
static const struct {
	uint32_t start, end;
	void (*io)(VirtioPci *pci, struct Vcpu *vcpu, uint64_t offset, uint8_t *data, size_t len,
		   bool is_write);
} parts[] = {
	{COMMON, ISR, common_io},   {ISR, CONFIG, isr_io},	{CONFIG, CONFIG_END, config_io},
	{NOTIFY, TABLE, notify_io}, {TABLE, PENDING, table_io}, {PENDING, BAR_SIZE, pending_io},
};

static void access_bar(void *owner, struct Vcpu *vcpu, unsigned bar G_GNUC_UNUSED, uint64_t offset,
		       void *data, size_t len, bool is_write)
{
	if (!is_write)
		memset(data, 0, len);
	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
		uint64_t start = MAX(offset, parts[i].start), end = MIN(offset + len, parts[i].end);

		if (start < end)
			parts[i].io(owner, vcpu, start - parts[i].start,
				    (uint8_t *)data + (start - offset), end - start, is_write);
	}
}

/* ---- Doorbells ---- */

static void watch(VirtioPci *pci, uint64_t address, bool wanted)
{
	const PciHost *host = pci_host(pci->function);
	int fd = worker_kick_fd(virtio_worker(pci->virtio));

	if (host->watch == NULL)
		return;
	for (unsigned i = 0; i < n_queues(pci); i++) {
		if (!wanted && !pci->watched[i])
			continue;
		uint64_t doorbell = address + i * NOTIFY_MULTIPLIER;
		pci->watched[i] = host->watch(host->opaque, doorbell, fd, wanted) && wanted;
	}
}

static void moved(void *owner, unsigned bar G_GNUC_UNUSED, bool decoded, uint64_t address)
{
	VirtioPci *pci = owner;

	watch(pci, pci->notify_address, false);
	pci->notify_address = address + NOTIFY;
	if (decoded)
		watch(pci, pci->notify_address, true);
}

/* ---- Configuration: the window into the BAR (4.1.4.9), and MSI-X ---- */

static bool touches_data(const VirtioPci *pci, unsigned reg, size_t len)
{
	unsigned data = pci->window + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);

	return reg < data + 4 && data < reg + len;
}

static void use_window(VirtioPci *pci, struct Vcpu *vcpu, bool is_write)
{
	struct virtio_pci_cfg_cap cap;
	unsigned data = pci->window + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);

	pci_get_config(pci->function, pci->window, &cap, sizeof(cap));
	uint32_t offset = GUINT32_FROM_LE(cap.cap.offset), len = GUINT32_FROM_LE(cap.cap.length);
	if (cap.cap.bar != BAR || (len != 1 && len != 2 && len != 4) || offset % len != 0 ||
	    offset >= BAR_SIZE)
		return;
	access_bar(pci, vcpu, BAR, offset, cap.pci_cfg_data, len, is_write);
	if (!is_write)
		pci_set_config(pci->function, data, cap.pci_cfg_data, len);
}

static void config_read(void *owner, struct Vcpu *vcpu, unsigned reg, size_t len)
{
	VirtioPci *pci = owner;

	if (touches_data(pci, reg, len))
		use_window(pci, vcpu, false);
}

static void config_written(void *owner, struct Vcpu *vcpu, unsigned reg, size_t len)
{
	VirtioPci *pci = owner;

	if (touches_data(pci, reg, len))
		use_window(pci, vcpu, true);
	if (pci->msix == NULL)
		return;
	pci_msix_config_written(pci->msix);
	g_mutex_lock(&pci->isr_lock);
	update_pin_locked(pci);
	g_mutex_unlock(&pci->isr_lock);
}

/* ---- Making it ---- */

static void free_function(void *owner)
{
	VirtioPci *pci = owner;

	virtio_free(pci->virtio);
	pci_msix_free(pci->msix);
	g_mutex_clear(&pci->isr_lock);
	g_free(pci);
}

static char *describe(void *owner)
{
	VirtioPci *pci = owner;

	return virtio_describe(pci->virtio);
}

static const PciOps ops = {
	.access = access_bar,
	.moved = moved,
	.config_read = config_read,
	.config_written = config_written,
	.describe = describe,
	.free = free_function,
};

static struct virtio_pci_cap part_cap(uint8_t type, size_t cap_len, uint32_t offset, uint32_t len)
{
	return (struct virtio_pci_cap){
		.cap_vndr = PCI_CAP_ID_VNDR,
		.cap_len = cap_len,
		.cfg_type = type,
		.bar = BAR,
		.offset = GUINT32_TO_LE(offset),
		.length = GUINT32_TO_LE(len),
	};
}

static void add_part(VirtioPci *pci, uint8_t type, uint32_t offset, uint32_t len)
{
	struct virtio_pci_cap cap = part_cap(type, sizeof(cap), offset, len);

	pci_add_capability(pci->function, &cap, NULL, sizeof(cap));
}

static void add_notify(VirtioPci *pci)
{
	uint32_t len = n_queues(pci) * NOTIFY_MULTIPLIER;
	const struct virtio_pci_notify_cap cap = {
		.cap = part_cap(VIRTIO_PCI_CAP_NOTIFY_CFG, sizeof(cap), NOTIFY, len),
		.notify_off_multiplier = GUINT32_TO_LE(NOTIFY_MULTIPLIER),
	};

	pci_add_capability(pci->function, &cap, NULL, sizeof(cap));
}

static void add_window(VirtioPci *pci)
{
	static const struct virtio_pci_cfg_cap writable = {
		.cap.bar = 0xff,
		.cap.offset = ~0u,
		.cap.length = ~0u,
		.pci_cfg_data = {0xff, 0xff, 0xff, 0xff},
	};
	const struct virtio_pci_cfg_cap cap = {
		.cap = part_cap(VIRTIO_PCI_CAP_PCI_CFG, sizeof(cap), 0, 0),
	};

	pci->window = pci_add_capability(pci->function, &cap, &writable, sizeof(cap));
}

static void add_capabilities(VirtioPci *pci)
{
	size_t config_size = MIN(virtio_config_size(pci->virtio), CONFIG_END - CONFIG);

	if (pci_host(pci->function)->send != NULL)
		pci->msix = pci_msix_new(pci->function, n_queues(pci) + 1, BAR, TABLE, PENDING);
	add_part(pci, VIRTIO_PCI_CAP_COMMON_CFG, COMMON, COMMON_SIZE);
	add_part(pci, VIRTIO_PCI_CAP_ISR_CFG, ISR, 1);
	if (config_size > 0)
		add_part(pci, VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG, config_size);
	add_notify(pci);
	add_window(pci);
}

bool virtio_pci_add(PciBus *bus, Virtio *virtio, GError **error)
{
	const VirtioKind *kind = virtio_kind(virtio);
	const PciIdentity identity = {
		.vendor = VENDOR,
		.device = DEVICE_BASE + kind->id,
		.class = kind->pci_class,
		.revision = REVISION,
		.subsystem_vendor = VENDOR,
		.subsystem = DEVICE_BASE + kind->id,
	};
	VirtioPci *pci = g_new0(VirtioPci, 1);
	const VirtioBus lines = {queue_interrupt, config_interrupt, pci};

	g_mutex_init(&pci->isr_lock);
	pci->virtio = virtio;
	pci->function = pci_add(bus, &identity, &ops, pci, error);
	if (pci->function == NULL || !pci_add_bar(pci->function, BAR, BAR_SIZE, error))
		return false;
	pci_set_pin(pci->function);
	add_capabilities(pci);
	virtio_attach(virtio, &lines);
	return true;
}

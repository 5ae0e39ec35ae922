/*
 * hw/dev/pci-msix.c - which message each vector is, and which of them wait.
 */
#include "hw/dev/pci-msix.h"

#include <linux/pci_regs.h>
#include <string.h>

struct PciMsix {
	GMutex lock; /* all below; taken before the bus's */
	PciFunction *function;
	unsigned n;
	unsigned capability;
	uint16_t control; /* as the guest has it in the configuration */
	uint64_t pending; /* a bit for each vector */
	uint8_t table[PCI_MSIX_MAX * PCI_MSIX_ENTRY_SIZE];
};

static uint32_t entry(const PciMsix *msix, unsigned vector, unsigned field)
{
	uint32_t value;

	memcpy(&value, msix->table + vector * PCI_MSIX_ENTRY_SIZE + field, sizeof(value));
	return GUINT32_FROM_LE(value);
}

static bool is_masked_locked(const PciMsix *msix, unsigned vector)
{
	return msix->control & PCI_MSIX_FLAGS_MASKALL ||
	       entry(msix, vector, PCI_MSIX_ENTRY_VECTOR_CTRL) & PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static void send_locked(PciMsix *msix, unsigned vector)
{
	const PciHost *host = pci_host(msix->function);
	uint64_t high = entry(msix, vector, PCI_MSIX_ENTRY_UPPER_ADDR);

	host->send(host->opaque, pci_requester(msix->function),
		   high << 32 | entry(msix, vector, PCI_MSIX_ENTRY_LOWER_ADDR),
		   entry(msix, vector, PCI_MSIX_ENTRY_DATA));
}

/* What waits and may be sent by now. */
static void flush_locked(PciMsix *msix)
{
	if (!(msix->control & PCI_MSIX_FLAGS_ENABLE))
		return;
	for (unsigned i = 0; i < msix->n && msix->pending != 0; i++) {
		uint64_t bit = 1ull << i;

		if (!(msix->pending & bit) || is_masked_locked(msix, i))
			continue;
		msix->pending &= ~bit;
		send_locked(msix, i);
	}
}

typedef struct Capability {
	uint8_t id, next;
	uint16_t control;
	uint32_t table, pending;
} Capability;

PciMsix *pci_msix_new(PciFunction *function, unsigned n, unsigned bar, uint32_t table,
		      uint32_t pending)
{
	static const Capability writable = {
		.control = GUINT16_TO_LE(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL),
	};
	const Capability body = {
		.id = PCI_CAP_ID_MSIX,
		.control = GUINT16_TO_LE(n - 1),
		.table = GUINT32_TO_LE(table | bar),
		.pending = GUINT32_TO_LE(pending | bar),
	};

	g_return_val_if_fail(n >= 1 && n <= PCI_MSIX_MAX, NULL);
	PciMsix *msix = g_new0(PciMsix, 1);
	g_mutex_init(&msix->lock);
	msix->function = function;
	msix->n = n;
	for (unsigned i = 0; i < n; i++)
		msix->table[i * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
	msix->capability = pci_add_capability(function, &body, &writable, sizeof(body));
	return msix;
}

void pci_msix_free(PciMsix *msix)
{
	if (msix == NULL)
		return;
	g_mutex_clear(&msix->lock);
	g_free(msix);
}

bool pci_msix_enabled(PciMsix *msix)
{
	g_mutex_lock(&msix->lock);
	bool enabled = msix->control & PCI_MSIX_FLAGS_ENABLE;
	g_mutex_unlock(&msix->lock);
	return enabled;
}

void pci_msix_fire(PciMsix *msix, unsigned vector)
{
	g_mutex_lock(&msix->lock);
	if (vector < msix->n && msix->control & PCI_MSIX_FLAGS_ENABLE) {
		if (is_masked_locked(msix, vector))
			msix->pending |= 1ull << vector;
		else
			send_locked(msix, vector);
	}
	g_mutex_unlock(&msix->lock);
}

void pci_msix_forget(PciMsix *msix)
{
	g_mutex_lock(&msix->lock);
	msix->pending = 0;
	g_mutex_unlock(&msix->lock);
}

void pci_msix_table_io(PciMsix *msix, uint64_t offset, void *data, size_t len, bool is_write)
{
	size_t size = msix->n * PCI_MSIX_ENTRY_SIZE, first = MIN(offset, size);
	size_t there = MIN(len, size - first);

	if (!is_write)
		memset(data, 0, len);
	g_mutex_lock(&msix->lock);
	if (!is_write) {
		memcpy(data, msix->table + first, there);
	} else if (there > 0) {
		memcpy(msix->table + first, data, there);
		flush_locked(msix);
	}
	g_mutex_unlock(&msix->lock);
}

void pci_msix_pending_io(PciMsix *msix, uint64_t offset, void *data, size_t len, bool is_write)
{
	if (is_write)
		return;
	g_mutex_lock(&msix->lock);
	uint64_t bits = GUINT64_TO_LE(msix->pending);
	g_mutex_unlock(&msix->lock);
	memset(data, 0, len);
	if (offset < sizeof(bits))
		memcpy(data, (const uint8_t *)&bits + offset, MIN(len, sizeof(bits) - offset));
}

void pci_msix_config_written(PciMsix *msix)
{
	uint16_t control;

	g_mutex_lock(&msix->lock);
	pci_get_config(msix->function, msix->capability + PCI_MSIX_FLAGS, &control,
		       sizeof(control));
	msix->control = GUINT16_FROM_LE(control);
	flush_locked(msix);
	g_mutex_unlock(&msix->lock);
}

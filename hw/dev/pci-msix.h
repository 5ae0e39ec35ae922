/*
 * hw/dev/pci-msix.h - call me: MSI-X of one PCI function (PCI 3.0, 6.8.2): its capability, and the
 * table and pending bits that lie in one of its BARs.
 *
 * Only with PciHost.send. Everything may be called by any thread after pci_msix_new().
 */
#ifndef VMGDB_HW_DEV_PCI_MSIX_H
#define VMGDB_HW_DEV_PCI_MSIX_H

#include "hw/dev/pci.h"

#define PCI_MSIX_MAX 64 /* vectors */
/* What each of the two takes in the BAR: a page that nothing else is in. */
#define PCI_MSIX_PART_SIZE 0x1000

typedef struct PciMsix PciMsix;

/*
 * pci_msix_new: @n vectors, all masked, and MSI-X is off. The table is at @table in BAR @bar, the
 * pending bits are at @pending. Before the guest runs.
 */
PciMsix *pci_msix_new(PciFunction *function, unsigned n, unsigned bar, uint32_t table,
		      uint32_t pending);
void pci_msix_free(PciMsix *msix); /* NULL is accepted */

/* Has the guest turned it on? The function uses no pin then. */
bool pci_msix_enabled(PciMsix *msix);
/*
 * pci_msix_fire: send the message of @vector. One that is masked is sent when it is not any more.
 * A vector that does not exist, or MSI-X that is off: nothing.
 */
void pci_msix_fire(PciMsix *msix, unsigned vector);
/* pci_msix_forget: what is pending is so no longer: the function was reset. */
void pci_msix_forget(PciMsix *msix);

/* For PciOps. Table and pending bits: @offset from the start of each part. */
void pci_msix_table_io(PciMsix *msix, uint64_t offset, void *data, size_t len, bool is_write);
void pci_msix_pending_io(PciMsix *msix, uint64_t offset, void *data, size_t len, bool is_write);
void pci_msix_config_written(PciMsix *msix);

#endif

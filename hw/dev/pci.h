/*
 * hw/dev/pci.h - call me: a PCI host bridge and the functions on its one bus (PCI 3.0, 6; the
 * machine is without firmware). Pure: it reaches the machine by what PciHost has.
 *
 * A function is device 1 to 31 on bus 0 and has 256 bytes of configuration, reached by x86's ports
 * or by ECAM. Its BARs have addresses from the start and are not decoded: the guest turns that on,
 * and may move them, within one window of guest-physical addresses. A BAR somewhere else answers
 * nowhere. Where two of them overlap the first device answers.
 *
 * Everything is added before the guest runs; then all may be called by any thread. Locks: a device
 * may call with its own lock held, and no lock of the bus is held when a device is called, except
 * for moved().
 */
#ifndef VMGDB_HW_DEV_PCI_H
#define VMGDB_HW_DEV_PCI_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/dev/devices.h"

#define PCI_DEVICES 32
#define PCI_BARS 6
#define PCI_LINES 4
#define PCI_FUNCTION_SIZE 4096u /* of each in ECAM */
#define PCI_ECAM_SIZE (PCI_DEVICES * 8 * PCI_FUNCTION_SIZE)
#define PCI_ADDRESS_PORTS 4
#define PCI_DATA_PORTS 4

typedef struct PciBus PciBus;
typedef struct PciFunction PciFunction;

/* What the machine gives; outlives the bus. */
typedef struct PciHost {
	/* Where BARs may be: a power of two of bytes, at a multiple of that, below 4 GiB. */
	uint32_t window, window_size;
	IrqLine line[PCI_LINES]; /* level; see pci_line() */
	/* A message of @requester (device << 3). Any thread. NULL: functions have no MSI-X. */
	void (*send)(void *opaque, uint16_t requester, uint64_t address, uint32_t data);
	/*
	 * For a function: from now on a write to @address adds to the eventfd @fd and is no exit;
	 * !@wanted: no longer. FALSE: it cannot, so the write comes by pci_window_io(). Called with
	 * locks held. May be NULL.
	 */
	bool (*watch)(void *opaque, uint64_t address, int fd, bool wanted);
	void *opaque;
} PciHost;

PciBus *pci_bus_new(const PciHost *host);
/* Frees the functions, too: first all owners, then the rest. NULL is accepted. */
void pci_bus_free(PciBus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PciBus, pci_bus_free)

/* ---- For the machine: BusHandlers, owner a PciBus, BUS_ANY_WIDTH ---- */

void pci_window_io(void *bus, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		   bool is_write);
void pci_ecam_io(void *bus, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		 bool is_write);
/* Ports 0xcf8 (4 bytes at once, else ignored) and 0xcfc. */
void pci_address_io(void *bus, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		    bool is_write);
void pci_data_io(void *bus, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		 bool is_write);

/* Which of PciHost's lines is pin A of @device. */
static inline unsigned pci_line(unsigned device)
{
	return device % PCI_LINES;
}

/* ---- For functions ---- */

typedef struct PciOps {
	/* An access of 1 to 8 bytes within BAR @bar; @data of a read holds ones. May be NULL. */
	void (*access)(void *owner, struct Vcpu *vcpu, unsigned bar, uint64_t offset, void *data,
		       size_t len, bool is_write);
	/*
	 * BAR @bar is at @address now, or is not decoded any more. May be NULL. A lock of the bus's
	 * is held: no function of this header may be called.
	 */
	void (*moved)(void *owner, unsigned bar, bool decoded, uint64_t address);
	/* The guest is about to read configuration, or has written it, at @reg. May be NULL. */
	void (*config_read)(void *owner, struct Vcpu *vcpu, unsigned reg, size_t len);
	void (*config_written)(void *owner, struct Vcpu *vcpu, unsigned reg, size_t len);
	/* For people: one line without an end, freed by the caller. May be NULL. */
	char *(*describe)(void *owner);
	/* With decoding off by then. */
	void (*free)(void *owner);
} PciOps;

typedef struct PciIdentity {
	uint16_t vendor, device;
	uint32_t class; /* 24 bits */
	uint8_t revision;
	uint16_t subsystem_vendor, subsystem;
} PciIdentity;

/*
 * pci_add: the next free device. @owner is freed with the bus, or at once if this fails: there is
 * no free one. @ops may be NULL.
 */
PciFunction *pci_add(PciBus *bus, const PciIdentity *identity, const PciOps *ops, void *owner,
		     GError **error);
/* pci_add_bar: 32 bits, @size a power of two from 16 on. FALSE with @error: the window is full. */
bool pci_add_bar(PciFunction *function, unsigned bar, uint32_t size, GError **error);
/*
 * pci_add_capability: @len bytes, a multiple of 4, from its id on; the pointer to the next one is
 * filled in. @writable has a bit set for each that the guest may write; NULL: none. Returns where
 * it is.
 */
unsigned pci_add_capability(PciFunction *function, const void *data, const void *writable,
			    size_t len);
/* pci_set_pin: it uses pin A. Before the guest runs. */
void pci_set_pin(PciFunction *function);

/* pci_get_config, pci_set_config: its bytes, whether the guest may write them or not. */
void pci_get_config(PciFunction *function, unsigned reg, void *data, size_t len);
void pci_set_config(PciFunction *function, unsigned reg, const void *data, size_t len);
/* pci_set_pending: an interrupt by pin A; the guest hears of it unless it has turned that off. */
void pci_set_pending(PciFunction *function, bool pending);
uint16_t pci_requester(const PciFunction *function); /* device << 3 */
const PciHost *pci_host(const PciFunction *function);

/* ---- For people ---- */

/* What is decoded: BAR number @i of all, and its name, "00:01.0 BAR0". FALSE: no more. */
bool pci_place(PciBus *bus, unsigned i, const char **ret_name, uint64_t *ret_address,
	       uint64_t *ret_size);
/*
 * pci_describe: the text of QEMU's `info pci`. pci_describe_owners: a line for each function whose
 * owner says something: "00:01.0: ...". Caller frees.
 */
char *pci_describe(PciBus *bus);
char *pci_describe_owners(PciBus *bus);

#endif

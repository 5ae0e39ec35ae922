/*
 * x86/hw/machine.h - the PC that lkvm models: which ports, interrupts and addresses are whose.
 * Shared by the files of x86/hw/ only.
 */
#ifndef VMGDB_X86_HW_MACHINE_H
#define VMGDB_X86_HW_MACHINE_H

#include <stdint.h>

#include "hw/dev/pci.h"
#include "x86/hw/boot.h"

enum {
	X86_PORT_I8042_DATA = 0x60,
	X86_PORT_I8042_COMMAND = 0x64,
	X86_PORT_RTC = 0x70,
	X86_PORT_DEBUG_CONSOLE = 0xe9,
	X86_PORT_DEBUG_EXIT = 0xf4,
	X86_PORT_COM2 = 0x2f8, /* with --tty */
	X86_PORT_COM1 = 0x3f8,
	X86_PORT_PVPANIC = 0x505,
	X86_PORT_PM = 0x600, /* ACPI's fixed hardware, see x86/hw/pm.c */
	X86_PORT_PCI_ADDRESS = 0xcf8,
	X86_PORT_RESET = 0xcf9, /* a byte of its own in PCI's address register */
	X86_PORT_PCI_DATA = 0xcfc,
};

enum {
	X86_IRQ_KEYBOARD = 1,
	X86_IRQ_COM2 = 3,
	X86_IRQ_COM1 = 4,
	X86_IRQ_RTC = 8,
	X86_IRQ_SCI = 9,
	X86_IRQ_PCI = 16, /* and the next PCI_LINES - 1: pins of the I/O APIC alone */
};

/* Offsets in the PM block, and its size. ACPI 6.4, 4.8.3. */
enum {
	X86_PM_EVENT = 0,   /* status and enable, 2 bytes each */
	X86_PM_CONTROL = 4, /* 2 bytes */
	X86_PM_TIMER = 8,   /* 4 bytes */
	X86_PM_PORTS = 12,
};
#define X86_PM_SLEEP_TYPE_S5 5 /* what \_S5 tells the guest to write */
#define X86_RESET_VALUE 6      /* what FADT tells the guest to write to X86_PORT_RESET */

#define X86_LAPIC_ADDR 0xfee00000u
#define X86_IOAPIC_ADDR 0xfec00000u
#define X86_IOAPIC_PINS 24

/* RAM ends here and goes on at 4 GiB; between are PCI, the APICs and KVM's own pages. */
#define X86_HOLE_START 0xd0000000u
#define X86_HOLE_END 0x100000000ull
#define X86_PCI_WINDOW X86_HOLE_START
#define X86_PCI_WINDOW_SIZE 0x10000000u
#define X86_PCI_ECAM 0xe0000000u
#define X86_KVM_IDENTITY_MAP 0xfffbc000u /* 1 page */
#define X86_KVM_TSS 0xfffbd000u		 /* 3 pages */

/* What the generic VMM keeps for us. */
struct VmArch {
	X86Entry entry;
};

#endif

/*
 * arm/hw/map.h - the addresses and interrupts of lkvm's arm64 machine: kvmtool's, so that
 * parameters such as earlycon=uart8250,mmio,0x1000000 which people know go on working.
 */
#ifndef VMGDB_ARM_HW_MAP_H
#define VMGDB_ARM_HW_MAP_H

#define ARM_UART_ADDR 0x01000000u
#define ARM_UART_SIZE 8
#define ARM_UART2_ADDR 0x01001000u /* with --tty */
#define ARM_RTC_ADDR 0x01010000u
#define ARM_RTC_SIZE 2
#define ARM_PVPANIC_ADDR 0x01040000u
#define ARM_PVPANIC_SIZE 1
#define ARM_DEBUG_EXIT_ADDR 0x01050000u
#define ARM_GIC_DIST_ADDR 0x3fff0000u
#define ARM_PCI_ECAM 0x40000000u
#define ARM_PCI_WINDOW 0x50000000u
#define ARM_PCI_WINDOW_SIZE 0x10000000u
#define ARM_RAM_ADDR 0x80000000ull

/* Shared peripheral interrupts, numbered as in the device tree: from 0. */
enum {
	ARM_SPI_UART = 0,
	ARM_SPI_UART2 = 1,
	ARM_SPI_PCI = 16, /* and the next PCI_LINES - 1 */
	ARM_N_SPIS = 64,
};
#define ARM_SPI_BASE 32 /* their first number in the GIC */

#endif

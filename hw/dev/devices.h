/*
 * hw/dev/devices.h - the legacy devices, one constructor each.
 *
 * A device knows its registers, not where they lie: the architecture adds its handler to a bus.
 * Except for pvpanic and the debug exit, which end the machine, it reaches the machine only through
 * the callbacks it is given, so each can be tested alone.
 * Handlers may be called by several threads at once (BusHandler); all lock inside.
 */
#ifndef VMGDB_HW_DEV_DEVICES_H
#define VMGDB_HW_DEV_DEVICES_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Vcpu;

/* An interrupt input of the machine. @set may be called with the level it has; any thread. */
typedef struct IrqLine {
	void (*set)(void *opaque, unsigned irq, bool level);
	void *opaque;
	unsigned irq;
} IrqLine;

/* ---- serial.c: 16550A UART (National Semiconductor PC16550D data sheet) ---- */

typedef struct Serial Serial;

/* What is at the other end of the line. */
typedef struct SerialPeer {
	/* How many bytes it takes now. Below 16 the UART keeps its "transmitter empty" bits off. */
	size_t (*room)(void *opaque);
	/* Take @len bytes, whatever room() said; never waits. */
	void (*output)(void *opaque, const uint8_t *data, size_t len);
	/* The UART's input queue, once full, has room again. May be NULL. Called without locks. */
	void (*input_wanted)(void *opaque);
	void *opaque;
} SerialPeer;

#define SERIAL_PORTS 8

Serial *serial_new(const SerialPeer *peer, IrqLine irq);
void serial_free(Serial *serial);
/* The 8 registers; BUS_BYTES. */
void serial_io(void *serial, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
	       bool is_write);

/*
 * serial_input: bytes that arrive on the line. [any thread] Returns how many were taken: the rest
 * is to be offered again after input_wanted(). The guest sees them once it asserts RTS and wants
 * interrupts, as with a peer that respects hardware flow control, so nothing typed before the
 * driver is up is lost; or once it polls LSR and does not wait for room to send.
 */
size_t serial_input(Serial *serial, const uint8_t *data, size_t len);

/*
 * serial_break: a BREAK arrives on the line, behind the input that waits. [any thread] One that
 * waits already is not made two.
 */
void serial_break(Serial *serial);

/* serial_room_changed: the peer's room() may have grown: wake the guest's driver. [any thread] */
void serial_room_changed(Serial *serial);

/*
 * ---- rtc.c: MC146818 clock and CMOS memory at 0x70 ----
 * The host's time in UTC until the guest sets it, which holds as long as the device; no alarms.
 */

typedef struct Rtc Rtc;

#define RTC_PORTS 2

Rtc *rtc_new(void);
void rtc_free(Rtc *rtc);
/* Ports 0 (index) and 1 (data); BUS_BYTES. */
void rtc_io(void *rtc, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len, bool is_write);

/* ---- i8042.c: keyboard controller without a key: reset, and answers to a driver's probing ---- */

typedef struct I8042 I8042;

#define I8042_PORTS 1 /* each of the two */

/* @reset: the guest pulled the reset line; called on its thread. @irq: the keyboard's. */
I8042 *i8042_new(IrqLine irq, void (*reset)(void *opaque), void *opaque);
void i8042_free(I8042 *i8042);
/* Ports 0x60 and 0x64, each BUS_BYTES. */
void i8042_data_io(void *i8042, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		   bool is_write);
void i8042_command_io(void *i8042, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		      bool is_write);

/* ---- debug-exit.c: two ports for bare-metal tests; the owner is a struct Vm ---- */

#define DEBUG_EXIT_PORTS 4
#define DEBUG_CONSOLE_PORTS 1
/* A write ends lkvm with exit status = the low byte of the value written. */
void debug_exit_io(void *vm, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		   bool is_write);
/* Bytes written go to the console as they are. Reads 0xe9: "there is one". */
void debug_console_io(void *vm, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		      bool is_write);

/* ---- pvpanic.c: how a Linux guest reports its panic (QEMU docs/specs/pvpanic); owner: Vm ---- */

#define PVPANIC_PORTS 1
/* Reads the events it knows: 1 panicked, 2 crash kernel loaded. */
void pvpanic_io(void *vm, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len,
		bool is_write);

#endif

/*
 * hw/serial-line.h - what the guest's second UART is connected to: a socket that somebody may come
 * to, a pseudo terminal, a device, or a file.
 *
 * The line is there as long as lkvm; its UART comes and goes with each reset. All here is for the
 * main thread, which also reads and writes; a vCPU that sends only fills a queue.
 */
#ifndef VMGDB_HW_SERIAL_LINE_H
#define VMGDB_HW_SERIAL_LINE_H

#include <glib.h>
#include <stdbool.h>

#include "hw/dev/devices.h"

typedef struct SerialLine SerialLine;

/*
 * serial_line_open: @where is one of
 *
 *	pty			a new pseudo terminal, which keeps the newest of what nobody reads
 *	file:PATH		gets what the guest sends; it is emptied before
 *	[tcp:][HOST:]PORT	listens; one client at a time. Without one, what the guest sends
 *	unix:PATH		is lost, as it is on a real line
 *	/dev/TTY		a character device
 *
 * A client or a device that reads too slowly makes the guest wait. NULL with @error.
 */
SerialLine *serial_line_open(const char *where, GError **error);
/*
 * serial_line_free: after its UART. What can still be written is; the end of a pseudo terminal
 * takes along what nobody has read from it. NULL is accepted.
 */
void serial_line_free(SerialLine *line);

/* serial_line_place: for the user: "/dev/pts/3", "127.0.0.1:4444". Owned by the line. */
const char *serial_line_place(const SerialLine *line);

/* serial_line_peer: for the UART's constructor. */
SerialPeer serial_line_peer(SerialLine *line);
/* serial_line_connect: that UART, or NULL before it is freed: input waits for the next one then. */
void serial_line_connect(SerialLine *line, Serial *serial);

#endif

/*
 * hw/dev/virtio-console.h - a console without registers (virtio 1.2, 5.3): one port, Linux's hvc0.
 *
 * What the guest writes waits in its queue while the peer has no room; what is typed waits here
 * until the guest has a buffer.
 */
#ifndef VMGDB_HW_DEV_VIRTIO_CONSOLE_H
#define VMGDB_HW_DEV_VIRTIO_CONSOLE_H

#include "hw/dev/devices.h"
#include "hw/dev/virtio.h"

typedef struct VirtioConsole VirtioConsole;

/* virtio_console_new: freed with its device, by virtio_free(). @peer is that of a UART. */
VirtioConsole *virtio_console_new(const SerialPeer *peer, const VirtioHost *host);
Virtio *virtio_console_device(VirtioConsole *console);

/* As serial_input() and serial_room_changed(). [any thread] */
size_t virtio_console_input(VirtioConsole *console, const uint8_t *data, size_t len);
void virtio_console_room_changed(VirtioConsole *console);

#endif

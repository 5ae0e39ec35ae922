/*
 * gdbstub/door.h - waits at the sockets of a transport and hands over each client that comes.
 */
#ifndef VMGDB_GDBSTUB_DOOR_H
#define VMGDB_GDBSTUB_DOOR_H

#include "gdbstub/transport.h"

typedef struct GdbDoor GdbDoor;

/* A client has come; the stream is the door's, take a reference. It may free the door. */
typedef void (*GdbDoorCame)(GIOStream *stream, void *data);

/*
 * gdb_door_new: waits on @context from now on. @transport: borrowed; its kind is a socket
 * (gdb_transport_get_listener()). Where the system cannot give a client now, for want of
 * descriptors say, the door says so to the user and tries again every second.
 */
GdbDoor *gdb_door_new(GMainContext *context, GdbTransport *transport, GdbDoorCame came, void *data);
/* gdb_door_free: before the transport is closed. NULL is accepted. */
void gdb_door_free(GdbDoor *door);

#endif

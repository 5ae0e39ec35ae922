/*
 * gdbstub/address.h - the text after --gdb: where a client is to be taken. Pure.
 */
#ifndef VMGDB_GDBSTUB_ADDRESS_H
#define VMGDB_GDBSTUB_ADDRESS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum GdbAddressKind {
	GDB_ADDRESS_TCP,  /* host and port */
	GDB_ADDRESS_UNIX, /* path */
	GDB_ADDRESS_STDIO,
	GDB_ADDRESS_DEVICE, /* path */
} GdbAddressKind;

typedef struct GdbAddress {
	GdbAddressKind kind;
	char *host; /* without the brackets of IPv6; "localhost" is both loopbacks */
	uint16_t port;
	char *path;
	bool remote; /* whoever connects there is on another host */
} GdbAddress;

/*
 * gdb_address_parse: the forms are those of gdb_server_listen() (gdbstub/gdbstub.h). FALSE with
 * @error, which names @where and the forms; @ret_address is then untouched.
 */
bool gdb_address_parse(const char *where, GdbAddress *ret_address, GError **error);
void gdb_address_clear(GdbAddress *address);

/*
 * gdb_address_serves_no_files: for a place of those who read no files: FALSE with @error when
 * @where says ",remote", which would have no effect. What is no address is nothing to this
 * function.
 */
bool gdb_address_serves_no_files(const char *where, GError **error);

#endif

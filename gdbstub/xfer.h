/*
 * gdbstub/xfer.h - documents that the client reads piece by piece (gdb manual, qXfer). Pure.
 */
#ifndef VMGDB_GDBSTUB_XFER_H
#define VMGDB_GDBSTUB_XFER_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * gdb_xfer_append: 'm' and up to @length bytes of the @len-byte @document from @offset on; 'l'
 * instead when they end the document (gdb manual, qXfer). Fewer bytes when more would not fit into
 * a packet once escaped. FALSE, and nothing appended, when @offset is beyond the end.
 */
bool gdb_xfer_append(GString *out, const char *document, size_t len, uint64_t offset,
		     uint64_t length);

/*
 * gdb_xml_append: @text for an element or an attribute. It may hold any bytes: what XML cannot
 * carry, and what is no printable character of UTF-8, becomes '?'.
 */
void gdb_xml_append(GString *xml, const char *text);

#endif

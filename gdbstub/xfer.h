/*
 * gdbstub/xfer.h - the window of a document that qXfer:OBJECT:read asks for. Pure.
 */
#ifndef VMGDB_GDBSTUB_XFER_H
#define VMGDB_GDBSTUB_XFER_H

#include <glib.h>
#include <stdbool.h>

/*
 * gdb_xfer_append: 'm' and up to @length bytes of the @len-byte @document from @offset on; 'l'
 * instead when they end the document (gdb manual, qXfer). Fewer bytes when more would not fit into
 * a packet once escaped. FALSE, and nothing appended, when @offset is beyond the end.
 */
bool gdb_xfer_append(GString *out, const char *document, size_t len, uint64_t offset,
		     uint64_t length);

#endif

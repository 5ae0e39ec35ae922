/*
 * hw/dev/virtio-9p.h - a folder that the guest mounts (virtio's device 9): carries the messages of
 * 9P2000.L between the queue and a server's socket, several at a time and in whatever order the
 * server answers.
 *
 * Guest and server are both hostile. A server that ends or breaks the protocol is given up: there
 * is one line in the log, and every request, also later ones, fails with EIO until the guest's
 * driver starts again.
 */
#ifndef VMGDB_HW_DEV_VIRTIO_9P_H
#define VMGDB_HW_DEV_VIRTIO_9P_H

#include "hw/dev/p9.h"
#include "hw/dev/virtio.h"

/*
 * Who serves. A session lasts from a start of the guest's driver to its reset, and each has a
 * server of its own.
 */
typedef struct Virtio9pServer {
	const char *folder; /* what every attach gets; must outlive the device */
	bool read_only;	    /* what could change a file fails with EROFS, and nobody sees it */
	uint32_t uid;	    /* by this user, or P9_NO_USER: by the one that the guest names */
	/*
	 * The socket to a new server, a stream, which is the device's; -1 with @error.
	 * [virtio_9p_new()'s thread for the first session, then the device's worker]
	 */
	int (*begin)(void *opaque, GError **error);
	/* The session is over, its socket closed. [any thread, never beside begin()] */
	void (*end)(void *opaque);
	/* Why it may have ended by itself. Caller frees. May be NULL, and may return NULL. */
	char *(*last_words)(void *opaque);
	void (*free)(void *opaque); /* with the device; may be NULL */
	void *opaque;
	bool files_only; /* only plain files are made there: all else fails with EPERM */
} Virtio9pServer;

#define VIRTIO_9P_MAX_TAG 255 /* bytes; Linux wants less than a page */

/*
 * virtio_9p_new: a device with the mount tag @tag; the first session begins now. NULL with @error
 * from @server->begin, and @server->free was called. Free with virtio_free().
 */
Virtio *virtio_9p_new(const char *tag, const Virtio9pServer *server, const VirtioHost *host,
		      GError **error);

#endif

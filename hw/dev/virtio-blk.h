/*
 * hw/dev/virtio-blk.h - a disk (virtio 1.2, 5.2): some queues, for a driver that wants one for each
 * CPU (VIRTIO_BLK_F_MQ), reads and writes straight between the image and the guest's RAM.
 *
 * A request that cannot be done is answered with VIRTIO_BLK_S_IOERR, one that is not known with
 * VIRTIO_BLK_S_UNSUPP; one of more than 64 MiB cannot be done. One call of its work is bounded
 * (requests and bytes), so that a debugger's stop does not wait for all that is queued.
 */
#ifndef VMGDB_HW_DEV_VIRTIO_BLK_H
#define VMGDB_HW_DEV_VIRTIO_BLK_H

#include "hw/dev/disk.h"
#include "hw/dev/virtio.h"

/* virtio_blk_new: @disk stays the caller's and outlives it, as @host does. */
Virtio *virtio_blk_new(Disk *disk, const VirtioHost *host);

#endif

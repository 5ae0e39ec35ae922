/*
 * hw/dev/virtio-rng.h - random bytes of the host's (virtio 1.2, 5.4), so that a guest has some from
 * the start. At most 4 KiB for each request, and so much at a time that a stop does not wait.
 */
#ifndef VMGDB_HW_DEV_VIRTIO_RNG_H
#define VMGDB_HW_DEV_VIRTIO_RNG_H

#include "hw/dev/virtio.h"

Virtio *virtio_rng_new(const VirtioHost *host);

#endif

/*
 * hw/shares.h - the folders that the guest can mount: a virtio-9p device for each, and a diod for
 * each session of it. Without --9p and a folder of --disk nothing here does anything.
 */
#ifndef VMGDB_HW_SHARES_H
#define VMGDB_HW_SHARES_H

#include "hw/dev/virtio.h"
#include "hw/vm.h"

/*
 * vm_add_shares: those of the configuration. After vm_arch_add_devices(), before vm_arch_finish().
 * FALSE with @error, which names the option. [main thread, no vCPU runs]
 *
 * Who is root serves each of the guest's users as the host's user of the same number; an ordinary
 * user does everything as himself.
 */
bool vm_add_shares(Vm *vm, GError **error);

/* vm_share_device: one of them, for @host. @share must outlive it. Free with virtio_free(). */
Virtio *vm_share_device(const VmShare *share, const VirtioHost *host, GError **error);

#endif

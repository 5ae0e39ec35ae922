/*
 * hw/vsock.c - from --vsock to a virtio device, and the host's vhost that carries its packets
 * (linux/vhost.h; vhost is the device of the queues in VsockRings).
 */
#include "hw/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hw/dev/virtio-vsock.h"
#include "hw/dma.h"
#include "hw/pci.h"
#include "hw/util.h"

#define DEVICE "/dev/vhost-vsock"
#define F_SEQPACKET (1ull << 1) /* virtio 1.2, 5.10.3 */

typedef struct Vhost {
	int fd;
	int kick_fd[VIRTIO_VSOCK_QUEUES];
} Vhost;

/* ---- What the device asks of it ---- */

static bool set_queue(const Vhost *vhost, unsigned i, const VsockRings *rings, GError **error)
{
	const DriverRing *ring = &rings->ring[i];
	struct vhost_vring_state size = {i, DRIVER_RING_SLOTS}, base = {i, 0};
	struct vhost_vring_addr places = {
		.index = i,
		.desc_user_addr = (uintptr_t)ring->desc,
		.avail_user_addr = (uintptr_t)ring->avail,
		.used_user_addr = (uintptr_t)ring->used,
	};
	struct vhost_vring_file kick = {i, vhost->kick_fd[i]}, call = {i, rings->call_fd};

	return VM_IOCTL(vhost->fd, VHOST_SET_VRING_NUM, &size, error) >= 0 &&
	       VM_IOCTL(vhost->fd, VHOST_SET_VRING_BASE, &base, error) >= 0 &&
	       VM_IOCTL(vhost->fd, VHOST_SET_VRING_ADDR, &places, error) >= 0 &&
	       VM_IOCTL(vhost->fd, VHOST_SET_VRING_KICK, &kick, error) >= 0 &&
	       VM_IOCTL(vhost->fd, VHOST_SET_VRING_CALL, &call, error) >= 0;
}

/* The descriptors have addresses of this process; the guest's RAM vhost does not know. */
static bool set_memory(const Vhost *vhost, const VsockRings *rings, GError **error)
{
	g_autofree struct vhost_memory *memory =
		g_malloc0(sizeof(*memory) + sizeof(memory->regions[0]));

	memory->nregions = 1;
	memory->regions[0] = (struct vhost_memory_region){
		.guest_phys_addr = (uintptr_t)rings->memory,
		.memory_size = rings->size,
		.userspace_addr = (uintptr_t)rings->memory,
	};
	return VM_IOCTL(vhost->fd, VHOST_SET_MEM_TABLE, memory, error) >= 0;
}

static bool set_running(const Vhost *vhost, int running, GError **error)
{
	return VM_IOCTL(vhost->fd, VHOST_VSOCK_SET_RUNNING, &running, error) >= 0;
}

static bool start(void *opaque, uint64_t features, const VsockRings *rings, GError **error)
{
	const Vhost *vhost = opaque;

	features |= 1ull << VIRTIO_F_VERSION_1;
	if (VM_IOCTL(vhost->fd, VHOST_SET_FEATURES, &features, error) < 0 ||
	    !set_memory(vhost, rings, error))
		return false;
	for (unsigned i = 0; i < VIRTIO_VSOCK_QUEUES; i++) {
		if (!set_queue(vhost, i, rings, error))
			return false;
	}
	return set_running(vhost, 1, error);
}

static void stop(void *opaque)
{
	g_autoptr(GError) error = NULL;

	if (!set_running(opaque, 0, &error))
		vm_log("--vsock: %s", error->message);
}

static void kick(void *opaque, unsigned queue)
{
	const Vhost *vhost = opaque;

	eventfd_write(vhost->kick_fd[queue], 1);
}

static void vhost_free(void *opaque)
{
	Vhost *vhost = opaque;

	for (unsigned i = 0; i < VIRTIO_VSOCK_QUEUES; i++) {
		if (vhost->kick_fd[i] >= 0)
			close(vhost->kick_fd[i]);
	}
	if (vhost->fd >= 0)
		close(vhost->fd);
	g_free(vhost);
}

/* ---- Making it ---- */

static bool open_device(Vhost *vhost, GError **error)
{
	vhost->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	int err = errno;

	if (vhost->fd >= 0)
		return true;
	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(err), "cannot open " DEVICE ": %s%s",
		    g_strerror(err),
		    err == EACCES || err == EPERM ? " (is your user in the group kvm?)"
						  : " (as root: modprobe vhost_vsock)");
	return false;
}

static bool open_kicks(Vhost *vhost, GError **error)
{
	for (unsigned i = 0; i < VIRTIO_VSOCK_QUEUES; i++) {
		vhost->kick_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (vhost->kick_fd[i] < 0) {
			int err = errno;

			g_set_error(error, G_IO_ERROR, g_io_error_from_errno(err), "eventfd: %s",
				    g_strerror(err));
			return false;
		}
	}
	return true;
}

static bool take_cid(const Vhost *vhost, uint32_t cid, GError **error)
{
	uint64_t wide = cid;

	if (ioctl(vhost->fd, VHOST_VSOCK_SET_GUEST_CID, &wide) == 0)
		return true;
	int err = errno;
	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(err), "%s",
		    err == EADDRINUSE ? "another guest of this host has this CID"
				      : g_strerror(err));
	return false;
}

static bool set_up(Vhost *vhost, uint32_t cid, uint64_t *ret_features, GError **error)
{
	return open_device(vhost, error) && open_kicks(vhost, error) &&
	       VM_IOCTL(vhost->fd, VHOST_SET_OWNER, NULL, error) >= 0 &&
	       VM_IOCTL(vhost->fd, VHOST_GET_FEATURES, ret_features, error) >= 0 &&
	       take_cid(vhost, cid, error);
}

Virtio *vm_vsock_device(uint32_t cid, const VirtioHost *host, GError **error)
{
	Vhost *vhost = g_new0(Vhost, 1);
	uint64_t features = 0;

	vhost->fd = vhost->kick_fd[0] = vhost->kick_fd[1] = -1;
	if (!set_up(vhost, cid, &features, error)) {
		g_prefix_error(error, "--vsock %" G_GUINT32_FORMAT ": ", cid);
		vhost_free(vhost);
		return NULL;
	}
	VsockCarrier carrier = {features & F_SEQPACKET, start, stop, kick, vhost_free, vhost};
	return virtio_vsock_new(cid, &carrier, host);
}

bool vm_add_vsock(Vm *vm, GError **error)
{
	if (vm->config->vsock == 0)
		return true;
	Virtio *virtio = vm_vsock_device(vm->config->vsock, vm_dma_host(vm), error);
	return virtio != NULL && vm_add_virtio(vm, virtio, error);
}

/*
 * hw/net.c - from --network to a virtio device, and its passt or its tap interface.
 */
#include "hw/net.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hw/dev/virtio-net.h"
#include "hw/dma.h"
#include "hw/helper.h"
#include "hw/pci.h"

/* Without a system log it says that for each line of its own. */
static const HelperProgram passt = {
	.name = "passt", .package = "passt", .noise = "Failed to send "};

/* ---- passt ---- */

/*
 * -F: the socket is its standard input. -m: Linux gives a frame's buffer 1514 bytes and the header,
 * because the device has neither offloads nor buffers that are put together.
 */
static Helper *start_passt(const VmNet *net, int *ret_fd, GError **error)
{
	static const char *const first[] = {"-f", "-q", "-F", "0", "-m", "1500"};
	g_autoptr(GPtrArray) args = g_ptr_array_new();

	for (unsigned i = 0; i < G_N_ELEMENTS(first); i++)
		g_ptr_array_add(args, (char *)first[i]);
	for (unsigned i = 0; i < net->forwards->len; i++)
		g_ptr_array_add(args, net->forwards->pdata[i]);
	g_ptr_array_add(args, NULL);
	return helper_start(&passt, (const char *const *)args->pdata, ret_fd, error);
}

#define START_PATIENCE 5000 /* milliseconds */

/* "Who has 169.254.1.1?", by nobody yet (RFC 5227): passt answers that when it is ready. */
static void make_question(const VmNet *net, uint8_t frame[46])
{
	static const uint8_t arp[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
	static const uint8_t address[] = {169, 254, 1, 1};

	memset(frame, 0, 46);
	frame[3] = 42; /* its length */
	memset(frame + 4, 0xff, 6);
	memcpy(frame + 10, net->mac, 6);
	memcpy(frame + 16, arp, sizeof(arp));
	memcpy(frame + 26, net->mac, 6);
	memcpy(frame + 42, address, sizeof(address));
}

/*
 * Its options are looked at and its ports are taken when it answers; a socket that is closed says
 * that they were not. FALSE: that. One that says nothing may serve all the same. Whatever it says
 * is left to the guest, who ignores the answer: it may be padded, or a connection comes first.
 */
static bool wait_for_passt(const VmNet *net, int fd)
{
	uint8_t frame[46], first;
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	make_question(net, frame);
	if (send(fd, frame, sizeof(frame), MSG_NOSIGNAL) < 0)
		return false;
	if (poll(&wait, 1, START_PATIENCE) <= 0)
		return true;
	return recv(fd, &first, sizeof(first), MSG_PEEK) == sizeof(first);
}

static char *last_words(void *opaque)
{
	return helper_last_words(opaque);
}

static void end(void *opaque)
{
	helper_free(opaque);
}

static bool connect_user(const VmNet *net, VirtioNetWire *wire, GError **error)
{
	Helper *helper = start_passt(net, &wire->fd, error);

	if (helper == NULL)
		return false;
	if (!wait_for_passt(net, wire->fd)) {
		g_autofree char *words = helper_last_words(helper);

		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, words);
		close(wire->fd);
		helper_free(helper);
		return false;
	}
	wire->is_stream = true;
	wire->last_words = last_words;
	wire->free = end;
	wire->opaque = helper;
	return true;
}

/* ---- tap ---- */

static bool connect_tap(const VmNet *net, VirtioNetWire *wire, GError **error)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	g_strlcpy(request.ifr_name, net->tap, sizeof(request.ifr_name));
	wire->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (wire->fd >= 0 && ioctl(wire->fd, TUNSETIFF, &request) >= 0)
		return true;
	int err = errno;
	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(err),
		    "%s: %s; make it with: ip tuntap add %s mode tap user NAME",
		    wire->fd >= 0 ? net->tap : "/dev/net/tun", g_strerror(err), net->tap);
	if (wire->fd >= 0)
		close(wire->fd);
	return false;
}

/* ---- The devices ---- */

Virtio *vm_net_device(const VmNet *net, const VirtioHost *host, GError **error)
{
	VirtioNetWire wire = {.fd = -1, .name = net->option};

	if (net->kind == VM_NET_USER ? connect_user(net, &wire, error)
				     : connect_tap(net, &wire, error))
		return virtio_net_new(net->mac, &wire, host);
	g_prefix_error(error, "%s: ", net->option);
	return NULL;
}

bool vm_add_nets(Vm *vm, GError **error)
{
	const GPtrArray *nets = vm->config->nets;

	for (unsigned i = 0; nets != NULL && i < nets->len; i++) {
		const VmNet *net = nets->pdata[i];

		if (net->kind == VM_NET_NONE)
			continue;
		Virtio *virtio = vm_net_device(net, vm_dma_host(vm), error);
		if (virtio == NULL || !vm_add_virtio(vm, virtio, error))
			return false;
	}
	return true;
}

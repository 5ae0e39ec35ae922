/*
 * hw/shares.c - from --9p to a virtio device and its diod.
 */
#include "hw/shares.h"

#include <unistd.h>

#include "hw/dev/virtio-9p.h"
#include "hw/dma.h"
#include "hw/helper.h"
#include "hw/pci.h"

static const HelperProgram diod = {.name = "diod", .package = "diod"};

typedef struct Share {
	const VmShare *config;
	Helper *helper; /* of the present session */
} Share;

/*
 * -r, -w: the socket is its standard input. -n: no authentication. -N: the guest's users are not in
 * the host's list. Its own configuration file is for servers on the network.
 */
static int begin(void *opaque, GError **error)
{
	Share *share = opaque;
	const char *const args[] = {
		"-f", "-n", "-N", "-c", "/dev/null",	       "-L", "stderr", "-r",
		"0",  "-w", "0",  "-e", share->config->folder, NULL};
	int fd = -1;

	share->helper = helper_start(&diod, args, &fd, error);
	if (share->helper == NULL)
		g_prefix_error(error, "%s: ", share->config->option);
	return fd;
}

static void end(void *opaque)
{
	Share *share = opaque;

	g_clear_pointer(&share->helper, helper_free);
}

static char *last_words(void *opaque)
{
	Share *share = opaque;

	return share->helper != NULL ? helper_last_words(share->helper) : NULL;
}

Virtio *vm_share_device(const VmShare *config, const VirtioHost *host, GError **error)
{
	Share *share = g_new0(Share, 1);
	Virtio9pServer server = {
		.folder = config->folder,
		.read_only = config->read_only,
		.files_only = config->files_only,
		.uid = geteuid() == 0 ? P9_NO_USER : geteuid(),
		.begin = begin,
		.end = end,
		.last_words = last_words,
		.free = g_free,
		.opaque = share,
	};

	share->config = config;
	return virtio_9p_new(config->tag, &server, host, error);
}

bool vm_add_shares(Vm *vm, GError **error)
{
	const GPtrArray *shares = vm->config->shares;

	for (unsigned i = 0; shares != NULL && i < shares->len; i++) {
		Virtio *virtio = vm_share_device(shares->pdata[i], vm_dma_host(vm), error);

		if (virtio == NULL || !vm_add_virtio(vm, virtio, error))
			return false;
	}
	return true;
}

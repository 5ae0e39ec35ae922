/*
 * hw/config-devices.h - the values of the options that give the machine a device: --9p, --network.
 *
 * The words are kvmtool's where it has them, and shorter ones. What a value says is checked here as
 * far as that needs nothing but the value; its folder, its interface and its server come later.
 */
#ifndef VMGDB_HW_CONFIG_DEVICES_H
#define VMGDB_HW_CONFIG_DEVICES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* vm_take_read_only: @text, a path, without ",ro" at its end; *@ret: it was there. Caller frees. */
char *vm_take_read_only(const char *text, bool *ret);

/* A folder of the host's that the guest can mount. */
typedef struct VmShare {
	char *option; /* for messages: "--9p /src,src" */
	char *folder; /* absolute */
	char *tag;
	bool read_only;
	bool files_only; /* the guest makes plain files there, and nothing else */
} VmShare;

/* The tag that kvmtool gives a folder of --disk, and Linux mounts as its root. */
#define VM_SHARE_ROOT_TAG "/dev/root"

/*
 * vm_share_new: of the folder @folder, relative to the current one. NULL with @error: it is none,
 * or the tag is empty or longer than 255 bytes.
 * vm_share_parse: of --9p: "DIR,TAG" or "DIR,TAG,ro". A comma in DIR is part of it.
 */
VmShare *vm_share_new(const char *option, const char *folder, const char *tag, bool read_only,
		      GError **error);
VmShare *vm_share_parse(const char *text, GError **error);
void vm_share_free(VmShare *share);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmShare, vm_share_free)

typedef enum VmNetKind {
	VM_NET_NONE,
	VM_NET_USER, /* by passt */
	VM_NET_TAP,
} VmNetKind;

#define VM_NET_MAC_SIZE 6

typedef struct VmNet {
	char *option; /* for messages: "--network user" */
	VmNetKind kind;
	char *tap; /* the interface of VM_NET_TAP */
	GPtrArray
		*forwards; /* of strings, two each: "-t" or "-u", and what passt wants behind it */
	uint8_t mac[VM_NET_MAC_SIZE];
} VmNet;

/*
 * vm_net_parse: the value of --network: words with commas between them.
 *
 *	user, tap, none			how; also mode=user and so on
 *	tap=NAME, tapif=NAME		the interface, and tap
 *	tcp=PORTS, udp=PORTS		user: ports of the host that are the guest's; several times
 *	mac=ADDRESS, guest_mac=ADDRESS	the guest's; default: 02:15:15:15:15:15, kvmtool's
 *	trans=pci, virtio		accepted
 *
 * NULL with @error: which word it is and what is expected.
 */
VmNet *vm_net_parse(const char *text, GError **error);
void vm_net_free(VmNet *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmNet, vm_net_free)

#endif

/*
 * hw/config-devices.c - taking apart what --9p and --network say.
 */
#include "hw/config-devices.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define MAX_TAG 255 /* bytes: one byte of the device's configuration has the length */

static bool wrong(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool wrong(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error != NULL)
		*error = g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args);
	va_end(args);
	return false;
}

/* A comma in a file's name needs nothing: only what stands at the end is looked at. */
char *vm_take_read_only(const char *text, bool *ret)
{
	*ret = g_str_has_suffix(text, ",ro");
	return g_strndup(text, strlen(text) - (*ret ? strlen(",ro") : 0));
}

/* ---- Folders ---- */

VmShare *vm_share_new(const char *option, const char *folder, const char *tag, bool read_only,
		      GError **error)
{
	g_autoptr(VmShare) share = g_new0(VmShare, 1);

	share->option = g_strdup(option);
	share->folder = g_canonicalize_filename(folder, NULL);
	share->tag = g_strdup(tag);
	share->read_only = read_only;
	if (*tag == 0 || strlen(tag) > MAX_TAG)
		wrong(error, "%s: the tag has no byte, or more than %d", option, MAX_TAG);
	else if (!g_file_test(share->folder, G_FILE_TEST_IS_DIR))
		wrong(error, "%s: there is no folder %s", option, share->folder);
	else
		return g_steal_pointer(&share);
	return NULL;
}

VmShare *vm_share_parse(const char *text, GError **error)
{
	bool read_only;
	g_autofree char *option = g_strdup_printf("--9p %s", text);
	g_autofree char *folder = vm_take_read_only(text, &read_only);
	char *comma = strrchr(folder, ',');

	if (comma == NULL || comma == folder) {
		wrong(error, "%s: expected DIR,TAG or DIR,TAG,ro", option);
		return NULL;
	}
	*comma = 0;
	return vm_share_new(option, folder, comma + 1, read_only, error);
}

void vm_share_free(VmShare *share)
{
	if (share == NULL)
		return;
	g_free(share->option);
	g_free(share->folder);
	g_free(share->tag);
	g_free(share);
}

/* ---- The network ---- */

/* As far as a mistake would be taken for another option of passt's. */
static bool are_ports(const char *text)
{
	return *text != 0 && *text != '-' &&
	       strspn(text, "0123456789abcdefABCDEF.:/%~-_ghijklmnopqrstuvwxyz") == strlen(text);
}

static bool add_ports(VmNet *net, const char *option, const char *value, GError **error)
{
	if (!are_ports(value))
		return wrong(error,
			     "expected ports as passt(1) has them, as in tcp=2222:22, not '%s'",
			     value);
	g_ptr_array_add(net->forwards, g_strdup(option));
	g_ptr_array_add(net->forwards, g_strdup(value));
	return true;
}

static bool take_tcp(VmNet *net, const char *value, GError **error)
{
	return add_ports(net, "-t", value, error);
}

static bool take_udp(VmNet *net, const char *value, GError **error)
{
	return add_ports(net, "-u", value, error);
}

static bool take_mac(VmNet *net, const char *value, GError **error)
{
	unsigned bytes[VM_NET_MAC_SIZE];
	int end = 0;

	if (sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
		   &bytes[4], &bytes[5], &end) != VM_NET_MAC_SIZE ||
	    value[end] != 0 || strlen(value) != 17)
		return wrong(error, "expected an address such as 02:15:15:15:15:15, not '%s'",
			     value);
	if (bytes[0] & 1)
		return wrong(error, "%s is the address of many", value);
	for (unsigned i = 0; i < VM_NET_MAC_SIZE; i++)
		net->mac[i] = bytes[i];
	return true;
}

static bool take_tap(VmNet *net, const char *value, GError **error)
{
	if (*value == 0 || strlen(value) >= IFNAMSIZ || strpbrk(value, "/%") != NULL)
		return wrong(error, "'%s' cannot be the name of an interface", value);
	net->kind = VM_NET_TAP;
	g_free(net->tap);
	net->tap = g_strdup(value);
	return true;
}

static bool take_mode(VmNet *net, const char *value, GError **error)
{
	static const char *const modes[] = {
		[VM_NET_NONE] = "none", [VM_NET_USER] = "user", [VM_NET_TAP] = "tap"};

	for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
		if (strcmp(value, modes[i]) == 0) {
			net->kind = i;
			return true;
		}
	}
	return wrong(error, "expected user, tap or none, not '%s'", value);
}

static bool take_trans(VmNet *net G_GNUC_UNUSED, const char *value, GError **error)
{
	return strcmp(value, "pci") == 0 || wrong(error, "lkvm's devices are on PCI");
}

/* kvmtool's README has this, which says nothing of how. */
static bool is_plain(const char *word)
{
	return strcmp(word, "virtio") == 0;
}

typedef struct NetWord {
	const char *name;
	bool (*take)(VmNet *net, const char *value, GError **error);
} NetWord;

static const NetWord net_words[] = {
	{"mode", take_mode}, {"tap", take_tap}, {"tapif", take_tap},	 {"tcp", take_tcp},
	{"udp", take_udp},   {"mac", take_mac}, {"guest_mac", take_mac}, {"trans", take_trans},
};

static bool take_net_word(VmNet *net, const char *word, GError **error)
{
	const char *equal = strchr(word, '=');
	size_t len = equal != NULL ? (size_t)(equal - word) : 0;

	if (equal == NULL)
		return is_plain(word) || take_mode(net, word, error);
	for (unsigned i = 0; i < G_N_ELEMENTS(net_words); i++) {
		if (strlen(net_words[i].name) == len && memcmp(net_words[i].name, word, len) == 0)
			return net_words[i].take(net, equal + 1, error);
	}
	return wrong(error, "there is no '%s'; expected mode, tap, tcp, udp or mac", word);
}

static bool check_net(const VmNet *net, GError **error)
{
	if (net->kind == VM_NET_TAP && net->tap == NULL)
		return wrong(error, "expected tap=NAME, an interface made by `ip tuntap add NAME "
				    "mode tap`");
	if (net->kind != VM_NET_TAP && net->tap != NULL)
		return wrong(error, "an interface is for mode=tap");
	if (net->kind != VM_NET_USER && net->forwards->len > 0)
		return wrong(error, "ports are for mode=user");
	return true;
}

VmNet *vm_net_parse(const char *text, GError **error)
{
	static const uint8_t mac[VM_NET_MAC_SIZE] = {0x02, 0x15, 0x15, 0x15, 0x15, 0x15};
	g_autoptr(VmNet) net = g_new0(VmNet, 1);
	g_auto(GStrv) words = g_strsplit(text, ",", -1);

	net->option = g_strdup_printf("--network %s", text);
	net->kind = VM_NET_USER;
	net->forwards = g_ptr_array_new_with_free_func(g_free);
	memcpy(net->mac, mac, sizeof(mac));
	bool fits = *text != 0 || take_mode(net, text, error);
	for (unsigned i = 0; fits && words[i] != NULL; i++)
		fits = take_net_word(net, words[i], error);
	if (fits && check_net(net, error))
		return g_steal_pointer(&net);
	g_prefix_error(error, "%s: ", net->option);
	return NULL;
}

void vm_net_free(VmNet *net)
{
	if (net == NULL)
		return;
	g_free(net->option);
	g_free(net->tap);
	g_ptr_array_unref(net->forwards);
	g_free(net);
}

/*
 * tests/test-hw-config-devices.c - hw/config-devices.h: what --9p and --network may say.
 */
#include "hw/config-devices.h"

#include <glib/gstdio.h>
#include <string.h>

#include "tests/test-util.h"

static void check_error(const void *got, GError *error, const char *text)
{
	g_assert_null(got);
	g_assert_nonnull(error);
	if (strstr(error->message, text) == NULL)
		g_error("'%s' is not in '%s'", text, error->message);
	g_error_free(error);
}

/* ---- Folders ---- */

static void test_share(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VmShare) share = vm_share_parse("/usr/,tag", &error);

	g_assert_no_error(error);
	g_assert_cmpstr(share->folder, ==, "/usr");
	g_assert_cmpstr(share->tag, ==, "tag");
	g_assert_cmpstr(share->option, ==, "--9p /usr/,tag");
	g_assert_false(share->read_only);
}

static void test_share_read_only(void)
{
	g_autoptr(VmShare) share = vm_share_parse("/,a,ro", NULL);
	g_autoptr(VmShare) tag = vm_share_parse("/,ro,ro", NULL);

	g_assert_cmpstr(share->folder, ==, "/");
	g_assert_cmpstr(share->tag, ==, "a");
	g_assert_true(share->read_only);
	g_assert_cmpstr(tag->tag, ==, "ro");
}

/* A comma in the folder's name; a folder that is relative. */
static void test_share_names(void)
{
	g_autofree char *dir = test_dir_new(), *name = g_build_filename(dir, "a,b", NULL);
	g_autofree char *text = g_strconcat(name, ",tag", NULL);
	g_autofree char *here = g_get_current_dir();

	g_assert_cmpint(g_mkdir(name, 0700), ==, 0);
	g_autoptr(VmShare) comma = vm_share_parse(text, NULL);
	g_autoptr(VmShare) relative = vm_share_parse(".,tag", NULL);
	g_assert_cmpstr(comma->folder, ==, name);
	g_assert_cmpstr(relative->folder, ==, here);
	test_dir_remove(g_steal_pointer(&dir));
}

static void test_share_wrong(void)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", "--9p : expected DIR,TAG or DIR,TAG,ro"},
		{"/usr", "--9p /usr: expected DIR,TAG"},
		{",tag", "--9p ,tag: expected DIR,TAG"},
		{"/usr,ro", "--9p /usr,ro: expected DIR,TAG"},
		{"/usr,", "the tag has no byte"},
		{"/none-such,tag", "there is no folder /none-such"},
		{"/etc/passwd,tag", "there is no folder /etc/passwd"},
	};
	g_autofree char *tag = g_strnfill(256, 'x'), *text = g_strconcat("/,", tag, NULL);
	GError *error = NULL;

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		const VmShare *got = vm_share_parse(cases[i].text, &error);

		check_error(got, g_steal_pointer(&error), cases[i].error);
	}
	const VmShare *got = vm_share_parse(text, &error);
	check_error(got, error, "more than 255");
	text[257] = 0;
	g_autoptr(VmShare) longest = vm_share_parse(text, NULL);
	g_assert_nonnull(longest);
}

/* ---- The network ---- */

static VmNet *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	VmNet *net = vm_net_parse(text, &error);

	g_assert_no_error(error);
	g_assert_nonnull(net);
	return net;
}

static void check_kind(const char *text, VmNetKind kind, const char *tap)
{
	g_autoptr(VmNet) net = parse(text);

	g_assert_cmpint(net->kind, ==, kind);
	g_assert_cmpstr(net->tap, ==, tap);
	g_assert_cmpuint(net->forwards->len, ==, 0);
	g_assert_cmpmem(net->mac, 6, "\x02\x15\x15\x15\x15\x15", 6);
}

/* Ours and kvmtool's words. */
static void test_net_kinds(void)
{
	check_kind("user", VM_NET_USER, NULL);
	check_kind("mode=user", VM_NET_USER, NULL);
	check_kind("mode=user,trans=pci", VM_NET_USER, NULL);
	check_kind("none", VM_NET_NONE, NULL);
	check_kind("mode=none", VM_NET_NONE, NULL);
	check_kind("tap=tap0", VM_NET_TAP, "tap0");
	check_kind("tap,tap=tap0", VM_NET_TAP, "tap0");
	check_kind("mode=tap,tapif=tap0", VM_NET_TAP, "tap0");
	check_kind("tapif=tap0,mode=tap", VM_NET_TAP, "tap0");
	check_kind("tap=a23456789012345", VM_NET_TAP, "a23456789012345");
}

static void test_net_ports(void)
{
	static const char *const want[] = {"-t",	   "2222:22", "-u",
					   "127.0.0.1/53", "-t",      "8000-8010:~8005"};
	g_autoptr(VmNet) net = parse("user,tcp=2222:22,udp=127.0.0.1/53,tcp=8000-8010:~8005");

	g_assert_cmpuint(net->forwards->len, ==, G_N_ELEMENTS(want));
	for (unsigned i = 0; i < G_N_ELEMENTS(want); i++)
		g_assert_cmpstr(net->forwards->pdata[i], ==, want[i]);
}

static void test_net_mac(void)
{
	g_autoptr(VmNet) net = parse("mac=52:54:00:aB:cd:eF");
	g_autoptr(VmNet) theirs = parse("mode=user,guest_mac=52:54:00:12:34:56");

	g_assert_cmpmem(net->mac, 6, "\x52\x54\x00\xab\xcd\xef", 6);
	g_assert_cmpmem(theirs->mac, 6, "\x52\x54\x00\x12\x34\x56", 6);
}

static void test_net_wrong(void)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", "--network : expected user, tap or none, not ''"},
		{"usr", "--network usr: expected user, tap or none, not 'usr'"},
		{"mode=bridge", "not 'bridge'"},
		{"user,", "not ''"},
		{"tap", "expected tap=NAME"},
		{"mode=tap", "expected tap=NAME"},
		{"tap=", "cannot be the name"},
		{"tap=a234567890123456", "cannot be the name"},
		{"tap=tap%d", "cannot be the name"},
		{"tap=x,mode=user", "is for mode=tap"},
		{"tap=x,tcp=22", "ports are for mode=user"},
		{"none,udp=22", "ports are for mode=user"},
		{"user,tcp=", "expected ports as passt(1)"},
		{"user,tcp=-f", "expected ports as passt(1)"},
		{"user,tcp=22 23", "not '22 23'"},
		{"user,22", "not '22'"},
		{"user,host=1", "there is no 'host=1'"},
		{"user,=1", "there is no '=1'"},
		{"user,ma=1", "there is no 'ma=1'"},
		{"mac=1:2:3:4:5:6", "expected an address"},
		{"mac=52:54:00:12:34", "expected an address"},
		{"mac=52:54:00:12:34:56:78", "expected an address"},
		{"mac=52:54:00:12:34:5", "expected an address"},
		{"mac=52:54:00:12:34:5g", "expected an address"},
		{"mac=53:54:00:12:34:56", "is the address of many"},
		{"trans=mmio", "devices are on PCI"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		GError *error = NULL;
		const VmNet *got = vm_net_parse(cases[i].text, &error);

		check_error(got, error, cases[i].error);
	}
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"share", test_share},
		{"share/read-only", test_share_read_only},
		{"share/names", test_share_names},
		{"share/wrong", test_share_wrong},
		{"net/kinds", test_net_kinds},
		{"net/ports", test_net_ports},
		{"net/mac", test_net_mac},
		{"net/wrong", test_net_wrong},
		{0},
	};

	return test_main(argc, argv, "hw-config-devices", cases);
}

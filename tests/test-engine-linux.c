/*
 * tests/test-engine-linux.c - what a client without a program is told when Linux runs in the guest:
 * an image of a kernel lies in the toy's RAM.
 */
#include <string.h>

#include "tests/engine-rig.h"
#include "tests/linux-image.h"

#define RELEASE "6.1.0-toy"
#define BANNER "Linux version " RELEASE " (gcc) #1 SMP\n"
#define INFO "OSRELEASE=" RELEASE "\nPAGESIZE=4096\n"
#define INFO_AT 0x3000u	   /* of RAM: a page of its own */
#define POINTER_AT 0x2000u /* to that page */
#define N_SYMBOLS 80u

/* The image begins where the kernel does not write. */
static void load_image(Rig *rig)
{
	LinuxImageSymbol symbols[N_SYMBOLS];
	const uint64_t info = TOY_LINUX + INFO_AT;
	char names[N_SYMBOLS][16];
	LinuxImage *image;

	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		g_snprintf(names[n], sizeof(names[n]), "sys_call%u", n);
		symbols[n] = (LinuxImageSymbol){TOY_LINUX + 16 * n, 'T', names[n]};
	}
	symbols[0].name = "_stext";
	symbols[N_SYMBOLS - 2].name = "_etext";
	symbols[N_SYMBOLS - 1] = (LinuxImageSymbol){TOY_LINUX + POINTER_AT, 'D', "vmcoreinfo_data"};
	image = linux_image_new(TOY_LINUX_READ_ONLY, &linux_layouts[1], TOY_LINUX, symbols,
				N_SYMBOLS);
	linux_image_append(image, BANNER, sizeof(BANNER));
	memcpy(toy_ram(rig->vm) + 0x8000, image->bytes->data, image->bytes->len);
	linux_image_free(image);
	memcpy(toy_ram(rig->vm) + INFO_AT, INFO, sizeof(INFO));
	memcpy(toy_ram(rig->vm) + POINTER_AT, &info, sizeof(info));
}

/* The kernel tells each CPU where its entries are: this one. */
static void set_entry(Rig *rig, uint64_t value)
{
	g_autofree char *packet =
		g_strdup_printf("P5=%016" G_GINT64_MODIFIER "x", GUINT64_SWAP_LE_BE(value));

	rsp_expect(rig->client, packet, "OK");
}

static Rig *open_rig(void)
{
	Rig *rig;

	toy_set_like_linux(true);
	rig = rig_new(2, true);
	load_image(rig);
	start_all(rig);
	connect_client(rig);
	return rig;
}

static void close_rig(Rig *rig)
{
	rig_free(rig);
	toy_set_like_linux(false);
}

static void expect_monitor(Rig *rig, const char *command, const char *text)
{
	g_autofree char *all = rsp_client_monitor(rig->client, command);

	if (!strstr(all, text))
		g_error("monitor %s: no '%s' in: %s", command, text, all);
}

static void test_found(void)
{
	Rig *rig = open_rig();

	set_entry(rig, TOY_LINUX + 0x40);
	expect_monitor(rig, "info linux",
		       "Linux version " RELEASE " (gcc) #1 SMP\nsymbols: 80\n"
		       "types: none (the kernel has no BTF)\n"
		       "vmcoreinfo: yes\n");
	expect_monitor(rig, "vmcoreinfo", INFO);
	expect_monitor(rig, "symbols", "symbol-file target:/vmgdb/vmlinux-" RELEASE "\n");
	close_rig(rig);
}

/* The first instructions of the kernel, and a machine without one. */
static void test_early(void)
{
	Rig *rig = open_rig();

	expect_monitor(rig, "info linux", "no Linux kernel is found: it has not come far enough");
	expect_monitor(rig, "symbols", "has not come far enough");
	/* As soon as it has, it is found. */
	set_entry(rig, TOY_LINUX + 0x40);
	expect_monitor(rig, "info linux", "symbols: 80");
	close_rig(rig);
}

static void test_not_linux(void)
{
	Rig *rig = open_rig();

	set_entry(rig, TOY_LINUX + 0x40);
	memset(toy_ram(rig->vm) + 0x8000, 0x90, 0x8000);
	expect_monitor(rig, "info linux", "no Linux kernel is found: there are no symbols");
	/* Entries where nothing is mapped, and where users have theirs. */
	set_entry(rig, TOY_LINUX << 1);
	expect_monitor(rig, "info linux", "no Linux kernel is found: ");
	set_entry(rig, 0x100);
	expect_monitor(rig, "info linux", "no Linux kernel is found: ");
	close_rig(rig);
}

/* Symbols, but a banner that is none. */
static void test_no_banner(void)
{
	Rig *rig = open_rig();
	uint8_t *image = toy_ram(rig->vm) + 0x8000;
	uint8_t *banner = memmem(image, 0x8000, BANNER, strlen(BANNER));

	g_assert_nonnull(banner);
	set_entry(rig, TOY_LINUX + 0x40);
	banner[strlen("Linux version ")] = 'x';
	expect_monitor(rig, "info linux", "does not say that it is Linux");
	close_rig(rig);
}

/* Another kernel in the same place (kexec), then none (reset). */
static void test_changes(void)
{
	Rig *rig = open_rig();
	uint8_t *image = toy_ram(rig->vm) + 0x8000;
	uint8_t *banner = memmem(image, 0x8000, BANNER, strlen(BANNER));

	set_entry(rig, TOY_LINUX + 0x40);
	expect_monitor(rig, "info linux", "Linux version 6.1.0-toy");
	banner[strlen("Linux version ")] = '7';
	expect_monitor(rig, "info linux", "Linux version 7.1.0-toy");
	expect_monitor(rig, "symbols", "target:/vmgdb/vmlinux-7.1.0-toy\n");
	memset(image, 0, 0x8000);
	expect_monitor(rig, "info linux", "no Linux kernel is found: ");
	close_rig(rig);
}

/* What a gdb without a program does first, and what it may read then. */
static void test_program(void)
{
	Rig *rig = open_rig();

	set_entry(rig, TOY_LINUX + 0x40);
	/* Not by itself: somebody must want it. */
	rsp_expect(rig->client, "qXfer:exec-file:read::0,400", "");
	kvm_gdb_offer_symbols(rig->gdb);
	rsp_expect(rig->client, "qXfer:exec-file:read::0,400", "l/vmgdb/vmlinux-" RELEASE);
	rsp_expect(rig->client, "vFile:setfs:0", "F0");
	/* "/vmgdb/vmlinux-6.1.0-toy", for reading; then another file. */
	rsp_expect(rig->client, "vFile:open:2f766d6764622f766d6c696e75782d362e312e302d746f79,0,0",
		   "F0");
	rsp_expect_prefix(rig->client, "vFile:pread:0,4,0",
			  "F4;\x7f"
			  "ELF");
	rsp_expect(rig->client, "vFile:close:0", "F0");
	rsp_expect_prefix(rig->client, "vFile:open:2f6574632f706173737764,0,0", "F-1,2");
	close_rig(rig);
}

/* The user asks where symbols are to be had, and types what the answer says. */
static void test_asked_for(void)
{
	Rig *rig = open_rig();

	set_entry(rig, TOY_LINUX + 0x40);
	expect_monitor(rig, "info linux", "symbols: 80");
	rsp_expect(rig->client, "qXfer:exec-file:read::0,400", "");
	expect_monitor(rig, "symbols", "symbol-file target:/vmgdb/vmlinux-" RELEASE "\n");
	rsp_expect(rig->client, "vFile:setfs:0", "F0");
	rsp_expect(rig->client, "qXfer:exec-file:read::0,400", "l/vmgdb/vmlinux-" RELEASE);
	close_rig(rig);
}

/* Too early there is none, and no file at all; nor in a machine that runs no Linux. */
static void test_no_program(void)
{
	Rig *rig = open_rig();

	kvm_gdb_offer_symbols(rig->gdb);
	rsp_expect(rig->client, "qXfer:exec-file:read::0,400", "");
	rsp_expect(rig->client, "vFile:setfs:0", "");
	expect_monitor(rig, "symbols", "has not come far enough");
	close_rig(rig);
}

/* A kernel without BTF says nothing of its tasks. */
static void test_no_types(void)
{
	Rig *rig = open_rig();

	set_entry(rig, TOY_LINUX + 0x40);
	expect_monitor(rig, "ps", "task_struct");
	expect_monitor(rig, "lsmod", "struct module");
	expect_monitor(rig, "dmesg", "log");
	expect_monitor(rig, "dmesg -n 10", "log");
	expect_monitor(rig, "dmesg all", "'all': expected -n LINES");
	rsp_expect_error(rig->client, "qXfer:osdata:read:processes:0,1000");
	rsp_expect_prefix(rig->client, "qXfer:osdata:read:cpus:0,1000", "l<?xml");
	close_rig(rig);
}

/* VMCOREINFO that is not there yet, and a pointer to nowhere. */
static void test_no_info(void)
{
	Rig *rig = open_rig();

	set_entry(rig, TOY_LINUX + 0x40);
	memset(toy_ram(rig->vm) + INFO_AT, 0, sizeof(INFO));
	expect_monitor(rig, "info linux", "vmcoreinfo: none\n");
	expect_monitor(rig, "vmcoreinfo", "the kernel has no VMCOREINFO, or not yet");
	memset(toy_ram(rig->vm) + POINTER_AT, 0xff, 8);
	expect_monitor(rig, "vmcoreinfo", "the kernel has no VMCOREINFO, or not yet");
	load_image(rig);
	expect_monitor(rig, "vmcoreinfo", INFO);
	close_rig(rig);
}

static const TestCase cases[] = {
	{"found", test_found},
	{"early", test_early},
	{"not-linux", test_not_linux},
	{"no-banner", test_no_banner},
	{"changes", test_changes},
	{"no-info", test_no_info},
	{"program", test_program},
	{"no-program", test_no_program},
	{"asked-for", test_asked_for},
	{"no-types", test_no_types},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "engine-linux", cases);
}

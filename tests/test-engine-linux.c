/*
 * tests/test-engine-linux.c - what a client without a program is told when Linux runs in the guest:
 * an image of a kernel lies in the toy's RAM.
 */
#include <string.h>

#include "tests/linux-rig.h"

#define FILE_HEX "2f766d6764622f766d6c696e75782d" /* "/vmgdb/vmlinux-" */
#define TOY_HEX "2e312e302d746f79"		  /* ".1.0-toy" */

static void test_found(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	linux_rig_monitor(rig, "info linux",
			  "Linux version " RELEASE " (gcc) #1 SMP\nsymbols: 81\n"
			  "types: none (the kernel has no BTF)\n"
			  "vmcoreinfo: yes\n");
	linux_rig_monitor(rig, "vmcoreinfo", INFO);
	linux_rig_monitor(rig, "symbols", "symbol-file target:/vmgdb/vmlinux-" RELEASE "\n");
	/* It has variables, but no types: only that is said, and before the file is made. */
	linux_rig_monitor(rig, "symbols", "connects again\nno types: the kernel has no BTF\n");
	linux_rig_free(rig);
}

/* Where the kernel is asks who has no vmlinux, too. */
static void test_kaslr(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	linux_rig_monitor(rig, "kaslr", "no vmlinux is known: give one with --gdb-vmlinux, or");
	linux_rig_monitor(rig, "symbols", "symbol-file target:/vmgdb/");
	linux_rig_monitor(rig, "kaslr", "no vmlinux is known; the kernel's own symbols");
	linux_rig_free(rig);
}

/* Is @text in the file that gdb gets when it opens it now? */
static bool file_has(Rig *rig, const char *text)
{
	g_autofree char *file = NULL;
	size_t len;

	rsp_expect(rig->client, "vFile:open:" FILE_HEX "36" TOY_HEX ",0,0", "F0");
	rsp_client_send(rig->client, "vFile:pread:0,10000,0");
	file = rsp_client_recv(rig->client, &len);
	rsp_expect(rig->client, "vFile:close:0", "F0");
	return memmem(file, len, text, strlen(text));
}

/* The unit that has all types is shown to the user as a file: by a plain name. */
static void test_unit(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_load(rig, true);
	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	kvm_gdb_offer_symbols(rig->gdb);
	rsp_expect(rig->client, "vFile:setfs:0", "F0");
	g_assert_true(file_has(rig, "vmlinux-" RELEASE));
	g_assert_false(file_has(rig, "Linux version"));
	linux_rig_free(rig);
}

/* A kernel that does not name its variables tells more of them when it has booted. */
static void test_learns(void)
{
	static const char more[] = INFO "SYMBOL(printk_rb)=%" G_GINT64_MODIFIER "x\n";
	Rig *rig = linux_rig_new();
	g_autofree char *info = g_strdup_printf(more, (uint64_t)TOY_LINUX + AREAS_AT);

	linux_rig_load_functions(rig);
	memset(toy_ram(rig->vm) + INFO_AT, 0, strlen(INFO));
	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	kvm_gdb_offer_symbols(rig->gdb);
	rsp_expect(rig->client, "vFile:setfs:0", "F0");
	linux_rig_monitor(rig, "symbols", "variables: only those that the kernel exports");
	g_assert_false(file_has(rig, "printk_rb"));
	memcpy(toy_ram(rig->vm) + INFO_AT, info, strlen(info));
	g_assert_true(file_has(rig, "printk_rb"));
	g_assert_true(file_has(rig, "printk_rb"));
	linux_rig_free(rig);
}

/* The first instructions of the kernel, and a machine without one. */
static void test_early(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_monitor(rig, "info linux",
			  "no Linux kernel is found: it has not come far enough");
	linux_rig_monitor(rig, "symbols", "has not come far enough yet\n");
	linux_rig_monitor(rig, "symbols", "again when the kernel has begun to boot");
	linux_rig_monitor(rig, "symbols", "symbol-file target:/vmgdb/");
	/* As soon as it has, it is found. */
	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	linux_rig_monitor(rig, "info linux", "symbols: 81");
	linux_rig_free(rig);
}

/* Before it has taken the right to write to its constants, and to execute its data. */
static void test_boots(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	toy_set_boots(true);
	linux_rig_monitor(rig, "info linux", "symbols: 81\n");
	linux_rig_monitor(rig, "symbols", "symbol-file target:/vmgdb/vmlinux-" RELEASE "\n");
	toy_set_boots(false);
	linux_rig_monitor(rig, "info linux", "symbols: 81\n");
	linux_rig_free(rig);
}

static void test_not_linux(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	memset(toy_ram(rig->vm) + IMAGE_AT, 0x90, 0x8000);
	linux_rig_monitor(rig, "info linux",
			  "no Linux kernel is found: what runs does not say that it is");
	/* Entries where nothing is mapped, and where users have theirs. */
	linux_rig_set_entry(rig, TOY_LINUX << 1);
	linux_rig_monitor(rig, "info linux", "no Linux kernel is found: ");
	linux_rig_set_entry(rig, 0x100);
	linux_rig_monitor(rig, "info linux", "no Linux kernel is found: ");
	linux_rig_free(rig);
}

/* Symbols, but a banner that is none. */
static void test_no_banner(void)
{
	Rig *rig = linux_rig_new();
	uint8_t *image = toy_ram(rig->vm) + IMAGE_AT;
	uint8_t *banner = memmem(image, 0x8000, BANNER, strlen(BANNER));

	g_assert_nonnull(banner);
	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	banner[strlen("Linux version ")] = 'x';
	linux_rig_monitor(rig, "info linux", "does not say that it is Linux");
	linux_rig_free(rig);
}

/* Another kernel in the same place (kexec), then none (reset). */
static void test_changes(void)
{
	Rig *rig = linux_rig_new();
	uint8_t *image = toy_ram(rig->vm) + IMAGE_AT;
	uint8_t *banner = memmem(image, 0x8000, BANNER, strlen(BANNER));

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	linux_rig_monitor(rig, "info linux", "Linux version 6.1.0-toy");
	banner[strlen("Linux version ")] = '7';
	linux_rig_monitor(rig, "info linux", "Linux version 7.1.0-toy");
	linux_rig_monitor(rig, "symbols", "target:/vmgdb/vmlinux-7.1.0-toy\n");
	memset(image, 0, 0x8000);
	linux_rig_monitor(rig, "info linux", "no Linux kernel is found: ");
	linux_rig_free(rig);
}

/* What a gdb without a program does first, and what it may read then. */
static void test_program(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
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
	linux_rig_free(rig);
}

/* Who has read the symbols of a kernel hears that the next one may lie elsewhere. */
static void test_reset(void)
{
	for (unsigned has_read = 0; has_read < 2; has_read++) {
		Rig *rig = linux_rig_new();
		g_autofree char *text = NULL;

		linux_rig_set_entry(rig, TOY_LINUX + 0x40);
		linux_rig_monitor(rig, "symbols",
				  "symbol-file target:/vmgdb/vmlinux-" RELEASE "\n");
		rsp_expect(rig->client, "vFile:setfs:0", "F0");
		if (has_read)
			rsp_expect(rig->client,
				   "vFile:open:2f766d6764622f766d6c696e75782d362e312e302d746f79,0,"
				   "0",
				   "F0");
		text = rsp_client_monitor(rig->client, "system_reset");
		g_assert_true(g_str_has_prefix(text, "reset: the machine stands"));
		g_assert_cmpint(!!strstr(text, "`monitor symbols` shows what to type\n"), ==,
				has_read);
		linux_rig_monitor(rig, "symbols", "has not come far enough");
		linux_rig_free(rig);
	}
}

/* A gdb that has read the symbols of the kernel that runs. */
static Rig *told_rig(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	kvm_gdb_offer_symbols(rig->gdb);
	rsp_expect_prefix(rig->client, "qSupported:exec-events+", "PacketSize=");
	rsp_expect(rig->client, "vFile:open:" FILE_HEX "36" TOY_HEX ",0,0", "F0");
	rsp_expect_prefix(rig->client, "vFile:pread:0,10000,0", "F");
	return rig;
}

static void continue_to(Rig *rig, const char *stop)
{
	rsp_client_send(rig->client, "vCont;c");
	rsp_client_write(rig->client, "\x03", 1);
	expect_stop(rig, stop);
}

/* Another kernel (kexec): the client hears of it at its next stop, and forgets its breakpoints. */
static void test_replaced(void)
{
	Rig *rig = told_rig();
	uint8_t *image = toy_ram(rig->vm) + IMAGE_AT;
	uint8_t *banner = memmem(image, 0x8000, BANNER, strlen(BANNER));
	const uint8_t trap = 0xcc;

	rsp_expect(rig->client, "Z0,800,1", "OK");
	banner[strlen("Linux version ")] = '7';
	continue_to(rig, "T05thread:01;exec:" FILE_HEX "37" TOY_HEX ";");
	g_assert_cmpint(toy_ram(rig->vm)[0x800], !=, trap);
	g_free(rsp_client_monitor(rig->client, "info linux"));
	rsp_client_send(rig->client, "vCont;c");
	expect_stop(rig, "T02");
	continue_to(rig, "T02");
	linux_rig_free(rig);
}

/* Out of sight for a moment, it is still the same; after a reset it is not. */
static void test_replaced_by_itself(void)
{
	Rig *rig = told_rig();
	uint8_t *image = toy_ram(rig->vm) + IMAGE_AT;
	uint8_t *banner = memmem(image, 0x8000, BANNER, strlen(BANNER));

	banner[0] = 'l';
	continue_to(rig, "T02");
	banner[0] = 'L';
	continue_to(rig, "T02");
	g_free(rsp_client_monitor(rig->client, "system_reset"));
	continue_to(rig, "T02");
	linux_rig_load(rig, false);
	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	continue_to(rig, "T05thread:01;exec:" FILE_HEX "36" TOY_HEX ";");
	linux_rig_free(rig);
}

/*
 * The machine is reset while a client reads the file: what it has open stays as it was, and no
 * other file is to be had until there is a kernel again, of which the client hears at its next
 * stop.
 */
static void test_reset_while_read(void)
{
	Rig *rig = linux_rig_new();
	g_autofree char *before = NULL, *after = NULL;

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	kvm_gdb_offer_symbols(rig->gdb);
	rsp_expect_prefix(rig->client, "qSupported:exec-events+", "PacketSize=");
	rsp_expect(rig->client, "vFile:open:" FILE_HEX "36" TOY_HEX ",0,0", "F0");
	before = rsp_client_ask(rig->client, "vFile:pread:0,100,40");
	g_free(rsp_client_monitor(rig->client, "system_reset"));
	memset(toy_ram(rig->vm) + IMAGE_AT, 0, 0x8000);
	after = rsp_client_ask(rig->client, "vFile:pread:0,100,40");
	g_assert_cmpstr(after, ==, before);
	rsp_expect(rig->client, "vFile:open:" FILE_HEX "36" TOY_HEX ",0,0", "F-1,2");
	rsp_expect_prefix(rig->client, "vFile:pread:0,10000,0", "F");
	rsp_expect_prefix(rig->client, "vFile:fstat:0", "F40;");
	rsp_expect(rig->client, "vFile:close:0", "F0");
	linux_rig_load(rig, false);
	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	continue_to(rig, "T05thread:01;exec:" FILE_HEX "36" TOY_HEX ";");
	linux_rig_free(rig);
}

/*
 * A client that waits need not interrupt: it hears of it when a CPU leaves KVM that runs the same
 * kernel as before. @is_same: it is that; else the client hears of it at its next stop.
 */
static void check_begins(bool is_same)
{
	Rig *rig = told_rig();
	uint8_t *banner;

	g_free(rsp_client_monitor(rig->client, "system_reset"));
	put_code(rig, 0x100, "e610ebfc");
	linux_rig_load(rig, false);
	banner = memmem(toy_ram(rig->vm) + IMAGE_AT, 0x8000, BANNER, strlen(BANNER));
	banner[strlen("Linux version ")] = is_same ? '6' : '7';
	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	rsp_client_send(rig->client, "vCont;c");
	if (is_same) {
		expect_stop(rig, "T05thread:01;exec:" FILE_HEX "36" TOY_HEX ";");
		rsp_client_send(rig->client, "vCont;c");
	}
	expect_runs(rig, 0);
	rsp_expect_silence(rig->client, 20);
	if (is_same) {
		interrupt(rig);
	} else {
		rsp_client_write(rig->client, "\x03", 1);
		expect_stop(rig, "T05thread:01;exec:" FILE_HEX "37" TOY_HEX ";");
	}
	linux_rig_free(rig);
}

static void test_begins(void)
{
	check_begins(true);
	check_begins(false);
}

static bool has_left_twice(void *data)
{
	return GET(((Rig *)data)->io_exits) >= 2;
}

/* Breakpoints have no place in a kernel that lies elsewhere before the client has heard of it. */
static void test_begins_with_breakpoints(void)
{
	Rig *rig = told_rig();

	toy_map_late(rig->vm);
	for (unsigned i = 0; i < 4; i++) {
		g_autofree char *packet = g_strdup_printf("Z0,2030%u,1", i);

		rsp_expect(rig->client, packet, "OK");
	}
	g_free(rsp_client_monitor(rig->client, "system_reset"));
	put_code(rig, 0x100, "e610ebfc");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	toy_map_late(rig->vm);
	SET(rig->io_exits, 0);
	g_assert_true(test_wait(NULL, has_left_twice, rig, TEST_PATIENCE));
	interrupt(rig);
	g_assert_null(memchr(toy_ram(rig->vm) + 0x300, 0xcc, 4));
	linux_rig_free(rig);
}

/* The user asks where symbols are to be had, and types what the answer says. */
static void test_asked_for(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	linux_rig_monitor(rig, "info linux", "symbols: 81");
	rsp_expect(rig->client, "qXfer:exec-file:read::0,400", "");
	linux_rig_monitor(rig, "symbols", "symbol-file target:/vmgdb/vmlinux-" RELEASE "\n");
	rsp_expect(rig->client, "vFile:setfs:0", "F0");
	rsp_expect(rig->client, "qXfer:exec-file:read::0,400", "l/vmgdb/vmlinux-" RELEASE);
	linux_rig_free(rig);
}

/* Too early there is none, and no file at all; nor in a machine that runs no Linux. */
static void test_no_program(void)
{
	Rig *rig = linux_rig_new();

	kvm_gdb_offer_symbols(rig->gdb);
	rsp_expect(rig->client, "qXfer:exec-file:read::0,400", "");
	rsp_expect(rig->client, "vFile:setfs:0", "");
	linux_rig_monitor(rig, "symbols", "has not come far enough");
	linux_rig_free(rig);
}

/* A kernel without BTF says nothing of its tasks. */
static void test_no_types(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	linux_rig_monitor(rig, "ps", "task_struct");
	linux_rig_monitor(rig, "lsmod", "struct module");
	linux_rig_monitor(rig, "dmesg", "log");
	linux_rig_monitor(rig, "dmesg -n 10", "log");
	linux_rig_monitor(rig, "dmesg all", "'all': expected -n LINES");
	linux_rig_monitor(rig, "dmesg -n", "expected LINES as a number");
	linux_rig_monitor(rig, "dmesg -n 0", "without -n all lines");
	rsp_expect_error(rig->client, "qXfer:osdata:read:processes:0,1000");
	rsp_expect_prefix(rig->client, "qXfer:osdata:read:cpus:0,1000", "l<?xml");
	linux_rig_free(rig);
}

/* It is printed on the terminal of whoever debugs. */
static void test_hostile_info(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	memcpy(toy_ram(rig->vm) + INFO_AT + strlen("OSRELEASE="), "\033[2J", 4);
	linux_rig_monitor(rig, "vmcoreinfo", "OSRELEASE=\\x1b[2J");
	linux_rig_free(rig);
}

/* VMCOREINFO that is not there yet, and a pointer to nowhere. */
static void test_no_info(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	memset(toy_ram(rig->vm) + INFO_AT, 0, sizeof(INFO));
	linux_rig_monitor(rig, "info linux", "vmcoreinfo: none\n");
	linux_rig_monitor(rig, "vmcoreinfo", "the kernel has no VMCOREINFO, or not yet");
	memset(toy_ram(rig->vm) + POINTER_AT, 0xff, 8);
	linux_rig_monitor(rig, "vmcoreinfo", "the kernel has no VMCOREINFO, or not yet");
	linux_rig_load(rig, false);
	linux_rig_monitor(rig, "vmcoreinfo", INFO);
	linux_rig_free(rig);
}

static const TestCase cases[] = {
	{"found", test_found},
	{"early", test_early},
	{"not-linux", test_not_linux},
	{"boots", test_boots},
	{"no-banner", test_no_banner},
	{"kaslr", test_kaslr},
	{"unit", test_unit},
	{"learns", test_learns},
	{"changes", test_changes},
	{"hostile-info", test_hostile_info},
	{"no-info", test_no_info},
	{"program", test_program},
	{"no-program", test_no_program},
	{"asked-for", test_asked_for},
	{"reset", test_reset},
	{"no-types", test_no_types},
	{"replaced", test_replaced},
	{"replaced-by-itself", test_replaced_by_itself},
	{"reset-while-read", test_reset_while_read},
	{"begins", test_begins},
	{"begins-with-breakpoints", test_begins_with_breakpoints},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "engine-linux", cases);
}

/*
 * tests/test-monitor.c - the monitor's commands through the real server, on a machine of the toy
 * architecture: texts, files, long work, and the guest's clock during a stop. What clients take
 * from the texts is in tests/test-monitor-clients.c.
 */
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/vmcore.h"
#include "tests/engine-rig.h"

/* ---- Texts ---- */

static void test_info(void)
{
	Rig *rig = rig_new_stopped(2);

	/* gef: at least two lines are an SMP machine. */
	expect_match(rig, "info cpus",
		     "\\A\\* CPU #0: thread_id=\\d+\n  CPU #1: thread_id=\\d+\n\\z");
	expect_text(rig, "info status", "VM status: paused (debug)\n");
	expect_text(rig, "info name", "");
	kvm_gdb_set_name(rig->gdb, "box");
	expect_text(rig, "info name", "box\n");
	/* gef: the word "enabled". */
	expect_match(rig, "info kvm", "\\Akvm support: enabled\n");
	expect_match(rig, "info version", ".");
	expect_text(rig, "info registers", "\nCPU#0\nR0=0000000000000000 PC=0000000000000100\n");
	expect_text(rig, "info registers -a",
		    "\nCPU#0\nR0=0000000000000000 PC=0000000000000100\n"
		    "\nCPU#1\nR0=0000000000000000 PC=0000000000000100\n");
	expect_match(rig, "info registers 1", "\\A\nCPU#1\n");
	expect_text(rig, "info registers 2", "there is no CPU 2, only 2\n");
	/*
	 * pwndbg: from the line with the root's name to an empty one; drgn: the view of "memory".
	 */
	expect_text(rig, "info mtree -f",
		    "FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n"
		    "  0000000000000000-000000000000ffff (prio 0, ram): ram0\n\n");
	expect_match(rig, "info mtree", "^    0{16}-0{12}ffff \\(prio 0, ram\\): ram0$");
	expect_text(rig, "info mem", "unknown command: 'info mem'\n"); /* the toy has none */
	expect_text(rig, "frobnicate 1", "unknown command: 'frobnicate 1'\n");
	rig_free(rig);
}

/* As QEMU prints its own; without any there is RAM only, as test_info() sees it. */
static void test_parts(void)
{
	static const KvmGdbPart parts[] = {
		{KVM_GDB_LOADED, 0x9000, 0x123456, "the initrd"},
		{KVM_GDB_DEVICE, 0xfe000000, 0x1000, "uart"},
		{KVM_GDB_PORTS, 0x3f8, 8, "com1"},
		{KVM_GDB_PORTS, 0x60, 1, "i8042 data"},
		{KVM_GDB_LOADED, 0x100, 4, "the kernel"},
	};
	static uint8_t rom[4096];
	Rig *rig = rig_new_stopped(1);

	kvm_gdb_map(rig->gdb, 0xff000000, sizeof(rom), rom, KVM_GDB_MAP_READONLY);
	expect_text(rig, "info roms",
		    "addr=00000000ff000000 size=0x001000 mem=rom name=\"rom1\"\n");
	rig->parts = parts;
	rig->n_parts = G_N_ELEMENTS(parts);
	expect_text(rig, "info roms",
		    "addr=0000000000000100 size=0x000004 mem=ram name=\"the kernel\"\n"
		    "addr=0000000000009000 size=0x123456 mem=ram name=\"the initrd\"\n"
		    "addr=00000000ff000000 size=0x001000 mem=rom name=\"rom1\"\n");
	expect_text(rig, "info mtree -f",
		    "FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n"
		    "  0000000000000000-000000000000ffff (prio 0, ram): ram0\n"
		    "  00000000fe000000-00000000fe000fff (prio 0, i/o): uart\n"
		    "  00000000ff000000-00000000ff000fff (prio 0, rom): rom1\n\n"
		    "FlatView #1\n AS \"I/O\", root: io\n Root memory region: io\n"
		    "  0000000000000060-0000000000000060 (prio 0, i/o): i8042 data\n"
		    "  00000000000003f8-00000000000003ff (prio 0, i/o): com1\n\n");
	expect_match(rig, "info mtree",
		     "^address-space: I/O\n  0{16}-0{12}ffff \\(prio 0, i/o\\): io\n    0{14}60-");
	expect_text(rig, "info roms now", "did not expect 'now'\n");
	/* A bus, and what is on it: flat is flat. */
	static const KvmGdbPart bus[] = {
		{KVM_GDB_DEVICE, 0xd0000000, 0x1000, "card"},
		{KVM_GDB_DEVICE, 0xd0000000, 0x100000, "bus"},
		{KVM_GDB_DEVICE, 0xd0003000, 0x1000, "other card"},
		{KVM_GDB_DEVICE, 0xd0100000, 0x1000, "beside"},
	};
	rig->parts = bus;
	rig->n_parts = G_N_ELEMENTS(bus);
	expect_text(rig, "info mtree -f",
		    "FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n"
		    "  0000000000000000-000000000000ffff (prio 0, ram): ram0\n"
		    "  00000000d0000000-00000000d0000fff (prio 0, i/o): card\n"
		    "  00000000d0003000-00000000d0003fff (prio 0, i/o): other card\n"
		    "  00000000d0100000-00000000d0100fff (prio 0, i/o): beside\n"
		    "  00000000ff000000-00000000ff000fff (prio 0, rom): rom1\n\n");
	expect_match(rig, "info mtree",
		     "d0000000-0{8}d00fffff \\(prio 0, i/o\\): bus\n"
		     "    0{8}d0000000-0{8}d0000fff \\(prio 0, i/o\\): card\n");
	rig_free(rig);
}

/* What the VMM says, which may be nothing. */
static void test_buses(void)
{
	Rig *rig = rig_new_stopped(1);

	expect_text(rig, "info pci", "the machine has none\n");
	rig->has_buses = true;
	expect_text(rig, "info pci", "bus of pci\n");
	expect_text(rig, "info virtio", "bus of virtio\n");
	expect_text(rig, "info pci 1", "did not expect '1'\n");
	rig_free(rig);
}

static void test_addresses(void)
{
	Rig *rig = rig_new_stopped(1);

	/* pwndbg gives a decimal number and takes the last word, gef looks for "gpa: 0x". */
	expect_text(rig, "gva2gpa 65792", "gpa: 0x100\n");
	expect_text(rig, "gva2gpa 0x10100", "gpa: 0x100\n");
	expect_text(rig, "gva2gpa $pc+0x10", "gpa: 0x110\n");
	expect_text(rig, "gva2gpa 0x20000", "Unmapped\n");
	/* gef: "is 0x..."; gdb-pt-dump: the last word. */
	g_autofree char *host = g_strdup_printf("Host virtual address for 0x100 (ram0) is %p\n",
						(void *)(toy_ram(rig->vm) + 0x100));
	expect_text(rig, "gpa2hva 0x100", host);
	expect_text(rig, "gpa2hva 0x10000", "No memory is mapped at address 0x10000\n");
	expect_match(rig, "gva2gpa", "expected an address as a number");
	expect_match(rig, "gva2gpa 0x", "expected an address as a number");
	expect_match(rig, "gva2gpa 99999999999999999999999", "expected an address as a number");
	expect_match(rig, "gva2gpa $nope", "unknown register '\\$nope'");
	expect_match(rig, "gva2gpa 1 2", "did not expect '2'");
	rig_free(rig);
}

static void test_dump_formats(void)
{
	Rig *rig = rig_new_stopped(1);
	uint8_t *ram = toy_ram(rig->vm);

	memcpy(ram + 0x200,
	       "\xfa\x31\xc0\x8e\xff\xff\xff\xff"
	       "abc\n\0\x01'\\",
	       16);
	memcpy(ram + 0xfff8, "end\0long", 8);
	/* gef: eight words behind the address, with and without a blank before the format. */
	expect_text(rig, "xp/8xb 0x200",
		    "0000000000000200: 0xfa 0x31 0xc0 0x8e 0xff 0xff 0xff 0xff\n");
	expect_text(rig, "xp/8xb0x200",
		    "0000000000000200: 0xfa 0x31 0xc0 0x8e 0xff 0xff 0xff 0xff\n");
	expect_text(rig, "xp /9xb 0x200",
		    "0000000000000200: 0xfa 0x31 0xc0 0x8e 0xff 0xff 0xff 0xff\n"
		    "0000000000000208: 0x61\n");
	expect_text(rig, "x /2xw 0x10200", "0000000000010200: 0x8ec031fa 0xffffffff\n");
	expect_text(rig, "x/2dw 0x200", "0000000000000200: -1900006918         -1\n");
	expect_text(rig, "x /1uh 0x204", "0000000000000204: 65535\n");
	expect_text(rig, "x /1og 0x200", "0000000000000200: 01777777777761660030772\n");
	expect_text(rig, "x /4cb 0x20a", "000000000000020a: 'c' '\\n' '\\x00' '\\x01'\n");
	expect_text(rig, "x /2c 0x20e", "000000000000020e: '\\'' '\\\\'\n");
	expect_text(rig, "x 0x200", "0000000000000200: 0x8ec031fa\n");
	expect_text(rig, "xp /2s 0xfff8",
		    "000000000000fff8: \"end\"\n000000000000fffc: \"long\"...\n");
	expect_text(rig, "xp /3xg 0xfff0",
		    "000000000000fff0: 0x0000000000000000 0x676e6f6c00646e65\n"
		    "0000000000010000: Cannot access memory\n");
	expect_match(rig, "x /4i $pc", "no disassembler");
	expect_match(rig, "x /4q 0", "expected /COUNT");
	expect_match(rig, "x /0xb 0", "count must be");
	expect_match(rig, "x /99999999999xb 0", "count must be");
	expect_match(rig, "x /1000000s 0", "count must be");
	expect_match(rig, "x /4xb", "expected an address");
	rig_free(rig);
}

/* A patch of ours is not in what the monitor shows or saves. */
static void test_patch_hidden(void)
{
	Rig *rig = rig_new_stopped(1);

	rsp_expect(rig->client, "Z0,101,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x101], ==, 0xcc);
	expect_text(rig, "xp/4xb 0x100", "0000000000000100: 0x90 0x90 0xeb 0xfc\n");
	rig_free(rig);
}

/* ---- Session ---- */

static void test_cpu(void)
{
	Rig *rig = rig_new_stopped(2);

	write_pc(rig, 2, 0x102);
	rsp_expect(rig->client, "Hg2", "OK");
	expect_match(rig, "info registers", "CPU#1\n.*PC=0000000000000102");
	expect_text(rig, "cpu 0", "");
	expect_match(rig, "info registers", "CPU#0\n");
	expect_match(rig, "info cpus", "^\\* CPU #0");
	expect_text(rig, "cpu", "");
	expect_match(rig, "info registers", "CPU#1\n");
	expect_text(rig, "cpu 2", "there is no CPU '2', only 0 to 1\n");
	expect_text(rig, "cpu -1", "there is no CPU '-1', only 0 to 1\n");
	rig_free(rig);
}

/* What would change the run state behind gdb's back does not. */
static void test_machine(void)
{
	Rig *rig = rig_new_stopped(1);

	expect_match(rig, "cont", "use the debugger's own command");
	expect_stands(rig, 0);
	expect_text(rig, "stop", "");
	expect_text(rig, "system_powerdown",
		    "this virtual machine monitor does not support a power button\n");
	g_assert_cmpuint(GET(rig->poweroffs), ==, 0);
	expect_text(rig, "quit", "the machine ends now\n");
	test_run_for(NULL, 20);
	g_assert_cmpuint(GET(rig->poweroffs), ==, 1);
	rig_free(rig);
}

static void test_system_reset(void)
{
	Rig *rig = rig_new_stopped(2);

	rig->reset_fails = "the kernel's file is gone";
	expect_text(rig, "system_reset", "the kernel's file is gone\n");
	rig->reset_fails = NULL;
	expect_match(rig, "reset halt", "^reset: the machine stands");
	write_pc(rig, 2, 0x102);
	expect_match(rig, "system_reset",
		     "^reset: the machine stands before its first instruction");
	g_assert_cmpuint(GET(rig->resets), ==, 3);
	expect_stands(rig, 0);
	g_assert_cmphex(pc_of(rig, 2), ==, 0x100);
	rig_free(rig);
}

static void test_help(void)
{
	Rig *rig = rig_new_stopped(1);
	g_autofree char *text = monitor(rig, "help");

	/* What pwndbg and gef look for to tell other probes from QEMU. */
	g_assert_null(strstr(text, "SEGGER"));
	g_assert_null(strstr(text, "Black Magic"));
	g_assert_null(strstr(text, "Dump hidden register"));
	g_assert_nonnull(strstr(text, "\nxp [/FMT] ADDR -- "));
	g_assert_nonnull(strstr(text, "\ndump-guest-memory FILE -- "));
	rig_free(rig);
}

/* ---- Files ---- */

typedef struct Folder {
	char *path;
} Folder;

static char *in_folder(const Folder *folder, const char *name)
{
	return g_build_filename(folder->path, name, NULL);
}

static Folder folder_new(void)
{
	GError *error = NULL;
	Folder folder = {g_dir_make_tmp("vmgdb-XXXXXX", &error)};

	g_assert_no_error(error);
	return folder;
}

static void folder_remove(Folder *folder, const char *name)
{
	g_autofree char *path = in_folder(folder, name);

	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_cmpint(rmdir(folder->path), ==, 0);
	g_free(folder->path);
}

static void test_save(void)
{
	Rig *rig = rig_new_stopped(1);
	Folder folder = folder_new();
	g_autofree char *path = in_folder(&folder, "memory");
	g_autofree char *virtual = g_strdup_printf("memsave $pc 4 %s", path);
	g_autofree char *quoted = g_strdup_printf("pmemsave 0 0x10000 \"%s\"", path);
	g_autofree char *hole = g_strdup_printf("pmemsave 0xfffc 8 %s", path);
	g_autofree char *bytes = NULL;
	gsize len;

	rsp_expect(rig->client, "Z0,100,1", "OK");
	expect_text(rig, virtual, "");
	g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	g_assert_cmpmem(bytes, len, "\x90\x90\xeb\xfc", 4);
	g_clear_pointer(&bytes, g_free);
	expect_text(rig, quoted, "");
	g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	g_assert_cmpuint(len, ==, TOY_RAM); /* also where it ends with zeros */
	g_assert_cmphex((uint8_t)bytes[0x100], ==, 0x90);
	expect_match(rig, hole, "there is no memory at guest-physical 0x10000");
	expect_match(rig, "pmemsave 0 0 /nowhere/x", "size must be");
	expect_match(rig, "pmemsave 0 -1 /nowhere/x", "expected a size");
	expect_match(rig, "pmemsave 0 4", "expected a file name");
	expect_match(rig, "pmemsave 0 4 /nowhere/x", "cannot create /nowhere/x: ");
	folder_remove(&folder, "memory");
	rig_free(rig);
}

/* Opening a FIFO waits for who reads it, and a file that is none is not to be overwritten. */
static void test_save_no_file(void)
{
	Rig *rig = rig_new_stopped(1);
	Folder folder = folder_new();
	g_autofree char *path = in_folder(&folder, "fifo");
	g_autofree char *command = g_strdup_printf("pmemsave 0 4 %s", path);
	g_autofree char *dump = g_strdup_printf("dump-guest-memory %s", path);
	int fd;

	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	expect_match(rig, command, "cannot create .*/fifo: ");
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	expect_match(rig, command, "fifo: not a file");
	expect_match(rig, dump, "fifo: not a file");
	close(fd);
	expect_match(rig, "pmemsave 0 4 /dev/null", "/dev/null: not a file");
	folder_remove(&folder, "fifo");
	rig_free(rig);
}

static void put_info(Rig *rig, uint64_t gpa, const char *text)
{
	g_autoptr(GByteArray) note = g_byte_array_new();

	vmcore_add_note(note, "VMCOREINFO", 0, text, strlen(text));
	memcpy(toy_ram(rig->vm) + gpa, note->data, note->len);
}

/* Two notes of CPUs, with 12 + 4 + 40 bytes each, then the guest's. */
static void check_notes(const char *notes)
{
	g_assert_cmpmem(notes + 12, 4, "TOY", 4);
	g_assert_cmpmem(notes + 56 + 12, 4, "TOY", 4);
	g_assert_cmpmem(notes + 112 + 12, 11, "VMCOREINFO", 11);
	g_assert_cmpmem(notes + 112 + 24, 14, "OSRELEASE=toy\n", 14);
}

/* The front of the file says where all of the toy's memory is. */
static void check_core(const char *bytes, gsize len)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)(const void *)bytes;
	const Elf64_Phdr *programs = (const Elf64_Phdr *)(const void *)(bytes + header->e_phoff);

	g_assert_cmpuint(header->e_type, ==, ET_CORE);
	g_assert_cmpuint(header->e_phnum, ==, 6);
	g_assert_cmpuint(programs[0].p_type, ==, PT_NOTE);
	g_assert_cmpuint(programs[1].p_type, ==, PT_LOAD);
	g_assert_cmphex(programs[1].p_paddr, ==, 0);
	g_assert_cmphex(programs[1].p_filesz, ==, TOY_RAM);
	g_assert_cmpuint(len, ==, programs[1].p_offset + TOY_RAM);
	g_assert_cmpmem(bytes + programs[1].p_offset + 0x100, 4, "\x90\x90\xeb\xfc", 4);
	/* What is mapped from _stext on, by its virtual address: the same bytes of the file. */
	g_assert_cmphex(programs[2].p_vaddr, ==, TOY_ALIAS);
	g_assert_cmphex(programs[2].p_paddr, ==, 0);
	g_assert_cmphex(programs[2].p_filesz, ==, TOY_RAM);
	g_assert_cmphex(programs[2].p_offset, ==, programs[1].p_offset);
	g_assert_cmphex(programs[3].p_vaddr, ==, TOY_KERNEL);
	g_assert_cmphex(programs[4].p_vaddr, ==, TOY_USER);
	g_assert_cmphex(programs[5].p_vaddr, ==, TOY_DATA);
	check_notes(bytes + programs[0].p_offset);
}

static void test_core(void)
{
	Rig *rig = rig_new_stopped(2);
	Folder folder = folder_new();
	g_autofree char *path = in_folder(&folder, "core");
	g_autofree char *command = g_strdup_printf("dump-guest-memory %s", path);
	g_autofree char *bytes = NULL;
	gsize len;

	put_info(rig, 0x3000, "OSRELEASE=toy\nSYMBOL(_stext)=10000\n");
	rsp_expect(rig->client, "Z0,100,1", "OK");
	expect_text(rig, command, "VMCOREINFO found\n");
	g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	check_core(bytes, len);
	expect_match(rig, "dump-guest-memory -z /x", "no options");
	expect_match(rig, "dump-guest-memory", "expected a file name");
	folder_remove(&folder, "core");
	rig_free(rig);
}

/* Pages that look like the beginning of VMCOREINFO and are not. */
static void test_find_info(void)
{
	g_autofree uint8_t *data = g_malloc0(3 * VMCORE_PAGE);
	g_autoptr(GByteArray) note = g_byte_array_new();
	Elf64_Nhdr header;

	vmcore_add_note(note, "VMCOREINFO", 0, "OSRELEASE=6", 11);
	g_assert_cmpint(vmcore_find_info(data, 3 * VMCORE_PAGE), ==, -1);
	memcpy(data + VMCORE_PAGE + 16, note->data, note->len); /* not where a page begins */
	g_assert_cmpint(vmcore_find_info(data, 3 * VMCORE_PAGE), ==, -1);
	memcpy(data + 2 * VMCORE_PAGE, note->data, note->len);
	g_assert_cmpint(vmcore_find_info(data, 3 * VMCORE_PAGE), ==, 2 * VMCORE_PAGE);
	g_assert_cmpuint(vmcore_info_size(data + 2 * VMCORE_PAGE, VMCORE_PAGE), ==, note->len);
	memcpy(&header, note->data, sizeof(header));
	header.n_descsz = UINT32_MAX;
	memcpy(data + 2 * VMCORE_PAGE, &header, sizeof(header));
	g_assert_cmpint(vmcore_find_info(data, 3 * VMCORE_PAGE), ==, -1);
	g_assert_cmpuint(vmcore_info_size(note->data, 20), ==, 0);
}

/* Ctrl-C, and a client that leaves, end a long command; the next one starts afresh. */
static void test_interrupted(void)
{
	Rig *rig = rig_new_stopped(1);
	Folder folder = folder_new();
	g_autofree char *path = in_folder(&folder, "core");
	g_autofree char *command = g_strdup_printf("dump-guest-memory %s", path);
	g_autofree char *bytes = NULL;

	for (unsigned i = 0; i < 20; i++) {
		g_autoptr(GString) packet = g_string_new("qRcmd,");
		g_autofree char *reply = NULL;

		for (const char *at = command; *at; at++)
			g_string_append_printf(packet, "%02x", (uint8_t)*at);
		rsp_client_send(rig->client, packet->str);
		rsp_client_write(rig->client, "\x03", 1);
		do {
			g_free(reply);
			reply = rsp_client_recv(rig->client, NULL);
		} while (reply[0] == 'O' && reply[1] != 'K');
		g_assert_true(g_str_equal(reply, "OK") || reply[0] == 'E');
	}
	expect_match(rig, command, "VMCOREINFO");
	folder_remove(&folder, "core");
	rig_free(rig);
}

/* ---- Clock ---- */

static void test_clock_held(void)
{
	Rig *rig = rig_new_stopped(2);
	uint64_t before, after, held;

	resume_to(rig, "vCont;s:1", "T05");
	before = toy_clock(rig->vm);
	/* Long enough for the clock to be read, on any machine: the monitor waits with us. */
	g_usleep(100 * 1000);
	expect_text(rig, "stop", "");
	g_usleep(1000 * 1000);
	held = kvm_gdb_clock_held(rig->gdb);
	resume_to(rig, "vCont;s:1", "T05");
	after = toy_clock(rig->vm);
	g_assert_cmpuint(after - before, <, 900 * 1000);
	g_assert_cmpuint(kvm_gdb_clock_held(rig->gdb) - held, >=, 900 * 1000 * 1000ull);
	g_assert_cmpuint(toy_clock_sets(rig->vm), >=, 1);
	g_assert_cmpuint(toy_excuses(rig->vm, 0), >=, 1);
	g_assert_cmpuint(toy_excuses(rig->vm, 1), >=, 1);
	rig_free(rig);
}

/* A loop of steps costs (nearly) no calls about clocks. */
static void test_clock_steps(void)
{
	Rig *rig = rig_new_stopped(1);
	unsigned before;

	resume_to(rig, "vCont;s:1", "T05");
	before = toy_clock_sets(rig->vm);
	for (unsigned i = 0; i < 200; i++)
		resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmpuint(toy_clock_sets(rig->vm) - before, <, 100);
	g_assert_cmpuint(toy_excuses(rig->vm, 0), <, 100);
	rig_free(rig);
}

static void test_clock_runs(void)
{
	Rig *rig = rig_new_stopped(1);
	uint64_t before;

	kvm_gdb_set_clock(rig->gdb, KVM_GDB_CLOCK_RUN);
	resume_to(rig, "vCont;s:1", "T05");
	unsigned sets = toy_clock_sets(rig->vm);
	before = toy_clock(rig->vm);
	g_usleep(700 * 1000);
	resume_to(rig, "vCont;s:1", "T05");
	g_assert_cmpuint(toy_clock(rig->vm) - before, >=, 700 * 1000);
	g_assert_cmpuint(toy_clock_sets(rig->vm), ==, sets);
	/* The detectors are told all the same. */
	g_assert_cmpuint(toy_excuses(rig->vm, 0), >=, 1);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/monitor/info", test_info);
	g_test_add_func("/monitor/parts", test_parts);
	g_test_add_func("/monitor/buses", test_buses);
	g_test_add_func("/monitor/addresses", test_addresses);
	g_test_add_func("/monitor/dump-formats", test_dump_formats);
	g_test_add_func("/monitor/patch-hidden", test_patch_hidden);
	g_test_add_func("/monitor/cpu", test_cpu);
	g_test_add_func("/monitor/machine", test_machine);
	g_test_add_func("/monitor/system-reset", test_system_reset);
	g_test_add_func("/monitor/help", test_help);
	g_test_add_func("/monitor/save", test_save);
	g_test_add_func("/monitor/save-no-file", test_save_no_file);
	g_test_add_func("/monitor/core", test_core);
	g_test_add_func("/monitor/find-info", test_find_info);
	g_test_add_func("/monitor/interrupted", test_interrupted);
	g_test_add_func("/clock/held", test_clock_held);
	g_test_add_func("/clock/steps", test_clock_steps);
	g_test_add_func("/clock/runs", test_clock_runs);
	return g_test_run();
}

/*
 * tests/test-engine-linux.c - what a client without a program is told when Linux runs in the guest:
 * an image of a kernel lies in the toy's RAM.
 */
#include <bpf/btf.h>
#include <string.h>

#include "tests/engine-rig.h"
#include "tests/guest-rig.h"
#include "tests/linux-image.h"

#define RELEASE "6.1.0-toy"
#define BANNER "Linux version " RELEASE " (gcc) #1 SMP\n"
#define INFO "OSRELEASE=" RELEASE "\nPAGESIZE=4096\n"
#define INFO_AT 0x3000u	   /* of RAM: a page of its own */
#define POINTER_AT 0x2000u /* to that page */
#define AREAS_AT 0x2100u   /* where each CPU has its variables */
#define AREA_AT 0x2200u	   /* that is here */
#define TYPES_AT 0x5000u
#define CURRENT_AT 0x40u /* in it: the task that runs */
#define N_SYMBOLS 80u

/* Tasks: the first one, which is idle, and two that sleep and one that runs. */
enum { TASK_IDLE, TASK_SHELL, TASK_THREAD, TASK_RUNS, N_TASKS };
#define TASK(n) (TOY_LINUX + 0x4000u + 0x400u * (n))
#define SIGNAL(n) (TASK(n) + KERN_TASK_SIZE)
#define THREAD_HEAD(n) (SIGNAL(n) + 16)

/* What the kernel says of its types: of those that tasks need. */
static void put_types(Rig *rig)
{
	g_autoptr(GuestRig) types = kern_new();
	const void *data;
	uint32_t len;

	kern_task_types(types, false);
	data = btf__raw_data(types->btf, &len);
	g_assert_nonnull(data);
	g_assert_cmpuint(len, <=, 0x8000 - TYPES_AT);
	memcpy(toy_ram(rig->vm) + TYPES_AT, data, len);
}

static void load_image_with(Rig *rig, bool has_types)
{
	LinuxImageSymbol symbols[N_SYMBOLS];
	const uint64_t info = TOY_LINUX + INFO_AT;
	char names[N_SYMBOLS][16];
	LinuxImage *image;

	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		g_snprintf(names[n], sizeof(names[n]), "sys_call%u", n);
		symbols[n] = (LinuxImageSymbol){TOY_LINUX + 16 * n, 'T', names[n]};
	}
	symbols[0] = (LinuxImageSymbol){CURRENT_AT, 'D', "current_task"};
	symbols[1].name = "_stext";
	symbols[N_SYMBOLS - 5].name = "_etext";
	symbols[N_SYMBOLS - 4] = (LinuxImageSymbol){TOY_LINUX + POINTER_AT, 'D', "vmcoreinfo_data"};
	symbols[N_SYMBOLS - 3] = (LinuxImageSymbol){TOY_LINUX + AREAS_AT, 'D', "__per_cpu_offset"};
	symbols[N_SYMBOLS - 2] = (LinuxImageSymbol){TASK(TASK_IDLE), 'D', "init_task"};
	symbols[N_SYMBOLS - 1] = (LinuxImageSymbol){TOY_LINUX + TYPES_AT, 'R', "__start_BTF"};
	image = linux_image_new(TOY_LINUX_READ_ONLY, &linux_layouts[1], TOY_LINUX, symbols,
				N_SYMBOLS);
	linux_image_append(image, BANNER, sizeof(BANNER));
	memcpy(toy_ram(rig->vm) + 0x8000, image->bytes->data, image->bytes->len);
	linux_image_free(image);
	if (has_types)
		put_types(rig);
	memcpy(toy_ram(rig->vm) + INFO_AT, INFO, sizeof(INFO));
	memcpy(toy_ram(rig->vm) + POINTER_AT, &info, sizeof(info));
}

/* The image begins where the kernel does not write. */
static void load_image(Rig *rig)
{
	load_image_with(rig, false);
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

/* ---- Tasks as threads ---- */

static void put(Rig *rig, uint64_t addr, uint64_t value, size_t len)
{
	memcpy(toy_ram(rig->vm) + (addr - TOY_LINUX), &value, len);
}

/* @leader: whose thread it is. It waits at 0x1000 + @n, as its saved pc says. */
static void put_task(Rig *rig, unsigned n, uint32_t pid, unsigned leader, const char *comm)
{
	const uint64_t addr = TASK(n), next = n == leader ? n : leader;

	put(rig, addr + 16, TASK((n + 1) % N_TASKS) + 16, 8);
	put(rig, addr + 32, THREAD_HEAD(next), 8);
	put(rig, THREAD_HEAD(n), addr + 32, 8);
	put(rig, addr + 48, SIGNAL(leader), 8);
	put(rig, addr + 56, pid, 4);
	put(rig, addr + 60, n == leader ? pid : 100, 4);
	memcpy(toy_ram(rig->vm) + (addr + 72 - TOY_LINUX), comm, strlen(comm) + 1);
	put(rig, addr + 88, 1, 4);
	put(rig, addr + 108, n == TASK_RUNS, 4);
	put(rig, addr + 128 + 8 * 12, 0x1000 + n, 8); /* pc */
}

static Rig *open_with_tasks(void)
{
	Rig *rig = open_rig();

	load_image_with(rig, true);
	set_entry(rig, TOY_LINUX + 0x40);
	put_task(rig, TASK_IDLE, 0, TASK_IDLE, "swapper/0");
	put_task(rig, TASK_SHELL, 100, TASK_SHELL, "sh");
	put_task(rig, TASK_THREAD, 101, TASK_SHELL, "a thread");
	put_task(rig, TASK_RUNS, 200, TASK_RUNS, "busy");
	/* A thread is in its leader's list, and not in that of the processes. */
	put(rig, TASK(TASK_SHELL) + 16, TASK(TASK_RUNS) + 16, 8);
	put(rig, TASK(TASK_SHELL) + 32, TASK(TASK_THREAD) + 32, 8);
	return rig;
}

static void expect_describes(Rig *rig, const char *thread, const char *text)
{
	g_autofree char *packet = g_strconcat("qThreadExtraInfo,", thread, NULL);
	g_autoptr(GString) hex = g_string_new(NULL);

	for (const char *at = text; *at; at++)
		g_string_append_printf(hex, "%02x", *at);
	rsp_expect(rig->client, packet, hex->str);
}

/* 0x1000 + 100 and 101. The one that runs is its CPU's. */
static void test_tasks(void)
{
	Rig *rig = open_with_tasks();

	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	expect_monitor(rig, "threads tasks", "2 tasks that sleep are threads now, too\n");
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,1065");
	expect_describes(rig, "1064", "pid 100 [S]");
	expect_describes(rig, "1065", "pid 101 of process 100 [S]");
	expect_monitor(rig, "threads cpus", "");
	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	close_rig(rig);
}

static void test_task_registers(void)
{
	Rig *rig = open_with_tasks();

	expect_monitor(rig, "threads tasks", "2 tasks");
	rsp_expect(rig->client, "Hg1065", "OK");
	rsp_expect(rig->client, "g",
		   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   "0210000000000000");
	rsp_expect(rig->client, "p4", "0210000000000000");
	rsp_expect(rig->client, "p5", "xxxxxxxxxxxxxxxx");
	rsp_expect_error(rig->client, "P4=0000000000000000");
	rsp_expect(rig->client, "Hg1064", "OK");
	rsp_expect(rig->client, "p4", "0110000000000000");
	/* Memory is there: "sh" */
	rsp_expect(rig->client, "mffffffff81004448,3", "736800");
	/* The CPU's own did not change. */
	rsp_expect(rig->client, "Hg1", "OK");
	rsp_expect(rig->client, "p4", "0001000000000000");
	close_rig(rig);
}

static void go_on(Rig *rig)
{
	rsp_client_send(rig->client, "vCont;c");
	rsp_client_write(rig->client, "\x03", 1);
	expect_stop(rig, "T02");
}

/* What is known holds for the stop. */
static void test_tasks_change(void)
{
	Rig *rig = open_with_tasks();

	expect_monitor(rig, "threads tasks", "2 tasks");
	put(rig, TASK(TASK_SHELL) + 108, 1, 4);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,1065");
	go_on(rig);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1065");
	rsp_expect_error(rig->client, "Hg1064");
	/* Another kernel has other tasks, or none. */
	go_on(rig);
	memset(toy_ram(rig->vm) + 0x8000, 0, 0x8000);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	expect_monitor(rig, "threads tasks", "no Linux kernel is found");
	expect_monitor(rig, "threads all", "'all': expected tasks or cpus");
	expect_monitor(rig, "threads", "'': expected tasks or cpus");
	close_rig(rig);
}

/* The guest says that two tasks have one number, and that one has none that can be. */
static void test_tasks_lie(void)
{
	Rig *rig = open_with_tasks();

	put(rig, TASK(TASK_THREAD) + 56, 100, 4);
	put(rig, TASK(TASK_RUNS) + 56, UINT32_MAX, 4);
	put(rig, TASK(TASK_RUNS) + 108, 0, 4);
	expect_monitor(rig, "threads tasks", "1 tasks");
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064");
	put(rig, TASK(TASK_RUNS) + 56, 0x7fffefff, 4);
	expect_monitor(rig, "threads tasks", "2 tasks");
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,7fffffff");
	put(rig, TASK(TASK_RUNS) + 56, 0, 4);
	expect_monitor(rig, "threads tasks", "1 tasks");
	close_rig(rig);
}

/* Whatever one client chooses, the next one sees what the machine was started with. */
static void test_tasks_first(void)
{
	Rig *rig = open_with_tasks();

	kvm_gdb_show_tasks(rig->gdb);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,1065");
	expect_monitor(rig, "threads cpus", "");
	rsp_client_free(rig->client);
	connect_client(rig);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,1065");
	close_rig(rig);
}

static void test_tasks_not_first(void)
{
	Rig *rig = open_with_tasks();

	expect_monitor(rig, "threads tasks", "2 tasks");
	rsp_client_free(rig->client);
	connect_client(rig);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	close_rig(rig);
}

/* ---- The memory of a process ---- */

#define MM_AT 0x7800u
#define OTHER_MM_AT 0x7840u
#define TABLE_AT 0x7000u /* of the shell: its addresses begin there */

static Rig *open_with_process(void)
{
	Rig *rig = open_with_tasks();

	put(rig, TASK(TASK_SHELL) + 96, TOY_LINUX + MM_AT, 8);
	put(rig, TASK(TASK_THREAD) + 96, TOY_LINUX + MM_AT, 8);
	put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX + TABLE_AT, 8);
	put(rig, TOY_LINUX + 0x10, 0x1111, 2);
	put(rig, TOY_LINUX + TABLE_AT + 0x10, 0x2222, 2);
	return rig;
}

/* What a task that sleeps has at an address, and what its CPU has there. */
static void test_task_memory(void)
{
	Rig *rig = open_with_process();

	expect_monitor(rig, "threads tasks", "2 tasks");
	rsp_expect(rig->client, "m10,2", "1111");
	rsp_expect(rig->client, "Hg1064", "OK");
	rsp_expect(rig->client, "m10,2", "2222");
	rsp_expect(rig->client, "M10,1:33", "OK");
	rsp_expect(rig->client, "Hg1065", "OK");
	rsp_expect(rig->client, "m10,2", "3322");
	rsp_expect(rig->client, "Hg1", "OK");
	rsp_expect(rig->client, "m10,2", "1111");
	/* The kernel's are the same for all: its table. */
	rsp_expect(rig->client, "mffffffff81007010,2", "3322");
	rsp_expect(rig->client, "Hg1064", "OK");
	rsp_expect(rig->client, "mffffffff81007010,2", "3322");
	close_rig(rig);
}

/* Two processes have different memory, also in the same stop. */
static void test_task_memories(void)
{
	Rig *rig = open_with_process();

	put(rig, TASK(TASK_THREAD) + 96, TOY_LINUX + OTHER_MM_AT, 8);
	put(rig, TOY_LINUX + OTHER_MM_AT + 8, TOY_LINUX + TABLE_AT + 0x10, 8);
	put(rig, TOY_LINUX + TABLE_AT + 0x20, 0x4444, 2);
	expect_monitor(rig, "threads tasks", "2 tasks");
	for (unsigned i = 0; i < 2; i++) {
		rsp_expect(rig->client, "Hg1064", "OK");
		rsp_expect(rig->client, "m10,2", "2222");
		rsp_expect(rig->client, "Hg1065", "OK");
		rsp_expect(rig->client, "m10,2", "4444");
	}
	close_rig(rig);
}

static void test_process(void)
{
	Rig *rig = open_with_process();

	expect_monitor(rig, "process 100", "user addresses are those of process 100 now");
	rsp_expect(rig->client, "m10,2", "2222");
	/* It is looked up again when the machine has run: now it has another table. */
	put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX, 8);
	rsp_expect(rig->client, "m10,2", "2222");
	go_on(rig);
	rsp_expect(rig->client, "m10,2", "1111");
	/* And now none. */
	put(rig, TASK(TASK_SHELL) + 96, 0, 8);
	go_on(rig);
	rsp_expect_error(rig->client, "m10,2");
	rsp_expect_error(rig->client, "M10,1:33");
	rsp_expect_error(rig->client, "Z0,10,1");
	rsp_expect(rig->client, "mffffffff81000010,2", "1111");
	expect_monitor(rig, "process", "user addresses are those of the CPU");
	rsp_expect(rig->client, "m10,2", "1111");
	close_rig(rig);
}

/* The next client has chosen nothing. */
static void test_process_ends(void)
{
	Rig *rig = open_with_process();

	expect_monitor(rig, "process 101", "of process 101 now");
	rsp_expect(rig->client, "m10,2", "2222");
	rsp_client_free(rig->client);
	put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX + TABLE_AT + 0x10, 8);
	put(rig, TOY_LINUX + TABLE_AT + 0x20, 0x4444, 2);
	connect_client(rig);
	rsp_expect(rig->client, "m10,2", "1111");
	/* Nor is anything known any more of what ran since. */
	expect_monitor(rig, "threads tasks", "2 tasks");
	rsp_expect(rig->client, "Hg1065", "OK");
	rsp_expect(rig->client, "m10,2", "4444");
	close_rig(rig);
}

/* Of both commands that take the number of a process. */
static void expect_refused(Rig *rig, const char *command)
{
	static const struct {
		const char *args, *text;
	} rows[] = {
		{"7", "the guest has no task 7"},
		{"0", "no process has the number 0"},
		{"0x100000064", "no process has the number 4294967396"},
		{"init", "expected the number of a process as a number"},
		{"200", "task 200 (busy) has no user addresses"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *line = g_strdup_printf("%s %s", command, rows[i].args);

		expect_monitor(rig, line, rows[i].text);
	}
}

static void test_process_refused(void)
{
	Rig *rig = open_with_process();

	expect_refused(rig, "process");
	/* A table where there is nothing. */
	put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX << 1, 8);
	expect_monitor(rig, "process 100", "is not mapped");
	rsp_expect(rig->client, "m10,2", "1111");
	close_rig(rig);
}

/* A breakpoint is where the process has its code, not where the CPU has that of another one. */
static void test_process_break(void)
{
	Rig *rig = open_with_process();
	const uint8_t *ram = toy_ram(rig->vm);

	expect_monitor(rig, "process 100", "of process 100 now");
	rsp_expect(rig->client, "Z0,20,1", "OK");
	g_assert_cmphex(ram[TABLE_AT + 0x20], ==, 0xcc);
	g_assert_cmphex(ram[0x20], ==, 0);
	rsp_expect(rig->client, "m20,1", "00");
	expect_monitor(rig, "process", "of the CPU");
	rsp_expect(rig->client, "z0,20,1", "OK");
	g_assert_cmphex(ram[TABLE_AT + 0x20], ==, 0);
	close_rig(rig);
}

/* It has no code any more; a breakpoint by a physical address is in no process. */
static void test_process_physical(void)
{
	Rig *rig = open_with_process();

	expect_monitor(rig, "process 100", "of process 100 now");
	put(rig, TASK(TASK_SHELL) + 96, 0, 8);
	go_on(rig);
	rsp_expect_error(rig->client, "Z0,20,1");
	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	rsp_expect(rig->client, "Z0,20,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x20], ==, 0xcc);
	rsp_expect(rig->client, "z0,20,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x20], ==, 0);
	close_rig(rig);
}

/* CPU 0 comes to a breakpoint at 0x101, CPU 1 does not. */
static Rig *open_with_loops(void)
{
	Rig *rig = open_with_process();

	put_code(rig, 0x100, "9090ebfc");
	put_code(rig, 0x200, "9090ebfc");
	write_pc(rig, 1, 0x100);
	write_pc(rig, 2, 0x200);
	return rig;
}

/* The same address in two processes, of which one is to stop. */
static Rig *open_to_break(void)
{
	Rig *rig = open_with_loops();

	put_code(rig, TABLE_AT + 0x100, "9090ebfc");
	expect_monitor(rig, "break-process 100", "only process 100 stops at user addresses");
	return rig;
}

static void expect_passes(Rig *rig)
{
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	expect_runs(rig, 0);
	interrupt(rig);
}

/* CPU 0 comes from @table to the breakpoint, and stops there. */
static void expect_stops(Rig *rig, uint64_t table)
{
	toy_set_process(rig->vm, 0, table);
	write_pc(rig, 1, 0x100);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x101);
	write_pc(rig, 1, 0x100);
}

static void test_break_process(void)
{
	const char *const inserts[] = {"Z0,101,1", "Z1,101,1"};

	for (unsigned i = 0; i < G_N_ELEMENTS(inserts); i++) {
		Rig *rig = open_to_break();

		rsp_expect(rig->client, inserts[i], "OK");
		expect_passes(rig);
		expect_stops(rig, TABLE_AT);
		toy_set_process(rig->vm, 0, 0);
		expect_passes(rig);
		close_rig(rig);
	}
}

/* The kernel's addresses are everybody's. */
static void test_break_process_kernel(void)
{
	Rig *rig = open_to_break();

	put_code(rig, 0x300, "9090ebfc");
	rsp_expect(rig->client, "Z1,ffffffff81000301,1", "OK");
	write_pc(rig, 1, TOY_LINUX + 0x300);
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, TOY_LINUX + 0x301);
	close_rig(rig);
}

static void test_break_process_any(void)
{
	Rig *rig = open_to_break();

	rsp_expect(rig->client, "Z1,101,1", "OK");
	expect_passes(rig);
	expect_monitor(rig, "break-process any", "any process stops");
	expect_stops(rig, 0);
	/* The next client has chosen nothing. */
	expect_monitor(rig, "break-process 100", "only process 100");
	rsp_client_free(rig->client);
	connect_client(rig);
	rsp_expect(rig->client, "Z1,101,1", "OK");
	expect_stops(rig, 0);
	close_rig(rig);
}

/* It has started another program, and has ended. */
static void test_break_process_ends(void)
{
	Rig *rig = open_to_break();

	put_code(rig, 0x6100, "9090ebfc");
	rsp_expect(rig->client, "Z1,101,1", "OK");
	put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX + 0x6000, 8);
	expect_stops(rig, 0x6000);
	toy_set_process(rig->vm, 0, TABLE_AT);
	expect_passes(rig);
	put(rig, TASK(TASK_SHELL) + 96, 0, 8);
	toy_set_process(rig->vm, 0, 0x6000);
	expect_passes(rig);
	/* Its place may be that of another task now. */
	put(rig, TASK(TASK_SHELL) + 96, TOY_LINUX + MM_AT, 8);
	put(rig, TASK(TASK_SHELL) + 56, 300, 4);
	expect_passes(rig);
	close_rig(rig);
}

static void test_break_process_refused(void)
{
	Rig *rig = open_with_loops();

	expect_refused(rig, "break-process");
	expect_monitor(rig, "break-process", "expected the number of a process");
	expect_monitor(rig, "break-process any 1", "expected the number of a process");
	rsp_expect(rig->client, "Z1,101,1", "OK");
	expect_stops(rig, 0);
	close_rig(rig);
}

/* A CPU's thread is that of its task. */
static void test_current(void)
{
	Rig *rig = open_with_tasks();
	const char runs[] = "CPU#0 [running] busy, pid 200", idle[] = "CPU#0 [running] swapper/0";

	put(rig, TOY_LINUX + AREAS_AT, TOY_LINUX + AREA_AT, 8);
	put(rig, TOY_LINUX + AREA_AT + CURRENT_AT, TASK(TASK_RUNS), 8);
	expect_monitor(rig, "info linux", "types: yes");
	expect_describes(rig, "1", runs);
	put(rig, TOY_LINUX + AREA_AT + CURRENT_AT, TASK(TASK_IDLE), 8);
	expect_describes(rig, "1", idle);
	close_rig(rig);
}

static const TestCase cases[] = {
	{"tasks", test_tasks},
	{"task-registers", test_task_registers},
	{"tasks-change", test_tasks_change},
	{"tasks-lie", test_tasks_lie},
	{"tasks-first", test_tasks_first},
	{"tasks-not-first", test_tasks_not_first},
	{"current", test_current},
	{"task-memory", test_task_memory},
	{"task-memories", test_task_memories},
	{"process", test_process},
	{"process-ends", test_process_ends},
	{"process-refused", test_process_refused},
	{"process-break", test_process_break},
	{"process-physical", test_process_physical},
	{"break-process", test_break_process},
	{"break-process-kernel", test_break_process_kernel},
	{"break-process-any", test_break_process_any},
	{"break-process-ends", test_break_process_ends},
	{"break-process-refused", test_break_process_refused},
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

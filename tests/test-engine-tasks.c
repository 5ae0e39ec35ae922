/*
 * tests/test-engine-tasks.c - the tasks of a Linux guest as threads, the memory of a process, and
 * breakpoints for one process alone.
 */
#include <string.h>

#include "tests/linux-rig.h"

/* ---- Tasks as threads ---- */

#define SIGNAL(n) (TASK(n) + KERN_TASK_SIZE)
#define THREAD_HEAD(n) (SIGNAL(n) + 16)

/* @leader: whose thread it is. It waits at 0x1000 + @n, as its saved pc says. */
static void put_task(Rig *rig, unsigned n, uint32_t pid, unsigned leader, const char *comm)
{
	const uint64_t addr = TASK(n), next = n == leader ? n : leader;

	linux_rig_put(rig, addr + 16, TASK((n + 1) % N_TASKS) + 16, 8);
	linux_rig_put(rig, addr + 32, THREAD_HEAD(next), 8);
	linux_rig_put(rig, THREAD_HEAD(n), addr + 32, 8);
	linux_rig_put(rig, addr + 48, SIGNAL(leader), 8);
	linux_rig_put(rig, addr + 56, pid, 4);
	linux_rig_put(rig, addr + 60, n == leader ? pid : 100, 4);
	memcpy(toy_ram(rig->vm) + (addr + 72 - TOY_LINUX), comm, strlen(comm) + 1);
	linux_rig_put(rig, addr + 88, 1, 4);
	linux_rig_put(rig, addr + 108, n == TASK_RUNS, 4);
	linux_rig_put(rig, addr + 128 + 8 * 12, 0x1000 + n, 8); /* pc */
}

static Rig *open_with_tasks(void)
{
	Rig *rig = linux_rig_new();

	linux_rig_load(rig, true);
	linux_rig_set_entry(rig, TOY_LINUX + 0x40);
	put_task(rig, TASK_IDLE, 0, TASK_IDLE, "swapper/0");
	put_task(rig, TASK_SHELL, 100, TASK_SHELL, "sh");
	put_task(rig, TASK_THREAD, 101, TASK_SHELL, "a thread");
	put_task(rig, TASK_RUNS, 200, TASK_RUNS, "busy");
	/* A thread is in its leader's list, and not in that of the processes. */
	linux_rig_put(rig, TASK(TASK_SHELL) + 16, TASK(TASK_RUNS) + 16, 8);
	linux_rig_put(rig, TASK(TASK_SHELL) + 32, TASK(TASK_THREAD) + 32, 8);
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
	linux_rig_monitor(rig, "threads tasks", "2 tasks that sleep are threads now, too\n");
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,1065");
	expect_describes(rig, "1064", "pid 100 [S]");
	expect_describes(rig, "1065", "pid 101 of process 100 [S]");
	linux_rig_monitor(rig, "threads cpus", "");
	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	linux_rig_free(rig);
}

static void test_task_registers(void)
{
	Rig *rig = open_with_tasks();

	linux_rig_monitor(rig, "threads tasks", "2 tasks");
	rsp_expect(rig->client, "Hg1065", "OK");
	rsp_expect(rig->client, "g",
		   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   "0210000000000000");
	rsp_expect(rig->client, "p4", "0210000000000000");
	/* That is the machine's. */
	rsp_expect(rig->client, "p5", "40000081ffffffff");
	rsp_expect_error(rig->client, "P4=0000000000000000");
	rsp_expect(rig->client, "Hg1064", "OK");
	rsp_expect(rig->client, "p4", "0110000000000000");
	/* Memory is there: "sh" */
	rsp_expect(rig->client, "mffffffff81004448,3", "736800");
	/* The CPU's own did not change. */
	rsp_expect(rig->client, "Hg1", "OK");
	rsp_expect(rig->client, "p4", "0001000000000000");
	linux_rig_free(rig);
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

	linux_rig_monitor(rig, "threads tasks", "2 tasks");
	linux_rig_put(rig, TASK(TASK_SHELL) + 108, 1, 4);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,1065");
	go_on(rig);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1065");
	rsp_expect_error(rig->client, "Hg1064");
	/* Another kernel has other tasks, or none. */
	go_on(rig);
	memset(toy_ram(rig->vm) + IMAGE_AT, 0, 0x8000);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	linux_rig_monitor(rig, "threads tasks", "no Linux kernel is found");
	linux_rig_monitor(rig, "threads all", "'all': expected tasks or cpus");
	linux_rig_monitor(rig, "threads", "'': expected tasks or cpus");
	linux_rig_free(rig);
}

/* The guest says that two tasks have one number, and that one has none that can be. */
static void test_tasks_lie(void)
{
	Rig *rig = open_with_tasks();

	linux_rig_put(rig, TASK(TASK_THREAD) + 56, 100, 4);
	linux_rig_put(rig, TASK(TASK_RUNS) + 56, UINT32_MAX, 4);
	linux_rig_put(rig, TASK(TASK_RUNS) + 108, 0, 4);
	linux_rig_monitor(rig, "threads tasks", "1 tasks");
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064");
	linux_rig_put(rig, TASK(TASK_RUNS) + 56, 0x7fffefff, 4);
	linux_rig_monitor(rig, "threads tasks", "2 tasks");
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,7fffffff");
	linux_rig_put(rig, TASK(TASK_RUNS) + 56, 0, 4);
	linux_rig_monitor(rig, "threads tasks", "1 tasks");
	linux_rig_free(rig);
}

/* Whatever one client chooses, the next one sees what the machine was started with. */
static void test_tasks_first(void)
{
	Rig *rig = open_with_tasks();

	kvm_gdb_show_tasks(rig->gdb);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,1065");
	linux_rig_monitor(rig, "threads cpus", "");
	rsp_client_free(rig->client);
	connect_client(rig);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02,1064,1065");
	linux_rig_free(rig);
}

static void test_tasks_not_first(void)
{
	Rig *rig = open_with_tasks();

	linux_rig_monitor(rig, "threads tasks", "2 tasks");
	rsp_client_free(rig->client);
	connect_client(rig);
	rsp_expect(rig->client, "qfThreadInfo", "m01,02");
	linux_rig_free(rig);
}

/* ---- The memory of a process ---- */

#define MM_AT 0x7800u
#define OTHER_MM_AT 0x7840u
#define TABLE_AT 0x7000u /* of the shell: its addresses begin there */

static Rig *open_with_process(void)
{
	Rig *rig = open_with_tasks();

	linux_rig_put(rig, TASK(TASK_SHELL) + 96, TOY_LINUX + MM_AT, 8);
	linux_rig_put(rig, TASK(TASK_THREAD) + 96, TOY_LINUX + MM_AT, 8);
	linux_rig_put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX + TABLE_AT, 8);
	linux_rig_put(rig, TOY_LINUX + 0x10, 0x1111, 2);
	linux_rig_put(rig, TOY_LINUX + TABLE_AT + 0x10, 0x2222, 2);
	return rig;
}

/* What a task that sleeps has at an address, and what its CPU has there. */
static void test_task_memory(void)
{
	Rig *rig = open_with_process();

	linux_rig_monitor(rig, "threads tasks", "2 tasks");
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
	linux_rig_free(rig);
}

/* The monitor looks at what the client has selected: its memory and its registers. */
static void test_task_monitor(void)
{
	Rig *rig = open_with_process();

	linux_rig_monitor(rig, "threads tasks", "2 tasks");
	linux_rig_monitor(rig, "x/1xh 16", "0x1111");
	linux_rig_monitor(rig, "gva2gpa 16", "gpa: 0x10\n");
	rsp_expect(rig->client, "Hg1064", "OK");
	linux_rig_monitor(rig, "x/1xh 16", "0x2222");
	linux_rig_monitor(rig, "gva2gpa 16", "gpa: 0x7010\n");
	linux_rig_monitor(rig, "gva2gpa $pc", "gpa: 0x8001\n");
	/* What the user names himself counts. */
	linux_rig_monitor(rig, "cpu 0", "");
	linux_rig_monitor(rig, "x/1xh 16", "0x1111");
	linux_rig_monitor(rig, "cpu", "");
	rsp_expect(rig->client, "Hg1", "OK");
	linux_rig_monitor(rig, "process 100", "of process 100 now");
	linux_rig_monitor(rig, "x/1xh 16", "0x2222");
	linux_rig_monitor(rig, "gva2gpa 16", "gpa: 0x7010\n");
	linux_rig_free(rig);
}

/* Two processes have different memory, also in the same stop. */
static void test_task_memories(void)
{
	Rig *rig = open_with_process();

	linux_rig_put(rig, TASK(TASK_THREAD) + 96, TOY_LINUX + OTHER_MM_AT, 8);
	linux_rig_put(rig, TOY_LINUX + OTHER_MM_AT + 8, TOY_LINUX + TABLE_AT + 0x10, 8);
	linux_rig_put(rig, TOY_LINUX + TABLE_AT + 0x20, 0x4444, 2);
	linux_rig_monitor(rig, "threads tasks", "2 tasks");
	for (unsigned i = 0; i < 2; i++) {
		rsp_expect(rig->client, "Hg1064", "OK");
		rsp_expect(rig->client, "m10,2", "2222");
		rsp_expect(rig->client, "Hg1065", "OK");
		rsp_expect(rig->client, "m10,2", "4444");
	}
	linux_rig_free(rig);
}

static void test_process(void)
{
	Rig *rig = open_with_process();

	linux_rig_monitor(rig, "process 100", "user addresses are those of process 100 now");
	rsp_expect(rig->client, "m10,2", "2222");
	/* It is looked up again when the machine has run: now it has another table. */
	linux_rig_put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX, 8);
	rsp_expect(rig->client, "m10,2", "2222");
	go_on(rig);
	rsp_expect(rig->client, "m10,2", "1111");
	/* And now none. */
	linux_rig_put(rig, TASK(TASK_SHELL) + 96, 0, 8);
	go_on(rig);
	rsp_expect_error(rig->client, "m10,2");
	rsp_expect_error(rig->client, "M10,1:33");
	rsp_expect_error(rig->client, "Z0,10,1");
	rsp_expect(rig->client, "mffffffff81000010,2", "1111");
	linux_rig_monitor(rig, "process", "user addresses are those of the CPU");
	rsp_expect(rig->client, "m10,2", "1111");
	linux_rig_free(rig);
}

/* The next client has chosen nothing. */
static void test_process_ends(void)
{
	Rig *rig = open_with_process();

	linux_rig_monitor(rig, "process 101", "of process 101 now");
	rsp_expect(rig->client, "m10,2", "2222");
	rsp_client_free(rig->client);
	linux_rig_put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX + TABLE_AT + 0x10, 8);
	linux_rig_put(rig, TOY_LINUX + TABLE_AT + 0x20, 0x4444, 2);
	connect_client(rig);
	rsp_expect(rig->client, "m10,2", "1111");
	/* Nor is anything known any more of what ran since. */
	linux_rig_monitor(rig, "threads tasks", "2 tasks");
	rsp_expect(rig->client, "Hg1065", "OK");
	rsp_expect(rig->client, "m10,2", "4444");
	linux_rig_free(rig);
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
		{"init", "PID as a number"},
		{"200", "task 200 (busy) has no user addresses"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *line = g_strdup_printf("%s %s", command, rows[i].args);

		linux_rig_monitor(rig, line, rows[i].text);
	}
}

static void test_process_refused(void)
{
	Rig *rig = open_with_process();

	expect_refused(rig, "process");
	/* A table where there is nothing. */
	linux_rig_put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX << 1, 8);
	linux_rig_monitor(rig, "process 100", "is not mapped");
	rsp_expect(rig->client, "m10,2", "1111");
	linux_rig_free(rig);
}

/* A breakpoint is where the process has its code, not where the CPU has that of another one. */
static void test_process_break(void)
{
	Rig *rig = open_with_process();
	const uint8_t *ram = toy_ram(rig->vm);

	linux_rig_monitor(rig, "process 100", "of process 100 now");
	rsp_expect(rig->client, "Z0,20,1", "OK");
	g_assert_cmphex(ram[TABLE_AT + 0x20], ==, 0xcc);
	g_assert_cmphex(ram[0x20], ==, 0);
	rsp_expect(rig->client, "m20,1", "00");
	linux_rig_monitor(rig, "process", "of the CPU");
	rsp_expect(rig->client, "z0,20,1", "OK");
	g_assert_cmphex(ram[TABLE_AT + 0x20], ==, 0);
	linux_rig_free(rig);
}

/* It has no code any more; a breakpoint by a physical address is in no process. */
static void test_process_physical(void)
{
	Rig *rig = open_with_process();

	linux_rig_monitor(rig, "process 100", "of process 100 now");
	linux_rig_put(rig, TASK(TASK_SHELL) + 96, 0, 8);
	go_on(rig);
	rsp_expect_error(rig->client, "Z0,20,1");
	rsp_expect(rig->client, "Qqemu.PhyMemMode:1", "OK");
	rsp_expect(rig->client, "Z0,20,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x20], ==, 0xcc);
	rsp_expect(rig->client, "z0,20,1", "OK");
	g_assert_cmphex(toy_ram(rig->vm)[0x20], ==, 0);
	linux_rig_free(rig);
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
	linux_rig_monitor(rig, "break-process 100", "only process 100 stops at user addresses");
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
		linux_rig_free(rig);
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
	linux_rig_free(rig);
}

static void test_break_process_any(void)
{
	Rig *rig = open_to_break();

	rsp_expect(rig->client, "Z1,101,1", "OK");
	expect_passes(rig);
	linux_rig_monitor(rig, "break-process any", "any process stops");
	expect_stops(rig, 0);
	/* The next client has chosen nothing. */
	linux_rig_monitor(rig, "break-process 100", "only process 100");
	rsp_client_free(rig->client);
	connect_client(rig);
	rsp_expect(rig->client, "Z1,101,1", "OK");
	expect_stops(rig, 0);
	linux_rig_free(rig);
}

/* It has started another program, and has ended. */
static void test_break_process_ends(void)
{
	Rig *rig = open_to_break();

	put_code(rig, 0x6100, "9090ebfc");
	rsp_expect(rig->client, "Z1,101,1", "OK");
	linux_rig_put(rig, TOY_LINUX + MM_AT + 8, TOY_LINUX + 0x6000, 8);
	expect_stops(rig, 0x6000);
	toy_set_process(rig->vm, 0, TABLE_AT);
	expect_passes(rig);
	linux_rig_put(rig, TASK(TASK_SHELL) + 96, 0, 8);
	toy_set_process(rig->vm, 0, 0x6000);
	expect_passes(rig);
	/* Its place may be that of another task now. */
	linux_rig_put(rig, TASK(TASK_SHELL) + 96, TOY_LINUX + MM_AT, 8);
	linux_rig_put(rig, TASK(TASK_SHELL) + 56, 300, 4);
	expect_passes(rig);
	linux_rig_free(rig);
}

static void test_break_process_refused(void)
{
	Rig *rig = open_with_loops();

	expect_refused(rig, "break-process");
	linux_rig_monitor(rig, "break-process", "expected any, or PID as a number");
	linux_rig_monitor(rig, "break-process any 1", "expected any, or PID as a number");
	rsp_expect(rig->client, "Z1,101,1", "OK");
	expect_stops(rig, 0);
	linux_rig_free(rig);
}

/* A CPU's thread is that of its task. */
static void test_current(void)
{
	Rig *rig = open_with_tasks();
	const char runs[] = "CPU#0 [running] busy, pid 200", idle[] = "CPU#0 [running] swapper/0";

	linux_rig_put(rig, TOY_LINUX + AREAS_AT, TOY_LINUX + AREA_AT, 8);
	linux_rig_put(rig, TOY_LINUX + AREA_AT + CURRENT_AT, TASK(TASK_RUNS), 8);
	linux_rig_monitor(rig, "info linux", "types: yes");
	expect_describes(rig, "1", runs);
	linux_rig_put(rig, TOY_LINUX + AREA_AT + CURRENT_AT, TASK(TASK_IDLE), 8);
	expect_describes(rig, "1", idle);
	linux_rig_free(rig);
}

/* Another kernel (kexec) has the name elsewhere. */
static void test_name_moves(void)
{
	Rig *rig = open_with_tasks();
	uint8_t *ram = toy_ram(rig->vm), *idle = ram + (TASK(TASK_IDLE) - TOY_LINUX);
	uint8_t *runs = ram + (TASK(TASK_RUNS) - TOY_LINUX);
	uint8_t *banner = memmem(ram + IMAGE_AT, 0x8000, BANNER, strlen(BANNER));

	linux_rig_put(rig, TOY_LINUX + AREAS_AT, TOY_LINUX + AREA_AT, 8);
	linux_rig_put(rig, TOY_LINUX + AREA_AT + CURRENT_AT, TASK(TASK_RUNS), 8);
	linux_rig_monitor(rig, "info linux", "types: yes");
	expect_describes(rig, "1", "CPU#0 [running] busy, pid 200");
	go_on(rig);
	g_assert_nonnull(banner);
	banner[strlen("Linux version ")] = '7';
	memset(idle + 72, 0, 16);
	memcpy(idle + 200, "swapper/0", 10);
	memcpy(runs + 200, "other", 6);
	linux_rig_monitor(rig, "info linux", "Linux version 7.1.0-toy");
	expect_describes(rig, "1", "CPU#0 [running] other, pid 200");
	linux_rig_free(rig);
}

static const TestCase cases[] = {
	{"tasks", test_tasks},
	{"name-moves", test_name_moves},
	{"task-registers", test_task_registers},
	{"tasks-change", test_tasks_change},
	{"tasks-lie", test_tasks_lie},
	{"tasks-first", test_tasks_first},
	{"tasks-not-first", test_tasks_not_first},
	{"current", test_current},
	{"task-memory", test_task_memory},
	{"task-monitor", test_task_monitor},
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
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "engine-tasks", cases);
}

/*
 * tests/test-guest-task.c - the sentences of guest/task.h.
 */
#include "guest/task.h"

#include <string.h>

#include "tests/guest-rig.h"
#include "tests/test-util.h"

/* ---- Tasks: each has its own signal_struct behind it, threads use their leader's ---- */

enum { INIT, FIRST, WORKER, SECOND, THREAD, N };
#define TASK(n) (RIG_BASE + 0x1000 + 0x400ull * (n))
#define SIGNAL(n) (TASK(n) + KERN_TASK_SIZE)
#define HEAD(n) (SIGNAL(n) + 16)
#define NODE(n) (TASK(n) + 32)
#define TASKS(n) (TASK(n) + 16)

static void put_task(GuestRig *rig, unsigned n, uint32_t pid, unsigned leader, unsigned parent,
		     const char *comm)
{
	uint64_t addr = TASK(n);

	kern_put_u64(rig, addr + 48, SIGNAL(leader));
	kern_put_u32(rig, addr + 56, pid);
	kern_put_u32(rig, addr + 60, n == leader ? pid : 100);
	kern_put_u64(rig, addr + 64, TASK(parent));
	kern_put(rig, addr + 72, comm, MIN(strlen(comm) + 1, 16));
	kern_put_u64(rig, addr + 96, n == WORKER ? 0 : 0xffff888000001000);
}

/* From @from to @to, to @from. */
static void link_to(GuestRig *rig, uint64_t from, uint64_t to)
{
	kern_put_u64(rig, from, to);
}

static GuestRig *make_rig(bool on_stack)
{
	GuestRig *rig = kern_new();

	kern_task_types(rig, on_stack);
	kern_symbol(rig, "init_task", TASK(INIT));
	kern_ready(rig);
	put_task(rig, INIT, 0, INIT, INIT, "swapper/0");
	put_task(rig, FIRST, 1, FIRST, INIT, "init");
	put_task(rig, WORKER, 2, WORKER, INIT, "kworker/0:0");
	put_task(rig, SECOND, 100, SECOND, FIRST, "a \033name of 16 b.");
	put_task(rig, THREAD, 101, SECOND, FIRST, "thread");
	link_to(rig, TASKS(INIT), TASKS(FIRST));
	link_to(rig, TASKS(FIRST), TASKS(WORKER));
	link_to(rig, TASKS(WORKER), TASKS(SECOND));
	link_to(rig, TASKS(SECOND), TASKS(INIT));
	for (unsigned n = 0; n < N; n++) {
		link_to(rig, HEAD(n), NODE(n));
		link_to(rig, NODE(n), HEAD(n));
	}
	link_to(rig, NODE(SECOND), NODE(THREAD));
	link_to(rig, NODE(THREAD), HEAD(SECOND));
	return rig;
}

static LinuxTasks *tasks_of(GuestRig *rig)
{
	g_autoptr(GError) error = NULL;
	LinuxTasks *tasks = linux_tasks_new(&rig->kernel, &error);

	g_assert_no_error(error);
	return tasks;
}

/* "PID PID ..." */
static void assert_list(const LinuxTasks *tasks, const char *expected)
{
	g_autoptr(GArray) list = linux_tasks_list(tasks);
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < list->len; i++)
		g_string_append_printf(text, "%s%u", i ? " " : "",
				       g_array_index(list, LinuxTask, i).pid);
	g_assert_cmpstr(text->str, ==, expected);
}

static void test_list(void)
{
	g_autoptr(GuestRig) rig = make_rig(true);
	g_autoptr(LinuxTasks) tasks = tasks_of(rig);

	assert_list(tasks, "1 2 100 101");
}

static void test_task(void)
{
	g_autoptr(GuestRig) rig = make_rig(true);
	g_autoptr(LinuxTasks) tasks = tasks_of(rig);
	LinuxTask task;

	kern_put_u32(rig, TASK(THREAD) + 104, 3);
	kern_put_u32(rig, TASK(THREAD) + 108, 1);
	g_assert_true(linux_task_read(tasks, TASK(THREAD), &task));
	g_assert_cmphex(task.addr, ==, TASK(THREAD));
	g_assert_cmpuint(task.pid, ==, 101);
	g_assert_cmpuint(task.tgid, ==, 100);
	g_assert_cmpuint(task.ppid, ==, 1);
	g_assert_cmpuint(task.cpu, ==, 3);
	g_assert_true(task.on_cpu);
	g_assert_cmphex(task.mm, ==, 0xffff888000001000);
	g_assert_cmpstr(task.comm, ==, "thread");
	/* A name is not trusted to have a NUL, nor to be fit for a terminal. */
	/* What lies behind the byte of on_cpu is something else. */
	kern_put_u32(rig, TASK(SECOND) + 108, 0x100);
	g_assert_true(linux_task_read(tasks, TASK(SECOND), &task));
	g_assert_cmpstr(task.comm, ==, "a \\x1bname of 16 b.");
	g_assert_false(task.on_cpu);
	kern_put_u64(rig, TASK(SECOND) + 64, 0x1000);
	g_assert_true(linux_task_read(tasks, TASK(SECOND), &task));
	g_assert_cmpuint(task.ppid, ==, 0);
	g_assert_false(linux_task_read(tasks, RIG_BASE + RIG_SIZE - 108, &task));
	g_assert_false(linux_task_read(tasks, UINT64_MAX - 100, &task));
}

static void test_states(void)
{
	static const struct {
		uint32_t state, exit_state;
		char letter;
	} states[] = {
		{0, 0, 'R'},	   {1, 0, 'S'},	    {2, 0, 'D'},	  {4, 0, 'T'},
		{8, 0, 't'},	   {0x402, 0, 'I'}, {0x102, 0, 'D'},	  {0x80, 0x20, 'Z'},
		{0x80, 0x10, 'X'}, {0x40, 0, 'P'},  {0xffffff80, 0, 'R'}, {0x2001, 0, 'S'},
	};
	g_autoptr(GuestRig) rig = make_rig(true);
	g_autoptr(LinuxTasks) tasks = tasks_of(rig);

	for (unsigned i = 0; i < G_N_ELEMENTS(states); i++) {
		LinuxTask task;

		kern_put_u32(rig, TASK(FIRST) + 88, states[i].state);
		kern_put_u32(rig, TASK(FIRST) + 92, states[i].exit_state);
		g_assert_true(linux_task_read(tasks, TASK(FIRST), &task));
		g_assert_cmpint(task.state, ==, states[i].letter);
	}
}

static void test_print(void)
{
	g_autoptr(GuestRig) rig = make_rig(true);
	g_autoptr(LinuxTasks) tasks = tasks_of(rig);
	g_autoptr(GString) out = g_string_new(NULL);

	kern_put_u32(rig, TASK(FIRST) + 88, 1);
	kern_put_u32(rig, TASK(WORKER) + 108, 1);
	link_to(rig, TASKS(WORKER), TASKS(INIT));
	linux_tasks_print(tasks, out);
	g_assert_cmpstr(out->str, ==,
			"    PID    TGID    PPID S CPU  TASK              NAME\n"
			"      1       1       0 S   0  0xffff800010001400 init\n"
			"      2       2       0 R   0* 0xffff800010001800 [kworker/0:0]\n");
}

/* ---- Registers ---- */

static uint64_t register_of(const LinuxRegister *registers, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (g_str_equal(registers[i].name, name))
			return registers[i].value;
	g_assert_not_reached();
}

static void test_on_stack(void)
{
	g_autoptr(GuestRig) rig = make_rig(true);
	g_autoptr(LinuxTasks) tasks = tasks_of(rig);
	uint64_t stack = RIG_BASE + 0x8000;
	LinuxRegister registers[LINUX_REGISTERS_MAX];
	LinuxTask task;

	kern_put_u64(rig, TASK(FIRST) + 128 + 24, stack);
	for (unsigned i = 0; i < 7; i++)
		kern_put_u64(rig, stack + 8 * i, 100 + i);
	g_assert_true(linux_task_read(tasks, TASK(FIRST), &task));
	g_assert_cmpuint(linux_task_registers(tasks, &task, registers), ==, 8);
	g_assert_cmpuint(register_of(registers, 8, "r15"), ==, 100);
	g_assert_cmpuint(register_of(registers, 8, "rbx"), ==, 104);
	g_assert_cmpuint(register_of(registers, 8, "rbp"), ==, 105);
	g_assert_cmpuint(register_of(registers, 8, "rip"), ==, 106);
	g_assert_cmphex(register_of(registers, 8, "rsp"), ==, stack + 56);
	kern_put_u64(rig, TASK(FIRST) + 128 + 24, RIG_BASE + RIG_SIZE - 55);
	g_assert_cmpuint(linux_task_registers(tasks, &task, registers), ==, 0);
}

static void test_in_task(void)
{
	g_autoptr(GuestRig) rig = make_rig(false);
	g_autoptr(LinuxTasks) tasks = tasks_of(rig);
	LinuxRegister registers[LINUX_REGISTERS_MAX];
	LinuxTask task;

	for (unsigned i = 0; i < 13; i++)
		kern_put_u64(rig, TASK(FIRST) + 128 + 8 * i, 200 + i);
	g_assert_true(linux_task_read(tasks, TASK(FIRST), &task));
	g_assert_cmpuint(linux_task_registers(tasks, &task, registers), ==, 14);
	g_assert_cmpuint(register_of(registers, 14, "x19"), ==, 200);
	g_assert_cmpuint(register_of(registers, 14, "x29"), ==, 210);
	g_assert_cmpuint(register_of(registers, 14, "sp"), ==, 211);
	g_assert_cmpuint(register_of(registers, 14, "pc"), ==, 212);
	/* It goes on by a return, which goes where x30 says. */
	g_assert_cmpuint(register_of(registers, 14, "x30"), ==, 212);
	task.on_cpu = true;
	g_assert_cmpuint(linux_task_registers(tasks, &task, registers), ==, 0);
}

/* ---- Lists that are not as they should be ---- */

static void test_cycles(void)
{
	g_autoptr(GuestRig) rig = make_rig(true);
	g_autoptr(LinuxTasks) tasks = tasks_of(rig);

	link_to(rig, TASKS(SECOND), TASKS(WORKER));
	assert_list(tasks, "1 2 100 101");
	/* A thread that is its own successor, and a leader that is. */
	link_to(rig, NODE(THREAD), NODE(THREAD));
	assert_list(tasks, "1 2 100 101");
	link_to(rig, NODE(SECOND), NODE(SECOND));
	assert_list(tasks, "1 2 100");
	link_to(rig, TASKS(WORKER), 0);
	assert_list(tasks, "1 2");
	link_to(rig, TASKS(FIRST), UINT64_MAX - 3);
	assert_list(tasks, "1");
	link_to(rig, TASKS(INIT), TASKS(INIT));
	assert_list(tasks, "");
}

static void test_absent(void)
{
	g_autoptr(GuestRig) none = kern_new(), rig = kern_new();
	g_autoptr(GError) error = NULL;

	kern_ready(none);
	g_assert_null(linux_tasks_new(&none->kernel, &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT);
	g_assert_cmpstr(error->message, ==, "the kernel does not say where struct task_struct is");
	g_clear_error(&error);
	kern_task_types(rig, true);
	kern_ready(rig);
	g_assert_null(linux_tasks_new(&rig->kernel, &error));
	g_assert_cmpstr(error->message, ==, "tasks: no symbol init_task");
}

/* VMCOREINFO may say that a member lies anywhere. */
static void test_outside(void)
{
	g_autoptr(GuestRig) rig = make_rig(true);
	g_autoptr(GString) info =
		g_string_new("SIZE(task_struct)=100\nOFFSET(signal_struct.thread_head)=0\n");
	static const char *const members[] = {"tasks", "thread_node", "signal",
					      "pid",   "tgid",	      "real_parent",
					      "comm",  "state",	      "exit_state"};
	g_autoptr(GError) error = NULL;

	linux_types_free(g_steal_pointer(&rig->kernel.types));
	for (unsigned i = 0; i < G_N_ELEMENTS(members); i++)
		g_string_append_printf(info, "OFFSET(task_struct.%s)=%u\n", members[i], 8 * i);
	g_string_append(info, "OFFSET(task_struct.mm)=93\n");
	rig->kernel.vmcoreinfo = g_strdup(info->str);
	g_assert_null(linux_tasks_new(&rig->kernel, &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED);
}

/* ---- A list without end: at each multiple of 64 KiB a task that names the next one ---- */

#define STRIDE 65536u

static size_t read_endless(void *opaque, uint64_t addr, void *buf, size_t len)
{
	uint64_t *n_bytes = opaque, at = addr % STRIDE, next = addr - at + STRIDE;

	*n_bytes += len;
	memset(buf, 0, len);
	if (at == 0 && len >= sizeof(next))
		memcpy(buf, &next, sizeof(next));
	return len;
}

/* How many there are where a member lies at @last. */
static unsigned count_endless(uint32_t last, uint64_t *ret_bytes)
{
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	g_autofree char *info =
		g_strdup_printf("SYMBOL(init_task)=ffff800010000000\nSIZE(task_struct)=65536\n"
				"OFFSET(task_struct.tasks)=0\nOFFSET(task_struct.thread_node)=8\n"
				"OFFSET(task_struct.signal)=16\nOFFSET(task_struct.pid)=24\n"
				"OFFSET(task_struct.tgid)=28\nOFFSET(task_struct.real_parent)=32\n"
				"OFFSET(task_struct.comm)=40\nOFFSET(task_struct.state)=56\n"
				"OFFSET(task_struct.exit_state)=60\nOFFSET(task_struct.mm)=%u\n"
				"OFFSET(signal_struct.thread_head)=0\n",
				last);
	LinuxKernel kernel = {.memory = {.read = read_endless, .opaque = ret_bytes},
			      .symbols = symbols,
			      .vmcoreinfo = info};
	g_autoptr(LinuxTasks) tasks = NULL;
	g_autoptr(GArray) list = NULL;

	linux_symbols_sort(symbols);
	*ret_bytes = 0;
	tasks = linux_tasks_new(&kernel, NULL);
	g_assert_nonnull(tasks);
	list = linux_tasks_list(tasks);
	return list->len;
}

/* What is not looked at is not read; and no guest makes us read gigabytes. */
static void test_endless(void)
{
	uint64_t n_bytes;

	g_assert_cmpuint(count_endless(64, &n_bytes), ==, LINUX_TASKS_MAX);
	g_assert_cmpuint(n_bytes, <, LINUX_TASKS_MAX * 128u);
	g_assert_cmpuint(count_endless(65528, &n_bytes), ==, 512u * 1024 * 1024 / 65536);
}

static const TestCase cases[] = {
	{"endless", test_endless},
	{"list", test_list},
	{"task", test_task},
	{"states", test_states},
	{"print", test_print},
	{"on-stack", test_on_stack},
	{"in-task", test_in_task},
	{"cycles", test_cycles},
	{"absent", test_absent},
	{"outside", test_outside},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-task", cases);
}

/*
 * guest/task.c - lists tasks, and reads what a sleeping one has saved.
 */
#include "guest/task.h"

#include <inttypes.h>
#include <string.h>

#include "guest/hash.h"
#include "guest/layout.h"

/* Of struct task_struct at most. It has about 10,000 bytes. */
#define TASK_SIZE_MAX 65536u
#define TASKS_BYTES_MAX (512u * 1024 * 1024) /* of a list that are read */

typedef struct TaskFields {
	uint32_t size, tasks, thread_node, signal, pid, tgid, parent, comm, state, exit_state, mm;
	uint32_t cpu, on_cpu, thread_head, sp, cpu_context, pgd;
} TaskFields;

#define AT(field) offsetof(TaskFields, field)
#define TASK "task_struct"
static const LinuxField task_fields[] = {
	{TASK, {NULL}, AT(size)},
	{TASK, {"tasks"}, AT(tasks)},
	{TASK, {"thread_node"}, AT(thread_node)},
	{TASK, {"signal"}, AT(signal)},
	{TASK, {"pid"}, AT(pid)},
	{TASK, {"tgid"}, AT(tgid)},
	{TASK, {"real_parent"}, AT(parent)},
	{TASK, {"comm"}, AT(comm)},
	{TASK, {"__state", "state"}, AT(state)},
	{TASK, {"exit_state"}, AT(exit_state)},
	{TASK, {"mm"}, AT(mm)},
	/* Before 5.16 the CPU was beside thread_info, and a kernel for one CPU has neither. */
	{TASK, {"thread_info.cpu", "cpu", LINUX_OPTIONAL}, AT(cpu)},
	{TASK, {"on_cpu", LINUX_OPTIONAL}, AT(on_cpu)},
	{"signal_struct", {"thread_head"}, AT(thread_head)},
	/* Where registers are saved: on the stack (x86), or in the task (arm64). */
	{TASK, {"thread.sp", LINUX_OPTIONAL}, AT(sp)},
	{TASK, {"thread.cpu_context", LINUX_OPTIONAL}, AT(cpu_context)},
	{"mm_struct", {"pgd", LINUX_OPTIONAL}, AT(pgd)},
};
#undef AT

/* A register that is saved as the member @path; @name is gdb's. */
typedef struct SavedField {
	const char *name, *path;
} SavedField;

/* struct inactive_task_frame (arch/x86/include/asm/switch_to.h). */
static const SavedField frame_fields[] = {
	{"rbx", "bx"},	{"rbp", "bp"},	{"r12", "r12"},	     {"r13", "r13"},
	{"r14", "r14"}, {"r15", "r15"}, {"rip", "ret_addr"},
};
/*
 * struct cpu_context (arch/arm64/include/asm/processor.h). Its pc is put into x30, and the task
 * goes on by a return: without x30 no debugger knows where one comes from that was just made.
 */
static const SavedField context_fields[] = {
	{"x19", "x19"}, {"x20", "x20"}, {"x21", "x21"}, {"x22", "x22"}, {"x23", "x23"},
	{"x24", "x24"}, {"x25", "x25"}, {"x26", "x26"}, {"x27", "x27"}, {"x28", "x28"},
	{"x29", "fp"},	{"x30", "pc"},	{"sp", "sp"},	{"pc", "pc"},
};

typedef struct SavedRegister {
	const char *name;
	uint32_t offset;
} SavedRegister;

/*
 * @needed: so much of each task, from its start on, is read for a list.
 * @saved_size: of the structure that has @saved.
 */
struct LinuxTasks {
	const LinuxKernel *kernel;
	uint64_t init_task;
	TaskFields at;
	uint32_t needed;
	SavedRegister saved[LINUX_REGISTERS_MAX];
	unsigned n_saved;
	uint32_t saved_size;
};

/* ---- The layout ---- */

static void find_saved(LinuxTasks *tasks, const char *type, const SavedField *fields, unsigned n)
{
	g_assert(n <= LINUX_REGISTERS_MAX);
	if (!linux_size(tasks->kernel, type, &tasks->saved_size))
		return;
	for (unsigned i = 0; i < n; i++) {
		SavedRegister saved = {.name = fields[i].name};

		/* Without a frame pointer there are fewer of them. */
		if (linux_offset(tasks->kernel, type, fields[i].path, &saved.offset) &&
		    saved.offset + sizeof(uint64_t) <= tasks->saved_size)
			tasks->saved[tasks->n_saved++] = saved;
	}
}

/* Does a number of @size bytes at @offset lie within the task? */
static bool fits(const LinuxTasks *tasks, uint32_t offset, uint32_t size)
{
	return offset == LINUX_NO_FIELD || offset + (uint64_t)size <= tasks->at.size;
}

/* The same of one that is read for a list. */
static bool need(LinuxTasks *tasks, uint32_t offset, uint32_t size)
{
	if (!fits(tasks, offset, size))
		return false;
	if (offset != LINUX_NO_FIELD)
		tasks->needed = MAX(tasks->needed, offset + size);
	return true;
}

static bool all_fit(LinuxTasks *tasks)
{
	const TaskFields *at = &tasks->at;

	return at->size <= TASK_SIZE_MAX && need(tasks, at->tasks, 8) &&
	       need(tasks, at->thread_node, 8) && need(tasks, at->signal, 8) &&
	       need(tasks, at->pid, 4) && need(tasks, at->tgid, 4) && need(tasks, at->parent, 8) &&
	       need(tasks, at->comm, LINUX_COMM_LEN) && need(tasks, at->state, 4) &&
	       need(tasks, at->exit_state, 4) && need(tasks, at->mm, 8) &&
	       need(tasks, at->cpu, 4) && need(tasks, at->on_cpu, 1) && fits(tasks, at->sp, 8);
}

LinuxTasks *linux_tasks_new(const LinuxKernel *kernel, GError **error)
{
	g_autoptr(LinuxTasks) tasks = g_new0(LinuxTasks, 1);

	tasks->kernel = kernel;
	if (!linux_fields(kernel, task_fields, G_N_ELEMENTS(task_fields), &tasks->at, error))
		return NULL;
	if (!all_fit(tasks)) {
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED,
			    "tasks: a member lies outside of struct task_struct");
		return NULL;
	}
	if (!linux_symbol(kernel, "init_task", &tasks->init_task)) {
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT, "tasks: no symbol init_task");
		return NULL;
	}
	if (tasks->at.cpu_context != LINUX_NO_FIELD)
		find_saved(tasks, "cpu_context", context_fields, G_N_ELEMENTS(context_fields));
	else if (tasks->at.sp != LINUX_NO_FIELD)
		find_saved(tasks, "inactive_task_frame", frame_fields, G_N_ELEMENTS(frame_fields));
	return g_steal_pointer(&tasks);
}

void linux_tasks_free(LinuxTasks *tasks)
{
	g_free(tasks);
}

/* ---- One task ---- */

static uint32_t get_u32(const GByteArray *raw, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, raw->data + offset, sizeof(value));
	return GUINT32_FROM_LE(value);
}

static uint64_t get_u64(const GByteArray *raw, uint32_t offset)
{
	uint64_t value;

	memcpy(&value, raw->data + offset, sizeof(value));
	return GUINT64_FROM_LE(value);
}

static GByteArray *read_raw(const LinuxTasks *tasks, uint64_t addr)
{
	return linux_read_block(&tasks->kernel->memory, addr, tasks->needed, TASK_SIZE_MAX, "task",
				NULL);
}

/* As fs/proc/array.c makes it: the highest bit counts; asleep without counting as load is idle. */
static char state_of(uint32_t state, uint32_t exit_state)
{
	static const char letters[] = "RSDTtXZP";
	uint32_t reported = (state | exit_state) & 0x7f;

	if ((state & 0x402) == 0x402)
		return 'I';
	return letters[reported ? g_bit_storage(reported) : 0];
}

static void decode(const LinuxTasks *tasks, const GByteArray *raw, LinuxTask *ret)
{
	const TaskFields *at = &tasks->at;
	const char *comm = (const char *)raw->data + at->comm;
	g_autoptr(GString) text = g_string_new(NULL);

	ret->pid = get_u32(raw, at->pid);
	ret->tgid = get_u32(raw, at->tgid);
	ret->mm = get_u64(raw, at->mm);
	ret->cpu = at->cpu == LINUX_NO_FIELD ? 0 : get_u32(raw, at->cpu);
	/* 0 or 1; by 7.2 it has one byte, and others lie behind it. */
	ret->on_cpu = at->on_cpu != LINUX_NO_FIELD && raw->data[at->on_cpu];
	ret->state = state_of(get_u32(raw, at->state), get_u32(raw, at->exit_state));
	linux_text_add(text, comm, strnlen(comm, LINUX_COMM_LEN));
	g_strlcpy(ret->comm, text->str, sizeof(ret->comm));
	/* It is gone, or never was: then it has no parent. */
	if (!linux_read_u32(&tasks->kernel->memory, get_u64(raw, at->parent) + at->tgid,
			    &ret->ppid))
		ret->ppid = 0;
}

bool linux_task_read(const LinuxTasks *tasks, uint64_t addr, LinuxTask *ret)
{
	g_autoptr(GByteArray) raw = read_raw(tasks, addr);

	if (!raw)
		return false;
	*ret = (LinuxTask){.addr = addr};
	decode(tasks, raw, ret);
	return true;
}

/* ---- All ---- */

/* @seen: addresses of tasks that are in the list. @left: bytes that may still be read. */
typedef struct TaskWalk {
	const LinuxTasks *tasks;
	GArray *list;
	GHashTable *seen;
	uint32_t left;
} TaskWalk;

/* Adds the one at @addr. NULL: it was there before, or cannot be read, or there is no more room. */
static GByteArray *add_task(TaskWalk *walk, uint64_t addr)
{
	GByteArray *raw;
	LinuxTask task = {.addr = addr};

	if (walk->list->len >= LINUX_TASKS_MAX || walk->left < walk->tasks->needed)
		return NULL;
	walk->left -= walk->tasks->needed;
	raw = read_raw(walk->tasks, addr);
	if (!raw)
		return NULL;
	if (!g_hash_table_add(walk->seen, g_memdup2(&addr, sizeof(addr)))) {
		g_byte_array_unref(raw);
		return NULL;
	}
	decode(walk->tasks, raw, &task);
	g_array_append_val(walk->list, task);
	return raw;
}

/* The threads of the process of @leader, which is in the list. */
static void add_threads(TaskWalk *walk, uint64_t leader, const GByteArray *raw)
{
	const TaskFields *at = &walk->tasks->at;
	uint64_t head = get_u64(raw, at->signal) + at->thread_head, node = head;
	bool met = false;

	while (linux_read_u64(&walk->tasks->kernel->memory, node, &node) && node != head) {
		g_autoptr(GByteArray) thread = NULL;
		bool is_leader = node - at->thread_node == leader;

		if (is_leader && !met)
			met = true;
		else if (!(thread = add_task(walk, node - at->thread_node)))
			return;
	}
}

GArray *linux_tasks_list(const LinuxTasks *tasks)
{
	TaskWalk walk = {
		.tasks = tasks,
		.list = g_array_new(FALSE, FALSE, sizeof(LinuxTask)),
		.seen = g_hash_table_new_full(linux_number_hash, g_int64_equal, g_free, NULL),
		.left = TASKS_BYTES_MAX,
	};
	uint64_t head = tasks->init_task + tasks->at.tasks, node = head;

	while (linux_read_u64(&tasks->kernel->memory, node, &node) && node != head) {
		uint64_t addr = node - tasks->at.tasks;
		g_autoptr(GByteArray) raw = add_task(&walk, addr);

		if (!raw)
			break;
		add_threads(&walk, addr, raw);
	}
	g_hash_table_unref(walk.seen);
	return walk.list;
}

/* ---- What it saved ---- */

static unsigned add_register(LinuxRegister *ret, unsigned n, const char *name, uint64_t value)
{
	ret[n] = (LinuxRegister){.name = name, .value = value};
	return n + 1;
}

unsigned linux_task_registers(const LinuxTasks *tasks, const LinuxTask *task,
			      LinuxRegister ret[LINUX_REGISTERS_MAX])
{
	const LinuxMemory *memory = &tasks->kernel->memory;
	bool on_stack = tasks->at.cpu_context == LINUX_NO_FIELD;
	uint64_t addr = task->addr + tasks->at.cpu_context, value;
	unsigned n = 0;

	if (task->on_cpu || !tasks->n_saved ||
	    (on_stack && !linux_read_u64(memory, task->addr + tasks->at.sp, &addr)))
		return 0;
	for (unsigned i = 0; i < tasks->n_saved; i++) {
		if (!linux_read_u64(memory, addr + tasks->saved[i].offset, &value))
			return 0;
		n = add_register(ret, n, tasks->saved[i].name, value);
	}
	/* The frame is popped when the task goes on. */
	if (on_stack)
		n = add_register(ret, n, "rsp", addr + tasks->saved_size);
	return n;
}

bool linux_task_page_table(const LinuxTasks *tasks, const LinuxTask *task, uint64_t *ret)
{
	return task->mm && tasks->at.pgd != LINUX_NO_FIELD &&
	       linux_read_u64(&tasks->kernel->memory, task->mm + tasks->at.pgd, ret);
}

void linux_tasks_print(const LinuxTasks *tasks, GString *out)
{
	g_autoptr(GArray) list = linux_tasks_list(tasks);

	g_string_append(out, "    PID    TGID    PPID S CPU  TASK              NAME\n");
	for (unsigned i = 0; i < list->len; i++) {
		const LinuxTask *task = &g_array_index(list, LinuxTask, i);

		g_string_append_printf(out, "%7u %7u %7u %c %3u%c 0x%016" PRIx64 " ", task->pid,
				       task->tgid, task->ppid, task->state, task->cpu,
				       task->on_cpu ? '*' : ' ', task->addr);
		g_string_append_printf(out, task->mm ? "%s\n" : "[%s]\n", task->comm);
	}
}

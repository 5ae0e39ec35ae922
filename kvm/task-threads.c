/*
 * kvm/task-threads.c - the tasks of a Linux guest as threads of the client: those that sleep.
 */
#include "kvm/task-threads.h"

#include <string.h>

#include "guest/task.h"
#include "kvm/linux.h"
#include "kvm/monitor.h"

/*
 * @numbers: of each, which are in @by_number, too: as keys of LinuxTask.
 * @saved: of the task @read, which was asked for last; 0: none was.
 */
struct TaskThreads {
	GArray *numbers;
	GHashTable *by_number;
	uint32_t read;
	LinuxRegister saved[LINUX_REGISTERS_MAX];
	unsigned n_saved;
};

void task_threads_forget(KvmGdb *gdb)
{
	struct TaskThreads *threads = g_steal_pointer(&gdb->task_threads);

	if (!threads)
		return;
	g_array_unref(threads->numbers);
	g_hash_table_unref(threads->by_number);
	g_free(threads);
}

/* The guest may lie: each number is taken once. */
static void add(struct TaskThreads *threads, const LinuxTask *task)
{
	gpointer key = GUINT_TO_POINTER(task->pid);

	if (task->on_cpu || !task->pid || task->pid > GDB_TASK_MAX ||
	    g_hash_table_contains(threads->by_number, key))
		return;
	g_hash_table_insert(threads->by_number, key, g_memdup2(task, sizeof(*task)));
	g_array_append_val(threads->numbers, task->pid);
}

/* Empty while tasks are no threads, or nothing is known of them. */
static struct TaskThreads *get_threads(KvmGdb *gdb)
{
	const LinuxTasks *tasks;
	g_autoptr(GArray) list = NULL;

	if (gdb->task_threads)
		return gdb->task_threads;
	gdb->task_threads = g_new0(struct TaskThreads, 1);
	gdb->task_threads->numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	gdb->task_threads->by_number = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	tasks = gdb->shows_tasks ? linux_tasks(gdb, NULL) : NULL;
	list = tasks ? linux_tasks_list(tasks) : NULL;
	for (unsigned n = 0; list && n < list->len; n++)
		add(gdb->task_threads, &g_array_index(list, LinuxTask, n));
	return gdb->task_threads;
}

static const LinuxTask *find(KvmGdb *gdb, uint32_t task)
{
	return g_hash_table_lookup(get_threads(gdb)->by_number, GUINT_TO_POINTER(task));
}

static const uint32_t *list_tasks(void *target, unsigned *ret_n)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	const GArray *numbers = get_threads(gdb)->numbers;

	*ret_n = numbers->len;
	return (const uint32_t *)(const void *)numbers->data;
}

static bool task_name(void *target, uint32_t task, GString *text)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	const LinuxTask *found = find(gdb, task);

	if (found && text)
		g_string_append(text, found->comm);
	return found;
}

const GdbTaskOps task_threads_ops = {
	.list = list_tasks,
	.name = task_name,
};

void task_threads_describe(KvmGdb *gdb, uint32_t task, GString *text)
{
	const LinuxTask *found = find(gdb, task);

	if (!found)
		return;
	g_string_append_printf(text, "pid %u", found->pid);
	if (found->tgid != found->pid)
		g_string_append_printf(text, " of process %u", found->tgid);
	g_string_append_printf(text, " [%c]", found->state);
}

/* ---- Registers ---- */

static void read_saved(KvmGdb *gdb, uint32_t task)
{
	struct TaskThreads *threads = get_threads(gdb);
	const LinuxTask *found = find(gdb, task);
	const LinuxTasks *tasks = found ? linux_tasks(gdb, NULL) : NULL;

	if (threads->read == task)
		return;
	threads->read = task;
	threads->n_saved = tasks ? linux_task_registers(tasks, found, threads->saved) : 0;
}

bool task_threads_read(KvmGdb *gdb, uint32_t task, const GdbReg *reg, uint8_t *buf, GError **error)
{
	const struct TaskThreads *threads = get_threads(gdb);

	read_saved(gdb, task);
	for (unsigned n = 0; n < threads->n_saved; n++) {
		uint64_t value = GUINT64_TO_LE(threads->saved[n].value);

		if (!g_str_equal(threads->saved[n].name, reg->name) ||
		    gdb_reg_bytes(reg) != sizeof(value))
			continue;
		memcpy(buf, &value, sizeof(value));
		return true;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT,
		    "task %u sleeps, and has not saved the register %s", task, reg->name);
	return false;
}

bool task_threads_write(uint32_t task, GError **error)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "task %u sleeps: its registers can be read, but not written", task);
	return false;
}

/* ---- The user's choice ---- */

static bool choose(KvmGdb *gdb, bool tasks, GString *out, GError **error)
{
	LOCKED(gdb);

	if (tasks && !linux_tasks(gdb, error))
		return false;
	gdb->shows_tasks = tasks;
	task_threads_forget(gdb);
	if (tasks)
		g_string_append_printf(out, "%u tasks that sleep are threads now, too\n",
				       get_threads(gdb)->numbers->len);
	return true;
}

static bool threads_monitor(void *target, unsigned cpu G_GNUC_UNUSED, const char *args,
			    GString *out, GError **error)
{
	if (g_str_equal(args, "tasks"))
		return choose(target, true, out, error);
	if (g_str_equal(args, "cpus"))
		return choose(target, false, out, error);
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "'%s': expected tasks or cpus", args);
	return false;
}

const GdbMonitorCommand task_threads_commands[] = {
	{"threads", "tasks|cpus", "show each task of the kernel as a thread, or only the CPUs",
	 threads_monitor},
	{0},
};

void kvm_gdb_show_tasks(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->shows_tasks = gdb->shows_tasks_first = true;
}

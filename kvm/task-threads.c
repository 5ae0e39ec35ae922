/*
 * kvm/task-threads.c - the tasks of a Linux guest as threads of the client: those that sleep.
 */
#include "kvm/task-threads.h"

#include <string.h>

#include "kvm/linux.h"
#include "kvm/monitor.h"

/*
 * @all: the tasks, of LinuxTask; NULL: nobody has asked for them yet. @numbers: of those that are
 * threads, and @by_number: the same in @all; NULL likewise.
 * @saved: of the task @read, which was asked for last; 0: none was.
 */
struct TaskThreads {
	GArray *all, *numbers;
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
	g_clear_pointer(&threads->all, g_array_unref);
	g_clear_pointer(&threads->numbers, g_array_unref);
	g_clear_pointer(&threads->by_number, g_hash_table_unref);
	g_free(threads);
}

static struct TaskThreads *state(KvmGdb *gdb)
{
	if (!gdb->task_threads)
		gdb->task_threads = g_new0(struct TaskThreads, 1);
	return gdb->task_threads;
}

static const GArray *get_all(KvmGdb *gdb, GError **error)
{
	struct TaskThreads *threads = state(gdb);
	const LinuxTasks *tasks = threads->all ? NULL : linux_tasks(gdb, error);

	if (tasks)
		threads->all = linux_tasks_list(tasks);
	return threads->all;
}

bool task_threads_find(KvmGdb *gdb, uint32_t task, LinuxTask *ret, GError **error)
{
	const GArray *all = get_all(gdb, error);

	if (!all)
		return false;
	for (unsigned n = 0; n < all->len; n++) {
		*ret = g_array_index(all, LinuxTask, n);
		if (ret->pid == task)
			return true;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "the guest has no task %u", task);
	return false;
}

/* The guest may lie: each number is taken once. */
static void add(struct TaskThreads *threads, LinuxTask *task)
{
	gpointer key = GUINT_TO_POINTER(task->pid);

	if (task->on_cpu || !task->pid || task->pid > GDB_TASK_MAX ||
	    g_hash_table_contains(threads->by_number, key))
		return;
	g_hash_table_insert(threads->by_number, key, task);
	g_array_append_val(threads->numbers, task->pid);
}

/* Empty while tasks are no threads, or nothing is known of them. */
static struct TaskThreads *get_threads(KvmGdb *gdb)
{
	struct TaskThreads *threads = state(gdb);
	const GArray *all;

	if (threads->numbers)
		return threads;
	threads->numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	threads->by_number = g_hash_table_new(NULL, NULL);
	all = gdb->shows_tasks ? get_all(gdb, NULL) : NULL;
	for (unsigned n = 0; all && n < all->len; n++)
		add(threads, &g_array_index(all, LinuxTask, n));
	return threads;
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

/* A client reads all of them one by one. */
static void read_saved(KvmGdb *gdb, struct TaskThreads *threads, uint32_t task)
{
	const LinuxTask *found;
	const LinuxTasks *tasks;

	if (threads->read == task)
		return;
	found = find(gdb, task);
	tasks = found ? linux_tasks(gdb, NULL) : NULL;
	threads->read = task;
	threads->n_saved = tasks ? linux_task_registers(tasks, found, threads->saved) : 0;
}

bool task_threads_read(KvmGdbVcpu *vcpu, uint32_t task, const GdbReg *reg, uint8_t *buf,
		       GError **error)
{
	KvmGdb *gdb = vcpu->gdb;
	struct TaskThreads *threads = get_threads(gdb);

	if (arch_info.common && g_strv_contains(arch_info.common, reg->name))
		return arch_read_reg(vcpu->arch, reg, buf, error);
	read_saved(gdb, threads, task);
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

static bool threads_monitor(void *target, GdbPlace place G_GNUC_UNUSED, const char *args,
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
	 threads_monitor, GDB_MONITOR_SYSTEM},
	{0},
};

void kvm_gdb_show_tasks(KvmGdb *gdb)
{
	LOCKED(gdb);

	gdb->shows_tasks = gdb->shows_tasks_first = true;
}

/*
 * kvm/linux-os.c - the tables of `info os`: what runs in the Linux guest.
 *
 * gdb manual, "Operating System Information".
 */
#include "guest/module.h"
#include "kvm/linux.h"

static void add(GPtrArray *cells, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(GPtrArray *cells, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(cells, g_strdup_vprintf(format, args));
	va_end(args);
}

/* ---- Tasks ---- */

typedef void (*AddTask)(GPtrArray *cells, const LinuxTask *task);

static bool fill_tasks(void *target, GPtrArray *cells, AddTask add_task, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	const LinuxTasks *tasks = linux_tasks(gdb, error);
	g_autoptr(GArray) list = tasks ? linux_tasks_list(tasks) : NULL;

	for (unsigned n = 0; list && n < list->len; n++)
		add_task(cells, &g_array_index(list, LinuxTask, n));
	return list;
}

static const char *const process_columns[] = {"pid", "ppid", "state", "command", NULL};

static void add_process(GPtrArray *cells, const LinuxTask *task)
{
	if (task->pid != task->tgid)
		return;
	add(cells, "%u", task->pid);
	add(cells, "%u", task->ppid);
	add(cells, "%c", task->state);
	add(cells, "%s", task->comm);
}

static bool fill_processes(void *target, GPtrArray *cells, GError **error)
{
	return fill_tasks(target, cells, add_process, error);
}

static const char *const thread_columns[] = {"pid", "command", "tid", "core", NULL};

static void add_thread(GPtrArray *cells, const LinuxTask *task)
{
	add(cells, "%u", task->tgid);
	add(cells, "%s", task->comm);
	add(cells, "%u", task->pid);
	add(cells, "%u", task->cpu);
}

static bool fill_threads(void *target, GPtrArray *cells, GError **error)
{
	return fill_tasks(target, cells, add_thread, error);
}

/* ---- Modules ---- */

static const char *const module_columns[] = {"name", "size", "num uses", "status", "address", NULL};

static void add_module(GPtrArray *cells, const LinuxModule *module)
{
	static const char *const states[] = {
		[LINUX_MODULE_LIVE] = "Live",
		[LINUX_MODULE_COMING] = "Loading",
		[LINUX_MODULE_GOING] = "Unloading",
		[LINUX_MODULE_UNFORMED] = "Loading",
	};

	add(cells, "%s", module->name);
	add(cells, "%" G_GUINT64_FORMAT, module->size);
	add(cells, "%u", module->refs);
	add(cells, "%s", states[module->state]);
	add(cells, "0x%" G_GINT64_MODIFIER "x", module->n_pieces ? module->pieces[0].base : 0);
}

static bool fill_modules(void *target, GPtrArray *cells, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	const LinuxKernel *kernel = linux_kernel(gdb, error);
	g_autoptr(LinuxModules) modules = kernel ? linux_modules_new(kernel, error) : NULL;
	g_autoptr(GArray) list = modules ? linux_modules_list(modules) : NULL;

	for (unsigned n = 0; list && n < list->len; n++)
		add_module(cells, &g_array_index(list, LinuxModule, n));
	return list;
}

/* ---- CPUs ---- */

static const char *const cpu_columns[] = {"core", "state", NULL};

static bool fill_cpus(void *target, GPtrArray *cells, G_GNUC_UNUSED GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	for (unsigned n = 0; n < gdb->vcpus->len; n++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, n);

		if (!vcpu)
			continue;
		add(cells, "%u", n);
		add(cells, "%s", target_run_state(vcpu));
	}
	return true;
}

const GdbOsTable linux_os_tables[] = {
	{"processes", "the processes of the guest", "Processes", process_columns, fill_processes},
	{"threads", "the tasks of the guest, threads of its kernel among them", "Threads",
	 thread_columns, fill_threads},
	{"modules", "the modules of the guest's kernel", "Modules", module_columns, fill_modules},
	{"cpus", "the CPUs of the machine", "CPUs", cpu_columns, fill_cpus},
	{0},
};

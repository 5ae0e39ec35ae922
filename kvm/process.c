/*
 * kvm/process.c - whose user addresses a client means: those of the CPU as it is, or of a process
 * of the Linux guest; and which process stops at them.
 */
#include "kvm/process.h"

#include <inttypes.h>

#include "kvm/linux.h"
#include "kvm/monitor.h"
#include "kvm/task-threads.h"

void process_forget(KvmGdb *gdb)
{
	gdb->known_process.number = 0;
	task_threads_forget(gdb);
	linux_let_run(gdb);
}

/* Where its top table is. */
static bool find_table(KvmGdbVcpu *vcpu, const LinuxTask *task, uint64_t *ret, GError **error)
{
	const LinuxTasks *tasks = linux_tasks(vcpu->gdb, error);
	ArchMapping table;
	uint64_t addr;

	if (!tasks)
		return false;
	if (!linux_task_page_table(tasks, task, &addr)) {
		g_set_error(
			error, GDB_ERROR, GDB_ERROR_NOENT,
			"task %u (%s) has no user addresses: it is a thread of the kernel, or it "
			"has ended",
			task->pid, task->comm);
		return false;
	}
	if (!translate(vcpu, addr, &table, error))
		return false;
	*ret = table.gpa;
	return true;
}

/* Knows its page tables, from now until they may be others. */
static bool know(KvmGdbVcpu *vcpu, uint32_t number, GError **error)
{
	KvmGdb *gdb = vcpu->gdb;
	LinuxTask task;
	uint64_t table;
	ArchRoot own;

	if (gdb->known_process.number == number)
		return true;
	if (!arch_get_root(vcpu->arch, &own, error) ||
	    !task_threads_find(gdb, number, &task, error) ||
	    !find_table(vcpu, &task, &table, error))
		return false;
	gdb->known_process.root = arch_process_root(&own, table);
	gdb->known_process.task = task.addr;
	gdb->known_process.number = number;
	return true;
}

bool process_choose(Space *space, uint32_t task, uint64_t addr, GError **error)
{
	KvmGdb *gdb = space->vcpu->gdb;
	uint32_t number = task ? task : gdb->process;
	ArchRoot own;

	if (!number || !arch_get_root(space->vcpu->arch, &own, NULL) ||
	    arch_is_kernel_address(&own, addr))
		return true;
	if (!know(space->vcpu, number, error))
		return false;
	space->has_process = true;
	space->process = gdb->known_process.root;
	return true;
}

/* ---- Who stops ---- */

/* In user mode with page-table isolation a CPU has another top table than the process. */
static bool has_table(KvmGdbVcpu *vcpu, const ArchRoot *root, uint64_t table)
{
	ArchRoot kernel;

	return arch_user_table(root) == table ||
	       (arch_kernel_root(root, physical_read_own, vcpu->gdb, &kernel) &&
		arch_user_table(&kernel) == table);
}

bool process_may_stop(KvmGdbVcpu *vcpu, const GdbBreak *bp)
{
	KvmGdb *gdb = vcpu->gdb;
	ArchRoot root;

	if (!gdb->break_process.number || bp->type == GDB_BREAK_PHYSICAL ||
	    !arch_get_root(vcpu->arch, &root, NULL) || arch_is_kernel_address(&root, bp->addr))
		return true;
	return gdb->break_process.is_known && has_table(vcpu, &root, gdb->break_process.table);
}

/* A program that it has started since has other page tables; nobody has them when it has ended. */
static void find_tables_again(KvmGdb *gdb)
{
	KvmGdbVcpu *vcpu;
	const LinuxTasks *tasks;
	LinuxTask task;

	if (!gdb->break_process.number)
		return;
	vcpu = target_vcpu(gdb, gdb->stop_cpu, NULL);
	tasks = vcpu ? linux_tasks(gdb, NULL) : NULL;
	gdb->break_process.is_known = tasks &&
				      linux_task_read(tasks, gdb->break_process.task, &task) &&
				      task.pid == gdb->break_process.number &&
				      find_table(vcpu, &task, &gdb->break_process.table, NULL);
}

void process_resuming(KvmGdb *gdb)
{
	find_tables_again(gdb);
	process_forget(gdb);
}

/* ---- The user's choice ---- */

void process_choose_none(KvmGdb *gdb)
{
	gdb->process = 0;
	gdb->break_process.number = 0;
}

static bool take_process(KvmGdb *gdb, GdbPlace place, const char *what, const char *args,
			 uint64_t *ret, GError **error)
{
	if (!monitor_take_number(gdb, place, &args, what, ret, error) ||
	    !monitor_take_end(args, error))
		return false;
	if (*ret && *ret <= UINT32_MAX)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "no process has the number %" PRIu64, *ret);
	return false;
}

/* What the kernel says of it now is known then. */
static bool know_again(KvmGdb *gdb, unsigned cpu, uint32_t number, GError **error)
{
	KvmGdbVcpu *vcpu = target_vcpu(gdb, cpu, error);

	process_forget(gdb);
	return vcpu && know(vcpu, number, error);
}

static bool process_monitor(void *target, GdbPlace place, const char *args, GString *out,
			    GError **error)
{
	KvmGdb *gdb = target;
	uint64_t number = 0;

	if (*args && !take_process(gdb, place, "PID", args, &number, error))
		return false;
	LOCKED(gdb);

	if (number && !know_again(gdb, place.cpu, number, error))
		return false;
	gdb->process = number;
	if (number)
		g_string_append_printf(out,
				       "user addresses are those of process %" PRIu64
				       " now; `monitor process` goes back to the CPU's\n",
				       number);
	else
		g_string_append(out, "user addresses are those of the CPU\n");
	return true;
}

static bool break_process_monitor(void *target, GdbPlace place, const char *args, GString *out,
				  GError **error)
{
	bool any = g_str_equal(args, "any");
	KvmGdb *gdb = target;
	uint64_t number = 0;

	if (!any && !take_process(gdb, place, "any, or PID", args, &number, error))
		return false;
	LOCKED(gdb);

	if (!any && !know_again(gdb, place.cpu, number, error))
		return false;
	gdb->break_process.number = number;
	gdb->break_process.task = gdb->known_process.task;
	if (any)
		g_string_append(out, "any process stops at user addresses\n");
	else
		g_string_append_printf(
			out, "only process %" PRIu64 " stops at user addresses now\n", number);
	return true;
}

const GdbMonitorCommand process_commands[] = {
	{"process", "[PID]",
	 "read and write the user addresses of this process; without PID those of the CPU",
	 process_monitor, GDB_MONITOR_SYSTEM},
	{"break-process", "PID|any",
	 "breakpoints and watchpoints at user addresses are this process', or any one's",
	 break_process_monitor, GDB_MONITOR_SYSTEM},
	{0},
};

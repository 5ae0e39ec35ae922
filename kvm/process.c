/*
 * kvm/process.c - whose user addresses a client means: those of the CPU as it is, or of a process
 * of the Linux guest.
 */
#include "kvm/process.h"

#include <inttypes.h>

#include "kvm/linux.h"
#include "kvm/monitor.h"
#include "kvm/task-threads.h"

void process_forget(KvmGdb *gdb)
{
	gdb->known_process.task = 0;
	task_threads_forget(gdb);
}

static bool find_root(const Space *space, uint32_t number, ArchRoot *ret, GError **error)
{
	KvmGdb *gdb = space->vcpu->gdb;
	const LinuxTasks *tasks = linux_tasks(gdb, error);
	ArchMapping table;
	LinuxTask task;
	ArchRoot own;
	uint64_t addr;

	if (!tasks || !task_threads_find(gdb, number, &task, error))
		return false;
	if (!linux_task_page_table(tasks, &task, &addr)) {
		g_set_error(
			error, GDB_ERROR, GDB_ERROR_NOENT,
			"task %u (%s) has no user addresses: it is a thread of the kernel, or it "
			"has ended",
			number, task.comm);
		return false;
	}
	if (!translate(space->vcpu, addr, &table, error) ||
	    !arch_get_root(space->vcpu->arch, &own, error))
		return false;
	*ret = arch_process_root(&own, table.gpa);
	return true;
}

/* Knows its page tables, from now until they may be others. */
static bool know(const Space *space, uint32_t number, GError **error)
{
	KvmGdb *gdb = space->vcpu->gdb;

	if (gdb->known_process.task == number)
		return true;
	if (!find_root(space, number, &gdb->known_process.root, error))
		return false;
	gdb->known_process.task = number;
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
	if (!know(space, number, error))
		return false;
	space->has_process = true;
	space->process = gdb->known_process.root;
	return true;
}

/* ---- The user's choice ---- */

static bool choose(KvmGdb *gdb, unsigned cpu, uint64_t number, GString *out, GError **error)
{
	KvmGdbVcpu *vcpu = target_vcpu(gdb, cpu, error);
	const Space space = space_of(vcpu);

	if (!vcpu)
		return false;
	if (!number || number > UINT32_MAX) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "no process has the number %" PRIu64,
			    number);
		return false;
	}
	process_forget(gdb);
	if (!know(&space, number, error))
		return false;
	gdb->process = number;
	g_string_append_printf(out,
			       "user addresses are those of process %u now; `monitor process` goes "
			       "back to the CPU's\n",
			       gdb->process);
	return true;
}

static bool process_monitor(void *target, unsigned cpu, const char *args, GString *out,
			    GError **error)
{
	KvmGdb *gdb = target;
	uint64_t number;

	if (!*args) {
		LOCKED(gdb);

		gdb->process = 0;
		g_string_append(out, "user addresses are those of the CPU\n");
		return true;
	}
	if (!monitor_take_number(target, cpu, &args, "the number of a process", &number, error) ||
	    !monitor_take_end(args, error))
		return false;
	LOCKED(gdb);

	return choose(gdb, cpu, number, out, error);
}

const GdbMonitorCommand process_commands[] = {
	{"process", "[PID]",
	 "read and write the user addresses of this process; without PID those of the CPU",
	 process_monitor},
	{0},
};

/*
 * guest/task.h - the tasks of the guest's kernel: struct task_struct, by BTF. Pure.
 */
#ifndef VMGDB_GUEST_TASK_H
#define VMGDB_GUEST_TASK_H

#include "guest/current.h"
#include "guest/kernel.h"

/*
 * @addr: of its struct task_struct. @comm: its name, printable. @state: as ps(1) shows it, 'R',
 * 'S', 'D', ...; '?' when it makes no sense. @on_cpu: it runs on @cpu now; else @cpu is where it
 * was last.
 * @mm: its struct mm_struct, 0 for a kernel thread.
 */
typedef struct LinuxTask {
	uint64_t addr, mm;
	uint32_t pid, tgid, ppid, cpu;
	bool on_cpu;
	char state, comm[4 * LINUX_COMM_LEN + 1];
} LinuxTask;

/*
 * linux_tasks_new: how @kernel, which must outlive it, lays out its tasks. NULL with @error where
 * it does not say. Caller frees.
 */
typedef struct LinuxTasks LinuxTasks;
LinuxTasks *linux_tasks_new(const LinuxKernel *kernel, GError **error);
void linux_tasks_free(LinuxTasks *tasks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxTasks, linux_tasks_free)

/* linux_task_read: the one at @addr. FALSE: what is there cannot be read. */
bool linux_task_read(const LinuxTasks *tasks, uint64_t addr, LinuxTask *ret);

/*
 * linux_tasks_list: all, of LinuxTask: process after process, in each its threads; without the idle
 * tasks of the CPUs. A list that is damaged ends there; 131,072 tasks at most, and fewer where what
 * is read of each would be more than 4 KiB. Caller unrefs.
 */
#define LINUX_TASKS_MAX 131072u
GArray *linux_tasks_list(const LinuxTasks *tasks);

/*
 * linux_task_registers: what a task that runs on no CPU saved when it was switched away, by gdb's
 * names; these are all that are known. Returns how many; 0: it runs, or it cannot be read.
 */
typedef struct LinuxRegister {
	const char *name;
	uint64_t value;
} LinuxRegister;
#define LINUX_REGISTERS_MAX 16u
unsigned linux_task_registers(const LinuxTasks *tasks, const LinuxTask *task,
			      LinuxRegister ret[LINUX_REGISTERS_MAX]);

/*
 * linux_task_page_table: the address of the top table of its user addresses. FALSE: it has none, or
 * the kernel does not say.
 */
bool linux_task_page_table(const LinuxTasks *tasks, const LinuxTask *task, uint64_t *ret);

/* linux_tasks_print: a line for each, below a line of headings. */
void linux_tasks_print(const LinuxTasks *tasks, GString *out);

#endif

/*
 * guest/uptime.c - the kernel's timekeeper, or the clock of its scheduler.
 */
#include "guest/uptime.h"

#include "guest/layout.h"
#include "guest/task.h"

#define NSEC_PER_SEC 1000000000u
/* A kernel that says more is no kernel: a hundred years. */
#define UPTIME_MAX (UINT64_C(100) * 366 * 24 * 3600)

/*
 * tk_core is a sequence count and a struct timekeeper, in a structure that has a name since 6.13
 * only. kernel/time/timekeeping.c.
 */
static bool find_timekeeper(const LinuxKernel *kernel, uint64_t *ret)
{
	uint64_t core;
	uint32_t at;

	if (!linux_symbol(kernel, "tk_core", &core))
		return false;
	if (!linux_offset(kernel, "tk_data", "timekeeper", &at)) {
		if (!linux_size(kernel, "seqcount_raw_spinlock", &at) &&
		    !linux_size(kernel, "seqcount", &at))
			return false;
		at = (at + 7) & ~7u;
	}
	*ret = core + at;
	return true;
}

/* CLOCK_MONOTONIC, and the time that the machine was suspended for. */
static bool by_timekeeper(const LinuxKernel *kernel, uint64_t *ret)
{
	uint64_t timekeeper, seconds, suspended;
	uint32_t at_seconds, at_suspended;

	if (!find_timekeeper(kernel, &timekeeper) ||
	    !linux_offset(kernel, "timekeeper", "ktime_sec", &at_seconds) ||
	    !linux_offset(kernel, "timekeeper", "offs_boot", &at_suspended) ||
	    !linux_read_u64(&kernel->memory, timekeeper + at_seconds, &seconds) ||
	    !linux_read_u64(&kernel->memory, timekeeper + at_suspended, &suspended))
		return false;
	*ret = seconds + suspended / NSEC_PER_SEC;
	return seconds <= UPTIME_MAX && *ret <= UPTIME_MAX;
}

/* The clock of the scheduler begins with the kernel; each task has what it was when it ran last. */
static bool by_tasks(const LinuxKernel *kernel, uint64_t *ret)
{
	g_autoptr(LinuxTasks) tasks = linux_tasks_new(kernel, NULL);
	g_autoptr(GArray) list = tasks ? linux_tasks_list(tasks) : NULL;
	uint64_t last = 0, at_task;
	uint32_t at;

	if (!list || !linux_offset(kernel, "task_struct", "se.exec_start", &at))
		return false;
	for (unsigned i = 0; i < list->len; i++) {
		const LinuxTask *task = &g_array_index(list, LinuxTask, i);

		if (linux_read_u64(&kernel->memory, task->addr + at, &at_task))
			last = MAX(last, at_task);
	}
	*ret = last / NSEC_PER_SEC;
	return last && *ret <= UPTIME_MAX;
}

bool linux_uptime(const LinuxKernel *kernel, uint64_t *ret)
{
	return by_timekeeper(kernel, ret) || by_tasks(kernel, ret);
}

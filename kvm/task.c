/*
 * kvm/task.c - the name of the task that a CPU runs, where the kernel's symbols are known: from its
 * vmlinux, or from the client.
 */
#include "kvm/task.h"

#include "kvm/kaslr.h"
#include "kvm/linux.h"

/* ---- Where the kernel keeps its tasks ---- */

static bool find_places(KvmGdbVcpu *vcpu, const LinuxMemory *memory, LinuxPlaces *ret)
{
	KvmGdb *gdb = vcpu->gdb;
	const LinuxKernel *kernel;
	uint64_t slide;

	if (gdb->vmlinux) {
		if (kaslr_find(gdb, &slide) != KASLR_KNOWN)
			return false;
		*ret = linux_places_of_file(gdb->vmlinux, slide);
		return true;
	}
	*ret = gdb->client_places;
	if (linux_places_fit(ret, memory))
		return true;
	/* What the kernel itself says, if it was asked before. */
	kernel = linux_known(gdb);
	if (kernel)
		*ret = linux_places_of_symbols(kernel->symbols);
	return kernel;
}

const char *const *task_symbols_wanted(void *target)
{
	KvmGdb *gdb = target;

	return gdb->vmlinux ? NULL : linux_place_names;
}

void task_symbol_resolved(void *target, unsigned n, uint64_t value)
{
	KvmGdb *gdb = target;

	engine_lock(gdb);
	gdb->client_places.at[n] = value;
	gdb->comm_offset = 0;
	engine_unlock(gdb);
}

void task_forget(KvmGdb *gdb)
{
	gdb->client_places = (LinuxPlaces){0};
	gdb->comm_offset = 0;
}

/* ---- What a CPU runs ---- */

static bool find_current(KvmGdbVcpu *vcpu, const LinuxMemory *memory, const LinuxPlaces *places,
			 uint64_t *ret_task)
{
	if (!kaslr_is_native(vcpu->gdb))
		return false;
	if (!arch_info.current_task)
		return linux_current_task(places, memory, vcpu->index, ret_task);
	/* In user mode it is the user's. */
	return kaslr_read_register(vcpu, arch_info.current_task, ret_task) && *ret_task >> 63;
}

/* Where the kernel is known, it says where a task has its number. An idle task has none. */
static void append_pid(KvmGdb *gdb, uint64_t addr, GString *out)
{
	const LinuxTasks *tasks = linux_known_tasks(gdb);
	LinuxTask task;

	if (tasks && linux_task_read(tasks, addr, &task) && task.pid)
		g_string_append_printf(out, ", pid %u", task.pid);
}

void task_append_name(KvmGdbVcpu *vcpu, GString *out)
{
	const LinuxMemory memory = virtual_linux_memory(vcpu);
	KvmGdb *gdb = vcpu->gdb;
	char comm[LINUX_COMM_LEN];
	LinuxPlaces places;
	uint64_t task;

	if (!find_places(vcpu, &memory, &places) || !find_current(vcpu, &memory, &places, &task))
		return;
	if (!gdb->comm_offset && !linux_comm_offset(&places, &memory, &gdb->comm_offset))
		return;
	if (!linux_comm_read(&memory, task + gdb->comm_offset, comm))
		return;
	g_string_append_printf(out, " %s", comm);
	append_pid(gdb, task, out);
}

/*
 * kvm/task.c - the name of the task that a CPU runs, where the kernel's symbols are known: from its
 * vmlinux, or from the client.
 */
#include "kvm/task.h"

#include <string.h>

#include "guest/vmlinux.h"
#include "kvm/kaslr.h"
#include "kvm/linux.h"

#define COMM_LEN 16	      /* the kernel's TASK_COMM_LEN, terminator included */
#define TASK_MAX (32u * 1024) /* more than any task_struct */

static bool read_word(KvmGdbVcpu *vcpu, uint64_t addr, uint64_t *ret)
{
	uint8_t bytes[sizeof(*ret)];

	if (virtual_read_ram(vcpu, addr, bytes, sizeof(bytes)) != sizeof(bytes))
		return false;
	memcpy(ret, bytes, sizeof(bytes));
	return true;
}

/* ---- Where the kernel keeps its tasks ---- */

/* By TaskSymbol. */
static const char *const names[TASK_N_SYMBOLS + 1] = {
	[TASK_BANNER] = "linux_banner",
	[TASK_INIT] = "init_task",
	[TASK_OFFSETS] = "__per_cpu_offset",
	[TASK_CURRENT] = "current_task",
	[TASK_HOT] = "pcpu_hot",
};

/*
 * While the per-CPU section is linked at 0 (before 6.15), KASLR does not move what is in it.
 */
static void move(const Vmlinux *vmlinux, uint64_t slide, uint64_t *places)
{
	uint64_t section = 0;
	bool percpu_moves = vmlinux_section(vmlinux, ".data..percpu", &section) && section;

	for (unsigned n = 0; n < TASK_N_SYMBOLS; n++) {
		bool is_percpu = n == TASK_CURRENT || n == TASK_HOT;

		if (!vmlinux_find(vmlinux, names[n], &places[n]))
			places[n] = 0;
		else if (!is_percpu || percpu_moves)
			places[n] += slide;
	}
}

/* A client that does not know of KASLR gives addresses at which there is something else. */
static bool check_resolved(KvmGdbVcpu *vcpu)
{
	static const char banner[] = "Linux version ";
	uint8_t found[sizeof(banner) - 1];

	return virtual_read_ram(vcpu, vcpu->gdb->symbol_values[TASK_BANNER], found,
				sizeof(found)) == sizeof(found) &&
	       memcmp(found, banner, sizeof(found)) == 0;
}

/* What the kernel itself says, if it was asked before. */
static bool find_in_kernel(KvmGdb *gdb, uint64_t *places)
{
	const LinuxKernel *kernel = linux_known(gdb);

	for (unsigned n = 0; kernel && n < TASK_N_SYMBOLS; n++) {
		if (!linux_symbols_find(kernel->symbols, names[n], &places[n]))
			places[n] = 0;
	}
	return kernel;
}

/* The addresses in the guest by TaskSymbol; 0: there is no such symbol. */
static bool find_places(KvmGdbVcpu *vcpu, uint64_t *places)
{
	KvmGdb *gdb = vcpu->gdb;
	uint64_t slide;

	if (gdb->vmlinux) {
		if (kaslr_find(gdb, &slide) != KASLR_KNOWN)
			return false;
		move(gdb->vmlinux, slide, places);
		return true;
	}
	memcpy(places, gdb->symbol_values, sizeof(gdb->symbol_values));
	return check_resolved(vcpu) || find_in_kernel(gdb, places);
}

const char *const *task_symbols_wanted(void *target)
{
	KvmGdb *gdb = target;

	return gdb->vmlinux ? NULL : names;
}

void task_symbol_resolved(void *target, unsigned n, uint64_t value)
{
	KvmGdb *gdb = target;

	engine_lock(gdb);
	gdb->symbol_values[n] = value;
	gdb->comm_offset = 0;
	engine_unlock(gdb);
}

void task_forget(KvmGdb *gdb)
{
	memset(gdb->symbol_values, 0, sizeof(gdb->symbol_values));
	gdb->comm_offset = 0;
}

/* ---- What a CPU runs ---- */

/* The per-CPU pointer was a variable of its own, then (6.2 to 6.14) the first member of another. */
static bool read_per_cpu(KvmGdbVcpu *vcpu, const uint64_t *places, uint64_t *ret_task)
{
	uint64_t variable = places[TASK_CURRENT] ? places[TASK_CURRENT] : places[TASK_HOT], offset;

	return variable && places[TASK_OFFSETS] &&
	       read_word(vcpu, places[TASK_OFFSETS] + vcpu->index * sizeof(offset), &offset) &&
	       read_word(vcpu, variable + offset, ret_task);
}

static bool find_current(KvmGdbVcpu *vcpu, const uint64_t *places, uint64_t *ret_task)
{
	if (!kaslr_is_native(vcpu->gdb))
		return false;
	if (!arch_info.current_task)
		return read_per_cpu(vcpu, places, ret_task);
	/* In user mode it is the user's. */
	return kaslr_read_register(vcpu, arch_info.current_task, ret_task) && *ret_task >> 63;
}

/* init_task's name is "swapper", later "swapper/0". */
static bool find_comm(KvmGdbVcpu *vcpu, uint64_t init_task, uint64_t *ret_offset)
{
	static const char name[] = "swapper";
	const size_t name_len = strlen(name);
	g_autofree uint8_t *task = NULL;
	const uint8_t *hit;
	size_t len;

	if (!init_task)
		return false;
	task = g_malloc(TASK_MAX);
	len = virtual_read_ram(vcpu, init_task, task, TASK_MAX);
	hit = len ? memmem(task, len, name, name_len) : NULL;
	if (!hit || hit + name_len >= task + len || (hit[name_len] && hit[name_len] != '/'))
		return false;
	*ret_offset = hit - task;
	return true;
}

static bool is_name(const char *comm)
{
	size_t len = strnlen(comm, COMM_LEN);

	for (size_t n = 0; n < len; n++) {
		if (!g_ascii_isprint(comm[n]))
			return false;
	}
	return len > 0 && len < COMM_LEN;
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
	KvmGdb *gdb = vcpu->gdb;
	char comm[COMM_LEN];
	uint64_t places[TASK_N_SYMBOLS], task;

	if (!find_places(vcpu, places) || !find_current(vcpu, places, &task))
		return;
	if (!gdb->comm_offset && !find_comm(vcpu, places[TASK_INIT], &gdb->comm_offset))
		return;
	if (virtual_read_ram(vcpu, task + gdb->comm_offset, (uint8_t *)comm, COMM_LEN) !=
		    COMM_LEN ||
	    !is_name(comm))
		return;
	g_string_append_printf(out, " %s", comm);
	append_pid(gdb, task, out);
}

/*
 * kvm/task.c - the name of the task that a CPU runs, where the kernel's vmlinux is known.
 */
#include "kvm/task.h"

#include <elf.h>
#include <string.h>

#include "kvm/kaslr.h"
#include "kvm/symbols.h"

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

/*
 * The per-CPU pointer was a variable of its own, then (6.2 to 6.14) the first member of another.
 * While the per-CPU section is linked at 0, KASLR does not move what is in it.
 */
static bool current_x86(KvmGdbVcpu *vcpu, uint64_t slide, uint64_t *ret_task)
{
	const KvmSymbols *symbols = vcpu->gdb->symbols;
	uint64_t variable, offsets, offset, section = 0;

	if (!kvm_symbols_find(symbols, "__per_cpu_offset", &offsets) ||
	    (!kvm_symbols_find(symbols, "current_task", &variable) &&
	     !kvm_symbols_find(symbols, "pcpu_hot", &variable)))
		return false;
	if (kvm_symbols_section(symbols, ".data..percpu", &section) && section)
		variable += slide;
	return read_word(vcpu, offsets + slide + vcpu->index * sizeof(offset), &offset) &&
	       read_word(vcpu, variable + offset, ret_task);
}

static bool current_arm64(KvmGdbVcpu *vcpu, G_GNUC_UNUSED uint64_t slide, uint64_t *ret_task)
{
	/* In user mode it is the user's stack pointer. */
	return kaslr_read_register(vcpu, "SP_EL0", ret_task) && *ret_task >> 63;
}

static const struct {
	unsigned machine;
	bool (*current)(KvmGdbVcpu *vcpu, uint64_t slide, uint64_t *ret_task);
} machines[] = {
	{EM_X86_64, current_x86},
	{EM_AARCH64, current_arm64},
};

static bool find_current(KvmGdbVcpu *vcpu, uint64_t slide, uint64_t *ret_task)
{
	for (unsigned n = 0; n < G_N_ELEMENTS(machines); n++) {
		if (machines[n].machine == kvm_symbols_machine(vcpu->gdb->symbols))
			return machines[n].current(vcpu, slide, ret_task);
	}
	return false;
}

/* init_task's name is "swapper", later "swapper/0". */
static bool find_comm(KvmGdbVcpu *vcpu, uint64_t slide, uint64_t *ret_offset)
{
	static const char name[] = "swapper";
	const size_t name_len = strlen(name);
	g_autofree uint8_t *task = NULL;
	const uint8_t *hit;
	uint64_t addr;
	size_t len;

	if (!kvm_symbols_find(vcpu->gdb->symbols, "init_task", &addr))
		return false;
	task = g_malloc(TASK_MAX);
	len = virtual_read_ram(vcpu, addr + slide, task, TASK_MAX);
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

void task_append_name(KvmGdbVcpu *vcpu, GString *out)
{
	KvmGdb *gdb = vcpu->gdb;
	char comm[COMM_LEN];
	uint64_t slide, task;

	if (kaslr_find(gdb, &slide) != KASLR_KNOWN || !find_current(vcpu, slide, &task))
		return;
	if (!gdb->comm_offset && !find_comm(vcpu, slide, &gdb->comm_offset))
		return;
	if (virtual_read_ram(vcpu, task + gdb->comm_offset, (uint8_t *)comm, COMM_LEN) ==
		    COMM_LEN &&
	    is_name(comm))
		g_string_append_printf(out, " %s", comm);
}

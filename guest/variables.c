/*
 * guest/variables.c - find variables by what points to them, or by what they must contain.
 */
#include "guest/variables.h"

#include <bpf/btf.h>
#include <string.h>

#include "guest/layout.h"
#include "guest/module.h"

/*
 * Of BTF's variables so many are looked at, and none with a longer name: a kernel has 300, or since
 * 6.15 some ten thousand.
 */
#define VARIABLES_MAX (128u * 1024)
#define NAME_MAX_LEN 512u
/* So many are named by VMCOREINFO, which has about ten. */
#define INFO_MAX 64u
/* A section is where so many of its variables say. */
#define VOTES 2u
/* Super blocks, and words that may be the begin of the kernel's code. */
#define NODES_MAX 65536u
#define CANDIDATES_MAX 4096u

typedef struct Variable {
	const char *name;
	size_t len;
	uint64_t addr;
	char type;
} Variable;

/* ---- The image ---- */

static bool in_image(const LinuxKernel *kernel, uint64_t addr)
{
	return linux_range_at(kernel->ranges, kernel->n_ranges, addr) != NULL;
}

static bool is_written(const LinuxKernel *kernel, uint64_t addr)
{
	const LinuxRange *range = linux_range_at(kernel->ranges, kernel->n_ranges, addr);

	return range && range->writable;
}

static void take(GArray *found, const char *name, uint64_t addr)
{
	const Variable variable = {name, strlen(name), addr, 'D'};

	g_array_append_val(found, variable);
}

/* A name that the kernel has says where; where it has code there is no variable. */
static bool is_new(const LinuxSymbols *symbols, const Variable *variable)
{
	g_autofree char *name = g_strndup(variable->name, variable->len);
	const LinuxSymbol *at = linux_symbols_at(symbols, variable->addr);
	uint64_t known;

	return !linux_symbols_find(symbols, name, &known) &&
	       !(at && at->addr == variable->addr && linux_symbol_is_code(at));
}

static unsigned add_all(LinuxKernel *kernel, GArray *found)
{
	unsigned n = 0;

	for (unsigned i = found->len; i-- > 0;) {
		if (!is_new(kernel->symbols, &g_array_index(found, Variable, i)))
			g_array_remove_index_fast(found, i);
	}
	for (unsigned i = 0; i < found->len; i++) {
		const Variable *variable = &g_array_index(found, Variable, i);

		n += linux_symbols_add(kernel->symbols, variable->addr, variable->type,
				       variable->name, variable->len);
	}
	if (n)
		linux_symbols_sort(kernel->symbols);
	return n;
}

/* ---- What VMCOREINFO names ---- */

/*
 * mem_section is no variable's address there, but what a pointer says: it is not in the image.
 * node_online_map is a part of a variable (node_states).
 */
static void by_info(const LinuxKernel *kernel, GArray *found)
{
	static const char word[] = "SYMBOL(", part[] = "node_online_map)";
	const char *at = kernel->vmcoreinfo;

	for (; at; at = strchr(at, '\n')) {
		Variable variable = {.type = 'D'};

		at += *at == '\n';
		if (!g_str_has_prefix(at, word))
			continue;
		variable.name = at + strlen(word);
		variable.len = strcspn(variable.name, ")\n");
		if (variable.len > NAME_MAX_LEN || g_str_has_prefix(variable.name, part) ||
		    !g_str_has_prefix(variable.name + variable.len, ")="))
			continue;
		variable.addr = g_ascii_strtoull(variable.name + variable.len + 2, NULL, 16);
		if (found->len < INFO_MAX && in_image(kernel, variable.addr))
			g_array_append_val(found, variable);
	}
}

/* ---- What BTF has in a section ---- */

/* FALSE: it is no variable, or has no name that may be one. */
static bool read_variable(const struct btf *btf, const struct btf_var_secinfo *info, Variable *ret)
{
	const struct btf_type *type = btf__type_by_id(btf, info->type);

	ret->name = type && btf_is_var(type) ? btf__name_by_offset(btf, type->name_off) : NULL;
	if (!ret->name)
		return false;
	ret->len = strnlen(ret->name, NAME_MAX_LEN);
	ret->type = btf_var(type)->linkage == BTF_VAR_STATIC ? 'd' : 'D';
	return ret->len && ret->len < NAME_MAX_LEN;
}

static bool find_base(const LinuxKernel *kernel, const struct btf *btf,
		      const struct btf_type *section, uint64_t *ret)
{
	const struct btf_var_secinfo *infos = btf_var_secinfos(section);
	unsigned votes = 0;

	for (unsigned i = 0; i < btf_vlen(section); i++) {
		const LinuxSymbol *symbol = NULL;
		Variable variable;

		if (read_variable(btf, &infos[i], &variable))
			symbol = linux_symbols_named(kernel->symbols, variable.name);
		if (!symbol || linux_symbol_is_code(symbol))
			continue;
		if (votes++ && symbol->addr - infos[i].offset != *ret)
			return false;
		*ret = symbol->addr - infos[i].offset;
	}
	return votes >= VOTES;
}

/* Among the first @n, which are few. */
static bool is_taken(const GArray *found, unsigned n, const Variable *variable)
{
	for (unsigned i = 0; i < n; i++) {
		const Variable *other = &g_array_index(found, Variable, i);

		if (other->addr == variable->addr && other->len == variable->len &&
		    !memcmp(other->name, variable->name, other->len))
			return true;
	}
	return false;
}

/* Behind the last one of a section is what is none of it, often without any symbol. */
static void set_end(const LinuxKernel *kernel, const struct btf_var_secinfo *last, uint64_t base)
{
	linux_symbols_set_size(kernel->symbols, base + last->offset, last->size);
}

static void by_section(const LinuxKernel *kernel, const struct btf *btf,
		       const struct btf_type *section, unsigned n_few, GArray *found)
{
	const struct btf_var_secinfo *infos = btf_var_secinfos(section);
	uint64_t base;

	if (!find_base(kernel, btf, section, &base))
		return;
	for (unsigned i = 0; i < btf_vlen(section); i++) {
		Variable variable;

		if (!read_variable(btf, &infos[i], &variable))
			continue;
		variable.addr = base + infos[i].offset;
		if (!is_taken(found, n_few, &variable))
			g_array_append_val(found, variable);
	}
	set_end(kernel, &infos[btf_vlen(section) - 1], base);
}

static void by_sections(const LinuxKernel *kernel, GArray *found)
{
	const struct btf *btf = linux_types_btf(kernel->types);
	unsigned left = VARIABLES_MAX, n_few = found->len;

	for (unsigned id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!btf_is_datasec(type) || btf_vlen(type) > left)
			continue;
		left -= btf_vlen(type);
		by_section(kernel, btf, type, n_few, found);
	}
}

/* ---- What the first task points to ---- */

typedef struct Pointer {
	const char *name, *member;
} Pointer;

/* INIT_TASK (init/init_task.c) says so, and the idle task of the first CPU keeps them. */
static const Pointer pointers[] = {
	{"init_signals", "signal"},
	{"init_sighand", "sighand"},
	{"init_files", "files"},
	{"init_fs", "fs"},
	{"init_nsproxy", "nsproxy"},
	{"init_cred", "real_cred"},
	{"init_css_set", "cgroups"},
	{"init_struct_pid", "thread_pid"},
	{"root_task_group", "sched_task_group"},
};

static bool follow(const LinuxKernel *kernel, uint64_t addr, const char *type, const char *member,
		   uint64_t *ret)
{
	uint32_t at;

	return linux_offset(kernel, type, member, &at) &&
	       linux_read_u64(&kernel->memory, addr + at, ret);
}

static void by_task(const LinuxKernel *kernel, uint64_t init_task, GArray *found)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(pointers); i++) {
		uint64_t addr;

		if (follow(kernel, init_task, "task_struct", pointers[i].member, &addr) &&
		    addr % sizeof(addr) == 0 && is_written(kernel, addr))
			take(found, pointers[i].name, addr);
	}
}

/* ---- A head of a list ---- */

/* Nodes are allocated, but the head is a variable. FALSE: it is no whole list. */
static bool find_head(const LinuxKernel *kernel, uint64_t node, uint64_t *ret)
{
	uint64_t first = node, next, back;
	unsigned n_heads = 0;

	for (unsigned n = 0; n < NODES_MAX; n++, node = next) {
		if (is_written(kernel, node)) {
			*ret = node;
			n_heads++;
		}
		if (!linux_read_u64(&kernel->memory, node, &next) ||
		    !linux_read_u64(&kernel->memory, next + sizeof(next), &back) || back != node)
			return false;
		if (next == first)
			return n_heads == 1;
	}
	return false;
}

/* The one of the file system that is the root of all. */
static void find_super_blocks(const LinuxKernel *kernel, uint64_t init_task, GArray *found)
{
	uint64_t addr = init_task;
	uint32_t at;

	if (follow(kernel, addr, "task_struct", "fs", &addr) &&
	    follow(kernel, addr, "fs_struct", "root.mnt", &addr) &&
	    follow(kernel, addr, "vfsmount", "mnt_sb", &addr) &&
	    linux_offset(kernel, "super_block", "s_list", &at) &&
	    find_head(kernel, addr + at, &addr))
		take(found, "super_blocks", addr);
}

/* ---- The queues of the scheduler ---- */

/*
 * The idle task of the first CPU is in the fair queue of that CPU's, which lies in its struct rq.
 * Both point back.
 */
static void find_runqueues(const LinuxKernel *kernel, uint64_t init_task, GArray *found)
{
	uint64_t fair, queue, back, idle, offsets, offset;
	uint32_t at;

	if (!follow(kernel, init_task, "task_struct", "se.cfs_rq", &fair) ||
	    !linux_offset(kernel, "rq", "cfs", &at))
		return;
	queue = fair - at;
	if (follow(kernel, fair, "cfs_rq", "rq", &back) && back == queue &&
	    follow(kernel, queue, "rq", "idle", &idle) && idle == init_task &&
	    linux_symbol(kernel, "__per_cpu_offset", &offsets) &&
	    linux_read_u64(&kernel->memory, offsets, &offset))
		take(found, "runqueues", queue - offset);
}

/* ---- The kernel's own memory ---- */

typedef struct MemoryFields {
	uint32_t pgd, start_code, end_code, start_data, end_data, start_brk, brk;
} MemoryFields;

#define AT(field) offsetof(MemoryFields, field)
#define MM "mm_struct"
static const LinuxField memory_fields[] = {
	{MM, {"pgd"}, AT(pgd)},		  {MM, {"start_code"}, AT(start_code)},
	{MM, {"end_code"}, AT(end_code)}, {MM, {"start_data"}, AT(start_data)},
	{MM, {"end_data"}, AT(end_data)}, {MM, {"start_brk"}, AT(start_brk)},
	{MM, {"brk"}, AT(brk)},
};
#undef AT

/* Before _stext there may be a head of so many bytes; then it begins with _text. */
#define HEAD_MAX 0x10000u

/* @stext, @page_table: 0: not known. */
typedef struct KernelMemory {
	const LinuxKernel *kernel;
	MemoryFields at;
	uint64_t stext, page_table;
	unsigned left, n_found;
	uint64_t found;
} KernelMemory;

static uint64_t get(const KernelMemory *memory, uint64_t addr, uint32_t at)
{
	uint64_t value;

	return linux_read_u64(&memory->kernel->memory, addr + at, &value) ? value : 0;
}

/* Kernels set these when they boot (setup_arch()); it has no data and no heap of its own. */
static bool is_kernel_memory(const KernelMemory *memory, uint64_t addr)
{
	const MemoryFields *at = &memory->at;
	uint64_t code = get(memory, addr, at->start_code), end = get(memory, addr, at->end_code),
		 data_end = get(memory, addr, at->end_data), pgd = get(memory, addr, at->pgd);

	return end > code && data_end >= end && get(memory, addr, at->brk) >= data_end &&
	       !get(memory, addr, at->start_data) && !get(memory, addr, at->start_brk) && pgd &&
	       pgd % 4096 == 0 && (!memory->page_table || pgd == memory->page_table);
}

/*
 * kallsyms with functions only does not have arm64's _text: where it may be, the page tables must
 * fit.
 */
static bool is_text(const KernelMemory *memory, uint64_t addr)
{
	return addr == memory->stext || (memory->page_table && addr < memory->stext &&
					 memory->stext - addr <= HEAD_MAX && addr % 4096 == 0);
}

static void look_in(KernelMemory *memory, const LinuxRange *range)
{
	g_autoptr(GByteArray) block = linux_read_range(&memory->kernel->memory, range);

	for (size_t i = 0; block && memory->left && i + 8 <= block->len; i += 8) {
		uint64_t word, addr = range->start + i - memory->at.start_code;

		memcpy(&word, block->data + i, sizeof(word));
		if (!is_text(memory, GUINT64_FROM_LE(word)))
			continue;
		memory->left--;
		if (!is_kernel_memory(memory, addr))
			continue;
		memory->found = addr;
		memory->n_found++;
	}
}

static void find_memory(const LinuxKernel *kernel, GArray *found)
{
	KernelMemory memory = {.kernel = kernel, .left = CANDIDATES_MAX};

	if (!linux_symbol(kernel, "_stext", &memory.stext) ||
	    !linux_fields(kernel, memory_fields, G_N_ELEMENTS(memory_fields), &memory.at, NULL))
		return;
	if (!linux_symbol(kernel, "swapper_pg_dir", &memory.page_table))
		memory.page_table = 0;
	for (unsigned i = 0; i < kernel->n_ranges; i++) {
		if (kernel->ranges[i].writable)
			look_in(&memory, &kernel->ranges[i]);
	}
	if (memory.n_found == 1 && memory.left)
		take(found, "init_mm", memory.found);
}

/* ---- The command line ---- */

/* Up to its first call it has about ten instructions. */
#define INSNS_MAX 32u
#define LINE_MAX_LEN 65536u
#define CODE_PAGE (~UINT64_C(0xfff))

/* Arm's Architecture Reference Manual, C6.2: ADRP, LDR (immediate) of 64 bits, BL. */
static bool is_adrp(uint32_t insn)
{
	return (insn & 0x9f000000) == 0x90000000;
}

static uint64_t adrp_page(uint32_t insn, uint64_t pc)
{
	uint64_t pages = (insn >> 5 & 0x7ffff) << 2 | (insn >> 29 & 3);

	/* A number of 21 bits with a sign. */
	pages = (pages ^ 1u << 20) - (1u << 20);
	return (pc & CODE_PAGE) + (pages << 12);
}

/* Its second argument: x1. */
static bool is_load(uint32_t insn, unsigned base)
{
	return (insn & 0xffc003ff) == (0xf9400001 | base << 5);
}

static bool is_call(uint32_t insn)
{
	return insn >> 26 == 0x25;
}

/*
 * The variable that the arm64 code at @pc loads into x1 before its first call. FALSE: none, or not
 * in the one way that is known.
 */
static bool find_argument(const LinuxKernel *kernel, uint64_t pc, uint64_t *ret)
{
	uint64_t page = 0;
	unsigned base = 0, n_pages = 0, n_loads = 0;
	uint32_t insn;

	for (unsigned i = 0; i < INSNS_MAX; i++, pc += sizeof(insn)) {
		if (!linux_read_u32(&kernel->memory, pc, &insn))
			return false;
		if (is_call(insn))
			return n_pages == 1 && n_loads == 1;
		if (is_adrp(insn)) {
			page = adrp_page(insn, pc);
			base = insn & 31;
			n_pages++;
		} else if (n_pages && is_load(insn, base)) {
			*ret = page + 8 * (insn >> 10 & 0xfff);
			n_loads++;
		}
	}
	return false;
}

static bool is_line(const LinuxKernel *kernel, uint64_t addr)
{
	g_autofree char *text = linux_read_string(&kernel->memory, addr, LINE_MAX_LEN);
	size_t len = 0;

	while (text && g_ascii_isprint(text[len]))
		len++;
	return len && !text[len];
}

/*
 * /proc/cmdline is made by cmdline_proc_show(), which has seq_puts(m, saved_command_line). Since
 * Linux 6.3 the kernel does not write there once it has booted.
 */
static void find_command_line(const LinuxKernel *kernel, GArray *found)
{
	const LinuxSymbol *code = linux_symbols_named(kernel->symbols, "cmdline_proc_show");
	uint64_t addr = 0, line;
	uint32_t size;

	/* As in guest/task.c it is by this type that arm64 is known. */
	if (linux_size(kernel, "cpu_context", &size) && code && linux_symbol_is_code(code) &&
	    find_argument(kernel, code->addr, &addr) && in_image(kernel, addr) &&
	    linux_read_u64(&kernel->memory, addr, &line) && is_line(kernel, line))
		take(found, "saved_command_line", addr);
}

/* ---- All ---- */

unsigned linux_variables_add(LinuxKernel *kernel)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Variable));
	uint64_t init_task;

	by_info(kernel, found);
	find_command_line(kernel, found);
	if (kernel->types)
		find_memory(kernel, found);
	if (kernel->types && linux_symbol(kernel, "init_task", &init_task)) {
		by_task(kernel, init_task, found);
		find_super_blocks(kernel, init_task, found);
		find_runqueues(kernel, init_task, found);
	}
	/* Those of before may be among them. */
	if (kernel->types)
		by_sections(kernel, found);
	return add_all(kernel, found);
}

bool linux_variables_add_modules(LinuxKernel *kernel)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Variable));
	g_autoptr(LinuxModules) modules = linux_modules_new(kernel, NULL);

	if (modules)
		take(found, "modules", linux_modules_head(modules));
	return add_all(kernel, found);
}

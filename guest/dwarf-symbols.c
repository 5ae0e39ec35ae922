/*
 * guest/dwarf-symbols.c - functions and variables: what BTF knows of them, at the addresses that
 * the table of symbols has for their names.
 */
#include <bpf/btf.h>
#include <linux/btf.h>
#include <string.h>

#include "guest/dwarf-unit.h"
#include "guest/hash.h"
#include "guest/type-graph.h"

static bool is_global(char letter)
{
	return g_ascii_isupper(letter);
}

/* ---- Names ---- */

/*
 * A name that BTF has. @id: of the BTF_KIND_FUNC or BTF_KIND_VAR, or 0. @n: how many addresses it
 * has: of more than one nobody knows which is meant.
 */
typedef struct Named {
	uint32_t id;
	unsigned n;
	const LinuxSymbol *symbol;
} Named;

static bool add_name(GHashTable *names, const char *name, uint32_t id)
{
	Named *named;

	if (!name || !*name || g_hash_table_contains(names, name))
		return false;
	named = g_new0(Named, 1);
	named->id = id;
	g_hash_table_insert(names, (gpointer)name, named);
	return true;
}

/* Of BTF's functions or variables: name -> Named. */
static GHashTable *names_of(const DwarfUnit *unit, unsigned kind)
{
	GHashTable *names = g_hash_table_new_full(linux_name_hash, g_str_equal, NULL, g_free);

	for (uint32_t id = linux_types_first(unit->source->types); id < unit->n_types; id++) {
		const struct btf_type *type = btf__type_by_id(unit->btf, id);
		const char *name = btf__name_by_offset(unit->btf, type->name_off);
		Named *named;

		if (btf_kind(type) != kind || add_name(names, name, id))
			continue;
		named = name ? g_hash_table_lookup(names, name) : NULL;
		if (named)
			named->n = 2; /* of two types */
	}
	return names;
}

/* Those that are symbols of code, or of data. */
static void find_addresses(const LinuxSymbols *symbols, GHashTable *names, bool code)
{
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);

	for (unsigned i = 0; i < n; i++) {
		Named *named;

		if (linux_symbol_is_code(&rows[i]) != code)
			continue;
		named = g_hash_table_lookup(names, linux_symbols_name(symbols, &rows[i]));
		if (!named || (named->symbol && named->symbol->addr == rows[i].addr))
			continue;
		named->n++;
		named->symbol = &rows[i];
	}
}

/* NULL: it has none, or nobody knows which. */
static const LinuxSymbol *symbol_of(const Named *named)
{
	return named && named->n == 1 ? named->symbol : NULL;
}

/* ---- Functions ---- */

#define LLE_END_OF_LIST 0x00u
#define LLE_START_LENGTH 0x08u
#define OP_REG0 0x50u

/* At the first instruction, and nowhere else. Its offset. */
static uint32_t add_location(DwarfUnit *unit, uint64_t pc, unsigned reg)
{
	uint32_t at = unit->lists.len;

	bytes_put(&unit->lists, LLE_START_LENGTH, 1);
	bytes_put(&unit->lists, pc, 8);
	bytes_uleb(&unit->lists, 1); /* byte long */
	bytes_uleb(&unit->lists, 1);
	bytes_put(&unit->lists, OP_REG0 + reg, 1);
	bytes_put(&unit->lists, LLE_END_OF_LIST, 1);
	return at;
}

/* Is it given in one register, whatever the architecture? */
static bool fits_register(const struct btf *btf, uint32_t id)
{
	int real = id ? btf__resolve_type(btf, id) : -1;
	const struct btf_type *type = real > 0 ? btf__type_by_id(btf, real) : NULL;

	if (!type)
		return false;
	return btf_is_ptr(type) || ((btf_is_int(type) || btf_is_any_enum(type)) && type->size <= 8);
}

static void add_parameters(DwarfUnit *unit, const struct btf_type *proto, uint64_t pc)
{
	const struct btf_param *params = btf_params(proto);
	unsigned n = MIN(btf_vlen(proto), unit->source->n_args), i;

	for (i = 0; i < n && fits_register(unit->btf, params[i].type); i++) {
		dwarf_begin(unit, ROW_PARAM_AT, params[i].name_off, params[i].type);
		bytes_put(&unit->info, add_location(unit, pc, unit->source->args[i]), 4);
	}
	dwarf_parameters(unit, proto, i);
}

/* Up to the next symbol, but not out of its section. 0: it is in none. */
static uint64_t length_of(const LinuxDwarfSource *source, const LinuxSymbol *symbol)
{
	uint64_t end = linux_symbols_end(source->symbols, symbol);

	for (unsigned i = 0; i < source->n_code; i++) {
		const LinuxCode *code = &source->code[i];

		if (symbol->addr >= code->start && symbol->addr < code->end)
			return MIN(end, code->end) - symbol->addr;
	}
	return 0;
}

static void add_function(DwarfUnit *unit, const Named *function)
{
	const struct btf_type *type = btf__type_by_id(unit->btf, function->id);
	const struct btf_type *proto = btf__type_by_id(unit->btf, type->type);
	uint64_t length = length_of(unit->source, function->symbol);

	if (!length || length > UINT32_MAX || !proto || !btf_is_func_proto(proto) ||
	    unit->parts[type->type] == TYPE_HOLLOW)
		return;
	dwarf_begin(unit, ROW_FUNCTION, type->name_off, proto->type);
	bytes_put(&unit->info, is_global(function->symbol->type), 1);
	bytes_put(&unit->info, function->symbol->addr, 8);
	bytes_put(&unit->info, length, 4);
	add_parameters(unit, proto, function->symbol->addr);
	dwarf_end(unit);
}

void dwarf_functions(DwarfUnit *unit)
{
	const LinuxSymbols *symbols = unit->source->symbols;
	g_autoptr(GHashTable) names = names_of(unit, BTF_KIND_FUNC);
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);
	uint64_t last = 0;

	find_addresses(symbols, names, true);
	/* By address, and one for each. */
	for (unsigned i = 0; i < n && unit->info.len < LINUX_DWARF_MAX; i++) {
		const Named *function;

		if (!linux_symbol_is_code(&rows[i]) || rows[i].addr == last)
			continue;
		function = g_hash_table_lookup(names, linux_symbols_name(symbols, &rows[i]));
		if (!symbol_of(function))
			continue;
		add_function(unit, function);
		last = rows[i].addr;
	}
}

/* ---- Variables ---- */

#define OP_ADDR 0x03u

static void add_place(DwarfUnit *unit, const LinuxSymbol *symbol)
{
	bytes_put(&unit->info, is_global(symbol->type), 1);
	bytes_uleb(&unit->info, 1 + sizeof(uint64_t));
	bytes_put(&unit->info, OP_ADDR, 1);
	bytes_put(&unit->info, symbol->addr, 8);
}

/*
 * Variables that BTF does not have before Linux 6.15, but people and the kernel's scripts for gdb
 * read: a single one of the type, a pointer to one, or as many as fit in front of the next symbol.
 */
typedef enum Shape {
	ONE,
	POINTER,
	MANY,
} Shape;

typedef struct Global {
	const char *name, *type;
	Shape shape;
} Global;

static const Global globals[] = {
	{"init_task", "struct task_struct", ONE},
	{"init_mm", "struct mm_struct", ONE},
	{"init_net", "struct net", ONE},
	{"init_uts_ns", "struct uts_namespace", ONE},
	{"init_pid_ns", "struct pid_namespace", ONE},
	{"init_user_ns", "struct user_namespace", ONE},
	{"init_nsproxy", "struct nsproxy", ONE},
	{"init_css_set", "struct css_set", ONE},
	{"init_cred", "struct cred", ONE},
	{"init_fs", "struct fs_struct", ONE},
	{"init_files", "struct files_struct", ONE},
	{"init_signals", "struct signal_struct", ONE},
	{"init_sighand", "struct sighand_struct", ONE},
	{"root_task_group", "struct task_group", ONE},
	{"cgrp_dfl_root", "struct cgroup_root", ONE},
	{"jiffies", "long unsigned int", ONE},
	{"jiffies_64", "long long unsigned int", ONE},
	{"loops_per_jiffy", "long unsigned int", ONE},
	{"modules", "struct list_head", ONE},
	{"super_blocks", "struct list_head", ONE},
	{"slab_caches", "struct list_head", ONE},
	{"vmap_area_list", "struct list_head", ONE},
	{"gpd_list", "struct list_head", ONE},
	{"net_namespace_list", "struct list_head", ONE},
	{"bdi_list", "struct list_head", ONE},
	{"clk_root_list", "struct hlist_head", ONE},
	{"clk_orphan_list", "struct hlist_head", ONE},
	{"file_systems", "struct file_system_type", POINTER},
	{"linux_banner", "char", MANY},
	{"linux_proc_banner", "char", MANY},
	{"saved_command_line", "char", POINTER},
	{"boot_command_line", "char", MANY},
	{"prb", "struct printk_ringbuffer", POINTER},
	{"printk_rb_static", "struct printk_ringbuffer", ONE},
	{"clear_seq", "struct latched_seq", ONE},
	{"panic_cpu", "atomic_t", ONE},
	{"panic_timeout", "int", ONE},
	{"panic_on_oops", "int", ONE},
	{"oops_in_progress", "int", ONE},
	{"console_drivers", "struct console", POINTER},
	{"console_list", "struct hlist_head", ONE},
	{"tainted_mask", "long unsigned int", ONE},
	{"system_state", "enum system_states", ONE},
	{"nr_cpu_ids", "unsigned int", ONE},
	{"nr_threads", "int", ONE},
	{"total_forks", "long unsigned int", ONE},
	{"__per_cpu_offset", "long unsigned int", MANY},
	{"__cpu_online_mask", "struct cpumask", ONE},
	{"__cpu_possible_mask", "struct cpumask", ONE},
	{"__cpu_present_mask", "struct cpumask", ONE},
	{"__cpu_active_mask", "struct cpumask", ONE},
	{"iomem_resource", "struct resource", ONE},
	{"ioport_resource", "struct resource", ONE},
	{"node_data", "struct pglist_data", POINTER},
	{"contig_page_data", "struct pglist_data", ONE},
	{"mem_section", "struct mem_section", POINTER},
	{"vm_stat", "atomic_long_t", MANY},
	{"vm_zone_stat", "atomic_long_t", MANY},
	{"vm_node_stat", "atomic_long_t", MANY},
	{"_totalram_pages", "atomic_long_t", ONE},
	{"max_pfn", "long unsigned int", ONE},
	{"max_low_pfn", "long unsigned int", ONE},
	{"phys_base", "long unsigned int", ONE},
	{"page_offset_base", "long unsigned int", ONE},
	{"vmalloc_base", "long unsigned int", ONE},
	{"vmemmap_base", "long unsigned int", ONE},
	{"kimage_voffset", "long long unsigned int", ONE},
	{"memstart_addr", "long long int", ONE},
	{"vabits_actual", "long long unsigned int", ONE},
	{"boot_cpu_data", "struct cpuinfo_x86", ONE},
	{"devices_kset", "struct kset", POINTER},
	{"bus_kset", "struct kset", POINTER},
	{"class_kset", "struct kset", POINTER},
	{"irq_desc_tree", "struct radix_tree_root", ONE},
	{"sparse_irqs", "struct maple_tree", ONE},
	{"irq_err_count", "atomic_t", ONE},
	{"swapper_pg_dir", "pgd_t", MANY},
	{"init_top_pgt", "pgd_t", MANY},
	{"tasklist_lock", "rwlock_t", ONE},
	{"mod_tree", "struct mod_tree_root", ONE},
	{"hrtimer_resolution", "unsigned int", ONE},
	{"tk_core", "struct tk_data", ONE},
	{"tick_broadcast_device", "struct tick_device", ONE},
	{"tick_broadcast_mask", "cpumask_var_t", ONE},
	{"tick_broadcast_oneshot_mask", "cpumask_var_t", ONE},
	{"nr_irqs", "unsigned int", ONE},
	{"total_nr_irqs", "unsigned int", ONE},
	{"vmap_nodes", "struct vmap_node", POINTER},
	{"nr_vmap_nodes", "int", ONE},
	{"min_low_pfn", "long unsigned int", ONE},
	/* Of each CPU: that of Debian's 5.10 has no variables at all. */
	{"runqueues", "struct rq", ONE},
	{"current_task", "struct task_struct", POINTER},
	{"cpu_number", "int", ONE},
	{"this_cpu_off", "long unsigned int", ONE},
	{"cpu_info", "struct cpuinfo_x86", ONE},
	{"process_counts", "long unsigned int", ONE},
	{"ksoftirqd", "struct task_struct", POINTER},
	{"kstat", "struct kernel_stat", ONE},
	{"kernel_cpustat", "struct kernel_cpustat", ONE},
	{"irq_stat", "irq_cpustat_t", ONE},
	{"vm_event_states", "struct vm_event_state", ONE},
	{"hrtimer_bases", "struct hrtimer_cpu_base", ONE},
	{"tick_cpu_device", "struct tick_device", ONE},
	{"tick_cpu_sched", "struct tick_sched", ONE},
};

/* The word in front of a name of each kind. */
static const char *const word_of_kind[] = {
	[BTF_KIND_INT] = "",	     [BTF_KIND_TYPEDEF] = "",	[BTF_KIND_STRUCT] = "struct ",
	[BTF_KIND_UNION] = "union ", [BTF_KIND_ENUM] = "enum ",
};

/* Type as C writes it -> number, of those that @globals want. */
static GHashTable *wanted_types(const DwarfUnit *unit)
{
	GHashTable *wanted = g_hash_table_new(linux_name_hash, g_str_equal);

	for (unsigned i = 0; i < G_N_ELEMENTS(globals); i++)
		g_hash_table_insert(wanted, (gpointer)globals[i].type, NULL);
	for (uint32_t id = 1; id < unit->n_types; id++) {
		const struct btf_type *type = btf__type_by_id(unit->btf, id);
		unsigned kind = btf_kind(type);
		const char *name = btf__name_by_offset(unit->btf, type->name_off);
		char text[64];
		gpointer key, found;

		if (kind >= G_N_ELEMENTS(word_of_kind) || !word_of_kind[kind] || !name)
			continue;
		g_snprintf(text, sizeof(text), "%s%s", word_of_kind[kind], name);
		if (g_hash_table_lookup_extended(wanted, text, &key, &found) && !found)
			g_hash_table_insert(wanted, key, GUINT_TO_POINTER(id));
	}
	return wanted;
}

/* The type that BTF does not have, and then the variable, without its name. */
static void begin_global(DwarfUnit *unit, const Global *global, uint32_t id, uint64_t count)
{
	uint32_t at = unit->info.len;

	if (global->shape == ONE) {
		dwarf_begin(unit, ROW_GLOBAL, 0, id);
		return;
	}
	dwarf_begin(unit, global->shape == POINTER ? ROW_POINTER : ROW_ARRAY, 0, id);
	if (global->shape == MANY) {
		dwarf_begin(unit, ROW_COUNT, 0, 0);
		bytes_uleb(&unit->info, count);
		dwarf_end(unit);
	}
	dwarf_begin_own(unit, ROW_GLOBAL, at);
}

/* Where it does not fit in front of the next symbol, it is something else. */
static void add_global(DwarfUnit *unit, const Global *global, const LinuxSymbol *symbol,
		       uint32_t id)
{
	uint64_t room = linux_symbols_end(unit->source->symbols, symbol) - symbol->addr;
	int64_t size = global->shape == POINTER ? 8 : btf__resolve_size(unit->btf, id);

	if (!id || size <= 0 || (uint64_t)size > room)
		return;
	begin_global(unit, global, id, room / (uint64_t)size);
	bytes_string(&unit->info, global->name);
	add_place(unit, symbol);
}

static void add_btf_variables(DwarfUnit *unit, GHashTable *names)
{
	uint32_t id = linux_types_first(unit->source->types);

	for (; id < unit->n_types && unit->info.len < LINUX_DWARF_MAX; id++) {
		const struct btf_type *type = btf__type_by_id(unit->btf, id);
		const char *name = btf__name_by_offset(unit->btf, type->name_off);
		const LinuxSymbol *symbol;

		if (!btf_is_var(type) || !name)
			continue;
		symbol = symbol_of(g_hash_table_lookup(names, name));
		if (!symbol)
			continue;
		dwarf_begin(unit, ROW_VARIABLE, type->name_off, type->type);
		add_place(unit, symbol);
	}
}

static void add_globals(DwarfUnit *unit, GHashTable *names)
{
	g_autoptr(GHashTable) types = wanted_types(unit);

	for (unsigned i = 0; i < G_N_ELEMENTS(globals); i++) {
		const Named *named = g_hash_table_lookup(names, globals[i].name);
		gpointer id = g_hash_table_lookup(types, globals[i].type);

		/* BTF knows better. */
		if (symbol_of(named) && !named->id)
			add_global(unit, &globals[i], named->symbol, GPOINTER_TO_UINT(id));
	}
}

void dwarf_variables(DwarfUnit *unit)
{
	g_autoptr(GHashTable) names = names_of(unit, BTF_KIND_VAR);
	/* A module has none of the table. */
	unsigned n = linux_types_first(unit->source->types) > 1 ? 0 : G_N_ELEMENTS(globals);

	for (unsigned i = 0; i < n; i++)
		add_name(names, globals[i].name, 0);
	find_addresses(unit->source->symbols, names, false);
	add_btf_variables(unit, names);
	if (n)
		add_globals(unit, names);
}

/* ---- Variables of a file ---- */

/*
 * The kernel's scripts for gdb say 'printk.c'::prb. Such a unit has the variable besides; its type
 * is only named there, and gdb takes the whole one from the kernel's unit.
 */
static const struct {
	const char *file, *name, *type;
} file_pointers[] = {
	{"printk.c", "prb", "printk_ringbuffer"},
};

static void add_file(DwarfUnit *unit, unsigned i, const LinuxSymbol *symbol, uint32_t type_name)
{
	uint32_t start = dwarf_begin_unit(unit, ROW_FILE, file_pointers[i].file);
	uint32_t target = unit->info.len - start, pointer;

	dwarf_begin(unit, ROW_STRUCT_NAME, type_name, 0);
	pointer = unit->info.len - start;
	dwarf_begin_own(unit, ROW_POINTER, target);
	dwarf_begin_own(unit, ROW_GLOBAL, pointer);
	bytes_string(&unit->info, file_pointers[i].name);
	add_place(unit, symbol);
	dwarf_end_unit(unit, start);
}

void dwarf_files(DwarfUnit *unit)
{
	g_autoptr(GHashTable) names =
		g_hash_table_new_full(linux_name_hash, g_str_equal, NULL, g_free);

	if (linux_types_first(unit->source->types) > 1)
		return; /* a module's */
	for (unsigned i = 0; i < G_N_ELEMENTS(file_pointers); i++)
		add_name(names, file_pointers[i].name, 0);
	find_addresses(unit->source->symbols, names, false);
	for (unsigned i = 0; i < G_N_ELEMENTS(file_pointers); i++) {
		const LinuxSymbol *symbol =
			symbol_of(g_hash_table_lookup(names, file_pointers[i].name));
		int id = btf__find_by_name_kind(unit->btf, file_pointers[i].type, BTF_KIND_STRUCT);

		if (symbol && id > 0)
			add_file(unit, i, symbol, btf__type_by_id(unit->btf, id)->name_off);
	}
}

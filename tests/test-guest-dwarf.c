/*
 * tests/test-guest-dwarf.c - the sentences of guest/dwarf.h, with BTF that libbpf writes.
 */
#include <bpf/btf.h>
#include <linux/btf.h>
#include <string.h>

#include "guest/dwarf.h"
#include "guest/memory.h"

#include "tests/dwarf-reader.h"
#include "tests/test-util.h"

static const uint8_t args[] = {5, 4, 1};
static const LinuxCode code[] = {{0x1000, 0x2000}, {0x8000, 0x9000}};

/* One BTF, a table of symbols, and what is made of them. */
typedef struct Rig {
	struct btf *btf;
	LinuxSymbols *symbols;
	LinuxTypes *types;
	LinuxDwarf *dwarf;
	GPtrArray *entries;
	int int_, long_, char_;
} Rig;

static Rig *rig_new(void)
{
	Rig *rig = g_new0(Rig, 1);

	rig->btf = btf__new_empty();
	rig->symbols = linux_symbols_new();
	rig->int_ = btf__add_int(rig->btf, "int", 4, BTF_INT_SIGNED);
	rig->long_ = btf__add_int(rig->btf, "long unsigned int", 8, 0);
	rig->char_ = btf__add_int(rig->btf, "char", 1, 0);
	return rig;
}

static void rig_free(Rig *rig)
{
	g_clear_pointer(&rig->entries, g_ptr_array_unref);
	linux_dwarf_free(rig->dwarf);
	linux_types_free(rig->types);
	linux_symbols_free(rig->symbols);
	btf__free(rig->btf);
	g_free(rig);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

static void symbol(Rig *rig, uint64_t addr, char type, const char *name)
{
	g_assert_true(linux_symbols_add(rig->symbols, addr, type, name, strlen(name)));
}

static void rig_make(Rig *rig)
{
	LinuxDwarfSource source = {.symbols = rig->symbols,
				   .code = code,
				   .n_code = G_N_ELEMENTS(code),
				   .args = args,
				   .n_args = sizeof(args),
				   .name = "toy"};
	g_autoptr(GError) error = NULL;
	uint32_t len;
	const void *raw = btf__raw_data(rig->btf, &len);

	linux_symbols_sort(rig->symbols);
	rig->types = linux_types_new(raw, len, NULL, &error);
	g_assert_no_error(error);
	source.types = rig->types;
	rig->dwarf = linux_dwarf_new(&source, &error);
	g_assert_no_error(error);
	rig->entries = dwarf_read(rig->dwarf, rig->types);
}

/* There is one, and only one. */
static const DwarfEntry *find(const Rig *rig, unsigned tag, const char *name)
{
	g_assert_cmpuint(dwarf_count(rig->entries, tag, name), ==, 1);
	return dwarf_find(rig->entries, tag, name);
}

static const DwarfEntry *child(const Rig *rig, const DwarfEntry *parent, unsigned i)
{
	return dwarf_child(rig->entries, parent, i);
}

/* The unit's code: both pieces, and nothing of what lies between them. */
static void assert_ranges(const GByteArray *lists, uint64_t at)
{
	static const uint8_t header[] = {31, 0, 0, 0, 5, 0, 8, 0, 0, 0, 0, 0};
	static const uint8_t ranges[] = {7, 0,	  0x10, 0, 0, 0, 0, 0, 0,    0x80, 0x20, 7,
					 0, 0x80, 0,	0, 0, 0, 0, 0, 0x80, 0x20, 0};

	g_assert_cmpuint(lists->len, ==, sizeof(header) + sizeof(ranges));
	g_assert_cmpmem(lists->data, sizeof(header), header, sizeof(header));
	g_assert_cmpuint(at, ==, sizeof(header));
	g_assert_cmpmem(lists->data + at, lists->len - at, ranges, sizeof(ranges));
}

/* ---- Types ---- */

static void test_base(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *unit;

	btf__add_int(rig->btf, "_Bool", 1, BTF_INT_BOOL);
	btf__add_int(rig->btf, "unsigned char", 1, 0);
	btf__add_float(rig->btf, "double", 8);
	rig_make(rig);
	g_assert_cmpuint(find(rig, TAG_BASE, "int")->values[AT_ENCODING], ==, 5);
	g_assert_cmpuint(find(rig, TAG_BASE, "int")->values[AT_BYTE_SIZE], ==, 4);
	g_assert_cmpuint(find(rig, TAG_BASE, "long unsigned int")->values[AT_ENCODING], ==, 7);
	g_assert_cmpuint(find(rig, TAG_BASE, "char")->values[AT_ENCODING], ==, 6);
	g_assert_cmpuint(find(rig, TAG_BASE, "unsigned char")->values[AT_ENCODING], ==, 8);
	g_assert_cmpuint(find(rig, TAG_BASE, "_Bool")->values[AT_ENCODING], ==, 2);
	g_assert_cmpuint(find(rig, TAG_BASE, "double")->values[AT_ENCODING], ==, 4);
	unit = find(rig, TAG_UNIT, "toy");
	g_assert_cmphex(unit->values[AT_LOW_PC], ==, 0);
	assert_ranges(rig->dwarf->rnglists, unit->values[AT_RANGES]);
}

static void test_references(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *alias, *name;
	int tag = btf__add_type_tag(rig->btf, "user", rig->char_);
	int pointer = btf__add_ptr(rig->btf, btf__add_const(rig->btf, tag));

	btf__add_typedef(rig->btf, "name_t", btf__add_volatile(rig->btf, pointer));
	btf__add_typedef(rig->btf, "nothing_t", 0);
	btf__add_fwd(rig->btf, "far", BTF_FWD_UNION);
	rig_make(rig);
	alias = find(rig, TAG_TYPEDEF, "name_t");
	g_assert_cmpuint(alias->type->tag, ==, TAG_VOLATILE);
	g_assert_cmpuint(alias->type->type->tag, ==, TAG_POINTER);
	g_assert_cmpuint(alias->type->type->type->tag, ==, TAG_CONST);
	g_assert_cmpstr(alias->type->type->type->type->name, ==, "char");
	g_assert_null(find(rig, TAG_TYPEDEF, "nothing_t")->type);
	name = find(rig, TAG_UNION, "far");
	g_assert_true(name->has[AT_DECLARATION]);
}

static void test_arrays(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *array;

	btf__add_typedef(rig->btf, "five_t", btf__add_array(rig->btf, 1, rig->long_, 300));
	btf__add_typedef(rig->btf, "any_t", btf__add_array(rig->btf, 1, rig->int_, 0));
	rig_make(rig);
	array = find(rig, TAG_TYPEDEF, "five_t")->type;
	g_assert_cmpuint(array->tag, ==, TAG_ARRAY);
	g_assert_cmpstr(array->type->name, ==, "long unsigned int");
	g_assert_cmpuint(child(rig, array, 0)->tag, ==, TAG_RANGE);
	g_assert_cmpuint(child(rig, array, 0)->values[AT_COUNT], ==, 300);
	array = find(rig, TAG_TYPEDEF, "any_t")->type;
	g_assert_false(child(rig, array, 0)->has[AT_COUNT]);
}

static void test_structures(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *outer, *inner;
	int either = btf__add_union(rig->btf, NULL, 8);

	btf__add_field(rig->btf, "a", rig->int_, 0, 0);
	btf__add_field(rig->btf, "b", rig->long_, 0, 0);
	btf__add_struct(rig->btf, "outer", 400);
	btf__add_field(rig->btf, NULL, either, 64, 0);
	btf__add_field(rig->btf, "low", rig->int_, 131, 3);
	btf__add_field(rig->btf, "last", rig->long_, 3072, 0);
	rig_make(rig);
	outer = find(rig, TAG_STRUCT, "outer");
	g_assert_cmpuint(outer->values[AT_BYTE_SIZE], ==, 400);
	g_assert_null(child(rig, outer, 0)->name);
	g_assert_cmpuint(child(rig, outer, 0)->values[AT_MEMBER_LOCATION], ==, 8);
	inner = child(rig, outer, 0)->type;
	g_assert_cmpuint(inner->tag, ==, TAG_UNION);
	g_assert_cmpuint(inner->values[AT_BYTE_SIZE], ==, 8);
	g_assert_cmpstr(child(rig, inner, 1)->name, ==, "b");
	g_assert_cmpuint(child(rig, outer, 1)->values[AT_BIT_SIZE], ==, 3);
	g_assert_cmpuint(child(rig, outer, 1)->values[AT_DATA_BIT_OFFSET], ==, 131);
	g_assert_false(child(rig, outer, 1)->has[AT_MEMBER_LOCATION]);
	g_assert_cmpuint(child(rig, outer, 2)->values[AT_MEMBER_LOCATION], ==, 384);
	g_assert_null(child(rig, outer, 3));
}

static void test_enums(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *entry;

	btf__add_enum(rig->btf, "plain", 4);
	btf__add_enum_value(rig->btf, "TOP", 0xffffffff);
	btf__add_enum(rig->btf, "minus", 4);
	btf__add_enum_value(rig->btf, "LESS", -65);
	btf__add_enum64(rig->btf, "wide", 8, false);
	btf__add_enum64_value(rig->btf, "FAR", 0x8000000000000001);
	rig_make(rig);
	entry = find(rig, TAG_ENUM, "plain");
	g_assert_cmpuint(entry->values[AT_BYTE_SIZE], ==, 4);
	g_assert_cmphex(child(rig, entry, 0)->values[AT_CONST_VALUE], ==, 0xffffffff);
	entry = child(rig, find(rig, TAG_ENUM, "minus"), 0);
	g_assert_cmpint((int64_t)entry->values[AT_CONST_VALUE], ==, -65);
	entry = find(rig, TAG_ENUM, "wide");
	g_assert_cmpuint(entry->values[AT_BYTE_SIZE], ==, 8);
	g_assert_cmpstr(child(rig, entry, 0)->name, ==, "FAR");
	g_assert_cmphex(child(rig, entry, 0)->values[AT_CONST_VALUE], ==, 0x8000000000000001);
}

/* ---- Functions ---- */

/* void *NAME(int count, char *text, struct two by_value, long last, ...) */
static void add_function(Rig *rig, const char *name)
{
	int two = btf__add_struct(rig->btf, "two", 16);
	int pointer = btf__add_ptr(rig->btf, rig->char_), nothing = btf__add_ptr(rig->btf, 0);
	int proto = btf__add_func_proto(rig->btf, nothing);

	btf__add_func_param(rig->btf, "count", rig->int_);
	btf__add_func_param(rig->btf, "text", pointer);
	btf__add_func_param(rig->btf, "by_value", two);
	btf__add_func_param(rig->btf, "last", rig->long_);
	btf__add_func_param(rig->btf, NULL, 0);
	btf__add_func(rig->btf, name, BTF_FUNC_STATIC, proto);
}

static void assert_register(const Rig *rig, const DwarfEntry *param, uint64_t pc, uint8_t reg)
{
	const uint8_t *list = rig->dwarf->loclists->data + param->values[AT_LOCATION];
	uint64_t start;

	g_assert_cmpuint(list[0], ==, 8); /* from here on, so many bytes */
	memcpy(&start, list + 1, sizeof(start));
	g_assert_cmphex(GUINT64_FROM_LE(start), ==, pc);
	g_assert_cmpmem(list + 9, 4, ((uint8_t[]){1, 1, 0x50 + reg, 0}), 4);
}

static void test_function(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *function;

	add_function(rig, "work");
	symbol(rig, 0x1100, 'T', "work");
	symbol(rig, 0x1180, 't', "other");
	rig_make(rig);
	function = find(rig, TAG_FUNCTION, "work");
	g_assert_cmphex(function->values[AT_LOW_PC], ==, 0x1100);
	g_assert_cmphex(function->values[AT_HIGH_PC], ==, 0x80);
	g_assert_cmpuint(function->values[AT_EXTERNAL], ==, 1);
	g_assert_cmpuint(function->type->tag, ==, TAG_POINTER);
	g_assert_null(function->type->type);
	g_assert_cmpstr(child(rig, function, 0)->name, ==, "count");
	assert_register(rig, child(rig, function, 0), 0x1100, 5);
	assert_register(rig, child(rig, function, 1), 0x1100, 4);
	/* Who knows where a structure is, and what comes behind it? */
	g_assert_cmpstr(child(rig, function, 2)->type->name, ==, "two");
	g_assert_false(child(rig, function, 2)->has[AT_LOCATION]);
	g_assert_cmpstr(child(rig, function, 3)->name, ==, "last");
	g_assert_false(child(rig, function, 3)->has[AT_LOCATION]);
	g_assert_cmpuint(child(rig, function, 4)->tag, ==, TAG_MORE);
	g_assert_null(child(rig, function, 5));
	g_assert_null(dwarf_find(rig->entries, TAG_FUNCTION, "other"));
}

static void test_registers_end(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *function;
	int proto = btf__add_func_proto(rig->btf, 0);

	for (unsigned i = 0; i < 4; i++)
		btf__add_func_param(rig->btf, "p", rig->int_);
	btf__add_func(rig->btf, "four", BTF_FUNC_STATIC, proto);
	symbol(rig, 0x8ff0, 't', "four");
	rig_make(rig);
	function = find(rig, TAG_FUNCTION, "four");
	g_assert_null(function->type);
	g_assert_cmpuint(function->values[AT_EXTERNAL], ==, 0);
	/* Not out of its section. */
	g_assert_cmphex(function->values[AT_HIGH_PC], ==, 0x10);
	assert_register(rig, child(rig, function, 2), 0x8ff0, 1);
	g_assert_false(child(rig, function, 3)->has[AT_LOCATION]);
}

/* Which of them is meant? And what is not code is no function. */
static void test_ambiguous(void)
{
	g_autoptr(Rig) rig = rig_new();

	add_function(rig, "twice");
	add_function(rig, "types");
	add_function(rig, "types");
	add_function(rig, "data");
	add_function(rig, "outside");
	add_function(rig, "one");
	add_function(rig, "alias");
	symbol(rig, 0x1100, 't', "twice");
	symbol(rig, 0x1200, 't', "twice");
	symbol(rig, 0x1300, 't', "types");
	symbol(rig, 0x1400, 'd', "data");
	symbol(rig, 0x3000, 't', "outside");
	symbol(rig, 0x1500, 't', "one");
	symbol(rig, 0x1500, 't', "alias");
	rig_make(rig);
	for (guint i = 0; i < rig->entries->len; i++) {
		const DwarfEntry *entry = rig->entries->pdata[i];

		g_assert_true(entry->tag != TAG_FUNCTION || g_str_equal(entry->name, "one"));
	}
	find(rig, TAG_FUNCTION, "one");
}

/* ---- Variables ---- */

static void test_variables(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *entry;

	btf__add_struct(rig->btf, "task_struct", 64);
	btf__add_var(rig->btf, "counter", BTF_VAR_GLOBAL_ALLOCATED, rig->int_);
	btf__add_var(rig->btf, "jiffies", BTF_VAR_GLOBAL_ALLOCATED, rig->int_);
	btf__add_var(rig->btf, "gone", BTF_VAR_GLOBAL_ALLOCATED, rig->int_);
	symbol(rig, 0x20, 'D', "counter");
	symbol(rig, 0x5000, 'd', "init_task");
	symbol(rig, 0x5040, 'D', "saved_command_line");
	symbol(rig, 0x5048, 'D', "jiffies");
	symbol(rig, 0x5050, 'D', "__per_cpu_offset");
	symbol(rig, 0x5070, 'D', "linux_banner");
	symbol(rig, 0x50a0, 'D', "panic_timeout");
	symbol(rig, 0x50a2, 'D', "panic_cpu");
	rig_make(rig);
	entry = find(rig, TAG_VARIABLE, "counter");
	g_assert_cmphex(entry->values[AT_LOCATION], ==, 0x20);
	g_assert_cmpstr(entry->type->name, ==, "int");
	entry = find(rig, TAG_VARIABLE, "init_task");
	g_assert_cmphex(entry->values[AT_LOCATION], ==, 0x5000);
	g_assert_cmpuint(entry->values[AT_EXTERNAL], ==, 0);
	g_assert_cmpstr(entry->type->name, ==, "task_struct");
	entry = find(rig, TAG_VARIABLE, "saved_command_line")->type;
	g_assert_cmpuint(entry->tag, ==, TAG_POINTER);
	g_assert_cmpstr(entry->type->name, ==, "char");
	/* BTF knows better than a table. */
	g_assert_cmpstr(find(rig, TAG_VARIABLE, "jiffies")->type->name, ==, "int");
	/* As many as fit. */
	entry = find(rig, TAG_VARIABLE, "__per_cpu_offset")->type;
	g_assert_cmpuint(child(rig, entry, 0)->values[AT_COUNT], ==, 4);
	entry = find(rig, TAG_VARIABLE, "linux_banner")->type;
	g_assert_cmpuint(child(rig, entry, 0)->values[AT_COUNT], ==, 48);
	/* It does not fit; there is no symbol; there is no such type. */
	g_assert_null(dwarf_find(rig->entries, TAG_VARIABLE, "panic_timeout"));
	g_assert_null(dwarf_find(rig->entries, TAG_VARIABLE, "gone"));
	g_assert_null(dwarf_find(rig->entries, TAG_VARIABLE, "panic_cpu"));
}

/* The BTF of Debian's 5.10 has no variables: those of a CPU that people read are in the table. */
static void test_variables_of_a_cpu(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *entry;

	btf__add_struct(rig->btf, "rq", 64);
	btf__add_struct(rig->btf, "task_struct", 64);
	symbol(rig, 0x20, 'D', "current_task");
	symbol(rig, 0x40, 'A', "runqueues");
	symbol(rig, 0x80, 'D', "behind");
	rig_make(rig);
	entry = find(rig, TAG_VARIABLE, "runqueues");
	g_assert_cmphex(entry->values[AT_LOCATION], ==, 0x40);
	g_assert_cmpstr(entry->type->name, ==, "rq");
	entry = find(rig, TAG_VARIABLE, "current_task")->type;
	g_assert_cmpuint(entry->tag, ==, TAG_POINTER);
	g_assert_cmpstr(entry->type->name, ==, "task_struct");
}

/* The kernel's scripts for gdb ask for 'printk.c'::prb. */
static void test_file_of_variable(void)
{
	g_autoptr(Rig) rig = rig_new();
	const DwarfEntry *unit, *entry;

	btf__add_struct(rig->btf, "printk_ringbuffer", 64);
	symbol(rig, 0x5000, 'd', "prb");
	symbol(rig, 0x5008, 'd', "behind");
	rig_make(rig);
	unit = find(rig, TAG_UNIT, "printk.c");
	entry = child(rig, unit, 0);
	g_assert_cmpuint(entry->tag, ==, TAG_STRUCT);
	g_assert_cmpstr(entry->name, ==, "printk_ringbuffer");
	g_assert_true(entry->has[AT_DECLARATION]);
	entry = child(rig, unit, 2);
	g_assert_cmpuint(entry->tag, ==, TAG_VARIABLE);
	g_assert_cmpstr(entry->name, ==, "prb");
	g_assert_cmphex(entry->values[AT_LOCATION], ==, 0x5000);
	g_assert_cmpuint(entry->type->tag, ==, TAG_POINTER);
	g_assert_true(entry->type == child(rig, unit, 1));
	g_assert_true(entry->type->type == child(rig, unit, 0));
	/* It is in the kernel's unit, too. */
	g_assert_cmpuint(dwarf_count(rig->entries, TAG_VARIABLE, "prb"), ==, 2);
}

/* No symbol, two of them, or no such type: no unit. */
static void test_no_file_of_variable(void)
{
	for (unsigned i = 0; i < 3; i++) {
		g_autoptr(Rig) rig = rig_new();

		btf__add_struct(rig->btf, i == 2 ? "other" : "printk_ringbuffer", 64);
		if (i)
			symbol(rig, 0x5000, 'd', "prb");
		if (i == 1)
			symbol(rig, 0x5010, 'd', "prb");
		symbol(rig, 0x5100, 'd', "behind");
		rig_make(rig);
		g_assert_null(dwarf_find(rig->entries, TAG_UNIT, "printk.c"));
		find(rig, TAG_UNIT, "toy");
	}
}

/* ---- A module ---- */

static void test_module(void)
{
	g_autoptr(Rig) rig = rig_new(), module = g_new0(Rig, 1);
	LinuxDwarfSource source = {.name = "toy.ko", .code = code, .n_code = 1};
	g_autoptr(GError) error = NULL;
	uint32_t len;
	const void *raw;
	int file = btf__add_struct(rig->btf, "file", 8);

	btf__add_field(rig->btf, "pos", rig->long_, 0, 0);
	btf__add_struct(rig->btf, "unused", 8);
	rig_make(rig);
	module->btf = btf__new_empty_split(rig->btf);
	module->symbols = linux_symbols_new();
	linux_symbols_sort(module->symbols);
	btf__add_struct(module->btf, "toy", 16);
	btf__add_field(module->btf, "file", btf__add_ptr(module->btf, file) - 1, 0, 0);
	raw = btf__raw_data(module->btf, &len);
	module->types = linux_types_new(raw, len, rig->types, &error);
	g_assert_null(error);
	source.types = module->types;
	source.symbols = module->symbols;
	module->dwarf = linux_dwarf_new(&source, &error);
	module->entries = dwarf_read(module->dwarf, module->types);
	find(module, TAG_STRUCT, "toy");
	/* Names that it needs, and no others of the kernel's. */
	g_assert_cmpuint(module->dwarf->strings->len, <, 100);
	g_assert_null(rig->dwarf->strings);
	g_assert_null(dwarf_find(module->entries, TAG_STRUCT, "unused"));
	/* The kernel's file has its members. */
	g_assert_true(find(module, TAG_STRUCT, "file")->has[AT_DECLARATION]);
}

/* ---- Lies ---- */

/* How many references one behind the other? Structures end it, or pointers. */
static unsigned longest(const DwarfEntry *entry)
{
	unsigned n = 0;

	for (; entry && n < 1000; entry = entry->type)
		n++;
	return n;
}

/*
 * A module's members have names of their own, and each of these is a piece of one that is as long
 * as can be: gigabytes of them.
 */
static void test_long_names(void)
{
	enum { N_MEMBERS = 80, LENGTH = 31u << 20 };
	g_autoptr(Rig) rig = rig_new(), module = g_new0(Rig, 1);
	LinuxDwarfSource source = {.name = "toy.ko", .code = code, .n_code = 1};
	g_autofree char *name = g_strnfill(LENGTH, 'a');
	g_autofree void *raw = NULL;
	g_autoptr(GError) error = NULL;
	struct btf_header *header;
	struct btf_member *members;
	const void *given;
	uint32_t len;

	rig_make(rig);
	module->btf = btf__new_empty_split(rig->btf);
	module->symbols = linux_symbols_new();
	linux_symbols_sort(module->symbols);
	btf__add_struct(module->btf, "s", 4);
	for (unsigned i = 0; i < N_MEMBERS; i++)
		btf__add_field(module->btf, i ? "m" : name, rig->int_, 0, 0);
	given = btf__raw_data(module->btf, &len);
	raw = g_memdup2(given, len);
	header = raw;
	members = btf_members(
		(struct btf_type *)((uint8_t *)raw + header->hdr_len + header->type_off));
	for (unsigned i = 0; i < N_MEMBERS; i++)
		members[i].name_off = members[0].name_off + i;
	module->types = linux_types_new(raw, len, rig->types, &error);
	g_assert_no_error(error);
	source.types = module->types;
	source.symbols = module->symbols;
	g_assert_null(linux_dwarf_new(&source, &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED);
}

static void test_endless(void)
{
	g_autoptr(Rig) rig = rig_new();
	int first = btf__add_typedef(rig->btf, "a", rig->char_ + 2), last;

	btf__add_typedef(rig->btf, "b", first);
	btf__add_const(rig->btf, first + 2);
	btf__add_type_tag(rig->btf, "tag", first + 3);
	btf__add_array(rig->btf, 1, first + 4, 4);
	last = btf__add_ptr(rig->btf, rig->int_);
	for (unsigned i = 0; i < 2000; i++)
		last = btf__add_ptr(rig->btf, last);
	/* And the other way round: the deep end comes first. */
	for (unsigned i = 0; i < 2000; i++)
		btf__add_ptr(rig->btf, btf__type_cnt(rig->btf) + 1);
	btf__add_ptr(rig->btf, rig->int_);
	rig_make(rig);
	for (guint i = 0; i < rig->entries->len; i++)
		g_assert_cmpuint(longest(rig->entries->pdata[i]), <, 110);
}

/* A structure in itself, and in one that is in it. */
static void test_inside_itself(void)
{
	g_autoptr(Rig) rig = rig_new();
	int self = btf__add_struct(rig->btf, "self", 8), a;

	btf__add_field(rig->btf, "again", self, 0, 0);
	a = btf__add_struct(rig->btf, "a", 8);
	btf__add_field(rig->btf, "b", a + 1, 0, 0);
	btf__add_struct(rig->btf, "b", 8);
	btf__add_field(rig->btf, "a", btf__type_cnt(rig->btf), 0, 0);
	btf__add_array(rig->btf, 1, a, 2);
	btf__add_struct(rig->btf, "list", 8);
	btf__add_field(rig->btf, "next", btf__type_cnt(rig->btf), 0, 0);
	btf__add_ptr(rig->btf, btf__type_cnt(rig->btf) - 1);
	rig_make(rig);
	g_assert_null(child(rig, find(rig, TAG_STRUCT, "self"), 0));
	/* One of the two ends it. */
	g_assert_true(!child(rig, find(rig, TAG_STRUCT, "a"), 0) ||
		      !child(rig, find(rig, TAG_STRUCT, "b"), 0) ||
		      !child(rig, find(rig, TAG_STRUCT, "b"), 0)->type->type);
	/* A pointer to itself is what lists are made of. */
	g_assert_cmpstr(child(rig, find(rig, TAG_STRUCT, "list"), 0)->type->type->name, ==, "list");
}

static void test_far_numbers(void)
{
	g_autoptr(Rig) rig = rig_new();
	int function, proto = btf__add_func_proto(rig->btf, 5000), negative;

	btf__add_func_param(rig->btf, "p", 6000);
	function = btf__add_func(rig->btf, "f", BTF_FUNC_STATIC, proto);
	btf__add_typedef(rig->btf, "no_type", function);
	btf__add_typedef(rig->btf, "nowhere", 7000);
	btf__add_typedef(rig->btf, "farthest", INT32_MAX);
	/* libbpf does not write a number like this one. */
	negative = btf__add_typedef(rig->btf, "negative", 1);
	((struct btf_type *)btf__type_by_id(rig->btf, negative))->type = 1u << 31 | 13;
	btf__add_func(rig->btf, "g", BTF_FUNC_STATIC, rig->int_);
	btf__add_array(rig->btf, 1, rig->int_, UINT32_MAX);
	symbol(rig, 0x1100, 't', "f");
	symbol(rig, 0x1200, 't', "g");
	rig_make(rig);
	g_assert_null(find(rig, TAG_TYPEDEF, "no_type")->type);
	g_assert_null(find(rig, TAG_TYPEDEF, "nowhere")->type);
	g_assert_null(find(rig, TAG_TYPEDEF, "farthest")->type);
	g_assert_null(find(rig, TAG_TYPEDEF, "negative")->type);
	g_assert_null(child(rig, find(rig, TAG_FUNCTION, "f"), 0)->type);
	g_assert_false(child(rig, find(rig, TAG_FUNCTION, "f"), 0)->has[AT_LOCATION]);
	g_assert_null(dwarf_find(rig->entries, TAG_FUNCTION, "g"));
	g_assert_false(dwarf_find(rig->entries, TAG_RANGE, NULL)->has[AT_COUNT]);
}

static const TestCase cases[] = {
	{"base", test_base},
	{"references", test_references},
	{"arrays", test_arrays},
	{"structures", test_structures},
	{"enums", test_enums},
	{"function", test_function},
	{"registers-end", test_registers_end},
	{"ambiguous", test_ambiguous},
	{"variables", test_variables},
	{"variables-of-a-cpu", test_variables_of_a_cpu},
	{"file-of-variable", test_file_of_variable},
	{"no-file-of-variable", test_no_file_of_variable},
	{"module", test_module},
	{"endless", test_endless},
	{"long-names", test_long_names},
	{"inside-itself", test_inside_itself},
	{"far-numbers", test_far_numbers},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-dwarf", cases);
}

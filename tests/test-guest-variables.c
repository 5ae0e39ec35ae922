/*
 * tests/test-guest-variables.c - the sentences of guest/variables.h.
 */
#include "guest/variables.h"

#include <bpf/btf.h>
#include <linux/btf.h>
#include <string.h>

#include "tests/guest-rig.h"
#include "tests/test-util.h"

/* The image: constants, then what the kernel writes; behind it is what it has allocated. */
#define CONSTANTS RIG_BASE
#define WRITTEN (RIG_BASE + 0x8000)
#define HEAP (RIG_BASE + 0x10000)
#define TEXT (RIG_BASE - 0x100000)

#define INIT_TASK (WRITTEN + 0x100)
#define MEMORY (WRITTEN + 0x1000)
#define OTHER_MEMORY (WRITTEN + 0x2000)
#define PAGE_TABLE (CONSTANTS + 0x3000)
#define HEAD (WRITTEN + 0x3000)
#define SUPER(n) (HEAP + 0x1000 + 0x100ull * (n))
#define LIST(n) (SUPER(n) + 0x20)
#define PERCPU (WRITTEN + 0x4000)

static LinuxRange image[] = {
	{CONSTANTS, WRITTEN, false, false},
	{WRITTEN, HEAP, true, false},
};

static void add_mm_type(GuestRig *rig)
{
	static const char *const members[] = {"pgd",	  "start_code", "end_code", "start_data",
					      "end_data", "start_brk",	"brk"};

	kern_struct(rig, "mm_struct", 128);
	for (unsigned i = 0; i < G_N_ELEMENTS(members); i++)
		kern_field(rig, members[i], rig->u64, 16 + 8 * i);
}

static void add_types(GuestRig *rig)
{
	int list, path, entity;

	list = kern_struct(rig, "list_head", 16);
	kern_field(rig, "next", rig->u64, 0);
	kern_field(rig, "prev", rig->u64, 8);
	path = kern_struct(rig, "path", 16);
	kern_field(rig, "mnt", rig->u64, 0);
	kern_struct(rig, "fs_struct", 64);
	kern_field(rig, "root", path, 24);
	kern_struct(rig, "vfsmount", 32);
	kern_field(rig, "mnt_sb", rig->u64, 8);
	kern_struct(rig, "super_block", 128);
	kern_field(rig, "s_list", list, 0x20);
	add_mm_type(rig);
	entity = kern_struct(rig, "sched_entity", 32);
	kern_field(rig, "cfs_rq", rig->u64, 8);
	kern_struct(rig, "task_struct", 256);
	kern_field(rig, "se", entity, 40);
	kern_field(rig, "signal", rig->u64, 16);
	kern_field(rig, "real_cred", rig->u64, 24);
	kern_field(rig, "fs", rig->u64, 32);
}

static void add_type_of(GuestRig *rig, const char *name, uint32_t offset, GArray *infos)
{
	int linkage = g_str_has_prefix(name, "static") ? BTF_VAR_STATIC : BTF_VAR_GLOBAL_ALLOCATED;
	const struct btf_var_secinfo info = {btf__add_var(rig->btf, name, linkage, rig->u64),
					     offset, 8};

	g_assert_cmpint(info.type, >, 0);
	g_array_append_val(infos, info);
}

/* A section of @n variables, 16 bytes from each other. */
static void add_section(GuestRig *rig, const char *const *names, unsigned n)
{
	g_autoptr(GArray) infos = g_array_new(FALSE, FALSE, sizeof(struct btf_var_secinfo));

	for (unsigned i = 0; i < n; i++)
		add_type_of(rig, names[i], 16 * i, infos);
	g_assert_cmpint(btf__add_datasec(rig->btf, ".data..percpu", 16 * n), >, 0);
	for (unsigned i = 0; i < n; i++) {
		const struct btf_var_secinfo *info =
			&g_array_index(infos, struct btf_var_secinfo, i);

		g_assert_cmpint(
			btf__add_datasec_var_info(rig->btf, info->type, info->offset, info->size),
			==, 0);
	}
}

/* Types, and the symbols init_task and _stext. */
static GuestRig *make_rig(void)
{
	GuestRig *rig = kern_new();

	rig->kernel.ranges = image;
	rig->kernel.n_ranges = G_N_ELEMENTS(image);
	add_types(rig);
	kern_symbol(rig, "init_task", INIT_TASK);
	kern_symbol(rig, "_stext", TEXT);
	return rig;
}

/* 0: it has no symbol, or several. */
static uint64_t where(const GuestRig *rig, const char *name)
{
	const LinuxSymbol *symbol = linux_symbols_named(rig->kernel.symbols, name);

	return symbol ? symbol->addr : 0;
}

/* ---- VMCOREINFO ---- */

static void test_info(void)
{
	g_autoptr(GuestRig) rig = make_rig();

	kern_ready(rig);
	rig->kernel.vmcoreinfo = g_strdup_printf(
		"OSRELEASE=6.1\nSYMBOL(node_online_map)=ffff800010008008\nSYMBOL(prb)="
		"%" G_GINT64_MODIFIER "x\nSYMBOL(mem_section)=%" G_GINT64_MODIFIER
		"x\nSYMBOL(init_task)=%" G_GINT64_MODIFIER
		"x\nSYMBOL(swapper_pg_dir)=%" G_GINT64_MODIFIER
		"x\nSYMBOL(cut\n=%" G_GINT64_MODIFIER "x\nSYMBOL()=%" G_GINT64_MODIFIER
		"x\nNUMBER(no)=%" G_GINT64_MODIFIER "x",
		(uint64_t)WRITTEN + 8, (uint64_t)HEAP, (uint64_t)WRITTEN + 16, (uint64_t)PAGE_TABLE,
		(uint64_t)WRITTEN + 40, (uint64_t)WRITTEN + 24, (uint64_t)WRITTEN + 32);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 2);
	g_assert_cmphex(where(rig, "prb"), ==, WRITTEN + 8);
	g_assert_cmphex(where(rig, "swapper_pg_dir"), ==, PAGE_TABLE);
	/* What a pointer says, and where the kernel's own symbol is another one. */
	g_assert_cmphex(where(rig, "mem_section"), ==, 0);
	g_assert_cmphex(where(rig, "node_online_map"), ==, 0);
	g_assert_cmphex(where(rig, "init_task"), ==, INIT_TASK);
	/* Once is enough. */
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
}

/* Where there is a function there is no variable. */
static void test_code(void)
{
	g_autoptr(GuestRig) rig = make_rig();

	g_assert_true(linux_symbols_add(rig->kernel.symbols, WRITTEN, 't', "work", 4));
	kern_ready(rig);
	rig->kernel.vmcoreinfo =
		g_strdup_printf("SYMBOL(prb)=%" G_GINT64_MODIFIER "x\n", (uint64_t)WRITTEN);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
}

/* Without types it is all that is known. */
static void test_no_types(void)
{
	g_autoptr(GuestRig) rig = make_rig();

	linux_symbols_sort(rig->kernel.symbols);
	rig->kernel.vmcoreinfo =
		g_strdup_printf("SYMBOL(prb)=%" G_GINT64_MODIFIER "x\n", (uint64_t)WRITTEN);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 1);
	g_assert_cmphex(where(rig, "prb"), ==, WRITTEN);
}

/* ---- Sections of BTF ---- */

static const char *const percpu[] = {"cpu_number", "runqueues", "softnet_data", "static_call"};

/* With the symbols of two of them, at @first and @third. */
static GuestRig *section_rig(uint64_t first, uint64_t third)
{
	GuestRig *rig = make_rig();

	add_section(rig, percpu, G_N_ELEMENTS(percpu));
	kern_symbol(rig, "cpu_number", first);
	if (third)
		kern_symbol(rig, "softnet_data", third);
	return rig;
}

static void test_section(void)
{
	g_autoptr(GuestRig) rig = section_rig(PERCPU, PERCPU + 32);

	/* A function of that name is no variable: it neither says where the section is, nor moves.
	 */
	g_assert_true(linux_symbols_add(rig->kernel.symbols, TEXT + 16, 't', "static_call", 11));
	kern_ready(rig);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 1);
	g_assert_cmphex(where(rig, "runqueues"), ==, PERCPU + 16);
	g_assert_cmphex(where(rig, "static_call"), ==, TEXT + 16);
	g_assert_cmphex(where(rig, "cpu_number"), ==, PERCPU);
}

/* The last one does not reach up to the next symbol, which is elsewhere. */
static void test_section_end(void)
{
	g_autoptr(GuestRig) rig = section_rig(PERCPU, PERCPU + 32);
	const LinuxSymbol *rows;
	uint64_t end = 0;
	unsigned n;

	kern_ready(rig);
	linux_variables_add(&rig->kernel);
	rows = linux_symbols_rows(rig->kernel.symbols, &n);
	for (unsigned i = 0; i < n; i++) {
		if (rows[i].addr >= PERCPU && rows[i].addr < PERCPU + 0x1000)
			end = linux_symbols_end(rig->kernel.symbols, &rows[i]);
	}
	g_assert_cmphex(end % 16, ==, 8);
	g_assert_cmphex(end, <, PERCPU + 0x100);
}

/* As on x86 before 6.15. */
static void test_section_at_zero(void)
{
	g_autoptr(GuestRig) rig = section_rig(0, 32);

	kern_ready(rig);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 2);
	g_assert_cmphex(where(rig, "runqueues"), ==, 16);
	g_assert_cmpint(linux_symbols_named(rig->kernel.symbols, "runqueues")->type, ==, 'D');
	g_assert_cmpint(linux_symbols_named(rig->kernel.symbols, "static_call")->type, ==, 'd');
}

/* VMCOREINFO may name one of them: there is still one. */
static void test_section_twice(void)
{
	g_autoptr(GuestRig) rig = section_rig(PERCPU, PERCPU + 32);

	kern_ready(rig);
	rig->kernel.vmcoreinfo = g_strdup_printf("SYMBOL(runqueues)=%" G_GINT64_MODIFIER "x\n",
						 (uint64_t)PERCPU + 16);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 2);
	g_assert_cmphex(where(rig, "runqueues"), ==, PERCPU + 16);
}

static void test_section_unsure(void)
{
	g_autoptr(GuestRig) one = section_rig(PERCPU, 0), two = section_rig(PERCPU, PERCPU + 40);

	kern_ready(one);
	g_assert_cmpuint(linux_variables_add(&one->kernel), ==, 0);
	kern_ready(two);
	g_assert_cmpuint(linux_variables_add(&two->kernel), ==, 0);
}

/* ---- The first task ---- */

static void test_task(void)
{
	g_autoptr(GuestRig) rig = make_rig();

	kern_ready(rig);
	kern_put_u64(rig, INIT_TASK + 16, WRITTEN + 0x800);
	kern_put_u64(rig, INIT_TASK + 24, CONSTANTS + 0x800);
	kern_put_u64(rig, INIT_TASK + 32, HEAP + 0x800);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 1);
	g_assert_cmphex(where(rig, "init_signals"), ==, WRITTEN + 0x800);
	g_assert_cmphex(where(rig, "init_cred"), ==, 0);
	g_assert_cmphex(where(rig, "init_fs"), ==, 0);
	kern_put_u64(rig, INIT_TASK + 24, WRITTEN + 0x804);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
}

/* ---- Super blocks ---- */

#define FS (HEAP + 0x100)
#define MOUNT (HEAP + 0x200)

static void link_nodes(GuestRig *rig, uint64_t node, uint64_t next)
{
	kern_put_u64(rig, node, next);
	kern_put_u64(rig, next + 8, node);
}

/* Three, and a head at @head; the root's is the second. */
static GuestRig *super_rig(uint64_t head)
{
	GuestRig *rig = make_rig();

	kern_ready(rig);
	kern_put_u64(rig, INIT_TASK + 32, FS);
	kern_put_u64(rig, FS + 24, MOUNT);
	kern_put_u64(rig, MOUNT + 8, SUPER(1));
	link_nodes(rig, head, LIST(0));
	link_nodes(rig, LIST(0), LIST(1));
	link_nodes(rig, LIST(1), LIST(2));
	link_nodes(rig, LIST(2), head);
	return rig;
}

static void test_super_blocks(void)
{
	g_autoptr(GuestRig) rig = super_rig(HEAD);

	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 1);
	g_assert_cmphex(where(rig, "super_blocks"), ==, HEAD);
}

static void test_super_blocks_unsure(void)
{
	g_autoptr(GuestRig) none = super_rig(HEAP + 0x3000), two = super_rig(HEAD),
			    torn = super_rig(HEAD);

	g_assert_cmpuint(linux_variables_add(&none->kernel), ==, 0);
	link_nodes(two, LIST(2), HEAD + 0x100);
	link_nodes(two, HEAD + 0x100, HEAD);
	g_assert_cmpuint(linux_variables_add(&two->kernel), ==, 0);
	kern_put_u64(torn, LIST(0) + 8, HEAD + 0x100);
	g_assert_cmpuint(linux_variables_add(&torn->kernel), ==, 0);
}

/* It does not come back to where it began. */
static void test_super_blocks_circle(void)
{
	g_autoptr(GuestRig) rig = super_rig(HEAD);

	kern_put_u64(rig, LIST(2), LIST(2));
	kern_put_u64(rig, LIST(2) + 8, LIST(2));
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
}

/* ---- The queues of the scheduler ---- */

#define OFFSETS (WRITTEN + 0x6000)
#define OFFSET 0x9000
#define QUEUE (PERCPU + 16 + OFFSET)

static GuestRig *queue_rig(void)
{
	GuestRig *rig = section_rig(PERCPU, 0);
	int fair = kern_struct(rig, "cfs_rq", 32);

	kern_field(rig, "rq", rig->u64, 16);
	kern_struct(rig, "rq", 128);
	kern_field(rig, "idle", rig->u64, 8);
	kern_field(rig, "cfs", fair, 64);
	kern_symbol(rig, "__per_cpu_offset", OFFSETS);
	kern_ready(rig);
	kern_put_u64(rig, OFFSETS, OFFSET);
	kern_put_u64(rig, INIT_TASK + 48, QUEUE + 64);
	kern_put_u64(rig, QUEUE + 64 + 16, QUEUE);
	kern_put_u64(rig, QUEUE + 8, INIT_TASK);
	return rig;
}

static void test_queues(void)
{
	g_autoptr(GuestRig) rig = queue_rig();

	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 1);
	g_assert_cmphex(where(rig, "runqueues"), ==, PERCPU + 16);
}

static void test_queues_unsure(void)
{
	static const uint64_t places[] = {INIT_TASK + 48, QUEUE + 64 + 16, QUEUE + 8};

	for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autoptr(GuestRig) rig = queue_rig();

		kern_put_u64(rig, places[i], INIT_TASK + 8);
		g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
	}
}

/* ---- The kernel's memory ---- */

enum { PGD, START_CODE, END_CODE, START_DATA, END_DATA, START_BRK, BRK };

static void put_member(GuestRig *rig, uint64_t memory, unsigned member, uint64_t value)
{
	kern_put_u64(rig, memory + 16 + 8ull * member, value);
}

static void put_memory(GuestRig *rig, uint64_t memory)
{
	put_member(rig, memory, PGD, PAGE_TABLE);
	put_member(rig, memory, START_CODE, TEXT);
	put_member(rig, memory, END_CODE, TEXT + 0x1000);
	put_member(rig, memory, END_DATA, WRITTEN);
	put_member(rig, memory, BRK, HEAP);
}

static GuestRig *memory_rig(void)
{
	GuestRig *rig = make_rig();

	kern_ready(rig);
	put_memory(rig, MEMORY);
	return rig;
}

static void test_memory(void)
{
	g_autoptr(GuestRig) rig = memory_rig();

	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 1);
	g_assert_cmphex(where(rig, "init_mm"), ==, MEMORY);
}

/* One member is another one. */
static void test_memory_members(void)
{
	static const struct {
		unsigned member;
		uint64_t value;
	} rows[] = {
		{PGD, 0},	 {PGD, PAGE_TABLE + 8}, {START_CODE, TEXT + 8}, {END_CODE, TEXT},
		{START_DATA, 1}, {END_DATA, TEXT},	{START_BRK, 1},		{BRK, TEXT},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GuestRig) rig = memory_rig();

		put_member(rig, MEMORY, rows[i].member, rows[i].value);
		g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
	}
}

static void test_memory_page_table(void)
{
	g_autoptr(GuestRig) rig = memory_rig();

	rig->kernel.vmcoreinfo = g_strdup_printf("SYMBOL(swapper_pg_dir)=%" G_GINT64_MODIFIER "x\n",
						 (uint64_t)PAGE_TABLE + 0x1000);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 1);
	g_assert_cmphex(where(rig, "init_mm"), ==, 0);
}

/* arm64 before 5.14: its code begins in front of _stext, and no symbol says where. */
static void test_memory_head(void)
{
	static const struct {
		uint64_t head;
		bool has_table, found;
	} rows[] = {
		{0x10000, true, true}, {0x1000, true, true},	{0x11000, true, false},
		{0x1008, true, false}, {0x10000, false, false},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GuestRig) rig = memory_rig();

		put_member(rig, MEMORY, START_CODE, TEXT - rows[i].head);
		if (rows[i].has_table)
			rig->kernel.vmcoreinfo =
				g_strdup_printf("SYMBOL(swapper_pg_dir)=%" G_GINT64_MODIFIER "x\n",
						(uint64_t)PAGE_TABLE);
		linux_variables_add(&rig->kernel);
		g_assert_cmphex(where(rig, "init_mm"), ==, rows[i].found ? MEMORY : 0);
	}
}

static void test_memory_unsure(void)
{
	g_autoptr(GuestRig) two = memory_rig(), constant = memory_rig();

	put_memory(two, OTHER_MEMORY);
	g_assert_cmpuint(linux_variables_add(&two->kernel), ==, 0);
	put_member(constant, MEMORY, START_CODE, 0);
	put_memory(constant, CONSTANTS + 0x100);
	g_assert_cmpuint(linux_variables_add(&constant->kernel), ==, 0);
}

/* So much may be one that another one may be among the rest. */
static void test_memory_many(void)
{
	static LinuxRange large[] = {{WRITTEN, HEAP + 0x10000, true, false}};
	g_autoptr(GuestRig) rig = memory_rig();

	rig->kernel.ranges = large;
	rig->kernel.n_ranges = 1;
	for (unsigned i = 0; i < 5000; i++)
		kern_put_u64(rig, HEAP + 8 * i, TEXT);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
}

/* ---- The command line ---- */

#define CODE (CONSTANTS + 0x5000)
#define LINE_POINTER (WRITTEN + 0x5020)
#define LINE (HEAP + 0x5000)

/* As gcc 12 makes it of Linux 6.1. */
static const uint32_t show[] = {
	0xd503201f, /* nop */
	0xd503233f, /* paciasp */
	0x90000041, /* adrp x1, the page of LINE_POINTER */
	0xa9be7bfd, /* stp x29, x30, [sp, #-32]! */
	0xf9401021, /* ldr x1, [x1, #32] */
	0xaa0003f3, /* mov x19, x0 */
	0x97fdf86c, /* bl seq_puts */
	0x90000001, /* adrp x1: behind the call */
};

static GuestRig *line_rig_of(bool is_arm)
{
	GuestRig *rig = make_rig();

	g_assert_true(linux_symbols_add(rig->kernel.symbols, CODE, 't', "cmdline_proc_show", 17));
	if (is_arm)
		kern_struct(rig, "cpu_context", 8);
	kern_ready(rig);
	for (unsigned i = 0; i < G_N_ELEMENTS(show); i++)
		kern_put_u32(rig, CODE + 4 * i, show[i]);
	kern_put_u64(rig, LINE_POINTER, LINE);
	kern_put_u64(rig, LINE_POINTER + 8, LINE);
	kern_put_u64(rig, CODE + 32, LINE);
	kern_put_u64(rig, HEAP + 32, LINE);
	kern_put(rig, LINE, "console=ttyS0 quiet", 20);
	return rig;
}

static GuestRig *line_rig(void)
{
	return line_rig_of(true);
}

static void test_line(void)
{
	g_autoptr(GuestRig) rig = line_rig(), constant = line_rig(), before = line_rig();

	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 1);
	g_assert_cmphex(where(rig, "saved_command_line"), ==, LINE_POINTER);
	/* adrp x1, the page of the code itself. */
	kern_put_u32(constant, CODE + 8, 0x90000001);
	g_assert_cmpuint(linux_variables_add(&constant->kernel), ==, 1);
	g_assert_cmphex(where(constant, "saved_command_line"), ==, CODE + 32);
	/* adrp x1, four pages before the code. */
	kern_put_u32(before, CODE + 8, 0x90ffffe1);
	kern_put_u64(before, CODE - 0x4000 + 32, LINE);
	g_assert_cmpuint(linux_variables_add(&before->kernel), ==, 1);
	g_assert_cmphex(where(before, "saved_command_line"), ==, CODE - 0x4000 + 32);
}

/* The code is another one than that which is known. */
static void test_line_code(void)
{
	static const struct {
		unsigned at;
		uint32_t insn;
	} rows[] = {
		{0, 0x90000022}, /* another adrp: x2 */
		{5, 0xf9401421}, /* another ldr x1, [x1, #40] */
		{4, 0xf9401022}, /* ldr x2, [x1, #32] */
		{4, 0xf9401041}, /* ldr x1, [x2, #32] */
		{4, 0xb9402021}, /* ldr w1, [x1, #32] */
		{2, 0x90ffff81}, /* adrp x1, what is not there */
		{2, 0xf0000041}, /* adrp x1, what is not in the image */
		{6, 0xd503201f}, /* no call, but the other adrp */
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GuestRig) rig = line_rig();

		kern_put_u32(rig, CODE + 4 * rows[i].at, rows[i].insn);
		g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
	}
}

static void test_line_text(void)
{
	g_autoptr(GuestRig) rig = line_rig(), none = line_rig(), empty = line_rig(),
			    x86 = line_rig_of(false);

	kern_put(rig, LINE + 3, "\n", 1);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
	kern_put_u64(none, LINE_POINTER, TEXT);
	g_assert_cmpuint(linux_variables_add(&none->kernel), ==, 0);
	kern_put(empty, LINE, "", 1);
	g_assert_cmpuint(linux_variables_add(&empty->kernel), ==, 0);
	g_assert_cmpuint(linux_variables_add(&x86->kernel), ==, 0);
}

/* ---- Modules ---- */

#define MODULE (HEAP + 0x4000)

#define INFO_POINTER (WRITTEN + 0x5000)
#define INFO (HEAP + 0x6000)

static GuestRig *module_rig(void)
{
	GuestRig *rig = kern_new();

	rig->kernel.ranges = image;
	rig->kernel.n_ranges = G_N_ELEMENTS(image);
	kern_module_types(rig, false, false);
	kern_symbol(rig, "vmcoreinfo_data", INFO_POINTER);
	kern_ready(rig);
	return rig;
}

static void load_module(GuestRig *rig)
{
	kern_put(rig, MODULE + 24, "virtio", 7);
	kern_put_u64(rig, MODULE + 128, 0xffff800008000000);
	kern_put_u32(rig, MODULE + 136, 0x1000);
	link_nodes(rig, HEAD, MODULE + 8);
	link_nodes(rig, MODULE + 8, HEAD);
}

static void test_modules(void)
{
	g_autoptr(GuestRig) rig = module_rig();

	g_assert_false(linux_variables_add_modules(&rig->kernel));
	load_module(rig);
	g_assert_true(linux_variables_add_modules(&rig->kernel));
	g_assert_cmphex(where(rig, "modules"), ==, HEAD);
	g_assert_false(linux_variables_add_modules(&rig->kernel));
}

static void put_info(GuestRig *rig)
{
	g_autofree char *info = g_strdup_printf(
		"OSRELEASE=6.1\nSYMBOL(prb)=%" G_GINT64_MODIFIER "x\n", (uint64_t)WRITTEN + 8);

	kern_put(rig, INFO, info, strlen(info));
	kern_put_u64(rig, INFO_POINTER, INFO);
}

/* linux_kernel_learn(): what comes later, each once. */
static void test_learn(void)
{
	g_autoptr(GuestRig) rig = module_rig(), whole = module_rig();

	g_assert_false(linux_kernel_learn(&rig->kernel));
	put_info(rig);
	g_assert_true(linux_kernel_learn(&rig->kernel));
	g_assert_cmphex(where(rig, "prb"), ==, WRITTEN + 8);
	g_assert_false(linux_kernel_learn(&rig->kernel));
	load_module(rig);
	g_assert_true(linux_kernel_learn(&rig->kernel));
	g_assert_cmphex(where(rig, "modules"), ==, HEAD);
	g_assert_false(linux_kernel_learn(&rig->kernel));
	whole->kernel.has_variables = true;
	put_info(whole);
	g_assert_false(linux_kernel_learn(&whole->kernel));
}

static const TestCase cases[] = {
	{"info", test_info},
	{"code", test_code},
	{"no-types", test_no_types},
	{"section", test_section},
	{"section-end", test_section_end},
	{"section-at-zero", test_section_at_zero},
	{"section-twice", test_section_twice},
	{"section-unsure", test_section_unsure},
	{"task", test_task},
	{"super-blocks", test_super_blocks},
	{"super-blocks-unsure", test_super_blocks_unsure},
	{"super-blocks-circle", test_super_blocks_circle},
	{"queues", test_queues},
	{"queues-unsure", test_queues_unsure},
	{"memory", test_memory},
	{"memory-members", test_memory_members},
	{"memory-page-table", test_memory_page_table},
	{"memory-head", test_memory_head},
	{"memory-unsure", test_memory_unsure},
	{"memory-many", test_memory_many},
	{"line", test_line},
	{"line-code", test_line_code},
	{"line-text", test_line_text},
	{"modules", test_modules},
	{"learn", test_learn},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-variables", cases);
}

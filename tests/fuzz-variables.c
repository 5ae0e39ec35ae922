/*
 * tests/fuzz-variables.c - fuzzes the memory that the variables of a kernel are found by.
 *
 * Each byte of the input is a word: small numbers, and pointers into the memory, which is small, so
 * that lists and chains come to be.
 */
#include <string.h>

#include "guest/variables.h"
#include "tests/guest-rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS 256u
#define HALF (RIG_BASE + 8 * WORDS / 2)

static LinuxRange image[] = {{RIG_BASE, HALF, true, false}};

static void add_structure(GuestRig *rig, const char *name, const char *const *members)
{
	unsigned n = 0;

	kern_struct(rig, name, 256);
	for (; members[n]; n++)
		kern_field(rig, members[n], rig->u64, 8 * n);
}

static void add_types(GuestRig *rig)
{
	static const char *const list[] = {"next", "prev", NULL}, *const path[] = {"mnt", NULL},
				 *const mount[] = {"mnt_sb", NULL},
				 *const mm[] = {"pgd",	    "start_code", "end_code", "start_data",
						"end_data", "start_brk",  "brk",      NULL},
				 *const fair[] = {"rq", NULL}, *const queue[] = {"idle", NULL},
				 *const task[] = {"signal", "real_cred", "fs", NULL};
	int type;

	add_structure(rig, "list_head", list);
	type = rig->composite;
	kern_struct(rig, "super_block", 192);
	kern_field(rig, "s_list", type, 32);
	add_structure(rig, "path", path);
	type = rig->composite;
	kern_struct(rig, "fs_struct", 192);
	kern_field(rig, "root", type, 8);
	add_structure(rig, "vfsmount", mount);
	add_structure(rig, "mm_struct", mm);
	add_structure(rig, "cpu_context", path);
	add_structure(rig, "cfs_rq", fair);
	type = rig->composite;
	add_structure(rig, "rq", queue);
	kern_field(rig, "cfs", type, 8);
	kern_struct(rig, "sched_entity", 192);
	kern_field(rig, "cfs_rq", rig->u64, 0);
	type = rig->composite;
	add_structure(rig, "task_struct", task);
	kern_field(rig, "se", type, 24);
}

static GuestRig *make_rig(void)
{
	GuestRig *rig = kern_new();

	add_types(rig);
	kern_symbol(rig, "init_task", RIG_BASE);
	kern_symbol(rig, "_stext", RIG_BASE);
	kern_ready(rig);
	rig->kernel.ranges = image;
	rig->kernel.n_ranges = G_N_ELEMENTS(image);
	return rig;
}

/* With code, as it is. */
static LinuxSymbols *symbols_of(void)
{
	LinuxSymbols *symbols = linux_symbols_new();

	linux_symbols_add(symbols, RIG_BASE, 'D', "init_task", 9);
	linux_symbols_add(symbols, RIG_BASE + 8, 'T', "_stext", 6);
	linux_symbols_add(symbols, HALF, 't', "cmdline_proc_show", 17);
	linux_symbols_add(symbols, RIG_BASE + 16, 'D', "__per_cpu_offset", 16);
	linux_symbols_sort(symbols);
	return symbols;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static GuestRig *rig;
	unsigned n, added;

	if (size > WORDS)
		return 0;
	if (!rig)
		rig = make_rig();
	memset(rig->mem, 0, 8 * WORDS);
	for (size_t i = 0; i < size; i++)
		kern_put_u64(rig, RIG_BASE + 8 * i,
			     data[i] < 8 ? data[i] : RIG_BASE + 8ull * data[i]);
	/* The second half also as bytes: instructions. */
	if (size > WORDS / 2)
		kern_put(rig, HALF, data + WORDS / 2, size - WORDS / 2);
	linux_symbols_free(rig->kernel.symbols);
	rig->kernel.symbols = symbols_of();
	added = linux_variables_add(&rig->kernel);
	linux_symbols_rows(rig->kernel.symbols, &n);
	g_assert_cmpuint(n, ==, 4 + added);
	g_assert_cmpuint(linux_variables_add(&rig->kernel), ==, 0);
	return 0;
}

/*
 * tests/guest-rig.c - a made-up kernel.
 */
#include "tests/guest-rig.h"

#include <bpf/btf.h>
#include <string.h>

static size_t read_rig(void *opaque, uint64_t addr, void *buf, size_t len)
{
	GuestRig *rig = opaque;
	size_t there;

	rig->reads++;
	if (addr < RIG_BASE || addr - RIG_BASE >= RIG_SIZE)
		return 0;
	there = MIN(len, RIG_SIZE - (addr - RIG_BASE));
	memcpy(buf, rig->mem + (addr - RIG_BASE), there);
	return there;
}

GuestRig *kern_new(void)
{
	GuestRig *rig = g_new0(GuestRig, 1);

	rig->kernel.memory = (LinuxMemory){.read = read_rig, .opaque = rig};
	rig->kernel.symbols = linux_symbols_new();
	rig->btf = btf__new_empty();
	g_assert_nonnull(rig->btf);
	btf__set_pointer_size(rig->btf, 8);
	rig->u32 = btf__add_int(rig->btf, "unsigned int", 4, 0);
	rig->u64 = btf__add_int(rig->btf, "unsigned long", 8, 0);
	return rig;
}

void kern_free(GuestRig *rig)
{
	linux_symbols_free(rig->kernel.symbols);
	linux_types_free(rig->kernel.types);
	g_free(rig->kernel.vmcoreinfo);
	btf__free(rig->btf);
	g_free(rig);
}

int kern_struct(GuestRig *rig, const char *name, uint32_t size)
{
	rig->composite = btf__add_struct(rig->btf, name, size);
	g_assert_cmpint(rig->composite, >, 0);
	return rig->composite;
}

void kern_field(GuestRig *rig, const char *name, int type, uint32_t offset)
{
	g_assert_cmpint(btf__add_field(rig->btf, name, type, offset * 8, 0), ==, 0);
}

int kern_array(GuestRig *rig, int of, uint32_t n)
{
	return btf__add_array(rig->btf, rig->u32, of, n);
}

void kern_symbol(GuestRig *rig, const char *name, uint64_t addr)
{
	g_assert_true(linux_symbols_add(rig->kernel.symbols, addr, 'd', name, strlen(name)));
}

void kern_ready(GuestRig *rig)
{
	g_autoptr(GError) error = NULL;
	uint32_t len;
	const void *raw = btf__raw_data(rig->btf, &len);

	linux_symbols_sort(rig->kernel.symbols);
	rig->kernel.types = linux_types_new(raw, len, NULL, &error);
	g_assert_no_error(error);
}

void kern_put(GuestRig *rig, uint64_t addr, const void *data, size_t len)
{
	g_assert_true(addr >= RIG_BASE && addr + len <= RIG_BASE + RIG_SIZE);
	memcpy(rig->mem + (addr - RIG_BASE), data, len);
}

void kern_put_u16(GuestRig *rig, uint64_t addr, uint16_t value)
{
	value = GUINT16_TO_LE(value);
	kern_put(rig, addr, &value, sizeof(value));
}

void kern_put_u32(GuestRig *rig, uint64_t addr, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	kern_put(rig, addr, &value, sizeof(value));
}

void kern_put_u64(GuestRig *rig, uint64_t addr, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	kern_put(rig, addr, &value, sizeof(value));
}

void kern_log_types(GuestRig *rig)
{
	int u16 = btf__add_int(rig->btf, "unsigned short", 2, 0), descs, data, lpos;

	descs = kern_struct(rig, "prb_desc_ring", 48);
	kern_field(rig, "count_bits", rig->u32, 0);
	kern_field(rig, "descs", rig->u64, 8);
	kern_field(rig, "infos", rig->u64, 16);
	kern_field(rig, "head_id", rig->u64, 24);
	kern_field(rig, "tail_id", rig->u64, 32);
	data = kern_struct(rig, "prb_data_ring", 32);
	kern_field(rig, "size_bits", rig->u32, 0);
	kern_field(rig, "data", rig->u64, 8);
	kern_struct(rig, "printk_ringbuffer", 88);
	kern_field(rig, "desc_ring", descs, 0);
	kern_field(rig, "text_data_ring", data, 48);
	lpos = kern_struct(rig, "prb_data_blk_lpos", 16);
	kern_field(rig, "begin", rig->u64, 0);
	kern_field(rig, "next", rig->u64, 8);
	kern_struct(rig, "prb_desc", 24);
	kern_field(rig, "state_var", rig->u64, 0);
	kern_field(rig, "text_blk_lpos", lpos, 8);
	kern_struct(rig, "printk_info", 88);
	kern_field(rig, "ts_nsec", rig->u64, 8);
	kern_field(rig, "text_len", u16, 16);
	kern_struct(rig, "printk_log", 16);
	kern_field(rig, "ts_nsec", rig->u64, 0);
	kern_field(rig, "len", u16, 8);
	kern_field(rig, "text_len", u16, 10);
}

static int saved_types(GuestRig *rig, bool on_stack)
{
	static const char *const frame[] = {"r15", "r14", "r13", "r12", "bx", "bp", "ret_addr"};
	static const char *const context[] = {"x19", "x20", "x21", "x22", "x23", "x24", "x25",
					      "x26", "x27", "x28", "fp",  "sp",	 "pc"};
	unsigned n = on_stack ? G_N_ELEMENTS(frame) : G_N_ELEMENTS(context);
	int saved = kern_struct(rig, on_stack ? "inactive_task_frame" : "cpu_context", 8 * n),
	    thread;

	for (unsigned i = 0; i < n; i++)
		kern_field(rig, on_stack ? frame[i] : context[i], rig->u64, 8 * i);
	thread = kern_struct(rig, "thread_struct", 128);
	if (on_stack)
		kern_field(rig, "sp", rig->u64, 24);
	else
		kern_field(rig, "cpu_context", saved, 0);
	return thread;
}

void kern_task_types(GuestRig *rig, bool on_stack)
{
	int character = btf__add_int(rig->btf, "char", 1, BTF_INT_CHAR), list, thread, comm;

	list = kern_struct(rig, "list_head", 16);
	kern_field(rig, "next", rig->u64, 0);
	kern_field(rig, "prev", rig->u64, 8);
	thread = saved_types(rig, on_stack);
	comm = kern_array(rig, character, 16);
	kern_struct(rig, "signal_struct", 128);
	kern_field(rig, "thread_head", list, 16);
	kern_struct(rig, "mm_struct", 64);
	kern_field(rig, "pgd", rig->u64, 8);
	kern_struct(rig, "task_struct", KERN_TASK_SIZE);
	kern_field(rig, "tasks", list, 16);
	kern_field(rig, "thread_node", list, 32);
	kern_field(rig, "signal", rig->u64, 48);
	kern_field(rig, "pid", rig->u32, 56);
	kern_field(rig, "tgid", rig->u32, 60);
	kern_field(rig, "real_parent", rig->u64, 64);
	kern_field(rig, "comm", comm, 72);
	kern_field(rig, "__state", rig->u32, 88);
	kern_field(rig, "exit_state", rig->u32, 92);
	kern_field(rig, "mm", rig->u64, 96);
	kern_field(rig, "cpu", rig->u32, 104);
	kern_field(rig, "on_cpu", rig->u32, 108);
	kern_field(rig, "thread", thread, 128);
}

/* The attributes of sections: before 6.14 in an array, each with its address. */
static void section_types(GuestRig *rig, bool pointed)
{
	int attribute, binary, group, entry, attrs;

	attribute = kern_struct(rig, "attribute", 16);
	kern_field(rig, "name", rig->u64, 0);
	binary = kern_struct(rig, "bin_attribute", 64);
	kern_field(rig, "attr", attribute, 0);
	kern_field(rig, "private", rig->u64, 24);
	group = kern_struct(rig, "attribute_group", 40);
	kern_field(rig, "bin_attrs", rig->u64, 32);
	entry = kern_struct(rig, "module_sect_attr", 72);
	kern_field(rig, "battr", binary, 0);
	kern_field(rig, "address", rig->u64, 64);
	attrs = kern_array(rig, pointed ? binary : entry, 0);
	kern_struct(rig, "module_sect_attrs", 48);
	kern_field(rig, "grp", group, 0);
	if (!pointed)
		kern_field(rig, "nsections", rig->u32, 40);
	kern_field(rig, "attrs", attrs, 48);
}

void kern_module_types(GuestRig *rig, bool mem, bool pointed)
{
	int character = btf__add_int(rig->btf, "char", 1, BTF_INT_CHAR), list, piece, name;

	list = kern_struct(rig, "list_head", 16);
	kern_field(rig, "next", rig->u64, 0);
	name = kern_array(rig, character, 56);
	section_types(rig, pointed);
	kern_struct(rig, "mod_kallsyms", 32);
	kern_field(rig, "symtab", rig->u64, 0);
	kern_field(rig, "num_symtab", rig->u32, 8);
	kern_field(rig, "strtab", rig->u64, 16);
	kern_field(rig, "typetab", rig->u64, 24);
	kern_struct(rig, "btf_module", 40);
	kern_field(rig, "list", list, 0);
	kern_field(rig, "module", rig->u64, 16);
	kern_field(rig, "btf", rig->u64, 24);
	kern_struct(rig, "btf", 64);
	kern_field(rig, "data", rig->u64, 0);
	kern_field(rig, "data_size", rig->u32, 32);
	piece = kern_struct(rig, mem ? "module_memory" : "module_layout", 24);
	kern_field(rig, "base", rig->u64, 0);
	kern_field(rig, "size", rig->u32, 8);
	piece = mem ? kern_array(rig, piece, 7) : piece;
	kern_struct(rig, "module", 1024);
	kern_field(rig, "state", rig->u32, 0);
	kern_field(rig, "list", list, 8);
	kern_field(rig, "name", name, 24);
	kern_field(rig, "sect_attrs", rig->u64, 96);
	kern_field(rig, "kallsyms", rig->u64, 104);
	kern_field(rig, "refcnt", rig->u32, 112);
	kern_field(rig, mem ? "mem" : "core_layout", piece, 128);
	kern_field(rig, "srcversion", rig->u64, 400);
	if (!mem)
		kern_field(rig, "init_layout", piece, 152);
}

/*
 * tests/test-guest-module.c - the sentences of guest/module.h.
 */
#include "guest/module.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "tests/guest-rig.h"
#include "tests/test-util.h"

#define HEAD (RIG_BASE + 0x100)
#define MODULE(n) (RIG_BASE + 0x1000 + 0x400ull * (n))
#define LIST(n) (MODULE(n) + 8)
#define NAMES (RIG_BASE + 0x8000)
#define SECTS (RIG_BASE + 0x9000)
#define POINTERS (RIG_BASE + 0xa000)
#define KALLSYMS (RIG_BASE + 0xb000)
#define SYMTAB (RIG_BASE + 0xc000)
#define STRTAB (RIG_BASE + 0xd000)
#define TYPETAB (RIG_BASE + 0xe000)

static void put_module(GuestRig *rig, unsigned n, uint32_t state, const char *name, uint64_t next)
{
	kern_put_u32(rig, MODULE(n), state);
	kern_put_u64(rig, LIST(n), next);
	kern_put(rig, MODULE(n) + 24, name, strlen(name) + 1);
	kern_put_u32(rig, MODULE(n) + 112, n + 1);
}

static void put_piece(GuestRig *rig, unsigned n, unsigned piece, uint64_t base, uint32_t size)
{
	kern_put_u64(rig, MODULE(n) + 128 + 24ull * piece, base);
	kern_put_u32(rig, MODULE(n) + 128 + 24ull * piece + 8, size);
}

static GuestRig *make_rig(bool mem, bool pointed)
{
	GuestRig *rig = kern_new();

	kern_module_types(rig, mem, pointed);
	kern_symbol(rig, "modules", HEAD);
	kern_ready(rig);
	kern_put_u64(rig, HEAD, LIST(2));
	put_module(rig, 2, LINUX_MODULE_COMING, "third", LIST(1));
	put_module(rig, 1, LINUX_MODULE_UNFORMED, "second", LIST(0));
	put_module(rig, 0, LINUX_MODULE_LIVE, "first", HEAD);
	put_piece(rig, 0, 0, 0xffffffffc0001000, 0x3000);
	put_piece(rig, 0, 1, 0xffffffffc0008000, 0x1000);
	put_piece(rig, 0, 4, 0xffffffffc0009000, 0x500);
	return rig;
}

static LinuxModules *modules_of(GuestRig *rig)
{
	g_autoptr(GError) error = NULL;
	LinuxModules *modules = linux_modules_new(&rig->kernel, &error);

	g_assert_no_error(error);
	return modules;
}

static void assert_list(const LinuxModules *modules, const char *expected)
{
	g_autoptr(GArray) list = linux_modules_list(modules);
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < list->len; i++)
		g_string_append_printf(text, "%s%s", i ? " " : "",
				       g_array_index(list, LinuxModule, i).name);
	g_assert_cmpstr(text->str, ==, expected);
}

static void test_list(void)
{
	g_autoptr(GuestRig) rig = make_rig(true, false);
	g_autoptr(LinuxModules) modules = modules_of(rig);

	assert_list(modules, "third first");
}

static void test_pieces(void)
{
	g_autoptr(GuestRig) rig = make_rig(true, false), old_rig = make_rig(false, false);
	g_autoptr(LinuxModules) modules = modules_of(rig), old = modules_of(old_rig);
	LinuxModule module;

	g_assert_true(linux_module_read(modules, MODULE(0), &module));
	g_assert_cmpstr(module.name, ==, "first");
	g_assert_cmpint(module.state, ==, LINUX_MODULE_LIVE);
	g_assert_cmpuint(module.n_pieces, ==, 7);
	g_assert_cmphex(module.pieces[0].base, ==, 0xffffffffc0001000);
	g_assert_cmphex(module.pieces[1].base, ==, 0xffffffffc0008000);
	g_assert_cmphex(module.pieces[4].size, ==, 0x500);
	/* What init had does not count. */
	g_assert_cmphex(module.size, ==, 0x4000);
	g_assert_cmpuint(module.refs, ==, 0);
	g_assert_true(linux_module_read(old, MODULE(0), &module));
	g_assert_cmpuint(module.n_pieces, ==, 2);
	g_assert_cmphex(module.pieces[1].base, ==, 0xffffffffc0008000);
	g_assert_cmphex(module.size, ==, 0x3000);
}

static void test_print(void)
{
	g_autoptr(GuestRig) rig = make_rig(true, false);
	g_autoptr(LinuxModules) modules = modules_of(rig);
	g_autoptr(GString) out = g_string_new(NULL);

	linux_modules_print(modules, out);
	g_assert_cmpstr(out->str, ==,
			"ADDRESS                SIZE  USED NAME\n"
			"0x0000000000000000        0     2 third (loading)\n"
			"0xffffffffc0001000    16384     0 first\n");
}

/* ---- Sections ---- */

static const char *const sections[] = {".text", ".init.text", ".data"};

static void put_section(GuestRig *rig, unsigned n, bool pointed)
{
	uint64_t entry = SECTS + 48 + (pointed ? 64ull : 72ull) * n;

	kern_put(rig, NAMES + 32ull * n, sections[n], strlen(sections[n]) + 1);
	kern_put_u64(rig, entry, NAMES + 32ull * n);
	kern_put_u64(rig, entry + (pointed ? 24 : 64), 0xffffffffc0001000 + 0x1000 * n);
	kern_put_u64(rig, POINTERS + 8ull * n, entry);
}

static GuestRig *make_sections(bool pointed)
{
	GuestRig *rig = make_rig(true, pointed);

	kern_put_u64(rig, MODULE(0) + 96, SECTS);
	if (pointed)
		kern_put_u64(rig, SECTS + 32, POINTERS);
	else
		kern_put_u32(rig, SECTS + 40, G_N_ELEMENTS(sections));
	for (unsigned n = 0; n < G_N_ELEMENTS(sections); n++)
		put_section(rig, n, pointed);
	return rig;
}

static void assert_sections(const LinuxModules *modules, unsigned n)
{
	LinuxModule module;
	g_autoptr(GArray) list = NULL;

	g_assert_true(linux_module_read(modules, MODULE(0), &module));
	list = linux_module_sections(modules, &module);
	g_assert_cmpuint(list->len, ==, n);
	for (unsigned i = 0; i < n; i++) {
		const LinuxSection *section = &g_array_index(list, LinuxSection, i);

		g_assert_cmpstr(section->name, ==, sections[i]);
		g_assert_cmphex(section->addr, ==, 0xffffffffc0001000 + 0x1000 * i);
	}
}

static void test_sections(void)
{
	g_autoptr(GuestRig) rig = make_sections(false);
	g_autoptr(LinuxModules) modules = modules_of(rig);

	assert_sections(modules, 3);
	/* More than there are: it ends where a name cannot be one. */
	kern_put_u32(rig, SECTS + 40, UINT32_MAX);
	assert_sections(modules, 3);
	kern_put_u64(rig, SECTS + 48 + 72, 0x1000);
	assert_sections(modules, 1);
	kern_put_u64(rig, MODULE(0) + 96, 0);
	assert_sections(modules, 0);
}

static void test_pointed(void)
{
	g_autoptr(GuestRig) rig = make_sections(true);
	g_autoptr(LinuxModules) modules = modules_of(rig);

	assert_sections(modules, 3);
	kern_put_u64(rig, POINTERS + 8, 0);
	assert_sections(modules, 1);
	kern_put_u64(rig, SECTS + 32, 0x1000);
	assert_sections(modules, 0);
}

/* An endless list of sections. */
static void test_many_sections(void)
{
	g_autoptr(GuestRig) rig = make_sections(true);
	g_autoptr(LinuxModules) modules = modules_of(rig);
	g_autoptr(GArray) list = NULL;
	LinuxModule module;

	for (unsigned i = 0; i < 2000; i++)
		kern_put_u64(rig, RIG_BASE + 0x20000 + 8ull * i, SECTS + 48);
	kern_put_u64(rig, SECTS + 32, RIG_BASE + 0x20000);
	g_assert_true(linux_module_read(modules, MODULE(0), &module));
	list = linux_module_sections(modules, &module);
	g_assert_cmpuint(list->len, ==, LINUX_SECTIONS_MAX);
}

/* ---- Symbols ---- */

static void put_symbol(GuestRig *rig, unsigned n, uint32_t name, uint16_t section, char type)
{
	uint64_t sym = SYMTAB + 24ull * n;

	kern_put_u32(rig, sym, name);
	kern_put(rig, sym + 4, &type, 1);
	kern_put_u16(rig, sym + 6, section);
	kern_put_u64(rig, sym + 8, 0xffffffffc0001000 + n);
	kern_put(rig, TYPETAB + n, &type, 1);
}

static void put_symbols(GuestRig *rig)
{
	static const char names[] = "\0first_init\0undefined\0$d.1\0.LC0\0data";

	kern_put_u64(rig, MODULE(0) + 104, KALLSYMS);
	kern_put_u64(rig, KALLSYMS, SYMTAB);
	kern_put_u32(rig, KALLSYMS + 8, 6);
	kern_put_u64(rig, KALLSYMS + 16, STRTAB);
	kern_put_u64(rig, KALLSYMS + 24, TYPETAB);
	kern_put(rig, STRTAB, names, sizeof(names));
	put_symbol(rig, 1, 1, 1, 't');
	put_symbol(rig, 2, 12, 0, 'U');
	put_symbol(rig, 3, 22, 1, 't');
	put_symbol(rig, 4, 27, 1, 'r');
	put_symbol(rig, 5, 32, 3, '\1');
}

/* "ADDRESS TYPE NAME;..." */
static void assert_symbols(const LinuxModules *modules, const char *expected)
{
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	g_autoptr(GString) text = g_string_new(NULL);
	const LinuxSymbol *rows;
	LinuxModule module;
	unsigned n, added;

	g_assert_true(linux_module_read(modules, MODULE(0), &module));
	added = linux_module_symbols(modules, &module, symbols);
	linux_symbols_sort(symbols);
	rows = linux_symbols_rows(symbols, &n);
	g_assert_cmpuint(added, ==, n);
	for (unsigned i = 0; i < n; i++)
		g_string_append_printf(text, "%" G_GINT64_MODIFIER "x %c %s;", rows[i].addr,
				       rows[i].type, linux_symbols_name(symbols, &rows[i]));
	g_assert_cmpstr(text->str, ==, expected);
}

static void test_symbols(void)
{
	g_autoptr(GuestRig) rig = make_rig(true, false);
	g_autoptr(LinuxModules) modules = modules_of(rig);

	assert_symbols(modules, "");
	put_symbols(rig);
	assert_symbols(modules, "ffffffffc0001001 t first_init;ffffffffc0001005 ? data;");
	/* Before 5.2 there is no table of types. */
	kern_put(rig, TYPETAB + 1, "X", 1);
	assert_symbols(modules, "ffffffffc0001001 X first_init;ffffffffc0001005 ? data;");
	kern_put_u64(rig, KALLSYMS + 24, 0);
	assert_symbols(modules, "ffffffffc0001001 t first_init;ffffffffc0001005 ? data;");
	/* A name behind all memory; a table that is too long, or not there. */
	kern_put_u32(rig, SYMTAB + 24, UINT32_MAX);
	assert_symbols(modules, "ffffffffc0001005 ? data;");
	kern_put_u32(rig, KALLSYMS + 8, UINT32_MAX);
	assert_symbols(modules, "");
	kern_put_u32(rig, KALLSYMS + 8, 6);
	kern_put_u64(rig, KALLSYMS, 0x1000);
	assert_symbols(modules, "");
}

/* ---- Types ---- */

#define BTF_HEAD (RIG_BASE + 0x200)
#define BTF_ENTRY(n) (RIG_BASE + 0xf000 + 0x100ull * (n))
#define BTF_BYTES (RIG_BASE + 0x10000)

static void put_btf(GuestRig *rig, unsigned n, uint64_t next, uint64_t prev)
{
	kern_put_u64(rig, BTF_ENTRY(n), next);
	kern_put_u64(rig, BTF_ENTRY(n) + 8, prev);
	kern_put_u64(rig, BTF_ENTRY(n) + 16, MODULE(n));
	kern_put_u64(rig, BTF_ENTRY(n) + 24, BTF_ENTRY(n) + 0x80);
	kern_put_u64(rig, BTF_ENTRY(n) + 0x80, BTF_BYTES + 0x1000ull * n);
	kern_put_u32(rig, BTF_ENTRY(n) + 0xa0, 100 + n);
	kern_put_u16(rig, BTF_BYTES + 0x1000ull * n, 0xeb9f);
}

static void put_btfs(GuestRig *rig)
{
	kern_put_u64(rig, BTF_HEAD, BTF_ENTRY(2));
	kern_put_u64(rig, BTF_HEAD + 8, BTF_ENTRY(0));
	put_btf(rig, 2, BTF_ENTRY(0), BTF_HEAD);
	put_btf(rig, 0, BTF_HEAD, BTF_ENTRY(2));
	put_piece(rig, 2, 0, 0xffffffffc0003000, 0x3000);
}

/* @size: 0: it has none. */
static void assert_btf(LinuxModules *modules, unsigned n, uint64_t base, uint64_t size)
{
	LinuxModule module = {.addr = MODULE(n)};
	LinuxPiece btf = {0};

	g_assert_true(linux_module_btf(modules, &module, &btf) == (size != 0));
	g_assert_cmphex(btf.base, ==, base);
	g_assert_cmpuint(btf.size, ==, size);
}

static void test_btf(void)
{
	static LinuxRange ranges[] = {{RIG_BASE, RIG_BASE + 0x1000, true, false}};
	g_autoptr(GuestRig) rig = make_rig(true, false);
	g_autoptr(LinuxModules) none = modules_of(rig), modules = modules_of(rig);

	assert_btf(none, 0, 0, 0);
	put_btfs(rig);
	rig->kernel.ranges = ranges;
	rig->kernel.n_ranges = 1;
	/* It has looked, and found no list. */
	assert_btf(none, 0, 0, 0);
	assert_btf(modules, 0, BTF_BYTES, 100);
	assert_btf(modules, 2, BTF_BYTES + 0x2000, 102);
	assert_btf(modules, 1, 0, 0);
	/* A list in a circle, and bytes that are no BTF. */
	kern_put_u64(rig, BTF_ENTRY(0), BTF_ENTRY(2));
	assert_btf(modules, 1, 0, 0);
	kern_put_u16(rig, BTF_BYTES + 0x2000, 0);
	assert_btf(modules, 0, 0, 0);
}

/* ---- Where its sections are ---- */

static GArray *sections_at(const LinuxSection *all, unsigned n)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(LinuxSection));

	g_array_append_vals(list, all, n);
	return list;
}

/* "NAME START-END[x];..." */
static void assert_parts(const LinuxModule *module, const LinuxSection *all, unsigned n,
			 const char *expected)
{
	g_autoptr(GArray) list = sections_at(all, n), parts = linux_module_parts(module, list);
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < parts->len; i++) {
		const LinuxPart *part = &g_array_index(parts, LinuxPart, i);

		g_string_append_printf(
			text, "%s %" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x%s;", part->name,
			part->range.start, part->range.end, part->code ? "x" : "");
	}
	g_assert_cmpstr(text->str, ==, expected);
}

static void test_parts(void)
{
	static const LinuxSection all[] = {
		{0x9000, ".init.text"}, {0x1000, ".text"},   {0x1800, ".exit.text"},
		{0x5000, ".gone"},	{0x2000, ".rodata"}, {0x2000, ".empty"},
		{0, ".data..percpu"},
	};
	LinuxModule module = {
		.n_pieces = 2, .pieces = {{0x1000, 0x2000}, {0x9000, 0x100}}, .name = "toy"};

	assert_parts(&module, all, G_N_ELEMENTS(all),
		     ".text 1000-1800x;.exit.text 1800-2000x;.empty 2000-3000;"
		     ".init.text 9000-9100x;");
	/* After its init that memory is somebody else's. */
	module.pieces[1] = (LinuxPiece){0};
	assert_parts(&module, all, G_N_ELEMENTS(all),
		     ".text 1000-1800x;.exit.text 1800-2000x;.empty 2000-3000;");
	/* The kernel keeps none. */
	assert_parts(&module, all, 0, ".text 1000-3000x;");
	module.n_pieces = 7;
	module.pieces[1] = (LinuxPiece){0x8000, 0x1000};
	module.pieces[4] = (LinuxPiece){UINT64_MAX - 9, 100};
	assert_parts(&module, all, 0, ".text 1000-3000x;.data 8000-9000;");
}

/* ---- Its file ---- */

static const LinuxAbi abi = {.args = (const uint8_t[]){5, 4}, .n_args = 2};

static uint64_t entry_of(int fd, Elf64_Half *ret_type, Elf64_Phdr *ret_segment)
{
	Elf64_Ehdr ehdr;

	g_assert_cmpint(pread(fd, &ehdr, sizeof(ehdr), 0), ==, sizeof(ehdr));
	g_assert_cmpuint(ehdr.e_phnum, ==, 1);
	g_assert_cmpint(pread(fd, ret_segment, sizeof(*ret_segment), ehdr.e_phoff), ==,
			sizeof(*ret_segment));
	*ret_type = ehdr.e_type;
	return ehdr.e_entry;
}

static void test_program(void)
{
	g_autoptr(GuestRig) rig = make_sections(false);
	g_autoptr(LinuxModules) modules = modules_of(rig);
	g_autoptr(GError) error = NULL;
	LinuxModule module;
	Elf64_Phdr segment;
	Elf64_Half type;
	int fd;

	put_symbols(rig);
	rig->kernel.machine = EM_X86_64;
	g_assert_true(linux_module_read(modules, MODULE(0), &module));
	fd = linux_maker_end(linux_module_maker(modules, &module, &abi), &error);
	g_assert_no_error(error);
	g_assert_cmphex(entry_of(fd, &type, &segment), ==, 0);
	g_assert_cmpuint(type, ==, ET_DYN);
	g_assert_cmpuint(segment.p_type, ==, PT_LOAD);
	g_assert_cmphex(segment.p_vaddr, ==, 0xffffffffc0001000);
	g_assert_cmphex(segment.p_memsz, ==, 0x3000);
	close(fd);
	/* One without any memory. */
	module.n_pieces = 0;
	g_assert_cmpint(linux_maker_end(linux_module_maker(modules, &module, &abi), &error), ==,
			-1);
	g_assert_cmpstr(error->message, ==, "the module first has no memory");
}

/* ---- Lists that are not as they should be ---- */

/* It may be what its page tables say: the same page all over. */
#define CODE_BASE 0xffffffffd0000000
#define CODE_SIZE 0x0c00000u
#define CODE_PART 0x1000000u

typedef struct MuchCode {
	LinuxMemory rest;
	size_t read;
} MuchCode;

static size_t read_much(void *opaque, uint64_t addr, void *buf, size_t len)
{
	MuchCode *much = opaque;

	if (addr < CODE_BASE)
		return much->rest.read(much->rest.opaque, addr, buf, len);
	much->read += len;
	memset(buf, 0, len);
	return len;
}

/* No more of all its code is looked at than a module has at most. */
static void test_much_code(void)
{
	g_autoptr(GuestRig) rig = make_rig(true, false);
	g_autoptr(LinuxModules) modules = modules_of(rig);
	MuchCode much = {.rest = rig->kernel.memory};
	const LinuxAbi arm = {.has_records = true};
	g_autoptr(GError) error = NULL;
	LinuxModule module;
	int fd;

	rig->kernel.memory = (LinuxMemory){.read = read_much, .opaque = &much};
	rig->kernel.machine = EM_AARCH64;
	put_piece(rig, 0, 0, CODE_BASE, CODE_SIZE);
	put_piece(rig, 0, 1, CODE_BASE + CODE_PART, 0);
	put_piece(rig, 0, 4, CODE_BASE + CODE_PART, CODE_SIZE);
	g_assert_true(linux_module_read(modules, MODULE(0), &module));
	fd = linux_maker_end(linux_module_maker(modules, &module, &arm), &error);
	g_assert_no_error(error);
	close(fd);
	g_assert_cmpuint(much.read, >, 0);
	g_assert_cmpuint(much.read, <=, 16u << 20);
}

static void test_hostile(void)
{
	g_autoptr(GuestRig) rig = make_rig(true, false);
	g_autoptr(LinuxModules) modules = modules_of(rig);
	LinuxModule module;

	kern_put_u64(rig, LIST(0), LIST(2));
	assert_list(modules, "third first");
	kern_put_u64(rig, LIST(0), 0x1000);
	assert_list(modules, "third first");
	kern_put_u32(rig, MODULE(0), 4);
	assert_list(modules, "third");
	kern_put_u32(rig, MODULE(0), 0);
	memset(rig->mem + (MODULE(0) - RIG_BASE) + 24, 'a', 64);
	g_assert_false(linux_module_read(modules, MODULE(0), &module));
	kern_put(rig, MODULE(0) + 24, "\033[31m", 6);
	g_assert_true(linux_module_read(modules, MODULE(0), &module));
	g_assert_cmpstr(module.name, ==, "\\x1b[31m");
	kern_put(rig, MODULE(0) + 24, "", 1);
	g_assert_false(linux_module_read(modules, MODULE(0), &module));
	kern_put_u64(rig, HEAD, HEAD);
	assert_list(modules, "");
}

static void test_absent(void)
{
	g_autoptr(GuestRig) none = kern_new(), rig = kern_new();
	g_autoptr(GError) error = NULL;

	kern_ready(none);
	g_assert_null(linux_modules_new(&none->kernel, &error));
	g_assert_cmpstr(error->message, ==, "the kernel does not say where struct module.list is");
	g_clear_error(&error);
	kern_module_types(rig, true, false);
	kern_ready(rig);
	g_assert_null(linux_modules_new(&rig->kernel, &error));
	g_assert_true(g_str_has_prefix(error->message, "no modules: the kernel has no symbol"));
}

/* A list as make_rig's, with the links back, but no symbol for its head; and others like it. */
static void test_no_symbol(void)
{
	static LinuxRange ranges[] = {{RIG_BASE, RIG_BASE + 0x100, false, false},
				      {RIG_BASE, RIG_BASE + 0x1000, true, false}};
	g_autoptr(GuestRig) rig = kern_new();
	g_autoptr(LinuxModules) modules = NULL;
	g_autoptr(GError) error = NULL;

	kern_module_types(rig, true, false);
	kern_ready(rig);
	rig->kernel.ranges = ranges;
	rig->kernel.n_ranges = G_N_ELEMENTS(ranges);
	/* Of something that has no name, and one that nothing points back to. */
	kern_put_u64(rig, RIG_BASE + 0x40, RIG_BASE + 0x8008);
	kern_put_u64(rig, RIG_BASE + 0x48, RIG_BASE + 0x8008);
	kern_put_u64(rig, RIG_BASE + 0x8008, RIG_BASE + 0x40);
	kern_put_u64(rig, RIG_BASE + 0x8010, RIG_BASE + 0x40);
	kern_put_u64(rig, RIG_BASE + 0x50, LIST(0));
	kern_put_u64(rig, RIG_BASE + 0x58, LIST(0));
	g_assert_null(linux_modules_new(&rig->kernel, &error));
	g_clear_error(&error);
	kern_put_u64(rig, HEAD, LIST(1));
	kern_put_u64(rig, HEAD + 8, LIST(0));
	put_module(rig, 1, LINUX_MODULE_LIVE, "second_2", LIST(0));
	kern_put_u64(rig, LIST(1) + 8, HEAD);
	put_module(rig, 0, LINUX_MODULE_LIVE, "first", HEAD);
	kern_put_u64(rig, LIST(0) + 8, LIST(1));
	g_assert_null(linux_modules_new(&rig->kernel, &error)); /* without memory */
	put_piece(rig, 1, 0, 0xffffffffc0001000, 0x3000);
	modules = linux_modules_new(&rig->kernel, NULL);
	g_assert_nonnull(modules);
	assert_list(modules, "second_2 first");
	/* Modules that lie where the kernel's image seems to be. */
	g_clear_pointer(&modules, linux_modules_free);
	put_piece(rig, 0, 0, 0xffffffffc0005000, 0x1000);
	ranges[0] = (LinuxRange){MODULE(0), MODULE(2), true, false};
	modules = linux_modules_new(&rig->kernel, NULL);
	g_assert_nonnull(modules);
	assert_list(modules, "second_2 first");
	rig->kernel.ranges = NULL;
	rig->kernel.n_ranges = 0;
}

/* ---- A kernel that is full of pointers to kernel memory ---- */

#define FULL 0xffff900000000000u
#define FULL_SIZE (12u * 1024 * 1024)

typedef struct Full {
	LinuxMemory rest;
	unsigned reads;
} Full;

static size_t read_full(void *opaque, uint64_t addr, void *buf, size_t len)
{
	Full *full = opaque;

	if (addr < FULL || addr - FULL >= FULL_SIZE)
		return full->rest.read(full->rest.opaque, addr, buf, len);
	full->reads++;
	for (size_t at = 0; at + 8 <= len; at += 8) {
		const uint64_t pointer = GUINT64_TO_LE(FULL);

		memcpy((uint8_t *)buf + at, &pointer, sizeof(pointer));
	}
	return len;
}

static void test_full(void)
{
	static LinuxRange range = {FULL, FULL + FULL_SIZE, true, false};
	g_autoptr(GuestRig) rig = kern_new();
	g_autoptr(GError) error = NULL;
	Full full = {rig->kernel.memory, 0};

	kern_module_types(rig, true, false);
	kern_ready(rig);
	rig->kernel.memory = (LinuxMemory){.read = read_full, .opaque = &full};
	rig->kernel.ranges = &range;
	rig->kernel.n_ranges = 1;
	g_assert_null(linux_modules_new(&rig->kernel, &error));
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT);
	g_assert_cmpuint(full.reads, <, 1200000);
	rig->kernel.ranges = NULL;
	rig->kernel.n_ranges = 0;
}

static const TestCase cases[] = {
	{"full", test_full},
	{"list", test_list},
	{"pieces", test_pieces},
	{"print", test_print},
	{"sections", test_sections},
	{"pointed", test_pointed},
	{"many-sections", test_many_sections},
	{"symbols", test_symbols},
	{"btf", test_btf},
	{"parts", test_parts},
	{"program", test_program},
	{"much-code", test_much_code},
	{"hostile", test_hostile},
	{"absent", test_absent},
	{"no-symbol", test_no_symbol},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-module", cases);
}

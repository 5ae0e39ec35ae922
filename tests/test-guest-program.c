/*
 * tests/test-guest-program.c - the sentences of guest/program.h: the file is read back by libelf,
 * and by a gdb where there is one.
 */
#include <bpf/btf.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/btf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/program.h"

#include "tests/test-util.h"

static const uint8_t args[] = {5, 4, 1, 2, 8, 9};

/* What a small kernel has, with x86's per-CPU symbols at 0. */
static const struct {
	uint64_t addr;
	char letter;
	const char *name;
} table[] = {
	{0x40, 'D', "counter"},
	{0xffffffff81000000, 'T', "_text"},
	{0xffffffff81000000, 'T', "_stext"},
	{0xffffffff81000000, 't', "start_here"},
	{0xffffffff81000100, 'T', "work"},
	{0xffffffff81000180, 'W', "feeble"},
	{0xffffffff81001000, 'T', "_etext"},
	{0xffffffff81002000, 'd', "state"},
	{0xffffffff81004000, 'T', "_sinittext"},
	{0xffffffff81004010, 't', "setup"},
	{0xffffffff81005000, 'T', "_einittext"},
	{0xffffffff81006000, 'b', "init_task"},
	{0xffffffff81008000, 'B', "_end"},
};

static LinuxSymbols *make_symbols(void)
{
	LinuxSymbols *symbols = linux_symbols_new();

	for (unsigned i = 0; i < G_N_ELEMENTS(table); i++)
		linux_symbols_add(symbols, table[i].addr, table[i].letter, table[i].name,
				  strlen(table[i].name));
	linux_symbols_sort(symbols);
	return symbols;
}

/* struct task_struct { int pid; unsigned int on : 1, flag : 2; long slots[3]; }; enum mode { ... };
 * int counter; long work(const struct task_struct *task, int count); */
static LinuxTypes *make_types(void)
{
	struct btf *btf = btf__new_empty();
	int i = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int l = btf__add_int(btf, "long int", 8, BTF_INT_SIGNED);
	int u = btf__add_int(btf, "unsigned int", 4, 0);
	int three = btf__add_array(btf, i, l, 3), task, pointer, proto;
	g_autoptr(GError) error = NULL;
	LinuxTypes *types;
	uint32_t len;
	const void *raw;

	task = btf__add_struct(btf, "task_struct", 32);
	btf__add_field(btf, "pid", i, 0, 0);
	btf__add_field(btf, "on", u, 32, 1);
	btf__add_field(btf, "flag", u, 33, 2);
	btf__add_field(btf, "slots", three, 64, 0);
	btf__add_enum(btf, "mode", 4);
	btf__add_enum_value(btf, "MODE_A", 0);
	btf__add_enum_value(btf, "MODE_B", 7);
	btf__add_var(btf, "counter", BTF_VAR_GLOBAL_ALLOCATED, i);
	pointer = btf__add_ptr(btf, btf__add_const(btf, task));
	proto = btf__add_func_proto(btf, l);
	btf__add_func_param(btf, "task", pointer);
	btf__add_func_param(btf, "count", i);
	btf__add_func(btf, "work", BTF_FUNC_STATIC, proto);
	btf__add_func(btf, "setup", BTF_FUNC_STATIC, proto);
	raw = btf__raw_data(btf, &len);
	types = linux_types_new(raw, len, NULL, &error);
	g_assert_no_error(error);
	btf__free(btf);
	return types;
}

static int write_toy(const LinuxSymbols *symbols, const LinuxTypes *types, const GByteArray *frames)
{
	LinuxProgram program = {.machine = EM_X86_64,
				.symbols = symbols,
				.types = types,
				.frames = frames,
				.entry = 0xffffffff81000010,
				.name = "toy",
				.args = args,
				.n_args = sizeof(args)};
	g_autoptr(GError) error = NULL;
	int fd = linux_program_write(&program, &error);

	g_assert_no_error(error);
	g_assert_cmpint(fd, >=, 0);
	return fd;
}

/* ---- By libelf ---- */

static Elf_Scn *section(Elf *elf, const char *name, GElf_Shdr *ret)
{
	Elf_Scn *scn = NULL;
	size_t names;

	g_assert_cmpint(elf_getshdrstrndx(elf, &names), ==, 0);
	while ((scn = elf_nextscn(elf, scn))) {
		g_assert_nonnull(gelf_getshdr(scn, ret));
		if (g_str_equal(elf_strptr(elf, names, ret->sh_name), name))
			return scn;
	}
	return NULL;
}

static void assert_part(Elf *elf, const char *name, uint64_t start, uint64_t end, uint64_t flags)
{
	GElf_Shdr shdr;

	g_assert_nonnull(section(elf, name, &shdr));
	g_assert_cmpuint(shdr.sh_type, ==, SHT_NOBITS);
	g_assert_cmphex(shdr.sh_addr, ==, start);
	g_assert_cmphex(shdr.sh_size, ==, end - start);
	g_assert_cmphex(shdr.sh_flags, ==, SHF_ALLOC | flags);
}

static GElf_Sym symbol(Elf *elf, const char *name)
{
	GElf_Shdr shdr = {0};
	Elf_Data *data = elf_getdata(section(elf, ".symtab", &shdr), NULL);
	GElf_Sym sym;

	for (size_t i = 1; i < data->d_size / sizeof(Elf64_Sym); i++) {
		g_assert_nonnull(gelf_getsym(data, i, &sym));
		g_assert_true((GELF_ST_BIND(sym.st_info) == STB_LOCAL) == (i < shdr.sh_info));
		if (g_str_equal(elf_strptr(elf, shdr.sh_link, sym.st_name), name))
			return sym;
	}
	g_assert_not_reached();
}

static void assert_symbol(Elf *elf, const char *name, uint64_t addr, uint64_t size, unsigned info,
			  const char *in)
{
	GElf_Sym sym = symbol(elf, name);
	GElf_Shdr shdr;

	g_assert_cmphex(sym.st_value, ==, addr);
	g_assert_cmphex(sym.st_size, ==, size);
	g_assert_cmphex(sym.st_info, ==, info);
	if (in)
		g_assert_cmpuint(sym.st_shndx, ==, elf_ndxscn(section(elf, in, &shdr)));
	else
		g_assert_cmpuint(sym.st_shndx, ==, SHN_ABS);
}

#define INFO(bind, type) GELF_ST_INFO(STB_##bind, STT_##type)

static void test_symbols(void)
{
	g_autoptr(LinuxSymbols) symbols = make_symbols();
	int fd = write_toy(symbols, NULL, NULL);
	GElf_Ehdr ehdr;
	GElf_Shdr shdr;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	g_assert_nonnull(gelf_getehdr(elf, &ehdr));
	g_assert_cmpuint(ehdr.e_machine, ==, EM_X86_64);
	g_assert_cmpuint(ehdr.e_type, ==, ET_EXEC);
	g_assert_cmpuint(ehdr.e_ident[EI_DATA], ==, ELFDATA2LSB);
	g_assert_cmphex(ehdr.e_entry, ==, 0xffffffff81000010);
	assert_part(elf, ".text", 0xffffffff81000000, 0xffffffff81001000, SHF_EXECINSTR);
	assert_part(elf, ".rodata", 0xffffffff81001000, 0xffffffff81004000, SHF_WRITE);
	assert_part(elf, ".init.text", 0xffffffff81004000, 0xffffffff81005000, SHF_EXECINSTR);
	assert_part(elf, ".data", 0xffffffff81005000, 0xffffffff81008000, SHF_WRITE);
	assert_symbol(elf, "counter", 0x40, 0, INFO(GLOBAL, OBJECT), NULL);
	assert_symbol(elf, "start_here", 0xffffffff81000000, 0x100, INFO(LOCAL, FUNC), ".text");
	assert_symbol(elf, "work", 0xffffffff81000100, 0x80, INFO(GLOBAL, FUNC), ".text");
	assert_symbol(elf, "feeble", 0xffffffff81000180, 0xe80, INFO(WEAK, FUNC), ".text");
	assert_symbol(elf, "state", 0xffffffff81002000, 0x2000, INFO(LOCAL, OBJECT), ".rodata");
	assert_symbol(elf, "setup", 0xffffffff81004010, 0xff0, INFO(LOCAL, FUNC), ".init.text");
	assert_symbol(elf, "_end", 0xffffffff81008000, 0, INFO(GLOBAL, OBJECT), ".data");
	g_assert_null(section(elf, ".debug_info", &shdr));
	elf_end(elf);
	close(fd);
}

static void test_debug_sections(void)
{
	static const char *const names[] = {".debug_info", ".debug_abbrev", ".debug_loclists",
					    ".debug_aranges"};
	g_autoptr(LinuxSymbols) symbols = make_symbols();
	g_autoptr(LinuxTypes) types = make_types();
	g_autoptr(GByteArray) frames = g_byte_array_new();
	GElf_Shdr shdr;
	Elf_Data *data;
	const char *strings;
	size_t len;
	int fd;
	Elf *elf;

	g_byte_array_append(frames, (const uint8_t *)"frames", 6);
	fd = write_toy(symbols, types, frames);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		g_assert_nonnull(section(elf, names[i], &shdr));
	data = elf_getdata(section(elf, ".debug_frame", &shdr), NULL);
	g_assert_cmpmem(data->d_buf, data->d_size, "frames", 6);
	data = elf_getdata(section(elf, ".debug_str", &shdr), NULL);
	strings = linux_types_strings(types, &len);
	g_assert_cmpmem(data->d_buf, data->d_size, strings, len);
	elf_end(elf);
	close(fd);
}

/* Without names for the borders, or with ones that make no sense. */
static void test_borders(void)
{
	g_autoptr(LinuxSymbols) none = linux_symbols_new(), mad = linux_symbols_new();
	g_autoptr(LinuxSymbols) bare = linux_symbols_new();
	GElf_Shdr shdr;
	Elf *elf;
	int fd;

	linux_symbols_add(none, 0x1000, 'T', "work", 4);
	linux_symbols_sort(none);
	fd = write_toy(none, NULL, NULL);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	g_assert_null(section(elf, ".text", &shdr));
	assert_symbol(elf, "work", 0x1000, 0, INFO(GLOBAL, FUNC), NULL);
	elf_end(elf);
	close(fd);
	/* A kernel that names functions only, and a variable that it exports. */
	linux_symbols_add(bare, 0x10, 'A', "percpu", 6);
	linux_symbols_add(bare, 0xffffffff81000010, 'T', "work", 4);
	linux_symbols_add(bare, 0xffffffff81005008, 'D', "data", 4);
	linux_symbols_sort(bare);
	fd = write_toy(bare, NULL, NULL);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_part(elf, ".text", 0xffffffff81000000, 0xffffffff81006000, SHF_EXECINSTR);
	assert_symbol(elf, "work", 0xffffffff81000010, 0x4ff8, INFO(GLOBAL, FUNC), ".text");
	assert_symbol(elf, "percpu", 0x10, 0, INFO(GLOBAL, OBJECT), NULL);
	elf_end(elf);
	close(fd);
	linux_symbols_add(mad, 0x8000, 'T', "_stext", 6);
	linux_symbols_add(mad, 0x1000, 'T', "_etext", 6);
	linux_symbols_add(mad, 0xf0000, 'T', "_sinittext", 10);
	linux_symbols_add(mad, 0x9000, 'T', "_einittext", 10);
	linux_symbols_add(mad, 0xa000, 'T', "_end", 4);
	linux_symbols_sort(mad);
	fd = write_toy(mad, NULL, NULL);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	g_assert_null(section(elf, ".text", &shdr));
	assert_part(elf, ".rodata", 0x8000, 0xa000, SHF_WRITE);
	elf_end(elf);
	close(fd);
}

/* ---- By gdb ---- */

static char *read_all(int fd)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	char *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

/* What @gdb says to @commands (NULL at the end) about the file @fd. Caller frees. */
static char *ask_gdb(const char *gdb, int fd, const char *const *commands)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d", getpid(), fd);
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autoptr(GMainContext) context = g_main_context_new();
	int out = memfd_create("answer", MFD_CLOEXEC), pid;
	char *said;

	g_ptr_array_add(argv, (char *)gdb);
	g_ptr_array_add(argv, (char *)"-nx");
	g_ptr_array_add(argv, (char *)"-batch");
	for (; *commands; commands++) {
		g_ptr_array_add(argv, (char *)"-ex");
		g_ptr_array_add(argv, (char *)*commands);
	}
	g_ptr_array_add(argv, path);
	g_ptr_array_add(argv, NULL);
	pid = test_spawn((const char *const *)argv->pdata, -1, out, out);
	g_assert_cmpint(test_join(context, pid, TEST_PATIENCE), ==, 0);
	said = read_all(out);
	close(out);
	return said;
}

static const char *const commands[] = {"set width 0",
				       "p sizeof(struct task_struct)",
				       "ptype /o struct task_struct",
				       "whatis work",
				       "info scope work",
				       "break work",
				       "p &counter",
				       "p (enum mode)7",
				       "whatis init_task",
				       "info symbol 0xffffffff81000104",
				       "info scope *0xffffffff81004011",
				       NULL};

static const char *const answers[] = {
	"$1 = 32\n",
	"/*      4: 0   |       4 */    unsigned int on : 1;\n",
	"/*      4: 1   |       4 */    unsigned int flag : 2;\n",
	"/*      8      |      24 */    long slots[3];\n",
	"type = long (const struct task_struct *, int)\n",
	("Symbol task is multi-location:\n"
	 "  Range 0xffffffff81000100-0xffffffff81000101: a variable in $rdi\n"),
	("Symbol count is multi-location:\n"
	 "  Range 0xffffffff81000100-0xffffffff81000101: a variable in $rsi\n"),
	/* The very first instruction, where that is true. */
	"Breakpoint 1 at 0xffffffff81000100\n",
	"$2 = (int *) 0x40",
	"$3 = MODE_B\n",
	"type = struct task_struct\n",
	"work + 4 in section .text",
	"Range 0xffffffff81004010-0xffffffff81004011: a variable in $rdi\n",
};

static void test_gdb(void)
{
	g_autoptr(LinuxSymbols) symbols = make_symbols();
	g_autoptr(LinuxTypes) types = make_types();
	g_autofree char *gdb = g_find_program_in_path("gdb-multiarch"), *said = NULL;
	int fd;

	if (!gdb) {
		g_test_skip("there is no gdb-multiarch; on Debian: apt-get install gdb-multiarch");
		return;
	}
	fd = write_toy(symbols, types, NULL);
	said = ask_gdb(gdb, fd, commands);
	g_test_message("%s", said);
	for (unsigned i = 0; i < G_N_ELEMENTS(answers); i++) {
		if (!strstr(said, answers[i]))
			g_error("gdb does not say: %s", answers[i]);
	}
	close(fd);
}

static const TestCase cases[] = {
	{"symbols", test_symbols},
	{"debug-sections", test_debug_sections},
	{"borders", test_borders},
	{"gdb", test_gdb},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-program", cases);
}

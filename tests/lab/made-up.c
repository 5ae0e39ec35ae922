/*
 * tests/lab/made-up.c - of a vmlinux's symbols and BTF makes the file that gdb would get for it
 * from a guest.
 *
 *     made-up VMLINUX FILE
 */
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest/memory.h"
#include "guest/program.h"

typedef struct Kernel {
	Elf *elf;
	GElf_Ehdr ehdr;
	LinuxSymbols *symbols;
	LinuxTypes *types;
} Kernel;

/* As nm(1) and kallsyms have it, but for data in a section that has the flag of code (7.2). */
static char letter_of(Elf *elf, const GElf_Sym *sym)
{
	GElf_Shdr shdr;
	bool local = GELF_ST_BIND(sym->st_info) == STB_LOCAL;
	char letter = 'd';

	if (sym->st_shndx >= SHN_LORESERVE || !gelf_getshdr(elf_getscn(elf, sym->st_shndx), &shdr))
		return local ? 'a' : 'A';
	if (shdr.sh_flags & SHF_EXECINSTR && !(shdr.sh_flags & SHF_WRITE))
		letter = 't';
	else if (shdr.sh_type == SHT_NOBITS)
		letter = 'b';
	return local ? letter : g_ascii_toupper(letter);
}

static void add_symbols(Kernel *kernel, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Sym sym;

	for (size_t i = 1; i < shdr->sh_size / shdr->sh_entsize; i++) {
		const char *name;

		if (!gelf_getsym(data, i, &sym) || sym.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(sym.st_info) == STT_SECTION ||
		    GELF_ST_TYPE(sym.st_info) == STT_FILE)
			continue;
		name = elf_strptr(kernel->elf, shdr->sh_link, sym.st_name);
		if (name && *name && *name != '$' && !g_str_has_prefix(name, ".L"))
			linux_symbols_add(kernel->symbols, sym.st_value,
					  letter_of(kernel->elf, &sym), name, strlen(name));
	}
}

static void read_section(Kernel *kernel, Elf_Scn *scn, size_t names)
{
	g_autoptr(GError) error = NULL;
	GElf_Shdr shdr;
	const char *name;
	Elf_Data *data;

	if (!gelf_getshdr(scn, &shdr))
		return;
	name = elf_strptr(kernel->elf, names, shdr.sh_name);
	if (shdr.sh_type == SHT_SYMTAB) {
		add_symbols(kernel, scn, &shdr);
	} else if (!g_strcmp0(name, ".BTF")) {
		data = elf_rawdata(scn, NULL);
		kernel->types = linux_types_new(data->d_buf, data->d_size, NULL, &error);
		if (!kernel->types)
			g_error("%s", error->message);
	}
}

static void read_kernel(Kernel *kernel, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf_Scn *scn = NULL;
	size_t names;

	elf_version(EV_CURRENT);
	kernel->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	kernel->symbols = linux_symbols_new();
	if (!kernel->elf || !gelf_getehdr(kernel->elf, &kernel->ehdr) ||
	    elf_getshdrstrndx(kernel->elf, &names))
		g_error("%s: no ELF file", path);
	while ((scn = elf_nextscn(kernel->elf, scn)))
		read_section(kernel, scn, names);
	linux_symbols_sort(kernel->symbols);
}

static double seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

int main(int argc, char **argv)
{
	static const uint8_t x86_args[] = {5, 4, 1, 2, 8, 9}, arm_args[] = {0, 1, 2, 3, 4, 5, 6, 7};
	g_autoptr(GError) error = NULL;
	Kernel kernel = {0};
	LinuxProgram program;
	g_autofree char *link = NULL, *bytes = NULL;
	gsize len = 0;
	double began;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: made-up VMLINUX FILE\n");
		return 2;
	}
	read_kernel(&kernel, argv[1]);
	program = (LinuxProgram){.machine = kernel.ehdr.e_machine,
				 .symbols = kernel.symbols,
				 .types = kernel.types,
				 .entry = kernel.ehdr.e_entry,
				 .name = "vmlinux",
				 .args = arm_args,
				 .n_args = sizeof(arm_args)};
	if (program.machine == EM_X86_64) {
		program.args = x86_args;
		program.n_args = sizeof(x86_args);
	}
	began = seconds();
	fd = linux_program_write(&program, &error);
	if (fd < 0)
		g_error("%s", error->message);
	printf("made in %.3f s of CPU time\n", seconds() - began);
	link = g_strdup_printf("/proc/self/fd/%d", fd);
	if (!g_file_get_contents(link, &bytes, &len, &error) ||
	    !g_file_set_contents(argv[2], bytes, (gssize)len, &error))
		g_error("%s", error->message);
	printf("%s has %zu bytes\n", argv[2], len);
	return 0;
}

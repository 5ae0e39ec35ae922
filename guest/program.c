/*
 * guest/program.c - writes an ELF file of symbols, types and call frame information.
 *
 * Code and data are sections without contents: gdb wants to know that they exist, and reads the
 * guest's memory.
 */
#include "guest/program.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/memory.h"

/* ---- Where code and data are ---- */

#define KERNEL_PARTS 4u

typedef struct Layout {
	LinuxPart own[KERNEL_PARTS]; /* of a kernel */
	const LinuxPart *parts;
	unsigned n;
} Layout;

static void add_part(Layout *layout, const char *name, uint64_t start, uint64_t end, bool code)
{
	if (start < end)
		layout->own[layout->n++] = (LinuxPart){name, {start, end}, code};
}

static uint64_t address_of(const LinuxSymbols *symbols, const char *name, uint64_t otherwise)
{
	uint64_t addr;

	return linux_symbols_find(symbols, name, &addr) ? addr : otherwise;
}

#define KERNEL_HALF (1ull << 63)
#define PAGE 4096u

/* The pages that symbols of the kernel's half lie in; both 0 when there are none. */
static LinuxCode span_of(const LinuxSymbols *symbols)
{
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n), *first;
	uint64_t last = n ? rows[n - 1].addr : 0;

	if (last < KERNEL_HALF)
		return (LinuxCode){0};
	for (first = rows; first->addr < KERNEL_HALF;)
		first++;
	return (LinuxCode){first->addr & -(uint64_t)PAGE, MAX(last, (last | (PAGE - 1)) + 1)};
}

/*
 * Code, data, the code that is for the boot only, data. A kernel that has symbols for functions
 * only names no _end. gdb 13 crashes on a file without any section.
 */
static void lay_out_kernel(const LinuxSymbols *symbols, Layout *layout)
{
	LinuxCode span = span_of(symbols);
	uint64_t stext = address_of(symbols, "_stext", span.start);
	uint64_t start = MIN(address_of(symbols, "_text", stext), stext);
	uint64_t end = address_of(symbols, "_end", span.end);
	uint64_t etext = CLAMP(address_of(symbols, "_etext", end), start, MAX(start, end));
	uint64_t sinit = CLAMP(address_of(symbols, "_sinittext", etext), etext, MAX(etext, end));
	uint64_t einit = CLAMP(address_of(symbols, "_einittext", sinit), sinit, MAX(sinit, end));

	layout->parts = layout->own;
	if (start >= end)
		return;
	add_part(layout, ".text", start, etext, true);
	add_part(layout, ".rodata", etext, sinit, false);
	add_part(layout, ".init.text", sinit, einit, true);
	add_part(layout, ".data", einit, end, false);
}

static void lay_out(const LinuxProgram *program, Layout *layout)
{
	*layout = (Layout){0};
	if (program->parts)
		*layout = (Layout){.parts = program->parts, .n = program->n_parts};
	else
		lay_out_kernel(program->symbols, layout);
}

/* ---- Symbols ---- */

#define FIRST_SECTION 1u

static uint16_t section_of(const Layout *layout, uint64_t addr, uint64_t *ret_end)
{
	for (unsigned i = 0; i < layout->n; i++) {
		const LinuxCode *range = &layout->parts[i].range;

		/* A label at the end of a section belongs to it. */
		if (addr >= range->start &&
		    (addr < range->end || (addr == range->end && i + 1 == layout->n))) {
			*ret_end = range->end;
			return FIRST_SECTION + i;
		}
	}
	*ret_end = addr;
	return SHN_ABS;
}

/* nm(1): small letters are local ones, but for those of weak and unique ones. */
static unsigned binding_of(char letter)
{
	if (strchr("wWvV", letter))
		return STB_WEAK;
	return g_ascii_islower(letter) && letter != 'u' ? STB_LOCAL : STB_GLOBAL;
}

static Elf64_Sym elf_symbol(const LinuxSymbols *symbols, const LinuxSymbol *symbol,
			    const Layout *layout)
{
	unsigned type = linux_symbol_is_code(symbol) ? STT_FUNC : STT_OBJECT;
	uint64_t end = linux_symbols_end(symbols, symbol), section_end;
	Elf64_Sym row = {
		.st_name = symbol->name,
		.st_info = ELF64_ST_INFO(binding_of(symbol->type), type),
		.st_value = symbol->addr,
		.st_shndx = section_of(layout, symbol->addr, &section_end),
	};

	row.st_size = MIN(end, section_end) - symbol->addr;
	return row;
}

/* Local ones come first. @ret_global: which is the first that is not. Caller unrefs. */
static GArray *symbol_table(const LinuxSymbols *symbols, const Layout *layout, unsigned *ret_global)
{
	GArray *table = g_array_new(FALSE, TRUE, sizeof(Elf64_Sym));
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);

	g_array_set_size(table, 1);
	for (unsigned global = 0; global < 2; global++) {
		if (global)
			*ret_global = table->len;
		for (unsigned i = 0; i < n; i++) {
			Elf64_Sym row;

			if ((binding_of(rows[i].type) != STB_LOCAL) != global)
				continue;
			row = elf_symbol(symbols, &rows[i], layout);
			g_array_append_val(table, row);
		}
	}
	return table;
}

/* ---- The file ---- */

typedef struct Writer {
	Elf *elf;
	GString *names; /* of sections */
	bool failed;
} Writer;

static unsigned add_name(Writer *writer, const char *name)
{
	unsigned at = writer->names->len;

	g_string_append_len(writer->names, name, strlen(name) + 1);
	return at;
}

/*
 * @shdr: what is not of the name and the contents. The bytes must stay until the file is written.
 */
static size_t add(Writer *writer, const char *name, const void *bytes, size_t len, Elf_Type type,
		  GElf_Shdr shdr)
{
	Elf_Scn *scn = elf_newscn(writer->elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;

	if (!data) {
		writer->failed = true;
		return 0;
	}
	*data = (Elf_Data){
		.d_buf = (void *)bytes,
		.d_size = len,
		.d_type = type,
		.d_align = MAX(shdr.sh_addralign, 1),
		.d_version = EV_CURRENT,
	};
	shdr.sh_name = add_name(writer, name);
	writer->failed |= !gelf_update_shdr(scn, &shdr);
	return elf_ndxscn(scn);
}

static void add_bytes(Writer *writer, const char *name, const void *bytes, size_t len)
{
	if (len)
		add(writer, name, bytes, len, ELF_T_BYTE,
		    (GElf_Shdr){.sh_type = SHT_PROGBITS, .sh_addralign = 1});
}

static void add_layout(Writer *writer, const Layout *layout)
{
	for (unsigned i = 0; i < layout->n; i++) {
		const LinuxPart *section = &layout->parts[i];
		GElf_Shdr shdr = {
			.sh_type = SHT_NOBITS,
			.sh_flags = SHF_ALLOC | (section->code ? SHF_EXECINSTR : SHF_WRITE),
			.sh_addr = section->range.start,
			.sh_addralign = 1,
		};

		add(writer, section->name, NULL, section->range.end - section->range.start,
		    ELF_T_BYTE, shdr);
	}
}

static void add_symbols(Writer *writer, const LinuxSymbols *symbols, const GArray *table,
			unsigned first_global)
{
	size_t len;
	const char *names = linux_symbols_names(symbols, &len);
	size_t strtab = add(writer, ".strtab", names, len, ELF_T_BYTE,
			    (GElf_Shdr){.sh_type = SHT_STRTAB, .sh_addralign = 1});

	add(writer, ".symtab", table->data, table->len * sizeof(Elf64_Sym), ELF_T_SYM,
	    (GElf_Shdr){.sh_type = SHT_SYMTAB,
			.sh_link = strtab,
			.sh_info = first_global,
			.sh_entsize = sizeof(Elf64_Sym),
			.sh_addralign = 8});
}

static void add_dwarf(Writer *writer, const LinuxProgram *program, const LinuxDwarf *dwarf)
{
	size_t len = dwarf->strings ? dwarf->strings->len : 0;
	const void *strings = dwarf->strings
				      ? dwarf->strings->data
				      : (const void *)linux_types_strings(program->types, &len);

	add_bytes(writer, ".debug_info", dwarf->info->data, dwarf->info->len);
	add_bytes(writer, ".debug_abbrev", dwarf->abbrev->data, dwarf->abbrev->len);
	add_bytes(writer, ".debug_str", strings, len);
	add_bytes(writer, ".debug_loclists", dwarf->loclists->data, dwarf->loclists->len);
	add_bytes(writer, ".debug_rnglists", dwarf->rnglists->data, dwarf->rnglists->len);
	add_bytes(writer, ".debug_aranges", dwarf->aranges->data, dwarf->aranges->len);
}

static bool add_segment(Elf *elf, const LinuxCode *range)
{
	GElf_Phdr phdr = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_vaddr = range->start,
		.p_paddr = range->start,
		.p_memsz = range->end - range->start,
		.p_align = 1,
	};

	return gelf_newphdr(elf, 1) && gelf_update_phdr(elf, 0, &phdr);
}

static void finish(Writer *writer, const LinuxProgram *program)
{
	GElf_Ehdr ehdr;
	size_t shstrtab;

	add_name(writer, ".shstrtab");
	shstrtab = add(writer, ".shstrtab", NULL, 0, ELF_T_BYTE,
		       (GElf_Shdr){.sh_type = SHT_STRTAB, .sh_addralign = 1});
	if (writer->failed || !gelf_getehdr(writer->elf, &ehdr)) {
		writer->failed = true;
		return;
	}
	/* Now the names are complete. */
	*elf_getdata(elf_getscn(writer->elf, shstrtab), NULL) = (Elf_Data){
		.d_buf = writer->names->str,
		.d_size = writer->names->len,
		.d_align = 1,
		.d_version = EV_CURRENT,
	};
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_type = program->parts ? ET_DYN : ET_EXEC;
	ehdr.e_machine = program->machine;
	ehdr.e_version = EV_CURRENT;
	ehdr.e_entry = program->entry;
	ehdr.e_shstrndx = shstrtab;
	writer->failed =
		!gelf_update_ehdr(writer->elf, &ehdr) || elf_update(writer->elf, ELF_C_WRITE) < 0;
}

static bool write_all(Elf *elf, const LinuxProgram *program, const Layout *layout,
		      const LinuxDwarf *dwarf)
{
	g_autoptr(GString) names = g_string_new_len("", 1);
	Writer writer = {.elf = elf, .names = names};
	unsigned first_global = 1;
	g_autoptr(GArray) table = symbol_table(program->symbols, layout, &first_global);

	writer.failed = !gelf_newehdr(elf, ELFCLASS64) ||
			(program->parts && !add_segment(elf, &program->segment));
	add_layout(&writer, layout);
	add_symbols(&writer, program->symbols, table, first_global);
	if (dwarf)
		add_dwarf(&writer, program, dwarf);
	if (program->frames)
		add_bytes(&writer, ".debug_frame", program->frames->data, program->frames->len);
	finish(&writer, program);
	return !writer.failed;
}

LinuxDwarf *linux_program_dwarf(const LinuxProgram *program, GError **error)
{
	Layout layout;
	g_autofree LinuxCode *code = NULL;
	LinuxDwarfSource source = {.symbols = program->symbols,
				   .types = program->types,
				   .args = program->args,
				   .n_args = program->n_args,
				   .name = program->name};

	if (!program->types)
		return NULL;
	lay_out(program, &layout);
	source.code = code = g_new(LinuxCode, layout.n + 1);
	for (unsigned i = 0; i < layout.n; i++) {
		if (layout.parts[i].code)
			code[source.n_code++] = layout.parts[i].range;
	}
	return linux_dwarf_new(&source, error);
}

int linux_program_write_with(const LinuxProgram *program, const LinuxDwarf *dwarf, GError **error)
{
	int fd = memfd_create("vmgdb", MFD_CLOEXEC);
	Layout layout;
	Elf *elf;
	bool written;

	lay_out(program, &layout);
	elf_version(EV_CURRENT);
	elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_WRITE, NULL);
	written = elf && write_all(elf, program, &layout, dwarf);
	if (!written)
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED,
			    "the program for gdb cannot be written: %s",
			    fd < 0 ? g_strerror(errno) : elf_errmsg(-1));
	elf_end(elf);
	if (written)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int linux_program_write(const LinuxProgram *program, GError **error)
{
	g_autoptr(GError) reason = NULL;
	g_autoptr(LinuxDwarf) dwarf = linux_program_dwarf(program, &reason);

	if (!reason)
		return linux_program_write_with(program, dwarf, error);
	g_propagate_error(error, g_steal_pointer(&reason));
	return -1;
}

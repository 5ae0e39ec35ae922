/*
 * tests/fake-elf.c - owns the small program that the fake target offers real clients.
 */
#include "tests/fake-elf.h"

#include <elf.h>
#include <string.h>

#include "tests/fake-target.h"

enum { SECTION_TEXT = 1, SECTION_SYMBOLS, SECTION_NAMES, SECTION_TITLES, N_SECTIONS };
enum { N_SYMBOLS = 3 };

/* Each file offset is one that suits every kind of table. */
static Elf64_Off append(GByteArray *file, const void *data, size_t len)
{
	static const uint8_t zeros[16];
	Elf64_Off at;

	g_byte_array_append(file, zeros, -file->len % sizeof(zeros));
	at = file->len;
	g_byte_array_append(file, data, len);
	return at;
}

static void add_text(GByteArray *file, Elf64_Shdr *section, uint64_t addr)
{
	uint8_t code[0x800];

	memset(code, 0x90, sizeof(code));
	*section = (Elf64_Shdr){
		.sh_name = 1,
		.sh_type = SHT_PROGBITS,
		.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = addr,
		.sh_offset = append(file, code, sizeof(code)),
		.sh_size = sizeof(code),
		.sh_addralign = 16,
	};
}

static void add_symbols(GByteArray *file, Elf64_Shdr *section, uint64_t addr)
{
	Elf64_Sym symbols[N_SYMBOLS + 1] = {0};

	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		symbols[n + 1] = (Elf64_Sym){
			.st_name = 1 + n * 11, /* all names have ten letters */
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = SECTION_TEXT,
			.st_value = addr + n * 0x100,
			.st_size = 0x100,
		};
	}
	*section = (Elf64_Shdr){
		.sh_name = 7,
		.sh_type = SHT_SYMTAB,
		.sh_offset = append(file, symbols, sizeof(symbols)),
		.sh_size = sizeof(symbols),
		.sh_link = SECTION_NAMES,
		.sh_info = 1,
		.sh_addralign = 8,
		.sh_entsize = sizeof(*symbols),
	};
}

static void add_strings(GByteArray *file, Elf64_Shdr *section, const char *strings, size_t len)
{
	*section = (Elf64_Shdr){
		.sh_name = 15,
		.sh_type = SHT_STRTAB,
		.sh_offset = append(file, strings, len),
		.sh_size = len,
		.sh_addralign = 1,
	};
}

/* @addr: of the code; 0 for a file that has no place yet. */
static GByteArray *elf_new(uint64_t addr, const char *names, size_t names_len)
{
	static const char titles[] = "\0.text\0.symtab\0.strtab";
	GByteArray *file = g_byte_array_new();
	Elf64_Shdr sections[N_SECTIONS] = {0};
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = addr ? ET_EXEC : ET_REL,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = addr,
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(*sections),
		.e_shnum = N_SECTIONS,
		.e_shstrndx = SECTION_TITLES,
	};

	append(file, &header, sizeof(header));
	add_text(file, &sections[SECTION_TEXT], addr);
	add_symbols(file, &sections[SECTION_SYMBOLS], addr);
	add_strings(file, &sections[SECTION_NAMES], names, names_len);
	add_strings(file, &sections[SECTION_TITLES], titles, sizeof(titles));
	header.e_shoff = append(file, sections, sizeof(sections));
	memcpy(file->data, &header, sizeof(header));
	return file;
}

GByteArray *fake_elf_new(void)
{
	static const char names[] = "\0fake_count\0fake_store\0fake_idle";

	G_STATIC_ASSERT(FAKE_STORE == FAKE_COUNT + 0x100 && FAKE_IDLE == FAKE_COUNT + 0x200);
	return elf_new(FAKE_COUNT, names, sizeof(names));
}

GByteArray *fake_elf_new_library(void)
{
	static const char names[] = "\0lib_first_\0lib_second\0lib_third_";

	return elf_new(0, names, sizeof(names));
}

/*
 * kvm/symbols.c - addresses by name from the ELF file of the guest's kernel.
 */
#include "kvm/symbols.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gdbstub/target.h"

/* No kernel's symbol table comes near; a damaged header must not make us take all memory. */
#define TABLE_MAX (256u << 20)

struct KvmSymbols {
	int fd;
	char *path;
	uint64_t size; /* of the file */
	Elf64_Ehdr header;
	Elf64_Phdr *segments;
	Elf64_Shdr *sections;
	char *section_names;
	size_t section_names_len;
	Elf64_Sym *symbols;
	size_t n_symbols;
	char *names;
	size_t names_len;
	GHashTable *by_name; /* name -> Elf64_Sym, both in the tables above */
};

static bool read_all(int fd, void *buf, size_t len, uint64_t offset)
{
	uint8_t *at = buf;

	while (len) {
		ssize_t n = pread(fd, at, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		offset += n;
		len -= n;
	}
	return true;
}

static void set_bad(const KvmSymbols *symbols, GError **error, const char *what)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "%s: %s", symbols->path, what);
}

/* A piece of the file as a fresh buffer, with a NUL after it. */
static void *load(const KvmSymbols *symbols, uint64_t offset, uint64_t len)
{
	char *bytes;

	if (len > TABLE_MAX || offset > symbols->size || len > symbols->size - offset)
		return NULL;
	bytes = g_try_malloc(len + 1);
	if (bytes && !read_all(symbols->fd, bytes, len, offset))
		g_clear_pointer(&bytes, g_free);
	if (bytes)
		bytes[len] = '\0';
	return bytes;
}

static bool check_header(const KvmSymbols *symbols, GError **error)
{
	const Elf64_Ehdr *header = &symbols->header;

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
		set_bad(symbols, error,
			"not an ELF file; expected the vmlinux of the guest's kernel");
		return false;
	}
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
		set_bad(symbols, error, "expected a 64-bit little-endian ELF file");
		return false;
	}
	if ((header->e_phnum && header->e_phentsize != sizeof(Elf64_Phdr)) ||
	    (header->e_shnum && header->e_shentsize != sizeof(Elf64_Shdr))) {
		set_bad(symbols, error, "its ELF header has entries of an unknown size");
		return false;
	}
	return true;
}

/* The section that @index names, or NULL. */
static const Elf64_Shdr *get_section(const KvmSymbols *symbols, unsigned index)
{
	return index < symbols->header.e_shnum ? &symbols->sections[index] : NULL;
}

static const Elf64_Shdr *find_symbol_table(const KvmSymbols *symbols)
{
	for (unsigned n = 0; n < symbols->header.e_shnum; n++) {
		if (symbols->sections[n].sh_type == SHT_SYMTAB)
			return &symbols->sections[n];
	}
	return NULL;
}

static bool load_headers(KvmSymbols *symbols, GError **error)
{
	const Elf64_Ehdr *header = &symbols->header;
	const Elf64_Shdr *names;

	symbols->segments =
		load(symbols, header->e_phoff, header->e_phnum * sizeof(*symbols->segments));
	symbols->sections =
		load(symbols, header->e_shoff, header->e_shnum * sizeof(*symbols->sections));
	if (!symbols->segments || !symbols->sections) {
		set_bad(symbols, error, "its ELF headers lie outside of the file");
		return false;
	}
	names = get_section(symbols, header->e_shstrndx);
	if (names && names->sh_type == SHT_STRTAB) {
		symbols->section_names = load(symbols, names->sh_offset, names->sh_size);
		symbols->section_names_len = symbols->section_names ? names->sh_size : 0;
	}
	return true;
}

static void index_symbols(KvmSymbols *symbols)
{
	symbols->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	for (size_t n = 0; n < symbols->n_symbols; n++) {
		Elf64_Sym *symbol = &symbols->symbols[n];
		char *name;

		if (symbol->st_shndx == SHN_UNDEF || symbol->st_name >= symbols->names_len)
			continue;
		name = symbols->names + symbol->st_name;
		if (!g_hash_table_contains(symbols->by_name, name))
			g_hash_table_insert(symbols->by_name, name, symbol);
	}
}

static bool load_symbols(KvmSymbols *symbols, GError **error)
{
	const Elf64_Shdr *table = find_symbol_table(symbols), *names;

	if (!table) {
		set_bad(symbols, error,
			"has no symbol table; expected a vmlinux that is not stripped");
		return false;
	}
	names = get_section(symbols, table->sh_link);
	if (names && names->sh_type == SHT_STRTAB) {
		symbols->names = load(symbols, names->sh_offset, names->sh_size);
		symbols->symbols = load(symbols, table->sh_offset, table->sh_size);
	}
	if (!symbols->names || !symbols->symbols) {
		set_bad(symbols, error, "its symbol table is damaged");
		return false;
	}
	symbols->names_len = names->sh_size;
	symbols->n_symbols = table->sh_size / sizeof(*symbols->symbols);
	index_symbols(symbols);
	return true;
}

static bool open_file(KvmSymbols *symbols, GError **error)
{
	struct stat status;

	/* O_NONBLOCK: a FIFO of that name must not hold us up. */
	symbols->fd = open(symbols->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (symbols->fd < 0 || fstat(symbols->fd, &status) < 0) {
		set_bad(symbols, error, g_strerror(errno));
		return false;
	}
	if (!S_ISREG(status.st_mode)) {
		set_bad(symbols, error, "not a file");
		return false;
	}
	symbols->size = status.st_size;
	if (!read_all(symbols->fd, &symbols->header, sizeof(symbols->header), 0))
		memset(&symbols->header, 0, sizeof(symbols->header));
	return true;
}

KvmSymbols *kvm_symbols_open(const char *path, GError **error)
{
	g_autoptr(KvmSymbols) symbols = g_new0(KvmSymbols, 1);

	symbols->path = g_canonicalize_filename(path, NULL);
	symbols->fd = -1;
	if (!open_file(symbols, error) || !check_header(symbols, error) ||
	    !load_headers(symbols, error) || !load_symbols(symbols, error))
		return NULL;
	return g_steal_pointer(&symbols);
}

void kvm_symbols_free(KvmSymbols *symbols)
{
	if (!symbols)
		return;
	if (symbols->fd >= 0)
		close(symbols->fd);
	g_clear_pointer(&symbols->by_name, g_hash_table_unref);
	g_free(symbols->path);
	g_free(symbols->segments);
	g_free(symbols->sections);
	g_free(symbols->section_names);
	g_free(symbols->symbols);
	g_free(symbols->names);
	g_free(symbols);
}

const char *kvm_symbols_path(const KvmSymbols *symbols)
{
	return symbols->path;
}

unsigned kvm_symbols_machine(const KvmSymbols *symbols)
{
	return symbols->header.e_machine;
}

uint64_t kvm_symbols_text(const KvmSymbols *symbols)
{
	for (unsigned n = 0; n < symbols->header.e_phnum; n++) {
		if (symbols->segments[n].p_type == PT_LOAD)
			return symbols->segments[n].p_vaddr;
	}
	return 0;
}

bool kvm_symbols_find(const KvmSymbols *symbols, const char *name, uint64_t *ret_addr)
{
	const Elf64_Sym *symbol = g_hash_table_lookup(symbols->by_name, name);

	if (!symbol)
		return false;
	*ret_addr = symbol->st_value;
	return true;
}

bool kvm_symbols_section(const KvmSymbols *symbols, const char *name, uint64_t *ret_addr)
{
	for (unsigned n = 0; n < symbols->header.e_shnum; n++) {
		const Elf64_Shdr *section = &symbols->sections[n];

		if (section->sh_name >= symbols->section_names_len ||
		    !g_str_equal(symbols->section_names + section->sh_name, name))
			continue;
		*ret_addr = section->sh_addr;
		return true;
	}
	return false;
}

size_t kvm_symbols_read(const KvmSymbols *symbols, uint64_t addr, void *buf, size_t len)
{
	for (unsigned n = 0; n < symbols->header.e_phnum; n++) {
		const Elf64_Phdr *segment = &symbols->segments[n];
		uint64_t skip = addr - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || addr < segment->p_vaddr ||
		    skip >= segment->p_filesz || segment->p_offset > symbols->size)
			continue;
		len = MIN(len, segment->p_filesz - skip);
		return read_all(symbols->fd, buf, len, segment->p_offset + skip) ? len : 0;
	}
	return 0;
}

/*
 * guest/vmlinux.c - addresses by name from the ELF file of the guest's kernel.
 */
#include "guest/vmlinux.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No kernel's symbol table comes near; a damaged header must not make us take all memory. */
#define TABLE_MAX (256u << 20)

struct Vmlinux {
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

static void set_bad(const Vmlinux *vmlinux, GError **error, const char *what)
{
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED, "%s: %s", vmlinux->path, what);
}

/* A piece of the file as a fresh buffer, with a NUL after it. */
static void *load(const Vmlinux *vmlinux, uint64_t offset, uint64_t len)
{
	char *bytes;

	if (len > TABLE_MAX || offset > vmlinux->size || len > vmlinux->size - offset)
		return NULL;
	bytes = g_try_malloc(len + 1);
	if (bytes && !read_all(vmlinux->fd, bytes, len, offset))
		g_clear_pointer(&bytes, g_free);
	if (bytes)
		bytes[len] = '\0';
	return bytes;
}

static bool check_header(const Vmlinux *vmlinux, GError **error)
{
	const Elf64_Ehdr *header = &vmlinux->header;

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
		set_bad(vmlinux, error,
			"not an ELF file; expected the vmlinux of the guest's kernel");
		return false;
	}
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
		set_bad(vmlinux, error, "expected a 64-bit little-endian ELF file");
		return false;
	}
	if ((header->e_phnum && header->e_phentsize != sizeof(Elf64_Phdr)) ||
	    (header->e_shnum && header->e_shentsize != sizeof(Elf64_Shdr))) {
		set_bad(vmlinux, error, "its ELF header has entries of an unknown size");
		return false;
	}
	return true;
}

/* The section that @index names, or NULL. */
static const Elf64_Shdr *get_section(const Vmlinux *vmlinux, unsigned index)
{
	return index < vmlinux->header.e_shnum ? &vmlinux->sections[index] : NULL;
}

static const Elf64_Shdr *find_symbol_table(const Vmlinux *vmlinux)
{
	for (unsigned n = 0; n < vmlinux->header.e_shnum; n++) {
		if (vmlinux->sections[n].sh_type == SHT_SYMTAB)
			return &vmlinux->sections[n];
	}
	return NULL;
}

static bool load_headers(Vmlinux *vmlinux, GError **error)
{
	const Elf64_Ehdr *header = &vmlinux->header;
	const Elf64_Shdr *names;

	vmlinux->segments =
		load(vmlinux, header->e_phoff, header->e_phnum * sizeof(*vmlinux->segments));
	vmlinux->sections =
		load(vmlinux, header->e_shoff, header->e_shnum * sizeof(*vmlinux->sections));
	if (!vmlinux->segments || !vmlinux->sections) {
		set_bad(vmlinux, error, "its ELF headers lie outside of the file");
		return false;
	}
	names = get_section(vmlinux, header->e_shstrndx);
	if (names && names->sh_type == SHT_STRTAB) {
		vmlinux->section_names = load(vmlinux, names->sh_offset, names->sh_size);
		vmlinux->section_names_len = vmlinux->section_names ? names->sh_size : 0;
	}
	return true;
}

static void index_symbols(Vmlinux *vmlinux)
{
	vmlinux->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	for (size_t n = 0; n < vmlinux->n_symbols; n++) {
		Elf64_Sym *symbol = &vmlinux->symbols[n];
		char *name;

		if (symbol->st_shndx == SHN_UNDEF || symbol->st_name >= vmlinux->names_len)
			continue;
		name = vmlinux->names + symbol->st_name;
		if (!g_hash_table_contains(vmlinux->by_name, name))
			g_hash_table_insert(vmlinux->by_name, name, symbol);
	}
}

static bool load_symbols(Vmlinux *vmlinux, GError **error)
{
	const Elf64_Shdr *table = find_symbol_table(vmlinux), *names;

	if (!table) {
		set_bad(vmlinux, error,
			"has no symbol table; expected a vmlinux that is not stripped");
		return false;
	}
	names = get_section(vmlinux, table->sh_link);
	if (names && names->sh_type == SHT_STRTAB) {
		vmlinux->names = load(vmlinux, names->sh_offset, names->sh_size);
		vmlinux->symbols = load(vmlinux, table->sh_offset, table->sh_size);
	}
	if (!vmlinux->names || !vmlinux->symbols) {
		set_bad(vmlinux, error, "its symbol table is damaged");
		return false;
	}
	vmlinux->names_len = names->sh_size;
	vmlinux->n_symbols = table->sh_size / sizeof(*vmlinux->symbols);
	index_symbols(vmlinux);
	return true;
}

int host_file_open(const char *path, GError **error)
{
	/* O_NONBLOCK: a FIFO of that name must not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED, "%s: %s", path,
		    fd < 0 ? g_strerror(errno) : "not a file");
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool open_file(Vmlinux *vmlinux, GError **error)
{
	struct stat status;

	vmlinux->fd = host_file_open(vmlinux->path, error);
	if (vmlinux->fd < 0)
		return false;
	if (fstat(vmlinux->fd, &status) < 0) {
		set_bad(vmlinux, error, g_strerror(errno));
		return false;
	}
	vmlinux->size = status.st_size;
	if (!read_all(vmlinux->fd, &vmlinux->header, sizeof(vmlinux->header), 0))
		memset(&vmlinux->header, 0, sizeof(vmlinux->header));
	return true;
}

Vmlinux *vmlinux_open(const char *path, GError **error)
{
	g_autoptr(Vmlinux) vmlinux = g_new0(Vmlinux, 1);

	vmlinux->path = g_canonicalize_filename(path, NULL);
	vmlinux->fd = -1;
	if (!open_file(vmlinux, error) || !check_header(vmlinux, error) ||
	    !load_headers(vmlinux, error) || !load_symbols(vmlinux, error))
		return NULL;
	return g_steal_pointer(&vmlinux);
}

void vmlinux_free(Vmlinux *vmlinux)
{
	if (!vmlinux)
		return;
	if (vmlinux->fd >= 0)
		close(vmlinux->fd);
	g_clear_pointer(&vmlinux->by_name, g_hash_table_unref);
	g_free(vmlinux->path);
	g_free(vmlinux->segments);
	g_free(vmlinux->sections);
	g_free(vmlinux->section_names);
	g_free(vmlinux->symbols);
	g_free(vmlinux->names);
	g_free(vmlinux);
}

const char *vmlinux_path(const Vmlinux *vmlinux)
{
	return vmlinux->path;
}

unsigned vmlinux_machine(const Vmlinux *vmlinux)
{
	return vmlinux->header.e_machine;
}

uint64_t vmlinux_text(const Vmlinux *vmlinux)
{
	for (unsigned n = 0; n < vmlinux->header.e_phnum; n++) {
		if (vmlinux->segments[n].p_type == PT_LOAD)
			return vmlinux->segments[n].p_vaddr;
	}
	return 0;
}

bool vmlinux_find(const Vmlinux *vmlinux, const char *name, uint64_t *ret_addr)
{
	const Elf64_Sym *symbol = g_hash_table_lookup(vmlinux->by_name, name);

	if (!symbol)
		return false;
	*ret_addr = symbol->st_value;
	return true;
}

bool vmlinux_section(const Vmlinux *vmlinux, const char *name, uint64_t *ret_addr)
{
	for (unsigned n = 0; n < vmlinux->header.e_shnum; n++) {
		const Elf64_Shdr *section = &vmlinux->sections[n];

		if (section->sh_name >= vmlinux->section_names_len ||
		    !g_str_equal(vmlinux->section_names + section->sh_name, name))
			continue;
		*ret_addr = section->sh_addr;
		return true;
	}
	return false;
}

size_t vmlinux_read(const Vmlinux *vmlinux, uint64_t addr, void *buf, size_t len)
{
	for (unsigned n = 0; n < vmlinux->header.e_phnum; n++) {
		const Elf64_Phdr *segment = &vmlinux->segments[n];
		uint64_t skip = addr - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || addr < segment->p_vaddr ||
		    skip >= segment->p_filesz || segment->p_offset > vmlinux->size)
			continue;
		len = MIN(len, segment->p_filesz - skip);
		return read_all(vmlinux->fd, buf, len, segment->p_offset + skip) ? len : 0;
	}
	return 0;
}

#define BANNER_MAX 512
#define KERNEL_ALIGN 4096 /* kernels move by whole pages */

VmlinuxFit vmlinux_compare(const Vmlinux *vmlinux, const LinuxMemory *memory, uint64_t slide)
{
	uint8_t expected[BANNER_MAX], found[BANNER_MAX];
	uint64_t addr;
	size_t len;

	if (slide % KERNEL_ALIGN || !vmlinux_find(vmlinux, "linux_banner", &addr))
		return VMLINUX_OTHER;
	len = strnlen((char *)expected, vmlinux_read(vmlinux, addr, expected, BANNER_MAX));
	if (!len)
		return VMLINUX_OTHER;
	if (!linux_read(memory, addr + slide, found, len))
		return VMLINUX_ABSENT;
	return memcmp(expected, found, len) ? VMLINUX_OTHER : VMLINUX_SAME;
}

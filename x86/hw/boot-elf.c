/*
 * x86/hw/boot-elf.c - loads a 64-bit ELF file (vmlinux, or a bare-metal program) and finds its PVH
 * entry.
 */
#include <elf.h>
#include <gio/gio.h>
#include <string.h>

#include "x86/hw/boot.h"

#define NOTE_OWNER "Xen"
#define NOTE_PHYS32_ENTRY 18

/* The start info, version 1: Xen's public/arch-x86/hvm/start_info.h describes the layout. */
#define PVH_MAGIC 0x336ec578u
#define PVH_VERSION 1

typedef struct PvhStartInfo {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr;
	uint64_t rsdp_paddr;
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
} PvhStartInfo;

typedef struct PvhModule {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline_paddr;
	uint64_t reserved;
} PvhModule;

typedef struct PvhMemory {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
} PvhMemory;

/* One after the other at X86_BOOT_PVH_INFO. */
typedef struct PvhPage {
	PvhStartInfo info;
	PvhModule initrd;
	PvhMemory map[E820_MAX];
} PvhPage;

static bool refuse(GError **error, const char *why)
{
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, why);
	return false;
}

bool elf_is(const uint8_t *data, size_t size)
{
	return size >= EI_NIDENT && memcmp(data, ELFMAG, SELFMAG) == 0;
}

static bool read_header(const uint8_t *data, size_t size, Elf64_Ehdr *ret, GError **error)
{
	if (!elf_is(data, size))
		return refuse(error, "not an ELF file");
	if (data[EI_CLASS] != ELFCLASS64 || data[EI_DATA] != ELFDATA2LSB)
		return refuse(error, "not a 64-bit little-endian ELF file");
	if (size < sizeof(*ret))
		return refuse(error, "the ELF header is cut off");
	memcpy(ret, data, sizeof(*ret));
	if (ret->e_machine != EM_X86_64)
		return refuse(error, "an ELF file for another architecture");
	if (ret->e_phentsize != sizeof(Elf64_Phdr) || ret->e_phoff > size ||
	    ret->e_phnum > (size - ret->e_phoff) / sizeof(Elf64_Phdr))
		return refuse(error, "the ELF program headers are cut off");
	return true;
}

static Elf64_Phdr read_segment(const uint8_t *data, const Elf64_Ehdr *header, unsigned i)
{
	Elf64_Phdr segment;

	memcpy(&segment, data + header->e_phoff + i * sizeof(segment), sizeof(segment));
	return segment;
}

static bool in_file(const Elf64_Phdr *segment, size_t size)
{
	return segment->p_offset <= size && segment->p_filesz <= size - segment->p_offset;
}

/* ---- The note ---- */

static size_t pad4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* The notes of one PT_NOTE segment: {name size, desc size, type, name, desc}, padded to 4. */
static bool find_in_notes(const uint8_t *notes, size_t size, uint32_t *ret_entry)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;

		memcpy(&note, notes, sizeof(note));
		notes += sizeof(note);
		size -= sizeof(note);
		size_t name_size = pad4(note.n_namesz), desc_size = pad4(note.n_descsz);
		/* The padding behind the last note may be missing. */
		if (name_size > size || note.n_descsz > size - name_size)
			return false;
		if (note.n_type == NOTE_PHYS32_ENTRY && note.n_namesz == sizeof(NOTE_OWNER) &&
		    memcmp(notes, NOTE_OWNER, sizeof(NOTE_OWNER)) == 0 && note.n_descsz >= 4) {
			memcpy(ret_entry, notes + name_size, sizeof(*ret_entry));
			return true;
		}
		if (desc_size > size - name_size)
			return false;
		notes += name_size + desc_size;
		size -= name_size + desc_size;
	}
	return false;
}

bool elf_find_pvh_entry(const uint8_t *data, size_t size, uint32_t *ret_entry, GError **error)
{
	Elf64_Ehdr header;

	if (!read_header(data, size, &header, error))
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment = read_segment(data, &header, i);

		if (segment.p_type == PT_NOTE && in_file(&segment, size) &&
		    find_in_notes(data + segment.p_offset, segment.p_filesz, ret_entry))
			return true;
	}
	return refuse(error, "the ELF file has no PVH entry note (CONFIG_PVH); use the bzImage");
}

/* ---- The segments ---- */

static bool overlaps(const Elf64_Phdr *segment, uint64_t start, uint64_t end)
{
	return segment->p_paddr < end && start < segment->p_paddr + segment->p_memsz;
}

static bool load_segment(GuestMemory *memory, const uint8_t *data, size_t size,
			 const Elf64_Phdr *segment, GError **error)
{
	if (!in_file(segment, size) || segment->p_filesz > segment->p_memsz)
		return refuse(error, "an ELF segment is cut off");
	if (memory_span(memory, segment->p_paddr, segment->p_memsz) == NULL) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
			    "an ELF segment of 0x%" G_GINT64_MODIFIER
			    "x bytes does not fit at 0x%" G_GINT64_MODIFIER "x, see --mem",
			    (guint64)segment->p_memsz, (guint64)segment->p_paddr);
		return false;
	}
	if (overlaps(segment, 0, X86_BOOT_COMMAND_LINE + X86_BOOT_COMMAND_LINE_MAX) ||
	    overlaps(segment, X86_EBDA, X86_HIGH))
		return refuse(error, "an ELF segment lies in memory that lkvm uses for booting "
				     "(below 0x30000 or from 0x9fc00 to 1 MiB)");
	/* RAM starts as zeros, so the rest of the segment needs nothing. */
	return memory_write(memory, segment->p_paddr, data + segment->p_offset, segment->p_filesz,
			    "the kernel", error);
}

bool elf_load_segments(GuestMemory *memory, const uint8_t *data, size_t size, uint64_t *ret_end,
		       GError **error)
{
	Elf64_Ehdr header;
	uint64_t end = 0;

	if (!read_header(data, size, &header, error))
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment = read_segment(data, &header, i);

		if (segment.p_type != PT_LOAD || segment.p_memsz == 0)
			continue;
		if (!load_segment(memory, data, size, &segment, error))
			return false;
		end = MAX(end, segment.p_paddr + segment.p_memsz);
	}
	if (end == 0)
		return refuse(error, "the ELF file has nothing to load");
	*ret_end = end;
	return true;
}

/* ---- The start info ---- */

static bool write_start_info(GuestMemory *memory, const BootInput *input, uint64_t initrd_gpa,
			     GError **error)
{
	E820Range ranges[E820_MAX];
	PvhPage page = {
		.info =
			{
				.magic = PVH_MAGIC,
				.version = PVH_VERSION,
				.nr_modules = input->initrd_size > 0,
				.modlist_paddr = X86_BOOT_PVH_INFO + offsetof(PvhPage, initrd),
				.cmdline_paddr = X86_BOOT_COMMAND_LINE,
				.rsdp_paddr = input->rsdp,
				.memmap_paddr = X86_BOOT_PVH_INFO + offsetof(PvhPage, map),
				.memmap_entries = e820_build(memory, input->has_pci, ranges),
			},
		.initrd = {.paddr = initrd_gpa, .size = input->initrd_size},
	};

	for (unsigned i = 0; i < page.info.memmap_entries; i++)
		page.map[i] = (PvhMemory){
			.addr = ranges[i].addr,
			.size = ranges[i].size,
			.type = ranges[i].type,
		};
	return memory_write(memory, X86_BOOT_PVH_INFO, &page, sizeof(page), "the PVH start info",
			    error);
}

bool elf_load(GuestMemory *memory, const BootInput *input, X86Entry *ret_entry, GError **error)
{
	uint32_t entry;
	uint64_t end, initrd_gpa;

	if (!elf_find_pvh_entry(input->kernel, input->kernel_size, &entry, error) ||
	    !elf_load_segments(memory, input->kernel, input->kernel_size, &end, error) ||
	    !boot_write_command_line(memory, input, X86_BOOT_COMMAND_LINE_MAX - 1, error) ||
	    !boot_place_initrd(memory, input, end, UINT32_MAX, &initrd_gpa, error) ||
	    !write_start_info(memory, input, initrd_gpa, error))
		return false;
	*ret_entry = (X86Entry){
		.mode = X86_MODE_PROTECTED,
		.rip = entry,
		.rbx = X86_BOOT_PVH_INFO,
		.rsp = X86_BOOT_STACK,
	};
	return true;
}

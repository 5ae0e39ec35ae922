/*
 * guest/vmcore.c - see vmcore.h.
 */
#include "guest/vmcore.h"

#include <elf.h>
#include <string.h>

#define INFO_NAME "VMCOREINFO"
#define INFO_NAME_ROOM 12 /* 11 bytes, padded */
#define INFO_START "OSRELEASE="

static uint32_t align4(uint32_t n)
{
	return (n + 3) & ~3u;
}

static void append_padded(GByteArray *out, const void *data, size_t len)
{
	static const uint8_t zeros[4];

	g_byte_array_append(out, data, len);
	g_byte_array_append(out, zeros, align4(len) - len);
}

/* Up to @size in all. */
static void append_zeros(GByteArray *out, size_t size)
{
	size_t before = out->len;

	g_byte_array_set_size(out, size);
	memset(out->data + before, 0, size - before);
}

void vmcore_add_note(GByteArray *notes, const char *name, uint32_t type, const void *desc,
		     size_t len)
{
	Elf64_Nhdr header = {.n_namesz = strlen(name) + 1, .n_descsz = len, .n_type = type};

	g_byte_array_append(notes, (const uint8_t *)&header, sizeof(header));
	append_padded(notes, name, header.n_namesz);
	append_padded(notes, desc, len);
}

static uint64_t align_page(uint64_t n)
{
	return (n + VMCORE_PAGE - 1) & ~(uint64_t)(VMCORE_PAGE - 1);
}

static Elf64_Ehdr make_header(uint16_t machine, unsigned n_programs)
{
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = n_programs,
	};

	return header;
}

static Elf64_Phdr make_load(uint64_t offset, uint64_t addr, uint64_t gpa, uint64_t size)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_offset = offset,
		.p_vaddr = addr,
		.p_paddr = gpa,
		.p_filesz = size,
		.p_memsz = size,
	};
}

/* Lays the ranges out in the file from @offset on. Virtual is physical, as in QEMU's. */
static void add_ranges(GArray *loads, GArray *ranges, uint64_t offset)
{
	for (unsigned i = 0; i < ranges->len; i++) {
		VmcoreRange *range = &g_array_index(ranges, VmcoreRange, i);
		Elf64_Phdr load = make_load(offset, range->gpa, range->gpa, range->size);

		range->offset = offset;
		offset = align_page(offset + range->size);
		g_array_append_val(loads, load);
	}
}

/* The offset in the file of memory that lies in one range as a whole. */
static bool find_offset(const GArray *ranges, const VmcoreImage *image, uint64_t *ret)
{
	for (unsigned i = 0; i < ranges->len; i++) {
		const VmcoreRange *range = &g_array_index(ranges, VmcoreRange, i);
		uint64_t skip = image->gpa - range->gpa;

		if (image->gpa >= range->gpa && skip < range->size &&
		    image->size <= range->size - skip) {
			*ret = range->offset + skip;
			return true;
		}
	}
	return false;
}

static void add_images(GArray *loads, const GArray *ranges, const GArray *images)
{
	for (unsigned i = 0; images && i < images->len; i++) {
		const VmcoreImage *image = &g_array_index(images, VmcoreImage, i);
		uint64_t offset;

		if (find_offset(ranges, image, &offset)) {
			Elf64_Phdr load = make_load(offset, image->addr, image->gpa, image->size);

			g_array_append_val(loads, load);
		}
	}
}

GByteArray *vmcore_front(uint16_t machine, GArray *ranges, const GArray *images,
			 const GByteArray *notes)
{
	g_autoptr(GArray) loads = g_array_new(FALSE, FALSE, sizeof(Elf64_Phdr));
	GByteArray *out = g_byte_array_new();
	unsigned most = 1 + ranges->len + (images ? images->len : 0);
	uint64_t notes_at = sizeof(Elf64_Ehdr) + most * sizeof(Elf64_Phdr);
	uint64_t front = align_page(notes_at + notes->len);
	Elf64_Phdr note = {
		.p_type = PT_NOTE,
		.p_offset = notes_at,
		.p_filesz = notes->len,
		.p_memsz = notes->len,
		.p_align = 4,
	};
	Elf64_Ehdr header;

	add_ranges(loads, ranges, front);
	add_images(loads, ranges, images);
	header = make_header(machine, 1 + loads->len);
	g_byte_array_append(out, (const uint8_t *)&header, sizeof(header));
	g_byte_array_append(out, (const uint8_t *)&note, sizeof(note));
	g_byte_array_append(out, (const uint8_t *)loads->data, loads->len * sizeof(Elf64_Phdr));
	append_zeros(out, notes_at);
	g_byte_array_append(out, notes->data, notes->len);
	append_zeros(out, front);
	return out;
}

size_t vmcore_info_size(const uint8_t *page, size_t len)
{
	size_t text_at = sizeof(Elf64_Nhdr) + INFO_NAME_ROOM;
	Elf64_Nhdr header;

	if (len < text_at + strlen(INFO_START))
		return 0;
	memcpy(&header, page, sizeof(header));
	if (header.n_namesz != sizeof(INFO_NAME) || header.n_type != 0 ||
	    header.n_descsz < strlen(INFO_START) || header.n_descsz > VMCORE_PAGE ||
	    memcmp(page + sizeof(header), INFO_NAME, sizeof(INFO_NAME)) != 0 ||
	    memcmp(page + text_at, INFO_START, strlen(INFO_START)) != 0)
		return 0;
	return text_at + align4(header.n_descsz);
}

int64_t vmcore_find_info(const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len; at += VMCORE_PAGE) {
		if (vmcore_info_size(data + at, MIN(len - at, VMCORE_PAGE)))
			return at;
	}
	return -1;
}

bool vmcore_info_symbol(const GByteArray *note, const char *name, uint64_t *ret)
{
	g_autofree char *entry = g_strdup_printf("\nSYMBOL(%s)=", name);
	size_t text_at = MIN(note->len, sizeof(Elf64_Nhdr) + INFO_NAME_ROOM);
	g_autofree char *text = g_strndup((const char *)note->data + text_at, note->len - text_at);
	const char *at = strstr(text, entry);

	if (!at)
		return false;
	*ret = g_ascii_strtoull(at + strlen(entry), NULL, 16);
	return true;
}

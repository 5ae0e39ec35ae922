/*
 * kvm/vmcore.c - see vmcore.h.
 */
#include "kvm/vmcore.h"

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

GByteArray *vmcore_front(uint16_t machine, VmcoreRange *ranges, unsigned n, const GByteArray *notes)
{
	GByteArray *out = g_byte_array_new();
	Elf64_Ehdr header = make_header(machine, n + 1);
	uint64_t notes_at = sizeof(header) + (n + 1) * sizeof(Elf64_Phdr);
	uint64_t front = align_page(notes_at + notes->len), offset = front;
	Elf64_Phdr note = {
		.p_type = PT_NOTE,
		.p_offset = notes_at,
		.p_filesz = notes->len,
		.p_memsz = notes->len,
		.p_align = 4,
	};

	g_byte_array_append(out, (const uint8_t *)&header, sizeof(header));
	g_byte_array_append(out, (const uint8_t *)&note, sizeof(note));
	for (unsigned i = 0; i < n; i++) {
		/* p_vaddr stays 0, as in QEMU's: where the guest maps this is for its tables. */
		Elf64_Phdr load = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W | PF_X,
			.p_offset = offset,
			.p_paddr = ranges[i].gpa,
			.p_filesz = ranges[i].size,
			.p_memsz = ranges[i].size,
		};

		ranges[i].offset = offset;
		offset = align_page(offset + ranges[i].size);
		g_byte_array_append(out, (const uint8_t *)&load, sizeof(load));
	}
	g_byte_array_append(out, notes->data, notes->len);
	notes_at = out->len;
	g_byte_array_set_size(out, front);
	memset(out->data + notes_at, 0, front - notes_at);
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

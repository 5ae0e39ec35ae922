/*
 * tests/test-guest-vmlinux.c - the sentences of guest/vmlinux.h: a small ELF file made here, then
 * the same with everything in it that can be wrong.
 */
#include "guest/vmlinux.h"

#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/test-util.h"

#define TEXT 0xffffffff81000000u

enum { SECTION_NULL, SECTION_SYMTAB, SECTION_STRTAB, SECTION_PERCPU, N_SECTIONS };

/* One of everything, at fixed places in the file. */
typedef struct Image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Shdr sections[N_SECTIONS];
	Elf64_Sym symbols[4];
	char names[64]; /* of symbols and sections */
	char text[32];
} Image;

static const char names[] = "\0start\0linux_banner\0undefined\0.data..percpu\0twice";
enum { NAME_START = 1, NAME_BANNER = 7, NAME_UNDEFINED = 20, NAME_PERCPU = 30 };

static void make_image(Image *image)
{
	memset(image, 0, sizeof(*image));
	memcpy(image->header.e_ident, ELFMAG, SELFMAG);
	image->header.e_ident[EI_CLASS] = ELFCLASS64;
	image->header.e_ident[EI_DATA] = ELFDATA2LSB;
	image->header.e_machine = EM_X86_64;
	image->header.e_phoff = offsetof(Image, segments);
	image->header.e_phnum = 2;
	image->header.e_phentsize = sizeof(Elf64_Phdr);
	image->header.e_shoff = offsetof(Image, sections);
	image->header.e_shnum = N_SECTIONS;
	image->header.e_shentsize = sizeof(Elf64_Shdr);
	image->header.e_shstrndx = SECTION_STRTAB;
	image->segments[0].p_type = PT_NOTE;
	image->segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
					  .p_offset = offsetof(Image, text),
					  .p_vaddr = TEXT,
					  .p_filesz = sizeof(image->text),
					  .p_memsz = 0x1000};
	image->sections[SECTION_SYMTAB] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
						       .sh_offset = offsetof(Image, symbols),
						       .sh_size = sizeof(image->symbols),
						       .sh_link = SECTION_STRTAB};
	image->sections[SECTION_STRTAB] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
						       .sh_offset = offsetof(Image, names),
						       .sh_size = sizeof(image->names)};
	image->sections[SECTION_PERCPU] = (Elf64_Shdr){.sh_name = NAME_PERCPU, .sh_addr = 0x40};
	image->symbols[1] =
		(Elf64_Sym){.st_name = NAME_START, .st_shndx = SHN_ABS, .st_value = TEXT};
	image->symbols[2] =
		(Elf64_Sym){.st_name = NAME_BANNER, .st_shndx = SHN_ABS, .st_value = TEXT + 8};
	image->symbols[3] = (Elf64_Sym){.st_name = NAME_UNDEFINED, .st_value = 1};
	memcpy(image->names, names, sizeof(names));
	memcpy(image->text, "12345678Linux version 1", 24);
}

typedef struct Folder {
	char *dir, *path;
} Folder;

static void folder_open(Folder *folder)
{
	folder->dir = test_dir_new();
	folder->path = g_build_filename(folder->dir, "vmlinux", NULL);
}

static void folder_close(Folder *folder)
{
	g_free(folder->path);
	test_dir_remove(folder->dir);
}

static Vmlinux *open_bytes(const Folder *folder, const void *bytes, size_t len, GError **error)
{
	g_assert_true(g_file_set_contents(folder->path, bytes, len, NULL));
	return vmlinux_open(folder->path, error);
}

static void test_good(void)
{
	g_autoptr(Vmlinux) vmlinux = NULL;
	Folder folder;
	char text[64];
	uint64_t addr;
	Image image;

	folder_open(&folder);
	make_image(&image);
	vmlinux = open_bytes(&folder, &image, sizeof(image), NULL);
	g_assert_nonnull(vmlinux);
	g_assert_cmpstr(vmlinux_path(vmlinux), ==, folder.path);
	g_assert_cmpuint(vmlinux_machine(vmlinux), ==, EM_X86_64);
	g_assert_cmphex(vmlinux_text(vmlinux), ==, TEXT);
	g_assert_true(vmlinux_find(vmlinux, "linux_banner", &addr));
	g_assert_cmphex(addr, ==, TEXT + 8);
	g_assert_false(vmlinux_find(vmlinux, "undefined", &addr));
	g_assert_false(vmlinux_find(vmlinux, "linux", &addr));
	g_assert_true(vmlinux_section(vmlinux, ".data..percpu", &addr));
	g_assert_cmphex(addr, ==, 0x40);
	g_assert_false(vmlinux_section(vmlinux, ".text", &addr));
	g_assert_cmpuint(vmlinux_read(vmlinux, TEXT + 8, text, sizeof(text)), ==, 24);
	g_assert_cmpstr(text, ==, "Linux version 1");
	g_assert_cmpuint(vmlinux_read(vmlinux, TEXT + 32, text, 1), ==, 0);
	g_assert_cmpuint(vmlinux_read(vmlinux, TEXT - 1, text, 1), ==, 0);
	g_assert_cmpuint(vmlinux_read(vmlinux, 0, text, 1), ==, 0);
	folder_close(&folder);
}

/* A build replaces the file meanwhile: reads fail, nothing dies. */
static void test_truncated_later(void)
{
	g_autoptr(Vmlinux) vmlinux = NULL;
	Folder folder;
	uint64_t addr;
	Image image;
	char text[8];

	folder_open(&folder);
	make_image(&image);
	vmlinux = open_bytes(&folder, &image, sizeof(image), NULL);
	g_assert_cmpint(truncate(folder.path, 0), ==, 0);
	g_assert_true(vmlinux_find(vmlinux, "start", &addr));
	g_assert_cmpuint(vmlinux_read(vmlinux, TEXT, text, sizeof(text)), ==, 0);
	folder_close(&folder);
}

static void expect_bad(const Folder *folder, const Image *image, size_t len, const char *word)
{
	g_autoptr(GError) error = NULL;
	Vmlinux *vmlinux = open_bytes(folder, image, len, &error);

	g_assert_null(vmlinux);
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, folder->path));
	g_assert_nonnull(strstr(error->message, word));
}

static void test_bad(void)
{
	static const struct {
		size_t offset;
		uint64_t value;
		size_t size;
		const char *word;
	} cases[] = {
		{0, 0, 4, "not an ELF file"},
		{EI_CLASS, ELFCLASS32, 1, "64-bit"},
		{EI_DATA, ELFDATA2MSB, 1, "64-bit"},
		{offsetof(Image, header.e_phentsize), 8, 2, "size"},
		{offsetof(Image, header.e_shentsize), 8, 2, "size"},
		{offsetof(Image, header.e_shnum), 0xffff, 2, "outside"},
		{offsetof(Image, header.e_phnum), 0xffff, 2, "outside"},
		{offsetof(Image, header.e_shoff), UINT64_MAX - 8, 8, "outside"},
		{offsetof(Image, header.e_phoff), UINT64_MAX, 8, "outside"},
		{offsetof(Image, header.e_shnum), 0, 2, "no symbol table"},
		{offsetof(Image, sections[1].sh_type), SHT_NOTE, 4, "no symbol table"},
		{offsetof(Image, sections[1].sh_link), 77, 4, "damaged"},
		{offsetof(Image, sections[1].sh_link), 3, 4, "damaged"},
		{offsetof(Image, sections[1].sh_size), UINT64_MAX, 8, "damaged"},
		{offsetof(Image, sections[1].sh_offset), UINT64_MAX - 16, 8, "damaged"},
		{offsetof(Image, sections[2].sh_size), 1ull << 40, 8, "damaged"},
	};
	Folder folder;
	Image image;

	folder_open(&folder);
	for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
		make_image(&image);
		memcpy((char *)&image + cases[n].offset, &cases[n].value, cases[n].size);
		expect_bad(&folder, &image, sizeof(image), cases[n].word);
	}
	folder_close(&folder);
}

/* Cut off anywhere, or with any byte changed: an error or a file that can be asked. */
static void test_hostile(void)
{
	Folder folder;
	Image image;

	folder_open(&folder);
	for (size_t at = 0; at < sizeof(image); at++) {
		for (unsigned value = 0; value < 256; value += 85) {
			g_autoptr(Vmlinux) vmlinux = NULL;
			uint64_t addr;
			char text[16];

			make_image(&image);
			((uint8_t *)&image)[at] = value;
			vmlinux = open_bytes(&folder, &image, value ? sizeof(image) : at, NULL);
			if (!vmlinux)
				continue;
			vmlinux_text(vmlinux);
			vmlinux_find(vmlinux, "linux_banner", &addr);
			vmlinux_section(vmlinux, ".data..percpu", &addr);
			vmlinux_read(vmlinux, TEXT, text, sizeof(text));
		}
	}
	folder_close(&folder);
}

static void test_not_a_file(void)
{
	g_autoptr(GError) none = NULL, folder = NULL, device = NULL;

	g_assert_null(vmlinux_open("/nonexistent/vmlinux", &none));
	g_assert_nonnull(strstr(none->message, "/nonexistent/vmlinux"));
	g_assert_null(vmlinux_open("/", &folder));
	g_assert_nonnull(strstr(folder->message, "not a file"));
	g_assert_null(vmlinux_open("/dev/zero", &device));
	g_assert_nonnull(strstr(device->message, "not a file"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/guest-vmlinux/good", test_good);
	g_test_add_func("/guest-vmlinux/truncated-later", test_truncated_later);
	g_test_add_func("/guest-vmlinux/bad", test_bad);
	g_test_add_func("/guest-vmlinux/hostile", test_hostile);
	g_test_add_func("/guest-vmlinux/not-a-file", test_not_a_file);
	return g_test_run();
}

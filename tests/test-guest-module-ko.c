/*
 * tests/test-guest-module-ko.c - the sentences of guest/module-ko.h: a small .ko, written by
 * libelf.
 */
#include "guest/module-ko.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/guest-rig.h"
#include "tests/test-util.h"

#define MODULE RIG_BASE
#define SECTS (RIG_BASE + 0x1000)
#define NAMES (RIG_BASE + 0x2000)
#define VERSION (RIG_BASE + 0x3000)
#define MEMORY (RIG_BASE + 0x4000)
#define N_SECTIONS 3u

static const char *const in_guest[N_SECTIONS] = {".text", ".note.gnu.build-id", ".init.text"};

/* What a .ko has; NULL: not that section. */
typedef struct File {
	const char *build_id, *info;
	uint16_t machine, type;
} File;

static const File good = {"id-of-20-bytes------", "license=GPL\0srcversion=ABC\0", EM_X86_64,
			  ET_REL};

static GuestRig *make_rig(void)
{
	GuestRig *rig = kern_new();

	kern_module_types(rig, false, false);
	kern_symbol(rig, "modules", RIG_BASE + 0x800);
	kern_ready(rig);
	rig->kernel.machine = EM_X86_64;
	kern_put(rig, MODULE + 24, "toy", 4);
	kern_put_u64(rig, MODULE + 96, SECTS);
	kern_put_u64(rig, MODULE + 400, VERSION);
	kern_put(rig, VERSION, "ABC", 4);
	kern_put_u64(rig, MODULE + 128, MEMORY);
	kern_put_u32(rig, MODULE + 136, 0x2000);
	kern_put_u32(rig, SECTS + 40, N_SECTIONS);
	for (unsigned n = 0; n < N_SECTIONS; n++) {
		kern_put(rig, NAMES + 32ull * n, in_guest[n], strlen(in_guest[n]) + 1);
		kern_put_u64(rig, SECTS + 48 + 72ull * n, NAMES + 32ull * n);
		kern_put_u64(rig, SECTS + 48 + 72ull * n + 64, MEMORY + 0x1000ull * n);
	}
	kern_put(rig, MEMORY + 0x1000, good.build_id, 20);
	return rig;
}

static void add_section(Elf *elf, GString *names, const char *name, const char *bytes, size_t len,
			uint64_t flags)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = elf_newdata(scn);
	GElf_Shdr shdr = {.sh_name = names->len,
			  .sh_type = bytes ? SHT_PROGBITS : SHT_STRTAB,
			  .sh_flags = flags};

	*data = (Elf_Data){.d_buf = (void *)bytes,
			   .d_size = len,
			   .d_type = ELF_T_BYTE,
			   .d_align = 1,
			   .d_version = EV_CURRENT};
	g_string_append_len(names, name, strlen(name) + 1);
	g_assert_true(gelf_update_shdr(scn, &shdr));
}

static int write_ko(const File *file)
{
	int fd = memfd_create("toy.ko", MFD_CLOEXEC);
	g_autoptr(GString) names = g_string_new_len("", 1);
	GElf_Ehdr ehdr;
	Elf_Data *data;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	g_assert_true(gelf_newehdr(elf, ELFCLASS64) && gelf_getehdr(elf, &ehdr));
	add_section(elf, names, ".init.text", "1", 1, SHF_ALLOC | SHF_EXECINSTR);
	add_section(elf, names, ".text", "2", 1, SHF_ALLOC | SHF_EXECINSTR);
	add_section(elf, names, ".comment", "3", 1, 0);
	if (file->build_id)
		add_section(elf, names, ".note.gnu.build-id", file->build_id, 20, SHF_ALLOC);
	if (file->info)
		add_section(elf, names, ".modinfo", file->info, 28, 0);
	add_section(elf, names, ".data..percpu", "4", 1, SHF_ALLOC);
	add_section(elf, names, ".shstrtab", NULL, 0, 0);
	ehdr.e_shstrndx = file->info ? 6 + !!file->build_id : 5 + !!file->build_id;
	data = elf_getdata(elf_getscn(elf, ehdr.e_shstrndx), NULL);
	data->d_buf = names->str;
	data->d_size = names->len;
	ehdr.e_machine = file->machine;
	ehdr.e_type = file->type;
	ehdr.e_version = EV_CURRENT;
	g_assert_true(gelf_update_ehdr(elf, &ehdr));
	g_assert_cmpint(elf_update(elf, ELF_C_WRITE), >, 0);
	elf_end(elf);
	return fd;
}

/* @error: what the message says; NULL: it fits. */
static GArray *try_file(GuestRig *rig, const File *file, const char *expected)
{
	GArray *places = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_autoptr(LinuxModules) modules = linux_modules_new(&rig->kernel, NULL);
	g_autoptr(GError) error = NULL;
	LinuxModule module;
	int fd = write_ko(file);

	g_assert_true(linux_module_read(modules, MODULE, &module));
	g_assert_true(linux_module_fits(modules, &module, fd, places, &error) == !expected);
	g_assert_cmpstr(error ? error->message : NULL, ==, expected);
	close(fd);
	return places;
}

#define OTHER "it is another build of the module"
#define UNKNOWN "it has neither a build id nor a srcversion to compare"
#define NO_MODULE "it is no module of this architecture"

static void test_places(void)
{
	g_autoptr(GuestRig) rig = make_rig();
	g_autoptr(GArray) places = try_file(rig, &good, NULL);
	const uint64_t *at = (const uint64_t *)(const void *)places->data;

	/* In the file's order; what is not in the module's memory is where nothing can be. */
	g_assert_cmpuint(places->len, ==, 4);
	g_assert_cmphex(at[0] >> 48, ==, 0xfe);
	g_assert_cmphex(at[1], ==, MEMORY);
	g_assert_cmphex(at[2], ==, MEMORY + 0x1000);
	g_assert_cmphex(at[3] >> 48, ==, 0xfe);
	g_assert_cmphex(at[3], !=, at[0]);
}

static void refuse(GuestRig *rig, const File *file, const char *why)
{
	g_autoptr(GArray) places = try_file(rig, file, why);

	g_assert_cmpuint(places->len, ==, 0);
}

static void test_build_id(void)
{
	g_autoptr(GuestRig) rig = make_rig();
	File file = good;

	/* It counts more than the sum of the source. */
	file.build_id = "another-of-20-bytes-";
	refuse(rig, &file, OTHER);
	file = good;
	file.info = "license=GPL\0srcversion=XYZ\0";
	g_array_unref(try_file(rig, &file, NULL));
	file.machine = EM_AARCH64;
	refuse(rig, &file, NO_MODULE);
	file = good;
	file.type = ET_EXEC;
	refuse(rig, &file, NO_MODULE);
}

static void test_srcversion(void)
{
	g_autoptr(GuestRig) rig = make_rig();
	File file = good;

	file.build_id = NULL;
	g_array_unref(try_file(rig, &file, NULL));
	file.info = "license=GPL\0srcversion=XYZ\0";
	refuse(rig, &file, OTHER);
	/* Cut off in the middle. */
	file.info = "license=GPL\0srcversion=ABCDE";
	refuse(rig, &file, UNKNOWN);
	/* Nothing to compare: its name is not enough. */
	file.info = NULL;
	refuse(rig, &file, UNKNOWN);
	kern_put_u64(rig, MODULE + 400, 0);
	file.info = good.info;
	refuse(rig, &file, UNKNOWN);
}

static void test_garbage(void)
{
	g_autoptr(GuestRig) rig = make_rig();
	g_autoptr(LinuxModules) modules = linux_modules_new(&rig->kernel, NULL);
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_autoptr(GError) error = NULL;
	int fd = memfd_create("toy.ko", MFD_CLOEXEC);
	LinuxModule module;

	g_assert_true(linux_module_read(modules, MODULE, &module));
	g_assert_false(linux_module_fits(modules, &module, fd, places, &error));
	g_assert_cmpstr(error->message, ==, NO_MODULE);
	close(fd);
}

static const TestCase cases[] = {
	{"places", test_places},
	{"build-id", test_build_id},
	{"srcversion", test_srcversion},
	{"garbage", test_garbage},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-module-ko", cases);
}

/*
 * guest/module-ko.c - compares a module in the guest with a file.
 */
#include "guest/module-ko.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>

#define NOTE_MAX 256u
#define BUILD_ID ".note.gnu.build-id"
#define SRCVERSION "srcversion="

/* No address has these upper bits; each section that is nowhere has a piece of its own there. */
#define NOWHERE (0x00feull << 48)
#define NOWHERE_STEP (1ull << 32)

/* @sections: of LinuxSection, where the guest has them. */
typedef struct Ko {
	Elf *elf;
	size_t names;
	const LinuxModule *module;
	const GArray *sections;
} Ko;

static bool find_section(const Ko *ko, const char *name, uint64_t *ret)
{
	for (unsigned i = 0; i < ko->sections->len; i++) {
		const LinuxSection *section = &g_array_index(ko->sections, LinuxSection, i);

		*ret = section->addr;
		if (g_str_equal(section->name, name) &&
		    linux_module_piece(ko->module, section->addr))
			return true;
	}
	return false;
}

static const char *name_of(const Ko *ko, Elf_Scn *scn, GElf_Shdr *ret)
{
	return gelf_getshdr(scn, ret) ? elf_strptr(ko->elf, ko->names, ret->sh_name) : NULL;
}

/* What the file has in a section; NULL where it has none, or no bytes. */
static const Elf_Data *bytes_of(const Ko *ko, const char *wanted)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(ko->elf, scn))) {
		GElf_Shdr shdr;
		const char *name = name_of(ko, scn, &shdr);

		if (name && g_str_equal(name, wanted)) {
			const Elf_Data *data = elf_rawdata(scn, NULL);

			return data && data->d_buf && data->d_size ? data : NULL;
		}
	}
	return NULL;
}

/* ---- Is it the same module? ---- */

typedef enum Answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN } Answer;

static Answer same_build(const Ko *ko, const LinuxMemory *memory)
{
	const Elf_Data *note = bytes_of(ko, BUILD_ID);
	uint8_t own[NOTE_MAX];
	uint64_t addr;

	if (!note || note->d_size > sizeof(own) || !find_section(ko, BUILD_ID, &addr) ||
	    !linux_read(memory, addr, own, note->d_size))
		return ANSWER_UNKNOWN;
	return memcmp(own, note->d_buf, note->d_size) ? ANSWER_NO : ANSWER_YES;
}

/* .modinfo is strings, each with its NUL. */
static const char *find_srcversion(const Ko *ko)
{
	const Elf_Data *info = bytes_of(ko, ".modinfo");
	const char *at = info ? info->d_buf : NULL, *end = at ? at + info->d_size : NULL;

	while (at && at < end && memchr(at, 0, end - at)) {
		if (g_str_has_prefix(at, SRCVERSION))
			return at + strlen(SRCVERSION);
		at += strlen(at) + 1;
	}
	return NULL;
}

static Answer same_source(const Ko *ko, const LinuxModules *modules)
{
	g_autofree char *own = linux_module_srcversion(modules, ko->module);
	const char *version = find_srcversion(ko);

	if (!own || !version)
		return ANSWER_UNKNOWN;
	return g_str_equal(own, version) ? ANSWER_YES : ANSWER_NO;
}

static bool is_same(const Ko *ko, const LinuxModules *modules, GError **error)
{
	static const char *const reasons[] = {
		[ANSWER_NO] = "it is another build of the module",
		[ANSWER_UNKNOWN] = "it has neither a build id nor a srcversion to compare",
	};
	Answer answer = same_build(ko, &linux_modules_kernel(modules)->memory);

	if (answer == ANSWER_UNKNOWN)
		answer = same_source(ko, modules);
	if (answer != ANSWER_YES)
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT, "%s", reasons[answer]);
	return answer == ANSWER_YES;
}

/* ---- Where is it? ---- */

static void add_places(const Ko *ko, GArray *places)
{
	uint64_t nowhere = NOWHERE;
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(ko->elf, scn))) {
		GElf_Shdr shdr;
		const char *name = name_of(ko, scn, &shdr);
		uint64_t addr;

		if (!name || !(shdr.sh_flags & SHF_ALLOC))
			continue;
		if (!find_section(ko, name, &addr)) {
			addr = nowhere;
			nowhere += NOWHERE_STEP;
		}
		g_array_append_val(places, addr);
	}
}

static bool is_ko(Ko *ko, uint16_t machine, GError **error)
{
	GElf_Ehdr ehdr;

	if (ko->elf && gelf_getehdr(ko->elf, &ehdr) && ehdr.e_machine == machine &&
	    ehdr.e_type == ET_REL && elf_getshdrstrndx(ko->elf, &ko->names) == 0)
		return true;
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED,
		    "it is no module of this architecture");
	return false;
}

bool linux_module_fits(const LinuxModules *modules, const LinuxModule *module, int fd,
		       GArray *places, GError **error)
{
	g_autoptr(GArray) sections = linux_module_sections(modules, module);
	Ko ko = {.module = module, .sections = sections};
	bool fits;

	elf_version(EV_CURRENT);
	ko.elf = elf_begin(fd, ELF_C_READ, NULL);
	fits = is_ko(&ko, linux_modules_kernel(modules)->machine, error) &&
	       is_same(&ko, modules, error);
	if (fits)
		add_places(&ko, places);
	elf_end(ko.elf);
	return fits;
}

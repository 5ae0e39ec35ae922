/*
 * plugin/program.c - an ELF file's header, as far as preloading depends on it.
 */
#include "plugin/program.h"

#include <elf.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_HEADERS 256

char *program_find(const char *name)
{
	return strchr(name, '/') ? g_strdup(name) : g_find_program_in_path(name);
}

/* The dynamic linker that the file names; NULL: none. */
static char *read_interpreter(int fd, const Elf64_Ehdr *elf)
{
	for (unsigned i = 0; i < MIN(elf->e_phnum, MAX_HEADERS); i++) {
		char path[256] = "";
		Elf64_Phdr header;

		if (pread(fd, &header, sizeof(header), elf->e_phoff + i * sizeof(header)) !=
		    sizeof(header))
			return NULL;
		if (header.p_type != PT_INTERP)
			continue;
		if (pread(fd, path, MIN(header.p_filesz, sizeof(path) - 1), header.p_offset) <= 0)
			return NULL;
		return g_strdup(path);
	}
	return NULL;
}

static bool read_header(int fd, Elf64_Ehdr *ret)
{
	return pread(fd, ret, sizeof(*ret), 0) == sizeof(*ret) &&
	       !memcmp(ret->e_ident, ELFMAG, SELFMAG);
}

/* Does the dynamic linker ignore the environment for this program and this user? */
static bool is_privileged(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	return (st.st_mode & S_ISUID && st.st_uid != getuid()) ||
	       (st.st_mode & S_ISGID && st.st_gid != getgid()) ||
	       (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0);
}

static char *compare(int fd, const Elf64_Ehdr *elf, int own_fd, const Elf64_Ehdr *own)
{
	g_autofree char *linker = NULL, *own_linker = NULL;

	if (elf->e_ident[EI_CLASS] != own->e_ident[EI_CLASS] || elf->e_machine != own->e_machine)
		return g_strdup("is a program for another kind of CPU");
	linker = read_interpreter(fd, elf);
	own_linker = read_interpreter(own_fd, own);
	if (!linker)
		return g_strdup("is statically linked");
	if (own_linker && strcmp(linker, own_linker) != 0)
		return g_strdup_printf("belongs to another C library (%s, not %s)", linker,
				       own_linker);
	return NULL;
}

char *program_obstacle(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int own_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr elf, own;
	char *obstacle = NULL;

	if (fd >= 0 && own_fd >= 0 && read_header(fd, &elf) && read_header(own_fd, &own))
		obstacle = compare(fd, &elf, own_fd, &own);
	if (!obstacle && is_privileged(path))
		obstacle = g_strdup("runs with another user's rights (setuid, setgid or file "
				    "capabilities)");
	if (fd >= 0)
		close(fd);
	if (own_fd >= 0)
		close(own_fd);
	return obstacle;
}

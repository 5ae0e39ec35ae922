/*
 * plugin/table.c - descriptors by number.
 */
#include "plugin/table.h"

#include <dirent.h>
#include <linux/kcmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugin/real.h"

#define MAX_FDS 65536 /* half a megabyte of address space; only the pages in use cost memory */

static PluginFile **slot(int fd)
{
	static PluginFile *files[MAX_FDS];

	return fd >= 0 && fd < MAX_FDS ? &files[fd] : NULL;
}

__attribute__((hot)) PluginFile *table_find(int fd)
{
	PluginFile **at = slot(fd);

	return at ? __atomic_load_n(at, __ATOMIC_ACQUIRE) : NULL;
}

bool table_set(int fd, PluginFile *file)
{
	PluginFile **at = slot(fd);

	if (at)
		__atomic_store_n(at, file, __ATOMIC_RELEASE);
	return at;
}

PluginFile *table_clear(int fd)
{
	PluginFile **at = slot(fd);

	/* The usual case, an ordinary file, must not dirty the line. */
	if (!at || !__atomic_load_n(at, __ATOMIC_RELAXED))
		return NULL;
	return __atomic_exchange_n(at, NULL, __ATOMIC_ACQ_REL);
}

int table_next(unsigned from)
{
	for (unsigned fd = from; fd < MAX_FDS; fd++) {
		if (table_find(fd))
			return fd;
	}
	return -1;
}

bool table_is_same(int a, int b)
{
	pid_t pid = getpid();

	return real()->syscall(SYS_kcmp, (long)pid, (long)pid, (long)KCMP_FILE, (long)a, (long)b) ==
	       0;
}

int table_find_duplicate(int ours)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1;

	while (dir && found < 0 && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != ours && table_is_same(fd, ours))
			found = fd;
	}
	if (dir)
		closedir(dir);
	return found;
}

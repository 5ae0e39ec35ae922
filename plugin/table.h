/*
 * plugin/table.h - which of the VMM's descriptors are KVM's.
 *
 * Looking one up takes no lock: it is on the way of every request to KVM. What a descriptor stands
 * for is never freed, because another thread may just be using it.
 */
#ifndef VMGDB_PLUGIN_TABLE_H
#define VMGDB_PLUGIN_TABLE_H

#include <stdbool.h>

typedef struct PluginFile PluginFile;

/* The first member of what a descriptor may stand for. */
struct PluginFile {
	int (*ioctl)(PluginFile *file, int fd, unsigned long request, void *arg);
	int fd; /* our own duplicate; -1 when the VMM has closed all of its own */
	int n_fds;
};

/* NULL: not known to be KVM's. */
PluginFile *table_find(int fd);
/* FALSE: @fd is too large to be kept. The others replace what was there. */
bool table_set(int fd, PluginFile *file);
/* Returns what was there. */
PluginFile *table_clear(int fd);
/* The lowest number from @from on that is known; -1: none. */
int table_next(unsigned from);
/* Do both descriptors stand for the same open file (kcmp(2))? FALSE also when that is unknown. */
bool table_is_same(int a, int b);
/* Another descriptor of this process for the same open file as @ours: a duplicate; -1: none. */
int table_find_duplicate(int ours);

#endif

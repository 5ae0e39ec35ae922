/*
 * plugin/real.h - libc's own functions behind those that the plugin puts itself in front of.
 *
 * The next object in the search order defines them: libc, or another preloaded one. Found on first
 * use, because constructors of other libraries run before ours. Any thread.
 */
#ifndef VMGDB_PLUGIN_REAL_H
#define VMGDB_PLUGIN_REAL_H

#include <stddef.h>

typedef struct Real {
	int (*ioctl)(int fd, unsigned long request, ...);
	int (*close)(int fd);
	int (*close_range)(unsigned first, unsigned last, int flags);
	void (*closefrom)(int first);
	int (*dup2)(int old, int fd);
	int (*dup3)(int old, int fd, int flags);
	int (*munmap)(void *addr, size_t len);
	int (*prctl)(int option, ...);
	long (*syscall)(long number, ...);
} Real;

const Real *real(void);

#endif

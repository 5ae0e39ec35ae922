/*
 * plugin/plugin.h - what the plugin knows of KVM in the VMM's process, and does with it.
 *
 * A virtual machine is noticed when it is made; the engine (kvm/kvm-gdb.h) starts when one of its
 * vCPUs is run for the first time, because only then are its registers and CPUID final. The first
 * machine that runs is served until the VMM has closed it; another one meanwhile runs without a
 * debugger and a line says so. Whatever goes wrong here, the VMM goes on.
 *
 * All functions: any thread; errno is that of the VMM's own call.
 */
#ifndef VMGDB_PLUGIN_PLUGIN_H
#define VMGDB_PLUGIN_PLUGIN_H

#include <stddef.h>

struct sock_fprog;

/* A descriptor of KVM's that the VMM holds: of a machine or a vCPU. */
typedef struct PluginFile PluginFile;

/* ioctl() with a request of KVM's numbers, on any descriptor. */
int plugin_ioctl(int fd, unsigned long request, void *arg);

/*
 * Around close(): plugin_forget() before, plugin_closed() with its result, if any, after. With the
 * last descriptor of a machine and its vCPUs the session ends.
 */
PluginFile *plugin_forget(int fd);
void plugin_closed(PluginFile *file);

/*
 * The same around a call that closes all descriptors from @first to @last. NULL: none is of KVM.
 */
struct _GPtrArray *plugin_forget_range(unsigned first, unsigned last);
void plugin_closed_range(struct _GPtrArray *files);

/* Before munmap(): guest memory in there is RAM no more. */
void plugin_unmap_host(void *addr, size_t len);

/*
 * The VMM is about to install this seccomp filter (NULL: it only asks whether the kernel has
 * filters). When it forbids what the engine needs, debugging ends now, with a message, because
 * afterwards it would end the VMM.
 */
void plugin_seccomp(const struct sock_fprog *filter);

/* ---- The environment: how `vmgdb run` tells the plugin what to do ---- */

/* Where to listen; without any of these three the plugin does nothing. */
#define PLUGIN_ENV_GDB "VMGDB_GDB"
#define PLUGIN_ENV_QMP "VMGDB_QMP"
#define PLUGIN_ENV_MONITOR "VMGDB_MONITOR"
#define PLUGIN_ENV_WAIT "VMGDB_WAIT"	   /* set: wait for a client before the first instruction */
#define PLUGIN_ENV_LOG "VMGDB_LOG"	   /* the file for a log; its path is absolute */
#define PLUGIN_ENV_MODULES "VMGDB_MODULES" /* a folder with the files of its modules; absolute */
#define PLUGIN_ENV_VMLINUX "VMGDB_VMLINUX" /* the guest's kernel with symbols; absolute, too */
#define PLUGIN_ENV_SYMBOLS "VMGDB_SYMBOLS" /* set: a client may have the kernel's own symbols */
#define PLUGIN_ENV_ARCH "VMGDB_ARCH"	   /* the architecture to describe */
#define PLUGIN_ENV_THREADS "VMGDB_THREADS" /* "tasks": those of a Linux guest are threads, too */
#define PLUGIN_ENV_CLOCK "VMGDB_CLOCK"	   /* "run": the guest's clocks go on while it is stopped */
#define PLUGIN_ENV_PID "VMGDB_PID"	   /* of the program that `vmgdb run` starts */

#endif

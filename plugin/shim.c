/*
 * plugin/shim.c - the functions of libc that the plugin stands in front of.
 *
 * Those that make requests, and those that make a number free or give it to another file. KVM's
 * descriptors are known by the requests that make them, so open() needs no watching; a duplicate is
 * recognised when it is used, so dup() does not; and the plugin maps a
 * vCPU's page itself, so mmap() does not. Everything that is not KVM's passes through untouched,
 * errno included.
 *
 * The engine inside this object calls libc too: the Makefile links it with --wrap, so that its
 * calls of these functions come to the __wrap_ ones and never back to the plugin.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugin/plugin.h"
#include "plugin/real.h"

__attribute__((cold, noinline)) static void find_real(Real *found)
{
	Real look = {0};

	*(void **)&look.ioctl = dlsym(RTLD_NEXT, "ioctl");
	*(void **)&look.close = dlsym(RTLD_NEXT, "close");
	*(void **)&look.close_range = dlsym(RTLD_NEXT, "close_range");
	*(void **)&look.closefrom = dlsym(RTLD_NEXT, "closefrom");
	*(void **)&look.dup2 = dlsym(RTLD_NEXT, "dup2");
	*(void **)&look.dup3 = dlsym(RTLD_NEXT, "dup3");
	*(void **)&look.munmap = dlsym(RTLD_NEXT, "munmap");
	*(void **)&look.prctl = dlsym(RTLD_NEXT, "prctl");
	*(void **)&look.syscall = dlsym(RTLD_NEXT, "syscall");
	found->ioctl = look.ioctl;
	found->close = look.close;
	found->close_range = look.close_range;
	found->closefrom = look.closefrom;
	found->dup2 = look.dup2;
	found->dup3 = look.dup3;
	found->munmap = look.munmap;
	found->prctl = look.prctl;
	__atomic_store_n(&found->syscall, look.syscall, __ATOMIC_RELEASE);
}

__attribute__((hot)) const Real *real(void)
{
	static Real found; /* the same whoever fills it in, and filled in once */

	if (!__atomic_load_n(&found.syscall, __ATOMIC_ACQUIRE))
		find_real(&found);
	return &found;
}

/* ---- For the engine ---- */

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_close(int fd);
int __wrap_munmap(void *addr, size_t len);

__attribute__((hot)) int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return real()->ioctl(fd, request, arg);
}

int __wrap_close(int fd)
{
	return real()->close(fd);
}

int __wrap_munmap(void *addr, size_t len)
{
	return real()->munmap(addr, len);
}

/* ---- For the VMM ---- */

__attribute__((hot)) int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (_IOC_TYPE(request) != KVMIO)
		return real()->ioctl(fd, request, arg);
	return plugin_ioctl(fd, request, arg);
}

int close(int fd)
{
	PluginFile *file = plugin_forget(fd);
	int ret = real()->close(fd), err = errno;

	if (file)
		plugin_closed(file);
	errno = err;
	return ret;
}

/* @fd is about to stand for another file. Returns what to give to end_replace(). */
static PluginFile *begin_replace(int old, int fd)
{
	return old != fd ? plugin_forget(fd) : NULL;
}

static int end_replace(PluginFile *file, int ret)
{
	int err = errno;

	if (file)
		plugin_closed(file);
	errno = err;
	return ret;
}

int dup2(int old, int fd)
{
	PluginFile *file = begin_replace(old, fd);

	return end_replace(file, real()->dup2(old, fd));
}

int dup3(int old, int fd, int flags)
{
	PluginFile *file = begin_replace(old, fd);

	return end_replace(file, real()->dup3(old, fd, flags));
}

int close_range(unsigned first, unsigned last, int flags)
{
	/* With a flag nothing is closed, or in a table of the calling thread's own. */
	struct _GPtrArray *files = flags ? NULL : plugin_forget_range(first, last);
	int ret = real()->close_range(first, last, flags), err = errno;

	plugin_closed_range(files);
	errno = err;
	return ret;
}

void closefrom(int first)
{
	struct _GPtrArray *files = plugin_forget_range(first < 0 ? 0 : first, ~0u);

	real()->closefrom(first);
	plugin_closed_range(files);
}

int munmap(void *addr, size_t len)
{
	plugin_unmap_host(addr, len);
	return real()->munmap(addr, len);
}

int prctl(int option, ...)
{
	unsigned long arg[4];
	va_list args;

	va_start(args, option);
	for (int i = 0; i < 4; i++)
		arg[i] = va_arg(args, unsigned long);
	va_end(args);
	if (option == PR_SET_SECCOMP && arg[0] == SECCOMP_MODE_FILTER)
		plugin_seccomp((void *)arg[1]);
	return real()->prctl(option, arg[0], arg[1], arg[2], arg[3]);
}

/* Takes more arguments than there may be, one of them from the stack, as libc's own does. */
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
	long arg[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_seccomp && arg[0] == SECCOMP_SET_MODE_FILTER)
		plugin_seccomp((void *)arg[2]);
	return real()->syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/*
 * kvm/monitor-linux.c - monitor commands about the Linux kernel in the guest.
 */
#include "kvm/internal.h"
#include "kvm/linux.h"
#include "kvm/monitor.h"

/* Takes the lock; NULL with @error, and without it, when there is no kernel. */
static const LinuxKernel *enter(KvmGdb *gdb, const char *args, GError **error)
{
	const LinuxKernel *kernel;

	if (!monitor_take_end(args, error))
		return NULL;
	engine_lock(gdb);
	kernel = linux_kernel(gdb, error);
	if (!kernel)
		engine_unlock(gdb);
	return kernel;
}

static bool info_linux(void *target, unsigned cpu G_GNUC_UNUSED, const char *args, GString *out,
		       GError **error)
{
	KvmGdb *gdb = target;
	const LinuxKernel *kernel = enter(gdb, args, error);
	unsigned n;

	if (!kernel)
		return false;
	linux_symbols_rows(kernel->symbols, &n);
	g_string_append_printf(out, "%s\n", kernel->banner);
	g_string_append_printf(out, "symbols: %u\ntypes: %s\nvmcoreinfo: %s\n", n,
			       kernel->types ? "yes" : "none (the kernel has no BTF)",
			       kernel->vmcoreinfo ? "yes" : "none");
	engine_unlock(gdb);
	return true;
}

static bool vmcoreinfo(void *target, unsigned cpu G_GNUC_UNUSED, const char *args, GString *out,
		       GError **error)
{
	return monitor_take_end(args, error) && linux_vmcoreinfo(target, out, error);
}

const GdbMonitorCommand monitor_linux_commands[] = {
	{"info linux", NULL, "which Linux kernel runs, and what it knows of itself", info_linux},
	{"vmcoreinfo", NULL, "what the kernel says to those who read its dumps", vmcoreinfo},
	{0},
};

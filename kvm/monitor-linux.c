/*
 * kvm/monitor-linux.c - monitor commands about the Linux kernel in the guest.
 */
#include <inttypes.h>
#include <string.h>

#include "guest/dmesg.h"
#include "guest/layout.h"
#include "guest/module.h"
#include "guest/uptime.h"
#include "kvm/internal.h"
#include "kvm/kaslr.h"
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

static bool info_linux(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
		       GError **error)
{
	KvmGdb *gdb = target;
	const LinuxKernel *kernel = enter(gdb, args, error);
	uint64_t uptime;
	unsigned n;

	if (!kernel)
		return false;
	linux_symbols_rows(kernel->symbols, &n);
	g_string_append_printf(out, "%s\n", kernel->banner);
	if (linux_uptime(kernel, &uptime))
		g_string_append_printf(out, "uptime: %" PRIu64 " s\n", uptime);
	g_string_append_printf(
		out, "symbols: %u%s\ntypes: %s\nvmcoreinfo: %s\n", n,
		kernel->has_kallsyms ? "" : " (exported ones: the kernel has no kallsyms)",
		kernel->types ? "yes" : "none (the kernel has no BTF)",
		kernel->vmcoreinfo ? "yes" : "none");
	engine_unlock(gdb);
	return true;
}

/* Line by line, as they may be printed. */
static bool vmcoreinfo(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
		       GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;

	if (!monitor_take_end(args, error) || !linux_vmcoreinfo(target, text, error))
		return false;
	lines = g_strsplit(text->str, "\n", -1);
	for (char **line = lines; *line; line++) {
		linux_text_add(out, *line, strlen(*line));
		if (line[1])
			g_string_append_c(out, '\n');
	}
	return true;
}

/* "-n 100", or nothing. */
static bool take_lines(void *target, GdbPlace place, const char *args, uint64_t *ret,
		       GError **error)
{
	*ret = 0;
	if (*args && !g_str_has_prefix(args, "-n")) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "'%s': expected -n LINES", args);
		return false;
	}
	if (*args) {
		args += strlen("-n");
		if (!monitor_take_number(target, place, &args, "LINES", ret, error))
			return false;
		if (!*ret) {
			g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
				    "-n 0 prints nothing: without -n all lines are printed");
			return false;
		}
	}
	return monitor_take_end(args, error);
}

static bool dmesg(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	KvmGdb *gdb = target;
	const LinuxKernel *kernel;
	uint64_t lines;
	bool fine;

	if (!take_lines(target, place, args, &lines, error))
		return false;
	kernel = enter(gdb, "", error);
	if (!kernel)
		return false;
	linux_info(gdb);
	fine = linux_dmesg(kernel, MIN(lines, UINT_MAX), out, error);
	engine_unlock(gdb);
	return fine;
}

static bool ps(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
	       GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	const LinuxTasks *tasks = monitor_take_end(args, error) ? linux_tasks(gdb, error) : NULL;

	if (tasks)
		linux_tasks_print(tasks, out);
	return tasks;
}

static bool lsmod(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
		  GError **error)
{
	KvmGdb *gdb = target;
	const LinuxKernel *kernel = enter(gdb, args, error);
	g_autoptr(LinuxModules) modules = NULL;

	if (!kernel)
		return false;
	modules = linux_modules_new(kernel, error);
	if (modules)
		linux_modules_print(modules, out);
	engine_unlock(gdb);
	return modules;
}

/* There is no kernel, or not yet. */
static bool tell_when(KvmGdb *gdb, GString *out, GError **error)
{
	g_autoptr(GError) reason = NULL;
	LOCKED(gdb);

	if (linux_kernel(gdb, &reason))
		return true;
	if (reason->code != GDB_ERROR_NOENT) {
		g_propagate_error(error, g_steal_pointer(&reason));
		return false;
	}
	g_string_append_printf(
		out,
		"%s\ntype `monitor symbols` again when the kernel has begun to boot: it then "
		"shows what loads its symbols (symbol-file target:/vmgdb/...)\n",
		reason->message);
	return true;
}

/* Where gdb gets its symbols from, and what to type. */
static bool symbols(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
		    GError **error)
{
	KvmGdb *gdb = target;
	const char *path = kaslr_exec_file(target), *name;

	if (!monitor_take_end(args, error))
		return false;
	if (path) {
		g_string_append_printf(
			out,
			"symbols come from %s (--gdb-vmlinux)\n"
			"a gdb on another host reads it through the connection; behind "
			"a tunnel it needs --gdb WHERE,remote\n",
			path);
		return true;
	}
	kvm_gdb_offer_symbols(gdb);
	name = linux_file_program(target);
	if (!name)
		return tell_when(gdb, out, error);
	g_string_append_printf(
		out,
		"the kernel's own symbols and types, as a file for gdb:\n"
		"  symbol-file target:%s\n"
		"a gdb that connects later without a program reads it by itself; one "
		"that\nconnected before the kernel had begun lists modules when it "
		"connects again\n",
		name);
	linux_notes(gdb, out);
	return true;
}

const GdbMonitorCommand monitor_linux_commands[] = {
	{"info linux", NULL, "which Linux kernel runs, and what it knows of itself", info_linux,
	 GDB_MONITOR_SYSTEM},
	{"dmesg", "[-n LINES]", "the kernel's log, or its last lines", dmesg, GDB_MONITOR_SYSTEM},
	{"ps", NULL, "list the tasks of the kernel", ps, GDB_MONITOR_SYSTEM},
	{"lsmod", NULL, "list the modules of the kernel", lsmod, GDB_MONITOR_SYSTEM},
	{"symbols", NULL, "where gdb gets the kernel's symbols from", symbols, GDB_MONITOR_SYSTEM},
	{"vmcoreinfo", NULL, "what the kernel says to those who read its dumps", vmcoreinfo,
	 GDB_MONITOR_SYSTEM_PAUSED},
	{0},
};

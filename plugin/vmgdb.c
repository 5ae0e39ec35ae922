/*
 * plugin/vmgdb.c - vmgdb: starts a VMM with the plugin in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gdbstub/address.h"
#include "guest/vmlinux.h"
#include "kvm/module-files.h"
#include "plugin/plugin.h"
#include "plugin/program.h"

#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_CANNOT_RUN 126
#define STATUS_NOT_FOUND 127

#define PRELOAD_NAME "libvmgdb-preload.so"

typedef struct Command {
	const char *name;
	int (*run)(char **args);
	const char *help;
} Command;

static int cmd_run(char **args);
static int cmd_attach(char **args);
static int cmd_help(char **args);
static int cmd_version(char **args);

static const Command commands[] = {
	{"run", cmd_run, "start a VMM with a gdb stub in it"},
	{"attach", cmd_attach, "say why a running VMM cannot be attached to"},
	{"help", cmd_help, "show this"},
	{"version", cmd_version, "show the version"},
};

/* ---- Options ---- */

G_GNUC_PRINTF(1, 2) static void complain(const char *format, ...)
{
	va_list args;

	fputs("vmgdb: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(" (see vmgdb help)\n", stderr);
}

/* Says what is wrong; the status to end with. */
#define usage(...) (complain(__VA_ARGS__), STATUS_USAGE)

/* One bit for each kind of address. */
#define KIND(kind) (1u << GDB_ADDRESS_##kind)

/* @kinds: those that are possible. @others: what is said of the others. */
static int check_address(const char *where, unsigned kinds, const char *others)
{
	g_autoptr(GError) error = NULL;
	GdbAddress address = {0};
	bool possible;

	if (!gdb_address_parse(where, &address, &error))
		return usage("%s", error->message);
	possible = kinds & (1u << address.kind);
	gdb_address_clear(&address);
	return possible ? 0 : usage("%s", others);
}

static int check_where(const char *where)
{
	return check_address(where, KIND(TCP) | KIND(UNIX) | KIND(DEVICE),
			     "standard input and output are the VMM's: expected PORT, "
			     "HOST:PORT, unix:PATH or /dev/NAME");
}

/* Of those who come and go. */
static int check_socket(const char *where)
{
	g_autofree char *others = g_strconcat(where, ": expected unix:PATH or [HOST:]PORT", NULL);
	g_autoptr(GError) error = NULL;

	if (!gdb_address_serves_no_files(where, &error))
		return usage("%s", error->message);
	return check_address(where, KIND(TCP) | KIND(UNIX), others);
}

/* Now, and not when the machine begins to run. */
static int check_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);

	if (fd < 0)
		return usage("cannot write the log %s: %s", path, g_strerror(errno));
	close(fd);
	return 0;
}

static int check_vmlinux(const char *path)
{
	g_autoptr(GError) error = NULL;
	Vmlinux *vmlinux = NULL;

	if (!*path)
		return 0; /* none, as for lkvm */
	vmlinux = vmlinux_open(path, &error);
	vmlinux_free(vmlinux);
	return vmlinux ? 0 : usage("%s", error->message);
}

static int check_modules(const char *path)
{
	g_autoptr(GError) error = NULL;
	KvmModuleFiles *files = kvm_module_files_new(path, &error);

	kvm_module_files_free(files);
	return files ? 0 : usage("%s", error->message);
}

static int check_word(const char *option, const char *word, const char *first, const char *second)
{
	if (!strcmp(word, first) || !strcmp(word, second))
		return 0;
	return usage("%s %s: expected %s or %s", option, word, first, second);
}

static int check_clock(const char *kind)
{
	return check_word("--gdb-clock", kind, "stop", "run");
}

static int check_threads(const char *kind)
{
	return check_word("--gdb-threads", kind, "cpus", "tasks");
}

/* Each goes to the plugin in the environment. */
typedef enum Value { VALUE_NONE, VALUE_TEXT, VALUE_FILE, VALUE_PLACE } Value;

typedef struct Option {
	const char *name, *env;
	Value value;
	int (*check)(const char *value); /* 0, or the status to end with; or NULL */
	const char *metavar, *help;	 /* of one or more lines */
} Option;

static const Option options[] = {
	{"--gdb", PLUGIN_ENV_GDB, VALUE_PLACE, check_where, " WHERE",
	 "[HOST:]PORT, unix:PATH or a character device; port 0 is any free\n"
	 "one. The line \"gdb: listening on ADDRESS\" on stderr says where, when\n"
	 "the machine begins to run."},
	{"--qmp", PLUGIN_ENV_QMP, VALUE_PLACE, check_socket, " WHERE",
	 "let drgn and QEMU's scripts (QMP) connect: unix:PATH or [HOST:]PORT"},
	{"--monitor", PLUGIN_ENV_MONITOR, VALUE_PLACE, check_socket, " WHERE",
	 "take monitor commands from people at unix:PATH or [HOST:]PORT"},
	{"--gdb-wait", PLUGIN_ENV_WAIT, VALUE_NONE, NULL, "",
	 "stop before the first guest instruction until gdb says continue"},
	{"--gdb-log", PLUGIN_ENV_LOG, VALUE_FILE, check_log, " FILE",
	 "write packets, stops, resumes and vCPU states to FILE"},
	{"--gdb-vmlinux", PLUGIN_ENV_VMLINUX, VALUE_FILE, check_vmlinux, " FILE",
	 "the guest kernel's symbols: a bare gdb finds them by itself"},
	{"--gdb-symbols", PLUGIN_ENV_SYMBOLS, VALUE_NONE, NULL, "",
	 "without a vmlinux: give a bare gdb the symbols and types that a\n"
	 "Linux guest has in its own memory"},
	{"--gdb-modules", PLUGIN_ENV_MODULES, VALUE_FILE, check_modules, " DIR",
	 "the files of the kernel's modules: a build folder or\n"
	 "/lib/modules/RELEASE"},
	{"--gdb-arch", PLUGIN_ENV_ARCH, VALUE_TEXT, NULL, " NAME",
	 "the architecture that gdb sees: i386 for 32-bit code on an x86 CPU;\n"
	 "default: the guest's CPU"},
	{"--gdb-clock", PLUGIN_ENV_CLOCK, VALUE_TEXT, check_clock, " KIND",
	 "the guest's clocks while it is stopped: \"stop\" (default) or \"run\""},
	{"--gdb-threads", PLUGIN_ENV_THREADS, VALUE_TEXT, check_threads, " KIND",
	 "gdb's threads: the \"cpus\" (default), or the \"tasks\" of a Linux\n"
	 "guest, too"},
};

#define HELP_COLUMN 22

static void print_option(const Option *option, FILE *out)
{
	g_auto(GStrv) lines = g_strsplit(option->help, "\n", -1);
	g_autofree char *name = g_strconcat("  ", option->name, option->metavar, NULL);

	for (unsigned i = 0; lines[i]; i++)
		fprintf(out, "%-*s%s\n", HELP_COLUMN, i ? "" : name, lines[i]);
}

static void print_help(FILE *out)
{
	fputs("Usage: vmgdb run --gdb WHERE [OPTION...] [--] VMM [ARGUMENT...]\n"
	      "       vmgdb COMMAND\n\n",
	      out);
	for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
		fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].help);
	fputs("\n", out);
	for (unsigned i = 0; i < G_N_ELEMENTS(options); i++)
		print_option(&options[i], out);
	fputs("\n"
	      "The VMM is any dynamically linked program that uses KVM, unmodified:\n"
	      "  vmgdb run --gdb 1234 -- qemu-system-x86_64 -accel kvm -kernel bzImage ...\n"
	      "then gdb vmlinux, target remote :1234.\n",
	      out);
}

static int cmd_help(char **args G_GNUC_UNUSED)
{
	print_help(stdout);
	return 0;
}

static int cmd_version(char **args G_GNUC_UNUSED)
{
	puts("vmgdb " VMGDB_VERSION);
	return 0;
}

static int cmd_attach(char **args G_GNUC_UNUSED)
{
	fputs("vmgdb: a VMM that already runs cannot be attached to: KVM serves a vCPU's requests\n"
	      "only in the process that made the machine, and nothing short of ptrace can put our\n"
	      "code there. Start the VMM by `vmgdb run`. docs/embedding.md has the details.\n",
	      stderr);
	return STATUS_FAILED;
}

/* ---- run ---- */

/* The option at *args, with *args at its last argument then; NULL: none. *ret_value: "1" if it has
 * none. */
static const Option *take_option(char ***args, const char **ret_value)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
		const Option *option = &options[i];
		const char *rest = **args;

		if (!g_str_has_prefix(rest, option->name))
			continue;
		rest += strlen(option->name);
		*ret_value = *rest == '=' ? rest + 1 : "1";
		if (option->value == VALUE_NONE ? !*rest : *rest == '=')
			return option;
		if (option->value != VALUE_NONE && !*rest && (*args)[1]) {
			*ret_value = *++*args;
			return option;
		}
	}
	return NULL;
}

#define UNIX_PREFIX "unix:"

/* Files by their absolute path, because a VMM may change its folder. */
static char *for_plugin(const Option *option, const char *value)
{
	bool is_path = option->value == VALUE_FILE && *value;
	bool is_unix = option->value == VALUE_PLACE && g_str_has_prefix(value, UNIX_PREFIX);
	g_autofree char *path = NULL;

	if (!is_path && !is_unix)
		return g_strdup(value);
	path = g_canonicalize_filename(is_unix ? value + strlen(UNIX_PREFIX) : value, NULL);
	return g_strconcat(is_unix ? UNIX_PREFIX : "", path, NULL);
}

static int set_option(const Option *option, const char *value)
{
	int status = option->check ? option->check(value) : 0;
	g_autofree char *text = status ? NULL : for_plugin(option, value);

	if (text)
		setenv(option->env, text, true);
	return status;
}

/* 0, or the status to end with. @ret_vmm: NULL-terminated, at least one. */
static int parse(char **args, char ***ret_vmm)
{
	const Option *option;
	const char *value;
	int status;

	for (unsigned i = 0; i < G_N_ELEMENTS(options); i++)
		unsetenv(options[i].env);
	for (; *args && **args == '-'; args++) {
		if (!strcmp(*args, "--")) {
			args++;
			break;
		}
		option = take_option(&args, &value);
		if (!option)
			return usage("unknown option or missing value: %s", *args);
		status = set_option(option, value);
		if (status)
			return status;
	}
	*ret_vmm = args;
	if (!getenv(PLUGIN_ENV_GDB) && !getenv(PLUGIN_ENV_QMP) && !getenv(PLUGIN_ENV_MONITOR))
		return usage("run: expected --gdb WHERE before the VMM");
	if (!*args)
		return usage("run: expected the VMM and its arguments");
	return 0;
}

/* Beside this program in a build folder, or where make install puts it. */
static char *find_preload(void)
{
	static const char *const places[] = {"", "build", "../lib/vmgdb"};
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *dir = self ? g_path_get_dirname(self) : NULL;

	for (unsigned i = 0; dir && i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path = g_build_filename(dir, places[i], PRELOAD_NAME, NULL);

		if (access(path, R_OK) == 0)
			return g_canonicalize_filename(path, NULL);
	}
	return NULL;
}

static bool set_environment(void)
{
	g_autofree char *preload = find_preload();
	g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
	const char *others = getenv("LD_PRELOAD");
	g_autofree char *list = NULL;

	if (!preload) {
		fprintf(stderr, "vmgdb: " PRELOAD_NAME " was not found beside this program\n");
		return false;
	}
	if (strpbrk(preload, " :")) {
		fprintf(stderr,
			"vmgdb: the dynamic linker cannot load %s: its path has a space or "
			"a colon\n",
			preload);
		return false;
	}
	list = g_strjoin(":", preload, others && *others ? others : NULL, NULL);
	setenv("LD_PRELOAD", list, true);
	setenv(PLUGIN_ENV_PID, pid, true);
	return true;
}

static int cmd_run(char **args)
{
	g_autofree char *path = NULL, *obstacle = NULL;
	char **vmm;
	int status = parse(args, &vmm);

	if (status)
		return status;
	path = program_find(vmm[0]);
	if (!path || access(path, F_OK) != 0) {
		fprintf(stderr, "vmgdb: no program %s\n", vmm[0]);
		return STATUS_NOT_FOUND;
	}
	obstacle = program_obstacle(path);
	if (obstacle)
		fprintf(stderr,
			"vmgdb: %s %s, so the plugin cannot be loaded into it: it runs "
			"without a debugger\n",
			path, obstacle);
	else if (!set_environment())
		return STATUS_FAILED;
	execv(path, vmm);
	fprintf(stderr, "vmgdb: cannot run %s: %s\n", path, g_strerror(errno));
	return STATUS_CANNOT_RUN;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (name && (!strcmp(name, "--help") || !strcmp(name, "-h")))
		name = "help";
	if (name && !strcmp(name, "--version"))
		name = "version";
	for (unsigned i = 0; name && i < G_N_ELEMENTS(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return commands[i].run(argv + 2);
	}
	if (name)
		fprintf(stderr, "vmgdb: no command '%s'\n", name);
	print_help(stderr);
	return STATUS_USAGE;
}

/*
 * hw/config.c - the options of `lkvm run`.
 */
#include "hw/config.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hw/arch.h"
#include "hw/dev/pci.h"

#define MIN_MEMORY (4ull << 20)
#define MAX_MEMORY (1ull << 46)
#define MAX_CPUS 255

/* What GOption fills in; strings are owned. */
typedef struct RawOptions {
	char *qmp, *monitor, *gdb_log, *gdb_core, *kernel, *initrd, *memory, *console, *name, *gdb,
		*gdb_arch, *gdb_vmlinux, *gdb_modules, *gdb_clock, *gdb_threads, *dump_dtb, *vsock,
		*tty;
	char **disks, **shares, **nets, **params, **rest;
	int n_cpus;
	gboolean gdb_wait, gdb_kaslr, reboot, rng, help;
} RawOptions;

static const char summary[] =
	"Boots a kernel in a KVM virtual machine, with its serial console here.";

/* With the kernel's paths and the place of the debug exit. */
static const char description[] =
	"Keys: Ctrl-a x ends lkvm, Ctrl-a b sends a BREAK (SysRq), Ctrl-a a sends Ctrl-a.\n"
	"\n"
	"KERNEL is the same as -k KERNEL. Without either it is %s, %s\n"
	"and the like, or the running one in /boot.\n"
	"\n"
	"Exit status: 0 the guest powered off or rebooted, or Ctrl-a x; 1 an error, a triple "
	"fault\n"
	"or a panic that the guest reported (pvpanic), named on stderr; 2 a wrong command line;\n"
	"128+N signal N ended lkvm; any other: what the guest wrote to its debug exit (%s).\n"
	"\n"
	"Debugging: lkvm run --gdb 1234 %s, then gdb vmlinux, target remote :1234.\n"
	"With --gdb the kernel's command line gets `nokaslr` and not `panic=1`. With --gdb stdio\n"
	"or --monitor stdio the console is only shown, on stderr.\n";

/* Where in RawOptions a value goes; NULL is no place for it. */
#define RAW(field) GSIZE_TO_POINTER(offsetof(RawOptions, field))

static const GOptionEntry entries[] = {
	{"kernel", 'k', 0, G_OPTION_ARG_FILENAME, RAW(kernel), vm_arch_kernel_help, "FILE"},
	{"initrd", 'i', 0, G_OPTION_ARG_FILENAME, RAW(initrd), "initial RAM disk", "FILE"},
	{"params", 'p', 0, G_OPTION_ARG_STRING_ARRAY, RAW(params),
	 "append to the kernel's command line; may be given more than once", "CMDLINE"},
	{"mem", 'm', 0, G_OPTION_ARG_STRING, RAW(memory),
	 "memory in MiB, or with M or G (default 192 + 64 per CPU)", "SIZE"},
	{"cpus", 'c', 0, G_OPTION_ARG_INT, RAW(n_cpus), "virtual CPUs (default 1)", "N"},
	{"disk", 'd', 0, G_OPTION_ARG_FILENAME_ARRAY, RAW(disks),
	 "a raw disk image, a block device, or a folder as the root file system; with ,ro "
	 "behind it read only; may be given more than once",
	 "FILE[,ro]"},
	{"9p", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, RAW(shares),
	 "a folder that the guest can mount (9p, by diod); may be given more than once",
	 "DIR,TAG[,ro]"},
	{"virtio-9p", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME_ARRAY, RAW(shares), NULL,
	 NULL},
	{"network", 'n', 0, G_OPTION_ARG_STRING_ARRAY, RAW(nets),
	 "a network card: user[,tcp=PORTS][,udp=PORTS], by passt, with ports of the host "
	 "that are the guest's; tap=NAME; none; each [,mac=ADDRESS]; may be given more "
	 "than once",
	 "HOW"},
	{"vsock", 0, 0, G_OPTION_ARG_STRING, RAW(vsock),
	 "sockets between host and guest (vsock); the guest's CID, 3 or more", "CID"},
	{"rng", 0, 0, G_OPTION_ARG_NONE, RAW(rng),
	 "a virtio source of random numbers, also without another virtio device", NULL},
	{"console", 0, 0, G_OPTION_ARG_STRING, RAW(console),
	 "serial (default), virtio (hvc0), or none: output is shown, stdin is left alone", "KIND"},
	{"tty", 0, 0, G_OPTION_ARG_STRING, RAW(tty),
	 "a second serial port, ttyS1, at pty (default), file:PATH, unix:PATH, [HOST:]PORT or "
	 "/dev/TTY",
	 "1[,WHERE]"},
	{"name", 0, 0, G_OPTION_ARG_STRING, RAW(name),
	 "the guest's name, for ps and for `monitor info name`", "NAME"},
	{"reboot", 0, 0, G_OPTION_ARG_NONE, RAW(reboot),
	 "boot again when the guest reboots, with the same gdb; else lkvm ends", NULL},
	{"gdb", 0, 0, G_OPTION_ARG_STRING, RAW(gdb),
	 "let gdb connect at [HOST:]PORT, unix:PATH, stdio or /dev/TTY", "WHERE"},
	{"gdb-wait", 0, 0, G_OPTION_ARG_NONE, RAW(gdb_wait),
	 "wait for gdb before the first guest instruction", NULL},
	{"gdb-kaslr", 0, 0, G_OPTION_ARG_NONE, RAW(gdb_kaslr), "do not add `nokaslr` with --gdb",
	 NULL},
	{"gdb-arch", 0, 0, G_OPTION_ARG_STRING, RAW(gdb_arch),
	 "the architecture that gdb sees: i386 for 32-bit code; default: the guest's CPU", "NAME"},
	{"gdb-vmlinux", 0, 0, G_OPTION_ARG_FILENAME, RAW(gdb_vmlinux),
	 "the kernel's symbols, for a gdb without a program (default: beside the kernel)", "FILE"},
	{"gdb-modules", 0, 0, G_OPTION_ARG_FILENAME, RAW(gdb_modules),
	 "the files of the kernel's modules: a build folder or /lib/modules/RELEASE", "DIR"},
	{"gdb-clock", 0, 0, G_OPTION_ARG_STRING, RAW(gdb_clock),
	 "the guest's clocks while gdb has it stopped: stop (default) or run", "KIND"},
	{"gdb-threads", 0, 0, G_OPTION_ARG_STRING, RAW(gdb_threads),
	 "gdb's threads: the cpus (default), or the tasks of a Linux guest, too", "KIND"},
	{"gdb-log", 0, 0, G_OPTION_ARG_FILENAME, RAW(gdb_log),
	 "write packets, stops, breakpoints and resumes to FILE, with time stamps", "FILE"},
	{"gdb-core", 0, 0, G_OPTION_ARG_FILENAME, RAW(gdb_core),
	 "write the machine to FILE, a core for crash, drgn and gdb, if the guest dies and "
	 "no gdb is connected",
	 "FILE"},
	{"qmp", 0, 0, G_OPTION_ARG_STRING, RAW(qmp),
	 "let drgn and QEMU's scripts (QMP) connect at unix:PATH or [HOST:]PORT", "WHERE"},
	{"monitor", 0, 0, G_OPTION_ARG_STRING, RAW(monitor),
	 "take monitor commands from people at stdio, unix:PATH or [HOST:]PORT", "WHERE"},
	{"dump-dtb", 0, 0, G_OPTION_ARG_FILENAME, RAW(dump_dtb),
	 "write the guest's device tree to FILE (arm64)", "FILE"},
	{"help", 'h', 0, G_OPTION_ARG_NONE, RAW(help), "show this", NULL},
	{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, RAW(rest), NULL, "[KERNEL]"},
};

static gpointer place_of(RawOptions *raw, const GOptionEntry *entry)
{
	return (char *)raw + GPOINTER_TO_SIZE(entry->arg_data);
}

static void raw_options_clear(RawOptions *raw)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++) {
		gpointer place = place_of(raw, &entries[i]);

		switch (entries[i].arg) {
		case G_OPTION_ARG_STRING:
		case G_OPTION_ARG_FILENAME:
			g_clear_pointer((char **)place, g_free);
			break;
		case G_OPTION_ARG_STRING_ARRAY:
		case G_OPTION_ARG_FILENAME_ARRAY:
			g_clear_pointer((char ***)place, g_strfreev); /* two options may share it */
			break;
		default:
			break;
		}
	}
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RawOptions, raw_options_clear)

static GOptionContext *new_context(RawOptions *raw)
{
	GOptionContext *context = g_option_context_new(NULL);
	GOptionEntry filled[G_N_ELEMENTS(entries) + 1] = {0};
	g_autofree char *text =
		g_strdup_printf(description, vm_arch_kernel_paths[0], vm_arch_kernel_paths[1],
				vm_arch_debug_exit_help, vm_arch_kernel_paths[0]);

	for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++) {
		filled[i] = entries[i];
		filled[i].arg_data = place_of(raw, &entries[i]);
	}
	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, text);
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_add_main_entries(context, filled, NULL);
	return context;
}

/* GOption takes the program's name from the process; the usage line shall read as typed. */
static char *help_text(GOptionContext *context)
{
	g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
	const char *options = strstr(text, "[OPTION");

	return g_strconcat("Usage:\n  lkvm run ", options != NULL ? options : text, NULL);
}

char *config_help(void)
{
	g_auto(RawOptions) raw = {0};
	g_autoptr(GOptionContext) context = new_context(&raw);

	return help_text(context);
}

/* ---- Values ---- */

bool config_parse_size(const char *text, uint64_t *ret_bytes, GError **error)
{
	static const char units[] = "KMGT";
	char *end;
	guint64 value = g_ascii_strtoull(text, &end, 10);
	unsigned shift = 20;

	if (end != text && *end != 0) {
		const char *unit = strchr(units, g_ascii_toupper(*end));

		shift = unit != NULL ? 10 * (unit - units + 1) : 64;
		end++;
	}
	if (!g_ascii_isdigit(text[0]) || *end != 0 || shift == 64) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--mem %s: expected a number of MiB, or with K, M, G or T behind it",
			    text);
		return false;
	}
	if (value > MAX_MEMORY >> shift || value << shift < MIN_MEMORY ||
	    (value << shift) % (1u << 20) != 0) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--mem %s: expected whole MiB, at least %llu and at most %llu", text,
			    MIN_MEMORY >> 20, MAX_MEMORY >> 20);
		return false;
	}
	*ret_bytes = value << shift;
	return true;
}

static bool set_cpus(VmConfig *config, int n_cpus, GError **error)
{
	if (n_cpus < 1 || n_cpus > MAX_CPUS) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--cpus %d: expected 1 to %d", n_cpus, MAX_CPUS);
		return false;
	}
	config->n_cpus = n_cpus;
	return true;
}

static bool set_memory(VmConfig *config, const char *text, GError **error)
{
	if (text != NULL)
		return config_parse_size(text, &config->memory, error);
	config->memory = (192ull + 64ull * config->n_cpus) << 20;
	return true;
}

/* An option that is one of @words, which end with NULL; the first is the default. Its number. */
static bool take_word(const char *option, const char *word, const char *const *words, unsigned *ret,
		      GError **error)
{
	g_autoptr(GString) expected = g_string_new(NULL);
	unsigned n = 0;

	for (; word != NULL && words[n] != NULL && strcmp(word, words[n]) != 0; n++) {
		const char *between = n == 0 ? "" : words[n + 1] != NULL ? ", " : " or ";

		g_string_append_printf(expected, "%s%s", between, words[n]);
	}
	*ret = n;
	if (words[n] != NULL)
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s %s: expected %s", option,
		    word, expected->str);
	return false;
}

static bool take_words(VmConfig *config, const RawOptions *raw, GError **error)
{
	static const char *const consoles[] = {[VM_CONSOLE_SERIAL] = "serial",
					       [VM_CONSOLE_VIRTIO] = "virtio",
					       [VM_CONSOLE_NONE] = "none",
					       NULL};
	static const char *const clocks[] = {"stop", "run", NULL};
	static const char *const threads[] = {"cpus", "tasks", NULL};
	unsigned console, clock, thread;

	if (!take_word("console", raw->console, consoles, &console, error) ||
	    !take_word("gdb-clock", raw->gdb_clock, clocks, &clock, error) ||
	    !take_word("gdb-threads", raw->gdb_threads, threads, &thread, error))
		return false;
	config->console = console;
	config->gdb_clock_run = clock;
	config->gdb_tasks = thread;
	return true;
}

static bool is_stdio(const char *where)
{
	return g_strcmp0(where, "stdio") == 0 ||
	       (where != NULL && g_str_has_prefix(where, "stdio,"));
}

static char *find_kernel(GError **error)
{
	struct utsname host;

	for (const char *const *path = vm_arch_kernel_paths; *path != NULL; path++) {
		if (access(*path, R_OK) == 0)
			return g_strdup(*path);
	}
	uname(&host);
	g_autofree char *vmlinuz = g_strdup_printf("/boot/vmlinuz-%s", host.release);
	if (access(vmlinuz, R_OK) == 0)
		return g_steal_pointer(&vmlinuz);
	g_autofree char *bzimage = g_strdup_printf("/boot/bzImage-%s", host.release);
	if (access(bzimage, R_OK) == 0)
		return g_steal_pointer(&bzimage);
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "no kernel: there is no -k, no %s here and no readable %s",
		    vm_arch_kernel_paths[0], vmlinuz);
	return NULL;
}

/* By -k, or as the one argument that is no option. */
static bool set_kernel(VmConfig *config, RawOptions *raw, GError **error)
{
	unsigned n = raw->rest != NULL ? g_strv_length(raw->rest) : 0;
	const char *unexpected = n > 1				 ? raw->rest[1]
				 : n == 1 && raw->kernel != NULL ? raw->rest[0]
								 : NULL;

	if (unexpected != NULL) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "unexpected argument '%s': the kernel was given already, and what is "
			    "for its command line goes into -p \"...\"",
			    unexpected);
		return false;
	}
	config->kernel = raw->kernel != NULL ? g_steal_pointer(&raw->kernel)
			 : n == 1	     ? g_strdup(raw->rest[0])
					     : find_kernel(error);
	return config->kernel != NULL;
}

static bool check_stdio(const VmConfig *config, GError **error)
{
	if (!is_stdio(config->gdb) || !is_stdio(config->monitor))
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--monitor stdio: --gdb has stdio already; expected unix:PATH or PORT");
	return false;
}

bool config_needs_stdio(const VmConfig *config)
{
	return is_stdio(config->gdb) || is_stdio(config->monitor);
}

static bool check_gdb(const VmConfig *config, GError **error)
{
	const char *without = config->gdb_wait	      ? "--gdb-wait"
			      : config->gdb_kaslr     ? "--gdb-kaslr"
			      : config->gdb_arch      ? "--gdb-arch"
			      : config->gdb_vmlinux   ? "--gdb-vmlinux"
			      : config->gdb_modules   ? "--gdb-modules"
			      : config->gdb_clock_run ? "--gdb-clock"
			      : config->gdb_tasks     ? "--gdb-threads"
			      : config->gdb_log	      ? "--gdb-log"
						      : NULL;

	if (config->gdb != NULL || without == NULL)
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "%s needs --gdb WHERE: without it nobody can connect", without);
	return false;
}

/* It is written when it is too late to choose another one. */
static bool check_core(const char *path, GError **error)
{
	g_autofree char *folder = path != NULL ? g_path_get_dirname(path) : NULL;
	struct stat status;

	if (path == NULL)
		return true;
	if (*path == 0)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--gdb-core : there is no name; expected a file to make");
	else if (lstat(path, &status) == 0)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--gdb-core %s: it is there already, and is not overwritten", path);
	else if (access(folder, W_OK | X_OK) != 0)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--gdb-core %s: no file can be made in %s: %s", path, folder,
			    g_strerror(errno));
	else
		return true;
	return false;
}

static bool check_dump_dtb(const VmConfig *config, GError **error)
{
	if (config->dump_dtb == NULL || vm_arch_has_fdt)
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--dump-dtb %s: this architecture's guests have no device tree",
		    config->dump_dtb);
	return false;
}

static void clear_disk(gpointer data)
{
	VmDisk *disk = data;

	g_free(disk->path);
}

VmShare *config_find_share(const VmConfig *config, const char *tag)
{
	for (unsigned i = 0; config->shares != NULL && i < config->shares->len; i++) {
		VmShare *share = config->shares->pdata[i];

		if (strcmp(share->tag, tag) == 0)
			return share;
	}
	return NULL;
}

/* Takes @share, which may be NULL with @error. */
static bool add_share(VmConfig *config, VmShare *share, GError **error)
{
	const VmShare *same = share != NULL ? config_find_share(config, share->tag) : NULL;

	if (share == NULL)
		return false;
	if (config->shares == NULL)
		config->shares = g_ptr_array_new_with_free_func((GDestroyNotify)vm_share_free);
	g_ptr_array_add(config->shares, share);
	if (same != NULL)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s: the guest could not tell it from %s: both are %s", share->option,
			    same->option, share->tag);
	return same == NULL;
}

static bool add_disk(VmConfig *config, const char *text, GError **error)
{
	VmDisk disk;
	g_autofree char *option = g_strdup_printf("--disk %s", text);

	disk.path = vm_take_read_only(text, &disk.read_only);
	if (g_file_test(disk.path, G_FILE_TEST_IS_DIR)) {
		g_autofree char *folder = disk.path;

		return add_share(
			config,
			vm_share_new(option, folder, VM_SHARE_ROOT_TAG, disk.read_only, error),
			error);
	}
	g_array_append_val(config->disks, disk);
	if (disk.path[0] != 0)
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "%s: there is no name; expected a raw disk image, a block device or a folder",
		    option);
	return false;
}

static bool set_disks(VmConfig *config, char **disks, GError **error)
{
	if (disks == NULL)
		return true;
	config->disks = g_array_new(FALSE, FALSE, sizeof(VmDisk));
	g_array_set_clear_func(config->disks, clear_disk);
	for (; *disks != NULL; disks++) {
		if (!add_disk(config, *disks, error))
			return false;
	}
	return true;
}

static bool set_shares(VmConfig *config, char **shares, GError **error)
{
	for (; shares != NULL && *shares != NULL; shares++) {
		if (!add_share(config, vm_share_parse(*shares, error), error))
			return false;
	}
	return true;
}

/* Those whose address nobody has given are to have different ones. */
static void number_macs(GPtrArray *nets)
{
	for (unsigned i = 1; i < nets->len; i++) {
		VmNet *net = nets->pdata[i], *first = nets->pdata[0];

		if (memcmp(net->mac, first->mac, sizeof(net->mac)) == 0)
			net->mac[VM_NET_MAC_SIZE - 1] += i;
	}
}

static bool set_nets(VmConfig *config, char **nets, GError **error)
{
	if (nets == NULL)
		return true;
	config->nets = g_ptr_array_new_with_free_func((GDestroyNotify)vm_net_free);
	for (; *nets != NULL; nets++) {
		VmNet *net = vm_net_parse(*nets, error);

		if (net == NULL)
			return false;
		g_ptr_array_add(config->nets, net);
	}
	number_macs(config->nets);
	return true;
}

/* virtio 1.2, 5.10.4: the three smallest are the host's, or nobody's; the largest means any. */
static bool set_vsock(VmConfig *config, const char *text, GError **error)
{
	guint64 cid;

	if (text == NULL)
		return true;
	if (!g_ascii_string_to_unsigned(text, 10, 3, G_MAXUINT32 - 1, &cid, NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--vsock %s: expected the guest's CID, a number from 3 to %u", text,
			    G_MAXUINT32 - 1);
		return false;
	}
	config->vsock = cid;
	return true;
}

static unsigned count_nets(const GPtrArray *nets)
{
	unsigned n = 0;

	for (unsigned i = 0; nets != NULL && i < nets->len; i++)
		n += ((VmNet *)nets->pdata[i])->kind != VM_NET_NONE;
	return n;
}

/* Beside the bridge and the random numbers that come with any of them. */
#define MAX_DEVICES (PCI_DEVICES - 2)

static bool check_devices(const VmConfig *config, GError **error)
{
	unsigned disks = config->disks != NULL ? config->disks->len : 0;
	unsigned shares = config->shares != NULL ? config->shares->len : 0;
	unsigned n = disks + shares + count_nets(config->nets) + (config->vsock != 0) +
		     (config->console == VM_CONSOLE_VIRTIO);

	if (n <= MAX_DEVICES)
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "%u devices by --disk, --9p, --network, --vsock and --console virtio: the "
		    "machine takes %d",
		    n, MAX_DEVICES);
	return false;
}

/* kvmtool's --tty N is port N at a pseudo terminal. */
static bool set_tty(VmConfig *config, const char *text, GError **error)
{
	const char *where = text == NULL		   ? NULL
			    : strcmp(text, "1") == 0	   ? "pty"
			    : g_str_has_prefix(text, "1,") ? text + 2
							   : "";

	if (where == NULL || (*where != 0 && !is_stdio(where))) {
		config->tty = g_strdup(where);
		return true;
	}
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--tty %s: expected 1, for ttyS1, and where it is: 1,pty or 1,file:PATH, "
		    "1,unix:PATH, 1,[HOST:]PORT, 1,/dev/TTY",
		    text);
	return false;
}

/* The host's own root is for a shell; what the guest changes there is in its memory. */
static bool set_command(VmConfig *config, char **command, GError **error)
{
	VmShare *folder = config_find_share(config, VM_SHARE_ROOT_TAG);

	if (command != NULL && (*command == NULL || folder == NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    *command == NULL
				    ? "--: expected a command behind it"
				    : "-- %s: expected --disk DIR, the folder to run it in, as in "
				      "-d / -- %s",
			    *command, *command);
		return false;
	}
	config->command = g_strdupv(command);
	config->is_shell = command != NULL || (folder != NULL && strcmp(folder->folder, "/") == 0);
	if (config->is_shell)
		folder->read_only = true;
	return true;
}

static VmConfig *config_from_raw(RawOptions *raw, char **command, GError **error)
{
	g_autoptr(VmConfig) config = g_new0(VmConfig, 1);

	config->initrd = g_steal_pointer(&raw->initrd);
	config->params = raw->params != NULL ? g_strjoinv(" ", raw->params) : NULL;
	config->gdb = g_steal_pointer(&raw->gdb);
	config->qmp = g_steal_pointer(&raw->qmp);
	config->monitor = g_steal_pointer(&raw->monitor);
	config->gdb_log = g_steal_pointer(&raw->gdb_log);
	config->gdb_core = g_steal_pointer(&raw->gdb_core);
	config->gdb_arch = g_steal_pointer(&raw->gdb_arch);
	config->gdb_vmlinux = g_steal_pointer(&raw->gdb_vmlinux);
	config->gdb_modules = g_steal_pointer(&raw->gdb_modules);
	config->dump_dtb = g_steal_pointer(&raw->dump_dtb);
	config->name = g_steal_pointer(&raw->name);
	config->reboot = raw->reboot;
	config->rng = raw->rng;
	config->gdb_wait = raw->gdb_wait;
	config->gdb_kaslr = raw->gdb_kaslr;
	if (!set_disks(config, raw->disks, error) || !set_shares(config, raw->shares, error) ||
	    !set_nets(config, raw->nets, error) || !set_vsock(config, raw->vsock, error) ||
	    !set_tty(config, raw->tty, error) || !set_command(config, command, error) ||
	    !take_words(config, raw, error) || !check_devices(config, error) ||
	    !check_gdb(config, error) || !check_stdio(config, error) ||
	    !check_core(config->gdb_core, error) || !check_dump_dtb(config, error) ||
	    !set_cpus(config, raw->n_cpus, error) || !set_memory(config, raw->memory, error) ||
	    !set_kernel(config, raw, error))
		return NULL;
	return g_steal_pointer(&config);
}

VmConfig *config_parse(const char *const *args, char **ret_help, GError **error)
{
	g_auto(RawOptions) raw = {.n_cpus = 1};
	g_autoptr(GOptionContext) context = new_context(&raw);
	g_autoptr(GPtrArray) copy = g_ptr_array_new();

	/* GOption skips the program's name and moves the pointers that it leaves. */
	g_ptr_array_add(copy, g_strdup("lkvm"));
	for (; *args != NULL && strcmp(*args, "--") != 0; args++)
		g_ptr_array_add(copy, g_strdup(*args));
	g_ptr_array_add(copy, NULL);
	g_auto(GStrv) left = (char **)g_ptr_array_steal(copy, NULL);
	if (!g_option_context_parse_strv(context, &left, error))
		return NULL;
	if (raw.help) {
		*ret_help = help_text(context);
		return NULL;
	}
	return config_from_raw(&raw, *args != NULL ? (char **)args + 1 : NULL, error);
}

void config_free(VmConfig *config)
{
	if (config == NULL)
		return;
	g_clear_pointer(&config->disks, g_array_unref);
	g_clear_pointer(&config->shares, g_ptr_array_unref);
	g_clear_pointer(&config->nets, g_ptr_array_unref);
	g_strfreev(config->command);
	g_free(config->kernel);
	g_free(config->initrd);
	g_free(config->params);
	g_free(config->name);
	g_free(config->tty);
	g_free(config->gdb);
	g_free(config->qmp);
	g_free(config->monitor);
	g_free(config->gdb_arch);
	g_free(config->gdb_vmlinux);
	g_free(config->gdb_modules);
	g_free(config->gdb_log);
	g_free(config->gdb_core);
	g_free(config->dump_dtb);
	g_free(config);
}

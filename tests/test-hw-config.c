/*
 * tests/test-hw-config.c - hw/config.h and the pure half of hw/term.h and hw/loader.h: options,
 * the kernel's command line, the Ctrl-a filter, where an initrd goes.
 */
#include <gio/gio.h>
#include <pty.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "hw/arch.h"
#include "hw/command.h"
#include "hw/config.h"
#include "hw/loader.h"
#include "hw/term.h"
#include "tests/test-util.h"

/* ---- Options ---- */

static VmConfig *parse(GError **error, const char *args)
{
	g_auto(GStrv) words = g_strsplit(args, " ", -1);
	g_autofree char *help = NULL;

	VmConfig *config = config_parse((const char *const *)words, &help, error);
	g_assert_null(help);
	return config;
}

static void test_options(void)
{
	g_autoptr(VmConfig) config =
		parse(NULL, "-k K -i I -p quiet --mem=2G -c 3 --name N --gdb unix:/s --gdb-wait");

	g_assert_nonnull(config);
	g_assert_cmpstr(config->kernel, ==, "K");
	g_assert_cmpstr(config->initrd, ==, "I");
	g_assert_cmpstr(config->params, ==, "quiet");
	g_assert_cmpstr(config->name, ==, "N");
	g_assert_cmpstr(config->gdb, ==, "unix:/s");
	g_assert_cmpuint(config->memory, ==, 2ull << 30);
	g_assert_cmpuint(config->n_cpus, ==, 3);
	g_assert_true(config->gdb_wait);
	g_assert_cmpint(config->console, !=, VM_CONSOLE_NONE);
}

/* QMP and the monitor need no --gdb; standard input and output have one owner. */
static void test_operators(void)
{
	g_autoptr(VmConfig) config = parse(NULL, "-k K --qmp unix:/q --monitor stdio");
	g_autoptr(VmConfig) none = NULL;
	g_autoptr(VmConfig) sockets =
		parse(NULL, "-k K --qmp unix:/q --monitor 0 --gdb stdio,remote");
	g_autoptr(GError) error = NULL;

	g_assert_cmpstr(config->qmp, ==, "unix:/q");
	g_assert_cmpstr(config->monitor, ==, "stdio");
	g_assert_null(config->gdb);
	g_assert_true(config_needs_stdio(config));
	g_assert_true(config_needs_stdio(sockets));
	config_free(g_steal_pointer(&sockets));
	sockets = parse(NULL, "-k K --qmp unix:/q --monitor 0 --gdb 0");
	g_assert_false(config_needs_stdio(sockets));
	none = parse(&error, "-k K --gdb stdio,remote --monitor stdio");
	g_assert_null(none);
	g_assert_cmpstr(error->message, ==,
			"--monitor stdio: --gdb has stdio already; expected unix:PATH or PORT");
}

static void test_defaults(void)
{
	g_autoptr(VmConfig) config = parse(NULL, "-k K --console none");

	g_assert_nonnull(config);
	g_assert_cmpuint(config->n_cpus, ==, 1);
	g_assert_cmpuint(config->memory, ==, 256ull << 20);
	g_assert_null(config->gdb);
	g_assert_cmpint(config->console, ==, VM_CONSOLE_NONE);
	g_assert_null(config->name);
	g_assert_false(config->reboot);
}

/* What users of kvmtool and QEMU type. */
static void test_habits(void)
{
	g_autoptr(VmConfig) plain = parse(NULL, "K -p one -p two --reboot");
	g_autoptr(VmConfig) none = parse(NULL, "-m 64 K --gdb 1 --gdb-vmlinux=");

	g_autoptr(VmConfig) core = parse(NULL, "K --gdb-core /tmp/no-such-core");

	g_assert_nonnull(core);
	g_assert_cmpstr(core->gdb_core, ==, "/tmp/no-such-core");
	g_assert_nonnull(plain);
	g_assert_cmpstr(plain->kernel, ==, "K");
	g_assert_cmpstr(plain->params, ==, "one two");
	g_assert_true(plain->reboot);
	g_assert_nonnull(none);
	g_assert_cmpstr(none->kernel, ==, "K");
	g_assert_cmpstr(none->gdb_vmlinux, ==, "");
}

static void expect_disk(const VmConfig *config, unsigned i, const char *path, bool read_only)
{
	const VmDisk *disk = &g_array_index(config->disks, VmDisk, i);

	g_assert_cmpstr(disk->path, ==, path);
	g_assert_true(disk->read_only == read_only);
}

/* A comma that is no ,ro at the end belongs to the name. */
static void test_disks(void)
{
	g_autoptr(VmConfig) none = parse(NULL, "-k K");
	g_autoptr(VmConfig) config = parse(
		NULL, "-k K -d one.img --disk=two,ro -d three,four -d a,ro,ro -d b,ro,direct");

	g_assert_null(none->disks);
	g_assert_cmpuint(config->disks->len, ==, 5);
	expect_disk(config, 0, "one.img", false);
	expect_disk(config, 1, "two", true);
	expect_disk(config, 2, "three,four", false);
	expect_disk(config, 3, "a,ro", true);
	expect_disk(config, 4, "b,ro,direct", false);
}

static void expect_share(const VmConfig *config, unsigned i, const char *folder, const char *tag,
			 bool read_only)
{
	const VmShare *share = config->shares->pdata[i];

	g_assert_cmpstr(share->folder, ==, folder);
	g_assert_cmpstr(share->tag, ==, tag);
	g_assert_true(share->read_only == read_only);
}

/* The command lines of kvmtool's README, and what it says of options. */
static void test_kvmtool(void)
{
	g_autoptr(VmConfig) disk =
		parse(NULL, "--disk linux-0.2.img --kernel ../../arch/x86/boot/bzImage");
	g_autoptr(VmConfig) network = parse(NULL, "--disk linux-0.2.img --kernel "
						  "../../arch/x86/boot/bzImage --network virtio");
	g_autoptr(VmConfig) others = parse(NULL, "-k K --virtio-9p /,a --9p /usr,b --rng "
						 "--console virtio --tty 1 -n mode=user,trans=pci");

	expect_disk(disk, 0, "linux-0.2.img", false);
	g_assert_cmpstr(disk->kernel, ==, "../../arch/x86/boot/bzImage");
	g_assert_false(disk->rng);
	g_assert_cmpint(((VmNet *)network->nets->pdata[0])->kind, ==, VM_NET_USER);
	g_assert_cmpuint(others->shares->len, ==, 2);
	g_assert_true(others->rng);
}

/* As kvmtool has it, and with a place of its own. */
static void test_tty(void)
{
	g_autoptr(VmConfig) none = parse(NULL, "-k K");
	g_autoptr(VmConfig) pty = parse(NULL, "-k K --tty 1");
	g_autoptr(VmConfig) place = parse(NULL, "-k K --tty 1,unix:/a,b");

	g_assert_null(none->tty);
	g_assert_cmpstr(pty->tty, ==, "pty");
	g_assert_cmpstr(place->tty, ==, "unix:/a,b");
}

/* PCI takes 32: the bridge and the random numbers are two of them. */
static void test_too_many(void)
{
	g_autoptr(GString) args = g_string_new("-k K --console virtio --vsock 3 -n none -n user");
	g_autoptr(GError) error = NULL;

	for (unsigned i = 0; i < 27; i++)
		g_string_append(args, " -d D");
	g_autoptr(VmConfig) most = parse(&error, args->str);
	g_assert_no_error(error);
	g_assert_cmpuint(most->disks->len, ==, 27);
	g_string_append(args, " -d D");
	g_assert_null(parse(&error, args->str));
	g_assert_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE);
	g_assert_nonnull(strstr(error->message, "31 devices by --disk"));
	g_assert_nonnull(strstr(error->message, "takes 30"));
}

/* A folder is no disk, but may be the root file system. */
static void test_shares(void)
{
	g_autoptr(VmConfig) none = parse(NULL, "-k K -d D");
	g_autoptr(VmConfig) config = parse(NULL, "-k K -d D -d /,ro --9p /usr,a --9p=/,b,ro -d E");

	g_assert_null(none->shares);
	g_assert_cmpuint(config->disks->len, ==, 2);
	expect_disk(config, 1, "E", false);
	g_assert_cmpuint(config->shares->len, ==, 3);
	expect_share(config, 0, "/", "/dev/root", true);
	expect_share(config, 1, "/usr", "a", false);
	expect_share(config, 2, "/", "b", true);
}

static void expect_net(const VmConfig *config, unsigned i, VmNetKind kind, unsigned last_of_mac)
{
	const VmNet *net = config->nets->pdata[i];

	g_assert_cmpint(net->kind, ==, kind);
	g_assert_cmphex(net->mac[VM_NET_MAC_SIZE - 1], ==, last_of_mac);
}

static void test_nets(void)
{
	g_autoptr(VmConfig) none = parse(NULL, "-k K");
	g_autoptr(VmConfig) config =
		parse(NULL, "-k K -n user --network=tap=t0 -n none -n user,mac=02:15:15:15:15:20");

	g_assert_null(none->nets);
	g_assert_cmpuint(config->nets->len, ==, 4);
	expect_net(config, 0, VM_NET_USER, 0x15);
	expect_net(config, 1, VM_NET_TAP, 0x16);
	expect_net(config, 2, VM_NET_NONE, 0x17);
	expect_net(config, 3, VM_NET_USER, 0x20);
}

static void test_vsock(void)
{
	g_autoptr(VmConfig) none = parse(NULL, "-k K");
	g_autoptr(VmConfig) first = parse(NULL, "-k K --vsock 3");
	g_autoptr(VmConfig) last = parse(NULL, "-k K --vsock=4294967294");

	g_assert_cmpuint(none->vsock, ==, 0);
	g_assert_cmpuint(first->vsock, ==, 3);
	g_assert_cmpuint(last->vsock, ==, 4294967294u);
}

/* Each refusal names the option, or the argument. */
static void test_refusals(void)
{
	static const struct {
		const char *args;
		const char *named;
	} rows[] = {
		{"-k K -c 0", "--cpus"},
		{"-k K -c 256", "--cpus"},
		{"-k K -c x", "x"},
		{"-k K -m 0", "--mem"},
		{"-k K -m 12Q", "--mem"},
		{"-k K -m -5", "--mem"},
		{"-k K -m 999999T", "--mem"},
		{"-k K --console vga", "--console vga: expected serial, virtio or none"},
		{"-k K -d ,ro", "--disk ,ro: there is no name"},
		{"-k K -d / -d /usr,ro", "--disk /usr,ro: the guest could not tell it from"},
		{"-k K -- true", "-- true: expected --disk DIR"},
		{"-k K -d D -- true", "-- true: expected --disk DIR"},
		{"-k K -d / --", "--: expected a command"},
		{"-k K -n user,tcp=", "--network user,tcp=: expected ports"},
		{"-k K -n user --network mode=x", "--network mode=x: expected user"},
		{"-k K --vsock 0", "--vsock 0: expected the guest's CID, a number from 3"},
		{"-k K --vsock 2", "--vsock 2: expected"},
		{"-k K --vsock 4294967295", "--vsock 4294967295: expected"},
		{"-k K --vsock 3x", "--vsock 3x: expected"},
		{"-k K --vsock=", "--vsock : expected"},
		{"-k K --tty 0", "--tty 0: expected 1, for ttyS1"},
		{"-k K --tty 1,", "--tty 1,: expected 1"},
		{"-k K --tty 1,stdio", "--tty 1,stdio: expected 1"},
		{"-k K --tty 12", "--tty 12: expected 1"},
		{"-k K --9p /", "--9p /: expected DIR,TAG"},
		{"-k K --9p /none-such,a", "there is no folder /none-such"},
		{"-k K --9p /,a --9p /usr,a", "from --9p /,a: both are a"},
		{"-k K -d / --9p /usr,/dev/root", "--9p /usr,/dev/root: the guest could not"},
		{"-k K --gdb-wait", "--gdb"},
		{"-k K --gdb-kaslr", "--gdb"},
		{"-k K --gdb-clock run", "--gdb"},
		{"-k K --gdb 1 --gdb-clock fast", "stop or run"},
		{"-k K --gdb-threads tasks", "--gdb"},
		{"-k K --gdb 1 --gdb-threads all", "cpus or tasks"},
		{"-k K --gdb-vmlinux V", "--gdb"},
		{"-k K --gdb-log L", "--gdb-log"},
		{"-k K --gdb-core /", "--gdb-core /: it is there already"},
		{"-k K --gdb-core=", "--gdb-core : there is no name"},
		{"-k K --gdb-core /nowhere/core", "no file can be made in /nowhere: No such"},
		{"-k K --nonsense", "nonsense"},
		{"-k K more", "argument 'more'"},
		{"K more", "argument 'more'"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(VmConfig) config = parse(&error, rows[i].args);

		g_test_message("%s", rows[i].args);
		g_assert_null(config);
		g_assert_nonnull(error);
		g_assert_nonnull(strstr(error->message, rows[i].named));
	}
}

static void test_help(void)
{
	const char *const args[] = {"--help", NULL};
	g_autofree char *help = NULL, *other = config_help();
	g_autoptr(GError) error = NULL;

	g_assert_null(config_parse(args, &help, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(help, ==, other);
	g_assert_nonnull(strstr(help, "--gdb-wait"));
	/* It speaks of this architecture. */
	g_assert_nonnull(strstr(help, vm_arch_kernel_help));
	g_assert_nonnull(strstr(help, vm_arch_kernel_paths[0]));
	g_assert_nonnull(strstr(help, vm_arch_debug_exit_help));
}

static void test_sizes(void)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* 0: refused */
	} rows[] = {
		{"4", 4ull << 20},
		{"512", 512ull << 20},
		{"512M", 512ull << 20},
		{"1g", 1ull << 30},
		{"8192K", 8ull << 20},
		{"64T", 1ull << 46},
		{"3", 0},
		{"", 0},
		{"M", 0},
		{"12MM", 0},
		{"5000K", 0},
		{"65T", 0},
		{"0x40", 0},
		{" 64", 0},
		{"+64", 0},
		{"18446744073709551616", 0},
		{"17592186044416M", 0},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		uint64_t bytes = 77;
		g_autoptr(GError) error = NULL;
		bool parsed = config_parse_size(rows[i].text, &bytes, &error);

		g_test_message("'%s'", rows[i].text);
		g_assert_true(parsed == (rows[i].bytes != 0));
		g_assert_true(parsed == (error == NULL));
		g_assert_cmpuint(bytes, ==, parsed ? rows[i].bytes : 77);
	}
}

/* ---- The kernel's command line ---- */

static char *words(char *params, char *gdb, bool gdb_kaslr)
{
	VmConfig config = {.params = params, .gdb = gdb, .gdb_kaslr = gdb_kaslr};

	return config_command_line(&config, "arch");
}

static void test_words(void)
{
	char where[] = "1234", quiet[] = "quiet", kaslr[] = "kaslr", user_panic[] = "panic=0";
	g_autofree char *plain = words(NULL, NULL, false);
	g_autofree char *user = words(user_panic, NULL, false);
	g_autofree char *gdb = words(quiet, where, false);
	g_autofree char *with = words(kaslr, where, false);
	g_autofree char *option = words(NULL, where, true);

	g_assert_cmpstr(plain, ==, "arch console=ttyS0 panic=1");
	g_assert_cmpstr(user, ==, "arch console=ttyS0 panic=1 panic=0");
	g_assert_cmpstr(gdb, ==, "arch console=ttyS0 nokaslr quiet");
	g_assert_cmpstr(with, ==, "arch console=ttyS0 kaslr");
	g_assert_cmpstr(option, ==, "arch console=ttyS0");
}

static void expect_root(const char *args, const char *expected)
{
	g_autoptr(VmConfig) config = parse(NULL, args);
	g_autofree char *line = config_command_line(config, "arch");

	g_assert_cmpstr(line, ==, expected);
}

/* As kvmtool has it, but for an initial RAM disk. */
static void test_root(void)
{
	expect_root("-k K -d D", "arch console=ttyS0 panic=1 root=/dev/vda rw");
	expect_root("-k K -d D,ro -d E -p quiet",
		    "arch console=ttyS0 panic=1 root=/dev/vda ro quiet");
	expect_root("-k K -d D -p root=/dev/vda1", "arch console=ttyS0 panic=1 root=/dev/vda1");
	expect_root("-k K -d D -p quiet -p root=LABEL=x",
		    "arch console=ttyS0 panic=1 quiet root=LABEL=x");
	expect_root("-k K -d D -p noroot=1",
		    "arch console=ttyS0 panic=1 root=/dev/vda rw noroot=1");
	expect_root("-k K -d D -i I", "arch console=ttyS0 panic=1");
	expect_root("-k K --gdb 1 -d D", "arch console=ttyS0 nokaslr root=/dev/vda rw");
	expect_root("-k K --console virtio", "arch console=hvc0 panic=1");
	expect_root("-k K --9p /,a", "arch console=ttyS0 panic=1");
	expect_root("-k K --9p /,a -d D", "arch console=ttyS0 panic=1 root=/dev/vda rw");
}

#define FOLDER_FLAGS "trans=virtio,version=9p2000.L,msize=65536 rootfstype=9p"

static void test_root_folder(void)
{
	expect_root("-k K -d /usr", "arch console=ttyS0 panic=1 root=/dev/root rw "
				    "rootflags=rw," FOLDER_FLAGS);
	expect_root("-k K -d D -d /usr,ro -p quiet", "arch console=ttyS0 panic=1 root=/dev/root ro "
						     "rootflags=ro," FOLDER_FLAGS " quiet");
	expect_root("-k K -d /usr -p root=/dev/vda", "arch console=ttyS0 panic=1 root=/dev/vda");
	expect_root("-k K -d /usr -i I", "arch console=ttyS0 panic=1");
}

static void expect_command(const char *args, const char *first, const char *second)
{
	g_autoptr(VmConfig) config = parse(NULL, args);
	g_autofree char *line = config_command_line(config, "arch");

	g_assert_true(config->is_shell);
	g_assert_true(((VmShare *)config->shares->pdata[0])->read_only);
	if (config->command == NULL) {
		g_assert_null(first);
	} else {
		g_assert_cmpstr(config->command[0], ==, first);
		g_assert_cmpstr(config->command[1], ==, second);
	}
	g_assert_nonnull(strstr(line, " root=/dev/root ro "));
	/* What is behind -- is for init, and the user's words are in front of it. */
	g_assert_true(g_str_has_suffix(line, "quiet " COMMAND_INIT));
	g_assert_cmpuint(strlen(COMMAND_INIT), <, 256);
}

/* The host's own root is for a shell, and any folder for a command, whatever it looks like. */
static void test_command(void)
{
	g_autoptr(VmConfig) folder = parse(NULL, "-k K -d /usr");

	expect_command("-k K -d / -p quiet", NULL, NULL);
	expect_command("-k K -d /usr -p quiet -- make --cpus", "make", "--cpus");
	expect_command("-k K -d / -p quiet -- -- -d", "--", "-d");
	g_assert_false(folder->is_shell);
}

/* ---- Ctrl-a ---- */

static void check_filter(const char *const *chunks, const char *expected, bool quits)
{
	g_autoptr(GString) out = g_string_new(NULL);
	TermEscape escape = {0};
	TermKey key = TERM_KEY_NONE;

	for (; *chunks != NULL && key != TERM_KEY_QUIT; chunks++) {
		const uint8_t *data = (const uint8_t *)*chunks;
		size_t len = strlen(*chunks);

		for (size_t used; len > 0 && key != TERM_KEY_QUIT; data += used, len -= used) {
			g_autofree uint8_t *left = g_malloc(len + 1);
			size_t n = term_filter(&escape, data, len, left, &used, &key);

			g_assert_cmpuint(used, >, 0);
			g_assert_cmpuint(n, <=, used + 1);
			g_string_append_len(out, (const char *)left, n);
			if (key == TERM_KEY_BREAK)
				g_string_append(out, "[BREAK]");
		}
	}
	g_assert_cmpstr(out->str, ==, expected);
	g_assert_true((key == TERM_KEY_QUIT) == quits);
}

static void test_filter(void)
{
	check_filter((const char *const[]){"plain", NULL}, "plain", false);
	check_filter((const char *const[]){"ab\001xcd", NULL}, "ab", true);
	check_filter((const char *const[]){"ab\001", "x", NULL}, "ab", true);
	check_filter((const char *const[]){"\001a", NULL}, "\001", false);
	check_filter((const char *const[]){"\001\001x", NULL}, "\001x", false);
	check_filter((const char *const[]){"\001", "c", NULL}, "\001c", false);
	check_filter((const char *const[]){"\001cx\001", "a", NULL}, "\001cx\001", false);
	check_filter((const char *const[]){"x", "", NULL}, "x", false);
	check_filter((const char *const[]){"u\001bh", NULL}, "u[BREAK]h", false);
	check_filter((const char *const[]){"\001", "b\001bt", NULL}, "[BREAK][BREAK]t", false);
}

static size_t take_none(void *opaque G_GNUC_UNUSED, const uint8_t *data G_GNUC_UNUSED,
			size_t len G_GNUC_UNUSED)
{
	return 0;
}

static void ignore(void *opaque G_GNUC_UNUSED)
{
}

/* A terminal that Ctrl-S has stopped: lkvm's end does not wait for Ctrl-Q, and it is restored. */
static void test_flow_stopped(void)
{
	static const TermOps ops = {take_none, ignore, ignore, ignore};
	static Term *term;
	struct termios before, after;
	int master, slave;

	g_assert_cmpint(openpty(&master, &slave, NULL, NULL, NULL), ==, 0);
	g_assert_cmpint(tcgetattr(slave, &before), ==, 0);
	term = term_new(slave, slave);
	term_start(term, &ops, NULL);
	g_assert_cmpint(tcflow(slave, TCOOFF), ==, 0);
	term_output(term, (const uint8_t *)"x", 1);
	alarm(20);
	term_free(term);
	alarm(0);
	g_assert_cmpint(tcgetattr(slave, &after), ==, 0);
	g_assert_cmphex(after.c_lflag, ==, before.c_lflag);
	g_assert_cmphex(after.c_iflag, ==, before.c_iflag);
	/* The thread that hangs in write() has them, and the Term, until this process ends. */
}

/* ---- Memory and placing ---- */

static void test_memory(void)
{
	GuestMemory memory = {0};
	g_autoptr(GError) error = NULL;

	g_assert_true(memory_add(&memory, 0, 0x4000, NULL));
	g_assert_true(memory_add(&memory, 0x100000, 0x4000, NULL));
	g_assert_cmpuint(memory_total(&memory), ==, 0x8000);
	g_assert_nonnull(memory_span(&memory, 0, 0x4000));
	g_assert_null(memory_span(&memory, 0, 0x4001));
	g_assert_null(memory_span(&memory, 0x4000, 1));
	g_assert_nonnull(memory_span(&memory, 0x103fff, 1));
	g_assert_null(memory_span(&memory, 0x103fff, UINT64_MAX));
	g_assert_null(memory_span(&memory, UINT64_MAX, 2));
	g_assert_false(memory_write(&memory, 0x3fff, "ab", 2, "the thing", &error));
	g_assert_nonnull(strstr(error->message, "the thing"));
	g_assert_true(memory_write(&memory, 0x3ffe, "ab", 2, "the thing", NULL));
	g_assert_cmpmem(memory_span(&memory, 0x3ffe, 2), 2, "ab", 2);
	memory_clear(&memory);
	g_assert_null(memory_span(&memory, 0, 1));
}

/* Zeros again at the same place, and nothing loaded. */
static void test_zero(void)
{
	GuestMemory memory = {0};
	uint8_t *host;

	g_assert_true(memory_add(&memory, 0x100000, 0x4000, NULL));
	g_assert_true(memory_write(&memory, 0x101000, "ab", 2, "the thing", NULL));
	g_assert_true(memory_write(&memory, 0x102000, "", 0, "nothing", NULL));
	g_assert_cmpuint(memory.loaded->len, ==, 1);
	g_assert_cmphex(g_array_index(memory.loaded, MemoryLoaded, 0).gpa, ==, 0x101000);
	g_assert_cmpstr(g_array_index(memory.loaded, MemoryLoaded, 0).what, ==, "the thing");
	host = memory_span(&memory, 0x101000, 2);
	g_assert_true(memory_zero(&memory, NULL));
	g_assert_true(memory_span(&memory, 0x101000, 2) == host);
	g_assert_cmpmem(host, 2, "\0\0", 2);
	g_assert_null(memory.loaded);
	memory_clear(&memory);
}

/* Can a child read there? */
static bool is_inherited(const void *host)
{
	int fds[2], status;

	g_assert_cmpint(pipe(fds), ==, 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(write(fds[1], host, 1) == 1);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	close(fds[0]);
	close(fds[1]);
	return status != 0;
}

static void test_not_inherited(void)
{
	GuestMemory memory = {0};

	g_assert_true(is_inherited(&memory));
	g_assert_true(memory_add(&memory, 0x100000, 0x4000, NULL));
	g_assert_false(is_inherited(memory_span(&memory, 0x101000, 1)));
	g_assert_true(memory_zero(&memory, NULL));
	g_assert_false(is_inherited(memory_span(&memory, 0x101000, 1)));
	memory_clear(&memory);
}

static void test_place(void)
{
	GuestMemory memory = {0};
	uint64_t gpa = 0;

	g_assert_true(memory_add(&memory, 0, 0x10000, NULL));
	g_assert_true(memory_add(&memory, 0x100000, 0x10000, NULL));
	g_assert_true(loader_place_below(&memory, 0x1001, 0, UINT64_MAX, &gpa));
	g_assert_cmphex(gpa, ==, 0x10e000);
	g_assert_true(loader_place_below(&memory, 0x1000, 0, 0x100800, &gpa));
	g_assert_cmphex(gpa, ==, 0xf000);
	g_assert_false(loader_place_below(&memory, 0x1000, 0x108000, 0x108fff, &gpa));
	g_assert_false(loader_place_below(&memory, 0x10001, 0, UINT64_MAX, &gpa));
	g_assert_false(loader_place_below(&memory, UINT64_MAX, 0, UINT64_MAX, &gpa));
	g_assert_cmphex(gpa, ==, 0xf000);
	memory_clear(&memory);
}

static void test_missing_file(void)
{
	g_auto(LoadedFile) file = {0};
	g_autoptr(GError) error = NULL;

	g_assert_false(loader_open("/nonexistent/vmlinuz", "kernel", &file, &error));
	g_assert_nonnull(strstr(error->message, "kernel"));
	g_assert_nonnull(strstr(error->message, "/nonexistent/vmlinuz"));
	g_clear_error(&error);
	g_assert_false(loader_open("/dev/null", "initrd", &file, &error));
	g_assert_nonnull(strstr(error->message, "/dev/null"));
}

/* Nothing but a file is waited for, or mapped. */
static void test_no_file(void)
{
	g_auto(LoadedFile) file = {0};
	char *dir = test_dir_new();
	g_autofree char *fifo = g_build_filename(dir, "fifo", NULL);
	const char *const paths[] = {dir, fifo, "/dev/zero"};

	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *expected =
			g_strdup_printf("cannot load the kernel %s: it is not a file", paths[i]);

		g_assert_false(loader_open(paths[i], "kernel", &file, &error));
		g_assert_cmpstr(error->message, ==, expected);
	}
	test_dir_remove(dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hw-config/options", test_options);
	g_test_add_func("/hw-config/defaults", test_defaults);
	g_test_add_func("/hw-config/operators", test_operators);
	g_test_add_func("/hw-config/habits", test_habits);
	g_test_add_func("/hw-config/disks", test_disks);
	g_test_add_func("/hw-config/tty", test_tty);
	g_test_add_func("/hw-config/kvmtool", test_kvmtool);
	g_test_add_func("/hw-config/no-file", test_no_file);
	g_test_add_func("/hw-config/too-many-devices", test_too_many);
	g_test_add_func("/hw-config/shares", test_shares);
	g_test_add_func("/hw-config/nets", test_nets);
	g_test_add_func("/hw-config/vsock", test_vsock);
	g_test_add_func("/hw-config/command", test_command);
	g_test_add_func("/hw-config/root-folder", test_root_folder);
	g_test_add_func("/hw-config/root", test_root);
	g_test_add_func("/hw-config/refusals-name-the-option", test_refusals);
	g_test_add_func("/hw-config/help", test_help);
	g_test_add_func("/hw-config/sizes", test_sizes);
	g_test_add_func("/hw-config/kernel-words", test_words);
	g_test_add_func("/hw-term/filter", test_filter);
	g_test_add_func("/hw-term/flow-stopped", test_flow_stopped);
	g_test_add_func("/hw-memory/spans", test_memory);
	g_test_add_func("/hw-memory/zero", test_zero);
	g_test_add_func("/hw-memory/not-inherited", test_not_inherited);
	g_test_add_func("/hw-loader/place", test_place);
	g_test_add_func("/hw-loader/missing-file", test_missing_file);
	return g_test_run();
}

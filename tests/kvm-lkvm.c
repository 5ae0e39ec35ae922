/*
 * tests/kvm-lkvm.c - the built lkvm as a user runs it, with the bare-metal guests of tests/guest.
 *
 * What this machine's KVM cannot run is skipped with its reason; `hello` is the touchstone.
 */
#include <elf.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "hw/arch.h"
#include "tests/lkvm-run.h"
#include "tests/test-util.h"

/* ---- Ends ---- */

static void test_hello(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("hello", "-p spoken", -1);
	g_assert_cmpint(run_end(run), ==, 42);
	g_assert_true(g_str_has_prefix(run->said->str, "hello: "));
	g_assert_true(g_str_has_suffix(run->said->str, " spoken\n"));
	g_assert_cmpstr(run->told->str, ==, "");
}

static void test_smp(gconstpointer data)
{
	const char *cpus = data;

	if (run_impossible())
		return;
	g_autofree char *words = g_strdup_printf("-c %s -p q", cpus);
	g_autoptr(Run) run = run_new("smp", words, -1);
	g_assert_cmpint(run_end(run), ==, atoi(cpus));
	g_assert_nonnull(strstr(run->said->str, "all"));
}

static void test_timer(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("timer", "", -1);
	g_assert_cmpint(run_end(run), ==, 0);
	g_assert_cmpstr(run->said->str, ==, "ready\n");
}

static void test_triple(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("triple", "", -1);
	g_assert_cmpint(run_end(run), ==, VM_STATUS_FAILED);
	g_assert_cmpstr(run->said->str, ==, "before\n");
	g_assert_nonnull(strstr(run->told->str, "triple fault"));
}

static void test_panic(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("panic", "", -1);
	g_assert_cmpint(run_end(run), ==, VM_STATUS_FAILED);
	g_assert_nonnull(strstr(run->told->str, "panicked"));
}

/* With a disk there is a PCI bus, and without one there is none. */
static void test_pci(void)
{
	if (run_impossible())
		return;
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("vmgdb-XXXXXX.img", &path, NULL);
	g_autofree char *words = g_strdup_printf("-d %s", path);
	g_assert_cmpint(ftruncate(fd, 1 << 20), ==, 0);
	close(fd);
	g_autoptr(Run) without = run_new("pci", "", -1);
	g_assert_cmpint(run_end(without), ==, 10);
	g_autoptr(Run) run = run_new("pci", words, -1);
	g_assert_cmpint(run_end(run), ==, VM_STATUS_OK);
	g_assert_cmpstr(run->told->str, ==, "");
	unlink(path);
}

/* As many as the bus takes, and one more. */
static void test_many_devices(void)
{
	if (run_impossible())
		return;
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("vmgdb-XXXXXX.img", &path, NULL);
	g_autoptr(GString) words = g_string_new("--console virtio");
	g_assert_cmpint(ftruncate(fd, 1 << 20), ==, 0);
	close(fd);
	for (unsigned i = 0; i < 29; i++)
		g_string_append_printf(words, " -d %s,ro", path);
	g_autoptr(Run) most = run_new("hello", words->str, -1);
	g_assert_cmpint(run_end(most), ==, 42);
	g_string_append_printf(words, " -d %s,ro", path);
	g_autoptr(Run) run = run_new("hello", words->str, -1);
	g_assert_cmpint(run_end(run), ==, 2);
	g_assert_nonnull(strstr(run->told->str, "31 devices by --disk"));
	unlink(path);
}

static void test_int3(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("int3", "", -1);
	int status = run_end(run);
	if (strstr(run->told->str, "KVM internal error") != NULL) {
		g_test_skip("this KVM ends with an internal error at a guest's int3");
		return;
	}
	g_assert_cmpint(status, ==, 3);
}

static void test_signal(void)
{
	static const char *const guests[] = {"loop", "halt"};

	if (run_impossible())
		return;
	for (unsigned i = 0; i < G_N_ELEMENTS(guests); i++) {
		g_autoptr(Run) run = run_new(guests[i], "", -1);

		g_assert_true(run_read_until(run, "ready"));
		kill(run->pid, SIGTERM);
		g_assert_cmpint(run_end(run), ==, 128 + SIGTERM);
	}
}

/* ---- Console ---- */

static void test_input(void)
{
	enum { TOTAL = 70000 }; /* more than lkvm's queue */
	g_autoptr(GString) sent = g_string_new(NULL);

	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("echo", "", -1);
	while (sent->len < TOTAL)
		g_string_append_printf(sent, "%u,", (unsigned)sent->len);
	g_string_append_c(sent, 'q');
	fcntl(run->in, F_SETFL, O_NONBLOCK);
	for (size_t at = 0; at < sent->len;) {
		struct pollfd fds[] = {{run->out, POLLIN, 0}, {run->in, POLLOUT, 0}};

		g_assert_cmpint(poll(fds, 2, run_patience_ms()), >, 0);
		run_drain(&run->out, fds[0].revents, run->said);
		ssize_t n = fds[1].revents ? write(run->in, sent->str + at, sent->len - at) : 0;
		at += MAX(n, 0);
	}
	g_assert_cmpint(run_end(run), ==, 0);
	g_string_append_c(sent, '.');
	g_assert_cmpuint(run->said->len, ==, sent->len);
	g_assert_cmpstr(run->said->str, ==, sent->str);
}

/* The second port, at a terminal of the host's whose name lkvm says. */
static void test_tty(void)
{
	g_autoptr(GString) got = g_string_new(NULL);

	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("echo2", "--tty 1", -1);
	g_assert_true(run_read_until(run, "ttyS1 is at /dev/pts/") && run_read_until(run, "\n"));
	g_autofree char *path = g_strdup(g_strchomp(strstr(run->told->str, "/dev/pts/")));
	int terminal = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	g_assert_cmpint(terminal, >=, 0);
	g_assert_cmpint(write(terminal, "over there\n", 11), ==, 11);
	while (!g_str_has_suffix(got->str, "\n")) {
		struct pollfd wait = {terminal, POLLIN, 0};
		int fd = terminal;

		g_assert_cmpint(poll(&wait, 1, run_patience_ms()), >, 0);
		run_drain(&fd, wait.revents, got);
		g_assert_cmpint(fd, ==, terminal);
	}
	g_assert_cmpstr(got->str, ==, "over there\n");
	g_assert_cmpint(write(terminal, "q", 1), ==, 1);
	g_assert_cmpint(run_end(run), ==, 0);
	close(terminal);
}

static void test_quit_key(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("loop", "", -1);
	g_assert_true(run_read_until(run, "ready"));
	g_assert_cmpint(write(run->in, "\001x", 2), ==, 2);
	g_assert_cmpint(run_end(run), ==, 0);
}

/* The terminal's settings come back, whatever ends lkvm. */
static void check_terminal(int sig)
{
	int master, slave;
	struct termios before, during, after;

	g_assert_cmpint(openpty(&master, &slave, NULL, NULL, NULL), ==, 0);
	g_assert_cmpint(tcgetattr(slave, &before), ==, 0);
	Run *run = run_new("loop", "", slave);
	g_assert_true(run_read_until(run, "ready"));
	g_assert_cmpint(tcgetattr(slave, &during), ==, 0);
	g_assert_false(during.c_lflag & (ICANON | ECHO | ISIG));
	if (sig != 0)
		kill(run->pid, sig);
	else
		g_assert_cmpint(write(master, "\001x", 2), ==, 2);
	g_assert_cmpint(waitpid(run->pid, &run->status, 0), ==, run->pid);
	for (unsigned i = 0; i < 100; i++) {
		g_assert_cmpint(tcgetattr(slave, &after), ==, 0);
		if (after.c_lflag == before.c_lflag)
			break;
		g_usleep(20000);
	}
	g_assert_cmphex(after.c_lflag, ==, before.c_lflag);
	g_assert_cmphex(after.c_iflag, ==, before.c_iflag);
	run_free(run);
	close(master);
	close(slave);
}

static void test_terminal(void)
{
	static const int signals[] = {0, SIGTERM, SIGSEGV, SIGKILL};

	if (run_impossible())
		return;
	for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
		check_terminal(signals[i]);
}

/* ---- Errors ---- */

static void check_error(const char *guest, const char *words, int status, const char *named)
{
	g_autoptr(Run) run = run_new(guest, words, -1);

	g_assert_cmpint(run_end(run), ==, status);
	g_assert_nonnull(strstr(run->told->str, named));
}

static void test_errors(void)
{
	if (run_impossible())
		return;
	check_error("absent", "", VM_STATUS_FAILED, "absent.elf");
	check_error("hello", "-i /nonexistent/initrd", VM_STATUS_FAILED, "/nonexistent/initrd");
	check_error("hello", "-c 0", 2, "--cpus");
	check_error("hello", "-d disk.img", 1, "--disk disk.img: No such file");
	check_error("hello", "--gdb nonsense:::", VM_STATUS_FAILED, "nonsense");
}

/* ---- gdb ---- */

/* Before the first instruction; then the guest runs as if nothing had been. */
static void test_gdb_wait(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("hello", "--gdb 0 --gdb-wait -c 2", -1);
	g_autoptr(RspClient) client = run_attach(run);
	g_assert_cmpstr(run->said->str, ==, "");
	/* rip = pvh_start = 0x200000 */
	rsp_expect(client, "p10", "0000200000000000");
	rsp_client_send(client, "c");
	g_assert_cmpint(run_end(run), ==, 42);
	g_free(rsp_expect_next_prefix(client, "W2a"));
}

static void test_gdb_kill(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("loop", "--gdb 0", -1);
	g_assert_true(run_read_until(run, "ready"));
	g_autoptr(RspClient) client = run_attach(run);
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, 0);
}

/* A triple fault stops in the debugger first, and ends lkvm when it goes on. */
static void test_gdb_triple(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("triple", "--gdb 0 --gdb-wait", -1);
	g_autoptr(RspClient) client = run_attach(run);
	rsp_client_send(client, "c");
	g_free(rsp_expect_next_prefix(client, "T"));
	rsp_client_send(client, "c");
	g_assert_cmpint(run_end(run), ==, VM_STATUS_FAILED);
	g_assert_nonnull(strstr(run->told->str, "triple fault"));
}

/* After a triple fault, and over what the debugger wrote: twice, and then it runs to its end. */
static void test_gdb_reset(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("triple", "--gdb 0 --gdb-wait -c 2", -1);
	g_autoptr(RspClient) client = run_attach(run);
	g_autofree char *first = rsp_client_ask(client, "p10");
	g_autofree char *code = rsp_client_ask(client, "m200000,8");
	for (unsigned n = 0; n < 2; n++) {
		rsp_client_send(client, "c");
		g_free(rsp_expect_next_prefix(client, "T"));
		rsp_expect(client, "M200000,8:0000000000000000", "OK");
		rsp_expect(client, "P10=0000300000000000", "OK");
		g_autofree char *said = rsp_client_monitor(client, "system_reset");
		g_assert_nonnull(strstr(said, "before its first instruction"));
		rsp_expect(client, "p10", first);
		rsp_expect(client, "m200000,8", code);
	}
	rsp_client_send(client, "c");
	g_free(rsp_expect_next_prefix(client, "T"));
	rsp_client_send(client, "c");
	g_assert_cmpint(run_end(run), ==, VM_STATUS_FAILED);
	g_assert_nonnull(strstr(run->told->str, "triple fault"));
}

/* The end by default, which a 32-bit write over the reset port is not. */
static void test_reboot_ends(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("reboot", "", -1);
	g_assert_cmpint(run_end(run), ==, VM_STATUS_OK);
	g_assert_cmpstr(run->said->str, ==, "hello\nalive\n");
}

static void test_reboot(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("reboot", "--reboot -c 2", -1);
	g_assert_true(run_read_until(run, "hello\nalive\nhello\nalive\nhello\nalive\n"));
	g_assert_nonnull(strstr(run->told->str, "the guest reboots"));
	kill(run->pid, SIGTERM);
	g_assert_cmpint(run_end(run), ==, 128 + SIGTERM);
}

/* The client stays, and so does its breakpoint, at the guest's entry. */
static void test_gdb_reboot(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("reboot", "--reboot --gdb 0 --gdb-wait -c 2 --name box", -1);
	g_autoptr(RspClient) client = run_attach(run);
	g_autofree char *entry = rsp_client_ask(client, "p10");
	g_autofree char *name = rsp_client_monitor(client, "info name");
	uint64_t pc = GUINT64_SWAP_LE_BE(g_ascii_strtoull(entry, NULL, 16));
	g_autofree char *insert = g_strdup_printf("Z1,%" G_GINT64_MODIFIER "x,1", pc);

	g_assert_cmpstr(name, ==, "box\n");
	rsp_client_send(client, "vCont;s:1;c");
	g_free(rsp_expect_next_prefix(client, "T05"));
	g_autofree char *set = rsp_client_ask(client, insert);
	if (strcmp(set, "OK") != 0)
		g_test_skip("this KVM does not report hardware breakpoints");
	for (unsigned n = 0; n < 3 && strcmp(set, "OK") == 0; n++) {
		rsp_client_send(client, "vCont;c");
		g_free(rsp_expect_next_prefix(client, "T05"));
		rsp_expect(client, "p10", entry);
	}
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, VM_STATUS_OK);
}

/* The kernel's file is read again: without it there is no machine any more. */
static void test_gdb_reset_fails(void)
{
	g_autofree char *guest = guest_path("hello"), *copy = guest_path("hello-copy");
	g_autofree char *text = NULL;
	gsize len;

	if (run_impossible())
		return;
	g_assert_true(g_file_get_contents(guest, &text, &len, NULL));
	g_assert_true(g_file_set_contents(copy, text, len, NULL));
	g_autoptr(Run) run = run_new("hello-copy", "--gdb 0 --gdb-wait", -1);
	g_autoptr(RspClient) client = run_attach(run);
	g_assert_cmpint(unlink(copy), ==, 0);
	g_autofree char *said = rsp_client_monitor(client, "system_reset");
	g_assert_nonnull(strstr(said, "the machine has ended"));
	g_assert_nonnull(strstr(said, "hello-copy.elf"));
	g_assert_cmpint(run_end(run), ==, VM_STATUS_FAILED);
	g_assert_nonnull(strstr(run->told->str, "hello-copy.elf"));
}

/*
 * One step after the other over what stores and loads the flags: each ends after its instruction.
 */
static void test_gdb_steps(void)
{
	static const char *const rips[] = {"0100300000000000", "0200300000000000",
					   "0300300000000000", "0400300000000000",
					   "0500300000000000", "0000300000000000"};

	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("loop", "--gdb 0", -1);
	g_assert_true(run_read_until(run, "ready"));
	g_autoptr(RspClient) client = run_attach(run);
	/* 1: pushf; pop %rax; push %rax; popf; nop; jmp 1b */
	rsp_expect(client, "M300000,7:9c58509d90ebf9", "OK");
	rsp_expect(client, "P10=0000300000000000", "OK");
	for (unsigned n = 0; n < 120; n++) {
		rsp_client_send(client, "vCont;s:1");
		g_free(rsp_expect_next_prefix(client, "T05"));
		rsp_expect(client, "p10", rips[n % G_N_ELEMENTS(rips)]);
		if (n % G_N_ELEMENTS(rips) == 1) {
			g_autofree char *flags = rsp_client_ask(client, "p0");

			g_assert_false((g_ascii_xdigit_value(flags[3]) & 1)); /* TF */
		}
	}
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, 0);
}

/* How often the guest has written to its console. */
static unsigned count_char(const GString *said, char c)
{
	unsigned n = 0;

	for (gsize i = 0; i < said->len; i++)
		n += said->str[i] == c;
	return n;
}

/*
 * Ctrl-C in the middle of a step, wherever it is, and in the middle of a run: after @us
 * microseconds, since one that comes at once may always come before the first instruction.
 */
static void cut_off(RspClient *client, unsigned us)
{
	rsp_client_send(client, "vCont;s:1");
	rsp_client_write(client, "\x03", 1);
	g_autofree char *first = rsp_expect_next_prefix(client, "T0");
	rsp_client_send(client, "vCont;c");
	/* If the end of the step was told first, the Ctrl-C is still owed. */
	if (g_str_has_prefix(first, "T02")) {
		g_usleep(us);
		rsp_client_write(client, "\x03", 1);
	}
	g_free(rsp_expect_next_prefix(client, "T02"));
}

/*
 * A port write and a store to a device, in a loop: a step ends right behind each of them, and
 * however often the machine is stopped each is done once, and no trap gets to the guest.
 */
static void test_gdb_io(void)
{
	static const uint64_t rips[] = {0x300001, 0x300003, 0x300006, 0x300000};
	uint64_t turns, rip;

	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("loop", "--gdb 0", -1);
	g_assert_true(run_read_until(run, "ready"));
	g_autoptr(RspClient) client = run_attach(run);
	/* 1: out %al, (%dx); mov %al, (%rdi); inc %rbx; jmp 1b */
	rsp_expect(client, "M300000,8:ee880748ffc3ebf8", "OK");
	rsp_expect(client, "P10=0000300000000000", "OK");
	rsp_expect(client, "P0=7800000000000000", "OK");
	rsp_expect(client, "P1=0000000000000000", "OK");
	rsp_expect(client, "P3=e900000000000000", "OK");
	rsp_expect(client, "P5=000000d000000000", "OK");
	for (unsigned n = 0; n < 40; n++) {
		rsp_client_send(client, "vCont;s:1");
		g_free(rsp_expect_next_prefix(client, "T05"));
		g_assert_cmphex(run_number(client, "p10"), ==, rips[n % G_N_ELEMENTS(rips)]);
	}
	for (unsigned n = 0; n < 100; n++)
		cut_off(client, n % 10 ? 0 : 2000);
	turns = run_number(client, "p1");
	rip = run_number(client, "p10");
	g_assert_cmphex(rip - 0x300000, <, 8);
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, 0);
	g_assert_cmpuint(turns, >, 10);
	g_assert_cmpuint(count_char(run->said, 'x'), ==,
			 turns + (rip > 0x300000 && rip < 0x300006));
}

/* VMX does (Linux arch/x86/kvm/vmx, handle_dr()), SVM does not. */
static bool tells_of_own_points(void)
{
	if (g_file_test("/sys/module/kvm_intel", G_FILE_TEST_EXISTS))
		return true;
	g_test_skip("this KVM does not tell when the guest sets its debug registers");
	return false;
}

/* The guest's own watchpoint, set and cleared again and again, traps each time beside ours. */
static void test_gdb_own_points(void)
{
	uint64_t turns, traps;

	if (run_impossible() || !tells_of_own_points())
		return;
	g_autoptr(Run) run = run_new("own", "--gdb 0", -1);
	g_assert_true(run_read_until(run, "ready"));
	g_autoptr(RspClient) client = run_attach(run);
	rsp_expect(client, "Z1,100,1", "OK");
	for (unsigned i = 0; i < 3; i++) {
		turns = run_number(client, "p1");
		rsp_client_send(client, "vCont;c");
		g_usleep(20 * 1000); /* hundreds of turns, even in an emulator */
		rsp_client_write(client, "\x03", 1);
		g_free(rsp_expect_next_prefix(client, "T02"));
		traps = run_number(client, "pc");
		g_assert_cmpuint(run_number(client, "p1"), >, turns);
		g_assert_cmpuint(run_number(client, "p1") + 1 - traps, <=, 2);
	}
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, 0);
}

static void test_gdb_panic(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("panic", "--gdb 0 --gdb-wait", -1);
	g_autoptr(RspClient) client = run_attach(run);
	rsp_client_send(client, "c");
	g_free(rsp_expect_next_prefix(client, "T"));
	g_assert_true(run_read_until(run, "panicked"));
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, 0);
}

/* ---- A core of a guest that has died ---- */

static char *core_path(char **ret_folder)
{
	*ret_folder = g_dir_make_tmp("vmgdb-XXXXXX", NULL);
	g_assert_nonnull(*ret_folder);
	return g_build_filename(*ret_folder, "core", NULL);
}

/* An ELF core with memory behind it; removes it. */
static void take_core(const char *folder, const char *path)
{
	g_autofree Elf64_Ehdr *header = g_new0(Elf64_Ehdr, 1);
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(read(fd, header, sizeof(*header)), ==, sizeof(*header));
	g_assert_cmpint(fstat(fd, &status), ==, 0);
	close(fd);
	g_assert_cmpmem(header->e_ident, SELFMAG, ELFMAG, SELFMAG);
	g_assert_cmpuint(header->e_type, ==, ET_CORE);
	g_assert_cmpint(status.st_size, >, 64 << 20);
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_cmpint(rmdir(folder), ==, 0);
}

static void test_core(gconstpointer data)
{
	const char *guest = data;

	if (run_impossible())
		return;
	g_autofree char *folder = NULL, *path = core_path(&folder);
	g_autofree char *words = g_strdup_printf("-m 64 -c 2 --gdb-core %s", path);
	g_autoptr(Run) run = run_new(guest, words, -1);
	g_assert_cmpint(run_end(run), ==, VM_STATUS_FAILED);
	g_assert_nonnull(strstr(run->told->str, "core: done"));
	g_autoptr(Run) again = run_new(guest, words, -1);
	g_assert_cmpint(run_end(again), ==, 2);
	g_assert_nonnull(strstr(again->told->str, "there already"));
	take_core(folder, path);
}

/* A guest that hangs is ended by @sig. */
static Run *run_hanging(const char *path, int sig)
{
	g_autofree char *words = g_strdup_printf("-m 64 --gdb-core %s", path);
	Run *run = run_new("loop", words, -1);

	g_assert_true(run_read_until(run, "ready"));
	kill(run->pid, sig);
	g_assert_cmpint(run_end(run), ==, 128 + sig);
	return run;
}

/* It does not say so: whoever watches it does. */
static void test_core_watched(void)
{
	if (run_impossible())
		return;
	g_autofree char *folder = NULL, *path = core_path(&folder);
	g_autoptr(Run) run = run_hanging(path, SIGUSR2);
	g_assert_nonnull(strstr(run->told->str, "core: done"));
	take_core(folder, path);
	/* Who asks for no more than the end gets no more. */
	g_autofree char *other = NULL, *no_core = core_path(&other);
	g_autoptr(Run) ended = run_hanging(no_core, SIGTERM);
	g_assert_cmpint(rmdir(other), ==, 0);
}

/* With a stub the guest goes on after its panic, and gdb can connect. */
static void test_core_goes_on(void)
{
	if (run_impossible())
		return;
	g_autofree char *folder = NULL, *path = core_path(&folder);
	g_autofree char *words = g_strdup_printf("-m 64 --gdb 0 --gdb-core %s", path);
	g_autoptr(Run) run = run_new("panic", words, -1);
	g_assert_true(run_read_until(run, "core: done"));
	take_core(folder, path);
	g_autoptr(RspClient) client = run_attach(run);
	rsp_client_send(client, "vCont;s:1");
	g_free(rsp_expect_next_prefix(client, "T05"));
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, 0);
}

/* Whoever debugs it sees it himself. */
static void test_core_debugged(void)
{
	if (run_impossible())
		return;
	g_autofree char *folder = NULL, *path = core_path(&folder);
	g_autofree char *words = g_strdup_printf("--gdb 0 --gdb-wait --gdb-core %s", path);
	g_autoptr(Run) run = run_new("panic", words, -1);
	g_autoptr(RspClient) client = run_attach(run);
	rsp_client_send(client, "c");
	g_free(rsp_expect_next_prefix(client, "T06"));
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, 0);
	g_assert_null(strstr(run->told->str, "core: "));
	g_assert_cmpint(rmdir(folder), ==, 0);
}

/* How many pages of the host's the largest mapping of a process has: that is the guest's RAM. */
static unsigned count_pages(int pid)
{
	g_autofree char *maps_path = g_strdup_printf("/proc/%d/maps", pid);
	g_autofree char *map_path = g_strdup_printf("/proc/%d/pagemap", pid), *maps = NULL;
	uint64_t start = 0, size = 0, entries[512];
	g_auto(GStrv) lines = NULL;
	unsigned n = 0;
	int fd;

	g_assert_true(g_file_get_contents(maps_path, &maps, NULL, NULL));
	lines = g_strsplit(maps, "\n", -1);
	for (char **line = lines; **line; line++) {
		uint64_t from = g_ascii_strtoull(*line, NULL, 16);
		uint64_t to = g_ascii_strtoull(strchr(*line, '-') + 1, NULL, 16);

		if (to - from > size) {
			start = from;
			size = to - from;
		}
	}
	fd = open(map_path, O_RDONLY | O_CLOEXEC);
	for (uint64_t page = 0; page < size / 4096; page += G_N_ELEMENTS(entries)) {
		off_t at = (off_t)((start / 4096 + page) * sizeof(*entries));

		g_assert_cmpint(pread(fd, entries, sizeof(entries), at), ==, sizeof(entries));
		for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++)
			n += entries[i] >> 62 != 0;
	}
	close(fd);
	return n;
}

/* Finding out that a guest is no Linux takes no memory that the guest has not used. */
static void test_sparse(void)
{
	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("sparse", "-m 512 --gdb 0", -1);
	g_assert_true(run_read_until(run, "ready"));
	g_autoptr(RspClient) client = run_attach(run);
	unsigned before = count_pages(run->pid);
	g_autofree char *answer = rsp_client_monitor(client, "info linux");
	if (strstr(answer, "far enough") != NULL) {
		g_test_skip("this KVM does not tell of the guest's LSTAR");
		return;
	}
	g_assert_nonnull(strstr(answer, "does not say that it is Linux"));
	g_assert_cmpuint(count_pages(run->pid), ==, before);
	rsp_client_send(client, "k");
	g_assert_cmpint(run_end(run), ==, 0);
}

int main(int argc, char **argv)
{
	/* A test ends lkvm by SIGSEGV. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/lkvm/hello", test_hello);
	g_test_add_data_func("/lkvm/smp-1", "1", test_smp);
	g_test_add_data_func("/lkvm/smp-2", "2", test_smp);
	g_test_add_data_func("/lkvm/smp-8", "8", test_smp);
	g_test_add_func("/lkvm/timer", test_timer);
	g_test_add_func("/lkvm/triple-fault", test_triple);
	g_test_add_func("/lkvm/panic", test_panic);
	g_test_add_func("/lkvm/pci", test_pci);
	g_test_add_func("/lkvm/many-devices", test_many_devices);
	g_test_add_func("/lkvm/own-int3", test_int3);
	g_test_add_func("/lkvm/ends-by-signal", test_signal);
	g_test_add_func("/lkvm/input-is-not-lost", test_input);
	g_test_add_func("/lkvm/second-port", test_tty);
	g_test_add_func("/lkvm/ctrl-a-x", test_quit_key);
	g_test_add_func("/lkvm/terminal-is-restored", test_terminal);
	g_test_add_func("/lkvm/errors-name-the-cause", test_errors);
	g_test_add_func("/lkvm/gdb-wait", test_gdb_wait);
	g_test_add_func("/lkvm/gdb-kill", test_gdb_kill);
	g_test_add_func("/lkvm/gdb-triple-fault", test_gdb_triple);
	g_test_add_func("/lkvm/reboot-ends", test_reboot_ends);
	g_test_add_func("/lkvm/reboot", test_reboot);
	g_test_add_func("/lkvm/gdb-reboot", test_gdb_reboot);
	g_test_add_func("/lkvm/gdb-reset", test_gdb_reset);
	g_test_add_func("/lkvm/gdb-reset-fails", test_gdb_reset_fails);
	g_test_add_func("/lkvm/gdb-panic", test_gdb_panic);
	g_test_add_data_func("/lkvm/core-panic", "panic", test_core);
	g_test_add_data_func("/lkvm/core-triple-fault", "triple", test_core);
	g_test_add_func("/lkvm/core-goes-on", test_core_goes_on);
	g_test_add_func("/lkvm/core-debugged", test_core_debugged);
	g_test_add_func("/lkvm/core-watched", test_core_watched);
	g_test_add_func("/lkvm/sparse", test_sparse);
	g_test_add_func("/lkvm/gdb-steps", test_gdb_steps);
	g_test_add_func("/lkvm/gdb-io", test_gdb_io);
	g_test_add_func("/lkvm/gdb-own-points", test_gdb_own_points);
	return g_test_run();
}

/*
 * tests/kvm-qmp.c - QMP and the people's monitor of the built lkvm on a real KVM, with the
 * bare-metal guests of tests/guest.
 */
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hw/arch.h"
#include "tests/lkvm-run.h"
#include "tests/qmp-client.h"
#include "tests/test-util.h"

#define EXECUTE(name) "{\"execute\":\"" name "\"}"
#define OK "{\"return\":{}}"
#define STATUS(status, running)                                                                    \
	"{\"return\":{\"status\":\"" status "\",\"running\":" running ",\"singlestep\":false}}"

/* A lkvm that has QMP, and a client of it. */
typedef struct Machine {
	Run *run;
	char *dir;
	QmpClient *client;
} Machine;

/* @ready: what the guest prints before it is asked anything; NULL: nothing. */
static Machine machine_new(const char *guest, const char *more, const char *ready)
{
	Machine machine = {.dir = test_dir_new()};
	g_autofree char *path = g_build_filename(machine.dir, "q", NULL);
	g_autofree char *words = g_strdup_printf("-m 64 --qmp unix:%s%s", path, more);
	g_autofree char *listening = g_strdup_printf("qmp: listening on %s\n", path);

	machine.run = run_new(guest, words, -1);
	g_assert_true(run_read_until(machine.run, listening));
	machine.client = qmp_client_new(test_connect_unix(path));
	qmp_client_hello(machine.client);
	if (ready)
		g_assert_true(run_read_until(machine.run, ready));
	return machine;
}

static void machine_free(Machine *machine)
{
	qmp_client_free(machine->client);
	run_free(machine->run);
	test_dir_remove(machine->dir);
}

/* The 8 bytes that the guest counts up, by their physical address. */
static uint64_t counter(Machine *machine)
{
	g_autofree char *path = guest_path("counter"), *bytes = NULL;
	g_autofree char *line = NULL, *text = NULL;
	const Elf64_Ehdr *ehdr;
	const Elf64_Shdr *sections;
	uint64_t at = 0;

	g_assert_true(g_file_get_contents(path, &bytes, NULL, NULL));
	ehdr = (const Elf64_Ehdr *)bytes;
	sections = (const Elf64_Shdr *)(bytes + ehdr->e_shoff);
	for (unsigned i = 0; i < ehdr->e_shnum; i++) {
		const Elf64_Sym *symbols = (const Elf64_Sym *)(bytes + sections[i].sh_offset);
		const char *names;

		if (sections[i].sh_type != SHT_SYMTAB)
			continue;
		names = bytes + sections[sections[i].sh_link].sh_offset;
		for (unsigned n = 0; n < sections[i].sh_size / sizeof(*symbols); n++) {
			if (g_str_equal(names + symbols[n].st_name, "counter"))
				at = symbols[n].st_value;
		}
	}
	g_assert_cmpuint(at, !=, 0);
	line = g_strdup_printf("xp/1gx 0x%lx", at);
	text = qmp_client_human(machine->client, line);
	return g_ascii_strtoull(strchr(text, ':') + 2, NULL, 16);
}

static void expect_counts(Machine *machine, bool counts)
{
	uint64_t before = counter(machine);

	for (unsigned i = 0; counts && counter(machine) == before && i < 10000; i++)
		test_run_for(NULL, 1);
	if (!counts)
		test_run_for(NULL, 50);
	g_assert_true((counter(machine) != before) == counts);
}

static void test_stop(void)
{
	if (run_impossible())
		return;
	Machine machine = machine_new("counter", " -c 2 --name box", "ready\n");
	g_autofree char *registers = NULL;

	qmp_client_expect(machine.client, EXECUTE("query-name"), "{\"return\":{\"name\":\"box\"}}");
	qmp_client_match(machine.client, EXECUTE("query-target"),
			 "\\{\"arch\":\"(x86_64|aarch64)\"\\}");
	qmp_client_match(machine.client, EXECUTE("query-cpus-fast"), "\"cpu-index\":1,");
	qmp_client_expect(machine.client, EXECUTE("query-status"), STATUS("running", "true"));
	expect_counts(&machine, true);
	qmp_client_expect(machine.client, EXECUTE("stop"), OK);
	qmp_client_event(machine.client, "STOP", NULL);
	expect_counts(&machine, false);
	registers = qmp_client_human(machine.client, "info registers");
	g_assert_nonnull(strstr(registers, "CPU#0"));
	qmp_client_expect(machine.client, EXECUTE("cont"), OK);
	qmp_client_event(machine.client, "RESUME", NULL);
	expect_counts(&machine, true);
	qmp_client_expect(machine.client, EXECUTE("quit"), OK);
	qmp_client_event(machine.client, "STOP", NULL);
	qmp_client_event(machine.client, "SHUTDOWN",
			 "{\"guest\":false,\"reason\":\"host-qmp-quit\"}");
	g_assert_cmpint(run_end(machine.run), ==, 0);
	machine_free(&machine);
}

/* What drgn does: the process' memory, and a core of one byte into a descriptor of its own. */
static void test_process_memory(void)
{
	if (run_impossible())
		return;
	Machine machine = machine_new("counter", "", "ready\n");
	g_autofree char *text = NULL, *line = NULL, *xp = NULL, *seen = NULL, *mtree = NULL;
	int fd = memfd_create("core", MFD_CLOEXEC), theirs = dup(fd);
	uint8_t bytes[8] = {0};
	char start[17], magic[4];
	const char *ram;
	uint64_t hva;

	mtree = qmp_client_human(machine.client, "info mtree -f");
	ram = strstr(mtree, "(prio 0, ram)");
	g_assert_nonnull(ram);
	while (ram > mtree && ram[-1] != '\n')
		ram--;
	g_strlcpy(start, ram + strspn(ram, " "), sizeof(start));
	line = g_strdup_printf("gpa2hva 0x%s", start);
	text = qmp_client_human(machine.client, line);
	hva = g_ascii_strtoull(strrchr(text, ' ') + 1, NULL, 16);
	g_assert_cmpint(process_vm_readv(machine.run->pid, &(struct iovec){bytes, 8}, 1,
					 &(struct iovec){(void *)hva, 8}, 1, 0),
			==, 8);
	xp = g_strdup_printf("xp/1gx 0x%s", start);
	seen = qmp_client_human(machine.client, xp);
	g_assert_cmpuint(g_ascii_strtoull(strchr(seen, ':') + 2, NULL, 16), ==,
			 *(uint64_t *)(void *)bytes);
	qmp_client_send_fd(machine.client,
			   "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"core\"}}", theirs);
	g_free(qmp_client_line(machine.client));
	g_free(line);
	line = g_strdup_printf("{\"execute\":\"dump-guest-memory\",\"arguments\":{\"paging\":false,"
			       "\"protocol\":\"fd:core\",\"begin\":%" G_GUINT64_FORMAT
			       ",\"length\":1}}",
			       g_ascii_strtoull(start, NULL, 16));
	qmp_client_expect(machine.client, line, OK);
	qmp_client_event(machine.client, "STOP", NULL);
	qmp_client_event(machine.client, "RESUME", NULL);
	g_assert_cmpint(pread(fd, magic, 4, 0), ==, 4);
	g_assert_cmpmem(magic, 4, ELFMAG, SELFMAG);
	expect_counts(&machine, true);
	close(fd);
	close(theirs);
	machine_free(&machine);
}

static void test_reset(void)
{
	if (run_impossible())
		return;
	Machine machine = machine_new("counter", "", "ready\n");

	qmp_client_expect(machine.client, EXECUTE("system_reset"), OK);
	qmp_client_event(machine.client, "STOP", NULL);
	qmp_client_event(machine.client, "RESET",
			 "{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}");
	qmp_client_event(machine.client, "RESUME", NULL);
	g_assert_true(run_read_until(machine.run, "ready\nready\n"));
	expect_counts(&machine, true);
	machine_free(&machine);
}

/* Without gdb a panic is the end; with it the guest goes on. */
static void test_panic(void)
{
	if (run_impossible())
		return;
	Machine machine = machine_new("panic", " --gdb 0 --gdb-wait", NULL);
	g_autoptr(Run) alone = NULL;

	qmp_client_expect(machine.client, EXECUTE("query-status"), STATUS("paused", "false"));
	qmp_client_expect(machine.client, EXECUTE("cont"), OK);
	qmp_client_event(machine.client, "RESUME", NULL);
	qmp_client_event(machine.client, "GUEST_PANICKED", "{\"action\":\"run\"}");
	machine_free(&machine);
	alone = run_new("panic", "-m 64 --qmp 0", -1);
	g_assert_cmpint(run_end(alone), ==, 1);
	g_assert_nonnull(strstr(alone->told->str, "panicked"));
}

/* The guest has no handler for it: that it came is the end. */
static void test_nmi(void)
{
	if (run_impossible())
		return;
	Machine machine = machine_new("counter", "", "ready\n");

	qmp_client_send(machine.client, EXECUTE("inject-nmi"));
	if (!vm_arch_has_fdt) {
		g_free(qmp_client_until(machine.client, "{\"return\":{}}"));
		g_assert_cmpint(run_end(machine.run), ==, 1);
		g_assert_nonnull(strstr(machine.run->told->str, "triple fault"));
	} else {
		g_free(qmp_client_until(machine.client, "\"error\""));
	}
	machine_free(&machine);
}

/* lkvm's own standard input and output; the guest's console is on stderr. */
static void test_monitor(void)
{
	static const char lines[] = "info status\nstop\ninfo status\ncont\nnonsense\nquit\n";

	if (run_impossible())
		return;
	g_autoptr(Run) run = run_new("counter", "-m 64 --monitor stdio", -1);

	g_assert_true(run_read_until(run, "ready\n"));
	g_assert_cmpint(write(run->in, lines, strlen(lines)), ==, strlen(lines));
	g_assert_cmpint(run_end(run), ==, 0);
	g_assert_cmpstr(run->said->str, ==,
			"(vmgdb) VM status: running\n(vmgdb) (vmgdb) VM status: paused\n(vmgdb) "
			"(vmgdb) unknown command: 'nonsense'\n(vmgdb) the machine ends now\n"
			"(vmgdb) ");
	g_assert_nonnull(strstr(run->told->str, "ready\n"));
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"stop", test_stop},
		{"process-memory", test_process_memory},
		{"reset", test_reset},
		{"panic", test_panic},
		{"nmi", test_nmi},
		{"monitor", test_monitor},
		{0},
	};

	return test_main(argc, argv, "qmp-lkvm", cases);
}

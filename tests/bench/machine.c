/* tests/bench/machine.c - starting, finding and ending lkvm and QEMU. */
#include "tests/bench/machine.h"

#include <arpa/inet.h>
#include <elf.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/arch.h"
#include "tests/bench/wire.h"

#define START_SECONDS 30
#define MEMORY "512"

static unsigned free_port(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		addr.sin_port = 0;
	close(fd);
	return ntohs(addr.sin_port);
}

/* In the child only: becomes @argv, and dies with us. */
static void become(char **argv, int out, int err)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(out, 1);
	dup2(err, 2);
	execvp(argv[0], argv);
	_exit(127);
}

static bool spawn(Machine *machine, char **argv)
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		return false;
	machine->pid = fork();
	if (machine->pid == 0)
		become(argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	machine->out = out[0];
	machine->err = err[0];
	return machine->pid > 0;
}

static char **command(const Paths *paths, Stub stub, const Machine *machine, unsigned cpus)
{
	g_autofree char *line = NULL;

	g_autofree char *name = g_strndup(machine->guest, strlen(machine->guest) - strlen("elf"));

	if (stub == STUB_OURS)
		line = g_strdup_printf("%s run -k %s%s -c %u -m " MEMORY " --console=%s --gdb %u",
				       paths->program[stub], name, bench_arch.kernel, cpus,
				       bench_arch.console, machine->port);
	else
		line = g_strdup_printf(
			"%s -accel kvm -smp %u -display none -nodefaults -no-reboot %s "
			"-kernel %s -gdb tcp:127.0.0.1:%u",
			paths->program[stub], cpus, bench_arch.machine, machine->guest,
			machine->port);
	return g_strsplit(line, " ", -1);
}

/* What QEMU warns of is of no interest, but its pipe must not fill up. */
static bool read_until_ready(Machine *machine)
{
	g_autoptr(GString) said = g_string_new(NULL);
	double end = bench_now() + START_SECONDS;
	char buf[4096];

	while (!strstr(said->str, "ready") && !strstr(said->str, " all")) {
		struct pollfd fds[] = {{machine->out, POLLIN, 0}, {machine->err, POLLIN, 0}};
		ssize_t n;

		if (bench_now() > end || poll(fds, 2, 1000) < 0)
			return false;
		if (fds[1].revents & POLLIN && read(machine->err, buf, sizeof(buf)) <= 0)
			return false;
		if (!fds[0].revents)
			continue;
		n = read(machine->out, buf, sizeof(buf));
		if (n <= 0)
			return false;
		g_string_append_len(said, buf, n);
	}
	return true;
}

Machine *machine_new(const Paths *paths, Stub stub, const char *guest, unsigned cpus,
		     const char **ret_why)
{
	g_autoptr(Machine) machine = g_new0(Machine, 1);
	g_auto(GStrv) argv = NULL;

	machine->out = machine->err = -1;
	*ret_why = "program not found";
	if (!paths->program[stub])
		return NULL;
	machine->guest = g_strdup_printf("%s/%s.elf", paths->guests, guest);
	machine->port = free_port();
	argv = command(paths, stub, machine, cpus);
	*ret_why = "does not start";
	if (!machine->port || !spawn(machine, argv))
		return NULL;
	*ret_why = "the guest does not start on this KVM";
	return read_until_ready(machine) ? g_steal_pointer(&machine) : NULL;
}

void machine_free(Machine *machine)
{
	if (!machine)
		return;
	if (machine->pid > 0) {
		kill(machine->pid, SIGKILL);
		waitpid(machine->pid, NULL, 0);
	}
	if (machine->out >= 0)
		close(machine->out);
	if (machine->err >= 0)
		close(machine->err);
	g_free(machine->guest);
	g_free(machine);
}

/* ---- Symbols ---- */

static uint64_t find_symbol(const char *elf, size_t len, const char *name)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)(gconstpointer)elf;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(gconstpointer)(elf + head->e_shoff);

	if (len < sizeof(*head) || head->e_shoff + head->e_shnum * sizeof(*sections) > len)
		return 0;
	for (unsigned i = 0; i < head->e_shnum; i++) {
		const Elf64_Shdr *table = &sections[i];
		const Elf64_Sym *symbols;

		if (table->sh_type != SHT_SYMTAB)
			continue;
		symbols = (const Elf64_Sym *)(gconstpointer)(elf + table->sh_offset);
		for (unsigned n = 0; n < table->sh_size / sizeof(*symbols); n++) {
			if (!strcmp(elf + sections[table->sh_link].sh_offset + symbols[n].st_name,
				    name))
				return symbols[n].st_value;
		}
	}
	return 0;
}

uint64_t machine_symbol(const Machine *machine, const char *name)
{
	g_autofree char *elf = NULL;
	size_t len;

	if (!g_file_get_contents(machine->guest, &elf, &len, NULL))
		return 0;
	return find_symbol(elf, len, name);
}

double machine_cpu_time(const Machine *machine)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", machine->pid);
	g_autofree char *text = NULL;
	unsigned long user, system;
	const char *rest;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			    &system) != 2)
		return 0;
	return (double)(user + system) / sysconf(_SC_CLK_TCK);
}

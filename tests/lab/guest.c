/*
 * guest - what the debugged Linux runs beside busybox, linked statically.
 *
 *   guest traps          run own int3, int $3, int1 and single steps, as a program that is its own
 *                        debugger does; print how many of each arrived as SIGTRAP at the right pc
 *   guest text ADDR LEN  print kernel memory as the guest itself sees it (/proc/kcore), in hex
 */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __x86_64__
#define EFLAGS_TF 0x100

static volatile uint64_t trap_pc;
static volatile unsigned steps;

static void on_trap(int sig, siginfo_t *info, void *opaque)
{
	ucontext_t *uc = opaque;

	(void)info;
	trap_pc = uc->uc_mcontext.gregs[REG_RIP];
	if (sig == SIGILL) /* int1 is one byte that QEMU's TCG does not know */
		uc->uc_mcontext.gregs[REG_RIP]++;
	if (uc->uc_mcontext.gregs[REG_EFL] & EFLAGS_TF)
		steps++;
}

/* Each of these ends at label 1; the kernel reports the pc after the instruction. */
#define TRAP(insn)                                                                                 \
	({                                                                                         \
		uint64_t after;                                                                    \
		trap_pc = 0;                                                                       \
		asm volatile("lea 1f(%%rip), %0\n\t" insn "\n1:" : "=&r"(after) : : "memory");     \
		trap_pc == after;                                                                  \
	})

static int traps(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	int int3 = TRAP("int3"), intn = TRAP(".byte 0xcd, 3"), int1 = TRAP(".byte 0xf1");

	steps = 0;
	/* The trap after popf's successor is the first; the popf that clears TF is stepped too. */
	asm volatile("sub $128, %%rsp\n\t"
		     "pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\t"
		     "nop\n\tnop\n\tnop\n\t"
		     "pushfq\n\tandl $~0x100, (%%rsp)\n\tpopfq\n\t"
		     "add $128, %%rsp"
		     :
		     :
		     : "memory", "cc");
	printf("int3=%d intn=%d int1=%d steps=%u\n", int3, intn, int1, steps);
	return 0;
}
#else
static int traps(void)
{
	printf("none\n");
	return 0;
}
#endif

/* kernel_offset: where address @addr is in the ELF file /proc/kcore, or -1. */
static int64_t kernel_offset(int fd, uint64_t addr)
{
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;

	if (pread(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr))
		return -1;
	for (int i = 0; i < ehdr.e_phnum; i++) {
		if (pread(fd, &phdr, sizeof(phdr), ehdr.e_phoff + i * sizeof(phdr)) != sizeof(phdr))
			return -1;
		if (addr >= phdr.p_vaddr && addr - phdr.p_vaddr < phdr.p_memsz)
			return phdr.p_offset + (addr - phdr.p_vaddr);
	}
	return -1;
}

static int text(uint64_t addr, size_t len)
{
	uint8_t buf[256];
	int fd = open("/proc/kcore", O_RDONLY);
	int64_t offset = kernel_offset(fd, addr);

	if (offset < 0 || len > sizeof(buf) || pread(fd, buf, len, offset) != (ssize_t)len) {
		printf("unreadable\n");
		return 1;
	}
	for (size_t i = 0; i < len; i++)
		printf("%02x", buf[i]);
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "traps") == 0)
		return traps();
	if (argc == 4 && strcmp(argv[1], "text") == 0)
		return text(strtoull(argv[2], NULL, 16), atoi(argv[3]));
	fprintf(stderr, "usage: guest traps | guest text ADDR LEN\n");
	return 2;
}

/*
 * guest - what the debugged Linux runs beside busybox, linked statically.
 *
 *   guest traps          run own int3, int $3, int1 and single steps, as a program that is its own
 *                        debugger does; print how many of each arrived as SIGTRAP at the right pc
 *                        (arm64: two BRKs, and how often a kernel probe was hit that is called 3
 *                        times)
 *   guest opens N        try N times to open a file that is not there, then make /lab-opens with
 *                        mode 04751
 *   guest text ADDR LEN  print kernel memory as the guest itself sees it (/proc/kcore), in hex
 *   guest twin N         call own code that says N, where other twins have other code, and some
 *                        that they share; print again and again whether both were right
 */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
#elif defined(__aarch64__)
static volatile uint64_t trap_pc;

static void on_trap(int sig, siginfo_t *info, void *opaque)
{
	ucontext_t *uc = opaque;

	(void)sig;
	(void)info;
	trap_pc = uc->uc_mcontext.pc;
	uc->uc_mcontext.pc += 4;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A kernel probe is a BRK in the kernel's code; returns how often it was hit by 3 calls. */
static unsigned kprobe_hits(void)
{
	char name[64];
	unsigned hits = 0;

	mkdir("/tracing", 0755);
	mount("tracefs", "/tracing", "tracefs", 0, NULL);
	if (!put("/tracing/kprobe_events", "p:lab __arm64_sys_getppid\n") ||
	    !put("/tracing/events/kprobes/lab/enable", "1"))
		return 99;
	for (int i = 0; i < 3; i++)
		syscall(SYS_getppid);
	FILE *profile = fopen("/tracing/kprobe_profile", "r");
	if (!profile || fscanf(profile, "%63s %u", name, &hits) != 2)
		hits = 98;
	if (profile)
		fclose(profile);
	put("/tracing/events/kprobes/lab/enable", "0");
	put("/tracing/kprobe_events", "-:lab\n");
	return hits;
}

static int traps(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	uint64_t at;

	sigaction(SIGTRAP, &action, NULL);
	asm volatile("adr %0, 1f\n1:\tbrk #0x17" : "=&r"(at) : : "memory");
	int brk = trap_pc == at;
	asm volatile("adr %0, 1f\n1:\tbrk #0" : "=&r"(at) : : "memory");
	int brk0 = trap_pc == at;
	printf("brk=%d brk0=%d kprobe=%u\n", brk, brk0, kprobe_hits());
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

static int opens(unsigned n)
{
	unsigned failed = 0;
	int fd;

	for (unsigned i = 0; i < n; i++)
		failed += open("/lab-none", O_RDONLY) < 0;
	fd = open("/lab-opens", O_CREAT | O_WRONLY, 04751);
	printf("failed %u, made %d\n", failed, fd >= 0);
	return 0;
}

/* ---- Twins ---- */

#define TWIN_CODE 0x30000000ul

/* A function that returns @n. */
static void write_code(uint8_t *at, unsigned n)
{
#ifdef __x86_64__
	memcpy(at, "\xb8\0\0\0\0\xc3", 6); /* mov $n, %eax; ret */
	at[1] = n;
#else
	const uint32_t insns[] = {0x52800000 | n << 5, 0xd65f03c0}; /* mov w0, #n; ret */

	memcpy(at, insns, sizeof(insns));
	__builtin___clear_cache((char *)at, (char *)at + sizeof(insns));
#endif
}

__attribute__((noinline, noclone)) static unsigned twice(unsigned n)
{
	asm volatile("" : "+r"(n));
	return 2 * n;
}

static int twin(unsigned n)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	void *page = mmap((void *)TWIN_CODE, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
	unsigned (*own)(void) = (unsigned (*)(void))page;
	unsigned wrong = 0;

	if (page != (void *)TWIN_CODE)
		return 1;
	write_code(page, n);
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	for (unsigned turns = 1;; turns++) {
		wrong += own() != n;
		wrong += twice(n) != 2 * n;
		if (turns % 10 == 0) {
			printf("guest: twin %u pid %d own %p shared %p turns %u wrong %u\n", n,
			       getpid(), page, (void *)twice, turns, wrong);
			fflush(stdout);
		}
		usleep(50000);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "traps") == 0)
		return traps();
	if (argc == 3 && strcmp(argv[1], "opens") == 0)
		return opens(atoi(argv[2]));
	if (argc == 4 && strcmp(argv[1], "text") == 0)
		return text(strtoull(argv[2], NULL, 16), atoi(argv[3]));
	if (argc == 3 && strcmp(argv[1], "twin") == 0)
		return twin(atoi(argv[2]));
	fprintf(stderr,
		"usage: guest traps | guest opens N | guest text ADDR LEN | guest twin N\n");
	return 2;
}

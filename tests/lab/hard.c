/*
 * hard - what the debugged Linux runs that is hard for a debugger, linked statically. Each prints a
 * line "hard: NAME N ok" per round or "hard: NAME N bad: WHY", and goes on for ever.
 *
 *   hard uffd       an instruction (hard_touch) reads a page that comes 50 ms later
 *   hard exclusive  an exclusive sequence (hard_ldxr) counts hard_count up (arm64)
 *   hard fork       a child gets its own copy of the page of the code at HARD_CODE, and calls it
 *   hard migrate    the page of the code at HARD_CODE moves to other memory
 *   hard collapse   the page of the code at HARD_CODE becomes a part of a huge page
 *   hard two        two processes have different code at HARD_CODE; one has the other's in a number
 *   hard hotplug    CPU 1 goes off and on again
 *   hard module     the module /lib/virtio_ring.ko goes and comes, each time after a line
 *                   "hard: module is at ADDRESS"
 *   hard own        a debugger (tracer.c) has a breakpoint, a watchpoint and steps (x86)
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define HARD_CODE 0x20000000ul /* at the start of a huge page */
#define HUGE (2ul << 20)
#define PAGE 4096ul
#define RESULT 42

static const char *name;
static unsigned round_nr;

static void say(bool ok, const char *why)
{
	printf("hard: %s %u %s%s\n", name, ++round_nr, ok ? "ok" : "bad: ", ok ? "" : why);
	fflush(stdout);
}

static bool put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- A page that comes late ---- */

static int uffd = -1;

static void *deliver(void *page)
{
	static char content[PAGE];
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_copy copy = {
			.dst = (uintptr_t)page, .src = (uintptr_t)content, .len = PAGE};

		usleep(50000);
		content[0] = RESULT;
		ioctl(uffd, UFFDIO_COPY, &copy);
	}
	return NULL;
}

/* Noinline: its labels are unique. In the loop in front of hard_touch it waits as long as hard_hold
 * is set, so that a debugger without breakpoints can step into it. */
volatile char hard_hold;
__attribute__((noinline)) static int touch(const char *page)
{
	int value;

#ifdef __x86_64__
	asm volatile(".globl hard_wait, hard_touch, hard_touched\n"
		     "hard_wait:\tpause\n\tcmpb $0, hard_hold\n\tjne hard_wait\n"
		     "hard_touch:\tmovzbl (%1), %0\n"
		     "hard_touched:\tnop\n\tnop"
		     : "=r"(value)
		     : "r"(page)
		     : "memory", "cc");
#else
	asm volatile(".globl hard_wait, hard_touch, hard_touched\n"
		     "hard_wait:\tyield\n\tldrb %w0, [%2]\n\tcbnz %w0, hard_wait\n"
		     "hard_touch:\tldrb %w0, [%1]\n"
		     "hard_touched:\tnop\n\tnop"
		     : "=&r"(value)
		     : "r"(page), "r"(&hard_hold)
		     : "memory");
#endif
	return value;
}

static void run_uffd(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.range = {(uintptr_t)page, PAGE},
					.mode = UFFDIO_REGISTER_MODE_MISSING};
	pthread_t thread;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range)) {
		say(false, "this kernel has no userfaultfd");
		return;
	}
	pthread_create(&thread, NULL, deliver, page);
	for (;;) {
		madvise(page, PAGE, MADV_DONTNEED);
		say(touch(page) == RESULT, "the page has something else");
		usleep(50000);
	}
}

/* ---- An exclusive sequence ---- */

volatile uint64_t hard_count;

static void run_exclusive(void)
{
#ifdef __aarch64__
	for (uint64_t n = 1;; n++) {
		uint64_t value;
		uint32_t failed;

		asm volatile(".globl hard_ldxr, hard_stxr, hard_counted\n"
			     "hard_ldxr:\tldxr %0, [%2]\n\tadd %0, %0, #1\n"
			     "hard_stxr:\tstxr %w1, %0, [%2]\n\tcbnz %w1, hard_ldxr\n"
			     "hard_counted:\tnop"
			     : "=&r"(value), "=&r"(failed)
			     : "r"(&hard_count)
			     : "memory");
		say(hard_count == n, "a count was lost");
		usleep(20000);
	}
#else
	say(false, "this CPU has no exclusive sequences");
#endif
}

/* ---- Code in pages that the kernel copies ---- */

/* returns RESULT */
#ifdef __x86_64__
static const uint8_t code[] = {0xb8, RESULT, 0, 0, 0, 0x90, 0xc3};
/* movabs $0x00000000002ab890, %rax: its number begins at HARD_CODE, as code[] does, too */
static const uint8_t number[] = {0x48, 0xb8, 0xb8, RESULT, 0, 0, 0, 0x90, 0, 0, 0xc3};
#define NUMBER_AT 2
#define NUMBER 0x0000900000002ab8ull
#else
static const uint32_t code[] = {0x52800000 | RESULT << 5, 0xd503201f, 0xd65f03c0};
/* ldr w0, .+8; ret; the number that code[] begins with */
static const uint32_t number[] = {0x18000040, 0xd65f03c0, 0x52800000 | RESULT << 5};
#define NUMBER_AT 8
#define NUMBER (0x52800000ull | RESULT << 5)
#endif

typedef uint64_t Function(void);

static uint64_t call(uintptr_t at)
{
	return ((Function *)at)();
}

static void *map_code(uintptr_t at, size_t len)
{
	char *base = mmap((void *)at, len, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (base == MAP_FAILED)
		exit(3);
	return base;
}

static void put_code(uintptr_t at, const void *bytes, size_t len)
{
	memcpy((void *)at, bytes, len);
	__builtin___clear_cache((char *)at, (char *)at + len);
}

static void run_fork(void)
{
	char *base = map_code(HARD_CODE, PAGE), why[40];

	put_code(HARD_CODE, code, sizeof(code));
	for (;;) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			base[PAGE - 1]++; /* now it has its own copy */
			_exit(call(HARD_CODE));
		}
		waitpid(pid, &status, 0);
		snprintf(why, sizeof(why), "the child ended with %#x", status);
		say(status == RESULT << 8 && call(HARD_CODE) == RESULT, why);
		usleep(50000);
	}
}

#define MANY (32ul << 20)

/* The numbers of the pages of memory that are at @page and behind it. */
static void get_frames(const char *page, uint64_t *ret, size_t n)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t len = n * sizeof(*ret);

	if (pread(fd, ret, len, (uintptr_t)page / PAGE * sizeof(*ret)) != len)
		exit(3);
	close(fd);
	for (size_t i = 0; i < n; i++)
		ret[i] &= (1ull << 55) - 1;
}

/* Replaces the page at @base by its copy in the lowest of many pages, with free ones above it. */
static void move_down(char *base)
{
	static uint64_t frames[MANY / PAGE];
	char *many = mmap(NULL, MANY, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t low = 0;

	madvise(many, MANY, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < MANY; i += PAGE)
		many[i] = 1;
	get_frames(many, frames, MANY / PAGE);
	for (size_t i = 0; i < MANY / PAGE; i++)
		if (frames[i] < frames[low])
			low = i;
	memcpy(many + low * PAGE, base, PAGE);
	if (mremap(many + low * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base) != base)
		exit(3);
	munmap(many, MANY);
}

/* By what takes a bad page out of use, and where the kernel cannot: by compaction of its memory. */
static bool migrate(char *base)
{
	uint64_t before, after;
	bool done;

	if (madvise(base, PAGE, MADV_SOFT_OFFLINE) == 0)
		return true;
	move_down(base);
	get_frames(base, &before, 1);
	done = put_text("/proc/sys/vm/compact_memory", "1");
	get_frames(base, &after, 1);
	return done && before != after;
}

static void run_migrate(void)
{
	char *base = map_code(HARD_CODE, PAGE);

	put_code(HARD_CODE, code, sizeof(code));
	for (;;) {
		if (!migrate(base))
			say(false, "this kernel does not move the page");
		else
			say(call(HARD_CODE) == RESULT, "the code does something else");
		usleep(200000);
	}
}

static void run_collapse(void)
{
	char *base = map_code(HARD_CODE, HUGE);

	for (;;) {
		madvise(base, HUGE, MADV_DONTNEED);
		madvise(base, HUGE, MADV_NOHUGEPAGE);
		put_code(HARD_CODE, code, sizeof(code));
		bool ok = call(HARD_CODE) == RESULT;

		usleep(300000); /* a debugger puts its breakpoint into the small page */
		ok = ok && call(HARD_CODE) == RESULT;
		madvise(base, HUGE, MADV_HUGEPAGE);
		if (madvise(base, HUGE, MADV_COLLAPSE))
			say(false, "this kernel does not collapse pages");
		else
			say(ok && call(HARD_CODE) == RESULT, "the code does something else");
	}
}

static void run_two(void)
{
	pid_t pid = fork();
	const uintptr_t start = pid ? HARD_CODE : HARD_CODE - NUMBER_AT;
	const uint64_t result = pid ? RESULT : NUMBER;

	map_code(HARD_CODE - PAGE, 2 * PAGE);
	if (pid)
		put_code(start, code, sizeof(code));
	else
		put_code(start, number, sizeof(number));
	if (!pid)
		name = "two-number";
	for (;;) {
		for (int i = 0; i < 100; i++) {
			if (call(start) != result)
				say(false, "the code does something else");
			usleep(10);
		}
		int status = 0;

		if (pid && waitpid(pid, &status, WNOHANG) == pid) {
			say(false, "the other process has died");
			return;
		}
		say(true, NULL);
	}
}

/* ---- The machine ---- */

static void run_hotplug(void)
{
	const char *online = "/sys/devices/system/cpu/cpu1/online";

	for (;;) {
		bool off = put_text(online, "0");

		usleep(100000);
		say(off && put_text(online, "1"), "CPU 1 does not go off and on");
		usleep(100000);
	}
}

/* Not from /proc/kallsyms: to read that takes an emulator a minute. */
static void say_where(const char *section)
{
	FILE *file = fopen(section, "r");
	unsigned long addr;

	if (file && fscanf(file, "%lx", &addr) == 1)
		printf("hard: module is at %#lx\n", addr);
	if (file)
		fclose(file);
}

static void run_module(void)
{
	for (;;) {
		say_where("/sys/module/virtio_ring/sections/.text");
		int fd = open("/lib/virtio_ring.ko", O_RDONLY | O_CLOEXEC);
		bool gone = syscall(SYS_delete_module, "virtio_ring", O_NONBLOCK) == 0;

		usleep(100000);
		say(gone && syscall(SYS_finit_module, fd, "", 0) == 0, "it does not go and come");
		close(fd);
		usleep(200000);
	}
}

/* What @path prints; its end is waited for. */
static void output_of(const char *path, const char *arg, char *ret, size_t len)
{
	int pipes[2];
	ssize_t n;

	if (pipe(pipes))
		exit(3);
	if (fork() == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		execl(path, path, arg, NULL);
		_exit(127);
	}
	close(pipes[1]);
	n = read(pipes[0], ret, len - 1);
	ret[n > 0 ? n : 0] = '\0';
	close(pipes[0]);
	wait(NULL);
}

static void run_own(void)
{
	char said[100];

	for (;;) {
		output_of("/bin/tracer", "debug", said, sizeof(said));
		say(strcmp(said, "hwbp=1 hwwp=1 steps=5\n") == 0, said);
		usleep(100000);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} programs[] = {
	{"uffd", run_uffd},	  {"exclusive", run_exclusive}, {"fork", run_fork},
	{"migrate", run_migrate}, {"collapse", run_collapse},	{"two", run_two},
	{"hotplug", run_hotplug}, {"module", run_module},	{"own", run_own},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(argv[1], programs[i].name) != 0)
			continue;
		name = programs[i].name;
		programs[i].run();
		return 1;
	}
	fprintf(stderr, "usage: hard NAME\n");
	return 2;
}

/*
 * bench-hook.c - what the run hook and the shim cost while nobody debugs.
 *
 *   bench-hook hook [ROUNDS]   kvm_gdb_run() against libc's ioctl(), in turns
 *   bench-hook shim [ROUNDS]   ioctl() as this program finds it (run it under `vmgdb run`, also
 *                              without: then it shows the noise) against libc's, in turns
 *
 * The guest makes I/O exits in a loop; CPU time of this thread is measured. A round is EXITS exits
 * one way and EXITS the other; what is compared are the medians of the rounds. An exit takes
 * microseconds, so the nanoseconds of the hook drown in its noise: they are measured again with a
 * KVM_RUN that returns at once (immediate_exit). Without /dev/kvm: status 77.
 *
 *   bench-hook hook|shim count [LIMIT]   how many instructions more than libc's ioctl(), counted by
 *                                        single steps; status 1 when more than LIMIT
 */
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <kvm/kvm-gdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXITS 500
#define MAX_ROUNDS 10000
#define RAM 0x1000

typedef struct Bench {
	int kvm_fd, vm_fd, fd;
	unsigned char *ram;
	struct kvm_run *run;
	int (*libc_ioctl)(int fd, unsigned long request, ...);
	KvmGdbThread *thread;
	KvmGdb *gdb;
	KvmGdbVcpu *vcpu;
} Bench;

static void need(bool ok, const char *what)
{
	if (!ok)
		err(1, "%s", what);
}

/* Long mode needs tables; this loop of real-mode code does not: out %al, $0x10; jmp back. */
static void make_machine(Bench *b)
{
	static const unsigned char code[] = {0xe6, 0x10, 0xeb, 0xfc};
	struct kvm_userspace_memory_region region = {.memory_size = RAM};
	struct kvm_regs regs = {.rflags = 2};
	struct kvm_sregs sregs;

	b->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (b->kvm_fd < 0)
		err(77, "/dev/kvm");
	b->vm_fd = ioctl(b->kvm_fd, KVM_CREATE_VM, 0);
	b->fd = ioctl(b->vm_fd, KVM_CREATE_VCPU, 0);
	need(b->vm_fd >= 0 && b->fd >= 0, "KVM_CREATE_VM, KVM_CREATE_VCPU");
	b->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	b->run = mmap(NULL, ioctl(b->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		      MAP_SHARED, b->fd, 0);
	need(b->ram != MAP_FAILED && b->run != MAP_FAILED, "mmap");
	memcpy(b->ram, code, sizeof(code));
	region.userspace_addr = (unsigned long)b->ram;
	need(ioctl(b->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) == 0, "memory");
	need(ioctl(b->fd, KVM_GET_SREGS, &sregs) == 0, "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	need(ioctl(b->fd, KVM_SET_SREGS, &sregs) == 0, "KVM_SET_SREGS");
	need(ioctl(b->fd, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
}

static void start_gdb(void *data)
{
	Bench *b = data;

	b->gdb = kvm_gdb_new(b->kvm_fd, b->vm_fd, kvm_gdb_thread_context(b->thread), NULL, NULL,
			     NULL);
	need(b->gdb, "kvm_gdb_new");
	kvm_gdb_map(b->gdb, 0, RAM, b->ram, 0);
	b->vcpu = kvm_gdb_add_vcpu(b->gdb, 0, b->fd, b->run, NULL);
	need(b->vcpu && kvm_gdb_listen(b->gdb, "0", false, NULL), "kvm_gdb_listen");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void check_exit(const Bench *b, int ret)
{
	if (b->run->immediate_exit ? ret == 0 : ret < 0 || b->run->exit_reason != KVM_EXIT_IO)
		errx(1, "KVM_RUN: %d, exit reason %u", ret, b->run->exit_reason);
}

static double time_libc(Bench *b)
{
	double begin = now();

	for (int i = 0; i < EXITS; i++)
		check_exit(b, b->libc_ioctl(b->fd, KVM_RUN, 0));
	return (now() - begin) / EXITS;
}

static double time_hook(Bench *b)
{
	double begin = now();

	for (int i = 0; i < EXITS; i++)
		check_exit(b, kvm_gdb_run(b->vcpu));
	return (now() - begin) / EXITS;
}

static double time_shim(Bench *b)
{
	double begin = now();

	for (int i = 0; i < EXITS; i++)
		check_exit(b, ioctl(b->fd, KVM_RUN, 0));
	return (now() - begin) / EXITS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

typedef struct Result {
	double bare, with; /* ns of one KVM_RUN */
} Result;

static Result measure(Bench *b, double (*with_one)(Bench *), int n)
{
	static double bare[MAX_ROUNDS], with[MAX_ROUNDS];

	for (int i = 0; i < n; i++) {
		/* Who goes first alternates too. */
		if (i % 2)
			bare[i] = time_libc(b);
		with[i] = with_one(b);
		if (i % 2 == 0)
			bare[i] = time_libc(b);
	}
	qsort(bare, n, sizeof(*bare), compare);
	qsort(with, n, sizeof(*with), compare);
	return (Result){bare[n / 2], with[n / 2]};
}

static void make_bench(Bench *b, bool hook)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);

	need(libc, "libc");
	*(void **)&b->libc_ioctl = dlsym(libc, "ioctl");
	make_machine(b);
	if (!hook)
		return;
	b->thread = kvm_gdb_thread_new(NULL);
	need(b->thread, "kvm_gdb_thread_new");
	kvm_gdb_thread_call(b->thread, start_gdb, b, 0);
}

/* ---- Instructions ---- */

enum { CALLS = 2 }; /* the first one binds functions and adopts the thread */

static void trap(void)
{
	asm volatile("int3" ::: "memory");
}

/* Steps @pid to its next trap instruction; how many instructions that took. */
static long count_to_trap(pid_t pid)
{
	siginfo_t info;
	int status;

	for (long n = 0;; n++) {
		need(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0, "PTRACE_SINGLESTEP");
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			errx(1, "the counted program ended");
		need(ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) == 0, "PTRACE_GETSIGINFO");
		if (info.si_signo == SIGTRAP && info.si_code == SI_KERNEL)
			return n;
	}
}

/* In a child, because the machine, and with it the plugin's work, belongs to the process. */
static int count_calls(pid_t pid, const char *what, long limit)
{
	long bare = 0, with = 0;
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		errx(1, "the counted program ended");
	for (int i = 0; i < CALLS; i++) {
		if (i > 0)
			count_to_trap(pid);
		bare = count_to_trap(pid);
		with = count_to_trap(pid);
	}
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	printf("%s: KVM_RUN: bare %ld instructions, with %ld\n", what, bare, with);
	fflush(stdout);
	return limit && with - bare > limit;
}

static int count(const char *what, bool hook, long limit)
{
	Bench b = {0};
	pid_t counter;
	int status, ready[2];
	char byte = 0;

	make_bench(&b, hook);
	b.run->immediate_exit = 1;
	need(pipe(ready) == 0, "pipe");
	counter = fork();
	if (counter == 0) {
		need(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0, "PTRACE_SEIZE");
		need(write(ready[1], "", 1) == 1, "pipe");
		_exit(count_calls(getppid(), what, limit));
	}
	prctl(PR_SET_PTRACER, counter);
	close(ready[1]);
	need(read(ready[0], &byte, 1) == 1, "ptrace");
	for (int i = 0; i < CALLS; i++) {
		trap();
		b.libc_ioctl(b.fd, KVM_RUN, 0);
		trap();
		if (hook)
			kvm_gdb_run(b.vcpu);
		else
			ioctl(b.fd, KVM_RUN, 0);
		trap();
	}
	need(waitpid(counter, &status, 0) == counter, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int measure_time(const char *what, bool hook, int n)
{
	Result exits, empty;
	Bench b = {0};

	make_bench(&b, hook);
	exits = measure(&b, hook ? time_hook : time_shim, n);
	b.run->immediate_exit = 1;
	empty = measure(&b, hook ? time_hook : time_shim, n);
	printf("%s: I/O exit: bare %.0f ns, with %.0f ns, %+.2f %%; KVM_RUN that returns at once: "
	       "bare %.0f ns, with %.0f ns: %+.1f ns are %.2f %% of an I/O exit\n",
	       what, exits.bare, exits.with, 100 * (exits.with / exits.bare - 1), empty.bare,
	       empty.with, empty.with - empty.bare, 100 * (empty.with - empty.bare) / exits.bare);
	return 0;
}

int main(int argc, char **argv)
{
	bool hook = argc > 1 && !strcmp(argv[1], "hook");
	int n = argc > 2 ? atoi(argv[2]) : 1000;

	if (argc > 2 && !strcmp(argv[2], "count"))
		return count(argv[1], hook, argc > 3 ? atol(argv[3]) : 0);
	if (n < 1 || n > MAX_ROUNDS)
		errx(2, "usage: bench-hook hook|shim count|[ROUNDS up to %d]", MAX_ROUNDS);
	return measure_time(argv[1], hook, n);
}

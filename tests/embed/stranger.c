#define _GNU_SOURCE
/*
 * stranger.c - a VMM that knows nothing of vmgdb, for tests/test-plugin.sh. Each mode is a habit
 * of VMMs that a plugin may stumble over.
 *
 *   stranger MODE [TURNS]    the guest (as minivmm.c's) goes round until TURNS I/O exits, 0: until
 *                            a debugger puts something at 0x9008
 * Ends with status 0 and a line "stranger: MODE ..." of what it saw.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, CODE = 0x6000, RAM = 0x10000, HIGH = 0x100000 };

#define READ_ONLY 0x8000u /* with the number of a slot */

static const unsigned char code[] = {
	0x48, 0xff, 0x04, 0x25, 0x00, 0x90, 0x00, 0x00, 0xe6, 0x10, 0x83,
	0x3c, 0x25, 0x08, 0x90, 0x00, 0x00, 0x00, 0x74, 0xec, 0xf4,
};

typedef struct Vm {
	int kvm_fd, vm_fd, fd;
	unsigned char *ram;
	struct kvm_run *run;
	unsigned long turns, limit, eintrs, kicks, debugs, refused;
	pthread_t thread;
	bool takes_signals, tries_debugging, waits_halted;
} Vm;

static int request(int fd, unsigned long number, void *arg, const char *name)
{
	int ret = ioctl(fd, number, arg);

	if (ret < 0)
		err(1, "%s", name);
	return ret;
}
#define REQUEST(fd, number, arg) request(fd, number, arg, #number)

static void *map_shared(size_t size, int flags, int fd)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);

	if (mem == MAP_FAILED)
		err(1, "mmap");
	return mem;
}

static void set_slot(Vm *vm, unsigned slot, unsigned long gpa, unsigned long size, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot & ~READ_ONLY,
		.flags = slot & READ_ONLY ? KVM_MEM_READONLY : 0,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (unsigned long)host,
	};

	REQUEST(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static void put64(Vm *vm, unsigned at, unsigned long value)
{
	memcpy(vm->ram + at, &value, sizeof(value));
}

static void make_memory(Vm *vm)
{
	vm->ram = map_shared(RAM, MAP_ANONYMOUS, -1);
	set_slot(vm, 0, 0, RAM, vm->ram);
	memcpy(vm->ram + CODE, code, sizeof(code));
	put64(vm, PML4, PDPT | 3);
	put64(vm, PDPT, PD | 3);
	put64(vm, PD, 0x83);
}

static void set_registers(Vm *vm)
{
	struct kvm_segment data = {.selector = 0x10, .limit = ~0u, .type = 3};
	struct kvm_regs regs = {.rip = CODE, .rflags = 2, .rsp = 0x8000};
	struct kvm_sregs sregs;

	REQUEST(vm->fd, KVM_GET_SREGS, &sregs);
	data.present = data.s = data.db = data.g = 1;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.cs = data;
	sregs.cs.selector = 0x08;
	sregs.cs.type = 11;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.cr3 = PML4;
	sregs.cr4 = 0x20;
	sregs.cr0 = 0x80000001;
	sregs.efer = 0x100 | 0x400;
	REQUEST(vm->fd, KVM_SET_SREGS, &sregs);
	REQUEST(vm->fd, KVM_SET_REGS, &regs);
}

static void make(Vm *vm, unsigned long limit)
{
	*vm = (Vm){.limit = limit};
	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0)
		err(77, "/dev/kvm");
	vm->vm_fd = REQUEST(vm->kvm_fd, KVM_CREATE_VM, NULL);
	vm->fd = REQUEST(vm->vm_fd, KVM_CREATE_VCPU, NULL);
	vm->run = map_shared(REQUEST(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL), 0, vm->fd);
	make_memory(vm);
	set_registers(vm);
}

static void take_signal(Vm *vm)
{
	struct timespec now = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (vm->takes_signals && sigtimedwait(&set, NULL, &now) == SIGUSR1)
		vm->kicks++;
	if (vm->run->immediate_exit) {
		vm->run->immediate_exit = 0;
		vm->kicks++;
	}
}

/* On and off again: nothing is stepped. */
static void try_debugging(Vm *vm)
{
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP};

	if (ioctl(vm->fd, KVM_SET_GUEST_DEBUG, &debug) < 0) {
		if (errno != EBUSY)
			err(1, "KVM_SET_GUEST_DEBUG");
		vm->refused++;
	}
	debug.control = 0;
	REQUEST(vm->fd, KVM_SET_GUEST_DEBUG, &debug);
}

static void loop(Vm *vm)
{
	while (!vm->limit || vm->turns < vm->limit) {
		if (ioctl(vm->fd, KVM_RUN, 0) < 0) {
			if (errno != EINTR)
				err(1, "KVM_RUN");
			vm->eintrs++;
			take_signal(vm);
		} else if (vm->run->exit_reason == KVM_EXIT_IO) {
			vm->turns++;
			if (vm->tries_debugging)
				try_debugging(vm);
		} else if (vm->run->exit_reason == KVM_EXIT_DEBUG) {
			vm->debugs++;
		} else if (vm->run->exit_reason == KVM_EXIT_HLT && !vm->waits_halted) {
			break;
		} else if (vm->run->exit_reason == KVM_EXIT_HLT) {
			/* For an interrupt, in its own code: that no kick of KVM_RUN's ends. */
			vm->turns++;
			usleep(20000);
			if (vm->ram[0x9008])
				break;
		} else {
			errx(1, "exit reason %u", vm->run->exit_reason);
		}
	}
}

/* ---- Habits ---- */

static void plain(Vm *vm)
{
	loop(vm);
}

static void forbid_ppoll(Vm *vm)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ppoll, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(filter) / sizeof(*filter), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		err(1, "seccomp");
	loop(vm);
}

/* Half of its turns before another machine, half after. */
static void two_machines(Vm *vm)
{
	unsigned long limit = vm->limit;
	Vm second;

	vm->limit = limit / 2 ? limit / 2 : 1;
	loop(vm);
	make(&second, 10);
	loop(&second);
	vm->limit = limit;
	loop(vm);
}

/* A machine only to ask KVM something, never run, as some VMMs make. */
static void scratch(Vm *vm)
{
	int vm_fd = REQUEST(vm->kvm_fd, KVM_CREATE_VM, NULL);
	int fd = REQUEST(vm_fd, KVM_CREATE_VCPU, NULL);

	close(fd);
	close(vm_fd);
	loop(vm);
}

static void duplicates(Vm *vm)
{
	int old = vm->fd, old_vm = vm->vm_fd;

	vm->fd = dup(old);
	vm->vm_fd = fcntl(old_vm, F_DUPFD_CLOEXEC, 100);
	close(old);
	close(old_vm);
	set_slot(vm, 1, HIGH, 0x1000, map_shared(0x1000, MAP_ANONYMOUS, -1));
	loop(vm);
}

static void must_be_null_device(int fd, const char *how)
{
	if (ioctl(fd, KVM_RUN, NULL) == 0 || errno == EINTR)
		errx(1, "%s: the number is still taken for a vCPU", how);
}

/* The numbers that vCPUs had come to stand for other files, and are closed, in other ways. */
static void reuses(Vm *vm)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), old = vm->fd;

	vm->turns = 0;
	vm->fd = fcntl(old, F_DUPFD_CLOEXEC, 200);
	REQUEST(old, KVM_SET_GUEST_DEBUG, &(struct kvm_guest_debug){0});
	dup2(null, old);
	must_be_null_device(old, "dup2");
	old = vm->fd;
	vm->fd = fcntl(old, F_DUPFD_CLOEXEC, 300);
	REQUEST(old, KVM_SET_GUEST_DEBUG, &(struct kvm_guest_debug){0});
	dup3(null, old, O_CLOEXEC);
	must_be_null_device(old, "dup3");
	old = vm->fd;
	vm->fd = fcntl(old, F_DUPFD_CLOEXEC, 400);
	REQUEST(old, KVM_SET_GUEST_DEBUG, &(struct kvm_guest_debug){0});
	close_range(old, old + 1, 0);
	if (fcntl(null, F_DUPFD_CLOEXEC, old) != old)
		errx(1, "close_range");
	must_be_null_device(old, "close_range");
	loop(vm);
}

/*
 * Memory comes, moves and goes while the guest runs; what went is unmapped. 0x5a remains at HIGH +
 * 0x4000, and 0xa5, which the guest cannot write, at HIGH + 0x8000.
 */
static void slots(Vm *vm)
{
	unsigned char *extra = map_shared(0x2000, MAP_ANONYMOUS, -1);
	unsigned char *rom = map_shared(0x1000, MAP_ANONYMOUS, -1);

	memset(extra, 0x5a, 0x2000);
	set_slot(vm, 1, HIGH, 0x2000, extra);
	set_slot(vm, 1, HIGH + 0x4000, 0x2000, extra);
	set_slot(vm, 2, HIGH, 0x1000, extra);
	set_slot(vm, 2, 0, 0, NULL);
	memset(rom, 0xa5, 0x1000);
	set_slot(vm, 3 | READ_ONLY, HIGH + 0x8000, 0x1000, rom);
	loop(vm);
	set_slot(vm, 1, 0, 0, NULL);
	munmap(extra, 0x2000);
}

static void *kick(void *data)
{
	Vm *vm = data;

	for (;;) {
		usleep(20000);
		pthread_kill(vm->thread, SIGUSR1);
	}
	return NULL;
}

/* SIGUSR1 has no handler: it would end the process were it ever unblocked outside KVM_RUN. */
static void signal_mask(Vm *vm)
{
	struct {
		uint32_t len;
		uint64_t bits;
	} __attribute__((packed)) mask = {8, ~0ull & ~(1ull << (SIGUSR1 - 1))};
	pthread_t kicker;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	REQUEST(vm->fd, KVM_SET_SIGNAL_MASK, &mask);
	vm->thread = pthread_self();
	vm->takes_signals = true;
	pthread_create(&kicker, NULL, kick, vm);
	loop(vm);
	pthread_cancel(kicker);
	pthread_join(kicker, NULL);
}

/* As QEMU and others do: the handler makes the KVM_RUN that may just begin end, too. */
static struct kvm_run *kicked;

static void on_kick(int signo)
{
	(void)signo;
	kicked->immediate_exit = 1;
}

static void handler(Vm *vm)
{
	struct sigaction action = {.sa_handler = on_kick};
	pthread_t kicker;

	kicked = vm->run;
	sigaction(SIGUSR1, &action, NULL);
	vm->thread = pthread_self();
	pthread_create(&kicker, NULL, kick, vm);
	loop(vm);
	pthread_cancel(kicker);
	pthread_join(kicker, NULL);
}

/* No interrupt controller in the kernel: HLT comes to the VMM, which waits by itself. */
static void halt(Vm *vm)
{
	static const unsigned char hlt[] = {0xf4, 0x90};

	memcpy(vm->ram + CODE + 8, hlt, sizeof(hlt)); /* where the code has its out */
	vm->waits_halted = true;
	if (vm->limit > 30)
		vm->limit = 30;
	loop(vm);
}

/* Leaves no I/O half done behind: it may take a while until another thread goes on. */
static void *some_turns(void *data)
{
	Vm *vm = data;

	loop(vm);
	vm->run->immediate_exit = 1;
	if (ioctl(vm->fd, KVM_RUN, 0) == 0 || errno != EINTR)
		errx(1, "KVM_RUN did not return at once");
	vm->run->immediate_exit = 0;
	return NULL;
}

/* Not run by the thread that made it, and by another one every 50 turns. */
static void threads(Vm *vm)
{
	unsigned long limit = vm->limit, before;
	pthread_t thread;

	do {
		before = vm->turns;
		vm->limit = vm->turns + 50;
		if (pthread_create(&thread, NULL, some_turns, vm))
			errx(1, "pthread_create");
		pthread_join(thread, NULL);
	} while (vm->turns == before + 50 && (!limit || vm->turns < limit));
}

static void own_debugger(Vm *vm)
{
	struct kvm_guest_debug step = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP};

	REQUEST(vm->fd, KVM_SET_GUEST_DEBUG, &step);
	loop(vm);
	step.control = 0;
	REQUEST(vm->fd, KVM_SET_GUEST_DEBUG, &step);
}

static void tries(Vm *vm)
{
	vm->tries_debugging = true;
	loop(vm);
}

static unsigned long guest_turns(const Vm *vm)
{
	return *(volatile unsigned long *)(vm->ram + 0x9000);
}

static void *end_slowly(void *data)
{
	const Vm *vm = data;
	unsigned long before;
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &signo);
	before = guest_turns(vm);
	sleep(1);
	printf("stranger: slow ran %lu turns after SIGTERM\n", guest_turns(vm) - before);
	exit(0);
}

/* It takes a second to end by SIGTERM, and its vCPU goes on meanwhile. */
static void slow_end(Vm *vm)
{
	pthread_t thread;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, end_slowly, vm);
	loop(vm);
}

/*
 * A child that lives on a little with all our descriptors but KVM's, and one that runs a program.
 */
static void forks(Vm *vm)
{
	pid_t child = fork();

	if (child == 0) {
		close(vm->fd);
		close(vm->vm_fd);
		munmap(vm->ram, RAM);
		_exit(7);
	}
	waitpid(child, NULL, 0);
	if (system("exit 3") == -1)
		err(1, "system");
	loop(vm);
}

/* A child that stays, also when its parent has gone. */
static void child_stays(Vm *vm)
{
	pid_t child = fork();

	if (child == 0) {
		sleep(30);
		_exit(0);
	}
	printf("stranger: child %d\n", (int)child);
	fflush(stdout);
	loop(vm);
}

/* The child begins when the server is there. */
static void child_later(Vm *vm)
{
	unsigned long limit = vm->limit;

	vm->limit = 1;
	loop(vm);
	vm->limit = limit;
	child_stays(vm);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(Vm *vm);
	} modes[] = {
		{"plain", plain},      {"seccomp", forbid_ppoll},
		{"two", two_machines}, {"scratch", scratch},
		{"dup", duplicates},   {"slots", slots},
		{"mask", signal_mask}, {"debugger", own_debugger},
		{"fork", forks},       {"slow", slow_end},
		{"tries", tries},      {"child", child_later},
		{"kick", handler},     {"halt", halt},
		{"thread", threads},   {"reuse", reuses},
	};
	unsigned long limit = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	Vm vm;

	for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(modes[i].name, argv[1]) != 0)
			continue;
		make(&vm, limit);
		modes[i].run(&vm);
		printf("stranger: %s turns %lu eintrs %lu kicks %lu debugs %lu refused %lu\n",
		       argv[1], vm.turns, vm.eintrs, vm.kicks, vm.debugs, vm.refused);
		return 0;
	}
	puts("stranger: no machine");
	return 0;
}

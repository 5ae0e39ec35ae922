/*
 * x86/probe.c - find out what this KVM's guest debugging really does, by trying it.
 *
 * Capabilities say what the interface accepts, not what works: software and nested KVMs accept
 * watchpoints that never fire and kill the guest at an int3. Each feature runs a few bytes of
 * code in long mode on a fresh vCPU of a throwaway VM. All exceptions go to handlers that halt, so
 * a feature that does not work ends in KVM_EXIT_HLT.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/arch.h"
#include "x86/debugreg.h"

/* A run that takes longer than this hangs; the real ones take microseconds. */
#define PATIENCE (10 * G_TIME_SPAN_SECOND)
#define KICK_SIGNAL SIGRTMIN

/* Guest-physical layout; linear addresses are the same. */
enum {
	PML4 = 0x1000,
	PDPT = 0x2000,
	PD = 0x3000,
	IDT = 0x4000,
	GDT = 0x5000,
	CODE = 0x6000,
	HANDLER = 0x6800,
	DATA = 0x7000,
	STACK_TOP = 0x8000,
	RAM_SIZE = 0x8000,
	TSS_ADDR = 0xfffbd000, /* for old VMX hosts; above the RAM */
	CODE_SELECTOR = 0x08,
	DATA_SELECTOR = 0x10,
	N_VECTORS = 32,
};

#define ENTRY_TABLE 0x3ull /* present, writable */
#define ENTRY_PAGE 0x83ull /* and a 2 MiB page */
#define RFLAGS_FIXED 0x2ull
#define RFLAGS_RF (1ull << 16)

typedef struct Probe {
	int kvm_fd, vm_fd;
	uint8_t *ram;
	size_t run_size;
	unsigned n_vcpus;
	ArchFeatures features;
	GError *error;

	GMutex lock; /* what follows: shared with the watchdog */
	GCond cond;
	pthread_t thread;
	struct kvm_run *run; /* the vCPU that runs, or NULL */
	bool done, expired;
} Probe;

typedef struct ProbeVcpu {
	Probe *probe;
	int fd;
	struct kvm_run *run;
} ProbeVcpu;

static bool fail(GError **error, const char *what)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "probing KVM: %s: %s", what, g_strerror(errno));
	return false;
}

/* ---- The machine ---- */

static void put64(Probe *probe, uint64_t gpa, uint64_t value)
{
	memcpy(probe->ram + gpa, &value, sizeof(value));
}

static void fill_ram(Probe *probe)
{
	/* interrupt gate, present; each handler halts */
	const uint64_t gate = (HANDLER & 0xffff) | CODE_SELECTOR << 16 | 0x8e00ull << 32;

	put64(probe, PML4, PDPT | ENTRY_TABLE);
	put64(probe, PDPT, PD | ENTRY_TABLE);
	put64(probe, PD, ENTRY_PAGE);
	put64(probe, GDT + CODE_SELECTOR, 0x00af9b000000ffff);
	put64(probe, GDT + DATA_SELECTOR, 0x00cf93000000ffff);
	for (unsigned i = 0; i < N_VECTORS; i++)
		put64(probe, IDT + 16 * i, gate);
	memset(probe->ram + HANDLER, 0xf4, 16);
}

static bool make_vm(Probe *probe, GError **error)
{
	struct kvm_userspace_memory_region region = {.memory_size = RAM_SIZE};
	int size = ioctl(probe->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (size < (int)sizeof(struct kvm_run))
		return fail(error, "KVM_GET_VCPU_MMAP_SIZE");
	probe->run_size = size;
	probe->vm_fd = ioctl(probe->kvm_fd, KVM_CREATE_VM, 0);
	if (probe->vm_fd < 0)
		return fail(error, "KVM_CREATE_VM");
	ioctl(probe->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDR);
	probe->ram =
		mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (probe->ram == MAP_FAILED)
		return fail(error, "mmap");
	region.userspace_addr = (uintptr_t)probe->ram;
	if (ioctl(probe->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return fail(error, "KVM_SET_USER_MEMORY_REGION");
	fill_ram(probe);
	return true;
}

static bool set_long_mode(int fd)
{
	struct kvm_sregs sregs;
	const struct kvm_segment data = {
		.selector = DATA_SELECTOR,
		.limit = 0xffffffff,
		.type = 3,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};

	if (ioctl(fd, KVM_GET_SREGS, &sregs) < 0)
		return false;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = data;
	sregs.cs = data;
	sregs.cs.selector = CODE_SELECTOR;
	sregs.cs.type = 11;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = 0x17};
	sregs.idt = (struct kvm_dtable){.base = IDT, .limit = 16 * N_VECTORS - 1};
	sregs.cr0 = 0x80000033; /* PG NE ET MP PE */
	sregs.cr3 = PML4;
	sregs.cr4 = 0x20;   /* PAE */
	sregs.efer = 0x500; /* LMA LME */
	return ioctl(fd, KVM_SET_SREGS, &sregs) == 0;
}

static bool set_regs(ProbeVcpu *vcpu, uint64_t rflags)
{
	struct kvm_regs regs = {
		.rip = CODE,
		.rsp = STACK_TOP,
		.rbx = DATA,
		.rflags = RFLAGS_FIXED | rflags,
	};

	return ioctl(vcpu->fd, KVM_SET_REGS, &regs) == 0;
}

static void vcpu_close(ProbeVcpu *vcpu)
{
	if (vcpu->run != MAP_FAILED)
		munmap(vcpu->run, vcpu->probe->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
}

/*
 * Only the kick gets through while the guest runs: it is blocked in the thread, so it interrupts
 * KVM_RUN without any handler, and the process' own signals go to its other threads.
 */
static bool set_signal_mask(int fd)
{
	const uint64_t bits = ~(1ull << (KICK_SIGNAL - 1));
	_Alignas(struct kvm_signal_mask) uint8_t arg[sizeof(struct kvm_signal_mask) + sizeof(bits)];
	const uint32_t len = sizeof(bits);

	memcpy(arg, &len, sizeof(len));
	memcpy(arg + offsetof(struct kvm_signal_mask, sigset), &bits, sizeof(bits));
	return ioctl(fd, KVM_SET_SIGNAL_MASK, arg) == 0;
}

/* A vCPU that is about to run @code. Close it in any case. */
static bool vcpu_open(ProbeVcpu *vcpu, Probe *probe, const char *code, size_t len)
{
	vcpu->probe = probe;
	vcpu->run = MAP_FAILED;
	vcpu->fd = ioctl(probe->vm_fd, KVM_CREATE_VCPU, probe->n_vcpus++);
	if (vcpu->fd < 0)
		return false;
	vcpu->run = mmap(NULL, probe->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	memcpy(probe->ram + CODE, code, len);
	return vcpu->run != MAP_FAILED && set_signal_mask(vcpu->fd) && set_long_mode(vcpu->fd) &&
	       set_regs(vcpu, 0);
}

static bool set_debug(ProbeVcpu *vcpu, uint32_t control, const GdbBreak *point)
{
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | control};
	X86Slots slots;

	if (point && x86_slots_encode(point, 1, &slots, NULL)) {
		debug.arch.debugreg[0] = slots.addr[0];
		debug.arch.debugreg[7] = slots.dr7;
	}
	return ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug) == 0;
}

/* KVM_RUN under the watchdog. FALSE: it failed or was interrupted. */
static bool run(ProbeVcpu *vcpu)
{
	Probe *probe = vcpu->probe;
	bool expired;
	int ret;

	g_mutex_lock(&probe->lock);
	probe->run = vcpu->run;
	expired = probe->expired;
	g_mutex_unlock(&probe->lock);
	ret = expired ? -1 : ioctl(vcpu->fd, KVM_RUN, 0);
	g_mutex_lock(&probe->lock);
	probe->run = NULL;
	g_mutex_unlock(&probe->lock);
	return ret == 0;
}

static bool runs_to_trap(ProbeVcpu *vcpu, unsigned vector, uint64_t pc)
{
	const struct kvm_debug_exit_arch *exit = &vcpu->run->debug.arch;

	return run(vcpu) && vcpu->run->exit_reason == KVM_EXIT_DEBUG && exit->exception == vector &&
	       exit->pc == pc;
}

/*
 * Lets the guest touch its pages, so that no experiment is disturbed by the host mapping them: some
 * nested KVMs lose a step in that.
 */
static bool touch_pages(Probe *probe)
{
	/* xor %edi, %edi; 1: orb $0, (%rdi); add $0x1000, %edi; cmp $RAM_SIZE, %edi; jb 1b; hlt */
	static const char code[] = "\x31\xff\x80\x0f\x00\x81\xc7\x00\x10\x00\x00"
				   "\x81\xff\x00\x80\x00\x00\x72\xef\xf4";
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, code, sizeof(code) - 1) && run(&vcpu) &&
		  vcpu.run->exit_reason == KVM_EXIT_HLT;

	vcpu_close(&vcpu);
	return ok;
}

/* ---- The experiments: TRUE when the feature works ---- */

#define NOP_NOP_HLT "\x90\x90\xf4"

static bool try_step_with(Probe *probe, uint32_t control)
{
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, NOP_NOP_HLT, 3) &&
		  set_debug(&vcpu, KVM_GUESTDBG_SINGLESTEP | control, NULL) &&
		  runs_to_trap(&vcpu, 1, CODE + 1) && runs_to_trap(&vcpu, 1, CODE + 2);

	vcpu_close(&vcpu);
	return ok;
}

static bool try_sw_break(Probe *probe)
{
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, "\x90\xcc\xf4", 3) &&
		  set_debug(&vcpu, KVM_GUESTDBG_USE_SW_BP, NULL) &&
		  runs_to_trap(&vcpu, 3, CODE + 1);

	vcpu_close(&vcpu);
	return ok;
}

/* *@ret_pass: and RFLAGS.RF gets the CPU over it. */
static bool try_hw_break(Probe *probe, bool *ret_pass)
{
	const GdbBreak point = {GDB_BREAK_HW, CODE, 1};
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, NOP_NOP_HLT, 3) &&
		  set_debug(&vcpu, KVM_GUESTDBG_USE_HW_BP, &point) && runs_to_trap(&vcpu, 1, CODE);

	*ret_pass = ok && set_regs(&vcpu, RFLAGS_RF) && run(&vcpu) &&
		    vcpu.run->exit_reason == KVM_EXIT_HLT;
	vcpu_close(&vcpu);
	return ok;
}

static bool try_watch(Probe *probe)
{
	/* mov %rax, (%rbx) */
	const GdbBreak point = {GDB_WATCH_WRITE, DATA, 8};
	ProbeVcpu vcpu;
	bool ok = vcpu_open(&vcpu, probe, "\x48\x89\x03\x90\xf4", 5) &&
		  set_debug(&vcpu, KVM_GUESTDBG_USE_HW_BP, &point) &&
		  runs_to_trap(&vcpu, 1, CODE + 3);

	vcpu_close(&vcpu);
	return ok;
}

static void try_all(Probe *probe)
{
	ArchFeatures *features = &probe->features;
	int bits = ioctl(probe->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2);

	if (!touch_pages(probe))
		return; /* it cannot even run code: nothing works */
	features->step = try_step_with(probe, 0);
	/* Old kernels do not know the bit and take it in silence. */
	features->block_irq = bits > 0 && (bits & KVM_GUESTDBG_BLOCKIRQ) &&
			      try_step_with(probe, KVM_GUESTDBG_BLOCKIRQ);
	features->sw_break = try_sw_break(probe);
	features->hw_break = try_hw_break(probe, &features->pass_break);
	features->watch = try_watch(probe);
	features->n_breaks = features->n_watches = X86_N_SLOTS;
}

/* ---- The thread and its watchdog ---- */

static void *probe_thread(void *data)
{
	Probe *probe = data;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (make_vm(probe, &probe->error))
		try_all(probe);
	g_mutex_lock(&probe->lock);
	probe->done = true;
	g_cond_signal(&probe->cond);
	g_mutex_unlock(&probe->lock);
	return NULL;
}

/* With the lock held. The signal stays pending, so that all that comes later ends at once too. */
static void kick(Probe *probe)
{
	probe->expired = true;
	if (probe->run)
		probe->run->immediate_exit = 1;
	pthread_kill(probe->thread, KICK_SIGNAL);
}

static bool run_probe(Probe *probe, GError **error)
{
	int64_t deadline = g_get_monotonic_time() + PATIENCE;

	g_mutex_lock(&probe->lock);
	errno = pthread_create(&probe->thread, NULL, probe_thread, probe);
	if (errno) {
		g_mutex_unlock(&probe->lock);
		return fail(error, "pthread_create");
	}
	while (!probe->done && g_cond_wait_until(&probe->cond, &probe->lock, deadline))
		;
	if (!probe->done)
		kick(probe);
	g_mutex_unlock(&probe->lock);
	pthread_join(probe->thread, NULL);
	if (!probe->error)
		return true;
	g_propagate_error(error, g_steal_pointer(&probe->error));
	return false;
}

bool arch_probe(int kvm_fd, ArchFeatures *ret, GError **error)
{
	Probe probe = {.kvm_fd = kvm_fd, .vm_fd = -1, .ram = MAP_FAILED};
	bool ok;

	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG) <= 0) {
		g_set_error_literal(
			error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
			"this KVM has no KVM_CAP_SET_GUEST_DEBUG: it cannot debug guests");
		return false;
	}
	g_mutex_init(&probe.lock);
	g_cond_init(&probe.cond);
	ok = run_probe(&probe, error);
	if (ok)
		*ret = probe.features;
	if (probe.vm_fd >= 0)
		close(probe.vm_fd);
	if (probe.ram != MAP_FAILED)
		munmap(probe.ram, RAM_SIZE);
	g_cond_clear(&probe.cond);
	g_mutex_clear(&probe.lock);
	return ok;
}

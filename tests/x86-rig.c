/*
 * tests/x86-rig.c - see tests/x86-rig.h.
 */
#include "tests/x86-rig.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/probe.h"
#include "x86/kvm/own.h"

/* ---- The machine ---- */

size_t rig_read_mem(void *opaque, uint64_t addr, void *buf, size_t len)
{
	Rig *rig = opaque;

	if (addr >= RAM_SIZE)
		return 0;
	len = MIN(len, RAM_SIZE - addr);
	memcpy(buf, rig->ram + addr, len);
	return len;
}

static bool rig_write_mem(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	Rig *rig = opaque;

	if (addr >= RAM_SIZE || len > RAM_SIZE - addr)
		return false;
	memcpy(rig->ram + addr, buf, len);
	return true;
}

uint64_t rig_get64(const Rig *rig, uint64_t gpa)
{
	uint64_t value;

	g_assert_cmphex(gpa, <=, RAM_SIZE - 8);
	memcpy(&value, rig->ram + gpa, sizeof(value));
	return value;
}

static void put64(Rig *rig, uint64_t gpa, uint64_t value)
{
	memcpy(rig->ram + gpa, &value, sizeof(value));
}

static void fill_ram(Rig *rig)
{
	put64(rig, PML4, PDPT | 3);
	put64(rig, PDPT, PD | 3);
	put64(rig, PD, 0x83);
	put64(rig, GDT + 0x08, 0x00af9b000000ffff);
	put64(rig, GDT + 0x10, 0x00cf93000000ffff);
	for (uint64_t i = 0; i < N_VECTORS; i++)
		put64(rig, IDT + 16 * i, (HANDLERS + 16 * i) | 0x08 << 16 | 0x8e00ull << 32);
	memset(rig->ram + HANDLERS, 0xf4, 16 * N_VECTORS);
}

static void set_sregs(Rig *rig)
{
	struct kvm_segment data = {
		.selector = 0x10,
		.limit = 0xffffffff,
		.type = 3,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};
	struct kvm_sregs sregs;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_SREGS, &sregs), ==, 0);
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.cs = data;
	sregs.cs.selector = 0x08;
	sregs.cs.type = 11;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = 0x17};
	sregs.idt = (struct kvm_dtable){.base = IDT, .limit = 16 * N_VECTORS - 1};
	sregs.cr0 = 0x80000033;
	sregs.cr3 = PML4;
	sregs.cr4 = 0x20;
	sregs.efer = 0x501; /* LMA LME SCE */
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_SREGS, &sregs), ==, 0);
}

/*
 * Let the guest touch all its pages before the test begins: bochs loses steps whose first try
 * exits for a page that the host has not mapped yet.
 */
static void touch_pages(Rig *rig)
{
	/* xor %edi, %edi; 1: orb $0, (%rdi); add $0x1000, %edi; cmp $RAM_SIZE, %edi; jb 1b; out
	 * %al, $0x80 */
	static const uint8_t toucher[] = {0x31, 0xff, 0x80, 0x0f, 0x00, 0x81, 0xc7,
					  0x00, 0x10, 0x00, 0x00, 0x81, 0xff, 0x00,
					  0x00, 0x01, 0x00, 0x72, 0xef, 0xe6, 0x80};
	struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rflags = 2};

	memcpy(rig->ram + CODE, toucher, sizeof(toucher));
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_REGS, &regs), ==, 0);
	g_assert_cmpint(ioctl(rig->fd, KVM_RUN, 0), ==, 0);
	g_assert_cmpuint(rig->run->exit_reason, ==, KVM_EXIT_IO);
	memset(rig->ram + CODE, 0, sizeof(toucher));
}

void rig_open(Rig *rig, const void *code, size_t len, bool with_irqchip)
{
	struct kvm_userspace_memory_region region = {.memory_size = RAM_SIZE};
	struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rbx = DATA, .rflags = 2};
	g_autoptr(GError) error = NULL;

	rig->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	rig->vm_fd = ioctl(rig->kvm_fd, KVM_CREATE_VM, 0);
	g_assert_cmpint(rig->vm_fd, >=, 0);
	ioctl(rig->vm_fd, KVM_SET_TSS_ADDR, 0xfffbd000);
	rig->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)rig->ram;
	g_assert_cmpint(ioctl(rig->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), ==, 0);
	if (with_irqchip)
		g_assert_cmpint(ioctl(rig->vm_fd, KVM_CREATE_IRQCHIP), ==, 0);
	rig->fd = ioctl(rig->vm_fd, KVM_CREATE_VCPU, 0);
	g_assert_cmpint(rig->fd, >=, 0);
	rig->run_size = ioctl(rig->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	rig->run = mmap(NULL, rig->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
	fill_ram(rig);
	set_sregs(rig);
	touch_pages(rig);
	memcpy(rig->ram + CODE, code, len);
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_REGS, &regs), ==, 0);
	rig->vcpu = arch_vcpu_new(rig->fd, rig->run, &error);
	g_assert_no_error(error);
	rig->memory = (ArchMemory){rig_read_mem, rig_write_mem, rig};
}

bool rig_is_tcg(void)
{
	unsigned eax, signature[3];

	__cpuid(0x40000000, eax, signature[0], signature[1], signature[2]);
	return memcmp(signature, "TCGTCGTCGTCG", sizeof(signature)) == 0;
}

/* ---- Other modes ---- */

static void set_mode(Rig *rig, const struct kvm_sregs *sregs, uint64_t rip, uint64_t rsp)
{
	struct kvm_regs regs = {.rip = rip, .rsp = rsp, .rbx = DATA, .rflags = 2};

	g_assert_cmpint(ioctl(rig->fd, KVM_SET_SREGS, sregs), ==, 0);
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_REGS, &regs), ==, 0);
	arch_forget(rig->vcpu);
}

void rig_set_real(Rig *rig, bool with_base)
{
	const uint32_t handlers = with_base ? HANDLERS : 0;
	struct kvm_segment data = {.limit = 0xffff, .type = 3, .present = 1, .s = 1};
	struct kvm_sregs sregs;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_SREGS, &sregs), ==, 0);
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.cs = data;
	sregs.cs.base = with_base ? CODE : 0;
	sregs.cs.selector = sregs.cs.base >> 4;
	sregs.cs.type = 11;
	sregs.idt = (struct kvm_dtable){.base = OTHER_IDT, .limit = 4 * N_VECTORS - 1};
	sregs.cr0 = 0x30;
	sregs.cr4 = sregs.efer = 0;
	for (uint32_t i = 0; i < N_VECTORS; i++) {
		uint32_t entry = (handlers >> 4) << 16 | (HANDLERS - handlers + 16 * i);

		memcpy(rig->ram + OTHER_IDT + 4 * i, &entry, 4);
	}
	set_mode(rig, &sregs, CODE - sregs.cs.base, STACK);
}

static void fill_protected(Rig *rig, bool gates16)
{
	const uint64_t type = gates16 ? 0xe600 : 0xee00;
	const uint32_t stack[] = {STACK, 0x10};

	put64(rig, GDT + 0x08, 0x00cf9b000000ffff);
	put64(rig, GDT + 0x18, 0x00cffb000000ffff);
	put64(rig, GDT + 0x20, 0x00cff3000000ffff);
	for (uint64_t i = 0; i < N_VECTORS; i++)
		put64(rig, OTHER_IDT + 8 * i, (HANDLERS + 16 * i) | 0x08 << 16 | type << 32);
	memcpy(rig->ram + TSS + 4, stack, sizeof(stack));
	put64(rig, OTHER_PD, 0x87); /* 4 MiB */
}

static void to_user(struct kvm_sregs *sregs)
{
	sregs->ds.dpl = sregs->cs.dpl = 3;
	sregs->ds.selector = 0x23;
	sregs->es = sregs->fs = sregs->gs = sregs->ss = sregs->ds;
	sregs->cs.selector = 0x1b;
}

void rig_set_protected(Rig *rig, bool user, bool gates16)
{
	struct kvm_sregs sregs;

	fill_protected(rig, gates16);
	g_assert_cmpint(ioctl(rig->fd, KVM_GET_SREGS, &sregs), ==, 0);
	sregs.cs.l = 0;
	sregs.cs.db = 1;
	if (user)
		to_user(&sregs);
	/* busy; but QEMU as the host ends with "invalid tss type" then at an entry from CPL 3 */
	sregs.tr = (struct kvm_segment){.base = TSS,
					.limit = 0x67,
					.selector = 0x28,
					.type = rig_is_tcg() ? 9 : 11,
					.present = 1};
	sregs.gdt.limit = 0x27;
	sregs.idt = (struct kvm_dtable){.base = OTHER_IDT, .limit = 8 * N_VECTORS - 1};
	sregs.cr0 = 0x80000031;
	sregs.cr3 = OTHER_PD;
	sregs.cr4 = 0x10;
	sregs.efer = 0;
	set_mode(rig, &sregs, CODE, user ? USER_STACK : STACK);
}

void rig_close(Rig *rig)
{
	arch_vcpu_free(rig->vcpu);
	munmap(rig->run, rig->run_size);
	munmap(rig->ram, RAM_SIZE);
	close(rig->fd);
	close(rig->vm_fd);
	close(rig->kvm_fd);
}

/* ---- Running ---- */

void rig_debug(Rig *rig, uint32_t control, const struct kvm_guest_debug_arch *arch)
{
	struct kvm_guest_debug debug = {.control = control ? KVM_GUESTDBG_ENABLE | control : 0};
	bool stepping = control & KVM_GUESTDBG_SINGLESTEP;

	if (arch)
		debug.arch = *arch;
	arch_own_points(rig->vcpu, arch ? &debug.arch : NULL, !stepping && x86_tells_own_points());
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_GUEST_DEBUG, &debug), ==, 0);
	g_assert_true(arch_debug_applied(rig->vcpu, stepping, NULL));
}

void rig_arm(Rig *rig, const ArchFeatures *features, uint32_t control, const GdbBreak *points,
	     unsigned n)
{
	g_autoptr(GError) error = NULL;
	struct kvm_guest_debug_arch arch;

	g_assert_true(arch_encode_hw(features, points, n, &arch, &error));
	g_assert_no_error(error);
	rig_debug(rig, control | arch_hw_control(), &arch);
}

uint32_t rig_run(Rig *rig)
{
	int ret;

	alarm(20);
	ret = ioctl(rig->fd, KVM_RUN, 0);
	if (ret < 0)
		g_error("KVM_RUN: %s", g_strerror(errno));
	alarm(0);
	arch_forget(rig->vcpu);
	return rig->run->exit_reason;
}

struct kvm_regs rig_regs(Rig *rig)
{
	struct kvm_regs regs;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_REGS, &regs), ==, 0);
	return regs;
}

bool rig_has(bool feature, const char *what)
{
	if (!feature)
		g_test_skip_printf("this KVM does not report %s", what);
	return feature;
}

/* ---- Start ---- */

static void rig_on_alarm(int signo)
{
	(void)signo; /* ends KVM_RUN with EINTR */
}

static void rig_test_no_kvm(void)
{
	g_test_skip("/dev/kvm cannot be opened");
}

bool rig_init(int *argc, char ***argv, ArchFeatures *ret)
{
	struct sigaction action = {.sa_handler = rig_on_alarm};
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	g_autoptr(GError) error = NULL;

	g_test_init(argc, argv, NULL);
	sigaction(SIGALRM, &action, NULL);
	if (kvm_fd < 0) {
		g_test_add_func("/kvm-x86/none", rig_test_no_kvm);
		return false;
	}
	if (!kvm_probe(kvm_fd, ret, &error))
		g_error("%s", error->message);
	close(kvm_fd);
	return true;
}

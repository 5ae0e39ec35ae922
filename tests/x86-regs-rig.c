/*
 * tests/x86-regs-rig.c - see tests/x86-regs-rig.h.
 */
#include "tests/x86-regs-rig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CPUID_ENTRIES 256

static const uint64_t gdt[] = {
	0,
	0,
	0x00af9b000000ffff, /* 10: 64-bit code */
	0x00cf93000000ffff, /* 18: data */
	0x00bf9b000000ffff, /* 20: 64-bit code, marked "available" */
	0x00cf93000000ffff, /* 28 */
	0x00008b0060000067, /* 30: TSS at 0x6000 */
	0,
	0x00008b0070000067, /* 40: TSS at 0x7000 */
	0,
	0x00008200600000ff, /* 50: LDT at 0x6000 */
	0,
	0x0000000000000000, /* 60: nothing */
};

static bool read_phys(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	RegsRig *rig = opaque;

	if (gpa > RAM_SIZE || len > RAM_SIZE - gpa)
		return false;
	memcpy(buf, rig->ram + gpa, len);
	return true;
}

static void put64(RegsRig *rig, uint64_t gpa, uint64_t value)
{
	memcpy(rig->ram + gpa, &value, sizeof(value));
}

static void fill_ram(RegsRig *rig)
{
	memcpy(rig->ram + GDT_AT, gdt, sizeof(gdt));
	put64(rig, PML4_AT, 0x3000 | 7);
	put64(rig, PML4_COPY_AT, 0x3000 | 7);
	put64(rig, 0x3000, 0x4000 | 7);
	put64(rig, 0x4000, 0x87); /* 2 MiB at 0 */
}

/* Gives the guest all that KVM has; tells whether that includes XSAVE. */
static bool set_cpuid(RegsRig *rig)
{
	g_autofree struct kvm_cpuid2 *cpuid =
		g_malloc0(sizeof(*cpuid) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
	bool xsave = false;

	cpuid->nent = CPUID_ENTRIES;
	g_assert_cmpint(ioctl(rig->kvm, KVM_GET_SUPPORTED_CPUID, cpuid), ==, 0);
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_CPUID2, cpuid), ==, 0);
	for (unsigned i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			xsave = cpuid->entries[i].ecx >> 26 & 1;
	return xsave;
}

void regs_reset(RegsRig *rig)
{
	struct kvm_segment code = {.limit = 0xffffffff,
				   .selector = 0x10,
				   .type = 11,
				   .present = 1,
				   .s = 1,
				   .l = 1,
				   .g = 1};
	struct kvm_segment data = {.limit = 0xffffffff,
				   .selector = 0x18,
				   .type = 3,
				   .present = 1,
				   .s = 1,
				   .db = 1,
				   .g = 1};
	struct kvm_segment tss = {
		.base = 0x6000, .limit = 0x67, .selector = 0x30, .type = 11, .present = 1};
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = CODE_AT, .rsp = RAM_SIZE, .rflags = 2};

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_SREGS, &sregs), ==, 0);
	sregs.cs = code;
	sregs.ss = sregs.ds = sregs.es = sregs.fs = sregs.gs = data;
	sregs.tr = tss;
	sregs.ldt = (struct kvm_segment){.unusable = 1};
	sregs.gdt = (struct kvm_dtable){.base = GDT_AT, .limit = sizeof(gdt) - 1};
	sregs.idt = (struct kvm_dtable){.base = 0xa000, .limit = 0xfff};
	sregs.cr0 = 0x80000033;
	sregs.cr3 = PML4_AT;
	sregs.cr4 = 0x620; /* PAE OSFXSR OSXMMEXCPT */
	if (rig->xsave)
		sregs.cr4 |= 0x40000; /* OSXSAVE */
	sregs.efer = 0x500;	      /* LME LMA */
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_SREGS, &sregs), ==, 0);
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_REGS, &regs), ==, 0);
}

void regs_set_up(RegsRig *rig, gconstpointer data)
{
	struct kvm_userspace_memory_region slot = {.memory_size = RAM_SIZE};
	g_autoptr(GError) error = NULL;

	(void)data;
	rig->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (rig->kvm < 0)
		return;
	rig->vm = ioctl(rig->kvm, KVM_CREATE_VM, 0);
	g_assert_cmpint(rig->vm, >=, 0);
	g_assert_cmpint(ioctl(rig->vm, KVM_CREATE_IRQCHIP, 0), ==, 0);
	rig->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	g_assert_true(rig->ram != MAP_FAILED);
	slot.userspace_addr = (uintptr_t)rig->ram;
	g_assert_cmpint(ioctl(rig->vm, KVM_SET_USER_MEMORY_REGION, &slot), ==, 0);
	rig->fd = ioctl(rig->vm, KVM_CREATE_VCPU, 0);
	g_assert_cmpint(rig->fd, >=, 0);
	rig->run_size = ioctl(rig->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	rig->run = mmap(NULL, rig->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
	g_assert_true(rig->run != MAP_FAILED);
	fill_ram(rig);
	rig->xsave = set_cpuid(rig);
	regs_reset(rig);
	rig->vcpu = arch_vcpu_new(rig->fd, rig->run, &error);
	g_assert_no_error(error);
	arch_set_phys_reader(rig->vcpu, read_phys, rig);
	rig->set = arch_reg_set(rig->vcpu, NULL, &error);
	g_assert_no_error(error);
}

void regs_tear_down(RegsRig *rig, gconstpointer data)
{
	(void)data;
	if (rig->kvm < 0)
		return;
	gdb_reg_set_free(rig->set);
	arch_vcpu_free(rig->vcpu);
	munmap(rig->run, rig->run_size);
	close(rig->fd);
	close(rig->vm);
	close(rig->kvm);
	munmap(rig->ram, RAM_SIZE);
}

bool regs_skipped(RegsRig *rig)
{
	if (rig->kvm >= 0)
		return false;
	g_autofree char *why = g_strdup_printf("/dev/kvm: %s", g_strerror(errno));
	g_test_skip(why);
	return true;
}

RegsValue regs_get(RegsRig *rig, const GdbReg *reg)
{
	g_autoptr(GError) error = NULL;
	RegsValue value = {{0}};

	arch_read_reg(rig->vcpu, reg, value.bytes, &error);
	g_assert_no_error(error);
	return value;
}

uint64_t regs_get64(RegsRig *rig, const char *name)
{
	RegsValue value = regs_get(rig, gdb_reg_set_by_name(rig->set, name));
	uint64_t ret;

	memcpy(&ret, value.bytes, sizeof(ret));
	return ret;
}

bool regs_put(RegsRig *rig, const char *name, uint64_t number, GError **error)
{
	RegsValue value = {{0}};

	memcpy(value.bytes, &number, sizeof(number));
	return arch_write_reg(rig->vcpu, gdb_reg_set_by_name(rig->set, name), value.bytes, error);
}

void regs_put_ok(RegsRig *rig, const char *name, uint64_t number)
{
	g_autoptr(GError) error = NULL;

	regs_put(rig, name, number, &error);
	g_assert_no_error(error);
}

void regs_flush(RegsRig *rig)
{
	g_autoptr(GError) error = NULL;

	arch_flush(rig->vcpu, &error);
	g_assert_no_error(error);
	arch_forget(rig->vcpu);
}

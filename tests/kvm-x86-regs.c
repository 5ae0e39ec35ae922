/*
 * Tests of the x86 registers against a real KVM: every row is read, changed, and found changed
 * again; refusals leave everything as it was; the guest itself sees what was written.
 * The vCPU is in 64-bit mode in 64 KiB of RAM with a small GDT.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "x86/regs.h"

#define RAM_SIZE 0x10000
#define GDT_AT 0x1000
#define PML4_AT 0x2000
#define PML4_COPY_AT 0x5000
#define CODE_AT 0x8000
#define DATA_AT 0x9000

#define CPUID_ENTRIES 256

typedef struct Fixture {
	int kvm, vm, fd;
	bool xsave;
	uint8_t *ram;
	struct kvm_run *run;
	size_t run_size;
	ArchVcpu *vcpu;
	GdbRegSet *set;
} Fixture;

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
	Fixture *fix = opaque;

	if (gpa > RAM_SIZE || len > RAM_SIZE - gpa)
		return false;
	memcpy(buf, fix->ram + gpa, len);
	return true;
}

static void put64(Fixture *fix, uint64_t gpa, uint64_t value)
{
	memcpy(fix->ram + gpa, &value, sizeof(value));
}

static void fill_ram(Fixture *fix)
{
	memcpy(fix->ram + GDT_AT, gdt, sizeof(gdt));
	put64(fix, PML4_AT, 0x3000 | 7);
	put64(fix, PML4_COPY_AT, 0x3000 | 7);
	put64(fix, 0x3000, 0x4000 | 7);
	put64(fix, 0x4000, 0x87); /* 2 MiB at 0 */
}

/* Gives the guest all that KVM has; tells whether that includes XSAVE. */
static bool set_cpuid(Fixture *fix)
{
	g_autofree struct kvm_cpuid2 *cpuid =
		g_malloc0(sizeof(*cpuid) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
	bool xsave = false;

	cpuid->nent = CPUID_ENTRIES;
	g_assert_cmpint(ioctl(fix->kvm, KVM_GET_SUPPORTED_CPUID, cpuid), ==, 0);
	g_assert_cmpint(ioctl(fix->fd, KVM_SET_CPUID2, cpuid), ==, 0);
	for (unsigned i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			xsave = cpuid->entries[i].ecx >> 26 & 1;
	return xsave;
}

static void set_long_mode(Fixture *fix, bool xsave)
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

	g_assert_cmpint(ioctl(fix->fd, KVM_GET_SREGS, &sregs), ==, 0);
	sregs.cs = code;
	sregs.ss = sregs.ds = sregs.es = sregs.fs = sregs.gs = data;
	sregs.tr = tss;
	sregs.ldt = (struct kvm_segment){.unusable = 1};
	sregs.gdt = (struct kvm_dtable){.base = GDT_AT, .limit = sizeof(gdt) - 1};
	sregs.idt = (struct kvm_dtable){.base = 0xa000, .limit = 0xfff};
	sregs.cr0 = 0x80000033;
	sregs.cr3 = PML4_AT;
	sregs.cr4 = 0x620; /* PAE OSFXSR OSXMMEXCPT */
	if (xsave)
		sregs.cr4 |= 0x40000; /* OSXSAVE */
	sregs.efer = 0x500;	      /* LME LMA */
	g_assert_cmpint(ioctl(fix->fd, KVM_SET_SREGS, &sregs), ==, 0);
	g_assert_cmpint(ioctl(fix->fd, KVM_SET_REGS, &regs), ==, 0);
}

static void set_up(Fixture *fix, gconstpointer data)
{
	struct kvm_userspace_memory_region slot = {.memory_size = RAM_SIZE};
	g_autoptr(GError) error = NULL;

	(void)data;
	fix->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fix->kvm < 0)
		return;
	fix->vm = ioctl(fix->kvm, KVM_CREATE_VM, 0);
	g_assert_cmpint(fix->vm, >=, 0);
	g_assert_cmpint(ioctl(fix->vm, KVM_CREATE_IRQCHIP, 0), ==, 0);
	fix->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	g_assert_true(fix->ram != MAP_FAILED);
	slot.userspace_addr = (uintptr_t)fix->ram;
	g_assert_cmpint(ioctl(fix->vm, KVM_SET_USER_MEMORY_REGION, &slot), ==, 0);
	fix->fd = ioctl(fix->vm, KVM_CREATE_VCPU, 0);
	g_assert_cmpint(fix->fd, >=, 0);
	fix->run_size = ioctl(fix->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	fix->run = mmap(NULL, fix->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fix->fd, 0);
	g_assert_true(fix->run != MAP_FAILED);
	fill_ram(fix);
	fix->xsave = set_cpuid(fix);
	set_long_mode(fix, fix->xsave);
	fix->vcpu = arch_vcpu_new(fix->fd, fix->run, &error);
	g_assert_no_error(error);
	arch_set_phys_reader(fix->vcpu, read_phys, fix);
	fix->set = arch_reg_set(fix->vcpu, &error);
	g_assert_no_error(error);
}

static void tear_down(Fixture *fix, gconstpointer data)
{
	(void)data;
	if (fix->kvm < 0)
		return;
	gdb_reg_set_free(fix->set);
	arch_vcpu_free(fix->vcpu);
	munmap(fix->run, fix->run_size);
	close(fix->fd);
	close(fix->vm);
	close(fix->kvm);
	munmap(fix->ram, RAM_SIZE);
}

static bool skipped(Fixture *fix)
{
	if (fix->kvm >= 0)
		return false;
	g_autofree char *why = g_strdup_printf("/dev/kvm: %s", g_strerror(errno));
	g_test_skip(why);
	return true;
}

typedef struct Value {
	uint8_t bytes[GDB_REG_MAX_BYTES];
} Value;

static Value get(Fixture *fix, const GdbReg *reg)
{
	g_autoptr(GError) error = NULL;
	Value value = {{0}};

	arch_read_reg(fix->vcpu, reg, value.bytes, &error);
	g_assert_no_error(error);
	return value;
}

static uint64_t get64(Fixture *fix, const char *name)
{
	Value value = get(fix, gdb_reg_set_by_name(fix->set, name));
	uint64_t ret;

	memcpy(&ret, value.bytes, sizeof(ret));
	return ret;
}

static bool put(Fixture *fix, const char *name, uint64_t number, GError **error)
{
	Value value = {{0}};

	memcpy(value.bytes, &number, sizeof(number));
	return arch_write_reg(fix->vcpu, gdb_reg_set_by_name(fix->set, name), value.bytes, error);
}

static void put_ok(Fixture *fix, const char *name, uint64_t number)
{
	g_autoptr(GError) error = NULL;

	put(fix, name, number, &error);
	g_assert_no_error(error);
}

static void flush(Fixture *fix)
{
	g_autoptr(GError) error = NULL;

	arch_flush(fix->vcpu, &error);
	g_assert_no_error(error);
	arch_forget(fix->vcpu);
}

/* ---- Every row ---- */

/* Rows for which the default, the old value with every byte changed, is not legal. */
static const struct {
	const char *name;
	uint64_t value;
} legal[] = {
	{"rip", 0xffffffff81000010},
	{"eflags", 0x40cd7},
	{"cs", 0x20},
	{"ss", 0x28},
	{"ds", 0x28},
	{"es", 0},
	{"fs", 0x28},
	{"gs", 0x28},
	{"fs_base", 0x7ffff7d8a740},
	{"gs_base", 0xffff888000000000},
	{"k_gs_base", 0x7ffff7d8a740},
	{"cr0", 0x80050033},
	{"cr2", 0xffffc90000000008},
	{"cr3", PML4_COPY_AT},
	{"cr8", 5},
	{"efer", 0x501},
	{"fctrl", 0x27f},
	{"fstat", 0x3800},
	{"ftag", 0x7fff},
	{"fop", 0x123},
	{"mxcsr", 0x1fa0},
	{"dr0", 0xffffffff81000000},
	{"dr1", 0x1000},
	{"dr2", 0x2000},
	{"dr3", 0x3000},
	{"dr6", 0xffff0ff1},
	{"dr7", 0x402},
	{"cs_base", 0x1000},
	{"ss_base", 0x1000},
	{"ds_base", 0x1000},
	{"es_base", 0x1000},
	{"cs_limit", 0xfffff},
	{"ss_limit", 0x1234},
	{"ds_limit", 0xffff},
	{"es_limit", 0x12fff},
	{"fs_limit", 0xfff00fff},
	{"gs_limit", 0xffff},
	{"gdt_base", 0xfffffe0000001000},
	{"gdt_limit", 0x7f},
	{"idt_base", 0xfffffe0000000000},
	{"idt_limit", 0x7ff},
	{"tr", 0x40},
	{"tr_base", 0xfffffe0000003000},
	{"tr_limit", 0x206f},
	{"ldtr", 0x50},
	{"ldtr_base", 0xffff888000001000},
	{"ldtr_limit", 0xffff},
	{"star", 0x0023001000000000},
	{"lstar", 0xffffffff81a00000},
	{"cstar", 0xffffffff81a00010},
	{"fmask", 0x47700},
	{"sysenter_cs", 0x10},
	{"sysenter_esp", 0xfe002200},
	{"sysenter_eip", 0x81a00020},
	{"pat", 0x0407010600070106},
	{"tsc_aux", 0x1001},
	{"apic_base", 0xfee00100},
	{"xcr0", 7},
};

static Value changed_value(const GdbReg *reg, const Value *now)
{
	Value value = *now;

	if (strcmp(reg->name, "cr4") == 0) {
		value.bytes[0] ^= 0x40; /* MCE; the rest must fit the guest's CPUID */
		return value;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(legal); i++)
		if (strcmp(legal[i].name, reg->name) == 0) {
			memcpy(value.bytes, &legal[i].value, MIN(8, gdb_reg_bytes(reg)));
			return value;
		}
	for (unsigned i = 0; i < gdb_reg_bytes(reg); i++)
		value.bytes[i] ^= reg->num + i + 1;
	return value;
}

/*
 * orig_rax is not in KVM and is forgotten. The TSC runs, and KVM takes a value near the one it
 * expects for an attempt to synchronise and keeps its own.
 */
static bool comes_back(const GdbReg *reg)
{
	return reg->source != X86_FROM_ORIG_RAX && strcmp(reg->name, "tsc") != 0;
}

static void check_row(Fixture *fix, const GdbReg *reg, unsigned *failed)
{
	g_autoptr(GError) error = NULL;
	Value before = get(fix, reg), wanted = changed_value(reg, &before);

	g_assert_true(memcmp(&before, &wanted, gdb_reg_bytes(reg)) != 0 || !comes_back(reg));
	if (!arch_write_reg(fix->vcpu, reg, wanted.bytes, &error) ||
	    !arch_flush(fix->vcpu, &error)) {
		g_test_message("%s: %s", reg->name, error->message);
		g_test_fail();
		(*failed)++;
		return;
	}
	arch_forget(fix->vcpu);
	Value after = get(fix, reg);
	if (comes_back(reg) && memcmp(&after, &wanted, gdb_reg_bytes(reg)) != 0) {
		g_test_message("%s does not come back as written", reg->name);
		g_test_fail();
		(*failed)++;
	}
	arch_write_reg(fix->vcpu, reg, before.bytes, NULL);
	flush(fix);
}

/* Segments and control registers are set anew each time: some values do not go together. */
static void test_every_row(Fixture *fix, gconstpointer data)
{
	unsigned n, failed = 0;

	(void)data;
	if (skipped(fix))
		return;
	gdb_reg_set_rows(fix->set, &n);
	for (unsigned i = 0; i < n; i++) {
		check_row(fix, gdb_reg_set_rows(fix->set, &n)[i], &failed);
		set_long_mode(fix, fix->xsave);
		arch_forget(fix->vcpu);
	}
	g_test_message("%u rows, %u failed", n, failed);
}

/* What gdb does around a function call: all of g read and written back. */
static void test_write_back_all(Fixture *fix, gconstpointer data)
{
	unsigned n;

	(void)data;
	if (skipped(fix))
		return;
	const GdbReg *const *rows = gdb_reg_set_rows(fix->set, &n);
	g_autofree Value *values = g_new(Value, n);
	for (unsigned i = 0; i < n; i++)
		values[i] = get(fix, rows[i]);
	for (unsigned i = 0; i < n; i++)
		g_assert_true(arch_write_reg(fix->vcpu, rows[i], values[i].bytes, NULL));
	flush(fix);
	for (unsigned i = 0; i < n; i++) {
		Value now = get(fix, rows[i]);

		if (strcmp(rows[i]->name, "tsc") != 0)
			g_assert_cmpmem(now.bytes, gdb_reg_bytes(rows[i]), values[i].bytes,
					gdb_reg_bytes(rows[i]));
	}
}

/* ---- Refusals ---- */

static void refused(Fixture *fix, const char *name, uint64_t number)
{
	g_autoptr(GError) error = NULL;
	uint64_t before = get64(fix, name);

	if (put(fix, name, number, &error))
		g_error("%s took 0x%" G_GINT64_MODIFIER "x", name, number);
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, name));
	g_test_message("%s", error->message);
	g_assert_cmphex(get64(fix, name), ==, before);
	flush(fix);
	g_assert_cmphex(get64(fix, name), ==, before);
}

static void test_refusals(Fixture *fix, gconstpointer data)
{
	(void)data;
	if (skipped(fix))
		return;
	refused(fix, "cr4", 1u << 31);
	refused(fix, "cr4", 0); /* no long mode without PAE */
	refused(fix, "cr0", 0x80000010);
	refused(fix, "efer", 1u << 31);
	if (gdb_reg_set_by_name(fix->set, "xcr0"))
		refused(fix, "xcr0", 0);
	refused(fix, "dr7", 1ull << 32);
	refused(fix, "lstar", 1ull << 63);
	refused(fix, "cs", 0x18);
	refused(fix, "ss", 0x60);
	refused(fix, "ds", 0xfff8);
	refused(fix, "rip", 1ull << 63);
	refused(fix, "fs_base", 1ull << 63);
	refused(fix, "mxcsr", 1u << 16);
}

/* ---- Side effects of KVM's ---- */

static void queue_page_fault(Fixture *fix)
{
	struct kvm_vcpu_events events;

	g_assert_cmpint(ioctl(fix->fd, KVM_GET_VCPU_EVENTS, &events), ==, 0);
	events.exception.injected = 1;
	events.exception.nr = 14;
	events.exception.has_error_code = 1;
	events.exception.error_code = 2;
	g_assert_cmpint(ioctl(fix->fd, KVM_SET_VCPU_EVENTS, &events), ==, 0);
}

/* A register write does not lose an exception that is on its way to the guest. */
static void test_exception_survives(Fixture *fix, gconstpointer data)
{
	struct kvm_vcpu_events events;

	(void)data;
	if (skipped(fix))
		return;
	queue_page_fault(fix);
	put_ok(fix, "rax", 0x1234);
	flush(fix);
	g_assert_cmpint(ioctl(fix->fd, KVM_GET_VCPU_EVENTS, &events), ==, 0);
	g_assert_true(events.exception.injected || events.exception.pending);
	g_assert_cmpuint(events.exception.nr, ==, 14);
	g_assert_cmpuint(events.exception.error_code, ==, 2);
}

static void test_forget_drops_changes(Fixture *fix, gconstpointer data)
{
	(void)data;
	if (skipped(fix))
		return;
	put_ok(fix, "rbx", 0x55);
	put_ok(fix, "orig_rax", 59);
	g_assert_cmphex(get64(fix, "orig_rax"), ==, 59);
	arch_forget(fix->vcpu);
	g_assert_cmphex(get64(fix, "rbx"), ==, 0);
	g_assert_cmphex(get64(fix, "orig_rax"), ==, UINT64_MAX);
}

static void test_pc(Fixture *fix, gconstpointer data)
{
	uint64_t pc = 0;

	(void)data;
	if (skipped(fix))
		return;
	put_ok(fix, "cs_base", 0x1000); /* 64-bit code ignores it */
	g_assert_true(arch_get_pc(fix->vcpu, &pc, NULL));
	g_assert_cmphex(pc, ==, CODE_AT);
	fix->vcpu->sregs.cs.l = 0;
	g_assert_true(arch_get_pc(fix->vcpu, &pc, NULL));
	g_assert_cmphex(pc, ==, CODE_AT + 0x1000);
	g_assert_cmpstr(arch_run_state(fix->vcpu), ==, "running");
}

/* ---- The guest sees it ---- */

/*
 * Run @code, which ends with out. FALSE, and the test is skipped, when this KVM executes 64-bit
 * kernel code by its instruction emulator and that does not know the instruction.
 */
static bool run_code(Fixture *fix, const uint8_t *code, size_t len)
{
	memcpy(fix->ram + CODE_AT, code, len);
	flush(fix);
	g_assert_cmpint(ioctl(fix->fd, KVM_RUN, 0), ==, 0);
	arch_forget(fix->vcpu);
	if (fix->run->exit_reason == KVM_EXIT_INTERNAL_ERROR &&
	    fix->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
		g_test_skip("this KVM only emulates kernel code, and not these instructions");
		return false;
	}
	g_assert_cmpuint(fix->run->exit_reason, ==, KVM_EXIT_IO);
	g_assert_true(arch_io_pending(fix->run));
	return true;
}

static void test_guest_sees_general(Fixture *fix, gconstpointer data)
{
	static const uint8_t code[] = {
		0x48, 0x89, 0x04, 0x25, 0x00, 0x90, 0x00, 0x00, /* mov %rax, 0x9000 */
		0x49, 0xff, 0xc7,				/* inc %r15 */
		0xe6, 0x80,					/* out %al, $0x80 */
	};

	(void)data;
	if (skipped(fix))
		return;
	put_ok(fix, "rax", 0x1122334455667788);
	put_ok(fix, "r15", 0xffffffff);
	if (!run_code(fix, code, sizeof(code)))
		return;
	g_assert_cmpmem(fix->ram + DATA_AT, 8, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	g_assert_cmphex(get64(fix, "r15"), ==, 0x100000000);
}

/* fs_base in the guest's own use of it, and a selector loaded by the debugger. */
static void test_guest_sees_segment(Fixture *fix, gconstpointer data)
{
	static const uint8_t code[] = {
		0x64, 0x48, 0x89, 0x04, 0x25, 0x10, 0x00, 0x00, 0x00, /* mov %rax, %fs:0x10 */
		0x8c, 0xdb,					      /* mov %ds, %ebx */
		0xe6, 0x80,					      /* out %al, $0x80 */
	};

	(void)data;
	if (skipped(fix))
		return;
	put_ok(fix, "rax", 0x77);
	put_ok(fix, "fs_base", DATA_AT);
	put_ok(fix, "ds", 0x28);
	if (!run_code(fix, code, sizeof(code)))
		return;
	g_assert_cmphex(fix->ram[DATA_AT + 0x10], ==, 0x77);
	g_assert_cmphex(get64(fix, "rbx"), ==, 0x28);
}

static void test_guest_sees_sse(Fixture *fix, gconstpointer data)
{
	static const uint8_t code[] = {
		0x0f, 0x11, 0x0c, 0x25, 0x00, 0x90, 0x00, 0x00, /* movups %xmm1, 0x9000 */
		0x0f, 0x10, 0x1c, 0x25, 0x00, 0x90, 0x00, 0x00, /* movups 0x9000, %xmm3 */
		0xe6, 0x80,					/* out %al, $0x80 */
	};

	(void)data;
	if (skipped(fix))
		return;
	put_ok(fix, "xmm1", 0xfeedface);
	if (!run_code(fix, code, sizeof(code)))
		return;
	g_assert_cmpmem(fix->ram + DATA_AT, 8, "\xce\xfa\xed\xfe\0\0\0\0", 8);
	g_assert_cmphex(get64(fix, "xmm3"), ==, 0xfeedface);
}

static void test_guest_sees_x87(Fixture *fix, gconstpointer data)
{
	static const uint8_t code[] = {
		0xdb, 0x3c, 0x25, 0x00, 0x90, 0x00, 0x00,	/* fstpt 0x9000 */
		0xdb, 0x3c, 0x25, 0x10, 0x90, 0x00, 0x00,	/* fstpt 0x9010 */
		0x0f, 0xae, 0x1c, 0x25, 0x20, 0x90, 0x00, 0x00, /* stmxcsr 0x9020 */
		0xe6, 0x80,					/* out %al, $0x80 */
	};
	static const uint8_t one[16] = {[7] = 0x80, [8] = 0xff, [9] = 0x3f};
	static const uint8_t two[16] = {[7] = 0x80, [8] = 0x00, [9] = 0x40};

	(void)data;
	if (skipped(fix))
		return;
	put_ok(fix, "fstat", 6 << 11);
	put_ok(fix, "ftag", 0x0fff);
	g_assert_true(arch_write_reg(fix->vcpu, gdb_reg_set_by_name(fix->set, "st0"), one, NULL));
	g_assert_true(arch_write_reg(fix->vcpu, gdb_reg_set_by_name(fix->set, "st1"), two, NULL));
	put_ok(fix, "mxcsr", 0x1fc0);
	if (!run_code(fix, code, sizeof(code)))
		return;
	g_assert_cmpmem(fix->ram + DATA_AT, 10, one, 10);
	g_assert_cmpmem(fix->ram + DATA_AT + 0x10, 10, two, 10);
	g_assert_cmpmem(fix->ram + DATA_AT + 0x20, 4, "\xc0\x1f\0\0", 4);
	/* Both values were popped. */
	g_assert_cmphex(get64(fix, "ftag"), ==, 0xffff);
	g_assert_cmphex(get64(fix, "fstat") >> 11 & 7, ==, 0);
}

/* The upper half that gdb writes as ymm2h is the guest's. */
static void test_guest_sees_avx(Fixture *fix, gconstpointer data)
{
	static const uint8_t code[] = {
		0xc5, 0xfc, 0x11, 0x14, 0x25, 0x00, 0x90, 0x00, 0x00, /* vmovups %ymm2, 0x9000 */
		0xc5, 0xe8, 0x57, 0xd2,				      /* vxorps %xmm2, ... */
		0xe6, 0x80,					      /* out %al, $0x80 */
	};

	(void)data;
	if (skipped(fix))
		return;
	if (!gdb_reg_set_by_name(fix->set, "ymm2h")) {
		g_test_skip("no AVX here");
		return;
	}
	put_ok(fix, "xcr0", 7);
	put_ok(fix, "xmm2", 0x1111);
	put_ok(fix, "ymm2h", 0x2222);
	if (!run_code(fix, code, sizeof(code)))
		return;
	g_assert_cmphex(fix->ram[DATA_AT] | fix->ram[DATA_AT + 1] << 8, ==, 0x1111);
	g_assert_cmphex(fix->ram[DATA_AT + 16] | fix->ram[DATA_AT + 17] << 8, ==, 0x2222);
	/* Now absent in XSTATE_BV, or present and zero: both read as zero. */
	g_assert_cmphex(get64(fix, "ymm2h"), ==, 0);
}

#define ADD(name, function)                                                                        \
	g_test_add("/kvm-x86-regs/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("every-row", test_every_row);
	ADD("write-back-all", test_write_back_all);
	ADD("refusals", test_refusals);
	ADD("exception-survives", test_exception_survives);
	ADD("forget-drops-changes", test_forget_drops_changes);
	ADD("pc", test_pc);
	ADD("guest-sees-general", test_guest_sees_general);
	ADD("guest-sees-segment", test_guest_sees_segment);
	ADD("guest-sees-sse", test_guest_sees_sse);
	ADD("guest-sees-x87", test_guest_sees_x87);
	ADD("guest-sees-avx", test_guest_sees_avx);
	return g_test_run();
}

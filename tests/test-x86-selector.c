/*
 * Tests of x86/kvm/selector.h: what loading a selector makes of a segment register.
 * Guest memory is a page at physical 0x1000 that holds the GDT and the LDT.
 */
#include <linux/kvm.h>
#include <string.h>

#include "x86/kvm/selector.h"

#define PAGE_AT 0x1000
#define GDT_AT 0x1000
#define LDT_AT 0x1800
#define REG(name) offsetof(struct kvm_sregs2, name)

typedef struct Fixture {
	ArchVcpu vcpu;
	uint64_t page[512];
} Fixture;

static bool read_phys(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	Fixture *fix = opaque;

	if (gpa < PAGE_AT || gpa - PAGE_AT > sizeof(fix->page) - len)
		return false;
	memcpy(buf, (uint8_t *)fix->page + (gpa - PAGE_AT), len);
	return true;
}

/* Protected mode without paging, as a boot loader is in. */
static void set_up(Fixture *fix, gconstpointer data)
{
	static const uint64_t gdt[] = {
		0,
		0x00cf9a000000ffff, /* 08: code */
		0x00cf92000000ffff, /* 10: data */
		0x0041f2abcdef2345, /* 18: data, DPL 3, base 0xabcdef, limit 0x12345 */
		0x00cf12000000ffff, /* 20: not present */
		0x0000890030000067, /* 28: TSS at 0x3000 */
		0x0000000012345678, /* 30: its upper half in long mode */
		0x0000820018000fff, /* 38: LDT at 0x1800 */
		0,
		0x00af9a000000ffff, /* 48: 64-bit code */
		0x00cffa000000ffff, /* 50: code, DPL 3 */
		0x00cf9e000000ffff, /* 58: conforming code */
		0x00cffe000000ffff, /* 60: conforming code, DPL 3 */
	};

	(void)data;
	memcpy(fix->page, gdt, sizeof(gdt));
	fix->page[(LDT_AT - PAGE_AT) / 8 + 1] = 0x00cff2000000ffff;
	fix->vcpu.fd = -1;
	fix->vcpu.valid = (1u << X86_N_GROUPS) - 1;
	fix->vcpu.sregs.cr0 = 0x11;
	fix->vcpu.sregs.gdt.base = GDT_AT;
	fix->vcpu.sregs.gdt.limit = sizeof(gdt) - 1;
	fix->vcpu.sregs.ldt.unusable = 1;
	arch_set_phys_reader(&fix->vcpu, read_phys, fix);
}

static void tear_down(Fixture *fix, gconstpointer data)
{
	(void)fix, (void)data;
}

static struct kvm_segment load(Fixture *fix, size_t reg, uint16_t selector)
{
	g_autoptr(GError) error = NULL;
	struct kvm_segment segment = {0};

	x86_load_selector(&fix->vcpu, reg, selector, &segment, &error);
	g_assert_no_error(error);
	g_assert_cmphex(segment.selector, ==, selector);
	return segment;
}

static void load_fails(Fixture *fix, size_t reg, uint16_t selector, int code, const char *why)
{
	g_autoptr(GError) error = NULL;
	struct kvm_segment segment = {.base = 0x77};

	g_assert_false(x86_load_selector(&fix->vcpu, reg, selector, &segment, &error));
	g_assert_error(error, GDB_ERROR, code);
	if (!strstr(error->message, why))
		g_error("\"%s\" does not say \"%s\"", error->message, why);
	g_assert_cmphex(segment.base, ==, 0x77);
}

static void test_data(Fixture *fix, gconstpointer data)
{
	struct kvm_segment segment = load(fix, REG(ds), 0x1b);

	(void)data;
	g_assert_cmphex(segment.base, ==, 0xabcdef);
	g_assert_cmphex(segment.limit, ==, 0x12345);
	g_assert_cmphex(segment.type, ==, 3); /* accessed */
	g_assert_cmpuint(segment.dpl, ==, 3);
	g_assert_true(segment.present && segment.s && segment.db && !segment.g);
	g_assert_false(segment.unusable);
	load_fails(fix, REG(es), 0x20, GDB_ERROR_INVAL, "not present");
	load_fails(fix, REG(fs), 0x28, GDB_ERROR_INVAL, "system segment");
}

static void test_code_and_stack(Fixture *fix, gconstpointer data)
{
	struct kvm_segment segment = load(fix, REG(cs), 0x08);

	(void)data;
	g_assert_cmphex(segment.type, ==, 0xb);
	g_assert_cmphex(segment.limit, ==, 0xffffffff);
	g_assert_true(segment.db && segment.g && !segment.l);
	segment = load(fix, REG(cs), 0x48);
	g_assert_true(segment.l && !segment.db);
	load_fails(fix, REG(cs), 0x10, GDB_ERROR_INVAL, "not code");
	load_fails(fix, REG(ss), 0x08, GDB_ERROR_INVAL, "not writable");
	segment = load(fix, REG(ss), 0x10);
	g_assert_cmphex(segment.type, ==, 3);
}

/* KVM takes the CPL from ss; VMX does not enter a guest whose cs says another. */
static void test_level(Fixture *fix, gconstpointer data)
{
	(void)data;
	load_fails(fix, REG(cs), 0x53, GDB_ERROR_INVAL, "set $ss first");
	load_fails(fix, REG(cs), 0x63, GDB_ERROR_INVAL, "level 3");
	g_assert_cmpuint(load(fix, REG(cs), 0x58).dpl, ==, 0);
	fix->vcpu.sregs.ss.dpl = 3;
	g_assert_cmpuint(load(fix, REG(cs), 0x53).dpl, ==, 3);
	g_assert_cmpuint(load(fix, REG(cs), 0x58).dpl, ==, 0);
	g_assert_cmpuint(load(fix, REG(cs), 0x63).dpl, ==, 3);
	load_fails(fix, REG(cs), 0x08, GDB_ERROR_INVAL, "level 0");
}

static void test_table_limits(Fixture *fix, gconstpointer data)
{
	(void)data;
	load_fails(fix, REG(ds), 0x68, GDB_ERROR_INVAL, "limit of the GDT");
	load_fails(fix, REG(ds), 0xfff8, GDB_ERROR_INVAL, "limit of the GDT");
	fix->vcpu.sregs.gdt.limit = 0x16; /* one byte short */
	load_fails(fix, REG(ds), 0x10, GDB_ERROR_INVAL, "limit of the GDT");
	fix->vcpu.sregs.gdt.limit = 0xffff;
	load_fails(fix, REG(ds), 0xfff8, GDB_ERROR_FAULT, "RAM");
	arch_set_phys_reader(&fix->vcpu, NULL, NULL);
	load_fails(fix, REG(ds), 0x10, GDB_ERROR_IO, "guest memory");
}

static void test_ldt(Fixture *fix, gconstpointer data)
{
	(void)data;
	load_fails(fix, REG(ds), 0x0f, GDB_ERROR_INVAL, "no LDT");
	fix->vcpu.sregs.ldt = load(fix, REG(ldt), 0x38);
	g_assert_cmphex(fix->vcpu.sregs.ldt.base, ==, LDT_AT);
	g_assert_cmphex(fix->vcpu.sregs.ldt.limit, ==, 0xfff);
	g_assert_cmpuint(load(fix, REG(ds), 0x0f).dpl, ==, 3);
	load_fails(fix, REG(ds), 0x1007, GDB_ERROR_INVAL, "limit of the LDT");
	load_fails(fix, REG(tr), 0x0f, GDB_ERROR_INVAL, "GDT");
	load_fails(fix, REG(ldt), 0x28, GDB_ERROR_INVAL, "not an LDT");
	g_assert_true(load(fix, REG(ldt), 0).unusable);
}

static void test_tss(Fixture *fix, gconstpointer data)
{
	struct kvm_segment segment = load(fix, REG(tr), 0x28);

	(void)data;
	g_assert_cmphex(segment.base, ==, 0x3000);
	g_assert_cmphex(segment.type, ==, 11); /* busy */
	g_assert_false(segment.s);
	load_fails(fix, REG(tr), 0, GDB_ERROR_INVAL, "null");
	load_fails(fix, REG(tr), 0x10, GDB_ERROR_INVAL, "not a system segment");
}

/* In long mode with 4-level paging: page tables in the page that also holds the GDT. */
static void test_long_mode(Fixture *fix, gconstpointer data)
{
	struct kvm_sregs2 *sregs = &fix->vcpu.sregs;

	(void)data;
	/* One page serves as all four levels: entry 256 leads back to itself. */
	fix->page[256] = PAGE_AT | 3;
	sregs->cr0 = 0x80000011;
	sregs->cr4 = 0x20;
	sregs->cr3 = PAGE_AT;
	sregs->efer = 0xd00;
	sregs->cs.l = 1;
	sregs->gdt.base = 0xffff804020100000;
	struct kvm_segment segment = load(fix, REG(tr), 0x28);
	g_assert_cmphex(segment.base, ==, 0x1234567800003000);
	g_assert_cmphex(load(fix, REG(cs), 0x48).limit, ==, 0xffffffff);
	segment = load(fix, REG(ss), 0);
	g_assert_true(segment.unusable);
	load_fails(fix, REG(ss), 3, GDB_ERROR_INVAL, "null");
	load_fails(fix, REG(cs), 0, GDB_ERROR_INVAL, "null");
	g_assert_true(load(fix, REG(fs), 3).unusable);
	sregs->gdt.base = 0xffff804020400000;
	load_fails(fix, REG(cs), 0x48, GDB_ERROR_FAULT, "not mapped");
}

static void test_null_outside_long_mode(Fixture *fix, gconstpointer data)
{
	(void)data;
	g_assert_true(load(fix, REG(gs), 0).unusable);
	load_fails(fix, REG(ss), 0, GDB_ERROR_INVAL, "null");
}

static void test_real_mode(Fixture *fix, gconstpointer data)
{
	struct kvm_segment segment;

	(void)data;
	fix->vcpu.sregs.cr0 = 0x10;
	fix->vcpu.sregs.cs = (struct kvm_segment){.limit = 0xffff, .type = 11, .present = 1};
	segment = load(fix, REG(cs), 0xf000);
	g_assert_cmphex(segment.base, ==, 0xf0000);
	g_assert_cmphex(segment.limit, ==, 0xffff);
	g_assert_cmphex(segment.type, ==, 11);
	/* "Unreal" mode: a limit from an earlier visit to protected mode stays. */
	fix->vcpu.sregs.ds.limit = 0xffffffff;
	g_assert_cmphex(load(fix, REG(ds), 0).limit, ==, 0xffffffff);
	load_fails(fix, REG(tr), 0x28, GDB_ERROR_INVAL, "real mode");
}

static void test_vm86(Fixture *fix, gconstpointer data)
{
	struct kvm_segment segment;

	(void)data;
	fix->vcpu.regs.rflags = 1 << 17 | 2;
	segment = load(fix, REG(ss), 0x1234);
	g_assert_cmphex(segment.base, ==, 0x12340);
	g_assert_cmphex(segment.limit, ==, 0xffff);
	g_assert_cmpuint(segment.dpl, ==, 3);
	g_assert_cmphex(segment.type, ==, 3);
	g_assert_cmphex(load(fix, REG(tr), 0x28).base, ==, 0x3000);
}

#define ADD(name, function)                                                                        \
	g_test_add("/x86-selector/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("data", test_data);
	ADD("code-and-stack", test_code_and_stack);
	ADD("level", test_level);
	ADD("table-limits", test_table_limits);
	ADD("ldt", test_ldt);
	ADD("tss", test_tss);
	ADD("long-mode", test_long_mode);
	ADD("null-outside-long-mode", test_null_outside_long_mode);
	ADD("real-mode", test_real_mode);
	ADD("vm86", test_vm86);
	return g_test_run();
}

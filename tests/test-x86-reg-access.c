/*
 * Tests of reading and writing x86 registers in the cache; no KVM is used:
 * all groups are marked valid, and the vCPU's descriptor is not one.
 */
#include <linux/kvm.h>
#include <string.h>

#include "x86/cpu/bits.h"
#include "x86/kvm/own.h"
#include "x86/kvm/reg-access.h"

#define HAS_ALL (X86_HAS_XSAVE | X86_HAS_AVX | X86_HAS_AVX512 | X86_HAS_PKEYS)
#define EFER_LMA X86_EFER_LMA

static const X86XsaveLayout layout = {
	.offset = {[X86_XC_AVX] = 576,
		   [X86_XC_OPMASK] = 832,
		   [X86_XC_ZMM_HI256] = 896,
		   [X86_XC_HI16_ZMM] = 1408,
		   [X86_XC_PKRU] = 2432},
	.size = {[X86_XC_X87] = 512,
		 [X86_XC_SSE] = 512,
		 [X86_XC_AVX] = 256,
		 [X86_XC_OPMASK] = 64,
		 [X86_XC_ZMM_HI256] = 512,
		 [X86_XC_HI16_ZMM] = 1024,
		 [X86_XC_PKRU] = 8},
};

typedef struct Fixture {
	ArchVcpu vcpu;
	uint8_t xsave[4096];
	GdbRegSet *set;
} Fixture;

/* A stopped 64-bit kernel. */
static void set_up(Fixture *fix, gconstpointer data)
{
	ArchVcpu *vcpu = &fix->vcpu;

	(void)data;
	vcpu->fd = -1;
	vcpu->valid = (1u << X86_N_GROUPS) - 1;
	vcpu->xsave = fix->xsave;
	vcpu->xsave_size = sizeof(fix->xsave);
	vcpu->xsave_layout = layout;
	vcpu->orig_rax = UINT64_MAX;
	vcpu->sregs.efer = EFER_LMA;
	vcpu->sregs.cs.l = 1;
	vcpu->sregs.cr0 = 0x80050033;
	vcpu->regs.rflags = 2;
	vcpu->xcrs.nr_xcrs = 1;
	for (unsigned i = 0; i < X86_N_MSRS; i++)
		vcpu->msrs[i].present = true;
	fix->set = x86_reg_set_new(HAS_ALL, vcpu->msrs);
}

static void tear_down(Fixture *fix, gconstpointer data)
{
	(void)data;
	gdb_reg_set_free(fix->set);
}

static const GdbReg *row(Fixture *fix, const char *name)
{
	const GdbReg *reg = gdb_reg_set_by_name(fix->set, name);

	g_assert_nonnull(reg);
	return reg;
}

static uint64_t get(Fixture *fix, const char *name)
{
	uint8_t buf[GDB_REG_MAX_BYTES] = {0};
	uint64_t value;

	g_assert_true(arch_read_reg(&fix->vcpu, row(fix, name), buf, NULL));
	memcpy(&value, buf, sizeof(value));
	return value;
}

static bool put(Fixture *fix, const char *name, uint64_t value, GError **error)
{
	uint8_t buf[GDB_REG_MAX_BYTES] = {0};

	memcpy(buf, &value, sizeof(value));
	return arch_write_reg(&fix->vcpu, row(fix, name), buf, error);
}

static void put_ok(Fixture *fix, const char *name, uint64_t value)
{
	g_autoptr(GError) error = NULL;

	put(fix, name, value, &error);
	g_assert_no_error(error);
}

/* The write fails with @code, says @why, and leaves every byte of the cache as it was. */
static void put_fails(Fixture *fix, const char *name, uint64_t value, int code, const char *why)
{
	g_autoptr(GError) error = NULL;
	g_autofree ArchVcpu *before = g_memdup2(&fix->vcpu, sizeof(fix->vcpu));

	g_assert_false(put(fix, name, value, &error));
	g_assert_error(error, GDB_ERROR, code);
	if (!strstr(error->message, why))
		g_error("\"%s\" does not say \"%s\"", error->message, why);
	g_assert_cmpmem(&fix->vcpu, sizeof(fix->vcpu), before, sizeof(*before));
}

/* ---- Reading and writing ---- */

static bool waits_for_flush(const GdbReg *reg)
{
	return reg->source == X86_FROM_REGS || reg->source == X86_FROM_X87_HALF ||
	       reg->source == X86_FROM_XSAVE || reg->source == X86_FROM_ORIG_RAX;
}

/* Every cached row keeps what is written, and no other row changes with it. */
static void test_each_row_alone(Fixture *fix, gconstpointer data)
{
	unsigned n;
	const GdbReg *const *rows = gdb_reg_set_rows(fix->set, &n);
	uint8_t wanted[210][32] = {{0}}, buf[32];

	(void)data;
	for (unsigned i = 0; i < n; i++) {
		g_assert_cmpuint(gdb_reg_bytes(rows[i]), <=, sizeof(buf));
		for (unsigned k = 0; k < gdb_reg_bytes(rows[i]); k++)
			wanted[i][k] = rows[i]->num + k;
		/* Not every value is legal in these: */
		if (rows[i]->num == X86_NUM_RIP)
			memset(wanted[i] + 6, 0, 2);
		if (rows[i]->num == X86_NUM_EFLAGS)
			memcpy(wanted[i], "\x46\x02\x00\x00", 4);
		if (strcmp(rows[i]->name, "mxcsr") == 0)
			memcpy(wanted[i], "\xa0\x1f\x00\x00", 4);
		if (waits_for_flush(rows[i]))
			g_assert_true(arch_write_reg(&fix->vcpu, rows[i], wanted[i], NULL));
	}
	for (unsigned i = 0; i < n; i++) {
		if (!waits_for_flush(rows[i]))
			continue;
		g_assert_true(arch_read_reg(&fix->vcpu, rows[i], buf, NULL));
		g_assert_cmpmem(buf, gdb_reg_bytes(rows[i]), wanted[i], gdb_reg_bytes(rows[i]));
	}
	g_assert_cmphex(fix->vcpu.dirty, ==, 1u << X86_REGS | 1u << X86_XSAVE);
}

static void test_values_by_name(Fixture *fix, gconstpointer data)
{
	ArchVcpu *vcpu = &fix->vcpu;

	(void)data;
	vcpu->regs.rbx = 0x1122334455667788;
	vcpu->regs.rflags = 0x246;
	vcpu->sregs.ss.selector = 0xfff8;
	vcpu->sregs.fs.base = 0x7f0000001000;
	vcpu->sregs.ds.limit = 0xffffffff;
	vcpu->sregs.ldt.selector = 0x40;
	vcpu->sregs.gdt.limit = 0x7f;
	vcpu->sregs.idt.base = 0xfffffe0000000000;
	vcpu->debugregs.db[3] = 0xdb3;
	vcpu->xcrs.xcrs[0].value = 0xe7;
	for (unsigned i = 0; i < X86_N_MSRS; i++)
		vcpu->msrs[i].value = 0x1000 + x86_msr_index[i];
	g_assert_cmphex(get(fix, "rbx"), ==, 0x1122334455667788);
	g_assert_cmphex(get(fix, "eflags"), ==, 0x246);
	g_assert_cmphex(get(fix, "ss"), ==, 0xfff8);
	g_assert_cmphex(get(fix, "fs_base"), ==, 0x7f0000001000);
	g_assert_cmphex(get(fix, "ds_limit"), ==, 0xffffffff);
	g_assert_cmphex(get(fix, "ldtr"), ==, 0x40);
	g_assert_cmphex(get(fix, "gdt_limit"), ==, 0x7f);
	g_assert_cmphex(get(fix, "idt_base"), ==, 0xfffffe0000000000);
	g_assert_cmphex(get(fix, "dr3"), ==, 0xdb3);
	g_assert_cmphex(get(fix, "xcr0"), ==, 0xe7);
	g_assert_cmphex(get(fix, "lstar"), ==, 0xc0001082);
	g_assert_cmphex(get(fix, "k_gs_base"), ==, 0xc0001102);
	g_assert_cmphex(get(fix, "pat"), ==, 0x1277);
	g_assert_cmphex(get(fix, "orig_rax"), ==, UINT64_MAX);
}

static void test_eflags(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_ok(fix, "eflags", 0xfffdffff); /* all but VM */
	g_assert_cmphex(get(fix, "eflags"), ==, 0x3d7fd7);
	put_ok(fix, "eflags", 0);
	g_assert_cmphex(get(fix, "eflags"), ==, 2);
	put_fails(fix, "eflags", 1 << 17, GDB_ERROR_INVAL, "long mode");
	fix->vcpu.sregs.efer = 0;
	put_ok(fix, "eflags", 1 << 17 | 2);
}

static void test_rip(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_ok(fix, "rip", 0xffffffff81000000);
	put_fails(fix, "rip", 0x800000000000, GDB_ERROR_INVAL, "canonical");
	put_fails(fix, "rip", 0xffff000000000000, GDB_ERROR_INVAL, "canonical");
	fix->vcpu.sregs.cr4 = 1 << 12; /* LA57 */
	put_ok(fix, "rip", 0xffff000000000000);
	put_fails(fix, "rip", 0x100000000000000, GDB_ERROR_INVAL, "canonical");
	fix->vcpu.sregs.cs.l = 0;
	put_fails(fix, "rip", 0x100000000, GDB_ERROR_INVAL, "64-bit mode");
	put_ok(fix, "rip", 0xfffffff0);
}

static void test_mxcsr(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_ok(fix, "mxcsr", 0xffff);
	put_fails(fix, "mxcsr", 0x10000, GDB_ERROR_INVAL, "reserved");
}

static void test_vector_sets_present(Fixture *fix, gconstpointer data)
{
	static const struct {
		const char *name;
		unsigned component;
	} cases[] = {
		{"st3", X86_XC_X87},	     {"fctrl", X86_XC_X87},	 {"ftag", X86_XC_X87},
		{"xmm4", X86_XC_SSE},	     {"ymm5h", X86_XC_AVX},	 {"k1", X86_XC_OPMASK},
		{"zmm2h", X86_XC_ZMM_HI256}, {"xmm17", X86_XC_HI16_ZMM}, {"pkru", X86_XC_PKRU},
	};

	(void)data;
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		uint64_t bv = 0;

		memcpy(fix->xsave + X86_XSAVE_BV, &bv, sizeof(bv));
		fix->vcpu.dirty = 0;
		put_ok(fix, cases[i].name, 0x1235);
		memcpy(&bv, fix->xsave + X86_XSAVE_BV, sizeof(bv));
		g_assert_cmphex(bv, ==, 1ull << cases[i].component);
		g_assert_cmphex(fix->vcpu.dirty, ==, 1u << X86_XSAVE);
	}
}

/* st(0) is the top of the stack wherever TOP points; the tags go by physical register. */
static void test_x87(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_ok(fix, "fstat", 7 << 11);
	put_ok(fix, "ftag", 0x3fff);
	put_ok(fix, "st0", 0x8000000000000000);
	fix->xsave[X86_XSAVE_ST + 8] = 0xff;
	fix->xsave[X86_XSAVE_ST + 9] = 0x3f;
	g_assert_cmphex(fix->xsave[X86_XSAVE_FTW], ==, 0x80);
	g_assert_cmphex(get(fix, "ftag"), ==, 0x3fff);
	put_ok(fix, "fioff", 0x11223344);
	put_ok(fix, "fiseg", 0xffff8000);
	g_assert_cmpmem(fix->xsave + X86_XSAVE_FIP, 8, "\x44\x33\x22\x11\x00\x80\xff\xff", 8);
	/* 16-bit fields: what is above is cut, the neighbours stay. */
	put_ok(fix, "fctrl", 0xabcd037f);
	g_assert_cmphex(get(fix, "fctrl"), ==, 0x37f);
	g_assert_cmphex(get(fix, "fstat"), ==, 7 << 11);
}

static void test_no_msr(Fixture *fix, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	uint8_t buf[8];

	(void)data;
	fix->vcpu.msrs[0].present = false;
	g_assert_false(arch_read_reg(&fix->vcpu, row(fix, "k_gs_base"), buf, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOENT);
	g_assert_false(arch_write_reg(&fix->vcpu, row(fix, "k_gs_base"), buf, NULL));
}

/* A host with less: no place for the component, or the area is too short. */
static void test_no_component(Fixture *fix, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	uint8_t buf[32];

	(void)data;
	fix->vcpu.xsave_layout.size[X86_XC_AVX] = 0;
	g_assert_false(arch_read_reg(&fix->vcpu, row(fix, "ymm0h"), buf, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOENT);
	fix->vcpu.xsave_size = 2432;
	g_assert_false(arch_read_reg(&fix->vcpu, row(fix, "pkru"), buf, NULL));
	g_assert_false(arch_write_reg(&fix->vcpu, row(fix, "pkru"), buf, NULL));
}

/* Writing what is there already needs no ioctl and loads no selector. */
static void test_same_value(Fixture *fix, gconstpointer data)
{
	unsigned n;
	const GdbReg *const *rows = gdb_reg_set_rows(fix->set, &n);
	uint8_t buf[32];

	(void)data;
	fix->vcpu.sregs.fs.base = 0x1234;
	for (unsigned i = 0; i < n; i++) {
		g_assert_true(arch_read_reg(&fix->vcpu, rows[i], buf, NULL));
		g_assert_true(arch_write_reg(&fix->vcpu, rows[i], buf, NULL));
	}
	g_assert_cmphex(fix->vcpu.dirty, ==, 0);
	g_assert_cmphex(get(fix, "fs_base"), ==, 0x1234);
}

/* A refusal names the ioctl and leaves the cache as it was; descriptor -1 refuses everything. */
static void test_refusal(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_fails(fix, "cr4", 0x20, GDB_ERROR_IO, "KVM_SET_SREGS");
	put_fails(fix, "cs_limit", 0xffff, GDB_ERROR_IO, "KVM_SET_SREGS");
	put_fails(fix, "fs_base", 0x1000, GDB_ERROR_IO, "KVM_SET_SREGS");
	put_fails(fix, "dr7", 0x400, GDB_ERROR_IO, "KVM_SET_DEBUGREGS");
	put_fails(fix, "xcr0", 7, GDB_ERROR_IO, "KVM_SET_XCRS");
	put_fails(fix, "lstar", 7, GDB_ERROR_IO, "KVM_SET_MSRS");
	fix->vcpu.valid = 0;
	put_fails(fix, "rax", 7, GDB_ERROR_IO, "KVM_GET_REGS");
	put_fails(fix, "cr0", 7, GDB_ERROR_IO, "KVM_GET_SREGS");
	put_fails(fix, "dr0", 7, GDB_ERROR_IO, "KVM_GET_DEBUGREGS");
	put_fails(fix, "tsc", 7, GDB_ERROR_IO, "KVM_GET_MSRS");
	put_fails(fix, "xcr0", 7, GDB_ERROR_IO, "KVM_GET_XCRS");
	put_fails(fix, "xmm0", 7, GDB_ERROR_IO, "KVM_GET_XSAVE");
}

/* gdb restores the TSC after a function call; that must not turn the clock back. */
static void test_tsc_restored(Fixture *fix, gconstpointer data)
{
	unsigned slot = 9; /* of the TSC in x86_msr_index[] */

	(void)data;
	g_assert_cmphex(x86_msr_index[slot], ==, 0x10);
	fix->vcpu.msrs[slot].value = 1000;
	put_fails(fix, "tsc", 900, GDB_ERROR_IO, "KVM_SET_MSRS"); /* never shown: a wish */
	g_assert_cmpuint(get(fix, "tsc"), ==, 1000);
	fix->vcpu.msrs[slot].value = 5000;
	put_ok(fix, "tsc", 1000);
	g_assert_cmpuint(get(fix, "tsc"), ==, 5000);
	put_fails(fix, "tsc", 999, GDB_ERROR_IO, "KVM_SET_MSRS");
	put_fails(fix, "tsc", 5001, GDB_ERROR_IO, "KVM_SET_MSRS");
}

static void test_io_pending(void)
{
	static const struct kvm_run pending[] = {
		{.exit_reason = KVM_EXIT_IO},	     {.exit_reason = KVM_EXIT_MMIO},
		{.exit_reason = KVM_EXIT_HYPERCALL}, {.exit_reason = KVM_EXIT_X86_RDMSR},
		{.exit_reason = KVM_EXIT_X86_WRMSR},
	};
	static const struct kvm_run done[] = {
		{.exit_reason = KVM_EXIT_DEBUG},   {.exit_reason = KVM_EXIT_INTR},
		{.exit_reason = KVM_EXIT_HLT},	   {.exit_reason = KVM_EXIT_SHUTDOWN},
		{.exit_reason = KVM_EXIT_UNKNOWN},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(pending); i++)
		g_assert_true(arch_io_pending(&pending[i]));
	for (unsigned i = 0; i < G_N_ELEMENTS(done); i++)
		g_assert_false(arch_io_pending(&done[i]));
}

/* What KVM takes but the CPU would not run with. */
static void test_illegal_bases(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_fails(fix, "fs_base", 1ull << 47, GDB_ERROR_INVAL, "canonical");
	put_fails(fix, "gdt_base", 1ull << 63, GDB_ERROR_INVAL, "canonical");
	put_fails(fix, "tr_base", 1ull << 48, GDB_ERROR_INVAL, "canonical");
	put_fails(fix, "ds_base", 1ull << 32, GDB_ERROR_INVAL, "32 bits");
	put_fails(fix, "cs_limit", 0x100000, GDB_ERROR_INVAL, "0xfff");
	put_fails(fix, "ss", 0x10000, GDB_ERROR_INVAL, "16 bits");
}

/* The part of a #DB at @pc with BS that is the guest's. */
static uint64_t step_trap(ArchVcpu *vcpu, bool stepping, uint64_t pc)
{
	const struct kvm_debug_exit_arch exit = {.exception = 1, .pc = pc, .dr6 = X86_DR6_BS};

	vcpu->own.is_hidden = stepping;
	return x86_own_find_cause(vcpu, &exit) & X86_DR6_CAUSES;
}

/* VMX after a step over an access to a debug register: the CPU tells of it, too. */
static void test_step_told_again(Fixture *fix, gconstpointer data)
{
	ArchVcpu *vcpu = &fix->vcpu;

	(void)data;
	g_assert_cmphex(step_trap(vcpu, true, 0x1000), ==, 0);
	g_assert_cmphex(step_trap(vcpu, false, 0x1000), ==, 0);
	/* Once; elsewhere it is the guest's, and so it is where the guest has TF set. */
	g_assert_cmphex(step_trap(vcpu, false, 0x1000), ==, X86_DR6_BS);
	g_assert_cmphex(step_trap(vcpu, true, 0x1000), ==, 0);
	g_assert_cmphex(step_trap(vcpu, false, 0x1001), ==, X86_DR6_BS);
	g_assert_cmphex(step_trap(vcpu, true, 0x1000), ==, 0);
	vcpu->regs.rflags |= X86_RFLAGS_TF;
	g_assert_cmphex(step_trap(vcpu, false, 0x1000), ==, X86_DR6_BS);
}

#define ADD(name, function)                                                                        \
	g_test_add("/x86-regs/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("each-row-alone", test_each_row_alone);
	ADD("values-by-name", test_values_by_name);
	ADD("eflags", test_eflags);
	ADD("rip", test_rip);
	ADD("mxcsr", test_mxcsr);
	ADD("vector-sets-present", test_vector_sets_present);
	ADD("x87", test_x87);
	ADD("no-component", test_no_component);
	ADD("no-msr", test_no_msr);
	ADD("same-value", test_same_value);
	ADD("refusal", test_refusal);
	ADD("illegal-bases", test_illegal_bases);
	ADD("tsc-restored", test_tsc_restored);
	ADD("step-told-again", test_step_told_again);
	g_test_add_func("/x86-regs/io-pending", test_io_pending);
	return g_test_run();
}

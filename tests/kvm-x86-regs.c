/*
 * tests/kvm-x86-regs.c - the x86 registers against a real KVM: every row is read, changed, and
 * found changed again; refusals leave everything as it was.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "tests/x86-regs-rig.h"

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

static RegsValue changed_value(const GdbReg *reg, const RegsValue *now)
{
	RegsValue value = *now;

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

static void check_row(RegsRig *rig, const GdbReg *reg, unsigned *failed)
{
	g_autoptr(GError) error = NULL;
	RegsValue before = regs_get(rig, reg), wanted = changed_value(reg, &before);

	g_assert_true(memcmp(&before, &wanted, gdb_reg_bytes(reg)) != 0 || !comes_back(reg));
	if (!arch_write_reg(rig->vcpu, reg, wanted.bytes, &error) ||
	    !arch_flush(rig->vcpu, &error)) {
		g_test_message("%s: %s", reg->name, error->message);
		g_test_fail();
		(*failed)++;
		return;
	}
	arch_forget(rig->vcpu);
	RegsValue after = regs_get(rig, reg);
	if (comes_back(reg) && memcmp(&after, &wanted, gdb_reg_bytes(reg)) != 0) {
		g_test_message("%s does not come back as written", reg->name);
		g_test_fail();
		(*failed)++;
	}
	arch_write_reg(rig->vcpu, reg, before.bytes, NULL);
	regs_flush(rig);
}

/* Segments and control registers are set anew each time: some values do not go together. */
static void test_every_row(RegsRig *rig, gconstpointer data)
{
	unsigned n, failed = 0;

	(void)data;
	if (regs_skipped(rig))
		return;
	gdb_reg_set_rows(rig->set, &n);
	for (unsigned i = 0; i < n; i++) {
		check_row(rig, gdb_reg_set_rows(rig->set, &n)[i], &failed);
		regs_reset(rig);
		arch_forget(rig->vcpu);
	}
	g_test_message("%u rows, %u failed", n, failed);
}

/* What gdb does around a function call: all of g read and written back. */
static void test_write_back_all(RegsRig *rig, gconstpointer data)
{
	unsigned n;

	(void)data;
	if (regs_skipped(rig))
		return;
	const GdbReg *const *rows = gdb_reg_set_rows(rig->set, &n);
	g_autofree RegsValue *values = g_new(RegsValue, n);
	for (unsigned i = 0; i < n; i++)
		values[i] = regs_get(rig, rows[i]);
	for (unsigned i = 0; i < n; i++)
		g_assert_true(arch_write_reg(rig->vcpu, rows[i], values[i].bytes, NULL));
	regs_flush(rig);
	for (unsigned i = 0; i < n; i++) {
		RegsValue now = regs_get(rig, rows[i]);

		if (strcmp(rows[i]->name, "tsc") != 0)
			g_assert_cmpmem(now.bytes, gdb_reg_bytes(rows[i]), values[i].bytes,
					gdb_reg_bytes(rows[i]));
	}
}

/* ---- Refusals ---- */

static void refused(RegsRig *rig, const char *name, uint64_t number)
{
	g_autoptr(GError) error = NULL;
	uint64_t before = regs_get64(rig, name);

	if (regs_put(rig, name, number, &error))
		g_error("%s took 0x%" G_GINT64_MODIFIER "x", name, number);
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, name));
	g_test_message("%s", error->message);
	g_assert_cmphex(regs_get64(rig, name), ==, before);
	regs_flush(rig);
	g_assert_cmphex(regs_get64(rig, name), ==, before);
}

static void test_refusals(RegsRig *rig, gconstpointer data)
{
	(void)data;
	if (regs_skipped(rig))
		return;
	refused(rig, "cr4", 1u << 31);
	refused(rig, "cr4", 0); /* no long mode without PAE */
	refused(rig, "cr0", 0x80000010);
	refused(rig, "efer", 1u << 31);
	if (gdb_reg_set_by_name(rig->set, "xcr0"))
		refused(rig, "xcr0", 0);
	refused(rig, "dr7", 1ull << 32);
	refused(rig, "lstar", 1ull << 63);
	refused(rig, "cs", 0x18);
	refused(rig, "ss", 0x60);
	refused(rig, "ds", 0xfff8);
	refused(rig, "rip", 1ull << 63);
	refused(rig, "fs_base", 1ull << 63);
	refused(rig, "mxcsr", 1u << 16);
}

/* ---- Side effects of KVM's ---- */

static void queue_page_fault(RegsRig *rig)
{
	struct kvm_vcpu_events events;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_VCPU_EVENTS, &events), ==, 0);
	events.exception.injected = 1;
	events.exception.nr = 14;
	events.exception.has_error_code = 1;
	events.exception.error_code = 2;
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_VCPU_EVENTS, &events), ==, 0);
}

/* A register write does not lose an exception that is on its way to the guest. */
static void test_exception_survives(RegsRig *rig, gconstpointer data)
{
	struct kvm_vcpu_events events;

	(void)data;
	if (regs_skipped(rig))
		return;
	queue_page_fault(rig);
	regs_put_ok(rig, "rax", 0x1234);
	regs_flush(rig);
	g_assert_cmpint(ioctl(rig->fd, KVM_GET_VCPU_EVENTS, &events), ==, 0);
	g_assert_true(events.exception.injected || events.exception.pending);
	g_assert_cmpuint(events.exception.nr, ==, 14);
	g_assert_cmpuint(events.exception.error_code, ==, 2);
}

static void test_forget_drops_changes(RegsRig *rig, gconstpointer data)
{
	(void)data;
	if (regs_skipped(rig))
		return;
	regs_put_ok(rig, "rbx", 0x55);
	regs_put_ok(rig, "orig_rax", 59);
	g_assert_cmphex(regs_get64(rig, "orig_rax"), ==, 59);
	arch_forget(rig->vcpu);
	g_assert_cmphex(regs_get64(rig, "rbx"), ==, 0);
	g_assert_cmphex(regs_get64(rig, "orig_rax"), ==, UINT64_MAX);
}

static void test_pc(RegsRig *rig, gconstpointer data)
{
	uint64_t pc = 0;

	(void)data;
	if (regs_skipped(rig))
		return;
	regs_put_ok(rig, "cs_base", 0x1000); /* 64-bit code ignores it */
	g_assert_true(arch_get_pc(rig->vcpu, &pc, NULL));
	g_assert_cmphex(pc, ==, CODE_AT);
	rig->vcpu->sregs.cs.l = 0;
	g_assert_true(arch_get_pc(rig->vcpu, &pc, NULL));
	g_assert_cmphex(pc, ==, CODE_AT + 0x1000);
	g_assert_cmpstr(arch_run_state(rig->vcpu), ==, "running");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	REGS_ADD("every-row", test_every_row);
	REGS_ADD("write-back-all", test_write_back_all);
	REGS_ADD("refusals", test_refusals);
	REGS_ADD("exception-survives", test_exception_survives);
	REGS_ADD("forget-drops-changes", test_forget_drops_changes);
	REGS_ADD("pc", test_pc);
	return g_test_run();
}

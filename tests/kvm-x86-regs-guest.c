/*
 * tests/kvm-x86-regs-guest.c - the guest itself sees what was written to its x86 registers.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "tests/x86-regs-rig.h"

/*
 * Run @code, which ends with out. FALSE, and the test is skipped, when this KVM executes 64-bit
 * kernel code by its instruction emulator and that does not know the instruction.
 */
static bool run_code(RegsRig *rig, const uint8_t *code, size_t len)
{
	memcpy(rig->ram + CODE_AT, code, len);
	regs_flush(rig);
	g_assert_cmpint(ioctl(rig->fd, KVM_RUN, 0), ==, 0);
	arch_forget(rig->vcpu);
	if (rig->run->exit_reason == KVM_EXIT_INTERNAL_ERROR &&
	    rig->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
		g_test_skip("this KVM only emulates kernel code, and not these instructions");
		return false;
	}
	g_assert_cmpuint(rig->run->exit_reason, ==, KVM_EXIT_IO);
	g_assert_true(arch_io_pending(rig->run));
	return true;
}

static void test_guest_sees_general(RegsRig *rig, gconstpointer data)
{
	static const uint8_t code[] = {
		0x48, 0x89, 0x04, 0x25, 0x00, 0x90, 0x00, 0x00, /* mov %rax, 0x9000 */
		0x49, 0xff, 0xc7,				/* inc %r15 */
		0xe6, 0x80,					/* out %al, $0x80 */
	};

	(void)data;
	if (regs_skipped(rig))
		return;
	regs_put_ok(rig, "rax", 0x1122334455667788);
	regs_put_ok(rig, "r15", 0xffffffff);
	if (!run_code(rig, code, sizeof(code)))
		return;
	g_assert_cmpmem(rig->ram + DATA_AT, 8, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	g_assert_cmphex(regs_get64(rig, "r15"), ==, 0x100000000);
}

/* fs_base in the guest's own use of it, and a selector loaded by the debugger. */
static void test_guest_sees_segment(RegsRig *rig, gconstpointer data)
{
	static const uint8_t code[] = {
		0x64, 0x48, 0x89, 0x04, 0x25, 0x10, 0x00, 0x00, 0x00, /* mov %rax, %fs:0x10 */
		0x8c, 0xdb,					      /* mov %ds, %ebx */
		0xe6, 0x80,					      /* out %al, $0x80 */
	};

	(void)data;
	if (regs_skipped(rig))
		return;
	regs_put_ok(rig, "rax", 0x77);
	regs_put_ok(rig, "fs_base", DATA_AT);
	regs_put_ok(rig, "ds", 0x28);
	if (!run_code(rig, code, sizeof(code)))
		return;
	g_assert_cmphex(rig->ram[DATA_AT + 0x10], ==, 0x77);
	g_assert_cmphex(regs_get64(rig, "rbx"), ==, 0x28);
}

static void test_guest_sees_sse(RegsRig *rig, gconstpointer data)
{
	static const uint8_t code[] = {
		0x0f, 0x11, 0x0c, 0x25, 0x00, 0x90, 0x00, 0x00, /* movups %xmm1, 0x9000 */
		0x0f, 0x10, 0x1c, 0x25, 0x00, 0x90, 0x00, 0x00, /* movups 0x9000, %xmm3 */
		0xe6, 0x80,					/* out %al, $0x80 */
	};

	(void)data;
	if (regs_skipped(rig))
		return;
	regs_put_ok(rig, "xmm1", 0xfeedface);
	if (!run_code(rig, code, sizeof(code)))
		return;
	g_assert_cmpmem(rig->ram + DATA_AT, 8, "\xce\xfa\xed\xfe\0\0\0\0", 8);
	g_assert_cmphex(regs_get64(rig, "xmm3"), ==, 0xfeedface);
}

static void test_guest_sees_x87(RegsRig *rig, gconstpointer data)
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
	if (regs_skipped(rig))
		return;
	regs_put_ok(rig, "fstat", 6 << 11);
	regs_put_ok(rig, "ftag", 0x0fff);
	g_assert_true(arch_write_reg(rig->vcpu, gdb_reg_set_by_name(rig->set, "st0"), one, NULL));
	g_assert_true(arch_write_reg(rig->vcpu, gdb_reg_set_by_name(rig->set, "st1"), two, NULL));
	regs_put_ok(rig, "mxcsr", 0x1fc0);
	if (!run_code(rig, code, sizeof(code)))
		return;
	g_assert_cmpmem(rig->ram + DATA_AT, 10, one, 10);
	g_assert_cmpmem(rig->ram + DATA_AT + 0x10, 10, two, 10);
	g_assert_cmpmem(rig->ram + DATA_AT + 0x20, 4, "\xc0\x1f\0\0", 4);
	/* Both values were popped. */
	g_assert_cmphex(regs_get64(rig, "ftag"), ==, 0xffff);
	g_assert_cmphex(regs_get64(rig, "fstat") >> 11 & 7, ==, 0);
}

/* The upper half that gdb writes as ymm2h is the guest's. */
static void test_guest_sees_avx(RegsRig *rig, gconstpointer data)
{
	static const uint8_t code[] = {
		0xc5, 0xfc, 0x11, 0x14, 0x25, 0x00, 0x90, 0x00, 0x00, /* vmovups %ymm2, 0x9000 */
		0xc5, 0xe8, 0x57, 0xd2,				      /* vxorps %xmm2, ... */
		0xe6, 0x80,					      /* out %al, $0x80 */
	};

	(void)data;
	if (regs_skipped(rig))
		return;
	if (!gdb_reg_set_by_name(rig->set, "ymm2h")) {
		g_test_skip("no AVX here");
		return;
	}
	regs_put_ok(rig, "xcr0", 7);
	regs_put_ok(rig, "xmm2", 0x1111);
	regs_put_ok(rig, "ymm2h", 0x2222);
	if (!run_code(rig, code, sizeof(code)))
		return;
	g_assert_cmphex(rig->ram[DATA_AT] | rig->ram[DATA_AT + 1] << 8, ==, 0x1111);
	g_assert_cmphex(rig->ram[DATA_AT + 16] | rig->ram[DATA_AT + 17] << 8, ==, 0x2222);
	/* Now absent in XSTATE_BV, or present and zero: both read as zero. */
	g_assert_cmphex(regs_get64(rig, "ymm2h"), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	REGS_ADD("guest-sees-general", test_guest_sees_general);
	REGS_ADD("guest-sees-segment", test_guest_sees_segment);
	REGS_ADD("guest-sees-sse", test_guest_sees_sse);
	REGS_ADD("guest-sees-x87", test_guest_sees_x87);
	REGS_ADD("guest-sees-avx", test_guest_sees_avx);
	return g_test_run();
}

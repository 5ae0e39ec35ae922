/*
 * tests/kvm-x86-nmi.c - an NMI that comes while the guest handles another one, on a real KVM, while
 * a debugger's points are in force that are never hit.
 *
 * SVM has no exit for the end of an NMI handler: KVM steps over its iret by itself
 * (nmi_singlestep), and hands the trap to whoever debugs with hardware points.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "tests/x86-rig.h"

static ArchFeatures features; /* written once by main() */

enum { VECTOR_NMI = 2, NMI_HANDLER = HANDLERS + 16 * VECTOR_NMI };

/* nop; nop; hlt. The handler: out %al, $0x80; pause; iretq */
static void open_nmi(Rig *rig)
{
	static const uint8_t handler[] = {0xe6, 0x80, 0xf3, 0x90, 0x48, 0xcf};

	rig_open(rig, BYTES("\x90\x90\xf4"), false);
	memcpy(rig->ram + NMI_HANDLER, handler, sizeof(handler));
}

/* Runs over traps, each of which must be nobody's. */
static uint32_t run_on(Rig *rig, const GdbBreak *point)
{
	uint32_t reason;

	for (unsigned n = 0; n < 3; n++) {
		reason = rig_run(rig);
		if (reason != KVM_EXIT_DEBUG)
			return reason;
		g_test_message("trap at %#llx, dr6 %#llx", rig->run->debug.arch.pc,
			       rig->run->debug.arch.dr6);
		g_assert_cmpint(arch_decode_trap(rig->vcpu, rig->run, point, point ? 1 : 0).point,
				==, -1);
		g_assert_false(arch_takes_trap(rig->vcpu, rig->run));
	}
	return reason;
}

/* The first NMI before the first instruction, the second one in its handler. */
static void run_nmis(Rig *rig, const GdbBreak *point)
{
	for (unsigned n = 0; n < 2; n++) {
		g_assert_cmpint(ioctl(rig->fd, KVM_NMI), ==, 0);
		g_assert_cmpuint(run_on(rig, point), ==, KVM_EXIT_IO);
		g_assert_cmphex(rig_regs(rig).rip & ~0xfull, ==, NMI_HANDLER);
		g_assert_cmphex(rig_get64(rig, rig_regs(rig).rsp), ==, CODE);
	}
	g_assert_cmpuint(run_on(rig, point), ==, KVM_EXIT_HLT);
}

static uint64_t get_dr6(Rig *rig)
{
	struct kvm_debugregs regs;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_DEBUGREGS, &regs), ==, 0);
	return regs.dr6;
}

/* A software KVM forgets one that comes during another. */
static bool has_nmis(void)
{
	bool comes = true;
	Rig plain;

	open_nmi(&plain);
	for (unsigned n = 0; n < 2 && comes; n++) {
		g_assert_cmpint(ioctl(plain.fd, KVM_NMI), ==, 0);
		comes = rig_run(&plain) == KVM_EXIT_IO;
	}
	rig_close(&plain);
	return rig_has(comes, "an NMI that waits for the end of another one");
}

/* Both handlers and the code behind them run as without a debugger, and no #DB comes. */
static void test_nmi(const void *data)
{
	const GdbBreak *point = data;
	struct kvm_regs want, got;
	Rig plain, rig;

	if (!has_nmis())
		return;
	open_nmi(&plain);
	run_nmis(&plain, NULL);
	open_nmi(&rig);
	rig_arm(&rig, &features, 0, point, 1);
	run_nmis(&rig, point);
	want = rig_regs(&plain);
	got = rig_regs(&rig);
	g_assert_cmphex(want.rip, ==, CODE + 3);
	g_assert_cmpmem(&got, sizeof(got), &want, sizeof(want));
	g_assert_cmphex(get_dr6(&rig), ==, get_dr6(&plain));
	rig_close(&plain);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const GdbBreak point = {GDB_BREAK_HW, DATA, 1}, watch = {GDB_WATCH_WRITE, DATA, 8};

	if (!rig_init(&argc, &argv, &features))
		return g_test_run();
	g_test_add_data_func("/kvm-x86-nmi/break", &point, test_nmi);
	g_test_add_data_func("/kvm-x86-nmi/watch", &watch, test_nmi);
	return g_test_run();
}

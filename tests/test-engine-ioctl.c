/*
 * tests/test-engine-ioctl.c - kvm_gdb_vcpu_ioctl() on the toy KVM: a VMM's own requests while a
 * client is there and while none is.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "kvm/arch.h"
#include "tests/engine-rig.h"

#define STEP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)

static int debug_by_vmm(Rig *rig, uint32_t control)
{
	struct kvm_guest_debug debug = {.control = control};

	return kvm_gdb_vcpu_ioctl(rig->cpus[0].vcpu, KVM_SET_GUEST_DEBUG, &debug);
}

/* The machine does not run: the toy's control is what the VMM says. */
static void test_debug_free(void)
{
	Rig *rig = rig_new(1, false);

	g_assert_cmpint(debug_by_vmm(rig, STEP), ==, 0);
	g_assert_cmphex(toy_control(rig->vm, 0), ==, STEP);
	g_assert_cmpint(debug_by_vmm(rig, 0), ==, 0);
	g_assert_cmphex(toy_control(rig->vm, 0), ==, 0);
	start_all(rig);
	expect_runs(rig, 0);
	rig_free(rig);
}

static void test_debug_refused(void)
{
	Rig *rig = rig_new_stopped(1);

	g_assert_cmpint(debug_by_vmm(rig, STEP), ==, -1);
	g_assert_cmpint(errno, ==, EBUSY);
	g_assert_cmpint(debug_by_vmm(rig, 0), ==, 0);
	resume_to(rig, "vCont;s:1", "T05");
	hang_up(rig);
	expect_runs(rig, 0);
	rig_free(rig);
}

/* What the VMM had turned on before the client came is the same as what the client needs. */
static void test_debug_alike(void)
{
	Rig *rig = rig_new(1, false);

	g_assert_cmpint(debug_by_vmm(rig, KVM_GUESTDBG_ENABLE | arch_sw_control()), ==, 0);
	start_all(rig);
	connect_client(rig);
	rsp_expect(rig->client, "Z0,101,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak");
	rig_free(rig);
}

/* A request that KVM does not know fails as it does without the engine. */
static void test_other(void)
{
	Rig *rig = rig_new(1, false);
	struct kvm_regs regs;

	for (int i = 0; i < 2; i++) {
		errno = 0;
		g_assert_cmpint(kvm_gdb_vcpu_ioctl(rig->cpus[0].vcpu, KVM_GET_REGS, &regs), ==, -1);
		g_assert_cmpint(errno, ==, ENOTTY);
		if (i == 0) {
			start_all(rig);
			connect_client(rig);
		}
	}
	rig_free(rig);
}

static bool is_interrupted(void *data)
{
	return GET(((Cpu *)data)->eintrs) > 3;
}

/*
 * A signal that the thread blocks, and KVM_RUN by the VMM's mask does not, ends the wait of a
 * stopped vCPU and stays pending: it has no handler and would end this program.
 */
static void test_mask(void)
{
	struct {
		uint32_t len;
		uint64_t bits;
	} __attribute__((packed)) mask = {8, ~(1ull << (SIGUSR1 - 1))};
	sigset_t set, old;
	Rig *rig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &old); /* for the vCPU's thread */
	rig = rig_new(1, true);
	g_assert_cmpint(kvm_gdb_vcpu_ioctl(rig->cpus[0].vcpu, KVM_SET_SIGNAL_MASK, &mask), ==, 0);
	start_all(rig);
	connect_client(rig);
	expect_stands(rig, 0);
	while (!GET(rig->cpus[0].id))
		sched_yield();
	pthread_kill(GET(rig->cpus[0].id), SIGUSR1);
	g_assert_true(test_wait(NULL, is_interrupted, &rig->cpus[0], TEST_PATIENCE));
	expect_stands(rig, 0);
	rig_free(rig);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* A mask of another length is KVM's to refuse. */
static void test_mask_length(void)
{
	Rig *rig = rig_new(1, false);
	uint32_t len = 4;

	errno = 0;
	g_assert_cmpint(kvm_gdb_vcpu_ioctl(rig->cpus[0].vcpu, KVM_SET_SIGNAL_MASK, &len), ==, -1);
	g_assert_cmpint(errno, ==, EINVAL);
	g_assert_cmpint(kvm_gdb_vcpu_ioctl(rig->cpus[0].vcpu, KVM_SET_SIGNAL_MASK, NULL), ==, 0);
	start_all(rig);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"debug-free", test_debug_free},
		{"debug-refused", test_debug_refused},
		{"debug-alike", test_debug_alike},
		{"other", test_other},
		{"mask", test_mask},
		{"mask-length", test_mask_length},
		{0},
	};

	return test_main(argc, argv, "engine-ioctl", cases);
}

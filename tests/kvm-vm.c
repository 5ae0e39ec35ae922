/*
 * tests/kvm-vm.c - the machine of lkvm on a real KVM: what its vCPUs ask the main loop for.
 */
#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "hw/config.h"
#include "hw/vm.h"
#include "tests/lkvm-run.h"
#include "tests/test-util.h"

/* The guest says hello and ends with this. */
#define STATUS 42

/* Two vCPUs ask before the main loop looks: both get what they want, the core before the reset. */
static void run_asked(const char *path, const VmAsked *asked)
{
	g_autofree char *kernel = guest_path("hello");
	const char *args[] = {"-k", kernel,	"-m",	      "64", "-c",
			      "2",  "--reboot", "--gdb-core", path, NULL};
	g_autoptr(GError) error = NULL;
	g_autofree char *help = NULL;
	g_autoptr(VmConfig) config = config_parse(args, &help, &error);
	g_assert_no_error(error);
	g_autoptr(Vm) vm = vm_new(config, &error);
	g_assert_no_error(error);
	vm_ask(vm, asked[0]);
	vm_ask(vm, asked[1]);
	g_assert_cmpint(vm_run(vm, &error), ==, STATUS);
	g_assert_no_error(error);
}

static void test_asked_together(gconstpointer asked)
{
	const char *path = g_getenv("VMGDB_TEST_CORE");

	if (run_impossible())
		return;
	if (g_test_subprocess()) {
		run_asked(path, asked);
		return;
	}
	g_autofree char *dir = test_dir_new();
	g_autofree char *core = g_build_filename(dir, "core", NULL);
	g_setenv("VMGDB_TEST_CORE", core, TRUE);
	g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("*core: done*the guest reboots*");
	g_assert_cmpint(unlink(core), ==, 0);
	test_dir_remove(g_steal_pointer(&dir));
}

int main(int argc, char **argv)
{
	static const VmAsked core_first[] = {VM_ASKED_CORE, VM_ASKED_REBOOT};
	static const VmAsked reboot_first[] = {VM_ASKED_REBOOT, VM_ASKED_CORE};

	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/vm/asked-core-reboot", core_first, test_asked_together);
	g_test_add_data_func("/vm/asked-reboot-core", reboot_first, test_asked_together);
	return g_test_run();
}

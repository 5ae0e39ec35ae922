/*
 * tests/test-engine-log.c - what the log says of breakpoints: what one needs to see why one was
 * missed. On the toy architecture.
 */
#include "tests/engine-rig.h"

#include <glib/gstdio.h>

#define NEVER "X3,220027"

/* The lines follow each other in the log, with others between them. */
static void assert_lines(const char *path, const char *const *lines)
{
	g_autofree char *text = NULL;
	const char *at;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	at = text;
	for (; *lines; lines++) {
		const char *found = strstr(at, *lines);

		if (!found)
			g_error("no line \"%s\" in the rest of the log:\n%s", *lines, at);
		at = found + 1;
	}
}

/* One CPU, whose engine writes to a new file. */
static Rig *rig_with_log(char **ret_path)
{
	int fd = g_file_open_tmp("vmgdb-log-XXXXXX", ret_path, NULL);

	g_assert_cmpint(fd, >=, 0);
	close(fd);
	return rig_new_logged(1, *ret_path);
}

static void test_breaks(void)
{
	static const char *const lines[] = {
		"memory: 0x0 to 0x",
		" is RAM\n",
		"break at 0x202 inserted in memory\n",
		"hbreak at 0x201 inserted\n",
		"resumed\n",
		"CPU 0: skipped at 0x201: condition, dprintf or process\n",
		"CPU 0: skipped at 0x202: condition, dprintf or process\n",
		"CPU 0: steps over the breakpoint at guest-physical 0x202\n",
		"hbreak at 0x201 removed\n",
		"break at 0xffffffff00000000 inserted in a hardware slot\n",
		"break at 0x202 not inserted\n",
		"CPU 0: the trap is the guest's own and given to it\n",
		"break at 0x202 removed\n",
		"memory: 0x10000000000 to 0x10000000fff is no RAM any more\n",
		"memory: 0x20000000000 to 0x20000000fff is private\n",
		"memory: 0x20000000000 to 0x20000000fff is shared\n",
		"free: all breakpoints removed\n",
		NULL,
	};
	g_autofree char *path = NULL;
	Rig *rig = rig_with_log(&path);

	/* At 0x200: three nops; back to 0x200. At 0x300: int3 of the guest's own. */
	put_code(rig, 0x200, "909090ebfb");
	put_code(rig, 0x300, "ccebfd");
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z0,202,1;" NEVER, "OK");
	rsp_expect(rig->client, "Z1,201,1;" NEVER, "OK");
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	rsp_expect(rig->client, "z1,201,1", "OK");
	rsp_expect(rig->client, "Z0,ffffffff00000000,1", "OK");
	rsp_expect_error(rig->client, "Z0,202,7");
	write_pc(rig, 1, 0x300);
	rsp_client_send(rig->client, "vCont;c");
	while (!toy_guest_traps(rig->vm, 0))
		test_run_for(NULL, 1);
	interrupt(rig);
	rsp_expect(rig->client, "z0,202,1", "OK");
	kvm_gdb_unmap(rig->gdb, 1ull << 40, 4096);
	kvm_gdb_set_private(rig->gdb, 2ull << 40, 4096, true);
	kvm_gdb_set_private(rig->gdb, 2ull << 40, 4096, false);
	hang_up(rig);
	expect_runs(rig, 0);
	rig_free(rig);
	assert_lines(path, lines);
	g_remove(path);
}

/* The VMM takes a CPU away from the breakpoint that was told: nobody waits for a step over it. */
static void test_moved_by_vmm(void)
{
	g_autofree char *path = NULL, *text = NULL;
	struct kvm_regs regs = {0};
	Rig *rig = rig_with_log(&path);

	put_code(rig, 0x200, "909090ebfb");
	put_code(rig, 0x300, "9090ebfc");
	write_pc(rig, 1, 0x200);
	rsp_expect(rig->client, "Z0,202,1", "OK");
	resume_to(rig, "vCont;c", "T05");
	g_assert_cmphex(pc_of(rig, 1), ==, 0x202);
	toy_set_pc(rig->vm, 0, 0x300);
	kvm_gdb_vcpu_ioctl(rig->cpus[0].vcpu, KVM_SET_REGS, &regs); /* the toy has it already */
	rsp_client_send(rig->client, "vCont;c");
	expect_runs(rig, 0);
	interrupt(rig);
	rig_free(rig);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_nonnull(strstr(text, "break at 0x202 inserted"));
	g_assert_null(strstr(text, "steps over"));
	g_remove(path);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"breaks", test_breaks},
		{"moved-by-vmm", test_moved_by_vmm},
		{0},
	};

	return test_main(argc, argv, "engine-log", cases);
}

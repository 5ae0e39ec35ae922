/*
 * tests/test-engine-qmp.c - QMP and the people's monitor on a machine of the toy architecture: what
 * drgn says, who has the machine, and that nothing is stopped that need not be.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest/vmcore.h"
#include "kvm/operate.h"
#include "tests/qmp-rig.h"

/* It stands somewhere in its loop. */
static void expect_registers(const char *text, unsigned cpu)
{
	g_autofree char *pattern = g_strdup_printf("\\A\nCPU#%u\nR0=0{16} PC=0{13}10[0-2]\n", cpu);

	if (!g_regex_match_simple(pattern, text, 0, 0))
		g_error("these are no registers of CPU %u: %s", cpu, text);
}

static void expect_human_registers(Qmp *qmp, unsigned cpu)
{
	g_autofree char *text = qmp_client_human(qmp->client, "info registers");

	expect_registers(text, cpu);
}

/* ---- What there is ---- */

static void test_queries(void)
{
	Qmp qmp = qmp_new(2, false);

	qmp_client_expect(qmp.client, EXECUTE("query-target"), "{\"return\":{\"arch\":\"toy\"}}");
	qmp_client_expect(qmp.client, EXECUTE("query-kvm"),
			  "{\"return\":{\"enabled\":true,\"present\":true}}");
	qmp_client_expect(qmp.client, EXECUTE("query-name"), OK);
	kvm_gdb_set_name(qmp.rig->gdb, "box");
	qmp_client_expect(qmp.client, EXECUTE("query-name"), "{\"return\":{\"name\":\"box\"}}");
	qmp_client_expect(qmp.client, EXECUTE("query-dump-guest-memory-capability"),
			  "{\"return\":{\"formats\":[\"elf\"]}}");
	expect_runs(qmp.rig, 0);
	expect_runs(qmp.rig, 1);
	qmp_client_match(
		qmp.client, EXECUTE("query-cpus-fast"),
		"^\\{\"return\":\\[\\{\"cpu-index\":0,\"qom-path\":\"/machine/cpu\\[0\\]\","
		"\"thread-id\":[1-9]\\d*,\"target\":\"toy\"\\},\\{\"cpu-index\":1,.*\\]\\}$");
	/* Nothing of that has stopped it. */
	g_assert_cmpuint(toy_control_calls(qmp.rig->vm, 0), ==, 0);
	g_assert_cmpuint(GET(qmp.rig->cpus[0].eintrs), ==, 0);
	qmp_free(&qmp);
}

/* ---- drgn ---- */

/* A VMCOREINFO note in guest memory. */
static void put_info(Rig *rig, unsigned at)
{
	static const char text[] = "OSRELEASE=6.1.0-toy\nSYMBOL(_stext)=ffffffff81000000\n";
	g_autoptr(GByteArray) note = g_byte_array_new();

	vmcore_add_note(note, "VMCOREINFO", 0, text, strlen(text));
	memcpy(toy_ram(rig->vm) + at, note->data, note->len);
}

/* The bytes of drgn 0.3 (libdrgn/qemu_machine_protocol.c), in its order. */
static void test_drgn(void)
{
	Qmp qmp = qmp_new(1, false);
	int fd = memfd_create("drgn-qmp-dump", 0), theirs;
	g_autofree char *line = NULL, *hva = NULL;
	uint64_t address;
	uint8_t core[4096], byte, own = 0x90;
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)core;
	struct iovec local = {&byte, 1}, remote;

	theirs = dup(fd);
	put_info(qmp.rig, 0x3000);
	qmp_client_expect(qmp.client, EXECUTE("query-target") "\r\n",
			  "{\"return\":{\"arch\":\"toy\"}}");
	qmp_client_expect(qmp.client,
			  "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
			  "\"info mtree -f\"}}\r\n",
			  "{\"return\":\"FlatView #0\\n AS \\\"memory\\\", root: system\\n Root "
			  "memory region: system\\n  0000000000000000-000000000000ffff (prio 0, "
			  "ram): ram0\\n\\n\"}");
	hva = qmp_client_human(qmp.client, "gpa2hva 0x0");
	g_assert_cmpint(sscanf(hva, "Host virtual address for 0x0 (ram0) is 0x%lx\n", &address), ==,
			1);
	remote = (struct iovec){(void *)(address + 0x100), 1};
	g_assert_cmpint(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), ==, 1);
	g_assert_cmpuint(byte, ==, own);
	qmp_client_send_fd(qmp.client,
			   "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"drgn-dump\"}}\r\n",
			   fd);
	line = qmp_client_line(qmp.client);
	g_assert_cmpstr(line, ==, OK);
	qmp_client_expect(qmp.client,
			  "{\"execute\":\"dump-guest-memory\",\"arguments\":{\"paging\":false,"
			  "\"protocol\":\"fd:drgn-dump\",\"begin\":0,\"length\":1}}\r\n",
			  OK);
	g_assert_cmpint(pread(theirs, core, sizeof(core), 0), ==, sizeof(core));
	g_assert_cmpint(memcmp(ehdr->e_ident, ELFMAG, SELFMAG), ==, 0);
	g_assert_nonnull(memmem(core, sizeof(core), "OSRELEASE=6.1.0-toy", 19));
	expect_human(&qmp, "xp /4xb 0x100", "0000000000000100: 0x90 0x90 0xeb 0xfc\n");
	expect_runs(qmp.rig, 0);
	close(fd);
	close(theirs);
	qmp_free(&qmp);
}

/* ---- Memory of a machine that runs ---- */

static bool answer_all(Rig *rig G_GNUC_UNUSED, uint64_t gpa G_GNUC_UNUSED, void *data, size_t len,
		       bool is_write G_GNUC_UNUSED)
{
	memset(data, 0x5a, len);
	return true;
}

static void test_running(void)
{
	Qmp qmp = qmp_new(1, false);

	qmp.rig->device = answer_all;
	expect_human(&qmp, "info status", "VM status: running\n");
	expect_human(&qmp, "xp/1xb 0xfffe", "000000000000fffe: 0x00\n");
	/* The guest uses its devices: nobody else touches them. */
	expect_human(&qmp, "xp/1xb 0x10000", "0000000000010000: Cannot access memory\n");
	g_assert_cmpuint(qmp.rig->device_accesses, ==, 0);
	expect_human(&qmp, "x/1xb 0x100", "the machine runs: x needs it stopped (stop)\n");
	expect_human(&qmp, "info registers",
		     "the machine runs: info registers needs it stopped (stop)\n");
	/* drgn that comes by TCP needs it; the machine stands for a moment. */
	expect_human(&qmp, "vmcoreinfo", "kernels of 32-bit machines are not looked into\n");
	expect_runs(qmp.rig, 0);
	expect_human(&qmp, "xp/1xb $pc", "CPU 0 is running\n");
	expect_human(&qmp, "no such", "unknown command: 'no such'\n");
	expect_human(&qmp, "", "");
	qmp_client_match(qmp.client,
			 "{\"execute\":\"memsave\",\"arguments\":{\"val\":256,\"size\":4,"
			 "\"filename\":\"/no/where\"}}",
			 "the machine runs: memsave needs it stopped");
	expect_runs(qmp.rig, 0);
	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	expect_human(&qmp, "xp/1xb 0x10000", "0000000000010000: 0x5a\n");
	expect_human(&qmp, "x/4xb 0x100", "0000000000000100: 0x90 0x90 0xeb 0xfc\n");
	g_assert_cmpuint(qmp.rig->device_accesses, ==, 1);
	qmp_free(&qmp);
}

static void test_saves(void)
{
	Qmp qmp = qmp_new(1, false);
	g_autofree char *file = g_build_filename(qmp.dir, "f", NULL), *bytes = NULL, *again = NULL;
	g_autofree char *ask =
		g_strdup_printf("{\"execute\":\"pmemsave\",\"arguments\":{\"val\":256,"
				"\"size\":4,\"filename\":\"%s\"}}",
				file);
	g_autofree char *virtual = g_strdup_printf(
		"{\"execute\":\"memsave\",\"arguments\":{\"val\":"
		"65793,\"size\":2,\"filename\":\"%s\"}}",
		file);
	gsize len;

	qmp_client_expect(qmp.client, ask, OK);
	g_assert_true(g_file_get_contents(file, &bytes, &len, NULL));
	g_assert_cmpmem(bytes, len, "\x90\x90\xeb\xfc", 4);
	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	qmp_client_expect(qmp.client, virtual, OK);
	g_assert_true(g_file_get_contents(file, &again, &len, NULL));
	g_assert_cmpmem(again, len, "\x90\xeb", 2);
	qmp_client_match(qmp.client,
			 "{\"execute\":\"pmemsave\",\"arguments\":{\"val\":0,\"size\":0,"
			 "\"filename\":\"/no/where\"}}",
			 "the size must be at least 1");
	qmp_client_match(qmp.client,
			 "{\"execute\":\"pmemsave\",\"arguments\":{\"val\":0,\"size\":4,"
			 "\"filename\":\"/no/where\"}}",
			 "cannot create /no/where: No such file");
	qmp_free(&qmp);
}

/* ---- Dumps ---- */

static void test_dump(void)
{
	Qmp qmp = qmp_new(1, false);
	g_autofree char *file = g_build_filename(qmp.dir, "core", NULL);
	g_autofree char *whole = dump_text(file, ""), *part = dump_text(file, ",\"begin\":4096,"
									      "\"length\":8192");
	unsigned notes;
	uint64_t memory;

	/* As in QEMU it stands for it, and goes on. */
	qmp_client_expect(qmp.client, whole, OK);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(qmp.client, "RESUME", NULL);
	look_at_core(file, &notes, &memory);
	g_assert_cmpuint(notes, ==, 1);
	g_assert_cmpuint(memory, ==, TOY_RAM);
	expect_runs(qmp.rig, 0);
	qmp_client_expect(qmp.client, part, OK);
	look_at_core(file, &notes, &memory);
	g_assert_cmpuint(memory, ==, 8192);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(qmp.client, "RESUME", NULL);
	/* One that stands stays so. */
	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_expect(qmp.client, whole, OK);
	qmp_client_expect(qmp.client, EXECUTE("query-status"), STATUS("paused", "false"));
	expect_stands(qmp.rig, 0);
	qmp_client_no_event(qmp.client);
	qmp_free(&qmp);
}

static void test_dump_errors(void)
{
	static const struct {
		const char *args, *answer;
	} rows[] = {
		{"\"paging\":true,\"protocol\":\"file:/no/x\"",
		 GENERIC("dump-guest-memory: there is no paging=true")},
		{"\"paging\":false,\"protocol\":\"file:/no/x\",\"detach\":true",
		 GENERIC("dump-guest-memory: there is no detach=true")},
		{"\"paging\":false,\"protocol\":\"file:/no/x\",\"format\":\"kdump-zlib\"",
		 GENERIC("dump-guest-memory: there is no a format other than elf")},
		{"\"paging\":false,\"protocol\":\"tcp:x\"",
		 GENERIC("Parameter 'protocol' expects file:PATH or fd:NAME")},
		{"\"paging\":false,\"protocol\":\"fd:x\"",
		 GENERIC("File descriptor named 'x' not found")},
		{"\"paging\":false,\"protocol\":\"file:/no/x\"",
		 GENERIC("cannot create /no/x: No such file or directory")},
		{"\"paging\":false,\"protocol\":\"file:/no/x\",\"begin\":0",
		 GENERIC("dump-guest-memory: begin and length name a part of memory together, and "
			 "it has a byte at least")},
		{"\"paging\":false,\"protocol\":\"file:/no/x\",\"begin\":0,\"length\":0",
		 GENERIC("dump-guest-memory: begin and length name a part of memory together, and "
			 "it has a byte at least")},
		{"\"paging\":false,\"protocol\":\"file:/no/x\",\"begin\":1048576,\"length\":1",
		 GENERIC("there is no memory from 0x100000 on")},
	};
	Qmp qmp = qmp_new(1, false);
	int pair[2];
	g_autofree char *line = NULL;

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf(
			"{\"execute\":\"dump-guest-memory\",\"arguments\":{%s}}", rows[i].args);

		qmp_client_expect(qmp.client, text, rows[i].answer);
	}
	/* A pipe whose reader is slow would hold everybody up. */
	g_assert_cmpint(pipe2(pair, O_CLOEXEC), ==, 0);
	qmp_client_send_fd(qmp.client, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"p\"}}",
			   pair[1]);
	line = qmp_client_line(qmp.client);
	g_assert_cmpstr(line, ==, OK);
	qmp_client_expect(qmp.client,
			  "{\"execute\":\"dump-guest-memory\",\"arguments\":{\"paging\":false,"
			  "\"protocol\":\"fd:p\"}}",
			  GENERIC("the descriptor: not a file"));
	close(pair[0]);
	close(pair[1]);
	qmp_client_no_event(qmp.client);
	qmp_free(&qmp);
}

/* ---- Who has the machine ---- */

static void test_stop(void)
{
	Qmp qmp = qmp_new(2, false);
	QmpClient *other = qmp_join(&qmp, 0);

	qmp_client_hello(other);
	qmp_client_expect(qmp.client, EXECUTE("query-status"), RUNS);
	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	expect_stands(qmp.rig, 0);
	expect_stands(qmp.rig, 1);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(other, "STOP", NULL);
	qmp_client_expect(other, EXECUTE("query-status"), STATUS("paused", "false"));
	/* Twice is no error and no event. */
	qmp_client_expect(other, EXECUTE("stop"), OK);
	qmp_client_no_event(other);
	qmp_client_expect(other, EXECUTE("cont"), OK);
	expect_runs(qmp.rig, 0);
	expect_runs(qmp.rig, 1);
	qmp_client_event(qmp.client, "RESUME", NULL);
	qmp_client_event(other, "RESUME", NULL);
	qmp_client_expect(other, EXECUTE("cont"), OK);
	qmp_client_expect(other, EXECUTE("query-status"), RUNS);
	qmp_client_no_event(other);
	qmp_client_free(other);
	qmp_free(&qmp);
}

/* What gdb has stopped stays stopped, and gdb hears of a stop. */
static void test_beside_gdb(void)
{
	Qmp qmp = qmp_new(1, false);

	connect_client(qmp.rig);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_expect(qmp.client, EXECUTE("query-status"), STATUS("debug", "false"));
	qmp_client_expect(qmp.client, EXECUTE("cont"),
			  GENERIC("the machine stays stopped: use the debugger's own command "
				  "(continue), so that it knows"));
	expect_stands(qmp.rig, 0);
	expect_human_registers(&qmp, 0);
	rsp_client_send(qmp.rig->client, "vCont;c");
	qmp_client_event(qmp.client, "RESUME", NULL);
	expect_runs(qmp.rig, 0);
	qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
	qmp_client_match(qmp.client, EXECUTE("system_reset"),
			 "the machine runs, and a debugger has it: stop it first");
	g_assert_cmpuint(qmp.rig->resets, ==, 0);
	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	expect_stop(qmp.rig, "T02");
	qmp_client_event(qmp.client, "STOP", NULL);
	expect_stands(qmp.rig, 0);
	/* A step is no time at which it runs. */
	resume_to(qmp.rig, "vCont;s:1", "T05");
	qmp_client_no_event(qmp.client);
	hang_up(qmp.rig);
	qmp_client_event(qmp.client, "RESUME", NULL);
	expect_runs(qmp.rig, 0);
	qmp_free(&qmp);
}

/* In non-stop mode gdb reads memory, and the moment for that waits for a device. */
static Qmp qmp_new_in_moment(void)
{
	Qmp qmp = qmp_new(2, false);

	connect_client(qmp.rig);
	rsp_expect(qmp.rig->client, "QNonStop:1", "OK");
	expect_runs(qmp.rig, 1);
	g_assert_true(kvm_gdb_device_enter(qmp.rig->gdb));
	rsp_client_send(qmp.rig->client, "m100,1");
	return qmp;
}

/* In non-stop mode it runs: also while gdb reads memory, which it does for longer than a moment. */
static void test_beside_non_stop(void)
{
	Qmp qmp = qmp_new_in_moment();

	test_run_for(NULL, 5);
	qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
	qmp_client_expect(qmp.client, EXECUTE("query-status"), RUNS);
	kvm_gdb_device_leave(qmp.rig->gdb);
	rsp_expect_next(qmp.rig->client, "90");
	qmp_free(&qmp);
}

/* A stop in such a moment is one, also for a client that goes on at once. */
static void test_stop_in_moment(void)
{
	Qmp qmp = qmp_new_in_moment();

	rsp_client_send(qmp.rig->client, "vStopped");
	rsp_client_send(qmp.rig->client, "vCont;c");
	test_run_for(NULL, 5);
	qmp_client_send(qmp.client, EXECUTE("stop"));
	test_run_for(NULL, 5);
	kvm_gdb_device_leave(qmp.rig->gdb);
	expect_stop(qmp.rig, "%Stop:T02thread:02;");
	rsp_expect_next(qmp.rig->client, "90");
	rsp_expect_next(qmp.rig->client, "OK");
	rsp_expect_next(qmp.rig->client, "OK");
	expect_runs(qmp.rig, 1);
	{
		g_autofree char *text = NULL;

		do {
			g_free(text);
			text = qmp_client_line(qmp.client);
		} while (!g_str_has_prefix(text, "{\"return\""));
	}
	qmp_free(&qmp);
}

/* The VMM is asked once. */
static void test_quit_and_kill(void)
{
	Qmp qmp = qmp_new(1, false);

	connect_client(qmp.rig);
	rsp_client_send(qmp.rig->client, "vCont;c");
	expect_runs(qmp.rig, 0);
	g_assert_true(kvm_gdb_device_enter(qmp.rig->gdb));
	qmp_client_send(qmp.client, EXECUTE("quit"));
	test_run_for(NULL, 5);
	rsp_client_send(qmp.rig->client, "k");
	test_run_for(NULL, 5);
	kvm_gdb_device_leave(qmp.rig->gdb);
	test_run_for(NULL, 20);
	g_assert_cmpuint(qmp.rig->poweroffs, ==, 1);
	qmp_free(&qmp);
}

/* gdb comes to a machine that stands, and takes it over. */
static void test_gdb_comes(void)
{
	Qmp qmp = qmp_new(1, false);

	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	qmp_client_event(qmp.client, "STOP", NULL);
	connect_client(qmp.rig);
	qmp_client_match(qmp.client, EXECUTE("cont"), "use the debugger's own command");
	hang_up(qmp.rig);
	qmp_client_event(qmp.client, "RESUME", NULL);
	expect_runs(qmp.rig, 0);
	qmp_client_expect(qmp.client, EXECUTE("query-status"), RUNS);
	qmp_free(&qmp);
}

/* No trap is left where the test has set one. */
static bool is_clean(void *data)
{
	return has_code(data, 0x104, (const uint8_t[]){0}, 1);
}

/* The breakpoints of one that left are out when somebody else stops the machine at that moment. */
static void test_gdb_goes(void)
{
	Qmp qmp = qmp_new(2, false);

	for (unsigned i = 0; i < 20; i++) {
		connect_client(qmp.rig);
		rsp_expect(qmp.rig->client, "Z0,104,1", "OK");
		rsp_client_send(qmp.rig->client, "vCont;c");
		qmp_client_send(qmp.client, EXECUTE("stop"));
		g_clear_pointer(&qmp.rig->client, rsp_client_free);
		{
			g_autofree char *text = NULL;

			do {
				g_free(text);
				text = qmp_client_line(qmp.client);
			} while (!g_str_has_prefix(text, "{\"return\""));
		}
		g_assert_true(test_wait(NULL, is_free, qmp.rig, TEST_PATIENCE));
		g_assert_true(test_wait(NULL, is_clean, qmp.rig, TEST_PATIENCE));
		/* Whoever came first: it runs after cont. */
		qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
		expect_runs(qmp.rig, 0);
	}
	qmp_free(&qmp);
}

/* --gdb-wait waits for gdb or for cont. */
static void test_gdb_wait(void)
{
	Qmp qmp = qmp_new(1, true);

	qmp_client_expect(qmp.client, EXECUTE("query-status"), STATUS("paused", "false"));
	expect_stands(qmp.rig, 0);
	qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
	expect_runs(qmp.rig, 0);
	qmp_client_event(qmp.client, "RESUME", NULL);
	qmp_free(&qmp);
}

/* ---- Power ---- */

static void test_reset(void)
{
	Qmp qmp = qmp_new(1, false);

	qmp_client_expect(qmp.client, EXECUTE("system_reset"), OK);
	g_assert_cmpuint(qmp.rig->resets, ==, 1);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(qmp.client, "RESET",
			 "{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}");
	qmp_client_event(qmp.client, "RESUME", NULL);
	expect_runs(qmp.rig, 0);
	expect_human(&qmp, "system_reset", "");
	g_assert_cmpuint(qmp.rig->resets, ==, 2);
	expect_runs(qmp.rig, 0);
	qmp.rig->reset_fails = "no second time";
	qmp_client_expect(qmp.client, EXECUTE("system_reset"), GENERIC("no second time"));
	expect_runs(qmp.rig, 0);
	kvm_gdb_notify(qmp.rig->gdb, NULL, KVM_GDB_RESET);
	test_run_for(NULL, 20);
	qmp_client_expect(qmp.client, EXECUTE("query-kvm"),
			  "{\"return\":{\"enabled\":true,\"present\":true}}");
	for (unsigned i = 0; i < 2; i++) {
		qmp_client_event(qmp.client, "STOP", NULL);
		if (i == 0)
			qmp_client_event(qmp.client, "RESET",
					 "{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}");
		qmp_client_event(qmp.client, "RESUME", NULL);
	}
	qmp_client_event(qmp.client, "RESET", "{\"guest\":true,\"reason\":\"guest-reset\"}");
	qmp_free(&qmp);
}

/* What the machine or its VMM has not is said, and nothing else happens. */
static void test_lacks(void)
{
	Qmp qmp = qmp_new(1, false);

	qmp_client_expect(qmp.client, EXECUTE("system_powerdown"),
			  GENERIC("this virtual machine monitor does not support a power button"));
	qmp_client_expect(qmp.client, EXECUTE("inject-nmi"),
			  GENERIC("this machine has no non-maskable interrupt"));
	expect_runs(qmp.rig, 0);
	qmp_free(&qmp);
}

static bool was_ended(void *data)
{
	return ((Rig *)data)->poweroffs == 1;
}

static void test_quit(void)
{
	Qmp qmp = qmp_new(1, false);

	qmp_client_expect(qmp.client, EXECUTE("quit"), OK);
	g_assert_true(test_wait(NULL, was_ended, qmp.rig, TEST_PATIENCE));
	/* Once is enough for the VMM, whoever asks again. */
	qmp_client_expect(qmp.client, EXECUTE("quit"), OK);
	test_run_for(NULL, 20);
	g_assert_cmpuint(GET(qmp.rig->poweroffs), ==, 1);
	expect_stands(qmp.rig, 0);
	kvm_gdb_end(qmp.rig->gdb, 0);
	qmp_client_event(qmp.client, "STOP", NULL);
	qmp_client_event(qmp.client, "SHUTDOWN", "{\"guest\":false,\"reason\":\"host-qmp-quit\"}");
	g_assert_true(qmp_client_at_end(qmp.client));
	qmp_free(&qmp);
}

static void expect_end(bool panics, uint8_t status, const char *data)
{
	Qmp qmp = qmp_new(1, false);

	if (panics) {
		kvm_gdb_notify(qmp.rig->gdb, NULL, KVM_GDB_PANIC);
		qmp_client_event(qmp.client, "GUEST_PANICKED", "{\"action\":\"run\"}");
	}
	kvm_gdb_end(qmp.rig->gdb, status);
	qmp_client_event(qmp.client, "SHUTDOWN", data);
	qmp_free(&qmp);
}

static void test_ends(void)
{
	expect_end(false, 0, "{\"guest\":true,\"reason\":\"guest-shutdown\"}");
	expect_end(false, 1, "{\"guest\":false,\"reason\":\"host-error\"}");
	expect_end(false, 143, "{\"guest\":false,\"reason\":\"host-signal\"}");
	expect_end(true, 1, "{\"guest\":true,\"reason\":\"guest-panic\"}");
}

/* ---- People ---- */

static void expect_line(QmpClient *client, const char *line, const char *answer)
{
	g_autofree char *text = NULL, *expected = g_strconcat(answer, "(vmgdb) ", NULL);

	qmp_client_send(client, line);
	text = qmp_client_until(client, "(vmgdb) ");
	g_assert_cmpstr(text, ==, expected);
}

static void test_people(void)
{
	Qmp qmp = qmp_new(2, false);
	QmpClient *client = qmp_join(&qmp, 1);
	g_autofree char *file = g_build_filename(qmp.dir, "core", NULL);
	g_autofree char *dump = g_strdup_printf("dump-guest-memory %s\n", file), *registers = NULL;
	unsigned notes;
	uint64_t memory;

	expect_line(client, "", "");
	expect_line(client, "info status\n", "VM status: running\n");
	expect_line(client, dump,
		    "no VMCOREINFO in the guest's memory: crash and drgn need it for a "
		    "kernel with KASLR\n");
	look_at_core(file, &notes, &memory);
	g_assert_cmpuint(notes, ==, 1);
	g_assert_cmpuint(memory, ==, TOY_RAM);
	expect_runs(qmp.rig, 0);
	/* The next line finds it stopped. */
	for (unsigned i = 0; i < 50; i++) {
		expect_line(client, "cont\nstop\ninfo status\n", "");
		expect_line(client, "", "");
		expect_line(client, "", "VM status: paused\n");
	}
	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	expect_line(client, "info status\n", "VM status: paused\n");
	expect_line(client, "cpu 1\n", "");
	/* The CPU that he has chosen is his. */
	qmp_client_send(client, "info registers\n");
	registers = qmp_client_until(client, "(vmgdb) ");
	expect_registers(registers, 1);
	expect_human_registers(&qmp, 0);
	expect_line(client, "cpu 7\n", "there is no CPU '7', only 0 to 1\n");
	expect_line(client, "cont\n", "");
	expect_runs(qmp.rig, 1);
	expect_line(client, "info version\n", "vmgdb 0.1\n");
	expect_line(client, "quit\n", "the machine ends now\n");
	g_assert_true(test_wait(NULL, was_ended, qmp.rig, TEST_PATIENCE));
	test_run_for(NULL, 20);
	expect_stands(qmp.rig, 0);
	qmp_client_free(client);
	qmp_free(&qmp);
}

/* A guest that panics before the server has said that it goes on has gone on first. */
static void test_order(void)
{
	Qmp qmp = qmp_new(1, false);

	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	qmp_client_event(qmp.client, "STOP", NULL);
	g_assert_true(operate_cont(qmp.rig->gdb, NULL));
	kvm_gdb_notify(qmp.rig->gdb, NULL, KVM_GDB_PANIC);
	operate_stop(qmp.rig->gdb);
	qmp_client_event(qmp.client, "RESUME", NULL);
	qmp_client_event(qmp.client, "GUEST_PANICKED", "{\"action\":\"run\"}");
	qmp_client_event(qmp.client, "STOP", NULL);
	/* One that stands has not. */
	kvm_gdb_notify(qmp.rig->gdb, NULL, KVM_GDB_RESET);
	qmp_client_event(qmp.client, "RESET", "{\"guest\":true,\"reason\":\"guest-reset\"}");
	qmp_client_expect(qmp.client, EXECUTE("cont"), OK);
	qmp_client_event(qmp.client, "RESUME", NULL);
	qmp_free(&qmp);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"queries", test_queries},
		{"drgn", test_drgn},
		{"running", test_running},
		{"saves", test_saves},
		{"dump", test_dump},
		{"dump-errors", test_dump_errors},
		{"stop", test_stop},
		{"beside-gdb", test_beside_gdb},
		{"gdb-comes", test_gdb_comes},
		{"gdb-goes", test_gdb_goes},
		{"gdb-wait", test_gdb_wait},
		{"reset", test_reset},
		{"beside-non-stop", test_beside_non_stop},
		{"stop-in-moment", test_stop_in_moment},
		{"quit-and-kill", test_quit_and_kill},
		{"lacks", test_lacks},
		{"quit", test_quit},
		{"ends", test_ends},
		{"order", test_order},
		{"people", test_people},
		{0},
	};

	return test_main(argc, argv, "engine-qmp", cases);
}

/*
 * tests/test-server-output.c - owns the tests of what is printed while the target runs
 * (gdb_server_post_output()), and of conditions and commands in Z packets.
 */
#include "tests/fake-rig.h"

#include <string.h>

/* Interrupts; the text of the O packets that come before the stop. */
static char *interrupt_and_read(FakeRig *rig)
{
	GString *text = g_string_new(NULL);

	rsp_client_write(rig->client, "\x03", 1);
	for (;;) {
		g_autofree char *packet = rsp_client_recv(rig->client, NULL);
		size_t len = strlen(packet + 1);

		if (packet[0] == 'T')
			break;
		g_assert_cmpint(packet[0], ==, 'O');
		g_assert_cmpuint(len % 2, ==, 0);
		for (size_t i = 0; i < len; i += 2)
			g_string_append_c(text, g_ascii_xdigit_value(packet[1 + i]) << 4 |
							g_ascii_xdigit_value(packet[2 + i]));
	}
	return g_string_free(text, FALSE);
}

static bool is_running(void *target)
{
	return fake_target_is_running(target);
}

static void resume(FakeRig *rig)
{
	rsp_client_send(rig->client, "vCont;c");
	g_assert_true(test_wait(rig->context, is_running, rig->target, TEST_PATIENCE));
}

static FakeRig *rig_new_running(void)
{
	FakeRig *rig = fake_rig_new_ready(1);

	resume(rig);
	return rig;
}

static gpointer post_hello(gpointer server)
{
	gdb_server_post_output(server, "hello\n", 6);
	return NULL;
}

static void test_any_thread(void)
{
	g_autoptr(FakeRig) rig = rig_new_running();

	g_thread_join(g_thread_new("post", post_hello, rig->server));
	rsp_expect_next(rig->client, "O68656c6c6f0a");
	g_thread_join(g_thread_new("post", post_hello, rig->server));
	rsp_expect_next(rig->client, "O68656c6c6f0a");
	fake_rig_interrupt(rig);
}

/* Text that was posted before the stop comes before its reply. */
static void test_before_stop(void)
{
	g_autoptr(FakeRig) rig = rig_new_running();

	post_hello(rig->server);
	rsp_expect_next(rig->client, "O68656c6c6f0a");
	/* Too early after the last text to be sent by itself. */
	post_hello(rig->server);
	rsp_client_write(rig->client, "\x03", 1);
	rsp_expect_next(rig->client, "O68656c6c6f0a");
	g_free(rsp_expect_next_prefix(rig->client, "T02"));
}

/* No O packet when no stop reply is owed, and none of it later. */
static void test_while_stopped(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	post_hello(rig->server);
	rsp_expect_silence(rig->client, 3 * GDB_SERVER_OUTPUT_MS);
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 3 * GDB_SERVER_OUTPUT_MS);
	fake_rig_interrupt(rig);
}

static void test_without_client(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new(1);

	post_hello(rig->server);
	test_run_for(rig->context, 2 * GDB_SERVER_OUTPUT_MS);
	fake_rig_connect(rig);
	fake_rig_handshake(rig);
	rsp_client_send(rig->client, "vCont;c");
	rsp_expect_silence(rig->client, 2 * GDB_SERVER_OUTPUT_MS);
	fake_rig_interrupt(rig);
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* More than fits: the first lines come, and one that says how many did not. */
static void test_dropped(void)
{
	g_autoptr(FakeRig) rig = rig_new_running();
	unsigned fit = GDB_SERVER_OUTPUT_MAX / 64;
	g_autofree char *line = g_strnfill(63, 'x'), *full = g_strconcat(line, "\n", NULL);
	g_autofree char *text = NULL;

	for (unsigned i = 0; i < fit + 1234; i++)
		gdb_server_post_output(rig->server, full, 64);
	text = interrupt_and_read(rig);
	g_assert_cmpuint(count_lines(text), ==, fit + 1);
	g_assert_nonnull(strstr(text, "\n[1234 more lines were dropped: too many at once]\n"));
	resume(rig);
	post_hello(rig->server);
	rsp_expect_next(rig->client, "O68656c6c6f0a");
	fake_rig_interrupt(rig);
}

/* A client that does not read: memory stays bounded, and it learns of the loss. */
static void test_deaf_client(void)
{
	g_autoptr(FakeRig) rig = rig_new_running();
	g_autofree char *big = g_strnfill(GDB_SERVER_OUTPUT_MAX, 'y'), *text = NULL;
	size_t before;

	rsp_client_set_deaf(rig->client, true);
	for (unsigned i = 0; i < 50; i++) {
		gdb_server_post_output(rig->server, big, GDB_SERVER_OUTPUT_MAX);
		test_run_for(rig->context, 5);
	}
	before = test_heap_bytes();
	for (unsigned i = 0; i < 50; i++) {
		gdb_server_post_output(rig->server, big, GDB_SERVER_OUTPUT_MAX);
		test_run_for(rig->context, 5);
	}
	g_assert_cmpuint(test_heap_bytes(), <=, before + GDB_SERVER_OUTPUT_MAX);
	rsp_client_set_deaf(rig->client, false);
	text = interrupt_and_read(rig);
	g_assert_true(strstr(text, "more lines were dropped") != NULL);
}

/* ---- Z packets ---- */

static void test_offered(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);
	g_autofree char *reply = rsp_client_ask(rig->client, "qSupported:swbreak+");

	g_assert_nonnull(strstr(reply, ";ConditionalBreakpoints+"));
	g_assert_nonnull(strstr(reply, ";BreakpointCommands+"));
}

static void test_conditions(void)
{
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "Z0,400004,1;X3,220127", "OK");
	g_assert_cmpuint(fake_target_code_size(rig->target, GDB_BREAK_SW, 0x400004), ==, 3);
	rsp_expect(rig->client, "Z0,400004,1;X3,220127X3,220027;cmds:1,X1,27", "OK");
	g_assert_cmpuint(fake_target_code_size(rig->target, GDB_BREAK_SW, 0x400004), ==, 7);
	rsp_expect(rig->client, "Z1,400005,1;X3,220127", "OK");
	rsp_expect(rig->client, "Z2,600000,4;X3,220127", "OK");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 3);
	/* Replaced by none. */
	rsp_expect(rig->client, "Z0,400004,1", "OK");
	g_assert_cmpuint(fake_target_code_size(rig->target, GDB_BREAK_SW, 0x400004), ==, 0);
	rsp_expect(rig->client, "z0,400004,1;X3,220127", "OK");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 2);
}

static void test_malformed(void)
{
	static const char *const bad[] = {
		"Z0,400004,1;",
		"Z0,400004,1;X",
		"Z0,400004,1;X3,2201",
		"Z0,400004,1;X3,22012",
		"Z0,400004,1;X3,22012g",
		"Z0,400004,1;X3,220127Q",
		"Z0,400004,1;cmds:",
		"Z0,400004,1;cmds:0,X3,22",
		"Z0,400004,1;X3,220127;cmds:0",
		"Z0,400004,1;Xffffffffffffffff,22",
	};
	g_autoptr(FakeRig) rig = fake_rig_new_ready(1);

	rsp_expect(rig->client, "Z0,400004,1;X3,220127", "OK");
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		rsp_expect_error(rig->client, bad[i]);
		g_assert_cmpuint(fake_target_code_size(rig->target, GDB_BREAK_SW, 0x400004), ==, 3);
	}
	rsp_expect(rig->client, "Z7,400004,1;X3,220127", "");
	g_assert_cmpuint(fake_target_count_breaks(rig->target), ==, 1);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"any-thread", test_any_thread},
		{"before-stop", test_before_stop},
		{"while-stopped", test_while_stopped},
		{"without-client", test_without_client},
		{"dropped", test_dropped},
		{"deaf-client", test_deaf_client},
		{"offered", test_offered},
		{"conditions", test_conditions},
		{"malformed", test_malformed},
		{0},
	};

	return test_main(argc, argv, "server-output", cases);
}

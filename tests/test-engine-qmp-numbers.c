/*
 * tests/test-engine-qmp-numbers.c - QMP's arguments that name what is not there: CPUs, memory,
 * files, places; on a machine of the toy architecture.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/qmp-rig.h"

static void test_cpu_index(void)
{
	static const struct {
		const char *index;
		unsigned cpu;
	} rows[] = {{"0", 0}, {"1", 1}};
	static const char *const none[] = {"-1", "2", "4294967296", "9223372036854775807"};
	Qmp qmp = qmp_new(2, false);

	qmp_client_expect(qmp.client, EXECUTE("stop"), OK);
	expect_human(&qmp, "cpu 1", "");
	/* Who names one means it. */
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf(
			"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
			"\"info registers\",\"cpu-index\":%s}}",
			rows[i].index);
		g_autofree char *pattern =
			g_strdup_printf("\"return\":\"\\\\nCPU#%u\\\\n", rows[i].cpu);

		qmp_client_match(qmp.client, text, pattern);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(none); i++) {
		g_autofree char *text = g_strdup_printf(
			"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
			"\"info registers\",\"cpu-index\":%s}}",
			none[i]);
		g_autofree char *save = g_strdup_printf(
			"{\"execute\":\"memsave\",\"arguments\":{\"val\":0,\"size\":1,"
			"\"filename\":\"%s/f\",\"cpu-index\":%s}}",
			qmp.dir, none[i]);

		qmp_client_expect(qmp.client, text,
				  GENERIC("Parameter 'cpu-index' expects a CPU number"));
		qmp_client_expect(qmp.client, save,
				  GENERIC("Parameter 'cpu-index' expects a CPU number"));
	}
	qmp_free(&qmp);
}

static void test_numbers(void)
{
	static const struct {
		const char *command, *args, *pattern;
	} rows[] = {
		{"pmemsave", "\"val\":0,\"size\":-1", "the size must be at least 1"},
		{"pmemsave", "\"val\":-1,\"size\":2", "the size must be at least 1"},
		{"pmemsave", "\"val\":0,\"size\":-9223372036854775808", "the size must be"},
		{"pmemsave", "\"val\":0,\"size\":9223372036854775807", "\"error\""},
		{"pmemsave", "\"val\":-1,\"size\":1", "\"error\""},
		{"pmemsave", "\"val\":18446744073709551615,\"size\":1",
		 "at guest-physical 0xffffff"},
		{"pmemsave", "\"val\":-9223372036854775808,\"size\":1",
		 "at guest-physical 0x80000"},
		{"dump-guest-memory", "\"begin\":0,\"length\":-1", "begin and length name"},
		{"dump-guest-memory", "\"begin\":-1,\"length\":1", "begin and length name"},
		{"dump-guest-memory",
		 "\"begin\":9223372036854775807,\"length\":9223372036854775807", "no memory"},
	};
	Qmp qmp = qmp_new(1, false);

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		bool dumps = rows[i].command[0] == 'd';
		g_autofree char *text = g_strdup_printf(
			"{\"execute\":\"%s\",\"arguments\":{%s,%s%s/f\"}}", rows[i].command,
			rows[i].args,
			dumps ? "\"paging\":false,\"protocol\":\"file:" : "\"filename\":\"",
			qmp.dir);

		qmp_client_match(qmp.client, text, rows[i].pattern);
	}
	expect_runs(qmp.rig, 0);
	qmp_client_no_event(qmp.client);
	qmp_free(&qmp);
}

/* It would take every piece at its end. */
static void test_append(void)
{
	Qmp qmp = qmp_new(1, false);
	g_autofree char *file = g_build_filename(qmp.dir, "f", NULL), *line = NULL;
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	qmp_client_send_fd(qmp.client, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"a\"}}",
			   fd);
	line = qmp_client_line(qmp.client);
	g_assert_cmpstr(line, ==, OK);
	qmp_client_expect(qmp.client,
			  "{\"execute\":\"dump-guest-memory\",\"arguments\":{\"paging\":false,"
			  "\"protocol\":\"fd:a\"}}",
			  GENERIC("the descriptor: opened for appending (O_APPEND)"));
	close(fd);
	qmp_free(&qmp);
}

/* An engine without room for another place says so. */
static void test_places(void)
{
	Qmp qmp = qmp_new(1, false);
	g_autoptr(GError) error = NULL;
	unsigned n = 2;

	g_assert_false(kvm_gdb_listen_qmp(qmp.rig->gdb, "unix:/no/where/q", &error));
	g_assert_nonnull(strstr(error->message, "/no/where/q"));
	g_clear_error(&error);
	while (kvm_gdb_listen_qmp(qmp.rig->gdb, "0", &error))
		n++;
	g_assert_cmpuint(n, ==, 4);
	g_assert_cmpstr(error->message, ==, "cannot listen at 0, too: there are 4 places already");
	qmp_free(&qmp);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"cpu-index", test_cpu_index},
		{"numbers", test_numbers},
		{"append", test_append},
		{"places", test_places},
		{0},
	};

	return test_main(argc, argv, "engine-qmp-numbers", cases);
}
